"""A time limit that holds inside a run: a timer interrupts the code of the run, whoever wrote it."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

_AGAIN = 1.0  # seconds after which code that went on all the same is interrupted once more


class _Overdue(BaseException):
    """Raised in the run's own code; no Exception, so that ``except Exception`` there does not swallow it."""


class Deadline:
    """The moment at which a run must be over; with ``seconds=None``, never.

    In the main thread of a process (loky's and Ray's workers) a signal interrupts even a sleep; in another thread (Dask's
    workers), and where there are no such signals, the exception comes with the next step of Python code. Neither can
    interrupt a single call of compiled code: the run fails as soon as that returns.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + (seconds or 0.0)

    @contextlib.contextmanager
    def enforced(self) -> Iterator[None]:
        """Raise TimeoutError from the code inside as soon as the time is over."""
        if self.seconds is None:
            yield
            return
        left = self.end - time.monotonic()
        if left <= 0:
            raise self._error()
        by_signal = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
        try:
            with _by_signal(left) if by_signal else _by_thread(left):
                yield
        except _Overdue:
            raise self._error() from None
        if time.monotonic() > self.end:  # it swallowed the interruption, or could not be interrupted
            raise self._error()

    def checking(self, progress: Callable[[float], None]) -> Callable[[float], None]:
        """Return a callback that asks for the time, too: a training loop that reports stops between two steps."""

        def told(fraction: float) -> None:
            if self.seconds is not None and time.monotonic() > self.end:
                raise _Overdue
            progress(fraction)

        return told

    def _error(self) -> TimeoutError:
        return TimeoutError(f"took longer than its time limit of {self.seconds:g} s")


@contextlib.contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    armed = True

    def ring(signum: int, frame: FrameType | None) -> None:
        if armed:
            raise _Overdue

    before, timer = signal.signal(signal.SIGALRM, ring), signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        try:
            yield
        finally:
            armed = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    run, over, lock = threading.get_ident(), threading.Event(), threading.Lock()
    interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch() -> None:
        pause = seconds
        while not over.wait(pause):
            with lock:
                if not over.is_set():
                    interrupt(ctypes.c_ulong(run), ctypes.py_object(_Overdue))
            pause = _AGAIN

    threading.Thread(target=watch, daemon=True).start()
    try:
        try:
            yield
        finally:
            over.set()
    finally:
        with lock:
            interrupt(ctypes.c_ulong(run), None)  # one that was sent and has not arrived
