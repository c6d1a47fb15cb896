"""The sign test: a claim about the median difference, exact for every law without an atom at the bound."""

from __future__ import annotations

import math

from faeval.stats._checks import Sample


def p_greater(differences: Sample, bound: float) -> float:
    """P-value of H0 "median <= bound": the binomial tail, exact; a value on the bound speaks for H0."""
    n = len(differences)
    if n < 2:
        return 1.0
    above = sum(value > bound for value in differences)
    return sum(math.comb(n, j) for j in range(above, n + 1)) / (1 << n)


def lower_bound(differences: Sample, level: float) -> float:
    """The smallest bound that p_greater does not reject at `level`: an order statistic, or -inf."""
    if attainable(len(differences)) > level:
        return -math.inf
    return next(value for value in sorted(differences) if p_greater(differences, value) > level)


def attainable(n: int) -> float:
    """All differences above the bound: one outcome in 2^n."""
    return 0.5**n if n >= 2 else 1.0
