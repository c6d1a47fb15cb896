"""A DataFrame as cells: its index and its columns become named columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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

    table = frame.set_axis([column_name(name) for name in frame.columns], axis=1)
    table = table.reset_index(drop=True)
    index = frame.index
    says = isinstance(index, pd.MultiIndex) or index.name is not None
    if says or not pd.api.types.is_integer_dtype(index):
        levels = index.to_frame(index=False)
        has_name = [name is not None for name in index.names]
        names = [
            column_name(name) if is_named else "index" if index.nlevels == 1 else f"level_{i}"
            for i, (name, is_named) in enumerate(zip(index.names, has_name, strict=True))
        ]
        levels = levels.set_axis(names, axis=1)
        # set_index(drop=False) leaves what the index says in a column, too.
        again = [n for n in names if n in table.columns and _says_the_same(levels[n], table[n])]
        table = pd.concat([levels.drop(columns=again), table], axis=1)
    plain = [_plain(table.iloc[:, i]) for i in range(table.shape[1])]
    cells = pd.concat(plain, axis=1) if plain else table
    return Cells(cells.set_axis(table.columns, axis=1), source, row_of)


def column_name(name: object) -> str:
    """Return the name of a DataFrame's column as text; of several levels joined with dots."""
    parts = name if isinstance(name, tuple) else (name,)
    return ".".join(str(part) for part in parts if str(part))


def _says_the_same(level: pd.Series[Any], column: pd.Series[Any] | pd.DataFrame) -> bool:
    return column.ndim == 1 and bool((level.astype(str) == column.astype(str)).all())


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as cells: nothing is None or NaN alone, and a cell is no list."""
    import pandas as pd

    if isinstance(column.dtype, np.dtype) and column.dtype != object:
        return column
    cells = column.astype(object)
    if isinstance(column.dtype, np.dtype):  # any objects
        are_objects = [isinstance(cell, list | dict | set | np.ndarray) for cell in cells]
        if any(are_objects):
            cells = cells.where(~np.array(are_objects), cells.map(str))
    elif isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype) and not column.isna().any():
        return column
    return cells.where(cells.notna(), None)
