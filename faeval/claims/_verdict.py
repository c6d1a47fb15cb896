"""Verdict: what was decided of one claim in one setting, as codes and numbers.

There is no prose in it but what a claimant wrote: ``faeval.reports`` says it in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar, get_args

from faeval.stats import Kind

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

Word = Literal["supported", "refuted", "inconclusive", "invalid"]
WORDS: tuple[str, ...] = get_args(Word)

#: Every reason code there is, by the word it explains. Supported and refuted need none: their code
#: is "decided".
REASONS: Mapping[str, tuple[str, ...]] = {
    "supported": ("decided",),
    "refuted": ("decided",),
    "inconclusive": (
        "underpowered",
        "straddles_margin",
        "unattainable",
        "not_run",
        "evidence_missing",
        "plan_not_reached",
        "gate_undecided",
        "no_spread",
        "censored",
    ),
    "invalid": (
        "confounded",
        "unit_mismatch",
        "seed_controls_nothing",
        "same_run",
        "below_floor",
        "undefined",
        "diverged",
        "out_of_range",
        "exact_by_construction",
        "metric_nonconforming",
        "gate_failed",
        "control_failed",
        "spec_changed",
        "evidence_tampered",
        "error",
    ),
}

#: What a verdict's ``registration`` says.
REGISTRATIONS: Mapping[str, str] = {
    "registered": "registered in this form before its evidence was made",
    "amended": "registered, and amended before its evidence was made",
    "amended_after_evidence": "amended when evidence of it was there already; not confirmatory",
    "after_evidence": "registered when evidence of it was there already; not confirmatory",
    "undated": (
        "registered; its evidence names no registration, or one that this lock does not know"
    ),
    "changed": "no longer the claim that was registered",
    "reproduction": "a reproduction: decided on seeds that had been looked at before",
    "exploratory": "exploratory: decided on seeds outside its registered plan",
    "unregistered": "not registered",
}


class _UndefinedIsNull:
    """NaN in Python is null in JSON, and read back as NaN."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda value: math.nan if value is None else value, handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "type": ["number", "null"]}


class _OpenEndIsNull:
    """An interval whose one bound is null goes on without end there; with two there is none."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def ends(pair: Any) -> Any:
            if not isinstance(pair, list | tuple) or len(pair) != 2 or list(pair) == [None, None]:
                return pair
            low, high = pair
            return (-math.inf if low is None else low, math.inf if high is None else high)

        return core_schema.no_info_before_validator_function(ends, handler(source))


class _Probability:
    """A number from 0 to 1."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.float_schema(ge=0, le=1)


#: A number that may be undefined: NaN in Python, null in JSON.
Number = Annotated[float, _UndefinedIsNull()]
#: Lower and upper bound; both NaN where there is no interval.
Bounds = Annotated[tuple[Number, Number], _OpenEndIsNull()]
#: What pydantic is to make of the dataclasses here: its JSON Schema has the text below each field.
DOCUMENTED: Mapping[str, Any] = {
    "use_attribute_docstrings": True,
    "json_schema_serialization_defaults_required": True,
}


class _Documented:
    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED


@dataclass(frozen=True)
class Term(_Documented):
    """What one side adds up: a coefficient times a metric of an arm, or times a logarithm."""

    coefficient: float
    """What the number of each seed is multiplied by."""
    metric: str = ""
    """The metric's name in evidence; empty of a logarithm."""
    arm: str = ""
    """The arm's label; empty where all factors are at their defaults, and of a logarithm."""
    layers: tuple[int, ...] | Literal["deep"] | None = None
    """The states averaged over: their numbers, "deep" for all but the first, null for a metric
    without layers."""
    inexact_only: bool = False
    """Whether states whose credit is exact by construction are left out."""
    epoch: int | None = None
    """The epoch that is read; null is the end of the run."""
    log10: tuple[Term, ...] = ()
    """The terms that the decimal logarithm is taken of; empty without one."""
    constant: float = 0.0
    """What is added to those terms below the logarithm."""
    course: str = ""
    """What is read of the metric over all epochs of a run: "area", or "first epoch above 0.9";
    empty of its value at one epoch."""
    function: str = ""
    """The function of several sums that is taken at each seed, such as median; empty without."""
    numbers: tuple[float, ...] = ()
    """The numbers of that function, such as the points of a slope."""
    arguments: tuple[Sum, ...] = ()
    """The sums that it is taken of."""


@dataclass(frozen=True)
class Sum(_Documented):
    """A sum of terms below a function."""

    terms: tuple[Term, ...] = ()
    """What is added up."""
    constant: float = 0.0
    """What is added to the terms."""


@dataclass(frozen=True)
class Side(_Documented):
    """One side of a contrast: how it is written, its value at each seed, and what it adds up."""

    expression: str
    """The side as a claim writes it, such as ``deep cosine(dfa)``."""
    values: tuple[Number, ...]
    """Its value at each seed of the verdict."""
    terms: tuple[Term, ...] = ()
    """What is added up; empty for a number, and where a report of schema 1 was read."""
    constant: float = 0.0
    """What is added to the terms."""
    seeds: tuple[int, ...] | None = None
    """The seeds of its values where the sides have seeds of their own; null where they share those
    of the verdict."""


@dataclass(frozen=True)
class RatioResult(_Documented):
    """What an assertion says of a ratio: the first side over the second."""

    of: Literal["runs", "means", "spread"]
    """runs: the geometric mean of the ratios by seed; means: the ratio of the means; spread: the
    ratio of the typical deviations over seeds."""
    factor: float
    """The smallest ratio of interest, above 1."""
    estimate: Number
    """The ratio."""
    interval: Bounds
    """The decision interval of the ratio; none where the second side may be 0."""
    refuting: Bounds | None = None
    """The second, wider interval of an equivalence."""
    anticipated: float | None = None
    """The ratio that was expected before the data, counted as the factor is."""


@dataclass(frozen=True)
class CountResult(_Documented):
    """A part of a claim of which so many assertions must hold."""

    least: int
    """How many must hold."""
    members: tuple[tuple[int, ...], ...]
    """The places of each member's assertions among those of the verdict; empty of a member of which
    nothing was measured."""
    beyond: int
    """Of how many the estimate lies on the claimed side of the margin: more than truly hold, on
    average."""
    holding: int
    """How many hold at least, at the level for support that the verdict met."""
    p_support: Number
    """The p-value for the count."""
    p_refute: Number
    """The p-value against the count."""


@dataclass(frozen=True)
class AssertionResult(_Documented):
    """One assertion of a claim as it was tested."""

    kind: Kind
    """exceeds, below, not_above, not_below or equivalent."""
    unit: str
    """The unit of differences, estimate and bounds; "1" for a pure number."""
    margin: float
    """The smallest effect of interest."""
    because: str
    """Why the margin is what it is, in the words of the claim."""
    a: Side
    """The first side."""
    b: Side
    """The second side."""
    differences: tuple[Number, ...]
    """a - b at each seed of the verdict."""
    estimate: Number
    """The mean of the differences; the median for the sign test."""
    sd: Number
    """The standard deviation of the differences over seeds."""
    p_support: Number
    """The p-value for the assertion."""
    p_refute: Number
    """The p-value against the assertion."""
    interval: Bounds
    """The decision interval of a - b (docs/statistics.md): it excludes the margin exactly where
    the verdict says so."""
    levels: Bounds
    """The one-sided level of each of its bounds."""
    refuting: Bounds | None
    """The second, wider interval of an equivalence."""
    ordinary: Bounds
    """The unadjusted 90 % t interval."""
    agreement: Literal["mean", "layers"] | None = None
    """Of an assertion that two sides agree on every layer: whether this part is about their mean
    difference or about the differences over layers."""
    anticipated: float | None = None
    """The effect that was expected before the data, counted as the margin is."""
    pilot_sd: float | None = None
    """The standard deviation of the pilot's differences."""
    pilot_n: int | None = None
    """How many seeds the pilot had."""
    power: Annotated[float, _Probability()] | None = None
    """The chance of the verdict that the anticipated effect leads to, at the planned seeds."""
    detectable_in_sd: float | None = None
    """The effect beyond the margin that has 80 % power here, in standard deviations."""
    detectable: float | None = None
    """The same in the unit, at the pilot's standard deviation."""
    seeds_needed: tuple[int | None, int | None] | None = None
    """Seeds for 80 % power of the claim registered anew and alone in its family: at the pilot's
    standard deviation, and at its 80 % upper bound; null where more than can be planned."""
    item_error: float | None = None
    """The standard error of the estimate over evaluation items."""
    e_value: Number | None = None
    """The running evidence against the nearest edge of the margin; it decides nothing."""
    beyond: Number | None = None
    """The mean difference over seeds that the plan does not have; it decides nothing."""
    ratio: RatioResult | None = None
    """What it says of a ratio, where its margin is a factor; of runs and of a spread the other
    numbers are decimal logarithms."""
    censored: int = 0
    """At how many seeds the difference is known on one side alone, as a run never crossed its
    threshold."""
    identical: bool = False
    """Whether all differences are the same, and it was decided by the range that they have."""


def seeds_needed(assertions: Sequence[AssertionResult]) -> int | None:
    """Return the fresh seeds that 80 % power takes for all assertions.

    At the pilot's upper bound; None where an assertion does not say it.
    """
    cautious = [a.seeds_needed and a.seeds_needed[1] for a in assertions]
    numbers = [n for n in cautious if n is not None]
    return max(numbers) if numbers and len(numbers) == len(cautious) else None


@dataclass(frozen=True)
class MeasuredError(_Documented):
    """How often the verdict's test errs on one law of a - b, as measured for the kind of its
    assertions.

    Nominal .05 in each direction, one assertion alone, at its margin; a law that is not symmetric
    stands beside its mirror image. Of assertions of several kinds it is the one that errs most.
    """

    law: str
    """The name of the law."""
    n: int
    """The number of seeds that it was measured at."""
    wrong_support: float
    """The share of wrong supports."""
    wrong_refutation: float
    """The share of wrong refutations."""


@dataclass(frozen=True)
class Caution(_Documented):
    """One more thing to be careful about, as a code with what it is about."""

    code: Literal[
        "low_power",
        "low_power_together",
        "anticipated_refutes",
        "unknown_registration",
        "decided_early",
        "code_changed",
        "measurement",
    ]
    """low_power, low_power_together (of all assertions), anticipated_refutes (the expected effect
    would refute what is expected to be supported), unknown_registration (the lock does not know
    it), decided_early (the estimate is biased away from the margin), code_changed (the numbers were
    made by other code than was registered); measurement says in ``detail`` what is odd about the
    evidence."""
    assertion: int | None = None
    """Which assertion it is about, from 0."""
    value: float | None = None
    """The power, or how many forms of the code are known."""
    detail: str = ""
    """What was found, or the digest of the registration."""


@dataclass(frozen=True)
class Verdict(_Documented):
    """The verdict on one claim in one setting.

    Read ``verdict`` first (supported, refuted, inconclusive, invalid), then ``reason_code`` and
    ``detail``. ``estimate``, ``interval`` and ``unit`` are those of the first assertion; NaN where
    nothing could be estimated. ``as_expected`` says whether the verdict is what was registered.
    """

    claim: str
    """The claim's name: FILE::VARIABLE."""
    sentence: str
    """What is claimed, in the words of the claim."""
    setting: str
    """The experiment that was run."""
    verdict: Word
    """What was decided. Supported and refuted are decisions; inconclusive is evidence for neither;
    invalid means that nothing could carry the claim."""
    reason_code: str
    """Why, as one of ``faeval.claims.REASONS``; "decided" where it is a decision."""
    family: str
    """The claims that it was judged together with."""
    family_size: int
    """How many claims the family has."""
    alpha: float
    """The level of the family in each direction."""
    test: str
    """The test over seeds that decides, one of faeval.stats."""
    seeds: tuple[int, ...]
    """The seeds that the verdict rests on; values of assertions are in this order."""
    planned: tuple[int, ...]
    """The seeds that were planned."""
    assertions: tuple[AssertionResult, ...] = ()
    """Every assertion as it was tested; empty where nothing was estimated."""
    counts: tuple[CountResult, ...] = ()
    """Parts of which so many assertions must hold; those that none names must hold each."""
    detail: str = ""
    """What stands in the way of deciding, as it was found; empty where the numbers say it."""
    flags: tuple[str, ...] = ()
    """What a reader must keep in mind, such as fragile or unregistered."""
    expected: str | None = None
    """The registered word for this setting, perhaps with a code (invalid:confounded); null where
    none is."""
    over: str = "seeds"
    """What the verdict generalises over: seeds, which retrain the same arms on the same data."""
    fresh_seeds: int | None = None
    """How many seeds a new registration of an open claim would need, alone in its family, where
    pilot and anticipated effect say so."""
    attainable_p: float | None = None
    """The smallest p-value that any data on so many seeds could give."""
    level_support: float | None = None
    """The level that the p for support is compared with, after Holm."""
    level_refute: float | None = None
    """The level that the p for refutation is compared with, after Holm."""
    adjusted_support: float = 1.0
    """The p for support, adjusted for the family; 1 without evidence."""
    adjusted_refute: float = 1.0
    """The p for refutation, adjusted for the family; 1 without evidence."""
    unseen_failure_bound: float | None = None
    """The highest rate, with 95 % confidence, at which runs might fail."""
    measured_errors: tuple[MeasuredError, ...] = ()
    """How often this test errs at this n, as measured."""
    looks: tuple[int, ...] = ()
    """The numbers of seeds at which it might have been decided; empty without looks."""
    look: int | None = None
    """The look at which it was decided, from 1."""
    beyond_plan: tuple[int, ...] = ()
    """Seeds that were run without being planned; they decide nothing."""
    without_each_seed: tuple[tuple[int, str], ...] = ()
    """The verdict without each seed: pairs of the seed and a word."""
    other_tests: tuple[tuple[str, str], ...] = ()
    """The verdict by other tests: pairs of the test and a word."""
    fragile: bool | None = None
    """Whether leaving out a seed or another test changes the verdict; null where too few seeds
    tell."""
    fragile_rate: float | None = None
    """How often sound claims on so many seeds are fragile, at 80 % power, as measured."""
    warnings: tuple[Caution, ...] = ()
    """What else to be careful about."""
    about: str | None = None
    """What the claim is about, such as 'instrument'."""
    note: str = ""
    """The authors' remark."""
    source: str | None = None
    """Where the claim was published."""
    published: tuple[Mapping[str, Any], ...] = ()
    """Published figures with ours beside them; they decide nothing."""
    gates: tuple[str, ...] = ()
    """Claims that must hold before this one is released."""
    controls: tuple[str, ...] = ()
    """Bounds that its measurement had to keep on every audited checkpoint, as the claim writes
    them."""
    registered_sha256: str | None = None
    """The digest of the claim as registered; null where it is not."""
    registration: str = "unregistered"
    """Which came first, registration or evidence: one of ``faeval.claims.REGISTRATIONS``."""
    amendments: tuple[str, ...] = ()
    """The reasons for which the registered claim was changed."""
    attempt: int | None = None
    """The how many registered claim this is, of those that ask its question, whatever their
    margins."""
    related: int | None = None
    """How many registered claims ask it of other epochs or layers."""
    runs: tuple[str, ...] = ()
    """The keys of the runs that it rests on."""

    @property
    def n(self) -> int:
        """How many seeds the verdict rests on."""
        return len(self.seeds)

    @property
    def estimate(self) -> float:
        """The mean difference of the first assertion, in its unit; NaN without evidence."""
        return self.assertions[0].estimate if self.assertions else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The decision interval of the first assertion, in its unit; NaN without evidence."""
        return self.assertions[0].interval if self.assertions else (math.nan, math.nan)

    @property
    def unit(self) -> str:
        """The unit of estimate and interval."""
        return self.assertions[0].unit if self.assertions else ""

    @property
    def as_expected(self) -> bool | None:
        """Whether the verdict is the registered one.

        None where none is registered, or nothing is decided yet.
        """
        if self.expected is None:
            return None
        word, _, code = self.expected.partition(":")
        if self.verdict == "inconclusive" and word != "inconclusive":
            return None
        return self.verdict == word and (not code or code == self.reason_code)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: NaN and infinities become None."""
        whole: dict[str, Any] = _as_used(plain_of(self))
        return whole | {name: plain(getattr(self, name)) for name in DERIVED}


#: Fields that JSON has only where they are used, with what they are elsewhere: reports that came
#: before them stay as they are.
WHERE_USED: Mapping[type, Mapping[str, Any]] = {
    Term: {"course": "", "function": "", "numbers": [], "arguments": []},
    Side: {"seeds": None},
    AssertionResult: {"ratio": None, "censored": 0, "identical": False},
    Verdict: {"counts": []},
}
_UNUSED = {name: value for fields in WHERE_USED.values() for name, value in fields.items()}


def _as_used(value: Any) -> Any:
    """Return a verdict's plain data without what it does not use."""
    if isinstance(value, list):
        return [_as_used(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: inner if name == "published" else _as_used(inner)
        for name, inner in value.items()
        if name not in _UNUSED or inner != _UNUSED[name]
    }


#: What :meth:`Verdict.to_dict` adds to the fields of a verdict, in JSON Schema.
DERIVED: Mapping[str, Any] = {
    "n": {"type": "integer", "description": "How many seeds the verdict rests on."},
    "estimate": {"type": ["number", "null"], "description": "That of the first assertion."},
    "interval": {
        "type": "array",
        "prefixItems": [{"type": ["number", "null"]}] * 2,
        "items": False,
        "description": "That of the first assertion.",
    },
    "unit": {"type": "string", "description": "The unit of both."},
    "as_expected": {"type": ["boolean", "null"], "description": "Whether it is as registered."},
}


@cache
def adapter_of(kind: type[T]) -> TypeAdapter[T]:
    """Return what writes and reads a type as JSON; pydantic is loaded for the first alone."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def plain_of(value: Any) -> dict[str, Any]:
    """Return a dataclass as plain data for JSON, by its adapter."""
    kind: type = type(value)
    fields: dict[str, Any] = plain(adapter_of(kind).dump_python(value))
    return fields


def plain(value: Any) -> Any:
    """Return data with None for NaN and infinities, and lists for tuples.

    Pydantic's own JSON refuses halves of characters, which a claimant's text may hold.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, tuple | list) else value
