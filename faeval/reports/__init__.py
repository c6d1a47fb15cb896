"""One Report of verdicts, and its views: an HTML page, Markdown, JSON, a table on the terminal."""

from __future__ import annotations

from faeval.reports._report import SCHEMA, ControlCurve, Profile, Report

__all__ = ["SCHEMA", "ControlCurve", "Profile", "Report"]
