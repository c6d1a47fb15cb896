"""Two independent samples, for values that no seed pairs: Welch's test and Mann-Whitney's,
one-sided against any shift.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from faeval._arguments import LARGEST, Array, choice, number, probability, refuse, sample
from faeval.stats import _ranks, _welch
from faeval.stats._bound_search import crossing
from faeval.stats._spread import EPSILON, largest_size
from faeval.stats._t import upper_tail

Alternative: TypeAlias = Literal["greater", "less"]
Side: TypeAlias = Literal["lower", "upper"]


def welch_p(
    a: ArrayLike, b: ArrayLike, bound: float = 0.0, alternative: Alternative = "greater"
) -> float:
    """One-sided p-value of Welch's test of the difference of means, mean(a) - mean(b), against
    `bound` [1]_.

    Parameters
    ----------
    a, b
        Shapes (n,) and (m,), in the metric's unit; independent, not paired by seed.
    bound
        The difference tested against, in the same unit.
    alternative
        "greater" tests H0 "difference <= bound", "less" tests H0 "difference >= bound".

    Returns
    -------
    float
        In [0, 1]; 1 with fewer than two values in a sample, or where neither varies beyond
        rounding.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or an unknown alternative.

    References
    ----------
    .. [1] B. L. Welch, "The generalization of Student's problem", Biometrika 34 (1947).

    Examples
    --------
    >>> round(welch_p([3.0, 4.0, 5.0], [1.0, 2.0, 3.0]), 4)
    0.0352
    """
    return float(_welch.p_greater(*_ordered(a, b, bound, alternative)))


def welch_p_many(a: ArrayLike, b: ArrayLike, bound: float = 0.0) -> Array:
    """P-values of H0 "mean(a) - mean(b) <= bound" for many pairs of samples at once; each is that
    of :func:`welch_p`.

    Parameters
    ----------
    a, b
        Shapes (rows, n) and (rows, m), in the metric's unit.
    bound
        The difference tested against, in the same unit.

    Returns
    -------
    array
        Shape (rows,), in [0, 1].

    Raises
    ------
    FaevalError
        For input that is not finite or not two-dimensional, or numbers of rows that differ.

    Examples
    --------
    >>> welch_p_many([[3.0, 4.0, 5.0], [1.0, 1.0, 1.0]], [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]).round(4).tolist()
    [0.0352, 1.0]
    """
    return _welch.p_greater(*_rows(a, b, bound))


def welch_bound(a: ArrayLike, b: ArrayLike, level: float, side: Side = "lower") -> float:
    """One-sided confidence bound of the difference of means: beyond it lies exactly what Welch's
    test rejects at `level`.

    Parameters
    ----------
    a, b
        As in :func:`welch_p`.
    level
        One-sided error rate, in (0, 1).
    side
        "lower" or "upper".

    Returns
    -------
    float
        In the metric's unit; infinite where the test rejects nothing.

    Raises
    ------
    FaevalError
        As :func:`welch_p`, and for a level outside (0, 1).

    Examples
    --------
    >>> round(welch_bound([3.0, 4.0, 5.0], [1.0, 2.0, 3.0], 0.05), 3)
    0.259
    """
    from scipy.special import stdtrit

    level = probability("level", level)
    if choice("side", side, ("lower", "upper")) == "upper":
        return -welch_bound(b, a, level)
    x, y, _ = _ordered(a, b, 0.0, "greater")
    if min(len(x), len(y)) < 2 or not _welch.varies(x, y):
        return -math.inf
    gap, error, df = _welch.statistic(x, y)

    def rejected(bound: float) -> bool:
        return bool(upper_tail(gap - bound, error, df) <= level)

    if not rejected(-LARGEST):
        return -math.inf
    if rejected(LARGEST):
        return math.inf
    with np.errstate(over="ignore"):
        start = float(gap + stdtrit(df, level) * error)
    # SciPy's quantile leaves the range of a double at the smallest levels; the search needs some
    # start only.
    return crossing(
        rejected,
        start if abs(start) < LARGEST else float(gap),
        float(largest_size(np.concatenate([x, y]))),
    )


def mann_whitney_p(
    a: ArrayLike, b: ArrayLike, bound: float = 0.0, alternative: Alternative = "greater"
) -> float:
    """One-sided exact p-value of Mann-Whitney's test of the shift between two samples against
    `bound` [1]_.

    Parameters
    ----------
    a, b
        Shapes (n,) and (m,), in the metric's unit; independent, not paired by seed.
    bound
        The shift tested against, in the same unit. A pair a - b on it speaks for H0.
    alternative
        "greater" tests H0 "shift <= bound", "less" tests H0 "shift >= bound".

    Returns
    -------
    float
        In [0, 1]; 1 with fewer than two values in a sample, or where neither varies beyond
        rounding.

    Raises
    ------
    FaevalError
        For input that is not finite, not one-dimensional or too long, or an unknown alternative.

    References
    ----------
    .. [1] H. B. Mann and D. R. Whitney, Ann. Math. Statist. 18 (1947).

    Examples
    --------
    >>> mann_whitney_p([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])
    0.05
    """
    return float(_mann_whitney_p(*_ordered(a, b, bound, alternative)))


def mann_whitney_p_many(a: ArrayLike, b: ArrayLike, bound: float = 0.0) -> Array:
    """P-values of H0 "shift <= bound" for many pairs of samples at once; each is that of
    :func:`mann_whitney_p`.

    Parameters
    ----------
    a, b
        Shapes (rows, n) and (rows, m), in the metric's unit.
    bound
        The shift tested against, in the same unit.

    Returns
    -------
    array
        Shape (rows,), in [0, 1].

    Raises
    ------
    FaevalError
        For input that is not finite, not two-dimensional or too long, or numbers of rows that
        differ.

    Examples
    --------
    >>> mann_whitney_p_many([[4.0, 5.0, 6.0], [1.0, 1.0, 1.0]], [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]).tolist()
    [0.05, 1.0]
    """
    return _mann_whitney_p(*_rows(a, b, bound))


def _mann_whitney_p(a: Array, b: Array, bound: float) -> Array:
    """The core, shapes (..., n), (..., m) to (...)."""
    n, m = a.shape[-1], b.shape[-1]
    if min(n, m) < 2:
        return np.ones(a.shape[:-1])
    above = np.count_nonzero(_pairs(a, b) > bound, axis=-1)
    return np.where(_welch.varies(a, b), _ranks.mann_whitney_tails(n, m)[above], 1.0)


def mann_whitney_bound(a: ArrayLike, b: ArrayLike, level: float, side: Side = "lower") -> float:
    """One-sided confidence bound of the shift: beyond it lies exactly what Mann-Whitney's test
    rejects at `level`.

    Parameters
    ----------
    a, b
        As in :func:`mann_whitney_p`.
    level
        One-sided error rate, in (0, 1).
    side
        "lower" or "upper".

    Returns
    -------
    float
        One of the differences a - b; infinite where no p-value is small enough.

    Raises
    ------
    FaevalError
        As :func:`mann_whitney_p`, and for a level outside (0, 1).

    Examples
    --------
    >>> round(mann_whitney_bound([4.0, 5.0, 6.0], [1.0, 2.0, 3.0], 0.05), 9)
    1.0
    """
    level = probability("level", level)
    if choice("side", side, ("lower", "upper")) == "upper":
        return -mann_whitney_bound(b, a, level)
    x, y, _ = _ordered(a, b, 0.0, "greater")
    if min(len(x), len(y)) < 2 or not _welch.varies(x, y):
        return -math.inf
    enough = _ranks.needed(_ranks.mann_whitney_tails(len(x), len(y)), level)
    return -math.inf if enough is None else float(np.sort(_pairs(x, y))[-enough])


def _pairs(a: Array, b: Array) -> Array:
    """All differences a - b, shapes (..., n), (..., m) to (..., nm), lowered so that a tie is not
    above a bound.
    """
    gaps = a[..., :, None] - b[..., None, :]
    near = 4 * EPSILON * np.maximum(largest_size(a), largest_size(b))[..., None, None]
    gaps = gaps - near  # what ties with a bound by rounding is not above it
    return gaps.reshape(*gaps.shape[:-2], -1)


def _ordered(
    a: ArrayLike, b: ArrayLike, bound: float, alternative: str
) -> tuple[Array, Array, float]:
    """The samples and the bound such that "greater" is tested: "less" exchanges the samples."""
    x, y, bound = sample("a", a), sample("b", b), number("bound", bound, "a finite number")
    return (
        (x, y, bound)
        if choice("alternative", alternative, ("greater", "less")) == "greater"
        else (y, x, -bound)
    )


def _rows(a: ArrayLike, b: ArrayLike, bound: float) -> tuple[Array, Array, float]:
    """Many pairs of samples, one pair a row."""
    x, y = sample("a", a, axes=2), sample("b", b, axes=2)
    if len(x) != len(y):
        raise refuse(
            "b",
            y.tolist(),
            f"one sample for each of {len(x)} rows of a",
            "give both sides of each comparison",
        )
    return x, y, number("bound", bound, "a finite number")
