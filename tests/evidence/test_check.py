"""Checking a store, a table, a report: each thing that is wrong is named, and nothing that is
right.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from faeval.errors import EvidenceError, FaevalError
from faeval.evidence import (
    Checked,
    Store,
    _records as records,
    canonical_json,
    check,
    read,
    write_csv,
    write_parquet,
)

ROOT = Path(__file__).parents[2]


def said(found: Checked) -> dict[str, str]:
    return {finding.name: finding.kind for finding in found.findings}


def resealed(path: Path, **changes: Any) -> None:
    """Change a record and give it a checksum that fits, as another version of faeval would have
    written it.
    """
    fields = {**json.loads(path.read_text()), **changes}
    del fields["sha256"]
    fields = {name: value for name, value in fields.items() if value is not ...}
    fields["sha256"] = hashlib.sha256(canonical_json(fields).encode()).hexdigest()
    path.write_text(canonical_json(fields))


def test_a_store_as_campaigns_leave_it_is_in_order(filled) -> None:
    store = filled("a")
    found = check(store)
    assert (found.what, found.exit_code, found.findings) == ("store", 0, ())
    assert found.counts == {"runs": 2, "trainings": 2, "audits": 2, "checkpoints": 2, "rows": 8}
    assert check(str(store.root)) == found


def test_every_record_that_is_bad_is_named_not_only_the_first(filled) -> None:
    store = filled("a", seeds=range(1, 7))
    folders = sorted(store.runs.iterdir())
    flipped = folders[0] / "training.json"
    flipped.write_bytes(flipped.read_bytes().replace(b"0.5", b"0.6"))
    cut = next(folders[1].glob("audit-*.json"))
    cut.write_bytes(cut.read_bytes()[:100])
    checkpoint = folders[2] / "epoch-0001.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    shutil.copy(folders[4] / "training.json", folders[3] / "training.json")
    newer = folders[5] / "training.json"
    resealed(newer, schema_version=99)
    found = check(store)
    names = [path.relative_to(store.root).as_posix() for path in (flipped, cut, checkpoint)]
    moved = f"runs/{folders[3].name}/training.json"
    assert {name for name, kind in said(found).items() if kind == "altered"} == {*names, moved}
    assert said(found)[f"runs/{folders[5].name}/training.json"] == "unreadable"
    assert found.exit_code == 12
    assert "newer faeval" in next(f.text for f in found.findings if f.kind == "unreadable")


def test_what_was_left_behind_or_deleted_is_noted_and_nothing_wrong(filled) -> None:
    store = filled("a", seeds=(1,))
    folder = next(store.runs.iterdir())
    (folder / ".partial-00").mkdir()
    (folder / ".training.json.00.tmp").touch()
    (folder / "notes.txt").touch()
    (store.runs / "mine").mkdir()
    (folder / "epoch-0001.safetensors").unlink()
    found = check(store)
    assert set(said(found).values()) == {"note"}
    assert {Path(name).name for name in said(found)} == {
        ".partial-00",
        ".training.json.00.tmp",
        "notes.txt",
        "mine",
        "epoch-0001.safetensors",
    }
    assert found.exit_code == 0


def test_an_audit_of_weights_that_were_trained_again_is_noted(filled) -> None:
    store = filled("a", seeds=(1,))
    audit = next(store.runs.glob("*/audit-*.json"))
    resealed(audit, weights="f" * 64)
    (finding,) = check(store).findings
    assert (finding.kind, "other weights" in finding.text) == ("note", True)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (0, "cannot migrate"),
        (2, "newer faeval"),
        *((s, "does not say") for s in ("one", True, ...)),
    ],
)
def test_a_record_of_another_schema_is_refused_with_the_reason(
    filled, schema: Any, says: str
) -> None:
    store = filled("a", seeds=(1,))
    path = next(store.runs.glob("*/training.json"))
    resealed(path, schema_version=schema)
    with pytest.raises(EvidenceError, match=says):
        store.table()
    found = check(store)
    assert found.exit_code == 2
    assert [f.kind for f in found.findings] == ["unreadable"]


def test_a_record_of_an_older_schema_is_migrated_step_by_step_and_said(filled, monkeypatch) -> None:
    store = filled("a", seeds=(1,))
    before = store.table()
    path = next(store.runs.glob("*/training.json"))
    content = path.read_bytes()
    # Schema -1 called seconds "duration", schema 0 had milliseconds.
    fields = json.loads(content)
    resealed(path, schema_version=-1, seconds=..., duration=1000 * fields["seconds"])
    monkeypatch.setitem(
        records.MIGRATIONS,
        -1,
        lambda f: {("ms" if n == "duration" else n): v for n, v in f.items()},
    )
    monkeypatch.setitem(
        records.MIGRATIONS,
        0,
        lambda f: {**{n: v for n, v in f.items() if n != "ms"}, "seconds": f["ms"] / 1000},
    )
    pd.testing.assert_frame_equal(store.table(), before)
    training = store.training(path.parent.name)
    assert training is not None
    assert (training.seconds, training.schema_version) == (fields["seconds"], records.SCHEMA)
    (finding,) = check(store).findings
    assert finding.kind == "note"
    assert re.search(r"schema -1, .*\b1\b", finding.text)


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    columns = ["arm", "seed", "layer", "metric", "value", "status", "run"]
    return pd.DataFrame(rows, columns=columns).assign(setting="toy")


def test_every_row_that_cannot_decide_is_named(tmp_path: Path) -> None:
    write_csv(
        table(
            ("a", 1, 0, "m", 0.5, "measured", "sha256:1"),
            ("a", 1, 0, "m", 0.5, "measured", "sha256:1"),
            ("a", 2, 0, "m", 0.5, "measured", "sha256:1"),
            ("a", 3, None, "m", float("nan"), "measured", ""),
            ("a", 4, None, "m", float("inf"), "measured", ""),
            ("a", 5, None, "m", float("nan"), "undefined", ""),
            ("b", 1, 0, "m", 0.5, "measured", ""),
            ("b", 1, 0, "m", 0.7, "measured", ""),
        ),
        tmp_path / "t.csv",
    )
    found = check(tmp_path / "t.csv")
    assert (found.what, found.exit_code, found.counts) == ("table", 2, {"rows": 8, "runs": 6})
    assert said(found) == dict.fromkeys(
        (
            "toy a seed 1 layer 0 m",
            "toy b seed 1 layer 0 m",
            "toy a seed 3 m",
            "toy a seed 4 m",
            "toy a",
        ),
        "rows",
    )
    texts = {f.name: f.text for f in found.findings}
    assert "same number" in texts["toy a seed 1 layer 0 m"]
    assert "different numbers" in texts["toy b seed 1 layer 0 m"]
    assert "seeds 1, 2" in texts["toy a"]


def test_a_file_that_was_cut_off_is_altered_and_one_that_is_no_evidence_unreadable(
    tmp_path: Path,
) -> None:
    rows = table(("a", 1, 0, "m", 0.5, "measured", ""))
    write_csv(rows, tmp_path / "t.csv")
    write_parquet(rows, tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert check(tmp_path / name).findings == ()
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-12])
        found = check(tmp_path / name)
        assert ([f.kind for f in found.findings], found.exit_code) == (["altered"], 12)
        assert found.findings[0].name == name
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    assert [f.kind for f in check(tmp_path / "t.csv").findings] == ["unreadable"]
    with pytest.raises(FaevalError, match=r"\bnone\b.*no such file"):
        check(tmp_path / "none")


def test_a_report_is_held_against_the_evidence_beside_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports" / "teacher", tmp_path / "report")
    folder = tmp_path / "report"
    assert (check(folder).what, check(folder).findings) == ("report", ())
    rows = read(folder)
    assert check(folder / "evidence.csv").findings == ()
    (folder / "evidence.csv").unlink()
    write_parquet(rows, folder / "evidence.parquet")
    assert check(folder).findings == ()  # another pack of the same rows
    rows.loc[0, "value"] += 1e-9
    write_parquet(rows, folder / "evidence.parquet")
    assert said(check(folder)) == {"evidence.parquet": "altered"}
    (folder / "evidence.parquet").unlink()
    write_csv(rows[rows["run"] != rows["run"][0]], folder / "evidence.csv")
    found = check(folder)
    assert found.exit_code == 12
    assert any(rows["run"][0] in f.text for f in found.findings)
    (folder / "verdicts.json").write_text("{")
    assert said(check(folder)) == {"verdicts.json": "altered"}


def test_what_is_found_is_plain_json(filled) -> None:
    store = filled("a", seeds=(1,))
    next(store.runs.glob("*/training.json")).write_text("x")
    content = json.loads(json.dumps(check(Store(store.root)).to_dict()))
    assert content["findings"][0]["kind"] == "altered"
