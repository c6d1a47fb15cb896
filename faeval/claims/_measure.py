"""From evidence to one number per seed: the only way from rows to what statistics see."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.claims._claim import Assertion, Claim
from faeval.claims._design import Design, Problem
from faeval.claims._estimand import Estimand, Log10, Read
from faeval.experiment import METRICS, Metric

#: Item-block rows METRIC@1 .. METRIC@8.
ITEM_BLOCKS = 8
#: METRIC!PROPERTY is 1 where the metric holds that property.
_HOLDS = "!"
#: Properties that no number in evidence needs: audits give plain float64 signals, without a gradient graph, on one device.
_NOT_NEEDED = frozenset(
    {"float32", "float16", "arguments of two types", "NumPy arrays agree", "arguments that require gradients"}
)
_WEIGHTS = "sha256:"  # how the run column names a run by the hash of its weights


@dataclass(frozen=True)
class Cell:
    """One row's number, how far it can be trusted, and the run that it came from; ``copies`` has those of rows of one key."""

    value: float
    status: str
    run: str
    copies: tuple[float, ...] = ()


class Evidence:
    """A table of one setting, indexed by what estimands ask for."""

    def __init__(self, table: Any) -> None:
        self.cells: dict[tuple[str, str, int | None], dict[tuple[int, int | None], Cell]] = {}
        self.epochs: dict[str, int] = {}
        self.seeds_of: dict[str, set[int]] = {}
        #: (metric, arm) to the properties that the metric was found to fail when it audited that arm.
        self.failed: dict[tuple[str, str], set[str]] = {}
        epoch = [None if e < 0 else e for e in table["epoch"].fillna(-1).astype("int64").tolist()]
        layer = [None if v < 0 else v for v in table["layer"].fillna(-1).astype("int64").tolist()]
        columns = (table[c].tolist() for c in ("metric", "arm", "seed", "value", "status", "run"))
        metrics, arms, seeds, values, statuses, runs = columns
        for m, a, e, s, lay, v, st, run in zip(metrics, arms, epoch, seeds, layer, values, statuses, runs, strict=True):
            if _HOLDS in m:
                name, _, tried = m.partition(_HOLDS)
                if not (v == 1 and st == "measured"):
                    self.failed.setdefault((name, a), set()).add(tried)
                continue
            group = self.cells.setdefault((m, a, e), {})
            self.seeds_of.setdefault(a, set()).add(s)
            before = group.get((s, lay))
            group[s, lay] = Cell(
                v, st, run, ((*before.copies, v) if before.copies else (before.value, v)) if before else ()
            )
            if e is not None and e > self.epochs.get(a, -1):
                self.epochs[a] = e

    def seeds(self, arms: Iterable[str]) -> tuple[int, ...]:
        """Return every seed that any of the arms has rows of."""
        return tuple(sorted(set().union(*(self.seeds_of.get(arm, ()) for arm in arms))))

    def epochs_of(self, metric: str, arm: str) -> tuple[int, ...]:
        """Return the epochs that an arm has rows of a metric at."""
        return tuple(sorted(e for m, a, e in self.cells if m == metric and a == arm and e is not None))

    def group(self, read: Read, design: Design) -> dict[tuple[int, int | None], Cell]:
        """Return the cells of a read's metric, arm and epoch, by (seed, layer)."""
        label = design.label(read.arm)
        last = design.last_epoch(read.arm)
        epoch = read.epoch if read.epoch is not None else last if last is not None else self.epochs.get(label)
        group = self.cells.get((read.metric, label, epoch))
        if group is None and read.epoch is None:  # rows without an epoch are of the run's end, of no epoch asked for
            group = self.cells.get((read.metric, label, None))
        return group or {}


class Measurement:
    """What one claim reads, over one list of seeds."""

    def __init__(self, claim: Claim, evidence: Evidence, design: Design, seeds: Sequence[int]) -> None:
        self.claim, self.evidence, self.design, self.seeds = claim, evidence, design, tuple(seeds)
        self.reads = tuple(dict.fromkeys(r for a in claim.assertions for r in a.contrast.reads()))
        self.groups = {read: evidence.group(read, design) for read in self.reads}
        self.layers: dict[Read, tuple[int | None, ...]] = {read: self._layers(read) for read in self.reads}
        # Rows of each (read, seed): how many of those wanted are there.
        self.present = {
            (read, seed): sum((seed, layer) in self.groups[read] for layer in self.layers[read])
            for read in self.reads
            for seed in self.seeds
        }

    def _layers(self, read: Read) -> tuple[int | None, ...]:
        if read.layers is None:
            return (None,)
        return self.design.states(read, {lay for _, lay in self.groups[read] if lay is not None}) or (None,)

    def cells(self) -> Iterable[tuple[Read, int, int | None, Cell]]:
        """Yield every cell that the claim reads at its seeds."""
        for read in self.reads:
            for seed in self.seeds:
                for layer in self.layers[read]:
                    cell = self.groups[read].get((seed, layer))
                    if cell is not None:
                        yield read, seed, layer, cell

    def absent(self) -> tuple[int, ...]:
        """Return the seeds that nothing at all was measured at."""
        return tuple(s for s in self.seeds if not any(self.present[r, s] for r in self.reads))

    def complete(self, seed: int) -> bool:
        """Return whether all rows of a seed are there."""
        return all(self.present[r, seed] == len(self.layers[r]) for r in self.reads)

    def missing(self) -> Problem | None:
        """Return what rows are lacking, apart from seeds that are wholly absent."""
        if len(self.absent()) == len(self.seeds):
            return Problem("inconclusive", "not_run", "no row of what it reads was found; run it first.")
        gaps = [
            f"{read} at seed {seed}"
            for (read, seed), count in self.present.items()
            if count < len(self.layers[read]) and seed not in self.absent()
        ]
        if gaps:
            more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
            return Problem("inconclusive", "evidence_missing", f"evidence lacks {gaps[0]}{more}; run what is missing.")
        return None

    def untrustworthy(self) -> Problem | None:
        """Return why some row that is there cannot be used."""
        problems: dict[str, Problem] = {}
        for read, seed, layer, cell in self.cells():
            code, text = _trouble(self.metric(read), cell)
            if code == "diverged" and self.claim.diverged == "worst" and self._has_worst(read):
                continue
            if code and code not in problems:
                at = f"{read.metric} of {read.arm.label!r} at seed {seed}" + (
                    f", state {layer}" if layer is not None else ""
                )
                problems[code] = Problem("invalid", code, f"{at} {text}")
        order = ("diverged", "below_floor", "undefined", "out_of_range")
        found = next((problems[c] for c in order if c in problems), None)
        unit = self._below_the_seed(problems.get("unit_mismatch"))
        return self._nonconforming() or unit or found or self._unpaired()

    def _nonconforming(self) -> Problem | None:
        """Return which property that it needs a metric fails; what is about an instrument may be said of any."""
        if self.claim.about == "instrument":
            return None
        for read in self.reads:
            failed = self.evidence.failed.get((read.metric, self.design.label(read.arm)), set()) - _NOT_NEEDED
            if failed:
                more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
                text = (
                    f"the metric {read.metric!r} fails the property {min(failed)!r}{more}, so nothing rests on it; faeval "
                    "check-metric shows the counterexample, and about='instrument' is for claims about the metric itself."
                )
                return Problem("invalid", "metric_nonconforming", text)
        return None

    def _below_the_seed(self, repeated: Problem | None) -> Problem | None:
        """Return why rows below the seed are no replicates: several of one key, or one for each layer where one is read."""
        for read in self.reads:
            group = self.groups[read]
            rows = [(seed, value) for (seed, _), cell in group.items() for value in cell.copies]
            if read.layers is None and group and all(layer is not None for _, layer in group):
                rows = [(seed, cell.value) for (seed, _), cell in group.items()]
                text = f"{read} is one number a run, and evidence has one for each layer; say layers=, such as fe.deep."
                repeated = Problem("invalid", "unit_mismatch", text)
            rows = [(seed, value) for seed, value in rows if seed in self.seeds and abs(value) <= 1e300]
            if repeated is not None and rows:
                values, seeds = [value for _, value in rows], [seed for seed, _ in rows]
                pooled = stats.explain_pooling(values, seeds)
                return Problem(repeated.verdict, repeated.code, f"{repeated.text} {pooled}")
        return repeated

    def _unpaired(self) -> Problem | None:
        """Return why the two sides of an agreement have no common units."""
        for assertion in self.claim.assertions:
            if assertion.kind == "agree":
                left, right = (self.layers[side.reads()[0]] for side in (assertion.a, assertion.b))
                if left != right:
                    text = f"agreement is state by state, but {assertion.a} has {left} and {assertion.b} {right}."
                    return Problem("invalid", "unit_mismatch", text)
        return None

    def unlike_states(self) -> list[str]:
        """Return warnings of contrasts whose sides leave out different exact states, and so average over different ones."""
        found = []
        for assertion in self.claim.assertions:
            reads = [r for r in assertion.contrast.reads() if r.layers is not None and r.layers.inexact_only]
            states = {r: self.layers[r] for r in reads if r in self.layers}
            if len(set(states.values())) > 1:
                said = "; ".join(f"{r} over {', '.join(map(str, layers))}" for r, layers in states.items())
                found.append(
                    f"the sides average over different states ({said}); name them by number, such as layers=(1, 2)"
                )
        return found

    def _has_worst(self, read: Read) -> bool:
        metric = self.metric(read)
        directed = all(a.kind not in ("equivalent", "agree") for a in self.claim.assertions)
        return directed and math.isfinite(metric.low) and math.isfinite(metric.high)

    def same_weights(self) -> Problem | None:
        """Return the seeds of an arm whose runs ended in the very same weights."""
        for read in self.reads:
            owner: dict[str, int] = {}
            for (seed, _), cell in sorted(self.groups[read].items(), key=lambda item: item[0][0]):
                if seed not in self.seeds or not cell.run.startswith(_WEIGHTS):
                    continue
                first = owner.setdefault(cell.run, seed)
                if first != seed:
                    return Problem(
                        "invalid",
                        "seed_controls_nothing",
                        f"seeds {first} and {seed} of {read.arm.label!r} ended in the same weights: they are one run "
                        "counted twice; make the experiment use its seed.",
                    )
        return None

    def metric(self, read: Read) -> Metric:
        """Return what is known of a read's metric."""
        known = self.design.experiment.metrics if self.design.experiment else METRICS
        return known.get(read.metric) or Metric(read.metric)

    def values(self, assertion: Assertion) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both sides of an assertion, call only where nothing is missing.

        One number a seed, shape (seeds,); for agreement one for each unit (layer) too, shape (seeds, units).
        """
        if assertion.kind == "agree":
            return self._per_layer(assertion.a), self._per_layer(assertion.b)
        # "worst" is the end of the range that makes a - b speak against the assertion.
        against = 1.0 if assertion.kind in ("below", "not_above") else -1.0
        return self._evaluate(assertion.a, against), self._evaluate(assertion.b, -against)

    def _evaluate(self, estimand: Estimand, against: float) -> NDArray[np.float64]:
        total = np.full(len(self.seeds), estimand.constant)
        with np.errstate(over="ignore", invalid="ignore"):
            for weight, atom in estimand.terms:
                sign = against * math.copysign(1.0, weight)
                if isinstance(atom, Log10):
                    total = total + weight * _log10(self._evaluate(atom.inner, sign))
                else:
                    total = total + weight * self._read(atom, sign).mean(axis=1)
        return total

    def _read(self, read: Read, against: float = -1.0) -> NDArray[np.float64]:
        metric, group = self.metric(read), self.groups[read]
        worst = metric.low if against < 0 else metric.high
        rows = [
            [worst if (c := group[seed, layer]).status == "diverged" else c.value for layer in self.layers[read]]
            for seed in self.seeds
        ]
        return np.array(rows, dtype=np.float64)

    def _per_layer(self, estimand: Estimand) -> NDArray[np.float64]:
        ((weight, atom),) = estimand.terms
        if isinstance(atom, Log10):
            (inner,) = atom.inner.reads()
            return weight * _log10(self._read(inner))
        return weight * self._read(atom)

    def item_error(self, assertion: Assertion) -> float | None:
        """Return the standard error of the seed-mean contrast over evaluation items; None where it is not recorded.

        From rows METRIC@1 .. METRIC@8, the metric on 8 fixed disjoint blocks of the items.
        """
        blocks = []
        for k in range(1, ITEM_BLOCKS + 1):
            if not all(self.evidence.group(_block(r, k), self.design) for r in assertion.contrast.reads()):
                return None
            contrast = assertion.contrast.with_reads(lambda r, k=k: _block(r, k))  # type: ignore[misc]
            block = Measurement(_only(self.claim, assertion, contrast), self.evidence, self.design, self.seeds)
            block.layers = {_block(r, k): self.layers[r] for r in self.layers}
            if any(c.status != "measured" or not math.isfinite(c.value) for *_, c in block.cells()):
                return None
            if any((s, lay) not in block.groups[r] for r in block.reads for s in self.seeds for lay in block.layers[r]):
                return None
            blocks.append(block._evaluate(contrast, -1.0))
        error = stats.item_error(np.array(blocks).T)
        return error if math.isfinite(error) else None


def _log10(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), np.nan)


def _block(read: Read, k: int) -> Read:
    return Read(f"{read.metric}@{k}", read.arm, read.layers, read.epoch, read.exact)


def _only(claim: Claim, assertion: Assertion, contrast: Estimand) -> Claim:
    lone = Assertion(assertion.kind, contrast, Estimand(), assertion.margin)
    return claim.named(assertions=(lone,))


def _trouble(metric: Metric, cell: Cell) -> tuple[str, str]:
    if cell.copies:
        return "unit_mismatch", f"stands {len(cell.copies)} times in evidence; keep one row a key."
    if cell.status == "diverged":
        return (
            "diverged",
            "diverged; a run that fails is an outcome: declare diverged='worst' to count it as the worst.",
        )
    if cell.status == "below_floor":
        return "below_floor", "is below the floor of its instrument: there the positive control reads under 0.99."
    if cell.status == "undefined" or not math.isfinite(cell.value):
        return "undefined", f"is undefined (status {cell.status}, value {cell.value})."
    slack = 1e-9 * max(abs(metric.low), abs(metric.high)) if math.isfinite(metric.low + metric.high) else 0.0
    if not metric.low - slack <= cell.value <= metric.high + slack:
        return "out_of_range", f"is {cell.value!r}, outside [{metric.low:g}, {metric.high:g}]: no legal value."
    return "", ""


def units_of(assertion: Assertion, metrics: Mapping[str, Metric]) -> str:
    """Return the unit of an assertion's contrast; "1" for a pure number."""
    if any(isinstance(atom, Log10) for _, atom in assertion.contrast.terms):
        return "decades"
    units = {metrics[r.metric].unit if r.metric in metrics else "1" for r in assertion.contrast.reads()}
    return units.pop() if len(units) == 1 else "mixed units"
