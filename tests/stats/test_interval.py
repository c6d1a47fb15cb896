"""Decision intervals: which bound stands at which level, and that each is the inversion of its
test.
"""

import math

import numpy as np
import pytest
from scipy import stats
from stats_reference.one_sample import sign_flip_p, sign_test_p

from faeval.errors import FaevalError
from faeval.stats import combine, decision_interval, judge

D = (0.08, 0.10, 0.09, 0.11, 0.12)


def scipy_bounds(level_low, level_high):
    """One-sided t bounds from scipy, each at its own level."""
    test = stats.ttest_1samp(D, 0)
    return (
        test.confidence_interval(1 - 2 * level_low).low,
        test.confidence_interval(1 - 2 * level_high).high,
    )


@pytest.mark.parametrize(
    ("kind", "levels"),
    [
        # the supporting bound is at .04; the other at .06 / 3, for one of three assertions
        ("exceeds", (0.04, 0.02)),
        ("not_below", (0.04, 0.02)),
        ("below", (0.02, 0.04)),
        ("not_above", (0.02, 0.04)),
    ],
)
def test_each_bound_of_a_one_sided_assertion_has_its_own_level(kind, levels):
    interval = decision_interval(judge(kind, D, 0.03), 0.04, 0.06, k=3)
    assert (interval.level_low, interval.level_high) == pytest.approx(levels, rel=1e-15)
    assert (interval.low, interval.high) == pytest.approx(scipy_bounds(*levels), rel=1e-10)
    assert interval.refuting is None


def test_an_equivalence_has_two_intervals():
    interval = decision_interval(judge("equivalent", D, 0.2), 0.04, 0.06, k=3)
    assert (interval.low, interval.high) == pytest.approx(scipy_bounds(0.04, 0.04), rel=1e-10)
    assert (interval.level_low, interval.level_high) == (0.04, 0.04)
    assert (interval.refuting.low, interval.refuting.high) == pytest.approx(
        scipy_bounds(0.01, 0.01), rel=1e-10
    )
    assert (interval.refuting.level_low, interval.refuting.level_high) == (0.01, 0.01)


@pytest.mark.parametrize(("test", "p"), [("sign-flip", sign_flip_p), ("sign", sign_test_p)])
@pytest.mark.parametrize("n", [4, 6, 9])
@pytest.mark.parametrize("level", [1 / 16, 0.1, 0.3, 0.5])
def test_bounds_of_the_exact_tests_are_where_the_test_stops_rejecting(test, p, n, level):
    d = np.random.default_rng(n).normal(size=n)
    interval = decision_interval(judge("exceeds", d, 0.0, test=test), level, level)
    step = 1e-9
    assert p(d, interval.low - step) <= level < p(d, interval.low + step)
    assert p(d, interval.high + step, "less") <= level < p(d, interval.high - step, "less")


def test_the_sign_interval_ends_on_order_statistics():
    # origin: n = 6 at level 7/64 = P(Bin(6, 1/2) >= 5): the second smallest and the second largest
    # value
    interval = decision_interval(
        judge("exceeds", [5, 1, 2, 6, 3, 4], 0.0, test="sign"), 7 / 64, 7 / 64
    )
    assert (interval.low, interval.high) == pytest.approx((2.0, 5.0), rel=1e-13)


def test_the_sign_flip_interval_ends_on_the_extremes_at_the_smallest_level():
    # origin: at level 2^-n only the pattern without a flip is rejected, so the bounds are min and
    # max
    interval = decision_interval(
        judge("exceeds", [1.0, 2.0, 4.0, 8.0], 0.0, test="sign-flip"), 1 / 16, 1 / 16
    )
    assert (interval.low, interval.high) == pytest.approx((1.0, 8.0), rel=1e-14)


@pytest.mark.parametrize("kind", ["exceeds", "below", "not_above", "not_below", "equivalent"])
@pytest.mark.parametrize("k", [1, 3])
def test_bound_and_p_agree_in_the_last_bit(kind, k):
    # The closed form of a t bound at level p misses the margin by an ulp or so, on either side, in
    # many of these.
    rng = np.random.default_rng(k)
    for d in rng.normal(0.4, 1.0, (60, 4)):
        j = judge(kind, d, 0.7)
        for level in (j.p_support, math.nextafter(j.p_support, 0)):
            if level <= 0.5:
                interval = decision_interval(j, level, 1e-3, k)
                inside = {
                    "exceeds": interval.low > 0.7,
                    "not_below": interval.low > -0.7,
                    "below": interval.high < -0.7,
                    "not_above": interval.high < 0.7,
                    "equivalent": interval.low > -0.7 and interval.high < 0.7,
                }
                assert inside[kind] == (j.p_support <= level)
        refute = combine([j] * k)[1]
        for level in (refute, math.nextafter(refute, 0)):
            if level <= 0.5:
                interval = decision_interval(j, 1e-3, level, k)
                both = interval.refuting or interval
                outside = {
                    "exceeds": interval.high < 0.7,
                    "not_below": interval.high < -0.7,
                    "below": interval.low > -0.7,
                    "not_above": interval.low > 0.7,
                    "equivalent": both.low > 0.7 or both.high < -0.7,
                }
                assert outside[kind] == (refute <= level)


@pytest.mark.parametrize("test", ["sign-flip", "sign"])
def test_an_unattainable_level_bounds_nothing(test):
    interval = decision_interval(judge("exceeds", D, 0.0, test=test), 0.03, 0.03)
    assert (interval.low, interval.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("test", "d"),
    [
        *((test, d) for test in ("t", "sign-flip", "sign") for d in ([], [1.0])),
        *((test, [0.1] * 9) for test in ("t", "sign-flip")),
    ],
)
def test_undecidable_differences_bound_nothing(test, d):
    interval = decision_interval(judge("exceeds", d, 0.0, test=test), 0.05, 0.05)
    assert (interval.low, interval.high) == (-math.inf, math.inf)


def test_an_estimate_on_the_margin_at_level_one_half_excludes_nothing():
    interval = decision_interval(judge("exceeds", [1.0, 2.0, 3.0], 2.0), 0.5, 0.5)
    assert (interval.low, interval.high) == (2.0, 2.0)


def test_unusable_input_is_named():
    j = judge("exceeds", D, 0.03)
    for levels, named in (
        ((0.0, 0.05), r"level_support must .*0\.0\b"),
        ((0.05, 0.51), r"level_refute must .*0\.51\b"),
        ((math.nan, 0.05), r"level_support must .*\bnan\b"),
    ):
        with pytest.raises(FaevalError, match=f"^{named}"):
            decision_interval(j, *levels)
    with pytest.raises(FaevalError, match=r"^k must .*\b1, .*\b0\b"):
        decision_interval(j, 0.05, 0.05, k=0)
