"""What an assertion can tell at n seeds, before any run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from faeval._arguments import count, level, number, probability
from faeval.stats._judge import smallest_pair
from faeval.stats._kinds import Kind, Region, region_of
from faeval.stats._rule import LEAST_POWER
from faeval.stats._rules import Rule, TestName, rule_of
from faeval.stats._spread import sd_upper
from faeval.stats.planning._chances import (
    VerdictChances,
    check_size,
    prospect,
    seeds_for,
    verdict_chances,
)
from faeval.stats.planning._power import detectable_effect
from faeval.stats.planning._unseen_failures import unseen_failure_bound


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


def _effects(
    rule: Rule, region: Region, margin: float, anticipated: float | None, base: float | None
) -> dict[str, float]:
    """The effects to ask the chances at, by name; no margin that the rates cannot differ by."""
    by_name = {"zero": 0.0, "margin": margin}
    if base is not None and rule.outcomes is not None:
        by_name = {k: e for k, e in by_name.items() if 0 <= base + region.sign * e <= 1}
    return by_name if anticipated is None else {**by_name, "anticipated": anticipated}


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
    base: float | None = None,
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
        is taken as known. Ratios of spreads and rates need none.
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
    base
        A pilot's rate of the second side, or the number that one arm is held against; without it
        what depends on it is left out of an outlook on rates.

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
    check_size(rule, n)
    first = alpha / family
    least, least_against = smallest_pair(region, margin, rule, n, n, base)
    least_against = min(1.0, k * least_against)
    detectable_in_sd = None
    if rule.power == "noncentral t" and n >= rule.least:
        detectable_in_sd = detectable_effect(n, first, power)
    if sd is not None and rule.needs_sd:
        sd = number("sd", sd, "a standard deviation above 0", low=math.ulp(0.0))
    at: dict[str, VerdictChances] = {}
    found_power, needed = None, None
    if (sd is not None or not rule.needs_sd) and (base is not None or rule.outcomes is None):
        ask: dict[str, Any] = {"test": test, "k": k, "base": base}
        at = {
            name: verdict_chances(kind, margin, effect, sd, n, first, **ask)
            for name, effect in _effects(rule, region, margin, anticipated, base).items()
        }
        if anticipated is not None:
            found_power, needed = _power_and_seeds(
                kind, margin, anticipated, sd, sd_n, n, first, power, ask
            )
    return DesignOutlook(
        n,
        first,
        least <= first,
        least_against <= first,
        at,
        detectable_in_sd,
        None if detectable_in_sd is None or sd is None else detectable_in_sd * sd,
        found_power,
        needed,
        unseen_failure_bound(n) if n else 1.0,
        tuple(_warnings(n, first, least, least_against, found_power)),
    )


def _power_and_seeds(
    kind: Kind,
    margin: float,
    anticipated: float,
    sd: float | None,
    sd_n: int | None,
    n: int,
    level: float,
    power: float,
    ask: dict[str, Any],
) -> tuple[float | None, tuple[int | None, int | None] | None]:
    """The power at the effect anticipated, and the seeds that give the whole claim its power."""
    hope = prospect(kind, margin, anticipated, sd, n, level, **ask)
    if hope.verdict is None:
        return None, None
    goal = 1 - (1 - power) / ask["k"] if hope.verdict == "supported" else power
    seeds = partial(seeds_for, kind, margin, anticipated, alpha=level, power=goal, **ask)
    needed = seeds(sd=sd)
    return hope.power, (needed, needed if sd is None else _at_upper(seeds, sd, sd_n))


def _warnings(
    n: int, level: float, least: float, least_against: float, power: float | None
) -> Iterator[str]:
    for verb, smallest in (("support", least), ("refute", least_against)):
        if smallest > level:
            yield (
                f"no data can {verb} it: the smallest p at n = {n} is {smallest:.3g}, above"
                f" {level:.3g}"
            )
    if power is not None and power < LEAST_POWER:
        yield f"power at the effect anticipated is {power:.2f}, below {LEAST_POWER}"
