"""The properties of each kind of metric.

Each tries one on the bench, and says what is wrong or None.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from faeval.testing import _call_properties as of_call, _loss_properties as of_loss
from faeval.testing._causes import cause, compare, wrong
from faeval.testing._strategies import arrays, make_pair
from faeval.testing._subject import Array, Arrays, Bench, raised, rounded, search, show


def _formula(dtype: str = "float64", **how: Any) -> Callable[[Bench], str | None]:
    return lambda bench: search(
        arrays(**how), lambda e: wrong(bench, e, dtype=dtype), lambda e: cause(bench, e, dtype)
    )


def _written() -> Callable[[Bench], str | None]:
    """Rows of equal entries and rows that repeat first; then whatever is found."""
    # In one dimension every cosine is 1 or -1: too little is told.
    searched = _formula(rows=("plain", "sparse", "duplicate"), least=2)
    equal = (
        np.array([[2.0, 2, 2], [1, 2, 3], [1, 2, 3], [1, 2, 3]]),
        np.array([[1.0, 2, 4], [3, 3, 3], [3, 3, 3], [5, 0, 1]]),
    )

    def attempt(bench: Bench) -> str | None:
        if bench.works_in != "float64":
            bench.notes.append(
                f"it works in {bench.works_in}: about 7 digits are right; where a claim's margin is"
                " far above 1e-6, that does no harm"
            )
        return compare(bench, equal) or searched(bench)

    return attempt


def _far_apart(rows: tuple[str, ...] = ("plain",)) -> Callable[[Bench], str | None]:
    """Norms at the ends of the range first, both small, both large and one of each.

    Then whatever is found between.
    """
    searched = _formula(decades=30, rows=rows)

    def attempt(bench: Bench) -> str | None:
        ends = [(p, q) for p in (-30, 30, 0) for q in (-30, 30, 0)]
        together = make_pair(9, 3, 0, ["plain"] * 9, ends)
        alone = [tuple(a[k : k + 1] for a in together) for k in range(9)]
        for example in (*alone, together) if bench.kind != "correlation" else alone:
            if problem := compare(bench, (example[0], example[1])):
                return problem
        return searched(bench)

    return attempt


def _shape(bench: Bench) -> str | None:
    for n, d in ((1, 1), (1, 3), (3, 1), (2, 3), (3, 3), (7, 2)):
        example = make_pair(n, d, 0, ["plain"] * n, [(0, 0)] * n)
        values = bench(*example)
        shape = () if bench.kind == "correlation" else (n,)
        if values.shape != shape:
            return (
                f"{(n, d)} signals give the shape {values.shape}; it must be {shape}; mean over"
                " samples, or an axis kept?"
            )
    return None


def _bounds(bench: Bench) -> str | None:
    beyond = ""
    for dtype in ("float64", "float32"):
        for d in range(1, 60):
            row = np.arange(1.0, d + 1.0)
            example = tuple(
                rounded(a, dtype)
                for a in (np.stack([row, row / 3]), np.stack([row / 7, -row / 11]))
            )
            values = np.atleast_1d(bench(*example, dtype=dtype))
            excess = float((np.abs(values) - 1).max(initial=0.0))
            if excess > bench.allowed(example, 0.0, dtype):
                return (
                    f"parallel vectors of {d} dimensions in {dtype} read {values.tolist()}:"
                    " beyond 1 by more than rounding"
                )
            if excess > 0:
                beyond = (
                    beyond
                    or f"parallel vectors of {d} dimensions in {dtype} read {1 + excess:.17g}"
                )
    if beyond:
        bench.notes.append(f"{beyond}: the last digit passes 1 by rounding; a claim reads it as 1")
    return None


def _moved(
    move: Callable[[Bench, Any], tuple[Arrays, Array, Arrays]],
    told: str,
    strategy: st.SearchStrategy[Any],
    why: Callable[[Bench, Any], str] = lambda bench, sample: "",
    least: float = 1e-12,
) -> Callable[[Bench], str | None]:
    """Moved signals read what they must: ``move`` gives them, the right answer and the example."""

    def attempt(bench: Bench) -> str | None:
        def one(sample: Any) -> str | None:
            moved, right, example = move(bench, sample)
            problem = bench.apart(bench(*moved), right, moved, least)
            return told.format(problem, show(example, bench.kind), sample[1]) if problem else None

        return search(strategy, one, lambda sample: why(bench, sample))

    return attempt


def _scaled(which: tuple[bool, bool], common: bool) -> Callable[[Bench], str | None]:
    def move(bench: Bench, sample: tuple[Arrays, int]) -> tuple[Arrays, Array, Arrays]:
        example, power = sample
        turns = np.zeros(len(example[0])) if common else np.arange(len(example[0])) % 2
        factors = 2.0 ** (power * (1 - 2 * turns))[:, None]
        moved = tuple(a * factors if turn else a for a, turn in zip(example, which, strict=True))
        return moved, bench(*example), example

    return _moved(
        move,
        "{0} after a factor of 2^{2}, given {1}",
        st.tuples(arrays(samples=(2, 5), least=2), st.integers(-90, 90)),
        lambda bench, sample: cause(bench, move(bench, sample)[0]),
    )


def _turn_sign(bench: Bench, example: Arrays) -> tuple[Arrays, Array, Arrays]:
    return (-example[0], example[1]), -bench(*example), example


def _of_either_sign(bench: Bench, example: Arrays) -> str:
    both = (-example[0], example[1]), example
    return next(filter(None, (cause(bench, e) for e in both if wrong(bench, e))), "")


def _turn_order(bench: Bench, example: Arrays) -> tuple[Arrays, Array, Arrays]:
    whole = bench(*example)
    right = whole if bench.kind == "correlation" else whole[::-1]
    return tuple(a[::-1].copy() for a in example), right, example


def _repeat(bench: Bench, example: Arrays) -> tuple[Arrays, Array, Arrays]:
    whole = bench(*example)
    right = whole if bench.kind == "correlation" else np.concatenate([whole, whole])
    return tuple(np.concatenate([a, a]) for a in example), right, example


def _rotate(bench: Bench, sample: tuple[Arrays, int]) -> tuple[Arrays, Array, Arrays]:
    example, seed = sample
    d = example[0].shape[1]
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))
    return tuple(a @ q for a in example), bench(*example), example


_order = _moved(
    _turn_order,
    "{} after the order of samples was turned round, given {}",
    arrays(samples=(2, 5)),
)
_signs = _moved(
    _turn_sign,
    "{} after the credit's sign was turned, given {}",
    arrays(),
    _of_either_sign,
)
_repeated = _moved(
    _repeat,
    "{} after all samples were repeated, given {}; it depends on their number",
    arrays(),
)
_rotated = _moved(
    _rotate,
    "{} after a rotation, given {}; it depends on the axes, as what is centred, ranked, or of"
    " another norm than L2 does",
    st.tuples(arrays(least=2), st.integers(0, 9)),
    least=1e-9,
)


def _alone(bench: Bench) -> str | None:
    def one(example: Arrays) -> str | None:
        whole = bench(*example)
        for size in (1, 2):
            parts = [
                bench(*(a[k : k + size] for a in example)) for k in range(0, len(example[0]), size)
            ]
            problem = bench.apart(np.concatenate(parts), whole, example)
            if problem:
                return (
                    f"in chunks of {size} {problem} (that is, in one batch), given"
                    f" {show(example, bench.kind)}; something reaches over the batch, as a mean, a"
                    " norm over the whole tensor, or a scale relative to the largest row do"
                )
        return None

    return search(arrays(samples=(2, 5)), one)


#: Dimensions, the column that is not finite, and the type.
_HOLES = (
    (1, 0, "float64"),
    (3, 0, "float64"),
    (3, 2, "float64"),
    (3, 1, "float32"),
    (3, 1, "float16"),
)


def _undefined(bench: Bench) -> str | None:
    places = itertools.product(
        (0.0, math.nan, math.inf, -math.inf), range(bench.arity), range(3), _HOLES
    )
    for bad, side, row, (d, column, dtype) in places:
        example = tuple(rounded(a, dtype) for a in make_pair(3, d, 1, ["plain"] * 3, [(0, 0)] * 3))
        right = bench.oracle(*example).copy()
        right[row] = math.nan
        example[side][row, slice(None) if bad == 0 else column] = bad
        what = f"where a row is {'zero' if bad == 0 else 'not finite'}"
        try:
            values = bench(*example, dtype=dtype)
        except Exception as error:
            return f"{raised(error)}, {what}: {show(example)}; return NaN for that sample"
        if problem := bench.apart(values, right, example, dtype=dtype):
            return f"{problem}, {what}: {show(example)}{cause(bench, example, dtype)}"
    nothing = bench(np.zeros((1, 2)), np.zeros((1, 2)))
    return (
        None
        if np.isnan(nothing).all()
        else f"0 against 0 reads {nothing[0]:g}; it is undefined (NaN)"
    )


def _undefined_pooled(bench: Bench) -> str | None:
    for n in (3, 6):
        if problem := _undefined_of(bench, np.ones((n, 2))):
            return f"of {n} samples {problem}"
    return None


def _undefined_of(bench: Bench, ones: Array) -> str | None:
    for name, a, g in (
        ("credit is zero", 0 * ones, ones),
        ("the gradient is zero", ones, 0 * ones),
        ("both are zero", 0 * ones, 0 * ones),
        *(
            (
                f"an entry of the {side} is {bad}",
                *((holed, ones) if side == "credit" else (ones, holed)),
            )
            for bad in (math.nan, math.inf, -math.inf)
            for side in ("credit", "gradient")
            for place in (0, 5)
            for holed in (np.where(np.arange(ones.size).reshape(ones.shape) == place, bad, 1.0),)
        ),
        ("there is no sample", ones[:0], ones[:0]),
    ):
        values = bench(a, g)
        if not math.isnan(float(values)):
            return (
                f"reads {float(values):g} where {name}; it is undefined (NaN); a guard against zero"
                " that returns a number?"
            )
    return None


def _zero_norm(bench: Bench) -> str | None:
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    values = bench(rows)
    if not bench.apart(values, np.array([0.0, 5.0]), (rows,)):
        return None
    added = "; an eps is added" if values[0] > 0 else ""
    return f"rows (0, 0) and (3, 4) read {values.tolist()}; right is [0, 5]{added}"


def _not_finite_norm(bench: Bench) -> str | None:
    for bad, column in itertools.product((math.nan, math.inf, -math.inf), (0, 1)):
        rows = np.array([[1.0, 1.0], [3.0, 4.0]])
        rows[0, column] = bad
        values = bench(rows)
        if math.isfinite(values[0]):
            return f"a row with {bad} reads {values[0]:g}; is a value that is not finite hidden?"
        if bench.apart(values[1:], np.array([5.0]), (rows[1:],)):
            return (
                f"the row (3, 4) reads {values[1]:g} where another row has {bad}; a scale that is"
                " the batch's, not the row's?"
            )
    return None


def _empty(bench: Bench) -> str | None:
    values = bench(np.empty((0, 3)), np.empty((0, 3)))
    return (
        None
        if values.shape == (0,)
        else f"no sample gives the shape {values.shape}; it must be (0,)"
    )


def _small_cosines(bench: Bench) -> str | None:
    for size in (1e-3, 1e-5, 1e-7, 1e-9, 1e-11):
        for sign in (1.0, -1.0):
            # No digit is lost in these products: what is lost, the metric loses.
            example = np.array([[1.0, sign * size]]), np.array([[0.0, 1.0]])
            value = float(np.atleast_1d(bench(*example))[0])
            right = sign * size / math.sqrt(1 + size**2)
            if not abs(value - right) <= bench.allowed(example, 1e-13):
                return f"a cosine of {right:.12g} reads {value:.12g}{cause(bench, example)}"
    return None


def _planted(bench: Bench) -> str | None:
    draw = np.random.default_rng(0)
    gradient = draw.standard_normal((64, 32))
    unit = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    other = draw.standard_normal((64, 32))
    other -= (other * unit).sum(1, keepdims=True) * unit
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    size = np.linalg.norm(gradient, axis=1, keepdims=True)
    before = -math.inf
    for dose in (-1.0, -0.3, 0.0, 0.001, 0.1, 0.3, 0.9, 0.9999, 1.0):
        credit = size * (dose * unit + math.sqrt(1 - dose**2) * other)
        average = float(np.mean(bench(credit, gradient)))
        if not abs(average - dose) < bench.allowed((credit, gradient), 1e-9):
            why = cause(bench, (credit, gradient))
            return f"a planted cosine of {dose:g} reads {average:.12g}{why}"
        if average <= before and (bench.tolerance or 0.0) < 1e-4:  # the doses lie as close
            return (
                f"planted cosines do not read back in order: {dose:g} reads {average:.6g}, after"
                f" {before:.6g}"
            )
        before = average
    return None


#: Numbers of samples and dimensions at which chunks, tails and shortcuts for large or odd sizes
#: would show.
_SIZES = ((20, 2), (131, 129), (40, 40), (9, 1101), (1100, 6), (2049, 3))


def _large(bench: Bench) -> str | None:
    for n, d in _SIZES:
        example = make_pair(n, d, 2, ["plain", "heavy"] * n, [(0, 0)] * n)
        if problem := compare(bench, example, 1e-10):
            return f"of {n} samples in {d} dimensions {problem}"
    return None


def _far_norms(bench: Bench) -> str | None:
    for size in (1e-300, 1e-200, 1e-30, 1e30, 1e150, 1e200, 1e307):
        values, right = bench(np.array([[3 * size, 4 * size]])), 5 * size
        if not abs(values[0] / right - 1) <= bench.allowed((np.ones((1, 2)),)):
            return (
                f"a row of norm {right:g} reads {values[0]:g}: its square underflows or overflows;"
                " scale it first"
            )
    return None


_SHARED: dict[str, Callable[[Bench], str | None]] = {
    "shape and type": _shape,
    "the written formula": _written(),
    "large batches and many dimensions": _large,
    "order of samples": _order,
    "memory layout": of_call.layout,
    "arguments stay as they are": of_call.arguments,
    "no global random state": of_call.global_state,
    "the process stays as it was": of_call.process,
    "the same at every call": of_call.again,
    "arguments that require gradients": of_call.asks_gradient,
    "CUDA agrees": of_call.cuda,
}
_SIGNALS: dict[str, Callable[[Bench], str | None]] = {
    "near-parallel and near-orthogonal pairs": _formula(
        rows=("parallel", "opposite", "orthogonal", "heavy")
    ),
    "norms from 1e-30 to 1e30": _far_apart(),
    "small cosines keep their digits": _small_cosines,
    "arguments of two types": of_call.two_types,
    "NumPy arrays agree": of_call.arrays_too,
    "bounds": _bounds,
    "sign of the credit": _signs,
    "repetition of samples": _repeated,
    "rotation": _rotated,
    "planted cosines": _planted,
    "float32": _formula("float32", decades=30),
    "float16": _formula("float16", decades=2),
}
PROPERTIES: dict[str, dict[str, Callable[[Bench], str | None]]] = {
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
        "a row without a direction has no weight": _formula(
            rows=("plain", "zero credit", "zero gradient")
        ),
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
        "float32": _formula("float32", decades=30),
        "float16": _formula("float16", decades=2),
        "no sample": _empty,
    },
    "loss_change": {
        **_SHARED,
        "sign: after minus before": of_loss.sign,
        "nothing moved, nothing changed": of_loss.zero,
        "scale of the loss": of_loss.scaled,
        "steps and sizes": of_loss.steps,
        "what is not finite is not hidden": of_loss.not_finite,
        "float32": of_loss.float32,
        "a sample is judged alone": _alone,
        "no sample": _empty,
    },
}
# A difference of losses rounds with the losses: its formula is asked to what float64 leaves of it.
PROPERTIES["loss_change"]["the written formula"] = of_loss.formula
PROPERTIES["loss_change"]["large batches and many dimensions"] = lambda bench: of_loss.large(
    bench, _SIZES
)
