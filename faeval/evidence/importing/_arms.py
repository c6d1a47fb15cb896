"""Arms of an imported table: which factors and values the cells of its columns stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval.errors import EvidenceError, FaevalError
from faeval.experiment import Arm, labels_of

if TYPE_CHECKING:
    import pandas as pd

#: How other programs spell what is no word of an arm.
_SPELLED = {"True": True, "False": False, "true": True, "false": False, "None": None, "none": None}


def arms_of(
    columns: Mapping[str, pd.Series[Any]], place: Callable[[int], str], *, labels: bool = False
) -> list[str]:
    """Return the label of each row's arm by its factors; ``labels``: by a column of labels.

    Raises
    ------
    EvidenceError
        A cell that no arm can have; names its place.
    """
    labels_by_key: dict[tuple[int, ...], str] = {}
    coded = [codes_of(column) for column in columns.values()]
    if labels:
        ((_, distinct),) = coded
        spelled = labels_of([str(cell).strip() for cell in distinct])
        values_by_code: list[list[Any]] = [[spelled[str(cell).strip()] for cell in distinct]]
    else:
        values_by_code = [
            _factors(name, distinct) for name, (_, distinct) in zip(columns, coded, strict=True)
        ]
    result = []
    for row, key in enumerate(zip(*(codes.tolist() for codes, _ in coded), strict=True)):
        if key not in labels_by_key:
            values = {
                n: cells[code]
                for n, cells, code in zip(columns, values_by_code, key, strict=True)
                if code >= 0
            }
            try:
                arm = Arm.parse(values.get("arm", "")) if labels else Arm(**values)
            except FaevalError as error:
                raise EvidenceError(f"{place(row)}: {error}") from None
            labels_by_key[key] = arm.label
        result.append(labels_by_key[key])
    return result


def codes_of(column: pd.Series[Any]) -> tuple[Any, list[Any]]:
    """Return the distinct cells, and which stands in each row (-1: empty); True is not 1."""
    import pandas as pd

    if column.dtype != object:
        codes, cells = pd.factorize(column)
        distinct = cells.tolist()
    else:
        codes, keys = pd.factorize(column.map(lambda cell: (type(cell).__name__, cell)))
        distinct = [cell for _, cell in keys]
    there = [code for code, cell in enumerate(distinct) if plain_word(cell)]
    renamed = np.full(len(distinct) + 1, -1)
    renamed[there] = np.arange(len(there))
    return renamed[codes], [distinct[code] for code in there]


def _factors(name: str, cells: Sequence[Any]) -> list[Any]:
    """Return the distinct cells of a factor's column as values of one kind."""
    texts = [str(cell).strip() for cell in cells]
    values = [_factor(cell) for cell in cells]
    kinds = {"word" if isinstance(v, str) else isinstance(v, bool) for v in values if v is not None}
    distinct = {(isinstance(v, bool), v) for v in values}
    return (
        texts
        if name == "rule" or len(kinds) > 1 or "word" in kinds or len(distinct) < len(set(texts))
        else values
    )


def _factor(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    text = str(value).strip()
    if not isinstance(value, str):
        return value if not isinstance(value, float) or np.isfinite(value) else text
    if text in _SPELLED:
        return _SPELLED[text]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if "_" not in text and np.isfinite(number) else text
    return text


def plain_word(cell: Any) -> str:
    """A cell as a word in small letters; nothing where it is missing or blank."""
    import pandas as pd

    missing = (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float) and cell != cell)
    )
    return "" if missing else str(cell).strip().lower()
