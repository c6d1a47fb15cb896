"""Export: one file, each key once, the same rows the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from faeval.errors import EvidenceError, FaevalError
from faeval.evidence import csv_bytes, export, read


def test_a_store_is_exported_as_its_rows(filled, tmp_path: Path) -> None:
    store = filled("a", arms=("dfa", "bp"))
    export(store, tmp_path / "a.csv")
    export(store.root, tmp_path / "a.parquet")
    export(tmp_path / "a.parquet", tmp_path / "b.csv")
    assert (
        (tmp_path / "a.csv").read_bytes()
        == csv_bytes(store.table())
        == (tmp_path / "b.csv").read_bytes()
    )
    again = (tmp_path / "a.parquet").read_bytes()
    export(tmp_path / "a.csv", tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == again


def test_one_setting_is_exported_alone(filled, tmp_path: Path) -> None:
    store = filled("a")
    filled("a", arms=("bp",), setting="other")
    table = export(store, tmp_path / "a.csv", "other")
    assert set(table["setting"]) == {"other"} == set(read(tmp_path / "a.csv")["setting"])
    with pytest.raises(EvidenceError, match=r"^setting='none': .*other, toy"):
        export(store.table(), tmp_path / "b.csv", "none")
    assert not (tmp_path / "b.csv").exists()


def test_runs_that_stand_several_times_are_refused_unless_the_last_is_asked_for(
    filled, tmp_path: Path
) -> None:
    store = filled("a", seeds=(1, 2), version="2")
    latest = csv_bytes(store.table())
    filled("a", seeds=(1, 2, 3), version="1", shift=0.1)
    with pytest.raises(
        EvidenceError,
        match=r"dfa seed 1, .*dfa seed 2 .*\bversions",
    ):
        export(store, tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()
    table = export(store, tmp_path / "a.csv", latest=True)
    assert csv_bytes(table[table["seed"] < 3]) == latest
    assert len(table[table["seed"] == 3]) == 4  # the only one there is


def test_of_audits_done_twice_under_one_training_the_last_is_taken(filled, tmp_path: Path) -> None:
    store = filled("a", seeds=(1,))
    old = next(iter(store.runs.glob("*/audit-*")))
    record = store.record(old)
    rows = tuple((m, e, la, v + 1, s) for m, e, la, v, s in record.rows)
    store.write_audit(
        record.model_copy(
            update={"audit_key": "f" * 64, "rows": rows, "started": "2026-02-01T00:00:00"}
        )
    )
    with pytest.raises(EvidenceError, match=r"\bnothing\b.*keys"):
        export(store, tmp_path / "a.csv")
    table = export(store, tmp_path / "a.csv", latest=True)
    assert sorted(table["value"]) == [0.5, 1.0, 1.1, 1.2]


def test_the_name_says_the_kind_of_file(filled, tmp_path: Path) -> None:
    with pytest.raises(FaevalError, match=r"\.csv or \.parquet"):
        export(filled("a"), tmp_path / "a.json")
    with pytest.raises(FaevalError, match="cannot be written"):
        export(filled("a"), tmp_path / "none" / "a.csv")
