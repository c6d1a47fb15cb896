"""What a report is: plain data, which no renderer is needed for."""

from __future__ import annotations

from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._drift import FLAG
from faeval.reports.data._report import ReportDocument

__all__ = ["FLAG", "ReportDocument", "outcomes"]
