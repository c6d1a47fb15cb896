"""A figure as plain data: lines, areas, circles and texts in pixels, each with a role.

The roles say how a shape looks, here and nowhere else: a page has them as classes of its style, a
paper as fixed colours. They are listed from the back of a figure to its front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

#: Pixels: one column of a paper, and two.
SINGLE, DOUBLE = 360, 752
#: Points of a paper in a pixel: one column is 3.3 inches wide.
POINTS = 0.66

#: The variables of page.css, and their colours on paper.
COLOURS = {
    "ink": "#1b2026",
    "soft": "#57606a",
    "line": "#d5dae0",
    "link": "#0a58a8",
    "paper": "#ffffff",
    "claimed": "#e3eef8",
    "alarm": "#b3261e",
    "supported": "#0f6b4a",
    "refuted": "#5a3ea8",
    "inconclusive": "#4f5b67",
    "invalid": "#4f5b67",
}


def _stroke(colour: str, width: str = "1", **more: str) -> dict[str, str]:
    return {"fill": "none", "stroke": colour, "stroke-width": width} | {
        f"stroke-{name}": value for name, value in more.items()
    }


#: Attributes of SVG by role; ``tone`` is the colour of the verdict that a role or a page names.
ROLES: dict[str, dict[str, str]] = {
    "paper": {"fill": "paper"},
    "claimed": {"fill": "claimed"},
    "grid": _stroke("line"),
    "rule": _stroke("line"),
    "zero": _stroke("soft"),
    "margin": _stroke("ink", "1.2", dasharray="4 3"),
    "head": _stroke("ink"),
    "axis": _stroke("soft"),
    "seeds": _stroke("link", opacity=".45"),
    "lone": {"fill": "link", "fill-opacity": ".45"},
    "mean": _stroke("link", "2.2"),
    "cautious": _stroke("link", "1.5", dasharray="2 2"),
    "point": {"fill": "link"},
    "ring": _stroke("link") | {"fill": "paper"},
    "gap": _stroke("soft", "1.5"),
    "reading0": {"fill": "link"},
    "reading1": _stroke("alarm") | {"fill": "paper"},
    "reading2": {"fill": "ink"},
    "reading3": _stroke("soft") | {"fill": "paper"},
    "thin": _stroke("soft", "1.5"),
    "bar": _stroke("tone", "3"),
    "open": _stroke("tone", "1.5"),
    "dot": _stroke("tone", "2") | {"fill": "paper"},
    "cross": _stroke("tone", "2"),
    "estimate": _stroke("paper", "1.5") | {"fill": "tone"},
    "text": {},
    "note": {"fill": "soft"},
    "word": {"fill": "tone"},
    "value": {"font-weight": "650"},
    "small": {"font-size": "10px"},
    "tiny": {"font-size": "9px"},
    "end": {"text-anchor": "end"},
    "mid": {"text-anchor": "middle"},
}
_ORDER = {role: i for i, role in enumerate(ROLES)}

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """Pieces of a line, each through its points; between two pieces there is a gap."""

    role: str
    pieces: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True)
class Area:
    """What lies inside of its corners."""

    role: str
    corners: tuple[Point, ...]


@dataclass(frozen=True)
class Circle:
    """A circle around a point."""

    role: str
    x: float
    y: float
    r: float


@dataclass(frozen=True)
class Text:
    """One line of text on its baseline, which starts, ends or has its middle at a point."""

    role: str
    x: float
    y: float
    text: str


Shape: TypeAlias = Line | Area | Circle | Text


@dataclass(frozen=True)
class Figure:
    """Shapes in a frame, in pixels from its upper left corner.

    ``tone`` is the verdict whose colour shapes have on paper that name none themselves.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    tone: str = "inconclusive"

    def groups(self) -> Iterator[tuple[str, list[Shape]]]:
        """Give the shapes of each role, from the back to the front."""
        shapes = [s for s in self.shapes if not isinstance(s, Text) or s.text]
        by_role = sorted(shapes, key=lambda s: (_ORDER[s.role.partition(" ")[0]], s.role))
        for role, group in groupby(by_role, key=lambda s: s.role):
            yield role, list(group)

    def look(self, role: str) -> dict[str, str]:
        """Return how a role looks on paper: attributes of SVG."""
        words = role.split()
        tone = next((word for word in words if word in COLOURS and word not in ROLES), self.tone)
        colours = COLOURS | {"tone": COLOURS[tone]}
        return {
            name: colours.get(value, value)
            for name, value in (pair for word in words for pair in ROLES.get(word, {}).items())
        }


# --- shapes that are used often ---


def line(role: str, *points: Point) -> Line:
    return Line(role, (points,))


def box(role: str, left: float, top: float, right: float, bottom: float) -> Area:
    return Area(role, ((left, top), (right, top), (right, bottom), (left, bottom)))


def diamond(role: str, x: float, y: float, r: float) -> Area:
    return Area(role, ((x, y - r), (x + r, y), (x, y + r), (x - r, y)))


def triangle(role: str, x: float, y: float, r: float) -> Area:
    return Area(role, ((x, y - r), (x + r, y + r), (x - r, y + r)))


def square(role: str, x: float, y: float, r: float) -> Area:
    return box(role, x - r, y - r, x + r, y + r)


def cross(role: str, x: float, y: float, r: float) -> Line:
    falling, rising = ((x - r, y - r), (x + r, y + r)), ((x - r, y + r), (x + r, y - r))
    return Line(role, (falling, rising))


def sign(word: str, x: float, y: float) -> Shape:
    """The mark of a verdict: its form says which, not its colour alone."""
    if word == "refuted":
        return diamond(f"estimate {word}", x, y, 4.5)
    if word == "invalid":
        return cross(f"cross {word}", x, y, 3)
    hollow = word == "inconclusive"
    return Circle(f"{'dot' if hollow else 'estimate'} {word}", x, y, 3 if hollow else 4)


def paragraph(role: str, x: float, y: float, lines: Iterable[str], step: float) -> Iterator[Text]:
    """Lines of text, one below the other."""
    return (Text(role, x, y + step * k, text) for k, text in enumerate(lines))
