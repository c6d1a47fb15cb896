"""Where things lie in a figure of matplotlib: axes in inches, scales, signs, and text cut to its
place.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from faeval._safe_text import clean
from faeval.reports.figures._drawing import LINE, PAPER, SOFT, TONES
from faeval.reports.words._escape import CELL, clip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHED, DOTTED = (0, (4, 3)), (0, (1, 1.5))
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
#: Markers beside each word, so that colour is never the only difference: (marker, whether it is
#: filled).
MARKERS = {
    "supported": ("o", True),
    "refuted": ("D", True),
    "inconclusive": ("o", False),
    "invalid": ("x", True),
}

# --- scales ---


class Scale:
    """A range of numbers on an axis, linear in the number or in its logarithm, safe for any finite
    numbers.

    Called with a number, it gives its place. ``unit`` names the power of ten that ticks are counted
    in, where there is one.
    """

    def __init__(
        self, numbers: Iterable[float], logarithmic: bool = False, pad: float = 0.06
    ) -> None:
        finite = [v for v in numbers if math.isfinite(v)]
        self._logarithmic = logarithmic and bool(finite)
        self.unit, self._power = "", 0
        if not self._logarithmic:
            finite = [0.0, *finite]
            top = math.floor(math.log10(max(map(abs, finite)) or 1.0))
            if not -4 <= top < 5:
                self._power = max(top, -300)
                self.unit = f" (×10{str(self._power).translate(SUPERSCRIPT)})"
        placed = [self(v) for v in finite]
        room = (max(placed) - min(placed)) * pad or 0.5
        self.low, self.high = min(placed) - room, max(placed) + room

    def __call__(self, value: float) -> float:
        return math.log10(value) if self._logarithmic else value / 10.0**self._power

    def beyond(self, value: float) -> bool:
        """Whether a number lies outside the axis."""
        return not math.isfinite(value) or not self.low <= self(value) <= self.high

    def within(self, value: float) -> float:
        """Return the place of a number; beyond the ends, the end."""
        at = self(value) if math.isfinite(value) else value
        return min(self.high, max(self.low, at))

    def round_numbers(self, most: int) -> list[float]:
        """Return places of round numbers inside the range, so many intervals at most."""
        steps = [1, 2, 3, 5, 10] if self._logarithmic else [1, 2, 2.5, 5, 10]
        return round_numbers(self.low, self.high, most, steps, self._logarithmic)

    def put(self, axes: Axes, side: str) -> None:
        """Give one side of axes this range, ticks with their texts, and a line at zero or grid
        lines where it is tall.
        """
        ticks = self.round_numbers(4)
        if self._logarithmic:
            texts = [f"10{str(round(t)).translate(SUPERSCRIPT)}" for t in ticks]
        else:
            digits = next(
                (
                    d
                    for d in range(10)
                    if all(math.isclose(t, round(t, d), abs_tol=1e-9) for t in ticks)
                ),
                10,
            )
            texts = [f"{t:.{digits}f}".replace("-", "−") if t else "0" for t in ticks]
        if side == "x":
            axes.set_xlim(self.low, self.high)
            axes.set_xticks(ticks, texts)
            return
        axes.set_ylim(self.low, self.high)
        axes.set_yticks(ticks, texts)
        grid = [tick for tick in ticks if tick or self._logarithmic]
        between = [at for tick in grid for at in (tick, tick, math.nan)]
        axes.plot(
            [0, 1, math.nan] * len(grid),
            between,
            transform=axes.get_yaxis_transform(),
            color=LINE,
            lw=0.6,
            zorder=0,
        )
        if len(grid) < len(ticks):
            axes.axhline(0, color=SOFT, lw=0.6, zorder=0)


def round_numbers(
    low: float, high: float, most: int, steps: Sequence[float], whole: bool = True
) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(most, steps=list(steps), integer=whole).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


# --- places ---


def figure_of(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=72, facecolor="none")


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes in inches from the upper left corner."""
    across, up = figure.get_size_inches()
    axes: Axes = figure.add_axes(
        (left / across, 1 - (top + height) / up, width / across, height / up), facecolor="none"
    )
    return axes


def rows_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes whose rows are placed in inches from the upper edge, and need no scale of their own."""
    axes = axes_at(figure, left, top, width, height)
    axes.set_ylim(top + height, top)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    return axes


def write(figure: Figure, x: float, y: float, text: str, size: float, **more: Any) -> None:
    """One line of text, the start of its baseline (or its middle or end) in inches from the upper
    left corner.
    """
    across, up = figure.get_size_inches()
    if text:
        figure.text(
            x / across, 1 - y / up, text, size=size, va="baseline", rotation_mode="anchor", **more
        )


def mark(figure: Figure, x: float, y: float, **look: Any) -> None:
    rule(figure, x, y, x, **look)


def rule(figure: Figure, left: float, y: float, right: float, **look: Any) -> None:
    """A horizontal line in inches from the upper left corner, with the marker of its look in the
    middle.
    """
    from matplotlib.lines import Line2D

    across, up = figure.get_size_inches()
    at, height = [left / across, (left + right) / 2 / across, right / across], 1 - y / up
    figure.add_artist(Line2D(at, [height] * 3, markevery=[1], solid_capstyle="butt", **look))


# --- text ---


def short(text: str, most: int) -> str:
    """Return clean text of at most so many characters; what is left out in the middle leaves a
    mark.
    """
    whole = clean(text if len(text) <= 4 * most else text[: 2 * most] + text[-2 * most :]).strip()
    mark = ""
    while _columns(whole + mark) > most or (not mark and len(text) > 4 * most):
        mark, middle = "…", round(0.6 * len(whole))
        whole = whole[: middle - 1] + whole[middle:]
    middle = round(0.6 * len(whole))
    return whole[:middle] + mark + whole[middle:]


def wrapped(text: str, most: int, lines: int = 3) -> list[str]:
    """Return clean text as at most so many lines of at most so many characters, broken before a
    plus or after a space.
    """
    for limit in range(lines * most, 0, -1):
        left, made = short(text, limit), []
        while left:
            cut = len(left)
            while _columns(left[:cut]) > most:
                cut -= 1
            if cut < len(left):
                cut = max(
                    (
                        i
                        for i in range(cut // 2, cut + 1)
                        if left[i] == "+" or left[i - 1 : i] in (" ", ",")
                    ),
                    default=cut,
                )
            made.append(left[: max(1, cut)].strip())
            left = left[max(1, cut) :].strip()
        if len(made) <= lines:
            return made
    return []


def words_wrapped(text: str, most: int, lines: int = 6) -> list[str]:
    """Return clean text as at most so many lines of at most so many characters, broken between
    words; the end is cut off.
    """
    import textwrap

    whole = clip(text, CELL)
    if _columns(whole) > len(whole):
        most //= 2
    return textwrap.wrap(whole, most, max_lines=lines, placeholder=" …")


def ended(text: str, most: int) -> str:
    """Return clean text of at most so many characters, whose end is cut off."""
    whole = clean(text[: 4 * most]).strip()
    if _columns(whole) <= most and len(text) <= 4 * most:
        return whole
    while _columns(whole) >= most:
        whole = whole[:-1]
    return f"{whole}…"


def _columns(text: str) -> int:
    """How wide text is, in letters of the Latin alphabet."""
    return (
        len(text)
        if text.isascii()
        else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    )


# --- signs ---


def interval(
    axes: Axes, across: Scale, bounds: tuple[float, float], y: float, colour: str, lw: float
) -> None:
    """A bar from bound to bound; a bound that lies beyond the axis is an arrow at that end."""
    low, high = (across.within(bound) for bound in bounds)
    axes.plot(
        [low, high], [y, y], color=colour, lw=lw, solid_capstyle="butt", clip_on=False, zorder=2
    )
    for end, marker in ((across.low, 4), (across.high, 5)):  # caretleft, caretright
        if any(across.within(bound) == end and across.beyond(bound) for bound in bounds):
            axes.plot([end], [y], marker=marker, ms=4, color=colour, mew=0, clip_on=False, zorder=2)


def estimate(axes: Axes, across: Scale, value: float, y: float, word: str) -> None:
    """The verdict's sign at the estimate; beyond the axis there is an arrow, and no estimate."""
    if across.beyond(value):
        return
    axes.plot([across(value)], [y], **look(word), clip_on=False, zorder=4)


def look(word: str) -> dict[str, Any]:
    marker, filled = MARKERS[word]
    tone = TONES[word]
    thick = 1.2 if marker == "x" or not filled else 0.7
    edge = tone if marker == "x" or not filled else PAPER
    return {
        "marker": marker,
        "ms": 4.2,
        "mfc": tone if filled else PAPER,
        "mec": edge,
        "mew": thick,
        "color": tone,
    }
