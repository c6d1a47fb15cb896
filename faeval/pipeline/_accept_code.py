"""Why a run is done again, and keeping runs over a change of code that changes no number."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faeval._safe_text import listed
from faeval._whole_files import replace_file
from faeval.campaign import Job, Plan
from faeval.errors import FaevalError
from faeval.evidence import AuditRecord, Record, Store, TrainingRecord
from faeval.experiment import Arm, joined
from faeval.pipeline._code import (
    Content,
    changed_names,
    code_of_part,
    differences,
    lacking,
    nearest,
    older_records,
    part_of,
    run_of,
)
from faeval.pipeline._provenance import accepted_of
from faeval.pipeline._select import Given, asked_seeds, plan_of, select

_RUN = re.compile(r"(?:(?P<arm>.*?)\s+)?seed\s+(?P<seed>[0-9]+)")
_KEY = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True)
class Explanation:
    """Why a run is done again, or that it is there.

    ``reasons`` say in what it differs from the nearest stored run of its setting, arm and seed;
    ``undigested`` names what the digest of its code does not cover.
    """

    run: str
    key: str
    there: bool
    reasons: tuple[str, ...]
    undigested: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{self.run} (key {self.key[:12]}): {'is there' if self.there else 'is to be done'}"
        notes = [f"not digested: {n}; raise revision= where it changes" for n in self.undigested]
        return "\n  ".join([head, *self.reasons, *notes])


def explain(
    run: str,
    given: Given = "claims",
    *,
    setting: str | None = None,
    seeds: int | Iterable[int] | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
    device: str = "cpu",
    everything: bool = False,
) -> Explanation:
    """Say why a run is done again, or that it is there. Runs nothing.

    Parameters
    ----------
    run
        An arm and a seed, ``"dose=1 seed 3"``, or the beginning of a run's key, of today's or of
        one that is stored.
    given, setting, seeds, store, data, device, everything
        As for :func:`verify`.

    Raises
    ------
    FaevalError
        No run, or several, of these claims go by that name.
    """
    plan = _plan(given, setting, seeds, store, data, device, everything=everything)
    job, record = _found(run.strip(), plan)
    if record is None and not job.cached:
        older = older_records(plan, [job])
        record = nearest(plan, job, older.get(run_of(job), ()))
    if job.cached and record is None:
        reasons = [
            f"kept on {a['date']} over a change of its code: {a['because']}"
            for a in _accepted(plan, job)
        ]
    elif record is None:
        reasons = ["no run of this arm and seed is in the store"]
    else:
        reasons_by_part = differences(plan, job, record) or {
            "its key": "another; a revision that its record does not hold"
        }
        begun = str(record.get("started", ""))[:10]
        reasons = [
            f"the stored run {record['key'][:12]} of {begun} differs",
            *(f"{w}: {how}" for w, how in reasons_by_part.items()),
        ]
    undigested = sorted({name for code in job.code.values() for name in code.undigested})
    return Explanation(str(job), job.key, job.cached, tuple(reasons), tuple(undigested))


def accept(
    given: Given = "claims",
    *,
    because: str,
    setting: str | None = None,
    seeds: int | Iterable[int] | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
    device: str = "cpu",
    everything: bool = False,
) -> dict[str, tuple[str, ...]]:
    """Keep stored runs that differ from those needed in their code alone.

    The caller says why that change of code changes no number.

    Each is written again as the run of today's code; its record says which code made it, which one
    it is kept for, when and why, and the verdicts that rest on it are flagged ``code_accepted``.
    The old records stay as they are.

    Returns
    -------
    dict
        By run that was kept, the names of the code that changed.

    Raises
    ------
    FaevalError
        There is no reason, or no such run.
    """
    if not because.strip():
        raise FaevalError(
            "faeval evidence accept: --because is missing; say why the change of code changes no"
            " number."
        )
    plan = _plan(given, setting, seeds, store, data, device, everything=everything)
    due = [job for job in plan.todo if job.code]
    older = older_records(plan, due)
    changes_by_run = {}
    for job in due:
        if changed := _keep(plan, job, older.get(run_of(job), []), because.strip()):
            changes_by_run[str(job)] = tuple(changed)
    if not changes_by_run:
        raise FaevalError(
            f"faeval evidence accept: none of the {len(plan.todo)} runs that are to be done is in"
            " the store with other code and all else the same; there is nothing to accept. faeval"
            " verify --explain RUN says what differs."
        )
    return changes_by_run


def _plan(
    given: Given,
    setting: str | None,
    seeds: int | Iterable[int] | None,
    store: str | Path | None,
    data: str | Path | None,
    device: str,
    *,
    everything: bool,
) -> Plan:
    selection = select(given, setting, everything=everything)
    return plan_of(selection, asked_seeds(seeds), store, data, device)


def _found(run: str, plan: Plan) -> tuple[Job, Content | None]:
    """Return the job of that name, and the stored record that was named, if one was."""
    jobs = [job for job in plan.jobs if _goes_by(run, job)]
    record = None
    if not jobs and _KEY.fullmatch(run):
        names = (path.name for path in plan.store.runs.glob(f"{run}*") if Store.is_key(path.name))
        record = next(plan.store.unchecked(names), None)
        if record is not None:
            same = record["setting"], record["arm"], record["seed"]
            jobs = [job for job in plan.jobs if run_of(job) == same]
    if len(jobs) == 1:
        return jobs[0], record
    some = listed([repr(str(job)) for job in jobs or plan.jobs])
    what = f"goes by {len(jobs)} runs" if jobs else "is no run of these claims"
    raise FaevalError(
        f"--explain {run!r} {what}; name an arm and a seed, or the begin of a key:"
        f" {some or 'there is none'}."
    )


def _goes_by(run: str, job: Job) -> bool:
    if _KEY.fullmatch(run):
        return job.key.startswith(run)
    match = _RUN.fullmatch(run)
    if match is None or int(match["seed"]) != job.seed:
        return False
    text = (match["arm"] or "").removeprefix(f"{job.experiment.name} ").strip("'\" ")
    with contextlib.suppress(FaevalError):
        return job.experiment.canonical(Arm.parse("" if text == "(defaults)" else text)) == job.arm
    return False


def _accepted(plan: Plan, job: Job) -> list[Any]:
    return [
        item
        for record in plan.store.records([(job.key, job.audits)])
        for item in accepted_of(record)
    ]


def _keep(plan: Plan, job: Job, older: list[Content], because: str) -> list[str]:
    """Write parts of a run that differ in their code alone again; return what changed."""
    store = plan.store
    names: dict[str, None] = {}
    for part in lacking(job):
        same = (
            r for r in older if part_of(r) == part and set(differences(plan, job, r)) == {"code"}
        )
        content = next(same, None)
        if content is None:
            continue
        old = _whole(store, content)
        before = joined({name: one.sha256 for name, one in old.code.items()}) if old.code else None
        now = joined({name: one.sha256 for name, one in code_of_part(job, part).items()})
        date = datetime.now(UTC).date().isoformat()
        history = [*accepted_of(old), {"because": because, "date": date, "from": before, "to": now}]
        changes: dict[str, Any] = {"key": job.key, "notes": {**old.notes, "accepted": history}}
        if isinstance(old, TrainingRecord):
            store.folder(job.key).mkdir(parents=True, exist_ok=True)
            for name in {checkpoint.file for checkpoint in old.checkpoints.values()}:
                with contextlib.suppress(
                    FileNotFoundError
                ):  # deleted since: its numbers are there without it
                    checkpoint = (store.folder(old.key) / name).read_bytes()
                    replace_file(store.folder(job.key) / name, checkpoint)
            store.write_training(old.model_copy(update=changes))
        elif isinstance(old, AuditRecord):
            store.write_audit(old.model_copy(update={**changes, "audit_key": job.audits[part]}))
        names |= dict.fromkeys(changed_names(job, content))
    return list(names)


def _whole(store: Store, content: Content) -> Record:
    """Return a record, checked, of which the content was seen unchecked."""
    key, audit = str(content["key"]), content.get("audit_key")
    path = (
        store.training_path(key)
        if audit is None
        else store.audit_path(key, part_of(content), str(audit))
    )
    return store.record(path)
