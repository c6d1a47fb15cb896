"""Cells of a table become text, whole numbers and values; one that cannot be used is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faeval.errors import EvidenceError

if TYPE_CHECKING:
    import pandas as pd

#: The longest cell, in characters.
LONGEST_CELL = 1 << 20
_FILL = {"arm": "", "run": ""}  # an arm without a label is the arm of all defaults
#: How others write that there is no number.
NOTHING = frozenset((
    "", "nan", "+nan", "-nan", "na", "n/a", "<na>", "#n/a", "#na", "null", "none", "nil", "-", "--",
    "\u2014",
))  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
SHOWN = 60


class Unusable(ValueError):
    """Why a cell cannot be used; the column and the place are added by whoever knows them."""


def refusal(
    bad: BadCell, column: pd.Series[Any], name: str, source: str, place: Callable[[int], str]
) -> EvidenceError:
    """Return the error that names a cell that cannot be used."""
    value = column.iloc[bad.row]
    text = "nothing" if bad.missing else f"{str(value)[:SHOWN]!r} ({type(value).__name__})"
    return EvidenceError(
        f"{source}, {place(bad.row)}: column {name} holds {text}, which {bad.why}."
    )


class BadCell(Exception):
    """A cell that cannot be used: its row, why, and whether nothing stands there."""

    def __init__(self, row: int, why: str, missing: bool = False) -> None:
        self.row, self.why, self.missing = row, why, missing


def distinct_cells(
    column: pd.Series[Any], convert: Callable[[Any], Any], missing: str | None
) -> tuple[Any, list[Any], bool]:
    """Convert each distinct value once; ``missing`` says why a missing one is refused, if it is.

    Returns which of the converted values stands in each row (-1 where nothing does), those, and
    whether any differs from what the column holds.
    """
    import pandas as pd

    try:
        codes, distinct = pd.factorize(column)
    except (TypeError, ValueError):  # cells that are lists or the like
        raise BadCell(0, "is in a column that mixes types; write plain text or numbers") from None
    if missing is not None and (codes < 0).any():
        raise BadCell(int(np.argmax(codes < 0)), missing, missing=True)
    converted, bad = [], {}
    for code, value in enumerate(distinct):
        try:
            converted.append(convert(value))
        except Unusable as error:
            bad[code] = str(error)
    if bad:
        row = int(np.argmax(np.isin(codes, list(bad))))
        raise BadCell(row, bad[int(codes[row])], missing=column.iloc[row] == "")
    return codes, converted, bool((codes < 0).any()) or converted != list(distinct)


def text_cells(name: str, column: pd.Series[Any]) -> Any:
    import pandas as pd

    def convert(given: Any) -> str:
        if not isinstance(given, str):
            raise Unusable("is no text; write it as text")
        value = given or _FILL.get(name, "")
        if not value and name not in _FILL:
            raise Unusable(f"is not allowed; write the {name}")
        if len(value) > LONGEST_CELL:
            raise Unusable(f"is longer than {LONGEST_CELL >> 20} MB; write a short name")
        if _CONTROL.search(value):
            raise Unusable("holds a line break or another control character; use printable text")
        return value

    fill = _FILL.get(name)
    refusal = None if fill is not None else f"is not allowed; write the {name}"
    codes, texts, changed = distinct_cells(column, convert, refusal)
    if column.dtype == "str" and not changed:  # as all of a large table that was read before
        return column.array
    # Code -1, missing, takes the last.
    return pd.Series([*texts, fill or ""], dtype="str").iloc[codes].array


def whole_cells(name: str, column: pd.Series[Any]) -> Any:
    import pandas as pd

    form = "a whole number of at least 0" if name == "seed" else "a whole number, or empty"

    def convert(value: Any) -> int | None:
        if isinstance(value, str) and not value.strip() and name != "seed":
            return None
        number = number_of(value)
        # Beyond 2**53 a float no longer tells neighbours apart: which number was meant is lost.
        if number is None or (
            isinstance(number, float) and not (number.is_integer() and abs(number) < 2**53)
        ):
            raise Unusable(f"is not {form}")
        if not -(2**63) <= number < 2**63:
            raise Unusable("does not fit 64 bits")
        if name == "seed" and number < 0:
            raise Unusable(f"is not {form}")
        return int(number)

    if str(column.dtype) == ("int64" if name == "seed" else "Int64") and not (
        name == "seed" and (column < 0).any()
    ):
        return column.array
    codes, numbers, _ = distinct_cells(
        column, convert, "is not allowed; write the seed" if name == "seed" else None
    )
    if name == "seed":
        return np.array(numbers, dtype=np.int64)[codes]
    return pd.array([*numbers, None], dtype="Int64").take(codes)


def number_of(value: Any) -> int | float | None:
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, str) and "_" not in value:
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                pass
    return None


def value_cells(column: pd.Series[Any]) -> NDArray[np.float64]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy(dtype=np.float64)
    cells = column.to_numpy(dtype=object, copy=True)
    # Before any comparison: pandas' NA is neither equal nor unequal.
    cells[column.isna().to_numpy(dtype=bool)] = np.nan
    cells[cells == ""] = np.nan
    try:
        numbers = cells.astype(np.float64)
        if "_" not in "".join(cell for cell in cells.tolist() if isinstance(cell, str)):
            return numbers
    except (TypeError, ValueError):
        pass
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and cell.strip().lower() in NOTHING:
            cells[row] = np.nan
        elif not isinstance(cell, bool | np.bool_) and number_of(cell) is None:
            raise BadCell(
                row,
                "is no number; write a decimal number with a point, or nothing where it is"
                " undefined. Where a run failed, write nothing, and diverged in a column status",
            )
    return cells.astype(np.float64)
