"""Forest plots: the claims of a report on one scale, and those of several settings side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faeval._safe_text import clean
from faeval.claims._verdict import AssertionResult, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._overview import Overview
from faeval.reports.data._report import Report
from faeval.reports.figures._drawing import CLAIMED, DOUBLE, INK, LINE, SMALL, SOFT, TONES, styled
from faeval.reports.figures._layout import (
    DASHED,
    MARKERS,
    Scale,
    ended,
    estimate,
    figure_of,
    interval,
    look,
    mark,
    rows_at,
    rule,
    words_wrapped,
    write,
)
from faeval.reports.words import _sentences as words
from faeval.stats import region_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 6.0  # margins from zero; what lies beyond has an arrow, and its numbers beside it
_LINE = 0.125  # inches from one line of a sentence to the next
_COUNTED = "difference in the direction of the margin, in margins"


# --- one setting ---


@styled
def forest(report: Report, width: float = DOUBLE) -> Figure:
    """Draw the claims of a report on one scale: in margins, counted in the direction of each.

    A row a claim, in it a line an assertion: its decision interval, the sign of its verdict at the
    estimate, and its word. Of several assertions each has its own result, met, contradicted or
    open, in that sign and word, and the claim's verdict stands once in a line above them; of an
    invalid claim none has a result. The dashed margin is at 1, for equivalences at both ends; the
    claimed side of each line is shaded. Without a margin to count in, or without an estimate, a
    line has its words alone.
    """
    label, numbers = 2.2, 2.3
    left = label + 0.2
    line, head, foot = 0.15, 0.14, 0.42
    rows = [(_sentence(verdict, label), list(_lines(verdict))) for verdict in report.verdicts]
    sizes = [max(_LINE * len(text), line * len(lines)) + 0.07 for text, lines in rows]
    end = head + max(sum(sizes), line)
    across = _scale(each.of for _, lines in rows for each in lines)
    figure = figure_of(width, end + foot)
    axes = rows_at(figure, left, head, width - left - numbers, end - head)
    _ground(axes, across)
    top = head
    for (text, lines), size in zip(rows, sizes, strict=True):
        _label(figure, top, text, width)
        for k, each in enumerate(lines):
            y, a = top + 0.035 + line * (k + 0.5), each.of
            write(figure, left - 0.06, y + 0.035, each.name, SMALL - 0.5, ha="right", color=SOFT)
            if a is not None and a.margin > 0:
                _claimed_side(axes, across, a, y, line)
                _bar(axes, across, a, y, TONES[each.word])
                if not math.isnan(a.estimate):
                    estimate(axes, across, _in_margins(a)(a.estimate), y, each.word)
            value = words.value_text(a) if a is not None else ""
            # Numbers are never cut; their unit is in the table.
            if a is not None and len(value) > 30:
                value = words.value_text(a, unit=False)
            write(figure, width - numbers + 0.1, y + 0.035, clean(value), SMALL - 0.5)
            if each.said:
                mark(figure, width - 0.7, y, **look(each.word))
                write(
                    figure, width - 0.62, y + 0.035, each.said, SMALL - 0.5, color=TONES[each.word]
                )
        top += size
    rule(figure, 0.02, end, width - 0.02, color=LINE, lw=0.5)
    axes.set_xlabel(_COUNTED, labelpad=2)
    return figure


@dataclass(frozen=True)
class _Line:
    """A line of a forest: its name, its assertion if it is of one, the verdict whose sign it has,
    and its word.
    """

    name: str
    of: AssertionResult | None
    word: str
    said: str


#: The sign of the verdict that a result would lead to by itself.
_RESULTS = {"met": "supported", "contradicted": "refuted", "open": "inconclusive"}


def _lines(verdict: Verdict) -> Iterator[_Line]:
    word = verdict.verdict
    if len(verdict.assertions) <= 1:
        yield _Line("", next(iter(verdict.assertions), None), word, word)
        return
    yield _Line("", None, word, word)
    for i, a in enumerate(verdict.assertions, 1):
        result = outcomes.outcome(a)
        invalid = word == "invalid"
        yield _Line(f"{i}.", a, word if invalid else _RESULTS[result], "" if invalid else result)


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


@styled
def transfer(reports: Sequence[Report], width: float = DOUBLE) -> Figure:
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
    rows = _over_settings(reports)
    groups = carried_over(reports)
    label, sign, gap, head, foot = 2.75, 0.16, 0.1, 0.4, 0.42
    panel = (width - label) / max(1, len(reports))
    texts = {
        claim: _sentence(next(v for v in found if v is not None), label - 0.1)
        for claim, found in rows.items()
    }
    sizes = {claim: _LINE * max(1, len(text)) + 0.05 for claim, text in texts.items()}
    title = 0.24
    end = head + max(
        title, sum(title + sum(sizes[c] for c in members) for members in groups.values() if members)
    )
    across = _scale(deciding(v) for found in rows.values() for v in found if v is not None)
    figure = figure_of(width, end + foot)
    _legend(figure, width)
    panels = []
    for i, report in enumerate(reports):
        left = label + i * panel
        write(
            figure,
            left + sign,
            head - 0.07,
            ended(report.setting, int(panel * 72 / (0.6 * SMALL))),
            SMALL,
        )
        axes = rows_at(figure, left + sign, head, panel - sign - gap, end - head)
        _ground(axes, across)
        panels.append((left, axes))
    top = head
    for group, members in groups.items():
        if not members:
            continue
        rule(figure, 0.02, top, width - 0.02, color=INK, lw=0.6)
        said = f"{group[0].upper()}{group[1:]}: {len(members)} claim{'s' * (len(members) != 1)}"
        write(figure, 0.02, top + 0.16, said, SMALL, weight="bold")
        top += title
        for claim in members:
            _label(figure, top, texts[claim], width)
            for (left, axes), verdict in zip(panels, rows[claim], strict=True):
                if verdict is not None:
                    y = top + sizes[claim] / 2
                    mark(figure, left + sign / 2, y, **look(verdict.verdict))
                    write(
                        figure, left + sign / 2 + 0.05, y, _notes(verdict), SMALL - 0.5, color=SOFT
                    )
                    _cell(axes, across, verdict, y, sizes[claim])
            top += sizes[claim]
    rule(figure, 0.02, end, width - 0.02, color=LINE, lw=0.5)
    write(figure, width - gap, end + 0.33, _COUNTED, SMALL, ha="right", color=SOFT)
    return figure


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
    order = dict.fromkeys(claim for column in columns for claim in column)
    return {claim: tuple(column.get(claim) for column in columns) for claim in order}


def deciding(verdict: Verdict) -> AssertionResult | None:
    """Return the assertion that a verdict hangs on: the worst result, and of those the one least
    far on the claimed side.

    None where no assertion has both an estimate and a margin to count in.
    """
    worst = ("contradicted", "open", "met")

    def slack(a: AssertionResult) -> float:
        low, high = outcomes.claimed(a)
        return min(a.estimate - low, high - a.estimate) / a.margin

    drawn = [a for a in verdict.assertions if a.margin > 0 and math.isfinite(a.estimate)]
    return min(drawn, key=lambda a: (worst.index(outcomes.outcome(a)), slack(a)), default=None)


def _group(found: Sequence[Verdict | None]) -> str:
    said = {verdict.verdict if verdict is not None else "" for verdict in found}
    decided = said & {"supported", "refuted"}
    if len(decided) == 2:
        return "supported in one, refuted in another"
    if not decided:
        return "decided in none"
    (word,) = decided
    return f"{word} in all" if said == decided else f"{word} where decided"


def _cell(axes: Axes, across: Scale, verdict: Verdict, y: float, height: float) -> None:
    a = deciding(verdict)
    if a is None:
        return
    _claimed_side(axes, across, a, y, height)
    _bar(axes, across, a, y, TONES[verdict.verdict])
    at = _in_margins(a)(a.estimate)
    if not across.beyond(at):
        axes.plot(
            [across(at)],
            [y],
            marker="o",
            ms=2.6,
            color=TONES[verdict.verdict],
            mew=0,
            clip_on=False,
            zorder=4,
        )


def _notes(verdict: Verdict) -> str:
    return "*" * outcomes.is_late(verdict) + "†" * ("fragile" in verdict.flags)


def _legend(figure: Figure, width: float) -> None:
    write(
        figure,
        0.02,
        0.135,
        "* not registered before all of its evidence   † fragile",
        SMALL - 0.5,
        color=SOFT,
    )
    at = width - 3.3
    for word in MARKERS:
        mark(figure, at, 0.1, **look(word))
        write(figure, at + 0.08, 0.135, word, SMALL - 0.5, color=TONES[word])
        at += 0.8


# --- both ---


def _sentence(verdict: Verdict, inches: float) -> list[str]:
    return words_wrapped(verdict.sentence or verdict.claim, int(inches * 72 / (0.56 * SMALL)))


def _label(figure: Figure, top: float, text: Iterable[str], width: float) -> None:
    rule(figure, 0.02, top, width - 0.02, color=LINE, lw=0.5)
    for k, part in enumerate(text):
        write(figure, 0.02, top + _LINE * (k + 1), part, SMALL)


def _in_margins(a: AssertionResult) -> Callable[[float], float]:
    """From a - b to margins in the direction of the margin, which lies at 1."""
    sign = region_of(a.kind).sign
    return lambda value: sign * value / a.margin


def _scale(drawn: Iterable[AssertionResult | None]) -> Scale:
    bounds = [
        bound
        for a in drawn
        if a is not None and a.margin > 0
        for bound in map(_in_margins(a), (a.estimate, *a.interval))
        if abs(bound) <= _FAR
    ]
    return Scale([-1.2, 1.2, *bounds], pad=0.03)


def _ground(axes: Axes, across: Scale) -> None:
    across.put(axes, "x")
    axes.axvline(0, color=SOFT, lw=0.6, zorder=1)
    axes.axvline(1, color=INK, lw=0.9, ls=DASHED, zorder=1)


def _claimed_side(axes: Axes, across: Scale, a: AssertionResult, y: float, height: float) -> None:
    low, high = sorted(across.within(_in_margins(a)(bound)) for bound in outcomes.claimed(a))
    axes.fill_between(
        [low, high], y - 0.4 * height, y + 0.4 * height, color=CLAIMED, lw=0, zorder=0
    )
    if region_of(a.kind).two_sided:
        axes.plot(
            [-1, -1], [y - height / 2, y + height / 2], color=INK, lw=0.9, ls=DASHED, zorder=1
        )


def _bar(axes: Axes, across: Scale, a: AssertionResult, y: float, tone: str) -> None:
    if not any(map(math.isnan, a.interval)):
        first, last = sorted(map(_in_margins(a), a.interval))
        interval(axes, across, (first, last), y, tone, 1.8)
