"""A report that was written, decided again from the evidence in its folder.

Or found, as the earlier one that another is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faeval import evidence
from faeval._whole_files import Content, files_in
from faeval.errors import Drifted, EvidenceError, FaevalError
from faeval.pipeline._provenance import (
    PROVENANCE,
    check_stated,
    provenance_bytes,
    read_json,
    stored_provenance,
    written_provenance,
)
from faeval.pipeline._select import Given, Selection, select
from faeval.pipeline._verify import decide_from
from faeval.reports import FORMS, SCHEMA, SCHEMAS, WRITTEN, Report, write_all


def report_folders(paths: Iterable[str | Path]) -> list[Path]:
    """Return the folders here and below that hold evidence and verdicts.json.

    Raises
    ------
    FaevalError
        There is none in one of them.
    """
    folders: dict[Path, None] = {}
    for path in map(Path, paths):
        inner = [p.parent for p in files_in(path, FORMS["json"]) if holds_evidence(p.parent)]
        if not inner:
            packs = " or ".join(evidence.PACKS)
            raise FaevalError(
                f"{path}: no report folder, which holds {FORMS['json']} and {packs}, is there;"
                " faeval verify --report FOLDER writes one."
            )
        folders |= dict.fromkeys(inner)
    return list(folders)


def holds_evidence(folder: Path) -> bool:
    """Return whether a pack of evidence lies in a folder."""
    return any((folder / pack).is_file() for pack in evidence.PACKS)


def stated(folder: str | Path) -> dict[str, Any]:
    """Return what verdicts.json in a report folder says.

    Raises
    ------
    EvidenceError
        There is no such file, or it is no report's JSON, or that of another major version.
    """
    file = Path(folder) / FORMS["json"]
    report = evidence.check_report(read_json(file, "faeval verify --report FOLDER writes it"), file)
    schema = report.get("schema", SCHEMA)
    if not isinstance(schema, str) or schema.partition(".")[0] not in SCHEMAS:
        names = " or ".join(SCHEMAS)
        raise EvidenceError(
            f"{file}: schema={schema!r} is not {names}, which this version of faeval reads; read"
            " it with the version that wrote it, or write it again with faeval verify --evidence"
            " FOLDER --report FOLDER."
        )
    return report


def decide_again(folder: str | Path, given: Given = "claims") -> Report:
    """Decide the claims of a report folder again, from the evidence in it.

    Nothing is trained, nothing is written.

    Parameters
    ----------
    folder
        What ``faeval verify --report`` wrote: its evidence is read, and of verdicts.json which
        claims on which seeds.
    given
        Where the claims are.

    Raises
    ------
    FaevalError
        The folder is no report; a claim of it is not among those given.
    """
    content = stated(folder)
    return decide_stated(folder, content, chosen_in(folder, content, given))


def render(
    report: Report,
    folder: str | Path,
    forms: Iterable[str] = WRITTEN,
    *,
    figures: bool = False,
    own: bool = True,
) -> list[Path]:
    """Write a report that was decided again, all of it or nothing.

    Parameters
    ----------
    own
        Whether the folder is the one that it was decided from: then its provenance.json is put
        under a digest, where it was written by a version that knew none.
    """
    contents: list[tuple[str, Content]] = [*report.contents(forms, figures=figures)]
    provenance = Path(folder) / PROVENANCE
    if own and provenance.is_file():
        sealed = provenance_bytes(stored_provenance(folder))
        contents += [(PROVENANCE, sealed)] if provenance.read_bytes() != sealed else []
    return write_all(Path(folder), contents)


def check_unmoved(folder: str | Path, report: Report) -> None:
    """Raise Drifted where a verdict, or its registration, is not the one in the folder."""
    content = stated(folder)
    for what in ("verdict", "registration"):
        if moved := moved_since(content, report, what):
            changes = "; ".join(f"{claim}: {old}, now {new}" for claim, old, new in moved[:3])
            raise Drifted(
                f"{folder}: {len(moved)} of its {len(report.verdicts)} {what}s come out otherwise"
                f" from the same evidence ({changes}), so nothing was written. The claims, their"
                f" lock or faeval are not those that it was decided by: --against {folder} says"
                f" what differs, faeval verify --evidence {folder} --report FOLDER decides anew."
            )


def moved_since(
    said: dict[str, Any], report: Report, what: str = "verdict"
) -> list[tuple[str, str, str]]:
    """Return each claim that verdicts.json states otherwise, with the old and the new word.

    ``what`` is compared: the verdict, or the registration.
    """
    before = {
        verdict["claim"]: str(verdict[what]) for verdict in said["verdicts"] if what in verdict
    }
    after = ((v.claim, str(getattr(v, what))) for v in report.verdicts)
    return [
        (claim, before[claim], word) for claim, word in after if before.get(claim, word) != word
    ]


def chosen_in(folder: str | Path, said: dict[str, Any], given: Given) -> Selection:
    """Return those of the claims that a report's verdicts.json names.

    Raise FaevalError where one is not there.
    """
    everything = select(given, said.get("setting"), everything=True)
    by_id = {claim.id: claim for claim in everything.claims}
    names = [verdict["claim"] for verdict in said["verdicts"]]
    if missing := [name for name in names if name not in by_id]:
        raise FaevalError(
            f"{folder}: {len(missing)} of its {len(names)} claims are not among those given:"
            f" {', '.join(missing[:3])}; name their files with --claims (given= in Python)."
        )
    return Selection(tuple(by_id[name] for name in names), everything.setting, everything.lock)


def decide_stated(folder: str | Path, said: dict[str, Any], chosen: Selection) -> Report:
    """Decide claims from a report's evidence, on the seeds that its verdicts.json names."""
    seeds = said.get("seeds")
    # A plan that was not reached belongs to a run of it; of a table that was given, all seeds were
    # taken but of a written plan.
    unwritten = {claim.id for claim in chosen.claims if not claim.plans(chosen.setting)}
    free = [v for v in said["verdicts"] if v["claim"] in unwritten]
    on_plan = [v.get("seeds") == v.get("planned") for v in free if v.get("seeds")]
    run = any(v.get("reason_code") == "plan_not_reached" for v in free) or (
        bool(on_plan) and all(on_plan)
    )
    return decide_from(
        folder,
        chosen,
        said.get("setting"),
        seeds if seeds is None or isinstance(seeds, int) else tuple(seeds),
        by_hand=not run,
    )


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
