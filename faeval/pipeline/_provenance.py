"""Where evidence comes from: what its runs' records say, and what stands beside a pack of it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from faeval import evidence
from faeval._whole_files import settle
from faeval.claims import Origins
from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.reports import FORMS

if TYPE_CHECKING:
    import pandas as pd

    from faeval.reports import Report

PROVENANCE = "provenance.json"
VERDICTS = FORMS["json"]


def provenance_of(records: Collection[evidence.Record], origins: Origins) -> dict[str, Any]:
    """Return what the runs' records say of where they come from: each value that occurs, once."""
    facts = _joined_facts(records)
    if not facts:
        return {}
    codes = [code for record in records for code in record.code.values()]
    undigested = ", ".join(sorted({name for code in codes for name in code.undigested}))
    accepted = _accepted(records)
    hours = sum(record.seconds for record in records) / 3600
    return (
        {"runs": len({record.key for record in records}), "hours": round(hours, 3)}
        | facts
        | {"registrations": spelt_origins(origins)}
        | ({"not_digested": undigested} if undigested else {})
        | ({"accepted": accepted} if accepted else {})
    )


def _joined_facts(records: Iterable[evidence.Record]) -> dict[str, Any]:
    """Return each value that occurs of what records say, by group and name."""
    values_by_place: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        for place, value in _facts(record).items():
            values_by_place[place] |= {str(value)} if value is not None else set()
    facts: dict[str, Any] = {}
    for (group, name), values in sorted(values_by_place.items()):
        if values:
            text = ("; " if name == "commit" else ", ").join(sorted(values))
            (facts.setdefault(group, {}) if group else facts)[name] = text
    return facts


def _facts(record: evidence.Record) -> dict[tuple[str, str], Any]:
    """Return what a record says of where its numbers come from, by group and name."""
    changed = record.commit is not None and record.dirty
    return {
        **{("versions", name): version for name, version in record.versions.items()},
        **{("revisions", name): revision for name, revision in record.revisions.items()},
        **{("code", name): code.sha256 for name, code in record.code.items()},
        ("", "device"): record.device,
        ("", "threads"): record.threads,
        ("", "dataset"): record.dataset,
        ("", "lock"): record.lock,
        ("", "commit"): f"{record.commit}, with uncommitted changes" if changed else record.commit,
    }


def _accepted(records: Iterable[evidence.Record]) -> list[dict[str, Any]]:
    """Return each change of code over which runs were kept, its reason and its arms."""
    runs_by_item: dict[str, dict[str, str]] = defaultdict(dict)  # by key, its arm
    for record in records:
        for item in filter(_is_object, accepted_of(record)):
            runs_by_item[json.dumps(item, sort_keys=True)][record.key] = record.arm
    return [
        {**json.loads(item), "arms": sorted({*runs.values()}), "runs": len(runs)}
        for item, runs in sorted(runs_by_item.items())
    ]


def accepted_of(record: evidence.Record) -> list[Any]:
    """Return what a record says of its being kept over changes of code."""
    items = record.notes.get("accepted", [])
    return items if isinstance(items, list) else []


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def origins_of(records: Iterable[evidence.Record]) -> Origins:
    """Return under which registration each number of these records was measured."""
    locks_by_number: dict[tuple[str, str, int], set[str | None]] = defaultdict(set)
    for record in records:
        for metric in {row[0] for row in record.rows}:
            locks_by_number[record.arm, metric, record.seed].add(record.lock)
    return Origins({number: frozenset(locks) for number, locks in locks_by_number.items()})


def spelt_origins(origins: Origins) -> list[dict[str, Any]]:
    """Return origins as they are written beside evidence, one item for what shares seeds."""
    locks = {lock for digests in origins.locks.values() for lock in digests}
    if len(locks) == 1:
        return [{"lock": lock} for lock in locks]
    seeds: dict[tuple[str | None, str, str], list[int]] = defaultdict(list)
    for (arm, metric, seed), digests in origins.locks.items():
        for lock in digests:
            seeds[lock, arm, metric].append(seed)
    metrics: dict[tuple[str | None, str, tuple[int, ...]], list[str]] = defaultdict(list)
    for (lock, arm, metric), own in seeds.items():
        metrics[lock, arm, tuple(sorted(own))].append(metric)
    items = [
        {"lock": lock, "arm": arm, "metrics": sorted(names), "seeds": list(own)}
        for (lock, arm, own), names in metrics.items()
    ]
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def written_origins(provenance: dict[str, Any]) -> Origins:
    """Return under which registrations the numbers of a written provenance were measured."""
    items = provenance.get("registrations")
    if items is None:  # of an older version, or by hand: one lock for all, or nothing known
        lock = provenance.get("lock")
        return Origins(common=frozenset(lock.split(", ")) if isinstance(lock, str) else None)
    locks_by_number: dict[tuple[str, str, int], set[str | None]] = defaultdict(set)
    common: set[str | None] = set()
    try:
        for item in items:
            if "arm" not in item:
                common.add(item["lock"])
            else:
                for metric, seed in product(item["metrics"], item["seeds"]):
                    locks_by_number[item["arm"], metric, seed].add(item["lock"])
    except (KeyError, TypeError) as error:
        raise EvidenceError(
            f"provenance.json: registrations={items!r} cannot be read ({error!r}); restore the"
            " file, or delete it."
        ) from None
    return Origins(
        {n: frozenset(locks) for n, locks in locks_by_number.items()},
        frozenset(common) if common else None,
    )


def spelt_failures(failures: Iterable[tuple[str, int, str]]) -> dict[str, Any]:
    """Return what a provenance says of runs that failed, which left no row; nothing without any."""
    items = [dict(zip(("arm", "seed", "message"), f, strict=True)) for f in sorted(failures)]
    return {"failures": items} if items else {}


def written_failures(provenance: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Return what a written provenance says of runs that failed."""
    items = provenance.get("failures", [])
    try:
        return [(str(item["arm"]), int(item["seed"]), str(item["message"])) for item in items]
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(
            f"provenance.json: failures={items!r} cannot be read ({error!r}); restore the file."
        ) from None


def written_provenance(source: Any) -> dict[str, Any]:
    """Return what provenance.json beside evidence says, under identifiers, without its digest.

    Raises
    ------
    Tampered
        It does not match its digest.
    """
    return evidence.with_identifiers(stored_provenance(source))


def stored_provenance(source: Any) -> dict[str, Any]:
    """Return the same under the names that stand in the file."""
    if not isinstance(source, str | Path):
        return {}
    file = _folder_of(Path(source)) / PROVENANCE
    return _unsealed(_content(file) if file.is_file() else {})


def with_provenance(checked: evidence.Checked, source: Path) -> evidence.Checked:
    """Return what was checked of evidence, with what is wrong with provenance.json beside it."""
    try:
        if checked.what != "store":
            written_provenance(source)
    except FaevalError as error:
        kind = "altered" if isinstance(error, Tampered) else "unreadable"
        text = str(error).removeprefix(f"{_folder_of(source) / PROVENANCE}: ")
        finding = evidence.Finding(PROVENANCE, kind, text)
        return replace(checked, findings=(*checked.findings, finding))
    return checked


def provenance_bytes(content: Mapping[str, Any]) -> bytes:
    """Return provenance.json: the content, under a digest of its JSON with sorted names."""
    return (
        json.dumps({**content, "sha256": _digest(content)}, indent=1, sort_keys=True) + "\n"
    ).encode()


def _unsealed(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != "sha256"}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def check_stated(source: Any, table: pd.DataFrame) -> None:
    """Raise Tampered where evidence is not what the files beside it say it was."""
    if not _is_published(source):
        return
    folder = _folder_of(Path(source))
    files = (folder / name for name in (PROVENANCE, VERDICTS))
    digests = {file.name: _content(file).get("evidence_sha256") for file in files if file.is_file()}
    sha256 = evidence.digest(table) if any(digests.values()) else None
    for name, expected in digests.items():
        if sha256 is not None and expected not in (None, sha256):
            ours, theirs = evidence.apart(sha256, str(expected))
            raise Tampered(
                f"{folder}: its evidence has SHA-256 {ours}, and {name} beside it says {theirs}: it"
                " was altered or replaced. Restore it; evidence of another origin belongs into a"
                " folder of its own."
            )


def check_registrations(source: Any, report: Report) -> None:
    """Raise Tampered where verdicts.json beside evidence names another registration.

    Of the same claim, seeds, evidence and lock it follows from provenance.json alone; where that is
    gone, nothing is dated.
    """
    file = _folder_of(Path(source)) / VERDICTS if _is_published(source) else None
    content = _content(file) if file is not None and file.is_file() else {}
    if (content.get("lock_sha256"), content.get("evidence_sha256")) != (
        report.lock_sha256,
        report.evidence_sha256,
    ):
        return
    dated = {v.claim: v for v in report.verdicts if v.registration != "undated"}
    verdicts = content.get("verdicts")
    for old in (v for v in verdicts if isinstance(v, dict)) if isinstance(verdicts, list) else ():
        new = dated.get(str(old.get("claim")))
        if new is None or (old.get("seeds"), old.get("registered_sha256")) != (
            [*new.seeds],
            new.registered_sha256,
        ):
            continue
        if new.registration != (was := old.get("registration", new.registration)):
            raise Tampered(
                f"{_folder_of(Path(source))}: claim {new.claim!r} is {new.registration!r} by the"
                f" registrations in {PROVENANCE}, and {VERDICTS} says {str(was)[:40]!r} of the same"
                " evidence and lock: one of the two was altered. Restore it."
            )


def _is_published(source: Any) -> bool:
    """Whether a source is a report's folder or pack: only that has files beside it."""
    return isinstance(source, str | Path) and (
        Path(source).is_dir() or Path(source).name in evidence.PACKS
    )


def read_json(file: Path, remedy: str) -> Any:
    """Return what a file of a report folder holds; raise EvidenceError where it is no JSON."""
    settle(file.parent)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EvidenceError(f"{file}: cannot be read as JSON ({error}); {remedy}.") from None


def _content(file: Path) -> dict[str, Any]:
    content = read_json(file, "restore or delete it")
    # verdicts.json, and the provenance of an older version, have none. What was altered may be of
    # any shape.
    checksum = content.get("sha256") if isinstance(content, dict) else None
    if checksum is not None and checksum != _digest(_unsealed(content)):
        raise Tampered(
            f"{file}: does not match its SHA-256 of {str(checksum)[:12]}: what it says of"
            " registrations and of where the evidence comes from was altered. Restore it."
        )
    return evidence.check_beside(content, file)
