"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, JUnit, CTRF, LaTeX, a badge, a table on the terminal."""

from __future__ import annotations

from faeval.reports._cases import facts_of, properties
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
    "ControlCurve",
    "Course",
    "Grounds",
    "LowestControl",
    "Profile",
    "Reading",
    "Report",
    "facts_of",
    "json_schema",
    "properties",
    "standing",
    "value_text",
]
