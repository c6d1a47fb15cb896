"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, JUnit, CTRF, LaTeX, a badge, a table on the terminal."""

from __future__ import annotations

from faeval.reports._cases import facts_of, properties
from faeval.reports._check import CheckedFile, Finding, anchors_of, check_quoted, check_rendering
from faeval.reports._drift import KINDS, Change, Difference, Drift, drift, drifts_json
from faeval.reports._overview import Overview
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
    "KINDS",
    "SCHEMA",
    "WRITTEN",
    "Change",
    "CheckedFile",
    "ControlCurve",
    "Course",
    "Difference",
    "Drift",
    "Finding",
    "Grounds",
    "LowestControl",
    "Overview",
    "Profile",
    "Reading",
    "Report",
    "ReportNumbers",
    "anchors_of",
    "check_quoted",
    "check_rendering",
    "drift",
    "drifts_json",
    "facts_of",
    "json_schema",
    "links",
    "properties",
    "recompute",
    "standing",
    "value_text",
]
