"""The one sheet of a workbook that holds something is read, its values and not its formulas."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import pytest

from faeval.errors import EvidenceError, MissingExtra
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._forms import zip_form

ROWS = [["method", "seed", "acc"], ["ours", 0, 0.912], ["ours", 1, 0.905], ["base", 0, None]]


def workbook(rows: list[list[Any]], **sheets: list[list[Any]]) -> Any:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for title, more in sheets.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(row)
    return book


def content_of(book: Any) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def read(book: Any, **options: str) -> Cells:
    return cells_of("x.xlsx", content=content_of(book), **options)


def test_cells_come_back_as_they_were_written() -> None:
    found = read(workbook(ROWS, Empty=[]))
    assert found.table.columns.tolist() == ROWS[0]
    assert found.table.astype(object).values.tolist() == ROWS[1:]
    assert found.place(1) == "row 3"
    when = datetime.date(2024, 5, 1)
    found = read(workbook([["a", "b"], [when, True], [" x ", 2**40]]))
    assert found.table.values.tolist() == [["2024-05-01T00:00:00", True], ["x", 2**40]]


def test_rows_above_the_header_and_columns_beside_it_are_skipped() -> None:
    titled = [["Our results"], [], *([None, *row] for row in ROWS)]
    found = read(workbook(titled))
    assert found.table.columns.tolist() == ROWS[0]
    assert found.place(0) == "row 4"
    assert "Our results" in " ".join(found.notes)


def test_cells_merged_over_rows_are_filled() -> None:
    book = workbook([["method", "seed", "acc"], ["ours", 0, 1], [None, 1, 2], ["base", 0, 3]])
    book.active.merge_cells("A2:A3")
    assert read(book).table["method"].tolist() == ["ours", "ours", "base"]


def test_one_of_several_sheets_is_named() -> None:
    book = workbook(ROWS, Other=[["method", "acc"], ["x", 1]])
    with pytest.raises(EvidenceError, match=r"2 sheets .*'Sheet', 'Other'.*--sheet"):
        read(book)
    assert read(book, sheet="Other").table.values.tolist() == [["x", 1]]
    with pytest.raises(EvidenceError, match=r"no sheet 'Third'.*'Sheet', 'Other'"):
        read(book, sheet="Third")


def test_a_formula_that_was_never_computed_is_named() -> None:
    with pytest.raises(EvidenceError, match=r"cell C2.*=1/2"):
        read(workbook([ROWS[0], ["ours", 0, "=1/2"]]))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "empty workbook"),
        ([["method", "acc"]], "no rows"),
        ([["", "acc", None], [None, "mean", "std"], ["ours", 0.9, 0.1]], "two header lines"),
        ([[None, "acc", None], ["seed", 0, 1], ["method"], ["ours", 1, 2]], "two header lines"),
        ([[1, 2], [3, 4]], "names no columns"),
    ],
)
def test_what_is_no_table_is_refused(rows: list[list[Any]], says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        read(workbook(rows))


def test_a_damaged_workbook_is_refused() -> None:
    whole = content_of(workbook(ROWS))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, text[: len(text) // 2] if "sheet1" in name else text)
    for content in (buffer.getvalue(), whole[: len(whole) // 2]):
        with pytest.raises(EvidenceError) as caught:
            cells_of("x.xlsx", content=content)
        assert "\n" not in str(caught.value)


def test_without_its_extra_the_message_has_the_command() -> None:
    try:
        import openpyxl  # noqa: F401
    except ModuleNotFoundError:
        pass
    else:
        pytest.skip("openpyxl is installed")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    assert zip_form(buffer.getvalue()) == "xlsx"
    with pytest.raises(MissingExtra, match=r"faeval\[import\]"):
        cells_of("x.xlsx", content=buffer.getvalue())
