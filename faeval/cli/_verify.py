"""faeval verify: plan, train, audit, decide, report."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._options import arguments
from faeval._safe_text import clean, cut, inert, message
from faeval.cli._common import (
    DRIFT,
    check_folder,
    command,
    complete_published,
    console_for,
    duration,
    nothing_selected,
    say,
    say_json,
)
from faeval.errors import FaevalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faeval.campaign import ArmState, Event
    from faeval.reports import Report


@command("verify")
def verify(
    context: typer.Context,
    options: dict[str, Any],
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help=(
                'Say why a run is done again, and run nothing: "ARM seed N", or the begin of its'
                " key."
            ),
        ),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=(
                "Decide again what comes with faeval: cifar10, teacher, digits or"
                " cifar10-published-seeds; trains nothing."
            ),
            autocompletion=complete_published,
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write page, Markdown, JSON and evidence into this folder.")
    ] = None,
) -> None:
    """Verify claims: plan, train, audit, decide, report."""
    from faeval import pipeline

    if report is not None:
        check_folder(report)
    if published is not None:
        _alone(context)
        again = pipeline.published(published)
        say(f"{published}: {again}.", err=True)
        raise typer.Exit(_show(again.report, report, options) or (DRIFT if again.moved else 0))
    if explain is not None:
        keywords = arguments(options, "setting", "seeds", "store", "data", "device", "all")
        explanation = pipeline.explain(explain, options["claims"], **keywords)
        content = {"schema": "faeval-explain-1", "exit_code": 0, **asdict(explanation)}
        say(json.dumps(content, indent=1) if options["json"] else explanation)
        raise typer.Exit
    progress = _Progress()
    try:
        result = pipeline.verify(
            options["claims"],
            **arguments(options),
            progress=progress,
            notice=lambda text: say(text, err=True),
        )
    finally:
        progress.close()
    if not result.verdicts:
        raise nothing_selected()
    raise typer.Exit(_show(result, report, options))


def _alone(context: typer.Context) -> None:
    """Refuse options that say which claims, seeds or evidence, beside --published."""
    for name, option in _SAID_BY_PUBLISHED.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise FaevalError(
                f"{option} has no meaning beside --published, which decides the claims, seeds and"
                " evidence that come with faeval; leave one of the two out."
            )


_SAID_BY_PUBLISHED = {
    "claims": "PATHS",
    "setting": "--setting",
    "seeds": "--seeds",
    "evidence": "--evidence",
}


def _show(result: Report, folder: Path | None, options: Mapping[str, Any]) -> int:
    """Write a report into a folder, if one is named, print it, and return the exit code."""
    from faeval import pipeline
    from faeval.reports import attributed, caution

    if folder is not None:
        for path in pipeline.publish(result, folder):
            say(f"wrote {path}", err=True)
    if options["json"]:
        say_json(result.to_json(options["strict"]))
    else:
        console = console_for()
        console.print(result.table(console.width))
        warnings = [f"{v.claim}: {caution(w, v)}" for v in result.verdicts for w in v.warnings]
        notes = {text: v.claim for v in reversed(result.verdicts) if (text := attributed(v))}
        for text, name in notes.items():  # one for each factor, by its first claim
            console.print(cut(clean(f"note: {name}: {text}"), _LINE), style="dim", soft_wrap=True)
        for line in warnings[:_WARNINGS]:
            console.print(cut(clean(f"warning: {line}"), _LINE), style="dim", soft_wrap=True)
        if len(warnings) > _WARNINGS:
            more = len(warnings) - _WARNINGS
            console.print(f"and {more} more warnings; --json has them all", style="dim")
    return result.exit_code(options["strict"])


_ROWS = 12  # arms shown at a time
_WARNINGS, _LINE = 10, 240  # warnings of claims that are shown, and characters of each


class _Progress:
    """Progress on stderr: on a terminal a bar and each arm, elsewhere a line a run."""

    def __init__(self) -> None:
        self._live: Any = None
        self._bar: Any = None
        self._last: Event | None = None
        self._failed: dict[str, list[str]] = {}  # what runs that failed alike said

    def __call__(self, event: Event) -> None:
        if event.kind == "failed":
            cause = _cause(event)
            if cause not in self._failed:
                self._say(f"failed: {event.job}: {event.message}")
            self._failed.setdefault(cause, []).append(str(event.message))
        elif event.kind == "stopping":
            self._say(f"faeval: {event.message}")
        if not sys.stderr.isatty():
            if event.kind == "finished":
                say(f"{_summary(event)}: {event.job}", err=True)
            return
        self._last = event
        if self._live is None:
            from rich.live import Live
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            self._bar = Progress(
                SpinnerColumn(),
                BarColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
            )
            self._bar.add_task("", total=event.total)
            self._live = Live(
                get_renderable=self._picture,
                console=console_for(stderr=True),
                transient=True,
                refresh_per_second=4,
            )
            self._live.start()

    def _picture(self) -> Any:
        from rich.console import Group

        event = self._last
        assert event is not None
        self._bar.update(self._bar.task_ids[0], completed=event.done, description=_summary(event))
        return Group(self._bar, arms_table(event.arms))

    def _say(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(inert(message(text)), soft_wrap=True)
        else:
            say(text, err=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        for first, *more in self._failed.values():
            if more:
                which = f": {first}" if len(self._failed) > 1 else ""
                self._say(f"and {len(more)} more run{'s' * (len(more) > 1)} failed likewise{which}")
        self._failed.clear()


def _cause(event: Event) -> str:
    """Return why a run failed, in words that do not say which run it was."""
    text = str(event.message)
    for own in (f"seed {event.job.seed}", str(event.job.arm)):
        text = text.replace(own, "...") if own else text
    return text


def _summary(event: Event) -> str:
    rest = "" if event.seconds_left is None else f", about {duration(event.seconds_left)} left"
    return f"{event.done}/{event.total} runs{rest}"


def arms_table(arms: Mapping[str, ArmState]) -> Any:
    """Return a line for each arm with its runs by state, those at work first."""
    from rich.table import Table
    from rich.text import Text

    from faeval.reports.words._escape import CELL, clip

    def rank(state: ArmState) -> int:
        return 0 if state.running else 1 if state.failed else 2 if state.waiting else 3

    table = Table.grid(padding=(0, 2))
    ordered = sorted(
        arms.items(), key=lambda item: rank(item[1])
    )  # sorted keeps the plan's order within a rank
    for label, state in ordered[:_ROWS]:
        parts = {"running": state.running, "failed": state.failed, "waiting": state.waiting}
        text = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
        table.add_row(Text(clip(label, CELL)), f"{state.done}/{state.total} done", text)
    if rest := [state for _, state in ordered[_ROWS:]]:
        complete = sum(state.done == state.total for state in rest)
        table.add_row(Text(f"and {len(rest)} more arms"), f"{complete} of them done", "")
    return table
