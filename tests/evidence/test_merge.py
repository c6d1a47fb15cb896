"""Merging is exact, refuses what disagrees, and survives being killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.evidence import KEY, Conflict, Store, check, csv_bytes, merge, merge_tables, read


def content(store: Store) -> dict[str, bytes]:
    return {
        p.relative_to(store.runs).as_posix(): p.read_bytes()
        for p in store.runs.rglob("*")
        if p.is_file()
    }


def whole(store: Store) -> dict[str, bytes]:
    return {
        name: data
        for name, data in content(store).items()
        if not name.endswith((".tmp", ".writable"))
    }


def test_two_machines_stores_become_one_to_the_last_byte(filled, tmp_path: Path) -> None:
    one, two = (
        filled("one", arms=("dfa", "bp"), seeds=(1, 2)),
        filled("two", arms=("dfa",), seeds=(2, 3)),
    )
    before = content(one), content(two)
    done = merge([one, two], tmp_path / "all")
    both = Store(tmp_path / "all")
    assert content(both) == {**before[1], **before[0]}
    assert (content(one), content(two)) == before
    assert (done.copied, done.checkpoints, done.there, done.repeated, done.notes) == (
        10,
        5,
        0,
        2,
        (),
    )
    assert check(both).findings == ()
    assert csv_bytes(both.table()) == csv_bytes(merge_tables([one, two]))
    again = merge([two, one], both)
    assert (again.copied, again.checkpoints, again.there, again.repeated) == (0, 0, 12, 0)


def test_a_store_merged_into_itself_stays_as_it_is(filled) -> None:
    store = filled("one")
    before = content(store)
    assert merge([store], store.root).copied == 0
    assert content(store) == before


def test_every_conflict_is_named_and_nothing_is_written(filled, tmp_path: Path) -> None:
    one, two = filled("one", seeds=(1, 2, 3)), filled("two", seeds=(2, 3, 4), shift=0.25)
    into = Store(tmp_path / "all")
    with pytest.raises(Conflict, match="nothing was merged") as caught:
        merge([one, two], into)
    assert len(caught.value.names) == 4  # trainings and audits of two seeds
    assert all("rows" in name and "weights" in name for name in caught.value.names)
    parts = ("training", "audit alignment")
    assert {name.partition(":")[0] for name in caught.value.names} == {
        f"toy dfa seed {seed}, {part}" for seed in (2, 3) for part in parts
    }
    assert caught.value.exit_code == 2
    assert not into.root.exists()
    before = content(one)
    with pytest.raises(Conflict):
        merge([two], one)
    assert content(one) == before


def test_the_same_run_done_twice_keeps_the_record_that_was_named_first(
    filled, tmp_path: Path
) -> None:
    one = filled("one", seeds=(1,))
    two = filled("two", seeds=(1,), seconds=9.0, commit="c" * 40, lock="d" * 64)
    done = merge([one, two], tmp_path / "all")
    assert content(Store(tmp_path / "all")) == content(one)
    assert len(done.notes) == 2
    assert all(" commit, lock, seconds" in note for note in done.notes)
    assert {note.partition(":")[0] for note in done.notes} == {
        "toy dfa seed 1, training",
        "toy dfa seed 1, audit alignment",
    }
    other = merge([one], two)
    assert (other.copied, other.there) == (0, 2)


def test_a_checkpoint_that_was_deleted_comes_back_from_the_other_machine(filled) -> None:
    one, two = filled("one", seeds=(1,)), filled("two", seeds=(1,))
    (checkpoint,) = one.runs.rglob("*.safetensors")
    content_before = checkpoint.read_bytes()
    checkpoint.unlink()
    done = merge([two], one)
    assert (done.copied, done.checkpoints) == (0, 1)
    assert checkpoint.read_bytes() == content_before


def test_what_was_altered_is_named_and_nothing_is_written(filled, tmp_path: Path) -> None:
    one = filled("one", seeds=(1, 2, 3))
    first, second, third = sorted(one.runs.iterdir())
    for path in (
        first / "training.json",
        next(second.glob("audit-*")),
        third / "epoch-0001.safetensors",
    ):
        path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(Tampered) as caught:
        merge([one], tmp_path / "all")
    for folder in (first, second, third):
        assert folder.name in str(caught.value)
    assert not (tmp_path / "all").exists()


def test_only_stores_are_merged_into_stores(tmp_path: Path) -> None:
    with pytest.raises(FaevalError, match="is no store"):
        merge([tmp_path], tmp_path / "all")


# A process that kills itself, as kill -9 does, just before it renames its n-th file into place.
MERGE = """
import os, signal, sys

left = int(sys.argv[3])

def kill(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

from faeval.evidence import merge
sys.addaudithook(kill)
merge([sys.argv[1]], sys.argv[2])
"""


@pytest.mark.parametrize("moment", [1, 3, 4, 5, 20])
def test_a_merge_that_is_killed_leaves_a_valid_store_and_is_finished_by_the_same_merge(
    filled, tmp_path: Path, moment: int
) -> None:
    source = filled("source", arms=("a", "b"), seeds=range(1, 5))
    target = Store(tmp_path / "target")
    command = [sys.executable, "-c", MERGE, str(source.root), str(target.root), str(moment)]
    assert subprocess.run(command, timeout=300, check=False).returncode == -signal.SIGKILL
    found = check(target)
    assert found.bad == ()
    assert not [
        f for f in found.findings if "deleted" in f.text
    ]  # a training names no checkpoint that is not there yet
    assert all(
        (audit.parent / "training.json").exists() for audit in target.runs.glob("*/audit-*.json")
    )
    assert whole(target).items() <= whole(source).items()
    assert whole(target) != whole(source)
    merge([source], target)
    assert whole(target) == content(source)
    assert check(target).bad == ()


def test_a_merge_stops_where_someone_else_wrote_another_number_meanwhile(
    filled, monkeypatch
) -> None:
    source, other = filled("source", seeds=(1,)), filled("other", seeds=(1,), shift=0.5)
    target = filled("target", seeds=(9,))
    from faeval.evidence import _merge

    compare = _merge._compare

    def compare_then_be_overtaken(*arguments):
        found = compare(*arguments)
        for folder in other.runs.iterdir():
            shutil.copytree(folder, target.runs / folder.name)
        return found

    monkeypatch.setattr(_merge, "_compare", compare_then_be_overtaken)
    with pytest.raises(EvidenceError):
        merge([source], target)
    assert check(target).bad == ()


# --- tables ---

cells = st.tuples(
    st.sampled_from(["a", "b"]),
    st.integers(1, 2),
    st.sampled_from([0.0, -0.0, 0.5, float("nan")]),
    st.sampled_from(["measured", "undefined"]),
    st.sampled_from(["", "sha256:1", "sha256:2"]),
)
many = st.lists(st.lists(cells, max_size=4), min_size=1, max_size=3)


def table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return read(
        pd.DataFrame(rows, columns=["arm", "seed", "value", "status", "run"]).assign(
            setting="toy", metric="m"
        )
    )


@settings(deadline=None, max_examples=50)
@given(many)
def test_tables_merge_if_and_only_if_no_key_has_two_answers(
    tables: list[list[tuple[object, ...]]],
) -> None:
    answers: dict[tuple[object, object], set[tuple[str, object]]] = {}
    names: dict[tuple[object, object], set[object]] = {}
    for arm, seed, value, status, run in (row for rows in tables for row in rows):
        answers.setdefault((arm, seed), set()).add((repr(value), status))
        names.setdefault((arm, seed), set()).add(run)
    bad = {key for key in answers if len(answers[key]) > 1 or len(names[key] - {""}) > 1}
    given_tables = [table(rows) for rows in tables]
    if bad:
        with pytest.raises(Conflict) as caught:
            merge_tables(given_tables)
        assert {name.split(" m: ")[0] for name in caught.value.names} == {
            f"toy {a} seed {s}" for a, s in bad
        }
        return
    merged = merge_tables(given_tables)
    assert not merged.duplicated(list(KEY)).any()
    assert {(r.arm, r.seed): {(repr(r.value), r.status)} for r in merged.itertuples()} == answers
    assert {(r.arm, r.seed): r.run for r in merged.itertuples()} == {
        k: max(v) for k, v in names.items()
    }
    assert csv_bytes(merge_tables(given_tables[::-1])) == csv_bytes(merged)
