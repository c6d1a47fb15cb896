"""Campaigns: which runs claims need, which are there already, and doing the rest over worker processes. No torch."""

from __future__ import annotations

from faeval.campaign._execute import Event, Outcome, execute
from faeval.campaign._plan import Job, Need, Plan, plan
from faeval.campaign._provenance import provenance

__all__ = ["Event", "Job", "Need", "Outcome", "Plan", "execute", "plan", "provenance"]
