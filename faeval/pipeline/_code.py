"""The user's code under a verdict: is it what was registered, and what does a change of it cost.

Also which verdicts rest on numbers that today's code would measure anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from faeval import campaign
from faeval._safe_text import listed
from faeval.campaign import Job, Plan
from faeval.claims import Caution, Claim, Design, Lock, Verdict, design_of
from faeval.errors import FaevalError
from faeval.evidence import Store, with_identifiers
from faeval.experiment import Code, Codes, Experiment, experiments, joined
from faeval.pipeline._select import Selection

CHANGED, ACCEPTED, STALE = "code_changed", "code_accepted", "stale"
_OF_THE_TEST_SET = frozenset({"accuracy", "test_loss"})
#: What a record holds, as it stands in its file; or a provenance.
Content = Mapping[str, Any]


def code_of_claim(claim: Claim, experiment: Experiment, codes: Codes) -> dict[str, str]:
    """Return the digests of the user's code that a claim's runs reach, by stage or component."""
    code_by_part: dict[str, Code] = {}
    for arm, metrics in claim.metrics_by_arm().items():
        audits = [
            name for name, stage in experiment.audits.items() if stage.serves(frozenset(metrics))
        ]
        code_by_part |= campaign.code_reached(experiment, experiment.resolve(arm), audits, codes)
    return {name: code.sha256 for name, code in code_by_part.items()}


def codes_to_register(claims: Iterable[Claim]) -> dict[str, dict[str, str]]:
    """Return by claim, then by setting, the digest of the user's code that its runs reach."""
    codes = Codes()
    codes_by_claim: dict[str, dict[str, str]] = defaultdict(dict)
    for claim in claims:
        for setting in [claim.experiment] if claim.experiment else experiments().values():
            try:
                digests = code_of_claim(claim, setting, codes)
            except FaevalError:  # no claim for this setting
                continue
            if digests:
                codes_by_claim[claim.id][setting.name] = joined(digests)
    return codes_by_claim


def other_code(claims: Iterable[Claim], lock: Lock) -> tuple[str, ...]:
    """Return the ids of claims whose code is not the one that was registered, where one was."""
    registrants = [
        claim for claim in claims if claim.id in lock.claims and lock.claims[claim.id].code
    ]
    now = codes_to_register(registrants)
    registered = {claim.id: lock.claims[claim.id].code for claim in registrants}
    return tuple(
        i for i, code in registered.items() if any(now[i].get(s) != sha for s, sha in code.items())
    )


def flag_code(
    selection: Selection,
    verdicts: Iterable[Verdict],
    provenance: Content,
    codes: Codes,
    store: Store | None = None,
) -> list[Verdict]:
    """Return the verdicts, flagged where other code than registered made their numbers.

    Also where runs were accepted over a change of code.

    Which code made them, the records say, or the ``code`` of the provenance beside evidence. Of a
    claim that was registered without a digest, and of numbers that name none, nothing is known and
    nothing flagged.
    """
    settings, provenance = experiments(), with_identifiers(provenance)
    results = []
    for claim, verdict in zip(selection.claims, verdicts, strict=True):
        design = design_of(claim, selection.setting, settings)
        flags = list(verdict.flags)
        warnings = list(verdict.warnings)
        if verdict.runs and (
            count := _revisions(selection, claim, design, provenance, codes, store)
        ):
            flags.append(CHANGED)
            warnings.append(Caution("code_changed", value=count))
        labels = {design.label(arm) for arm in claim.metrics_by_arm()}
        if verdict.runs and any(labels & set(item["arms"]) for item in accepted_in(provenance)):
            flags.append(ACCEPTED)
        results.append(replace(verdict, flags=tuple(flags), warnings=tuple(warnings)))
    return results


def accepted_in(provenance: Content) -> list[dict[str, Any]]:
    """Return what a provenance says of runs that were kept over a change of their code."""
    items = provenance.get("accepted")
    items = items if isinstance(items, list) else []
    return [item for item in items if isinstance(item, dict) and item.get("arms")]


def _revisions(
    selection: Selection,
    claim: Claim,
    design: Design,
    provenance: Content,
    codes: Codes,
    store: Store | None,
) -> int:
    """Return how many forms of a claim's code are known; 0 where it is the registered one."""
    registered = selection.registered(claim)
    digest = registered.code.get(selection.setting) if registered else None
    if digest is None or design.experiment is None:
        return 0
    now = _code_now(claim, design.experiment, codes)
    recorded = provenance.get("code", {})
    digests_by_name = {
        name: set(digests.split(", "))
        for name in now
        if isinstance(digests := recorded.get(name), str)
    }
    several = max(map(len, digests_by_name.values()), default=0)
    first = {name: min(digests_by_name.get(name, {sha})) for name, sha in now.items()}
    if several == 0 or (several == 1 and joined(first) == digest):
        return 0
    if len(digests_by_name) == 1:
        digests_by_name[min(digests_by_name)].add(digest)
    labels = {design.label(arm) for arm in claim.metrics_by_arm()}
    for name, sha256 in _stored_digests(store, selection.setting, labels):
        digests_by_name.get(name, set()).add(sha256)
    return max(2, *map(len, digests_by_name.values()))


def _stored_digests(
    store: Store | None, setting: str, labels: set[str]
) -> Iterator[tuple[str, str]]:
    """Yield the digests of code, by its name, that records of a setting's arms hold."""
    for record in store.unchecked(_folders(store)) if store is not None else ():
        if record["setting"] == setting and record["arm"] in labels:
            for name, code in (record.get("code") or {}).items():
                yield name, code["sha256"]


def _folders(store: Store) -> Iterator[str]:
    if store.runs.is_dir():
        yield from sorted(
            folder.name for folder in store.runs.iterdir() if store.is_key(folder.name)
        )


def run_of(job: Job) -> tuple[str, str, int]:
    """Return the setting, the arm and the seed of a job's run."""
    return job.experiment.name, job.arm.label, job.seed


def older_records(plan: Plan, jobs: Iterable[Job]) -> dict[tuple[str, str, int], list[Content]]:
    """Return stored records of jobs' unfinished runs by setting, arm and seed, latest first."""
    runs = set(map(run_of, jobs))
    whole = {job.key for job in plan.cached}
    records_by_run: dict[tuple[str, str, int], list[Content]] = defaultdict(list)
    keys = (key for key in _folders(plan.store) if runs and key not in whole)
    for record in plan.store.unchecked(keys):
        run = record["setting"], record["arm"], record["seed"]
        if run in runs:
            records_by_run[run].append(record)

    def started(record: Content) -> str:
        return str(record.get("started"))

    return {r: sorted(of, key=started, reverse=True) for r, of in records_by_run.items()}


def part_of(record: Content) -> str:
    """Return which part of a run a record is of: its training, or an audit by its name."""
    return str(record.get("name", "training"))


def lacking(job: Job) -> tuple[str, ...]:
    """Return the parts of a run that the store lacks."""
    return (*(("training",) if job.train else ()), *job.missing)


def nearest(plan: Plan, job: Job, records: Iterable[Content]) -> Content | None:
    """Return the record that differs least from a job, of the first part that it lacks."""
    by_part: dict[str, list[Content]] = defaultdict(list)
    for record in records:
        by_part[part_of(record)].append(record)
    candidates: list[Content] = next(
        (by_part[part] for part in lacking(job) if part in by_part), []
    )
    return min(
        candidates,
        key=lambda r: (len(differences(plan, job, r)), len(changed_names(job, r))),
        default=None,
    )


def code_notice(plan: Plan) -> str | None:
    """Say which code changed since stored runs were made, and how many are done again."""
    own = [job for job in plan.todo if job.code]
    older = older_records(plan, own)
    records = [nearest(plan, job, older.get(run_of(job), ())) for job in own]
    changes = [changed_names(job, r) for job, r in zip(own, records, strict=True) if r is not None]
    count = sum(map(bool, changes))
    if not count:
        return None
    names = listed([*dict.fromkeys(chain.from_iterable(changes))])
    return f"code changed: {names}; {count} run{'s are' if count > 1 else ' is'} done again"


def changed_names(job: Job, record: Content) -> list[str]:
    """Return what differs between the code of a record and that of today."""
    old = record.get("code") or {}
    now = code_of_part(job, part_of(record))
    if now and not old:
        return ["all of it, as its records say of none"]
    # Of codes that share a part, the later one counts.
    before = dict(part for code in old.values() for part in code["parts"].items())
    today = dict(part for code in now.values() for part in code.parts.items())
    parts = [part for part in sorted({*before, *today}) if before.get(part) != today.get(part)]
    # A file, or a class, changes with what stands in it: the finer name says more.
    return [_named(p) for p in parts if not any(q.startswith((f"{p}:", f"{p}.")) for q in parts)]


def code_of_part(job: Job, part: str) -> dict[str, Code]:
    """Return the code that a part of a run reaches, without that of audits which it is not."""
    return {n: code for n, code in job.code.items() if n not in job.audits or n == part}


def _named(part: str) -> str:
    file, _, name = part.partition(":")
    return f"{name} ({file})" if name else file


def differences(plan: Plan, job: Job, record: Content) -> dict[str, str]:
    """Return in what a stored record is of another run than a job is: what, and how."""
    names = changed_names(job, record)
    texts = {"code": f"changed: {listed([*names])}"} if names else {}
    return texts | {
        what: f"{'none' if before is None else before} then, {'none' if now is None else now} now"
        for what, before, now in _facts(plan, job, record)
        if before != now
    }


def _facts(plan: Plan, job: Job, record: Content) -> Iterator[tuple[str, Any, Any]]:
    experiment = job.experiment
    stages = {**experiment.audits, "training": experiment.training}
    revisions = {
        name: stage.revision for name in record["revisions"] if (stage := stages.get(name))
    }
    installed = campaign.versions_here(experiment.packages)
    packages, before = experiment.packages, record["versions"]
    whole: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("factor", record["factors"], job.factors),
        ("revision of", record["revisions"], revisions),
        (
            "version of",
            {n: before.get(n) for n in packages},
            {n: installed.get(n) for n in packages},
        ),
        ("config", record["config"], experiment.config),
    ]
    yield "device", record["device"], plan.options.device.partition(":")[0]
    yield "threads", record["threads"], plan.options.threads
    yield "data", record["dataset"], job.dataset
    for what, before, now in whole:
        yield from (
            (f"{what} {name}", before.get(name), now.get(name)) for name in sorted({*before, *now})
        )


def flag_stale(
    chosen: Selection, verdicts: Iterable[Verdict], provenance: Mapping[str, Any], codes: Codes
) -> list[Verdict]:
    """Return the verdicts, flagged where they rest on another revision or code than today's.

    Evidence of a store is of today's: they are part of its keys. Evidence given by hand says in its
    provenance the ``revisions`` of stages and the ``code`` by name, each that occurs; what it says
    nothing of is taken to be as it was. Whether the code is the one that was registered is another
    question, which ``code_changed`` answers.
    """
    settings, provenance = experiments(), with_identifiers(provenance)
    return [
        (
            replace(verdict, flags=(*verdict.flags, STALE))
            if verdict.runs
            and _is_stale(
                claim, design_of(claim, chosen.setting, settings).experiment, provenance, codes
            )
            else verdict
        )
        for claim, verdict in zip(chosen.claims, verdicts, strict=True)
    ]


def _is_stale(
    claim: Claim, experiment: Experiment | None, provenance: Mapping[str, Any], codes: Codes
) -> bool:
    if experiment is None:  # evidence from elsewhere, of code that is not ours
        return False
    metrics = frozenset(name for names in claim.metrics_by_arm().values() for name in names)
    for stage, revision in _stages_of(experiment, metrics):
        recorded = provenance.get("revisions", {}).get(stage)
        if recorded is not None and set(str(recorded).split(", ")) != {revision}:
            return True
    acceptances = [(item.get("from"), item.get("to")) for item in accepted_in(provenance)]
    for name, digest in _code_now(claim, experiment, codes).items():
        recorded = provenance.get("code", {}).get(name)
        today = {digest, *(before for before, now in acceptances if now == digest)}
        if recorded is not None and not set(str(recorded).split(", ")) <= today:
            return True
    return False


def _code_now(claim: Claim, experiment: Experiment, codes: Codes) -> dict[str, str]:
    try:
        return code_of_claim(claim, experiment, codes)
    except FaevalError:  # what it names is not there any more
        return {}


def _stages_of(experiment: Experiment, metrics: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the stages that give these metrics, with the revision of each that is installed."""
    if experiment.training is not None:
        yield "training", experiment.training.revision
    on_demand = frozenset(name for stage in experiment.audits.values() for name in stage.gives)
    always = metrics - on_demand
    for name, stage in experiment.audits.items():
        # Of the two that always run one looks at the test set, and the other at states.
        default = {
            "alignment": bool(always - _OF_THE_TEST_SET),
            "accuracy": bool(always & _OF_THE_TEST_SET),
        }.get(name, True)
        if stage.gives & metrics if stage.gives else default:
            yield name, stage.revision
