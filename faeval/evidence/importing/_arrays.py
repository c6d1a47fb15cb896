"""Arrays of NumPy: columns, values of a method by seed, evaluations of Stable-Baselines3."""

from __future__ import annotations

import io
import math
import tokenize
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._table import most_rows, row_of, too_many
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import short, shown, with_names
from faeval.evidence.importing._forms import BROKEN_ZIP
from faeval.evidence.importing._json_files import POSITIONS, nested_cells
from faeval.evidence.importing._levels import are_columns, has_axis

#: Bytes of all arrays of a file at most.
_MOST = 2 << 30
_BROKEN = (ValueError, EOFError, KeyError, SyntaxError, tokenize.TokenError, OverflowError)


def read_npy(content: bytes, source: str) -> Cells:
    """Read one array, whose fields are the columns.

    Parameters
    ----------
    content
        What the file holds.
    source
        What to call it.
    """
    array = _array(content, source)
    if array.dtype.names is None:
        raise EvidenceError(
            f"{source}: is an array of shape {array.shape} without names; save a dictionary of"
            " arrays by their names instead: numpy.savez(FILE, ours=..., base=...)."
        )
    return _structured(array, source)


def read_npz(content: bytes, source: str) -> Cells:
    """Read arrays by their names.

    Parameters
    ----------
    content
        What the file holds.
    source
        What to call it.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MOST:
                raise EvidenceError(
                    f"{source}: expands to more than {_MOST >> 30} GB; give a part of it."
                )
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                arrays[name] = _array(archive.read(info), f"{source}, array {shown(name)}")
    except BROKEN_ZIP as error:
        raise EvidenceError(
            f"{source}: is an npz that cannot be read ({short(error, 200)}); save it again."
        ) from None
    return _named(arrays, source)


def _array(content: bytes, source: str) -> NDArray[Any]:
    """Return an array that is not larger than its file; one that holds a pickle is refused."""
    file = io.BytesIO(content)
    try:
        shape, dtype = _header(file)
        if dtype.hasobject:
            raise EvidenceError(
                f"{source}: holds Python objects, which are kept as a pickle, and a pickle is never"
                " loaded; save arrays of numbers or text."
            )
        if math.prod(shape) * dtype.itemsize > len(content) - file.tell():
            raise EvidenceError(f"{source}: is shorter than it says; it may be cut off.")
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array: NDArray[Any] = np.load(file, allow_pickle=False)
    except _BROKEN as error:
        raise EvidenceError(
            f"{source}: is no array that can be read ({short(error, 200)})."
        ) from None
    return array


def _header(file: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python 2 wrote is read, too
        if np.lib.format.read_magic(file) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, dtype


def _structured(array: NDArray[Any], source: str) -> Cells:
    array = array.reshape(-1)
    columns = {name: array[name] for name in array.dtype.names or ()}
    wide = [name for name, column in columns.items() if column.ndim > 1 or column.dtype.names]
    if wide:
        raise EvidenceError(
            f"{source}: field {shown(wide[0])} holds several numbers a row; give each a field."
        )
    return _columns(columns, source, ())


def _named(arrays: Mapping[str, NDArray[Any]], source: str) -> Cells:
    if not arrays:
        raise EvidenceError(f"{source}: holds no arrays; save some with numpy.savez.")
    if _is_evaluations(arrays):
        return _evaluations(arrays, source)
    if len(arrays) == 1:
        ((name, only),) = arrays.items()
        if only.dtype.names is not None:
            return _structured(only, f"{source}, array {shown(name)}")
    return _vectors(arrays, source)


def _vectors(arrays: Mapping[str, NDArray[Any]], source: str) -> Cells:
    """Read arrays of one dimension: columns, or the values of a method by position."""
    notes = []
    singles = [name for name, array in arrays.items() if array.ndim == 0]
    if len(singles) == len(arrays):
        return _columns({n: a.reshape(1) for n, a in arrays.items()}, source, ())
    if singles:
        notes.append(f"left out, as single values: {listed(singles)}")
        arrays = {name: array for name, array in arrays.items() if array.ndim}
    numeric = all(array.dtype.kind in "iufb" for array in arrays.values())
    methods = numeric and not are_columns(arrays)
    length = _check_shapes(arrays, methods, source)
    lists = {name: array.tolist() for name, array in arrays.items()} if methods else {}
    if (cells := nested_cells(lists, source)) is not None:
        return replace(cells, notes=(*notes, *cells.notes))
    if not numeric or has_axis(arrays):
        return _columns(arrays, source, notes)
    cells = _columns({"position": np.arange(length), **arrays}, source, [*notes, POSITIONS])
    return replace(cells, roles={"epoch": "position"})


def _check_shapes(arrays: Mapping[str, NDArray[Any]], methods: bool, source: str) -> int:
    """Raise EvidenceError unless arrays have one dimension, and columns one length."""
    shapes = [f"{name} {array.shape}" for name, array in arrays.items()]
    if any(array.ndim != 1 or array.dtype.names for array in arrays.values()):
        raise EvidenceError(
            f"{source}: its arrays ({listed(shapes)}) are no columns: save one dimension for each"
            " name, with one number for each seed."
        )
    lengths = set(map(len, arrays.values()))
    if len(lengths) > 1 and not methods:
        raise EvidenceError(
            f"{source}: its arrays differ in length ({listed(shapes)}); columns of a table have"
            " one length."
        )
    return lengths.pop()


def _columns(arrays: Mapping[str, NDArray[Any]], source: str, notes: Any) -> Cells:
    import pandas as pd

    length = len(next(iter(arrays.values())))
    if length > most_rows.get():
        raise EvidenceError(too_many(source, most_rows.get()))
    columns = {i: _cells(array, source) for i, array in enumerate(arrays.values())}
    table, rows, more = with_names(pd.DataFrame(columns), list(arrays), source)

    def place(row: int) -> str:
        return row_of(int(rows[row]) if rows is not None else row)

    return Cells(table, source, place, (*notes, *more))


def _cells(array: NDArray[Any], source: str) -> Any:
    import pandas as pd

    if array.dtype.kind in "iufb":
        return pd.Series(array.astype(array.dtype.newbyteorder("=")))
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind not in "UM":
        raise EvidenceError(
            f"{source}: holds an array of type {array.dtype}; save numbers or text."
        )
    try:
        texts = [str(cell) or None for cell in array.tolist()]
    except (SystemError, ValueError):  # what no text has
        raise EvidenceError(f"{source}: holds text that is damaged; save it again.") from None
    return pd.Series(texts, dtype=object)


def _is_evaluations(arrays: Mapping[str, NDArray[Any]]) -> bool:
    results, steps = arrays.get("results"), arrays.get("timesteps")
    return (
        results is not None
        and steps is not None
        and steps.ndim == 1
        and results.ndim == 2
        and len(results) == len(steps)
        and results.dtype.kind in "iuf"
    )


def _evaluations(arrays: Mapping[str, NDArray[Any]], source: str) -> Cells:
    """Read ``evaluations.npz`` of Stable-Baselines3: the mean over the episodes at each step."""
    results = arrays["results"].astype(np.float64)
    columns: dict[str, NDArray[Any]] = {"timesteps": arrays["timesteps"]}
    columns["mean_reward"] = results.mean(axis=1)
    for key, name in (("ep_lengths", "mean_ep_length"), ("successes", "success_rate")):
        more = arrays.get(key)
        if more is not None and more.shape == results.shape and more.dtype.kind in "iufb":
            columns[name] = more.astype(np.float64).mean(axis=1)
    note = (
        f"evaluations of Stable-Baselines3: mean_reward is the mean over {results.shape[1]}"
        " episodes of one policy, which are no seeds"
    )
    cells = _columns(columns, source, [note])
    return replace(cells, roles={"epoch": "timesteps"})
