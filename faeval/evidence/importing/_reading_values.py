"""The values of a table of others become plain numbers, of one scale."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._column_names import cell_text
from faeval.evidence.importing._column_roles import Said, Spell, Table
from faeval.evidence.importing._numbers import Spelling, plain_numbers, points_may_be_thousands
from faeval.evidence.importing._tidy import Imported

if TYPE_CHECKING:
    import pandas as pd

_TRUE, _FALSE = ("true", "yes"), ("false", "no")


def as_numbers(cells: Cells, values: Sequence[str], table: Table) -> tuple[Cells, list[str]]:
    """Return cells whose values are plain numbers, and what was read so."""
    notes = []
    changed = {}
    for name in values:
        column = table.column(name)
        column = _outcomes(column, table, name)
        _check_points(column, name, table)
        numbers, more = plain_numbers(
            column, name, cells.source, cells.place, table.said.spelling,
            lambda option: table.spell(*option.split(" ", 1)),
        )  # fmt: skip
        if numbers is not cells.table[name]:
            changed[name] = numbers
        notes += more
    return (replace(cells, table=cells.table.assign(**changed)) if changed else cells), notes


def _check_points(column: pd.Series[Any], name: str, table: Table) -> None:
    """Refuse 1.912 in a table with decimal commas elsewhere: it may be 1912."""
    if table.said.spelling != Spelling():
        return
    others = [table.table[n] for n in table.names if n != name and table.names.count(n) == 1]
    if cell := points_may_be_thousands(column, others):
        raise EvidenceError(
            f"{table.source}: {cell!r} in column {name!r} has two readings, as other columns have"
            f" decimal commas.\nthousands ({cell.replace('.', '')}):"
            f" {table.spell('--decimal', ',')}"
            f"\na decimal point: {table.spell('--decimal', '.')}"
        )


def _outcomes(column: pd.Series[Any], table: Table, name: str) -> pd.Series[Any]:
    """Return true and false as 1 and 0, where they are said to be outcomes; else refuse them."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column
    if len(words := {text.lower() for text in table.texts(name)[:20]}) == 0:
        return column
    if not words <= {*_TRUE, *_FALSE}:
        return column
    if not table.said.rate:
        raise EvidenceError(
            f"{table.source}: column {name!r} holds {listed(sorted(table.texts(name)))}: outcomes,"
            " not numbers. Compare the rates of True by exact rules:"
            f" {table.spell('--rate')}"
        )
    return column.map(
        lambda cell: cell if cell_text(cell) == "" else float(cell_text(cell).lower() in _TRUE)
    )


def with_plain_metrics(found: Imported) -> tuple[Imported, list[str]]:
    """Return evidence whose metrics have names that a claim can write, and what was renamed."""
    names = {
        name: re.sub(r"@", "_at_", name).replace("!", "_")
        for name in found.table["metric"].unique().tolist()
        if {"@", "!"} & {*name}
    }
    if not names:
        return found, []
    metrics = found.table["metric"].map(lambda name: names.get(name, name)).astype("str")
    notes = [f"metric {old!r} is called {new!r}" for old, new in names.items()]
    return replace(found, table=found.table.assign(metric=metrics)), notes


def check_ranges(table: pd.DataFrame, said: Said, source: str) -> None:
    for metric, (low, high) in said.ranges.items():
        rows = table[(table["metric"] == metric) & (table["status"] == "measured")]
        out = rows[(rows["value"] < low) | (rows["value"] > high)]
        if len(out):
            first = out.iloc[0]
            raise EvidenceError(
                f"{source}: {metric} of {first['arm']} at seed {first['seed']} is"
                f" {first['value']:g}, outside of --range {metric}={low:g}:{high:g}; correct the"
                " value, or the range."
            )


def check_scales(table: pd.DataFrame, said: Said, source: str, spell: Spell) -> None:
    """Stop where one arm is in percent and another in fractions, as far as numbers show it."""
    for metric, rows in table[table["status"] == "measured"].groupby("metric", sort=True):
        if metric in said.ranges or len(rows) == 0:
            continue
        by_arm = rows.groupby("arm")["value"].agg(["min", "max", "median"])
        fractions = by_arm[(by_arm["min"] >= 0) & (by_arm["max"] <= 1) & (by_arm["median"] > 0.1)]
        percents = by_arm[(by_arm["min"] > 1) & (by_arm["max"] <= 100) & (by_arm["median"] > 10)]
        if len(fractions) and len(percents):
            one, other = fractions.index[0], percents.index[0]
            raise EvidenceError(
                f"{source}: {metric} of {one} is about {fractions['median'].iloc[0]:.3g} and of"
                f" {other} about {percents['median'].iloc[0]:.3g}: fractions and percent? Give both"
                " in one unit. If both are in one unit already, say what the metric can be:"
                f" {spell('--range', f'{metric}=0:100')}"
            )
