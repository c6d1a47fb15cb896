"""Keeps a claims file or a run from changing what this process prints, reads and decides."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TextIO

_LOCK = threading.Lock()
_inside: list[int] = []  # the threads that are inside at this moment: Dask's workers have several
_undo = contextlib.ExitStack()


class _Lent(io.TextIOBase):
    """A stream as code of others gets it: closing or detaching it leaves the stream alone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        pass

    def detach(self) -> Any:
        raise io.UnsupportedOperation("detach")

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors


@contextlib.contextmanager
def spared_stdout() -> Iterator[None]:
    """Send to stderr what is printed meanwhile: stdout is for results, such as JSON.

    So is what C code and subprocesses print. Afterwards both streams are what they were, whatever
    was closed or put in their place. ``os._exit`` raises SystemExit: it would end this process with
    a status of its own, and without a word.
    """
    me = threading.get_ident()
    with _LOCK:
        if not _inside:
            _lend()
            _forbid_exit()
        _inside.append(me)
    try:
        yield
    finally:
        with _LOCK:
            _inside.remove(me)
            if not _inside:
                _undo.close()


def _lend() -> None:
    out, err = sys.stdout, sys.stderr
    _flush(out, err)
    for descriptor, stream in ((1, out), (2, err)):
        _undo.callback(_give_back, descriptor, stream)
    with contextlib.suppress(OSError):  # without these descriptors nobody can write to them
        for descriptor in (1, 2):
            copy = os.dup(descriptor)
            _undo.callback(os.close, copy)
            _undo.callback(os.dup2, copy, descriptor)
        os.dup2(2, 1)
    sys.stdout = sys.stderr = _Lent(err if err is not None else io.StringIO())
    _undo.callback(_flush, sys.stderr)


def _forbid_exit() -> None:
    real, process = os._exit, os.getpid()

    def leave(status: int = 0) -> NoReturn:
        # A child that was forked, and a watchdog's thread, may end their process.
        if os.getpid() != process or threading.get_ident() not in _inside:
            real(status)
        raise SystemExit(f"os._exit({status}) was called")

    os._exit = leave
    _undo.callback(setattr, os, "_exit", real)


def _give_back(descriptor: int, stream: TextIO | None) -> None:
    name = {1: "stdout", 2: "stderr"}[descriptor]
    if stream is not None and stream.closed:
        with contextlib.suppress(OSError):
            stream = open(  # noqa: SIM115
                descriptor, "w", encoding=stream.encoding, errors=stream.errors, closefd=False
            )
    setattr(sys, name, stream)


def _flush(*streams: TextIO | _Lent | None) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            if stream is not None:
                stream.flush()
    with contextlib.suppress(Exception):  # what C code holds back would come after all else
        ctypes.CDLL(None).fflush(None)


def silence_stdout() -> None:
    """Send to stderr what this process still prints, until it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)


@contextlib.contextmanager
def same_folder() -> Iterator[None]:
    """Come back to the working directory."""
    try:
        before = os.getcwd()  # noqa: PTH109
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Undo what a run does to its process.

    That is to its streams, working directory, environment, import path, warnings and signals.
    """
    environment, path = dict(os.environ), list(sys.path)
    with spared_stdout(), same_folder(), warnings.catch_warnings(), _same_signals():
        try:
            yield
        finally:
            sys.path[:] = path
            if dict(os.environ) != environment:
                os.environ.clear()
                os.environ.update(environment)


def set_variable(name: str, value: str | None) -> None:
    """Set a variable of the environment; None takes it away."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


@contextlib.contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            set_variable(name, value)


@contextlib.contextmanager
def _same_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only that one can change them
        yield
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(kind) for kind in kinds]
    rung = signal.getitimer(signal.ITIMER_REAL)[0] if hasattr(signal, "getitimer") else None
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            if handler is not None and signal.getsignal(kind) is not handler:
                signal.signal(kind, handler)
        if rung == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
