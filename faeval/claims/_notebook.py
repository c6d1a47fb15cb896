"""How a claim and a verdict are shown in a notebook: by whoever can write them as HTML.

That is ``faeval.reports``, which is above and is not known here: it says so when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_WRITERS: dict[type, Callable[[Any], str]] = {}


def shown_by(kind: type, write: Callable[[Any], str]) -> None:
    """Let things of a type be shown by what this function writes of them, in HTML."""
    _WRITERS[kind] = write


class ShownInNotebooks:
    """What a notebook shows as HTML where something is loaded that can write it, else as text."""

    def _repr_html_(self) -> str | None:
        write = _WRITERS.get(type(self))
        return None if write is None else write(self)
