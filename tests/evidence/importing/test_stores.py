"""Stores of other programs: trials of Optuna and runs of MLflow, written by their own clients."""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from faeval.errors import EvidenceError
from faeval.evidence.importing import cells_of_store

# What the packages of others warn of is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


def said(cells: Any, *words: str) -> bool:
    return any(all(word in note for word in words) for note in cells.notes)


@pytest.fixture
def optuna() -> Any:
    found = pytest.importorskip("optuna", reason="Optuna is not installed")
    found.logging.set_verbosity(found.logging.ERROR)
    return found


@pytest.fixture(params=["sqlite", "journal"])
def storage(request: pytest.FixtureRequest, optuna: Any, tmp_path: Path) -> tuple[Path, Any]:
    if request.param == "sqlite":
        path = tmp_path / "study.db"
        return path, optuna.storages.RDBStorage(f"sqlite:///{path}")
    path = tmp_path / "study.log"
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return path, optuna.storages.JournalStorage(backend)


def fill(optuna: Any, storage: Any, name: str = "lr study") -> None:
    study = optuna.create_study(storage=storage, study_name=name)
    for seed in (1, 2, 3):
        trial = study.ask()
        trial.suggest_float("lr", 0.1, 0.2)
        trial.suggest_categorical("rule", ["a", "b"])
        trial.set_user_attr("seed", seed)
        study.tell(trial, seed / 10)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    pruned = study.ask()
    pruned.report(0.7, 1)
    study.tell(pruned, state=optuna.trial.TrialState.PRUNED)
    study.ask()  # runs on


def test_trials_come_with_their_states_and_settings(optuna: Any, storage: Any) -> None:
    path, store = storage
    fill(optuna, store)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(EvidenceError, match=r"2 runs have no 'user_attrs\.seed'.*trial 3, trial 4"):
        cells_of_store(f"optuna:{path}")
    cells = cells_of_store(f"optuna:{path}", skip_without_seed=True)
    assert list(cells.table["value"]) == [0.1, 0.2, 0.3]
    assert list(cells.table["user_attrs.seed"]) == [1, 2, 3]
    assert set(cells.table["params.rule"]) <= {"a", "b"}
    assert cells.roles["seed"] == "user_attrs.seed"
    assert said(cells, "2 runs", "left out")
    assert said(cells, "1 trials are not over", "5")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    everything = cells_of_store(f"optuna:{path}", seed="trial")
    assert list(everything.table["state"]) == ["COMPLETE"] * 3 + ["FAIL", "PRUNED"]
    assert everything.table["value"][3] is None
    assert everything.table["value"][4] == 0.7
    assert everything.place(3) == "trial 3"


def test_one_of_several_studies_is_named(optuna: Any, storage: Any) -> None:
    path, store = storage
    fill(optuna, store)
    study = optuna.create_study(
        storage=store, study_name="two", directions=["minimize", "maximize"]
    )
    study.tell(study.ask(), [1.0, 2.0])
    with pytest.raises(EvidenceError, match=r"name the study.*lr study.*two"):
        cells_of_store(f"optuna:{path}")
    with pytest.raises(EvidenceError, match="no study 'three'"):
        cells_of_store(f"optuna:{path}?three")
    for two in (
        cells_of_store(f"optuna:{path}?two").table,
        cells_of_store(f"optuna:{path}", name="two").table,
    ):
        assert two[["values.0", "values.1"]].values.tolist() == [[1.0, 2.0]]
    if path.suffix == ".db":
        assert len(cells_of_store(f"optuna:sqlite:///{path}?two").table) == 1
    study.set_metric_names(["loss", "acc"])
    assert list(cells_of_store(f"optuna:{path}?two").table["acc"]) == [2.0]


def test_no_file_is_made_or_changed_that_is_none_of_optuna(optuna: Any, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no such file"):
        cells_of_store(f"optuna:{tmp_path / 'none.db'}")
    other = tmp_path / "other.db"
    database = sqlite3.connect(other)
    database.execute("create table t (x)")
    database.commit()
    database.close()
    before = other.read_bytes()
    with pytest.raises(EvidenceError, match="none of Optuna's"):
        cells_of_store(f"optuna:{other}")
    assert other.read_bytes() == before
    text = tmp_path / "results.csv"
    text.write_text("method,seed\n")
    with pytest.raises(EvidenceError, match="no study"):
        cells_of_store(f"optuna:{text}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db", "results.csv"]
    empty = tmp_path / "empty.db"
    optuna.storages.RDBStorage(f"sqlite:///{empty}")
    with pytest.raises(EvidenceError, match="no study"):
        cells_of_store(f"optuna:{empty}")


@pytest.mark.parametrize("uri", ["results.csv", "wandb:me/project", "optuna"])
def test_what_is_no_store_is_refused(uri: str) -> None:
    with pytest.raises(EvidenceError, match="no store"):
        cells_of_store(uri)


@pytest.fixture(params=["folder", "sqlite"])
def tracking(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Any]:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: tox -e mlflow")
    path = tmp_path / ("runs" if request.param == "folder" else "mlflow.db")
    uri = str(path) if request.param == "folder" else f"sqlite:///{path}"
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # newer ones write folders only where it is set
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("lr study")
    client.create_experiment("another")
    for rate in (0.1, 0.01):
        for seed in (1, 2, None):
            run = client.create_run(experiment, run_name=f"{rate}-{seed}").info.run_id
            client.log_param(run, "lr", rate)
            if seed is not None:
                client.log_param(run, "seed", seed)
            for step in (1, 2):
                client.log_metric(run, "val acc", rate + step, step=step)
            client.log_metric(run, "final", 5.0)
            client.log_metric(run, "val loss", math.nan, step=2)
            client.set_terminated(run, "FAILED" if seed == 2 and rate == 0.1 else "FINISHED")
    client.create_run(experiment)
    del os.environ["MLFLOW_ALLOW_FILE_STORE"]
    return str(path), client


def test_runs_come_with_their_status_settings_and_last_numbers(tracking: Any) -> None:
    uri = f"mlflow:{tracking[0]}"
    with pytest.raises(EvidenceError, match=r"2 runs have no 'params\.seed'.*skip-without-seed"):
        cells_of_store(uri)
    cells = cells_of_store(uri, skip_without_seed=True)
    table = cells.table.sort_values("run_name", ignore_index=True)
    assert list(table["run_name"]) == ["0.01-1", "0.01-2", "0.1-1", "0.1-2"]
    assert list(table["status"]) == ["FINISHED"] * 3 + ["FAILED"]
    assert list(table["params.seed"]) == ["1", "2", "1", "2"]
    assert list(table["val acc"]) == [2.01, 2.01, 2.1, 2.1]
    assert all(map(math.isnan, table["val loss"]))
    assert cells.roles["seed"] == "params.seed"
    assert said(cells, "2 runs have no", "left out")
    assert said(cells, "1 runs are not over")
    assert cells.place(0) == f"run {cells.table['run_id'][0]}"


def test_steps_are_rows_where_asked(tracking: Any) -> None:
    cells = cells_of_store(f"mlflow:{tracking[0]}?lr study", steps=True, skip_without_seed=True)
    table = cells.table.sort_values(["run_name", "step"], ignore_index=True)
    assert cells.roles["epoch"] == "step"
    assert list(table["step"]) == [1, 2] * 4
    assert list(table["val acc"]) == [1.01, 2.01] * 2 + [1.1, 2.1] * 2
    assert list(table["final"]) == [None, 5.0] * 4


def test_an_experiment_is_named_where_several_have_runs(tracking: Any) -> None:
    path, client = tracking
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    other = client.get_experiment_by_name("another").experiment_id
    client.create_run(other)
    del os.environ["MLFLOW_ALLOW_FILE_STORE"]
    with pytest.raises(EvidenceError, match=r"name the experiment.*'lr study'"):
        cells_of_store(f"mlflow:{path}")
    with pytest.raises(EvidenceError, match="no run that is over"):
        cells_of_store(f"mlflow:{path}", name="another")


def test_a_storage_may_be_a_url_and_decides(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    from faeval.evidence.importing import Said, cells_of_files, read_results

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="s", storage=url)
    for method, seed in (("ours", 1), ("ours", 2), ("base", 1), ("base", 2)):
        study.enqueue_trial({"method": method, "seed": seed})

    def objective(trial: Any) -> float:
        method = trial.suggest_categorical("method", ["ours", "base"])
        return float(trial.suggest_int("seed", 1, 2) + 10 * (method == "ours"))

    study.optimize(objective, n_trials=4)
    cells = cells_of_files([f"optuna:{url}"])
    reading = read_results(cells, Said(), setting="s", sides=("ours", "base"))
    assert reading.table["value"].tolist() == [1, 2, 11, 12]
