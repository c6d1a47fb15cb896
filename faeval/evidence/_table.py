"""The tidy table: one row is one number of one run; and how much of it a file may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faeval.errors import EvidenceError
from faeval.evidence._cells import BadCell, refusal, text_cells, value_cells, whole_cells
from faeval.evidence._endings import is_state, states_of, status_cells, worse

if TYPE_CHECKING:  # a worker process keeps records without ever needing a table
    import pandas as pd

#: The columns of an evidence table, in order.
COLUMNS = ("setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run")
#: The columns that together name a number; a table that decides anything has each combination once.
KEY = COLUMNS[:6]


_TEXT = ("setting", "arm", "metric", "status", "run")
_OPTIONAL = ("epoch", "layer", "status", "run")
#: Where a table keeps what is to be said beside any verdict that rests on it.
REMARKS = "faeval_remarks"
#: Rows of a file at most, unless more are asked for: a small file can expand without end.
MOST_ROWS = 50_000_000
most_rows = ContextVar("most_rows", default=MOST_ROWS)


class CutOff(EvidenceError):
    """A file of evidence was cut off or damaged after it was written."""

    exit_code = 12


class OtherColumns(EvidenceError):
    """A table has not the columns of evidence."""


def limit_rows(most: int) -> None:
    """Set how many rows a file of evidence may have from here on, without ``max_rows``."""
    most_rows.set(most)


def too_many(path: Path | str, most: int) -> str:
    """Say that a file holds more rows than it may, and what reads them."""
    return (
        f"{path}: holds more than {most} rows; --max-rows (max_rows= in Python) reads more of them."
    )


def column_of(name: Any) -> str:
    """Return the column that a header names, in any case of letters; others as they are."""
    word = str(name).strip().lower()
    return word if word in COLUMNS else str(name)


def check_rows(table: pd.DataFrame, source: str) -> None:
    """Raise EvidenceError where a table holds no rows."""
    if not len(table):
        raise EvidenceError(
            f"{source}: holds no rows, only the names of its columns; give a table with one row a"
            " number."
        )


def check_columns(found: list[str], source: str) -> None:
    """Raise EvidenceError unless every required column is there, and none twice."""
    there = set(map(column_of, found))
    missing = [name for name in COLUMNS if name not in there and name not in _OPTIONAL]
    if missing:
        raise OtherColumns(
            f"{source}: column{'s' * (len(missing) > 1)} {', '.join(missing)} missing; it has"
            f" {', '.join(map(repr, found[:12])) or 'none'}. An evidence table has the columns"
            f" {', '.join(COLUMNS)}."
        )
    check_once([name for name in found if column_of(name) in COLUMNS or is_state(name)], source)


def check_once(found: list[str], source: str) -> None:
    """Raise EvidenceError where a column stands twice, in whatever case of letters."""
    alike: dict[str, list[str]] = {}
    for name in found:
        alike.setdefault(name.strip().lower(), []).append(name)
    for names in alike.values():
        if len(set(names)) > 1:
            raise EvidenceError(
                f"{source}: columns {' and '.join(map(repr, names))} differ in the case of their"
                " letters alone; keep one."
            )
        if len(names) > 1:
            raise EvidenceError(f"{source}: column {names[0]} stands {len(names)} times; keep one.")


def normalise(
    table: pd.DataFrame,
    source: str,
    place: Callable[[int], str],
    called: Callable[[str, int], str] | None = None,
) -> pd.DataFrame:
    """Return the table with exactly :data:`COLUMNS` and their types; other columns are left out.

    Text is ``str``, seed int64, epoch and layer nullable Int64, value float64. Rows keep their
    order; none is dropped. This is where cells get their meaning, whichever way they came, and
    columns their names, in any case of letters. A run that its status, or a column such as
    ``State``, ``is_failed`` or ``exit_code``, calls crashed, failed or killed is ``diverged``,
    whatever number it left; one that is not over is refused. Where nothing is said, a finite number
    is measured, and an empty cell, ``NaN``, ``N/A`` or infinity is ``undefined``. What is to be
    said of columns that may say how runs ended, and cannot be read, stands in ``attrs``.

    Parameters
    ----------
    source
        What to call the table in a message.
    place
        What to call a row (counted from 0) in a message, such as ``"line 7"``.
    called
        What to call a column in a message about a row, where it has another name in its source.

    Raises
    ------
    EvidenceError
        A column is missing or double, or a cell has the wrong type; names the first such row and
        its value.
    """
    import pandas as pd

    check_columns([str(name) for name in table.columns], source)
    remarks = table.attrs.get(REMARKS, ())
    columns: dict[str, Any] = {}
    table = table.rename(columns=column_of)
    states = states_of(table, source, place, but={"status"})
    if (endings := states.said) is not None:
        table = table.assign(
            status=worse(table["status"], endings) if "status" in table.columns else endings
        )
    for name in COLUMNS:
        if name not in table.columns:
            table = table.assign(**{name: pd.Series(pd.NA, index=table.index, dtype="object")})
        column = table[name].reset_index(drop=True)
        try:
            if name == "status":
                columns[name], columns["value"] = status_cells(column, columns["value"])
            elif name in _TEXT:
                columns[name] = text_cells(name, column)
            elif name == "value":
                columns[name] = value_cells(column)
            else:
                columns[name] = whole_cells(name, column)
        except BadCell as bad:
            name = called(name, bad.row) if called else name
            raise refusal(bad, column, name, source, place) from None
    result = pd.DataFrame(columns, columns=list(COLUMNS))
    if remarks := tuple(dict.fromkeys([*remarks, *states.unread.values()])):
        result.attrs[REMARKS] = remarks
    return result


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows sorted by key, empty first, then by the rest."""
    keys = [key for name in KEY for key in _sort_keys(name, table[name])]
    order = np.lexsort(keys[::-1])
    if _has_ties(keys, order):  # rows of one key, for which alone the rest is looked at
        keys += [key for name in COLUMNS[len(KEY) :] for key in _sort_keys(name, table[name])]
        order = np.lexsort(keys[::-1])
    if (order[:-1] < order[1:]).all():
        return table.reset_index(drop=True)
    return table.take(order).reset_index(drop=True)


def _sort_keys(name: str, column: pd.Series[Any]) -> Iterator[NDArray[Any]]:
    """Yield numbers by which a column sorts: whether a cell is there, and which it is."""
    import pandas as pd

    there = column.notna().to_numpy(dtype=bool)
    if not there.all():
        yield there
    if name in _TEXT:
        yield pd.factorize(column, sort=True)[0]
    else:
        yield column.fillna(0).to_numpy(dtype=np.float64 if name == "value" else np.int64)


def _has_ties(keys: Sequence[NDArray[Any]], order: NDArray[np.int64]) -> bool:
    tied = np.ones(max(0, len(order) - 1), dtype=bool)
    for key in keys:
        ordered = key[order]
        tied &= ordered[1:] == ordered[:-1]
    return bool(tied.any())


def row_of(row: int) -> str:
    """What to call a row of a table that has no lines."""
    return f"row {row} (counted from 0)"
