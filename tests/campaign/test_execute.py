"""Doing a plan in this process: what is kept, what is done again, what one failure leaves alone."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faeval.campaign import Event, Execution, Need, Outcome, execute, plan
from faeval.errors import FaevalError, Tampered
from faeval.evidence import AuditRecord, Store, TrainingRecord, csv_bytes
from faeval.experiment import Arm, Experiment, RunOptions, Stage

CALLS: list[str] = []


def train(
    factors: dict[str, Any],
    seed: int,
    folder: Path,
    options: RunOptions,
    config: Mapping[str, Any],
    progress: Callable[[float], None],
) -> dict[str, Any]:
    CALLS.append(f"train {seed}")
    content = f"{factors['rule']} {seed} {os.environ.get('BITS', config['bits'])}".encode()
    (folder / "epoch-0001.safetensors").write_bytes(content)
    progress(0.5)
    if seed == 13:
        raise RuntimeError("unlucky")
    weights = hashlib.sha256(content).hexdigest()
    return {
        "rows": [{"metric": "train_loss", "epoch": 1, "value": 0.5}],
        "weights": weights,
        "checkpoints": {1: {"file": "epoch-0001.safetensors", "sha256": weights}},
        "hashes": {"initial_network": "0" * 64},
        "diverged": None,
        "notes": {"steps": 10},
    }


def measure(name: str) -> Callable[..., dict[str, Any]]:
    def call(
        factors: dict[str, Any],
        seed: int,
        folder: Path,
        training: TrainingRecord,
        options: RunOptions,
        config: Any,
    ) -> dict[str, Any]:
        CALLS.append(f"{name} {seed}")
        length = len((folder / training.checkpoints[1].file).read_bytes())
        return {"rows": [{"metric": name, "epoch": 1, "layer": 0, "value": length}], "notes": {}}

    return call


def net(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {
        "name": "net",
        "factors": {"rule": "dfa"},
        "metrics": ["train_loss", "cosine", "accuracy"],
        "training": Stage(train),
        "audits": {"cosine": Stage(measure("cosine")), "accuracy": Stage(measure("accuracy"))},
        "config": {"bits": 1},
    }
    return Experiment(**{**fields, **changes})


def own(run: Callable[..., Any], *metrics: str, name: str = "mine") -> Experiment:
    return Experiment(name, run, factors={"weight": 0.5}, metrics=metrics or ("heads",))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    CALLS.clear()
    return Store(tmp_path / "store")


def go(experiment: Experiment, store: Store, seeds: Any = (1,), **options: Any) -> Outcome:
    needs = [Need(experiment, Arm(), seed) for seed in seeds]
    return execute(plan(needs, store), store, Execution(workers=1), **options)


def test_a_run_leaves_a_record_of_its_training_and_of_each_audit(store: Store) -> None:
    outcome = go(net(), store, lock="f" * 64)
    assert not outcome.failures
    (job,) = outcome.finished
    training, cosine = store.training(job.key), store.audit(job.key, "cosine", job.audits["cosine"])
    assert isinstance(training, TrainingRecord)
    assert isinstance(cosine, AuditRecord)
    assert training.rows == (("train_loss", 1, None, 0.5, "measured"),)
    assert training.notes == {"steps": 10}
    assert cosine.rows == (("cosine", 1, 0, 7.0, "measured"),)
    assert cosine.weights == training.weights
    assert cosine.revisions == {"training": "1", "cosine": "1"}
    for record in (training, cosine):
        assert (record.setting, record.arm, record.factors, record.seed) == (
            "net",
            "dfa",
            {"rule": "dfa"},
            1,
        )
        assert record.lock == "f" * 64
        assert {"python", "faeval", "numpy"} <= set(record.versions)
        assert str(store.root.parent) not in record.to_bytes().decode()  # no absolute path
    table = store.table([(job.key, job.audits)])
    assert set(table["run"]) == {f"sha256:{str(training.weights)[:16]}"}
    assert table["metric"].tolist() == ["train_loss", "accuracy", "cosine"]
    assert sorted(path.name.partition("-")[0] for path in store.folder(job.key).iterdir()) == [
        "audit", "audit", "epoch", "training.json",
    ]  # fmt: skip


def test_what_is_there_is_not_done_again(store: Store) -> None:
    go(net(), store, (1, 2))
    before = {path: path.read_bytes() for path in store.runs.rglob("*.*")}
    CALLS.clear()
    outcome = go(net(), store, (2, 3, 1))
    assert CALLS == ["train 3", "cosine 3", "accuracy 3"]
    assert [job.seed for job in outcome.finished] == [3]
    assert {path: path.read_bytes() for path in before} == before


def test_a_new_metric_audits_the_kept_checkpoints(store: Store) -> None:
    go(net(), store)
    CALLS.clear()
    newer = net(audits={**net().audits, "accuracy": Stage(measure("accuracy"), "2")})
    (job,) = plan([Need(newer, Arm(), 1)], store).todo
    assert (job.train, job.missing) == (False, ("accuracy",))
    go(newer, store)
    assert CALLS == ["accuracy 1"]


def test_deleted_checkpoints_matter_only_where_an_audit_needs_them(store: Store) -> None:
    (job,) = go(net(), store).finished
    (store.folder(job.key) / "epoch-0001.safetensors").unlink()
    CALLS.clear()
    go(net(), store)
    assert CALLS == []
    go(net(audits={**net().audits, "cosine": Stage(measure("cosine"), "2")}), store)
    assert CALLS == [
        "train 1",
        "cosine 1",
    ]  # the same weights came out: the other audit still holds


def test_a_training_that_came_out_otherwise_is_audited_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = go(net(), store).finished
    store.training_path(job.key).unlink()
    CALLS.clear()
    monkeypatch.setenv("BITS", "22")
    go(net(), store)
    assert CALLS == ["train 1", "cosine 1", "accuracy 1"]
    assert len(set(store.table()["run"])) == 1


def test_an_altered_checkpoint_is_never_audited(store: Store) -> None:
    (job,) = go(net(), store).finished
    (store.folder(job.key) / "epoch-0001.safetensors").write_bytes(b"dfa 9 9")
    newer = net(audits={**net().audits, "cosine": Stage(measure("cosine"), "2")})
    with pytest.raises(Tampered, match=r"epoch-0001\.safetensors: does not match"):
        go(newer, store, (1, 2))
    assert {
        job.seed for job in plan([Need(newer, Arm(), seed) for seed in (1, 2)], store).cached
    } == {2}


def test_a_failure_takes_no_other_run_with_it_and_is_in_the_log(store: Store) -> None:
    outcome = go(net(), store, (12, 13, 14))
    assert [job.seed for job in outcome.finished] == [12, 14]
    ((job, message),) = outcome.failures
    assert (job.seed, message) == (13, "RuntimeError: unlucky")
    assert 'raise RuntimeError("unlucky")' in store.log.read_text()
    assert list(store.folder(job.key).iterdir()) == []  # no half of a run is left
    assert [job.seed for job in plan([Need(net(), Arm(), 13)], store).todo] == [13]


@pytest.mark.parametrize(
    "error", [SystemExit(3), MemoryError(), FaevalError("no"), ZeroDivisionError("two\nlines")]
)
def test_whatever_a_run_raises_is_its_own_failure_in_one_line(
    store: Store, error: BaseException
) -> None:
    def run(arm: Any, seed: int) -> Any:
        raise error

    ((_, message),) = go(own(run), store).failures
    assert "\n" not in message
    assert message in (
        str(error),
        f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": "),
    )


def test_ctrl_c_in_this_process_is_passed_on_and_finished_runs_are_kept(store: Store) -> None:
    def run(arm: Any, seed: int) -> dict[str, float]:
        if seed == 2:
            raise KeyboardInterrupt
        return {"heads": 1}

    with pytest.raises(KeyboardInterrupt):
        go(own(run), store, (1, 2, 3))
    assert store.table()["seed"].tolist() == [1]


def test_rows_of_ones_own_experiment_are_kept_as_they_mean(store: Store) -> None:
    def run(arm: Mapping[str, Any], seed: int) -> Any:
        assert dict(arm) == {"weight": 0.5}
        if seed == 1:
            return {"heads": np.float32(0.25), "tails": math.nan, "edge": math.inf, "side": True}
        return (row for row in [
            {"metric": "heads", "value": np.int64(3), "epoch": np.int64(2), "layer": 0},
            {"metric": "heads@7", "value": None, "status": "below_floor"},
        ])  # fmt: skip

    assert not go(own(run, "heads", "tails", "edge", "side"), store, (1, 2)).failures
    assert csv_bytes(store.table().assign(run="")).decode().splitlines()[1:] == [
        "mine,,1,,,edge,inf,undefined,",
        "mine,,1,,,heads,0.25,measured,",
        "mine,,1,,,side,1.0,measured,",
        "mine,,1,,,tails,,undefined,",
        "mine,,2,,,heads@7,,below_floor,",
        "mine,,2,2,0,heads,3.0,measured,",
    ]


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (None, "returned None"),
        (0.5, "returned 0.5 .float."),
        ("heads", "returned 'heads' .str."),
        ({"tails": 1}, "metric 'tails', which is not declared; its metrics: heads"),
        ({"heads@x": 1}, "'heads@x', which is not declared"),
        ({1: 1}, "metric 1, which is not declared"),
        ({"heads": "0.5"}, "heads='0.5' .str. is no number"),
        ({"heads": 1j}, "is no number"),
        ({"heads": np.zeros(3)}, "no single number"),
        ([{"metric": "heads"}], "metric and value"),
        ([{"metric": "heads", "value": 1, "Layer": 1}], "metric and value"),
        ([("heads", 1)], "metric and value"),
        (
            [{"metric": "heads", "value": 1, "layer": 0.5}],
            r"layer=0\.5 .float.; use a whole number",
        ),
        ([{"metric": "heads", "value": 1, "epoch": "last"}], "epoch='last' .str."),
        ([{"metric": "heads", "value": 1, "epoch": True}], "epoch=True .bool."),
        ([{"metric": "heads", "value": 1, "status": "fine"}], "status='fine'; use one of measured"),
        ([{"metric": "heads", "value": 1}] * 2, "returned heads twice"),
    ],
)
def test_a_result_that_is_no_evidence_is_refused(store: Store, result: Any, says: str) -> None:
    ((_, message),) = go(own(lambda arm, seed: result), store).failures
    with pytest.raises(FaevalError, match=says):
        raise FaevalError(message)
    assert message.startswith("experiment 'mine', run")
    assert len(store.table()) == 0


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ([], "training returned list; it returns a mapping"),
        ({"row": []}, "training returned .'row'."),
        ({"weights": "short"}, "weights='short'"),
        (
            {"checkpoints": {1: {"file": "nothing.safetensors", "sha256": "0" * 64}}},
            "wrote no such file",
        ),
        ({"checkpoints": {1: {"file": "../x", "sha256": "0" * 64}}}, r"checkpoints\.1\.file"),
        ({"rows": {"loss": 1}}, "metric 'loss', which is not declared"),
    ],
)
def test_a_training_that_returns_something_else_is_refused(
    store: Store, result: Any, says: str
) -> None:
    ((job, message),) = go(net(training=Stage(lambda *_: result)), store).failures
    with pytest.raises(FaevalError, match=says):
        raise FaevalError(message)
    assert store.training(job.key) is None


def test_a_diverged_training_is_recorded_and_audited(store: Store) -> None:
    def diverge(*given: Any) -> dict[str, Any]:
        return {**train(*given), "diverged": 3}

    (job,) = go(net(training=Stage(diverge)), store).finished
    training = store.training(job.key)
    assert training is not None
    assert training.diverged == 3
    assert CALLS == ["train 1", "cosine 1", "accuracy 1"]


def test_events_tell_what_happens_and_what_is_left(store: Store) -> None:
    events: list[Event] = []
    go(net(), store, (12, 13), progress=events.append)
    told = [
        (event.kind, event.job.seed, event.done, event.total, event.fraction) for event in events
    ]
    assert told == [
        ("started", 12, 0, 2, None), ("running", 12, 0, 2, 0.5), ("finished", 12, 1, 2, None),
        ("started", 13, 1, 2, None), ("running", 13, 1, 2, 0.5), ("failed", 13, 2, 2, None),
    ]  # fmt: skip
    assert events[0].seconds_left is None
    assert events[3].seconds_left is not None
    assert events[3].seconds_left > 0
    assert events[-1].seconds_left == 0
    assert events[-1].message == "RuntimeError: unlucky"


def test_the_costliest_runs_come_first_once_costs_are_known(store: Store) -> None:
    mine = own(lambda arm, seed: {"heads": 1})
    execute(
        plan([Need(mine, Arm(weight=weight), 0) for weight in (0.1, 0.2, 0.3)], store),
        store,
        Execution(workers=1),
    )
    for record in store.records():
        store.write_audit(record.model_copy(update={"seconds": 10 * record.factors["weight"]}))  # type: ignore[operator,arg-type]
    order: list[str] = []
    needs = [Need(mine, Arm(weight=weight), seed) for seed in (1, 2) for weight in (0.1, 0.3, 0.2)]
    execute(
        plan(needs, store),
        store,
        Execution(workers=1),
        progress=lambda e: order.append(f"{e.job.arm} {e.job.seed} {e.kind}"),
    )
    started = [step.removesuffix(" started") for step in order if step.endswith("started")]
    assert started == [f"weight={weight} {seed}" for weight in (0.3, 0.2, 0.1) for seed in (1, 2)]


def test_nothing_runs_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    CALLS.clear()
    with pytest.raises(FaevalError, match="cannot be written"):
        go(net(), Store(tmp_path / "file"))
    assert CALLS == []


def test_a_plan_with_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "never")
    assert execute(plan([], store), store) == Outcome((), [], pytest.approx(0, abs=1))  # type: ignore[arg-type]
    assert not store.root.exists()


def test_a_run_holds_the_numerical_libraries_to_its_threads(store: Store) -> None:
    def run(arm: Any, seed: int) -> dict[str, float]:
        import os

        from threadpoolctl import threadpool_info

        return {
            "heads": max(pool["num_threads"] for pool in threadpool_info()),
            "env": int(os.environ["OMP_NUM_THREADS"]),
        }

    mine = own(run, "heads", "env")
    for threads in (1, 2):
        execute(
            plan([Need(mine, Arm(), 1)], store, RunOptions(threads=threads)),
            store,
            Execution(workers=1),
        )
    assert store.table()["metric"].tolist() == ["env", "env", "heads", "heads"]
    assert store.table()["value"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("locks", [True, False])
def test_what_a_killed_training_left_is_swept(store: Store, locks: bool) -> None:
    """At once where the run is known to be ours, else once it is a day old."""
    import os
    import time

    if not locks:
        store.root.mkdir(parents=True)
        (store.root / "locks").touch()  # where their folder would be
    (job,) = plan([Need(net(), Arm(), 1)], store).jobs
    old, young = (store.folder(job.key) / name for name in (".partial-old", ".partial-young"))
    for path in (old, young):
        path.mkdir(parents=True)
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    go(net(), store)
    assert (old.exists(), young.exists()) == (False, not locks)


def test_another_campaign_that_was_faster_is_not_repeated(store: Store) -> None:
    ours = plan([Need(net(), Arm(), 1)], store)
    go(net(), store)
    CALLS.clear()
    assert len(execute(ours, store, Execution(workers=1)).finished) == 1
    assert CALLS == []
    *_, job, end = store.log.read_text().splitlines()
    assert re.search(r" net dfa seed 1: .*another campaign$", job)
    assert re.search(r"s: 0 done, 1 .*another campaign, 0 failed, 0 left$", end)


def test_two_experiments_of_one_name_do_not_share_runs(store: Store) -> None:
    one = own(lambda arm, seed: {"heads": 1})
    two = own(lambda arm, seed: {"heads": 2})
    execute(plan([Need(one, Arm(), 1), Need(two, Arm(), 1)], store), store, Execution(workers=1))
    assert sorted(store.table()["value"]) == [1, 2]
    assert store.table()["run"].nunique() == 2
