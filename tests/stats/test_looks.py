"""Looks: levels against published tables and another way of computing them, and the error rate they hold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from faeval.errors import FaevalError
from faeval.stats import constant_boundary, judge_many, nominal_level, sequential_p, spending_levels
from faeval.stats._looks import PATHS

EQUAL = {k: tuple(100 * (i + 1) for i in range(k)) for k in (2, 3, 4, 5)}


@pytest.mark.parametrize(
    ("shape", "k", "published"),
    # origin: Jennison and Turnbull, Group Sequential Methods (2000), tables 2.1 and 2.3, two-sided .05
    [("pocock", k, c) for k, c in ((2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413))]
    + [("obrien-fleming", k, c) for k, c in ((2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040))],
)
def test_constants_are_the_published_ones_within_the_error_of_simulation(shape, k, published):
    found, _ = constant_boundary(EQUAL[k], 0.025, shape, known_sd=True)
    # The density of the largest statistic there is at least that of one at the last look.
    error = math.sqrt(0.025 * 0.975 / PATHS) / scipy_stats.norm.pdf(published)
    assert abs(found - published) < 4 * error + 0.0005


@pytest.mark.parametrize("spending", ["pocock", "obrien-fleming"])
@pytest.mark.parametrize("looks", [(5, 10), (5, 10, 20)])
def test_spending_on_the_normal_scale_agrees_with_the_multivariate_normal(spending, looks):
    levels = spending_levels(looks, 0.05, spending, known_sd=True)
    n = np.array(looks)
    correlation = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    share = n / n[-1]
    z = scipy_stats.norm.isf(0.025)
    spent = (
        0.05 * np.log1p((math.e - 1) * share) if spending == "pocock" else 2 * scipy_stats.norm.sf(z / np.sqrt(share))
    )
    for k in range(1, len(looks) + 1):
        upper = scipy_stats.norm.isf(levels[:k])
        law = scipy_stats.multivariate_normal(np.zeros(k), correlation[:k, :k], seed=0)
        crossed = 1 - law.cdf(upper)
        assert abs(crossed - spent[k - 1]) < 4 * math.sqrt(spent[k - 1] / PATHS) + 1e-4


def test_obrien_and_fleming_type_spending_is_the_published_one():
    # origin: Lan and DeMets (1983) type bounds for two looks, two-sided .05: z = 2.963, 1.969
    found = scipy_stats.norm.isf(spending_levels(EQUAL[2], 0.025, "obrien-fleming", known_sd=True))
    assert found == pytest.approx((2.963, 1.969), abs=0.02)


@pytest.mark.parametrize(
    ("looks", "level"),
    # origin: project policy, one-sided .05 on the t scale
    [((5, 10), 0.0290), ((5, 10, 15, 20), 0.0180), ((5, 10, 20), 0.0207)],
)
def test_nominal_levels_of_t(looks, level):
    assert nominal_level(0.05, looks) == pytest.approx(level, abs=4e-4)


@pytest.mark.parametrize("looks", [(5, 10), (3, 4, 5), (2, 20)])
def test_sequential_p_hold_alpha_where_plain_p_at_each_look_do_not(looks):
    draws = np.random.default_rng(11).normal(size=(40_000, looks[-1]))
    plain = np.array([judge_many("exceeds", draws[:, :n], 0.0)[0] for n in looks])
    level = nominal_level(0.05, looks)
    slack = 4 * math.sqrt(0.05 * 0.95 * (1 / 40_000 + 1 / PATHS))
    assert abs(np.mean(plain.min(axis=0) <= level) - 0.05) < slack
    assert np.mean(plain.min(axis=0) <= 0.05) > 0.05 + slack


@given(st.floats(0, 1), st.sampled_from([0.05, 0.05 / 3, 0.5]), st.booleans())
def test_sequential_p_and_nominal_level_agree_to_the_last_bit(p, alpha, near):
    looks = (5, 10)
    level = nominal_level(alpha, looks)
    candidates = [level, math.nextafter(level, 0), math.nextafter(level, 1)] if near else [p]
    for candidate in candidates:
        assert (sequential_p([candidate], looks)[0] <= alpha) == (candidate <= level)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_sequential_p_never_rise_and_are_no_less_than_p(p):
    found = sequential_p(p, (5, 10, 20))
    assert all(b <= a for a, b in itertools.pairwise(found))
    assert all(s >= min(p[: i + 1]) for i, s in enumerate(found))


def test_one_look_changes_nothing_and_no_p_is_zero():
    assert sequential_p([0.0123], (7,)) == (0.0123,)
    assert nominal_level(0.05, (7,)) == 0.05
    assert spending_levels((7,), 0.05, "pocock") == pytest.approx((0.05,))
    assert sequential_p([0.0], (5, 10)) == (1 / (PATHS + 1),)
    assert sequential_p([1.0, 1.0], (5, 10)) == (1.0, 1.0)
    assert sequential_p([], (5, 10)) == ()


def test_a_global_generator_never_matters():
    from faeval.stats._looks import _paths, _smallest

    before = sequential_p([0.01], (4, 9))
    for cache in (_paths, _smallest):
        cache.cache_clear()
    np.random.seed(3)  # noqa: NPY002 - a global generator is what must not matter
    assert sequential_p([0.01], (4, 9)) == before


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5), (2.5, 5), (True, 5)])
def test_looks_that_do_not_rise_are_refused(looks):
    with pytest.raises(FaevalError, match="looks must be rising numbers of seeds, each at least 2"):
        sequential_p([0.1], looks)


def test_unusable_input_is_named():
    for call, message in (
        (lambda: sequential_p([0.1, 0.1, 0.1], (5, 10)), "p must be one value for each of at most 2 looks"),
        (lambda: sequential_p([1.1], (5, 10)), r"p\[0\] must be a probability"),
        (lambda: nominal_level(0.6, (5, 10)), "alpha must be an error rate"),
        (lambda: spending_levels((5, 10), 0.05, "linear"), "spending must be one of pocock, obrien-fleming"),
        (lambda: constant_boundary((5, 10), 0.05, "linear"), "shape must be one of pocock, obrien-fleming"),
    ):
        with pytest.raises(FaevalError, match=message):
            call()
