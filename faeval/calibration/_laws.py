"""Laws of the differences over seeds, where the rules' assumptions hold or fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval.streams import stream

Array: TypeAlias = NDArray[np.float64]
#: Draws differences of mean 0 in the shape asked for.
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Array]


@dataclass(frozen=True)
class Law:
    """A law of the differences a - b, of mean 0.

    `symmetric` about it, and without atoms (`continuous`), or not.

    `centre` is the median, where it is known in closed form.
    """

    name: str
    draw: Draw
    symmetric: bool = False
    continuous: bool = True
    centre: float | None = None

    @cached_property
    def median(self) -> float:
        """The median: what a sign test is about. By 2^22 draws where there is no closed form."""
        if self.symmetric:
            return 0.0
        if self.centre is not None:
            return self.centre
        return float(np.median(self.draw(stream(0, "calibrate", "median", self.name), (1 << 22,))))


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape)


def _t3(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_t(3, shape)


def _lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.exp(0.8 * rng.standard_normal(shape)) - math.exp(0.32)


def _bimodal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.where(rng.random(shape) < 0.5, -2.0, 2.0) + 0.5 * rng.standard_normal(shape)


def _collapse(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One run in five ends far below the others."""
    return np.where(rng.random(shape) < 0.8, 1.0, -4.0) + 0.3 * rng.standard_normal(shape)


def _against_a_tight_arm(one: Draw) -> Draw:
    return lambda rng, shape: one(rng, shape) - 0.3 * rng.standard_normal(shape)


def _exchangeable(one: Draw) -> Draw:
    return lambda rng, shape: one(rng, shape) - one(rng, shape)


def _correlated(r: float) -> Draw:
    """Two lognormal arms, one of twice the spread, whose logarithms correlate by r.

    Pairing helps, skew stays.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        shared, first, second = (rng.standard_normal(shape) for _ in range(3))
        wide = np.exp(0.8 * (math.sqrt(r) * shared + math.sqrt(1 - r) * first)) - math.exp(0.32)
        tight = np.exp(0.4 * (math.sqrt(r) * shared + math.sqrt(1 - r) * second)) - math.exp(0.08)
        return wide - tight

    return draw


# Where a normal variable has 3/8 below it: with the fifth that collapsed, that is half of all.
_THREE_EIGHTHS = -0.31863936396437514

#: In the order of the printed tables: assumptions hold, then fail, then hold again by pairing.
LAWS = {
    law.name: law
    for law in (
        Law("normal", _normal, symmetric=True),
        Law("t3", _t3, symmetric=True),
        Law("bimodal", _bimodal, symmetric=True),
        Law("lognormal", _lognormal, centre=1 - math.exp(0.32)),
        Law("collapse", _collapse, centre=1 + 0.3 * _THREE_EIGHTHS),
        Law("lognormal arm, tight arm", _against_a_tight_arm(_lognormal)),
        Law(
            "collapsing arm, tight arm",
            _against_a_tight_arm(_collapse),
            centre=1 + math.sqrt(0.18) * _THREE_EIGHTHS,
        ),
        Law("correlated lognormal arms, r .5", _correlated(0.5)),
        Law("correlated lognormal arms, r .9", _correlated(0.9)),
        Law("paired normal arms", _exchangeable(_normal), symmetric=True),
        Law("paired lognormal arms", _exchangeable(_lognormal), symmetric=True),
        Law("paired collapsing arms", _exchangeable(_collapse), symmetric=True),
    )
}


@dataclass(frozen=True)
class Arms:
    """The laws of two arms that share no randomness, each of mean 0.

    `symmetric` is whether a - b has the law of b - a, as that of exchangeable arms has.
    """

    name: str
    a: Draw
    b: Draw
    symmetric: bool = False


def _scaled(one: Draw, sd: float) -> Draw:
    return lambda rng, shape: sd * one(rng, shape)


#: Arms without pairs, in the order of the printed table: assumptions hold, then fail.
ARMS = {
    arms.name: arms
    for arms in (
        Arms("normal arms", _normal, _normal, symmetric=True),
        Arms("normal arms, s.d. 1 and 3", _normal, _scaled(_normal, 3.0), symmetric=True),
        Arms("t3 arms", _t3, _t3, symmetric=True),
        Arms("lognormal arms", _lognormal, _lognormal, symmetric=True),
        Arms("collapsing arms", _collapse, _collapse, symmetric=True),
        Arms("lognormal arms, s.d. ratio 3", _scaled(_lognormal, 3.0), _lognormal),
        Arms("lognormal arm, tight arm", _lognormal, _scaled(_normal, 0.3)),
        Arms("collapsing arm, tight arm", _collapse, _scaled(_normal, 0.3)),
    )
}
