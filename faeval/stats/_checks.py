"""The door of this room: every argument is checked once, here, and told apart by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from faeval.errors import FaevalError

Sample: TypeAlias = tuple[float, ...]

# Sums and differences of numbers beyond this leave the range of a double.
LARGEST = 1e300


def refuse(name: str, value: object, wanted: str, remedy: str) -> FaevalError:
    """The one form of message in this room: the argument, its value, its type, the remedy."""
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return FaevalError(f"{name} must be {wanted}, but is {shown} ({type(value).__name__}); {remedy}")


def sample(name: str, values: ArrayLike) -> Sample:
    """One number per seed, shape (n,), as Python floats; n = 0 is allowed."""
    remedy = "give one finite number per seed"
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged nesting
        raise refuse(name, values, "one-dimensional", remedy) from error
    if array.ndim != 1:
        raise refuse(
            name, values, f"one-dimensional, not of shape {array.shape}", "reduce to one number per seed first"
        )
    if array.dtype.kind not in "iuf":
        raise refuse(name, values, f"numbers, not {array.dtype}", remedy)
    numbers = tuple(map(float, array.tolist()))
    for seed, value in enumerate(numbers):
        if not abs(value) <= LARGEST:
            raise refuse(f"{name}[{seed}]", value, f"finite and at most {LARGEST:g} in size", remedy)
    return numbers


def number(
    name: str,
    value: object,
    wanted: str,
    remedy: str = "give a number in that range",
    *,
    low: float = -LARGEST,
    high: float = LARGEST,
) -> float:
    """A real number in [low, high], as a Python float; booleans are no numbers."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise refuse(name, value, wanted, remedy)
    return float(value)


def level(name: str, value: object) -> float:
    """A one-sided error rate, in (0, 0.5]: beyond .5 a bound would lie on the wrong side of the estimate."""
    return number(name, value, "an error rate above 0 and at most 0.5", low=math.ulp(0.0), high=0.5)


def probability(name: str, value: object) -> float:
    """A probability strictly between 0 and 1."""
    return number(name, value, "strictly between 0 and 1", low=math.ulp(0.0), high=1 - 2**-53)


def count(name: str, value: object, *, low: int = 0) -> int:
    """A whole number of at least `low`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral) or int(value) < low:
        raise refuse(name, value, f"a whole number of at least {low}", "give an integer")
    return int(value)


def p_values(name: str, values: Sequence[float]) -> Sample:
    """Shape (m,), each in [0, 1]; a claim that has no p-value counts with 1, never with NaN."""
    return tuple(
        number(f"{name}[{i}]", p, "a probability", "a claim that was not run counts with 1", low=0.0, high=1.0)
        for i, p in enumerate(values)
    )


def choice(name: str, value: str, allowed: Sequence[str]) -> str:
    """One of a closed list of words."""
    if value not in allowed:
        raise refuse(name, value, "one of " + ", ".join(allowed), "choose one of these words")
    return value
