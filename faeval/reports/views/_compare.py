"""Two reports of one setting compared: what moved, and what may have moved it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from faeval.claims._verdict import WORDS, AssertionResult, Side
from faeval.errors import EvidenceError, FaevalError
from faeval.reports.data._drift import POWER, Change, Difference, Drift, Said
from faeval.reports.data._report import Report
from faeval.reports.words._glossary import seed_list
from faeval.reports.words._numbers import exact
from faeval.reports.words._sentences import value_text

# Shifts under a millionth of an interval are another machine's rounding.
_ROUNDING = 1e-6
# Facts of a run that are not of how its numbers came about, or that stand elsewhere.
_NO_CAUSE = {
    "runs",
    "hours of computing",
    "registrations",
    "evidence_sha256",
    "lock",
    "not digested",
}
_ABSENT = "not recorded"
_NAMED = 3  # claims that are named with what differs in them


def compare(
    new: Report, old: Mapping[str, Any], provenance: Mapping[str, Any] | None = None
) -> Drift:
    """Compare a report with an earlier one of the same setting.

    A verdict that moved on identical evidence, or on networks of identical weights, is a failure:
    nothing was left to chance. Elsewhere two sound reports may differ: where each has power p to
    support a true claim, they agree in p^2 + (1 - p)^2 of all pairs, .68 at 80 % power (p q + (1 -
    p)(1 - q) where their powers differ).

    Causes are ranked by what they can do, since of what can have moved a verdict the nearest is the
    likeliest:

    1. What is asked and how it is decided, which changes a verdict by necessity, even on the same numbers: the assertion,
       its margin, the seeds decided on, the test, alpha, the family, looks, controls, gates,
       anything else of the registered claim, the level that the rest of the family leaves.
    2. What can change the numbers: the revision of a stage or component, the data set, the version of torch, device and
       threads, the source of an experiment or component of one's own, versions of other packages,
       the commit. Left out for a claim whose numbers are the same. Last what one of the two does
       not record.
    3. Chance: other networks were trained.
    4. Where nothing of that is left: one of the files was edited, or the code that decides has changed.

    Wording and expectation come last: they change no verdict.

    Parameters
    ----------
    old
        The earlier report as its JSON (``Report.to_dict()``, or verdicts.json).
    provenance
        What stood beside its evidence, as ``Report.provenance`` has it.

    Raises
    ------
    FaevalError
        The earlier report is of another setting.
    EvidenceError
        It is not what a report's JSON must be.
    """
    content = new.to_dict()
    if old.get("setting") != new.setting:
        raise FaevalError(
            f"the earlier report is of setting {old.get('setting')!r}, and this one of"
            f" {new.setting!r}; compare reports of one setting."
        )
    before, now = _claims(old), _claims(content)
    digests = old.get("evidence_sha256"), content["evidence_sha256"]
    same = digests[0] == digests[1] and digests[1] is not None
    provenances = tuple(_provenance(provenance or {}, new.provenance))
    pairs = [(before[name], told) for name, told in now.items() if name in before]
    changes = [_change(earlier, told, same, provenances) for earlier, told in pairs]
    return Drift(
        setting=new.setting,
        moved=tuple(c for c in changes if c is not None and c.moved),
        shifted=tuple(c for c in changes if c is not None and not c.moved),
        added=tuple(name for name in now if name not in before),
        gone=tuple(name for name in before if name not in now),
        differences=(*_in_claims(pairs, _rule), *provenances, *_in_claims(pairs, _words)),
        same_evidence=same,
        compared=len(changes),
    )


def _in_claims(
    pairs: Iterable[tuple[_Told, _Told]], differing: Callable[[_Told, _Told], Iterable[Difference]]
) -> Iterator[Difference]:
    """What differs in claims, each difference once, with the claims that it is of where it is not
    of all of them.
    """
    every = list(pairs)
    found: dict[Difference, list[str]] = {}
    for old, new in every:
        for difference in differing(old, new):
            if not difference.what.startswith(
                "level"
            ):  # it follows from the other verdicts, and is not registered
                found.setdefault(difference, []).append(new.claim)
    for difference, claims in found.items():
        more = f" and {len(claims) - _NAMED} more claims" if len(claims) > _NAMED else ""
        of = "" if len(claims) == len(every) else f" of {', '.join(claims[:_NAMED])}{more}"
        yield replace(difference, what=difference.what + of)


@dataclass(frozen=True)
class _Told:
    """A claim as the JSON of a report tells it: what is compared, and nothing else."""

    claim: str
    sentence: str
    word: str
    code: str
    seeds: tuple[int, ...]
    planned: tuple[int, ...]
    runs: frozenset[str]
    assertions: tuple[AssertionResult, ...]
    registration: str
    rule: Mapping[str, str]  # what else decides, as it reads, in the order of likelihood
    words: Mapping[str, str]

    @property
    def said(self) -> Said:
        return Said(self.word, self.code, len(self.seeds), tuple(map(value_text, self.assertions)))

    @property
    def numbers(self) -> tuple[object, ...]:
        """Every number that it was decided from."""
        return tuple((a.a.values, a.b.values) for a in self.assertions)

    @property
    def power(self) -> float | None:
        """The power of its one assertion; None where it has several, or says none."""
        return self.assertions[0].power if len(self.assertions) == 1 else None


def _claims(content: Mapping[str, Any]) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    name: object = None
    try:
        for item in content["verdicts"]:
            name = item["claim"]
            told = _told(item)
            if told.claim in found:
                raise ValueError("it stands there twice")
            found[told.claim] = told
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        at = f"claim {name!r}" if name is not None else "its verdicts"
        raise EvidenceError(
            f"the earlier report: {at} cannot be compared ({type(error).__name__}: {error}); give"
            " the verdicts.json that faeval wrote."
        ) from None
    return found


def _told(item: Mapping[str, Any]) -> _Told:
    if item["verdict"] not in WORDS:
        raise ValueError(f"verdict={item['verdict']!r} is not one of {', '.join(WORDS)}")
    levels = (item.get("level_support"), item.get("level_refute"))
    return _Told(
        claim=str(item["claim"]),
        sentence=str(item.get("sentence", "")),
        word=str(item["verdict"]),
        code=str(item["reason_code"]),
        seeds=tuple(map(int, item["seeds"])),
        planned=tuple(map(int, item["planned"])),
        runs=frozenset(map(str, item.get("runs", ()))),
        assertions=tuple(map(_assertion, item["assertions"])),
        registration=str(item.get("registration", "")),
        rule={
            "test": str(item["test"]),
            "alpha": exact(float(item["alpha"])),
            "family": f"{item['family']}, of {item['family_size']}",
            "looks": seed_list(tuple(map(int, item.get("looks", ())))),
            "controls": "; ".join(map(str, item.get("controls", ()))) or "none",
            "depends on": ", ".join(map(str, item.get("gates", ()))) or "none",
            "the claim as registered": str(item.get("registered_sha256") or "none")[:12],
            "level that the family leaves": ", ".join(
                "none" if v is None else exact(float(f"{v:.3g}")) for v in levels
            ),
        },
        words={
            "sentence": str(item.get("sentence", "")),
            "expectation": str(item.get("expected") or "none"),
        },
    )


def _assertion(item: Mapping[str, Any]) -> AssertionResult:
    if item["kind"] not in ("exceeds", "below", "not_above", "not_below", "equivalent"):
        raise ValueError(f"kind={item['kind']!r} is no assertion's")
    power = item.get("power")
    if power is not None and not 0 <= float(power) <= 1:
        raise ValueError(f"power={power!r} is no probability")
    return AssertionResult(
        text=str(item["text"]),
        kind=item["kind"],
        unit=str(item["unit"]),
        margin=float(item["margin"]),
        because=str(item["because"]),
        a=_side(item["a"]),
        b=_side(item["b"]),
        differences=tuple(map(_number, item["differences"])),
        estimate=_number(item["estimate"]),
        sd=_number(item["sd"]),
        p_support=_number(item["p_support"]),
        p_refute=_number(item["p_refute"]),
        interval=_bounds(item["interval"]),
        levels=_bounds(item["levels"]),
        refuting=None if item["refuting"] is None else _bounds(item["refuting"]),
        ordinary=_bounds(item["ordinary"]),
        power=None if power is None else float(power),
    )


def _side(item: Mapping[str, Any]) -> Side:
    return Side(str(item["text"]), tuple(map(_number, item["values"])))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _bounds(pair: Any) -> tuple[float, float]:
    """Read two bounds. JSON has neither NaN nor infinity: one bound without the other is open, none
    is no interval.
    """
    low, high = pair
    if low is None and high is None:
        return math.nan, math.nan
    return -math.inf if low is None else float(low), math.inf if high is None else float(high)


def _change(
    old: _Told, new: _Told, same: bool, provenance: tuple[Difference, ...]
) -> Change | None:
    """Compare one claim; None where it reads the same."""
    matching = len(old.assertions) == len(new.assertions)
    pairs = zip(old.assertions, new.assertions, strict=True) if matching else ()
    shifts = tuple(_shift(a, b) for a, b in pairs)
    if (old.word, old.code) == (new.word, new.code) and not any(
        s is not None and abs(s) > _ROUNDING for s in shifts
    ):
        return None
    identical = same or bool(old.runs and old.runs == new.runs)
    same_numbers = same or bool(
        old.numbers and (old.seeds, old.numbers) == (new.seeds, new.numbers)
    )
    rule, words = list(_rule(old, new)), list(_words(old, new))
    numbers = [] if same_numbers else [*provenance, *_chance(old, new)]
    causes = rule + numbers or [_DECIDING]
    replicated = bool(old.seeds and new.seeds) and not identical and old.word != new.word
    return Change(
        claim=new.claim,
        sentence=new.sentence,
        before=old.said,
        now=new.said,
        shifts=shifts,
        identical=identical,
        agreement=_agreement(old, new) if replicated else None,
        causes=(*causes, *words),
    )


_DECIDING = Difference(
    "deciding",
    "nothing that is recorded differs",
    "one of the two files was edited, or the code that decides has changed",
    "decide the earlier report again from the evidence in its folder",
)


def _shift(old: AssertionResult, new: AssertionResult) -> float | None:
    if (old.kind, old.a.text, old.b.text, old.unit) != (new.kind, new.a.text, new.b.text, new.unit):
        return None
    halves = [(high - low) / 2 for low, high in (old.interval, new.interval)]
    unit = max((half for half in halves if math.isfinite(half) and half > 0), default=math.nan)
    shift = (new.estimate - old.estimate) / unit
    return shift if math.isfinite(shift) else None


def _agreement(old: _Told, new: _Told) -> float:
    """How often two reports agree, by their powers; that of an anticipated effect where the claim
    was supported at all.
    """
    powers = (old.power, new.power) if "supported" in (old.word, new.word) else (None, None)
    p, q = (POWER, POWER) if powers[0] is None or powers[1] is None else (powers[0], powers[1])
    return p * q + (1 - p) * (1 - q)


def _rule(old: _Told, new: _Told) -> Iterator[Difference]:
    """What decides otherwise on the same numbers."""
    if old.assertions and new.assertions:
        if len(old.assertions) != len(new.assertions):
            both = ("; ".join(a.text for a in told.assertions) for told in (old, new))
            yield Difference("rule", "what is claimed", *both)
        else:
            many = len(new.assertions) > 1
            for i, (a, b) in enumerate(zip(old.assertions, new.assertions, strict=True), 1):
                of = f" of assertion {i}" if many else ""
                if (a.kind, a.a.text, a.b.text, a.unit) != (b.kind, b.a.text, b.b.text, b.unit):
                    yield Difference(
                        "rule", f"what is claimed{of and f', assertion {i}'}", a.text, b.text
                    )
                if a.margin != b.margin:
                    yield Difference("rule", f"margin{of}", exact(a.margin), exact(b.margin))
    if old.seeds != new.seeds:
        yield Difference("rule", "seeds decided on", seed_list(old.seeds), seed_list(new.seeds))
    elif old.planned != new.planned:
        yield Difference("rule", "planned seeds", seed_list(old.planned), seed_list(new.planned))
    if "changed" in (old.registration, new.registration) and old.registration != new.registration:
        yield Difference("rule", "registration", old.registration, new.registration)
    for what in new.rule:
        if old.rule[what] != new.rule[what] and (
            (old.seeds and new.seeds) or not what.startswith("level")
        ):
            yield Difference("rule", what, old.rule[what], new.rule[what])


def _words(old: _Told, new: _Told) -> Iterator[Difference]:
    for what in new.words:
        if old.words[what] != new.words[what]:
            yield Difference("words", what, old.words[what], new.words[what])


def _chance(old: _Told, new: _Told) -> Iterator[Difference]:
    if old.runs and new.runs and old.runs != new.runs:
        common = len(old.runs & new.runs)
        yield Difference(
            "chance",
            f"other networks were trained: {common or 'none'} in common",
            f"{len(old.runs)} runs",
            f"{len(new.runs)} runs",
        )


def _provenance(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What differs in provenance, by what is likeliest to have changed the numbers."""
    found = []
    for name in sorted((set(old) | set(new)) - _NO_CAUSE):
        before, now = (_spelt(side[name]) if name in side else _ABSENT for side in (old, new))
        if before != now:
            found.append(Difference("numbers", name.replace("_", " "), before, now))
    return sorted(found, key=lambda d: (_ABSENT in (d.before, d.now), _rank(d), d.what))


def _rank(difference: Difference) -> int:
    what = difference.what
    order = (
        what.startswith(("revision of ", "code of ")),
        what == "dataset",
        what == "version of torch",
        what in ("device", "threads"),
        what.startswith("version of ") and what != "version of faeval",
        what == "version of faeval",
        what != "commit",
        True,
    )
    return order.index(True)


def _spelt(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=True, default=str)
    return str(value)
