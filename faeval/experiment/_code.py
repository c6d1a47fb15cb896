"""The digest of a user's code: all that a function reaches of it.

It is the same in any process and folder.

What is reached becomes parts, each under the name that a reader knows it by: ``c.py:helper`` is a
function, class or constant of that file, ``helper.py`` a module that is imported, which counts as a
whole. Installed packages are not digested; their versions stand for them. What cannot be digested
is named.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import invalidate_caches
from typing import Any

from faeval.experiment._code_values import digest
from faeval.experiment._code_walk import Walk

_SHORT = 12  # digits of a part's digest


@dataclass(frozen=True)
class Code:
    """What a function reaches of the user's code: its digest, and what is not digested.

    With the digest of each part by name.

    All three are empty where nothing of it is the user's.
    """

    sha256: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    undigested: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sha256)


def code_of(call: Callable[..., Any] | str) -> Code:
    """Return the code that a callable, or the module of a path ``module:function``, reaches.

    A path is followed without importing it.
    """
    if isinstance(call, str) and call.startswith("faeval."):
        return Code()
    invalidate_caches()
    walk = Walk()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some objects warn when they are asked for their state
        walk.begin(call)
    digests = walk.digests()
    if not digests:
        return Code()
    parts = {name: part[:_SHORT] for name, part in digests.items()}
    return Code(digest(json.dumps(digests)), parts, tuple(sorted(walk.undigested)))


class Codes:
    """The code of callables, each worked out once.

    What a run changes while it runs is no change of its code.
    """

    def __init__(self) -> None:
        self._known: dict[object, tuple[object, Code]] = {}

    def of(self, call: Callable[..., Any] | str) -> Code:
        """Return the code that a callable, or what stands at a path, reaches."""
        key = call if isinstance(call, str) else id(call)
        if key not in self._known:
            self._known[key] = call, code_of(call)  # kept, so that its id is no other's
        return self._known[key][1]


def joined(digests: Mapping[str, str]) -> str:
    """Return one digest for those of several names: itself, where there is one."""
    return (
        next(iter(digests.values()))
        if len(digests) == 1
        else digest(json.dumps(sorted(digests.items())))
    )
