"""What every change of loss must hold."""

from __future__ import annotations

import itertools
import math

import numpy as np

from faeval.testing._bench import Array, Arrays, Bench, apart, held, rounded, show
from faeval.testing._causes import cause
from faeval.testing._oracle import STEP, Loss, exact_loss_change
from faeval.testing._strategies import make_pair


def zero(bench: Bench) -> str | None:
    state, credit = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)
    found = bench(state, 0 * credit)
    if found.tolist() != [0.0] * 3:
        return f"credit of zero changes the loss by {found.tolist()}; right is 0"
    return None


def scaled(bench: Bench) -> str | None:
    given = [bench.given(a) for a in make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)]
    base = held(bench.function(Loss(), *given, STEP))
    for scale in (1024.0, 2.0**-40):
        problem = apart(held(bench.function(Loss(scale), *given, STEP)), scale * base, 1e-12, True)
        if problem:
            return f"{problem} where the loss is scaled by {scale:g}; a ratio, a floor or a rounding in place of the change?"
    return None


def steps(bench: Bench) -> str | None:
    """Steps that are no power of two, negative, large, tiny, a whole number; and credit of any size."""
    for size in (1.0, 1000.0):
        state, credit = make_pair(4, 3, 0, ["plain"] * 4, [(0, 0)] * 4)
        state[1, 1], credit[2] = 0.0, 0.0
        given = [bench.given(a) for a in (state, size * credit)]
        for step in (0.1, 1 / 3, -0.7, 3.0, 1e-3, 1e-8, 1, 0.0, -STEP):
            found, right = bench.call(*given, step=step), exact_loss_change(state, size * credit, step)
            if problem := _apart_by_more(found, right, state, size * credit, step):
                return f"{problem} for a step of {step:g} and credit {size:g} times as large as the state"
    return None


def not_finite(bench: Bench) -> str | None:
    for bad, side, column in itertools.product((math.nan, math.inf), (0, 1), (0, 2)):
        pair = make_pair(3, 3, 0, ["plain"] * 3, [(0, 0)] * 3)
        pair[side][1, column] = bad
        found, right = bench(*pair), bench.oracle(*pair)
        if math.isfinite(found[1]):
            return f"{('a state', 'credit')[side]} with {bad} reads {found[1]:g}; is a value that is not finite hidden?"
        if problem := apart(found[::2], right[::2], 1e-11):
            return f"{problem} where another row is not finite"
    return None


def _apart_by_more(
    found: Array, right: Array, state: Array, credit: Array, step: float, digits: float = 1e-13
) -> str | None:
    """Return how changes differ by more than rounding of the losses leaves."""
    loss = Loss()
    with np.errstate(all="ignore"):
        size = 1 + np.maximum(np.abs(loss(state)), np.abs(loss(state - step * credit)))
    return apart(found / size, right / size, digits) if found.shape == right.shape else apart(found, right, 0.0)


def sign(bench: Bench) -> str | None:
    state = make_pair(3, 4, 0, ["plain"] * 3, [(0, 0)] * 3)[0]
    gradient = np.arange(1.0, 5.0) + state + state**3 / 4
    found = bench(state, gradient)
    if bool((found >= 0).any()):
        return (
            f"a step against the gradient itself reads {found.tolist()}, not a fall; the change is loss(state - step * credit) - "
            "loss(state), after minus before"
        )
    return None


def formula(bench: Bench, example: Arrays) -> str | None:
    found, right = bench(*example), bench.oracle(*example)
    problem = _apart_by_more(found, right, example[0], example[1], STEP)
    shown = show(example) if example[0].size < 40 else f"{example[0].shape} signals"
    return f"{problem}, given {shown}{cause(bench, found, right, example)}" if problem else None


def float32(bench: Bench) -> str | None:
    """In float32 the losses round, and their difference with them: no digit beyond that is asked for."""
    pair = tuple(rounded(a, "float32") for a in make_pair(6, 4, 3, ["plain"] * 6, [(0, 0)] * 6))
    found, right = bench(*pair, dtype="float32"), bench.oracle(*pair)
    problem = _apart_by_more(found, right, pair[0], pair[1], STEP, 1e-6)
    return f"{problem} for states and credit in float32" if problem else None
