"""docs/claims.md: its tables are made of the code, its examples run, and print what the page shows.

python tests/project/test_claims_page.py --write     # writes tables and outputs into the page
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import faeval as fe
from faeval.experiment import METRICS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "claims.md"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
OUTPUT = re.compile(r"(<!-- output: (.*?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example: ([\w./]+) -->\n```python\n(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"<!-- commands: registration -->\n```sh\n(.*?)```", re.DOTALL)
SAID = re.compile(r"\| what is said \|.*?\n\n", re.DOTALL)
ASSERTIONS = (
    *("exceeds", "below", "not_above", "not_below", "equivalent", "agree", "at_least", "any_of"),
)
FUNCTIONS = (
    *("metric", "mean", "median", "iqm", "max", "min", "share_above", "slope", "trend", "area"),
    *("first", "share_of_seeds", "spread", "log10", "depth_utility", "depth_ladder"),
)
#: Filled in by faeval, not by the author of a claim.
INNER = {"self", "id", "experiment", "line"}


def table(*rows: tuple[str, ...]) -> str:
    head, *body = (
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
    )
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body]) + "\n"


def code(text: str) -> str:
    return re.sub(r"``(.*?)``", r"`\1`", text)


def paragraph(thing: object) -> str:
    return code(" ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split()).rstrip("."))


def public() -> list[str]:
    """Every estimand of the package, by name."""
    return [n for n in fe.__all__ if n in METRICS and callable(getattr(fe, n))]


def estimands() -> str:
    rows = []
    for name in public():
        about = METRICS[name]
        where = "each state" if about.layered else "network"
        rows.append((f"`fe.{name}(arm)`", about.description.rstrip("."), where))
    return table(("estimand", "what it is", "one number for"), *rows)


def functions() -> str:
    rows = []
    for name in FUNCTIONS:
        given = [
            str(p).partition(":")[0]
            for p in inspect.signature(getattr(fe, name)).parameters.values()
        ]
        call = ", ".join(p for p in given if p not in ("layers", "epoch", "exact"))
        rows.append((f"`fe.{name}({call})`", paragraph(getattr(fe, name))))
    return table(("function", "gives"), *rows)


def assertions() -> str:
    rows = []
    for name in ASSERTIONS:
        parameters = inspect.signature(getattr(fe, name)).parameters
        call = ", ".join(
            f"{n}=" if n in ("by", "within") else str(p).partition(":")[0]
            for n, p in parameters.items()
            if n not in ("anticipated", "paired")
        )
        rows.append((f"`fe.{name}({call})`", paragraph(getattr(fe, name))))
    return table(("assertion", ""), *rows)


def documented() -> dict[str, str]:
    """What the docstring of Claim says of each argument."""
    section = (
        (inspect.getdoc(fe.Claim) or "")
        .partition("Parameters\n----------\n")[2]
        .partition("\n\nRaises")[0]
    )
    found: dict[str, str] = {}
    for names, text in re.findall(r"^(\S.*)\n((?:    .*\n?)+)", section, re.MULTILINE):
        for name in names.replace("*", "").split(", "):
            found[name] = code(" ".join(text.split()))
    return found


def arguments() -> str:
    said, rows = documented(), []
    for name, parameter in inspect.signature(fe.Claim).parameters.items():
        if name not in INNER:
            default = "" if parameter.default is parameter.empty else f"`{parameter.default!r}`"
            rows.append((f"`{name}`", default, said.get(name, "See above.")))
    return table(("argument", "default", ""), *rows)


TABLES: dict[str, Callable[[], str]] = {
    "estimands": estimands,
    "functions": functions,
    "assertions": assertions,
    "arguments": arguments,
}


def call(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # The shell finds the faeval and the git of this environment; git needs a name to commit under.
    env = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "reader", f"GIT_{who}_EMAIL": "reader@example.org"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (command, done.stderr)
    return done


def repository(folder: Path) -> Path:
    """A reader's repository with the examples of the page, in which ``faeval`` is the one that is
    tested.
    """
    for name, content in EXAMPLE.findall(PAGE.read_text()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "bin").mkdir()
    program = folder / "bin" / "faeval"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m faeval "$@"\n')
    program.chmod(0o755)
    (folder / "pyproject.toml").write_text(
        "[tool.faeval]\nworkers = 1\n"
    )  # starting more takes longer than the runs
    call("git init -q", folder)
    return folder


def printed(command: str, folder: Path) -> str:
    done = call(command, folder)
    lines = [f"$ {command}", *(line.rstrip() for line in done.stdout.splitlines())]
    return "```console\n" + "\n".join(lines) + "\n```\n"


def test_the_tables_are_those_of_the_code() -> None:
    found = {name: body for _, name, body, _ in TABLE.findall(PAGE.read_text())}
    assert set(found) == set(TABLES)
    for name, body in found.items():
        assert body == TABLES[name](), (
            f"{name}: run `python tests/project/{Path(__file__).name} --write`"
        )


def test_the_tables_leave_nothing_out() -> None:
    made = {n for n, room in fe._WHERE.items() if room == "faeval.claims"}
    types = {"Assertion", "Claim", "Estimand", "Margin", "Ratio", "Verdict"}
    types |= {"decide", "deep", "embedding"}
    assert made - types == {*ASSERTIONS, *FUNCTIONS, *public()}
    known = set(inspect.signature(fe.Claim).parameters) - INNER - {"controls"}
    assert known <= set(documented()), "an argument without a word in the docstring"


def what_to_write() -> list[str]:
    """The code of each form in the table of what people say."""
    (shown,) = SAID.findall(PAGE.read_text())
    return [code for code in re.findall(r"`([^`]+)`", shown) if "(" in code]


@pytest.mark.parametrize("text", what_to_write())
def test_what_people_say_can_be_written_as_the_table_has_it(text: str) -> None:
    names: dict[str, Any] = {name: fe.Arm(method=name) for name in ("new", "old", "best")}
    for metric in ("acc", "time", "ece"):
        names[metric] = partial(reading, metric)
    names["failed"] = partial(reading, "failed", outcome="rate")
    names |= dict.fromkeys(("tasks", "prompts", "widths", "rates", "epochs"), range(1, 13))
    names["rivals"] = [fe.Arm(method=f"rival{i}") for i in range(6)]
    names["margin"] = fe.Margin(0.01, "why")
    names["each"] = [
        fe.exceeds(
            *(reading("acc", names[side], task=t) for side in ("new", "old")), by=names["margin"]
        )
        for t in range(12)
    ]
    made = eval(f"[{text}]", {"fe": fe, **names})
    assert fe.Claim("as said", *made).asserted


def reading(metric: str, arm: fe.Arm, **how: Any) -> fe.Estimand:
    epoch, outcome = how.pop("epoch", None), how.pop("outcome", None)
    return fe.metric(metric, arm.but(**how) if how else arm, epoch=epoch, outcome=outcome)


@pytest.mark.slow
def test_the_examples_print_what_the_page_shows(tmp_path: Path) -> None:
    folder = repository(tmp_path)
    shown = OUTPUT.findall(PAGE.read_text())
    assert shown
    for _, command, body, _ in shown:
        found = printed(command, folder)
        assert found == body, f"run `python tests/project/{Path(__file__).name} --write`"


@pytest.mark.slow
def test_the_way_from_a_pilot_to_a_registered_verdict_can_be_walked(tmp_path: Path) -> None:
    folder = repository(tmp_path)
    (block,) = COMMANDS.findall(PAGE.read_text())
    steps = [line.partition("   #")[0].strip() for line in block.splitlines()]
    outputs = [call(step, folder).stdout for step in steps]
    assert "as registered" in outputs[-1]
    assert "unregistered" not in outputs[-1]
    assert "claims.lock" in call("git ls-files", folder).stdout
    # With the spread of the pilot, the plan says what it could not say before.
    first, second = (
        out for step, out in zip(steps, outputs, strict=True) if step.startswith("faeval plan")
    )
    assert "anticipated: " not in first.partition("detectable:")[0]
    assert "anticipated: " in second.partition("detectable:")[0]


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w./-]+)\)", PAGE.read_text()))))
def test_what_the_page_points_at_is_there(link: str) -> None:
    assert (PAGE.parent / link).exists()


def main() -> None:
    text = TABLE.sub(lambda m: m.group(1) + TABLES[m.group(2)]() + m.group(4), PAGE.read_text())
    with tempfile.TemporaryDirectory() as folder:
        made = repository(Path(folder))
        text = OUTPUT.sub(lambda m: m.group(1) + printed(m.group(2), made) + m.group(4), text)
    PAGE.write_text(text)
    sys.stdout.write(f"wrote {PAGE.name}\n")


if __name__ == "__main__":
    main()
