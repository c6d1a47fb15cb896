"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, a table on the terminal."""

from __future__ import annotations

from faeval.reports._drift import KINDS, Change, Difference, Drift, drift, drifts_json
from faeval.reports._overview import Overview
from faeval.reports._report import (
    FORMS,
    SCHEMA,
    WRITTEN,
    ControlCurve,
    Grounds,
    LowestControl,
    Profile,
    Reading,
    Report,
)
from faeval.reports._words import standing, value_text

__all__ = [
    "FORMS",
    "KINDS",
    "SCHEMA",
    "WRITTEN",
    "Change",
    "ControlCurve",
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
    "standing",
    "value_text",
]
