"""The likely cause of a wrong answer.

Named where a further call of the metric, or a known mistake, gives just that answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from faeval.testing._subject import Array, Arrays, Bench, decimals, differs, rounded, show

#: Bits of the exponent that entries may lie below their norm.
_SPREAD = 8


def wrong(
    bench: Bench, example: Arrays, least: float = 1e-12, dtype: str = "float64"
) -> str | None:
    """Return how the answer for an example differs from what is right, or None."""
    rounded_example = tuple(rounded(a, dtype) for a in example)
    problem = bench.apart(
        bench(*rounded_example, dtype=dtype),
        bench.oracle(*rounded_example),
        rounded_example,
        least,
        dtype,
    )
    return (
        f"{problem}, given {show(rounded_example[: bench.arity], bench.kind)}" if problem else None
    )


def compare(
    bench: Bench, example: Arrays, least: float = 1e-12, dtype: str = "float64"
) -> str | None:
    """Return how an answer differs from what is right and why, or None."""
    problem = wrong(bench, example, least, dtype)
    return problem + cause(bench, example, dtype) if problem else None


@dataclass(frozen=True)
class _Case:
    """A wrong answer: what was given, what it read, what is right.

    In which type, and which entries are wrong.
    """

    bench: Bench
    example: Arrays
    dtype: str
    found: Array
    right: Array

    @property
    def wrong(self) -> Any:
        return np.atleast_1d(self._differs(self.dtype))

    def _differs(self, dtype: str) -> Any:
        size = self.bench.size(self.right, self.example)
        return differs(self.found, self.right, self.bench.allowed(self.example, 0.0, dtype) * size)

    def is_(self, other: Any, tolerance: float = 1e-9) -> bool:
        """Return whether the answer is that of a known mistake."""
        return self.found.size > 0 and bool(
            np.allclose(self.found, other, rtol=tolerance, atol=tolerance, equal_nan=True)
        )

    def problem(self, example: Arrays) -> str | None:
        """Return how the metric is wrong for another example in the same type.

        An exception is something wrong.
        """
        try:
            values = self.bench(*example, dtype=self.dtype)
        except Exception as error:
            return type(error).__name__
        return self.bench.apart(values, self.bench.oracle(*example), example, dtype=self.dtype)


def cause(bench: Bench, example: Arrays, dtype: str = "float64") -> str:
    """Return the cause of a wrong answer as far as a check supports it.

    What no check supports is called unknown.
    """
    rounded_example = tuple(rounded(a, dtype) for a in example)
    with np.errstate(all="ignore"):
        try:
            case = _Case(
                bench,
                rounded_example,
                dtype,
                bench(*rounded_example, dtype=dtype),
                bench.oracle(*rounded_example),
            )
        except Exception:
            return ""  # it raises: that is told
        if case.found.shape != case.right.shape:
            averaged = case.found.ndim != case.right.ndim
            return (
                "; is something averaged over the batch, or an axis kept?"
                if averaged
                else "; wrong axis?"
            )
        for check in (_guard, _size, _mistake, _rounding, _left_out, _batch):
            if text := check(case):
                return f"; {text}"
    return "; its cause is not known"


def _guard(case: _Case) -> str:
    hidden = case.wrong & np.isnan(np.atleast_1d(case.right))
    if not hidden.any():
        return ""
    k = int(np.argmax(hidden))
    value = float(np.atleast_1d(case.found)[k])
    rows = case.example if case.bench.kind == "correlation" else tuple(a[k] for a in case.example)
    zero = any(not row.any() for row in rows[: case.bench.arity])
    return f"it returns {value:g} where the answer is undefined (NaN)" + (
        ": a guard against zero" if zero else ""
    )


def _size(case: _Case) -> str:
    """Return what is wrong with the size of signals alone.

    The same ones are right at norms of about 1, or larger ones.
    """
    bench = case.bench
    if bench.kind == "loss_change":
        return ""
    k = int(np.argmax(case.wrong))
    rows = case.example[: bench.arity]
    rows = rows if bench.kind == "correlation" else tuple(a[k : k + 1] for a in rows)
    tops = [float(np.abs(a).max(initial=0.0)) for a in rows]
    if not all(0 < top < math.inf for top in tops) or not case.problem(rows):
        return ""
    powers = [
        round(math.log2(top * float(np.linalg.norm(a / top))))
        for top, a in zip(tops, rows, strict=True)
    ]
    ones = tuple(a * 2.0**-p for a, p in zip(rows, powers, strict=True))
    if case.problem(ones):
        return _large_alone(case, ones)
    high = _first_wrong(case, ones, powers)
    edge = [p * high / max(map(abs, powers)) for p in powers]
    sizes = " and ".join(f"{2.0**e:.0e}" for e in edge)
    return (
        f"right at norms of about 1, wrong from {sizes} on:"
        f" {_named(case, ones, powers, high, edge)}"
    )


def _at(ones: Arrays, powers: list[int], step: int) -> Arrays:
    """Return signals a part of the way from norms of about 1 to those of an example."""
    whole = max(map(abs, powers)) or 1
    return tuple(a * 2.0 ** round(p * step / whole) for a, p in zip(ones, powers, strict=True))


def _large_alone(case: _Case, ones: Arrays) -> str:
    """Return the cause where signals of larger norms are right; "" where they are wrong too."""
    lift = 2.0 ** (4 if case.dtype == "float16" else 20)
    if case.problem(tuple(a * lift for a in ones)):
        return ""
    return "right for larger signals, so that an eps is added to the norms, or clamps them"


def _first_wrong(case: _Case, ones: Arrays, powers: list[int]) -> int:
    """Return the step from norms of about 1, right, towards the example, wrong, that is wrong."""
    low, high = 0, max(map(abs, powers))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if case.problem(_at(ones, powers, middle)) else (middle, high)
    return high


def _named(case: _Case, ones: Arrays, powers: list[int], begin: int, edge: list[float]) -> str:
    right = float(np.atleast_1d(case.bench.oracle(*ones))[0])
    values = []
    for step in (begin, begin + 3, begin + 6):
        try:
            values.append(
                float(np.atleast_1d(case.bench(*_at(ones, powers, step), dtype=case.dtype))[0])
            )
        except Exception:
            return "there it raises an error"
    sizes = [abs(value) for value in values]
    if (
        case.bench.kind != "norm"
        and right * values[0] > 0
        and abs(right) > sizes[0] > sizes[1] > sizes[2]
    ):
        return (
            "an eps that clamps or is added to small norms (F.cosine_similarity clamps them at"
            " 1e-8), which then read as less aligned than they are"
        )
    if problem := _squares(case, edge):
        return problem
    if math.isnan(values[0]) or values[0] == 0 or min(edge) < 0:
        return "a floor under which a norm is taken for another"
    return "why is not known"


def _squares(case: _Case, edge: list[float]) -> str:
    """Return how the squares of norms of 2**edge leave the type worked in; "" where they do not."""
    dtype = case.dtype if case.dtype != "float64" else case.bench.works_in
    limits = torch.finfo(getattr(torch, dtype))
    squares = [2 * e for e in edge] + [sum(edge), 2 * sum(edge)][: 2 * (len(edge) - 1)]
    if max(squares) > math.log2(limits.max) - 1:
        verb = "overflow"
    elif min(squares) - _SPREAD < math.log2(limits.tiny):
        verb = "underflow"
    else:
        return ""
    remedy = "scale the signals first" if dtype == "float64" else "take the input to float64 first"
    return f"squares {verb} in {dtype}; {remedy}"


def _rounding(case: _Case) -> str:
    """Return which type's rounding an answer shows.

    Its numbers are of that type, or its arguments may be rounded to it.
    """
    bench = case.bench
    digits = decimals(case.found)
    if digits and case.is_(np.round(case.right, digits), 1e-15):
        return f"rounded inside, to {digits} decimals"
    for dtype in ("float32", "float16"):
        close = not bench.apart(case.found, case.right, case.example, dtype=dtype)
        # A few numbers may be of a type by chance.
        few = case.found.size < 8
        narrow = bench.works_in == dtype or (
            bench.works_as(dtype) if few else bench.is_of(dtype, case.found, case.example)
        )
        if close and narrow:
            return f"rounding: it computes in {dtype}"
    if case.dtype != "float64" and not bench.apart(bench(*case.example), case.right, case.example):
        return (
            f"rounding: right in float64, and computed in {case.dtype} here; take the input to"
            " float64 first"
        )
    if case.is_(case.right, 1e-6):
        return (
            "rounding: about 6 digits or more are right, as where a part is in float32, or acos is"
            " taken of a rounded product"
        )
    return ""


def _mistake(case: _Case) -> str:
    """Return the known mistake that gives just this answer."""
    right, is_ = case.right, case.is_
    if not ((np.abs(right) > 1e-3) & (np.abs(right) < 0.999) & np.isfinite(right)).any():
        return ""  # such entries tell one mistake from another
    for other, text in (
        (-right, "the sign is turned round"),
        (np.abs(right), "the sign is thrown away"),
        (np.maximum(right, 0), "negative values are clipped"),
        (right**2, "a square root too few"),
        (np.sqrt(np.abs(right)), "a square root too many"),
        (1 - right, "a distance, one minus the cosine"),
    ):
        if is_(other):
            return text
    if is_(np.arccos(np.clip(right, -1, 1)), 1e-6):
        return "an angle in place of its cosine"
    if case.bench.kind != "alignment" or case.dtype != "float64":
        return ""
    a, g = case.example
    mean = a.mean(0) @ g.mean(0) / np.linalg.norm(a.mean(0)) / np.linalg.norm(g.mean(0))
    minus_one = (np.abs(s**-1.0).sum() ** -1.0 for s in (a, g))
    centred = case.bench.oracle(*(s - s.mean(1, keepdims=True) for s in (a, g)))
    for other, text in (
        (
            (a * g).sum(1) / math.prod(minus_one),
            "tensor.norm(-1), the L_-1 norm over the whole tensor: write dim=-1",
        ),
        ((a * g).sum(1) / np.linalg.norm(a) / np.linalg.norm(g), "norm over the whole tensor"),
        (np.full(len(a), mean), "mean over the batch before the cosine"),
        (centred, "signals are centred first"),
    ):
        if a.size > 1 and is_(other):
            return text
    return ""


def _left_out(case: _Case) -> str:
    """Return what may be changed without changing an answer that it must change."""
    if len(case.example[0]) < 2 and case.example[0].shape[1] < 2:
        return ""  # a part is left out, not everything
    k = int(np.argmax(case.wrong))
    factor = 2.0 if case.bench.kind == "norm" else -1.0
    side = 1 if case.bench.kind == "loss_change" else 0
    places: list[tuple[str, Any]] = [("the last dimension", (slice(None), slice(-1, None)))]
    if case.bench.kind == "correlation":
        places.insert(0, ("the last sample", slice(-1, None)))
    else:
        places.insert(0, (f"sample {k}", slice(k, k + 1)))
    for name, place in places:
        moved = tuple(a.copy() for a in case.example)
        moved[side][place] *= factor
        at = k if name.startswith("sample") else slice(None)
        values = np.atleast_1d(case.bench(*moved, dtype=case.dtype))[at]
        right = np.atleast_1d(case.bench.oracle(*moved))[at]
        before = np.atleast_1d(case.found)[at]
        if len(case.example[0]) < 2 and not (np.isfinite(before) & (before != 0)).all():
            continue  # it reads the same for whatever is given
        if (
            np.array_equal(values, before, equal_nan=True)
            and differs(right, np.atleast_1d(case.right)[at], 1e-9).any()
        ):
            return (
                f"{name} is left out: its numbers may be turned round without changing the answer"
            )
    return ""


def _batch(case: _Case) -> str:
    """Return whether the first wrong sample is right when it is given alone."""
    if case.bench.kind == "correlation" or len(case.example[0]) < 2:
        return ""
    k = int(np.argmax(case.wrong))
    if case.problem(tuple(a[k : k + 1] for a in case.example)):
        return ""
    return f"sample {k} is right when it is alone: its answer depends on the others of the batch"
