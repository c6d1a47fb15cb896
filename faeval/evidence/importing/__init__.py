"""Results that exist, read into evidence: files, folders and stores of other tools."""

from __future__ import annotations

from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_roles import Said, factor_name
from faeval.evidence.importing._epochs import unlike_ends
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._folders import cells_of_glob
from faeval.evidence.importing._frames import cells_of_frame, column_name
from faeval.evidence.importing._mlflow import import_mlflow
from faeval.evidence.importing._numbers import Spelling
from faeval.evidence.importing._reading import (
    Reading,
    group_factor,
    holds_sides,
    read_results,
    spelled,
)
from faeval.evidence.importing._run_files import cells_of_run
from faeval.evidence.importing._shapes import arm_columns
from faeval.evidence.importing._sources import cells_of_files, joined, setting_name, side_of
from faeval.evidence.importing._stores import cells_of_store
from faeval.evidence.importing._tidy import Imported, import_table

__all__ = [
    "Cells",
    "Imported",
    "Reading",
    "Said",
    "Spelling",
    "arm_columns",
    "cells_of",
    "cells_of_files",
    "cells_of_frame",
    "cells_of_glob",
    "cells_of_run",
    "cells_of_store",
    "column_name",
    "factor_name",
    "group_factor",
    "holds_sides",
    "import_mlflow",
    "import_table",
    "joined",
    "read_results",
    "setting_name",
    "side_of",
    "spelled",
    "unlike_ends",
]
