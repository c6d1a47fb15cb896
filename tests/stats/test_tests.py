"""The plain one-sided tests against other libraries and against definitions written out."""

import itertools
import math
import tracemalloc
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy import stats
from stats_reference.one_sample import confidence_bound, sign_flip_p, sign_test_p, t_p, wilcoxon_p

from faeval.errors import FaevalError
from faeval.stats import _sign_flip, attainable_p, judge, ordinary_interval

ALTERNATIVES = ("greater", "less")
PLAIN = {"t": t_p, "sign-flip": sign_flip_p, "sign": sign_test_p}
ONE_SAMPLE = PLAIN | {"wilcoxon": wilcoxon_p}


def confidence_interval(differences, level=0.90):
    return ordinary_interval(judge("exceeds", differences, 0.0), level)


def draws(n, seed=0):
    return np.random.default_rng(seed).normal(0.3, 1.0, n)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 50])
@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_t_agrees_with_scipy(n, alternative):
    for bound in (-1.0, 0.0, 0.25):
        expected = stats.ttest_1samp(draws(n), bound, alternative=alternative).pvalue
        # the statistic is read to 40 bits, so that p never falls with the bound; SciPy's p wavers
        # in its last ones
        assert t_p(draws(n), bound, alternative) == pytest.approx(expected, rel=1e-11)


def test_t_keeps_its_digits_far_in_the_tail():
    # origin: the incomplete beta function in 40 digits (mpmath); 1 - cdf would give 0 here
    d = [1.0, 1.0 + 1e-9, 1.0 - 1e-9, 1.0, 1.0]
    with mpmath.workdps(40):
        exact = [mpmath.mpf(x) for x in d]
        mean = sum(exact) / 5
        square = mean**2 * 5 / (sum((x - mean) ** 2 for x in exact) / 4)
        expected = mpmath.betainc(2, 0.5, 0, 4 / (4 + square), regularized=True) / 2
    assert t_p(d) == pytest.approx(float(expected), rel=1e-6)
    assert 0 < t_p(d) < 1e-30


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("n", range(2, 11))
def test_sign_flip_agrees_with_scipys_enumeration(n, alternative):
    for d in (draws(n), np.round(draws(n))):  # the second has ties and zeros
        for bound in (0.0, 0.5):
            reference = stats.permutation_test(
                (d - bound,),
                lambda x, axis: x.sum(axis=axis),
                permutation_type="samples",
                n_resamples=np.inf,
                alternative=alternative,
            )
            assert sign_flip_p(d, bound, alternative) == pytest.approx(reference.pvalue, abs=1e-12)


def test_sign_flip_counts_a_tie_that_rounding_hides():
    # .1 + .2 = .30000000000000004: flipping {.1, .2, -.3} leaves the sum as it is, so p is not 1/8
    # but more
    assert sign_flip_p([0.1, 0.2, -0.3]) == sign_flip_p([1.0, 2.0, -3.0]) == 5 / 8
    assert sign_flip_p([0.1, 0.1, 0.1], bound=0.1) == 1.0


def test_sign_flip_on_twenty_seeds_is_enumerated():
    assert sign_flip_p(np.arange(1.0, 21.0)) == 2.0**-20
    assert sign_flip_p(-np.arange(1.0, 21.0)) == 1.0


def test_sign_flip_beyond_twenty_seeds_is_drawn_and_counts_the_pattern_without_a_flip():
    # origin: Phipson and Smyth (2010): (b + 1) / (B + 1), never 0; b of random patterns is near B p
    assert sign_flip_p(np.arange(1.0, 31.0)) == attainable_p("sign-flip", 30) == 2.0**-17
    assert sign_flip_p(-np.arange(1.0, 31.0)) == 1.0
    d = np.random.default_rng(4).normal(0.25, 1.0, 40)
    exact = stats.norm.sf(d.sum() / np.sqrt((d**2).sum()))  # the flipped sum is near normal
    assert sign_flip_p(d) == pytest.approx(exact, abs=0.004)
    np.random.seed(1)  # noqa: NPY002 - a global generator is what must not matter
    assert sign_flip_p(d) == sign_flip_p(d[::-1])


@pytest.mark.parametrize("n", [3, 12, 25])
def test_a_subset_whose_mean_is_on_the_bound_but_for_rounding_counts_against(n):
    assert _sign_flip.p_greater(np.full(n, 0.1), 0.1) == 1.0
    assert _sign_flip.p_without_each(np.full(n, 0.1), 0.1).tolist() == [1.0] * n


def test_a_drawn_pattern_without_a_flip_counts_as_the_data_themselves(monkeypatch):
    # It occurs among the draws of some n only; here the first draw is one.
    groups, sizes = _sign_flip._drawn(25)
    groups = tuple(np.concatenate([[np.uint8(0)], group[1:]]) for group in groups)
    monkeypatch.setattr(
        _sign_flip, "_drawn", lambda n: (groups, np.concatenate([[0.0], sizes[1:]]))
    )
    assert sign_flip_p(np.arange(1.0, 26.0), bound=-1.0) == 2 * 2.0**-17


@pytest.mark.parametrize("test", ["t", "sign-flip", "sign", "wilcoxon"])
@pytest.mark.parametrize("side", ["lower", "upper"])
@given(data=st.data())
def test_a_value_lies_beyond_the_bound_exactly_where_its_p_is_within_the_level(test, side, data):
    n = data.draw(st.integers(2, 7))
    d = data.draw(st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=n, max_size=n))
    level = data.draw(
        st.one_of(st.sampled_from([0.05, 1 / 8, 3 / 32, 0.5, 0.6]), st.floats(0.01, 0.9))
    )
    bound = confidence_bound(test, d, level, side)
    p = ONE_SAMPLE[test]
    alternative = "greater" if side == "lower" else "less"
    if math.isinf(bound):
        assert p(d, -1e6 if side == "lower" else 1e6, alternative) > level
        return
    outward = -math.inf if side == "lower" else math.inf
    assert p(d, bound, alternative) > level
    assert p(d, math.nextafter(bound, outward), alternative) <= level


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_t_bound_at_the_level_of_p_itself_agrees_with_it(n):
    # Levels that are p-values, and their neighbours, are where a bound and a p that waver would
    # part.
    rng = np.random.default_rng(n)
    for d in rng.normal(0.4, 1.0, (150, n)):
        at = float(rng.normal())
        p = t_p(d, at)
        for level in (math.nextafter(p, 0), p, math.nextafter(p, 1)):
            assert (at < confidence_bound("t", d, level)) == (p <= level)


def test_a_bound_of_fewer_than_two_or_of_equal_values_is_infinite():
    for test in ONE_SAMPLE:
        assert confidence_bound(test, [1.0], 0.05) == -math.inf
    assert confidence_bound("t", [0.1] * 4, 0.05, "upper") == math.inf


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("n", [2, 3, 5, 8, 13])
def test_sign_agrees_with_scipys_binomial_test(n, alternative):
    d = draws(n)
    for bound in (-2.0, 0.0, 0.3):
        successes = int(np.sum(d > bound) if alternative == "greater" else np.sum(d < bound))
        expected = stats.binomtest(successes, n, 0.5, alternative="greater").pvalue
        assert sign_test_p(d, bound, alternative) == pytest.approx(expected, rel=1e-12)


def test_sign_lets_values_on_the_bound_speak_against_either_decision():
    d = [0.0, 0.0, 1.0, 1.0, 1.0]
    # origin: P(Bin(5, 1/2) >= 3) = 16/32, and P(Bin(5, 1/2) >= 0) = 1
    assert (sign_test_p(d), sign_test_p(d, alternative="less")) == (0.5, 1.0)


def test_sign_answers_on_thousands_of_seeds():
    d = np.r_[np.ones(1100), -np.ones(900)]
    expected = stats.binomtest(1100, 2000, 0.5, alternative="greater").pvalue
    assert sign_test_p(d) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("test", PLAIN)
def test_attainable_p_is_the_smallest_over_all_sign_patterns(test):
    for n in (2, 3, 5):
        patterns = itertools.product([-1.0, 1.0], repeat=n)
        smallest = min(PLAIN[test](np.array(signs) * np.arange(1, n + 1)) for signs in patterns)
        if test == "t":
            assert smallest > attainable_p(test, n) == 0.0
            assert PLAIN[test](1e9 + np.arange(n)) < 1e-8
        else:
            # origin: 2^-n, one sign pattern in all; .125, .03125 at n = 3, 5
            assert smallest == attainable_p(test, n) == 2.0**-n
    for n in (0, 1):
        assert attainable_p(test, n) == PLAIN[test]([1.0] * n) == 1.0


def test_attainable_p_halves_with_each_seed():
    # origin: project policy, table of minimum p: .0625, .0156, .0039 at n = 4, 6, 8
    assert [attainable_p("sign-flip", n) for n in (4, 6, 8)] == [0.0625, 0.015625, 0.00390625]


def test_equal_differences_give_t_no_p_value_where_scipy_gives_zero():
    # known difference: scipy answers p = 0 (with a warning) for five equal numbers
    with pytest.warns(RuntimeWarning, match="Precision loss"):
        assert stats.ttest_1samp([0.1] * 5, 0, alternative="greater").pvalue == 0.0
    assert t_p([0.1] * 5) == 1.0


@pytest.mark.parametrize("n", [2, 5, 20])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_confidence_interval_agrees_with_scipy(n, level):
    low, high = stats.ttest_1samp(draws(n), 0).confidence_interval(level)
    assert confidence_interval(draws(n), level) == pytest.approx((low, high), rel=1e-12)


def test_confidence_interval_is_at_ninety_per_cent_unless_told():
    assert (
        confidence_interval(draws(5))
        == confidence_interval(draws(5), 0.90)
        != confidence_interval(draws(5), 0.95)
    )


@pytest.mark.parametrize("d", [[], [1.0], [0.1] * 4])
def test_confidence_interval_is_the_whole_line_without_spread(d):
    assert confidence_interval(d) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("differences", "message"),
    [
        ([0.0, math.nan], r"differences\[1\] must be finite .* is nan \(float\); give one"),
        ([0.0, math.inf], r"differences\[1\] must be finite"),
        ([0.0, -2e300], r"differences\[1\] must be finite and at most 1e\+300"),
        ([[0.0, 1.0]], r"not of shape \(1, 2\).* reduce to one number per seed first"),
        ([[0.0, 1.0], [2.0]], "differences must be one-dimensional"),
        (["0.1", "0.2"], "differences must be numbers"),
        ([0.1, None], r"differences must be numbers.*\(list\)"),
        ([True, False], "differences must be numbers, not bool"),
        ([["x" * 100]], r"\.\.\. \(list\)"),  # a long value is cut, not printed whole
    ],
)
def test_unusable_input_is_named(differences, message):
    with pytest.raises(FaevalError, match=message):
        judge("exceeds", differences, 0.0)


def test_the_remaining_doors_name_their_argument():
    with pytest.raises(FaevalError, match=r"^test must .*t, sign-flip"):
        attainable_p("z", 5)
    with pytest.raises(FaevalError, match=r"^n must .*\b0, .*\b2\.5"):
        attainable_p("t", 2.5)
    with pytest.raises(FaevalError, match=r"^n must .*True"):
        attainable_p("t", True)
    with pytest.raises(FaevalError, match=r"^level must .*\b0 and 1, .*\b1\.0"):
        confidence_interval([1.0, 2.0], 1.0)


# --- frozen figures of published data ---


def test_students_sleep_data():
    # origin: Student (1908), extra hours of sleep by two drugs, ten patients: t = 4.0621, two-sided
    # p = .002833
    d = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert t_p(d) == pytest.approx(0.002833 / 2, abs=5e-7)
    assert confidence_interval(d, 0.95) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


def test_fishers_count_of_darwins_maize():
    # origin: Fisher, The Design of Experiments (1935), section 21: 863 of 32,768 patterns reach the
    # sum of 314 eighths
    d = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sum(d) == 314
    assert sign_flip_p(d) == 863 / 32768


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e8])
@given(
    z=st.lists(st.floats(-3, 3), min_size=3, max_size=9, unique=True),
    at=st.sampled_from([-1.0, 0.0, 0.3]),
)
def test_t_far_from_zero_is_that_of_the_very_same_doubles(offset, z, at):
    # the spread, 1e-6, is no larger than 64 steps of a double at 1e8: rounding the mean alone would
    # show in p
    d, bound = offset + 1e-6 * np.array(z), offset + 1e-6 * at
    exact = [Fraction(x) - Fraction(bound) for x in d.tolist()]
    mean = sum(exact) / len(d)
    variance = sum((x - mean) ** 2 for x in exact) / (len(d) - 1)
    assume(variance > Fraction(1, 10**16))
    t = float(mean) / math.sqrt(float(variance / len(d)))
    assert t_p(d, bound) == pytest.approx(stats.t.sf(t, len(d) - 1), abs=1e-9)


def test_drawn_patterns_take_kilobytes_a_seed_not_megabytes():
    d = np.random.default_rng(5).normal(0.02, 0.1, 200)
    _sign_flip._drawn.cache_clear()
    tracemalloc.start()
    try:
        sign_flip_p(d)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    kept = 200 * (_sign_flip.SAMPLED // 8)
    assert (
        kept < most < kept + 16 * 8 * _sign_flip.SAMPLED
    )  # and a few vectors of one number a pattern
