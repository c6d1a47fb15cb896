"""faeval plan: what claims can tell and what they cost; faeval lock: register them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._options import arguments
from faeval.cli._common import (
    DRIFT,
    command,
    console_for,
    duration,
    nothing_selected,
    say,
    say_json,
)
from faeval.errors import FaevalError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from faeval import campaign
    from faeval.claims import PilotForecast
    from faeval.pipeline import AssertionOutlook, ClaimOutlook, LockCheck, PlanReport


#: How a claim may differ from its registration, as a check of the lock names it, and what to do.
_DIFFERENCES = {
    "changed": (
        "differs from its registration; restore it, or amend it: faeval lock --amend ID"
        " --because REASON"
    ),
    "deviated": "expects another verdict than was registered; restore it, or amend it",
    "code": (
        "reaches other code than was registered; restore it, or amend it: faeval lock --amend"
        " ID --because REASON"
    ),
    "missing": (
        "is registered, and in no claims file; restore it: a claim that is dropped still counts"
    ),
    "unregistered": "is not registered",
}


@command("plan")
def plan(
    options: dict[str, Any],
    pilot: Annotated[
        Path | None,
        typer.Option(help="Evidence, on any seeds, that tells the spread; nothing is decided."),
    ] = None,
) -> None:
    """Check designs, say what each claim can tell, and what it costs. Runs nothing."""
    import os

    from faeval import pipeline

    workers = options.pop("workers") or os.cpu_count() or 1
    result = pipeline.outlook(options["claims"], **arguments(options), pilot=pilot)
    if not result.outlooks:
        raise nothing_selected()
    if options["json"]:
        say_json({**_plan_content(result, workers), "exit_code": result.exit_code()})
    else:
        _print_plan(result, workers)
    raise typer.Exit(result.exit_code())


@command("lock")
def lock(
    options: dict[str, Any],
    pilot: Annotated[
        list[Path] | None,
        typer.Option(help="Evidence on pilot seeds 1000-1005; may be given several times."),
    ] = None,
    amend: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "FILE::VARIABLE of a registered claim to register in its present form; needs"
                " --because."
            )
        ),
    ] = None,
    because: Annotated[
        str, typer.Option(help="The reason of an amendment; it stays in the lock.")
    ] = "",
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit 1 where claims differ from their registration."
        ),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(help="With --check: a git revision whose lock this one must continue."),
    ] = None,
) -> None:
    """Register claims: write claims.lock beside them, before the first confirmatory run."""
    from faeval import campaign, pipeline

    if against is None and (refusal := campaign.git_refusal()):
        say(
            f"faeval: {refusal}; until then no commit is registered, and --against has nothing to"
            " read.",
            err=True,
        )
    if check:
        if amend or because or pilot:
            raise FaevalError(
                "faeval lock --check writes nothing; leave --amend, --because and --pilot out."
            )
        comparison = pipeline.check_lock(options["claims"], against)
        _print_check(comparison, options["json"])
        raise typer.Exit(0 if comparison.passed else DRIFT)
    if against is not None:
        raise FaevalError(f"faeval lock --against {against}: goes with --check.")
    registration, file, new = pipeline.register(
        options["claims"], pilot or [], amend=amend or [], because=because, store=options["store"]
    )
    if options["json"]:
        content = {
            "schema": "faeval-lock-1",
            "exit_code": 0,
            "sha256": registration.sha256,
            "claims": sorted(registration.claims),
            "new": list(new),
            "entries": len(registration.chain),
        }
        say_json(content)
    what = "amended" if amend else "registered"
    text = f"{what} {_claims(len(new))}" if new else "nothing new to register"
    say(
        f"{text}; {file.name} holds {len(registration.claims)}, sha256 {registration.sha256[:12]}",
        err=True,
    )
    if new:
        say("commit it before the first confirmatory run.", err=True)


def _claims(count: int) -> str:
    return f"{count} claim{'s' * (count != 1)}"


def _print_check(found: LockCheck, as_json: bool) -> None:
    claims = {name: list(getattr(found, name)) for name in _DIFFERENCES}
    if as_json:
        content = {
            "schema": "faeval-lock-check-1",
            "exit_code": 0 if found.passed else DRIFT,
            "passed": found.passed,
            "sha256": found.lock.sha256,
            "same": list(found.same),
            **claims,
            "chain": [
                e.model_dump(exclude={"replaced", "looked_at", "schema_version"})
                for e in found.lock.chain
            ],
        }
        say_json(content)
        return
    for name, sentence in _DIFFERENCES.items():
        for claim in claims[name]:
            say(f"{claim} {sentence}")
    say(
        f"{_claims(len(found.same))} as registered; chain of {len(found.lock.chain)}, sha256"
        f" {found.lock.sha256[:12]}"
    )


def _plan_content(result: PlanReport, workers: int) -> dict[str, Any]:
    """The plan as plain data; numbers that are not known are null."""
    plan = result.plan

    def chances(c: PilotForecast | None) -> dict[str, Any] | None:
        if c is None:
            return None
        at = {name: {"supported": v.supported, "refuted": v.refuted} for name, v in c.at.items()}
        return {"power": c.power, "seeds_needed": list(c.needed), "at": at}

    claims = [
        {
            "claim": o.claim.name,
            "sentence": o.claim.sentence,
            "family": o.claim.family,
            "family_size": o.family_size,
            "seeds": list(o.seeds),
            "detectable_in_sd": o.detectable_in_sd,
            "problem": (
                o.problem
                and {
                    "verdict": o.problem.verdict,
                    "reason_code": o.problem.code,
                    "reason": o.problem.text,
                }
            ),
            "warnings": list(o.warnings),
            "power": o.power,
            "seeds_needed": o.seeds_needed and list(o.seeds_needed),
            "assertions": [
                {
                    "text": a.text,
                    "pilot": a.pilot and a.pilot.model_dump(),
                    "chances": chances(a.chances),
                }
                for a in o.assertions
            ],
        }
        for o in result.outlooks
    ]
    reopening = [
        {"claim": r.verdict.claim, "fresh_seeds": r.seeds, "runs": r.runs, "seconds": r.seconds}
        for r in result.open
    ]
    return {
        "schema": "faeval-plan-1",
        "setting": result.setting,
        "runs": result.runs,
        "cached": len(plan.cached) if plan else 0,
        "workers": workers,
        "seconds": _seconds(plan, workers),
        "claims": claims,
        "open": reopening,
    }


def _seconds(plan: campaign.Plan | None, workers: int) -> float | None:
    """Return how long the runs will take; None where nobody knows."""
    if plan is None:
        return None
    return plan.estimate_seconds(workers) if plan.todo else 0.0


def _seeds_to_run(outlook: ClaimOutlook) -> str:
    seeds = outlook.seeds
    if outlook.undrawn:
        return f"{len(seeds)}, which faeval lock draws as it registers the claim"
    more = f" and {len(seeds) - 200} more; --json has all of them" if len(seeds) > 200 else ""
    return ", ".join(map(str, seeds[:200])) + more


def _print_plan(result: PlanReport, workers: int) -> None:
    columns = (
        "claim",
        "n",
        "family",
        "detectable",
        "supported or refuted",
        "power",
        "seeds for 80 %",
        "design",
    )
    title = f"What these claims can tell in {result.setting}"
    console = console_for()
    console.print(_table(title, columns, map(_plan_row, result.outlooks), show_lines=True))
    plan = result.plan
    seconds = _seconds(plan, workers)
    cost = "cost unknown until one has run" if seconds is None else f"about {duration(seconds)}"
    if plan is None:
        console.print(f"{result.runs} runs, which no fe.Experiment of yours makes.")
        for text in dict.fromkeys(map(_seeds_to_run, result.outlooks)):
            console.print(f"Seeds to run: {text}", soft_wrap=True)
    else:
        cost = cost if plan.todo else "nothing to run"
        console.print(
            f"{len(plan.jobs)} runs, {len(plan.cached)} of them there already; {cost} with"
            f" {workers} workers."
        )
    if any(a.seen is not None for o in result.outlooks for a in o.assertions):
        console.print(
            "Where a claim anticipates no effect, power and seeds are for the effect that the pilot"
            " saw, which is often too high: say anticipated= in the claim, if you know better."
        )
    _print_open(result, workers, console)
    console.print(
        "detectable: effect beyond the margin found with 80 % power, in s.d. of the differences,"
        " then in the metric's unit at the pilot's s.d.; supported or refuted: the chance of each"
        " verdict if the true effect is none, the margin, or the one anticipated, at the pilot's"
        " s.d.; power: of the verdict that the anticipated effect leads to; seeds for 80 %: at the"
        " pilot's s.d. and at its 80 % upper bound.",
        style="dim",
    )
    for o in result.outlooks:
        if o.problem:
            console.print(f"{o.claim.name}: {o.problem.text}")


def _plan_row(o: ClaimOutlook) -> tuple[str, ...]:
    """Return the cells of one claim in the table of the plan."""
    from faeval.reports.words._escape import CELL, clip

    chances = [a.chances for a in o.assertions]
    powers = ["-" if c is None else f"{c.power:.2f}" for c in chances]
    needed = ["-" if c is None else _span(c.needed) for c in chances]
    if len(chances) > 1 and o.power is not None:  # of the claim as a whole
        powers.append(f"all: {o.power:.2f} at least")
    if len(chances) > 1 and o.seeds_needed is not None:
        needed.append(f"all: {_span(o.seeds_needed)}")
    detectable = "-"
    if o.detectable_in_sd is not None:
        detectable = _detectable(o.detectable_in_sd, o.assertions)
    return (
        clip(o.claim.sentence, CELL),
        str(len(o.seeds)),
        f"{clip(o.claim.family, CELL)} ({o.family_size})",
        detectable,
        "\n".join(map(_verdict_chances, chances)),
        "\n".join(powers),
        "\n".join(needed),
        _design(o),
    )


def _design(o: ClaimOutlook) -> str:
    if o.problem:
        return f"{o.problem.verdict}: {o.problem.code.replace('_', ' ')}"
    if not o.can_support and not o.claim.counts:
        return "ok, but no data could support it"
    if o.has_weak_part:
        return "ok, but power is below 0.5"
    return "ok, but few seeds for its test" if o.has_few_seeds else "ok"


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]], **more: Any) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", **more)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _print_open(result: PlanReport, workers: int, console: Console) -> None:
    from faeval.reports.words._escape import CELL, clip

    if not result.open:
        return
    rows = []
    for r in result.open:
        seeds = "unknown" if r.seeds is None else f"about {r.seeds}"
        cost = "unknown" if r.seconds is None else f"about {duration(r.seconds / workers)}"
        runs = "-" if r.runs is None else str(r.runs)
        rows.append((clip(r.verdict.sentence, CELL), seeds, runs, cost))
    title = "Open at their plan: what a new registration on fresh seeds would need"
    console.print(_table(title, ("claim", "fresh seeds", "runs", "time"), rows))


def _detectable(in_sd: float, assertions: Iterable[AssertionOutlook]) -> str:
    units = [
        f"a factor of {10 ** (in_sd * a.pilot.sd):.3g}"
        if a.is_factor
        else f"{in_sd * a.pilot.sd:.3g}"
        for a in assertions
        if a.pilot is not None
    ]
    return f"{in_sd:.2f} s.d." + ("" if not units else " = " + ", ".join(units))


def _verdict_chances(chances: Any) -> str:
    if chances is None:
        return "-"
    effects = {"none" if name == "zero" else name: c for name, c in chances.at.items()}
    return "\n".join(f"{name}: {c.supported:.2f}, {c.refuted:.2f}" for name, c in effects.items())


def _span(needed: tuple[int | None, int | None]) -> str:
    return " to ".join("too many" if n is None else str(n) for n in needed)
