"""Several files as one table, and standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._stores import cells_of_store
from faeval.experiment import Arm

#: The name that stands for standard input.
STDIN = "-"
_STORES = ("mlflow:", "optuna:")


def cells_of_files(
    files: Sequence[str | Path], *, skip_without_seed: bool = False, **how: Any
) -> Cells:
    """Return the cells of one file, or of several, one below the other.

    Several have a column ``file`` with the name of each, without its ending.

    Parameters
    ----------
    files
        Paths; ``-`` is standard input, ``optuna:STORAGE`` and ``mlflow:URI`` are read by their
        clients.
    how
        The options of :func:`cells_of`.

    Raises
    ------
    EvidenceError
        A file cannot be read, or files have no column in common.
    """
    if len(files) == 1:
        return _cells(files[0], skip_without_seed, how)
    parts = [_cells(file, skip_without_seed, how) for file in files]
    return joined(parts, "file", _short_names(files))


def _cells(file: str | Path, skip_without_seed: bool, how: dict[str, Any]) -> Cells:
    text = str(file)
    if text.startswith(_STORES):
        return cells_of_store(text, skip_without_seed=skip_without_seed)
    if text == STDIN:
        content = sys.stdin.buffer.read()
        return cells_of("standard input", content=content, name="standard input", **how)
    return cells_of(Path(file), **how)


def setting_name(source: object) -> str:
    """Return a name for the experiment: that of its file, in letters that a name may have."""
    is_path = isinstance(source, str | Path)
    stem = Path(str(source)).name.partition(".")[0] if is_path else "results"
    return re.sub(r"[^\w-]+", "_", stem).strip("_") or "results"


def side_of(arm: Arm) -> str:
    """Return an arm as a question names it: its rule, or ``factor=value,...``."""
    if list(arm) == ["rule"]:
        return str(arm["rule"])
    return ",".join(f"{name}={value}" for name, value in arm.items())


def _short_names(files: Sequence[str | Path]) -> list[str]:
    """Return a name for each file: without folder and ending where these tell nothing."""
    stems = [Path(file).name.partition(".")[0] for file in files]
    return stems if len({*stems}) == len(stems) else [str(file) for file in files]


def joined(parts: Sequence[Cells], column: str, names: Sequence[str]) -> Cells:
    """Return tables one below the other, with a column that names the source of each row."""
    import pandas as pd

    for part, name in zip(parts, names, strict=True):
        if column in part.table.columns:
            raise EvidenceError(
                f"{name}: has a column {column!r} of its own, which would name the file; rename it."
            )
    common = set.intersection(*({*part.table.columns} for part in parts))
    if not common:
        raise EvidenceError(
            f"{listed(list(names), 6)}: have no column in common; give files of one form."
        )
    tables = [p.table.assign(**{column: n}) for p, n in zip(parts, names, strict=True)]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part.table))
    notes = [f"{name}: {note}" for name, part in zip(names, parts, strict=True)
             for note in part.notes]  # fmt: skip
    first = parts[0]
    return Cells(
        table=pd.concat(tables, ignore_index=True),
        source=listed([part.source for part in parts], 4),
        place=_place_in(parts, starts),
        notes=tuple(dict.fromkeys(notes)),
        roles=first.roles if all(p.roles == first.roles for p in parts) else {},
        paired=all(part.paired for part in parts),
    )


def _place_in(parts: Sequence[Cells], starts: Sequence[int]) -> Callable[[int], str]:
    def place(row: int) -> str:
        index = max(i for i, start in enumerate(starts[:-1]) if start <= row)
        return f"{parts[index].source}, {parts[index].place(row - starts[index])}"

    return place
