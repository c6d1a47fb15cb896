"""The running e-value after each seed, and the confidence sequence that it comes with."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from faeval._arguments import Array, number, probability, sample
from faeval.stats._e_value import _e_value, _variance
from faeval.stats._spread import mean_and_sd, undecidable


def e_process(
    differences: ArrayLike, bound: float = 0.0, prior_sd: float = 1.0
) -> tuple[float, ...]:
    """The evidence against "mean = bound" after each seed.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed in the order in which they came, in the metric's unit.
    bound
        The value tested, in the same unit: an edge of the margin. Evidence is against it from
        either side.
    prior_sd
        Spread c of the standardised effects that are looked for, from 1e-6 to 1e6. Chosen before
        the data.

    Returns
    -------
    tuple of float
        Shape (n,), e-values above 0, at most exp(700) where more would leave float64; 1 is no
        evidence, which is what one seed, or none that differ beyond rounding, give. Below 1 the
        data speak for the bound.

    References
    ----------
    .. [1] H. Wang and A. Ramdas, arXiv:2310.03722; see the head of this module.

    Examples
    --------
    >>> [round(e, 2) for e in e_process([0.9, 1.1, 1.0, 0.8, 1.2])]
    [1.0, 1.7, 3.88, 10.05, 28.49]
    """
    values, bound = sample("differences", differences), number("bound", bound, "a finite number")
    c2 = _variance(prior_sd)
    return tuple(_e_value(values[:n], bound, c2) for n in range(1, len(values) + 1))


def confidence_sequence(
    differences: ArrayLike, alpha: float = 0.05, prior_sd: float = 1.0
) -> tuple[tuple[float, float], ...]:
    """Intervals of the mean after each seed that all hold together with probability 1 - alpha,
    however long it goes on.

    Parameters
    ----------
    differences, prior_sd
        As in :func:`e_process`.
    alpha
        The chance that any of them misses, in (0, 1).

    Returns
    -------
    tuple of (low, high)
        After each seed the values whose evidence against them is below 1 / alpha; the whole line
        where that is all. They are not intersected: a later one may be wider on a side.

    Examples
    --------
    >>> low, high = confidence_sequence([0.9, 1.1, 1.0, 0.8, 1.2])[-1]
    >>> round(low, 2), round(high, 2)
    (0.4, 1.6)
    """
    values, alpha = sample("differences", differences), probability("alpha", alpha)
    c2 = _variance(prior_sd)
    return tuple(_interval(values[:n], alpha, c2) for n in range(1, len(values) + 1))


def _interval(values: Array, alpha: float, c2: float) -> tuple[float, float]:
    n = len(values)
    if bool(undecidable(values)):
        return -math.inf, math.inf
    mean, sd = (float(x) for x in mean_and_sd(values))
    # e < 1/alpha where r = t^2 / (t^2 + n - 1) lies below this.
    most = -math.expm1((2 * math.log(alpha) - math.log1p(n * c2)) / n) * (1 + 1 / (n * c2))
    if most >= 1:
        return -math.inf, math.inf
    half = sd / math.sqrt(n) * math.sqrt((n - 1) * most / (1 - most))
    return mean - half, mean + half
