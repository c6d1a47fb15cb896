"""Numbers in, decisions out: assertions about differences over seeds, families of them, and what a design can tell.

Plain functions on arrays, with NumPy and SciPy alone. One number per seed comes in; the seed is the replicate.
"""

from __future__ import annotations

from faeval.stats._failures import unseen_failure_bound
from faeval.stats._holm import Decision, HolmResult, decide_family, holm
from faeval.stats._interval import Interval, decision_interval
from faeval.stats._judge import Judgement, Kind, combine, judge, leave_one_out
from faeval.stats._power import detectable_effect, power, seeds_needed
from faeval.stats._prospect import Prospect, prospect, seeds_for
from faeval.stats._spread import no_spread, sd_upper
from faeval.stats._tests import attainable_p, confidence_interval, sign_flip_p, sign_test_p, t_p

__all__ = [
    "Decision",
    "HolmResult",
    "Interval",
    "Judgement",
    "Kind",
    "Prospect",
    "attainable_p",
    "combine",
    "confidence_interval",
    "decide_family",
    "decision_interval",
    "detectable_effect",
    "holm",
    "judge",
    "leave_one_out",
    "no_spread",
    "power",
    "prospect",
    "sd_upper",
    "seeds_for",
    "seeds_needed",
    "sign_flip_p",
    "sign_test_p",
    "t_p",
    "unseen_failure_bound",
]
