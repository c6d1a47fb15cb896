"""Results in JSON and JSON Lines: records, columns, lists of values, what pandas writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._table import most_rows, too_many
from faeval.evidence.importing._benchmarks import benchmark_cells
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import MOST_COLUMNS, short, shown, with_names
from faeval.evidence.importing._levels import (
    are_columns,
    are_numbers,
    are_seeds,
    has_axis,
    nested,
)
from faeval.evidence.importing._records import exploded, flat, is_scalar

if TYPE_CHECKING:
    import pandas as pd

#: How deep objects may lie in each other.
_DEEPEST = 20
_TOO_LONG = re.compile(rb"\d{309}")
#: What is said where rows of a run have nothing that counts them.
POSITIONS = "the positions in the lists, from 0, are the column 'position'"


def read_json(content: bytes, source: str, sheet: str | None = None) -> Cells:
    """Read JSON or JSON Lines.

    Parameters
    ----------
    content
        UTF-8 without a mark.
    source
        What to call it.
    sheet
        The key of an object below which all is read, such as ``runs`` or ``results.runs``.

    Raises
    ------
    EvidenceError
        It is no JSON, or holds nothing that is a table; says what it holds.
    """
    document, lines = _parsed(content, source)
    if sheet is not None:
        document, lines = _below(document, sheet, source), None
    if lines is not None:
        return record_cells(document, source, lambda row: f"line {lines[row]}")
    _check_depth(document, source)
    if isinstance(document, dict):
        return _object_cells(document, source)
    if isinstance(document, list):
        return _list_cells(document, source)
    raise EvidenceError(
        f"{source}: holds a single value ({shown(document)}); give records with a method and a"
        " seed each."
    )


def _below(document: Any, sheet: str, source: str) -> Any:
    """Return what stands below a key, or below keys joined by dots."""
    first, sign, rest = sheet.partition(".")
    for key, more in ((sheet, ""), (first, rest if sign else "")):
        if isinstance(document, dict) and key in document:
            return _below(document[key], more, source) if more else document[key]
    there = [shown(key, 30) for key in document] if isinstance(document, dict) else []
    raise EvidenceError(
        f"{source}: --sheet {short(sheet)}: no such key; name one of: {listed(there, 12) or 'none'}"
    )


def _parsed(content: bytes, source: str) -> tuple[Any, list[int] | None]:
    """Return the document, or of JSON Lines the records and their lines."""
    begin = content.lstrip()
    first, _, more = begin.partition(b"\n")
    if begin.startswith(b"{") and more.strip() and first.rstrip().endswith(b"}"):
        return _lines(content, source)
    try:
        return _loads(content), None
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{source}: is no JSON ({_why(error)}); write it again.") from None


def _lines(content: bytes, source: str) -> tuple[list[Any], list[int]]:
    """Read a record a line."""
    records, numbers = [], []
    last = content.count(b"\n") + 1
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = _loads(line)
        except (ValueError, RecursionError) as error:
            cut_off = "; the file may be cut off" if number == last else ""
            raise EvidenceError(
                f"{source}, line {number}: is no JSON ({_why(error)}){cut_off}; mend or remove it."
            ) from None
        _check_depth(record, f"{source}, line {number}")
        if not isinstance(record, dict):
            raise EvidenceError(
                f"{source}, line {number}: holds {shown(record, 40)}, no object; each line of JSON"
                " Lines is one."
            )
        records.append(record)
        numbers.append(number)
        if len(records) > most_rows.get():
            raise EvidenceError(too_many(source, most_rows.get()))
    return records, numbers


def _loads(content: bytes) -> Any:
    whole = _whole if _TOO_LONG.search(content) else int
    return json.loads(content, object_pairs_hook=_once, parse_int=whole)


def _whole(text: str) -> int:
    if _TOO_LONG.search(text.encode()):  # no floating-point number is so large
        raise ValueError(f"a whole number of {len(text)} digits is no result")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):  # else the last would win, unseen
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return result


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "too deep"
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, " if "\n" in error.doc.strip() else ""
        return f"{error.msg}, {line}column {error.colno}"
    return " ".join(str(error).split())[:200]


def _check_depth(value: Any, source: str) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        inner = (v for outer in level for v in _inside(outer))
        level = [v for v in inner if isinstance(v, dict | list)]
        if not level:
            return
    raise EvidenceError(f"{source}: is nested more than {_DEEPEST} deep; give flat records.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _list_cells(items: list[Any], source: str) -> Cells:
    if not items:
        raise EvidenceError(f"{source}: is an empty list; give one record for each run.")
    if all(isinstance(item, dict) for item in items):
        return record_cells(items, source, lambda row: f"record {row} (counted from 0)")
    if all(isinstance(item, list) for item in items):
        header, *rows = items
        if rows and all(isinstance(name, str) for name in header):
            return _split_cells(header, rows, source, 1)
    raise EvidenceError(
        f"{source}: is a list of {shown(items[0], 40)} and the like, whose values have no names;"
        ' give records, such as [{"method": "ours", "seed": 0, "acc": 0.9}].'
    )


def record_cells(
    records: Sequence[Mapping[str, Any]],
    source: str,
    place: Callable[[int], str],
    notes: Iterable[str] = (),
    roles: Mapping[str, str] | None = None,
) -> Cells:
    """Make a row of each record: nested names are joined by dots, parallel lists are taken apart.

    Parameters
    ----------
    records
        Objects as of JSON.
    source, notes, roles
        As of :class:`Cells`.
    place
        What to call a record, counted from 0.
    """
    if not records:
        raise EvidenceError(f"{source}: holds no records; give one for each run.")
    flat_records = [flat(record, source) for record in records]
    rows, origins, more, more_roles = exploded(flat_records, source)
    table = _frame(rows, source)
    table, rest, names_notes = with_names(table, list(table.columns), source)

    def place_of(row: int) -> str:
        at = int(rest[row]) if rest is not None else row
        return place(at if origins is None else origins[at])

    roles = {**(roles or {}), **more_roles}
    return Cells(table, source, place_of, (*notes, *more, *names_notes), roles)


def _frame(records: Sequence[Mapping[str, Any]], source: str) -> pd.DataFrame:
    import pandas as pd

    if len(records) > most_rows.get():
        raise EvidenceError(too_many(source, most_rows.get()))
    names = list(dict.fromkeys(name for record in records for name in record))
    if len(names) > MOST_COLUMNS:
        raise EvidenceError(
            f"{source}: has {len(names)} columns, and at most {MOST_COLUMNS} are read."
        )
    columns = {name: _objects([record.get(name) for record in records]) for name in names}
    return pd.DataFrame(columns, columns=pd.Index(names, dtype=object))


def _objects(cells: Sequence[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([None if cell == "" else cell for cell in cells], dtype=object)


def _split_cells(header: Sequence[Any], rows: Sequence[Any], source: str, first: int) -> Cells:
    """Read rows that are lists below a list of names."""
    import pandas as pd

    names = [str(name) for name in header]
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            has = len(row) if isinstance(row, list) else "no"
            raise EvidenceError(
                f"{source}, row {i + first} (counted from 0): has {has} fields, and the header"
                f" names {len(names)}; complete it."
            )
        if not all(map(is_scalar, row)):
            raise EvidenceError(
                f"{source}, row {i + first} (counted from 0): holds a list or an object in a"
                " cell; write one number or text."
            )
    columns = {i: _objects([row[i] for row in rows]) for i in range(len(names))}
    table, records, notes = with_names(pd.DataFrame(columns), names, source)

    def place(row: int) -> str:
        return f"row {(int(records[row]) if records is not None else row) + first} (counted from 0)"

    return Cells(table, source, place, tuple(notes))


def _object_cells(document: dict[str, Any], source: str) -> Cells:
    if not document:
        raise EvidenceError(f"{source}: is an empty object; give one record for each run.")
    for form in (
        benchmark_cells,
        _refused,
        _pandas_cells,
        _column_cells,
        _two_levels,
        nested_cells,
    ):
        if (cells := form(document, source)) is not None:
            return cells
    return record_cells([document], source, lambda _: "the object")


def nested_cells(document: Mapping[str, Any], source: str) -> Cells | None:
    """Read the results inside an object; None where it is the record of one run."""
    if (results := nested(document, source)) is None:
        return None
    rows, places, notes, roles = results
    return record_cells(rows, source, lambda row: places[row], notes, roles)


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _refused(document: dict[str, Any], source: str) -> Cells | None:
    """Refuse logs of evaluations, whose items are no retrainings."""
    results = document.get("results")
    if isinstance(results, dict) and any(
        "_stderr" in name or ",none" in name
        for scores in results.values()
        if isinstance(scores, dict)
        for name in scores
    ):
        raise EvidenceError(
            f"{source}: is a result of lm-evaluation-harness: one run of one model, whose standard"
            " errors are over items. Items are no retrainings and hold no seeds; give a table with"
            " one value for each seed."
        )
    if {"eval", "status"} <= set(document) and isinstance(document["eval"], dict):
        raise EvidenceError(
            f"{source}: is an evaluation log of inspect_ai: one run, whose samples are items."
            " Items are no retrainings and hold no seeds; give a table with one value for each"
            " seed."
        )
    return None


def _pandas_cells(document: dict[str, Any], source: str) -> Cells | None:
    """Read what ``DataFrame.to_json`` writes with orient split or table, and tables of W&B."""
    data, header = document.get("data"), document.get("columns")
    if (
        isinstance(data, list)
        and isinstance(header, list)
        and all(isinstance(row, list) for row in data)
    ):
        if any(isinstance(name, list) for name in header):
            raise EvidenceError(
                f"{source}: has two header lines (columns of a MultiIndex); give each column one"
                " name."
            )
        return _split_cells(header, data, source, 0)
    if isinstance(data, list) and isinstance(document.get("schema"), dict) and _are_records(data):
        key = document["schema"].get("primaryKey")
        if key == ["index"]:  # what pandas calls an index without a name
            data = [{k: v for k, v in record.items() if k != "index"} for record in data]
        return record_cells(data, source, lambda row: f"data[{row}]")
    return None


def _column_cells(document: dict[str, Any], source: str) -> Cells | None:
    """Read lists of values: columns of one length, or the values of a method by seed."""
    lists = list(document.values())
    if not all(isinstance(v, list) and v and all(map(is_scalar, v)) for v in lists):
        return None
    numeric = all(map(are_numbers, lists))
    if numeric and not are_columns(document):
        return nested_cells(document, source)
    lengths = {name: len(values) for name, values in document.items()}
    if len(set(lengths.values())) > 1:
        raise EvidenceError(
            f"{source}: its lists differ in length ("
            + listed([f"{shown(n, 30)}: {k}" for n, k in lengths.items()])
            + "); columns of a table have one length."
        )
    rows = [dict(zip(document, row, strict=True)) for row in zip(*lists, strict=True)]
    place = "position {} (counted from 0)".format
    if not numeric or has_axis(document):
        return record_cells(rows, source, place)
    rows = [{"position": i, **row} for i, row in enumerate(rows)]
    return record_cells(rows, source, place, [POSITIONS], {"epoch": "position"})


def _two_levels(document: dict[str, Any], source: str) -> Cells | None:
    """Read objects in an object as pandas writes them; None where they are levels of names."""
    if not all(map(_is_flat, document.values())):
        return None
    outer = list(document)
    inner = list(dict.fromkeys(key for values in document.values() for key in values))
    numeric = all(are_numbers(values.values()) for values in document.values())
    if are_seeds(inner) and numeric and not are_columns(outer):
        return nested_cells(document, source)
    if _are_whole(inner):  # orient="columns"
        rows = [{"": key, **{n: document[n].get(key) for n in outer}} for key in inner]
        return record_cells(rows, source, lambda row: f"key {inner[row]}")
    if _are_whole(outer) and (not numeric or are_columns(inner)):  # orient="index"
        rows = [{"": key, **values} for key, values in document.items()]
        return record_cells(rows, source, lambda row: f"key {outer[row]}")
    return None


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(is_scalar, value.values()))


def _are_whole(keys: Iterable[str]) -> bool:
    return all(key.lstrip("-").isdigit() for key in keys)
