"""Results inside objects: levels of names, and below them numbers, lists of them, or records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._column_names import ARMS
from faeval.evidence.importing._columns import is_number, shown
from faeval.evidence.importing._records import SETTINGS, STEP, is_scalar

_METRIC = re.compile(
    r"((train|val|valid|validation|test|dev|eval|final|mean|best)[_/.-]?)*"
    r"(acc|accuracy|loss|error|err|f1|auc|auroc|auprc|prec|precision|recall|mse|rmse|mae|r2|bleu"
    r"|rouge|perplexity|ppl|nll|ece|brier|reward|return|score|iou|miou|map|mrr|ndcg|time|runtime"
    r"|seconds|fid|em)s?([_@-]\w{1,8})?",
    re.IGNORECASE,
)
_SEED_KEY = re.compile(r"(?:seed|run|rep|trial|s)?[ _=:-]*(-?\d+)", re.IGNORECASE)
_AXIS = re.compile(
    r"(global_?)?(seed|step|epoch|iter|iteration|timestep|fold|run|rep|trial)s?", re.I
)
_SPLIT = re.compile(r"(train|val|valid|validation|test|dev|eval)(_.*)?", re.IGNORECASE)
#: Lists of seeds, which name the positions in the lists beside them.
_SEED_LIST = re.compile(r"((random|rng)_?)?(seed|state)s?(_?(list|ids|used))?", re.IGNORECASE)
#: Names around all results, which say nothing of them.
_AROUND = re.compile(
    r"(all_?)?(results?|data|metrics|scores|runs|experiments|methods|models|values)", re.IGNORECASE
)
#: What logs of training hold beside their results: then positions may be epochs.
_LOG = re.compile(r"(train|training)[_ /.-]?loss|lr|learning_rate", re.IGNORECASE)
_SUMMARY = re.compile(
    r"(mean|avg|average|std|stdev|sd|sem|se|ci\d*|median|min|max|n|count|summary|aggregated?"
    r"|overall)([_ ].*)?",
    re.IGNORECASE,
)
#: Columns of keys that are no methods, tasks and the like.
_TOLD = ("", "metric", "seed")
#: Rows, what to call each, how the levels above them were read, and the roles of columns.
Nested = tuple[list[dict[str, Any]], list[str], list[str], dict[str, str]]


@dataclass(frozen=True)
class _Leaf:
    """What ends a path of keys; ``axes`` are lists that may name its positions, nearest first."""

    path: tuple[str, ...]
    value: Any
    kind: str  # numbers, lists, by seed, records, or nothing
    axes: tuple[tuple[str, list[Any]], ...] = ()

    def named_by(self, name: re.Pattern[str]) -> tuple[str, list[Any]] | None:
        """Return the list of seeds, or of steps, that is as long as this one, if one is."""
        long = len(self.value)
        if self.kind == "lists" and any(len(inner) == long for inner in self.value):
            return None  # which of the two are counted cannot be seen
        return next((a for a in self.axes if name.fullmatch(a[0]) and len(a[1]) == long), None)


_Node = tuple[tuple[str, ...], Mapping[str, Any]]


def nested(document: Mapping[str, Any], source: str) -> Nested | None:
    """Read the results inside an object; None where it is the record of one run.

    Raises
    ------
    EvidenceError
        There are seeds, and no list is surely theirs by its length.
    """
    if (below_seeds := _below_seeds(document)) is not None:
        return below_seeds
    leaves = list(_leaves(document))
    records = [leaf for leaf in leaves if leaf.kind == "records"]
    numbers = [leaf for leaf in leaves if leaf.kind in ("numbers", "lists", "by seed")]
    if records and min(map(_depth, records)) <= min(map(_depth, numbers), default=99):
        return _records(records, leaves)
    return _numbers(numbers, leaves, source) if numbers else None


def seed_of(key: str) -> str | None:
    """Return the number of a key such as 7, seed_7, seed=7 or run7."""
    match = _SEED_KEY.fullmatch(key.strip())
    return match[1] if match else None


def are_seeds(keys: Iterable[str]) -> bool:
    """Whether each key is a seed's."""
    return all(seed_of(key) is not None for key in keys)


def is_metric(name: str) -> bool:
    """Whether a name is a usual metric's."""
    return _METRIC.fullmatch(name) is not None


def are_columns(names: Iterable[str]) -> bool:
    """Whether names of lists of numbers are columns of a table, by one that is no method's."""
    names = list(names)
    return has_axis(names) or any(map(is_metric, names))


def has_axis(names: Iterable[str]) -> bool:
    """Whether one of the names is of seeds, steps, epochs or the like."""
    return any(map(_AXIS.fullmatch, names))


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether values are numbers, some of them as text, or nothing."""
    return all(v is None or isinstance(v, int | float) or is_number(v) for v in values)


def _depth(leaf: _Leaf) -> int:
    return len(leaf.path)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        runs = _without_summaries(value)
        return "by seed" if runs and are_seeds(runs) and are_numbers(runs.values()) else ""
    if not isinstance(value, list) or not value:
        return ""
    if are_numbers(value):
        return "numbers"
    if all(isinstance(v, dict) for v in value):
        return "records"
    inner = all(isinstance(v, list) and v and are_numbers(v) for v in value)
    return "lists" if inner else ""


def _without_summaries(runs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands below seeds, without means and the like beside it."""
    return {key: value for key, value in runs.items() if not _SUMMARY.fullmatch(key)}


def _leaves(
    value: Mapping[str, Any], path: tuple[str, ...] = (), outer: Sequence[Any] = ()
) -> Iterator[_Leaf]:
    """Yield what ends each path; what lies in settings is nothing but seeds of the lists."""
    axes = (*_axes(value), *outer)
    in_settings = any(map(SETTINGS.fullmatch, path))
    for key, inner in value.items():
        kind = "" if in_settings or SETTINGS.fullmatch(key) else _kind(inner)
        if isinstance(inner, dict) and not kind:
            yield from _leaves(inner, (*path, key), axes)
        elif kind == "by seed":
            yield _Leaf((*path, key), _without_summaries(inner), kind)
            yield from (_Leaf((*path, key, k), None, "") for k in inner if _SUMMARY.fullmatch(k))
        elif not _is_axis(key, inner):
            yield _Leaf((*path, key), inner, kind, axes)


def _axes(value: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of seeds and steps in an object, and in the settings in it."""
    for key, inner in value.items():
        if isinstance(inner, dict) and SETTINGS.fullmatch(key):
            yield from ((k, v) for k, v in inner.items() if _is_axis(k, v))
        elif _is_axis(key, inner):
            yield key, inner


def _is_axis(name: str, value: Any) -> bool:
    """Whether a list holds seeds or steps, by its name and what is in it."""
    if not isinstance(value, list) or not value:
        return False
    if _SEED_LIST.fullmatch(name):
        return all(isinstance(v, int | str) or str(v).endswith(".0") for v in value)
    return STEP.fullmatch(name) is not None and are_numbers(value)


# -- levels


def _levels(
    leaves: Sequence[_Leaf], seeded: bool = False, fields: Iterable[str] = ()
) -> tuple[list[str], dict[str, str], list[str]]:
    """Return the columns of the keys above leaves, their roles, and what is said of them.

    A level without a column is empty. ``seeded``: seeds stand below. ``fields``: of records below.
    """
    keys = [list(dict.fromkeys(level)) for level in zip(*(x.path for x in leaves), strict=True)]
    fields = [*fields]
    columns = _free(_columns(keys, seeded, any(map(is_metric, fields))), fields)
    # Names above columns that are no metric's may be tasks, and the columns methods.
    surely = not fields or any(map(is_metric, fields)) or {"seed"} & {*fields}
    roles = {"seed": "seed", "metric": "metric", **({"arm": "method"} if surely else {})}
    roles = {role: column for role, column in roles.items() if column in columns}
    texts = [f"{c!r} ({listed([shown(k, 30) for k in level])})"
            for c, level in zip(columns, keys, strict=True) if c]  # fmt: skip
    return columns, roles, [f"the keys are read as {', then '.join(texts)}"] if texts else []


def _columns(keys: Sequence[Sequence[str]], seeded: bool, has_metrics: bool) -> list[str]:
    """Return what the keys of each level are; ``has_metrics``: metrics stand below."""
    columns = [""] * len(keys)
    rest = [i for i, level in enumerate(keys) if len(level) > 1 or not _AROUND.fullmatch(level[0])]
    numbered = [] if seeded else _numbered(keys, rest)
    if numbered:
        columns[numbered[-1]] = "seed"
        rest.remove(numbered[-1])
    shares = {i: sum(map(is_metric, keys[i])) / len(keys[i]) for i in rest}
    metric = max(reversed(rest), key=shares.__getitem__, default=0)
    if shares.get(metric) and not has_metrics:
        columns[metric] = "metric"
        rest.remove(metric)
    for i in rest:
        columns[i] = "method" if len(rest) == 1 else f"level_{i + 1}"
    return columns


def _numbered(keys: Sequence[Sequence[str]], rest: Sequence[int]) -> list[int]:
    """Return the levels whose keys are seeds, those that say so by a word before others."""
    numbered = [i for i in rest if are_seeds(keys[i])]
    worded = [i for i in numbered if not all(k.lstrip("-").isdigit() for k in keys[i])]
    return worded or numbered


def _free(columns: list[str], fields: Sequence[str]) -> list[str]:
    """Return names of columns that the records below do not have."""
    if {*map(str.lower, fields)} & {*ARMS}:
        columns = ["group" if column == "method" else column for column in columns]
    for i, column in enumerate(columns):
        if column != "seed" and column in fields:
            columns[i] = f"key {i + 1}"
    return columns


def _keys(leaf: _Leaf, columns: Sequence[str]) -> dict[str, Any]:
    pairs = zip(columns, leaf.path, strict=True)
    return {c: seed_of(key) if c == "seed" else key for c, key in pairs if c}


def _left_out(leaves: Iterable[_Leaf], chosen: Sequence[_Leaf]) -> list[str]:
    """Say what stands beside the results; of whole objects of settings the name alone."""
    paths = {leaf.path for leaf in chosen}
    others = [leaf.path for leaf in leaves if leaf.path not in paths]
    names = dict.fromkeys(next((k for k in p if SETTINGS.fullmatch(k)), p[-1]) for p in others)
    return [f"left out beside them: {listed([shown(n, 30) for n in names], 8)}"] if names else []


# -- what lies below them


def _below_seeds(document: Mapping[str, Any]) -> Nested | None:
    """Read a record below each seed, however many levels of names are above and below it."""
    nodes: list[_Node] = [((), document)]
    rest: list[_Leaf] = []
    seeded = False
    while nodes:
        records = [_Leaf(path, node, "") for path, node in nodes if seeded and _is_record(node)]
        if records:
            break
        nodes, keys, others = _next_level(nodes)
        rest += others
        seeded = seeded or (are_seeds(keys) and len(keys) > bool(rest))
    else:
        return None
    rest += [_Leaf(path, node, "") for path, node in nodes if not _is_record(node)]
    fields = {name for leaf in records for name in leaf.value}
    columns, roles, notes = _levels(records, fields=fields)
    rows = [{**(own := _keys(leaf, columns)), **leaf.value, **own} for leaf in records]
    places = [", ".join(leaf.path) for leaf in records]
    return rows, places, [*notes, *_left_out(rest, records)], roles


def _next_level(nodes: Sequence[_Node]) -> tuple[list[_Node], set[str], list[_Leaf]]:
    """Return the objects inside others, their keys, and what stands beside them."""
    inner = [((*path, key), v) for path, node in nodes for key, v in node.items()]
    keys = {path[-1] for path, v in inner if isinstance(v, dict)}
    keys = {key for key in keys if not SETTINGS.fullmatch(key)}
    runs = {*_without_summaries(dict.fromkeys(keys))}
    if runs and are_seeds(runs):
        keys = runs
    objects: list[_Node]
    objects = [(path, v) for path, v in inner if isinstance(v, dict) and path[-1] in keys]
    paths = {path for path, _ in objects}
    return objects, keys, [_Leaf(path, v, "") for path, v in inner if path not in paths]


def _is_record(node: Mapping[str, Any]) -> bool:
    return not _kind(node) and any(
        (is_scalar(v) and v is not None) or _kind(v) == "numbers" for v in node.values()
    )


def _records(found: Sequence[_Leaf], leaves: Sequence[_Leaf]) -> Nested:
    """Read the largest list of records, with others of the same depth whose names are alike."""
    first = max(found, key=lambda leaf: sum(map(len, leaf.value)))
    own = _names(first)
    alike = [leaf for leaf in found if _depth(leaf) == _depth(first) and _alike(leaf, own)]
    columns, roles, notes = _levels(alike, seeded="seed" in own, fields=own)
    if len(alike) == 1:
        columns, roles = [""] * _depth(first), {}
        notes = [f"the rows are the records of {shown('.'.join(first.path))}"]
    rows = [{**_keys(leaf, columns), **record} for leaf in alike for record in leaf.value]
    places = [f"{'.'.join(leaf.path)}[{i}]" for leaf in alike for i in range(len(leaf.value))]
    notes += _left_out([leaf for leaf in leaves if leaf.kind != "records"], alike)
    if others := [shown(".".join(leaf.path)) for leaf in found if leaf not in alike]:
        notes.append(f"other lists of records are read by --sheet NAME: {listed(others)}")
    return rows, places, notes, roles


def _names(leaf: _Leaf) -> set[str]:
    return {name for record in leaf.value for name in record}


def _alike(leaf: _Leaf, names: set[str]) -> bool:
    return 2 * len(names & _names(leaf)) >= len(names | _names(leaf))


def _numbers(found: list[_Leaf], leaves: Sequence[_Leaf], source: str) -> Nested | None:
    """Read numbers below names: by seed, by position, or by lists of seeds or steps beside them."""
    ((depth, lists), _), *_ = Counter((_depth(x), x.kind == "lists") for x in found).most_common(1)
    found = [leaf for leaf in found if (_depth(leaf), leaf.kind == "lists") == (depth, lists)]
    seeds = [leaf for leaf in found if leaf.kind == "by seed" or leaf.named_by(_SEED_LIST)]
    if not seeds:
        _check_no_seeds(found, source)
    results = seeds or found  # by position is nothing paired where others have seeds
    columns, roles, notes = _levels(found, seeded=bool(seeds))
    rest = [leaf for leaf in leaves if leaf not in results]
    if rest and _is_one_run(found, rest, columns):
        return None
    index, role, more = _index(results, lists, bool(seeds), "seed" in roles)
    roles, notes = {**roles, **role}, [*notes, *more]
    rows, places = [], []
    for leaf in results:
        for at, names, cell in _cells(leaf):
            rows.append({**_keys(leaf, columns), **dict(zip(index, names, strict=True)),
                         "value": cell})  # fmt: skip
            places.append(f"{'/'.join(leaf.path)}{at}")
    return rows, places, [*notes, *_left_out(rest, results)], {**roles, "value": "value"}


def _check_no_seeds(found: Sequence[_Leaf], source: str) -> None:
    """Raise EvidenceError where seeds stand beside lists, and are not surely theirs."""
    axes = [a for leaf in found for a in leaf.axes if _SEED_LIST.fullmatch(a[0])]
    if axes:
        what = "lists" if found[0].kind == "lists" else "values"
        raise EvidenceError(
            f"{source}: {shown(axes[0][0])} holds {len(axes[0][1])} seeds, and"
            f" {shown('.'.join(found[0].path))} {len(found[0].value)} {what}: which is of which"
            " seed cannot be seen; give a record with a seed for each value."
        )


def _index(
    chosen: Sequence[_Leaf], lists: bool, named: bool, seeded: bool
) -> tuple[list[str], dict[str, str], list[str]]:
    """Return the columns of positions, their role, and what is said of them."""
    if lists:
        index = ["seed", "position"] if named else ["position_1", "position_2"]
        note = f"lists in lists: their positions are {' and '.join(map(repr, index))}"
        return index, {"seed": "seed"} if named else {}, [note]
    if named:
        return ["seed"], {"seed": "seed"}, _seeds_said(chosen)
    steps = next((a for leaf in chosen if (a := leaf.named_by(STEP))), None)
    if steps or seeded:
        index = [steps[0] if steps else "position"]
        return index, {"epoch": index[0]}, []
    if _is_log({key for leaf in chosen for key in leaf.path}):
        return ["position"], {}, ["positions in the lists may be seeds, or epochs of one run"]
    note = (
        "seeds are the positions in the lists, from 0: value i of one list is paired with value i"
        " of another"
    )
    return ["seed"], {"seed": "seed"}, [note]


def _seeds_said(leaves: Sequence[_Leaf]) -> list[str]:
    """Say which keys are read as seeds."""
    keys = dict.fromkeys(k for leaf in leaves if leaf.kind == "by seed" for k in leaf.value)
    return [f"then 'seed' ({listed([shown(key, 30) for key in keys], 6)})"] if keys else []


def _is_log(names: Iterable[str]) -> bool:
    """Whether names are those of a log of training: then positions may be epochs."""
    names = {*names}
    return any(_LOG.fullmatch(name) or f"val_{name}" in names for name in names)


def _cells(leaf: _Leaf) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """Yield the place of each number, what names its positions, and the number."""
    if leaf.kind == "by seed":
        for key, cell in leaf.value.items():
            yield f"[{key}]", (seed_of(key),), cell
        return
    axis = leaf.named_by(_SEED_LIST) or (leaf.kind == "numbers" and leaf.named_by(STEP))
    for i, cell in enumerate(leaf.value):
        name = axis[1][i] if axis else i
        if leaf.kind == "numbers":
            yield f"[{i}]", (name,), cell
        else:
            yield from ((f"[{i}][{j}]", (name, j), inner) for j, inner in enumerate(cell))


def _is_one_run(found: Sequence[_Leaf], left: Sequence[_Leaf], columns: Sequence[str]) -> bool:
    """Whether lists beside other things are the course of one run, and no lists over seeds."""
    if len(columns) == 1 and are_columns(leaf.path[0] for leaf in found):
        return True
    if any(leaf.kind != "by seed" and leaf.named_by(_SEED_LIST) for leaf in found):
        return False
    keys = [{leaf.path[i] for leaf in found} for i, c in enumerate(columns) if c not in _TOLD]
    return (
        any(_SEED_LIST.fullmatch(leaf.path[-1]) and is_scalar(leaf.value) for leaf in left)
        or not any(map(_are_methods, keys))
        or {(leaf.kind, len(leaf.value)) for leaf in found} == {("by seed", 1)}
    )


def _are_methods(names: Iterable[str]) -> bool:
    """Whether names may be of methods or tasks: several, and not the parts of one data set."""
    names = list(names)
    return len(names) > 1 and not all(map(_SPLIT.fullmatch, names))
