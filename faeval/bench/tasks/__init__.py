"""Tasks: arrays in memory. NumPy only."""

from collections.abc import Callable
from pathlib import Path

from faeval.bench.tasks._arrays import from_arrays as from_arrays
from faeval.bench.tasks._cifar import (
    cache_folder as cache_folder,
    cifar10 as cifar10,
    cifar10_digest as cifar10_digest,
    cifar100 as cifar100,
    cifar100_digest as cifar100_digest,
)
from faeval.bench.tasks._digits import digits as digits, digits_digest as digits_digest
from faeval.bench.tasks._task import Task as Task, array_digest as array_digest
from faeval.bench.tasks._teacher import teacher as teacher, teacher_digest as teacher_digest
from faeval.bench.tasks._user_task import task_digest as task_digest, task_of as task_of

_MAKE = {
    "teacher": lambda _: teacher(),
    "digits": lambda _: digits(),
    "cifar10": cifar10,
    "cifar100": cifar100,
}
#: The tasks of faeval's own settings.
NAMES = tuple(_MAKE)


def load(name: str, data: Path | None = None) -> Task:
    """Return the task of one of faeval's own settings.

    ``teacher``, ``digits``, ``cifar10`` or ``cifar100``.
    """
    make: Callable[[Path | None], Task] = _MAKE[name]
    return make(data)
