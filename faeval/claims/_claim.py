"""Claim: a sentence, the assertions that make it true, and the rules under which it is decided."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType, MappingProxyType
from typing import Any, Literal, get_args

from faeval import stats
from faeval._arguments import finite, shown, whole
from faeval.claims._estimand import Estimand, Log10, Read, as_estimand
from faeval.claims._verdict import REASONS, WORDS
from faeval.errors import FaevalError
from faeval.experiment import Arm, Experiment, named
from faeval.stats import AssertedKind, Region, region_of

TestName = Literal["t", "sign-flip", "sign"]
TESTS = get_args(TestName)
DEFAULT_SEEDS = 5
MOST_SEEDS = 1_000_000  # of a plan
MOST_DRAWN = 100_000


class _Unwritten(int):
    """The default of ``seeds=``, which is another than a 5 that someone wrote."""


_UNWRITTEN = _Unwritten(DEFAULT_SEEDS)


@dataclass(frozen=True)
class Margin:
    """The smallest effect of interest, in the metric's unit, and why it is that.

    Examples
    --------
    >>> Margin(0.03, "1.5 pilot spreads of the difference, seeds 1000-1005").value
    0.03
    """

    value: float
    because: str

    def __init__(self, value: float, because: str = "") -> None:
        number = finite(value)
        if number is None or number < 0:
            raise FaevalError(
                f"fe.Margin: value={value!r} ({type(value).__name__}) must be a finite number >= 0."
            )
        if not isinstance(because, str) or not because.strip():
            raise FaevalError(
                f"fe.Margin({value!r}): because={because!r} gives no reason; say where the number"
                " comes from, such as '1.5 pilot spreads of the difference, seeds 1000-1005'."
            )
        object.__setattr__(self, "value", number)
        object.__setattr__(self, "because", because.strip())


@dataclass(frozen=True)
class Assertion:
    """One comparison of a claim; made by ``fe.exceeds``, ``fe.below`` and their kin.

    ``paired`` is whether the seed pairs the two sides: whether both share what it draws.
    """

    kind: AssertedKind
    a: Estimand
    b: Estimand
    margin: Margin
    anticipated: float | None = None
    paired: bool = True

    @cached_property
    def contrast(self) -> Estimand:
        """The estimand a - b."""
        return self.a - self.b

    @property
    def region(self) -> Region:
        """The region of a - b that it claims: its row in the table of kinds."""
        return region_of(self.kind)

    def __str__(self) -> str:
        return self.region.text.format(a=self.a, b=self.b, margin=f"{self.margin.value:g}")


def _assertion(
    kind: AssertedKind,
    a: Any,
    b: Any,
    margin: Any,
    name: str,
    anticipated: Any = None,
    paired: Any = True,
) -> Assertion:
    where, region = f"fe.{kind}", region_of(kind)
    left, right = as_estimand(a, f"{where}: a"), as_estimand(b, f"{where}: b")
    if not (left - right).terms:
        raise FaevalError(
            f"{where}: {left} and {right} do not differ by anything measured; compare two"
            " estimands."
        )
    if not isinstance(margin, Margin):
        raise FaevalError(
            f"{where}: {name}={margin!r} ({type(margin).__name__}) must be fe.Margin(value,"
            " because): the smallest effect that matters, and the reason for it."
        )
    if region.two_sided and margin.value == 0:
        raise FaevalError(
            f"{where}: within a margin of 0 nothing can be shown; give a margin above 0."
        )
    effect = None if anticipated is None else finite(anticipated)
    if anticipated is not None and effect is None:
        raise FaevalError(
            f"{where}: anticipated={anticipated!r} ({type(anticipated).__name__}) must be a finite"
            " number in the metric's unit: the effect expected, counted in the direction of the"
            " margin."
        )
    if not isinstance(paired, bool):
        raise FaevalError(
            f"{where}: paired={paired!r} ({type(paired).__name__}) must be True or False: whether"
            " the seed gives both sides the same randomness."
        )
    if not paired:
        _check_unpaired(left, right, where)
    return Assertion(kind, left, right, margin, effect, paired)


def _check_unpaired(a: Estimand, b: Estimand, where: str) -> None:
    """Raise FaevalError where two sides cannot be independent samples."""
    left, right = ({read.arm for read in side.reads()} for side in (a, b))
    if not left or not right:
        raise FaevalError(
            f"{where}: paired=False compares the runs of two arms, and one side is a number; leave"
            " paired= out."
        )
    if left & right:
        shared = named(min(arm.label for arm in left & right))
        raise FaevalError(
            f"{where}: paired=False, but both sides read {shared}, and so share its runs; leave"
            " paired= out."
        )


def exceeds(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a - b is larger than the margin.

    Parameters
    ----------
    a, b
        What is compared: estimands, or for b a number.
    by
        The margin, at least 0, in the metric's unit.
    anticipated
        The a - b expected, for power.
    paired
        False for arms that share no randomness: Welch's test in place of the paired t test.
    """
    return _assertion("exceeds", a, b, by, "by", anticipated, paired)


def below(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that b - a is larger than the margin: ``exceeds(b, a)``. ``anticipated`` is the b - a
    expected.
    """
    return _assertion("below", a, b, by, "by", anticipated, paired)


def not_above(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a - b is at most the margin: no increase that matters."""
    return _assertion("not_above", a, b, by, "by", anticipated, paired)


def not_below(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that b - a is at most the margin: no decrease that matters."""
    return _assertion("not_below", a, b, by, "by", anticipated, paired)


def equivalent(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    within: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a and b differ by less than the margin, either way (two one-sided tests).

    ``anticipated`` is the a - b expected, for power; no difference unless given.
    """
    return _assertion("equivalent", a, b, within, "within", anticipated, paired)


def agree(
    a: Estimand, b: Estimand, *, within: Margin | None = None, paired: bool = True
) -> Assertion:
    """Assert that a and b agree on their units (layers), not only on average.

    Two tests in one: the mean difference is equivalent to 0 within the margin, and the 90 %
    quantile over units of the absolute difference is below the margin.
    """
    if paired is not True:
        raise FaevalError(
            f"fe.agree: paired={paired!r} ({type(paired).__name__}): agreement is unit by unit of"
            " each seed; leave paired= out, or say fe.equivalent(..., paired=False)."
        )
    made = _assertion("agree", a, b, within, "within")
    for side in (made.a, made.b):
        if (
            len(side.terms) != 1
            or side.constant
            or not all(map(_over_layers, (atom for _, atom in side.terms)))
        ):
            raise FaevalError(
                f"fe.agree: {side} must be one metric over layers, such as fe.cosine(arm)."
            )
    return made


def _over_layers(atom: Read | Log10) -> bool:
    if isinstance(atom, Log10):
        ((weight, inner), *more) = atom.inner.terms
        return (
            not more
            and weight == 1
            and not atom.inner.constant
            and isinstance(inner, Read)
            and _over_layers(inner)
        )
    return atom.layers is not None


SeedPlan = int | str | Iterable[int] | Mapping[str, Any]


@dataclass(frozen=True)
class Drawn:
    """A plan of so many seeds that registration draws: before it, nobody knows them."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __str__(self) -> str:
        return f"drawn:{self.count}"


@dataclass(frozen=True)
class Claim:
    """A sentence about an experiment, and the rule that decides it.

    Parameters
    ----------
    sentence
        What is claimed, in words.
    *assertions
        All of them must hold.
    attributed_to
        The factor, or factors, that the two sides differ in: required when they differ, and nothing
        else may.
    family
        The claims that share one error rate; by default all of the file.
    expect
        The verdict registered: a word ("supported", "refuted", "inconclusive", "invalid", "any";
        "invalid:confounded" names the reason too), or a mapping from setting to one.
    requires
        Claims that must be supported before this one is released.
    controls
        Assertions about the measurement itself, such as ``fe.exceeds(fe.metric("control_true", arm,
        layers=fe.deep), by=fe.Margin(0.99, "..."))``. They are no tests and cost no alpha: each
        must hold, as a plain comparison, on every audited checkpoint of the seeds decided on (at
        the epoch its estimands name, else at every epoch), or the claim is ``invalid:
        control_failed``.
    test
        "t" (default), "sign-flip" or "sign"; chosen before the data exist.
    seeds
        The plan: a count (5 is seeds 1 to 5), a list, "drawn:5" (five that registration draws), or
        a mapping from setting to one of these; settings that it does not name plan 5. A plan that
        is written, even 5, holds for evidence given by hand too; else all seeds in it count.
    looks
        Numbers of seeds at which the claim may be decided early, such as ``(5, 10)``, the last
        being the plan; a mapping from setting to them where plans differ. Each look costs a little
        of alpha; only for the t test.
    alpha
        The family's error rate for wrong support, and for wrong refutation.
    diverged
        "worst" counts a diverged run as the end of the metric's range that speaks against the
        claim.
    about
        What the claim is about when it is not the subject itself: "instrument" for a check of the
        measurement.
    note
        A sentence printed with the verdict.
    published
        Figures of others to stand beside ours: mappings with ``what``, ``published`` and, where
        known, ``spread``, ``setting``, ``source``; they decide nothing.
    tags
        ``tags=("extended",)`` keeps the claim out of the default run.
    source
        Where the claim was published.
    experiment
        What it is about, an :class:`Experiment`. Default: the one that its file, script or notebook
        has.

    Raises
    ------
    FaevalError
        Any argument that could not be decided by.
    """

    sentence: str
    assertions: tuple[Assertion, ...]
    attributed_to: tuple[str, ...] = ()
    family: str | None = None
    expect: str | Mapping[str, str] | None = None
    requires: tuple[Claim, ...] = ()
    controls: tuple[Assertion, ...] = ()
    test: TestName = "t"
    seeds: Any = DEFAULT_SEEDS
    looks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    alpha: float = 0.05
    diverged: str | None = None
    about: str | None = None
    note: str = ""
    published: tuple[Mapping[str, Any], ...] = ()
    tags: tuple[str, ...] = ()
    source: str | None = None
    id: str = ""  # file::variable, known once the file is loaded
    experiment: Experiment | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)
    made_in: str = field(
        default="", compare=False, repr=False
    )  # the name of the module whose code made it
    # settings with a plan of their own; "*": others
    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __init__(
        self,
        sentence: str,
        *assertions: Assertion,
        attributed_to: str | Iterable[str] = (),
        family: str | None = None,
        expect: str | Mapping[str, str] | None = None,
        requires: Claim | Iterable[Claim] = (),
        controls: Assertion | Iterable[Assertion] = (),
        test: TestName = "t",
        seeds: Any = _UNWRITTEN,
        looks: Iterable[int] | Mapping[str, Iterable[int]] = (),
        alpha: float = 0.05,
        diverged: str | None = None,
        about: str | None = None,
        note: str = "",
        published: Iterable[Mapping[str, Any]] = (),
        tags: Iterable[str] = (),
        source: str | None = None,
        id: str = "",  # noqa: A002 - the name that readers of verdicts know
        experiment: Experiment | None = None,
        line: int | None = None,
    ) -> None:
        if not isinstance(sentence, str) or not sentence.strip():
            raise FaevalError(
                f"fe.Claim: sentence={sentence!r} ({type(sentence).__name__}) must say what is"
                " claimed."
            )
        where = f"fe.Claim({sentence!r})"
        if not assertions or not all(isinstance(a, Assertion) for a in assertions):
            wrong = next((a for a in assertions if not isinstance(a, Assertion)), None)
            raise FaevalError(
                f"{where}: needs assertions such as fe.exceeds(a, b, by=...); it was given"
                f" {wrong!r}."
            )
        factors = _several(attributed_to, str, f"{where}: attributed_to", "factors")
        if not all(isinstance(f, str) and f for f in factors) or len(set(factors)) < len(factors):
            raise FaevalError(
                f"{where}: attributed_to={attributed_to!r} must name factors, each once."
            )
        if test not in TESTS:
            hint = " Say paired=False in the assertion for it." if test in stats.RULES else ""
            raise FaevalError(
                f"{where}: test={test!r} is not one of {', '.join(map(repr, TESTS))}.{hint}"
            )
        rule = _rule(test, assertions, where)
        level = finite(alpha)
        if level is None or not 0 < level <= 0.5:
            raise FaevalError(
                f"{where}: alpha={alpha!r} ({type(alpha).__name__}) must lie in (0, 0.5]."
            )
        if diverged not in (None, "worst"):
            raise FaevalError(f"{where}: diverged={diverged!r} must be 'worst' or left out.")
        gates = _several(requires, Claim, f"{where}: requires", "claims")
        bounds = _several(
            controls, Assertion, f"{where}: controls", "assertions such as fe.exceeds(a, b, by=...)"
        )
        if not all(bound.paired for bound in bounds):
            raise FaevalError(
                f"{where}: controls= are compared seed by seed; leave paired=False out of them."
            )
        for name, word in (("family", family), ("about", about), ("source", source)):
            if word is not None and not (isinstance(word, str) and word.strip()):
                raise FaevalError(
                    f"{where}: {name}={word!r} ({type(word).__name__}) must be text, or left out."
                )
        if experiment is not None and not isinstance(experiment, Experiment):
            raise FaevalError(
                f"{where}: experiment={shown(experiment)} ({type(experiment).__name__}) must be an"
                " fe.Experiment, or left out."
            )
        if not isinstance(note, str):
            raise FaevalError(f"{where}: note={note!r} ({type(note).__name__}) must be text.")
        plans = _plan(seeds, where)
        values = {
            "sentence": sentence.strip(),
            "assertions": tuple(assertions),
            "attributed_to": tuple(sorted(factors)),
            "family": family,
            "expect": _expectation(expect, where),
            "requires": gates,
            "controls": bounds,
            "test": test,
            "seeds": plans,
            "looks": _looks(looks, plans, rule, where),
            "alpha": level,
            "diverged": diverged,
            "about": about,
            "note": note,
            "published": _figures(published, assertions, where),
            "tags": _several(tags, str, f"{where}: tags", "words"),
            "source": source,
            "id": id,
            "experiment": experiment,
            "line": line,
            "made_in": frame.f_globals.get("__name__", "") if (frame := calling_frame()) else "",
            "written": frozenset(
                map(str, seeds if isinstance(seeds, Mapping) else ["*"] * (seeds is not _UNWRITTEN))
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return hash((self.id, self.sentence))

    def named(self, **changes: Any) -> Claim:
        """Return the claim with its id, family, experiment or line filled in."""
        made = object.__new__(Claim)
        made.__dict__.update(self.__dict__ | changes)
        return made

    @property
    def name(self) -> str:
        """Its id, or its sentence where it belongs to no file."""
        return self.id or self.sentence

    def planned(self, setting: str) -> tuple[int, ...]:
        """Return the seeds planned in a setting; raise FaevalError where only registration can say
        them.
        """
        plan = self.plan(setting)
        if isinstance(plan, Drawn):
            raise FaevalError(
                f"claim {self.name!r}: seeds='{plan}' are drawn from its registration, and it is"
                " not registered: run faeval lock first, or explore on other seeds with --seeds"
                " (seeds= in Python)."
            )
        return plan

    def plan(self, setting: str) -> tuple[int, ...] | Drawn:
        """Return what is planned in a setting: seeds, or how many are to be drawn."""
        found: tuple[int, ...] | Drawn = self.seeds.get(setting, self.seeds["*"])
        return found

    def plans(self, setting: str) -> bool:
        """Return whether the seeds of a setting are written, not taken by default."""
        return setting in self.written or ("*" in self.written and setting not in self.seeds)

    def looks_in(self, setting: str) -> tuple[int, ...]:
        """Return the looks planned in a setting, in numbers of seeds; empty where the plan is one
        number.
        """
        return self.looks.get(setting, self.looks.get("*", ()) if setting not in self.seeds else ())

    def expected(self, setting: str) -> str | None:
        """Return the word registered for a setting, or None for any."""
        word = self.expect if isinstance(self.expect, str) else (self.expect or {}).get(setting)
        return None if word == "any" else word

    @property
    def rule(self) -> stats.TestName:
        """The name of the rule that decides it, in ``faeval.stats.RULES``."""
        return _rule(self.test, self.assertions, self.name).name  # type: ignore[return-value]

    def arms(self) -> tuple[Arm, ...]:
        """Return every arm that the claim compares, each once."""
        return tuple(dict.fromkeys(r.arm for a in self.assertions for r in a.contrast.reads()))

    def metrics_by_arm(self) -> dict[Arm, set[str]]:
        """Return what the claim and its controls read: metrics, by arm."""
        found: dict[Arm, set[str]] = {}
        for assertion in (*self.assertions, *self.controls):
            for read in assertion.contrast.reads():
                found.setdefault(read.arm, set()).add(read.metric)
        return found

    def canonical(self) -> dict[str, Any]:
        """Return what decides the claim, as plain data: everything but its prose."""
        return {
            "assertions": [_spelt(a) for a in self.assertions],
            "attributed_to": list(self.attributed_to),
            "family": self.family,
            "requires": sorted(g.name for g in self.requires),
            "test": self.test,
            "seeds": {
                k: str(v) if isinstance(v, Drawn) else list(v)
                for k, v in sorted(self.seeds.items())
            },
            "alpha": self.alpha,
            "diverged": self.diverged,
            "about": self.about,
            # Left out where there are none: claims without them keep the hash that they were
            # registered under.
            **(
                {"looks": {k: list(v) for k, v in sorted(self.looks.items())}} if self.looks else {}
            ),
            **({"controls": [_spelt(a) for a in self.controls]} if self.controls else {}),
        }

    def sha256(self) -> str:
        """Return the SHA-256 of the canonical form."""
        return hashlib.sha256(json.dumps(self.canonical(), sort_keys=True).encode()).hexdigest()


def _rule(test: str, assertions: Sequence[Assertion], where: str) -> stats.Rule:
    """Return the rule that decides a claim; raise FaevalError where its assertions take several."""
    rule = stats.rule_of(test, deciding=True)
    if len({assertion.paired for assertion in assertions}) > 1:
        raise FaevalError(
            f"{where}: some of its assertions are paired and some are not; make two claims of them."
        )
    if assertions[0].paired:
        return rule
    if rule.unpaired is None:
        raise FaevalError(
            f"{where}: test={test!r} needs sides that the seed pairs, and paired=False says that it"
            " does not; leave test= out."
        )
    return stats.rule_of(rule.unpaired)


def calling_frame() -> FrameType | None:
    """Return the frame of the code that called faeval."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "faeval":
        frame = frame.f_back
    return frame


def _spelt(assertion: Assertion) -> dict[str, Any]:
    return {
        "kind": assertion.kind,
        "a": _plain(assertion.a),
        "b": _plain(assertion.b),
        "margin": assertion.margin.value,
        "anticipated": assertion.anticipated,
        # Left out where it is not used: claims made before it keep their hash.
        **({} if assertion.paired else {"paired": False}),
    }


def _plain(estimand: Estimand) -> Any:
    terms = []
    for weight, atom in estimand.terms:
        if hasattr(atom, "inner"):
            terms.append({"weight": weight, "log10": _plain(atom.inner)})
        else:
            read = {
                "metric": atom.metric,
                "arm": atom.arm.label,
                "epoch": atom.epoch,
                "exact": atom.exact,
            }
            terms.append(
                {
                    "weight": weight,
                    **read,
                    "layers": None if atom.layers is None else str(atom.layers),
                }
            )
    return {"terms": terms, "constant": estimand.constant}


def _several(given: Any, kind: type, name: str, what: str) -> tuple[Any, ...]:
    """Return one thing, or several, as a tuple."""
    if isinstance(given, kind):
        return (given,)
    items = tuple(given) if isinstance(given, Iterable) else (given,)
    if isinstance(given, Mapping) or not all(isinstance(i, kind) for i in items):
        raise FaevalError(f"{name}={given!r} ({type(given).__name__}) must be {what}.")
    return items


def _figures(
    given: Any, assertions: tuple[Assertion, ...], where: str
) -> tuple[Mapping[str, Any], ...]:
    tests = sum(2 if a.region.per_unit else 1 for a in assertions)
    figures = _several(
        given if isinstance(given, Iterable) else [given],
        Mapping,
        f"{where}: published",
        "mappings",
    )
    for figure in figures:
        checks = {
            "what": isinstance(figure.get("what"), str),
            "published": finite(figure.get("published")) is not None,
            "spread": figure.get("spread") is None or finite(figure["spread"]) is not None,
            "side": figure.get("side") in (None, "a", "b"),
            "assertion": (
                isinstance(index := figure.get("assertion", 0), int) and index in range(tests)
            ),
        }
        for name in (name for name, right in checks.items() if not right):
            raise FaevalError(
                f"{where}: published={dict(figure)!r}: {name}={figure.get(name)!r} cannot be shown"
                " beside ours; give what= as text, published= and spread= as finite numbers, side="
                " 'a' or 'b', assertion= counted from 0."
            )
    return tuple(MappingProxyType(dict(f)) for f in figures)


def _expectation(expect: Any, where: str) -> Any:
    words = expect.values() if isinstance(expect, Mapping) else [] if expect is None else [expect]
    for word in words:
        base, sign, code = word.partition(":") if isinstance(word, str) else ("", "", "")
        if word != "any" and (base not in WORDS or (sign and code not in REASONS[base])):
            raise FaevalError(
                f"{where}: expect={word!r} is no verdict; use {', '.join(WORDS)}, any, or a word"
                " with its reason such as 'invalid:confounded'."
            )
    return MappingProxyType(dict(expect)) if isinstance(expect, Mapping) else expect


def seed_list(given: Any, where: str) -> tuple[int, ...]:
    """Return a count as seeds 1..count, or a list as it is; raise FaevalError where they are no
    plan.
    """
    count = whole(given)
    if count is not None:
        if not 1 <= count <= MOST_SEEDS:
            raise FaevalError(
                f"{where}: seeds={shown(count)} is no number of seeds; give at least 1, at most"
                f" {MOST_SEEDS:,}."
            )
        return tuple(range(1, count + 1))
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise FaevalError(
            f"{where}: seeds={shown(given)} ({type(given).__name__}) must be a count or a list of"
            " whole numbers."
        )
    seeds: dict[int, None] = {}
    for item in given:
        seed = whole(item)
        if seed is None or not 0 <= seed < 2**63:
            raise FaevalError(
                f"{where}: seed {shown(item)} ({type(item).__name__}) must be a whole number >= 0,"
                " below 2**63."
            )
        if seed in seeds:
            raise FaevalError(
                f"{where}: seeds={shown(given)} repeats {seed}; a seed counts once, name each once."
            )
        if len(seeds) == MOST_SEEDS:
            raise FaevalError(
                f"{where}: seeds={shown(given)} names more than {MOST_SEEDS:,} seeds; give fewer."
            )
        seeds[seed] = None
    if not seeds:
        raise FaevalError(f"{where}: seeds={shown(given)} names no seed; give at least one.")
    return tuple(seeds)


def _plan(seeds: Any, where: str) -> Mapping[str, tuple[int, ...] | Drawn]:
    given = dict(seeds) if isinstance(seeds, Mapping) else {"*": seeds}
    given.setdefault("*", DEFAULT_SEEDS)
    return MappingProxyType(
        {str(k): _drawn(v, where) or seed_list(v, where) for k, v in given.items()}
    )


def _drawn(given: Any, where: str) -> Drawn | None:
    if not isinstance(given, str):
        return None
    word, _, count = given.partition(":")
    if (
        word != "drawn"
        or not count.isascii()
        or not count.isdigit()
        or not 1 <= int(count[:7]) <= MOST_DRAWN
    ):
        raise FaevalError(
            f"{where}: seeds={given!r} (str) must be a count or a list of whole numbers, or"
            f" 'drawn:N' with N from 1 to {MOST_DRAWN}, such as 'drawn:5'."
        )
    return Drawn(int(count))


def _looks(
    given: Any, plans: Mapping[str, tuple[int, ...] | Drawn], rule: stats.Rule, where: str
) -> Mapping[str, tuple[int, ...]]:
    """Return looks by setting, those of every plan under "*"; raise FaevalError where they are no
    plan.
    """
    if isinstance(given, Mapping):
        wanted = {str(k): v for k, v in given.items()}
    else:
        given = (
            tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else given
        )
        wanted = {} if given == () else dict.fromkeys(plans, given)
    if wanted and not rule.looks:
        raise FaevalError(
            f"{where}: looks={given!r} are for test='t' on paired sides; the {rule.name} test"
            " decides once, at a fixed number of seeds."
        )
    found = {}
    for setting, looks in wanted.items():
        plan = len(plans.get(setting, plans["*"]))
        items = (
            tuple(looks) if isinstance(looks, Iterable) and not isinstance(looks, str) else (looks,)
        )
        numbers = tuple(n for n in map(whole, items) if n is not None and n >= 2)
        if (
            numbers != tuple(sorted({*numbers}))
            or len(numbers) < max(len(items), 1)
            or numbers[-1] != plan
        ):
            raise FaevalError(
                f"{where}: looks={looks!r} ({type(looks).__name__}) must be rising numbers of seeds"
                f" of at least 2 that end at the plan, here {plan} (setting {setting}); give a"
                " mapping from setting to looks where plans differ."
            )
        found[setting] = numbers
    return MappingProxyType(found)
