"""The chance of each verdict at n seeds, and the seeds that a verdict takes.

At any true effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from faeval._arguments import count, level, number, p_values, probability
from faeval.stats._judge import p_pair
from faeval.stats._kinds import Kind, Region, region_of
from faeval.stats._rule import LEAST_POWER
from faeval.stats._rules import Rule, Sample, TestName, rule_of
from faeval.stats._spread import sd_upper
from faeval.stats.planning._power import detectable_effect, power as t_power, smallest
from faeval.stats.planning._unseen_failures import unseen_failure_bound
from faeval.streams import stream

# simulated samples where an exact test's chances have no closed form: a standard error of .008 at
# most
_ROWS = 4000
_MOST_ENUMERATED = 1 << 26  # patterns of all of them together


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
    sd: float,
    n: int,
    alpha: float,
    *,
    test: TestName = "t",
    k: int = 1,
) -> VerdictChances:
    """Return the chance of each verdict on one assertion, under normal differences.

    Parameters
    ----------
    kind, margin
        The assertion; see :func:`judge`.
    effect
        The true mean difference, counted in the direction of the margin: a - b, for below and
        not_below b - a.
    sd
        True standard deviation of the differences over seeds, above 0.
    n
        Seeds.
    alpha
        One-sided level, in (0, 0.5]; alpha / m at the first Holm step of a family of m.
    test
        "t": noncentral t; for support of an equivalence both one-sided t tests together, by
        quadrature over the distribution of the sample's standard deviation (Phillips 1990). "sign"
        and "sign-flip": simulated, 4,000 samples from a stream of their own (fewer where 2^n
        patterns each are many).
    k
        Assertions of the claim: refutation by one of them is judged at alpha / k.

    Returns
    -------
    VerdictChances
        Two probabilities; both 0 below two seeds.

    Raises
    ------
    FaevalError
        For an argument that is not finite or out of its range.

    Examples
    --------
    >>> found = verdict_chances("exceeds", margin=1.0, effect=2.0, sd=1.0, n=5, alpha=0.05)
    >>> round(found.supported, 2), round(found.refuted, 4)
    (0.58, 0.0002)
    """
    region, rule = region_of(kind, tested=True), rule_of(test, deciding=True)
    effect, n, alpha = (
        number("effect", effect, "a finite number"),
        count("n", n),
        level("alpha", alpha),
    )
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    sd = number("sd", sd, "a standard deviation above 0", low=math.ulp(0.0))
    against = alpha / count("k", k, low=1)
    if n < rule.least:
        return VerdictChances(effect, 0.0, 0.0)
    if rule.power == "simulated":
        return _simulated(region, margin, effect, sd, n, alpha, against, rule)
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


def _simulated(
    region: Region,
    margin: float,
    effect: float,
    sd: float,
    n: int,
    alpha: float,
    against: float,
    rule: Rule,
) -> VerdictChances:
    rows = min(_ROWS, max(64, _MOST_ENUMERATED // rule.patterns(n)))
    rng = stream(0, "chances", n)
    if rule.paired:
        sample: Sample = (region.sign * (effect + sd * rng.standard_normal((rows, n))),)
    else:  # both arms spread alike, and together by sd
        arms = sd / math.sqrt(2) * rng.standard_normal((2, rows, n))
        sample = (region.sign * effect + arms[0], arms[1])
    support, refute = p_pair(region, sample, margin, rule)
    return VerdictChances(
        effect, float(np.mean(support <= alpha)), float(np.mean(refute <= against))
    )


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
    sd: float,
    n: int,
    alpha: float,
    *,
    test: TestName = "t",
    k: int = 1,
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
    chances = verdict_chances(kind, margin, effect, sd, n, alpha, test=test, k=k)
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
    sd: float,
    alpha: float,
    power: float = 0.8,
    max_n: int = 10_000,
    *,
    test: TestName = "t",
    k: int = 1,
) -> int | None:
    """Return the fewest seeds at which :func:`prospect` has the wanted power.

    None where ``max_n`` are too few.

    The power of an exact test goes up in steps and may fall between them: it is the first number of
    seeds that reaches it. Sign-flip is followed up to 20 seeds, where enumeration ends.

    Examples
    --------
    >>> seeds_for("equivalent", margin=1.0, effect=0.0, sd=1.0, alpha=0.05)
    11
    >>> seeds_for("exceeds", margin=0.0, effect=1.5, sd=1.0, alpha=0.05, test="sign")
    8
    """
    power, max_n = probability("power", power), count("max_n", max_n, low=2)

    def enough(n: int) -> bool:
        hope = prospect(kind, margin, effect, sd, n, alpha, test=test, k=k)
        return hope.verdict is not None and hope.power >= power

    rule = rule_of(test, deciding=True)
    if rule.power != "simulated":
        return smallest(enough, max_n)
    last = min(max_n, rule.most_planned)
    attainable = (n for n in range(rule.least, last + 1) if rule.attainable(n) <= alpha)
    return next((n for n in attainable if enough(n)), None)


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


@dataclass(frozen=True)
class DesignOutlook:
    """What an assertion can tell at n seeds, before any run.

    `level` is that of the first Holm step, alpha / m. `can_support` and `can_refute` say whether
    any data could lead to the verdict at it. `at` has the chances of both verdicts at no effect
    ("zero"), at the margin ("margin") and at the effect declared ("anticipated"), the last where
    one is declared; empty without a standard deviation. `detectable` is the effect beyond the
    margin that t finds with the wanted power, in the metric's unit (in standard deviations as
    `detectable_in_sd`). `seeds_needed` is counted at the standard deviation given and at its upper
    80 % bound. `unseen_failures` bounds the rate of failures that n seeds without one leave
    possible.
    """

    n: int
    level: float
    can_support: bool
    can_refute: bool
    at: Mapping[str, VerdictChances]
    detectable_in_sd: float | None
    detectable: float | None
    power: float | None
    seeds_needed: tuple[int | None, int | None] | None
    unseen_failures: float
    warnings: tuple[str, ...]


def _at_upper(seeds: Callable[..., int | None], sd: float, sd_n: int | None) -> int | None:
    """The seeds at the upper bound of a standard deviation that was estimated from sd_n values."""
    upper = sd if sd_n is None else sd_upper(sd, sd_n)
    return seeds(sd=upper) if math.isfinite(upper) else None


def outlook(
    kind: Kind,
    margin: float,
    n: int,
    *,
    sd: float | None = None,
    sd_n: int | None = None,
    anticipated: float | None = None,
    alpha: float = 0.05,
    family: int = 1,
    k: int = 1,
    test: TestName = "t",
    power: float = 0.8,
) -> DesignOutlook:
    """What can this assertion tell me at n seeds?

    Parameters
    ----------
    kind, margin
        The assertion; see :func:`judge`.
    n
        Seeds planned.
    sd, sd_n
        A pilot's standard deviation of the differences (ddof 1) and the number of seeds behind it.
        Without them what depends on the spread is left out; without `sd_n` the standard deviation
        is taken as known.
    anticipated
        The effect declared, in the direction of the margin; never the observed one.
    alpha, family, k
        The family's error rate, its number of claims, and the assertions of this claim.
    test
        The claim's test.
    power
        The probability wanted of the claim's verdict that the anticipated effect leads to. Support
        takes all k assertions, so each is given a k-th of what may fail: 1 - (1 - power) / k; see
        :func:`joint_power`.

    Returns
    -------
    DesignOutlook

    Raises
    ------
    FaevalError
        For an argument that is not finite or out of its range.

    Examples
    --------
    >>> seen = outlook("exceeds", 1.0, 5, sd=1.0, anticipated=3.0)
    >>> {name: (round(c.supported, 2), round(c.refuted, 2)) for name, c in seen.at.items()}
    {'zero': (0.0, 0.58), 'margin': (0.05, 0.05), 'anticipated': (0.97, 0.0)}
    >>> outlook("exceeds", 1.0, 3, test="sign-flip").warnings[0]
    'no data can support it: the smallest p at n = 3 is 0.125, above 0.05'
    """
    region, rule = region_of(kind, tested=True), rule_of(test, deciding=True)
    n, alpha = count("n", n), level("alpha", alpha)
    family, k, power = (
        count("family", family, low=1),
        count("k", k, low=1),
        probability("power", power),
    )
    first = alpha / family
    least = rule.attainable(n)
    share = k * region.tails
    can_support, can_refute = least <= first, share * least <= first
    warnings = [
        f"no data can {verb} it: the smallest p at n = {n} is {smallest_p:.3g}, above {first:.3g}"
        for verb, possible, smallest_p in (
            ("support", can_support, least),
            ("refute", can_refute, min(1.0, share * least)),
        )
        if not possible
    ]
    detectable_in_sd = None
    if rule.power == "noncentral t" and n >= rule.least:
        detectable_in_sd = detectable_effect(n, first, power)
    at: dict[str, VerdictChances] = {}
    found_power, needed = None, None
    if sd is not None:
        sd = number("sd", sd, "a standard deviation above 0", low=math.ulp(0.0))
        effects = {"zero": 0.0, "margin": margin, "anticipated": anticipated}
        at = {
            name: verdict_chances(kind, margin, e, sd, n, first, test=test, k=k)
            for name, e in effects.items()
            if e is not None
        }
        if anticipated is not None:
            hope = prospect(kind, margin, anticipated, sd, n, first, test=test, k=k)
            if hope.verdict is not None:
                found_power = hope.power
                goal = 1 - (1 - power) / k if hope.verdict == "supported" else power
                seeds = partial(
                    seeds_for, kind, margin, anticipated, alpha=first, power=goal, test=test, k=k
                )
                needed = seeds(sd=sd), _at_upper(seeds, sd, sd_n)
                if found_power < LEAST_POWER:
                    warnings.append(
                        f"power at the effect anticipated is {found_power:.2f}, below {LEAST_POWER}"
                    )
    return DesignOutlook(
        n,
        first,
        can_support,
        can_refute,
        at,
        detectable_in_sd,
        None if detectable_in_sd is None or sd is None else detectable_in_sd * sd,
        found_power,
        needed,
        unseen_failure_bound(n) if n else 1.0,
        tuple(warnings),
    )


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
