"""Claims files by whatever way pytest is told of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import os, sys, pytest
for folder, arguments in {sessions!r}:
    print("session", flush=True)
    os.chdir(folder)
    assert pytest.main(["-q", "-p", "no:cacheprovider", *arguments]) == 0, (folder, arguments)
"""


def test_a_claims_file_is_found_from_its_own_folder_by_its_full_path_and_outside_of_claims(
    project: Path,
) -> None:
    claims, other, far = project / "claims", project / "other", project.parent / "far"
    other.mkdir()
    far.mkdir(exist_ok=True)
    (project / "pytest.ini").unlink()
    (other / "apart.py").write_text((claims / "toy.py").read_text())
    (other / "plain.py").write_text(
        "import faeval\n\ndef f():\n    '''\n    >>> 1\n    1\n    '''\n"
    )
    collect = ["--collect-only"]
    sessions = [
        (str(claims), [*collect, "toy.py"]),
        (str(claims), [*collect]),
        (str(far), [*collect, f"{claims / 'toy.py'}::good"]),
        (str(project), [*collect, "other/apart.py::good"]),
        (str(project), [*collect, "other/plain.py", "--doctest-modules"]),
        (str(project), ["--setup-plan", "claims/toy.py"]),
    ]
    command = [sys.executable, "-c", CODE.format(sessions=sessions)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [
        part.count("toy.py::") + part.count("apart.py::")
        for part in done.stdout.split("session\n")[1:]
    ]
    assert found[:5] == [7, 7, 1, 1, 0]
    assert "plain.py::" in done.stdout
    assert not (project / "journal").exists()  # no run was made
