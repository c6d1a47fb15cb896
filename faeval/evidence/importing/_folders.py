"""Results of many runs in folders of their own, by one pattern of their paths."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import cut, listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._beside import Beside
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._flat import is_blank, same
from faeval.evidence.importing._patterns import Found, Pattern, find, pattern_of
from faeval.evidence.importing._run_files import cells_of_run, record_of

if TYPE_CHECKING:
    import pandas as pd

_SMALL = 200  # rows: of a smaller table all cells are taken at once
_NOTES = 10


@dataclass(frozen=True)
class _Part:
    """What one file gives: a cell of all its rows, or an array, by column; what the path says."""

    path: str
    names: Mapping[str, str]
    rows: int
    columns: Sequence[tuple[str, Any]]
    place: Callable[[int], str] | None = None  # None: the file is one record
    notes: Sequence[str] = ()
    roles: Mapping[str, str] = field(default_factory=dict)

    def where(self, row: int) -> str:
        """What to call a row in a message."""
        return f"{self.path}, {self.place(row)}" if self.place else self.path

    def known(self) -> dict[str, Any]:
        """Return what path and file say, by column; None where it differs from row to row."""
        one = {n: c if not isinstance(c, np.ndarray) else None for n, c in self.columns}
        if self.rows == 1:
            one |= {n: c[0] for n, c in self.columns if isinstance(c, np.ndarray)}
        return {**one, **self.names}

    def has(self, name: str) -> bool:
        """Whether anything stands in a column."""
        if name in self.names:
            return True
        cells = (column for n, column in self.columns if n == name)
        return any(
            not all(map(is_blank, c)) if isinstance(c, np.ndarray) else not is_blank(c)
            for c in cells
        )


def cells_of_glob(pattern: str, *, skip_without_seed: bool = False) -> Cells:
    """Read all files whose paths fit a pattern, as one table.

    Parameters
    ----------
    pattern
        A path with names in braces, such as ``runs/{method}/seed_{seed}/metrics.json``. ``{name}``
        and ``*`` stand for anything within one part of the path, ``**`` for any number of folders;
        names begin with no dot, unless the pattern says so. Each name is a column of the rows that
        its file holds; ``{seed}`` is a number wherever it can be one. A pattern may end at folders
        with TensorBoard's event files.
    skip_without_seed
        Leave out files that have no seed where others have one; else they are refused.

    Returns
    -------
    Cells
        The rows of all files, in the natural order of their paths: columns of the path, of the
        file, and of files beside it that say how the run was set.

    Raises
    ------
    EvidenceError
        No file matches, each name has one value alone, a name says something else than a column of
        its file, or files cannot be read as results; says which.
    """
    where = pattern_of(pattern)
    matches, notes = find(where)
    matches = _without_links(matches, notes)
    _check_names(where, matches)
    parts, sides = _parts_of(where, matches)
    columns = {*where.names, *(name for part in parts for name, _ in part.columns)}
    notes += sides.notes(has_seed=any("seed" in name.lower() for name in columns))
    notes += _seed_notes(matches)
    roles = _roles(where, parts)
    parts, without = _with_seed(where, parts, roles.get("seed", "seed"), skip_without_seed)
    return Cells(
        _joined(parts),
        pattern,
        _Places(parts),
        tuple(map(cut, (*without, *notes, *_notes(parts)))),
        roles,
    )


def _without_links(found: list[Found], notes: list[str]) -> list[Found]:
    """Leave out links to files that fit themselves, such as that to the latest run."""
    if not any(one.linked for one in found):
        return found
    there = {str(Path(one.path).resolve()) for one in found if not one.linked}
    again = set()
    for one in found:
        if one.linked:
            real = str(Path(one.path).resolve())
            if real in there:
                again.add(one.path)
            there.add(real)
    if again:
        paths = [one.path for one in found if one.path in again]
        notes.append(
            f"{len(again)} links to files that are read anyway are left out: {listed(paths)}"
        )
    return [one for one in found if one.path not in again]


def _check_names(pattern: Pattern, found: Sequence[Found]) -> None:
    if not pattern.names:
        return
    values = {name: {one.names[name] for one in found} for name in pattern.names}
    if all(len(those) == 1 for those in values.values()):
        only = ", ".join(f"{name}={next(iter(those))}" for name, those in values.items())
        raise EvidenceError(
            f"--glob {pattern.text!r}: each name has one value alone ({only}) in"
            f" {len(found)} files; a comparison needs several. Put names in braces where paths"
            " differ, or give the file itself."
        )


def _seed_notes(found: Sequence[Found]) -> list[str]:
    words = [one.path for one in found if not one.names.get("seed", "0").isdecimal()]
    if len(words) in (0, len(found)):
        return []
    return [
        f"{{seed}} is a number in {len(found) - len(words)} files and none in {len(words)}:"
        f" {listed(words)}"
    ]


def _parts_of(pattern: Pattern, found: Sequence[Found]) -> tuple[list[_Part], Beside]:
    """Read each file, and what stands beside it."""
    sides = Beside(_fixed(pattern))
    parts: list[_Part] = []
    unreadable: list[tuple[str, EvidenceError]] = []
    logs = "seed" in pattern.names and len(found) > 1
    for one in found:
        try:
            part = _part_of(pattern, one, logs)
            _check_agree(part)
        except EvidenceError as error:
            unreadable.append((one.path, error))
            continue
        more = sides.columns_of(one.path, part.known())
        parts.append(replace(part, columns=[*part.columns, *more.items()]) if more else part)
    if len(unreadable) == 1 or (unreadable and not parts):
        raise unreadable[0][1]
    if unreadable:
        others = listed([path for path, _ in unreadable[1:]])
        raise EvidenceError(
            f"--glob {pattern.text!r}: {len(unreadable)} of {len(found)} files cannot be read as"
            f" results: {str(unreadable[0][1]).rstrip('.')}; {others}. Mend them, or write a"
            " pattern that leaves them out."
        )
    return parts, sides


def _part_of(pattern: Pattern, one: Found, logs: bool) -> _Part:
    """Read one file; where it is one plain record, without a table of its own."""
    if not one.is_folder and not Path(one.path).is_file():
        raise EvidenceError(f"{one.path}: is no file, but a link to nothing, or a device.")
    if not one.is_folder and (record := record_of(one.path)) is not None:
        return _Part(one.path, one.names, 1, [*record.items()])
    cells = cells_of_run(one.path, logs=logs)
    columns = list(zip(map(str, cells.table.columns), _arrays(cells.table), strict=True))
    place = None if cells.place(0) in ("the object", "record 1") else cells.place
    return _Part(one.path, one.names, len(cells.table), columns, place, cells.notes, cells.roles)


def _arrays(table: pd.DataFrame) -> list[Any]:
    """Return the cells of each column, with None where text is missing."""
    import pandas as pd

    arrays = (
        list(table.to_numpy(dtype=object).T)
        if len(table) <= _SMALL
        else [table.iloc[:, at].to_numpy() for at in range(table.shape[1])]
    )
    for at, dtype in enumerate(table.dtypes):
        if isinstance(dtype, pd.StringDtype):
            arrays[at] = np.where(np.asarray(pd.isna(arrays[at])), np.array(None), arrays[at])
    return arrays


def _fixed(pattern: Pattern) -> str:
    """Return the folder of the parts that stand as they are."""
    fixed = []
    for part in pattern.parts[:-1]:
        if part.fits or part.text == "**":
            break
        fixed.append(part.text)
    return ("/" if pattern.start == "/" else "") + "/".join(fixed)


def _check_agree(part: _Part) -> None:
    """Raise EvidenceError where a column says something else than the path."""
    for name, cells in part.columns:
        if name not in part.names:
            continue
        value = part.names[name]
        for row, cell in enumerate(cells if isinstance(cells, np.ndarray) else [cells]):
            if not is_blank(cell) and not same(cell, value):
                raise EvidenceError(
                    f"{part.where(row)}: column {name!r} holds {cell!r}, and"
                    f" {{{name}}} of the path says {value!r}; give one of them another name in the"
                    f" pattern, such as {{{name}_of_path}}."
                )


def _with_seed(
    pattern: Pattern, parts: list[_Part], seed: str, skip: bool
) -> tuple[list[_Part], list[str]]:
    """Leave out, or refuse, files without a seed where others have one."""
    without = [part for part in parts if not part.has(seed)]
    if not without or len(without) == len(parts):
        return parts, []
    names = listed([part.path for part in without])
    if not skip:
        raise EvidenceError(
            f"--glob {pattern.text!r}: {len(without)} of {len(parts)} files have no {seed!r}:"
            f" {names}. Leave them out by --skip-without-seed, if they are no runs of the"
            " comparison."
        )
    note = f"{len(without)} of {len(parts)} files have no {seed!r} and are left out: {names}"
    return [part for part in parts if part.has(seed)], [note]


def _roles(pattern: Pattern, parts: Sequence[_Part]) -> dict[str, str]:
    """Return the roles in which all files agree, and the seed of the path."""
    first, *others = (part.roles for part in parts)
    roles = {
        role: name
        for role, name in first.items()
        if all(other.get(role) == name for other in others)
    }
    return {**roles, "seed": "seed"} if "seed" in pattern.names else roles


def _notes(parts: Sequence[_Part]) -> list[str]:
    """Return what was noticed in files, each note once, with how many files it is of."""
    firsts: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for part in parts:
        for note in part.notes:
            firsts.setdefault(note, part.path)
            counts[note] += 1
    notes = [
        note if count == len(parts) else f"{note} ({firsts[note]}, {count} of {len(parts)} files)"
        for note, count in counts.most_common(_NOTES)
    ]
    more = len(counts) - len(notes)
    return [*notes, f"{more} more notes of single files are not shown"] if more else notes


class _Places:
    """What to call a row of the joined table: its file, and its place there."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._ends = np.cumsum([part.rows for part in parts]).tolist()

    def __call__(self, row: int) -> str:
        at = bisect_right(self._ends, row)
        return self._parts[at].where(row - (self._ends[at - 1] if at else 0))


def _joined(parts: Sequence[_Part]) -> pd.DataFrame:
    """Return the rows of all files, one below the other; None where a file lacks a column."""
    import pandas as pd

    # A column that a file has twice stands twice.
    pieces: dict[tuple[str, int], list[tuple[int, int, Any]]] = {}
    start = 0
    for part in parts:
        stop, times = start + part.rows, Counter[str]()
        for name, cells in (*part.names.items(), *part.columns):
            if times[name] == 0 or name not in part.names:  # there they say the same
                pieces.setdefault((name, times[name]), []).append((start, stop, cells))
            times[name] += 1
        start = stop
    columns = [_column(chunks, start) for chunks in pieces.values()]
    table = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(start))
    table.columns = pd.Index([name for name, _ in pieces], dtype=object)
    return table


def _column(chunks: Sequence[tuple[int, int, Any]], rows: int) -> pd.Series[Any]:
    import pandas as pd

    arrays = [cells for _, _, cells in chunks if isinstance(cells, np.ndarray)]
    kinds = {array.dtype for array in arrays}
    whole = len(arrays) == len(chunks) and sum(map(len, arrays)) == rows
    if whole and len(kinds) == 1 and object not in kinds:
        return pd.Series(np.concatenate(arrays))
    result = np.full(rows, None, dtype=object)
    for start, stop, cells in chunks:
        result[start:stop] = cells.tolist() if isinstance(cells, np.ndarray) else cells
    return pd.Series(result, dtype=object)
