"""How runs are done: on which device, by how many workers of which kind, and what limits them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faeval._arguments import choice, count
from faeval._extras import BACKENDS
from faeval.errors import FaevalError
from faeval.experiment import RunOptions, check_retries, check_time_limit


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
