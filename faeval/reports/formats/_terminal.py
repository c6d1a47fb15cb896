"""The table of verdicts on the terminal.

All text goes in as rich Text, cleaned: nothing in it is read as markup or as an escape.
"""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from faeval._safe_text import inert_wherever_cut
from faeval.reports.data._drift import Drift
from faeval.reports.data._report import Report
from faeval.reports.views._drift import drift_view
from faeval.reports.views._report import view
from faeval.reports.views._types import ClaimView, SnapshotView, View
from faeval.reports.words._escape import CELL, clip
from faeval.reports.words._glossary import as_text

_STYLES = {
    "supported": "green",
    "refuted": "magenta",
    "inconclusive": "bright_black",
    "invalid": "bright_black",
}
_WIDE = 100


def table(report: Report, width: int) -> RenderableType:
    """Return the verdict table of so many columns.

    Where a table would not fit, it is a block for each claim.
    """
    contents = view(report)
    if width < _WIDE:
        return Group(*(_block(claim) for claim in contents.claims), _summary(contents))
    return Group(_grid(contents, width), _summary(contents))


def drift_table(drift: Drift, width: int) -> RenderableType:
    """Return what moved since an earlier report, for a terminal of so many columns."""
    contents = drift_view(drift)
    lines: list[RenderableType] = [
        _text(f"{drift.setting}: {contents.summary}", "bold red" if contents.alarm else "bold")
    ]
    for moved in contents.moved:
        lines.append("")
        lines.append(_text(moved.sentence, "bold"))
        details = [_snapshot("before", moved.before), _snapshot("now", moved.now)]
        details.append(_text(moved.remark, "bold red" if moved.alarm else "dim"))
        details += [_text(f"{i}. {text}") for i, text in enumerate(moved.causes, 1)]
        lines += [Padding(line, (0, 0, 0, 2), expand=False) for line in details]
    if contents.shifted and drift.shifted:
        lines += ["", _text(contents.shifted.caption, "dim")]
        for sentence, verdict, before, now, moved_by, _ in contents.shifted.rows:
            lines.append(_text(f"{verdict}  {before}, now {now}, by {moved_by}: {sentence}"))
    if contents.differences:
        lines += ["", _text(contents.differences.caption, "dim")]
        lines += [
            _text(f"{what}: {before}, now {now}") for what, before, now in contents.differences.rows
        ]
    for fact in contents.facts:
        lines += ["", _text(f"{fact.label}: {as_text(fact.value)}")]
    return Group(*lines)


def _snapshot(when: str, shown: SnapshotView) -> Text:
    text = _text(f"{when}: ").append_text(_text(f"{shown.glyph} {shown.word}", _STYLES[shown.word]))
    if shown.code:
        text.append_text(_text(f": {shown.code}", _STYLES[shown.word]))
    return text.append_text(_text(f"; {shown.value}; n = {shown.n}"))


def _grid(shown: View, width: int) -> RenderableType:
    grid = Table(box=box.SIMPLE_HEAD, width=width, pad_edge=False, show_edge=False)
    grid.add_column("Claim", ratio=5)
    grid.add_column("Verdict", ratio=3)
    grid.add_column(_text("Estimate [interval]"), no_wrap=True)
    grid.add_column("n", justify="right", no_wrap=True)
    grid.add_column("To decide it", ratio=4)
    for claim in shown.claims:
        grid.add_row(
            _text(claim.sentence), _verdict(claim), _values(claim), str(claim.n), _text(claim.takes)
        )
    return grid


def _block(claim: ClaimView) -> RenderableType:
    lines = (
        _verdict(claim, ", ").append(f"; n = {claim.n}"),
        *(_text(part.told) for part in claim.parts),
        _text(claim.takes, "dim"),
    )
    return Group(
        _text(claim.sentence, "bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines), ""
    )


def _verdict(claim: ClaimView, between: str = "\n") -> Text:
    style = "bold red" if claim.alarm else _STYLES[claim.word]
    text = Text(f"{claim.glyph} {claim.word}", style="")
    text.stylize(style)
    if claim.state:
        text.append_text(_text(f": {claim.state}", style))
    if claim.standing:
        text.append(between).append_text(_text(claim.standing, style if claim.alarm else "dim"))
    if claim.registration:
        text.append(between).append_text(_text(claim.registration, "dim"))
    if claim.flags:
        text.append(between).append_text(_text(", ".join(claim.flags), "yellow"))
    return text


def _values(claim: ClaimView) -> Text:
    return (
        Text("\n").join(_text(part.told) for part in claim.parts)
        if claim.parts
        else Text("none", "dim")
    )


def _summary(shown: View) -> Text:
    return _text(
        " · ".join(f"{t.glyph} {t.text}" for t in shown.tallies) or "No claims were selected.",
        "bold",
    )


def _text(text: str, style: str = "") -> Text:
    return Text(inert_wherever_cut(clip(text, CELL)), style=style)
