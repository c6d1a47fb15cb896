"""The rules of faeval.stats on differences, each by its name: p-values either way, and bounds."""

import math
from functools import partial

import numpy as np

from faeval.stats import rule_of
from faeval.stats._bound_search import crossing


def p(test, differences, bound=0.0, alternative="greater", *, tolerance=None):
    """One-sided p-value of the centre of differences, shape (n,), against `bound`."""
    rule = rule_of(test)
    values = rule.sample(differences)
    if alternative == "less":
        values, bound = rule.exchanged(values), -bound
    return float(
        rule.p_greater(*rule.against_ties(values, rule.tolerance(tolerance, values)), bound)
    )


t_p, sign_flip_p, sign_test_p, wilcoxon_p = (
    partial(p, test) for test in ("t", "sign-flip", "sign", "wilcoxon")
)


def confidence_bound(test, differences, level, side="lower"):
    """The outermost value that the test does not reject, to the last bit; infinite for none."""
    rule = rule_of(test)
    values = rule.sample(differences)
    if side == "upper":
        return -confidence_bound(test, rule.exchanged(values)[0], level)
    lowered = rule.against_ties(values, rule.tolerance(None, values))
    bound = float(rule.lower_bound(*lowered, level))
    if rule.counts or not math.isfinite(bound):
        return bound  # order statistics, as p is counted: they agree with it as they are

    def rejected(value):
        return bool(rule.p_greater(*values, value) <= level)

    return crossing(rejected, bound, float(np.max(np.abs(values[0]))))
