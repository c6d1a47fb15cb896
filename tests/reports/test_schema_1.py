"""A report of schema 1 is read on; schema 2 has its values, but not the prose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from faeval import pipeline
from faeval.reports import Overview, Report
from tests.reports.schema_2_equals_1 import as_schema_1, differing, leaves, without_prose

HERE = Path(__file__).resolve().parents[2]
FROZEN = Path(__file__).parent / "schema_1" / "verdicts.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report folder as a version with schema 1 left it."""
    made = tmp_path_factory.mktemp("old")
    for name in ("evidence.csv", "provenance.json"):
        shutil.copy(HERE / "reports" / "width-digits-pilot" / name, made)
    shutil.copy(FROZEN, made)
    return made


@pytest.fixture(scope="module")
def again(folder: Path) -> Report:
    return pipeline.decide_again(folder, [HERE / "claims"])


def test_it_is_decided_again_to_the_same_values(folder: Path, again: Report) -> None:
    pipeline.check_unmoved(folder, again)
    old = without_prose(json.loads(FROZEN.read_text()))
    new = as_schema_1(json.loads(again.to_json()))
    wrong: Iterator[object] = differing(old, new)
    assert [found for found in wrong if found[0] != ".schema"] == []  # type: ignore[index]
    assert leaves(old) > 150


def test_a_report_of_schema_2_is_compared_with_it(folder: Path, again: Report) -> None:
    (earlier,) = pipeline.earlier_reports([folder])
    drift = pipeline.against(again, folder, [earlier]).drift
    assert drift is not None
    assert (drift.moved, drift.shifted, drift.differences, drift.compared) == ((), (), (), 1)
    moved = json.loads(FROZEN.read_text())
    was = moved["verdicts"][0]["verdict"]
    moved["verdicts"][0]["verdict"] = "refuted" if was == "supported" else "supported"
    found = again.against(moved, earlier.provenance).drift
    assert found is not None
    assert [change.failure for change in found.moved] == [True]


def test_an_overview_shows_it(folder: Path, again: Report, tmp_path: Path) -> None:
    page = Overview.of([again], [folder], tmp_path)
    assert again.verdicts[0].claim.split("::")[0]
    assert again.verdicts[0].sentence.split()[0] in page.to_html()


def test_its_pages_are_not_compared_and_its_numbers_are(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "report.html").write_text("<!DOCTYPE html><title>of another version</title>")
    done = pipeline.check([copy], [HERE / "claims"])
    assert done.exit_code == 0, done.findings
    assert {f.form: f.recomputed > 0 for f in done.files} == {"other version": False, "json": True}
    content = json.loads(FROZEN.read_text())
    content["verdicts"][0]["assertions"][0]["estimate"] += 0.5
    (copy / "verdicts.json").write_text(json.dumps(content))
    done = pipeline.check([copy], [HERE / "claims"])
    assert {f.kind for f in done.findings} == {"number"}
