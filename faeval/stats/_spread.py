"""The spread over seeds: its estimate, its absence, and how large it may really be."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from faeval.errors import FaevalError
from faeval.stats._checks import Sample, count, number, probability, sample

EPSILON = 2.0**-52


def mean_and_sd(values: Sample) -> tuple[float, float]:
    """Mean and standard deviation (ddof 1), independent of the order of the seeds to the last bit.

    NaN where undefined: the mean of no values, the deviation of fewer than two.
    """
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    if min(values) == max(values):  # the rounded mean of equal numbers may differ from them, and look like spread
        return values[0], 0.0 if n > 1 else math.nan
    mean = math.fsum(values) / n
    deviations = [value - mean for value in values]
    largest = max(map(abs, deviations))  # divided out first: squares of 1e-200 would vanish, of 1e200 overflow
    return mean, largest * math.sqrt(math.fsum((d / largest) ** 2 for d in deviations) / (n - 1))


def undecidable(differences: Sample) -> bool:
    """Whether differences alone show that no test may decide: fewer than two, or nothing but rounding between them.

    A difference is at most twice the larger side. Half of no_spread's factor therefore never refuses what no_spread,
    which knows both sides, would let pass.
    """
    _, sd = mean_and_sd(differences)
    return not sd > 4 * EPSILON * max(map(abs, differences), default=0.0)


def no_spread(a: ArrayLike, b: ArrayLike = 0.0) -> bool:
    """Whether the differences a - b have no spread beyond rounding: the seed changed nothing that was measured.

    Parameters
    ----------
    a, b
        Shape (n,), one number per seed, paired, in the metric's unit; `b` may be one number.

    Returns
    -------
    bool
        True where the standard deviation (ddof 1) of a - b is at most 8 machine epsilons of the largest absolute
        value of either side before subtraction. False for fewer than two seeds, whose spread is unknown.

    Raises
    ------
    FaevalError
        Where a side is not finite, not one-dimensional, or the lengths differ.

    Examples
    --------
    >>> no_spread([0.31, 0.31, 0.31], [0.30, 0.30, 0.30])
    True
    >>> no_spread([0.31, 0.32, 0.33], 0.30)
    False
    """
    left = sample("a", a)
    right = (number("b", b, "a finite number"),) * len(left) if np.ndim(b) == 0 else sample("b", b)
    if len(left) != len(right):
        raise FaevalError(
            f"a and b must be paired by seed, but have {len(left)} and {len(right)} values (lengths); "
            "give both sides on the same seeds"
        )
    _, sd = mean_and_sd(tuple(x - y for x, y in zip(left, right, strict=True)))
    return sd <= 8 * EPSILON * max(map(abs, left + right), default=0.0)


def sd_upper(sd: float, n: int, confidence: float = 0.80) -> float:
    """Upper confidence bound of a standard deviation estimated from `n` near-normal values (chi-square).

    Parameters
    ----------
    sd
        The estimate (ddof 1), at least 0, in any unit.
    n
        Number of values behind it.
    confidence
        One-sided, in (0, 1).

    Returns
    -------
    float
        In the unit of `sd`; infinite for n < 2.

    Examples
    --------
    >>> round(sd_upper(1.0, 5), 3)
    1.558
    """
    sd = number("sd", sd, "a standard deviation, at least 0", low=0.0)
    n, confidence = count("n", n), probability("confidence", confidence)
    if n < 2:
        return math.inf
    from scipy.special import chdtri

    return sd * math.sqrt((n - 1) / float(chdtri(n - 1, confidence)))
