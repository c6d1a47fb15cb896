"""Which numbers must stand at a place of a report, by the words that label it. A label that changes
changes here, in one line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from faeval.reports.checking import AssertionNumbers, ClaimNumbers, Mismatch, printed
from faeval.reports.data import outcomes
from faeval.stats import region_of
from tests.reports.readback.places import Place, Readback
from tests.reports.readback.truth import (
    Number,
    Truth,
    first_wrong,
    pilot_bound,
    power,
    power_as_planned,
    without,
)

WORDS = ("supported", "refuted", "inconclusive", "invalid")

_DECLARED, _LEVEL, _UNROUNDED = (
    10,
    3,
    9,
)  # significant digits of what is printed without trailing zeros


@dataclass(frozen=True)
class Expected:
    """The numbers that must stand in a text, in order; ``more`` may follow.

    ``names`` in the text have numbers that are not its own; ``only`` is the part of the text that
    is meant, where it is not all.
    """

    numbers: tuple[Number, ...]
    more: bool = False
    names: tuple[str, ...] = ()
    only: str | None = None


def _of(*values: float | None, more: bool = False, names: tuple[str, ...] = ()) -> Expected:
    return Expected(tuple(Number(math.nan if v is None else float(v)) for v in values), more, names)


def _declared(value: float) -> Number:
    return Number(value, _DECLARED)


def _level(value: float | None) -> Number:
    return Number(math.nan if value is None else value, _LEVEL)


# --- facts: label to what must stand there; of an assertion, and of the claim ---

OfAssertion = Callable[[AssertionNumbers, str], "Expected | None"]
OfClaim = Callable[[ClaimNumbers, str], "Expected | None"]


def _unit(a: AssertionNumbers) -> tuple[str, ...]:
    return () if a.said.unit in ("", "1") else (a.said.unit,)


def _estimate(a: AssertionNumbers, text: str = "") -> Expected:
    if math.isnan(a.estimate):
        return _of(math.nan)
    return _of(a.estimate, *(() if math.isnan(a.interval[0]) else a.interval), names=_unit(a))


def _margin(a: AssertionNumbers, text: str = "") -> Expected:
    return Expected((_declared(a.said.margin),), more=True)


def _interval(a: AssertionNumbers, text: str = "") -> Expected:
    if math.isnan(a.said.levels[0]):
        return _of()
    return Expected((*map(Number, a.interval), *map(_level, a.said.levels)))


def _spread(a: AssertionNumbers, text: str = "") -> Expected:
    items = () if a.said.item_error is None else (a.said.item_error,)
    return _of(a.sd, a.error, *items)


def _anticipated(a: AssertionNumbers, text: str = "") -> Expected | None:
    if a.said.anticipated is None:
        return None
    pilot = (
        ()
        if a.said.pilot_sd is None
        else (Number(a.said.pilot_sd), Number(float(a.said.pilot_n or 0)))
    )
    chance = _power(a).numbers if "power" in text else ()
    return Expected((_declared(a.said.anticipated), *pilot, *chance), names=_unit(a))


def _power(a: AssertionNumbers, text: str = "") -> Expected:
    planned = power_as_planned(a)
    return _of(None if planned is None else min(planned, 1 - 1e-9))


def _detectable(a: AssertionNumbers, text: str = "") -> Expected:
    known = (a.said.detectable, a.said.detectable_in_sd)
    return _of(*(v for v in known if v is not None), names=_unit(a))


def _needed(a: AssertionNumbers, text: str = "") -> Expected:
    return _of(*(float(k) for k in a.said.seeds_needed or () if k is not None), 0.80)


def _beyond(a: AssertionNumbers, text: str = "") -> Expected:
    return _of(a.said.beyond, *a.verdict.beyond_plan, names=_unit(a))


ASSERTION_FACTS: Mapping[str, OfAssertion] = {
    "Estimate": _estimate,
    "Margin": _margin,
    "Decision interval": _interval,
    "Refuting interval": lambda a, _: _of(*(a.refuting or ())),
    "Ordinary 90 % interval": lambda a, _: _of(*a.ordinary),
    "Spread and errors": _spread,
    "Anticipated effect": _anticipated,
    "Power at that effect": _power,
    "Detectable effect": _detectable,
    "Seeds needed": _needed,
    "Running evidence": lambda a, _: _of(a.said.e_value),
    "Seeds beyond the plan": _beyond,
}


def _family(c: ClaimNumbers, text: str) -> Expected:
    numbers = Number(float(c.verdict.family_size)), _declared(c.verdict.alpha)
    return Expected(numbers, names=(f"{c.verdict.family}:",))


def _measured(c: ClaimNumbers, text: str) -> Expected:
    """Rates of wrong supports and refutations, of a law or at worst."""
    errors = {e.law: (e.wrong_support, e.wrong_refutation) for e in c.verdict.measured_errors}
    if not errors:
        return _of()
    errors["at worst"] = tuple(max(rates) for rates in zip(*errors.values(), strict=True))
    said = [part.strip() for part in text.partition(":")[2].split(";")]
    rates = [
        rate
        for part in said
        for law, pair in errors.items()
        if part.startswith(f"{law} .")
        for rate in pair
    ]
    return _of(
        c.verdict.measured_errors[0].n,
        0.05,
        *rates,
        more=True,
        names=tuple(f"{law} " for law in errors),
    )


def _together(c: ClaimNumbers, text: str) -> Expected:
    powers = [power_as_planned(a) for a in c.assertions]
    return _of(min(max(0.0, 1 - sum(1 - (p or 0.0) for p in powers)), 1 - 1e-9))


def _seeds(c: ClaimNumbers, text: str) -> Expected:
    v = c.verdict
    return _of(*v.seeds, *(() if v.seeds == v.planned else v.planned))


def _without(c: ClaimNumbers, text: str) -> Expected:
    changed = [seed for seed, word in c.verdict.without_each_seed if word != c.verdict.verdict]
    return _of(*changed, *((5,) if c.verdict.n < 5 else ()))


def _control(c: ClaimNumbers, text: str) -> Expected | None:
    return _of(*c.lowest_control, more=True) if c.lowest_control and "float64" in text else None


CLAIM_FACTS: Mapping[str, OfClaim] = {
    "Test": lambda c, _: _of(c.verdict.n),
    "Family": _family,
    "Power of all assertions together": _together,
    "Smallest attainable p": lambda c, _: _of(c.verdict.attainable_p),
    "Looks": lambda c, _: _of(*c.verdict.looks, *((c.verdict.look,) if c.verdict.look else ())),
    "Measured error": _measured,
    "Without each seed": _without,
    "Fragile": lambda c, _: _of(c.verdict.fragile_rate, 0.80),
    "Unseen failures": lambda c, _: _of(c.verdict.unseen_failure_bound),
    "Seeds": _seeds,
    "Runs": lambda c, _: _of(len(c.verdict.runs), more=True),
    "Lowest positive control": _control,
    "Attempt": lambda c, _: _of(c.verdict.attempt),
    "Related claims": lambda c, _: _of(c.verdict.related),
}


def _unrounded(value: float) -> Expected:
    return Expected((Number(value, _UNROUNDED),) if math.isfinite(value) else ())


#: Numbers of forms for other programs, which are not rounded; of a claim with two assertions those
#: of the first.
FLAT: Mapping[str, OfClaim] = {
    "n": lambda c, _: _of(c.verdict.n),
    "estimate": lambda c, _: _unrounded(c.assertions[0].estimate),
    "interval_low": lambda c, _: _unrounded(c.assertions[0].interval[0]),
    "interval_high": lambda c, _: _unrounded(c.assertions[0].interval[1]),
    "p_for": lambda c, _: _unrounded(c.verdict.adjusted_support),
    "p_against": lambda c, _: _unrounded(c.verdict.adjusted_refute),
    "family_size": lambda c, _: _of(c.verdict.family_size),
    "alpha": lambda c, _: _unrounded(c.verdict.alpha),
}

#: Captions of tables, by how they begin; headings of columns, by how they begin.
BY_SEED, TESTS, PUBLISHED = "Values by seed", "Tests in both directions", "Published figures"
CONTROLS, POWER = "Positive control", "Chance to be supported"
DIFFERENCE, FOR, AGAINST = "Difference", "for the claim", "against it"
ESTIMATES, SEEDS, MARGIN = "Estimate", "Seeds", "Margin"
STATES, LOWEST, MEDIAN, HIGHEST, PASSED = "States", "Lowest", "Median", "Highest", "At least"
#: The sentences that say a result: a page's kind of text, and Markdown's label.
HEADLINES = ("p.headline", "Result")

_DECADE = re.compile(r"^(.*), 1e(−?\d+) to ")
#: A table of a metric over layers or epochs: its caption, and its columns.
_PROFILE = re.compile(
    r"^(?:(?P<arm>.+): )?(?P<metric>[^\s,:]+)(?:, epoch (?P<epoch>\d+))?(?:, (?:mean of )?layers?"
    r" (?P<layers>[\d–, ]+))?$"
)
_SEED_OR_LAYER = re.compile(r"^(?:(?P<what>seed|layer) (?P<number>\d+)|mean)$")
_LAYERS_OF = re.compile(
    r"^(?P<metric>\S+) of (?P<arm>.+?)(?: at states? .*?)?(?:, epoch (?P<epoch>\d+))?$"
)
_OF_SEED = re.compile(r"^seed (\d+): ")
_TALLY = re.compile(rf"(\d+) ({'|'.join(WORDS)})")


@dataclass
class Expectations:
    """What must stand at each place of a page or of Markdown; reads its places in their order."""

    truth: Truth
    reading: Readback
    _said: dict[str, int] = field(default_factory=dict)
    _at: dict[str, tuple[int, set[str]]] = field(default_factory=dict)
    _drawn: dict[str, list[str]] = field(default_factory=dict)

    def at(self, place: Place, text: str) -> Expected | None:
        """Return what must stand at a place; None where nothing is known of it."""
        if place.row == "heading":
            return None
        claim = self.truth.numbers.claims.get(place.claim)
        if claim is not None:
            return self._in_claim(claim, place, text)
        if place.column.startswith((ESTIMATES, SEEDS, MARGIN)) and place.line:
            return self._in_verdicts(place, text)
        if place.part.startswith(CONTROLS):
            return self._control(place)
        if _SEED_OR_LAYER.match(place.column):
            return self._profile(place)
        if not place.line and (found := _TALLY.findall(text)):
            return self._tally(found)
        return None

    def _tally(self, found: list[tuple[str, str]]) -> Expected:
        """Counts of one word may be told apart by how they stand to what was expected: their sum is
        the word's.
        """
        shown: dict[str, int] = {}
        for count, word in found:
            shown[word] = shown.get(word, 0) + int(count)
        right = all(self.truth.numbers.counts[word] == count for word, count in shown.items())
        counts = [int(count) if right else self.truth.numbers.counts[word] for count, word in found]
        said = ", ".join(f"{count} {word}" for count, word in found)
        return Expected(tuple(Number(float(count)) for count in counts), only=said)

    def _in_verdicts(self, place: Place, text: str) -> Expected | None:
        alike = [v for v in self.truth.numbers.verdicts if v.sentence == place.row]
        at = place.line - 2  # below one line of headings
        found = (
            alike[0]
            if len(alike) == 1
            else self.truth.numbers.verdicts[at]
            if at < len(self.truth.numbers.verdicts)
            else None
        )
        if found is None or (alike and found not in alike):
            return None
        claim = self.truth.numbers.claims[found.claim]
        if place.column.startswith(SEEDS):
            return _of(found.n)
        return (
            _margins(claim, text) if place.column.startswith(MARGIN) else _estimates(claim, 3, text)
        )

    def _in_claim(self, claim: ClaimNumbers, place: Place, text: str) -> Expected | None:
        assertion = self._assertion(claim, place, text)
        if not place.line:
            if place.part in CLAIM_FACTS:
                return CLAIM_FACTS[place.part](claim, text)
            if place.part in ASSERTION_FACTS:
                return ASSERTION_FACTS[place.part](assertion, text) if assertion else None
            if place.part == "summary":
                return _gist(claim, assertion, text)
            if place.part in HEADLINES:
                return self._headline(claim, place, text)
            if place.part.startswith("figure"):
                return self._figure(claim, place, text)
            if place.column:
                return _in_row(claim, place, text)
            key = place.part.removeprefix("extra.")
            return FLAT[key](claim, text) if key in FLAT and claim.assertions else None
        if place.part.startswith(BY_SEED):
            return _by_seed(assertion, place) if assertion else None
        if place.part.startswith(TESTS):
            return _tested(claim, place)
        if place.part.startswith(PUBLISHED):
            return _beside(claim, place)
        if place.part.startswith(POWER):
            return _chance(claim, place)
        return self._layers_of(claim, place)

    def _assertion(self, claim: ClaimNumbers, place: Place, text: str) -> AssertionNumbers | None:
        """Which assertion a place is of: whenever one of their labels comes again, the next one's
        have begun.
        """
        label = place.part
        if label == "caption" and text.startswith(BY_SEED):
            label = BY_SEED
        at, seen = self._at.setdefault(place.claim, (0, set()))
        if not place.line and (label in ASSERTION_FACTS or label == BY_SEED):
            if label in seen:
                at, seen = at + 1, set()
            seen.add(label)
            self._at[place.claim] = at, seen
        return claim.assertions[at] if at < len(claim.assertions) else None

    def _figure(self, claim: ClaimNumbers, place: Place, text: str) -> Expected | None:
        """Figures of contrasts come in the order of the assertions that have an estimate."""
        if not _OF_SEED.match(text) and not text.startswith(f"{ESTIMATES} "):
            return None
        drawn = self._drawn.setdefault(place.claim, [])
        if place.part not in drawn:
            drawn.append(place.part)
        estimated = [a for a in claim.assertions if math.isfinite(a.estimate)]
        at = drawn.index(place.part)
        return _figure(estimated[at], text) if at < len(estimated) else None

    def _headline(self, claim: ClaimNumbers, place: Place, text: str) -> Expected | None:
        if not text.startswith("Over "):
            return None
        at = self._said.get(place.claim, 0)
        self._said[place.claim] = at + 1
        if at >= len(claim.assertions):
            return None
        a = claim.assertions[at]
        bounds = () if math.isnan(a.interval[0]) else a.interval
        sides = (a.said.a.expression, a.said.b.expression)
        # Where both sides read one metric the sentence names each by its arm and states alone.
        arms = (side.partition("(")[2].removesuffix(")") for side in sides)
        return _of(
            claim.verdict.n, a.estimate, *bounds, more=True, names=(*sides, *arms, *_unit(a))
        )

    def _control(self, place: Place) -> Expected | None:
        found = _DECADE.match(place.row)
        known = (
            self.truth.controls.get((found[1], int(found[2].replace("−", "-")))) if found else None
        )
        if known is None:
            return None
        states, low, middle, high, passed = known
        columns = {
            STATES: _of(states),
            LOWEST: _of(low),
            MEDIAN: _of(middle),
            HIGHEST: _of(high),
            PASSED: _of(passed, states),
        }
        return next((e for name, e in columns.items() if place.column.startswith(name)), None)

    def _profile(self, place: Place) -> Expected | None:
        """A number of a metric at a seed and a layer or epoch, or its mean over seeds."""
        column, about = _SEED_OR_LAYER.match(place.column), _PROFILE.match(place.part)
        if column is None or about is None or not place.row.isdigit():
            return None
        arm = about["arm"] or _arm(self.reading.above.get(place, ()), self.truth.arms)
        if arm not in self.truth.arms:
            return None
        row, metric, epoch = (
            int(place.row),
            about["metric"],
            int(about["epoch"]) if about["epoch"] else None,
        )
        seeds = self.truth.seeds(arm, metric)
        layers: list[int | None] = [row]
        if column["what"] == "layer":
            seeds, layers = [row], [int(column["number"])]
        elif column["what"] == "seed":
            seeds = [int(column["number"])]
        if about["layers"]:
            epoch, layers = row, [round(n.middle) for n in printed(about["layers"])]
        found = self.truth.mean(arm, metric, epoch, seeds, layers)
        if (
            found is None and not about["epoch"] and column["what"] != "layer"
        ):  # a metric without layers, by epoch
            found = self.truth.mean(arm, metric, row, seeds, [None])
        if found is None or (math.isnan(found) and not column["what"]):
            return None
        return _of(found)

    def _layers_of(self, claim: ClaimNumbers, place: Place) -> Expected | None:
        """The mean over the claim's seeds of what it reads, at a layer."""
        column, about = _SEED_OR_LAYER.match(place.column), _LAYERS_OF.match(place.row)
        if column is None or about is None or column["what"] != "layer":
            return None
        epoch = int(about["epoch"]) if about["epoch"] else None
        found = self.truth.mean(
            about["arm"], about["metric"], epoch, claim.verdict.seeds, [int(column["number"])]
        )
        return None if found is None or math.isnan(found) else _of(found)


def _arm(above: tuple[str, ...], arms: frozenset[str]) -> str | None:
    """Return the arm that the nearest text above a table names."""
    for text in reversed(above):
        for arm in sorted(arms, key=len, reverse=True):
            if arm and (
                text == arm
                or text.endswith((f" {arm}", f" of {arm}"))
                or text.startswith(f"{arm},")
            ):
                return arm
    return None


def _in_row(claim: ClaimNumbers, place: Place, text: str) -> Expected | None:
    """A cell of a table that has one row a claim."""
    if place.column.startswith(SEEDS):
        return _of(claim.verdict.n)
    if place.column.startswith(MARGIN):
        return _margins(claim, text)
    return (
        _estimates(claim, len(claim.assertions), text)
        if place.column.startswith(ESTIMATES)
        else None
    )


def _margins(claim: ClaimNumbers, text: str) -> Expected:
    """Each assertion's margin; the sign before it names the claimed side, and makes no bound of the
    number.
    """
    names = tuple(u for a in claim.assertions for u in _unit(a))
    return Expected(tuple(map(_edge, claim.assertions)), names=names, only=re.sub("[<>]", "", text))


def _edge(a: AssertionNumbers) -> Number:
    """Where the margin lies on the axis of a - b; for an equivalence the upper of its two edges."""
    return _declared(region_of(a.said.kind).edges(a.said.margin)[-1])


def _is_between(a: AssertionNumbers) -> bool:
    """Whether an equivalence lies outside its margins by its decision interval and not by its
    refuting one.
    """
    m, outer = a.said.margin, a.refuting
    if not region_of(a.said.kind).two_sided or outer is None:
        return False
    return (a.interval[0] > m or a.interval[1] < -m) and outer[0] <= m and outer[1] >= -m


def _estimates(claim: ClaimNumbers, most: int, text: str) -> Expected:
    """Each assertion's estimate with its interval, and its margin where a text says margins."""
    margins = "margin" in text
    numbers: list[Number] = []
    for a in claim.assertions[:most]:
        numbers += [*_estimate(a).numbers, *([_edge(a)] if margins else [])]
        if "refuting" in text and _is_between(a):
            numbers += map(Number, a.refuting or ())
    names = tuple(u for a in claim.assertions for u in _unit(a))
    return Expected(tuple(numbers), more=len(claim.assertions) > most, names=names)


def _gist(claim: ClaimNumbers, assertion: AssertionNumbers | None, text: str) -> Expected | None:
    """What a fold of the page says while it is shut."""
    if text.startswith("Numbers s.d. ") and assertion:
        return _of(assertion.sd, *(n.value for n in _power(assertion).numbers if "power" in text))
    if " for it (level " in text:
        support, refute = outcomes.levels(claim.verdict)
        return Expected(
            (Number(claim.p[0]), _level(support), Number(claim.p[1]), _level(refute)), more=True
        )
    return None


def _figure(assertion: AssertionNumbers, text: str) -> Expected | None:
    if match := _OF_SEED.match(text):
        seeds = assertion.verdict.seeds
        seed = int(match[1])
        return _of(seed, assertion.differences[seeds.index(seed)]) if seed in seeds else None
    if text.startswith(f"{ESTIMATES} "):
        bounds = () if math.isnan(assertion.interval[0]) else assertion.interval
        return _of(assertion.estimate, *bounds, more=True)
    return None


def _by_seed(a: AssertionNumbers, place: Place) -> Expected | None:
    if not place.column:
        return None
    columns = {a.said.a.expression: a.a, a.said.b.expression: a.b, DIFFERENCE: a.differences}
    values = columns.get(place.column)
    if values is None:
        return None
    if place.row == "mean":
        return _of(float(values.mean()) if len(values) else math.nan)
    seeds = list(map(str, a.verdict.seeds))
    return _of(values[seeds.index(place.row)]) if place.row in seeds else None


def _tested(c: ClaimNumbers, place: Place) -> Expected | None:
    if place.column not in (FOR, AGAINST):
        return None
    side = (FOR, AGAINST).index(place.column)
    if place.row.startswith("Level"):
        return Expected((_level(outcomes.levels(c.verdict)[side]),))
    if place.row.startswith("Adjusted"):
        return _of((c.verdict.adjusted_support, c.verdict.adjusted_refute)[side])
    if place.row == "p" or place.row.startswith("p of the claim"):
        return _of(c.p[side])
    if match := re.match(r"p of assertion (\d+)$", place.row):
        return (
            _of(c.assertions[int(match[1]) - 1].p[side])
            if int(match[1]) <= len(c.assertions)
            else None
        )
    return None


def _chance(c: ClaimNumbers, place: Place) -> Expected | None:
    """The chance to be supported at a number of seeds, at the pilot's s.d. or at its bound."""
    which = re.search(r"assertion (\d+)", place.part)
    at = int(which[1]) - 1 if which else 0
    if not place.row.isdigit() or at >= len(c.assertions) or not place.column.startswith("At "):
        return None
    a = c.assertions[at]
    sd = pilot_bound(a) if "bound" in place.column else a.said.pilot_sd
    chance = power(a, int(place.row), sd)
    return None if chance is None else _of(chance)


def _beside(c: ClaimNumbers, place: Place) -> Expected | None:
    at = place.line - 2
    if not 0 <= at < len(c.published):
        return None
    figure, ours = c.published[at]
    if place.column == "Ours":
        return _of(ours)
    if place.column == "Published":
        known = [figure.get("published"), figure.get("spread")]
        numbers = [
            _declared(float(v))
            for v in known
            if isinstance(v, int | float) and not isinstance(v, bool)
        ]
        return Expected(tuple(numbers)) if not isinstance(known[0], str) else None
    return None


def check_numbers(file: str, reading: Readback, truth: Truth) -> tuple[int, list[Mismatch]]:
    """Return how many numbers of a rendering are recomputed, and those that are not what they
    must be.
    """
    expectations = Expectations(truth, reading)
    wrong: list[Mismatch] = []
    recomputed = 0
    for place, said in reading.places.items():
        known = expectations.at(place, said)
        if known is None:
            continue
        own = printed(without(said if known.only is None else known.only, known.names))
        recomputed += min(len(own), len(known.numbers))
        if text := first_wrong(own, known.numbers, known.more):
            where = str(replace(place, claim=""))
            wrong.append(Mismatch(file, "number", where, f"{text}: '{said}'.", place.claim))
    return recomputed, wrong
