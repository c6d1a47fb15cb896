"""Exact tests of rates: outcomes that are 0 or 1, one for each seed.

One arm is held against a number by the binomial law [1]_. Two arms are compared by a test that
orders the tables that may come out by the score statistic under a difference of rates d, for pairs
[2]_ and for independent arms [3]_, and takes the largest chance that any true rate gives to what is
as far out as the table seen [4]_. That p-value may fall as d grows; the largest up to d does not.

References
----------
.. [1] C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).
.. [2] T. Tango, Statistics in Medicine 17 (1998).
.. [3] O. S. Miettinen and M. Nurminen, Statistics in Medicine 4 (1985).
.. [4] I. S. F. Chan, Statistics in Medicine 17 (1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array
from faeval.stats import _welch
from faeval.stats._spread import mean_and_sd

#: Seeds of each of two arms, or pairs, up to which the tests are computed.
MOST = 60
#: Outcomes of each arm that a claim needs.
LEAST = 2
#: Differences at which p is taken on the way to its largest, in each unit.
_STEPS = 100
_NUISANCE = 401
_TIE = 1e-9  # score statistics nearer than that are one
_BOUND = 1e-9  # how near a bound is found


@dataclass(frozen=True)
class Exact:
    """One exact test of rates, with what a row of the table of rules takes of it.

    All read both sides, shapes (..., n) and (..., m) to (...).
    """

    p_greater: Callable[[Array, Array, float], Array]
    lower_bound: Callable[[Array, Array, float], Array]
    sd: Callable[[Array, Array], Array]


def _p_of_one(values: Array, number: Array, bound: float) -> Array:
    """P-value of H0 "rate - number <= bound" of each row of outcomes."""
    from scipy.special import bdtrc

    n, ones = values.shape[-1], np.count_nonzero(values, axis=-1)
    rate = number[..., 0] + bound
    within = bdtrc(np.maximum(ones - 1.0, 0.0), n, np.clip(rate, 0.0, 1.0))
    p = np.where(ones > 0, within, 1.0)
    return np.where(rate < 0, 0.0, np.where(rate >= 1, 1.0, p))


def _bound_of_one(values: Array, number: Array, level: float) -> Array:
    """One-sided lower Clopper-Pearson bound of the rate less a number."""
    from scipy.special import betaincinv

    n, ones = values.shape[-1], np.count_nonzero(values, axis=-1)
    found = betaincinv(np.maximum(ones, 1.0), n - ones + 1.0, level)
    return np.where(ones > 0, found, 0.0) - number[..., 0]


def _pairs(a: Array, b: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many seeds have a = 1 and b = 0, and the other way round."""
    return np.sum((a > b), axis=-1), np.sum((a < b), axis=-1)


def _arms(a: Array, b: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.count_nonzero(a, axis=-1), np.count_nonzero(b, axis=-1)


def pair_scores(n: int, d: float) -> Array:
    """Score statistic of each table of n pairs, shape (n + 1, n + 1); NaN where there is none.

    Rows count the pairs with a alone, columns those with b alone.
    """
    first, second = np.indices((n + 1, n + 1)).astype(np.float64)
    linear = (2 * n - first + second) * d - first - second
    root = np.sqrt(np.maximum(linear**2 + 8 * n * second * d * (1 - d), 0.0))
    rate = np.clip((root - linear) / (4 * n), max(0.0, -d), (1 - d) / 2)
    score = _score(first - second - n * d, n * (2 * rate + d * (1 - d)))
    return np.where(first + second <= n, score, np.nan)


def arm_scores(n: int, m: int, d: float) -> Array:
    """Score statistic of each table of two arms of n and m, shape (n + 1, m + 1)."""
    x, y = np.indices((n + 1, m + 1)).astype(np.float64)
    of_a, of_b = x / n, y / m
    ratio = m / n
    # the root of the cubic that the likelihood's derivative is, in its trigonometric form
    cubic = 1 + ratio
    square = -(1 + ratio + of_a + ratio * of_b + d * (ratio + 2))
    linear = d**2 + d * (2 * of_a + ratio + 1) + of_a + ratio * of_b
    constant = -of_a * d * (1 + d)
    third = square / (3 * cubic)
    v = third**3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    u = np.where(v < 0, -1, 1) * np.sqrt(np.maximum(third**2 - linear / (3 * cubic), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.where(u == 0, 0.0, v / u**3)
    angle = (math.pi + np.arccos(np.clip(cosine, -1, 1))) / 3
    rate_a = np.clip(2 * u * np.cos(angle) - third, max(0.0, d), min(1.0, 1 + d))
    rate_b = rate_a - d
    return _score(of_a - of_b - d, rate_a * (1 - rate_a) / n + rate_b * (1 - rate_b) / m)


def _score(gap: Array, variance: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        score = gap / np.sqrt(np.maximum(variance, 0.0))
    tiny = variance <= 1e-15
    return np.where(tiny, np.where(np.abs(gap) < 1e-12, 0.0, np.copysign(np.inf, gap)), score)


def _log_choose(n: int) -> Array:
    from scipy.special import gammaln

    return gammaln(n + 1) - gammaln(np.arange(n + 1) + 1) - gammaln(n - np.arange(n + 1) + 1)


def _pair_chances(n: int, d: float) -> Array:
    """The chance of each table of pairs at each rate of the second alone, (rates, tables)."""
    from scipy.special import gammaln, xlogy

    second = np.linspace(max(0.0, -d), (1 - d) / 2, _NUISANCE)[:, None, None]
    first, neither = np.maximum(second + d, 0.0), np.maximum(1 - d - 2 * second, 0.0)
    i, j = np.indices((n + 1, n + 1))
    rest = np.maximum(n - i - j, 0)
    ways = gammaln(n + 1) - gammaln(i + 1) - gammaln(j + 1) - gammaln(rest + 1)
    log = ways + xlogy(i, first) + xlogy(j, second) + xlogy(rest, neither)
    chances = np.where(i + j <= n, np.exp(log), 0.0)
    return chances.reshape(_NUISANCE, -1)


def _arm_chances(n: int, m: int, d: float) -> Array:
    """The chance of each table of two arms at each rate of the second, (rates, tables)."""
    from scipy.special import xlogy

    of_b = np.linspace(max(0.0, -d), min(1.0, 1 - d), _NUISANCE)[:, None]
    of_a = np.clip(of_b + d, 0.0, 1.0)
    rows, columns = np.arange(n + 1), np.arange(m + 1)
    by_a = np.exp(_log_choose(n) + xlogy(rows, of_a) + xlogy(n - rows, 1 - of_a))
    by_b = np.exp(_log_choose(m) + xlogy(columns, of_b) + xlogy(m - columns, 1 - of_b))
    return (by_a[:, :, None] * by_b[:, None, :]).reshape(_NUISANCE, -1)


@lru_cache(maxsize=4096)
def _p_at(paired: bool, n: int, m: int, d: float) -> Array:
    """The p-value of each table under a difference of rates d alone, shape (n + 1, m + 1)."""
    if paired:
        scores, chances = pair_scores(n, d), _pair_chances(n, d)
    else:
        scores, chances = arm_scores(n, m, d), _arm_chances(n, m, d)
    flat = np.nan_to_num(scores.ravel(), nan=-np.inf, posinf=1e300, neginf=-1e300)
    order = np.argsort(-flat, kind="stable")
    ordered = flat[order]
    beyond = np.cumsum(chances[:, order], axis=1).max(axis=0)
    # all tables whose score ties with one's own are as far out
    last = np.searchsorted(-ordered, -ordered + _TIE, side="right") - 1
    p = np.empty(len(flat))
    p[order] = np.minimum(1.0, beyond[last])
    return p.reshape(scores.shape)


@lru_cache(maxsize=4096)
def _p_up_to(paired: bool, n: int, m: int, step: int) -> Array:
    """The largest p-value of each table under -1, ..., step / _STEPS."""
    own = _p_at(paired, n, m, step / _STEPS)
    return own if step <= -_STEPS else np.maximum(own, _p_up_to(paired, n, m, step - 1))


def _p_of_tables(paired: bool, n: int, m: int, d: float) -> Array:
    if d < -1:
        return np.zeros((n + 1, m + 1))
    if d >= 1:
        return np.ones((n + 1, m + 1))
    step = math.floor(d * _STEPS + 1e-9)
    for below in range(-_STEPS, step, 50):  # a recursion of no great depth
        _p_up_to(paired, n, m, below)
    up_to = _p_up_to(paired, n, m, step)
    return up_to if abs(step / _STEPS - d) < 1e-12 else np.maximum(up_to, _p_at(paired, n, m, d))


def _p_greater(paired: bool, a: Array, b: Array, bound: float) -> Array:
    n, m = a.shape[-1], b.shape[-1]
    if min(n, m) < 1:
        return np.ones(a.shape[:-1])
    p: Array = _p_of_tables(paired, n, m, bound)[(_pairs if paired else _arms)(a, b)]
    return p


def _lower_bound(paired: bool, a: Array, b: Array, level: float) -> Array:
    n, m = a.shape[-1], b.shape[-1]
    tables = np.stack(np.broadcast_arrays(*(_pairs if paired else _arms)(a, b)), axis=-1)
    distinct, which = np.unique(tables.reshape(-1, 2), axis=0, return_inverse=True)
    bounds = [_bound_of(paired, n, m, int(i), int(j), level) for i, j in distinct]
    return np.array(bounds)[which].reshape(tables.shape[:-1])


@lru_cache(maxsize=4096)
def _bound_of(paired: bool, n: int, m: int, i: int, j: int, level: float) -> float:
    """The smallest difference of rates that a table does not reject at a level."""
    low, high = -1.0, 1.0
    if _p_of_tables(paired, n, m, low)[i, j] > level:
        return -math.inf
    while high - low > _BOUND:
        middle = (low + high) / 2
        is_rejected = _p_of_tables(paired, n, m, middle)[i, j] <= level
        low, high = (middle, high) if is_rejected else (low, middle)
    return high


def _sd_of_pairs(a: Array, b: Array) -> Array:
    return mean_and_sd(a - b)[1]


#: One arm against a number: the binomial tail.
one_arm = Exact(_p_of_one, _bound_of_one, lambda values, number: mean_and_sd(values)[1])
#: Two arms that the seed pairs; safe whatever they have to do with each other.
pairs = Exact(partial(_p_greater, True), partial(_lower_bound, True), _sd_of_pairs)
#: Two independent arms.
arms = Exact(partial(_p_greater, False), partial(_lower_bound, False), _welch.sd)


def undecidable(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether an arm has too few outcomes; equal ones are decided like others."""
    return np.full(a.shape[:-1], min(a.shape[-1], b.shape[-1]) < LEAST)


def attainable(n: int) -> float:
    """Whatever the bound, nothing stands against a p-value near 0 from two seeds on."""
    return 0.0 if n >= LEAST else 1.0
