"""A claim on its way to a verdict: the seeds it is decided on, what evidence gives there, and what forbids deciding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faeval import stats
from faeval.claims._claim import Claim
from faeval.claims._design import Design, Problem, check_design, check_names, design_of
from faeval.claims._lock import Lock, Registered
from faeval.claims._measure import Evidence, Measurement
from faeval.claims._tests import Test, tests_of
from faeval.errors import FaevalError
from faeval.experiment import Experiment

_LARGEST = 1e300  # beyond it sums of squares overflow; the statistics refuse it


@dataclass
class Case:
    """A claim on its way to a verdict."""

    claim: Claim
    design: Design
    registered: Registered | None
    planned: tuple[int, ...]
    seeds: tuple[int, ...]
    flags: list[str]
    problem: Problem | None = None
    measurement: Measurement | None = None
    tests: tuple[Test, ...] = ()
    judgements: tuple[stats.Judgement, ...] = ()
    family_size: int = 1
    decision: stats.Decision | None = None
    verdict: str = "inconclusive"

    @property
    def p(self) -> tuple[float, float]:
        return stats.combine(self.judgements) if self.judgements and self.problem is None else (1.0, 1.0)


def open_case(
    claim: Claim,
    setting: str,
    index: Evidence,
    lock: Lock | None,
    wanted: tuple[int, ...] | None,
    count: int | None,
    by_hand: bool,
    known: dict[str, Experiment],
) -> Case:
    """Return a claim with its registration and the seeds that it is to be decided on."""
    registered = lock.claims.get(claim.id) if lock and claim.id else None
    planned = registered.planned(setting) if registered else claim.planned(setting)
    case = Case(claim, design_of(claim, setting, known), registered, planned, planned, [])
    if registered is None:
        case.flags.append("unregistered")
    try:
        check_names(claim, case.design)
        labels = [case.design.label(arm) for arm in claim.arms()]
    except FaevalError as error:
        case.problem = Problem("invalid", "error", str(error))
        return case
    if registered is None:
        if count is not None:
            case.seeds = planned[:count] if count <= len(planned) else tuple(range(1, count + 1))
        elif wanted is not None:
            case.seeds = wanted
        elif by_hand:
            case.seeds = index.seeds(labels) or planned
    elif wanted is not None and count is None and not set(wanted) <= set(planned):
        looked = set(lock.looked_at) if lock else set()
        case.flags.append("reproduction" if set(wanted) & looked else "exploratory")
        case.seeds = wanted
    elif wanted is not None:
        case.seeds = planned[:count] if count is not None else tuple(s for s in planned if s in wanted)
    if registered is not None:
        if registered.sha256 != claim.sha256():
            text = "the claim differs from its registration; restore it, or register a new claim on fresh seeds."
            case.problem = Problem("invalid", "spec_changed", text)
        elif _expect(claim.expect) != registered.expect:
            case.flags.append("deviated")
    return case


def _expect(expect: Any) -> Any:
    return dict(expect) if expect is not None and not isinstance(expect, str) else expect


def measure(case: Case, index: Evidence, failures: Sequence[tuple[str, int, str]]) -> None:
    """Read what the claim needs and judge each of its tests, or find the problem that forbids it."""
    if case.problem is None:
        case.problem = check_design(case.claim, case.design)
    if case.problem is not None:
        return
    m = case.measurement = Measurement(case.claim, index, case.design, case.seeds)
    failed = {(label, seed): message for label, seed, message in failures}
    labels = {case.design.label(arm) for arm in case.claim.arms()}
    broken = next(((a, s) for a in sorted(labels) for s in case.seeds if (a, s) in failed), None)
    case.problem = m.untrustworthy()
    if case.problem is None and broken:
        text = f"the run of {broken[0]!r} at seed {broken[1]} raised an error: {failed[broken]}"
        case.problem = Problem("invalid", "error", text)
    case.problem = case.problem or m.missing() or _plan_reached(case) or m.same_weights()
    if m.missing() is not None:
        return
    if m.absent():  # show what is there, decide nothing
        case.measurement = m = Measurement(
            case.claim, index, case.design, [s for s in case.seeds if s not in m.absent()]
        )
        case.seeds = m.seeds
    if case.problem is not None and case.problem.verdict == "invalid":
        return
    case.tests = tests_of(case.claim, m)
    for test in case.tests:
        if not (np.abs([test.a, test.b, test.differences]) <= _LARGEST).all():
            text = f"{test.text}: at some seed it is undefined, or beyond {_LARGEST:g} in size."
            case.problem = Problem("invalid", "undefined", text)
            case.tests = ()
            return
    case.judgements = tuple(stats.judge(t.kind, t.differences, t.margin, test=case.claim.test) for t in case.tests)
    if case.problem is None and len(case.seeds) < 2:
        text = "one seed shows no spread, so no error rate can be held; run at least 2, better 5."
        case.problem = Problem("inconclusive", "unattainable", text)
    flat = next((t for t in case.tests if stats.no_spread(t.a, t.b)), None)
    if case.problem is None and flat is not None:
        text = f"the differences of '{flat.text}' do not vary over seeds beyond rounding: nothing random was repeated."
        case.problem = Problem("inconclusive", "no_spread", text)


def _plan_reached(case: Case) -> Problem | None:
    assert case.measurement is not None
    if {"reproduction", "exploratory"} & set(case.flags) or case.registered is None:
        lacking = case.measurement.absent()
    else:
        lacking = tuple(s for s in case.planned if s not in case.seeds) + case.measurement.absent()
    if not lacking:
        return None
    there = len(case.planned) - len(lacking)
    plan = f"{there} of {len(case.planned)} planned seeds are there" if case.registered else "seeds are missing"
    return Problem("inconclusive", "plan_not_reached", f"{plan}; run {', '.join(map(str, sorted(set(lacking))))}.")
