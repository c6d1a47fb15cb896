"""faeval verify: plan, train, audit, decide, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval.cli._common import (
    NOTHING_SELECTED,
    Data,
    Device,
    Everything,
    Format,
    Paths,
    Seeds,
    Setting,
    Store,
    Workers,
    check_folder,
    check_format,
    console_for,
    duration,
    seeds_of,
)

if TYPE_CHECKING:
    from faeval.campaign import Event


def verify(
    paths: Paths = None,
    setting: Setting = None,
    seeds: Seeds = None,
    data: Data = None,
    store: Store = Path(".faeval"),
    workers: Workers = None,
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
        bool, typer.Option("--strict/--no-strict", help="Exit 10 where a decision was expected and is open.")
    ] = False,
    format: Format = "table",  # noqa: A002 - the option's name
) -> None:
    """Verify claims: plan, train, audit, decide, report."""
    from faeval import pipeline
    from faeval.errors import FaevalError

    check_format(format)
    if evidence is not None and not evidence.exists():
        raise FaevalError(
            f"--evidence {evidence}: no such file or folder; name a CSV, a Parquet file or a report folder."
        )
    if report is not None:
        check_folder(report)
    progress = _Progress()
    try:
        result = pipeline.verify(
            paths or [Path("claims")],
            setting=setting,
            seeds=seeds_of(seeds),
            store=store,
            workers=workers,
            data=data,
            device=device,
            from_evidence=evidence,
            offline=offline,
            everything=everything,
            progress=progress,
            notice=lambda text: typer.echo(text, err=True),
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
        console = console_for()
        console.print(result.table(console.width))
    raise typer.Exit(result.exit_code(strict))


class _Progress:
    """Progress on stderr: a bar with time left on a terminal, a line for each finished run elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, event: Event) -> None:
        left = "" if event.seconds_left is None else f", about {duration(event.seconds_left)} left"
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
            self._bar = Progress(*columns, console=console_for(stderr=True), transient=True)
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
