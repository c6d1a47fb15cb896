"""The lock: what was registered, before which evidence, and which seeds had been looked at already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

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


class Registered(_Record):
    """One claim as it was registered."""

    sha256: str
    sentence: str
    family: str
    alpha: float
    seeds: dict[str, list[int]]
    expect: str | dict[str, str] | None = None
    canonical: dict[str, Any]
    pilot: dict[str, list[Spread | None]] = {}

    def planned(self, setting: str) -> tuple[int, ...]:
        """Return the seeds planned in a setting."""
        return tuple(self.seeds.get(setting, self.seeds["*"]))

    def expected(self, setting: str) -> str | None:
        """Return the word registered for a setting, or None for any."""
        word = self.expect.get(setting) if isinstance(self.expect, dict) else self.expect
        return None if word == "any" else word


class Lock(_Record):
    """All registered claims of a folder.

    ``sha256`` covers everything else in the file; reading a lock that does not match it raises Tampered.
    """

    schema_version: Literal[1] = 1
    registered: str
    commit: str | None
    looked_at: list[int]
    claims: dict[str, Registered]
    sha256: str

    def family(self, name: str) -> list[str]:
        """Return the ids of a family's members."""
        return [i for i, c in self.claims.items() if c.family == name]


def make_lock(
    claims: Sequence[Claim],
    pilots: Mapping[str, Mapping[str, list[Spread | None]]],
    *,
    registered: str,
    commit: str | None,
    looked_at: Iterable[int] = LOOKED_AT,
    before: Lock | None = None,
) -> Lock:
    """Return the lock of claims.

    Parameters
    ----------
    pilots
        By claim id, then setting: the spread of each tested assertion on pilot seeds.
    registered, commit
        The day (ISO) and the git commit of the registration.
    before
        An earlier lock: its claims stay as they were registered.
    """
    if not claims:
        raise FaevalError("faeval lock: no claim was found; name a file or folder that defines some.")
    looked = sorted({*looked_at, *(before.looked_at if before else ())})
    for claim in claims:
        for setting, seeds in claim.seeds.items():
            known = sorted(set(seeds) & set(looked))
            if known:
                raise FaevalError(
                    f"claim {claim.name!r}: its planned seed {known[0]} (setting {setting}) has been looked at already; "
                    "plan fresh seeds, such as 1, 2, 3."
                )
    content: dict[str, Any] = {
        "schema_version": 1,
        "registered": registered,
        "commit": commit,
        "looked_at": looked,
        "claims": {
            c.id: {
                "sha256": c.sha256(),
                "sentence": c.sentence,
                "family": c.family or "",
                "alpha": c.alpha,
                "seeds": {k: list(v) for k, v in c.seeds.items()},
                "expect": dict(c.expect) if isinstance(c.expect, Mapping) else c.expect,
                "canonical": c.canonical(),
                "pilot": {
                    s: [None if x is None else x.model_dump() for x in xs] for s, xs in pilots.get(c.id, {}).items()
                },
            }
            for c in claims
            if before is None or c.id not in before.claims
        }
        | ({i: c.model_dump() for i, c in before.claims.items()} if before else {}),
    }
    return Lock.model_validate({**content, "sha256": _digest(content)})


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock by rename, readable and in a stable order."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(
        json.dumps(lock.model_dump(), indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    partial.replace(path)


def read_lock(path: Path) -> Lock:
    """Return the lock in a file; raise Tampered where it does not match its own checksum."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lock = Lock.model_validate(content)
    except (ValueError, ValidationError) as error:
        line = str(error).splitlines()[0]
        raise Tampered(
            f"{path} is no lock that this version can read ({line}); restore it, or run `faeval lock`."
        ) from None
    content.pop("sha256")
    if _digest(content) != lock.sha256:
        raise Tampered(f"{path} does not match its checksum: it was edited by hand. Restore it from version control.")
    return lock


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
