"""Figures of a report as plain data, and what is made of them: SVG for pages, files for papers."""

from __future__ import annotations

from faeval.errors import FaevalError
from faeval.reports.figures import _pdf as pdf, _shapes as shapes, _svg as svg
from faeval.reports.figures._forest import deciding, forest, transfer
from faeval.reports.figures._plots import contrast, controls, courses, layers, power, power_curves
from faeval.reports.figures._series import mean_over_seeds, spans_decades
from faeval.reports.figures._shapes import Area, Circle, Figure, Text
from faeval.reports.figures._strips import dots, strip
from faeval.reports.figures._svg import inline, styles

__all__ = [
    "Area",
    "Circle",
    "Figure",
    "Text",
    "contrast",
    "controls",
    "courses",
    "deciding",
    "dots",
    "forest",
    "inline",
    "layers",
    "mean_over_seeds",
    "power",
    "power_curves",
    "render",
    "shapes",
    "spans_decades",
    "strip",
    "styles",
    "transfer",
]


def render(figure: Figure, form: str) -> bytes:
    """Return a figure as a file for a paper, ``svg`` or ``pdf``, in fixed colours and without a
    date; PDF needs the extra ``plots``.

    Raises
    ------
    FaevalError
        For another form.
    MissingExtra
        For PDF without the extra.
    """
    if form not in ("svg", "pdf"):
        raise FaevalError(f"form={form!r} of a figure must be svg or pdf.")
    return svg.file(figure) if form == "svg" else pdf.file(figure)
