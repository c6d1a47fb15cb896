"""Which column is what in a table of others: found by names and by what is asked, or asked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError
from faeval.evidence._cells import number_of
from faeval.evidence._endings import is_state
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import (
    ARMS,
    EPOCHS,
    FOLDS,
    MAYBE_SEEDS,
    METRICS,
    PARTS,
    SEEDS,
    VALUES,
    alike,
    braced,
    is_spread,
    tail,
    word,
)
from faeval.evidence.importing._epochs import Take
from faeval.evidence.importing._numbers import Spelling, with_minus

if TYPE_CHECKING:
    import pandas as pd

#: In place of a column of epochs: there are none, whatever columns are called.
NO_EPOCH = "none"
#: In place of a column of seeds: the rows of each arm are its seeds, in their order.
ROWS = "rows"


@dataclass(frozen=True)
class Said:
    """What the user says of how a table is to be read; what is left out is found, or asked for.

    Parameters
    ----------
    arm
        The columns that are factors of the arm, by the factor's name.
    columns
        The columns that are an arm each; ``arm=column`` gives the arm another name.
    metrics
        What is read, by a column's name or, of a long table, by a cell of its column of names.
    seed, epoch, layer, status, run
        The columns of these; ``seed="rows"``: the rows of each arm, in order.
    metric_column, value_column
        Of a long table, the columns of the metric's name and of its value.
    take, average
        Which epoch of each run is read, and what is averaged over, as of ``import_table``.
    where
        Only rows whose column has that text, or that number.
    group_by
        A column for each of whose values the question is asked.
    unpaired
        Whether the arms share no seeds.
    rate
        Whether values are outcomes, 0 or 1, true or false.
    names
        How runs are named, such as ``{method}-{seed}``.
    ranges
        The lowest and the highest value that a metric can have.
    """

    arm: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    seed: str | None = None
    epoch: str | None = None
    layer: str | None = None
    status: str | None = None
    run: str | None = None
    metric_column: str | None = None
    value_column: str | None = None
    take: Take = None
    average: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    group_by: str | None = None
    unpaired: bool = False
    rate: bool = False
    names: str | None = None
    spelling: Spelling = field(default_factory=Spelling)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


#: Returns the whole command, or call, with an option changed: ``spell("--seed", "rep")``.
Spell = Callable[..., str]


@dataclass(frozen=True)
class Columns:
    """Which column is what. ``metric`` and ``value`` are those of a long table, else empty."""

    arms: Mapping[str, str]
    seed: str
    metrics: Mapping[str, str]
    metric: str = ""
    value: str = ""
    epoch: str | None = None
    fold: str | None = None


class Table:
    """A table of others with what is said and asked of it; finds its columns."""

    def __init__(self, cells: Cells, said: Said, sides: Sequence[str], spell: Spell) -> None:
        self.cells, self.said, self.sides, self.spell = cells, said, sides, spell
        self.table, self.source = cells.table, cells.source
        self.names = [str(name) for name in cells.table.columns]
        self._texts: dict[str, list[str]] = {}

    # -- what stands in a column

    def column(self, name: str) -> pd.Series[Any]:
        """Return the one column of a name; refuse a name that two columns have."""
        if self.names.count(name) > 1:
            raise EvidenceError(
                f"{self.source}: column {name!r} stands more than once in the header; keep one."
            )
        column: pd.Series[Any] = self.table[name]
        return column

    def texts(self, name: str) -> list[str]:
        """Return the distinct cells of a column as texts, without empty ones."""
        if name not in self._texts:
            distinct = self.column(name).dropna().unique().tolist()
            texts = dict.fromkeys(str(cell).strip() for cell in distinct)
            self._texts[name] = [text for text in texts if text]
        return self._texts[name]

    def varies(self, name: str) -> bool:
        return len(self.texts(name)) > 1

    # -- columns by name

    def said_column(self, name: str, option: str) -> str:
        """Return the column that an option names, in any case of letters, or by its last part."""
        if name in self.names:
            self.column(name)
            return name
        exact = [n for n in self.names if word(n) == word(name)]
        names = exact or [n for n in self.names if tail(n) == word(name)]
        if len(names) == 1:
            return names[0]
        if names:
            raise EvidenceError(
                f"{self.source}: {option} {name} may be {listed(names)}; give the whole name."
            )
        near = difflib.get_close_matches(name, self.names, 1, 0.6)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise EvidenceError(
            f"{self.source}: {option} {name}: no such column.{hint} It has"
            f" {listed([repr(n) for n in self.names], 20)}."
        )

    def called(self, words: Iterable[str], but: Iterable[str] = ()) -> list[str]:
        """Return the columns of one of the names, those by their whole name before others."""
        others = [n for n in dict.fromkeys(self.names) if n not in {*but}]
        whole = [n for n in others if word(n) in words]
        return whole or [n for n in others if tail(n) in words]

    def two_readings(self, what: str, names: Sequence[str], option: str) -> EvidenceError:
        """Say that several columns may be meant, with a command for each."""
        lines = [self.spell(option, name) for name in names[:4]]
        return EvidenceError(
            f"{self.source}: {what} may be column {' or '.join(map(repr, names[:4]))}. Nothing was"
            " read. Say which:\n" + "\n".join(lines)
        )

    # -- the arm

    def arms(self) -> dict[str, str]:
        """Return the columns of the arm by factor: said, those that hold the sides, or by name."""
        if self.said.arm:
            columns = self.said.arm
            return {factor: self.said_column(name, "--arm") for factor, name in columns.items()}
        if "arm" in self.cells.roles:
            return {"rule": self.cells.roles["arm"]}
        if self.sides:
            return self._arms_by_sides()
        names = [n for n in self.called(ARMS) if self.varies(n)] or self.called(ARMS)
        if len(names) > 1:
            names = self._first_kind(names) or names
        if len(names) == 1:
            return {"rule": names[0]}
        if names:
            raise self.two_readings("the arm", names, "--arm")
        raise EvidenceError(
            f"{self.source}: no column of arms was found. Say which column names the methods that"
            f" are compared: --arm COLUMN. It has {listed([repr(n) for n in self.names], 20)}."
        )

    @staticmethod
    def _first_kind(found: Sequence[str]) -> list[str]:
        """Return the column of the plainest name, where one is called method or arm."""
        return [n for n in found if word(n) in ("method", "arm")][:1]

    def _arms_by_sides(self) -> dict[str, str]:
        sides = [side.strip() for side in self.sides]
        holding = [n for n in dict.fromkeys(self.names) if self._may_be_arm(n)]
        others = {*self.called((*SEEDS, *EPOCHS, *FOLDS)), *self.said.metrics}
        holding.sort(key=lambda n: n in others)
        both = self._unlike([n for n in holding if {*sides} <= {*self.texts(n)}], by_text=True)
        if both:  # 0 and 1 may be seeds as well
            rest = [n for n in both if n not in others] or both
            return {"rule": self._only(rest, "the arm", "--arm")}
        one = [n for n in holding if {*sides} & {*self.texts(n)}]
        if not one and (columns := self._factors(sides)):
            return columns
        raise self._unknown_side(sides, one, holding)

    def _factors(self, sides: Sequence[str]) -> dict[str, str]:
        """Return the columns that sides name as ``factor=value,...``; none where one does not."""
        if not all(map(assigned, sides)):
            return {}
        names = dict.fromkeys(n for side in sides for n in assigned(side))
        columns = [self.said_column(name, "the question:") for name in names]
        return {factor_name(column): column for column in columns}

    def _only(self, names: Sequence[str], what: str, option: str) -> str:
        """Return the one column that may be meant; raise EvidenceError where several may be."""
        if len(names) > 1:
            raise self.two_readings(what, names, option)
        return names[0]

    def _may_be_arm(self, name: str) -> bool:
        return self.names.count(name) == 1 and name not in (self.said.seed, self.said.epoch)

    def _unknown_side(
        self, wanted: Sequence[str], one: Sequence[str], holding: Sequence[str]
    ) -> EvidenceError:
        """Say which arm of the question is not there, and what is near it."""
        by_name = [n for n in self.called(ARMS) if n in holding]
        column = next(iter(one or by_name), None)
        if column is not None:
            missing = [side for side in wanted if side not in self.texts(column)]
            return self.unknown_side(missing[0], column)
        if "*" in self.source and "{" not in self.source and "**" not in self.source:
            path = self.cells.place(0).partition(", ")[0]
            return EvidenceError(
                f"{self.source}: no column holds {' and '.join(map(repr, wanted))}. If paths name"
                f" arm and seed, as in {cut(clean(path), 80)}, say where, in braces:"
                f" {self.spell('--glob', braced(self.source, path))}"
            )
        return EvidenceError(
            f"{self.source}: no column holds {' and '.join(map(repr, wanted))}; say which column"
            f" names the arms: --arm COLUMN. It has {listed([repr(n) for n in self.names], 20)}."
        )

    def unknown_side(self, side: str, column: str) -> EvidenceError:
        """Say that a column of arms has not the one that is asked for, and what is near it."""
        there = self.texts(column)
        near = difflib.get_close_matches(side, there, 1, 0.5) or [
            text for text in there if text.lower() == side.lower()
        ]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        texts = [cut(clean(text), 40) for text in there]
        return EvidenceError(
            f"{self.source}: no arm {cut(clean(side), 60)!r} in column {column!r}.{hint} Arms"
            f" there: {listed(texts, 12)}."
        )

    # -- the seed

    def seed(self, arms: Iterable[str]) -> str:
        """Return the column of the seed, or ``rows``."""
        column = self.said.seed
        if column == ROWS and ROWS not in self.names:
            return ROWS
        if column is not None:
            return self.said_column(column, "--seed")
        if "seed" in self.cells.roles:
            return self.cells.roles["seed"]
        names = self.called(SEEDS, but=arms)
        names = self._unlike(names or self._prefixed_seeds(arms))
        if not names:
            names = [n for n in self.called(MAYBE_SEEDS, but=arms) if self._is_shared(n, arms)]
        if not names:
            raise self._without_seed(arms)
        return self._only(names, "the seed", "--seed")

    def _prefixed_seeds(self, arms: Iterable[str]) -> list[str]:
        """Return the columns that are called seed after the prefix of a tool or a part."""
        names = [n for n in self.names if word(n).endswith("_seed") and n not in {*arms}]
        return [n for n in names if self.varies(n)] or names

    def _unlike(self, found: Sequence[str], by_text: bool = False) -> list[str]:
        """Return columns without those that say the same as one before, row by row.

        Seeds may be named in any way, if they tell the same rows apart; arms are their texts.
        """
        import pandas as pd

        if len(found) < 2:
            return list(found)
        unlike: list[str] = []
        codes: list[Any] = []
        for name in found:
            column = self.column(name)
            own = pd.factorize(column)[0] if not by_text else column.map(str).to_numpy()
            if not any((own == other).all() for other in codes):
                unlike.append(name)
                codes.append(own)
        return unlike

    def _is_shared(self, name: str, arms: Iterable[str]) -> bool:
        """Whether arms share the values of a column, as they share seeds."""
        columns = [*arms]
        if not columns or not self.varies(name):
            return False
        pairs = self.table[[name, *columns]].astype(str).drop_duplicates()
        return bool((pairs.groupby(name).size() > 1).all())

    def folds(self, but: Iterable[str]) -> list[str]:
        """Return the columns of folds; train and test are none, and have no mean."""
        return [
            n
            for n in self.called(FOLDS, but=but)
            if self.varies(n) and not {text.lower() for text in self.texts(n)} & {*PARTS}
        ]

    def _without_seed(self, arms: Iterable[str]) -> EvidenceError:
        folds = self.folds(arms)
        if folds:
            return EvidenceError(
                f"{self.source}: no column of seeds was found. Column {folds[0]!r} looks like folds"
                " of a cross-validation: these share their training data, and are no independent"
                f" runs. If they are all there is: {self.spell('--seed', folds[0])}"
            )
        if splits := self._splits():
            return EvidenceError(f"{self.source}: no column of seeds was found.{splits}")
        if "position" in self.names:
            return EvidenceError(
                f"{self.source}: the positions in the lists may be seeds, or epochs of one run."
                f" Seeds: {self.spell('--seed', 'position')}. Epochs of one run are no seeds: a"
                " verdict needs runs over several seeds."
            )
        columns = [name for name in arms if name in self.names]
        if columns and not self.table.duplicated(columns).any():
            return EvidenceError(
                f"{self.source}: each arm has one row, and no column of seeds was found. A verdict"
                " needs runs of each arm over several seeds, one value for each. If a column names"
                f" the seed: --seed COLUMN. It has {listed([repr(n) for n in self.names], 20)}."
            )
        return EvidenceError(
            f"{self.source}: no column of seeds was found; it has"
            f" {listed([repr(n) for n in self.names], 20)}. A verdict needs one value for each seed"
            " of each arm. Say which column it is: --seed COLUMN. If the rows of each arm stand in"
            f" the order of the same seeds: --seed {ROWS}. If the arms share no seeds: --unpaired."
        )

    def _splits(self) -> str:
        """Say that columns such as split0_test_score are folds, if there are any."""
        splits = [repr(name) for name in self.names if re.match(r"split\d+_", word(name))]
        if not splits:
            return ""
        return (
            f" Columns {listed(splits, 3)} are folds of one cross-validation: these share their"
            " training data, and are no independent runs. A verdict needs the mean over the folds"
            " of several runs, each with another seed."
        )

    # -- the metric

    def metric(self, used: Iterable[str]) -> tuple[dict[str, str], str, str]:
        """Return metrics by name with their columns; of a long table the two columns instead."""
        own, others = self.said, {*used}
        if "value" in self.cells.roles:
            return self._of_roles()
        if own.metric_column is not None or own.value_column is not None:
            name = self.said_column(own.metric_column or "metric", "--metric-column")
            return {}, name, self.said_column(own.value_column or "value", "--value-column")
        if not own.metrics:
            long = [self.called(("metric", "metric_name")), self.called(("value", "values"))]
            if not self.sides and all(long):
                return {}, long[0][0], long[1][0]
            return self._only_metric(others), "", ""
        metrics: dict[str, str] = {}
        for text in own.metrics:
            # NAME=COLUMN renames, unless a column is called so.
            name, sign, column = text.partition("=") if text not in self.names else (text, "", "")
            of_name = self._metric_column(column if sign else text)
            if of_name is None:
                return self._long(text)
            metrics[name if sign else text] = of_name
        return metrics, "", ""

    def _of_roles(self) -> tuple[dict[str, str], str, str]:
        roles = self.cells.roles
        if "metric" not in roles:
            names = self.said.metrics or (roles["value"],)
            return {names[0]: roles["value"]}, "", ""
        there = self.texts(roles["metric"])
        for name in self.said.metrics:
            if name not in there:
                raise self._unknown_metric(name, there)
        return {}, roles["metric"], roles["value"]

    def _metric_column(self, name: str) -> str | None:
        if name in self.names:
            self.column(name)
            return name
        exact = [n for n in dict.fromkeys(self.names) if word(n) == word(name)]
        names = exact or [
            n for n in dict.fromkeys(self.names) if re.split(r"[./:]", word(n))[-1] == word(name)
        ]
        names = names or [n for n in dict.fromkeys(self.names) if _ends(word(n), word(name))]
        if len(names) > 1:
            raise self.two_readings(f"--metric {name}", names, "--metric")
        return names[0] if names else None

    def _long(self, name: str) -> tuple[dict[str, str], str, str]:
        """Return the columns of a long table that has the metric among its cells."""
        for column in self.called(METRICS):
            values = [n for n in self.called(VALUES) if n != column]
            if values and name in self.texts(column):
                return {}, column, values[0]
            if values:
                raise self._unknown_metric(name, self.texts(column))
        raise self._unknown_metric(name, self.names)

    def _unknown_metric(self, name: str, there: Sequence[str]) -> EvidenceError:
        near = difflib.get_close_matches(name, [n for n in there if not is_spread(n)], 1, 0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return EvidenceError(
            f"{self.source}: --metric {name}: no such column or metric.{self._splits() or hint} It"
            " has"
            f" {listed([repr(n) for n in there], 20)}."
        )

    def _only_metric(self, used: set[str]) -> dict[str, str]:
        """Return the one column of numbers that is nothing else."""
        words = (*SEEDS, *EPOCHS, *FOLDS, "layer")
        others = {n for n in self.names if alike(n, words)} | {*used, *self.cells.roles.values()}
        names = [
            n
            for n in dict.fromkeys(self.names)
            if n not in others and not is_state(n) and self._is_numbers(n)
        ]
        if len(names) == 1 or (names and not self.sides):
            return {name: name for name in names}
        what = "several columns may be the metric" if names else "no column of numbers was found"
        raise EvidenceError(
            f"{self.source}: {what}: say which with --metric NAME. It has"
            f" {listed([repr(n) for n in names or self.names], 20)}."
        )

    def _is_numbers(self, name: str) -> bool:
        texts = self.texts(name)[:50]
        return bool(texts) and all(number_of(with_minus(text)) is not None for text in texts)


def assigned(side: str) -> dict[str, str]:
    """Return the factors that a side names as ``factor=value,...``; empty where it names none."""
    parts = [part.partition("=") for part in side.split(",")]
    if not all(sign and name.strip() and value.strip() for name, sign, value in parts):
        return {}
    return {name.strip(): value.strip() for name, _, value in parts}


def _ends(name: str, end: str) -> bool:
    """Whether a name with dots or slashes ends in another, such as metrics.test.acc in test.acc."""
    return len(name) > len(end) and name.endswith(end) and name[-len(end) - 1] in "./:"


def factor_name(column: str) -> str:
    """Return a column's name as the name of a factor: the last part, with letters alone."""
    name = re.sub(r"\W", "_", re.split(r"[./:]", column.strip())[-1])
    return name if name and not name[0].isdigit() else f"_{name}"
