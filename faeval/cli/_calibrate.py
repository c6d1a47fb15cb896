"""faeval calibrate: how often the rules err."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from faeval._extras import require
from faeval.cli._common import check_folder, command, say, say_json


@command("calibrate")
def calibrate(
    options: dict[str, Any],
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
) -> None:
    """Measure how often the deciding rules err, where their assumptions hold and fail."""
    from faeval import calibration

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
    drifts = calibration.drifts(cells, before)
    if options["json"]:
        say_json(
            {
                "schema": "faeval-calibration-1",
                "exit_code": 1 if drifts else 0,
                "figures": len(cells),
                "drifts": [
                    {"figure": list(d.cell.key), "rate": d.cell.rate, "expected": d.expected}
                    for d in drifts
                ],
            }
        )
    else:
        for drift in drifts:
            say(str(drift))
        say(
            f"{len(cells)} figures measured, {len(drifts)} off by more than 4 Monte-Carlo standard"
            " errors."
        )
    raise typer.Exit(1 if drifts else 0)
