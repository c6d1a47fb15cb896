"""What a p-value can be where the numbers behind it are known as far as they are printed.

Guaranteed enclosures, in doubles.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from fractions import Fraction

from faeval.printed._number import Range

#: (low, high)
Bounds = tuple[float, float]
#: What rounding in double arithmetic, here and in the paper's own software, may do to a p-value or
#: a limit, relative.
SLACK = 1e-9

SIDES = ("two-sided", "one-sided (greater)", "one-sided (less)")


def widened(values: Iterable[float]) -> Bounds:
    """The range of values, with room for rounding in doubles."""
    numbers = [*values]
    low, high = min(numbers), max(numbers)
    return low - SLACK * abs(low), high + SLACK * abs(high)


def tails(t: Bounds, df: Bounds) -> dict[str, Bounds]:
    """p of t between two bounds, with degrees of freedom between two bounds.

    Infinite degrees of freedom are those of z.

    In t each tail is monotone, and at a fixed t monotone in the degrees of freedom: the ends are at
    the corners.
    """
    size = (0.0 if t[0] <= 0 <= t[1] else min(abs(t[0]), abs(t[1])), max(abs(t[0]), abs(t[1])))
    upper = [_below(-x, d) for x, d in itertools.product(t, df)]
    lower = [_below(x, d) for x, d in itertools.product(t, df)]
    both = [min(1.0, 2 * _below(-x, d)) for x, d in itertools.product(size, df)]
    return {name: widened(p) for name, p in zip(SIDES, (both, upper, lower), strict=True)}


def _below(x: float, df: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(ndtr(x)) if math.isinf(df) else float(stdtr(df, x))


def upper_tail(law: str, statistic: Bounds, df: tuple[float, ...]) -> Bounds:
    """p of F or chi-square, the upper tail, with given degrees of freedom.

    It falls as the statistic rises.
    """
    from scipy.special import chdtrc, fdtrc

    function: Callable[..., float] = fdtrc if law == "F" else chdtrc
    return widened(float(function(*df, max(0.0, x))) for x in statistic)


def correlation_t(r: Bounds, df: float) -> Bounds:
    """t of a correlation coefficient."""

    def t(x: float) -> float:
        return (
            math.copysign(math.inf, x) if abs(x) >= 1 else x * math.sqrt(df / ((1 - x) * (1 + x)))
        )

    return t(r[0]), t(r[1])


def quotient(difference: Range, error: Bounds) -> Bounds:
    """The range of a difference over its standard error, which may come down to 0."""
    ends = [float(end) for end in difference]
    ratios = [_over(d, e) for d in ends for e in error]
    return min(ratios), max(ratios)


def _over(difference: float, error: float) -> float:
    if error > 0:
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0


def welch_df(first: Bounds, second: Bounds, n: tuple[int, int]) -> Bounds:
    """Welch's degrees of freedom, for squared standard errors of two means between bounds.

    They rise in the ratio of the two until (n1 - 1) / (n2 - 1), and fall after it.
    """
    k1, k2 = n[0] - 1, n[1] - 1
    ends = sorted((_ratio(first[0], second[1]), _ratio(first[1], second[0])))
    dfs = [_satterthwaite(ratio, k1, k2) for ratio in ends]
    if ends[0] <= k1 / k2 <= ends[1]:
        dfs.append(float(k1 + k2))
    return min(dfs), max(dfs)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else math.inf if a > 0 else 1.0


def _satterthwaite(ratio: float, k1: int, k2: int) -> float:
    if ratio > 1:  # the same from the other side, so that nothing overflows
        return _satterthwaite(1 / ratio, k2, k1)
    return (ratio + 1) ** 2 / (ratio**2 / k1 + 1 / k2)


def critical(df: float, level: float) -> float:
    """The two-sided quantile of t, or of z where `df` is infinite.

    Half a confidence interval's width in standard errors.
    """
    from scipy.special import ndtri, stdtrit

    tail = 0.5 + level / 2
    return float(ndtri(tail)) if math.isinf(df) else float(stdtrit(df, tail))


def floats(possible: Range) -> Bounds:
    """The ends as doubles."""
    return float(possible[0]), float(possible[1])


def exactly(possible: Bounds) -> Range:
    """The ends as fractions, for comparison with printed ones; infinite ends become very large."""
    return Fraction(max(possible[0], -1e300)), Fraction(min(possible[1], 1e300))
