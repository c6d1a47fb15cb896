"""Ties with the margin by binary rounding, and differences that are all equal: what counts against,
and what is said.
"""

import math
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from stats_reference.one_sample import p

from faeval import stats
from faeval.stats import Question, contrasts, rule

RANKS = ("sign-flip", "sign", "wilcoxon")
#: Sides in hundredths whose differences are 5 of them in decimals, and off it either way in binary.
TIES = ((63, 58), (64, 59), (68, 63), (73, 68), (95, 90), (98, 93), (99, 94), (10, 5))


def hundredths(pairs):
    return (np.array([pair[i] for pair in pairs]) / 100 for i in (0, 1))


@pytest.mark.parametrize("test", RANKS)
@given(pairs=st.lists(st.sampled_from(TIES), min_size=5, max_size=12))
def test_a_tie_by_rounding_counts_against_both_decisions(test, pairs):
    a, b = hundredths(pairs)
    near = stats.tie_tolerance(a, b)
    for kind in ("exceeds", "not_above"):
        j = stats.judge(kind, a - b, 0.05, test=test, tolerance=near)
        assert (j.p_support, j.p_refute) == (1.0, 1.0)
    for alternative in ("greater", "less"):
        assert p(test, a - b, 0.05, alternative, tolerance=near) == 1.0
        assert (
            p(test, a - b, 0.05, alternative) == 1.0
        )  # sides of at most 16 times the difference, or nearly so


@pytest.mark.parametrize("test", ["sign-flip", "sign"])
@given(ups=st.integers(1, 4), downs=st.integers(0, 4), ties=st.integers(1, 3))
def test_a_rule_decides_as_it_would_on_whole_numbers(test, ups, downs, ties):
    # hundredths are whole numbers, where no rounding is: the same comparison, exact
    pairs = (
        [(70 + i, 60) for i in range(ups)]
        + [(60, 58 + i % 2) for i in range(downs)]
        + list(TIES[:ties])
    )
    a, b = hundredths(pairs)
    whole = np.array([x - y for x, y in pairs], dtype=float)
    for kind in ("exceeds", "below", "not_above", "not_below", "equivalent"):
        found = rule([Question(contrasts(kind, a, b, 0.05), test=test, seed_used=True)])[0]
        exact = stats.judge(kind, whole, 5.0, test=test)
        (j,) = found.judgements
        assert (j.p_support, j.p_refute) == (exact.p_support, exact.p_refute)
        assert j.tolerance == stats.tie_tolerance(a, b)


@pytest.mark.parametrize("test", RANKS)
@given(d=st.lists(st.floats(-1, 1), min_size=5, max_size=9), near=st.sampled_from([0.0, 1e-3, 0.2]))
def test_a_tolerance_only_takes_decisions_away_and_the_bound_agrees(test, d, near):
    plain, told = (stats.judge("exceeds", d, 0.1, test=test, tolerance=t) for t in (0.0, near))
    assert told.p_support >= plain.p_support
    assert told.p_refute >= plain.p_refute
    interval = stats.decision_interval(told, 0.05, 0.05)
    assert (interval.low > 0.1) == (told.p_support <= 0.05)
    assert (interval.high < 0.1) == (told.p_refute <= 0.05)


def test_half_the_resolution_of_the_metric_is_a_tie():
    d = np.full(6, 0.0504) + np.arange(6) * 1e-5
    assert stats.tie_tolerance(d, 0.0, resolution=0.001) == 0.0005
    for resolution, word in ((0.0, "supported"), (0.001, "inconclusive")):
        (found,) = rule(
            [Question(contrasts("exceeds", d, 0.0, 0.05, resolution=resolution), test="sign")]
        )
        assert found.verdict == word


def test_the_sensitivities_count_a_tie_against_too():
    a, b = hundredths([(70, 60), (71, 60), (72, 60), (73, 60), (74, 60), (98, 93)])
    (found,) = rule([Question(contrasts("exceeds", a, b, 0.05))])
    exact = [
        stats.judge("exceeds", np.rint(100 * (a - b)), 5.0, test=test)
        for test in ("sign-flip", "wilcoxon")
    ]
    assert found.verdict == "supported"
    assert found.sensitivity is not None
    words = ["supported" if j.p_support <= 0.05 else "inconclusive" for j in exact]
    assert list(found.sensitivity.other_tests.values()) == words


def test_the_sensitivities_take_half_the_resolution_for_a_tie():
    a = 0.06 + np.arange(7) * 1e-3
    for resolution, word in ((0.0, "supported"), (0.05, "inconclusive")):
        made = contrasts("exceeds", a, 0.0, 0.05, resolution=resolution)
        (by_t,), (by_sign,) = (rule([Question(made, test=test)]) for test in ("t", "sign"))
        assert by_t.sensitivity is not None
        assert set(by_t.sensitivity.other_tests.values()) == {word}
        assert by_sign.sensitivity is not None
        assert set(by_sign.sensitivity.without_each) == {word}


def test_sides_that_are_differences_themselves_are_as_large_as_what_they_are_made_of():
    a, b = hundredths(TIES)
    sizes = np.maximum(a, b)
    made = contrasts("exceeds", a - b, 0.0, 0.05, sizes=sizes)
    assert made[0].tolerance == stats.tie_tolerance(a, b)
    assert rule([Question(made)])[0].code == "no_spread"


# --- differences that are all equal ---

SIDES = [0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375]  # exact in binary


def equal(by, n=5, test="t", kind="exceeds", **more):
    b = np.array(SIDES[:n])
    return rule([Question(contrasts(kind, b + by, b, 0.125), test=test, **more)])[0]


@given(n=st.integers(2, 8), by=st.sampled_from([-1.0, 0.0, 0.25, 2.0]))
def test_the_sign_test_decides_equal_differences_by_comparing_each_with_the_margin(n, by):
    found = equal(by, n, "sign")
    enough = 0.5**n <= 0.05
    assert found.code == ("decided" if enough else "unattainable")
    if enough:
        assert found.verdict == ("supported" if by > 0.125 else "refuted")
        assert min(found.judgements[0].p_support, found.judgements[0].p_refute) == 0.5**n
    assert equal(by, n, "sign", "equivalent").verdict != ("refuted" if by == 0 else "supported")
    assert equal(0.125, n, "sign").verdict == "inconclusive"  # all on the margin


@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_a_rule_of_means_stays_undecided_and_says_how_many_seeds_might_differ(test):
    # origin: project policy, the words and 1 - .05^(1/5) = .451
    found = equal(0.0, test=test)
    assert (found.verdict, found.code) == ("inconclusive", "no_spread")
    assert re.search(r"\b5 seeds .*exactly 0\. .*\b95 % .*\b45 % of seeds", found.reason)
    assert "not exact" not in found.reason
    assert "nothing random" not in found.reason
    assert "not exact" in equal(0.25, test=test).reason  # read off the data
    assert "not exact" not in equal(0.25, 8, test=test).reason


@pytest.mark.parametrize("test", ["t", "sign-flip", "sign"])
def test_values_that_never_vary_say_that_the_seed_is_not_used_unless_it_is_known_to_be(test):
    flat = Question(contrasts("exceeds", [0.9] * 5, [0.1] * 5, 0.5), test=test)
    (found,) = rule([flat])
    assert found.code == "no_spread"
    assert "not used" in found.reason
    (known,) = rule([Question(flat.contrasts, test=test, seed_used=True)])
    assert known.code == ("decided" if test == "sign" else "no_spread")
    assert "not used" not in known.reason


@pytest.mark.parametrize(
    "values", [([1, 1, 1, 1, 1], [0, 0, 0, 0, 0]), ([1, 0, 1, 0, 1], [1, 0, 1, 0, 1])]
)
def test_outcomes_of_0_and_1_are_told_of_exact_rules(values):
    (found,) = rule([Question(contrasts("exceeds", *values, 0.1))])
    assert found.code == "no_spread"
    assert "for rates" in found.reason


def test_rounding_is_no_spread_and_is_not_called_exact():
    a = np.array([0.31, 0.62, 0.47, 0.93, 0.11])
    (found,) = rule([Question(contrasts("exceeds", a + 0.3, a, 0.1))])
    assert found.code == "no_spread"
    assert "up to rounding" in found.reason
    assert math.isclose(found.judgements[0].estimate, 0.3)
