"""Other methods to decide by, at full strength.

A reader sees what a rule for few seeds has to avoid.

One-sample rivals say for each row of differences whether they find its centre above the bound, and
whether below, each at one-sided `alpha`. Two-sample rivals say whether they find the first arm
better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from faeval.calibration._laws import Array
from faeval.stats import judge_many
from faeval.streams import stream

Found: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]
OneSample: TypeAlias = Callable[[Array, float, float], Found]
TwoSample: TypeAlias = Callable[[Array, Array, float], NDArray[np.bool_]]

RESAMPLES = 1999
#: Rows that share their resamples: each row's are random, and their luck averages out over blocks.
ROWS = 500


def z(differences: Array, bound: float, alpha: float) -> Found:
    """The normal interval: mean -+ z s / sqrt n."""
    from scipy.special import ndtri

    n = differences.shape[1]
    mean, error = differences.mean(axis=1), differences.std(axis=1, ddof=1) / math.sqrt(n)
    critical = -float(ndtri(alpha))
    return mean - critical * error > bound, mean + critical * error < bound


def _weights(rng: np.random.Generator, n: int) -> Array:
    """Weights of each resample's mean, shape (n, RESAMPLES)."""
    indices = rng.integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    return np.bincount(indices.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n).T / n


def _resampled(differences: Array, block: int) -> Array:
    """Means of resamples, shape (rows, RESAMPLES), sorted."""
    n = differences.shape[1]
    return np.sort(differences @ _weights(stream(0, "calibrate", "bootstrap", n, block), n), axis=1)


def _in_blocks(rule: Callable[[Array, float, float, int], Found]) -> OneSample:
    def blocked(differences: Array, bound: float, alpha: float) -> Found:
        starts = range(0, len(differences), ROWS)
        parts = [rule(differences[i : i + ROWS], bound, alpha, i) for i in starts]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    blocked.__doc__ = rule.__doc__
    return blocked


def _quantile(ordered: Array, share: Array) -> Array:
    """A quantile of each sorted row, its own share each, by linear interpolation.

    NaN where the share is.
    """
    last = ordered.shape[1] - 1
    place = np.clip(np.nan_to_num(share), 0.0, 1.0) * last
    low = np.minimum(place.astype(int), last - 1)
    rows = np.arange(len(ordered))
    quantiles: Array = ordered[rows, low] + (place - low) * (
        ordered[rows, low + 1] - ordered[rows, low]
    )
    return np.where(np.isnan(share), np.nan, quantiles)


@_in_blocks
def percentile_bootstrap(differences: Array, bound: float, alpha: float, block: int) -> Found:
    """The percentile interval of 1,999 bootstrap means (Efron and Tibshirani 1993)."""
    means, rows = _resampled(differences, block), np.ones(len(differences))
    return _quantile(means, alpha * rows) > bound, _quantile(means, (1 - alpha) * rows) < bound


@_in_blocks
def bca_bootstrap(differences: Array, bound: float, alpha: float, block: int) -> Found:
    """The bias-corrected and accelerated interval of 1,999 bootstrap means (Efron 1987)."""
    low, high = bca_interval(differences, alpha, block)
    return low > bound, high < bound


def bca_interval(differences: Array, alpha: float, block: int = 0) -> tuple[Array, Array]:
    """Both bounds, each at one-sided `alpha`; NaN where their correction is undefined."""
    from scipy.special import ndtr, ndtri

    n = differences.shape[1]
    means, mean = _resampled(differences, block), differences.mean(axis=1)
    # A resample that holds each value once has the sample's mean: a tie, however the two sums were
    # rounded.
    gaps, tie = (
        means - mean[:, None],
        8 * np.finfo(float).eps * np.abs(differences).max(axis=1, keepdims=True),
    )
    below = (gaps < -tie).sum(axis=1) + (gaps <= tie).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        bias = ndtri(below / 2 / RESAMPLES)
        out = (differences - mean[:, None]) / (n - 1)  # the mean less the mean without each value
        acceleration = (out**3).sum(axis=1) / (6 * (out**2).sum(axis=1) ** 1.5)
        low, high = (
            ndtr(bias + (bias + q) / (1 - acceleration * (bias + q)))
            for q in (float(ndtri(alpha)), -float(ndtri(alpha)))
        )
    return _quantile(means, low), _quantile(means, high)


def welch(a: Array, b: Array, alpha: float) -> NDArray[np.bool_]:
    """Welch's t test, from faeval.stats."""
    p_support, _ = judge_many("exceeds", (a, b), 0.0, test="welch")
    return p_support <= alpha


def mann_whitney(a: Array, b: Array, alpha: float) -> NDArray[np.bool_]:
    """Mann and Whitney's exact test (1947) of the shift between two samples against 0."""
    above = np.count_nonzero(a[..., :, None] > b[..., None, :], axis=(-2, -1))
    return cast(NDArray[np.bool_], mann_whitney_tails(a.shape[-1], b.shape[-1])[above] <= alpha)


@lru_cache(maxsize=64)
def mann_whitney_tails(n: int, m: int) -> Array:
    """P(U >= u) for u = 0 .. nm, from SciPy's exact test on samples without ties of each u."""
    from scipy.stats import mannwhitneyu

    second = np.arange(1.0, m + 1)
    first = []
    for u in range(n * m + 1):
        beaten = [
            min(m, max(0, u - i * m)) for i in range(n)
        ]  # how many of the second sample each value is above
        first.append([b + 0.5 + 1e-6 * i for i, b in enumerate(beaten)])
    p_values = mannwhitneyu(
        np.array(first),
        np.broadcast_to(second, (n * m + 1, m)),
        axis=1,
        alternative="greater",
        method="exact",
    ).pvalue
    # Sums of many terms wobble in the last bit, from about 50 values a side; the tail of a law
    # never rises.
    return np.minimum.accumulate(np.asarray(p_values, dtype=np.float64))


def percentile_two_sample(a: Array, b: Array, alpha: float) -> NDArray[np.bool_]:
    """The percentile interval of the difference of 1,999 pairs of bootstrap means."""
    n, m = a.shape[1], b.shape[1]
    better = []
    for i in range(0, len(a), ROWS):
        rng = stream(0, "calibrate", "bootstrap", n, m, i)
        gaps = np.sort(
            a[i : i + ROWS] @ _weights(rng, n) - b[i : i + ROWS] @ _weights(rng, m), axis=1
        )
        better.append(_quantile(gaps, np.full(len(gaps), alpha)) > 0)
    return np.concatenate(better)


def violation_ratio(a: Array, b: Array) -> Array:
    """How far the first arm is from stochastically dominating the second, in [0, 1].

    Equal sizes, shape (..., n).

    del Barrio, Cuesta-Albertos and Matran (2018): the share of the squared distance between the
    quantile functions on which the second lies above. With equal sizes these are steps at the order
    statistics.
    """
    gap = np.sort(a, axis=-1) - np.sort(b, axis=-1)
    whole = (gap**2).sum(axis=-1)
    return np.where(
        whole > 0, (np.minimum(gap, 0) ** 2).sum(axis=-1) / np.where(whole > 0, whole, 1.0), 0.5
    )


def _aso(threshold: float) -> TwoSample:
    """Almost stochastic order: whether an upper bound of the violation ratio is small.

    Below a threshold (Dror, Shlomov, Reichart 2019).
    """

    def rule(a: Array, b: Array, alpha: float) -> NDArray[np.bool_]:
        return aso_bound(a, b, alpha) < threshold

    return rule


def aso_bound(a: Array, b: Array, alpha: float, resamples: int = 1000) -> Array:
    """Upper bound of the violation ratio by its bootstrap s.d. (Dror, Shlomov, Reichart 2019)."""
    from scipy.special import ndtri

    n = a.shape[1]
    ratio, spreads = violation_ratio(a, b), []
    for i in range(0, len(a), ROWS // 5):
        rng = stream(0, "calibrate", "aso", n, i)
        first, second = rng.integers(0, n, (resamples, n)), rng.integers(0, n, (resamples, n))
        part = slice(i, i + ROWS // 5)
        spreads.append(violation_ratio(a[part][:, first], b[part][:, second]).std(axis=1))
    return np.clip(ratio - np.concatenate(spreads) * float(ndtri(alpha)), 0.0, 1.0)


RIVALS: dict[str, OneSample] = {
    "z": z,
    "percentile bootstrap": percentile_bootstrap,
    "BCa bootstrap": bca_bootstrap,
}
TWO_SAMPLE: dict[str, TwoSample] = {
    "Welch": welch,
    "Mann-Whitney": mann_whitney,
    "percentile bootstrap, two samples": percentile_two_sample,
    "ASO, threshold .5": _aso(0.5),
    "ASO, threshold .2": _aso(0.2),
}
