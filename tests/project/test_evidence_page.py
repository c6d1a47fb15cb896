"""docs/evidence.md: its examples run as they stand there, and its table has every field of a
record.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faeval import evidence
from faeval._options import OPTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: ([\w.]+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


def run(command: list[str], folder: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_examples_run_as_they_stand_on_the_page(tmp_path: Path) -> None:
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    shell = ["bash", "-euc", f'faeval() {{ "{sys.executable}" -m faeval "$@"; }}; source "$0"']
    said = run([*shell, "./merge.sh"], tmp_path)
    assert "supported" in said
    assert re.search(r"\b10 records\b.*\b0 checkpoints\b.*, 0 .*, 2 ", said)
    assert said.count("nothing wrong") == 2
    assert (
        "laptop (store): 6 runs, 6 audits, 6 rows; " in said
    )  # nothing is trained, and none is counted
    run([*shell, "./import.sh"], tmp_path)
    assert set(evidence.read(tmp_path / "iris.csv")["arm"]) == {"forest+depth=3", "tree+depth=3"}
    said = run([sys.executable, "decide.py"], tmp_path)
    assert said.splitlines() == [
        "{'runs': 10, 'trainings': 0, 'audits': 10, 'checkpoints': 0, 'rows': 10}",
        "supported",
    ]


def test_every_command_and_option_on_the_page_exists() -> None:
    said = set(re.findall(r"(?<!-)--[a-z][a-z-]*", PAGE))
    sources = [p.read_text() for p in (Path(__file__).parents[2] / "faeval" / "cli").glob("*.py")]
    arguments = {
        name for source in sources for name in re.findall(r'^    "?(\w+)"?:', source, re.M)
    }
    known = {"--" + name.replace("_", "-") for name in {*OPTIONS, *arguments}}
    known |= set(re.findall(r'"(--[a-z-]+)"', "".join(sources)))
    assert said <= known


def test_the_table_of_a_record_has_all_its_fields() -> None:
    table = re.search(r"<!-- table: record -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert table
    named = {
        name
        for line in table.group(1).splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert named == set(evidence.TrainingRecord.model_fields) | set(
        evidence.AuditRecord.model_fields
    )
