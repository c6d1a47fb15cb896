"""The interval that shows a decision: it excludes the margin exactly where the verdict says so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from faeval._arguments import LARGEST, count, level, probability
from faeval.stats._judge import Judgement, is_barred, worst_case
from faeval.stats._kinds import region_of
from faeval.stats._rules import rule_of


@dataclass(frozen=True)
class Interval:
    """One-sided bounds of a - b, each at its own level, in the metric's unit.

    Infinite where no bound is attainable.

    For "equivalent" this is the supporting interval (supported: wholly inside the margins) and
    `refuting` the other one (refuted: wholly outside them); for every other kind `refuting` is
    None.
    """

    low: float
    high: float
    level_low: float
    level_high: float
    refuting: Interval | None = None


def decision_interval(
    judgement: Judgement, level_support: float, level_refute: float, k: int = 1
) -> Interval:
    """The interval of a - b at the levels that a claim met in its family.

    The supporting bound (lower for exceeds and not_below, upper for below and not_above) is at
    `level_support`, the other at level_refute / k. With m the margin, and -m in its place for below
    and not_below: the supporting bound lies beyond m exactly where p_support <= level_support, and
    the other exactly where k p_refute <= level_refute. An equivalence has two intervals, both
    bounds at `level_support` and both at level_refute / (2k).

    Parameters
    ----------
    judgement
        From :func:`judge`.
    level_support, level_refute
        In (0, 0.5], as :func:`decide_family` gives them.
    k
        Number of assertions of the claim that this one belongs to.

    Returns
    -------
    Interval
        The whole line where nothing can be decided. It is no simultaneous interval.

    Raises
    ------
    FaevalError
        For levels outside (0, 0.5] or k below 1.

    Examples
    --------
    >>> from faeval.stats import judge
    >>> j = judge("exceeds", [0.08, 0.10, 0.09, 0.11, 0.12], margin=0.03)
    >>> interval = decision_interval(j, 0.05, 0.05)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0849, 0.1151)
    """
    level_support, level_refute = (
        level("level_support", level_support),
        level("level_refute", level_refute),
    )
    k = count("k", k, low=1)
    region = region_of(judgement.kind)
    low, high = region.bounds(judgement.margin)
    side = _Bounds(judgement)
    refute = level_refute, region.tails * k
    if region.two_sided:
        return Interval(
            side.lower(low, level_support),
            side.upper(high, level_support),
            level_support,
            level_support,
            Interval(
                side.lower(high, *refute),
                side.upper(low, *refute),
                level_refute / refute[1],
                level_refute / refute[1],
            ),
        )
    (point,) = region.edges(judgement.margin)
    by_low, by_high = (level_support, 1), refute
    if region.side != "above":
        by_low, by_high = by_high, by_low
    low, high = side.lower(point, *by_low), side.upper(point, *by_high)
    # only at level .5 with the estimate on the margin, where neither side may claim it
    if low > high:
        low = high = point
    return Interval(low, high, by_low[0] / by_low[1], by_high[0] / by_high[1])


class _Bounds:
    """One-sided bounds of a - b by the rule of a judgement, as its verdict reads them."""

    def __init__(self, judgement: Judgement) -> None:
        self.rule, self.tolerance = rule_of(judgement.test), judgement.tolerance
        values = judgement.arrays
        if self.rule.needs_spread and self.rule.undecidable(*values):
            # nothing to go by, which no test gives a bound for
            values = tuple(side[:0] for side in values)
        self.ways = {1: values, -1: self.rule.exchanged(values)}
        self.marks = dict(zip((1, -1), judgement.marks, strict=True))

    def lower(self, point: float, level: float, share: int = 1) -> float:
        """Lower bound at level / share; above `point` exactly where share * p <= level."""
        return self._lower(1, point, level, share)

    def upper(self, point: float, level: float, share: int = 1) -> float:
        """Upper bound at level / share; below `point` exactly where share * p <= level."""
        return -self._lower(-1, -point, level, share)

    def _lower(self, way: int, point: float, level: float, share: int) -> float:
        marks = self.marks[way]
        if marks.any() and is_barred(self.rule, marks):
            return -math.inf
        values = worst_case(self.ways[way], self.rule, marks) if marks.any() else self.ways[way]
        lowered = self.rule.against_ties(values, self.tolerance)
        bound = float(self.rule.lower_bound(*lowered, level / share))
        if bound <= -LARGEST / 2:  # that of a censored value
            bound = -math.inf
        if share * self.rule.p_greater(*lowered, point) <= level:
            return max(bound, math.nextafter(point, math.inf))
        return min(bound, point)


def ordinary_interval(judgement: Judgement, level: float = 0.90) -> tuple[float, float]:
    """Two-sided t interval of a mean difference, adjusted for nothing: it stands beside a verdict.

    Parameters
    ----------
    judgement
        From :func:`judge`. Paired sides have Student's interval of the mean of the differences,
        whatever their test; unpaired ones Welch's of the difference of the means.
    level
        Two-sided coverage, in (0, 1).

    Returns
    -------
    (low, high)
        In the metric's unit; the whole line where a spread is not known.

    Raises
    ------
    FaevalError
        For a level outside (0, 1).

    Examples
    --------
    >>> from faeval.stats import judge
    >>> low, high = ordinary_interval(judge("exceeds", [1.0, 2.0, 3.0], 0.0))
    >>> round(low, 3), round(high, 3)
    (0.314, 3.686)
    """
    tail = (1 - probability("level", level)) / 2
    rule, values = rule_of(judgement.test), judgement.arrays
    low = rule.ordinary_bound(*values, tail)
    return float(low), -float(rule.ordinary_bound(*rule.exchanged(values), tail))
