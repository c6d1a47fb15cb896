"""Before a run: what each claim can tell at its seeds, which runs it needs, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faeval import campaign, claims, evidence, stats
from faeval.claims import Claim, Design, PilotForecast, Problem, Spread, Verdict
from faeval.experiment import Experiment, RunOptions
from faeval.pipeline._select import STORE, Given, Selection, asked_seeds, needs, select


@dataclass(frozen=True)
class Outlook:
    """What one claim can tell, before any run of it."""

    claim: Claim
    setting: str
    problem: Problem | None
    seeds: tuple[int, ...]
    family_size: int
    detectable_in_sd: float | None
    assertions: tuple[AssertionOutlook, ...]
    expected: str | None = None

    @property
    def refused(self) -> bool:
        """Whether its design makes it invalid, and nobody expects that."""
        found = self.problem
        told = (self.expected or "").partition(":")
        return bool(
            found
            and found.verdict == "invalid"
            and (told[0] != "invalid" or told[2] not in ("", found.code))
        )

    @property
    def power(self) -> float | None:
        """The least power of the claim as a whole, of the verdict that its anticipated effects lead
        to.
        """
        return claims.power_of(self.claim, [a.chances for a in self.assertions])

    @property
    def seeds_needed(self) -> tuple[int | None, int | None] | None:
        """Seeds for 80 % power of the claim as a whole: what its most demanding assertion takes;
        None where one is unknown.
        """
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
    def warnings(self) -> tuple[str, ...]:
        """What to know before a run: the problem that its design has, or power below a half."""
        if self.problem:
            return (
                (
                    f"{self.problem.verdict} ({self.problem.code.replace('_', ' ')}):"
                    f" {self.problem.text}"
                ),
            )
        plan = self.claim.plan(self.setting)
        pilots = (
            [] if isinstance(plan, claims.Drawn) else sorted(set(plan) & set(claims.PILOT_SEEDS))
        )
        looked = (
            (
                (
                    f"its plan has the pilot seed {pilots[0]}, which cannot be registered; plan"
                    " fresh seeds"
                ),
            )
            if pilots
            else ()
        )
        weak = [
            f"power of '{a.text}' at the effect anticipated is {a.chances.power:.2f}, below"
            f" {stats.LEAST_POWER}"
            for a in self.assertions
            if a.chances is not None and a.chances.power < stats.LEAST_POWER
        ]
        if self.weak and not weak:
            weak = [claims.weak_together(len(self.assertions), self.power or 0.0, "is")]
        return (*looked, *claims.unlike_expectation(self.claim, self.expected), *weak)


@dataclass(frozen=True)
class AssertionOutlook:
    """What one tested assertion can tell; no chances where no pilot or no anticipated effect is
    registered.
    """

    text: str
    pilot: Spread | None
    chances: PilotForecast | None


@dataclass(frozen=True)
class PlanReport:
    """Design checks and cost of a campaign, before it runs."""

    setting: str
    outlooks: tuple[Outlook, ...]
    plan: campaign.Plan
    open: tuple[Reopening, ...] = ()

    def exit_code(self) -> int:
        """11 where a design makes a claim invalid that is not expected to be, else 0."""
        return 11 if any(o.refused for o in self.outlooks) else 0


@dataclass(frozen=True)
class Reopening:
    """What a claim that is open at its plan would take anew: fresh seeds, runs, and seconds on one
    worker.

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
    """Check the designs of claims, say what each can tell at its seeds, and what runs are needed.
    Runs nothing.
    """
    chosen = select(given, setting, everything=everything)
    fixed = asked_seeds(seeds)
    options = RunOptions(device=device, data=Path(data) if data is not None else None)
    kept = evidence.Store(Path(store or STORE))
    plan = campaign.plan(needs(chosen, fixed), kept, options)
    return PlanReport(chosen.setting, outlooks_of(chosen, fixed), plan, _open(chosen, fixed, plan))


def outlooks_of(chosen: Selection, seeds: int | tuple[int, ...] | None) -> tuple[Outlook, ...]:
    """Return what each claim can tell at its seeds."""
    return tuple(_outlook(claim, chosen, seeds) for claim in chosen.claims)


def _open(
    chosen: Selection, seeds: int | tuple[int, ...] | None, plan: campaign.Plan
) -> tuple[Reopening, ...]:
    """Return the claims that evidence of their whole plan leaves open, cheapest first."""
    if not plan.cached:
        return ()
    table = plan.store.table(plan.wanted)
    verdicts = claims.decide(
        chosen.claims, table, chosen.setting, seeds, lock=chosen.lock, by_hand=False
    )
    jobs = {job.arm.label: job for job in plan.jobs}
    design = Design(chosen.experiment)
    found = []
    for claim, verdict in zip(chosen.claims, verdicts, strict=True):
        if verdict.verdict != "inconclusive" or verdict.reason_code not in (
            "underpowered",
            "straddles_margin",
        ):
            continue
        labels = {design.label(arm) for arm in claim.metrics_by_arm()}
        costs = [plan.cost(jobs[label], anew=True) for label in labels]
        known = [cost for cost in costs if cost is not None]
        n = verdict.fresh_seeds
        seconds = n * sum(known) if n is not None and len(known) == len(costs) else None
        found.append(Reopening(verdict, n, None if n is None else n * len(labels), seconds))
    return tuple(
        sorted(found, key=lambda r: (r.seconds is None, r.seconds or 0.0, r.verdict.claim))
    )


def _outlook(claim: Claim, chosen: Selection, seeds: int | tuple[int, ...] | None) -> Outlook:
    design = Design(chosen.experiment)
    problem = claims.check_design(claim, design)
    registered = chosen.registered(claim)
    size = (
        len(chosen.lock.family(registered.family))
        if registered and chosen.lock
        else sum(c.family == claim.family for c in chosen.claims)
    )
    planned = chosen.seeds(claim, seeds)
    level, n = claim.alpha / size, len(planned)
    looks = claim.looks_in(chosen.setting)
    if looks and n >= looks[-1]:
        level = stats.nominal_level(
            level, looks
        )  # what its last look alone can tell, at the price of the others
    if registered and registered.sha256 != claim.sha256():
        problem = Problem("invalid", "spec_changed", "the claim differs from its registration.")
    parts = claims.contrast_specs(claim)
    seen = [
        stats.outlook(x.kind, x.margin, n, alpha=level, k=len(parts), test=claim.rule)
        for x in parts
    ]
    if problem is None and not (
        all(s.can_support for s in seen) or any(s.can_refute for s in seen)
    ):
        text = f"at n = {n} and level {level:.3g} the {claim.rule} test can decide nothing."
        problem = Problem("inconclusive", "unattainable", text)
    pilots: list[Spread | None] = (
        list(registered.pilot.get(chosen.setting, [])) if registered else []
    )
    pilots += [None] * (len(parts) - len(pilots))
    hopes = claims.pilot_forecasts(claim, pilots, n, level)
    rows = tuple(
        AssertionOutlook(x.text, p, h) for x, p, h in zip(parts, pilots, hopes, strict=True)
    )
    expected = (registered or claim).expected(chosen.setting)
    return Outlook(
        claim, chosen.setting, problem, planned, size, seen[0].detectable_in_sd, rows, expected
    )
