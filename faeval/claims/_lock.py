"""The lock: what was registered of each claim, when and on what, in one committed file.

``claims`` holds each claim as it is registered now. ``chain`` has one entry for each registration
and amendment; an entry's digest covers the one before it and the digests of what it registered, so
no part of the past can be changed without changing every digest after it. The digest of the last
entry is the lock's own: runs record it, which proves what was registered when they were made, where
clocks cannot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count as count_from, pairwise, takewhile
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from faeval.claims._question import anywhere, flattened_forms, question_of
from faeval.stats import KINDS

#: Seeds for exploring and for setting margins; never for deciding.
PILOT_SEEDS = tuple(range(1000, 1006))
#: Pilots, and the seeds behind the published figures: a claim decided on any of them is a
#: reproduction.
LOOKED_AT = (42, 123, 456, *PILOT_SEEDS)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Record):
    """What a pilot gave for one tested assertion.

    The number of seeds, and the mean and standard deviation (ddof 1) of its differences; of rates
    and of a ratio of means the mean of the second side, too.
    """

    n: int
    mean: float
    sd: float
    base: float | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the rate where there is none: digests of older entries do not cover it."""
        return {
            name: value
            for name, value in write(self).items()
            if name != "base" or value is not None
        }


def _asking(canonical: dict[str, Any]) -> dict[str, Any]:
    """Refuse a claim that asks nothing that could be read, as a forged lock may hold."""
    if not all(isinstance(assertion, dict) for assertion in canonical["assertions"]):
        raise ValueError("an assertion is no object")
    for assertion in flattened_forms(canonical["assertions"]):
        if assertion.get("kind") not in KINDS:
            raise ValueError(f"no assertion has the kind {assertion.get('kind')!r}")
    return canonical


class Registered(_Record):
    """One claim as it was registered.

    ``seeds`` has the seeds planned, by setting, and ``drawn`` how many are drawn where the plan is
    a rule; ``code`` the digest of the user's code that the runs reach, by setting. The two last
    came with entries of schema 3.
    """

    sha256: str
    sentence: str
    family: str
    alpha: float
    seeds: dict[str, list[int]]
    expect: str | dict[str, str] | None = None
    canonical: Annotated[dict[str, Any], AfterValidator(_asking)]
    pilot: dict[str, list[Spread | None]] = {}
    drawn: dict[str, int] = {}
    code: dict[str, str] = {}

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the fields of schema 3 where they are empty.

        Digests of older entries do not cover them.
        """
        return {
            name: value
            for name, value in write(self).items()
            if value or name not in ("drawn", "code")
        }

    def plan(self, setting: str) -> list[int] | int:
        """Return what is planned in a setting: seeds, or how many are to be drawn.

        ``Lock.planned`` draws them.
        """
        plans: dict[str, list[int] | int] = {**self.seeds, **self.drawn}
        return plans.get(setting, plans["*"])

    def expected(self, setting: str) -> str | None:
        """Return the word registered for a setting, or None for any."""
        word = self.expect.get(setting) if isinstance(self.expect, dict) else self.expect
        return None if word == "any" else word

    def differs(self, before: Registered, setting: str) -> bool:
        """Return whether it says, expects or runs something else in a setting than before."""
        code = self.code.get(setting)  # where none was registered before, none changed
        return (self.sha256, self.expected(setting), code) != (
            before.sha256,
            before.expected(setting),
            before.code.get(setting, code),
        )

    @cached_property
    def question(self) -> str:
        """Return what it asks, as JSON: kinds of assertion, arms, metrics, epochs and layers.

        Its margins, constants and seeds are left out.
        """
        return json.dumps(question_of(self.canonical["assertions"]))

    @cached_property
    def question_anywhere(self) -> str:
        """The question, whatever epochs and layers it is asked of."""
        return json.dumps(anywhere(json.loads(self.question)))


class Entry(_Record):
    """One link of the chain: a registration, or an amendment with its reason.

    ``claims`` has the digest of each claim that this entry registered, ``replaced`` the former
    content of those that it amended; ``looked_at`` the seeds that had been looked at by then.
    ``sha256`` covers all of it and ``before``, the digest of the entry before.
    """

    schema_version: Literal[1, 2, 3] = 3
    date: str
    commit: str | None
    reason: str = ""
    claims: dict[str, str]
    replaced: dict[str, Registered] = {}
    looked_at: list[int]
    before: str | None = None
    sha256: str = ""

    def undone(self, claims: dict[str, Registered]) -> dict[str, Registered]:
        """Return the claims as they were registered before this entry."""
        return {n: c for n, c in claims.items() if n not in self.claims} | self.replaced


class Lock(_Record):
    """All registered claims of a folder, and how they came to be registered.

    Reading a lock that was edited raises Tampered.
    """

    schema_version: Literal[2] = 2
    claims: dict[str, Registered]
    chain: tuple[Entry, ...]

    @property
    def sha256(self) -> str:
        """The digest of the last entry, and so of everything: what runs record."""
        return self.chain[-1].sha256

    @property
    def looked_at(self) -> list[int]:
        """The seeds that had been looked at by the last entry."""
        return self.chain[-1].looked_at

    def family(self, name: str) -> list[str]:
        """Return the ids of a family's members."""
        return [i for i, c in self.claims.items() if c.family == name]

    def entry_of(self, claim: str, setting: str | None = None) -> int:
        """Return the position of the entry that a claim's present form comes from.

        With a setting, the form that it has there.
        """
        amended = self.amendments(claim, setting)
        return self.chain.index(amended[-1]) if amended else self._first(claim)

    def planned(self, claim: str, setting: str) -> tuple[int, ...]:
        """Return the seeds that a registered claim plans in a setting."""
        plan = self.claims[claim].plan(setting)
        if isinstance(plan, list):
            return tuple(plan)
        entry = self.chain[self._first(claim)]  # also of an amended claim: it keeps its draw
        return draw(entry.sha256, setting, plan, entry.looked_at)

    def is_chosen(self, claim: str, setting: str) -> bool:
        """Return whether a claim's planned seeds were picked by hand.

        They are neither drawn nor in order, see :func:`in_order`.
        """
        plan, forms = self.claims[claim].plan(setting), reversed(self._forms(claim))
        *_, (since, _) = takewhile(lambda form: form[1].plan(setting) == plan, forms)
        return isinstance(plan, list) and not in_order(plan, self.highest_seed(setting, since))

    def highest_seed(self, setting: str, before: int | None = None) -> int:
        """Return the highest seed in a setting's plans; 0 without one.

        ``before`` counts only the plans of so many first entries.
        """
        claims = self.claims
        for entry in reversed(self.chain[before:] if before is not None else ()):
            claims = entry.undone(claims)
        plans = (form.plan(setting) for form in claims.values())
        return max((seed for plan in plans if isinstance(plan, list) for seed in plan), default=0)

    def amendments(self, claim: str, setting: str | None = None) -> tuple[Entry, ...]:
        """Return the entries that amended a claim.

        With a setting, those that changed what it says or expects there.
        """
        return tuple(
            self.chain[i]
            for (_, old), (i, new) in pairwise(self._forms(claim))
            if setting is None or new.differs(old, setting)
        )

    def _forms(self, claim: str) -> list[tuple[int, Registered]]:
        """Return each form in which a claim was registered, with the position of its entry."""
        at = [i for i, entry in enumerate(self.chain) if claim in entry.claims]
        forms = [*(self.chain[i].replaced[claim] for i in at[1:]), self.claims[claim]]
        return list(zip(at, forms, strict=True))

    def position(self, digest: str) -> int | None:
        """Return the position of the entry with that digest in the chain, or None."""
        return next((i for i, entry in enumerate(self.chain) if entry.sha256 == digest), None)

    def attempt(self, claim: str) -> int:
        """Return k where this is the k-th registered try of its question.

        Claims of one entry count as one try.
        """
        own, at = self.claims[claim], self._first(claim)
        firsts = {self._first(i) for i, c in self.claims.items() if c.question == own.question}
        return 1 + sum(first < at for first in firsts)

    def related(self, claim: str) -> int:
        """Return how many other claims ask its question of other epochs or layers."""
        own = self.claims[claim]
        return sum(
            c.question_anywhere == own.question_anywhere and c.question != own.question
            for c in self.claims.values()
        )

    def _first(self, claim: str) -> int:
        return min(i for i, entry in enumerate(self.chain) if claim in entry.claims)


def draw(digest: str, setting: str, count: int, looked_at: Iterable[int] = ()) -> tuple[int, ...]:
    """Return the seeds that a registration draws in a setting; anyone can compute them.

    Parameters
    ----------
    digest
        The ``sha256`` of the entry that first registered the claim.
    looked_at
        Seeds that are skipped: those that had been looked at by that entry.
    """
    seeds: dict[int, None] = {}
    skipped, numbers = set(looked_at), count_from(1)
    while len(seeds) < count:
        text = f"{digest} {setting} {next(numbers)}"
        number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
        seed = 10_000 + number % (2**31 - 10_000)
        if seed not in skipped:
            seeds[seed] = None
    return tuple(seeds)


def in_order(seeds: Sequence[int], highest: int) -> bool:
    """Whether seeds are 1..n, or the n numbers after the highest one that was registered before."""
    return any(list(seeds) == list(range(start, start + len(seeds))) for start in (1, highest + 1))


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
