"""Compute the numbers that a report must show from its table of evidence.

The code that decides and shows has no part in it.

Values, means, spreads, t intervals and t-tests are made again from the rows, by NumPy and SciPy
alone. What takes the whole of ``faeval.stats`` (levels of a family, power, e-values, tests that are
no t-test) is taken from the verdict, unrounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval.claims import (
    Assertion,
    AssertionResult,
    Claim,
    Estimand,
    Read,
    Verdict,
    as_claimed,
    design_of,
)
from faeval.reports.data._report import Report
from faeval.stats import RULES, nominal_level, region_of

if TYPE_CHECKING:
    import pandas as pd

    from faeval.claims import Design

Array = NDArray[np.float64]
#: Value and status by epoch, seed and layer.
Cells: TypeAlias = dict[tuple[int | None, int, int | None], tuple[float, str] | None]


class Rows:
    """The rows of one setting by arm and metric."""

    def __init__(self, table: pd.DataFrame | None) -> None:
        self._groups = {} if table is None else dict(iter(table.groupby(["arm", "metric"])))
        self._cells: dict[tuple[str, str], Cells] = {}

    def cells(self, arm: str, metric: str) -> Cells:
        """Return each number of a metric of an arm with its status; None where one stands twice."""
        if (arm, metric) not in self._cells:
            cells: Cells = {}
            rows = self._groups.get((arm, metric))
            columns = ("epoch", "seed", "layer", "value", "status")
            each = () if rows is None else zip(*(rows[c].tolist() for c in columns), strict=True)
            for epoch, seed, layer, value, status in each:
                key = (_whole(epoch), int(seed), _whole(layer))
                cells[key] = None if key in cells else (float(value), str(status))
            self._cells[arm, metric] = cells
        return self._cells[arm, metric]

    def estimand(self, estimand: Estimand, seeds: Sequence[int], design: Design) -> Array | None:
        """Return one number for each seed.

        It is None where it takes more than an average over rows that are all there and measured.
        """
        total = np.full(len(seeds), estimand.constant)
        for weight, atom in estimand.terms:
            if isinstance(atom, Read):
                part = self._read(atom, seeds, design)
            else:
                inner = self.estimand(atom.inner, seeds, design)
                part = np.log10(inner) if inner is not None and (inner > 0).all() else None
            if part is None:
                return None
            total = total + weight * part
        return total

    def _read(self, read: Read, seeds: Sequence[int], design: Design) -> Array | None:
        cells = self._cells_at(read, design)
        states: Sequence[int | None] = (None,)
        if read.layers is not None:
            states = design.states(read, {layer for _, layer in cells if layer is not None})
            cells = {key: cell for key, cell in cells.items() if key[1] in states}
        means = []
        for seed in seeds:
            own = [cell for (of, _), cell in cells.items() if of == seed]
            values = [cell[0] for cell in own if cell is not None and cell[1] == "measured"]
            if not len(values) == len(own) == len(states):
                return None
            means.append(np.mean(values))
        return np.array(means)

    def _cells_at(
        self, read: Read, design: Design
    ) -> dict[tuple[int, int | None], tuple[float, str] | None]:
        """Return the cells of what is read by seed and layer, at its epoch or at each run's end."""
        cells = self.cells(design.label(read.arm), read.metric)
        epoch = read.epoch if read.epoch is not None else design.last_epoch(read.arm)
        ends: dict[int, int | None] = dict.fromkeys((seed for _, seed, _ in cells), epoch)
        if epoch is None:  # each run is read at its end
            for when, seed, _ in cells:
                if when is not None:
                    ends[seed] = max(when, ends[seed] or 0)
        at = {(seed, k): cell for (when, seed, k), cell in cells.items() if when == ends[seed]}
        if at or read.epoch is not None:
            return at
        return {(seed, k): cell for (when, seed, k), cell in cells.items() if when is None}


def _whole(value: Any) -> int | None:
    return None if str(value) in ("<NA>", "nan", "None") else int(value)


@dataclass(frozen=True)
class AssertionNumbers:
    """The numbers of one assertion: its sides by seed, and all that follows from them."""

    said: AssertionResult
    verdict: Verdict
    a: Array
    b: Array

    @cached_property
    def differences(self) -> Array:
        return self.a - self.b

    @cached_property
    def estimate(self) -> float:
        if not np.isfinite(self.differences).all() or not len(self.differences):
            return math.nan
        rule = RULES.get(self.verdict.test)
        about_median = rule is not None and rule.about == "median"
        return float(np.median(self.differences) if about_median else self.differences.mean())

    @property
    def _unpaired(self) -> bool:
        return self.verdict.test == "welch"

    @cached_property
    def sd(self) -> float:
        defined = np.isfinite(self.differences).all() and len(self.differences) > 1
        if defined and self._unpaired:
            return math.hypot(self.a.std(ddof=1), self.b.std(ddof=1))
        return float(self.differences.std(ddof=1)) if defined else math.nan

    @cached_property
    def freedom(self) -> float:
        """Return the degrees of freedom; for arms that no seed pairs by Welch and Satterthwaite."""
        n = len(self.differences)
        if not self._unpaired:
            return n - 1
        a, b = float(self.a.var(ddof=1)), float(self.b.var(ddof=1))
        return (n - 1) * (a + b) ** 2 / (a**2 + b**2)

    @property
    def error(self) -> float:
        return self.sd / math.sqrt(len(self.differences)) if len(self.differences) else math.nan

    @cached_property
    def _is_t(self) -> bool:
        """Whether the t-test decides, on numbers that differ by more than rounding."""
        return self.verdict.test in ("t", "welch") and self.sd > 1e-12 * float(
            np.abs(self.differences).max(initial=0.0)
        )

    def bound(self, level: float, sign: int) -> float:
        """Return a one-sided t bound of the mean: the lower one for sign -1."""
        from scipy.special import stdtrit

        return self.estimate + sign * float(stdtrit(self.freedom, 1 - level)) * self.error

    def _two(self, low: float, high: float, said: tuple[float, float]) -> tuple[float, float]:
        by_t = self._is_t and not math.isnan(low) and not math.isnan(said[0])
        return (self.bound(low, -1), self.bound(high, 1)) if by_t else said

    @property
    def interval(self) -> tuple[float, float]:
        return self._two(*self.said.levels, self.said.interval)

    @property
    def ordinary(self) -> tuple[float, float]:
        return self._two(0.05, 0.05, self.said.ordinary)

    @property
    def refuting(self) -> tuple[float, float] | None:
        if self.said.refuting is None:
            return None
        level = self._refuting_level()
        return self._two(level, level, self.said.refuting)

    def _refuting_level(self) -> float:
        if self.verdict.level_refute is None:
            return math.nan
        level = self.verdict.level_refute / (2 * len(self.verdict.assertions))
        return nominal_level(level, self.verdict.looks) if self.verdict.looks else level

    @cached_property
    def p(self) -> tuple[float, float]:
        """For and against the assertion: two one-sided t-tests against the margin."""
        if not self._is_t or self.said.p_support == self.said.p_refute == 1:
            return self.said.p_support, self.said.p_refute
        region = region_of(self.said.kind)
        edges = region.edges(self.said.margin)
        greater = [self._t_test(edge, "greater") for edge in edges]
        less = [self._t_test(edge, "less") for edge in edges]
        if region.two_sided:
            return max(greater[0], less[1]), min(1.0, 2 * min(greater[1], less[0]))
        return (greater[0], less[0]) if region.side == "above" else (less[0], greater[0])

    def _t_test(self, bound: float, alternative: Literal["greater", "less"]) -> float:
        from scipy.stats import ttest_1samp, ttest_ind

        if self._unpaired:
            test = ttest_ind(self.a - bound, self.b, equal_var=False, alternative=alternative)
        else:
            test = ttest_1samp(self.differences, bound, alternative=alternative)
        return float(test.pvalue)


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
    def p(self) -> tuple[float, float]:
        """The p-values of the claim, for it and against it.

        For it, the largest of its k assertions; against it, k times the smallest.
        """
        k = len(self.assertions)
        return max(a.p[0] for a in self.assertions), min(
            1.0, k * min(a.p[1] for a in self.assertions)
        )


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
    parts: list[Assertion | None] = []
    for assertion in claim.assertions if claim else ():
        parts += (
            [None, None] if assertion.region.per_unit else [assertion]
        )  # agreement is no plain contrast
    parts += [None] * (len(verdict.assertions) - len(parts))
    numbers = []
    for result, part in zip(verdict.assertions, parts, strict=False):
        sides = [np.array(result.a.values), np.array(result.b.values)]
        if claim is not None and part is not None:
            design = design_of(claim, setting)
            again = [rows.estimand(side, verdict.seeds, design) for side in (part.a, part.b)]
            sides = [old if new is None else new for old, new in zip(sides, again, strict=True)]
        numbers.append(AssertionNumbers(result, verdict, *sides))
    return ClaimNumbers(
        verdict,
        tuple(numbers),
        tuple(_published(verdict, claim, numbers, setting)),
        _lowest_control(verdict, claim, rows, setting),
    )


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
    for reading in (r for a in claim.assertions for r in a.contrast.reads()):
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
