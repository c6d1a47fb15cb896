"""Check every record of a store or row of a table, and name all that is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.evidence._csv_files import digest
from faeval.evidence._files import apart, pack_of, read
from faeval.evidence._records import SCHEMA, AuditRecord, Checkpoint, Record, TrainingRecord
from faeval.evidence._report_files import check_report
from faeval.evidence._store import Store, names_in, part_of, unreadable
from faeval.evidence._table import KEY, CutOff

if TYPE_CHECKING:
    import pandas as pd

#: What may be wrong with evidence. Altered: not what was written. Unreadable: whole, but not for
#: this version, or no evidence at all. Rows: cannot decide anything as they are. Note: worth
#: knowing, nothing is wrong.
KINDS = ("altered", "unreadable", "rows", "note")


@dataclass(frozen=True)
class Finding:
    """One thing found: the file or row, one of :data:`KINDS`, and a sentence."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True)
class Checked:
    """What one source holds, and everything found in it."""

    source: str
    what: str  #: "store", "report" (a folder with evidence and verdicts) or "table"
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def bad(self) -> tuple[Finding, ...]:
        """All findings but notes."""
        return tuple(f for f in self.findings if f.kind != "note")

    @property
    def exit_code(self) -> int:
        """12 where something was altered, 2 where something cannot be used, else 0."""
        kinds = {f.kind for f in self.bad}
        return Tampered.exit_code if "altered" in kinds else FaevalError.exit_code if kinds else 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**asdict(self), "findings": [asdict(finding) for finding in self.findings]}


def check(source: str | Path | Store) -> Checked:
    """Read all of a store, a table or a report's folder, and say everything that is wrong with it.

    Of a store: each record against its checksum and the place where it lies, its schema, each
    checkpoint against the digest in its training's record, audits of weights that the training no
    longer has. Checkpoints may be deleted, and trainings that were killed leave partial folders:
    both are noted. Of a table: repeated keys, numbers that are marked measured and are none, seeds
    that share their weights. Of a report's folder also whether its verdicts rest on this evidence.
    Nothing is changed.

    Raises
    ------
    FaevalError
        There is nothing at that place.

    Examples
    --------
    >>> import tempfile
    >>> check(Store(tempfile.mkdtemp())).counts
    {'runs': 0, 'trainings': 0, 'audits': 0, 'checkpoints': 0, 'rows': 0}
    """
    path = source.root if isinstance(source, Store) else Path(source)
    try:
        if not path.exists():
            raise FaevalError(
                f"{path}: no such file or folder; name a store, a CSV, a Parquet file or a report's"
                " folder."
            )
        if isinstance(source, Store) or (
            path.is_dir() and pack_of(path) is None and (path / "runs").is_dir()
        ):
            return _check_store(Store(path))
        return _check_table(path)
    except OSError as error:
        raise unreadable(path, error) from error


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- a store ---


def _check_store(store: Store) -> Checked:
    counts = dict.fromkeys(("runs", "trainings", "audits", "checkpoints", "rows"), 0)
    findings: list[Finding] = []
    for name in sorted(names_in(store.runs) or ()):
        try:
            findings += _check_folder(store, store.runs / name, counts)
        except OSError as error:
            findings.append(
                Finding(
                    f"runs/{name}", "unreadable", f"cannot be read ({error.strerror or error})."
                )
            )
    return Checked(str(store.root), "store", counts, tuple(findings))


def _check_folder(store: Store, folder: Path, counts: dict[str, int]) -> Iterator[Finding]:
    def name(path: Path) -> str:
        return path.relative_to(store.root).as_posix()

    if not folder.is_dir() or not store.is_key(folder.name):
        yield Finding(name(folder), "note", "is no folder of a run; nothing reads it.")
        return
    names: set[str] = set()
    records: list[tuple[Path, Record]] = []
    # The training first: its audits are held against it.
    paths = [path for path in sorted(folder.iterdir()) if part_of(path) is not None]
    for path in sorted(paths, key=lambda path: path.name != "training.json"):
        names.add(path.name)
        yield from _check_record(store, path, name(path), records)
    counts["rows"] += sum(len(record.rows) for _, record in records)
    training = next((r for _, r in records if isinstance(r, TrainingRecord)), None)
    audits = [(path, record) for path, record in records if isinstance(record, AuditRecord)]
    counts["trainings"] += training is not None
    counts["audits"] += len(audits)
    counts["runs"] += training is not None or bool(audits)
    if training is not None:
        names |= {checkpoint.file for checkpoint in training.checkpoints.values()}
        yield from _check_training(folder, training, audits, name, counts)
    # A training that cannot be read would say which checkpoints are its own.
    complete = training is not None or "training.json" not in names
    yield from _leftovers(folder, names, complete, name)


def _leftovers(
    folder: Path, names: set[str], complete: bool, name: Callable[[Path], str]
) -> Iterator[Finding]:
    """Yield what belongs to no record; without ``complete``, what was half-written alone."""
    for path in sorted(folder.iterdir()):
        if path.name in names:
            continue
        if path.name.startswith(".partial-") or path.name.endswith(".tmp"):
            text = "was left behind by a process that was killed, or belongs to one that runs."
            yield Finding(name(path), "note", text)
        elif complete:
            yield Finding(name(path), "note", "is of no record.")


def _check_training(
    folder: Path,
    training: TrainingRecord,
    audits: Iterable[tuple[Path, AuditRecord]],
    name: Callable[[Path], str],
    counts: dict[str, int],
) -> Iterator[Finding]:
    """Yield what is wrong with a training's checkpoints and with audits of other weights."""
    for path, audit in audits:
        if audit.weights != training.weights:
            text = "is of other weights than the training beside it; it will be done again."
            yield Finding(name(path), "note", text)
    for checkpoint in training.checkpoints.values():
        yield from _check_checkpoint(folder / checkpoint.file, checkpoint, name, counts)


def _check_record(
    store: Store, path: Path, name: str, records: list[tuple[Path, Record]]
) -> Iterator[Finding]:
    """Read a record into ``records``, and yield what is wrong with it."""
    try:
        records.append((path, store.record(path)))
    except FaevalError as error:
        kind = "altered" if isinstance(error, Tampered) else "unreadable"
        yield Finding(name, kind, _without_name(error, path))
        return
    schema = json.loads(path.read_bytes()).get("schema_version")
    if schema != SCHEMA:
        text = f"is a record of schema {schema}, migrated to {SCHEMA} as it is read."
        yield Finding(name, "note", text)


def _check_checkpoint(
    path: Path, checkpoint: Checkpoint, name: Callable[[Path], str], counts: dict[str, int]
) -> Iterator[Finding]:
    if not path.is_file():
        text = "was deleted: audits that are not there yet would need it."
        yield Finding(name(path), "note", text)
        return
    counts["checkpoints"] += 1
    try:
        sha256 = file_digest(path)
    except OSError as error:
        yield Finding(name(path), "unreadable", f"cannot be read ({error.strerror or error}).")
        return
    if sha256 != checkpoint.sha256:
        text = (
            "does not match the checksum in its training's record; it was altered or cut off."
            " Delete it to train again."
        )
        yield Finding(name(path), "altered", text)


# --- a table ---


def _check_table(path: Path) -> Checked:
    verdicts = (path if path.is_dir() else path.parent) / "verdicts.json"
    what = "report" if verdicts.is_file() else "table"
    file = pack_of(path) or path
    try:
        table = read(path)
    except EvidenceError as error:
        kind = "altered" if isinstance(error, CutOff) else "unreadable"
        findings = [Finding(file.name, kind, _without_name(error, file))]
        if what == "report":
            findings += _check_bytes(file, None, _verdicts(verdicts, findings))
        return Checked(str(path), what, {"runs": 0, "rows": 0}, tuple(findings))
    findings = list(_check_rows(table))
    if what == "report":
        report = _verdicts(verdicts, findings)
        findings += _check_bytes(file, table, report)
        findings += _check_report(table, report)
    counts = {"runs": len(table[["setting", "arm", "seed"]].drop_duplicates()), "rows": len(table)}
    return Checked(str(path), what, counts, tuple(findings))


def _check_rows(table: pd.DataFrame) -> Iterator[Finding]:
    again = table.duplicated(list(KEY), keep=False)
    for key, rows in table[again].groupby(list(KEY), dropna=False, sort=True):
        values = rows["value"].nunique(dropna=False)
        same = (
            "the same number"
            if values == 1 and rows["status"].nunique() == 1
            else "different numbers"
        )
        text = (
            f"stands {len(rows)} times, with {same}; claims that read it are invalid. Keep one row"
            " a key."
        )
        yield Finding(row_name(key), "rows", text)
    broken = (table["status"] == "measured") & ~np.isfinite(table["value"])
    for row in table[broken].itertuples(index=False):
        text = (
            f"is marked measured and is {row.value!r}; claims that read it are invalid. Mark it"
            " undefined or diverged."
        )
        yield Finding(row_name(row[:6]), "rows", text)
    weights = table[table["run"].str.startswith("sha256:")][
        ["setting", "arm", "seed", "run"]
    ].drop_duplicates()
    for (setting, arm, run), rows in weights.groupby(["setting", "arm", "run"], sort=True):
        if len(rows) > 1:
            seeds = ", ".join(map(str, sorted(rows["seed"])))
            text = (
                f"seeds {seeds} ended in the same weights, {run}: they are one run counted more"
                " than once."
            )
            yield Finding(f"{setting} {arm}", "rows", text)


def row_name(key: Any) -> str:
    """Name a row by its key, such as ``toy dfa seed 3 epoch 20 layer 1 cosine``."""
    setting, arm, seed, epoch, layer, metric = key
    parts = [str(setting), str(arm) or "(defaults)", f"seed {seed}"]
    parts += [
        f"{what} {n}"
        for what, n in (("epoch", epoch), ("layer", layer))
        if isinstance(n, int | np.integer)
    ]
    return " ".join([*parts, str(metric)])


def _without_name(error: Exception, file: Path) -> str:
    """What an error says of a file, whose name a finding has beside it."""
    return str(error).removeprefix(f"{file}: ")


def _verdicts(file: Path, findings: list[Finding]) -> dict[str, Any]:
    try:
        return check_report(json.loads(file.read_bytes()), file)
    except (OSError, ValueError, RecursionError, EvidenceError) as error:
        why = _without_name(error, file)
        text = f"cannot be read as a report's verdicts ({why})."
        findings.append(Finding(file.name, "altered", text))
        return {}


def _check_bytes(
    file: Path, table: pd.DataFrame | None, report: dict[str, Any]
) -> Iterator[Finding]:
    expected = report.get("evidence_sha256")
    if not isinstance(expected, str):
        return
    sha256 = file_digest(file) if file.suffix.lower() == ".csv" or table is None else digest(table)
    if sha256 != expected:
        ours, theirs = apart(sha256, expected)
        text = (
            f"has SHA-256 {ours}, and the verdicts beside it rest on {theirs}: it was altered or"
            " replaced."
        )
        yield Finding(file.name, "altered", text)


def _check_report(table: pd.DataFrame, report: dict[str, Any]) -> Iterator[Finding]:
    runs = set(table["run"])
    for verdict in report.get("verdicts", ()):
        if lacking := sorted(set(verdict.get("runs", ())) - runs):
            text = (
                f"rests on {len(lacking)} runs that evidence does not have, such as {lacking[0]}."
            )
            yield Finding(f"verdicts.json, {verdict.get('claim')}", "altered", text)


def records_of(store: Store) -> Iterator[tuple[Path, Record]]:
    """Yield every record of a store with its file; raise one Tampered that names all bad ones."""
    bad = []
    for path in store.files():
        try:
            yield path, store.record(path)
        except Tampered as error:
            bad.append(str(error))
    if bad:
        raise Tampered("\n".join(bad))
