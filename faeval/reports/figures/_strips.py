"""A contrast over seeds against its margin: a strip for a table, and dots with an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from faeval.claims._verdict import AssertionResult
from faeval.reports.data._outcomes import claimed, is_between, thresholds
from faeval.reports.figures._layout import Scale, axis_below, interval
from faeval.reports.figures._shapes import SINGLE, Circle, Figure, Shape, Text, box, line
from faeval.reports.words._numbers import exact
from faeval.reports.words._sentences import style_of

_MOST_NAMED = 24  # seeds with a line of their own


def strip(assertion: AssertionResult, beside: Iterable[AssertionResult] = ()) -> Figure:
    """Draw an assertion's interval and margin on one line, on one scale with those beside it."""
    numbers = [0.0]
    for a in (assertion, *beside):
        numbers += [a.estimate, *thresholds(a), *a.interval, *(_outer(a) or ())]
    scale = Scale(numbers, 6, 174)
    shapes = [*_ground(assertion, scale, 1, 21), *interval(scale, assertion.interval, 11, "bar")]
    if outer := _outer(assertion):
        shapes += interval(scale, outer, 11, "thin")
    return Figure(180, 22, (*shapes, Circle("estimate", scale(assertion.estimate), 11, 4)))


def _outer(assertion: AssertionResult) -> tuple[float, float] | None:
    return assertion.refuting if is_between(assertion) else None


def dots(assertion: AssertionResult, seeds: Sequence[int]) -> Figure:
    """Draw one dot a seed, then the estimate with its intervals, above an axis with ticks.

    Arms that no seed pairs have no differences, and no dots. Of very many seeds the first and the
    last alone are named.
    """
    a = assertion
    intervals = {"decision": a.interval, "refuting": a.refuting, "90 %": a.ordinary}
    bands = {name: b for name, b in intervals.items() if b and not any(map(math.isnan, b))}
    scale = Scale(
        [
            0.0,
            *thresholds(a),
            *a.differences,
            a.estimate,
            *[bound for band in bands.values() for bound in band],
        ],
        64,
        296,
    )
    n, width, top, style = len(a.differences), SINGLE, 24.0, style_of(a)
    step = 19.0 if n <= 12 else 13.0 if n <= _MOST_NAMED else 280.0 / n
    foot = top + n * step + 4
    end = foot + 12 + 17 * len(bands)
    shapes = [*_ground(a, scale, top - 4, end + 2), *_margin_labels(a, scale, top - 10)]
    for i, (seed, value) in enumerate(zip(seeds[:n], a.differences, strict=True)):
        y = top + (i + 0.5) * step
        if math.isfinite(value):
            shapes.append(Circle("dot", scale(value), y, 4 if n <= _MOST_NAMED else 2))
        if n <= _MOST_NAMED or i in (0, n - 1):
            shapes.append(Text("text", 0, y + 4, f"seed {seed}"))
            shapes.append(Text("text end", width, y + 4, style.finer()(value)))
    shapes.append(line("rule", (0, foot), (width, foot)))
    for i, (name, band) in enumerate(bands.items()):
        y = foot + 14 + 17 * i
        shapes.append(Text("note", 0, y + 4, name))
        shapes += interval(scale, band, y, "thin" if i else "bar")
    shapes.append(Circle("estimate", scale(a.estimate), foot + 14, 4.5))
    shapes.append(Text("value end", width, foot + 18, style(a.estimate)))
    return Figure(width, end + 22, (*shapes, *axis_below(scale, end + 2, scale.ticks(4))))


def _ground(a: AssertionResult, scale: Scale, top: float, bottom: float) -> Iterator[Shape]:
    """The claimed side, zero and the margin, behind everything."""
    low, high = map(scale, claimed(a))
    yield box("claimed", low, top, high, bottom)
    yield line("zero", (scale(0.0), top), (scale(0.0), bottom))
    for x in map(scale, thresholds(a)):
        yield line("margin", (x, top), (x, bottom))


def _margin_labels(a: AssertionResult, scale: Scale, y: float) -> Iterator[Text]:
    points = thresholds(a)
    at = list(map(scale, points))
    if len(points) == 2 and at[1] - at[0] < 80:  # side by side they would overlap
        yield Text("note mid", sum(at) / 2, y, f"margins ±{exact(a.margin)}")
    else:
        for x, point in zip(at, points, strict=True):
            yield Text("note mid", x, y, f"margin {exact(point)}")


def describe(assertion: AssertionResult) -> str:
    """Say in words what the figure of an assertion shows, for those who do not see it."""
    style = style_of(assertion)
    points = " and ".join(exact(point) for point in thresholds(assertion))
    return (
        f"Estimate {style(assertion.estimate)}, decision interval"
        f" {style.interval(assertion.interval)}, margin at {points}; the shaded side is the claimed"
        " one."
    )
