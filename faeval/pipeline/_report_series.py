"""What a report shows besides verdicts.

Metrics by layer and epoch, controls against gradient norms, and what claims rest on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from faeval import claims
from faeval.claims import Claim, Design, Read, Verdict
from faeval.errors import FaevalError
from faeval.experiment import METRICS
from faeval.pipeline._select import Selection
from faeval.reports import (
    ClaimInputs,
    ControlCurve,
    LowestControl,
    Profile,
    ReadMetric,
)

if TYPE_CHECKING:
    import pandas as pd


def profiles_of(chosen: Selection, table: pd.DataFrame) -> tuple[Profile, ...]:
    """Return each layered metric that the claims read, by layer and seed.

    It is read at the last epoch of each of their arms.
    """
    series = {
        (arm, reading.metric): None
        for arm, reading in reads_of(chosen)
        if reading.layers is not None
    }
    layered = table[table["layer"].notna() & table["metric"].isin([metric for _, metric in series])]
    groups = dict(
        iter(layered[layered["arm"].isin([arm for arm, _ in series])].groupby(["arm", "metric"]))
    )
    profiles = (_profile(*key, groups[key]) for key in series if key in groups)
    return tuple(profile for profile in profiles if profile is not None)


def reads_of(chosen: Selection) -> Iterator[tuple[str, Read]]:
    """Yield what the claims read, each with the label of its arm.

    An arm that the setting does not have is left out; the claim's verdict says so.
    """
    for claim in chosen.claims:
        design = claims.design_of(claim, chosen.setting)
        for reading in claim.reads():
            with suppress(FaevalError):
                yield design.label(reading.arm), reading


def _profile(arm: str, metric: str, rows: pd.DataFrame) -> Profile | None:
    """Return the last epoch of a metric; None where a seed has several numbers at a layer."""
    rows = rows.drop_duplicates(["seed", "epoch", "layer"])
    epochs = rows["epoch"].dropna()
    last = int(epochs.max()) if len(epochs) else None
    rows = rows[rows["epoch"] == last] if last is not None else rows
    columns = (rows[name].tolist() for name in ("seed", "layer", "value", "status"))
    cells = {
        (seed, layer): (None if math.isnan(value) else value, status)
        for seed, layer, value, status in zip(*columns, strict=True)
    }
    if len(cells) < len(rows):
        return None
    seeds, layers = (tuple(sorted({at[i] for at in cells})) for i in (0, 1))
    grid = [[cells.get((seed, layer), (None, "undefined")) for layer in layers] for seed in seeds]
    values, status = _split(grid)
    return Profile(
        arm=arm,
        metric=metric,
        layers=layers,
        seeds=seeds,
        values=values,
        status=status,
        epoch=last,
    )


def _split(
    grid: Iterable[Sequence[tuple[float | None, str]]],
) -> tuple[tuple[tuple[float | None, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return the values of a grid, and their status."""
    rows = [tuple(zip(*row, strict=True)) for row in grid]
    return tuple(values for values, _ in rows), tuple(status for _, status in rows)


def controls_in(table: pd.DataFrame) -> tuple[ControlCurve, ...]:
    """Return each instrument's positive control against the gradient norm.

    At every state that was audited.
    """
    where = ["arm", "seed", "epoch", "layer"]
    norms = table[
        (table["metric"] == "gradient_norm") & (table["status"] == "measured")
    ].drop_duplicates(where)
    curves = []
    for metric in sorted(
        m for m in table["metric"].unique() if m.rpartition(".")[2] == "control_true"
    ):
        rows = table[table["metric"] == metric].drop_duplicates(where)
        both = rows.merge(norms, on=where, suffixes=("", "_norm"))
        both = both[both["value_norm"] > 0].sort_values(["value_norm", "value"])
        points = tuple(
            (float(norm), float(value) if status == "measured" and value == value else None)
            for norm, value, status in zip(
                both["value_norm"], both["value"], both["status"], strict=True
            )
        )
        if points:
            curves.append(ControlCurve(metric.rpartition(".")[0] or "float64", points))
    return tuple(curves)


def inputs_of(
    chosen: Selection, table: pd.DataFrame, verdicts: Iterable[Verdict]
) -> tuple[ClaimInputs, ...]:
    """Return what each claim reads, its design checks, and its instruments' lowest controls."""
    columns = ["metric", "arm", "seed", "epoch", "layer", "value", "status"]
    names = [m for m in table["metric"].unique() if m.rpartition(".")[2] == "control_true"]
    rows = table.loc[table["metric"].isin(names), columns]
    controls = dict(iter(rows.drop_duplicates(columns[:5]).groupby(["metric", "arm"])))
    return tuple(
        _inputs(c, chosen.setting, controls, v)
        for c, v in zip(chosen.claims, verdicts, strict=True)
    )


def _inputs(
    claim: Claim, setting: str, controls: dict[Any, pd.DataFrame], verdict: Verdict
) -> ClaimInputs:
    design = claims.design_of(claim, setting)
    try:
        claims.check_names(claim, design)
    except FaevalError:  # it reads what this setting does not have; its verdict says so
        return ClaimInputs(verdict.claim)
    reads: dict[ReadMetric, None] = {}
    instruments: dict[str, list[pd.DataFrame]] = {}
    metrics = design.experiment.metrics if design.experiment else METRICS
    seeds = verdict.seeds or verdict.planned
    for reading in claim.reads():
        arm, metric = design.label(reading.arm), metrics.get(reading.metric)
        instrument = metric.instrument if metric else None
        rows = controls.get((f"{instrument}.control_true".removeprefix("float64."), arm))
        epoch = _epoch_of(reading, design, rows)
        layers = None if reading.layers is None else design.states(reading, _states(rows))
        is_course = reading.course is not None
        name = f"{reading.course} of {reading.metric}" if is_course else reading.metric
        reads[ReadMetric(name, arm, layers, None if is_course else epoch)] = None
        if rows is not None and instrument is not None and layers is not None:
            at_epoch = rows["epoch"].isna() if epoch is None else rows["epoch"] == epoch
            at = rows["layer"].isin(layers) & rows["seed"].isin(seeds) & at_epoch
            instruments.setdefault(instrument, []).append(rows[at])
    lowest = map(_lowest, instruments, instruments.values())
    return ClaimInputs(
        claim=verdict.claim,
        reads=tuple(reads),
        controls=tuple(control for control in lowest if control is not None),
        checks=_checks(claim, design, verdict),
        attributed_to=claims.attribution(claim, design),
    )


def _checks(claim: Claim, design: Design, verdict: Verdict) -> dict[str, str]:
    """Return what each check of the design says, by its reason code; empty where it is sound."""
    problems = claims.design_checks(claim, design)
    checks = {code: "" if problem is None else problem.text for code, problem in problems.items()}
    if verdict.reason_code == "confounded":  # by where runs ended, which no design tells
        checks["confounded"] = verdict.detail
    return checks


def _states(rows: pd.DataFrame | None) -> set[int]:
    return set() if rows is None else set(map(int, rows["layer"].dropna()))


def _epoch_of(reading: Read, design: Design, rows: pd.DataFrame | None) -> int | None:
    """Return the epoch of a read: the claim's, else the setting's, else the last of its control."""
    epoch = reading.epoch if reading.epoch is not None else design.last_epoch(reading.arm)
    if epoch is None and rows is not None and rows["epoch"].notna().any():
        return int(rows["epoch"].max())
    return epoch


def _lowest(instrument: str, parts: Sequence[pd.DataFrame]) -> LowestControl | None:
    import pandas as pd

    rows = pd.concat(parts).drop_duplicates()
    valid = rows[(rows["status"] == "measured") & rows["value"].notna()]
    states, undefined = len(rows), len(rows) - len(valid)
    if not len(valid):
        return LowestControl(instrument, None, states, undefined) if states else None
    least = valid.sort_values(["value", "arm", "seed", "layer"], kind="stable").iloc[0]
    place = str(least["arm"]), int(least["seed"]), int(least["layer"])
    return LowestControl(instrument, float(least["value"]), states, undefined, *place)
