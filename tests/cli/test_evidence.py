"""faeval evidence as a user meets it: results on stdout, the rest on stderr, and what the exit code
says.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from faeval.evidence import Store, TrainingRecord, read

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]

KEY = "a" * 64


@pytest.fixture
def faeval(tmp_path: Path, run_faeval: Faeval) -> Faeval:
    return functools.partial(run_faeval, tmp_path, "evidence")


def add(folder: Path, seed: int = 1, loss: float = 0.5, key: str = KEY) -> Store:
    store = Store(folder)
    rows = (("loss", 1, None, loss, "measured"),)
    common = {
        "setting": "toy",
        "arm": "dfa",
        "factors": {"rule": "dfa"},
        "started": "2026-01-01",
        "seconds": 1.0,
    }
    store.write_training(TrainingRecord(**common, seed=seed, key=key, rows=rows))
    return store


def test_check_names_every_bad_record_and_exits_12(tmp_path: Path, faeval: Faeval) -> None:
    for seed, key in enumerate("abc"):
        store = add(tmp_path / ".faeval", seed, key=key * 64)
    fine = faeval("check")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.startswith(
        ".faeval (store): 3 runs, 3 trainings, 0 audits, 3 rows; nothing wrong"
    )
    for key in "ab":
        path = store.training_path(key * 64)
        path.write_text(path.read_text().replace("0.5", "0.4"))
    bad = faeval("check")
    assert (bad.returncode, bad.stderr) == (12, "")
    assert [line for line in bad.stdout.splitlines() if "altered" in line and "runs/" in line]
    assert all(f"runs/{key * 64}/training.json" in bad.stdout for key in "ab")
    done = faeval("check", ".faeval", "--json")
    content = json.loads(done.stdout)
    assert (done.returncode, done.stderr, content["exit_code"]) == (12, "", 12)
    assert content["schema"] == "faeval-evidence-check-1"
    assert next(iter(content["sources"][0]["counts"].items())) == ("runs", 1)
    assert [f["kind"] for f in content["sources"][0]["findings"]] == ["altered", "altered"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["t.csv"], 0),
        (["t.csv", "twice.csv"], 2),
        (["t.csv", "twice.csv", "cut.csv"], 12),
        (["none.csv"], 2),
    ],
)
def test_the_worst_of_what_was_checked_is_the_exit_code(
    tmp_path: Path, arguments: list[str], code: int, faeval: Faeval
) -> None:
    head, row = "setting,arm,seed,metric,value\n", "toy,a,1,m,0.5\n"
    (tmp_path / "t.csv").write_text(head + row)
    (tmp_path / "twice.csv").write_text(head + row + row)
    (tmp_path / "cut.csv").write_text(head + row + "toy,a")
    done = faeval("check", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_merge_copies_or_refuses_and_names_the_conflict(tmp_path: Path, faeval: Faeval) -> None:
    add(tmp_path / "one")
    add(tmp_path / "two", seed=2, key="b" * 64)
    add(tmp_path / "other", loss=0.6)
    done = faeval("merge", "one", "two", "--into", "all", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        **{
            "schema": "faeval-evidence-merge-1",
            "exit_code": 0,
            "into": "all",
            "copied": 2,
            "checkpoints": 0,
        },
        **{"there": 0, "repeated": 0, "notes": [], "conflicts": []},
    }
    refused = faeval("merge", "other", "--into", "all")
    assert refused.returncode == 2
    assert refused.stderr.startswith("faeval: nothing was merged")
    (line,) = [row for row in refused.stderr.splitlines() if f"runs/{KEY[:12]}*" in row]
    assert re.search(r"\btoy dfa seed 1\b.*\ball\b.*\bother\b.*\brows\b", line)
    assert refused.stdout == ""
    refused = faeval("merge", "other", "--into", "all", "--json")
    said = json.loads(refused.stdout)
    assert (said["schema"], said["exit_code"], refused.returncode) == (
        "faeval-evidence-merge-1",
        2,
        2,
    )
    assert len(said["conflicts"]) == 1
    assert read(tmp_path / "all")["value"].tolist() == [0.5, 0.5]


def test_tables_merge_into_a_file_that_may_be_there(tmp_path: Path, faeval: Faeval) -> None:
    add(tmp_path / "one")
    head = "setting,arm,seed,epoch,metric,value\n"
    (tmp_path / "two.csv").write_text(head + "toy,dfa,2,1,loss,0.25\n")
    (tmp_path / "other.csv").write_text(head + "toy,dfa,2,1,loss,0.26\n")
    for _ in range(2):
        done = faeval("merge", "one", "two.csv", "--into", "all.parquet")
        assert done.returncode == 0, done.stderr
        assert read(tmp_path / "all.parquet")["value"].tolist() == [0.5, 0.25]
    refused = faeval("merge", "other.csv", "--into", "all.parquet")
    assert refused.returncode == 2
    (line,) = [row for row in refused.stderr.splitlines() if "0.26" in row]
    assert re.search(r"\btoy dfa seed 2\b.*\bloss\b.*\bvalue 0\.25\b.*\b0\.26\b", line)
    assert refused.stdout == ""
    assert read(tmp_path / "all.parquet")["value"].tolist() == [0.5, 0.25]


def test_export_and_import_write_files_that_decide(tmp_path: Path, faeval: Faeval) -> None:
    add(tmp_path / ".faeval")
    done = faeval("export", ".faeval", "out.csv", "--setting", "toy", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["schema"], content["exit_code"], content["rows"]) == (
        "faeval-evidence-export-1",
        0,
        1,
    )
    assert (
        (tmp_path / "out.csv")
        .read_text()
        .splitlines()[1]
        .startswith("toy,dfa,1,1,,loss,0.5,measured,key:")
    )
    (tmp_path / "their.csv").write_text("model,rep,acc,note\nforest,1,0.9,x\ntree,1,0.8,y\n")
    options = [
        "--setting",
        "iris",
        "--arm",
        "rule=model",
        "--seed",
        "rep",
        "--metric",
        "accuracy=acc",
    ]
    done = faeval("import", "their.csv", "mine.csv", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mine.csv: 2 rows")
    assert done.stderr.splitlines()[1:] == ["faeval: columns left out: note"]
    assert read(tmp_path / "mine.csv")["arm"].tolist() == ["forest", "tree"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import"], "SOURCE is missing"),
        (["import", "mlflow:.", "o.csv"], "--experiment is missing"),
        (["import", "none.csv", "o.csv", "--setting", "s"], "none.csv: cannot be read"),
        (["import", "t.csv", "o.csv", "--setting", "s", "--last", "--at", "3"], "--last and --at"),
        (["import", "t.csv", "o.csv", "--setting", "s", "--best", "highest"], "--best='highest'"),
        (["export", "t.csv", "o.txt"], "let it end in .csv or .parquet"),
        (["merge", "t.csv", "--into", "s"], "is no store"),
        (["check", "--max-rows", "few"], "--max-rows"),
    ],
)
def test_what_cannot_be_used_is_one_line_on_stderr(
    tmp_path: Path, arguments: list[str], says: str, faeval: Faeval
) -> None:
    (tmp_path / "t.csv").write_text("setting,arm,seed,metric,value\ntoy,a,1,m,0.5\n")
    done = faeval(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
