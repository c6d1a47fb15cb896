"""Import: any tidy table as evidence, by saying which of its columns is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval.errors import EvidenceError, FaevalError
from faeval.evidence._check import row_name
from faeval.evidence._files import read_cells
from faeval.evidence._table import KEY, in_order, normalise
from faeval.experiment import Arm

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10
#: How other programs spell what is no word of an arm.
_SPELLED = {"True": True, "False": False, "true": True, "false": False, "None": None, "none": None}


@dataclass(frozen=True)
class Imported:
    """Evidence that came from elsewhere, sorted, and what is to be said of how it was read."""

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def import_table(
    source: pd.DataFrame | str | Path,
    setting: str,
    *,
    arm: Sequence[str] | Mapping[str, str] | None = None,
    seed: str = "seed",
    metrics: Sequence[str] | Mapping[str, str] | None = None,
    metric: str = "metric",
    value: str = "value",
    epoch: str | None = None,
    layer: str | None = None,
    status: str | None = None,
    run: str | None = None,
) -> Imported:
    """Read a tidy table that came from elsewhere.

    Parameters
    ----------
    source
        A DataFrame, or a CSV or Parquet file.
    setting
        The name of the experiment; evidence of one has one.
    arm
        The columns that are factors of the arm, or a mapping from a factor's name to its column. A cell that reads as a
        number or true, false, none is one; an empty one leaves the factor out. Default: the column ``arm``, whose cells
        are labels such as ``dfa+penalty=0.01``, spelled in one way.
    seed
        The column of the seed.
    metrics
        Of a wide table, the columns that are metrics, or a mapping from a metric's name to its column; an empty cell is
        no row. Default: the table is long, with a column of names and one of values.
    metric, value
        Of a long table, the columns of the metric's name and of its value; an empty cell is a row that is undefined.
    epoch, layer, status, run
        The columns of these, where there are any. Without ``status`` a number that is finite is measured, any other undefined.

    Raises
    ------
    EvidenceError
        A column is missing, a cell cannot be used, or keys repeat; says which.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": ["forest", "tree"], "depth": [3, 3], "fold": [1, 1], "accuracy": [0.9, 0.8]})
    >>> found = import_table(table, "iris", arm={"rule": "model", "depth": "depth"}, seed="fold", metrics=["accuracy"])
    >>> found.table["arm"].tolist(), found.table["value"].tolist()
    (['forest+depth=3', 'tree+depth=3'], [0.9, 0.8])
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        cells, where = source.reset_index(drop=True), "the table"
    else:
        cells, where = read_cells(Path(source)), str(source)
    factors = dict(arm) if isinstance(arm, Mapping) else {name: name for name in arm} if arm is not None else {}
    wide = dict(metrics) if isinstance(metrics, Mapping) else {name: name for name in metrics or ()}
    read_as = {"seed": seed, "epoch": epoch, "layer": layer, "status": status, "run": run}
    given = {name: column for name, column in read_as.items() if column is not None}
    used = [*(factors.values() if factors else ["arm"]), *given.values(), *(wide.values() if wide else [metric, value])]
    _check_there(cells, used, where)
    common = pd.DataFrame({name: cells[column] for name, column in given.items()})
    common["setting"] = setting
    common["arm"] = _arms(cells, factors, where)
    if wide:
        parts = [
            common.assign(metric=name, value=cells[column]).loc[~_empty(cells[column])] for name, column in wide.items()
        ]
        table = pd.concat(parts)
    else:
        table = common.assign(metric=cells[metric], value=cells[value])
    rows = table.index.to_numpy()
    table = normalise(table, where, lambda row: f"row {rows[row]} (counted from 0)")
    if status is None:
        table.loc[~np.isfinite(table["value"]), "status"] = "undefined"
    check_keys(table, where, "Name what tells the rows apart: another factor of the arm, the epoch or the layer.")
    left = [str(name) for name in cells.columns if name not in used]
    notes = [f"columns left out: {', '.join(left)}"] if left else []
    if count := int((table["status"] == "undefined").sum()):
        notes.append(f"{count} rows are undefined")
    return Imported(in_order(table), tuple(notes))


def arm_of(factors: Mapping[str, Any], where: str) -> str:
    """Return the label of an arm whose factors another program wrote; None leaves one out."""
    try:
        return Arm(**{name: _factor(value) for name, value in factors.items() if not _is_nothing(value)}).label
    except FaevalError as error:
        raise EvidenceError(f"{where}: {error}") from None


def check_keys(table: pd.DataFrame, where: str, remedy: str) -> None:
    """Raise EvidenceError where a key repeats."""
    again = table[table.duplicated(list(KEY))]
    if len(again):
        names = [row_name(row[:6]) for row in again.head(_SHOWN).itertuples(index=False)]
        more = f" and {len(again) - _SHOWN} more" if len(again) > _SHOWN else ""
        raise EvidenceError(f"{where}: several rows are of one key: {'; '.join(names)}{more}. {remedy}")


def _check_there(cells: pd.DataFrame, used: Sequence[str], where: str) -> None:
    found = list(map(str, cells.columns))
    for name in used:
        if found.count(name) != 1:
            many = "stands more than once" if name in found else "is not there"
            raise EvidenceError(f"{where}: column {name!r} {many}; it has {', '.join(map(repr, found)) or 'none'}.")


def _arms(cells: pd.DataFrame, factors: dict[str, str], where: str) -> list[str]:
    columns = [cells[column].astype(object).tolist() for column in (factors.values() if factors else ["arm"])]
    labels: dict[tuple[Any, ...], str] = {}
    found = []
    for row, given in enumerate(zip(*columns, strict=True)):
        key = tuple((type(v), v if v == v else None) for v in given)
        if key not in labels:
            place = f"{where}, row {row} (counted from 0)"
            labels[key] = arm_of(dict(zip(factors, given, strict=True)), place) if factors else _label(given[0], place)
        found.append(labels[key])
    return found


def _label(text: Any, where: str) -> str:
    if _is_nothing(text):
        return ""
    try:
        return Arm.parse(str(text)).label
    except FaevalError as error:
        remedy = "name the columns that are factors with arm= (--arm)"
        raise EvidenceError(f"{where}: column arm is no label ({error}); {remedy}.") from None


def _factor(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in _SPELLED:
        return _SPELLED[text]
    for kind in (int, float):
        try:
            return kind(text) if "_" not in text else text
        except ValueError:
            continue
    return text


def _is_nothing(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or value != value or (isinstance(value, str) and not value.strip())


def _empty(column: pd.Series[Any]) -> Any:
    return column.isna() | (column.astype(object) == "")
