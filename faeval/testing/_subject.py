"""A metric on the bench: called with what it takes, its answer as numbers.

And the search for a counterexample.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, configuration, given, settings, strategies as st
from numpy.typing import NDArray

from faeval.experiment import as_tolerance
from faeval.testing._oracle import ORACLES, STEP, Loss
from faeval.testing._process import Process
from faeval.testing._strategies import make_pair

Array = NDArray[np.float64]
Arrays = tuple[Array, ...]
_EXAMPLES = 40
#: Examples by their strategy in words.
_DRAWN: dict[str, list[Any]] = {}
EPS = {
    name: float(torch.finfo(getattr(torch, name)).eps)
    for name in ("float64", "float32", "float16", "bfloat16")
}


class Skip(Exception):
    """A property does not apply; the message says why."""


class Bench:
    """A metric of some kind, called with what it takes, its answer as a NumPy array in float64.

    It is held to what rounding allows it: that of the type it works in, float64 or float32, over
    the terms that it adds up. ``tolerance`` is what its author accepts beyond that.
    """

    def __init__(
        self, function: Callable[..., Any], kind: str, tolerance: float | None = None
    ) -> None:
        self.function, self.kind, self.tolerance = function, kind, as_tolerance(tolerance)
        self.arity = 1 if kind == "norm" else 2
        self.notes: list[str] = []
        before = Process.now()
        self.numpy = self._takes_numpy()
        self.works_in = "float64"
        if self.works_as("float32"):
            self.works_in = "float32"
        before.restore()

    def taken_notes(self) -> list[str]:
        """Return what was noted since this was last asked."""
        notes, self.notes = self.notes, []
        return notes

    def works_as(self, dtype: str) -> bool:
        """Return whether it works in a type narrower than the float64 that it is given.

        On ordinary signals.

        It does where its answers are right to that type's rounding, not to float64's, and where
        they are numbers of that type, or the same when what it is given is rounded to it first.
        """
        example = make_pair(40, 5, 4, ["plain"] * 40, [(0, 0)] * 40)
        try:
            values, right = self(*example), self.oracle(*example)
            if not self.apart(values, right, example) or self.apart(
                values, right, example, dtype=dtype
            ):
                return False
            return not decimals(values) and self.is_of(dtype, values, example)
        except (Exception, SystemExit):
            return False

    def is_of(self, dtype: str, values: Array, example: Arrays) -> bool:
        """Return whether an answer is of numbers of a type.

        Or the same when what is given is rounded to it first.
        """
        if np.array_equal(values, rounded(values, dtype)):
            return True
        narrow = tuple(rounded(a, dtype) for a in example)
        moved = not all(
            map(np.array_equal, narrow, example)
        )  # else it tells nothing that answers are the same
        return moved and np.array_equal(values, self(*narrow))

    def allowed(self, example: Arrays, least: float = 1e-12, dtype: str = "float64") -> float:
        """Return how far rounding may lead from what is right.

        The last digits of a sum in the type that is worked in.
        """
        terms = example[0].size if self.kind == "correlation" else example[0].shape[-1]
        eps = max(EPS[dtype], EPS[self.works_in])
        # The error of a sum grows as the root of its terms; the least covers what a rotation, say,
        # rounds besides.
        return max(least, 4 * (1 + math.sqrt(terms)) * eps, self.tolerance or 0.0)

    def apart(
        self,
        values: Array,
        right: Array,
        example: Arrays,
        least: float = 1e-12,
        dtype: str = "float64",
    ) -> str | None:
        """Return how an answer differs from the right one beyond rounding, or None.

        Rounding and the tolerance are allowed.
        """
        allowed = self.allowed(example, least, dtype)
        if self.kind == "loss_change" and not apart(values, right, allowed):
            return None  # the losses are not asked for: errors are relative to 1 at least
        return apart(values, right, allowed * self.size(right, example))

    def size(self, right: Array, example: Arrays, step: float = STEP) -> Any:
        """Return what errors are relative to.

        1 for a cosine or correlation, a norm itself, the losses that change.
        """
        if self.kind == "norm":
            return np.abs(right)
        if self.kind != "loss_change":
            return 1.0
        state, credit = example[:2]
        with np.errstate(all="ignore"):
            return 1 + np.maximum(np.abs(Loss()(state)), np.abs(Loss()(state - step * credit)))

    def _takes_numpy(self) -> bool:
        """Return whether it is a function of arrays.

        It works on them, and makes no tensor of tensors.
        """
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
            return self.function(
                *((Loss(), *given, *more) if self.kind == "loss_change" else given)
            )

    def call(self, *given: Any, step: float | None = None) -> Array:
        """Return the metric's answer, as it is shaped."""
        answer = self._answer(*given, step=step)
        if isinstance(answer, np.ma.MaskedArray):
            raise TypeError(
                "the metric returns a masked array, which hides what is undefined; return NaN there"
            )
        array = held(answer)
        if array.dtype.kind not in "fiu":
            raise TypeError(
                f"the metric returns {type(answer).__name__} of {array.dtype}, not numbers"
            )
        return array.astype(np.float64)

    def __call__(self, *arrays: Array, dtype: str = "float64") -> Array:
        return self.call(*(self.given(a, dtype) for a in arrays[: self.arity]))

    def oracle(self, *arrays: Array) -> Array:
        """Return what is right, from exact rational arithmetic."""
        return _exact(self.kind, *((a.shape, a.tobytes()) for a in arrays[: self.arity]))


@functools.lru_cache(maxsize=2**12)  # the same signals are tried on every metric
def _exact(kind: str, *signals: tuple[tuple[int, ...], bytes]) -> Array:
    right = ORACLES[kind](*(np.frombuffer(text).reshape(shape) for shape, text in signals))
    right.flags.writeable = False
    return right


def rounded(array: Array, dtype: str) -> Array:
    """Return what a type keeps of an array, in float64."""
    return array.astype(dtype).astype(np.float64)


def decimals(values: Array) -> int | None:
    """Return to how many decimals all of an answer's numbers are rounded, up to 8.

    None where they are not.
    """
    finite = values[np.isfinite(values)] if values.ndim else values[None]
    whole = not finite.size or np.array_equal(finite, np.round(finite))
    return (
        None
        if whole
        else next((k for k in range(1, 9) if np.array_equal(finite, np.round(finite, k))), None)
    )


def held(answer: Any) -> NDArray[Any]:
    """Return what an array or tensor holds, in its own memory where that can be."""
    if isinstance(answer, torch.Tensor):
        answer = answer.detach().cpu()
        answer = (answer.double() if answer.dtype == torch.bfloat16 else answer).numpy()
    return np.asarray(answer)


class _Falsified(Exception):
    pass


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Leave the global generators of numbers as they were."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def _falsify(
    strategy: st.SearchStrategy[Any], attempt: Callable[[Any], str | None]
) -> tuple[str, Any] | None:
    """Return the problem of the smallest example on which there is one, and that example."""
    last: list[tuple[str, Any]] = []

    # Hypothesis seeds itself by this text: another one tries other examples.
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
            problem = raised(error)
        if problem:
            last.append((problem, example))
            raise _Falsified

    # Hypothesis writes into the working directory: whoever calls finds it as it was.
    home = getattr(configuration, "__hypothesis_home_directory", None)
    configuration.set_hypothesis_home_dir(home or tempfile.gettempdir() + "/hypothesis")
    try:
        tried()
    except _Falsified:
        return last[-1]  # the smallest is tried last
    finally:
        configuration.set_hypothesis_home_dir(home)
    return None


def _examples(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return what Hypothesis tries where nothing fails: the same at every search.

    Drawn once in a process, since drawing takes longer than trying a metric. The text of a strategy
    must therefore say all of it: one that a closure maps would share the examples of another.
    """
    name = repr(strategy)
    if name not in _DRAWN:
        drawn: list[Any] = []
        _falsify(strategy, drawn.append)
        _DRAWN[name] = drawn
    return _DRAWN[name]


def _fails(attempt: Callable[[Any], str | None], example: Any) -> bool:
    random.seed(0)  # as Hypothesis does
    np.random.seed(0)  # noqa: NPY002
    try:
        return bool(attempt(copy.deepcopy(example)))
    except (Exception, SystemExit):
        return True


def search(
    strategy: st.SearchStrategy[Any],
    attempt: Callable[[Any], str | None],
    cause: Callable[[Any], str] = lambda example: "",
) -> str | None:
    """Return the problem of the smallest example found on which there is one, and its cause.

    Or None.
    """
    with generators_kept():
        if not any(_fails(attempt, example) for example in _examples(strategy)):
            return None
        smallest = _falsify(strategy, attempt)
        if smallest is None:
            return None
        problem, example = smallest
        if problem.startswith("raised "):
            return f"{problem}, given {show(example)}"
        return problem + cause(example)


def show(example: Any, kind: str = "alignment") -> str:
    """Return an example in words; what hypothesis drew beside the arrays is told in the problem."""
    if isinstance(example, tuple) and example and isinstance(example[0], tuple):
        example = example[0]
    names = {"norm": ("signal",), "loss_change": ("state", "credit")}.get(
        kind, ("credit", "gradient")
    )
    if isinstance(example, tuple) and all(isinstance(a, np.ndarray) for a in example):
        if example[0].size > 30:
            return f"{example[0].shape} signals"
        parts = (
            f"{n}={np.array2string(a, precision=6, threshold=30)}"
            for n, a in zip(names, example, strict=False)
        )
        return ", ".join(part.replace("\n", "") for part in parts)
    return repr(example)[:200]


def apart(values: Array, right: Array, allowed: float | Array) -> str | None:
    """Return how an answer differs from another by more than is allowed, or None."""
    if values.shape != right.shape:
        return f"the answer has the shape {values.shape}, not {right.shape}"
    wrong = np.atleast_1d(differs(values, right, allowed))
    if not wrong.any():
        return None
    k = int(np.argmax(wrong))
    values, right = np.atleast_1d(values), np.atleast_1d(right)
    # As many digits as tell them apart.
    digits = next((n for n in (7, 10, 17) if f"{values[k]:.{n}g}" != f"{right[k]:.{n}g}"), 17)
    return f"sample {k} reads {values[k]:.{digits}g}, right is {right[k]:.{digits}g}"


def raised(error: BaseException) -> str:
    """Return what was raised, and the first line of what it says."""
    return f"raised {type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"


def differs(values: Array, right: Array, allowed: float | Array) -> Any:
    """Return where an answer differs from another by more than is allowed."""
    with np.errstate(invalid="ignore", over="ignore"):
        return ~(
            (np.abs(values - right) <= allowed)
            | (values == right)
            | (np.isnan(values) & np.isnan(right))
        )
