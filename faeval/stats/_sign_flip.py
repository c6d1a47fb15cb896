"""The sign-flip test: exact where the differences are symmetric about their mean.

Flipping a subset of the signs of d - bound keeps the sum at least as large exactly where the mean
of d over that subset is at most the bound. So the means over subsets hold the whole test: their
rank is the p-value, and their order statistics are the confidence bounds, which therefore cannot
disagree. Up to 20 seeds all 2^n - 1 non-empty subsets are enumerated; beyond, a fixed random choice
of them stands in, and the pattern without a flip counts beside it: the p-value is (b + 1) / (B +
1), which is valid as it is [1]_.

.. [1] B. Phipson and G. K. Smyth, "Permutation p-values should never be zero",
   Stat. Appl. Genet. Mol. Biol. 9 (2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array
from faeval.stats._spread import EPSILON, largest_size, on_each_rest
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
    """How many values each subset has, in the order of enumeration; shape (2^n,)."""
    sizes: Array = _all_sums(np.ones((n, 1)))[0]
    return sizes


@lru_cache(maxsize=4)
def _drawn(n: int) -> tuple[tuple[NDArray[np.uint8], ...], Array]:
    """The drawn subsets, the same on every call.

    Which of each 8 values they have, a bit each, and how many of all.
    """
    rng = stream(0, "sign-flip", n)
    groups = tuple(
        rng.integers(1 << min(8, n - i), size=SAMPLED - 1, dtype=np.uint8) for i in range(0, n, 8)
    )
    return groups, _sums_drawn(np.ones(n), groups)


def _all_sums(columns: Array) -> Array:
    """Sums over all subsets in the order of enumeration, shapes (n, rows) to (rows, 2^n)."""
    n, rows = columns.shape
    sums = np.zeros((rows, 1 << n))
    for i, column in enumerate(columns):  # each value doubles the part that is filled
        half = 1 << i
        np.add(sums[:, :half], column[:, None], out=sums[:, half : 2 * half])
    return sums


def _sums_drawn(values: Array, groups: tuple[NDArray[np.uint8], ...]) -> Array:
    """Sums over the drawn subsets: those of each 8 values are looked up among all they can have."""
    total = np.zeros(SAMPLED - 1)
    for i, group in enumerate(groups):
        total += _all_sums(values[8 * i : 8 * i + 8, None])[0][group]
    return total


def _subset_means(differences: Array) -> Array:
    """Means over subsets, lowered by their own rounding error.

    Shape (rows, n) to (rows, patterns - 1).

    The mean of k summed numbers is off by less than k eps times the largest: lowered by n eps, a
    tie with the bound counts as a tie, and the test errs on the side of not deciding.
    """
    n = differences.shape[-1]
    # one order of summation: the order of the seeds must not matter
    ordered = np.sort(differences, axis=-1)
    if n <= MAX_ENUMERATED:
        means = _all_sums(ordered.T)[:, 1:]
        means /= _sizes(n)[1:]
    else:
        groups, sizes = _drawn(n)
        sums = np.array([_sums_drawn(row, groups) for row in ordered])
        # no flip at all is always at least as large
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), -math.inf)
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
    """P-value of H0 "centre of symmetry <= bound": a multiple of 2^-n, exact in binary.

    1 below two values.
    """
    n = differences.shape[-1]
    rows = differences.reshape(math.prod(differences.shape[:-1]), n)
    p = np.ones(len(rows))
    if n >= 2:
        for part, means in _blocks(rows):
            p[part] = (1 + np.count_nonzero(means <= bound, axis=1)) / patterns(n)
    return p.reshape(differences.shape[:-1])


def p_without_each(differences: Array, bound: float) -> Array:
    """P-value without each value in turn, shape (n,) to (n,).

    Where subsets are drawn those of all values serve, with the value left out of them: n times
    their sums would take minutes.
    """
    n = len(differences)
    if n - 1 <= MAX_ENUMERATED:
        return on_each_rest(lambda rests: p_greater(rests, bound), differences)
    order = np.argsort(differences)
    ordered = differences[order]
    excess = ordered - bound
    groups, sizes = _drawn(n)
    # A subset's mean is at most the bound where its excess is at most 0, less the rounding of
    # differences and of sums.
    low = (
        _sums_drawn(excess, groups)
        - 2 * n * EPSILON * (largest_size(differences) + abs(bound)) * sizes
    )
    by_size = np.argsort(low)
    groups = tuple(group[by_size] for group in groups)
    within = np.searchsorted(low[by_size], [0.0, *excess], side="right").tolist()
    p = np.empty(n)
    for i in range(n):
        # equal values have equal p, whichever seed they are of
        if i and ordered[i] == ordered[i - 1]:
            p[order[i]] = p[order[i - 1]]
            continue
        signs = groups[i // 8] >> (i % 8) & 1
        without = within[0] - np.count_nonzero(signs[: within[0]])
        p[order[i]] = (1 + without + np.count_nonzero(signs[: within[i + 1]])) / patterns(n - 1)
    return p


def lower_bound(differences: Array, level: float) -> Array:
    """The smallest bound that p_greater does not reject at `level`.

    -inf where no p-value is that small.
    """
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
