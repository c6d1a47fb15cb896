"""Records of others become flat: nested names joined by dots, parallel lists taken apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._table import most_rows, too_many
from faeval.evidence.importing._column_names import EPOCHS, tail
from faeval.evidence.importing._columns import shown

#: Names under which lists are settings of a run, no results.
SETTINGS = re.compile(
    r"(args|config|configs|cfg|h(yper)?_?params|hyperparameters|params|parameters|settings|options"
    r"|tags|callbacks|metadata|meta)([./_].*)?",
    re.IGNORECASE,
)
#: Names of what counts the steps of a run.
STEP = re.compile(
    r"(.*[._/])?((global|training)_?)?(step|epoch|iter|iteration|timestep)s?(_total)?", re.I
)
#: Names of what tells repetitions apart.
SEED = re.compile(
    r"(.*[._/])?(seed|random_state|random_seed|seeds|rep|repeat|replicate|trial)", re.I
)


def is_scalar(value: object) -> bool:
    """Whether a value is one cell."""
    return value is None or isinstance(value, str | int | float | bool)


def flat(record: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return a record without objects in it; the names of nested values are joined by dots."""
    if all(map(is_scalar, record.values())):
        return dict(record)
    result: dict[str, Any] = {}

    def add(prefix: str, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict):
                add(f"{name}.", value)
            elif name in result:
                raise EvidenceError(
                    f"{source}: two keys give the column {shown(name)}; rename one."
                )
            else:
                result[name] = value

    add("", record)
    return result


def exploded(
    records: Sequence[dict[str, Any]], source: str
) -> tuple[list[dict[str, Any]], list[int] | None, list[str], dict[str, str]]:
    """Take parallel lists of numbers apart, a row for each position; other lists become text.

    Returns the rows, which record each came from (None: its own), notes, and the role of the
    column that tells the positions apart: ``seed`` or ``epoch``.
    """
    lists = {
        name for record in records for name, value in record.items() if isinstance(value, list)
    }
    if not lists:
        return list(records), None, [], {}
    parallel, notes = _parallel(sorted(lists), records)
    role, position, there = _position(parallel, records) if parallel else ("", "", True)
    rows: list[dict[str, Any]] = []
    origins: list[int] = []
    for i, record in enumerate(records):
        rows += _rows_of(record, parallel, "" if there else position)
        origins += [i] * (len(rows) - len(origins))
        if len(rows) > most_rows.get():
            raise EvidenceError(too_many(source, most_rows.get()))
    if parallel:
        notes.append(f"the lists {listed(parallel)} are taken apart, a row for each position")
    if not there:
        notes.append(f"the positions in the lists, from 0, are the column {position!r}")
    return rows, origins, notes, {role: position} if parallel else {}


def _parallel(
    lists: Sequence[str], records: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """Return which columns hold lists to be taken apart, and what is said of others."""
    # Records of single steps hold lists of other things, such as of episodes.
    if any(STEP.fullmatch(n) and is_scalar(v) for record in records for n, v in record.items()):
        return [], []
    parallel = [name for name in lists if _is_series(name, records)]
    if all(len({len(r[n]) for n in parallel if r.get(n) is not None}) <= 1 for r in records):
        return parallel, []
    return [], [f"lists of different lengths ({listed(parallel)}) are left as text"]


def _rows_of(
    record: Mapping[str, Any], parallel: Sequence[str], position: str
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a record; ``position``: the column of the positions, or nothing."""
    lists = {name: record[name] for name in parallel if record.get(name) is not None}
    plain = {
        name: json.dumps(value) if isinstance(value, list) else value
        for name, value in record.items()
        if name not in lists
    }
    if not lists:
        yield plain
        return
    for at in range(len(next(iter(lists.values())))):
        counts = {position: at} if position else {}
        yield {**plain, **counts, **{name: values[at] for name, values in lists.items()}}


def _is_series(name: str, records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column holds lists of results: numbers, more than one somewhere."""
    if SETTINGS.fullmatch(name):
        return False
    values = [record[name] for record in records if record.get(name) is not None]
    return all(isinstance(v, list) and all(map(_is_number, v)) for v in values) and any(
        len(v) > 1 for v in values
    )


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _position(
    parallel: Sequence[str], records: Sequence[Mapping[str, Any]]
) -> tuple[str, str, bool]:
    """What tells the positions apart: its role, its column, and whether that is there already."""
    names = {name for record in records for name in record}
    if len(records) > 1 and not any(map(SEED.fullmatch, names)):
        return "seed", "seed", False
    if any(SEED.fullmatch(name) for name in parallel):
        return "seed", next(name for name in parallel if SEED.fullmatch(name)), True
    steps = [name for name in parallel if STEP.fullmatch(name) or tail(name) in EPOCHS]
    if len(parallel) > 1 and steps:
        return "epoch", steps[0], True
    return "epoch", "position" if "position" not in names else "position in list", False
