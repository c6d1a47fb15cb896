"""``faeval report --against`` and ``--overview``: real processes on copies of committed reports."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Faeval = Callable[..., Any]

CLAIMS = """
import faeval as fe

def run(arm, seed):
    wobble = (seed % 7) / 7 - 0.5
    return {"score": arm["dose"] + 0.1 * wobble * arm["dose"], "noise": 1.5 * arm["dose"] + wobble * arm["dose"]}

toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 2), "noise": (-9, 9)})

def raises(metric):
    a, b = fe.metric(metric, fe.Arm(dose=1)), fe.metric(metric, fe.Arm())
    higher = fe.exceeds(a, b, by=fe.Margin(0.5, "half of it"))
    return fe.Claim(f"A dose raises {metric}", higher, attributed_to="dose", family=metric)

sure, narrow = raises("score"), raises("noise")
"""  # noqa: E501


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, run_faeval: Faeval) -> Path:
    """A claims file and two reports of it: ``now`` on five seeds, ``pilot`` on two others."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "claims").mkdir()
    (folder / "claims" / "toy.py").write_text(CLAIMS)
    for name, seeds in (("now", "1,2,3,4,5"), ("pilot", "1000,1001")):
        done = run_faeval(folder, *f"verify --workers 1 --report {name} --seeds".split(), seeds)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(reports: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    ignored = shutil.ignore_patterns("__pycache__", ".faeval")
    return Path(shutil.copytree(reports, tmp_path, ignore=ignored, dirs_exist_ok=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "__pycache__" not in p.parts
    }


def edit(folder: Path, claim: str, **changes: Any) -> None:
    file = folder / "verdicts.json"
    content = json.loads(file.read_text())
    (verdict,) = (v for v in content["verdicts"] if v["claim"] == claim)
    verdict.update(changes)
    file.write_text(json.dumps(content))


def test_an_edited_verdict_is_found_in_the_folder_itself_and_exits_1(
    folder: Path, run_faeval: Faeval
) -> None:
    before = contents(folder)
    same = run_faeval(folder, "report", "now", "--against", "now")
    assert (same.returncode, same.stderr) == (0, "")
    assert re.search(r"\bno verdict\b.*\bmoved\b", same.stdout)
    assert contents(folder) == before  # nothing was written

    edit(folder / "now", "toy::narrow", verdict="refuted")
    drifted = run_faeval(folder, "report", "now", "--against", "now/verdicts.json", "--json")
    whole = json.loads(drifted.stdout)
    assert drifted.returncode == whole["exit_code"] == 1
    assert whole["schema"] == "faeval/drift/2"
    (moved,) = whole["reports"][0]["moved"]
    assert (moved["before"]["verdict"], moved["now"]["verdict"]) == ("refuted", "supported")
    assert (moved["failure"], moved["flag"]) == (True, None)
    assert moved["causes"][0]["kind"] == "deciding"


def test_other_seeds_are_flagged_and_exit_0_and_stand_in_what_is_written(
    folder: Path, run_faeval: Faeval
) -> None:
    before = contents(folder)
    result = run_faeval(folder, "report", "now", "--against", "pilot", "--out", "out")
    assert result.returncode == 0
    assert "1000, 1001, now 1–5" in result.stdout
    assert {k: v for k, v in contents(folder).items() if "/out/" not in k} == before
    verdicts = {
        v["claim"]: v
        for v in json.loads((folder / "out" / "verdicts.json").read_text())["verdicts"]
    }
    flagged = [name for name, v in verdicts.items() if "replication_differs" in v["flags"]]
    assert flagged == ["toy::narrow"]  # inconclusive on the pilot seeds
    assert '<section id="drift"' in (folder / "out" / "report.html").read_text()
    assert re.search(r"(?m)^## .*\bearlier\b", (folder / "out" / "report.md").read_text())


def test_one_page_of_several_settings_leads_to_theirs(folder: Path, run_faeval: Faeval) -> None:
    before = contents(folder)
    named = ("report", "now", "pilot", "--overview", "page")
    result = run_faeval(folder, *named, "--against", "now", "--json")
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["reports"]) == 2
    assert {k: v for k, v in contents(folder).items() if "/page/" not in k} == before
    assert sorted(p.name for p in (folder / "page").iterdir()) == ["index.html", "index.md"]
    page = (folder / "page" / "index.html").read_text()
    assert 'href="../now/report.html#claim-toy-sure"' in page
    assert "toy (pilot)" in page
    assert str(folder) not in page + (folder / "page" / "index.md").read_text()


def test_an_earlier_report_whose_evidence_was_edited_or_that_is_of_another_version_is_refused(
    folder: Path, run_faeval: Faeval
) -> None:
    csv = folder / "pilot" / "evidence.csv"
    lines = csv.read_text().splitlines(keepends=True)
    csv.write_text("".join(lines[:-1]))
    told = run_faeval(folder, "report", "now", "--against", "pilot")
    assert told.returncode == 12
    assert "pilot: its evidence has SHA-256" in told.stderr
    csv.write_text("".join(lines))
    file = folder / "pilot" / "verdicts.json"
    file.write_text(file.read_text().replace("faeval/report/2", "faeval/report/9"))
    told = run_faeval(folder, "report", "now", "--against", "pilot")
    assert (told.returncode, told.stdout) == (2, "")
    assert "faeval/report/9" in told.stderr


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        (["--against", "nowhere"], ["nowhere", "no report folder"]),
        (["--against", "now/report.md"], ["report.md", "verdicts.json"]),
        (["--against", "broken"], ["verdicts.json", "JSON"]),
        (["--against", "deep"], ["verdicts.json", "JSON", "recursion"]),
        (
            ["--against", "pilot", "--against", "other"],
            ["2 of the earlier reports", "'toy'"],
        ),
        (["--against", "digits"], ["none of the earlier reports", "'toy'"]),
        (["--json"], ["--json", "--against"]),
        (["--against", "now", "--write", "yaml"], ["yaml", "html, markdown"]),
        (["--overview", "taken"], ["--overview taken", "written"]),
    ],
)
def test_what_cannot_be_compared_or_written_is_one_clear_line(
    folder: Path, run_faeval: Faeval, options: list[str], needed: list[str]
) -> None:
    (folder / "broken").mkdir()
    (folder / "broken" / "verdicts.json").write_text("{")
    (folder / "deep").mkdir()
    (folder / "deep" / "verdicts.json").write_text("[" * 200_000)
    (folder / "digits").mkdir()
    (folder / "digits" / "verdicts.json").write_text('{"setting": "digits", "verdicts": []}')
    shutil.copytree(folder / "pilot", folder / "other")
    (folder / "taken").write_text("")
    result = run_faeval(folder, "report", "now", *options)
    assert result.returncode == 2
    assert result.stderr.startswith("faeval: ")
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in needed:
        assert word in result.stderr, result.stderr
