"""What a pilot says of the spread of each contrast: for registration, never for deciding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from faeval import stats
from faeval.claims._claim import Claim
from faeval.claims._contrast_spec import (
    ContrastSpec,
    contrast_specs,
    structure_of,
)
from faeval.claims._design import check_design, check_names, design_of
from faeval.claims._evidence_index import EvidenceIndex
from faeval.claims._lock import PILOT_SEEDS, Spread
from faeval.claims._measurement import (
    MeasuredContrast,
    Measurement,
    measured_contrasts,
)
from faeval.claims._measurement_checks import missing, not_positive, untrustworthy
from faeval.errors import FaevalError

POWER = 0.8


@dataclass(frozen=True)
class PilotForecast:
    """What a pilot's spread lets a design expect of one test.

    ``power`` is that of the verdict which the anticipated effect leads to, at the planned seeds.
    ``needed`` counts the seeds that 80 % power of the claim takes, in all its assertions together,
    at the pilot's standard deviation and at its 80 % upper bound; None is beyond what was looked
    through (10,000 for t, 200 for sign, 20 for sign-flip). ``at`` has the chances of both verdicts
    at no effect, at the margin and at the effect anticipated.
    """

    power: float
    needed: tuple[int | None, int | None]
    at: Mapping[str, stats.VerdictChances]


def pilot_forecasts(
    claim: Claim,
    pilots: Sequence[Spread | None],
    n: int,
    level: float,
    anew: float | None = None,
    *,
    rule: stats.Rule | None = None,
    as_seen: bool = False,
) -> tuple[PilotForecast | None, ...]:
    """Return the forecast for each contrast of a claim.

    ``pilots`` has what a pilot says of each contrast. None without a pilot's spread where the rule
    needs one, or where the anticipated effect is at the margin.

    ``level`` is that of its family's first step; ``anew`` that of a new registration, for which
    seeds needed are counted; ``rule`` that which decides it in its setting. ``as_seen`` takes the
    pilot's effect where a claim anticipates none.
    """
    rule = rule or stats.rule_of(claim.rule)
    if rule.needs_sd and not any(pilots):
        return (None,) * len(pilots)
    parts = contrast_specs(claim)
    spreads = (*pilots, *(None for _ in parts))
    structure = structure_of(claim)
    forecasts: list[PilotForecast | None] = []
    for i, (x, p) in enumerate(zip(parts, spreads, strict=False)):
        effect, base = _anticipated(x, rule, p), rate_of_second_side(x, rule, p)
        if as_seen and effect is None and p is not None:
            effect = seen_effect(x, p)
        if effect is None:
            forecasts.append(None)
            continue
        spare, k = structure.shares(i)
        forecasts.append(
            _chances(
                x.kind,
                x.margin,
                effect,
                p.sd if p is not None and rule.needs_sd else None,
                p.n if p is not None else None,
                n,
                level / spare,
                (anew or level) / spare,
                rule.name,
                k,
                base,
            )
        )
    return tuple(forecasts)


def seen_effect(spec: ContrastSpec, pilot: Spread) -> float:
    """Return the effect that a pilot saw, counted in the direction of the margin."""
    return stats.region_of(spec.kind).sign * pilot.mean


def _anticipated(spec: ContrastSpec, rule: stats.Rule, pilot: Spread | None) -> float | None:
    """Return the effect anticipated, where what else its power hangs on is known; else None."""
    if rule.about == "rate":
        is_known = rate_of_second_side(spec, rule, pilot) is not None
    else:
        is_known = pilot is not None or not rule.needs_sd
    # no effect at all is no expectation of the claimant's, where nothing else is known
    is_known = is_known and (pilot is not None or spec.assertion.anticipated is not None)
    return spec.effect(pilot.base if pilot is not None else None) if is_known else None


def rate_of_second_side(spec: ContrastSpec, rule: stats.Rule, pilot: Spread | None) -> float | None:
    """Return the rate of the second side, for planning: a number, or what a pilot gave."""
    if rule.about != "rate":
        return None
    if rule.one_arm:
        return spec.sides[1].constant
    return None if pilot is None else pilot.base


def power_of(claim: Claim, chances: Sequence[PilotForecast | None]) -> float | None:
    """Return the least power of a claim as a whole, or None where it is unknown.

    It is that of the verdict to which its anticipated effects lead, whatever its assertions have to
    do with each other.
    """
    structure, specs = structure_of(claim), contrast_specs(claim)
    powers = [None if chance is None else chance.power for chance in chances]
    refuting = {
        i: chance.power
        for i, (x, chance) in enumerate(zip(specs, chances, strict=True))
        if chance is not None and beyond_margin(x.kind, x.margin, x.anticipated or 0.0) < 0
    }
    if enough := _refuting_parts(structure, refuting):  # one part that is refuted is enough
        return max(enough)
    each = [power for power in powers if power is not None]
    return _supporting(structure, each, refuting) if len(each) == len(powers) else None


def _supporting(
    structure: stats.Structure, powers: Sequence[float], refuting: Mapping[int, float]
) -> float:
    """Return the power that all parts of a claim are supported with."""
    parts = [powers[i] for i in range(structure.size) if i not in structure.counted]
    for count in structure.counts:
        own = [
            0.0 if refuting.keys() & {*member} else stats.joint_power([powers[i] for i in member])
            for member in count.members
        ]
        parts.append(_most_fail(own, count.spare))
    return stats.joint_power(parts)


def _refuting_parts(structure: stats.Structure, refuting: Mapping[int, float]) -> list[float]:
    """Return the power of each part of a claim that its anticipated effects refute."""
    powers = [power for i, power in refuting.items() if i not in structure.counted]
    for count in structure.counts:
        own = [
            max(refuting[i] for i in member if i in refuting)
            for member in count.members
            if refuting.keys() & {*member}
        ]
        if len(own) >= count.spare:
            powers.append(_most_fail(own, len(own) - count.spare + 1))
    return powers


def _most_fail(powers: Sequence[float], failures: int) -> float:
    """Return a chance that fewer than so many of several fail, whatever they have in common."""
    return max(0.0, 1.0 - math.fsum(1.0 - p for p in powers) / failures)


def weak_together(k: int, power: float, verb: str) -> str:
    """Return the warning that the least power of k assertions together is low, never rounded up."""
    least = math.floor(100 * power) / 100
    return (
        f"power of all {k} assertions together {verb} {least:.2f} at least, below"
        f" {stats.LEAST_POWER}"
    )


def unlike_expectation(claim: Claim, expected: str | None) -> tuple[str, ...]:
    """Return a warning for each part whose anticipated effect would refute an expected support.

    A slip of the sign is the usual cause: of ``below`` and ``not_below`` the effect is counted
    downwards, b - a.
    """
    specs = contrast_specs(claim)
    return tuple(
        f"'{x.text}': the effect anticipated, {x.anticipated:.10g}, lies beyond its margin on the"
        " side that refutes, though the claim is expected to be"
        f" supported{_DOWNWARDS if stats.region_of(x.kind).sign < 0 else ''}"
        for x in (specs[i] for i in refuting_parts(claim, expected))
    )


def refuting_parts(claim: Claim, expected: str | None) -> tuple[int, ...]:
    """Return which contrasts their anticipated effects would refute.

    None of them where the claim is not expected to be supported.
    """
    if expected != "supported":
        return ()
    return tuple(
        i
        for i, x in enumerate(contrast_specs(claim))
        if x.anticipated is not None and beyond_margin(x.kind, x.margin, x.anticipated) <= 0
    )


_DOWNWARDS = (
    "; for below and not_below an effect is counted downwards: 0.5 says that the first side lies"
    " 0.5 below the second"
)


def beyond_margin(kind: str, margin: float, effect: float) -> float:
    """Return how far an effect lies on the claimed side of its margin.

    Of ``below`` and ``not_below`` the effect is b - a.
    """
    region = stats.region_of(kind)
    return region.depth(region.sign * effect, margin)


@lru_cache(maxsize=1024)  # a report asks the same of each claim several times
def _chances(
    kind: stats.Kind,
    margin: float,
    anticipated: float,
    sd: float | None,
    sd_n: int | None,
    n: int,
    level: float,
    anew: float,
    test: stats.TestName,
    k: int,
    base: float | None,
) -> PilotForecast | None:
    if (sd is not None and sd <= 0) or n < 2:
        return None
    at_plan, again = (
        stats.outlook(
            kind,
            margin,
            n,
            sd=sd,
            sd_n=sd_n,
            anticipated=anticipated,
            alpha=a,
            k=k,
            test=test,
            power=POWER,
            base=base,
        )
        for a in (level, anew)
    )
    return (
        None
        if at_plan.power is None or again.seeds_needed is None
        else PilotForecast(at_plan.power, again.seeds_needed, at_plan.at)
    )


def _mean_of_second_side(test: MeasuredContrast, rule: stats.Rule) -> float | None:
    """Return the mean that an effect is anticipated from, of rates and of a ratio of means."""
    factor = test.spec.factor
    if factor is None and rule.about != "rate":
        return None
    multiple = factor if factor is not None and not test.spec.multiplies_a else 1.0
    return float(test.contrast.b.mean()) / multiple


def pilot_spreads(
    claim: Claim, index: EvidenceIndex, setting: str, *, any_seeds: bool = False
) -> list[Spread | None]:
    """Return the mean and spread of each tested assertion over the pilot seeds in evidence.

    With ``any_seeds`` over all seeds in it. Empty without any.
    """
    design = design_of(claim, setting)
    try:
        check_names(claim, design)
        seeds = [
            s
            for s in index.seeds(design.label(arm) for arm in claim.arms())
            if any_seeds or s in PILOT_SEEDS
        ]
    except FaevalError:  # a claim about another setting
        return []
    measurement = Measurement(claim, index, design, seeds)
    if (
        len(seeds) < 2
        or check_design(claim, design)
        or missing(measurement)
        or untrustworthy(measurement)
        or not_positive(measurement)
    ):
        return []
    spreads: list[Spread | None] = []
    for test in measured_contrasts(measurement):
        d, sides = test.contrast.differences, test.contrast.sample(not measurement.rule.paired)
        if not np.isfinite([d, *sides]).all():  # a logarithm of what is not positive
            spreads.append(None)
            continue
        rule = measurement.rule
        spreads.append(
            Spread(
                n=len(d),
                mean=float(rule.centre(*test.contrast.sample(rule.sides)))
                if rule.sides
                else float(d.mean()),
                sd=math.hypot(*(side.std(ddof=1) for side in sides)),
                base=_mean_of_second_side(test, rule),
            )
        )
    return spreads
