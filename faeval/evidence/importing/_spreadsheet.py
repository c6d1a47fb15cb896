"""Workbooks of Excel: the values of one sheet, as Excel last computed them; needs openpyxl."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from faeval._extras import extra
from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._table import most_rows, too_many
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import MOST_COLUMNS, is_number, short, shown, with_names

#: Bytes that a workbook may expand to.
_MOST = 1 << 30


def read_xlsx(content: bytes, source: str, sheet: str | None = None) -> Cells:
    """Read one sheet of an Excel workbook.

    Parameters
    ----------
    content
        What the file holds.
    source
        What to call it.
    sheet
        The name of a sheet. Default: the only one that holds something.

    Raises
    ------
    EvidenceError
        There is no such sheet, several hold something, or a formula has no value.
    MissingExtra
        openpyxl is not installed.
    """
    with extra("import", f"{source}: an Excel file (CSV does not)"):
        import openpyxl  # type: ignore[import-untyped]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > _MOST:
            raise EvidenceError(f"{source}: expands to more than {_MOST >> 30} GB; save it as CSV.")
        values = _load(openpyxl, content, data_only=True)
        title = _title(values, sheet, source)
        rows = [list(row) for row in values[title].iter_rows(values_only=True)]
    except EvidenceError:
        raise
    except Exception as error:  # of a damaged workbook openpyxl raises whatever comes
        reason = short(f"{type(error).__name__}: {error}", 200)
        raise EvidenceError(
            f"{source}: is no Excel workbook that can be read ({reason}); save it as CSV."
        ) from None
    if len(rows) > most_rows.get():
        raise EvidenceError(too_many(source, most_rows.get()))
    if any(cell is None for row in rows for cell in row):
        formulas = _load(openpyxl, content, data_only=False)[title]
        _check_formulas(formulas, rows, source)
        _fill_merged(formulas, rows)
    return _cells(rows, source, title, len(values.sheetnames))


def _load(openpyxl: Any, content: bytes, data_only: bool) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that it does not know
        # Only what is read whole knows of merged cells.
        return openpyxl.load_workbook(
            io.BytesIO(content), read_only=len(content) > 1 << 25, data_only=data_only
        )


def _title(workbook: Any, sheet: str | None, source: str) -> str:
    tables = [each.title for each in workbook.worksheets]
    if sheet is not None:
        if sheet not in tables:
            raise EvidenceError(
                f"{source}: has no sheet {shown(sheet)}; it has {listed(list(map(shown, tables)))}."
            )
        return sheet
    cells_filled = [
        each.title
        for each in workbook.worksheets
        if any(cell is not None for row in each.iter_rows(values_only=True) for cell in row)
    ]
    if len(cells_filled) == 1:
        return str(cells_filled[0])
    if not cells_filled:
        raise EvidenceError(f"{source}: is an empty workbook; give one row for each run.")
    raise EvidenceError(
        f"{source}: has {len(cells_filled)} sheets that hold something"
        f" ({listed(list(map(shown, cells_filled)))}); name one with --sheet."
    )


def _check_formulas(sheet: Any, rows: Sequence[list[Any]], source: str) -> None:
    """Raise EvidenceError where a formula was never computed."""
    from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]

    formulas = sheet.iter_rows(values_only=True)
    for i, (row, cells) in enumerate(zip(rows, formulas, strict=False), 1):
        for j, (value, formula) in enumerate(zip(row, cells, strict=False), 1):
            if value is None and formula is not None:
                raise EvidenceError(
                    f"{source}, cell {get_column_letter(j)}{i}: holds a formula"
                    f" ({shown(formula, 40)}) without its value; open the file in Excel and save"
                    " it, or save it as CSV."
                )


def _fill_merged(sheet: Any, rows: Sequence[list[Any]]) -> None:
    """Write what cells merged over several rows hold into each of those rows."""
    for area in getattr(getattr(sheet, "merged_cells", None), "ranges", ()):
        first = rows[area.min_row - 1][area.min_col - 1]
        for row in rows[area.min_row : area.max_row]:
            row[area.min_col - 1] = first


def _cells(rows: list[list[Any]], source: str, title: str, sheets: int) -> Cells:
    import pandas as pd

    width = max((_width(row) for row in rows), default=0)
    if width > MOST_COLUMNS:
        raise EvidenceError(f"{source}: has {width} columns, and at most {MOST_COLUMNS} are read.")
    notes = [f"sheet {shown(title)}"] if sheets > 1 else []
    start = _header_row(rows, width)
    if skipped := [row for row in rows[:start] if _width(row)]:
        first = next(cell for cell in skipped[0] if cell is not None)
        notes.append(f"{len(skipped)} rows above the header skipped: {shown(first, 50)}")
    header = ["" if cell is None else str(_plain(cell)) for cell in _filled(rows[start], width)]
    below = [_filled(row, width) for row in rows[start + 1 : start + 3]]
    _check_header(header, below, start > 0, source)
    body = [_filled(row, width) for row in rows[start + 1 :]]
    columns = {i: pd.Series([_plain(row[i]) for row in body], dtype=object) for i in range(width)}
    table, rest, more = with_names(pd.DataFrame(columns), header, source)

    def place(row: int) -> str:
        return f"row {start + 2 + (int(rest[row]) if rest is not None else row)}"

    return Cells(table, source, place, (*notes, *more))


def _width(row: Sequence[Any]) -> int:
    return max((i for i, cell in enumerate(row, 1) if cell is not None), default=0)


def _filled(row: Sequence[Any], width: int) -> list[Any]:
    return [*row[:width], *[None] * (width - len(row))]


def _header_row(rows: Sequence[Sequence[Any]], width: int) -> int:
    """Return the first row that has a text in most columns, as a title above has not."""
    columns = [
        sum(1 for row in rows if len(row) > j and row[j] is not None) > 1 for j in range(width)
    ]
    needed = max(1, sum(columns) - 1)
    for i, row in enumerate(rows):
        if sum(cell is not None for cell in row) >= needed:
            return i
    return 0


def _check_header(
    header: Sequence[str], below: Sequence[Sequence[Any]], above: bool, source: str
) -> None:
    if above and below and _width(below[0]) == 1 < len(header):  # names of pandas' index
        raise EvidenceError(
            f"{source}: has two header lines or more, and below them one that names"
            f" {shown(below[0][0])} alone; write one, with a name for each column."
        )
    if len(below) > 1 and _is_second_header(header, *below[:2]):
        raise EvidenceError(
            f"{source}: has two header lines ({shown(', '.join(header))} and below it"
            f" {shown(', '.join('' if c is None else str(c) for c in below[0]))}); write one, with"
            " a name for each column."
        )
    if all(map(is_number, filter(None, header))):
        raise EvidenceError(
            f"{source}: the first row ({shown(', '.join(header))}) names no columns; write a header"
            " above it, such as method, seed, acc."
        )


def _is_second_header(header: Sequence[str], row: Sequence[Any], next_row: Sequence[Any]) -> bool:
    """Whether a row names columns whose names above repeat, or are merged over several."""
    if any(map(is_number, row)) or not any(map(is_number, next_row)):
        return False
    gaps = any(not name and isinstance(cell, str) for name, cell in zip(header, row, strict=True))
    names = list(filter(None, header))
    return gaps or len(set(names)) < len(names)


def _plain(cell: Any) -> Any:
    """Return a cell as a number, True or False, or text; dates as ISO 8601 writes them."""
    if isinstance(cell, str):
        return cell.strip() or None
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
