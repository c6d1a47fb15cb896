"""Two independent samples, for values that no seed pairs: Welch's test and Mann-Whitney's, one-sided against any shift."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faeval.stats import _ranks
from faeval.stats._checks import Array, choice, number, probability, sample
from faeval.stats._invert import crossing
from faeval.stats._spread import mean_and_sd
from faeval.stats._tests import Alternative

Side = Literal["lower", "upper"]


def welch_p(a: ArrayLike, b: ArrayLike, bound: float = 0.0, alternative: Alternative = "greater") -> float:
    """One-sided p-value of Welch's test of the difference of means, mean(a) - mean(b), against `bound` [1]_.

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
        In [0, 1]; 1 with fewer than two values in a sample, or without spread in both.

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
    x, y, bound = _ordered(a, b, bound, alternative)
    return float(welch_p_many(x[None], y[None], bound)[0])


def welch_p_many(a: Array, b: Array, bound: float = 0.0) -> Array:
    """P-values of H0 "difference of means <= bound" for many pairs of samples: shapes (rows, n), (rows, m) to (rows,)."""
    from scipy.special import stdtr

    if min(a.shape[-1], b.shape[-1]) < 2:
        return np.ones(a.shape[:-1])
    gap, error, df = _welch(a, b)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        p: Array = stdtr(df, -(gap - bound) / error)
    return np.where(error > 0, p, 1.0)


def _welch(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """The difference of means, its standard error, and Satterthwaite's degrees of freedom."""
    n, m = a.shape[-1], b.shape[-1]
    (mean_a, sd_a), (mean_b, sd_b) = mean_and_sd(a), mean_and_sd(b)
    error = np.hypot(sd_a / math.sqrt(n), sd_b / math.sqrt(m))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(
            error > 0, (sd_a / math.sqrt(n) / error) ** 2, 0.5
        )  # of the variance that is the first sample's
    return mean_a - mean_b, error, 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))


def welch_bound(a: ArrayLike, b: ArrayLike, level: float, side: Side = "lower") -> float:
    """One-sided confidence bound of the difference of means: beyond it lies exactly what Welch's test rejects at `level`.

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
    if min(len(x), len(y)) < 2:
        return -math.inf
    gap, error, df = _welch(x, y)
    if not error > 0:
        return -math.inf

    def rejected(bound: float) -> bool:
        return bool(welch_p_many(x[None], y[None], bound)[0] <= level)

    size = float(max(np.max(np.abs(x)), np.max(np.abs(y))))
    return crossing(rejected, float(gap + stdtrit(df, level) * error), size)


def mann_whitney_p(a: ArrayLike, b: ArrayLike, bound: float = 0.0, alternative: Alternative = "greater") -> float:
    """One-sided exact p-value of Mann-Whitney's test of the shift between two samples against `bound` [1]_.

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
        In [0, 1]; 1 with fewer than two values in a sample.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or an unknown alternative.

    References
    ----------
    .. [1] H. B. Mann and D. R. Whitney, Ann. Math. Statist. 18 (1947).

    Examples
    --------
    >>> mann_whitney_p([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])
    0.05
    """
    x, y, bound = _ordered(a, b, bound, alternative)
    return float(mann_whitney_p_many(x[None], y[None], bound)[0])


def mann_whitney_p_many(a: Array, b: Array, bound: float = 0.0) -> Array:
    """P-values of H0 "shift <= bound" for many pairs of samples: shapes (rows, n), (rows, m) to (rows,)."""
    n, m = a.shape[-1], b.shape[-1]
    if min(n, m) < 2:
        return np.ones(a.shape[:-1])
    above = np.count_nonzero(_pairs(a, b) > bound, axis=-1)
    p: Array = _ranks.mann_whitney_tails(n, m)[above]
    return p


def mann_whitney_bound(a: ArrayLike, b: ArrayLike, level: float, side: Side = "lower") -> float:
    """One-sided confidence bound of the shift: beyond it lies exactly what Mann-Whitney's test rejects at `level`.

    Parameters are those of :func:`welch_bound`.

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
    >>> mann_whitney_bound([4.0, 5.0, 6.0], [1.0, 2.0, 3.0], 0.05)
    1.0
    """
    level = probability("level", level)
    if choice("side", side, ("lower", "upper")) == "upper":
        return -mann_whitney_bound(b, a, level)
    x, y, _ = _ordered(a, b, 0.0, "greater")
    enough = _ranks.needed(_ranks.mann_whitney_tails(len(x), len(y)), level) if min(len(x), len(y)) >= 2 else None
    return -math.inf if enough is None else float(np.sort(_pairs(x, y))[-enough])


def _pairs(a: Array, b: Array) -> Array:
    """All differences a - b, shapes (..., n), (..., m) to (..., nm)."""
    gaps = a[..., :, None] - b[..., None, :]
    return gaps.reshape(*gaps.shape[:-2], -1)


def _ordered(a: ArrayLike, b: ArrayLike, bound: float, alternative: str) -> tuple[Array, Array, float]:
    """The samples and the bound such that "greater" is tested: "less" exchanges the samples."""
    x, y, bound = sample("a", a), sample("b", b), number("bound", bound, "a finite number")
    return (x, y, bound) if choice("alternative", alternative, ("greater", "less")) == "greater" else (y, x, -bound)
