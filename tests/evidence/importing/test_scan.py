"""What is seen from the bytes of a table is what Python's own reader of CSV sees."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings, strategies as st

from faeval.evidence.importing import _scan


def fields_of(text: str, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@settings(max_examples=300, deadline=None)
@given(st.text('a ,;"\n', max_size=30), st.sampled_from([",", ";"]), st.integers(1, 7))
@example('"a,b",c\n"d', ",", 4)
@example('a"b,c\nd"e,f', ",", 3)
@example('a," b"', ",", 100)
@example("a,b\nc ,d", ",", 3)
def test_delimiters_and_blanks_are_those_of_the_rows(text: str, delimiter: str, block: int) -> None:
    content = text.encode()
    rows = fields_of(text, delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_scan, "_BLOCK", block)
        count = _scan.count_delimiters(content, 0, delimiter)
        blanks = _scan.has_outer_blanks(content, 0, delimiter)
        later = _scan.count_delimiters(b'x"' + content, 2, delimiter)
    assert count == later
    if count is not None:
        assert count == sum(len(row) - 1 for row in rows if row)
    # A blank beside a quote inside a cell may be seen where there is none to strip.
    if any(cell != cell.strip(" ") for row in rows for cell in row):
        assert blanks


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.text('a ,"\n', max_size=4), min_size=2, max_size=3), min_size=1),
    st.integers(1, 9),
)
def test_regular_tables_are_counted_whatever_their_cells_hold(
    rows: list[list[str]], block: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_scan, "_BLOCK", block)
        count = _scan.count_delimiters(text.getvalue().encode(), 0, ",")
    assert count == sum(len(row) - 1 for row in rows)
