"""JSON and JSON Lines become rows, whichever way results lie in them."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of

FRAME = pd.DataFrame(
    {"method": ["ours", "ours", "base"], "seed": [0, 1, 0], "acc": [0.912, None, 0.872]}
)


def read(document: Any) -> Cells:
    text = document if isinstance(document, str) else json.dumps(document)
    return cells_of("x.json", content=text.encode())


def records(cells: Cells) -> list[dict[str, Any]]:
    return cells.table.to_dict("records")


@pytest.mark.parametrize(
    "orient", ["records", "split", "table", "index", "columns", "lines", "list", "tight"]
)
def test_what_pandas_writes_comes_back(orient: str) -> None:
    if orient == "lines":
        text = FRAME.to_json(orient="records", lines=True)
    elif orient in ("list", "tight"):
        text = json.dumps(FRAME.astype(object).where(FRAME.notna(), None).to_dict(orient))
    else:
        text = FRAME.to_json(orient=orient)
    found = read(text)
    assert found.table.columns.tolist() == ["method", "seed", "acc"]
    assert found.table["method"].tolist() == ["ours", "ours", "base"]
    assert found.table["seed"].tolist() == [0, 1, 0]
    assert found.table["acc"].tolist() == [0.912, None, 0.872]


scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"a": scalars, "b": scalars, "c": st.just(1)}), min_size=1),
    st.booleans(),
)
def test_records_come_back_as_they_were_written(rows: list[dict[str, Any]], lines: bool) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows) if lines else json.dumps(rows)
    found = read(text)
    for name in found.table.columns:
        for cell, row in zip(found.table[name].tolist(), rows, strict=True):
            expected = None if row[name] == "" else row[name]
            assert cell == expected or (math.isnan(cell) and math.isnan(expected))
            assert type(cell) is type(expected)
    left = {"a", "b", "c"} - set(found.table.columns)
    assert all(row[name] in (None, "") for row in rows for name in left)


def test_nested_names_are_joined_by_dots() -> None:
    found = read({"args": {"seed": 3, "layers": [2, 2]}, "metrics": {"test": {"accuracy": 0.9}}})
    assert records(found) == [
        {"args.seed": 3, "args.layers": "[2, 2]", "metrics.test.accuracy": 0.9}
    ]
    found = read('{"args": {"seed": 1}, "acc": NaN}\n{"args": {"seed": 2}, "acc": -Infinity}\n')
    assert found.table["args.seed"].tolist() == [1, 2]
    assert math.isnan(found.table["acc"][0])
    assert found.table["acc"][1] == -math.inf
    assert [found.place(row) for row in (0, 1)] == ["line 1", "line 2"]
    with pytest.raises(EvidenceError, match=r"'a\.b'"):
        read([{"a.b": 1, "a": {"b": 2}}])


def test_values_of_a_method_are_by_position() -> None:
    found = read({"ours": [0.9, 0.8, 0.7], "base": [0.5, 0.6]})
    assert found.table.columns.tolist() == ["method", "seed", "value"]
    assert dict(found.roles) == {"arm": "method", "seed": "seed", "value": "value"}
    assert found.table.values.tolist() == [
        ["ours", 0, 0.9], ["ours", 1, 0.8], ["ours", 2, 0.7], ["base", 0, 0.5], ["base", 1, 0.6],
    ]  # fmt: skip
    assert "positions" in " ".join(found.notes)


@pytest.mark.parametrize("key", ["{}", "seed_{}", "seed{}", "s{}", "run-{}"])
def test_values_of_a_method_are_by_seed(key: str) -> None:
    found = read({m: {key.format(s): s / 10 for s in (3, 7)} for m in ("ours", "base")})
    assert found.table.values.tolist() == [
        ["ours", "3", 0.3], ["ours", "7", 0.7], ["base", "3", 0.3], ["base", "7", 0.7],
    ]  # fmt: skip
    assert found.roles["seed"] == "seed"
    assert "positions" not in " ".join(found.notes)


@pytest.mark.parametrize(
    ("outer", "inner", "columns"),
    [
        (("ours", "base"), ("cifar", "mnist"), ["level_1", "level_2"]),
        (("acc", "f1"), ("ours", "base"), ["metric", "method"]),
        (("ours", "base"), ("test_acc", "loss"), ["method", "metric"]),
    ],
)
def test_two_levels_of_names_are_called_what_they_surely_are(
    outer: tuple[str, ...], inner: tuple[str, ...], columns: list[str]
) -> None:
    found = read({a: {b: [0.1, 0.2] for b in inner} for a in outer})
    assert found.table.columns.tolist() == [*columns, "seed", "value"]
    assert len(found.table) == 8
    assert ("arm" in found.roles) == ("method" in columns)
    by_seed = read({a: {b: {"0": 0.1, "1": 0.2} for b in inner} for a in outer})
    assert by_seed.table.columns.tolist() == found.table.columns.tolist()
    assert by_seed.table["seed"].astype(int).tolist() == found.table["seed"].tolist()


def test_records_below_names_keep_the_names() -> None:
    found = read({"ours": [{"seed": 0, "acc": 1}], "base": [{"seed": 0, "acc": 2}]})
    assert found.table.values.tolist() == [["ours", 0, 1], ["base", 0, 2]]
    assert found.roles == {"arm": "method"}
    found = read({"ours": {"seed0": {"acc": 1}}, "base": {"seed0": {"acc": 2}}})
    assert found.table.values.tolist() == [["ours", "0", 1], ["base", "0", 2]]
    found = read({"0": {"ours": 0.9, "base": 0.8}, "1": {"ours": 0.7, "base": 0.6}})
    assert found.roles["seed"] == "seed"
    assert len(found.table) == 4 or found.table.columns.tolist() == ["seed", "ours", "base"]


def test_the_only_records_of_an_object_are_the_rows() -> None:
    found = read({"best": 0.5, "log_history": [{"step": 1, "loss": 2.0}, {"step": 1, "acc": 0.5}]})
    assert found.table.columns.tolist() == ["step", "loss", "acc"]
    assert found.table["acc"].tolist() == [None, 0.5]
    assert "best" in " ".join(found.notes)


def test_parallel_lists_are_taken_apart() -> None:
    steps = {"xs": [10, 20, 30], "ys": [0.1, 0.3, 0.2]}
    found = read([{"method": "a", "seed": "s1", **steps}, {"method": "a", "seed": "s2", **steps}])
    assert len(found.table) == 6
    assert found.table["ys"].tolist() == [0.1, 0.3, 0.2] * 2
    assert found.roles == {"epoch": "xs"}
    assert found.place(4) == "record 1 (counted from 0)"
    assert found.notes
    found = read([{"method": m, "acc": [0.9, 0.8]} for m in ("ours", "base")])
    assert found.roles == {"seed": "seed"}
    assert found.table["seed"].tolist() == [0, 1, 0, 1]
    found = read([{"method": m, "seed": 1, "acc": [0.9, 0.8]} for m in ("ours", "base")])
    assert found.roles == {"epoch": "position"}
    # One run, whose curve is no list of seeds.
    assert read({"lr": 0.1, "acc": [0.5, 0.6]}).roles == {"epoch": "position"}
    assert read({"loss": [2, 1], "val_loss": [3, 2]}).roles == {"epoch": "position"}


def test_lists_that_are_settings_or_of_other_things_stay_text() -> None:
    rows = [{"config": {"layers": [64, 64]}, "seed": s, "acc": 0.5} for s in (0, 1)]
    assert read(rows).table["config.layers"].tolist() == ["[64, 64]"] * 2
    rows = [{"step": i, "acc": 0.5, "episodes": [1, 2, 3]} for i in (0, 1)]
    assert len(read(rows).table) == 2
    found = read([{"seed": 0, "a": [1, 2], "b": [1, 2, 3]}])
    assert found.table["a"].tolist() == ["[1, 2]"]
    assert "length" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1}\n{"a": 2}\n{"a": ', ["line 3", "cut off"]),
        ('{"a": 1}\n{"a": 2\n{"a": 3}\n', ["line 2", "no JSON"]),
        ('{"a": 1}\n[2]\n', ["line 2", "no object"]),
        ('[{"a": 1},', ["no JSON"]),
        ('{"ours": [1], "ours": [2]}', ["'ours'", "twice"]),
        ("[" * 100_000 + "]" * 100_000, ["deep"]),
        ("[" * 40 + "]" * 40, ["deep"]),
        ('{"a": ' * 60 + "1" + "}" * 60, ["deep"]),
        ("[1, 2, 3]", ["names"]),
        ("[]", ["empty"]),
        ("{}", ["empty"]),
        ("[{}]", ["no rows"]),
        ('{"method": ["a", "b"], "acc": [1]}', ["length"]),
        ('{"columns": ["a", "b"], "data": [[1, 2], [1]]}', ["row 1", "1 fields"]),
        ('{"columns": [["a", "mean"], ["a", "std"]], "data": [[1, 2]]}', ["two header lines"]),
        ("[2024-01-01] start\n", ["no JSON"]),
        (
            '{"results": {"arc": {"acc": 0.5, "acc_stderr": 0.1}}, "versions": {}}',
            ["lm-evaluation-harness", "no retrainings", "seed"],
        ),
        (
            '{"results": {"arc": {"acc,none": 0.5, "acc_stderr,none": 0.1}}, "config": {}}',
            ["lm-evaluation-harness"],
        ),
        ('{"version": 2, "status": "success", "eval": {"task": "x"}}', ["inspect_ai", "seed"]),
    ],
)
def test_what_is_no_table_is_refused(text: str, says: list[str]) -> None:
    with pytest.raises(EvidenceError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    for word in ("x.json", *says):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
