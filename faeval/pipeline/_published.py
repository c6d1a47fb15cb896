"""The reports that faeval is published with: the claims and the evidence that they were decided
from, decided again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faeval
from faeval.errors import FaevalError
from faeval.pipeline._redecide import chosen_in, decide_stated, moved_since, stated
from faeval.reports import FORMS, Report

PUBLISHED = ("cifar10", "teacher", "digits", "cifar10-published-seeds")


@dataclass(frozen=True)
class Published:
    """A published report decided again, and what became of its verdicts."""

    report: Report
    moved: tuple[str, ...]  # the claims whose verdict is another word now
    differs: tuple[
        str, ...
    ]  # what verdicts.json has otherwise than it was written, by the names of its values

    def __str__(self) -> str:
        verdicts = f"{len(self.report.verdicts)} verdicts"
        if self.moved:
            return (
                f"{len(self.moved)} of {verdicts} come out otherwise than published:"
                f" {', '.join(self.moved[:3])}"
            )
        if not self.differs:
            return (
                f"all {verdicts} come out as published, and verdicts.json is the same byte for byte"
            )
        return (
            f"all {verdicts} come out as published; verdicts.json differs in"
            f" {', '.join(self.differs[:3])}{f' and {len(self.differs) - 3} more' if len(self.differs) > 3 else ''} (last"
            " digits of numbers may, with other versions of numpy or scipy)"
        )


def published(name: str) -> Published:
    """Decide a published report again from the claims and the evidence that come with faeval;
    nothing is trained.

    Parameters
    ----------
    name
        One of :data:`PUBLISHED`: a folder of ``reports/``.

    Raises
    ------
    FaevalError
        There is no such report, or this installation came without them.
    """
    if name not in PUBLISHED:
        raise FaevalError(f"--published={name!r} is not one of {', '.join(PUBLISHED)}.")
    home = _home()
    folder = home / "reports" / name
    said = stated(folder)
    report = decide_stated(folder, said, chosen_in(folder, said, home / "claims"))
    moved = tuple(claim for claim, _, _ in moved_since(said, report))
    text = report.to_json()
    if (folder / FORMS["json"]).read_bytes() == text.encode():
        return Published(report, moved, ())
    return Published(
        report, moved, tuple(dict.fromkeys(_differing(said, json.loads(text)))) or ("layout",)
    )


def _differing(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Name the values of two documents of JSON that differ, items of lists by the list they are in."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differing(old.get(key), new.get(key), f"{name}.{key}" if name else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for ours, theirs in zip(old, new, strict=True):
            yield from _differing(ours, theirs, name)
    elif old != new:
        yield name


def _home() -> Path:
    """Return the folder of ``claims/`` and ``reports/``: within the installed package, or around
    the package in a checkout.
    """
    package = Path(faeval.__file__).parent
    for home in (package / "published", package.parent):
        if all((home / "reports" / name / FORMS["json"]).is_file() for name in PUBLISHED):
            return home
    raise FaevalError(
        f"this installation of faeval ({package}) came without the published reports; install its"
        " wheel, or name a folder with --evidence."
    )
