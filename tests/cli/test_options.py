"""The table of options: what holds on the command line holds in the environment, the table and
pytest, and a wrong value is one line in each.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from faeval import config
from faeval._options import OPTIONS, SWITCH, Option, arguments
from faeval.cli import app
from faeval.errors import FaevalError

#: By option a text that it cannot be; a text may be anything.
WRONG = {
    "seeds": "many",
    "evidence": "nowhere.csv",
    "workers": "0",
    "backend": "threads",
    "retries": "-1",
    "time_limit": "soon",
    "max_rows": "few",
}
FLAKY = """
import faeval as fe
from pathlib import Path

HERE = str(Path(__file__).parent)

def run(arm, seed):
    from pathlib import Path
    tried = Path(HERE) / f"tried-{seed}-{arm['dose']}"
    if not tried.exists():
        tried.touch()
        raise RuntimeError("the first try")
    return {"score": 0.9 * arm["dose"] + 0.01 * seed * arm["dose"]}

mine = fe.Experiment("mine", run, factors={"dose": 0}, metrics={"score": (0, 1)})
a, b = fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm())
margin = fe.Margin(0.1, "any")
better = fe.Claim("It helps", fe.exceeds(a, b, by=margin), attributed_to="dose", seeds=2)
"""
VERIFY = ["faeval", "verify", "--workers", "1"]
PYTEST = ["pytest", "-p", "no:cacheprovider", "claims", "--faeval-workers", "1"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, forks_of: Callable[..., Run]) -> Run:
    """``run(["pytest", "claims"], FAEVAL_RETRIES="1")`` runs a module in the folder of the test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAEVAL_", "PYTEST_"))}

    def call(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return forks_of()(words[0], words[1:], tmp_path, {**kept, **environment})

    return call


def test_wrong_values_are_known_for_every_kind_that_has_some() -> None:
    kinds = {row.kind.wanted for row in OPTIONS.values() if row.name in WRONG}
    free = {"a text", "a path", "a path or a list of paths", SWITCH.wanted}
    assert {row.kind.wanted for row in OPTIONS.values()} == kinds | free


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_one_line_from_the_command_line_the_environment_and_the_table(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, wrong = OPTIONS[name], WRONG[name]
    monkeypatch.chdir(tmp_path)

    def refused(*words: str) -> FaevalError:
        with pytest.raises(FaevalError) as caught:
            app(args=["verify", *words], standalone_mode=False)
        return caught.value

    check(refused(row.flag, wrong), row.flag, wrong)
    if row.environment is not None:
        monkeypatch.setenv(row.environment, wrong)
        check(refused(), row.environment, wrong)
        monkeypatch.delenv(row.environment)
    (tmp_path / "pyproject.toml").write_text(f'[tool.faeval]\n{name} = "{wrong}"\n')
    with pytest.raises(FaevalError) as caught:
        config.find(tmp_path)
    check(caught.value, f"[tool.faeval] {name}", wrong)


def check(error: FaevalError, where: str, value: str) -> None:
    assert error.exit_code == 2
    assert where in str(error)
    assert value in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("way", ["command line", "environment", "ini", "table"])
def test_a_wrong_value_is_one_usage_error_in_pytest(tmp_path: Path, run: Run, way: str) -> None:
    words, environment, text = PYTEST[:3], {}, "[pytest]\n"
    if way == "command line":
        words = [*words, "--faeval-time-limit", "soon"]
    elif way == "environment":
        environment["FAEVAL_TIME_LIMIT"] = "soon"
    elif way == "ini":
        text += "faeval_time_limit = soon\n"
    else:
        (tmp_path / "pyproject.toml").write_text('[tool.faeval]\ntime_limit = "soon"\n')
    (tmp_path / "pytest.ini").write_text(text)
    done = run(words, **environment)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert "time" in line.lower()
    assert "'soon'" in line


@pytest.mark.parametrize("way", ["command line", "environment", "table", "pytest"])
def test_retries_hold_wherever_they_are_said(tmp_path: Path, run: Run, way: str) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "flaky.py").write_text(FLAKY)
    words, environment = VERIFY, {}
    if way == "command line":
        words = [*VERIFY, "--retries", "1"]
    elif way == "environment":
        environment["FAEVAL_RETRIES"] = "1"
    elif way == "table":
        (tmp_path / "pyproject.toml").write_text("[tool.faeval]\nretries = 1\n")
    else:
        words = [*PYTEST, "--faeval-retries", "1"]
    done = run(words, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "attempt 1 of 2 failed" in (tmp_path / ".faeval" / "log.txt").read_text()


def test_a_switch_is_read_from_words_and_can_be_switched_off() -> None:
    row = OPTIONS["offline"]
    assert [row.parse(text, "x") for text in ("1", "TRUE", "on", "0", "no")] == [
        *(True, True, True),
        *(False, False),
    ]
    with pytest.raises(FaevalError, match=r"\bx\b.*'perhaps'"):
        row.parse("perhaps", "x")


def test_every_option_with_an_argument_is_one_of_verify() -> None:
    import inspect

    from faeval import pipeline

    parameters = inspect.signature(pipeline.verify).parameters
    values = {row.name: row.default for row in OPTIONS.values()}
    for argument, default in arguments(values).items():
        expected = parameters[argument].default
        assert expected == default or expected is None, argument
    assert set(arguments(values, "seeds", "workers")) == {"seeds", "workers"}


def rows_of(command: str) -> list[Option]:
    return [row for row in OPTIONS.values() if command in (*row.commands, *row.arguments_of)]


def test_the_commands_of_the_table_are_those_of_the_command_line() -> None:
    import typer

    def leaves(group, before: str = ""):  # type: ignore[no-untyped-def]
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from leaves(command, f"{name} ")
            else:
                yield f"{before}{name}", {p.name for p in command.params}

    there = dict(leaves(typer.main.get_command(app)))
    for row in OPTIONS.values():
        assert {*row.commands, *row.arguments_of} <= set(there), row.name
    for name, parameters in there.items():
        assert {row.name for row in rows_of(name)} <= parameters, name
