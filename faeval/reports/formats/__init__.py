"""Forms of a report: pages, JUnit, CTRF, LaTeX, a badge, and a table on a terminal."""

from __future__ import annotations

from faeval.reports.formats._cases import facts_of, properties

__all__ = ["facts_of", "properties"]
