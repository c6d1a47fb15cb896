"""What must hold for every rule that reads both sides, whatever the numbers."""

import math

import pytest
from hypothesis import given, settings, strategies as st

from faeval import stats
from faeval.errors import FaevalError
from faeval.stats import RULES, combine, decision_interval, judge

KINDS = [kind for kind, region in stats.KINDS.items() if not region.per_unit]
TESTS = [rule.name for rule in RULES.values() if rule.decides and rule.sides]
kinds = st.sampled_from(KINDS)
margins = st.one_of(st.integers(0, 20).map(lambda i: i / 20), st.floats(0, 1.2))
levels = st.one_of(
    st.sampled_from([0.5, 0.25, 0.125, 1 / 32, 0.05, 0.05 / 3, 0.01]), st.floats(1e-6, 0.5)
)
numbers = st.one_of(
    st.integers(-40, 40).map(lambda i: i / 8), st.floats(-1e3, 1e3, allow_subnormal=False)
)


@st.composite
def sides(draw, test):
    """Two sides that a rule can read, of different lengths where no seed pairs them."""
    rule = RULES[test]
    values = st.sampled_from([0.0, 1.0]) if rule.about == "rate" else numbers
    n = draw(st.integers(0, 8))
    a = draw(st.lists(values, min_size=n, max_size=n))
    if rule.one_arm:
        number = draw(st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), st.floats(0, 1)))
        return a, [number] * n
    m = n if rule.paired else draw(st.integers(0, 8))
    return a, draw(st.lists(values, min_size=m, max_size=m))


every_rule = pytest.mark.parametrize("test", TESTS)


def pair(kind, ab, margin, test):
    j = judge(kind, ab, margin, test=test)
    return j.p_support, j.p_refute


@every_rule
@settings(max_examples=25)
@given(kinds, margins, st.data())
def test_exchanging_the_sides_changes_nothing_but_the_word(test, kind, margin, data):
    a, b = data.draw(sides(test))
    if RULES[test].one_arm:  # the number stays: 0 and 1 are exchanged, for both
        mirrored = [1 - x for x in a], [1 - x for x in b]
        found = pair(stats.region_of(kind).exchanged, mirrored, margin, test)
        assert found == pytest.approx(pair(kind, (a, b), margin, test), abs=1e-9)
    else:
        mirrored = b, a
        found = pair(stats.region_of(kind).exchanged, mirrored, margin, test)
        assert found == pair(kind, (a, b), margin, test)


@every_rule
@settings(max_examples=25)
@given(margins, st.data())
def test_a_negated_assertion_exchanges_support_and_refutation(test, margin, data):
    ab = data.draw(sides(test))
    assert pair("not_above", ab, margin, test) == pair("exceeds", ab, margin, test)[::-1]
    assert pair("not_below", ab, margin, test) == pair("below", ab, margin, test)[::-1]


@every_rule
@settings(max_examples=25)
@given(kinds, margins, st.randoms(use_true_random=False), st.data())
def test_the_order_of_the_seeds_never_matters(test, kind, margin, random, data):
    a, b = data.draw(sides(test))
    first = judge(kind, (a, b), margin, test=test)
    if RULES[test].paired:
        order = random.sample(range(len(a)), len(a))
        mixed = [a[i] for i in order], [b[i] for i in order]
    else:
        mixed = random.sample(a, len(a)), random.sample(b, len(b))
    second = judge(kind, mixed, margin, test=test)
    assert (first.p_support, first.p_refute) == (second.p_support, second.p_refute)
    assert decision_interval(first, 0.2, 0.2) == decision_interval(second, 0.2, 0.2)


@every_rule
@settings(max_examples=25)
@given(kinds, margins, margins, st.data())
def test_a_wider_margin_never_undoes_a_verdict(test, kind, m1, m2, data):
    ab = data.draw(sides(test))
    narrow, wide = pair(kind, ab, min(m1, m2), test), pair(kind, ab, max(m1, m2), test)
    if kind in ("exceeds", "below"):
        narrow, wide = wide, narrow
    # the one fall that p may have in the ratio of spreads is found to so many digits
    slack = 1e-3 if RULES[test].about == "spread" else 1e-12
    assert wide[0] <= narrow[0] * (1 + slack) + 1e-12
    assert narrow[1] <= wide[1] * (1 + slack) + 1e-12


@pytest.mark.parametrize("test", [t for t in TESTS if RULES[t].about == "rate"])
@settings(max_examples=25)
@given(margins, st.integers(1, 40), st.data())
def test_p_of_rates_never_falls_with_the_margin_not_by_a_last_bit(test, margin, steps, data):
    ab = data.draw(sides(test))
    found = []
    for _ in range(steps):
        found.append(pair("exceeds", ab, margin, test)[0])
        margin = math.nextafter(margin, math.inf)
    assert found == sorted(found)


def excludes(j, interval):
    """Whether the interval says "supported", and whether it says "refuted"."""
    m = j.margin
    if j.kind == "equivalent":
        outside = interval.refuting
        return -m < interval.low and interval.high < m, outside.low > m or outside.high < -m
    point = -m if j.kind in ("below", "not_below") else m
    above, under = interval.low > point, interval.high < point
    return (above, under) if j.kind in ("exceeds", "not_below") else (under, above)


@every_rule
@settings(max_examples=25)
@given(kinds, margins, levels, levels, st.integers(1, 4), st.data())
def test_the_interval_excludes_the_margin_exactly_where_p_is_small_enough(
    test, kind, margin, plus, minus, k, data
):
    j = judge(kind, data.draw(sides(test)), margin, test=test)
    p_refute = combine([j] * k)[1]
    # the hardest levels are the p-values themselves and their neighbours
    near = [
        math.nextafter(p, to)
        for p in (j.p_support, p_refute)
        for to in (0.0, p, 1.0)
        if 0 < p < 0.5
    ]
    if near and data.draw(st.booleans()):
        plus, minus = data.draw(st.sampled_from(near)), data.draw(st.sampled_from(near))
    supported, refuted = j.p_support <= plus, p_refute <= minus
    if supported and refuted:
        assert plus == minus == 0.5
        supported = refuted = False
    interval = decision_interval(j, plus, minus, k)
    assert excludes(j, interval) == (supported, refuted)
    assert interval.low <= interval.high


@every_rule
@settings(max_examples=25)
@given(kinds, margins, margins, levels, st.data())
def test_a_bound_stands_where_another_margin_would_be_decided(test, kind, m1, m2, level, data):
    # the bound at one margin tells the p-value at any other, to how near bounds are found
    ab = data.draw(sides(test))
    low = decision_interval(judge("exceeds", ab, m1, test=test), level, level).low
    p = judge("exceeds", ab, m2, test=test).p_support
    if abs(low - m2) > 1e-6 and m1 != m2:
        assert (low > m2) == (p <= level)


@every_rule
@settings(max_examples=25)
@given(st.integers(0, 1), st.data())
def test_fewer_values_than_a_rule_needs_never_speak(test, less, data):
    rule = RULES[test]
    a, b = data.draw(sides(test))
    few = rule.least - 1 - less
    cut = (a[:few], b[:few]) if rule.paired else (a[:few], b)
    assert pair("exceeds", cut, 0.1, test) == (1.0, 1.0)
    assert stats.attainable_p(test, max(few, 0)) == 1.0


@every_rule
def test_looks_are_refused(test):
    a = [0.0, 1.0] * 4
    b = [0.5] * 8 if RULES[test].one_arm else a
    question = stats.Question(stats.contrasts("exceeds", a, b, 0.1), test=test, looks=(6, 8))
    with pytest.raises(FaevalError, match=r"^looks must"):
        stats.rule([question])
