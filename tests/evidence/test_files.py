"""Packs on disk: what is written is read back to the last bit, and the same rows are the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faeval.errors import EvidenceError
from faeval.evidence import COLUMNS, STATUSES, csv_bytes, digest, read, write_csv, write_parquet

# Everything that may stand in a name: no control characters, no halves of surrogate pairs.
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in (*range(32), 127)]),
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
    # -0.0 and 0.0 tie in the order of rows, so that the order in which they came decides: compare them in that order.
    order = expected.sort_values(list(COLUMNS), kind="stable", na_position="first", ignore_index=True)
    pd.testing.assert_frame_equal(found, order, check_exact=True)
    assert bits(found) == bits(order)


@settings(max_examples=30, deadline=None)
@given(tables())
def test_reading_a_csv_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    write_csv(table, path)
    assert_same_rows(read(path), table)
    assert path.read_bytes() == csv_bytes(table)
    assert csv_bytes(read(path)) == path.read_bytes()


@settings(max_examples=30, deadline=None)
@given(tables())
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
    assert csv_bytes(table).decode() == (
        "setting,arm,seed,epoch,layer,metric,value,status,run\n"
        "t,bp,9,,2,cosine,,undefined,\n"
        't,dfa,9,30,2,cosine,1e-300,below_floor,"a,b"\n'
        "t,dfa,10,1,,cosine,0.3333333333333333,measured,sha256:ab\n"
    )


def small() -> pd.DataFrame:
    return pd.DataFrame({"setting": "s", "arm": "a", "seed": [1, 2], "metric": "m", "value": [0.1, 0.2]})


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
        with pytest.raises(EvidenceError, match=r"evidence\.parquet"):
            read(path)


def test_a_file_that_could_not_be_written_whole_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "evidence.csv"
    write_csv(small(), path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))  # the disk is full after 20 bytes
    try:
        with pytest.raises(OSError, match="too large"):
            write_csv(small().assign(value=0.7), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["evidence.csv"]


def test_another_locale_changes_nothing(tmp_path: Path) -> None:
    write_csv(small().assign(arm="é"), tmp_path / "e.csv")
    code = "import sys; from faeval.evidence import *; sys.stdout.buffer.write(csv_bytes(read(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "e.csv")],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert done.stdout == (tmp_path / "e.csv").read_bytes()


@settings(deadline=None, max_examples=40)
@given(tables())
def test_a_table_is_spelled_as_pythons_own_csv_writer_spells_its_sorted_rows(table: pd.DataFrame) -> None:
    table = read(table)
    as_sorted = table.sort_values(list(COLUMNS), kind="stable", na_position="first", ignore_index=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in as_sorted.astype("object").itertuples(index=False):
        writer.writerow(["" if cell is pd.NA or cell != cell else cell for cell in row])
    assert csv_bytes(table) == text.getvalue().encode()
    assert csv_bytes(as_sorted) == text.getvalue().encode()
    assert digest(table) == hashlib.sha256(csv_bytes(table)).hexdigest()
