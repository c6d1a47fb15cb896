"""Wilcoxon's exact signed-rank test, by counting the sums of ranks.

The statistic counts averages of two values (Walsh averages) above the bound. Their order statistics
are the confidence bounds, which therefore cannot disagree with p; one on the bound speaks for H0.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast

import numpy as np

from faeval._arguments import Array
from faeval.errors import FaevalError

MAX_N = 50  # beyond it counts would not be exact, and SciPy's own exact test is not offered


@lru_cache(maxsize=64)
def wilcoxon_tails(n: int) -> Array:
    """P(W >= w) for w = 0 .. n(n + 1)/2: each rank is in the sum with chance 1/2.

    Counts of sums are whole numbers up to 2^50, so every chance is exact.
    """
    if n > MAX_N:
        raise FaevalError(
            f"differences must have at most {MAX_N} values for Wilcoxon's exact test, but has"
            f' {n} (length); use test="t" or test="sign-flip"'
        )
    counts = np.ones(1, dtype=np.int64)
    for rank in range(1, n + 1):
        without, with_rank = np.pad(counts, (0, rank)), np.pad(counts, (rank, 0))
        counts = without + with_rank
    return np.cumsum(counts[::-1])[::-1] / 2.0**n


def needed(tails: Array, level: float) -> int | None:
    """How many pairs above the bound reject at `level`; None where even all of them do not."""
    count = int(np.count_nonzero(tails > level))
    return count if count < len(tails) else None


def _walsh(differences: Array) -> Array:
    """Averages of two values, each with itself too: shape (..., n) to (..., n(n + 1)/2)."""
    i, j = np.triu_indices(differences.shape[-1])
    return differences[..., i] / 2 + differences[..., j] / 2


def p_greater(differences: Array, bound: float) -> Array:
    """P-value of H0 "centre of symmetry <= bound" of each row; 1 below two values."""
    n = differences.shape[-1]
    if n < 2:
        return np.ones(differences.shape[:-1])
    return cast(Array, wilcoxon_tails(n)[np.count_nonzero(_walsh(differences) > bound, axis=-1)])


def lower_bound(differences: Array, level: float) -> Array:
    """The smallest bound that p_greater does not reject at `level`.

    An order statistic of Walsh averages, or -inf.
    """
    n = differences.shape[-1]
    enough = needed(wilcoxon_tails(n), level) if n >= 2 else None
    if enough is None:
        return np.full(differences.shape[:-1], -math.inf)
    return np.sort(_walsh(differences), axis=-1)[..., -enough]


def attainable(n: int) -> float:
    """All averages above the bound: one sign pattern in 2^n."""
    return 0.5**n if n >= 2 else 1.0
