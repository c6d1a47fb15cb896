"""The properties of every metric as a function: its input, side effects, repeatability."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from faeval.testing._causes import cause, wrong
from faeval.testing._oracle import STEP, Loss
from faeval.testing._process import Process
from faeval.testing._strategies import LAYOUTS, arrays, laid_out, make_pair
from faeval.testing._subject import (
    EPS,
    Arrays,
    Bench,
    Skip,
    apart,
    generators_kept,
    held,
    raised,
    rounded,
    search,
    show,
)


def layout(bench: Bench) -> str | None:
    def one(sample: tuple[Arrays, tuple[str, str]]) -> str | None:
        example, layouts = sample
        layout = " and ".join(dict.fromkeys(layouts[: bench.arity]))
        arguments = [
            laid_out(torch.from_numpy(a), name)
            for a, name in zip(example[: bench.arity], layouts, strict=False)
        ]
        if bench.numpy:  # an array may run backwards, a tensor may not
            flipped = [a[::-1, ::-1].copy()[::-1, ::-1] for a in example[: bench.arity]]
            for array in flipped:
                array.flags.writeable = False
            if problem := bench.apart(bench.call(*flipped), bench(*example), example):
                return f"{problem} in memory that runs backwards, given {show(example, bench.kind)}"
        values = bench.call(*(t.numpy() if bench.numpy else t for t in arguments))
        problem = bench.apart(values, bench(*example), example)
        if problem:
            return f"{problem} in {layout} memory, given {show(example, bench.kind)}"
        changed = any(
            not np.array_equal(t.numpy(), a) for t, a in zip(arguments, example, strict=False)
        )
        return (
            f"arguments in {layout} memory are changed in place; work on a copy"
            if changed
            else None
        )

    layouts = st.sampled_from(LAYOUTS)
    return search(st.tuples(arrays(), st.tuples(layouts, layouts)), one)


def arguments(bench: Bench) -> str | None:
    sizes = ((3, "float64"), (3, "float32"), (3, "float16"), (1, "float64"), (1100, "float64"))
    for (n, dtype), bad in itertools.product(sizes, (0.0, math.nan, math.inf)):
        example = make_pair(n, 4, 0, ["plain"] * n, [(0, 0)] * n)
        if n == 3:
            example[0][1] = bad
            example[1][2, 0] = bad
        arguments = [bench.given(a, dtype) for a in example[: bench.arity]]
        before = [held(g).copy() for g in arguments]
        try:
            bench.call(*arguments)
        except Exception:  # to refuse a row that is not finite is another property's
            if math.isfinite(bad):
                raise
        for name, now, then in zip(("first", "second"), arguments, before, strict=False):
            if getattr(now, "requires_grad", False):
                return f"the {name} argument is made to require gradients; work on a copy"
            if not np.array_equal(held(now), then, equal_nan=True):
                return (
                    f"the {name} argument ({n} samples in {dtype}) is changed in place; work on a"
                    " copy"
                )
    return None


def global_state(bench: Bench) -> str | None:
    for n in (3, 40, 1100):
        if problem := _draws(bench, make_pair(n, 8, 0, ["plain"] * n, [(0, 0)] * n)):
            return problem
    return None


def _numpy_words() -> Any:
    return np.random.get_state()[1]  # type: ignore[index] # noqa: NPY002


@generators_kept()
def _draws(bench: Bench, example: Arrays) -> str | None:
    answers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        before = torch.get_rng_state(), _numpy_words().copy(), random.getstate()
        answers.append(bench(*example))
        moved = (
            ("torch", torch.equal(torch.get_rng_state(), before[0])),
            ("NumPy", np.array_equal(_numpy_words(), before[1])),
            ("random", random.getstate() == before[2]),
        )
        for name, still in moved:
            if not still:
                return (
                    f"the global generator of {name} is drawn from, or seeded; use a seeded"
                    " generator of its own"
                )
    return "its answer depends on a global seed" if apart(answers[0], answers[1], 0.0) else None


def process(bench: Bench) -> str | None:
    example = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
    for asks in (False,) if bench.numpy else (False, True):
        arguments = [bench.given(a) for a in example[: bench.arity]]
        if asks:
            arguments = [g.requires_grad_() for g in arguments]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = Process.now()
            try:
                bench.function(
                    *((Loss(), *arguments, STEP) if bench.kind == "loss_change" else arguments)
                )
                if changed := before.changed():
                    return (
                        f"a call changes {changed} for whoever comes after; put it back, or do"
                        " without"
                    )
            finally:
                before.restore()
    return None


def two_types(bench: Bench) -> str | None:
    example = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
    for types in (("float32", "float64"), ("float64", "float32"), ("float16", "float32")):
        rounded_example = tuple(rounded(a, t) for a, t in zip(example, types, strict=True))
        try:
            values = bench.call(*(bench.given(a, t) for a, t in zip(example, types, strict=True)))
        except Exception:
            continue  # to refuse is right too
        coarse = max(types, key=EPS.__getitem__)
        if problem := bench.apart(
            values, bench.oracle(*rounded_example), rounded_example, dtype=coarse
        ):
            why = (
                cause(bench, rounded_example)
                if wrong(bench, rounded_example)
                else "; take both to float64, or refuse"
            )
            return f"{problem} for credit in {types[0]} and gradients in {types[1]}{why}"
    return None


def arrays_too(bench: Bench) -> str | None:
    if bench.numpy:
        raise Skip("it takes NumPy arrays")
    rows = ["plain", "sparse", "parallel", "heavy"]
    for power in (0, -20, 20):
        example = make_pair(4, 3, 0, rows, [(power, -power)] * 4)
        try:
            values = bench.call(*example[: bench.arity])
        except Exception:
            raise Skip("it takes tensors alone") from None
        if problem := bench.apart(values, bench.oracle(*example), example):
            return (
                f"{problem} for NumPy arrays, which it takes too, given {show(example, bench.kind)}"
            )
    return None


def again(bench: Bench) -> str | None:
    first, second = (make_pair(4, 3, seed, ["plain"] * 4, [(0, 0)] * 4) for seed in (0, 1))
    one = bench(*first)
    if bench.kind != "loss_change":
        first_answer = bench.function(*(bench.given(a) for a in first[: bench.arity]))
        bench(*second)
        if problem := apart(held(first_answer).astype(np.float64), one, 0.0):
            return (
                f"an answer changes at the next call: {problem}; is one buffer returned every time?"
            )
    if np.array_equal(bench(*second), one, equal_nan=True):
        return (
            "other signals of the same shape read the same; something is kept from one call to the"
            " next"
        )
    bench(*(a[:2] for a in second))
    if apart(bench(*first), one, 0.0):
        return "a second call gives another answer"
    arguments = [bench.given(a) for a in first[: bench.arity]]
    bench.call(*arguments)
    for g, a in zip(arguments, second, strict=False):  # the same objects, other numbers
        g[...] = bench.given(a)
    if problem := bench.apart(bench.call(*arguments), bench(*second), second):
        return f"given the same memory with other numbers {problem}; an answer is kept by identity"
    enabled = not torch.is_grad_enabled()
    with torch.set_grad_enabled(enabled):
        try:
            problem = bench.apart(bench(*first), one, first)
        except Exception as error:
            problem = raised(error)
    return (
        f"{problem} where torch's gradients are {'on' if enabled else 'off, as in an audit'}"
        if problem
        else None
    )


def asks_gradient(bench: Bench) -> str | None:
    if bench.numpy:
        raise Skip("it takes NumPy arrays")
    example = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)
    arguments = [bench.given(a).requires_grad_() for a in example[: bench.arity]]
    problem = bench.apart(bench.call(*arguments), bench(*example), example)
    if problem:
        return f"{problem} where arguments require gradients"
    if any(g.grad is not None or not g.requires_grad for g in arguments):
        return (
            "arguments that require gradients are left with a gradient, or no longer require one;"
            " detach a copy"
        )
    return None


def cuda(bench: Bench) -> str | None:
    if bench.numpy:
        raise Skip("it takes NumPy arrays")
    if not torch.cuda.is_available():
        raise Skip("there is no CUDA device")
    if bench.kind == "loss_change":
        raise Skip("the losses tried live on the CPU")
    example = make_pair(20, 9, 0, ["plain"] * 20, [(0, 0)] * 20)
    arguments = [bench.given(a).cuda() for a in example[: bench.arity]]
    problem = bench.apart(bench.call(*arguments), bench(*example), example)
    return f"on CUDA {problem}" if problem else None
