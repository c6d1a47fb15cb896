"""What every change of loss must hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

from faeval.testing._causes import cause
from faeval.testing._oracle import STEP, Loss, exact_loss_change
from faeval.testing._strategies import arrays, make_pair
from faeval.testing._subject import Arrays, Bench, apart, held, rounded, search, show


def zero(bench: Bench) -> str | None:
    state, credit = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)
    values = bench(state, 0 * credit)
    if values.tolist() != [0.0] * 3:
        return f"credit of zero changes the loss by {values.tolist()}; right is 0"
    return None


def scaled(bench: Bench) -> str | None:
    arguments = [bench.given(a) for a in make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)]
    base = held(bench.function(Loss(), *arguments, STEP))
    for scale in (1024.0, 2.0**-40):
        allowed = max(1e-12, bench.tolerance or 0.0) * np.abs(scale * base)
        problem = apart(held(bench.function(Loss(scale), *arguments, STEP)), scale * base, allowed)
        if problem:
            return (
                f"{problem} where the loss is scaled by {scale:g}; a change of loss scales with it"
            )
    return None


def steps(bench: Bench) -> str | None:
    """Steps that are no power of two, negative, large, tiny, a whole number.

    And credit of any size.
    """
    for size in (1.0, 1000.0):
        state, credit = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
        state[1, 1], credit[2] = 0.0, 0.0
        arguments = [bench.given(a) for a in (state, size * credit)]
        for step in (0.1, 1 / 3, -0.7, 3.0, 1e-3, 1e-8, 1, 0.0, -STEP):
            values, right = (
                bench.call(*arguments, step=step),
                exact_loss_change(state, size * credit, step),
            )
            allowed = bench.allowed((state, credit), 1e-13) * bench.size(
                right, (state, size * credit), step
            )
            if problem := apart(values, right, allowed):
                return (
                    f"{problem} for a step of {step:g} and credit {size:g} times as large as the"
                    " state"
                )
    return None


def not_finite(bench: Bench) -> str | None:
    for bad, side, column in itertools.product((math.nan, math.inf), (0, 1), (0, 2)):
        pair = make_pair(3, 3, 0, ["plain"] * 3, [(0, 0)] * 3)
        pair[side][1, column] = bad
        values, right = bench(*pair), bench.oracle(*pair)
        if math.isfinite(values[1]):
            return (
                f"{('a state', 'credit')[side]} with {bad} reads {values[1]:g}; is a value that is"
                " not finite hidden?"
            )
        if problem := bench.apart(values[::2], right[::2], (pair[0][::2], pair[1][::2])):
            return f"{problem} where another row is not finite"
    return None


def sign(bench: Bench) -> str | None:
    state = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)[0]
    gradient = np.arange(1.0, 5.0) + state + state**3 / 4
    values = bench(state, gradient)
    if bool((values >= 0).any()):
        return (
            f"a step against the gradient itself reads {values.tolist()}, not a fall; the change is"
            " loss(state - step * credit) - loss(state), after minus before"
        )
    return None


def wrong(bench: Bench, example: Arrays) -> str | None:
    """Return how a change is wrong by more than rounding, or its author's tolerance.

    Rounding is what float64 leaves of the difference of two losses.
    """
    values, right = bench(*example), bench.oracle(*example)
    problem = apart(values, right, max(1e-13, bench.tolerance or 0.0) * bench.size(right, example))
    return f"{problem}, given {show(example, bench.kind)}" if problem else None


def formula(bench: Bench) -> str | None:
    return search(arrays(), lambda e: wrong(bench, e), lambda e: cause(bench, e))


def large(bench: Bench, sizes: Iterable[tuple[int, int]]) -> str | None:
    for n, d in sizes:
        example = make_pair(n, d, 2, ["plain"] * n, [(0, 0)] * n)
        if problem := wrong(bench, example):
            return problem + cause(bench, example)
    return None


def float32(bench: Bench) -> str | None:
    """Check the losses in float32, to the digits that rounding leaves.

    The losses round, and their difference with them.
    """
    pair = tuple(rounded(a, "float32") for a in make_pair(6, 4, 3, ["plain"] * 6, [(0, 0)] * 6))
    problem = bench.apart(bench(*pair, dtype="float32"), bench.oracle(*pair), pair, dtype="float32")
    return f"{problem} for states and credit in float32" if problem else None
