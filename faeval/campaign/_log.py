"""The campaign's log in the store: one line a step, tracebacks below."""

from __future__ import annotations

import contextlib
import secrets
from datetime import UTC, datetime

from faeval._safe_text import clean, cut, printable
from faeval.evidence import Store

_DETAILS = 20_000  # characters of a traceback, which may quote a message of any length


class Log:
    """Appends to ``log.txt`` of a store; every line has its time and its campaign."""

    def __init__(self, store: Store) -> None:
        self._path = store.log
        self._name = secrets.token_hex(3)

    def write(self, text: str, details: str = "") -> None:
        """Append a line, and details below it, indented."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        below = "".join(f"    {line}\n" for line in printable(cut(details, _DETAILS)).splitlines())
        # Where the disk is full, a failure still reaches the caller.
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as log:
            log.write(f"{stamp} campaign {self._name}: {clean(cut(text))}\n{below}")
