"""Before a run: what each claim can tell at its seeds, which runs it needs, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval import campaign, claims, evidence, stats
from faeval.claims import Claim, Design, PilotForecast, Problem, Spread, Verdict
from faeval.errors import FaevalError
from faeval.experiment import Experiment
from faeval.pipeline._select import (
    Given,
    Selection,
    asked_seeds,
    only_setting,
    plan_of,
    select,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ClaimOutlook:
    """What one claim can tell, before any run of it."""

    claim: Claim
    setting: str
    problem: Problem | None
    seeds: tuple[int, ...]
    family_size: int
    detectable_in_sd: float | None
    assertions: tuple[AssertionOutlook, ...]
    expected: str | None = None
    rule: stats.Rule | None = None
    can_support: bool = True
    undrawn: bool = False  # its seeds are counted only: registration draws them

    @property
    def refused(self) -> bool:
        """Whether its design makes it invalid, and nobody expects that."""
        problem = self.problem
        if problem is None or problem.verdict != "invalid":
            return False
        return self.expected not in ("invalid", f"invalid:{problem.code}")

    @property
    def power(self) -> float | None:
        """The least power of the whole claim, for the verdict that anticipated effects give."""
        return claims.power_of(self.claim, [a.chances for a in self.assertions])

    @property
    def seeds_needed(self) -> tuple[int | None, int | None] | None:
        """Seeds for 80 % power of the whole claim; None where one assertion's is unknown."""
        needed = [a.chances.needed for a in self.assertions if a.chances is not None]
        if not needed or len(needed) < len(self.assertions):
            return None
        at, upper = (
            None if None in each else max(filter(None, each)) for each in zip(*needed, strict=True)
        )
        return at, upper

    @property
    def weak(self) -> bool:
        """Whether its power is below a half."""
        return self.power is not None and self.power < stats.LEAST_POWER

    @property
    def has_weak_part(self) -> bool:
        """Whether an assertion has power below a half; of claims that count, the whole."""
        powers = [a.chances.power for a in self.assertions if a.chances is not None]
        return self.weak or (
            not self.claim.counts and any(power < stats.LEAST_POWER for power in powers)
        )

    @property
    def has_few_seeds(self) -> bool:
        """Whether its rule is advised to have more."""
        return self.rule is not None and len(self.seeds) < self.rule.advised

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before a run: the problem that its design has, or power below a half."""
        if problem := self.problem:
            code = problem.code.replace("_", " ")
            return (f"{problem.verdict} ({code}): {problem.text}",)
        plan = self.claim.plan(self.setting)
        pilots = set() if isinstance(plan, claims.Drawn) else {*plan} & {*claims.PILOT_SEEDS}
        looked = [
            f"its plan has the pilot seed {seed}, which cannot be registered; plan fresh seeds"
            for seed in sorted(pilots)[:1]
        ]
        weak = [
            f"power of '{a.text}' at the effect anticipated is {a.chances.power:.2f}, below"
            f" {stats.LEAST_POWER}"
            for a in (self.assertions if not self.claim.counts else ())
            if a.chances is not None and a.chances.power < stats.LEAST_POWER
        ]
        if self.weak and not weak:
            weak = [claims.weak_together(len(self.assertions), self.power or 0.0, "is")]
        if not self.can_support and not self.claim.counts:
            weak.append("no data at so many seeds can support it; plan more seeds")
        if self.rule is not None and self.has_few_seeds:
            weak.append(
                f"the {self.rule.name} test has little power below {self.rule.advised} seeds, and"
                f" {len(self.seeds)} are planned"
            )
        return (*looked, *claims.unlike_expectation(self.claim, self.expected), *weak)


@dataclass(frozen=True)
class AssertionOutlook:
    """What one tested assertion can tell; chances need a pilot and an anticipated effect."""

    text: str
    pilot: Spread | None
    chances: PilotForecast | None
    is_factor: bool = False  # whether its margin is one, and its numbers are decimal logarithms
    seen: float | None = None  # the pilot's effect, where the claim anticipates none


@dataclass(frozen=True)
class PlanReport:
    """Design checks and cost of a campaign, before it runs.

    There is no plan where no experiment could make the runs: results come from elsewhere then.
    """

    setting: str
    outlooks: tuple[ClaimOutlook, ...]
    plan: campaign.Plan | None
    open: tuple[Reopening, ...] = ()

    @property
    def runs(self) -> int:
        """How many runs the claims need, those that are there included."""
        if self.plan is not None:
            return len(self.plan.jobs)
        return len({(arm, n) for o in self.outlooks for arm in o.claim.arms() for n in o.seeds})

    def exit_code(self) -> int:
        """11 where a design makes a claim invalid that is not expected to be, else 0."""
        return 11 if any(o.refused for o in self.outlooks) else 0


@dataclass(frozen=True)
class Reopening:
    """What a claim that is open at its plan would need anew: seeds, runs and seconds.

    None where neither pilot nor anticipated effect says how many seeds, or where no run of an arm
    was ever measured.
    """

    verdict: Verdict
    seeds: int | None
    runs: int | None
    seconds: float | None


def outlook(
    given: Given = "claims",
    setting: str | Experiment | None = None,
    *,
    seeds: int | Iterable[int] | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
    device: str = "cpu",
    everything: bool = False,
    pilot: str | Path | None = None,
) -> PlanReport:
    """Check designs, and say what claims can tell and which runs they need. Runs nothing.

    ``pilot`` is evidence, on any seeds, whose spread is taken in place of a registered one, and
    whose effect where a claim anticipates none.
    """
    fixed = asked_seeds(seeds)
    if pilot is not None:
        return _by_pilot(given, setting, fixed, pilot, (store, data, device), everything)
    selection = select(given, setting, everything=everything)
    plan = plan_of(selection, fixed, store, data, device)
    return PlanReport(
        selection.setting, outlooks_of(selection, fixed), plan, _open(selection, fixed, plan)
    )


def _by_pilot(
    given: Given,
    setting: str | Experiment | None,
    seeds: int | tuple[int, ...] | None,
    pilot: str | Path,
    place: tuple[str | Path | None, str | Path | None, str],
    everything: bool,
) -> PlanReport:
    table, selection = _pilot_of(pilot, given, setting, everything)
    rows = claims.as_claimed(
        table[table["setting"] == selection.setting], selection.claims, selection.setting
    )
    index = claims.EvidenceIndex(rows)
    outlooks = tuple(_outlook(claim, selection, seeds, index) for claim in selection.claims)
    if outlooks and all(o.assertions and o.assertions[0].pilot is None for o in outlooks):
        raise FaevalError(
            f"faeval plan --pilot {pilot}: no claim can be read there on two seeds or more; give"
            " the evidence of the arms and metrics that they name."
        )
    known = [claims.design_of(c, selection.setting).experiment for c in selection.claims]
    plan = plan_of(selection, seeds, *place) if any(known) else None
    return PlanReport(selection.setting, outlooks, plan)


def _pilot_of(
    pilot: str | Path, given: Given, setting: str | Experiment | None, everything: bool
) -> tuple[pd.DataFrame, Selection]:
    """Return a pilot's numbers and the claims: evidence, or results as another tool wrote them."""
    try:
        if Path(pilot).is_file() and Path(pilot).suffix.lower() not in (".csv", ".parquet", ".pq"):
            raise evidence.OtherColumns(str(pilot))
        table = evidence.read(pilot)
    except evidence.OtherColumns:
        importing = evidence.importing
        name = setting or importing.setting_name(Path(pilot))
        selection = select(given, name, everything=everything)
        arms = dict.fromkeys(arm for claim in selection.claims for arm in claim.arms())
        metrics = dict.fromkeys(r.metric for claim in selection.claims for r in claim.reads())
        reading = importing.read_results(
            importing.cells_of_files([Path(pilot)]),
            importing.Said(metrics=tuple(metrics)),
            setting=selection.setting,
            sides=tuple(map(importing.side_of, arms)),
        )
        return reading.table, selection
    return table, select(given, setting or only_setting(table), everything=everything)


def outlooks_of(
    selection: Selection, seeds: int | tuple[int, ...] | None
) -> tuple[ClaimOutlook, ...]:
    """Return what each claim can tell at its seeds."""
    return tuple(_outlook(claim, selection, seeds) for claim in selection.claims)


def _open(
    selection: Selection, seeds: int | tuple[int, ...] | None, plan: campaign.Plan
) -> tuple[Reopening, ...]:
    """Return the claims that evidence of their whole plan leaves open, cheapest first."""
    if not plan.cached:
        return ()
    table = plan.store.table(plan.wanted)
    verdicts = claims.decide(
        selection.claims, table, selection.setting, seeds, lock=selection.lock, by_hand=False
    )
    jobs = {job.arm.label: job for job in plan.jobs}
    design = Design(selection.experiment)
    reopenings = []
    for claim, verdict in zip(selection.claims, verdicts, strict=True):
        if verdict.reason_code in ("underpowered", "straddles_margin"):
            labels = {design.label(arm) for arm in claim.metrics_by_arm()}
            costs = [plan.cost(jobs[label], anew=True) for label in labels]
            measurements = [cost for cost in costs if cost is not None]
            n, is_known = verdict.fresh_seeds, len(measurements) == len(costs)
            seconds = n * sum(measurements) if n is not None and is_known else None
            runs = None if n is None else n * len(labels)
            reopenings.append(Reopening(verdict, n, runs, seconds))
    reopenings.sort(key=lambda r: (r.seconds is None, r.seconds or 0.0, r.verdict.claim))
    return tuple(reopenings)


def _family_size(claim: Claim, selection: Selection) -> int:
    """Return over how many claims the level is shared: the registered family, else that at hand."""
    registered = selection.registered(claim)
    if registered and selection.lock:
        return len(selection.lock.family(registered.family))
    return sum(c.family == claim.family for c in selection.claims)


def _spreads(claim: Claim, n: int, level: float, rule: stats.Rule) -> list[stats.DesignOutlook]:
    """Return what each contrast of a claim can tell, without any pilot."""
    structure, spreads = claims.structure_of(claim), []
    for i, x in enumerate(claims.contrast_specs(claim)):
        spare, share = structure.shares(i)
        base = claims.rate_of_second_side(x, rule, None)
        ask: dict[str, Any] = {"alpha": level / spare, "k": share, "test": rule.name, "base": base}
        spreads.append(stats.outlook(x.kind, x.margin, n, **ask))
    return spreads


def _unattainable(
    rule: stats.Rule, n: int, level: float, spreads: Sequence[stats.DesignOutlook]
) -> Problem | None:
    """Return why no data at n seeds could decide a claim; None where some could."""
    if rule.most_values is not None and n > rule.most_values:
        text = f"the {rule.name} test is computed for {rule.most_values} seeds in each arm at most;"
        return Problem("inconclusive", "unattainable", f"{text} plan fewer.")
    if all(s.can_support for s in spreads) or any(s.can_refute for s in spreads):
        return None
    text = f"at n = {n} and level {level:.3g} the {rule.name} test can decide nothing."
    return Problem("inconclusive", "unattainable", text)


def _outlook(
    claim: Claim,
    selection: Selection,
    seeds: int | tuple[int, ...] | None,
    pilot: claims.EvidenceIndex | None = None,
) -> ClaimOutlook:
    design = (
        Design(selection.experiment)
        if pilot is None
        else claims.design_of(claim, selection.setting)
    )
    problem = claims.check_design(claim, design)
    registered = selection.registered(claim)
    size = _family_size(claim, selection)
    undrawn = pilot is not None and seeds is None and _is_undrawn(claim, selection)
    planned = _counted(claim, selection) if undrawn else selection.seeds(claim, seeds)
    level, n = claim.alpha / size, len(planned)
    looks = claim.looks_in(selection.setting)
    if looks and n >= looks[-1]:
        # What its last look alone can tell, at the price of the others.
        level = stats.nominal_level(level, looks)
    if registered and registered.sha256 != claim.sha256():
        problem = Problem("invalid", "spec_changed", "the claim differs from its registration.")
    rule, n = _rule_at(design, claim, problem, planned)
    parts, spreads = claims.contrast_specs(claim), _spreads(claim, n, level, rule)
    problem = problem or _unattainable(rule, len(planned), level, spreads)
    own = _pilot_spreads(claim, selection, pilot)
    pilots = [*own, *[None] * (len(parts) - len(own))]
    as_seen = pilot is not None
    hopes = claims.pilot_forecasts(claim, pilots, n, level, rule=rule, as_seen=as_seen)
    rows = tuple(
        AssertionOutlook(x.text, p, h, x.is_logarithm, _seen(x, p) if as_seen else None)
        for x, p, h in zip(parts, pilots, hopes, strict=True)
    )
    expected = (registered or claim).expected(selection.setting)
    return ClaimOutlook(
        claim,
        selection.setting,
        problem,
        planned,
        size,
        spreads[0].detectable_in_sd,
        rows,
        expected,
        rule,
        all(s.can_support for s in spreads),
        undrawn,
    )


def _is_undrawn(claim: Claim, selection: Selection) -> bool:
    """Whether registration will draw the seeds of a claim, and has not yet."""
    plan = claim.plan(selection.setting)
    return isinstance(plan, claims.Drawn) and selection.registered(claim) is None


def _counted(claim: Claim, selection: Selection) -> tuple[int, ...]:
    """Return as many seeds as are planned: a pilot tells of these, whichever will be drawn."""
    return tuple(range(1, len(claim.plan(selection.setting)) + 1))


def _pilot_spreads(
    claim: Claim, selection: Selection, pilot: claims.EvidenceIndex | None
) -> Sequence[Spread | None]:
    """Return the spreads that a pilot shows, else those that were registered."""
    if pilot is not None:
        return claims.pilot_spreads(claim, pilot, selection.setting, any_seeds=True)
    registered = selection.registered(claim)
    return registered.pilot.get(selection.setting, []) if registered else []


def _rule_at(
    design: Design, claim: Claim, problem: Problem | None, planned: Sequence[int]
) -> tuple[stats.Rule, int]:
    """Return the rule that decides a claim, and how many of its seeds it can read."""
    rule = stats.rule_of(design.rule(claim) if problem is None else claim.rule)
    most = rule.most_values
    return rule, len(planned) if most is None else min(len(planned), most)


def _seen(spec: claims.ContrastSpec, pilot: Spread | None) -> float | None:
    """Return the effect that a pilot saw, where the claim anticipates none."""
    is_said = spec.effect(None if pilot is None else pilot.base) is not None
    return None if pilot is None or is_said else claims.seen_effect(spec, pilot)
