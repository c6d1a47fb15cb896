"""``faeval report``: what a report folder holds, rendered again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faeval.cli._common import check_folder

if TYPE_CHECKING:
    from faeval.reports import Report


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
    figures: Annotated[
        bool,
        typer.Option("--figures", help="Write every figure for a paper, too, as SVG and PDF, into figures/ there."),
    ] = False,
) -> None:
    """Decide again from the evidence in report folders, without training, and render."""
    from faeval import pipeline
    from faeval.errors import FaevalError
    from faeval.reports import FORMS, WRITTEN

    for name in form or ():
        if name not in FORMS:
            raise FaevalError(f"--form={name!r} is not one of {', '.join(FORMS)}.")
    found = pipeline.report_folders(folders)
    if out is not None:
        if len(found) > 1:
            raise FaevalError(f"--out {out}: {len(found)} report folders were named; name one, or leave --out away.")
        check_folder(out)
    for folder in found:
        result: Report = pipeline.decide_again(folder, claims or [Path("claims")])
        written = result.write(out or folder, form or WRITTEN)
        if figures:
            written += result.write_figures((out or folder) / "figures")
        for path in written:
            typer.echo(f"wrote {path}", err=True)
