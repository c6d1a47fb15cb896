"""docs/registration.md: its table is the package's, its commands do what it says in a repository of
one's own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faeval.claims import REGISTRATIONS, draw, read_lock

PAGE = (Path(__file__).parents[2] / "docs" / "registration.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
CLAIMS = """
import faeval as fe

def run(arm, seed):
    return {"cosine": 0.1 * arm["penalty"] + 0.02 * ((seed * 37) % 11) / 11 * (1 + arm["penalty"])}

toy = fe.Experiment("toy", run, factors={"penalty": 0}, metrics={"cosine": None}, revision="1")
score = {dose: fe.metric("cosine", fe.Arm(penalty=dose)) for dose in (0, 1)}
deep_cosine_rises = fe.Claim(
    "It rises", fe.exceeds(score[1], score[0], by=fe.Margin(0.03, "r"), anticipated=0.1), attributed_to="penalty"
)
"""  # noqa: E501


def sh(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    bin_ = folder.parent / "bin"
    bin_.mkdir(exist_ok=True)
    (bin_ / "faeval").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m faeval "$@"\n')
    (bin_ / "faeval").chmod(0o755)
    who = {
        f"GIT_{role}_{what}": "x@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    env = {
        **os.environ,
        **who,
        "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    return subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_the_table_is_that_of_the_package() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert dict(rows[1:]) == dict(REGISTRATIONS)  # without the heading


@pytest.mark.slow
def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "claims").mkdir(parents=True)
    file = folder / "claims" / "penalty.py"
    file.write_text(CLAIMS)
    sh("git init -b main", folder)
    walk, amend, check = BLOCKS
    done = sh(walk, folder)
    assert done.returncode == 0, done.stderr
    assert "registered before the runs" in done.stdout
    assert "supported" in done.stdout
    checks = [line for line in check.splitlines() if line]
    for line in checks:
        done = sh(line.replace("origin/main", "main"), folder)
        assert done.returncode == 0, done.stderr
    file.write_text(CLAIMS.replace("Margin(0.03", "Margin(0.04"))
    assert sh(checks[0], folder).returncode == 1
    assert sh(amend, folder).returncode == 0
    assert sh(checks[0], folder).returncode == 0
    lock = read_lock(folder / "claims" / "claims.lock")
    assert lock.chain[-1].reason == "the margin was typed as 0.3"
    assert "amended after results existed" in sh("faeval verify", folder).stdout
    (folder / "claims" / "claims.lock").unlink()
    assert sh("faeval lock", folder).returncode == 0
    assert sh(checks[1].replace("origin/main", "main"), folder).returncode == 12


def test_drawn_seeds_are_computed_as_the_page_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {"digest": "d" * 64, "setting": "toy"}
    exec(code, names)
    assert tuple(names["seeds"]) == draw("d" * 64, "toy", 5)
