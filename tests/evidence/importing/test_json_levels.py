"""Results inside objects of JSON are read by their levels, whichever order these stand in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings, strategies as st

import faeval as fe
from faeval.errors import EvidenceError, FaevalError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of

METHODS, METRICS, SEEDS = ("ours", "base"), ("acc", "test_loss"), (3, 1, 20)
TRUTH = {
    (method, metric, seed): i * 10 + j + seed / 100
    for i, method in enumerate(METHODS)
    for j, metric in enumerate(METRICS)
    for seed in SEEDS
}
#: What may stand beside results, and is none.
BESIDE = {"config": {"lr": 0.1, "layers": [64, 64]}, "date": "today", "n": 3}


def read(document: Any, **options: Any) -> Cells:
    return cells_of("x.json", content=json.dumps(document).encode(), **options)


def nest(levels: Sequence[str], values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Put values into objects whose keys are the named parts of a key, in that order."""
    order = [("method", "metric", "seed").index(level) for level in levels]
    result: dict[str, Any] = {}
    for key, value in values.items():
        inner = result
        for at in order[:-1]:
            inner = inner.setdefault(key[at], {})
        inner[key[order[-1]]] = value
    return result


def found(cells: Cells) -> dict[tuple[str, str, int], float]:
    """Return the values by method, metric and seed, whether metrics or methods are columns."""
    rows: dict[tuple[str, str, int], float] = {}
    for row in cells.table.to_dict("records"):
        for name in (n for n in row if n in (*METRICS, *METHODS, "value")):
            method = row.get("method", row.get("level_1", name))
            metric = row.get("metric", name)
            key = (str(method), str(metric), int(row["seed"]))
            assert key not in rows
            rows[key] = row[name]
    return rows


@pytest.mark.parametrize("key", ["{}", "seed_{}", "seed={}", "run{}"])
@pytest.mark.parametrize("levels", [*permutations(("method", "metric", "seed"))])
def test_levels_in_any_order_are_told_by_their_keys(levels: tuple[str, ...], key: str) -> None:
    values = {(a, b, key.format(s)): value for (a, b, s), value in TRUTH.items()}
    cells = read(nest(levels, values))
    assert found(cells) == TRUTH
    assert cells.roles["seed"] == "seed"
    assert cells.notes


@pytest.mark.parametrize("levels", [("method", "metric"), ("metric", "method")])
@pytest.mark.parametrize("where", ["inside", "outside", "settings"])
def test_a_list_of_seeds_names_the_positions(levels: tuple[str, ...], where: str) -> None:
    lists = {(a, b): [TRUTH[a, b, s] for s in SEEDS] for a, b, s in TRUTH if s == SEEDS[0]}
    document = nest(levels, lists)
    if where == "inside":
        for i, inner in enumerate(document.values()):
            turn = slice(None, None, -1 if i else 1)  # each object has an order of its own
            inner |= {name: values[turn] for name, values in inner.items()}
            inner["seeds"] = [*SEEDS][turn]
    elif where == "outside":
        document["seeds"] = [*SEEDS]
    else:
        document["metadata"] = {"seeds": [*SEEDS]}
    assert found(read(document)) == TRUTH


@pytest.mark.parametrize("levels", [("method", "metric"), ("metric", "method")])
def test_what_stands_beside_results_is_left_out_and_said(levels: tuple[str, ...]) -> None:
    lists = {(a, b): [TRUTH[a, b, s] for s in SEEDS] for a, b, s in TRUTH if s == SEEDS[0]}
    plain = read(nest(levels, lists))
    document = {**BESIDE, **nest(levels, lists)}
    for level in (document, *(document[key] for key in nest(levels, lists))):
        level |= {"mean": 0.5, "seed0": 1, "label": "text"}
    cells = read(document)
    pd.testing.assert_frame_equal(cells.table, plain.table)
    assert cells.roles == plain.roles
    for name in (*BESIDE, "mean", "seed0", "label"):
        assert name in cells.notes[-1]


def test_means_beside_seeds_are_no_seed() -> None:
    values = {m: {str(s): TRUTH[m, "acc", s] for s in SEEDS} for m in METHODS}
    plain = read(values)
    cells = read({m: {**by_seed, "mean": 7, "std_dev": 1} for m, by_seed in values.items()})
    pd.testing.assert_frame_equal(cells.table, plain.table)
    assert "std_dev" in cells.notes[-1]
    records = {m: {s: {"acc": v} for s, v in by_seed.items()} for m, by_seed in values.items()}
    cells = read({m: {**inner, "mean": {"acc": 7}} for m, inner in records.items()})
    pd.testing.assert_frame_equal(cells.table, read(records).table)
    assert "mean" in cells.notes[-1]


@pytest.mark.parametrize(
    "document",
    [
        {"ours": {"seeds": [1, 2, 3], "acc": [1, 2]}, "base": {"seeds": [1, 2], "acc": [1, 2, 3]}},
        {"ours": {"seeds": [1, 2], "acc": [[1, 2], [3, 4]]}, "base": {"acc": [[1, 2], [3, 4]]}},
    ],
)
def test_nothing_is_paired_by_position_where_seeds_stand_in_the_file(document: Any) -> None:
    with pytest.raises(EvidenceError, match="seed"):
        read(document)


def test_values_without_seeds_are_not_read_beside_those_with_seeds() -> None:
    cells = read({"ours": {"seeds": [2, 1], "acc": [0.5, 0.6]}, "base": {"acc": [0.1, 0.2]}})
    assert cells.table["method"].tolist() == ["ours", "ours"]
    assert "acc" in cells.notes[-1]


def test_lists_over_steps_are_no_lists_over_seeds() -> None:
    course = {"step": [10, 20, 30], "acc": [0.1, 0.2, 0.3]}
    assert read(dict.fromkeys(METHODS, course)).roles.get("seed") is None
    cells = read({m: {f"seed{s}": course for s in SEEDS} for m in METHODS})
    assert cells.roles == {"arm": "method", "seed": "seed", "epoch": "step"}
    assert len(cells.table) == 18
    cells = read({m: {f"seed{s}": [0.1, 0.2, 0.3] for s in SEEDS} for m in METHODS})
    assert {**cells.roles} == {"arm": "method", "seed": "seed", "epoch": "position",
                               "value": "value"}  # fmt: skip


def test_lists_in_lists_are_left_to_the_user() -> None:
    cells = read({m: [[1, 2], [3, 4], [5, 6]] for m in METHODS})
    assert "seed" not in cells.roles
    assert cells.table.columns.tolist() == ["method", "position_1", "position_2", "value"]
    cells = read({"seeds": [4, 5, 6], **{m: [[1, 2], [3, 4], [5, 6]] for m in METHODS}})
    assert cells.table["seed"].tolist() == [4, 4, 5, 5, 6, 6] * 2


def test_one_of_several_lists_of_records_is_read_and_a_key_chooses() -> None:
    runs = [{"seed": s, "method": m, "acc": TRUTH[m, "acc", s]} for m in METHODS for s in SEEDS]
    about = [{"seed": s, "folder": f"results/{s}"} for s in SEEDS]
    document = {"seeds": [*SEEDS], "experiments": about, "more": {"runs": runs}}
    chosen = read(document, sheet="more.runs").table
    pd.testing.assert_frame_equal(chosen, pd.DataFrame(runs, dtype=object))
    cells = read({"seeds": [*SEEDS], "experiments": about, "runs": runs})
    pd.testing.assert_frame_equal(cells.table, chosen)
    assert "--sheet" in cells.notes[-1]
    assert "experiments" in cells.notes[-1]
    assert read(document, sheet="experiments").table["folder"].tolist()[0] == "results/3"
    for sheet in ("run", "more.run", "experiments.0"):
        with pytest.raises(EvidenceError, match="--sheet"):
            read(document, sheet=sheet)
    with pytest.raises(EvidenceError, match="--sheet"):
        cells_of("x.jsonl", content=b'{"a": 1}\n{"a": 2}\n', sheet="a")


@pytest.mark.parametrize("levels", [("method", "metric", "seed"), ("seed", "method", "metric")])
def test_numbers_written_as_text_are_numbers(levels: tuple[str, ...]) -> None:
    values = {(a, b, str(s)): str(value) for (a, b, s), value in TRUTH.items()}
    assert {key: float(v) for key, v in found(read(nest(levels, values))).items()} == TRUTH
    cells = read({m: [str(TRUTH[m, "acc", s]) for s in SEEDS] for m in METHODS})
    assert cells.roles["seed"] == "seed"


def test_records_below_names_and_seeds_keep_both() -> None:
    of_a_run = [{"step": i, "acc": i / 10} for i in range(3)]
    cells = read({m: {f"seed_{s}": of_a_run for s in SEEDS} for m in METHODS})
    assert len(cells.table) == 18
    assert {"arm": "method", "seed": "seed"}.items() <= cells.roles.items()


def test_the_record_of_one_run_stays_one() -> None:
    for document in (
        {"seed": 1, "train": {"acc": 0.5}, "test": {"acc": 0.4}},
        {"args": {"seed": 1}, "train": {"acc": [0.1, 0.2]}, "test": {"acc": [0.3, 0.1]}},
        {"seed": 1, "ours": {"acc": [0.1, 0.2]}, "base": {"acc": [0.3, 0.1]}},
        {"acc": 1, "a": {"1": {"x": 2}}},
        {"acc": 1, "a": {"1": 2}, "b": {"1": 3}},
        {"lr": 0.1, "history": {"acc": [0.1, 0.2], "loss": [2, 1]}},
    ):
        cells = read(document)
        assert "seed" not in cells.roles
        assert "method" not in cells.table.columns


def test_columns_of_one_run_keep_their_names() -> None:
    cells = read({"lr": 0.1, "seeds": [2, 1], "acc": [0.5, 0.6]})
    assert {*cells.table.columns} == {"lr", "seeds", "acc"}
    assert cells.roles == {"seed": "seeds"}


def test_names_like_seeds_or_metrics_are_told_apart_by_the_other_levels() -> None:
    cells = read({f"seed_{s}": {"64": {"acc": 1}, "128": {"acc": 2}} for s in SEEDS})
    assert cells.table["method"].tolist() == ["64", "128"] * 3
    for inner in ([1, 2, 3], {"1": 2, "2": 3}):
        cells = read({"map": {"acc": inner}, "time": {"acc": inner}})
        assert cells.roles["arm"] == "method"
        assert {*cells.table["method"]} == {"map", "time"}
    cells = read({"map": {"1": {"acc": 1}, "2": {"acc": 2}}, "em": {"1": {"acc": 1}}})
    assert cells.table["method"].tolist() == ["map", "map", "em"]
    tasks = {"1": {"ours": 1, "base": 2}, "2": {"ours": 3, "base": 4}}
    assert "arm" not in read({"mnist": tasks, "cifar": tasks}).roles


def test_names_of_levels_give_way_to_those_of_records() -> None:
    record = {"method": "x", "group": "y", "seed": {"data": 5}, "acc": 1}
    cells = read({name: {"seed_1": record, "seed_2": record} for name in "ab"})
    assert cells.table[["method", "group"]].to_numpy().tolist() == [["x", "y"]] * 4
    assert cells.table["seed"].tolist() == ["1", "2"] * 2
    assert cells.table.iloc[:, 0].tolist() == ["a", "a", "b", "b"]
    cells = read({name: [{"method": "x", "seed": 1, "acc": 1}] for name in "ab"})
    assert cells.table["group"].tolist() == ["a", "b"]


def test_a_name_around_all_is_no_level() -> None:
    cells = read({"date": "today", "results": {m: [0.1, 0.2] for m in METHODS}})
    assert cells.roles["arm"] == "method"
    assert cells.table.columns.tolist() == ["method", "seed", "value"]
    log = {"of": {"one": {"log": [{"step": 1}]}}}
    assert "acc" in {*read({**{m: {"acc": [1, 2]} for m in METHODS}, **log}).table["metric"]}


@pytest.mark.parametrize("levels", [("method", "metric"), ("metric", "method")])
def test_a_verdict_is_that_of_the_plain_table(tmp_path: Path, levels: tuple[str, ...]) -> None:
    acc = {"ours": (0.9, 0.92, 0.93), "base": (0.81, 0.8, 0.79)}
    rows = [
        {"method": m, "seed": s, "acc": v}
        for m in METHODS
        for s, v in zip(SEEDS, acc[m], strict=True)
    ]
    asked = {"a": "ours", "b": "base", "by": 0.01, "because": "x"}
    expected = fe.compare(pd.DataFrame(rows), "acc", **asked)
    values = {(r["method"], "acc"): list(acc[r["method"]]) for r in rows}
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"seeds": [*SEEDS], **BESIDE, **nest(levels, values)}))
    result = fe.compare(path, "acc", **asked)
    for name in ("verdict", "seeds", "detail"):
        assert getattr(result.verdict, name) == getattr(expected.verdict, name)
    assert result.verdict.seeds == tuple(sorted(SEEDS))


numbers = st.none() | st.booleans() | st.floats() | st.integers(-(10**400), 10**400)
leaves = (
    numbers
    | st.sampled_from(["x", "0.5", "", "ours"])
    | st.lists(numbers, max_size=3)
    | st.lists(st.lists(numbers, max_size=2), max_size=2)
    | st.lists(st.dictionaries(st.sampled_from(["seed", "method", "acc"]), numbers), max_size=3)
)
keys = st.sampled_from(
    ["ours", "base", "acc", "f1", "1", "2", "seed_1", "seed", "seeds", "step", "config", "mean",
     "", "method", "metric", "value", "position", "results", "runs", "a.b", "epoch", "level_1"]
)  # fmt: skip
trees = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(trees)
@example({"a": {"seed": [None, "1"]}, "b": {"seed": 1}})
@example([{"acc": "acc", "a": 1}, {"acc": 0.5, "a": 2}])
@example({"a": [10**400]})
def test_any_json_is_read_or_refused_in_one_line(document: Any) -> None:
    cells, error = None, None
    try:
        cells = read(document)
    except FaevalError as refused:
        error = refused
    if cells is not None:
        assert {*cells.roles.values()} <= {*cells.table.columns}
        assert all(cells.place(row) for row in range(len(cells.table)))
    else:
        assert error is not None
        assert error.exit_code == 2
        assert "\n" not in str(error)


@pytest.mark.parametrize("names", [("train_loss", "val_acc"), ("loss", "val_loss"), ("acc", "lr")])
def test_a_log_of_training_may_hold_epochs_and_is_asked_about(names: tuple[str, str]) -> None:
    document = {m: {name: [0.1, 0.2, 0.3] for name in names} for m in ("ours", "base")}
    found = cells_of("x", content=json.dumps(document).encode())
    assert "position" in found.table.columns
    assert not {"seed", "epoch"} & {*found.roles}


def test_keys_that_are_seeds_are_named() -> None:
    document = {m: {"10": 0.1, "100": 0.2} for m in ("ours", "base")}
    found = cells_of("x", content=json.dumps(document).encode())
    assert "'100'" in " ".join(found.notes)
