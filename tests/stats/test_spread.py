"""Spread: its estimate, its absence, its upper bound; and the bound for failures that no seed has
shown.
"""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from faeval.errors import FaevalError
from faeval.stats import judge, no_spread, sd_upper, unseen_failure_bound

EPSILON = np.finfo(float).eps


def test_rounding_is_no_spread():
    # known difference: numpy's s.d. of three copies of .7 is 1.4e-16, because their mean is rounded
    a = np.full(3, 0.7)
    assert np.std(a, ddof=1) > 0
    assert no_spread(a)
    assert judge("exceeds", a, 0.0).sd == 0.0
    # .41 - .40 and .31 - .30 differ in their last bits
    assert no_spread([0.31, 0.41, 0.51], [0.30, 0.40, 0.50])
    assert no_spread([1.0, 1.0], 1.0)
    assert no_spread([0.0, 0.0])


def test_spread_is_measured_against_the_sides_before_subtraction():
    noise = np.array([0.0, 1.0, 2.0]) * EPSILON
    # differences of a few eps have full spread of their own, but none beside sides of size 1
    assert no_spread(1 + noise, np.ones(3))
    assert not no_spread(noise, np.zeros(3))
    assert not no_spread([0.31, 0.32, 0.33], 0.30)


def test_the_threshold_is_eight_epsilons_of_the_largest_value():
    # origin: the s.d. of (0, j eps) is j eps / sqrt 2: 7.8 eps at j = 11, 8.5 eps at j = 12
    for j, expected in ((11, True), (12, False)):
        ones = np.array([1.0, 1.0 + j * EPSILON])
        assert (
            no_spread(ones, [1.0, 1.0])
            is no_spread([1.0, 1.0], ones)
            is no_spread(ones, 1.0)
            is expected
        )
        # where only one side is large, that one sets the scale
        assert no_spread(ones - 1.0, -1.0) is no_spread(ones, 0.0) is expected


def test_the_spread_of_fewer_than_two_seeds_is_unknown():
    assert no_spread([], []) is no_spread([1.0], [2.0]) is False


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=2, max_size=6))
def test_where_judge_refuses_no_spread_would_have_refused(pairs):
    a, b = zip(*pairs, strict=True)
    differences = [x - y for x, y in pairs]
    j = judge("exceeds", differences, 0.0)
    if (j.p_support, j.p_refute) == (1.0, 1.0):
        assert no_spread(a, b)


def test_judge_alone_refuses_half_of_that_spread():
    # origin: a difference is at most twice its larger side; 3.5 and 4.2 eps at j = 5, 6, as above
    for j, undecided in ((5, True), (6, False)):
        for test in ("t", "sign-flip"):
            judged = judge("exceeds", [1.0, 1.0 + j * EPSILON], 0.0, test=test)
            assert ((judged.p_support, judged.p_refute) == (1.0, 1.0)) is undecided


def test_sides_must_be_paired():
    with pytest.raises(FaevalError, match=r"^a and b .*paired.*\b2\b.*\b3\b"):
        no_spread([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(FaevalError, match=r"a\[0\] must be finite"):
        no_spread([math.nan, 1.0])
    with pytest.raises(FaevalError, match=r"^b must .*\bnan\b"):
        no_spread([1.0, 2.0], math.nan)


def test_sd_upper_agrees_with_scipys_chi_square():
    for n in (2, 3, 5, 30):
        for confidence in (0.5, 0.8, 0.95):
            expected = 2 * math.sqrt((n - 1) / stats.chi2.ppf(1 - confidence, n - 1))
            assert sd_upper(2.0, n, confidence) == pytest.approx(expected, rel=1e-10)
    # origin: project policy: 95 % would multiply the seeds, so the variance, by 19 at n = 3
    assert sd_upper(1.0, 3, 0.95) ** 2 == pytest.approx(19, abs=0.6)
    assert sd_upper(1.0, 3) == sd_upper(1.0, 3, 0.80)
    assert sd_upper(1.0, 1) == sd_upper(0.0, 0) == math.inf


def test_sd_upper_covers_the_truth_as_often_as_it_says():
    reps = 4000
    sds = np.random.default_rng(3).normal(0, 1.5, (reps, 4)).std(axis=1, ddof=1)
    covered = np.mean([sd_upper(sd, 4) >= 1.5 for sd in sds])
    assert abs(covered - 0.8) < 4 * math.sqrt(0.8 * 0.2 / reps)


def test_unseen_failures_agree_with_the_policy_and_with_scipy():
    # origin: project policy: 1 - .05^(1/n) is 63 %, 45 %, 26 %, 14 % at n = 3, 5, 10, 20
    assert [round(unseen_failure_bound(n), 2) for n in (3, 5, 10, 20)] == [0.63, 0.45, 0.26, 0.14]
    for n in (1, 5, 20):
        assert unseen_failure_bound(n) == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-12)
        for failures in range(n + 1):
            exact = stats.binomtest(failures, n, alternative="less").proportion_ci(0.9).high
            assert unseen_failure_bound(n, failures, 0.9) == pytest.approx(exact, rel=1e-9)
    assert unseen_failure_bound(0) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sd_upper(-1.0, 3), "sd must be a standard deviation, at least 0, but is -1.0"),
        (lambda: sd_upper(1.0, 3, 1.0), "confidence must be strictly between 0 and 1, but is 1.0"),
        (
            lambda: unseen_failure_bound(3, 4),
            "failures must be at most the 3 seeds looked at, but is 4",
        ),
        (lambda: unseen_failure_bound(-1), "n must be a whole number of at least 0, but is -1"),
        (
            lambda: unseen_failure_bound(3, confidence=0.0),
            "confidence must be strictly between 0 and 1",
        ),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(FaevalError, match=message):
        call()
