"""Metrics of one's own: registered, run at kept checkpoints, tried by the kit, and refused to
claims where they fail.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import faeval as fe
from faeval.bench.audits import cosine, registered, rho
from faeval.bench.settings import _conformance, build
from faeval.bench.tasks import load as load_task
from faeval.bench.training import evaluation_inputs
from faeval.campaign import Execution, Need, execute, plan
from faeval.errors import FaevalError
from faeval.evidence import Store
from faeval.experiment import METRICS, Metric, RunOptions, _components as registry, experiment

TEACHER = experiment("teacher")
DFA = fe.Arm("dfa", epochs=2, width=16, blocks=2)
PENALISED = DFA.but(penalty=0.01)
MARGIN = fe.Margin(0.01, "for a test")


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


def own_cosine(credit: Tensor, gradient: Tensor) -> Tensor:
    return cosine(credit, gradient)


def own_rho(credit: Tensor, gradient: Tensor) -> float:
    return rho(credit, gradient)


def own_norm(signal: np.ndarray) -> np.ndarray:
    """In NumPy; scaled, so that no square overflows."""
    top = np.abs(signal).max(axis=1, initial=0.0)
    safe = np.where(top > 0, top, 1.0).astype(np.float64)
    return np.where(top > 0, safe * np.sqrt(((signal / safe[:, None]) ** 2).sum(axis=1)), top)


def own_change(loss: Any, state: Tensor, credit: Tensor, step: float) -> Tensor:
    return loss(state - step * credit) - loss(state)


def clamped(credit: Tensor, gradient: Tensor) -> Tensor:
    return torch.nn.functional.cosine_similarity(credit, gradient)


def unsigned(credit: Tensor, gradient: Tensor) -> Tensor:
    return cosine(credit, gradient).abs()


def zeroing(credit: Tensor, gradient: Tensor) -> Tensor:
    """Right, but spoils what it is given."""
    found = cosine(credit, gradient)
    credit.zero_()
    return found


def failing(credit: Tensor, gradient: Tensor) -> Tensor:
    if len(credit) > 500:  # on a checkpoint, not in the kit
        raise RuntimeError("out of luck")
    return cosine(credit, gradient)


def averaged(credit: Tensor, gradient: Tensor) -> Tensor:
    return cosine(credit, gradient).mean()


def claim(name: str, **changes: Any) -> fe.Claim:
    sides = [fe.metric(name, arm, layers=fe.deep) for arm in (PENALISED, DFA)]
    return fe.Claim(
        f"of {name}", fe.exceeds(*sides, by=MARGIN), attributed_to="penalty", seeds=2, **changes
    )


def test_a_registered_metric_is_known_to_every_setting_and_run_only_where_it_is_read(
    tmp_path: Path,
) -> None:
    assert "mine" not in TEACHER.metrics
    assert "metric-mine" not in TEACHER.audits
    fe.register_metric("mine", own_cosine, symbol="m", reference="here", best=1.0, better="higher")
    assert TEACHER.metrics["mine"].description.startswith("mine, ")
    assert replace(TEACHER.metrics["mine"], description="") == Metric(
        "mine",
        "",
        low=-1.0,
        high=1.0,
        better="higher",
        layered=True,
        instrument="float64",
        symbol="m",
        reference="here",
        best=1.0,
        kind="alignment",
        function="own_cosine",
    )
    assert list(TEACHER.metrics) == [*METRICS, "mine"]
    store = Store(tmp_path)

    def audits(*metrics: str) -> set[str]:
        (job,) = plan([Need(TEACHER, DFA, 1, frozenset(metrics))], store).jobs
        return set(job.audits)

    assert audits("cosine") == {"alignment", "accuracy"}
    assert audits("cosine", "mine") == {"alignment", "accuracy", "metric-mine"}

    def key() -> str:
        (job,) = plan([Need(TEACHER, DFA, 1, frozenset({"mine"}))], store).jobs
        return job.audits["metric-mine"]

    first = key()
    fe.register_metric("mine", own_cosine, revision="2")
    second = key()
    fe.register_metric("mine", own_cosine, revision="2", tolerance=1e-6)
    assert len({first, second, key()}) == 3


@pytest.mark.parametrize(
    ("ours", "mine", "kind"),
    [
        ("cosine", own_cosine, "alignment"),
        ("rho", own_rho, "correlation"),
        ("credit_norm", own_norm, "norm"),
        ("nudge", own_change, "loss_change"),
    ],
)
def test_ours_written_by_a_stranger_reads_the_same(
    ours: str, mine: Any, kind: str, tmp_path: Path
) -> None:
    fe.register_metric("mine", mine, kind=kind)
    store = Store(tmp_path)
    whole = plan([Need(TEACHER, DFA, 1, frozenset({ours, "mine"}))], store)
    assert not execute(whole, store, Execution(workers=1)).failures
    table = store.table(whole.wanted)
    tried = table[table.metric.str.startswith("mine!")]
    assert len(tried) > 10
    assert set(tried.value) == {1.0}, tried[tried.value != 1].metric.tolist()
    columns = ["epoch", "layer", "status"]
    left, right = (
        table[table.metric == name].set_index(columns).value.sort_index() for name in (ours, "mine")
    )
    assert left.index.equals(right.index)
    assert right.to_numpy() == pytest.approx(left.to_numpy(), rel=1e-12, abs=1e-15)
    if kind == "alignment":
        left, right = (
            table[table.metric == f"{name}@3"].value.to_numpy() for name in (ours, "mine")
        )
        assert len(right) == 3
        assert right == pytest.approx(left, rel=1e-12)


def test_a_kept_checkpoint_is_audited_by_a_new_metric_and_not_trained_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = plan([Need(TEACHER, DFA, 1, frozenset({"cosine"}))], store)
    execute(first, store, Execution(workers=1))
    written = store.training_path(first.jobs[0].key).stat().st_mtime_ns
    fe.register_metric("mine", own_cosine)
    second = plan([Need(TEACHER, DFA, 1, frozenset({"cosine", "mine"}))], store)
    assert [(job.train, job.missing) for job in second.jobs] == [(False, ("metric-mine",))]
    execute(second, store, Execution(workers=1))
    assert store.training_path(first.jobs[0].key).stat().st_mtime_ns == written
    assert "mine" in set(store.table(second.wanted).metric)


def test_a_claim_is_invalid_for_the_properties_that_it_needs_alone(tmp_path: Path) -> None:
    fe.register_metric("unsigned", unsigned)
    fe.register_metric("clamped", clamped, tolerance=1e-9)
    fe.register_metric("mine", own_cosine)
    claims = [
        claim("unsigned"),
        claim("clamped"),
        claim("mine"),
        claim("unsigned", about="instrument"),
    ]
    report = fe.verify(claims, store=tmp_path / "store", workers=1)
    of_unsigned, of_clamped, of_mine, of_the_instrument = report.verdicts
    assert (of_unsigned.verdict, of_unsigned.reason_code) == ("invalid", "metric_nonconforming")
    assert re.search(r"'unsigned' .*; faeval check-metric ", of_unsigned.detail)
    assert of_mine.verdict in ("supported", "refuted", "inconclusive")
    assert of_the_instrument.reason_code != "metric_nonconforming"
    # At the norms of these checkpoints the clamp is never met, and no row is zero: the claim needs
    # no more.
    assert of_clamped.verdict == of_mine.verdict
    assert of_clamped.estimate == pytest.approx(of_mine.estimate)
    again = fe.decide(claims, tmp_path / "store", setting="teacher")
    assert [v.reason_code for v in again] == [v.reason_code for v in report.verdicts]
    # What was found is in the record: the counterexample, what was not tried, and what was
    # accepted.
    notes = {r.name: r.notes for r in Store(tmp_path / "store").records() if hasattr(r, "name")}
    assert re.search(r"\beps\b.*\bclamps\b", str(notes["metric-clamped"]["failures"]))
    assert notes["metric-clamped"]["tolerance"] == 1e-9
    assert "passes 1 by rounding" in str(notes["metric-clamped"]["noted"])
    assert "CUDA agrees" in str(notes["metric-clamped"]["skipped"]) or torch.cuda.is_available()
    # A state that the claim reads, on whose signals the property fails, or on which nobody looked,
    # makes it invalid.
    table = Store(tmp_path / "store").table()
    of_state = (
        (table.metric == "clamped!scale of the loss") & (table.layer == 2) & (table.epoch == 2)
    )
    of_state = of_state.fillna(False)
    assert of_state.sum() == 4
    lost = table[~of_state]
    table.loc[of_state, "value"] = 0.0
    for changed in (table, lost):
        assert (
            fe.decide(claims[1:2], changed, setting="teacher")[0].reason_code
            == "metric_nonconforming"
        )


def test_a_margin_is_larger_than_the_error_that_a_metric_accepts(tmp_path: Path) -> None:
    import pandas as pd

    fe.register_metric("mine", own_cosine, tolerance=0.05)
    rows = [
        (
            "teacher",
            TEACHER.canonical(arm).label,
            seed,
            2,
            layer,
            "mine",
            value + seed / 1000,
            "measured",
            f"key:{value}{seed}",
        )
        for arm, value in ((DFA, 0.1), (PENALISED, 0.9))
        for seed in (1, 2)
        for layer in range(3)
    ]
    columns = ["setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run"]
    (verdict,) = fe.decide([claim("mine")], pd.DataFrame(rows, columns=columns), setting="teacher")
    assert verdict.reason_code == "metric_nonconforming"
    assert "tolerance=0.05" in verdict.detail
    with pytest.raises(FaevalError, match=r"metric 'mine': tolerance=0\.5 \(float\) .*\b0\b"):
        fe.register_metric("mine", own_cosine, tolerance=0.5)


def test_evidence_of_a_property_decides_whatever_else_is_there() -> None:
    import pandas as pd

    def table(held: float, status: str = "measured") -> pd.DataFrame:
        rows = [
            (
                "s",
                arm,
                seed,
                None,
                None,
                "mine",
                value + seed * (1 + value) / 1000,
                "measured",
                f"key:{arm}{seed}",
            )
            for arm, value in (("a", 0.1), ("b", 0.9))
            for seed in (1, 2, 3)
        ]
        rows.append(("s", "a", 1, None, None, "mine!bounds", held, status, "key:a1"))
        return pd.DataFrame(
            rows,
            columns=[
                "setting",
                "arm",
                "seed",
                "epoch",
                "layer",
                "metric",
                "value",
                "status",
                "run",
            ],
        )

    a, b = (fe.metric("mine", fe.Arm(arm)) for arm in "ab")
    one = fe.Claim("b is above a", fe.exceeds(b, a, by=MARGIN), attributed_to="rule", seeds=3)
    assert [fe.decide([one], table(1.0))[0].verdict] == ["supported"]
    for held, status in (
        (0.0, "measured"),
        (math.nan, "undefined"),
        (0.5, "measured"),
        (1.0, "diverged"),
    ):
        assert fe.decide([one], table(held, status))[0].reason_code == "metric_nonconforming"
    spared = table(0.0).replace(
        {"metric": {"mine!bounds": "mine!float16"}}
    )  # audits are in float64
    assert fe.decide([one], spared)[0].verdict == "supported"


@pytest.mark.slow
def test_a_metric_that_fails_on_a_checkpoint_hurts_only_the_claims_that_read_it(
    tmp_path: Path,
) -> None:
    fe.register_metric("failing", failing)
    fe.register_metric("averaged", averaged)
    cosines = [fe.cosine(arm) for arm in (PENALISED, DFA)]
    ours = fe.Claim("ours", fe.exceeds(*cosines, by=MARGIN), attributed_to="penalty", seeds=2)
    report = fe.verify([claim("failing"), claim("averaged"), ours], store=tmp_path, workers=1)
    assert [v.reason_code for v in report.verdicts[:2]] == ["error", "error"]
    told = report.verdicts[0].detail
    assert re.search(r"'failing' .*\b0\b.*RuntimeError: out of luck", told)
    assert report.verdicts[2].verdict in ("supported", "refuted", "inconclusive")


def subject() -> tuple[Any, Any, Tensor, Tensor]:
    task = load_task("teacher")
    network, rule = build(TEACHER.resolve(DFA), 1, task)
    x, y = evaluation_inputs(task, "cpu", 256)
    return network.double().eval(), rule.double().eval(), x.double(), y


def test_what_a_metric_does_to_its_arguments_stays_with_it() -> None:
    about = Metric("mine", layered=True, kind="alignment", instrument="float64")
    given = subject()
    clean = registered(about, own_cosine, *given, 1, numpy=False)
    assert registered(about, zeroing, *given, 1, numpy=False) == clean
    chunked = registered(about, own_cosine, *given, 1, numpy=False, chunk=50)
    assert [r["value"] for r in chunked] == pytest.approx([r["value"] for r in clean], rel=1e-12)


def test_where_the_instrument_fails_its_control_a_metric_of_ones_own_is_below_floor() -> None:
    network, rule, x, y = subject()
    with torch.no_grad():
        network.head.weight.mul_(1e-13)  # changes of the loss drown in rounding
    about = Metric("mine", layered=True, kind="alignment", instrument="float64")
    found = registered(about, own_cosine, network, rule, x, y, 1, numpy=False)
    assert {r["status"] for r in found} == {"below_floor"}
    # Nor is a clamp met unseen: what it fails is said of the signals at each state, and what it
    # holds there too.
    failed = ("bounds", "no sample", "scale of the loss", "undefined where there is no direction")
    rows = registered(about, clamped, network, rule, x, y, 1, numpy=False, failed=failed)
    told = {r["metric"]: r["value"] for r in rows if "!" in r["metric"] and r["layer"] == 1}
    assert told == {
        "mine!scale of the loss": 0.0,
        "mine!undefined where there is no direction": 1.0,
    }
    free = Metric("mine", layered=True, kind="norm")
    assert {
        r["status"] for r in registered(free, own_norm, network, rule, x, y, 1, numpy=True)
    } == {"measured"}


def test_a_metric_of_the_wrong_shape_is_named() -> None:
    about = Metric("mine", layered=True, kind="alignment")
    with pytest.raises(
        FaevalError,
        match=r"metric 'mine' .*\(\); .*'alignment' .*\(256,\)",
    ):
        registered(about, averaged, *subject(), 1, numpy=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "cosine"}, r"metric 'cosine' is one of faeval's own"),
        ({"name": "two words"}, r"metric: the name 'two words' must be one word"),
        (
            {"metric": 3},
            r"metric 'mine': 3 \(int\) makes no metric; give a class, a function, or a path",
        ),
        ({"kind": "distance"}, r"metric 'mine': kind='distance' is not one of 'alignment'"),
        (
            {"better": "more"},
            r"metric 'mine': better='more' must be 'higher', 'lower', or left out",
        ),
        ({"range": (1, 0)}, r"metric 'mine': range=\(1, 0\) must be two numbers"),
    ],
)
def test_what_cannot_be_registered_is_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(FaevalError, match=says):
        fe.register_metric(**{"name": "mine", "metric": own_cosine, **arguments})


@pytest.mark.slow
def test_options_of_a_run_reach_the_metric(tmp_path: Path) -> None:
    """In worker processes a function of a file that cannot be imported travels by value."""
    fe.register_metric("mine", own_change, kind="loss_change")
    store = Store(tmp_path)
    needs = [Need(TEACHER, DFA, seed, frozenset({"mine"})) for seed in (1, 2)]
    whole = plan(needs, store, options=RunOptions(threads=1))
    assert not execute(whole, store, Execution(workers=2)).failures
    assert (store.table(whole.wanted).metric == "mine").sum() == 2 * 2 * 3


# --- our own metrics
# ----------------------------------------------------------------------------------------------


def test_what_is_shipped_of_our_metrics_is_what_the_kit_finds() -> None:
    assert _conformance.SHIPPED.read_text() == _conformance.shipped(), "run what its docstring says"


def test_the_record_of_an_audit_names_what_our_metrics_were_tried_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    whole = plan([Need(TEACHER, DFA, 1, frozenset({"cosine", "nudge"}))], store)
    execute(whole, store, Execution(workers=1))
    notes = {getattr(r, "name", ""): r.notes for r in store.records()}
    assert set(notes["alignment"]["conformance"]) == {
        "cosine",
        "rho",
        "credit_norm",
        "gradient_norm",
        "state_norm",
    }  # type: ignore[arg-type]
    assert notes["alignment"]["conformance"]["rho"]["held"] >= 25  # type: ignore[index, call-overload]
    assert (
        notes["nudging"]["conformance"]["nudge_matched_0.01"]["function"]
        == "faeval.bench.audits:loss_change"
    )  # type: ignore[index, call-overload]
    assert not store.table(whole.wanted).metric.str.contains("!").any()


@pytest.mark.slow
def test_a_metric_of_ours_that_was_changed_is_tried_again_and_refused_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an edit: its source is no longer what was tried."""
    changed = replace(METRICS["cosine"], function=f"{__name__}:clamped")
    monkeypatch.setitem(METRICS, "cosine", changed)
    cosines, rhos = ([of(arm) for arm in (PENALISED, DFA)] for of in (fe.cosine, fe.rho))
    claims = [
        fe.Claim("by cosine", fe.exceeds(*cosines, by=MARGIN), attributed_to="penalty", seeds=2),
        fe.Claim("by rho", fe.exceeds(*rhos, by=MARGIN), attributed_to="penalty", seeds=2),
    ]
    by_cosine, by_rho = fe.verify(claims, store=tmp_path, workers=1).verdicts
    assert by_cosine.reason_code == "metric_nonconforming"
    assert by_rho.reason_code != "metric_nonconforming"


def test_a_reading_that_passes_1_by_rounding_reads_1() -> None:
    about = Metric("mine", low=-1.0, high=1.0, layered=True, kind="alignment")

    def beyond(by: float) -> set[float]:
        def metric(credit: Tensor, gradient: Tensor) -> Tensor:
            return torch.full((len(credit),), 1.0 + by, dtype=torch.float64)

        return {r["value"] for r in registered(about, metric, *subject(), 1, numpy=False)}

    assert beyond(1.2e-7) == {1.0}
    assert min(beyond(1e-3)) > 1.0009
