"""docs/ci.md: its YAML is YAML, and its steps run in a scratch repository, but for those that need
a network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from typer.main import get_command

from faeval.claims import NAME
from faeval.cli import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "ci.md"
BLOCK = re.compile(r"<!-- workflow: ([\w-]+) -->\n```yaml\n(.*?)```", re.DOTALL)
CLAIMS = """
import faeval as fe

def run(arm, seed):
    return {"score": 0.1 * arm["dose"] + 0.01 * ((seed * 7) % 5)  - 0.013 * arm["dose"] * (seed % 3)}

toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 1)})

a_dose_raises_the_score = fe.Claim(
    "A dose raises the score",
    fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()), by=fe.Margin(0.02, "a fifth of a dose")),
    attributed_to="dose",
    expect="supported",
)
"""  # noqa: E501


def blocks() -> dict[str, Any]:
    return {name: yaml.safe_load(text) for name, text in BLOCK.findall(PAGE.read_text())}


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as a runner does: bash, which stops at the first error, with python and faeval of
    this environment.
    """
    tools = folder / ".tools"
    if not tools.exists():
        tools.mkdir()
        for name, arguments in (("python", ""), ("faeval", " -m faeval")):
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
            (tools / name).chmod(0o755)
    who = {
        f"GIT_{w}_{k}": v
        for w in ("AUTHOR", "COMMITTER")
        for k, v in (("NAME", "ci"), ("EMAIL", "ci@example.org"))
    }
    env = {
        **os.environ,
        "FAEVAL_DATA": "",
        **who,
        **environment,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )


def known(step: str) -> bool:
    """Whether faeval has the options that a command of it names."""
    words = step.split()
    commands: Any = get_command(app)
    options = {o for p in commands.commands[words[1]].params for o in p.opts}
    return {word for word in words if word.startswith("--")} <= options


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    (folder / "claims").mkdir()
    (folder / "claims" / "toy.py").write_text(CLAIMS)
    (folder / "pyproject.toml").write_text(
        "[tool.faeval]\nworkers = 1\n"
    )  # starting more takes longer than the runs
    (folder / ".gitignore").write_text(".faeval/\n.tools/\n")
    done = shell("git init -q && faeval lock && git add -A && git commit -qm 'Register'", folder)
    # The branch that a pull request goes to, as a checkout with the whole history has it.
    shell("git update-ref refs/remotes/origin/main HEAD", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "claims" / NAME).is_file()
    return folder


def test_every_block_is_yaml_and_names_what_its_reader_looks_for() -> None:
    found = blocks()
    assert set(found) == {"github", "evidence", "pre-commit", "gitlab"}
    (job,) = found["github"]["jobs"].values()
    assert found["github"][True]  # "on" is the boolean true to YAML 1.1; GitHub reads the word
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert re.fullmatch(r"[\w/-]+@v\d+", step.get("uses", "a@v1"))
    assert (
        len({step["with"]["key"] for step in job["steps"] if "cache/" in step.get("uses", "")}) == 1
    )


@pytest.mark.slow
def test_the_steps_of_the_workflow_run_in_their_order(repository: Path) -> None:
    (job,) = blocks()["github"]["jobs"].values()
    summary = repository / "summary.md"
    for step in (s["run"] for s in job["steps"] if "run" in s):
        if "pip install" not in step:
            done = shell(step, repository, GITHUB_STEP_SUMMARY=str(summary), GITHUB_BASE_REF="main")
            assert done.returncode == 0, (step, done.stdout, done.stderr)
    content = json.loads((repository / "verdicts.json").read_text())
    assert content["exit_code"] == 0
    assert [v["verdict"] for v in content["verdicts"]] == ["supported"]
    assert "A dose raises the score" in summary.read_text()
    suite = ElementTree.parse(repository / "junit.xml").getroot()
    assert [case.get("name") for case in suite.iter("testcase")] == ["a_dose_raises_the_score"]
    upload = next(s for s in job["steps"] if "upload-artifact" in s.get("uses", ""))
    for path in upload["with"]["path"].split():
        assert (repository / path).exists(), path


def after_a_failure(
    steps: list[dict[str, Any]], folder: Path, **environment: str
) -> dict[str, int]:
    """Run the steps as after one that failed: those alone whose condition asks for that; return
    their exit codes.
    """
    codes = {}
    for step in (s for s in steps if "run" in s and "!cancelled()" in s.get("if", "")):
        needed = re.findall(r"hashFiles\('([^']+)'\) != ''", step["if"])
        if all((folder / path).is_file() for path in needed):
            codes[step["name"]] = shell(step["run"], folder, **environment).returncode
    return codes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "registration", "codes"),
    [
        (("0.02", "0.01"), 1, {"Verify": 11, "One test a claim": 1, "Show the verdicts": 0}),
        (
            ("dose=1", "doze=1"),
            2,
            {"Verify": 2, "One test a claim": 2},
        ),  # nothing to show, and no error about that
    ],
)
def test_a_pull_request_that_breaks_the_registration_shows_its_verdicts(
    repository: Path, change: tuple[str, str], registration: int, codes: dict[str, int]
) -> None:
    (job,) = blocks()["github"]["jobs"].values()
    shutil.rmtree(repository / "report", ignore_errors=True)
    summary = repository / "summary.md"
    summary.write_text("")
    file = repository / "claims" / "toy.py"
    try:
        file.write_text(CLAIMS.replace(*change))
        assert shell("faeval lock --check", repository).returncode == registration
        assert after_a_failure(job["steps"], repository, GITHUB_STEP_SUMMARY=str(summary)) == codes
    finally:
        file.write_text(CLAIMS)
    assert ("A dose raises the score" in summary.read_text()) == ("Show the verdicts" in codes)


@pytest.mark.slow
def test_what_was_committed_is_decided_again_offline_unless_it_was_altered(
    repository: Path,
) -> None:
    assert shell("faeval verify --report reports/laptop", repository).returncode == 0
    (step,) = blocks()["evidence"]
    done = shell(step["run"], repository)
    assert done.returncode == 0, done.stderr
    verdicts = repository / "reports" / "laptop" / "verdicts.json"
    verdicts.write_text(
        re.sub(
            r'"evidence_sha256": "\w+"', f'"evidence_sha256": "{"0" * 64}"', verdicts.read_text()
        )
    )
    assert shell(step["run"], repository).returncode == 12


@pytest.mark.slow
def test_the_hooks_pass_what_is_registered_and_stop_what_was_changed(repository: Path) -> None:
    (repo,) = blocks()["pre-commit"]["repos"]
    file = repository / "claims" / "toy.py"
    entries = [hook["entry"] for hook in repo["hooks"]]
    for entry in entries:
        done = shell(entry, repository)
        assert done.returncode == 0, (entry, done.stderr)
    try:
        file.write_text(CLAIMS.replace("0.02", "0.01"))
        assert shell(next(e for e in entries if "lock" in e), repository).returncode == 1
        file.write_text(CLAIMS.replace("dose=1", "doze=1"))
        assert shell(next(e for e in entries if "plan" in e), repository).returncode == 2
    finally:
        file.write_text(CLAIMS)


def test_gitlab_runs_what_github_runs() -> None:
    found = blocks()
    (github,) = found["github"]["jobs"].values()
    steps = {" ".join(s["run"].split()[:3]) for s in github["steps"] if "run" in s}
    assert {" ".join(step.split()[:3]) for step in found["gitlab"]["claims"]["script"]} <= steps


@pytest.mark.parametrize(
    "step", sorted(set(re.findall(r"faeval (?:verify|lock|plan)(?: [^\s`>#]+)*", PAGE.read_text())))
)
def test_every_command_of_the_page_has_the_options_that_it_is_given(step: str) -> None:
    assert known(step)
