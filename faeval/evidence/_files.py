"""Packs of evidence on disk: CSV for people, Parquet for size. Both are deterministic and written
by rename.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from faeval._extras import extra
from faeval._whole_files import replace_file, settle
from faeval.errors import EvidenceError
from faeval.evidence._table import (
    COLUMNS,
    LONGEST_CELL,
    check_columns,
    check_rows,
    column_of,
    in_order,
    is_state,
    normalise,
)

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

    import pandas as pd
    from numpy.typing import NDArray

    from faeval.evidence._store import Store


class CutOff(EvidenceError):
    """A file of evidence was cut off or damaged after it was written, as far as it shows without a
    checksum.
    """

    exit_code = 12


#: What :func:`read` takes.
Source: TypeAlias = "pd.DataFrame | str | Path | Store"

#: Rows of a file at most, unless more are asked for: a small file can expand without end.
MOST_ROWS = 50_000_000
_most_rows = ContextVar("most_rows", default=MOST_ROWS)
_SEAL = b"faeval sha256 "
_BLOCK = 1 << 20  # bytes of a CSV file that are looked at together
_LONGEST_LINE = 16 * LONGEST_CELL  # bytes
_USUAL_CELL = 1000  # bytes, on average over a column
csv.field_size_limit(
    _LONGEST_LINE
)  # Python's own, of 128 kB, would be met while a bad cell is looked for
_LINES = 1 << 16  # of a CSV file in memory at once
#: The names of a pack of evidence in a report's folder.
PACKS = ("evidence.csv", "evidence.parquet")


def limit_rows(most: int) -> None:
    """Let files of evidence have so many rows at most from here on, wherever they are read without
    ``max_rows``.
    """
    _most_rows.set(most)


def read(source: Source, *, max_rows: int | None = None) -> pd.DataFrame:
    """Read evidence from anywhere into one tidy table.

    Rows keep their order and none is dropped: a row that cannot be believed (a repeated key, a NaN
    marked measured) makes the claims invalid that read it, not the table. Columns that evidence
    does not have are left out.

    Parameters
    ----------
    source
        A DataFrame, a CSV or Parquet file, a folder that holds ``evidence.csv`` or
        ``evidence.parquet``, or a store (a :class:`Store`, or its folder). Columns ``epoch``,
        ``layer``, ``status`` and ``run`` may be absent or empty.
    max_rows
        A file with more rows is refused before it is read: 50 million by default, or what
        ``--max-rows`` says.

    Returns
    -------
    pandas.DataFrame
        The columns :data:`COLUMNS`: text as str, seed int64, epoch and layer Int64, value float64
        with NaN where empty.

    Raises
    ------
    EvidenceError
        It is no evidence table: a missing column, text for a number, a seed that is no whole number
        >= 0, an unknown status, an empty, binary, cut off or unreadable file, one without rows (but
        a report's), or one with too many rows or with a cell beyond 1 MB.
    Tampered
        A record of the store does not match its checksum.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"setting": "coin", "arm": "fair", "seed": [1, 2], "metric": "heads", "value": [0, 1]})
    >>> read(table)["status"].tolist()
    ['measured', 'measured']
    """
    import pandas as pd

    from faeval.evidence._store import Store

    if isinstance(source, pd.DataFrame):
        return normalise(source, "the table", row_of)
    if isinstance(source, Store):
        return source.table()
    if not isinstance(source, str | os.PathLike):
        raise EvidenceError(
            f"evidence: {str(source)[:60]!r} ({type(source).__name__}) is neither a DataFrame, a"
            " path nor a Store."
        )
    try:
        return _read_path(Path(source), _most_rows.get() if max_rows is None else max_rows)
    except OSError as error:
        raise EvidenceError(
            f"{source}: cannot be read ({error.strerror or error}); give an evidence file."
        ) from error


def _read_path(path: Path, most: int) -> pd.DataFrame:
    from faeval.evidence._store import Store

    settle(path if path.is_dir() else path.parent)
    if path.is_dir():
        found = pack_of(path)
        if found is None and (path / "runs").is_dir():
            return Store(path).table()
        if found is None:
            raise EvidenceError(
                f"{path}: holds neither {' nor '.join(PACKS)} nor a store; name a file or such a"
                " folder."
            )
        path = found
    table = (
        _read_parquet(path, most)
        if path.suffix.lower() in (".parquet", ".pq")
        else _read_csv(path, most)
    )
    if not (
        path.parent / "verdicts.json"
    ).is_file():  # of claims that were not run, a report's evidence is empty
        check_rows(table, str(path))
    return table


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return the table as CSV: sorted by key, UTF-8, one ``\\n`` a row, floats by their shortest
    exact spelling.

    The same rows give the same bytes, whatever their order; :func:`read` gives them back exactly.
    """
    return b"".join(_csv_parts(table))


def apart(one: str, other: str, most: int = 12) -> tuple[str, str]:
    """Return two digests in short, or whole where their short forms are equal.

    Examples
    --------
    >>> apart("0123456789abcdef", "fedcba9876543210"), apart("0123456789abcdef", "0123456789abcdee")
    (('0123456789ab', 'fedcba987654'), ('0123456789abcdef', '0123456789abcdee'))
    """
    return (one, other) if one[:most] == other[:most] else (one[:most], other[:most])


def digest(table: pd.DataFrame) -> str:
    """Return the SHA-256 of :func:`csv_bytes`, which reports name their evidence by; never holds
    all those bytes.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"setting": "coin", "arm": "fair", "seed": [1, 2], "metric": "heads", "value": [0, 1]})
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


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table, sorted by key, as Parquet; deterministic for one version of pyarrow. Needs
    ``faeval[data]``.

    Pages carry their checksums, which any reader may verify; a digest of the whole file stands
    before its footer, where no other reader looks.
    """
    arrow, parquet = _pyarrow(Path(path))
    kinds = {
        "seed": arrow.int64(),
        "epoch": arrow.int64(),
        "layer": arrow.int64(),
        "value": arrow.float64(),
    }
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
    packed = arrow.Table.from_pandas(in_order(read(table)), schema=schema, preserve_index=False)
    buffer = io.BytesIO()
    parquet.write_table(
        packed.replace_schema_metadata(None), buffer, compression="zstd", write_page_checksum=True
    )
    content = buffer.getvalue()
    at = _footer(content)
    replace_file(Path(path), content[:at], _SEAL, hashlib.sha256(content).digest(), content[at:])


def _footer(content: bytes) -> int:
    """Where the footer of a Parquet file begins, by the length that stands behind it."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def _check_seal(content: bytes, path: Path) -> None:
    """Raise CutOff where a file of ours is not as it was written; a damaged footer can give other
    numbers without a word.
    """
    at = _footer(content)
    begin = at - len(_SEAL) - 32
    if begin < 0 or not content[begin:at].startswith(_SEAL):
        return
    whole = hashlib.sha256(memoryview(content)[:begin])
    whole.update(memoryview(content)[at:])
    if whole.digest() != content[at - 32 : at]:
        raise CutOff(
            f"{path}: does not match its own checksum; it was altered or cut off after it was"
            " written. Restore it."
        )


def _csv_parts(table: pd.DataFrame) -> Iterator[bytes]:
    """The lines of a table as CSV, in key order, some thousands at a time."""
    table = in_order(read(table))
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
    """The distinct cells of a column as CSV spells them, and which of them stands in each row; the
    last is the empty one.
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


def row_of(row: int) -> str:
    """What to call a row of a table that has no lines."""
    return f"row {row} (counted from 0)"


def pack_of(folder: Path) -> Path | None:
    """Return the file of evidence in a folder, if it has one."""
    return next((folder / name for name in PACKS if (folder / name).exists()), None)


def read_cells(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    """Read any CSV or Parquet file as it stands, and what to call a row of it: the cells of a CSV
    are text.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return _parquet_cells(path, _most_rows.get(), lambda _: None), row_of
        content = _csv_bytes(path, _most_rows.get())
        return _csv_cells(content, path, lambda _: None), lambda row: f"line {_line(content, row)}"
    except OSError as error:
        raise EvidenceError(
            f"{path}: cannot be read ({error.strerror or error}); give a CSV or Parquet file."
        ) from error


def _read_csv(path: Path, most: int) -> pd.DataFrame:
    content = _csv_bytes(path, most)
    table = _csv_cells(content, path, lambda header: check_columns(header, str(path)))
    return normalise(table, str(path), lambda row: f"line {_line(content, row)}")


def _csv_bytes(path: Path, most: int) -> bytes:
    """Return a file's content; raise EvidenceError as soon as it has more lines, or a longer one,
    than a table may have.
    """
    parts, lines, length = [], 0, 0
    with path.open("rb") as file:
        while part := file.read(_BLOCK):
            parts.append(part)
            lines += part.count(b"\n")
            if lines > most + 1:
                raise EvidenceError(_too_many(path, most))
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
            raise EvidenceError(_too_many(path, most))
    return content


def _too_many(path: Path, most: int) -> str:
    return (
        f"{path}: holds more than {most} rows; --max-rows (max_rows= in Python) reads more of them."
    )


def _csv_cells(
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
            [name if header.count(name) > 1 and name else made for name, made in names], axis=1
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
    """Which line is the first that has more fields than the header, as a message says it; nothing
    where none has.
    """
    reader = _csv_reader(content)
    with contextlib.suppress(csv.Error):
        for found in reader:
            if len(found) > fields:
                return (
                    f", line {reader.line_num}: has {len(found)} fields, and the first line names"
                    f" {fields}"
                )
    return ""


def _line(content: bytes, row: int) -> int:
    """The line on which a row of the table ends, blank lines and line breaks inside quotes counted."""
    reader = _csv_reader(content)
    filled = (reader.line_num for fields in reader if fields)
    return next((line for position, line in enumerate(filled) if position == row + 1), row + 2)


def _read_parquet(path: Path, most: int) -> pd.DataFrame:
    table = _parquet_cells(
        path, most, lambda header: check_columns(header, str(path)), only=COLUMNS
    )
    return normalise(table, str(path), row_of)


def _parquet_cells(
    path: Path,
    most: int,
    check_header: Callable[[list[str]], None],
    only: Sequence[str] | None = None,
) -> pd.DataFrame:
    import pandas as pd

    arrow, parquet = _pyarrow(path)
    content = path.read_bytes()
    _check_seal(content, path)
    buffer = io.BytesIO(content)
    try:
        head = parquet.ParquetFile(buffer)
        schema = head.schema_arrow
        found = list(schema.names)
        check_header(found)
        wanted = (
            found
            if only is None
            else [name for name in found if column_of(name) in only or is_state(name)]
        )
        _check_size(path, head.metadata, most)
        text = [
            name
            for name in wanted
            if found.count(name) == 1 and schema.field(name).type == arrow.string()
        ]
        # A name a million times is kept once.
        file = parquet.ParquetFile(buffer, read_dictionary=text, page_checksum_verification=True)
        cells = file.read(columns=wanted)
        whole = {
            arrow.int64(): pd.Int64Dtype()
        }  # else a column with gaps would be floats, and large numbers change
        plain = cells.replace_schema_metadata(
            None
        )  # what another program wrote of pandas is not to be read
        table: pd.DataFrame = plain.to_pandas(types_mapper=whole.get)
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        kind = CutOff if content.startswith(b"PAR1") else EvidenceError
        raise kind(f"{path}: is no readable Parquet file ({str(error).splitlines()[0]}).") from None
    return table


def _check_size(path: Path, metadata: Any, most: int) -> None:
    """Raise EvidenceError where a file says of itself that it holds more than a table may, before
    anything is expanded.
    """
    # Columns are not asked one by one: where what a file says of one is damaged, pyarrow ends the
    # process there.
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if max(metadata.num_rows, sum(group.num_rows for group in groups)) > most:
        raise EvidenceError(_too_many(path, most))
    if any(
        g.total_byte_size > metadata.num_columns * (LONGEST_CELL + _USUAL_CELL * g.num_rows)
        for g in groups
    ):
        raise EvidenceError(
            f"{path}: holds a cell of more than {LONGEST_CELL >> 20} MB; leave its column away."
        )


def _pyarrow(path: Path) -> tuple[Any, Any]:
    with extra("data", f"{path}: Parquet (CSV does not)"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow, pyarrow.parquet
