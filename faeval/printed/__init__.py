"""Checks of printed numbers: whether those of a paper can belong together."""

from __future__ import annotations

from faeval.printed._check import check_kinds, check_statement
from faeval.printed._finding import OUTCOMES, Allowed, Finding, outcome
from faeval.printed._number import SPREADS, Printed, printed
from faeval.printed._statement import SIDES, SPREAD_IS, Statement

__all__ = [
    "OUTCOMES",
    "SIDES",
    "SPREADS",
    "SPREAD_IS",
    "Allowed",
    "Finding",
    "Printed",
    "Statement",
    "check_kinds",
    "check_statement",
    "outcome",
    "printed",
]
