"""Which of several places says what holds for a session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, os, pathlib, sys
import pytest
from faeval.pytest_plugin._options import KEY

class See:
    def pytest_collection(self, session):
        found = session.config.stash[KEY]
        told.append({k: str(getattr(found, k)) for k in ("setting", "store", "seeds", "workers", "strict", "device")})

told = []
def session(*options):
    assert pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *options], plugins=[See()]) == 5

session()
pathlib.Path("pyproject.toml").write_text(
    '[tool.faeval]\\nsetting = "table"\\nstore = "table"\\nseeds = [7, 9]\\nworkers = 1\\nstrict = true\\n')
session()
pathlib.Path("pytest.ini").write_text(
    "[pytest]\\nfaeval_setting = ini\\nfaeval_store = ini\\nfaeval_seeds = 4\\nfaeval_workers = 2\\nfaeval_strict = false\\n")
session()
os.environ |= {"FAEVAL_SETTING": "environment", "FAEVAL_STORE": "environment", "FAEVAL_WORKERS": "3", "FAEVAL_SEEDS": "8"}
session()
session("--faeval-setting=line", "--faeval-store=line", "--faeval-seeds=1,", "--faeval-workers=4", "--faeval-strict")
sys.stderr.write(json.dumps(told))
"""


def test_command_line_environment_ini_and_table_count_in_this_order(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    none, table, ini, environment, line = json.loads(done.stderr.splitlines()[-1])

    def expected(setting: str, store: str, seeds: str, workers: str, strict: str) -> dict[str, str]:
        found = {"setting": setting, "store": str(tmp_path / store), "seeds": seeds, "workers": workers}
        return {**found, "strict": strict, "device": "cpu"}

    assert none == expected("None", ".faeval", "None", "None", "False")
    assert table == expected("table", "table", "(7, 9)", "1", "True")
    assert ini == expected("ini", "ini", "4", "2", "False")
    # Seeds are a matter of the claims, and no variable sets them.
    assert environment == expected("environment", "environment", "4", "3", "False")
    assert line == expected("line", "line", "(1,)", "4", "True")
