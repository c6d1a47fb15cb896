"""Which came first, registration or evidence.

Every run records the lock's digest, which tells it; clocks do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faeval.claims._lock import Lock


@dataclass(frozen=True)
class Origins:
    """Under which registration each number was measured.

    Parameters
    ----------
    locks
        (arm, metric, seed) to the digests of the lock that records of it carry; None among them is
        a run without one.
    common
        The digests for numbers not named there; None where nothing is known.
    """

    locks: Mapping[tuple[str, str, int], frozenset[str | None]] = field(default_factory=dict)
    common: frozenset[str | None] | None = None

    def of(self, arm: str, metric: str, seed: int) -> frozenset[str | None] | None:
        """Return the digests under which a number was measured, or None where that is not known."""
        return self.locks.get((arm, metric, seed), self.common)


def registration_of(
    claim: str,
    setting: str,
    lock: Lock | None,
    flags: Iterable[str],
    reads: Iterable[tuple[str, str, int]],
    origins: Origins,
    *,
    changed: bool = False,
) -> tuple[str, str]:
    """Return how a verdict stands to its registration, and a digest unknown to the lock.

    The first is one of ``REGISTRATIONS``. The digest is of a registration that its runs name; ""
    without one.

    Parameters
    ----------
    setting
        Where it was decided: an amendment that left its content and its expectation there as they
        were does not count.
    reads
        (arm, metric, seed) of each number that the verdict rests on.
    changed
        Whether the claim is another than the one that was registered.
    """
    if lock is None or claim not in lock.claims:
        return "unregistered", ""
    if changed:
        return "changed", ""
    for word in ("reproduction", "exploratory"):
        if word in flags:
            return word, ""
    dates = [origins.of(*number) for number in dict.fromkeys(reads)]
    word, unknown = _order(lock, lock.entry_of(claim, setting), dates)
    return (_AMENDED.get(word, word) if lock.amendments(claim, setting) else word), unknown


#: What of a claim that was amended the other words are.
_AMENDED = {"registered": "amended", "after_evidence": "amended_after_evidence"}


def _order(
    lock: Lock, entry: int, dates: Sequence[frozenset[str | None] | None]
) -> tuple[str, str]:
    """Return whether evidence is newer than an entry of the lock, and a digest unknown to it."""
    digests = set[str | None]().union(*filter(None, dates))
    positions = {digest: lock.position(digest) for digest in digests if digest is not None}
    if None in digests or any(p is not None and p < entry for p in positions.values()):
        return "after_evidence", ""
    unknown = [digest for digest, position in positions.items() if position is None]
    if unknown or None in dates:
        return "undated", min(unknown, default="")
    return "registered", ""
