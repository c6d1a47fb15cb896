"""What a report draws, from its data to a matplotlib Figure; :mod:`faeval.reports.figures._drawing` makes bytes of it.

Axes are placed in inches, and numbers are scaled and written here: matplotlib chooses no layout and formats no text, so
that a figure depends neither on fonts nor on its user's settings. Whatever lies outside its axis ends in an arrow.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from faeval.claims._verdict import AssertionResult, Verdict
from faeval.experiment import CONTROL_FLOOR
from faeval.reports import _words as words
from faeval.reports._numbers import chance, exact, level, significant
from faeval.reports._text import CELL, anchors, clean, clip
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
from faeval.reports.figures._series import PowerCurve, Rows, mean_over_seeds, power_curve, spans_decades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from faeval.reports._report import ControlCurve, Course, Profile, Report

_DASHED, _DOTTED = (0, (4, 3)), (0, (1, 1.5))
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
#: Markers beside each word, so that colour is never the only difference: (marker, whether it is filled).
_MARKERS = {"supported": ("o", True), "refuted": ("D", True), "inconclusive": ("o", False), "invalid": ("x", True)}
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
    """Return every figure of a report by its name: letters of ASCII, digits, hyphens, and each only once."""
    makers: dict[str, Callable[[], Figure]] = {}
    if report.verdicts:
        makers["forest"] = partial(forest, [report])
    for verdict, anchor in zip(report.verdicts, claim_anchors(report), strict=True):
        name = anchor.removeprefix("claim-")
        for i, assertion in enumerate(verdict.assertions):
            if math.isfinite(assertion.estimate):
                makers[f"contrast-{name}-{i + 1}"] = partial(contrast, verdict, i)
        if power_curves(verdict):
            makers[f"power-{name}"] = partial(power, verdict)
    for name, profiles in layer_figures(report.profiles).items():
        makers[name] = partial(layers, profiles)
    for name, members in course_figures(report.courses).items():
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


def course_figures(members: Iterable[Course]) -> dict[str, list[Course]]:
    """Return which courses share a figure, by its name: those of one metric at the same layers."""
    return _named("course", members, lambda c: f"{c.metric} {c.where}".strip())


def _named(kind: str, members: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for member in members:
        if member.values and member.values[0]:
            groups.setdefault(key(member), []).append(member)
    names = anchors(groups)
    return {f"{kind}-{n.removeprefix('claim-')}": group for n, group in zip(names, groups.values(), strict=True)}


# --- panels: one an arm ---


@styled
def layers(profiles: Sequence[Profile], width: float | None = None) -> Figure:
    """Draw one metric over the layers, a panel an arm; see :func:`courses`."""
    panels = [_Panel(p.arm, p.layers, p.values) for p in profiles]
    return _panels(panels, "layer", profiles[0].metric, "", width)


@styled
def courses(members: Sequence[Course], width: float | None = None) -> Figure:
    """Draw one metric over the epochs, a panel an arm: each seed a thin line, their mean a heavy one with dots.

    All panels share one scale, logarithmic where values span more than a factor of 100; the mean is geometric there. Where
    a number does not exist the line has a gap, and a cross stands at the foot.

    Parameters
    ----------
    members
        At least one.
    width
        In inches; by default that of one column of a paper up to two arms, and of two columns beyond.
    """
    first = members[0]
    panels = [_Panel(c.arm, c.epochs, c.values) for c in members]
    return _panels(panels, "epoch", first.metric, first.where, width)


@dataclass(frozen=True)
class _Panel:
    title: str
    x: Sequence[int]
    rows: Rows


def _panels(panels: Sequence[_Panel], across: str, metric: str, where: str, width: float | None) -> Figure:
    width = width or (SINGLE if len(panels) <= 2 else DOUBLE)
    columns = min(len(panels), max(1, int(width / 1.55)))
    left, gap, foot, high = 0.6, 0.14, 0.36, 1.05
    each = (width - left - 0.08 - gap * (columns - 1)) / columns
    titles = [_wrapped(panel.title, int(each * 72 / (0.6 * SMALL))) for panel in panels]
    bands = [titles[i : i + columns] for i in range(0, len(panels), columns)]
    heads = [0.06 + 0.115 * max(map(len, band)) for band in bands]
    logarithmic = spans_decades(row for panel in panels for row in panel.rows)
    scale = _Scale((v for p in panels for row in p.rows for v in row if v is not None), logarithmic)
    figure = _figure(width, sum(heads) + len(bands) * (high + foot))
    top = 0.0
    for i, panel in enumerate(panels):
        band, column = divmod(i, columns)
        if column == 0:
            top += heads[band] + (high + foot if band else 0.0)
        axes = _axes(figure, left + column * (each + gap), top, each, high)
        for k, line in enumerate(reversed(titles[i])):
            _write(figure, left + column * (each + gap), top - 0.06 - 0.115 * k, line, SMALL)
        _draw_panel(axes, panel, scale, logarithmic)
        axes.set_xlabel(across, labelpad=2)
        if column == 0:
            y = top + high / 2
            _write(figure, 0.12, y, _short(metric, 24), SMALL, rotation=90, ha="center")
            _write(figure, 0.23, y, _short(f"{where}{scale.unit}", 24), SMALL, rotation=90, ha="center", color=SOFT)
        else:
            axes.tick_params(labelleft=False)
    return figure


def _draw_panel(axes: Axes, panel: _Panel, scale: _Scale, logarithmic: bool) -> None:
    scale.put(axes, "y")
    room = (panel.x[-1] - panel.x[0]) * 0.04 or 0.5
    axes.set_xlim(panel.x[0] - room, panel.x[-1] + room)
    ticks = panel.x if len(panel.x) <= 6 else _round_numbers(panel.x[0], panel.x[-1], 5, [1, 2, 5, 10])
    axes.set_xticks(list(ticks), [str(round(tick)) for tick in ticks])
    lines = [[math.nan if v is None else scale(v) for v in row] for row in panel.rows]
    _draw_lines(axes, panel.x, lines, [], color=LINK, alpha=0.45, lw=0.7, ms=2.2)
    mean = [math.nan if v is None else scale(v) for v in mean_over_seeds(panel.rows, logarithmic)]
    _draw_lines(axes, panel.x, [mean], range(len(mean)) if len(mean) <= 8 else [], color=LINK, lw=1.5, ms=3)
    lacking = [x for x, column in zip(panel.x, zip(*panel.rows, strict=True), strict=True) if None in column]
    if lacking:
        foot = [axes.get_ylim()[0]] * len(lacking)
        axes.plot(lacking, foot, color=SOFT, lw=0, marker="x", ms=4, mew=1, clip_on=False, zorder=3)


def _draw_lines(
    axes: Axes, x: Sequence[int], lines: Sequence[Sequence[float]], dotted: Sequence[int], **look: Any
) -> None:
    """Draw lines of one look, with gaps at NaN, and dots at some places of each and at every point without neighbours."""
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
    """Draw each instrument's positive control against the gradient norm that it had to read, and the floor.

    Each mark is one state of one checkpoint; marks that would fall on each other are drawn once.
    """
    keys = [("o", LINK, LINK), ("D", PAPER, ALARM), ("^", INK, INK), ("s", PAPER, SOFT)]
    head, foot, left, high = 0.26 + 0.14 * len(curves), 0.4, 0.46, 1.6
    across = _Scale((norm for curve in curves for norm, _ in curve.points), True)
    up = _Scale([0.0, 1.0, *(v for curve in curves for _, v in curve.points if v is not None)])
    figure = _figure(width, head + high + foot)
    axes = _axes(figure, left, head, width - left - 0.1, high)
    across.put(axes, "x")
    up.put(axes, "y")
    axes.axhline(up(CONTROL_FLOOR), color=INK, lw=0.9, ls=_DASHED)
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
        _mark(figure, left + 0.08, y - 0.035, **look)
        _write(figure, left + 0.2, y, _short(curve.instrument, 48), SMALL)
    y = 0.12 + 0.14 * len(curves)
    _rule(figure, left, y - 0.035, left + 0.16, color=INK, lw=0.9, ls=_DASHED)
    _write(figure, left + 0.2, y, f"floor, {exact(CONTROL_FLOOR)}", SMALL)
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
    """Draw what a claim's pilots promised: the chance of the verdict foreseen against seeds, a panel an assertion.

    The heavy line holds at the pilot's standard deviation, the dashed one at its upper 80 % bound.
    """
    known = power_curves(verdict)
    width = width or (SINGLE if len(known) == 1 else DOUBLE)
    columns = 1 if width < DOUBLE else min(2, len(known))
    left, gap, foot, high = 0.46, 0.5, 0.36, 1.3
    each = (width - left - 0.1 - gap * (columns - 1)) / columns
    many = len(verdict.assertions) > 1
    titles = [
        _words_wrapped(f"{i + 1}. {verdict.assertions[i].text}", int(each * 72 / (0.6 * SMALL)), 3) if many else []
        for i, _ in known
    ]
    head = 0.52 + 0.115 * max(map(len, titles))
    rows = math.ceil(len(known) / columns)
    figure = _figure(width, rows * (head + high + foot))
    for place, ((_, curve), title) in enumerate(zip(known, titles, strict=True)):
        row, column = divmod(place, columns)
        x, top = left + column * (each + gap), row * (head + high + foot) + head
        for k, line in enumerate(reversed(title)):
            _write(figure, x, top - 0.54 - 0.115 * k, line, SMALL)
        _draw_power(figure, _axes(figure, x, top, each, high), curve, x, top)
    return figure


def _draw_power(figure: Figure, axes: Axes, curve: PowerCurve, left: float, top: float) -> None:
    last = max(curve.seeds[-1], curve.planned)
    axes.set_xlim(1.5, last + 0.5)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", "20", "40", "60", "80", "100"])
    step = max(1, math.ceil((last - 2) / 9))
    axes.set_xticks(list(range(2, last + 1, step)))
    axes.axhline(0.8, color=LINE, lw=0.8, zorder=0)
    axes.axvline(curve.planned, color=INK, lw=0.9, ls=_DASHED, zorder=0)
    axes.annotate(
        f"plan: {curve.planned}", (curve.planned, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
        textcoords="offset points", ha="center" if 4 <= curve.planned <= last - 2 else "left", size=SMALL, color=INK,
    )  # fmt: skip
    lines: list[tuple[Sequence[float], dict[str, Any], str]] = [
        (curve.power, {"lw": 1.5, "marker": "o", "ms": 2.6}, f"s.d. {significant(curve.sd)}, the pilot's")
    ]
    if curve.cautious is not None:
        text = f"s.d. {significant(curve.upper)}, its upper 80 % bound ({curve.pilot_n} seeds)"
        lines.append((curve.cautious, {"lw": 1.0, "marker": "o", "ms": 2.6, "mfc": PAPER, "ls": _DOTTED}, text))
    for k, (values, look, text) in enumerate(lines):
        axes.plot(curve.seeds, values, color=LINK, mew=0.8, **look, clip_on=False)
        y = top - 0.38 + 0.13 * k
        _rule(figure, left, y - 0.035, left + 0.22, color=LINK, mew=0.8, **look)
        _write(figure, left + 0.29, y, text, SMALL)
    axes.set_xlabel("seeds", labelpad=2)
    axes.set_ylabel(f"chance to be {curve.verdict}, %")


# --- contrast ---


@styled
def contrast(verdict: Verdict, assertion: int = 0, width: float = SINGLE) -> Figure:
    """Draw one assertion of a verdict: the difference at each seed, the estimate with its intervals, the margin.

    The claimed side is shaded. Content and numbers are those of the page's dots.
    """
    a = verdict.assertions[assertion]
    style, unit, tone = words.style_of(a), words.unit_of(a).strip(), TONES[verdict.verdict]
    intervals = [("decision", a.interval), ("refuting", a.refuting), ("90 %", a.ordinary)]
    known = [(name, bounds) for name, bounds in intervals if bounds is not None and not any(map(math.isnan, bounds))]
    n = len(verdict.seeds)
    step = 0.16 if n <= _MOST_NAMED else 2.6 / n
    head, foot, left, right = 0.24, 0.4, 0.56, 0.56
    rows = head + n * step
    end = rows + 0.1 + 0.17 * max(1, len(known))
    bounds = [b for _, pair in known for b in pair]
    across = _Scale([0.0, *words.thresholds(a), *a.differences, a.estimate, *bounds])
    figure = _figure(width, end + foot)
    axes = _rows(figure, left, head, width - left - right, end - head)
    across.put(axes, "x")
    _ground(axes, a, across, head, end)
    for x, text in _margin_labels(a, across, width - left - right):
        axes.annotate(
            text, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            ha="center", size=SMALL, color=SOFT,
        )  # fmt: skip
    for i, (seed, value) in enumerate(zip(verdict.seeds, a.differences, strict=True)):
        y = head + (i + 0.5) * step
        if math.isfinite(value):
            axes.plot([across(value)], [y], marker="o", ms=3.4, color=tone, mfc=PAPER, mew=1.1, clip_on=False, zorder=3)
        if n <= _MOST_NAMED or i in (0, n - 1):
            _write(figure, 0.02, y + 0.035, f"seed {seed}", SMALL)
            _write(figure, width - 0.02, y + 0.035, style.finer()(value), SMALL, ha="right")
    _rule(figure, 0.02, rows + 0.03, width - 0.02, color=LINE, lw=0.6)
    for i, (name, pair) in enumerate(known):
        y = rows + 0.13 + 0.17 * i
        _write(figure, 0.02, y + 0.035, name, SMALL, color=SOFT)
        _interval(axes, across, pair, y, tone if i == 0 else SOFT, 2.2 if i == 0 else 1.0)
    y = rows + 0.13
    _estimate(axes, across, a.estimate, y, verdict.verdict)
    _write(figure, width - 0.02, y + 0.035, style(a.estimate), SMALL, ha="right", weight="bold")
    axes.set_xlabel(_short(f"difference{f', {unit}' if unit else ''}{across.unit}", 48), labelpad=2)
    return figure


def _ground(axes: Axes, a: AssertionResult, across: _Scale, top: float, bottom: float) -> None:
    """The claimed side, zero and the margin, behind everything."""
    low, high = (across.within(bound) for bound in words.claimed(a))
    axes.fill_between([low, high], top, bottom, color=CLAIMED, lw=0, zorder=0)
    axes.plot([across(0.0)] * 2, [top, bottom], color=SOFT, lw=0.6, zorder=1)
    for point in words.thresholds(a):
        axes.plot([across(point)] * 2, [top, bottom], color=INK, lw=0.9, ls=_DASHED, zorder=1)


def _margin_labels(a: AssertionResult, across: _Scale, inches: float) -> list[tuple[float, str]]:
    points = words.thresholds(a)
    at = [across(point) for point in points]
    if len(points) == 2 and (at[1] - at[0]) / (across.high - across.low) * inches < 0.85:  # they would overlap
        return [(sum(at) / 2, f"margins ±{exact(a.margin)}")]
    return [(x, f"margin {exact(point)}") for x, point in zip(at, points, strict=True)]


def _interval(axes: Axes, across: _Scale, bounds: tuple[float, float], y: float, colour: str, lw: float) -> None:
    """A bar from bound to bound; one that lies beyond the axis ends in an arrow."""
    low, high = (across.within(bound) for bound in bounds)
    axes.plot([low, high], [y, y], color=colour, lw=lw, solid_capstyle="butt", clip_on=False, zorder=2)
    for bound, end, marker in ((bounds[0], low, 4), (bounds[1], high, 5)):  # caretleft, caretright
        if across.beyond(bound):
            axes.plot([end], [y], marker=marker, ms=4, color=colour, mew=0, clip_on=False, zorder=2)


def _estimate(axes: Axes, across: _Scale, value: float, y: float, word: str) -> None:
    """The verdict's sign at the estimate; beyond the axis there is an arrow, and no estimate."""
    if across.beyond(value):
        return
    axes.plot([across(value)], [y], **_look(word), clip_on=False, zorder=4)


def _look(word: str) -> dict[str, Any]:
    marker, filled = _MARKERS[word]
    tone = TONES[word]
    thick = 1.2 if marker == "x" or not filled else 0.7
    edge = tone if marker == "x" or not filled else PAPER
    return {"marker": marker, "ms": 4.2, "mfc": tone if filled else PAPER, "mec": edge, "mew": thick, "color": tone}


# --- forest ---

_FAR = 6.0  # margins from zero; what lies beyond has an arrow, and its numbers beside it


@styled
def forest(reports: Sequence[Report], width: float = DOUBLE) -> Figure:
    """Draw the claims of one or several settings on one scale: in margins, counted in the direction of each.

    A row a claim, in it a line an assertion and setting: its decision interval, the sign of its verdict at the estimate, and
    its word. Of several assertions each has its own result, met, contradicted or open, in that sign and word, and the claim's
    verdict stands once in a line above them; of an invalid claim none has a result.
    The dashed margin is at 1, for equivalences at both ends; the claimed side of each line is shaded. Without a
    margin to count in, or without an estimate, a line has its words alone.

    Parameters
    ----------
    reports
        One a setting. Claims are told apart by their id, in the order in which they come first.
    """
    names: dict[str, str] = {}
    for report in reports:
        for verdict in report.verdicts:
            names.setdefault(verdict.claim, verdict.sentence or verdict.claim)
    several = len(reports) > 1
    label, setting, numbers = (1.75, 0.95, 2.3) if several else (2.2, 0.2, 2.3)
    left = label + setting
    line, head, foot = 0.15, 0.14, 0.42
    rows: list[tuple[list[str], list[_ForestLine]]] = []
    for claim, sentence in names.items():
        lines = [
            forest_line
            for report in reports
            for verdict in report.verdicts
            if verdict.claim == claim
            for forest_line in _forest_lines(verdict, _ended(report.setting, 15) if several else "")
        ]
        rows.append((_words_wrapped(sentence, int(label * 72 / (0.56 * SMALL))), lines))
    sizes = [max(0.125 * len(text), line * len(lines)) + 0.07 for text, lines in rows]
    end = head + max(sum(sizes), line)
    shown = [
        bound
        for _, lines in rows
        for a in (each.of for each in lines)
        if a is not None and a.margin > 0
        for bound in map(_in_margins(a), (a.estimate, *a.interval))
        if abs(bound) <= _FAR
    ]
    across = _Scale([-1.2, 1.2, *shown], pad=0.03)
    figure = _figure(width, end + foot)
    axes = _rows(figure, left, head, width - left - numbers, end - head)
    across.put(axes, "x")
    axes.axvline(0, color=SOFT, lw=0.6, zorder=1)
    axes.axvline(1, color=INK, lw=0.9, ls=_DASHED, zorder=1)
    top = head
    for (text, lines), size in zip(rows, sizes, strict=True):
        _rule(figure, 0.02, top, width - 0.02, color=LINE, lw=0.5)
        for k, part in enumerate(text):
            _write(figure, 0.02, top + 0.125 + 0.125 * k, part, SMALL)
        for k, each in enumerate(lines):
            y, a = top + 0.035 + line * (k + 0.5), each.of
            _write(figure, left - 0.06, y + 0.035, each.name, SMALL - 0.5, ha="right", color=SOFT)
            if a is not None and a.margin > 0:
                _forest_line(axes, across, a, y, line, each.word)
            value = words.value_text(a) if a is not None else ""
            if a is not None and len(value) > 30:  # numbers are never cut; their unit is in the table
                value = value.removesuffix(words.unit_of(a))
            _write(figure, width - numbers + 0.1, y + 0.035, clean(value), SMALL - 0.5)
            if each.said:
                _mark(figure, width - 0.7, y, **_look(each.word))
                _write(figure, width - 0.62, y + 0.035, each.said, SMALL - 0.5, color=TONES[each.word])
        top += size
    _rule(figure, 0.02, end, width - 0.02, color=LINE, lw=0.5)
    axes.set_xlabel("difference in the direction of the margin, in margins", labelpad=2)
    return figure


@dataclass(frozen=True)
class _ForestLine:
    """A line of a forest: its name, its assertion if it is of one, the verdict whose sign it has, and its word."""

    name: str
    of: AssertionResult | None
    word: str
    said: str


#: The sign of the verdict that a result would lead to by itself.
_RESULTS = {"met": "supported", "contradicted": "refuted", "open": "inconclusive"}


def _forest_lines(verdict: Verdict, name: str) -> Iterator[_ForestLine]:
    word = verdict.verdict
    if len(verdict.assertions) <= 1:
        yield _ForestLine(name, next(iter(verdict.assertions), None), word, word)
        return
    yield _ForestLine(name, None, word, word)
    for i, a in enumerate(verdict.assertions, 1):
        result = words.outcome(a)
        invalid = word == "invalid"
        yield _ForestLine(f"{i}.", a, word if invalid else _RESULTS[result], "" if invalid else result)


def _in_margins(a: AssertionResult) -> Callable[[float], float]:
    """From a - b to margins in the direction of the margin, which lies at 1."""
    sign = -1.0 if a.kind in ("below", "not_below") else 1.0
    return lambda value: sign * value / a.margin


def _forest_line(axes: Axes, across: _Scale, a: AssertionResult, y: float, height: float, word: str) -> None:
    counted = _in_margins(a)
    low, high = sorted(across.within(counted(bound)) for bound in words.claimed(a))
    axes.fill_between([low, high], y - 0.4 * height, y + 0.4 * height, color=CLAIMED, lw=0, zorder=0)
    if a.kind == "equivalent":
        axes.plot([-1, -1], [y - height / 2, y + height / 2], color=INK, lw=0.9, ls=_DASHED, zorder=1)
    if not any(map(math.isnan, a.interval)):
        first, last = sorted(map(counted, a.interval))
        _interval(axes, across, (first, last), y, TONES[word], 1.8)
    if not math.isnan(a.estimate):
        _estimate(axes, across, counted(a.estimate), y, word)


# --- scales and places ---


class _Scale:
    """A range of numbers on an axis, linear in the number or in its logarithm, safe for any finite numbers.

    Called with a number, it gives its place. ``unit`` names the power of ten that ticks are counted in, where there is one.
    """

    def __init__(self, numbers: Iterable[float], logarithmic: bool = False, pad: float = 0.06) -> None:
        finite = [v for v in numbers if math.isfinite(v)]
        self._logarithmic = logarithmic and bool(finite)
        self.unit, self._power = "", 0
        if not self._logarithmic:
            finite = [0.0, *finite]
            top = math.floor(math.log10(max(map(abs, finite)) or 1.0))
            if not -4 <= top < 5:
                self._power = max(top, -300)
                self.unit = f" (×10{str(self._power).translate(_SUPERSCRIPT)})"
        placed = [self(v) for v in finite]
        room = (max(placed) - min(placed)) * pad or 0.5
        self.low, self.high = min(placed) - room, max(placed) + room

    def __call__(self, value: float) -> float:
        return math.log10(value) if self._logarithmic else value / 10.0**self._power

    def beyond(self, value: float) -> bool:
        """Whether a number lies outside the axis."""
        return not math.isfinite(value) or not self.low <= self(value) <= self.high

    def within(self, value: float) -> float:
        """Return the place of a number; beyond the ends, the end."""
        at = self(value) if math.isfinite(value) else value
        return min(self.high, max(self.low, at))

    def round_numbers(self, most: int) -> list[float]:
        """Return places of round numbers inside the range, so many intervals at most."""
        steps = [1, 2, 3, 5, 10] if self._logarithmic else [1, 2, 2.5, 5, 10]
        return _round_numbers(self.low, self.high, most, steps, self._logarithmic)

    def put(self, axes: Axes, side: str) -> None:
        """Give one side of axes this range, ticks with their texts, and a line at zero or grid lines where it is tall."""
        ticks = self.round_numbers(4)
        if self._logarithmic:
            texts = [f"10{str(round(t)).translate(_SUPERSCRIPT)}" for t in ticks]
        else:
            digits = next((d for d in range(10) if all(math.isclose(t, round(t, d), abs_tol=1e-9) for t in ticks)), 10)
            texts = [f"{t:.{digits}f}".replace("-", "−") if t else "0" for t in ticks]
        if side == "x":
            axes.set_xlim(self.low, self.high)
            axes.set_xticks(ticks, texts)
            return
        axes.set_ylim(self.low, self.high)
        axes.set_yticks(ticks, texts)
        grid = [tick for tick in ticks if tick or self._logarithmic]
        between = [at for tick in grid for at in (tick, tick, math.nan)]
        axes.plot(
            [0, 1, math.nan] * len(grid), between, transform=axes.get_yaxis_transform(), color=LINE, lw=0.6, zorder=0
        )
        if len(grid) < len(ticks):
            axes.axhline(0, color=SOFT, lw=0.6, zorder=0)


def _round_numbers(low: float, high: float, most: int, steps: Sequence[float], whole: bool = True) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(most, steps=list(steps), integer=whole).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=72, facecolor="none")


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes in inches from the upper left corner."""
    across, up = figure.get_size_inches()
    axes: Axes = figure.add_axes(
        (left / across, 1 - (top + height) / up, width / across, height / up), facecolor="none"
    )
    return axes


def _rows(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes whose rows are placed in inches from the upper edge, and need no scale of their own."""
    axes = _axes(figure, left, top, width, height)
    axes.set_ylim(top + height, top)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    return axes


def _write(figure: Figure, x: float, y: float, text: str, size: float, **more: Any) -> None:
    """One line of text, the start of its baseline (or its middle or end) in inches from the upper left corner."""
    across, up = figure.get_size_inches()
    if text:
        figure.text(x / across, 1 - y / up, text, size=size, va="baseline", rotation_mode="anchor", **more)


def _mark(figure: Figure, x: float, y: float, **look: Any) -> None:
    _rule(figure, x, y, x, **look)


def _rule(figure: Figure, left: float, y: float, right: float, **look: Any) -> None:
    """A horizontal line in inches from the upper left corner, with the marker of its look in the middle."""
    from matplotlib.lines import Line2D

    across, up = figure.get_size_inches()
    at, height = [left / across, (left + right) / 2 / across, right / across], 1 - y / up
    figure.add_artist(Line2D(at, [height] * 3, markevery=[1], solid_capstyle="butt", **look))


def _short(text: str, most: int) -> str:
    """Return clean text of at most so many characters; what is left out in the middle leaves a mark."""
    whole = clean(text if len(text) <= 4 * most else text[: 2 * most] + text[-2 * most :]).strip()
    mark = ""
    while _columns(whole + mark) > most or (not mark and len(text) > 4 * most):
        mark, middle = "…", round(0.6 * len(whole))
        whole = whole[: middle - 1] + whole[middle:]
    middle = round(0.6 * len(whole))
    return whole[:middle] + mark + whole[middle:]


def _wrapped(text: str, most: int, lines: int = 3) -> list[str]:
    """Return clean text as at most so many lines of at most so many characters, broken before a plus or after a space."""
    for limit in range(lines * most, 0, -1):
        left, made = _short(text, limit), []
        while left:
            cut = len(left)
            while _columns(left[:cut]) > most:
                cut -= 1
            if cut < len(left):
                cut = max(
                    (i for i in range(cut // 2, cut + 1) if left[i] == "+" or left[i - 1 : i] in (" ", ",")),
                    default=cut,
                )
            made.append(left[: max(1, cut)].strip())
            left = left[max(1, cut) :].strip()
        if len(made) <= lines:
            return made
    return []


def _words_wrapped(text: str, most: int, lines: int = 6) -> list[str]:
    """Return clean text as at most so many lines of at most so many characters, broken between words; the end is cut off."""
    import textwrap

    whole = clip(text, CELL)
    if _columns(whole) > len(whole):
        most //= 2
    return textwrap.wrap(whole, most, max_lines=lines, placeholder=" …")


def _ended(text: str, most: int) -> str:
    """Return clean text of at most so many characters, whose end is cut off."""
    whole = clean(text[: 4 * most]).strip()
    if _columns(whole) <= most and len(text) <= 4 * most:
        return whole
    while _columns(whole) >= most:
        whole = whole[:-1]
    return f"{whole}…"


def _columns(text: str) -> int:
    """How wide text is, in letters of the Latin alphabet."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def describe_power(curve: PowerCurve) -> str:
    """Say in words what a panel of the power figure shows."""
    at = dict(zip(curve.seeds, curve.power, strict=True))
    said = f"{chance(at[curve.planned])} at the {curve.planned} seeds planned" if curve.planned in at else ""
    return f"The chance to be {curve.verdict}, at level {level(curve.level)}" + (f": {said}." if said else ".")
