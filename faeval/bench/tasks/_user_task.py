"""Tasks of one's own: a function that returns a Task, or arrays."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from faeval.bench.tasks._arrays import from_arrays
from faeval.bench.tasks._task import Task, array_digest
from faeval.errors import DataError, FaevalError


def task_of(make: Callable[[], Any]) -> Task:
    """Return the task that a function gives: a Task, arrays (x, y), or (x, y, test_x, test_y).

    Raises
    ------
    DataError
        It failed, or returned something else, or arrays that no training could use.
    """
    return _made(make)


@lru_cache(maxsize=1)
def _made(make: Callable[[], Any]) -> Task:
    name = getattr(make, "__name__", repr(make))
    try:
        task = make()
    except FaevalError:
        raise
    except Exception as error:  # whatever a function of one's own raises
        own = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename != __file__
        ]
        where = f" ({Path(own[0].filename).name}, line {own[0].lineno})" if own else ""
        raise DataError(
            f"task function {name} failed: {type(error).__name__}: {error}{where}."
        ) from error
    if isinstance(task, Task):
        if task.train_x.dtype == np.float64:
            raise DataError(
                "task: train_x is of type float64, and settings train in float32; use from_arrays,"
                " or astype."
            )
        return task
    if isinstance(task, tuple) and len(task) in (2, 4):
        return from_arrays(*task)
    raise DataError(
        f"task function {name} returned {type(task).__name__}; return a faeval.bench.tasks.Task,"
        " (x, y), or (x, y, test_x, test_y)."
    )


def task_digest(make: Callable[[], Any]) -> str:
    """Return the SHA-256 of a task's arrays and normalisation."""
    task = task_of(make)
    about = np.frombuffer(repr((task.classes, task.mean, task.std)).encode(), np.uint8)
    return array_digest(task.train_x, task.train_y, task.test_x, task.test_y, about)
