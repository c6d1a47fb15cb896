"""Numbers that a figure draws and the table beside it prints: computed once, so that they cannot
differ.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from faeval import stats
from faeval.claims._verdict import AssertionResult, Verdict

Rows = Sequence[Sequence[float | None]]

#: Where values span more than this factor they are drawn on a logarithmic scale.
SPAN = 100
#: Numbers of seeds at which power is shown; sign-flip tests are simulated, and cost too much beyond
#: the second.
MOST_SEEDS, MOST_FLIPPED = 20, 12


def spans_decades(rows: Iterable[Sequence[float | None]]) -> bool:
    """Whether values, all of them positive, span more than a factor of :data:`SPAN`."""
    known = [v for row in rows for v in row if v is not None]
    return bool(known) and min(known) > 0 and max(known) / SPAN > min(known)


def mean_over_seeds(rows: Rows, geometric: bool = False) -> tuple[float | None, ...]:
    """Return the mean of each column, only where every seed (row) has a number; else None.

    The geometric mean, of positive numbers, is what the eye takes for the middle on a logarithmic
    scale.
    """
    return tuple(_mean(column, geometric) for column in zip(*rows, strict=True))


def _mean(values: Sequence[float | None], geometric: bool) -> float | None:
    known = [v for v in values if v is not None]
    if not known or len(known) < len(values):
        return None
    if geometric:
        return math.exp(math.fsum(map(math.log, known)) / len(known))
    return math.fsum(v / len(known) for v in known)


def typical_deviation(values: Sequence[float]) -> float:
    """Return the mean absolute deviation from the median, made over n - 1; NaN below two values.

    Of an odd number the one of 0 is left out, of an even number the two smallest count as one.
    """
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return math.nan
    middle = statistics.median(values)
    sizes = sorted(abs(v - middle) for v in values)[1:]
    if len(values) % 2 == 0:
        sizes[0] *= math.sqrt(2)
    return math.fsum(sizes) / len(sizes)


def welch_freedom(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the degrees of freedom of two arms by Satterthwaite; NaN where neither varies."""
    if min(len(a), len(b)) < 2 or not all(map(math.isfinite, (*a, *b))):
        return math.nan
    of_a, of_b = (statistics.variance(v) / len(v) for v in (a, b))
    total = of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)
    return (of_a + of_b) ** 2 / total if total > 0 else math.nan


#: Rules whose power follows from a standard deviation.
_CURVED = frozenset(
    rule.name for rule in stats.RULES.values() if rule.decides and rule.about in ("mean", "median")
)
#: Each is asked for by a figure, the table beside it and its words.
_prospect = lru_cache(maxsize=1 << 14)(stats.prospect)


@dataclass(frozen=True)
class PowerCurve:
    """The chance of the verdict that an assertion's anticipated effect leads to, by number of
    seeds.

    ``power`` holds at the pilot's standard deviation, ``cautious`` at its upper 80 % bound (None
    where that is infinite), each aligned with ``seeds``; ``level`` is that of the first Holm step,
    at one look.
    """

    verdict: Literal["supported", "refuted"]
    level: float
    sd: float
    upper: float
    pilot_n: int
    planned: int
    seeds: tuple[int, ...]
    power: tuple[float, ...]
    cautious: tuple[float, ...] | None


def power_curve(verdict: Verdict, assertion: AssertionResult) -> PowerCurve | None:
    """Return the power of one assertion of a verdict; None without a pilot's spread, or an effect
    off the margin.
    """
    effect, sd, pilot_n = assertion.anticipated, assertion.pilot_sd, assertion.pilot_n
    if (
        effect is None
        or sd is None
        or pilot_n is None
        or not sd > 0
        or verdict.test not in _CURVED
        or verdict.counts  # power of a count is no assertion's
    ):
        return None
    level = verdict.alpha / verdict.family_size
    if verdict.looks:  # what the last look alone can tell, at the price of the others
        level = stats.nominal_level(level, verdict.looks)
    more: dict[str, Any] = {"test": verdict.test, "k": len(verdict.assertions)}
    upper, kind, margin = stats.sd_upper(sd, pilot_n), assertion.kind, assertion.margin
    seeds = tuple(range(2, (MOST_FLIPPED if verdict.test == "sign-flip" else MOST_SEEDS) + 1))

    def at(spread: float) -> list[stats.Prospect]:
        return [_prospect(kind, margin, effect, spread, n, level, **more) for n in seeds]

    found = at(sd)
    hoped = found[0].verdict
    if hoped is None:
        return None
    return PowerCurve(
        verdict=hoped,
        level=level,
        sd=sd,
        upper=upper,
        pilot_n=pilot_n,
        planned=verdict.looks[-1] if verdict.looks else len(verdict.planned),
        seeds=seeds,
        power=tuple(p.power for p in found),
        cautious=tuple(p.power for p in at(upper)) if math.isfinite(upper) else None,
    )
