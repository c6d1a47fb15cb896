"""faeval lock and faeval plan as a user meets them: real subprocesses, exit codes, JSON that says
the same.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from faeval.claims import read_lock

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]

CLAIMS = """
import faeval as fe

def run(arm, seed):
    return {"score": 0.1 * arm["dose"] + 0.02 * ((seed * 37) % 11) / 11 * (1 + arm["dose"])}

toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 1)}, revision="1")
score = {dose: fe.metric("score", fe.Arm(dose=dose)) for dose in (0, 1)}
margin = fe.Margin(MARGIN, "r")
higher = fe.exceeds(score[1], score[0], by=margin, anticipated=0.1)
more = fe.Claim("More", higher, attributed_to="dose")
"""


def write(folder: Path, margin: float) -> None:
    (folder / "claims").mkdir(exist_ok=True)
    (folder / "claims" / "it.py").write_text(CLAIMS.replace("MARGIN", str(margin)))


def test_register_check_change_and_amend(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path, 0.05)
    assert faeval("lock", "--check").returncode == 2
    made = faeval("lock", "--json")
    content = json.loads(made.stdout)
    lock = read_lock(tmp_path / "claims" / "claims.lock")
    assert content == {
        "schema": "faeval-lock-1",
        "exit_code": 0,
        "sha256": lock.sha256,
        "claims": ["it::more"],
        "new": ["it::more"],
        "entries": 1,
    }
    assert "commit it before" in made.stderr
    again = faeval("lock")
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing new" in again.stderr
    checked = faeval("lock", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "1 claim as registered" in checked.stdout

    write(tmp_path, 0.06)
    checked = faeval("lock", "--check", "--json")
    content = json.loads(checked.stdout)
    assert checked.returncode == 1
    assert (content["passed"], content["changed"]) == (False, ["it::more"])
    refused = faeval("lock")
    assert refused.returncode == 2
    assert "--amend it::more" in refused.stderr
    amended = faeval("lock", "--amend", "it::more", "--because", "a typing error")
    assert amended.returncode == 0
    checked = faeval("lock", "--check", "--json")
    assert checked.returncode == 0
    assert [e["reason"] for e in json.loads(checked.stdout)["chain"]] == ["", "a typing error"]

    file = tmp_path / "claims" / "claims.lock"
    file.write_text(file.read_text().replace("a typing error", "no reason at all"))
    checked = faeval("lock", "--check")
    assert checked.returncode == 12
    assert re.search(r"\bclaims\.lock\b.*\bchecksum\b", checked.stderr)


def test_options_that_do_not_go_together(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path, 0.05)
    for arguments in (
        ["--check", "--amend", "it::more"],
        ["--against", "main"],
        ["--because", "r"],
        ["--amend", "it::x"],
        ["--max-rows", "0"],
    ):
        refused = faeval("lock", *arguments)
        assert refused.returncode == 2, arguments
        assert refused.stderr.startswith("faeval: ")
        assert not (tmp_path / "claims" / "claims.lock").exists()


def test_the_plan_says_the_same_as_json(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path, 0.05)
    faeval("verify", "--seeds", "1000,1001,1002", "--report", "pilot", "--workers", "1")
    faeval("lock", "--pilot", "pilot")
    table = faeval("plan", "--workers", "1")
    content = json.loads(faeval("plan", "--workers", "1", "--json").stdout)
    assert table.returncode == 0
    assert (content["schema"], content["setting"], content["runs"], content["cached"]) == (
        "faeval-plan-1",
        "toy",
        10,
        0,
    )
    (claim,) = content["claims"]
    (assertion,) = claim["assertions"]
    assert (claim["claim"], claim["seeds"], claim["problem"]) == ("it::more", [1, 2, 3, 4, 5], None)
    assert assertion["pilot"]["n"] == 3
    assert f"{assertion['chances']['power']:.2f}" in table.stdout
    assert content["seconds"] >= 0
    assert re.search(r"\b10 runs, 0 .*\babout \d", table.stdout)


def test_a_design_that_is_refused_is_named_at_the_start_of_verify(
    tmp_path: Path, faeval: Faeval
) -> None:
    write(tmp_path, 0.05)
    file = tmp_path / "claims" / "it.py"
    file.write_text(file.read_text().replace('attributed_to="dose"', 'attributed_to="epoch"'))
    for arguments in ([], ["--json"]):
        planned = faeval("plan", *arguments)
        assert planned.returncode == 11
    assert json.loads(planned.stdout)["exit_code"] == 11
    done = faeval("verify", "--workers", "1")
    assert done.returncode == 11
    assert "confounded" in done.stdout
    file.write_text(
        file.read_text() + 'fine = fe.Claim("Fine", *more.assertions, attributed_to="dose")\n'
    )
    done = faeval("verify", "--workers", "1")
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("it::more: invalid (confounded)")
    assert "10/10 runs" in last


def test_a_design_that_is_expected_to_be_refused_is_no_failure_of_the_plan(
    tmp_path: Path, faeval: Faeval
) -> None:
    write(tmp_path, 0.05)
    file = tmp_path / "claims" / "it.py"
    text = file.read_text()
    for expect, code in (
        ("invalid:confounded", 0),
        ("invalid", 0),
        ("invalid:error", 11),
        ("supported", 11),
    ):
        file.write_text(
            text.replace('attributed_to="dose"', f'attributed_to="epoch", expect="{expect}"')
        )
        assert faeval("plan").returncode == code, expect
