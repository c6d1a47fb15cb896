"""HTML and Markdown: templates filled with a view. Every text is cleaned and escaped on its way in, without exception."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from faeval.errors import FaevalError
from faeval.reports._shown import ClaimView, FigureView, View
from faeval.reports._text import CELL, clip, markdown
from faeval.reports._view import view

if TYPE_CHECKING:
    from jinja2 import Environment

    from faeval.reports._report import Report

#: What the verdict table alone may need, in bytes; no Markdown is made for less.
MARKDOWN_LEAST = 8_000


def html_page(report: Report) -> str:
    """Return the report as one self-contained page."""
    return _html().get_template("page.html.j2").render(view=view(report), draw=_drawn(report)).strip() + "\n"


def _drawn(report: Report) -> Callable[[FigureView], str]:
    """Return what draws a figure of the report into its page; matplotlib is loaded for the first."""
    from markupsafe import Markup

    figures = report.figures()
    ids = {name: f"figure-{i}" for i, name in enumerate(figures, 1)}

    def draw(shown: FigureView) -> str:
        from faeval.reports._drawing import inline

        return Markup(inline(figures[shown.name], ids[shown.name], shown.title, shown.description))

    return draw


def markdown_page(report: Report, limit: int, folded: bool = False) -> str:
    """Return the report as Markdown of fewer bytes than `limit`; sections that do not fit are counted instead of shown."""
    if limit < MARKDOWN_LEAST:
        raise FaevalError(f"limit={limit!r} bytes cannot hold a table of verdicts; give {MARKDOWN_LEAST} or more.")
    head, sections, foot = _markdown_parts(view(report), limit, folded)
    note = "\n{} claims are left out here for length; report.html and verdicts.json hold them all.\n"
    room = limit - len((head + foot + note).encode()) - 10
    kept: list[str] = []
    for section in sections:
        room -= len(section.encode())
        if room < 0:
            break
        kept.append(section)
    left_out = len(sections) - len(kept)
    return head + "".join(kept) + (note.format(left_out) if left_out else "") + foot


def _markdown_parts(shown: View, limit: int, folded: bool) -> tuple[str, list[str], str]:
    template = _markdown().get_template("report.md.j2")
    module: Any = template.make_module({"view": shown})
    rows: list[str] = []
    room = limit // 2
    for claim in shown.claims:
        row = str(module.row(claim))
        room -= len(row.encode())
        if room < 0:
            rows.append(f"| {len(shown.claims) - len(rows)} more claims are left out here for length | | | | |\n")
            break
        rows.append(row)
    head = _tidy(str(module.head(shown)) + "".join(rows)).lstrip("\n")
    foot = _tidy(str(module.foot(shown)))
    foot = foot if len(foot.encode()) < limit // 8 else ""
    return head, [_section(claim, str(module.section(claim)), folded) for claim in shown.claims], foot


def _section(claim: ClaimView, body: str, folded: bool) -> str:
    text = "\n" + _tidy(body).lstrip("\n")
    if not folded:
        return f"\n## {claim.glyph} {markdown(clip(claim.sentence, CELL))}\n{text}"
    from markupsafe import escape

    # A line of HTML ends at a blank line, and a clean text has none: escaped, nothing of it acts, neither there nor after.
    summary = escape(f"{claim.glyph} {clip(claim.sentence, CELL)}: {clip(claim.verdict, CELL)}").replace("@", "@\u2060")
    return f"\n<details><summary>{summary}</summary>\n{text}\n</details>\n"


def _tidy(text: str) -> str:
    """Leave no two blank lines in a row, and one line break at the end; values hold none of either."""
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
    environment.filters["short"] = lambda text: clip(text, CELL)
    environment.filters["px"] = lambda at: f"{round(at, 1):g}"
    return environment


@cache
def _markdown() -> Environment:
    return _html().overlay(finalize=_as_markdown)


def _cleaned(value: Any) -> Any:
    """Clean what is shown, to be escaped next; what a macro has made is markup, clean already."""
    return clip(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _as_markdown(value: Any) -> Any:
    """Clean and escape what is shown. Jinja would escape it for HTML: Markup says that it is done."""
    from markupsafe import Markup

    return Markup(markdown(clip(value))) if isinstance(value, str) and not hasattr(value, "__html__") else value
