"""From a test to its confidence bound, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable

from faeval._arguments import LARGEST


def crossing(rejected: Callable[[float], bool], start: float, size: float) -> float:
    """The smallest double that is not rejected, near `start`; what lies below it is.

    `size` is that of the values.
    """
    # A closed form misses by a few units in the last place: walk out until both sides are seen,
    # then halve.
    step = math.ulp(max(abs(start), size))
    low = high = start
    while not rejected(low) and low > -LARGEST:
        low, step = low - step, 2 * step
    while rejected(high) and high < LARGEST:
        high, step = high + step, 2 * step
    while low < (middle := low / 2 + high / 2) < high:
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return high
