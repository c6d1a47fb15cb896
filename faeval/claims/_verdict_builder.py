"""The verdict in full: results of each assertion, flags, cautions, registration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval._safe_text import cut
from faeval.claims._claim import Claim
from faeval.claims._estimand import Estimand, Read
from faeval.claims._lock import Lock, Origins, Spread, registration_of
from faeval.claims._measurement import Measurement, units_of
from faeval.claims._measurement_checks import unlike_ends, unlike_states
from faeval.claims._pending import PendingClaim
from faeval.claims._pilot import PilotForecast, power_of, refuting_parts
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
# One number for all claims of a family.
_detectable = lru_cache(maxsize=256)(stats.detectable_effect)


def verdict_of(case: PendingClaim, lock: Lock | None, origins: Origins) -> Verdict:
    """Return the full verdict on a claim that its family has decided."""
    claim, ruling, setting = case.claim, case.ruling, case.setting
    rule = stats.rule_of(claim.rule)
    assert ruling is not None
    n = ruling.n if case.tests else len(case.seeds)
    seeds = case.seeds[:n] if case.tests else ()
    level = claim.alpha / case.family_size
    hopes = case.hopes(level)
    results = tuple(
        _assertion(case, ruling, i, level, hopes[i]) for i in range(len(ruling.judgements))
    )
    # What the verdict rests on: with looks the seeds of its look, whatever else was measured.
    measurement = case.measurement.first(n) if case.measurement and n else case.measurement
    ends = unlike_ends(measurement) if measurement is not None else []
    registration, unknown = registration_of(
        claim.id,
        setting,
        lock,
        case.flags,
        _numbers(case, seeds),
        origins,
        changed=ruling.code == "spec_changed",
    )
    oddities = [*(unlike_states(measurement) if measurement is not None else ()), *ends]
    warnings = (
        *_power_warnings(claim, results, hopes),
        *_expectation_warnings(case),
        *_other_warnings(case, ruling, n, oddities, unknown),
    )
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
        seeds=seeds,
        planned=case.planned,
        assertions=results,
        flags=tuple(dict.fromkeys(_flags(case, ruling, results, ends, registration))),
        expected=_expected(case),
        fresh_seeds=_fresh_seeds(case, ruling, results),
        attainable_p=rule.attainable(n) if n else None,
        unseen_failure_bound=(
            stats.unseen_failure_bound(n, _failures(claim, measurement)) if case.tests else None
        ),
        measured_errors=_errors_of_test(case, n) if ruling.code == "decided" else (),
        looks=case.looks,
        look=ruling.look,
        beyond_plan=case.beyond if results else (),
        warnings=warnings,
        about=claim.about,
        note=claim.note,
        source=claim.source,
        published=_published(claim, setting, results),
        gates=tuple(g.name for g in claim.requires),
        controls=tuple(map(str, claim.controls)),
        registration=registration,
        runs=_runs(measurement),
        **_sensitivity(ruling, rule, seeds),
        **_history(case, lock),
    )


def _flags(
    case: PendingClaim,
    ruling: stats.Ruling,
    results: Sequence[AssertionResult],
    ends: Sequence[str],
    registration: str,
) -> Iterator[str]:
    """Yield what a reader must keep in mind, as codes."""
    yield from case.flags
    if ruling.sensitivity is not None and ruling.sensitivity.fragile:
        yield "fragile"
    for result, test, judgement in zip(results, case.tests, ruling.judgements, strict=False):
        if result.item_error is not None and stats.near_margin(judgement, result.item_error):
            yield "evaluation_set"
        if stats.coarse(judgement, test.contrast.resolution):
            yield "coarse"
    if ends:
        yield "unlike_epochs"
    if registration in ("after_evidence", "amended_after_evidence"):
        yield registration


def _expected(case: PendingClaim) -> str | None:
    return (case.registered or case.claim).expected(case.setting)


def _power_warnings(
    claim: Claim, results: Sequence[AssertionResult], hopes: Sequence[PilotForecast | None]
) -> list[Caution]:
    """Return the assertions of low power, or that all of them together have low power."""
    low = [
        Caution("low_power", i, result.power)
        for i, result in enumerate(results)
        if result.power is not None and result.power < stats.LEAST_POWER
    ]
    together = power_of(claim, hopes) if len(results) > 1 and len(hopes) == len(results) else None
    if together is not None and together < stats.LEAST_POWER and not low:
        return [Caution("low_power_together", value=together)]
    return low


def _expectation_warnings(case: PendingClaim) -> list[Caution]:
    """Return the assertions whose anticipated effect speaks against the expected verdict."""
    parts = refuting_parts(case.claim, _expected(case)) if case.problem is None else ()
    return [Caution("anticipated_refutes", i) for i in parts]


def _other_warnings(
    case: PendingClaim, ruling: stats.Ruling, n: int, oddities: Sequence[str], unknown: str
) -> Iterator[Caution]:
    """Yield what is odd about states and runs, and what is to know of registration and looks."""
    yield from (Caution("measurement", detail=cut(text)) for text in oddities)
    if unknown:
        yield Caution("unknown_registration", detail=unknown)
    if ruling.code == "decided" and ruling.look is not None and n < case.looks[-1]:
        yield Caution("decided_early")


def _failures(claim: Claim, measurement: Measurement | None) -> int:
    """Return at how many seeds runs diverged, of the arm that has most of them."""
    if measurement is None:
        return 0
    return max((len(measurement.failed_seeds(arm)) for arm in claim.arms()), default=0)


def _runs(measurement: Measurement | None) -> tuple[str, ...]:
    cells = measurement.cells() if measurement is not None else ()
    return tuple(sorted({cell.run for *_, cell in cells if cell.run}))


def _sensitivity(ruling: stats.Ruling, rule: stats.Rule, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the fields that say at which levels it was decided, and how easily it would change.

    They keep their defaults where no sensitivity was looked at.
    """
    decision, sensitivity, n = ruling.decision, ruling.sensitivity, len(seeds)
    if sensitivity is None:
        return {}
    words = _without_each(sensitivity.without_each, n, ruling.verdict) if n >= 3 else ()
    return {
        "level_support": decision.level_support,
        "level_refute": decision.level_refute,
        "adjusted_support": decision.adjusted_support,
        "adjusted_refute": decision.adjusted_refute,
        "without_each_seed": tuple(zip(seeds[: len(words)], words, strict=True)),
        "other_tests": tuple(sensitivity.other_tests.items()),
        "fragile": sensitivity.fragile,
        "fragile_rate": (
            stats.fragile_rate(n) if sensitivity.fragile is not None and rule.paired else None
        ),
    }


def _history(case: PendingClaim, lock: Lock | None) -> dict[str, Any]:
    """Return the fields that say how a claim came to be registered; defaults where it is not."""
    if lock is None or case.registered is None:  # a claim is registered in a lock
        return {}
    name = case.claim.id
    return {
        "registered_sha256": case.registered.sha256,
        "amendments": tuple(entry.reason for entry in lock.amendments(name, case.setting)),
        "attempt": lock.attempt(name),
        "related": lock.related(name),
    }


def _without_each(words: Sequence[str], n: int, verdict: str) -> tuple[str, ...]:
    """Return the verdict's word without each seed.

    Of unpaired sides, which have a word for each side, it is one that changes the verdict, if any.
    """
    by_side = [words[i : i + n] for i in range(0, len(words), n)]
    return tuple(
        next((word for word in own if word != verdict), verdict)
        for own in zip(*by_side, strict=True)
    )


def _numbers(case: PendingClaim, seeds: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    if not seeds:  # its arms may have no label
        return
    for arm, metrics in case.claim.metrics_by_arm().items():
        label = case.design.label(arm)
        yield from ((label, metric, seed) for metric in sorted(metrics) for seed in seeds)


def _errors_of_test(case: PendingClaim, n: int) -> tuple[MeasuredError, ...]:
    return _measured_errors(case.claim.rule, n, frozenset(t.spec.kind for t in case.tests))


@lru_cache(maxsize=64)
def _measured_errors(
    test: stats.TestName, n: int, kinds: frozenset[stats.Kind]
) -> tuple[MeasuredError, ...]:
    """Return how often one assertion alone errs on each law; of several kinds, the worst."""
    worst: dict[str, MeasuredError] = {}
    for error in (e for kind in sorted(kinds) for e in stats.measured_errors(test, n, kind)):
        other = worst.get(error.law, error)
        worst[error.law] = MeasuredError(
            error.law,
            other.n,
            max(error.wrong_support, other.wrong_support),
            max(error.wrong_refutation, other.wrong_refutation),
        )
    return tuple(worst.values())


def _assertion(
    case: PendingClaim, ruling: stats.Ruling, i: int, level: float, hope: PilotForecast | None
) -> AssertionResult:
    test, judgement, n = case.tests[i], ruling.judgements[i], ruling.n
    part, contrast = test.spec, test.contrast.first(n)
    rule = stats.rule_of(case.claim.rule)
    metrics = case.design.experiment.metrics if case.design.experiment else METRICS
    assert case.measurement is not None
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
        anticipated=part.anticipated,
        power=hope.power if hope else None,
        seeds_needed=hope.needed if hope else None,
        item_error=(
            None
            if part.assertion.region.per_unit
            else case.measurement.first(n).item_error(part.assertion)
        ),
        e_value=_evidence(judgement) if rule.e_value and n >= 2 else None,
        beyond=case.beyond_estimates[i] if case.beyond else None,
        **_intervals(judgement, ruling.intervals[i], n),
        **_pilot(case.pilots[i], rule, n, case.at_one_look(level)),
    )


def _intervals(judgement: stats.Judgement, bounds: stats.Interval, n: int) -> dict[str, Any]:
    """Return the intervals of an assertion; NaN where its seeds give none."""
    if n < 2 or not (judgement.sd > 0 or math.isfinite(bounds.low)):
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
    is_open = ruling.code in ("underpowered", "straddles_margin", "unattainable")
    needed = seeds_needed(results) if is_open else None
    return needed if needed is not None and needed > len(case.seeds) else None


def _published(
    claim: Claim, setting: str, results: Sequence[AssertionResult]
) -> tuple[dict[str, Any], ...]:
    """Return published figures for this setting with ours beside them; they decide nothing."""
    own = (figure for figure in claim.published if figure.get("setting", setting) == setting)
    return tuple(_beside(figure, results) for figure in own)


def _beside(figure: Mapping[str, Any], results: Sequence[AssertionResult]) -> dict[str, Any]:
    ours = None
    if results:
        result = results[figure.get("assertion", 0)]
        differences = result.differences or (result.estimate,)  # unpaired sides have none
        sides = {"a": result.a.values, "b": result.b.values, None: differences}
        ours = float(np.mean(sides[figure.get("side")]))
    value, spread = figure["published"], figure.get("spread")
    return {
        "what": figure["what"],
        "published": value,
        "spread": spread,
        "ours": ours,
        "within": None if ours is None or spread is None else abs(ours - value) <= spread,
        "source": figure.get("source"),
    }
