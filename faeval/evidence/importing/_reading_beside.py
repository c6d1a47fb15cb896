"""What columns say that are not read: arms differ in more than their name, seeds in their data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faeval._safe_text import clean, cut, listed
from faeval.evidence._cells import NOTHING, number_of
from faeval.evidence._endings import is_state
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import cell_text, parts
from faeval.evidence.importing._column_roles import Columns
from faeval.evidence.importing._numbers import with_minus

if TYPE_CHECKING:
    import pandas as pd

#: Parts of names of what is measured: such numbers are no setting, also where they do not vary.
_MEASURES = frozenset((
    "acc", "accuracy", "auc", "auroc", "bleu", "count", "cost", "duration", "err", "error", "f1",
    "flops", "iou", "latency", "loss", "mae", "map", "memory", "mse", "n", "num", "params",
    "parameters", "perplexity", "ppl", "precision", "recall", "return", "reward", "rmse", "runtime",
    "score", "seconds", "size", "speed", "success", "time", "total", "value",
))  # fmt: skip


def notes_beside(
    cells: Cells, columns: Columns, is_side: Mapping[str, pd.Series[bool]]
) -> list[str]:
    """Say what columns that are not read tell of the verdict.

    Parameters
    ----------
    is_side
        Of each arm that is asked for, whether a row is of it.
    """
    names = _names_beside(cells, columns)
    return [*_also_unlike(cells, names, is_side), *_parts_of_seeds(cells, names, columns.seed)]


def _names_beside(cells: Cells, columns: Columns) -> list[str]:
    own = {*columns.arms.values(), columns.seed, *columns.metrics.values(), columns.value}
    own |= {columns.metric, columns.epoch or "", columns.fold or ""}
    names = list(cells.table.columns)
    return [n for n in names if n not in own and names.count(n) == 1 and not is_state(n)]


def _also_unlike(
    cells: Cells, names: Sequence[str], is_side: Mapping[str, pd.Series[bool]]
) -> list[str]:
    """Say which columns, beside those of the arm, are one thing in one arm and another in others.

    A verdict is of them, too: whoever leaves them out may lay their effect to the arm.
    """
    if len(is_side) < 2:
        return []
    texts = []
    for name in names:
        by_side = {side: _texts(cells.table.loc[mask, name]) for side, mask in is_side.items()}
        if all(len(one) == 1 for one in by_side.values()):
            cell_by_side = {side: one.pop() for side, one in by_side.items()}
            if _is_setting(name, {*cell_by_side.values()}):
                pairs = (
                    f"{_short(c or 'nothing')} in {_short(s)}" for s, c in cell_by_side.items()
                )
                texts.append(f"{name!r} ({listed(list(pairs), 4)})")
    if not texts:
        return []
    return [f"the arms differ in {listed(texts, 6)} as well; the verdict is of all that together"]


def _is_setting(name: str, texts: Collection[str]) -> bool:
    """Whether cells that differ from arm to arm say how these were set, and are no other metric."""
    is_measure = not _MEASURES.isdisjoint(parts(name)) or not NOTHING.isdisjoint(texts)
    return len(texts) > 1 and (_are_words(texts) or not is_measure)


def _parts_of_seeds(cells: Cells, names: Sequence[str], seed: str) -> list[str]:
    """Say where seeds are of several data sets, or the like, whose numbers go on."""
    notes = []
    seeds = cells.table[seed].map(cell_text)
    for name in names:
        texts = sorted(_texts(cells.table[name]))
        if not 1 < len(texts) < seeds.nunique() or not _are_words(texts):
            continue
        if cells.table[name].map(cell_text).groupby(seeds).nunique().max() == 1:
            some = listed([_short(text) for text in texts], 4)
            notes.append(
                f"the seeds are of {len(texts)} values of {name!r} ({some}), and the verdict is of"
                f" all of them together: --where {name}={_short(texts[0])}, or --group-by {name}"
            )
    return notes


def _texts(column: pd.Series[Any]) -> set[str]:
    return {cell_text(cell) for cell in column.unique()}


def _are_words(texts: Iterable[str]) -> bool:
    there = (text for text in texts if text.lower() not in NOTHING)
    return any(number_of(with_minus(text)) is None for text in there)


def _short(text: str) -> str:
    return cut(clean(text), 40)
