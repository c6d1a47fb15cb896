"""The tests of a claim: contrasts of faeval.stats, with the words that say what each compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from faeval import stats
from faeval.claims._assertion import Assertion
from faeval.claims._claim import Claim
from faeval.claims._estimand import Estimand
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
    sides: tuple[Estimand, Estimand]
    agreement: Literal["mean", "layers"] | None = None


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
        sides, kind = (assertion.a, assertion.b), cast(stats.Kind, assertion.kind)
        return (ContrastSpec(str(assertion), kind, margin, a, b, assertion, effect, sides),)
    share = f"{100 * stats.AGREEMENT:g} % quantile"
    mean, most = (
        f"{a} equals {b} within {margin:g}, on average",
        f"the {share} over layers of |{a} - {b}| is below {margin:g}",
    )
    spread = f"{share} of |{a} - {b}|"
    both = assertion.a, assertion.b
    apart = assertion.a - assertion.b, Estimand(constant=margin)
    return (
        ContrastSpec(mean, "equivalent", margin, a, b, assertion, effect, both, "mean"),
        ContrastSpec(most, "below", 0.0, spread, f"{margin:g}", assertion, None, apart, "layers"),
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
