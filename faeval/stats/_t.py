"""Student's t on one number per seed: near-normal differences, at every n."""

from __future__ import annotations

import math

import numpy as np

from faeval._arguments import Array
from faeval.stats._spread import mean_and_sd, moments

# Significant bits of the statistic that p is read from; see upper_tail.
_BITS = 40


def upper_tail(gap: Array, error: Array, df: Array | int) -> Array:
    """P(T >= gap / error) for Student's T; it never falls as the gap shrinks, not by a last bit.

    Else no bound could agree with it. SciPy's value is off by a few units in the last place, either
    way. Between numbers with 40 significant bits (of 1, below it) it changes by more than it is
    off.
    """
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = gap / error
        grid = np.ldexp(1.0, np.maximum(np.frexp(t)[1], 0) - _BITS)
        rounded = np.rint(t / grid) * grid
    return stdtr(df, -rounded)


def p_greater(differences: Array, bound: float) -> Array:
    """P-value of H0 "mean <= bound" of each row.

    1 where a row has fewer than two values or no spread.
    """
    n = differences.shape[-1]
    mean, rest, sd = moments(differences)
    return np.where(sd > 0, upper_tail((mean - bound + rest) * math.sqrt(n), sd, n - 1), 1.0)


def lower_bound(differences: Array, level: float) -> Array:
    """One-sided lower confidence bound of each row's mean.

    -inf where p_greater is 1 for every bound.
    """
    from scipy.special import stdtrit

    n = differences.shape[-1]
    mean, sd = mean_and_sd(differences)
    if n < 2:
        return np.full(mean.shape, -math.inf)
    return np.where(sd > 0, mean + float(stdtrit(n - 1, level)) * sd / math.sqrt(n), -math.inf)


def attainable(n: int) -> float:
    """Any p-value above 0 can be reached from two values on."""
    return 0.0 if n >= 2 else 1.0
