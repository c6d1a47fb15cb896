"""What a pilot says of the spread of each tested assertion: for registration, never for deciding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faeval import stats
from faeval.claims._claim import Assertion, Claim
from faeval.claims._design import check_design, check_names, design_of
from faeval.claims._lock import PILOT_SEEDS, Spread
from faeval.claims._measure import Evidence, Measurement
from faeval.claims._tests import tests_of
from faeval.errors import FaevalError

POWER = 0.8


@dataclass(frozen=True)
class Chances:
    """What a pilot's spread lets a design expect: power at the planned seeds, and the seeds that 80 % power takes.

    ``needed`` is counted at the pilot's standard deviation, and at its 80 % upper bound; None is beyond 10,000.
    """

    power: float
    needed: tuple[int | None, int | None]


def anticipated_of(assertion: Assertion) -> float | None:
    """Return the effect that power is computed at: as declared, and none for an equivalence that declares none."""
    if assertion.anticipated is None and assertion.kind in ("equivalent", "agree"):
        return 0.0
    return assertion.anticipated


def chances(
    kind: stats.Kind, margin: float, anticipated: float | None, pilot: Spread | None, n: int, level: float
) -> Chances | None:
    """Return what may be expected of one test, or None without a pilot's spread or an effect off the margin."""
    if pilot is None or anticipated is None or pilot.sd <= 0 or n < 2:
        return None
    expected = stats.prospect(kind, margin, anticipated, pilot.sd, n, level)
    if expected.verdict is None:
        return None
    spreads = pilot.sd, stats.sd_upper(pilot.sd, pilot.n)
    likely, cautious = (stats.seeds_for(kind, margin, anticipated, sd, level, POWER) for sd in spreads)
    return Chances(expected.power, (likely, cautious))


def pilot_spreads(claim: Claim, index: Evidence, setting: str) -> list[Spread | None]:
    """Return the mean and spread of each tested assertion over the pilot seeds in evidence; empty without any."""
    design = design_of(claim, setting)
    try:
        check_names(claim, design)
        seeds = [s for s in index.seeds(design.label(arm) for arm in claim.arms()) if s in PILOT_SEEDS]
    except FaevalError:  # a claim about another setting
        return []
    measurement = Measurement(claim, index, design, seeds)
    if len(seeds) < 2 or check_design(claim, design) or measurement.missing() or measurement.untrustworthy():
        return []
    found: list[Spread | None] = []
    for test in tests_of(claim, measurement):
        d = test.differences
        if not np.isfinite(d).all():  # a logarithm of what is not positive
            found.append(None)
            continue
        found.append(Spread(n=len(d), mean=float(d.mean()), sd=float(d.std(ddof=1))))
    return found
