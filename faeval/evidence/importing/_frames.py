"""A DataFrame as cells: its index and its columns become named columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faeval.evidence._table import row_of
from faeval.evidence.importing._cells_table import Cells

if TYPE_CHECKING:
    import pandas as pd


def cells_of_frame(frame: pd.DataFrame, source: str = "the table") -> Cells:
    """Return the cells of a DataFrame; an index that says something becomes columns.

    Names of columns on several levels are joined with dots.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"acc": [0.9]}, index=pd.Index(["ours"], name="method"))
    >>> list(cells_of_frame(frame).table.columns)
    ['method', 'acc']
    """
    import pandas as pd

    table = frame
    index = frame.index
    if isinstance(index, pd.MultiIndex) or index.name is not None:
        table = frame.reset_index()
    elif not pd.api.types.is_integer_dtype(index):
        table = frame.reset_index(names="index")
    names = [_name(name) for name in table.columns]
    return Cells(table.set_axis(names, axis=1).reset_index(drop=True), source, row_of)


def _name(name: object) -> str:
    parts = name if isinstance(name, tuple) else (name,)
    return ".".join(str(part) for part in parts if str(part))
