"""Plans, seeds, families and gates: what a registration fixes, and what no selection can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import ttest_1samp

import faeval as fe
from faeval import stats
from faeval.claims import Lock, Spread, Verdict
from faeval.errors import FaevalError
from faeval.reports import to_settle

Table = Callable[..., pd.DataFrame]
Make = Callable[..., fe.Claim]
Locks = Callable[..., Lock]


def one(claims: Any, evidence: Any, **arguments: Any) -> Verdict:
    (verdict,) = fe.decide(claims, evidence, **arguments)
    return verdict


def wide(table: Table, seeds: Any) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    columns = {
        "a": 0.5 + 0.02 * rng.normal(size=len(seeds)),
        "b": 0.1 + 0.02 * rng.normal(size=len(seeds)),
    }
    return table(columns, list(seeds))


@pytest.fixture
def registered(claim: Make) -> fe.Claim:
    return claim(id="f::x", family="f", seeds=4)


# --- seeds of a registered claim ---


@pytest.mark.parametrize(
    ("seeds", "code", "used", "flags"),
    [
        (None, "decided", (1, 2, 3, 4), ()),
        (4, "decided", (1, 2, 3, 4), ()),
        (9, "decided", (1, 2, 3, 4), ()),  # seeds beyond the plan never enter
        (3, "plan_not_reached", (1, 2, 3), ()),
        ([4, 2], "plan_not_reached", (2, 4), ()),
        ([4, 3, 2, 1], "decided", (1, 2, 3, 4), ()),
        ([5, 6, 7], "decided", (5, 6, 7), ("exploratory",)),
        ([1, 2, 3, 4, 5], "decided", (1, 2, 3, 4, 5), ("exploratory",)),
        ([1, 2, 42], "decided", (1, 2, 42), ("reproduction",)),
        ([1000, 1001, 1002], "decided", (1000, 1001, 1002), ("reproduction",)),
        ([5, 99], "plan_not_reached", (5,), ("exploratory",)),
    ],
)
def test_the_plan_decides_and_other_seeds_are_marked(
    table: Table, lock: Locks, registered: fe.Claim, seeds: Any, code: str, used: Any, flags: Any
) -> None:
    rows = wide(table, [1, 2, 3, 4, 5, 6, 7, 42, 1000, 1001, 1002])
    found = one(registered, rows, seeds=seeds, lock=lock(registered))
    assert found.reason_code == code
    assert found.seeds == used
    assert found.flags == flags
    assert found.planned == (1, 2, 3, 4)
    assert (found.verdict == "supported") is (code == "decided")
    values = rows[rows["seed"].isin(used)].pivot(index="seed", columns="arm", values="value")
    assert found.estimate == pytest.approx((values["a"] - values["b"]).mean())


def test_a_plan_that_evidence_does_not_reach_is_not_decided(
    table: Table, lock: Locks, registered: fe.Claim
) -> None:
    found = one(registered, wide(table, [1, 2, 3]), lock=lock(registered))
    assert (found.verdict, found.reason_code) == ("inconclusive", "plan_not_reached")
    assert "3 of 4" in found.detail
    assert "run 4" in found.detail


# --- seeds of a claim that is not registered ---


@pytest.mark.parametrize(
    ("seeds", "by_hand", "used", "code"),
    [
        (None, True, (3, 4, 42), "decided"),
        (None, False, (3, 4), "plan_not_reached"),
        ([3, 42], True, (3, 42), "decided"),
        (2, False, (), "not_run"),
        (4, True, (3, 4), "plan_not_reached"),
        (7, True, (3, 4), "plan_not_reached"),
    ],
)
def test_without_registration_by_hand_all_seeds_count_and_else_its_own_plan(
    table: Table, claim: Make, seeds: Any, by_hand: bool, used: Any, code: str
) -> None:
    found = one(claim(), wide(table, [3, 4, 42]), seeds=seeds, by_hand=by_hand)
    assert (found.reason_code, found.seeds) == (code, used)
    assert found.flags == (
        ("unregistered", "chosen_seeds") if seeds == [3, 42] else ("unregistered",)
    )
    assert found.registered_sha256 is None


# --- the registration ---


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0.2},
        {"seeds": 3},
        {"test": "sign"},
        {"diverged": "worst"},
        {"about": "instrument"},
        {"anticipated": 1.0},
    ],
)
def test_a_claim_that_differs_from_its_registration_is_not_decided(
    table: Table, claim: Make, lock: Locks, registered: fe.Claim, change: dict[str, Any]
) -> None:
    other = claim(**({"id": "f::x", "family": "f", "seeds": 4} | change))
    found = one(other, wide(table, range(1, 6)), lock=lock(registered))
    assert (found.verdict, found.reason_code) == ("invalid", "spec_changed")
    assert found.registered_sha256 == registered.sha256()
    assert found.planned == (1, 2, 3, 4)


def test_another_expectation_is_flagged_and_the_registered_one_counts(
    table: Table, claim: Make, lock: Locks
) -> None:
    was, now = (claim(id="f::x", family="f", expect=word) for word in ("supported", "refuted"))
    found = one(now, wide(table, range(1, 6)), lock=lock(was))
    assert found.flags == ("deviated",)
    assert (found.expected, found.as_expected) == ("supported", True)
    prose = claim(
        id="f::x", family="f", expect="supported", note="new words", sentence="said otherwise"
    )
    assert one(prose, wide(table, range(1, 6)), lock=lock(was)).flags == ()


def test_power_is_told_at_the_pilots_spread(table: Table, claim: Make, lock: Locks) -> None:
    made = claim("exceeds", 0.1, id="f::x", family="f", anticipated=0.2)
    pilots = {"f::x": {"toy": [Spread(n=6, mean=0.2, sd=0.1)]}}
    found = one(made, wide(table, range(1, 6)), lock=lock(made, pilots=pilots)).assertions[0]
    # One-sided 80 % detectable effect at n = 5: 1.36 s.d. of the differences.
    assert found.detectable_in_sd == pytest.approx(1.36, abs=0.005)
    assert found.detectable == pytest.approx(0.136, abs=0.0005)
    assert found.pilot_sd == 0.1
    # Noncentral t at one s.d. beyond the margin: .80 is reached at n = 8 (.80 by Cohen's tables),
    # not at 7.
    assert found.seeds_needed is not None
    assert found.seeds_needed[0] == 8
    assert found.power is not None
    assert 0.5 < found.power < 0.8
    assert one(made, wide(table, range(1, 6)), lock=lock(made)).assertions[0].power is None


def test_seeds_needed_are_those_of_the_whole_claim_alone_in_a_new_family(
    table: Table, claim: Make, lock: Locks
) -> None:
    made = claim("exceeds", 0.1, id="f::x", family="f", anticipated=0.2)
    others = [claim("exceeds", 0.1, id=f"f::{i}", family="f", sentence=f"{i}") for i in range(7)]
    (assertion,) = made.assertions
    twice = made.named(
        id="f::two",
        assertions=(assertion, fe.exceeds(assertion.a, 0.0, by=assertion.margin, anticipated=0.2)),
    )
    spread = Spread(n=6, mean=0.2, sd=0.1)
    pilots = {"f::x": {"toy": [spread]}, "f::two": {"toy": [spread, spread]}}
    registered = lock(made, twice, *others, pilots=pilots)
    found, both = fe.decide([made, twice], wide(table, range(1, 6)), lock=registered)
    assert found.family_size == 9
    assert found.assertions[0].seeds_needed is not None
    assert found.assertions[0].seeds_needed[0] == 8  # as alone, above
    level = 0.05 / 9
    assert found.assertions[0].power == stats.power(0.1, 0.1, 5, level)
    for a in both.assertions:  # each takes a chance of .9, so that both have .8
        assert a.seeds_needed is not None
        assert a.seeds_needed[0] == stats.seeds_needed(0.1, 0.1, 0.05, 0.9)


@pytest.mark.parametrize(
    ("kind", "effect", "spread", "anticipated", "words"),
    [
        ("exceeds", 0.12, 0.10, 0.15, {"0.15"}),  # these seeds may well be of such an effect
        ("exceeds", 0.11, 0.02, 0.30, {"0.3", "0.11", "nearer"}),
        ("exceeds", 0.09, 0.02, 0.30, {"0.3", "0.09", "refutes"}),
        ("below", -0.11, 0.02, 0.30, {"0.3", "0.11", "nearer"}),
        ("not_above", 0.09, 0.02, -0.20, {"−0.2", "0.09", "nearer"}),
        ("equivalent", -0.09, 0.02, 0.0, {"0", "−0.09", "nearer"}),
    ],
)
def test_the_seeds_needed_name_the_effect_that_they_are_counted_for(
    table: Table,
    claim: Make,
    lock: Locks,
    kind: str,
    effect: float,
    spread: float,
    anticipated: float,
    words: set[str],
) -> None:
    """A count for an effect that the seeds themselves speak against is no comfort."""
    made = claim(kind, 0.1, id="f::x", family="f", anticipated=anticipated)
    a = effect + spread * np.array([-1.2, -0.5, 0.0, 0.5, 1.2])
    pilots = {"f::x": {"toy": [Spread(n=6, mean=0.2, sd=0.5)]}}
    found = one(
        made, table({"a": a, "b": np.zeros(5)}, list(range(1, 6))), lock=lock(made, pilots=pilots)
    )
    assert found.verdict == "inconclusive"
    _, _, said = to_settle(found).partition("alone in its family")
    tokens = {token.strip(".,;") for token in said.split()}
    telling = {"nearer", "refutes"} | {token for token in tokens if token[-1:].isdigit()}
    assert tokens & telling == words


# --- families ---


def family(claim: Make, margins: list[float], **arguments: Any) -> list[fe.Claim]:
    return [claim("exceeds", m, sentence=f"{i}", **arguments) for i, m in enumerate(margins)]


def test_the_levels_are_holms(table: Table, claim: Make) -> None:
    rows = wide(table, range(1, 6))
    d = np.subtract(*(rows[rows["arm"] == arm]["value"].to_numpy() for arm in "ab"))
    margins = [0.1, 0.3, 0.38, 0.5]
    p = [ttest_1samp(d, m, alternative="greater").pvalue for m in margins]
    q = [ttest_1samp(d, m, alternative="less").pvalue for m in margins]
    found = fe.decide(family(claim, margins), rows)
    for values, words, name in (
        (p, "supported", "adjusted_support"),
        (q, "refuted", "adjusted_refute"),
    ):
        order, running, adjusted = np.argsort(values), 0.0, {}
        for step, i in enumerate(order):  # Holm 1979
            running = max(running, min(1.0, (4 - step) * values[i]))
            adjusted[i] = running
        for i, verdict in enumerate(found):
            assert getattr(verdict, name) == pytest.approx(adjusted[i])
            assert (verdict.verdict == words) is bool(adjusted[i] <= 0.05)
            assert verdict.family_size == 4


@settings(max_examples=10)
@given(
    st.lists(st.sampled_from([0.1, 0.3, 0.38, 0.42, 0.5, 9.0]), min_size=1, max_size=4),
    st.sampled_from([0.1, 0.38, 0.5, 9.0]),
)
def test_one_more_claim_never_makes_another_more_significant(
    table: Table, claim: Make, margins: list[float], more: float
) -> None:
    rows = wide(table, range(1, 6))
    alone = fe.decide(family(claim, margins), rows)
    joined = fe.decide([*family(claim, margins), claim("exceeds", more, sentence="more")], rows)
    for before, after in zip(alone, joined, strict=False):
        assert after.adjusted_support >= before.adjusted_support
        assert after.adjusted_refute >= before.adjusted_refute
        assert after.verdict in (before.verdict, "inconclusive")


def test_invalid_and_unrun_members_count(table: Table, claim: Make) -> None:
    rows = wide(table, range(1, 6))
    absent = fe.Claim("absent", fe.exceeds(fe.metric("y", fe.Arm("a")), by=fe.Margin(0.1, "r")))
    confounded = claim(sentence="confounded", attributed_to="width")
    (lone,) = fe.decide([claim("exceeds", 0.38)], rows)
    found = fe.decide([claim("exceeds", 0.38), absent, confounded], rows)
    assert [v.family_size for v in found] == [3, 3, 3]
    assert found[0].adjusted_support == pytest.approx(min(1, 3 * lone.adjusted_support))
    assert [v.reason_code for v in found[1:]] == ["not_run", "confounded"]


def test_registered_members_count_whether_selected_or_not(
    table: Table, claim: Make, lock: Locks
) -> None:
    rows = wide(table, range(1, 6))
    members = [
        claim("exceeds", m, id=f"f::{i}", family="f") for i, m in enumerate([0.1, 0.38, 9.0])
    ]
    kept = lock(*members, claim(id="g::y", family="g"))
    together = fe.decide(members, rows, lock=kept)
    for member, whole in zip(members, together, strict=True):
        alone = one(member, rows, lock=kept)
        assert alone.family_size == whole.family_size == 3
        assert alone.adjusted_support >= whole.adjusted_support
    # Nor does a claim that is not registered join the registered family.
    stranger = claim(family="f", sentence="stranger")
    mine, theirs = fe.decide([members[0], stranger], rows, lock=kept)
    assert (mine.family_size, theirs.family_size) == (3, 1)
    assert theirs.flags == ("unregistered",)


def test_families_are_apart(table: Table, claim: Make) -> None:
    rows = wide(table, range(1, 6))
    apart = fe.decide([claim(family="one"), claim(family="two", alpha=0.1)], rows)
    assert [v.family_size for v in apart] == [1, 1]
    assert [v.alpha for v in apart] == [0.05, 0.1]


def test_the_error_rate_belongs_to_the_family(table: Table, claim: Make) -> None:
    pair = [claim(family="f"), claim(family="f", alpha=0.1, sentence="other")]
    with pytest.raises(FaevalError, match=r"family 'f'.*alpha=0.05.*alpha=0.1"):
        fe.decide(pair, wide(table, range(1, 6)))


# --- gates ---


def gates(claim: Make) -> dict[str, fe.Claim]:
    absent = fe.Claim(
        "absent", fe.exceeds(fe.metric("y", fe.Arm("a")), by=fe.Margin(0.1, "r")), family="4"
    )
    return {
        "supported": claim(sentence="supported", family="1"),
        "refuted": claim("exceeds", 0.9, sentence="refuted", family="2"),
        "invalid": claim(sentence="invalid", attributed_to="width", family="3"),
        "inconclusive": absent,
    }


@pytest.mark.parametrize(
    ("words", "verdict", "code"),
    [
        (["supported"], "supported", "decided"),
        (["refuted"], "invalid", "gate_failed"),
        (["invalid"], "invalid", "gate_failed"),
        (["inconclusive"], "inconclusive", "gate_undecided"),
        (["supported", "supported"], "supported", "decided"),
        (["supported", "refuted"], "invalid", "gate_failed"),
        (["inconclusive", "refuted"], "invalid", "gate_failed"),
        (["refuted", "inconclusive"], "invalid", "gate_failed"),
        (["inconclusive", "supported"], "inconclusive", "gate_undecided"),
    ],
)
def test_a_claim_is_released_only_by_gates_that_are_supported(
    table: Table, claim: Make, words: list[str], verdict: str, code: str
) -> None:
    known = gates(claim)
    made = claim(family="0", requires=[known[w] for w in words])
    found = one(made, wide(table, range(1, 6)))
    assert (found.verdict, found.reason_code) == (verdict, code)
    assert found.gates == tuple(known[w].sentence for w in words)
    if code == "gate_failed":
        assert "'refuted'" in found.detail or "'invalid'" in found.detail
    # A gate of a gate closes too; a gate is not reported unless it was asked for.
    chained = claim(family="00", sentence="chained", requires=made)
    assert (one(chained, wide(table, range(1, 6))).verdict == "supported") is (
        verdict == "supported"
    )


def test_a_gate_counts_in_its_family_though_it_was_not_selected(table: Table, claim: Make) -> None:
    gate = claim(sentence="gate")
    found = one(claim("exceeds", 0.2, requires=gate), wide(table, range(1, 6)))
    assert found.family_size == 2


def test_an_invalid_claim_keeps_its_own_reason(table: Table, claim: Make) -> None:
    made = claim(attributed_to="width", requires=gates(claim)["refuted"])
    assert one(made, wide(table, range(1, 6))).reason_code == "confounded"
