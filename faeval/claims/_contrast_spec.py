"""The contrasts that a claim is decided by, as its design knows them, before any value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from faeval import stats
from faeval.claims._assertion import Assertion, Ratio
from faeval.claims._claim import Claim
from faeval.claims._estimand import Atom, Call, Estimand
from faeval.experiment import Metric


@dataclass(frozen=True)
class ContrastSpec:
    """One contrast of a claim as its design knows it, before any value; agreement has two.

    ``kind``, ``margin`` and ``sides`` are those that are tested: of a ratio of runs logarithms.
    ``place`` is the assertion's among those of the claim.
    """

    text: str
    kind: stats.Kind
    margin: float
    a: str
    b: str
    assertion: Assertion
    anticipated: float | None
    sides: tuple[Estimand, Estimand]
    contrast: Estimand
    place: int
    agreement: Literal["mean", "layers"] | None = None

    @property
    def factor(self) -> float | None:
        """The factor of a ratio of means, which multiplies one of the sides; None elsewhere."""
        margin = self.assertion.margin
        return margin.factor if isinstance(margin, Ratio) and margin.of == "means" else None

    @property
    def is_logarithm(self) -> bool:
        """Whether its numbers are decimal logarithms of a ratio."""
        return isinstance(self.assertion.margin, Ratio) and self.factor is None

    @property
    def multiplies_a(self) -> bool:
        """Whether it is the first side that a factor multiplies."""
        return self.factor is not None and stats.region_of(self.kind).sign < 0

    def effect(self, mean: float | None) -> float | None:
        """Return the effect anticipated, counted in the direction of the margin.

        Of a ratio of means it takes the mean of the second side.
        """
        factor, ratio = self.factor, self.assertion.anticipated
        if factor is None:
            return self.anticipated
        if ratio is None and self.assertion.region.two_sided:
            ratio = 1.0
        if ratio is None or mean is None:
            return None
        # a is the ratio times b; of below and not_below b is the ratio times a
        above = self.assertion.region.sign > 0
        a = mean * ratio if above else mean / ratio
        return mean - factor * a if self.multiplies_a else a - factor * mean


def structure_of(claim: Claim, blank: Collection[int] = ()) -> stats.Structure:
    """Return which contrasts of a claim must hold, without the assertions at the places `blank`."""
    places: dict[int, list[int]] = {}
    specs = [spec for spec in contrast_specs(claim) if spec.place not in blank]
    for i, spec in enumerate(specs):
        places.setdefault(spec.place, []).append(i)
    counts = tuple(
        stats.Counted(count.least, tuple(tuple(places.get(i, ())) for i in members))
        for count, members in claim.counted()
    )
    return stats.Structure(len(specs), counts)


def contrast_specs(claim: Claim) -> tuple[ContrastSpec, ...]:
    """Return the contrasts that a claim is decided by."""
    return tuple(
        spec for i, assertion in enumerate(claim.asserted) for spec in _specs(assertion, i)
    )


def _specs(assertion: Assertion, place: int) -> tuple[ContrastSpec, ...]:
    if assertion.region.per_unit:
        return _agreement(assertion, place)
    effect, (text, a, b) = assertion.effect, assertion.texts
    return tuple(
        ContrastSpec(
            text,
            cast(stats.Kind, part.kind),
            part.margin,
            a,
            b,
            assertion,
            effect,
            (part.a, part.b),
            part.contrast,
            place,
        )
        for part in assertion.comparisons
    )


def _agreement(assertion: Assertion, place: int) -> tuple[ContrastSpec, ContrastSpec]:
    (part,) = assertion.comparisons
    a, b, margin = str(assertion.a), str(assertion.b), part.margin
    share = f"{100 * stats.AGREEMENT:g} % quantile"
    mean, most = (
        f"{a} equals {b} within {margin:g}, on average",
        f"the {share} over layers of |{a} - {b}| is below {margin:g}",
    )
    spread = f"{share} of |{a} - {b}|"
    both, contrast = (assertion.a, assertion.b), part.contrast
    apart = contrast, Estimand(constant=margin)
    return (
        ContrastSpec(
            mean,
            "equivalent",
            margin,
            a,
            b,
            assertion,
            assertion.effect,
            both,
            contrast,
            place,
            "mean",
        ),
        ContrastSpec(
            most,
            "below",
            0.0,
            spread,
            f"{margin:g}",
            assertion,
            None,
            apart,
            contrast,
            place,
            "layers",
        ),
    )


def units_of(contrast: Estimand, metrics: Mapping[str, Metric]) -> str:
    """Return the unit of a contrast; "1" for a pure number."""
    units = {_unit_of(atom, metrics) for _, atom in contrast.terms}
    return units.pop() if len(units) == 1 else "mixed units"


def _unit_of(atom: Atom, metrics: Mapping[str, Metric]) -> str:
    if isinstance(atom, Call):
        own = atom.function.unit
        args = [arg for arg, w in zip(atom.args, atom.weights, strict=True) if w or own is None]
        inner = {_unit_of(part, metrics) for arg in args for _, part in arg.terms}
        return own or (inner.pop() if len(inner) == 1 else "mixed units")
    unit = metrics[atom.metric].unit if atom.metric in metrics else "1"
    if atom.course is None:
        return unit
    return f"{unit} x epochs" if atom.course.is_area else "epochs"
