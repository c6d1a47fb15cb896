"""The lock: what was registered of each claim, when and over what, as one committed file that only grows.

``claims`` holds each claim as it is registered now. ``chain`` has one entry for each registration and amendment; an
entry's digest covers the one before it and the digests of what it registered, so no part of the past can be changed
without changing every digest after it. The digest of the last entry is the lock's own: runs record it, which proves what
was registered when they were made, where clocks cannot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from faeval._atomic import replace_file
from faeval.claims._claim import Claim
from faeval.errors import FaevalError, Tampered

#: Seeds for exploring and for setting margins; never for deciding.
PILOT_SEEDS = tuple(range(1000, 1006))
#: Pilots, and the seeds behind the published figures: a claim decided on any of them is a reproduction.
LOOKED_AT = (42, 123, 456, *PILOT_SEEDS)
NAME = "claims.lock"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Record):
    """What a pilot gave for one tested assertion: seeds, mean and standard deviation (ddof 1) of its differences."""

    n: int
    mean: float
    sd: float


def _asking(canonical: dict[str, Any]) -> dict[str, Any]:
    """Refuse a claim that asks nothing that could be read, as a forged lock may hold."""
    if not all(isinstance(assertion, dict) for assertion in canonical["assertions"]):
        raise ValueError("an assertion is no object")
    return canonical


class Registered(_Record):
    """One claim as it was registered."""

    sha256: str
    sentence: str
    family: str
    alpha: float
    seeds: dict[str, list[int]]
    expect: str | dict[str, str] | None = None
    canonical: Annotated[dict[str, Any], AfterValidator(_asking)]
    pilot: dict[str, list[Spread | None]] = {}

    def planned(self, setting: str) -> tuple[int, ...]:
        """Return the seeds planned in a setting."""
        return tuple(self.seeds.get(setting, self.seeds["*"]))

    def expected(self, setting: str) -> str | None:
        """Return the word registered for a setting, or None for any."""
        word = self.expect.get(setting) if isinstance(self.expect, dict) else self.expect
        return None if word == "any" else word

    def question(self) -> Any:
        """Return what it asks, whatever seeds, family and anticipated effect it is asked with."""
        return [{k: v for k, v in a.items() if k != "anticipated"} for a in self.canonical["assertions"]]


class Entry(_Record):
    """One link of the chain: a registration, or an amendment with its reason.

    ``claims`` has the digest of each claim that this entry registered, ``replaced`` the former content of those that it
    amended; ``looked_at`` the seeds that had been looked at by then. ``sha256`` covers all of it and ``before``, the
    digest of the entry before.
    """

    schema_version: Literal[1, 2] = 2
    date: str
    commit: str | None
    reason: str = ""
    claims: dict[str, str]
    replaced: dict[str, Registered] = {}
    looked_at: list[int]
    before: str | None = None
    sha256: str = ""


class Lock(_Record):
    """All registered claims of a folder, and how they came to be registered. Reading one that was edited raises Tampered."""

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
        """Return the position in the chain of the entry that a claim's present form, in a setting, comes from."""
        amended = self.amendments(claim, setting)
        return self.chain.index(amended[-1]) if amended else self._first(claim)

    def amendments(self, claim: str, setting: str | None = None) -> tuple[Entry, ...]:
        """Return the entries that amended a claim; with a setting, those that changed what it says or expects there."""
        entries = [entry for entry in self.chain if claim in entry.replaced]
        forms = [*(entry.replaced[claim] for entry in entries), self.claims[claim]]

        def changed(before: Registered, after: Registered) -> bool:
            if setting is None:
                return True
            return before.sha256 != after.sha256 or before.expected(setting) != after.expected(setting)

        return tuple(e for e, before, after in zip(entries, forms, forms[1:], strict=False) if changed(before, after))

    def position(self, digest: str) -> int | None:
        """Return the position in the chain of the entry of that digest, or None where there is none."""
        return next((i for i, entry in enumerate(self.chain) if entry.sha256 == digest), None)

    def attempt(self, claim: str) -> int:
        """Return the how manyth registered claim this is that asks one question; claims of one entry count as one try."""
        asked, own = self.claims[claim].question(), self._first(claim)
        return 1 + len({e for i, c in self.claims.items() if c.question() == asked and (e := self._first(i)) < own})

    def _first(self, claim: str) -> int:
        return min(i for i, entry in enumerate(self.chain) if claim in entry.claims)


def make_lock(
    claims: Sequence[Claim],
    pilots: Mapping[str, Mapping[str, list[Spread | None]]],
    *,
    registered: str,
    commit: str | None,
    looked_at: Iterable[int] = LOOKED_AT,
    before: Lock | None = None,
    amend: Iterable[str] = (),
    because: str = "",
) -> Lock:
    """Return the lock of claims.

    Parameters
    ----------
    pilots
        By claim id, then setting: the spread of each tested assertion on pilot seeds.
    registered, commit
        The day (ISO) and the git commit of the registration.
    before
        An earlier lock: its claims stay as they were registered, and its chain goes on.
    amend, because
        Ids of claims of that lock to register in their present form, and the reason why.

    Raises
    ------
    FaevalError
        There is no claim; a planned seed has been looked at; an amendment has no reason or changes nothing.
    """
    if not claims:
        raise FaevalError("faeval lock: no claim was found; name a file or folder that defines some.")
    looked = sorted({*looked_at, *(before.looked_at if before else ())})
    known, amended = (before.claims if before else {}), tuple(amend)
    _check_amendment(claims, known, amended, because)
    new: dict[str, Registered] = {}
    for claim in claims:
        if claim.id in known and claim.id not in amended:
            continue
        for setting, seeds in claim.seeds.items():
            again = sorted(set(seeds) & set(looked))
            if again:
                raise FaevalError(
                    f"claim {claim.name!r}: its planned seed {again[0]} (setting {setting}) has been looked at already; "
                    "plan fresh seeds, such as 1, 2, 3."
                )
        new[claim.id] = _registered(claim, pilots.get(claim.id, {}))
    for name in amended:
        if new[name] == known[name] or (
            _without_pilot(new[name]) == _without_pilot(known[name]) and not new[name].pilot
        ):
            raise FaevalError(
                f"faeval lock: --amend {name!r}: the claim is as it was registered; there is nothing to amend."
            )
    if before is not None and not new:
        return before
    entry = Entry(
        date=registered,
        commit=commit,
        reason=because.strip(),
        claims={name: _digest(c.model_dump()) for name, c in new.items()},
        replaced={name: known[name] for name in amended},
        looked_at=looked,
        before=before.sha256 if before else None,
    )
    sealed = entry.model_copy(update={"sha256": _digest(entry.model_dump(exclude={"sha256"}))})
    return Lock(claims={**known, **new}, chain=(*(before.chain if before else ()), sealed))


def _check_amendment(
    claims: Sequence[Claim], known: Mapping[str, Registered], amended: tuple[str, ...], because: str
) -> None:
    for name in amended:
        if name not in known or name not in {c.id for c in claims}:
            where = "is not registered" if name not in known else "is in none of the claims files given"
            close = [i for i in known if i.partition("::")[2] == name or i.startswith(f"{name}::")]
            meant = f"; did you mean {close[0]!r}?" if close else "; name a claim as FILE::VARIABLE."
            raise FaevalError(f"faeval lock: --amend {name!r} {where}{meant}")
    if amended and not because.strip():
        raise FaevalError(
            f"faeval lock: --amend {amended[0]!r} gives no reason; say it with --because, it stands in the lock for good."
        )
    if because.strip() and not amended:
        raise FaevalError(
            f"faeval lock: --because {because!r} amends nothing; name the claims with --amend FILE::VARIABLE."
        )


def _registered(claim: Claim, pilots: Mapping[str, list[Spread | None]]) -> Registered:
    return Registered(
        sha256=claim.sha256(),
        sentence=claim.sentence,
        family=claim.family or "",
        alpha=claim.alpha,
        seeds={k: list(v) for k, v in claim.seeds.items()},
        expect=dict(claim.expect) if isinstance(claim.expect, Mapping) else claim.expect,
        canonical=json.loads(json.dumps(claim.canonical())),
        pilot=dict(pilots),
    )


def _without_pilot(registered: Registered) -> dict[str, Any]:
    return registered.model_dump(exclude={"pilot"})


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock by rename, readable and in a stable order."""
    text = json.dumps(lock.model_dump(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    replace_file(path, text.encode())


def read_lock(path: Path) -> Lock:
    """Return the lock in a file; raise Tampered where it does not match its own digests."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FaevalError(f"{path}: cannot be read ({error.strerror}); name a lock, or restore it.") from None
    except ValueError as error:
        raise Tampered(f"{path} is no lock that this version can read ({error}); restore it.") from None
    return parse_lock(text, str(path))


def parse_lock(text: str, source: str) -> Lock:
    """Return the lock in a text; raise Tampered where it does not match its own digests."""
    try:
        content = json.loads(text)
        lock = _upgraded(content) if content.get("schema_version") == 1 else Lock.model_validate(content)
        sound = _is_sound(lock)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, ValidationError) as error:
        line = (str(error) or type(error).__name__).splitlines()[0]
        raise Tampered(
            f"{source} is no lock that this version can read ({line}); restore it, or run `faeval lock`."
        ) from None
    if not sound:
        raise Tampered(f"{source} does not match its checksum: it was edited by hand. Restore it from version control.")
    return lock


def _upgraded(content: dict[str, Any]) -> Lock:
    """Return a lock of schema 1, which had no chain, as a chain of one entry that keeps its digest."""
    fields = set(content) - {"schema_version", "registered", "commit", "looked_at", "claims", "sha256"}
    if fields:
        raise ValueError(f"unknown field {min(fields)!r}")
    claims = {name: Registered.model_validate(c) for name, c in content["claims"].items()}
    entry = Entry(
        schema_version=1,
        date=content["registered"],
        commit=content["commit"],
        claims={name: _digest(c.model_dump()) for name, c in claims.items()},
        looked_at=content["looked_at"],
        sha256=content["sha256"],
    )
    return Lock(claims=claims, chain=(entry,))


def _is_sound(lock: Lock) -> bool:
    """Whether every digest of the chain is that of what it stands for, walked back from the claims of today."""
    claims = dict(lock.claims)
    for position in reversed(range(len(lock.chain))):
        entry, before = lock.chain[position], lock.chain[position - 1].sha256 if position else None
        if entry.before != before or entry.sha256 != _entry_digest(entry, claims):
            return False
        if any(name not in claims or _digest(claims[name].model_dump()) != sha for name, sha in entry.claims.items()):
            return False
        for name in entry.claims:
            del claims[name]
        if not set(entry.replaced) <= set(entry.claims):
            return False
        claims |= entry.replaced
    return bool(lock.chain) and not claims


def _entry_digest(entry: Entry, claims: Mapping[str, Registered]) -> str:
    if entry.schema_version == 2:
        return _digest(entry.model_dump(exclude={"sha256"}))
    content = {"schema_version": 1, "registered": entry.date, "commit": entry.commit, "looked_at": entry.looked_at}
    return _digest({**content, "claims": {name: c.model_dump() for name, c in claims.items()}})


def find_lock(paths: Iterable[Path]) -> Lock | None:
    """Return the one lock that lies beside the claims files of these paths, or None."""
    found = {p.resolve() for given in paths if (p := (given if given.is_dir() else given.parent) / NAME).is_file()}
    if len(found) > 1:
        raise FaevalError(
            f"the paths hold {len(found)} locks ({', '.join(sorted(map(str, found)))}); verify them one by one."
        )
    return read_lock(found.pop()) if found else None


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
