"""What a report draws, from its data to a matplotlib Figure; :mod:`faeval.reports.figures._drawing`
makes bytes of it.

Axes are placed in inches, and numbers are scaled and written here: matplotlib chooses no layout and
formats no text, so that a figure depends neither on fonts nor on its user's settings. Whatever lies
outside its axis ends in an arrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from faeval.claims._verdict import AssertionResult, Verdict
from faeval.experiment import CONTROL_FLOOR
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._report import ControlCurve, Profile, Report, TrainingCurve
from faeval.reports.figures._drawing import (
    ALARM,
    CLAIMED,
    DOUBLE,
    INK,
    LINE,
    LINK,
    PAPER,
    SINGLE,
    SMALL,
    SOFT,
    TONES,
    styled,
)
from faeval.reports.figures._forest import forest
from faeval.reports.figures._layout import (
    DASHED,
    DOTTED,
    Scale,
    axes_at,
    estimate,
    figure_of,
    interval,
    mark,
    round_numbers,
    rows_at,
    rule,
    short,
    words_wrapped,
    wrapped,
    write,
)
from faeval.reports.figures._series import (
    PowerCurve,
    Rows,
    mean_over_seeds,
    power_curve,
    spans_decades,
)
from faeval.reports.words import _sentences as words
from faeval.reports.words._escape import anchors
from faeval.reports.words._glossary import layers_text
from faeval.reports.words._numbers import chance, exact, level, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_MOST_NAMED = 24  # seeds with a line of their own in a contrast


# --- all figures of a report ---


class _Lazy(Mapping[str, "Figure"]):
    """Figures by name, drawn when they are asked for."""

    def __init__(self, makers: dict[str, Callable[[], Figure]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Figure:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def figures(report: Report) -> Mapping[str, Figure]:
    """Return every figure of a report by its name: letters of ASCII, digits, hyphens, and each only
    once.
    """
    makers: dict[str, Callable[[], Figure]] = {}
    if report.verdicts:
        makers["forest"] = partial(forest, report)
    for verdict, anchor in zip(report.verdicts, claim_anchors(report), strict=True):
        name = anchor.removeprefix("claim-")
        for i, assertion in enumerate(verdict.assertions):
            if math.isfinite(assertion.estimate):
                makers[f"contrast-{name}-{i + 1}"] = partial(contrast, verdict, i)
        if power_curves(verdict):
            makers[f"power-{name}"] = partial(power, verdict)
    for name, profiles in layer_figures(report.profiles).items():
        makers[name] = partial(layers, profiles)
    for name, members in course_figures(report.curves).items():
        makers[name] = partial(courses, members)
    if report.controls:
        makers["controls"] = partial(controls, report.controls)
    return _Lazy(makers)


def claim_anchors(report: Report) -> list[str]:
    """Return the fragment identifier of each claim, which names its figures too."""
    return anchors(verdict.claim for verdict in report.verdicts)


def layer_figures(profiles: Iterable[Profile]) -> dict[str, list[Profile]]:
    """Return which profiles share a figure, by its name: those of one metric."""
    return _named("layers", profiles, lambda p: p.metric)


def course_figures(members: Iterable[TrainingCurve]) -> dict[str, list[TrainingCurve]]:
    """Return which courses share a figure, by its name: those of one metric at the same layers."""
    return _named("course", members, lambda c: f"{c.metric} {layers_text(c.layers)}".strip())


def _named(kind: str, members: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for member in members:
        if member.values and member.values[0]:
            groups.setdefault(key(member), []).append(member)
    names = anchors(groups)
    return {
        f"{kind}-{n.removeprefix('claim-')}": group
        for n, group in zip(names, groups.values(), strict=True)
    }


# --- panels: one an arm ---


@styled
def layers(profiles: Sequence[Profile], width: float | None = None) -> Figure:
    """Draw one metric over the layers, a panel an arm; see :func:`courses`."""
    panels = [_Panel(p.arm, p.layers, p.values) for p in profiles]
    return _panels(panels, "layer", profiles[0].metric, "", width)


@styled
def courses(members: Sequence[TrainingCurve], width: float | None = None) -> Figure:
    """Draw one metric over the epochs, a panel an arm: each seed a thin line, their mean a heavy
    one with dots.

    All panels share one scale, logarithmic where values span more than a factor of 100; the mean is
    geometric there. Where a number does not exist the line has a gap, and a cross stands at the
    foot.

    Parameters
    ----------
    members
        At least one.
    width
        In inches; by default that of one column of a paper up to two arms, and of two columns
        beyond.
    """
    first = members[0]
    panels = [_Panel(c.arm, c.epochs, c.values) for c in members]
    return _panels(panels, "epoch", first.metric, layers_text(first.layers), width)


@dataclass(frozen=True)
class _Panel:
    title: str
    x: Sequence[int]
    rows: Rows


def _panels(
    panels: Sequence[_Panel], across: str, metric: str, where: str, width: float | None
) -> Figure:
    width = width or (SINGLE if len(panels) <= 2 else DOUBLE)
    columns = min(len(panels), max(1, int(width / 1.55)))
    left, gap, foot, high = 0.6, 0.14, 0.36, 1.05
    each = (width - left - 0.08 - gap * (columns - 1)) / columns
    titles = [wrapped(panel.title, int(each * 72 / (0.6 * SMALL))) for panel in panels]
    bands = [titles[i : i + columns] for i in range(0, len(panels), columns)]
    heads = [0.06 + 0.115 * max(map(len, band)) for band in bands]
    logarithmic = spans_decades(row for panel in panels for row in panel.rows)
    scale = Scale((v for p in panels for row in p.rows for v in row if v is not None), logarithmic)
    figure = figure_of(width, sum(heads) + len(bands) * (high + foot))
    top = 0.0
    for i, panel in enumerate(panels):
        band, column = divmod(i, columns)
        if column == 0:
            top += heads[band] + (high + foot if band else 0.0)
        axes = axes_at(figure, left + column * (each + gap), top, each, high)
        for k, line in enumerate(reversed(titles[i])):
            write(figure, left + column * (each + gap), top - 0.06 - 0.115 * k, line, SMALL)
        _draw_panel(axes, panel, scale, logarithmic)
        axes.set_xlabel(across, labelpad=2)
        if column == 0:
            y = top + high / 2
            write(figure, 0.12, y, short(metric, 24), SMALL, rotation=90, ha="center")
            write(
                figure,
                0.23,
                y,
                short(f"{where}{scale.unit}", 24),
                SMALL,
                rotation=90,
                ha="center",
                color=SOFT,
            )
        else:
            axes.tick_params(labelleft=False)
    return figure


def _draw_panel(axes: Axes, panel: _Panel, scale: Scale, logarithmic: bool) -> None:
    scale.put(axes, "y")
    room = (panel.x[-1] - panel.x[0]) * 0.04 or 0.5
    axes.set_xlim(panel.x[0] - room, panel.x[-1] + room)
    ticks = (
        panel.x if len(panel.x) <= 6 else round_numbers(panel.x[0], panel.x[-1], 5, [1, 2, 5, 10])
    )
    axes.set_xticks(list(ticks), [str(round(tick)) for tick in ticks])
    lines = [[math.nan if v is None else scale(v) for v in row] for row in panel.rows]
    _draw_lines(axes, panel.x, lines, [], color=LINK, alpha=0.45, lw=0.7, ms=2.2)
    mean = [math.nan if v is None else scale(v) for v in mean_over_seeds(panel.rows, logarithmic)]
    _draw_lines(
        axes, panel.x, [mean], range(len(mean)) if len(mean) <= 8 else [], color=LINK, lw=1.5, ms=3
    )
    lacking = [
        x
        for x, column in zip(panel.x, zip(*panel.rows, strict=True), strict=True)
        if None in column
    ]
    if lacking:
        foot = [axes.get_ylim()[0]] * len(lacking)
        axes.plot(lacking, foot, color=SOFT, lw=0, marker="x", ms=4, mew=1, clip_on=False, zorder=3)


def _draw_lines(
    axes: Axes,
    x: Sequence[int],
    lines: Sequence[Sequence[float]],
    dotted: Sequence[int],
    **look: Any,
) -> None:
    """Draw lines of one look, with gaps at NaN, and dots at some places of each and at every point
    without neighbours.
    """
    joined_x: list[float] = []
    joined: list[float] = []
    dots: list[int] = []
    for line in lines:
        alone = [i for i in range(len(line)) if _gap(line, i - 1) and _gap(line, i + 1)]
        dots += [len(joined) + i for i in sorted({*dotted, *alone}) if not _gap(line, i)]
        joined_x += [*x, math.nan]  # a gap, too, between one line and the next
        joined += [*line, math.nan]
    look |= {"marker": "o", "mew": 0, "markevery": dots} if dots else {}
    axes.plot(joined_x, joined, **look, clip_on=False)


def _gap(values: Sequence[float], i: int) -> bool:
    return not 0 <= i < len(values) or math.isnan(values[i])


# --- controls ---


@styled
def controls(curves: Sequence[ControlCurve], width: float = SINGLE) -> Figure:
    """Draw each instrument's positive control against the gradient norm that it had to read, and
    the floor.

    Each mark is one state of one checkpoint; marks that would fall on each other are drawn once.
    """
    keys = [("o", LINK, LINK), ("D", PAPER, ALARM), ("^", INK, INK), ("s", PAPER, SOFT)]
    head, foot, left, high = 0.26 + 0.14 * len(curves), 0.4, 0.46, 1.6
    across = Scale((norm for curve in curves for norm, _ in curve.points), True)
    up = Scale([0.0, 1.0, *(v for curve in curves for _, v in curve.points if v is not None)])
    figure = figure_of(width, head + high + foot)
    axes = axes_at(figure, left, head, width - left - 0.1, high)
    across.put(axes, "x")
    up.put(axes, "y")
    axes.axhline(up(CONTROL_FLOOR), color=INK, lw=0.9, ls=DASHED)
    steps = (width - left) * 72, high * 72 / (up.high - up.low)
    for i, curve in enumerate(curves):
        marker, face, edge = keys[i % len(keys)]
        places: dict[tuple[int, int], tuple[float, float]] = {}
        for norm, value in sorted((n, v) for n, v in curve.points if v is not None):
            x, y = across(norm), up(value)
            share = (x - across.low) / (across.high - across.low)
            places.setdefault((round(share * steps[0]), round((y - up.low) * steps[1])), (x, y))
        look: dict[str, Any] = {
            "marker": marker,
            "ms": 3.0,
            "mfc": face,
            "mec": edge,
            "mew": 0.7,
            "lw": 0,
            "color": edge,
        }
        axes.plot(*zip(*places.values(), strict=True), **look, clip_on=False) if places else None
        y = 0.12 + 0.14 * i
        mark(figure, left + 0.08, y - 0.035, **look)
        write(figure, left + 0.2, y, short(curve.instrument, 48), SMALL)
    y = 0.12 + 0.14 * len(curves)
    rule(figure, left, y - 0.035, left + 0.16, color=INK, lw=0.9, ls=DASHED)
    write(figure, left + 0.2, y, f"floor, {exact(CONTROL_FLOOR)}", SMALL)
    axes.set_xlabel("median norm of the gradient at a state", labelpad=2)
    axes.set_ylabel("reading of the true gradient")
    return figure


# --- power ---


def power_curves(verdict: Verdict) -> list[tuple[int, PowerCurve]]:
    """Return the power of each assertion of a verdict that has any, with its place among them."""
    found = ((i, power_curve(verdict, assertion)) for i, assertion in enumerate(verdict.assertions))
    return [(i, curve) for i, curve in found if curve is not None]


@styled
def power(verdict: Verdict, width: float | None = None) -> Figure:
    """Draw what a claim's pilots promised: the chance of the verdict foreseen against seeds, a
    panel an assertion.

    The heavy line holds at the pilot's standard deviation, the dashed one at its upper 80 % bound.
    """
    known = power_curves(verdict)
    width = width or (SINGLE if len(known) == 1 else DOUBLE)
    columns = 1 if width < DOUBLE else min(2, len(known))
    left, gap, foot, high = 0.46, 0.5, 0.36, 1.3
    each = (width - left - 0.1 - gap * (columns - 1)) / columns
    many = len(verdict.assertions) > 1
    titles = [
        (
            words_wrapped(
                f"{i + 1}. {words.assertion_text(verdict.assertions[i])}",
                int(each * 72 / (0.6 * SMALL)),
                3,
            )
            if many
            else []
        )
        for i, _ in known
    ]
    head = 0.52 + 0.115 * max(map(len, titles))
    rows = math.ceil(len(known) / columns)
    figure = figure_of(width, rows * (head + high + foot))
    for place, ((_, curve), title) in enumerate(zip(known, titles, strict=True)):
        row, column = divmod(place, columns)
        x, top = left + column * (each + gap), row * (head + high + foot) + head
        for k, line in enumerate(reversed(title)):
            write(figure, x, top - 0.54 - 0.115 * k, line, SMALL)
        _draw_power(figure, axes_at(figure, x, top, each, high), curve, x, top)
    return figure


def _draw_power(figure: Figure, axes: Axes, curve: PowerCurve, left: float, top: float) -> None:
    last = max(curve.seeds[-1], curve.planned)
    axes.set_xlim(1.5, last + 0.5)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", "20", "40", "60", "80", "100"])
    step = max(1, math.ceil((last - 2) / 9))
    axes.set_xticks(list(range(2, last + 1, step)))
    axes.axhline(0.8, color=LINE, lw=0.8, zorder=0)
    axes.axvline(curve.planned, color=INK, lw=0.9, ls=DASHED, zorder=0)
    axes.annotate(
        f"plan: {curve.planned}",
        (curve.planned, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center" if 4 <= curve.planned <= last - 2 else "left",
        size=SMALL,
        color=INK,
    )
    lines: list[tuple[Sequence[float], dict[str, Any], str]] = [
        (
            curve.power,
            {"lw": 1.5, "marker": "o", "ms": 2.6},
            f"s.d. {significant(curve.sd)}, the pilot's",
        )
    ]
    if curve.cautious is not None:
        text = f"s.d. {significant(curve.upper)}, its upper 80 % bound ({curve.pilot_n} seeds)"
        lines.append(
            (
                curve.cautious,
                {"lw": 1.0, "marker": "o", "ms": 2.6, "mfc": PAPER, "ls": DOTTED},
                text,
            )
        )
    for k, (values, look, text) in enumerate(lines):
        axes.plot(curve.seeds, values, color=LINK, mew=0.8, **look, clip_on=False)
        y = top - 0.38 + 0.13 * k
        rule(figure, left, y - 0.035, left + 0.22, color=LINK, mew=0.8, **look)
        write(figure, left + 0.29, y, text, SMALL)
    axes.set_xlabel("seeds", labelpad=2)
    axes.set_ylabel(f"chance to be {curve.verdict}, %")


# --- contrast ---


@styled
def contrast(verdict: Verdict, assertion: int = 0, width: float = SINGLE) -> Figure:
    """Draw one assertion of a verdict: the difference at each seed, the estimate with its
    intervals, the margin.

    The claimed side is shaded. Content and numbers are those of the page's dots.
    """
    a = verdict.assertions[assertion]
    style, unit, tone = words.style_of(a), words.unit_of(a).strip(), TONES[verdict.verdict]
    intervals = [("decision", a.interval), ("refuting", a.refuting), ("90 %", a.ordinary)]
    known = [
        (name, bounds)
        for name, bounds in intervals
        if bounds is not None and not any(map(math.isnan, bounds))
    ]
    n = len(a.differences)  # 0 for arms that no seed pairs
    step = 0.16 if n <= _MOST_NAMED else 2.6 / n
    head, foot, left, right = 0.24, 0.4, 0.56, 0.56
    rows = head + n * step
    end = rows + 0.1 + 0.17 * max(1, len(known))
    bounds = [b for _, pair in known for b in pair]
    across = Scale([0.0, *outcomes.thresholds(a), *a.differences, a.estimate, *bounds])
    figure = figure_of(width, end + foot)
    axes = rows_at(figure, left, head, width - left - right, end - head)
    across.put(axes, "x")
    _ground(axes, a, across, head, end)
    for x, text in _margin_labels(a, across, width - left - right):
        axes.annotate(
            text,
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            size=SMALL,
            color=SOFT,
        )
    for i, (seed, value) in enumerate(zip(verdict.seeds[:n], a.differences, strict=True)):
        y = head + (i + 0.5) * step
        if math.isfinite(value):
            axes.plot(
                [across(value)],
                [y],
                marker="o",
                ms=3.4,
                color=tone,
                mfc=PAPER,
                mew=1.1,
                clip_on=False,
                zorder=3,
            )
        if n <= _MOST_NAMED or i in (0, n - 1):
            write(figure, 0.02, y + 0.035, f"seed {seed}", SMALL)
            write(figure, width - 0.02, y + 0.035, style.finer()(value), SMALL, ha="right")
    rule(figure, 0.02, rows + 0.03, width - 0.02, color=LINE, lw=0.6)
    for i, (name, pair) in enumerate(known):
        y = rows + 0.13 + 0.17 * i
        write(figure, 0.02, y + 0.035, name, SMALL, color=SOFT)
        interval(axes, across, pair, y, tone if i == 0 else SOFT, 2.2 if i == 0 else 1.0)
    y = rows + 0.13
    estimate(axes, across, a.estimate, y, verdict.verdict)
    write(figure, width - 0.02, y + 0.035, style(a.estimate), SMALL, ha="right", weight="bold")
    axes.set_xlabel(short(f"difference{f', {unit}' if unit else ''}{across.unit}", 48), labelpad=2)
    return figure


def _ground(axes: Axes, a: AssertionResult, across: Scale, top: float, bottom: float) -> None:
    """The claimed side, zero and the margin, behind everything."""
    low, high = (across.within(bound) for bound in outcomes.claimed(a))
    axes.fill_between([low, high], top, bottom, color=CLAIMED, lw=0, zorder=0)
    axes.plot([across(0.0)] * 2, [top, bottom], color=SOFT, lw=0.6, zorder=1)
    for point in outcomes.thresholds(a):
        axes.plot([across(point)] * 2, [top, bottom], color=INK, lw=0.9, ls=DASHED, zorder=1)


def _margin_labels(a: AssertionResult, across: Scale, inches: float) -> list[tuple[float, str]]:
    points = outcomes.thresholds(a)
    at = [across(point) for point in points]
    if (
        len(points) == 2 and (at[1] - at[0]) / (across.high - across.low) * inches < 0.85
    ):  # they would overlap
        return [(sum(at) / 2, f"margins ±{exact(a.margin)}")]
    return [(x, f"margin {exact(point)}") for x, point in zip(at, points, strict=True)]


def describe_power(curve: PowerCurve) -> str:
    """Say in words what a panel of the power figure shows."""
    at = dict(zip(curve.seeds, curve.power, strict=True))
    said = (
        f"{chance(at[curve.planned])} at the {curve.planned} seeds planned"
        if curve.planned in at
        else ""
    )
    return f"The chance to be {curve.verdict}, at level {level(curve.level)}" + (
        f": {said}." if said else "."
    )
