"""The running ledger: against the likelihood ratio it is, its duality with its intervals, and its error at any time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as scipy_stats

from faeval.errors import FaevalError
from faeval.stats import confidence_sequence, e_process, e_value

D = [0.9, 1.1, 1.0, 0.8, 1.2]


@pytest.mark.parametrize("prior_sd", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_the_e_value_is_the_likelihood_ratio_of_the_t_statistic(n, prior_sd):
    d = np.random.default_rng(n).normal(0.6, 1.0, n)
    t = scipy_stats.ttest_1samp(d, 0.1).statistic

    def ratio(effect):
        density = scipy_stats.nct.pdf(t, n - 1, effect * math.sqrt(n)) / scipy_stats.t.pdf(t, n - 1)
        return density * scipy_stats.norm.pdf(effect, scale=prior_sd)

    expected, _ = integrate.quad(ratio, -8 * prior_sd, 8 * prior_sd, limit=200)
    assert e_value(d, 0.1, prior_sd) == pytest.approx(expected, rel=1e-5)


@given(
    st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=2, max_size=8),
    st.floats(-6, 6),
    st.sampled_from([0.05, 0.2, 0.5]),
)
def test_a_value_lies_outside_the_interval_exactly_where_the_evidence_against_it_is_enough(d, bound, alpha):
    low, high = confidence_sequence(d, alpha)[-1]
    evidence = e_value(d, bound)
    if abs(evidence * alpha - 1) > 1e-6 and (low, high) != (-math.inf, math.inf):
        assert (evidence >= 1 / alpha) == (not low < bound < high)
    if (low, high) == (-math.inf, math.inf):
        assert evidence < 1 / alpha * (1 + 1e-9) or len(set(d)) == 1


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.sampled_from([0.5, 4.0, 2.0**-30]))
def test_unit_and_sign_never_matter(d, unit):
    scaled = e_value([x * unit for x in d])
    assert scaled == pytest.approx(e_value(d), rel=1e-9)
    assert e_value([-x for x in d]) == e_value(d)


def test_one_seed_or_equal_ones_are_no_evidence():
    assert e_process([3.0]) == (1.0,)
    assert e_process([0.1] * 4) == (1.0,) * 4
    assert e_value([]) == 1.0
    assert confidence_sequence([3.0]) == ((-math.inf, math.inf),)


def test_overwhelming_evidence_stays_finite():
    assert 1e300 < e_value(1 + 1e-9 * np.arange(300)) < math.inf


def walk(effect, prior_sd, reps=4000, seeds=50):
    """e after each seed for many processes at once, by the formula in S and V: another way than through t."""
    d = np.random.default_rng(7).normal(effect, 1.0, (reps, seeds))
    n, c2 = np.arange(1, seeds + 1), prior_sd**2
    s, v = np.cumsum(d, axis=1), np.cumsum(d**2, axis=1)
    shrunk = n * c2 / (1 + n * c2) * s**2 / (n * v)
    return d, (1 + n * c2) ** -0.5 * (1 - np.minimum(shrunk, 1 - 1e-15)) ** (-n / 2)


def test_both_ways_of_computing_agree():
    d, e = walk(0.5, 1.0, reps=5, seeds=10)
    for row, expected in zip(d, e, strict=True):
        assert e_process(row) == pytest.approx(tuple(expected), rel=1e-6)


@pytest.mark.parametrize("prior_sd", [1.0, 2.0])
def test_looking_after_every_seed_errs_less_than_alpha(prior_sd):
    # origin: project policy: monitored every seed to 50, .022-.026 at .05
    share = np.mean(walk(0.0, prior_sd)[1].max(axis=1) >= 20)
    assert 0.01 < share < 0.026 + 4 * math.sqrt(0.026 / 4000)


@pytest.mark.parametrize(
    ("effect", "n", "low", "high"),
    # origin: project policy: d = 2 is found by n = 5 in 13-43 %, by 10 in 97 %; d = 1 in 38 % by 10, 87 % by 20, for
    # prior variances 1 to 4
    [(2.0, 5, 0.13, 0.43), (2.0, 10, 0.97, 0.97), (1.0, 10, 0.38, 0.38), (1.0, 20, 0.87, 0.87)],
)
def test_power_of_the_ledger(effect, n, low, high):
    found = sorted(np.mean(walk(effect, math.sqrt(v))[1][:, :n].max(axis=1) >= 20) for v in (1.0, 4.0))
    slack = 4 * math.sqrt(0.25 / 4000) + 0.02
    assert found[0] < high + slack
    assert found[1] > low - slack


def test_unusable_input_is_named():
    for call, message in (
        (lambda: e_process([math.nan]), r"differences\[0\] must be finite"),
        (lambda: e_process(D, prior_sd=0.0), "prior_sd must be a standard deviation above 0"),
        (lambda: confidence_sequence(D, 1.0), "alpha must be strictly between 0 and 1"),
    ):
        with pytest.raises(FaevalError, match=message):
            call()
