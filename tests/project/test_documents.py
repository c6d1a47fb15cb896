"""What the documents and committed reports say is what the evidence beside them gives."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from faeval import claims, evidence, pipeline

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(p.parent.name for p in (ROOT / "reports").glob("*/evidence.csv"))
#: Folders decided on seeds outside the registered plan, which must be named again to decide on them again.
OUTSIDE = ("-pilot", "-published-seeds")


def seeds_of(folder: Path) -> list[int] | None:
    if not folder.name.endswith(OUTSIDE):
        return None
    return sorted(int(s) for s in evidence.read(folder)["seed"].unique())


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_committed_report_follows_from_its_evidence_byte_for_byte(name: str, tmp_path: Path) -> None:
    folder = ROOT / "reports" / name
    # The pilots of the instrument are of that file's arms alone.
    claims_of = ROOT / "claims" / ("instrument.py" if name.startswith("instrument-") else "")
    report = pipeline.verify(claims_of, from_evidence=folder, seeds=seeds_of(folder))
    pipeline.publish(report, tmp_path)
    for file in ("verdicts.json", "evidence.csv", "provenance.json", "report.md", "report.html"):
        assert (tmp_path / file).read_bytes() == (folder / file).read_bytes(), f"{name}/{file} differs"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_report_names_the_evidence_and_the_lock_that_lie_here(name: str) -> None:
    content = json.loads((ROOT / "reports" / name / "verdicts.json").read_text())
    digest = hashlib.sha256((ROOT / "reports" / name / "evidence.csv").read_bytes()).hexdigest()
    assert content["evidence_sha256"] == digest
    assert content["lock_sha256"] == claims.read_lock(ROOT / "claims" / claims.NAME).sha256


@pytest.mark.parametrize("name", PUBLISHED)
def test_only_registered_runs_count_as_confirmatory(name: str) -> None:
    verdicts = json.loads((ROOT / "reports" / name / "verdicts.json").read_text())["verdicts"]
    assert verdicts
    for verdict in verdicts:
        assert "unregistered" not in verdict["flags"]
        assert verdict["registration"] == ("reproduction" if name.endswith(OUTSIDE) else "registered")


def test_every_claim_is_registered_in_the_form_it_has() -> None:
    lock = claims.read_lock(ROOT / "claims" / claims.NAME)
    found = claims.load([ROOT / "claims"])
    assert {c.id: c.sha256() for c in found} == {i: c.sha256 for i, c in lock.claims.items()}
    headline = [lock.family(c.family or "") for c in found]
    assert max(map(len, headline)) <= 4


def said(verdict: dict[str, Any]) -> str:
    """The reason code that the README's table shows beside a verdict."""
    shown = verdict["verdict"] == "invalid" or verdict["reason_code"] in ("not_run", "evidence_missing")
    return verdict["reason_code"].replace("_", " ") if shown else ""


def readme_rows() -> list[str]:
    """The README's table of verdicts, from the committed reports."""
    columns = ("teacher", "digits", "cifar10-published-seeds")
    verdicts = [json.loads((ROOT / "reports" / c / "verdicts.json").read_text())["verdicts"] for c in columns]
    rows = []
    for group in zip(*verdicts, strict=True):
        words = [f"{v['verdict']} ({code})" if (code := said(v)) else v["verdict"] for v in group]
        rows.append(f"| {group[0]['sentence']} | {' | '.join(words)} |")
    return rows


def test_the_readme_shows_the_verdicts_of_the_committed_reports() -> None:
    text = (ROOT / "README.md").read_text()
    shown = [line for line in text.splitlines() if re.search(r"\| (supported|refuted|inconclusive|invalid)", line)]
    assert shown == readme_rows()


def test_ci_runs_the_readmes_test_command_and_nothing_else() -> None:
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- tests -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block
    script = "sed -n '/<!-- tests -->/,/```$/p' README.md | sed -e '1,/```/d' -e '/```/,$d'"
    assert script in (ROOT / ".ci" / "run").read_text()
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == block.group(1).strip()
    assert "pytest" in done.stdout
