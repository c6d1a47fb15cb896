"""Wilcoxon's exact signed-rank test, by the null distribution that SciPy gives for it.

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

MAX_N = 50  # SciPy's exact distribution beyond it takes long, and says no more


@lru_cache(maxsize=64)
def wilcoxon_tails(n: int) -> Array:
    """P(W >= w) for w = 0 .. n(n + 1)/2, from SciPy's exact test.

    It is given samples without ties that have each w.
    """
    from scipy.stats import wilcoxon

    if n > MAX_N:
        raise FaevalError(
            f"differences must have at most {MAX_N} values for Wilcoxon's exact test, but has"
            f' {n} (length); use test="t" or test="sign-flip"'
        )
    ranks = np.arange(1.0, n + 1)
    samples = []
    for w in range(n * (n + 1) // 2 + 1):
        signs, rest = -np.ones(n), w
        for i in range(n - 1, -1, -1):  # the largest ranks that still fit are positive
            if ranks[i] <= rest:
                signs[i], rest = 1.0, rest - int(ranks[i])
        samples.append(signs * ranks)
    p_values = wilcoxon(np.array(samples), axis=1, alternative="greater", method="exact").pvalue
    return np.asarray(p_values, dtype=np.float64)


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
