"""Checks of printed numbers: whether those of a paper can belong together."""

from __future__ import annotations

from faeval.printed._number import Printed, printed
from faeval.printed._statement import (
    OUTCOMES,
    Allowed,
    Finding,
    Statement,
    check_kinds,
    check_statement,
    outcome,
)

__all__ = [
    "OUTCOMES",
    "Allowed",
    "Finding",
    "Printed",
    "Statement",
    "check_kinds",
    "check_statement",
    "outcome",
    "printed",
]
