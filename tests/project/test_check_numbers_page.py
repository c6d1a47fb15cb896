"""docs/check-numbers.md: its examples print what the page shows, its keys are those of a statement.

python tests/project/test_check_numbers_page.py --write     # runs the examples and writes what they
print into the page
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from faeval.printed import OUTCOMES, SPREAD_IS, Statement

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "check-numbers.md"
OUTPUT = re.compile(r"(<!-- output -->\n```console\n)(.*?)(```\n<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example: ([\w.]+) -->\n```toml\n(.*?)```", re.DOTALL)


def printed(block: str, folder: Path) -> str:
    """The commands of a block, each with what it prints."""
    lines = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        program, *arguments = shlex.split(command)
        assert program == "faeval"
        start = [sys.executable, "-m", "faeval", *arguments]
        done = subprocess.run(
            start, cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        lines += [f"$ {command}", *done.stdout.splitlines()]
    return "\n".join([*lines, ""])


def fresh(text: str, folder: Path) -> str:
    for name, body in EXAMPLE.findall(text):
        (folder / name).write_text(body, encoding="utf-8")
    return OUTPUT.sub(lambda m: m[1] + printed(m[2], folder) + m[3], text)


@pytest.mark.slow
def test_the_examples_print_what_the_page_shows(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(OUTPUT.findall(text)) == 5
    assert fresh(text, tmp_path) == text, (
        f"run `python tests/project/{Path(__file__).name} --write`"
    )


def test_the_page_names_every_key_and_every_kind() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+(?: [\w.]+)*)`", text)) | set(
        re.findall(r"^(\w+) = ", text, re.MULTILINE)
    )
    assert {f.name for f in dataclasses.fields(Statement)} <= named
    assert set(SPREAD_IS) | set(OUTCOMES) <= named


def test_what_the_page_names_exists() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target


if __name__ == "__main__" and "--write" in sys.argv:
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text(fresh(PAGE.read_text(encoding="utf-8"), Path(scratch)), encoding="utf-8")
