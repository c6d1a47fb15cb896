"""Tables of text as others write them come back cell by cell; what is no table is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings, strategies as st

from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of

HEADER = ["method", "seed", "acc"]
ROWS = [["ours", "0", "0.912"], ["ours", "1", "0.905"], ["base", "0", "0.872"]]
FRAME = pd.DataFrame(ROWS, columns=HEADER)


def read(text: str | bytes, **options: str) -> Cells:
    return cells_of("x.csv", content=text.encode() if isinstance(text, str) else text, **options)


def rows_of(cells: Cells) -> list[list[str | None]]:
    table = cells.table
    return [[None if pd.isna(cell) else cell for cell in row] for row in table.values.tolist()]


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


# Words: no outer blanks, which are stripped, and not those that pandas' index has.
cell = st.text(st.sampled_from("abcXYZ019.,;|\t#%'\"() -+é±α\u2028"), max_size=8).map(
    str.strip
) | st.sampled_from(["", "1.10", "NaN", "12e3", "True", "9 120", "-0", "inf", "N/A"])
table = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=12)
)


@settings(max_examples=150, deadline=None)
@given(
    table,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@example([["a", "1,5"]], ";", csv.QUOTE_MINIMAL, "\n", "utf-8")
def test_any_cells_come_back_as_they_were_written(
    cells: list[list[str]], delimiter: str, quoting: int, end: str, encoding: str
) -> None:
    names = [f"name{i}" for i in range(len(cells[0]) - 1)] + ["acc"]
    # The last column is of results, and a row says so.
    written = [[*row[:-1], f"0.{i}"] for i, row in enumerate(cells)]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(
        [names, *written]
    )
    found = read(text.getvalue().encode(encoding), delimiter=delimiter)
    assert found.table.columns.tolist() == names
    assert rows_of(found) == [[one or None for one in row] for row in written]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ours", "base", "k-NN (k=5)", "lr=0,1", "a|b;c", 'the "new"']),
            st.integers(0, 99),
            st.floats(0, 1),
        ),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_what_separates_fields_and_how_they_are_encoded_is_found(
    rows: list[tuple[str, int, float]], delimiter: str, encoding: str
) -> None:
    frame = pd.DataFrame(rows, columns=HEADER)
    found = read(frame.to_csv(index=False, sep=delimiter).encode(encoding))
    assert rows_of(found) == [[name, str(seed), repr(acc)] for name, seed, acc in rows]
    assert bool(found.notes) == (delimiter != ",")


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ('#{"t_start": 1.0, "env_id": "Toy"}\nmethod,seed,acc\n', "t_start"),
        ("#\n# one\n#\nmethod,seed,acc\n", "3 comments"),
        ("# one\n# two\n\nmethod,seed,acc\n", "2 comments"),
        ("% of MATLAB\nmethod,seed,acc\n", "1 comment"),
        ("Our results, of May 2024\nby two of us\n\nmethod,seed,acc\n", "2 lines of prose"),
        ("sep=,\nmethod,seed,acc\n", ""),
        ("# method,seed,acc\n", "names the columns"),
        ("#method,seed,acc\n", "names the columns"),
    ],
)
def test_what_stands_before_the_header_is_skipped_and_said(text: str, skipped: str) -> None:
    found = read(text + lines(*map(",".join, ROWS)))
    assert found.table.columns.tolist() == HEADER
    assert rows_of(found) == ROWS
    assert skipped in " ".join(found.notes)
    assert found.place(0) == f"line {text.count(chr(10)) + 1}"


@pytest.mark.parametrize(
    "text",
    [
        FRAME.to_csv(),  # its index
        FRAME.to_csv(sep=";"),
        FRAME.reset_index().rename(columns={"index": "Unnamed: 0"}).to_csv(index=False),
        FRAME.to_string(),
        '"method" "seed" "acc"\n"1" "ours" 0 0.912\n"2" "ours" 1 0.905\n"3" "base" 0 0.872\n',  # R
        "method,seed,acc\n" + lines(*(",".join([*row, ""]) for row in ROWS)),
        "method,seed,acc,\n" + lines(*(",".join([*row, ""]) for row in ROWS)),
        "method,seed,acc,,\n" + lines(*(",".join([*row, "", ""]) for row in ROWS)),
        "method , seed, acc\n" + lines(*(" , ".join(row) for row in ROWS)),
        "method,seed,acc\n\n" + "\n   \n".join(map(",".join, ROWS)),
        "method,seed,acc\n" + lines(",".join(ROWS[0]), ",,", *map(",".join, ROWS[1:])),
        "method,seed,acc\n" + lines(",".join(ROWS[0]), "method,seed,acc", *map(",".join, ROWS[1:])),
        "method   seed acc\n" + lines(*("   ".join(row) for row in ROWS)),
        "method,seed,acc\r" + "\r".join(map(",".join, ROWS)),
    ],
)  # fmt: skip
def test_one_table_is_read_alike_in_whatever_way_it_was_written(text: str) -> None:
    found = read(text)
    assert found.table.columns.tolist() == HEADER
    assert rows_of(found) == ROWS


def test_numpy_writes_a_header_as_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    numbers = np.array([[0, 1, 0.5], [1, 2, 0.25]])
    for delimiter in (" ", ",", "\t"):
        names = delimiter.join(["arm", "seed", "acc"])
        np.savetxt(path, numbers, header=f"made by us\n{names}", delimiter=delimiter)
        found = cells_of(path)
        assert found.table.columns.tolist() == ["arm", "seed", "acc"]
        assert found.table.to_numpy(dtype=float).tolist() == numbers.tolist()
    np.savetxt(path, numbers)
    with pytest.raises(EvidenceError, match="header"):
        cells_of(path)


def test_an_index_that_does_not_count_rows_stays() -> None:
    found = read(",method,acc\n7,ours,0.9\n9,base,0.8\n")
    assert found.table.columns.tolist() == ["index", "method", "acc"]
    assert found.table["index"].tolist() == ["7", "9"]


def test_numbers_may_be_the_names_of_columns() -> None:
    wide = pd.DataFrame([[0.9, 0.8], [0.7, 0.6]], index=["ours", "base"])
    found = read(wide.to_csv())
    assert found.table.columns.tolist() == ["index", "0", "1"]
    found = read(wide.rename_axis("method").to_csv())
    assert found.table.columns.tolist() == ["method", "0", "1"]
    assert rows_of(found) == [["ours", "0.9", "0.8"], ["base", "0.7", "0.6"]]
    assert read("lr,0.1,0.01\nours,0.9,0.8\n").table.columns.tolist() == ["lr", "0.1", "0.01"]


def test_a_column_that_stands_twice_is_kept_twice() -> None:
    found = read("method,seed,acc,acc\nours,0,0.9,0.8\n")
    assert found.table.columns.tolist() == ["method", "seed", "acc", "acc"]
    assert rows_of(found) == [["ours", "0", "0.9", "0.8"]]


@pytest.mark.parametrize(
    "text",
    [
        "method;acc\nours;0,912\nours;0,905\nbase;0,872\n",
        "method;seed;acc;f1\nours;0;0,912;0,9\nbase;0;0,872;0,8\n",
        "method;seed1;seed2\nours;0,912;0,9\nbase;0,872;0,8\n",
    ],
)
def test_a_decimal_comma_separates_no_fields(text: str) -> None:
    found = read(text)
    assert found.table.columns.tolist() == text.split("\n")[0].split(";")
    assert rows_of(found)[0] == text.split("\n")[1].split(";")


def test_text_that_is_not_utf8_is_read_as_windows_does_and_said() -> None:
    text = "method,acc\nméthode – 1,0.9\n"
    found = read(text.encode("cp1252"))
    assert found.table["method"].tolist() == ["méthode – 1"]
    assert "Windows-1252" in found.notes[0]
    assert read(text.encode("cp1250"), encoding="cp1250").table["method"].tolist() == [
        "méthode – 1"
    ]
    assert read(text.encode()).notes == ()
    with pytest.raises(EvidenceError, match="utf-9"):
        read(text, encoding="utf-9")
    with pytest.raises(EvidenceError, match="encoding"):
        read(text.encode("cp1252"), encoding="utf-8")


def test_places_are_lines_of_the_file() -> None:
    text = '# a\nmethod,acc\n\nours,0.9\n"two\nlines",0.8\n,\nbase,0.7\n'
    found = read(text)
    assert [found.place(row) for row in range(3)] == ["line 4", "line 6", "line 8"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("method,seed,steps\nours,0,9,120\nours,1,9,050\n", ["line 2", "4 fields", "3", "comma"]),
        ("method,seed,acc\nours,0,1\nours,1,1,2\n", ["line 3", "4 fields", "comma"]),
        ("method,seed,acc\nours,0\nbase,0,0.8\n", ["line 2", "2 of 3 fields"]),
        ("method,seed,acc\nours,0,0.9\nbase,0\n", ["line 3", "2 of 3 fields", "remove"]),
        ("method,seed,acc\nours,0,0.9\nbase,0", ["line 3", "2 of 3 fields", "cut off"]),
        ('method,seed,acc\n"ours",0,0.9\n"base",0\n', ["line 3", "2 of 3 fields"]),
        ("method,seed,acc\nours,0,0.9\n# later\nbase,0,0.8\n", ["line 3", "comment"]),
        ("method,seed,acc\nours,0,0.9\n# later, and, more, of it\n", ["line 3", "comment"]),
        ("method,seed,acc\nours,0,0.9\nThe end.\n", ["line 3", "1 of 3 fields"]),
        ('method,seed,acc\nours,0,"0.9\nbase,0,0.8\n', ["quote"]),
        ("method,acc,acc\n,mean,std\nours,0.9,0.1\nbase,0.8,0.1\n", ["two header lines"]),
        ("ours,0,0.912\nours,1,0.905\n", ["header"]),
        ("0,0.912\n1,0.905\n", ["header"]),
        ("method,seed,acc\n", ["no rows"]),
        ("Hello there.\nThis is a text, with commas.\nAnd more.\n", ["no table"]),
        ("lr: 0.1\nseed: 3\n", ["no table"]),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, says: list[str]) -> None:
    with pytest.raises(EvidenceError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    for word in ["x.csv", *says]:
        assert word in str(caught.value)


FRAME2 = pd.DataFrame({"method": ["ours", "base"] * 2, "seed": [0, 0, 1, 1], "acc": 0.5})


@pytest.mark.parametrize(
    "text",
    [
        FRAME2.set_index(["method", "seed"]).unstack().to_csv(),
        FRAME2.groupby("method").agg({"acc": ["mean", "std"], "seed": ["mean", "std"]}).to_csv(),
        FRAME2.groupby("method").agg({"acc": ["mean", "std"]}).reset_index().to_csv(index=False),
    ],
)
def test_columns_of_two_levels_are_refused(text: str) -> None:
    with pytest.raises(EvidenceError, match="two header lines"):
        read(text)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 11), st.integers(1, 3), st.booleans(), st.sampled_from([",", ";", "\t"]))
def test_a_line_with_other_fields_never_passes(
    at: int, fields: int, quoted: bool, delimiter: str
) -> None:
    cells = [['"ours"' if quoted else "ours", str(i), "0.5", "7"] for i in range(12)]
    cells[at] = cells[at][:fields] if at % 2 else [*cells[at], *["1"] * fields]
    text = lines(*map(delimiter.join, [["method", "seed", "acc", "n"], *cells]))
    with pytest.raises(EvidenceError, match=f"line {at + 2}: has {len(cells[at])} "):
        read(text)


def test_a_fault_beyond_what_is_looked_at_first_is_found() -> None:
    rows = [f"ours,{i},0.5" for i in range(20_000)]
    for fault, says in (("ours,1", "2 of 3"), ("ours,1,2,3", "4 fields"), ("# x", "comment")):
        text = lines("method,seed,acc", *rows, fault, *rows)
        with pytest.raises(EvidenceError, match=says) as caught:
            read(text)
        assert "line 20002" in str(caught.value)
    found = read(lines("method,seed,acc", *rows, "", '"ours, too",7,0.5'))
    assert found.table["method"].iloc[-1] == "ours, too"
    assert found.place(20_000) == "line 20003"


def test_a_quote_inside_a_cell_is_a_sign_like_others() -> None:
    found = read('name,seed,acc\n5" disk,0,0.9\n3" disk,0,0.8\n')
    assert found.table["name"].tolist() == ['5" disk', '3" disk']
    with pytest.raises(EvidenceError, match="line 3"):
        read('name,seed,acc\n5" disk,0,0.9\n3" disk,0\n')


def test_more_rows_than_are_allowed_are_refused() -> None:
    from faeval.evidence._table import most_rows

    token = most_rows.set(5)
    try:
        with pytest.raises(EvidenceError, match="--max-rows"):
            read(lines("method,acc", *["ours,1"] * 7))
    finally:
        most_rows.reset(token)
