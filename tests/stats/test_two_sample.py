"""Two independent samples: Welch and Mann-Whitney against SciPy, their size, their bounds to the last bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from faeval.errors import FaevalError
from faeval.stats import (
    mann_whitney_bound,
    mann_whitney_p,
    mann_whitney_p_many,
    welch_bound,
    welch_p,
    welch_p_many,
)

TESTS = {"welch": (welch_p, welch_bound), "mann-whitney": (mann_whitney_p, mann_whitney_bound)}


@pytest.mark.parametrize("alternative", ["greater", "less"])
@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (5, 3), (10, 8)])
def test_both_agree_with_scipy(n, m, alternative):
    rng = np.random.default_rng(n)
    a, b = rng.normal(0.5, 1.0, n), rng.normal(0.0, 2.0, m)
    for bound in (0.0, 0.4):
        welch = stats.ttest_ind(a - bound, b, equal_var=False, alternative=alternative).pvalue
        assert welch_p(a, b, bound, alternative) == pytest.approx(welch, rel=1e-10)
        exact = stats.mannwhitneyu(a - bound, b, alternative=alternative, method="exact").pvalue
        assert mann_whitney_p(a, b, bound, alternative) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_the_welch_bound_agrees_with_scipy(level):
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.5, 1.0, 5), rng.normal(0.0, 2.0, 4)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - 2 * level)
    assert welch_bound(a, b, level) == pytest.approx(interval.low, rel=1e-9)
    assert welch_bound(a, b, level, "upper") == pytest.approx(interval.high, rel=1e-9)


numbers = st.floats(-10, 10, allow_subnormal=False)


@pytest.mark.parametrize("name", TESTS)
@given(
    a=st.lists(numbers, min_size=2, max_size=5),
    b=st.lists(numbers, min_size=2, max_size=5),
    level=st.one_of(st.sampled_from([0.05, 0.1, 0.5]), st.floats(0.01, 0.9)),
    side=st.sampled_from(["lower", "upper"]),
)
def test_a_value_lies_beyond_the_bound_exactly_where_its_p_is_within_the_level(name, a, b, level, side):
    p, bound = TESTS[name]
    found, alternative = bound(a, b, level, side), "greater" if side == "lower" else "less"
    if math.isinf(found):
        assert p(a, b, -1e6 if side == "lower" else 1e6, alternative) > level
        return
    assert p(a, b, found, alternative) > level
    assert p(a, b, math.nextafter(found, -math.inf if side == "lower" else math.inf), alternative) <= level


@pytest.mark.parametrize(
    ("many", "sizes"),
    # origin: project policy, one-sided .05 at n = 3, 5, 10
    [(welch_p_many, (0.041, 0.046, 0.049)), (mann_whitney_p_many, (0.052, 0.049, 0.047))],
)
def test_size_under_equal_normal_arms(many, sizes):
    for n, size in zip((3, 5, 10), sizes, strict=True):
        draws = np.random.default_rng(n).normal(size=(2, 40_000, n))
        share = np.mean(many(*draws) <= 0.05)
        assert abs(share - size) < 4 * math.sqrt(size * (1 - size) * (1 / 40_000 + 1 / 20_000))


@pytest.mark.parametrize("name", TESTS)
def test_too_few_values_or_no_spread_never_speak(name):
    p, bound = TESTS[name]
    assert p([1.0], [0.0, 0.1]) == p([1.0, 1.1], [0.0]) == 1.0
    assert bound([1.0], [0.0, 0.1], 0.05) == -math.inf
    if name == "welch":
        assert p([1.0, 1.0], [0.0, 0.0]) == 1.0
        assert bound([1.0, 1.0], [0.0, 0.0], 0.05, "upper") == math.inf
        assert 0 < p([1.0, 1.0, 1.0], [0.0, 0.1, 0.2]) < 0.05


@pytest.mark.parametrize("name", TESTS)
def test_unusable_input_is_named(name):
    p, bound = TESTS[name]
    with pytest.raises(FaevalError, match=r"b\[0\] must be finite .* is nan"):
        p([1.0, 2.0], [math.nan, 1.0])
    with pytest.raises(FaevalError, match="alternative must be one of greater, less"):
        p([1.0, 2.0], [0.0, 1.0], 0.0, "two-sided")
    with pytest.raises(FaevalError, match="side must be one of lower, upper"):
        bound([1.0, 2.0], [0.0, 1.0], 0.05, "left")
    with pytest.raises(FaevalError, match="level must be strictly between 0 and 1"):
        bound([1.0, 2.0], [0.0, 1.0], 0.0)
