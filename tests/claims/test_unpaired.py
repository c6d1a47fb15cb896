"""Claims about arms that share no randomness: paired=False, from the assertion to the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.stats import ttest_ind

import faeval as fe
from faeval.claims import Verdict
from faeval.errors import FaevalError

Table = Callable[..., pd.DataFrame]
A, B, C = (fe.metric("x", fe.Arm(name)) for name in "abc")
BY = fe.Margin(0.1, "a reason")
COLUMN = st.lists(st.integers(-400, 400).map(lambda k: k / 1000), min_size=3, max_size=6)


def decided(table: pd.DataFrame, *assertions: fe.Assertion, **more: Any) -> Verdict:
    claim = fe.Claim("a against b", *assertions, attributed_to="rule", **more)
    (verdict,) = fe.decide(claim, table)
    return verdict


def unpaired(kind: str = "exceeds", **more: Any) -> fe.Assertion:
    word = {"within" if kind == "equivalent" else "by": BY}
    made: fe.Assertion = getattr(fe, kind)(A, B, paired=False, **word, **more)
    return made


@settings(max_examples=30)
@given(COLUMN.flatmap(lambda a: st.tuples(st.just(a), st.permutations(a), st.floats(-0.5, 0.5))))
def test_the_verdict_is_that_of_welchs_test(table: Table, abs_: Any) -> None:
    a, b, shift = np.array(abs_[0]), np.array(abs_[1]) / 2, round(abs_[2], 2)
    assume(np.ptp(a) > 0)
    found = decided(table({"a": a + shift, "b": b}), unpaired())
    result = found.assertions[0]
    test = ttest_ind(a + shift - 0.1, b, equal_var=False, alternative="greater")
    assert result.p_support == pytest.approx(test.pvalue, abs=1e-9)
    assert result.p_refute == pytest.approx(1 - test.pvalue, abs=1e-9)
    assert found.test == "welch"
    assert result.estimate == pytest.approx((a + shift).mean() - b.mean(), abs=1e-12)
    assert result.differences == ()
    assert (result.a.values, result.b.values) == (tuple(a + shift), tuple(b))
    assert result.ordinary == pytest.approx(
        tuple(ttest_ind(a + shift, b, equal_var=False).confidence_interval(0.9)), abs=1e-9
    )
    assert result.e_value is None
    assert result.detectable_in_sd is None
    assert found.test == "welch"


def test_what_the_seed_shares_is_not_used(table: Table) -> None:
    base = np.array([0.1, 0.9, 0.4, 0.7, 0.2])
    rows = table({"a": base + np.array([0.29, 0.3, 0.31, 0.3, 0.28]), "b": base})
    assert decided(rows, fe.exceeds(A, B, by=BY)).verdict == "supported"
    assert decided(rows, unpaired()).verdict == "inconclusive"


@pytest.mark.parametrize("kind", ["exceeds", "below", "not_above", "not_below", "equivalent"])
def test_every_kind_may_be_unpaired(table: Table, kind: str) -> None:
    rows = table({"a": [0.50, 0.51, 0.52, 0.53], "b": [0.1, 0.12, 0.11, 0.13]})
    wanted = "supported" if kind in ("exceeds", "not_below") else "refuted"
    assert decided(rows, unpaired(kind)).verdict == wanted


def test_a_claim_says_which_seed_it_hangs_on_whichever_side_it_is_left_out_of(table: Table) -> None:
    found = decided(
        table({"a": [1.0, 1.1, 1.2, 1.1, 1.0], "b": [0.1, 0.2, 0.1, 0.0, 0.9]}),
        unpaired(),
    )
    assert found.verdict == "supported"
    words = dict(found.without_each_seed)
    assert list(words) == [1, 2, 3, 4, 5]
    assert found.fragile is any(word != "supported" for word in words.values())
    assert found.fragile_rate is None
    assert found.other_tests == ()


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ([0.9, 1.0], [0.1, 0.2], "unattainable"),
        ([0.9] * 4, [0.1] * 4, "no_spread"),
        ([0.9, 1.0, 1.1], [0.1, 0.2, math.nan], "undefined"),
        ([0.9, 1.0, 1.1], [0.1] * 3, "decided"),
    ],
)
def test_what_cannot_be_decided_says_why(table: Table, a: Any, b: Any, code: str) -> None:
    assert decided(table({"a": a, "b": b}), unpaired()).reason_code == code


def test_arms_have_seeds_of_their_own_where_no_plan_says_which(table: Table) -> None:
    a, b = [0.9, 1.0, 1.1, 0.8], [0.1, 0.2, 0.3]
    rows = pd.concat([table({"a": a}), table({"b": b}, [11, 12, 13])])
    found = decided(rows, unpaired())
    assert (found.verdict, found.seeds) == ("supported", (1, 2, 3, 4, 11, 12, 13))
    result = found.assertions[0]
    assert (result.a.seeds, result.b.seeds) == ((1, 2, 3, 4), (11, 12, 13))
    by_scipy = ttest_ind(np.array(a) - BY.value, b, equal_var=False, alternative="greater")
    assert result.p_support == pytest.approx(by_scipy.pvalue)
    planned = decided(rows, unpaired(), seeds=found.seeds)
    assert (planned.verdict, planned.reason_code) == ("inconclusive", "evidence_missing")
    assert "one plan" in planned.detail


def test_the_hash_names_it_only_where_it_is_used() -> None:
    paired, also, apart = (
        fe.Claim("s", fe.exceeds(A, B, by=BY, **more), attributed_to="rule")
        for more in ({}, {"paired": True}, {"paired": False})
    )
    assert paired.sha256() == also.sha256() != apart.sha256()
    assert "paired" not in paired.canonical()["assertions"][0]
    assert apart.canonical()["assertions"][0]["paired"] is False
    assert apart.canonical()["test"] == "t"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fe.exceeds(A, B, by=BY, paired="no"), "paired='no' \\(str\\) must be True or"),
        (lambda: fe.exceeds(A, 0.5, by=BY, paired=False), "one side is a number"),
        (lambda: fe.exceeds(A - C, B - C, by=BY, paired=False), "both sides read"),
        (lambda: fe.Claim("s", unpaired(), test="sign"), "test='sign' needs sides that the seed"),
        (lambda: fe.Claim("s", unpaired(), test="sign-flip"), "test='sign-flip' needs sides"),
        (lambda: fe.Claim("s", unpaired(), test="welch"), "Say paired=False in the assertion"),
        (
            lambda: fe.Claim("s", unpaired(), seeds=10, looks=(5, 10)),
            "the welch test is decided once",
        ),
        (lambda: fe.Claim("s", unpaired(), fe.exceeds(A, C, by=BY)), "make a claim of"),
        (lambda: fe.Claim("s", fe.exceeds(A, C, by=BY), controls=unpaired()), "controls= are"),
        (lambda: fe.agree(A, B, within=BY, paired=False), "fe.agree: paired=False"),
    ],
)
def test_what_has_no_unpaired_form_is_refused(make: Any, message: str) -> None:
    with pytest.raises(FaevalError, match=message):
        make()


def test_registered_and_piloted_it_has_power_from_the_spread_of_both_arms(
    table: Table, lock: Callable[..., fe.claims.Lock]
) -> None:
    from faeval.claims import EvidenceIndex, pilot_spreads

    claim = fe.Claim(
        "s", unpaired(anticipated=1.0), attributed_to="rule", id="f::c", family="f", seeds=4
    )
    pilots = table({"a": [0.5, 0.7, 0.6], "b": [0.1, 0.5, 0.3]}, [1000, 1001, 1002])
    (spread,) = pilot_spreads(claim, EvidenceIndex(pilots), "toy")
    assert spread is not None
    assert spread.sd == pytest.approx(math.hypot(0.1, 0.2))
    registered = lock(claim, pilots={"f::c": {"toy": [spread]}})
    rows = table({"a": [1.5, 1.7, 1.6, 1.5], "b": [0.1, 0.5, 0.3, 0.2]})
    (found,) = fe.decide(claim, rows, lock=registered)
    assert found.verdict == "supported"
    power = found.assertions[0].power
    assert power is not None
    assert power > 0.9
