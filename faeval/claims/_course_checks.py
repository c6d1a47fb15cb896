"""What forbids the use of numbers over all epochs of a run: areas, and times to a threshold."""

from __future__ import annotations

from collections import defaultdict

from faeval._safe_text import listed
from faeval.claims._design import Problem
from faeval.claims._estimand import Read
from faeval.claims._evidence_index import Cell
from faeval.claims._measurement import Measurement
from faeval.experiment import named


def unlike_courses(m: Measurement) -> Problem | None:
    """Return why numbers over all epochs cannot be compared: other epochs, or other caps."""
    if not m.reads_courses:
        return None
    cells: defaultdict[str, list[tuple[str, Cell]]] = defaultdict(list)
    caps: defaultdict[Read, set[int]] = defaultdict(set)
    for reading, seed, _, cell in m.cells():
        if reading.course is None:
            continue
        cells[str(reading.metric)].append((f"{named(reading.arm.label)} at seed {seed}", cell))
        if cell.censored:
            caps[reading].add(cell.epochs[-1])
    for reading, ends in caps.items():
        if len(ends) > 1:
            return _mismatch(
                f"runs of {named(reading.arm.label)} that never crossed the threshold end at"
                f" different epochs ({listed(sorted(ends), 10)}); run all of them equally long."
            )
    is_area = any(reading.course is not None and reading.course.is_area for reading in m.reads)
    return next(
        filter(None, (_unlike_epochs(name, of, is_area) for name, of in cells.items())), None
    )


def _unlike_epochs(metric: str, cells: list[tuple[str, Cell]], to_the_end: bool) -> Problem | None:
    """Return which runs have a metric at other epochs, to the end of all or of the shortest."""
    last = max if to_the_end else min
    until = last(cell.epochs[-1] for _, cell in cells)
    of: dict[tuple[int, ...], str] = {}
    for run, cell in cells:
        of.setdefault(tuple(epoch for epoch in cell.epochs if epoch <= until), run)
    if len(of) < 2:
        return None
    (first, one), (second, other) = list(of.items())[:2]
    return _mismatch(
        f"{metric} is there at other epochs: {one} has {listed(list(first), 10)}, and {other}"
        f" {listed(list(second), 10)}; measure all runs at the same epochs."
    )


def _mismatch(text: str) -> Problem:
    return Problem("invalid", "unit_mismatch", text)


def cut_off(m: Measurement) -> Problem | None:
    """Return that times were cut at a cap, where a rule reads both sides as they are."""
    if not m.rule.sides:
        return None
    cut = {seed for _, seed, _, cell in m.cells() if cell.censored}
    if not cut:
        return None
    is_paired = all(assertion.paired for assertion in m.claim.asserted)
    remedy = "" if is_paired else ", or pair the arms by seed (leave paired=False out)"
    return Problem(
        "inconclusive",
        "censored",
        f"at {len(cut)} of {len(m.seeds)} seeds a run never crossed the threshold, and the"
        f" {m.rule.name} rule cannot read a time that is only known to be longer; run"
        f" longer{remedy}.",
    )
