"""The sign-flip test: exact where the differences are symmetric about their mean.

Flipping a subset of the signs of d - bound keeps the sum at least as large exactly where the mean of d over that
subset is at most the bound. So the means over subsets hold the whole test: their rank is the p-value, and their order
statistics are the confidence bounds, which therefore cannot disagree. Up to 20 seeds all 2^n - 1 non-empty subsets are
enumerated; beyond, a fixed random choice of them stands in, and the pattern without a flip counts beside it: the p-value
is (b + 1) / (B + 1), which is valid as it is [1]_.

.. [1] B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9 (2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from faeval.stats._checks import Array
from faeval.stats._spread import EPSILON, largest_size
from faeval.streams import stream

MAX_ENUMERATED = 20
#: Subsets drawn beyond that, and the pattern without a flip: p is a multiple of 2^-17.
SAMPLED = 1 << 17
_CELLS = 1 << 22  # of a table in memory at once, 32 MB


def patterns(n: int) -> int:
    """How many sign patterns the p-value is counted over, the one without a flip among them."""
    return 1 << n if n <= MAX_ENUMERATED else SAMPLED


@lru_cache(maxsize=4)
def _sizes(n: int) -> Array:
    """How many values each non-empty subset has, in the order of enumeration."""
    sizes = np.zeros(1 << n)
    for i in range(n):
        sizes[1 << i : 2 << i] = sizes[: 1 << i] + 1
    return sizes[1:]


@lru_cache(maxsize=4)
def _packed(n: int) -> NDArray[np.uint8]:
    """Which values each drawn subset has, the same on every call: 8 subsets a byte, shape (n, SAMPLED / 8)."""
    rng = stream(0, "sign-flip", n)
    return np.array([np.packbits(rng.random(SAMPLED - 1) < 0.5) for _ in range(n)])


def _draws(n: int) -> Iterator[NDArray[np.uint8]]:
    """For each value in turn which drawn subsets have it: 1 or 0, shape (SAMPLED - 1,)."""
    return (np.unpackbits(row, count=SAMPLED - 1) for row in _packed(n))


def _subset_means(differences: Array) -> Array:
    """Means over subsets, shape (rows, n) to (rows, patterns - 1), lowered by their own rounding error.

    The mean of k summed numbers is off by less than k eps times the largest: lowered by n eps, a tie with the bound
    counts as a tie, and the test errs on the side of not deciding.
    """
    rows, n = differences.shape
    columns = np.sort(differences, axis=-1).T  # one order of summation: the order of the seeds must not matter
    if n <= MAX_ENUMERATED:
        sums = np.zeros((rows, 1 << n))
        for i, column in enumerate(columns):  # each value doubles the part that is filled
            half = 1 << i
            np.add(sums[:, :half], column[:, None], out=sums[:, half : 2 * half])
        means = sums[:, 1:]
        means /= _sizes(n)
    else:
        means, sizes = np.zeros((rows, SAMPLED - 1)), np.zeros(SAMPLED - 1)
        for taken, column in zip(_draws(n), columns, strict=True):
            means += taken * column[:, None]
            sizes += taken
        means = np.where(sizes > 0, means / np.maximum(sizes, 1), -math.inf)  # no flip at all: always at least as large
    means -= (n * EPSILON * largest_size(differences))[:, None]
    return means


def _blocks(differences: Array) -> Iterator[tuple[slice, Array]]:
    """The rows, a part at a time, each with the means of its subsets: memory stays bounded."""
    rows, n = differences.shape
    step = max(1, _CELLS // patterns(n))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        yield part, _subset_means(differences[part])


def p_greater(differences: Array, bound: float) -> Array:
    """P-value of H0 "centre of symmetry <= bound": a multiple of 2^-n, exact in binary; 1 below two values."""
    n = differences.shape[-1]
    rows = differences.reshape(math.prod(differences.shape[:-1]), n)
    p = np.ones(len(rows))
    if n >= 2:
        for part, means in _blocks(rows):
            p[part] = (1 + np.count_nonzero(means <= bound, axis=1)) / patterns(n)
    return p.reshape(differences.shape[:-1])


def lower_bound(differences: Array, level: float) -> Array:
    """The smallest bound that p_greater does not reject at `level`; -inf where no p-value is that small."""
    n = differences.shape[-1]
    rows = differences.reshape(math.prod(differences.shape[:-1]), n)
    bounds = np.full(len(rows), -math.inf)
    rank = math.floor(level * patterns(n))
    if n >= 2 and rank > 0:
        for part, means in _blocks(rows):
            bounds[part] = np.partition(means, rank - 1, axis=1)[:, rank - 1]
    return bounds.reshape(differences.shape[:-1])


def attainable(n: int) -> float:
    """All differences on one side of the bound: one sign pattern of all."""
    return 1 / patterns(n) if n >= 2 else 1.0
