"""Renderings, verdicts.json and quotes in documents, held against the evidence."""

from __future__ import annotations

from faeval.reports.checking._check import (
    CheckedFile,
    Mismatch,
    anchors_of,
    check_rendering,
    is_of_this_version,
    provenance_labels,
)
from faeval.reports.checking._links import Link, links, pages_of
from faeval.reports.checking._printed_numbers import Printed, agrees, printed
from faeval.reports.checking._quoted import check_quoted
from faeval.reports.checking._recompute import (
    AssertionNumbers,
    ClaimNumbers,
    ReportNumbers,
    recompute,
)

__all__ = [
    "AssertionNumbers",
    "CheckedFile",
    "ClaimNumbers",
    "Link",
    "Mismatch",
    "Printed",
    "ReportNumbers",
    "agrees",
    "anchors_of",
    "check_quoted",
    "check_rendering",
    "is_of_this_version",
    "links",
    "pages_of",
    "printed",
    "provenance_labels",
    "recompute",
]
