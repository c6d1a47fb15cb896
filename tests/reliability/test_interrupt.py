"""Ctrl-C: the first press lets the running runs finish, the second stops at once, and neither loses
what was finished.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX")


def reading(process: subprocess.Popen[bytes]) -> list[str]:
    """Collect what the process says on stderr, line by line, while it goes on."""
    lines: list[str] = []
    assert process.stderr is not None
    stream = process.stderr
    threading.Thread(
        target=lambda: lines.extend(iter(lambda: stream.readline().decode(), "")), daemon=True
    ).start()
    return lines


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_first_press_lets_the_running_runs_finish(
    campaign: Any, until: Callable[..., None], workers: int
) -> None:
    with campaign.start("--workers", str(workers), PAUSE="1.5") as process:
        lines = reading(process)
        until(lambda: len(campaign.executions()) >= workers or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
        assert process.wait(timeout=120) == 130, lines
    until(lambda: any("interrupted" in line for line in lines))
    (said,) = [line for line in lines if "stopping" in line]
    begun = len(campaign.executions())
    assert re.search(r"stopping: [12] .*\b1[234] .*; press Ctrl-C again", said), said
    assert workers <= begun <= workers + 1  # one more only where it was handed out as another ended
    assert len(campaign.kept()) == begun  # and they were let finish
    log = campaign.store.log.read_text()
    assert "stopping: " in log
    assert "stopped by KeyboardInterrupt" in log
    assert f"{begun} done, 0 failed, {campaign.total - begun} left" in log
    assert "Traceback" not in "".join(lines)

    done = campaign.verify(PAUSE="0")
    assert done.returncode == 0, done.stderr
    assert max(campaign.counts().values()) == 1  # nothing was done twice
    log = campaign.store.log.read_text()
    left = campaign.total - begun
    assert f"goes on: {begun} of {campaign.total} runs are there, {left} runs to do;" in log


@pytest.mark.slow
def test_after_a_press_no_run_begins_for_one_that_has_ended(
    campaign: Any, until: Callable[..., None]
) -> None:
    """joblib looks as many jobs ahead as there are workers."""
    with campaign.start("--workers", "4", SLOW="2 5") as process:  # the first ends at once
        until(lambda: len(campaign.executions()) >= 5 or process.poll() is not None)
        until(lambda: ": done in " in campaign.store.log.read_text())
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert len(campaign.executions()) == len(campaign.kept()) == 5
    assert "stopping: 4 running, 10 more not begun" in campaign.store.log.read_text()


def test_a_second_press_stops_at_once_and_loses_nothing_finished(
    campaign: Any, until: Callable[..., None], lives: Callable[[int], bool]
) -> None:
    with campaign.start(SLOW="3 600") as process:  # from the third execution on: ten minutes each
        lines = reading(process)
        until(lambda: len(campaign.executions()) >= 4 or process.poll() is not None)
        until(lambda: campaign.store.log.read_text().count(": done in ") == 2)
        os.killpg(process.pid, signal.SIGINT)
        until(lambda: any("stopping: 2 running" in line for line in lines))
        assert process.poll() is None  # it waits for them
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=120) == 130, lines
    until(lambda: not any(lives(pid) for pid, _ in campaign.executions()))
    assert len(campaign.kept()) == 2
    assert "Traceback" not in "".join(lines)
    assert not list(campaign.store.root.rglob("*.tmp"))
    assert campaign.verify(PAUSE="0").returncode == 0
    assert sorted(campaign.counts().values()) == [1] * (campaign.total - 2) + [
        2,
        2,
    ]  # those that were running


@pytest.mark.slow
def test_without_anyone_to_tell_the_first_press_stops_at_once(
    campaign: Any, until: Callable[..., None]
) -> None:
    """From Python, without ``progress``: nobody would see that the campaign waits."""
    code = "import faeval as fe; fe.verify('claims.py', workers=2)"
    with campaign.run([sys.executable, "-c", code], PAUSE="600") as process:
        until(lambda: len(campaign.executions()) >= 2 or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert errors.decode().strip().endswith("KeyboardInterrupt")
