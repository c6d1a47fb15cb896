"""What becomes of any table: its types, or one message that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from faeval.errors import EvidenceError
from faeval.evidence import COLUMNS, KEY, STATUSES, import_table, read

HEADER = "setting,arm,seed,epoch,layer,metric,value,status,run"
ROW = "teacher,dfa,1,30,4,cosine,0.25,measured,sha256:00"


def csv_file(folder: Path, *lines: str, name: str = "evidence.csv") -> Path:
    path = folder / name
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


def good(**changes: object) -> pd.DataFrame:
    row = {
        "setting": "s",
        "arm": "a",
        "seed": 1,
        "epoch": 2,
        "layer": 3,
        "metric": "m",
        "value": 0.5,
    }
    return pd.DataFrame([{**row, **changes}])


def test_a_table_has_these_columns_and_types(tmp_path: Path) -> None:
    table = read(csv_file(tmp_path, HEADER, ROW, "teacher,dfa,2,,,accuracy,,undefined,"))
    assert tuple(table.columns) == COLUMNS
    assert KEY == ("setting", "arm", "seed", "epoch", "layer", "metric")
    assert STATUSES == ("measured", "below_floor", "undefined", "diverged")
    text = pd.Series(["a"]).astype(str).dtype.name  # pandas 3 has a type of text of its own
    kinds = [str(kind) for kind in table.dtypes]
    assert kinds == [text, text, "int64", "Int64", "Int64", text, "float64", text, text]
    assert table.iloc[0].tolist() == [
        "teacher",
        "dfa",
        1,
        30,
        4,
        "cosine",
        0.25,
        "measured",
        "sha256:00",
    ]
    assert table["epoch"].isna().tolist() == [False, True]
    assert np.isnan(table["value"][1])


def test_words_that_pandas_takes_for_missing_stay_words(tmp_path: Path) -> None:
    arms = ["nan", "none", "NA", "null", "None", "", "true", "1", "1e3", " padded "]
    path = csv_file(tmp_path, HEADER, *(f"s,{arm},1,,,m,0,," for arm in arms))
    assert read(path)["arm"].tolist() == arms


def test_names_that_are_all_numbers_stay_words(tmp_path: Path) -> None:
    assert read(csv_file(tmp_path, HEADER, "1,1.0,1,,,1e3,0,,", "01,1,1,,,7,0,,"))[
        "arm"
    ].tolist() == ["1.0", "1"]


def test_columns_that_a_foreign_table_lacks_are_filled(tmp_path: Path) -> None:
    table = read(
        csv_file(tmp_path, "note,seed,value,metric,arm,setting", "hello,3,1e-3,loss,b,mine")
    )
    assert table.iloc[0].drop(["epoch", "layer"]).tolist() == [
        "mine",
        "b",
        3,
        "loss",
        1e-3,
        "measured",
        "",
    ]
    assert table[["epoch", "layer"]].isna().all(axis=None)


def test_empty_cells_of_status_and_run_take_their_defaults() -> None:
    table = read(
        pd.concat(
            [
                good(status=None, run=np.nan),
                good(status="", run=""),
                good(status="diverged", run="r"),
            ]
        )
    )
    assert table["status"].tolist() == ["measured", "measured", "diverged"]
    assert table["run"].tolist() == ["", "", "r"]
    assert table.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("spelling", ["7", "7.0", 7, 7.0, np.int8(7), np.float32(7), " 7 "])
def test_a_whole_number_may_be_spelled_as_a_float(spelling: object) -> None:
    # pandas itself writes integer columns with a gap in them as 7.0
    table = read(good(seed=spelling, epoch=spelling, layer=spelling))
    assert table[["seed", "epoch", "layer"]].iloc[0].tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("text", "number"),
    [("inf", np.inf), ("-Infinity", -np.inf), ("-0.0", -0.0), ("5e-324", 5e-324)],
)
def test_values_keep_every_bit(tmp_path: Path, text: str, number: float) -> None:
    value = read(csv_file(tmp_path, HEADER, f"s,a,1,,,m,{text},,"))["value"][0]
    assert np.float64(value).tobytes() == np.float64(number).tobytes()


@pytest.mark.parametrize("text", ["", "nan", "NaN"])
def test_an_empty_value_is_nan(tmp_path: Path, text: str) -> None:
    assert np.isnan(read(csv_file(tmp_path, HEADER, f"s,a,1,,,m,{text},,"))["value"][0])


def test_rows_that_cannot_be_believed_are_kept(tmp_path: Path) -> None:
    rows = [
        ROW,
        ROW,
        "teacher,dfa,1,30,4,cosine,,measured,",
        "teacher,dfa,1,30,4,cosine,inf,measured,",
    ]
    assert len(read(csv_file(tmp_path, HEADER, *rows))) == 4


def test_categories_and_arrow_types_are_read_as_they_mean() -> None:
    table = good().astype(
        {"setting": "category", "seed": "category", "metric": "string", "value": "Float64"}
    )
    pd.testing.assert_frame_equal(read(table), read(good()))


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("seed", "one", "not a whole number"),
        ("seed", "1.5", "not a whole number"),
        ("seed", "-1", "not a whole number of at least 0"),
        ("seed", "", "write the seed|not a whole number"),
        ("seed", "nan", "not a whole number"),
        ("seed", "1_0", "not a whole number"),
        ("seed", "9223372036854775808", "64 bits"),
        ("seed", "1e300", "not a whole number"),
        ("epoch", "last", "not a whole number, or empty"),
        ("layer", "0.5", "not a whole number, or empty"),
        ("value", "high", "no number"),
        ("value", "0,5", "no number|fields"),
        ("value", "1_0", "no number"),
        ("status", "fine", "no status; write one of measured, below_floor, undefined, diverged"),
        ("setting", "", "write the setting"),
        ("metric", "", "write the metric"),
        ("arm", '"two\nlines"', "line break"),
    ],
)
def test_a_bad_cell_is_named_with_file_line_column_and_value(
    tmp_path: Path, column: str, cell: str, says: str
) -> None:
    cells = dict(zip(COLUMNS, ROW.split(","), strict=True))
    bad = ",".join(cell if name == column else cells[name] for name in COLUMNS)
    path = csv_file(tmp_path, HEADER, ROW, "", ROW, bad, ROW, bad)
    with pytest.raises(EvidenceError, match=says) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message.replace(cell, "")
    if "fields" not in message:
        assert f"column {column} " in message
        assert cell.strip('"')[:3] in message
        assert f"line {5 + cell.count(chr(10))}:" in message


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": True}, "seed holds 'True'"),
        (
            {"seed": 2**53 + 0.0},
            "not a whole number",
        ),  # the float's neighbours are no longer told apart
        ({"seed": [1, 2]}, "seed"),
        ({"arm": 7}, "is no text"),
        ({"value": 1j}, "is no number"),
        ({"value": "x"}, "row 0 .*value holds 'x' .str.*is no number"),
    ],
)
def test_a_bad_cell_of_a_dataframe_is_named(changes: dict[str, object], says: str) -> None:
    table = good().astype(object)
    for name, cell in changes.items():
        table.at[0, name] = cell
    with pytest.raises(EvidenceError, match=says):
        read(table)


@pytest.mark.parametrize("column", ["setting", "arm", "seed", "metric", "value"])
def test_a_missing_column_is_named(column: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=f"column {column} missing"):
        read(good().drop(columns=column))
    good().drop(columns=column).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(EvidenceError, match=f"e.csv: column {column} missing; it has"):
        read(tmp_path / "e.csv")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (
            HEADER.encode() + b"\n" + ROW.encode() + b"\ns,\xe9,1,,,m,0,,\n",
            "line 3: byte 0xe9 is not UTF-8",
        ),
        (
            HEADER.replace(",", ";").encode() + b"\n",
            "columns setting, arm, seed, metric, value missing",
        ),
        (
            b"value," + HEADER.encode() + b"\n0," + ROW.encode() + b"\n",
            "column value stands 2 times",
        ),
        (
            f"{HEADER}\n{ROW},more\n{ROW}\n".encode(),
            "line 2: has 10 fields, and the first line names 9",
        ),
        (f"{HEADER}\n{ROW},more\n".encode(), "line 2: has 10 fields"),
        (f"{HEADER}\n{ROW}\n\n{ROW},more".encode(), "line 4: has 10 fields"),
        (f"{HEADER}\n{ROW}\n{ROW[:30]}".encode(), "cut off"),
        (f"{HEADER}\n{ROW}\n{ROW[:30]}\n".encode(), "is no row of the table"),
        (f"{HEADER}\n{ROW}\n# of May".encode(), "is no row of the table"),
        (f"{HEADER}\n{ROW}\nThe end.\n".encode(), "is no row of the table"),
        (f"Of May.\n{HEADER}\n{ROW}\n".encode(), "missing; it has 'Of May.'"),
        (f'{HEADER}\n{ROW}\n"{ROW}\n'.encode(), "no regular CSV"),
    ],
    ids=[
        "empty",
        "blank",
        "binary",
        "latin-1",
        "semicolons",
        "double",
        "long row",
        "all rows long",
        "last row long",
        "cut off",
        "short row",
        "comment",
        "prose",
        "prose first",
        "quote",
    ],
)
def test_a_file_that_is_no_evidence_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match=says) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == (12 if says == "cut off" else 2)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_lines_end_as_any_system_ends_them(end: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    for last in ("", end):
        path.write_bytes((end.join(["", HEADER, ROW, ROW.replace("dfa", "bp")]) + last).encode())
        assert read(path)["arm"].tolist() == ["dfa", "bp"]
        with pytest.raises(EvidenceError, match=r"\b1 rows; --max-rows"):
            read(path, max_rows=1)
    path.write_bytes(end.join([HEADER, ROW, ROW[:30]]).encode())
    with pytest.raises(EvidenceError, match="cut off"):
        read(path)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    plain = read(csv_file(tmp_path, HEADER, ROW))
    path = tmp_path / "windows.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{ROW}\r\n".encode())
    pd.testing.assert_frame_equal(read(path), plain)


def test_a_header_alone_is_refused_but_in_a_report_on_claims_that_were_not_run(
    tmp_path: Path,
) -> None:
    path = csv_file(tmp_path, HEADER)
    for source in (path, tmp_path):
        with pytest.raises(EvidenceError, match=r"evidence\.csv: holds no rows") as caught:
            read(source)
        assert caught.value.exit_code == 2
    with pytest.raises(EvidenceError, match=r"evidence\.csv: holds no rows"):
        import_table(path, "toy")
    with pytest.raises(EvidenceError, match=r"^the table: .*no rows"):
        import_table(good().iloc[:0], "toy")
    (tmp_path / "verdicts.json").write_text("{}")
    table = read(path)
    assert len(table) == 0
    assert [str(kind) for kind in table.dtypes] == [str(kind) for kind in read(good()).dtypes]


@pytest.mark.parametrize("source", [None, 7, ["evidence.csv"]])
def test_something_that_is_no_source_is_refused(source: object) -> None:
    with pytest.raises(EvidenceError, match=type(source).__name__):
        read(source)  # type: ignore[arg-type]


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"nowhere\.csv: cannot be read"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(EvidenceError, match=r"neither evidence\.csv nor evidence\.parquet"):
        read(tmp_path)
