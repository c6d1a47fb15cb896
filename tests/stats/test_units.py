"""Rows below the seed: what pooling them does, against simulation; the split of variance against a
one-way table.
"""

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
    [
        (5, 4, 0.1),
        (5, 10, 0.1),
        (5, 1000, 0.1),
        (5, 4, 0.6),
        (5, 10, 0.6),
        (5, 1000, 0.6),
        (3, 10, 0.3),
    ],
)
def test_pooling_errs_as_simulation_says(seeds, k, icc):
    reps = 4000 if k < 1000 else 1500
    pooled = rows(reps, seeds, k, icc).reshape(reps, -1)
    found = np.mean(stats.ttest_1samp(pooled, 0, axis=1).pvalue <= 0.05)
    expected = pooling_error(seeds, k, icc)
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / reps)


@pytest.mark.parametrize(
    ("k", "icc", "rate"),
    # origin: project policy's simulation, two-sided 5 %, five seeds, of unstated size: it lies
    # within .02 of the quadrature
    [
        (4, 0.1, 0.08),
        (10, 0.1, 0.14),
        (1000, 0.1, 0.83),
        (4, 0.6, 0.26),
        (10, 0.6, 0.46),
        (1000, 0.6, 0.95),
    ],
)
def test_pooling_errs_as_the_policy_says(k, icc, rate):
    assert pooling_error(5, k, icc) == pytest.approx(rate, abs=0.02)


def test_the_quadrature_is_that_of_the_double_integral():
    # origin: the trapezoidal rule over the logarithms of both sums of squares, written out for 3
    # seeds of 10 rows, ICC .3
    def grid(df, low):
        x = np.linspace(low, math.log(stats.chi2.isf(1e-15, df)), 2000)
        return np.exp(x), stats.chi2.pdf(np.exp(x), df) * np.exp(x) * (x[1] - x[0])

    (u, of_u), (v, of_v) = grid(2, -40.0), grid(27, -6.0)
    square = (10 * 0.37 * u[:, None] + 0.7 * v) / 29 / 30
    beyond = 2 * stats.norm.sf(stats.t.isf(0.025, 29) * np.sqrt(square / (0.37 / 3)))
    assert pooling_error(3, 10, 0.3) == pytest.approx(float(of_u @ beyond @ of_v), abs=1e-6)


def test_pooling_one_row_or_independent_rows_errs_as_meant():
    assert pooling_error(5, 1, 0.6) == 0.05
    assert pooling_error(5, 10, 0.0) == pytest.approx(0.05, abs=1e-6)
    assert pooling_error(5, 10, 0.6, two_sided=False) == pytest.approx(
        pooling_error(5, 10, 0.6, alpha=0.1) / 2
    )
    # origin: rows that repeat their seed are the seed's t statistic, too large by sqrt(k (nk -
    # 1)/(k (n - 1)))
    limit = 2 * stats.t.sf(stats.t.isf(0.025, 49) * math.sqrt(4 / 49), 4)
    assert pooling_error(5, 10, 1.0) == pytest.approx(limit, abs=1e-6)


def test_the_split_of_variance_is_that_of_the_one_way_table():
    data = rows(1, 6, 4, 0.5)[0]
    found = reduce_to_seeds(data.ravel(), np.repeat(range(6), 4).tolist())
    f = stats.f_oneway(*data).statistic
    within = np.mean(data.var(axis=1, ddof=1))
    assert found.split.within == pytest.approx(within)
    assert found.split.between == pytest.approx(within * (f - 1) / 4)
    assert found.split.icc == pytest.approx((f - 1) / (f + 3))
    assert found.means == pytest.approx(data.mean(axis=1))
    assert np.var(found.means, ddof=1) == pytest.approx(
        found.split.between + found.split.within / 4
    )


def test_the_estimate_of_the_variance_between_is_unbiased_and_may_fall_below_zero():
    splits = [
        reduce_to_seeds(d.ravel(), [0, 0, 0, 1, 1, 1, 2, 2, 2]).split for d in rows(2000, 3, 3, 0.0)
    ]
    assert abs(np.mean([s.between for s in splits])) < 4 * np.std(
        [s.between for s in splits]
    ) / math.sqrt(2000)
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
    assert math.isnan(reduce_to_seeds([1.0, 1.0, 1.0], [1, 1, 2]).split.icc)
    assert alone.advice.startswith("undefined")


def test_rows_offered_as_replicates_are_refused_with_their_price():
    refuse_rows([1, 2, 3])
    values = rows(1, 5, 8, 0.9)[0].ravel()
    with pytest.raises(
        FaevalError,
        match=r"^seeds .*\b0 \(int\): 40 rows .*\b5 seeds .*\b8\b",
    ) as e:
        refuse_rows(np.repeat(range(5), 8).tolist(), values)
    share = reduce_to_seeds(values, np.repeat(range(5), 8).tolist()).split.icc
    assert f"{100 * share:.0f} % of their variance" in str(e.value)
    assert f"in {100 * pooling_error(5, 8, share):.0f} % of comparisons" in str(e.value)
    assert str(e.value).endswith("(reduce_to_seeds).")
    told = explain_pooling([1.0, 1.0, 2.0], ["a", "a", "b"])
    assert "1.5 each" in told
    assert "average the rows" in told


def test_rows_without_values_are_refused_with_the_price_at_two_splits():
    # origin: project policy's simulation: 8 % and 26 % for five seeds of four rows
    with pytest.raises(
        FaevalError,
        match=r"\b20 layers .*\b5 seeds .*\b4\b.* layers .*\b8 % .*\b26 %",
    ):
        refuse_rows(["a", "b", "c", "d", "e"] * 4, what="layers")
    with pytest.raises(
        FaevalError,
        match=r"^seeds .*'a' \(str\): 2 rows .*\b1 seed .*\b2\b.*what varies",
    ):
        refuse_rows(["a", "a"])


def test_seeds_stand_in_the_order_of_first_appearance():
    found = reduce_to_seeds([1.0, 5.0, 2.0, 7.0], ["late", "early", "late", "early"])
    assert (found.seeds, found.means, found.rows) == (("late", "early"), (1.5, 6.0), (2, 2))


def test_unusable_input_is_named():
    for call, message in (
        (lambda: reduce_to_seeds([1.0], [1, 2]), "seeds must be one seed for each of 1 values"),
        (lambda: reduce_to_seeds([math.nan], [1]), r"values\[0\] must be finite"),
        (lambda: pooling_error(1, 5, 0.1), "seeds must be a whole number of at least 2"),
        (lambda: pooling_error(5, 5, 1.1), "icc must be a share between 0 and 1"),
    ):
        with pytest.raises(FaevalError, match=message):
            call()
