"""HTML and Markdown: templates filled with a view. Every text is cleaned and escaped on its way in, without exception."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from faeval.reports._shown import FigureView, View
from faeval.reports._text import CELL, clip, markdown
from faeval.reports._view import view

if TYPE_CHECKING:
    from jinja2 import Environment

    from faeval.reports._report import Report

#: Markdown stays below what a pull request's comment may hold, in bytes.
MARKDOWN_LIMIT = 64_000


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


def markdown_page(report: Report) -> str:
    """Return the report as Markdown; sections that do not fit are counted instead of shown."""
    shown = view(report)
    head, sections, foot = _markdown_parts(shown)
    note = "\n{} claims are left out here for length; report.html and verdicts.json hold them all.\n"
    room = MARKDOWN_LIMIT - len((head + foot + note).encode()) - 10
    kept: list[str] = []
    for section in sections:
        room -= len(section.encode())
        if room < 0:
            break
        kept.append(section)
    left_out = len(sections) - len(kept)
    return head + "".join(kept) + (note.format(left_out) if left_out else "") + foot


def _markdown_parts(shown: View) -> tuple[str, list[str], str]:
    template = _markdown().get_template("report.md.j2")
    module: Any = template.make_module({"view": shown})
    rows: list[str] = []
    room = MARKDOWN_LIMIT // 2
    for claim in shown.claims:
        row = str(module.row(claim))
        room -= len(row.encode())
        if room < 0:
            rows.append(f"| {len(shown.claims) - len(rows)} more claims are left out here for length | | | | |\n")
            break
        rows.append(row)
    head = str(module.head(shown)) + "".join(rows)
    foot = str(module.foot(shown))
    foot = foot if len(foot.encode()) < MARKDOWN_LIMIT // 8 else "\n"
    return head, [str(module.section(claim)) for claim in shown.claims], foot


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
