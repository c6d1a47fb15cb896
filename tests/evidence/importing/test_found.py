"""What is found in tables as people write them: which rows, columns and signs are what."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from faeval.cli import app
from faeval.errors import EvidenceError
from faeval.evidence.importing import Reading, Said, cells_of, cells_of_glob, read_results

SIDES = ("ours", "base")
NOTHING = Said()


def read(text: str, said: Said = NOTHING, sides: tuple[str, ...] = SIDES) -> Reading:
    cells = cells_of("x.csv", content=text.encode(), name="x.csv")
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


def notes_of(column: str, cells: str, rows: str = "") -> list[str]:
    """The notes on two arms of seeds 1 to 4, with a column of eight cells more."""
    seeds = [(arm, seed) for arm in SIDES for seed in range(1, 5)]
    lines = [f"{a},{s},{0.8 + 0.1 * (a == 'ours') + s / 100},{cell}"
             for (a, s), cell in zip(seeds, cells.split(), strict=True)]  # fmt: skip
    text = "\n".join([f"method,seed,acc,{column}", *lines]) + "\n"
    return [note for note in read(text, ACC).notes if not note.startswith("columns left out")]


def test_seeds_of_several_data_sets_are_said() -> None:
    (note,) = notes_of("dataset", "d1 d1 d2 d2 d1 d1 d2 d2")
    assert "--where dataset=d1" in note
    assert "--group-by dataset" in note


@pytest.mark.parametrize(
    ("column", "cells"),
    [("host", "a b c d a b c d"), ("host", "a a b b a b a b"), ("lr", "1 1 2 2 1 1 2 2")],
)
def test_columns_that_tell_no_data_apart_are_not_said(column: str, cells: str) -> None:
    assert notes_of(column, cells) == []


@pytest.mark.parametrize(
    ("column", "cells", "is_said"),
    [
        ("Acc", "0.8 0.8 0.8 0.8 0.9 0.9 0.9 0.9", False),
        ("n_parameters", "8 8 8 8 9 9 9 9", False),
        ("lr", "0.1 0.1 0.1 0.1 0.2 0.2 0.2 0.2", True),
        ("features", "raw raw raw raw fca fca fca fca", True),
        ("lr", "0.1 0.1 0.1 0.2 0.2 0.2 0.2 0.2", False),
    ],
)
def test_settings_that_differ_are_said_and_other_metrics_not(
    column: str, cells: str, is_said: bool
) -> None:
    notes = notes_of(column, cells)
    assert [repr(column) in note for note in notes] == ([True] if is_said else [])


LOG = [f"{a},{s},{e}" for a in SIDES for s in (1, 2) for e in (1, 2)]


def log_of(column: str, cells: str) -> str:
    rows = [f"{row},0.{i + 1}" for i, row in enumerate(LOG)]
    return "\n".join(
        [f"method,seed,epoch,acc,{column}"]
        + [f"{row},{cell}" for row, cell in zip(rows, cells.split(), strict=True)]
    )


@pytest.mark.parametrize("cells", ["no yes no yes no yes no yes", "False " * 8])
@pytest.mark.parametrize("name", ["done", "finished"])
def test_done_in_a_log_says_nothing_of_the_run(name: str, cells: str) -> None:
    reading = read(log_of(name, cells), Said(metrics=("acc",), take=1))
    assert {*reading.table["status"]} == {"measured"}
    assert any(repr(name) in note and "not read" in note for note in reading.notes)
    by_hand = read(log_of(name, cells), Said(metrics=("acc",), take=1, status=name))
    assert {*by_hand.table["status"]} == {"diverged"}


def test_which_column_says_that_a_run_failed_is_said() -> None:
    rows = "ours,1,0.9,Finished,0 ours,2,0.8,crashed,0 base,1,0.7,Finished,1 base,2,0.7,finished,0"
    reading = read(table_of("method", "seed", "acc", "State", "failed", rows=rows), ACC)
    notes = [note for note in reading.notes if note.startswith("status from")]
    assert notes == [
        "status from 'State': 'crashed' is read as a failed run",
        "status from 'failed': '1' is read as a failed run",
    ]


def test_a_column_that_says_nothing_of_the_end_can_be_left_alone() -> None:
    rows = "ours,1,0.9,0 ours,2,0.91,3 base,1,0.8,1 base,2,0.81,0"
    text = table_of("method", "seed", "acc", "failed", rows=rows)
    with pytest.raises(EvidenceError, match="--status none"):
        read(text, ACC)
    reading = read(text, Said(metrics=("acc",), status="none"))
    assert values(reading) == TWO_SEEDS
    assert reading.options[reading.options.index("--status") + 1] == "none"
    assert "columns left out: failed" in reading.notes


@pytest.mark.parametrize("minus", ["\u2212", "\u2013", "-"])
@pytest.mark.parametrize("metrics", [("acc",), ()])
def test_a_minus_as_texts_are_set_is_one(minus: str, metrics: tuple[str, ...]) -> None:
    rows = "ours,1,-5.5 ours,2,-4e-1 base,1,-6 base,2,7"
    text = table_of("method", "seed", "acc", rows=rows).replace("-", minus)
    by_key = {("ours", 1): -5.5, ("ours", 2): -0.4, ("base", 1): -6, ("base", 2): 7}
    assert values(read(text, Said(metrics=metrics))) == by_key


def test_a_dash_between_numbers_is_no_minus() -> None:
    rows = "ours,1,3\u20135 ours,2,4 base,1,6 base,2,7"
    with pytest.raises(EvidenceError, match="line 2"):
        read(table_of("method", "seed", "acc", rows=rows), ACC)


LONG_ROWS = "ours,1,0.9 ours,2,0.91 base,1,0.8 base,2,0.81"
CHART = """Step,ours-seed1 - acc,ours-seed2 - acc,base-seed1 - acc,base-seed2 - acc
1,0.1,0.2,0.3,0.4
2,0.9,0.91,0.8,0.81
"""
BY_ARM = table_of("seed", "ours", "base", rows="1,0.9,0.8 2,0.91,0.81")
BY_SEED = table_of("method", "seed1", "seed2", "mean", rows="ours,0.9,0.91,0.9 base,0.8,0.81,0.8")
LONG = table_of(
    "method", "seed", "metric", "value",
    rows="ours,1,acc,0.9 ours,2,acc,0.91 base,1,acc,0.8 base,2,acc,0.81 base,2,loss,7",
)  # fmt: skip
#: Shapes of one table, with what is said of each.
SHAPES = {
    "rows": (table_of("method", "seed", "acc", rows=LONG_ROWS), ACC),
    "labels": (table_of("arm", "seed", "acc", rows=LONG_ROWS), ACC),
    "renamed": (table_of("method", "seed", "Acc", rows=LONG_ROWS), ACC),
    "by rows": (table_of("method", "acc", rows="ours,.9 base,.8 ours,.91 base,.81"),
                Said(metrics=("acc",), unpaired=True)),
    "an arm a column": (BY_ARM, ACC),
    "an arm a column, no metric": (BY_ARM, Said()),
    "columns by name and metric": (BY_ARM.replace("ours,base", "acc/ours,base_acc"), ACC),
    "columns that are said": (BY_ARM.replace("ours,base", "a,b"),
                              Said(metrics=("acc",), columns=("ours=a", "base=b"))),
    "a seed a column": (BY_SEED, ACC),
    "a seed a column, no metric": (BY_SEED, Said()),
    "a seed a column, counted": (BY_SEED.replace("mean", "acc3").replace("seed", "acc"), ACC),
    "metrics below each other": (LONG, ACC),
    "a chart at its end": (CHART, Said(metrics=("acc",), take="last")),
    "a chart at a step": (CHART, Said(metrics=("acc",), take=1)),
    "a chart, named": (CHART, Said(names="{method}-seed{seed}", take="max")),
    "epochs that are none": (table_of("method", "seed", "acc", "epoch",
                                      rows="ours,1,.9,3 ours,2,.8,4 base,1,.7,2 base,2,.6,2"),
                             Said(metrics=("acc",), epoch="none")),
    "words for seeds": (table_of("method", "seed", "acc", rows=LONG_ROWS.replace(",2", ",b2")),
                        ACC),
    "where": (LONG.replace(",acc", ",x,acc").replace(",loss", ",y,loss")
              .replace(",metric", ",data,metric"),
              Said(metrics=("acc",), where=(("data", "x"),), ranges={"acc": (0, 1)})),
    "no status": (table_of("method", "seed", "acc", "failed",
                           rows="ours,1,.9,2 ours,2,.8,0 base,1,.7,0 base,2,.6,0"),
                  Said(metrics=("acc",), status="none")),
    "groups": (table_of("data", "seed", "ours", "base", rows="x,1,2,3 x,2,3,4 y,1,2,3 y,2,4,4"),
               Said(metrics=("acc",), group_by="data")),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_options_of_a_reading_read_it_again(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, said = SHAPES[shape]
    reading = read(text, said)
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = ["evidence", "import", "x.csv", "out.csv", "--setting", "x", *reading.options]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, (words, done.output)
    columns = ["arm", "seed", "epoch", "metric", "value", "status"]
    again = pd.read_csv("out.csv").convert_dtypes()[columns]
    expected = reading.table[columns].convert_dtypes().reset_index(drop=True)
    pd.testing.assert_frame_equal(again, expected, check_dtype=False)


WIDE = table_of(
    "Window", "Metric", "Seed 0", "Seed 1", "Mean", "Population SD",
    rows="long,ari,.8,.7,.75,.1 long,iou,.1,.2,.15,.1 short,ari,.6,.5,.55,.1 short,iou,.3,.4,.35,1",
)  # fmt: skip


def test_rows_of_the_metric_are_taken_from_a_table_wide_by_seed() -> None:
    reading = read(WIDE, Said(metrics=("ari",)), ("long", "short"))
    by_key = {("long", 0): 0.8, ("long", 1): 0.7, ("short", 0): 0.6, ("short", 1): 0.5}
    assert values(reading) == by_key
    assert reading.metrics == ("ari",)
    assert any("Mean, Population SD" in note for note in reading.notes)


def test_seed_columns_are_no_metrics() -> None:
    reading = read(WIDE, Said(where=(("Metric", "iou"),)), ("long", "short"))
    assert reading.metrics == ("value",)
    assert values(reading)["short", 1] == 0.4


@pytest.mark.parametrize("names", [("acc_1", "acc_2", "acc_4"), ("acc_1", "acc_5")])
def test_numbers_that_do_not_count_on_are_no_seeds(names: tuple[str, ...]) -> None:
    text = table_of("method", *names, rows=f"ours{',1' * len(names)} base{',2' * len(names)}")
    with pytest.raises(EvidenceError, match="acc"):
        read(text, ACC)


def refusal_of(text: str, said: Said = ACC) -> str:
    with pytest.raises(EvidenceError) as caught:
        read(text, said)
    return str(caught.value)


def test_a_spread_is_never_offered() -> None:
    text = table_of("method", "seed", "acc_std", "acc_mean", rows="ours,1,1,2 base,1,3,4")
    message = refusal_of(text)
    assert "mean 'acc_mean'" in message
    assert "mean 'acc_std'" not in message


@pytest.mark.parametrize("metric", ["test_score", "mean_test_score"])
def test_splits_of_a_search_are_folds(metric: str) -> None:
    text = table_of(
        "method", "split0_test_score", "split1_test_score", "mean_test_score", "std_test_score",
        rows="ours,.9,.8,.85,.1 base,.7,.6,.65,.1",
    )  # fmt: skip
    message = refusal_of(text, Said(metrics=(metric,)))
    assert "folds" in message
    assert "mean 'std" not in message


def test_a_seed_under_the_prefix_of_a_tool_is_found() -> None:
    reading = read(table_of("method", "user_attrs_seed", "acc", rows=LONG_ROWS), ACC)
    assert values(reading) == TWO_SEEDS
    rows = "ours,1,5,.9 ours,2,3,.91 ours,1,3,.8 base,1,5,.8"
    message = refusal_of(table_of("method", "data_seed", "model_seed", "acc", rows=rows))
    assert "data_seed" in message
    assert "model_seed" in message


def test_a_pattern_without_braces_is_told_where_they_go(tmp_path: Path) -> None:
    for arm in SIDES:
        for seed in (1, 2):
            folder = tmp_path / f"{arm}-seed{seed}"
            folder.mkdir()
            (folder / "m.json").write_text(f'{{"acc": 0.{seed}}}', encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        read_results(cells_of_glob(f"{tmp_path}/*/m.json"), ACC, setting="x", sides=SIDES)
    pattern = f"{tmp_path}/{{method}}-seed{{seed}}/m.json"
    assert pattern in str(caught.value)
    reading = read_results(cells_of_glob(pattern), ACC, setting="x", sides=SIDES)
    assert values(reading)["base", 2] == 0.2


def test_a_header_in_another_order_is_no_row() -> None:
    rows = "ours,1,0.9 ours,2,0.91 method,acc,seed base,0.8,1 base,0.81,2"
    assert "line 4" in refusal_of(table_of("method", "seed", "acc", rows=rows))
