"""The verdict rule on plain arrays: words, reasons, families, looks; and what must never lead to a
decision.
"""

import math
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from stats_reference.one_sample import t_p

from faeval import stats
from faeval.errors import FaevalError
from faeval.stats import Question, contrasts, rule

A = [0.31, 0.33, 0.30, 0.35, 0.32]
B = [0.20, 0.25, 0.21, 0.22, 0.23]


def ask(kind="exceeds", a=A, b=B, margin=0.03, **more):
    return Question(contrasts(kind, a, b, margin), **more)


def found(*questions, **more):
    return [(r.verdict, r.code) for r in rule(questions, **more)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (ask(), ("supported", "decided")),
        (ask(margin=0.3), ("refuted", "decided")),
        (ask("below"), ("refuted", "decided")),
        (ask("not_above", margin=0.3), ("supported", "decided")),
        (ask("not_below", margin=0.0), ("supported", "decided")),
        (ask("equivalent", margin=0.3), ("supported", "decided")),
        (ask("equivalent", margin=0.03), ("refuted", "decided")),
        (ask(margin=0.1), ("inconclusive", "straddles_margin")),
        (ask(a=[0.0, 1.0, 3.0], b=0.5), ("inconclusive", "underpowered")),
        (ask(margin=0.1, powers=(0.3,)), ("inconclusive", "underpowered")),
        (ask(a=[0.0, 1.0, 3.0], b=0.5, powers=(0.9,)), ("inconclusive", "straddles_margin")),
        (ask(a=A[:3], b=B[:3], test="sign-flip"), ("inconclusive", "unattainable")),
        (ask(a=A[:1], b=B[:1]), ("inconclusive", "unattainable")),
        (ask(a=[], b=[]), ("inconclusive", "unattainable")),
        (ask(a=[0.3, math.nan, 0.3], b=0.2), ("invalid", "undefined")),
        (ask(a=[0.3, math.inf, 0.3], b=0.2), ("invalid", "undefined")),
        (ask(a=[1e308, -1e308, 0.0], b=[-1e308, 1e308, 0.0]), ("invalid", "undefined")),
        (ask(a=[0.31] * 5, b=[0.30] * 5, margin=0.0), ("inconclusive", "no_spread")),
        (ask(seeds=(1, 2, 3, 4, 4)), ("invalid", "unit_mismatch")),
        (Question(problem=("invalid", "diverged", "a run diverged")), ("invalid", "diverged")),
    ],
)
def test_each_word_and_reason(question, expected):
    assert found(question) == [expected]


def test_a_repeated_seed_is_refused_with_what_pooling_would_have_done():
    rows = np.repeat([0.1, 0.2, 0.3, 0.4], 10) + np.random.default_rng(0).normal(0, 0.01, 40)
    (ruling,) = rule([ask(a=rows, b=0.0, seeds=tuple(np.repeat([1, 2, 3, 4], 10).tolist()))])
    assert (ruling.verdict, ruling.code) == ("invalid", "unit_mismatch")
    assert "%" in ruling.reason
    assert ruling.judgements == ()


def test_what_the_seeds_are_called_never_matters():
    assert (
        rule([ask(seeds=(1, 2, 3, 4, 5))])
        == rule([ask(seeds=("e", 7, "a", 0, 42))])
        == rule([ask()])
    )


def test_values_at_fault_come_before_any_other_problem():
    broken = ask(
        a=[0.3, math.nan, 0.3], b=0.2, problem=("inconclusive", "plan_not_reached", "run more")
    )
    assert found(broken) == [("invalid", "undefined")]
    fine = ask(problem=("inconclusive", "plan_not_reached", "run more"))
    (ruling,) = rule([fine])
    assert (ruling.verdict, ruling.code, ruling.reason) == (
        "inconclusive",
        "plan_not_reached",
        "run more",
    )
    assert len(ruling.judgements) == 1  # shown, and decides nothing
    assert (ruling.decision.adjusted_support, ruling.sensitivity) == (1.0, None)


def test_one_contrast_without_spread_is_enough_to_decide_nothing():
    flat = contrasts("exceeds", [0.31] * 5, [0.30] * 5, 0.0)
    for both in (flat + contrasts("exceeds", A, B, 0.03), contrasts("exceeds", A, B, 0.3) + flat):
        assert found(Question(both)) == [("inconclusive", "no_spread")]


def test_one_seed_is_told_what_it_lacks():
    (ruling,) = rule([ask(a=A[:1], b=B[:1])])
    assert (ruling.verdict, ruling.code) == ("inconclusive", "unattainable")
    assert re.search(r"; run .*\b2\b.*\b5\.$", ruling.reason)
    assert ruling.sensitivity is None


def test_members_without_values_count_in_the_family():
    weak = ask(margin=0.08)
    p = rule([weak])[0].judgements[0].p_support
    assert 0.05 / 3 < p <= 0.05
    assert found(weak)[0][0] == "supported"
    unrun = Question(problem=("inconclusive", "not_run", "run it"))
    assert found(weak, unrun, unrun)[0][0] == "inconclusive"
    assert found(weak, unrun=2)[0][0] == "inconclusive"
    assert rule([weak], unrun=2)[0].decision.level_support == 0.05 / 3


def test_a_claim_of_several_contrasts_needs_all_for_support_and_bonferroni_for_refutation():
    good, bad = contrasts("exceeds", A, B, 0.03), contrasts("exceeds", A, B, 0.3)
    assert found(Question(good + good)) == [("supported", "decided")]
    assert found(Question(good + bad)) == [("refuted", "decided")]
    d = np.array(A) - np.array(B)
    p = t_p(d, 0.125, "less")
    assert 0.05 / 3 < p < 0.05
    assert found(ask(margin=0.125)) == [("refuted", "decided")]
    assert found(Question(contrasts("exceeds", A, B, 0.125) + good + good))[0][0] == "inconclusive"


def test_agreement_is_about_every_unit_not_the_average():
    rng = np.random.default_rng(1)
    a = rng.normal(0.3, 0.01, (5, 4))
    close = a + rng.normal(0, 0.002, (5, 4))
    crossed = close + np.array([0.2, -0.2, 0.2, -0.2])  # the mean agrees, no unit does
    assert found(ask("agree", a, close, 0.05)) == [("supported", "decided")]
    assert found(ask("agree", a, crossed, 0.05)) == [("refuted", "decided")]
    mean, quantile = contrasts("agree", a, crossed, 0.05)
    assert mean.differences == pytest.approx((a - crossed).mean(axis=1))
    assert quantile.differences == pytest.approx(np.quantile(abs(a - crossed), 0.9, axis=1) - 0.05)


# --- looks ---


def growing(n, effect=0.1, sd=0.02, seed=0):
    return effect + np.random.default_rng(seed).normal(0, sd, n)


def test_a_look_decides_early_and_later_values_change_nothing():
    d = growing(10)
    early, late = (rule([ask(a=v, b=0.0, looks=(5, 10))])[0] for v in (d[:5], d))
    assert (early.verdict, early.look, early.n) == ("supported", 1, 5)
    against = np.concatenate([d[:5], d[5:] - 5.0])
    turned = rule([ask(a=against, b=0.0, looks=(5, 10))])[0]
    assert (turned.verdict, turned.look, turned.n) == ("supported", 1, 5)
    assert late.verdict == "supported"


def test_between_looks_nothing_is_decided_and_extra_values_wait():
    d = growing(10, effect=0.035)
    before = rule([ask(a=d[:4], b=0.0, looks=(5, 10))])[0]
    assert (before.verdict, before.code, before.looks_reached) == (
        "inconclusive",
        "plan_not_reached",
        0,
    )
    assert before.decision.adjusted_support == 1.0
    at, after = (rule([ask(a=d[:n], b=0.0, looks=(5, 10))])[0] for n in (5, 8))
    assert (at.verdict, at.code) == ("inconclusive", "plan_not_reached")
    assert (at.judgements, at.n, at.intervals) == (after.judgements, after.n, after.intervals)


def test_a_plain_p_under_alpha_is_not_enough_at_a_look():
    level = stats.nominal_level(0.05, (5, 10))
    assert level < 0.05
    rng = np.random.default_rng(5)
    seen = set()
    for d in rng.normal(0.06, 0.04, (300, 5)):
        (ruling,) = rule([ask(a=d, b=0.0, looks=(5, 10))])
        p = t_p(d, 0.03)
        if level < p <= 0.05:
            assert ruling.verdict == "inconclusive"
            seen.add("between")
        if p <= level:
            assert ruling.verdict == "supported"
            seen.add("under")
    assert seen == {"between", "under"}


@given(
    st.integers(0, 10_000),
    st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"]),
)
def test_with_looks_too_the_interval_excludes_the_margin_exactly_where_the_verdict_says_so(
    seed, kind
):
    d = np.random.default_rng(seed).normal(0.5, 1.0, 10)
    (ruling,) = rule([ask(kind, d, 0.0, 0.6, looks=(4, 7, 10))])
    (interval,) = ruling.intervals
    m = 0.6
    if kind == "equivalent":
        outer = interval.refuting
        read = (-m < interval.low and interval.high < m, outer.low > m or outer.high < -m)
    else:
        point = -m if kind in ("below", "not_below") else m
        read = (interval.low > point, interval.high < point)
        read = read if kind in ("exceeds", "not_below") else read[::-1]
    assert read == (ruling.verdict == "supported", ruling.verdict == "refuted")


def test_a_latched_verdict_survives_a_later_look_that_says_the_opposite():
    d = np.concatenate([growing(5), growing(5, effect=-0.5, seed=2)])
    (ruling,) = rule([ask(a=d, b=0.0, looks=(5, 10))])
    assert (ruling.verdict, ruling.look, ruling.n) == ("supported", 1, 5)
    assert t_p(d, 0.03, "less") < t_p(d, 0.03)


def test_bonferroni_factors_stand_outside_the_looks():
    # G(2 p) is less than 2 G(p): inside, two tails would cost less than they must. So would k
    # contrasts.
    d, looks = np.array([0.9, 1.0, 1.4, 0.8, 1.3]), (5, 10)
    (ruling,) = rule([ask("equivalent", d, 0.0, 0.8, looks=looks)])
    (one_tail,) = stats.sequential_p([t_p(d, 0.8)], looks)
    assert ruling.decision.adjusted_refute == pytest.approx(2 * one_tail, rel=1e-12)
    assert stats.sequential_p([2 * t_p(d, 0.8)], looks)[0] < 1.99 * one_tail
    three = Question(contrasts("not_above", d, 0.0, 0.8) * 3, looks=looks)
    assert rule([three])[0].decision.adjusted_refute == pytest.approx(3 * one_tail, rel=1e-12)


def test_looks_are_for_the_t_test():
    with pytest.raises(FaevalError, match=r"^looks must .*test is sign"):
        rule([ask(looks=(5,), test="sign")])


def test_unusable_questions_are_named():
    for call, message in (
        (lambda: rule([Question()]), "neither contrasts nor a problem"),
        (
            lambda: rule([ask(test="wilcoxon")]),
            "test must be one of t, sign-flip",
        ),
        (lambda: rule([ask()], 0.6), "alpha must be an error rate"),
        (lambda: rule([ask()], unrun=-1), "unrun must be a whole number"),
        (lambda: rule([ask(seeds=(1, 2))]), "seeds must be one name for each of 5 values"),
        (lambda: contrasts("more", A, B, 0.1), "kind must be one of"),
        (
            lambda: contrasts("exceeds", [A, A], B, 0.1),
            r"a must be one number per seed, shape \(n,\)",
        ),
        (lambda: contrasts("exceeds", A, B[:4], 0.1), r"b must be of the shape \(5,\) of a"),
        (lambda: contrasts("agree", A, B, 0.1), r"a must be numbers of shape \(n, units\)"),
        (lambda: contrasts("exceeds", A, B, -0.1), "margin must be a finite number, at least 0"),
        (lambda: contrasts("exceeds", ["x"], B, 0.1), "a must be one number per seed"),
    ):
        with pytest.raises(FaevalError, match=message):
            call()


# --- what must never matter ---

samples = st.lists(st.integers(-40, 40).map(lambda i: i / 8), min_size=0, max_size=7)
kinds = st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"])


@given(
    st.lists(
        st.tuples(kinds, samples, st.integers(0, 24).map(lambda i: i / 8)), min_size=1, max_size=4
    ),
    st.data(),
)
def test_another_claim_never_helps_and_global_random_state_never_matters(family, data):
    questions = [ask(kind, d, 0.0, margin) for kind, d, margin in family]
    before = rule(questions)
    np.random.seed(data.draw(st.integers(0, 99)))  # noqa: NPY002 - a global generator is what must not matter
    assert repr(rule(questions)) == repr(before)
    more = rule([*questions, ask(data.draw(kinds), data.draw(samples), 0.0, 0.5)])
    for old, new in zip(before, more, strict=False):
        assert new.decision.adjusted_support >= old.decision.adjusted_support
        assert new.decision.adjusted_refute >= old.decision.adjusted_refute


@given(kinds, st.lists(st.one_of(st.floats(), st.just(math.nan)), max_size=5))
def test_nothing_undefined_and_no_single_seed_is_ever_decided(kind, d):
    (ruling,) = rule([ask(kind, d, 0.0, 0.1)])
    usable = len(d) >= 2 and all(map(math.isfinite, d))
    if not usable:
        assert ruling.verdict in ("invalid", "inconclusive")
    assert ruling.verdict != "supported" or usable


@given(kinds, st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=5), st.integers(2, 4))
def test_repeating_the_rows_of_a_seed_is_refused_not_rewarded(kind, d, times):
    rows, seeds = np.repeat(d, times), tuple(np.repeat(range(len(d)), times).tolist())
    (ruling,) = rule([ask(kind, rows, 0.0, 0.1, seeds=seeds)])
    assert (ruling.verdict, ruling.code) == ("invalid", "unit_mismatch")


# --- flags ---


def test_the_error_over_items_is_the_spread_over_blocks_of_the_mean_over_seeds():
    blocks = np.random.default_rng(0).normal(size=(5, 8))
    expected = np.std(blocks.mean(axis=0), ddof=1) / math.sqrt(8)
    assert stats.item_error(blocks) == pytest.approx(expected)
    assert math.isnan(stats.item_error(blocks[:, :1]))
    with pytest.raises(FaevalError, match=r"^blocks must .*\[1\.0, 2\.0\]"):
        stats.item_error([1.0, 2.0])


@pytest.mark.parametrize(
    ("kind", "edges"), [("exceeds", [0.5]), ("below", [-0.5]), ("equivalent", [-0.5, 0.5])]
)
def test_an_estimate_within_two_errors_of_an_edge_is_near_it(kind, edges):
    for edge in edges:
        for gap, near in ((0.19, True), (0.21, False)):
            j = stats.judge(kind, [edge + gap - 0.1, edge + gap + 0.1], 0.5)
            assert stats.near_margin(j, 0.1) is near


def test_a_spread_below_two_steps_of_the_resolution_is_coarse():
    j = stats.judge("exceeds", [1.0, 1.1, 1.2], 0.5)
    assert j.sd == pytest.approx(0.1)
    assert stats.coarse(j, 0.051) is True
    assert stats.coarse(j, 0.049) is False
