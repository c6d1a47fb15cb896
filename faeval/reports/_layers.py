"""Metrics over layers, and instruments against gradient norms, in words and places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from faeval.experiment import CONTROL_FLOOR, KNOWN_METRICS
from faeval.reports import _figures as figures
from faeval.reports import _words as words
from faeval.reports._numbers import style_for
from faeval.reports._shown import ControlsView, PanelView, ProfileView, Table

if TYPE_CHECKING:
    from faeval.reports._report import ControlCurve, Profile


def profile_views(profiles: tuple[Profile, ...]) -> tuple[ProfileView, ...]:
    """Put profiles into words and places, one view a metric."""
    by_metric: dict[str, list[Profile]] = {}
    for profile in profiles:
        by_metric.setdefault(profile.metric, []).append(profile)
    return tuple(_profile(metric, members) for metric, members in by_metric.items())


def _profile(metric: str, members: list[Profile]) -> ProfileView:
    known = KNOWN_METRICS.get(metric)
    keys = [str(i) for i in range(len(members))]
    drawn = figures.panels(
        {key: p.layers for key, p in zip(keys, members, strict=True)},
        {key: p.values for key, p in zip(keys, members, strict=True)},
    )
    return ProfileView(
        metric,
        known.description if known else "",
        tuple(
            PanelView(
                arm=p.arm,
                figure=drawn[key],
                description=f"{metric} by layer, {len(p.seeds)} seeds; the table below says the same.",
                table=_layer_table(p),
                missing=_missing(p),
            )
            for key, p in zip(keys, members, strict=True)
        ),
    )


def controls_view(curves: tuple[ControlCurve, ...]) -> ControlsView | None:
    """Put the instruments' positive controls into words and places; None where there are none."""
    if not curves:
        return None
    rows = []
    for curve in curves:
        by_decade: dict[int, list[float | None]] = {}
        for norm, value in curve.points:
            by_decade.setdefault(math.floor(math.log10(norm)), []).append(value)
        for decade, values in sorted(by_decade.items()):
            known = sorted(v for v in values if v is not None)
            middle = [known[(len(known) - 1) // 2], known[len(known) // 2]] if known else []
            numbers = [known[0], sum(middle) / 2, known[-1]] if known else []
            said = [f"{v:.4f}".replace("-", "−") for v in numbers] or ["undefined"] * 3
            passed = sum(v >= CONTROL_FLOOR for v in known)
            span = f"1e{decade} to 1e{decade + 1}".replace("-", "−")
            rows.append((f"{curve.instrument}, {span}", str(len(values)), *said, f"{passed} of {len(values)}"))
    undefined = {c.instrument: sum(v is None for _, v in c.points) for c in curves}
    gaps = [f"{count} of {name} are undefined" for name, count in undefined.items() if count]
    names = " and ".join(c.instrument for c in curves)
    return ControlsView(
        figures.curve({c.instrument: c.points for c in curves}, CONTROL_FLOOR),
        f"What the true gradient itself reads by {names}, against its median norm; the table below says the same.",
        Table(
            "Positive control by decade of gradient norm",
            ("Instrument, gradient norm", "States", "Lowest", "Median", "Highest", f"At least {CONTROL_FLOOR:g}"),
            tuple(rows),
        ),
        f"Not drawn: {'; '.join(gaps)}." if gaps else "",
    )


def _layer_table(profile: Profile) -> Table:
    values = [v for row in profile.values for v in row if v is not None]
    style = style_for(math.nan, values)
    rows = tuple(
        (str(seed), *(s.replace("_", " ") if v is None else style(v) for v, s in zip(row, status, strict=True)))
        for seed, row, status in zip(profile.seeds, profile.values, profile.status, strict=True)
    )
    epoch = "" if profile.epoch is None else f", epoch {profile.epoch}"
    return Table(f"{profile.metric}{epoch}", ("Seed", *(f"layer {layer}" for layer in profile.layers)), rows)


def _missing(profile: Profile) -> str:
    """Say which layers have no number and why: a gap in a figure is not to be taken for a zero."""
    gaps: dict[str, list[int]] = {}
    for row in profile.status:
        for layer, status in zip(profile.layers, row, strict=True):
            if status != "measured" and layer not in gaps.setdefault(status, []):
                gaps[status].append(layer)
    return "; ".join(
        f"{status.replace('_', ' ')} at layer{'s' * (len(layers) > 1)} {words.seed_list(tuple(sorted(layers)))}"
        for status, layers in gaps.items()
    )
