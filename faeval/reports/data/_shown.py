"""What a reader sees of an assertion: the difference that was tested, or the ratio behind it.

A claim about a ratio is decided on logarithms, or on one side less a multiple of the other; it is
read as a ratio. Words, figures and checks ask here, and nowhere else, which it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from faeval.claims._verdict import AssertionResult
from faeval.stats import region_of

Bounds = tuple[float, float]
_NONE = (math.nan, math.nan)


@dataclass(frozen=True)
class Shown:
    """The numbers of an assertion on the axis that a reader sees.

    ``each`` has one number a seed, none where no seed pairs the sides, or where the test reads the
    sides. ``edges`` is where the margin lies, ``claimed`` the range that is claimed, ``neutral``
    the number of no difference: 0, of a ratio 1.
    """

    estimate: float
    interval: Bounds
    refuting: Bounds | None
    ordinary: Bounds
    each: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    edges: tuple[float, ...]
    claimed: Bounds
    unit: str
    neutral: float = 0.0

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio: logarithms of it are what is alike on both sides of 1."""
        return self.neutral == 1

    @property
    def is_bounded(self) -> bool:
        """Whether it has an interval that bounds something."""
        nothing = -math.inf, math.inf, *((0.0,) if self.is_ratio else ())
        return not any(map(math.isnan, self.interval)) and any(
            end not in nothing for end in self.interval
        )


def shown(assertion: AssertionResult) -> Shown:
    """Return what a reader sees of an assertion."""
    a = assertion
    region = region_of(a.kind)
    if a.ratio is None:
        return Shown(
            a.estimate,
            a.interval,
            a.refuting,
            a.ordinary,
            a.differences,
            a.a.values,
            a.b.values,
            region.edges(a.margin),
            region.bounds(a.margin),
            a.unit.removeprefix("1 x "),  # of an area under a pure number
        )
    factor = a.ratio.factor
    low, high = (factor**end for end in (region.low, region.high))
    one, other = sides(a, a.a.values, a.b.values)
    is_log = a.ratio.of != "means"
    return Shown(
        a.ratio.estimate,
        a.ratio.interval,
        a.ratio.refuting,
        (power(a.ordinary[0]), power(a.ordinary[1])) if is_log else _NONE,
        tuple(map(_over, one, other)) if a.differences else (),
        one,
        other,
        tuple(factor**end for end in (region.low, region.high) if math.isfinite(end)),
        (low, high),
        "times",
        1.0,
    )


def sides(
    assertion: AssertionResult, a: Sequence[float], b: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return both sides as they were measured, of those that are tested.

    Of a ratio of runs these are logarithms, and of one of means one side is a multiple.
    """
    ratio = assertion.ratio
    if ratio is None or ratio.of == "spread":
        return tuple(a), tuple(b)
    if ratio.of == "runs":
        return tuple(map(power, a)), tuple(map(power, b))
    of_a, of_b = multiples(assertion)
    return tuple(v / of_a for v in a), tuple(v / of_b for v in b)


def multiples(assertion: AssertionResult) -> tuple[float, float]:
    """Return by what each side of a ratio of means is multiplied where it is tested."""
    assert assertion.ratio is not None
    above = region_of(assertion.kind).edges(1.0)[0] > 0
    return (1.0, assertion.ratio.factor) if above else (assertion.ratio.factor, 1.0)


def power(exponent: float) -> float:
    """Return 10 to a number, without an error where that is too large."""
    return math.inf if exponent > 308 else 10.0**exponent


def _over(a: float, b: float) -> float:
    return a / b if b else math.nan
