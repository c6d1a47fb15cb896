"""Retries and time limits: declared, recorded, and without a trace in the numbers."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faeval.campaign import Execution, Need, Outcome, execute, plan
from faeval.errors import FaevalError
from faeval.evidence import Store, csv_bytes
from faeval.experiment import Arm, Experiment, RunOptions, Stage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def go(
    experiment: Experiment, store: Store, seeds: Any = (1,), workers: int = 1, **options: Any
) -> Outcome:
    progress = options.pop("progress", None)
    execution = Execution(workers=workers, **options)
    needs = [Need(experiment, Arm(), seed) for seed in seeds]
    return execute(plan(needs, store), store, execution, progress)


def flaky(times: int, error: Exception | None = None) -> Callable[..., Any]:
    tries: dict[int | None, int] = {
        None: times
    }  # a run changes it, so that it is no part of its code

    def run(arm: Any, seed: int) -> dict[str, float]:
        tries[seed] = tries.get(seed, 0) + 1
        if tries[seed] <= tries[None]:
            raise error or OSError("the file server was away")
        return {"x": seed / 7}

    return run


def one(run: Callable[..., Any], **fields: Any) -> Experiment:
    return Experiment("one", run, metrics=["x"], revision="1", **fields)


def test_a_retried_run_is_what_it_would_have_been_and_says_how_often_it_was_tried(
    store: Store, tmp_path: Path
) -> None:
    assert not go(one(flaky(2), retries=2), store, (1, 2)).failures
    at_once = Store(tmp_path / "at_once")
    assert not go(one(flaky(0)), at_once, (1, 2)).failures
    assert csv_bytes(store.table()) == csv_bytes(at_once.table())
    assert [record.notes for record in store.records()] == [
        {"attempts": 3}
    ] * 2  # read back: the digest holds
    assert [record.notes for record in at_once.records()] == [{}] * 2
    assert {record.key for record in store.records()} == {
        record.key for record in at_once.records()
    }
    log = store.log.read_text()
    assert len(re.findall("again: OSError: the file server was away$", log, re.MULTILINE)) == 4
    assert "one (defaults) seed 2: attempt 2 of 3" in log
    assert "    Traceback" in log


def test_without_retries_a_run_is_tried_once_and_with_too_few_it_says_how_often(
    store: Store,
) -> None:
    ((_, message),) = go(one(flaky(1)), store).failures
    assert message == "OSError: the file server was away"
    ((_, message),) = go(one(flaky(2)), store, retries=1).failures
    assert message == "OSError: the file server was away (attempt 2 of 2)"
    ((_, message),) = go(
        one(flaky(1), retries=5), store, retries=0
    ).failures  # the call has the last word
    assert message == "OSError: the file server was away"


def test_what_was_given_wrongly_is_not_tried_again(store: Store) -> None:
    ((_, message),) = go(one(flaky(1, FaevalError("no such factor")), retries=3), store).failures
    assert message == "no such factor"
    ((_, message),) = go(one(lambda arm, seed: {"y": 1}, retries=3), store, (2,)).failures
    assert "not declared" in message
    assert "tried again" not in store.log.read_text()


def test_only_the_part_that_failed_is_tried_again(store: Store) -> None:
    calls: list[str] = []

    def train(factors: Any, seed: int, *_: Any) -> dict[str, Any]:
        calls.append("train")
        return {"rows": [{"metric": "x", "epoch": 1, "value": 0.5}], "notes": {"steps": 3}}

    def audit(*_: Any) -> dict[str, Any]:
        calls.append("audit")
        if len(calls) < 3:
            raise RuntimeError("once")
        return {"rows": [{"metric": "x", "value": 1}], "notes": {"items": 5}}

    net = Experiment(
        "net", metrics=["x"], training=Stage(train), audits={"look": Stage(audit)}, retries=1
    )
    (job,) = go(net, store).finished
    assert calls == ["train", "audit", "audit"]
    training, look = store.training(job.key), store.audit(job.key, "look", job.audits["look"])
    assert training is not None
    assert look is not None
    assert (training.notes, look.notes) == ({"steps": 3}, {"items": 5, "attempts": 2})


# --- time limits ---


def sleeps(arm: Any, seed: int) -> dict[str, float]:
    time.sleep(600 if seed == 1 else 0)
    return {"x": seed}


def computes(arm: Any, seed: int) -> dict[str, float]:
    while seed == 1:
        time.sleep(0.001)  # for a thread, only between two steps of Python
    return {"x": seed}


def swallows(arm: Any, seed: int) -> dict[str, float]:
    end = time.monotonic() + (1.0 if seed == 1 else 0)
    while time.monotonic() < end:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)
    return {"x": seed}


LATE = "TimeoutError: took longer than its time limit of 0.5 s"


@pytest.mark.parametrize("run", [sleeps, computes, swallows])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_over_its_time_limit_fails_and_the_others_go_on(
    store: Store, run: Callable[..., Any], workers: int
) -> None:
    outcome = go(one(run, time_limit=0.5), store, (1, 2, 3), workers)
    assert [(job.seed, message) for job, message in outcome.failures] == [(1, LATE)]
    assert sorted(job.seed for job in outcome.finished) == [2, 3]
    assert store.table()["seed"].tolist() == [2, 3]
    time.sleep(0.1)  # no alarm is left behind


def test_a_time_limit_holds_in_a_thread_too(store: Store) -> None:
    """As on Dask's workers, where no signal reaches a run."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(go(one(computes, time_limit=0.5), store, (1, 2)))
    )
    thread.start()
    thread.join(timeout=120)
    assert [message for _, message in outcomes[0].failures] == [LATE]
    assert store.table()["seed"].tolist() == [2]


def test_a_training_stops_where_it_reports_and_leaves_nothing_half_written(store: Store) -> None:
    def train(
        factors: Any, seed: int, folder: Path, options: RunOptions, config: Any, progress: Any
    ) -> dict[str, Any]:
        (folder / "half.bin").write_bytes(b"half")
        for step in range(100_000):
            progress(step / 100_000)
            time.sleep(0.001)
        return {"rows": []}

    net = Experiment(
        "net", metrics=["x"], training=Stage(train), audits={"a": Stage(lambda *_: {"rows": []})}
    )
    ((job, message),) = go(net, store, time_limit=0.5).failures
    assert message == LATE
    assert list(store.folder(job.key).iterdir()) == []


def test_the_limit_is_for_a_training_and_its_audits_together(store: Store) -> None:
    def train(*_: Any) -> dict[str, Any]:
        time.sleep(0.6)
        return {"rows": [{"metric": "x", "epoch": 1, "value": 0.5}]}

    def audit(*_: Any) -> dict[str, Any]:
        time.sleep(0.6)
        return {"rows": [{"metric": "x", "value": 1}]}

    net = Experiment(
        "net", metrics=["x"], training=Stage(train), audits={"look": Stage(audit)}, time_limit=1
    )
    ((_, message),) = go(net, store).failures
    assert re.match(r"TimeoutError: .*\b1 s$", message)
    assert len(list(store.records())) == 1  # the training is kept
    assert not go(net, store).failures  # and another call goes on from there


def test_retries_and_time_limit_are_no_part_of_a_runs_key(store: Store) -> None:
    variants = ({}, {"retries": 3}, {"time_limit": 9.0})
    keys = {plan([Need(one(sleeps, **fields), Arm(), 2)], store).jobs[0].key for fields in variants}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"retries": -1}, "retries=-1 .int. must be a whole number >= 0"),
        ({"retries": 1.5}, "retries=1.5 .float."),
        ({"retries": True}, "retries=True .bool."),
        ({"time_limit": 0}, "time_limit=0 .int. must be a number of seconds > 0"),
        ({"time_limit": float("nan")}, "time_limit=nan"),
        ({"time_limit": "60"}, "time_limit='60' .str."),
    ],
)
def test_what_is_no_number_of_retries_or_seconds_is_refused(
    store: Store, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(FaevalError, match=says):
        one(sleeps, **fields)
    with pytest.raises(FaevalError, match=says):
        go(one(sleeps), store, (2,), **fields)
    with pytest.raises(FaevalError, match=says):  # with nothing to run, too
        go(one(sleeps), store, (), **fields)


@pytest.mark.parametrize("lag", [0.0, 0.0005, 0.001, 0.002])
def test_an_interruption_at_any_moment_stays_inside(lag: float) -> None:
    """The timer rings while a step ends, reports, or is being left: nothing but TimeoutError or its
    result comes out.
    """
    from faeval.campaign._deadline import Deadline

    before = signal.getsignal(signal.SIGALRM)
    for number in range(150):
        deadline = Deadline(0.002 + number % 7 * 1e-4)
        told = deadline.checking(lambda _: None)

        def step(told: Any = told, end: float = deadline.end + lag - 0.001) -> str:
            while time.monotonic() < end:
                told(0.5)
            return "done"

        with contextlib.suppress(TimeoutError):
            assert deadline.call(step) == "done"
        assert signal.getsignal(signal.SIGALRM) == before
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
