"""faeval audit and its errors, as real subprocesses on a real checkpoint."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import METRICS, Arm, experiment

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def with_torch(forks_of: Callable[..., Faeval]) -> Faeval:
    """The command line in a fork that has loaded torch, as most of these calls do."""
    forks = forks_of("faeval.bench.settings", "safetensors.torch")
    return lambda folder, *words: forks("faeval", [*map(str, words)], folder, os.environ)


@pytest.fixture
def faeval(tmp_path: Path, with_torch: Faeval) -> Faeval:
    return functools.partial(with_torch, tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of feedback alignment, whose credit at the last state is the gradient."""
    store = Store(tmp_path_factory.mktemp("store") / ".faeval")
    arm = Arm("fa", epochs=2, width=16, blocks=2)
    whole = plan([Need(experiment("teacher"), arm, 1, frozenset({"cosine"}))], store)
    assert not execute(whole, store, Execution(workers=1)).failures
    return store.folder(whole.jobs[0].key)


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    folder = tmp_path / ".faeval" / "runs" / run.name
    shutil.copytree(run, folder)
    return folder


def test_the_table_names_the_run_marks_exact_states_and_every_metric(
    run: Path, tmp_path: Path, faeval: Faeval
) -> None:
    done = faeval("audit", run / "epoch-0002.safetensors")
    assert done.returncode == 0, done.stderr
    assert "fa+blocks=2+epochs=2+width=16 in teacher, seed 1, epoch 2" in done.stdout
    assert "h_2 (exact)" in done.stdout
    for name in (
        "cosine",
        "rho_fd_error",
        "control_planted_0.3",
        "control_shuffled",
        "norm_ratio",
        "accuracy",
    ):
        assert name in done.stdout
    assert "published.rho" not in done.stdout


@pytest.fixture(scope="module")
def full(run: Path, with_torch: Faeval) -> subprocess.CompletedProcess[str]:
    """All of an audit, as JSON."""
    return with_torch(run, "audit", "epoch-0001.safetensors", "--full", "--json")


def test_json_holds_every_row_and_full_holds_every_metric(
    run: Path, full: subprocess.CompletedProcess[str]
) -> None:
    done = full
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["exit_code"] == 0
    assert (found["setting"], found["seed"], found["epoch"], found["exact"]) == (
        "teacher",
        1,
        1,
        [2],
    )
    assert {row["metric"] for row in found["rows"]} == set(METRICS) - {"train_loss"}
    kept = Store(run.parents[1]).table()
    value = kept[(kept.metric == "cosine") & (kept.epoch == 1)].sort_values("layer").value.tolist()
    assert [r["value"] for r in found["rows"] if r["metric"] == "cosine"] == value


def test_a_run_copied_out_of_its_store_is_audited_where_it_lies(
    run: Path, full: subprocess.CompletedProcess[str], tmp_path: Path, faeval: Faeval
) -> None:
    shutil.copytree(run, tmp_path / "sent by a colleague")
    there = faeval("audit", "sent by a colleague/epoch-0001.safetensors", "--full", "--json")
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == full.stdout


def missing(folder: Path) -> Path:
    return folder / "epoch-0099.safetensors"


def alone(folder: Path) -> Path:
    (folder / "training.json").unlink()
    return folder / "epoch-0002.safetensors"


def unknown(folder: Path) -> Path:
    return Path(shutil.copy(folder / "epoch-0002.safetensors", folder / "another.safetensors"))


def truncated(folder: Path) -> Path:
    file = folder / "epoch-0002.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    return file


def altered(folder: Path) -> Path:
    file = folder / "epoch-0002.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return file


def forged(folder: Path) -> Path:
    record = folder / "training.json"
    record.write_text(record.read_text().replace('"seed":1', '"seed":2'))
    return folder / "epoch-0002.safetensors"


def exchanged(folder: Path) -> Path:
    return Path(shutil.copy(folder / "epoch-0001.safetensors", folder / "epoch-0002.safetensors"))


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (missing, 2, "no such file; name an epoch-NNNN.safetensors of a run in the store"),
        (alone, 2, "no training.json beside it says which arm and seed it is"),
        (
            unknown,
            2,
            (
                "its run's record knows no such file; it has epoch-0001.safetensors,"
                " epoch-0002.safetensors"
            ),
        ),
        (truncated, 12, "epoch-0002.safetensors"),
        (altered, 12, "epoch-0002.safetensors"),
        (forged, 12, "training.json"),
        (exchanged, 12, "epoch-0002.safetensors"),
    ],
)
def test_a_checkpoint_that_is_not_what_was_written_is_one_clear_error(
    spoil: Any, code: int, says: str, copy: Path, tmp_path: Path, faeval: Faeval
) -> None:
    done = faeval("audit", spoil(copy))
    assert done.returncode == code, done.stderr
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("options", [["--jsn", "yaml"], ["--device", "tpu"], ["--threads", "0"]])
def test_bad_options_are_usage_errors(
    options: list[str], run: Path, tmp_path: Path, faeval: Faeval
) -> None:
    done = faeval("audit", run / "epoch-0002.safetensors", *options)
    assert done.returncode == 2
    assert options[0].strip("-") in done.stderr
