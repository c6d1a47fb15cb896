"""A report that was written, decided again from the evidence in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from faeval import evidence
from faeval.errors import Drifted, EvidenceError, FaevalError
from faeval.pipeline._select import Given, Selection, select
from faeval.pipeline._walk import decide_from
from faeval.reports import FORMS, SCHEMA, Report


def report_folders(paths: Iterable[str | Path]) -> list[Path]:
    """Return the report folders among these folders and below them: those that hold evidence and verdicts.json.

    Raises
    ------
    FaevalError
        There is none in one of them.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        inner = sorted(p.parent for p in path.rglob(FORMS["json"]) if holds_evidence(p.parent))
        if not inner:
            packs = " or ".join(evidence.PACKS)
            raise FaevalError(
                f"{path}: no report folder, which holds {FORMS['json']} and {packs}, is there; faeval verify --report "
                "FOLDER writes one."
            )
        found |= dict.fromkeys(inner)
    return list(found)


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
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EvidenceError(
            f"{file}: cannot be read as JSON ({error}); faeval verify --report FOLDER writes it."
        ) from None
    verdicts = content.get("verdicts") if isinstance(content, dict) else None
    if not isinstance(verdicts, list) or not all(
        isinstance(v, dict) and isinstance(v.get("claim"), str) for v in verdicts
    ):
        raise EvidenceError(f"{file}: is no report of faeval: it has no list `verdicts` with a `claim` each.")
    schema = content.get("schema", SCHEMA)
    if not isinstance(schema, str) or schema.partition(".")[0] != SCHEMA.partition(".")[0]:
        raise EvidenceError(
            f"{file}: schema={schema!r} is not {SCHEMA}, which this version of faeval reads; read it with the version that wrote "
            "it, or write it again with faeval verify --evidence FOLDER --report FOLDER."
        )
    return dict(content)


def decide_again(folder: str | Path, given: Given = "claims") -> Report:
    """Decide the claims of a report folder again, from the evidence in it; nothing is trained, nothing is written.

    Parameters
    ----------
    folder
        What ``faeval verify --report`` wrote: its evidence is read, and of verdicts.json which claims on which seeds.
    given
        Where the claims are.

    Raises
    ------
    FaevalError
        The folder is no report; a claim of it is not among those given.
    """
    said = stated(folder)
    return decide_stated(folder, said, chosen_in(folder, said, given))


def check_unmoved(folder: str | Path, report: Report) -> None:
    """Raise Drifted where a verdict is another word than in the folder that it was decided again from."""
    if moved := moved_since(stated(folder), report):
        named = "; ".join(f"{claim}: {old}, now {new}" for claim, old, new in moved[:3])
        raise Drifted(
            f"{folder}: {len(moved)} of its {len(report.verdicts)} verdicts come out otherwise from the same evidence ({named}), "
            f"so nothing was written. The claims, their lock or faeval are not those that it was decided by: --against {folder} "
            f"says what differs, faeval verify --evidence {folder} --report FOLDER decides anew."
        )


def moved_since(said: dict[str, Any], report: Report) -> list[tuple[str, str, str]]:
    """Return each claim whose verdict is another word than a report's verdicts.json says, with that word and the new one."""
    before = {verdict["claim"]: verdict.get("verdict") for verdict in said["verdicts"]}
    return [(v.claim, before[v.claim], v.verdict) for v in report.verdicts if before.get(v.claim) != v.verdict]


def chosen_in(folder: str | Path, said: dict[str, Any], given: Given) -> Selection:
    """Return the claims that a report's verdicts.json names, of those given; raise FaevalError where one is not there."""
    everything = select(given, said.get("setting"), everything=True)
    known = {claim.id: claim for claim in everything.claims}
    asked = [verdict["claim"] for verdict in said["verdicts"]]
    if missing := [name for name in asked if name not in known]:
        raise FaevalError(
            f"{folder}: {len(missing)} of its {len(asked)} claims are not among those given: {', '.join(missing[:3])}; name "
            "their files with --claims (given= in Python)."
        )
    return Selection(tuple(known[name] for name in asked), everything.setting, everything.lock)


def decide_stated(folder: str | Path, said: dict[str, Any], chosen: Selection) -> Report:
    """Decide claims from a report's evidence, on the seeds that its verdicts.json says were asked for."""
    seeds = said.get("seeds")
    # A plan that was not reached belongs to a run of it; of a table that was given, all seeds were taken but of a written plan.
    unwritten = {claim.id for claim in chosen.claims if not claim.plans(chosen.setting)}
    run = any(v.get("reason_code") == "plan_not_reached" and v["claim"] in unwritten for v in said["verdicts"])
    return decide_from(
        folder,
        chosen,
        said.get("setting"),
        seeds if seeds is None or isinstance(seeds, int) else tuple(seeds),
        by_hand=not run,
    )
