"""Before a run: what a design can tell at n seeds, and how many seeds a verdict would take."""

from faeval.stats.planning._chances import (
    Prospect,
    VerdictChances,
    joint_power,
    prospect,
    seeds_for,
    verdict_chances,
)
from faeval.stats.planning._outlook import DesignOutlook, outlook
from faeval.stats.planning._power import detectable_effect, power, seeds_needed
from faeval.stats.planning._unseen_failures import unseen_failure_bound

__all__ = [
    "DesignOutlook",
    "Prospect",
    "VerdictChances",
    "detectable_effect",
    "joint_power",
    "outlook",
    "power",
    "prospect",
    "seeds_for",
    "seeds_needed",
    "unseen_failure_bound",
    "verdict_chances",
]
