"""The stages of a setting end to end, on the embedded task, in arms that train in a second."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from faeval.bench.audits import alignment
from faeval.bench.settings import (
    audit_accuracy,
    audit_alignment,
    audit_fresh,
    audit_nudging,
    audit_published,
    build,
    train,
)
from faeval.bench.tasks import load as load_task
from faeval.bench.training import evaluation_inputs, load, save
from faeval.campaign import Execution, Need, execute, plan
from faeval.errors import FaevalError
from faeval.evidence import AuditRecord, Store, TrainingRecord, new_record
from faeval.experiment import METRICS, Arm, Experiment, RunOptions, experiment

TEACHER = experiment("teacher")
AUDITS = (audit_alignment, audit_accuracy, audit_published, audit_nudging, audit_fresh)
SMALL = {"epochs": 2, "width": 16, "blocks": 2}
Result = Mapping[str, Any]


def factors_of(**changes: Any) -> dict[str, Any]:
    return TEACHER.resolve(Arm(**{"rule": "dfa", **SMALL, **changes}))


def train_in(
    folder: Path, seed: int = 1, config: Mapping[str, Any] | None = None, **changes: Any
) -> Result:
    folder.mkdir(parents=True, exist_ok=True)
    return train(factors_of(**changes), seed, folder, RunOptions(), config or TEACHER.config)


def record_of(result: Result) -> TrainingRecord:
    kept = {name: result[name] for name in ("weights", "checkpoints", "hashes", "diverged")}
    common = {
        "setting": "teacher",
        "arm": "dfa",
        "factors": {},
        "seed": 1,
        "key": "0" * 64,
        "started": "",
        "seconds": 0,
    }
    return new_record(TrainingRecord, {**common, **kept}, "test")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("base")
    return folder, train_in(folder)


def test_a_campaign_trains_and_audits_an_arm_into_declared_rows(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    whole = plan([Need(TEACHER, Arm("dfa", penalty=0.01, **SMALL), 1)], store)
    outcome = execute(whole, store, Execution(workers=1))
    assert not outcome.failures
    (job,) = outcome.finished
    training = store.training(job.key)
    assert training is not None
    assert sorted(training.checkpoints) == [1, 2]
    assert training.diverged is None
    assert [row[:3] for row in training.rows] == [("train_loss", 1, None), ("train_loss", 2, None)]
    found = {name: store.audit(job.key, name, key) for name, key in job.audits.items()}
    assert set(found) == {"alignment", "accuracy", "published", "nudging", "fresh"}
    rows = [row for audit in found.values() if isinstance(audit, AuditRecord) for row in audit.rows]
    assert {metric.partition("@")[0] for metric, *_ in rows} | {"train_loss"} == set(METRICS)
    for metric, epoch, layer, value, status in rows:
        about = METRICS[metric.partition("@")[0]]
        assert status == "measured", metric
        assert about.low <= value <= about.high
        assert (layer is not None) is about.layered
        assert epoch in (1, 2)
    # Item blocks at the last epoch only: 8 for each sample metric and state.
    blocks = [(metric, layer) for metric, epoch, layer, *_ in rows if "@" in metric and epoch == 2]
    assert len(blocks) == len(set(blocks)) == 8 * (2 * 3 + 1)
    assert not [metric for metric, epoch, *_ in rows if "@" in metric and epoch == 1]
    assert {layer for metric, _, layer, *_ in rows if metric == "cosine"} == {0, 1, 2}
    assert plan([Need(TEACHER, Arm("dfa", penalty=0.01, **SMALL), 1)], store).todo == ()


def test_arms_of_a_seed_share_their_start_their_feedback_and_their_order(
    base: tuple[Path, Result], tmp_path: Path
) -> None:
    _, first = base
    shared = ("initial_network", "first_order")
    others: list[dict[str, Any]] = [
        {"penalty": 0.01},
        {"rule": "bp"},
        {"credit_scale": "unit"},
        {"credit_site": "input"},
        {"epochs": 1},
    ]
    for changes in others:
        found = train_in(tmp_path / next(iter(changes)), **changes)
        assert [found["hashes"][name] for name in shared] == [
            first["hashes"][name] for name in shared
        ], changes
        same_feedback = not {"rule", "credit_site"} & set(changes)
        assert (found["hashes"]["feedback"] == first["hashes"]["feedback"]) is same_feedback, (
            changes
        )
        assert found["weights"] != first["weights"], changes
    other = train_in(tmp_path / "other", seed=2)
    assert all(other["hashes"][name] != digest for name, digest in first["hashes"].items())


def test_training_again_gives_the_same_bits_and_reports_progress(
    base: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, first = base
    shares: list[float] = []
    again = train(factors_of(), 1, tmp_path, RunOptions(), TEACHER.config, shares.append)
    assert again == first
    assert shares == [0.5, 1.0]
    for checkpoint in first["checkpoints"].values():
        name = checkpoint["file"]
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_audits_do_not_depend_on_what_was_audited_before(base: tuple[Path, Result]) -> None:
    folder, result = base
    record, options = record_of(result), RunOptions()
    first = audit_alignment(factors_of(), 1, folder, record, options, TEACHER.config)
    audit_accuracy(factors_of(), 1, folder, record, options, TEACHER.config)
    assert audit_alignment(factors_of(), 1, folder, record, options, TEACHER.config) == first
    assert json.dumps(first)  # plain numbers and words: they can be recorded


def test_a_checkpoint_altered_before_its_audit_is_refused(
    base: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, result = base
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        (tmp_path / path.name).write_bytes(content)
    for audit in AUDITS:
        with pytest.raises(FaevalError, match=r"epoch-0001\.safetensors.*altered or cut off"):
            audit(factors_of(), 1, tmp_path, record_of(result), RunOptions(), TEACHER.config)


def test_an_audit_reads_the_feedback_of_the_checkpoint_not_one_drawn_anew(
    base: tuple[Path, Result], tmp_path: Path
) -> None:
    # A checkpoint whose feedback is another seed's tells the two apart.
    folder, result = base
    task = load_task("teacher")
    network, own = build(factors_of(), 1, task)
    kept = result["checkpoints"][2]
    load(network, own, folder / kept["file"], kept["sha256"])
    other = build(factors_of(), 99, task)[1]
    sha256 = save(network, other, tmp_path / kept["file"])
    record = record_of({**result, "checkpoints": {2: {"file": kept["file"], "sha256": sha256}}})
    found = audit_alignment(factors_of(), 1, tmp_path, record, RunOptions(), TEACHER.config)
    x, y = evaluation_inputs(task, limit=1024)
    expected, _ = alignment(network.double().eval(), other.double(), x.double(), y, 1, items=True)
    assert [(row["metric"], row["value"]) for row in found["rows"]] == [
        (r["metric"], r["value"]) for r in expected
    ]
    before, _ = alignment(network, own.double(), x.double(), y, 1)
    assert [r["value"] for r in before if r["metric"] == "rho"] != [
        r["value"] for r in expected if r["metric"] == "rho"
    ]


def test_a_run_that_diverges_is_an_outcome_not_a_crash(tmp_path: Path) -> None:
    result = train_in(tmp_path, config={**TEACHER.config, "learning_rate": 1e30})
    assert result["diverged"] == 1
    assert result["rows"] == []
    assert result["checkpoints"] == {}
    assert len(result["weights"]) == 64
    assert list(tmp_path.iterdir()) == []
    check_diverged(tmp_path, result)


def test_a_run_that_diverges_late_keeps_what_it_had(base: tuple[Path, Result]) -> None:
    folder, result = base
    found = check_diverged(
        folder, {**result, "checkpoints": {1: result["checkpoints"][1]}, "diverged": 2}
    )
    alive = [r for r in found if r["epoch"] == 1 and not r["metric"].startswith("nudge")]
    assert {row["status"] for row in alive} == {"measured"}
    assert {row["metric"] for row in found if row["epoch"] == 1} == set(METRICS) - {"train_loss"}


def check_diverged(folder: Path, result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for audit in AUDITS:
        found += audit(factors_of(), 1, folder, record_of(result), RunOptions(), TEACHER.config)[
            "rows"
        ]
    last = [row for row in found if row["epoch"] == 2]
    assert {row["status"] for row in last} == {"diverged"}
    if not result["checkpoints"]:  # a run that breaks in its first epoch says so there too
        assert [(r["metric"], r["layer"]) for r in found if r["epoch"] == 1] == [
            (r["metric"], r["layer"]) for r in last
        ]
    assert all(math.isnan(row["value"]) for row in last)
    # The controls are the instrument's: without a checkpoint it read nothing.
    controls = {name for name in METRICS if name.startswith(("control", "rho_fd"))}
    assert {row["metric"] for row in last} == set(METRICS) - controls - {"train_loss"}
    for metric in {row["metric"] for row in last}:
        layers = [row["layer"] for row in last if row["metric"] == metric]
        assert layers == ([0, 1, 2] if METRICS[metric].layered else [None]), metric
    return found


def test_digits_run_by_the_same_stages(tmp_path: Path) -> None:
    digits: Experiment = experiment("digits")
    factors = digits.resolve(Arm("bp", **SMALL))
    result = train(factors, 3, tmp_path, RunOptions(), digits.config)
    rows = audit_accuracy(factors, 3, tmp_path, record_of(result), RunOptions(), digits.config)[
        "rows"
    ]
    accuracy = {row["epoch"]: row["value"] for row in rows if row["metric"] == "accuracy"}
    assert accuracy[2] > 0.2  # ten classes: chance is .1
    assert accuracy[2] * 360 == pytest.approx(round(accuracy[2] * 360))  # of 360 test images


@pytest.mark.slow
def test_another_process_and_another_order_of_jobs_give_the_same_weights(
    base: tuple[Path, Result],
) -> None:
    # What a worker did before must not matter: here another seed and arm come first, the global
    # generators are moved.
    code = """
import sys, tempfile, json, numpy, torch
from pathlib import Path
from faeval.experiment import Arm, RunOptions, experiment
from faeval.bench.settings import train
teacher = experiment("teacher")
found = {}
for seed, penalty in ((2, 0.01), (1, 0.0)):
    torch.manual_seed(seed); numpy.random.seed(seed)
    factors = teacher.resolve(Arm("dfa", penalty=penalty, epochs=2, width=16, blocks=2))
    with tempfile.TemporaryDirectory() as folder:
        found[seed] = train(factors, seed, Path(folder), RunOptions(), teacher.config)
print(json.dumps(found[1]))
"""
    one = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )  # as in a worker
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **one},
    )
    _, first = base
    found = json.loads(done.stdout)
    assert found["weights"] == first["weights"]
    assert found["hashes"] == first["hashes"]
    assert found["rows"] == first["rows"]


def test_costly_audits_run_where_a_claim_reads_what_only_they_give(tmp_path: Path) -> None:
    arm = Arm("dfa", **SMALL)

    def audits(*wanted: frozenset[str] | None) -> list[set[str]]:
        whole = plan([Need(TEACHER, arm, 1, metrics) for metrics in wanted], Store(tmp_path))
        return [set(job.audits) for job in whole.jobs]

    always = {"alignment", "accuracy"}
    assert audits(frozenset({"cosine"})) == [always]
    assert audits(frozenset({"published.control_true"})) == [{*always, "published"}]
    assert audits(frozenset({"nudge_matched_0.01"})) == [{*always, "nudging"}]
    assert audits(frozenset({"fresh_cosine"})) == [{*always, "fresh"}]
    # Two claims' needs of one run are one job with what either reads; who reads anything gets
    # everything.
    assert audits(frozenset({"nudge"}), frozenset({"fresh_cosine"})) == [
        {*always, "nudging", "fresh"}
    ]
    assert audits(frozenset({"nudge"}), None) == [{*always, "published", "nudging", "fresh"}]


def test_a_costly_audit_is_added_to_a_kept_run_without_training_again(tmp_path: Path) -> None:
    store, arm = Store(tmp_path), Arm("dfa", **SMALL)
    first = plan([Need(TEACHER, arm, 1, frozenset({"cosine"}))], store)
    assert not execute(first, store, Execution(workers=1)).failures
    second = plan([Need(TEACHER, arm, 1, frozenset({"cosine", "nudge"}))], store)
    assert [(job.train, job.missing) for job in second.jobs] == [(False, ("nudging",))]
    assert second.jobs[0].key == first.jobs[0].key
