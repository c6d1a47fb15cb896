"""faeval audit: one checkpoint; faeval check-metric: a metric of one's own."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from faeval.cli._common import command, console_for, say_json, say_lines


@command("audit")
def audit(
    options: dict[str, Any],
    checkpoint: Annotated[
        Path, typer.Argument(help="An epoch-NNNN.safetensors of a run in the store.")
    ],
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Also nudging, fresh feedback, and the published recipe in float32."
        ),
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
) -> None:
    """Audit one checkpoint, layer by layer, with controls measured on that very checkpoint."""
    from faeval.experiment import RunOptions

    # By its path: torch is loaded by this command alone.
    stage = importlib.import_module("faeval.bench.settings").audit_checkpoint
    result = stage(checkpoint, RunOptions(options["device"], threads, options["data"]), full=full)
    if options["json"]:
        rows = [
            {**r, "value": r["value"] if r["value"] == r["value"] else None} for r in result["rows"]
        ]
        say_json({"schema": "faeval-audit-1", "exit_code": 0, **result, "rows": rows})
        return
    _print_audit(result)


def _print_audit(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    rows = found["rows"]
    layers = sorted({r["layer"] for r in rows if r["layer"] is not None})
    title = f"{found['arm']} in {found['setting']}, seed {found['seed']}, epoch {found['epoch']}"
    table = Table(title=Text(title), title_justify="left")
    table.add_column("metric", overflow="fold")
    for layer in layers:
        table.add_column(
            f"h_{layer}" + (" (exact)" if layer in found["exact"] else ""), justify="right"
        )
    cells = {(r["metric"], r["layer"]): r for r in rows}
    for metric in dict.fromkeys(r["metric"] for r in rows if r["layer"] is not None):
        table.add_row(metric, *(_audited(cells[metric, layer]) for layer in layers))
    console = console_for()
    console.print(table)
    for row in rows:
        if row["layer"] is None:
            console.print(f"{row['metric']}: {_audited(row)}")
    console.print(
        "* below the floor: there the positive control of the float64 instrument reads under 0.99."
        " -: undefined. exact: the credit is the true gradient by construction.",
        style="dim",
        markup=False,
    )


def _audited(row: dict[str, Any]) -> str:
    if row["status"] == "undefined":
        return "-"
    return f"{row['value']:.4g}" + ("*" if row["status"] == "below_floor" else "")


@command("check-metric")
def check_metric(
    options: dict[str, Any],
    metric: Annotated[str, typer.Argument(help="Where the metric is: module:function.")],
    kind: Annotated[
        str, typer.Option(help="alignment, correlation, norm, or loss_change.")
    ] = "alignment",
    tolerance: Annotated[
        float | None,
        typer.Option(help="The error that you accept beyond rounding, such as 1e-6; at most 0.1."),
    ] = None,
) -> None:
    """Property-test a metric of one's own; exit 1 where a property fails."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m does: the module is one's own
    testing = importlib.import_module("faeval.testing")
    conformance = testing.check_metric(metric, kind=kind, tolerance=tolerance)
    code = 0 if conformance.passed else 1
    if options["json"]:
        say_json(
            {
                "schema": "faeval-conformance-1",
                "exit_code": code,
                "subject": conformance.subject,
                "passed": conformance.passed,
                "tolerance": conformance.tolerance,
                "checked": conformance.checked,
                "failures": [asdict(failure) for failure in conformance.failures],
                "notes": dict(conformance.notes),
                "skipped": dict(conformance.skipped),
            }
        )
    else:
        say_lines(str(conformance))
    raise typer.Exit(code)
