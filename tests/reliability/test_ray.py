"""Campaigns on a Ray cluster that runs already, with processes of its own. ``tox -e ray``"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs Ray: pip install 'faeval[ray]', or tox -e ray")

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "PYTHONWARNINGS": "ignore"}


@contextlib.contextmanager
def cluster(cpus: int = 2, **environment: str) -> Iterator[str]:
    """A head with CPUs, started as one starts it by hand; gives its address."""
    env = {**os.environ, **QUIET, "OMP_NUM_THREADS": "1", **environment}
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # short: it holds sockets
        command = [
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            "--head",
            "--port=0",
            "--block",
        ]
        command += [
            f"--num-cpus={cpus}",
            "--include-dashboard=false",
            f"--temp-dir={folder}",
            "--node-ip-address=127.0.0.1",
        ]
        process = subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            said = ""
            address = None
            while address is None:
                line = process.stdout.readline()
                said += line
                assert line, said
                address = re.search(r"--address='([0-9.]+:[0-9]+)'", line)
            yield address[1]
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
            if process.stdout is not None:
                process.stdout.close()


def test_a_campaign_on_ray_survives_a_failure_a_killed_worker_and_a_run_that_kills_them_all(
    campaign: Any, undisturbed: bytes, until: Callable[..., None]
) -> None:
    harm = {"PAUSE": "0.3", "BAD": "2 3", "FATAL": "2 1"}
    with (
        cluster(**harm) as address,
        campaign.start("--backend", "ray", "--cluster", address, **QUIET, **harm) as process,
    ):
        until(lambda: len(campaign.executions()) >= 4 or process.poll() is not None)
        os.kill(campaign.executions()[-1][0], signal.SIGKILL)
        _, errors = process.communicate(timeout=100)
    assert process.returncode == 11, errors
    assert b"failed: toy dose=2 seed 3: ValueError: bad" in errors
    assert b"failed: toy dose=2 seed 1: its worker was killed 3 times" in errors
    assert len(campaign.kept()) == campaign.total - 2
    assert process.pid not in {pid for pid, _ in campaign.executions()}
    assert "13 done, 2 failed, 0 left" in campaign.store.log.read_text()
    with cluster(PAUSE="0") as address:
        again = campaign.verify("--workers", "2", "--backend", "ray", "--cluster", address, **QUIET)
    assert (again.returncode, again.stdout) == (0, undisturbed), again.stderr


def test_ctrl_c_and_time_limits_hold_on_ray(campaign: Any, until: Callable[..., None]) -> None:
    slow = {"SLOW": "1 600"}
    options = ("--backend", "ray", "--time-limit", "2", "--cluster")
    with cluster(**slow) as address, campaign.start(*options, address, **QUIET, **slow) as process:
        until(lambda: len(campaign.executions()) >= 2 or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=100)
    assert process.returncode == 130, errors
    assert b"stopping: " in errors
    assert (
        b"TimeoutError: took longer than its time limit of 2 s\nand 1 more run failed likewise"
        in errors
    )
    assert 2 <= campaign.counts().total() <= 3


def test_what_is_no_cluster_is_one_clear_line(campaign: Any) -> None:
    nobody = campaign.verify(
        "--workers", "2", "--backend", "ray", "--cluster", "127.0.0.1:9", **QUIET
    )
    assert nobody.returncode == 2
    assert (
        nobody.stderr.decode()
        .splitlines()[-1]
        .startswith("faeval: backend='ray': no cluster at '127.0.0.1:9'")
    )
    assert b"Traceback" not in nobody.stderr
    with cluster(cpus=1) as address:
        small = campaign.verify("--workers", "2", "--backend", "ray", "--cluster", address, **QUIET)
    assert small.returncode == 2
    assert b"room for 1 runs of 1 threads, and Ray's pool needs two at least" in small.stderr
    assert not campaign.executions()
