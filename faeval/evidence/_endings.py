"""How runs ended: the words, columns and codes by which others say so, and what each means here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faeval.evidence._cells import SHOWN, BadCell, Unusable, distinct_cells, number_of, refusal

if TYPE_CHECKING:
    import pandas as pd

#: What may be said of a number's reliability.
STATUSES = ("measured", "below_floor", "undefined", "diverged")
#: How those who run things say that a run ended, was lost, or is not over; in any case of letters.
_ENDED = frozenset(
    ("finished", "complete", "completed", "done", "success", "succeeded", "successful", "ok")
)
_LOST = frozenset((
    "aborted", "broken", "canceled", "cancelled", "crash", "crashed", "error", "errored", "fail",
    "failed", "failure", "killed", "lost", "node_fail", "oom", "out_of_memory", "preempted",
    "timed_out", "timeout",
))  # fmt: skip
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


def status_cells(
    column: pd.Series[Any], values: NDArray[np.float64]
) -> tuple[Any, NDArray[np.float64]]:
    """Return statuses, and the numbers without those that a lost run left behind."""
    import pandas as pd

    codes, words, changed = distinct_cells(column, _outcome, None)
    if (
        column.dtype == "str" and not changed and {*words} <= {*STATUSES}
    ):  # as all of a large table that was read before
        return column.array, values
    ended = np.array([*words, ""], dtype=object)[codes]  # code -1, missing, takes the last
    statuses = np.where(ended == "", np.where(np.isfinite(values), "measured", "undefined"), ended)
    statuses[ended == "lost"] = "diverged"
    return pd.Series(statuses, dtype="str").array, np.where(ended == "lost", np.nan, values)


def _outcome(given: Any) -> str:
    """Return a status, ``lost`` for a run that failed, or nothing where the number says it."""
    if not isinstance(given, str):
        raise Unusable("is no text; write it as text")
    word = _word(given)
    if given in STATUSES or word in STATUSES:
        return word
    if word in _NOT_OVER:
        raise Unusable(
            "says that the run is not over; wait for its end, or leave its rows out (--where"
            " COLUMN=VALUE keeps others)"
        )
    if word and word not in _ENDED | _LOST:
        raise Unusable(f"is no status; write one of {', '.join(STATUSES)}, or finished or failed")
    return "lost" if word in _LOST else ""


def _word(given: Any) -> str:
    return re.sub(r"[\s-]+", "_", str(given).strip().lower())


def _state(name: Any) -> str:
    """Return a column's name in one spelling: ``IsFailed`` and ``run failed`` are ``failed``."""
    return _BEFORE.sub("", _word(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name).strip())))


def is_state(name: Any) -> bool:
    """Whether a column of this name may say how a run ended."""
    return _state(name) in _STATES or _state(name) in _MAYBE


def is_lost(given: Any) -> bool:
    """Whether a cell says that a run failed."""
    return _word(given) in _LOST | {"diverged"}


@dataclass(frozen=True)
class States:
    """How runs ended by row, the columns that say so, and why others are not read."""

    said: pd.Series[Any] | None
    read: tuple[Any, ...]
    unread: dict[Any, str]


def states_of(
    table: pd.DataFrame,
    source: str,
    place: Callable[[int], str],
    but: Collection[str] = (),
    *,
    is_log: bool = False,
) -> States:
    """Return how runs ended, by the columns whose names and cells say so.

    A column such as ``State`` counts where some of its words are known, one such as ``failed`` or
    ``exit_code`` always, and one such as ``result`` or ``success``, which may be a number that was
    measured, where its cells can say nothing else. ``is_log``: runs have several rows, and a
    column such as ``done`` says of each row whether it is the last.

    Raises
    ------
    EvidenceError
        A cell of a column such as ``failed`` is neither yes nor no.
    """
    import pandas as pd

    endings, columns, unread = None, [], {}
    for name in table.columns:
        if name in but or not is_state(name):
            continue
        codes, distinct = pd.factorize(table[name].astype(object).map(str))
        kind, label = _STATES.get(_state(name), ""), str(name)[:SHOWN]
        if is_log and _MAYBE.get(_state(name)) == "ended":
            if _may_be_words(distinct):
                unread[name] = (
                    f"column {label!r} says how each row is, not how its run ended, and is not read"
                )
            continue
        try:
            words = _endings(_state(name), list(distinct))
        except BadCell as bad:
            if kind in ("lost", "code"):
                row = int(np.argmax(codes == bad.row))
                raise refusal(BadCell(row, bad.why), table[name], label, source, place) from None
            if _may_be_words(distinct):
                cell = distinct[bad.row][:SHOWN]
                unread[name] = (
                    f"column {label!r} may say how runs ended, and is not read: it holds {cell!r}"
                )
            continue
        here = pd.Series(np.array(words, dtype=object)[codes], index=table.index, dtype="str")
        columns.append(name)
        endings = here if endings is None else worse(endings, here)
    return States(endings, tuple(columns), unread)


def _may_be_words(cells: Iterable[str]) -> bool:
    """Whether cells may say yes and no: they are not all numbers, or only 0 and 1."""
    there = [cell for cell in cells if _word(cell) not in _EMPTY]
    return any(number_of(cell) is None for cell in there) or all(
        _word(cell) in _ONE | _ZERO for cell in there
    )


def _endings(name: str, cells: Sequence[str]) -> list[str]:
    """Return what each cell says as a status; raise BadCell where nothing is known."""
    if _STATES.get(name) == "words":
        # Where some are known, the others are refused as any status is.
        words = [_word(cell) for cell in cells]
        if not {*words} & _WORDS and not {*words} <= _EMPTY:
            raise BadCell(
                next(i for i, word in enumerate(words) if word not in _EMPTY), "is no status"
            )
        return words
    return [_ending(name, cell, code) for code, cell in enumerate(cells)]


def _ending(name: str, cell: str, code: int) -> str:
    word, kind = _word(cell), _STATES.get(name) or _MAYBE[name]
    if word in _EMPTY:
        return ""
    if kind == "code" and (failed := _failed_by_code(cell)) is not None:
        return "failed" if failed else ""
    number = name in _RATES and word in _ONE | _ZERO
    if kind in ("lost", "ended") and not number and word in _YES | _NO:
        return "failed" if (word in _YES) == (kind == "lost") else ""
    if kind == "lost" and word in _MARKS:
        return "failed"
    if word in (_LOST | {"diverged"} if _STATES.get(name) == "lost" else _WORDS):
        return word
    raise BadCell(
        code,
        "says neither that the run failed nor that it did not; write yes or no; or name the column"
        " that says how runs ended (--status COLUMN), or that none does (--status none)",
    )


def _failed_by_code(cell: str) -> bool | None:
    """Whether a code, or a code and a signal as in 0:9, says failure; None for no code."""
    parts = [number_of(part) for part in cell.strip().split(":")]
    return None if None in parts else any(parts)


def worse(one: pd.Series[Any], other: pd.Series[Any]) -> pd.Series[Any]:
    """Return the worse of two endings, row by row."""
    fine = one.isna() | one.astype(object).map(_word).isin([*_ENDED, "measured", ""])
    return one.astype(object).mask(fine & (other != ""), other)
