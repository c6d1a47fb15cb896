"""From cells to evidence: what a table of others is read as, and what is said of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError
from faeval.evidence._cells import number_of
from faeval.evidence._endings import is_state
from faeval.evidence._table import check_rows
from faeval.evidence.importing._arms import arms_of
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import EPOCHS, SEEDS, tail, word
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
from faeval.evidence.importing._numbers import (
    Spelling,
    means_with_spread,
    plain_numbers,
    points_may_be_thousands,
)
from faeval.evidence.importing._shapes import made_rows
from faeval.evidence.importing._tidy import Imported, import_table
from faeval.experiment import Arm

if TYPE_CHECKING:
    import pandas as pd

_TRUE, _FALSE = ("true", "yes"), ("false", "no")


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
    _check_not_means(cells)
    if said.epoch == NO_EPOCH:
        cells, said = _without_epochs(cells), replace(said, epoch=None)
    cells = _where(cells, said)
    if not holds_sides(cells, sides, in_several_rows=True):
        cells = made_rows(cells, next(iter(said.metrics), None), sides, said.names)
    cells = _without_empty_columns(cells)
    table = Table(cells, said, sides, spell)
    arms = _arms(table)
    group = table.said_column(said.group_by, "--group-by") if said.group_by else None
    metrics, name_column, value_column = table.metric(arms.values())
    seed = _seed(table, arms, {**metrics, "": value_column}.values())
    by_rows = seed == ROWS and ROWS not in cells.table.columns
    cells, numbering, seed = _numbered(cells, seed, list(arms.values()), by_rows)
    cells = _of_sides(cells, arms, sides, seed, group)
    if name_column and said.metrics:
        cells = _rows(cells, cells.table[name_column].astype(str).str.strip().isin(said.metrics))
    table = Table(cells, said, sides, spell)
    values = list(metrics.values()) if metrics else [value_column]
    cells, notes = _as_numbers(cells, values, table)
    table = Table(cells, said, sides, spell)
    columns = Columns(arms, seed, metrics, name_column, value_column)
    columns = _with_course(table, columns)
    if not whole_courses:
        _check_course(table, columns)
    is_labels = not sides and arms == {"rule": "arm"} and not said.arm
    found = import_table(
        cells,
        setting,
        arm=None if is_labels else columns.arms,
        seed=columns.seed,
        metrics=columns.metrics or None,
        metric=columns.metric,
        value=columns.value,
        epoch=columns.epoch,
        layer=table.said_column(said.layer, "--layer") if said.layer else None,
        status=_status(table),
        run=table.said_column(said.run, "--run") if said.run else cells.roles.get("run"),
        take=said.take,
        average=columns.fold,
    )
    found, renamed = _with_plain_metrics(found)
    _check_ranges(found.table, said, cells.source)
    _check_scales(found.table, said, cells.source, spell)
    unlike = _also_unlike(cells, columns, sides, group)
    how = _how(cells, columns, said, by_rows)
    return Reading(
        table=found.table,
        source=cells.source,
        how=how,
        notes=tuple(
            map(
                cut, (*cells.notes, *notes, *_numbering(numbering), *renamed, *found.notes, *unlike)
            )
        ),
        options=_options(columns, said, is_labels, by_rows),
        arms={side: _arm_of(cells, columns, side, group) for side in sides},
        metrics=tuple(dict.fromkeys(found.table["metric"].tolist())),
        numbering=numbering,
    )


# -- rows and columns before anything is read into them


def _rows(cells: Cells, keep: pd.Series[bool]) -> Cells:
    """Return some of the rows, which keep their places."""
    if keep.all():
        return cells
    kept, place = np.flatnonzero(keep.to_numpy(dtype=bool)), cells.place
    table = cells.table[keep.to_numpy(dtype=bool)].reset_index(drop=True)
    return replace(cells, table=table, place=lambda row: place(int(kept[row])))


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
        cells = _rows(cells, cells.table[column].map(_text).isin(matching))
    return cells


def _text(cell: Any) -> str:
    return "" if cell is None or cell != cell else str(cell).strip()


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
    wanted = {side.strip() for side in sides}
    names = [str(name) for name in cells.table.columns]
    for name in names:
        if wanted and names.count(name) == 1:
            distinct = cells.table[name].dropna().unique()
            if wanted <= {str(cell).strip() for cell in distinct}:
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
    own = {factor: column for factor, column in arms.items() if column != group}
    keep = np.zeros(len(cells.table), dtype=bool)
    for side in sides:
        keep |= _is_side(cells, own, side).to_numpy()
    others = cells.table[~keep]
    without = others[others[seed].map(_text) == ""]
    names = [column for column in arms.values() if column != group]
    notes = []
    if len(without):
        rows = [f"{_name_of(without, row, names)} ({cells.place(row)})" for row in without.index]
        notes.append(f"rows without a seed, left out: {listed(rows, 6)}")
    left = others.drop(index=without.index)[names].drop_duplicates()
    if len(left):
        rest = sorted(_name_of(left, row, names) for row in left.index)
        notes.append(f"other arms, not read: {listed(rest, 8)}")
    return replace(_rows(cells, _as_series(keep, cells)), notes=(*cells.notes, *notes))


def _name_of(table: pd.DataFrame, row: int, names: Sequence[str]) -> str:
    """Return how a row names its arm, as a message shows it."""
    return cut(clean(", ".join(_text(table.at[row, name]) or "nothing" for name in names)), 40)


def _as_series(keep: Any, cells: Cells) -> pd.Series[bool]:
    import pandas as pd

    return pd.Series(keep, index=cells.table.index)


def _is_side(cells: Cells, arms: Mapping[str, str], side: str) -> pd.Series[bool]:
    """Whether each row is of an arm, by its text or by ``factor=value,...``."""
    keep = _as_series(np.ones(len(cells.table), dtype=bool), cells)
    for column, text in _wanted(cells, arms, side).items():
        distinct = cells.table[column].dropna().unique().tolist()
        matching = _equal_texts({_text(cell) for cell in distinct}, text)
        if not matching:
            raise EvidenceError(
                f"{cells.source}: no row has {text!r} in column {column!r}; it holds"
                f" {listed(sorted({cut(clean(_text(c)), 40) for c in distinct}), 12)}."
            )
        cells_by_text = [cell for cell in distinct if _text(cell) in matching]
        keep &= cells.table[column].isin(cells_by_text)
    return keep


def _wanted(cells: Cells, arms: Mapping[str, str], side: str) -> dict[str, str]:
    """Return the texts that the columns of an arm have, by column."""
    columns = dict(arms)
    if len(columns) == 1:
        ((_, column),) = columns.items()
        if side.strip() in {_text(cell) for cell in cells.table[column].dropna().unique()}:
            return {column: side.strip()}
    table = Table(cells, Said(), (), lambda option, value="": f"{option} {value}")
    named = {table.said_column(n, "the question:"): t for n, t in assigned(side).items()}
    if not named and len(columns) == 1:
        raise table.unknown_side(side, *columns.values())
    if not named:
        raise EvidenceError(
            f"{cells.source}: {side!r} names no arm: the arm has the columns"
            f" {listed(list(columns.values()))}; write"
            f" {','.join(f'{c}=VALUE' for c in columns.values())}."
        )
    return named


def _also_unlike(
    cells: Cells, columns: Columns, sides: Sequence[str], group: str | None
) -> list[str]:
    """Say which columns, beside those of the arm, are one thing in one arm and another in others.

    A verdict is of them, too: whoever leaves them out may lay their effect to the arm.
    """
    own = {f: c for f, c in columns.arms.items() if c != group}
    if len(sides) < 2:
        return []
    used = {*columns.arms.values(), columns.seed, *columns.metrics.values(), columns.value}
    rows = [cells.table[_is_side(cells, own, side).to_numpy()] for side in sides]
    texts = []
    for name in cells.table.columns:
        if name in used or name in (columns.metric, columns.epoch, columns.fold):
            continue
        if list(cells.table.columns).count(name) > 1 or is_state(name):
            continue
        held = [{_text(cell) for cell in part[name].unique()} for part in rows]
        if all(len(one) == 1 for one in held) and len({*map(frozenset, held)}) > 1:
            pairs = [
                f"{cut(clean(next(iter(one)) or 'nothing'), 40)} in {cut(clean(side), 40)}"
                for side, one in zip(sides, held, strict=True)
            ]
            texts.append(f"{name!r} ({listed(pairs, 4)})")
    if not texts:
        return []
    return [f"the arms differ in {listed(texts, 6)} as well; the verdict is of all that together"]


# -- seeds


def _check_not_means(cells: Cells) -> None:
    """Refuse a table of means with their spreads, which hold no seeds."""
    names = [str(name) for name in cells.table.columns]
    if len({*names}) < len(names):
        return
    spread = [name for name in names if _holds_means(cells.table[name])]
    if spread and len(spread) >= len(names) - 1 - any(tail(n) in SEEDS for n in names):
        raise _means(cells.source, spread[0], cells.table[spread[0]])


def _holds_means(column: pd.Series[Any]) -> bool:
    texts = [_text(cell) for cell in column.head(50).tolist()]
    return means_with_spread([text for text in texts if text])


def _means(source: str, name: str, column: pd.Series[Any]) -> EvidenceError:
    example = next(text for cell in column if (text := _text(cell)))
    return EvidenceError(
        f"{source}: column {name!r} holds means with a spread ({cut(clean(example), 40)!r}) and no"
        " seeds. A verdict needs one value for each seed. Whether printed numbers can be right:"
        " faeval check-numbers."
    )


def _seed(table: Table, arms: Mapping[str, str], values: Iterable[str]) -> str:
    names = [n for n in values if n in table.names]
    if len(names) == 1 and means_with_spread(table.texts(names[0])):
        raise _means(table.source, names[0], table.column(names[0]))
    if table.said.unpaired and table.said.seed is None and "seed" not in table.cells.roles:
        try:
            return table.seed(arms.values())
        except EvidenceError:
            return ROWS
    return table.seed(arms.values())


def _numbered(
    cells: Cells, seed: str, arms: Sequence[str], by_rows: bool
) -> tuple[Cells, dict[str, int], str]:
    """Return cells whose seeds are whole numbers, the number of each seed that was none, and the
    column."""
    if by_rows:
        numbers = cells.table.groupby(list(arms), dropna=False, sort=False).cumcount()
        name = "seed" if "seed" not in cells.table.columns else "row of the arm"
        return replace(cells, table=cells.table.assign(**{name: numbers})), {}, name
    column = cells.table[seed]
    texts = [_text(cell) for cell in column.dropna().unique().tolist()]
    texts = [text for text in dict.fromkeys(texts) if text]
    if all(_is_seed(text) for text in texts) or _is_summary_only(texts):
        return cells, {}, seed
    names = sorted((t for t in texts if not _is_summary_only([t])), key=_natural)
    numbering = {name: number for number, name in enumerate(names)}
    replaced = column.map(lambda cell: numbering.get(_text(cell), cell))
    return replace(cells, table=cells.table.assign(**{seed: replaced})), numbering, seed


def _is_seed(text: str) -> bool:
    number = number_of(text)
    if isinstance(number, int):
        return 0 <= number < 2**63
    # Beyond 2**53 a float no longer tells neighbours apart.
    return number is not None and number.is_integer() and 0 <= number < 2**53


_SUMMARIES = re.compile(r"(mean|average|avg|std|stdev|sd|sem|total|sum|all|overall|median)\Z", re.I)


def _is_summary_only(texts: Iterable[str]) -> bool:
    return all(_SUMMARIES.match(text) for text in texts)


def _natural(text: str) -> tuple[Any, ...]:
    """Order names as people do: numbers by size, others by their parts."""
    number = number_of(text)
    if number is not None:
        return (0, float(number), text)
    return (1, *[(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", text)])


def _numbering(numbering: Mapping[str, int]) -> list[str]:
    if not numbering:
        return []
    pairs = [f"{clean(name)} = {number}" for name, number in numbering.items()]
    return [f"seeds are names, and are numbered: {listed(pairs, 12)}"]


# -- values


def _as_numbers(cells: Cells, values: Sequence[str], table: Table) -> tuple[Cells, list[str]]:
    """Return cells whose values are plain numbers, and what was read so."""
    notes = []
    changed = {}
    for name in values:
        column = table.column(name)
        column = _outcomes(column, table, name)
        _check_points(column, name, table)
        numbers, said = plain_numbers(
            column, name, cells.source, cells.place, table.said.spelling,
            lambda option: table.spell(*option.split(" ", 1)),
        )  # fmt: skip
        if numbers is not cells.table[name]:
            changed[name] = numbers
        notes += said
    return (replace(cells, table=cells.table.assign(**changed)) if changed else cells), notes


def _check_points(column: pd.Series[Any], name: str, table: Table) -> None:
    """Refuse 1.912 in a table with decimal commas elsewhere: it may be 1912."""
    if table.said.spelling != Spelling():
        return
    others = [table.table[n] for n in table.names if n != name and table.names.count(n) == 1]
    if cell := points_may_be_thousands(column, others):
        raise EvidenceError(
            f"{table.source}: {cell!r} in column {name!r} has two readings, as other columns have"
            f" decimal commas.\nthousands ({cell.replace('.', '')}):"
            f" {table.spell('--decimal', ',')}"
            f"\na decimal point: {table.spell('--decimal', '.')}"
        )


def _outcomes(column: pd.Series[Any], table: Table, name: str) -> pd.Series[Any]:
    """Return true and false as 1 and 0, where they are said to be outcomes; else refuse them."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column
    if len(words := {text.lower() for text in table.texts(name)[:20]}) == 0:
        return column
    if not words <= {*_TRUE, *_FALSE}:
        return column
    if not table.said.rate:
        raise EvidenceError(
            f"{table.source}: column {name!r} holds {listed(sorted(table.texts(name)))}: outcomes,"
            " not numbers. Compare the rates of True by exact rules:"
            f" {table.spell('--rate')}"
        )
    return column.map(
        lambda cell: cell if _text(cell) == "" else float(_text(cell).lower() in _TRUE)
    )


def _with_plain_metrics(found: Imported) -> tuple[Imported, list[str]]:
    """Return evidence whose metrics have names that a claim can write, and what was renamed."""
    names = {
        name: re.sub(r"@", "_at_", name).replace("!", "_")
        for name in found.table["metric"].unique().tolist()
        if {"@", "!"} & {*name}
    }
    if not names:
        return found, []
    metrics = found.table["metric"].map(lambda name: names.get(name, name)).astype("str")
    notes = [f"metric {old!r} is called {new!r}" for old, new in names.items()]
    return replace(found, table=found.table.assign(metric=metrics)), notes


def _check_ranges(table: pd.DataFrame, said: Said, source: str) -> None:
    for metric, (low, high) in said.ranges.items():
        rows = table[(table["metric"] == metric) & (table["status"] == "measured")]
        out = rows[(rows["value"] < low) | (rows["value"] > high)]
        if len(out):
            first = out.iloc[0]
            raise EvidenceError(
                f"{source}: {metric} of {first['arm']} at seed {first['seed']} is"
                f" {first['value']:g}, outside of --range {metric}={low:g}:{high:g}; correct the"
                " value, or the range."
            )


def _check_scales(table: pd.DataFrame, said: Said, source: str, spell: Spell) -> None:
    """Stop where one arm is in percent and another in fractions, as far as numbers show it."""
    for metric, rows in table[table["status"] == "measured"].groupby("metric", sort=True):
        if metric in said.ranges or len(rows) == 0:
            continue
        by_arm = rows.groupby("arm")["value"].agg(["min", "max", "median"])
        fractions = by_arm[(by_arm["min"] >= 0) & (by_arm["max"] <= 1) & (by_arm["median"] > 0.1)]
        percents = by_arm[(by_arm["min"] > 1) & (by_arm["max"] <= 100) & (by_arm["median"] > 10)]
        if len(fractions) and len(percents):
            one, other = fractions.index[0], percents.index[0]
            raise EvidenceError(
                f"{source}: {metric} of {one} is about {fractions['median'].iloc[0]:.3g} and of"
                f" {other} about {percents['median'].iloc[0]:.3g}: fractions and percent? Give both"
                " in one unit. If both are in one unit already, say what the metric can be:"
                f" {spell('--range', f'{metric}=0:100')}"
            )


# -- epochs and folds


def _without_epochs(cells: Cells) -> Cells:
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


def _with_course(table: Table, columns: Columns) -> Columns:
    """Return the columns with those of the epoch and of folds, where rows need them."""
    said, roles = table.said, table.cells.roles
    if said.average is not None:
        fold: str | None = table.said_column(said.average, "--average")
        return replace(columns, fold=fold, epoch=_said_epoch(table))
    if (epoch := _said_epoch(table) or roles.get("epoch")) is not None:
        return replace(columns, epoch=epoch)
    used = [*columns.arms.values(), columns.seed]
    if columns.metric:
        used.append(columns.metric)
    others = [*columns.metrics.values(), columns.value, *used]
    parts = _rows_with_values(table, columns)
    candidates = [
        n for n in table.called(EPOCHS, but=others) if all(_whole_numbers(p[n]) for p in parts)
    ]
    candidates.sort(key=lambda n: 0 if n.lower() == "epoch" else 1)
    if not _repeats(parts, used):
        # One row a run: where it says its epoch, runs that end at different ones are seen.
        named = [n for n in candidates if n.strip().lower() == "epoch"]
        return replace(columns, epoch=named[0] if named else None)
    for name in candidates:
        if not _repeats(parts, [*used, name]):
            return replace(columns, epoch=name)
    folds = table.folds(others)
    if folds and not _repeats(parts, [*used, folds[0]]):
        if said.seed is None:
            raise EvidenceError(
                f"{table.source}: several rows of one {columns.seed!r}, in column {folds[0]!r}:"
                " folds of one repetition share their training data, and are no seeds. Their mean"
                f" is one value for each {columns.seed!r}:"
                f" {table.spell('--seed', columns.seed)}"
            )
        return replace(columns, fold=folds[0])
    return replace(columns, epoch=candidates[0] if candidates else None)


def _said_epoch(table: Table) -> str | None:
    return table.said_column(table.said.epoch, "--epoch") if table.said.epoch else None


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


def _check_course(table: Table, columns: Columns) -> None:
    """Ask which epoch is the result where runs have several, and none was said."""
    import pandas as pd

    if columns.epoch is None or table.said.take is not None:
        return
    used = [*columns.arms.values(), columns.seed, columns.epoch]
    if _repeats(
        _rows_with_values(table, columns), [*used, *[columns.metric] * bool(columns.metric)]
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
        *arm, seed = (*key,)[: arms + 1] if isinstance(key, tuple) else (key,)
        texts.append(f"{' '.join(_text(p) for p in arm)} seed {_text(seed)} at {_whole(end)}")
    return listed([cut(clean(text), 60) for text in texts], 12)


def _status(table: Table) -> str | None:
    if table.said.status is not None:
        return table.said_column(table.said.status, "--status")
    return None


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
        taken = {"last": "the last of each run", "max": "the best (max)", "min": "the best (min)"}
        which = taken.get(
            str(said.take), f"at {said.take}" if said.take is not None else "of each row"
        )
        line += f", {columns.epoch} {which}"
    if columns.fold is not None:
        line += f", averaged over {columns.fold!r}"
    return (line + ".",)


def _options(columns: Columns, said: Said, is_labels: bool, by_rows: bool) -> tuple[str, ...]:
    """Return the options of ``faeval evidence import`` that say this reading in full."""
    options: list[str] = []
    if not is_labels:
        options += ["--arm", ",".join(f"{f}={c}" if f != c else c for f, c in columns.arms.items())]
    options += ["--seed", ROWS if by_rows else columns.seed]
    for name, column in columns.metrics.items():
        options += ["--metric", name if name == column else f"{name}={column}"]
    if columns.metric:
        for name in said.metrics:
            options += ["--metric", name]
        options += ["--metric-column", columns.metric, "--value-column", columns.value]
    pairs = {
        "--epoch": columns.epoch, "--layer": said.layer, "--status": said.status,
        "--run": said.run, "--average": columns.fold, "--names": said.names,
        "--decimal": said.spelling.decimal, "--thousands": said.spelling.thousands,
    }  # fmt: skip
    for option, value in pairs.items():
        if value is not None:
            options += [option, value]
    for column, text in said.where:
        options += ["--where", f"{column}={text}"]
    if said.take == "last":
        options.append("--last")
    elif said.take in ("max", "min"):
        options += ["--best", str(said.take)]
    elif said.take is not None:
        options += ["--at", str(said.take)]
    if said.rate:
        options.append("--rate")
    return tuple(options)


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
