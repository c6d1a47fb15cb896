"""Looks: a registered plan that may end early; what it costs, what latches, and what seeds beyond a
plan do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import faeval as fe
from faeval import stats
from faeval.claims import Lock, Verdict
from faeval.experiment import Experiment
from faeval.reports import reason

Table = Callable[..., pd.DataFrame]
Make = Callable[..., fe.Claim]
MakeLock = Callable[..., Lock]

PLAN = {"seeds": 10, "looks": (5, 10)}


def rows(table: Table, n: int, effect: float = 0.4, start: int = 1, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng([seed, start])
    noise = rng.normal(0, 0.02, (n, 2))  # seed by seed: more seeds leave the first as they were
    b = 0.1 + noise[:, 0]
    return table({"a": b + effect + noise[:, 1], "b": b}, seeds=range(start, start + n))


def one(claims: Any, evidence: Any, **arguments: Any) -> Verdict:
    (verdict,) = fe.decide(claims, evidence, **arguments)
    return verdict


def registered(claim: Make, lock: MakeLock, **arguments: Any) -> tuple[fe.Claim, Lock]:
    made = claim(**({"sentence": "a against b"} | PLAN | arguments)).named(
        id="f.py::x", family="f.py"
    )
    return made, lock(made)


def test_a_clear_effect_is_decided_at_the_first_look(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    made, registration = registered(claim, lock)
    found = one(made, rows(table, 5), lock=registration)
    assert (found.verdict, found.look, found.looks, found.n) == ("supported", 1, (5, 10), 5)
    assert found.seeds == (1, 2, 3, 4, 5)
    assert "decided_early" in [warning.code for warning in found.warnings]
    assert found.assertions[0].levels[0] == stats.nominal_level(0.05, (5, 10))


def test_between_looks_and_before_the_first_the_plan_is_not_reached(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    made, registration = registered(claim, lock)
    early = one(made, rows(table, 3), lock=registration)
    assert (early.verdict, early.reason_code) == ("inconclusive", "plan_not_reached")
    assert re.search(r"\blook .*\b5\b", reason(early))
    open_ = [one(made, rows(table, n, effect=0.11), lock=registration) for n in (5, 7)]
    assert [(v.reason_code, v.n) for v in open_] == [("plan_not_reached", 5)] * 2
    assert open_[0].assertions == open_[1].assertions  # seeds 6 and 7 are not looked at
    whole = one(made, rows(table, 10, effect=0.11), lock=registration)
    assert whole.reason_code in ("decided", "straddles_margin")
    assert whole.n == 10


def test_a_seed_that_is_not_there_ends_what_a_look_may_see(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    made, registration = registered(claim, lock)
    evidence = rows(table, 10)
    found = one(made, evidence[evidence["seed"] != 3], lock=registration)
    assert (found.reason_code, found.seeds) == ("plan_not_reached", (1, 2))


def test_a_verdict_once_decided_stands_whatever_comes_after(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    made, registration = registered(claim, lock)
    first = rows(table, 5)
    opposite = pd.concat([first, rows(table, 5, effect=-0.9, start=6)])
    broken = opposite.copy()
    broken.loc[broken["seed"] == 8, "status"] = "diverged"
    torn = opposite[~((opposite["seed"] == 9) & (opposite["arm"] == "b"))]
    for evidence in (opposite, broken, torn):
        found = one(made, evidence, lock=registration)
        assert (found.verdict, found.look, found.n) == ("supported", 1, 5)


def test_what_is_wrong_at_a_later_look_counts_where_no_earlier_one_decided(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    made, registration = registered(claim, lock)
    evidence = pd.concat([rows(table, 5, effect=0.11), rows(table, 5, effect=0.11, start=6)])
    evidence.loc[(evidence["seed"] == 8) & (evidence["arm"] == "a"), "status"] = "diverged"
    found = one(made, evidence, lock=registration)
    assert (found.verdict, found.reason_code) == ("invalid", "diverged")


@pytest.mark.parametrize("where", [(6, 7, 8, 9, 10), (3, 9), ()])
def test_failures_that_count_as_worst_are_those_of_the_seeds_of_the_look(
    table: Table, claim: Make, lock: MakeLock, where: tuple[int, ...]
) -> None:
    bounded = Experiment(
        "toy", lambda arm, seed: {}, factors={"rule": "a"}, metrics={"x": (0, 1)}, revision="1"
    )
    made, registration = registered(
        claim, lock, diverged="worst", experiment=bounded, seeds=10, looks=(2, 10)
    )
    evidence = rows(table, 10)
    lost = (evidence["arm"] == "a") & evidence["seed"].isin(where)
    evidence.loc[lost, ["status", "value"]] = ["diverged", float("nan")]
    evidence["run"] = "run " + evidence["seed"].astype(str)
    found = one(made, evidence, lock=registration)
    failed = sum(seed in where for seed in found.seeds)
    assert found.unseen_failure_bound == stats.unseen_failure_bound(found.n, failed)
    assert set(found.runs) == {f"run {seed}" for seed in found.seeds}


def test_a_look_costs_alpha(table: Table, claim: Make, lock: MakeLock) -> None:
    made, registration = registered(claim, lock)
    fixed = claim(seeds=5).named(id="f.py::x", family="f.py")
    level, outcomes = stats.nominal_level(0.05, (5, 10)), set()
    for seed in range(200):
        evidence = rows(table, 5, effect=0.115, seed=seed)
        p = one(fixed, evidence, lock=lock(fixed)).assertions[0].p_support
        words = (
            one(fixed, evidence, lock=lock(fixed)).verdict,
            one(made, evidence, lock=registration).verdict,
        )
        if level < p <= 0.05:
            assert words == ("supported", "inconclusive")
            outcomes.add("between")
            break
    assert outcomes == {"between"}


def test_seeds_beyond_the_plan_are_shown_apart_and_never_decide(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    made, registration = registered(claim, lock, seeds=5, looks=())
    planned = rows(table, 5)
    more = pd.concat([planned, rows(table, 4, effect=-0.5, start=20)])
    alone, beside = (one(made, e, lock=registration) for e in (planned, more))
    assert (beside.verdict, beside.n, beside.estimate) == (alone.verdict, 5, alone.estimate)
    assert beside.beyond_plan == (20, 21, 22, 23)
    extra = more[more["seed"] >= 20].pivot(index="seed", columns="arm", values="value")
    assert beside.assertions[0].beyond == pytest.approx((extra["a"] - extra["b"]).mean())
    assert (alone.beyond_plan, alone.assertions[0].beyond) == ((), None)


@pytest.mark.parametrize(
    "looks", [(10, 5), (5, 5, 10), (1, 10), (5, 9), (5, 11), 7, (5.0, 10), "ab"]
)
def test_looks_that_are_no_plan_are_named(claim: Make, looks: Any) -> None:
    with pytest.raises(fe.FaevalError, match=r"looks=.* rising"):
        claim(seeds=10, looks=looks)


def test_looks_by_setting_must_fit_the_plan_of_each(claim: Make) -> None:
    plans = {"toy": 10, "other": 5}
    with pytest.raises(fe.FaevalError, match=r"looks=.* mapping"):
        claim(seeds=plans, looks=(5, 10))
    made = claim(seeds=plans, looks={"toy": (5, 10)})
    assert [made.looks_in(s) for s in ("toy", "other", "third")] == [(5, 10), (), ()]
    assert claim(seeds=10).looks_in("toy") == ()
    with pytest.raises(fe.FaevalError, match="are for test='t'"):
        claim(seeds=10, looks=(5, 10), test="sign")


def test_looks_belong_to_what_is_registered_and_their_absence_changes_no_hash(claim: Make) -> None:
    assert claim(seeds=10).sha256() != claim(**PLAN).sha256()
    assert "looks" not in claim(seeds=10).canonical()


def test_power_and_detectable_effect_pay_for_the_looks(
    table: Table, claim: Make, lock: MakeLock
) -> None:
    from faeval.claims import Spread

    made = claim(anticipated=0.14, **PLAN).named(id="f.py::x", family="f.py")
    pilots = {"f.py::x": {"toy": [Spread(n=6, mean=0.1, sd=0.03)]}}
    found = one(made, rows(table, 10, effect=0.11), lock=lock(made, pilots=pilots)).assertions[0]
    level = stats.nominal_level(0.05, (5, 10))
    assert found.power == stats.power(0.04, 0.03, 10, level) < stats.power(0.04, 0.03, 10, 0.05)
    assert found.detectable_in_sd == stats.detectable_effect(10, level)
