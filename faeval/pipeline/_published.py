"""The reports that faeval is published with: the claims and the evidence that they were decided from, decided again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import faeval
from faeval.errors import FaevalError
from faeval.pipeline._again import decide_again, stated
from faeval.reports import FORMS, Report

PUBLISHED = ("cifar10", "teacher", "digits", "cifar10-published-seeds")


@dataclass(frozen=True)
class Published:
    """A published report decided again, and what became of its verdicts."""

    report: Report
    moved: tuple[str, ...]  # the claims whose verdict is another word now
    same_bytes: bool  # whether verdicts.json comes out as it was written

    def __str__(self) -> str:
        verdicts = f"{len(self.report.verdicts)} verdicts"
        if self.moved:
            return f"{len(self.moved)} of {verdicts} come out otherwise than published: {', '.join(self.moved[:3])}"
        if self.same_bytes:
            return f"all {verdicts} come out as published, and verdicts.json is the same byte for byte"
        return f"all {verdicts} come out as published; verdicts.json differs, as it may with other versions of numpy or scipy"


def published(name: str) -> Published:
    """Decide a published report again from the claims and the evidence that come with faeval; nothing is trained.

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
    report = decide_again(folder, home / "claims")
    before = {verdict["claim"]: verdict.get("verdict") for verdict in stated(folder)["verdicts"]}
    moved = tuple(v.claim for v in report.verdicts if before[v.claim] != v.verdict)
    return Published(report, moved, (folder / FORMS["json"]).read_bytes() == report.to_json().encode())


def _home() -> Path:
    """Return the folder of ``claims/`` and ``reports/``: within the installed package, or around the package in a checkout."""
    package = Path(faeval.__file__).parent
    for home in (package / "published", package.parent):
        if all((home / "reports" / name / FORMS["json"]).is_file() for name in PUBLISHED):
            return home
    raise FaevalError(
        f"this installation of faeval ({package}) came without the published reports; install its wheel, or name a folder with "
        "--evidence."
    )
