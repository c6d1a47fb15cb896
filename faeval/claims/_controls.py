"""Controls: bounds on the measurement itself, which must hold on every audited checkpoint.

They are no tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from faeval.claims._assertion import Assertion
from faeval.claims._claim import Claim
from faeval.claims._design import Design, Problem
from faeval.claims._evidence_index import EvidenceIndex
from faeval.claims._measurement import Measurement
from faeval.claims._measurement_checks import missing, untrustworthy


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
                m = Measurement(claim.named(assertions=(bound,)), evidence, design, [seed])
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
    difference = np.ravel(np.subtract(*m.values(bound)))
    if bound.region.holds(difference, bound.margin.value).all():
        return None
    worst = difference[np.argmax(np.abs(difference))]
    text = f"the difference is {worst:.4g}, so the measurement cannot be relied on."
    return Problem("invalid", "control_failed", text)


def _by_epoch(
    control: Assertion, evidence: EvidenceIndex, design: Design
) -> list[tuple[int | None, Assertion]]:
    """Return the control once for each epoch it is held at, with that epoch in its estimands."""
    reads = [reading for reading in control.contrast.reads() if reading.epoch is None]
    audited = [evidence.epochs_of(reading.metric, design.label(reading.arm)) for reading in reads]
    epochs = sorted(set.intersection(*map(set, audited))) if audited else []
    if not epochs:  # rows without epochs, or none at all
        return [(None, control)]
    return [(epoch, _at(control, epoch)) for epoch in epochs]


def _at(control: Assertion, epoch: int) -> Assertion:
    a, b = (
        side.with_reads(lambda read: read if read.epoch is not None else replace(read, epoch=epoch))
        for side in (control.a, control.b)
    )
    return replace(control, a=a, b=b)
