"""Before a run: what each claim can tell at its seeds, which runs it needs, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faeval import campaign, claims, stats
from faeval.claims import Claim, Design, PilotForecast, Problem, Spread, Verdict
from faeval.experiment import Experiment
from faeval.pipeline._select import Given, Selection, asked_seeds, plan_of, select


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


@dataclass(frozen=True)
class PlanReport:
    """Design checks and cost of a campaign, before it runs."""

    setting: str
    outlooks: tuple[ClaimOutlook, ...]
    plan: campaign.Plan
    open: tuple[Reopening, ...] = ()

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
) -> PlanReport:
    """Check designs, and say what claims can tell and which runs they need. Runs nothing."""
    selection = select(given, setting, everything=everything)
    fixed = asked_seeds(seeds)
    plan = plan_of(selection, fixed, store, data, device)
    return PlanReport(
        selection.setting, outlooks_of(selection, fixed), plan, _open(selection, fixed, plan)
    )


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
    claim: Claim, selection: Selection, seeds: int | tuple[int, ...] | None
) -> ClaimOutlook:
    design = Design(selection.experiment)
    problem = claims.check_design(claim, design)
    registered = selection.registered(claim)
    size = _family_size(claim, selection)
    planned = selection.seeds(claim, seeds)
    level, n = claim.alpha / size, len(planned)
    looks = claim.looks_in(selection.setting)
    if looks and n >= looks[-1]:
        # What its last look alone can tell, at the price of the others.
        level = stats.nominal_level(level, looks)
    if registered and registered.sha256 != claim.sha256():
        problem = Problem("invalid", "spec_changed", "the claim differs from its registration.")
    rule = stats.rule_of(design.rule(claim) if problem is None else claim.rule)
    most = rule.most_values
    n = n if most is None else min(n, most)
    parts, spreads = claims.contrast_specs(claim), _spreads(claim, n, level, rule)
    problem = problem or _unattainable(rule, len(planned), level, spreads)
    own = registered.pilot.get(selection.setting, []) if registered else []
    pilots = [*own, *[None] * (len(parts) - len(own))]
    hopes = claims.pilot_forecasts(claim, pilots, n, level, rule=rule)
    rows = tuple(
        AssertionOutlook(x.text, p, h, x.is_logarithm)
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
    )
