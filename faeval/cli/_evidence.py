"""faeval evidence: check, merge, export and import what runs left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._options import arguments
from faeval.cli._common import command, say, say_json
from faeval.cli._reading import Given, reads, spelled_again
from faeval.errors import FaevalError

if TYPE_CHECKING:
    import pandas as pd

    from faeval.evidence import Checked, Imported
    from faeval.evidence.importing import Reading

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
@reads
def import_(
    options: dict[str, Any],
    given: Given,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE OUT",
            help=(
                "Results in any form, '-', mlflow:URI or optuna:STUDY; and the file to write, in"
                " .csv or .parquet. Without OUT: how they would be read, and the full command."
            ),
            show_default=False,
        ),
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(help="The experiment's name in evidence.", show_default="the file's name"),
    ] = None,
    experiment: Annotated[str | None, typer.Option(help="MLflow: the experiment's name.")] = None,
    epochs: Annotated[
        bool, typer.Option("--epochs", help="MLflow: every step as an epoch, not the last alone.")
    ] = False,
) -> None:
    """Make evidence of results that came from elsewhere.

    Without OUT nothing is written: it says how the results would be read, and the full command.
    """
    from faeval import evidence

    sources, out = _source_and_out(paths or [], has_pattern=given.values["glob"] is not None)
    take = given.take()
    if sources and sources[0].startswith("mlflow:"):
        result = _mlflow(sources[0], setting, experiment, epochs, given)
        how: tuple[str, ...] = ()
    else:
        name = setting or evidence.importing.setting_name(sources[0] if sources else "results")
        reading = evidence.importing.read_results(
            given.cells(sources),
            given.said(as_rule=False),
            setting=name,
            spell=spelled_again,
            whole_courses=take is None,
        )
        result, how = reading.imported, reading.how
        if out is None:
            _print_guess(reading, given.source_words(sources), name, options)
            return
    if out is None:
        raise FaevalError("OUT is missing; name the file to write, such as evidence.csv.")
    for line in how:
        say(line, err=True)
    for note in result.notes:
        say(f"faeval: {note}", err=True)
    evidence.export(result.table, out)
    _print_written("import", out, result.table, options, notes=list(result.notes))


def _source_and_out(paths: Sequence[str], has_pattern: bool) -> tuple[list[str], Path | None]:
    """Return the results and the file to write, which is the last where it is none of results."""
    most = 1 if has_pattern else 2
    if len(paths) > most:
        raise FaevalError(
            f"{paths[most]!r} is one path too many; give {'OUT' if has_pattern else 'SOURCE OUT'}."
        )
    if has_pattern:
        return [], Path(paths[0]) if paths else None
    if not paths:
        raise FaevalError("SOURCE is missing; name a file of results, or --glob PATTERN.")
    return [paths[0]], Path(paths[1]) if len(paths) > 1 else None


def _mlflow(
    source: str, setting: str | None, experiment: str | None, epochs: bool, given: Given
) -> Imported:
    from faeval import evidence

    if experiment is None:
        raise FaevalError(
            "--experiment is missing; name the MLflow experiment whose runs are to be read."
        )
    options_said = given.said(as_rule=False)
    return evidence.import_mlflow(
        source.removeprefix("mlflow:"),
        experiment,
        setting=setting,
        arm=options_said.arm,
        seed=options_said.seed or "seed",
        metrics=_renamed(options_said.metrics) if options_said.metrics else None,
        epochs=epochs,
        take=options_said.take,
    )


def _print_guess(
    reading: Reading, sources: Sequence[str], setting: str, options: Mapping[str, Any]
) -> None:
    from faeval.evidence.importing import spelled

    command = spelled(
        "faeval", "evidence", "import", *sources, "evidence.csv", "--setting", setting,
        *reading.options,
    )  # fmt: skip
    if options["json"]:
        content = {"read": reading.how, "notes": reading.notes, "command": command}
        _print_json("guess", {**content, "rows": len(reading.table)})
        return
    for line in [*reading.how, *reading.notes, "Nothing was written. In full:", command]:
        say(line)


def _renamed(items: Sequence[str]) -> dict[str, str]:
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
