"""Looks: a one-sided t test that may decide early, at numbers of seeds fixed before the first run.

At each look the nominal p-value is that of the plain t test; what it is worth is G(the smallest so
far), where G is the distribution of the smallest nominal p-value over all registered looks under
normal differences. G has no closed form for t: it is computed by recursion over the looks. Each
direction of a claim has its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from faeval._arguments import Array, level, p_values, refuse
from faeval.stats._recursion import crossing

# G is computed at Chebyshev nodes between these normal quantiles of p, and read off a polynomial.
_NODES, _REACH = 20, 4.5
# significant bits of the p that it is read at: between such numbers G rises by more than rounding
_BITS = 40


def _checked(looks: Sequence[int]) -> tuple[int, ...]:
    plan = tuple(looks)
    whole = all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 2 for n in plan
    )
    if not plan or not whole or any(b <= a for a, b in pairwise(plan)):
        raise refuse(
            "looks", looks, "rising numbers of seeds, each at least 2", "such as (5, 10, 20)"
        )
    return tuple(int(n) for n in plan)


@lru_cache(maxsize=64)
def _fit(looks: tuple[int, ...]) -> Array:
    """Chebyshev coefficients of the normal quantile of G(p) less that of p, over that of p."""
    from scipy.special import ndtr, ndtri

    at = np.polynomial.chebyshev.chebpts1(_NODES)
    quantiles = _REACH * at
    levels = ndtr(quantiles)
    chances = [crossing([p] * len(looks), looks, False) for p in levels.tolist()]
    # Between p and its sum over the looks, whatever the recursion rounds off in the far tail.
    above: Array = (
        ndtri(np.clip(chances, levels, np.minimum(len(looks) * levels, 1 - 2**-53))) - quantiles
    )
    return np.polynomial.chebyshev.chebfit(at, above, _NODES - 1).astype(np.float64)


def sequential_p(p: Sequence[float], looks: Sequence[int]) -> tuple[float, ...]:
    """What nominal p-values are worth when there are looks.

    Valid at each, never rising, and fit for Holm's procedure.

    Parameters
    ----------
    p
        Nominal one-sided p-values of one direction at the looks reached so far.
    looks
        All registered looks, in numbers of seeds; the last is the plan.

    Returns
    -------
    tuple of float
        One for each look reached, in [0, 1]: G of the smallest so far, to 1e-6 for looks that are
        some seeds apart, and never below that p. With a single look p itself.

    Raises
    ------
    FaevalError
        For p outside [0, 1], looks that do not rise or begin below 2, or more p-values than looks.

    Examples
    --------
    >>> early, late = sequential_p([0.0290, 0.4], looks=(5, 10))
    >>> round(early, 3), early == late
    (0.05, True)
    """
    values, plan = p_values("p", p), _checked(looks)
    if len(values) > len(plan):
        raise refuse(
            "p",
            list(p),
            f"one value for each of at most {len(plan)} looks",
            "give those of the looks reached",
        )
    smallest = np.minimum.accumulate(values) if values else np.empty(0)
    return tuple(_worth(float(x), plan) for x in smallest)


def _worth(p: float, looks: tuple[int, ...]) -> float:
    from scipy.special import ndtr, ndtri

    if len(looks) == 1 or p <= 0 or p >= 1:
        return p
    fraction, exponent = math.frexp(p)
    quantile = float(ndtri(math.ldexp(round(math.ldexp(fraction, _BITS)), exponent - _BITS)))
    at = min(
        1.0, max(-1.0, quantile / _REACH)
    )  # beyond, where nothing is decided, as far above as at the end
    above = float(np.polynomial.chebyshev.chebval(at, _fit(looks)))
    return min(1.0, max(p, float(ndtr(quantile + above))))


def nominal_level(alpha: float, looks: Sequence[int]) -> float:
    """The constant nominal level that comes to `alpha` over all looks (Pocock's type [1]_).

    Parameters
    ----------
    alpha
        One-sided, in (0, 0.5].
    looks
        In numbers of seeds.

    Returns
    -------
    float
        In [0, alpha], the largest p whose :func:`sequential_p` is at most alpha, to the last bit.

    Raises
    ------
    FaevalError
        For alpha outside (0, 0.5], or looks that do not rise or begin below 2.

    References
    ----------
    .. [1] S. J. Pocock, "Group sequential methods in the design and analysis of clinical trials",
       Biometrika 64 (1977).

    Examples
    --------
    >>> [round(nominal_level(0.05, looks), 3) for looks in ((5, 10), (5, 10, 20), (5, 10, 15, 20))]
    [0.029, 0.021, 0.018]
    """
    return _nominal(level("alpha", alpha), _checked(looks))


@lru_cache(maxsize=1024)
def _nominal(alpha: float, looks: tuple[int, ...]) -> float:
    if _worth(alpha, looks) <= alpha:
        return alpha
    low, high = 0.0, alpha
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _worth(middle, looks) <= alpha else (low, middle)
    return low


def nominal_levels(
    support: float, refute: float, looks: Sequence[int], k: int = 1
) -> tuple[float, float]:
    """The levels that the p-values of one look of a claim are compared with, for it and against it.

    Parameters
    ----------
    support, refute
        What the claim met within its family, in (0, 0.5], over all looks.
    looks
        In numbers of seeds; without any there is one, and the levels are returned as they are.
    k
        Assertions of the claim. Against it each has a k-th of `refute`, and Bonferroni's factor
        belongs outside.

    Returns
    -------
    tuple of float
        For support; for refutation of the claim, k times that of one assertion.

    Raises
    ------
    FaevalError
        For levels outside (0, 0.5], or looks that do not rise or begin below 2.

    Examples
    --------
    >>> early = nominal_levels(0.05, 0.05, (5, 10))
    >>> [round(level, 3) for level in early], nominal_levels(0.05, 0.025, ())
    ([0.029, 0.029], (0.05, 0.025))
    """
    if not len(looks):
        return support, refute
    return nominal_level(support, looks), k * nominal_level(refute / k, looks)
