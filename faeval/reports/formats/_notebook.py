"""Verdicts, claims and reports as a notebook shows them: rows of the page, in HTML without scripts.

Text has the colour that the notebook has, and the colours of verdicts can be read on light and on
dark, so that it does not matter whether a notebook says which of both it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from faeval.claims import Claim
from faeval.claims._verdict import Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._report import Report
from faeval.reports.figures import _strips as strips, _svg as svg
from faeval.reports.views._report import tallies
from faeval.reports.words import (
    _brief as brief,
    _counts as counts,
    _glossary as glossary,
    _settling as settling,
)
from faeval.reports.words._escape import CELL, clip

_ROWS = 50  # claims that are shown
_PARTS = 6  # assertions of a claim that are shown
_NOTES = 3
#: Colours that can be read on white and on black; lighter ones where a notebook says it is dark.
_ANY = """
.faeval-nb{--ink:currentColor;--soft:currentColor;--paper:transparent;
--claimed:rgba(127,127,127,.22);--line:rgba(127,127,127,.4);--link:currentColor;
--supported:#147a53;--refuted:#7559cc;--inconclusive:currentColor;--invalid:currentColor;
--alarm:#c93a32;line-height:1.4}
"""
_DARK = """
[data-jp-theme-light=false] .faeval-nb,.vscode-dark .faeval-nb,[theme=dark] .faeval-nb{
--supported:#56c596;--refuted:#b6a4f7;--alarm:#ff8d82}
"""
_STYLE = """
.faeval-nb table{border-collapse:collapse;color:inherit;background:none;margin:.3em 0}
.faeval-nb tr{background:none}
.faeval-nb :is(td,th){text-align:start;vertical-align:top;padding:.25em .9em .25em 0;border:0;
border-bottom:1px solid var(--line);color:inherit;white-space:normal;
max-width:28em;overflow-wrap:anywhere}
.faeval-nb :is(b,i){font-style:normal;color:var(--tone,inherit);white-space:nowrap}
.faeval-nb small{opacity:.8}
.faeval-nb p{margin:.2em 0}
.faeval-nb svg{display:block;width:12em;overflow:visible;margin:.2em 0}
"""


def report_html(report: Report) -> str:
    """Return the verdicts of a report, the first so many of them, and what holds of all."""
    verdicts = report.verdicts
    rows = [_row(v) for v in verdicts[:_ROWS]]
    if (rest := len(verdicts) - _ROWS) > 0:
        rows.append(
            Markup("<tr><td colspan=6>and {} more; .to_html() has all</td></tr>").format(rest)
        )
    below = [Markup("<p>{}</p>").format(_clipped(text)) for text in _below(verdicts)]
    return _whole((*_table(rows), *below))


def verdict_html(verdict: Verdict) -> str:
    """Return one verdict as a row, and below it what would settle it or why it is invalid."""
    notes = [settling.to_do(verdict), *(_flag(f) for f in verdict.flags)]
    below = [Markup("<p>{}</p>").format(_clipped(text)) for text in filter(None, notes)]
    return _whole((*_table([_row(verdict)]), *below))


def claim_html(claim: Claim) -> str:
    """Return what a claim says, by how much, and why."""
    rows = [
        Markup("<tr><td>{}</td><td>{}</td></tr>").format(
            _clipped(str(part)), _clipped(getattr(getattr(part, "margin", None), "because", ""))
        )
        for part in claim.assertions[:_PARTS]
    ]
    if (rest := len(claim.assertions) - _PARTS) > 0:
        rows.append(Markup("<tr><td colspan=2>and {} more</td></tr>").format(rest))
    head = Markup("<p><b>{}</b></p>").format(_clipped(claim.sentence))
    name = Markup("<p><small>{}</small></p>").format(_clipped(claim.id)) if claim.id else ""
    heads = Markup("<tr><th>claimed</th><th>why this margin</th></tr>")
    return _whole((head, name, Markup("<table>"), heads, *rows, Markup("</table>")))


def _flag(flag: str) -> str:
    return f"{glossary.spaced(flag)}: {glossary.FLAGS.get(flag, '')}."


def _below(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield what is said once of all verdicts."""
    if not verdicts:
        yield "No claims were selected."
        return
    yield " · ".join(f"{t.glyph} {t.text}" for t in tallies(verdicts))
    yield brief.predicted(verdicts)
    yield brief.registration(verdicts, "†")
    yield brief.flags_line(verdicts)
    todo = {settling.to_do(v): v for v in verdicts if v.verdict in ("inconclusive", "invalid")}
    for text, verdict in list(todo.items())[:_NOTES]:
        yield f"{brief.title(verdict)}: {text}"


def _table(rows: Iterable[Markup]) -> Iterator[str]:
    yield Markup(
        "<table><thead><tr><th>Verdict</th><th>Claim</th><th></th><th>Effect</th><th>Margin</th>"
        "<th>n</th></tr></thead><tbody>"
    )
    yield from rows
    yield Markup("</tbody></table>")


def _row(verdict: Verdict) -> Markup:
    alarm = outcomes.standing(verdict) in ("broken", "drift")
    word = Markup("<b>{} {}</b>{}").format(
        glossary.GLYPHS[verdict.verdict], verdict.verdict, " ⚑" if brief.flags(verdict) else ""
    )
    if verdict.reason_code != "decided":
        word += _small(glossary.spaced(verdict.reason_code))
    word += _small(brief.expected(verdict)) if brief.expected(verdict) else ""
    parts = list(_parts(verdict))
    head = Markup('<td rowspan="{0}">{1}</td><td rowspan="{0}">{2}</td>').format(
        len(parts), word, _clipped(verdict.sentence)
    )
    n = Markup('<td rowspan="{}">{}</td>').format(len(parts), verdict.n or "–")
    tone = "alarm" if alarm else verdict.verdict
    rows = [
        Markup('<tr style="--tone:var(--{})">{}{}{}</tr>').format(
            tone, "" if i else head, cells, "" if i else n
        )
        for i, cells in enumerate(parts)
    ]
    return Markup("").join(rows)


def _parts(verdict: Verdict) -> Iterator[Markup]:
    """Yield the cells of each part of a verdict: its drawing, its effect and its margin."""
    cells = Markup("<td>{}</td><td>{}</td><td>{}</td>")
    parts = outcomes.parts(verdict)
    for part in parts[:_PARTS]:
        if part.count is not None:
            text, least = counts.found_text(part.count), counts.least_text(part.count)
            yield cells.format("", _clipped(text), _clipped(least))
            continue
        a = verdict.assertions[part.places[0]]
        drawing = Markup(svg.inline(strips.strip(a), "strip")) if strips.is_drawn(a) else ""
        effect = _clipped(brief.signed(a)) + _small(" ".join(brief.intervals(a)))
        margin, unit = brief.margin(a)
        yield cells.format(drawing, effect, _clipped(margin) + (_small(unit) if unit else ""))
    if len(parts) > _PARTS:
        yield cells.format("", f"and {len(parts) - _PARTS} more", "")
    if not parts:
        yield cells.format("", "none", "–")


def _small(text: str) -> Markup:
    return Markup("<br><small>{}</small>").format(_clipped(text))


def _clipped(text: str) -> Markup:
    return escape(clip(text, CELL))


def _whole(pieces: Iterable[Any]) -> str:
    inside = Markup("").join(pieces)
    return f'<div class="faeval-nb"><style>{_style()}</style>{inside}</div>'


@cache
def _style() -> str:
    """Return the style of the rows, and of their drawings; all of it holds in them alone."""
    rules = re.sub(r"^svg", ".faeval-nb svg", svg.styles(), flags=re.MULTILINE)
    return "".join((*style_parts(), _STYLE, rules)).replace("\n", "")


def style_parts() -> tuple[str, str]:
    """Return the colours of any notebook, and those of one that says it is dark."""
    return _ANY, _DARK
