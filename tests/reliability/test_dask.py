"""Campaigns on a Dask cluster, of real processes: ``tox -e dask``."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs Dask: pip install 'faeval[dask]', or tox -e dask")

QUIET = {
    "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error",
    "DASK_DISTRIBUTED__DASHBOARD__ENABLED": "False",
    "PYTHONWARNINGS": "ignore",
}


@contextlib.contextmanager
def dask(*words: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        cwd=cwd,
        env={**os.environ, **QUIET, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2, **environment: str) -> Iterator[str]:
    """A scheduler and workers, started as one starts them by hand; gives the scheduler file."""
    folder.mkdir(exist_ok=True)
    file = folder / "scheduler.json"
    address = ("--scheduler-file", str(file))
    with dask("scheduler", "--host", "127.0.0.1", "--port", "0", *address, cwd=folder):
        end = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < end, "no scheduler"
            time.sleep(0.05)
        with dask(
            "worker", *address, "--nworkers", str(workers), "--nthreads", "1",
            "--host", "127.0.0.1", "--local-directory", str(folder / "scratch"), cwd=folder,
            **environment,
        ):  # fmt: skip
            yield str(file)


def test_a_campaign_on_dask_gives_what_this_machine_gives_and_a_failure_stays_alone(
    campaign: Any, undisturbed: bytes, tmp_path: Path
) -> None:
    with cluster(tmp_path / "cluster", PAUSE="0.05", BAD="2 3") as file:
        first = campaign.verify("--workers", "2", "--backend", "dask", "--cluster", file)
        assert first.returncode == 11, first.stderr
        assert b"failed: toy dose=2 seed 3: ValueError: bad" in first.stderr
        assert len(campaign.kept()) == campaign.total - 1
        assert re.search(rb"1[45]/15 runs", first.stderr)  # 14 where the failure is the last to end
        pids = {pid for pid, _ in campaign.executions()}
        assert len(pids) == 2  # the cluster's two workers
        assert "14 done, 1 failed, 0 left" in campaign.store.log.read_text()
        assert "dask, 2 at a time" in campaign.store.log.read_text()
    with cluster(tmp_path / "again") as file:
        again = campaign.verify("--workers", "2", "--backend", "dask", "--cluster", file)
    assert (again.returncode, again.stdout) == (0, undisturbed), again.stderr
    assert campaign.counts().total() == campaign.total + 1
    assert not list(campaign.store.runs.glob(".campaign-*"))


def test_a_worker_that_is_killed_costs_one_run_and_a_run_that_kills_its_worker_is_named(
    campaign: Any, until: Callable[..., None], tmp_path: Path
) -> None:
    with cluster(tmp_path / "cluster", PAUSE="0.3") as file:
        with campaign.start("--backend", "dask", "--cluster", file) as process:
            until(lambda: len(campaign.executions()) >= 4 or process.poll() is not None)
            os.kill(campaign.executions()[-1][0], signal.SIGKILL)  # Dask's nanny starts another
            _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        assert len(campaign.kept()) == campaign.total
        assert campaign.counts().total() <= campaign.total + 2


def test_a_run_that_kills_every_worker_is_named_and_the_others_go_on(
    campaign: Any, tmp_path: Path
) -> None:
    with cluster(tmp_path / "cluster", FATAL="1 2", PAUSE="0.01") as file:
        done = campaign.verify("--workers", "2", "--backend", "dask", "--cluster", file)
    assert done.returncode == 11, done.stderr
    assert b"failed: toy dose=1 seed 2: its worker was killed 3 times" in done.stderr
    assert set(campaign.counts()) - set(campaign.kept()) == {"1 2"}
    assert len(campaign.kept()) == campaign.total - 1


def test_a_client_that_the_process_has_is_used(campaign: Any, tmp_path: Path) -> None:
    code = (
        "import sys, faeval as fe\n"
        "from distributed import Client\n"
        "with Client(scheduler_file=sys.argv[1]):\n"
        "    report = fe.verify('claims.py', backend='dask', workers=2)\n"
        "print(sorted(v.verdict for v in report.verdicts))\n"
    )
    with cluster(tmp_path / "cluster") as file:
        command = [sys.executable, "-c", code, file]
        done = subprocess.run(
            command, cwd=campaign.folder, capture_output=True, text=True, timeout=100, check=False
        )
    assert done.stdout == "['supported', 'supported']\n", done.stderr


def test_a_single_worker_does_all_runs_and_this_process_none(campaign: Any, tmp_path: Path) -> None:
    with cluster(tmp_path / "cluster", workers=1) as file:
        done = campaign.start("--backend", "dask", "--cluster", file, "--workers", "1")
        _, errors = done.communicate(timeout=100)
    assert done.returncode == 0, errors
    (pid,) = {pid for pid, _ in campaign.executions()}
    assert pid != done.pid


def test_ctrl_c_waits_for_what_runs_on_the_cluster(
    campaign: Any, until: Callable[..., None], tmp_path: Path
) -> None:
    with (
        cluster(tmp_path / "cluster", PAUSE="3") as file,
        campaign.start("--backend", "dask", "--cluster", file) as process,
    ):
        until(lambda: len(campaign.executions()) >= 2 or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        assert b"stopping: " in errors
        assert (
            len(campaign.kept()) == campaign.counts().total() <= 3
        )  # one may have been handed out as another ended


def test_a_time_limit_holds_on_dasks_threads(campaign: Any, tmp_path: Path) -> None:
    with cluster(tmp_path / "cluster", SPIN="0 0", PAUSE="0.01") as file:
        done = campaign.verify(
            "--workers", "2", "--backend", "dask", "--cluster", file, "--time-limit", "1"
        )
    assert (
        b"failed: toy (defaults) seed 0: TimeoutError: took longer than its time limit of 1 s"
        in done.stderr
    )
    assert len(campaign.kept()) == campaign.total - 1


def test_workers_that_do_not_see_the_store_are_told_before_any_run(
    campaign: Any, tmp_path: Path
) -> None:
    """Two folders of one name on two machines: here the worker sees the store's path through
    another root.
    """
    hide = tmp_path / "hide" / "sitecustomize.py"
    hide.parent.mkdir()
    # What the worker's machine lacks is a shared folder; the closest without a second machine: it
    # finds nothing there.
    hide.write_text(
        "import pathlib\nexists = pathlib.Path.exists\npathlib.Path.exists = lambda self, **k:"
        " '.campaign-' not in self.name and exists(self, **k)\n"
    )
    with cluster(tmp_path / "cluster", PYTHONPATH=str(hide.parent)) as file:
        refused = campaign.verify("--workers", "2", "--backend", "dask", "--cluster", file)
    assert refused.returncode == 2
    (line,) = refused.stderr.decode().splitlines()
    assert line.startswith("faeval: worker tcp://")
    assert str(campaign.store.root) in line
    assert "share" in line
    assert not campaign.executions()


def test_what_is_no_cluster_is_one_clear_line(campaign: Any) -> None:
    nobody = campaign.verify(
        "--backend",
        "dask",
        "--cluster",
        "tcp://127.0.0.1:9",
        DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s",
    )
    assert nobody.returncode == 2
    assert re.match(rb"faeval: backend='dask': .*'tcp://127\.0\.0\.1:9'", nobody.stderr)
    assert len(nobody.stderr.splitlines()) == 1
    nowhere = campaign.verify("--workers", "2", "--backend", "dask")
    assert nowhere.returncode == 2
    assert b"no cluster; name its scheduler" in nowhere.stderr
