"""Evidence as CSV: read strictly, and written so that the same rows give the same bytes."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._whole_files import replace_file
from faeval.errors import EvidenceError
from faeval.evidence._cells import LONGEST_CELL
from faeval.evidence._table import (
    COLUMNS,
    CutOff,
    check_columns,
    in_order,
    normalise,
    row_of,
    too_many,
)

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

    import pandas as pd
    from numpy.typing import NDArray

_BLOCK = 1 << 20  # bytes of a CSV file that are looked at together
_LONGEST_LINE = 16 * LONGEST_CELL  # bytes
# Python's own limit, of 128 kB, would be met while a bad cell is looked for.
csv.field_size_limit(_LONGEST_LINE)
_LINES = 1 << 16  # of a CSV file in memory at once


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return the table as CSV: sorted by key, UTF-8, floats by their shortest spelling.

    The same rows give the same bytes, whatever their order; :func:`read` gives them back exactly.
    """
    return b"".join(_csv_parts(table))


def digest(table: pd.DataFrame, *, as_read: bool = False) -> str:
    """Return the SHA-256 of :func:`csv_bytes`, by which reports name their evidence.

    It never holds all those bytes. A table that is ``as_read``, from :func:`read`, is not checked
    once more.

    Examples
    --------
    >>> import pandas as pd
    >>> names = {"setting": "coin", "arm": "fair", "metric": "heads"}
    >>> table = pd.DataFrame({"seed": [1, 2], "value": [0, 1]}).assign(**names)
    >>> digest(table) == digest(table[::-1])
    True
    """
    whole = hashlib.sha256()
    for part in _csv_parts(table, as_read):
        whole.update(part)
    return whole.hexdigest()


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write :func:`csv_bytes` to a file; it appears complete or not at all."""
    replace_file(Path(path), *_csv_parts(table))


def _csv_parts(table: pd.DataFrame, as_read: bool = False) -> Iterator[bytes]:
    """The lines of a table as CSV, in key order, some thousands at a time."""
    table = in_order(table if as_read else normalise(table, "the table", row_of))
    yield (",".join(COLUMNS) + "\n").encode()
    columns = {name: _fields(table[name]) for name in COLUMNS if name != "value"}
    values = table["value"].to_numpy()
    for start in range(0, len(table), _LINES):
        part = slice(start, start + _LINES)
        numbers = [repr(v) if v == v else "" for v in values[part].tolist()]
        cells = (
            numbers if n == "value" else columns[n][0][columns[n][1][part]].tolist()
            for n in COLUMNS
        )
        yield "".join(",".join(line) + "\n" for line in zip(*cells, strict=True)).encode()


def _fields(column: pd.Series[Any]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the distinct cells as CSV spells them, and which stands in each row.

    The last is the empty one.
    """
    import pandas as pd

    codes, distinct = pd.factorize(column)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    fields = []
    for cell in distinct.tolist():
        writer.writerow((cell, ""))
        fields.append(text.getvalue().removesuffix(",\n"))
        text.seek(0)
        text.truncate()
    return np.array([*fields, ""], dtype=object), codes


def read_csv(path: Path, most: int) -> pd.DataFrame:
    content = content_of(path, most)
    table = csv_cells(content, path, lambda header: check_columns(header, str(path)))
    return normalise(table, str(path), lambda row: f"line {line_of(content, row)}")


def content_of(path: Path, most: int) -> bytes:
    """Return a file's content; raise EvidenceError at a line or number of lines too many."""
    parts, lines, length = [], 0, 0
    with path.open("rb") as file:
        while part := file.read(_BLOCK):
            parts.append(part)
            lines += part.count(b"\n")
            if lines > most + 1:
                raise EvidenceError(too_many(path, most))
            length = length + len(part) if b"\n" not in part else len(part) - part.rfind(b"\n") - 1
            if length > _LONGEST_LINE:
                raise EvidenceError(
                    f"{path}, line {lines + 1}: is longer than {_LONGEST_LINE >> 20} MB; it is no"
                    " row of a table."
                )
    content = b"".join(parts)
    if b"\r" in content and b"\n" not in content:  # as old spreadsheets end lines
        content = content.replace(b"\r", b"\n")
        if content.count(b"\n") > most + 1:
            raise EvidenceError(too_many(path, most))
    return content


def csv_cells(
    content: bytes, path: Path, check_header: Callable[[list[str]], None]
) -> pd.DataFrame:
    import pandas as pd

    if not content.strip():
        raise EvidenceError(
            f"{path}: is empty; an evidence table starts with the line {','.join(COLUMNS)}."
        )
    if b"\0" in content:
        raise EvidenceError(f"{path}: is a binary file, no CSV; Parquet files end in .parquet.")
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise EvidenceError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8; save the file as"
            " UTF-8."
        ) from None
    header: list[str] = []
    try:
        header = next(fields for fields in _csv_reader(content) if fields)
        check_header(header)
        _check_last_line(content, len(header), path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.BytesIO(content),
                encoding="utf-8-sig",
                dtype="str",  # any other type would turn an arm called 1e3 into a number
                index_col=False,
                keep_default_na=False,
                na_filter=False,
            )
        # pandas renames the second of two columns of one name, and those without any.
        names = zip(header, table.columns, strict=True)
        return table.set_axis(
            [name if header.count(name) > 1 and name else unique for name, unique in names], axis=1
        )
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if header and (many := _too_many_fields(content, len(header))):
            raise EvidenceError(f"{path}{many}; put a cell that holds a comma in quotes.") from None
        raise EvidenceError(
            f"{path}: is no regular CSV ({' '.join(str(error).split())}); every line needs "
            "the fields that the first one names."
        ) from None


def _csv_reader(content: bytes) -> CsvReader:
    return csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))


def _check_last_line(content: bytes, fields: int, path: Path) -> None:
    """A file that was cut off shows in its last line; pandas would fill the gap with nothing."""
    start = content.rfind(b"\n", 0, len(content.rstrip(b"\r\n"))) + 1
    last = content[start:].decode("utf-8-sig").rstrip("\r\n")
    if '"' not in last and last.count(",") + 1 < fields:
        raise CutOff(
            f"{path}: the last line, {last[:60]!r}, has {last.count(',') + 1} of {fields} fields; "
            "the file was cut off, get it again."
        )


def _too_many_fields(content: bytes, fields: int) -> str:
    """Say which line first has more fields than the header; nothing where none has."""
    reader = _csv_reader(content)
    with contextlib.suppress(csv.Error):
        for row in reader:
            if len(row) > fields:
                return (
                    f", line {reader.line_num}: has {len(row)} fields, and the first line names"
                    f" {fields}"
                )
    return ""


def line_of(content: bytes, row: int) -> int:
    """Return the line on which a row ends, blank lines and breaks in quotes counted."""
    reader = _csv_reader(content)
    numbers = (reader.line_num for fields in reader if fields)
    return next((line for position, line in enumerate(numbers) if position == row + 1), row + 2)
