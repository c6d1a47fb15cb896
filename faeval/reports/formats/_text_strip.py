"""An interval against its margin as one line of signs, with a line of labels below it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from faeval.reports.figures._layout import Scale

LEAST = 24  # columns below which a strip says nothing


@dataclass(frozen=True)
class Strip:
    """What a strip shows, on the axis that a reader sees: numbers, and labels of its lines.

    ``edges`` has each edge of the margin with its label; ``claimed`` is the claimed range, without
    edges of a description, which claims nothing.
    """

    estimate: float
    interval: tuple[float, float]
    sign: str
    neutral: float = 0.0
    edges: tuple[tuple[float, str], ...] = ()
    claimed: tuple[float, float] | None = None
    is_ratio: bool = False

    def lines(self, width: int) -> tuple[str, str]:
        """Return the strip and its labels, each of so many columns at most."""
        at = self._places(width)
        signs = [" "] * width
        if self.claimed is not None:
            low, high = map(at, self.claimed)
            signs[low : high + 1] = "·" * (high + 1 - low)
        marks = {at(edge): "┆" for edge, _ in self.edges} | {at(self.neutral): "│"}
        if not any(map(math.isnan, self.interval)):
            low, high = map(at, self.interval)
            marks |= {i: "┿" if i in marks else "━" for i in range(low, high + 1)}
            ends = ((0, low, -1, "←"), (1, high, 1, "→"))
            marks |= {i: arrow for end, i, _, arrow in ends if math.isinf(self.interval[end])}
        marks[at(self.estimate)] = self.sign
        for place, sign in marks.items():
            signs[place] = sign
        return "".join(signs).rstrip(), self._labels(at, width)

    def _places(self, width: int) -> Callable[[float], int]:
        edges = [edge for edge, _ in self.edges]
        numbers = [self.neutral, self.estimate, *edges, *self.interval]
        if self.is_ratio:
            near = [v for v in (self.neutral, self.estimate, *edges) if v > 0]
            low, high = min(near) / 1000, max(near) * 1000
            numbers = [v for v in numbers if low <= v <= high]
        scale = Scale(numbers, 0, width - 1, logarithmic=self.is_ratio)
        return lambda value: round(scale(value))

    def _labels(self, at: Callable[[float], int], width: int) -> str:
        """Write a label below each mark that has room, what is claimed last."""
        line = [" "] * width
        labels = [(at(edge), text) for edge, text in self.edges]
        labels.append((at(self.neutral), "1" if self.is_ratio else "0"))
        for place, text in labels:
            _write(line, place, text)
        if self.claimed is not None:
            low, high = map(at, self.claimed)
            text = "claimed"
            for start in range(high + 1 - len(text), low - 1, -1):
                if _write(line, start, text):
                    break
        return "".join(line).rstrip()


def _write(line: list[str], place: int, text: str) -> bool:
    """Write a text where it begins or, at the end, where it ends; False where there is no room."""
    start = min(place, len(line) - len(text))
    around = line[max(0, start - 1) : start + len(text) + 1]
    if start < 0 or any(sign != " " for sign in around):
        return False
    line[start : start + len(text)] = text
    return True
