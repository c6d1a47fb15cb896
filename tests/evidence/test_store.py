"""The store: records come back as they were written, or say that they were not."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.evidence import (
    AuditRecord,
    Checkpoint,
    Store,
    TrainingRecord,
    canonical_json,
    csv_bytes,
    new_record,
    read,
)

KEY, OTHER = "a" * 64, "b" * 64
AUDIT = "c" * 64
COMMON: dict[str, Any] = {
    "setting": "teacher",
    "arm": "dfa+penalty=0.01",
    "factors": {
        "rule": "dfa",
        "penalty": 0.01,
        "blocks": 4,
        "residual": True,
        "norm": None,
        "scale": 1.0,
    },
    "seed": 3,
    "key": KEY,
    "started": "2026-01-01T00:00:00+00:00",
    "seconds": 1.5,
}


def training(**changes: Any) -> TrainingRecord:
    fields = {
        "weights": "d" * 64,
        "checkpoints": {1: Checkpoint(file="epoch-0001.safetensors", sha256="e" * 64)},
        "rows": (("train_loss", 1, None, 0.7, "measured"),),
    }
    return TrainingRecord(**{**COMMON, **fields, **changes})


def audit(**changes: Any) -> AuditRecord:
    rows = (("cosine", 1, 0, 0.25, "measured"), ("cosine", 1, 1, math.nan, "undefined"))
    return AuditRecord(
        **{**COMMON, "name": "alignment", "audit_key": AUDIT, "rows": rows, **changes}
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".faeval")


def test_records_come_back_as_they_were_written(store: Store) -> None:
    store.write_training(training())
    store.write_audit(audit())
    assert store.training(KEY) == training()
    found = store.audit(KEY, "alignment", AUDIT)
    assert found is not None
    assert found.to_bytes() == audit().to_bytes()  # by its spelling: a NaN equals nothing
    assert math.isnan(found.rows[1][3])
    assert {name: type(value) for name, value in found.factors.items()} == {
        name: type(value) for name, value in COMMON["factors"].items()
    }


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.training(KEY) is None
    assert store.audit(KEY, "alignment", AUDIT) is None
    store.write_training(training())
    assert store.audit(KEY, "alignment", AUDIT) is None
    assert store.training(OTHER) is None


@settings(deadline=None)
@given(st.lists(st.floats(), max_size=20))
def test_a_record_keeps_every_bit_of_its_values(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "bits")
    store.write_audit(
        audit(rows=tuple(("m", None, i, value, "measured") for i, value in enumerate(values)))
    )
    found = store.audit(KEY, "alignment", AUDIT)
    assert found is not None
    assert [row[3].hex() for row in found.rows] == [value.hex() for value in values]
    json.loads(
        store.audit_path(KEY, "alignment", AUDIT).read_text(), parse_constant=pytest.fail
    )  # plain JSON


def test_the_table_of_a_store_is_its_rows_by_key(store: Store) -> None:
    store.write_audit(audit())
    store.write_training(training())
    store.write_audit(audit(key=OTHER, seed=2, rows=(("cosine", 1, 0, 0.5, "measured"),)))
    assert csv_bytes(store.table()).decode().splitlines()[1:] == [
        "teacher,dfa+penalty=0.01,2,1,0,cosine,0.5,measured,key:bbbbbbbbbbbbbbbb",
        "teacher,dfa+penalty=0.01,3,1,,train_loss,0.7,measured,sha256:dddddddddddddddd",
        "teacher,dfa+penalty=0.01,3,1,0,cosine,0.25,measured,key:aaaaaaaaaaaaaaaa",
        "teacher,dfa+penalty=0.01,3,1,1,cosine,,undefined,key:aaaaaaaaaaaaaaaa",
    ]
    assert store.table([(OTHER, {"alignment": AUDIT}), ("f" * 64, {})])["seed"].tolist() == [2]
    assert store.table([(KEY, {"alignment": OTHER})])["metric"].tolist() == ["train_loss"]
    for source in (store, store.root):
        assert csv_bytes(read(source)) == csv_bytes(store.table())


def test_an_empty_store_is_an_empty_table(store: Store) -> None:
    assert len(store.table()) == 0
    assert csv_bytes(read(store)) == csv_bytes(store.table([]))


def written(store: Store) -> Path:
    store.write_training(training())
    return store.training_path(KEY)


@settings(deadline=None)
@given(st.data())
def test_any_changed_byte_of_a_record_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "changed")
    path = written(store)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 2))] ^= data.draw(
        st.integers(1, 255)
    )  # the last one ends the line
    path.write_bytes(content)
    with pytest.raises(Tampered, match=r"training\.json"):
        store.training(KEY)


@pytest.mark.parametrize("length", [0, 1, 100, -2])
def test_a_record_that_was_cut_off_is_noticed(store: Store, length: int) -> None:
    path = written(store)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(Tampered, match=r"training\.json.*cut off") as caught:
        store.table()
    assert caught.value.exit_code == 12


@pytest.mark.parametrize(
    "content", ["null", "[]", "{}", '{"sha256": 3}', "[" * 100_000, '{"sha256": NaN}']
)
def test_json_that_is_no_record_is_noticed(store: Store, content: str) -> None:
    written(store).write_text(content)
    with pytest.raises(Tampered):
        store.training(KEY)


def test_a_record_in_the_place_of_another_is_noticed(store: Store) -> None:
    path = written(store)
    store.folder(OTHER).mkdir()
    path.rename(store.training_path(OTHER))
    with pytest.raises(Tampered, match="moved"):
        store.training(OTHER)
    store.write_audit(audit())
    store.audit_path(KEY, "alignment", AUDIT).rename(store.training_path(KEY))
    with pytest.raises(Tampered):
        store.training(KEY)


def resealed(path: Path, **changes: Any) -> None:
    import hashlib

    fields = {**json.loads(path.read_text()), **changes}
    del fields["sha256"]
    fields["sha256"] = hashlib.sha256(canonical_json(fields).encode()).hexdigest()
    path.write_text(canonical_json(fields))


def test_a_record_of_another_schema_is_named_as_such(store: Store) -> None:
    path = written(store)
    resealed(path)
    assert store.training(KEY) == training()
    resealed(path, schema_version=2)
    with pytest.raises(EvidenceError, match=r"schema 2; .*schema 1\b"):
        store.training(KEY)


@pytest.mark.parametrize("file", ["../../etc/passwd", "/etc/passwd", "", ".hidden", "a/b"])
def test_a_checkpoint_lies_beside_its_record_and_nowhere_else(store: Store, file: str) -> None:
    path = written(store)
    resealed(path, checkpoints={"1": {"file": file, "sha256": "e" * 64}})
    with pytest.raises(FaevalError, match=r"checkpoints\.1\.file"):
        store.training(KEY)


def test_a_field_that_cannot_be_recorded_is_named() -> None:
    with pytest.raises(FaevalError, match=r"teacher: weights='short' \(str\) cannot be recorded"):
        new_record(TrainingRecord, {**COMMON, "weights": "short"}, "teacher")


@pytest.mark.parametrize("key", ["", "..", "A" * 64, "../" + "a" * 61])
def test_only_a_key_names_a_folder(store: Store, key: str) -> None:
    with pytest.raises(FaevalError, match="no training key"):
        store.folder(key)


def test_two_writers_of_one_record_leave_one_whole_record(store: Store) -> None:
    record = training(
        rows=tuple(("train_loss", epoch, None, 0.1, "measured") for epoch in range(2000))
    )
    writers = [
        threading.Thread(target=lambda: [store.write_training(record) for _ in range(10)])
        for _ in range(2)
    ]
    store.write_training(record)
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert store.training(KEY) == record  # at every moment
    assert [path.name for path in store.folder(KEY).iterdir()] == ["training.json"]


def test_a_store_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FaevalError, match=r"file': cannot be written"):
        Store(tmp_path / "file").check_writable()
    with pytest.raises(FaevalError, match="cannot be written"):
        Store(Path("/proc/faeval")).check_writable()


def test_a_store_keeps_itself_out_of_git(store: Store) -> None:
    store.check_writable()
    store.check_writable()
    assert (store.root / ".gitignore").read_text() == "*\n"
    assert list(store.runs.iterdir()) == []
