"""What a user's code raises, prints, closes and changes stays in its own run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import Arm, Experiment


class Textless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Unreadable(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise SystemError("no attribute")


class Panic(BaseException):
    pass


class Wordless:
    def __float__(self) -> float:
        raise KeyError("no number")

    def __repr__(self) -> str:
        raise KeyError("no word")


def endless(n: int = 0) -> int:
    return endless(n + 1) + 1


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


FAULTS: list[Callable[[], Any]] = [
    raising(asyncio.CancelledError()),
    raising(GeneratorExit()),
    raising(SystemExit(0)),
    raising(Panic("at the disk")),
    lambda: pytest.skip("not today"),
    lambda: pytest.fail("not today"),
    raising(Textless()),
    lambda: raising(Unreadable())(),
    lambda: os._exit(0),
    raising(ValueError("cannot read " + b"caf\xe9.csv".decode("utf-8", "surrogateescape"))),
    raising(ValueError("x" * 5_000_000)),
    raising(ExceptionGroup("two", [ValueError("1"), KeyError("2")])),
    endless,
    lambda: {"x": lambda: 1},
    lambda: {"x": Wordless()},
    Wordless,
    lambda: {"x": 10**400},
    lambda: [{"metric": "x", "value": 1, "epoch": 2**63}],
    lambda: [{"metric": "x", "value": 1, "layer": np.True_}],
]


def test_whatever_comes_out_of_a_run_is_its_failure_and_the_others_go_on(tmp_path: Path) -> None:
    def run(arm: Any, seed: int) -> Any:
        return (
            FAULTS[seed]()
            if seed < len(FAULTS)
            else [{"metric": "x", "value": 1, "epoch": np.int64(3)}]
        )

    store = Store(tmp_path / "store")
    faulty = Experiment("faulty", run, metrics=["x"], revision="1")
    wanted = [Need(faulty, Arm(), seed) for seed in range(len(FAULTS) + 1)]
    outcome = execute(plan(wanted, store), store, Execution(workers=1))
    assert [job.seed for job, _ in outcome.failures] == list(range(len(FAULTS)))
    assert [job.seed for job in outcome.finished] == [len(FAULTS)]
    for _, message in outcome.failures:
        assert 0 < len(message.encode()) < 2000
        assert "\n" not in message
    assert store.log.stat().st_size < 1_000_000
    (record,) = store.records()
    assert record.rows == (("x", 3, None, 1.0, "measured"),)


def test_a_child_that_comes_back_from_a_run_keeps_no_result(tmp_path: Path) -> None:
    def run(arm: Any, seed: int) -> dict[str, float]:
        child = os.fork()
        if child == 0:
            return {"x": -1.0}
        os.waitpid(child, 0)
        return {"x": 1.0}

    store = Store(tmp_path / "store")
    forking = Experiment("forking", run, metrics=["x"], revision="1")
    assert (
        len(execute(plan([Need(forking, Arm(), 1)], store), store, Execution(workers=1)).finished)
        == 1
    )
    (record,) = store.records()
    assert record.rows == (("x", None, None, 1.0, "measured"),)
    assert store.log.read_text().count("1 done") == 1


def test_ctrl_c_is_no_failure_of_a_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    stopped = Experiment(
        "stopped", lambda arm, seed: raising(KeyboardInterrupt())(), metrics=["x"], revision="1"
    )
    with pytest.raises(KeyboardInterrupt):
        execute(plan([Need(stopped, Arm(), 1)], store), store, Execution(workers=1))


def _disturb(arm: Any, seed: int) -> dict[str, float]:
    os.chdir("/")
    os.environ["PATH"] = "nowhere"
    os.environ["STRANGE"] = "1"
    sys.path.insert(0, "nowhere")
    warnings.simplefilter("error")
    np.seterr(all="raise")
    signal.signal(signal.SIGTERM, lambda *_: None)
    print("printed", flush=True)
    os.system("echo from a subprocess")
    os.write(1, b"from C\n")
    if seed == 1:
        sys.stdout.close()
        sys.stderr.close()
    if seed == 2:
        sys.stdout = sys.stderr = None  # type: ignore[assignment]
    if seed == 3:
        os.close(1)
    return {"x": seed}


def test_what_a_run_does_to_its_process_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(Path("store"))
    rude = Experiment("rude", _disturb, metrics=["x"], revision="1")
    state = (
        dict(os.environ),
        list(sys.path),
        list(warnings.filters),
        np.geterr(),
        signal.getsignal(signal.SIGTERM),
    )
    streams = sys.stdout, sys.stderr
    assert (
        len(
            execute(
                plan([Need(rude, Arm(), s) for s in (1, 2, 3)], store), store, Execution(workers=1)
            ).finished
        )
        == 3
    )
    now = (
        dict(os.environ),
        list(sys.path),
        list(warnings.filters),
        np.geterr(),
        signal.getsignal(signal.SIGTERM),
    )
    assert now == state
    assert (sys.stdout, sys.stderr) == streams
    assert Path.cwd() == tmp_path
    print("a result", flush=True)
    out, err = capfd.readouterr()
    assert out == "a result\n"
    assert err.count("from a subprocess") == err.count("from C") == 3
