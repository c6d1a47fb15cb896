"""faeval check-numbers: whether printed numbers, of the options or a file, can belong together."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._whole_files import replace_file
from faeval.cli._common import check_folder, command, say, say_json, say_lines
from faeval.cli._numbers_text import as_markdown, as_text, label_of
from faeval.errors import FaevalError, Tampered

if TYPE_CHECKING:
    from faeval.printed import Finding, Statement

SCHEMA = "faeval/numbers/1"
#: Whose spreads are compared with each other: a source, and what it declares them to be.
_Source = tuple[str, str]
#: Keys of a statement in a file that its numbers have nothing to do with.
_BESIDE = {"expect", "note"}
_NOT_NUMBERS = {"name", "source"} | _BESIDE


@dataclass(frozen=True)
class Entry:
    """A statement as it is written, and where."""

    fields: Mapping[str, Any]
    place: str
    kinds: bool = False  # of a source: whether its spreads are of one kind

    @property
    def expected(self) -> str:
        return str(self.fields.get("expect", "consistent"))


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
    texts: dict[str, Any] = {
        "mean": mean, "spread": spread, "spread_is": spread_is, "n": n, "step": step,
        "mean2": mean2, "spread2": spread2, "n2": n2, "null": null, "p": p, "sides": sides,
        "t": t, "f": f, "z": z, "chi2": chi2, "r": r, "level": level, "ratio": ratio,
        "difference": difference, "percent": percent, "of": of, "to": to,
    }  # fmt: skip
    texts |= {
        "values": None if values is None else _rows(values),
        "df": None if df is None else _list(df),
        "ci": None if ci is None else _list(ci),
        "symmetric": False if asymmetric else None,
        "baselines": _baselines(baseline) if baseline else None,
    }
    entries = _entries(file, {key: value for key, value in texts.items() if value is not None})
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


def read_entries(file: Path) -> list[Entry]:
    """The statements of a file, and what it says of the spreads of a source."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FaevalError(
            f"{file}: cannot be read ({error.strerror}); name a TOML file of statements."
        ) from None
    except (ValueError, RecursionError) as error:
        raise FaevalError(f"{file}: is no TOML ({error}); correct the file.") from None
    for key in content:
        if key not in ("statement", "spreads"):
            raise FaevalError(
                f"{file}: the key {key!r} is not known; begin each statement with [[statement]]."
            )
    entries = []
    for kind in ("statement", "spreads"):
        tables = content.get(kind, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise FaevalError(
                f"{file}: {kind!r} is no list of tables; begin each one with [[{kind}]]."
            )
        for i, table in enumerate(tables, 1):
            label = table.get("name") or table.get("source") or i
            entries.append(Entry(table, f"{file}: {kind} {label!r}", kinds=kind == "spreads"))
    if not any(not entry.kinds for entry in entries):
        raise FaevalError(f"{file}: holds no statement; begin each one with [[statement]].")
    return entries


def statement_of(entry: Entry) -> Statement:
    """Check the types of a statement's fields, by name, and make it."""
    from faeval import printed

    names = {f.name for f in fields(printed.Statement)} | _BESIDE
    values: dict[str, Any] = {}
    for key, value in entry.fields.items():
        if key not in names:
            raise refuse_field(
                entry, key, value, f"is no field; the fields are {', '.join(sorted(names))}"
            )
        if key == "note" and not isinstance(value, str):
            raise refuse_field(entry, key, value, "is not text")
        if key in _BESIDE:
            continue
        if key == "df" and isinstance(value, str):
            value = [value]
        is_good, form = _FORMS.get(key, _TEXT)
        if not is_good(value):
            raise refuse_field(entry, key, value, f"is not {form}")
        if isinstance(value, list):
            value = tuple(tuple(v) if isinstance(v, list) else v for v in value)
        values[key] = value
    return printed.Statement(**values)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_NUMBERS = "a list of printed numbers in quotation marks"
_COUNT = (_is_count, "a whole number, without quotation marks")
_TEXT: tuple[Callable[[Any], bool], str] = (
    lambda value: isinstance(value, str),
    "text in quotation marks, so that the printed digits are kept",
)
#: By field what its value must be, and how a message says it; all others are text.
_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "n": _COUNT,
    "n2": _COUNT,
    "symmetric": (lambda value: isinstance(value, bool), "true or false"),
    "baselines": (
        lambda value: isinstance(value, dict) and _are_texts(list(value.values())),
        "a table of names and printed numbers, { name = '0.0056' }",
    ),
    "values": (
        lambda value: (
            isinstance(value, list) and all(isinstance(v, str) or _are_texts(v) for v in value)
        ),
        f"{_NUMBERS}, or of such lists",
    ),
    "df": (_are_texts, _NUMBERS),
    "ci": (
        lambda value: _are_texts(value) and len(value) == 2,
        "the two ends in quotation marks, ['0.1', '0.3']",
    ),
}


def refuse_field(entry: Entry, key: str, value: object, problem: str) -> Exception:
    return FaevalError(f"{entry.place}: {key} = {value!r} {problem}.")
