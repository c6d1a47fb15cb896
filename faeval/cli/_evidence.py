"""faeval evidence: check, merge, export and import what runs left behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._options import arguments
from faeval.cli._common import command, say, say_json
from faeval.errors import FaevalError

if TYPE_CHECKING:
    import pandas as pd

    from faeval.evidence import Checked

_TABLES = (".csv", ".parquet", ".pq")

app = typer.Typer(
    no_args_is_help=True, help="Check, merge, export and import evidence.", rich_markup_mode=None
)

Out = Annotated[Path, typer.Argument(help="The file to write; its name ends in .csv or .parquet.")]


@app.command()
@command("evidence check")
def check(
    options: dict[str, Any],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Stores, CSV or Parquet files, or report folders.", show_default=".faeval"
        ),
    ] = None,
) -> None:
    """Read all evidence, and name all that is wrong with it.

    Exit 12 where something was altered, 2 where it cannot be used.

    What a report says of its evidence is checked by faeval report --check.
    """
    from faeval import evidence, pipeline

    results = [
        pipeline.with_provenance(evidence.check(source), source)
        for source in sources or [Path(".faeval")]
    ]
    code = max(one.exit_code for one in results)
    if options["json"]:
        _print_json("check", {"sources": [one.to_dict() for one in results]}, code)
    else:
        for one in results:
            _print_checked(one)
    raise typer.Exit(code)


def _print_checked(one: Checked) -> None:
    # Runs that train nothing have no trainings and no checkpoints to speak of.
    numbers = {
        what: n for what, n in one.counts.items() if n or what not in ("trainings", "checkpoints")
    }
    counts = ", ".join(
        f"{number} {what if number != 1 else what.removesuffix('s')}"
        for what, number in numbers.items()
    )
    say(f"{one.source} ({one.what}): {counts}; {len(one.bad) or 'nothing'} wrong")
    for finding in one.findings:
        say(f"  {finding.kind}: {finding.name}: {finding.text}")


@app.command()
@command("evidence merge")
def merge(
    options: dict[str, Any],
    sources: Annotated[
        list[Path], typer.Argument(help="Stores; or tables, where --into is a CSV or Parquet file.")
    ],
    into: Annotated[
        Path, typer.Option(help="The store, or CSV or Parquet file, that takes them up.")
    ],
) -> None:
    """Merge stores, or tables, exactly; write nothing where two disagree about one run."""
    from faeval import evidence

    try:
        if into.suffix.lower() in _TABLES:
            table = evidence.merge_tables([*([into] if into.exists() else []), *sources])
            evidence.export(table, into)
            _print_written("merge", into, table, options)
            return
        result = evidence.merge(sources, into)
    except evidence.Conflict as conflict:
        if not options["json"]:
            raise
        say(f"faeval: {conflict}", err=True)
        _print_json(
            "merge", {"into": str(into), "conflicts": list(conflict.names)}, conflict.exit_code
        )
        raise typer.Exit(conflict.exit_code) from None
    for note in result.notes:
        say(f"faeval: {note}", err=True)
    if options["json"]:
        counts = {
            name: getattr(result, name) for name in ("copied", "checkpoints", "there", "repeated")
        }
        _print_json(
            "merge", {"into": str(into), **counts, "notes": list(result.notes), "conflicts": []}
        )
    else:
        repeated = f", {result.repeated} came again from another source" if result.repeated else ""
        copied = f"{result.copied} records and {result.checkpoints} checkpoints copied"
        say(f"{into}: {copied}, {result.there} were there{repeated}")


@app.command()
@command("evidence export")
def export(
    options: dict[str, Any],
    source: Annotated[Path, typer.Argument(help="A store, a table, or a report's folder.")],
    out: Out,
    setting: Annotated[str | None, typer.Option(help="Leave out all other settings.")] = None,
    latest: Annotated[
        bool,
        typer.Option(
            "--latest", help="Of runs that stand several times in a store, take the last."
        ),
    ] = False,
) -> None:
    """Write evidence into one file; the same rows give the same bytes."""
    from faeval import evidence

    table = evidence.export(source, out, setting, latest=latest)
    _print_written("export", out, table, options)


@app.command()
@command("evidence accept")
def accept(
    options: dict[str, Any],
    because: Annotated[
        str, typer.Option(help="Why the change of code changes no number; the records keep it.")
    ] = "",
) -> None:
    """Keep stored runs over a change of code that changes no number.

    The verdicts on them are flagged code_accepted.
    """
    from faeval import pipeline

    runs = pipeline.accept(options["claims"], because=because, **arguments(options))
    changed = list(dict.fromkeys(name for names in runs.values() for name in names))
    if options["json"]:
        _print_json("accept", {"because": because, "kept": list(runs), "changed": changed})
    else:
        count = f"{len(runs)} run{'s' * (len(runs) > 1)}"
        say(f"code changed: {', '.join(changed)}")
        say(
            f"kept {count} for the code of today; verdicts that rest on them are flagged"
            " code_accepted."
        )


@app.command("import")
@command("evidence import")
def import_(
    options: dict[str, Any],
    source: Annotated[str, typer.Argument(help="A CSV or Parquet file, or mlflow:PATH_OR_URI.")],
    out: Out,
    setting: Annotated[
        str | None,
        typer.Option(help="The experiment's name in evidence.", show_default="MLflow's experiment"),
    ] = None,
    arm: Annotated[
        str | None,
        typer.Option(
            help="Factors of the arm: columns or parameters, with commas; FACTOR=COLUMN renames."
        ),
    ] = None,
    seed: Annotated[str, typer.Option(help="Column or parameter of the seed.")] = "seed",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="A column that is a metric, or NAME=COLUMN; again for each. Without: a long table."
        ),
    ] = None,
    metric_column: Annotated[
        str, typer.Option(help="Long table: column of the metric's name.")
    ] = "metric",
    value_column: Annotated[str, typer.Option(help="Long table: column of the value.")] = "value",
    epoch: Annotated[
        str | None, typer.Option(help="Column of the epoch.", show_default="one called epoch")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Column of the layer.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Column that says how runs ended.", show_default="one called status or state"
        ),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Column that names the run.")] = None,
    last: Annotated[bool, typer.Option("--last", help="Read each run at its last epoch.")] = False,
    best: Annotated[
        str | None,
        typer.Option(help="max or min: read each run at the epoch at which the metric is that."),
    ] = None,
    at: Annotated[int | None, typer.Option(min=0, help="Read each run at this epoch.")] = None,
    average: Annotated[
        str | None,
        typer.Option(
            help="Column of what is no run of its own, such as folds: the mean over it is taken."
        ),
    ] = None,
    experiment: Annotated[str | None, typer.Option(help="MLflow: the experiment's name.")] = None,
    epochs: Annotated[
        bool, typer.Option("--epochs", help="MLflow: every step as an epoch, not the last alone.")
    ] = False,
) -> None:
    """Make evidence of a table or of MLflow runs that came from elsewhere."""
    from faeval import evidence

    factors = _renamed(arm.split(",")) if arm else {}
    metrics = _renamed(metric) if metric else None
    if source.startswith("mlflow:"):
        if experiment is None:
            raise FaevalError(
                "--experiment is missing; name the MLflow experiment whose runs are to be read."
            )
        result = evidence.import_mlflow(
            source.removeprefix("mlflow:"),
            experiment,
            setting=setting,
            arm=factors,
            seed=seed,
            metrics=metrics,
            epochs=epochs,
            take=_take(last, best, at),
        )
    else:
        if setting is None:
            raise FaevalError(
                "--setting is missing; give the experiment a name, such as --setting mine."
            )
        result = evidence.import_table(
            Path(source),
            setting,
            arm=factors or None,
            seed=seed,
            metrics=metrics,
            metric=metric_column,
            value=value_column,
            epoch=epoch,
            layer=layer,
            status=status,
            run=run,
            take=_take(last, best, at),
            average=average,
        )
    for note in result.notes:
        say(f"faeval: {note}", err=True)
    evidence.export(result.table, out)
    _print_written("import", out, result.table, options, notes=list(result.notes))


def _take(last: bool, best: str | None, at: int | None) -> str | int | None:
    choices = {"--last": last, "--best": best, "--at": at is not None}
    flags = [flag for flag, is_set in choices.items() if is_set]
    if len(flags) > 1:
        raise FaevalError(
            f"{' and '.join(flags)} name different epochs of each run; give one of them."
        )
    if best is not None and best not in ("max", "min"):
        raise FaevalError(
            f"--best={best!r} must be max or min: whether the highest or the lowest number is the"
            " best."
        )
    return "last" if last else best if best is not None else at


def _renamed(items: list[str]) -> dict[str, str]:
    """Read NAME=COLUMN, or a column that keeps its name."""
    pairs = (item.strip().partition("=") for item in items if item.strip())
    return {name: column if sign else name for name, sign, column in pairs}


def _print_written(
    name: str, out: Path, table: pd.DataFrame, options: Mapping[str, Any], **more: Any
) -> None:
    from faeval import evidence

    sha256 = evidence.digest(table)
    if options["json"]:
        _print_json(name, {"file": str(out), "rows": len(table), "evidence_sha256": sha256, **more})
    else:
        say(f"{out}: {len(table)} rows, sha256 of the table {sha256[:12]}")


def _print_json(name: str, content: dict[str, Any], exit_code: int = 0) -> None:
    say_json({"schema": f"faeval-evidence-{name}-1", "exit_code": exit_code, **content})
