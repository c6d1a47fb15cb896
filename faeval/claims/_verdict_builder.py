"""The verdict in full: results of each assertion, the reason in words, flags, what it would take to
know more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from faeval import stats
from faeval._safe_text import cut
from faeval.claims._claim import Claim
from faeval.claims._lock import Lock, Spread
from faeval.claims._measurement import units_of
from faeval.claims._measurement_checks import unlike_ends, unlike_states
from faeval.claims._pending import PendingClaim
from faeval.claims._pilot import (
    PilotForecast,
    beyond_margin,
    power_of,
    unlike_expectation,
    weak_together,
)
from faeval.claims._registration import Origins, registration_of
from faeval.claims._verdict import AssertionResult, MeasuredError, Side, Verdict
from faeval.experiment import METRICS

_SCOPE = (
    "retrainings of these arms on these data: the seed is random; architecture, layers,"
    " hyper-parameters, task, training set and evaluation items are fixed"
)
_ASSUMPTIONS = {
    "t": (
        "the differences by seed are near normal; against a margin they are not protected from skew"
    ),
    "sign-flip": "the differences by seed are symmetric about their mean",
    "welch": (
        "the values of each arm are near normal, and no seed gives both arms the same randomness;"
        " against a margin they are not protected from skew"
    ),
    "sign": "none on the shape of the differences: the claim is about their median",
}
_UNPAIRED = "; the two arms are compared unpaired, as runs that share no randomness"
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
        f"'{r.text}': power at the effect anticipated was {r.power:.2f}, below {stats.LEAST_POWER}"
        for r in results
        if r.power is not None and r.power < stats.LEAST_POWER
    ]
    together = power_of(claim, hopes) if len(results) > 1 and len(hopes) == len(results) else None
    if together is not None and together < stats.LEAST_POWER and not warnings:
        warnings.append(weak_together(len(results), together, "was"))
    expected = case.registered.expected(setting) if case.registered else claim.expected(setting)
    if case.problem is None:
        warnings += unlike_expectation(claim, expected)
    if measured is not None:
        ends = unlike_ends(measured)
        flags += ["unlike_epochs"] if ends else []
        warnings += unlike_states(measured) + ends
    numbers = _numbers(case, seeds) if case.tests else ()
    registration, remark = registration_of(
        claim.id, setting, lock, case.flags, numbers, origins, changed=ruling.code == "spec_changed"
    )
    if registration in ("after_evidence", "amended_after_evidence"):
        flags.append(registration)
    if remark:
        warnings.append(remark)
    if decided and ruling.look is not None and n < case.looks[-1]:
        warnings.append(
            f"decided early, at {n} of {case.looks[-1]} seeds: the estimate is biased away from the"
            " margin"
        )
    return Verdict(
        claim=claim.name,
        sentence=claim.sentence,
        setting=setting,
        verdict=ruling.verdict,
        reason_code=ruling.code,
        reason=cut(_reason(case, ruling, results)),
        family=(case.registered.family if case.registered else claim.family) or "",
        family_size=case.family_size,
        alpha=claim.alpha,
        test=rule.name,
        seeds=seeds if case.tests else (),
        planned=case.planned,
        assertions=results,
        flags=tuple(dict.fromkeys(flags)),
        expected=expected,
        scope=_SCOPE + _UNPAIRED * (not rule.paired),
        assumption=_ASSUMPTIONS[rule.name],
        takes=cut(_takes(case, ruling, results)),
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
        warnings=tuple(map(cut, warnings)),
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
        text=part.text,
        kind=part.kind,
        unit=units_of(part.assertion, metrics),
        margin=part.margin,
        because=part.assertion.margin.because,
        a=Side(part.a, tuple(contrast.a.tolist())),
        b=Side(part.b, tuple(contrast.b.tolist())),
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


def _reason(case: PendingClaim, ruling: stats.Ruling, results: Sequence[AssertionResult]) -> str:
    if ruling.reason:
        return ruling.reason
    n, decision = ruling.n, ruling.decision
    if ruling.verdict == "supported":
        return f"over {n} seeds " + "; and ".join(r.text for r in results) + "."
    if ruling.verdict == "refuted":
        against = [r for r in results if r.p_refute * len(results) <= decision.level_refute]
        text = "; and ".join(f"'{r.text}' does not hold{_opposite(r)}" for r in against or results)
        return f"over {n} seeds {text}."
    open_ = next((r for r in results if r.p_support > decision.level_support), results[0])
    low, high = open_.interval
    region = stats.region_of(open_.kind)
    least, most = region.bounds(open_.margin)
    if region.two_sided and (low > most or high < least):
        where = (
            "lies outside its margins at the level of support, but not at the one that refuting"
            " takes"
        )
        return f"over {n} seeds '{open_.text}' {where}."
    tells = "is too wide to tell" if ruling.code == "underpowered" else "holds the margin"
    return f"over {n} seeds the interval of '{open_.text}' {tells}."


def _opposite(result: AssertionResult) -> str:
    low, high = result.interval
    region = stats.region_of(result.kind)
    opposite = high < 0 if region.side == "above" else low > 0
    return ", and the difference is of opposite sign" if region.claims_effect and opposite else ""


def _takes(case: PendingClaim, ruling: stats.Ruling, results: Sequence[AssertionResult]) -> str:
    if ruling.verdict != "inconclusive":
        return ""
    if ruling.reason and ruling.code != "unattainable":
        return ruling.reason
    plan = f"open at its {len(case.seeds)} seeds; " if case.registered else ""
    needed = _seeds_needed(results)
    if needed is not None and needed > len(case.seeds):
        about = (
            f"a new registration on fresh seeds would need about {needed} of them, alone in its"
            " family"
        )
        return f"{plan}{about}{_if_so(ruling, results)}."
    if needed is not None:
        # So many would do, alone, for the effect it was made for: the true one seems to lie nearer
        # the margin, or beyond it.
        open_ = [r for r in results if r.p_support > ruling.decision.level_support]
        beyond = any(beyond_margin(r.kind, r.margin, _counted(r, r.estimate)) < 0 for r in open_)
        where = (
            "on the side that refutes, near its margin"
            if beyond
            else "nearer its margin than anticipated"
        )
        return (
            f"{plan}at the effect anticipated about {needed} fresh seeds would do, alone in a"
            f" family; these seeds put it {where}, where more are needed."
        )
    return (
        f"{plan}a new registration on more, fresh seeds; anticipated= and a pilot would say how"
        " many."
    )


def _if_so(ruling: stats.Ruling, results: Sequence[AssertionResult]) -> str:
    """Say which effect the seeds needed are counted for, and where these seeds speak for one that
    would need more.
    """
    open_ = [
        r
        for r in results
        if r.p_support > ruling.decision.level_support and r.anticipated is not None
    ]
    if not open_:
        return ""
    said = (
        ", if the effect is "
        + " and ".join(f"{r.anticipated:.3g}" for r in open_)
        + " as anticipated"
    )
    for r in open_:
        found, low, high = (
            _counted(r, r.estimate),
            *sorted(_counted(r, bound) for bound in r.ordinary),
        )
        assert r.anticipated is not None
        outside = not low <= r.anticipated <= high
        if outside and beyond_margin(r.kind, r.margin, found) < beyond_margin(
            r.kind, r.margin, r.anticipated
        ):
            where = (
                "nearer its margin, where more are needed"
                if beyond_margin(r.kind, r.margin, found) > 0
                else "on the side that refutes"
            )
            return f"{said}; these seeds put it at {found:.2g}, {where}"
    return said


def _counted(result: AssertionResult, difference: float) -> float:
    """Return a difference a - b as effects are counted: of below and not_below b - a."""
    return stats.region_of(result.kind).sign * difference


def _fresh_seeds(
    case: PendingClaim, ruling: stats.Ruling, results: Sequence[AssertionResult]
) -> int | None:
    if ruling.verdict != "inconclusive" or ruling.code not in (
        "underpowered",
        "straddles_margin",
        "unattainable",
    ):
        return None
    needed = _seeds_needed(results)
    return needed if needed is not None and needed > len(case.seeds) else None


def _seeds_needed(results: Sequence[AssertionResult]) -> int | None:
    """Return the seeds that 80 % power takes anew for all assertions, at the pilot's upper bound;
    None where none says so.
    """
    cautious = [r.seeds_needed and r.seeds_needed[1] for r in results]
    known = [n for n in cautious if n is not None]
    return max(known) if known and len(known) == len(cautious) else None


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
