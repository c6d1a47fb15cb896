"""Campaigns: plan the runs that claims need, and do those that are missing. No torch."""

from __future__ import annotations

from faeval._extras import BACKENDS
from faeval.campaign._backends import Execution, check_installed
from faeval.campaign._events import ArmState, Event, Outcome
from faeval.campaign._execute import execute
from faeval.campaign._plan import Job, Need, Plan, code_reached, plan
from faeval.campaign._provenance import git_refusal, provenance, versions_here

__all__ = [
    "BACKENDS",
    "ArmState",
    "Event",
    "Execution",
    "Job",
    "Need",
    "Outcome",
    "Plan",
    "check_installed",
    "code_reached",
    "execute",
    "git_refusal",
    "plan",
    "provenance",
    "versions_here",
]
