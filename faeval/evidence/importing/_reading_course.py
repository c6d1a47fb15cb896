"""Several rows of one run: which column tells them apart, and which of them is the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import EPOCHS, cell_text, word
from faeval.evidence.importing._column_roles import NO_EPOCH, Columns, Table

if TYPE_CHECKING:
    import pandas as pd


def without_epochs(cells: Cells) -> Cells:
    """Return cells without columns of epochs, which the user says are none."""
    names = [str(name) for name in cells.table.columns]
    epochs = [n for n in names if word(n) in EPOCHS or n == cells.roles.get("epoch")]
    if not epochs:
        return cells
    note = f"no epochs are read: {listed(epochs)}"
    return replace(
        cells,
        table=cells.table.loc[:, [n not in epochs for n in names]],
        notes=(*cells.notes, note),
        roles={role: name for role, name in cells.roles.items() if role != "epoch"},
    )


def with_course(table: Table, columns: Columns) -> Columns:
    """Return the columns with those of the epoch and of folds, where rows need them."""
    if table.said.average is not None:
        fold = table.said_column(table.said.average, "--average")
        return replace(columns, fold=fold, epoch=_said_epoch(table))
    if (epoch := _said_epoch(table) or table.cells.roles.get("epoch")) is not None:
        return replace(columns, epoch=epoch)
    return _found_course(table, columns)


def _found_course(table: Table, columns: Columns) -> Columns:
    """Return the columns with the one that tells apart the rows of each run."""
    keys = [*columns.arms.values(), columns.seed]
    if columns.metric:
        keys.append(columns.metric)
    others = [*columns.metrics.values(), columns.value, *keys]
    parts = _rows_with_values(table, columns)
    candidates = _epochs(table, others, parts)
    if not _repeats(parts, keys):
        # One row a run: where it says its epoch, runs that end at different ones are seen.
        epochs = [n for n in candidates if n.strip().lower() == "epoch"]
        return replace(columns, epoch=epochs[0] if epochs else None)
    for name in candidates:
        if not _repeats(parts, [*keys, name]):
            return replace(columns, epoch=name)
    folds = table.folds(others)
    if folds and not _repeats(parts, [*keys, folds[0]]):
        if table.said.seed is None:
            raise EvidenceError(
                f"{table.source}: several rows of one {columns.seed!r}, in column {folds[0]!r}:"
                " folds of one repetition share their training data, and are no seeds. Their mean"
                f" is one value for each {columns.seed!r}:"
                f" {table.spell('--seed', columns.seed)}"
            )
        return replace(columns, fold=folds[0])
    return replace(columns, epoch=candidates[0] if candidates else None)


def _epochs(table: Table, others: Sequence[str], parts: Sequence[pd.DataFrame]) -> list[str]:
    """Return the columns of whole numbers that are called as epochs, one called epoch first."""
    names = [
        n for n in table.called(EPOCHS, but=others) if all(_whole_numbers(p[n]) for p in parts)
    ]
    return sorted(names, key=lambda name: name.lower() != "epoch")


def _said_epoch(table: Table) -> str | None:
    epoch = table.said.epoch
    return None if epoch in (None, NO_EPOCH) else table.said_column(epoch, "--epoch")


def _whole_numbers(column: pd.Series[Any]) -> bool:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").dropna()
    return len(numbers) > 0 and bool((numbers == numbers.round()).all())


def _rows_with_values(table: Table, columns: Columns) -> list[pd.DataFrame]:
    """Return, for each column of values, the rows that have something in it."""
    names = list(columns.metrics.values()) if columns.metrics else [columns.value]
    return [
        table.table[table.table[name].notna() & (table.table[name] != "")]
        for name in dict.fromkeys(names)
    ]


def _repeats(parts: Sequence[pd.DataFrame], names: Sequence[str]) -> bool:
    return any(bool(rows.duplicated(list(names)).any()) for rows in parts)


def check_course(table: Table, columns: Columns) -> None:
    """Ask which epoch is the result where runs have several, and none was said."""
    import pandas as pd

    if columns.epoch is None or table.said.take is not None:
        return
    keys = [*columns.arms.values(), columns.seed, columns.epoch]
    if _repeats(
        _rows_with_values(table, columns), [*keys, *[columns.metric] * bool(columns.metric)]
    ):
        return  # the epoch alone does not tell rows apart: what does is said where keys are checked
    rows = max(_rows_with_values(table, columns), key=len)
    run = [*columns.arms.values(), columns.seed, *([columns.metric] if columns.metric else [])]
    numbers = pd.to_numeric(rows[columns.epoch], errors="coerce")
    runs = numbers.groupby([rows[name] for name in run], sort=False)
    counts = runs.nunique()
    if len(counts) == 0 or counts.max() < 2:
        return
    ends = runs.max()
    name = columns.epoch
    low, high = _whole(numbers.min()), _whole(numbers.max())
    lines = [
        f"{table.source}: column {name!r} has several rows for each run ({low} to {high}). Which"
        " one is the result? Nothing was decided.",
    ]
    if ends.nunique() > 1:
        lines[0] += f" Runs end at different ones: {_ends_said(ends, len(columns.arms))}."
    else:
        lines.append(f"one fixed {name}: {table.spell('--at', high)}")
    lines.append(f"the last of each run: {table.spell('--last')}")
    lines.append(
        "the best of each run (max or min; too good where the metric is of the test set):"
        f" {table.spell('--best', 'max')}"
    )
    raise EvidenceError("\n".join(lines))


def _whole(number: float) -> str:
    return f"{number:.0f}" if number == round(number) else f"{number:g}"


def _ends_said(ends: pd.Series[Any], arms: int) -> str:
    texts = []
    for key, end in ends.items():
        # The arm's columns, the seed, and of a long table the metric.
        *arm, seed = map(cell_text, key[: arms + 1] if isinstance(key, tuple) else (key,))
        texts.append(f"{' '.join(arm)} seed {seed} at {_whole(end)}")
    return listed([cut(clean(text), 60) for text in texts], 12)
