"""Forest plots: the claims of a report on one scale, and those of several settings side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

from faeval._safe_text import clean
from faeval.claims._verdict import AssertionResult, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._overview import Overview
from faeval.reports.data._report import Report
from faeval.reports.data._shown import shown
from faeval.reports.figures._layout import Scale, axis_below, interval, short, wrapped
from faeval.reports.figures._shapes import (
    DOUBLE,
    Circle,
    Figure,
    Shape,
    Text,
    box,
    line,
    paragraph,
    sign,
)
from faeval.reports.words import _sentences as words
from faeval.stats import region_of

_FAR = 6.0  # margins from zero; what lies beyond has an arrow, and its numbers beside it
_STEP = 13.5  # from one line of a sentence to the next
_COUNTED = "difference in the direction of the margin, in margins"


# --- one setting ---


def forest(report: Report) -> Figure:
    """Draw the claims of a report on one scale: in margins, counted in the direction of each.

    A row a claim, in it a line an assertion: its decision interval, the sign of its verdict at the
    estimate, and its word. Of several assertions each has its own result, met, contradicted or
    open, in that sign and word, and the claim's verdict stands once in a line above them; of an
    invalid claim none has a result. The dashed margin is at 1, for equivalences at both ends; the
    claimed side of each line is shaded. Without a margin to count in, or without an estimate, a
    line has its words alone.
    """
    label, left, right, step, head = 240, 262, 501, 16.5, 15.0
    rows = [(_sentence(verdict, label), list(_lines(verdict))) for verdict in report.verdicts]
    sizes = [max(_STEP * len(text), step * len(lines)) + 8 for text, lines in rows]
    end = head + max(sum(sizes), step)
    scale = _scale((a for _, lines in rows for _, a, _, _ in lines), left, right)
    shapes: list[Shape] = [*_ground(scale, head, end)]
    top = head
    for (text, lines), size in zip(rows, sizes, strict=True):
        shapes += _label(top, text)
        for k, (name, a, word, result) in enumerate(lines):
            y = top + 4 + step * (k + 0.5)
            shapes.append(Text("note tiny end", left - 6, y + 3.5, name))
            if a is not None:
                shapes += _bar(scale, a, y, 0.4 * step, word)
                if _is_drawn(a):
                    at = _in_margins(a)(shown(a).estimate)
                    shapes += [] if scale.side(at) else [sign(word, scale(at), y)]
                value = words.value_text(a)
                # Numbers are never cut; their unit is in the table.
                value = words.value_text(a, unit=False) if len(value) > 30 else value
                shapes.append(Text("tiny", right + 12, y + 3.5, clean(value)))
            if result:
                shapes.append(sign(word, DOUBLE - 76, y))
                shapes.append(Text(f"word tiny {word}", DOUBLE - 68, y + 3.5, result))
        top += size
    shapes += [line("rule", (2, end), (DOUBLE - 2, end)), *axis_below(scale, end, scale.ticks())]
    shapes.append(Text("note mid", (left + right) / 2, end + 29, _COUNTED))
    return Figure(DOUBLE, end + 40, tuple(shapes))


#: A line of a forest: its name, its assertion if it is of one, the verdict whose sign it has, and
#: its word.
_Line: TypeAlias = tuple[str, AssertionResult | None, str, str]
#: The sign of the verdict that a result would lead to by itself.
_RESULTS = {"met": "supported", "contradicted": "refuted", "open": "inconclusive"}


def _lines(verdict: Verdict) -> Iterator[_Line]:
    word = verdict.verdict
    if len(verdict.assertions) <= 1:
        yield "", next(iter(verdict.assertions), None), word, word
        return
    yield "", None, word, word
    for i, a in enumerate(verdict.assertions, 1):
        result = outcomes.outcome(a)
        invalid = word == "invalid"
        yield f"{i}.", a, word if invalid else _RESULTS[result], "" if invalid else result


# --- several settings ---

#: What became of a claim over the settings, in this order down the figure.
_GROUPS = (
    "supported in all",
    "refuted in all",
    "supported in one, refuted in another",
    "supported where decided",
    "refuted where decided",
    "decided in none",
)


def transfer(reports: Sequence[Report]) -> Figure:
    """Draw what carries over: a row a claim, a panel a setting, claims grouped by what became of
    them over the settings.

    In each panel stands the sign of the verdict and, on one scale for all, the decision interval of
    the assertion that the verdict hangs on, in margins (see :func:`deciding`), its estimate as a
    dot. Shaded is what is claimed. A star says that the claim was not registered before all of its
    evidence, a dagger that the verdict is fragile. Where a setting does not have the claim, its
    panel is empty.

    Parameters
    ----------
    reports
        At least one; each a setting, named by it. Claims are told apart by their id.
    """
    label, room, head, title = 300, 18, 44.0, 26
    width = (DOUBLE - label) / max(1, len(reports))
    rows = _over_settings(reports)
    groups = {group: claims for group, claims in carried_over(reports).items() if claims}
    texts = {
        claim: _sentence(next(v for v in row if v is not None), label - 11)
        for claim, row in rows.items()
    }
    sizes = {claim: _STEP * max(1, len(text)) + 6 for claim, text in texts.items()}
    end = head + max(title, title * len(groups) + sum(sizes.values()))
    lefts = [label + i * width for i in range(len(reports))]
    every = [deciding(v) for v in chain.from_iterable(rows.values()) if v is not None]
    scales = [_scale(every, left + room, left + width - 11) for left in lefts]
    shapes: list[Shape] = [*_legend()]
    for report, left, scale in zip(reports, lefts, scales, strict=True):
        name = short(report.setting, max(1, int((width - room) / 6)))
        shapes += [Text("small", left + room, head - 8, name), *_ground(scale, head, end)]
        shapes += axis_below(scale, end, scale.ticks())
    top = head
    for group, claims in groups.items():
        count = f"{group.capitalize()}: {len(claims)} claim{'s' * (len(claims) != 1)}"
        shapes += [
            line("head", (2, top), (DOUBLE - 2, top)),
            Text("value small", 2, top + 17, count),
        ]
        top += title
        for claim in claims:
            half = sizes[claim] / 2
            shapes += _label(top, texts[claim])
            for left, scale, verdict in zip(lefts, scales, rows[claim], strict=True):
                shapes += _cell(scale, verdict, left + room / 2, top + half, half)
            top += sizes[claim]
    shapes.append(line("rule", (2, end), (DOUBLE - 2, end)))
    shapes.append(Text("note end", DOUBLE - 11, end + 34, _COUNTED))
    return Figure(DOUBLE, end + 44, tuple(shapes))


def transfer_of(overview: Overview) -> Figure:
    """Draw what carries over of an overview.

    Of several reports of one setting, such as a reproduction beside the main one, the first stands
    for it, unless there is no other setting.
    """
    first = {report.setting: report for report in reversed(overview.reports)}
    if len(first) > 1:
        return transfer([r for r in overview.reports if r is first[r.setting]])
    return transfer(
        [replace(r, setting=n) for r, n in zip(overview.reports, overview.names, strict=True)]
    )


def carried_over(reports: Sequence[Report]) -> dict[str, list[str]]:
    """Return the ids of the claims of several settings by what became of them, in the order of the
    figure.
    """
    rows = _over_settings(reports)
    return {
        group: [claim for claim, found in rows.items() if _group(found) == group]
        for group in _GROUPS
    }


def _over_settings(reports: Sequence[Report]) -> dict[str, tuple[Verdict | None, ...]]:
    """Return the verdicts of each claim, one a setting; None where a setting does not have it."""
    columns = [{verdict.claim: verdict for verdict in report.verdicts} for report in reports]
    return {
        claim: tuple(column.get(claim) for column in columns)
        for claim in dict.fromkeys(claim for column in columns for claim in column)
    }


def deciding(verdict: Verdict) -> AssertionResult | None:
    """Return the assertion that a verdict hangs on: the worst result, and of those the one least
    far on the claimed side. Of a count it is the best but as many as must hold.

    None where no assertion has both an estimate and a margin to count in.
    """
    worst = ("contradicted", "open", "met")

    def rank(a: AssertionResult) -> tuple[int, float]:
        low, high = map(_in_margins(a), shown(a).claimed)
        at = _in_margins(a)(shown(a).estimate)
        return worst.index(outcomes.outcome(a)), min(abs(at - low), abs(high - at)) * (
            1 if min(low, high) < at < max(low, high) else -1
        )

    hanging = []
    for part in outcomes.parts(verdict):
        ranked = sorted(
            (a for a in map(verdict.assertions.__getitem__, part.places) if _is_drawn(a)), key=rank
        )
        if part.count is not None:
            ranked = ranked[-part.count.least :]
        hanging += ranked[:1]
    return min(hanging, key=rank, default=None)


def _is_drawn(a: AssertionResult) -> bool:
    """Whether it has an estimate, and a margin to count in."""
    estimate = shown(a).estimate
    if a.ratio is not None:
        return estimate > 0 and math.isfinite(estimate)
    return a.margin > 0 and math.isfinite(estimate)


def _group(found: Sequence[Verdict | None]) -> str:
    said = {verdict.verdict if verdict is not None else "" for verdict in found}
    decided = said & {"supported", "refuted"}
    if len(decided) == 2:
        return "supported in one, refuted in another"
    if not decided:
        return "decided in none"
    (word,) = decided
    return f"{word} in all" if said == decided else f"{word} where decided"


def _cell(
    scale: Scale, verdict: Verdict | None, x: float, y: float, half: float
) -> Iterator[Shape]:
    if verdict is None:  # the setting does not have the claim
        return
    word = verdict.verdict
    yield sign(word, x, y)
    notes = "*" * outcomes.is_late(verdict) + "†" * ("fragile" in verdict.flags)
    if notes:
        yield Text("note tiny", x + 5, y - 2, notes)
    a = deciding(verdict)
    if a is not None:
        yield from _bar(scale, a, y, 0.8 * half, word)
        at = _in_margins(a)(shown(a).estimate)
        if not scale.side(at):
            yield Circle(f"estimate {word}", scale(at), y, 2.5)


def _legend() -> Iterator[Shape]:
    yield Text("note tiny", 2, 15, "* not registered before all of its evidence   † fragile")
    for i, word in enumerate(("supported", "refuted", "inconclusive", "invalid")):
        x = DOUBLE - 360 + 90 * i
        yield sign(word, x, 11)
        yield Text(f"word tiny {word}", x + 9, 15, word)


# --- both ---


def _sentence(verdict: Verdict, width: float) -> list[str]:
    return wrapped(verdict.sentence or verdict.claim, int(width / 5.6))


def _label(top: float, text: Iterable[str]) -> Iterator[Shape]:
    yield line("rule", (2, top), (DOUBLE - 2, top))
    yield from paragraph("small", 2, top + _STEP, text, _STEP)


def _in_margins(a: AssertionResult) -> Callable[[float], float]:
    """From what is shown to margins in the direction of the margin, which lies at 1.

    A ratio counts by its logarithm.
    """
    direction = region_of(a.kind).sign
    if a.ratio is None:
        return lambda value: direction * value / a.margin
    size = math.log(a.ratio.factor)

    def of(value: float) -> float:
        if math.isnan(value):
            return value
        return direction * (math.log(value) / size if value > 0 else -math.inf)

    return of


def _scale(assertions: Iterable[AssertionResult | None], left: float, right: float) -> Scale:
    bounds = [
        bound
        for a in assertions
        if a is not None and _is_drawn(a)
        for bound in map(_in_margins(a), (shown(a).estimate, *shown(a).interval))
        if abs(bound) <= _FAR
    ]
    return Scale([-1.2, 1.2, *bounds], left, right, pad=0.03)


def _ground(scale: Scale, top: float, bottom: float) -> Iterator[Shape]:
    for role, at in (("zero", 0.0), ("margin", 1.0)):
        yield line(role, (scale(at), top), (scale(at), bottom))


def _bar(scale: Scale, a: AssertionResult, y: float, half: float, word: str) -> Iterator[Shape]:
    """The claimed side of a line, and the decision interval on it; without a margin, nothing."""
    if _is_drawn(a):
        axis = shown(a)
        low, high = sorted(map(_in_margins(a), axis.claimed))
        yield box("claimed", scale(low), y - half, scale(high), y + half)
        if region_of(a.kind).two_sided:
            yield line("margin", (scale(-1.0), y - half), (scale(-1.0), y + half))
        low, high = sorted(map(_in_margins(a), axis.interval))
        yield from interval(scale, (low, high), y, "bar", word)
