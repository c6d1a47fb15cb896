"""Sensitivities: what leaving a seed out and the exact tests say beside a verdict, and when that
makes it fragile.
"""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from stats_reference.one_sample import sign_flip_p, t_p

from faeval.errors import FaevalError
from faeval.stats import (
    RULES,
    Decision,
    _sign_flip,
    decide_family,
    judge,
    leave_one_out,
    rule_of,
    sensitivity,
)

D = (0.08, 0.10, 0.09, 0.11, 0.12)


def without(kind, d, margin, support, refute, k=1, test="t"):
    return leave_one_out([judge(kind, d, margin, test=test)] * k, support, refute)


def decided(*judgements, alpha=0.05):
    support = max(j.p_support for j in judgements)
    refute = min(1.0, len(judgements) * min(j.p_refute for j in judgements))
    return sensitivity(judgements, decide_family([support], [refute], alpha)[0])


def test_leaving_one_seed_out_judges_the_others_at_the_levels_given():
    d = (0.5, 0.6, 0.55, 0.05, 0.62)
    words = without("exceeds", d, 0.3, 0.05, 0.05)
    assert words == tuple(
        "supported" if t_p(np.delete(d, i), 0.3) <= 0.05 else "inconclusive" for i in range(5)
    )
    assert words == ("inconclusive",) * 3 + ("supported", "inconclusive")
    assert set(without("below", d, 0.3, 0.05, 0.05)) == {"refuted"}


def test_leaving_one_seed_out_divides_the_refuting_level_among_assertions():
    d = tuple(np.linspace(0.05, 0.06, 5))
    p = t_p(d[1:], 0.07, "less")
    assert without("exceeds", d, 0.07, 0.05, p)[0] == "refuted"
    assert without("exceeds", d, 0.07, 0.05, p, k=2)[0] == "inconclusive"


def test_leaving_one_seed_out_needs_every_assertion_for_support():
    good, bad = judge("exceeds", D, 0.03), judge("exceeds", D, 0.2)
    assert set(leave_one_out([good], 0.05, 0.05)) == {"supported"}
    assert set(leave_one_out([good, bad], 0.05, 0.05)) == {"refuted"}


def test_leaving_one_seed_out_uses_the_declared_test():
    d = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert sign_flip_p(d[1:]) == 1 / 32
    assert set(without("exceeds", d, 0.0, 1 / 32, 0.05, test="sign-flip")) == {"supported"}
    assert set(without("exceeds", d, 0.0, 0.03, 0.05, test="sign-flip")) == {"inconclusive"}
    assert without("exceeds", [], 0.0, 0.05, 0.05) == ()
    assert without("exceeds", [1.0, 2.0], 0.0, 0.5, 0.5) == ("inconclusive",) * 2


@pytest.mark.parametrize("bound", [0.0, 0.1, 0.5, -1.0])
def test_without_a_seed_the_drawn_sign_patterns_are_those_of_the_others(bound):
    n = 26
    d = np.random.default_rng(7).normal(0.1, 0.3, n)
    d[5] = d[19] = 0.25  # two seeds of one value
    found = _sign_flip.p_without_each(d, bound)
    order = np.argsort(d)
    groups, _ = _sign_flip._drawn(n)
    has = np.array(
        [groups[i // 8] >> (i % 8) & 1 for i in range(n)], dtype=float
    )  # of the i-th smallest
    for i, seed in enumerate(order):
        if seed in (5, 19):
            continue
        rest = np.delete(has, i, axis=0)
        sizes = rest.sum(axis=0)
        means = np.delete(d[order], i) @ rest / np.maximum(sizes, 1)
        assert found[seed] == (1 + np.count_nonzero((means <= bound) | (sizes == 0))) / 2**17
        # Other patterns are drawn for 25 seeds: three standard errors of each of the two shares.
        p = sign_flip_p(np.delete(d, seed), bound)
        assert found[seed] == pytest.approx(p, abs=2 * 3 * np.sqrt(p * (1 - p) / 2**17) + 1e-4)
    assert found[5] == found[19]
    assert np.array_equal(_sign_flip.p_without_each(d[::-1], bound), found[::-1])


@given(
    st.lists(st.integers(-3, 3), min_size=0, max_size=9),
    st.sampled_from(
        [rule.name for rule in RULES.values() if not rule.sides and rule.exchange is None]
    ),
    st.sampled_from([0.0, 0.5]),
)
def test_without_a_seed_each_test_judges_the_others(d, test, bound):
    d = np.array(d, dtype=float)
    rule = rule_of(test)
    assert rule.p_without_each((d,), bound).tolist() == [
        float(rule.p_greater(np.delete(d, i), bound)) for i in range(len(d))
    ]


def test_both_sides_at_level_one_half_stay_inconclusive():
    assert without("exceeds", [1.0, 3.0, 2.0], 2.0, 0.5, 0.5)[2] == "inconclusive"


def test_a_verdict_that_hangs_on_one_seed_is_fragile_and_one_that_does_not_is_not():
    firm = decided(judge("exceeds", D, 0.03))
    assert firm.fragile is False
    # Without the small value support is stronger; without any other it is lost.
    shaky = decided(judge("exceeds", (0.5, 0.6, 0.55, 0.2, 0.62), 0.3))
    assert "inconclusive" in shaky.without_each
    assert shaky.fragile is True


def test_fragility_is_not_informative_below_five_seeds_or_undecided():
    assert decided(judge("exceeds", (0.5, 0.6, 0.55, 0.45), 0.3)).fragile is None
    assert decided(judge("exceeds", (0.5, 0.6, -0.55, 0.45, 0.1), 0.3)).fragile is None


def test_an_exact_test_that_decides_the_opposite_makes_a_verdict_fragile():
    # The level of refutation is met by the exact tests alone; the verdict given is the opposite
    # one.
    j = judge("exceeds", (0.01, 0.02, 0.03, 0.04, 0.05, 0.06), 0.5)
    supported = Decision("supported", 0.05, 0.05, 0.01, 1.0)
    found = sensitivity([j], supported)
    assert found.other_tests == {"sign-flip": "refuted", "wilcoxon": "refuted"}
    assert found.fragile is True


def test_an_opposite_test_alone_is_enough():
    # Mean above 0 without any one value, most averages of two below it: t at level .5 supports,
    # Wilcoxon refutes.
    d = [*(-1 - 0.01 * i for i in range(9)), 5.0, 5.1, 5.2]
    found = sensitivity([judge("exceeds", d, 0.0)], Decision("supported", 0.5, 0.5, 0.3, 0.7))
    assert set(found.without_each) == {"supported"}
    assert found.other_tests["wilcoxon"] == "refuted"
    assert found.fragile is True


def test_exact_tests_stand_beside_only_where_their_smallest_p_is_within_the_levels():
    # origin: 2^-5 = .03125 is above .05 / 2
    j = judge("exceeds", D, 0.03)
    assert set(sensitivity([j], Decision("supported", 0.05, 0.05, 0.01, 1.0)).other_tests) == {
        "sign-flip",
        "wilcoxon",
    }
    assert sensitivity([j], Decision("supported", 0.025, 0.05, 0.01, 1.0)).other_tests == {}
    own = judge("exceeds", D, 0.03, test="sign-flip")
    assert set(sensitivity([own], Decision("supported", 0.05, 0.05, 0.01, 1.0)).other_tests) == {
        "wilcoxon"
    }


def test_unusable_input_is_named():
    j = judge("exceeds", D, 0.1)
    with pytest.raises(FaevalError, match=r"^level_support must .*\b0\.6"):
        leave_one_out([j], 0.6, 0.05)
    with pytest.raises(FaevalError, match=r"^level_refute must .*\b0\.0"):
        leave_one_out([j], 0.05, 0.0)
    with pytest.raises(FaevalError, match=r"^judgements must .*\[5, 4\]"):
        leave_one_out([j, judge("exceeds", D[:4], 0.1)], 0.05, 0.05)
    with pytest.raises(FaevalError, match=r"^judgements must .*\[\]"):
        leave_one_out([], 0.05, 0.05)
