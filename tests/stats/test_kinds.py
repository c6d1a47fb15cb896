"""The table of kinds: each row against its definition written out, and kinds that nobody knows."""

import math

import pytest
from hypothesis import given, strategies as st

from faeval.errors import FaevalError
from faeval.stats import KINDS, decision_interval, judge, region_of

#: What each kind asserts of a difference d = a - b at a margin m, as the policy has it.
ASSERTS = {
    "exceeds": lambda d, m: d > m,
    "below": lambda d, m: -d > m,
    "not_above": lambda d, m: not d > m,
    "not_below": lambda d, m: not -d > m,
    "equivalent": lambda d, m: abs(d) < m,
    "agree": lambda d, m: abs(d) < m,
}
#: The kind, edges in margins, side, sign of effects, ways to refute it, its like for b and a.
ROWS = [
    ("exceeds", (1,), "above", 1, 1, "below"),
    ("below", (-1,), "below", -1, 1, "exceeds"),
    ("not_above", (1,), "below", 1, 1, "not_below"),
    ("not_below", (-1,), "above", -1, 1, "not_above"),
    ("equivalent", (-1, 1), "between", 1, 2, "equivalent"),
    ("agree", (-1, 1), "between", 1, 2, "agree"),
]
eighths = st.integers(-40, 40).map(lambda i: i / 8)


def test_every_kind_is_tried_here():
    assert list(ASSERTS) == [row[0] for row in ROWS] == list(KINDS)


@pytest.mark.parametrize(("kind", "edges", "side", "sign", "tails", "exchanged"), ROWS)
def test_a_row_says_what_its_kind_is(kind, edges, side, sign, tails, exchanged):
    row = region_of(kind)
    assert (row.edges(1.0), row.side, row.sign, row.tails) == (edges, side, sign, tails)
    assert row.exchanged == exchanged
    assert row.claims_effect is (kind in ("exceeds", "below"))
    assert row.bounds(0.0) == tuple(0 if math.isfinite(e) else e for e in (row.low, row.high))
    assert "0.5" in row.text.format(a="a", b="b", margin="0.5")


@given(st.sampled_from(list(ASSERTS)), eighths, st.integers(0, 24).map(lambda i: i / 8))
def test_a_difference_lies_in_the_region_exactly_where_the_assertion_is_true_of_it(kind, d, m):
    row = region_of(kind)
    assert bool(row.holds(d, m)) is ASSERTS[kind](d, m)
    depth = row.depth(d, m)
    assert (depth > 0) <= ASSERTS[kind](d, m) <= (depth >= 0)
    assert abs(depth) == min(abs(d - edge) for edge in row.edges(m))
    assert not row.holds(math.nan, m)


@given(st.sampled_from(list(ASSERTS)[:-1]), st.lists(eighths, min_size=3, max_size=7))
def test_differences_far_inside_support_and_far_outside_refute(kind, d):
    m, row = 8.0, region_of(kind)
    low, high = row.bounds(m)
    inside, outside = (low + 8, low - 8) if math.isfinite(low) else (high - 8, high + 8)
    there, beyond = (judge(kind, [x / 8 + at for x in d], m) for at in (inside, outside))
    assert there.p_support <= there.p_refute
    assert beyond.p_support >= beyond.p_refute
    interval = decision_interval(there, 0.05, 0.05)
    assert (there.p_support <= 0.05) is (low < interval.low and interval.high < high)


@pytest.mark.parametrize("kind", ["more", "EXCEEDS", "", None])
def test_a_kind_that_nobody_knows_raises_where_it_is_made(kind):
    with pytest.raises(FaevalError, match=r"^kind must .*exceeds, below"):
        judge(kind, [0.1, 0.2], 0.1)
    with pytest.raises(FaevalError, match=r"^kind must .*exceeds, below"):
        region_of(kind)


def test_an_agreement_is_asserted_and_never_tested_as_it_stands():
    assert region_of("agree").per_unit
    with pytest.raises(FaevalError, match=r"^kind must .*'agree'"):
        judge("agree", [0.1, 0.2], 0.1)
