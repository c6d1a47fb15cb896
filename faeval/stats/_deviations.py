"""The ratio of two spreads: Welch's test on deviations from the median, on a decimal log scale.

The spread is the mean absolute deviation from the median, as Brown and Forsythe have it [1]_; the
deviations are made as many as they are free, n - 1 [2]_. The ratio tested scales one arm alone.
An arm that shows no deviation at all has no ratio to the other: any factor would do.

References
----------
.. [1] M. B. Brown and A. B. Forsythe, J. Am. Stat. Assoc. 69 (1974).
.. [2] W. G. S. Hines and R. J. O'Hara Hines, Biometrics 56 (2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array
from faeval.stats._spread import EPSILON, largest_size, mean_and_sd
from faeval.stats._t import upper_tail

#: Values in each arm that a claim needs.
LEAST = 5
#: Values below which the test has little power.
ADVISED = 7
#: Values in each arm that planning looks through.
MOST_PLANNED = 100
_WIDEST = 300.0  # decades
_BOUND = 1e-9  # how near a bound is found, in decades
_ANGLES = 64  # shares of the error at which p is looked at, from all a's to all b's
_GOLDEN = (math.sqrt(5) - 1) / 2
_HALVINGS = 32  # by the golden section, of two angles, to where p is flat to its last bits


def deviations(values: Array) -> Array:
    """Absolute deviations from the median, shape (..., n) to (..., n - 1), sorted.

    Of an odd number one is 0 whatever the values, and left out; of an even number the two smallest
    are the same, and count as one, longer by the root of 2.
    """
    n = values.shape[-1]
    if n < 2:
        return values[..., :0]
    sizes = np.sort(np.abs(values - np.median(values, axis=-1, keepdims=True)), axis=-1)[..., 1:]
    if n % 2 == 0:
        sizes = np.concatenate([math.sqrt(2) * sizes[..., :1], sizes[..., 1:]], axis=-1)
    return sizes


@dataclass(frozen=True)
class _Arms:
    """Two arms in units of their own typical deviations, all shapes (...).

    `log_ratio` is log10 of the typical deviations, a over b, NaN where one is 0; `error_a` and
    `error_b` are their relative standard errors, on `df_a` and `df_b` degrees of freedom.
    """

    log_ratio: Array
    error_a: Array
    error_b: Array
    df_a: int
    df_b: int

    @classmethod
    def of(cls, a: Array, b: Array) -> _Arms:
        (mean_a, sd_a), (mean_b, sd_b) = mean_and_sd(deviations(a)), mean_and_sd(deviations(b))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_ratio = np.log10(mean_a) - np.log10(mean_b)
            return cls(
                np.where(np.isfinite(log_ratio), log_ratio, math.nan),
                sd_a / mean_a / math.sqrt(max(1, a.shape[-1] - 1)),
                sd_b / mean_b / math.sqrt(max(1, b.shape[-1] - 1)),
                a.shape[-1] - 2,
                b.shape[-1] - 2,
            )

    def taken(self, rows: NDArray[np.bool_]) -> _Arms:
        return _Arms(
            self.log_ratio[rows], self.error_a[rows], self.error_b[rows], self.df_a, self.df_b
        )

    def p(self, bounds: Array | float) -> Array:
        """Welch's p-value of H0 "log10 of the ratio <= bound", at that bound alone."""
        by = np.power(10.0, np.clip(bounds - self.log_ratio, -_WIDEST, _WIDEST))
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.hypot(self.error_a, by * self.error_b)
            share = (self.error_a / error) ** 2
            df = 1 / (share**2 / self.df_a + (1 - share) ** 2 / self.df_b)
        return upper_tail(1 - by, error, df)

    def at(self, angle: Array | float) -> Array:
        """The bound where the part of b in the standard error is to that of a as a tangent."""
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.log10(np.tan(angle)) + np.log10(self.error_a) - np.log10(self.error_b)
        # an error of 0 has a part at no bound
        return np.where(np.isfinite(parts), parts, 0.0) + self.log_ratio

    def peak(self) -> tuple[Array, Array]:
        """Where p is largest before it falls, and how large; (inf, 0) where it never falls.

        The statistic falls as the bound rises, but the degrees of freedom may rise with it, and p
        fall: once at most, as the sums of squares of the two arms become alike.
        """
        angles = np.linspace(0.0, math.pi / 2, _ANGLES + 1)[1:-1]
        curve = self.p(self.at(angles.reshape(-1, *(1,) * self.log_ratio.ndim)))
        falls = curve[1:] < curve[:-1]
        some = falls.any(axis=0) & (self.error_a > 0) & (self.error_b > 0)
        where, height = np.full(some.shape, math.inf), np.zeros(some.shape)
        if some.any():
            rows = self.taken(some)
            top = angles[np.argmax(falls, axis=0)[some]]
            low, high = top - angles[0], top + angles[0]
            for _ in range(_HALVINGS):
                step = _GOLDEN * (high - low)
                is_left = rows.p(rows.at(high - step)) > rows.p(rows.at(low + step))
                low, high = np.where(is_left, low, high - step), np.where(is_left, low + step, high)
            where[some] = rows.at((low + high) / 2)
            height[some] = rows.p(where[some])
        return where, height


def p_alone(a: Array, b: Array, bound: float) -> Array:
    """The p-value at that ratio alone, which is never above :func:`p_greater`."""
    nothing = undecidable(a, b)
    if nothing.all():
        return np.ones(nothing.shape)
    return np.where(nothing, 1.0, _Arms.of(a, b).p(bound))


def p_greater(a: Array, b: Array, bound: float) -> Array:
    """P-value of H0 "log10 of the ratio of spreads, a over b, <= bound".

    Shapes (..., n), (..., m) to (...). The largest over the ratios below it, too: else a wider
    margin might undo a verdict. 1 where an arm has too few values, or none deviates as it should.
    """
    nothing = undecidable(a, b)
    if nothing.all():
        return np.ones(nothing.shape)
    arms = _Arms.of(a, b)
    where, height = arms.peak()
    p = np.maximum(arms.p(bound), np.where(bound >= where, height, 0.0))
    return np.where(nothing, 1.0, p)


def lower_bound(a: Array, b: Array, level: float) -> Array:
    """One-sided lower confidence bound of log10 of the ratio of spreads.

    -inf where p_greater rejects no bound.
    """
    nothing = undecidable(a, b)
    if nothing.all():
        return np.full(nothing.shape, -math.inf)
    arms = _Arms.of(a, b)
    where, height = arms.peak()

    def rejects(bounds: Array) -> NDArray[np.bool_]:
        return (arms.p(bounds) <= level) & ~((bounds >= where) & (height > level))

    low, high = arms.log_ratio - _WIDEST, arms.log_ratio + 0.0  # at the estimate p is 1/2
    none = nothing | ~rejects(low)
    while np.max(high - low, initial=0.0, where=~nothing) > _BOUND:
        middle = (low + high) / 2
        is_rejected = rejects(middle)
        low, high = np.where(is_rejected, middle, low), np.where(is_rejected, high, middle)
    return np.where(none, -math.inf, low)


def ratio(a: Array, b: Array) -> Array:
    """Log10 of the ratio of the typical deviations, the means of :func:`deviations`, a over b.

    NaN where one of them is 0.
    """
    return _Arms.of(a, b).log_ratio


def sd(a: Array, b: Array) -> Array:
    """The standard deviation of :func:`ratio` times the root of n, to first order."""
    arms = _Arms.of(a, b)
    n = min(a.shape[-1], b.shape[-1])
    return math.sqrt(n) / math.log(10) * np.hypot(arms.error_a, arms.error_b)


def undecidable(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether an arm has too few values or no deviation, or the deviations of neither vary."""
    if min(a.shape[-1], b.shape[-1]) < LEAST:
        return np.full(a.shape[:-1], True)
    moments = [mean_and_sd(deviations(side)) for side in (a, b)]
    rounding = [8 * EPSILON * largest_size(side) for side in (a, b)]
    (mean_a, sd_a), (mean_b, sd_b) = moments
    deviate = (mean_a > rounding[0]) & (mean_b > rounding[1])
    return ~(deviate & ((sd_a > rounding[0]) | (sd_b > rounding[1])))


def draws(
    rng: np.random.Generator, rows: int, n: int, effect: float, sd: float | None, sign: float
) -> tuple[Array, Array]:
    """Two normal arms of n values, whose spreads have the log10 ratio sign * effect."""
    arms = rng.standard_normal((2, rows, n))
    return 10.0 ** (sign * effect) * arms[0], arms[1]


def attainable(n: int) -> float:
    """Any p-value above 0 can be reached from five values in each arm on; fewer are refused."""
    return 0.0 if n >= LEAST else 1.0
