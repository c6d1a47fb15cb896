"""Evidence from anywhere: a table, a file, a report's folder or a store."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from faeval._whole_files import settle
from faeval.errors import EvidenceError
from faeval.evidence._csv_files import content_of, csv_cells, line_of, read_csv
from faeval.evidence._parquet_files import parquet_cells, read_parquet
from faeval.evidence._table import OtherColumns, check_rows, most_rows, normalise, row_of

if TYPE_CHECKING:
    import pandas as pd

    from faeval.evidence._store import Store


#: What :func:`read` takes.
Source: TypeAlias = "pd.DataFrame | str | Path | Store"

#: The names of a pack of evidence in a report's folder.
PACKS = ("evidence.csv", "evidence.parquet")


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
    >>> names = {"setting": "coin", "arm": "fair", "metric": "heads"}
    >>> table = pd.DataFrame({"seed": [1, 2], "value": [0, 1]}).assign(**names)
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
        return _read_path(Path(source), most_rows.get() if max_rows is None else max_rows)
    except OSError as error:
        raise EvidenceError(
            f"{source}: cannot be read ({error.strerror or error}); give an evidence file."
        ) from error


def _read_path(path: Path, most: int) -> pd.DataFrame:
    from faeval.evidence._store import Store

    settle(path if path.is_dir() else path.parent)
    if path.is_dir():
        pack = pack_of(path)
        if pack is None and (path / "runs").is_dir():
            return Store(path).table()
        if pack is None:
            raise EvidenceError(
                f"{path}: holds neither {' nor '.join(PACKS)} nor a store; name a file or such a"
                " folder."
            )
        path = pack
    try:
        table = (
            read_parquet(path, most)
            if path.suffix.lower() in (".parquet", ".pq")
            else read_csv(path, most)
        )
    except OtherColumns as error:
        name = shlex.quote(str(path))
        raise OtherColumns(
            f'{error} Results as they are: faeval decide {name} "OURS > BASE" --metric METRIC; to'
            f" make such a table of them: faeval evidence import {name}."
        ) from None
    # Of claims that were not run, a report's evidence is empty.
    if not (path.parent / "verdicts.json").is_file():
        check_rows(table, str(path))
    return table


def apart(one: str, other: str, most: int = 12) -> tuple[str, str]:
    """Return two digests in short, or whole where their short forms are equal.

    Examples
    --------
    >>> apart("0123456789abcdef", "fedcba9876543210"), apart("0123456789abcdef", "0123456789abcdee")
    (('0123456789ab', 'fedcba987654'), ('0123456789abcdef', '0123456789abcdee'))
    """
    return (one, other) if one[:most] == other[:most] else (one[:most], other[:most])


def pack_of(folder: Path) -> Path | None:
    """Return the file of evidence in a folder, if it has one."""
    return next((folder / name for name in PACKS if (folder / name).exists()), None)


def read_cells(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    """Read any CSV or Parquet file as it stands, and return how to name a row of it.

    The cells of a CSV are text.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return parquet_cells(path, most_rows.get(), lambda _: None), row_of
        content = content_of(path, most_rows.get())
        return csv_cells(content, path, lambda _: None), lambda row: f"line {line_of(content, row)}"
    except OSError as error:
        raise EvidenceError(
            f"{path}: cannot be read ({error.strerror or error}); give a CSV or Parquet file."
        ) from error
