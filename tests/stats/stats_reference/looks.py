"""The classical boundaries of interim analyses, that the looks of claims are compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from faeval.stats._recursion import crossing

Spending: TypeAlias = Literal["pocock", "obrien-fleming"]


def spending_levels(
    looks: Sequence[int], alpha: float, spending: Spending, *, known_sd: bool = False
) -> tuple[float, ...]:
    """Nominal levels at each look that spend `alpha` by a function of the share of seeds seen (Lan
    and DeMets [1]_).

    Parameters
    ----------
    looks
        In numbers of seeds.
    alpha
        One-sided, in (0, 0.5].
    spending
        "pocock": alpha ln(1 + (e - 1) t), about constant levels; "obrien-fleming": 2 - 2 Phi(z /
        sqrt t) with Phi(z) = 1 - alpha/2, hardly anything early. t is the share of the last look's
        seeds; at t = 1 either has spent alpha, all of it on the one side tested. Two-sided tables
        at .05 compare with alpha = .025.
    known_sd
        Whether the spread is known, and the test normal: for comparison with published tables.

    Returns
    -------
    tuple of float
        Shape (looks,), one-sided nominal p-values in [0, alpha].

    References
    ----------
    .. [1] K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical trials",
       Biometrika 70 (1983).

    Examples
    --------
    >>> [round(p, 4) for p in spending_levels((5, 10), 0.05, "obrien-fleming")]
    [0.0056, 0.0468]
    """
    from scipy.special import ndtr, ndtri

    plan = tuple(looks)
    share = np.array(plan) / plan[-1]
    constant, late = (
        alpha * np.log1p((math.e - 1) * share),
        2 * ndtr(ndtri(alpha / 2) / np.sqrt(share)),
    )
    spent = constant if spending == "pocock" else late
    levels: list[float] = []
    for k, total in enumerate(spent.tolist(), 1):
        levels.append(_solve(lambda p, k=k: crossing([*levels, p], plan[:k], known_sd), total))  # type: ignore[misc]
    return tuple(levels)


def _solve(chance: Callable[[float], float], wanted: float) -> float:
    """The level at which a chance that rises with it is the one wanted; on the scale of normal
    quantiles.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    return float(ndtr(brentq(lambda z: chance(float(ndtr(z))) - wanted, -8.0, 0.0, xtol=1e-10)))


def constant_boundary(
    looks: Sequence[int], alpha: float, shape: Spending, *, known_sd: bool = False
) -> tuple[float, tuple[float, ...]]:
    """The classical boundaries: Pocock's constant z, and O'Brien and Fleming's z_k = C sqrt(n_K /
    n_k) [1]_.

    Parameters
    ----------
    looks, alpha, known_sd
        As in :func:`spending_levels`.
    shape
        Which of the two.

    Returns
    -------
    (C, levels)
        The constant, on the scale of a standard normal quantile, and the one-sided nominal p-value
        at each look.

    References
    ----------
    .. [1] P. C. O'Brien and T. R. Fleming, "A multiple testing procedure for clinical trials",
       Biometrics 35 (1979).

    Examples
    --------
    >>> constant, levels = constant_boundary((1000, 2000), 0.025, "obrien-fleming", known_sd=True)
    >>> round(constant, 2), [round(p, 4) for p in levels]
    (1.98, [0.0026, 0.024])
    """
    from scipy.special import ndtr, ndtri

    plan = tuple(looks)
    stretch = (
        np.sqrt(plan[-1] / np.array(plan)) if shape == "obrien-fleming" else np.ones(len(plan))
    )
    last = _solve(lambda p: crossing(ndtr(ndtri(p) * stretch).tolist(), plan, known_sd), alpha)
    constant = -float(ndtri(last))
    return constant, tuple(ndtr(-constant * stretch).tolist())
