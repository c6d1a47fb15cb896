"""The results of assertions and counts, as a verdict has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.claims._assertion import Ratio
from faeval.claims._contrast_spec import ContrastSpec, units_of
from faeval.claims._estimand import Call, Estimand, Read
from faeval.claims._lock import Spread
from faeval.claims._pending import PendingClaim
from faeval.claims._pilot import PilotForecast
from faeval.claims._verdict import (
    AssertionResult,
    CountResult,
    RatioResult,
    Side,
    Sum,
    Term,
)
from faeval.experiment import METRICS, Metric

_NOTHING = (math.nan, math.nan)
# One number for all claims of a family.
_detectable = lru_cache(maxsize=256)(stats.detectable_effect)


def assertion_result(
    case: PendingClaim, ruling: stats.Ruling, i: int, level: float, hope: PilotForecast | None
) -> AssertionResult:
    test, judgement, n = case.tests[i], ruling.judgements[i], ruling.n
    part, contrast = test.spec, test.contrast if case.is_apart else test.contrast.first(n)
    rule = case.rule
    identical = judgement.test == "identical"
    metrics = case.design.experiment.metrics if case.design.experiment else METRICS
    assert case.measurement is not None
    own = own_seeds(case) if case.is_apart else [None, None]
    return AssertionResult(
        kind=part.kind,
        unit=_unit(part, rule, metrics),
        margin=part.margin,
        because=part.assertion.margin.because,
        a=_side(part.a, part.sides[0], contrast.a, own[0]),
        b=_side(part.b, part.sides[1], contrast.b, own[1]),
        agreement=part.agreement,
        differences=judgement.differences,
        estimate=judgement.estimate,
        sd=judgement.sd,
        p_support=judgement.p_support,
        p_refute=judgement.p_refute,
        anticipated=part.anticipated,
        power=hope.power if hope else None,
        seeds_needed=hope.needed if hope else None,
        item_error=(
            None
            if part.assertion.region.per_unit or rule.sides
            else case.measurement.first(n).item_error(part.contrast)
        ),
        e_value=_evidence(judgement)
        if rule.e_value and n >= 2 and not judgement.censored
        else None,
        beyond=case.beyond_estimates[i] if case.beyond else None,
        ratio=_ratio(part, judgement, ruling.intervals[i], contrast),
        censored=judgement.censored,
        identical=identical,
        **_intervals(judgement, ruling.intervals[i], n),
        **_pilot(case.pilots[i], rule, n, case.at_one_look(level)),
    )


def _has_interval(judgement: stats.Judgement, bounds: stats.Interval) -> bool:
    return judgement.sd > 0 or math.isfinite(bounds.low) or math.isfinite(bounds.high)


def _intervals(judgement: stats.Judgement, bounds: stats.Interval, n: int) -> dict[str, Any]:
    """Return the intervals of an assertion; NaN where its seeds give none."""
    if n < 2 or not _has_interval(judgement, bounds):
        return {"interval": _NOTHING, "levels": _NOTHING, "refuting": None, "ordinary": _NOTHING}
    refuting = bounds.refuting
    return {
        "interval": (bounds.low, bounds.high),
        "levels": (bounds.level_low, bounds.level_high),
        "refuting": (refuting.low, refuting.high) if refuting else None,
        "ordinary": stats.ordinary_interval(judgement, 0.90),
    }


def _pilot(pilot: Spread | None, rule: stats.Rule, n: int, level: float) -> dict[str, Any]:
    """Return the pilot's spread, and the effect that n seeds detect, in it and in the unit."""
    step = _detectable(n, level) if n >= rule.least and rule.power == "noncentral t" else None
    return {
        "pilot_sd": pilot.sd if pilot else None,
        "pilot_n": pilot.n if pilot else None,
        "detectable_in_sd": step,
        "detectable": step * pilot.sd if step is not None and pilot else None,
    }


def _evidence(judgement: stats.Judgement) -> float:
    """Return the e-value against the margin's edge, the smaller one of an equivalence's two."""
    edges = stats.region_of(judgement.kind).edges(judgement.margin)
    return min(stats.e_value(judgement.differences, edge) for edge in edges)


def _unit(part: ContrastSpec, rule: stats.Rule, metrics: Mapping[str, Metric]) -> str:
    """Return the unit of an assertion's numbers."""
    if rule.about == "spread":
        return "decades"
    return "1" if rule.about == "rate" else units_of(part.contrast, metrics)


def _ratio(
    part: ContrastSpec, judgement: stats.Judgement, bounds: stats.Interval, contrast: stats.Contrast
) -> RatioResult | None:
    """Return what an assertion whose margin is a factor says of the ratio; None of others."""
    margin = part.assertion.margin
    if not isinstance(margin, Ratio):
        return None
    if margin.of == "means":
        return _ratio_of_means(part, judgement, bounds, contrast, margin)
    has_interval, refuting = _has_interval(judgement, bounds), bounds.refuting
    return RatioResult(
        "spread" if part.assertion.spreads else "runs",
        margin.factor,
        _power_of_ten(judgement.estimate),
        _factors(bounds) if has_interval else _NOTHING,
        _factors(refuting) if has_interval and refuting is not None else None,
        part.assertion.anticipated,
    )


def _ratio_of_means(
    part: ContrastSpec,
    judgement: stats.Judgement,
    bounds: stats.Interval,
    contrast: stats.Contrast,
    margin: Ratio,
) -> RatioResult:
    of_a, of_b = (margin.factor, 1.0) if part.multiplies_a else (1.0, margin.factor)
    a, b = contrast.a / of_a, contrast.b / of_b
    interval = _NOTHING
    if judgement.test == "t" and math.isfinite(judgement.sd) and judgement.n >= 2:
        interval = stats.ratio_bounds(a, b, bounds.level_low, bounds.level_high)
    mean = float(b.mean()) if len(b) else math.nan
    ratio = float(a.mean()) / mean if mean > 0 else math.nan
    return RatioResult("means", margin.factor, ratio, interval, None, part.assertion.anticipated)


def _factors(bounds: stats.Interval) -> tuple[float, float]:
    return _power_of_ten(bounds.low), _power_of_ten(bounds.high)


def _power_of_ten(exponent: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.power(10.0, exponent))


def _side(
    expression: str,
    estimand: Estimand,
    values: NDArray[np.float64],
    seeds: tuple[int, ...] | None,
) -> Side:
    return Side(expression, tuple(values.tolist()), _terms(estimand), estimand.constant, seeds)


def _terms(estimand: Estimand) -> tuple[Term, ...]:
    return tuple(
        _read(weight, atom) if isinstance(atom, Read) else _called(weight, atom)
        for weight, atom in estimand.terms
    )


def _called(weight: float, atom: Call) -> Term:
    sums = tuple(Sum(_terms(arg), arg.constant) for arg in atom.args)
    if atom.op == "log10":
        return Term(weight, log10=sums[0].terms, constant=sums[0].constant)
    return Term(weight, function=atom.op, numbers=atom.numbers, arguments=sums)


def _read(weight: float, read: Read) -> Term:
    at = read.layers
    return Term(
        weight,
        read.metric,
        read.arm.label,
        None if at is None else "deep" if at.fixed is None else at.fixed,
        at is not None and at.inexact_only,
        read.epoch,
        course="" if read.course is None else str(read.course),
    )


def count_results(
    case: PendingClaim, ruling: stats.Ruling, results: Sequence[AssertionResult]
) -> tuple[CountResult, ...]:
    """Return the parts of which so many assertions must hold, as they came out."""
    counts = case.counts if ruling.judgements else ()
    return tuple(_count(count, ruling, results) for count in counts)


def _count(
    count: stats.Counted, ruling: stats.Ruling, results: Sequence[AssertionResult]
) -> CountResult:
    support = [j.p_support for j in ruling.judgements]
    refute = [j.p_refute for j in ruling.judgements]
    beyond = [
        bool(places) and all(_is_beyond(results[i]) for i in places) for places in count.members
    ]
    p = count.p(np.array(support), np.array(refute))
    holding = count.holding(support, refute, ruling.decision.level_support)
    return CountResult(count.least, count.members, sum(beyond), holding, float(p[0]), float(p[1]))


def _is_beyond(result: AssertionResult) -> bool:
    return stats.region_of(result.kind).depth(result.estimate, result.margin) > 0


def own_seeds(case: PendingClaim) -> list[tuple[int, ...]]:
    """Return the seeds of both sides of a claim whose arms have seeds of their own."""
    assert case.measurement is not None
    (assertion,) = case.claim.asserted
    sides = assertion.a, assertion.b
    return [case.measurement.seeds_of[side.reads()[0]] for side in sides]
