"""The ratio of two spreads: Welch's test on deviations from the median, on a decimal log scale.

The spread is the mean absolute deviation from the median, as Brown and Forsythe have it [1]_; the
deviations are made as many as they are free, n - 1 [2]_. Which ratio is tested scales one arm alone.

References
----------
.. [1] M. B. Brown and A. B. Forsythe, J. Am. Stat. Assoc. 69 (1974).
.. [2] R. J. O'Hara Hines and W. G. S. Hines, Commun. Stat. Simul. Comput. 29 (2000).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array
from faeval.stats import _welch
from faeval.stats._spread import EPSILON, largest_size, mean_and_sd

#: Values in each arm that a claim needs.
LEAST = 5
#: Values below which the test has little power.
ADVISED = 7
_STEPS = 25  # ratios a decade at which p is taken on the way to its largest
_DECADES = 3
_BOUND = 1e-9  # how near a bound is found, in decades
_WIDEST = 300.0  # decades


def deviations(values: Array) -> Array:
    """Absolute deviations from the median, shape (..., n) to (..., n - 1), sorted.

    Of an odd number one is 0 whatever the values, and left out; of an even number the two smallest
    are the same, and count as one, longer by the root of 2.
    """
    n = values.shape[-1]
    if n < 2:
        return values[..., :0]
    sizes = np.sort(np.abs(values - np.median(values, axis=-1, keepdims=True)), axis=-1)[..., 1:]
    if n % 2 == 0:
        sizes = np.concatenate([math.sqrt(2) * sizes[..., :1], sizes[..., 1:]], axis=-1)
    return sizes


def typical(values: Array) -> Array:
    """The typical deviation: the mean of :func:`deviations`, shape (..., n) to (...)."""
    return mean_and_sd(deviations(values))[0]


def p_greater(a: Array, b: Array, bound: float) -> Array:
    """P-value of H0 "log10 of the ratio of spreads, a over b, <= bound", (..., n), (..., m) to (...).

    The largest over ratios below it, too: p may fall by a hair as degrees of freedom are gained.
    """
    first, second = deviations(a), deviations(b)
    step = math.floor(bound * _STEPS)
    below = np.arange(step - _DECADES * _STEPS, step + 1) / _STEPS
    p = np.zeros(a.shape[:-1])
    for exponent in (*below, bound):
        p = np.maximum(p, _welch.p_greater(first, 10.0**exponent * second, 0.0))
    return p


def lower_bound(a: Array, b: Array, level: float) -> Array:
    """One-sided lower confidence bound of log10 of the ratio of spreads; -inf where there is none."""
    low, high = (np.full(a.shape[:-1], end) for end in (-_WIDEST, _WIDEST))
    first, second = deviations(a), deviations(b)

    def rejects(exponents: Array) -> NDArray[np.bool_]:
        scaled = np.power(10.0, exponents)[..., None] * second
        return _welch.p_greater(first, scaled, 0.0) <= level

    ends = rejects(low), rejects(high)
    while np.max(high - low, initial=0.0) > _BOUND:
        middle = (low + high) / 2
        is_rejected = rejects(middle)
        low, high = np.where(is_rejected, middle, low), np.where(is_rejected, high, middle)
    return np.where(ends[1], math.inf, np.where(ends[0], low, -math.inf))


def ratio(a: Array, b: Array) -> Array:
    """Log10 of the ratio of the typical deviations, a over b."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(typical(a)) - np.log10(typical(b))


def sd(a: Array, b: Array) -> Array:
    """The standard deviation of :func:`ratio` times the root of n, to first order."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [mean_and_sd(z)[1] / mean_and_sd(z)[0] for z in (deviations(a), deviations(b))]
    return np.hypot(*shares) / math.log(10)


def undecidable(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether an arm has too few values, or the deviations of neither vary."""
    if min(a.shape[-1], b.shape[-1]) < LEAST:
        return np.full(a.shape[:-1], True)
    sizes = np.maximum(largest_size(a), largest_size(b))
    spread = np.maximum(mean_and_sd(deviations(a))[1], mean_and_sd(deviations(b))[1])
    return ~(spread > 8 * EPSILON * sizes)


def attainable(n: int) -> float:
    """Any p-value above 0 can be reached from five values in each arm on; fewer are refused."""
    return 0.0 if n >= LEAST else 1.0
