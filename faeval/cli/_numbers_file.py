"""Statements of printed numbers in a TOML file, read and checked field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval.errors import FaevalError

if TYPE_CHECKING:
    from faeval.printed import Statement

BESIDE = {
    "expect",
    "note",
}  # keys of a statement in a file that its numbers have nothing to do with


@dataclass(frozen=True)
class Entry:
    """A statement as it is written, and where."""

    fields: Mapping[str, Any]
    place: str
    kinds: bool = False  # of a source: whether its spreads are of one kind

    @property
    def expected(self) -> str:
        return str(self.fields.get("expect", "consistent"))


def read_entries(file: Path) -> list[Entry]:
    """The statements of a file, and what it says of the spreads of a source."""
    import tomllib

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
            entries.append(Entry(fields, f"{file}: {kind} {label!r}", kinds=kind == "spreads"))
    if not any(not entry.kinds for entry in entries):
        raise FaevalError(f"{file}: holds no statement; begin each one with [[statement]].")
    return entries


def statement_of(entry: Entry) -> Statement:
    """Check the types of a statement's fields, by name, and make it."""
    from dataclasses import fields as fields_of

    from faeval import printed

    names = {f.name for f in fields_of(printed.Statement)} | BESIDE
    values: dict[str, Any] = {}
    for key, value in entry.fields.items():
        if key not in names:
            raise refuse_field(
                entry, key, value, f"is no field; the fields are {', '.join(sorted(names))}"
            )
        if key == "note" and not isinstance(value, str):
            raise refuse_field(entry, key, value, "is not text")
        if key in BESIDE:
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
