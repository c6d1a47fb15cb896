"""Where things lie in a figure: scales with their ticks, intervals, and text cut to its place."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from faeval._safe_text import clean
from faeval.reports.figures._shapes import Line, Shape, Text, line
from faeval.reports.words._numbers import Style

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

# --- scales ---


class Scale:
    """A map from numbers to pixels, linear or in the logarithm, safe for any finite numbers.

    Parameters
    ----------
    numbers
        What is to lie between the ends; what is not finite is ignored.
    start, end
        The pixels of its ends; `end` may be the smaller one.
    pad
        The room beyond the outermost numbers, as a share of their distance.
    """

    def __init__(
        self,
        numbers: Iterable[float],
        start: float,
        end: float,
        pad: float = 0.06,
        logarithmic: bool = False,
    ) -> None:
        finite = [v for v in numbers if math.isfinite(v) and (v > 0 or not logarithmic)]
        self.logarithmic = logarithmic and bool(finite)
        self._unit = 1.0 if self.logarithmic else max(map(abs, finite), default=0.0) or 1.0
        placed = [self._place(v) for v in finite] or [0.0]
        low, high = min(placed), max(placed)
        room = (high - low) * pad if high > low else 0.5
        self._low, self._high = low - room, high + room
        self.start, self.end = start, end

    def _place(self, value: float) -> float:
        if self.logarithmic:
            return math.log10(value) if value > 0 else -math.inf
        return value / self._unit

    def __call__(self, value: float) -> float:
        """Return the pixel of a number; beyond the ends, the end."""
        share = (self._place(value) - self._low) / (self._high - self._low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def side(self, value: float) -> int:
        """Return -1 for a number below the lower end, 1 for one above the upper end, else 0."""
        place = self._place(value)
        return (place > self._high) - (place < self._low)

    def factors(self, most: int = 6) -> list[tuple[float, str]]:
        """Return the pixels of ratios on a logarithmic scale: 1/2, 1, 2, or round ones near 1."""
        octaves = (self._high - self._low) / math.log10(2)
        if octaves < 1.3:
            return self._near_one(most)
        base, step = (2, 1) if octaves <= 10 else (10, 1)
        low, high = (end / math.log10(base) for end in (self._low, self._high))
        step = max(1, math.ceil((high - low) / most))
        powers = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
        return [(self(float(base) ** k), _factor(base, k)) for k in powers]

    def _near_one(self, most: int) -> list[tuple[float, str]]:
        multiples, step = round_numbers(10**self._low, 10**self._high, most)
        style = Style(max(0, -math.floor(math.log10(step) + 1e-9)))
        return [(self(k * step), style(k * step)) for k in multiples]

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """Return the pixels of round numbers, and how they are written."""
        if self.logarithmic:
            powers, step = round_numbers(self._low, self._high, most, whole=True)
            exponents = [round(k * step) for k in powers]
            return [(self(10.0**k), f"10{str(k).translate(_SUPERSCRIPT)}") for k in exponents]
        multiples, step = round_numbers(self._low * self._unit, self._high * self._unit, most)
        digits = math.floor(math.log10(step) + 1e-9)
        top = math.floor(math.log10(self._unit))
        exponent = top if top >= 5 or digits < -6 else 0
        style = Style(max(0, exponent - digits), exponent)
        return [(self(k * step), style(k * step)) for k in multiples]


def _factor(base: int, power: int) -> str:
    size = base ** abs(power)
    text = str(size) if size < 10**6 else f"10{str(abs(power)).translate(_SUPERSCRIPT)}"
    return text if power >= 0 else f"1/{text}"


def round_numbers(
    low: float, high: float, most: int, whole: bool = False
) -> tuple[Iterable[int], float]:
    """Return multiples within a range, about so many, and the round number that they are of."""
    raw = max((high - low) / most, float(whole))
    power = 10.0 ** math.floor(math.log10(raw)) if 0 < raw < math.inf else 0.0
    step = next((m * power for m in (1, 2, 5) if m * power >= raw), 10 * power)
    if not 0 < step < math.inf:
        return (), 1.0
    return range(math.ceil(low / step), math.floor(high / step) + 1), step


def axis_below(scale: Scale, y: float, ticks: Sequence[tuple[float, str]]) -> Iterator[Shape]:
    """An axis under a figure, with ticks of its scale."""
    stubs = [((x, y), (x, y + 4)) for x, _ in ticks]
    yield Line("axis", (((scale.start, y), (scale.end, y)), *stubs))
    yield from (Text("note mid", x, y + 15, text) for x, text in ticks)


def axis_beside(scale: Scale, left: float, right: float, named: bool = True) -> Iterator[Shape]:
    """An axis at the left of a panel, with lines across it at its ticks."""
    yield line("axis", (left, scale.start), (left, scale.end))
    for y, text in scale.ticks():
        zero = not scale.logarithmic and not text.strip("0.")
        yield line("zero" if zero else "grid", (left, y), (right, y))
        if named:
            yield Text("note end", left - 5, y + 4, text)


def interval(
    scale: Scale, bounds: tuple[float, float], y: float, role: str, tone: str = ""
) -> Iterator[Shape]:
    """A bar from bound to bound; where one lies beyond the scale there is an arrow at that end."""
    if any(map(math.isnan, bounds)):
        return
    yield line(f"{role} {tone}".strip(), *((scale(bound), y) for bound in bounds))
    sides = {scale.side(bound) for bound in bounds}
    for way, tip in ((-1, scale.start), (1, scale.end)):
        if way in sides:
            back, arrow = tip - 4 * way, "open" if role == "bar" else role
            yield line(f"{arrow} {tone}".strip(), (back, y - 4), (tip, y), (back, y + 4))


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


def wrapped(text: str, most: int, lines: int = 6) -> list[str]:
    """Return clean text as at most so many lines of at most so many characters, broken between
    words or before a plus; the end is cut off.
    """
    import textwrap

    whole = clean(text[: 4 * lines * most]).strip()
    if _columns(whole) > len(whole):
        most //= 2
    broken = textwrap.wrap(
        whole.replace("+", "\t+"),  # a place to break at, which is no space in the text
        most,
        max_lines=lines,
        placeholder=" …",
        expand_tabs=False,
        replace_whitespace=False,
    )
    return [line.replace("\t", "") for line in broken]


def _columns(text: str) -> int:
    """How wide text is, in letters of the Latin alphabet."""
    return (
        len(text)
        if text.isascii()
        else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    )
