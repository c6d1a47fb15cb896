"""Wilcoxon's signed-rank test against SciPy's and against published critical values."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats
from stats_reference.one_sample import wilcoxon_p

from faeval.errors import FaevalError
from faeval.stats import _ranks, attainable_p, judge_many


@pytest.mark.parametrize("alternative", ["greater", "less"])
@pytest.mark.parametrize("n", range(2, 13))
def test_wilcoxon_agrees_with_scipy(n, alternative):
    for d in np.random.default_rng(n).normal(0.4, 1.0, (5, n)):
        for bound in (0.0, 0.3):
            expected = stats.wilcoxon(d - bound, alternative=alternative, method="exact").pvalue
            assert wilcoxon_p(d, bound, alternative) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [2, 5, 20, _ranks.MAX_N])
def test_every_tail_is_scipys_to_the_last_bit(n):
    tails = _ranks.wilcoxon_tails(n)
    ranks = np.arange(1.0, n + 1)
    signs = np.random.default_rng(n).choice([-1.0, 1.0], (40, n)) * ranks
    expected = stats.wilcoxon(signs, axis=1, alternative="greater", method="exact").pvalue
    sums = np.where(signs > 0, signs, 0).sum(axis=1).astype(int)
    assert (tails[sums] == expected).all()


@pytest.mark.parametrize(("n", "least"), [(5, 0), (6, 2), (7, 3), (8, 5), (9, 8), (10, 10)])
def test_critical_values_are_the_published_ones(n, least):
    # origin: Wilcoxon (1945) and any later table: the largest rank sum of the other sign with
    # one-sided p <= .05
    def p(other):
        signs = np.ones(n)
        for rank in range(n, 0, -1):
            if rank <= other:
                signs[rank - 1], other = -1, other - rank
        return wilcoxon_p(signs * np.arange(1, n + 1))

    assert p(least) <= 0.05 < p(least + 1)


walsh_samples = st.lists(
    st.one_of(st.floats(-9, 9, allow_subnormal=False), st.integers(-9, 9).map(float)), min_size=2
)


@given(walsh_samples.filter(lambda d: len(d) <= 9), st.data())
def test_p_is_within_the_level_exactly_where_the_bound_lies_below_the_lower_bound(d, data):
    row = np.array(d)
    averages = np.sort([(row[i] + row[j]) / 2 for i in range(len(d)) for j in range(i, len(d))])
    value = data.draw(st.one_of(st.sampled_from(averages.tolist()), st.floats(-10, 10)))
    p = float(_ranks.p_greater(row, value))
    near = [math.nextafter(p, to) for to in (0.0, p, 1.0)]
    level = data.draw(
        st.one_of(st.sampled_from([x for x in near if 0 < x < 1] or [0.5]), st.floats(1e-3, 0.999))
    )
    assert (value < float(_ranks.lower_bound(row, level))) == (p <= level)


def test_the_lower_bound_is_the_order_statistic_of_walsh_averages_that_the_table_names():
    # origin: Wilcoxon's table: rank sum 5 of 36 at n = 8, one-sided .05; the bound is the sixth
    # smallest average
    d = np.random.default_rng(8).normal(size=(3, 2, 8))
    pairs = np.sort([(d[..., i] + d[..., j]) / 2 for i in range(8) for j in range(i, 8)], axis=0)
    assert _ranks.lower_bound(d, 0.05) == pytest.approx(pairs[5], rel=1e-14)
    assert _ranks.p_greater(d, 0.1).tolist() == [[wilcoxon_p(x, 0.1) for x in block] for block in d]


@pytest.mark.parametrize("n", [2, 8, 25, 50])
def test_the_null_distribution_is_that_of_subsets_of_ranks(n):
    # origin: counting by hand in whole numbers: each rank is in the sum or not
    ways = [1]
    for rank in range(1, n + 1):
        ways = [a + b for a, b in zip([*ways, *[0] * rank], [*[0] * rank, *ways], strict=True)]
    tails = [sum(ways[w:]) / 2**n for w in range(len(ways))]
    assert _ranks.wilcoxon_tails(n) == pytest.approx(tails, rel=1e-13)


def test_an_average_on_the_bound_speaks_against_either_decision():
    # averages of 0 and 0, 1 and -1 lie on the bound
    assert wilcoxon_p([0.0, 1.0, -1.0]) == wilcoxon_p([0.0, 1.0, -1.0], 0.0, "less")
    assert wilcoxon_p([0.0, 1.0, 2.0]) > wilcoxon_p([1e-9, 1.0, 2.0])


@given(st.lists(st.integers(-20, 20).map(lambda i: i / 8), min_size=2, max_size=7), st.data())
def test_the_order_of_the_seeds_never_matters(d, data):
    assert wilcoxon_p(d) == wilcoxon_p(data.draw(st.permutations(d)))


def test_wilcoxon_is_exact_for_a_symmetric_law():
    # origin: n = 5, p <= .05 only with all signs positive: 1/32
    draws = np.random.default_rng(0).laplace(0.0, 1.0, (4000, 5))
    share = np.mean(judge_many("exceeds", draws, 0.0, test="wilcoxon")[0] <= 0.05)
    assert abs(share - 1 / 32) < 4 * np.sqrt(1 / 32 * 31 / 32 / 4000)


def test_few_seeds_and_too_many():
    assert wilcoxon_p([1.0]) == wilcoxon_p([]) == attainable_p("wilcoxon", 1) == 1.0
    assert wilcoxon_p([1.0, 2.0, 3.0]) == attainable_p("wilcoxon", 3) == 0.125
    with pytest.raises(FaevalError, match=r"\b50\b.*Wilcoxon.*\b51\b"):
        wilcoxon_p(np.arange(51.0))
