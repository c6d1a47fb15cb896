"""From cells to evidence: what a table of others is read as, and what is said of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError
from faeval.evidence._cells import number_of
from faeval.evidence._table import check_rows
from faeval.evidence.importing._arms import arms_of
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import cell_text
from faeval.evidence.importing._column_roles import (
    NO_EPOCH,
    ROWS,
    Columns,
    Said,
    Spell,
    Table,
    assigned,
    factor_name,
)
from faeval.evidence.importing._reading_beside import notes_beside
from faeval.evidence.importing._reading_course import check_course, with_course, without_epochs
from faeval.evidence.importing._reading_options import options_of
from faeval.evidence.importing._reading_seeds import (
    check_not_means,
    numbered_seeds,
    numbering_notes,
    seed_column,
)
from faeval.evidence.importing._reading_values import (
    as_numbers,
    check_ranges,
    check_scales,
    with_plain_metrics,
)
from faeval.evidence.importing._shapes import made_rows
from faeval.evidence.importing._tidy import NO_STATUS, Imported, import_table
from faeval.experiment import Arm

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """Results that exist, as evidence, and how they were read.

    ``how`` says in a few lines which columns were taken for what, ``notes`` what else was noticed
    and done; ``options`` are those of the command line that read them in this way without a guess.
    ``arms`` are the arms by the texts that were asked for.
    """

    table: pd.DataFrame
    source: str
    how: tuple[str, ...]
    notes: tuple[str, ...]
    options: tuple[str, ...]
    arms: Mapping[str, Arm]
    metrics: tuple[str, ...]
    numbering: Mapping[str, int]

    def epochs_said(self) -> list[str]:
        """Say what to do where arms are read at different epochs, if they are."""
        ends = self.table.groupby("arm")["epoch"].agg(["min", "max"]).dropna()
        if len(ends) == 0 or ends["min"].min() == ends["max"].max():
            return []
        return [
            "the arms are read at different epochs, so the length of training may be the cause:"
            " read all at one (--at N). If the column is not how long a run trained, such as the"
            f" epoch of a kept checkpoint: --epoch {NO_EPOCH}"
        ]

    @property
    def imported(self) -> Imported:
        """The table with its notes, as of ``import_table``."""
        return Imported(self.table, self.notes)


def read_results(
    cells: Cells,
    said: Said,
    *,
    setting: str,
    sides: Sequence[str] = (),
    spell: Spell = lambda option, value="": f"{option} {value}".strip(),
    whole_courses: bool = False,
) -> Reading:
    """Read the cells of a table that came from elsewhere as evidence.

    Parameters
    ----------
    said
        What the user says of the table; the rest is found by the names of columns and by what is
        asked, and said. Where two readings are possible nothing is read.
    setting
        The name of the experiment in evidence.
    sides
        The texts of the arms that are asked for: a cell of the arm's column, or
        ``factor=value,...``. Rows of other arms are left out. None: every arm is read.
    spell
        The whole command with an option changed, for messages.
    whole_courses
        Whether every epoch is kept where none is chosen; else that is asked for.

    Raises
    ------
    EvidenceError
        A column cannot be found, or two may be meant; a cell cannot be used; keys repeat; which
        epoch is read was not said; scales of arms differ.
    """
    check_rows(cells.table, cells.source)
    check_not_means(cells)
    cells = _where(without_epochs(cells) if said.epoch == NO_EPOCH else cells, said)
    is_rows = holds_sides(cells, sides, in_several_rows=True)
    cells, own = made_rows(cells, said, sides, is_rows=is_rows)
    cells = _without_empty_columns(cells)
    table = Table(cells, said, sides, spell)
    arms = _arms(table)
    group = table.said_column(said.group_by, "--group-by") if said.group_by else None
    metrics, name_column, value_column = table.metric(arms.values())
    seed = seed_column(table, arms, {**metrics, "": value_column}.values())
    by_rows = seed == ROWS and ROWS not in cells.table.columns
    cells, numbering, seed = numbered_seeds(cells, seed, list(arms.values()), by_rows)
    cells = _of_sides(cells, arms, sides, seed, group)
    if name_column and said.metrics:
        cells = cells.rows(cells.table[name_column].astype(str).str.strip().isin(said.metrics))
    table = Table(cells, said, sides, spell)
    values = list(metrics.values()) if metrics else [value_column]
    cells, notes = as_numbers(cells, values, table)
    table = Table(cells, said, sides, spell)
    columns = Columns(arms, seed, metrics, name_column, value_column)
    columns = with_course(table, columns)
    if not whole_courses:
        check_course(table, columns)
    is_labels = not sides and arms == {"rule": "arm"} and not said.arm
    imported = _imported(table, said, columns, setting, is_labels)
    imported, renamed = with_plain_metrics(imported)
    check_ranges(imported.table, said, cells.source)
    check_scales(imported.table, said, cells.source, spell)
    remarks = [*cells.notes, *notes, *numbering_notes(numbering), *renamed, *imported.notes]
    is_side = _rows_by_side(cells, arms, sides, group)
    remarks += notes_beside(cells, columns, is_side)
    how = _how(cells, columns, said, by_rows)
    return Reading(
        table=imported.table,
        source=cells.source,
        how=how,
        notes=tuple(map(cut, remarks)),
        options=options_of(columns, own, cells.roles, is_labels=is_labels, by_rows=by_rows),
        arms={side: _arm_of(cells, columns, side, group) for side in sides},
        metrics=tuple(dict.fromkeys(imported.table["metric"].tolist())),
        numbering=numbering,
    )


def _imported(
    table: Table, said: Said, columns: Columns, setting: str, is_labels: bool
) -> Imported:
    """Return the evidence in a table whose columns are known."""
    run = table.said_column(said.run, "--run") if said.run else table.cells.roles.get("run")
    return import_table(
        table.cells,
        setting,
        arm=None if is_labels else columns.arms,
        seed=columns.seed,
        metrics=columns.metrics or None,
        metric=columns.metric,
        value=columns.value,
        epoch=columns.epoch,
        layer=table.said_column(said.layer, "--layer") if said.layer else None,
        status=_status(table),
        run=run,
        take=said.take,
        average=columns.fold,
    )


# -- rows and columns before anything is read into them


def _where(cells: Cells, said: Said) -> Cells:
    for name, text in said.where:
        table = Table(cells, said, (), lambda option, value="": f"{option} {value}")
        column = table.said_column(name, "--where")
        matching = _equal_texts(table.texts(column), text)
        if not matching:
            raise EvidenceError(
                f"{cells.source}: --where {name}={text}: no row has it; column {column!r} holds"
                f" {listed([cut(clean(t), 40) for t in table.texts(column)], 12) or 'nothing'}."
            )
        cells = cells.rows(cells.table[column].map(cell_text).isin(matching))
    return cells


def _equal_texts(there: Iterable[str], wanted: str) -> list[str]:
    """Return the text that is wanted, else the one that is the same number."""
    texts = list(there)
    if wanted in texts:
        return [wanted]
    number = number_of(wanted)
    same = [t for t in texts if number is not None and number_of(t) == number]
    return same if len(same) == 1 else []


def holds_sides(cells: Cells, sides: Sequence[str], in_several_rows: bool = False) -> bool:
    """Whether a column holds all arms that are asked for; ``in_several_rows``: some of them twice.

    Then the table is of rows already.
    """
    texts = {side.strip() for side in sides}
    names = [str(name) for name in cells.table.columns]
    for name in names:
        if texts and names.count(name) == 1:
            distinct = cells.table[name].dropna().unique()
            if texts <= {str(cell).strip() for cell in distinct}:
                return not in_several_rows or len(cells.table) > len(distinct)
    return False


def _without_empty_columns(cells: Cells) -> Cells:
    names = [str(name) for name in cells.table.columns]
    empty = [
        n for i, n in enumerate(names) if not n.strip() and cells.table.iloc[:, i].isna().all()
    ]
    if not empty:
        return cells
    return replace(cells, table=cells.table.loc[:, [n not in empty for n in names]])


def _arms(table: Table) -> dict[str, str]:
    arms = table.arms()
    if table.said.group_by is not None:
        column = table.said_column(table.said.group_by, "--group-by")
        if column in arms.values():
            raise EvidenceError(
                f"{table.source}: --group-by {column}: that is the column of the arms; name"
                " another."
            )
        arms[group_factor(column, arms)] = column
    return arms


def group_factor(column: str, arms: Mapping[str, str]) -> str:
    """Return the name of the factor that groups: its column's, where no other factor has it."""
    name = factor_name(column)
    return f"{name}_group" if name in arms or name == "rule" else name


def _of_sides(
    cells: Cells, arms: Mapping[str, str], sides: Sequence[str], seed: str, group: str | None
) -> Cells:
    """Return the rows of the arms that are asked for, and say which others there are."""
    if not sides:
        return cells
    keep = np.zeros(len(cells.table), dtype=bool)
    for mask in _rows_by_side(cells, arms, sides, group).values():
        keep |= mask.to_numpy()
    others = cells.table[~keep]
    without = others[others[seed].map(cell_text) == ""]
    names = [column for column in arms.values() if column != group]
    notes = []
    if len(without):
        rows = [f"{_name_of(without, row, names)} ({cells.place(row)})" for row in without.index]
        notes.append(f"rows without a seed, left out: {listed(rows, 6)}")
    rest_of_arms = others.drop(index=without.index)[names].drop_duplicates()
    if len(rest_of_arms):
        rest = sorted(_name_of(rest_of_arms, row, names) for row in rest_of_arms.index)
        notes.append(f"other arms, not read: {listed(rest, 8)}")
    return replace(cells.rows(_as_series(keep, cells)), notes=(*cells.notes, *notes))


def _rows_by_side(
    cells: Cells, arms: Mapping[str, str], sides: Sequence[str], group: str | None
) -> dict[str, pd.Series[bool]]:
    """Return whether each row is of an arm, for every arm that is asked for."""
    own = {factor: column for factor, column in arms.items() if column != group}
    return {side: _is_side(cells, own, side) for side in sides}


def _name_of(table: pd.DataFrame, row: int, names: Sequence[str]) -> str:
    """Return how a row names its arm, as a message shows it."""
    return cut(clean(", ".join(cell_text(table.at[row, name]) or "nothing" for name in names)), 40)


def _as_series(keep: Any, cells: Cells) -> pd.Series[bool]:
    import pandas as pd

    return pd.Series(keep, index=cells.table.index)


def _is_side(cells: Cells, arms: Mapping[str, str], side: str) -> pd.Series[bool]:
    """Whether each row is of an arm, by its text or by ``factor=value,...``."""
    keep = _as_series(np.ones(len(cells.table), dtype=bool), cells)
    for column, text in _wanted(cells, arms, side).items():
        distinct = cells.table[column].dropna().unique().tolist()
        matching = _equal_texts({cell_text(cell) for cell in distinct}, text)
        if not matching:
            raise EvidenceError(
                f"{cells.source}: no row has {text!r} in column {column!r}; it holds"
                f" {listed(sorted({cut(clean(cell_text(c)), 40) for c in distinct}), 12)}."
            )
        cells_by_text = [cell for cell in distinct if cell_text(cell) in matching]
        keep &= cells.table[column].isin(cells_by_text)
    return keep


def _wanted(cells: Cells, arms: Mapping[str, str], side: str) -> dict[str, str]:
    """Return the texts that the columns of an arm have, by column."""
    columns = dict(arms)
    if len(columns) == 1:
        ((_, column),) = columns.items()
        if side.strip() in {cell_text(cell) for cell in cells.table[column].dropna().unique()}:
            return {column: side.strip()}
    table = Table(cells, Said(), (), lambda option, value="": f"{option} {value}")
    text_by_column = {table.said_column(n, "the question:"): t for n, t in assigned(side).items()}
    if not text_by_column and len(columns) == 1:
        raise table.unknown_side(side, *columns.values())
    if not text_by_column:
        raise EvidenceError(
            f"{cells.source}: {side!r} names no arm: the arm has the columns"
            f" {listed(list(columns.values()))}; write"
            f" {','.join(f'{c}=VALUE' for c in columns.values())}."
        )
    return text_by_column


def _status(table: Table) -> str | None:
    if table.said.status not in (None, NO_STATUS):
        return table.said_column(table.said.status, "--status")
    return table.said.status


# -- what is said of it


def _how(cells: Cells, columns: Columns, said: Said, by_rows: bool) -> tuple[str, ...]:
    arms = " and ".join(repr(column) for column in columns.arms.values())
    of_shape = columns.metrics and {*columns.metrics.values()} == {cells.roles.get("value")}
    values = columns.metrics if of_shape else columns.metrics.values()
    value = ", ".join(map(repr, values)) or repr(columns.value)
    seed = "the order of rows" if by_rows else repr(columns.seed)
    rows = len(cells.table)
    line = f"Read {cells.source}: {rows} row{'s' * (rows != 1)}. Arms from {arms}, seeds from"
    line += f" {seed}, value {value}"
    if columns.metric:
        line += f", metric from {columns.metric!r}"
    if columns.epoch is not None:
        words = {"last": "the last of each run", "max": "the best (max)", "min": "the best (min)"}
        which = words.get(
            str(said.take), f"at {said.take}" if said.take is not None else "of each row"
        )
        line += f", {columns.epoch} {which}"
    if columns.fold is not None:
        line += f", averaged over {columns.fold!r}"
    return (line + ".",)


def spelled(*parts: str) -> str:
    """Return a command line as a shell takes it."""
    return " ".join(shlex.quote(part) for part in parts)


def _arm_of(cells: Cells, columns: Columns, side: str, group: str | None) -> Arm:
    """Return the arm that a side's rows have in evidence, without its group."""
    own_columns = {f: column for f, column in columns.arms.items() if column != group}
    distinct = cells.table[list(own_columns.values())].drop_duplicates()
    labels = arms_of({f: distinct[column] for f, column in own_columns.items()}, cells.place)
    is_side = _is_side(cells, own_columns, side)[distinct.index]
    own = list(dict.fromkeys(label for label, of in zip(labels, is_side, strict=True) if of))
    if len(own) != 1:
        raise EvidenceError(
            f"{cells.source}: {side!r} may be {listed(own, 6)}; write every factor that the arms"
            f" have: {','.join(f'{column}=VALUE' for column in own_columns.values())}."
        )
    return Arm.parse(own[0])
