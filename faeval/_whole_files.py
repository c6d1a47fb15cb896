"""The one writer of files: whole or not at all, one file or several together."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from faeval.errors import FaevalError

#: The folder of files that are whole and count, though some are not in their places yet.
_READY = ".faeval-ready"
#: And of files that are being written: they count for nothing.
_WRITING = ".faeval-writing"

Content = bytes | Callable[[Path], object]


def replace_file(path: Path, *content: bytes) -> None:
    """Write a file by rename, so that a reader sees the old file or the new one, never a part."""
    with replacing(path) as file:
        file.writelines(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which takes the place of ``path`` unless something is raised.

    It is on the disk before the name is, and the name before this returns.
    """
    partial = path.with_name(f".{path.name[:99]}.{secrets.token_hex(8)}.tmp")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _flush_names(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk does not name the file
            error.filename = str(path)
        raise


def _flush_names(folder: Path) -> None:
    """Make a rename survive a loss of power, where the file system can do this for a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_together(folder: Path, contents: Iterable[tuple[str, Content]]) -> list[Path]:
    """Write all of some files into a folder, or none, and return their paths.

    They are written into a folder beside them, and one rename says that they count. A writer that
    is killed after it leaves some of them there, and whoever reads next puts them in place: see
    :func:`settle`.

    Parameters
    ----------
    contents
        Name and content of each file; a function writes it to the path that it is given. A name may
        have a folder.

    Raises
    ------
    OSError
        The folder cannot be made or written to; what was there before still is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    partial = folder / f"{_WRITING}.{os.getpid()}.{secrets.token_hex(4)}"
    names: list[str] = []
    try:
        partial.mkdir()
        for name, content in contents:
            _write(partial / name, content)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (folder / name).is_dir():  # found out now, while nothing is lost
                raise IsADirectoryError(f"{name} is a folder there")
            names.append(name)
        settle(folder)
        partial.rename(folder / _READY)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    settle(folder)
    return [folder / name for name in names]


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)


def settle(folder: Path) -> None:
    """Put in place what a writer that was killed has left whole in a folder.

    Raises
    ------
    FaevalError
        It cannot be: what lies in the folder is partly old and partly new.
    """
    ready = folder / _READY
    if not os.path.isdir(ready):  # noqa: PTH112 - says no where it may not look
        return
    try:
        # In the order of their names, verdicts.json, which says what the others are, is the last of
        # a report.
        for path in sorted(p for p in ready.rglob("*") if not p.is_dir()):
            try:
                path.replace(folder / path.relative_to(ready))
            except FileNotFoundError:  # another process was faster
                if path.exists():
                    raise
        for emptied in sorted((p for p in ready.rglob("*") if p.is_dir()), reverse=True):
            emptied.rmdir()
        ready.rmdir()
    except OSError as error:
        if not ready.is_dir():
            return
        raise FaevalError(
            f"{folder}: whoever wrote these files was stopped before all were in place, and the"
            f" rest, in {_READY}, cannot be moved ({error.strerror or error}); make the folder"
            " writable."
        ) from None


def files_in(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that match, sorted, once none is half in place."""
    paths = list(folder.rglob(pattern))
    ready = {parent.parent for path in paths for parent in path.parents if parent.name == _READY}
    for at in ready:
        settle(at)
    paths = list(folder.rglob(pattern)) if ready else paths
    return sorted(
        p for p in paths if not any(part.startswith((_READY, _WRITING)) for part in p.parts)
    )


def _clear(folder: Path) -> None:
    """Remove what writers left that are no more; only where the system says who still is."""
    for folder_of_writer in folder.glob(f"{_WRITING}.*") if os.name == "posix" else ():
        try:
            os.kill(int(folder_of_writer.name.split(".")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder_of_writer, ignore_errors=True)
        except (PermissionError, ValueError, IndexError):  # another user's, or none of ours
            continue
