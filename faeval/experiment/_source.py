"""A digest of source code: the revision of what names none."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any


def source_digest(run: Callable[..., Any] | str) -> str:
    """Return a digest of the source of a function or class; "1" for one that is named by its path."""
    if isinstance(run, str):
        return "1"
    try:
        source = inspect.getsource(run)
    except (OSError, TypeError):  # defined at a prompt, or no Python function
        source = getattr(run, "__qualname__", repr(type(run)))
    return "source-" + hashlib.sha256(source.encode()).hexdigest()[:16]
