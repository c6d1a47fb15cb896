"""Numbers in, decisions out: assertions about differences over seeds, families of them, and what a
design can tell.

Plain functions on arrays, with NumPy and SciPy alone. One number per seed comes in; the seed is the
replicate.
:func:`rule` is the whole of it: contrasts in, one of four words out. What it is made of is public too.
"""

from __future__ import annotations

from faeval.stats._closed import closed_testing
from faeval.stats._e_value import confidence_sequence, e_process, e_value
from faeval.stats._holm import Decision, HolmResult, apply_gates, decide_family, decide_many, holm
from faeval.stats._interval import Interval, decision_interval
from faeval.stats._judge import Judgement, Kind, combine, judge, judge_many
from faeval.stats._looks import (
    constant_boundary,
    nominal_level,
    nominal_levels,
    sequential_p,
    spending_levels,
)
from faeval.stats._measured import MeasuredError, fragile_rate, measured_errors
from faeval.stats._one_sample import (
    AnyTest,
    TestName,
    attainable_p,
    confidence_bound,
    confidence_interval,
    sign_flip_p,
    sign_test_p,
    t_p,
    wilcoxon_p,
)
from faeval.stats._replicates import (
    SeedMeans,
    VarianceSplit,
    explain_pooling,
    pooling_error,
    reduce_to_seeds,
    refuse_rows,
)
from faeval.stats._rule import (
    AGREEMENT,
    LEAST_POWER,
    Contrast,
    Question,
    Ruling,
    coarse,
    contrasts,
    item_error,
    near_margin,
    rule,
)
from faeval.stats._screen import Screen, screen
from faeval.stats._sensitivity import Sensitivity, leave_one_out, sensitivity
from faeval.stats._spread import no_spread, sd_upper, tie_tolerance
from faeval.stats._two_sample import (
    mann_whitney_bound,
    mann_whitney_p,
    mann_whitney_p_many,
    welch_bound,
    welch_p,
    welch_p_many,
)
from faeval.stats.planning._outlook import (
    Chances,
    Outlook,
    Prospect,
    joint_power,
    outlook,
    prospect,
    seeds_for,
    verdict_chances,
)
from faeval.stats.planning._power import detectable_effect, power, seeds_needed
from faeval.stats.planning._unseen_failures import unseen_failure_bound

__all__ = [
    "AGREEMENT",
    "LEAST_POWER",
    "AnyTest",
    "Chances",
    "Contrast",
    "Decision",
    "HolmResult",
    "Interval",
    "Judgement",
    "Kind",
    "MeasuredError",
    "Outlook",
    "Prospect",
    "Question",
    "Ruling",
    "Screen",
    "SeedMeans",
    "Sensitivity",
    "TestName",
    "VarianceSplit",
    "apply_gates",
    "attainable_p",
    "closed_testing",
    "coarse",
    "combine",
    "confidence_bound",
    "confidence_interval",
    "confidence_sequence",
    "constant_boundary",
    "contrasts",
    "decide_family",
    "decide_many",
    "decision_interval",
    "detectable_effect",
    "e_process",
    "e_value",
    "explain_pooling",
    "fragile_rate",
    "holm",
    "item_error",
    "joint_power",
    "judge",
    "judge_many",
    "leave_one_out",
    "mann_whitney_bound",
    "mann_whitney_p",
    "mann_whitney_p_many",
    "measured_errors",
    "near_margin",
    "no_spread",
    "nominal_level",
    "nominal_levels",
    "outlook",
    "pooling_error",
    "power",
    "prospect",
    "reduce_to_seeds",
    "refuse_rows",
    "rule",
    "screen",
    "sd_upper",
    "seeds_for",
    "seeds_needed",
    "sensitivity",
    "sequential_p",
    "sign_flip_p",
    "sign_test_p",
    "spending_levels",
    "t_p",
    "tie_tolerance",
    "unseen_failure_bound",
    "verdict_chances",
    "welch_bound",
    "welch_p",
    "welch_p_many",
    "wilcoxon_p",
]
