"""A report of verdicts, and all that it is written as.

The forms are an HTML page, Markdown, JSON, JUnit, CTRF, LaTeX, a badge and a table on the terminal.
"""

from __future__ import annotations

from faeval.reports._report import Drift, Overview, Report, drift, write_all
from faeval.reports.data._drift import KINDS, Change, Difference, drifts_json
from faeval.reports.data._forms import FORMS, PAPER, WRITTEN
from faeval.reports.data._outcomes import standing
from faeval.reports.data._report import (
    SCHEMA,
    SCHEMAS,
    ClaimInputs,
    ControlCurve,
    Coverage,
    LowestControl,
    Profile,
    ReadMetric,
    TrainingCurve,
    json_schema,
)
from faeval.reports.formats import facts_of, properties
from faeval.reports.formats._answer import Description, answer, described
from faeval.reports.words._reasons import attributed, caution, reason, to_settle
from faeval.reports.words._sentences import value_text

__all__ = [
    "FORMS",
    "KINDS",
    "PAPER",
    "SCHEMA",
    "SCHEMAS",
    "WRITTEN",
    "Change",
    "ClaimInputs",
    "ControlCurve",
    "Coverage",
    "Description",
    "Difference",
    "Drift",
    "LowestControl",
    "Overview",
    "Profile",
    "ReadMetric",
    "Report",
    "TrainingCurve",
    "answer",
    "attributed",
    "caution",
    "described",
    "drift",
    "drifts_json",
    "facts_of",
    "json_schema",
    "properties",
    "reason",
    "standing",
    "to_settle",
    "value_text",
    "write_all",
]
