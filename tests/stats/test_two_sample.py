"""Two independent samples: Welch and Mann-Whitney against SciPy, their size, their bounds to the
last bit.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from faeval.errors import FaevalError
from faeval.stats import (
    _ranks,
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
def test_a_value_lies_beyond_the_bound_exactly_where_its_p_is_within_the_level(
    name, a, b, level, side
):
    p, bound = TESTS[name]
    found, alternative = bound(a, b, level, side), "greater" if side == "lower" else "less"
    if math.isinf(found):
        assert p(a, b, -1e6 if side == "lower" else 1e6, alternative) > level
        return
    assert p(a, b, found, alternative) > level
    assert (
        p(a, b, math.nextafter(found, -math.inf if side == "lower" else math.inf), alternative)
        <= level
    )


@pytest.mark.parametrize("name", TESTS)
def test_the_interval_at_the_level_of_p_itself_excludes_the_value_and_a_stricter_one_does_not(name):
    # SciPy's t distribution is not monotone in its last bit: without a guard one in 60 of these
    # disagrees for Welch.
    p, bound = TESTS[name]
    rng = np.random.default_rng(1)
    for n, m, value in itertools.product([2, 3, 5], [2, 4, 5], [0.0, 0.3, -0.7] * 5):
        a, b = rng.normal(0.4, 1.0, n), rng.normal(0.0, 2.0, m)
        met = p(a, b, value)
        for level in (met, math.nextafter(met, 0), math.nextafter(met, 1)):
            if 0 < level < 1:
                assert (value < bound(a, b, level)) == (met <= level)
                assert (-value > bound(b, a, level, "upper")) == (p(b, a, -value, "less") <= level)


@given(
    st.lists(numbers, min_size=2, max_size=5),
    st.lists(numbers, min_size=2, max_size=5),
    st.floats(-20, 20),
    st.integers(1, 40),
)
def test_the_p_value_of_welch_never_falls_with_the_bound_not_by_a_last_bit(a, b, bound, steps):
    p = [welch_p(a, b, bound)]
    for _ in range(steps):
        bound = math.nextafter(bound, math.inf)
        p.append(welch_p(a, b, bound))
    assert p == sorted(p)


@pytest.mark.parametrize("level", [5e-324, 1e-300, 1e-12, 1 - 2**-53])
@pytest.mark.parametrize("a", [[1.0, 2.0, 3.0], [1e300, -1e300]])
def test_the_welch_bound_is_the_crossing_at_extreme_levels_too(level, a):
    bound, b = welch_bound(a, [0.0, 0.5, 1.0], level), [0.0, 0.5, 1.0]
    if math.isinf(bound):
        assert (welch_p(a, b, math.copysign(1e300, bound)) <= level) == (bound > 0)
    else:
        assert welch_p(a, b, math.nextafter(bound, -math.inf)) <= level < welch_p(a, b, bound)


def test_the_mann_whitney_bound_is_the_order_statistic_that_the_table_names():
    # origin: tables of U for n = m = 5: P(U <= 4) = 12/252 <= .05 < P(U <= 5) = 19/252, so the
    # fifth smallest difference
    a, b = np.array([0.5, 2.0, 3.5, 6.0, 9.0]), np.array([0.0, 0.25, 1.0, 2.25, 4.0])
    gaps = np.sort(np.subtract.outer(a, b).ravel())
    assert mann_whitney_bound(a, b, 0.05) == pytest.approx(gaps[4], rel=1e-13)
    assert mann_whitney_bound(a, b, 0.05, "upper") == pytest.approx(gaps[-5], rel=1e-13)


def test_a_difference_on_the_bound_speaks_against_either_decision():
    # origin: two of four pairs lie on the bound; P(U >= 1) = 5/6 either way
    assert mann_whitney_p([0.0, 1.0], [0.0, 1.0]) == pytest.approx(5 / 6, rel=1e-12)
    assert mann_whitney_p([0.0, 1.0], [0.0, 1.0], 0.0, "less") == mann_whitney_p(
        [0.0, 1.0], [0.0, 1.0]
    )


@pytest.mark.parametrize(
    ("one", "many"), [(welch_p, welch_p_many), (mann_whitney_p, mann_whitney_p_many)]
)
def test_many_pairs_at_once_are_judged_as_one_at_a_time(one, many):
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    a[0], b[0] = 1.0, 0.0
    assert many(a, b, 0.2).tolist() == [one(x, y, 0.2) for x, y in zip(a, b, strict=True)]
    assert many(a[:, :1], b).tolist() == [1.0] * 20
    with pytest.raises(FaevalError, match="b must be one sample for each of 20 rows of a"):
        many(a, b[:3])
    with pytest.raises(FaevalError, match="a must be two-dimensional"):
        many(a[0], b[0])


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
    assert p([], [0.0, 0.1]) == p([0.0, 0.1], []) == p([], []) == 1.0
    # The last two: rounding is no spread, .1 + .2 beside .3, nor that of a sample a hundred times
    # as large.
    for a, b in (
        ([1.0] * 3, [0.0] * 3),
        ([0.1 + 0.2, 0.3, 0.3], [0.1] * 3),
        ([1.0, 1.0 + 2**-46, 1.0], [100.0] * 3),
    ):
        assert p(a, b) == p(b, a) == p(a, b, -200.0) == 1.0
        assert bound(a, b, 0.05) == -math.inf
        assert bound(a, b, 0.05, "upper") == math.inf
    # spread in one of them is enough
    assert 0 < p([1.0, 1.0, 1.0], [0.0, 0.1, 0.2]) <= 0.05
    assert bound([1.0, 1.0, 1.0], [0.0, 0.1, 0.2], 0.05) > 0


def test_sizes_beyond_the_exact_table_are_named():
    tails = _ranks.mann_whitney_tails(60, 55)
    assert (np.diff(tails) <= 0).all()
    assert tails[0] == 1.0
    with pytest.raises(
        FaevalError,
        match="at most 100 values each for Mann-Whitney's exact test, but have 101 and 2",
    ):
        mann_whitney_p(np.arange(101.0), [0.0, 1.0])


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
