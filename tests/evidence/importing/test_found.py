"""What is found in tables as people write them: which rows, columns and signs are what."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from faeval.errors import EvidenceError
from faeval.evidence.importing import Reading, Said, cells_of, read_results

SIDES = ("ours", "base")


def read(
    text: str, said: Said = Said(), sides: tuple[str, ...] = SIDES, name: str = "x.csv"
) -> Any:
    cells = cells_of(name, content=text.encode(), name=name)
    return read_results(cells, said, setting="x", sides=sides)


def table_of(*columns: str, rows: str) -> str:
    """A CSV file whose rows are parted by blanks."""
    return "\n".join([",".join(columns), *rows.split()]) + "\n"


def values(reading: Reading) -> dict[tuple[str, int], float]:
    table = reading.table
    return dict(zip(zip(table["arm"], table["seed"], strict=True), table["value"], strict=True))


ACC = Said(metrics=("acc",))
TWO_SEEDS = {("ours", 1): 0.9, ("ours", 2): 0.91, ("base", 1): 0.8, ("base", 2): 0.81}


@pytest.mark.parametrize("words", [("Mean±std", "avg."), ("best", "ensemble"), ("mean", "std")])
def test_words_among_numbers_are_no_seeds(words: tuple[str, str]) -> None:
    rows = f"ours,1,0.9 ours,2,0.91 ours,{words[0]},0.99 base,1,0.8 base,2,0.81 base,{words[1]},1"
    reading = read(table_of("method", "seed", "acc", rows=rows), ACC)
    assert values(reading) == TWO_SEEDS
    assert reading.numbering == {}
    assert any("line 4" in note and words[0] in note for note in reading.notes)


def test_seeds_that_are_all_words_are_numbered() -> None:
    rows = "ours,a,0.9 ours,b,0.91 base,a,0.8 base,b,0.81"
    reading = read(table_of("method", "seed", "acc", rows=rows), ACC)
    assert reading.numbering == {"a": 0, "b": 1}


def notes_of(column: str, cells: str, rows: str = "") -> list[str]:
    """The notes on two arms of seeds 1 to 4, with a column of eight cells more."""
    seeds = [(arm, seed) for arm in SIDES for seed in range(1, 5)]
    lines = [f"{a},{s},{0.8 + 0.1 * (a == 'ours') + s / 100},{cell}"
             for (a, s), cell in zip(seeds, cells.split(), strict=True)]  # fmt: skip
    text = "\n".join([f"method,seed,acc,{column}", *lines]) + "\n"
    return [note for note in read(text, ACC).notes if not note.startswith("columns left out")]


def test_seeds_of_several_data_sets_are_said() -> None:
    (note,) = notes_of("dataset", "d1 d1 d2 d2 d1 d1 d2 d2")
    assert "--where dataset=d1" in note
    assert "--group-by dataset" in note


@pytest.mark.parametrize(
    ("column", "cells"),
    [("host", "a b c d a b c d"), ("host", "a a b b a b a b"), ("lr", "1 1 2 2 1 1 2 2")],
)
def test_columns_that_tell_no_data_apart_are_not_said(column: str, cells: str) -> None:
    assert notes_of(column, cells) == []


@pytest.mark.parametrize(
    ("column", "cells", "is_said"),
    [
        ("Acc", "0.8 0.8 0.8 0.8 0.9 0.9 0.9 0.9", False),
        ("n_parameters", "8 8 8 8 9 9 9 9", False),
        ("lr", "0.1 0.1 0.1 0.1 0.2 0.2 0.2 0.2", True),
        ("features", "raw raw raw raw fca fca fca fca", True),
        ("lr", "0.1 0.1 0.1 0.2 0.2 0.2 0.2 0.2", False),
    ],
)
def test_settings_that_differ_are_said_and_other_metrics_not(
    column: str, cells: str, is_said: bool
) -> None:
    notes = notes_of(column, cells)
    assert [repr(column) in note for note in notes] == ([True] if is_said else [])


LOG = [f"{a},{s},{e}" for a in SIDES for s in (1, 2) for e in (1, 2)]


def log_of(column: str, cells: str) -> str:
    rows = [f"{row},0.{i + 1}" for i, row in enumerate(LOG)]
    return "\n".join(
        [f"method,seed,epoch,acc,{column}"]
        + [f"{row},{cell}" for row, cell in zip(rows, cells.split(), strict=True)]
    )


@pytest.mark.parametrize("cells", ["no yes no yes no yes no yes", "False " * 8])
@pytest.mark.parametrize("name", ["done", "finished"])
def test_done_in_a_log_says_nothing_of_the_run(name: str, cells: str) -> None:
    reading = read(log_of(name, cells), Said(metrics=("acc",), take=1))
    assert {*reading.table["status"]} == {"measured"}
    assert any(repr(name) in note and "not read" in note for note in reading.notes)
    by_hand = read(log_of(name, cells), Said(metrics=("acc",), take=1, status=name))
    assert {*by_hand.table["status"]} == {"diverged"}


def test_which_column_says_that_a_run_failed_is_said() -> None:
    rows = "ours,1,0.9,Finished,0 ours,2,0.8,crashed,0 base,1,0.7,Finished,1 base,2,0.7,finished,0"
    reading = read(table_of("method", "seed", "acc", "State", "failed", rows=rows), ACC)
    notes = [note for note in reading.notes if note.startswith("status from")]
    assert notes == [
        "status from 'State': 'crashed' is read as a failed run",
        "status from 'failed': '1' is read as a failed run",
    ]


def test_a_column_that_says_nothing_of_the_end_can_be_left_alone() -> None:
    rows = "ours,1,0.9,0 ours,2,0.91,3 base,1,0.8,1 base,2,0.81,0"
    text = table_of("method", "seed", "acc", "failed", rows=rows)
    with pytest.raises(EvidenceError, match="--status none"):
        read(text, ACC)
    reading = read(text, Said(metrics=("acc",), status="none"))
    assert values(reading) == TWO_SEEDS
    assert reading.options[reading.options.index("--status") + 1] == "none"
    assert "columns left out: failed" in reading.notes


@pytest.mark.parametrize("minus", ["\u2212", "\u2013", "-"])
@pytest.mark.parametrize("metrics", [("acc",), ()])
def test_a_minus_as_texts_are_set_is_one(minus: str, metrics: tuple[str, ...]) -> None:
    rows = "ours,1,-5.5 ours,2,-4e-1 base,1,-6 base,2,7"
    text = table_of("method", "seed", "acc", rows=rows).replace("-", minus)
    by_key = {("ours", 1): -5.5, ("ours", 2): -0.4, ("base", 1): -6, ("base", 2): 7}
    assert values(read(text, Said(metrics=metrics))) == by_key


def test_a_dash_between_numbers_is_no_minus() -> None:
    rows = "ours,1,3\u20135 ours,2,4 base,1,6 base,2,7"
    with pytest.raises(EvidenceError, match="line 2"):
        read(table_of("method", "seed", "acc", rows=rows), ACC)
