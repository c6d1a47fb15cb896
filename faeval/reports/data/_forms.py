"""The forms of a report and of its figures, by name."""

from __future__ import annotations

from collections.abc import Mapping

#: The forms of a report as text, and the file that each is written to.
FORMS: Mapping[str, str] = {
    "html": "report.html",
    "markdown": "report.md",
    "json": "verdicts.json",
    "junit": "junit.xml",
    "ctrf": "ctrf.json",
    "latex": "table.tex",
    "badge": "badge.json",
}
#: Those that are written where none is named.
WRITTEN: tuple[str, ...] = ("html", "markdown", "json")
#: The forms of a figure for a paper.
PAPER: tuple[str, ...] = ("svg", "pdf")
