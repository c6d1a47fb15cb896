"""The sign test: a claim about the median difference.

Exact for every law without an atom at the bound.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from faeval._arguments import Array


@lru_cache(maxsize=256)
def _tails(n: int) -> Array:
    """P(Bin(n, 1/2) >= k) for k = 0 .. n, each rounded once from exact integers."""
    terms = [math.comb(n, j) for j in range(n + 1)]
    sums = [0]
    for term in reversed(terms):
        sums.append(sums[-1] + term)
    return np.array([total / (1 << n) for total in reversed(sums[1:])])


def p_greater(differences: Array, bound: float) -> Array:
    """P-value of H0 "median <= bound": the binomial tail, exact.

    A value on the bound speaks for H0.
    """
    n = differences.shape[-1]
    if n < 2:
        return np.ones(differences.shape[:-1])
    p: Array = _tails(n)[np.count_nonzero(differences > bound, axis=-1)]
    return p


def lower_bound(differences: Array, level: float) -> Array:
    """The smallest bound that p_greater does not reject at `level`: an order statistic, or -inf."""
    n = differences.shape[-1]
    enough = (
        int(np.count_nonzero(_tails(n) > level)) if n >= 2 else n + 1
    )  # so many values above reject
    if enough > n:
        return np.full(differences.shape[:-1], -math.inf)
    return np.sort(differences, axis=-1)[..., n - enough]


def attainable(n: int) -> float:
    """All differences above the bound: one outcome in 2^n."""
    return 0.5**n if n >= 2 else 1.0
