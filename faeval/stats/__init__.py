"""Arrays in, decisions out: assertions over seeds, families of them, and planning.

Plain functions on arrays, with NumPy and SciPy alone. One number per seed comes in; the seed is the
replicate. :func:`rule` is the whole of it: contrasts in, one of four words out. What it is made of
is public too. Two tables say what there is: ``KINDS`` of assertions and ``RULES`` that test them.
"""

from __future__ import annotations

from faeval.stats._contrast import (
    AGREEMENT,
    Contrast,
    coarse,
    contrasts,
    item_error,
    near_margin,
)
from faeval.stats._counts import Counted, Structure
from faeval.stats._e_value import e_value
from faeval.stats._holm import Decision, HolmResult, apply_gates, decide_family, decide_many, holm
from faeval.stats._interval import Interval, decision_interval, ordinary_interval
from faeval.stats._judge import Judgement, combine, judge, judge_many
from faeval.stats._kinds import KINDS, AssertedKind, Kind, Region, region_of
from faeval.stats._looks import nominal_level, nominal_levels, sequential_p
from faeval.stats._measured import MeasuredError, fragile_rate, measured_errors
from faeval.stats._ratio import ratio_bounds
from faeval.stats._replicates import (
    SeedMeans,
    VarianceSplit,
    explain_pooling,
    pooling_error,
    reduce_to_seeds,
    refuse_rows,
)
from faeval.stats._rule import LEAST_POWER, Question, Ruling, rule, smallest_p
from faeval.stats._rules import RULES, AnyTest, Rule, TestName, attainable_p, rule_of
from faeval.stats._sensitivity import Sensitivity, leave_one_out, sensitivity
from faeval.stats._spread import no_spread, sd_upper, tie_tolerance
from faeval.stats.planning import (
    DesignOutlook,
    Prospect,
    VerdictChances,
    detectable_effect,
    joint_power,
    outlook,
    power,
    prospect,
    seeds_for,
    seeds_needed,
    unseen_failure_bound,
    verdict_chances,
)

__all__ = [
    "AGREEMENT",
    "KINDS",
    "LEAST_POWER",
    "RULES",
    "AnyTest",
    "AssertedKind",
    "Contrast",
    "Counted",
    "Decision",
    "DesignOutlook",
    "HolmResult",
    "Interval",
    "Judgement",
    "Kind",
    "MeasuredError",
    "Prospect",
    "Question",
    "Region",
    "Rule",
    "Ruling",
    "SeedMeans",
    "Sensitivity",
    "Structure",
    "TestName",
    "VarianceSplit",
    "VerdictChances",
    "apply_gates",
    "attainable_p",
    "coarse",
    "combine",
    "contrasts",
    "decide_family",
    "decide_many",
    "decision_interval",
    "detectable_effect",
    "e_value",
    "explain_pooling",
    "fragile_rate",
    "holm",
    "item_error",
    "joint_power",
    "judge",
    "judge_many",
    "leave_one_out",
    "measured_errors",
    "near_margin",
    "no_spread",
    "nominal_level",
    "nominal_levels",
    "ordinary_interval",
    "outlook",
    "pooling_error",
    "power",
    "prospect",
    "ratio_bounds",
    "reduce_to_seeds",
    "refuse_rows",
    "region_of",
    "rule",
    "rule_of",
    "sd_upper",
    "seeds_for",
    "seeds_needed",
    "sensitivity",
    "sequential_p",
    "smallest_p",
    "tie_tolerance",
    "unseen_failure_bound",
    "verdict_chances",
]
