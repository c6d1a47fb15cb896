"""All tables: what is measured, of which rules, on which laws, at how many seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from faeval import stats
from faeval.calibration._cells import Cell, cell
from faeval.calibration._counted_rates import rates
from faeval.calibration._language import censored, counts, identical, levels, selection
from faeval.calibration._laws import ARMS, LAWS, Array
from faeval.calibration._measure import (
    ALPHA,
    ENGINE,
    MARGIN,
    decide_all,
    operating_characteristics,
    rate,
)
from faeval.calibration._rivals import RIVALS, TWO_SAMPLE, Found
from faeval.calibration._two_arms import ratios, spreads
from faeval.streams import stream

SEEDS = (3, 4, 5, 6, 8, 10, 20)
#: Replications a cell; those of bootstraps and of 2^20 sign patterns a row are a share of them.
REPS = 20_000
_SHARE = {"percentile bootstrap": 5, "BCa bootstrap": 5, "percentile bootstrap, two samples": 5}
_SHARE |= {"ASO, threshold .5": 10, "ASO, threshold .2": 10}


def _reps(rule: str, n: int, reps: int) -> int:
    if rule in ENGINE and stats.rule_of(rule).patterns(n) > 1 << 10:
        return max(200, reps // 50)
    return max(200, reps // _SHARE.get(rule, 1))


def size(
    reps: int, seed: int, ns: tuple[int, ...] = SEEDS, rules: tuple[str, ...] | None = None
) -> Iterator[Cell]:
    """Errors at the margin, in each direction, of every one-sample rule on every law."""
    for rule in rules or (*ENGINE, *RIVALS):
        for law in LAWS.values():
            for n in ns:
                rates = operating_characteristics(
                    rule, law, n, reps=_reps(rule, n, reps), seed=seed
                )
                for measure, value in rates.items():
                    yield cell("size", rule, law.name, n, "", measure, value)


def two_samples(reps: int, seed: int, ns: tuple[int, ...] = SEEDS) -> Iterator[Cell]:
    """How often one of two equal, unpaired arms is found better, one-sided."""
    for rule, decide in TWO_SAMPLE.items():
        for name in ("normal", "lognormal", "collapse"):
            for n in ns:
                rng = stream(seed, "calibrate", "two samples", name, n)
                shape = (_reps(rule, n, reps), n)
                a, b = LAWS[name].draw(rng, shape), LAWS[name].draw(rng, shape)
                yield cell(
                    "two_samples", rule, name, n, "", "wrong_support", rate(decide(a, b, ALPHA))
                )


def unpaired(reps: int, seed: int, ns: tuple[int, ...] = SEEDS) -> Iterator[Cell]:
    """Errors at the margin, in each direction, of the rules for arms that no seed pairs."""
    for rule in stats.RULES.values():
        for arms in ARMS.values() if rule.about == "mean" and not rule.paired else ():
            for n in ns:
                rng = stream(seed, "calibrate", "unpaired", arms.name, n)
                a, b = MARGIN + arms.a(rng, (reps, n)), arms.b(rng, (reps, n))
                support, refute = stats.judge_many("exceeds", (a, b), MARGIN, test=rule.name)
                either = np.minimum(support, refute)
                for measure, events in (
                    ("wrong_support", support <= ALPHA),
                    ("wrong_refute", refute <= ALPHA),
                    ("coverage", either > ALPHA),
                    ("two_sided", either <= ALPHA / 2),
                ):
                    yield cell("unpaired", rule.name, arms.name, n, "", measure, rate(events))


#: True effects, in margins, at which verdicts are counted; the margin is one standard deviation of
#: the differences.
EFFECTS = tuple(i / 4 for i in range(-4, 21))


def verdicts(reps: int, seed: int, ns: tuple[int, ...] = SEEDS) -> Iterator[Cell]:
    """The chance of each verdict on exceeds and equivalent, by the true effect."""
    kinds: tuple[stats.Kind, ...] = ("exceeds", "equivalent")
    for n in ns:
        draws = LAWS["normal"].draw(stream(seed, "calibrate", "verdicts", n), (reps, n))
        for kind in kinds:
            for effect in _effects(kind):
                support, refute = stats.judge_many(kind, effect + draws, MARGIN)
                words = stats.decide_many(support[:, None], refute[:, None], ALPHA)[:, 0]
                for word, value in (("supported", 1), ("refuted", -1), ("inconclusive", 0)):
                    detail = f"{kind}, effect {effect:g} margins"
                    yield cell("verdicts", "t", "normal", n, detail, word, rate(words == value))


def _effects(kind: stats.Kind) -> tuple[float, ...]:
    """Of a symmetric region effects below 0 say what those above it do."""
    symmetric = stats.region_of(kind).exchanged == kind
    return tuple(effect for effect in EFFECTS if effect >= 0 or not symmetric)


def power(reps: int, seed: int, ns: tuple[int, ...] = SEEDS) -> Iterator[Cell]:
    """Power of the tests at effects of so many standard deviations beyond the margin."""
    for rule in ENGINE:
        for n in ns:
            cell_reps = _reps(rule, n, reps)
            draws = LAWS["normal"].draw(stream(seed, "calibrate", "power", n), (cell_reps, n))
            for effect in (0.5, 1.0, 1.5, 2.0, 3.0):
                support, _ = decide_all(rule, MARGIN + effect + draws, MARGIN, ALPHA)
                yield cell(
                    "power",
                    rule,
                    "normal",
                    n,
                    f"{effect:g} s.d. beyond the margin",
                    "supported",
                    rate(support),
                )


def _family(members: str, draws: Array) -> tuple[Array, Array]:
    """Both p-values of each claim of families where any verdict is wrong."""
    kinds: tuple[stats.Kind, ...] = ("exceeds",)
    if members == "mixed kinds":
        kinds = ("exceeds", "below", "not_above", "equivalent", "not_below")
    support, refute = [], []
    for i in range(draws.shape[1]):
        kind = kinds[i % len(kinds)]
        edge = stats.region_of(kind).edges(MARGIN)[-1]
        yes, no = stats.judge_many(kind, edge + draws[:, i], MARGIN)
        support.append(yes)
        refute.append(no)
    return np.array(support).T, np.array(refute).T


def families(
    reps: int, seed: int, ns: tuple[int, ...] = (3, 5, 10), sizes: tuple[int, ...] = (1, 5, 20)
) -> Iterator[Cell]:
    """The chance of any wrong verdict in a family of claims that are all on their margins."""
    for n in ns:
        for m in sizes:
            for r in (0.0, 0.5, 0.95) if m > 1 else (0.0,):
                rng = stream(seed, "calibrate", "families", n, m, str(r))
                rows = max(200, reps // max(1, m // 5))
                shared, own = rng.standard_normal((rows, 1, n)), rng.standard_normal((rows, m, n))
                draws = math.sqrt(r) * shared + math.sqrt(1 - r) * own
                for members in ("exceeds", "mixed kinds") if m > 1 else ("exceeds",):
                    words = stats.decide_many(*_family(members, draws), ALPHA)
                    detail = f"{m} claims, {members}, correlation {r:g}"
                    for measure, events in (
                        ("any wrong support", (words == 1).any(axis=1)),
                        ("any wrong refutation", (words == -1).any(axis=1)),
                        ("any wrong verdict", (words != 0).any(axis=1)),
                    ):
                        yield cell("families", "t", "normal", n, detail, measure, rate(events))


def assertions(reps: int, seed: int, ns: tuple[int, ...] = (3, 5, 10)) -> Iterator[Cell]:
    """Wrong refutations of claims of k assertions and of equivalences.

    With and without their Bonferroni factors.
    """
    for n in ns:
        rng = stream(seed, "calibrate", "assertions", n)
        for k in (2, 3, 5):
            draws = rng.standard_normal((reps, k, n))
            refute = np.array(
                [stats.judge_many("not_above", draws[:, i], 0.0)[1] for i in range(k)]
            )
            for rule, p in (
                ("t", k * refute.min(axis=0)),
                ("t, without the factor k", refute.min(axis=0)),
            ):
                yield cell(
                    "assertions",
                    rule,
                    "normal",
                    n,
                    f"{k} assertions",
                    "wrong_refute",
                    rate(p <= ALPHA),
                )
        _, p = stats.judge_many("equivalent", rng.standard_normal((reps, n)), 1e-6)
        for rule, q in (("t", p), ("t, without the factor 2", np.where(p < 1, p / 2, 1.0))):
            yield cell(
                "assertions",
                rule,
                "normal",
                n,
                "equivalent, tiny margin",
                "wrong_refute",
                rate(q <= ALPHA),
            )


def pooling(reps: int, seed: int, ns: tuple[int, ...] = (3, 5, 10)) -> Iterator[Cell]:
    """A t test over rows below the seed, and on seed means, where there is no effect; two-sided."""
    for n in ns:
        for icc in (0.0, 0.1, 0.3, 0.6, 0.9):
            for k in (4, 10, 100):
                rng = stream(seed, "calibrate", "pooling", n, k, str(icc))
                shape = (max(200, reps // (1 if k < 100 else 10)), n, k)
                rows = math.sqrt(icc) * rng.standard_normal((*shape[:2], 1))
                rows = rows + math.sqrt(1 - icc) * rng.standard_normal(shape)
                for rule, values in (
                    ("t over rows", rows.reshape(len(rows), -1)),
                    ("t on seed means", rows.mean(axis=2)),
                ):
                    above, below = _plain_t(values, ALPHA / 2)
                    yield cell(
                        "pooling",
                        rule,
                        "normal",
                        n,
                        f"{k} rows, ICC {icc:g}",
                        "two_sided",
                        rate(above | below),
                    )


def _plain_t(values: Array, alpha: float) -> Found:
    """Student's t on many columns at once.

    The engine's own, for seeds, keeps more digits than a thousand rows need.
    """
    from scipy.special import stdtrit

    n = values.shape[1]
    t = values.mean(axis=1) / values.std(axis=1, ddof=1) * math.sqrt(n)
    critical = -float(stdtrit(n - 1, alpha))
    return t >= critical, t <= -critical


def stopping(reps: int, seed: int, last: int = 50) -> Iterator[Cell]:
    """Deciding at the first look that allows it, where there is no effect.

    At plain p, at sequential p, by e-values.
    """
    rows = max(200, reps // 4)
    draws = stream(seed, "calibrate", "stopping").standard_normal((rows, last))
    plain = {n: stats.judge_many("exceeds", draws[:, :n], 0.0)[0] for n in range(3, last + 1)}
    ever = np.zeros(rows, dtype=bool)
    for n, p in plain.items():
        ever |= (p <= ALPHA / 2) | (p >= 1 - ALPHA / 2)
        if n in (5, 10, 20, 50):
            yield cell(
                "stopping",
                "t after each seed from 3",
                "normal",
                n,
                "two-sided",
                "ever decided",
                rate(ever),
            )
    for looks in ((5, 10), (5, 10, 20), (5, 10, 15, 20)):
        smallest = np.min([plain[n] for n in looks], axis=0)
        level = stats.nominal_level(ALPHA, looks)
        name = "looks at " + ", ".join(map(str, looks))
        for rule, nominal in (("plain p", ALPHA), ("sequential p", level)):
            yield cell(
                "stopping",
                f"{name}, {rule}",
                "normal",
                looks[-1],
                "one-sided",
                "ever decided",
                rate(smallest <= nominal),
            )
    sizes = np.arange(1, last + 1)
    for variance in (1.0, 4.0):
        share = sizes * variance / (1 + sizes * variance)
        ratio = np.cumsum(draws, axis=1) ** 2 / (sizes * np.cumsum(draws**2, axis=1))
        e = (1 + sizes * variance) ** -0.5 * (1 - np.minimum(share * ratio, 1 - 1e-15)) ** (
            -sizes / 2
        )
        yield cell(
            "stopping",
            f"e-value, prior variance {variance:g}",
            "normal",
            last,
            "anytime",
            "ever decided",
            rate(e.max(axis=1) >= 1 / ALPHA),
        )


_BESIDE = tuple(rule.name for rule in stats.RULES.values() if rule.beside)


def fragile(reps: int, seed: int, ns: tuple[int, ...] = (5, 6, 8, 10, 20)) -> Iterator[Cell]:
    """How often a verdict that is right hangs on one seed, at 80 % power."""
    for n in ns:
        rows = max(200, reps // (20 if n > 10 else 4))
        effect = MARGIN + stats.detectable_effect(n, ALPHA)
        draws = effect + stream(seed, "calibrate", "fragile", n).standard_normal((rows, n))
        p_support, _ = stats.judge_many("exceeds", draws, MARGIN)
        draws = draws[p_support <= ALPHA]
        others = ~np.eye(n, dtype=bool)
        rests = np.stack([draws[:, k] for k in others], axis=1).reshape(-1, n - 1)
        p_support, _ = stats.judge_many("exceeds", rests, MARGIN)
        lost = (p_support > ALPHA).reshape(len(draws), n).any(axis=1)
        for test in _BESIDE if n <= 10 else ():
            if stats.attainable_p(test, n) <= ALPHA:
                _, p_refute = stats.judge_many("exceeds", draws, MARGIN, test=test)
                lost = lost | (p_refute <= ALPHA)
        yield cell(
            "fragile",
            "t",
            "normal",
            n,
            "at 80 % power",
            "fragile among supported",
            rate(np.asarray(lost)),
        )


def items(reps: int, seed: int, ns: tuple[int, ...] = (3, 5, 10, 20)) -> Iterator[Cell]:
    """Wrong verdicts if a claim about these evaluation items is read as one about all such items.

    1,024 items, s.d. .5 each, shared by all seeds; seeds differ by a s.d. of .02; the difference
    lies on the margin.
    """
    for n in ns:
        rng = stream(seed, "calibrate", "items", n)
        shared = rng.standard_normal((reps, 1)) * 0.5 / math.sqrt(1024)
        draws = MARGIN + shared + 0.02 * rng.standard_normal((reps, n))
        support, refute = stats.judge_many("exceeds", draws, MARGIN)
        for measure, p in (("wrong_support", support), ("wrong_refute", refute)):
            yield cell(
                "items",
                "t",
                "normal",
                n,
                "read as a claim about all items",
                measure,
                rate(p <= ALPHA),
            )


TABLES: dict[str, Callable[..., Iterator[Cell]]] = {
    t.__name__: t
    for t in (
        size,
        two_samples,
        unpaired,
        verdicts,
        power,
        families,
        assertions,
        pooling,
        stopping,
        fragile,
        items,
        spreads,
        ratios,
        rates,
        counts,
        levels,
        censored,
        identical,
        selection,
    )
}

_FEW: dict[str, Any] = {"ns": (3, 5, 10)}
#: What a quick run measures of each table; all of one that is not here.
_QUICK: dict[str, dict[str, Any]] = {
    "size": _FEW | {"rules": ("t", "sign-flip", "sign", "z")},
    "two_samples": {"ns": (3, 5)},
    "unpaired": {"ns": (3, 5)},
    "verdicts": {"ns": (5,)},
    "power": _FEW,
    "families": {"ns": (5,), "sizes": (1, 5)},
    "assertions": {"ns": (5,)},
    "pooling": {"ns": (5,)},
    "fragile": {"ns": (5, 10)},
    "spreads": {
        "ns": (5,),
        "worlds": ("normal arms", "collapsing arms", "lognormal arm, normal arm"),
    },
    "ratios": {"ns": (3,)},
    "rates": _FEW | {"unequal": ((3, 10),)},
    "counts": {"ns": (5,), "members": (("normal", 0.0), ("normal", 0.5))},
    "levels": {"ns": (5,), "ks": (5,)},
    "censored": {"ns": (5,)},
    "selection": {"ns": (5,), "ks": (3, 10)},
}


def calibrate(
    reps: int = REPS,
    seed: int = 0,
    *,
    quick: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[Cell]:
    """Measure all tables, or with `quick` a share of each in a few seconds.

    Parameters
    ----------
    reps
        Replications of a plain cell; costly ones have a share of them, which stands beside the
        rate.
    seed
        The same seed gives the same figures to the last bit; global random state never matters.
    quick
        Fewer numbers of seeds and a quarter of the replications: to see drift, not to publish.
    progress
        Called with the name of each table before it is measured.

    Returns
    -------
    list of Cell
        In the order of the tables.
    """
    cells: list[Cell] = []
    for name, table in TABLES.items():
        if progress is not None:
            progress(name)
        cells += table(
            reps // 4 if quick else reps, seed, **(_QUICK.get(name, {}) if quick else {})
        )
    return cells
