"""Controls: bounds on the measurement, held on every audited checkpoint; they are no tests and cost
nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import faeval as fe
from faeval.claims import Lock, Verdict

Table = Callable[..., pd.DataFrame]
Make = Callable[..., fe.Claim]

A, B = fe.Arm("a"), fe.Arm("b")
SOUND = fe.exceeds(
    fe.metric("control", A), by=fe.Margin(0.99, "an instrument that loses 1 % is not believed")
)
SCORES = {"a": [0.5, 0.52, 0.49, 0.51, 0.5], "b": [0.1, 0.12, 0.1, 0.13, 0.11]}


def decided(
    table: Table, claim: fe.Claim, control: pd.DataFrame | None, **arguments: Any
) -> Verdict:
    rows = [table(SCORES, epoch=2)] + ([control] if control is not None else [])
    (verdict,) = fe.decide(claim, pd.concat(rows, ignore_index=True), **arguments)
    return verdict


def control(
    table: Table, values: Sequence[float], epoch: int | None = 2, **more: Any
) -> pd.DataFrame:
    return table({"a": values}, metric="control", epoch=epoch, **more)


def test_controls_that_hold_change_nothing(table: Table, claim: Make) -> None:
    rows = pd.concat([control(table, [0.995] * 5), control(table, [1.0] * 5, epoch=1)])
    plain = decided(table, claim(), rows).to_dict()
    controlled = decided(table, claim(controls=SOUND), rows).to_dict()
    assert plain["verdict"] == "supported"
    (held,) = controlled.pop("controls")
    assert re.fullmatch(r"control\(a\) exceeds 0 .*\b0\.99", held)
    assert plain.pop("controls") == []
    assert controlled == plain  # levels, intervals and all: a control is no test


@pytest.mark.parametrize("seed", [1, 3, 5])
@pytest.mark.parametrize("epoch", [1, 2])
def test_one_checkpoint_where_a_control_fails_is_enough(
    table: Table, claim: Make, seed: int, epoch: int
) -> None:
    values = {e: [0.995] * 5 for e in (1, 2)}
    values[epoch][seed - 1] = 0.99  # the bound itself is not beyond the bound
    rows = pd.concat([control(table, v, epoch=e) for e, v in values.items()])
    found = decided(table, claim(controls=[SOUND]), rows)
    assert (found.verdict, found.reason_code) == ("invalid", "control_failed")
    assert f"seed {seed}, epoch {epoch}" in found.detail
    assert "control(a)" in found.detail


def test_a_control_that_names_an_epoch_is_held_there_alone(table: Table, claim: Make) -> None:
    early = fe.exceeds(fe.metric("control", A, epoch=1), by=fe.Margin(0.99, "r"))
    rows = pd.concat([control(table, [0.995] * 5, epoch=1), control(table, [0.1] * 5, epoch=2)])
    assert decided(table, claim(controls=early), rows).verdict == "supported"
    assert decided(table, claim(controls=SOUND), rows).reason_code == "control_failed"


def test_seeds_that_do_not_decide_are_not_held_to_it(table: Table, claim: Make) -> None:
    rows = control(table, [0.995, 0.995, 0.995, 0.995, 0.1])
    assert decided(table, claim(controls=SOUND), rows, seeds=[1, 2, 3, 4]).verdict == "supported"
    assert decided(table, claim(controls=SOUND), rows).reason_code == "control_failed"


def test_a_control_that_was_not_measured_leaves_the_claim_open(table: Table, claim: Make) -> None:
    for rows in (None, control(table, [0.995] * 4)):
        found = decided(table, claim(controls=SOUND), rows)
        assert (found.verdict, found.reason_code) == ("inconclusive", "evidence_missing")
        assert "control" in found.detail


@pytest.mark.parametrize("status", ["undefined", "diverged", "below_floor"])
def test_an_undefined_control_does_not_hold(table: Table, claim: Make, status: str) -> None:
    rows = control(table, [1.0] * 5)
    rows.loc[2, "status"] = status
    rows.loc[2, "value"] = math.nan if status == "undefined" else 1.0
    found = decided(table, claim(controls=SOUND), rows)
    assert (found.verdict, found.reason_code) == ("invalid", "control_failed")
    assert "seed 3" in found.detail


def test_a_control_failing_after_the_look_that_decides_comes_too_late(
    table: Table, claim: Make
) -> None:
    scores = {k: [*v, *v] for k, v in SCORES.items()}
    looking = claim(id="f::x", family="f", seeds=10, looks=(5, 10), controls=SOUND)
    lock = _lock(looking)
    late = [0.995] * 9 + [0.1]
    rows = pd.concat([table(scores, epoch=2), control(table, late)])
    (found,) = fe.decide(looking, rows, lock=lock)
    assert (found.verdict, found.look) == ("supported", 1)
    early = pd.concat([table(scores, epoch=2), control(table, [0.1, *late[1:]])])
    (found,) = fe.decide(looking, early, lock=lock)
    assert found.reason_code == "control_failed"


def test_controls_are_registered_and_claims_without_keep_their_hash(
    claim: Make, table: Table
) -> None:
    plain, controlled = claim(id="f::x", family="f"), claim(id="f::x", family="f", controls=SOUND)
    assert "controls" not in plain.canonical()
    assert controlled.sha256() != plain.sha256()
    assert controlled.metrics_by_arm()[A] == {"x", "control"}
    found = decided(table, plain, control(table, [1.0] * 5), lock=_lock(controlled))
    assert found.reason_code == "spec_changed"


def _lock(*claims: fe.Claim) -> Lock:
    from faeval.claims import make_lock

    return make_lock(claims, {}, registered="2026-01-01", commit=None)


KINDS = {
    "exceeds": lambda d, m: d > m,
    "below": lambda d, m: d < -m,
    "not_above": lambda d, m: d <= m,
    "not_below": lambda d, m: d >= -m,
    "equivalent": lambda d, m: -m < d < m,
    "agree": lambda d, m: -m < d < m,
}


@given(
    st.sampled_from(sorted(KINDS)),
    # What is measured is finite, or NaN where it is undefined.
    st.lists(st.floats(allow_infinity=False), min_size=1, max_size=4),
    st.floats(0.01, 10),
)
def test_a_bound_holds_where_it_holds_for_every_number(
    kind: str, differences: list[float], margin: float
) -> None:
    a, b = fe.metric("x", A, layers=fe.deep), fe.metric("x", B, layers=fe.deep)
    word = {"within" if kind in ("equivalent", "agree") else "by": fe.Margin(margin, "r")}
    bound = getattr(fe, kind)(a, b, **word)
    holds = bound.region.holds(np.array(differences), bound.margin.value)
    assert holds.tolist() == [KINDS[kind](d, margin) for d in differences]


def test_a_control_by_layer_holds_on_every_layer(table: Table, claim: Make) -> None:
    c, d = (fe.metric(name, A, layers=fe.deep) for name in "cd")
    alike = fe.agree(c, d, within=fe.Margin(0.1, "r"))
    for last, code in ((0.5, "decided"), (0.7, "control_failed")):
        rows = [
            table({"a": [value] * 5}, metric=name, epoch=2, layer=layer)
            for name, values in (("c", (0.5, 0.5)), ("d", (0.5, last)))
            for layer, value in enumerate(values, 1)
        ]
        assert decided(table, claim(controls=alike), pd.concat(rows)).reason_code == code


def test_a_control_runs_what_it_reads(tmp_path: Any) -> None:
    def run(arm: Any, seed: int) -> dict[str, float]:
        return {"x": 0.5 * arm["dose"] + 0.01 * (seed % 3), "control": arm["sound"]}

    toy = fe.Experiment(
        "toy", run, factors={"dose": 0, "sound": 1.0}, metrics={"x": None, "control": (0, 1)}
    )
    low, high = fe.Arm(), fe.Arm(dose=1)
    elsewhere = fe.exceeds(fe.metric("control", fe.Arm(sound=0.5)), by=fe.Margin(0.9, "r"))
    made = fe.Claim(
        "More",
        fe.exceeds(fe.metric("x", high), fe.metric("x", low), by=fe.Margin(0.1, "r")),
        attributed_to="dose",
        controls=elsewhere,
        experiment=toy,
    )
    report = fe.verify(made, setting="toy", store=tmp_path, workers=1)
    assert report.verdicts[0].reason_code == "control_failed"
    assert "0.5" in report.verdicts[0].detail
