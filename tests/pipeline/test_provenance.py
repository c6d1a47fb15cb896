"""What evidence says of the code that it was made with: the commit, and whether the working tree
was that commit.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

import pytest

import faeval as fe
from faeval.campaign import provenance
from faeval.evidence import AuditRecord, Store


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


def _run(arm: Mapping[str, float], seed: int) -> dict[str, float]:
    return {"score": arm["dose"] + seed / 100}


_TOY = fe.Experiment("toy", _run, factors={"dose": 0}, metrics={"score": None})
_DOSES = [fe.metric("score", arm) for arm in (fe.Arm(dose=1), fe.Arm())]
_CLAIM = fe.Claim(
    "More",
    fe.exceeds(*_DOSES, by=fe.Margin(0.1, "r")),
    attributed_to="dose",
    seeds=2,
    experiment=_TOY,
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
    made: list[tuple[str | None, bool | None]], said: str | None, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    fe.verify(_CLAIM, store=store, workers=1)
    for record, (commit, dirty) in zip(list(store.records()), cycle(made)):
        assert isinstance(record, AuditRecord)
        store.write_audit(record.model_copy(update={"commit": commit, "dirty": dirty}))
    report = fe.verify(_CLAIM, store=store, offline=True)
    assert report.provenance.get("commit") == said
