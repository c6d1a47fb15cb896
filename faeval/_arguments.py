"""Checks of arguments, for every room.

An error names the argument, its value, its type and the remedy. NumPy's numbers and Python's count
alike; a truth value is none.
"""

from __future__ import annotations

import math
import numbers
import operator
import reprlib
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from faeval.errors import FaevalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = "NDArray[np.float64]"

# Sums and differences of numbers beyond this leave the range of a double.
LARGEST = 1e300


def refuse(name: str, value: object, wanted: str, remedy: str) -> FaevalError:
    """The one form of message in this room: the argument, its value, its type, the remedy."""
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + "..."
    return FaevalError(f"{name} must be {wanted}, but is {text} ({type(value).__name__}); {remedy}")


def sample(name: str, values: ArrayLike, *, axes: int = 1) -> Array:
    """One number per seed, shape (n,), as doubles; n = 0 is allowed.

    With axes=2, one sample a row, shape (rows, n).
    """
    import numpy as np  # here, for the rooms that load no array library

    remedy = "give one finite number per seed"
    form = "one-dimensional" if axes == 1 else "two-dimensional (rows, seeds)"
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged nesting
        raise refuse(name, values, form, remedy) from error
    if array.ndim != axes:
        raise refuse(
            name,
            values,
            f"{form}, not of shape {array.shape}",
            "reduce to one number per seed first",
        )
    if array.dtype.kind not in "iuf":
        raise refuse(name, values, f"numbers, not {array.dtype}", remedy)
    sampled: Array = array.astype(np.float64)
    usable = np.abs(sampled) <= LARGEST
    if not usable.all():
        where = tuple(int(i) for i in np.argwhere(~usable)[0])
        index = ", ".join(map(str, where))
        raise refuse(
            f"{name}[{index}]",
            float(sampled[where]),
            f"finite and at most {LARGEST:g} in size",
            remedy,
        )
    return sampled


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
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not low <= float(value) <= high
    ):
        raise refuse(name, value, wanted, remedy)
    return float(value)


def level(name: str, value: object) -> float:
    """A one-sided error rate, in (0, 0.5].

    Beyond .5 a bound would lie on the wrong side of the estimate.
    """
    return number(name, value, "an error rate above 0 and at most 0.5", low=math.ulp(0.0), high=0.5)


def probability(name: str, value: object) -> float:
    """A probability strictly between 0 and 1."""
    return number(name, value, "strictly between 0 and 1", low=math.ulp(0.0), high=1 - 2**-53)


def count(name: str, value: object, *, low: int = 0) -> int:
    """A whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < low:
        raise refuse(name, value, f"a whole number of at least {low}", "give an integer")
    return int(value)


def p_values(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Shape (m,), each in [0, 1]; a claim that has no p-value counts with 1, never with NaN."""
    return tuple(
        number(
            f"{name}[{i}]",
            p,
            "a probability",
            "a claim that was not run counts with 1",
            low=0.0,
            high=1.0,
        )
        for i, p in enumerate(values)
    )


def choice(name: str, value: str, allowed: Sequence[str]) -> str:
    """One of a closed list of words."""
    if value not in allowed:
        raise refuse(name, value, "one of " + ", ".join(allowed), "choose one of these words")
    return value


def whole(value: Any) -> int | None:
    """Return a whole number as an int; None for anything else.

    Examples
    --------
    >>> whole(3), whole(3.0), whole(True), whole("3")
    (3, None, None, None)
    """
    if type(value).__name__ in ("bool", "bool_"):  # NumPy 2.0 takes its own as an index, too
        return None
    try:
        return int(operator.index(value))
    except TypeError:
        return None


def finite(value: Any) -> float | None:
    """Return a finite number as a float; None for anything else.

    Examples
    --------
    >>> finite(3), finite(float("nan")), finite(True), finite("3")
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, whatever it is."""
    try:
        return reprlib.repr(value)
    except Exception:  # such as a whole number of thousands of digits
        return f"<{type(value).__name__}>"
