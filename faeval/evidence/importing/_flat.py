"""Records, and settings inside one another, as columns with dots in their names."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells

#: The most entries that are looked at in one record; of a small file YAML can make any number.
MOST = 20_000
_LIST = 20  # a longer list is data, no setting


def flat(record: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return the scalars of a record by name, those inside others with dots between the names.

    A short list of scalars is its text; longer ones, and lists of others, are left out.

    Raises
    ------
    EvidenceError
        It holds more than any settings do.

    Examples
    --------
    >>> flat({"seed": 1, "optim": {"lr": 0.1}, "envs": [1, 2]}, "config.json")
    {'seed': 1, 'optim.lr': 0.1, 'envs': '[1, 2]'}
    """
    result: dict[str, Any] = {}
    todo = [iter([("", key, value) for key, value in record.items()])]
    entries = 0
    while todo:
        one = next(todo[-1], None)
        if one is None:
            todo.pop()
            continue
        entries += 1
        if entries > MOST or len(todo) > 50:
            raise EvidenceError(
                f"{where}: holds more than {MOST} entries, or deeper ones than settings have."
            )
        before, key, value = one
        value = plain(value)
        if isinstance(value, Mapping):
            todo.append(iter([(f"{before}{key}.", k, v) for k, v in value.items()]))
        elif isinstance(value, list):
            if len(value) <= _LIST and all(_is_scalar(entry) for entry in value):
                result[f"{before}{key}"] = json.dumps(value, ensure_ascii=False, default=str)
        else:
            result[f"{before}{key}"] = value if _is_scalar(value) else str(value)
    return result


def plain(value: Any) -> Any:
    """Return a value without the wrapping that jsonpickle puts around NumPy's numbers."""
    if isinstance(value, Mapping) and "py/object" in value and "value" in value:
        return value["value"]
    return value


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def is_blank(cell: Any) -> bool:
    """Whether there is nothing in a cell.

    Examples
    --------
    >>> is_blank(None), is_blank(" "), is_blank(0)
    (True, True, False)
    """
    return (
        cell is None
        or (isinstance(cell, str) and not cell.strip())
        or (isinstance(cell, float) and math.isnan(cell))
    )


def same(one: Any, other: Any) -> bool:
    """Whether two cells say the same, as text or as numbers.

    Examples
    --------
    >>> same(3, "03"), same("a", "A")
    (True, False)
    """
    if str(one).strip() == str(other).strip():
        return True
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return False


def cells_of_records(
    records: Sequence[Mapping[str, Any]],
    source: str,
    place: str | Sequence[str],
    notes: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
) -> Cells:
    """Return records as cells, with None where one has not what others have.

    ``place`` has the name of each row, or the word before its number.
    """
    import pandas as pd

    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {
        name: pd.Series([record.get(name) for record in records], dtype=object) for name in names
    }
    called = (
        (lambda row: f"{place} {row + 1}") if isinstance(place, str) else (lambda row: place[row])
    )
    return Cells(pd.DataFrame(columns), source, called, tuple(notes), roles or {})


@dataclass(frozen=True)
class StoreRows:
    """Rows of a store of another program; ``seed`` is the column of the seed, where one is."""

    source: str
    records: Sequence[Mapping[str, Any]]
    places: Sequence[str]
    notes: Sequence[str]
    seed: str | None
    roles: Mapping[str, str]

    def only(self, kept: Sequence[int]) -> StoreRows:
        """Return some of the rows, by their number from 0."""
        return replace(
            self,
            records=[self.records[at] for at in kept],
            places=[self.places[at] for at in kept],
        )
