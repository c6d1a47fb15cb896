"""Where the marks of a figure go, in its own pixels. Templates draw them; nothing here knows of
colours or SVG.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from faeval.claims._verdict import AssertionResult
from faeval.reports.data._outcomes import claimed, is_between, thresholds
from faeval.reports.words._numbers import Style, exact
from faeval.reports.words._sentences import style_of

_PLACES = (
    2  # decimals of a coordinate: enough for the eye, few enough to be the same on every machine
)


@dataclass(frozen=True)
class Mark:
    """One labelled position on an axis."""

    at: float
    text: str = ""


@dataclass(frozen=True)
class Bar:
    """A stretch of an axis; an open end goes on beyond the figure."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False


@dataclass(frozen=True)
class Row:
    """One seed: its height, its name, its dot (None where undefined) and its number."""

    y: float
    name: str
    x: float | None
    text: str


@dataclass(frozen=True)
class Band:
    """An interval under the dots: its height, its name and where it lies."""

    y: float
    name: str
    bar: Bar


@dataclass(frozen=True)
class Contrast:
    """A contrast over seeds against its margin: as a strip (no rows) or as a figure (one row a
    seed).
    """

    width: float
    height: float
    left: float
    right: float
    claimed: Bar
    zero: float
    margins: tuple[float, ...]
    interval: Bar | None
    estimate: float
    outer: Bar | None = None
    labels: tuple[Mark, ...] = ()
    rows: tuple[Row, ...] = ()
    bands: tuple[Band, ...] = ()
    text: str = ""
    top: float = 0.0
    foot: float = 0.0
    ticks: tuple[Mark, ...] = ()


class Axis:
    """A linear map from a range of numbers to pixels, safe for any finite numbers."""

    def __init__(
        self, numbers: Iterable[float], left: float, right: float, pad: float = 0.06
    ) -> None:
        finite = [v for v in numbers if math.isfinite(v)]
        self._unit = max(map(abs, finite), default=0.0) or 1.0
        scaled = [v / self._unit for v in finite] or [0.0]
        low, high = min(scaled), max(scaled)
        room = (high - low) * pad or 0.5
        self.low, self.high = low - room, high + room
        self.left, self.right = left, right

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; beyond the ends, the end."""
        share = (value / self._unit - self.low) / (self.high - self.low)
        return round(self.left + min(1.0, max(0.0, share)) * (self.right - self.left), _PLACES)

    def bar(self, low: float, high: float) -> Bar | None:
        """Return a stretch, open where its bound is not finite; None where it is undefined."""
        if math.isnan(low) or math.isnan(high):
            return None
        return Bar(self(low), self(high), math.isinf(low), math.isinf(high))

    def ticks(self, wanted: int = 4) -> tuple[Mark, ...]:
        """Return round numbers within the range, about so many."""
        raw = (self.high - self.low) * self._unit / wanted
        if not math.isfinite(raw) or raw <= 0:
            return ()
        power = 10.0 ** math.floor(math.log10(raw))
        step = next((m * power for m in (1, 2, 5) if m * power >= raw), 10 * power)
        low, high = self.low * self._unit / step, self.high * self._unit / step
        if not math.isfinite(step) or step == 0:
            return ()
        digits = math.floor(math.log10(step) + 1e-9)
        top = math.floor(math.log10(self._unit))
        exponent = top if top >= 5 or digits < -6 else 0
        style = Style(max(0, exponent - digits), exponent)
        return tuple(
            Mark(self(k * step), style(k * step))
            for k in range(math.ceil(low), math.floor(high) + 1)
        )


def strip(assertion: AssertionResult, beside: Iterable[AssertionResult] = ()) -> Contrast:
    """Place an assertion's interval and margin on one line, for a table; on one scale with those
    that stand beside it.
    """
    outer = {id(a): a.refuting if is_between(a) else None for a in (assertion, *beside)}
    shown = [
        n
        for a in (assertion, *beside)
        for n in (a.estimate, *thresholds(a), *a.interval, *(outer[id(a)] or ()))
    ]
    axis = Axis([0.0, *shown], 6, 174)
    own = outer[id(assertion)]
    return _contrast(assertion, axis, width=180, height=22, outer=axis.bar(*own) if own else None)


def dots(assertion: AssertionResult, seeds: Sequence[int]) -> Contrast:
    """Place one dot a seed, then the estimate with its intervals, above an axis with ticks.

    Arms that no seed pairs have no differences, and no dots.
    """
    rows_of = tuple(zip(seeds, assertion.differences, strict=True)) if assertion.differences else ()
    axis = Axis(
        [
            0.0,
            *thresholds(assertion),
            *assertion.differences,
            *assertion.interval,
            *assertion.ordinary,
            *(assertion.refuting or ()),
        ],
        64,
        296,
    )
    top, height = 24.0, 19.0 if len(seeds) <= 12 else 13.0
    style = style_of(assertion)
    rows = tuple(
        Row(
            top + (i + 0.5) * height,
            f"seed {seed}",
            axis(value) if math.isfinite(value) else None,
            style.finer()(value),
        )
        for i, (seed, value) in enumerate(rows_of)
    )
    foot = top + len(rows) * height + 4
    intervals = {
        "decision": axis.bar(*assertion.interval),
        "refuting": axis.bar(*assertion.refuting) if assertion.refuting else None,
        "90 %": axis.bar(*assertion.ordinary),
    }
    known = [(name, bar) for name, bar in intervals.items() if bar is not None]
    bands = tuple(Band(foot + 14 + 17 * i, name, bar) for i, (name, bar) in enumerate(known))
    end = foot + 6 + 17 * len(bands) + 6
    return _contrast(
        assertion,
        axis,
        width=360,
        height=end + 22,
        labels=_margin_labels(assertion, axis),
        rows=rows,
        bands=bands,
        text=style(assertion.estimate),
        top=top,
        foot=foot,
        ticks=axis.ticks(),
    )


def _margin_labels(assertion: AssertionResult, axis: Axis) -> tuple[Mark, ...]:
    points = thresholds(assertion)
    at = [axis(point) for point in points]
    if len(points) == 2 and at[1] - at[0] < 80:  # side by side they would overlap
        return (Mark(round(sum(at) / 2, _PLACES), f"margins ±{exact(assertion.margin)}"),)
    return tuple(Mark(x, f"margin {exact(point)}") for x, point in zip(at, points, strict=True))


def _contrast(
    assertion: AssertionResult, axis: Axis, *, width: float, height: float, **more: Any
) -> Contrast:
    return Contrast(
        width=width,
        height=height,
        left=axis.left,
        right=axis.right,
        claimed=Bar(axis(claimed(assertion)[0]), axis(claimed(assertion)[1])),
        zero=axis(0.0),
        margins=tuple(axis(point) for point in thresholds(assertion)),
        interval=axis.bar(*assertion.interval),
        estimate=axis(assertion.estimate),
        **more,
    )


def describe(assertion: AssertionResult) -> str:
    """Say in words what the figure of an assertion shows, for those who do not see it."""
    style = style_of(assertion)
    points = " and ".join(exact(point) for point in thresholds(assertion))
    return (
        f"Estimate {style(assertion.estimate)}, decision interval"
        f" {style.interval(assertion.interval)}, margin at {points}; the shaded side is the claimed"
        " one."
    )
