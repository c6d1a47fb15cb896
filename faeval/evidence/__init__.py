"""Evidence: the tidy table, its files, and the store of records. No torch."""

from __future__ import annotations

from faeval.evidence._check import Checked, Finding, check
from faeval.evidence._csv_files import csv_bytes, digest, write_csv
from faeval.evidence._endings import STATUSES
from faeval.evidence._export import export
from faeval.evidence._files import PACKS, Source, apart, read
from faeval.evidence._merge import Conflict, Merged, merge, merge_tables
from faeval.evidence._parquet_files import write_parquet
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
from faeval.evidence._report_files import check_beside, check_report, with_identifiers
from faeval.evidence._store import Store, check_readable, names_in
from faeval.evidence._table import COLUMNS, KEY, REMARKS, OtherColumns, limit_rows
from faeval.evidence.importing._epochs import unlike_ends
from faeval.evidence.importing._mlflow import import_mlflow
from faeval.evidence.importing._tidy import Imported, import_table

__all__ = [
    "COLUMNS",
    "KEY",
    "PACKS",
    "REMARKS",
    "STATUSES",
    "AuditRecord",
    "Checked",
    "Checkpoint",
    "Conflict",
    "Finding",
    "Imported",
    "Merged",
    "OtherColumns",
    "Record",
    "Row",
    "Source",
    "Store",
    "TrainingRecord",
    "apart",
    "canonical_json",
    "check",
    "check_beside",
    "check_readable",
    "check_report",
    "csv_bytes",
    "digest",
    "export",
    "import_mlflow",
    "import_table",
    "limit_rows",
    "merge",
    "merge_tables",
    "names_in",
    "new_record",
    "parse",
    "read",
    "unlike_ends",
    "with_identifiers",
    "write_csv",
    "write_parquet",
]
