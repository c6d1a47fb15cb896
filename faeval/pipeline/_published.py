"""Decides again the reports that faeval ships, from the claims and evidence that come with it."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faeval.errors import FaevalError, Tampered
from faeval.pipeline._provenance import PROVENANCE
from faeval.pipeline._redecide import chosen_in, decide_stated, moved_since, stated
from faeval.reports import FORMS, Report

PUBLISHED = ("cifar10", "teacher", "digits", "cifar10-published-seeds")


@dataclass(frozen=True)
class Published:
    """A published report decided again, and what became of its verdicts."""

    report: Report
    moved: tuple[str, ...]  # the claims whose verdict is another word now
    differs: tuple[str, ...]  # the names of other values in verdicts.json

    def __str__(self) -> str:
        verdicts = f"{len(self.report.verdicts)} verdicts"
        if self.moved:
            return (
                f"{len(self.moved)} of {verdicts} come out otherwise than published:"
                f" {', '.join(self.moved[:3])}"
            )
        same = f"all {verdicts} come out as published"
        if not self.differs:
            return f"{same}, and verdicts.json is the same byte for byte"
        more = f" and {len(self.differs) - 3} more" if len(self.differs) > 3 else ""
        return (
            f"{same}; verdicts.json differs in {', '.join(self.differs[:3])}{more} (last digits of"
            " numbers may, with other versions of numpy or scipy)"
        )


def published(name: str) -> Published:
    """Decide a published report again from the claims and evidence that come with faeval.

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
    with _unpacked(home / "reports" / name) as folder:
        before = stated(folder)
        report = decide_stated(folder, before, chosen_in(folder, before, home / "claims"))
        published_json = (folder / FORMS["json"]).read_bytes()
    moved = tuple(claim for claim, _, _ in moved_since(before, report))
    text = report.to_json()
    if published_json == text.encode():
        return Published(report, moved, ())
    return Published(
        report, moved, tuple(dict.fromkeys(_differing(before, json.loads(text)))) or ("layout",)
    )


@contextlib.contextmanager
def _unpacked(folder: Path) -> Iterator[Path]:
    """Give a folder with the report's files, its evidence not compressed, for a while."""
    packed = folder / "evidence.csv.gz"
    if not packed.is_file():  # in a checkout
        yield folder
        return
    with tempfile.TemporaryDirectory() as copy:
        for name in (FORMS["json"], PROVENANCE):
            shutil.copyfile(folder / name, Path(copy, name))
        try:
            Path(copy, "evidence.csv").write_bytes(gzip.decompress(packed.read_bytes()))
        except (OSError, EOFError, zlib.error) as error:
            raise Tampered(
                f"{packed}: cannot be unpacked ({error}); install faeval again."
            ) from None
        yield Path(copy)


def _differing(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Name the values of two JSON documents that differ; items of a list by the list."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differing(old.get(key), new.get(key), f"{name}.{key}" if name else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for ours, theirs in zip(old, new, strict=True):
            yield from _differing(ours, theirs, name)
    elif old != new:
        yield name


def _home() -> Path:
    """Return the folder of the published ``claims/`` and ``reports/``.

    It is within the installed package, or around the package in a checkout.
    """
    package = Path(__file__).parents[1]
    for home in (package / "published", package.parent):
        if all((home / "reports" / name / FORMS["json"]).is_file() for name in PUBLISHED):
            return home
    raise FaevalError(
        f"this installation of faeval ({package}) came without the published reports; install its"
        " wheel, or name a folder with --evidence."
    )
