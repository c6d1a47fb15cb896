"""faeval check-numbers: whether printed numbers can belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._whole_files import replace_file
from faeval.cli._common import check_folder, command, say, say_json, say_lines
from faeval.cli._numbers_file import BESIDE, Entry, read_entries, refuse_field, statement_of
from faeval.cli._numbers_text import as_markdown, as_text, label_of
from faeval.errors import FaevalError, Tampered

if TYPE_CHECKING:
    from faeval.printed import Finding

SCHEMA = "faeval/numbers/1"
#: Whose spreads are compared with each other: a source, and what it declares them to be.
_Source = tuple[str, str]
_NOT_NUMBERS = {"name", "source"} | BESIDE


@command("check-numbers")
def check_numbers(
    options: dict[str, Any],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A TOML file of statements, [[statement]] each.", show_default="the options"
        ),
    ] = None,
    mean: Annotated[str | None, typer.Option(help="As printed.")] = None,
    spread: Annotated[str | None, typer.Option(help="What is printed after +-.")] = None,
    spread_is: Annotated[
        str | None,
        typer.Option(
            help=(
                "What the source says it is: s.d., ddof 1, ddof 0, standard error, half the range,"
                " mean absolute deviation."
            ),
            show_default="any of them",
        ),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            help="What the mean is of, with commas; rows of a table are parted by semicolons."
        ),
    ] = None,
    n: Annotated[int | None, typer.Option(help="The number of values claimed.")] = None,
    step: Annotated[
        str | None, typer.Option(help="What single values are multiples of: 1, 0.01, 1/10000.")
    ] = None,
    mean2: Annotated[str | None, typer.Option(help="Of a second, independent group.")] = None,
    spread2: Annotated[str | None, typer.Option(help="Of the second group.")] = None,
    n2: Annotated[int | None, typer.Option(help="Of the second group.")] = None,
    null: Annotated[
        str | None, typer.Option(help="What the mean is tested against.", show_default="0")
    ] = None,
    p: Annotated[str | None, typer.Option("--p", help="A p-value, such as .03 or '< .05'.")] = None,
    sides: Annotated[
        str | None, typer.Option(help="two or one, as the source says.", show_default="either")
    ] = None,
    t: Annotated[str | None, typer.Option("--t", help="The statistic of a t test.")] = None,
    f: Annotated[str | None, typer.Option("--f", help="The statistic of an F test.")] = None,
    z: Annotated[str | None, typer.Option("--z", help="The statistic of a z test.")] = None,
    chi2: Annotated[
        str | None, typer.Option("--chi2", help="The statistic of a chi-square test.")
    ] = None,
    r: Annotated[str | None, typer.Option("--r", help="A correlation coefficient.")] = None,
    df: Annotated[
        str | None, typer.Option(help="Degrees of freedom; of F two, with a comma.")
    ] = None,
    ci: Annotated[
        str | None, typer.Option(help="A confidence interval of the mean: LOW,HIGH.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Of the interval.", show_default="0.95")] = None,
    asymmetric: Annotated[
        bool, typer.Option("--asymmetric", help="The mean need not be the middle of the interval.")
    ] = False,
    ratio: Annotated[str | None, typer.Option(help="Claimed of / to, such as 48x.")] = None,
    difference: Annotated[str | None, typer.Option(help="Claimed of - to.")] = None,
    percent: Annotated[
        str | None, typer.Option(help="Claimed change or share of of against to, in percent.")
    ] = None,
    of: Annotated[str | None, typer.Option(help="What is compared.")] = None,
    to: Annotated[
        str | None, typer.Option(help="With what, a number or the name of a baseline.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="NAME=NUMBER, what else it may have been compared with; several times."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write numbers.md and numbers.json into this folder.")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help=(
                "Write nothing: exit 12 where numbers.md or numbers.json in this folder is not what"
                " comes out."
            )
        ),
    ] = None,
) -> None:
    """Say whether printed means, spreads, n, p, intervals and ratios can belong together.

    Exit 1 where not as expected.
    """
    fields: dict[str, Any] = {
        "mean": mean, "spread": spread, "spread_is": spread_is, "n": n, "step": step,
        "mean2": mean2, "spread2": spread2, "n2": n2, "null": null, "p": p, "sides": sides,
        "t": t, "f": f, "z": z, "chi2": chi2, "r": r, "level": level, "ratio": ratio,
        "difference": difference, "percent": percent, "of": of, "to": to,
    }  # fmt: skip
    fields |= {
        "values": None if values is None else _rows(values),
        "df": None if df is None else _list(df),
        "ci": None if ci is None else _list(ci),
        "symmetric": False if asymmetric else None,
        "baselines": _baselines(baseline) if baseline else None,
    }
    entries = _entries(file, {key: value for key, value in fields.items() if value is not None})
    if report is not None and check is not None:
        raise FaevalError(
            "--check and --report are both given: --check writes nothing; leave one of the two"
            " away."
        )
    if report is not None:
        check_folder(report)
    content = _check_all(entries)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    files = {"numbers.json": text, "numbers.md": as_markdown(content)}
    if check is not None:
        _compare(check, files)
    if report is not None:
        for name, rendering in files.items():
            replace_file(report / name, rendering.encode())
            say(f"wrote {report / name}", err=True)
    if options["json"]:
        say_json(content)
    else:
        say_lines(as_text(content, expectations_of(entries, content)))
    raise typer.Exit(content["exit_code"])


def _entries(file: Path | None, statement: dict[str, Any]) -> list[Entry]:
    """Return the statements of a file, or the one of the options."""
    if file is None and not statement:
        raise FaevalError(
            "nothing to check; name a TOML file of statements, or give numbers, such as --mean"
            " 0.080 --spread 0.011 --values 0.094,0.073,0.072."
        )
    if file is None:
        return [Entry(statement, "the options")]
    if statement:
        option = f"--{next(iter(statement)).replace('_', '-')}"
        raise FaevalError(
            f"{file} and {option} are both given; put the statement into the file, or leave the"
            " file away."
        )
    return read_entries(file)


def _compare(folder: Path, files: Mapping[str, str]) -> None:
    """Raise Tampered where a folder's files are not these, byte by byte."""
    wrong = []
    for name, text in files.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise FaevalError(
                f"{folder / name}: cannot be read ({error.strerror or error}); --report"
                f" {folder} writes it."
            ) from None
        if content != text.encode():
            wrong.append(name)
    if wrong:
        raise Tampered(
            f"{folder}: {' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} not what comes"
            f" out; --report {folder} writes it again."
        )
    say(f"{folder}: {' and '.join(files)} are what comes out", err=True)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _rows(text: str) -> list[Any]:
    rows = [_list(row) for row in text.split(";")]
    return rows if len(rows) > 1 else rows[0]


def _baselines(given: Sequence[str]) -> dict[str, str]:
    for text in given:
        if not all(part.strip() for part in text.partition("=")):
            raise FaevalError(
                f"--baseline {text!r} is not NAME=NUMBER; write such as --baseline 'random"
                " vector=0.0056'."
            )
    pairs = [text.rpartition("=") for text in given]
    return {name.strip(): number.strip() for name, _, number in pairs}


def _check_all(entries: Sequence[Entry]) -> dict[str, Any]:
    from faeval import printed

    for entry in entries:
        if entry.expected not in printed.OUTCOMES:
            raise refuse_field(
                entry, "expect", entry.expected, f"is none of {', '.join(printed.OUTCOMES)}"
            )
    statements: list[dict[str, Any]] = []
    spreads: dict[_Source, list[tuple[str, Finding]]] = {}
    for entry in entries:
        if entry.kinds:
            continue
        statement = statement_of(entry)
        try:
            findings = printed.check_statement(statement)
        except FaevalError as error:
            raise FaevalError(f"{entry.place}: {error}") from None
        label = label_of(entry.fields)
        if statement.source:
            source = statement.source, statement.spread_is or ""
            spreads.setdefault(source, []).extend(
                (label, f) for f in findings if f.check == "spread"
            )
        head = {
            "name": statement.name,
            "source": statement.source,
            "note": entry.fields.get("note", ""),
            "printed": {k: v for k, v in entry.fields.items() if k not in _NOT_NUMBERS},
        }
        statements.append(head | _outcome(entry.expected, findings))
    kinds = _spread_rows(entries, spreads)
    code = 0 if all(row["as_expected"] for row in (*statements, *kinds)) else 1
    return {"schema": SCHEMA, "exit_code": code, "statements": statements, "spreads": kinds}


def _spread_rows(
    entries: Sequence[Entry], spreads: Mapping[_Source, list[tuple[str, Finding]]]
) -> list[dict[str, Any]]:
    """Return by source whether its spreads can be of one kind, where that can be told."""
    from faeval import printed

    rows = []
    expectations = {_source_of(entry, spreads): entry for entry in entries if entry.kinds}
    for source, findings in spreads.items():
        finding = printed.check_kinds(findings)
        entry_of = expectations.get(source)
        if finding is not None:
            row = _outcome(entry_of.expected if entry_of else "consistent", [finding])
            rows.append({"source": source[0], "spread_is": source[1]} | row)
        elif entry_of is not None:
            raise FaevalError(
                f"{entry_of.place}: fewer than two of its statements have a spread that can be"
                " told; leave this [[spreads]] out."
            )
    return rows


def _source_of(entry: Entry, spreads: Mapping[_Source, object]) -> _Source:
    """The source that [[spreads]] speaks of, and what its spreads are declared to be."""
    for key, value in entry.fields.items():
        if key not in ("source", "spread_is", "expect"):
            raise refuse_field(
                entry, key, value, "is no field; the fields are source, spread_is, expect"
            )
    source = str(entry.fields.get("source", "")), str(entry.fields.get("spread_is", ""))
    if source not in spreads:
        raise refuse_field(
            entry,
            "source",
            source[0],
            "is the source of no such spread; write source and spread_is as statements do",
        )
    return source


def _outcome(expected: str, findings: Sequence[Finding]) -> dict[str, Any]:
    from faeval import printed

    word = printed.outcome(findings)
    return {
        "outcome": word,
        "expected": expected,
        "as_expected": word == expected,
        "findings": [asdict(finding) for finding in findings],
    }


def expectations_of(entries: Sequence[Entry], content: Mapping[str, Any]) -> list[bool]:
    """Return for each row whether its outcome was written down beforehand."""
    statements = [bool(entry.fields.get("expect")) for entry in entries if not entry.kinds]
    sources = {
        (e.fields.get("source", ""), e.fields.get("spread_is", ""))
        for e in entries
        if e.kinds and "expect" in e.fields
    }
    return statements + [(row["source"], row["spread_is"]) in sources for row in content["spreads"]]
