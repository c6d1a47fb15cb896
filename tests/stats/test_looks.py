"""Looks: levels against published tables and another way of computing them, and the error rate they
hold.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import special, stats as scipy_stats
from stats_reference.looks import constant_boundary, spending_levels

from faeval.errors import FaevalError
from faeval.stats import nominal_level, sequential_p
from faeval.stats._recursion import crossing as recursion

EQUAL = {k: tuple(100 * (i + 1) for i in range(k)) for k in (2, 3, 4, 5)}


def plain_p(draws, looks):
    """The one-sided t p-values at each look, shape (looks, ...), of draws (..., seeds): not by way
    of blocks.
    """
    found = []
    for n in looks:
        seen = draws[..., :n]
        t = seen.mean(axis=-1) / (seen.std(axis=-1, ddof=1) / math.sqrt(n))
        found.append(special.stdtr(n - 1, -t))
    return np.array(found)


def crossing(levels, looks):
    """The chance that a normal process with no effect crosses any of the levels, by the
    multivariate normal law.
    """
    n = np.array(looks[: len(levels)])
    correlation = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    law = scipy_stats.multivariate_normal(np.zeros(len(n)), correlation, seed=0)
    return 1 - law.cdf(scipy_stats.norm.isf(levels))


def either_of_two(level, m):
    """The chance that one of the two t tests at m and 2m seeds falls below level, by quadrature.

    With the normal block means a, b and the sums of squares within the blocks, the second test
    rejects where b lies above a root of a quadratic. Holds while the second critical value is below
    sqrt(2m - 1).
    """
    first, second = (scipy_stats.t.isf(level, df) for df in (m - 1, 2 * m - 1))
    half = 0.5 - second**2 / (second**2 + 2 * m - 1)
    nodes, weights = special.roots_genlaguerre(40, (m - 1) / 2 - 1)
    squares, weights = 2 * nodes, weights / weights.sum()
    points, point_weights = special.roots_legendre(40)
    open_ = special.ndtr(first * np.sqrt(squares / (m - 1)))[
        :, None
    ]  # not stopped at the first look
    a = special.ndtri((points + 1) / 2 * open_)[:, :, None]
    within = squares[:, None, None] + squares
    b = (-a + np.sqrt(a**2 - 4 * half * (a**2 * half - (0.5 - half) * within))) / (2 * half)
    late = np.einsum("i,ij,ijk,k->", weights, point_weights / 2 * open_, special.ndtr(-b), weights)
    return level + late


@pytest.mark.parametrize(
    ("shape", "k", "published"),
    # origin: Jennison and Turnbull, Group Sequential Methods (2000), tables 2.1 and 2.3, two-sided
    # .05
    [
        (shape, k, c)  # both shapes of a plan in turn: they share its paths
        for k, *row in ((2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040))
        for shape, c in zip(("pocock", "obrien-fleming"), row, strict=True)
    ],
)
def test_constants_are_the_published_ones_to_their_digits(shape, k, published):
    found, _ = constant_boundary(EQUAL[k], 0.025, shape, known_sd=True)
    assert abs(found - published) <= 0.0005


@pytest.mark.parametrize("looks", [(5, 10), (5, 10, 20), (5, 6, 7, 8), (100, 200, 300, 1000)])
@pytest.mark.parametrize("levels", [(0.02,) * 4, (0.001, 0.01, 0.02, 0.03), (0.3,) * 4])
def test_the_recursion_of_a_normal_process_is_the_multivariate_normal_law(looks, levels):
    levels = levels[: len(looks)]
    assert recursion(levels, looks, True) == pytest.approx(crossing(levels, looks), abs=2e-5)


@pytest.mark.parametrize("looks", [(5, 10, 20), (5, 10, 15, 20), (2, 3, 4), (5, 6, 7)])
def test_the_recursion_of_t_is_what_simulated_paths_do(looks):
    reps = 200_000
    plain = plain_p(np.random.default_rng([14, *looks]).normal(size=(reps, looks[-1])), looks)
    for levels in ((0.6,) * 4, (0.0288,) * 4, (0.001, 0.01, 0.02, 0.04)):
        levels = levels[: len(looks)]
        share = np.mean((plain <= np.array(levels)[:, None]).any(axis=0))
        assert abs(recursion(levels, looks, False) - share) < 4 * math.sqrt(
            share * (1 - share) / reps
        )


def test_an_effect_of_many_seeds_is_that_of_a_known_spread():
    looks = (1000, 2000)
    assert nominal_level(0.05, looks) == pytest.approx(
        constant_boundary(looks, 0.05, "pocock", known_sd=True)[1][0], rel=0.01
    )


@pytest.mark.parametrize("spending", ["pocock", "obrien-fleming"])
@pytest.mark.parametrize("looks", [(5, 10), (5, 10, 20)])
def test_spending_on_the_normal_scale_agrees_with_the_multivariate_normal(spending, looks):
    levels = spending_levels(looks, 0.05, spending, known_sd=True)
    share = np.array(looks) / looks[-1]
    z = scipy_stats.norm.isf(0.025)
    spent = (
        0.05 * np.log1p((math.e - 1) * share)
        if spending == "pocock"
        else 2 * scipy_stats.norm.sf(z / np.sqrt(share))
    )
    for k in range(1, len(looks) + 1):
        assert abs(crossing(levels[:k], looks) - spent[k - 1]) < 2e-5


@pytest.mark.parametrize("shape", ["pocock", "obrien-fleming"])
def test_constants_at_uneven_looks_agree_with_the_multivariate_normal(shape):
    looks = (5, 10, 20)
    constant, levels = constant_boundary(looks, 0.05, shape, known_sd=True)
    assert abs(crossing(levels, looks) - 0.05) < 2e-5
    rise = 0.5 if shape == "obrien-fleming" else 0.0
    assert scipy_stats.norm.isf(levels) == pytest.approx(
        [constant * (20 / n) ** rise for n in looks]
    )


def test_obrien_and_fleming_type_spending_is_the_published_one():
    # origin: Lan and DeMets (1983) type bounds for two looks, two-sided .05: z = 2.963, 1.969
    found = scipy_stats.norm.isf(spending_levels(EQUAL[2], 0.025, "obrien-fleming", known_sd=True))
    for z, published in zip(found, (2.963, 1.969), strict=True):
        assert abs(z - published) <= 0.0005


@pytest.mark.parametrize(
    ("looks", "level"),
    # origin: project policy, one-sided .05 on the t scale
    [
        ((5, 10), 0.0290),
        pytest.param((5, 10, 15, 20), 0.0180, marks=pytest.mark.slow),
        ((5, 10, 20), 0.0207),
    ],
)
def test_nominal_levels_of_t(looks, level):
    assert nominal_level(0.05, looks) == pytest.approx(level, abs=0.00015)  # those were simulated


@pytest.mark.parametrize("level", [0.02, 0.029, 0.04])
def test_two_looks_of_t_agree_with_quadrature(level):
    exact = either_of_two(level, 5)
    assert sequential_p([level], (5, 10))[0] == pytest.approx(exact, abs=5e-6)


@pytest.mark.parametrize("looks", [(5, 10), (2, 3, 4)])
def test_sequential_p_hold_alpha_where_plain_p_at_each_look_do_not(looks):
    smallest = plain_p(np.random.default_rng(11).normal(size=(40_000, looks[-1])), looks).min(
        axis=0
    )
    slack = 4 * math.sqrt(0.05 * 0.95 / 40_000)
    assert abs(np.mean(smallest <= nominal_level(0.05, looks)) - 0.05) < slack
    assert np.mean(smallest <= 0.05) > 0.05 + slack


@pytest.mark.slow
def test_in_a_family_sequential_p_hold_alpha_where_plain_p_at_each_look_do_not():
    # origin: project policy, none of the claims true: .049 against .14
    looks, claims, reps = (5, 10, 15, 20), 4, 20_000
    draws = np.random.default_rng(12).normal(size=(reps, claims, looks[-1]))
    smallest = plain_p(draws, looks).min(axis=(0, 2))  # Holm's first step, at any look
    error = math.sqrt(0.05 * 0.95 / reps)
    assert abs(np.mean(smallest <= nominal_level(0.05 / claims, looks)) - 0.049) < 4 * error + 0.001
    assert (
        abs(np.mean(smallest <= 0.05 / claims) - 0.14) < 4 * math.sqrt(0.14 * 0.86 / reps) + 0.005
    )


@pytest.mark.parametrize("shape", ["pocock", "obrien-fleming"])
def test_boundaries_of_t_err_by_what_they_spend(shape):
    looks, reps = (5, 10), 40_000
    plain = plain_p(np.random.default_rng(13).normal(size=(reps, looks[-1])), looks)
    # origin: the formulas of Lan and DeMets (1983) at t = 1/2, alpha = .05
    half = (
        0.05 * math.log(1 + (math.e - 1) / 2)
        if shape == "pocock"
        else 2 * scipy_stats.norm.sf(1.95996 * 2**0.5)
    )
    for levels, spent in (
        (spending_levels(looks, 0.05, shape), (half, 0.05)),
        (constant_boundary(looks, 0.05, shape)[1], (None, 0.05)),
    ):
        crossed = np.logical_or.accumulate(plain <= np.array(levels)[:, None]).mean(axis=1)
        for share, expected in zip(crossed, spent, strict=True):
            if expected is not None:
                assert abs(share - expected) < 4 * math.sqrt(expected / reps)


@given(st.floats(0, 1), st.sampled_from([0.05, 0.05 / 3, 0.5, 1e-5, 1e-9]), st.booleans())
def test_sequential_p_and_nominal_level_agree_to_the_last_bit(p, alpha, near):
    looks = (5, 10)
    level = nominal_level(alpha, looks)
    candidates = [level, math.nextafter(level, 0), math.nextafter(level, 1)] if near else [p]
    for candidate in candidates:
        assert (sequential_p([candidate], looks)[0] <= alpha) == (candidate <= level)


@given(st.lists(st.floats(0, 1) | st.floats(0, 1e-5), min_size=1, max_size=2))
def test_sequential_p_never_rise_and_are_no_less_than_p(p):
    found = sequential_p(p, (5, 10))
    assert all(b <= a for a, b in itertools.pairwise(found))
    assert all(s >= min(p[: i + 1]) for i, s in enumerate(found))


def test_one_look_changes_nothing():
    assert sequential_p([0.0123], (7,)) == (0.0123,)
    assert nominal_level(0.05, (7,)) == 0.05
    assert spending_levels((7,), 0.05, "pocock") == pytest.approx((0.05,))
    assert sequential_p([0.0], (5, 10)) == (0.0,)
    assert sequential_p([1.0, 1.0], (5, 10)) == (1.0, 1.0)
    assert sequential_p([], (5, 10)) == ()


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5), (2.5, 5), (True, 5)])
def test_looks_that_do_not_rise_are_refused(looks):
    with pytest.raises(FaevalError, match=r"^looks must .*\b2\b"):
        sequential_p([0.1], looks)


def test_unusable_input_is_named():
    for call, message in (
        (
            lambda: sequential_p([0.1, 0.1, 0.1], (5, 10)),
            "p must be one value for each of at most 2 looks",
        ),
        (lambda: sequential_p([1.1], (5, 10)), r"p\[0\] must be a probability"),
        (lambda: nominal_level(0.6, (5, 10)), "alpha must be an error rate"),
    ):
        with pytest.raises(FaevalError, match=message):
            call()
