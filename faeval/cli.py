"""The command line. Results on stdout, everything else on stderr; exit codes as ARCHITECTURE.md lists them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from faeval.campaign import Event
    from faeval.pipeline import PlanReport

NOTHING_SELECTED, INTERNAL, INTERRUPTED, USAGE = 5, 3, 130, 2

app = typer.Typer(
    help="Verify research claims: train what they need over seeds, audit it, and decide each by a rule with known error rates.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Paths = Annotated[list[Path] | None, typer.Argument(help="Claims files or folders.", show_default="claims/")]
Setting = Annotated[
    str | None, typer.Option(help="teacher, digits, cifar10, or an experiment of your own.", show_default="teacher")
]
Seeds = Annotated[
    str | None,
    typer.Option(
        help="N: the first N seeds of each plan; or a list such as 42,123,456.", show_default="each claim's plan"
    ),
]
Data = Annotated[Path | None, typer.Option(help="Folder of the data set.", envvar="FAEVAL_DATA")]
Store = Annotated[Path, typer.Option(help="Where runs are kept and found again.")]
Everything = Annotated[bool, typer.Option("--all", help="Also claims tagged 'extended'.")]
Device = Annotated[str, typer.Option(help="cpu, or cuda, where all seeds of an arm train in one run.")]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from faeval import __version__

        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


@app.command()
def verify(
    paths: Paths = None,
    setting: Setting = None,
    seeds: Seeds = None,
    data: Data = None,
    store: Store = Path(".faeval"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes.", show_default="one for each CPU, two for cuda")
    ] = None,
    device: Device = "cpu",
    evidence: Annotated[
        Path | None, typer.Option(help="Decide from this CSV, Parquet file or report folder alone; trains nothing.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Train nothing: decide from what is there.")] = False,
    everything: Everything = False,
    report: Annotated[
        Path | None, typer.Option(help="Write page, Markdown, JSON and evidence into this folder.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 10 where a decision was expected and is open.")
    ] = False,
    format: Annotated[str, typer.Option(help="table or json, on stdout.")] = "table",  # noqa: A002 - the option's name
) -> None:
    """Verify claims: plan, train, audit, decide, report."""
    from faeval import pipeline
    from faeval.errors import FaevalError

    _check_format(format)
    if evidence is not None and not evidence.exists():
        raise FaevalError(
            f"--evidence {evidence}: no such file or folder; name a CSV, a Parquet file or a report folder."
        )
    if report is not None:
        _check_folder(report)
    progress = _Progress()
    try:
        result = pipeline.verify(
            paths or [Path("claims")],
            setting=setting,
            seeds=_seeds(seeds),
            store=store,
            workers=workers,
            data=data,
            device=device,
            from_evidence=evidence,
            offline=offline,
            everything=everything,
            progress=progress,
        )
    finally:
        progress.close()
    if not result.verdicts:
        typer.echo("faeval: no claim was selected; name claims files, or add --all for extended ones.", err=True)
        raise typer.Exit(NOTHING_SELECTED)
    if report is not None:
        for path in pipeline.publish(result, report):
            typer.echo(f"wrote {path}", err=True)
    if format == "json":
        typer.echo(result.to_json(strict), nl=False)
    else:
        console = _console()
        console.print(result.table(console.width))
    raise typer.Exit(result.exit_code(strict))


@app.command()
def plan(
    paths: Paths = None,
    setting: Setting = None,
    seeds: Seeds = None,
    data: Data = None,
    store: Store = Path(".faeval"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes.", show_default="one for each CPU")
    ] = None,
    device: Device = "cpu",
    everything: Everything = False,
) -> None:
    """Check designs, say what each claim can tell, and what it costs. Runs nothing."""
    import os

    from faeval import pipeline

    result = pipeline.outlook(
        paths or [Path("claims")],
        setting=setting,
        seeds=_seeds(seeds),
        store=store,
        data=data,
        device=device,
        everything=everything,
    )
    if not result.outlooks:
        typer.echo("faeval: no claim was selected; name claims files, or add --all for extended ones.", err=True)
        raise typer.Exit(NOTHING_SELECTED)
    _print_plan(result, workers or os.cpu_count() or 1)


@app.command()
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


@app.command()
def calibrate(
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Measure a share on another seed and compare, in half a minute; writes nothing."),
    ] = False,
    report: Annotated[
        Path,
        typer.Option(help="Where tables, page and plots go; in a clone's own folder the package's figures follow."),
    ] = Path("reports/calibration"),
    seed: Annotated[int | None, typer.Option(min=0, help="Of the draws.", show_default="0, with --quick 1")] = None,
    reps: Annotated[int, typer.Option(min=1000, help="Replications of a plain figure.")] = 20_000,
    format: Annotated[str, typer.Option(help="table or json, on stdout.")] = "table",  # noqa: A002 - the option's name
) -> None:
    """Measure how often the deciding rules err, on laws where their assumptions hold and where they fail."""
    import json

    from faeval import calibration

    _check_format(format)
    if not quick:
        _check_folder(report)
    before = calibration.shipped()  # read first: in a clone, a full run writes what is shipped anew
    cells = calibration.calibrate(
        reps,
        (1 if quick else 0) if seed is None else seed,
        quick=quick,
        progress=lambda name: typer.echo(f"measuring {name}", err=True),
    )
    if not quick:
        for path in calibration.publish(cells, report):
            typer.echo(f"wrote {path}", err=True)
    found = calibration.drifts(cells, before)
    if format == "json":
        content = {
            "schema": "faeval-calibration-1",
            "figures": len(cells),
            "drifts": [{"figure": list(d.cell.key), "rate": d.cell.rate, "expected": d.expected} for d in found],
        }
        typer.echo(json.dumps(content, indent=1))
    else:
        for drift in found:
            typer.echo(str(drift))
        typer.echo(f"{len(cells)} figures measured, {len(found)} off by more than 4 Monte-Carlo standard errors.")
    raise typer.Exit(1 if found else 0)


@app.command()
def audit(
    checkpoint: Annotated[Path, typer.Argument(help="An epoch-NNNN.safetensors of a run in the store.")],
    data: Data = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    full: Annotated[
        bool, typer.Option("--full", help="Also nudging, fresh feedback, and the published recipe in float32.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
    format: Annotated[str, typer.Option(help="table or json, on stdout.")] = "table",  # noqa: A002 - the option's name
) -> None:
    """Audit one checkpoint, layer by layer, with controls measured on that very checkpoint."""
    import importlib
    import json

    from faeval.experiment import RunOptions

    _check_format(format)
    # By its path: torch is loaded by this command alone.
    stage = importlib.import_module("faeval.settings").audit_checkpoint
    found = stage(checkpoint, RunOptions(device, threads, data), full=full)
    if format == "json":
        rows = [{**r, "value": r["value"] if r["value"] == r["value"] else None} for r in found["rows"]]
        typer.echo(json.dumps({"schema": "faeval-audit-1", **found, "rows": rows}, indent=1))
        return
    _print_audit(found)


def _print_audit(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    rows = found["rows"]
    layers = sorted({r["layer"] for r in rows if r["layer"] is not None})
    title = f"{found['arm']} in {found['setting']}, seed {found['seed']}, epoch {found['epoch']}"
    table = Table(title=Text(title), title_justify="left")
    table.add_column("metric", overflow="fold")
    for layer in layers:
        table.add_column(f"h_{layer}" + (" (exact)" if layer in found["exact"] else ""), justify="right")
    cells = {(r["metric"], r["layer"]): r for r in rows}
    for metric in dict.fromkeys(r["metric"] for r in rows if r["layer"] is not None):
        table.add_row(metric, *(_audited(cells[metric, layer]) for layer in layers))
    console = _console()
    console.print(table)
    for row in rows:
        if row["layer"] is None:
            console.print(f"{row['metric']}: {_audited(row)}")
    console.print(
        "* below the floor: there the positive control of the float64 instrument reads under 0.99. -: undefined. "
        "exact: the credit is the true gradient by construction.",
        style="dim",
        markup=False,
    )


def _audited(row: dict[str, Any]) -> str:
    if row["status"] == "undefined":
        return "-"
    return f"{row['value']:.4g}" + ("*" if row["status"] == "below_floor" else "")


@app.command("check-metric")
def check_metric(
    metric: Annotated[str, typer.Argument(help="Where the metric is: module:function.")],
    kind: Annotated[str, typer.Option(help="alignment, correlation, norm, or loss_change.")] = "alignment",
    format: Annotated[str, typer.Option(help="table or json, on stdout.")] = "table",  # noqa: A002 - the option's name
) -> None:
    """Property-test a metric of one's own; exit 1 where a property fails."""
    import importlib
    import json
    import os

    _check_format(format)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m does: the module is one's own
    testing = importlib.import_module("faeval.testing")
    conformance = testing.check_metric(metric, kind=kind)
    if format == "json":
        failures = [{"property": f.property, "explanation": f.explanation} for f in conformance.failures]
        content = {"schema": "faeval-conformance-1", "subject": conformance.subject, "passed": conformance.passed}
        skipped = dict(conformance.skipped)
        typer.echo(
            json.dumps({**content, "checked": conformance.checked, "failures": failures, "skipped": skipped}, indent=1)
        )
    else:
        typer.echo(str(conformance))
    raise typer.Exit(0 if conformance.passed else 1)


def _seeds(text: str | None) -> int | tuple[int, ...] | None:
    """Read ``--seeds``: a count, or a list with commas ("7," is the one seed 7)."""
    from faeval.claims import seed_list
    from faeval.errors import FaevalError

    if text is None:
        return None
    try:
        if "," not in text:
            count = int(text)
            seed_list(count, "--seeds")
            return count
        return seed_list([int(part) for part in text.split(",") if part.strip()], "--seeds")
    except ValueError:
        raise FaevalError(f"--seeds {text!r} must be a count such as 3, or a list such as 42,123,456.") from None


def _check_format(format: str) -> None:  # noqa: A002 - the option's name
    from faeval.errors import FaevalError

    if format not in ("table", "json"):
        raise FaevalError(f"--format={format!r} is not one of table, json.")


def _check_folder(folder: Path) -> None:
    """Refuse a report folder that cannot be written before hours of training, not after."""
    import tempfile

    from faeval.errors import FaevalError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FaevalError(f"--report {folder}: cannot be written ({error.strerror}); name another folder.") from None


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    # Piped output has no width of its own: wide enough that nothing is cut.
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 132, highlight=False)


class _Progress:
    """Progress on stderr: a bar with time left on a terminal, a line for each finished run elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, event: Event) -> None:
        left = "" if event.seconds_left is None else f", about {_duration(event.seconds_left)} left"
        text = f"{event.done}/{event.total} runs{left}"
        if event.kind == "failed":
            self._say(f"failed: {event.job}: {event.message}")
        if not sys.stderr.isatty():
            if event.kind == "finished":
                typer.echo(f"{text}: {event.job}", err=True)
            return
        if self._bar is None:
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bar = Progress(*columns, console=_console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=event.total)
        self._bar.update(self._task, completed=event.done, description=text)

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False)
        else:
            typer.echo(text, err=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


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
    console = _console()
    console.print(table)
    plan = result.plan
    left = plan.estimate_seconds(workers)
    cost = (
        "nothing to run"
        if not plan.todo
        else "cost unknown until one has run"
        if left is None
        else f"about {_duration(left)}"
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


def main() -> None:
    """Run the command line; every error is one clear line, and the exit code says which kind."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        code = app(args=arguments, standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if debug:
            raise
        code = _explain(error)
    if code == INTERRUPTED:  # typer turns most interrupts into this code itself, without a word
        typer.echo("faeval: interrupted; finished runs are kept, the same command goes on from there.", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    from faeval.errors import FaevalError

    if isinstance(error, FaevalError):
        typer.echo(f"faeval: {error}", err=True)
        return error.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    # Which package click's exceptions come from depends on the version of typer; they know how to show themselves.
    show, exit_code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if callable(show) and isinstance(exit_code, int):
        show()
        return exit_code
    typer.echo(f"faeval: internal error: {type(error).__name__}: {error} (--debug shows where)", err=True)
    return INTERNAL
