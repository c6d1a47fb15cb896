"""Design: power against other implementations, its inverses, and the policy's table."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from faeval.errors import FaevalError
from faeval.stats import detectable_effect, judge_many, power, seeds_needed

ns = st.integers(2, 60)
alphas = st.sampled_from([0.05, 0.025, 0.05 / 8, 0.5])
effects = st.floats(0.01, 50)


def test_power_agrees_with_scipys_noncentral_t():
    for n in (2, 3, 5, 20, 200):
        for alpha in (0.5, 0.05, 0.05 / 8):
            for effect in (-1.0, 0.0, 0.3, 1.0, 3.0):
                critical = stats.t.isf(alpha, n - 1)
                expected = stats.nct.sf(critical, n - 1, effect * math.sqrt(n))
                assert power(2 * effect, 2, n, alpha) == pytest.approx(expected, abs=1e-10)


def test_power_agrees_with_statsmodels_where_that_is_a_number():
    TTestPower = pytest.importorskip("statsmodels.stats.power").TTestPower
    solver = TTestPower()
    for n in (3, 5, 10, 20):
        for effect in (0.5, 1.0, 2.0):
            expected = solver.power(effect, n, 0.05, alternative="larger")
            assert power(effect, 1, n, 0.05) == pytest.approx(expected, abs=1e-9)
    # known difference: statsmodels has no number for a large effect
    assert math.isnan(solver.power(10, 20, 0.05 / 8, alternative="larger"))
    assert power(10, 1, 20, 0.05 / 8) == 1.0


@pytest.mark.parametrize("effect", [1e3, 7.0e4, 1e6])
def test_power_far_beyond_the_reach_of_nct_agrees_with_quadrature(effect):
    # origin: for n = 2, T > c reads |V| < (shift + Z) / c with V, Z independent standard normal;
    # mpmath, 30 digits
    alpha = 1e-6
    with mpmath.workdps(30):
        critical = mpmath.cot(mpmath.pi * mpmath.mpf(alpha))  # the Cauchy quantile
        shift = effect * mpmath.sqrt(2)
        expected = mpmath.quad(
            lambda z: mpmath.npdf(z) * mpmath.erf((shift + z) / critical / mpmath.sqrt(2)),
            [-12, -4, 0, 4, 12],
        )
    assert power(effect, 1, 2, alpha) == pytest.approx(float(expected), abs=1e-8)


def test_power_is_the_rate_at_which_the_rule_decides():
    rng, reps = np.random.default_rng(7), 3000
    for n, effect in ((3, 2.0), (5, 1.2), (10, 0.8)):
        draws = rng.normal(1 + effect, 1, (reps, n))
        decided = np.mean(judge_many("exceeds", draws, 1.0)[0] <= 0.05)
        expected = power(effect, 1, n, 0.05)
        assert abs(decided - expected) < 4 * math.sqrt(expected * (1 - expected) / reps)


@given(st.one_of(st.floats(-50, 50), st.floats(-1e300, 1e300)), st.floats(0, 1e4), ns, alphas)
def test_power_is_a_probability_that_grows_with_the_effect(effect, more, n, alpha):
    first, second = power(effect, 1, n, alpha), power(effect + more, 1, n, alpha)
    assert 0 <= first <= 1
    assert second >= first - 1e-12


@given(effects, ns, alphas)
def test_power_grows_with_the_seeds(effect, n, alpha):
    assert power(effect, 1, n + 1, alpha) >= power(effect, 1, n, alpha) - 1e-12


def test_power_at_no_effect_is_alpha_and_below_two_seeds_nothing():
    assert power(0, 1, 5, 0.05) == pytest.approx(0.05, abs=1e-12)
    assert power(100, 1, 1, 0.05) == power(100, 1, 0, 0.05) == 0.0
    assert power(1e300, 1e-300, 2, 0.05) == 1.0
    assert power(-1e300, 1e-300, 2, 0.05) == 0.0


def test_detectable_effect_reproduces_the_policys_row():
    # origin: project policy, section 0 (simulated there): one-sided, 80 %, alpha .05
    row = {3: 2.30, 4: 1.65, 5: 1.36, 6: 1.19, 8: 0.98, 10: 0.85, 15: 0.68, 20: 0.58}
    assert {n: round(detectable_effect(n, 0.05), 2) for n in row} == row
    # the same at the first Holm step in a family of eight
    assert [round(detectable_effect(n, 0.05 / 8), 2) for n in (3, 5)] == [6.55, 2.48]


def test_detectable_effect_at_one_sided_half_alpha_reproduces_the_two_sided_row():
    # origin: project policy, section 4: two-sided .05, whose wrong tail adds nothing visible
    row = {3: 3.26, 4: 2.13, 5: 1.68, 6: 1.43, 8: 1.16, 10: 1.00, 15: 0.78, 20: 0.66}
    assert {n: round(detectable_effect(n, 0.025), 2) for n in row} == row


def test_detectable_effect_agrees_with_statsmodels():
    TTestPower = pytest.importorskip("statsmodels.stats.power").TTestPower
    for n in (4, 7, 12):
        expected = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.9, alternative="larger")
        assert detectable_effect(n, 0.05, 0.9) == pytest.approx(
            expected, rel=1e-5
        )  # its solver stops there


@settings(max_examples=50)
@given(
    st.integers(2, 200),
    st.sampled_from([0.05, 0.025, 0.05 / 8]),
    st.sampled_from([0.5, 0.8, 0.9, 0.99]),
)
def test_seeds_needed_and_detectable_effect_are_inverse(n, alpha, wanted):
    effect = detectable_effect(n, alpha, wanted)
    assert power(effect, 1, n, alpha) >= wanted
    assert power(effect * (1 - 1e-6), 1, n, alpha) < wanted
    assert seeds_needed(effect, 1, alpha, wanted) == n
    assert seeds_needed(effect * (1 - 1e-6), 1, alpha, wanted) == n + 1


@settings(max_examples=50)
@given(st.floats(0.05, 30), st.floats(0.1, 10), st.sampled_from([0.05, 0.05 / 4]))
def test_seeds_needed_is_the_first_number_that_reaches_the_power(effect, sd, alpha):
    n = seeds_needed(effect, sd, alpha)
    if n is None:
        assert power(effect, sd, 10_000, alpha) < 0.8
    else:
        assert power(effect, sd, n, alpha) >= 0.8
        assert power(effect, sd, n - 1, alpha) < 0.8
        assert seeds_needed(1000 * effect, 1000 * sd, alpha) in (n - 1, n, n + 1)


def test_no_number_of_seeds_shows_what_is_not_there():
    assert seeds_needed(0.0, 1, 0.05) is None
    assert seeds_needed(-1.0, 1, 0.05) is None
    assert seeds_needed(0.01, 1, 0.05) is None
    assert seeds_needed(0.01, 1, 0.05, max_n=100_000) == pytest.approx(
        61_828, abs=5
    )  # origin: ((1.645 + .842)/.01)^2
    assert seeds_needed(1e6, 1, 0.05) == 2


def test_detectable_effect_needs_two_seeds():
    assert detectable_effect(0, 0.05) == detectable_effect(1, 0.05) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power(math.nan, 1, 5, 0.05), "effect must be a finite number, but is nan"),
        (lambda: power(1, 0.0, 5, 0.05), "sd must be a standard deviation above 0, but is 0.0"),
        (
            lambda: power(1, 1, 5.0, 0.05),
            r"n must be a whole number of at least 0, but is 5.0 \(float\)",
        ),
        (
            lambda: power(1, 1, 5, 0.7),
            "alpha must be an error rate above 0 and at most 0.5, but is 0.7",
        ),
        (lambda: seeds_needed(1, -1, 0.05), "sd must be a standard deviation above 0, but is -1"),
        (
            lambda: seeds_needed(1, 1, 0.05, 1.0),
            "power must be strictly between 0 and 1, but is 1.0",
        ),
        (
            lambda: seeds_needed(1, 1, 0.05, max_n=1),
            "max_n must be a whole number of at least 2, but is 1",
        ),
        (lambda: detectable_effect(-1, 0.05), "n must be a whole number of at least 0, but is -1"),
        (
            lambda: detectable_effect(5, 0.05, 0.01),
            "power must be a probability above alpha and below 1, but is 0.01",
        ),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(FaevalError, match=message):
        call()
