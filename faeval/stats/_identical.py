"""The mean of identical differences, bounded by the range that the metric has.

Where all n differences are d0, and a share q of seeds would differ from it by R at most, none of n
does so with a chance of (1 - q)^n: the mean lies further than R (1 - a^(1/n)) from d0 in a share a
of samples at most. That is exact for a d0 known beforehand, which 0 is; a value read off the data
needs eight seeds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import Array

#: Seeds from which a value that was read off the data may stand for one known beforehand.
LEAST_UNKNOWN = 8


def sample(differences: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return what the rule reads: the differences, and the most that each can differ."""
    reach = max(high - differences[0], differences[0] - low)
    return differences, np.full(differences.shape, reach)


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


def serves(differences: Array, reach: tuple[float, float]) -> bool:
    """Whether identical differences may be bounded by their range."""
    if not all(map(math.isfinite, reach)) or not reach[0] <= differences[0] <= reach[1]:
        return False
    known = differences[0] == 0 or len(differences) >= LEAST_UNKNOWN
    return bool(known and np.ptp(differences) == 0 and reach[1] > reach[0])
