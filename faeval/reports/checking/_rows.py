"""Read one number a seed from rows, by NumPy and SciPy alone.

The functions of the language are written out here once more: the code that decides has no part in
them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval.claims._estimand import Call, Course, Estimand, Read

if TYPE_CHECKING:
    import pandas as pd

    from faeval.claims import Design

Array = NDArray[np.float64]
#: Value and status by epoch, seed and layer.
Cells: TypeAlias = dict[tuple[int | None, int, int | None], tuple[float, str] | None]
#: Of values, shape (seeds, k), and numbers, one value a seed.
Function: TypeAlias = Callable[[Array, tuple[float, ...]], Array]


class Rows:
    """The rows of one setting by arm and metric."""

    def __init__(self, table: pd.DataFrame | None) -> None:
        self._groups = {} if table is None else dict(iter(table.groupby(["arm", "metric"])))
        self._cells: dict[tuple[str, str], Cells] = {}

    def cells(self, arm: str, metric: str) -> Cells:
        """Return each number of a metric of an arm with its status; None where one stands twice."""
        if (arm, metric) not in self._cells:
            cells: Cells = {}
            rows = self._groups.get((arm, metric))
            columns = ("epoch", "seed", "layer", "value", "status")
            each = () if rows is None else zip(*(rows[c].tolist() for c in columns), strict=True)
            for epoch, seed, layer, value, status in each:
                key = (_whole(epoch), int(seed), _whole(layer))
                cells[key] = None if key in cells else (float(value), str(status))
            self._cells[arm, metric] = cells
        return self._cells[arm, metric]

    def estimand(self, estimand: Estimand, seeds: Sequence[int], design: Design) -> Array | None:
        """Return one number for each seed.

        It is None where it takes more than rows that are all there and measured.
        """
        total = np.full(len(seeds), estimand.constant)
        for weight, atom in estimand.terms:
            if isinstance(atom, Call):
                part = self._call(atom, seeds, design)
            elif atom.course is not None:
                part = self._course(atom, atom.course, seeds, design)
            else:
                part = self._read(atom, seeds, design)
            if part is None or not np.isfinite(part).all():
                return None
            total = total + weight * part
        return total

    def _call(self, call: Call, seeds: Sequence[int], design: Design) -> Array | None:
        args = [self.estimand(arg, seeds, design) for arg in call.args]
        values = [arg for arg in args if arg is not None]
        of = _FUNCTIONS.get(call.op)
        if of is None or len(values) < len(args):
            return None
        return of(np.stack(values, axis=1), call.numbers)

    def censored(self, estimand: Estimand, seeds: Sequence[int], design: Design) -> NDArray[Any]:
        """Return at which seeds a run that is read never crossed its threshold."""
        cut = np.zeros(len(seeds), dtype=bool)
        for reading in estimand.reads():
            if reading.course is None or _is_area(reading.course):
                continue
            for i, seed in enumerate(seeds):
                runs = self._runs(reading, seed, design).values()
                cut[i] |= any(_first(run, reading.course) is None for run in runs)
        return cut

    def _course(
        self, read: Read, course: Course, seeds: Sequence[int], design: Design
    ) -> Array | None:
        means = []
        for seed in seeds:
            runs = self._runs(read, seed, design)
            numbers = [_over(run, course) for run in runs.values()]
            every = [number for number in numbers if number is not None]
            if not every or len(every) < len(numbers):
                return None
            means.append(np.mean(every))
        return np.array(means)

    def _runs(
        self, read: Read, seed: int, design: Design
    ) -> Mapping[int | None, list[tuple[int, float, str]]]:
        """Return epoch, value and status of a run over its epochs, by layer."""
        runs: dict[int | None, list[tuple[int, float, str]]] = {}
        cells = self.cells(design.label(read.arm), read.metric)
        there = {layer for _, _, layer in cells if layer is not None}
        states = (None,) if read.layers is None else design.states(read, there)
        for (epoch, of, layer), cell in sorted(cells.items(), key=lambda item: item[0][0] or 0):
            if of == seed and epoch is not None and layer in states and cell is not None:
                runs.setdefault(layer, []).append((epoch, *cell))
        return runs

    def _read(self, read: Read, seeds: Sequence[int], design: Design) -> Array | None:
        cells = self._cells_at(read, design)
        states: Sequence[int | None] = (None,)
        if read.layers is not None:
            states = design.states(read, {layer for _, layer in cells if layer is not None})
            cells = {key: cell for key, cell in cells.items() if key[1] in states}
        means = []
        for seed in seeds:
            own = [cell for (of, _), cell in cells.items() if of == seed]
            values = [cell[0] for cell in own if cell is not None and cell[1] == "measured"]
            if not len(values) == len(own) == len(states):
                return None
            means.append(np.mean(values))
        return np.array(means)

    def _cells_at(
        self, read: Read, design: Design
    ) -> dict[tuple[int, int | None], tuple[float, str] | None]:
        """Return the cells of what is read by seed and layer, at its epoch or at each run's end."""
        cells = self.cells(design.label(read.arm), read.metric)
        epoch = read.epoch if read.epoch is not None else design.last_epoch(read.arm)
        ends: dict[int, int | None] = dict.fromkeys((seed for _, seed, _ in cells), epoch)
        if epoch is None:  # each run is read at its end
            for when, seed, _ in cells:
                if when is not None:
                    ends[seed] = max(when, ends[seed] or 0)
        at = {(seed, k): cell for (when, seed, k), cell in cells.items() if when == ends[seed]}
        if at or read.epoch is not None:
            return at
        return {(seed, k): cell for (when, seed, k), cell in cells.items() if when is None}


def _whole(value: Any) -> int | None:
    return None if str(value) in ("<NA>", "nan", "None") else int(value)


def _is_area(course: Course) -> bool:
    return course.above is None and course.below is None


def _first(run: Sequence[tuple[int, float, str]], course: Course) -> int | None:
    """Return the first epoch beyond a threshold; None where none is."""
    above, below = course.above, course.below
    for epoch, value, _ in run:
        if (above is not None and value > above) or (below is not None and value < below):
            return epoch
    return None


def _over(run: Sequence[tuple[int, float, str]], course: Course) -> float | None:
    """Return the number that a run has over its epochs; None where an epoch of it is not known."""
    epochs, values, statuses = zip(*run, strict=True)
    if _is_area(course):
        is_whole = len(run) > 1 and all(status == "measured" for status in statuses)
        return float(np.trapezoid(values, epochs)) if is_whole else None
    crossed = _first(run, course)
    until = [status for epoch, _, status in run if crossed is None or epoch <= crossed]
    if any(status != "measured" for status in until):
        return None
    return float(epochs[-1] if crossed is None else crossed)


def _iqm(values: Array, numbers: tuple[float, ...]) -> Array:
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(values, 0.25, axis=1))


def _slope(values: Array, x: Sequence[float]) -> Array:
    return np.asarray(np.polyfit(x, values.T, 1)[0])


def _trend(values: Array, numbers: tuple[float, ...]) -> Array:
    k = values.shape[1]
    steps = [math.sqrt(j * (1 - j / k)) for j in range(k + 1)]
    return np.asarray(sum((steps[j] - steps[j + 1]) * values[:, j] for j in range(k)))


def _chosen(best: Callable[[Array], Any]) -> Function:
    def of(values: Array, numbers: tuple[float, ...]) -> Array:
        k = values.shape[1] // 2
        return np.array([row[:k][best(row[k:])] for row in values])

    return of


def _holding(inside: Callable[[Array, float], Any], sign: int = 1) -> Function:
    def of(values: Array, numbers: tuple[float, ...]) -> Array:
        (margin,) = numbers
        difference = sign * (values[:, 0] - values[:, 1])
        edge = 4 * np.finfo(float).eps * np.abs(values).max(axis=1)
        near = np.abs(np.abs(difference) - margin) <= edge
        return np.where(near, 0.0, inside(difference, margin))

    return of


def _log10(values: Array, numbers: tuple[float, ...]) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(values[:, 0]))


_FUNCTIONS: Mapping[str, Function] = {
    "log10": _log10,
    "median": lambda values, _: np.quantile(values, 0.5, axis=1),
    "iqm": _iqm,
    "max": lambda values, _: np.sort(values, axis=1)[:, -1],
    "min": lambda values, _: np.sort(values, axis=1)[:, 0],
    "max_by": _chosen(np.argmax),
    "min_by": _chosen(np.argmin),
    "share_above": lambda values, numbers: np.mean(values > numbers[0], axis=1),
    "slope": _slope,
    "slope_per_doubling": lambda values, x: _slope(values, np.log2(x).tolist()),
    "trend": _trend,
    "holds_exceeds": _holding(lambda d, m: d > m),
    "holds_below": _holding(lambda d, m: d > m, -1),
    "holds_not_above": _holding(lambda d, m: d < m),
    "holds_not_below": _holding(lambda d, m: d < m, -1),
    "holds_equivalent": _holding(lambda d, m: np.abs(d) < m),
}
