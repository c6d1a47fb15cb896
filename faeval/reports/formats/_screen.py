"""A terminal of some width and encoding: texts fitted to it, wrapped, in columns.

All text goes in as rich Text, cleaned: nothing in it is read as markup or as an escape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.console import Console, ConsoleOptions
from rich.text import Text

from faeval._safe_text import inert_wherever_cut
from faeval.reports.words._escape import CELL, clip

STYLES = {
    "supported": "green",
    "refuted": "magenta",
    "inconclusive": "bright_black",
    "invalid": "bright_black",
}
ALARM = "bold red"
GAP = 2  # blanks between columns
#: Signs of ours, as a terminal writes them whose encoding lacks them.
_PLAIN = {
    **{"●": "*", "◆": "#", "○": "o", "✕": "x", "⚑": "!", "†": "^"},
    **{"−": "-", "±": "+-", "·": ".", "…": "...", "–": "-", "∞": "inf", "≥": ">=", "≤": "<="},
    **{"━": "=", "┿": "+", "┆": ":", "│": "|", "─": "-", "←": "<", "→": ">"},
    "\u2060": "",
}


@dataclass(frozen=True)
class Screen:
    """What is printed on: so many columns, and an encoding that may lack signs."""

    console: Console
    width: int
    encoding: str

    @classmethod
    def of(cls, console: Console, options: ConsoleOptions, width: int) -> Screen:
        """Return what a console prints on, of at most so many columns."""
        return cls(console, max(1, min(width, options.max_width)), options.encoding)

    @cached_property
    def _is_whole(self) -> bool:
        return self.encoding.startswith("utf")

    def can(self, signs: str) -> bool:
        """Whether each of some signs can be written."""
        try:
            signs.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def plain(self, text: str) -> str:
        """Return text with what the encoding lacks written by other signs."""
        if self._is_whole or self.can(text):
            return text
        return "".join(c if self.can(c) else _PLAIN.get(c, "?") for c in text)

    def text(self, text: str, style: str = "", limit: int = CELL) -> Text:
        """Return a bounded text in which nothing acts."""
        return Text(self.plain(inert_wherever_cut(clip(text, limit))), style=style)

    def lines(self, text: Text, width: int, indent: int = 0) -> list[Text]:
        """Break a text into lines of so many columns, all but the first indented."""
        width = max(2, width)
        indent = indent if width > 3 * indent else 0
        first = self._broken(text, width)[0]
        rest = text[len(first) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
        more = self._broken(rest, width - indent) if rest.plain else []
        for line in (first, *more):
            line.rstrip()
        return [first, *(Text(" " * indent).append_text(line) for line in more)]

    def _broken(self, text: Text, width: int) -> Sequence[Text]:
        return list(text.wrap(self.console, width, overflow="fold")) or [Text()]

    def columns(self, widths: Sequence[int], cells: Sequence[Sequence[Text]]) -> Iterator[Text]:
        """Yield lines in which cells of several lines stand side by side."""
        for i in range(max(map(len, cells), default=0)):
            line = Text()
            for width, cell in zip(widths, cells, strict=True):
                here = cell[i] if i < len(cell) else Text()
                line.append_text(here).append(" " * (width - here.cell_len + GAP))
            line.rstrip()
            yield line
