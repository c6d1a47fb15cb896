"""The verdict in full: results of each assertion, flags, cautions, registration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval._safe_text import cut
from faeval.claims._claim import Claim
from faeval.claims._estimand import Estimand, Read
from faeval.claims._lock import Lock, Spread
from faeval.claims._measurement import units_of
from faeval.claims._measurement_checks import unlike_ends, unlike_states
from faeval.claims._pending import PendingClaim
from faeval.claims._pilot import PilotForecast, power_of, refuting_parts
from faeval.claims._registration import Origins, registration_of
from faeval.claims._verdict import (
    AssertionResult,
    Caution,
    MeasuredError,
    Side,
    Term,
    Verdict,
    seeds_needed,
)
from faeval.experiment import METRICS

_NOTHING = (math.nan, math.nan)
_detectable = lru_cache(maxsize=256)(
    stats.detectable_effect
)  # one number for all claims of a family


def verdict_of(case: PendingClaim, lock: Lock | None, origins: Origins) -> Verdict:
    """Return the verdict on a case that its family has decided, with everything a reader needs to
    doubt it.
    """
    claim, ruling, setting = case.claim, case.ruling, case.setting
    rule = stats.rule_of(claim.rule)
    assert ruling is not None
    decision, beside = ruling.decision, ruling.sensitivity
    n = ruling.n if case.tests else len(case.seeds)
    seeds = case.seeds[:n]
    level = claim.alpha / case.family_size
    hopes, pilots = case.hopes(level), case.pilots
    results = tuple(
        _assertion(case, ruling, i, case.at_one_look(level), pilots[i], hopes[i])
        for i in range(len(ruling.judgements))
    )
    shown = beside is not None
    decided = ruling.code == "decided"
    # What the verdict rests on: with looks the seeds of its look, whatever else was measured.
    measured = case.measurement.first(n) if case.measurement is not None and n else case.measurement
    flags = list(case.flags)
    if beside is not None and beside.fragile:
        flags.append("fragile")
    for r, t, j in zip(results, case.tests, ruling.judgements, strict=False):
        if r.item_error is not None and stats.near_margin(j, r.item_error):
            flags.append("evaluation_set")
        if stats.coarse(j, t.contrast.resolution):
            flags.append("coarse")
    failures = (
        max((len(measured.failed_seeds(arm)) for arm in claim.arms()), default=0) if measured else 0
    )
    runs = tuple(sorted({c.run for *_, c in measured.cells() if c.run})) if measured else ()
    warnings = [
        Caution("low_power", i, r.power)
        for i, r in enumerate(results)
        if r.power is not None and r.power < stats.LEAST_POWER
    ]
    together = power_of(claim, hopes) if len(results) > 1 and len(hopes) == len(results) else None
    if together is not None and together < stats.LEAST_POWER and not warnings:
        warnings.append(Caution("low_power_together", value=together))
    expected = case.registered.expected(setting) if case.registered else claim.expected(setting)
    if case.problem is None:
        unlike = refuting_parts(claim, expected)
        warnings += [Caution("anticipated_refutes", i) for i in unlike]
    if measured is not None:
        ends = unlike_ends(measured)
        flags += ["unlike_epochs"] if ends else []
        odd = (*unlike_states(measured), *ends)
        warnings += [Caution("measurement", detail=cut(text)) for text in odd]
    numbers = _numbers(case, seeds) if case.tests else ()
    registration, unknown = registration_of(
        claim.id, setting, lock, case.flags, numbers, origins, changed=ruling.code == "spec_changed"
    )
    if registration in ("after_evidence", "amended_after_evidence"):
        flags.append(registration)
    if unknown:
        warnings.append(Caution("unknown_registration", detail=unknown))
    if decided and ruling.look is not None and n < case.looks[-1]:
        warnings.append(Caution("decided_early"))
    return Verdict(
        claim=claim.name,
        sentence=claim.sentence,
        setting=setting,
        verdict=ruling.verdict,
        reason_code=ruling.code,
        detail=cut(_detail(case, ruling)),
        family=(case.registered.family if case.registered else claim.family) or "",
        family_size=case.family_size,
        alpha=claim.alpha,
        test=rule.name,
        seeds=seeds if case.tests else (),
        planned=case.planned,
        assertions=results,
        flags=tuple(dict.fromkeys(flags)),
        expected=expected,
        fresh_seeds=_fresh_seeds(case, ruling, results),
        attainable_p=(rule.attainable(n) if n else None),
        level_support=decision.level_support if shown else None,
        level_refute=decision.level_refute if shown else None,
        adjusted_support=decision.adjusted_support if shown else 1.0,
        adjusted_refute=decision.adjusted_refute if shown else 1.0,
        unseen_failure_bound=stats.unseen_failure_bound(n, failures) if case.tests else None,
        measured_errors=(
            _measured_errors(claim.rule, n, frozenset(t.spec.kind for t in case.tests))
            if decided
            else ()
        ),
        looks=case.looks,
        look=ruling.look,
        beyond_plan=case.beyond if results else (),
        without_each_seed=(
            tuple(zip(seeds, _without_each(beside.without_each, n, ruling.verdict), strict=True))
            if beside is not None and n >= 3
            else ()
        ),
        other_tests=tuple(beside.other_tests.items()) if beside is not None else (),
        fragile=beside.fragile if beside is not None else None,
        fragile_rate=(
            stats.fragile_rate(n)
            if beside is not None and beside.fragile is not None and rule.paired
            else None
        ),
        warnings=tuple(warnings),
        about=claim.about,
        note=claim.note,
        source=claim.source,
        published=_published(claim, setting, results),
        gates=tuple(g.name for g in claim.requires),
        controls=tuple(map(str, claim.controls)),
        registered_sha256=case.registered.sha256 if case.registered else None,
        registration=registration,
        amendments=(
            tuple(e.reason for e in lock.amendments(claim.id, setting))
            if lock and case.registered
            else ()
        ),
        attempt=lock.attempt(claim.id) if lock and case.registered else None,
        related=lock.related(claim.id) if lock and case.registered else None,
        runs=runs,
    )


def _without_each(words: Sequence[str], n: int, verdict: str) -> tuple[str, ...]:
    """Return one word a seed: of unpaired sides the one that leaving it out of either side makes of
    the verdict, where one of them changes it.
    """
    by_side = [words[i : i + n] for i in range(0, len(words), n)]
    return tuple(
        next((word for word in own if word != verdict), verdict)
        for own in zip(*by_side, strict=True)
    )


def _numbers(case: PendingClaim, seeds: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    for arm, metrics in case.claim.metrics_by_arm().items():
        label = case.design.label(arm)
        yield from ((label, metric, seed) for metric in sorted(metrics) for seed in seeds)


@lru_cache(maxsize=64)
def _measured_errors(
    test: stats.TestName, n: int, kinds: frozenset[stats.Kind]
) -> tuple[MeasuredError, ...]:
    """What one assertion alone errs on each law; of assertions of several kinds the one that errs
    most.
    """
    laws: dict[str, list[stats.MeasuredError]] = {}
    for kind in sorted(kinds):
        for e in stats.measured_errors(test, n, kind):
            laws.setdefault(e.law, []).append(e)
    return tuple(
        MeasuredError(
            law, es[0].n, max(e.wrong_support for e in es), max(e.wrong_refutation for e in es)
        )
        for law, es in laws.items()
    )


def _assertion(
    case: PendingClaim,
    ruling: stats.Ruling,
    i: int,
    level: float,
    pilot: Spread | None,
    hope: PilotForecast | None,
) -> AssertionResult:
    test, judgement, bounds, n = case.tests[i], ruling.judgements[i], ruling.intervals[i], ruling.n
    part, contrast = test.spec, test.contrast.first(n)
    rule = stats.rule_of(case.claim.rule)
    interval: tuple[float, float] = _NOTHING
    levels, refuting, ordinary = _NOTHING, None, _NOTHING
    if n >= 2 and (judgement.sd > 0 or math.isfinite(bounds.low)):
        interval, levels = (bounds.low, bounds.high), (bounds.level_low, bounds.level_high)
        refuting = (bounds.refuting.low, bounds.refuting.high) if bounds.refuting else None
        ordinary = stats.ordinary_interval(judgement, 0.90)
    unit_step = _detectable(n, level) if n >= rule.least and rule.power == "noncentral t" else None
    metrics = case.design.experiment.metrics if case.design.experiment else METRICS
    assert case.measurement is not None
    at_look = case.measurement.first(n)
    return AssertionResult(
        kind=part.kind,
        unit=units_of(part.assertion, metrics),
        margin=part.margin,
        because=part.assertion.margin.because,
        a=_side(part.a, part.sides[0], contrast.a),
        b=_side(part.b, part.sides[1], contrast.b),
        agreement=part.agreement,
        differences=judgement.differences,
        estimate=judgement.estimate,
        sd=judgement.sd,
        p_support=judgement.p_support,
        p_refute=judgement.p_refute,
        interval=interval,
        levels=levels,
        refuting=refuting,
        ordinary=ordinary,
        anticipated=part.anticipated,
        pilot_sd=pilot.sd if pilot else None,
        pilot_n=pilot.n if pilot else None,
        power=hope.power if hope else None,
        detectable_in_sd=unit_step,
        detectable=unit_step * pilot.sd if unit_step is not None and pilot else None,
        seeds_needed=hope.needed if hope else None,
        item_error=at_look.item_error(part.assertion)
        if not part.assertion.region.per_unit
        else None,
        e_value=_evidence(judgement) if rule.e_value and n >= 2 else None,
        beyond=case.beyond_estimates[i] if case.beyond else None,
    )


def _evidence(judgement: stats.Judgement) -> float:
    """The running e-value against the margin's edge; for an equivalence the smaller of its two
    edges'.
    """
    edges = stats.region_of(judgement.kind).edges(judgement.margin)
    return min(stats.e_value(judgement.differences, edge) for edge in edges)


def _side(expression: str, estimand: Estimand, values: NDArray[np.float64]) -> Side:
    return Side(expression, tuple(values.tolist()), _terms(estimand), estimand.constant)


def _terms(estimand: Estimand) -> tuple[Term, ...]:
    return tuple(
        (
            _read(weight, atom)
            if isinstance(atom, Read)
            else Term(weight, log10=_terms(atom.inner), constant=atom.inner.constant)
        )
        for weight, atom in estimand.terms
    )


def _read(weight: float, read: Read) -> Term:
    at = read.layers
    return Term(
        weight,
        read.metric,
        read.arm.label,
        None if at is None else "deep" if at.fixed is None else at.fixed,
        at is not None and at.inexact_only,
        read.epoch,
    )


def _detail(case: PendingClaim, ruling: stats.Ruling) -> str:
    """Return what stands in the way of deciding, where it does not follow from the numbers."""
    between_looks = ruling.code == "plan_not_reached" and case.problem is None
    return "" if between_looks or ruling.code == "unattainable" else ruling.reason


def _fresh_seeds(
    case: PendingClaim, ruling: stats.Ruling, results: Sequence[AssertionResult]
) -> int | None:
    if ruling.verdict != "inconclusive" or ruling.code not in (
        "underpowered",
        "straddles_margin",
        "unattainable",
    ):
        return None
    needed = seeds_needed(results)
    return needed if needed is not None and needed > len(case.seeds) else None


def _published(
    claim: Claim, setting: str, results: Sequence[AssertionResult]
) -> tuple[dict[str, Any], ...]:
    """Return published figures for this setting with ours beside them; they decide nothing."""
    rows = []
    for given in claim.published:
        if given.get("setting", setting) != setting:
            continue
        result = results[given.get("assertion", 0)] if results else None
        side = given.get("side")
        ours: float | None = None
        if result is not None:
            values = result.a.values if side == "a" else result.b.values
            if side is None:  # unpaired sides have no differences
                values = result.differences or (result.estimate,)
            ours = float(np.mean(values))
        figure, spread = given["published"], given.get("spread")
        within = None if ours is None or spread is None else abs(ours - figure) <= spread
        rows.append(
            {
                "what": given["what"],
                "published": figure,
                "spread": spread,
                "ours": ours,
                "within": within,
                "source": given.get("source"),
            }
        )
    return tuple(rows)
