"""Exact tests of rates: outcomes that are 0 or 1, one for each seed.

One arm is held against a number by the binomial law [1]_. Two arms are compared by a test that
orders the tables that may come out by the score statistic under a difference of rates d, for pairs
[2]_ and for independent arms [3]_, and takes the largest chance that any true rate gives to what
is as far out as the table seen [4]_ [5]_. That p-value may fall as d grows, and the largest up to d
does not: it is taken over differences in steps of a hundredth. A difference between two steps
counts as the upper one, which is the safe side: a table that rejects still does with more ones of
a or fewer of b, so the larger the true difference the more likely it is to be rejected.

References
----------
.. [1] C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).
.. [2] T. Tango, Statistics in Medicine 17 (1998).
.. [3] O. S. Miettinen and M. Nurminen, Statistics in Medicine 4 (1985).
.. [4] I. S. F. Chan, Statistics in Medicine 17 (1998).
.. [5] H.-M. Hsueh, J.-P. Liu and J. J. Chen, Biometrics 57 (2001).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array, refuse
from faeval.stats import _welch
from faeval.stats._spread import mean_and_sd

#: Seeds of each of two arms, or pairs, up to which the tests are computed.
MOST = 60
#: Seeds of one arm that planning looks through.
MOST_OF_ONE = 1000
#: Outcomes of each arm that a claim needs.
LEAST = 2
_STEPS = 100  # differences of rates in each unit
_NUISANCE = 401  # true rates at which a chance is looked at
_TIE = 1e-7  # score statistics nearer than that are one
_BITS = 40  # of a rate, so that p never falls by a last bit as the rate grows

Counts = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Exact:
    """One exact test of rates, with what a row of the table of rules takes of it.

    The first three read both sides, shapes (..., n) and (..., m) to (...). `outcomes` gives every
    outcome that differs, for sides of n and m values against a number where there is one; `chances`
    that of each under two true rates, of arms that have nothing to do with each other. `check`
    refuses sides that are none; `most` is how many values it can be computed for; `p_alone` is
    never above p_greater, and takes a hundredth of its time where that is new.
    """

    p_greater: Callable[[Array, Array, float], Array]
    lower_bound: Callable[[Array, Array, float], Array]
    sd: Callable[[Array, Array], Array]
    outcomes: Callable[[int, int, float | None], tuple[Array, Array]]
    chances: Callable[[int, int, float, float], Array]
    check: Callable[[Array, Array], None]
    most: int | None
    p_alone: Callable[[Array, Array, float], Array] | None = None


# one arm


def _p_of_one(values: Array, number: Array, bound: float) -> Array:
    """P-value of H0 "rate - number <= bound" of each row of outcomes."""
    from scipy.special import bdtrc

    n, ones = values.shape[-1], np.count_nonzero(values, axis=-1)
    if n < LEAST:
        return np.ones(values.shape[:-1])
    rate = np.ldexp(np.rint(np.ldexp(number[..., 0] + bound, _BITS)), -_BITS)
    tail = bdtrc(np.maximum(ones - 1.0, 0.0), n, np.clip(rate, 0.0, 1.0))
    p = np.where(ones > 0, np.minimum(tail, 1.0), 1.0)
    return np.where(rate < 0, 0.0, np.where(rate >= 1, 1.0, p))


def _bound_of_one(values: Array, number: Array, level: float) -> Array:
    """One-sided lower Clopper-Pearson bound of the rate less a number."""
    from scipy.special import betaincinv

    n, ones = values.shape[-1], np.count_nonzero(values, axis=-1)
    if n < LEAST:
        return np.full(values.shape[:-1], -math.inf)
    bound = betaincinv(np.maximum(ones, 1.0), n - ones + 1.0, level)
    return np.where(ones > 0, bound, 0.0) - number[..., 0]


def _outcomes_of_one(n: int, m: int, number: float | None) -> tuple[Array, Array]:
    return _first(np.arange(n + 1), n), np.full((n + 1, n), number)


def _chances_of_one(n: int, m: int, rate: float, number: float) -> Array:
    return cast(Array, _binomial(n, np.array([rate]))[0])


# two arms


def pair_scores(first: Any, second: Any, n: int, m: int, d: float) -> Array:
    """Score statistic under a difference d of tables of n pairs, by those of a and of b alone."""
    linear = (2 * n - first + second) * d - first - second
    root = np.sqrt(np.maximum(linear**2 + 8 * n * second * d * (1 - d), 0.0))
    rate = np.clip((root - linear) / (4 * n), max(0.0, -d), (1 - d) / 2)
    return _score(first - second - n * d, n * (2 * rate + d * (1 - d)))


def arm_scores(x: Any, y: Any, n: int, m: int, d: float) -> Array:
    """Score statistic under a difference d of tables of arms of n and m, by the ones of each."""
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
    """A gap in standard errors; where there is no error, as far out as can be."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = gap / np.sqrt(np.maximum(variance, 0.0))
    certain = np.where(np.abs(gap) < 1e-12, 0.0, np.copysign(1e300, gap))
    return np.where(variance <= 1e-15, certain, score)


def _powers(rates: Array, most: int) -> Array:
    """Rates to the power k over k!, k = 0 .. most, shape (rates,) to (rates, most + 1)."""
    factors = rates[:, None] / np.maximum(np.arange(most + 1), 1)
    factors[:, 0] = 1.0
    return cast(Array, np.cumprod(factors, axis=1))


def _binomial(n: int, rates: Array) -> Array:
    """The chance of 0 .. n ones at each rate, shape (rates, n + 1)."""
    from scipy.stats import binom

    return np.asarray(binom.pmf(np.arange(n + 1), n, rates[:, None]), dtype=np.float64)


def _parts(paired: bool, n: int, m: int, rates_a: Array, rates_b: Array) -> list[Array]:
    """What the chance of a table is the product of, each of shape (rates, counts).

    Of pairs at rates of a alone and of b alone, and the rest; else at the rates of either arm.
    """
    if not paired:
        return [_binomial(n, rates_a), _binomial(m, rates_b)]
    neither = np.maximum(1 - rates_a - rates_b, 0.0)
    return [_powers(rates_a, n), _powers(rates_b, n), _powers(neither, n) * math.gamma(n + 1)]


@dataclass(frozen=True)
class _Tables:
    """Every table that may come out: the two counts, and of pairs how many are alike.

    `place` is where a table of two counts stands among them; `mirror` where each stands with 0 and
    1 exchanged.
    """

    paired: bool
    n: int
    m: int

    @cached_property
    def counts(self) -> tuple[NDArray[np.int64], ...]:
        first, second = np.indices((self.n + 1, self.m + 1))
        if not self.paired:
            return first.ravel(), second.ravel()
        possible = first + second <= self.n
        return first[possible], second[possible], self.n - (first + second)[possible]

    @cached_property
    def place(self) -> NDArray[np.int64]:
        place = np.zeros((self.n + 1, self.m + 1), dtype=np.int64)
        place[self.counts[:2]] = np.arange(len(self.counts[0]))
        return place

    @cached_property
    def mirror(self) -> NDArray[np.int64]:
        first, second = self.counts[:2]
        return (
            self.place[second, first]
            if self.paired
            else self.place[self.n - first, self.m - second]
        )

    @cached_property
    def room(self) -> Array:
        """Memory for the chances of all tables at all true rates, and for their sums.

        Of two arms alike in size, rates beyond the middle only exchange the arms, and 0 with 1.
        """
        rates = _NUISANCE if self.paired or self.n != self.m else _NUISANCE // 2 + 1
        return np.empty((2, rates, len(self.counts[0])))

    def p_under(self, d: float) -> tuple[Array, Array]:
        """The p-values under a difference of rates d >= 0, and under -d: shapes (tables,)."""
        chances, sums = self.room
        rates_b = np.linspace(0.0, (1 - d) / (1 + self.paired), _NUISANCE)[: len(sums)]
        parts = _parts(self.paired, self.n, self.m, np.minimum(rates_b + d, 1.0), rates_b)
        first, second, *_ = self.counts
        scores = (pair_scores if self.paired else arm_scores)(first, second, self.n, self.m, d)
        order = np.argsort(-scores, kind="stable")
        down = -scores[order]
        np.take(parts[0], self.counts[0][order], axis=1, out=chances, mode="clip")
        for part, counts in zip(parts[1:], self.counts[1:], strict=True):
            np.take(part, counts[order], axis=1, out=sums, mode="clip")
            chances *= sums
        # all tables whose score ties with one's own are as far out
        greater, less = np.empty(len(scores)), np.empty(len(scores))
        beyond = np.cumsum(chances, axis=1, out=sums).max(axis=0)
        greater[order] = beyond[np.searchsorted(down, down + _TIE, side="right") - 1]
        beyond = np.cumsum(chances[:, ::-1], axis=1, out=sums).max(axis=0)[::-1]
        less[order] = beyond[np.searchsorted(down, down - _TIE, side="left")]
        # what is less under d is greater under -d where 0 and 1 change places
        return np.minimum(1.0, greater), np.minimum(1.0, less)[self.mirror]


@lru_cache(maxsize=32)
def _p_up_to(paired: bool, n: int, m: int) -> tuple[Array, NDArray[np.int64]]:
    """The largest p-value up to each difference of a grid from -1 to below 1, and where it is.

    Shapes (differences, tables) and (n + 1, m + 1): the place of each table among them.
    """
    tables = _Tables(paired, n, m)
    p = np.empty((2 * _STEPS + 1, len(tables.counts[0])))
    for step in range(_STEPS + 1):
        p[_STEPS + step], p[_STEPS - step] = tables.p_under(step / _STEPS)
    return np.maximum.accumulate(p[:-1], axis=0), tables.place


@lru_cache(maxsize=8)
def _p_alone(paired: bool, n: int, m: int, step: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """The p-values under one difference of the grid, and under the opposite one."""
    tables = _Tables(paired, n, m)
    return *tables.p_under(step / _STEPS), tables.place


def _seen(paired: bool, a: Array, b: Array) -> tuple[tuple[bool, int, int], Counts]:
    """The tables that outcomes belong to, and their counts among those.

    Fewer of a than of b are looked up with 0 and 1 exchanged, and so the arms.
    """
    n, m = a.shape[-1], b.shape[-1]
    if paired:
        return (True, n, n), (np.count_nonzero(a > b, axis=-1), np.count_nonzero(a < b, axis=-1))
    first, second = np.count_nonzero(a, axis=-1), np.count_nonzero(b, axis=-1)
    return ((False, n, m), (first, second)) if n >= m else ((False, m, n), (m - second, n - first))


def _p_greater(paired: bool, is_alone: bool, a: Array, b: Array, bound: float) -> Array:
    """P-value of H0 "the difference of rates <= bound"; under that bound alone, it is no more."""
    step = math.ceil(min(max(bound, -2.0), 2.0) * _STEPS - 1e-9)
    if min(a.shape[-1], b.shape[-1]) < LEAST or step >= _STEPS:
        return np.ones(a.shape[:-1])
    if step < -_STEPS:  # no rates differ by as much
        return np.zeros(a.shape[:-1])
    tables, counts = _seen(paired, a, b)
    if is_alone:
        *both, place = _p_alone(*tables, abs(step))
        p = both[step < 0]
    else:
        grid, place = _p_up_to(*tables)
        p = grid[step + _STEPS]
    return p[place[counts]]


def _lower_bound(paired: bool, a: Array, b: Array, level: float) -> Array:
    if min(a.shape[-1], b.shape[-1]) < LEAST:
        return np.full(a.shape[:-1], -math.inf)
    tables, counts = _seen(paired, a, b)
    p, place = _p_up_to(*tables)
    which, where = np.unique(place[counts], return_inverse=True)
    count = np.count_nonzero(p[:, which] <= level, axis=0)[where].reshape(a.shape[:-1])
    last = (count - 1 - _STEPS) / _STEPS  # the largest difference that is rejected
    return np.where(count > 0, np.nextafter(last, 1.0), -1.0)


def _first(ones: NDArray[np.int64], n: int) -> Array:
    """Outcomes of n seeds of which the first so many are 1, shape (rows,) to (rows, n)."""
    return (np.arange(n) < ones[:, None]).astype(np.float64)


def _outcomes(paired: bool, n: int, m: int, number: float | None) -> tuple[Array, Array]:
    first, second = _Tables(paired, n, m).counts[:2]
    if paired:
        return _first(first, n), _first(first + second, n) - _first(first, n)
    return _first(first, n), _first(second, m)


def _chances(paired: bool, n: int, m: int, rate_a: float, rate_b: float) -> Array:
    alone = (rate_a * (1 - rate_b), rate_b * (1 - rate_a)) if paired else (rate_a, rate_b)
    parts = _parts(paired, n, m, *(np.array([rate]) for rate in alone))
    tables = zip(parts, _Tables(paired, n, m).counts, strict=True)
    chances: Array = np.prod([part[0, counts] for part, counts in tables], axis=0)
    return chances


def _check_one(values: Array, number: Array) -> None:
    _check_outcomes("a", values)
    if not ((number[..., :1] == number) & (number >= 0) & (number <= 1)).all():
        raise refuse(
            "b", number.tolist(), "one rate from 0 to 1", "give the number that a is held against"
        )


def _check_two(a: Array, b: Array) -> None:
    for name, values in (("a", a), ("b", b)):
        _check_outcomes(name, values)
        if values.shape[-1] > MOST:
            raise refuse(
                name,
                values.shape,
                f"of at most {MOST} outcomes where two rates are compared exactly",
                "compare fewer seeds",
            )


def _check_outcomes(name: str, values: Array) -> None:
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        where = tuple(map(int, wrong[0]))
        raise refuse(
            f"{name}[{', '.join(map(str, where))}]",
            float(values[where]),
            "0 or 1 where a rate is claimed",
            "give the outcome of each seed, or claim a mean",
        )


#: One arm against a number: the binomial tail.
one_arm = Exact(
    _p_of_one,
    _bound_of_one,
    lambda values, number: mean_and_sd(values)[1],
    _outcomes_of_one,
    _chances_of_one,
    _check_one,
    None,
)
#: Two arms that the seed pairs; safe whatever they have to do with each other.
pairs = Exact(
    partial(_p_greater, True, False),
    partial(_lower_bound, True),
    lambda a, b: mean_and_sd(a - b)[1],
    partial(_outcomes, True),
    partial(_chances, True),
    _check_two,
    MOST,
    partial(_p_greater, True, True),
)
#: Two independent arms.
arms = Exact(
    partial(_p_greater, False, False),
    partial(_lower_bound, False),
    _welch.sd,
    partial(_outcomes, False),
    partial(_chances, False),
    _check_two,
    MOST,
    partial(_p_greater, False, True),
)


def undecidable(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether an arm has too few outcomes; equal ones are decided like others."""
    return np.full(a.shape[:-1], min(a.shape[-1], b.shape[-1]) < LEAST)


def attainable(n: int) -> float:
    """From two seeds on, some p-value near 0 can be reached at some bound; which depends on it."""
    return 0.0 if n >= LEAST else 1.0
