"""Bounds of a ratio of two means, on pairs by seed."""

from __future__ import annotations

import math

import numpy as np

from faeval._arguments import Array, level as checked_level, refuse, sample


def ratio_bounds(a: Array, b: Array, level_low: float, level_high: float) -> tuple[float, float]:
    """One-sided bounds of mean(a) / mean(b) over pairs, by Fieller's theorem [1]_.

    A bound is the ratio r up to which the paired t test of a - r b rejects.

    Parameters
    ----------
    a, b
        Shape (n,), one number a seed, in one unit.
    level_low, level_high
        The level of each bound, in (0, 0.5].

    Returns
    -------
    (low, high)
        Both NaN where the mean of b is not shown to be above 0 at each level, as the ratios that
        are not rejected then have no end; and below two seeds.

    Raises
    ------
    FaevalError
        For sides of unequal length, or levels out of range.

    References
    ----------
    .. [1] E. C. Fieller, J. R. Stat. Soc. B 16 (1954).

    Examples
    --------
    >>> low, high = ratio_bounds([2.0, 2.2, 1.9], [1.0, 1.1, 1.0], 0.05, 0.05)
    >>> round(low, 2), round(high, 2)
    (1.87, 2.06)
    """
    first, second = sample("a", a), sample("b", b)
    if len(first) != len(second):
        raise refuse("b", len(second), f"{len(first)} values, as a has", "give pairs by seed")
    levels = [checked_level("level", level) for level in (level_low, level_high)]
    n = len(first)
    if n < 2:
        return math.nan, math.nan
    from scipy.special import stdtrit

    mean_a, mean_b = first.mean(), second.mean()
    of_a, shared, of_b = np.cov(first, second)[[0, 0, 1], [0, 1, 1]] / n
    ends = []
    for sign, level in zip((-1, 1), levels, strict=True):
        squared = float(stdtrit(n - 1, level)) ** 2
        lead = mean_b**2 - squared * of_b
        if lead <= 0 or mean_b <= 0:
            return math.nan, math.nan
        half, rest = mean_a * mean_b - squared * shared, mean_a**2 - squared * of_a
        ends.append(float(half + sign * math.sqrt(max(0.0, half**2 - lead * rest))) / lead)
    return float(ends[0]), float(ends[1])
