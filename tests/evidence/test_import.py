"""Import of tables: what a column is, is said; what it holds is checked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import faeval as fe
from faeval.errors import EvidenceError
from faeval.evidence import csv_bytes, import_table, read

WIDE = """model,depth,bagging,fold,epoch,accuracy,loss,note
forest,3,True,1,10,0.9,0.1,x
forest,3,True,2,10,0.91,nan,y
tree,1e0,False,1,10,0.8,,z
"""
LONG = """arm,seed,layer,name,number,state
penalty=0.010+rule=dfa,1,0,cosine,0.25,measured
penalty=0.010+rule=dfa,1,1,cosine,,diverged
,1,0,cosine,0.5,below_floor
"""


def file(folder: Path, text: str) -> Path:
    path = folder / "their.csv"
    path.write_text(text)
    return path


def test_a_wide_table_gives_a_row_for_each_number(tmp_path: Path) -> None:
    found = import_table(
        file(tmp_path, WIDE),
        "iris",
        arm={"rule": "model", "depth": "depth", "bagging": "bagging"},
        seed="fold",
        epoch="epoch",
        metrics={"accuracy": "accuracy", "err": "loss"},
    )
    lines = csv_bytes(found.table).decode().splitlines()[1:]
    assert lines == [
        "iris,forest+bagging=true+depth=3,1,10,,accuracy,0.9,measured,",
        "iris,forest+bagging=true+depth=3,1,10,,err,0.1,measured,",
        "iris,forest+bagging=true+depth=3,2,10,,accuracy,0.91,measured,",
        "iris,forest+bagging=true+depth=3,2,10,,err,,undefined,",
        "iris,tree+bagging=false+depth=1,1,10,,accuracy,0.8,measured,",
        "iris,tree+bagging=false+depth=1,1,10,,err,,undefined,",
    ]
    assert found.notes[-2:] == ("columns left out: note", "2 rows are undefined")


def test_a_long_table_keeps_its_statuses_and_spells_labels_one_way(tmp_path: Path) -> None:
    found = import_table(
        file(tmp_path, LONG), "toy", metric="name", value="number", layer="layer", status="state"
    )
    assert csv_bytes(found.table).decode().splitlines()[1:] == [
        "toy,,1,,0,cosine,0.5,below_floor,",
        "toy,dfa+penalty=0.01,1,,0,cosine,0.25,measured,",
        "toy,dfa+penalty=0.01,1,,1,cosine,,diverged,",
    ]


def test_a_long_table_without_statuses_is_measured_where_it_is_finite() -> None:
    table = pd.DataFrame(
        {
            "arm": "a",
            "seed": range(4),
            "metric": "m",
            "value": [0.5, None, float("nan"), float("inf")],
        }
    )
    assert import_table(table, "toy").table["status"].tolist() == ["measured", *["undefined"] * 3]


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from(["rule", "depth", "lr"]),
        st.one_of(
            st.booleans(),
            st.integers(-9, 9),
            st.floats(-1, 1),
            st.sampled_from(["dfa", "bp", "none_of"]),
        ),
        min_size=1,
    )
)
def test_factors_become_the_arm_that_python_would_name(
    tmp_path_factory: pytest.TempPathFactory, factors: dict[str, object]
) -> None:
    if "rule" in factors:  # a name, whatever it looks like
        factors["rule"] = str(factors["rule"])
    table = pd.DataFrame([factors]).assign(seed=1, score=0.5)
    path = tmp_path_factory.getbasetemp() / "factors.csv"
    table.to_csv(path, index=False)
    for source in (table, path):
        found = import_table(source, "toy", arm=list(factors), metrics=["score"])
        assert found.table["arm"].tolist() == [fe.Arm(**factors).label]


def test_what_was_imported_decides_claims(tmp_path: Path) -> None:
    rows = [
        f"{m},{s},{0.5 + 0.2 * (m == 'b') + 0.01 * s * (m == 'b')}"
        for m in "ab"
        for s in range(1, 6)
    ]
    path = file(tmp_path, "\n".join(["model,seed,score", *rows]) + "\n")
    table = import_table(path, "mine", arm={"rule": "model"}, metrics=["score"]).table
    a, b = (fe.metric("score", fe.Arm(name)) for name in "ab")
    claim = fe.Claim(
        "b beats a", fe.exceeds(b, a, by=fe.Margin(0.05, "a reason")), attributed_to="rule"
    )
    assert fe.decide(claim, table)[0].verdict == "supported"
    assert csv_bytes(read(table)) == csv_bytes(table)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"arm": ["colour"]}, "column 'colour' is not there; it has 'model', 'depth'"),
        ({"seed": "seed"}, "column 'seed' is not there"),
        ({"arm": ["note"]}, r"note=x seed 1 epoch 10 accuracy \(line 2: 0.9, line 3: 0.91\)"),
        ({"seed": "model"}, "line 2: column model holds 'forest'"),
        ({"metrics": ["note"]}, "line 2: column note holds 'x'"),
        ({"status": "note"}, "column note holds 'x' .* is no status"),
        ({"arm": None}, "column 'arm' is not there"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(
    tmp_path: Path, options: dict[str, object], says: str
) -> None:
    path = file(tmp_path, WIDE.replace("y\n", "x\n").replace("2,10", "1,10"))
    given = {"arm": ["model", "depth", "fold"], "seed": "fold", "metrics": ["accuracy"], **options}
    with pytest.raises(EvidenceError, match=says):
        import_table(path, "iris", **given)


def test_a_message_calls_a_column_as_the_file_does() -> None:
    long = pd.DataFrame(
        {"arm": "a", "rep": [1, "x"], "what": "m", "acc": ["0.5", "half"], "State": ["done", "odd"]}
    )
    given = {"seed": "rep", "metric": "what", "value": "acc"}
    for column, cells in (("rep", [1, 2]), ("acc", ["0.5", "0.6"]), ("State", ["done", "done"])):
        with pytest.raises(EvidenceError, match=rf"row 1 .*: column {column} holds"):
            import_table(long, "toy", **given)
        long[column] = cells
    assert len(import_table(long, "toy", **given).table) == 2


def test_a_cell_that_no_arm_can_hold_is_named() -> None:
    table = pd.DataFrame({"model": ["fine", "no\u00a0break"], "seed": 1, "m": 0.5})
    with pytest.raises(EvidenceError, match=r"^the table, row 1 .*\bmodel='no.*break'"):
        import_table(table, "toy", arm=["model"], metrics=["m"])
    with pytest.raises(EvidenceError, match=r"row 1 \(counted from 0\): .*no.*break"):
        import_table(table.rename(columns={"model": "arm"}), "toy", metrics=["m"])


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["0.10", "0.2"], ["lr=0.1", "lr=0.2"]),
        (["0.10", "0.1"], ["lr='0.10'", "lr='0.1'"]),
        (["0.1", "auto"], ["lr='0.1'", "lr=auto"]),
        (["1", "true"], ["lr='1'", "lr='true'"]),
        (["true", "False"], ["lr=true", "lr=false"]),
        (["true", "True"], ["lr='true'", "lr=True"]),
        (["3", "none"], ["lr=3", "lr=none"]),
        (["inf", "1"], ["lr='inf'", "lr='1'"]),
        ([" a b", ""], ["lr='a b'", ""]),
    ],
)
def test_a_column_of_a_factor_is_of_one_kind_and_keeps_its_texts_apart(
    cells: list[str], labels: list[str]
) -> None:
    table = pd.DataFrame({"lr": cells, "seed": 1, "m": 0.5})
    found = import_table(table, "toy", arm=["lr"], metrics=["m"]).table
    assert sorted(found["arm"]) == sorted(labels)
    assert csv_bytes(read(found)) == csv_bytes(found)


def test_of_two_columns_of_one_name_none_is_chosen(tmp_path: Path) -> None:
    text = "arm,seed,acc,acc,note,note,,\na,1,0.9,0.8,x,y,,\n"
    with pytest.raises(EvidenceError, match=r"'acc' .*once"):
        import_table(file(tmp_path, text), "toy", metrics=["acc"])
    path = file(tmp_path, text.replace("acc,acc", "acc,loss"))
    (note,) = import_table(path, "toy", metrics=["acc"]).notes
    assert note.startswith("columns left out: loss, note, Unnamed")
    path.write_text(path.read_text() + "a,1,0.7,0.8,x,y,,\n")
    with pytest.raises(EvidenceError, match=r"\brepeats\b.*line 2.*line 3"):
        import_table(path, "toy", metrics=["acc"])


def test_a_number_may_name_a_run() -> None:
    table = pd.DataFrame({"arm": ["a", "a"], "seed": [1, 2], "acc": [0.9, 0.8], "trial": [0, 7]})
    found = import_table(table, "toy", metrics=["acc"], run="trial").table
    assert found["run"].tolist() == ["0", "7"]
