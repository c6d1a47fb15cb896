"""A claim before its verdict: its seeds, its evidence there, and what forbids deciding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TypeVar

from faeval import stats
from faeval._safe_text import listed
from faeval.claims._claim import Claim
from faeval.claims._contrast_spec import (
    ContrastSpec,
    contrast_specs,
    structure_of,
)
from faeval.claims._course_checks import cut_off
from faeval.claims._design import (
    Design,
    Problem,
    check_design,
    check_names,
    confounded,
    design_of,
    inferred_factor,
)
from faeval.claims._evidence_index import EvidenceIndex
from faeval.claims._lock import LOOKED_AT, PILOT_SEEDS, Lock, Registered, Spread, in_order
from faeval.claims._measurement import (
    MeasuredContrast,
    Measurement,
    measured_contrasts,
)
from faeval.claims._measurement_checks import (
    blank_members,
    check_controls,
    missing,
    not_positive,
    same_run,
    same_weights,
    uneven,
    untrustworthy,
)
from faeval.claims._pilot import PilotForecast, pilot_forecasts
from faeval.claims._seed_plan import Drawn, seed_list
from faeval.errors import FaevalError
from faeval.experiment import Experiment, named

T = TypeVar("T")


@dataclass
class PendingClaim:
    """A claim on its way to a verdict."""

    claim: Claim
    setting: str
    design: Design
    registered: Registered | None
    planned: tuple[int, ...]
    seeds: tuple[int, ...]
    flags: list[str]
    looks: tuple[int, ...] = ()
    beyond: tuple[int, ...] = ()  # seeds with evidence that the plan does not have
    beyond_estimates: tuple[float, ...] = ()
    inferred: str | None = None  # the factor that the claim does not name, and is read to mean
    problem: Problem | None = None
    later: Problem | None = None  # at a look after the last that could be read
    measurement: Measurement | None = None
    tests: tuple[MeasuredContrast, ...] = ()
    may_be_apart: bool = False  # evidence is given, and no plan: arms may have their own seeds
    blank: frozenset[int] = frozenset()  # members of counts of which nothing was measured
    ruling: stats.Ruling | None = None
    family_size: int = 1

    @property
    def apart(self) -> bool:
        """Whether it is decided on other seeds than those of a registration."""
        return "reproduction" in self.flags or "exploratory" in self.flags

    @cached_property
    def specs(self) -> tuple[ContrastSpec, ...]:
        """The contrasts that it is decided by."""
        return contrast_specs(self.claim)

    @cached_property
    def rule(self) -> stats.Rule:
        """The rule that decides it here."""
        return stats.rule_of(self.design.rule(self.claim))

    @property
    def pilots(self) -> list[Spread | None]:
        """What the registered pilots say of each contrast; None where they say nothing."""
        spreads = list(self.registered.pilot.get(self.setting, ())) if self.registered else []
        return spreads + [None] * (len(self.specs) - len(spreads))

    def measured(self, of_each: Sequence[T]) -> tuple[T, ...]:
        """Return what is said of each contrast of the claim, of those that were measured alone."""
        if not self.blank:
            return tuple(of_each)
        pairs = zip(of_each, self.specs, strict=True)
        return tuple(x for x, spec in pairs if spec.place not in self.blank)

    def question(self, level: float) -> stats.Question:
        """Return the claim as the rule of its family sees it.

        ``level`` is that of the family's first Holm step.
        """
        problem = (
            (self.problem.verdict, self.problem.code, self.problem.text) if self.problem else None
        )
        return stats.Question(
            contrasts=tuple(t.contrast for t in self.tests),
            test=self.rule.name if self.tests else "t",  # type: ignore[arg-type]
            seeds=self.seeds if self.tests and not self.is_apart else None,
            looks=self.looks if self.tests else (),
            problem=problem,  # type: ignore[arg-type] # one of the words, by construction
            powers=tuple(hope.power if hope else None for hope in self.hopes(level)),
            seed_used=bool(self.tests)
            and self.measurement is not None
            and self.measurement.seed_used(),
            counts=self.counts if self.tests else (),
        )

    @property
    def is_apart(self) -> bool:
        """Whether each arm has seeds of its own."""
        return self.measurement is not None and self.measurement.apart

    @property
    def counts(self) -> tuple[stats.Counted, ...]:
        """The claim's counts, with the places of their members' contrasts among the tests."""
        return structure_of(self.claim, self.blank).counts if self.claim.counts else ()

    def hopes(self, level: float) -> tuple[PilotForecast | None, ...]:
        """What the pilots let each test expect, at the level of the family's first Holm step.

        Seeds needed are those of a new registration: the family is closed, so the claim would be
        alone in one of its own.
        """
        n = self.looks[-1] if self.looks else len(self.seeds)
        return (
            self.measured(
                pilot_forecasts(
                    self.claim,
                    self.pilots,
                    n,
                    self.at_one_look(level),
                    self.claim.alpha,
                    rule=self.rule,
                )
            )
            if self.tests
            else ()
        )

    def at_one_look(self, level: float) -> float:
        """Return the level of the last look alone; ``level`` without looks.

        All looks together detect at least as much as the last one.
        """
        return stats.nominal_level(level, self.looks) if self.looks else level


def open_claim(
    claim: Claim,
    setting: str,
    index: EvidenceIndex,
    lock: Lock | None,
    asked: int | tuple[int, ...] | None,
    by_hand: bool,
    known: dict[str, Experiment],
    failures: Sequence[tuple[str, int, str]] = (),
) -> PendingClaim:
    """Return a claim with its registration and the seeds that it is to be decided on."""
    registered = lock.claims.get(claim.id) if lock and claim.id else None
    planned = planned_for(claim, lock, setting, asked)
    seeds, design = seeds_for(claim, lock, setting, asked), design_of(claim, setting, known)
    case = PendingClaim(claim, setting, design, registered, planned, seeds, [])
    looked = set(lock.looked_at if lock else ())
    case.flags += _flags_of_plan(case, looked)
    try:
        check_names(claim, case.design)
        labels = [case.design.label(arm) for arm in claim.arms()]
    except FaevalError as error:
        case.problem = Problem("invalid", "error", str(error))
        return case
    if registered is None:
        if asked is None and by_hand and not claim.plans(setting):
            case.may_be_apart = True
            case.seeds = _seeds_there(index, labels, failures) or planned
        if set(case.seeds) & looked:
            case.flags.append("reproduction")
    else:
        _compare(case, registered)
    if not case.apart and _is_chosen(case, lock, asked):
        case.flags.append("chosen_seeds")
    if case.seeds == planned[: len(case.seeds)]:
        case.looks = claim.looks_in(setting)
    return case


def _flags_of_plan(case: PendingClaim, looked: set[int]) -> list[str]:
    """Return how the seeds of a claim stand to its registration."""
    if case.registered is None:
        to_draw = isinstance(case.claim.plan(case.setting), Drawn)
        return ["unregistered", *(["exploratory"] if to_draw else [])]
    if set(case.seeds) <= set(case.planned):
        return []
    return ["reproduction" if set(case.seeds) & looked else "exploratory"]


def _seeds_there(
    index: EvidenceIndex, labels: Sequence[str], failures: Sequence[tuple[str, int, str]]
) -> tuple[int, ...]:
    # A run that failed left no row, and is no seed that was never run.
    failed = {seed for label, seed, _ in failures if label in labels}
    return tuple(sorted({*index.seeds(labels), *failed}))


def _compare(case: PendingClaim, registered: Registered) -> None:
    """Note where a claim is not what was registered."""
    if registered.sha256 != case.claim.sha256():
        case.problem = Problem(
            "invalid",
            "spec_changed",
            "the claim differs from its registration; restore it, or register a new claim on fresh"
            " seeds.",
        )
    elif not same_expectation(case.claim, registered):
        case.flags.append("deviated")


def _is_chosen(case: PendingClaim, lock: Lock | None, asked: int | tuple[int, ...] | None) -> bool:
    """Whether the list of seeds that a claim is decided by was picked by hand."""
    if case.registered and lock:
        return lock.is_chosen(case.claim.id, case.setting)
    seeds = asked if isinstance(asked, tuple) else case.planned
    explores = set(seeds) <= set(PILOT_SEEDS)
    return not explores and not in_order(seeds, lock.highest_seed(case.setting) if lock else 0)


def planned_for(
    claim: Claim, lock: Lock | None, setting: str, asked: int | tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Return the seeds that a claim plans.

    It is empty where they are not drawn yet, and others were asked for.
    """
    if lock is not None and claim.id in lock.claims:
        return lock.planned(claim.id, setting)
    return (
        ()
        if asked is not None and isinstance(claim.plan(setting), Drawn)
        else claim.planned(setting)
    )


def seeds_for(
    claim: Claim, lock: Lock | None, setting: str, asked: int | tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the seeds that a claim runs and is decided on.

    They are its plan, the first so many of it, or those asked for.

    Asked for a list inside its plan, a registered claim keeps the plan's order, in which looks are
    taken.
    """
    registered = lock is not None and claim.id in lock.claims
    planned = planned_for(claim, lock, setting, asked)
    if asked is None:
        return planned
    if isinstance(asked, int) and (registered or asked <= len(planned)):
        return planned[:asked]
    seeds = seed_list(asked, "verify")
    inside = registered and set(seeds) <= set(planned)
    return tuple(s for s in planned if s in seeds) if inside else seeds


def same_expectation(claim: Claim, registered: Registered) -> bool:
    """Return whether a claim expects what it was registered to expect."""
    expect = claim.expect
    return (dict(expect) if isinstance(expect, Mapping) else expect) == registered.expect


def measure(
    case: PendingClaim, index: EvidenceIndex, failures: Sequence[tuple[str, int, str]]
) -> None:
    """Read what the claim needs, or find the problem that forbids deciding it."""
    if case.problem is None:
        case.inferred = inferred_factor(case.claim, case.design)
        case.problem = check_design(case.claim, case.design)
    if case.problem is not None:
        return
    failed = {(label, seed): message for label, seed, message in failures}
    if case.looks:
        _keep_readable_looks(case, index, failed)
    m = case.measurement = Measurement(
        case.claim, index, case.design, case.seeds, case.may_be_apart, case.rule
    )
    case.blank = blank_members(m)
    if case.blank:
        m = case.measurement = Measurement(
            case.claim.without(case.blank), index, case.design, case.seeds
        )
    gaps = missing(m)
    case.problem = _fault(case, m, failed) or gaps or _plan_reached(case, m) or same_weights(m)
    if gaps is not None:
        return
    if m.absent():
        m = case.measurement = _of_what_is_there(case, m)
        case.seeds = m.seeds
    if case.seeds and (case.problem is None or case.problem.verdict != "invalid"):
        _test(case, m)


def _of_what_is_there(case: PendingClaim, m: Measurement) -> Measurement:
    there = [seed for seed in case.seeds if seed not in m.absent()]
    if case.looks:  # in the order of the plan, up to the first that is not there
        there = list(takewhile(there.__contains__, case.seeds))
    return m.at(there)


def _test(case: PendingClaim, m: Measurement) -> None:
    case.problem = case.problem or not_positive(m) or cut_off(m)
    if case.problem is not None and case.problem.verdict == "invalid":
        return
    case.tests = measured_contrasts(m, case.measured(case.specs))
    sides = case.rule.sides
    if case.problem is None and not any(test.contrast.varies(sides) for test in case.tests):
        case.problem = same_run(m)
    planned = case.registered or (case.claim.plans(case.setting) and case.seeds == case.planned)
    if planned and not case.apart:
        _look_beyond(case, m.evidence)


def _fault(
    case: PendingClaim, m: Measurement, failed: dict[tuple[str, int], str]
) -> Problem | None:
    """Return why what was measured cannot be used."""
    fault = untrustworthy(m) or uneven(m)
    if fault is None and all(m.groups.values()):
        fault = confounded(m.claim, case.design, m.ends())
    fault = fault or _failed_run(case, m, failed)
    if fault is None and case.claim.controls:
        present = [seed for seed in m.seeds if seed not in m.absent()]
        return check_controls(case.claim, m.evidence, case.design, present)
    return fault


def _failed_run(
    case: PendingClaim, m: Measurement, failed: dict[tuple[str, int], str]
) -> Problem | None:
    # A run may have failed in what this claim does not read, such as an audit by another's metric.
    lacking = [seed for seed in m.seeds if not m.complete(seed)]
    for label in sorted({case.design.label(arm) for arm in case.claim.arms()}):
        for seed in lacking:
            if (label, seed) in failed:
                text = f"the run of {named(label)} at seed {seed} failed: {failed[label, seed]}"
                return Problem("invalid", "error", text)
    return None


def _keep_readable_looks(
    case: PendingClaim, index: EvidenceIndex, failed: dict[tuple[str, int], str]
) -> None:
    """Keep the seeds of the last look that can be read.

    A problem at a later look counts if no look before it decides.
    """
    m = Measurement(case.claim, index, case.design, case.seeds)
    complete = list(takewhile(m.complete, case.seeds))
    count = 0
    for look in (n for n in case.looks if n <= len(complete)):
        case.later = _fault(
            case, Measurement(case.claim, index, case.design, case.seeds[:look]), failed
        )
        if case.later:
            break
        count = look
    if count:
        case.seeds = case.seeds[:count]


def _look_beyond(case: PendingClaim, index: EvidenceIndex) -> None:
    """Measure the complete seeds outside the plan and the pilots; they decide nothing."""
    labels = {case.design.label(arm) for arm in case.claim.arms()}
    others = [s for s in index.seeds(labels) if s not in case.planned and s not in LOOKED_AT]
    assert case.measurement is not None
    m = case.measurement.at(others)
    beyond = tuple(filter(m.complete, others))
    m = m.at(beyond)
    if beyond and not untrustworthy(m) and not not_positive(m):
        case.beyond = beyond
        case.beyond_estimates = tuple(
            float(case.rule.centre(*t.contrast.sample(case.rule.sides)))
            if case.rule.sides
            else float(t.contrast.differences.mean())
            for t in measured_contrasts(m)
        )


def _plan_reached(case: PendingClaim, m: Measurement) -> Problem | None:
    """Return which seeds of the plan are not there; None where all are."""
    lacking = m.absent()
    if case.registered and not case.apart:
        lacking += tuple(s for s in case.planned if s not in case.seeds)
    if not lacking or case.looks:  # with looks the rule says which of them was reached
        return None
    labels = {case.design.label(arm) for arm in case.claim.arms()}
    if ran := {*m.absent()} & {*m.evidence.seeds(labels)}:
        return Problem(
            "inconclusive",
            "evidence_missing",
            f"seed {min(ran)} was run, and there is no row of {' or '.join(map(str, m.reads))} at"
            " it; look at what its run returned, or plan the seeds (seeds=) if it was not to have"
            " one.",
        )
    there = len(case.planned) - len(lacking)
    plan = (
        f"{there} of {len(case.planned)} planned seeds are there"
        if case.registered
        else "seeds are missing"
    )
    text = f"{plan}; run {listed(sorted({*lacking}), 20)}."
    return Problem("inconclusive", "plan_not_reached", text)
