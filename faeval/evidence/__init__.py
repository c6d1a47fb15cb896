"""Evidence: the tidy table, its packs on disk, and the store of records it is packed from. No torch."""

from __future__ import annotations

from faeval.evidence._files import Source, csv_bytes, digest, read, write_csv, write_parquet
from faeval.evidence._records import (
    AuditRecord,
    Checkpoint,
    Record,
    Row,
    TrainingRecord,
    canonical_json,
    new_record,
    parse,
)
from faeval.evidence._store import Store
from faeval.evidence._table import COLUMNS, KEY, STATUSES

__all__ = [
    "COLUMNS",
    "KEY",
    "STATUSES",
    "AuditRecord",
    "Checkpoint",
    "Record",
    "Row",
    "Source",
    "Store",
    "TrainingRecord",
    "canonical_json",
    "csv_bytes",
    "digest",
    "new_record",
    "parse",
    "read",
    "write_csv",
    "write_parquet",
]
