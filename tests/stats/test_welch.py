"""Unpaired sides: the rule "welch" against SciPy, what it refuses, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy.stats import ttest_ind

from faeval import stats
from faeval.errors import FaevalError
from faeval.stats import Question, contrasts, decision_interval, judge, judge_many, rule

KINDS = [kind for kind, region in stats.KINDS.items() if not region.per_unit]
sides = st.tuples(
    *[st.lists(st.integers(-400, 400).map(lambda k: k / 64), min_size=3, max_size=9)] * 2
)
margins = st.sampled_from([0.0, 0.5, 1.0, 3.0])


def p(a, b, bound, alternative):
    return ttest_ind(np.subtract(a, bound), b, equal_var=False, alternative=alternative).pvalue


def ask(a, b, margin=0.1, kind="exceeds", **more):
    (found,) = rule([Question(contrasts(kind, a, b, margin), test="welch", **more)])
    return found


@given(sides, margins)
def test_p_values_and_the_ordinary_interval_are_those_of_scipy(ab, m):
    a, b = ab
    assume(min(np.ptp(a), np.ptp(b)) > 0)  # where one is constant SciPy warns
    high, low = (
        judge("exceeds", (a, b), m, test="welch"),
        judge("not_below", (a, b), m, test="welch"),
    )
    wanted = [
        p(a, b, m, "greater"),
        p(a, b, m, "less"),
        p(a, b, -m, "greater"),
        p(a, b, -m, "less"),
    ]
    found = [high.p_support, high.p_refute, low.p_support, low.p_refute]
    assert found == pytest.approx(wanted, abs=1e-9)
    both = judge("equivalent", (a, b), m, test="welch")
    assert both.p_support == pytest.approx(max(wanted[1], wanted[2]), abs=1e-9)
    assert both.p_refute == pytest.approx(min(1, 2 * min(wanted[0], wanted[3])), abs=1e-9)
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert stats.ordinary_interval(high) == pytest.approx(tuple(interval), abs=1e-9)
    assert high.estimate == pytest.approx(np.mean(a) - np.mean(b), abs=1e-12)
    assert high.sd == pytest.approx(math.hypot(np.std(a, ddof=1), np.std(b, ddof=1)), abs=1e-12)
    assert (high.n, high.differences) == (min(len(a), len(b)), ())


@given(sides, margins, st.sampled_from(KINDS), st.sampled_from([0.4, 0.05, 0.0125]))
def test_the_interval_excludes_the_margin_exactly_where_p_is_within_its_level(ab, m, kind, level):
    j = judge(kind, ab, m, test="welch")
    interval, region = decision_interval(j, level, level), stats.region_of(kind)
    low, high = region.bounds(m)
    assert (j.p_support <= level) == (interval.low > low and interval.high < high)
    outer = interval.refuting or interval
    assert (j.p_refute <= level) == (outer.high < low or outer.low > high)


@given(sides, margins, st.sampled_from(KINDS), st.randoms(use_true_random=False))
def test_neither_the_order_of_the_seeds_nor_which_side_is_named_first_matters(ab, m, kind, random):
    a, b = ab
    j = judge(kind, (a, b), m, test="welch")
    other = judge(stats.region_of(kind).exchanged, (b, a), m, test="welch")
    assert (other.p_support, other.p_refute) == (j.p_support, j.p_refute)
    mixed = judge(kind, (random.sample(a, len(a)), random.sample(b, len(b))), m, test="welch")
    assert (mixed.p_support, mixed.p_refute, mixed.sd) == (j.p_support, j.p_refute, j.sd)


def test_many_samples_at_once_are_judged_as_each_alone():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 1, (6, 4)), rng.normal(0, 2, (6, 7))
    a[0], b[0] = 1.0, 2.0  # no spread
    for kind in KINDS:
        found = np.array(judge_many(kind, (a, b), 0.3, test="welch")).T.tolist()
        alone = [judge(kind, pair, 0.3, test="welch") for pair in zip(a, b, strict=True)]
        assert found == [[j.p_support, j.p_refute] for j in alone]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_values_in_an_arm_decide_nothing(n):
    # origin: at 2 against 10 the test errs up to .078 at a nominal .05
    j = judge("exceeds", ([9.0, 9.1][:n], [0.0, 0.1, 0.2, 0.3]), 0.1, test="welch")
    assert (j.p_support, j.p_refute) == (1.0, 1.0)
    assert stats.attainable_p("welch", n) == 1.0
    found = ask([9.0, 9.1][:2], [0.0, 0.1])
    assert (found.verdict, found.code) == ("inconclusive", "unattainable")
    assert "3 seeds" in found.reason


def test_one_arm_without_spread_is_decided_and_two_are_not():
    a = [0.9, 1.0, 1.1, 1.2]
    constant = judge("exceeds", (a, [0.5] * 4), 0.1, test="welch")
    # with one arm constant it is the one-sample test, at the degrees of freedom of the other
    assert constant.p_support == pytest.approx(judge("exceeds", np.subtract(a, 0.5), 0.1).p_support)
    assert ask(a, [0.5] * 4).verdict == "supported"
    for used in (False, True):
        found = ask([0.9] * 4, [0.5] * 4, seed_used=used)
        assert (found.verdict, found.code) == ("inconclusive", "no_spread")
    # sides that differ by the same at every seed do vary: a pair would not be decided
    assert ask(np.add(a, 1), a).verdict == "supported"


def test_it_stands_on_each_value_left_out_of_either_side():
    a, b = [1.0, 1.1, 1.2, 1.1, 1.0], [0.1, 0.2, 0.1, 0.0, 0.95]
    found = ask(a, b, 0.4)
    assert found.verdict == "supported"
    words = found.sensitivity.without_each
    level = found.decision.level_support
    rests = [(np.delete(a, i), b) for i in range(5)] + [(a, np.delete(b, i)) for i in range(5)]
    supported = [p(*rest, 0.4, "greater") <= level for rest in rests]
    assert [word == "supported" for word in words] == supported
    assert found.sensitivity.other_tests == {}
    assert found.sensitivity.fragile is (not all(supported))


def test_looks_and_one_list_of_differences_are_refused():
    with pytest.raises(FaevalError, match=r"^looks must .*test is welch"):
        ask([1.0, 2.0, 3.0], [0.0, 0.5, 1.0], looks=(3,))
    with pytest.raises(FaevalError, match=r"^differences must .*\(a, b\)"):
        judge("exceeds", [1.0, 2.0, 3.0], 0.1, test="welch")


def test_power_is_simulated_for_arms_that_spread_alike():
    # origin: project policy, power at 1 and 2 standard deviations of an arm: 5 v 5 .40 and .88
    for gap, power in ((1.0, 0.40), (2.0, 0.88)):
        found = stats.prospect("exceeds", 0.0, gap, math.sqrt(2), 5, 0.05, test="welch")
        assert found.verdict == "supported"
        assert found.power == pytest.approx(power, abs=0.03)
    assert stats.verdict_chances("below", 0.1, 9.0, 1.0, 2, 0.05, test="welch").supported == 0.0
    assert stats.outlook("exceeds", 0.1, 5, test="welch").detectable is None


@given(sides, st.floats(-20, 20), st.integers(1, 40))
def test_p_never_falls_with_the_bound_not_by_a_last_bit(ab, bound, steps):
    greater = stats.rule_of("welch").p_greater
    p_values = []
    for _ in range(steps):
        bound = math.nextafter(bound, math.inf)
        p_values.append(float(greater(*map(np.array, ab), bound)))
    assert p_values == sorted(p_values)


def test_its_size_under_equal_normal_arms():
    # origin: project policy, one-sided .05 at n = 3, 5, 10
    for n, size in ((3, 0.041), (5, 0.046), (10, 0.049)):
        a, b = np.random.default_rng(n).normal(size=(2, 40_000, n))
        share = np.mean(judge_many("exceeds", (a, b), 0.0, test="welch")[0] <= 0.05)
        assert abs(share - size) < 4 * math.sqrt(size * (1 - size) * (1 / 40_000 + 1 / 20_000))


@pytest.mark.parametrize(
    ("a", "b"), [([0.1 + 0.2, 0.3, 0.3], [0.1] * 3), ([1.0, 1.0 + 2**-46, 1.0], [100.0] * 3)]
)
def test_rounding_is_no_spread_nor_that_of_a_side_a_hundred_times_as_large(a, b):
    for pair in ((a, b), (b, a)):
        j = judge("exceeds", pair, 0.0, test="welch")
        assert (j.p_support, j.p_refute) == (1.0, 1.0)
        interval = decision_interval(j, 0.05, 0.05)
        assert (interval.low, interval.high) == (-math.inf, math.inf)


@pytest.mark.parametrize("level", [5e-324, 1e-300, 1e-12])
@pytest.mark.parametrize("a", [[1.0, 2.0, 3.0], [1e300, -1e300, 0.0]])
def test_extreme_values_and_levels_give_bounds_that_agree_with_p(level, a):
    j = judge("exceeds", (a, [0.0, 0.5, 1.0]), 0.5, test="welch")
    interval = decision_interval(j, level, level)
    assert (interval.low > 0.5) == (j.p_support <= level)
    assert (interval.high < 0.5) == (j.p_refute <= level)
