"""The one writer of figures as SVG: into a page with its colours, and as a file for a paper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from faeval.errors import FaevalError
from faeval.reports.figures._shapes import (
    COLOURS,
    POINTS,
    ROLES,
    SINGLE,
    Area,
    Circle,
    Figure,
    Point,
    Shape,
    Text,
)
from faeval.reports.words._escape import CELL, PARAGRAPH, clip

_FONTS = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"


def inline(
    figure: Figure, kind: str = "plot", name: str = "", title: str = "", description: str = ""
) -> str:
    """Return a figure as an ``<svg>`` element for a page, in the colours of its style.

    Parameters
    ----------
    figure
        What to draw.
    kind
        The class of the element.
    name
        The start of every ``id`` in it: unique in the page, of letters, digits, hyphens and
        underscores.
    title, description
        Its name, and what it shows in words, for those who do not see it; any text. Without a
        title it is hidden from them: what stands beside it says the same.

    Raises
    ------
    FaevalError
        `name` has other characters.
    """
    head, texts = (
        {"class": kind, "viewBox": f"0 0 {number(figure.width)} {number(figure.height)}"},
        "",
    )
    if kind == "plot":
        head |= {
            "class": "plot wide" if figure.width > SINGLE else "plot",
            "width": number(figure.width),
            "height": number(figure.height),
        }
    if not title:
        head["aria-hidden"] = "true"
    elif not name:
        head |= {"role": "img", "aria-label": clip(title, CELL)}
    elif not re.fullmatch(r"[A-Za-z][\w-]*", name, re.ASCII):
        raise FaevalError(
            f"name={name!r} must begin with a letter, and have letters, digits, hyphens and"
            " underscores alone."
        )
    else:
        head |= {"role": "img", "aria-labelledby": f"{name}-t {name}-d"}
        texts = _element("title", {"id": f"{name}-t"}, escape(clip(title, CELL)))
        texts += _element("desc", {"id": f"{name}-d"}, escape(clip(description, PARAGRAPH)))
    return _element(
        "svg",
        head,
        texts + "".join(_group({"class": role}, shapes) for role, shapes in figure.groups()),
    )


def styles() -> str:
    """Return the style of every role, for the style of a page."""
    rules = []
    for role, look in ROLES.items():
        colours = {name: f"var(--{name})" for name in (*COLOURS, "tone")}
        text = ";".join(f"{name}:{colours.get(value, value)}" for name, value in look.items())
        rules.append(f"svg .{role}{{{text}}}\n" if look else "")
    return "".join(rules)


def file(figure: Figure) -> bytes:
    """Return a figure as a file for a paper, in fixed colours."""
    head = {
        "xmlns": "http://www.w3.org/2000/svg",
        "width": f"{figure.width * POINTS:.2f}pt",
        "height": f"{figure.height * POINTS:.2f}pt",
        "viewBox": f"0 0 {number(figure.width)} {number(figure.height)}",
        "font-family": _FONTS,
        "font-size": "11px",
        "fill": COLOURS["ink"],
    }
    drawn = "".join(_group(figure.look(role), shapes) for role, shapes in figure.groups())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_element("svg", head, drawn)}\n'.encode()


def _group(look: Mapping[str, str], shapes: Sequence[Shape]) -> str:
    elements = list(_elements(shapes))
    if len(elements) == 1:
        tag, attributes, inside = elements[0]
        return _element(tag, {**look, **attributes}, inside)
    return _element("g", look, "".join(_element(*element) for element in elements))


def _elements(shapes: Sequence[Shape]) -> Iterator[tuple[str, dict[str, str], str]]:
    """Give tag, attributes and inside of each element; lines and areas of one role are one path."""
    d = ""
    for shape in shapes:
        if isinstance(shape, Circle):
            place = {"cx": shape.x, "cy": shape.y, "r": shape.r}
            yield "circle", {name: number(value) for name, value in place.items()}, ""
        elif isinstance(shape, Text):
            place = {"x": shape.x, "y": shape.y}
            yield (
                "text",
                {name: number(value) for name, value in place.items() if value},
                escape(shape.text),
            )
        elif isinstance(shape, Area):
            d += f"{_through(shape.corners)}Z"
        else:
            d += "".join(map(_through, shape.pieces))
    if d:
        yield "path", {"d": d}, ""


def _through(points: Sequence[Point]) -> str:
    return f"M{' '.join(number(value) for point in points for value in point)}"


def number(value: float) -> str:
    """Write a coordinate to a tenth of a pixel; nothing is minus zero."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _element(tag: str, attributes: Mapping[str, str], inside: str) -> str:
    head = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{tag}{head}>{inside}</{tag}>" if inside else f"<{tag}{head}/>"
