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


def read(text: str, said: Said = Said(), sides: tuple[str, ...] = SIDES, name: str = "x.csv") -> Any:
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
