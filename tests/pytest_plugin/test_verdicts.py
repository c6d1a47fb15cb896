"""What becomes of a claim in pytest: passed, failed, error or skipped, and what is told of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from faeval import pipeline
from faeval.claims import Lock, Spread, Verdict, load, make_lock, write_lock
from faeval.claims._verdict import seeds_needed
from faeval.reports import reason, value_text

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]
Finished = tuple[Path, str, int]


def cases(folder: Path, name: str = "junit.xml") -> dict[str, ElementTree.Element]:
    return {case.attrib["name"]: case for case in ElementTree.parse(folder / name).iter("testcase")}


@pytest.fixture(scope="module")
def verdicts(finished: Finished) -> dict[str, Verdict]:
    """The verdicts of the finished project by the names of their claims, decided here again."""
    folder, _, _ = finished
    report = pipeline.verify(folder / "claims", store=folder / ".faeval", offline=True)
    return {v.claim.partition("::")[2]: v for v in report.verdicts}


def properties(case: ElementTree.Element) -> dict[str, str]:
    return {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}


def test_each_standing_of_a_verdict_is_an_outcome_of_its_own(finished: Finished) -> None:
    folder, text, code = finished
    assert code == 1, text
    kinds = {
        name: next((c.tag for c in case if c.tag != "properties"), "passed")
        for name, case in cases(folder).items()
    }
    assert kinds == {
        "good": "passed",
        "noisy": "skipped",
        "drifted": "failure",
        "mate": "passed",  # nothing was expected: any verdict will do
        "mixed_up": "error",
        "known_mix": "passed",
        "more_of_it": "skipped",
    }
    assert "2 skipped" in text
    assert "1 error" in text


def test_a_failure_speaks_of_the_claim_and_shows_none_of_our_code(
    finished: Finished, verdicts: dict[str, Verdict]
) -> None:
    _, text, _ = finished
    drifted, mixed_up = verdicts["drifted"], verdicts["mixed_up"]
    number = re.escape(value_text(drifted.assertions[0]))
    assert re.search(rf"\bsupported\b.*\brefuted\b.*{number}", text)
    for needed in ("5 seeds", "score(dose=1)", "score(defaults)", "0.05"):
        assert needed in reason(drifted)
    assert reason(drifted) in text
    assert re.search(r"\bfamily of 2\b", text)
    assert re.search(r"claims/toy\.py:\d+", text)
    assert mixed_up.reason_code == "confounded"
    assert reason(mixed_up) in text
    assert "Traceback" not in text
    assert "pytest_plugin" not in text


def test_an_open_claim_says_what_would_settle_it_and_where_it_stands(finished: Finished) -> None:
    folder, text, _ = finished
    line = 1 + (folder / "claims/toy.py").read_text().splitlines().index(
        'noisy = raises("noise", "supported")'
    )
    (skip,) = [
        row for row in text.splitlines() if row.startswith(f"SKIPPED [1] claims/toy.py:{line}: ")
    ]
    assert re.search(r"\binconclusive\b.*\bplanned 5\b", skip)
    assert "supported was expected" in skip
    assert "tagged 'extended'; --faeval-all" in text


def test_a_registered_claim_with_a_pilot_says_how_many_seeds_it_would_need(
    tmp_path: Path, write_project: Callable[..., Path], run_pytest: Pytest
) -> None:
    text = (
        "import faeval as fe\ntoy = fe.Experiment('toy', lambda arm, seed: {'x': 0.08 * arm['d'] +"
        " 0.3 * arm['d'] * (seed % 3 - 1)}, factors={'d': 0}, metrics={'x': (-9, 9)})\nc ="
        " fe.Claim('it rises', fe.exceeds(fe.metric('x', fe.Arm(d=1)), fe.metric('x', fe.Arm()),"
        " by=fe.Margin(0, 'any'), anticipated=0.08), attributed_to='d', expect='supported')\n"
    )
    folder = write_project(tmp_path, text)
    found = load(folder / "claims")
    pilot = {"toy::c": {"toy": [Spread(n=6, mean=0.08, sd=0.05)]}}
    lock: Lock = make_lock(found, pilot, registered="2026-01-01", commit=None)
    write_lock(lock, folder / "claims" / "claims.lock")
    report = pipeline.verify(folder / "claims", store=folder / ".faeval", workers=1)
    needed = seeds_needed(report.verdicts[0].assertions)
    assert needed is not None
    assert needed > 5
    done = run_pytest(folder, "-q", "-rs")
    assert re.search(rf"\bplanned 5\b.*\b{needed}\b", done.stdout)


def test_the_summary_lists_every_verdict_and_counts_them(finished: Finished) -> None:
    _, text, _ = finished
    assert "faeval: verdicts in toy" in text
    rows = {
        row.split("claims/toy.py::")[1]: row
        for row in text.splitlines()
        if re.search(r"n=\d+ +claims/toy", row)
    }
    assert set(rows) == {"good", "noisy", "drifted", "mate", "mixed_up", "known_mix"}
    assert "DRIFT: refuted expected" in rows["drifted"]
    assert "invalid: confounded" in rows["mixed_up"]
    assert "1 invalid, 1 drifted, 1 open, 2 as expected, 1 without expectation" in text


def test_numbers_are_junit_properties_and_those_of_verify(
    finished: Finished, verdicts: dict[str, Verdict]
) -> None:
    folder, _, _ = finished
    assert len(verdicts) == 6
    for name, verdict in verdicts.items():
        found = properties(cases(folder)[name])
        assert found["verdict"] == verdict.verdict
        assert found["reason_code"] == verdict.reason_code
        assert found["setting"] == "toy"
        assert found["n"] == str(verdict.n)
        if verdict.assertions:
            assert float(found["estimate"]) == verdict.estimate
            assert (float(found["interval_low"]), float(found["interval_high"])) == verdict.interval
            assert found["seeds"] == "1,2,3,4,5"
            assert float(found["p_for"]) == verdict.adjusted_support
            assert float(found["p_against"]) == verdict.adjusted_refute


def test_nothing_is_trained_twice_and_last_failed_selects(
    finished: Finished, run_pytest: Pytest
) -> None:
    folder, _, _ = finished
    journal = (folder / "journal").read_text().splitlines()
    assert len(journal) == len(set(journal)) == 10
    again = run_pytest(folder, "claims/", "--lf", "-q", "--junitxml=again.xml")
    assert set(cases(folder, "again.xml")) == {"drifted", "mixed_up"}, again
    assert (folder / "journal").read_text().splitlines() == journal
    # Its family was verified with it, though none of it was selected: the numbers are those of the
    # whole session.
    before, after = (
        properties(cases(folder, name)["drifted"]) for name in ("junit.xml", "again.xml")
    )
    assert after == before
    assert before["family_size"] == "2"


def test_strict_makes_an_open_claim_a_failure(finished: Finished, run_pytest: Pytest) -> None:
    folder, _, _ = finished
    done = run_pytest(folder, "claims/toy.py::noisy", "--faeval-strict", "-p", "no:cacheprovider")
    assert done.returncode == 1
    assert re.search(r"Open: inconclusive \(underpowered\).*\bsupported\b", done.stdout)


def test_what_cannot_be_verified_is_an_error_in_one_clear_line(
    tmp_path: Path, write_project: Callable[..., Path], run_pytest: Pytest
) -> None:
    folder = write_project(tmp_path, ini="faeval_claims = claims other\nfaeval_workers = 1")
    text = (folder / "claims" / "toy.py").read_text()
    (folder / "other").mkdir()
    # Of no experiment of its own: what it names is looked up when its setting is known, after
    # collection.
    (folder / "other" / "strange.py").write_text(
        "import faeval as fe\nunknown = fe.Claim('x', fe.exceeds(fe.metric('scare', fe.Arm('bp')),"
        " by=fe.Margin(0.1, 'a reason')))\n"
    )
    (folder / "claims" / "toy.py").write_text(
        text + 'fails = raises("score", "supported", family="f", dose=9)\n'
    )
    done = run_pytest(
        folder, "-q", "-k", "fails or unknown", "--faeval-seeds", "2", "claims", "other"
    )
    assert done.returncode == 1
    assert "2 errors" in done.stdout
    assert (
        "no such dose" in done.stdout
    )  # the run raised it, and the claim that reads the run is invalid
    assert "no metric 'scare' here" in done.stdout  # nothing of this folder can be verified
    assert "Traceback" not in done.stdout


def test_what_a_files_own_experiment_lacks_is_an_error_of_collection_at_the_claims_line(
    tmp_path: Path, write_project: Callable[..., Path], run_pytest: Pytest
) -> None:
    folder = write_project(tmp_path)
    file = folder / "claims" / "toy.py"
    text = file.read_text()
    file.write_text(text + 'unknown = raises("scare", "supported", family="f")\n')
    done = run_pytest(folder, "-q", "claims")
    assert done.returncode == 2
    line = text.count("\n") + 1
    assert re.search(rf"toy\.py:{line}: .*'toy::unknown'.*'scare'", done.stdout)
    assert "Traceback" not in done.stdout


def test_evidence_given_by_path_is_held_against_what_stands_beside_it(
    tmp_path: Path, write_project: Callable[..., Path], run_pytest: Pytest
) -> None:
    write_project(tmp_path)
    command = [sys.executable, "-m", "faeval", "verify", "--workers", "1", "--report", "out"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    sound = run_pytest(tmp_path, "claims", "-k", "good", "--faeval-evidence", "out")
    assert sound.returncode == 0, sound.stdout
    evidence = tmp_path / "out" / "evidence.csv"
    evidence.write_text(evidence.read_text().replace(",measured,", ",below_floor,", 1))
    altered = run_pytest(tmp_path, "claims", "-k", "good", "--faeval-evidence", "out")
    assert altered.returncode == 1
    assert "SHA-256" in altered.stdout
    assert "altered" in altered.stdout
