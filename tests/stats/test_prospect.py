"""What an assertion would come to: against simulation, known figures, and the one-sided power it is
made of.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as scipy_stats

from faeval import stats
from faeval.errors import FaevalError


@pytest.mark.parametrize(
    ("margin", "n", "expected"),
    # Power of two one-sided tests at a true difference of 0 and alpha .05, from the project's
    # statistics policy.
    [
        (1.0, 3, 0.13),
        (1.0, 5, 0.29),
        (1.0, 8, 0.64),
        (1.0, 10, 0.80),
        (1.0, 20, 0.99),
        (2.0, 3, 0.56),
        (2.0, 5, 0.95),
    ],
)
def test_equivalence_power_at_no_difference(margin: float, n: int, expected: float) -> None:
    found = stats.prospect("equivalent", margin, 0.0, 1.0, n, 0.05)
    assert found.verdict == "supported"
    assert found.power == pytest.approx(expected, abs=0.011)


@pytest.mark.parametrize(("margin", "effect", "n"), [(1.0, 0.5, 6), (2.0, -1.0, 4), (0.8, 0.0, 12)])
def test_equivalence_power_is_what_judge_gives_in_simulation(
    margin: float, effect: float, n: int
) -> None:
    draws = np.random.default_rng(5).normal(effect, 1.0, (4000, n))
    hits = stats.judge_many("equivalent", draws, margin)[0] <= 0.05
    power = stats.prospect("equivalent", margin, effect, 1.0, n, 0.05).power
    assert abs(np.mean(hits) - power) <= 4 * math.sqrt(power * (1 - power) / 4000)


@pytest.mark.parametrize(
    ("kind", "effect", "verdict"),
    [
        ("exceeds", 0.5, "supported"),
        ("exceeds", 0.1, "refuted"),
        ("exceeds", -0.5, "refuted"),
        ("below", 0.5, "supported"),
        ("not_above", 0.5, "refuted"),
        ("not_above", 0.0, "supported"),
        ("not_below", 0.5, "refuted"),
        ("equivalent", 0.1, "supported"),
        ("equivalent", -0.9, "refuted"),
        ("exceeds", 0.2, None),
    ],
)
def test_the_side_of_the_margin_decides_the_verdict(
    kind: stats.Kind, effect: float, verdict: str | None
) -> None:
    assert stats.prospect(kind, 0.2, effect, 0.1, 5, 0.05).verdict == verdict


def test_one_sided_power_is_that_of_the_t_test() -> None:
    assert stats.prospect("exceeds", 0.2, 0.5, 0.1, 5, 0.01).power == stats.power(0.3, 0.1, 5, 0.01)
    assert stats.prospect("equivalent", 0.2, 0.5, 0.1, 5, 0.01).power == stats.power(
        0.3, 0.1, 5, 0.005
    )


@given(
    kind=st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"]),
    margin=st.floats(0.1, 2.0),
    effect=st.floats(-3.0, 3.0),
    n=st.integers(2, 30),
)
def test_power_is_a_probability_and_grows_with_seeds(
    kind: stats.Kind, margin: float, effect: float, n: int
) -> None:
    fewer, more = (stats.prospect(kind, margin, effect, 1.0, k, 0.05).power for k in (n, n + 1))
    assert 0.0 <= fewer <= 1.0
    # Two one-sided tests together may lose a little with a seed more, where both all but never
    # reject: at a margin of half an s.d. and no effect .0242, .0190, .0183, .0203 for n = 2, 3, 4,
    # 5, by ten million simulated samples each.
    assert more >= fewer - 1e-4 or (kind == "equivalent" and fewer < 0.1)


def test_seeds_for_is_the_inverse_of_prospect() -> None:
    for kind, effect in (("exceeds", 1.0), ("equivalent", 0.1), ("not_above", -0.5)):
        n = stats.seeds_for(kind, 0.4, effect, 0.5, 0.05)  # type: ignore[arg-type]
        assert n is not None
        assert stats.prospect(kind, 0.4, effect, 0.5, n, 0.05).power >= 0.8  # type: ignore[arg-type]
        assert stats.prospect(kind, 0.4, effect, 0.5, n - 1, 0.05).power < 0.8  # type: ignore[arg-type]
    assert stats.seeds_for("exceeds", 0.4, 0.4, 0.5, 0.05) is None


@pytest.mark.parametrize("n", [2, 3, 5, 30, 1000])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 8, 0.4])
def test_the_power_of_an_equivalence_is_its_integral_over_the_deviation(
    n: int, alpha: float
) -> None:
    # By Gauss-Legendre with 20 points on 400 panels over the sample's deviation, from scipy's law
    # of it.
    points, weights = np.polynomial.legendre.leggauss(20)
    df, critical = n - 1, scipy_stats.t.isf(alpha, n - 1)
    for margin in (0.1, 1.0, 5.0, 20.0):
        high = min(
            math.sqrt(scipy_stats.chi2.isf(1e-15, df) / df), margin * math.sqrt(n) / critical
        )
        half = high / 800
        s = (half * (2 * np.arange(400) + 1)[:, None] + half * points).ravel()
        density = 2 * df * s * scipy_stats.chi2.pdf(df * s * s, df)
        room = margin - critical * s / math.sqrt(n)
        for effect in (0.0, 0.3 * margin, margin):
            inside = scipy_stats.norm.cdf((room - effect) * math.sqrt(n)) - scipy_stats.norm.cdf(
                (-room - effect) * math.sqrt(n)
            )
            expected = half * np.sum(inside * density * np.tile(weights, 400))
            found = stats.verdict_chances("equivalent", margin, effect, 1.0, n, alpha).supported
            assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_seeds_needed_give_the_whole_claim_its_power(k: int) -> None:
    seen = stats.outlook("exceeds", 0.0, 5, sd=1.0, anticipated=1.0, k=k)
    assert seen.seeds_needed is not None
    n = seen.seeds_needed[0]
    assert n is not None
    each = [
        stats.verdict_chances("exceeds", 0.0, 1.0, 1.0, m, 0.05, k=k).supported for m in (n - 1, n)
    ]
    assert stats.joint_power([each[1]] * k) >= 0.8 > stats.joint_power([each[0]] * k)
    # one that is to be refuted is enough, at a k-th of the level
    down = stats.outlook("not_above", 0.0, 5, sd=1.0, anticipated=1.0, k=k).seeds_needed
    assert down is not None
    assert down[0] == stats.seeds_for("not_above", 0.0, 1.0, 1.0, 0.05, 0.8, k=k)


def test_joint_power_is_no_more_than_what_independent_or_equal_assertions_have() -> None:
    draws = np.random.default_rng(3).random((2000, 3))
    for powers in ([0.9, 0.8, 0.95], [0.5, 0.9, 0.9]):
        for together in (draws, np.repeat(draws[:, :1], 3, axis=1)):
            assert stats.joint_power(powers) <= np.mean((together < powers).all(axis=1)) + 0.04
    with pytest.raises(FaevalError, match="powers"):
        stats.joint_power([1.2])
