"""Compute the numbers that a report must show from its table of evidence.

The code that decides and shows has no part in it.

Values, functions, means, spreads, ratios, intervals and p-values of t-tests, of spreads and of one
rate, and those of counts are made again from the rows, by NumPy and SciPy alone. What takes the
whole of ``faeval.stats`` (levels of a family, power, e-values, other tests) is taken from the
verdict, unrounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faeval.claims import (
    Assertion,
    AssertionResult,
    Claim,
    CountResult,
    Estimand,
    Ratio,
    Verdict,
    as_claimed,
    design_of,
    log10,
)
from faeval.reports.checking._rows import Rows
from faeval.reports.checking._tests_again import AGAIN, ESTIMATES, PLAIN, Again, confirmed
from faeval.reports.data._outcomes import parts
from faeval.reports.data._report import Report
from faeval.stats import RULES, nominal_level, region_of

if TYPE_CHECKING:
    from faeval.claims import Design

Array = NDArray[np.float64]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class AssertionNumbers:
    """The numbers of one assertion: its sides by seed, and all that follows from them.

    ``censored`` is at how many seeds a run never crossed its threshold, as the rows say; None where
    no rows were read.
    """

    said: AssertionResult
    verdict: Verdict
    a: Array
    b: Array
    censored: int | None = None

    @cached_property
    def differences(self) -> Array:
        rule = RULES.get(self.verdict.test)
        return np.array([]) if rule is not None and rule.sides else self.a - self.b

    @property
    def _is_defined(self) -> bool:
        return bool(len(self.a) and np.isfinite(self.a).all() and np.isfinite(self.b).all())

    @property
    def _estimates(self) -> tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]]:
        again = AGAIN.get(self.verdict.test)
        if again is not None:
            return again.estimate, again.sd
        return ESTIMATES.get(self.verdict.test, PLAIN)

    @cached_property
    def estimate(self) -> float:
        return self._estimates[0](self.a, self.b) if self._is_defined else math.nan

    @cached_property
    def sd(self) -> float:
        is_spread = self._is_defined and min(len(self.a), len(self.b)) > 1
        return self._estimates[1](self.a, self.b) if is_spread else math.nan

    @property
    def error(self) -> float:
        n, m = len(self.a), len(self.b)
        if n != m and self.verdict.test == "welch" and min(n, m) > 1:
            return math.hypot(*(x.std(ddof=1) / math.sqrt(len(x)) for x in (self.a, self.b)))
        return self.sd / math.sqrt(n) if n else math.nan

    @cached_property
    def _again(self) -> Again | None:
        """The test that decides, on numbers that differ by more than rounding; None of others."""
        again = AGAIN.get(self.verdict.test)
        if again is None or self.said.identical or not self._is_defined:
            return None
        sizes = self.differences if len(self.differences) else np.append(self.a, self.b)
        varies = self.sd > 1e-12 * float(np.abs(sizes).max(initial=0.0))
        return again if varies or not again.needs_spread else None

    def _lower(self, again: Again, level: float, said: float) -> float:
        """Return the lower bound; the one that was said where a censored run bars any."""
        return said if self._bars(said) else again.lower(self.a, self.b, level, said)

    def _upper(self, again: Again, level: float, said: float) -> float:
        a, b = again.exchange(self.a, self.b)
        return said if self._bars(said) else -again.lower(a, b, level, -said)

    def _bars(self, said: float) -> bool:
        return bool(self.said.censored) and math.isinf(said)

    def _two(self, low: float, high: float, said: Bounds) -> Bounds:
        again = self._again
        if again is None or math.isnan(low) or math.isnan(said[0]):
            return said
        if said == (-math.inf, math.inf) and self.said.p_support == self.said.p_refute == 1:
            return said
        return self._lower(again, low, said[0]), self._upper(again, high, said[1])

    @property
    def interval(self) -> Bounds:
        return self._two(*self.said.levels, self.said.interval)

    @property
    def ordinary(self) -> Bounds:
        return (
            self.said.ordinary if self.said.censored else self._two(0.05, 0.05, self.said.ordinary)
        )

    @property
    def refuting(self) -> Bounds | None:
        if self.said.refuting is None:
            return None
        level = self._refuting_level()
        return self._two(level, level, self.said.refuting)

    def _refuting_level(self) -> float:
        if self.verdict.level_refute is None:
            return math.nan
        every = parts(self.verdict)
        own = next(i for i, a in enumerate(self.verdict.assertions) if a is self.said)
        share = next(s for part in every for i, _, s in part.shares(len(every)) if i == own)
        level = self.verdict.level_refute / (2 * share)
        return nominal_level(level, self.verdict.looks) if self.verdict.looks else level

    @cached_property
    def p(self) -> Bounds:
        """For and against the assertion: two one-sided tests against the margin."""
        again, own = self._again, (self.said.p_support, self.said.p_refute)
        if again is None or own == (1, 1):
            return own
        region = region_of(self.said.kind)
        edges = region.edges(self.said.margin)
        exchanged = again.exchange(self.a, self.b)
        greater = [again.p_greater(self.a, self.b, edge) for edge in edges]
        less = [again.p_greater(*exchanged, -edge) for edge in edges]
        if region.two_sided:
            pair = max(greater[0], less[1]), min(1.0, 2 * min(greater[1], less[0]))
        else:
            above = greater[0], less[0]
            pair = above if region.side == "above" else above[::-1]
        if not self.said.censored:
            return pair
        # a censored run bars one of the two
        return (1.0 if own[0] == 1 else pair[0], 1.0 if own[1] == 1 else pair[1])

    @cached_property
    def ratio(self) -> tuple[float, Bounds, Bounds | None] | None:
        """The ratio that is claimed with its two intervals; None of a difference."""
        of = self.said.ratio
        if of is None:
            return None
        if of.of != "means":
            refuting = self.refuting
            return (
                _power(self.estimate),
                (_power(self.interval[0]), _power(self.interval[1])),
                None if refuting is None else (_power(refuting[0]), _power(refuting[1])),
            )
        one, other = self.measured_sides
        ratio = float(one.mean() / other.mean()) if len(other) and other.mean() > 0 else math.nan
        return ratio, self._fieller(one, other, of.interval), None

    @property
    def measured_sides(self) -> tuple[Array, Array]:
        """Both sides as they were measured, of a ratio of means or of runs that is tested."""
        of = self.said.ratio
        if of is None or of.of == "spread":
            return self.a, self.b
        if of.of == "runs":
            return 10.0**self.a, 10.0**self.b
        is_above = region_of(self.said.kind).edges(1.0)[0] > 0
        return (self.a, self.b / of.factor) if is_above else (self.a / of.factor, self.b)

    def _fieller(self, one: Array, other: Array, said: Bounds) -> Bounds:
        """Return where the t-test of one less r times the other has its level; none of no end."""
        again = AGAIN["t"]
        levels = self.said.levels
        zero = np.zeros(len(other))
        if self._again is None or math.isnan(levels[0]):
            return said
        if any(again.lower(other, zero, level, 0.0) <= 0 for level in levels):
            return math.nan, math.nan
        if math.isnan(said[0]):
            return -math.inf, math.inf  # there is one, and none is said
        low = confirmed(lambda r: again.p_greater(one, r * other, 0.0), levels[0], said[0])
        high = confirmed(lambda r: again.p_greater(-one, r * other, 0.0), levels[1], -said[1])
        return low, -high


def _power(exponent: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.power(10.0, exponent))


@dataclass(frozen=True)
class ClaimNumbers:
    """The numbers of one claim."""

    verdict: Verdict
    assertions: tuple[AssertionNumbers, ...]
    published: tuple[tuple[Mapping[str, Any], float | None], ...]  #: each figure with ours
    lowest_control: tuple[float, int] | None = (
        None  #: float64's, over so many states that the claim reads
    )

    @property
    def p(self) -> Bounds:
        """The p-values of the claim, for it and against it.

        For it, the largest of its k parts; against it, k times the smallest.
        """
        pairs = [
            self.of_count(part.count)[:2]
            if part.count is not None
            else self.assertions[part.places[0]].p
            for part in parts(self.verdict)
        ]
        return max(p for p, _ in pairs), min(1.0, len(pairs) * min(q for _, q in pairs))

    def of_count(self, count: CountResult) -> tuple[float, float, int, int]:
        """Return both p-values of a count, the estimates beyond, and how many hold at least."""
        members = [[self.assertions[i] for i in places] for places in count.members]
        k, u = len(members), count.least
        yes = sorted(max((a.p[0] for a in own), default=1.0) for own in members)
        no = sorted(
            min(1.0, len(own) * min((a.p[1] for a in own), default=1.0)) if own else 1.0
            for own in members
        )
        beyond = sum(bool(own) and all(map(_is_beyond, own)) for own in members)
        level = self.verdict.level_support or 0.0
        holding = 0
        while holding < k and min(1.0, (k - holding) * yes[holding]) <= level:
            holding += 1
        return min(1.0, (k - u + 1) * yes[u - 1]), min(1.0, u * no[k - u]), beyond, holding


def _is_beyond(a: AssertionNumbers) -> bool:
    low, high = region_of(a.said.kind).bounds(a.said.margin)
    return low < a.estimate < high


@dataclass(frozen=True)
class ReportNumbers:
    """The numbers of a report: of its claims by name, and the rows that they are made of."""

    claims: Mapping[str, ClaimNumbers]
    verdicts: tuple[Verdict, ...]
    counts: Mapping[str, int]
    rows: Rows


def recompute(report: Report, claims: Sequence[Claim] = ()) -> ReportNumbers:
    """Return the numbers that a report must show.

    Parameters
    ----------
    report
        The report with its table of evidence; without one, or for claims that are not given, sides
        come from the verdicts.
    claims
        Its claims, which say what is read of the rows.
    """
    claims_by_name = {claim.name: claim for claim in claims}
    table = report.evidence
    if table is not None:
        table = as_claimed(table[table["setting"] == report.setting], claims, report.setting)
    rows = Rows(table)
    numbers = {
        v.claim: _claim_numbers(v, claims_by_name.get(v.claim), rows, report.setting)
        for v in report.verdicts
    }
    return ReportNumbers(numbers, report.verdicts, report.counts, rows)


def _claim_numbers(verdict: Verdict, claim: Claim | None, rows: Rows, setting: str) -> ClaimNumbers:
    tested = _tested(claim, verdict) if claim else []
    tested += [None] * (len(verdict.assertions) - len(tested))
    numbers = []
    for result, pair in zip(verdict.assertions, tested, strict=False):
        sides, cut = [np.array(result.a.values), np.array(result.b.values)], None
        if claim is not None and pair is not None:
            design = design_of(claim, setting)
            seeds = [side.seeds or verdict.seeds for side in (result.a, result.b)]
            again = [rows.estimand(*side, design) for side in zip(pair, seeds, strict=True)]
            sides = [old if new is None else new for old, new in zip(sides, again, strict=True)]
            if all(new is not None for new in again) and len(seeds[0]) == len(seeds[1]):
                cut = int(rows.censored(pair[0] - pair[1], seeds[0], design).sum())
        numbers.append(AssertionNumbers(result, verdict, sides[0], sides[1], cut))
    return ClaimNumbers(
        verdict,
        tuple(numbers),
        tuple(_published(verdict, claim, numbers, setting)),
        _lowest_control(verdict, claim, rows, setting),
    )


def _tested(claim: Claim, verdict: Verdict) -> list[tuple[Estimand, Estimand] | None]:
    """Return both sides of each contrast of a verdict as they are tested; None of agreement.

    Assertions of a count of which nothing was measured have none.
    """
    blank = {
        place
        for (_, places), result in zip(claim.counted(), verdict.counts, strict=False)
        for place, member in zip(places, result.members, strict=False)
        if not member
    }
    return [
        pair
        for i, assertion in enumerate(claim.asserted)
        if i not in blank
        for pair in _pairs(assertion)
    ]


def _pairs(assertion: Assertion) -> list[tuple[Estimand, Estimand] | None]:
    a, b, margin = assertion.a, assertion.b, assertion.margin
    if assertion.region.per_unit:
        return [None, None]
    if not isinstance(margin, Ratio) or assertion.spreads:
        return [(a, b)]
    if margin.of == "runs":
        return [(log10(a), log10(b))]
    above, below = (a, margin.factor * b), (margin.factor * a, b)
    edges = assertion.region.edges(1.0)
    if len(edges) > 1:
        return [above, below]
    return [above if edges[0] > 0 else below]


def _lowest_control(
    verdict: Verdict, claim: Claim | None, rows: Rows, setting: str
) -> tuple[float, int] | None:
    """Return the lowest positive control of float64 where the claim reads, and the count of states.

    It is None where one of these states has no control.
    """
    if claim is None or not verdict.seeds:
        return None
    states = _states_read(verdict.seeds, claim, design_of(claim, setting))
    if states is None:
        return None
    cells = [
        rows.cells(label, "control_true").get((epoch, seed, layer))
        for label, epoch, seed, layer in states
    ]
    values = [cell[0] for cell in cells if cell is not None and cell[1] == "measured"]
    return (min(values), len(values)) if values and len(values) == len(cells) else None


def _states_read(
    seeds: Sequence[int], claim: Claim, design: Design
) -> set[tuple[str, int, int, int]] | None:
    """Return arm, epoch, seed and layer of what a claim reads; None where an epoch is unknown."""
    states: set[tuple[str, int, int, int]] = set()
    for reading in (r for a in claim.asserted for r in a.contrast.reads()):
        if reading.layers is None:
            continue
        epoch = reading.epoch if reading.epoch is not None else design.last_epoch(reading.arm)
        if epoch is None:
            return None
        label, layers = design.label(reading.arm), design.states(reading, set())
        states |= {(label, epoch, seed, layer) for seed in seeds for layer in layers}
    return states


def _published(
    verdict: Verdict, claim: Claim | None, made: Sequence[AssertionNumbers], setting: str
) -> Iterator[tuple[Mapping[str, Any], float | None]]:
    figures = [g for g in claim.published if g.get("setting", setting) == setting] if claim else []
    for i, figure in enumerate(verdict.published):
        ours = figure.get("ours")
        if ours is not None and i < len(figures):
            of = made[figures[i].get("assertion", 0)]
            sides = {None: of.differences, "a": of.a, "b": of.b}
            ours = float(sides[figures[i].get("side")].mean())
        yield figure, ours
