"""The report that another one is compared with: found, read, and chosen by its setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faeval import evidence
from faeval.errors import FaevalError
from faeval.pipeline._provenance import check_stated, written_provenance
from faeval.pipeline._redecide import holds_evidence, report_folders, stated
from faeval.reports import FORMS, Report


@dataclass(frozen=True)
class Earlier:
    """An earlier report: what it says, its provenance, and the folder it lies in."""

    folder: Path
    content: Mapping[str, Any]
    provenance: Mapping[str, Any]


def earlier_reports(paths: Iterable[str | Path]) -> list[Earlier]:
    """Read earlier reports.

    Each path is a verdicts.json, a report folder, or a folder that holds some.

    Raises
    ------
    FaevalError
        There is none.
    EvidenceError
        One cannot be read, or is of another major version.
    Tampered
        Evidence lies beside one and is not what it says it rests on.
    """
    folders: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_file() and path.name != FORMS["json"]:
            raise FaevalError(
                f"{path}: an earlier report is a folder, or its {FORMS['json']}, and not a file of"
                " another name."
            )
        # Comparing needs no evidence: a folder with verdicts alone will do.
        alone = (
            path.parent if path.is_file() else path if (path / FORMS["json"]).is_file() else None
        )
        folders |= dict.fromkeys([alone] if alone is not None else report_folders([path]))
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> Earlier:
    earlier = Earlier(folder, stated(folder), written_provenance(folder))
    if holds_evidence(folder):
        check_stated(folder, evidence.read(folder))
    return earlier


def against(report: Report, folder: str | Path, earlier: Iterable[Earlier]) -> Report:
    """Return a report compared with the earlier one of its setting.

    Of several, it is the one in a folder of the same name.

    Raises
    ------
    FaevalError
        None of them, or more than one, is of this setting.
    """
    every = list(earlier)
    matches = [e for e in every if e.content.get("setting") == report.setting]
    if len(matches) > 1:
        matches = [
            e for e in matches if e.folder.resolve().name == Path(folder).resolve().name
        ] or matches
    if len(matches) != 1:
        which = ", ".join(str(e.folder) for e in matches or every)
        raise FaevalError(
            f"{folder}: {len(matches) or 'none'} of the earlier reports ({which})"
            f" {'is' if not matches else 'are'} of its setting {report.setting!r}; name the one to"
            " compare with."
        )
    return report.against(matches[0].content, matches[0].provenance)
