"""What an assertion would come to if the effect anticipated were the true one: the verdict, its chance, seeds needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faeval.stats._checks import count, level, number, probability
from faeval.stats._judge import Kind
from faeval.stats._power import power as t_power
from faeval.stats._power import smallest


@dataclass(frozen=True)
class Prospect:
    """The verdict that an effect leads to, and the chance of reaching it; None where the effect is the margin itself."""

    verdict: Literal["supported", "refuted"] | None
    power: float


def prospect(kind: Kind, margin: float, effect: float, sd: float, n: int, alpha: float) -> Prospect:
    """Return the verdict to be expected of one assertion at n seeds, and its probability.

    Parameters
    ----------
    kind, margin
        The assertion; see :func:`judge`.
    effect
        The true mean difference, counted in the direction of the margin: a - b, for below and not_below b - a.
    sd
        True standard deviation of the differences over seeds, above 0.
    n
        Seeds.
    alpha
        One-sided level, in (0, 0.5]; alpha / m at the first Holm step of a family of m.

    Returns
    -------
    Prospect
        For an equivalence within its margins, the power of both one-sided t tests together, by quadrature over the
        distribution of the sample's standard deviation (Phillips 1990); otherwise that of one noncentral t test, for the
        refutation of an equivalence at alpha / 2.

    Raises
    ------
    FaevalError
        For an argument that is not finite or out of its range.

    Examples
    --------
    >>> found = prospect("equivalent", margin=2.0, effect=0.0, sd=1.0, n=5, alpha=0.05)
    >>> found.verdict, round(found.power, 2)
    ('supported', 0.95)
    """
    effect, n, alpha = number("effect", effect, "a finite number"), count("n", n), level("alpha", alpha)
    sd = number("sd", sd, "a standard deviation above 0", low=math.ulp(0.0))
    if kind == "equivalent":
        gap = margin - abs(effect)
        if gap > 0:
            return Prospect("supported", _equivalence_power(margin / sd, effect / sd, n, alpha))
        return Prospect("refuted", t_power(-gap, sd, n, alpha / 2)) if gap < 0 else Prospect(None, alpha)
    gap = effect - margin
    if gap == 0:
        return Prospect(None, alpha)
    larger = kind in ("exceeds", "below")
    return Prospect("supported" if (gap > 0) == larger else "refuted", t_power(abs(gap), sd, n, alpha))


def seeds_for(
    kind: Kind, margin: float, effect: float, sd: float, alpha: float, power: float = 0.8, max_n: int = 10_000
) -> int | None:
    """Return the fewest seeds at which :func:`prospect` has the wanted power; None where ``max_n`` are too few.

    Examples
    --------
    >>> seeds_for("equivalent", margin=1.0, effect=0.0, sd=1.0, alpha=0.05)
    11
    """
    power = probability("power", power)

    def enough(n: int) -> bool:
        found = prospect(kind, margin, effect, sd, n, alpha)
        return found.verdict is not None and found.power >= power

    return smallest(enough, count("max_n", max_n, low=2))


# Gauss-Legendre with 5 points (Abramowitz and Stegun 1964, table 25.4), on 40 panels. Written out, and summed exactly, so
# that the same figure comes out to the last bit whatever linear algebra library is installed.
_NODES = (-0.9061798459386640, -0.5384693101056831, 0.0, 0.5384693101056831, 0.9061798459386640)
_WEIGHTS = (0.2369268850561891, 0.4786286704993665, 0.5688888888888889, 0.4786286704993665, 0.2369268850561891)
_PANELS = 40


def _equivalence_power(margin: float, effect: float, n: int, alpha: float) -> float:
    """Return P(|mean| < margin - t s / sqrt n) for normal differences with standard deviation 1."""
    if n < 2:
        return 0.0
    from scipy.special import chdtr, gammaincinv, ndtr, stdtrit

    df, root = n - 1, math.sqrt(n)
    critical = -float(stdtrit(df, alpha))
    # Beyond this sample deviation the two tests cannot both reject. Quadrature runs over its probability, where the
    # integrand is bounded.
    share = float(chdtr(df, df * (margin * root / critical) ** 2)) if critical > 0 else 1.0
    within = (np.array(_NODES) + 1) / 2
    u = share * ((np.arange(_PANELS)[:, None] + within) / _PANELS).ravel()
    s = np.sqrt(2 * gammaincinv(df / 2, u) / df)
    room = np.maximum(margin - critical * s / root, 0.0)
    inside = np.where(room > 0, ndtr((room - effect) * root) - ndtr((-room - effect) * root), 0.0)
    total = math.fsum((inside * np.tile(_WEIGHTS, _PANELS)).tolist())
    return min(1.0, share * total / (2 * _PANELS))
