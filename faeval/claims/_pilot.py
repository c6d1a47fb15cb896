"""What a pilot says of the spread of each tested assertion: for registration, never for deciding."""

from __future__ import annotations

import numpy as np

from faeval.claims._claim import Claim
from faeval.claims._design import check_design, check_names, design_of
from faeval.claims._lock import PILOT_SEEDS, Spread
from faeval.claims._measure import Evidence, Measurement
from faeval.claims._tests import tests_of
from faeval.errors import FaevalError


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
