"""The running ledger: evidence that may be looked at after every seed, for as long as one likes.

It decides nothing.

The scale-invariant t mixture [1]_: the likelihood ratio of the t statistics so far, with the
standardised effect drawn from N(0, c^2), against no effect. It is a martingale under normal
differences of any spread, so it exceeds 1/a at any time with probability at most a.

.. [1] H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means
   with unknown variance", arXiv:2310.03722; M. F. Perez-Ortiz, T. Lardy, R. de Heide and
   P. Grunwald, Ann. Statist. 52 (2024).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from faeval._arguments import Array, number, sample
from faeval.stats._spread import mean_and_sd, undecidable


def _variance(prior_sd: float) -> float:
    # Far outside, squares leave float64; no effect that anyone looks for is there.
    return (
        number("prior_sd", prior_sd, "a standard deviation from 1e-6 to 1e6", low=1e-6, high=1e6)
        ** 2
    )


def _e_value(values: Array, bound: float, c2: float) -> float:
    n = len(values)
    if bool(undecidable(values)):
        return 1.0
    mean, sd = mean_and_sd(values)
    with np.errstate(over="ignore"):
        t2 = float(n * ((mean - bound) / sd) ** 2)
    # 1 - k S^2 / (n V) with k = n c^2 / (1 + n c^2), from t: S^2 / (n V) = t^2 / (t^2 + n - 1).
    inside = math.log1p(min(t2, 1e300) / (n - 1)) - math.log1p(
        min(t2, 1e300) / ((n - 1) * (1 + n * c2))
    )
    return math.exp(min(700.0, n / 2 * inside - math.log1p(n * c2) / 2))


def e_value(differences: ArrayLike, bound: float = 0.0, prior_sd: float = 1.0) -> float:
    """The running evidence against "mean = bound", which may be looked at after every seed [1]_.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed, in the metric's unit; their order does not matter.
    bound
        The value tested, in the same unit: an edge of the margin. Evidence is against it from
        either side.
    prior_sd
        Spread c of the standardised effects that are looked for, from 1e-6 to 1e6. Chosen before
        the data.

    Returns
    -------
    float
        Above 0, at most exp(700) where more would leave float64; 1 is no evidence, which is what
        one seed, or none that differ beyond rounding, give. Below 1 the data speak for the bound.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or a prior_sd outside its range.

    References
    ----------
    .. [1] H. Wang and A. Ramdas, arXiv:2310.03722; see the head of this module.

    Examples
    --------
    >>> round(e_value([0.9, 1.1, 1.0, 0.8, 1.2]), 1)
    28.5
    """
    values, bound = sample("differences", differences), number("bound", bound, "a finite number")
    return _e_value(values, bound, _variance(prior_sd))
