"""How runs are done, and the workers: processes here, or a Dask or Ray cluster, by joblib."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faeval._arguments import choice, count
from faeval._extras import BACKENDS, extra, require
from faeval._isolation import set_variable, silence_stdout, variables
from faeval.campaign._worker import misplaced
from faeval.errors import FaevalError
from faeval.evidence import Store
from faeval.experiment import RunOptions, check_retries, check_time_limit

_SAFE = "PYTHONSAFEPATH"
_PATIENCE = 60  # seconds that a cluster without workers is waited for


@dataclass(frozen=True)
class Execution:
    """How runs are done.

    Parameters
    ----------
    workers
        Runs at a time. None: on this machine the CPUs over the threads of a run, and two for a CUDA
        device, which share it; on a cluster as many as it has cores when the campaign starts. 1
        runs in this process.
    device
        ``"cpu"``, or ``"cuda"``; each kind of device has evidence of its own.
    backend
        ``"loky"``: processes on this machine. ``"dask"``, ``"ray"``: the workers of a cluster that
        runs already, all of which see the store's folder.
    cluster
        Where it is: the address of Dask's scheduler or its scheduler file, or Ray's address. None:
        the client or connection that this process has, ``$DASK_SCHEDULER_ADDRESS``,
        ``$RAY_ADDRESS``, or Ray on this machine.
    retries, time_limit
        In place of what each experiment declares: how often a run that raises is tried again, and
        seconds for a run.
    stacked
        Train the seeds of an arm in one run where their experiment can (``training_many``): the
        same numbers within rounding, each under its own record and key. None: on a CUDA device, not
        on the CPU. Where a stacked run fails, its seeds are trained one at a time, and the log says
        why.
    data
        Folder of the data set, for settings that read one.

    Raises
    ------
    FaevalError
        A value that cannot be, or a cluster that nothing would use.
    """

    workers: int | None = None
    device: str = "cpu"
    backend: str = "loky"
    cluster: str | None = None
    retries: int | None = None
    time_limit: float | None = None
    stacked: bool | None = None
    data: str | Path | None = None

    def __post_init__(self) -> None:
        if self.workers is not None:
            count("workers", self.workers, low=1)
        choice("backend", self.backend, BACKENDS)
        if self.cluster is not None and self.backend == "loky":
            raise FaevalError(
                f"cluster={self.cluster!r} is of no use to backend='loky'; name the backend 'dask'"
                " or 'ray'."
            )
        check_retries(0 if self.retries is None else self.retries, "retries")
        check_time_limit(self.time_limit, "time_limit")

    @property
    def options(self) -> RunOptions:
        """What a run sees of it; the folder of data does not move with the working directory."""
        data = None if self.data is None else Path(self.data).absolute()
        return RunOptions(device=self.device, data=data)


@dataclass(frozen=True)
class Pool:
    """Workers that joblib can hand jobs to.

    Parameters
    ----------
    workers
        Jobs at a time.
    settings
        What ``joblib.parallel_config`` takes.
    broken
        Errors that say that a worker was killed, whichever job it had.
    beacon
        Name of a file in the store that every worker must see; None where workers share this
        machine.
    """

    name: str
    workers: int
    settings: Mapping[str, Any]
    broken: tuple[type[BaseException], ...]
    beacon: str | None = field(default=None)


def check_installed(backend: str) -> None:
    """Raise FaevalError where the package of a backend is not there, without loading it."""
    if backend != "loky":
        require(backend, f"backend={backend!r}")


@contextlib.contextmanager
def opened(
    execution: Execution, threads: int, store: Store, versions: Mapping[str, str]
) -> Iterator[Pool]:
    """Give the workers of a backend, once those of a cluster share the store and the versions."""
    workers, cluster = execution.workers, execution.cluster
    if execution.backend == "loky":
        settings = {
            "backend": "loky",
            "inner_max_num_threads": threads,
            "initializer": _isolate,
            "initargs": (os.getpid(), os.environ.get(_SAFE)),
        }
        # A file of the working directory that has the name of a module of Python would end a worker
        # as it starts.
        import joblib

        with variables({_SAFE: "1"}):
            yield Pool(
                "loky",
                workers or max(1, joblib.cpu_count() // threads),
                settings,
                (BrokenExecutor,),
            )
        return
    with _beacon(store) as beacon:
        place = (store.root.absolute(), beacon, dict(versions))
        with (
            _dask(cluster, workers, place)
            if execution.backend == "dask"
            else _ray(cluster, workers, threads, place)
        ) as pool:
            yield pool


@contextlib.contextmanager
def _beacon(store: Store) -> Iterator[str]:
    """Keep a file in the store by which a cluster's workers see that it is the same folder."""
    path = store.runs / f".campaign-{secrets.token_hex(8)}"
    path.touch()
    try:
        yield path.name
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


_Place = tuple[Path, str, dict[str, str]]


@contextlib.contextmanager
def _dask(cluster: str | None, workers: int | None, place: _Place) -> Iterator[Pool]:
    with extra("dask", "backend='dask'"):
        from distributed import Client, get_client
        from distributed.scheduler import KilledWorker
    import joblib
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):  # type: ignore[misc]  # without types
        def effective_n_jobs(self, n_jobs: int) -> int:
            # where one core is there at this moment, joblib would run the jobs in this process
            return 2

        # What it inherits never tells joblib of a job that Dask gave up, and joblib would wait for
        # it for good.
        def submit(self, func: Any, callback: Any = None) -> Any:
            def told(job: Any) -> None:
                if not job.cancelled() and job.exception() is not None:
                    callback(job.exception())

            job = super().submit(func, callback)
            job.add_done_callback(told)
            return job

    joblib.register_parallel_backend("faeval-dask", Backend)
    address = cluster or os.environ.get("DASK_SCHEDULER_ADDRESS")
    with contextlib.ExitStack() as stack:
        try:
            if address is None:
                client = get_client()
            elif Path(address).is_file():
                client = stack.enter_context(Client(scheduler_file=address, set_as_default=False))
            else:
                client = stack.enter_context(Client(address, set_as_default=False))
        except ValueError as error:
            if address is not None:
                raise FaevalError(
                    f"backend='dask': cluster={address!r} is no scheduler's address ({error})."
                ) from None
            raise FaevalError(
                "backend='dask': no cluster; name its scheduler, such as --cluster tcp://host:8786"
                " or a scheduler file, or set DASK_SCHEDULER_ADDRESS."
            ) from None
        except (OSError, TimeoutError) as error:
            raise FaevalError(
                f"backend='dask': no scheduler answers at {address!r} ({error})."
            ) from None
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise FaevalError(
                f"backend='dask': the cluster has had no worker for {_PATIENCE} s; start some (dask"
                " worker)."
            ) from None
        problems = client.run(misplaced, *place, on_error="return")
        _check({f"worker {address}": problem for address, problem in problems.items()})
        yield Pool(
            "dask",
            workers or sum(client.ncores().values()),
            {"backend": "faeval-dask", "client": client},
            (KilledWorker,),
            place[1],
        )


@contextlib.contextmanager
def _ray(cluster: str | None, workers: int | None, threads: int, place: _Place) -> Iterator[Pool]:
    with extra("ray", "backend='ray'"):
        import joblib
        import ray
        from ray.util.joblib.ray_backend import RayBackend
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    class Backend(RayBackend):  # type: ignore[misc]  # without types
        # joblib knows by this whether results can be taken as they come. What it inherits says no,
        # for the sake of multiprocessing's pool, which may hang when it is closed early; Ray's ends
        # its actors, and does not.
        supports_return_generator = True

    joblib.register_parallel_backend("faeval-ray", Backend)
    address = cluster or os.environ.get("RAY_ADDRESS") or "auto"
    ours = not ray.is_initialized()
    if ours:
        try:
            host, _, port = address.rpartition(":")
            if host and port.isdecimal() and "/" not in host:
                # Ray would try for minutes.
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            raise FaevalError(
                f"backend='ray': no cluster at {address!r} ({' '.join(str(error).split())[:200]});"
                " start one (ray start --head), and name it with --cluster or RAY_ADDRESS where it"
                " is not on this machine."
            ) from None
    try:
        there = ray.remote(num_cpus=0)(misplaced)
        problems: dict[str, Any] = {}
        for node in ray.nodes():
            if node["Alive"]:
                at = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                try:
                    problems[f"node {node['NodeManagerAddress']}"] = ray.get(
                        there.options(scheduling_strategy=at).remote(*place)
                    )
                except ray.exceptions.RayError as error:
                    problems[f"node {node['NodeManagerAddress']}"] = error
        _check(problems)
        room = int(ray.cluster_resources().get("CPU", 0)) // threads
        if room < 2:
            raise FaevalError(
                f"backend='ray': the cluster has room for {room} runs of {threads} threads, and"
                " Ray's pool needs two at least; add CPUs, or use backend='loky'."
            )
        settings = {
            "backend": "faeval-ray",
            "ray_remote_args": {"num_cpus": threads, "scheduling_strategy": "SPREAD"},
        }
        yield Pool(
            "ray",
            min(max(2, workers or room), room),
            settings,
            (ray.exceptions.RayError,),
            place[1],
        )
    finally:
        if ours:
            ray.shutdown()


def _check(problems: Mapping[str, Any]) -> None:
    for where, problem in problems.items():
        if isinstance(problem, BaseException):
            text = " ".join(f"{type(problem).__name__}: {problem}".split())[:300]
            raise FaevalError(f"{where} cannot run faeval ({text}); install the same faeval there.")
        if problem is not None:
            raise FaevalError(f"{where}: {problem}")


def _isolate(parent: int, safe: str | None) -> None:
    """Make a worker leave Ctrl-C and stdout to its parent, and go when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_variable(_SAFE, safe)  # as the parent's own: what a run starts is not a worker
    silence_stdout()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        os._exit(1)

    if hasattr(os, "fork"):  # on Windows a parent's number says nothing
        threading.Thread(target=watch, daemon=True).start()
