"""What all tests share: hypothesis without a deadline, and Ctrl-C as at a terminal."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Several workers of pytest-xdist share the cores: each takes one thread, before any library looks.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline for an example: the cores are shared, and a slow machine is no finding about a statistic.
settings.register_profile("faeval", deadline=None)
settings.load_profile("faeval")

# A script that starts the tests in its background makes them ignore Ctrl-C, and so would the processes that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait(until: Callable[[], bool], seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """``until(condition, seconds=150)`` waits for what another process is about to do."""
    return _wait


@pytest.fixture(scope="session")
def lives() -> Callable[[int], bool]:
    """``lives(pid)``: whether that process is there, and no zombie."""
    return _lives
