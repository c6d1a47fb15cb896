"""From evidence to one number per seed: the only way from rows to what statistics see."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval._safe_text import listed
from faeval.claims._claim import Assertion, Claim
from faeval.claims._design import Design, Problem
from faeval.claims._estimand import Estimand, Log10, Read
from faeval.evidence import unlike_ends
from faeval.experiment import METRICS, Arm, Metric, named

#: Item-block rows METRIC@1 .. METRIC@8.
ITEM_BLOCKS = 8
#: METRIC!PROPERTY is 1 where the metric holds that property.
_HOLDS = "!"
#: Properties that no number in evidence needs: audits give copies of some float64 signals, without
#: a gradient graph.
_NOT_NEEDED = frozenset(
    {
        "float32",
        "float16",
        "arguments of two types",
        "NumPy arrays agree",
        "arguments that require gradients",
        "arguments stay as they are",
        "no sample",
    }
)
_WEIGHTS = "sha256:"  # how the run column names a run by the hash of its weights


@dataclass(frozen=True)
class Cell:
    """One row's number, how far it can be trusted, and the run that it came from; ``copies`` has
    those of rows of one key.
    """

    value: float
    status: str
    run: str
    copies: tuple[float, ...] = ()


#: What is known of one metric of one arm at one epoch, by (seed, layer).
Cells: TypeAlias = dict[tuple[int, int | None], Cell]


class Evidence:
    """A table of one setting, indexed by what estimands ask for.

    A claim reads a few hundred rows of what may be millions. The table stays in columns, sorted
    once; rows of an arm and metric become cells when a claim asks for them.
    """

    def __init__(self, table: Any) -> None:
        metric, metrics = _coded(table["metric"])
        arm, arms = _coded(table["arm"])
        status, self._statuses = _coded(table["status"])
        run, self._runs = _coded(table["run"])
        value = table["value"].to_numpy()
        measured = self._statuses.index("measured") if "measured" in self._statuses else -1
        #: (metric, arm) to the properties that the metric was found to fail when it audited that
        #: arm.
        self.failed: dict[tuple[str, str], set[str]] = {}
        tried = np.isin(metric, [code for code, name in enumerate(metrics) if _HOLDS in name])
        broken = tried & ~((value == 1) & (status == measured))
        for m, a in {*zip(metric[broken].tolist(), arm[broken].tolist(), strict=True)}:
            name, _, what = metrics[m].partition(_HOLDS)
            self.failed.setdefault((name, arms[a]), set()).add(what)
        #: (metric, arm, property) to the (seed, epoch, state) on whose own signals it was found to
        #: hold.
        self._held: dict[tuple[str, str, str], set[tuple[int, int, int]]] = {}
        places = (_filled(table[name]) for name in ("seed", "epoch", "layer"))
        for m, a, ok, *place in zip(
            *(c[tried].tolist() for c in (metric, arm, ~broken, *places)), strict=True
        ):
            if ok and place[2] >= 0:
                name, _, what = metrics[m].partition(_HOLDS)
                self._held.setdefault((name, arms[a], what), set()).add(tuple(place))
        # The rows of an arm lie together, and in them those of a metric, each in the order of the
        # table.
        kept = np.flatnonzero(~tried)
        pair = arm[kept].astype(np.int64) * len(metrics) + metric[kept]
        order = np.argsort(pair, kind="stable")
        rows, self._pair = kept[order], pair[order]
        self._metric_of = {name: code for code, name in enumerate(metrics)}
        self._arm_of = {label: code for code, label in enumerate(arms)}
        self._seed = table["seed"].to_numpy()[rows]
        self._epoch, self._layer = (_filled(table[name])[rows] for name in ("epoch", "layer"))
        self._value, self._status, self._run = value[rows], status[rows], run[rows]
        self._cells: dict[tuple[str, str, int | None], Cells] = {}
        self._ends: dict[tuple[str, str], dict[int, int]] = {}

    def seeds(self, arms: Iterable[str]) -> tuple[int, ...]:
        """Return every seed that any of the arms has rows of."""
        return tuple(
            sorted({s for arm in arms for s in np.unique(self._seed[self._rows(arm)]).tolist()})
        )

    def arms(self) -> list[str]:
        """Return the labels of all arms, sorted."""
        return sorted(self._arm_of)

    def epochs_of(self, metric: str, arm: str) -> tuple[int, ...]:
        """Return the epochs that an arm has rows of a metric at."""
        return tuple(e for e in np.unique(self._epoch[self._rows(arm, metric)]).tolist() if e >= 0)

    def group(self, read: Read, design: Design) -> Cells:
        """Return the cells of a read's metric, arm and epoch, by (seed, layer).

        A run that diverged has diverged at every later epoch. Where neither the read nor the
        setting says an epoch, each run is read at its end: see :meth:`ends`.
        """
        label = design.label(read.arm)
        epoch = read.epoch if read.epoch is not None else design.last_epoch(read.arm)
        if epoch is None:
            return self._at_ends(read.metric, label)
        group = self._group(read.metric, label, epoch)
        if (
            not group and read.epoch is None
        ):  # rows without an epoch are of the run's end, of no epoch asked for
            group = self._group(read.metric, label, None)
        return (
            {**self._lost_before(read.metric, label, epoch), **group}
            if "diverged" in self._statuses
            else group
        )

    def _lost_before(self, metric: str, label: str, epoch: int) -> Cells:
        """The last rows of runs that diverged before an epoch: there they have diverged as well."""
        ends = self.ends(metric, label)
        cells = self._at_ends(metric, label).items()
        return {
            at: cell for at, cell in cells if cell.status == "diverged" and -1 < ends[at[0]] < epoch
        }

    def ends(self, metric: str, arm: str) -> dict[int, int]:
        """Return the last epoch at which each seed of an arm has rows of a metric; -1 where its
        rows have no epoch.
        """
        if (metric, arm) not in self._ends:
            rows = self._rows(arm, metric)
            seeds, of = np.unique(self._seed[rows], return_inverse=True)
            last = np.full(len(seeds), -1)
            np.maximum.at(last, of, self._epoch[rows])
            self._ends[metric, arm] = dict(zip(seeds.tolist(), last.tolist(), strict=True))
        return self._ends[metric, arm]

    def courses(self, metric: str, arm: str) -> bool:
        """Return whether some run of an arm has rows of a metric at several epochs."""
        rows = self._rows(arm, metric)
        return len(
            {*zip(self._seed[rows].tolist(), self._epoch[rows].tolist(), strict=True)}
        ) > len(self.ends(metric, arm))

    def held(self, read: Read, name: str, design: Design) -> set[tuple[int, int | None]]:
        """Return the (seed, state) of a read on whose own signals a property of its metric was
        found to hold.
        """
        label = design.label(read.arm)
        epoch = read.epoch if read.epoch is not None else design.last_epoch(read.arm)
        ends = self.ends(read.metric, label) if epoch is None else {}
        found = self._held.get((read.metric, label, name), ())
        return {(s, layer) for s, e, layer in found if e == ends.get(s, epoch)}

    def _rows(self, arm: str, metric: str | None = None) -> slice:
        """Where the rows of an arm lie, or those of one of its metrics."""
        a, m = self._arm_of.get(arm), 0 if metric is None else self._metric_of.get(metric)
        if a is None or m is None:
            return slice(0, 0)
        first = a * len(self._metric_of) + m
        past = first + (len(self._metric_of) if metric is None else 1)
        return slice(*np.searchsorted(self._pair, (first, past)).tolist())

    def _at_ends(self, metric: str, arm: str) -> Cells:
        ends = self.ends(metric, arm)
        groups = {
            epoch: self._group(metric, arm, epoch if epoch >= 0 else None)
            for epoch in {*ends.values()}
        }
        return {
            at: cell
            for epoch, group in groups.items()
            for at, cell in group.items()
            if ends[at[0]] == epoch
        }

    def _group(self, metric: str, arm: str, epoch: int | None) -> Cells:
        if (metric, arm, epoch) not in self._cells:
            self._cells[metric, arm, epoch] = self._read(
                self._rows(arm, metric), -1 if epoch is None else epoch
            )
        return self._cells[metric, arm, epoch]

    def _read(self, rows: slice, epoch: int) -> Cells:
        at = rows.start + np.flatnonzero(self._epoch[rows] == epoch)
        cells: Cells = {}
        columns = (
            c[at].tolist() for c in (self._seed, self._layer, self._value, self._status, self._run)
        )
        for seed, layer, value, status, run in zip(*columns, strict=True):
            key = (seed, None if layer < 0 else layer)
            before = cells.get(key)
            copies = () if before is None else (*(before.copies or (before.value,)), value)
            cells[key] = Cell(value, self._statuses[status], self._runs[run], copies)
        return cells


def _coded(column: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Return the cells of a column of text as numbers, and the text of each number."""
    import pandas as pd

    codes, distinct = pd.factorize(column)
    return codes, list(distinct)


def _filled(column: Any) -> NDArray[np.int64]:
    """Return a column of whole numbers, -1 where it is empty or below 0."""
    filled: NDArray[np.int64] = column.fillna(-1).astype("int64").to_numpy()
    return np.maximum(filled, -1)


class Measurement:
    """What one claim reads, over one list of seeds."""

    def __init__(
        self, claim: Claim, evidence: Evidence, design: Design, seeds: Sequence[int]
    ) -> None:
        self.claim, self.evidence, self.design, self.seeds = claim, evidence, design, tuple(seeds)
        self.reads = tuple(dict.fromkeys(r for a in claim.assertions for r in a.contrast.reads()))
        self.groups = {read: evidence.group(read, design) for read in self.reads}
        self.layers: dict[Read, tuple[int | None, ...]] = {
            read: self._layers(read) for read in self.reads
        }
        # How many of the rows wanted are there: of each read, at each seed.
        self.present = {read: self._count(read) for read in self.reads}
        found = {
            seed for counts in self.present.values() for seed, count in counts.items() if count
        }
        self._absent = tuple(seed for seed in self.seeds if seed not in found)

    def ends(self) -> dict[Read, dict[int, int]]:
        """Return the epochs at which runs end that are read there, by seed; of reads that no one
        else says the epoch of.
        """
        found = {}
        for read in self.reads:
            if read.epoch is None and self.design.last_epoch(read.arm) is None:
                ends = self.evidence.ends(read.metric, self.design.label(read.arm))
                lost = {
                    seed
                    for (seed, _), cell in self.groups[read].items()
                    if cell.status == "diverged"
                }
                found[read] = {
                    seed: ends[seed] for seed in self.seeds if seed in ends and seed not in lost
                }
        stated = {read for read, ends in found.items() if any(end >= 0 for end in ends.values())}
        # A metric that no run has at an epoch, such as a size, is of its arm's runs as they are,
        # whenever another is read. But of a metric that some runs have at an epoch, and of arms of
        # which nothing says one, the epoch is not known.
        metrics, arms = {read.metric for read in stated}, {read.arm for read in stated}
        unknown = {
            r for r, ends in found.items() if ends and (r.metric in metrics or r.arm not in arms)
        }
        return (
            {read: ends for read, ends in found.items() if read in stated | unknown}
            if stated
            else {}
        )

    def uneven(self) -> Problem | None:
        """Return which runs of an arm end at different epochs, where nobody says which epoch is
        meant.

        Runs that have one row each were read by whoever chose that row.
        """
        for read, ends in self.ends().items():
            label = self.design.label(read.arm)
            if len({*ends.values()}) < 2 or "epoch" in self.claim.attributed_to:
                continue
            if self.evidence.courses(read.metric, label):
                each = listed(
                    [f"seed {seed} at {end if end >= 0 else 'none'}" for seed, end in ends.items()],
                    20,
                )
                text = (
                    f"runs of {named(label)} end at different epochs of {read.metric}: {each}. Read"
                    " them at a stated one (epoch=), or name the epoch in attributed_to."
                )
                return Problem("invalid", "unit_mismatch", text)
        return None

    def first(self, n: int) -> Measurement:
        """Return the same over the first n of its seeds."""
        return (
            self
            if n >= len(self.seeds)
            else Measurement(self.claim, self.evidence, self.design, self.seeds[:n])
        )

    def failed_seeds(self, arm: Arm) -> set[int]:
        """Return the seeds at which a run of an arm diverged."""
        return {
            seed
            for read, seed, _, cell in self.cells()
            if cell.status == "diverged" and read.arm == arm
        }

    def _layers(self, read: Read) -> tuple[int | None, ...]:
        if read.layers is None:
            return (None,)
        return self.design.states(
            read, {lay for _, lay in self.groups[read] if lay is not None}
        ) or (None,)

    def _count(self, read: Read) -> dict[int, int]:
        group, layers = self.groups[read], self.layers[read]
        return {seed: sum((seed, layer) in group for layer in layers) for seed in self.seeds}

    def cells(self) -> Iterable[tuple[Read, int, int | None, Cell]]:
        """Yield every cell that the claim reads at its seeds."""
        for read in self.reads:
            group, layers = self.groups[read], self.layers[read]
            for seed in self.seeds:
                for layer in layers:
                    cell = group.get((seed, layer))
                    if cell is not None:
                        yield read, seed, layer, cell

    def absent(self) -> tuple[int, ...]:
        """Return the seeds that nothing at all was measured at."""
        return self._absent

    def complete(self, seed: int) -> bool:
        """Return whether all rows of a seed are there."""
        return all(counts[seed] == len(self.layers[read]) for read, counts in self.present.items())

    def missing(self) -> Problem | None:
        """Return what rows are lacking, apart from seeds that are wholly absent."""
        absent = set(self.absent())
        if len(self.absent()) == len(self.seeds):
            text = "no row of what it reads was found; run it first."
            arms = {self.design.label(read.arm) for read in self.reads}
            known = self.evidence.arms()
            if known and not arms & set(known):
                reads = " or ".join(map(named, sorted(arms)))
                has = listed([named(label) for label in known])
                text = f"no row of {reads} was found; run it first. Evidence has the arms {has}."
            elif set(self.evidence.seeds(arms)) & set(self.seeds):
                reads = " or ".join(map(str, self.reads))
                text = (
                    f"its arms were run, but there is no row of {reads}; look at the metric's name,"
                    " its layers and its epoch."
                )
            return Problem("inconclusive", "not_run", text)
        gaps = [
            (read, seed)
            for read, counts in self.present.items()
            for seed, count in counts.items()
            if count < len(self.layers[read]) and seed not in absent
        ]
        if gaps:
            more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
            text = (
                f"evidence lacks {gaps[0][0]} at seed {gaps[0][1]}{more}; run what is"
                f" missing.{self._unlike_seeds()}"
            )
            return Problem("inconclusive", "evidence_missing", text)
        return None

    def _unlike_seeds(self) -> str:
        """Say how the seeds of the arms differ, where it is seeds that one of them lacks."""
        seeds = {
            self.design.label(read.arm): {s for s, n in counts.items() if n}
            for read, counts in self.present.items()
        }
        if len({frozenset(own) for own in seeds.values()}) < 2 or not all(seeds.values()):
            return ""
        has = listed([f"{named(label)} has {len(own)} seeds" for label, own in seeds.items()])
        shared = len(set.intersection(*seeds.values()))
        how = "are paired by seed"
        if not all(assertion.paired for assertion in self.claim.assertions):
            how = "read both arms at the seeds of one plan, unpaired or not"
        return f" Contrasts {how}: {has}, and they share {shared or 'none'}; give all the same."

    def untrustworthy(self) -> Problem | None:
        """Return why some row that is there cannot be used."""
        problems: dict[str, Problem] = {}
        metrics = {read: self.metric(read) for read in self.reads}
        for read, seed, layer, cell in self.cells():
            code, text = _trouble(metrics[read], cell)
            if code == "diverged" and self.claim.diverged == "worst":
                if self._has_worst(read):
                    continue
                text = (
                    "diverged; diverged='worst' has no worst end for an equivalence, nor for a"
                    " metric without a range."
                )
            if code and code not in problems:
                at = f"{read.metric} of {named(read.arm.label)} at seed {seed}" + (
                    f", state {layer}" if layer is not None else ""
                )
                problems[code] = Problem("invalid", code, f"{at} {text}")
        order = ("diverged", "below_floor", "undefined", "out_of_range")
        found = next((problems[c] for c in order if c in problems), None)
        unit = self._below_the_seed(problems.get("unit_mismatch"))
        return self._nonconforming() or unit or found or self._unlike_units()

    def _nonconforming(self) -> Problem | None:
        """Return which property that it needs a metric fails; what is about an instrument may be
        said of any.
        """
        if self.claim.about == "instrument":
            return None
        for read in self.reads:
            tried = (
                self.evidence.failed.get((read.metric, self.design.label(read.arm)), set())
                - _NOT_NEEDED
            )
            failed = {name for name in tried if not self._holds_where_read(read, name)}
            if failed:
                more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
                text = (
                    f"the metric {read.metric!r} fails the property {min(failed)!r}{more}, so"
                    " nothing rests on it; faeval check-metric shows the counterexample, and"
                    " about='instrument' is for claims about the metric itself."
                )
                return Problem("invalid", "metric_nonconforming", text)
        return self._too_tolerant()

    def _holds_where_read(self, read: Read, name: str) -> bool:
        """Return whether a property that fails on some signals holds on those of every cell that
        the claim reads.
        """
        read_here = {(seed, layer) for seed in self.seeds for layer in self.layers[read]} & set(
            self.groups[read]
        )
        return bool(read_here) and read_here <= self.evidence.held(read, name, self.design)

    def _too_tolerant(self) -> Problem | None:
        """Return which margin is no larger than the error that a metric's author accepts."""
        for assertion in self.claim.assertions:
            if any(isinstance(atom, Log10) for _, atom in assertion.contrast.terms):
                continue
            margin = assertion.margin.value
            for read in assertion.contrast.reads():
                metric = self.metric(read)
                if (
                    metric.kind in ("alignment", "correlation")
                    and (metric.tolerance or 0.0) >= margin > 0
                ):
                    text = (
                        f"the metric {read.metric!r} is registered with"
                        f" tolerance={metric.tolerance:g}, and the margin is {margin:g}: an"
                        " accepted error may be all that is seen; a margin must be larger."
                    )
                    return Problem("invalid", "metric_nonconforming", text)
        return None

    def _below_the_seed(self, repeated: Problem | None) -> Problem | None:
        """Return why rows below the seed are no replicates: several of one key, or one for each
        layer where one is read.
        """
        wanted = set(self.seeds)
        for read in self.reads:
            group = self.groups[read]
            rows = [(seed, value) for (seed, _), cell in group.items() for value in cell.copies]
            if read.layers is None and group and all(layer is not None for _, layer in group):
                rows = [(seed, cell.value) for (seed, _), cell in group.items()]
                text = (
                    f"{read} is one number a run, and evidence has one for each layer; say layers=,"
                    " such as fe.deep."
                )
                repeated = Problem("invalid", "unit_mismatch", text)
            rows = [(seed, value) for seed, value in rows if seed in wanted and abs(value) <= 1e300]
            if repeated is not None and rows:
                values, seeds = [value for _, value in rows], [seed for seed, _ in rows]
                pooled = stats.explain_pooling(values, seeds)
                return Problem(repeated.verdict, repeated.code, f"{repeated.text} {pooled}")
        return repeated

    def _unlike_units(self) -> Problem | None:
        """Return why the two sides of an agreement have no common units."""
        for assertion in self.claim.assertions:
            if assertion.region.per_unit:
                left, right = (self.layers[side.reads()[0]] for side in (assertion.a, assertion.b))
                if left != right:
                    text = (
                        f"agreement is state by state, but {assertion.a} has {left} and"
                        f" {assertion.b} {right}."
                    )
                    return Problem("invalid", "unit_mismatch", text)
        return None

    def unlike_ends(self) -> list[str]:
        """Return warnings of arms whose runs are read at different epochs, where that makes the
        claim no less decidable.
        """
        if self.uneven() is not None:
            return []
        found = {read: unlike_ends(ends) for read, ends in self.ends().items()}
        return [
            f"runs of {named(self.design.label(read.arm))} are read at different epochs of"
            f" {read.metric}: {each}"
            for read, each in found.items()
            if each
        ]

    def unlike_states(self) -> list[str]:
        """Return warnings of contrasts whose sides leave out different exact states, and so average
        over different ones.
        """
        found = []
        for assertion in self.claim.assertions:
            reads = [
                r
                for r in assertion.contrast.reads()
                if r.layers is not None and r.layers.inexact_only
            ]
            states = {r: self.layers[r] for r in reads if r in self.layers}
            if len(set(states.values())) > 1:
                said = "; ".join(
                    f"{r} over {', '.join(map(str, layers))}" for r, layers in states.items()
                )
                found.append(
                    f"the sides average over different states ({said}); name them by number, such"
                    " as layers=(1, 2)"
                )
        return found

    def _has_worst(self, read: Read) -> bool:
        metric = self.metric(read)
        directed = not any(a.region.two_sided for a in self.claim.assertions)
        return directed and math.isfinite(metric.low) and math.isfinite(metric.high)

    def same_weights(self) -> Problem | None:
        """Return the seeds of an arm whose runs ended in the very same weights."""
        wanted = set(self.seeds)
        for read in self.reads:
            owner: dict[str, int] = {}
            for (seed, _), cell in sorted(self.groups[read].items(), key=lambda item: item[0][0]):
                if seed not in wanted or not cell.run.startswith(_WEIGHTS):
                    continue
                first = owner.setdefault(cell.run, seed)
                if first != seed:
                    return Problem(
                        "invalid",
                        "seed_controls_nothing",
                        f"seeds {first} and {seed} of {named(read.arm.label)} ended in the same"
                        " weights: they are one run counted twice; make the experiment use its"
                        " seed.",
                    )
        return None

    def same_run(self) -> Problem | None:
        """Return two arms whose runs ended in the very same weights at every seed: one run under
        two names.
        """
        owner: dict[tuple[str, ...], Arm] = {}
        for read in self.reads:
            runs = tuple(self._runs(read, seed) for seed in self.seeds)
            if not all(run.startswith(_WEIGHTS) for run in runs):
                continue
            first = owner.setdefault(runs, read.arm)
            if self.design.label(first) != self.design.label(read.arm):
                return Problem(
                    "invalid",
                    "same_run",
                    f"{named(first.label)} and {named(read.arm.label)} ended in the same weights at"
                    " every seed: they are one run under two names; make the experiment use what"
                    " tells them apart.",
                )
        return None

    def _runs(self, read: Read, seed: int) -> str:
        cell = self.groups[read].get((seed, self.layers[read][0]))
        return cell.run if cell is not None else ""

    def seed_used(self) -> bool:
        """Return whether anything read shows that other seeds gave other runs: a value that varies,
        or weights that do.
        """
        for read in self.reads:
            runs = {self._runs(read, seed) for seed in self.seeds}
            if len(runs) > 1 and all(run.startswith(_WEIGHTS) for run in runs):
                return True
            if (np.ptp(self._read(read), axis=0) > 0).any():
                return True
        return False

    def resolution(self, assertion: Assertion) -> float:
        """Return the smallest step that an assertion's contrast is known to take; 0 where none is
        declared.
        """
        terms = ((abs(w), atom) for w, atom in assertion.contrast.terms if isinstance(atom, Read))
        return max((weight * self.metric(read).resolution for weight, read in terms), default=0.0)

    def sizes(self, assertion: Assertion) -> NDArray[np.float64]:
        """Return at each seed the largest term that an assertion's contrast is made of, shape
        (seeds,).
        """
        found = np.zeros(len(self.seeds))
        for weight, atom in assertion.contrast.terms:
            if isinstance(atom, Log10):
                size = np.abs(_log10(self._evaluate(atom.inner, -1.0)))
            else:
                size = np.abs(self._read(atom)).max(axis=1)
            found = np.maximum(found, abs(weight) * size)
        return found

    def metric(self, read: Read) -> Metric:
        """Return what is known of a read's metric."""
        known = self.design.experiment.metrics if self.design.experiment else METRICS
        return known.get(read.metric) or Metric(read.metric)

    def values(self, assertion: Assertion) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both sides of an assertion, call only where nothing is missing.

        One number a seed, shape (seeds,); for agreement one for each unit (layer) too, shape
        (seeds, units).
        """
        if assertion.region.per_unit:
            return self._per_layer(assertion.a), self._per_layer(assertion.b)
        # "worst" is the end of the range that makes a - b speak against the assertion.
        against = 1.0 if assertion.region.side == "below" else -1.0
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
            [
                worst if (c := group[seed, layer]).status == "diverged" else c.value
                for layer in self.layers[read]
            ]
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
        """Return the standard error of the seed-mean contrast over evaluation items; None where it
        is not recorded.

        From rows METRIC@1 .. METRIC@8, the metric on 8 fixed disjoint blocks of the items.
        """
        blocks = []
        for k in range(1, ITEM_BLOCKS + 1):
            if not all(
                self.evidence.group(_block(r, k), self.design) for r in assertion.contrast.reads()
            ):
                return None
            contrast = assertion.contrast.with_reads(lambda r, k=k: _block(r, k))  # type: ignore[misc]
            block = Measurement(
                _only(self.claim, assertion, contrast), self.evidence, self.design, self.seeds
            )
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
            (
                "diverged; a run that fails is an outcome: declare diverged='worst' to count it as"
                " the worst."
            ),
        )
    if cell.status == "below_floor":
        return (
            "below_floor",
            "is below the floor of its instrument: there the positive control reads under 0.99.",
        )
    if cell.status == "undefined" or not math.isfinite(cell.value):
        return "undefined", f"is undefined (status {cell.status}, value {cell.value})."
    slack = (
        1e-9 * max(abs(metric.low), abs(metric.high))
        if math.isfinite(metric.low + metric.high)
        else 0.0
    )
    if not metric.low - slack <= cell.value <= metric.high + slack:
        return (
            "out_of_range",
            f"is {cell.value!r}, outside [{metric.low:g}, {metric.high:g}]: no legal value.",
        )
    return "", ""


def units_of(assertion: Assertion, metrics: Mapping[str, Metric]) -> str:
    """Return the unit of an assertion's contrast; "1" for a pure number."""
    if any(isinstance(atom, Log10) for _, atom in assertion.contrast.terms):
        return "decades"
    units = {
        metrics[r.metric].unit if r.metric in metrics else "1" for r in assertion.contrast.reads()
    }
    return units.pop() if len(units) == 1 else "mixed units"
