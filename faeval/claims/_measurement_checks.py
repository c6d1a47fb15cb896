"""What forbids the use of a measurement.

Rows are missing, values cannot be trusted, runs are no replicates, or a control fails: a bound on
the measurement itself, which must hold on every audited checkpoint and is no test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from faeval import stats
from faeval._safe_text import listed
from faeval.claims._assertion import Assertion, Comparison, Ratio
from faeval.claims._claim import Claim
from faeval.claims._course_checks import unlike_courses
from faeval.claims._design import Design, Problem
from faeval.claims._estimand import Call, Estimand, Read
from faeval.claims._evidence_index import Cell, EvidenceIndex
from faeval.claims._measurement import WEIGHTS, Measurement
from faeval.evidence import unlike_ends as ends_that_differ
from faeval.experiment import Arm, Metric, named

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


def blank_members(m: Measurement) -> frozenset[int]:
    """Return the members of counts of which rows are lacking, by their places among assertions.

    They count as what was not run; of the others the count may still be decided.
    """
    if not m.claim.counts or len(m.absent()) == len(m.seeds):
        return frozenset()
    there = set(m.seeds) - set(m.absent())
    lacking = {
        reading
        for reading, counts in m.present.items()
        if any(counts[seed] < len(m.layers[reading]) for seed in there)
    }
    blank = frozenset(
        i
        for count, members in m.claim.counted()
        for i, member in zip(members, count.members, strict=True)
        if lacking & {*member.contrast.reads()}
    )
    return frozenset() if len(blank) == len(m.claim.asserted) else blank


def missing(m: Measurement) -> Problem | None:
    """Return what rows are lacking, apart from seeds that are wholly absent."""
    if len(m.absent()) == len(m.seeds):
        return Problem("inconclusive", "not_run", _nothing_there(m))
    gaps = [
        f"{reading} at seed {seed}"
        for reading, counts in m.present.items()
        for seed, count in counts.items()
        if count < len(m.layers[reading]) and seed not in m.absent()
    ]
    if not gaps:
        return None
    more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    text = f"evidence lacks {gaps[0]}{more}; run what is missing.{_unlike_seeds(m)}"
    return Problem("inconclusive", "evidence_missing", text)


def _nothing_there(m: Measurement) -> str:
    """Say what to do where not one row of what a claim reads is there."""
    arms, arms_there = {m.design.label(reading.arm) for reading in m.reads}, m.evidence.arms()
    if arms_there and not arms & set(arms_there):
        reads = " or ".join(map(named, sorted(arms)))
        has = listed([named(label) for label in arms_there])
        return f"no row of {reads} was found; run it first. Evidence has the arms {has}."
    courses = [r for r in m.reads if r.course is not None]
    if any(m.evidence.ends(r.metric, m.design.label(r.arm)) for r in courses):
        return (
            f"the rows of {courses[0].metric} state no epoch, and it is read over epochs; write in"
            " evidence at which epoch each is."
        )
    if set(m.evidence.seeds(arms)) & set(m.seeds):
        return (
            f"its arms were run, but there is no row of {' or '.join(map(str, m.reads))}; look at"
            " the metric's name, its layers and its epoch."
        )
    if there := m.evidence.seeds(arms):
        return (
            f"no row of it at its seeds {_few(m.seeds)} was found; run these. Evidence has the"
            f" seeds {_few(there)}."
        )
    return "no row of what it reads was found; run it first."


def _few(seeds: Iterable[int]) -> str:
    return listed([str(seed) for seed in seeds], 6)


def _unlike_seeds(m: Measurement) -> str:
    """Say how the seeds of the arms differ, where it is seeds that one of them lacks."""
    seeds = {
        m.design.label(reading.arm): {s for s, n in counts.items() if n}
        for reading, counts in m.present.items()
    }
    if len({frozenset(own) for own in seeds.values()}) < 2 or not all(seeds.values()):
        return ""
    has = listed([f"{named(label)} has {len(own)} seeds" for label, own in seeds.items()])
    shared = len(set.intersection(*seeds.values()))
    how, remedy = "are paired by seed", ", or say paired=False of arms that share no randomness"
    if not m.claim.is_paired:
        how, remedy = "read both arms at the seeds of one plan, unpaired or not", ""
        if len(m.claim.asserted) > 1:
            remedy = ", or make a claim of each"
    return f" Contrasts {how}: {has}, and they share {shared or 'none'}; give all the same{remedy}."


def untrustworthy(m: Measurement) -> Problem | None:
    """Return why some row that is there cannot be used."""
    problems: dict[str, Problem] = {}
    metrics = {reading: m.metric(reading) for reading in m.reads}
    for reading, seed, layer, cell in m.cells():
        code, text = _trouble(metrics[reading], cell)
        if code == "diverged" and m.claim.diverged == "worst":
            code = "" if _has_worst(m, reading) else code
            text = (
                "diverged; diverged='worst' has no worst end for an equivalence, nor for a"
                " metric without a range."
            )
        if code and code not in problems:
            at = f"{reading.metric} of {named(reading.arm.label)} at seed {seed}" + (
                f", state {layer}" if layer is not None else ""
            )
            problems[code] = Problem("invalid", code, f"{at} {text}")
    order = ("diverged", "below_floor", "undefined", "out_of_range")
    fault = next((problems[c] for c in order if c in problems), None)
    unit = problems.get("unit_mismatch")
    return (
        _nonconforming(m)
        or _below_the_seed(m, unit)
        or fault
        or _unlike_units(m)
        or unlike_courses(m)
    )


def _has_worst(m: Measurement, read: Read) -> bool:
    directed = not any(a.region.two_sided or _is_within(a.contrast) for a in m.claim.asserted)
    return directed and m.metric(read).is_bounded


def _is_within(estimand: Estimand) -> bool:
    """Whether it reads at which seeds something lies between two edges."""
    calls = [atom for _, atom in estimand.terms if isinstance(atom, Call)]
    return any(
        (call.function.is_outcome and stats.region_of(call.op.removeprefix("holds_")).two_sided)
        or any(map(_is_within, call.args))
        for call in calls
    )


def _nonconforming(m: Measurement) -> Problem | None:
    """Return which property a metric fails that the claim needs.

    A claim about an instrument may read any metric.
    """
    if m.claim.about == "instrument":
        return None
    for reading in m.reads:
        failures = m.evidence.failed.get((reading.metric, m.design.label(reading.arm)), set())
        relevant = failures - _NOT_NEEDED
        failed = {name for name in relevant if not _holds_where_read(m, reading, name)}
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            return Problem(
                "invalid",
                "metric_nonconforming",
                f"the metric {reading.metric!r} fails the property {min(failed)!r}{more}, so"
                " nothing rests on it; faeval check-metric shows the counterexample, and"
                " about='instrument' is for claims about the metric itself.",
            )
    return _too_tolerant(m)


def _holds_where_read(m: Measurement, read: Read, name: str) -> bool:
    """Return whether a property holds on the signals of every cell that the claim reads."""
    read_here = {(seed, layer) for seed in m.seeds for layer in m.layers[read]} & set(
        m.groups[read]
    )
    return bool(read_here) and read_here <= m.evidence.held(read, name, m.design)


def _too_tolerant(m: Measurement) -> Problem | None:
    """Return which margin is no larger than the error that a metric's author accepts."""
    for assertion in m.claim.asserted:
        if isinstance(assertion.margin, Ratio):
            continue
        atoms, margin = [atom for _, atom in assertion.contrast.terms], assertion.margin.value
        is_plain = not any(isinstance(atom, Call) for atom in atoms)
        for reading in assertion.contrast.reads() if is_plain else ():
            metric = m.metric(reading)
            accepted = metric.tolerance or 0.0
            if metric.kind in ("alignment", "correlation") and accepted >= margin > 0:
                return Problem(
                    "invalid",
                    "metric_nonconforming",
                    f"the metric {reading.metric!r} is registered with tolerance={accepted:g}, and"
                    f" the margin is {margin:g}: an accepted error may be all that is seen; a"
                    " margin must be larger.",
                )
    return None


def _below_the_seed(m: Measurement, repeated: Problem | None) -> Problem | None:
    """Return why rows below the seed are no replicates.

    There are several of one key, or one for each layer where one number a run is read.
    """
    own_seeds = set(m.seeds)
    for reading in m.reads:
        group = m.groups[reading]
        rows = [(seed, value) for (seed, _), cell in group.items() for value in cell.copies]
        if reading.layers is None and group and all(layer is not None for _, layer in group):
            rows = [(seed, cell.value) for (seed, _), cell in group.items()]
            text = (
                f"{reading} is one number a run, and evidence has one for each layer; say layers=,"
                " such as fe.deep."
            )
            repeated = Problem("invalid", "unit_mismatch", text)
        rows = [(seed, value) for seed, value in rows if seed in own_seeds and abs(value) <= 1e300]
        if repeated is not None and rows:
            seeds, values = zip(*rows, strict=True)
            pooled = stats.explain_pooling(values, seeds)
            return Problem(repeated.verdict, repeated.code, f"{repeated.text} {pooled}")
    return repeated


def _unlike_units(m: Measurement) -> Problem | None:
    """Return why the two sides of an agreement have no common units."""
    for assertion in m.claim.asserted:
        if assertion.region.per_unit:
            units_a, units_b = (m.layers[side.reads()[0]] for side in (assertion.a, assertion.b))
            if units_a != units_b:
                return Problem(
                    "invalid",
                    "unit_mismatch",
                    f"agreement is state by state, but {assertion.a} has {units_a} and"
                    f" {assertion.b} {units_b}.",
                )
    return None


def not_positive(m: Measurement) -> Problem | None:
    """Return which value a ratio cannot have; call only where nothing is missing."""
    for assertion in m.claim.asserted:
        margin, sides = assertion.margin, (assertion.a, assertion.b)
        if not isinstance(margin, Ratio) or assertion.spreads:
            continue
        is_of_runs = margin.of == "runs"
        for side, values in zip(
            sides, m.values(Comparison(assertion.kind, *sides, 0.0)), strict=True
        ):
            fits = values > 0 if is_of_runs else values >= 0
            if fits.all():
                continue
            i = int(np.argmin(fits))
            seeds = m.seeds_of[side.reads()[0]] if side.reads() else m.seeds
            least = (
                "above 0: say of='means' in fe.Ratio for totals that may be 0, or give fe.Margin."
                if is_of_runs
                else "of 0 or above: give fe.Margin."
            )
            return Problem(
                "invalid",
                "undefined",
                f"{side} is {values[i]:.6g} at seed {seeds[i]}, and a ratio of {margin.of} takes"
                f" values {least}",
            )
    return None


def uneven(m: Measurement) -> Problem | None:
    """Return which runs of an arm end at different epochs, where no epoch is stated.

    Runs that have one row each were read by whoever chose that row.
    """
    for reading, ends in m.ends().items():
        label, differ = m.design.label(reading.arm), len({*ends.values()}) > 1
        is_named = "epoch" in m.claim.attributed_to
        if differ and not is_named and m.evidence.courses(reading.metric, label):
            each = [f"seed {seed} at {end if end >= 0 else 'none'}" for seed, end in ends.items()]
            return Problem(
                "invalid",
                "unit_mismatch",
                f"runs of {named(label)} end at different epochs of {reading.metric}:"
                f" {listed(each, 20)}. Read them at a stated one (epoch=), or name the epoch in"
                " attributed_to.",
            )
    return None


def unlike_ends(m: Measurement) -> list[str]:
    """Return warnings of arms whose runs are read at different epochs.

    Only where the claim can be decided all the same.
    """
    return [
        f"runs of {named(m.design.label(reading.arm))} are read at different epochs of"
        f" {reading.metric}: {each}"
        for reading, ends in (m.ends().items() if uneven(m) is None else ())
        if (each := ends_that_differ(ends))
    ]


def unlike_states(m: Measurement) -> list[str]:
    """Return warnings of contrasts whose sides average over different states.

    They leave out different states whose credit is exact.
    """
    warnings = []
    for assertion in m.claim.asserted:
        reads = assertion.contrast.reads()
        states = {r: m.layers[r] for r in reads if r.layers and r.layers.inexact_only}
        if len(set(states.values())) > 1:
            each = "; ".join(f"{r} over {', '.join(map(str, at))}" for r, at in states.items())
            warnings.append(
                f"the sides average over different states ({each}); name them by number, such"
                " as layers=(1, 2)"
            )
    return warnings


def same_weights(m: Measurement) -> Problem | None:
    """Return the seeds of an arm whose runs ended in the very same weights."""
    own_seeds = set(m.seeds)
    for reading in m.reads:
        owner: dict[str, int] = {}
        for (seed, _), cell in sorted(m.groups[reading].items(), key=lambda item: item[0][0]):
            is_weighed = seed in own_seeds and cell.run.startswith(WEIGHTS)
            if is_weighed and (first := owner.setdefault(cell.run, seed)) != seed:
                return Problem(
                    "invalid",
                    "seed_controls_nothing",
                    f"seeds {first} and {seed} of {named(reading.arm.label)} ended in the same"
                    " weights: they are one run counted twice; make the experiment use its"
                    " seed.",
                )
    return None


def same_run(m: Measurement) -> Problem | None:
    """Return two arms whose runs ended in the same weights at every seed: one run, two names."""
    owner: dict[tuple[str, ...], Arm] = {}
    for reading in m.reads:
        runs = tuple(m.run(reading, seed) for seed in m.seeds)
        is_weighed = all(run.startswith(WEIGHTS) for run in runs)
        first = owner.setdefault(runs, reading.arm) if is_weighed else reading.arm
        if m.design.label(first) != m.design.label(reading.arm):
            return Problem(
                "invalid",
                "same_run",
                f"{named(first.label)} and {named(reading.arm.label)} ended in the same weights at"
                " every seed: they are one run under two names; make the experiment use what"
                " tells them apart.",
            )
    return None


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
    if metric.outcome == "rate" and cell.value not in (0.0, 1.0):
        return (
            "out_of_range",
            f"is {cell.value!r}, and outcome='rate' says 0 or 1; leave outcome= out for a number.",
        )
    slack = 1e-9 * max(abs(metric.low), abs(metric.high)) if metric.is_bounded else 0.0
    if not metric.low - slack <= cell.value <= metric.high + slack:
        return (
            "out_of_range",
            f"is {cell.value!r}, outside [{metric.low:g}, {metric.high:g}]: no legal value.",
        )
    return "", ""


def check_controls(
    claim: Claim, evidence: EvidenceIndex, design: Design, seeds: Iterable[int]
) -> Problem | None:
    """Return which control of a claim fails, or lacks rows; None where all hold.

    The problem says at which seed and epoch.

    A control whose estimands name no epoch is held at every epoch at which all that it reads was
    audited.
    """
    lacking = None
    for control in claim.controls:
        for epoch, bound in _by_epoch(control, evidence, design):
            for seed in seeds:
                alone = claim.named(assertions=(bound,), test="t")
                m = Measurement(alone, evidence, design, [seed])
                problem = untrustworthy(m) or missing(m) or _beyond(bound, m)
                if problem is None:
                    continue
                at = f"the control '{control}' at seed {seed}" + (
                    "" if epoch is None else f", epoch {epoch}"
                )
                if problem.verdict == "invalid":
                    text = f"{at} does not hold: {problem.text}"
                    return Problem("invalid", "control_failed", text)
                text = f"{at} cannot be read: {problem.text}"
                lacking = lacking or Problem("inconclusive", "evidence_missing", text)
    return lacking


def _beyond(bound: Assertion, m: Measurement) -> Problem | None:
    """Return that a - b, one number or one a layer, is out of bounds; so is what is undefined."""
    difference = np.ravel(np.subtract(*m.values(bound.comparisons[0])))
    (part,) = bound.comparisons
    if bound.region.holds(difference, part.margin).all():
        return None
    worst = difference[np.argmax(np.abs(difference))]
    text = f"the difference is {worst:.4g}, so the measurement cannot be relied on."
    return Problem("invalid", "control_failed", text)


def _by_epoch(
    control: Assertion, evidence: EvidenceIndex, design: Design
) -> list[tuple[int | None, Assertion]]:
    """Return the control once for each epoch it is held at, with that epoch in its estimands."""
    reads = [reading for reading in control.contrast.reads() if _is_at_any_epoch(reading)]
    audited = [evidence.epochs_of(reading.metric, design.label(reading.arm)) for reading in reads]
    epochs = sorted(set.intersection(*map(set, audited))) if audited else []
    if not epochs:  # rows without epochs, or none at all
        return [(None, control)]
    return [(epoch, _at(control, epoch)) for epoch in epochs]


def _is_at_any_epoch(read: Read) -> bool:
    """Whether a read names no epoch, and is of one at a time."""
    return read.epoch is None and read.course is None


def _at(control: Assertion, epoch: int) -> Assertion:
    a, b = (
        side.with_reads(lambda read: replace(read, epoch=epoch) if _is_at_any_epoch(read) else read)
        for side in (control.a, control.b)
    )
    return replace(control, a=a, b=b)
