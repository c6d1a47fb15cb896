"""faeval as its user calls it: a process of its own."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]


def environment_with(more: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAEVAL_", "_FAEVAL"))}
    return {**kept, "COLUMNS": "120", **more}


@pytest.fixture(scope="session")
def run_faeval(forks_of: Callable[..., Any]) -> Faeval:
    """``run_faeval(folder, "plan", "--json", FAEVAL_STORE="s")``, in a fork of forks.py."""

    def call(
        folder: Path, *arguments: str | Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        done = forks_of()("faeval", words, folder, environment_with(environment))
        assert isinstance(done, subprocess.CompletedProcess)
        return done

    return call


@pytest.fixture(scope="session")
def start_faeval() -> Faeval:
    """The same, by ``python -m faeval``."""

    def call(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "faeval", *arguments],
            cwd=folder,
            env=environment_with(environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return call


@pytest.fixture
def faeval(tmp_path: Path, run_faeval: Faeval) -> Faeval:
    """``faeval("plan", "--json")`` in the folder of the test, in a fork."""
    return functools.partial(run_faeval, tmp_path)
