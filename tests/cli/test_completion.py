"""Completion in a real bash, of the script that --show-completion prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent

SCRIPT = """
set -e
source <(faeval --show-completion bash)
complete_words() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _faeval_completion faeval "${@: -1}" "${@: -2:1}"
  echo "${COMPREPLY[*]}"
}
complete_words faeval ver
complete_words faeval verify --setting ""
complete_words faeval verify --setting di
complete_words faeval verify --backend ""
complete_words faeval plan --device cu
complete_words faeval verify --off
"""


@pytest.mark.skipif(
    shutil.which("bash") is None or not (BIN / "faeval").exists(),
    reason="needs bash and the installed script",
)
def test_bash_completes_commands_options_and_values(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", SCRIPT],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    command, settings, digits, backends, device, offline = (
        line.split() for line in done.stdout.splitlines()
    )
    assert command == ["verify"]
    assert {"teacher", "digits", "cifar10"} <= set(settings)
    assert digits == ["digits"]
    assert backends == ["loky", "dask", "ray"]
    assert device == ["cuda"]
    assert offline == ["--offline"]


def test_completing_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['faeval']\nfrom faeval.cli import main\ntry:\n    main()\nexcept"
        " SystemExit as error:\n    assert error.code == 0, error.code\nheavy = {'torch', 'pandas',"
        " 'scipy.stats', 'matplotlib', 'statsmodels'} & set(sys.modules)\nassert not heavy, heavy"
    )
    words = {
        "COMP_WORDS": "faeval verify --setting te",
        "COMP_CWORD": "3",
        "_FAEVAL_COMPLETE": "complete_bash",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["teacher"]
