"""Where a report comes from, and how to decide it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from faeval.claims._verdict import Verdict
from faeval.reports._shown import Fact
from faeval.reports._words import plain

if TYPE_CHECKING:
    from faeval.reports._report import Report


def provenance_facts(report: Report) -> Iterator[Fact]:
    """Say what the evidence says of where it comes from."""
    yield Fact("Evidence sha256", plain(report.evidence_sha256 or "none"))
    yield Fact("Lock sha256", plain(report.lock_sha256 or "none"))
    for name in sorted(set(report.provenance) - {"registrations", "evidence_sha256"}):  # said elsewhere
        yield from (Fact(label, plain(text)) for label, text in _flat(name.replace("_", " "), report.provenance[name]))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _flat(f"{prefix} {key}".strip().replace("_", " "), value[key])
    elif isinstance(value, tuple | list | set | frozenset):
        items = sorted(map(str, value)) if isinstance(value, set | frozenset) else list(map(str, value))
        yield prefix, ", ".join(items) or "none"
    elif isinstance(value, Mapping) or value is None:
        yield prefix, "none"
    else:
        yield prefix, str(value)


def recompute(verdicts: tuple[Verdict, ...]) -> str:
    """The command that decides the same claims again from the evidence beside the report; CLAIMS and FOLDER are the reader's."""
    command = "faeval verify CLAIMS --evidence FOLDER --offline"
    lists = {v.seeds for v in verdicts if v.seeds and v.seeds != v.planned[: len(v.seeds)]}
    if len(lists) == 1:
        command += " --seeds " + ",".join(map(str, lists.pop()))
    return command
