"""The tests that a claim comes down to: contrasts of faeval.stats, with the words that say what
each compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from faeval import stats
from faeval.claims._claim import Assertion, Claim
from faeval.claims._measure import Measurement


@dataclass(frozen=True)
class Part:
    """One test of a claim as its design knows it, before any value: agreement has two, any other
    assertion one.
    """

    text: str
    kind: stats.Kind
    margin: float
    a: str
    b: str
    assertion: Assertion
    anticipated: float | None


@dataclass(frozen=True)
class Test:
    """A part of a claim with its values over seeds."""

    part: Part
    contrast: stats.Contrast


def parts_of(claim: Claim) -> tuple[Part, ...]:
    """Return the tests that a claim comes down to."""
    return tuple(part for assertion in claim.assertions for part in _parts(assertion))


def _parts(assertion: Assertion) -> tuple[Part, ...]:
    a, b, margin = str(assertion.a), str(assertion.b), assertion.margin.value
    effect = assertion.anticipated
    if effect is None and assertion.region.two_sided:
        effect = 0.0
    if not assertion.region.per_unit:
        return (
            Part(str(assertion), cast(stats.Kind, assertion.kind), margin, a, b, assertion, effect),
        )
    share = f"{100 * stats.AGREEMENT:g} % quantile"
    mean, most = (
        f"{a} equals {b} within {margin:g}, on average",
        f"the {share} over layers of |{a} - {b}| is below {margin:g}",
    )
    return (
        Part(mean, "equivalent", margin, a, b, assertion, effect),
        Part(most, "below", 0.0, f"{share} of |{a} - {b}|", f"{margin:g}", assertion, None),
    )


def tests_of(claim: Claim, measurement: Measurement) -> tuple[Test, ...]:
    """Return the tests of a claim over the seeds measured."""
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
    return tuple(map(Test, parts_of(claim), contrasts))
