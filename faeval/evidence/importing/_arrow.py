"""Parquet, Feather and Arrow files of others; needs ``faeval[data]``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._extras import extra
from faeval.errors import EvidenceError
from faeval.evidence._parquet_files import parquet_content
from faeval.evidence._table import CutOff, most_rows, row_of, too_many
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import short, with_names

if TYPE_CHECKING:
    import pandas as pd


def read_parquet_table(content: bytes, source: str) -> Cells:
    """Read a Parquet file as it stands."""
    try:
        table = parquet_content(content, Path(source), most_rows.get())
    except CutOff as error:
        if b"faeval sha256 " in content:
            raise
        raise EvidenceError(str(error)) from None
    return _cells(table, source)


def read_arrow(content: bytes, source: str) -> Cells:
    """Read a Feather or Arrow file as it stands."""
    import pandas as pd

    with extra("data", f"{source}: Feather (CSV does not)"):
        import pyarrow
        import pyarrow.feather
    try:
        table = pyarrow.feather.read_table(io.BytesIO(content))
        if table.num_rows > most_rows.get():
            raise EvidenceError(too_many(source, most_rows.get()))
        whole = {pyarrow.int64(): pd.Int64Dtype()}
        # What another program wrote of pandas is not to be read.
        cells = table.replace_schema_metadata(None).to_pandas(types_mapper=whole.get)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = short(error, 200) or type(error).__name__
        raise EvidenceError(
            f"{source}: is no readable Feather file ({reason}); save the table as CSV."
        ) from None
    return _cells(cells, source)


def _cells(table: pd.DataFrame, source: str) -> Cells:
    names = [_name(name) for name in table.columns]
    table, rows, notes = with_names(table.reset_index(drop=True), names, source)

    def place(row: int) -> str:
        return row_of(int(rows[row]) if rows is not None else row)

    return Cells(table, source, place, tuple(notes))


def _name(name: Any) -> str:
    # pandas' own name for an index that has none.
    return "" if str(name) == "__index_level_0__" else str(name)
