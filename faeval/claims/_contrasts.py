"""The tests that a claim comes down to: contrasts of faeval.stats, with the words that say what
each compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from faeval import stats
from faeval.claims._assertion import Assertion
from faeval.claims._claim import Claim
from faeval.claims._measurement import Measurement


@dataclass(frozen=True)
class ContrastSpec:
    """One contrast of a claim as its design knows it, before any value; agreement has two."""

    text: str
    kind: stats.Kind
    margin: float
    a: str
    b: str
    assertion: Assertion
    anticipated: float | None


@dataclass(frozen=True)
class MeasuredContrast:
    """A contrast of a claim with its values over seeds."""

    spec: ContrastSpec
    contrast: stats.Contrast


def contrast_specs(claim: Claim) -> tuple[ContrastSpec, ...]:
    """Return the contrasts that a claim is decided by."""
    return tuple(spec for assertion in claim.assertions for spec in _specs(assertion))


def _specs(assertion: Assertion) -> tuple[ContrastSpec, ...]:
    a, b, margin = str(assertion.a), str(assertion.b), assertion.margin.value
    effect = assertion.anticipated
    if effect is None and assertion.region.two_sided:
        effect = 0.0
    if not assertion.region.per_unit:
        return (
            ContrastSpec(
                str(assertion), cast(stats.Kind, assertion.kind), margin, a, b, assertion, effect
            ),
        )
    share = f"{100 * stats.AGREEMENT:g} % quantile"
    mean, most = (
        f"{a} equals {b} within {margin:g}, on average",
        f"the {share} over layers of |{a} - {b}| is below {margin:g}",
    )
    return (
        ContrastSpec(mean, "equivalent", margin, a, b, assertion, effect),
        ContrastSpec(most, "below", 0.0, f"{share} of |{a} - {b}|", f"{margin:g}", assertion, None),
    )


def measured_contrasts(claim: Claim, measurement: Measurement) -> tuple[MeasuredContrast, ...]:
    """Return the contrasts of a claim with their values over the seeds measured."""
    contrasts = [
        contrast
        for assertion in claim.assertions
        for contrast in stats.contrasts(
            assertion.kind,
            *measurement.values(assertion),
            assertion.margin.value,
            resolution=measurement.resolution(assertion),
            sizes=measurement.sizes(assertion),
        )
    ]
    return tuple(map(MeasuredContrast, contrast_specs(claim), contrasts))
