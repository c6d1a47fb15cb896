"""Power, seeds needed and detectable effect of the one-sided t test."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from faeval._arguments import count, level, number, probability


def power(effect: float, sd: float, n: int, alpha: float) -> float:
    """Probability that the one-sided t test at `alpha` decides, given the true effect.

    By the noncentral t distribution [1]_.

    Parameters
    ----------
    effect
        True mean difference beyond the margin, in the direction claimed, in the metric's unit.
    sd
        True standard deviation of the differences over seeds, above 0, in the same unit.
    n
        Seeds.
    alpha
        One-sided level, in (0, 0.5]; alpha / m is the first Holm step in a family of m.

    Returns
    -------
    float
        In [0, 1]; 0 for n < 2, where nothing is decided. Increasing in `effect`, and in `n` for
        effects above 0.

    Raises
    ------
    FaevalError
        For an argument that is not finite or out of its range.

    References
    ----------
    .. [1] N. L. Johnson and B. L. Welch, "Applications of the non-central t-distribution",
       Biometrika 31 (1940).

    Examples
    --------
    >>> round(power(effect=0.08, sd=0.03, n=5, alpha=0.05), 3)
    0.999
    """
    effect = number("effect", effect, "a finite number")
    sd = number("sd", sd, "a standard deviation above 0", low=math.ulp(0.0))
    return _power(effect / sd, count("n", n), level("alpha", alpha))


def _power(d: float, n: int, alpha: float) -> float:
    if n < 2:
        return 0.0
    from scipy.special import chdtr, nctdtr, stdtrit

    df, shift, critical = n - 1, d * math.sqrt(n), -float(stdtrit(n - 1, alpha))
    if shift <= 1e4:
        below = float(nctdtr(df, shift, critical))
        if not math.isnan(below):
            return 1 - below
    # nctdtr gives NaN where its answer underflows, and loses digits far out. There T > c reads V <
    # df ((shift + z)/c)^2 for a chi-square V, smooth in the normal z over its whole range. The
    # clips keep the square finite.
    z, weight = np.polynomial.hermite_e.hermegauss(64)
    reach = np.clip(shift + z, 0.0, 1e100) / max(critical, 1e-50)
    return min(1.0, float(weight @ chdtr(df, df * reach**2) / weight.sum()))


def seeds_needed(
    effect: float, sd: float, alpha: float, power: float = 0.8, max_n: int = 10_000
) -> int | None:
    """The smallest number of seeds at which :func:`power` reaches `power`.

    Parameters
    ----------
    effect, sd, alpha
        As in :func:`power`. Give the anticipated effect, never the observed one.
    power
        The probability wanted, in (0, 1).
    max_n
        Where to stop looking.

    Returns
    -------
    int or None
        At least 2; None where `max_n` seeds are too few, as for any effect that does not exceed the
        margin.

    Raises
    ------
    FaevalError
        For an argument that is not finite or out of its range.

    Examples
    --------
    >>> seeds_needed(effect=0.05, sd=0.03, alpha=0.05)
    4
    """
    d = number("effect", effect, "a finite number") / number(
        "sd", sd, "a standard deviation above 0", low=math.ulp(0.0)
    )
    alpha, power, max_n = (
        level("alpha", alpha),
        probability("power", power),
        count("max_n", max_n, low=2),
    )
    return None if d <= 0 else smallest(lambda n: _power(d, n, alpha) >= power, max_n)


def smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the first of 2 .. `most` that is enough, for what stays enough from there on.

    None where `most` is not.
    """
    if not enough(most):
        return None
    low, high = 1, most  # low is not enough, high is
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def detectable_effect(n: int, alpha: float, power: float = 0.8) -> float:
    """The smallest effect beyond the margin that n seeds detect with probability `power`.

    See :func:`power`.

    Parameters
    ----------
    n
        Seeds.
    alpha
        One-sided level, in (0, 0.5].
    power
        The probability wanted, in (0, 1), above `alpha`.

    Returns
    -------
    float
        In standard deviations of the differences over seeds; infinite for n < 2. At this effect the
        power is at least `power`, and ``seeds_needed(detectable_effect(n, alpha), 1, alpha)`` is n.

    Raises
    ------
    FaevalError
        For an argument out of its range.

    Examples
    --------
    >>> [round(detectable_effect(n, alpha=0.05), 2) for n in (3, 5, 10)]
    [2.3, 1.36, 0.85]
    """
    n, alpha = count("n", n), level("alpha", alpha)
    power = number(
        "power", power, "a probability above alpha and below 1", low=alpha, high=1 - 2**-53
    )
    if n < 2:
        return math.inf
    low, high = 0.0, 1.0
    while _power(high, n, alpha) < power:
        low, high = high, 2 * high
    while (
        low < (middle := (low + high) / 2) < high
    ):  # down to neighbouring doubles: the upper end reaches the power
        low, high = (low, middle) if _power(middle, n, alpha) >= power else (middle, high)
    return high
