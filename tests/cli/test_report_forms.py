"""faeval report: every form into a folder, the schema on stdout, Markdown at the end of a job's
summary.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from faeval.reports import FORMS, json_schema

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
CLAIMS = f"--claims={ROOT / 'claims'}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A report folder that was published, alone in a new place."""
    shutil.copytree(ROOT / "reports" / "instrument-teacher-pilot", tmp_path / "report")
    return tmp_path / "report"


def test_all_forms_are_written_and_what_is_no_form_is_named(
    run_faeval: Faeval, folder: Path
) -> None:
    out = folder.parent / "out"
    done = run_faeval(folder, "report", ".", CLAIMS, "--write", "all", "--out", str(out))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert {p.name for p in out.iterdir()} == set(FORMS.values())
    kept, again = (json.loads((f / "verdicts.json").read_text())["verdicts"] for f in (folder, out))
    assert [v["verdict"] for v in kept] == [v["verdict"] for v in again]
    wrong = run_faeval(folder, "report", ".", "--write", "html,pdf")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    for word in ("--write", "'pdf'", "html, markdown, json, junit, ctrf, latex, badge, all"):
        assert word in wrong.stderr


def test_the_schema_needs_no_folder_and_rendering_does(run_faeval: Faeval, tmp_path: Path) -> None:
    done = run_faeval(tmp_path, "report", "--schema")
    assert (done.returncode, done.stdout, done.stderr) == (0, json_schema(), "")
    drift = run_faeval(tmp_path, "report", "--schema", "--against", "OLD")
    assert (drift.returncode, drift.stdout, drift.stderr) == (0, json_schema("drift"), "")
    none = run_faeval(tmp_path, "report")
    assert none.returncode == 2
    assert "FOLDERS: none was named" in none.stderr


def test_a_jobs_summary_is_appended_to_and_never_grows_beyond_what_is_shown(
    run_faeval: Faeval, folder: Path
) -> None:
    file = folder.parent / "summary.md"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def summarise() -> tuple[int, str]:
        done = run_faeval(folder, "report", ".", CLAIMS, "--summary", GITHUB_STEP_SUMMARY=str(file))
        return done.returncode, done.stderr

    assert summarise()[0] == 0
    whole = file.read_text()
    assert whole.startswith("# Results for")

    held = "x" * ((1 << 20) - 8_500) + "\n"
    file.write_text(held)
    assert summarise()[0] == 0
    text = file.read_text()
    assert text.startswith(f"{held}\n# Results for")
    assert re.search(r"\b\d+ claims\b.*\bleft out\b", text)
    assert len(text.encode()) < 1 << 20

    full = "x" * (1 << 20)
    file.write_text(full)
    code, said = summarise()
    assert (code, file.read_text()) == (2, full)
    assert re.search(rf"--summary: {re.escape(str(file))} .*\b1048576 bytes\b", said)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_outside_a_job_there_is_no_summary(run_faeval: Faeval, folder: Path) -> None:
    done = run_faeval(folder, "report", ".", "--summary", GITHUB_STEP_SUMMARY="")
    assert done.returncode == 2
    assert "--summary: $GITHUB_STEP_SUMMARY is not set" in done.stderr
