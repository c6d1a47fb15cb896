"""One file written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def replace_file(path: Path, *content: bytes) -> None:
    """Put the content there by rename, so that a reader sees the old file or the new one, never a part.

    It is on the disk before the name is, and the name before this returns.
    """
    beside = path.with_name(f".{path.name[:99]}.{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        flush_names(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk does not name the file
            error.filename = str(path)
        raise


def flush_names(folder: Path) -> None:
    """Make a rename survive a loss of power. Some file systems cannot do this for a folder; the rename stands either way."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
