"""faeval check-numbers as its user calls it: exit codes, JSON, the report, bad input."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from faeval import cli
from faeval.printed import OUTCOMES

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Here = Callable[..., Done]


@pytest.fixture
def here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Here:
    """The command line in this process and the test's folder: a process of its own would take most
    of the time.
    """
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["faeval", "check-numbers", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return Done(int(left.value.code or 0), *capsys.readouterr())

    return call


RIGHT = '[[statement]]\nname = "right"\nmean = "0.15"\nvalues = ["0.1", "0.2"]\n'
WRONG = '[[statement]]\nname = "wrong"\nmean = "0.35"\nvalues = ["0.1", "0.2"]\n'
EXPECTED = WRONG + 'expect = "inconsistent"\n'


def test_one_statement_from_options(run_faeval: Faeval, tmp_path: Path) -> None:
    options = [
        "--mean",
        "-0.003",
        "--spread",
        "0.005",
        "--values",
        "-0.008,+0.000,-0.000",
        "--n",
        "3",
    ]
    done = run_faeval(tmp_path, "check-numbers", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"0\.005 .*\bddof 1 \(0\.0040 \w+ 0\.0052\)", done.stdout)
    named = ["--ratio", "48", "--of", "0.094", "--to", "random vector"]
    baselines = [
        "--baseline",
        "random vector=0.0056",
        "--baseline",
        "vanilla, end of training=+0.002",
    ]
    done = run_faeval(tmp_path, "check-numbers", *named, *baselines)
    assert done.returncode == 1
    assert re.search(
        r"\b48 .*'vanilla, end of training' \+0\.002\b.*\bnot\b.*\brandom vector 0\.0056\b",
        done.stdout,
    )


def test_options_read_rows_pairs_and_degrees_of_freedom(here: Here) -> None:
    table = [
        "--values",
        "0.1,0.2;0.3,0.4",
        "--n",
        "2",
        "--mean",
        "0.25",
        "--ci=-0.9,1.4",
        "--asymmetric",
    ]
    table += ["--f", "3.4", "--df", "2, 57", "--p", "< .05"]
    done = here(*table, "--json")
    (statement,) = json.loads(done.stdout)["statements"]
    assert done.returncode == 0
    assert statement["printed"]["values"] == [["0.1", "0.2"], ["0.3", "0.4"]]
    assert {f["check"] for f in statement["findings"]} == {"count", "mean", "p", "interval"}


@pytest.mark.parametrize(
    ("text", "code"),
    [(RIGHT, 0), (WRONG, 1), (EXPECTED, 0), (RIGHT + 'expect = "inconsistent"\n', 1)],
)
def test_the_exit_code_says_whether_each_statement_came_out_as_expected(
    here: Here, tmp_path: Path, text: str, code: int
) -> None:
    (tmp_path / "s.toml").write_text(text)
    done = here("s.toml", "--json")
    content = json.loads(done.stdout)
    assert (done.returncode, content["exit_code"], content["schema"]) == (
        code,
        code,
        "faeval/numbers/1",
    )
    assert [s["as_expected"] for s in content["statements"]] == [code == 0]
    plain = here("s.toml").stdout
    assert ("(expected: " in plain) == (
        code == 1 and "expect" in text
    )  # nothing was expected of a text that says nothing


def test_spreads_of_one_source_are_compared(here: Here, tmp_path: Path) -> None:
    each = '[[statement]]\nsource = "S"\nspread = "{}"\nvalues = ["0.100", "0.200", "0.400"]\n'
    mixed = each.format("0.125") + each.format("0.153")  # np.std with ddof 0, and with ddof 1
    (tmp_path / "mixed.toml").write_text(mixed)
    done = here("mixed.toml")
    assert done.returncode == 1
    assert re.search(r"(?m)^spreads\b.*\bS: inconsistent$", done.stdout)
    (tmp_path / "told.toml").write_text(
        mixed + '[[spreads]]\nsource = "S"\nexpect = "inconsistent"\n'
    )
    assert here("told.toml").returncode == 0
    for name, text in {
        "two sources": mixed.replace('"S"', '"T"', 1),
        "no source": mixed.replace('source = "S"\n', ""),
        "each declared": (
            each.format("0.125")
            + 'spread_is = "ddof 0"\n'
            + each.format("0.153")
            + 'spread_is = "ddof 1"\n'
        ),
    }.items():
        (tmp_path / "apart.toml").write_text(text)
        assert here("apart.toml").returncode == 0, name
    declared = (
        each.format("0.125")
        + 'spread_is = "s.d."\n'
        + each.format("0.153")
        + 'spread_is = "s.d."\n'
    )
    (tmp_path / "declared.toml").write_text(declared)
    done = here("declared.toml")
    assert done.returncode == 1
    assert re.search(r"(?m)^spreads\b.*\bS\b.*\bs\.d\.: inconsistent$", done.stdout)


BAD = {
    "[[statement]]\nname = 'x'\nmean = 0.080\n": (
        "bad.toml: statement 'x': mean = 0.08 ",
        "quotation marks",
    ),
    "[[statement]]\nname = 'x'\nvalues = [0.1]\n": (
        "statement 'x': values = [0.1] ",
        "list",
        "quotation marks",
    ),
    "[[statement]]\nn = '3'\n": ("statement 1: n = '3' ", "whole number"),
    "[[statement]]\nname = 'x'\nsd = '0.1'\n": (
        "statement 'x': sd = '0.1' ",
        "baselines, chi2, ci, df",
    ),
    "[[statement]]\nname = 'x'\nmean = '0,1'\n": ("statement 'x': mean ", "'0,1' (str)"),
    "[[statement]]\nname = 'x'\nexpect = 'wrong'\n": ("expect = 'wrong' ", ", ".join(OUTCOMES)),
    "[[statement]]\nname = 'x'\nci = ['0.1']\n": ("ci = ['0.1'] ", "['0.1', '0.3']"),
    "[[statement]]\nbaselines = ['0.1']\n": ("baselines = ['0.1'] ", "table"),
    "[[statement]]\nsymmetric = 'no'\n": ("symmetric = 'no' ", "true", "false"),
    "[[statment]]\nmean = '0.1'\n": ("bad.toml: ", "'statment'", "[[statement]]"),
    "statement = 3\n": ("bad.toml: 'statement' ", "list", "[[statement]]"),
    "": ("bad.toml: ", "no statement", "[[statement]]"),
    "[[statement\n": ("bad.toml: ", "TOML"),
    RIGHT + "[[spreads]]\nsource = 'S'\n": ("spreads 'S': source = 'S' ",),
    RIGHT + "source = 'S'\n[[spreads]]\nsource = 'S'\n": ("spreads 'S': ", "two"),
    RIGHT + "[[spreads]]\nwhere = 'S'\n": ("where = 'S' ", "source, spread_is, expect"),
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_used_is_named_with_its_place(here: Here, tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    done = here("bad.toml")
    assert (done.returncode, done.stdout) == (2, "")
    for needed in BAD[text]:
        assert needed in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], ("nothing to check", "TOML")),
        (["s.toml", "--mean", "0.1"], ("s.toml and --mean ",)),
        (["nowhere.toml"], ("nowhere.toml: ", f"({os.strerror(errno.ENOENT)})")),
        (
            ["--ratio", "2", "--of", "4", "--to", "2", "--baseline", "two"],
            ("--baseline 'two' ", "NAME=NUMBER"),
        ),
        (["--mean", "x"], ("the options: mean ", "'x' (str)")),
        (["--ci", "0.1,0.2,0.3"], ("ci = ['0.1', '0.2', '0.3'] ", "['0.1', '0.3']")),
    ],
)
def test_usage(here: Here, tmp_path: Path, arguments: list[str], told: tuple[str, ...]) -> None:
    (tmp_path / "s.toml").write_text(RIGHT)
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    for needed in told:
        assert needed in done.stderr


def test_a_report_is_the_same_bytes_again_and_its_text_is_inert(here: Here, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>|[x](http://y)\\u202e\\u001b[31m"
    (tmp_path / "s.toml").write_text(
        f'{EXPECTED}source = "{hostile}"\n[[statement]]\nname = "{hostile}"\nratio = "2x"\nof ='
        f' "4"\nto = "{hostile}"\nbaselines = {{ "{hostile}" = "2" }}\n'
    )
    first = here("s.toml", "--report", "a", "--json")
    again = here("s.toml", "--report", "b", "--json")
    assert first.stdout == again.stdout
    assert first.stdout.isascii()
    assert json.loads(first.stdout) == json.loads(
        (tmp_path / "a" / "numbers.json").read_text(encoding="utf-8")
    )
    for name in ("numbers.md", "numbers.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    page = (tmp_path / "a" / "numbers.md").read_text()
    shown = page + here("s.toml").stdout
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert "<script>" not in page.replace("\\<script>", "")
    assert not re.search(r"(?<!\\)\]\(", page)
    assert not [
        line
        for line in page.splitlines()
        if line.startswith("| ") and line.replace("\\|", "").count("|") != 5
    ]


def test_a_name_is_no_command_of_a_job(here: Here, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(RIGHT.replace('"right"', '"::error::x"'))
    done = here("s.toml")
    assert ":\u2060:error::x: consistent" in done.stdout
    bad = here("::error::x.toml")
    for text in (done.stdout, bad.stderr):
        assert not re.search(r"(?m)^\s*(::|##\[)", text)


def test_a_p_that_follows_from_the_values_says_so_once(here: Here) -> None:
    done = here("--values", "0.10,0.12,0.11,0.13", "--p", ".0005")
    (line,) = [row for row in done.stdout.splitlines() if row.strip().startswith("p:")]
    assert re.search(r"\bconsistent\b.*\bfrom the values\b", line)
    assert "from from" not in line


def test_a_written_report_can_be_checked(here: Here, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(RIGHT)
    assert here("s.toml", "--report", "a").returncode == 0
    done = here("s.toml", "--check", "a")
    assert done.returncode == 0
    assert re.fullmatch(r"a: .*\bnumbers\.json\b.*\bnumbers\.md\b.*\n", done.stderr)
    page = tmp_path / "a" / "numbers.md"
    page.write_text(page.read_text().replace("0.15", "0.16"))
    done = here("s.toml", "--check", "a")
    assert done.returncode == 12
    assert re.search(r"a: numbers\.md\b.*; --report a\b", done.stderr)
    assert "numbers.json" not in done.stderr
    assert here("s.toml", "--check", "nowhere").returncode == 2
    assert here("s.toml", "--check", "a", "--report", "a").returncode == 2
