"""Many runs in folders: what a pattern finds, and that each number keeps its path's names."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import EvidenceError
from faeval.evidence.importing import cells_of_glob
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._run_files import record_of

PUBLIC = Path(os.environ.get("FAEVAL_PUBLIC", "../shared/data/public"))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str | Path, content: Any) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def runs(methods: tuple[str, ...] = ("ours", "base"), seeds: tuple[int, ...] = (1, 2, 10)) -> None:
    for method in methods:
        for seed in seeds:
            value = {"acc": seed / 100 + (method == "ours"), "config": {"lr": 0.1}}
            write(f"runs/{method}/seed_{seed}/metrics.json", value)


def read(pattern: str, **options: Any) -> list[dict[str, Any]]:
    return cells_of_glob(pattern, **options).table.to_dict("records")


# Any name of a file but for what a pattern does not look for, or reads as a number of another kind.
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"),
    min_size=1,
    max_size=12,
).filter(lambda name: not name.startswith(".") and len(name.encode()) < 100)
NUMBERS = st.one_of(st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False))


@settings(deadline=None, max_examples=40)
@given(
    tree=st.dictionaries(
        st.tuples(NAMES, st.integers(0, 10**6)), st.tuples(NUMBERS, NUMBERS), min_size=2
    ),
    data=st.data(),
)
def test_a_tree_of_json_comes_back_exactly_in_whatever_order_it_was_written(
    tree: dict[tuple[str, int], tuple[float, float]], data: st.DataObject
) -> None:
    tables = []
    for order in (list(tree), data.draw(st.permutations(list(tree)))):
        with tempfile.TemporaryDirectory() as folder:
            for method, seed in order:
                acc, loss = tree[method, seed]
                write(f"{folder}/{method}/seed_{seed}/m.json", {"acc": acc, "val": {"loss": loss}})
            cells = cells_of_glob(f"{folder}/{{method}}/seed_{{seed}}/m.json")
            tables.append(cells.table)
            rows = cells.table.to_dict("records")
            for row, place in zip(rows, map(cells.place, range(len(rows))), strict=True):
                assert place.startswith(f"{folder}/{row['method']}/seed_{row['seed']}/m.json")
    assert {
        (row["method"], int(row["seed"])): (row["acc"], row["val.loss"]) for row in rows
    } == tree
    assert len(rows) == len(tree)
    assert tables[0].equals(tables[1])


@settings(deadline=None)
@given(method=NAMES, seed=st.integers(0, 10**12), other=NAMES)
def test_a_seed_at_the_end_of_a_name_is_its_last_number(method: str, seed: int, other: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/{method}_{seed}.json", {"acc": 1})
        write(f"{folder}/{other}_{seed + 1}.json", {"acc": 2})
        rows = read(f"{folder}/{{method}}_{{seed}}.json")
    assert {(row["method"], row["seed"], row["acc"]) for row in rows} == {
        (method, str(seed), 1),
        (other, str(seed + 1), 2),
    }


JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c.d", " e", "", "seed", "1"]), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(document=st.dictionaries(st.sampled_from(["acc", "a", " b", "", "0", "eval"]), JSON))
def test_a_plain_record_is_read_as_any_json_is(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/m.json"
        write(path, document)
        record = record_of(path)
        if record is not None:
            cells = cells_of(path)
            assert [*record.items()] == [*cells.table.iloc[0].to_dict().items()]
            assert len(cells.table) == 1
            assert not cells.notes
            assert not cells.roles


def test_columns_of_the_path_come_first_and_rows_in_natural_order() -> None:
    runs()
    cells = cells_of_glob("runs/{method}/seed_{seed}/metrics.json")
    assert list(cells.table) == ["method", "seed", "acc", "config.lr"]
    assert list(cells.table["seed"]) == ["1", "2", "10"] * 2
    assert cells.roles["seed"] == "seed"
    assert cells.source == "runs/{method}/seed_{seed}/metrics.json"
    assert cells.place(5).startswith("runs/ours/seed_10/metrics.json")


def test_a_role_is_kept_where_all_files_tell_it() -> None:
    for arm in "ab":
        write(f"{arm}/1.json", {"acc": [0.2, 0.1], "loss": [5, 3]})
    assert cells_of_glob("{arm}/{seed}.json").roles == {"seed": "seed", "epoch": "position"}
    write("c/1.json", {"acc": 0.2})
    assert cells_of_glob("{arm}/{seed}.json").roles == {"seed": "seed"}


def test_a_name_twice_in_one_record_is_refused() -> None:
    for arm in "ab":
        write(f"{arm}.json", '{"acc": 1, "acc": 2}')
    with pytest.raises(EvidenceError, match=r"acc.*twice"):
        cells_of_glob("{arm}.json")


def test_a_file_may_have_many_rows_and_columns_that_others_lack() -> None:
    write("a/1.csv", "epoch,acc\n1,.5\n2,.6\n")
    write("b/1.csv", "epoch,loss\n1,3\n")
    cells = cells_of_glob("{arm}/{seed}.csv")
    assert cells.table.values.tolist() == [
        ["a", "1", "1", ".5", None],
        ["a", "1", "2", ".6", None],
        ["b", "1", "1", None, "3"],
    ]
    assert [cells.place(row) for row in range(3)] == [
        "a/1.csv, line 2",
        "a/1.csv, line 3",
        "b/1.csv, line 2",
    ]


def test_large_files_keep_the_numbers_that_they_have() -> None:
    for arm in "ab":
        rows = [{"step": step, "acc": step / 1000} for step in range(1000)]
        write(f"{arm}.jsonl", "\n".join(map(json.dumps, rows)))
    table = cells_of_glob("{arm}.jsonl").table
    assert table["acc"].tolist() == [step / 1000 for step in range(1000)] * 2
    assert table["arm"].tolist() == ["a"] * 1000 + ["b"] * 1000
    assert table["step"].tolist() == list(range(1000)) * 2


def test_a_name_may_come_twice_and_must_then_be_the_same() -> None:
    for first, second in ("aa", "ab", "bb"):
        write(f"{first}/{second}-{first}.json", {"acc": 1})
        write(f"{first}/{second}.json", {"acc": 1})
    assert [row["m"] for row in read("{m}/{m}-{m}.json")] == ["a", "b"]
    assert [row["m"] for row in read("{m}/{m}.json")] == ["a", "b"]


def test_a_seed_that_is_no_number_among_numbers_is_said() -> None:
    runs(seeds=(1, 2))
    write("runs/ours/seed_best/metrics.json", {"acc": 1})
    cells = cells_of_glob("runs/{method}/seed_{seed}/metrics.json")
    assert any("best" in note for note in cells.notes)
    assert list(cells.table["seed"]) == ["1", "2", "1", "2", "best"]


def test_positions_in_lists_are_no_seeds_where_the_path_has_the_seed() -> None:
    for arm in "ab":
        for seed in (3, 4):
            columns = {"acc": [0.2, 0.1], "loss": [5, seed]}
            write(f"{arm}/no_{seed}.json", columns)
            write(f"{arm}/with_{seed}.json", {**columns, "size": 7})
    for pattern in ("{arm}/no_{seed}.json", "{arm}/with_{seed}.json"):
        cells = cells_of_glob(pattern)
        assert list(cells.table["seed"]) == ["3", "3", "4", "4"] * 2
        assert list(cells.table["loss"]) == [5, 3, 5, 4] * 2
        assert list(cells.table["position"]) == [0, 1] * 4
        assert any("'position'" in note for note in cells.notes)


def test_stars_stand_for_anything_and_two_for_any_depth() -> None:
    write("x/a/1/m.json", {"acc": 1})
    write("x/b/deep/down/2/m.json", {"acc": 2})
    write("x/m.json", {"acc": 3})
    assert [row["acc"] for row in read("x/**/{seed}/m.json")] == [1, 2]
    assert [row["acc"] for row in read("x/**/m.json")] == [1, 2, 3]
    assert [row["k"] for row in read("x/{k}/**/m.json")] == ["a", "b"]


def test_hidden_names_are_found_only_where_the_pattern_has_the_dot() -> None:
    write("a/1.json", {"acc": 1})
    write("b/1.json", {"acc": 2})
    write(".git/1.json", {"acc": 3})
    write("a/.old/1.json", {"acc": 4})
    assert len(read("{arm}/1.json")) == 2
    assert len(read("**/1.json")) == 2
    assert [row["acc"] for row in read("a/.*/1.json")] == [4]


def test_links_in_circles_end_and_links_to_what_is_read_anyway_are_said() -> None:
    runs()
    Path("runs/ours/up").symlink_to(Path("runs").resolve())
    Path("runs/ours/seed_1/self").symlink_to(Path("runs/ours/seed_1").resolve())
    Path("runs/ours/seed_99").symlink_to("seed_10")
    cells = cells_of_glob("runs/{method}/seed_{seed}/metrics.json")
    assert len(cells.table) == 6
    assert any("seed_99" in note for note in cells.notes)
    assert len(read("runs/**/metrics.json")) == 6
    Path("elsewhere").symlink_to("runs/base")
    assert len(read("elsewhere/seed_{seed}/metrics.json")) == 3


def test_a_path_may_begin_anywhere() -> None:
    runs()
    here = Path.cwd()
    Path("sub").mkdir()
    os.chdir("sub")
    for pattern in (f"{here}/runs/{{m}}/*/metrics.json", "../runs/{m}/*/metrics.json"):
        assert {row["m"] for row in read(pattern)} == {"ours", "base"}


def test_a_name_that_the_file_has_too_must_say_the_same() -> None:
    write("a/seed_01.json", {"seed": 1, "acc": 1})
    write("b/seed_01.json", {"seed": 1, "acc": 2})
    assert [row["seed"] for row in read("{m}/seed_{seed}.json")] == ["01", "01"]
    write("b/seed_02.json", {"seed": 1, "acc": 2})
    with pytest.raises(EvidenceError, match=r"b/seed_02\.json.*'seed' holds 1.*'02'"):
        cells_of_glob("{m}/seed_{seed}.json")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "names no file"),
        ("runs/{my method}/x.json", "my method.* is no word"),
        ("runs/{}/x.json", "is no word"),
        ("runs/{method/x.json", "brace stands alone"),
        ("runs/method}/x.json", "brace stands alone"),
        ("runs/{method}{seed}.json", "side by side"),
        ("runs/*{seed}.json", "side by side"),
        ("run/{method}/seed_{seed}/metrics.json", r"in \. nothing fits 'run'; there stand runs"),
        (
            "runs/{method}/seed_{seed}/metric.json",
            r"in runs/\w+/seed_\d+ nothing fits 'metric.json'; there stand metrics.json",
        ),
        (
            "runs/{method}/run_{seed}/metrics.json",
            r"nothing fits 'run_\{seed\}'; there stand seed_1",
        ),
        ("runs/{method}/seed_[1]/metrics.json", "stand for themselves"),
        ("runs/ours/seed_1/{name}.json", "one value alone.*name=metrics"),
        ("runs/{method}/seed_{seed}", "folder.*metrics.json"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(pattern: str, says: str) -> None:
    runs()
    with pytest.raises(EvidenceError, match=says) as refused:
        cells_of_glob(pattern)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_name_that_can_be_read_in_two_ways_is_refused_with_both() -> None:
    write("a-b-c.json", {"acc": 1})
    with pytest.raises(EvidenceError, match=r"method=a, kind=b-c or method=a-b, kind=c"):
        cells_of_glob("{method}-{kind}.json")
    write("x/y/z/m.json", {"acc": 1})
    with pytest.raises(EvidenceError, match="two ways"):
        cells_of_glob("**/{kind}/**/m.json")


def test_files_that_cannot_be_read_are_named_and_never_left_out() -> None:
    runs()
    write("runs/ours/seed_3/metrics.json", '{"acc": 0.5')
    with pytest.raises(EvidenceError, match="seed_3"):
        cells_of_glob("runs/{method}/seed_{seed}/metrics.json")
    write("runs/base/seed_4/metrics.json", "")
    with pytest.raises(EvidenceError, match=r"2 of 8 files.*seed_4.*seed_3"):
        cells_of_glob("runs/{method}/seed_{seed}/metrics.json")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read everything")
def test_a_folder_that_may_not_be_read_is_named() -> None:
    runs()
    Path("runs/ours").chmod(0)
    try:
        with pytest.raises(EvidenceError, match=r"runs/ours.*cannot be read"):
            cells_of_glob("runs/{method}/seed_{seed}/metrics.json")
    finally:
        Path("runs/ours").chmod(0o755)


def test_files_without_a_seed_are_refused_or_left_out_and_counted() -> None:
    for seed in (1, 2):
        write(f"runs/a_{seed}.json", {"seed": seed, "acc": 0.5})
    write("runs/b_1.json", {"seed": None, "acc": 0.5})
    write("runs/b_2.json", {"acc": 0.5})
    with pytest.raises(EvidenceError, match=r"2 of 4 files .*b_1.*b_2.*--skip-without-seed"):
        cells_of_glob("runs/{name}.json")
    cells = cells_of_glob("runs/{name}.json", skip_without_seed=True)
    assert list(cells.table["name"]) == ["a_1", "a_2"]
    assert any("2 of 4 files" in note for note in cells.notes)
    write("other/a.json", {"acc": 1})
    write("other/b.json", {"acc": 2})
    assert len(read("other/{name}.json")) == 2


def test_folders_of_runs_that_left_no_results_are_said() -> None:
    runs()
    Path("runs/ours/seed_3").mkdir()
    cells = cells_of_glob("runs/{method}/seed_{seed}/metrics.json")
    assert len(cells.table) == 6
    assert any("runs/ours/seed_3/metrics.json" in note for note in cells.notes)


def test_what_is_no_file_is_refused_and_folders_among_files_are_said() -> None:
    for arm in "ab":
        write(f"{arm}/m.json", {"acc": 1})
    Path("a/more").mkdir()
    cells = cells_of_glob("{arm}/*")
    assert len(cells.table) == 2
    assert any("a/more" in note for note in cells.notes)
    Path("b/n.json").symlink_to("nothing")
    with pytest.raises(EvidenceError, match=r"b/n\.json: is no file"):
        cells_of_glob("{arm}/*.json")
    if hasattr(os, "mkfifo"):
        Path("b/n.json").unlink()
        os.mkfifo("b/n.json")
        with pytest.raises(EvidenceError, match=r"b/n\.json: is no file"):
            cells_of_glob("{arm}/*.json")


def test_seeds_and_methods_may_all_stand_in_the_files() -> None:
    for part in (1, 2):
        write(f"part{part}.csv", f"method,seed,acc\nours,{part},0.5\nbase,{part},0.4\n")
    assert [row["seed"] for row in read("part*.csv")] == ["1", "1", "2", "2"]


def test_the_published_runs_of_rtdl_are_read() -> None:
    folder = PUBLIC / "rtdl" / "runs"
    folder = folder if folder.is_absolute() else Path(__file__).parents[3] / folder
    if not folder.is_dir():
        pytest.skip("the runs of rtdl are not here: FAEVAL_PUBLIC names their folder")
    table = cells_of_glob(f"{folder}/{{dataset}}/{{method}}/tuned/{{seed}}/stats.json").table
    assert len(table) == 60
    assert sorted(set(table["method"])) == ["ft_transformer", "mlp", "resnet", "snn"]
    for _, row in table.iterrows():
        path = folder / row["dataset"] / row["method"] / "tuned" / row["seed"] / "stats.json"
        content = json.loads(path.read_text())
        assert row["metrics.test.score"] == content["metrics"]["test"]["score"]
        assert math.isfinite(row["metrics.test.score"])
