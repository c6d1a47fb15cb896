"""Checks for what others write: metrics and learning rules.

Strategies of hypothesis for what metrics are given.

Needs the extras ``bench`` and ``test-kit``: ``pip install "faeval[bench,test-kit]"``.
"""

from faeval._extras import require

require("bench,test-kit", "faeval.testing (check_metric, check_rule and their strategies)")

from faeval.testing._check_metric import (
    Check as Check,
    check_metric as check_metric,
    metric_checks as metric_checks,
    takes_numpy as takes_numpy,
)
from faeval.testing._check_rule import check_rule as check_rule
from faeval.testing._conformance import Conformance as Conformance, Failure as Failure
from faeval.testing._parametrize import (
    parametrize_with_metric_checks as parametrize_with_metric_checks,
)
from faeval.testing._rule_bench import Approximation as Approximation
from faeval.testing._strategies import pairs as pairs, signals as signals
