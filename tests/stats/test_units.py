"""Rows below the seed: what pooling them does, against simulation; the split of variance against a one-way table."""

import math

import numpy as np
import pytest
from scipy import stats

from faeval.errors import FaevalError
from faeval.stats import explain_pooling, pooling_error, reduce_to_seeds, refuse_rows


def rows(reps, seeds, k, icc, seed=0):
    rng = np.random.default_rng(seed)
    shared = math.sqrt(icc) * rng.normal(size=(reps, seeds, 1))
    return shared + math.sqrt(1 - icc) * rng.normal(size=(reps, seeds, k))


@pytest.mark.parametrize(
    ("seeds", "k", "icc"),
    [(5, 4, 0.1), (5, 10, 0.1), (5, 1000, 0.1), (5, 4, 0.6), (5, 10, 0.6), (5, 1000, 0.6), (3, 10, 0.3)],
)
def test_pooling_errs_as_simulation_says(seeds, k, icc):
    reps = 4000 if k < 1000 else 1500
    pooled = rows(reps, seeds, k, icc).reshape(reps, -1)
    found = np.mean(stats.ttest_1samp(pooled, 0, axis=1).pvalue <= 0.05)
    expected = pooling_error(seeds, k, icc)
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / reps)


def test_pooling_one_row_or_independent_rows_errs_as_meant():
    assert pooling_error(5, 1, 0.6) == 0.05
    assert pooling_error(5, 10, 0.0) == pytest.approx(0.05, abs=1e-3)
    assert pooling_error(5, 10, 0.6, two_sided=False) == pytest.approx(pooling_error(5, 10, 0.6, alpha=0.1) / 2)
    # origin: rows that repeat their seed are the seed's t statistic, too large by sqrt(k (nk - 1)/(k (n - 1)))
    limit = 2 * stats.t.sf(stats.t.isf(0.025, 49) * math.sqrt(4 / 49), 4)
    assert pooling_error(5, 10, 1.0) == pytest.approx(limit, abs=1e-4)


def test_the_split_of_variance_is_that_of_the_one_way_table():
    data = rows(1, 6, 4, 0.5)[0]
    found = reduce_to_seeds(data.ravel(), np.repeat(range(6), 4).tolist())
    f = stats.f_oneway(*data).statistic
    within = np.mean(data.var(axis=1, ddof=1))
    assert found.split.within == pytest.approx(within)
    assert found.split.between == pytest.approx(within * (f - 1) / 4)
    assert found.split.icc == pytest.approx((f - 1) / (f + 3))
    assert found.means == pytest.approx(data.mean(axis=1))
    assert np.var(found.means, ddof=1) == pytest.approx(found.split.between + found.split.within / 4)


def test_the_estimate_of_the_variance_between_is_unbiased_and_may_fall_below_zero():
    splits = [reduce_to_seeds(d.ravel(), [0, 0, 0, 1, 1, 1, 2, 2, 2]).split for d in rows(2000, 3, 3, 0.0)]
    assert abs(np.mean([s.between for s in splits])) < 4 * np.std([s.between for s in splits]) / math.sqrt(2000)
    assert min(s.between for s in splits) < 0 <= min(s.icc for s in splits)


def test_unequal_rows_use_the_usual_mean_number():
    # origin: Sokal and Rohlf, box 9.2: n0 = (N - sum n^2 / N) / (a - 1); here (6 - 14/6) / 2
    found = reduce_to_seeds([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 1, 1, 2, 2, 3])
    between, within = (3 * 1.5**2 + 2 * 1.0**2 + 2.5**2) / 2, (2.0 + 0.5) / 3
    assert found.split.between == pytest.approx((between - within) / ((6 - 14 / 6) / 2))
    assert found.rows == (3, 2, 1)


def test_advice_names_what_narrows_the_interval():
    many = reduce_to_seeds(rows(1, 6, 10, 0.9)[0].ravel(), np.repeat(range(6), 10).tolist())
    few = reduce_to_seeds([0.0, 2.0, 0.1, 2.1, 0.2, 1.8], [1, 1, 2, 2, 3, 3])
    assert many.split.advice.startswith("more seeds")
    assert few.split.advice.startswith("more rows")


def test_undefined_is_not_zero():
    alone = reduce_to_seeds([1.0, 2.0], [1, 2]).split
    assert all(map(math.isnan, (alone.between, alone.within, alone.icc)))


def test_rows_offered_as_replicates_are_refused_with_their_price():
    refuse_rows([1, 2, 3])
    values = rows(1, 5, 8, 0.9)[0].ravel()
    with pytest.raises(
        FaevalError, match=r"seeds repeats 0 \(int\): 40 rows of 5 seeds \(8 each\) are no 40 replicates"
    ) as e:
        refuse_rows(np.repeat(range(5), 8).tolist(), values)
    share = reduce_to_seeds(values, np.repeat(range(5), 8).tolist()).split.icc
    assert f"in {100 * pooling_error(5, 8, share):.0f} % of comparisons" in str(e.value)
    assert "average the rows of each seed first" in explain_pooling([1.0, 1.0, 2.0], ["a", "a", "b"])
    assert "1.5 each on average" in explain_pooling([1.0, 1.0, 2.0], ["a", "a", "b"])


def test_unusable_input_is_named():
    for call, message in (
        (lambda: reduce_to_seeds([1.0], [1, 2]), "seeds must be one seed for each of 1 values"),
        (lambda: reduce_to_seeds([math.nan], [1]), r"values\[0\] must be finite"),
        (lambda: pooling_error(1, 5, 0.1), "seeds must be a whole number of at least 2"),
        (lambda: pooling_error(5, 5, 1.1), "icc must be a share between 0 and 1"),
    ):
        with pytest.raises(FaevalError, match=message):
            call()
