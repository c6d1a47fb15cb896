"""The tidy table: one row is one number of one run. What it holds, and how any table becomes one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
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
_ENDED = frozenset(
    ("finished", "complete", "completed", "done", "success", "succeeded", "successful", "ok")
)
_LOST = frozenset(
    (
        "crashed",
        "crash",
        "failed",
        "fail",
        "failure",
        "killed",
        "aborted",
        "canceled",
        "cancelled",
        "lost",
    )
)
_LOST |= {
    "error",
    "errored",
    "oom",
    "out_of_memory",
    "timeout",
    "timed_out",
    "preempted",
    "node_fail",
    "broken",
}
_NOT_OVER = frozenset(
    ("running", "pending", "queued", "scheduled", "starting", "preempting", "waiting", "suspended")
)
_WORDS = _ENDED | _LOST | _NOT_OVER | {*STATUSES}
#: Columns that say how a run ended, by what they are called without is_, has_, was_, run_ or job_
#: before it, and how: by words, by yes where it was lost, by a code that is 0 where it was not.
_STATES = {
    **dict.fromkeys(("status", "state"), "words"),
    **dict.fromkeys(
        ("crashed", "failed", "killed", "diverged", "oom", "aborted", "errored"), "lost"
    ),
    **dict.fromkeys(("exit_code", "exitcode", "exit_status", "return_code", "returncode"), "code"),
}
#: Columns that may as well hold what was measured: they count where their cells can say nothing
#: else.
_MAYBE = {
    **dict.fromkeys(("outcome", "result"), "words"),
    **dict.fromkeys(("error", "failure", "timed_out", "preempted"), "lost"),
    **dict.fromkeys(("complete", "completed", "finished", "done", "ok"), "ended"),
    **dict.fromkeys(("success", "succeeded", "successful"), "ended"),
}
_RATES = frozenset(("error", "failure", "success"))  # of these 0 and 1 are numbers
_BEFORE = re.compile(r"^(is|has|was|run|job)_")
_EMPTY = frozenset(("", "_", "nan", "nat", "na", "n/a", "<na>", "#n/a", "null", "none"))
_ONE, _ZERO = frozenset(("1", "1.0")), frozenset(("0", "0.0"))
_MARKS = frozenset(("x", "\u2713"))
_YES, _NO = _ONE | {"true", "yes", "y", "t"}, _ZERO | {"false", "no", "n", "f"}
#: Where a table keeps what is to be said beside any verdict that rests on it.
REMARKS = "faeval_remarks"
#: How others write that there is no number.
_NOTHING = frozenset(
    (
        "",
        "nan",
        "+nan",
        "-nan",
        "na",
        "n/a",
        "<na>",
        "#n/a",
        "#na",
        "null",
        "none",
        "nil",
        "-",
        "--",
        "\u2014",
    )
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SHOWN = 60


class _Unusable(ValueError):
    """Why a cell cannot be used; the column and the place are added by whoever knows them."""


def column_of(name: Any) -> str:
    """Return the column of an evidence table that a header names, in any case of letters; others as
    they are.
    """
    word = str(name).strip().lower()
    return word if word in COLUMNS else str(name)


def check_rows(table: pd.DataFrame, source: str) -> None:
    """Raise EvidenceError where a table that someone gave holds no rows: no claim could be about
    it.
    """
    if not len(table):
        raise EvidenceError(
            f"{source}: holds no rows, only the names of its columns; give a table with one row a"
            " number."
        )


def check_columns(found: list[str], source: str) -> None:
    """Raise EvidenceError unless every required column is there, and none twice."""
    there = set(map(column_of, found))
    missing = [name for name in COLUMNS if name not in there and name not in _OPTIONAL]
    if missing:
        raise EvidenceError(
            f"{source}: column{'s' * (len(missing) > 1)} {', '.join(missing)} missing; it has"
            f" {', '.join(map(repr, found[:12])) or 'none'}. An evidence table has the columns"
            f" {', '.join(COLUMNS)}."
        )
    check_once([name for name in found if column_of(name) in COLUMNS or is_state(name)], source)


def check_once(found: list[str], source: str) -> None:
    """Raise EvidenceError where a column stands twice, or two differ in the case of their letters
    alone.
    """
    alike: dict[str, list[str]] = {}
    for name in found:
        alike.setdefault(name.strip().lower(), []).append(name)
    for names in alike.values():
        if len(set(names)) > 1:
            raise EvidenceError(
                f"{source}: columns {' and '.join(map(repr, names))} differ in the case of their"
                " letters alone; keep one."
            )
        if len(names) > 1:
            raise EvidenceError(f"{source}: column {names[0]} stands {len(names)} times; keep one.")


def normalise(
    table: pd.DataFrame,
    source: str,
    place: Callable[[int], str],
    called: Callable[[str, int], str] | None = None,
) -> pd.DataFrame:
    """Return the table with exactly :data:`COLUMNS` and their types; other columns are left out.

    Text is ``str``, seed int64, epoch and layer nullable Int64, value float64. Rows keep their
    order; none is dropped. This is where cells get their meaning, whichever way they came, and
    columns their names, in any case of letters. A run that its status, or a column such as
    ``State``, ``is_failed`` or ``exit_code``, calls crashed, failed or killed is ``diverged``,
    whatever number it left; one that is not over is refused. Where nothing is said, a finite number
    is measured, and an empty cell, ``NaN``, ``N/A`` or infinity is ``undefined``. What is to be
    said of columns that may say how runs ended, and cannot be read, stands in ``attrs``.

    Parameters
    ----------
    source
        What to call the table in a message.
    place
        What to call a row (counted from 0) in a message, such as ``"line 7"``.
    called
        What to call a column in a message about a row, where it has another name in its source.

    Raises
    ------
    EvidenceError
        A column is missing or double, or a cell has the wrong type; names the first such row and
        its value.
    """
    import pandas as pd

    check_columns([str(name) for name in table.columns], source)
    remarks = table.attrs.get(REMARKS, ())
    columns: dict[str, Any] = {}
    table = table.rename(columns=column_of)
    states = states_of(table, source, place, but={"status"})
    if (found := states.said) is not None:
        table = table.assign(
            status=_worse(table["status"], found) if "status" in table.columns else found
        )
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
            name = called(name, bad.row) if called else name
            raise _refusal(bad, column, name, source, place) from None
    result = pd.DataFrame(columns, columns=list(COLUMNS))
    if remarks := tuple(dict.fromkeys([*remarks, *states.unread.values()])):
        result.attrs[REMARKS] = remarks
    return result


def _refusal(
    bad: _Bad, column: pd.Series[Any], name: str, source: str, place: Callable[[int], str]
) -> EvidenceError:
    value = column.iloc[bad.row]
    shown = "nothing" if bad.missing else f"{str(value)[:_SHOWN]!r} ({type(value).__name__})"
    return EvidenceError(
        f"{source}, {place(bad.row)}: column {name} holds {shown}, which {bad.why}."
    )


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows sorted by key (empty first), then by the rest: one order for one set of rows."""
    if _is_in_order(table):
        return table.reset_index(drop=True)
    return table.sort_values(list(COLUMNS), kind="stable", na_position="first", ignore_index=True)


def _is_in_order(table: pd.DataFrame) -> bool:
    """Whether the rows stand in order already, as those of every pack do: that is sooner seen than
    sorted.
    """
    import pandas as pd

    tied = np.ones(
        max(0, len(table) - 1), dtype=bool
    )  # rows that no column so far has told from the next
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

    Returns which of the converted values stands in each row (-1 where nothing does), those, and
    whether any differs from what the column holds.
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
    return (
        pd.Series([*texts, fill or ""], dtype="str").iloc[codes].array
    )  # code -1, missing, takes the last


def _outcomes(
    column: pd.Series[Any], values: NDArray[np.float64]
) -> tuple[Any, NDArray[np.float64]]:
    """Return what became of each number, and the numbers without those that a lost run left behind."""
    import pandas as pd

    codes, said, changed = _distinct(column, _outcome, None)
    if (
        column.dtype == "str" and not changed and {*said} <= {*STATUSES}
    ):  # as all of a large table that was read before
        return column.array, values
    ended = np.array([*said, ""], dtype=object)[codes]  # code -1, missing, takes the last
    statuses = np.where(ended == "", np.where(np.isfinite(values), "measured", "undefined"), ended)
    statuses[ended == "lost"] = "diverged"
    return pd.Series(statuses, dtype="str").array, np.where(ended == "lost", np.nan, values)


def _outcome(given: Any) -> str:
    """Return a status as it is, ``lost`` for a run that failed, and nothing where the number itself
    says what it is.
    """
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


def _state(name: Any) -> str:
    """A column's name as the tables of such names spell it: ``IsFailed`` and ``run failed`` are
    ``failed``.
    """
    return _BEFORE.sub("", _word(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name).strip())))


def is_state(name: Any) -> bool:
    """Whether a column of this name may say how a run ended."""
    return _state(name) in _STATES or _state(name) in _MAYBE


def is_lost(given: Any) -> bool:
    """Whether a cell says that a run failed."""
    return _word(given) in _LOST | {"diverged"}


@dataclass(frozen=True)
class States:
    """How runs ended, by row; the columns that say so; and of those that may and are not read, why."""

    said: pd.Series[Any] | None
    read: tuple[Any, ...]
    unread: dict[Any, str]


def states_of(
    table: pd.DataFrame, source: str, place: Callable[[int], str], but: Collection[str] = ()
) -> States:
    """Return how runs ended, by the columns whose names and cells say so.

    A column such as ``State`` counts where some of its words are known, one such as ``failed`` or
    ``exit_code`` always, and one such as ``result`` or ``success``, which may be a number that was
    measured, where its cells can say nothing else.

    Raises
    ------
    EvidenceError
        A cell of a column such as ``failed`` is neither yes nor no.
    """
    import pandas as pd

    said, read, unread = None, [], {}
    for name in table.columns:
        if name in but or not is_state(name):
            continue
        codes, distinct = pd.factorize(table[name].astype(object).map(str))
        kind, shown = _STATES.get(_state(name), ""), str(name)[:_SHOWN]
        try:
            words = _endings(_state(name), list(distinct))
        except _Bad as bad:
            if kind in ("lost", "code"):
                row = int(np.argmax(codes == bad.row))
                raise _refusal(_Bad(row, bad.why), table[name], shown, source, place) from None
            if _may_be_words(distinct):
                cell = distinct[bad.row][:_SHOWN]
                unread[name] = (
                    f"column {shown!r} may say how runs ended, and is not read: it holds {cell!r}"
                )
            continue
        here = pd.Series(np.array(words, dtype=object)[codes], index=table.index, dtype="str")
        read.append(name)
        said = here if said is None else _worse(said, here)
    return States(said, tuple(read), unread)


def _may_be_words(cells: Iterable[str]) -> bool:
    """Whether cells are not all numbers, or only 0 and 1, as whoever writes down yes and no may
    have them.
    """
    there = [cell for cell in cells if _word(cell) not in _EMPTY]
    return any(_number(cell) is None for cell in there) or all(
        _word(cell) in _ONE | _ZERO for cell in there
    )


def _endings(name: str, cells: Sequence[str]) -> list[str]:
    """Return what each cell of a column of states says, as a status has it; raise _Bad for one of
    which nothing is known.
    """
    if (
        _STATES.get(name) == "words"
    ):  # where some are known, the others are refused as any status is
        words = [_word(cell) for cell in cells]
        if not {*words} & _WORDS and not {*words} <= _EMPTY:
            raise _Bad(
                next(i for i, word in enumerate(words) if word not in _EMPTY), "is no status"
            )
        return words
    return [_ending(name, cell, code) for code, cell in enumerate(cells)]


def _ending(name: str, cell: str, code: int) -> str:
    word, kind = _word(cell), _STATES.get(name) or _MAYBE[name]
    if word in _EMPTY:
        return ""
    if kind == "code":
        parts = [
            _number(part) for part in cell.strip().split(":")
        ]  # such as 0:9, a code and a signal
        if None not in parts:
            return "failed" if any(parts) else ""
    number = name in _RATES and word in _ONE | _ZERO
    if kind in ("lost", "ended") and not number and word in _YES | _NO:
        return "failed" if (word in _YES) == (kind == "lost") else ""
    if kind == "lost" and word in _MARKS:
        return "failed"
    if word in (_LOST | {"diverged"} if _STATES.get(name) == "lost" else _WORDS):
        return word
    raise _Bad(
        code,
        "says neither that the run failed nor that it did not; write yes or no, or rename the"
        " column",
    )


def _worse(one: pd.Series[Any], other: pd.Series[Any]) -> pd.Series[Any]:
    """Of two columns that say how runs ended, what the second says where the first knows nothing
    worse than an end.
    """
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
        if number is None or (
            isinstance(number, float) and not (number.is_integer() and abs(number) < 2**53)
        ):
            raise _Unusable(f"is not {wanted}")
        if not -(2**63) <= number < 2**63:
            raise _Unusable("does not fit 64 bits")
        if name == "seed" and number < 0:
            raise _Unusable(f"is not {wanted}")
        return int(number)

    if str(column.dtype) == ("int64" if name == "seed" else "Int64") and not (
        name == "seed" and (column < 0).any()
    ):
        return column.array
    codes, numbers, _ = _distinct(
        column, convert, "is not allowed; write the seed" if name == "seed" else None
    )
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
    cells[column.isna().to_numpy(dtype=bool)] = (
        np.nan
    )  # before any comparison: pandas' NA is neither equal nor unequal
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
                "is no number; write a decimal number with a point, or nothing where it is"
                " undefined. Where a run failed, write nothing, and diverged in a column status",
            )
    return cells.astype(np.float64)
