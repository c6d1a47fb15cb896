"""Registration: claims.lock written, amended, and held against the claims files."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from faeval import campaign, claims, evidence
from faeval.claims import Claim, Lock, Spread
from faeval.errors import FaevalError, Tampered
from faeval.experiment import named
from faeval.pipeline._code import codes_to_register, other_code
from faeval.pipeline._provenance import check_stated, written_provenance


def register(
    paths: Sequence[str | Path] = ("claims",),
    pilots: Sequence[str | Path] = (),
    *,
    amend: Sequence[str] = (),
    because: str = "",
    store: str | Path | None = None,
) -> tuple[Lock, Path, tuple[str, ...]]:
    """Register claims: write ``claims.lock`` beside them, with what pilots say of the spread of
    each assertion.

    Parameters
    ----------
    paths
        Claims files, or one folder. All of them must lie in one folder, where the lock is written.
    pilots
        Evidence on pilot seeds: files or folders. Only rows on pilot seeds are read.
    amend, because
        Ids of registered claims (``file::variable``) to register anew in the form they have now,
        and the reason.
    store
        Where runs are kept: a new claim may not join a family that this store has evidence of.

    Returns
    -------
    tuple
        The lock, its file, and the ids that this call registered or amended.

    Raises
    ------
    FaevalError
        A claim is registered already in another form and not to be amended; a planned seed has been
        looked at; a family has evidence already; there is no claim.
    """
    file, found, before = _read(paths)
    for claim in found:
        old = before.claims.get(claim.id) if before else None
        if before and old and old.sha256 != claim.sha256() and claim.id not in amend:
            raise FaevalError(
                f"claim {claim.id!r} was registered on"
                f" {before.chain[before.entry_of(claim.id)].date} in another form; restore it, give"
                " the changed claim a new name and family, or amend it: faeval lock --amend"
                f' {claim.id} --because "..." says so in the lock and in every verdict.'
            )
    if before:
        _check_families(found, before, evidence.Store(Path(store)) if store is not None else None)
    spreads = _spreads(found, pilots)
    _check_pilots(found, pilots, spreads, before, amend)
    lock = claims.make_lock(
        found,
        spreads,
        registered=datetime.now(UTC).date().isoformat(),
        commit=campaign.provenance((), None).commit,
        codes=codes_to_register(found),
        before=before,
        amend=amend,
        because=because,
    )
    if lock is before:
        return lock, file, ()
    claims.write_lock(lock, file)
    return lock, file, tuple(sorted(lock.chain[-1].claims))


def _spreads(
    found: Sequence[Claim], pilots: Sequence[str | Path]
) -> dict[str, dict[str, list[Spread | None]]]:
    spreads: dict[str, dict[str, list[Spread | None]]] = {}
    for pilot in pilots:
        table = evidence.read(pilot)
        check_stated(pilot, table)
        written_provenance(pilot)
        for setting in sorted(table["setting"].unique()):
            part = claims.EvidenceIndex(
                claims.as_claimed(table[table["setting"] == setting], found, setting)
            )
            for claim in found:
                measured = claims.pilot_spreads(claim, part, setting)
                if measured:
                    spreads.setdefault(claim.id, {})[setting] = measured
    return spreads


def _check_pilots(
    found: Sequence[Claim],
    pilots: Sequence[str | Path],
    spreads: Mapping[str, object],
    before: Lock | None,
    amend: Sequence[str],
) -> None:
    """Refuse pilots that say nothing of what is to be registered: nobody would notice that they
    were not taken in.
    """
    if not pilots:
        return
    shown = ", ".join(map(str, pilots))
    if not spreads:
        raise FaevalError(
            f"faeval lock --pilot {shown}: no claim can be read on two or more of the pilot seeds"
            f" {claims.PILOT_SEEDS[0]}-{claims.PILOT_SEEDS[-1]} there; run them with --seeds, or"
            " leave --pilot out."
        )
    taken = [c.id for c in found if before is None or c.id not in before.claims or c.id in amend]
    late = [i for i in spreads if i not in taken]
    if late and not set(taken) & set(spreads):
        raise FaevalError(
            f"faeval lock --pilot {shown}: claim {late[0]!r} is registered already; a pilot that"
            " comes later is an "
            f'amendment: faeval lock --amend {late[0]} --because "..." --pilot {shown}.'
        )


def _read(paths: Sequence[str | Path]) -> tuple[Path, list[Claim], Lock | None]:
    given = [Path(p) for p in paths]
    folders = {(p if p.is_dir() else p.parent).resolve() for p in given}
    if len(folders) != 1:
        raise FaevalError(
            f"faeval lock: the paths lie in {len(folders)} folders; a lock covers one, name its"
            " claims alone."
        )
    file = folders.pop() / claims.NAME
    found = claims.load(given)
    return file, found, claims.read_lock(file) if file.exists() else None


def _check_families(found: Sequence[Claim], before: Lock, store: evidence.Store | None) -> None:
    """Refuse a new claim in a family that has evidence: its error rate is spent on the members it
    had.
    """
    joining = {
        c.family or "": c
        for c in found
        if c.id not in before.claims and before.family(c.family or "")
    }
    if not joining or store is None or not store.runs.is_dir():
        return
    looked = set(before.looked_at)
    arms: dict[tuple[str, int], str] = {}
    known = {entry.sha256 for entry in before.chain}
    for record in store.records():
        if record.lock in known and record.seed not in looked:
            arms.setdefault((record.arm, record.seed), record.setting)
    for family, claim in joining.items():
        for name in before.family(family):
            member = before.claims[name]
            labels = {
                term["arm"]
                for a in member.canonical["assertions"]
                for s in ("a", "b")
                for term in _reads(a[s])
            }
            hit = next(
                (
                    (arm, seed, s)
                    for (arm, seed), s in arms.items()
                    if arm in labels and seed in before.planned(name, s)
                ),
                None,
            )
            if hit is not None:
                at = f"{named(hit[0])} at seed {hit[1]} in {hit[2]}"
                raise FaevalError(
                    f"claim {claim.id!r}: its family {family!r} has evidence already (of {name!r}:"
                    f" {at}), so it is closed; give the claim a family of its own, family=..."
                )


def _reads(estimand: dict[str, object]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for term in estimand["terms"]:  # type: ignore[attr-defined]  # canonical form: a list of mappings
        found += _reads(term["log10"]) if "log10" in term else [term]
    return found


@dataclass(frozen=True)
class LockCheck:
    """How claims files stand to their lock: ids of claims that are as registered, changed, absent,
    or not registered.

    ``deviated`` are those of which the expectation alone was changed, ``code`` those whose runs
    reach other code.
    """

    lock: Lock
    file: Path
    same: tuple[str, ...]
    changed: tuple[str, ...]
    deviated: tuple[str, ...]
    code: tuple[str, ...]
    missing: tuple[str, ...]
    unregistered: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every registered claim stands in the files as it was registered."""
        return not self.changed and not self.deviated and not self.code and not self.missing


def check_lock(paths: Sequence[str | Path] = ("claims",), against: str | None = None) -> LockCheck:
    """Hold claims files against the lock beside them.

    Parameters
    ----------
    against
        A git revision whose lock must be where this one's chain comes from: nothing registered
        there may be gone.

    Raises
    ------
    Tampered
        The lock does not match its digests, or does not continue that of ``against``.
    FaevalError
        There is no lock, or the revision is not known.
    """
    file, found, lock = _read(paths)
    if lock is None:
        raise FaevalError(
            f"faeval lock --check: there is no {file.name} beside the claims; register them with"
            " faeval lock."
        )
    if against is not None:
        earlier = _lock_at(against, file)
        if earlier is not None and lock.position(earlier.sha256) is None:
            raise Tampered(
                f"{file} does not continue the lock of {against} ({earlier.sha256[:12]}): its"
                " history was rewritten. Restore that lock, and register what is new on top of it."
            )
    whole = any(Path(p).is_dir() for p in paths)
    files = {c.id.partition("::")[0] for c in found} | {
        Path(p).stem for p in paths if not Path(p).is_dir()
    }
    here = {c.id: c for c in found}
    expected = [name for name in lock.claims if whole or name.partition("::")[0] in files]
    there = [n for n in expected if n in here]
    changed = tuple(n for n in there if here[n].sha256() != lock.claims[n].sha256)
    deviated = tuple(
        n
        for n in there
        if n not in changed and not claims.same_expectation(here[n], lock.claims[n])
    )
    code = tuple(
        n for n in other_code(found, lock) if n in there and n not in changed and n not in deviated
    )
    return LockCheck(
        lock=lock,
        file=file,
        same=tuple(n for n in there if n not in changed and n not in deviated and n not in code),
        changed=changed,
        deviated=deviated,
        code=code,
        missing=tuple(n for n in expected if n not in here),
        unregistered=tuple(n for n in here if n not in lock.claims),
    )


def _lock_at(revision: str, file: Path) -> Lock | None:
    """Return the lock that a git revision holds, or None where it holds none."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", "-C", str(file.parent), *arguments],
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise FaevalError(
                f"faeval lock --against {revision}: git cannot be run ({error})."
            ) from None

    if git("rev-parse", "--git-dir").returncode:
        why = (
            campaign.git_refusal(file.parent)
            or f"{file.parent} is in no git repository; leave it out"
        )
        raise FaevalError(f"faeval lock --against {revision!r}: {why}.")
    if git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        raise FaevalError(
            f"faeval lock --against {revision!r}: no such revision here; fetch it, in CI with the"
            " full history."
        )
    shown = git("show", f"{revision}:./{file.name}")
    return (
        claims.parse_lock(shown.stdout, f"{file.name} at {revision}")
        if shown.returncode == 0
        else None
    )
