"""Export: a store as one file, each key once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faeval.errors import EvidenceError, FaevalError
from faeval.evidence._csv_files import write_csv
from faeval.evidence._files import Source, read
from faeval.evidence._parquet_files import write_parquet
from faeval.evidence._records import AuditRecord, Record, canonical_json
from faeval.evidence._store import Store, names_in
from faeval.evidence._table import KEY

if TYPE_CHECKING:
    import pandas as pd

_TELLING = ("device", "threads", "dataset", "revisions", "code", "versions", "config")
_SHOWN = 5


def export(
    source: Source, out: str | Path, setting: str | None = None, *, latest: bool = False
) -> pd.DataFrame:
    """Write evidence into one CSV or Parquet file; the same rows give the same bytes.

    A store may hold one run several times: on two kinds of device, under two versions, under a
    revision that was superseded. Which of them counts, a plan of claims says; a pack cannot. So
    that is refused, and ``latest`` chooses openly: of each arm and seed, the run started last by
    its record's clock, and of each of its audits the last.

    Parameters
    ----------
    source
        A store, or anything else that :func:`read` takes.
    out
        A file whose name ends in .csv, .parquet or .pq.
    setting
        Leave out all other settings.
    latest
        Of runs that stand several times in a store, take the last.

    Returns
    -------
    pandas.DataFrame
        The rows that were written.

    Raises
    ------
    EvidenceError
        Keys repeat, there is no row of that setting, or the source cannot be read.
    FaevalError
        The name of ``out`` says no kind of file, or it cannot be written.
    """
    path = Path(out)
    if path.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise FaevalError(f"{path}: the name says no kind of file; let it end in .csv or .parquet.")
    if isinstance(source, str | Path) and names_in(Path(source) / "runs") is not None:
        source = Store(Path(source))
    if isinstance(source, Store):
        records = [r for r in source.records() if setting is None or r.setting == setting]
        table = source.table_of(_latest(records) if latest else records)
        if table.duplicated(list(KEY)).any():
            raise EvidenceError(_why_repeated(source, records))
    else:
        table = read(source)
    if setting is not None:
        present = sorted(table["setting"].unique())
        table = table[table["setting"] == setting].reset_index(drop=True)
        if table.empty:
            raise EvidenceError(
                f"setting={setting!r}: no row is of it; there are {', '.join(present) or 'none'}."
            )
    _write(table, path)
    return table


def _write(table: pd.DataFrame, path: Path) -> None:
    try:
        (write_csv if path.suffix.lower() == ".csv" else write_parquet)(table, path)
    except OSError as error:
        raise FaevalError(
            f"{path}: cannot be written ({error.strerror or error}); name another file."
        ) from None


def _latest(records: Sequence[Record]) -> list[Record]:
    """Of each arm and seed the run started last, and of its audits the last of each name."""
    begun: dict[tuple[str, str, int], dict[str, str]] = defaultdict(dict)
    for record in records:
        runs = begun[record.setting, record.arm, record.seed]
        if not isinstance(record, AuditRecord) or record.key not in runs:
            runs[record.key] = record.started
    latest = {run: max(keys, key=lambda k: (keys[k], k)) for run, keys in begun.items()}
    last: dict[tuple[str, str], Record] = {}
    for record in records:
        if latest[record.setting, record.arm, record.seed] == record.key:
            part = record.key, _part(record)
            if part not in last or _when(last[part]) < _when(record):
                last[part] = record
    return list(last.values())


def _part(record: Record) -> str:
    return f"audit {record.name}" if isinstance(record, AuditRecord) else "training"


def _when(record: Record) -> tuple[str, str]:
    return record.started, record.audit_key if isinstance(record, AuditRecord) else ""


def _why_repeated(store: Store, records: Iterable[Record]) -> str:
    """Name the runs that stand several times, and what tells them apart."""
    repeats: dict[tuple[str, str, int, str], list[Record]] = defaultdict(list)
    for record in records:
        repeats[record.setting, record.arm, record.seed, _part(record)].append(record)
    repeated = {what: several for what, several in repeats.items() if len(several) > 1}
    telling: set[str] = set()
    for several in repeated.values():
        telling |= {
            n
            for n in _TELLING
            if len({canonical_json(r.model_dump(mode="json")[n]) for r in several}) > 1
        }
    runs = sorted({f"{s} {a or '(defaults)'} seed {seed}" for s, a, seed, _ in repeated})
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return (
        f"{store.root}: holds {', '.join(runs[:_SHOWN])}{more} more than once; they differ in"
        f" {', '.join(sorted(telling)) or 'nothing but their keys'}. Take the last of each with"
        " latest=True (--latest), or export what a report rests on: faeval verify --report."
    )
