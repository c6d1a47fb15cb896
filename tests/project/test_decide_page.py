"""docs/decide.md: its commands print what the page shows.

python tests/project/test_decide_page.py --write     # runs them and writes what they print
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "decide.md"
FILE = re.compile(r"<!-- file: ([\w.]+) -->\n```\w+\n(.*?)```", re.DOTALL)
RUN = re.compile(r"(<!-- run -->\n```console\n)(.*?)(```\n<!-- end -->)", re.DOTALL)
SHELL = (
    f'faeval() {{ "{sys.executable}" -m faeval "$@"; }}; python() {{ "{sys.executable}" "$@"; }}; '
)


def printed(page: str, folder: Path) -> str:
    """The page with what its commands print, run in a folder with its files."""
    for name, text in FILE.findall(page):
        (folder / name).write_text(text)

    def run(match: re.Match[str]) -> str:
        lines = []
        for command in re.findall(r"^\$ (.*)$", match[2], re.MULTILINE):
            done = subprocess.run(
                ["bash", "-uc", SHELL + command],
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode in (0, 2), done.stdout
            lines += [f"$ {command}", *(line.rstrip() for line in done.stdout.splitlines())]
        return f"{match[1]}{chr(10).join(lines)}\n{match[3]}"

    return RUN.sub(run, page)


@pytest.mark.slow
def test_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    page = PAGE.read_text()
    assert len(RUN.findall(page)) == 4
    assert printed(page, tmp_path) == page, (
        f"run `python tests/project/{Path(__file__).name} --write`"
    )


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(printed(PAGE.read_text(), Path(folder)))
