"""Differences known on one side alone, and differences that are all the same."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from faeval import stats
from faeval.errors import FaevalError
from faeval.stats import Question, contrasts, decision_interval, judge, rule

D = [0.5, 0.6, 0.7, 0.55, 0.8]
N = len(D)
NONE, LAST = [False] * N, [False] * (N - 1) + [True]
KINDS = ("exceeds", "below", "not_above", "not_below", "equivalent")
COLUMN = st.lists(st.integers(-30, 30).map(lambda k: k / 10), min_size=N, max_size=N)
MARKS = st.lists(st.booleans(), min_size=N, max_size=N)


@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_a_mean_is_not_shown_to_lie_where_a_value_may_take_it_out(test) -> None:
    plain = judge("exceeds", D, 0.1, test=test)
    for lower, higher, support, refute in (
        (LAST, NONE, 1.0, plain.p_refute),
        (NONE, LAST, plain.p_support, 1.0),
        (LAST, LAST, 1.0, 1.0),
        (NONE, NONE, plain.p_support, plain.p_refute),
    ):
        found = judge("exceeds", D, 0.1, test=test, censored=(lower, higher))
        assert (found.p_support, found.p_refute) == (support, refute)
        interval = decision_interval(found, 0.05, 0.05)
        assert (interval.low == -math.inf) == (lower is LAST)
        assert (interval.high == math.inf) == (higher is LAST)


@given(
    COLUMN, MARKS, MARKS, st.sampled_from(KINDS), st.lists(st.floats(0, 50), min_size=N, max_size=N)
)
def test_the_sign_test_says_nothing_that_the_truth_could_undo(d, lower, higher, kind, by) -> None:
    """Whatever a censored value really is, p for each word is no smaller than by the truth."""
    found = judge(kind, d, 0.5, test="sign", censored=(lower, higher))
    marks = zip(d, lower, higher, by, strict=True)
    truth = [x + (up - low) * by for x, low, up, by in marks]
    real = judge(kind, truth, 0.5, test="sign")
    assert found.p_support >= real.p_support
    assert found.p_refute >= real.p_refute
    interval = decision_interval(found, 0.2, 0.2)
    edges = stats.region_of(kind).edges(0.5)
    if kind == "exceeds":
        assert (interval.low > edges[0]) == (found.p_support <= 0.2)
        assert (interval.high < edges[0]) == (found.p_refute <= 0.2)


@given(COLUMN, MARKS, st.sampled_from(["t", "sign"]), st.sampled_from(KINDS))
def test_without_a_seed_its_mark_is_gone_as_well(d, lower, test, kind) -> None:
    higher = lower[::-1]
    judgement = judge(kind, d, 0.5, test=test, censored=(lower, higher))
    words = stats.leave_one_out([judgement], 0.3, 0.3)
    for i, word in enumerate(words):
        rest = [np.delete(x, i) for x in (d, lower, higher)]
        other = judge(kind, rest[0], 0.5, test=test, censored=(rest[1], rest[2]))
        yes, no = other.p_support <= 0.3, other.p_refute <= 0.3
        assert (word == "supported") == (yes and not no)
        assert (word == "refuted") == (no and not yes)


def test_an_open_claim_names_the_censored_runs() -> None:
    part = contrasts("exceeds", D, 0.0, 0.1, censored=(LAST, NONE))
    (ruling,) = rule([Question(part)])
    assert (ruling.verdict, ruling.code) == ("inconclusive", "censored")
    (ruling,) = rule([Question(contrasts("exceeds", D, 0.0, 0.1, censored=(NONE, LAST)))])
    assert (ruling.verdict, ruling.judgements[0].censored) == ("supported", 1)


def test_marks_belong_to_paired_differences() -> None:
    for values, test, marks in (((D, D), "welch", (NONE, NONE)), (D, "t", (NONE, NONE[1:]))):
        with pytest.raises(FaevalError, match="censored"):
            judge("exceeds", values, 0.1, test=test, censored=marks)


def still(n: int, value: float, margin: float, reach=(-1.0, 1.0), kind="equivalent"):
    a = np.linspace(0.2, 0.8, n)
    part = contrasts(kind, a + value, a, margin, reach=reach)
    return rule([Question(part)])[0]


def test_identical_differences_are_decided_where_their_range_allows_it() -> None:
    """The mean lies within R (1 - a^(1/n)) of the common value: .451 R at n = 5, .139 at n = 20."""
    for n in (5, 20, 59):
        reach = 1 - 0.05 ** (1 / n)
        assert still(n, 0.0, reach + 1e-6).verdict == "supported"
        assert still(n, 0.0, reach - 1e-6).code == "no_spread"
        for ends in ((-math.inf, math.inf), (-math.inf, 1.0), (-1.0, math.inf)):
            assert still(n, 0.0, reach + 1e-6, reach=ends).code == "no_spread"
    ruling = still(20, 0.0, 0.2, kind="exceeds")
    assert (ruling.verdict, ruling.judgements[0].test) == ("refuted", "identical")
    assert ruling.intervals[0].high == pytest.approx(1 - 0.05 ** (1 / 20))


def test_a_value_that_was_read_off_the_data_needs_eight_seeds() -> None:
    shifted = [still(n, 0.25, 0.9, reach=(-0.5, 0.5), kind="not_above").code for n in (7, 8)]
    assert shifted == ["no_spread", "decided"]


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_bound_of_identical_differences_errs_as_often_as_it_says(n: int) -> None:
    """A share q of seeds differs by the whole range, so the mean is on the margin: (1 - q)^n."""
    for q in (0.1, 0.3, 0.5, 0.7):
        verdict = still(n, 0.0, q).verdict
        wrong = (1 - q) ** n if verdict == "supported" else 0.0
        assert wrong <= 0.05
