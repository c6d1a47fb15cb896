"""The chance that a one-sided test crosses a boundary at any of its looks.

By recursion from the last look to the first.

Under no effect the test's state at one look says all that the earlier ones do of the later. With a
known spread it is the z statistic [1]_. With an estimated one it is c, the cosine of the angle
between the n values and the line of equal ones: t = sqrt(n - 1) c / sqrt(1 - c^2). The length of
the vector of values is independent of its direction, so from n to N values c becomes sqrt(B) M
cos(phi - phi0), where M^2 = (n c^2 + N - n) / N, tan phi0 = c sqrt(n / (N - n)), phi has a density
proportional to sin(phi)^(n - 1) on (0, pi), and B is Beta((n + 1) / 2, (N - n - 1) / 2), or 1 where
one value is added.

.. [1] P. Armitage, C. K. McPherson and B. C. Rowe, "Repeated significance tests on accumulating
   data", J. R. Stat. Soc. A 132 (1969).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.polynomial import chebyshev

from faeval._arguments import Array

#: The chance to cross at a later look, of each state before its boundary.
Later: TypeAlias = Callable[[Array], Array]

_FAR = 7.0  # in standard deviations: what lies beyond is left out
_NORMAL_POINTS = 200


@lru_cache(maxsize=2)
def _grid(n: int) -> tuple[Array, Array, Array]:
    """Points of the unit range, their weights, and the nodes of a polynomial.

    More of them for the narrow laws of large n.
    """
    points = 28 if n <= 40 else 48
    at, weight = np.polynomial.legendre.leggauss(points)
    # The range is walked as a sine: what starts at an end like a root, or its powers, is smooth
    # then.
    unit, unit_weight = (
        (1 + np.sin(math.pi / 2 * at)) / 2,
        weight * np.cos(math.pi / 2 * at) * math.pi / 4,
    )
    return unit, unit_weight, np.polynomial.chebyshev.chebpts1(points)


def crossing(levels: Sequence[float], looks: Sequence[int], known_sd: bool) -> float:
    """P(some nominal one-sided p is at most its level), for levels in [0, 1).

    One level for each of the rising numbers of values.
    """
    return _normal(levels, looks) if known_sd else _student(levels, looks)


def _normal(levels: Sequence[float], looks: Sequence[int]) -> float:
    from scipy.special import ndtr, ndtri

    cuts = np.clip(-ndtri(np.asarray(levels)), -_FAR, _FAR)
    at, weight = np.polynomial.legendre.leggauss(_NORMAL_POINTS)
    later: Array = np.zeros(_NORMAL_POINTS)
    below = np.empty(0)
    for i in range(len(looks) - 1, -1, -1):
        state = (cuts[i] + _FAR) / 2 * (at + 1) - _FAR
        if i < len(looks) - 1:
            n, more = looks[i], looks[i + 1]
            scale = math.sqrt(more - n)
            crossed = ndtr((math.sqrt(n) * state - math.sqrt(more) * cuts[i + 1]) / scale)
            gaps = (math.sqrt(more) * below - math.sqrt(n) * state[:, None]) / scale
            kernel = np.exp(-(gaps**2) / 2) * math.sqrt(more / (2 * math.pi)) / scale
            later = crossed + kernel @ (later * weight * (cuts[i + 1] + _FAR) / 2)
        below = state
    density = np.exp(-(below**2) / 2) / math.sqrt(2 * math.pi)
    return float(ndtr(-cuts[0]) + density @ (later * weight) * (cuts[0] + _FAR) / 2)


def _student(levels: Sequence[float], looks: Sequence[int]) -> float:
    from scipy.special import betaln

    cuts = [_cosine(level, n) for level, n in zip(levels, looks, strict=True)]
    later: Later | None = None
    kinks: list[float] = []  # where the chance to cross at a certain later look begins
    for n, more, cut, following in reversed(
        list(zip(looks, looks[1:], cuts, cuts[1:], strict=False))
    ):
        step = _Step(n, more, looks[-1], following, later, kinks)
        starts = (v for v in (following, *kinks) if v > math.sqrt(1 - n / more))
        kinks = sorted(
            x for x in (math.sqrt((more * v**2 - (more - n)) / n) for v in starts) if x < cut
        )
        later = _interpolated(step, cut, kinks)
    if later is None:
        return levels[0]
    n, total = looks[0], 0.0
    unit, weight, _ = _grid(looks[-1])
    first, last = math.acos(cuts[0]), min(math.pi, math.pi / 2 + _FAR / math.sqrt(n))
    angles = [first, *sorted(a for a in map(math.acos, kinks) if first < a < last), last]
    for low, high in pairwise(angles):
        angle = low + (high - low) * unit
        density = np.sin(angle) ** (n - 2) * math.exp(-float(betaln(0.5, (n - 1) / 2)))
        total += (high - low) * float(weight @ (density * later(np.cos(angle))))
    return levels[0] + total


def _cosine(level: float, n: int) -> float:
    """The cosine at which the nominal p of n values is the level."""
    from scipy.special import stdtrit

    t = -float(stdtrit(n - 1, level))
    return math.copysign(1.0, t) if math.isinf(t) else t / math.hypot(t, math.sqrt(n - 1))


def _interpolated(step: _Step, cut: float, kinks: Sequence[float]) -> Later:
    """The step's result on (-1, cut), by Chebyshev polynomials between kinks.

    From a kink on, of the root of the distance.
    """
    ends = (-1.0, *kinks, cut)
    fits = []
    for low, high in pairwise(ends):
        root = (step.nodes + 1) / 2
        share = root**2 if low > -1 else root
        values = np.array([step(low + (high - low) * s) for s in share.tolist()])
        fits.append((low, high, chebyshev.chebfit(step.nodes, values, len(values) - 1)))

    def later(state: Array) -> Array:
        probabilities = np.empty_like(state)
        for low, high, fit in fits:
            inside = (state >= low) & (state <= high) if low > -1 else state <= high
            share = np.clip((state[inside] - low) / (high - low), 0.0, 1.0)
            root = np.sqrt(share) if low > -1 else share
            probabilities[inside] = chebyshev.chebval(2 * root - 1, fit)
        return probabilities

    return later


class _Step:
    """From n to `more` values: the chance to cross `cut` at the next look or a later one.

    Given the cosine there, and up to the last look.
    """

    def __init__(
        self, n: int, more: int, last: int, cut: float, later: Later | None, kinks: Sequence[float]
    ) -> None:
        from scipy.special import betaln

        self.n, self.more, self.added, self.cut, self.later = n, more, more - n, cut, later
        self.kinks = list(kinks)
        self.unit, self.weight, self.nodes = _grid(last)
        self.turn = -float(betaln(n / 2, 0.5))
        self.length = -float(betaln((n + 1) / 2, (self.added - 1) / 2)) if self.added > 1 else 0.0

    def __call__(self, cosine: float) -> float:
        reach = math.sqrt((self.n * cosine**2 + self.added) / self.more)
        middle = math.atan2(math.sqrt(self.n) * cosine, math.sqrt(self.added))
        breaks = [math.acos(v / reach) for v in (self.cut, *self.kinks) if abs(v) < reach]
        low, high = (
            math.pi / 2 + sign * min(math.pi / 2, _FAR / math.sqrt(self.n)) for sign in (-1, 1)
        )
        edges = sorted(
            {low, high, *(e for a in breaks for e in (middle - a, middle + a) if low < e < high)}
        )
        total = 0.0
        for low, high in pairwise(edges):
            angle = low + (high - low) * self.unit
            weight = (
                (high - low) * self.weight * np.sin(angle) ** (self.n - 1) * math.exp(self.turn)
            )
            longest = reach * np.cos(
                angle - middle
            )  # the cosine that comes, where the rest of its vector is 0
            total += float(weight @ self._over_lengths(longest))
        return total

    def _over_lengths(self, longest: Array) -> Array:
        """The chance given the angle.

        The cosine that comes is `longest` times the root of a Beta variable.
        """
        if self.added == 1:
            return np.where(longest >= self.cut, 1.0, self._later(longest))
        crossed = self._crossed(longest)
        if self.later is None:
            return crossed
        for low, high in self._open(longest):
            angle = low[:, None] + (high - low)[:, None] * self.unit
            density = (
                2
                * np.sin(angle) ** self.n
                * np.cos(angle) ** (self.added - 2)
                * math.exp(self.length)
            )
            later = (density * self._later(np.sin(angle) * longest[:, None])) @ self.weight
            crossed = crossed + (high - low) * later
        return crossed

    def _later(self, cosine: Array) -> Array:
        return (
            np.zeros_like(cosine)
            if self.later is None
            else self.later(np.minimum(cosine, self.cut))
        )

    def _crossed(self, longest: Array) -> Array:
        from scipy.special import betainc

        with np.errstate(divide="ignore"):
            share = np.minimum((self.cut / longest) ** 2, 1.0)
        short = betainc((self.n + 1) / 2, (self.added - 1) / 2, share)
        return (
            np.where(longest > self.cut, 1 - short, 0.0)
            if self.cut > 0
            else np.where(longest < self.cut, short, 1.0)
        )

    def _open(self, longest: Array) -> Iterator[tuple[Array, Array]]:
        """The ranges of arcsin(root of the Beta variable) that do not cross.

        Cut where the later chance has its kink.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = [v / longest for v in (self.cut, *self.kinks)]
        at = [np.where(r > 0, np.arcsin(np.clip(r, -1.0, 1.0)), math.pi / 2) for r in ratios]
        typical = math.atan2(math.sqrt(self.n + 1), math.sqrt(self.added - 1))
        far = _FAR / math.sqrt(self.more)
        start, end = (
            np.full(longest.shape, min(max(typical + d, 0.0), math.pi / 2)) for d in (-far, far)
        )
        if self.cut > 0:
            low, high = start, np.clip(np.where(longest > self.cut, at[0], end), start, end)
        else:
            low, high = np.clip(np.where(longest < self.cut, at[0], end), start, end), end
        for inner in at[1:]:
            yield low, np.clip(inner, low, high)
            low = np.clip(inner, low, high)
        yield low, high
