"""What must hold for every kind of assertion and every test, whatever the numbers."""

import math

import pytest
from hypothesis import assume, given, strategies as st

from faeval.stats import combine, decide_family, decision_interval, judge

KINDS = ("exceeds", "below", "not_above", "not_below", "equivalent")
TESTS = ("t", "sign-flip", "sign")
SWAPPED = {
    "exceeds": "below",
    "below": "exceeds",
    "not_above": "not_below",
    "not_below": "not_above",
    "equivalent": "equivalent",
}

# Eighths add and scale exactly and produce ties; general doubles produce rounding.
eighths = st.integers(-40, 40).map(lambda i: i / 8)
doubles = st.floats(-1e3, 1e3, allow_subnormal=False)
exact_samples = st.lists(eighths, max_size=7)
samples = st.one_of(exact_samples, st.lists(doubles, max_size=7))
margins = st.one_of(
    st.integers(0, 24).map(lambda i: i / 8), st.floats(0, 1e3, allow_subnormal=False)
)
kinds, tests = st.sampled_from(KINDS), st.sampled_from(TESTS)
levels = st.one_of(
    st.sampled_from([0.5, 0.25, 0.125, 1 / 16, 1 / 32, 3 / 32, 0.05, 0.05 / 3, 0.01]),
    st.floats(1e-6, 0.5),
)
ROUNDING = 1e-12


def pair(kind, d, margin, test):
    j = judge(kind, d, margin, test=test)
    return j.p_support, j.p_refute


@given(kinds, tests, samples, margins)
def test_swapping_the_arms_changes_nothing_but_the_word(kind, test, d, margin):
    assert pair(kind, d, margin, test) == pair(SWAPPED[kind], [-x for x in d], margin, test)


@given(tests, samples, margins)
def test_a_negated_assertion_exchanges_support_and_refutation(test, d, margin):
    assert pair("not_above", d, margin, test) == pair("exceeds", d, margin, test)[::-1]
    assert pair("not_below", d, margin, test) == pair("below", d, margin, test)[::-1]


@given(kinds, tests, samples, margins, st.data())
def test_the_order_of_the_seeds_never_matters(kind, test, d, margin, data):
    first = judge(kind, d, margin, test=test)
    second = judge(kind, data.draw(st.permutations(d)), margin, test=test)
    assert (first.p_support, first.p_refute) == (second.p_support, second.p_refute)
    assert decision_interval(first, 0.2, 0.2) == decision_interval(second, 0.2, 0.2)
    if d:
        assert first.estimate == second.estimate
    if len(d) > 1:
        assert first.sd == second.sd


@given(tests, exact_samples, margins, st.integers(0, 80))
def test_a_larger_difference_never_speaks_less_for_exceeds(test, d, margin, step):
    before = pair("exceeds", d, margin, test)
    after = pair("exceeds", [x + step / 8 for x in d], margin, test)
    assert after[0] <= before[0] + ROUNDING
    assert after[1] >= before[1] - ROUNDING


@given(kinds, tests, samples, margins, margins)
def test_a_wider_margin_never_speaks_less_for_equivalence_nor_more_for_exceeds(
    kind, test, d, m1, m2
):
    narrow, wide = pair(kind, d, min(m1, m2), test), pair(kind, d, max(m1, m2), test)
    if kind in ("exceeds", "below"):
        narrow, wide = wide, narrow
    assert wide[0] <= narrow[0] + ROUNDING
    assert wide[1] >= narrow[1] - ROUNDING


@given(kinds, tests, samples, margins, st.integers(-200, 200))
def test_the_unit_of_the_metric_never_matters(kind, test, d, margin, exponent):
    assume(all(x == 0 or abs(x) > 1e-100 for x in [*d, margin]))
    unit = 2.0**exponent
    assert pair(kind, [x * unit for x in d], margin * unit, test) == pair(kind, d, margin, test)


@given(
    kinds, tests, exact_samples, st.integers(0, 24), st.sampled_from([0.01, 1e-3, 1e-30, 3.0, 1e7])
)
def test_a_unit_that_rounds_changes_p_by_no_more_than_rounding(kind, test, d, margin, unit):
    scaled = pair(kind, [x * unit for x in d], margin / 8 * unit, test)
    assert scaled == pytest.approx(pair(kind, d, margin / 8, test), abs=1e-9)


@given(kinds, tests, samples, margins, levels)
def test_supported_and_refuted_never_both(kind, test, d, margin, alpha):
    support, refute = pair(kind, d, margin, test)
    decision = decide_family([support], [refute], alpha)[0]
    if support <= alpha and refute <= alpha:
        assert alpha == 0.5
        assert decision.verdict == "inconclusive"
    assert (decision.verdict == "supported") == (
        support <= alpha < 0.5 or (support <= alpha and refute > alpha)
    )


@given(tests, samples, margins, levels)
def test_two_opposite_claims_are_never_both_supported(test, d, margin, alpha):
    assume(alpha < 0.5)
    assert not all(pair(kind, d, margin, test)[0] <= alpha for kind in ("exceeds", "below"))
    assert not all(pair(kind, d, margin, test)[0] <= alpha for kind in ("exceeds", "not_above"))


@given(kinds, tests, st.lists(doubles, max_size=1), margins)
def test_fewer_than_two_seeds_never_speak(kind, test, d, margin):
    assert pair(kind, d, margin, test) == (1.0, 1.0)


def excludes(j, interval):
    """Whether the interval says "supported", and whether it says "refuted"."""
    m = j.margin
    if j.kind == "equivalent":
        outside = interval.refuting
        return -m < interval.low and interval.high < m, outside.low > m or outside.high < -m
    point = -m if j.kind in ("below", "not_below") else m
    above, under = interval.low > point, interval.high < point
    return (above, under) if j.kind in ("exceeds", "not_below") else (under, above)


@given(kinds, tests, samples, margins, levels, levels, st.integers(1, 4), st.data())
def test_the_interval_excludes_the_margin_exactly_where_p_is_small_enough(
    kind, test, d, m, plus, minus, k, data
):
    j = judge(kind, d, m, test=test)
    # the hardest levels are the p-values themselves and their neighbours
    p_refute = combine([j] * k)[1]
    near = [
        math.nextafter(p, to)
        for p in (j.p_support, p_refute)
        for to in (0.0, p, 1.0)
        if 0 < p < 0.5
    ]
    if near and data.draw(st.booleans()):
        plus, minus = data.draw(st.sampled_from(near)), data.draw(st.sampled_from(near))
    supported, refuted = j.p_support <= plus, p_refute <= minus
    if supported and refuted:  # only with both levels at one half
        assert plus == minus == 0.5
        supported = refuted = False
    interval = decision_interval(j, plus, minus, k)
    assert excludes(j, interval) == (supported, refuted)
    assert interval.low <= interval.high


@given(kinds, tests, samples, margins, st.integers(1, 4))
def test_a_stricter_level_never_narrows_the_interval(kind, test, d, margin, k):
    j = judge(kind, d, margin, test=test)
    loose, strict = decision_interval(j, 0.2, 0.2, k), decision_interval(j, 0.05, 0.05, k)
    assert strict.low <= loose.low
    assert loose.high <= strict.high
