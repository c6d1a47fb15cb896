"""faeval as its user calls it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run_faeval() -> Faeval:
    def call(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAEVAL_", "_FAEVAL"))}
        env = {**kept, "COLUMNS": "120", **environment}
        command = [sys.executable, "-m", "faeval", *arguments]
        return subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
        )

    return call
