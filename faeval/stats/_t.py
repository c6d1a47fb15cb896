"""Student's t on one number per seed: near-normal differences, at every n."""

from __future__ import annotations

import math

from faeval.stats._checks import Sample
from faeval.stats._spread import mean_and_sd


def p_greater(differences: Sample, bound: float) -> float:
    """P-value of H0 "mean <= bound"; 1 where the sample has fewer than two values or no spread."""
    from scipy.special import stdtr

    n = len(differences)
    mean, sd = mean_and_sd(differences)
    if not sd > 0:
        return 1.0
    return float(stdtr(n - 1, -(mean - bound) * math.sqrt(n) / sd))


def lower_bound(differences: Sample, level: float) -> float:
    """One-sided lower confidence bound of the mean; -inf where p_greater is 1 for every bound."""
    from scipy.special import stdtrit

    n = len(differences)
    mean, sd = mean_and_sd(differences)
    if not sd > 0:
        return -math.inf
    return mean + float(stdtrit(n - 1, level)) * sd / math.sqrt(n)


def attainable(n: int) -> float:
    """Any p-value above 0 can be reached from two values on."""
    return 0.0 if n >= 2 else 1.0
