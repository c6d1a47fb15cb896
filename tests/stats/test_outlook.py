"""What a claim can tell at n seeds: chances of both verdicts against simulation of the rule itself,
attainability, warnings.
"""

import math
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from faeval.errors import FaevalError
from faeval.stats import (
    attainable_p,
    detectable_effect,
    judge_many,
    outlook,
    power,
    prospect,
    sd_upper,
    seeds_for,
    seeds_needed,
    unseen_failure_bound,
    verdict_chances,
)

KINDS = ("exceeds", "below", "not_above", "not_below", "equivalent")
ROWS = 20_000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("effect", [0.0, 0.6, 1.0, 2.5, -1.8])
@pytest.mark.parametrize("n", [3, 6])
def test_chances_of_t_are_the_rates_of_the_rule(kind, effect, n):
    draws = effect + np.random.default_rng(n).normal(size=(ROWS, n))
    support, refute = judge_many(kind, -draws if kind in ("below", "not_below") else draws, 1.0)
    found = verdict_chances(kind, 1.0, effect, 1.0, n, 0.05, k=2)
    for events, chance in ((support <= 0.05, found.supported), (2 * refute <= 0.05, found.refuted)):
        assert abs(np.mean(events) - chance) < 4 * math.sqrt(
            max(chance * (1 - chance), 1 / ROWS) / ROWS
        )


@pytest.mark.parametrize(
    ("kind", "effect", "supported", "refuted"),
    # origin: project policy, margin and s.d. 1 at n = 3, 5, 10
    [
        ("exceeds", 0, (0.00, 0.00, 0.00), (0.32, 0.58, 0.90)),
        ("exceeds", 1, (0.05, 0.05, 0.05), (0.05, 0.05, 0.05)),
        ("exceeds", 2, (0.32, 0.58, 0.90), (0.00, 0.00, 0.00)),
    ],
)
def test_the_three_way_table(kind, effect, supported, refuted):
    for n, yes, no in zip((3, 5, 10), supported, refuted, strict=True):
        found = verdict_chances(kind, 1.0, effect, 1.0, n, 0.05)
        assert (found.supported, found.refuted) == pytest.approx((yes, no), abs=0.0051)


@pytest.mark.parametrize(
    ("test", "n", "effect", "expected"),
    # origin: project policy: one-sided power of sign-flip at n = 6, d = 1.5; n = 8, d = 1; n = 5, d
    # = 1. The sign test's is the binomial tail at P(difference > 0) = Phi(d): P(Bin(8, .9332) >= 7)
    # and P(Bin(5, .8413) = 5)
    [
        ("sign-flip", 6, 1.5, 0.91),
        ("sign-flip", 8, 1.0, 0.80),
        ("sign-flip", 5, 1.0, 0.43),
        ("sign", 8, 1.5, 0.9046),
        ("sign", 5, 1.0, 0.4215),
    ],
)
def test_chances_of_the_exact_tests(test, n, effect, expected):
    found = verdict_chances("exceeds", 0.0, effect, 1.0, n, 0.05, test=test)
    assert found.supported == pytest.approx(
        expected, abs=4 * math.sqrt(expected * (1 - expected) / 4000) + 0.005
    )
    assert verdict_chances("below", 0.0, effect, 1.0, n, 0.05, test=test) == found
    assert (
        verdict_chances("exceeds", 0.0, effect, 1.0, n, 0.05, test=test) == found
    )  # the same draws every time


def test_an_outlook_holds_the_chances_at_no_effect_the_margin_and_the_effect_declared():
    seen = outlook("exceeds", 0.03, 5, sd=0.02, sd_n=6, anticipated=0.08, family=4)
    assert seen.level == 0.05 / 4
    assert set(seen.at) == {"zero", "margin", "anticipated"}
    for name, effect in (("zero", 0.0), ("margin", 0.03), ("anticipated", 0.08)):
        assert seen.at[name] == verdict_chances("exceeds", 0.03, effect, 0.02, 5, 0.05 / 4)
    assert seen.at["margin"].supported == pytest.approx(0.05 / 4)
    assert seen.power == power(0.05, 0.02, 5, 0.05 / 4)
    assert seen.detectable == seen.detectable_in_sd * 0.02 == detectable_effect(5, 0.05 / 4) * 0.02
    upper = sd_upper(0.02, 6)
    assert seen.seeds_needed == tuple(seeds_needed(0.05, sd, 0.05 / 4) for sd in (0.02, upper))
    assert seen.unseen_failures == unseen_failure_bound(5)
    assert seen.warnings == ()


def test_what_is_not_known_is_left_out():
    seen = outlook("exceeds", 0.03, 5)
    assert (seen.at, seen.power, seen.seeds_needed, seen.detectable) == ({}, None, None, None)
    assert seen.detectable_in_sd == detectable_effect(5, 0.05)
    at_margin = outlook("exceeds", 0.03, 5, sd=0.02, anticipated=0.03)
    assert (at_margin.power, at_margin.seeds_needed) == (None, None)
    alone = outlook("exceeds", 0.03, 5, sd=0.02, sd_n=1, anticipated=0.08)
    assert alone.seeds_needed[1] is None  # one pilot seed bounds no spread


@pytest.mark.parametrize(
    ("kind", "k", "family", "n", "can"),
    # origin: 2^-n against .05 / m; refutation multiplies it by k, and by 2 for an equivalence
    [
        ("exceeds", 1, 1, 3, (False, False)),
        ("exceeds", 1, 1, 5, (True, True)),
        ("equivalent", 1, 1, 5, (True, False)),
        ("equivalent", 1, 1, 6, (True, True)),
        ("exceeds", 2, 1, 5, (True, False)),
        ("exceeds", 1, 10, 7, (False, False)),
        ("exceeds", 1, 10, 8, (True, True)),
        ("equivalent", 5, 10, 10, (True, False)),
    ],
)
@pytest.mark.parametrize("test", ["sign-flip", "sign"])
def test_a_design_that_cannot_reach_a_verdict_is_warned_of(kind, k, family, n, can, test):
    seen = outlook(kind, 1.0, n, k=k, family=family, test=test)
    assert (seen.can_support, seen.can_refute) == can
    verbs = [w.split()[3] for w in seen.warnings]
    assert verbs == [
        v for v, possible in zip(("support", "refute"), can, strict=True) if not possible
    ]
    least = attainable_p(test, n)
    assert seen.can_support == (least <= 0.05 / family)
    assert outlook(kind, 1.0, n, k=k, family=family).can_refute  # t reaches any p


def test_weak_power_is_warned_of():
    (told,) = outlook("exceeds", 1.0, 3, sd=1.0, anticipated=2.0).warnings
    assert re.search(r"power.* 0\.32, .*0\.5\b", told)


@pytest.mark.parametrize("test", ["t", "sign", "sign-flip"])
def test_seeds_for_is_the_first_number_that_reaches_the_power(test):
    found = seeds_for("exceeds", 0.0, 1.5, 1.0, 0.05, test=test)
    reached = [
        prospect("exceeds", 0.0, 1.5, 1.0, n, 0.05, test=test).power >= 0.8
        for n in range(2, found + 1)
    ]
    assert reached == [False] * (found - 2) + [True]
    assert seeds_for("exceeds", 0.0, 0.01, 1.0, 0.05, max_n=12, test=test) is None


@given(
    kind=st.sampled_from(KINDS),
    margin=st.floats(0.0, 3.0),
    effect=st.floats(-5.0, 5.0),
    n=st.integers(0, 12),
    alpha=st.floats(1e-4, 0.5),
)
def test_chances_are_probabilities_that_never_add_up_to_more_than_one(
    kind, margin, effect, n, alpha
):
    found = verdict_chances(kind, margin, effect, 1.0, n, alpha)
    assert 0 <= found.supported <= 1
    assert 0 <= found.refuted <= 1
    assert found.supported + found.refuted <= 1 + 1e-9
    if n < 2:
        assert (found.supported, found.refuted) == (0.0, 0.0)


def test_unusable_input_is_named():
    for call, message in (
        (lambda: outlook("more", 1.0, 5), "kind must be one of"),
        (
            lambda: outlook("exceeds", 1.0, 5, test="wilcoxon"),
            "test must be one of t, sign-flip, sign",
        ),
        (lambda: outlook("exceeds", 1.0, 5, sd=0.0), "sd must be a standard deviation above 0"),
        (
            lambda: outlook("exceeds", 1.0, 5, family=0),
            "family must be a whole number of at least 1",
        ),
        (lambda: outlook("exceeds", 1.0, 5, k=0), "k must be a whole number of at least 1"),
        (
            lambda: verdict_chances("exceeds", -1.0, 0.0, 1.0, 5, 0.05),
            "margin must be a finite number, at least 0",
        ),
        (
            lambda: verdict_chances("exceeds", 1.0, math.nan, 1.0, 5, 0.05),
            "effect must be a finite number",
        ),
    ):
        with pytest.raises(FaevalError, match=message):
            call()
