"""Every exit code, of a process, equal to the one in the JSON, which is all that is on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]

CLAIM = """
import faeval as fe
a, b = fe.metric("score", fe.Arm("a")), fe.metric("score", fe.Arm("b"))
better = fe.Claim("b beats a", fe.exceeds(b, a, by=fe.Margin({margin}, "any")), {more})
"""
USUAL = {"margin": "0.1", "more": "attributed_to='rule', expect='supported'"}
FILES = {
    "good.py": CLAIM.format(**USUAL),
    "drift.py": CLAIM.format(**USUAL | {"more": "attributed_to='rule', expect='refuted'"}),
    "open.py": CLAIM.format(**USUAL | {"margin": "0.55"}),
    "invalid.py": CLAIM.format(**USUAL | {"more": "attributed_to='penalty', expect='supported'"}),
    "empty.py": "import faeval\n",
    "internal.py": (
        CLAIM.format(**USUAL)
        + "from faeval import stats\nstats.rule = None  # a claims file is code\n"
    ),
    "interrupt.py": "raise KeyboardInterrupt\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("codes")
    for name, text in FILES.items():
        (found / name).write_text(text)
    rows = ["setting,arm,seed,metric,value"]
    wobble = {1: 0.0, 2: 0.1, 3: 0.02, 4: 0.06, 5: 0.09}
    rows += [
        f"bench,{arm},{seed},score,{(0.5 + wobble[seed]) * (arm == 'b')}"
        for arm in "ab"
        for seed in range(1, 6)
    ]
    (found / "table.csv").write_text("\n".join(rows) + "\n")
    (found / "locked").mkdir()
    (found / "locked" / "good.py").write_text(FILES["good.py"])
    (found / "locked" / "claims.lock").write_text('{"schema_version": 1}\n')
    return found


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good.py"], 0),
        (["open.py"], 0),
        (["drift.py"], 1),
        (["drift.py", "--seeds", "many"], 2),
        (["nowhere.py"], 2),
        ([""], 2),
        (["internal.py"], 3),
        (["empty.py"], 5),
        (["open.py", "--strict"], 10),
        (["invalid.py"], 11),
        (["locked/good.py"], 12),
        (["interrupt.py"], 130),
        # The first that applies, in the order of the table in docs/command-line.md.
        (["invalid.py", "drift.py"], 11),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_exit_code_is_the_one_in_the_json(
    folder: Path, run_faeval: Faeval, arguments: list[str], code: int
) -> None:
    done = run_faeval(folder, "verify", *arguments, "--evidence", "table.csv", "--json")
    assert done.returncode == code, done.stderr
    content = json.loads(done.stdout)  # one object and nothing else
    assert content["exit_code"] == code
    if "verdicts" in content:
        assert done.stderr == ""
        return
    assert content["schema"] == "faeval-error-1"
    assert done.stderr.startswith("faeval: ")
    assert content["error"].partition(":")[0].rstrip(".") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "verify drift.py --evidence table.csv",
        "verify internal.py --evidence table.csv --debug",
        "plan interrupt.py",
    ],
)
def test_a_fork_says_what_a_process_of_its_own_says(
    folder: Path, run_faeval: Faeval, start_faeval: Faeval, line: str
) -> None:
    fork, own = (run(folder, *line.split()) for run in (run_faeval, start_faeval))
    assert (fork.returncode, fork.stdout) == (own.returncode, own.stdout)
    told, needed = fork.stderr.splitlines(), own.stderr.splitlines()
    assert (told == needed) or ("--debug" in line and told[-1] == needed[-1])


def test_without_json_an_error_leaves_stdout_empty(folder: Path, run_faeval: Faeval) -> None:
    done = run_faeval(folder, "verify", "nowhere.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere.py" in done.stderr


USAGE_ERRORS = """
import contextlib, io, json, sys
import typer
from faeval import cli

def leaves(group, before):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, [*before, name])
        else:
            yield [*before, name], command

commands = leaves(typer.main.get_command(cli.app), [])
named = [name for name, command in commands if any(p.name == "json" for p in command.params)]
for name in named:
    out = io.StringIO()
    sys.argv = ["faeval", *name, "--no-such-option", "--json"]
    with contextlib.redirect_stdout(out):
        try:
            cli.main()
        except SystemExit as error:
            assert error.code == 2, (name, error.code)
    content = json.loads(out.getvalue())
    assert content["exit_code"] == 2 and "--no-such-option" in content["error"], (name, content)
print(*map(" ".join, named), sep="\\n")
"""


def test_every_command_that_has_json_says_usage_errors_in_one_line_and_in_json(
    folder: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", USAGE_ERRORS],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    named = done.stdout.splitlines()
    assert {"init", "verify", "calibrate", "audit", "check-metric"} <= set(named)
    assert len(done.stderr.splitlines()) == len(named)


LOUD = """
import atexit, logging, os, sys
import faeval as fe

os.system("echo as it is loaded")
atexit.register(os.system, "echo from a subprocess at exit")
atexit.register(print, "at exit")
logging.basicConfig(stream=sys.stdout, level="INFO")

def run(arm, seed):
    os.system("echo as it runs")
    logging.info("as it runs")
    os.chdir("/")
    return {"score": 0.9 * arm["dose"] + 0.001 * seed * arm["dose"]}

mine = fe.Experiment("mine", run, factors={"dose": 0}, metrics={"score": (0, 1)})
a, b = fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm())
margin = fe.Margin(0.1, "any")
better = fe.Claim("It helps", fe.exceeds(a, b, by=margin), attributed_to="dose", seeds=2)
"""


def test_whatever_claims_and_their_runs_print_stdout_is_one_json_document(
    tmp_path: Path, run_faeval: Faeval
) -> None:
    (tmp_path / "loud.py").write_text(LOUD)
    done = run_faeval(tmp_path, "verify", "loud.py", "--json", "--workers", "2")
    assert (json.loads(done.stdout)["counts"]["supported"], done.returncode) == (1, 0), done.stderr
    for text in ("as it is loaded", "as it runs", "from a subprocess at exit"):
        assert text in done.stderr
