"""Import: any tidy table as evidence, by saying which of its columns is what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import cut, listed
from faeval.errors import EvidenceError
from faeval.evidence._cells import number_of
from faeval.evidence._check import row_name
from faeval.evidence._endings import States, is_lost, is_state, states_of
from faeval.evidence._files import read_cells
from faeval.evidence._table import KEY, check_once, check_rows, in_order, normalise, row_of
from faeval.evidence.importing._arms import arms_of, codes_of, plain_word
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._epochs import Take, at_epoch
from faeval.evidence.importing._tidy_keys import check_one_row_a_key

if TYPE_CHECKING:
    import pandas as pd

#: Rows that sum up others, by the words that such rows have in place of a seed or an arm.
_SUMS = frozenset((
    "mean", "average", "avg", "median", "iqm", "min", "max", "total", "sum", "overall", "all",
    "count", "std", "stdev", "std_dev", "sd", "sem", "se", "stderr", "var", "variance",
))  # fmt: skip
#: In place of a column of how runs ended: none says it, whatever columns are called.
NO_STATUS = "none"
#: What a column of the seed is called where its rows share their training data.
_FOLDS = ("fold", "folds", "split", "cv")


@dataclass(frozen=True)
class Imported:
    """Evidence that came from elsewhere, sorted, and what is to be said of how it was read."""

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def import_table(
    source: pd.DataFrame | Cells | str | Path,
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
    take: Take = None,
    average: str | None = None,
) -> Imported:
    """Read a tidy table that came from elsewhere.

    Parameters
    ----------
    source
        A DataFrame, or a CSV or Parquet file; or the :class:`Cells` of another.
    setting
        The name of the experiment; evidence of one has one.
    arm
        The columns that are factors of the arm, or a mapping from a factor's name to its column.
        The rule's cells are words. Any other column holds numbers where all its cells are numbers,
        true and false where all are that, else words; and words where two of its spellings would
        become one value. An empty cell leaves the factor out. Default: the column ``arm``, whose
        cells are labels such as ``dfa+penalty=0.01``, or names.
    seed
        The column of the seed. A row without one that plainly sums up others is left out, and said.
    metrics
        Of a wide table, the columns that are metrics, or a mapping from a metric's name to its
        column. An empty cell is undefined, unless the table has epochs and the run a number of the
        metric in another row. Default: the table is long, with a column of names and one of values.
    metric, value
        Of a long table, the columns of the metric's name and of its value; an empty cell is a row
        that is undefined.
    epoch
        The column of the epoch; default: one that is called so.
    layer, run
        The columns of these, where there are any; a column called layer is found.
    status
        The column that says how runs ended; default: those called status, state, failed, exit_code,
        success, ... whose cells say so. Without one, or with ``"none"``, a number that is finite is
        measured, any other undefined.
    take
        Which epoch of each run is read: ``"last"``, ``"max"`` or ``"min"`` (the epoch at which the
        metric is highest or lowest), or the number of one that all runs have. Default: all of them,
        where all runs of an arm end alike.
    average
        A column whose rows are no runs of their own, such as the folds of a cross-validation: their
        mean is taken.

    Raises
    ------
    EvidenceError
        A column is missing, a cell cannot be used, keys repeat, or runs of an arm end at different
        epochs; says which.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": ["forest", "tree"], "depth": 3, "accuracy": [0.9, 0.8]})
    >>> arm = {"rule": "model", "depth": "depth"}
    >>> found = import_table(table.assign(seed=1), "iris", arm=arm, metrics=["accuracy"])
    >>> found.table["arm"].tolist(), found.table["value"].tolist()
    (['forest+depth=3', 'tree+depth=3'], [0.9, 0.8])
    """

    cells, place, where = _cells_of(source)
    check_rows(cells, where)
    factors = as_mapping(arm)
    wide = as_mapping(metrics)
    figures = list(wide.values()) if wide else [metric, value]
    arguments = [*factors.values(), seed, *figures, epoch, layer, status, run, average]
    unnamed = [name for name in map(str, cells.columns) if name not in arguments]
    check_once(list(filter(_is_found, unnamed)), where)
    epoch = _called("epoch", unnamed, epoch)
    layer = _called("layer", [n for n in unnamed if _is_layer(cells, n)], layer)
    _check_take(take, epoch, where)
    column_by_name = _without_none(
        seed=seed, epoch=epoch, layer=layer, run=run, over=average, status=status
    )
    if status == NO_STATUS:
        del column_by_name["status"]
    of_arms = [*(factors.values() or ["arm"])]
    columns = [*of_arms, *column_by_name.values(), *figures]
    _check_there(cells, columns, where)
    cells = cells.loc[:, ~cells.columns.duplicated()]  # others that stand twice are left out
    keys = [*of_arms, seed, *figures[: 0 if wide else 1]]  # of a long table the metric's name
    is_log = epoch is not None and bool(cells.duplicated(keys).any())
    states, ended = _states(cells, status, columns, where, place, is_log)
    cells, notes = _without_sums(cells, seed, figures if wide else [value], ended, place)
    common = _common(cells, column_by_name, ended).assign(setting=setting)
    common["arm"] = _arms(cells, factors, lambda row: f"{where}, {place(row)}")
    table = (
        _long_of(common, cells, wide, is_log=epoch is not None)
        if wide
        else common.assign(metric=cells[metric], value=cells[value])
    )
    rows, over = table.index.to_numpy(), table.get("over")
    theirs = {"metric": metric, "value": value, **column_by_name}
    theirs.setdefault("status", " or ".join(map(str, states.read)))
    called = _names_of(table["metric"], wide, theirs)
    table = normalise(table, where, lambda row: place(int(rows[row])), called).set_index(rows)
    if over is not None:
        table = _averaged(table, over, str(average), where)
    others = _others(cells, {*columns, *states.read})
    check_one_row_a_key(table, cells[others], where, place)
    table, choices = at_epoch(table.reset_index(drop=True), take, where)
    notes += [*_seed_notes(seed), *choices, *states.unread.values(), *_left_notes(others)]
    notes += [*_failure_notes(cells, ended, [status] if status else states.read, where, place)]
    notes += _status_notes(table)
    return Imported(in_order(table), tuple(map(cut, notes)))


def _common(
    cells: pd.DataFrame, column_by_name: Mapping[str, str], ended: pd.Series[Any] | None
) -> pd.DataFrame:
    """Return what the rows of all metrics share, and by row how its run ended."""
    import pandas as pd

    common = pd.DataFrame({name: cells[column] for name, column in column_by_name.items()})
    if "run" in common:  # a number names a run as well as a word does
        common["run"] = common["run"].map(lambda cell: str(cell) if plain_word(cell) else "")
    return common if ended is None else common.assign(status=ended)


def _others(cells: pd.DataFrame, columns: Collection[Any]) -> list[str]:
    return [str(name) for name in cells.columns if name not in columns]


def _check_take(take: Take, epoch: str | None, where: str) -> None:
    """Raise EvidenceError where an epoch is chosen and no column names epochs."""
    if take is not None and epoch is None:
        raise EvidenceError(
            f"{where}: which epoch is read was said, but no column of epochs; name one (epoch=,"
            " --epoch)."
        )


def _names_of(
    metrics: pd.Series[str], wide: Mapping[str, str], theirs: Mapping[str, str]
) -> Callable[[str, int], str]:
    """Return what the source calls a column of evidence, in a row."""

    def called(name: str, row: int) -> str:
        if wide and name == "value":
            return wide[metrics.iloc[row]]
        return theirs.get(name, name)

    return called


def _seed_notes(seed: str) -> list[str]:
    text = "folds share their training data, and are no independent runs"
    return [f"{seed} is read as the seed: {text}"] if plain_word(seed) in _FOLDS else []


def _left_notes(columns: Sequence[str]) -> list[str]:
    return [f"columns left out: {listed(columns, 12)}"] if columns else []


def _failure_notes(
    cells: pd.DataFrame,
    ended: pd.Series[Any] | None,
    columns: Sequence[Any],
    where: str,
    place: Callable[[int], str],
) -> list[str]:
    """Say which column says that runs failed, and by which of its cells."""
    if ended is None:
        return []
    notes = []
    for name in columns:
        own = ended if len(columns) == 1 else states_of(cells[[name]], where, place).said
        own = ended if own is None else own
        is_failed = own.isin([word for word in own.unique() if is_lost(word)])
        texts = [repr(str(cell).strip()) for cell in cells[name][is_failed].unique()]
        if texts:
            verb = "is" if len(texts) == 1 else "are"
            notes.append(f"status from {name!r}: {listed(texts, 6)} {verb} read as a failed run")
    return notes


def _status_notes(table: pd.DataFrame) -> list[str]:
    reasons = {"diverged": ": a run that fails is an outcome", "undefined": ""}
    counts = {word: int((table["status"] == word).sum()) for word in reasons}
    return [
        f"{n} row{'s are' if n > 1 else ' is'} {word}{reasons[word]}"
        for word, n in counts.items()
        if n
    ]


def _cells_of(
    source: pd.DataFrame | Cells | str | Path,
) -> tuple[pd.DataFrame, Callable[[int], str], str]:
    """The cells as they stand, what to call a row of them, and what to call the table."""
    import pandas as pd

    if isinstance(source, Cells):
        return source.table, source.place, source.source
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), row_of, "the table"
    return *read_cells(Path(source)), str(source)


def as_mapping(names: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Return names of evidence and the columns that they stand for; a list's keep their names."""
    return dict(names) if isinstance(names, Mapping) else {name: name for name in names or ()}


def _is_found(name: str) -> bool:
    """Whether a column of this name is read without being named."""
    return plain_word(name) in ("epoch", "layer") or is_state(name)


def _called(word: str, names: Sequence[str], column: str | None) -> str | None:
    """Return the column that was given, else one of that name.

    Runs that end at different epochs must not be compared unseen.
    """
    if column is not None:
        return column
    return next((name for name in names if plain_word(name) == word), None)


def _is_layer(cells: pd.DataFrame, name: str) -> bool:
    """Whether a column that is called layer can be one: its cells are whole numbers or empty."""
    if plain_word(name) != "layer":
        return False
    return all(
        not plain_word(cell) or float(number_of(cell) or 0.5).is_integer()
        for cell in cells[name].unique().tolist()
    )


def _without_none(**columns: str | None) -> dict[str, str]:
    return {name: column for name, column in columns.items() if column is not None}


def _check_there(cells: pd.DataFrame, used: Sequence[str], where: str) -> None:
    names = list(map(str, cells.columns))
    for name in used:
        if names.count(name) != 1:
            many = "stands more than once" if name in names else "is not there"
            has = listed([repr(column) for column in names], 30) or "none"
            raise EvidenceError(f"{where}: column {name!r} {many}; it has {has}.")


def _without_sums(
    cells: pd.DataFrame,
    seed: str,
    values: Sequence[str],
    ended: pd.Series[Any] | None,
    place: Callable[[int], str],
) -> tuple[pd.DataFrame, list[str]]:
    """Return the cells without rows that sum up others, and a note on these."""
    codes, distinct = codes_of(cells[seed])
    sums = [code for code, cell in enumerate(distinct) if plain_word(cell) in _SUMS]
    without = cells[np.isin(codes, [-1, *sums])]
    sums_out = []
    for row, one in zip(
        without.index.tolist(), without.astype(object).to_dict("records"), strict=True
    ):
        called = next((plain_word(cell) for cell in one.values() if plain_word(cell) in _SUMS), "")
        if called or (
            all(not plain_word(one[name]) for name in values)
            and not (ended is not None and is_lost(ended[row]))
        ):
            sums_out.append((row, f"{place(row)} ({called or 'no number'})"))
    if not sums_out:
        return cells, []
    note = (
        f"{len(sums_out)} rows without a seed, which sum up others, are left out:"
        f" {listed([name for _, name in sums_out])}"
    )
    return cells.drop(index=[row for row, _ in sums_out]), [note]


def _states(
    cells: pd.DataFrame,
    status: str | None,
    columns: Sequence[str],
    where: str,
    place: Callable[[int], str],
    is_log: bool,
) -> tuple[States, pd.Series[Any] | None]:
    """Return what columns say of how runs ended, and that by row: of ``status``, or those found."""
    if status == NO_STATUS:
        return States(None, (), {}), None
    if status is None:
        states = states_of(cells, where, place, but=columns, is_log=is_log)
        return states, states.said
    states = states_of(cells[[status]], where, place)
    return states, cells[status] if states.said is None else states.said


def _arms(cells: pd.DataFrame, factors: Mapping[str, str], place: Callable[[int], str]) -> Any:
    """Return the label of each row's arm; without factors a column ``arm`` has labels."""
    rows = cells.index.to_numpy()
    columns = {name: cells[column] for name, column in (factors or {"arm": "arm"}).items()}
    return arms_of(columns, lambda row: place(int(rows[row])), labels=not factors)


def _long_of(
    common: pd.DataFrame, cells: pd.DataFrame, wide: Mapping[str, str], is_log: bool
) -> pd.DataFrame:
    """The rows of all metrics of a wide table, one below the other.

    Of a log by epoch, cells are empty where a metric was not looked at; elsewhere an empty cell is
    a run whose number is undefined, also beside another row of that run.
    """
    import pandas as pd

    parts = (common.assign(metric=name, value=cells[column]) for name, column in wide.items())
    return pd.concat(_measured(part) if is_log else part for part in parts)


def _measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a metric; an empty cell counts where its run has no number of it."""
    import pandas as pd

    values = rows["value"]
    empty = values.isna()
    if not pd.api.types.is_numeric_dtype(values):
        empty |= values.astype("str").str.strip() == ""
    if not empty.any():
        return rows
    has_number = (~empty).groupby([rows["arm"], rows["seed"]]).transform("any")
    again = empty & rows.assign(value=empty).duplicated()
    return rows[~empty | (~has_number & ~again)]


def _averaged(table: pd.DataFrame, over: pd.Series[Any], name: str, where: str) -> pd.DataFrame:
    """The mean over rows that are no runs of their own; each run must have the same of them."""
    parts = table.assign(over=over.map(plain_word).to_numpy())
    again = parts[parts.duplicated([*KEY, "over"])]
    if len(again):
        first = again.iloc[0]
        raise EvidenceError(
            f"{where}: {row_name(first.iloc[:6])} stands more than once at {name} {first['over']};"
            " keep one."
        )
    groups = parts.groupby(list(KEY), dropna=False, sort=False)
    members = groups["over"].agg(frozenset)
    most: frozenset[str] = max(members, key=len, default=frozenset())
    for key, own in members.items():
        if own != most:
            lacking = listed(sorted(most ^ own))
            raise EvidenceError(
                f"{where}: {row_name(key)} and others differ in {name} {lacking}; a mean is over"
                " the same."
            )

    def whole(statuses: pd.Series[Any]) -> str:
        words = set(statuses)
        return next(
            (word for word in ("diverged", "below_floor", "undefined") if word in words), "measured"
        )

    means: pd.DataFrame = groups.agg(
        value=("value", "mean"),
        status=("status", whole),
        n=("run", "nunique"),
        run=("run", "first"),
    )
    means.loc[means["n"] > 1, "run"] = ""
    means.loc[means["status"].isin(["diverged", "undefined"]), "value"] = np.nan
    firsts = table[~table.duplicated(list(KEY))]
    return firsts.assign(
        **{column: means[column].to_numpy() for column in ("value", "status", "run")}
    )
