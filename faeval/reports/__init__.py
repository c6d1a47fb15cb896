"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, JUnit, CTRF, LaTeX, a badge,
a table on the terminal.
"""

from __future__ import annotations

from faeval.reports.data._drift import KINDS, Change, Difference, Drift, drift, drifts_json
from faeval.reports.data._report import (
    FORMS,
    PAPER,
    SCHEMA,
    WRITTEN,
    ControlCurve,
    Course,
    Coverage,
    Grounds,
    LowestControl,
    Profile,
    Reading,
    Report,
    json_schema,
    write_all,
)
from faeval.reports.formats import facts_of, properties
from faeval.reports.views._overview import Overview
from faeval.reports.words._sentences import standing, value_text

__all__ = [
    "FORMS",
    "KINDS",
    "PAPER",
    "SCHEMA",
    "WRITTEN",
    "Change",
    "ControlCurve",
    "Course",
    "Coverage",
    "Difference",
    "Drift",
    "Grounds",
    "LowestControl",
    "Overview",
    "Profile",
    "Reading",
    "Report",
    "drift",
    "drifts_json",
    "facts_of",
    "json_schema",
    "properties",
    "standing",
    "value_text",
    "write_all",
]
