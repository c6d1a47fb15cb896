"""faeval plan: what claims can tell and what they cost, before a run; faeval lock: their registration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval.cli._common import (
    NOTHING_SELECTED,
    Data,
    Device,
    Everything,
    Paths,
    Seeds,
    Setting,
    Store,
    Workers,
    console_for,
    duration,
    seeds_of,
)

if TYPE_CHECKING:
    from faeval.pipeline import PlanReport


def plan(
    paths: Paths = None,
    setting: Setting = None,
    seeds: Seeds = None,
    data: Data = None,
    store: Store = Path(".faeval"),
    workers: Workers = None,
    device: Device = "cpu",
    everything: Everything = False,
) -> None:
    """Check designs, say what each claim can tell, and what it costs. Runs nothing."""
    import os

    from faeval import pipeline

    result = pipeline.outlook(
        paths or [Path("claims")],
        setting=setting,
        seeds=seeds_of(seeds),
        store=store,
        data=data,
        device=device,
        everything=everything,
    )
    if not result.outlooks:
        typer.echo("faeval: no claim was selected; name claims files, or add --all for extended ones.", err=True)
        raise typer.Exit(NOTHING_SELECTED)
    _print_plan(result, workers or os.cpu_count() or 1)


def lock(
    paths: Paths = None,
    pilot: Annotated[
        list[Path] | None, typer.Option(help="Evidence on pilot seeds 1000-1005; may be given several times.")
    ] = None,
) -> None:
    """Register claims: write claims.lock beside them, before the first confirmatory run."""
    from faeval import pipeline

    made, file = pipeline.register(paths or [Path("claims")], pilot or [])
    typer.echo(f"registered {len(made.claims)} claims in {file.name}, sha256 {made.sha256[:12]}", err=True)
    typer.echo("commit it before the first confirmatory run.", err=True)


def _print_plan(result: PlanReport, workers: int) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"What these claims can tell in {result.setting}", title_justify="left", show_lines=True)
    columns = ("claim", "n", "family", "detectable", "supported or refuted", "power", "seeds for 80 %", "design")
    for column in columns:
        table.add_column(column, overflow="fold")
    for o in result.outlooks:
        powers = [f"{a.chances.power:.2f}" if a.chances else "-" for a in o.assertions]
        needed = [_span(a.chances.needed) if a.chances else "-" for a in o.assertions]
        verdicts = [_verdict_chances(a.chances) for a in o.assertions]
        detectable = (
            "-" if o.detectable_in_sd is None else _detectable(o.detectable_in_sd, [a.pilot for a in o.assertions])
        )
        weak = any(a.chances is not None and a.chances.power < 0.5 for a in o.assertions)
        state = (
            f"{o.problem.verdict}: {o.problem.code}" if o.problem else "ok, but power is below 0.5" if weak else "ok"
        )
        cells = (o.claim.sentence, str(len(o.seeds)), f"{o.claim.family} ({o.family_size})", detectable)
        table.add_row(*map(Text, (*cells, "\n".join(verdicts), "\n".join(powers), "\n".join(needed), state)))
    console = console_for()
    console.print(table)
    plan = result.plan
    left = plan.estimate_seconds(workers)
    cost = (
        "nothing to run"
        if not plan.todo
        else "cost unknown until one has run"
        if left is None
        else f"about {duration(left)}"
    )
    console.print(f"{len(plan.jobs)} runs, {len(plan.cached)} of them there already; {cost} with {workers} workers.")
    console.print(
        "detectable: effect beyond the margin found with 80 % power, in s.d. of the differences, then in the metric's unit at "
        "the pilot's s.d.; supported or refuted: the chance of each verdict if the true effect is none, the margin, or the one "
        "anticipated, at the pilot's s.d.; power: of the verdict that the anticipated effect leads to; seeds for 80 %: at the "
        "pilot's s.d. and at its 80 % upper bound.",
        style="dim",
    )
    for o in result.outlooks:
        if o.problem:
            console.print(Text(f"{o.claim.name}: {o.problem.text}"))


def _detectable(in_sd: float, pilots: list[Any]) -> str:
    units = [f"{in_sd * p.sd:.3g}" for p in pilots if p is not None]
    return f"{in_sd:.2f} s.d." + ("" if not units else " = " + ", ".join(units))


def _verdict_chances(chances: Any) -> str:
    if chances is None:
        return "-"
    named = {"none" if name == "zero" else name: c for name, c in chances.at.items()}
    return "\n".join(f"{name}: {c.supported:.2f}, {c.refuted:.2f}" for name, c in named.items())


def _span(needed: tuple[int | None, int | None]) -> str:
    return " to ".join("too many" if n is None else str(n) for n in needed)
