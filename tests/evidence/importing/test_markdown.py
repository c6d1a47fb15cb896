"""The one table of a Markdown text is read; cells that are means with spreads are known."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import EvidenceError
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._spreads import means_with_spread

TABLE = "| method | seed | acc |\n|:--|--:|---|\n| ours | 0 | **0.9** |\n| `base` | 0 | 0.8 |\n"


@pytest.mark.parametrize("before", ["", "# Results\n\nOurs, by us:\n\n"])
@pytest.mark.parametrize("after", ["", "\nThat | is all.\n"])
@pytest.mark.parametrize("edge", [True, False])
def test_a_table_of_markdown_is_read_amid_prose(before: str, after: str, edge: bool) -> None:
    lines = TABLE.splitlines()
    table = TABLE if edge else "".join(line.strip("| ") + "\n" for line in lines)
    found = cells_of("x.md", content=(before + table + after).encode())
    assert found.table.columns.tolist() == ["method", "seed", "acc"]
    assert found.table.values.tolist() == [["ours", "0", "0.9"], ["base", "0", "0.8"]]
    assert found.place(1) == f"line {before.count(chr(10)) + 4}"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.text("ab.1|é -", max_size=6), min_size=2, max_size=2), min_size=1))
def test_cells_come_back_as_they_were_written(rows: list[list[str]]) -> None:
    text = "| a | b | c |\n|---|---|---|\n"
    for row in rows:
        text += f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} | 1 |\n"
    found = cells_of("x.md", content=text.encode()).table
    # A column that holds nothing stays, for it has a name.
    assert found[["a", "b"]].fillna("").values.tolist() == [[c.strip() for c in r] for r in rows]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{TABLE}\n{TABLE}", r"Markdown with 2 tables \(lines 1, 6\)"),
        (TABLE + "| ours | 1 |\n", "line 5: the Markdown row has 2 of 3 fields"),
        ("| a | b |\n|---|---|\n\nNothing.\n", "no rows"),
    ],
)
def test_several_tables_or_a_short_row_are_refused(text: str, says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        cells_of("x.md", content=text.encode())


@pytest.mark.parametrize(
    "cell",
    [
        "0.910 ± 0.008", "0.91±.01", "0.91 +/- 0.01", "0.91 +- 0.01", "0.91 (0.01)", "91.0 (±1.2)",
        "-56.83 ± 13.33", "$0.91 \\pm 0.01$", "**0.91 ± 0.01**", "1,2 ± 0,1", "91.2% ± 0.3%",
        "1e-3 ± 1e-4", "0.91 [0.90, 0.92]", "0.91 (0.90-0.92)",
    ],
)  # fmt: skip
def test_a_mean_with_its_spread_is_known(cell: str) -> None:
    assert means_with_spread(pd.Series([cell, None, cell]))
    assert means_with_spread(pd.Series([cell, cell, "-"], dtype=object))


@pytest.mark.parametrize(
    "cell",
    ["0.91", "-0.91", "9 120", "1e-3", "x (v2)", "2024-01-01", "k-NN (5)", "", 1.5],
)
def test_other_cells_are_no_means_with_spreads(cell: object) -> None:
    assert not means_with_spread(pd.Series([cell, cell], dtype=object))
    assert not means_with_spread(pd.Series([], dtype=object))
