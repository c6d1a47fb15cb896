"""What a verdict is made of: sides, the results of assertions and counts, errors and cautions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from faeval.stats import Kind


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


class Probability:
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


class Documented:
    """A dataclass whose fields say in JSON Schema what they are."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED


@dataclass(frozen=True)
class Term(Documented):
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
class Sum(Documented):
    """A sum of terms below a function."""

    terms: tuple[Term, ...] = ()
    """What is added up."""
    constant: float = 0.0
    """What is added to the terms."""


@dataclass(frozen=True)
class Side(Documented):
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
class RatioResult(Documented):
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
class CountResult(Documented):
    """A part of a claim of which so many assertions must hold."""

    least: int
    """How many must hold."""
    members: tuple[tuple[int, ...], ...]
    """The places of each member's assertions among those of the verdict; empty of a member of which
    nothing was measured."""
    beyond: int
    """Of how many the estimate lies on the claimed side of the margin; more or fewer may truly
    hold."""
    holding: int
    """How many hold at least, at the level for support that the verdict met."""
    p_support: Number
    """The p-value for the count."""
    p_refute: Number
    """The p-value against the count."""


@dataclass(frozen=True)
class AssertionResult(Documented):
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
    power: Annotated[float, Probability()] | None = None
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
class MeasuredError(Documented):
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
class Caution(Documented):
    """One more thing to be careful about, as a code with what it is about."""

    code: Literal[
        "low_power",
        "low_power_together",
        "anticipated_refutes",
        "unknown_registration",
        "decided_early",
        "code_changed",
        "same_numbers",
        "measurement",
    ]
    """low_power, low_power_together (of all assertions), anticipated_refutes (the expected effect
    would refute what is expected to be supported), unknown_registration (the lock does not know
    it), decided_early (the estimate is biased away from the margin), code_changed (the numbers were
    made by other code than was registered), same_numbers (the claim was made from the numbers that
    decide it); measurement says in ``detail`` what is odd about the
    evidence."""
    assertion: int | None = None
    """Which assertion it is about, from 0."""
    value: float | None = None
    """The power, or how many forms of the code are known."""
    detail: str = ""
    """What was found, or the digest of the registration."""
