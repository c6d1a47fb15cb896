"""Figures of a report: placed by hand where hundreds stand in a page, by matplotlib elsewhere and
for papers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(figure: Figure, form: str) -> bytes:
    """Return a figure as a file for a paper, ``svg`` or ``pdf``: the same bytes on any day."""
    from faeval.reports.figures import _drawing

    return _drawing.render(figure, form)


__all__ = ["render"]
