"""Forms of a report for machines and papers: JUnit, CTRF, LaTeX, a badge; a verdict as a test case."""

from __future__ import annotations

from faeval.reports.formats._cases import facts_of, properties

__all__ = ["facts_of", "properties"]
