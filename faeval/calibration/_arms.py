"""Laws of two arms for claims about their spreads, ratios and rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from faeval.calibration._laws import ARMS, LAWS, Array, Draw

#: Draws both arms in the shape asked for.
DrawBoth: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], tuple[Array, Array]]


@dataclass(frozen=True)
class Both:
    """The law of two arms whose spreads, or whose means, are as the claim's margin has it.

    `symmetric` is whether the arms can be exchanged; `shape` is what a rule assumes: whether both
    have one law but for its scale.
    """

    name: str
    draw: DrawBoth
    symmetric: bool = False
    shape: bool = True


def _independent(a: Draw, b: Draw) -> DrawBoth:
    return lambda rng, shape: (a(rng, shape), b(rng, shape))


def _ties(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.round(2 * rng.standard_normal(shape)) / 2


def _two_points(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.where(rng.random(shape) < 0.5, -2.0, 2.0)


def _correlated(of: Callable[[Array], Array], r: float) -> DrawBoth:
    """Two arms made of normal variables that correlate by r."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Array]:
        shared, first, second = (rng.standard_normal(shape) for _ in range(3))
        a, b = (math.sqrt(r) * shared + math.sqrt(1 - r) * own for own in (first, second))
        return of(a), of(b)

    return draw


def _normal_cdf(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _distance(c: float, sd: float = 1.0) -> float:
    """The mean distance of a normal variable, of mean 0, from c."""
    z = c / sd
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return sd * (2 * density + z * (2 * _normal_cdf(z) - 1))


_COLLAPSE = (LAWS["collapse"].centre or 0.0) - 1
#: The mean absolute deviation from the median of each law.
TYPICAL = {
    "normal": _distance(0.0),
    "t3": 2 * math.sqrt(3) / math.pi,
    "lognormal": math.exp(0.32) * (2 * _normal_cdf(0.8) - 1),
    "collapse": 0.8 * _distance(_COLLAPSE, 0.3) + 0.2 * _distance(5 + _COLLAPSE, 0.3),
    "bimodal": _distance(2.0, 0.5),
}


def _typical(name: str) -> Draw:
    """A law scaled to a typical deviation of 1."""
    return lambda rng, shape: LAWS[name].draw(rng, shape) / TYPICAL[name]


def _against_normal(name: str) -> DrawBoth:
    return _independent(_typical(name), _typical("normal"))


#: Arms of equal typical deviation: of one law, then of shapes that differ.
SPREADS = {
    both.name: both
    for both in (
        *(
            Both(name, _independent(ARMS[name].a, ARMS[name].b), symmetric=True)
            for name in ("normal arms", "t3 arms", "lognormal arms", "collapsing arms")
        ),
        Both("two-point arms", _independent(_two_points, _two_points), symmetric=True),
        Both("two-cluster arms", _independent(*[LAWS["bimodal"].draw] * 2), symmetric=True),
        Both("normal arms with ties", _independent(_ties, _ties), symmetric=True),
        Both("normal arms, correlation .8", _correlated(lambda z: z, 0.8), symmetric=True),
        Both(
            "lognormal arms, correlation .8",
            _correlated(lambda z: np.exp(0.8 * z), 0.8),
            symmetric=True,
        ),
        Both("lognormal arm, normal arm", _against_normal("lognormal"), shape=False),
        Both("t3 arm, normal arm", _against_normal("t3"), shape=False),
        Both("collapsing arm, normal arm", _against_normal("collapse"), shape=False),
        Both("two-cluster arm, normal arm", _against_normal("bimodal"), shape=False),
    )
}

#: The factor in claims of a ratio; it scales one arm, and no figure depends on it.
FACTOR = 2.0


def _positive(cv: float) -> Draw:
    """A lognormal law of mean 1."""
    variance = math.log1p(cv * cv)
    return lambda rng, shape: np.exp(
        math.sqrt(variance) * rng.standard_normal(shape) - variance / 2
    )


def _exponential(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.exponential(1.0, shape)


def _stalling(one: Draw) -> Draw:
    """One run in ten takes ten times as long."""
    return lambda rng, shape: one(rng, shape) * np.where(rng.random(shape) < 0.1, 10.0, 1.0)


def _with_machine(one: Draw) -> DrawBoth:
    """Both runs of a seed share the luck of the machine that they ran on."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Array]:
        machine = np.exp(0.5 * rng.standard_normal(shape))
        return machine * one(rng, shape), machine * one(rng, shape)

    return draw


def _typical_run(cv: float) -> Draw:
    """A lognormal law of geometric mean 1."""
    return lambda rng, shape: np.exp(math.sqrt(math.log1p(cv * cv)) * rng.standard_normal(shape))


#: Unlike arms whose geometric means are as the claim has them; their means are not.
TYPICAL_RUNS = "c.v. .05 and .5, equal typical runs"
_STALLS = _stalling(_positive(0.1))
#: Positive arms of equal means: of one law, then of unlike ones.
RATIOS = {
    both.name: both
    for both in (
        *(
            Both(f"c.v. {cv:g}".replace("0.", "."), _independent(_positive(cv), _positive(cv)))
            for cv in (0.05, 0.3, 0.8)
        ),
        Both("exponential", _independent(_exponential, _exponential)),
        Both("c.v. .3, a factor that the pair shares", _with_machine(_positive(0.3))),
        Both("stalls in both arms", _independent(_STALLS, _STALLS)),
        Both(
            TYPICAL_RUNS,
            _independent(_typical_run(0.05), _typical_run(0.5)),
            shape=False,
        ),
        Both(
            "c.v. .05 and .5, equal means",
            _independent(_positive(0.05), _positive(0.5)),
            shape=False,
        ),
        Both(
            "stalls in one arm",
            _independent(
                lambda rng, shape: _stalling(_positive(0.1))(rng, shape) / 1.9, _positive(0.1)
            ),
            shape=False,
        ),
    )
}
