"""Tasks: arrays in memory. NumPy only."""

from pathlib import Path

from faeval.tasks._cifar import cache_folder as cache_folder
from faeval.tasks._cifar import cifar10 as cifar10
from faeval.tasks._cifar import cifar10_digest as cifar10_digest
from faeval.tasks._digits import digits as digits
from faeval.tasks._digits import digits_digest as digits_digest
from faeval.tasks._task import Task as Task
from faeval.tasks._task import array_digest as array_digest
from faeval.tasks._teacher import teacher as teacher
from faeval.tasks._teacher import teacher_digest as teacher_digest


def load(name: str, data: Path | None = None) -> Task:
    """Return the task of a setting: ``teacher``, ``digits`` or ``cifar10``."""
    return cifar10(data) if name == "cifar10" else {"teacher": teacher, "digits": digits}[name]()
