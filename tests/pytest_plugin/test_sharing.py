"""Several workers of pytest-xdist, committed evidence, and claims inside a user's own tests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]


def test_workers_of_xdist_share_one_verification(
    tmp_path: Path,
    write_project: Callable[..., Path],
    run_pytest: Pytest,
    finished: tuple[Path, str, int],
) -> None:
    folder = write_project(tmp_path, (finished[0] / "claims" / "toy.py").read_text())
    # A run that fails leaves no record: only what workers tell each other keeps it from being run
    # by each of them.
    more = (
        'failing = raises("score", None, dose=9)\nafter = raises("noise", None, family="after")\n'
    )
    with (folder / "claims" / "toy.py").open("a") as file:
        file.write(more)
    done = run_pytest(folder, "claims", "-n", "2", "--junitxml=junit.xml", "-m", "not extended")
    assert "gw1" in done.stdout or "2 workers" in done.stdout, done.stdout
    journal = Counter((folder / "journal").read_text().splitlines())
    assert set(journal) == {f"{dose} {seed}" for dose in (0, 1, 9) for seed in range(1, 6)}
    assert set(journal.values()) == {1}
    for name in (
        "drifted",
        "mate",
        "mixed_up",
    ):  # none of them shares a family with what is new here
        assert properties(folder, name) == properties(finished[0], name)
    assert properties(folder, "failing")["reason_code"] == "error"
    assert "faeval: verdicts in toy" in done.stdout
    assert "claims/toy.py::after" in done.stdout.split("faeval: verdicts in toy")[1]
    assert "2 invalid, 1 drifted, 1 open" in done.stdout


def properties(folder: Path, name: str) -> dict[str, str]:
    cases = {
        case.attrib["name"]: case
        for case in ElementTree.parse(folder / "junit.xml").iter("testcase")
    }
    return {p.attrib["name"]: p.attrib["value"] for p in cases[name].iter("property")}


@pytest.mark.slow
def test_committed_evidence_decides_this_repositorys_claims_without_torch() -> None:
    # With the repository's own options: doctests, strict markers, warnings as errors.
    code = (
        "import sys, pytest\n"
        "words = '-v -p no:cacheprovider claims/reference.py --faeval-evidence reports/teacher'\n"
        "code = pytest.main(words.split())\n"
        "assert code == 0 and 'torch' not in sys.modules, (code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
    assert "faeval: verdicts in teacher" in done.stdout


TESTS = """
import pandas as pd
import pytest
import faeval as fe

rows = [("mine", arm, seed, "score", (0.5 + 0.01 * seed) * (arm == "b"))
        for arm in "ab" for seed in (1, 2, 3)]
table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])

def better(expect):
    a, b = fe.metric("score", fe.Arm("a")), fe.metric("score", fe.Arm("b"))
    higher = fe.exceeds(b, a, by=fe.Margin(0.1, "any"))
    return fe.Claim("b beats a", higher, attributed_to="rule", expect=expect)

def test_a_claim_made_in_place_on_a_table(verify_claim):
    assert verify_claim(better("supported"), evidence=table).verdict == "supported"

def test_drift_fails(verify_claim):
    verify_claim(better("refuted"), evidence=table)

def test_unless_it_is_not_to_be_checked(verify_claim):
    assert verify_claim(better("refuted"), evidence=table, check=False).as_expected is False

def test_a_claim_by_its_name_with_its_family(verify_claim):
    verdict = verify_claim("claims/toy.py::drifted", check=False)
    assert (verdict.verdict, verdict.setting, verdict.family_size) == ("supported", "toy", 2)

def test_an_open_claim_skips(verify_claim):
    verify_claim("claims/toy.py::noisy")

def test_a_name_that_is_none(verify_claim):
    with pytest.raises(fe.FaevalError, match="names no claim; those of claims/toy.py: good, noisy"):
        verify_claim("claims/toy.py::nosuch")
    with pytest.raises(TypeError, match="seed"):
        verify_claim("claims/toy.py::good", seed=3)
"""


def test_verify_claim_in_a_test_of_ones_own(project: Path, run_pytest: Pytest) -> None:
    (project / "test_mine.py").write_text(TESTS)
    done = run_pytest(project, "test_mine.py", "-v")
    results = {
        line.split()[0].partition("::")[2]: line.split()[1]
        for line in done.stdout.splitlines()
        if "%]" in line
    }
    assert results == {
        "test_a_claim_made_in_place_on_a_table": "PASSED",
        "test_drift_fails": "FAILED",
        "test_unless_it_is_not_to_be_checked": "PASSED",
        "test_a_claim_by_its_name_with_its_family": "PASSED",
        "test_an_open_claim_skips": "SKIPPED",
        "test_a_name_that_is_none": "PASSED",
    }, done.stdout + done.stderr
    assert re.search(r"Drift: supported\b.*\brefuted\b", done.stdout)
    assert len((project / "journal").read_text().splitlines()) == 10
