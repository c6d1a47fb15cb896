"""Tables of claims about two arms: the ratio of their spreads, and of their values.

Beside each rule stands what is done by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.calibration._arms import FACTOR, RATIOS, SPREADS, TYPICAL_RUNS
from faeval.calibration._cells import Cell, decided, judged
from faeval.calibration._laws import Array
from faeval.calibration._measure import ALPHA
from faeval.streams import stream

Found: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]

#: A ratio of standard deviations that looks large.
LARGE = 2.0


def f_test(a: Array, b: Array) -> Found:
    """The F test of two variances: whether a varies more than b, and whether less."""
    from scipy.special import fdtri

    n, m = a.shape[-1], b.shape[-1]
    ratio = a.var(axis=-1, ddof=1) / b.var(axis=-1, ddof=1)
    above, below = fdtri(n - 1, m - 1, 1 - ALPHA), fdtri(m - 1, n - 1, 1 - ALPHA)
    return ratio > above, 1 / ratio > below


def pitman_morgan(a: Array, b: Array) -> Found:
    """Pitman and Morgan's test of two variances of pairs: do sums and differences correlate."""
    from scipy.special import stdtrit

    n = a.shape[-1]
    total, gap = a + b, a - b
    total = total - total.mean(axis=-1, keepdims=True)
    gap = gap - gap.mean(axis=-1, keepdims=True)
    r = (total * gap).sum(axis=-1) / np.sqrt((total**2).sum(axis=-1) * (gap**2).sum(axis=-1))
    t = r * np.sqrt((n - 2) / (1 - r**2))
    critical = -float(stdtrit(n - 2, ALPHA))
    return t > critical, t < -critical


def s_d_read_off(a: Array, b: Array) -> Found:
    """Whether the standard deviation of one arm is twice that of the other."""
    first, second = a.std(axis=-1, ddof=1), b.std(axis=-1, ddof=1)
    return first > LARGE * second, second > LARGE * first


SPREADS_BY_HAND: dict[str, Callable[[Array, Array], Found]] = {
    "F test": f_test,
    "Pitman-Morgan": pitman_morgan,
    "one s.d. twice the other": s_d_read_off,
}


def spreads(
    reps: int,
    seed: int,
    ns: Sequence[int] = (5, 7, 10, 20),
    worlds: Sequence[str] = tuple(SPREADS),
) -> Iterator[Cell]:
    """Wrong verdicts on "a spreads more than b", where both spread alike."""
    for name in worlds:
        for n in ns:
            rng = stream(seed, "calibrate", "spreads", name, n)
            a, b = SPREADS[name].draw(rng, (reps, n))
            p = stats.judge_many("exceeds", (a, b), 0.0, test="spread")
            yield from judged("spreads", "spread", name, n, "", p)
            with np.errstate(divide="ignore", invalid="ignore"):
                for rule, decide in SPREADS_BY_HAND.items():
                    yield from decided("spreads", rule, name, n, "", decide(a, b))


def _against(values: Array, bound: float) -> Found:
    """Student's t of each row."""
    support, refute = stats.judge_many("exceeds", values - bound, 0.0)
    return support <= ALPHA, refute <= ALPHA


def of_runs(a: Array, b: Array) -> Found:
    """T on the logarithm of each seed's ratio."""
    return _against(np.log10(a) - np.log10(b), math.log10(FACTOR))


def of_means(a: Array, b: Array) -> Found:
    """T on the difference a - r b."""
    return _against(a - FACTOR * b, 0.0)


def over_the_mean(a: Array, b: Array) -> Found:
    """T on each run of a over the mean of b, as if that were known."""
    return _against(a / b.mean(axis=-1, keepdims=True), FACTOR)


def mean_ratio(a: Array, b: Array) -> Found:
    """Whether the mean of the ratios lies more than one standard deviation beyond the factor."""
    ratios = a / b
    mean, sd = ratios.mean(axis=-1), ratios.std(axis=-1, ddof=1)
    return mean - sd > FACTOR, mean + sd < FACTOR


RATIO_RULES: dict[str, Callable[[Array, Array], Found]] = {
    "t on log ratios": of_runs,
    "t on a less r b": of_means,
    "t on a over the mean of b": over_the_mean,
    "mean ratio, bar of one s.d.": mean_ratio,
}


def ratios(
    reps: int,
    seed: int,
    ns: Sequence[int] = (3, 5, 7, 10),
    worlds: Sequence[str] = tuple(RATIOS),
) -> Iterator[Cell]:
    """Wrong verdicts on "a is more than twice b", where it is twice b."""
    for name in worlds:
        for n in ns:
            a, b = RATIOS[name].draw(stream(seed, "calibrate", "ratios", name, n), (reps, n))
            for rule, decide in RATIO_RULES.items():
                if name == TYPICAL_RUNS and decide is not of_runs:
                    continue  # a claim of means is about another number there
                yield from decided("ratios", rule, name, n, "", decide(FACTOR * a, b))
