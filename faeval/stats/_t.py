"""Student's t on one number per seed: near-normal differences, at every n."""

from __future__ import annotations

import math

import numpy as np

from faeval.stats._checks import Array
from faeval.stats._spread import mean_and_sd


def p_greater(differences: Array, bound: float) -> Array:
    """P-value of H0 "mean <= bound" of each row; 1 where a row has fewer than two values or no spread."""
    from scipy.special import stdtr

    n = differences.shape[-1]
    mean, sd = mean_and_sd(differences)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        p: Array = stdtr(n - 1, -(mean - bound) * math.sqrt(n) / sd)
    return np.where(sd > 0, p, 1.0)


def lower_bound(differences: Array, level: float) -> Array:
    """One-sided lower confidence bound of each row's mean; -inf where p_greater is 1 for every bound."""
    from scipy.special import stdtrit

    n = differences.shape[-1]
    mean, sd = mean_and_sd(differences)
    if n < 2:
        return np.full(mean.shape, -math.inf)
    return np.where(sd > 0, mean + float(stdtrit(n - 1, level)) * sd / math.sqrt(n), -math.inf)


def attainable(n: int) -> float:
    """Any p-value above 0 can be reached from two values on."""
    return 0.0 if n >= 2 else 1.0
