"""The store: one folder a run, one immutable file for its training and one for each audit."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from faeval._whole_files import replace_file
from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.evidence._records import AuditRecord, Record, TrainingRecord, parse
from faeval.evidence._table import COLUMNS, in_order

if TYPE_CHECKING:
    import pandas as pd

_AUDIT = re.compile(r"audit-(?P<name>.+)-(?P<key>[0-9a-f]{64})\.json")
_KEY = re.compile(r"[0-9a-f]{64}")
_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True)
class Store:
    """The folder in which runs are kept, ``.faeval/`` by default.

    ``runs/KEY/training.json`` is a training's record, with its checkpoints beside it;
    ``runs/KEY/audit-NAME-KEY.json`` is the record of one audit. Each is written once, by rename,
    and carries its own digest. Two writers of one record are safe: the last rename wins, and both
    wrote the same run.

    Raises
    ------
    Tampered
        From every method that reads: a record does not match its checksum, or lies where another
        belongs.
    EvidenceError
        From every method that reads: a record was written under another schema, or cannot be read.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def runs(self) -> Path:
        """The folder of all runs."""
        return self.root / "runs"

    @property
    def log(self) -> Path:
        """The file in which campaigns keep the tracebacks of what failed."""
        return self.root / "log.txt"

    def folder(self, key: str) -> Path:
        """Return the folder of the run with that training key, whether it exists or not."""
        if not _KEY.fullmatch(key):
            raise FaevalError(
                f"store {self.root}: key={key!r} is no training key; one is 64 hexadecimal digits."
            )
        return self.runs / key

    def training_path(self, key: str) -> Path:
        """Return where the training's record lies, whether it exists or not."""
        return self.folder(key) / "training.json"

    def audit_path(self, key: str, name: str, audit_key: str) -> Path:
        """Return where the audit's record lies, whether it exists or not."""
        return self.folder(key) / f"audit-{name}-{audit_key}.json"

    def training(self, key: str) -> TrainingRecord | None:
        """Return the record of a training, or None where there is none."""
        return _read(self.training_path(key), TrainingRecord, key=key)

    def audit(self, key: str, name: str, audit_key: str) -> AuditRecord | None:
        """Return the record of an audit, or None where there is none."""
        return _read(
            self.audit_path(key, name, audit_key),
            AuditRecord,
            key=key,
            name=name,
            audit_key=audit_key,
        )

    def write_training(self, record: TrainingRecord) -> None:
        """Keep the record of a training; its checkpoints must lie in the run's folder already."""
        self._write(self.training_path(record.key), record)

    def write_audit(self, record: AuditRecord) -> None:
        """Keep the record of an audit."""
        self._write(self.audit_path(record.key, record.name, record.audit_key), record)

    @staticmethod
    def is_key(name: str) -> bool:
        """Whether a folder of that name is a run's."""
        return _KEY.fullmatch(name) is not None

    def files(self) -> Iterator[Path]:
        """Yield the file of every record, sorted."""
        for name in sorted(names_in(self.runs) or ()):
            if self.is_key(name):
                folder = self.runs / name
                yield from (
                    folder / file
                    for file in sorted(names_in(folder) or ())
                    if part_of(folder / file) is not None
                )

    def record(self, path: Path) -> Record:
        """Return the record in a file of this store."""
        part, key = part_of(path), path.parent.name
        kind: type[Record] = AuditRecord if part else TrainingRecord
        belongs = {"key": key, **({"name": part[0], "audit_key": part[1]} if part else {})}
        record = _read(path, kind, **belongs)
        if record is None:
            raise FaevalError(f"{path}: is gone; it was there a moment ago.")
        return record

    def records(
        self, wanted: Iterable[tuple[str, Mapping[str, str]]] | None = None
    ) -> Iterator[Record]:
        """Yield the records that exist among those wanted; by default all, sorted by file."""
        if wanted is None:
            yield from map(self.record, self.files())
            return
        for key, audits in wanted:
            places = [
                self.training(key),
                *(self.audit(key, name, own) for name, own in audits.items()),
            ]
            yield from (record for record in places if record is not None)

    def unchecked(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield what records of runs say, unchecked, for estimates and hints.

        What cannot be read is left out.
        """
        for key in keys:
            for path in sorted((self.runs / key).glob("*.json")):
                try:
                    record = json.loads(path.read_bytes())
                    record["setting"], record["arm"], record["seed"]
                except (OSError, ValueError, KeyError, TypeError, RecursionError):
                    continue
                yield record

    def table(self, wanted: Iterable[tuple[str, Mapping[str, str]]] | None = None) -> pd.DataFrame:
        """Return the rows of the records as a tidy table, sorted by key.

        Parameters
        ----------
        wanted
            Pairs of a training key and ``{audit name: audit key}``; what is absent is left out.
            Default: every record, those of superseded revisions included, whose keys then repeat.
        """
        return self.table_of(self.records(wanted))

    @staticmethod
    def table_of(records: Iterable[Record]) -> pd.DataFrame:
        """Return the rows of records as a tidy table, sorted by key."""
        import pandas as pd

        cells: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        for record in records:
            count = len(record.rows)
            for name in ("setting", "arm", "seed", "run"):
                cells[name] += [getattr(record, name)] * count
            for position, name in enumerate(("metric", "epoch", "layer", "value", "status")):
                cells[name] += [row[position] for row in record.rows]
        kinds = {"seed": "int64", "epoch": "Int64", "layer": "Int64", "value": "float64"}
        return in_order(
            pd.DataFrame({n: pd.Series(cells[n], dtype=kinds.get(n, "str")) for n in COLUMNS})
        )

    def check_writable(self) -> None:
        """Make the store's folder; raise FaevalError where nothing can be written into it."""
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            if not (self.root / ".gitignore").exists():
                replace_file(self.root / ".gitignore", b"*\n")
            probe = self.runs / ".writable"
            replace_file(probe, b"")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise FaevalError(
                f"store {str(self.root)!r}: cannot be written ({error.strerror or error}); "
                "name another folder, or make room or permission there."
            ) from error

    def _write(self, path: Path, record: Record) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, record.to_bytes())


def names_in(folder: Path) -> frozenset[str] | None:
    """Return the names in a folder of a store; None where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(folder, error) from error


def check_readable(path: Path) -> None:
    """Raise EvidenceError where a record cannot be read, before anything rests on it."""
    if not os.access(path, os.R_OK) or path.is_dir():
        try:
            path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> EvidenceError:
    """Return the error that names a file or folder of evidence that cannot be read."""
    return EvidenceError(
        f"{path}: cannot be read ({error.strerror or error}); give permission, or move it away."
    )


def part_of(path: Path) -> tuple[str, str] | tuple[()] | None:
    """Return which record a file's name stands for: audit and key, or training; None: none."""
    if path.name == "training.json":
        return ()
    audit = _AUDIT.fullmatch(path.name)
    return (audit["name"], audit["key"]) if audit else None


def _read(path: Path, kind: type[_R], **belongs: str) -> _R | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise unreadable(path, error) from error
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    record = parse(content, kind, str(path))
    for name, value in belongs.items():
        if getattr(record, name) != value:
            raise Tampered(
                f"{path}: is the record of {name} {getattr(record, name)!r}, not of {value!r}; it"
                " was moved."
            )
    return record
