"""Whether rows of a table that came from elsewhere are one a key, and what tells others apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._cells import number_of
from faeval.evidence._check import row_name
from faeval.evidence._table import KEY
from faeval.evidence.importing._arms import plain_word

if TYPE_CHECKING:
    import pandas as pd


def check_one_row_a_key(
    table: pd.DataFrame, left: pd.DataFrame, where: str, place: Callable[[int], str]
) -> None:
    """Raise EvidenceError where a key repeats, and name what tells the rows apart."""
    again = table.duplicated(list(KEY), keep=False)
    if not again.any():
        return
    examples = []
    for key, rows in islice(table[again].groupby(list(KEY), dropna=False, sort=False), 3):
        stands = zip(rows.index[:3].tolist(), rows["value"].head(3), strict=True)
        examples.append(
            f"{_run_name(key)} ({', '.join(f'{place(row)}: {value!r}' for row, value in stands)})"
        )
    names = [
        repr(name)
        for name in left.columns
        if not table.assign(left=left.loc[table.index, name].map(str).to_numpy())
        .duplicated([*KEY, "left"])
        .any()
    ]
    remedy = "No column that was left out tells them apart: keep one row of each."
    if differing := _differing(table[again], left):
        column, value = differing[0]
        remedy = (
            f"They differ in {listed([repr(name) for name, _ in differing], 8)}. Read one value at"
            f" a time, such as --where {column}={value}; or ask for each (--group-by {column})."
        )
    elif names:
        remedy = (
            f"What tells them apart is {listed(names)}: name it, as the epoch or the layer"
            " (--epoch, --layer), as a factor of the arm (--arm), or, of folds and the like, which"
            " share their training data and are no seeds, as what is averaged over (--average,"
            " with the repetition as --seed)."
        )
    count = int(table.duplicated(list(KEY)).sum())
    raise EvidenceError(
        f"{where}: {_rows_said(count)} the arm, seed and metric of another: {'; '.join(examples)}."
        f" {remedy}"
    )


def _run_name(key: Any) -> str:
    """Name a row by its key without the name of the experiment, which its file has not."""
    setting, *_ = key
    return row_name(key).removeprefix(f"{setting} ")


def _rows_said(count: int) -> str:
    return f"{count} rows repeat" if count > 1 else "1 row repeats"


def _differing(again: pd.DataFrame, left: pd.DataFrame) -> list[tuple[str, str]]:
    """Return columns of words in which rows of one key differ, each with a value of it.

    Words of which there are few come first: they say which data or variant a row is of.
    """
    columns = []
    keys = [again[name].astype(str) for name in KEY]
    for name in left.columns:
        texts = left.loc[again.index, name].map(plain_word)
        distinct = texts[texts != ""].unique().tolist()
        is_words = any(number_of(text) is None for text in distinct)
        if (
            is_words
            and len(distinct) >= 2
            and 2 * left[name].nunique() <= len(left)
            and (texts.groupby(keys, sort=False, dropna=False).nunique().max() > 1)
        ):
            first = next(cell for cell in left.loc[again.index, name] if plain_word(cell))
            columns.append((len(distinct), str(name), str(first).strip()))
    return [(name, value) for _, name, value in sorted(columns)]


def check_keys(table: pd.DataFrame, where: str, remedy: str) -> None:
    """Raise EvidenceError where a key repeats."""
    again = table[table.duplicated(list(KEY))]
    if len(again):
        names = listed([row_name(row[:6]) for row in again.itertuples(index=False)], 10)
        raise EvidenceError(f"{where}: several rows are of one key: {names}. {remedy}")
