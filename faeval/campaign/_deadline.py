"""A time limit inside a run: a timer interrupts the run's code, whoever wrote it."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

_AGAIN = 1.0  # seconds after which code that went on all the same is interrupted once more
_T = TypeVar("_T")


class _Overdue(BaseException):
    """Raised in the run's own code when its time is over.

    It is no Exception, so that ``except Exception`` there does not swallow it.
    """


class Deadline:
    """The moment at which a run must be over; with ``seconds=None``, never.

    In the main thread of a process (loky's and Ray's workers) a signal interrupts even a sleep; in
    another thread (Dask's workers), and where there are no such signals, the exception comes with
    the next step of Python code. Neither can interrupt a single call of compiled code: the run
    fails as soon as that returns.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + (seconds or 0.0)
        self._raised = -_AGAIN  # when the run was interrupted last
        self._armed = False

    def call(self, step: Callable[[], _T]) -> _T:
        """Return what a step returns; raise TimeoutError inside it when the time is over.

        An interruption may come at any moment, this function's own lines among them. So it is all
        in one frame, and no context manager, whose exit could be interrupted before it knows:
        whenever the timer rings, the handler below is around it, and what it does first is to
        disarm the timer.
        """
        step = _in_this_process(step)
        if self.seconds is None:
            return step()
        seconds = self.end - time.monotonic()
        if seconds <= 0:
            raise self._error()
        by_signal = threading.current_thread() is threading.main_thread() and hasattr(
            signal, "setitimer"
        )
        stop = self._by_signal(seconds) if by_signal else self._by_thread(seconds)
        try:
            try:
                self._armed = True
                result = step()
                self._armed = False
            except _Overdue:
                self._armed = False
                raise self._error() from None
            finally:
                self._armed = False
                stop()
        except _Overdue:  # in the lines between
            self._armed = False
            stop()
            raise self._error() from None
        if (
            time.monotonic() > self.end
        ):  # it swallowed the interruption, or could not be interrupted
            raise self._error()
        return result

    def checking(self, progress: Callable[[float], None]) -> Callable[[float], None]:
        """Return a progress callback that also checks the time, between two training steps."""

        def told(fraction: float) -> None:
            if self.seconds is not None and time.monotonic() > self.end:
                self._raised = time.monotonic()  # the timer does not ring into what this sets off
                raise _Overdue
            progress(fraction)

        return told

    def _due(self) -> bool:
        """Whether to interrupt the run now: not while an earlier interruption is on its way out."""
        now = time.monotonic()
        if not self._armed or now - self._raised < _AGAIN / 2:
            return False
        self._raised = now
        return True

    def _error(self) -> TimeoutError:
        return TimeoutError(f"took longer than its time limit of {self.seconds:g} s")

    def _by_signal(self, seconds: float) -> Callable[[], None]:
        def ring(signum: int, frame: FrameType | None) -> None:
            if self._due():
                raise _Overdue

        before, timer = (
            signal.signal(signal.SIGALRM, ring),
            signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN),
        )

        def stop() -> None:
            signal.setitimer(signal.ITIMER_REAL, *timer)
            signal.signal(signal.SIGALRM, before)

        return stop

    def _by_thread(self, seconds: float) -> Callable[[], None]:
        run, over, lock = threading.get_ident(), threading.Event(), threading.Lock()
        interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc

        def watch() -> None:
            pause = seconds
            while not over.wait(pause):
                with lock:
                    if not over.is_set() and self._due():
                        interrupt(ctypes.c_ulong(run), ctypes.py_object(_Overdue))
                pause = _AGAIN

        threading.Thread(target=watch, daemon=True).start()

        def stop() -> None:
            over.set()
            with lock:
                interrupt(ctypes.c_ulong(run), None)  # one that was sent and has not arrived

        return stop


def _in_this_process(step: Callable[[], _T]) -> Callable[[], _T]:
    """Return the step's result in this process alone: a child that was forked in it ends."""

    def inside() -> _T:
        process = os.getpid()
        try:
            return step()
        finally:
            if os.getpid() != process:
                os._exit(1)

    return inside
