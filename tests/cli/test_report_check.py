"""``faeval report --check``, as its user calls it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).parents[2]
CLAIM = "instrument::the_published_audit_is_blind_in_vanilla_dfa"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, run_faeval: Faeval) -> Path:
    """A project with one report, rendered anew, and a document that quotes it."""
    found = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "claims", found / "claims")
    shutil.copytree(ROOT / "reports" / "instrument-teacher-pilot", found / "reports" / "pilot")
    anchor = "claim-instrument-the-published-audit-is-blind-in-vanilla-dfa"
    (found / "README.md").write_text(f"It is [supported](reports/pilot/report.html#{anchor}).\n")
    done = run_faeval(found, "report", "reports")
    assert done.returncode == 0, done.stderr
    return found


def test_what_is_as_the_evidence_has_it_exits_0_and_says_how_much_was_checked(
    project: Path, run_faeval: Faeval
) -> None:
    done = run_faeval(project, "report", "--check", "reports", "README.md")
    assert done.returncode == 0, done.stdout + done.stderr
    for file, counts in (
        ("reports/pilot/report.html", r"[1-9]\d* numbers\b"),
        ("reports/pilot/verdicts.json", r"[1-9]\d* numbers, [1-9]\d* recomputed\b"),
        ("README.md", r"1 quoted\b"),
    ):
        assert re.search(rf"(?m)^{re.escape(file)}: {counts}", done.stdout)
    (project / "other.md").write_text("# Nothing\n")
    done = run_faeval(project, "report", "--check", "other.md")
    assert done.returncode == 0
    assert re.fullmatch(r"other\.md: \D*\bno\b\D*\n", done.stdout)


def test_an_altered_number_exits_12_by_name_in_both_formats(
    project: Path, run_faeval: Faeval
) -> None:
    page = project / "reports" / "pilot" / "report.md"
    before = page.read_text()
    row = next(line for line in before.splitlines() if line.startswith("| 1000 |"))
    wrong = row[:-3] + str((int(row[-3]) + 1) % 10) + row[-2:]
    try:
        page.write_text(before.replace(row, wrong))
        table = run_faeval(project, "report", "--check", "reports")
        told = run_faeval(project, "report", "--check", "reports", "--json")
    finally:
        page.write_text(before)
    assert table.returncode == told.returncode == 12
    line = before.splitlines().index(row) + 1
    assert f"  text: claim {CLAIM}, line {line}: " in table.stdout
    content = json.loads(told.stdout)
    assert (content["schema"], content["exit_code"]) == ("faeval/check/1", 12)
    (finding,) = [f for file in content["files"] for f in file["findings"]]
    assert (finding["file"], finding["kind"], finding["claim"]) == (
        "reports/pilot/report.md",
        "text",
        CLAIM,
    )
    assert {file["form"]: file["recomputed"] > 0 for file in content["files"]} == {
        "html": False,
        "markdown": False,
        "json": True,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check", "--out", "there"], "--check writes nothing"),
        (["--json"], "give one of them"),
    ],
)
def test_what_cannot_be_checked_is_said(
    project: Path, run_faeval: Faeval, arguments: list[str], said: str
) -> None:
    done = run_faeval(project, "report", "reports", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_report_is_not_written_over_where_its_verdicts_come_out_otherwise(
    project: Path, run_faeval: Faeval, tmp_path: Path
) -> None:
    copy = tmp_path / "pilot"
    shutil.copytree(project / "reports" / "pilot", copy)
    text = (copy / "verdicts.json").read_text()
    (copy / "verdicts.json").write_text(
        text.replace('"verdict": "supported"', '"verdict": "refuted"', 1)
    )
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    for more in ([], ["--overview", str(tmp_path)], ["--out", str(tmp_path / "out")]):
        done = run_faeval(project, "report", str(copy), *more)
        assert done.returncode == 1, done.stderr
        assert re.search(r"\b1 of its 2 verdicts\b", done.stderr)
        assert re.search(r"\brefuted\b.*\bsupported\b", done.stderr)
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before
    assert list(tmp_path.glob("*.html")) == []
    told = run_faeval(project, "report", str(copy), "--against", str(copy))
    assert (told.returncode, told.stderr) == (1, "")
