"""Why a claim is not decided: each reason code, reached from rows that anyone could write."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import faeval as fe
from faeval.claims import Verdict
from faeval.experiment import METRICS, Experiment, Metric
from faeval.reports import reason, to_settle

Table = Callable[..., pd.DataFrame]
Make = Callable[..., fe.Claim]

GOOD = {"a": [0.50, 0.52, 0.49, 0.51, 0.53], "b": [0.1, 0.12, 0.11, 0.09, 0.1]}
NAN = math.nan


def one(claims: Any, evidence: Any, **arguments: Any) -> Verdict:
    (verdict,) = fe.decide(claims, evidence, **arguments)
    return verdict


def code(found: Verdict) -> str:
    return f"{found.verdict}: {found.reason_code}"


def toy(**metrics: Any) -> Experiment:
    return Experiment(
        "toy", lambda arm, seed: {}, factors={"rule": "a"}, metrics=metrics, revision="1"
    )


def changed(rows: pd.DataFrame, arm: str, seed: int, **cells: Any) -> pd.DataFrame:
    rows = rows.copy()
    for column, value in cells.items():
        rows.loc[(rows["arm"] == arm) & (rows["seed"] == seed), column] = value
    return rows


# --- inconclusive ---


def test_no_row_at_all_is_not_run(table: Table, claim: Make) -> None:
    rows = table(GOOD)
    for evidence, seeds in (
        (rows.assign(metric="y"), None),
        (rows.assign(arm="z"), None),
        (rows, [8, 9]),
    ):
        found = one(claim(), evidence, seeds=seeds)
        assert code(found) == "inconclusive: not_run"
        assert (found.n, found.assertions) == (0, ())
    only_early = fe.Claim(
        "x", fe.exceeds(fe.metric("x", fe.Arm("a"), epoch=7), by=fe.Margin(0, "r"))
    )
    assert code(one(only_early, table(GOOD, epoch=3))) == "inconclusive: not_run"


def test_rows_without_an_epoch_are_not_those_of_an_epoch_asked_for(table: Table) -> None:
    early = fe.Claim("x", fe.exceeds(fe.metric("x", fe.Arm("a"), epoch=1), by=fe.Margin(0, "r")))
    assert code(one(early, table(GOOD))) == "inconclusive: not_run"


def test_a_seed_with_part_of_its_rows_is_evidence_missing(table: Table, claim: Make) -> None:
    rows = table(GOOD)
    partial = rows[~((rows["arm"] == "b") & (rows["seed"] == 3))]
    found = one(claim(), partial)
    assert code(found) == "inconclusive: evidence_missing"
    assert "x(b) at seed 3" in found.detail
    assert re.search(r"\brun .*missing", to_settle(found))
    assert code(one(claim(), rows[rows["arm"] == "a"])) == "inconclusive: evidence_missing"


def test_a_state_that_is_missing_at_one_seed_is_evidence_missing(table: Table) -> None:
    rows = pd.concat([table(GOOD, layer=layer) for layer in (0, 1, 2)])
    deep = fe.Claim(
        "x", fe.exceeds(fe.metric("x", fe.Arm("a"), layers=fe.deep), by=fe.Margin(0.1, "r"))
    )
    assert one(deep, rows).verdict == "supported"
    without = rows[~((rows["arm"] == "a") & (rows["seed"] == 2) & (rows["layer"] == 2))]
    assert code(one(deep, without)) == "inconclusive: evidence_missing"
    embedding = rows[~((rows["seed"] == 2) & (rows["layer"] == 0))]
    assert one(deep, embedding).verdict == "supported"  # it does not read state 0


def test_seeds_wholly_absent_are_a_plan_not_reached_and_what_is_there_is_shown(
    table: Table, claim: Make
) -> None:
    found = one(claim(), table(GOOD), seeds=[1, 2, 3, 6, 7])
    assert code(found) == "inconclusive: plan_not_reached"
    assert "6, 7" in found.detail
    assert found.seeds == (1, 2, 3)
    assert found.estimate == pytest.approx(np.subtract(GOOD["a"], GOOD["b"])[:3].mean())
    assert found.adjusted_support == 1.0


def test_one_seed_decides_nothing(table: Table, claim: Make) -> None:
    found = one(claim(), table({"a": [0.9], "b": [0.1]}))
    assert code(found) == "inconclusive: unattainable"
    assert found.n == 1
    assert np.isnan(found.interval).all()


@pytest.mark.parametrize(
    ("test", "n", "reached"),
    [("sign", 4, False), ("sign", 5, True), ("sign-flip", 4, False), ("sign-flip", 5, True)],
)
def test_an_exact_test_needs_the_seeds_that_its_smallest_p_needs(
    table: Table, claim: Make, test: str, n: int, reached: bool
) -> None:
    # 2^-4 = .0625 and 2^-5 = .03125 against .05: the smallest p of a sign-flip or sign test at 4
    # and at 5 seeds.
    found = one(claim(test=test), table({arm: column[:n] for arm, column in GOOD.items()}))
    assert found.attainable_p == 2.0**-n
    assert found.verdict == ("supported" if reached else "inconclusive")
    if not reached:
        assert found.reason_code == "unattainable"
        assert "0.0625" in reason(found)
    # Beside a claim that fails, the level is .025, which five seeds cannot reach either.
    family = [claim(test=test), claim("exceeds", 9.0, sentence="other", test=test)]
    assert code(fe.decide(family, table(GOOD))[0]) == "inconclusive: unattainable"


def test_differences_without_spread_are_never_decided(table: Table, claim: Make) -> None:
    same = {"a": [0.31] * 5, "b": [0.30] * 5}
    noise = {
        "a": [0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3, 0.3],
        "b": [0.1] * 5,
    }  # 0.1 + 0.2 is 0.30000000000000004
    moving = {"a": [0.31, 0.41, 0.51, 0.61, 0.71], "b": [0.30, 0.40, 0.50, 0.60, 0.70]}
    assert len(set(np.subtract(moving["a"], moving["b"]))) > 1  # float noise, which is no spread
    for values in (same, noise, moving):
        for kind in ("exceeds", "below", "not_above", "equivalent"):
            found = one(claim(kind, 0.001), table(values))
            assert code(found) == "inconclusive: no_spread"


def test_an_interval_that_holds_the_margin_is_open_and_says_what_it_takes(
    table: Table, claim: Make
) -> None:
    near = {"a": [0.30, 0.34, 0.32, 0.33, 0.31], "b": [0.2, 0.23, 0.23, 0.21, 0.22]}
    found = one(claim(), table(near))
    assert code(found) == "inconclusive: straddles_margin"
    assert found.interval[0] <= 0.1 <= found.interval[1]
    assert "register" in to_settle(found)
    wide = one(claim(), table({"a": [0.1, 0.9, 0.3, 0.6, 0.2], "b": [0.2, 0.2, 0.1, 0.3, 0.2]}))
    assert code(wide) == "inconclusive: underpowered"


# --- invalid ---

BAD_CELLS: dict[str, tuple[dict[str, Any], str]] = {
    "below the floor": ({"status": "below_floor"}, "below_floor"),
    "undefined": ({"status": "undefined", "value": NAN}, "undefined"),
    "undefined, with a number": ({"status": "undefined", "value": 0.0}, "undefined"),
    "NaN marked measured": ({"value": NAN}, "undefined"),
    "infinity marked measured": ({"value": math.inf}, "undefined"),
    "minus infinity marked measured": ({"value": -math.inf}, "undefined"),
    "diverged": ({"status": "diverged", "value": NAN}, "diverged"),
    "diverged, with a number": ({"status": "diverged", "value": 0.5}, "diverged"),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_one_bad_row_makes_the_claim_that_reads_it_invalid_and_no_other(
    table: Table, claim: Make, case: str
) -> None:
    cells, reason = BAD_CELLS[case]
    rows = changed(table({**GOOD, "c": GOOD["a"]}), "a", 4, **cells)
    other = fe.exceeds(
        fe.metric("x", fe.Arm("c")), fe.metric("x", fe.Arm("b")), by=fe.Margin(0.1, "r")
    )
    hurt, spared = fe.decide([claim(), fe.Claim("c", other, attributed_to="rule")], rows)
    assert code(hurt) == f"invalid: {reason}"
    assert "'a' at seed 4" in hurt.detail
    assert spared.verdict == "supported"
    assert (
        one(claim(), rows, seeds=[1, 2, 3, 5]).verdict == "supported"
    )  # it does not read that seed


def test_a_repeated_key_is_no_replicate(table: Table, claim: Make) -> None:
    rows = table(GOOD)
    for copies in (2, 5):
        found = one(claim(), pd.concat([rows, *[rows[rows["seed"] == 2]] * (copies - 1)]))
        assert code(found) == "invalid: unit_mismatch"
        assert f"{copies} times" in found.detail
    differing = pd.concat(
        [rows, changed(rows, "a", 2, value=0.7).query("arm == 'a' and seed == 2")]
    )
    assert code(one(claim(), differing)) == "invalid: unit_mismatch"


def test_rows_below_the_seed_are_refused_with_what_they_would_have_done(
    table: Table, claim: Make
) -> None:
    rng = np.random.default_rng(0)
    rows = pd.concat(
        [
            table({a: (np.array(v) + rng.normal(0, 0.01, 5)).tolist() for a, v in GOOD.items()})
            for _ in range(8)
        ]
    )
    found = one(claim(), rows)
    assert code(found) == "invalid: unit_mismatch"
    assert {"40", "5"} <= set(found.detail.split())  # rows, and the seeds that they are of
    assert found.assertions == ()
    layers = pd.concat([table(GOOD, layer=layer) for layer in (1, 2, 3)])
    whole = fe.Claim("x", fe.exceeds(fe.metric("x", fe.Arm("a")), by=fe.Margin(0.1, "r")))
    offered = one(whole, layers)
    assert code(offered) == "invalid: unit_mismatch"
    assert "layers=" in offered.detail
    assert {"15", "5"} <= set(offered.detail.split())


def test_agreement_needs_the_same_states_on_both_sides(table: Table) -> None:
    rows = pd.concat([table(GOOD, layer=layer, metric=m) for layer in (1, 2) for m in "xy"])
    x, y = (fe.metric(m, fe.Arm("a"), layers=fe.deep) for m in "xy")
    claim = fe.Claim("x", fe.agree(x, y, within=fe.Margin(0.1, "r")))
    assert one(claim, rows).reason_code == "no_spread"
    more = pd.concat([rows, table(GOOD, layer=3, metric="y")])
    assert code(one(claim, more)) == "invalid: unit_mismatch"
    lone = fe.metric("y", fe.Arm("a"), layers=1)
    assert (
        code(one(fe.Claim("x", fe.agree(x, lone, within=fe.Margin(0.1, "r"))), rows))
        == "invalid: unit_mismatch"
    )


@pytest.mark.parametrize(
    ("value", "legal"),
    [(1.0, True), (0.0, True), (1.0 + 1e-12, True), (1.001, False), (-0.01, False)],
)
def test_a_value_outside_its_metrics_range_is_no_value(
    table: Table, claim: Make, value: float, legal: bool
) -> None:
    rows = changed(table(GOOD), "a", 1, value=value)
    found = one(claim(experiment=toy(x=(0, 1))), rows)
    assert (found.reason_code == "out_of_range") is not legal
    if not legal:
        assert found.verdict == "invalid"
        assert "[0, 1]" in found.detail
    assert one(claim(experiment=toy(x=None)), rows).reason_code != "out_of_range"


@pytest.mark.parametrize(
    ("kind", "a_diverged", "b_diverged"),
    [("exceeds", 0.0, 1.0), ("not_below", 0.0, 1.0), ("below", 1.0, 0.0), ("not_above", 1.0, 0.0)],
)
def test_a_diverged_run_may_count_as_the_end_of_the_range_that_speaks_against_the_claim(
    table: Table, claim: Make, kind: str, a_diverged: float, b_diverged: float
) -> None:
    made = claim(kind, diverged="worst", experiment=toy(x=(0, 1)))
    for arm, worst in (("a", a_diverged), ("b", b_diverged)):
        found = one(made, changed(table(GOOD), arm, 2, status="diverged", value=NAN))
        side = found.assertions[0].a if arm == "a" else found.assertions[0].b
        assert side.values[1] == worst
        assert found.unseen_failure_bound is not None
        assert found.unseen_failure_bound > 1 - 0.05 ** (1 / 5)  # one failure was seen
    # The same rows without the declaration, and a metric without an end.
    rows = changed(table(GOOD), "a", 2, status="diverged", value=NAN)
    assert code(one(claim(kind, experiment=toy(x=(0, 1))), rows)) == "invalid: diverged"
    assert (
        code(one(claim(kind, diverged="worst", experiment=toy(x=None)), rows))
        == "invalid: diverged"
    )
    half_open = toy(x=Metric("x", low=0.0))
    assert (
        code(one(claim(kind, diverged="worst", experiment=half_open), rows)) == "invalid: diverged"
    )


def test_an_equivalence_has_no_worst_end(table: Table, claim: Make) -> None:
    rows = changed(table(GOOD), "a", 2, status="diverged", value=NAN)
    made = claim("equivalent", diverged="worst", experiment=toy(x=(0, 1)))
    assert code(one(made, rows)) == "invalid: diverged"


def test_seeds_that_end_in_the_same_weights_are_one_run(table: Table, claim: Make) -> None:
    rows = table(GOOD)
    for seed, run in (
        (1, "sha256:aa"),
        (2, "sha256:bb"),
        (3, "sha256:aa"),
        (4, "sha256:cc"),
        (5, "sha256:dd"),
    ):
        rows = changed(rows, "a", seed, run=run)
    found = one(claim(), rows)
    assert code(found) == "invalid: seed_controls_nothing"
    assert "seeds 1 and 3 of 'a'" in found.detail
    assert one(claim(), rows, seeds=[1, 2, 4, 5]).verdict == "supported"
    for plain in (
        rows.assign(run="one"),
        rows.assign(run=""),
        rows.assign(run=rows["run"].str.replace("sha256:", "")),
    ):
        assert (
            one(claim(), plain).verdict == "supported"
        )  # a name that is no hash of weights says nothing
    two_arms = rows.assign(run=[f"sha256:{s}" for s in rows["seed"]])
    assert (
        one(claim(), two_arms).verdict == "supported"
    )  # two arms may share weights; two seeds may not


def test_equal_differences_of_arms_that_share_their_weights_are_one_run(
    table: Table, claim: Make
) -> None:
    rows = table({"a": GOOD["a"], "b": GOOD["a"]})
    runs = {"same": rows["seed"].astype(str), "own": rows["arm"] + rows["seed"].astype(str)}
    for test in ("t", "sign"):
        found = one(claim(test=test), rows.assign(run="sha256:" + runs["same"]))
        assert code(found) == "invalid: same_run"
        assert "'a' and 'b'" in found.detail
        apart = one(claim(test=test), rows.assign(run="sha256:" + runs["own"]))
        assert code(apart) == ("inconclusive: no_spread" if test == "t" else "refuted: decided")
        assert code(one(claim(test=test), rows.assign(run=runs["same"]))) == code(
            apart
        )  # no hash of weights
    # Two metrics of one arm are no two arms.
    a = fe.Arm("a")
    both = pd.concat([table({"a": GOOD["a"]}), table({"a": GOOD["a"]}, metric="y")]).assign(
        run="sha256:1"
    )
    both["run"] += both["seed"].astype(str)
    alike = fe.Claim(
        "x", fe.equivalent(fe.metric("x", a), fe.metric("y", a), within=fe.Margin(0.1, "r"))
    )
    assert code(one(alike, both)) == "inconclusive: no_spread"


def test_equal_differences_have_no_spread_however_the_contrast_is_written(table: Table) -> None:
    b = [0.13, 0.27, 0.35, 0.48, 0.59]
    rows = table({"a": [x + 0.3 for x in b], "b": b})  # equal but for rounding
    a, b_ = (fe.metric("x", fe.Arm(name)) for name in "ab")
    by = fe.Margin(0.1, "r")
    for assertion in (fe.exceeds(a, b_, by=by), fe.exceeds(a - b_, by=by), fe.below(b_ - a, by=by)):
        found = one(fe.Claim("x", assertion, attributed_to="rule"), rows)
        assert code(found) == "inconclusive: no_spread"
        assert "0.3" in found.detail


def test_a_step_of_the_metric_from_the_margin_is_a_tie_within_half_of_it(
    table: Table, claim: Make
) -> None:
    rows = table({"a": [0.3004 + 0.0001 * i for i in range(6)], "b": [0.2] * 6})
    for step, word in ((0.0, "supported"), (0.005, "inconclusive")):
        experiment = toy(x=Metric("x", resolution=step))
        assert one(claim(test="sign", experiment=experiment), rows).verdict == word


def test_a_run_that_raised_is_an_error_of_the_claims_that_read_it(
    table: Table, claim: Make
) -> None:
    rows = table(GOOD)
    without = rows[~((rows["arm"] == "a") & (rows["seed"] == 3))]
    found = one(claim(), without, failures=[("a", 3, "ValueError: no")])
    assert code(found) == "invalid: error"
    assert "'a' at seed 3" in found.detail
    assert "ValueError: no" in found.detail
    assert one(claim(), rows, failures=[("c", 3, "x")]).verdict == "supported"
    # Nobody says which seeds were meant: one that left no row because it failed was.
    assert code(one(claim(), rows, failures=[("a", 99, "x")])) == "invalid: error"
    assert (
        one(claim(), rows, seeds=[1, 2, 3, 4, 5], failures=[("a", 99, "x")]).verdict == "supported"
    )


def test_names_that_a_setting_does_not_have_are_an_error_of_that_claim_alone(
    table: Table, claim: Make
) -> None:
    wrong = fe.Claim(
        "y", fe.exceeds(fe.metric("y", fe.Arm("a")), by=fe.Margin(0.1, "r")), experiment=toy(x=None)
    )
    bad, good = fe.decide([wrong, claim(experiment=toy(x=None))], table(GOOD))
    assert code(bad) == "invalid: error"
    assert "'y'" in bad.detail
    assert bad.flags == ("unregistered",)
    assert good.verdict == "supported"


def test_a_confounded_claim_is_invalid_whatever_the_rows_say(table: Table, claim: Make) -> None:
    for rows in (table(GOOD), table(GOOD).iloc[:2], changed(table(GOOD), "a", 1, value=NAN)):
        found = one(claim(attributed_to="width"), rows)
        assert code(found) == "invalid: confounded"
        assert found.assertions == ()


def test_a_credit_scored_against_itself_is_invalid(table: Table) -> None:
    made = fe.Claim("x", fe.exceeds(fe.cosine(fe.Arm("bp")), by=fe.Margin(0.1, "r")))
    rows = table({"bp": [1.0, 1.0, 1.0]}, metric="cosine", setting="teacher", epoch=20, layer=1)
    assert code(one(made, rows)) == "invalid: exact_by_construction"
    assert METRICS["cosine"].instrument


def test_a_logarithm_of_what_is_not_positive_is_undefined(table: Table) -> None:
    log = fe.exceeds(fe.log10(fe.metric("x", fe.Arm("a"))), by=fe.Margin(0.1, "r"))
    for value in (0.0, -0.1):
        rows = changed(table(GOOD), "a", 2, value=value)
        assert code(one(fe.Claim("x", log), rows)) == "invalid: undefined"
        # A plan that is not reached must not let the logarithm stop every other claim.
        assert code(one(fe.Claim("x", log), rows, seeds=[1, 2, 3, 9])) == "invalid: undefined"


def test_differences_beyond_the_largest_number_are_undefined(table: Table, claim: Make) -> None:
    for a, b in ((1e308, -1e308), (1e308, 0.0), (1e305, 1e305)):
        huge = {"a": [a, 1.1 * a, 1.2 * a], "b": [b, b, b]}
        assert code(one(claim(), table(huge))) == "invalid: undefined"
    assert (
        one(claim(), table({"a": [1e299, 1.1e299, 1.2e299], "b": [0.0] * 3})).verdict == "supported"
    )


def test_rows_that_are_elsewhere_than_they_are_looked_for_are_not_called_absent(
    table: Callable[..., pd.DataFrame], claim: Callable[..., fe.Claim]
) -> None:
    rows = table({"a": [0.5, 0.6, 0.7], "b": [0.1, 0.2, 0.3]}, epoch=3)
    x = [fe.metric("x", fe.Arm(arm), epoch=4) for arm in "ab"]
    late = fe.Claim("late", fe.exceeds(*x, by=fe.Margin(0.1, "r")), attributed_to="rule")
    (verdict,) = fe.decide(late, rows)
    assert verdict.reason_code == "not_run"
    assert "x(a, epoch=4) or x(b, epoch=4)" in verdict.detail
    (verdict,) = fe.decide(claim(), rows, setting="toy", seeds=[7, 8])
    assert {"7, 8", "1, 2, 3"} <= {*re.findall(r"\d(?:, \d)+", verdict.detail)}
