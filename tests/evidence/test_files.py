"""Packs on disk: what is written is read back to the last bit, and the same rows are the same
bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given, settings, strategies as st
from pyarrow import parquet

from faeval.errors import EvidenceError
from faeval.evidence import COLUMNS, STATUSES, csv_bytes, digest, read, write_csv, write_parquet

LONGEST_CELL = 1 << 20
# Everything that may stand in a name: no control characters, no halves of surrogate pairs.
names = st.text(
    st.characters(
        exclude_categories=["Cs"], exclude_characters=[chr(c) for c in (*range(32), 127)]
    ),
    min_size=1,
    max_size=8,
) | st.sampled_from(["nan", "NA", "none", "-", '"', ",", " ", "#", "1", "é", "\u2028", "=1+1"])
indices = st.none() | st.integers(-(2**63), 2**63 - 1)
rows = st.tuples(
    names,
    names | st.just(""),
    st.integers(0, 2**63 - 1) | st.integers(0, 3),
    indices,
    indices,
    names,
    st.floats() | st.sampled_from([-0.0, 0.0, 5e-324, -2.2e-308, 1.7976931348623157e308, 0.1]),
    st.sampled_from(STATUSES),
    names | st.just(""),
)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    drawn = draw(st.lists(rows, max_size=8))
    kinds = ("str", "str", "int64", "Int64", "Int64", "str", "float64", "str", "str")
    cells = zip(*drawn, strict=True) if drawn else [()] * len(COLUMNS)
    return pd.DataFrame(
        {n: pd.Series(list(c), dtype=k) for n, k, c in zip(COLUMNS, kinds, cells, strict=True)}
    )  # fmt: skip


def bits(table: pd.DataFrame) -> bytes:
    values = table["value"].to_numpy(copy=True)
    values[np.isnan(values)] = np.nan  # one NaN for all: its payload is no evidence
    return values.tobytes()


def assert_same_rows(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    # -0.0 and 0.0 tie in the order of rows, so that the order in which they came decides: compare
    # them in that order.
    order = expected.sort_values(
        list(COLUMNS), kind="stable", na_position="first", ignore_index=True
    )
    pd.testing.assert_frame_equal(found, order, check_exact=True)
    assert bits(found) == bits(order)


@settings(max_examples=30, deadline=None)
@given(tables().filter(len))
def test_reading_a_csv_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    write_csv(table, path)
    assert_same_rows(read(path), table)
    assert path.read_bytes() == csv_bytes(table)
    assert csv_bytes(read(path)) == path.read_bytes()


@settings(max_examples=30, deadline=None)
@given(tables().filter(len))
def test_reading_parquet_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.parquet"
    write_parquet(table, path)
    assert_same_rows(read(path), table)
    first = path.read_bytes()
    write_parquet(read(path), path)
    assert path.read_bytes() == first


@settings(max_examples=30, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_reach_the_file(table: pd.DataFrame, random: object) -> None:
    table = table[table["value"] != 0]  # the two zeros tie
    order = list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert csv_bytes(table.iloc[order]) == csv_bytes(table)


def test_the_bytes_of_a_csv_are_these() -> None:
    table = pd.DataFrame(
        {
            "setting": ["t", "t", "t"],
            "arm": ["dfa", "bp", "dfa"],
            "seed": [10, 9, 9],
            "epoch": [1, None, 30],
            "layer": [None, 2, 2],
            "metric": ["cosine"] * 3,
            "value": [1 / 3, None, 1e-300],
            "status": ["measured", "undefined", "below_floor"],
            "run": ["sha256:ab", "", "a,b"],
        }
    )
    assert (
        csv_bytes(table).decode() == "setting,arm,seed,epoch,layer,metric,value,status,run\n"
        "t,bp,9,,2,cosine,,undefined,\n"
        't,dfa,9,30,2,cosine,1e-300,below_floor,"a,b"\n'
        "t,dfa,10,1,,cosine,0.3333333333333333,measured,sha256:ab\n"
    )


def small() -> pd.DataFrame:
    return pd.DataFrame(
        {"setting": "s", "arm": "a", "seed": [1, 2], "metric": "m", "value": [0.1, 0.2]}
    )


def test_a_folder_is_read_through_its_pack(tmp_path: Path) -> None:
    write_parquet(small(), tmp_path / "evidence.parquet")
    assert read(tmp_path)["value"].tolist() == [0.1, 0.2]
    write_csv(small().assign(value=0.5), tmp_path / "evidence.csv")
    assert read(str(tmp_path))["value"].tolist() == [0.5, 0.5]


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evidence.parquet"
    write_parquet(small(), path)
    whole = path.read_bytes()
    for damaged in (
        b"",
        whole[: len(whole) // 2],
        b"PAR1" + b"\0" * 40 + b"PAR1",
        whole[:20] + b"\xff" * 60 + whole[80:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(EvidenceError, match=r"evidence\.parquet") as refused:
            read(path)
        assert refused.value.exit_code == (12 if damaged else 2)


@pytest.mark.parametrize("sealed", [True, False], ids=["ours", "another writer's"])
def test_no_flipped_bit_of_parquet_gives_other_numbers(tmp_path: Path, sealed: bool) -> None:
    path = tmp_path / "evidence.parquet"
    write_parquet(small(), path)
    if not sealed:  # pages alone have checksums there
        table = parquet.read_table(path)
        parquet.write_table(table, path, write_page_checksum=True)
    whole, right = path.read_bytes(), digest(read(path))
    until = len(whole) if sealed else parquet.read_metadata(path).row_group(0).total_byte_size
    codes = []
    for at in range(4, until, 7):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        try:
            found = digest(read(path))
        except EvidenceError as error:
            codes.append(error.exit_code)
        else:
            assert found == right
    assert set(codes) == {12}
    assert len(codes) > 0.7 * len(range(4, until, 7))


def test_parquet_is_read_by_others_as_it_was_written(tmp_path: Path) -> None:
    write_parquet(small(), tmp_path / "evidence.parquet")
    table = parquet.read_table(tmp_path / "evidence.parquet", page_checksum_verification=True)
    assert table.column("value").to_pylist() == [0.1, 0.2]


NAMES = {
    "setting": ["x", "x"],
    "arm": ["a", "b"],
    "seed": [1, 1],
    "metric": ["m", "m"],
    "value": [0.1, 0.2],
}


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"arm": [["a"], ["b"]]},
        {"arm": [{"a": 1}, {"a": 2}]},
        {"seed": [datetime(2020, 1, 1), datetime(2020, 1, 2)]},
        {"seed": [None, 1]},
        {"seed": [-1, 1]},
        {"value": ["a", "b"]},
        {"value": [[0.1], [0.2]]},
        {"value": [b"\xff", b"\xfe"]},
        {"setting": [None, None]},
        {"metric": ["m" * (LONGEST_CELL + 1), "m"]},
        {"arm": ["a" * 50_000_000, "b"]},
    ],
    ids=lambda columns: next(iter(columns), "no column"),
)
def test_parquet_of_other_types_is_refused_in_one_line(
    tmp_path: Path, columns: dict[str, list[object]]
) -> None:
    path = tmp_path / "evidence.parquet"
    parquet.write_table(pyarrow.table(NAMES | columns if columns else {}), path, compression="zstd")
    with pytest.raises(EvidenceError, match=r"evidence\.parquet") as refused:
        read(path)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 2000


def test_odd_parquet_is_read_and_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evidence.parquet"
    table = pyarrow.table(NAMES)
    parquet.write_table(table.slice(0, 0), path)
    with pytest.raises(EvidenceError, match="no rows"):
        read(path)
    arms = pyarrow.array(["a", "b"]).dictionary_encode()
    parquet.write_table(table.set_column(1, "arm", arms), path)
    assert read(path)["arm"].tolist() == ["a", "b"]
    parquet.write_table(table.append_column("arm", pyarrow.array(["c", "d"])), path)
    with pytest.raises(EvidenceError, match="stands 2 times"):
        read(path)


def test_a_file_that_expands_beyond_the_limit_is_refused_before_it_does(tmp_path: Path) -> None:
    one = pyarrow.nulls(3_000_000, pyarrow.int8())
    parquet.write_table(pyarrow.table(dict.fromkeys(NAMES, one)), tmp_path / "bomb.parquet")
    del one
    held = pyarrow.total_allocated_bytes()
    assert (tmp_path / "bomb.parquet").stat().st_size < 50_000
    with pytest.raises(EvidenceError, match="2000000 rows"):
        read(tmp_path / "bomb.parquet", max_rows=2_000_000)
    assert pyarrow.total_allocated_bytes() - held < 1 << 20
    # A line of CSV is looked at as it comes: rows, and the length of one.
    (tmp_path / "long.csv").write_text("setting,arm,seed,metric,value\n" + "x,a,1,m,0.5\n" * 1000)
    assert len(read(tmp_path / "long.csv", max_rows=1000)) == 1000
    with pytest.raises(EvidenceError, match="998 rows"):
        read(tmp_path / "long.csv", max_rows=998)
    (tmp_path / "wide.csv").write_text("setting,arm,seed,metric,value\nx," + "a" * (17 << 20))
    with pytest.raises(EvidenceError, match="longer"):
        read(tmp_path / "wide.csv")
    (tmp_path / "wide.csv").write_text(
        f"setting,arm,seed,metric,value\nx,{'a' * (LONGEST_CELL + 1)},1,m,0.5\n"
    )
    with pytest.raises(EvidenceError, match="1 MB") as told:
        read(tmp_path / "wide.csv")
    assert len(str(told.value)) < 2000


def test_a_file_that_could_not_be_written_whole_is_left_as_it_was(
    tmp_path: Path, small_disk: Any
) -> None:
    path = tmp_path / "evidence.csv"
    write_csv(small(), path)
    before = path.read_bytes()
    with small_disk(20), pytest.raises(OSError, match="too large"):
        write_csv(small().assign(value=0.7), path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["evidence.csv"]


def test_another_locale_changes_nothing(tmp_path: Path) -> None:
    write_csv(small().assign(arm="é"), tmp_path / "e.csv")
    code = (
        "import sys; from faeval.evidence import *;"
        " sys.stdout.buffer.write(csv_bytes(read(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "e.csv")],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert done.stdout == (tmp_path / "e.csv").read_bytes()


@settings(deadline=None, max_examples=40)
@given(tables())
def test_a_table_is_spelled_as_pythons_own_csv_writer_spells_its_sorted_rows(
    table: pd.DataFrame,
) -> None:
    table = read(table)
    as_sorted = table.sort_values(
        list(COLUMNS), kind="stable", na_position="first", ignore_index=True
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in as_sorted.astype("object").itertuples(index=False):
        writer.writerow(["" if cell is pd.NA or cell != cell else cell for cell in row])
    assert csv_bytes(table) == text.getvalue().encode()
    assert csv_bytes(as_sorted) == text.getvalue().encode()
    assert digest(table) == hashlib.sha256(csv_bytes(table)).hexdigest()
