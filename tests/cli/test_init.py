"""faeval init: what it writes works at once, and what was there stays."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from faeval.cli import app
from faeval.cli._init import requirement_of

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]


def test_a_new_project_plans_registers_verifies_and_passes_in_pytest(
    tmp_path: Path, run_faeval: Faeval, forks_of: Callable[..., Faeval]
) -> None:
    made = run_faeval(tmp_path, "init", "new")
    assert made.returncode == 0, made.stderr
    assert made.stdout.split("\n")[:3] == [
        "created claims/example.py",
        "created pyproject.toml",
        "created .gitignore",
    ]
    folder = tmp_path / "new"
    planned = run_faeval(folder, "plan")
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"\b20 runs, 0 ", planned.stdout)
    # The way that it says comes next, a pilot first: it tells the power of the verdict that is
    # expected.
    steps = [shlex.split(line, comments=True) for line in made.stderr.splitlines()]
    steps = [step[1:] for step in steps if step[0] == "faeval"]
    assert [step[0] for step in steps] == ["plan", "verify", "lock", "verify"]
    for step in steps[1:3]:
        done = run_faeval(folder, *step, FAEVAL_WORKERS="1")
        assert done.returncode == 0, done.stderr
    outlook = json.loads(run_faeval(folder, "plan", "--json").stdout)["claims"]
    chances = [claim["assertions"][0]["chances"]["at"]["anticipated"] for claim in outlook]
    assert chances[0]["supported"] > 0.9
    assert chances[1]["refuted"] > 0.9
    done = run_faeval(folder, "verify", "--workers", "1", "--strict", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert [v["verdict"] for v in content["verdicts"]] == ["supported", "refuted"]
    assert all(v["as_expected"] and "unregistered" not in v["flags"] for v in content["verdicts"])
    # Registered, each with room to spare: the verdicts do not hang on the last bit of a mean.
    assert all(
        min(v["adjusted_support"], v["adjusted_refute"]) < 0.025 for v in content["verdicts"]
    )
    words = ["claims/", "--faeval-strict", "--faeval-offline", "-W", "error"]
    tested = forks_of()("pytest", words, folder, os.environ)
    assert "2 passed" in tested.stdout, tested.stdout + tested.stderr
    assert "2 as registered" in tested.stdout


def test_what_is_there_is_kept(tmp_path: Path, run_faeval: Faeval) -> None:
    (tmp_path / "claims").mkdir()
    mine = tmp_path / "claims" / "mine.py"
    mine.write_text("import faeval\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"  # no newline at the end')
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    done = run_faeval(tmp_path, "init", "--ci", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["schema"], content["exit_code"]) == ("faeval-init-1", 0)
    assert content["kept"] == ["claims/"]
    assert content["added_to"] == ["pyproject.toml", ".gitignore"]
    assert content["created"] == [".github/workflows/claims.yml", "requirements.txt"]
    assert [p.name for p in (tmp_path / "claims").iterdir()] == ["mine.py"]
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith('[project]\nname = "mine"  # no newline at the end\n\n[tool.faeval]')
    assert tomllib.loads(text)["tool"]["faeval"]["claims"] == ["claims"]
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.faeval/\n"
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    again = json.loads(run_faeval(tmp_path, "init", "--ci", "--json").stdout)
    assert again["created"] == again["added_to"] == []
    everything = [
        "claims/",
        "pyproject.toml",
        ".gitignore",
        ".github/workflows/claims.yml",
        "requirements.txt",
    ]
    assert again["kept"] == everything
    assert json.loads(run_faeval(tmp_path, "init", "--json").stdout)["kept"] == everything
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("text", "needed"),
    [("[tool\n", "pyproject.toml"), ("tool = {black = {}}\n", "cannot be added"), (None, "exists")],
)
def test_what_cannot_be_added_to_is_one_clear_error_and_nothing_is_written(
    tmp_path: Path, run_faeval: Faeval, text: str | None, needed: str
) -> None:
    if text is None:
        (tmp_path / "new").write_text("a file")
    else:
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "pyproject.toml").write_text(text)
    done = run_faeval(tmp_path, "init", "new")
    assert done.returncode == 2
    assert needed in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new" / "claims").exists()


def test_the_workflow_calls_commands_that_there_are_and_is_the_one_of_the_page(
    tmp_path: Path, run_faeval: Faeval
) -> None:
    assert run_faeval(tmp_path, "init", "--ci").returncode == 0
    text = (tmp_path / ".github" / "workflows" / "claims.yml").read_text()
    called = re.findall(r"run: faeval ([\w-]+)", text)
    assert {"verify", "lock"} <= set(called) <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert "requirements.txt" in text
    page = ROOT / "docs" / "ci.md"
    if page.exists():
        assert f"```yaml\n{text}```" in page.read_text()


COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = {"vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}}


@pytest.mark.parametrize(
    ("source", "line", "to_fill_in"),
    [
        # origin of the forms: the specification of direct_url.json of the Python Packaging
        # Authority
        ({}, "faeval==1.2", False),
        (
            {"url": "https://example.org/lab/faeval.git", **GIT},
            f"faeval @ git+https://example.org/lab/faeval.git@{COMMIT}",
            False,
        ),
        (
            {"url": "https://me:secret@example.org/lab/faeval.git", **GIT},
            f"faeval @ git+https://example.org/lab/faeval.git@{COMMIT}",
            False,
        ),
        (
            {"url": "https://example.org/faeval-1.2-py3-none-any.whl", "archive_info": {}},
            "faeval @ https://example.org/faeval-1.2-py3-none-any.whl",
            False,
        ),
        (
            {"url": "file:///home/me/dist/faeval-1.2%2Blab-py3-none-any.whl", "archive_info": {}},
            "./faeval-1.2+lab-py3-none-any.whl",
            True,
        ),
        (
            {"url": "file:///home/me/faeval", "dir_info": {"editable": True}},
            "./faeval-1.2-py3-none-any.whl",
            True,
        ),
        ({"url": "file:///home/me/faeval", **GIT}, "./faeval-1.2-py3-none-any.whl", True),
    ],
)
def test_what_installs_faeval_comes_from_where_it_was_installed(
    source: dict[str, object], line: str, to_fill_in: bool
) -> None:
    found = requirement_of(source, "1.2")
    *comments, last = found.line.splitlines()
    assert last == line
    assert all(comment.startswith("# ") for comment in comments)
    assert bool(comments) == bool(found.to_fill_in) == to_fill_in
    for text in (found.line, found.to_fill_in):
        assert "/home/me" not in text
        assert "secret" not in text


@pytest.mark.slow
def test_an_installed_wheel_is_named_and_its_folder_is_not(tmp_path: Path) -> None:
    """A wheel without dependencies is unpacked by pip where nothing else of faeval is."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip("this environment has no pip that builds wheels")
    (wheel,) = tmp_path.glob("*.whl")
    there = tmp_path / "there"
    subprocess.run([*pip, "install", "--no-deps", "-t", there, wheel], check=True)
    code = "import sys; sys.argv[0] = 'faeval'; from faeval.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "init", "new", "--ci"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(there)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "new" / "requirements.txt").read_text()
    assert f"./{wheel.name}" in text.splitlines()
    assert wheel.name in done.stderr
    assert str(tmp_path) not in text
