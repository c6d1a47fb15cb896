"""Contrasts: what a rule compares, both sides at each seed, and what their resolution is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faeval._arguments import LARGEST, Array, number, refuse
from faeval.stats._judge import Judgement
from faeval.stats._kinds import AssertedKind, Kind, region_of
from faeval.stats._spread import equal_beyond_rounding, tie_tolerance

#: The share of units, such as layers, on which two metrics that agree must lie within the margin of
#: each other.
AGREEMENT = 0.9


@dataclass(frozen=True)
class Contrast:
    """One tested comparison: both sides at each seed, shape (n,), and the margin.

    All are in the metric's unit.

    `sizes` is the largest absolute value at each seed that either side was made of, `resolution`
    the metric's smallest step: together they say how near to the margin a difference is a tie with
    it. `reach` holds the least and the largest difference that there can be, by the ranges of
    metrics. `may_be_lower` and `may_be_higher` mark seeds whose difference is known only to be at
    most, or at least, what it says: a censored time.
    """

    kind: Kind
    a: Array
    b: Array
    margin: float
    sizes: Array
    resolution: float = 0.0
    reach: tuple[float, float] = (-math.inf, math.inf)
    may_be_lower: NDArray[np.bool_] | None = None
    may_be_higher: NDArray[np.bool_] | None = None

    @property
    def tolerance(self) -> float:
        """How near to an edge of the margin a difference is on it."""
        return tie_tolerance(self.sizes, resolution=self.resolution)

    def varies(self, sides: bool = False) -> bool:
        """Whether the values vary over seeds beyond rounding; True where undefined.

        The differences, or either of the sides; rounding is that of what they were made of.
        """
        return self._sides_vary if sides else self._differences_vary

    @cached_property
    def _sides_vary(self) -> bool:
        return self._vary((self.a, self.b))

    @cached_property
    def _differences_vary(self) -> bool:
        return self._vary((self.differences,))

    def _vary(self, samples: tuple[Array, ...]) -> bool:
        if not all((np.abs(values) <= LARGEST).all() for values in samples):
            return True
        return not all(equal_beyond_rounding(values, self.sizes) for values in samples)

    @cached_property
    def differences(self) -> Array:
        """a - b, shape (n,)."""
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # what is not finite is told as undefined
            difference: Array = self.a - self.b
        return difference

    def sample(self, sides: bool = False) -> tuple[Array, ...]:
        """What a rule reads: the differences, or the sides (a, b)."""
        return (self.a, self.b) if sides else (self.differences,)

    @property
    def censored(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
        """Which differences may be lower than they say, and which higher; None where all hold."""
        if self.may_be_lower is None or self.may_be_higher is None:
            return None
        is_any = self.may_be_lower.any() or self.may_be_higher.any()
        return (self.may_be_lower, self.may_be_higher) if is_any else None

    def first(self, n: int) -> Contrast:
        """The same on the first n seeds."""
        lower, higher = (
            None if m is None else m[:n] for m in (self.may_be_lower, self.may_be_higher)
        )
        return replace(
            self,
            a=self.a[:n],
            b=self.b[:n],
            sizes=self.sizes[:n],
            may_be_lower=lower,
            may_be_higher=higher,
        )


def contrasts(
    kind: AssertedKind,
    a: ArrayLike,
    b: ArrayLike,
    margin: float,
    *,
    resolution: float = 0.0,
    sizes: ArrayLike = 0.0,
    reach: tuple[float, float] = (-math.inf, math.inf),
    censored: tuple[ArrayLike, ArrayLike] | None = None,
    paired: bool = True,
) -> tuple[Contrast, ...]:
    """Return the comparisons that an assertion comes down to: one, and for "agree" two.

    Parameters
    ----------
    kind
        One of :func:`judge`, or "agree".
    a, b
        Shape (n,), one number per seed; `b` may be one number. For "agree" shape (n, units), the
        metric on each of the same fixed units, such as layers.
    margin
        The smallest effect of interest, in the metric's unit.
    resolution
        The smallest step that the sides can take, in the same unit; 0 where none is known.
    sizes
        Shape (n,) or one number: how large the values are that a side was subtracted from, where a
        side is a difference itself.
    reach
        The least and the largest a - b that there can be.
    censored
        Shapes (n,): at which seeds a - b may be lower than it says, and at which higher.
    paired
        False for sides that no seed pairs, which may have unequal numbers of values.

    Returns
    -------
    tuple of Contrast
        "agree" asserts that the means over units are equivalent within the margin, and that each
        seed's 90 % quantile over units of abs(a - b) is below it. Units are fixed: they are no
        replicates.

    Raises
    ------
    FaevalError
        For an unknown kind, sides that are not numbers or of different shape, or a margin below 0.

    Examples
    --------
    >>> a, b = [[0.1, 0.2], [0.1, 0.3]], [[0.1, 0.2], [0.2, 0.3]]
    >>> [c.kind for c in contrasts("agree", a, b, margin=0.2)]
    ['equivalent', 'below']
    """
    per_unit = region_of(kind).per_unit
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    axes = 2 if per_unit else 1
    first, second = (
        _side("a", a, axes),
        _side("b", b, axes) if np.ndim(b) else np.asarray(b, dtype=np.float64),
    )
    if second.ndim == 0 and not per_unit:
        second = np.full(first.shape, float(second))
    if not paired and not per_unit and not censored:
        together = np.abs(np.concatenate([first, second]))
        largest = np.maximum(together, np.max(sizes, initial=0.0))
        return (Contrast(cast(Kind, kind), first, second, margin, largest, resolution, reach),)
    if first.shape != second.shape:
        raise refuse(
            "b",
            second.shape,
            f"of the shape {first.shape} of a",
            "give both sides on the same seeds and units",
        )
    largest = np.maximum(np.abs(first), np.abs(second))
    if not per_unit:
        lower, higher = (None, None) if censored is None else map(np.asarray, censored)
        sizes = np.maximum(largest, sizes)
        return (
            Contrast(
                cast(Kind, kind), first, second, margin, sizes, resolution, reach, lower, higher
            ),
        )
    largest = np.maximum(largest.max(axis=1, initial=0.0), sizes)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = (
            np.quantile(np.abs(first - second), AGREEMENT, axis=1)
            if first.size
            else np.empty(len(first))
        )
        means = first.mean(axis=1), second.mean(axis=1)
    return (
        Contrast("equivalent", *means, margin, largest, resolution),
        Contrast(
            "below",
            apart,
            np.full(len(first), margin),
            0.0,
            np.maximum(largest, margin),
            resolution,
        ),
    )


def _side(name: str, values: ArrayLike, axes: int) -> Array:
    array = np.asarray(values)
    if array.ndim != axes or array.dtype.kind not in "iuf":
        form = "one number per seed, shape (n,)" if axes == 1 else "numbers of shape (n, units)"
        raise refuse(
            name, values, form, "reduce to one number per seed first; NaN marks what is undefined"
        )
    return array.astype(np.float64)


def item_error(blocks: ArrayLike) -> float:
    """Standard error of the seed-mean contrast over evaluation items.

    From its values on disjoint blocks of the items.

    Parameters
    ----------
    blocks
        Shape (seeds, blocks): the contrast on each of the same fixed disjoint blocks of the
        evaluation items.

    Returns
    -------
    float
        The standard deviation over blocks of the mean over seeds, over the root of the number of
        blocks, in the metric's unit: noise that all seeds share, and that no number of seeds
        removes. NaN with fewer than two blocks.

    Raises
    ------
    FaevalError
        For blocks that are not two-dimensional.

    Examples
    --------
    >>> round(item_error([[0.0, 0.2], [0.0, 0.2]]), 3)
    0.1
    """
    values = _side("blocks", blocks, 2)
    if values.shape[1] < 2 or not len(values):
        return math.nan
    return float(np.std(values.mean(axis=0), ddof=1) / math.sqrt(values.shape[1]))


def near_margin(judgement: Judgement, error: float) -> bool:
    """Whether an edge of the margin lies within 2 standard errors of the estimate.

    Standard errors over evaluation items.
    """
    edges = region_of(judgement.kind).edges(judgement.margin)
    return any(abs(judgement.estimate - edge) <= 2 * error for edge in edges)


def coarse(judgement: Judgement, resolution: float) -> bool:
    """Whether the spread over seeds is below two steps of the metric's resolution."""
    return judgement.sd < 2 * resolution
