"""Results that exist, read into evidence: files, folders and stores of other tools."""

from __future__ import annotations

from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._epochs import unlike_ends
from faeval.evidence.importing._folders import cells_of_glob
from faeval.evidence.importing._mlflow import import_mlflow
from faeval.evidence.importing._run_files import cells_of_run
from faeval.evidence.importing._stores import cells_of_store
from faeval.evidence.importing._tidy import Imported, import_table

__all__ = [
    "Cells",
    "Imported",
    "cells_of_glob",
    "cells_of_run",
    "cells_of_store",
    "import_mlflow",
    "import_table",
    "unlike_ends",
]
