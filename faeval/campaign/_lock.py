"""One run, one process: campaigns that share a store do not do the same run at the same time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: both campaigns then do the run, and keep the same record
    fcntl = None  # type: ignore[assignment]

_FILE = ".locks"
_SLOWEST = 0.5


@dataclass
class _Open:
    """The lock file of one store in this process, and the runs that it holds there."""

    file: int
    held: set[int]


_guard = threading.Lock()
_stores: dict[Path, _Open] = {}


@contextlib.contextmanager
def reserved(store: Path, key: str, *, wait: bool) -> Iterator[bool | None]:
    """Hold a run while it is done; yield True where it is ours, False where another holds it, None
    where nobody can tell.

    The lock is one byte of the store's lock file, locked by the operating system: it goes when its
    process goes, however that ends, so that none is ever stale and no clock is asked. It holds
    between machines where the file system passes locks on (NFS, Lustre with ``flock``, GPFS); on
    others, and on Windows, a run may be done twice and is kept once.
    """
    place = int(
        key[:15], 16
    )  # below 2 ** 60: two runs of one store meet there about never, and then only wait
    ours, pause = _take(store, place), 0.01
    while wait and ours is False:
        time.sleep(pause)
        pause = min(2 * pause, _SLOWEST)
        ours = _take(store, place)
    try:
        yield ours
    finally:
        if ours:
            _give_back(store, place)


def _take(store: Path, place: int) -> bool | None:
    if fcntl is None:
        return None
    with _guard:
        opened = _stores.get(store)
        if (
            opened is not None and place in opened.held
        ):  # by another thread: the system locks between processes alone
            return False
        try:
            if opened is None:
                opened = _Open(
                    os.open(store / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), set()
                )
        except OSError:
            return None
        try:
            fcntl.lockf(opened.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            ours: bool | None = False
        except OSError:  # a file system without locks
            ours = None
        else:
            ours = True
            opened.held.add(place)
            _stores[store] = opened
        if not opened.held:
            os.close(opened.file)
        return ours


def _give_back(store: Path, place: int) -> None:
    with _guard:
        opened = _stores[store]
        opened.held.discard(place)
        if opened.held:
            with contextlib.suppress(OSError):
                fcntl.lockf(opened.file, fcntl.LOCK_UN, 1, place)
        else:  # closing gives back every lock that this process has on the file
            del _stores[store]
            os.close(opened.file)
