"""``faeval report``: what a report folder holds, rendered again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faeval.cli._common import Format, check_folder, check_format, console_for

if TYPE_CHECKING:
    from faeval.reports import Drift, Report


def report(
    folders: Annotated[list[Path], typer.Argument(help="Report folders, or folders that hold some.")],
    claims: Annotated[
        list[Path] | None, typer.Option(help="Where the claims are; several times.", show_default="claims/")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--form", help="What to write; several times.", show_default="html, markdown, json"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here in place of the folder itself; for one report folder.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="An earlier report, or folders that hold some: say what moved since, and exit 1 where a verdict moved on "
            "identical evidence. Writes with --out or --overview alone."
        ),
    ] = None,
    overview: Annotated[
        Path | None,
        typer.Option(help="Write one page of all settings, index.html and index.md, into this folder alone."),
    ] = None,
    format: Format = "table",  # noqa: A002 - the option's name
) -> None:
    """Decide again from the evidence in report folders, without training, and render."""
    from faeval import pipeline
    from faeval.errors import FaevalError
    from faeval.reports import FORMS, WRITTEN, Overview

    for name in form or ():
        if name not in FORMS:
            raise FaevalError(f"--form={name!r} is not one of {', '.join(FORMS)}.")
    found = pipeline.report_folders(folders)
    if out is not None:
        if len(found) > 1:
            raise FaevalError(f"--out {out}: {len(found)} report folders were named; name one, or leave --out away.")
        check_folder(out, "--out")
    if overview is not None:
        check_folder(overview, "--overview")
    check_format(format)
    if format == "json" and not against:
        raise FaevalError("--format json says how --against is printed; give --against, or leave --format away.")
    earlier = pipeline.earlier_reports(against or ())
    results: list[Report] = []
    for folder in found:
        result = pipeline.decide_again(folder, claims or [Path("claims")])
        results.append(pipeline.against(result, folder, earlier) if earlier else result)
    for folder, result in zip(found, results, strict=True):
        if out is not None or not (against or overview):
            for path in result.write(out or folder, form or WRITTEN):
                typer.echo(f"wrote {path}", err=True)
    if overview is not None:
        pages = [out] if out is not None else found
        for path in Overview.of(results, pages, overview).write(overview):
            typer.echo(f"wrote {path}", err=True)
    if drifts := [result.drift for result in results if result.drift is not None]:
        _print(drifts, format)
        raise typer.Exit(max(drift.exit_code for drift in drifts))


def _print(drifts: list[Drift], format: str) -> None:  # noqa: A002 - the option's name
    from faeval.reports import drifts_json

    if format == "json":
        typer.echo(drifts_json(drifts), nl=False)
        return
    console = console_for()
    for drift in drifts:
        console.print(drift.table(console.width))
