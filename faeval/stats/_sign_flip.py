"""The sign-flip test by full enumeration: exact where the differences are symmetric about their mean.

Flipping a subset of the signs of d - bound keeps the sum at least as large exactly where the mean of d over that
subset is at most the bound. So the 2^n - 1 subset means hold the whole test: their rank is the p-value, and their order
statistics are the confidence bounds, which therefore cannot disagree.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faeval.errors import FaevalError
from faeval.stats._checks import Sample
from faeval.stats._spread import EPSILON

MAX_N = 20


def _subset_means(differences: Sample) -> NDArray[np.float64]:
    """Means over all non-empty subsets, shape (2^n - 1,), lowered by their own rounding error.

    The mean of k summed numbers is off by less than k eps times the largest: lowered by n eps, a tie with the bound
    counts as a tie, and the test errs on the side of not deciding.
    """
    n = len(differences)
    if n > MAX_N:
        raise FaevalError(
            f"differences must have at most {MAX_N} values for the exact sign-flip test, but has {n} "
            f'({type(differences).__name__}); use test="t" or test="sign"'
        )
    table = np.zeros((2, 1 << n))  # sums and sizes, each value doubles the part that is filled
    for i, value in enumerate(sorted(differences)):  # one order of summation: the order of the seeds must not matter
        half = 1 << i
        np.add(table[:, :half], [[value], [1.0]], out=table[:, half : 2 * half])
    means: NDArray[np.float64] = table[0, 1:] / table[1, 1:]
    return means - n * EPSILON * max(map(abs, differences), default=0.0)


def p_greater(differences: Sample, bound: float) -> float:
    """P-value of H0 "centre of symmetry <= bound": a multiple of 2^-n, exact in binary; 1 below two values."""
    n = len(differences)
    if n < 2:
        return 1.0
    return (1 + int(np.count_nonzero(_subset_means(differences) <= bound))) / (1 << n)


def lower_bound(differences: Sample, level: float) -> float:
    """The smallest bound that p_greater does not reject at `level`; -inf where no p-value is that small."""
    rank = math.floor(level * (1 << len(differences)))
    if rank == 0 or len(differences) < 2:
        return -math.inf
    return float(np.partition(_subset_means(differences), rank - 1)[rank - 1])


def attainable(n: int) -> float:
    """All differences on one side of the bound: one sign pattern in 2^n."""
    return 0.5**n if n >= 2 else 1.0
