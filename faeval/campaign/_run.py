"""One run, in the process of its worker: train, audit, and keep the records."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from faeval import _sibling_modules
from faeval._isolation import apart, variables
from faeval.campaign._deadline import Deadline
from faeval.campaign._lock import reserved
from faeval.campaign._plan import device_kind, outstanding
from faeval.campaign._provenance import peak_memory_mb
from faeval.campaign._results import fields_of, rows_of
from faeval.campaign._work import Remark, Summary, Work, details_of, text_of
from faeval.errors import FaevalError, Tampered
from faeval.evidence import AuditRecord, Record, Store, TrainingRecord, new_record
from faeval.experiment import Stage, register

_DAY = 86400.0
_R = TypeVar("_R", bound=Record)
_T = TypeVar("_T")


def perform_many(
    works: Sequence[Work], progress: Callable[[float], None] = lambda _: None
) -> list[Summary]:
    """Train the seeds of one arm in one stacked run, then do what the store lacks of each.

    Where the stacked run fails, nothing is lost: each seed is then trained by itself, and the log
    says why. Seeds that another campaign is doing at this moment are left to it.
    """
    store = Store(works[0].store)
    remarks: tuple[Remark, ...] = ()
    lacking: set[str] = set()
    with contextlib.ExitStack() as stack:
        locks = [stack.enter_context(reserved(store.root, work.key, wait=False)) for work in works]
        try:
            lacking = {work.key for work in works if _lacks_training(work, store)}
            ours = [w for w, h in zip(works, locks, strict=True) if h is not False]
            _apart(works[0], lambda: _train_many(ours, store, progress))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text = f"not trained in one run with the other seeds ({text_of(error)})"
            remarks = (Remark(text, details_of(error)),)
        summaries = []
        for work, own in zip(works, locks, strict=True):
            if own is False:
                summaries.append(Summary(0.0, busy=True))
                continue
            summary = _attempts(work, store, lambda _: None, bool(own))
            there = summary.there and work.key not in lacking  # else it was trained just now
            summaries.append(replace(summary, remarks=remarks + summary.remarks, there=there))
        return summaries


def perform(
    work: Work, progress: Callable[[float], None] = lambda _: None, *, wait: bool = True
) -> Summary:
    """Do what the store still lacks of a run, and keep each part as soon as it is there.

    Where another campaign is doing this run, wait for it, or with ``wait=False`` say so at once.
    """
    store = Store(work.store)
    with reserved(store.root, work.key, wait=wait) as ours:
        return (
            Summary(0.0, busy=True)
            if ours is False
            else _attempts(work, store, progress, bool(ours))
        )


def _attempts(work: Work, store: Store, progress: Callable[[float], None], alone: bool) -> Summary:
    """Do a run, and again where it fails and retries are declared.

    What was given to it wrongly fails at once.

    Whatever comes out of it is its failure, and no other's, but for Ctrl-C.
    """
    begun = time.perf_counter()
    remarks: list[Remark] = []
    while True:
        try:
            step = functools.partial(_perform, work, store, progress, alone)
            did = _apart(work, step)
            there = not did and work.attempt == 1
            return Summary(time.perf_counter() - begun, remarks=tuple(remarks), there=there)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text, details = text_of(error), details_of(error)
            if work.attempt > work.retries or issubclass(type(error), FaevalError):
                text += (
                    f" (attempt {work.attempt} of {work.retries + 1})" if work.attempt > 1 else ""
                )
                return Summary(
                    time.perf_counter() - begun,
                    text,
                    details,
                    issubclass(type(error), Tampered),
                    remarks=tuple(remarks),
                )
            attempt = f"attempt {work.attempt} of {work.retries + 1} failed, tried again: {text}"
            remarks.append(Remark(attempt, details))
        work = replace(work, attempt=work.attempt + 1)


def _apart(work: Work, step: Callable[[], _T]) -> _T:
    """Take a step of a run so that nothing it does to this process stays.

    What its claims file set holds in it.
    """

    def inside() -> _T:
        with (
            apart(),
            _sibling_modules.within(_sibling_modules.home(work.functions()), running=True),
            _threads(work.options.threads),
        ):
            for component in work.components:
                register(component)
            return step()

    return _sibling_modules.context_of(_sibling_modules.home(work.functions())).run(inside)


def _perform(work: Work, store: Store, progress: Callable[[float], None], alone: bool) -> bool:
    """Do what is lacking; return whether anything was."""
    # Asked again here: another campaign on this store may have done it since the plan was made.
    keys = {name: key for name, (key, _) in work.audits.items()}
    train, missing = outstanding(store, work.key, keys, work.training is not None)
    lacking = train or bool(missing)
    training, limit = None, Deadline(work.time_limit)
    if alone:  # the run is ours: whatever lies there half-written, nobody is writing it
        _sweep(store.folder(work.key), 0.0)
    if work.training is not None and train:
        training = _train(work, work.training, store, progress, limit)
        audits = {name: store.audit(work.key, name, key) for name, key in keys.items()}
        missing = tuple(
            name
            for name, audit in audits.items()
            if audit is None or audit.weights != training.weights
        )
    elif work.training is not None and missing:
        training = store.training(work.key)
        if training is not None:
            _check_checkpoints(store.folder(work.key), training)
    audit = functools.partial(_audit, work, store, training, limit)
    _take_each(functools.partial(audit, name) for name in missing)
    return lacking


def _take_each(steps: Iterable[Callable[[], object]]) -> None:
    """Take all steps; what is wrong with one keeps no other back, and is raised at the end."""
    problems: list[BaseException] = []
    for step in steps:
        try:
            step()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            problems.append(error)
    if problems:
        raise problems[0]


def _train(
    work: Work, stage: Stage, store: Store, progress: Callable[[float], None], limit: Deadline
) -> TrainingRecord:
    with _partial(work, store) as partial:
        origin = _origin(work)
        report = limit.checking(progress)
        result = limit.call(
            lambda: stage.resolve()(
                dict(work.factors), work.seed, partial, work.options, work.config, report
            )
        )
        return _keep_training(work, store, partial, result, origin)


def _train_many(works: Sequence[Work], store: Store, progress: Callable[[float], None]) -> None:
    """Train those that the store lacks in one run, and keep each one's record.

    What is wrong with one keeps no other back.
    """
    lacking = [work for work in works if _lacks_training(work, store)]
    stage = lacking[0].training_many if lacking else None
    if stage is None or len(lacking) < 2:
        return
    first = lacking[0]
    with contextlib.ExitStack() as stack:
        partials = [stack.enter_context(_partial(work, store)) for work in lacking]
        started, begun = _origin(first)
        seeds = [work.seed for work in lacking]
        limit = Deadline(None if first.time_limit is None else first.time_limit * len(lacking))
        report = limit.checking(progress)
        results = limit.call(
            lambda: stage.resolve()(
                dict(first.factors), seeds, partials, first.options, first.config, report
            )
        )
        if not isinstance(results, Sequence) or len(results) != len(lacking):
            raise FaevalError(
                f"{first.setting}: training_many returned no list of {len(lacking)} results, one a"
                " seed."
            )
        # Each seed's record says its share of the time, so that the sum over records is the time it
        # took.
        share = (time.perf_counter() - begun) / len(lacking)
        _take_each(
            functools.partial(
                _keep_training, work, store, partial, result, (started, time.perf_counter() - share)
            )
            for work, partial, result in zip(lacking, partials, results, strict=True)
        )


def _lacks_training(work: Work, store: Store) -> bool:
    keys = {name: key for name, (key, _) in work.audits.items()}
    try:
        return work.training is not None and outstanding(store, work.key, keys, True)[0]
    except FaevalError:
        # A record that cannot be read is that seed's own failure, told when its turn comes.
        return False


@contextlib.contextmanager
def _partial(work: Work, store: Store) -> Iterator[Path]:
    """Give a folder for checkpoints to grow in, renamed when all are there."""
    folder = store.folder(work.key)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder, _DAY)
    partial = folder / f".partial-{secrets.token_hex(8)}"
    partial.mkdir()
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _keep_training(
    work: Work, store: Store, partial: Path, result: Any, origin: tuple[str, float]
) -> TrainingRecord:
    assert work.training is not None
    fields = fields_of(
        result, {"rows", "weights", "checkpoints", "hashes", "diverged", "notes"}, work, "training"
    )
    fields["rows"] = rows_of(fields.get("rows", ()), work, "training")
    record = _record(TrainingRecord, work, origin, {"training": work.training.revision}, fields)
    for checkpoint in record.checkpoints.values():
        if not (partial / checkpoint.file).is_file():
            raise FaevalError(
                f"{work.setting}: training names the checkpoint {checkpoint.file!r}, but wrote no"
                " such file."
            )
    # An old record never stands beside new checkpoints.
    store.training_path(work.key).unlink(missing_ok=True)
    for path in partial.iterdir():
        path.replace(store.folder(work.key) / path.name)
    store.write_training(record)
    return record


def _audit(
    work: Work, store: Store, training: TrainingRecord | None, limit: Deadline, name: str
) -> None:
    key, stage = work.audits[name]
    origin = _origin(work)
    function = stage.resolve()
    if work.training is None:
        rows = limit.call(lambda: rows_of(function(dict(work.factors), work.seed), work, name))
        fields: dict[str, Any] = {"rows": rows}
        revisions = {name: stage.revision}
    else:
        folder = store.folder(work.key)
        result = limit.call(
            lambda: function(
                dict(work.factors), work.seed, folder, training, work.options, work.config
            )
        )
        fields = fields_of(result, {"rows", "notes"}, work, f"audit {name!r}")
        fields["rows"] = rows_of(fields.get("rows", ()), work, name)
        revisions = {"training": work.training.revision, name: stage.revision}
    fields |= {"name": name, "audit_key": key, "weights": training.weights if training else None}
    store.write_audit(_record(AuditRecord, work, origin, revisions, fields))


def _origin(work: Work) -> tuple[str, float]:
    return datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()


def _record(
    kind: type[_R],
    work: Work,
    origin: tuple[str, float],
    revisions: dict[str, str],
    fields: dict[str, Any],
) -> _R:
    started, begun = origin
    common = {
        "setting": work.setting,
        "arm": work.arm,
        "factors": work.factors,
        "seed": work.seed,
        "key": work.key,
        "config": work.config,
        "dataset": work.dataset,
        "device": device_kind(work.options),
        "threads": work.options.threads,
        "revisions": revisions,
        "code": {
            n: asdict(code)
            for n, code in work.code.items()
            if n in revisions or n not in work.audits
        },
        **asdict(work.provenance),
        "started": started,
        "seconds": round(time.perf_counter() - begun, 4),
        "peak_memory_mb": peak_memory_mb(),
    }
    values = {name: value for name, value in fields.items() if value is not None}
    if work.attempt > 1:
        values["notes"] = {**values.get("notes", {}), "attempts": work.attempt}
    return new_record(kind, {**common, **values}, f"{work.setting} {work.arm}")


def _check_checkpoints(folder: Path, training: TrainingRecord) -> None:
    for checkpoint in training.checkpoints.values():
        with (folder / checkpoint.file).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != checkpoint.sha256:
            raise Tampered(
                f"{folder / checkpoint.file}: does not match the checksum in its training's record;"
                " it was altered or cut off. Delete it, and the run will be trained again."
            )


def _sweep(folder: Path, age: float) -> None:
    """Remove what killed trainings left behind, if it is older than ``age`` seconds."""
    for path in folder.glob(".partial-*"):
        with contextlib.suppress(OSError):
            if not age or time.time() - path.stat().st_mtime > age:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Hold the numerical libraries to a number of threads, also those loaded in the run."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    with variables(dict.fromkeys(names, str(count))), threadpool_limits(limits=count):
        yield
