"""What a report is: plain data, which no renderer is needed for."""

from __future__ import annotations

from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._drift import FLAG
from faeval.reports.data._report import made_schema

__all__ = ["FLAG", "made_schema", "outcomes"]
