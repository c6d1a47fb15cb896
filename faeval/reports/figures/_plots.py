"""What a report draws: layer profiles, training curves, controls, power and contrasts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from faeval.claims._verdict import Verdict
from faeval.experiment import CONTROL_FLOOR
from faeval.reports.data._report import ControlCurve, Profile, Report, TrainingCurve
from faeval.reports.figures import _strips as strips
from faeval.reports.figures._forest import forest
from faeval.reports.figures._layout import (
    Scale,
    axis_below,
    axis_beside,
    round_numbers,
    short,
    wrapped,
)
from faeval.reports.figures._series import (
    PowerCurve,
    Rows,
    mean_over_seeds,
    power_curve,
    spans_decades,
)
from faeval.reports.figures._shapes import (
    DOUBLE,
    SINGLE,
    Circle,
    Figure,
    Line,
    Shape,
    Text,
    cross,
    diamond,
    line,
    paragraph,
    square,
    triangle,
)
from faeval.reports.words import _sentences as words
from faeval.reports.words._escape import anchors
from faeval.reports.words._glossary import layers_text
from faeval.reports.words._numbers import chance, exact, level, significant
from faeval.stats import RULES

# --- all figures of a report ---


def figures(report: Report) -> dict[str, Figure]:
    """Return every figure of a report by its name: letters of ASCII, digits, hyphens, and each only
    once.
    """
    drawn: dict[str, Figure] = {}
    if report.verdicts:
        drawn["forest"] = forest(report)
    for verdict, anchor in zip(report.verdicts, claim_anchors(report), strict=True):
        name = anchor.removeprefix("claim-")
        for i, assertion in enumerate(verdict.assertions):
            if strips.is_drawn(assertion):
                drawn[f"contrast-{name}-{i + 1}"] = contrast(verdict, i)
        if power_curves(verdict):
            drawn[f"power-{name}"] = power(verdict)
    for name, profiles in layer_figures(report.profiles).items():
        drawn[name] = layers(profiles)
    for name, members in course_figures(report.curves).items():
        drawn[name] = courses(members)
    if report.controls:
        drawn["controls"] = controls(report.controls)
    return drawn


def claim_anchors(report: Report) -> list[str]:
    """Return the fragment identifier of each claim, which names its figures too."""
    return anchors(verdict.claim for verdict in report.verdicts)


def layer_figures(profiles: Iterable[Profile]) -> dict[str, list[Profile]]:
    """Return which profiles share a figure, by its name: those of one metric."""
    return _named("layers", profiles, lambda p: p.metric)


def course_figures(members: Iterable[TrainingCurve]) -> dict[str, list[TrainingCurve]]:
    """Return which courses share a figure, by its name: those of one metric at the same layers."""
    return _named("course", members, lambda c: f"{c.metric} {layers_text(c.layers)}".strip())


def course_title(of: TrainingCurve) -> str:
    """Name what is measured over training, with the layers that it is the mean of."""
    return ", ".join(filter(None, (of.metric, layers_text(of.layers))))


def _named(kind: str, members: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for member in members:
        if member.values and member.values[0]:
            groups.setdefault(key(member), []).append(member)
    return {
        f"{kind}-{n.removeprefix('claim-')}": group
        for n, group in zip(anchors(groups), groups.values(), strict=True)
    }


# --- panels: one an arm ---

#: The title of a panel, its columns, and its rows of values.
Panel: TypeAlias = tuple[str, Sequence[int], Rows]


def layers(profiles: Sequence[Profile]) -> Figure:
    """Draw one metric over the layers, a panel an arm; see :func:`courses`."""
    return _panels([(p.arm, p.layers, p.values) for p in profiles], "layer", profiles[0].metric)


def courses(members: Sequence[TrainingCurve]) -> Figure:
    """Draw one metric over the epochs, a panel an arm: each seed a thin line, their mean a heavy
    one with dots.

    All panels share one scale, logarithmic where values span more than a factor of 100; the mean is
    geometric there. Where a number does not exist the line has a gap, and a cross stands at the
    foot. Up to two arms have the width of one column of a paper, more that of two.
    """
    panels = [(c.arm, c.epochs, c.values) for c in members]
    return _panels(panels, "epoch", course_title(members[0]))


def _panels(panels: Sequence[Panel], across: str, metric: str) -> Figure:
    width, columns = (SINGLE, len(panels)) if len(panels) <= 2 else (DOUBLE, min(4, len(panels)))
    left, gap, high, foot = 52, 15, 115, 40
    each = (width - left - 9 - gap * (columns - 1)) / columns
    titles = [wrapped(short(title, 90), int(each / 6)) for title, _, _ in panels]
    logarithmic = spans_decades(row for _, _, rows in panels for row in rows)
    numbers = [v for _, _, rows in panels for row in rows for v in row if v is not None]
    shapes: list[Shape] = [Text("text", 0, 11, short(metric, width // 6))]
    top = 20.0
    for first in range(0, len(panels), columns):
        band = range(first, min(first + columns, len(panels)))
        top += 6 + 12.5 * max(len(titles[i]) for i in band)
        up = Scale([*numbers, *([] if logarithmic else [0.0])], top + high, top, 0.06, logarithmic)
        for column, i in enumerate(band):
            x = left + column * (each + gap)
            shapes += paragraph("small", x, top + 6.5 - 12.5 * len(titles[i]), titles[i], 12.5)
            shapes += axis_beside(up, x, x + each, named=column == 0)
            shapes += _panel(*panels[i][1:], up, x, x + each)
            shapes.append(Text("note mid", x + each / 2, top + high + 29, across))
        top += high + foot
    return Figure(width, top, tuple(shapes))


def _panel(
    columns: Sequence[int], rows: Rows, up: Scale, left: float, right: float
) -> Iterator[Shape]:
    x = Scale((columns[0], columns[-1]), left, right, pad=0.04)
    ticks: Iterable[int] = columns
    if len(columns) > 6:
        multiples, step = round_numbers(columns[0], columns[-1], 5, whole=True)
        ticks = [round(k * step) for k in multiples]
    yield from axis_below(x, up.start, [(x(tick), str(tick)) for tick in ticks])
    for row in rows:
        yield from _curve("seeds", "lone", 2, x, up, columns, row)
    mean = mean_over_seeds(rows, up.logarithmic)
    yield from _curve("mean", "point", 2.5, x, up, columns, mean, dotted=len(mean) <= 8)
    for at, column in zip(columns, zip(*rows, strict=True), strict=True):
        if None in column:
            yield cross("gap", x(at), up.start, 3)


def _curve(
    role: str,
    dot: str,
    r: float,
    across: Scale,
    up: Scale,
    x: Sequence[int],
    y: Sequence[float | None],
    dotted: bool = False,
) -> Iterator[Shape]:
    """A line with gaps where there is no number; a point without a neighbour is a dot."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for at, value in zip(x, y, strict=True):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((across(at), up(value)))
    joined = tuple(tuple(piece) for piece in pieces if len(piece) > 1)
    if joined:
        yield Line(role, joined)
    for piece in pieces:
        for point in piece if dotted or len(piece) == 1 else ():
            yield Circle(dot, *point, r)


# --- controls ---


def controls(curves: Sequence[ControlCurve]) -> Figure:
    """Draw each instrument's positive control against the gradient norm that it had to read, and
    the floor.

    Each mark is one state of one checkpoint; marks that would fall on each other are drawn once.
    """
    marks: list[Callable[..., Shape]] = [Circle, diamond, triangle, square]
    left, right, high = 46, SINGLE - 11, 175
    top = 46.0 + 15 * len(curves)
    x = Scale((n for c in curves for n, _ in c.points), left, right, logarithmic=True)
    up = Scale(
        [0.0, 1.0, *[v for curve in curves for _, v in curve.points if v is not None]],
        top + high,
        top,
    )
    floor = up(CONTROL_FLOOR)
    shapes: list[Shape] = [*axis_beside(up, left, right), *axis_below(x, top + high, x.ticks())]
    shapes.append(line("margin", (left, floor), (right, floor)))
    for i, curve in enumerate(curves):
        mark, role, y = marks[i % 4], f"reading{i % 4}", 13.0 + 15 * i
        shapes += [
            mark(role, left + 9, y - 4, 3),
            Text("small", left + 22, y, short(curve.instrument, 48)),
        ]
        drawn = [(x(norm), up(value)) for norm, value in curve.points if value is not None]
        places = {(round(px), round(py)): (px, py) for px, py in sorted(drawn, reverse=True)}
        shapes += [mark(role, px, py, 2.5) for px, py in places.values()]
    y = top - 33
    shapes.append(line("margin", (left, y - 4), (left + 17, y - 4)))
    shapes.append(Text("small", left + 22, y, f"floor, {exact(CONTROL_FLOOR)}"))
    shapes.append(Text("note", 0, top - 12, "reading of the true gradient"))
    shapes.append(
        Text(
            "note mid",
            (left + right) / 2,
            top + high + 29,
            "median norm of the gradient at a state",
        )
    )
    return Figure(SINGLE, top + high + 36, tuple(shapes))


# --- power ---


def power_curves(verdict: Verdict) -> list[tuple[int, PowerCurve]]:
    """Return the power of each assertion of a verdict that has any, with its place among them."""
    curves = (
        (i, power_curve(verdict, assertion)) for i, assertion in enumerate(verdict.assertions)
    )
    return [(i, curve) for i, curve in curves if curve is not None]


def power(verdict: Verdict) -> Figure:
    """Draw what a claim's pilots promised: the chance of the verdict foreseen against seeds, a
    panel an assertion.

    The heavy line holds at the pilot's standard deviation, the dashed one at its upper 80 % bound.
    """
    curves = power_curves(verdict)
    columns = min(2, len(curves))
    width = SINGLE if columns == 1 else DOUBLE
    left, gap, high, foot = 36, 50, 142, 40
    each = (width - left - 11 - gap * (columns - 1)) / columns
    titles = []
    for i, _ in curves if len(verdict.assertions) > 1 else ():
        titles.append(
            wrapped(f"{i + 1}. {words.assertion_text(verdict.assertions[i])}", int(each / 6), 3)
        )
    title = 12.5 * max(map(len, titles), default=0)
    size = title + 64 + high + foot
    shapes: list[Shape] = []
    for place, (_, curve) in enumerate(curves):
        row, column = divmod(place, columns)
        x, top = left + column * (each + gap), row * size
        shapes += paragraph("small", x, top + 10, titles[place] if titles else (), 12.5)
        shapes += _power(curve, x, x + each, top + title + 64, high)
    return Figure(width, size * math.ceil(len(curves) / columns), tuple(shapes))


def _power(
    curve: PowerCurve, left: float, right: float, top: float, high: float
) -> Iterator[Shape]:
    last = max(curve.seeds[-1], curve.planned)
    x = Scale((2, last), left, right, pad=0.03)
    up = Scale((0, 100), top + high, top, pad=0)
    yield from axis_beside(up, left, right)
    seeds = range(2, last + 1, max(1, math.ceil((last - 2) / 9)))
    yield from axis_below(x, top + high, [(x(n), str(n)) for n in seeds])
    plan = x(curve.planned)
    yield line("margin", (plan, top), (plan, top + high))
    near_edge = not 4 <= curve.planned <= last - 2
    yield Text("small" if near_edge else "small mid", plan, top - 5, f"plan: {curve.planned}")
    texts = [f"s.d. {significant(curve.sd)}, the pilot's"]
    lines = [("mean", "point", curve.power)]
    if curve.cautious is not None:
        upper = significant(curve.upper)
        texts.append(f"s.d. {upper}, its upper 80 % bound ({curve.pilot_n} seeds)")
        lines.append(("cautious", "ring", curve.cautious))
    for k, (text, (role, dot, values)) in enumerate(zip(texts, lines, strict=True)):
        yield from _curve(
            role, dot, 2, x, up, curve.seeds, [100 * value for value in values], dotted=True
        )
        y = top - 52 + 13 * k
        yield line(role, (left, y - 4), (left + 24, y - 4))
        yield Circle(dot, left + 12, y - 4, 2)
        yield Text("small", left + 30, y, text)
    yield Text("note", left - 36, top - 20, f"chance to be {curve.verdict}, %")
    yield Text("note mid", (left + right) / 2, top + high + 29, "seeds")


def describe_power(curve: PowerCurve) -> str:
    """Say in words what a panel of the power figure shows."""
    at = dict(zip(curve.seeds, curve.power, strict=True))
    planned = (
        f": {chance(at[curve.planned])} at the {curve.planned} seeds planned"
        if curve.planned in at
        else ""
    )
    return f"The chance to be {curve.verdict}, at level {level(curve.level)}{planned}."


# --- contrast ---


def contrast(verdict: Verdict, assertion: int = 0) -> Figure:
    """Draw one assertion of a verdict: the dots of its page, with a name for the axis."""
    a = verdict.assertions[assertion]
    rule = RULES.get(verdict.test)
    dots = strips.dots(a, verdict.seeds, rule.about if rule else "mean")
    unit = words.unit_of(a).strip()
    axis = "ratio, first side over second" if a.ratio else f"difference, {unit}".rstrip(", ")
    name = Text("note mid", dots.width / 2, dots.height + 9, short(axis, 48))
    return replace(dots, height=dots.height + 14, shapes=(*dots.shapes, name), tone=verdict.verdict)
