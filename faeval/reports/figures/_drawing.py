"""Figures by matplotlib made the same bytes everywhere: their style, and their two outputs, for a
page and for a paper.

Text stays text. Matplotlib reads no markup in it, and its own font measures it, whatever fonts
there are.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from faeval._whole_files import replace_file
from faeval.errors import FaevalError
from faeval.reports.words._escape import CELL, PARAGRAPH, clip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

#: Inches: one column and two of a paper.
SINGLE, DOUBLE = 3.3, 6.9
#: Points: all text but the names of panels, which may be long.
TEXT, SMALL = 7.5, 6.5

INK, SOFT, LINE, LINK, PAPER, CLAIMED = (
    "#1b2026",
    "#57606a",
    "#d5dae0",
    "#0a58a8",
    "#ffffff",
    "#e3eef8",
)
TONES = {
    "supported": "#0f6b4a",
    "refuted": "#5a3ea8",
    "inconclusive": "#4f5b67",
    "invalid": "#4f5b67",
}
ALARM = "#b3261e"

#: The variables of page.css that take the place of these colours in a page, so that a dark page has
#: light figures.
_VARIABLES = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    LINK: "link",
    PAPER: "paper",
    CLAIMED: "claimed",
    ALARM: "alarm",
    **{colour: word for word, colour in reversed(TONES.items())},
}
_PAGE_SCALE = 1.5  # CSS pixels a point: text of 7.5 points is read at 11 pixels
_FONTS = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": SOFT,
    "axes.formatter.use_mathtext": False,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",  # matplotlib brings its own, which it finds first
    "font.size": TEXT,
    "lines.solid_capstyle": "butt",
    "path.simplify": False,
    "pdf.fonttype": 42,
    "savefig.dpi": 72,
    "svg.fonttype": "none",
    "svg.hashsalt": "faeval",
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    **{
        f"{axis}tick.{name}": value
        for axis in "xy"
        for name, value in {
            "color": SOFT,
            "labelcolor": SOFT,
            "labelsize": SMALL,
            "major.size": 2.5,
            "major.width": 0.6,
            "major.pad": 2.5,
        }.items()
    },
}


@contextmanager
def style() -> Iterator[None]:
    """Within it matplotlib follows our settings alone, wherever the caller's come from, and has
    them back after it.
    """
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # A script that its font lacks is drawn by the reader's font in SVG, as empty boxes in PDF.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw within :func:`style`."""
    from functools import wraps

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return draw(*args, **kwargs)

    return inner


def inline(figure: Figure, id: str, title: str, description: str) -> str:  # noqa: A002
    """Return a figure as an ``<svg>`` element for a page.

    Parameters
    ----------
    figure
        Drawn by faeval.reports.
    id
        The start of every ``id`` in it: unique in the page, of letters, digits, hyphens and
        underscores.
    title, description
        Its name, and what it shows in words, for those who do not see it; any text.

    Returns
    -------
    str
        Without prolog, style or reference to anything outside; in colours of the page
        (``page.css``).

    Raises
    ------
    FaevalError
        `id` has other characters.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", id, re.ASCII):
        raise FaevalError(
            f"id={id!r} must begin with a letter, and have letters, digits, hyphens and underscores"
            " alone."
        )
    width, height = (72 * inches for inches in figure.get_size_inches())
    names = (
        f"<title id={quoteattr(f'{id}-t')}>{escape(clip(title, CELL))}</title>"
        + f"<desc id={quoteattr(f'{id}-d')}>{escape(clip(description, PARAGRAPH))}</desc>"
    )
    size = {"width": _number(width * _PAGE_SCALE), "height": _number(height * _PAGE_SCALE)}
    head = {
        "class": "plot wide" if width > 72 * SINGLE else "plot",
        "viewBox": f"0 0 {_number(width)} {_number(height)}",
        **size,
        "role": "img",
        "aria-labelledby": f"{id}-t {id}-d",
    }
    return f"<svg{_attributes(head)}>{names}{_body(_root(figure), f'{id}-', _in_page)}</svg>"


def render(figure: Figure, form: str) -> bytes:
    """Return a figure as a file for a paper, ``svg`` or ``pdf``, in plain colours and without a
    date.

    Raises
    ------
    FaevalError
        For another form.
    """
    if form == "svg":
        width, height = (_number(72 * inches) for inches in figure.get_size_inches())
        head = {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{width}pt",
            "height": f"{height}pt",
            "viewBox": f"0 0 {width} {height}",
            "font-family": _FONTS,
        }
        body = _body(_root(figure), "", str)
        declaration = '<?xml version="1.0" encoding="UTF-8"?>'
        return f"{declaration}\n<svg{_attributes(head)}>{body}</svg>\n".encode()
    if form == "pdf":
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        out = io.BytesIO()
        with style():
            canvas: Any = FigureCanvasPdf(figure)
            canvas.print_pdf(out, metadata={"Creator": "faeval", "CreationDate": None})
        return out.getvalue()
    raise FaevalError(f"form={form!r} of a figure must be svg or pdf.")


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file that ends in .svg or .pdf; see :func:`render`.

    Raises
    ------
    FaevalError
        The name ends otherwise, or the file cannot be written.
    """
    path = Path(path)
    content = render(figure, path.suffix.removeprefix("."))
    try:
        replace_file(path, content)
    except OSError as error:
        raise FaevalError(
            f"{path}: cannot be written to ({error.strerror or error}); name another file."
        ) from None


# --- what matplotlib writes, made short ---

_SVG, _HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_Names: TypeAlias = Mapping[
    str, tuple[str, ElementTree.Element]
]  # of what is used again: our name for it, and itself
_DEFAULTS = {
    "stroke-linejoin": ("miter", "round"),
    "stroke-linecap": ("butt",),
    "stroke-dashoffset": ("0",),
    "stroke-width": ("1",),
    "font-family": ("'DejaVu Sans'",),
}


def _root(figure: Figure) -> ElementTree.Element:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    with style():
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(out, metadata={"Date": None})
    return ElementTree.fromstring(out.getvalue())


def _body(root: ElementTree.Element, prefix: str, colour: Callable[[str], str]) -> str:
    """Write everything inside the root again: numbers of two decimals, attributes for styles, only
    the groups in need.
    """
    used = {e.get(_HREF, "").removeprefix("#") for e in root.iter()}
    marks = {e.get("id", ""): e for e in root.iter() if e.get("id") in used}
    names = {name: (f"{prefix}{i}", element) for i, (name, element) in enumerate(marks.items())}
    text = "".join(_written(child, names, colour) for child in root if child.tag == f"{_SVG}g")
    shared = {"fill": colour(INK), "font-size": _number(TEXT), "stroke-linejoin": "round"}
    return f"<g{_attributes(shared)}>{text}</g>"


def _written(element: ElementTree.Element, names: _Names, colour: Callable[[str], str]) -> str:
    tag = element.tag.removeprefix(_SVG)
    own = _own(element, names, colour)
    children = list(element)
    inside = escape(element.text or "") if tag == "text" else ""
    if tag == "g" and len(children) > 1 and all(child.tag == f"{_SVG}use" for child in children):
        marks = [_own(child, names, colour) for child in children]
        # What all marks of a line share is said once, and inherited.
        own |= {
            k: v
            for k, v in marks[0].items()
            if k not in ("x", "y", "href") and all(m.get(k) == v for m in marks)
        }
        inside = "".join(
            f"<use{_attributes({k: v for k, v in m.items() if own.get(k) != v})}/>" for m in marks
        )
    else:
        inside += "".join(_written(child, names, colour) for child in children)
    if (tag == "g" and not own) or (tag == "defs" and not inside):
        return inside
    if (
        tag == "path"
        and "id" not in own
        and (element.get("id") or (own.get("fill") == "none" and "stroke" not in own))
    ):
        return ""
    return f"<{tag}{_attributes(own)}>{inside}</{tag}>" if inside else f"<{tag}{_attributes(own)}/>"


def _own(
    element: ElementTree.Element, names: _Names, colour: Callable[[str], str]
) -> dict[str, str]:
    """An element's attributes as we write them; matplotlib's style is a few presentation
    attributes.
    """
    styles = _styles(element)
    own = {}
    said: Mapping[str, str] = {}
    if element.get("id") in names:
        own["id"] = names[element.get("id", "")][0]
    if _HREF in element.attrib:
        name, mark = names[element.attrib[_HREF].removeprefix("#")]
        own["href"], said = (
            f"#{name}",
            _styles(mark),
        )  # what the mark says itself, it does not inherit
        if mark.get("d", "").count("L") == 1 and "z" not in mark.get(
            "d", ""
        ):  # the tick of an axis, a line without an inside
            said = dict(said) | {"fill": styles.get("fill", "")}
    for name in ("x", "y"):
        if name in element.attrib:
            own[name] = _rounded(element.attrib[name])
    if "d" in element.attrib:
        own["d"] = re.sub(r"\s*([A-Za-z])\s*", r"\1", _rounded(element.attrib["d"])).strip()
    if not element.get("transform", "rotate(-0").startswith("rotate(-0"):
        own["transform"] = _rounded(element.attrib["transform"])
    text = element.tag == f"{_SVG}text"
    for name, value in styles.items():
        if (
            value in _DEFAULTS.get(name, ())
            or said.get(name) == value
            or (text and (name, value) in (("fill", INK), ("font-size", f"{TEXT:g}px")))
        ):
            continue
        own[name] = (
            colour(value) if name in ("fill", "stroke") else _rounded(value.removesuffix("px"))
        )
    return own


def _styles(element: ElementTree.Element) -> dict[str, str]:
    return dict(part.split(": ", 1) for part in element.get("style", "").split("; ") if part)


def _in_page(colour: str) -> str:
    return f"var(--{_VARIABLES[colour]},{colour})" if colour in _VARIABLES else colour


def _attributes(values: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda m: _number(float(m[0])), text)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if round(value, 2) else "0"
