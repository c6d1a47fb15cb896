"""A console of rich on which nothing acts that others wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from faeval._safe_text import MESSAGE, printable


class HarmlessConsole(Console):
    """A console of rich on which no text acts, whoever wrote it."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, highlight=False, markup=False, emoji=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Return the pieces of what is printed; what moves the cursor is rich's own."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else piece._replace(text=printable(piece.text, MESSAGE))

    def on_broken_pipe(self) -> None:
        """Leave it to the command line that the reader has gone: here rich would exit 1."""
        raise
