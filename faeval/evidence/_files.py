"""Packs of evidence on disk: CSV for people, Parquet for size. Both are deterministic and written by rename."""

from __future__ import annotations

import csv
import io
import os
import secrets
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from faeval.errors import EvidenceError
from faeval.evidence._table import COLUMNS, check_columns, in_order, normalise

if TYPE_CHECKING:
    import pandas as pd

    from faeval.evidence._store import Store

#: What :func:`read` takes.
Source: TypeAlias = "pd.DataFrame | str | Path | Store"

_PACKS = ("evidence.csv", "evidence.parquet")


def read(source: Source) -> pd.DataFrame:
    """Read evidence from anywhere into one tidy table.

    Rows keep their order and none is dropped: a row that cannot be believed (a repeated key, a NaN marked measured)
    makes the claims invalid that read it, not the table. Columns that evidence does not have are left out.

    Parameters
    ----------
    source
        A DataFrame, a CSV or Parquet file, a folder that holds ``evidence.csv`` or ``evidence.parquet``, or a store
        (a :class:`Store`, or its folder). Columns ``epoch``, ``layer``, ``status`` and ``run`` may be absent or empty.

    Returns
    -------
    pandas.DataFrame
        The columns :data:`COLUMNS`: text as str, seed int64, epoch and layer Int64, value float64 with NaN where empty.

    Raises
    ------
    EvidenceError
        It is no evidence table: a missing column, text for a number, a seed that is no whole number >= 0, an unknown
        status, an empty, binary, cut off or unreadable file.
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
        return normalise(source, "the table", lambda row: f"row {row} (counted from 0)")
    if isinstance(source, Store):
        return source.table()
    if not isinstance(source, str | os.PathLike):
        raise EvidenceError(
            f"evidence: {str(source)[:60]!r} ({type(source).__name__}) is neither a DataFrame, a path nor a Store."
        )
    path = Path(source)
    if path.is_dir():
        if (path / "runs").is_dir() and not any((path / name).exists() for name in _PACKS):
            return Store(path).table()
        path = _pack(path)
    try:
        return _read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _read_csv(path)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror or error}); give an evidence file.") from error


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return the table as CSV: sorted by key, UTF-8, one ``\\n`` a row, floats by their shortest exact spelling.

    The same rows give the same bytes, whatever their order; :func:`read` gives them back exactly.
    """
    table = in_order(read(table))
    cells: list[list[Any]] = []
    for name in COLUMNS:
        column = table[name]
        if name == "value":
            cells.append(["" if number != number else repr(number) for number in column.to_numpy().tolist()])
        else:
            cells.append(column.astype(object).where(column.notna(), "").tolist())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode()


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write :func:`csv_bytes` to a file; it appears complete or not at all."""
    replace_file(Path(path), csv_bytes(table))


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table, sorted by key, as Parquet; deterministic for one version of pyarrow. Needs ``faeval[data]``."""
    arrow, parquet = _pyarrow(Path(path))
    kinds = {"seed": arrow.int64(), "epoch": arrow.int64(), "layer": arrow.int64(), "value": arrow.float64()}
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
    packed = arrow.Table.from_pandas(in_order(read(table)), schema=schema, preserve_index=False)
    buffer = io.BytesIO()
    parquet.write_table(packed.replace_schema_metadata(None), buffer, compression="zstd")
    replace_file(Path(path), buffer.getvalue())


def replace_file(path: Path, content: bytes) -> None:
    """Put the content there by rename, so that a reader sees the old file or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _pack(folder: Path) -> Path:
    for name in _PACKS:
        if (folder / name).exists():
            return folder / name
    raise EvidenceError(f"{folder}: holds neither {' nor '.join(_PACKS)} nor a store; name a file or such a folder.")


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    content = path.read_bytes()
    if not content.strip():
        raise EvidenceError(f"{path}: is empty; an evidence table starts with the line {','.join(COLUMNS)}.")
    if b"\0" in content:
        raise EvidenceError(f"{path}: is a binary file, no CSV; Parquet files end in .parquet.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise EvidenceError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8."
        ) from None
    try:
        header = next(csv.reader(io.StringIO(text, newline="")))
        check_columns(header, str(path))
        _check_last_line(text, len(header), path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text, newline=""),
                dtype="str",  # any other type would turn an arm called 1e3 into a number
                index_col=False,
                keep_default_na=False,
                na_filter=False,
            )
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise EvidenceError(
            f"{path}: is no regular CSV ({' '.join(str(error).split())}); every line needs "
            "the fields that the first one names."
        ) from None
    return normalise(table, str(path), lambda row: f"line {_line(text, row)}")


def _check_last_line(text: str, fields: int, path: Path) -> None:
    """A file that was cut off shows in its last line; pandas would fill the gap with nothing."""
    last = text.rstrip("\r\n").rpartition("\n")[2]
    if '"' not in last and last.count(",") + 1 != fields:
        raise EvidenceError(
            f"{path}: the last line, {last[:60]!r}, has {last.count(',') + 1} of {fields} fields; "
            "the file was cut off, get it again."
        )


def _line(text: str, row: int) -> int:
    """The line on which a row of the table ends, blank lines and line breaks inside quotes counted."""
    reader = csv.reader(io.StringIO(text, newline=""))
    filled = (reader.line_num for fields in reader if fields)
    return next(line for position, line in enumerate(filled) if position == row + 1)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    arrow, parquet = _pyarrow(path)
    try:
        file = parquet.ParquetFile(io.BytesIO(path.read_bytes()))
        found = list(file.schema_arrow.names)
        check_columns(found, str(path))
        cells = file.read(columns=[name for name in COLUMNS if name in found])
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise EvidenceError(f"{path}: is no readable Parquet file ({str(error).splitlines()[0]}).") from None
    whole = {arrow.int64(): pd.Int64Dtype()}  # else a column with gaps would come as floats, and large numbers change
    table = cells.to_pandas(ignore_metadata=True, types_mapper=whole.get)
    return normalise(table, str(path), lambda row: f"row {row} (counted from 0)")


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise EvidenceError(f"{path}: Parquet needs pyarrow; pip install 'faeval[data]', or use CSV.") from error
    return pyarrow, pyarrow.parquet
