"""A contrast over seeds against its margin: a strip for a table, and dots with an axis.

A ratio has a logarithmic axis, on which twice and half lie equally far from 1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from faeval._safe_text import clean
from faeval.claims._verdict import AssertionResult
from faeval.reports.data._outcomes import is_between
from faeval.reports.data._shown import Shown, shown
from faeval.reports.figures._layout import Scale, axis_below, interval, short
from faeval.reports.figures._series import typical_deviation
from faeval.reports.figures._shapes import SINGLE, Circle, Figure, Shape, Text, box, line
from faeval.reports.words._numbers import Style, significant
from faeval.reports.words._sentences import edge_text, style_of, within_text

_MOST_NAMED = 24  # seeds with a line of their own
_FAR = 1000.0  # how many times further than all else a bound of a ratio may lie


def is_drawn(assertion: AssertionResult) -> bool:
    """Whether an assertion has an estimate, of a ratio one above 0."""
    axis = shown(assertion)
    return math.isfinite(axis.estimate) and (axis.estimate > 0 or not axis.is_ratio)


def strip(assertion: AssertionResult, beside: Iterable[AssertionResult] = ()) -> Figure:
    """Draw an assertion's interval and margin on one line, on one scale with those beside it."""
    axis = shown(assertion)
    numbers: list[float] = []
    for one in (assertion, *beside):
        other = shown(one)
        numbers += [other.neutral, other.estimate, *other.edges, *other.interval]
        numbers += _outer(one) or ()
    scale = _scale(axis, numbers, 6, 174)
    shapes = [*_ground(axis, scale, 1, 21), *interval(scale, axis.interval, 11, "bar")]
    if outer := _outer(assertion):
        shapes += interval(scale, outer, 11, "thin")
    return Figure(180, 22, (*shapes, Circle("estimate", scale(axis.estimate), 11, 4)))


def _outer(assertion: AssertionResult) -> tuple[float, float] | None:
    return shown(assertion).refuting if is_between(assertion) else None


def _scale(axis: Shown, numbers: Iterable[float], start: float, end: float) -> Scale:
    if not axis.is_ratio:
        return Scale(numbers, start, end)
    near = [1.0, *axis.edges, *([axis.estimate] if axis.estimate > 0 else [])]
    low, high = min(near) / _FAR, max(near) * _FAR
    return Scale([v for v in numbers if low <= v <= high], start, end, logarithmic=True)


def dots(assertion: AssertionResult, seeds: Sequence[int], about: str = "mean") -> Figure:
    """Draw one dot a seed, then the estimate with its intervals, above an axis with ticks.

    Where the rule reads both sides, and no differences, their values stand there, on an axis of
    their own: ``about`` says what is read of them. Of very many seeds the first and the last alone
    are named.
    """
    axis, style = shown(assertion), style_of(assertion)
    intervals = {"decision": axis.interval, "refuting": axis.refuting, "90 %": axis.ordinary}
    bands = {name: b for name, b in intervals.items() if b and not any(map(math.isnan, b))}
    numbers = [axis.neutral, *axis.edges, *axis.each, axis.estimate]
    scale = _scale(axis, [*numbers, *[end for band in bands.values() for end in band]], 64, 296)
    shapes: list[Shape] = []
    top = 24.0
    if not axis.each:
        shapes, top = list(_sides(assertion, about)), _TWO_SIDES
    step = _step(len(axis.each))
    foot = top + len(axis.each) * step + 4
    end = foot + 12 + 17 * len(bands)
    shapes += [*_ground(axis, scale, top - 4, end + 2)]
    shapes += _margin_labels(assertion, axis, scale, top - 10)
    shapes += _by_seed(axis, scale, seeds, top, style.finer())
    shapes.append(line("rule", (0, foot), (SINGLE, foot)))
    for i, (name, band) in enumerate(bands.items()):
        y = foot + 14 + 17 * i
        shapes.append(Text("note", 0, y + 4, name))
        shapes += interval(scale, band, y, "thin" if i else "bar")
    shapes.append(Circle("estimate", scale(axis.estimate), foot + 14, 4.5))
    shapes.append(Text("value end", SINGLE, foot + 18, style(axis.estimate)))
    ticks = scale.factors(4) if axis.is_ratio else scale.ticks(4)
    return Figure(SINGLE, end + 22, (*shapes, *axis_below(scale, end + 2, ticks)))


def _step(n: int) -> float:
    """Return the room of one seed of so many."""
    return 19.0 if n <= 12 else 13.0 if n <= _MOST_NAMED else 280.0 / n


def _by_seed(
    axis: Shown, scale: Scale, seeds: Sequence[int], top: float, style: Style
) -> Iterator[Shape]:
    """A dot a seed, with its name and value where there is room."""
    n = len(axis.each)
    for i, (seed, value) in enumerate(zip(seeds[:n], axis.each, strict=True)):
        y = top + (i + 0.5) * _step(n)
        if math.isfinite(value) and (value > 0 or not axis.is_ratio):
            yield Circle("dot", scale(value), y, 4 if n <= _MOST_NAMED else 2)
        if n <= _MOST_NAMED or i in (0, n - 1):
            yield Text("text", 0, y + 4, f"seed {seed}")
            yield Text("text end", SINGLE, y + 4, style(value))


_TWO_SIDES = 112.0  # the height of the values of two sides, with the room of a margin's label

#: What of a side's values is drawn, and how what they come to is written.
_Reading: TypeAlias = tuple[
    Callable[[Sequence[float]], list[float]], Callable[[Sequence[float]], str]
]


def _from_median(values: Sequence[float]) -> list[float]:
    return [v - statistics.median(values) for v in values]


def _ones(values: Sequence[float]) -> str:
    return f"{sum(v == 1 for v in values)}/{len(values)}"


_READINGS: Mapping[str, _Reading] = {
    "mean": (list, lambda values: significant(math.fsum(values) / max(len(values), 1), 3)),
    "spread": (_from_median, lambda values: significant(typical_deviation(values), 3)),
    "rate": (list, _ones),
}


def _sides(a: AssertionResult, about: str) -> Iterator[Shape]:
    """The values of both sides, a row each: from their median where spreads are compared."""
    points_of, text_of = _READINGS.get(about, _READINGS["mean"])
    rows = [[v for v in side.values if math.isfinite(v)] for side in (a.a, a.b)]
    points = [points_of(row) if row else [] for row in rows]
    scale = Scale([v for row in points for v in row], 64, 296)
    if about == "rate":
        scale = Scale([0.0, 1.0], 64, 296)
    names = ("first", "second")
    for i, (name, values, row) in enumerate(zip(names, rows, points, strict=True)):
        y = 12.0 + 19 * i
        yield Text("text", 0, y + 4, name)
        yield from (Circle("dot", scale(v), y, 4) for v in row)
        yield Text("text end", SINGLE, y + 4, clean(text_of(values)))
    yield from axis_below(scale, 46, scale.ticks(4))
    of = "from the median of each side" if about == "spread" else "values of each side"
    yield Text("note mid", 180, 76, short(of, 48))


def _ground(axis: Shown, scale: Scale, top: float, bottom: float) -> Iterator[Shape]:
    """The claimed side, zero and the margin, behind everything."""
    low, high = map(scale, axis.claimed)
    yield box("claimed", low, top, high, bottom)
    yield line("zero", (scale(axis.neutral), top), (scale(axis.neutral), bottom))
    for x in map(scale, axis.edges):
        yield line("margin", (x, top), (x, bottom))


def _margin_labels(a: AssertionResult, axis: Shown, scale: Scale, y: float) -> Iterator[Text]:
    points = axis.edges
    at = list(map(scale, points))
    if len(points) == 2 and at[1] - at[0] < 80:  # side by side they would overlap
        yield Text("note mid", sum(at) / 2, y, f"margins {within_text(a)}")
    else:
        for x, point in zip(at, points, strict=True):
            yield Text("note mid", x, y, f"margin {edge_text(a, point)}")


def describe(assertion: AssertionResult) -> str:
    """Say in words what the figure of an assertion shows, for those who do not see it."""
    style, axis = style_of(assertion), shown(assertion)
    points = " and ".join(edge_text(assertion, point) for point in axis.edges)
    return (
        f"Estimate {style(axis.estimate)}, decision interval"
        f" {style.interval(axis.interval)}, margin at {points}; the shaded side is the claimed"
        " one."
    )
