"""The chance of each verdict at n seeds, and the seeds that a verdict takes, at any true effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from faeval._arguments import count, level, number, p_values, probability, refuse
from faeval.stats._judge import p_pair
from faeval.stats._kinds import Kind, Region, region_of
from faeval.stats._rules import Rule, TestName, rule_of
from faeval.stats.planning._power import power as t_power, smallest
from faeval.streams import stream

# simulated samples where an exact test's chances have no closed form: a standard error of .008 at
# most
_ROWS = 4000
_MOST_ENUMERATED = 1 << 26  # patterns of all of them together
_ROUNDING = 1e-12  # of the sum of two rates


@dataclass(frozen=True)
class VerdictChances:
    """The probabilities of both verdicts where the true effect is `effect`.

    What is left is inconclusive.
    """

    effect: float
    supported: float
    refuted: float


def verdict_chances(
    kind: Kind,
    margin: float,
    effect: float,
    sd: float | None,
    n: int,
    alpha: float,
    *,
    test: TestName = "t",
    k: int = 1,
    base: float | None = None,
) -> VerdictChances:
    """Return the chance of each verdict on one assertion, under normal differences.

    Parameters
    ----------
    kind, margin
        The assertion; see :func:`judge`.
    effect
        The true mean difference, counted in the direction of the margin: a - b, for below and
        not_below b - a. Of spreads log10 of their ratio, of rates their difference.
    sd
        True standard deviation of the differences over seeds, above 0; not read of spreads and
        rates.
    n
        Seeds.
    alpha
        One-sided level, in (0, 0.5]; alpha / m at the first Holm step of a family of m.
    test
        "t": noncentral t; for support of an equivalence both one-sided t tests together, by
        quadrature over the distribution of the sample's standard deviation (Phillips 1990). Rates:
        summed over all outcomes of arms that are independent, pairs too. All others: simulated,
        4,000 samples from a stream of their own (fewer where 2^n patterns each are many); of
        spreads two normal arms.
    k
        Assertions of the claim: refutation by one of them is judged at alpha / k.
    base
        The true rate of the second side, in 0 .. 1, or the number that one arm is held against;
        rates need it.

    Returns
    -------
    VerdictChances
        Two probabilities; both 0 below two seeds.

    Raises
    ------
    FaevalError
        For an argument that is not finite or out of its range; for rates without `base`, or beyond
        60 seeds of two arms.

    Examples
    --------
    >>> found = verdict_chances("exceeds", margin=1.0, effect=2.0, sd=1.0, n=5, alpha=0.05)
    >>> round(found.supported, 2), round(found.refuted, 4)
    (0.58, 0.0002)
    >>> found = verdict_chances("exceeds", 0.1, 0.5, None, 10, 0.05, test="paired-rates", base=0.4)
    >>> round(found.supported, 2)
    0.55
    """
    rule = rule_of(test, deciding=True)
    return _verdict_chances(kind, margin, effect, sd, n, alpha, rule, k, base)


def _verdict_chances(
    kind: Kind,
    margin: float,
    effect: float,
    sd: float | None,
    n: int,
    alpha: float,
    rule: Rule,
    k: int,
    base: float | None,
) -> VerdictChances:
    region = region_of(kind, tested=True)
    effect, n, alpha = (
        number("effect", effect, "a finite number"),
        count("n", n),
        level("alpha", alpha),
    )
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    sd, base = _sd_of(rule, sd), _base_of(rule, n, region.sign * effect, base)
    against = alpha / count("k", k, low=1)
    if n < rule.least:
        return VerdictChances(effect, 0.0, 0.0)
    if rule.power == "simulated":
        return _over_samples(region, margin, effect, sd, n, alpha, against, rule, base)
    difference, (low, high) = region.sign * effect, region.bounds(margin)
    if region.two_sided:
        middle, half = (high + low) / 2, (high - low) / 2
        inside = (
            _equivalence_power(half / sd, (difference - middle) / sd, n, alpha) if half else 0.0
        )
        outside = sum(
            t_power(beyond, sd, n, against / 2) for beyond in (difference - high, low - difference)
        )
        return VerdictChances(effect, inside, min(1.0, outside))
    depth = region.depth(difference, margin)
    return VerdictChances(effect, t_power(depth, sd, n, alpha), t_power(-depth, sd, n, against))


def _sd_of(rule: Rule, sd: float | None) -> float:
    """The standard deviation checked, where the rule's chances depend on one; NaN elsewhere."""
    if not rule.needs_sd:
        return math.nan
    return number("sd", sd, "a standard deviation above 0", low=math.ulp(0.0))


def check_size(rule: Rule, n: int) -> None:
    """Refuse more seeds than the rule can be computed for."""
    if rule.most_values is not None and n > rule.most_values:
        raise refuse(
            "n", n, f"at most {rule.most_values} for the {rule.name} test", "plan fewer seeds"
        )


def _base_of(rule: Rule, n: int, difference: float, base: float | None) -> float | None:
    """The rate of the second side checked, where the rule is one of rates; None elsewhere."""
    if rule.outcomes is None:
        return None
    check_size(rule, n)
    base = number(
        "base",
        base,
        "a rate from 0 to 1",
        "give the true rate of b, or the number that a is held against",
        low=0.0,
        high=1.0,
    )
    if not -_ROUNDING <= base + difference <= 1 + _ROUNDING:
        raise refuse(
            "effect",
            abs(difference),
            f"one that leaves both rates from 0 to 1, where that of b is {base:g}",
            "give an effect that there can be",
        )
    return base


def _over_samples(
    region: Region,
    margin: float,
    effect: float,
    sd: float,
    n: int,
    alpha: float,
    against: float,
    rule: Rule,
    base: float | None,
) -> VerdictChances:
    """The share of samples that lead to each verdict: of all there are, else of simulated ones."""
    chances = None
    if rule.outcomes is not None and rule.chances is not None and base is not None:
        sample = rule.outcomes(n, n, base)
        rate = min(max(base + region.sign * effect, 0.0), 1.0)
        chances = rule.chances(n, n, rate, base)
    else:
        rows = min(_ROWS, max(64, _MOST_ENUMERATED // rule.patterns(n)))
        assert rule.draws is not None  # of each rule that decides, and lists no outcomes
        sample = rule.draws(stream(0, "chances", n), rows, n, effect, sd, region.sign)
    support, refute = p_pair(region, sample, margin, rule)
    supported, refuted = (
        float(np.average(p <= most, weights=chances))
        for p, most in ((support, alpha), (refute, against))
    )
    return VerdictChances(effect, supported, refuted)


@dataclass(frozen=True)
class Prospect:
    """The verdict that an effect leads to, and the chance of reaching it.

    None where the effect is the margin itself.
    """

    verdict: Literal["supported", "refuted"] | None
    power: float


def prospect(
    kind: Kind,
    margin: float,
    effect: float,
    sd: float | None,
    n: int,
    alpha: float,
    *,
    test: TestName = "t",
    k: int = 1,
    base: float | None = None,
) -> Prospect:
    """Return the verdict to be expected of one assertion at n seeds, and its probability.

    Parameters are those of :func:`verdict_chances`.

    Returns
    -------
    Prospect
        No verdict, and `alpha`, where the effect is the margin itself.

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
    chances = verdict_chances(kind, margin, effect, sd, n, alpha, test=test, k=k, base=base)
    return _prospect(kind, margin, effect, alpha, chances)


def _prospect(
    kind: Kind, margin: float, effect: float, alpha: float, chances: VerdictChances
) -> Prospect:
    region = region_of(kind)
    depth = region.depth(region.sign * effect, margin)
    if depth == 0:
        return Prospect(None, alpha)
    if depth > 0:
        return Prospect("supported", chances.supported)
    return Prospect("refuted", chances.refuted)


def seeds_for(
    kind: Kind,
    margin: float,
    effect: float,
    sd: float | None,
    alpha: float,
    power: float = 0.8,
    max_n: int = 10_000,
    *,
    test: TestName = "t",
    k: int = 1,
    base: float | None = None,
) -> int | None:
    """Return the fewest seeds at which :func:`prospect` has the wanted power.

    None where ``max_n`` are too few.

    The power of an exact test goes up in steps and may fall between them: it is the first number of
    seeds that reaches it. Sign-flip is followed up to 20 seeds, where enumeration ends, two rates
    up to 60, one to 1000, spreads to 100.

    Examples
    --------
    >>> seeds_for("equivalent", margin=1.0, effect=0.0, sd=1.0, alpha=0.05)
    11
    >>> seeds_for("exceeds", margin=0.0, effect=1.5, sd=1.0, alpha=0.05, test="sign")
    8
    """
    power, max_n = probability("power", power), count("max_n", max_n, low=2)

    rule = rule_of(test, deciding=True)
    # what is not enough by p-values that are too small need not be looked at by the true ones
    soon = rule if rule.p_alone is None else replace(rule, p_greater=rule.p_alone)

    def enough(n: int, rule: Rule = rule) -> bool:
        chances = _verdict_chances(kind, margin, effect, sd, n, alpha, rule, k, base)
        hope = _prospect(kind, margin, effect, alpha, chances)
        return hope.verdict is not None and hope.power >= power

    if rule.power != "simulated":
        return smallest(enough, max_n)
    last = min(max_n, rule.most_planned)
    attainable = (n for n in range(rule.least, last + 1) if rule.attainable(n) <= alpha)
    return next((n for n in attainable if enough(n, soon) and (soon is rule or enough(n))), None)


def joint_power(powers: Sequence[float]) -> float:
    """The least power of a claim that is supported where all its assertions are.

    Whatever they have to do with each other.

    Parameters
    ----------
    powers
        Shape (k,), the power of each.

    Returns
    -------
    float
        1 less all that may fail, at least 0 (Bonferroni).

    Raises
    ------
    FaevalError
        For powers outside [0, 1].

    Examples
    --------
    >>> round(joint_power([0.9, 0.8]), 3), joint_power([0.4, 0.5])
    (0.7, 0.0)
    """
    return max(0.0, 1.0 - math.fsum(1.0 - p for p in p_values("powers", powers)))


# Gauss-Legendre with 5 points (Abramowitz and Stegun 1964, table 25.4), on 200 panels. Written out,
# and summed exactly, so that the same figure comes out to the last bit whatever linear algebra
# library is installed.
_NODES = (-0.9061798459386640, -0.5384693101056831, 0.0, 0.5384693101056831, 0.9061798459386640)
_WEIGHTS = (
    0.2369268850561891,
    0.4786286704993665,
    0.5688888888888889,
    0.4786286704993665,
    0.2369268850561891,
)
_PANELS = 200
_NEVER = 1e-14  # a sample deviation this improbable, on either side, is left out


def _equivalence_power(margin: float, effect: float, n: int, alpha: float) -> float:
    """Return P(abs(mean) < margin - t s / sqrt n) for standard normal differences, to 1e-9."""
    if n < 2:
        return 0.0
    from scipy.special import chdtri, gammaln, ndtr, stdtrit, xlogy

    df, root = n - 1, math.sqrt(n)
    critical = -float(stdtrit(df, alpha))
    low, high = (math.sqrt(float(chdtri(df, tail)) / df) for tail in (1 - _NEVER, _NEVER))
    if critical > 0:  # beyond this sample deviation the two tests cannot both reject
        high = min(high, margin * root / critical)
    if high <= low:
        low = 0.0
    width = (high - low) / _PANELS
    s = low + width * (np.arange(_PANELS)[:, None] + (np.array(_NODES) + 1) / 2).ravel()
    density = np.exp(
        xlogy(df - 1, s)
        - df * s * s / 2
        + math.log(2)
        + df / 2 * math.log(df / 2)
        - gammaln(df / 2)
    )
    room = margin - critical * s / root
    inside = ndtr((room - effect) * root) - ndtr((-room - effect) * root)
    total = math.fsum((inside * density * np.tile(_WEIGHTS, _PANELS)).tolist())
    return min(1.0, max(0.0, width / 2 * total))
