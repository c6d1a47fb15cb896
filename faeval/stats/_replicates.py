"""The seed is the replicate: what rows below it would do if they were taken for replicates."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from faeval._arguments import Array, count, level, number, refuse, sample
from faeval.errors import FaevalError


@dataclass(frozen=True)
class VarianceSplit:
    """How the variance of rows splits between seeds and within them.

    `between` is the variance of true seed means, estimated without bias, so it may come out below
    0; `within` that of rows around their seed's mean. `icc` is the share between, in [0, 1], where
    an estimate below 0 counts as none: two rows of one seed correlate by so much. `rows` is the
    mean number of rows a seed; the variance of a seed's mean is between + within / rows. All three
    are NaN where there are too few seeds or rows to tell them apart.
    """

    between: float
    within: float
    icc: float
    rows: float

    @property
    def advice(self) -> str:
        """What narrows an interval more: seeds, or rows of each."""
        if math.isnan(self.icc):
            return (
                "undefined: the split needs two seeds, two rows of one of them, and values that"
                " differ"
            )
        if self.within / self.rows <= max(self.between, 0.0):
            return (
                "more seeds: most of the variance of a seed's mean is between seeds, which rows do"
                " not lessen"
            )
        return (
            "more rows a seed (or more seeds): most of the variance of a seed's mean is from within"
        )


@dataclass(frozen=True)
class SeedMeans:
    """One number a seed, and the split of variance that the rows had.

    In the order of first appearance.
    """

    seeds: tuple[Hashable, ...]
    means: tuple[float, ...]
    rows: tuple[int, ...]
    split: VarianceSplit


def reduce_to_seeds(values: ArrayLike, seeds: Sequence[Hashable]) -> SeedMeans:
    """Average the rows of each seed.

    With balanced rows the t test on these means is the exact answer.

    Parameters
    ----------
    values
        Shape (rows,), in the metric's unit: one for each layer, sample or batch of each seed.
    seeds
        Shape (rows,), the seed of each row.

    Returns
    -------
    SeedMeans
        One mean a seed.

    Raises
    ------
    FaevalError
        For values that are not finite or not one-dimensional, or lengths that differ.

    Examples
    --------
    >>> found = reduce_to_seeds([0.1, 0.3, 0.5, 0.7], [1, 1, 2, 2])
    >>> found.seeds, [round(m, 3) for m in found.means], round(found.split.icc, 2)
    ((1, 2), [0.2, 0.6], 0.78)
    """
    rows = sample("values", values)
    if len(seeds) != len(rows):
        raise refuse(
            "seeds",
            list(seeds),
            f"one seed for each of {len(rows)} values",
            "name the seed of each row",
        )
    groups: dict[Hashable, list[float]] = {}
    for seed, value in zip(seeds, rows.tolist(), strict=True):
        groups.setdefault(seed, []).append(value)
    means = tuple(math.fsum(g) / len(g) for g in groups.values())
    return SeedMeans(
        tuple(groups), means, tuple(map(len, groups.values())), _split(list(groups.values()))
    )


def _split(groups: list[list[float]]) -> VarianceSplit:
    """One-way analysis of variance; NaN where there are too few seeds or rows to tell."""
    n, total = len(groups), sum(map(len, groups))
    if n < 2 or total == n:
        return VarianceSplit(math.nan, math.nan, math.nan, total / n if n else math.nan)
    values = [v for g in groups for v in g]
    # Divided out: squares of 1e200 would overflow.
    largest = max(map(abs, values)) or 1.0
    sizes = list(map(len, groups))
    means = [math.fsum(v / largest for v in g) / len(g) for g in groups]
    grand = math.fsum(v / largest for v in values) / total
    inside = math.fsum(
        (v / largest - m) ** 2 for g, m in zip(groups, means, strict=True) for v in g
    ) / (total - n)
    outside = math.fsum(size * (m - grand) ** 2 for m, size in zip(means, sizes, strict=True)) / (
        n - 1
    )
    # Rows a seed, where they are unequal.
    typical = (total - sum(size**2 for size in sizes) / total) / (n - 1)
    between = (outside - inside) / typical
    whole = max(between, 0.0) + inside
    icc = max(between, 0.0) / whole if whole > 0 else math.nan
    return VarianceSplit(between * largest * largest, inside * largest * largest, icc, total / n)


def explain_no_spread(
    a: ArrayLike,
    b: ArrayLike,
    tolerance: float = 0.0,
    unused: bool = False,
    paired: bool = True,
) -> str:
    """What equal differences over seeds leave open, in words.

    Parameters
    ----------
    a, b
        Shape (n,), both sides at each seed, in the metric's unit.
    tolerance
        Rounding, as :func:`tie_tolerance` gives it: a difference within it counts as 0.
    unused
        Whether nothing that was read varies over seeds.
    paired
        Whether seeds pair the sides.

    Returns
    -------
    str
        A sentence that says why nothing is decided, and which share of seeds might differ.

    Raises
    ------
    FaevalError
        For sides that are not finite or not one-dimensional.

    Examples
    --------
    >>> explain_no_spread([0.4, 0.5, 0.6, 0.7, 0.8], [0.4, 0.5, 0.6, 0.7, 0.8])[:35]
    'All 5 seeds differ by exactly 0. Wi'
    """
    first, second = sample("a", a), sample("b", b)
    n = len(first)
    if not paired and not unused:
        return (
            f"neither arm varies over its seeds: {n} equal values of each do not show how far off a"
            " mean may be."
        )
    if np.isin(np.concatenate([first, second]), (0.0, 1.0)).all():
        return (
            f"at all {n} seeds the outcomes are 0/1 and compare the same: the exact rules for rates"
            " decide that, where outcome='rate' is said of the metric."
        )
    if unused:
        return (
            f"all {n} seeds gave the very same values: the seed is not used, as far as they show,"
            " so nothing random was repeated; make the experiment use its seed."
        )
    gaps = first - second
    typical = float(np.median(gaps))
    by = 0.0 if abs(typical) <= tolerance else typical
    exactly = f"exactly {by:.4g}" if (gaps == gaps[0]).all() else f"{by:.4g}, up to rounding"
    share = 1 - 0.05 ** (1 / n)
    fixed = (
        ""
        if by == 0 or n >= _ENOUGH
        else f" ({by:.4g} was read off these data, so that bound is not exact)"
    )
    return (
        f"All {n} seeds differ by {exactly}. With 95 % confidence fewer than {100 * share:.0f} % of"
        f" seeds would differ from that (1 - .05^(1/{n})){fixed}; the mean of a rare difference is"
        " not bounded by these data."
    )


def explain_no_ratio(a: Array, b: Array) -> str:
    """What spreads with no ratio to speak of leave open, in words; shapes (n,) and (m,)."""
    still = [name for name, side in (("first", a), ("second", b)) if np.ptp(side) == 0]
    if still:
        return (
            f"all values of the {still[0]} arm are equal, so no factor is too large for the ratio"
            " of the spreads; look whether that arm uses its seed, or claim a share of seeds."
        )
    return (
        "the deviations from the median are all of one size in both arms, which does not show how"
        " far off their ratio may be; run more seeds."
    )


#: From so many seeds on the bound of a share holds for a value read off the data, too.
_ENOUGH = 8


def pooling_error(
    seeds: int, rows: int, icc: float, alpha: float = 0.05, *, two_sided: bool = True
) -> float:
    """The true false-positive rate of a t test that takes every row for a replicate.

    One sample; every row of every seed.

    Parameters
    ----------
    seeds
        How many seeds there are, at least 2.
    rows
        Rows of each: layers, samples, batches.
    icc
        Share of the variance between seeds, in [0, 1]; see :class:`VarianceSplit`.
    alpha
        The level that the test is run at, in (0, 0.5].
    two_sided
        Whether it is run on both sides; else on one.

    Returns
    -------
    float
        A probability, under normal rows and seeds, by quadrature over the two sums of squares.

    Raises
    ------
    FaevalError
        For an argument out of its range.

    Examples
    --------
    >>> [round(pooling_error(5, k, icc=0.6), 2) for k in (1, 4, 1000)]
    [0.05, 0.26, 0.94]
    """
    seeds, rows = count("seeds", seeds, low=2), count("rows", rows, low=1)
    icc = number("icc", icc, "a share between 0 and 1", low=0.0, high=1.0)
    tail = level("alpha", alpha) / (2 if two_sided else 1)
    from scipy.special import chdtri, ndtr, stdtrit

    if rows == 1:
        return alpha
    n = seeds * rows
    of_mean = icc + (1 - icc) / rows  # variance of a seed's mean, the whole being 1
    nodes, weights = np.polynomial.legendre.leggauss(200)
    u, w = (1 - nodes) / 2, weights / 2
    between = rows * of_mean * chdtri(seeds - 1, u)
    within = (1 - icc) * chdtri(seeds * (rows - 1), u)
    pooled = np.sqrt(
        (between[:, None] + within) / (n - 1) / n
    )  # the standard error that the test computes
    critical = -float(stdtrit(n - 1, tail))
    beyond = w @ ndtr(-critical * pooled / math.sqrt(of_mean / seeds)) @ w
    return float(beyond * (2 if two_sided else 1))


def explain_pooling(values: ArrayLike, seeds: Sequence[Hashable]) -> str:
    """Say what rows below the seed would do if they were taken for replicates.

    Parameters
    ----------
    values
        Shape (rows,), in the metric's unit.
    seeds
        Shape (rows,), the seed of each row. Where seeds have unequal numbers of rows, their mean
        number stands in, and the text says so.

    Returns
    -------
    str
        The number of rows, the estimated share of variance between seeds, and the false-positive
        rate of
        :func:`pooling_error` at it; without the last two where the split is undefined.

    Raises
    ------
    FaevalError
        As :func:`reduce_to_seeds`.

    Examples
    --------
    >>> explain_pooling([0.1, 0.2, 0.3, 0.5, 0.5, 0.6], [1, 1, 2, 2, 3, 3]).split(": ")[0]
    '6 rows of 3 seeds (2 each) are no 6 replicates'
    """
    return f"{_price(values, seeds, 'rows')}; average the rows of each seed first."


def _price(values: ArrayLike, seeds: Sequence[Hashable], what: str) -> str:
    """What pooling does at the split that these values have."""
    means = reduce_to_seeds(values, seeds)
    head = _head(means.rows, what)
    if math.isnan(means.split.icc):
        return f"{head}: what varies is the seed"
    return (
        f"{head}: with an estimated {100 * means.split.icc:.0f} % of their variance between seeds,"
        f" a t test over {what} would find an effect in {_rate(means.rows, means.split.icc)} of"
        " comparisons without one, where 5 % were meant"
    )


def _assumed_price(seeds: Sequence[Hashable], what: str) -> str:
    """What pooling does at two splits, where no values tell which it is."""
    rows = tuple(Counter(seeds).values())
    head = _head(rows, what)
    if len(rows) < 2:
        return f"{head}: what varies is the seed"
    return (
        f"{head}: with 10 % or 60 % of their variance between seeds, a t test over {what} would"
        f" find an effect in {_rate(rows, 0.1)} or {_rate(rows, 0.6)} of comparisons without one,"
        " where 5 % were meant"
    )


def _head(rows: Sequence[int], what: str) -> str:
    n, total = len(rows), sum(rows)
    each = (
        f"{total / n:g} each" if len(set(rows)) == 1 else f"{total / max(n, 1):.1f} each on average"
    )
    return f"{total} {what} of {n} seed{'s' * (n != 1)} ({each}) are no {total} replicates"


def _rate(rows: Sequence[int], icc: float) -> str:
    """The rate at the mean number of rows.

    It is above 1 where a seed repeats, and so counts as 2 at least.
    """
    return f"{100 * pooling_error(len(rows), max(2, round(sum(rows) / len(rows))), icc):.0f} %"


def refuse_rows(
    seeds: Sequence[Hashable], values: ArrayLike | None = None, what: str = "rows"
) -> None:
    """Refuse rows below the seed as replicates: raise where a seed stands more than once.

    Parameters
    ----------
    seeds
        Shape (rows,), the seed of each row that is offered as a replicate.
    values
        Shape (rows,), what was measured, to say how much pooling would have erred; without it, what
        pooling errs at two assumed shares of variance.
    what
        The word for rows: "layers", "samples".

    Raises
    ------
    FaevalError
        Where a seed repeats; the message says what a test over rows would have done, and what to
        do.

    Examples
    --------
    >>> refuse_rows([1, 2, 3])
    """
    names = list(seeds)
    if len(set(names)) == len(names):
        return
    repeated = next(s for s in names if names.count(s) > 1)
    text = _assumed_price(names, what) if values is None else _price(values, names, what)
    raise FaevalError(
        f"seeds repeats {repeated!r} ({type(repeated).__name__}): {text}; average the {what} of"
        " each seed first (reduce_to_seeds)."
    )
