"""Results in JSON and JSON Lines: records, columns, lists of values, what pandas writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._table import most_rows, too_many
from faeval.evidence.importing._benchmarks import benchmark_cells
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import MOST_COLUMNS, shown, with_names
from faeval.evidence.importing._records import exploded, flat, is_scalar

if TYPE_CHECKING:
    import pandas as pd

#: How deep objects may lie in each other.
_DEEPEST = 20
#: What is said where rows of a run have nothing that counts them.
POSITIONS = "the positions in the lists, from 0, are the column 'position'"
_METRIC = re.compile(
    r"(train|val|valid|validation|test|dev|eval|final|mean|best)?[_/.-]?"
    r"(acc|accuracy|loss|error|err|f1|auc|auroc|auprc|precision|recall|mse|rmse|mae|r2|bleu|rouge"
    r"|perplexity|ppl|nll|reward|return|score|iou|miou|map|mrr|ndcg|time|runtime|seconds|fid|em)"
    r"([_@-]\w{1,8})?",
    re.IGNORECASE,
)
_AXIS = re.compile(
    r"(global_?)?(seed|step|epoch|iter|iteration|timestep|fold|run|rep|trial)s?", re.I
)
_SEED = re.compile(r"(?:seed|run|rep|trial|s)?[ _=:-]*(-?\d+)", re.IGNORECASE)
_ARMS = ("method", "arm", "algo", "algorithm", "model", "agent", "optimizer", "approach", "variant")


def read_json(content: bytes, source: str) -> Cells:
    """Read JSON or JSON Lines.

    Parameters
    ----------
    content
        UTF-8 without a mark.
    source
        What to call it.

    Raises
    ------
    EvidenceError
        It is no JSON, or holds nothing that is a table; says what it holds.
    """
    document, lines = _parsed(content, source)
    if lines is not None:
        return record_cells(document, source, lambda row: f"line {lines[row]}")
    _check_depth(document, source)
    if isinstance(document, dict):
        return _object_cells(document, source)
    if isinstance(document, list):
        return _list_cells(document, source)
    raise EvidenceError(
        f"{source}: holds a single value ({shown(document)}); give records with a method and a"
        " seed each."
    )


def _parsed(content: bytes, source: str) -> tuple[Any, list[int] | None]:
    """Return the document, or of JSON Lines the records and their lines."""
    begin = content.lstrip()
    first, _, more = begin.partition(b"\n")
    if begin.startswith(b"{") and more.strip() and first.rstrip().endswith(b"}"):
        return _lines(content, source)
    try:
        return _loads(content), None
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{source}: is no JSON ({_why(error)}); write it again.") from None


def _lines(content: bytes, source: str) -> tuple[list[Any], list[int]]:
    """Read a record a line."""
    records, numbers = [], []
    last = content.count(b"\n") + 1
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = _loads(line)
        except (ValueError, RecursionError) as error:
            cut_off = "; the file may be cut off" if number == last else ""
            raise EvidenceError(
                f"{source}, line {number}: is no JSON ({_why(error)}){cut_off}; mend or remove it."
            ) from None
        _check_depth(record, f"{source}, line {number}")
        if not isinstance(record, dict):
            raise EvidenceError(
                f"{source}, line {number}: holds {shown(record, 40)}, no object; each line of JSON"
                " Lines is one."
            )
        records.append(record)
        numbers.append(number)
        if len(records) > most_rows.get():
            raise EvidenceError(too_many(source, most_rows.get()))
    return records, numbers


def _loads(content: bytes) -> Any:
    return json.loads(content, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):  # else the last would win, unseen
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return result


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "too deep"
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, " if "\n" in error.doc.strip() else ""
        return f"{error.msg}, {line}column {error.colno}"
    return " ".join(str(error).split())[:200]


def _check_depth(value: Any, source: str) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        inner = (v for outer in level for v in _inside(outer))
        level = [v for v in inner if isinstance(v, dict | list)]
        if not level:
            return
    raise EvidenceError(f"{source}: is nested more than {_DEEPEST} deep; give flat records.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _list_cells(items: list[Any], source: str) -> Cells:
    if not items:
        raise EvidenceError(f"{source}: is an empty list; give one record for each run.")
    if all(isinstance(item, dict) for item in items):
        return record_cells(items, source, lambda row: f"record {row} (counted from 0)")
    if all(isinstance(item, list) for item in items):
        header, *rows = items
        if rows and all(isinstance(name, str) for name in header):
            return _split_cells(header, rows, source, 1)
    raise EvidenceError(
        f"{source}: is a list of {shown(items[0], 40)} and the like, whose values have no names;"
        ' give records, such as [{"method": "ours", "seed": 0, "acc": 0.9}].'
    )


def record_cells(
    records: Sequence[Mapping[str, Any]],
    source: str,
    place: Callable[[int], str],
    notes: Iterable[str] = (),
    roles: Mapping[str, str] | None = None,
) -> Cells:
    """Make a row of each record: nested names are joined by dots, parallel lists are taken apart.

    Parameters
    ----------
    records
        Objects as of JSON.
    source, notes, roles
        As of :class:`Cells`.
    place
        What to call a record, counted from 0.
    """
    if not records:
        raise EvidenceError(f"{source}: holds no records; give one for each run.")
    flat_records = [flat(record, source) for record in records]
    rows, origins, more, more_roles = exploded(flat_records, source)
    table = _frame(rows, source)
    table, left, names_notes = with_names(table, list(table.columns), source)

    def place_of(row: int) -> str:
        at = int(left[row]) if left is not None else row
        return place(at if origins is None else origins[at])

    roles = {**(roles or {}), **more_roles}
    return Cells(table, source, place_of, (*notes, *more, *names_notes), roles)


def _frame(records: Sequence[Mapping[str, Any]], source: str) -> pd.DataFrame:
    import pandas as pd

    if len(records) > most_rows.get():
        raise EvidenceError(too_many(source, most_rows.get()))
    names = list(dict.fromkeys(name for record in records for name in record))
    if len(names) > MOST_COLUMNS:
        raise EvidenceError(
            f"{source}: has {len(names)} columns, and at most {MOST_COLUMNS} are read."
        )
    columns = {name: _objects([record.get(name) for record in records]) for name in names}
    return pd.DataFrame(columns, columns=pd.Index(names, dtype=object))


def _objects(cells: Sequence[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([None if cell == "" else cell for cell in cells], dtype=object)


def _split_cells(header: Sequence[Any], rows: Sequence[Any], source: str, first: int) -> Cells:
    """Read rows that are lists below a list of names."""
    import pandas as pd

    names = [str(name) for name in header]
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            has = len(row) if isinstance(row, list) else "no"
            raise EvidenceError(
                f"{source}, row {i + first} (counted from 0): has {has} fields, and the header"
                f" names {len(names)}; complete it."
            )
        if not all(map(is_scalar, row)):
            raise EvidenceError(
                f"{source}, row {i + first} (counted from 0): holds a list or an object in a"
                " cell; write one number or text."
            )
    columns = {i: _objects([row[i] for row in rows]) for i in range(len(names))}
    table, kept, notes = with_names(pd.DataFrame(columns), names, source)

    def place(row: int) -> str:
        return f"row {(int(kept[row]) if kept is not None else row) + first} (counted from 0)"

    return Cells(table, source, place, tuple(notes))


def _object_cells(document: dict[str, Any], source: str) -> Cells:
    if not document:
        raise EvidenceError(f"{source}: is an empty object; give one record for each run.")
    for form in (benchmark_cells, _refused, _pandas_cells, _column_cells, _nested_cells):
        if (cells := form(document, source)) is not None:
            return cells
    lists = {k: v for k, v in document.items() if _are_records(v)}
    if len(lists) > 1 and len(lists) == len(document):
        return _groups_of_records(lists, source)
    if len(lists) == 1 and sum(isinstance(v, list) and bool(v) for v in document.values()) == 1:
        return _only_records(document, next(iter(lists)), source)
    return record_cells([document], source, lambda _: "the object")


def _only_records(document: dict[str, Any], name: str, source: str) -> Cells:
    note = f"the rows are the records of {shown(name)}"
    if beside := [shown(key, 30) for key in document if key != name]:
        note += f"; left out beside them: {listed(beside)}"
    return record_cells(document[name], source, lambda row: f"{name}[{row}]", [note])


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _groups_of_records(lists: Mapping[str, list[dict[str, Any]]], source: str) -> Cells:
    """Read ``{method: [records]}``: the key becomes a column."""
    there = {name.lower() for records in lists.values() for record in records for name in record}
    column = "group" if there & set(_ARMS) or "method" in there else "method"
    rows = [{column: key, **record} for key, records in lists.items() for record in records]
    names = [f"{key}[{i}]" for key, records in lists.items() for i in range(len(records))]
    note = f"the keys ({listed([shown(k, 30) for k in lists])}) are the column {column!r}"
    roles = {"arm": column} if column == "method" else {}
    return record_cells(rows, source, lambda row: names[row], [note], roles)


def _refused(document: dict[str, Any], source: str) -> Cells | None:
    """Refuse logs of evaluations, whose items are no retrainings."""
    results = document.get("results")
    if isinstance(results, dict) and any(
        "_stderr" in name or ",none" in name
        for scores in results.values()
        if isinstance(scores, dict)
        for name in scores
    ):
        raise EvidenceError(
            f"{source}: is a result of lm-evaluation-harness: one run of one model, whose standard"
            " errors are over items. Items are no retrainings and hold no seeds; give a table with"
            " one value for each seed."
        )
    if {"eval", "status"} <= set(document) and isinstance(document["eval"], dict):
        raise EvidenceError(
            f"{source}: is an evaluation log of inspect_ai: one run, whose samples are items."
            " Items are no retrainings and hold no seeds; give a table with one value for each"
            " seed."
        )
    return None


def _pandas_cells(document: dict[str, Any], source: str) -> Cells | None:
    """Read what ``DataFrame.to_json`` writes with orient split or table, and tables of W&B."""
    data, header = document.get("data"), document.get("columns")
    if (
        isinstance(data, list)
        and isinstance(header, list)
        and all(isinstance(row, list) for row in data)
    ):
        if any(isinstance(name, list) for name in header):
            raise EvidenceError(
                f"{source}: has two header lines (columns of a MultiIndex); give each column one"
                " name."
            )
        return _split_cells(header, data, source, 0)
    if isinstance(data, list) and isinstance(document.get("schema"), dict) and _are_records(data):
        key = document["schema"].get("primaryKey")
        if key == ["index"]:  # what pandas calls an index without a name
            data = [{k: v for k, v in record.items() if k != "index"} for record in data]
        return record_cells(data, source, lambda row: f"data[{row}]")
    return None


def _column_cells(document: dict[str, Any], source: str) -> Cells | None:
    """Read lists of values: columns of one length, or the values of a method by seed."""
    lists = list(document.values())
    if not all(isinstance(v, list) and v and all(map(is_scalar, v)) for v in lists):
        return None
    numeric = all(map(_are_numbers, lists))
    if numeric and not are_columns(document):
        return level_cells(document, ["method"], source)
    lengths = {name: len(values) for name, values in document.items()}
    if len(set(lengths.values())) > 1:
        raise EvidenceError(
            f"{source}: its lists differ in length ("
            + listed([f"{shown(n, 30)}: {k}" for n, k in lengths.items()])
            + "); columns of a table have one length."
        )
    rows = [dict(zip(document, row, strict=True)) for row in zip(*lists, strict=True)]
    place = "position {} (counted from 0)".format
    if not numeric or has_axis(document):
        return record_cells(rows, source, place)
    rows = [{"position": i, **row} for i, row in enumerate(rows)]
    return record_cells(rows, source, place, [POSITIONS], {"epoch": "position"})


def are_columns(names: Iterable[str]) -> bool:
    """Whether names of lists of numbers are columns of a table, by one that is no method's."""
    names = list(names)
    return has_axis(names) or any(map(_METRIC.fullmatch, names))


def has_axis(names: Iterable[str]) -> bool:
    """Whether one of the names is of seeds, steps, epochs or the like."""
    return any(map(_AXIS.fullmatch, names))


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(v is None or isinstance(v, int | float) for v in values)


def _seed_of(key: str) -> str | None:
    match = _SEED.fullmatch(key.strip())
    return match[1] if match else None


def _nested_cells(document: dict[str, Any], source: str) -> Cells | None:
    """Read objects in objects: of pandas, or values by names of levels and by seed."""
    inner = list(document.values())
    if not inner or not all(isinstance(v, dict) and v for v in inner):
        return None
    if all(is_scalar(cell) for values in inner for cell in values.values()):
        return _two_levels(document, source)
    if (depth := _depth_of_lists(document)) is not None:
        return level_cells(document, _level_names(document, depth), source)
    return _seeds_inside(document, source)


def _two_levels(document: dict[str, dict[str, Any]], source: str) -> Cells | None:
    outer = list(document)
    inner = list(dict.fromkeys(key for values in document.values() for key in values))
    numeric = all(_are_numbers(values.values()) for values in document.values())
    if _are_seeds(inner) and numeric and not are_columns(outer):
        return level_cells(document, ["method"], source)
    if _are_whole(inner):  # orient="columns"
        rows = [{"": key, **{n: document[n].get(key) for n in outer}} for key in inner]
        return record_cells(rows, source, lambda row: f"key {inner[row]}")
    if not _are_seeds(outer):
        return None
    is_index = _are_whole(outer) and (not numeric or are_columns(inner))
    return _rows_by_key(document, is_index, source)


def _rows_by_key(document: dict[str, dict[str, Any]], is_index: bool, source: str) -> Cells:
    """Read a record below each key: of an index (orient="index"), or of a seed."""
    keys = list(document)
    rows = [{"" if is_index else "seed": _seed_of(key), **document[key]} for key in keys]
    notes = [] if is_index else ["the outer keys are read as seeds"]
    roles = {} if is_index else {"seed": "seed"}
    return record_cells(rows, source, lambda row: f"key {keys[row]}", notes, roles)


def _are_seeds(keys: Iterable[str]) -> bool:
    return all(_seed_of(key) is not None for key in keys)


def _are_whole(keys: Iterable[str]) -> bool:
    return all(key.lstrip("-").isdigit() for key in keys)


def _seeds_inside(document: dict[str, Any], source: str) -> Cells | None:
    """Read ``{method: {seed: {metric: value}}}``."""
    rows, names = [], []
    for method, runs in document.items():
        for key, record in runs.items():
            if _seed_of(key) is None or not isinstance(record, dict):
                return None
            rows.append({"method": method, "seed": _seed_of(key), **record})
            names.append(f"{method}, {key}")
    note = "the outer keys are the column 'method', the inner ones are read as seeds"
    roles = {"arm": "method", "seed": "seed"}
    return record_cells(rows, source, lambda row: names[row], [note], roles)


def _depth_of_lists(value: Any) -> int | None:
    """How many levels of names lie above lists of numbers, or above numbers by seed."""
    if isinstance(value, list):
        return 0 if value and _are_numbers(value) else None
    if not isinstance(value, dict) or not value:
        return None
    if _are_seeds(value) and _are_numbers(list(value.values())):
        return 0
    first, *others = (_depth_of_lists(inner) for inner in value.values())
    return None if first is None or any(depth != first for depth in others) else first + 1


def _level_names(document: Mapping[str, Any], depth: int) -> list[str]:
    """Name the levels above the seeds; where no key is a usual metric they stay nameless."""
    if depth == 1:
        return ["method"]
    if depth == 2:
        inner = {key for values in document.values() for key in values}
        if all(map(_METRIC.fullmatch, document)):
            return ["metric", "method"]
        if all(map(_METRIC.fullmatch, inner)):
            return ["method", "metric"]
    return [f"level_{i}" for i in range(1, depth + 1)]


def level_cells(document: Mapping[str, Any], levels: Sequence[str], source: str) -> Cells:
    """Read values by names of levels; the innermost are lists by position, or objects by seed.

    Parameters
    ----------
    document
        Objects in objects, as deep as there are levels.
    levels
        What to call the columns of the names.
    source
        What to call it.
    """
    rows: list[dict[str, Any]] = []
    names: list[str] = []
    positions = False

    def walk(value: Any, keys: tuple[str, ...]) -> None:
        nonlocal positions
        if len(keys) < len(levels):
            for key, inner in value.items():
                walk(inner, (*keys, key))
            return
        by_seed = isinstance(value, dict)
        positions |= not by_seed
        for key, cell in value.items() if by_seed else enumerate(value):
            seed = key if isinstance(key, int) else _seed_of(key)
            rows.append({**dict(zip(levels, keys, strict=True)), "seed": seed, "value": cell})
            names.append(f"{'/'.join(keys)}[{key}]")

    walk(document, ())
    notes = []
    for i, level in enumerate(levels):
        keys = list(dict.fromkeys(row[level] for row in rows))
        notes.append(f"keys of level {i + 1} are the column {level!r}: {listed(keys)}")
    if positions:
        notes.append(
            "seeds are the positions in the lists, from 0: value i of one list is paired with value"
            " i of another"
        )
    roles = {"seed": "seed", "value": "value"}
    roles |= {
        role: name for role, name in (("arm", "method"), ("metric", "metric")) if name in levels
    }
    return record_cells(rows, source, lambda row: names[row], notes, roles)
