"""Overview: reports of several settings side by side."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from faeval.errors import FaevalError
from faeval.reports.data._report import Report


@dataclass(frozen=True)
class Overview:
    """Reports of several settings, to be shown side by side.

    Parameters
    ----------
    reports
        One for each column.
    folders
        Where each report's own page lies, as seen from the overview's folder, with ``/``; None
        where that cannot be said.
    """

    reports: tuple[Report, ...]
    folders: tuple[str | None, ...]

    #: The files of an overview, and what its page is known by.
    PAGE: ClassVar[str] = "index.html"
    MARKDOWN: ClassVar[str] = "index.md"
    MARK: ClassVar[str] = '<meta name="generator" content="faeval overview">'

    @classmethod
    def of(cls, reports: Iterable[Report], folders: Iterable[str | Path], into: str | Path) -> Self:
        """Return the overview of reports in these folders that is to lie in the folder `into`."""
        return cls(tuple(reports), tuple(_seen_from(folder, into) for folder in folders))

    def __post_init__(self) -> None:
        if len(self.folders) != len(self.reports):
            raise FaevalError(
                f"Overview: folders has {len(self.folders)} entries for"
                f" {len(self.reports)} reports; give one each."
            )

    @property
    def names(self) -> list[str]:
        """Each column by its setting, and where two are of one setting, by its folder too."""
        often = Counter(report.setting for report in self.reports)
        return [
            (
                report.setting
                if often[report.setting] == 1
                else f"{report.setting} ({(folder or 'elsewhere').rpartition('/')[2]})"
            )
            for report, folder in zip(self.reports, self.folders, strict=True)
        ]


def _seen_from(folder: str | Path, into: str | Path) -> str | None:
    try:
        return Path(os.path.relpath(Path(folder).resolve(), Path(into).resolve())).as_posix()
    except ValueError:  # another drive
        return None
