"""How much a file of evidence may hold, and what a damaged one raises."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

from faeval.errors import EvidenceError


class CutOff(EvidenceError):
    """A file of evidence was cut off or damaged after it was written."""

    exit_code = 12


#: Rows of a file at most, unless more are asked for: a small file can expand without end.
MOST_ROWS = 50_000_000
most_rows = ContextVar("most_rows", default=MOST_ROWS)


def limit_rows(most: int) -> None:
    """Set how many rows a file of evidence may have from here on, without ``max_rows``."""
    most_rows.set(most)


def too_many(path: Path, most: int) -> str:
    """Say that a file holds more rows than it may, and what reads them."""
    return (
        f"{path}: holds more than {most} rows; --max-rows (max_rows= in Python) reads more of them."
    )
