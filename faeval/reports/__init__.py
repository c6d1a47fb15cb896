"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, JUnit, CTRF, LaTeX, a badge, a table on the terminal."""

from __future__ import annotations

from faeval.reports._cases import facts_of, properties
from faeval.reports._check import CheckedFile, Finding, anchors_of, check_quoted, check_rendering
from faeval.reports._read import links
from faeval.reports._recompute import ReportNumbers, recompute
from faeval.reports._report import (
    FORMS,
    SCHEMA,
    WRITTEN,
    ControlCurve,
    Course,
    Grounds,
    LowestControl,
    Profile,
    Reading,
    Report,
    json_schema,
)
from faeval.reports._words import standing, value_text

__all__ = [
    "FORMS",
    "SCHEMA",
    "WRITTEN",
    "CheckedFile",
    "ControlCurve",
    "Course",
    "Finding",
    "Grounds",
    "LowestControl",
    "Profile",
    "Reading",
    "Report",
    "ReportNumbers",
    "anchors_of",
    "check_quoted",
    "check_rendering",
    "facts_of",
    "json_schema",
    "links",
    "properties",
    "recompute",
    "standing",
    "value_text",
]
