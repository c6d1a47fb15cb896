"""Curves of a report: how metrics went over the epochs, thinned where these are many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faeval.reports import TrainingCurve

if TYPE_CHECKING:
    import pandas as pd

#: The most epochs of a curve that a report shows.
MOST_EPOCHS = 300
_TRAINING = ("train_loss", "state_norm", "gradient_norm")


def curves_of(reads: Iterable[tuple[str, str]], table: pd.DataFrame) -> tuple[TrainingCurve, ...]:
    """Return how training went in each arm that is read.

    Only where evidence holds several epochs of it.

    Loss, and the norms of state and gradient at the last layer; then each metric that is read, over
    the deep layers.

    Parameters
    ----------
    reads
        The label of the arm and the metric of each read.
    """
    arms: dict[str, None] = {}
    metrics = dict.fromkeys(_TRAINING)
    for arm, metric in reads:
        arms[arm] = None
        if "control_" not in metric:  # they have their own figure
            metrics[metric] = None
    is_read = table["metric"].isin(list(metrics)) & table["arm"].isin(list(arms))
    rows = table.loc[is_read & table["epoch"].notna(), list(_COLUMNS)]
    groups = rows.groupby(["metric", "arm"], sort=False).indices
    courses = (
        _course(arm, metric, rows.iloc[groups[metric, arm]])
        for metric in metrics
        for arm in arms
        if (metric, arm) in groups
    )
    return tuple(course for course in courses if course is not None)


_COLUMNS = ("metric", "arm", "seed", "epoch", "layer", "value", "status")


def _course(arm: str, metric: str, rows: pd.DataFrame) -> TrainingCurve | None:
    rows, is_layered = _shown_layers(metric, rows)
    seeds, epochs, layers = (np.unique(rows[name]) for name in ("seed", "epoch", "layer"))
    measured = len(epochs)
    if measured < 2:
        return None
    if measured > MOST_EPOCHS:
        epochs = epochs[_kept(rows, seeds, epochs, len(layers))]
        rows = rows[rows["epoch"].isin(epochs)]
    grid = _grid(rows, seeds.tolist(), epochs.tolist(), layers.tolist())
    return TrainingCurve(
        arm=arm,
        metric=metric,
        epochs=tuple(epochs.tolist()),
        seeds=tuple(seeds.tolist()),
        values=tuple(tuple(value for value, _ in row) for row in grid),
        status=tuple(tuple(status for _, status in row) for row in grid),
        layers=tuple(layers.tolist()) if is_layered else (),
        thinned_from=measured if measured > len(epochs) else None,
    )


def _shown_layers(metric: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Return the rows of the layers that are shown, one a key, and whether there are layers.

    Layer is -1 where there is none.
    """
    layer = rows["layer"].to_numpy(dtype=np.int64, na_value=-1)
    rows = rows.assign(layer=layer, epoch=rows["epoch"].to_numpy(dtype=np.int64))
    last = int(layer.max())
    if last >= 0:
        is_norm = metric in _TRAINING or last == 0
        rows = rows[layer == last if is_norm else layer > 0]
    return rows.drop_duplicates(["seed", "epoch", "layer"], keep="last"), last >= 0


def _grid(
    rows: pd.DataFrame, seeds: list[int], epochs: list[int], layers: list[int]
) -> list[list[tuple[float | None, str]]]:
    """Return the mean over layers with its status, by seed and epoch."""
    keys = zip(*(rows[name].tolist() for name in ("seed", "epoch", "layer")), strict=True)
    numbers = zip(rows["value"].tolist(), rows["status"].tolist(), strict=True)
    cells = dict(zip(keys, numbers, strict=True))
    # Every layer that the arm has anywhere must be there: a mean over fewer of them is another
    # quantity.
    missing = math.nan, "missing"
    return [
        [_mean([cells.get((seed, epoch, at), missing) for at in layers]) for epoch in epochs]
        for seed in seeds
    ]


def _kept(
    rows: pd.DataFrame, seeds: NDArray[np.int64], epochs: NDArray[np.int64], layers: int
) -> NDArray[np.int64]:
    """Return the places of the epochs that are shown, :data:`MOST_EPOCHS` at most.

    They are the first and the last, those of the least and the greatest number, the first and the
    last at which a seed has a number that is not measured; the others lie evenly between.
    """
    seed = np.searchsorted(seeds, rows["seed"].to_numpy())
    pair = seed * len(epochs) + np.searchsorted(epochs, rows["epoch"].to_numpy())
    is_measured = (rows["status"] == "measured").to_numpy(dtype=bool)
    values = np.where(is_measured, rows["value"].to_numpy(), np.nan)
    points, of = np.unique(pair, return_inverse=True)
    lacks = np.isnan(values)
    means = np.bincount(of, np.where(lacks, 0.0, values)) / layers
    whole = np.bincount(of, ~lacks) == layers  # of these alone a number is drawn
    marked = [0, len(epochs) - 1]
    if whole.any():
        there = np.flatnonzero(whole)
        ends = there[[np.argmin(means[there]), np.argmax(means[there])]]
        marked += (points[ends] % len(epochs)).tolist()
    if not whole.all():
        gaps = points[~whole] % len(epochs)
        marked += [int(gaps.min()), int(gaps.max())]
    even = np.linspace(0, len(epochs) - 1, MOST_EPOCHS - len(marked)).round().astype(np.int64)
    return np.unique(np.concatenate([even, np.array(marked, dtype=np.int64)]))


def _mean(cells: Sequence[tuple[float, str]]) -> tuple[float | None, str]:
    """Return the mean of numbers that are all measured, else None with the first other status.

    "missing" is returned where no other status is there.
    """
    lacking = [status for value, status in cells if status != "measured" or math.isnan(value)]
    if not lacking:
        return math.fsum(value for value, _ in cells) / len(cells), "measured"
    return None, next((status for status in lacking if status != "missing"), "missing")
