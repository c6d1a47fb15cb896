"""Claims of which so many assertions must hold: p-values, verdicts, intervals and lower bounds."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from stats_reference.one_sample import t_p

from faeval import stats
from faeval.errors import FaevalError
from faeval.stats import Counted, Question, Structure, combine, contrasts, judge, rule

P = st.integers(1, 1000).map(lambda k: k / 1000)
COLUMN = st.lists(
    st.integers(-300, 300).map(lambda k: k / 100), min_size=4, max_size=4, unique=True
)


@st.composite
def counted(draw: st.DrawFn) -> tuple[Counted, list[float], list[float]]:
    k = draw(st.integers(2, 6))
    least = draw(st.integers(1, k))
    p = [draw(st.lists(P, min_size=k, max_size=k)) for _ in range(2)]
    return Counted(least, tuple((i,) for i in range(k))), *p


@given(counted())
def test_p_is_that_of_bonferroni_on_every_set_of_members(given_: tuple) -> None:
    """At least u of k is false only where some k - u + 1 members fail together."""
    count, yes, no = given_
    k, u = len(yes), count.least
    # of each set of k - u + 1 members one must hold: Bonferroni on the worst such set
    support = max(
        (k - u + 1) * min(yes[i] for i in some) for some in combinations(range(k), k - u + 1)
    )
    against = max(u * min(no[i] for i in some) for some in combinations(range(k), u))
    p = count.p(np.array(yes), np.array(no))
    assert p == (pytest.approx(min(1.0, support)), pytest.approx(min(1.0, against)))


@given(st.lists(st.tuples(P, P), min_size=2, max_size=6))
def test_all_of_them_is_what_a_plain_claim_asserts(pairs: list[tuple[float, float]]) -> None:
    yes, no = np.array(pairs).T
    every = Counted(len(pairs), tuple((i,) for i in range(len(pairs))))
    plain = Structure(len(pairs)).p(yes, no)
    assert Structure(len(pairs), (every,)).p(yes, no) == plain
    assert plain == (max(yes), min(1.0, len(pairs) * min(no)))


@given(counted(), P)
def test_how_many_hold_at_least_is_the_last_count_supported_with_all_before(
    given_: tuple, level: float
) -> None:
    count, yes, no = given_
    holds = [
        Counted(u, count.members).p(np.array(yes), np.array(no))[0] <= level
        for u in range(1, len(yes) + 1)
    ]
    assert count.holding(yes, no, level) == ([*holds, False].index(False))


@given(st.lists(COLUMN, min_size=3, max_size=4), st.data())
def test_bounds_exclude_the_margin_of_so_many_members_as_the_verdict_says(
    columns: list[list[float]], data: st.DataObject
) -> None:
    least = data.draw(st.integers(1, len(columns)))
    own = data.draw(st.booleans())  # the first contrast must hold by itself
    kind = data.draw(st.sampled_from(["exceeds", "below", "not_above", "not_below"]))
    parts = tuple(c for d in columns for c in contrasts(kind, d, 0.0, 0.2))
    members = tuple((i,) for i in range(own, len(columns)))
    least = min(least, len(members))
    count = Counted(least, members)
    (ruling,) = rule([Question(parts, counts=(count,))], alpha=0.2)
    region = stats.region_of(kind)
    (edge,) = region.edges(0.2)
    above = [i.low > edge for i in ruling.intervals]
    below = [i.high < edge for i in ruling.intervals]
    yes, no = (above, below) if region.side == "above" else (below, above)
    supported = sum(yes[own:]) >= least and all(yes[:own])
    refuted = sum(no[own:]) >= count.spare or any(no[:own])
    assert ruling.verdict == {(True, False): "supported", (False, True): "refuted"}.get(
        (supported, refuted), "inconclusive"
    )


def test_a_member_without_values_or_spread_counts_as_one_that_was_not_run() -> None:
    good, still = [0.5, 0.6, 0.7, 0.55], [0.5, 0.5, 0.5, 0.5]
    parts = [c for d in (good, good, still) for c in contrasts("exceeds", d, 0.0, 0.1)]
    p = t_p(np.array(good), 0.1)
    for members, factor in (
        (((0,), (1,), (2,)), 2),
        (((0,), (1,), ()), 2),
    ):
        used = parts[: 3 if members[2] else 2]
        (ruling,) = rule([Question(tuple(used), counts=(Counted(2, members),))])
        assert ruling.verdict == "supported"
        assert ruling.decision.adjusted_support == pytest.approx(factor * p)
    (alone,) = rule([Question((parts[2],))])
    assert alone.code == "no_spread"


def test_a_member_of_two_contrasts_holds_where_both_do() -> None:
    a = np.array([[0.1, 0.2], [0.11, 0.19], [0.12, 0.2], [0.1, 0.21]])
    agree = contrasts("agree", a, a + 0.1 * a, 0.05)
    other = contrasts("exceeds", [5.0, 5.1, 5.2, 5.0], 0.0, 0.1)
    count = Counted(1, ((0, 1), (2,)))
    found = [judge(c.kind, c.differences, c.margin) for c in (*agree, *other)]
    support, refute = combine(found, (count,))
    pair = max(found[0].p_support, found[1].p_support)
    assert support == pytest.approx(2 * min(pair, found[2].p_support), abs=0)
    against = min(1.0, 2 * min(found[0].p_refute, found[1].p_refute))
    assert refute == pytest.approx(max(against, found[2].p_refute))
    both, _ = combine(found, (Counted(2, ((0, 1), (2,))),))
    assert both == pytest.approx(max(pair, found[2].p_support), abs=0)
    assert found[0].p_support != found[1].p_support


def test_a_member_that_varies_by_rounding_alone_counts_as_one_that_was_not_run() -> None:
    good = contrasts("exceeds", [0.5, 0.6, 0.7, 0.55], 0.0, 0.1)
    noise = contrasts("exceeds", [0.5, 0.5 + 1e-10, 0.5 - 1e-10, 0.5], 0.0, 0.1, sizes=1e6)
    (ruling,) = rule([Question((*good, *noise), counts=(Counted(1, ((0,), (1,))),))])
    assert ruling.judgements[1].p_support == 1.0
    assert ruling.decision.adjusted_support == pytest.approx(2 * ruling.judgements[0].p_support)


def test_looks_are_refused_for_counts() -> None:
    part = contrasts("exceeds", [0.5, 0.6, 0.7, 0.55], 0.0, 0.1)
    question = Question(part * 2, looks=(2, 4), counts=(Counted(1, ((0,), (1,))),))
    with pytest.raises(FaevalError, match="looks"):
        rule([question])


@given(st.lists(COLUMN, min_size=3, max_size=3), st.integers(1, 3))
def test_without_a_seed_the_count_is_that_of_the_others(
    columns: list[list[float]], least: int
) -> None:
    count = Counted(least, ((0,), (1,), (2,)))
    judgements = [judge("exceeds", d, 0.1) for d in columns]
    words = stats.leave_one_out(judgements, 0.2, 0.2, (count,))
    for i, word in enumerate(words):
        rests = [judge("exceeds", np.delete(d, i), 0.1) for d in columns]
        support, refute = combine(rests, (count,))
        assert (word == "supported") == (support <= 0.2 < refute)
        assert (word == "refuted") == (refute <= 0.2 < support)
