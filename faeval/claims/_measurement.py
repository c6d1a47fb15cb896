"""From evidence to one number per seed: the only way from rows to what statistics see.

These are contrasts of faeval.stats, with the words that say what each compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.claims._assertion import Assertion, Comparison, Margin
from faeval.claims._claim import Claim
from faeval.claims._contrast_spec import ContrastSpec, contrast_specs
from faeval.claims._design import Design
from faeval.claims._estimand import Call, Estimand, Read
from faeval.claims._evidence_index import Cell, EvidenceIndex
from faeval.experiment import METRICS, Arm, Metric

#: Of each seed whether the true value may be lower than the one read, and whether higher.
Censored: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]
#: Item-block rows METRIC@1 .. METRIC@8.
ITEM_BLOCKS = 8
#: How the run column names a run by the hash of its weights.
WEIGHTS = "sha256:"


class Measurement:
    """What one claim reads, over one list of seeds.

    Where ``apart`` each arm has those of the seeds that there are rows of it at: sides that no seed
    pairs may have seeds of their own, and as many as they have.
    """

    def __init__(
        self,
        claim: Claim,
        evidence: EvidenceIndex,
        design: Design,
        seeds: Sequence[int],
        apart: bool = False,
        rule: stats.Rule | None = None,
    ) -> None:
        self.claim, self.evidence, self.design, self.seeds = claim, evidence, design, tuple(seeds)
        self.apart = apart and _may_be_apart(claim)
        self.rule = rule or stats.rule_of(design.rule(claim))
        self.reads = claim.reads()
        self.groups = {reading: evidence.group(reading, design) for reading in self.reads}
        self.seeds_of = {reading: self._own_seeds(reading) for reading in self.reads}
        self.layers: dict[Read, tuple[int | None, ...]] = {
            reading: self._layers(reading) for reading in self.reads
        }
        # How many of the rows wanted are there: of each read, at each seed.
        self.present = {reading: self._count(reading) for reading in self.reads}
        with_rows = {
            seed for counts in self.present.values() for seed, count in counts.items() if count
        }
        self._absent = tuple(seed for seed in self.seeds if seed not in with_rows)

    @cached_property
    def reads_courses(self) -> bool:
        """Whether it reads a number over all epochs of a run."""
        return any(reading.course is not None for reading in self.reads)

    def ends(self) -> dict[Read, dict[int, int]]:
        """Return the epoch at which the run of each seed ends, by read.

        Of reads alone whose epoch neither the claim nor the setting says.
        """
        last_epochs = {
            reading: self._last_epochs(reading)
            for reading in self.reads
            if self._is_at_end(reading)
        }
        with_epoch = {r for r, ends in last_epochs.items() if any(e >= 0 for e in ends.values())}
        # A metric that no run has at an epoch, such as a size, is of its arm's runs as they are,
        # whenever another is read. But of a metric that some runs have at an epoch, and of arms of
        # which nothing says one, the epoch is not known.
        metrics = {reading.metric for reading in with_epoch}
        arms = {reading.arm for reading in with_epoch}
        return {
            r: ends
            for r, ends in last_epochs.items()
            if with_epoch
            and (r in with_epoch or (ends and (r.metric in metrics or r.arm not in arms)))
        }

    def _is_at_end(self, reading: Read) -> bool:
        """Whether a run is read at its end, which neither the claim nor the setting says."""
        says = reading.epoch is not None or reading.course is not None
        return not says and self.design.last_epoch(reading.arm) is None

    def _last_epochs(self, reading: Read) -> dict[int, int]:
        """Return the last epoch of each seed's run; of runs that diverged none."""
        ends = self.evidence.ends(reading.metric, self.design.label(reading.arm))
        group = self.groups[reading].items()
        lost = {seed for (seed, _), cell in group if cell.status == "diverged"}
        return {seed: ends[seed] for seed in self.seeds if seed in ends and seed not in lost}

    def _own_seeds(self, reading: Read) -> tuple[int, ...]:
        """Return the seeds of an arm: all of the plan, or those that it has rows at."""
        if not self.apart:
            return self.seeds
        there = {
            seed
            for other in self.reads
            if other.arm == reading.arm
            for seed, _ in self.groups[other]
        }
        return tuple(seed for seed in self.seeds if seed in there)

    def at(self, seeds: Sequence[int]) -> Measurement:
        """Return the same over other seeds."""
        return Measurement(self.claim, self.evidence, self.design, seeds, self.apart, self.rule)

    def first(self, n: int) -> Measurement:
        """Return the same over the first n of its seeds."""
        return self if n >= len(self.seeds) else self.at(self.seeds[:n])

    def failed_seeds(self, arm: Arm) -> set[int]:
        """Return the seeds at which a run of an arm diverged."""
        return {
            seed
            for reading, seed, _, cell in self.cells()
            if cell.status == "diverged" and reading.arm == arm
        }

    def _layers(self, read: Read) -> tuple[int | None, ...]:
        if read.layers is None:
            return (None,)
        return self.design.states(
            read, {lay for _, lay in self.groups[read] if lay is not None}
        ) or (None,)

    def _count(self, read: Read) -> dict[int, int]:
        group, layers = self.groups[read], self.layers[read]
        return {
            seed: sum((seed, layer) in group for layer in layers) for seed in self.seeds_of[read]
        }

    def cells(self) -> Iterable[tuple[Read, int, int | None, Cell]]:
        """Yield every cell that the claim reads at its seeds."""
        for reading in self.reads:
            group, layers = self.groups[reading], self.layers[reading]
            for seed in self.seeds_of[reading]:
                for layer in layers:
                    cell = group.get((seed, layer))
                    if cell is not None:
                        yield reading, seed, layer, cell

    def absent(self) -> tuple[int, ...]:
        """Return the seeds that nothing at all was measured at."""
        return self._absent

    def complete(self, seed: int) -> bool:
        """Return whether all rows of a seed are there."""
        return all(
            counts.get(seed, len(self.layers[reading])) == len(self.layers[reading])
            for reading, counts in self.present.items()
        )

    def run(self, read: Read, seed: int) -> str:
        """Return how evidence names the run behind a number; empty where it is not there."""
        cell = self.groups[read].get((seed, self.layers[read][0]))
        return cell.run if cell is not None else ""

    def seed_used(self) -> bool:
        """Return whether other seeds gave other runs: values that vary, or weights that do."""
        for reading in self.reads:
            runs = {self.run(reading, seed) for seed in self.seeds_of[reading]}
            if len(runs) > 1 and all(run.startswith(WEIGHTS) for run in runs):
                return True
            if (np.ptp(self._read(reading), axis=0) > 0).any() or self._curves_vary(reading):
                return True
        return False

    def _curves_vary(self, reading: Read) -> bool:
        """Whether runs of other seeds go other ways, though they may cross a threshold together."""
        if reading.course is None:
            return False
        label = self.design.label(reading.arm)
        return self.evidence.varies(reading.metric, label, self.seeds)

    def resolution(self, contrast: Estimand) -> float:
        """Return the smallest known step of a contrast; 0 where none is declared."""
        terms = ((abs(w), atom) for w, atom in contrast.terms if isinstance(atom, Read))
        return max((weight * self.metric(read).resolution for weight, read in terms), default=0.0)

    def range_of(self, estimand: Estimand) -> tuple[float, float]:
        """Return the least and the largest value that an estimand can have, by declared ranges."""
        low = high = estimand.constant
        for weight, atom in estimand.terms:
            if isinstance(atom, Read):
                ends = self.metric(atom).low, self.metric(atom).high
            else:
                ends = atom.function.range(*zip(*map(self.range_of, atom.args), strict=True))
            low, high = (
                low + min(weight * end for end in ends),
                high + max(weight * end for end in ends),
            )
        return low, high

    def sizes(self, contrast: Estimand) -> NDArray[np.float64]:
        """Return the largest term of a contrast at each seed."""
        largest = np.zeros(self._rows(contrast))
        for weight, atom in contrast.terms:
            if isinstance(atom, Read):
                size = np.abs(self._read(atom)).max(axis=1)
            elif atom.op == "log10":
                size = np.abs(self._call(atom, -1.0))
            else:  # what it is made of, which may cancel
                parts = zip(atom.weights, atom.args, strict=True)
                size = np.max([max(1.0, abs(w)) * self.sizes(arg) for w, arg in parts], axis=0)
            largest = np.maximum(largest, abs(weight) * size)
        return largest

    def _rows(self, side: Estimand) -> int:
        return min(
            (len(self.seeds_of[reading]) for reading in side.reads()), default=len(self.seeds)
        )

    def metric(self, read: Read) -> Metric:
        """Return what is known of a read's metric; of a number over all epochs, nothing."""
        if read.course is not None:
            return Metric(f"{read.course} of {read.metric}")
        metrics = self.design.experiment.metrics if self.design.experiment else METRICS
        metric = metrics.get(read.metric) or _unknown(read.metric)
        if (read.outcome or metric.outcome) == "rate":
            return replace(metric, outcome="rate", low=0.0, high=1.0, resolution=0.0)
        return metric

    def values(self, compared: Comparison) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both sides of a comparison, call only where nothing is missing.

        One number a seed, shape (seeds,); for agreement one for each unit (layer) too, shape
        (seeds, units).
        """
        region = stats.region_of(compared.kind)
        if region.per_unit:
            return self._per_layer(compared.a), self._per_layer(compared.b)
        # "worst" is the end of the range that makes a - b speak against the assertion.
        against = 1.0 if region.low == -math.inf else -1.0
        return self.evaluate(compared.a, against), self.evaluate(compared.b, -against)

    def evaluate(self, estimand: Estimand, against: float = -1.0) -> NDArray[np.float64]:
        """Return an estimand at each seed; a diverged run at the end that `against` says."""
        total = np.full(self._rows(estimand), estimand.constant)
        with np.errstate(over="ignore", invalid="ignore"):
            for weight, atom in estimand.terms:
                sign = against * math.copysign(1.0, weight)
                if isinstance(atom, Read):
                    total = total + weight * self._read(atom, sign).mean(axis=1)
                else:
                    total = total + weight * self._call(atom, sign)
        return total

    def _call(self, call: Call, against: float) -> NDArray[np.float64]:
        args = [
            self.evaluate(arg, against * math.copysign(1.0, weight))
            for weight, arg in zip(call.weights, call.args, strict=True)
        ]
        return call.function.of(np.stack(args, axis=1), call.numbers)

    def _read(self, read: Read, against: float = -1.0) -> NDArray[np.float64]:
        metric, group = self.metric(read), self.groups[read]
        worst = metric.low if against < 0 else metric.high
        rows = [
            [
                worst if (c := group[seed, layer]).status == "diverged" else c.value
                for layer in self.layers[read]
            ]
            for seed in self.seeds_of[read]
        ]
        return np.array(rows, dtype=np.float64)

    def censored(self, estimand: Estimand) -> Censored:
        """Return at which seeds the true value may be lower or higher than the one read.

        A run that never crossed a threshold is known only to take longer than it lasted.
        """
        low, high = (np.zeros(self._rows(estimand), dtype=bool) for _ in range(2))
        for weight, atom in estimand.terms:
            parts = (
                [(1.0, self._cut_off(atom))]
                if isinstance(atom, Read)
                else [
                    (own, self.censored(arg))
                    for own, arg in zip(atom.weights, atom.args, strict=True)
                ]
            )
            for own, (lower, higher) in parts:
                if weight * own < 0:
                    lower, higher = higher, lower
                low, high = low | lower, high | higher
        return low, high

    def _cut_off(self, read: Read) -> Censored:
        group, seeds = self.groups[read], self.seeds_of[read]
        cut = [any(group[seed, layer].censored for layer in self.layers[read]) for seed in seeds]
        return np.zeros(len(seeds), dtype=bool), np.array(cut, dtype=bool)

    def _per_layer(self, estimand: Estimand) -> NDArray[np.float64]:
        ((weight, atom),) = estimand.terms
        if isinstance(atom, Read):
            return weight * self._read(atom)
        (inner,) = atom.args[0].reads()
        layers = self._read(inner)
        of = atom.function.of
        return weight * np.stack([of(layer[:, None], ()) for layer in layers.T], axis=1)

    def item_error(self, contrast: Estimand) -> float | None:
        """Return the standard error of the seed-mean contrast over evaluation items.

        None where it is not recorded.

        From rows METRIC@1 .. METRIC@8, the metric on 8 fixed disjoint blocks of the items.
        """
        blocks = []
        for k in range(1, ITEM_BLOCKS + 1):
            if not all(self.evidence.group(_block(r, k), self.design) for r in contrast.reads()):
                return None
            of_block = contrast.with_reads(partial(_block, k=k))
            block = Measurement(_only(self.claim, of_block), self.evidence, self.design, self.seeds)
            block.layers = {_block(r, k): self.layers[r] for r in self.layers}
            if any(c.status != "measured" or not math.isfinite(c.value) for *_, c in block.cells()):
                return None
            if any(
                (s, lay) not in block.groups[r]
                for r in block.reads
                for s in self.seeds
                for lay in block.layers[r]
            ):
                return None
            blocks.append(block.evaluate(of_block))
        error = stats.item_error(np.array(blocks).T)
        return error if math.isfinite(error) else None


_unknown = lru_cache(maxsize=1024)(Metric)


def _may_be_apart(claim: Claim) -> bool:
    """Whether arms may have seeds of their own: two, of one assertion, that no seed pairs."""
    if claim.is_paired or len(claim.asserted) > 1:
        return False
    (assertion,) = claim.asserted
    sides = (assertion.a, assertion.b)
    return all(len({reading.arm for reading in side.reads()}) == 1 for side in sides)


def _block(read: Read, k: int) -> Read:
    return replace(read, metric=f"{read.metric}@{k}")


def _only(claim: Claim, contrast: Estimand) -> Claim:
    lone = Assertion("exceeds", contrast, Estimand(), Margin(0.0, "blocks of items"))
    return claim.named(assertions=(lone,))


@dataclass(frozen=True)
class MeasuredContrast:
    """A contrast of a claim with its values over seeds."""

    spec: ContrastSpec
    contrast: stats.Contrast


def measured_contrasts(
    measurement: Measurement, specs: Sequence[ContrastSpec] | None = None
) -> tuple[MeasuredContrast, ...]:
    """Return the contrasts of what a measurement reads, with their values over its seeds.

    ``specs`` are those of the claim that it was made for, where it reads a part of it.
    """
    contrasts = [
        contrast
        for assertion in measurement.claim.asserted
        for part in assertion.comparisons
        for contrast in _contrasts(part, measurement)
    ]
    own = contrast_specs(measurement.claim) if specs is None else specs
    return tuple(map(MeasuredContrast, own, contrasts))


def _contrasts(part: Comparison, m: Measurement) -> tuple[stats.Contrast, ...]:
    contrast, apart = part.contrast, m.apart
    return stats.contrasts(
        part.kind,
        *m.values(part),
        part.margin,
        resolution=m.resolution(contrast),
        sizes=np.concatenate([m.sizes(part.a), m.sizes(part.b)]) if apart else m.sizes(contrast),
        reach=m.range_of(contrast),
        censored=m.censored(contrast) if m.reads_courses and not m.rule.sides else None,
        paired=not apart,
    )
