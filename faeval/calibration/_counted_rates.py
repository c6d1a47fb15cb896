"""Sizes of rules for outcomes that are 0 or 1: counted out over all outcomes, and not drawn.

Each figure is the largest chance of a wrong verdict over the rates that the margin leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.calibration._cells import Cell, cell, exact
from faeval.calibration._laws import Array
from faeval.calibration._measure import ALPHA

#: True rates of one arm, each held against itself.
ONE = (0.5, 0.7, 0.9, 0.95)
ANY_RATE = "worst rate of .01 to .99"
#: Differences of two true rates, a over b; below 0 the arms are exchanged.
GAPS = (0.0, 0.1, 0.2, 0.3)
#: Arms of unequal size.
UNEQUAL = ((3, 10), (5, 10))
#: Rates that are tried for the worst: more than the rules try, and others.
GRID = 1001


@dataclass(frozen=True)
class Outcomes:
    """All outcomes that seeds can have: a sample each, and their chances, (worlds, outcomes)."""

    a: Array
    b: Array
    chances: Array

    def worst(self, events: NDArray[np.bool_]) -> float:
        """The chance of the events in the world where it is largest."""
        return float((self.chances @ events).max())


def _ones(counts: NDArray[np.int64], n: int, start: NDArray[np.int64] | int = 0) -> Array:
    """Rows of n outcomes that have so many ones, from a place on."""
    place = np.arange(n) - np.reshape(start, (-1, 1))
    ones: Array = ((place >= 0) & (place < counts[:, None])).astype(np.float64)
    return ones


def _binomial(n: int, rates: Array) -> Array:
    """The chance of each count of ones, (rates, n + 1)."""
    k = np.arange(n + 1)
    ways = np.array([math.comb(n, i) for i in k], dtype=np.float64)
    chances: Array = ways * rates[:, None] ** k * (1 - rates[:, None]) ** (n - k)
    return chances


def one_arm(n: int, rate: float) -> Outcomes:
    """One arm, held against its true rate."""
    a = _ones(np.arange(n + 1), n)
    return Outcomes(a, np.full(a.shape, rate), _binomial(n, np.array([rate])))


def pairs(n: int, gap: float) -> Outcomes:
    """Pairs, where a succeeds more often by the gap: how many have a alone, and how many b."""
    first, second = (x.ravel() for x in np.indices((n + 1, n + 1)))
    first, second = first[first + second <= n], second[first + second <= n]
    rest = n - first - second
    ways = np.array(
        [
            math.comb(n, i) * math.comb(n - i, j)
            for i, j in zip(first.tolist(), second.tolist(), strict=True)
        ],
        dtype=np.float64,
    )
    b_alone = np.linspace(0.0, (1 - gap) / 2, GRID)[:, None]
    neither = np.maximum(1 - gap - 2 * b_alone, 0.0)
    chances = ways * (b_alone + gap) ** first * b_alone**second * neither**rest
    return Outcomes(_ones(first, n), _ones(second, n, first), chances)


def arms(n: int, m: int, gap: float) -> Outcomes:
    """Two independent arms of n and m seeds, where a succeeds more often by the gap."""
    first, second = (x.ravel() for x in np.indices((n + 1, m + 1)))
    of_b = np.linspace(0.0, 1 - gap, GRID)
    chances = _binomial(n, of_b + gap)[:, :, None] * _binomial(m, of_b)[:, None, :]
    return Outcomes(_ones(first, n), _ones(second, m), chances.reshape(GRID, -1))


P: TypeAlias = tuple[Array, Array]


def engine(test: stats.TestName) -> Callable[[Array, Array, float], P]:
    """P for and against "a is above b by more than the margin" by a rule of faeval.stats."""
    paired = stats.rule_of(test).paired and not stats.rule_of(test).sides

    def p(a: Array, b: Array, margin: float) -> P:
        return stats.judge_many("exceeds", a - b if paired else (a, b), margin, test=test)

    return p


def wald(a: Array, b: Array, margin: float) -> P:
    """The z test with the standard error of the differences seen: equal ones seem certain."""
    return _normal_tails(a, b, margin, (a - b).std(axis=1) / math.sqrt(a.shape[1]))


def wald_of_arms(a: Array, b: Array, margin: float) -> P:
    """The same of two independent arms, with the standard error of the shares seen."""
    errors = (side.std(axis=1) / math.sqrt(side.shape[1]) for side in (a, b))
    return _normal_tails(a, b, margin, np.hypot(*errors))


def _normal_tails(a: Array, b: Array, margin: float, error: Array) -> P:
    from scipy.special import ndtr

    gap = a.mean(axis=1) - b.mean(axis=1) - margin
    is_tie = np.abs(gap) < 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(is_tie, 0.0, gap / error)
    return ndtr(-z), ndtr(z)


#: Rules of each design: its own, then what is done by hand.
DESIGNS: dict[str, dict[str, Callable[[Array, Array, float], P]]] = {
    "one arm": {"rate": engine("rate"), "t on 0 and 1": engine("t"), "Wald z": wald},
    "pairs": {"paired-rates": engine("paired-rates"), "t on 0 and 1": engine("t"), "Wald z": wald},
    "arms": {
        "unpaired-rates": engine("unpaired-rates"),
        "Welch on 0 and 1": engine("welch"),
        "Wald z": wald_of_arms,
    },
}


def gap_name(gap: float) -> str:
    """What the law of two rates is called."""
    return f"rates {_short(gap)} apart, worst case" if gap else "rates alike, worst case"


def _short(rate: float) -> str:
    return f"{rate:g}".removeprefix("0")


def _cells(
    design: str, law: str, n: int, detail: str, outcomes: Sequence[Outcomes], margin: float
) -> Iterator[Cell]:
    """The wrong verdicts of each rule of a design; the worst over outcomes of several worlds."""
    for rule, p_of in DESIGNS[design].items():
        own = rule in stats.RULES
        if own and stats.rule_of(rule).least > n:
            continue
        worst: dict[str, float] = {}
        for each in outcomes:
            p, q = p_of(each.a, each.b, margin)
            for measure, events in (
                ("wrong_support", p <= ALPHA),
                ("wrong_refute", q <= ALPHA),
                ("two_sided", np.minimum(p, q) <= ALPHA / 2),
            ):
                worst[measure] = max(worst.get(measure, 0.0), each.worst(events))
        what = detail if own else f"{design}, {detail}".removesuffix(", ")
        for measure, chance in worst.items():
            yield cell("rates", rule, law, n, what, measure, exact(chance))


def rates(
    reps: int,
    seed: int,
    ns: Sequence[int] = (3, 5, 7, 10, 20),
    gaps: Sequence[float] = GAPS,
    unequal: Sequence[tuple[int, int]] = UNEQUAL,
) -> Iterator[Cell]:
    """The largest chance of a wrong verdict on rates, the truth on the margin; nothing is drawn."""
    for n in ns:
        for true in ONE:
            law = f"rate {_short(true)}"
            yield from _cells("one arm", law, n, "", [one_arm(n, true)], 0.0)
        every = [one_arm(n, i / 100) for i in range(1, 100)]
        yield from _cells("one arm", ANY_RATE, n, "", every, 0.0)
        for gap in gaps:
            yield from _cells("pairs", gap_name(gap), n, "", [pairs(n, gap)], gap)
    for n, m in (*((n, n) for n in ns), *unequal):
        detail = "" if n == m else f"{n} and {m} seeds"
        for gap in gaps:
            yield from _cells("arms", gap_name(gap), n, detail, [arms(n, m, gap)], gap)
