"""The file of a lock: made from claims, written, read, and held against its own digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faeval._whole_files import replace_file
from faeval.claims._claim import Claim
from faeval.claims._lock import LOOKED_AT, Entry, Lock, Registered, Spread
from faeval.claims._seed_plan import Drawn
from faeval.errors import FaevalError, Tampered

NAME = "claims.lock"


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
    earlier = before.claims if before else {}
    looked = {*looked_at, *(before.looked_at if before else ())}
    amended = tuple(amend)
    _check_amendment(claims, earlier, amended, because)
    new = {
        claim.id: _registered(claim, pilots.get(claim.id, {}), codes.get(claim.id, {}), looked)
        for claim in claims
        if claim.id not in earlier or claim.id in amended
    }
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
        looked_at=sorted(looked),
        before=before.sha256 if before else None,
    )
    sealed = entry.model_copy(update={"sha256": _entry_digest(entry, {})})
    return Lock(claims={**earlier, **new}, chain=(*(before.chain if before else ()), sealed))


def _check_changed(name: str, old: Registered, new: Registered) -> None:
    if new.model_copy(update={"pilot": new.pilot or old.pilot}) == old:
        raise FaevalError(
            f"faeval lock: --amend {name!r}: the claim is as it was registered; there is nothing to"
            " amend."
        )


def _check_amendment(
    claims: Sequence[Claim], known: Mapping[str, Registered], amended: tuple[str, ...], because: str
) -> None:
    ids = {c.id for c in claims}
    for name in amended:
        if name not in known or name not in ids:
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
    claim: Claim,
    pilots: Mapping[str, list[Spread | None]],
    code: Mapping[str, str],
    looked: set[int],
) -> Registered:
    """Return a claim as it is registered now; raise FaevalError where a seed was looked at."""
    seeds, drawn = {}, {}
    for setting, plan in claim.seeds.items():
        if isinstance(plan, Drawn):
            drawn[setting] = plan.count
        elif again := looked & {*plan}:
            raise FaevalError(
                f"claim {claim.name!r}: its planned seed {min(again)} (setting {setting}) has been"
                " looked at already; plan fresh seeds, such as 1, 2, 3."
            )
        else:
            seeds[setting] = [*plan]
    return Registered(
        sha256=claim.sha256(),
        sentence=claim.sentence,
        family=claim.family or "",
        alpha=claim.alpha,
        seeds=seeds,
        drawn=drawn,
        expect=dict(claim.expect) if isinstance(claim.expect, Mapping) else claim.expect,
        canonical=json.loads(json.dumps(claim.canonical())),
        pilot=dict(pilots),
        code=dict(code),
    )


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
        is_old = content.get("schema_version") == 1
        lock = Lock.model_validate(_upgraded(content) if is_old else content)
        sound = _is_sound(lock)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
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
    names = {"schema_version", "registered", "commit", "looked_at", "claims", "sha256"}
    if fields := set(content) - names:
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
    claims = lock.claims
    befores = (None, *(entry.sha256 for entry in lock.chain))
    for entry, before in reversed(list(zip(lock.chain, befores, strict=False))):
        own = {name: _digest(c.model_dump()) for name, c in claims.items() if name in entry.claims}
        expected = before, _entry_digest(entry, claims), own
        is_sound = (entry.before, entry.sha256, entry.claims) == expected
        if not is_sound or not entry.replaced.keys() <= entry.claims.keys():
            return False
        claims = entry.undone(claims)
    return bool(lock.chain) and not claims


def _entry_digest(entry: Entry, claims: Mapping[str, Registered]) -> str:
    """Return the digest that an entry must have; of schema 1 it covers the claims themselves."""
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
    files = ((path if path.is_dir() else path.parent) / NAME for path in paths)
    locks = {file.resolve() for file in files if file.is_file()}
    if len(locks) > 1:
        raise FaevalError(
            f"the paths hold {len(locks)} locks ({', '.join(sorted(map(str, locks)))}); verify them"
            " one by one."
        )
    return read_lock(locks.pop()) if locks else None


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
