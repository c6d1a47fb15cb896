"""faeval calibrate: how often the rules err."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faeval._extras import require
from faeval.cli._common import Format, check_folder, check_format, say, say_json


def calibrate(
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Measure a share on another seed and compare, in half a minute; writes nothing.",
        ),
    ] = False,
    report: Annotated[
        Path,
        typer.Option(
            help=(
                "Where tables, page and plots go; in a clone's own folder the package's figures"
                " follow."
            )
        ),
    ] = Path("reports/calibration"),
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the draws.", show_default="0, with --quick 1")
    ] = None,
    reps: Annotated[int, typer.Option(min=1000, help="Replications of a plain figure.")] = 20_000,
    format: Format = "table",  # noqa: A002 - the option's name
) -> None:
    """Measure how often the deciding rules err, on laws where their assumptions hold and where they
    fail.
    """
    from faeval import calibration

    check_format(format)
    if not quick:
        check_folder(report)
        require("plots", "faeval calibrate without --quick")  # said before it measures for minutes
    before = calibration.shipped()  # read first: in a clone, a full run writes what is shipped anew
    cells = calibration.calibrate(
        reps,
        (1 if quick else 0) if seed is None else seed,
        quick=quick,
        progress=lambda name: say(f"measuring {name}", err=True),
    )
    if not quick:
        for path in calibration.publish(cells, report):
            say(f"wrote {path}", err=True)
    found = calibration.drifts(cells, before)
    if format == "json":
        content = {
            "schema": "faeval-calibration-1",
            "exit_code": 1 if found else 0,
            "figures": len(cells),
            "drifts": [
                {"figure": list(d.cell.key), "rate": d.cell.rate, "expected": d.expected}
                for d in found
            ],
        }
        say_json(content)
    else:
        for drift in found:
            say(str(drift))
        say(
            f"{len(cells)} figures measured, {len(found)} off by more than 4 Monte-Carlo standard"
            " errors."
        )
    raise typer.Exit(1 if found else 0)
