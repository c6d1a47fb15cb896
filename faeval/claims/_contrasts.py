"""The tests that a claim comes down to: contrasts of faeval.stats, with the words that say what
each compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from faeval import stats
from faeval.claims._claim import Assertion, Claim
from faeval.claims._estimand import Estimand
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
    sides: tuple[Estimand, Estimand]
    agreement: Literal["mean", "layers"] | None = None


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
    if effect is None and assertion.kind in ("equivalent", "agree"):
        effect = 0.0
    if assertion.kind != "agree":
        sides = assertion.a, assertion.b
        return (Part(str(assertion), assertion.kind, margin, a, b, assertion, effect, sides),)
    share = f"{100 * stats.AGREEMENT:g} % quantile"
    mean, most = (
        f"{a} equals {b} within {margin:g}, on average",
        f"the {share} over layers of |{a} - {b}| is below {margin:g}",
    )
    spread = f"{share} of |{a} - {b}|"
    both = assertion.a, assertion.b
    apart = assertion.a - assertion.b, Estimand(constant=margin)
    return (
        Part(mean, "equivalent", margin, a, b, assertion, effect, both, "mean"),
        Part(most, "below", 0.0, spread, f"{margin:g}", assertion, None, apart, "layers"),
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
