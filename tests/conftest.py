"""What all tests share: hypothesis without a deadline, and Ctrl-C as at a terminal."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from hypothesis import Phase, settings

# Several workers of pytest-xdist share the cores: each takes one thread, before any library looks.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline for an example: the cores are shared, and a slow machine is no finding about a
# statistic. Nor is a failure explained line by line: that traces each call, and on Python 3.11 a
# traced call was seen to go on forever.
settings.register_profile(
    "faeval", deadline=None, phases=[phase for phase in Phase if phase is not Phase.explain]
)
settings.load_profile("faeval")

# A script that starts the tests in its background makes them ignore Ctrl-C, and so would the
# processes that tests send it to.
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


class Group(subprocess.Popen[Any]):
    """A process in a session of its own, killed with all it started where its ``with`` is left by
    an error.

    ``subprocess.Popen`` would wait for it there: where a test fails that has made its campaign
    slow, for hours.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, start_new_session=True, **options)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and so has all it started
                os.killpg(self.pid, signal.SIGKILL)
        super().__exit__(kind, error, trace)


@pytest.fixture(scope="session")
def group() -> type[Group]:
    """``subprocess.Popen`` in a session of its own, of which nothing is left where a test fails."""
    return Group
