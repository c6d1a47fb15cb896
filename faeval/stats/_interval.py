"""The interval that shows a decision: it excludes the margin exactly where the verdict says so."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from faeval._arguments import Array, count, level
from faeval.stats._judge import Judgement
from faeval.stats._one_sample import TESTS
from faeval.stats._spread import undecidable


@dataclass(frozen=True)
class Interval:
    """One-sided bounds of a - b, each at its own level, in the metric's unit; infinite where no
    bound is attainable.

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
    d, m, by = np.array(judgement.differences), judgement.margin, judgement
    if TESTS[judgement.test].needs_spread and undecidable(d):
        d = d[:0]  # nothing to go by, which no test gives a bound for
    if judgement.kind == "equivalent":
        return Interval(
            _lower(by, d, -m, level_support),
            _upper(by, d, m, level_support),
            level_support,
            level_support,
            Interval(
                _lower(by, d, m, level_refute, 2 * k),
                _upper(by, d, -m, level_refute, 2 * k),
                level_refute / (2 * k),
                level_refute / (2 * k),
            ),
        )
    point = -m if judgement.kind in ("below", "not_below") else m
    by_low, by_high = (level_support, 1), (level_refute, k)
    if judgement.kind in ("below", "not_above"):
        by_low, by_high = by_high, by_low
    low, high = _lower(by, d, point, *by_low), _upper(by, d, point, *by_high)
    if (
        low > high
    ):  # only at level .5 with the estimate on the margin, where neither side may claim it
        low = high = point
    return Interval(low, high, by_low[0] / by_low[1], by_high[0] / by_high[1])


def _lower(by: Judgement, differences: Array, point: float, level: float, share: int = 1) -> float:
    """Lower bound at level / share; above `point` exactly where share * p <= level, as the verdict
    reads it.
    """
    test = TESTS[by.test]
    lowered = test.against_ties(differences, by.tolerance)
    bound = float(test.lower_bound(lowered, level / share))
    if share * test.p_greater(lowered, point) <= level:
        return max(bound, math.nextafter(point, math.inf))
    return min(bound, point)


def _upper(by: Judgement, differences: Array, point: float, level: float, share: int = 1) -> float:
    return -_lower(by, -differences, -point, level, share)
