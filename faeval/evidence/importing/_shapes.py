"""Tables that are no rows of runs: wide by seed, wide by method, charts of W&B; made rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import (
    EPOCHS,
    METRICS,
    SEEDS,
    SPREADS,
    alike,
    cell_text,
    parts,
    tail,
)
from faeval.evidence.importing._column_roles import Said

if TYPE_CHECKING:
    import pandas as pd

#: A column that holds one seed, such as seed1, seed_2, run 3, or acc_seed4.
_OF_A_SEED = re.compile(
    r"(?:(?P<metric>.+?)[\s_./-]+)?(?P<word>seed|s|run|rep|replicate|trial|random_state)"
    r"[\s_=#:-]*(?P<number>\d+)\Z",
    re.IGNORECASE,
)
#: The groups of that by what a column of its rows is called.
_SEED_PARTS = {"seed": "number", "metric": "metric"}
_SUMMARIES = frozenset((
    "mean", "average", "avg", "median", "dev", "population", "sample", *SPREADS,
))  # fmt: skip
_NUMBER = re.compile(r"\d+\Z")
_CHART = re.compile(r"(?P<run>.+) - (?P<metric>[^-].*?)(?P<extra>__(?:MIN|MAX|STD|SEM|VAR))?\Z")
#: The name of a run that ends in its seed.
_NUMBERED = re.compile(
    r"(?P<arm>.*?\S)[\s_./:-]*(?:(?<![a-zA-Z])(?:seed|s|run|rep|trial))?[\s_=#:-]*(?P<seed>\d+)",
    re.IGNORECASE,
)
_BETWEEN = ("_", ".", "/", "-", " ", ":", " - ", "__", "|")


def made_rows(
    cells: Cells, said: Said, sides: Sequence[str], *, is_rows: bool
) -> tuple[Cells, Said]:
    """Return cells with a row for each run, and what the user would say of the shape they had.

    Parameters
    ----------
    sides
        The texts of the arms that are asked for, if any are.
    is_rows
        Whether arms are cells of several rows: then no column is one.

    Raises
    ------
    EvidenceError
        The shape is known, and what it holds is not enough.
    """
    metric = next(iter(said.metrics), None)
    if said.columns:
        return _from_arms(cells, metric, _columns_of(cells, said.columns)), said
    if is_rows:
        return _from_seeds(cells, metric, is_rows), said
    if _chart_columns(cells.table):
        return _from_chart(cells, said, sides)
    if said.names is not None:
        return _named_runs(cells, said.names), said
    if columns := arm_columns(cells, metric, sides):
        texts = (a if a == column else f"{a}={column}" for a, column in columns.items())
        return _from_arms(cells, metric, columns), replace(said, columns=tuple(texts))
    return _from_seeds(cells, metric, is_rows), said


def _melted(
    cells: Cells,
    values: Mapping[str, Mapping[str, Any]],
    keep: Sequence[str],
    roles: Mapping[str, str],
    note: str,
) -> Cells:
    """Return a row for each kept row and column of values, with what the column stands for."""
    import pandas as pd

    parts = []
    for column, stands_for in values.items():
        part = cells.table[list(keep)].copy()
        for name, value in stands_for.items():
            part[name] = value
        parts.append(part.assign(value=cells.table[column]))
    table = pd.concat(parts)
    rows = table.index.to_numpy()
    columns = [column for column in values for _ in range(len(cells.table))]
    place = cells.place

    def of(row: int) -> str:
        return f"{place(int(rows[row]))}, column {columns[row]!r}"

    return replace(
        cells,
        table=table.reset_index(drop=True),
        place=of,
        notes=(*cells.notes, note),
        roles={**cells.roles, **roles},
    )


def _from_seeds(cells: Cells, metric: str | None, is_rows: bool) -> Cells:
    """Columns that are seeds, one for each."""
    names = list(map(str, cells.table.columns))
    if _has_seeds(cells) or metric in names:
        return cells
    values = _seed_columns(names, is_rows) or _numbered_columns(names, metric)
    if not values:
        return cells
    others = [name for name in names if name not in values]
    summaries = list(filter(_is_summary, others))
    keep = [name for name in others if name not in summaries]
    several = "metric" in next(iter(values.values()))
    column = "metric" if several else _column_of_metrics(cells, keep, metric)
    roles = {"seed": "seed", "value": "value"} | ({"metric": column} if column else {})
    note = f"one column a seed: {listed(list(values), 6)}"
    if metric is not None and not column:
        note += f"; what they hold is taken as {metric!r}"
    if summaries:
        note += f"; columns left out: {listed(summaries, 6)}"
    return _melted(cells, values, keep, roles, note)


def _has_seeds(cells: Cells) -> bool:
    return "seed" in cells.roles or any(alike(name, SEEDS) for name in cells.table.columns)


def _seed_columns(names: Sequence[str], is_rows: bool) -> dict[str, dict[str, Any]]:
    """Return the columns that are called seed 1, acc_run2, or 1, and what each stands for."""
    matches = {name: match for name in names if (match := _OF_A_SEED.match(name.strip()))}
    words = {match["word"].lower() for match in matches.values()}
    if len(matches) > 1 and len(words) == 1 and not (is_rows and "s" in words):
        parts = ["seed"] if {m["metric"] for m in matches.values()} == {None} else _SEED_PARTS
        return {name: {part: of[_SEED_PARTS[part]] for part in parts} for name, of in
                matches.items()}  # fmt: skip
    return {} if is_rows else _digit_columns(names)


def _digit_columns(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the columns that are called as a whole number, where others are not."""
    digits = {name: {"seed": name.strip()} for name in names if _NUMBER.match(name.strip())}
    return digits if 1 < len(digits) < len(names) else {}


def _numbered_columns(names: Sequence[str], metric: str | None) -> dict[str, dict[str, Any]]:
    """Return the columns that are called as the metric with a number, where these count on."""
    form = re.compile(rf"{re.escape(metric or '')}[\s_./-]*(\d+)", re.IGNORECASE)
    numbers = {name: match[1] for name in names if metric and (match := form.fullmatch(name))}
    in_order = sorted(map(int, numbers.values()))
    if len(in_order) < 3 or in_order not in (list(range(len(in_order) + i))[i:] for i in (0, 1)):
        return {}
    return {name: {"seed": number} for name, number in numbers.items()}


def _column_of_metrics(cells: Cells, names: Sequence[str], metric: str | None) -> str | None:
    """Return the column such as ``Metric`` that has the metric among its cells."""
    columns = [name for name in names if alike(name, METRICS) and names.count(name) == 1]
    return next((n for n in columns if metric in {*map(cell_text, cells.table[n])}), None)


def _is_summary(name: str) -> bool:
    words = parts(name)
    return tail(name) in _SUMMARIES or (bool(words) and {*words} <= _SUMMARIES)


def _from_arms(cells: Cells, metric: str | None, columns: Mapping[str, str]) -> Cells:
    """Columns that are arms, one for each, by the arm."""
    values = {column: {"method": arm} for arm, column in columns.items()}
    others = [name for name in map(str, cells.table.columns) if name not in values]
    keep = [n for n in others if alike(n, (*SEEDS, *EPOCHS)) or not _holds_numbers(cells.table[n])]
    note = f"one column an arm: {listed(list(values), 6)}"
    if metric is not None:
        note += f"; what they hold is taken as {metric!r}"
    if len(keep) < len(others):
        note += f"; columns left out: {listed([n for n in others if n not in keep], 6)}"
    return _melted(cells, values, keep, {"arm": "method", "value": "value"}, note)


def arm_columns(cells: Cells, metric: str | None, sides: Sequence[str]) -> dict[str, str]:
    """Return the columns that are the arms asked for, by the arm: one for each, or none."""
    names = list(map(str, cells.table.columns))
    if not sides or "arm" in cells.roles or len(names) != len({*names}):
        return {}
    columns = {side: _column_of(side, metric, names) for side in sides}
    there = {side: column for side, column in columns.items() if column is not None}
    return there if len({*there.values()}) == len({*sides}) else {}


def _columns_of(cells: Cells, texts: Sequence[str]) -> dict[str, str]:
    """Return columns by the arm that each is said to be, as ``column`` or ``arm=column``."""
    names = list(map(str, cells.table.columns))
    columns = {}
    for text in texts:
        signs = [i for i, sign in enumerate(text) if sign == "=" and text[i + 1 :] in names]
        if text not in names and not signs:
            raise EvidenceError(
                f"{cells.source}: --columns {text}: no such column. It has"
                f" {listed([repr(name) for name in names], 20)}."
            )
        arm, column = (text, text) if text in names else (text[: signs[0]], text[signs[0] + 1 :])
        columns[arm.strip()] = column
    return columns


def _column_of(side: str, metric: str | None, names: Sequence[str]) -> str | None:
    """Return the column of an arm: its name, or its name and the metric's."""
    spellings = [side]
    if metric is not None:
        for sign in _BETWEEN:
            spellings += [f"{side}{sign}{metric}", f"{metric}{sign}{side}"]
    for spelling in spellings:
        columns = [n for n in names if n.strip() == spelling] or [
            n for n in names if n.strip().lower() == spelling.lower()
        ]
        if len(columns) == 1:
            return columns[0]
    return None


def _holds_numbers(column: pd.Series[Any]) -> bool:
    import pandas as pd

    cells = column.dropna().head(200)
    if len(cells) == 0:
        return False
    return bool(pd.to_numeric(cells, errors="coerce").notna().all())


def _chart_columns(table: pd.DataFrame) -> dict[str, re.Match[str]]:
    """Return the columns of a chart of W&B: ``run - metric``, with a column of steps first."""
    names = [str(name) for name in table.columns]
    matches = {name: match for name in names[1:] if (match := _CHART.match(name))}
    if (
        not matches
        or len(matches) < len(names) - 2
        or len({m["metric"] for m in matches.values()}) > 2
    ):
        return {}
    return matches


def _from_chart(cells: Cells, said: Said, sides: Sequence[str]) -> tuple[Cells, Said]:
    """A chart that was exported: a column a run, with its lowest and highest beside it."""
    matches = _chart_columns(cells.table)
    runs = {name: match for name, match in matches.items() if not match["extra"]}
    step = str(cells.table.columns[0])
    _check_no_groups(cells, runs, matches)
    names = list(dict.fromkeys(match["run"] for match in runs.values()))
    parts_by_run = _parts_of(names, said.names, sides, cells.source)
    values = {
        name: {"run": match["run"], "metric": match["metric"], **parts_by_run[match["run"]]}
        for name, match in runs.items()
    }
    kinds = {frozenset(one) for one in values.values()}
    if len(kinds) > 1:
        odd = [m["run"] for n, m in runs.items() if "seed" not in values[n]]
        raise EvidenceError(
            f"{cells.source}: runs named {listed(odd, 3)} name no arm and seed as the others do;"
            " say how runs are named, such as --names '{method}-{seed}'."
        )
    ((kind),) = kinds
    if "seed" not in kind:
        raise EvidenceError(
            f"{cells.source}: a chart of runs {listed([m['run'] for m in runs.values()], 3)}; which"
            " part of their names is the arm, and which the seed? Say it, such as --names"
            " '{method}-{seed}'; or export the table of runs, which has both as columns."
        )
    roles = {"epoch": step, "run": "run", "metric": "metric", "value": "value", "seed": "seed"}
    if "method" in kind:
        roles["arm"] = "method"
    example = next(iter(values.values()))
    parts = ", ".join(f"{k} {v!r}" for k, v in example.items() if k not in ("run", "metric"))
    note = f"a chart of {len(names)} runs over {step!r}: {example['run']!r} is read as {parts}"
    rows = _melted(cells, values, [step], roles, note)
    # A run has no number at the steps of others.
    there = rows.table["value"].notna() & (rows.table["value"].astype(str).str.strip() != "")
    pattern = said.names or _pattern_of(names, sides, cells.source)
    return rows.rows(there), replace(said, names=pattern)


def _check_no_groups(
    cells: Cells, runs: Mapping[str, re.Match[str]], found: Mapping[str, re.Match[str]]
) -> None:
    """Refuse a chart of groups: its lines are means of runs."""
    for name, match in runs.items():
        low, high = (f"{name}__{end}" for end in ("MIN", "MAX"))
        if low not in found or high not in found:
            continue
        ends = cells.table[[low, high]].dropna()
        if (ends[low] != ends[high]).any():
            raise EvidenceError(
                f"{cells.source}: {match['run']!r} is the mean of a group of runs (its __MIN and"
                " __MAX differ), and holds no seeds; ungroup the runs in the chart, or export the"
                " table of runs."
            )


def _parts_of(
    runs: Sequence[str], pattern: str | None, sides: Sequence[str], source: str
) -> dict[str, dict[str, str]]:
    """Return what the name of each run says: by a pattern, else the arm asked for and a number."""
    if pattern is not None:
        expression = re.compile(_as_expression(pattern))
        matches = {run: expression.fullmatch(run) for run in runs}
        for run, match in matches.items():
            if match is None:
                raise EvidenceError(
                    f"{source}: run {run!r} is not named as --names {pattern!r} says; correct the"
                    " pattern."
                )
        return {run: match.groupdict() for run, match in matches.items() if match}
    numbered = {run: match for run in runs if (match := _NUMBERED.fullmatch(run))}
    if not sides:
        return {run: {} for run in runs}
    before, after = _around(sides, [match["arm"] for match in numbered.values()], source)
    arms = {f"{before}{side}{after}": side for side in sides}
    return {
        run: {"method": arms.get(match["arm"], match["arm"]), "seed": match["seed"]}
        if (match := numbered.get(run))
        else {}
        for run in runs
    }


def _pattern_of(runs: Sequence[str], sides: Sequence[str], source: str) -> str | None:
    """Return the pattern by which the names of all runs are arms and seeds, if there is one."""
    matches = [_NUMBERED.fullmatch(run) for run in runs]
    between = {m.string[len(m["arm"]) : -len(m["seed"])] if m else None for m in matches}
    if not sides or len(between) > 1 or None in between:
        return None
    before, after = _around(sides, [match["arm"] for match in matches if match], source)
    pattern = f"{before}{{method}}{after}{between.pop()}{{seed}}"
    fits = re.compile(_as_expression(pattern)).fullmatch
    return pattern if all(map(fits, runs)) else None


def _around(sides: Sequence[str], names: Sequence[str], source: str) -> tuple[str, str]:
    """Return what stands before and after the arms in the names of runs: for all arms the same.

    So ``big-ours`` is no run of ``ours`` where the other arm is ``base``.
    """
    edge = r"[\s_./:=-]"
    shared: list[tuple[str, str]] = []
    for i, side in enumerate(dict.fromkeys(sides)):
        form = re.compile(rf"(.*{edge}|){re.escape(side)}({edge}.*|)")
        ends = dict.fromkeys((m[1], m[2]) for name in names if (m := form.fullmatch(name)))
        shared = [one for one in ends if i == 0 or one in shared]
    if len(shared) > 1 and ("", "") not in shared:
        several = [f"{before}{sides[0]}{after}" for before, after in shared]
        raise EvidenceError(
            f"{source}: {sides[0]!r} may be {listed([repr(one) for one in several], 4)}; ask for"
            " the arms by these names."
        )
    return shared[0] if len(shared) == 1 else ("", "")


def _as_expression(pattern: str) -> str:
    """Return a pattern with ``{name}`` as a regular expression with named groups."""
    parts = re.split(r"\{([A-Za-z_]\w*)\}", pattern)
    texts = [re.escape(part).replace(r"\*", ".*") for part in parts[::2]]
    # The shortest arm and the longest seed: "ours-10" is seed 10 of "ours".
    groups = [f"(?P<{n}>\\d+)" if n == "seed" else f"(?P<{n}>.+?)" for n in parts[1::2]]
    return "".join(a + b for a, b in zip(texts, [*groups, ""], strict=True))


def _named_runs(cells: Cells, pattern: str) -> Cells:
    """Columns from the names of runs, which a column such as ``Name`` has."""
    columns = [n for n in cells.table.columns if alike(n, ("name", "run_name", "run", "id"))]
    if not columns:
        raise EvidenceError(
            f"{cells.source}: --names {pattern!r} reads the names of runs, and no column is called"
            f" name or run; it has {listed(list(cells.table.columns), 12)}."
        )
    runs = [str(name) for name in cells.table[columns[0]]]
    parts_by_run = _parts_of(runs, pattern, (), cells.source)
    new = {name: [parts_by_run[run][name] for run in runs] for name in parts_by_run[runs[0]]}
    note = f"{', '.join(new)} read from {columns[0]!r} by {pattern!r}"
    return replace(cells, table=cells.table.assign(**new), notes=(*cells.notes, note))
