"""``faeval report``: what a report folder holds, rendered again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from faeval._arguments import choice
from faeval.cli._common import check_folder, command, console_for, say, say_json
from faeval.errors import FaevalError

if TYPE_CHECKING:
    from faeval.pipeline import Check
    from faeval.reports import Report
    from faeval.reports.checking import CheckedFile

_MOST_SHOWN = 20  # findings of a file
#: What was looked at in a file, by its form; in all others, numbers of a report.
_COUNTED = {
    "evidence": "not what the report rests on",
    "other version": "written by another version of faeval, and not compared",
    "figure": "compared with what the evidence draws",
    "overview": "{} numbers, compared as text with those of its reports",
    "document": "{} quoted figures and verdicts",
}
_SUMMARY = 1 << 20  # bytes: a larger summary of a step GitHub does not show at all


@command("report")
def report(
    options: dict[str, Any],
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Report folders, or folders that hold some; with --check also Markdown.",
            show_default="required",
        ),
    ] = None,
    write: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMS",
            help=(
                "What to write, with commas: html, markdown, json, junit, ctrf, latex, badge, all."
            ),
            show_default="html,markdown,json",
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
            help=(
                "Write every figure for a paper, too, as SVG and PDF, into figures/ there (needs"
                " the extra plots); with --overview that of the overview."
            ),
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
            help=(
                "An earlier report, or folders that hold some: say what moved since, and exit 1"
                " where a verdict moved on identical evidence. Writes with --out or --overview"
                " alone."
            )
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
        typer.Option(
            "--schema",
            help=(
                "Print the JSON Schema of verdicts.json, with --against that of what --json prints"
                " there; needs no folder."
            ),
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Recompute every number of what was written, and of Markdown that quotes it.",
        ),
    ] = False,
) -> None:
    """Decide again from the evidence in report folders, without training, and render."""
    from faeval import pipeline
    from faeval.reports import json_schema

    if schema:
        say_json(json_schema("drift" if against else "report"))
        return
    forms = _forms(write or [], summary)
    job = _summary_file() if summary else None
    if not folders:
        raise FaevalError(
            "FOLDERS: none was named; give the folders that faeval verify --report wrote."
        )
    earlier = against or []
    if check:
        _refuse_beside_check(out=out, figures=figures, summary=summary, overview=overview)
        outcome = pipeline.check(folders, options["claims"], forms if write else None, earlier)
        _print_check(outcome, options["json"], folders)
    if options["json"] and not earlier:
        raise FaevalError(
            "--json says how --check and --against are printed; give one of them, or leave it away."
        )
    places = _places(folders, out, overview)
    results = _results(places, options["claims"], earlier)
    paths = _render(results, places, out, forms, figures, bool(earlier), overview is not None)
    if overview is not None:
        paths += _write_overview(results, [out] if out else places, overview, figures)
    for path in paths:
        say(f"wrote {path}", err=True)
    if job is not None:
        _append(results, job)
    _print_drifts(results, options["json"])


def _render(
    results: list[Report],
    places: list[Path],
    out: Path | None,
    forms: Sequence[str],
    figures: bool,
    against: bool,
    overview: bool,
) -> list[Path]:
    """Write forms and figures of reports, each into its own folder or into ``out``."""
    from faeval import pipeline

    if out is None and (against or overview):  # only --out says to write beside these
        forms, figures = (), figures and not overview
    if not forms and not figures:
        return []
    paths: list[Path] = []
    for folder, result in zip(places, results, strict=True):
        own = out is None
        paths += pipeline.render(result, out or folder, forms, figures=figures, own=own)
    return paths


def _forms(texts: list[str], summary: bool) -> tuple[str, ...]:
    """Return what to write: what is named, else the usual forms, beside --summary none."""
    from faeval.reports import FORMS, WRITTEN

    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        choice("--write", name, (*FORMS, "all"))
    if not names:
        return () if summary else WRITTEN
    return tuple(FORMS) if "all" in names else tuple(names)


def _places(folders: list[Path], out: Path | None, overview: Path | None) -> list[Path]:
    """Return the report folders in what is named; what cannot be written to is refused at once."""
    from faeval import pipeline

    places = pipeline.report_folders(folders)
    if out is not None and len(places) > 1:
        raise FaevalError(
            f"--out {out}: {len(places)} report folders were named; name one, or leave --out away."
        )
    for folder, option in ((out, "--out"), (overview, "--overview")):
        if folder is not None:
            check_folder(folder, option)
    return places


def _results(places: list[Path], claims: Sequence[Path], against: list[Path]) -> list[Report]:
    """Return the reports of folders, decided again, and compared with earlier ones if any."""
    from faeval import pipeline

    earlier = pipeline.earlier_reports(against)
    results = []
    for folder in places:
        result = pipeline.decide_again(folder, claims)
        if earlier:
            result = pipeline.against(result, folder, earlier)
        else:
            pipeline.check_unmoved(folder, result)
        results.append(result)
    return results


def _write_overview(
    results: list[Report], places: list[Path], folder: Path, figures: bool
) -> list[Path]:
    from faeval.reports import Overview

    page = Overview.of(results, places, folder)
    return [*page.write(folder), *(page.write_figures(folder / "figures") if figures else ())]


def _refuse_beside_check(**options: object) -> None:
    """Refuse what writes, beside --check, which writes nothing."""
    for name, value in options.items():
        if value:
            raise FaevalError(f"--{name}: --check writes nothing; leave one of the two away.")


def _print_drifts(results: Iterable[Report], as_json: bool) -> None:
    """Print what moved since earlier reports, if there were any, and end with its exit code."""
    from faeval.reports import drifts_json

    drifts = [result.drift for result in results if result.drift is not None]
    if not drifts:
        return
    if as_json:
        say_json(drifts_json(drifts))
    else:
        console = console_for()
        for drift in drifts:
            console.print(drift.table(console.width))
    raise typer.Exit(max(drift.exit_code for drift in drifts))


def _summary_file() -> Path:
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        raise FaevalError(
            "--summary: $GITHUB_STEP_SUMMARY is not set, as it is in a job of GitHub Actions;"
            " elsewhere use --write markdown."
        )
    return Path(name)


def _append(results: Iterable[Report], file: Path) -> None:
    """Append reports to a job's summary, with what else it holds in less than GitHub shows."""
    for result in results:
        try:
            size = file.stat().st_size if file.exists() else 0
            text = result.to_markdown(max(0, _SUMMARY - size - 1), folded=True)
            with file.open("a", encoding="utf-8", newline="\n") as summary:
                summary.write(("\n" if size else "") + text)
        except FaevalError:
            raise FaevalError(
                f"--summary: {file} holds {size} bytes already, of the {_SUMMARY} that GitHub"
                " shows."
            ) from None
        except OSError as error:
            raise FaevalError(
                f"--summary: {file} cannot be written to ({error.strerror or error})."
            ) from None
        say(f"appended to {file}", err=True)


def _print_check(done: Check, as_json: bool, named: list[Path]) -> NoReturn:
    if as_json:
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
            say(f"  and {len(file.findings) - _MOST_SHOWN} more; --json has them all")
    if done.absent:
        say(f"not there, and not checked: {', '.join(done.absent)}")
    raise typer.Exit(done.exit_code)


def _counted(file: CheckedFile) -> str:
    if file.form in _COUNTED:
        return _COUNTED[file.form].format(file.numbers)
    if not file.recomputed:
        return f"{file.numbers} numbers, compared as text with a fresh rendering"
    return (
        f"{file.numbers} numbers, {file.recomputed} recomputed from the evidence, the others"
        " compared as text"
    )
