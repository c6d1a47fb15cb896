"""The verdict in full: results of each assertion, flags, cautions, registration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from faeval import stats
from faeval._safe_text import cut
from faeval.claims._claim import Claim
from faeval.claims._lock import Lock, Origins, registration_of
from faeval.claims._made_from import decides_on_its_source
from faeval.claims._measurement import Measurement
from faeval.claims._measurement_checks import unlike_ends, unlike_states
from faeval.claims._pending import PendingClaim
from faeval.claims._pilot import PilotForecast, power_of, refuting_parts
from faeval.claims._results import assertion_result, count_results, own_seeds
from faeval.claims._selection import is_selected
from faeval.claims._verdict import (
    AssertionResult,
    Caution,
    MeasuredError,
    Verdict,
    seeds_needed,
)


def verdict_of(case: PendingClaim, lock: Lock | None, origins: Origins) -> Verdict:
    """Return the full verdict on a claim that its family has decided."""
    claim, ruling, setting = case.claim, case.ruling, case.setting
    assert ruling is not None
    rule = _rule(case)
    n = ruling.n if case.tests else len(case.seeds)
    seeds = _seeds(case, n)
    level = claim.alpha / case.family_size
    hopes = case.hopes(level)
    results = tuple(
        assertion_result(case, ruling, i, level, hopes[i]) for i in range(len(ruling.judgements))
    )
    measurement = _measurement(case, n)
    ends = unlike_ends(measurement) if measurement is not None else []
    is_source = (
        bool(results) and measurement is not None and decides_on_its_source(claim, measurement)
    )
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
        *_power_warnings(case, results, hopes),
        *_expectation_warnings(case),
        *([Caution("same_numbers")] if is_source else []),
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
        counts=count_results(case, ruling, results),
        flags=tuple(dict.fromkeys(_flags(case, ruling, results, ends, registration, is_source))),
        expected=_expected(case),
        inferred_factor=case.inferred,
        fresh_seeds=_fresh_seeds(case, ruling, results),
        attainable_p=_attainable(case, rule, n) if n else None,
        unseen_failure_bound=(
            stats.unseen_failure_bound(n, _failures(claim, measurement)) if case.tests else None
        ),
        measured_errors=_errors_of_test(case, n, results) if ruling.code == "decided" else (),
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
        **_sensitivity(case, ruling, rule, seeds),
        **_history(case, lock),
    )


def _rule(case: PendingClaim) -> stats.Rule:
    """Return the rule that decides a claim; of one that nothing was read of, as it is written."""
    return case.rule if case.tests else stats.rule_of(case.claim.rule)


def _seeds(case: PendingClaim, n: int) -> tuple[int, ...]:
    """Return the seeds that a verdict rests on: with looks those of its look."""
    if case.is_apart:
        return case.seeds
    return case.seeds[:n] if case.tests else ()


def _measurement(case: PendingClaim, n: int) -> Measurement | None:
    """Return what a verdict rests on, whatever else was measured."""
    measurement = case.measurement
    return measurement if measurement is None or not n or case.is_apart else measurement.first(n)


def _flags(
    case: PendingClaim,
    ruling: stats.Ruling,
    results: Sequence[AssertionResult],
    ends: Sequence[str],
    registration: str,
    is_source: bool,
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
    if results and any(map(is_selected, case.claim.asserted)):
        yield "selected_on_evidence"
    if is_source:
        yield "same_numbers"
    if ends:
        yield "unlike_epochs"
    if registration in ("after_evidence", "amended_after_evidence"):
        yield registration


def _expected(case: PendingClaim) -> str | None:
    return (case.registered or case.claim).expected(case.setting)


def _attainable(case: PendingClaim, rule: stats.Rule, n: int) -> float:
    """Return the smallest p that any data could give: of rates it hangs on the margin."""
    most = rule.most_values
    if rule.about != "rate" or not case.tests or (most is not None and n > most):
        return rule.attainable(n)
    return max(stats.smallest_p(test.contrast, rule)[0] for test in case.tests)


def _power_warnings(
    case: PendingClaim, results: Sequence[AssertionResult], hopes: Sequence[PilotForecast | None]
) -> list[Caution]:
    """Return the assertions of low power, or that all of them together have low power."""
    low = [
        Caution("low_power", i, result.power)
        for i, result in enumerate(results)
        if result.power is not None and result.power < stats.LEAST_POWER
    ]
    is_whole = len(results) > 1 and len(hopes) == len(results) and not case.blank
    together = power_of(case.claim, hopes) if is_whole else None
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


def _sensitivity(
    case: PendingClaim, ruling: stats.Ruling, rule: stats.Rule, seeds: Sequence[int]
) -> dict[str, Any]:
    """Return the fields that say at which levels it was decided, and how easily it would change.

    They keep their defaults where no sensitivity was looked at.
    """
    decision, sensitivity, n = ruling.decision, ruling.sensitivity, ruling.n
    if sensitivity is None:
        return {}
    without = sensitivity.without_each
    each = _without_each(without, _seeds_of_words(case, seeds, rule), ruling.verdict)
    return {
        "level_support": decision.level_support,
        "level_refute": decision.level_refute,
        "adjusted_support": decision.adjusted_support,
        "adjusted_refute": decision.adjusted_refute,
        "without_each_seed": tuple(each.items()) if n >= 3 else (),
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


def _seeds_of_words(case: PendingClaim, seeds: Sequence[int], rule: stats.Rule) -> tuple[int, ...]:
    """Return the seed of each word that is left without one value: of a's values, then of b's."""
    if rule.paired:
        return tuple(seeds)
    if not case.is_apart:
        return (*seeds, *seeds)
    return tuple(seed for side in own_seeds(case) for seed in side)


def _without_each(words: Sequence[str], seeds: Sequence[int], verdict: str) -> dict[int, str]:
    """Return the verdict's word without each seed.

    Of unpaired sides, which have a word for each side, it is one that changes the verdict, if any.
    """
    by_seed: dict[int, str] = {}
    for seed, word in zip(seeds, words, strict=True):
        if by_seed.get(seed, verdict) == verdict:
            by_seed[seed] = word
    return by_seed


def _numbers(case: PendingClaim, seeds: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    if not seeds:  # its arms may have no label
        return
    for arm, metrics in case.claim.metrics_by_arm().items():
        label = case.design.label(arm)
        yield from ((label, metric, seed) for metric in sorted(metrics) for seed in seeds)


def _errors_of_test(
    case: PendingClaim, n: int, results: Sequence[AssertionResult]
) -> tuple[MeasuredError, ...]:
    if any(result.identical for result in results):  # another rule decided, and it is exact
        return ()
    return _measured_errors(
        case.design.rule(case.claim), n, frozenset(t.spec.kind for t in case.tests)
    )


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


def _detail(case: PendingClaim, ruling: stats.Ruling) -> str:
    """Return what stands in the way of deciding, where it does not follow from the numbers."""
    between_looks = ruling.code == "plan_not_reached" and case.problem is None
    follows = ruling.code == "unattainable" and bool(ruling.judgements)
    return "" if between_looks or follows else ruling.reason


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
