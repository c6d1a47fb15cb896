"""docs/pytest.md: its examples run as they stand, and it names every option."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from faeval._options import OPTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text()
EXAMPLE = re.compile(r"<!-- example: ([\w./]+) -->\n```python\n(.*?)```", re.DOTALL)


def test_the_examples_run(
    tmp_path: Path, run_pytest: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "claims").mkdir()
    for name, code in EXAMPLE.findall(PAGE):
        (tmp_path / name).write_text(code)
    done = run_pytest(tmp_path, "--strict-markers", "-W", "error", "--faeval-workers", "1", "-v")
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert "1 as expected" in done.stdout
    selected = run_pytest(
        tmp_path, "-m", "dose_response and faeval(tag='quick')", "--collect-only", "-q"
    )
    assert "1/3 tests collected" in selected.stdout


def test_every_option_is_documented() -> None:
    section = PAGE.partition("## Options")[2].partition("## Several")[0]
    rows = [row for row in OPTIONS.values() if row.pytest]
    flags = {f"--faeval-{row.flag[2:]}" for row in rows if row.name != "claims"}
    assert set(re.findall(r"`(--faeval-[\w-]+)", section)) == flags
    assert set(re.findall(r"`faeval_(\w+)` \|", PAGE)) == {row.name for row in rows}
