"""A project with claims of every kind, and pytest as its user calls it: a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CLAIMS = """
import faeval as fe
from pathlib import Path

JOURNAL = str(Path(__file__).parent.parent / "journal")

def run(arm, seed):
    with open(JOURNAL, "a") as journal:
        journal.write(f"{arm['dose']} {seed}\\n")
    if arm["dose"] == 9:
        raise RuntimeError("no such dose")
    wobble = ((seed * 2654435761) % 1000) / 1000 - 0.5
    return {"score": 0.2 + 0.1 * arm["dose"] + 0.04 * wobble * arm["dose"], "noise": 0.5 + 0.3 * wobble * arm["dose"]}

toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 1), "noise": (0, 1)})

def raises(metric, expect, family=None, dose=1, **more):
    margin = fe.Margin(0.05, "half of a dose")
    a, b = fe.metric(metric, fe.Arm(dose=dose)), fe.metric(metric, fe.Arm())
    more = {"attributed_to": "dose", **more}
    return fe.Claim(f"A dose raises {metric}", fe.exceeds(a, b, by=margin), family=family, expect=expect, **more)

good = raises("score", "supported", tags=("quick",))
noisy = raises("noise", "supported")
drifted = raises("score", "refuted", family="deep alignment")
mate = raises("noise", None, family="deep alignment", tags=("skip",))
mixed_up = raises("score", "supported", family="2nd", attributed_to="epoch")
known_mix = raises("score", "invalid:confounded", family="2nd", attributed_to="epoch")
more_of_it = raises("score", "supported", family="2nd", tags=("extended",))
"""  # noqa: E501

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run_pytest(forks_of: Callable[..., Any]) -> Pytest:
    def call(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FAEVAL_"))}
        words = ["-p", "no:randomly", *arguments]
        done = forks_of()("pytest", words, folder, {**kept, "COLUMNS": "200", **environment})
        assert isinstance(done, subprocess.CompletedProcess)
        return done

    return call


def write(folder: Path, text: str = CLAIMS, ini: str = "faeval_workers = 1") -> Path:
    (folder / "claims").mkdir()
    (folder / "claims" / "toy.py").write_text(text)
    (folder / "pytest.ini").write_text(f"[pytest]\naddopts = --strict-markers\n{ini}\n")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path)


@pytest.fixture
def write_project() -> Callable[..., Path]:
    return write


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, run_pytest: Pytest) -> tuple[Path, str, int]:
    """The project after one session that ran everything: its folder, what was printed, the exit
    code.
    """
    folder = write(tmp_path_factory.mktemp("finished"))
    done = run_pytest(folder, "claims/", "-rs", "--junitxml=junit.xml")
    return folder, done.stdout + done.stderr, done.returncode
