"""Exact tests of rates: against brute force, against SciPy and statsmodels, and known figures.

The score statistic of two rates is checked against likelihoods that are maximised by number, not
against ``test_proportions_2indep(method="score")`` of statsmodels 0.15.0: at a difference other
than 0 its estimate under the null has a lower likelihood than the true one (statsmodels issue
10269, "wrong linear coefficient in the Miettinen-Nurminen constrained MLE").
"""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import barnard_exact, binomtest
from stats_reference import tables
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from faeval import stats
from faeval.errors import FaevalError
from faeval.stats import Question, contrasts, decision_interval, judge, judge_many, rule

PAIRED = {"paired-rates": True, "unpaired-rates": False}
KINDS = [kind for kind, region in stats.KINDS.items() if not region.per_unit]


def p_of(test, a, b, margin, kind="exceeds"):
    return judge(kind, (a, b), margin, test=test).p_support


def all_outcomes(test, n, m):
    found = tables.tables_of(PAIRED[test], n, m)
    return found, tables.outcomes_of(PAIRED[test], n, m, found)


def ask(a, b, margin, test, kind="exceeds", **more):
    paired = test != "unpaired-rates"
    (found,) = rule([Question(contrasts(kind, a, b, margin, paired=paired), test=test, **more)])
    return found


# brute force


@pytest.mark.parametrize(
    ("test", "n", "m", "step"),
    [("paired-rates", 3, 3, 10), ("unpaired-rates", 2, 3, 10)]
    + [
        pytest.param(test, n, m, step, marks=pytest.mark.slow)
        for test, n, m in [
            ("paired-rates", 6, 6),
            ("unpaired-rates", 5, 5),
            ("unpaired-rates", 6, 3),
            ("unpaired-rates", 3, 5),
        ]
        for step in (-20, 0, 30)
    ],
)
def test_p_values_are_those_of_a_brute_force_search(test, n, m, step):
    _, sides = all_outcomes(test, n, m)
    wanted = tables.p_up_to(PAIRED[test], n, m, step)
    kind, margin = ("exceeds", step / 100) if step >= 0 else ("not_below", -step / 100)
    support, _ = judge_many(kind, sides, margin, test=test)
    assert support == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("test", PAIRED)
def test_the_other_direction_is_that_of_exchanged_arms(test):
    _, (a, b) = all_outcomes(test, 4, 4)
    for kind in KINDS:
        found = judge_many(kind, (a, b), 0.2, test=test)
        other = judge_many(stats.region_of(kind).exchanged, (b, a), 0.2, test=test)
        assert np.array_equal(found, other)
        # and of 0 for 1
        same = judge_many(stats.region_of(kind).exchanged, (1 - a, 1 - b), 0.2, test=test)
        assert np.allclose(found, same, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("test", "n", "m"),
    [("paired-rates", n, n) for n in (3, 5, 8, 13)]
    + [("unpaired-rates", *sizes) for sizes in ((3, 3), (5, 5), (3, 10), (8, 6))]
    + [
        pytest.param(test, n, m, marks=pytest.mark.slow)
        for test, n, m in [
            ("paired-rates", 20, 20),
            ("paired-rates", 30, 30),
            ("unpaired-rates", 20, 20),
            ("unpaired-rates", 10, 12),
        ]
    ],
)
@pytest.mark.parametrize("d", [-0.2, -0.137, 0.0, 0.05, 0.1, 0.1234, 0.3])
def test_no_true_rate_makes_a_p_value_likelier_than_it_says(test, n, m, d):
    found, sides = all_outcomes(test, n, m)
    kind = "exceeds" if d >= 0 else "not_below"
    p, _ = judge_many(kind, sides, abs(d), test=test)
    # 3,001 true rates, beside the 401 that p is the largest over, and with differences between its
    # steps: the worst chance of such a p-value or a smaller one
    rates = tables.rates_of(PAIRED[test], d, 3001)
    chances = np.array([tables.chance(PAIRED[test], n, m, t, d, rates) for t in found])
    order = np.argsort(p)
    worst = np.maximum.reduce(np.cumsum(chances[order], axis=0), axis=1)
    last = np.searchsorted(p[order], p[order] + 1e-12, side="right") - 1
    assert (worst[last] <= p[order] + 1e-4).all()
    is_rejected = p <= 0.05
    assert chances[is_rejected].sum(axis=0).max(initial=0.0) <= 0.05


@pytest.mark.parametrize("test", PAIRED)
@given(n=st.integers(2, 9), m=st.integers(2, 9), d=st.floats(-1.1, 1.1))
def test_what_rejects_still_does_with_more_ones_of_a_or_fewer_of_b(test, n, m, d):
    # what makes the largest difference under the null the worst, and so steps of it safe
    found, sides = all_outcomes(test, n, n if PAIRED[test] else m)
    kind = "exceeds" if d >= 0 else "not_below"
    p = dict(zip(found, judge_many(kind, sides, abs(d), test=test)[0].tolist(), strict=True))
    for i, j in found:
        assert p.get((i + 1, j), 0.0) <= p[i, j]
        assert p.get((i, j - 1), 0.0) <= p[i, j]
        if PAIRED[test]:
            assert p.get((i + 1, j - 1), 0.0) <= p[i, j]


# other libraries


@given(st.integers(2, 40), st.floats(0.02, 0.98), st.data())
def test_one_arm_is_the_binomial_test_and_its_bounds_are_exact(n, number, data):
    ones = data.draw(st.integers(0, n))
    a, b = [1.0] * ones + [0.0] * (n - ones), [number] * n
    j = judge("exceeds", (a, b), 0.0, test="rate")
    greater, less = (binomtest(ones, n, number, alternative=w) for w in ("greater", "less"))
    assert j.p_support == pytest.approx(greater.pvalue, abs=1e-9)
    assert j.p_refute == pytest.approx(less.pvalue, abs=1e-9)
    interval = decision_interval(j, 0.05, 0.025)
    low = greater.proportion_ci(0.95, method="exact").low
    high = less.proportion_ci(0.975, method="exact").high
    assert (interval.low, interval.high) == pytest.approx((low - number, high - number), abs=1e-9)
    beta = proportion_confint(ones, n, alpha=0.1, method="beta")[0]
    assert interval.low == pytest.approx((beta if ones else 0.0) - number, abs=1e-9)
    assert j.estimate == pytest.approx(ones / n - number)


def test_one_arm_with_a_margin_is_held_against_the_number_and_the_margin():
    a = [1.0] * 9 + [0.0]
    for kind, rate, alternative in (
        ("exceeds", 0.6, "greater"),
        ("not_above", 0.6, "less"),
        ("not_below", 0.4, "greater"),
        ("below", 0.4, "less"),
    ):
        found = p_of("rate", a, [0.5] * 10, 0.1, kind)
        assert found == pytest.approx(binomtest(9, 10, rate, alternative=alternative).pvalue)
    both = judge("equivalent", (a, [0.5] * 10), 0.1, test="rate")
    assert both.p_support == pytest.approx(binomtest(9, 10, 0.6, alternative="less").pvalue)
    # no rate lies above 1 or below 0
    assert p_of("rate", a, [0.5] * 10, 0.5) == 1.0
    assert p_of("rate", a, [0.5] * 10, 0.6, "not_below") == 0.0


def test_where_all_pairs_differ_it_is_mcnemars_test():
    for n in (2, 5, 9):
        exact = mcnemar([[0, n], [0, 0]], exact=True).pvalue / 2
        assert p_of("paired-rates", [1.0] * n, [0.0] * n, 0.0) == pytest.approx(exact)


def test_at_no_difference_it_is_barnards_test_or_above():
    # Barnard's pooled statistic orders tables as the score does at a difference of 0; the largest p
    # over differences below 0 is larger where p falls on the way
    found, sides = all_outcomes("unpaired-rates", 4, 4)
    p, _ = judge_many("exceeds", sides, 0.0, test="unpaired-rates")
    equal = 0
    for (x, y), own in zip(found, p, strict=True):
        if 0 < x + y < 8:
            exact = barnard_exact([[x, y], [4 - x, 4 - y]], alternative="greater", n=64).pvalue
            assert own >= exact - 1e-4
            equal += abs(own - exact) < 1e-4
    assert equal >= 12


# known figures


@pytest.mark.parametrize(
    ("test", "margins"),
    # origin: project policy, from how many seeds n of n against 0 of n supports at .05
    [
        ("paired-rates", {0.0: 5, 0.1: 6, 0.2: 6, 0.3: 7, 0.5: 11}),
        ("unpaired-rates", {0.0: 3, 0.1: 3, 0.2: 3, 0.3: 4, 0.5: 6}),
    ],
)
def test_all_against_none_supports_from_so_many_seeds(test, margins):
    power = 1 if test == "paired-rates" else 2
    for margin, first in margins.items():
        for n in range(2, first + 1):
            p = p_of(test, [1.0] * n, [0.0] * n, margin)
            # the likeliest true rates lie as far from 1 and from 0
            assert p == pytest.approx(((1 + margin) / 2) ** (power * n), rel=1e-9)
            assert (p <= 0.05) == (n == first)


@pytest.mark.parametrize(("margin", "first"), [(0.1, 29), (0.2, 14), (0.3, 10)])
def test_equal_pairs_are_equivalent_from_so_many_seeds(margin, first):
    # origin: project policy; that no pair differs has a chance of (1 - margin)^n at the margin
    for n in (first - 1, first):
        a = [1.0, 0.0] * (n // 2) + [1.0] * (n % 2)
        j = judge("equivalent", (a, a), margin, test="paired-rates")
        assert j.p_support >= (1 - margin) ** n - 1e-12
        assert (j.p_support <= 0.05) == (n == first)


@pytest.mark.parametrize(("number", "first"), [(0.5, 5), (0.7, 9), (0.8, 14), (0.9, 29)])
def test_one_arm_that_never_fails_supports_from_so_many_seeds(number, first):
    # origin: project policy; n >= log a / log c
    for n in (first - 1, first):
        p = p_of("rate", [1.0] * n, [number] * n, 0.0)
        assert p == pytest.approx(number**n)
        assert (p <= 0.05) == (n == first)
    assert math.ceil(math.log(0.05) / math.log(number)) == first


@pytest.mark.parametrize(
    ("test", "n", "powers"),
    # origin: project policy, rates .9 and .4 of independent arms, margins 0, .1 and .2
    [
        ("unpaired-rates", 5, (0.43, 0.22, 0.22)),
        ("unpaired-rates", 10, (0.80, 0.57, 0.38)),
        ("unpaired-rates", 20, (0.96, 0.87, 0.68)),
        ("paired-rates", 5, (0.22, 0, 0)),
        ("paired-rates", 7, (0.48, 0.26, 0.09)),
        ("paired-rates", 10, (0.65, 0.55, 0.36)),
        ("paired-rates", 15, (0.89, 0.74, 0.53)),
        ("paired-rates", 20, (0.96, 0.82, 0.61)),
    ],
)
def test_power_is_the_chance_of_all_outcomes_that_support(test, n, powers):
    for margin, power in zip((0.0, 0.1, 0.2), powers, strict=True):
        found = stats.verdict_chances("exceeds", margin, 0.5, None, n, 0.05, test=test, base=0.4)
        assert found.supported == pytest.approx(power, abs=0.0051)
    # the same from the side of b
    mirrored = stats.verdict_chances("below", 0.2, 0.5, None, n, 0.05, test=test, base=0.9)
    assert mirrored.supported == pytest.approx(found.supported, abs=1e-12)


def test_power_of_one_arm_is_a_binomial_tail():
    # origin: 9 or 10 of 10 reject .6 at .05 (P = .0464), with a chance of 10 .9^9 .1 + .9^10
    found = stats.verdict_chances("exceeds", 0.1, 0.4, None, 10, 0.05, test="rate", base=0.5)
    assert found.supported == pytest.approx(10 * 0.9**9 * 0.1 + 0.9**10)
    first = stats.seeds_for("exceeds", 0.1, 0.4, None, 0.05, test="rate", base=0.5)
    powers = [
        stats.prospect("exceeds", 0.1, 0.4, None, n, 0.05, test="rate", base=0.5).power
        for n in range(2, first + 1)
    ]
    assert [power >= 0.8 for power in powers] == [False] * (first - 2) + [True]


def test_the_seeds_for_a_verdict_are_the_first_that_reach_its_power():
    for test in PAIRED:
        ask_for = {"test": test, "base": 0.3}
        found = stats.seeds_for("exceeds", 0.0, 0.6, None, 0.05, **ask_for)
        powers = [
            stats.prospect("exceeds", 0.0, 0.6, None, n, 0.05, **ask_for).power
            for n in range(2, found + 1)
        ]
        assert [power >= 0.8 for power in powers] == [False] * (found - 2) + [True]
        assert stats.seeds_for("exceeds", 0.1, 0.2, None, 0.05, **ask_for) is None


@pytest.mark.parametrize(
    ("test", "kind", "margin", "n", "base", "can"),
    [
        # ((1 + m) / 2)^n is .0503 at five pairs and a margin of .1, ((1 - m) / 2)^n is .018
        ("paired-rates", "exceeds", 0.1, 5, 0.4, (False, True)),
        ("paired-rates", "exceeds", 0.0, 5, None, (True, True)),
        ("paired-rates", "not_above", 0.1, 5, None, (True, False)),
        ("paired-rates", "equivalent", 0.1, 28, None, (False, True)),
        ("unpaired-rates", "exceeds", 0.3, 3, None, (False, True)),
        ("unpaired-rates", "exceeds", 0.3, 4, None, (True, True)),
        # .85^18 = .054, and nothing is above 1
        ("rate", "exceeds", 0.05, 18, 0.8, (False, True)),
        ("rate", "exceeds", 0.05, 19, 0.8, (True, True)),
        ("rate", "exceeds", 0.3, 100, 0.8, (False, True)),
    ],
)
def test_what_can_be_decided_at_all_hangs_on_the_margin(test, kind, margin, n, base, can):
    seen = stats.outlook(kind, margin, n, test=test, base=base)
    assert (seen.can_support, seen.can_refute) == can


def test_an_outlook_on_rates_needs_no_spread_but_the_rate_of_b():
    seen = stats.outlook("exceeds", 0.1, 10, test="paired-rates", base=0.4, anticipated=0.5)
    assert seen.power == pytest.approx(0.55, abs=0.0051)
    assert set(seen.at) == {"zero", "margin", "anticipated"}
    assert seen.seeds_needed == (18, 18)
    assert (seen.detectable, seen.detectable_in_sd) == (None, None)
    # a rate of .95 has nothing .1 above it
    high = stats.outlook("exceeds", 0.1, 10, test="paired-rates", base=0.95)
    assert set(high.at) == {"zero"}
    unknown = stats.outlook("exceeds", 0.1, 10, test="paired-rates", anticipated=0.5)
    assert (unknown.at, unknown.power, unknown.seeds_needed) == ({}, None, None)
    for effect, base, message in (
        (0.5, None, "^base must"),
        (0.5, 1.5, "^base must"),
        (0.7, 0.4, "^effect must"),
    ):
        with pytest.raises(FaevalError, match=message):
            stats.prospect("exceeds", 0.1, effect, None, 9, 0.05, test="paired-rates", base=base)
    with pytest.raises(FaevalError, match=r"^n must be at most 60\b"):
        stats.verdict_chances("exceeds", 0, 0.1, None, 61, 0.05, test="unpaired-rates", base=0.4)
    with pytest.raises(FaevalError, match=r"^n must be at most 60\b"):
        stats.outlook("exceeds", 0.1, 61, test="paired-rates")


# verdicts


@pytest.mark.parametrize("test", PAIRED)
def test_equal_outcomes_are_decided_like_others(test):
    ones, zeros = [1.0] * 7, [0.0] * 7
    found = ask(ones, zeros, 0.1, test)
    assert (found.verdict, found.code) == ("supported", "decided")
    assert found.sensitivity.other_tests == {}
    assert found.judgements[0].estimate == 1.0
    assert ask(zeros, ones, 0.1, test).verdict == "refuted"
    # with six a verdict stands at a margin of .1, as 6 is the first
    assert found.sensitivity.fragile is False
    still = ask([1.0] * 12, [1.0] * 12, 0.3, test, "equivalent")
    assert (still.verdict, still.code) == ("supported", "decided")


def test_more_of_one_arm_can_decide_where_equal_arms_cannot():
    # at a margin of .3, three of either give (1.3 / 2)^6 = .075 at best, and three of twelve less
    three, twelve = [1.0, 1.0, 0.0], [0.0] * 11 + [1.0]
    assert ask(three, three, 0.3, "unpaired-rates", "not_above").code != "unattainable"
    assert ask(three, [0.0, 0.0, 1.0], 0.3, "unpaired-rates", "exceeds").verdict == "inconclusive"
    assert p_of("unpaired-rates", [1.0] * 3, [0.0] * 12, 0.3) < 0.05
    assert ask(three, twelve, 0.3, "unpaired-rates").code != "unattainable"
    assert ask([1.0, 0.0], [0.0, 0.0], 0.3, "paired-rates").code == "unattainable"


def test_one_arm_goes_all_the_way_and_so_do_unequal_arms():
    found = ask([1.0] * 9, 0.7, 0.0, "rate")
    assert found.verdict == "supported"
    assert found.sensitivity.without_each == ("inconclusive",) * 9
    assert found.sensitivity.fragile is True
    a, b = [1.0] * 8, [0.0] * 3 + [1.0]
    found = ask(a, b, 0.1, "unpaired-rates")
    assert len(found.sensitivity.without_each) == 12
    words = []
    for i in range(12):
        rest = [(np.delete(a, i), b) if i < 8 else (a, np.delete(b, i - 8))][0]
        j = judge("exceeds", rest, 0.1, test="unpaired-rates")
        words.append("supported" if j.p_support <= 0.05 else "inconclusive")
    assert found.sensitivity.without_each == tuple(words)


def test_bounds_end_on_hundredths_and_exclude_what_p_rejects():
    for test in PAIRED:
        a, b = [1.0] * 9 + [0.0], [0.0] * 8 + [1.0] * 2
        interval = decision_interval(judge("exceeds", (a, b), 0.0, test=test), 0.05, 0.05)
        for d in np.arange(-99, 100) / 100:
            kind = "exceeds" if d >= 0 else "not_below"
            j = judge(kind, (a, b), abs(d), test=test)
            assert (interval.low > d) == (j.p_support <= 0.05)
            assert (interval.high < d) == (j.p_refute <= 0.05)
        assert interval.low * 100 == pytest.approx(round(interval.low * 100))
        # no difference is ruled out that there cannot be
        nothing = decision_interval(judge("exceeds", (b[:2], b[:2]), 0.0, test=test), 1e-9, 1e-9)
        assert (nothing.low, nothing.high) == pytest.approx((-1.0, 1.0), abs=1e-12)


@pytest.mark.parametrize("test", [*PAIRED, "rate"])
@pytest.mark.parametrize("n", [0, 1])
def test_one_outcome_says_nothing(test, n):
    b = [0.0] * n if test != "rate" else [0.5] * n
    j = judge("exceeds", ([1.0] * n, b), 0.0, test=test)
    assert (j.p_support, j.p_refute) == (1.0, 1.0)
    interval = decision_interval(j, 0.05, 0.05)
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert stats.attainable_p(test, n) == 1.0


def test_what_is_no_outcome_is_named():
    for (a, b), test, message in (
        (([0.0, 0.5], [1.0, 1.0]), "paired-rates", r"^a\[1\] must be 0 or 1.*\b0\.5\b"),
        (([0.0, 1.0], [2.0, 1.0]), "unpaired-rates", r"^b\[0\] must be 0 or 1.*\b2\.0\b"),
        (([0.0, -1.0], [0.5, 0.5]), "rate", r"^a\[1\] must be 0 or 1"),
        (([0.0, 1.0], [1.5, 1.5]), "rate", r"^b must be one rate from 0 to 1"),
        (([0.0, 1.0], [0.5, 0.6]), "rate", r"^b must be one rate from 0 to 1"),
        (([0.0, 1.0], [0.0]), "paired-rates", r"^b must be of the shape \(2,\)"),
        (([0.0] * 61, [0.0] * 61), "paired-rates", r"^a must be of at most 60\b"),
        (([0.0] * 5, [0.0] * 61), "unpaired-rates", r"^b must be of at most 60\b"),
    ):
        with pytest.raises(FaevalError, match=message):
            judge("exceeds", (a, b), 0.1, test=test)
    with pytest.raises(FaevalError, match=r"^a\[0, 1\] must be 0 or 1"):
        judge_many("exceeds", ([[0.0, 0.3]], [[0.0, 1.0]]), 0.1, test="paired-rates")
    # one arm may have as many as it likes
    assert judge("exceeds", ([1.0] * 400, [0.95] * 400), 0.0, test="rate").p_support < 1e-8
