"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, JUnit, CTRF, LaTeX, a badge,
a table on the terminal.
"""

from __future__ import annotations

from faeval.reports._report import Drift, Overview, Report, drift, write_all
from faeval.reports.data._drift import KINDS, Change, Difference, drifts_json
from faeval.reports.data._forms import FORMS, PAPER, WRITTEN
from faeval.reports.data._outcomes import standing
from faeval.reports.data._report import (
    SCHEMA,
    ControlCurve,
    Course,
    Coverage,
    Grounds,
    LowestControl,
    Profile,
    Reading,
    json_schema,
)
from faeval.reports.formats import facts_of, properties
from faeval.reports.words._sentences import value_text

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
