"""The state of one campaign while its runs are spread over workers."""

from __future__ import annotations

import contextlib
import secrets
import signal
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faeval import _sibling_modules
from faeval._safe_text import clean, cut, printable
from faeval.campaign._backends import Pool
from faeval.campaign._events import ArmState, Event, Outcome
from faeval.campaign._plan import Job, Plan, outstanding
from faeval.campaign._run import perform, perform_many
from faeval.campaign._work import Summary, Work, text_of
from faeval.campaign._worker import pack, perform_packed
from faeval.errors import FaevalError, Tampered
from faeval.evidence import Store

#: Positions of the jobs that are done together: one, or the seeds of one arm that train in one
#: stacked run.
Unit = tuple[int, ...]
_ROOM = 1 << 16  # bytes that a store with room takes
_ATTEMPTS = 3  # a job whose worker is killed is tried this often
_DETAILS = 20_000  # characters of a traceback, which may quote a message of any length


class Log:
    """Appends to ``log.txt`` of a store; every line has its time and its campaign."""

    def __init__(self, store: Store) -> None:
        self._path = store.log
        self._name = secrets.token_hex(3)

    def write(self, text: str, details: str = "") -> None:
        """Append a line, and details below it, indented."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        below = "".join(f"    {line}\n" for line in printable(cut(details, _DETAILS)).splitlines())
        # Where the disk is full, a failure still reaches the caller.
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as log:
            log.write(f"{stamp} campaign {self._name}: {clean(cut(text))}\n{below}")


class Campaign:
    """The state of one call of execute; jobs go by their position in ``jobs``."""

    def __init__(
        self, plan: Plan, store: Store, todo: list[Job], progress: Callable[[Event], None] | None
    ) -> None:
        self.plan, self.store, self.progress = plan, store, progress
        self.begun = time.perf_counter()
        self.jobs = todo
        self.waiting = dict(enumerate(todo))
        self.running: set[int] = set()
        self.count_lock = threading.Lock()  # a thread of joblib's hands runs out
        self.late: set[int] = set()  # another campaign was doing them when their turn came
        self.stopping = False
        self.hopeless: FaevalError | None = None  # the store can no longer be written
        self.finished: list[Job] = []
        self.by_others = 0  # of those
        self.failures: list[tuple[Job, str]] = []
        self.tampered: list[str] = []
        self.costs = [plan.cost(job) for job in todo]
        self.unknown = self.costs.count(None)
        self.known = sum(cost for cost in self.costs if cost is not None)
        self.workers = 1
        self.log = Log(store)
        self.several = len({job.experiment.name for job in plan.jobs}) > 1
        self.arms: defaultdict[str, ArmState] = defaultdict(ArmState)
        for job in plan.jobs:
            self.arms[self.label(job)].total += 1
            self.arms[self.label(job)].done += job.cached
        self.view = MappingProxyType(self.arms)

    def label(self, job: Job) -> str:
        return job.arm_name if self.several else job.arm.label or "(defaults)"

    def run(self, works: list[Work], units: list[Unit], pool: Pool) -> None:
        self.workers = pool.workers
        total, there = len(self.plan.jobs), len(self.plan.cached)
        goes_on = f"goes on: {there} of {total} runs are there, " if there else ""
        self.log.write(
            f"{goes_on or 'begins: '}{len(self.jobs)} runs to do; {pool.name}, {pool.workers} at a"
            " time"
        )
        try:
            with first_press(self.interrupted) if self.progress else contextlib.nullcontext():
                if pool.workers == 1 and pool.beacon is None:
                    self.run_here(works, units)
                else:
                    self.run_over(works, units, pool)
                if self.stopping:
                    raise KeyboardInterrupt
                if self.hopeless is not None:
                    raise self.hopeless
        except BaseException as error:
            self.log.write(f"stopped by {type(error).__name__} {self.count()}")
            raise
        self.log.write(f"ends {self.count()}")

    @property
    def goes_on(self) -> bool:
        """Whether jobs are left, and to be handed out."""
        return bool(self.waiting) and not self.stopping and self.hopeless is None

    def count(self) -> str:
        seconds = time.perf_counter() - self.begun
        parts = [f"{len(self.finished) - self.by_others} done"]
        parts += [f"{self.by_others} done by another campaign"] if self.by_others else []
        parts += [f"{len(self.failures)} failed", f"{len(self.waiting)} left"]
        return f"after {seconds:.1f} s: {', '.join(parts)}"

    def interrupted(self) -> Callable[[], None]:
        """Hand out no more runs; called at the first Ctrl-C."""
        self.stopping = True
        running = sorted(self.running)
        message = (
            f"stopping: {len(running)} running, {len(self.waiting) - len(running)} more not begun; "
            "press Ctrl-C again to stop at once"
        )
        job = self.jobs[running[0]] if running else self.jobs[0]

        def say() -> None:
            self.log.write(message)
            self.tell("stopping", job, message=message)

        return say

    def run_here(self, works: list[Work], units: list[Unit]) -> None:
        while self.goes_on:
            batch, wait = self.batch(units, Counter())
            for unit in batch:
                if not self.goes_on:
                    return
                self.begin(unit)
                for number in unit:
                    self.tell("started", self.jobs[number])
                if len(unit) == 1:
                    self.close(unit[0], perform(works[unit[0]], self.teller(unit), wait=wait))
                    continue
                summaries = perform_many([works[number] for number in unit], self.teller(unit))
                for number, summary in zip(unit, summaries, strict=True):
                    self.close(number, summary)

    def batch(self, units: list[Unit], killed: Counter[int]) -> tuple[list[Unit], bool]:
        """Return what to do next, and whether to wait for another campaign that is doing it."""
        fresh = [
            u
            for u in units
            if all(n in self.waiting and not killed[n] and n not in self.late for n in u)
        ]
        if fresh:
            return fresh, False
        late: list[Unit] = [
            (number,) for number in self.waiting if number in self.late and not killed[number]
        ]
        # A job that was running when a worker died is tried again alone: then it is known which one
        # did it.
        return late or [(next(iter(self.waiting)),)], True

    def run_over(self, works: list[Work], units: list[Unit], pool: Pool) -> None:
        packed: dict[int, tuple[bytes, _sibling_modules.Carried]] = {}
        carried: dict[Path | None, _sibling_modules.Carried] = {}
        for number, work in enumerate(works):
            folder = _sibling_modules.home(work.functions())
            with _sibling_modules.within(folder):
                if folder not in carried:
                    carried[folder] = _sibling_modules.carried(folder)
                try:
                    packed[number] = (
                        pack(replace(work, beacon=pool.beacon), carried[folder]),
                        carried[folder],
                    )
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # whatever a user's function drags along
                    message = (
                        f"its function cannot be sent to a worker ({text_of(error)}); use workers=1"
                    )
                    self.close(number, Summary(0.0, message))
        killed: Counter[int] = Counter()
        while self.goes_on:
            batch, wait = self.batch(units, killed)
            try:
                self.run_batch(
                    {unit: [packed[number] for number in unit] for unit in batch}, wait, pool
                )
            except pool.broken as error:
                hit = sorted(self.running)
                names = ", ".join(str(self.jobs[number]) for number in hit)
                self.log.write(
                    f"a worker was killed ({type(error).__name__}); running at that moment: {names}"
                )
                for number in hit:
                    self.leave(number)
                    self.after_a_kill(number, killed)

    def run_batch(
        self,
        packed: dict[Unit, list[tuple[bytes, _sibling_modules.Carried]]],
        wait: bool,
        pool: Pool,
    ) -> None:
        import joblib

        untold: deque[int] = deque()

        def tasks() -> Iterator[Any]:
            for unit, content in packed.items():
                if not self.goes_on:
                    return
                # Taken one by one as workers become free, in a thread of joblib's.
                self.begin(unit)
                untold.extend(unit)
                works, carried = [work for work, _ in content], content[0][1]
                yield joblib.delayed(perform_packed)(unit, works, carried, wait)

        def announce() -> None:
            while untold:
                self.tell("started", self.jobs[untold.popleft()])

        # joblib would run one worker's jobs in this process
        workers = max(2, min(pool.workers, len(packed)))
        try:
            with joblib.parallel_config(**pool.settings):
                parallel = joblib.Parallel(
                    n_jobs=workers,
                    return_as="generator_unordered",
                    batch_size=1,
                    pre_dispatch=workers,
                )
                results = parallel(_OneAtATime(tasks(), workers))
            with _closing(results):
                announce()
                for result in results:
                    announce()
                    for number, summary in result:
                        self.close(number, summary)
        finally:
            announce()  # what was handed out as the pool broke

    def after_a_kill(self, number: int, killed: Counter[int]) -> None:
        job = self.jobs[number]
        if outstanding(self.store, job.key, job.audits, job.experiment.training is not None) == (
            False,
            (),
        ):
            self.close(number, Summary(0.0))
            return
        killed[number] += 1
        if killed[number] == _ATTEMPTS:
            message = (
                f"its worker was killed {_ATTEMPTS} times, at last while it ran alone (out of"
                " memory, or a crash)"
            )
            self.close(number, Summary(0.0, message))

    def begin(self, unit: Unit) -> None:
        with self.count_lock:
            for number in unit:
                self.running.add(number)
                self.arms[self.label(self.jobs[number])].running += 1

    def leave(self, number: int) -> None:
        with self.count_lock:
            if number in self.running:
                self.running.discard(number)
                self.arms[self.label(self.jobs[number])].running -= 1

    def close(self, number: int, summary: Summary) -> None:
        self.leave(number)
        job, cost = self.jobs[number], self.costs[number]
        for remark in summary.remarks:
            self.log.write(f"{job}: {remark.text}", remark.details)
        if summary.busy:
            self.late.add(number)
            self.log.write(f"{job}: another campaign on this store is doing it; it comes last here")
            return
        del self.waiting[number]
        if cost is None:
            self.unknown -= 1
        else:
            self.known -= cost
        if summary.error is None:
            self.finished.append(job)
            self.arms[self.label(job)].done += 1
            self.by_others += summary.there
            how = (
                "done by another campaign" if summary.there else f"done in {summary.seconds:.2f} s"
            )
            self.log.write(f"{job}: {how}")
            self.tell("finished", job)
            return
        self.failures.append((job, summary.error))
        self.arms[self.label(job)].failed += 1
        # Without room, what would run now could not be kept.
        self.hopeless = self.hopeless or _no_room(self.store)
        if summary.tampered:
            self.tampered.append(summary.error)
        self.log.write(
            f"{job}: failed after {summary.seconds:.2f} s: {summary.error}", summary.details
        )
        self.tell("failed", job, message=summary.error)

    def teller(self, unit: Unit) -> Callable[[float], None]:
        def tell(fraction: float) -> None:
            for number in unit:
                self.tell("running", self.jobs[number], fraction=fraction)

        return tell

    def tell(
        self, kind: Any, job: Job, *, fraction: float | None = None, message: str | None = None
    ) -> None:
        if self.progress is not None:
            count = len(self.jobs) - len(self.waiting)
            seconds = self.seconds_left()
            self.progress(
                Event(kind, job, count, len(self.jobs), seconds, fraction, message, self.view)
            )

    def seconds_left(self) -> float | None:
        count = len(self.jobs) - len(self.waiting)
        if self.unknown and not count:
            return None
        mean = (time.perf_counter() - self.begun) * self.workers / max(count, 1)
        return max(0.0, self.known + self.unknown * mean) / self.workers

    def outcome(self) -> Outcome:
        if self.tampered:
            raise Tampered("\n".join(self.tampered))
        return Outcome(tuple(self.finished), self.failures, time.perf_counter() - self.begun)


def _no_room(store: Store) -> FaevalError | None:
    try:
        with tempfile.TemporaryFile(dir=store.runs) as file:
            file.write(bytes(_ROOM))
    except OSError as error:
        return FaevalError(
            f"store {str(store.root)!r}: cannot be written any more ({error.strerror or error});"
            " make room there. What was finished is kept, and the same command goes on from there."
        )
    return None


class _OneAtATime:
    """An iterator that joblib takes no more from than it hands out.

    For each job that ends joblib takes as many items as there are workers, and would hand out those
    that it holds after a Ctrl-C, too. It takes what there is: past the first jobs, this says after
    each item that there is nothing more.
    """

    def __init__(self, items: Iterator[Any], first: int) -> None:
        self.items, self.first, self.gave = items, first, False

    def __iter__(self) -> _OneAtATime:
        return self

    def __next__(self) -> Any:
        if self.first > 0:
            self.first -= 1
        else:
            self.gave = not self.gave
            if not self.gave:
                raise StopIteration
        return next(self.items)


@contextlib.contextmanager
def _closing(results: Generator[Any, None, None]) -> Iterator[None]:
    """Stop the workers where the results were not all fetched."""
    try:
        yield
    finally:
        # joblib warns of results that nobody fetches: they are in the store.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


@contextlib.contextmanager
def first_press(stop: Callable[[], Callable[[], None]]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl-C; the second acts as it did before.

    What ``stop`` returns is called in a thread of its own.

    Only where Ctrl-C raises KeyboardInterrupt, as Python starts out; a handler of somebody else's
    stays in charge.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def pressed(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # The handler may have interrupted a line half-written to the terminal; a thread waits for
        # its turn.
        threading.Thread(target=stop()).start()

    signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
