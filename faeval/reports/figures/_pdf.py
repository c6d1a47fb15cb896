"""Figures as PDF for a paper, drawn by matplotlib from the shapes that a page shows."""

from __future__ import annotations

import io
import warnings
from typing import Any

from faeval._extras import extra
from faeval.reports.figures._shapes import COLOURS, POINTS, Area, Circle, Figure, Point, Text

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings its own, which it finds first
    "lines.scale_dashes": False,
    "path.simplify": False,
    "pdf.fonttype": 42,
    "text.parse_math": False,
    "text.usetex": False,
}


def file(figure: Figure) -> bytes:
    """Return a figure as PDF in fixed colours and without a date, the same bytes everywhere.

    The caller's settings of matplotlib change nothing, and are left alone.

    Raises
    ------
    MissingExtra
        Without the extra ``plots``.
    """
    with extra("plots", "a figure for a paper"):
        import matplotlib as mpl
        from matplotlib.backends.backend_pdf import FigureCanvasPdf
        from matplotlib.figure import Figure as Sheet
    out = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        # A script that the font lacks is drawn as empty boxes.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        sheet = Sheet(
            figsize=(figure.width * POINTS / 72, figure.height * POINTS / 72),
            dpi=72,
            facecolor="none",
        )
        axes = sheet.add_axes((0, 0, 1, 1), xlim=(0, figure.width), ylim=(figure.height, 0))
        axes.set_axis_off()
        for role, shapes in figure.groups():
            look = figure.look(role)
            for shape in shapes:
                _draw(axes, shape, look)
        canvas: Any = FigureCanvasPdf(sheet)
        canvas.print_pdf(out, metadata={"Creator": "faeval", "CreationDate": None})
    return out.getvalue()


def _draw(axes: Any, shape: Any, look: dict[str, str]) -> None:
    from matplotlib import patches
    from matplotlib.path import Path

    if isinstance(shape, Text):
        axes.text(
            *_rounded((shape.x, shape.y)),
            shape.text,
            size=float(look.get("font-size", "11px").removesuffix("px")) * POINTS,
            color=look.get("fill", COLOURS["ink"]),
            weight="bold" if "font-weight" in look else "normal",
            ha={"end": "right", "middle": "center"}.get(look.get("text-anchor", ""), "left"),
            va="baseline",
        )
        return
    dashes = [float(length) * POINTS for length in look.get("stroke-dasharray", "").split()]
    style: dict[str, Any] = {
        "facecolor": _colour(look, "fill"),
        "edgecolor": _colour(look, "stroke"),
        "linewidth": float(look.get("stroke-width", 1)) * POINTS if "stroke" in look else 0,
        "linestyle": (0, dashes) if dashes else "solid",
        "capstyle": "butt",
    }
    if isinstance(shape, Circle):
        axes.add_patch(patches.Circle(_rounded((shape.x, shape.y)), shape.r, **style))
        return
    closed = isinstance(shape, Area)
    for points in [(*shape.corners, shape.corners[0])] if closed else shape.pieces:
        codes = [Path.MOVETO, *[Path.LINETO] * (len(points) - 1)]
        if closed:
            codes[-1] = Path.CLOSEPOLY
        axes.add_patch(patches.PathPatch(Path([*map(_rounded, points)], codes), **style))


def _colour(look: dict[str, str], of: str) -> Any:
    return (
        (look[of], float(look.get(f"{of}-opacity", 1)))
        if look.get(of, "none") != "none"
        else "none"
    )


def _rounded(point: Point) -> Point:
    return round(point[0], 1), round(point[1], 1)
