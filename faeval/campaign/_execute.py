"""Doing a plan: jobs spread over worker processes, each keeping its own records, none taking another down."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, Literal

import cloudpickle  # type: ignore[import-untyped]  # it ships no types
import joblib

from faeval.campaign._plan import Job, Plan, outstanding
from faeval.campaign._provenance import Provenance, provenance
from faeval.campaign._run import Summary, Work, perform, perform_many, perform_many_packed, perform_packed
from faeval.errors import Tampered
from faeval.evidence import Store
from faeval.experiment import Component, component

#: Positions of the jobs that are done together: one, or the seeds of one arm that train in one stacked run.
Unit = tuple[int, ...]

_ATTEMPTS = 3  # a job whose worker is killed is tried this often


@dataclass(frozen=True)
class Event:
    """One step of a campaign, told as it happens, in the thread that called :func:`execute`.

    Parameters
    ----------
    done, total
        Jobs that are over (failed ones too), of those that had to be run.
    seconds_left
        An estimate, or None while nothing is known.
    fraction
        How far the job is, for ``kind="running"``: only jobs that run in this process say so.
    message
        Why a job failed.
    """

    kind: Literal["started", "running", "finished", "failed"]
    job: Job
    done: int
    total: int
    seconds_left: float | None = None
    fraction: float | None = None
    message: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of the jobs that had to be run. The traceback of each failure stands in the store's log."""

    finished: tuple[Job, ...]
    failures: list[tuple[Job, str]]
    seconds: float


def execute(
    plan: Plan,
    store: Store,
    workers: int | None = None,
    progress: Callable[[Event], None] | None = None,
    *,
    lock: str | None = None,
    stacked: bool | None = None,
) -> Outcome:
    """Run what a plan lacks, costliest first where costs are known; finished parts are kept whatever happens.

    Parameters
    ----------
    workers
        Worker processes; default: the CPUs of this machine over the threads of a run, and two for a CUDA device, which
        share it. 1 runs in this process.
    progress
        Called with an :class:`Event` at each step.
    lock
        Hash of the claims' registration, for the records.
    stacked
        Train the seeds of an arm in one run where their experiment can (``training_many``): the same numbers within
        rounding, each under its own record and key. Default: on a CUDA device, not on the CPU. Where a stacked run fails,
        its seeds are trained one at a time, and the log says why.

    Returns
    -------
    Outcome
        A job that raised, or whose worker was killed three times, is among its failures and takes no other with it.

    Raises
    ------
    FaevalError
        The store cannot be written, or the device is not there; nothing was run.
    Tampered
        After all jobs are over: a record or checkpoint that one of them needed does not match its checksum.
    KeyboardInterrupt
        After the workers were stopped.
    """
    todo = sorted(plan.todo, key=lambda job: -(plan.cost(job) or 0.0))
    campaign = _Campaign(plan, store, todo, progress)
    if todo:
        store.check_writable()
        packages = {name for job in todo for name in job.experiment.packages}
        origin = provenance(sorted(packages), lock)
        works = [_work(job, plan, store, origin) for job in todo]
        on_cpu = plan.options.device == "cpu"
        if not on_cpu:
            checks = {stage for job in todo if (stage := job.experiment.check_device) is not None}
            for stage in checks:
                stage.resolve()(plan.options)
        units = _units(todo, not on_cpu if stacked is None else stacked)
        count = workers or (max(1, joblib.cpu_count() // plan.options.threads) if on_cpu else 2)
        if count == 1:
            campaign.run_here(works, units)
        else:
            campaign.run_over(works, units, count)
    return campaign.outcome()


class _Campaign:
    """The state of one call of execute; jobs go by their position in ``jobs``."""

    def __init__(self, plan: Plan, store: Store, todo: list[Job], progress: Callable[[Event], None] | None) -> None:
        self.plan, self.store, self.progress = plan, store, progress
        self.begun = time.perf_counter()
        self.jobs = todo
        self.waiting = dict(enumerate(todo))
        self.finished: list[Job] = []
        self.failures: list[tuple[Job, str]] = []
        self.tampered: list[str] = []
        self.costs = [plan.cost(job) for job in todo]
        self.unknown = self.costs.count(None)
        self.known = sum(cost for cost in self.costs if cost is not None)
        self.workers = 1

    def run_here(self, works: list[Work], units: list[Unit]) -> None:
        for unit in units:
            for number in unit:
                self.tell("started", self.jobs[number])
            if len(unit) == 1:
                self.close(unit[0], perform(works[unit[0]], self.teller(unit)))
                continue
            summaries = perform_many([works[number] for number in unit], self.teller(unit))
            for number, summary in zip(unit, summaries, strict=True):
                self.close(number, summary)

    def run_over(self, works: list[Work], units: list[Unit], workers: int) -> None:
        self.workers = workers
        packed = {}
        for number, work in enumerate(works):
            try:
                packed[number] = _pack(work)
            except Exception as error:  # whatever a user's function drags along
                message = f"its function cannot be sent to a worker ({type(error).__name__}: {error}); use workers=1"
                self.close(number, Summary(0.0, message))
        killed: Counter[int] = Counter()
        while self.waiting:
            # A job that was running when a worker died is tried again alone: then it is known which one did it.
            batch = [unit for unit in units if all(n in self.waiting and not killed[n] for n in unit)]
            batch = batch or [(next(iter(self.waiting)),)]
            running: set[int] = set()
            try:
                self.run_batch({unit: [packed[number] for number in unit] for unit in batch}, running)
            except BrokenExecutor:
                for number in sorted(running):
                    self.after_a_kill(number, killed)

    def run_batch(self, packed: dict[Unit, list[bytes]], running: set[int]) -> None:
        started: deque[int] = deque()

        def tasks() -> Iterator[Any]:
            for unit, content in packed.items():
                started.extend(unit)  # taken one by one as workers become free, in a thread of joblib's
                if len(unit) == 1:
                    yield joblib.delayed(perform_packed)(unit[0], content[0])
                else:
                    yield joblib.delayed(perform_many_packed)(unit, content)

        def announce() -> None:
            while started:
                running.add(started[0])
                self.tell("started", self.jobs[started.popleft()])

        settings = {"inner_max_num_threads": self.plan.options.threads, "initializer": _isolate}
        workers = max(2, min(self.workers, len(packed)))  # joblib would run one worker's jobs in this process
        try:
            with joblib.parallel_config("loky", **settings, initargs=(os.getpid(),)):
                pool = joblib.Parallel(
                    n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs"
                )
                results = pool(tasks())
            with _closing(results):
                announce()
                for found in results:
                    announce()
                    for number, summary in found if isinstance(found, list) else [found]:
                        running.discard(number)
                        self.close(number, summary)
        finally:
            running.update(started)

    def after_a_kill(self, number: int, killed: Counter[int]) -> None:
        job = self.jobs[number]
        if outstanding(self.store, job.key, job.audits, job.experiment.training is not None) == (False, ()):
            self.close(number, Summary(0.0))
            return
        killed[number] += 1
        if killed[number] == _ATTEMPTS:
            message = f"its worker was killed {_ATTEMPTS} times, at last while it ran alone (out of memory, or a crash)"
            self.close(number, Summary(0.0, message))

    def close(self, number: int, summary: Summary) -> None:
        job, cost = self.waiting.pop(number), self.costs[number]
        if cost is None:
            self.unknown -= 1
        else:
            self.known -= cost
        if summary.remark:
            self.log(job, summary.remark)
        if summary.error is None:
            self.finished.append(job)
            self.tell("finished", job)
            return
        self.failures.append((job, summary.error))
        if summary.tampered:
            self.tampered.append(summary.error)
        self.log(job, f"{summary.error}\n{summary.details}")
        self.tell("failed", job, message=summary.error)

    def log(self, job: Job, text: str) -> None:
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        # Where the disk is full, the failure itself still reaches the caller.
        with contextlib.suppress(OSError), self.store.log.open("a", encoding="utf-8") as log:
            log.write(f"{stamp} {job}: {text}\n")

    def teller(self, unit: Unit) -> Callable[[float], None]:
        def tell(fraction: float) -> None:
            for number in unit:
                self.tell("running", self.jobs[number], fraction=fraction)

        return tell

    def tell(self, kind: Any, job: Job, *, fraction: float | None = None, message: str | None = None) -> None:
        if self.progress is not None:
            done = len(self.jobs) - len(self.waiting)
            self.progress(Event(kind, job, done, len(self.jobs), self.seconds_left(), fraction, message))

    def seconds_left(self) -> float | None:
        done = len(self.jobs) - len(self.waiting)
        if self.unknown and not done:
            return None
        mean = (time.perf_counter() - self.begun) * self.workers / max(done, 1)
        return max(0.0, self.known + self.unknown * mean) / self.workers

    def outcome(self) -> Outcome:
        if self.tampered:
            raise Tampered("\n".join(self.tampered))
        return Outcome(tuple(self.finished), self.failures, time.perf_counter() - self.begun)


def _units(todo: list[Job], stacked: bool) -> list[Unit]:
    units: dict[Any, list[int]] = {}
    for number, job in enumerate(todo):
        together = stacked and job.train and job.experiment.training_many is not None
        # Factors, not labels, say what an arm is; of two experiments of one name each has its own runs.
        arm = (id(job.experiment), tuple(job.factors.items())) if together else number
        units.setdefault(arm, []).append(number)
    return [tuple(numbers) for numbers in units.values()]


def _work(job: Job, plan: Plan, store: Store, origin: Provenance) -> Work:
    experiment = job.experiment
    options = plan.options  # a worker may have been started in another directory: paths travel whole
    return Work(
        setting=experiment.name,
        arm=job.arm.label,
        factors=dict(job.factors),
        seed=job.seed,
        key=job.key,
        training=experiment.training,
        audits={name: (key, experiment.audits[name]) for name, key in job.audits.items()},
        metrics=frozenset(experiment.metrics),
        config=dict(experiment.config),
        dataset=job.dataset,
        options=replace(options, data=options.data.absolute() if options.data else None),
        store=store.root.absolute(),
        provenance=origin,
        components=(*experiment.components(job.factors), *_metrics_of(job)),
        training_many=experiment.training_many,
    )


def _metrics_of(job: Job) -> list[Component]:
    stages = (job.experiment.audits[name] for name in job.audits)
    return [component("metric", stage.metric) for stage in stages if stage.metric is not None]


def _pack(work: Work) -> bytes:
    """Pickle a job's work; functions of modules that a worker could not import travel by value."""
    stages = [work.training, work.training_many, *(stage for _, stage in work.audits.values())]
    made = [stage.call for stage in stages if stage is not None] + [
        call for c in work.components for call in (c.make, c.exact)
    ]
    functions = [call for call in made if not isinstance(call, str)]
    modules = {
        sys.modules.get(getattr(getattr(function, "func", function), "__module__", "")) for function in functions
    }
    carried = [module for module in modules if module is not None and not _importable(module)]
    known = cloudpickle.list_registry_pickle_by_value()
    for module in carried:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(work))
    finally:
        for module in carried:
            if module.__name__ not in known:
                cloudpickle.unregister_pickle_by_value(module)


def _importable(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return True  # built in
    path, spec = None, None
    parts = module.__name__.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return spec is not None and spec.origin == file


@contextlib.contextmanager
def _closing(results: Generator[Any, None, None]) -> Iterator[None]:
    """Stop the workers where the results were not all fetched."""
    try:
        yield
    finally:
        with warnings.catch_warnings():  # joblib warns of results that nobody fetches: they are in the store
            warnings.simplefilter("ignore")
            results.close()


def _isolate(parent: int) -> None:
    """Make a worker leave Ctrl-C to its parent, and go when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if hasattr(os, "fork"):  # on Windows a parent's number says nothing
        threading.Thread(target=watch, daemon=True).start()
