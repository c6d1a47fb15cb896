"""Families: Holm against closed testing, against statsmodels, and the promises made to claims of
one family.
"""

import math

import pytest
from hypothesis import given, settings, strategies as st
from stats_reference.closed import closed_testing

from faeval.errors import FaevalError
from faeval.stats import apply_gates, decide_family, decide_many, holm

alphas = st.one_of(st.sampled_from([0.05, 0.025, 0.5, 0.1]), st.floats(1e-3, 0.5))
# steps of Holm at .05 and their neighbours, beside anything else
steps = st.integers(1, 8).flatmap(
    lambda j: st.sampled_from([0.05 / j, math.nextafter(0.05 / j, 0), math.nextafter(0.05 / j, 1)])
)
p_values = st.one_of(steps, st.floats(0, 1), st.floats(0, 0.1), st.sampled_from([0.0, 1.0, 0.05]))
families = st.lists(p_values, max_size=8)


@given(families, alphas)
def test_holm_is_closed_testing_with_bonferroni_locals(p, alpha):
    assert holm(p, alpha).rejected == closed_testing(p, alpha)


@given(families, alphas)
def test_holm_rejects_exactly_where_p_meets_its_level(p, alpha):
    result = holm(p, alpha)
    assert result.rejected == tuple(x <= result.level for x in p)
    assert result.rejected == tuple(x <= alpha for x in result.adjusted)
    assert result.level == alpha / max(1, len(p) - sum(result.rejected))


@pytest.mark.slow
@settings(max_examples=8)  # the other side takes 30 ms a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from([0.05, 0.2]))
def test_holm_agrees_with_statsmodels(p, alpha):
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    rejected, adjusted, _, _ = multipletests(p, alpha, method="holm")
    result = holm(p, alpha)
    assert result.adjusted == pytest.approx(tuple(adjusted), abs=1e-12)
    if all(abs(x - alpha) > 1e-9 for x in adjusted):
        assert result.rejected == tuple(rejected)


def test_holm_on_a_worked_example():
    # origin: by hand; .01 <= .05/4, .013 <= .05/3, .03 > .05/2, so the level is .025
    result = holm([0.03, 0.01, 0.04, 0.013], 0.05)
    assert result.rejected == (False, True, False, True)
    assert result.level == 0.025
    assert result.adjusted == pytest.approx((0.06, 0.04, 0.06, 0.04))


def test_adjusted_p_values_agree_with_the_verdict_in_the_last_bit():
    # origin: a search; 11 (.05/11) rounds to above .05, and 53 times the double after .05/53 to .05
    # itself
    on, beyond = 0.05 / 11, math.nextafter(0.05 / 53, 1)
    assert 11 * on > 0.05
    assert 53 * beyond <= 0.05
    rejected, kept = holm([on, *[1.0] * 10], 0.05), holm([beyond, *[1.0] * 52], 0.05)
    assert rejected.rejected[0]
    assert rejected.adjusted[0] <= 0.05
    assert not kept.rejected[0]
    assert kept.adjusted[0] > 0.05


def test_one_claim_alone_is_left_as_it_is():
    assert holm([0.04], 0.05).adjusted == (0.04,)
    assert holm([0.04], 0.05).level == 0.05
    assert holm([], 0.05).level == 0.05


@given(families, p_values, alphas)
def test_an_unrelated_claim_never_makes_another_more_significant(p, extra, alpha):
    before, after = holm(p, alpha), holm([*p, extra], alpha)
    assert all(new >= old for new, old in zip(after.adjusted, before.adjusted, strict=False))
    assert all(old or not new for new, old in zip(after.rejected, before.rejected, strict=False))


@given(families, st.integers(0, 7), alphas)
def test_dropping_a_claim_to_unrun_never_helps_the_others(p, i, alpha):
    if i >= len(p):
        return
    dropped = [1.0 if j == i else x for j, x in enumerate(p)]
    before, after = holm(p, alpha), holm(dropped, alpha)
    assert all(new >= old for new, old in zip(after.adjusted, before.adjusted, strict=True))
    assert after.level <= before.level


@given(p_values, st.integers(0, 6), alphas)
def test_unrun_members_count(p, unrun, alpha):
    result = holm([p, *[1.0] * unrun], alpha)
    assert result.rejected[0] == (p <= alpha / (1 + unrun))


@given(families, st.data(), alphas)
def test_the_order_of_the_claims_never_matters(p, data, alpha):
    order = data.draw(st.permutations(range(len(p))))
    whole, shuffled = holm(p, alpha), holm([p[i] for i in order], alpha)
    assert shuffled.adjusted == tuple(whole.adjusted[i] for i in order)
    assert shuffled.level == whole.level


def test_each_direction_has_its_own_levels():
    supported, refuted, open_ = decide_family([0.001, 0.99, 0.5], [0.999, 0.01, 0.5], 0.05)
    assert [d.verdict for d in (supported, refuted, open_)] == [
        "supported",
        "refuted",
        "inconclusive",
    ]
    assert supported.level_support == supported.level_refute == 0.025
    two = decide_family([0.001, 0.002, 0.5], [0.999, 0.9, 0.5], 0.05)
    assert (two[0].level_support, two[0].level_refute) == (0.05, 0.05 / 3)
    assert (supported.adjusted_support, refuted.adjusted_refute) == pytest.approx((0.003, 0.03))


def test_contradicting_p_values_decide_nothing():
    assert decide_family([0.001], [0.001], 0.05)[0].verdict == "inconclusive"
    assert decide_family([], [], 0.05) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: holm([0.1, math.nan], 0.05),
            r"p\[1\] must be a probability, but is nan \(float\); .* counts with 1",
        ),
        (lambda: holm([1.1], 0.05), r"p\[0\] must be a probability, but is 1.1"),
        (lambda: holm([None], 0.05), r"p\[0\] must be a probability, but is None \(NoneType\)"),
        (
            lambda: holm([0.1], 0.0),
            "alpha must be an error rate above 0 and at most 0.5, but is 0.0",
        ),
        (lambda: holm([0.1], 0.51), "alpha must be an error rate"),
        (lambda: holm([0.1], math.nan), "alpha must be an error rate"),
        (
            lambda: decide_family([0.1], [0.1, 0.2], 0.05),
            "p_support and p_refute must be of one length.* 1 and 2",
        ),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(FaevalError, match=message):
        call()


# --- many families at once, looks, gates ---


@given(
    st.lists(st.tuples(p_values, p_values), min_size=1, max_size=6),
    st.sampled_from([0.05, 0.5, 0.1]),
)
def test_many_families_at_once_are_decided_as_one_at_a_time(pairs, alpha):
    support, refute = [p for p, _ in pairs], [p for _, p in pairs]
    number = {"supported": 1, "refuted": -1, "inconclusive": 0}
    expected = [number[d.verdict] for d in decide_family(support, refute, alpha)]
    assert decide_many([support, support], [refute, refute], alpha).tolist() == [expected] * 2


def test_a_verdict_latches_at_the_first_look_that_decides_it():
    # The claim is supported at its first look; at the second its other direction is rejected as
    # well.
    decided = decide_family([[0.01, 0.01], 0.9], [[1.0, 0.001], 0.9], 0.05)
    assert (decided[0].verdict, decided[0].look) == ("supported", 1)
    # Decided at its first look, and rejected in the same direction at the second: the first is when
    # it was decided.
    assert decide_family([[0.01, 0.001]], [[1.0, 1.0]], 0.05)[0].look == 1
    # Rejected late, once the other claim's rejection has freed its share of alpha.
    late = decide_family([[0.03, 0.03], [0.2, 0.001]], [[1.0, 1.0], [1.0, 1.0]], 0.05)
    assert [(d.verdict, d.look) for d in late] == [("supported", 2), ("supported", 2)]
    assert late[0].level_support == 0.05


def test_looks_must_come_in_pairs_and_never_rise():
    with pytest.raises(FaevalError, match=r"^p_support\[0\] must .*looks.* p_refute"):
        decide_family([[0.1, 0.1]], [[0.1]], 0.05)
    with pytest.raises(FaevalError, match=r"^p_refute\[0\] must .*sequential"):
        decide_family([[0.2, 0.1]], [[0.1, 0.2]], 0.05)


@pytest.mark.parametrize(
    ("gate", "own", "released"),
    [
        ("supported", "supported", ("supported", None)),
        ("supported", "refuted", ("refuted", None)),
        ("refuted", "supported", ("invalid", "gate_failed")),
        ("invalid", "refuted", ("invalid", "gate_failed")),
        ("refuted", "inconclusive", ("invalid", "gate_failed")),
        ("inconclusive", "supported", ("inconclusive", "gate_undecided")),
        ("inconclusive", "inconclusive", ("inconclusive", None)),
        ("refuted", "invalid", ("invalid", None)),
    ],
)
def test_a_gate_only_removes_decisions(gate, own, released):
    first, second = apply_gates([gate, own], [[], [0]])
    assert first == (gate, None, None)
    assert second[:2] == released


def test_a_claim_behind_a_gate_that_is_itself_held_back_is_held_back():
    held = apply_gates(["inconclusive", "supported", "supported"], [[], [0], [1]])
    assert [word for word, _, _ in held] == ["inconclusive"] * 3
    assert apply_gates(["supported", "refuted", "supported"], [[], [], [0, 1]])[2] == (
        "invalid",
        "gate_failed",
        1,
    )


def test_gates_in_a_circle_or_out_of_range_are_named():
    with pytest.raises(FaevalError, match=r"^requires must .*circle"):
        apply_gates(["supported", "supported"], [[1], [0]])
    with pytest.raises(FaevalError, match=r"^requires\[0\] must .*\b1, .*\b3\b"):
        apply_gates(["supported"], [[3]])
    with pytest.raises(FaevalError, match=r"^requires must .*\b1 claims"):
        apply_gates(["supported"], [])
    with pytest.raises(FaevalError, match=r"^p_support must .*\(rows, m\)"):
        decide_many([0.1], [0.1], 0.05)
