"""The tidy table: one row is one number of one run. What it holds, and how any table becomes one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faeval.errors import EvidenceError

if TYPE_CHECKING:  # a worker process keeps records without ever needing a table
    import pandas as pd

#: The columns of an evidence table, in order.
COLUMNS = ("setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run")
#: The columns that together name a number; a table that decides anything has each combination once.
KEY = COLUMNS[:6]
#: What may be said of a number's reliability.
STATUSES = ("measured", "below_floor", "undefined", "diverged")

#: The longest cell, in characters.
LONGEST_CELL = 1 << 20

_TEXT = ("setting", "arm", "metric", "status", "run")
_OPTIONAL = ("epoch", "layer", "status", "run")
_FILL = {"arm": "", "run": ""}  # an arm without a label is the arm of all defaults
#: How those who run things say that a run ended, was lost, or is not over; in any case of letters.
_ENDED = frozenset(("finished", "complete", "completed", "done", "success", "succeeded", "successful", "ok"))
_LOST = frozenset(
    ("crashed", "crash", "failed", "fail", "failure", "killed", "aborted", "canceled", "cancelled", "lost")
)
_LOST |= {"error", "errored", "oom", "out_of_memory", "timeout", "timed_out", "preempted", "node_fail", "broken"}
_NOT_OVER = frozenset(("running", "pending", "queued", "scheduled", "starting", "preempting", "waiting", "suspended"))
#: Columns that say how a run ended, by words; others are flags, and named by what was lost.
_STATES = frozenset(("status", "state", "run_status", "run_state"))
_FLAGS = frozenset(("crashed", "failed", "killed", "diverged", "oom"))
_YES, _NO = frozenset(("true", "1", "1.0", "yes")), frozenset(("false", "0", "0.0", "no", "", "nan", "none", "<na>"))
#: How others write that there is no number.
_NOTHING = frozenset(
    ("", "nan", "+nan", "-nan", "na", "n/a", "<na>", "#n/a", "#na", "null", "none", "nil", "-", "--", "\u2014")
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SHOWN = 60


class _Unusable(ValueError):
    """Why a cell cannot be used; the column and the place are added by whoever knows them."""


def check_columns(found: list[str], source: str) -> None:
    """Raise EvidenceError unless every required column is there, and none twice."""
    missing = [name for name in COLUMNS if name not in found and name not in _OPTIONAL]
    if missing:
        raise EvidenceError(
            f"{source}: column{'s' * (len(missing) > 1)} {', '.join(missing)} missing; it has "
            f"{', '.join(map(repr, found[:12])) or 'none'}. An evidence table has the columns {', '.join(COLUMNS)}."
        )
    for name in COLUMNS:
        if found.count(name) > 1:
            raise EvidenceError(f"{source}: column {name} stands {found.count(name)} times; keep one.")


def normalise(table: pd.DataFrame, source: str, place: Callable[[int], str]) -> pd.DataFrame:
    """Return the table with exactly :data:`COLUMNS` and their types; other columns are left out.

    Text is ``str``, seed int64, epoch and layer nullable Int64, value float64. Rows keep their order; none is dropped.
    This is where cells get their meaning, whichever way they came. A run that its status, or a column such as ``State``,
    calls crashed, failed or killed is ``diverged``, whatever number it left; one that is not over is refused. Where nothing
    is said, a finite number is measured, and an empty cell, ``NaN``, ``N/A`` or infinity is ``undefined``.

    Parameters
    ----------
    source
        What to call the table in a message.
    place
        What to call a row (counted from 0) in a message, such as ``"line 7"``.

    Raises
    ------
    EvidenceError
        A column is missing or double, or a cell has the wrong type; names the first such row and its value.
    """
    import pandas as pd

    check_columns([str(name) for name in table.columns], source)
    columns: dict[str, Any] = {}
    if (found := states_of(table, but={"status"})) is not None:
        table = table.assign(status=_worse(table["status"], found) if "status" in table.columns else found)
    for name in COLUMNS:
        if name not in table.columns:
            table = table.assign(**{name: pd.Series(pd.NA, index=table.index, dtype="object")})
        column = table[name].reset_index(drop=True)
        try:
            if name == "status":
                columns[name], columns["value"] = _outcomes(column, columns["value"])
            elif name in _TEXT:
                columns[name] = _text(name, column)
            elif name == "value":
                columns[name] = _values(column)
            else:
                columns[name] = _whole(name, column)
        except _Bad as bad:
            value = column.iloc[bad.row]
            shown = "nothing" if bad.missing else f"{str(value)[:_SHOWN]!r} ({type(value).__name__})"
            raise EvidenceError(f"{source}, {place(bad.row)}: column {name} holds {shown}, which {bad.why}.") from None
    return pd.DataFrame(columns, columns=list(COLUMNS))


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows sorted by key (empty first), then by the rest: one order for one set of rows."""
    if _is_in_order(table):
        return table.reset_index(drop=True)
    return table.sort_values(list(COLUMNS), kind="stable", na_position="first", ignore_index=True)


def _is_in_order(table: pd.DataFrame) -> bool:
    """Whether the rows stand in order already, as those of every pack do: that is sooner seen than sorted."""
    import pandas as pd

    tied = np.ones(max(0, len(table) - 1), dtype=bool)  # rows that no column so far has told from the next
    for name in COLUMNS:
        column = table[name]
        there = column.notna().to_numpy(dtype=bool)
        if name in _TEXT:
            cells: NDArray[Any] = pd.factorize(column, sort=True)[0]
        else:
            cells = column.fillna(0).to_numpy(dtype=np.float64 if name == "value" else np.int64)
        for key in (there, cells):
            if (tied & (key[:-1] > key[1:])).any():
                return False
            tied &= key[:-1] == key[1:]
        if not tied.any():
            break
    return True


class _Bad(Exception):
    def __init__(self, row: int, why: str, missing: bool = False) -> None:
        self.row, self.why, self.missing = row, why, missing


def _distinct(
    column: pd.Series[Any], convert: Callable[[Any], Any], missing: str | None
) -> tuple[Any, list[Any], bool]:
    """Convert each distinct value once; ``missing`` says why a missing one is refused, if it is.

    Returns which of the converted values stands in each row (-1 where nothing does), those, and whether any differs from
    what the column holds.
    """
    import pandas as pd

    try:
        codes, distinct = pd.factorize(column)
    except (TypeError, ValueError):  # cells that are lists or the like
        raise _Bad(0, "is in a column that mixes types; write plain text or numbers") from None
    if missing is not None and (codes < 0).any():
        raise _Bad(int(np.argmax(codes < 0)), missing, missing=True)
    converted, bad = [], {}
    for code, value in enumerate(distinct):
        try:
            converted.append(convert(value))
        except _Unusable as error:
            bad[code] = str(error)
    if bad:
        row = int(np.argmax(np.isin(codes, list(bad))))
        raise _Bad(row, bad[int(codes[row])], missing=column.iloc[row] == "")
    return codes, converted, bool((codes < 0).any()) or converted != list(distinct)


def _text(name: str, column: pd.Series[Any]) -> Any:
    import pandas as pd

    def convert(given: Any) -> str:
        if not isinstance(given, str):
            raise _Unusable("is no text; write it as text")
        value = given or _FILL.get(name, "")
        if not value and name not in _FILL:
            raise _Unusable(f"is not allowed; write the {name}")
        if len(value) > LONGEST_CELL:
            raise _Unusable(f"is longer than {LONGEST_CELL >> 20} MB; write a short name")
        if _CONTROL.search(value):
            raise _Unusable("holds a line break or another control character; use printable text")
        return value

    fill = _FILL.get(name)
    refusal = None if fill is not None else f"is not allowed; write the {name}"
    codes, texts, changed = _distinct(column, convert, refusal)
    if column.dtype == "str" and not changed:  # as all of a large table that was read before
        return column.array
    return pd.Series([*texts, fill or ""], dtype="str").iloc[codes].array  # code -1, missing, takes the last


def _outcomes(column: pd.Series[Any], values: NDArray[np.float64]) -> tuple[Any, NDArray[np.float64]]:
    """Return what became of each number, and the numbers without those that a lost run left behind."""
    import pandas as pd

    codes, said, changed = _distinct(column, _outcome, None)
    if column.dtype == "str" and not changed and {*said} <= {*STATUSES}:  # as all of a large table that was read before
        return column.array, values
    ended = np.array([*said, ""], dtype=object)[codes]  # code -1, missing, takes the last
    statuses = np.where(ended == "", np.where(np.isfinite(values), "measured", "undefined"), ended)
    statuses[ended == "lost"] = "diverged"
    return pd.Series(statuses, dtype="str").array, np.where(ended == "lost", np.nan, values)


def _outcome(given: Any) -> str:
    """Return a status as it is, ``lost`` for a run that failed, and nothing where the number itself says what it is."""
    if not isinstance(given, str):
        raise _Unusable("is no text; write it as text")
    word = _word(given)
    if given in STATUSES or word in STATUSES:
        return word
    if word in _NOT_OVER:
        raise _Unusable("says that the run is not over; wait for its end, or leave its rows out")
    if word and word not in _ENDED | _LOST:
        raise _Unusable(f"is no status; write one of {', '.join(STATUSES)}, or finished or failed")
    return "lost" if word in _LOST else ""


def _word(given: Any) -> str:
    return re.sub(r"[\s-]+", "_", str(given).strip().lower())


def is_state(name: Any) -> bool:
    """Whether a column of this name may say how a run ended."""
    return _word(name) in _STATES | _FLAGS


def is_lost(given: Any) -> bool:
    """Whether a cell says that a run failed."""
    return _word(given) in _LOST | {"diverged"}


def states_of(table: pd.DataFrame, but: Collection[str] = ()) -> pd.Series[Any] | None:
    """Return how runs ended, by the columns whose names and words say so; None where there is none.

    A column such as ``State`` counts where some of its words are known, one such as ``failed`` where it holds yes and no.
    """
    import pandas as pd

    found = None
    for name in table.columns:
        if name in but or not is_state(name) or list(table.columns).count(name) > 1:
            continue
        codes, distinct = pd.factorize(table[name].astype(object))
        words = [_word(cell) for cell in distinct]
        if _word(name) in _FLAGS:
            if not set(words) <= _YES | _NO:
                continue
            words = ["failed" if word in _YES else "" for word in words]
        elif not set(words) & (_ENDED | _LOST | _NOT_OVER | {*STATUSES}):
            continue
        said = pd.Series(np.array([*words, ""], dtype=object)[codes], index=table.index, dtype="str")
        found = said if found is None else _worse(found, said)
    return found


def _worse(one: pd.Series[Any], other: pd.Series[Any]) -> pd.Series[Any]:
    """Of two columns that say how runs ended, what the second says where the first knows nothing worse than an end."""
    fine = one.isna() | one.astype(object).map(_word).isin([*_ENDED, "measured", ""])
    return one.astype(object).mask(fine & (other != ""), other)


def _whole(name: str, column: pd.Series[Any]) -> Any:
    import pandas as pd

    wanted = "a whole number of at least 0" if name == "seed" else "a whole number, or empty"

    def convert(value: Any) -> int | None:
        if isinstance(value, str) and not value.strip() and name != "seed":
            return None
        number = _number(value)
        # Beyond 2**53 a float no longer tells neighbours apart: which number was meant is lost.
        if number is None or (isinstance(number, float) and not (number.is_integer() and abs(number) < 2**53)):
            raise _Unusable(f"is not {wanted}")
        if not -(2**63) <= number < 2**63:
            raise _Unusable("does not fit 64 bits")
        if name == "seed" and number < 0:
            raise _Unusable(f"is not {wanted}")
        return int(number)

    if str(column.dtype) == ("int64" if name == "seed" else "Int64") and not (name == "seed" and (column < 0).any()):
        return column.array
    codes, numbers, _ = _distinct(column, convert, "is not allowed; write the seed" if name == "seed" else None)
    if name == "seed":
        return np.array(numbers, dtype=np.int64)[codes]
    return pd.array([*numbers, None], dtype="Int64").take(codes)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, str) and "_" not in value:
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                pass
    return None


def _values(column: pd.Series[Any]) -> NDArray[np.float64]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy(dtype=np.float64)
    cells = column.to_numpy(dtype=object, copy=True)
    cells[column.isna().to_numpy(dtype=bool)] = np.nan  # before any comparison: pandas' NA is neither equal nor unequal
    cells[cells == ""] = np.nan
    try:
        numbers = cells.astype(np.float64)
        if not any(isinstance(cell, str) and "_" in cell for cell in cells):
            return numbers
    except (TypeError, ValueError):
        pass
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and cell.strip().lower() in _NOTHING:
            cells[row] = np.nan
        elif not isinstance(cell, bool | np.bool_) and _number(cell) is None:
            raise _Bad(
                row,
                "is no number; write a decimal number with a point, or nothing where it is undefined. Where a run failed, "
                "write nothing, and diverged in a column status",
            )
    return cells.astype(np.float64)
