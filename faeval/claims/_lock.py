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
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import count as count_from
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from faeval._whole_files import replace_file
from faeval.claims._claim import Claim
from faeval.claims._seed_plan import Drawn
from faeval.errors import FaevalError, Tampered
from faeval.stats import KINDS, region_of

#: Seeds for exploring and for setting margins; never for deciding.
PILOT_SEEDS = tuple(range(1000, 1006))
#: Pilots, and the seeds behind the published figures: a claim decided on any of them is a
#: reproduction.
LOOKED_AT = (42, 123, 456, *PILOT_SEEDS)
NAME = "claims.lock"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Record):
    """What a pilot gave for one tested assertion.

    The number of seeds, and the mean and standard deviation (ddof 1) of its differences.
    """

    n: int
    mean: float
    sd: float


def _asking(canonical: dict[str, Any]) -> dict[str, Any]:
    """Refuse a claim that asks nothing that could be read, as a forged lock may hold."""
    if not all(isinstance(assertion, dict) for assertion in canonical["assertions"]):
        raise ValueError("an assertion is no object")
    for assertion in canonical["assertions"]:
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

    @cached_property
    def question(self) -> str:
        """Return what it asks, as JSON: kinds of assertion, arms, metrics, epochs and layers.

        Its margins, constants and seeds are left out.
        """
        return json.dumps(_sorted(map(_asked, self.canonical["assertions"])))

    @cached_property
    def question_anywhere(self) -> str:
        """The question, whatever epochs and layers it is asked of."""
        return json.dumps(_anywhere(json.loads(self.question)))


def _asked(assertion: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a canonical assertion asks: its kind, and its contrast up to a factor."""
    region, (a, b) = region_of(assertion["kind"]), (assertion["a"], assertion["b"])
    if region.low == -math.inf and region.exchanged:  # "a below b" asks "b exceeds a"
        region, a, b = region_of(region.exchanged), b, a
    contrasts = [_weighed((1.0, a), (-1.0, b))]
    if region.exchanged == region.name:  # says the same of its sides exchanged
        contrasts.append(_weighed((1.0, b), (-1.0, a)))
    return {"kind": region.name, "contrast": min(contrasts, key=json.dumps)}


def _weighed(*sides: tuple[float, Mapping[str, Any]]) -> list[Any]:
    """Return the terms of signed sums without their constants; the largest weight counts 1."""
    weights: dict[str, float] = defaultdict(float)
    for sign, side in sides:
        for term in side["terms"]:
            atom = {name: value for name, value in term.items() if name != "weight"}
            if "log10" in atom:
                atom["log10"] = _weighed((1.0, atom["log10"]))
            weights[json.dumps(atom, sort_keys=True)] += sign * term["weight"]
    largest = max(map(abs, weights.values()), default=0.0) or 1.0
    return _sorted(
        {"weight": round(w / largest, 12), **json.loads(atom)} for atom, w in weights.items() if w
    )


def _anywhere(question: Any) -> Any:
    if isinstance(question, dict):
        return {k: _anywhere(v) for k, v in question.items() if k not in ("epoch", "layers")}
    return _sorted(map(_anywhere, question)) if isinstance(question, list) else question


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=json.dumps)


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
        forms = self._forms(claim)
        plan = forms[-1][1].plan(setting)
        since = 0  # the entry that this plan came with
        for position, form in reversed(forms):
            if form.plan(setting) != plan:
                break
            since = position
        return isinstance(plan, list) and not in_order(plan, self.highest_seed(setting, since))

    def highest_seed(self, setting: str, before: int | None = None) -> int:
        """Return the highest seed in a setting's plans; 0 without one.

        ``before`` counts only the plans of so many first entries.
        """
        claims = dict(self.claims)
        for entry in reversed(self.chain[before:] if before is not None else ()):
            claims = {
                name: form for name, form in claims.items() if name not in entry.claims
            } | entry.replaced
        plans = (form.plan(setting) for form in claims.values())
        return max((seed for plan in plans if isinstance(plan, list) for seed in plan), default=0)

    def amendments(self, claim: str, setting: str | None = None) -> tuple[Entry, ...]:
        """Return the entries that amended a claim.

        With a setting, those that changed what it says or expects there.
        """
        forms = self._forms(claim)

        def changed(before: Registered, after: Registered) -> bool:
            if setting is None:
                return True
            code = before.code.get(
                setting, after.code.get(setting)
            )  # where none was registered, none changed
            return (
                before.sha256 != after.sha256
                or before.expected(setting) != after.expected(setting)
                or code != after.code.get(setting)
            )

        return tuple(self.chain[i] for (_, old), (i, new) in pairwise(forms) if changed(old, new))

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
        return 1 + len(
            {
                e
                for i, c in self.claims.items()
                if c.question == own.question and (e := self._first(i)) < at
            }
        )

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
    skipped = set(looked_at)
    for i in count_from(1):
        if len(seeds) == count:
            return tuple(seeds)
        number = int(hashlib.sha256(f"{digest} {setting} {i}".encode()).hexdigest(), 16)
        seed = 10_000 + number % (2**31 - 10_000)
        if seed not in skipped:
            seeds[seed] = None
    raise AssertionError


def in_order(seeds: Sequence[int], highest: int) -> bool:
    """Whether seeds are 1..n, or the n numbers after the highest one that was registered before."""
    return any(list(seeds) == list(range(start, start + len(seeds))) for start in (1, highest + 1))


def make_lock(
    claims: Sequence[Claim],
    pilots: Mapping[str, Mapping[str, list[Spread | None]]],
    *,
    registered: str,
    commit: str | None,
    codes: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
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
    codes
        By claim id, then setting: the digest of the user's code that the runs reach.
    before
        An earlier lock: its claims stay as they were registered, and its chain goes on.
    amend, because
        Ids of claims of that lock to register in their present form, and the reason why.

    Raises
    ------
    FaevalError
        There is no claim; a planned seed has been looked at; an amendment has no reason or changes
        nothing.
    """
    if not claims:
        raise FaevalError(
            "faeval lock: no claim was found; name a file or folder that defines some."
        )
    looked = sorted({*looked_at, *(before.looked_at if before else ())})
    earlier, amended = (before.claims if before else {}), tuple(amend)
    _check_amendment(claims, earlier, amended, because)
    new: dict[str, Registered] = {}
    for claim in claims:
        if claim.id in earlier and claim.id not in amended:
            continue
        _check_fresh(claim, looked)
        new[claim.id] = _registered(claim, pilots.get(claim.id, {}), codes.get(claim.id, {}))
    for name in amended:
        _check_changed(name, earlier[name], new[name])
    if before is not None and not new:
        return before
    entry = Entry(
        date=registered,
        commit=commit,
        reason=because.strip(),
        claims={name: _digest(c.model_dump()) for name, c in new.items()},
        replaced={name: earlier[name] for name in amended},
        looked_at=looked,
        before=before.sha256 if before else None,
    )
    sealed = entry.model_copy(update={"sha256": _digest(entry.model_dump(exclude={"sha256"}))})
    return Lock(claims={**earlier, **new}, chain=(*(before.chain if before else ()), sealed))


def _check_fresh(claim: Claim, looked: Sequence[int]) -> None:
    for setting, seeds in _listed(claim).items():
        again = sorted(set(seeds) & set(looked))
        if again:
            raise FaevalError(
                f"claim {claim.name!r}: its planned seed {again[0]} (setting {setting}) has been"
                " looked at already; plan fresh seeds, such as 1, 2, 3."
            )


def _check_changed(name: str, old: Registered, new: Registered) -> None:
    if new == old or (_without_pilot(new) == _without_pilot(old) and not new.pilot):
        raise FaevalError(
            f"faeval lock: --amend {name!r}: the claim is as it was registered; there is nothing to"
            " amend."
        )


def _check_amendment(
    claims: Sequence[Claim], known: Mapping[str, Registered], amended: tuple[str, ...], because: str
) -> None:
    for name in amended:
        if name not in known or name not in {c.id for c in claims}:
            where = (
                "is not registered" if name not in known else "is in none of the claims files given"
            )
            close = [i for i in known if i.partition("::")[2] == name or i.startswith(f"{name}::")]
            hint = f"; did you mean {close[0]!r}?" if close else "; name a claim as FILE::VARIABLE."
            raise FaevalError(f"faeval lock: --amend {name!r} {where}{hint}")
    if amended and not because.strip():
        raise FaevalError(
            f"faeval lock: --amend {amended[0]!r} gives no reason; say it with --because, it stands"
            " in the lock for good."
        )
    if because.strip() and not amended:
        raise FaevalError(
            f"faeval lock: --because {because!r} amends nothing; name the claims with --amend"
            " FILE::VARIABLE."
        )


def _registered(
    claim: Claim, pilots: Mapping[str, list[Spread | None]], code: Mapping[str, str]
) -> Registered:
    return Registered(
        sha256=claim.sha256(),
        sentence=claim.sentence,
        family=claim.family or "",
        alpha=claim.alpha,
        seeds=_listed(claim),
        drawn={k: v.count for k, v in claim.seeds.items() if isinstance(v, Drawn)},
        expect=dict(claim.expect) if isinstance(claim.expect, Mapping) else claim.expect,
        canonical=json.loads(json.dumps(claim.canonical())),
        pilot=dict(pilots),
        code=dict(code),
    )


def _listed(claim: Claim) -> dict[str, list[int]]:
    return {
        setting: list(plan) for setting, plan in claim.seeds.items() if not isinstance(plan, Drawn)
    }


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
        raise FaevalError(
            f"{path}: cannot be read ({error.strerror}); name a lock, or restore it."
        ) from None
    except ValueError as error:
        raise Tampered(
            f"{path} is no lock that this version can read ({error}); restore it."
        ) from None
    return parse_lock(text, str(path))


def parse_lock(text: str, source: str) -> Lock:
    """Return the lock in a text; raise Tampered where it does not match its own digests."""
    try:
        content = json.loads(text)
        lock = (
            _upgraded(content)
            if content.get("schema_version") == 1
            else Lock.model_validate(content)
        )
        sound = _is_sound(lock)
    except (
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        RecursionError,
        ValidationError,
    ) as error:
        line = (str(error) or type(error).__name__).splitlines()[0]
        raise Tampered(
            f"{source} is no lock that this version can read ({line}); restore it, or run `faeval"
            " lock`."
        ) from None
    if not sound:
        raise Tampered(
            f"{source} does not match its checksum: it was edited by hand. Restore it from version"
            " control."
        )
    return lock


def _upgraded(content: dict[str, Any]) -> Lock:
    """Return a lock of schema 1, which had no chain, as a chain of one entry of the same digest."""
    fields = set(content) - {
        "schema_version",
        "registered",
        "commit",
        "looked_at",
        "claims",
        "sha256",
    }
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
    """Return whether every digest of the chain is right, from the newest entry back."""
    claims = dict(lock.claims)
    for position in reversed(range(len(lock.chain))):
        entry, before = lock.chain[position], lock.chain[position - 1].sha256 if position else None
        if entry.before != before or entry.sha256 != _entry_digest(entry, claims):
            return False
        if any(
            name not in claims or _digest(claims[name].model_dump()) != sha
            for name, sha in entry.claims.items()
        ):
            return False
        for name in entry.claims:
            del claims[name]
        if not set(entry.replaced) <= set(entry.claims):
            return False
        claims |= entry.replaced
    return bool(lock.chain) and not claims


def _entry_digest(entry: Entry, claims: Mapping[str, Registered]) -> str:
    if entry.schema_version > 1:
        return _digest(entry.model_dump(exclude={"sha256"}))
    content = {
        "schema_version": 1,
        "registered": entry.date,
        "commit": entry.commit,
        "looked_at": entry.looked_at,
    }
    return _digest({**content, "claims": {name: c.model_dump() for name, c in claims.items()}})


def find_lock(paths: Iterable[Path]) -> Lock | None:
    """Return the one lock that lies beside the claims files of these paths, or None."""
    locks = {
        p.resolve()
        for path in paths
        if (p := (path if path.is_dir() else path.parent) / NAME).is_file()
    }
    if len(locks) > 1:
        raise FaevalError(
            f"the paths hold {len(locks)} locks ({', '.join(sorted(map(str, locks)))}); verify them"
            " one by one."
        )
    return read_lock(locks.pop()) if locks else None


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
