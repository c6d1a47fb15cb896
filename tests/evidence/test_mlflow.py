"""Import from a real MLflow tracking store: a folder and an SQLite file. `tox -e mlflow` has
MLflow.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import pytest

import faeval as fe
from faeval.errors import EvidenceError
from faeval.evidence import csv_bytes, import_mlflow

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: tox -e mlflow")
# What MLflow's own packages warn of is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=["folder", "sqlite"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Any]:
    """A tracking store with an experiment of two arms at three seeds."""
    path = tmp_path_factory.mktemp("mlflow") / (
        "runs" if request.param == "folder" else "mlflow.db"
    )
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = (
        "true"  # newer versions write folders only where this is set
    )
    client = mlflow.MlflowClient(
        tracking_uri=str(path) if request.param == "folder" else f"sqlite:///{path}"
    )
    experiment = client.create_experiment("lr study")
    for rate in (0.1, 0.01):
        for seed in (1, 2, 3):
            run = client.create_run(experiment).info.run_id
            for name, value in {
                "optimizer": "adam",
                "lr": rate,
                "nesterov": False,
                "seed": seed,
            }.items():
                client.log_param(run, name, value)
            for step in (1, 2):
                client.log_metric(run, "val acc", 0.5 + rate + 0.01 * seed * step, step=step)
            client.set_terminated(run, "FINISHED")
    client.create_experiment("another")
    del os.environ["MLFLOW_ALLOW_FILE_STORE"]
    return str(path), client


OPTIONS: dict[str, Any] = {
    "setting": "lr",
    "arm": {"rule": "optimizer", "lr": "lr", "nesterov": "nesterov"},
    "metrics": {"accuracy": "val acc"},
}


def test_parameters_become_arms_and_last_values_numbers(store) -> None:
    found = import_mlflow(store[0], "lr study", **OPTIONS)
    lines = csv_bytes(found.table).decode().splitlines()[1:]
    assert [line.rpartition(",mlflow:")[0] for line in lines] == [
        f"lr,adam+lr={rate}+nesterov=false,{seed},2,,accuracy,"
        f"{0.5 + rate + 0.01 * seed * 2!r},measured"
        for rate in (0.01, 0.1)
        for seed in (1, 2, 3)
    ]
    assert found.notes == ("6 runs, 1 metrics",)
    everything = import_mlflow(store[0], "lr study", arm=["lr"])
    assert set(everything.table["metric"]) == {"val acc"}
    assert set(everything.table["setting"]) == {"lr study"}


def test_every_step_becomes_an_epoch(store) -> None:
    table = import_mlflow(store[0], "lr study", epochs=True, **OPTIONS).table
    assert len(table) == 12
    assert set(table["epoch"]) == {1, 2}


def test_a_step_is_an_epoch_by_which_arms_and_runs_may_differ(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("toy")
    ends = {"a": (3, 3, 3), "longer": (5, 5, 5), "stopped": (2, 3, 3)}
    for arm, steps in ends.items():
        for seed, end in enumerate(steps, 1):
            run = client.create_run(experiment).info.run_id
            client.log_param(run, "rule", arm)
            client.log_param(run, "seed", seed)
            client.log_metric(run, "final", 0.5)  # without a step
            for step in range(1, end + 1):
                client.log_metric(
                    run, "acc", 0.1 * step + 0.001 * seed * (arm == "longer"), step=step
                )
            client.set_terminated(run, "FINISHED")

    def read(**options: Any) -> Any:
        return import_mlflow(uri, "toy", arm=["rule"], **options).table

    with pytest.raises(
        EvidenceError,
        match=r"\bstopped .*\bacc: .*\b1 at 2, .*\b2 at 3\b",
    ):
        read()
    assert set(read(metrics=["final"])["epoch"].isna()) == {True}
    table = read(take="last")
    assert list(table[(table["arm"] == "stopped") & (table["metric"] == "acc")]["epoch"]) == [
        2,
        3,
        3,
    ]
    assert set(read(metrics=["acc"], take=2)["epoch"]) == {2}
    # The best of a run is known at its end.
    best, last = (read(metrics=["acc"], take=take) for take in ("min", "last"))
    assert best["epoch"].tolist() == last["epoch"].tolist()
    assert (best["value"] <= last["value"]).all()
    with pytest.raises(EvidenceError, match="give one"):
        read(epochs=True, take=2)
    longer, a = fe.metric("acc", fe.Arm("longer")), fe.metric("acc", fe.Arm("a"))
    claim = fe.Claim(
        "It learns more", fe.exceeds(longer, a, by=fe.Margin(0.05, "r")), attributed_to="rule"
    )
    assert fe.decide(claim, table)[0].reason_code == "confounded"
    assert fe.decide(claim, read(metrics=["acc"], take=2))[0].verdict == "refuted"


def test_what_is_not_there_is_named(store, tmp_path: Path) -> None:
    for changes, says in (
        ({"experiment": "none"}, "no experiment 'none'; there are .*'lr study'"),
        ({"seed": "random_state"}, "has no parameter 'random_state' for the seed; it has"),
        ({"arm": ["optimizer"]}, "several rows are of one key"),
    ):
        with pytest.raises(EvidenceError, match=says):
            import_mlflow(store[0], **{"experiment": "lr study", **OPTIONS, **changes})
    for missing in (str(tmp_path / "none"), f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(EvidenceError, match="no such file"):
            import_mlflow(missing, "lr study", **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_failed_is_an_outcome_and_one_that_goes_on_is_left_out(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("toy")

    def run(arm: str, seed: int, status: str, steps: int) -> str:
        made = client.create_run(experiment).info.run_id
        client.log_param(made, "rule", arm)
        client.log_param(made, "seed", seed)
        for step in range(1, steps + 1):
            client.log_metric(made, "loss", 1 / step + 0.01 * seed, step=step)
        if status != "RUNNING":
            client.set_terminated(made, status)
        return made

    for seed in (1, 2, 3):
        run("a", seed, "FINISHED", 3)
        run("b", seed, "FINISHED", 3)
        run("longer", seed, "FINISHED", 5)
    failed = [run("a", 4, "FAILED", 1), run("a", 5, "KILLED", 3), run("a", 6, "FAILED", 0)]
    going = run("b", 4, "RUNNING", 2)
    found = import_mlflow(uri, "toy", arm=["rule"])
    rows = found.table.set_index(["arm", "seed"])
    for seed in (4, 5, 6):
        assert rows.loc[("a", seed), "status"] == "diverged"
        assert math.isnan(rows.loc[("a", seed), "value"])
    assert ("b", 4) not in rows.index
    assert re.fullmatch(rf"3 runs .*diverged: {', '.join(sorted(failed))}", found.notes[1])
    assert re.fullmatch(rf"1 runs .*left out: {going}", found.notes[2])

    stepped = import_mlflow(uri, "toy", arm=["rule"], epochs=True).table
    at = stepped[(stepped["arm"] == "a") & (stepped["seed"] > 3)]
    assert list(zip(at["seed"], at["epoch"], at["status"], strict=True)) == [
        *[(4, 1, "measured"), (4, 3, "diverged")],
        *[(5, 1, "measured"), (5, 2, "measured"), (5, 3, "diverged")],
        (6, 3, "diverged"),
    ]
    client.log_metric(going, "loss", 0.4, step=3)
    client.set_terminated(going, "FINISHED")
    a, b = (fe.metric("loss", fe.Arm(name)) for name in "ab")
    claim = fe.Claim(
        "a is no worse", fe.not_above(a, b, by=fe.Margin(0.1, "a reason")), attributed_to="rule"
    )
    for epochs in (False, True):
        table = import_mlflow(uri, "toy", arm=["rule"], epochs=epochs).table
        assert fe.decide(claim, table, seeds=[1, 2, 3, 4])[0].reason_code == "diverged"
    client.delete_run(failed[0])
    assert ("a", 4) not in import_mlflow(uri, "toy", arm=["rule"]).table.set_index(
        ["arm", "seed"]
    ).index
