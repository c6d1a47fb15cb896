"""Welch's t on two independent samples: near-normal arms, each with a spread of its own."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array
from faeval.stats._spread import EPSILON, largest_size, mean_and_sd
from faeval.stats._t import upper_tail

#: Values in each arm that a claim needs: with two the test errs up to .08 at a nominal .05 where
#: the other arm has more.
LEAST = 3


def p_greater(a: Array, b: Array, bound: float) -> Array:
    """P-value of H0 "mean(a) - mean(b) <= bound", shapes (..., n), (..., m) to (...).

    1 where an arm has fewer than two values, or neither varies.
    """
    if min(a.shape[-1], b.shape[-1]) < 2:
        return np.ones(a.shape[:-1])
    gap, error, df = statistic(a, b)
    return np.where(varies(a, b), upper_tail(gap - bound, error, df), 1.0)


def lower_bound(a: Array, b: Array, level: float) -> Array:
    """One-sided lower confidence bound of mean(a) - mean(b).

    -inf where p_greater is 1 for every bound.
    """
    from scipy.special import stdtrit

    if min(a.shape[-1], b.shape[-1]) < 2:
        return np.full(a.shape[:-1], -math.inf)
    gap, error, df = statistic(a, b)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(varies(a, b), gap + stdtrit(df, level) * error, -math.inf)


def varies(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether either sample has spread beyond rounding, by the measure of :func:`no_spread`.

    (..., n), (..., m) to (...).
    """
    largest = np.maximum(largest_size(a), largest_size(b))
    return np.maximum(mean_and_sd(a)[1], mean_and_sd(b)[1]) > 8 * EPSILON * largest


def statistic(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """The difference of means, its standard error, and Satterthwaite's degrees of freedom."""
    n, m = a.shape[-1], b.shape[-1]
    (mean_a, sd_a), (mean_b, sd_b) = mean_and_sd(a), mean_and_sd(b)
    of_a, of_b = sd_a / math.sqrt(n), sd_b / math.sqrt(m)
    error = np.hypot(of_a, of_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(
            error > 0, (of_a / error) ** 2, 0.5
        )  # of the variance that is the first sample's
    return mean_a - mean_b, error, 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))


def gap(a: Array, b: Array) -> Array:
    """The difference of means, mean(a) - mean(b)."""
    return mean_and_sd(a)[0] - mean_and_sd(b)[0]


def sd(a: Array, b: Array) -> Array:
    """The standard deviation of a value of a less one of b.

    Over the root of n it is the standard error where both arms have n values.
    """
    return np.hypot(mean_and_sd(a)[1], mean_and_sd(b)[1])


def undecidable(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether the samples alone show that nothing can be decided.

    An arm has too few values, or none varies.
    """
    few = min(a.shape[-1], b.shape[-1]) < LEAST
    return np.full(a.shape[:-1], True) if few else ~varies(a, b)


def attainable(n: int) -> float:
    """Any p-value above 0 can be reached from three values in each arm on; fewer are refused."""
    return 0.0 if n >= LEAST else 1.0
