"""The spread over seeds: its estimate, its absence, and how large it may really be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faeval._arguments import Array, count, number, probability, sample
from faeval.errors import FaevalError

EPSILON = 2.0**-52
_CELLS = 1 << 20  # of samples in memory at once, 8 MB


def mean_and_sd(values: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (ddof 1) over the last axis.

    Independent of the order of the seeds to the last bit.

    Shapes (..., n) to (...). NaN where undefined: the mean of no values, the deviation of fewer
    than two.
    """
    mean, _, sd = moments(values)
    return mean, sd


def moments(values: Array) -> tuple[Array, Array, Array]:
    """:func:`mean_and_sd`, and between the two what the true mean lies above the rounded one.

    Far from 0 the spread may be no larger than the rounding of the mean: 1e8 and a spread of 1e-6.
    """
    n = values.shape[-1]
    if n == 0:
        undefined = np.full(values.shape[:-1], math.nan)
        return undefined, undefined, undefined
    columns = np.sort(values, axis=-1).T  # all axes turned round, and back at the end
    # What each addition rounds off is kept and added at the end: the mean is as good as summed
    # exactly.
    total, lost = columns[0], np.zeros(columns.shape[1:])
    for column in columns[1:]:
        new = total + column
        shift = new - total
        lost = lost + ((total - (new - shift)) + (column - shift))
        total = new
    # The rounded mean of equal numbers may differ from them, and look like spread.
    mean = np.where(columns[0] == columns[-1], columns[0], (total + lost) / n)
    if n == 1:
        return mean.T, np.zeros(mean.shape).T, np.full(mean.shape, math.nan).T
    gaps = columns - mean
    rest = np.zeros(mean.shape)
    for gap in gaps:
        rest = rest + gap / n
    sizes = np.sort(np.abs(gaps), axis=0)
    largest = np.where(
        sizes[-1] > 0, sizes[-1], 1.0
    )  # divided out: squares of 1e-200 would vanish, of 1e200 overflow
    squares = np.zeros(mean.shape)
    for size in sizes:
        ratio = size / largest
        squares = squares + ratio * ratio
    squares = squares - n * (rest / largest) ** 2
    return mean.T, rest.T, (largest * np.sqrt(np.maximum(squares, 0.0) / (n - 1))).T


def without_each(values: Array) -> Iterator[Array]:
    """All samples with one value left out, in their order, some at a time.

    Shape (n,) to shapes (some, n - 1).
    """
    n = len(values)
    step = max(1, _CELLS // max(1, n))
    for start in range(0, n, step):
        mask = np.arange(n) != np.arange(start, min(n, start + step))[:, None]
        yield np.broadcast_to(values, mask.shape)[mask].reshape(len(mask), n - 1)


def on_each_rest(read: Callable[[Array], NDArray[Any]], values: Array) -> Array:
    """What is read of each sample with one value left out, in their order, shape (n,) to (n,).

    `read` takes rows.
    """
    return np.concatenate([[], *map(read, without_each(values))])


def undecidable(differences: Array) -> NDArray[np.bool_]:
    """Whether differences alone show that no test may decide.

    Fewer than two, or nothing but rounding between them.

    Shape (..., n) to (...). A difference is at most twice the larger side. Half of no_spread's
    factor therefore never refuses what no_spread, which knows both sides, would let pass.
    """
    _, sd = mean_and_sd(differences)
    return ~(sd > 4 * EPSILON * largest_size(differences))


def largest_size(values: Array) -> Array:
    """The largest absolute value over the last axis, shape (..., n) to (...); 0 of no values."""
    return cast(Array, np.max(np.abs(values), axis=-1, initial=0.0))


def tie_tolerance(a: ArrayLike, b: ArrayLike = 0.0, resolution: float = 0.0) -> float:
    """How near to a bound a difference a - b is a tie with it, being off by rounding alone.

    Parameters
    ----------
    a, b
        Numbers of any shape in the metric's unit, before subtraction.
    resolution
        The smallest step that the metric can take, at least 0.

    Returns
    -------
    float
        4 machine epsilons of the largest absolute value of either side, or half the resolution
        where that is more.

    Raises
    ------
    FaevalError
        Where a side is not finite, or the resolution is below 0.

    Examples
    --------
    >>> 0.63 - 0.58 > 0.05, 0.63 - 0.58 > 0.05 + tie_tolerance(0.63, 0.58)
    (True, False)
    """
    largest = max(
        float(largest_size(sample(name, np.ravel(side)))) for name, side in (("a", a), ("b", b))
    )
    half = number("resolution", resolution, "a step of the metric, at least 0", low=0.0) / 2
    return max(4 * EPSILON * largest, half)


#: A difference known by itself is taken to come from sides of up to so many times its size.
_SIDES = 16


def own_tolerance(differences: Array) -> Array:
    """The :func:`tie_tolerance` of differences of unknown sides, shape (..., n) to (...)."""
    return 4 * EPSILON * _SIDES * largest_size(differences)


def no_spread(a: ArrayLike, b: ArrayLike = 0.0) -> bool:
    """Whether the differences a - b have no spread beyond rounding.

    The seed changed nothing that was measured.

    Parameters
    ----------
    a, b
        Shape (n,), one number per seed, paired, in the metric's unit; `b` may be one number.

    Returns
    -------
    bool
        True where the standard deviation (ddof 1) of a - b is at most 8 machine epsilons of the
        largest absolute value of either side before subtraction. False for fewer than two seeds,
        whose spread is unknown.

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
    first = sample("a", a)
    second = (
        np.full(len(first), number("b", b, "a finite number"))
        if np.ndim(b) == 0
        else sample("b", b)
    )
    if len(first) != len(second):
        raise FaevalError(
            f"a and b must be paired by seed, but have {len(first)} and {len(second)} values"
            " (lengths); give both sides on the same seeds"
        )
    return equal_beyond_rounding(first - second, np.concatenate([first, second]))


def equal_beyond_rounding(differences: Array, sizes: Array) -> bool:
    """Whether differences, shape (n,), do not vary beyond the rounding of what they were made of.

    `sizes` is how large.
    """
    _, sd = mean_and_sd(differences)
    return bool(sd <= 8 * EPSILON * largest_size(sizes))


def sd_upper(sd: float, n: int, confidence: float = 0.80) -> float:
    """Upper confidence bound of a standard deviation estimated from `n` values.

    Chi-square, for near-normal values.

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
