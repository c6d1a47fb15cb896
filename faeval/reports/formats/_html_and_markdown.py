"""HTML and Markdown: templates filled with a view.

Every text is cleaned and escaped on its way in, without exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from faeval.errors import FaevalError
from faeval.reports.data._drift import Drift
from faeval.reports.data._overview import Overview
from faeval.reports.data._report import Report
from faeval.reports.figures import _plots as plots, _svg as svg
from faeval.reports.views._drift import drift_view
from faeval.reports.views._overview import overview_view
from faeval.reports.views._report import view
from faeval.reports.views._types import ClaimView, DriftView, FigureView, View
from faeval.reports.words._escape import CELL, clip, fenced, markdown

if TYPE_CHECKING:
    from jinja2 import Environment


#: Markdown stays below what a pull request's comment may hold, in bytes.
MARKDOWN_LIMIT = 64_000
#: What the verdict table alone may need, in bytes; no Markdown is made for less.
MARKDOWN_LEAST = 8_000
#: And the tables of its drift below this.
DRIFT_LIMIT = 12_000

_DOTS = "Difference at each seed, against the margin"


def html_page(report: Report, drawn: bool = True) -> str:
    """Return the report as one self-contained page.

    Drawing its figures takes most of the time, and may be left out.
    """
    draw = _drawn(report) if drawn else lambda _: ""
    return _html().get_template("page.html.j2").render(view=view(report), draw=draw).strip() + "\n"


def _drawn(report: Report) -> Callable[[FigureView], str]:
    """Return what draws a figure of the report into its page."""
    figures = plots.figures(report)
    ids = {name: f"figure-{i}" for i, name in enumerate(figures, 1)}

    def draw(shown: FigureView) -> str:
        return Markup(
            svg.inline(figures[shown.name], "plot", ids[shown.name], shown.title, shown.description)
        )

    return draw


def markdown_page(report: Report, limit: int, folded: bool = False) -> str:
    """Return the report as Markdown of fewer bytes than `limit`.

    Sections that do not fit are counted instead of shown.
    """
    if limit < MARKDOWN_LEAST:
        raise FaevalError(
            f"limit={limit!r} bytes cannot hold a table of verdicts; give {MARKDOWN_LEAST} or more."
        )
    head, sections, foot = _markdown_parts(view(report), limit, folded)
    note = (
        "\n{} claims are left out here for length; report.html and verdicts.json hold them all.\n"
    )
    room = limit - len((head + foot + note).encode()) - 10
    fit = _fits(sections, room)
    left_out = len(sections) - fit
    return head + "".join(sections[:fit]) + (note.format(left_out) if left_out else "") + foot


def _fits(texts: Sequence[str], room: int) -> int:
    """How many of the first texts fit into so many bytes."""
    return sum(size <= room for size in accumulate(len(text.encode()) for text in texts))


def markdown_drift(drift: Drift) -> str:
    """Return a drift as Markdown; rows that do not fit are counted instead of shown."""
    return _drift_section(drift_view(drift))


def overview_page(overview: Overview) -> str:
    """Return an overview as one self-contained page."""
    return (
        _html().get_template("overview.html.j2").render(view=overview_view(overview)).strip() + "\n"
    )


def overview_markdown(overview: Overview) -> str:
    """Return an overview as Markdown.

    It shows estimates where they fit, else verdicts alone, and counts the claims that do not fit.
    """
    contents = overview_view(overview, drawn=False)
    module: Any = _markdown().get_template("overview.md.j2").make_module()
    drifts = [str(module.heading(c)) + _drift_section(c.drift) for c in contents.columns if c.drift]
    head, foot = str(module.head(contents)), str(module.foot(contents))
    room = MARKDOWN_LIMIT - len((head + foot).encode()) - 100
    for_rows = room // 2 if drifts else room
    every = list(map(str, map(module.row, contents.rows)))
    if len("".join(every).encode()) > for_rows:
        every = [str(module.row(row, brief=True)) for row in contents.rows]
        note = str(module.left_out())
        foot = note + foot
        for_rows -= len(note.encode())
    rows = fitting(every, for_rows - 100, "more claims")
    room -= len(rows.encode())
    drift_text = ""
    for i, section in enumerate(drifts):
        if room < len((drift_text + section).encode()):
            drift_text += f"\n{len(drifts) - i} more comparisons are left out here for length.\n"
            break
        drift_text += section
    return head + rows + drift_text + foot


def _drift_section(shown: DriftView, room: int = DRIFT_LIMIT) -> str:
    module: Any = _markdown().get_template("drift.md.j2").make_module()
    text = str(module.head(shown)) + fitting(map(str, map(module.row, shown.moved)), room // 2)
    for table in (shown.differences, shown.shifted):
        if table:
            text += str(module.table(table)) + fitting(
                (str(module.line(row)) for row in table.rows), room // 4
            )
    return text + (str(module.facts(shown.facts)) if shown.facts else "") + "\n"


def fitting(rows: Iterable[str], room: int, what: str = "more") -> str:
    """Return the first rows of a Markdown table that fit into so many bytes.

    The others are counted in a last row.
    """
    every = list(rows)
    fit = _fits(every, room)
    last = f"| {len(every) - fit} {what} are left out here for length |\n"
    return "".join(every[:fit]) + (last if fit < len(every) else "")


def _markdown_parts(shown: View, limit: int, folded: bool) -> tuple[str, list[str], str]:
    module: Any = _markdown().get_template("report.md.j2").make_module({"view": shown})
    rows = fitting((str(module.row(claim)) for claim in shown.claims), limit // 2, "more claims")
    drift = _drift_section(shown.drift, limit // 5) if shown.drift else ""
    head = _tidy(str(module.head(shown)) + rows + drift).lstrip("\n")
    foot = _tidy(str(module.foot(shown)))
    foot = foot if len(foot.encode()) < limit // 8 else ""
    return (
        head,
        [_section(claim, str(module.section(claim)), folded) for claim in shown.claims],
        foot,
    )


def _section(claim: ClaimView, body: str, folded: bool) -> str:
    text = "\n" + _tidy(body).lstrip("\n")
    if not folded:
        return f"\n## {claim.glyph} {markdown(clip(claim.sentence, CELL))}\n{text}"
    # A line of HTML ends at a blank line, and a clean text has none: escaped, nothing of it acts,
    # neither there nor after.
    summary = escape(
        f"{claim.glyph} {clip(claim.sentence, CELL)}: {clip(claim.verdict, CELL)}"
    ).replace("@", "@\u2060")
    return f"\n<details><summary>{summary}</summary>\n{text}\n</details>\n"


def _tidy(text: str) -> str:
    """Leave no two blank lines in a row, and one line break at the end."""
    return re.sub(r"\n{3,}", "\n\n", text.rstrip("\n") + "\n")


@cache
def _html() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("faeval.reports", "templates"),
        autoescape=True,
        finalize=_cleaned,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["figure_styles"] = Markup(svg.styles())
    environment.filters |= {
        "short": lambda text: clip(text, CELL),
        "strip": lambda figure: Markup(svg.inline(figure, "strip")),
        "dots": lambda figure: Markup(svg.inline(figure, "dots", title=_DOTS)),
        # What is to be copied is shown as it is, whole: whoever made it has left nothing in it
        # that does not print.
        "command": escape,
        "fenced": lambda text: Markup(fenced(text)),
        # SVG that faeval drew itself, with every text in it escaped.
        "drawn": Markup,
    }
    return environment


@cache
def _markdown() -> Environment:
    return _html().overlay(finalize=_as_markdown)


def _cleaned(value: Any) -> Any:
    """Clean what is shown, to be escaped next; what a macro has made is markup, clean already."""
    return clip(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _as_markdown(value: Any) -> Any:
    """Clean and escape what is shown, marked as done for Jinja, which would escape for HTML."""
    return (
        Markup(markdown(clip(value)))
        if isinstance(value, str) and not hasattr(value, "__html__")
        else value
    )
