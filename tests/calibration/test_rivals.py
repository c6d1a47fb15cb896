"""Rivals against SciPy's bootstrap and the definition of almost stochastic order; laws and rules of
one's own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from faeval.calibration import LAWS, RIVALS, operating_characteristics
from faeval.calibration._rivals import (
    RESAMPLES,
    ROWS,
    _resampled,
    aso_bound,
    bca_interval,
    mann_whitney,
    mann_whitney_tails,
    violation_ratio,
)
from faeval.errors import FaevalError

SAMPLES = [np.random.default_rng(n).normal(0.3, 1.0, n) ** 3 for n in (4, 5, 8, 20)]


@pytest.mark.parametrize("sample", SAMPLES, ids=len)
@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_bootstrap_intervals_are_scipys(sample: np.ndarray, method: str) -> None:
    theirs = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=200_000,
        method=method,
        confidence_level=0.9,
        rng=np.random.default_rng(1),
        batch=5000,
    ).confidence_interval
    rule = RIVALS["percentile bootstrap" if method == "percentile" else "BCa bootstrap"]

    def excluded(bound: float) -> tuple[bool, bool]:
        above, below = rule(sample[None], bound, 0.05)
        return bool(above[0]), bool(below[0])

    # Ours has 1,999 resamples: its ends wander by some percent of the interval's length.
    slack = 0.12 * (theirs.high - theirs.low)
    assert excluded(theirs.low - slack) == (True, False)
    assert excluded(theirs.low + slack) == excluded(theirs.high - slack) == (False, False)
    assert excluded(theirs.high + slack) == (False, True)


def test_bca_is_undefined_where_scipys_is() -> None:
    same = np.full((1, 4), 0.3)
    low, high = bca_interval(same, 0.05)
    assert np.isnan([low[0], high[0]]).all()


def test_z_is_the_normal_interval() -> None:
    d = SAMPLES[1]
    low, high = stats.norm.interval(0.9, d.mean(), d.std(ddof=1) / math.sqrt(len(d)))
    for bound, expected in (
        (low - 1e-9, (True, False)),
        (low + 1e-9, (False, False)),
        (high + 1e-9, (False, True)),
    ):
        above, below = RIVALS["z"](d[None], bound, 0.05)
        assert (above[0], below[0]) == expected


def test_the_violation_ratio_is_its_definition_on_a_fine_grid() -> None:
    # origin: del Barrio, Cuesta-Albertos and Matran (2018): the integral of (F^-1 - G^-1)^2 over
    # where G^-1 lies above, over its whole; the quantile functions are steps
    rng = np.random.default_rng(0)
    t = (np.arange(20_000) + 0.5) / 20_000
    for n in (3, 5, 10):
        a, b = rng.normal(0.2, 1.0, n), rng.normal(0.0, 2.0, n)
        f, g = np.sort(a)[(t * n).astype(int)], np.sort(b)[(t * n).astype(int)]
        expected = np.where(g > f, (f - g) ** 2, 0).sum() / ((f - g) ** 2).sum()
        assert violation_ratio(a, b) == pytest.approx(expected, abs=1e-12)
    assert violation_ratio(np.arange(3.0) + 1, np.arange(3.0)) == 0.0
    assert violation_ratio(np.arange(3.0), np.arange(3.0)) == 0.5


def test_the_bound_of_the_violation_ratio_adds_its_bootstrap_error() -> None:
    # origin: Dror, Shlomov and Reichart (2019): ratio - sigma Phi^-1(alpha)
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.5, 1.0, 8), rng.normal(0.0, 1.0, 8)
    resampled = [violation_ratio(rng.choice(a, 8), rng.choice(b, 8)) for _ in range(4000)]
    expected = np.clip(violation_ratio(a, b) + 1.645 * np.std(resampled), 0, 1)
    assert aso_bound(a[None], b[None], 0.05)[0] == pytest.approx(expected, abs=0.05)


def test_blocks_of_rows_have_resamples_of_their_own() -> None:
    assert RESAMPLES % 2  # (B + 1) alpha is whole
    first, again, other = (_resampled(SAMPLES[2][None], block) for block in (0, 0, ROWS))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# --- laws and rules of one's own ---

SYMMETRIC = {
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "logistic": lambda rng, shape: rng.logistic(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "arcsine": lambda rng, shape: np.sin(rng.uniform(-np.pi, np.pi, shape)),
}
NEAR_NORMAL = {
    "t5": lambda rng, shape: rng.standard_t(5, shape),
    "logistic": SYMMETRIC["logistic"],
    "sum of three uniform": lambda rng, shape: rng.uniform(-1, 1, (*shape, 3)).sum(axis=-1),
}
# with their medians taken off, from the closed forms
SKEWED = {
    "exponential": lambda rng, shape: rng.exponential(size=shape) - math.log(2),
    "weibull": lambda rng, shape: rng.weibull(0.7, shape) - math.log(2) ** (1 / 0.7),
    "gumbel": lambda rng, shape: rng.gumbel(size=shape) + math.log(math.log(2)),
}


def holds(found: dict, reps: int = 4000) -> None:
    for measure in ("wrong_support", "wrong_refute"):
        assert found[measure].rate < 0.05 + 4 * math.sqrt(0.05 * 0.95 / reps), measure


@pytest.mark.parametrize("n", [5, 8, 10])
@pytest.mark.parametrize("name", SYMMETRIC)
@pytest.mark.parametrize("rule", ["sign-flip", "wilcoxon"])
def test_sign_flip_holds_alpha_on_symmetric_laws_named_nowhere(
    rule: str, name: str, n: int
) -> None:
    holds(operating_characteristics(rule, SYMMETRIC[name], n, reps=4000))


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("name", NEAR_NORMAL)
def test_t_holds_alpha_on_near_normal_and_heavy_tailed_symmetric_laws(name: str, n: int) -> None:
    holds(operating_characteristics("t", NEAR_NORMAL[name], n, reps=4000))


@pytest.mark.parametrize("n", [5, 8, 10])
@pytest.mark.parametrize("name", SKEWED)
def test_sign_holds_alpha_on_every_continuous_law_about_its_median(name: str, n: int) -> None:
    from faeval.calibration import Law

    law = Law(name, SKEWED[name], centre=0.0)
    found = operating_characteristics("sign", law, n, reps=4000)
    holds(found)
    assert (
        found["wrong_support"].rate > 0.005
    )  # attainable at these n: the rate is the binomial tail's
    assert (
        operating_characteristics("t", law, n, reps=4000)["wrong_refute"].rate
        != found["wrong_refute"].rate
    )


def test_medians_are_where_half_lies_below() -> None:
    for law in LAWS.values():
        draws = law.draw(np.random.default_rng(3), (200_000,))
        assert abs(np.mean(draws < law.median) - 0.5) < 4 * 0.5 / math.sqrt(200_000) + 0.0005, (
            law.name
        )
        assert abs(draws.mean()) < 5 * draws.std() / math.sqrt(200_000), law.name


def test_a_rule_of_ones_own_is_measured_like_the_others() -> None:
    def never(differences, bound, alpha):
        nothing = np.zeros(len(differences), dtype=bool)
        return nothing, nothing

    found = operating_characteristics(never, LAWS["normal"], 5, reps=1000)
    assert (found["wrong_support"].rate, found["coverage"].rate) == (0.0, 1.0)
    assert found["wrong_support"].error > 0  # none in so many is not known to be none
    mine = operating_characteristics(RIVALS["z"], LAWS["normal"], 5, reps=1000)
    assert mine == operating_characteristics("z", LAWS["normal"], 5, reps=1000)


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(
        FaevalError, match=r"^rule='anova' \(str\) .*t, sign-flip, sign, wilcoxon, z"
    ):
        operating_characteristics("anova", LAWS["normal"], 5, reps=100)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (10, 8)])
def test_mann_whitneys_exact_test_agrees_with_scipy(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(0.5, 1.0, (20, n)), rng.normal(0.0, 2.0, (20, m))
    p = stats.mannwhitneyu(a, b, axis=1, alternative="greater", method="exact").pvalue
    for alpha in (0.05, 0.2, 0.5):
        assert mann_whitney(a, b, alpha).tolist() == (p <= alpha * (1 + 1e-12)).tolist()


def test_mann_whitneys_tails_never_rise_and_two_equal_samples_are_not_apart() -> None:
    tails = mann_whitney_tails(60, 55)
    assert (np.diff(tails) <= 0).all()
    assert tails[0] == 1.0
    # origin: of four pairs two tie, which speak for neither; P(U >= 1) = 5/6
    pair = np.array([[0.0, 1.0]])
    assert mann_whitney(pair, pair, 0.84).tolist() == [True]
    assert mann_whitney(pair, pair, 0.83).tolist() == [False]
