"""Evidence as CSV: read strictly, and written so that the same rows give the same bytes."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
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
LONGEST_LINE = 16 * LONGEST_CELL  # bytes
# Python's own limit, of 128 kB, would be met while a bad cell is looked for.
csv.field_size_limit(LONGEST_LINE)
_LINES = 1 << 16  # of a CSV file in memory at once


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return the table as CSV: sorted by key, UTF-8, floats by their shortest spelling.

    The same rows give the same bytes, whatever their order; :func:`read` gives them back exactly.
    """
    return b"".join(_csv_parts(table))


def digest(table: pd.DataFrame) -> str:
    """Return the SHA-256 of :func:`csv_bytes`, by which reports name their evidence.

    It never holds all those bytes.

    Examples
    --------
    >>> import pandas as pd
    >>> names = {"setting": "coin", "arm": "fair", "metric": "heads"}
    >>> table = pd.DataFrame({"seed": [1, 2], "value": [0, 1]}).assign(**names)
    >>> digest(table) == digest(table[::-1])
    True
    """
    whole = hashlib.sha256()
    for part in _csv_parts(table):
        whole.update(part)
    return whole.hexdigest()


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write :func:`csv_bytes` to a file; it appears complete or not at all."""
    replace_file(Path(path), *_csv_parts(table))


def _csv_parts(table: pd.DataFrame) -> Iterator[bytes]:
    """The lines of a table as CSV, in key order, some thousands at a time."""
    table = in_order(normalise(table, "the table", row_of))
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
    with path.open("rb") as file:
        return bounded(iter(lambda: file.read(_BLOCK), b""), str(path), most)


def bounded(parts: Iterable[bytes], source: str, most: int, longest: int = LONGEST_LINE) -> bytes:
    """Join the parts of a text; raise EvidenceError at a line or number of lines too many."""
    kept, lines, length = [], 0, 0
    for part in parts:
        kept.append(part)
        lines += part.count(b"\n")
        if lines > most + 1:
            raise EvidenceError(too_many(source, most))
        length = length + len(part) if b"\n" not in part else len(part) - part.rfind(b"\n") - 1
        if length > longest:
            raise EvidenceError(
                f"{source}, line {lines + 1}: is longer than {longest >> 20} MB; it is no row of a"
                " table."
            )
    content = b"".join(kept)
    if b"\r" in content and b"\n" not in content:  # as old spreadsheets end lines
        content = content.replace(b"\r", b"\n")
        if content.count(b"\n") > most + 1:
            raise EvidenceError(too_many(source, most))
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
        header = next(fields for fields in csv_reader(content) if fields)
        check_header(header)
        _check_last_line(content, len(header), path)
        table = fields_of(content)
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


def fields_of(
    content: bytes,
    delimiter: str = ",",
    names: Sequence[str] | None = None,
    empty: str | None = None,
    start: int = 0,
) -> pd.DataFrame:
    """Read the fields of each line as text.

    Parameters
    ----------
    content
        UTF-8, with or without a BOM.
    names
        What to call the columns, where the first line does not say it.
    empty
        The text of a cell that holds nothing; None of text that is kept as it stands.
    start
        The byte at which the first line begins.
    """
    import pandas as pd

    file = io.BytesIO(content)
    file.seek(start)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            file,
            sep=delimiter,
            encoding="utf-8-sig",
            dtype="str",  # any other type would turn an arm called 1e3 into a number
            header="infer" if names is None else None,
            names=None if names is None else list(names),
            index_col=False,
            keep_default_na=False,
            na_filter=empty is not None,
            na_values=empty,
        )


def csv_reader(content: bytes, delimiter: str = ",", start: int = 0) -> CsvReader:
    """Return Python's reader of the lines of a text, which knows how many lines it has read."""
    file = io.BytesIO(content)
    file.seek(start)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    return csv.reader(text, delimiter=delimiter)


def _check_last_line(content: bytes, fields: int, path: Path) -> None:
    """A file that was cut off shows in its last line; pandas would fill the gap with nothing."""
    start = content.rfind(b"\n", 0, len(content.rstrip(b"\r\n"))) + 1
    last = content[start:].decode("utf-8-sig").rstrip("\r\n")
    if '"' in last or last.count(",") + 1 >= fields:
        return
    has = f"{path}: the last line, {last[:60]!r}, has {last.count(',') + 1} of {fields} fields;"
    # What ends its line was written so: it is no row.
    if last.startswith("#") or content.endswith((b"\n", b"\r")):
        raise EvidenceError(f"{has} it is no row of the table, remove it.")
    raise CutOff(f"{has} the file was cut off, get it again.")


def _too_many_fields(content: bytes, fields: int) -> str:
    """Say which line first has more fields than the header; nothing where none has."""
    line, row = odd_line(content, lambda row: len(row) > fields)
    if not row:
        return ""
    return f", line {line}: has {len(row)} fields, and the first line names {fields}"


def odd_line(
    content: bytes, is_odd: Callable[[list[str]], bool], delimiter: str = ",", start: int = 0
) -> tuple[int, list[str]]:
    """Return where the first row ends of which something holds, and the row; else 0 and none."""
    reader = csv_reader(content, delimiter, start)
    with contextlib.suppress(csv.Error):
        for row in reader:
            if _is_row(row) and is_odd(row):
                return reader.line_num, row
    return 0, []


def _is_row(fields: list[str]) -> bool:
    """Whether a line is more than blanks, which pandas passes over."""
    return len(fields) > 1 or bool(fields and fields[0].strip())


def line_of(content: bytes, row: int, delimiter: str = ",", header: int = 1, start: int = 0) -> int:
    """Return the line on which a row ends, blank lines and breaks in quotes counted.

    Before the rows stand so many lines of a header.
    """
    reader = csv_reader(content, delimiter, start)
    numbers = (reader.line_num for fields in reader if _is_row(fields))
    return next(islice(numbers, row + header, None), row + header + 1)
