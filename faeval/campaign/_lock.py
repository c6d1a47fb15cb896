"""One run, one process: campaigns that share a store do not do the same run at the same time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_FOLDER = "locks"
_DIGITS = 4  # of a run's key name its lock file: however many runs, at most 65,536 files
_PAUSE = 0.2  # seconds between two tries


@contextlib.contextmanager
def reserved(store: Path, key: str, *, wait: bool) -> Iterator[bool | None]:
    """Hold a run while it is done; yield True if it is ours, False if another holds it.

    None where nobody can tell.

    The operating system holds the lock of a file of the store: it goes when its process goes,
    however that ends, so that none is ever stale and no clock is asked. It holds between machines
    where the file system passes locks on (NFS, Lustre with ``flock``, GPFS); on others a run may be
    done twice and is kept once. Two runs whose keys begin alike share a file, and then only wait.
    """
    folder = store / _FOLDER
    # What a file system without locks would get in their place, a killed process would hold.
    lock = FileLock(folder / f"{key[:_DIGITS]}.lock", mode=0o666, preserve_lock_file=True)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire(timeout=-1 if wait else 0, poll_interval=_PAUSE)
        ours: bool | None = True
    except Timeout:
        ours = False
    except OSError:  # a file system without locks, or that cannot be written
        ours = None
    try:
        yield ours
    finally:
        lock.release()
