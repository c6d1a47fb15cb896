"""Numbers as they are given: NumPy's, those of enumerations and Python's alike; a truth value is
none.
"""

from __future__ import annotations

import math
import numbers
import operator
import reprlib
from decimal import Decimal
from typing import Any


def whole(value: Any) -> int | None:
    """Return a whole number as an int; None for anything else.

    Examples
    --------
    >>> whole(3), whole(3.0), whole(True), whole("3")
    (3, None, None, None)
    """
    if isinstance(value, bool):
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
