"""Drift: what moved between two reports of one setting, and what may have moved it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from faeval.claims._verdict import AssertionResult, plain

SCHEMA = "faeval/drift/2"
FLAG = "replication_differs"
#: The power that a claim is taken to have where it names no anticipated effect, or several.
POWER = 0.8

#: What a difference can do to a verdict: it is part of what was asked (rule), can change the
#: numbers, changes them as chance does, decides otherwise though no record says why (deciding), or
#: changes no verdict (words). See :func:`faeval.reports.drift` for the order.
Kind = Literal["rule", "numbers", "chance", "deciding", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise.

    ``what`` is its code: a field of a verdict or an assertion, such as margin or seeds, ``claimed``
    (before and now are the assertions), ``provenance`` (of the name in ``name``), ``runs`` (how
    many; ``name`` says how many are in common), or ``undetermined``. ``before`` and ``now`` are
    plain values of JSON; of provenance None is not recorded. ``assertion`` counts from 1, where a
    claim has several. ``claims`` are those that it is of, empty for all.
    """

    kind: Kind
    what: str
    before: Any = None
    now: Any = None
    name: str = ""
    assertion: int | None = None
    claims: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {**vars(self), "claims": list(self.claims)}


@dataclass(frozen=True)
class Snapshot:
    """One claim as one report has it: word, reason code, how many seeds, each assertion."""

    verdict: str
    reason_code: str
    n: int
    assertions: tuple[AssertionResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, of each assertion the estimate with its interval."""
        estimates = [
            plain({"estimate": a.estimate, "interval": a.interval, "unit": a.unit})
            for a in self.assertions
        ]
        return {
            "verdict": self.verdict,
            "reason_code": self.reason_code,
            "n": self.n,
            "estimates": estimates,
        }


@dataclass(frozen=True)
class Change:
    """One claim of both reports that reads otherwise.

    ``shifts`` has for each assertion how far its estimate went, in halves of the wider of its two
    intervals; None where it has no interval, or other sides than before. ``identical`` says that
    both verdicts rest on the same evidence or trained weights. ``agreement`` is how often two such
    reports, each on networks of its own, agree at all; None where the verdict is the same, or
    nothing was replicated.
    """

    claim: str
    sentence: str
    before: Snapshot
    now: Snapshot
    shifts: tuple[float | None, ...]
    identical: bool
    agreement: float | None
    causes: tuple[Difference, ...]

    @property
    def moved(self) -> bool:
        """Whether the verdict is another word."""
        return self.before.verdict != self.now.verdict

    @property
    def failure(self) -> bool:
        """Whether it moved on identical evidence or weights, where nothing should."""
        return self.moved and self.identical

    @property
    def flag(self) -> str | None:
        """The flag that the verdict gets, if any.

        It is :data:`FLAG` where the verdict moved and the two reports measured different networks.
        """
        return FLAG if self.moved and self.agreement is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "claim": self.claim,
            "sentence": self.sentence,
            "before": self.before.to_dict(),
            "now": self.now.to_dict(),
            "shifts": list(self.shifts),
            "identical": self.identical,
            "failure": self.failure,
            "flag": self.flag,
            "expected_agreement": self.agreement,
            "causes": [cause.to_dict() for cause in self.causes],
        }


@dataclass(frozen=True)
class Drift:
    """What changed between two reports of one setting.

    Parameters
    ----------
    moved
        Claims whose verdict is another word.
    shifted
        Claims of the same word, whose estimate or reason code is another.
    added, gone
        Claims of the new report alone, and of the earlier one alone.
    differences
        What differs at all, the most likely cause first: registered fields of claims, seeds among
        them, whether or not a verdict moved; then provenance; then words. What may have moved a
        verdict stands with its change, too.
    same_evidence
        Whether both rest on one and the same evidence table.
    compared
        How many claims both reports have.
    """

    setting: str
    moved: tuple[Change, ...]
    shifted: tuple[Change, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]
    differences: tuple[Difference, ...]
    same_evidence: bool
    compared: int

    @property
    def exit_code(self) -> int:
        """1 where a verdict moved on identical evidence or weights, else 0."""
        return int(any(change.failure for change in self.moved))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, unrounded."""
        return {
            "setting": self.setting,
            "exit_code": self.exit_code,
            "same_evidence": self.same_evidence,
            "compared": self.compared,
            "moved": [change.to_dict() for change in self.moved],
            "shifted": [change.to_dict() for change in self.shifted],
            "added": list(self.added),
            "gone": list(self.gone),
            "differences": [difference.to_dict() for difference in self.differences],
        }


def drifts_json(drifts: Iterable[Drift]) -> str:
    """Return some drifts as one JSON object in ASCII, with the exit code of them all."""
    reports = [drift.to_dict() for drift in drifts]
    whole = {
        "schema": SCHEMA,
        "exit_code": max((d["exit_code"] for d in reports), default=0),
        "reports": reports,
    }
    return json.dumps(whole, sort_keys=True, indent=1, allow_nan=False) + "\n"
