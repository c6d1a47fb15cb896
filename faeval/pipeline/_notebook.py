"""Progress of a campaign in a notebook: a bar below the cell that runs it; elsewhere nothing."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from faeval._safe_text import clean, cut

if TYPE_CHECKING:
    from faeval.campaign import Event

_FAILURES = 5  # runs that failed are named, so many of them
_EVERY = 0.25  # seconds between two looks at runs that tell how far they are
_MESSAGE = 300  # characters of what a run said


def told_in_kernel(progress: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """Return what is told of progress; in a notebook's kernel a bar where nothing was asked for."""
    if progress is not None or "IPython" not in sys.modules:
        return progress
    shell = importlib.import_module("IPython").get_ipython()
    # A terminal of IPython has no kernel: nothing there shows HTML.
    return _Bar() if getattr(shell, "kernel", None) is not None else None


class _Bar:
    """A bar in the output of a cell, which changes with each event."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._failed: list[str] = []
        self._next = 0.0

    def __call__(self, event: Event) -> None:
        if event.kind == "failed":
            self._failed.append(cut(clean(f"{event.job}: {event.message}"), _MESSAGE))
        if event.kind == "running" and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        module = importlib.import_module("IPython.display")
        content = module.HTML(bar(event, self._failed))
        if self._handle is None:
            self._handle = module.display(content, display_id=True)
        else:
            self._handle.update(content)


def bar(event: Event, failed: list[str]) -> str:
    """Write how many runs are done, and which ones failed."""
    open_end = event.seconds_left is None or event.done == event.total
    rest_of_time = "" if open_end else f", about {_time(event.seconds_left or 0)} left"
    state = (
        event.message
        if event.kind == "stopping"
        else f"{event.done}/{event.total} runs{rest_of_time}"
    )
    lines = [f"failed: {text}" for text in failed[:_FAILURES]]
    if (rest := len(failed) - _FAILURES) > 0:
        lines.append(f"and {rest} more runs failed")
    bar = f'<progress max="{event.total}" value="{event.done}"></progress>'
    below = "".join(f"<div>{escape(line)}</div>" for line in lines)
    return f"<div>{bar} {escape(clean(str(state)))}</div>{below}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
