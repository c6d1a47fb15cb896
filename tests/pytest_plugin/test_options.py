"""Which of several places says what holds for a session."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faeval.evidence import Store

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]

SCRIPT = """
import json, os, pathlib, sys
import pytest
from faeval.pytest_plugin import KEY

class See:
    def pytest_collection(self, session):
        found = session.config.stash[KEY]
        names = ("setting", "store", "seeds", "workers", "strict", "device")
        told.append({k: str(found[k]) for k in names})

told = []
def session(*options):
    words = ["--collect-only", "-q", "-p", "no:cacheprovider", *options]
    assert pytest.main(words, plugins=[See()]) == 5

session()
pathlib.Path("pyproject.toml").write_text(
    '[tool.faeval]\\nsetting = "table"\\nstore = "table"\\nseeds = [7, 9]\\n'
    'workers = 1\\nstrict = true\\n')
session()
pathlib.Path("pytest.ini").write_text(
    "[pytest]\\nfaeval_setting = ini\\nfaeval_store = ini\\nfaeval_seeds = 4\\n"
    "faeval_workers = 2\\nfaeval_strict = false\\n")
session()
os.environ |= {"FAEVAL_SETTING": "environment", "FAEVAL_STORE": "environment"}
os.environ |= {"FAEVAL_WORKERS": "3", "FAEVAL_SEEDS": "8"}
session()
session("--faeval-setting=line", "--faeval-store=line", "--faeval-seeds=1,",
        "--faeval-workers=4", "--faeval-strict")
sys.stderr.write(json.dumps(told))
"""


def test_command_line_environment_ini_and_table_count_in_this_order(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    none, table, ini, environment, line = json.loads(done.stderr.splitlines()[-1])

    def expected(setting: str, store: str, seeds: str, workers: str, strict: str) -> dict[str, str]:
        found = {
            "setting": setting,
            "store": str(tmp_path / store),
            "seeds": seeds,
            "workers": workers,
        }
        return {**found, "strict": strict, "device": "cpu"}

    assert none == expected("None", ".faeval", "None", "None", "False")
    assert table == expected("table", "table", "(7, 9)", "1", "True")
    assert ini == expected("ini", "ini", "4", "2", "False")
    # Seeds are a matter of the claims, and no variable sets them.
    assert environment == expected("environment", "environment", "4", "3", "False")
    assert line == expected("line", "line", "(1,)", "4", "True")


def test_a_setting_that_there_is_not_is_one_usage_error(project: Path, run_pytest: Pytest) -> None:
    done = run_pytest(project, "claims/", "--faeval-setting", "foo")
    assert done.returncode == 4, done.stdout
    assert (done.stdout + done.stderr).count("'foo'") == 1
    assert not (project / "journal").exists()
    one = run_pytest(
        project, "claims/toy.py::known_mix", "--faeval-setting", "toy"
    )  # what the file brings
    assert one.returncode == 0, one.stdout


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX")
@pytest.mark.parametrize("presses", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_says_that_finished_runs_are_kept(
    project: Path, group: type[subprocess.Popen[bytes]], presses: int
) -> None:
    file = project / "claims" / "toy.py"
    pause = (
        "    if seed == 2:\n        import time\n        time.sleep(1 if PRESSES == 1 else 600)\n"
    )
    text = file.read_text().replace("    wobble =", f"{pause}    wobble =", 1)
    file.write_text(f"PRESSES = {presses}\n" + text)
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "claims/toy.py::good", "-v"]
    said = project / "said"
    with said.open("w") as out, group(command, cwd=project, stdout=out, stderr=out) as process:
        journal = project / "journal"
        end = time.monotonic() + 120
        while not (journal.exists() and " 2\n" in journal.read_text()) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        while (
            presses == 2 and "press Ctrl-C again" not in said.read_text() and time.monotonic() < end
        ):
            time.sleep(0.02)
        if presses == 2:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 2, said.read_text()
    text = said.read_text()
    assert "faeval: stopping: 1 running" in text
    assert re.search(r"faeval: interrupted\b.*\bkept\b", text)
    assert "_execute.py" not in text
    assert "INTERNALERROR" not in text
    assert len(list(Store(project / ".faeval").records())) == len(
        journal.read_text().splitlines()
    ) - (presses - 1)
