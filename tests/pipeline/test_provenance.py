"""What evidence says of the code that it was made with: the commit, and whether the working tree
was that commit.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from faeval.campaign._provenance import provenance
from faeval.claims import Origins
from faeval.evidence import TrainingRecord
from faeval.pipeline._provenance import provenance_of


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True)


def test_a_tree_is_dirty_where_code_was_changed_or_never_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    git(tmp_path, "init", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    monkeypatch.chdir(tmp_path)
    assert provenance((), None).dirty is False
    installed = tmp_path / "venv" / "lib" / "site-packages" / "other"
    installed.mkdir(parents=True)
    for kept in (tmp_path / "evidence.csv", tmp_path / "ignored.py", installed / "module.py"):
        kept.write_text(
            ""
        )  # results, and code of others, lie in a tree without changing what it is
    assert provenance((), None).dirty is False
    claims = tmp_path / "claims" / "new.py"
    claims.parent.mkdir()
    claims.write_text("")
    monkeypatch.chdir(installed)  # from any folder of the tree
    assert provenance((), None).dirty is True
    claims.unlink()
    assert provenance((), None).dirty is False
    (tmp_path / "code.py").write_text("x = 2\n")
    assert provenance((), None).dirty is True


def record(commit: str | None, dirty: bool | None) -> TrainingRecord:
    return TrainingRecord(
        setting="teacher",
        arm="dfa",
        factors={},
        seed=1,
        key="a" * 64,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        commit=commit,
        dirty=dirty,
        weights="b" * 64,
        checkpoints={},
        rows=(("train_loss", 1, None, 0.7, "measured"),),
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([("c1", False)], "c1"),
        ([("c1", None)], "c1"),
        ([("c1", True)], "c1, with uncommitted changes"),
        ([("c2", False), ("c1", True), ("c1", False)], "c1; c1, with uncommitted changes; c2"),
        ([(None, True)], None),
    ],
)
def test_provenance_says_which_commits_were_not_the_whole_truth(
    made: list[tuple[str | None, bool | None]], said: str | None
) -> None:
    found = provenance_of([record(*each) for each in made], Origins())
    assert found.get("commit") == said
