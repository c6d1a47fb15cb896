"""The ratio of spreads: against SciPy's Welch test on deviations made another way; known rates."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.stats import ttest_ind

from faeval import stats
from faeval.stats import Question, contrasts, decision_interval, judge, judge_many, rule

numbers = st.integers(-400, 400).map(lambda k: k / 16)
arms = st.lists(numbers, min_size=5, max_size=9)
ratios = st.sampled_from([1.0, 1.5, 2.0, 10.0])


def deviations(values):
    """Deviations from the median, one fewer than values: by sums, not by sorting."""
    middle = statistics.median(values)
    sizes = [abs(x - middle) for x in values]
    least = min(sizes)
    sizes.remove(least)
    if len(values) % 2 == 0:  # the two in the middle are as far from it
        sizes.remove(min(sizes))
        sizes.append(math.hypot(least, least))
    return sizes


def p_at(a, b, ratio, alternative="greater"):
    scaled = np.multiply(ratio, deviations(b))
    return ttest_ind(deviations(a), scaled, equal_var=False, alternative=alternative).pvalue


def ask(a, b, margin, kind="exceeds", **more):
    question = Question(contrasts(kind, a, b, margin, paired=False), test="spread", **more)
    (found,) = rule([question])
    return found


def test_deviations_by_hand():
    # medians 4 and 6; 0 is left out, and 2, 2 become the root of 8
    assert sorted(deviations([16, 2, 1, 8, 4])) == [2, 3, 4, 12]
    assert sorted(deviations([16, 2, 1, 8, 4, 32])) == pytest.approx([math.sqrt(8), 4, 5, 10, 26])
    j = judge("exceeds", ([16, 2, 1, 8, 4], [1, 2, 3, 4, 5]), 0.0, test="spread")
    # typical deviations 21 / 4 and 6 / 4
    assert j.estimate == pytest.approx(math.log10(21 / 6))
    # variances of 2, 3, 4, 12 and of 1, 1, 2, 2: 62.75 / 3 and 1 / 3
    t = (5.25 - 1.5) / math.sqrt((62.75 + 1) / 3 / 4)
    shares = 62.75 / 63.75, 1 / 63.75
    df = 3 / (shares[0] ** 2 + shares[1] ** 2)
    from scipy.stats import t as student

    assert j.p_support >= student.sf(t, df) - 1e-12
    assert j.p_refute == pytest.approx(student.cdf(t, df))


@settings(max_examples=20)
@given(arms, arms, ratios)
def test_p_values_are_those_of_scipy_on_deviations_made_another_way(a, b, ratio):
    za, zb = deviations(a), deviations(b)
    assume(min(min(map(np.ptp, (za, zb))), min(map(max, (za, zb)))) > 0)
    for (x, y), kind, r in (
        ((a, b), "exceeds", ratio),
        ((b, a), "below", ratio),
        ((a, b), "not_below", 1 / ratio),
    ):
        found = judge(kind, (x, y), math.log10(ratio), test="spread").p_support
        here = p_at(a, b, r)
        below = max(p_at(a, b, r * 10.0**-k) for k in np.arange(0.1, 3, 0.2))
        assert found >= here - 1e-9
        # beyond it stands the largest p of a smaller ratio, where p falls on the way
        assert found >= below - 1e-9
        if found > here + 1e-9:
            finer = max(p_at(a, b, r * 10.0**-k) for k in np.arange(0, 5, 0.02))
            assert found == pytest.approx(finer, rel=1e-3)


@settings(max_examples=20)
@given(arms, arms, ratios, st.sampled_from([0.25, 3.0, 1e6]), st.integers(-5, 5))
def test_neither_unit_nor_place_of_the_arms_matters_and_a_scale_only_as_a_ratio(
    a, b, ratio, unit, shift
):
    margin = math.log10(ratio)
    j = judge("exceeds", (a, b), margin, test="spread")
    moved = [x + 3 * shift for x in a], [x - shift for x in b]
    other = judge("exceeds", moved, margin, test="spread")
    assert (other.p_support, other.p_refute) == pytest.approx((j.p_support, j.p_refute), abs=1e-9)
    scaled = tuple([unit * x for x in side] for side in (a, b))
    other = judge("exceeds", scaled, margin, test="spread")
    assert (other.p_support, other.p_refute) == pytest.approx((j.p_support, j.p_refute), abs=1e-9)
    if j.p_support < 1 or j.p_refute < 1:
        wider = judge("exceeds", ([unit * x for x in a], b), 0.0, test="spread")
        assert wider.estimate == pytest.approx(j.estimate + math.log10(unit))


@settings(max_examples=20)
@given(arms, arms)
def test_p_never_falls_as_the_margin_grows(a, b):
    margins = np.linspace(0, 3, 40)
    for kind, sign in (("exceeds", 1), ("not_below", -1)):
        found = [judge(kind, (a, b), m, test="spread").p_support for m in margins]
        assert (np.diff(found) * sign >= -1e-6 * np.array(found[1:])).all()


def test_p_that_falls_on_its_way_stands_at_its_largest():
    # small deviations of a's deviations: as b's join them, the degrees of freedom go from 3 to 7
    a, b = [5.0, -1.0, -6.0, 6.0, -11.0], [8.0, 8.0, 11.0, 8.0, 8.0, -2.0]
    grid = np.linspace(-3, 1, 801)
    alone = np.array([p_at(a, b, 10.0**x) for x in grid])
    largest = np.maximum.accumulate(alone)
    assert (1 - alone / largest).max() > 0.3  # there is such a fall
    for x, wanted in list(zip(grid, largest, strict=True))[::20]:
        kind = "exceeds" if x >= 0 else "not_below"
        found = judge(kind, (a, b), abs(x), test="spread").p_support
        assert found == pytest.approx(wanted, rel=1e-4)
    level = float(alone[0] + alone[:400].max()) / 2  # crossed on the way up, and twice beyond
    assert np.count_nonzero(np.diff(alone <= level)) == 3
    low = decision_interval(judge("exceeds", (a, b), 1.0, test="spread"), level, level).low
    assert low == pytest.approx(float(grid[np.flatnonzero(largest <= level)[-1]]), abs=0.005)


@settings(max_examples=20)
@given(arms, arms, st.sampled_from([0.4, 0.05, 0.01]))
def test_bounds_are_where_the_test_stops_rejecting(a, b, level):
    interval = decision_interval(judge("exceeds", (a, b), 0.0, test="spread"), level, level)
    for bound, sign, kinds in (
        (interval.low, 1, ("exceeds", "not_below")),
        (interval.high, -1, ("not_above", "below")),
    ):
        if math.isfinite(bound) and abs(bound) > 1e-6:
            for step in (-1e-6, 1e-6):
                at = bound + step
                p = judge(kinds[0] if at >= 0 else kinds[1], (a, b), abs(at), test="spread")
                assert (p.p_support <= level) == (sign * step < 0)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_fewer_than_five_values_in_an_arm_decide_nothing(n):
    many = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0]
    for pair in ((many[:n], many), (many, many[:n])):
        j = judge("exceeds", pair, 0.0, test="spread")
        assert (j.p_support, j.p_refute) == (1.0, 1.0)
        interval = decision_interval(j, 0.05, 0.05)
        assert (interval.low, interval.high) == (-math.inf, math.inf)
    if n == 4:
        found = ask(many[:4], many, 0.0)
        assert (found.verdict, found.code) == ("inconclusive", "unattainable")
        assert "5 seeds" in found.reason
    assert stats.attainable_p("spread", n) == 1.0
    assert stats.attainable_p("spread", 5) == 0.0


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # an arm without any deviation: any factor at all would be exceeded
        ([0.0, 1.0, 2.0, 4.0, 8.0, 16.0], [0.5] * 5),
        ([0.0, 100.0, -100.0, 7.0, 9.0], [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3]),
        # deviations of one size in both
        ([-1.0, -1.0, 0.0, 1.0, 1.0], [-2.0, -2.0, 0.0, 2.0, 2.0]),
    ],
)
def test_a_ratio_that_nothing_bounds_is_not_decided(a, b):
    for pair in ((a, b), (b, a)):
        for kind in ("exceeds", "not_above", "equivalent"):
            j = judge(kind, pair, 0.3, test="spread")
            assert (j.p_support, j.p_refute) == (1.0, 1.0)
        interval = decision_interval(j, 0.05, 0.05)
        assert (interval.low, interval.high) == (-math.inf, math.inf)
        found = ask(*pair, 0.3, seed_used=True)
        assert (found.verdict, found.code) == ("inconclusive", "no_spread")
        assert found.reason


def test_deviations_of_one_size_in_one_arm_are_decided():
    j = judge(
        "exceeds", ([-9.0, -8.0, 0.0, 9.0, 10.0], [-1.0, -1.0, 0.0, 1.0, 1.0]), 0.3, test="spread"
    )
    gap = np.array([8.0, 9.0, 9.0, 10.0]) - 10**0.3
    assert j.p_support == pytest.approx(judge("exceeds", gap, 0.0).p_support)


def test_a_claim_on_unequal_arms_goes_all_the_way():
    a = [0.0, 10.0, -11.0, 12.0, -9.0, 8.0, 0.5]
    b = [0.0, 1.0, -1.1, 1.2, -0.9, 0.8, 0.3, -0.4, 0.6]
    found = ask(a, b, math.log10(2))
    assert (found.verdict, found.code) == ("supported", "decided")
    assert len(found.sensitivity.without_each) == len(a) + len(b)
    assert found.sensitivity.other_tests == {}
    assert found.sensitivity.fragile is False
    assert found.intervals[0].low > math.log10(2)
    assert ask(b, a, math.log10(2)).verdict == "refuted"
    # with as few values as the test needs, none can be left out
    five = ask(a[:5], b, math.log10(2))
    assert five.verdict == "supported"
    assert five.sensitivity.fragile is None


def test_many_samples_at_once_are_judged_as_each_alone():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 3, (6, 6)), rng.standard_t(2, (6, 8))
    a[0] = 1.0
    for kind in ("exceeds", "not_above", "equivalent"):
        found = np.array(judge_many(kind, (a, b), 0.3, test="spread")).T.tolist()
        alone = [judge(kind, pair, 0.3, test="spread") for pair in zip(a, b, strict=True)]
        assert found == [[j.p_support, j.p_refute] for j in alone]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ratio", "margin", "powers"),
    # origin: project policy, normal arms
    [
        (3, 1, {5: 0.28, 6: 0.45, 7: 0.55, 8: 0.66, 10: 0.81, 20: 0.99}),
        (2, 1, {5: 0.16, 10: 0.50, 20: 0.83}),
        (5, 2, {7: 0.44, 10: 0.69, 20: 0.96}),
    ],
)
def test_power_is_that_of_normal_arms_with_the_ratio_as_effect(ratio, margin, powers):
    for n, power in powers.items():
        found = stats.verdict_chances(
            "exceeds", math.log10(margin), math.log10(ratio), None, n, 0.05, test="spread"
        )
        error = 4 * math.sqrt(power * (1 - power) / 4000) + 0.01
        assert found.supported == pytest.approx(power, abs=error)
        mirrored = stats.verdict_chances(
            "below", math.log10(margin), math.log10(ratio), None, n, 0.05, test="spread"
        )
        assert mirrored.supported == pytest.approx(power, abs=error)


def test_an_outlook_needs_no_spread_of_differences():
    seen = stats.outlook("exceeds", 0.0, 5, test="spread", anticipated=2.0)
    needed = seen.seeds_needed[0]
    powers = [
        stats.prospect("exceeds", 0.0, 2.0, None, n, 0.05, test="spread").power
        for n in range(5, needed + 1)
    ]
    assert [power >= 0.8 for power in powers] == [False] * (needed - 5) + [True]
    assert (seen.power, seen.seeds_needed[1]) == (powers[0], needed)
    assert set(seen.at) == {"zero", "margin", "anticipated"}
    assert stats.outlook("exceeds", 0.0, 4, test="spread").can_support is False


def _laws(rng, shape):
    normal = rng.standard_normal(shape)
    return {
        "normal": normal,
        "t3": rng.standard_t(3, shape),
        "lognormal": np.exp(0.8 * normal),
        "collapse": np.where(rng.random(shape) < 0.2, -5.0, 0.0) + 0.3 * normal,
        "two-point": np.where(rng.random(shape) < 0.5, -2.0, 2.0),
        "ties": np.round(normal),
        "rare": np.where(rng.random(shape) < 0.15, 1.0, 0.0),
    }


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 7, 10, 20])
@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_arms_of_one_shape_err_at_the_level_and_no_more(n, ratio):
    # origin: project policy: normal .032-.049, no law above .054
    rows = 8000
    rng = np.random.default_rng(n)
    seconds = _laws(rng, (rows, n))
    for law, a in _laws(rng, (rows, n)).items():
        support, refute = judge_many(
            "exceeds", (ratio * a, seconds[law]), math.log10(ratio), test="spread"
        )
        for p in (support, refute):
            share = float(np.mean(p <= 0.05))
            assert share <= 0.054 + 4 * math.sqrt(0.05 * 0.95 / rows), law
            if law == "normal":
                assert share >= 0.032 - 4 * math.sqrt(0.05 * 0.95 / rows)
