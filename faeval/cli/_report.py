"""``faeval report``: what a report folder holds, rendered again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from faeval.cli._common import (
    MOST_ROWS,
    Format,
    MaxRows,
    check_folder,
    check_format,
    console_for,
    say,
    say_json,
)

if TYPE_CHECKING:
    from faeval.pipeline import Check
    from faeval.reports import Drift, Report
    from faeval.reports.checking import CheckedFile

_MOST_SHOWN = 20  # findings of a file
_SUMMARY = 1 << 20  # bytes: a larger summary of a step GitHub does not show at all


def report(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Report folders, or folders that hold some; with --check also Markdown.",
            show_default="required",
        ),
    ] = None,
    claims: Annotated[
        list[Path] | None,
        typer.Option(help="Where the claims are; several times.", show_default="claims/"),
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--form",
            help="What to write, or all; several times.",
            show_default="html, markdown, json",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write here in place of the folder itself; for one report folder."),
    ] = None,
    figures: Annotated[
        bool,
        typer.Option(
            "--figures",
            help="Write every figure for a paper, too, as SVG and PDF, into figures/ there; with --overview that of the overview.",
        ),
    ] = False,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Append Markdown to the file that $GITHUB_STEP_SUMMARY names."
        ),
    ] = False,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="An earlier report, or folders that hold some: say what moved since, and exit 1 where a verdict moved on "
            "identical evidence. Writes with --out or --overview alone."
        ),
    ] = None,
    overview: Annotated[
        Path | None,
        typer.Option(
            help="Write one page of all settings, index.html and index.md, into this folder alone."
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of verdicts.json; needs no folder."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Recompute every number of what was written, and of Markdown that quotes it.",
        ),
    ] = False,
    max_rows: MaxRows = MOST_ROWS,
    format: Format = "table",  # noqa: A002 - the option's name
) -> None:
    """Decide again from the evidence in report folders, without training, and render."""
    from faeval import pipeline
    from faeval.errors import FaevalError
    from faeval.reports import FORMS, WRITTEN, Overview, json_schema

    if schema:
        say_json(json_schema())
        return
    for name in form or ():
        if name not in (*FORMS, "all"):
            raise FaevalError(f"--form={name!r} is not one of {', '.join(FORMS)}, all.")
    forms = tuple(FORMS) if "all" in (form or ()) else tuple(form or (() if summary else WRITTEN))
    job = _summary_file() if summary else None
    if not folders:
        raise FaevalError(
            "FOLDERS: none was named; give the folders that faeval verify --report wrote."
        )
    check_format(format)
    if check:
        if given := _given(out=out, figures=figures, summary=summary, overview=overview):
            raise FaevalError(f"{given}: --check writes nothing; leave one of the two away.")
        _print_check(
            pipeline.check(
                folders, claims or [Path("claims")], forms if form else None, against or ()
            ),
            format,
            folders,
        )
    if format == "json" and not against:
        raise FaevalError(
            "--format json says how --check and --against are printed; give one of them, or leave it away."
        )
    found = pipeline.report_folders(folders)
    if out is not None:
        if len(found) > 1:
            raise FaevalError(
                f"--out {out}: {len(found)} report folders were named; name one, or leave --out away."
            )
        check_folder(out, "--out")
    if overview is not None:
        check_folder(overview, "--overview")
    earlier = pipeline.earlier_reports(against or ())
    results: list[Report] = []
    for folder in found:
        result = pipeline.decide_again(folder, claims or [Path("claims")])
        if not earlier:
            pipeline.check_unmoved(folder, result)
        results.append(pipeline.against(result, folder, earlier) if earlier else result)
    written: list[Path] = []
    for folder, result in zip(found, results, strict=True):
        due = forms if out is not None or not (against or overview) else ()
        drawn = figures and (out is not None or overview is None)
        if due or drawn:
            written += pipeline.render(result, out or folder, due, figures=drawn, own=out is None)
        if job is not None:
            _append(result, job)
    if overview is not None:
        page = Overview.of(results, [out] if out is not None else found, overview)
        written += page.write(overview)
        if figures:
            written += page.write_figures(overview / "figures")
    for path in written:
        say(f"wrote {path}", err=True)
    if drifts := [result.drift for result in results if result.drift is not None]:
        _print_drifts(drifts, format)
        raise typer.Exit(max(drift.exit_code for drift in drifts))


def _given(**options: object) -> str:
    """Return the first of these options that was given, as it is written; empty where none was."""
    return next((f"--{name}" for name, value in options.items() if value), "")


def _print_drifts(drifts: list[Drift], format: str) -> None:  # noqa: A002 - the option's name
    from faeval.reports import drifts_json

    if format == "json":
        say_json(drifts_json(drifts))
        return
    console = console_for()
    for drift in drifts:
        console.print(drift.table(console.width))


def _summary_file() -> Path:
    from faeval.errors import FaevalError

    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        raise FaevalError(
            "--summary: $GITHUB_STEP_SUMMARY is not set, as it is in a job of GitHub Actions; elsewhere use --form markdown."
        )
    return Path(name)


def _append(result: Report, file: Path) -> None:
    """Append a report to a job's summary, with what else it holds in less than GitHub shows."""
    from faeval.errors import FaevalError

    try:
        held = file.stat().st_size if file.exists() else 0
        text = result.to_markdown(max(0, _SUMMARY - held - 1), folded=True)
        with file.open("a", encoding="utf-8", newline="\n") as summary:
            summary.write(("\n" if held else "") + text)
    except FaevalError:
        raise FaevalError(
            f"--summary: {file} holds {held} bytes already, of the {_SUMMARY} that GitHub shows."
        ) from None
    except OSError as error:
        raise FaevalError(
            f"--summary: {file} cannot be written to ({error.strerror or error})."
        ) from None
    say(f"appended to {file}", err=True)


def _print_check(done: Check, format: str, named: list[Path]) -> NoReturn:  # noqa: A002
    if format == "json":
        say_json(done.to_dict())
        raise typer.Exit(done.exit_code)
    for file in done.files:
        if file.form == "document" and not file.numbers and not file.findings:
            if Path(file.file) in named:
                say(f"{file.file}: quotes no figure of a report")
            continue
        say(f"{file.file}: {_counted(file)}; {len(file.findings) or 'nothing'} wrong")
        for finding in file.findings[:_MOST_SHOWN]:
            where = ", ".join(
                filter(None, (finding.claim and f"claim {finding.claim}", finding.place))
            )
            say(f"  {finding.kind}: {where + ': ' if where else ''}{finding.text}")
        if len(file.findings) > _MOST_SHOWN:
            say(f"  and {len(file.findings) - _MOST_SHOWN} more; --format json has them all")
    if done.absent:
        say(f"not there, and not checked: {', '.join(done.absent)}")
    raise typer.Exit(done.exit_code)


def _counted(file: CheckedFile) -> str:
    if file.form == "evidence":
        return "not what the report rests on"
    if file.form == "other version":
        return "written by another version of faeval, and not compared"
    if file.form == "figure":
        return "compared with what the evidence draws"
    if file.form == "overview":
        return f"{file.numbers} numbers, compared as text with those of its reports"
    if file.form == "document":
        return f"{file.numbers} quoted figures and verdicts"
    if not file.recomputed:
        return f"{file.numbers} numbers, compared as text with a fresh rendering"
    return f"{file.numbers} numbers, {file.recomputed} recomputed from the evidence, the others compared as text"
