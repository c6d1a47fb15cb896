"""Evidence of one setting, indexed by what estimands ask for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval.claims._design import Design
from faeval.claims._estimand import Course, Read

#: METRIC!PROPERTY is 1 where the metric holds that property.
_HOLDS = "!"


@dataclass(frozen=True)
class Cell:
    """The number of one row, its status, and the run that it came from.

    ``copies`` has the numbers of several rows of one key. Of a number over all epochs ``epochs``
    says which they are, and ``censored`` that no epoch crossed the threshold: the value is then the
    last, a time that is longer in truth.
    """

    value: float
    status: str
    run: str
    copies: tuple[float, ...] = ()
    epochs: tuple[int, ...] = ()
    censored: bool = False


#: What is known of one metric of one arm at one epoch, by (seed, layer).
Cells: TypeAlias = dict[tuple[int, int | None], Cell]


class EvidenceIndex:
    """A table of one setting, indexed by what estimands ask for.

    A claim reads a few hundred rows of what may be millions. The table stays in columns, sorted
    once; rows of an arm and metric become cells when a claim asks for them.
    """

    def __init__(self, table: Any) -> None:
        metric, metrics = _coded(table["metric"])
        arm, arms = _coded(table["arm"])
        status, self._statuses = _coded(table["status"])
        run, self._runs = _coded(table["run"])
        value = table["value"].to_numpy()
        measured_code = self._statuses.index("measured") if "measured" in self._statuses else -1
        #: (metric, arm) to the properties that the metric was found to fail when it audited that
        #: arm.
        self.failed: dict[tuple[str, str], set[str]] = {}
        #: (metric, arm, property) to the (seed, epoch, state) on whose own signals it was found to
        #: hold.
        self._held: dict[tuple[str, str, str], set[tuple[int, int, int]]] = {}
        is_property = np.isin(metric, [code for code, name in enumerate(metrics) if _HOLDS in name])
        is_kept = (value == 1) & (status == measured_code)
        places = (_filled(table[name]) for name in ("seed", "epoch", "layer"))
        columns = (column[is_property].tolist() for column in (metric, arm, is_kept, *places))
        for m, a, holds, *place in zip(*columns, strict=True):
            name, _, what = metrics[m].partition(_HOLDS)
            if not holds:
                self.failed.setdefault((name, arms[a]), set()).add(what)
            elif place[2] >= 0:
                self._held.setdefault((name, arms[a], what), set()).add(tuple(place))
        # The rows of an arm lie together, and in them those of a metric, each in the order of the
        # table.
        others = np.flatnonzero(~is_property)
        pair = arm[others].astype(np.int64) * len(metrics) + metric[others]
        order = np.argsort(pair, kind="stable")
        rows, self._pair = others[order], pair[order]
        self._metric_of = {name: code for code, name in enumerate(metrics)}
        self._arm_of = {label: code for code, label in enumerate(arms)}
        self._seed = table["seed"].to_numpy()[rows]
        self._epoch, self._layer = (_filled(table[name])[rows] for name in ("epoch", "layer"))
        self._value, self._status, self._run = value[rows], status[rows], run[rows]
        self._cells: dict[tuple[str, str, int | None], Cells] = {}
        self._ends: dict[tuple[str, str], dict[int, int]] = {}

    def seeds(self, arms: Iterable[str]) -> tuple[int, ...]:
        """Return every seed that any of the arms has rows of."""
        return tuple(
            sorted({s for arm in arms for s in np.unique(self._seed[self._rows(arm)]).tolist()})
        )

    def arms(self) -> list[str]:
        """Return the labels of all arms, sorted."""
        return sorted(self._arm_of)

    def epochs_of(self, metric: str, arm: str) -> tuple[int, ...]:
        """Return the epochs that an arm has rows of a metric at."""
        return tuple(e for e in np.unique(self._epoch[self._rows(arm, metric)]).tolist() if e >= 0)

    def group(self, read: Read, design: Design) -> Cells:
        """Return the cells of a read's metric, arm and epoch, by (seed, layer).

        A run that diverged has diverged at every later epoch. Where neither the read nor the
        setting says an epoch, each run is read at its end: see :meth:`ends`.
        """
        if read.course is not None:
            return self._over(read.metric, design.label(read.arm), read.course)
        label, epoch = self._place(read, design)
        if epoch is None:
            return self._at_ends(read.metric, label)
        group = self._group(read.metric, label, epoch)
        if not group and read.epoch is None:  # rows without an epoch are of the run's end
            group = self._group(read.metric, label, None)
        if "diverged" not in self._statuses:
            return group
        ends, cells = self.ends(read.metric, label), self._at_ends(read.metric, label).items()
        lost = {
            at: cell for at, cell in cells if cell.status == "diverged" and -1 < ends[at[0]] < epoch
        }
        return {**lost, **group}

    def _over(self, metric: str, arm: str, course: Course) -> Cells:
        """Return one number of all epochs for each (seed, layer)."""
        rows = self._rows(arm, metric)
        with_epoch = rows.start + np.flatnonzero(self._epoch[rows] >= 0)
        cells: dict[tuple[int, int | None], dict[int, Cell]] = {}
        for at, epoch, cell in self._cells_at(with_epoch):
            own = cells.setdefault(at, {})
            own[epoch] = _again(own.get(epoch), cell)
        return {at: over_epochs(own, course) for at, own in cells.items()}

    def _place(self, read: Read, design: Design) -> tuple[str, int | None]:
        """Return the label of a read's arm, and the epoch that the read or the setting says."""
        epoch = read.epoch if read.epoch is not None else design.last_epoch(read.arm)
        return design.label(read.arm), epoch

    def ends(self, metric: str, arm: str) -> dict[int, int]:
        """Return the last epoch at which each seed of an arm has rows of a metric.

        It is -1 where the rows have no epoch.
        """
        if (metric, arm) not in self._ends:
            rows = self._rows(arm, metric)
            seeds, of = np.unique(self._seed[rows], return_inverse=True)
            last = np.full(len(seeds), -1)
            np.maximum.at(last, of, self._epoch[rows])
            self._ends[metric, arm] = dict(zip(seeds.tolist(), last.tolist(), strict=True))
        return self._ends[metric, arm]

    def courses(self, metric: str, arm: str) -> bool:
        """Return whether some run of an arm has rows of a metric at several epochs."""
        rows = self._rows(arm, metric)
        seed, epoch = self._seed[rows], self._epoch[rows]
        _, first, of = np.unique(seed, return_index=True, return_inverse=True)
        return bool((epoch[first][of] != epoch).any())

    def varies(self, metric: str, arm: str, seeds: Sequence[int]) -> bool:
        """Return whether an arm has several numbers of a metric at one epoch of these seeds."""
        rows = self._rows(arm, metric)
        here = (self._epoch[rows] >= 0) & np.isin(self._seed[rows], list(seeds))
        epoch, value = self._epoch[rows][here], self._value[rows][here]
        order = np.lexsort((value, epoch))
        epoch, value = epoch[order], value[order]
        return bool(((epoch[1:] == epoch[:-1]) & (value[1:] != value[:-1])).any())

    def held(self, read: Read, name: str, design: Design) -> set[tuple[int, int | None]]:
        """Return the (seed, state) of a read on which a property of its metric holds."""
        if read.course is not None:  # all epochs, of which few were tried
            return set()
        label, epoch = self._place(read, design)
        ends = self.ends(read.metric, label) if epoch is None else {}
        places = self._held.get((read.metric, label, name), ())
        return {(s, layer) for s, e, layer in places if e == ends.get(s, epoch)}

    def _rows(self, arm: str, metric: str | None = None) -> slice:
        """Where the rows of an arm lie, or those of one of its metrics."""
        a, m = self._arm_of.get(arm), 0 if metric is None else self._metric_of.get(metric)
        if a is None or m is None:
            return slice(0, 0)
        first = a * len(self._metric_of) + m
        past = first + (len(self._metric_of) if metric is None else 1)
        return slice(*np.searchsorted(self._pair, (first, past)).tolist())

    def _at_ends(self, metric: str, arm: str) -> Cells:
        ends = self.ends(metric, arm)
        return {
            at: cell
            for epoch in {*ends.values()}
            for at, cell in self._group(metric, arm, epoch if epoch >= 0 else None).items()
            if ends[at[0]] == epoch
        }

    def _group(self, metric: str, arm: str, epoch: int | None) -> Cells:
        if (metric, arm, epoch) not in self._cells:
            self._cells[metric, arm, epoch] = self._read(
                self._rows(arm, metric), -1 if epoch is None else epoch
            )
        return self._cells[metric, arm, epoch]

    def _read(self, rows: slice, epoch: int) -> Cells:
        cells: Cells = {}
        for at, _, cell in self._cells_at(rows.start + np.flatnonzero(self._epoch[rows] == epoch)):
            cells[at] = _again(cells.get(at), cell)
        return cells

    def _cells_at(
        self, places: NDArray[np.int64]
    ) -> Iterator[tuple[tuple[int, int | None], int, Cell]]:
        """Yield (seed, layer), epoch and cell of each row."""
        names = (self._seed, self._layer, self._epoch, self._value, self._status, self._run)
        columns = (column[places].tolist() for column in names)
        for seed, layer, epoch, value, status, run in zip(*columns, strict=True):
            cell = Cell(value, self._statuses[status], self._runs[run])
            yield (seed, None if layer < 0 else layer), epoch, cell


def _again(before: Cell | None, cell: Cell) -> Cell:
    """Return a cell with the numbers of the rows of its key that came before it."""
    if before is None:
        return cell
    return replace(cell, copies=(*(before.copies or (before.value,)), cell.value))


def over_epochs(cells: Mapping[int, Cell], course: Course) -> Cell:
    """Return the number that a run has over its epochs: the area, or the first beyond a threshold.

    A run that fails after it crossed the threshold has crossed it.
    """
    epochs, last = tuple(sorted(cells)), cells[max(cells)]
    copies = next((cell.copies for cell in cells.values() if cell.copies), ())
    failed = next((e for e in epochs if cells[e].status != "measured"), None)
    values = [cells[e].value for e in epochs]
    if course.is_area:
        status = "measured" if failed is None else cells[failed].status
        area = float(np.trapezoid(values, epochs)) if len(epochs) > 1 else math.nan
        return Cell(area, status, last.run, copies, epochs)
    crossed = next((e for e, v in zip(epochs, values, strict=True) if course.is_beyond(v)), None)
    if failed is not None and (crossed is None or failed < crossed):
        return Cell(math.nan, cells[failed].status, last.run, copies, epochs)
    when = epochs[-1] if crossed is None else crossed
    return Cell(float(when), "measured", last.run, copies, epochs, crossed is None)


def _coded(column: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Return the cells of a column of text as numbers, and the text of each number."""
    import pandas as pd

    codes, distinct = pd.factorize(column)
    return codes, list(distinct)


def _filled(column: Any) -> NDArray[np.int64]:
    """Return a column of whole numbers, -1 where it is empty or below 0."""
    numbers: NDArray[np.int64] = column.to_numpy(dtype=np.int64, na_value=-1)
    return np.maximum(numbers, -1)
