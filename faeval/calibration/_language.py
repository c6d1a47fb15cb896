"""Tables of claims that hold several numbers of a seed, or several assertions.

Counts, slopes, times cut at a cap, equal differences, and the best of several settings; beside each
rule stands what is done by hand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.calibration._cells import Cell, cell, decided, exact
from faeval.calibration._laws import LAWS, Array
from faeval.calibration._measure import ALPHA, Rate, rate
from faeval.streams import stream

SEEDS = (3, 5, 7, 10)


def percent(share: float) -> str:
    """Write a share in per cent."""
    return f"{100 * share:.0f} %"


# --- counts: at least u of k ---

#: How far the other members lie from their margins, on the side that leaves the claim as it is.
ELSEWHERE = (0.0, 1.0, 3.0, 30.0)
#: Laws of the members, and how they correlate.
MEMBERS = (("normal", 0.0), ("normal", 0.5), ("normal", 0.95), ("t3", 0.5), ("lognormal", 0.5))


def at_least(p: Array, u: int) -> Array:
    """P for "at least u of k members hold", from theirs, shape (rows, k) to (rows,).

    That against it is the same of p against them, and of k - u + 1.
    """
    k = p.shape[1]
    adjusted: Array = np.minimum(1.0, (k - u + 1) * np.sort(p, axis=1)[:, u - 1])
    return adjusted


def least_count(p: Array) -> NDArray[np.int64]:
    """The lower bound of how many members hold: the largest count all up to which are supported."""
    is_supported = np.arange(p.shape[1], 0, -1) * np.sort(p, axis=1) <= ALPHA
    counts: NDArray[np.int64] = np.minimum.accumulate(is_supported, axis=1).sum(axis=1)
    return counts


def count_name(u: int, k: int, r: float) -> str:
    """What a count of members that correlate by r is called."""
    return f"{u} of {k}, correlation {r:g}"


def _members(law: str, k: int, r: float, n: int, reps: int, rng: np.random.Generator) -> Array:
    """Differences of k members on their margins, of one standard deviation, (reps, k, n)."""
    draw, spread = LAWS[law].draw, {"normal": 1.0, "t3": math.sqrt(3)}.get(law)
    shared, own = draw(rng, (reps, 1, n)), draw(rng, (reps, k, n))
    return (math.sqrt(r) * shared + math.sqrt(1 - r) * own) / (spread or _LOGNORMAL)


#: The standard deviation of the lognormal law.
_LOGNORMAL = math.exp(0.32) * math.sqrt(math.expm1(0.64))


def _p(draws: Array) -> tuple[Array, Array]:
    """P of t for and against each member, (rows, k)."""
    p, q = stats.judge_many("exceeds", draws.reshape(-1, draws.shape[2]), 0.0)
    return p.reshape(draws.shape[:2]), q.reshape(draws.shape[:2])


def counts(
    reps: int,
    seed: int,
    ns: Sequence[int] = SEEDS,
    sizes: Sequence[int] = (3, 8),
    members: Sequence[tuple[str, float]] = MEMBERS,
) -> Iterator[Cell]:
    """Wrong verdicts on "at least u of k" where one more or one fewer would hold.

    For support u - 1 members are beyond their margins, for refutation k - u are within; the rest
    lie on theirs. Each figure is the worst over how far the former are away.
    """
    for law, r in members:
        for n in ns:
            for k in sizes:
                rng = stream(seed, "calibrate", "counts", law, str(r), n, k)
                base = _members(law, k, r, n, reps, rng)
                far = {e: (_p(base + e), _p(base - e)) for e in ELSEWHERE}
                means = base.mean(axis=2)
                for u in sorted({1, k - 1, k}):
                    for rule, rates in _count_rules(far, means, u).items():
                        for measure, value in rates.items():
                            detail = count_name(u, k, r)
                            yield cell("counts", rule, law, n, detail, measure, value)


def _count_rules(
    far: dict[float, tuple[tuple[Array, Array], tuple[Array, Array]]], means: Array, u: int
) -> dict[str, dict[str, Rate]]:
    """The worst of each wrong verdict over the places of the other members, by rule."""
    k = means.shape[1]
    above, below = np.arange(k) < u - 1, np.arange(k) >= u
    on = far[0.0][0]
    worst: dict[str, dict[str, Rate]] = {}
    for e, (up, down) in far.items():
        p = np.where(above, up[0], on[0])
        q = np.where(below, down[1], on[1])
        truth = np.count_nonzero(above) if e else 0
        first = np.count_nonzero(means + e * above > 0, axis=1) >= u
        second = np.count_nonzero(means - e * below > 0, axis=1) < u
        of_p = np.count_nonzero(p <= ALPHA, axis=1) >= u
        of_q = np.count_nonzero(q <= ALPHA, axis=1) > k - u
        for rule, measure, events in (
            ("at least", "wrong_support", at_least(p, u) <= ALPHA),
            ("at least", "wrong_refute", at_least(q, k - u + 1) <= ALPHA),
            ("at least", "bound above the truth", least_count(p) > truth),
            ("count of estimates", "wrong_support", first),
            ("count of estimates", "wrong_refute", second),
            ("count of p up to .05", "wrong_support", of_p),
            ("count of p up to .05", "wrong_refute", of_q),
        ):
            value, rates = rate(events), worst.setdefault(rule, {})
            rates[measure] = max(value, rates.get(measure, value), key=lambda x: x.rate)
    return worst


# --- slopes over levels ---

LEVELS = (3, 5, 8)
SKEWED_LEVEL = "last level skewed and noisy"
#: Errors of the numbers of a seed, without any effect.
ERRORS = (
    "normal",
    "t3",
    "lognormal",
    "collapse",
    "normal, each seed a slope of its own",
    SKEWED_LEVEL,
)


def slope_weights(k: int) -> Array:
    """Least squares over 1, ..., k."""
    x = np.arange(k) - (k - 1) / 2
    return x / (x @ x)


def trend_weights(k: int) -> Array:
    """The contrast of Abelson and Tukey for numbers that never fall."""
    j = np.arange(1, k + 1)
    return np.sqrt((j - 1) * (1 - (j - 1) / k)) - np.sqrt(j * (1 - j / k))


def _levels(world: str, rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Numbers at each level of each seed, (reps, n, k), whose means are 0."""
    reps, n, k = shape
    if world in LAWS:
        return LAWS[world].draw(rng, shape)
    values = rng.standard_normal(shape)
    if world == SKEWED_LEVEL:
        values[..., -1] = 5 * LAWS["lognormal"].draw(rng, (reps, n))
        return values
    return values + 0.5 * rng.standard_normal((reps, n, 1)) * (np.arange(k) - (k - 1) / 2)


def over_all_rows(values: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """One straight line through the points of all seeds: its slope by t, each point a replicate."""
    from scipy.special import stdtrit

    _, n, k = values.shape
    x = np.arange(k) - (k - 1) / 2
    slope = values.mean(axis=1) @ slope_weights(k)
    rest = values - values.mean(axis=(1, 2), keepdims=True) - slope[:, None, None] * x
    df = n * k - 2
    t = slope / np.sqrt((rest**2).sum(axis=(1, 2)) / df / (n * (x @ x)))
    critical = -float(stdtrit(df, ALPHA))
    return t > critical, t < -critical


def levels(
    reps: int,
    seed: int,
    ns: Sequence[int] = SEEDS,
    ks: Sequence[int] = LEVELS,
    worlds: Sequence[str] = ERRORS,
) -> Iterator[Cell]:
    """Wrong verdicts on "it rises with the level", where it does not."""
    for world in worlds:
        for n in ns:
            for k in ks:
                rng = stream(seed, "calibrate", "levels", world, n, k)
                values, detail = _levels(world, rng, (reps, n, k)), f"{k} levels"
                for rule, weights in (("slope", slope_weights(k)), ("trend", trend_weights(k))):
                    p, q = stats.judge_many("exceeds", values @ weights, 0.0)
                    yield from decided("levels", rule, world, n, detail, (p <= ALPHA, q <= ALPHA))
                rates = over_all_rows(values)
                yield from decided("levels", "regression over all rows", world, n, detail, rates)


# --- times to a threshold, cut at a cap ---

#: Times of one run, as a law of their logarithms.
TIMES = ("lognormal, c.v. .3", "lognormal, c.v. .8", "exponential")
CUT = (0.1, 0.3, 0.6)
FASTER = 2.0


def _log_times(world: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    if world == "exponential":
        return np.log(rng.exponential(1.0, shape))
    sd = math.sqrt(math.log1p(float(world.rsplit(" ", 1)[1]) ** 2))
    return sd * rng.standard_normal(shape)


def _log_cap(world: str, share: float) -> float:
    """The logarithm of the time that a share of runs exceeds."""
    from scipy.special import ndtri

    if world == "exponential":
        return math.log(-math.log(share))
    return -float(ndtri(share)) * math.sqrt(math.log1p(float(world.rsplit(" ", 1)[1]) ** 2))


def censored(
    reps: int,
    seed: int,
    ns: Sequence[int] = SEEDS,
    worlds: Sequence[str] = TIMES,
    shares: Sequence[float] = CUT,
) -> Iterator[Cell]:
    """Wrong verdicts on "more than twice as fast", where it is twice as fast and runs are cut."""
    for world in worlds:
        for n in ns:
            rng = stream(seed, "calibrate", "censored", world, n)
            base, new = (_log_times(world, rng, (reps, n)) for _ in range(2))
            new = new - math.log(FASTER)
            for share in shares:
                cap = _log_cap(world, share)
                gaps = np.minimum(base, cap) - np.minimum(new, cap)
                p, q = stats.judge_many("exceeds", gaps, math.log(FASTER))
                as_value = p <= ALPHA, q <= ALPHA
                # Support is barred by a new run that was cut, refutation by one of the base.
                barred = (
                    as_value[0] & (new < cap).all(axis=1),
                    as_value[1] & (base < cap).all(axis=1),
                )
                detail = f"{percent(share)} of the base cut"
                for rule, rates in (("first", barred), ("cap as the value", as_value)):
                    yield from decided("censored", rule, world, n, detail, rates)


# --- equal differences ---

#: Shares of seeds that differ, so that the mean lies on the margin.
RARE = (0.1, 0.2, 0.5, 0.6)


def identical(
    reps: int, seed: int, ns: Sequence[int] = SEEDS, shares: Sequence[float] = RARE
) -> Iterator[Cell]:
    """Wrong supports of "the mean is within the margin" where all differences seen are equal.

    A share of seeds differs by so much that the mean lies on the margin. By formula.
    """
    del reps, seed
    for n in ns:
        for share in shares:
            unseen, law = (1 - share) ** n, f"{percent(share)} of seeds differ"
            for rule, chance in (
                ("t", 0.0),
                ("bounded mean", unseen if unseen <= ALPHA else 0.0),
                ("all equal, so equivalent", unseen),
            ):
                yield cell("identical", rule, law, n, "", "wrong_support", exact(chance))
        miss = exact(_missed(n))
        law = "value read off the data, worst case"
        yield cell("identical", "share of seeds that differ", law, n, "", "bound missed", miss)


def _missed(n: int) -> float:
    """How often the bound on what differs from the value seen is wrong, that value as it falls.

    The worst law has as many values as can each be too rare for the bound.
    """
    rare = float(ALPHA ** (1 / n))
    whole = math.floor(1 / rare)
    return float(whole * ALPHA + (1 - whole * rare) ** n)


# --- the best of several settings, and their average ---

SETTINGS = (3, 10, 30)


def selection(
    reps: int, seed: int, ns: Sequence[int] = SEEDS, ks: Sequence[int] = SETTINGS
) -> Iterator[Cell]:
    """Wrong supports of "the best setting beats the baseline", where none does.

    And how often "on average" is found where ten settings each gain a standard deviation, as one
    claim and as ten assertions.
    """
    for n in ns:
        for k in ks:
            rng = stream(seed, "calibrate", "selection", n, k)
            base, settings = rng.standard_normal((reps, 1, n)), rng.standard_normal((reps, k, n))
            other = rng.standard_normal((reps, k, n))
            gaps = settings - base
            rows = np.arange(reps)
            for rule, metric in (
                ("best on the deciding seeds", settings),
                ("best on another metric", other),
            ):
                best = metric.mean(axis=2).argmax(axis=1)
                p, q = stats.judge_many("exceeds", gaps[rows, best], 0.0)
                rates = p <= ALPHA, q <= ALPHA
                yield from decided("selection", rule, "normal", n, f"of {k} settings", rates)
        gains = 1 + stream(seed, "calibrate", "selection", "average", n).standard_normal(
            (reps, 10, n)
        )
        as_one = stats.judge_many("exceeds", gains.mean(axis=1), 0.0)[0]
        each = _p(gains)[0].max(axis=1)
        for rule, p in (("average of ten", as_one), ("ten assertions", each)):
            yield cell(
                "selection", rule, "normal", n, "each by 1 s.d.", "supported", rate(p <= ALPHA)
            )
