"""Campaigns over real processes: what is sent, what is killed, what is left."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faeval.campaign import Event, Execution, Need, execute, plan
from faeval.evidence import Store, csv_bytes
from faeval.experiment import Arm, Experiment

# A claims file as a stranger may write it: helpers of its own, a closure, a lambda.
CLAIMS = """
import math
import os
import signal
import time
from pathlib import Path

from faeval.experiment import Experiment

FOLDER = Path(r"@FOLDER@")
OFFSET = 0.5


def helper(x):
    return math.sqrt(x) + OFFSET


def run(arm, seed):
    with (FOLDER / "calls.log").open("a") as log:
        log.write(f"{os.getpid()} {arm['kind']} {seed}\\n")
    if arm["kind"] == "fails" and seed == 2:
        raise ValueError("two is too many")
    if arm["kind"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if arm["kind"] == "dies_once" and not (FOLDER / "died").exists():
        (FOLDER / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if arm["kind"] == "sleeps" and seed > 2 and not (FOLDER / "quick").exists():
        time.sleep(600)
    if arm["kind"] == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)
    if arm["kind"] == "slow":
        time.sleep(0.3)
    return {"x": helper(seed), "pid": os.getpid()}


mine = Experiment("mine", run, factors={"kind": "plain"}, metrics=["x", "pid"])
"""

CAMPAIGN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import claims
from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import Arm
store = Store(Path(sys.argv[1]) / "store")
try:
    needs = [Need(claims.mine, Arm(kind="sleeps"), seed) for seed in range(1, 6)]
    outcome = execute(plan(needs, store), store, Execution(workers=2))
except KeyboardInterrupt:
    sys.exit(130)
sys.exit(len(outcome.failures))
"""


@pytest.fixture
def mine(tmp_path: Path) -> Experiment:
    path = tmp_path / "claims.py"
    path.write_text(CLAIMS.replace("@FOLDER@", str(tmp_path)))
    spec = importlib.util.spec_from_file_location("claims_of_a_stranger", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # under a name that no worker could import
    spec.loader.exec_module(module)
    experiment: Experiment = module.mine
    return experiment


def calls(folder: Path) -> list[list[str]]:
    log = folder / "calls.log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def seeds(folder: Path, kind: str) -> list[int]:
    return [int(seed) for _, found, seed in calls(folder) if found == kind]


def go(experiment: Experiment, store: Store, needs: list[tuple[str, int]], **options: Any) -> Any:
    wanted = [Need(experiment, Arm(kind=kind), seed) for kind, seed in needs]
    progress = options.pop("progress", None)
    return execute(plan(wanted, store), store, Execution(**options), progress)


def measured(store: Store) -> list[str]:
    """What the runs gave, without which process gave it."""
    table = store.table()
    return csv_bytes(table[table["metric"] == "x"]).decode().splitlines()[1:]


def test_workers_give_what_this_process_gives_and_a_failure_stays_alone(
    mine: Experiment, tmp_path: Path
) -> None:
    needs = [(kind, seed) for kind in ("plain", "fails") for seed in (1, 2, 3)]
    events: list[Event] = []
    over = go(mine, Store(tmp_path / "over"), needs, workers=2, progress=events.append)
    here = go(mine, Store(tmp_path / "here"), needs, workers=1)
    assert measured(Store(tmp_path / "over")) == measured(Store(tmp_path / "here"))
    for outcome in (over, here):
        assert [(str(job), message) for job, message in outcome.failures] == [
            ("mine kind=fails seed 2", "ValueError: two is too many")
        ]
    table = Store(tmp_path / "over").table()
    assert os.getpid() not in set(table[table["metric"] == "pid"]["value"])
    assert "two is too many" in Store(tmp_path / "over").log.read_text()
    assert sorted(event.kind for event in events) == ["failed"] + ["finished"] * 5 + ["started"] * 6
    assert [event.done for event in events if event.kind != "started"] == [1, 2, 3, 4, 5, 6]
    for job in {event.job for event in events}:
        assert [event.kind == "started" for event in events if event.job is job] == [True, False]


@pytest.mark.slow
def test_a_killed_worker_takes_no_other_run_with_it(mine: Experiment, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    needs = [("dies", 1), ("slow", 1), ("dies_once", 1), ("plain", 2), ("plain", 3)]
    outcome = go(mine, store, needs, workers=2)
    ((job, message),) = outcome.failures
    assert str(job) == "mine kind=dies seed 1"
    assert re.match(r"its worker .*killed 3 times", message)
    assert len(outcome.finished) == 4
    assert [line.split(",")[1] for line in measured(store)] == [
        "",
        "",
        "kind=dies_once",
        "kind=slow",
    ]
    assert seeds(tmp_path, "dies") == [1, 1, 1]
    assert message in store.log.read_text()


def test_a_function_that_cannot_be_sent_is_a_failure_of_its_own(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        stuck = Experiment("stuck", lambda arm, seed: {"x": file.fileno()}, metrics=["x"])
        store = Store(tmp_path / "store")
        ((_, message),) = execute(
            plan([Need(stuck, Arm(), 1)], store), store, Execution(workers=2)
        ).failures
    assert re.match(r"its function .*; use workers=1", message)


def test_a_worker_leaves_ctrl_c_to_the_campaign(mine: Experiment, tmp_path: Path) -> None:
    assert len(go(mine, Store(tmp_path / "store"), [("interrupted", 1)], workers=2).finished) == 1


def test_an_error_in_the_callers_own_callback_stops_the_workers(
    mine: Experiment, tmp_path: Path, until: Callable[..., None], lives: Callable[[int], bool]
) -> None:
    def progress(event: Event) -> None:
        if event.kind == "finished":
            raise RuntimeError("no terminal")

    store = Store(tmp_path / "store")
    with pytest.raises(RuntimeError, match="no terminal") as caught:
        go(mine, store, [("sleeps", seed) for seed in (3, 1)], workers=2, progress=progress)
    assert caught.traceback  # it holds all that was open, which must not hold the workers
    until(lambda: not any(lives(int(pid)) for pid, _, _ in calls(tmp_path)))
    assert [line.split(",")[2] for line in measured(store)] == ["1"]


@pytest.mark.parametrize("how", [pytest.param("ctrl-c", marks=pytest.mark.slow), "kill -9"])
def test_a_campaign_that_is_stopped_keeps_what_is_done_and_leaves_no_process(
    mine: Experiment,
    tmp_path: Path,
    how: str,
    group: type[subprocess.Popen[str]],
    until: Callable[..., None],
    lives: Callable[[int], bool],
) -> None:
    command = [sys.executable, "-c", CAMPAIGN, str(tmp_path)]
    store = Store(tmp_path / "store")
    with group(command, stderr=subprocess.PIPE, text=True) as process:
        until(
            lambda: (
                {1, 2, 3, 4} <= set(seeds(tmp_path, "sleeps"))
                and len(list(store.runs.glob("*/audit*.json"))) == 2
            )
        )
        workers = {int(pid) for pid, _, _ in calls(tmp_path)}
        assert all(lives(pid) for pid in workers)
        if how == "ctrl-c":
            os.killpg(
                process.pid, signal.SIGINT
            )  # as a terminal does: to all processes of the group
        else:
            process.kill()
        _, errors = process.communicate(timeout=150)
    assert process.returncode == (130 if how == "ctrl-c" else -signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in workers), 60)
    if how == "ctrl-c":
        assert errors == ""
    assert [line.split(",")[2] for line in measured(store)] == ["1", "2"]
    assert not [path for path in store.runs.rglob("*") if path.suffix == ".tmp"]

    (tmp_path / "quick").touch()
    before = len(calls(tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(int(seed) for _, _, seed in calls(tmp_path)[before:]) == [
        3,
        4,
        5,
    ]  # what was done is not done again
    undisturbed = Store(tmp_path / "undisturbed")
    go(mine, undisturbed, [("sleeps", seed) for seed in range(1, 6)], workers=1)
    assert measured(store) == measured(undisturbed)
