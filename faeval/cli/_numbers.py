"""faeval check-numbers: whether printed numbers can belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval._whole_files import replace_file
from faeval.cli._common import check_folder, command, say, say_json, say_lines

if TYPE_CHECKING:
    from faeval.printed import Finding, Statement

SCHEMA = "faeval/numbers/1"
#: Whose spreads are compared with each other: a source, and what it declares them to be.
_Said = tuple[str, str]
_BESIDE = {
    "expect",
    "note",
}  # keys of a statement in a file that its numbers have nothing to do with
_COUNTS = ("n", "n2")


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
    """Say whether printed means, spreads, n, p, intervals and ratios can belong together; exit 1
    where not as expected.
    """
    import json

    from faeval.errors import FaevalError

    fields: dict[str, Any] = {
        "mean": mean, "spread": spread, "spread_is": spread_is, "n": n, "step": step, "mean2": mean2, "spread2": spread2,
        "n2": n2, "null": null, "p": p, "sides": sides, "t": t, "f": f, "z": z, "chi2": chi2, "r": r, "level": level,
        "ratio": ratio, "difference": difference, "percent": percent, "of": of, "to": to,
    }  # fmt: skip
    fields |= {
        "values": None if values is None else _rows(values),
        "df": None if df is None else _list(df),
        "ci": None if ci is None else _list(ci),
        "symmetric": False if asymmetric else None,
        "baselines": _baselines(baseline) if baseline else None,
    }
    statement = {key: value for key, value in fields.items() if value is not None}
    if file is not None and statement:
        raise FaevalError(
            f"{file} and --{next(iter(statement)).replace('_', '-')} are both given; put the statement"
            " into the file, or leave the file away."
        )
    if file is None and not statement:
        raise FaevalError(
            "nothing to check; name a TOML file of statements, or give numbers, such as --mean"
            " 0.080 --spread 0.011 --values 0.094,0.073,0.072."
        )
    if report is not None and check is not None:
        raise FaevalError(
            "--check and --report are both given: --check writes nothing; leave one of the two"
            " away."
        )
    if report is not None:
        check_folder(report)
    entries = _read(file) if file is not None else [_Entry(statement, "the options")]
    content = _checked(entries)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    files = {"numbers.json": text, "numbers.md": _markdown(content)}
    if check is not None:
        _compare(check, files)
    if report is not None:
        for name, rendering in files.items():
            replace_file(report / name, rendering.encode())
            say(f"wrote {report / name}", err=True)
    if options["json"]:
        say_json(content)
    else:
        say_lines(_plain(content, _told_outcomes(entries, content)))
    raise typer.Exit(content["exit_code"])


def _compare(folder: Path, files: Mapping[str, str]) -> None:
    """Raise Tampered where a folder's files are not these, byte by byte."""
    from faeval.errors import FaevalError, Tampered

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


# --- reading ---


@dataclass(frozen=True)
class _Entry:
    """A statement as it is written, and where."""

    fields: Mapping[str, Any]
    place: str
    kinds: bool = False  # of a source: whether its spreads are of one kind

    @property
    def expected(self) -> str:
        return str(self.fields.get("expect", "consistent"))


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _rows(text: str) -> list[Any]:
    rows = [_list(row) for row in text.split(";")]
    return rows if len(rows) > 1 else rows[0]


def _baselines(given: Sequence[str]) -> dict[str, str]:
    from faeval.errors import FaevalError

    for text in given:
        if not all(part.strip() for part in text.partition("=")):
            raise FaevalError(
                f"--baseline {text!r} is not NAME=NUMBER; write such as --baseline 'random"
                " vector=0.0056'."
            )
    pairs = [text.rpartition("=") for text in given]
    return {name.strip(): number.strip() for name, _, number in pairs}


def _read(file: Path) -> list[_Entry]:
    """The statements of a file, and what it says of the spreads of a source."""
    import tomllib

    from faeval.errors import FaevalError

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
        for i, fields in enumerate(tables, 1):
            label = fields.get("name") or fields.get("source") or i
            entries.append(_Entry(fields, f"{file}: {kind} {label!r}", kinds=kind == "spreads"))
    if not any(not entry.kinds for entry in entries):
        raise FaevalError(f"{file}: holds no statement; begin each one with [[statement]].")
    return entries


def _statement(entry: _Entry) -> Statement:
    """Check the types of a statement's fields, by name, and make it."""
    from dataclasses import fields as fields_of

    from faeval import printed

    names = {f.name for f in fields_of(printed.Statement)} | _BESIDE
    values: dict[str, Any] = {}
    for key, value in entry.fields.items():
        if key not in names:
            raise _bad(entry, key, value, f"is no field; the fields are {', '.join(sorted(names))}")
        if key == "expect":
            continue
        if key == "note":
            if not isinstance(value, str):
                raise _bad(entry, key, value, "is not text")
            continue
        if key in _COUNTS:
            good, form = (
                isinstance(value, int) and not isinstance(value, bool),
                "a whole number, without quotation marks",
            )
        elif key == "symmetric":
            good, form = isinstance(value, bool), "true or false"
        elif key == "baselines":
            good = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
            form = "a table of names and printed numbers, { name = '0.0056' }"
        elif key in ("values", "df", "ci"):
            value = [value] if key == "df" and isinstance(value, str) else value
            rows = key == "values"
            good = isinstance(value, list) and all(_text_or_row(v, rows) for v in value)
            good = good and (key != "ci" or len(value) == 2)
            form = "a list of printed numbers in quotation marks" + (
                ", or of such lists" if rows else ""
            )
            form = "the two ends in quotation marks, ['0.1', '0.3']" if key == "ci" else form
        else:
            good, form = (
                isinstance(value, str),
                "text in quotation marks, so that the printed digits are kept",
            )
        if not good:
            raise _bad(entry, key, value, f"is not {form}")
        values[key] = (
            tuple(tuple(v) if isinstance(v, list) else v for v in value)
            if isinstance(value, list)
            else value
        )
    return printed.Statement(**values)


def _text_or_row(value: object, rows: bool) -> bool:
    if rows and isinstance(value, list):
        return all(isinstance(v, str) for v in value)
    return isinstance(value, str)


def _bad(entry: _Entry, key: str, value: object, problem: str) -> Exception:
    from faeval.errors import FaevalError

    return FaevalError(f"{entry.place}: {key} = {value!r} {problem}.")


# --- checking ---


def _checked(entries: Sequence[_Entry]) -> dict[str, Any]:
    from faeval import printed
    from faeval.errors import FaevalError

    for entry in entries:
        if entry.expected not in printed.OUTCOMES:
            raise _bad(entry, "expect", entry.expected, f"is none of {', '.join(printed.OUTCOMES)}")
    statements: list[dict[str, Any]] = []
    spreads: dict[_Said, list[tuple[str, Finding]]] = {}
    for entry in entries:
        if entry.kinds:
            continue
        statement = _statement(entry)
        try:
            findings = printed.check_statement(statement)
        except FaevalError as error:
            raise FaevalError(f"{entry.place}: {error}") from None
        label = _label(entry.fields)
        if statement.source:
            source = statement.source, statement.spread_is or ""
            spreads.setdefault(source, []).extend(
                (label, f) for f in findings if f.check == "spread"
            )
        fields = {
            key: value
            for key, value in entry.fields.items()
            if key not in {"name", "source"} | _BESIDE
        }
        head = {
            "name": statement.name,
            "source": statement.source,
            "note": entry.fields.get("note", ""),
            "printed": fields,
        }
        statements.append(head | _outcome(entry.expected, findings))
    kinds = []
    expectations = {_said(entry, spreads): entry for entry in entries if entry.kinds}
    for source, mismatch in spreads.items():
        finding = printed.check_kinds(mismatch)
        entry_of = expectations.get(source)
        if finding is not None:
            row = _outcome(entry_of.expected if entry_of else "consistent", [finding])
            kinds.append({"source": source[0], "spread_is": source[1]} | row)
        elif entry_of is not None:
            raise FaevalError(
                f"{entry_of.place}: fewer than two of its statements have a spread that can be"
                " told; leave this [[spreads]] out."
            )
    code = 0 if all(row["as_expected"] for row in (*statements, *kinds)) else 1
    return {"schema": SCHEMA, "exit_code": code, "statements": statements, "spreads": kinds}


def _said(entry: _Entry, spreads: Mapping[_Said, object]) -> _Said:
    """The source that [[spreads]] speaks of, and what its spreads are declared to be."""
    for key, value in entry.fields.items():
        if key not in ("source", "spread_is", "expect"):
            raise _bad(entry, key, value, "is no field; the fields are source, spread_is, expect")
    source = str(entry.fields.get("source", "")), str(entry.fields.get("spread_is", ""))
    if source not in spreads:
        raise _bad(
            entry,
            "source",
            source[0],
            "is the source of no such spread; write source and spread_is as statements do",
        )
    return source


def _outcome(expected: str, findings: Sequence[Finding]) -> dict[str, Any]:
    from dataclasses import asdict

    from faeval import printed

    word = printed.outcome(findings)
    return {
        "outcome": word,
        "expected": expected,
        "as_expected": word == expected,
        "findings": [asdict(finding) for finding in findings],
    }


# --- writing ---


def _label(fields: Mapping[str, Any]) -> str:
    """What is printed, in short."""
    parts = []
    if "mean" in fields or "spread" in fields:
        parts.append(" ± ".join(str(fields[key]) for key in ("mean", "spread") if key in fields))
    if "mean2" in fields:
        parts.append(
            "against "
            + " ± ".join(str(fields[key]) for key in ("mean2", "spread2") if key in fields)
        )
    if "ci" in fields:
        parts.append(f"[{', '.join(fields['ci'])}]")
    df = fields.get("df", [])
    df = f"({', '.join([df] if isinstance(df, str) else df)})" if df else ""
    parts += [
        f"{key}{'' if key == 'z' else df} = {fields[key]}"
        for key in ("t", "f", "z", "chi2", "r")
        if key in fields
    ]
    if "p" in fields:
        parts.append(
            f"p {fields['p']}" if fields["p"].strip()[:1] in "<>≤≥" else f"p = {fields['p']}"
        )
    parts += [
        f"{key} {fields[key]} of {fields.get('of')} to {fields.get('to')}"
        for key in _COMPARED
        if key in fields
    ]
    parts += [f"n = {fields['n']}"] if "n" in fields else []
    return ", ".join(parts)


_COMPARED = ("ratio", "difference", "percent")


def _told_outcomes(entries: Sequence[_Entry], content: Mapping[str, Any]) -> list[bool]:
    """Whether each row's outcome was written down beforehand: a statement that says none is to be
    consistent.
    """
    expectations = [bool(entry.fields.get("expect")) for entry in entries if not entry.kinds]
    sources = {
        (e.fields.get("source", ""), e.fields.get("spread_is", ""))
        for e in entries
        if e.kinds and "expect" in e.fields
    }
    return expectations + [
        (row["source"], row["spread_is"]) in sources for row in content["spreads"]
    ]


def _plain(content: Mapping[str, Any], told: Sequence[bool]) -> str:
    """The result as text: a line for each statement, one for each finding, one for all."""
    from faeval._safe_text import clean

    lines = []
    for row, expected in zip((*content["statements"], *content["spreads"]), told, strict=True):
        title = (
            (row["name"] or _label(row["printed"]) or "a statement")
            if "name" in row
            else _spreads_of(row)
        )
        note = "" if row["as_expected"] or not expected else f" (expected: {row['expected']})"
        lines.append(clean(f"{title}: {row['outcome']}{note}"))
        lines += [
            clean(f"  {f['check']}: {f['outcome']}. {f['reason']}").replace(" ", "  ", 1)
            for f in row["findings"]
        ]
    return "\n".join([*lines, _sum(content), ""])


def _spreads_of(row: Mapping[str, Any]) -> str:
    return f"spreads of {row['source']}" + (
        f", declared as {row['spread_is']}" if row["spread_is"] else ""
    )


def _sum(content: Mapping[str, Any]) -> str:
    rows = [*content["statements"], *content["spreads"]]
    words = [row["outcome"] for row in rows]
    counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    wrong = sum(not row["as_expected"] for row in rows)
    return f"{len(rows)} checked: {', '.join(counts)}; {wrong or 'none'} otherwise than expected."


def _markdown(content: Mapping[str, Any]) -> str:
    """The report: what was looked at, and what each check says."""
    from faeval.reports.words._escape import markdown

    lines = ["# Printed numbers, checked", "", _sum(content), ""]
    lines += ["| statement | printed | outcome | expected |", "|---|---|---|---|"]
    for row in content["statements"]:
        cells = (row["name"], _label(row["printed"]), row["outcome"], row["expected"])
        lines.append(f"| {' | '.join(map(markdown, cells))} |")
    for row in content["spreads"]:
        lines.append(f"| {markdown(_spreads_of(row))} | | {row['outcome']} | {row['expected']} |")
    for row in content["statements"]:
        lines += ["", f"## {markdown(row['name'] or _label(row['printed']))}", ""]
        lines += [f"Printed in: {markdown(row['source'])}.", ""] if row["source"] else []
        lines += [f"- {key}: {markdown(_shown(value))}" for key, value in row["printed"].items()]
        lines += ["", *_told(row)]
        lines += ["", markdown(row["note"])] if row["note"] else []
    for row in content["spreads"]:
        lines += [
            "",
            f"## {markdown(_spreads_of(row)).replace('spreads', 'Spreads', 1)}",
            "",
            *_told(row),
        ]
    return "\n".join([*lines, ""])


def _told(row: Mapping[str, Any]) -> list[str]:
    from faeval.reports.words._escape import markdown

    lines = [
        f"- **{f['check']}, {f['outcome']}**: {markdown(f['reason'])}" for f in row["findings"]
    ]
    for finding in row["findings"]:
        bounds = [a for a in finding["allowed"] if a["low"]]
        if len(bounds) > 1:
            lines += ["", f"| {finding['check']} | from | to | |", "|---|---|---|---|"]
            lines += [
                f"| {markdown(a['reading'])} | {a['low']} | {a['high']} |"
                f" {'gives it' if a['matches'] else ''} |"
                for a in bounds
            ]
    return lines


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, list):
        return (
            "; ".join(map(_shown, value))
            if any(isinstance(v, list) for v in value)
            else ", ".join(map(str, value))
        )
    return str(value)
