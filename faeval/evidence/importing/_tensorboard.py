"""TensorBoard's event files: a row for each step, a column for each tag."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._extras import extra
from faeval._safe_text import clean, listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._flat import cells_of_records
from faeval.evidence.importing._patterns import natural

if TYPE_CHECKING:
    import pandas as pd


def is_events(name: str) -> bool:
    """Whether a file of this name is one of TensorBoard's.

    Examples
    --------
    >>> is_events("events.out.tfevents.1614619328.host.1.0"), is_events("events.csv")
    (True, False)
    """
    return "tfevents" in name


def cells_of_events(path: Path) -> Cells:
    """Read the scalars of an event file, or of all that stand in one folder.

    A step that was logged again, as after a restart, has what was logged last.

    Raises
    ------
    EvidenceError
        There is no event file, or none with scalars; or it cannot be read.
    MissingExtra
        tbparse is not installed.
    """
    import pandas as pd

    files = [path]
    if path.is_dir():
        files = sorted(
            (file for file in path.iterdir() if is_events(file.name)), key=lambda f: natural(f.name)
        )
        if not files:
            there = sorted(file.name for file in path.iterdir() if not file.name.startswith("."))
            holds = f"it holds {listed(there)}" if there else "it is empty"
            raise EvidenceError(
                f"{path}: is a folder without event files; {holds}. Name the file with the results"
                " in the pattern, such as .../metrics.json."
            )
    long = pd.concat([_scalars(file) for file in files], ignore_index=True)
    if long.empty:
        raise EvidenceError(f"{path}: its event files hold no scalars.")
    again = long.duplicated(["step", "tag"], keep="last")
    notes = []
    if again.any():
        tags = listed(sorted(set(long.loc[again, "tag"])))
        notes.append(f"{int(again.sum())} numbers were logged again at their step ({tags}); the"
                     " last stands")  # fmt: skip
    rows: dict[int, dict[str, Any]] = {}
    for step, tag, value in zip(long["step"], long["tag"], long["value"], strict=True):
        rows.setdefault(int(step), {"step": int(step)})[str(tag)] = value
    records = [rows[step] for step in sorted(rows)]
    places = [f"step {step}" for step in sorted(rows)]
    return cells_of_records(records, str(path), places, notes, {"epoch": "step"})


def _scalars(file: Path) -> pd.DataFrame:
    """The scalars of a file as step, tag and value; newer writers keep them as tensors."""
    import pandas as pd

    with extra("import", "TensorBoard's event files"):
        from tbparse import SummaryReader
    try:
        reader = SummaryReader(str(file), event_types={"scalars", "tensors"})
        scalars, tensors = reader.scalars, reader.tensors
    except Exception as error:  # its readers of protocol buffers raise errors of their own
        raise EvidenceError(f"{file}: cannot be read as an event file ({clean(error)}).") from None
    parts = [table for table in (scalars, tensors) if len(table)]
    if not parts:
        return pd.DataFrame({"step": [], "tag": [], "value": []})
    long = pd.concat([part[["step", "tag", "value"]] for part in parts], ignore_index=True)
    numbers = pd.Series([_number(value) for value in long["value"]], dtype=object)
    rows: pd.DataFrame = long.assign(value=numbers)[[value is not None for value in numbers]]
    return rows


def _number(value: Any) -> float | None:
    import numpy as np

    array = np.asarray(value)
    return float(array.reshape(())) if array.size == 1 and array.dtype.kind in "fiub" else None
