"""[tool.faeval]: where it is found, what wins over it, and what is said of a mistake in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from faeval import config
from faeval._options import OPTIONS
from faeval.errors import FaevalError

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]

CLAIM = """
import faeval as fe
def run(arm, seed):
    return {"score": arm["dose"] + seed / 100 * arm["dose"]}
toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 9)})
other = fe.metric("score", fe.Arm(dose=1))
higher = fe.exceeds(other, fe.metric("score", fe.Arm()), by=fe.Margin(0.1, "any"))
more = fe.Claim("more", higher, attributed_to="dose")
late = fe.Claim("late", *more.assertions, attributed_to="dose", tags=("extended",), family="late")
"""


def write(folder: Path, table: str, at: str = "research") -> Path:
    (folder / at).mkdir(parents=True, exist_ok=True)
    (folder / at / "toy.py").write_text(CLAIM)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "x"\n\n[tool.faeval]\n{table}')
    return folder


def test_the_command_line_wins_over_the_environment_and_that_over_the_table(
    tmp_path: Path, run_faeval: Faeval
) -> None:
    write(
        tmp_path,
        'claims = "research"\nstore = "from/table"\nseeds = [7, 8, 9]\nworkers = 1\nall = true\n',
    )
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    done = run_faeval(below, "verify", "--json")
    assert done.returncode == 0, done.stderr
    verdicts = json.loads(done.stdout)["verdicts"]
    assert [v["claim"] for v in verdicts] == ["toy::more", "toy::late"]
    assert [v["seeds"] for v in verdicts] == [[7, 8, 9]] * 2
    assert len(list((tmp_path / "from" / "table").rglob("audit-*.json"))) == 6
    again = run_faeval(below, "verify", "--seeds", "2", "--no-all", "--json", FAEVAL_STORE="env")
    (verdict,) = json.loads(again.stdout)["verdicts"]
    assert verdict["seeds"] == [1, 2]
    assert len(list((below / "env").rglob("audit-*.json"))) == 4
    run_faeval(below, "verify", "--seeds", "1", "--store", "line", FAEVAL_STORE="env")
    assert len(list((below / "line").rglob("audit-*.json"))) == 2


def test_plan_and_lock_read_the_table_too_and_an_empty_one_marks_the_projects_root(
    tmp_path: Path, run_faeval: Faeval
) -> None:
    write(tmp_path, "", at="claims")
    below = tmp_path / "src"
    below.mkdir()
    planned = run_faeval(below, "plan")
    assert "10 runs" in planned.stdout, planned.stderr
    assert run_faeval(below, "lock").returncode == 0
    assert (tmp_path / "claims" / "claims.lock").is_file()


def test_a_mistake_is_one_line_that_names_file_and_key_but_help_is_given(
    tmp_path: Path, run_faeval: Faeval
) -> None:
    write(tmp_path, "wokers = 2\n", at="claims")
    done = run_faeval(tmp_path, "verify", "--json")
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 2
    assert len(done.stderr.strip().splitlines()) == 1
    for word in (
        str(tmp_path / "pyproject.toml"),
        "[tool.faeval]",
        "'wokers'",
        "did you mean 'workers'",
    ):
        assert word in done.stderr
    assert run_faeval(tmp_path, "verify", "--help").returncode == 0


@pytest.mark.parametrize(
    ("table", "needed"),
    [
        ("workers = 0", ["workers", "0 (int)", "at least 1"]),
        ("workers = true", ["workers", "True (bool)"]),
        ("seeds = 'many'", ["seeds", "'many' (str)", "list"]),
        ("seeds = 0", ["seeds", "at least 1"]),
        ("seeds = [1, 1]", ["repeats 1"]),
        ("claims = []", ["claims", "[] (list)", "list of paths"]),
        ("claims = 3", ["claims", "3 (int)"]),
        ("setting = ''", ["setting", "''"]),
        ("strict = 'yes'", ["strict", "'yes' (str)", "true or false"]),
        ("backend = 'threads'", ["backend", "'threads'", "loky, dask, ray"]),
        ("retries = -1", ["retries", "-1 (int)"]),
        ("time_limit = 0", ["time_limit", "0 (int)", "seconds"]),
        ("offline = 1", ["offline", "1 (int)", "true or false"]),
        ("evidence = 'none.csv'", ["evidence", "none.csv", "no such file"]),
        ("json = true", ["no key 'json'"]),
        ("[tool.faeval.deep]\nx = 1", ["'deep'"]),
    ],
)
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, table: str, needed: list[str]) -> None:
    write(tmp_path, table)
    with pytest.raises(FaevalError) as found:
        config.find(tmp_path)
    for word in (str(tmp_path / "pyproject.toml"), "[tool.faeval]", *needed):
        assert word in str(found.value)


def test_the_nearest_table_counts_and_files_without_one_are_passed_over(tmp_path: Path) -> None:
    assert config.find(tmp_path) == config.Defaults()
    write(tmp_path, "workers = 3")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (below / "pyproject.toml").write_text("[tool.other]\n")
    (tmp_path / "a" / "pyproject.toml").write_text("this is [no TOML, and none of our business\n")
    defaults = config.find(below)
    assert (defaults.root, defaults.of(OPTIONS["workers"])) == (tmp_path, 3)
    assert defaults.of(OPTIONS["claims"]) == (tmp_path / "claims",)
    assert defaults.of(OPTIONS["store"]) == tmp_path / ".faeval"
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.faeval\n")
    with pytest.raises(FaevalError, match=r"a/pyproject\.toml: is no TOML"):
        config.find(below)


@given(
    st.one_of(
        st.integers(1, 99),
        st.lists(st.integers(0, 10**6), min_size=1, max_size=9, unique=True).map(tuple),
    )
)
def test_seeds_in_a_text_are_read_as_those_of_a_table(seeds: int | tuple[int, ...]) -> None:
    row = OPTIONS["seeds"]
    text = str(seeds) if isinstance(seeds, int) else "".join(f"{seed}," for seed in seeds)
    value = seeds if isinstance(seeds, int) else list(seeds)
    assert row.parse(text, "--seeds") == row.check(value, "seeds") == seeds


def test_the_table_repeats_what_help_cannot_load() -> None:
    from faeval import campaign
    from faeval.evidence._table import MOST_ROWS

    assert OPTIONS["backend"].words == campaign.BACKENDS
    assert OPTIONS["max_rows"].default == MOST_ROWS
