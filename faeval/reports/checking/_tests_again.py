"""The tests that decide, made again by SciPy alone: of both sides, the first against the second."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Of both sides and a bound: p of "the effect is at most the bound".
PGreater: TypeAlias = Callable[[Array, Array, float], float]
_NEAR = 1e-6  # of a level: how near p at a bound comes to it
_BELOW = 5.0  # decades below a ratio, in which p is looked at


@dataclass(frozen=True)
class Again:
    """One test: what it estimates, its spread, its p-value and its lower bound, at a level.

    ``exchange`` gives both sides as they are read the other way round. ``lower`` is given the bound
    that was said, and returns it where p there is the level, as far as a search can tell.
    """

    estimate: Callable[[Array, Array], float]
    sd: Callable[[Array, Array], float]
    p_greater: PGreater
    lower: Callable[[Array, Array, float, float], float]
    exchange: Callable[[Array, Array], tuple[Array, Array]] = lambda a, b: (b, a)
    needs_spread: bool = True


def _mean(a: Array, b: Array) -> float:
    return float((a - b).mean())


def _sd(a: Array, b: Array) -> float:
    return float((a - b).std(ddof=1))


def _t(a: Array, b: Array, bound: float) -> float:
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(a - b, bound, alternative="greater").pvalue)


def _t_bound(a: Array, b: Array, level: float, said: float) -> float:
    from scipy.special import stdtrit

    error = _sd(a, b) / math.sqrt(len(a))
    return _mean(a, b) - float(stdtrit(len(a) - 1, 1 - level)) * error


def _gap(a: Array, b: Array) -> float:
    return float(a.mean() - b.mean())


def _gap_sd(a: Array, b: Array) -> float:
    return math.hypot(a.std(ddof=1), b.std(ddof=1))


def _welch(a: Array, b: Array, bound: float) -> float:
    from scipy.stats import ttest_ind

    return float(ttest_ind(a - bound, b, equal_var=False, alternative="greater").pvalue)


def _welch_bound(a: Array, b: Array, level: float, said: float) -> float:
    """Return the bound by Welch, with the degrees of freedom of Satterthwaite."""
    from scipy.special import stdtrit

    of_a, of_b = float(a.var(ddof=1)) / len(a), float(b.var(ddof=1)) / len(b)
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))
    return _gap(a, b) - float(stdtrit(freedom, 1 - level)) * math.sqrt(of_a + of_b)


def _deviations(values: Array) -> Array:
    """Return deviations from the median, n - 1 of them."""
    sizes = np.sort(np.abs(values - np.quantile(values, 0.5)))
    if len(values) % 2:
        return sizes[1:]
    return np.append(sizes[2:], math.sqrt(2) * sizes[0])


def _log_ratio(a: Array, b: Array) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.log10(_deviations(a).mean() / _deviations(b).mean()))


def _log_ratio_sd(a: Array, b: Array) -> float:
    """Return the standard error to first order, times the root of the number of seeds."""
    errors = []
    for side in (a, b):
        z = _deviations(side)
        with np.errstate(divide="ignore", invalid="ignore"):
            errors.append(float(z.std(ddof=1) / z.mean() / np.sqrt(len(z))))
    return math.hypot(*errors) * math.sqrt(min(len(a), len(b))) / math.log(10)


def _at_ratios(a: Array, b: Array, exponents: Array) -> Array:
    """Return Welch's p at each ratio, given by its decimal logarithm."""
    from scipy.stats import ttest_ind

    first = np.broadcast_to(_deviations(a), (len(exponents), len(a) - 1))
    second = 10.0 ** exponents[:, None] * _deviations(b)
    tests = ttest_ind(first, second, axis=1, equal_var=False, alternative="greater")
    return np.asarray(tests.pvalue)


def _spread(a: Array, b: Array, bound: float) -> float:
    """Return the largest p over all ratios up to the bound."""
    from scipy.optimize import minimize_scalar

    below = bound - np.linspace(0.0, _BELOW, 500)
    p = _at_ratios(a, b, below)
    top = int(np.argmax(p))
    if top == 0:
        return float(p[0])
    near = below[min(top + 1, len(below) - 1)], below[top - 1]
    peak = minimize_scalar(
        lambda at: -float(_at_ratios(a, b, np.array([at]))[0]),
        bounds=near,
        method="bounded",
        options={"xatol": 1e-9},
    )
    return max(float(p[top]), -float(peak.fun))


def _spread_bound(a: Array, b: Array, level: float, said: float) -> float:
    return confirmed(lambda at: float(_at_ratios(a, b, np.array([at]))[0]), level, said)


def confirmed(p: Callable[[float], float], level: float, said: float) -> float:
    """Return a bound that was said where p there is the level; else where p is."""
    from scipy.optimize import brentq

    if math.isinf(said) or abs(p(said) - level) <= _NEAR * level:
        return said
    low, high = said - 1.0, said + 1.0
    while p(low) > level and low > said - 300:
        low -= high - low
    while p(high) <= level and high < said + 300:
        high += high - low
    if (p(low) > level) == (p(high) > level):
        return math.nan
    return float(brentq(lambda at: p(at) - level, low, high))


def _rate(a: Array, b: Array, bound: float) -> float:
    from scipy.stats import binomtest

    rate = float(b[0]) + bound
    if not 0 <= rate < 1:
        return 0.0 if rate < 0 else 1.0
    return float(binomtest(int(a.sum()), len(a), rate, alternative="greater").pvalue)


def _rate_bound(a: Array, b: Array, level: float, said: float) -> float:
    from scipy.stats import beta

    ones = int(a.sum())
    low = float(beta.ppf(level, ones, len(a) - ones + 1)) if ones else 0.0
    return low - float(b[0])


#: Tests that are made again; numbers of others are taken from the verdict.
AGAIN: Mapping[str, Again] = {
    "t": Again(_mean, _sd, _t, _t_bound),
    "welch": Again(_gap, _gap_sd, _welch, _welch_bound),
    "spread": Again(_log_ratio, _log_ratio_sd, _spread, _spread_bound, needs_spread=False),
    "rate": Again(
        _mean,
        lambda a, b: float(a.std(ddof=1)),
        _rate,
        _rate_bound,
        lambda a, b: (1 - a, 1 - b),
        needs_spread=False,
    ),
}
#: What tests estimate that are not made again.
ESTIMATES: Mapping[str, tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]]] = {
    "sign": (lambda a, b: float(np.median(a - b)), _sd),
    "unpaired-rates": (_gap, _gap_sd),
}
PLAIN = (_mean, _sd)
