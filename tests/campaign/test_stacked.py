"""Campaigns that train the seeds of an arm in one run: who is grouped, what is kept, what a failure
costs, equal verdicts.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import faeval as fe
from faeval.campaign import Event, Execution, Need, Outcome, execute, plan
from faeval.errors import FaevalError, Tampered
from faeval.evidence import Store, TrainingRecord
from faeval.experiment import Arm, Experiment, RunOptions, Stage, experiment

pytestmark = pytest.mark.slow

CALLS: list[str] = []
Progress = Callable[[float], None]


def result(rule: Any, seed: int, folder: Path) -> dict[str, Any]:
    content = f"{rule} {seed}".encode()
    (folder / "epoch-0001.safetensors").write_bytes(content)
    weights = hashlib.sha256(content).hexdigest()
    return {
        "rows": [{"metric": "loss", "epoch": 1, "value": seed}],
        "weights": weights,
        "checkpoints": {1: {"file": "epoch-0001.safetensors", "sha256": weights}},
        "diverged": 3 if seed == 9 else None,
        "notes": {},
    }


def train(
    arm: dict[str, Any],
    seed: int,
    folder: Path,
    options: RunOptions,
    config: Any,
    progress: Progress,
) -> dict[str, Any]:
    CALLS.append(f"{arm['rule']} {seed}")
    return result(arm["rule"], seed, folder)


def train_many(
    arm: dict[str, Any],
    seeds: Sequence[int],
    folders: Sequence[Path],
    options: RunOptions,
    config: Any,
    progress: Progress,
) -> list[dict[str, Any]]:  # fmt: skip
    CALLS.append(f"{arm['rule']} {list(seeds)}")
    progress(0.5)
    if arm["rule"] == "breaks":
        raise RuntimeError("out of memory")
    if arm["rule"] == "forgets":
        return []
    found = [result(arm["rule"], seed, folder) for seed, folder in zip(seeds, folders, strict=True)]
    if arm["rule"] == "loses":
        (folders[1] / "epoch-0001.safetensors").unlink()
    return found


def measure(
    arm: Any, seed: int, folder: Path, training: TrainingRecord, options: RunOptions, config: Any
) -> dict[str, Any]:
    CALLS.append(f"audit {seed}")
    return {
        "rows": [
            {"metric": "size", "value": len((folder / training.checkpoints[1].file).read_bytes())}
        ]
    }


def net(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {
        "name": "net",
        "factors": {"rule": "dfa"},
        "metrics": ["loss", "size"],
        "training": Stage(train),
        "training_many": Stage(train_many), "audits": {"size": Stage(measure)},
    }  # fmt: skip
    return Experiment(**{**fields, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    CALLS.clear()
    return Store(tmp_path / "store")


def go(
    store: Store, *runs: tuple[str, int], of: Experiment | None = None, **options: Any
) -> Outcome:
    of = of or net()
    device = options.pop("device", "cpu")
    whole = plan(
        [Need(of, Arm(rule), seed) for rule, seed in runs], store, RunOptions(device=device)
    )
    progress = options.pop("progress", None)
    execution = Execution(**{"workers": 1, "stacked": True, **options})
    return execute(whole, store, execution, progress)


def test_the_seeds_of_an_arm_train_in_one_run_and_each_keeps_its_own_record(store: Store) -> None:
    outcome = go(store, ("dfa", 1), ("bp", 1), ("dfa", 2), ("bp", 2), ("dfa", 9))
    assert not outcome.failures
    assert [c for c in CALLS if not c.startswith("audit")] == ["dfa [1, 2, 9]", "bp [1, 2]"]
    assert sorted(str(job) for job in outcome.finished) == [
        "net bp seed 1", "net bp seed 2", "net dfa seed 1", "net dfa seed 2", "net dfa seed 9",
    ]  # fmt: skip
    for job in outcome.finished:
        record = store.training(job.key)
        assert record is not None
        assert (record.seed, record.factors) == (job.seed, {"rule": job.arm.label})
        assert record.rows == (("loss", 1, None, float(job.seed), "measured"),)
        assert record.diverged == (3 if job.seed == 9 else None)
        assert record.revisions == {"training": "1"}
        content = (store.folder(job.key) / "epoch-0001.safetensors").read_bytes()
        assert content == f"{job.arm.label} {job.seed}".encode()
    assert not [path for path in store.runs.rglob("*") if "partial" in path.name]


def test_keys_and_records_are_those_of_separate_runs(store: Store, tmp_path: Path) -> None:
    runs = [("dfa", 1), ("dfa", 2)]
    together, alone = go(store, *runs), go(Store(tmp_path / "alone"), *runs, stacked=False)
    assert [job.key for job in together.finished] == [job.key for job in alone.finished]
    assert store.table().equals(Store(tmp_path / "alone").table())
    CALLS.clear()
    assert not go(store, *runs, stacked=False).finished
    assert not go(Store(tmp_path / "alone"), *runs).finished
    assert CALLS == []


def test_the_records_share_the_time_of_the_run(store: Store) -> None:
    def slow(*given: Any) -> list[dict[str, Any]]:
        time.sleep(0.4)
        return train_many(*given)

    jobs = go(
        store, *(("dfa", seed) for seed in range(1, 5)), of=net(training_many=Stage(slow))
    ).finished
    records = [store.training(job.key) for job in jobs]
    assert 0.4 <= sum(record.seconds for record in records if record is not None) < 0.8


def test_what_is_there_stays_and_the_rest_is_grouped_anew(store: Store) -> None:
    go(store, ("dfa", 1), ("dfa", 2))
    before = {path: path.read_bytes() for path in store.runs.rglob("*.*")}
    CALLS.clear()
    go(store, *(("dfa", seed) for seed in (1, 2, 3, 4)))
    assert CALLS == ["dfa [3, 4]", "audit 3", "audit 4"]
    assert {path: path.read_bytes() for path in before} == before
    CALLS.clear()
    go(store, ("dfa", 4), ("dfa", 5))
    assert CALLS == ["dfa 5", "audit 5"]  # one alone is a run as any other


def test_a_lost_audit_trains_nothing_and_another_campaign_that_was_faster_is_not_repeated(
    store: Store,
) -> None:
    runs = [("dfa", 1), ("dfa", 2), ("dfa", 3)]
    of = net()
    ours = plan([Need(of, Arm(rule), seed) for rule, seed in runs], store)
    (job, *_) = go(store, ("dfa", 1)).finished
    store.audit_path(job.key, "size", job.audits["size"]).unlink()
    CALLS.clear()
    execute(ours, store, Execution(workers=1, stacked=True))
    assert sorted(CALLS) == ["audit 1", "audit 2", "audit 3", "dfa [2, 3]"]


def test_by_default_the_cpu_trains_one_at_a_time_and_a_cuda_device_stacks(store: Store) -> None:
    go(store, ("dfa", 1), ("dfa", 2), stacked=None)
    assert [c for c in CALLS if "audit" not in c] == ["dfa 1", "dfa 2"]
    CALLS.clear()
    go(
        store, ("dfa", 1), ("dfa", 2), stacked=None, device="cuda"
    )  # a stand-in that needs no device; other evidence, too
    assert [c for c in CALLS if "audit" not in c] == ["dfa [1, 2]"]
    CALLS.clear()
    go(store, ("fa", 1), ("fa", 2), stacked=False, device="cuda:1")
    assert [c for c in CALLS if "audit" not in c] == ["fa 1", "fa 2"]
    CALLS.clear()
    go(store, ("bp", 1), ("bp", 2), of=net(training_many=None))
    assert [c for c in CALLS if "audit" not in c] == ["bp 1", "bp 2"]


@pytest.mark.parametrize(
    ("rule", "says", "again"),
    [
        ("breaks", "RuntimeError: out of memory", [1, 2, 3]),
        ("forgets", "training_many returned ", [1, 2, 3]),
        ("loses", "training names the checkpoint 'epoch-0001.safetensors'", [2]),
    ],
)
def test_where_a_stacked_run_fails_its_unfinished_seeds_train_one_at_a_time_and_the_log_says_why(
    store: Store, rule: str, says: str, again: list[int]
) -> None:
    outcome = go(store, *((rule, seed) for seed in (1, 2, 3)), ("dfa", 1), ("dfa", 2))
    assert not outcome.failures
    assert len(outcome.finished) == 5
    assert [c for c in CALLS if "audit" not in c] == [
        f"{rule} [1, 2, 3]",
        *(f"{rule} {s}" for s in again),
        "dfa [1, 2]",
    ]
    log = store.log.read_text()
    assert re.search(rf" net {rule} seed 2: not .*{re.escape(says)}", log)
    assert not [
        line
        for line in store.log.read_text().splitlines()
        if "net dfa" in line and "not trained" in line
    ]


def test_a_seed_that_fails_alone_too_is_the_only_failure(store: Store) -> None:
    def unlucky(arm: Any, seed: int, *rest: Any) -> dict[str, Any]:
        if seed == 13:
            raise ValueError("unlucky")
        return train(arm, seed, *rest)

    outcome = go(
        store, *(("breaks", seed) for seed in (12, 13, 14)), of=net(training=Stage(unlucky))
    )
    assert [job.seed for job in outcome.finished] == [12, 14]
    ((job, message),) = outcome.failures
    assert (job.seed, message) == (13, "ValueError: unlucky")


def test_an_altered_record_is_its_own_seed_s_failure(store: Store) -> None:
    (job, _) = go(store, ("dfa", 1), ("dfa", 2)).finished
    path = store.training_path(job.key)
    path.write_text(
        path.read_text().replace('"seed": 1', '"seed": 7').replace('"seed":1', '"seed":7')
    )
    store.audit_path(job.key, "size", job.audits["size"]).unlink()
    CALLS.clear()
    with pytest.raises(Tampered):
        go(store, ("dfa", 1), ("dfa", 3), ("dfa", 4))


def test_ctrl_c_in_a_stacked_run_is_passed_on_and_leaves_no_half(store: Store) -> None:
    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    go(store, ("dfa", 1))
    with pytest.raises(KeyboardInterrupt):
        go(store, ("dfa", 1), ("dfa", 2), ("dfa", 3), of=net(training_many=Stage(interrupted)))
    assert store.table()["seed"].unique().tolist() == [1]
    assert not list(store.runs.rglob(".partial-*"))


def test_events_tell_of_every_seed(store: Store) -> None:
    events: list[Event] = []
    go(store, ("dfa", 1), ("dfa", 2), progress=events.append)
    assert [(event.kind, event.job.seed, event.done, event.fraction) for event in events] == [
        ("started", 1, 0, None), ("started", 2, 0, None),
        ("running", 1, 0, 0.5), ("running", 2, 0, 0.5),
        ("finished", 1, 1, None), ("finished", 2, 2, None),
    ]  # fmt: skip


# --- over processes ---


def dies(
    arm: Any,
    seeds: Sequence[int],
    folders: Sequence[Path],
    options: RunOptions,
    config: Mapping[str, Any],
    progress: Any,
) -> Any:
    with (Path(config["folder"]) / "calls.log").open("a") as log:
        log.write(f"{arm['rule']} {list(seeds)}\n")
    if arm["rule"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    return [result(arm["rule"], seed, folder) for seed, folder in zip(seeds, folders, strict=True)]


def survives(
    arm: Any, seed: int, folder: Path, options: RunOptions, config: Mapping[str, Any], progress: Any
) -> Any:
    with (Path(config["folder"]) / "calls.log").open("a") as log:
        log.write(f"{arm['rule']} {seed}\n")
    return result(arm["rule"], seed, folder)


def test_a_stacked_run_whose_worker_is_killed_loses_its_unfinished_seeds_only(
    store: Store, tmp_path: Path
) -> None:
    of = net(training=Stage(survives), training_many=Stage(dies), config={"folder": str(tmp_path)})
    go(store, ("dies", 2), of=of, workers=2)
    outcome = go(
        store, *(("dies", s) for s in (1, 2, 3)), *(("dfa", s) for s in (1, 2)), of=of, workers=2
    )
    assert not outcome.failures
    assert sorted(str(job) for job in outcome.finished) == [
        "net dfa seed 1", "net dfa seed 2", "net dies seed 1", "net dies seed 3",
    ]  # fmt: skip
    calls = (tmp_path / "calls.log").read_text().splitlines()
    assert (
        calls.count("dies 2")
        == calls.count("dies [1, 3]")
        == calls.count("dies 1")
        == calls.count("dies 3")
        == 1
    )
    assert len(store.table()) == 2 * 5


# --- the settings themselves ---

TEACHER = experiment("teacher")
SMALL: dict[str, Any] = {"epochs": 2, "width": 16, "blocks": 2}
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="needs a CUDA device; torch.cuda.is_available() is False here",
)


def trained(
    store: Store, arm: Arm, seeds: Sequence[int], *, stacked: bool, device: str = "cpu"
) -> list[TrainingRecord]:
    whole = plan([Need(TEACHER, arm, seed) for seed in seeds], store, RunOptions(device=device))
    assert not execute(whole, store, Execution(workers=1, stacked=stacked)).failures
    records = [store.training(job.key) for job in whole.jobs]
    return [record for record in records if record is not None]


def check_equal(together: Store, alone: Store) -> None:
    ours, theirs = together.table(), alone.table()
    keys = ["setting", "arm", "seed", "epoch", "layer", "metric", "status"]
    assert ours[keys].equals(theirs[keys])
    controls = ours["metric"].str.startswith("control")
    apart = (ours["value"] - theirs["value"]).abs()
    assert float((apart / theirs["value"].abs().clip(lower=1.0))[~controls].max()) < 5e-3
    assert float(apart.max()) > 0  # it was another way to compute them


@pytest.mark.parametrize(
    "arm",
    [
        Arm("dfa", penalty=0.01, **SMALL),
        Arm("bp", penalty=0.01, trained_blocks=1, **SMALL),
        Arm("fa", credit_site="input", credit_scale="unit", labels="random", **SMALL),
        Arm("kolen_pollack", network="student", **SMALL),
    ],
    ids=lambda arm: arm.label,
)
def test_a_setting_s_stacked_runs_are_its_separate_runs_within_rounding(
    arm: Arm, tmp_path: Path
) -> None:
    seeds, together, alone = (1, 2, 42), Store(tmp_path / "together"), Store(tmp_path / "alone")
    ours = trained(together, arm, seeds, stacked=True)
    theirs = trained(alone, arm, seeds, stacked=False)
    for record, reference in zip(ours, theirs, strict=True):
        assert record.hashes == reference.hashes  # start, feedback, order: to the bit
        assert sorted(record.checkpoints) == sorted(reference.checkpoints) == [1, 2]
        assert (record.notes, reference.notes) == ({"stacked": 3}, {})
    check_equal(together, alone)


def test_a_rule_that_cannot_be_stacked_is_trained_one_after_another_to_the_bit(
    tmp_path: Path,
) -> None:
    arm = Arm("sign_symmetric", magnitude="batchwise", **SMALL)
    ours = trained(Store(tmp_path / "together"), arm, (1, 2), stacked=True)
    theirs = trained(Store(tmp_path / "alone"), arm, (1, 2), stacked=False)
    assert [record.weights for record in ours] == [record.weights for record in theirs]
    assert all(
        re.search(r"\bSignSymmetric .*magnitudes", str(record.notes["not_stacked"]))
        for record in ours
    )


def test_diverged_seeds_are_recorded_as_such(tmp_path: Path) -> None:
    arm = Arm(
        "dfa", penalty=1e60, **SMALL
    )  # beyond float32: the first step's gradient is already infinite
    ours = trained(Store(tmp_path / "together"), arm, (1, 2), stacked=True)
    assert [(record.diverged, dict(record.checkpoints), record.notes) for record in ours] == [
        (1, {}, {"stacked": 2})
    ] * 2
    assert set(Store(tmp_path / "together").table()["status"]) == {"diverged"}


def claims_of() -> list[fe.Claim]:
    arm = fe.Arm("dfa", **SMALL)
    margin = fe.Margin(0.02, "any number will do for a test")
    penalised = arm.but(penalty=1e-2)
    return [
        fe.Claim(
            "the penalty moves cosine",
            fe.exceeds(fe.cosine(penalised), fe.cosine(arm), by=margin),
            seeds=5,
        ),
        fe.Claim(
            "accuracies are equal",
            fe.equivalent(fe.accuracy(penalised), fe.accuracy(arm), within=margin),
            seeds=5,
        ),
        fe.Claim("rho is low", fe.exceeds(fe.rho(arm), by=margin), seeds=5),
    ]


def check_verdicts(tmp_path: Path, device: str) -> None:
    ours, theirs = (
        fe.verify(
            claims_of(), store=tmp_path / str(stacked), workers=1, device=device, stacked=stacked
        ).verdicts
        for stacked in (True, False)
    )
    assert [(v.verdict, v.reason_code, v.n) for v in ours] == [
        (v.verdict, v.reason_code, v.n) for v in theirs
    ]
    assert {"stacked": 5} in [
        dict(r.notes) for r in Store(tmp_path / "True").records() if isinstance(r, TrainingRecord)
    ]


def test_verdicts_are_those_of_separate_runs(tmp_path: Path) -> None:
    check_verdicts(tmp_path, "cpu")


@pytest.mark.cuda
@needs_cuda
def test_on_cuda_verdicts_are_those_of_separate_runs(tmp_path: Path) -> None:
    check_verdicts(tmp_path, "cuda")


@pytest.mark.cuda
@needs_cuda
def test_on_cuda_a_stack_s_evidence_is_that_of_separate_runs(tmp_path: Path) -> None:
    arm, together, alone = (
        Arm("dfa", penalty=0.01, **SMALL),
        Store(tmp_path / "together"),
        Store(tmp_path / "alone"),
    )
    trained(together, arm, (1, 2, 42), stacked=True, device="cuda")
    trained(alone, arm, (1, 2, 42), stacked=False, device="cuda")
    check_equal(together, alone)


# --- devices ---


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(
        FaevalError,
        match=r"^device='cuda': .*; use device='cpu' \(--device cpu\)",
    ):
        fe.verify(claims_of(), store=tmp_path / "store", device="cuda")
    assert not list((tmp_path / "store").rglob("*.json"))


@pytest.mark.parametrize("device", ["gpu", "cuda:", "CUDA", "", 0])
def test_a_device_of_no_known_name_is_refused_by_name(device: Any) -> None:
    with pytest.raises(
        FaevalError, match=rf"device={device!r} \({type(device).__name__}\) must be 'cpu', 'cuda'"
    ):
        RunOptions(device=device)
