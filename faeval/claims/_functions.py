"""Functions of several estimands: one number per seed out of several.

A new one is a row of ``FUNCTIONS`` and a public function in ``_summaries.py``. Design checks, the
evaluation and the ends of a range ask the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faeval.stats import KINDS, Region, tie_tolerance

Array = NDArray[np.float64]
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Function:
    """One function of k values, seed by seed.

    Parameters
    ----------
    of
        Shape (seeds, k) and the function's numbers to (seeds,); NaN where it is undefined.
    weights
        How each of k arguments enters, with its sign: what compares arms is read off it.
    unit
        Of its value; None is that of its arguments.
    range
        The ends of its values, of those of its arguments.
    is_outcome
        Whether it is 0 or 1 at each seed.
    """

    of: Callable[[Array, Numbers], Array]
    weights: Callable[[int, Numbers], Numbers]
    unit: str | None = None
    range: Callable[[Numbers, Numbers], tuple[float, float]] = lambda low, high: (
        min(low),
        max(high),
    )
    is_outcome: bool = False


def _everything(low: Numbers, high: Numbers) -> tuple[float, float]:
    return -math.inf, math.inf


def _even(k: int, numbers: Numbers) -> Numbers:
    return (1.0 / k,) * k


def _log10(values: Array, numbers: Numbers) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values[:, 0] > 0, np.log10(values[:, 0]), np.nan)


def _iqm(values: Array, numbers: Numbers) -> Array:
    cut = values.shape[1] // 4
    mean: Array = np.sort(values, axis=1)[:, cut : values.shape[1] - cut].mean(axis=1)
    return mean


def _share_above(values: Array, numbers: Numbers) -> Array:
    share = (values > numbers[0]).mean(axis=1)
    return np.where(np.isnan(values).any(axis=1), np.nan, share)


def slope_weights(k: int, x: Numbers) -> Numbers:
    """Weights of the least-squares slope over the points x."""
    gaps = np.array(x) - math.fsum(x) / k
    return tuple((gaps / math.fsum(gaps**2)).tolist())


def trend_weights(k: int, numbers: Numbers = ()) -> Numbers:
    """Weights of Abelson and Tukey: the contrast that correlates best with the worst rising shape.

    R. P. Abelson and J. W. Tukey, Ann. Math. Stat. 34 (1963).
    """
    j = np.arange(1, k + 1)
    weights = np.sqrt((j - 1) * (1 - (j - 1) / k)) - np.sqrt(j * (1 - j / k))
    return tuple(weights.tolist())


def _per_doubling(k: int, x: Numbers) -> Numbers:
    return slope_weights(k, tuple(math.log2(level) for level in x))


def _picked(best: Callable[..., NDArray[np.intp]]) -> Callable[[Array, Numbers], Array]:
    def of(values: Array, numbers: Numbers) -> Array:
        values, scores = np.split(values, 2, axis=1)
        undefined = np.asarray(np.isnan(scores).any(axis=1))
        at = best(np.where(undefined[:, None], 0.0, scores), axis=1)
        return np.where(undefined, np.nan, values[np.arange(len(values)), at])

    return of


def _picked_from(k: int, numbers: Numbers) -> Numbers:
    return (2.0 / k,) * (k // 2) + (0.0,) * (k // 2)


def _weighted(weights: Callable[[int, Numbers], Numbers]) -> Function:
    def of(values: Array, numbers: Numbers) -> Array:
        total: Array = values @ np.array(weights(values.shape[1], numbers))
        return total

    return Function(of, weights, range=_everything)


def _holds(region: Region) -> Function:
    def of(values: Array, numbers: Numbers) -> Array:
        (margin,) = numbers
        depth = np.array([region.depth(a - b, margin) for a, b in values.tolist()])
        near = np.array([tie_tolerance(row) for row in np.nan_to_num(values)])
        return np.where(np.isnan(depth), np.nan, depth > near)

    def weights(k: int, numbers: Numbers) -> Numbers:
        return region.sign, -region.sign

    return Function(of, weights, "1", lambda low, high: (0.0, 1.0), is_outcome=True)


#: Every function by its name in the canonical form of a claim.
FUNCTIONS: dict[str, Function] = {
    "log10": Function(_log10, _even, "decades", _everything),
    "median": Function(lambda values, _: np.median(values, axis=1), _even),
    "iqm": Function(_iqm, _even),
    "max": Function(lambda values, _: values.max(axis=1), _even),
    "min": Function(lambda values, _: values.min(axis=1), _even),
    "share_above": Function(_share_above, _even, "1", lambda low, high: (0.0, 1.0)),
    # the first half of the arguments where the second half is largest, or smallest
    "max_by": Function(_picked(np.argmax), _picked_from),
    "min_by": Function(_picked(np.argmin), _picked_from),
    "slope": _weighted(slope_weights),
    "slope_per_doubling": _weighted(_per_doubling),
    "trend": _weighted(trend_weights),
    **{f"holds_{name}": _holds(region) for name, region in KINDS.items() if not region.per_unit},
}
