"""One assertion, and claims of several: known answers, wrong input, and cases that must stay
undecided.
"""

import math

import numpy as np
import pytest
from scipy import stats

from faeval.errors import FaevalError
from faeval.stats import Judgement, combine, judge, judge_many

KINDS = ("exceeds", "below", "not_above", "not_below", "equivalent")
TESTS = ("t", "sign-flip", "sign")
D = (0.08, 0.10, 0.09, 0.11, 0.12)


def scipy_p(bound, alternative, d=D):
    return stats.ttest_1samp(d, bound, alternative=alternative).pvalue


@pytest.mark.parametrize(
    ("kind", "support", "refute"),
    [
        # origin: the policy's definitions through scipy; "greater" tests H0 a - b <= bound
        ("exceeds", (0.09, "greater"), (0.09, "less")),
        ("below", (-0.09, "less"), (-0.09, "greater")),
        ("not_above", (0.09, "less"), (0.09, "greater")),
        ("not_below", (-0.09, "greater"), (-0.09, "less")),
    ],
)
def test_one_sided_assertions_test_both_sides_of_their_margin(kind, support, refute):
    j = judge(kind, D, 0.09)
    assert (j.p_support, j.p_refute) == pytest.approx(
        (scipy_p(*support), scipy_p(*refute)), rel=1e-12
    )


def test_equivalence_is_supported_by_tost_as_in_statsmodels():
    ttost_paired = pytest.importorskip("statsmodels.stats.weightstats").ttost_paired
    d = np.array(D)
    for margin in (0.05, 0.12, 0.2):
        expected = ttost_paired(d, np.zeros(5), -margin, margin)[0]
        assert judge("equivalent", d, margin).p_support == pytest.approx(expected, rel=1e-10)


def test_equivalence_is_refuted_at_twice_the_smaller_tail():
    for d in (D, tuple(-x for x in D)):
        smaller = min(scipy_p(0.08, "greater", d), scipy_p(-0.08, "less", d))
        assert judge("equivalent", d, 0.08).p_refute == pytest.approx(2 * smaller, rel=1e-10)
    assert judge("equivalent", D, 0.5).p_refute == 1.0


def test_a_judgement_carries_what_it_was_judged_on():
    j = judge("exceeds", np.array(D), 0.03)
    assert (j.kind, j.margin, j.test, j.n, j.differences) == ("exceeds", 0.03, "t", 5, D)
    # origin: mean .1; deviations -.02, 0, -.01, .01, .02 give s^2 = .001 / 4
    assert (j.estimate, j.sd) == pytest.approx((0.1, math.sqrt(0.00025)), rel=1e-12)
    with pytest.raises(AttributeError):
        j.estimate = 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    "d",
    [
        [],
        [5.0],
        [5.0] * 12,
        [0.31 - 0.30] * 12,
        list(5.0 + np.spacing(5.0) * (np.arange(12) % 2)),  # one bit of float noise
    ],
)
def test_nothing_is_decided_without_seeds_or_spread(kind, test, d):
    j = judge(kind, d, 0.001, test=test)
    decides = test == "sign" and len(d) == 12  # it compares seed by seed, and needs no spread
    assert ((j.p_support, j.p_refute) == (1.0, 1.0)) is not decides
    assert min(j.p_support, j.p_refute) >= 0.5 ** len(d)
    assert j.n == len(d)
    assert math.isnan(j.sd) == (len(d) < 2)
    assert math.isnan(j.estimate) == (not d)


def test_equal_differences_are_undecided_where_statsmodels_decides():
    ttost_paired = pytest.importorskip("statsmodels.stats.weightstats").ttost_paired
    # known difference: TOST of statsmodels gives p = 0 for equal differences within the margins
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert ttost_paired(np.full(5, 0.1), np.zeros(5), -0.2, 0.2)[0] == 0.0
    assert judge("equivalent", [0.1] * 5, 0.2).p_support == 1.0


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e290])
def test_spread_neither_vanishes_nor_overflows_at_extreme_units(scale):
    j = judge("exceeds", np.array(D) * scale, 0.09 * scale)
    assert j.p_support == pytest.approx(scipy_p(0.09, "greater"), rel=1e-9)
    assert j.sd == pytest.approx(math.sqrt(0.00025) * scale, rel=1e-9)


def test_combining_takes_the_largest_support_and_k_times_the_smallest_refutation():
    judgements = [judge("exceeds", D, m) for m in (0.03, 0.09, 0.11)]
    support, refute = combine(judgements)
    assert support == judgements[2].p_support == max(j.p_support for j in judgements)
    assert refute == 3 * judgements[2].p_refute < 1
    assert combine(judgements[:1]) == (judgements[0].p_support, judgements[0].p_refute)
    assert combine(judgements[:2])[1] == 1.0


def test_an_invalid_member_keeps_a_claim_from_support():
    assert combine([judge("exceeds", D, 0.03), judge("exceeds", D[:1], 0.03)])[0] == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: judge("more", D, 0.1), "kind must be one of exceeds, below, .* but is 'more'"),
        (
            lambda: judge("exceeds", D, 0.1, test="z"),
            "test must be one of t, sign-flip",
        ),
        (
            lambda: judge("exceeds", D, -0.1),
            r"margin must be a finite number, at least 0, but is -0.1 \(float\)",
        ),
        (lambda: judge("exceeds", D, math.nan), "margin must be .* but is nan"),
        (lambda: judge("exceeds", D, math.inf), "margin must be .* but is inf"),
        (lambda: judge("exceeds", D, None), r"margin must be .* but is None \(NoneType\)"),
        (lambda: judge("exceeds", D, True), r"margin must be .* but is True \(bool\)"),
        (lambda: judge("exceeds", (0.1, math.nan), 0.1), r"differences\[1\] must be finite"),
        (
            lambda: judge("exceeds", [D, D], 0.1),
            r"differences must be one-dimensional, not of shape \(2, 5\)",
        ),
        (lambda: combine([]), "judgements must hold at least one Judgement"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(FaevalError, match=message):
        call()


def test_numpy_scalars_and_integers_are_numbers():
    j = judge("exceeds", np.arange(5), np.float64(1))
    assert isinstance(j, Judgement)
    assert type(j.margin) is type(j.p_support) is type(j.differences[0]) is float


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("kind", KINDS)
def test_many_samples_at_once_give_the_bits_of_one_at_a_time(kind, test):
    rows = np.random.default_rng(3).normal(0.1, 1.0, (40, 6)).round(1)  # with ties
    support, refute = judge_many(kind, rows, 0.2, test=test)
    one_by_one = [judge(kind, row, 0.2, test=test) for row in rows]
    assert support.tolist() == [j.p_support for j in one_by_one]
    assert refute.tolist() == [j.p_refute for j in one_by_one]


def test_many_samples_must_be_rows():
    with pytest.raises(FaevalError, match=r"two-dimensional \(rows, seeds\), not of shape \(5,\)"):
        judge_many("exceeds", D, 0.1)
    with pytest.raises(FaevalError, match=r"^differences\[1, 0\] must .*\bnan\b"):
        judge_many("exceeds", [[1.0, 2.0], [math.nan, 1.0]], 0.1)


def test_the_estimate_is_what_the_test_is_about():
    skewed = [0.1, 0.2, 0.3, 0.4, 9.0]
    assert judge("exceeds", skewed, 0.0).estimate == pytest.approx(2.0)
    assert judge("exceeds", skewed, 0.0, test="sign-flip").estimate == pytest.approx(2.0)
    assert judge("exceeds", skewed, 0.0, test="sign").estimate == 0.3
    assert math.isnan(judge("exceeds", [], 0.0, test="sign").estimate)
