"""The mean of identical differences, bounded by the range that the metric has.

Where all n differences are d0, and a share q of seeds would differ from it by R at most, none of n
does so with a chance of (1 - q)^n: the mean lies further than R (1 - a^(1/n)) from d0 in a share a
of samples at most. That is exact for a d0 known beforehand, which 0 is; a value read off the data
needs eight seeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array

#: Seeds from which a value that was read off the data may stand for one known beforehand.
LEAST_UNKNOWN = 8


def common_value(differences: Array, tolerance: float) -> float:
    """Return what differences have in common that do not vary beyond rounding; 0 within it."""
    value = float(np.median(differences))
    return 0.0 if abs(value) <= tolerance else value


def sample(value: float, n: int, low: float, high: float) -> tuple[Array, Array]:
    """Return what the rule reads: the common value, and the most that one can differ from it."""
    return np.full(n, value), np.full(n, max(high - value, value - low))


def exchanged(sample: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the same of b - a."""
    return -sample[0], sample[1]


def p_greater(differences: Array, reach: Array, bound: float) -> Array:
    """P-value of H0 "mean <= bound", shapes (..., n) to (...)."""
    share = (differences[..., 0] - bound) / reach[..., 0]
    p: Array = (1.0 - np.clip(share, 0.0, 1.0)) ** differences.shape[-1]
    return p


def lower_bound(differences: Array, reach: Array, level: float) -> Array:
    """One-sided lower confidence bound of the mean."""
    bound: Array = differences[..., 0] - reach[..., 0] * (1 - level ** (1 / differences.shape[-1]))
    return bound


def centre(differences: Array, reach: Array) -> Array:
    """The value that all have."""
    value: Array = differences[..., 0]
    return value


def sd(differences: Array, reach: Array) -> Array:
    """The standard deviation over seeds: none."""
    return np.zeros(differences.shape[:-1])


def undecidable(differences: Array, reach: Array) -> NDArray[np.bool_]:
    """Whether a sample says nothing; one seed already says something."""
    return np.zeros(differences.shape[:-1], dtype=np.bool_)


def attainable(n: int) -> float:
    """Whatever the bound, nothing stands against a p-value near 0."""
    return 0.0 if n >= 2 else 1.0


def serves(value: float, n: int, reach: tuple[float, float]) -> bool:
    """Whether n differences of a common value may be bounded by the range that they have."""
    low, high = reach
    return low <= value <= high and low < high and (value == 0 or n >= LEAST_UNKNOWN)
