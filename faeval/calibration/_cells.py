"""A measured figure as it is written down: of what, how often, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faeval.calibration._laws import Array
from faeval.calibration._measure import ALPHA, Rate, rate

#: Replications of a figure that is counted out by probabilities, and not drawn.
EXACT = 0


@dataclass(frozen=True)
class Cell:
    """One measured figure: a rate of a rule on a law, at n seeds in each arm.

    Where `reps` is 0 the rate is exact, and its `error` 0.
    """

    table: str
    rule: str
    law: str
    n: int
    detail: str
    measure: str
    rate: float
    error: float
    reps: int

    @property
    def key(self) -> tuple[str, str, str, int, str, str]:
        """What the figure is of."""
        return self.table, self.rule, self.law, self.n, self.detail, self.measure


def cell(table: str, rule: str, law: str, n: int, detail: str, measure: str, found: Rate) -> Cell:
    """Return a figure rounded here, once: what is written, shipped and compared is one number."""
    return Cell(
        table,
        rule,
        law,
        n,
        detail,
        measure,
        round(found.rate, 5),
        round(found.error, 5),
        found.reps,
    )


def exact(rate: float) -> Rate:
    """Return a rate that was counted out."""
    return Rate(float(rate), EXACT)


def decided(
    table: str,
    rule: str,
    law: str,
    n: int,
    detail: str,
    found: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> Iterator[Cell]:
    """Both wrong verdicts, from where a rule found the effect above its place, and below it."""
    for measure, events in zip(("wrong_support", "wrong_refute"), found, strict=True):
        yield cell(table, rule, law, n, detail, measure, rate(events))


def judged(
    table: str, rule: str, law: str, n: int, detail: str, p: tuple[Array, Array]
) -> Iterator[Cell]:
    """Both wrong verdicts and the two-sided size, from p for and against `exceeds`."""
    support, refute = p
    yield from decided(table, rule, law, n, detail, (support <= ALPHA, refute <= ALPHA))
    either = np.minimum(support, refute) <= ALPHA / 2
    yield cell(table, rule, law, n, detail, "two_sided", rate(either))
