"""check_metric: a metric of anyone's own, tried on what every metric of its kind must hold."""

from __future__ import annotations

import gc
import importlib
import itertools
import math
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, configuration, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faeval.errors import FaevalError
from faeval.testing._conformance import Conformance, Failure
from faeval.testing._strategies import LAYOUTS, arrays, laid_out, make_pair

Array = NDArray[np.float64]
Arrays = tuple[Array, ...]
KINDS = ("alignment", "correlation", "norm", "loss_change")
_DIGITS = Context(prec=60)
_EXAMPLES = 40


class Skip(Exception):
    """A property does not apply; the message says why."""


@dataclass(frozen=True)
class Check:
    """One property of a kind of metric: called with a metric, it raises AssertionError where the property fails."""

    name: str
    kind: str
    attempt: Callable[[_Bench], str | None]

    def __call__(self, metric: Callable[..., Any] | str) -> None:
        problem = self.problem(_Bench(_found(metric), self.kind))
        if problem:
            raise AssertionError(f"{self.name}: {problem}")

    def problem(self, bench: _Bench) -> str | None:
        """Return what is wrong, or None; an exception of the metric is something wrong."""
        try:
            return self.attempt(bench)
        except Skip:
            raise
        except (Exception, SystemExit) as error:
            first = str(error).splitlines()[0] if str(error) else ""
            return f"raised {type(error).__name__}: {first}"


def check_metric(
    metric: Callable[..., Any] | str,
    kind: str = "alignment",
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> Conformance:
    """Property-test a metric: scales, signs, order, chunks, types, memory, undefined cases, an exact oracle, side effects.

    Parameters
    ----------
    metric
        The function, in NumPy, PyTorch or what works on either; or its path ``"module:function"``. By kind:

        - alignment: ``fn(credit, gradient)``, two (n, d) in, one cosine for each sample (n,) out, within [-1, 1] to the
          last bit, NaN where undefined;
        - correlation: ``fn(credit, gradient)``, one number out, sum <a, g> / sqrt(sum |a|^2 sum |g|^2), NaN where undefined;
        - norm: ``fn(signal)``, (n, d) in, the Euclidean norm of each row (n,) out, whatever its size;
        - loss_change: ``fn(loss, state, credit, step)``, for each sample loss(state - step * credit) - loss(state), where
          ``loss`` maps states (n, d) to each sample's loss (n,).
    kind
        Which of these it is.
    expected_failures
        Property to reason, for what a metric is known not to hold. One that holds after all is a failure.

    Returns
    -------
    Conformance
        ``.passed``, and ``.failures``: the property's name, the smallest counterexample found, and the likely cause.

    Raises
    ------
    FaevalError
        There is no such kind, function or property.

    Examples
    --------
    >>> clamped = torch.nn.functional.cosine_similarity
    >>> print(check_metric(clamped).failures[0].property)
    norms from 1e-30 to 1e30
    """
    checks = metric_checks(kind)
    declared = dict(expected_failures or {})
    unknown = set(declared) - {check.name for check in checks}
    if unknown:
        raise FaevalError(
            f"check_metric: expected_failures names {min(unknown)!r}, which is no property of kind {kind!r}; they are "
            f"{', '.join(check.name for check in checks)}."
        )
    for name, reason in declared.items():
        if not isinstance(reason, str) or not reason.strip():
            raise FaevalError(f"check_metric: expected_failures[{name!r}]={reason!r} must say why, in words.")
    function = _found(metric)
    bench = _Bench(function, kind)
    failures, skipped, done = [], [], []
    for check in checks:
        before = _Process.now()
        try:
            problem = check.problem(bench)
        except Skip as reason:
            skipped.append((check.name, str(reason)))
            continue
        finally:
            before.restore()  # whatever the metric does, the next property and the caller find the process as it was
        if check.name in declared and problem:
            skipped.append((check.name, f"fails as declared: {declared[check.name]}"))
            continue
        done.append(check.name)
        if check.name in declared:
            problem = f"it is declared to fail ({declared[check.name]!r}), and holds; take the declaration away"
        if problem:
            failures.append(Failure(check.name, problem))
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
    return Conformance(f"{kind} metric {name}", tuple(done), tuple(failures), tuple(skipped))


def metric_checks(kind: str = "alignment") -> tuple[Check, ...]:
    """Return every property that metrics of a kind are tried on, each to be called with a metric."""
    if kind not in KINDS:
        raise FaevalError(f"kind={kind!r} ({type(kind).__name__}) is not one of {', '.join(map(repr, KINDS))}.")
    return tuple(Check(name, kind, attempt) for name, attempt in _PROPERTIES[kind].items())


def takes_numpy(metric: Callable[..., Any], kind: str = "alignment") -> bool:
    """Return whether a metric works on NumPy arrays and not on tensors."""
    return _Bench(metric, kind).numpy


def _found(metric: Callable[..., Any] | str) -> Callable[..., Any]:
    if isinstance(metric, str):
        module, _, name = metric.partition(":")
        try:
            metric = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise FaevalError(
                f"metric {module}:{name} cannot be loaded ({type(error).__name__}: {error}); name it as module:function."
            ) from error
    if not callable(metric):
        raise FaevalError(f"metric {metric!r} ({type(metric).__name__}) is no function.")
    return metric


class _Bench:
    """A metric of some kind, called with what it takes, its answer as a NumPy array in float64."""

    def __init__(self, function: Callable[..., Any], kind: str) -> None:
        self.function, self.kind = function, kind
        self.arity = 1 if kind == "norm" else 2
        before = _Process.now()
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
            return self.function(*((_Loss(), *given, *more) if self.kind == "loss_change" else given))

    def call(self, *given: Any, step: float | None = None) -> Array:
        """Return the metric's answer, as it is shaped."""
        answer = self._answer(*given, step=step)
        if isinstance(answer, np.ma.MaskedArray):
            raise TypeError("the metric returns a masked array, which hides what is undefined; return NaN there")
        found = _held(answer)
        if found.dtype.kind not in "fiu":
            raise TypeError(f"the metric returns {type(answer).__name__} of {found.dtype}, not numbers")
        return found.astype(np.float64)

    def __call__(self, *arrays: Array, dtype: str = "float64") -> Array:
        return self.call(*(self.given(a, dtype) for a in arrays[: self.arity]))

    def oracle(self, *arrays: Array) -> Array:
        """Return what is right, from exact rational arithmetic."""
        return _ORACLES[self.kind](*arrays[: self.arity])


STEP = 0.125


class _Loss:
    """Each sample's loss, a quartic: no expansion to second order gives it, and rational arithmetic does exactly."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, h: Any) -> Any:
        weights: Any = np.arange(1.0, h.shape[1] + 1.0)
        if isinstance(h, torch.Tensor):
            weights = torch.from_numpy(weights).to(h)
        return self.scale * (h * weights + h * h / 2 + h * h * h * h / 16).sum(1)


def _exact(row: Array) -> list[Fraction]:
    return [Fraction(float(v)) for v in row]


def _root(value: Fraction) -> float:
    number = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    return float(_DIGITS.sqrt(number))


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _ratio(product: Fraction, first: Fraction, second: Fraction) -> float:
    if not first or not second:
        return math.nan
    return math.copysign(_root(product**2 / (first * second)), product)


def _alignment(credit: Array, gradient: Array) -> Array:
    found = []
    for a, g in zip(map(_exact_or_none, credit), map(_exact_or_none, gradient), strict=True):
        found.append(math.nan if a is None or g is None else _ratio(_dot(a, g), _dot(a, a), _dot(g, g)))
    return np.array(found, dtype=np.float64)


def _exact_or_none(row: Array) -> list[Fraction] | None:
    return _exact(row) if bool(np.isfinite(row).all()) else None


def _correlation(credit: Array, gradient: Array) -> Array:
    if not (np.isfinite(credit).all() and np.isfinite(gradient).all()):
        return np.array(math.nan)
    a, g = _exact(credit.ravel()), _exact(gradient.ravel())
    return np.array(_ratio(_dot(a, g), _dot(a, a), _dot(g, g)))


def _norm(signal: Array, *_: Array) -> Array:
    return np.array([_root(_dot(_exact(row), _exact(row))) for row in signal], dtype=np.float64)


def _loss_change(state: Array, credit: Array, step: float = STEP) -> Array:
    def loss(h: list[Fraction]) -> Fraction:
        return sum((v * (k + 1) + v * v / 2 + v**4 / 16 for k, v in enumerate(h)), Fraction(0))

    found = []
    for h, a in zip(map(_exact_or_none, state), map(_exact_or_none, credit), strict=True):
        if h is None or a is None:
            found.append(math.nan)
            continue
        found.append(float(loss([x - Fraction(step) * y for x, y in zip(h, a, strict=True)]) - loss(h)))
    return np.array(found, dtype=np.float64)


_ORACLES: dict[str, Callable[..., Array]] = {
    "alignment": _alignment,
    "correlation": _correlation,
    "norm": _norm,
    "loss_change": _loss_change,
}


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
            problem = f"raised {type(error).__name__}: {first}, given {_show(example)}"
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


def _show(example: Any) -> str:
    names = ("credit", "gradient")
    if isinstance(example, tuple) and all(isinstance(a, np.ndarray) for a in example):
        parts = (f"{n}={np.array2string(a, precision=6, threshold=40)}" for n, a in zip(names, example, strict=False))
        return ", ".join(part.replace("\n", "") for part in parts)
    return repr(example)[:200]


def _apart(found: Array, right: Array, tolerance: float, relative: bool = False) -> str | None:
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


def _compare(bench: _Bench, example: Arrays, tolerance: float, dtype: str = "float64") -> str | None:
    rounded = tuple(a.astype(dtype).astype(np.float64) for a in example)
    found, right = bench(*rounded, dtype=dtype), bench.oracle(*rounded)
    problem = _apart(found, right, tolerance, bench.kind in ("norm", "loss_change"))
    return (
        f"{problem}, given {_show(rounded[: bench.arity])}{_cause(bench, found, right, rounded, dtype)}"
        if problem
        else None
    )


def _cause(bench: _Bench, found: Array, right: Array, example: Arrays, dtype: str = "float64") -> str:
    """Return the likely cause of a wrong answer, where a known mistake gives just that answer."""
    if found.shape != right.shape:
        return (
            "; is something averaged over the batch, or an axis kept?" if found.ndim != right.ndim else "; wrong axis?"
        )

    def is_(other: Any, tolerance: float = 1e-9) -> bool:
        return bool(np.allclose(found, other, rtol=tolerance, atol=tolerance, equal_nan=True)) and found.size > 0

    def first() -> float:
        return float(np.atleast_1d(found)[~np.atleast_1d(same)][0])

    with np.errstate(all="ignore"):
        told = (
            (np.abs(right) > 1e-3) & (np.abs(right) < 0.999) & np.isfinite(right)
        )  # entries that tell one mistake from another
        same = np.isclose(found, right, rtol=1e-9, atol=1e-12, equal_nan=True)
        if bool(np.isnan(right[~same]).any() if right.ndim else math.isnan(float(right))):
            value = first()
            return f"; a guard against zero that returns {value:g}, where the answer is undefined (NaN)?"
        if bool(np.isnan(found).any()) and not bool(np.isnan(right).any()):
            return "; squares that underflow or overflow, or a floor under which a norm is taken for zero?"
        if is_(right.astype(np.float32), 1e-7) and np.array_equal(found, found.astype(np.float32)) and bool(told.any()):
            return "; computed in float32?"
        if is_(right):
            return "; digits are lost: part of it in float32, a rounded product, or an eps?"
        if bool(told.any()) and any(is_(np.round(right, k), 1e-15) for k in range(1, 9)):
            return "; rounded inside?"
        if not told.any():
            return _lost(found, right, same)
        if is_(-right):
            return "; the sign is turned round"
        if is_(np.abs(right)):
            return "; is the sign thrown away?"
        if is_(np.maximum(right, 0)):
            return "; clipping that hides negative values?"
        if is_(right**2) or is_(np.sqrt(np.abs(right))):
            return "; a square root too few or too many?"
        if is_(1 - right):
            return "; a distance, one minus the cosine?"
        if is_(np.arccos(np.clip(right, -1, 1)), 1e-6):
            return "; an angle in place of its cosine?"
        if is_(right, 1e-6):
            return "; computed in float32, the acos of a rounded product, or an eps added to the norms?"
        if bench.kind == "alignment" and dtype == "float64":
            a, g = example
            if a.size > 1 and is_((a * g).sum(1) / (np.abs(a**-1.0).sum() ** -1.0 * np.abs(g**-1.0).sum() ** -1.0)):
                return "; tensor.norm(-1), the L_-1 norm over the whole tensor: write dim=-1"
            if a.size > 1 and is_((a * g).sum(1) / np.linalg.norm(a) / np.linalg.norm(g)):
                return "; norm over the whole tensor?"
            mean = a.mean(0) @ g.mean(0) / np.linalg.norm(a.mean(0)) / np.linalg.norm(g.mean(0))
            if is_(np.full(len(a), mean)):
                return "; mean over the batch before the cosine?"
            return _lost(found, right, same)
    return ""


def _lost(found: Array, right: Array, same: Any) -> str:
    """Return whether what is wrong has only shrunk, as what is added to, or taken in place of, a small norm makes it."""
    lost = np.abs(right[~same]) - np.abs(found[~same])
    if bool((lost > 0).all()) and bool((right[~same] * found[~same] >= 0).all()):
        return "; an eps that clamps or is added to small norms (F.cosine_similarity clamps them at 1e-8)?"
    return ""


def _formula(tolerance: float, **how: Any) -> Callable[[_Bench], str | None]:
    return lambda bench: search(arrays(**how), lambda e: _compare(bench, e, tolerance))


def _written() -> Callable[[_Bench], str | None]:
    """Rows of equal entries and rows that repeat first; then whatever is found."""
    # In one dimension every cosine is 1 or -1: too little is told.
    searched = _formula(1e-12, rows=("plain", "sparse", "duplicate"), least=2)
    equal = (
        np.array([[2.0, 2, 2], [1, 2, 3], [1, 2, 3], [1, 2, 3]]),
        np.array([[1.0, 2, 4], [3, 3, 3], [3, 3, 3], [5, 0, 1]]),
    )
    return lambda bench: _compare(bench, equal, 1e-12) or searched(bench)


def _far_apart(rows: tuple[str, ...] = ("plain",)) -> Callable[[_Bench], str | None]:
    """Norms at the ends of the range first, both small, both large and one of each; then whatever is found between."""
    searched = _formula(1e-12, decades=30, rows=rows)

    def attempt(bench: _Bench) -> str | None:
        ends = [(p, q) for p in (-30, 30, 0) for q in (-30, 30, 0)]
        together = make_pair(9, 3, 0, ["plain"] * 9, ends)
        alone = [tuple(a[k : k + 1] for a in together) for k in range(9)]
        for example in (*alone, together) if bench.kind != "correlation" else alone:
            if problem := _compare(bench, (example[0], example[1]), 1e-12):
                return problem
        return searched(bench)

    return attempt


def _shape(bench: _Bench) -> str | None:
    for n, d in ((1, 1), (1, 3), (3, 1), (2, 3), (3, 3), (7, 2)):
        example = make_pair(n, d, 0, ["plain"] * n, [(0, 0)] * n)
        found = bench(*example)
        wanted = () if bench.kind == "correlation" else (n,)
        if found.shape != wanted:
            return f"{(n, d)} signals give the shape {found.shape}; it must be {wanted}; mean over samples, or an axis kept?"
    return None


def _bounds(bench: _Bench) -> str | None:
    for dtype in ("float64", "float32"):
        for d in range(1, 60):
            row = np.arange(1.0, d + 1.0)
            example = np.stack([row, row / 3]), np.stack([row / 7, -row / 11])
            found = np.atleast_1d(bench(*example, dtype=dtype))
            if bool((np.abs(found) > 1).any()):
                return f"parallel vectors of {d} dimensions in {dtype} read {found.tolist()}: beyond 1 by rounding; clamp it"
    return None


def _scaled(which: tuple[bool, bool], common: bool) -> Callable[[_Bench], str | None]:
    def attempt(bench: _Bench) -> str | None:
        def one(drawn: tuple[Arrays, int]) -> str | None:
            example, power = drawn
            n = len(example[0])
            factors = np.full((n, 1), 2.0**power) if common else 2.0 ** (power * (1 - 2 * (np.arange(n) % 2)))[:, None]
            moved = tuple(a * factors if turn else a for a, turn in zip(example, which, strict=True))
            problem = _apart(bench(*moved), bench(*example), 1e-12)
            return (
                f"{problem} after a factor of 2^{power}, given {_show(example)}; an eps in the norm, or a floor?"
                if problem
                else None
            )

        return search(st.tuples(arrays(samples=(2, 5), least=2), st.integers(-90, 90)), one)

    return attempt


def _signs(bench: _Bench) -> str | None:
    def one(example: Arrays) -> str | None:
        problem = _apart(bench(-example[0], example[1]), -bench(*example), 1e-12)
        return (
            f"{problem} after the credit's sign was turned, given {_show(example)}; is the sign thrown away?"
            if problem
            else None
        )

    return search(arrays(), one)


def _tolerance(bench: _Bench) -> float:
    return 1e-12 if bench.kind in ("alignment", "norm") else 1e-11


def _order(bench: _Bench) -> str | None:
    def one(example: Arrays) -> str | None:
        turned = tuple(a[::-1].copy() for a in example)
        whole = bench(*example)
        problem = _apart(
            bench(*turned), whole if bench.kind == "correlation" else whole[::-1], 1e-12, bench.kind == "norm"
        )
        return f"{problem} after the order of samples was turned round, given {_show(example)}" if problem else None

    return search(arrays(samples=(2, 5)), one)


def _alone(bench: _Bench) -> str | None:
    def one(example: Arrays) -> str | None:
        whole = bench(*example)
        for size in (1, 2):
            parts = [bench(*(a[k : k + size] for a in example)) for k in range(0, len(example[0]), size)]
            problem = _apart(np.concatenate(parts), whole, 1e-12, bench.kind in ("norm", "loss_change"))
            if problem:
                return (
                    f"in chunks of {size} {problem} (that is, in one batch), given {_show(example)}; does something "
                    "reach over the batch: a mean, a norm over the whole tensor, a scale relative to the largest row?"
                )
        return None

    return search(arrays(samples=(2, 5)), one)


def _repeated(bench: _Bench) -> str | None:
    def one(example: Arrays) -> str | None:
        twice = tuple(np.concatenate([a, a]) for a in example)
        whole = bench(*example)
        right = whole if bench.kind == "correlation" else np.concatenate([whole, whole])
        problem = _apart(bench(*twice), right, 1e-12, bench.kind == "norm")
        return (
            f"{problem} after all samples were repeated, given {_show(example)}; divided by the batch?"
            if problem
            else None
        )

    return search(arrays(), one)


def _rotated(bench: _Bench) -> str | None:
    def one(drawn: tuple[Arrays, int]) -> str | None:
        example, seed = drawn
        d = example[0].shape[1]
        q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))
        problem = _apart(bench(*(a @ q for a in example)), bench(*example), 1e-9, bench.kind == "norm")
        return (
            f"{problem} after a rotation, given {_show(example)}; centred, ranked, or another norm than L2?"
            if problem
            else None
        )

    return search(st.tuples(arrays(least=2), st.integers(0, 9)), one)


def _undefined(bench: _Bench) -> str | None:
    for bad in (0.0, math.nan, math.inf, -math.inf):
        for side in range(bench.arity):
            for row in range(3):
                for d, column, dtype in ((1, 0, "float64"), (3, 0, "float64"), (3, 2, "float64"), (3, 1, "float32")):
                    rounded = (a.astype(dtype) for a in make_pair(3, d, 1, ["plain"] * 3, [(0, 0)] * 3))
                    example = tuple(a.astype(np.float64) for a in rounded)
                    right = bench.oracle(*example)
                    example[side][row, column] = bad
                    if bad == 0.0:
                        example[side][row] = 0.0
                    right = right.copy()
                    right[row] = math.nan
                    found = bench(*example, dtype=dtype)
                    problem = _apart(found, right, 1e-12 if dtype == "float64" else 1e-5)
                    if problem:
                        what = "zero" if bad == 0 else "not finite"
                        return (
                            f"{problem}, where a row is {what}: {_show(example)}{_cause(bench, found, right, example)}"
                        )
    nothing = bench(np.zeros((1, 2)), np.zeros((1, 2)))
    return None if np.isnan(nothing).all() else f"0 against 0 reads {nothing[0]:g}; it is undefined (NaN)"


def _undefined_pooled(bench: _Bench) -> str | None:
    ones = np.ones((3, 2))
    for name, a, g in (
        ("credit is zero", 0 * ones, ones),
        ("the gradient is zero", ones, 0 * ones),
        ("both are zero", 0 * ones, 0 * ones),
        *(
            (f"an entry of the {side} is {bad}", *((holed, ones) if side == "credit" else (ones, holed)))
            for bad in (math.nan, math.inf, -math.inf)
            for side in ("credit", "gradient")
            for place in ((0, 0), (2, 1))
            for holed in (np.where(np.arange(6).reshape(3, 2) == 2 * place[0] + place[1], bad, 1.0),)
        ),
        ("there is no sample", ones[:0], ones[:0]),
    ):
        found = bench(a, g)
        if not math.isnan(float(found)):
            return f"reads {float(found):g} where {name}; it is undefined (NaN); a guard against zero that returns a number?"
    return None


def _zero_norm(bench: _Bench) -> str | None:
    found = bench(np.array([[0.0, 0.0], [3.0, 4.0]]))
    return (
        None
        if found.tolist() == [0.0, 5.0]
        else f"rows (0, 0) and (3, 4) read {found.tolist()}; right is [0, 5]; an eps?"
    )


def _not_finite_norm(bench: _Bench) -> str | None:
    for bad, column in itertools.product((math.nan, math.inf, -math.inf), (0, 1)):
        rows = np.array([[1.0, 1.0], [3.0, 4.0]])
        rows[0, column] = bad
        found = bench(rows)
        if math.isfinite(found[0]):
            return f"a row with {bad} reads {found[0]:g}; is a value that is not finite hidden?"
        if found[1] != 5:
            return f"the row (3, 4) reads {found[1]:g} where another row has {bad}; a scale that is the batch's, not the row's?"
    return None


def _empty(bench: _Bench) -> str | None:
    found = bench(np.empty((0, 3)), np.empty((0, 3)))
    return None if found.shape == (0,) else f"no sample gives the shape {found.shape}; it must be (0,)"


def _types(dtype: str, decades: int) -> Callable[[_Bench], str | None]:
    def attempt(bench: _Bench) -> str | None:
        cause = f"; computed in {dtype}, where squares underflow or overflow? take the input to float64 first"

        def one(example: Arrays) -> str | None:
            problem = _compare(bench, example, 1e-5, dtype)
            return problem + ("" if "?" in problem else cause) if problem else None

        return search(arrays(decades=decades), one)

    return attempt


def _layout(bench: _Bench) -> str | None:
    def one(drawn: tuple[Arrays, tuple[str, str]]) -> str | None:
        example, layouts = drawn
        layout = " and ".join(dict.fromkeys(layouts[: bench.arity]))
        given = [laid_out(torch.from_numpy(a), name) for a, name in zip(example[: bench.arity], layouts, strict=False)]
        if bench.numpy:  # an array may run backwards, a tensor may not
            flipped = [a[::-1, ::-1].copy()[::-1, ::-1] for a in example[: bench.arity]]
            for array in flipped:
                array.flags.writeable = False
            if problem := _apart(bench.call(*flipped), bench(*example), 1e-12, bench.kind == "norm"):
                return f"{problem} in memory that runs backwards, given {_show(example)}"
        found = bench.call(*(t.numpy() if bench.numpy else t for t in given))
        problem = _apart(found, bench(*example), 1e-12, bench.kind == "norm")
        if problem:
            return f"{problem} in {layout} memory, given {_show(example)}"
        changed = any(not np.array_equal(t.numpy(), a) for t, a in zip(given, example, strict=False))
        return f"arguments in {layout} memory are changed in place; work on a copy" if changed else None

    layouts = st.sampled_from(LAYOUTS)
    return search(st.tuples(arrays(), st.tuples(layouts, layouts)), one)


def _held(numbers: Any) -> NDArray[Any]:
    """Return what an array or tensor holds, in its own memory where that can be."""
    if isinstance(numbers, torch.Tensor):
        numbers = numbers.detach().cpu()
        numbers = (numbers.double() if numbers.dtype == torch.bfloat16 else numbers).numpy()
    return np.asarray(numbers)


def _arguments(bench: _Bench) -> str | None:
    sizes = ((3, "float64"), (3, "float32"), (3, "float16"), (1, "float64"), (1100, "float64"))
    for (n, dtype), bad in itertools.product(sizes, (0.0, math.nan)):
        example = make_pair(n, 4, 0, ["plain"] * n, [(0, 0)] * n)
        if n == 3:
            example[0][1] = bad
            example[1][2, 0] = bad
        given = [bench.given(a, dtype) for a in example[: bench.arity]]
        before = [_held(g).copy() for g in given]
        bench.call(*given)
        for name, now, then in zip(("first", "second"), given, before, strict=False):
            if getattr(now, "requires_grad", False):
                return f"the {name} argument is made to require gradients; work on a copy"
            if not np.array_equal(_held(now), then, equal_nan=True):
                return f"the {name} argument ({n} samples in {dtype}) is changed in place; work on a copy"
    return None


def _global_state(bench: _Bench) -> str | None:
    for n in (3, 40, 1100):
        if problem := _draws(bench, make_pair(n, 8, 0, ["plain"] * n, [(0, 0)] * n)):
            return problem
    return None


def _draws(bench: _Bench, example: Arrays) -> str | None:
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        answers = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            kept = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index] # noqa: NPY002
            answers.append(bench(*example))
            moved = (
                ("torch", torch.equal(torch.get_rng_state(), kept[0])),
                ("NumPy", np.array_equal(np.random.get_state()[1], kept[1])),  # type: ignore[index] # noqa: NPY002
                ("random", random.getstate() == kept[2]),
            )
            for name, still in moved:
                if not still:
                    return f"the global generator of {name} is drawn from, or seeded; use a seeded generator of its own"
        return "its answer depends on a global seed" if _apart(answers[0], answers[1], 0.0) else None
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


@dataclass(frozen=True)
class _Process:
    """What a metric has no business to change: settings of the process that others' numbers or output depend on."""

    settings: dict[str, Any]

    @classmethod
    def now(cls) -> _Process:
        return cls(
            {
                "torch's default type": torch.get_default_dtype(),
                "torch's default device": torch.get_default_device(),
                "torch's gradient mode": torch.is_grad_enabled(),
                "torch's number of threads": torch.get_num_threads(),
                "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
                "torch's precision of products": torch.get_float32_matmul_precision(),
                "torch's anomaly mode": torch.is_anomaly_enabled(),
                "NumPy's handling of errors": np.geterr(),
                "NumPy's print options": np.get_printoptions(),
                "the environment": dict(os.environ),
                "the filters of warnings": list(warnings.filters),
                "the garbage collector": gc.isenabled(),
            }
        )

    def changed(self) -> str | None:
        """Return the first that is not as it was."""
        now = _Process.now().settings
        return next((name for name, value in self.settings.items() if now[name] != value), None)

    def restore(self) -> None:
        kept = self.settings
        torch.set_default_dtype(kept["torch's default type"])
        if torch.get_default_device() != kept["torch's default device"]:
            torch.set_default_device(kept["torch's default device"])
        torch.set_grad_enabled(kept["torch's gradient mode"])
        if torch.get_num_threads() != kept["torch's number of threads"]:
            torch.set_num_threads(kept["torch's number of threads"])
        torch.use_deterministic_algorithms(kept["torch's deterministic mode"])
        if torch.get_float32_matmul_precision() != kept["torch's precision of products"]:
            torch.set_float32_matmul_precision(kept["torch's precision of products"])
        torch.autograd.set_detect_anomaly(kept["torch's anomaly mode"])
        np.seterr(**kept["NumPy's handling of errors"])
        if np.get_printoptions() != kept["NumPy's print options"]:
            np.set_printoptions(**{k: v for k, v in kept["NumPy's print options"].items() if k != "override_repr"})
        if dict(os.environ) != kept["the environment"]:
            os.environ.clear()
            os.environ.update(kept["the environment"])
        if list(warnings.filters) != kept["the filters of warnings"]:
            warnings.filters[:] = kept["the filters of warnings"]  # type: ignore[index]
        (gc.enable if kept["the garbage collector"] else gc.disable)()


def _process(bench: _Bench) -> str | None:
    example = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
    for asks in (False,) if bench.numpy else (False, True):
        given = [bench.given(a) for a in example[: bench.arity]]
        if asks:
            given = [g.requires_grad_() for g in given]
        before = _Process.now()
        try:
            bench.function(*((_Loss(), *given, STEP) if bench.kind == "loss_change" else given))
            if changed := before.changed():
                return f"a call changes {changed} for whoever comes after; put it back, or do without"
        finally:
            before.restore()
    return None


def _small_cosines(bench: _Bench) -> str | None:
    for size in (1e-3, 1e-5, 1e-7, 1e-9, 1e-11):
        for sign in (1.0, -1.0):
            # No digit is lost in these products: what is lost, the metric loses.
            found = float(np.atleast_1d(bench(np.array([[1.0, sign * size]]), np.array([[0.0, 1.0]])))[0])
            right = sign * size / math.sqrt(1 + size**2)
            if not abs(found - right) <= 1e-13:
                return f"a cosine of {right:g} reads {found:g}; rounded inside, or small values taken for 0?"
    return None


def _two_types(bench: _Bench) -> str | None:
    example = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
    for types in (("float32", "float64"), ("float64", "float32"), ("float16", "float32")):
        rounded = tuple(a.astype(t).astype(np.float64) for a, t in zip(example, types, strict=True))
        try:
            found = bench.call(*(bench.given(a, t) for a, t in zip(example, types, strict=True)))
        except Exception:
            continue  # to refuse is right too
        if problem := _apart(found, bench.oracle(*rounded), 1e-5):
            return f"{problem} for credit in {types[0]} and gradients in {types[1]}; take both to float64, or refuse"
    return None


def _arrays_too(bench: _Bench) -> str | None:
    if bench.numpy:
        raise Skip("it takes NumPy arrays")
    rows = ["plain", "sparse", "parallel", "heavy"]
    for power in (0, -20, 20):
        example = make_pair(4, 3, 0, rows, [(power, -power)] * 4)
        try:
            found = bench.call(*example[: bench.arity])
        except Exception:
            raise Skip("it takes tensors alone") from None
        if problem := _apart(found, bench.oracle(*example), 1e-12, bench.kind == "norm"):
            return f"{problem} for NumPy arrays, which it takes too, given {_show(example)}"
    return None


def _again(bench: _Bench) -> str | None:
    first, second = (make_pair(4, 3, seed, ["plain"] * 4, [(0, 0)] * 4) for seed in (0, 1))
    one = bench(*first)
    if bench.kind != "loss_change":
        kept = bench.function(*(bench.given(a) for a in first[: bench.arity]))
        bench(*second)
        if problem := _apart(_held(kept).astype(np.float64), one, 0.0):
            return f"an answer changes at the next call: {problem}; is one buffer returned every time?"
    for other in (first, second, tuple(a[:2] for a in second), first):
        found = bench(*other)
        problem = _apart(found, bench.oracle(*other), 1e-6, bench.kind in ("norm", "loss_change"))
        if problem:
            return f"called again {problem}, given {_show(other)}; is something kept from one call to the next?"
    given = [bench.given(a) for a in first[: bench.arity]]
    bench.call(*given)
    for g, a in zip(given, second, strict=False):  # the same objects, other numbers
        g[...] = bench.given(a)
    problem = _apart(bench.call(*given), bench.oracle(*second), 1e-6, bench.kind in ("norm", "loss_change"))
    if problem:
        return f"given the same memory with other numbers {problem}; is an answer kept by identity?"
    return "a second call gives another answer" if _apart(bench(*first), one, 0.0) else None


def _asks_gradient(bench: _Bench) -> str | None:
    if bench.numpy:
        raise Skip("it takes NumPy arrays")
    example = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)
    given = [bench.given(a).requires_grad_() for a in example[: bench.arity]]
    problem = _apart(bench.call(*given), bench(*example), 1e-12, bench.kind == "norm")
    if problem:
        return f"{problem} where arguments require gradients"
    if any(g.grad is not None or not g.requires_grad for g in given):
        return "arguments that require gradients are left with a gradient, or no longer require one; detach a copy"
    return None


def _planted(bench: _Bench) -> str | None:
    draw = np.random.default_rng(0)
    gradient = draw.standard_normal((64, 32))
    unit = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    other = draw.standard_normal((64, 32))
    other -= (other * unit).sum(1, keepdims=True) * unit
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    size = np.linalg.norm(gradient, axis=1, keepdims=True)
    before = -math.inf
    for dose in (-1.0, -0.3, 0.0, 0.001, 0.1, 0.3, 0.9, 0.9999, 1.0):
        read = float(np.mean(bench(size * (dose * unit + math.sqrt(1 - dose**2) * other), gradient)))
        if not abs(read - dose) < 1e-9:
            return f"a planted cosine of {dose:g} reads {read:.6g}"
        if read <= before:
            return f"planted cosines do not read back in order: {dose:g} reads {read:.6g}, after {before:.6g}"
        before = read
    return None


#: Numbers of samples and dimensions at which chunks, tails and shortcuts for large or odd sizes would show.
_SIZES = ((20, 2), (131, 129), (40, 40), (9, 1101), (1100, 6), (2049, 3))


def _large(bench: _Bench) -> str | None:
    for n, d in _SIZES:
        example = make_pair(n, d, 2, ["plain"] * n, [(0, 0)] * n)
        problem = _apart(bench(*example), bench.oracle(*example), 1e-10, bench.kind in ("norm", "loss_change"))
        if problem:
            return f"of {n} samples in {d} dimensions {problem}; is part of the samples or dimensions left out?"
    return None


def _cuda(bench: _Bench) -> str | None:
    if bench.numpy:
        raise Skip("it takes NumPy arrays")
    if not torch.cuda.is_available():
        raise Skip("there is no CUDA device")
    if bench.kind == "loss_change":
        raise Skip("the losses tried live on the CPU")
    example = make_pair(20, 9, 0, ["plain"] * 20, [(0, 0)] * 20)
    given = [bench.given(a).cuda() for a in example[: bench.arity]]
    problem = _apart(bench.call(*given), bench(*example), 1e-12, bench.kind == "norm")
    return f"on CUDA {problem}" if problem else None


def _far_norms(bench: _Bench) -> str | None:
    for size in (1e-300, 1e-200, 1e-30, 1e30, 1e150, 1e200, 1e307):
        found, right = bench(np.array([[3 * size, 4 * size]])), 5 * size
        if not abs(found[0] / right - 1) < 1e-12:
            return f"a row of norm {right:g} reads {found[0]:g}: its square underflows or overflows; scale it first"
    return None


def _loss_zero(bench: _Bench) -> str | None:
    state, credit = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)
    found = bench(state, 0 * credit)
    if found.tolist() != [0.0] * 3:
        return f"credit of zero changes the loss by {found.tolist()}; right is 0"
    return None


def _loss_scaled(bench: _Bench) -> str | None:
    given = [bench.given(a) for a in make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)]
    base = _held(bench.function(_Loss(), *given, STEP))
    for scale in (1024.0, 2.0**-40):
        problem = _apart(_held(bench.function(_Loss(scale), *given, STEP)), scale * base, 1e-12, True)
        if problem:
            return f"{problem} where the loss is scaled by {scale:g}; a ratio, a floor or a rounding in place of the change?"
    return None


def _loss_steps(bench: _Bench) -> str | None:
    """Steps that are no power of two, negative, large, tiny, a whole number; and credit of any size."""
    for size in (1.0, 1000.0):
        state, credit = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
        given = [bench.given(a) for a in (state, size * credit)]
        for step in (0.1, 1 / 3, -0.7, 3.0, 1e-3, 1e-8, 1, 0.0, -STEP):
            found, right = bench.call(*given, step=step), _loss_change(state, size * credit, step)
            if problem := _loss_apart(found, right, state, size * credit, step):
                return f"{problem} for a step of {step:g} and credit {size:g} times as large as the state"
    return None


def _loss_not_finite(bench: _Bench) -> str | None:
    for bad, side, column in itertools.product((math.nan, math.inf), (0, 1), (0, 2)):
        pair = make_pair(3, 3, 0, ["plain"] * 3, [(0, 0)] * 3)
        pair[side][1, column] = bad
        found, right = bench(*pair), bench.oracle(*pair)
        if math.isfinite(found[1]):
            return f"{('a state', 'credit')[side]} with {bad} reads {found[1]:g}; is a value that is not finite hidden?"
        if problem := _apart(found[::2], right[::2], 1e-11):
            return f"{problem} where another row is not finite"
    return None


def _loss_apart(
    found: Array, right: Array, state: Array, credit: Array, step: float, digits: float = 1e-13
) -> str | None:
    """Return how changes differ by more than rounding of the losses leaves."""
    loss = _Loss()
    with np.errstate(all="ignore"):
        size = 1 + np.maximum(np.abs(loss(state)), np.abs(loss(state - step * credit)))
    return _apart(found / size, right / size, digits) if found.shape == right.shape else _apart(found, right, 0.0)


def _loss_sign(bench: _Bench) -> str | None:
    state = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)[0]
    gradient = np.arange(1.0, 5.0) + state + state**3 / 4
    found = bench(state, gradient)
    if bool((found >= 0).any()):
        return (
            f"a step against the gradient itself reads {found.tolist()}, not a fall; the change is loss(state - step * credit) - "
            "loss(state), after minus before"
        )
    return None


_SHARED: dict[str, Callable[[_Bench], str | None]] = {
    "shape and type": _shape,
    "the written formula": _written(),
    "large batches and many dimensions": _large,
    "order of samples": _order,
    "memory layout": _layout,
    "arguments stay as they are": _arguments,
    "no global random state": _global_state,
    "the process stays as it was": _process,
    "the same at every call": _again,
    "arguments that require gradients": _asks_gradient,
    "CUDA agrees": _cuda,
}
_SIGNALS: dict[str, Callable[[_Bench], str | None]] = {
    "near-parallel and near-orthogonal pairs": _formula(1e-12, rows=("parallel", "opposite", "orthogonal", "heavy")),
    "norms from 1e-30 to 1e30": _far_apart(),
    "small cosines keep their digits": _small_cosines,
    "arguments of two types": _two_types,
    "NumPy arrays agree": _arrays_too,
    "bounds": _bounds,
    "sign of the credit": _signs,
    "repetition of samples": _repeated,
    "rotation": _rotated,
    "planted cosines": _planted,
    "float32": _types("float32", 30),
    "float16": _types("float16", 2),
}
_PROPERTIES: dict[str, dict[str, Callable[[_Bench], str | None]]] = {
    "alignment": {
        **_SHARED,
        **_SIGNALS,
        "a sample is judged alone": _alone,
        "scale of each sample's credit": _scaled((True, False), False),
        "scale of each sample's gradient": _scaled((False, True), False),
        "scale of the loss": _scaled((False, True), True),
        "undefined where there is no direction": _undefined,
        "no sample": _empty,
    },
    "correlation": {
        **_SHARED,
        **_SIGNALS,
        "scale of all credit": _scaled((True, False), True),
        "scale of the loss": _scaled((False, True), True),
        "a row without a direction has no weight": _formula(1e-12, rows=("plain", "zero credit", "zero gradient")),
        "undefined where nothing is measured": _undefined_pooled,
    },
    "norm": {
        **_SHARED,
        "norms from 1e-30 to 1e30": _far_apart(("plain", "heavy", "sparse", "zero credit")),
        "norms whose squares float64 cannot hold": _far_norms,
        "a sample is judged alone": _alone,
        "repetition of samples": _repeated,
        "rotation": _rotated,
        "zero is zero": _zero_norm,
        "what is not finite is not hidden": _not_finite_norm,
        "float32": _types("float32", 30),
        "float16": _types("float16", 2),
        "no sample": _empty,
    },
    "loss_change": {
        **_SHARED,
        "sign: after minus before": _loss_sign,
        "nothing moved, nothing changed": _loss_zero,
        "scale of the loss": _loss_scaled,
        "steps and sizes": _loss_steps,
        "what is not finite is not hidden": _loss_not_finite,
        "a sample is judged alone": _alone,
        "no sample": _empty,
    },
}
# A difference of losses rounds with the losses: its formula is asked to what float64 leaves of it.
_PROPERTIES["loss_change"]["the written formula"] = lambda bench: search(arrays(), lambda e: _loss_formula(bench, e))
_PROPERTIES["loss_change"]["large batches and many dimensions"] = lambda bench: next(
    filter(None, (_loss_formula(bench, make_pair(n, d, 2, ["plain"] * n, [(0, 0)] * n)) for n, d in _SIZES)), None
)


def _loss_formula(bench: _Bench, example: Arrays) -> str | None:
    found, right = bench(*example), bench.oracle(*example)
    problem = _loss_apart(found, right, example[0], example[1], STEP)
    shown = _show(example) if example[0].size < 40 else f"{example[0].shape} signals"
    return f"{problem}, given {shown}{_cause(bench, found, right, example)}" if problem else None
