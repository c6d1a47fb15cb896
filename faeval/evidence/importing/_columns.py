"""Columns of a table get their names: an index, empty columns and empty rows are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Columns of a table at most.
MOST_COLUMNS = 20_000
_UNNAMED = re.compile(r"Unnamed: 0(\.\d+)*")


def shown(text: object, most: int = 60) -> str:
    """Return text of others in quotes, as one short line in which nothing acts."""
    return repr(short(text, most))


def short(text: object, most: int = 60) -> str:
    """Return text of others as one short line in which nothing acts."""
    line = clean(cut(str(text), 10 * most))
    return line if len(line) <= most else line[: most - 3] + "..."


def is_number(text: object) -> bool:
    """Whether a cell is a number as most programs write one."""
    if isinstance(text, bool):
        return False
    if not isinstance(text, str):
        return isinstance(text, int | float)
    try:
        float(text.removesuffix("%").replace(",", "." if text.count(",") == 1 else ","))
    except ValueError:
        return False
    return True


def with_names(
    table: pd.DataFrame, header: Sequence[str], source: str, row_names: bool = False
) -> tuple[pd.DataFrame, NDArray[np.int64] | None, list[str]]:
    """Give a table the names of its columns.

    ``row_names``: the first column has no name because it numbers the rows, from 0 or 1.

    Returns the table, which of its rows are kept (None: all), and notes.
    """
    if len(header) > MOST_COLUMNS:
        raise EvidenceError(
            f"{source}: has {len(header)} columns, and at most {MOST_COLUMNS} are read."
        )
    names = [name.strip() for name in header]
    notes: list[str] = []
    table, rows = _without_empty_rows(table, names, notes)
    there = [i for i, n in enumerate(names) if n or bool(table.iloc[:, i].notna().any())]
    names = [names[i] for i in there]
    table = _without_index(table.iloc[:, there], names, row_names, notes)
    if not names or not len(table):
        shown_names = [shown(name, 40) for name in names]
        raise EvidenceError(
            f"{source}: holds no rows, only the names of its columns"
            f" ({listed(shown_names) or 'none'}); give one row for each run."
        )
    names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    return table.set_axis(names, axis=1), rows, notes


def _without_index(
    table: pd.DataFrame, names: list[str], row_names: bool, notes: list[str]
) -> pd.DataFrame:
    """Leave out first columns that only number the rows; give another without a name one."""
    while len(names) > 1 and _is_unnamed(names[0]) and _counts_rows(table.iloc[:, 0], row_names):
        notes.append("the first column only numbers the rows; it is left out")
        table = table.iloc[:, 1:]
        del names[0]
    if names and _is_unnamed(names[0]):
        names[0] = "index" if "index" not in names else "unnamed index"
        notes.append(f"the first column has no name; it is called {names[0]!r} here")
    return table


def _is_unnamed(name: str) -> bool:
    return not name or _UNNAMED.fullmatch(name) is not None


def _without_empty_rows(
    table: pd.DataFrame, names: Sequence[str], notes: list[str]
) -> tuple[pd.DataFrame, NDArray[np.int64] | None]:
    """Leave out rows that hold nothing, as spreadsheets write, and lines of the header again."""
    if not len(table.columns):
        return table, None
    first = table.iloc[:, 0]
    empty = np.array(first.isna(), dtype=bool)
    if empty.any():
        empty[empty] = table[empty].isna().all(axis=1).to_numpy(dtype=bool)
    again = np.array((first == names[0]).fillna(False), dtype=bool)
    if again.any():
        again[again] = (
            (table[again].fillna("").astype(str) == list(names)).all(axis=1).to_numpy(dtype=bool)
        )
    rest = ~(empty | again)
    if rest.all():
        return table, None
    for mask, what in ((empty, "hold nothing"), (again, "repeat the header")):
        if n := int(mask.sum()):
            one = what.replace("hold", "holds").replace("repeat", "repeats")
            notes.append(f"1 row {one}, and is skipped" if n == 1 else f"{n} rows {what}, skipped")
    return table[rest].reset_index(drop=True), np.flatnonzero(rest)


def _counts_rows(column: pd.Series[Any], from_one: bool) -> bool:
    """Whether the cells are 0, 1, 2, ... as pandas writes an index; or as R does, from 1."""
    import pandas as pd

    first = str(column.iloc[0]) if len(column) else ""
    if first != "0" and not (from_one and first == "1"):
        return False
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return bool(np.array_equal(numbers, np.arange(len(column)) + int(first)))
