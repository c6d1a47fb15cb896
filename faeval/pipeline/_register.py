"""Registration: claims.lock written, amended, and held against the claims files."""

from __future__ import annotations

import subprocess
from collections import defaultdict
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
    """Register claims: write ``claims.lock`` beside them, with the spreads of pilots.

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
    file, claims_here, before = _read(paths)
    if before:
        _check_forms(claims_here, before, amend)
        if store is not None:
            _check_families(claims_here, before, evidence.Store(Path(store)))
    spreads = _spreads(claims_here, pilots)
    _check_pilots(claims_here, pilots, spreads, before, amend)
    lock = claims.make_lock(
        claims_here,
        spreads,
        registered=datetime.now(UTC).date().isoformat(),
        commit=campaign.provenance((), None).commit,
        codes=codes_to_register(claims_here),
        before=before,
        amend=amend,
        because=because,
    )
    if lock is before:
        return lock, file, ()
    claims.write_lock(lock, file)
    return lock, file, tuple(sorted(lock.chain[-1].claims))


def _check_forms(claims_here: Sequence[Claim], before: Lock, amend: Sequence[str]) -> None:
    """Refuse a claim that was registered in another form and is not to be amended."""
    for claim in claims_here:
        old = before.claims.get(claim.id)
        if old and old.sha256 != claim.sha256() and claim.id not in amend:
            raise FaevalError(
                f"claim {claim.id!r} was registered on"
                f" {before.chain[before.entry_of(claim.id)].date} in another form; restore it, give"
                " the changed claim a new name and family, or amend it: faeval lock --amend"
                f' {claim.id} --because "..." says so in the lock and in every verdict.'
            )


def _spreads(
    found: Sequence[Claim], pilots: Sequence[str | Path]
) -> dict[str, dict[str, list[Spread | None]]]:
    spreads: dict[str, dict[str, list[Spread | None]]] = defaultdict(dict)
    for pilot in pilots:
        table = evidence.read(pilot)
        check_stated(pilot, table)
        written_provenance(pilot)
        for setting in sorted(table["setting"].unique()):
            part = claims.EvidenceIndex(
                claims.as_claimed(table[table["setting"] == setting], found, setting)
            )
            for claim in found:
                if pilot_spreads := claims.pilot_spreads(claim, part, setting):
                    spreads[claim.id][setting] = pilot_spreads
    return spreads


def _check_pilots(
    found: Sequence[Claim],
    pilots: Sequence[str | Path],
    spreads: Mapping[str, object],
    before: Lock | None,
    amend: Sequence[str],
) -> None:
    """Refuse pilots that say nothing of what is to be registered."""
    if not pilots:
        return
    seeds = ", ".join(map(str, pilots))
    if not spreads:
        raise FaevalError(
            f"faeval lock --pilot {seeds}: no claim can be read on two or more of the pilot seeds"
            f" {claims.PILOT_SEEDS[0]}-{claims.PILOT_SEEDS[-1]} there; run them with --seeds, or"
            " leave --pilot out."
        )
    newcomers = [
        c.id for c in found if before is None or c.id not in before.claims or c.id in amend
    ]
    late = [i for i in spreads if i not in newcomers]
    if late and not set(newcomers) & set(spreads):
        raise FaevalError(
            f"faeval lock --pilot {seeds}: claim {late[0]!r} is registered already; a pilot that"
            " comes later is an "
            f'amendment: faeval lock --amend {late[0]} --because "..." --pilot {seeds}.'
        )


def _read(paths: Sequence[str | Path]) -> tuple[Path, list[Claim], Lock | None]:
    files = [Path(p) for p in paths]
    folders = {(p if p.is_dir() else p.parent).resolve() for p in files}
    if len(folders) != 1:
        raise FaevalError(
            f"faeval lock: the paths lie in {len(folders)} folders; a lock covers one, name its"
            " claims alone."
        )
    file = folders.pop() / claims.NAME
    return file, claims.load(files), claims.read_lock(file) if file.exists() else None


def _check_families(found: Sequence[Claim], before: Lock, store: evidence.Store) -> None:
    """Refuse a new claim in a family that has evidence: its error rate is spent."""
    joining = {
        c.family or "": c
        for c in found
        if c.id not in before.claims and before.family(c.family or "")
    }
    if not joining or not store.runs.is_dir():
        return
    arms = _arms_there(before, store)
    for family, claim in joining.items():
        for name in before.family(family):
            if place := _evidence_of(name, before, arms):
                raise FaevalError(
                    f"claim {claim.id!r}: its family {family!r} has evidence already (of {name!r}:"
                    f" {place}), so it is closed; give the claim a family of its own, family=..."
                )


def _arms_there(before: Lock, store: evidence.Store) -> dict[tuple[str, int], str]:
    """Return by arm and seed the setting of runs made under a registration and not looked at."""
    looked = set(before.looked_at)
    digests = {entry.sha256 for entry in before.chain}
    arms: dict[tuple[str, int], str] = {}
    for record in store.records():
        if record.lock in digests and record.seed not in looked:
            arms.setdefault((record.arm, record.seed), record.setting)
    return arms


def _evidence_of(name: str, before: Lock, arms: Mapping[tuple[str, int], str]) -> str | None:
    """Return a run that a registered claim reads on a planned seed, in words; None without one.

    ``arms`` has by arm and seed the setting in which it ran.
    """
    labels = {
        term["arm"]
        for assertion in before.claims[name].canonical["assertions"]
        for side in ("a", "b")
        for term in _reads(assertion[side])
    }
    for (arm, seed), setting in arms.items():
        if arm in labels and seed in before.planned(name, setting):
            return f"{named(arm)} at seed {seed} in {setting}"
    return None


def _reads(estimand: dict[str, object]) -> list[dict[str, object]]:
    metrics: list[dict[str, object]] = []
    # The canonical form: a list of mappings.
    for term in estimand["terms"]:  # type: ignore[attr-defined]
        metrics += _reads(term["log10"]) if "log10" in term else [term]
    return metrics


@dataclass(frozen=True)
class LockCheck:
    """How claims files stand to their lock, as ids of claims.

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
    file, claims_here, lock = _read(paths)
    if lock is None:
        raise FaevalError(
            f"faeval lock --check: there is no {file.name} beside the claims; register them with"
            " faeval lock."
        )
    if against is not None:
        _check_continues(lock, file, against)
    here = {c.id: c for c in claims_here}
    expected = _expected(lock, [Path(path) for path in paths], here)
    other = set(other_code(claims_here, lock))
    parts: dict[str, list[str]] = {part: [] for part in ("same", "changed", "deviated", "code")}
    for name in expected:
        if name in here:
            parts[_standing(here[name], lock.claims[name], other)].append(name)
    return LockCheck(
        lock=lock,
        file=file,
        **{part: tuple(names) for part, names in parts.items()},
        missing=tuple(n for n in expected if n not in here),
        unregistered=tuple(n for n in here if n not in lock.claims),
    )


def _expected(lock: Lock, paths: Sequence[Path], here: Mapping[str, Claim]) -> list[str]:
    """Return the registered claims that paths should hold: of files, those of the files alone."""
    if any(path.is_dir() for path in paths):
        return list(lock.claims)
    files = {name.partition("::")[0] for name in here} | {path.stem for path in paths}
    return [name for name in lock.claims if name.partition("::")[0] in files]


def _check_continues(lock: Lock, file: Path, against: str) -> None:
    """Refuse a lock whose chain does not come from that of a git revision."""
    earlier = _lock_at(against, file)
    if earlier is not None and lock.position(earlier.sha256) is None:
        raise Tampered(
            f"{file} does not continue the lock of {against} ({earlier.sha256[:12]}): its"
            " history was rewritten. Restore that lock, and register what is new on top of it."
        )


def _standing(claim: Claim, registered: claims.Registered, other_code: set[str]) -> str:
    """Return how a claim stands to its registration: the field of LockCheck that it belongs to."""
    if claim.sha256() != registered.sha256:
        return "changed"
    if not claims.same_expectation(claim, registered):
        return "deviated"
    return "code" if claim.id in other_code else "same"


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
    process = git("show", f"{revision}:./{file.name}")
    if process.returncode:
        return None
    return claims.parse_lock(process.stdout, f"{file.name} at {revision}")
