"""Merge stores or tables, exactly; refused where they disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._whole_files import replace_file, replacing
from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.evidence._check import file_digest, records_of, row_name
from faeval.evidence._files import Source, read
from faeval.evidence._records import AuditRecord, Checkpoint, Record, TrainingRecord, canonical_json
from faeval.evidence._store import Store, names_in, unreadable
from faeval.evidence._table import KEY, in_order

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20


class Conflict(EvidenceError):
    """Two sources differ on a run; ``names`` has each such record, nothing was written."""

    def __init__(self, what: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        more = f"\n(and {len(names) - _SHOWN} more)" if len(names) > _SHOWN else ""
        super().__init__(f"{what}:\n" + "\n".join(self.names[:_SHOWN]) + more)


@dataclass(frozen=True)
class Merged:
    """What a merge of stores did.

    Records and checkpoints copied, records of the sources that were there already, those that an
    earlier source had brought (``repeated``), and notes on both.
    """

    copied: int = 0
    checkpoints: int = 0
    there: int = 0
    notes: tuple[str, ...] = ()
    repeated: int = 0


def merge(sources: Sequence[Store | str | Path], into: Store | str | Path) -> Merged:
    """Copy into a store every record and checkpoint of others that it lacks, byte for byte.

    A record that is there with the same numbers, weights and checkpoints is left as it is, even
    where its provenance (time, duration, versions that do not enter the key, commit, registration)
    differs: the same run was done twice, and the first one named stands, the target before all
    sources. Everything is read and compared before anything is written. A merge that was killed
    leaves a valid store, and the same merge finishes it.

    Parameters
    ----------
    sources
        Stores, or their folders; they are not changed.
    into
        The store that takes them up; made where it is missing.

    Raises
    ------
    Conflict
        One key has different numbers, weights or checkpoints in two of them; names each. Nothing
        was written.
    Tampered
        Records or checkpoints that do not match their checksums; names each. Nothing was written.
    FaevalError
        A source is no store, something of it cannot be read, or the target cannot be written.
    """
    target = into if isinstance(into, Store) else Store(Path(into))
    stores = [source if isinstance(source, Store) else Store(Path(source)) for source in sources]
    for store in stores:
        if names_in(store.runs) is None:
            raise FaevalError(
                f"{store.root}: is no store (it has no folder 'runs'); name the folder that"
                " holds it."
            )
    try:
        choices, there, repeated, notes = _compare(stores, target)
    except OSError as error:
        raise unreadable(Path(error.filename or target.root), error) from error
    target.check_writable()
    copied = checkpoints = 0
    # Checkpoints first, a training before its audits: whatever a kill leaves behind is a run half
    # copied, never one that names what is not there.
    for place in sorted(choices, key=_trainings_first):
        path, sha256, files = choices[place]
        file = target.runs / place
        if sha256 is not None and file.exists():
            record = _record_at(path)
            if _substance(target.record(file)) != _substance(record):
                text = "someone else wrote another number while this merged"
                raise Conflict(text, [_name(record)])
        for origin, checkpoint in files:
            checkpoints += _copy_checkpoint(origin, file.parent / checkpoint.file, checkpoint)
        if sha256 is not None and not file.exists():
            _copy_record(path, file, sha256)
            copied += 1
    return Merged(copied, checkpoints, there, tuple(notes), repeated)


# Where a record goes, below runs/, to the file it comes from, that file's digest (None: the target
# has the record, and lacks checkpoints alone), and the checkpoints that go with it.
_Chosen = dict[Path, tuple[Path, str | None, list[tuple[Path, Checkpoint]]]]


def _compare(stores: Sequence[Store], target: Store) -> tuple[_Chosen, int, int, list[str]]:
    """Read everything, and say what is to be copied; raises what :func:`merge` does."""
    choices: _Chosen = {}
    origins: dict[Path, tuple[Store, Path]] = {}
    there = repeated = 0
    notes: list[str] = []
    bad: list[str] = []
    conflicts: list[str] = []
    others = [store for store in stores if store.root.resolve() != target.root.resolve()]
    for store in (target, *others):
        try:
            for path, record in records_of(store):
                place = path.relative_to(store.runs)
                files = list(_checkpoints(path.parent, record, bad)) if store is not target else []
                if place not in origins:
                    origins[place] = store, path
                    if store is not target:
                        choices[place] = (path, file_digest(path), files)
                    continue
                holder, first = origins[place]
                there += holder is target
                repeated += holder is not target
                before = _record_at(first)
                if _substance(before) != _substance(record):
                    conflicts.append(
                        f"{_name(record)}: {holder.root} and {store.root} differ in"
                        f" {_difference(before, record)} "
                        f"(runs/{place.parts[0][:12]}*)"  # as a shell finds it
                    )
                    continue
                if first.read_bytes() != path.read_bytes():
                    notes.append(
                        f"{_name(record)}: the same numbers, recorded in {holder.root}, which"
                        f" stands, and in {store.root}; they differ in"
                        f" {_difference(before, record)}"
                    )
                origin, sha256, checkpoints = choices.get(place, (first, None, []))
                if lacking := _lacking(files, checkpoints, target.runs / place.parent):
                    choices[place] = (origin, sha256, [*checkpoints, *lacking])
        except Tampered as error:
            bad.append(str(error))
    if bad:
        raise Tampered("nothing was merged:\n" + "\n".join(bad))
    if conflicts:
        raise Conflict(
            "nothing was merged; these keys have different numbers or weights", conflicts
        )
    return choices, there, repeated, notes


def _lacking(
    files: Sequence[tuple[Path, Checkpoint]], due: Sequence[tuple[Path, Checkpoint]], folder: Path
) -> list[tuple[Path, Checkpoint]]:
    """Return the checkpoints that neither lie in a folder nor are to be copied there already."""
    names = {checkpoint.file for _, checkpoint in due}
    return [
        (path, checkpoint)
        for path, checkpoint in files
        if checkpoint.file not in names and not (folder / checkpoint.file).exists()
    ]


def _name(record: Record) -> str:
    """Name a record by its run, and by its part of it where a run has several."""
    run = f"{record.setting} {record.arm or '(defaults)'} seed {record.seed}"
    if not isinstance(record, AuditRecord):
        return f"{run}, training"
    return (
        f"{run}, audit {record.name}" if "training" in record.revisions or record.weights else run
    )


def _checkpoints(folder: Path, record: Record, bad: list[str]) -> Iterator[tuple[Path, Checkpoint]]:
    """The checkpoints of a training that are there; those that were deleted are not missed."""
    for checkpoint in record.checkpoints.values() if isinstance(record, TrainingRecord) else ():
        path = folder / checkpoint.file
        if not path.is_file():
            continue
        if file_digest(path) != checkpoint.sha256:
            bad.append(
                f"{path}: does not match the checksum in its training's record; it was altered or"
                " cut off."
            )
        yield path, checkpoint


def _record_at(path: Path) -> Record:
    return Store(path.parents[2]).record(path)


def _substance(record: Record) -> dict[str, Any]:
    """What two records of one key must agree in: all that was measured, and of what."""
    fields = record.model_dump(mode="json", include=_MEASURED & set(type(record).model_fields))
    fields["rows"] = sorted(map(canonical_json, fields["rows"]))
    return fields


_MEASURED = {
    *(
        "setting",
        "arm",
        "factors",
        "seed",
        "key",
        "config",
        "dataset",
        "weights",
        "rows",
        "checkpoints",
        "diverged",
    ),
    *("name", "audit_key"),
}


def _difference(a: Record, b: Record) -> str:
    one, other = a.model_dump(mode="json"), b.model_dump(mode="json")
    return ", ".join(sorted(n for n in one if one[n] != other.get(n))) or "spelling alone"


def _trainings_first(place: Path) -> tuple[str, bool, str]:
    return place.parent.name, place.name != "training.json", place.name


def _copy_record(origin: Path, target: Path, sha256: str) -> None:
    """Copy one record, by rename."""
    content = origin.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Tampered(f"{origin}: was changed while it was merged; merge again.")
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content)


def _copy_checkpoint(origin: Path, target: Path, checkpoint: Checkpoint) -> int:
    """Copy one checkpoint, by rename, unless it is there; return how many were copied."""
    if target.is_file() and file_digest(target) == checkpoint.sha256:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with origin.open("rb") as source, replacing(target) as file:
        while part := source.read(1 << 20):
            sha256.update(part)
            file.write(part)
        if sha256.hexdigest() != checkpoint.sha256:
            raise Tampered(f"{origin}: was changed while it was merged; merge again.")
    return 1


def merge_tables(sources: Sequence[Source]) -> pd.DataFrame:
    """Return the rows of several tables as one, each key once, sorted.

    A key that several have with the same number, status and run stands once; where one of them
    names the run and another does not, the name is kept.

    Raises
    ------
    Conflict
        A key has different numbers, statuses or runs; names each.
    EvidenceError
        A source cannot be read as evidence.

    Examples
    --------
    >>> import pandas as pd
    >>> names = {"setting": "coin", "arm": "fair", "metric": "heads"}
    >>> one = pd.DataFrame({"seed": [1, 2], "value": [0, 1]}).assign(**names)
    >>> two = pd.DataFrame({"seed": [2, 3], "value": [1, 1]}).assign(**names)
    >>> merge_tables([one, two])["seed"].tolist()
    [1, 2, 3]
    """
    import pandas as pd

    tables = [read(source) for source in sources]
    if not tables:
        raise FaevalError("merge: no table was given; name at least one.")
    table = in_order(pd.concat(tables, ignore_index=True))  # an empty run sorts before a named one
    again = table.duplicated(list(KEY), keep=False)
    conflicts = []
    for key, rows in table[again].groupby(list(KEY), dropna=False, sort=True):
        differ = [
            name for name in ("value", "status") if rows[name].map(repr).nunique(dropna=False) > 1
        ]  # 0.0 and -0.0 are two numbers, NaN and NaN are one
        if len(set(rows["run"]) - {""}) > 1:
            differ.append("run")
        if differ:
            text = "; ".join(
                f"{name} {' and '.join(map(repr, dict.fromkeys(rows[name].tolist())))}"
                for name in differ
            )
            conflicts.append(f"{row_name(key)}: {text}")
    if conflicts:
        raise Conflict("nothing was merged; these keys have different numbers", conflicts)
    return table[~table.duplicated(list(KEY), keep="last")].reset_index(drop=True)
