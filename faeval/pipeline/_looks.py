"""Looks: a claim that may be decided early runs to its next look while it is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from faeval.claims import Verdict, with_gates
from faeval.pipeline._select import Selection


def first_stops(selection: Selection) -> dict[str, int]:
    """Return the number of seeds at which each claim with looks stops first, by its name."""
    return {
        claim.name: looks[0]
        for claim in with_gates(selection.claims)
        if (looks := claim.looks_in(selection.setting))
    }


def next_stops(
    selection: Selection, verdicts: Sequence[Verdict], stops: Mapping[str, int]
) -> dict[str, int] | None:
    """Return where claims stop next, open ones a look further; None where none goes on."""
    further = dict(stops)
    open_claims = {
        claim.name
        for claim, v in zip(selection.claims, verdicts, strict=True)
        if v.verdict == "inconclusive"
    }
    # A gate may not be among the claims asked for: it goes on while what waits for it is open.
    waiting = {
        gate.name
        for claim in selection.claims
        if claim.name in open_claims
        for gate in with_gates(claim.requires)
    }
    for claim in with_gates(selection.claims):
        later = [
            look for look in claim.looks_in(selection.setting) if look > stops.get(claim.name, look)
        ]
        if later and claim.name in open_claims | waiting:
            further[claim.name] = later[0]
    return further if further != dict(stops) else None
