"""A metric on the bench: called with what it takes, its answer as numbers; and the search for a counterexample."""

from __future__ import annotations

import random
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, configuration, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faeval.testing._oracle import ORACLES, STEP, Loss
from faeval.testing._process import Process
from faeval.testing._strategies import make_pair

Array = NDArray[np.float64]
Arrays = tuple[Array, ...]
_EXAMPLES = 40


class Skip(Exception):
    """A property does not apply; the message says why."""


class Bench:
    """A metric of some kind, called with what it takes, its answer as a NumPy array in float64."""

    def __init__(self, function: Callable[..., Any], kind: str) -> None:
        self.function, self.kind = function, kind
        self.arity = 1 if kind == "norm" else 2
        before = Process.now()
        self.numpy = self._takes_numpy()
        before.restore()

    def _takes_numpy(self) -> bool:
        """Return whether it is a function of arrays: it works on them, and makes no tensor of tensors."""
        pair = make_pair(3, 2, 0, ["plain"] * 3, [(0, 0)] * 3)
        works = {}
        for numpy in (True, False):
            self.numpy = numpy
            try:
                works[numpy] = self._answer(*(self.given(a) for a in pair[: self.arity]))
            except (Exception, SystemExit):
                continue
        return True in works and not isinstance(works.get(False), torch.Tensor)

    def given(self, array: Array, dtype: str = "float64") -> Any:
        """Return an array as the metric takes it."""
        if self.numpy:
            return array.astype(dtype)
        return torch.from_numpy(array.copy()).to(getattr(torch, dtype))

    def _answer(self, *given: Any, step: float | None = None) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as NumPy's at 0/0: the value is looked at
            more = (STEP if step is None else step,)
            return self.function(*((Loss(), *given, *more) if self.kind == "loss_change" else given))

    def call(self, *given: Any, step: float | None = None) -> Array:
        """Return the metric's answer, as it is shaped."""
        answer = self._answer(*given, step=step)
        if isinstance(answer, np.ma.MaskedArray):
            raise TypeError("the metric returns a masked array, which hides what is undefined; return NaN there")
        found = held(answer)
        if found.dtype.kind not in "fiu":
            raise TypeError(f"the metric returns {type(answer).__name__} of {found.dtype}, not numbers")
        return found.astype(np.float64)

    def __call__(self, *arrays: Array, dtype: str = "float64") -> Array:
        return self.call(*(self.given(a, dtype) for a in arrays[: self.arity]))

    def oracle(self, *arrays: Array) -> Array:
        """Return what is right, from exact rational arithmetic."""
        return ORACLES[self.kind](*arrays[: self.arity])


def rounded(array: Array, dtype: str) -> Array:
    """Return what a type keeps of an array, in float64."""
    return array.astype(dtype).astype(np.float64)


def held(numbers: Any) -> NDArray[Any]:
    """Return what an array or tensor holds, in its own memory where that can be."""
    if isinstance(numbers, torch.Tensor):
        numbers = numbers.detach().cpu()
        numbers = (numbers.double() if numbers.dtype == torch.bfloat16 else numbers).numpy()
    return np.asarray(numbers)


class _Falsified(Exception):
    pass


def search(strategy: st.SearchStrategy[Any], attempt: Callable[[Any], str | None]) -> str | None:
    """Return the problem of the smallest example found on which there is one, or None."""
    last: list[str] = []

    @settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )
    @given(strategy)
    def tried(example: Any) -> None:
        try:
            problem = attempt(example)
        except Exception as error:
            first = str(error).splitlines()[0] if str(error) else ""
            problem = f"raised {type(error).__name__}: {first}, given {show(example)}"
        if problem:
            last.append(problem)
            raise _Falsified

    # Hypothesis seeds the global generators while it runs, and writes into the working directory: whoever calls finds both
    # as they were.
    home = getattr(configuration, "__hypothesis_home_directory", None)
    configuration.set_hypothesis_home_dir(home or tempfile.gettempdir() + "/hypothesis")
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        tried()
    except _Falsified:
        return last[-1]  # the smallest is tried last
    finally:
        configuration.set_hypothesis_home_dir(home)
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])
    return None


def show(example: Any) -> str:
    names = ("credit", "gradient")
    if isinstance(example, tuple) and all(isinstance(a, np.ndarray) for a in example):
        parts = (f"{n}={np.array2string(a, precision=6, threshold=40)}" for n, a in zip(names, example, strict=False))
        return ", ".join(part.replace("\n", "") for part in parts)
    return repr(example)[:200]


def apart(found: Array, right: Array, tolerance: float, relative: bool = False) -> str | None:
    """Return how an answer differs from another, or None."""
    if found.shape != right.shape:
        return f"the answer has the shape {found.shape}, not {right.shape}"
    found, right = np.atleast_1d(found), np.atleast_1d(right)
    scale = np.abs(right) if relative else 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = ~((np.abs(found - right) <= tolerance * scale) | (found == right) | (np.isnan(found) & np.isnan(right)))
    if not wrong.any():
        return None
    k = int(np.argmax(wrong))
    return f"sample {k} reads {found[k]:.10g}, right is {right[k]:.10g}"
