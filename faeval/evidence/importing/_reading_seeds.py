"""The seeds of a table of others: their column, and numbers for those that are names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError
from faeval.evidence._cells import number_of
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import SEEDS, cell_text, tail
from faeval.evidence.importing._column_roles import ROWS, Table
from faeval.evidence.importing._spreads import means_with_spread, spread_error

if TYPE_CHECKING:
    pass


def check_not_means(cells: Cells) -> None:
    """Refuse a table of means with their spreads, which hold no seeds."""
    names = [str(name) for name in cells.table.columns]
    if len({*names}) < len(names):
        return
    spread = [name for name in names if means_with_spread(cells.table[name])]
    if spread and len(spread) >= len(names) - 1 - any(tail(n) in SEEDS for n in names):
        raise spread_error(cells.source, spread[0])


def seed_column(table: Table, arms: Mapping[str, str], values: Iterable[str]) -> str:
    names = [n for n in values if n in table.names]
    if len(names) == 1 and means_with_spread(table.column(names[0])):
        raise spread_error(table.source, names[0])
    if table.said.unpaired and table.said.seed is None and "seed" not in table.cells.roles:
        try:
            return table.seed(arms.values())
        except EvidenceError:
            return ROWS
    return table.seed(arms.values())


def numbered_seeds(
    cells: Cells, seed: str, arms: Sequence[str], by_rows: bool
) -> tuple[Cells, dict[str, int], str]:
    """Return cells whose seeds are whole numbers, what names were numbered, and the column."""
    if by_rows:
        numbers = cells.table.groupby(list(arms), dropna=False, sort=False).cumcount()
        name = "seed" if "seed" not in cells.table.columns else "row of the arm"
        return replace(cells, table=cells.table.assign(**{name: numbers})), {}, name
    texts = [cell_text(cell) for cell in cells.table[seed].dropna().unique().tolist()]
    _check_no_header(cells, seed, texts)
    names = [t for t in dict.fromkeys(texts) if t and not _SUMMARIES.match(t)]
    words = [text for text in names if not re.search(r"\d", text)]
    if 0 < len(words) < len(names) and all(map(_is_seed, {*names} - {*words})):
        cells, names = _without_words(cells, seed, words), []
    if all(map(_is_seed, names)):
        return cells, {}, seed
    names.sort(key=_natural)
    numbering = {name: number for number, name in enumerate(names)}
    replaced = cells.table[seed].map(lambda cell: numbering.get(cell_text(cell), cell))
    return replace(cells, table=cells.table.assign(**{seed: replaced})), numbering, seed


def _check_no_header(cells: Cells, seed: str, texts: Sequence[str]) -> None:
    """Refuse a row that holds names of columns: the rows below it have another order of them."""
    names = {*map(str, cells.table.columns)}
    for row in np.flatnonzero(cells.table[seed].map(cell_text).isin(names & {*texts})).tolist():
        if names >= {cell_text(cell) for cell in cells.table.iloc[row]} - {""}:
            raise EvidenceError(
                f"{cells.source}, {cells.place(row)}: holds the names of columns; the rows below it"
                " are of another table. Put each into a file of its own, and give both."
            )


def _without_words(cells: Cells, seed: str, words: Sequence[str]) -> Cells:
    """Return cells without the rows whose seed is a word among numbers: they sum up others."""
    are_words = cells.table[seed].map(cell_text).isin(words)
    rows = [
        f"{cells.place(int(row))} ({cut(clean(cell_text(cells.table.at[row, seed])), 40)!r})"
        for row in np.flatnonzero(are_words)
    ]
    note = f"rows whose {seed!r} is no number, as of rows that sum up others, left out"
    return replace(cells.rows(~are_words), notes=(*cells.notes, f"{note}: {listed(rows, 6)}"))


def _is_seed(text: str) -> bool:
    number = number_of(text)
    if isinstance(number, int):
        return 0 <= number < 2**63
    # Beyond 2**53 a float no longer tells neighbours apart.
    return number is not None and number.is_integer() and 0 <= number < 2**53


_SUMMARIES = re.compile(r"(mean|average|avg|std|stdev|sd|sem|total|sum|all|overall|median)\Z", re.I)


def _natural(text: str) -> tuple[Any, ...]:
    """Order names as people do: numbers by size, others by their parts."""
    number = number_of(text)
    if number is not None:
        return (0, float(number), text)
    return (1, *[(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", text)])


def numbering_notes(numbering: Mapping[str, int]) -> list[str]:
    if not numbering:
        return []
    pairs = [f"{clean(name)} = {number}" for name, number in numbering.items()]
    return [f"seeds are names, and are numbered: {listed(pairs, 12)}"]
