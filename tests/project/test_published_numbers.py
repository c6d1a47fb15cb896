"""claims/published.toml: what the published figures say of each other, and that the committed
report follows from it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faeval import claims

ROOT = Path(__file__).parents[2]
FILE = ROOT / "claims" / "published.toml"
REPORT = ROOT / "reports" / "published-numbers"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The command as anyone would run it, whose report is the committed one byte for byte."""
    folder = tmp_path_factory.mktemp("numbers")
    command = [
        sys.executable,
        "-m",
        "faeval",
        "check-numbers",
        str(FILE),
        "--report",
        str(folder),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("numbers.md", "numbers.json"):
        assert (folder / name).read_bytes() == (REPORT / name).read_bytes(), (
            f"{name} differs: run `faeval check-numbers claims/published.toml --report"
            " reports/published-numbers`"
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def finding(content: dict[str, Any], start: str, check: str) -> dict[str, Any]:
    (statement,) = (s for s in content["statements"] if s["name"].startswith(start))
    (found,) = (f for f in statement["findings"] if f["check"] == check)
    return dict(found)


def test_every_statement_names_its_source(content: dict[str, Any]) -> None:
    assert len(content["statements"]) == 12
    assert all(s["source"] and s["name"] for s in content["statements"])


def test_claims_of_our_own_do_not_see_the_file() -> None:
    assert {c.id.partition("::")[0] for c in claims.load([ROOT / "claims"])} == {
        p.stem for p in (ROOT / "claims").glob("*.py")
    }


def test_the_spread_of_0_011_can_be_that_of_a_population_because_the_values_are_rounded(
    content: dict[str, Any],
) -> None:
    (statement,) = (s for s in content["statements"] if s["name"] == "Deep rho of penalised DFA")
    found = next(f for f in statement["findings"] if f["check"] == "spread")
    assert found["kinds"] == ["s.d. with ddof 0", "half the range"]
    # What the note says: as they stand, and values that are printed so.
    assert [f"{np.std([0.094, 0.073, 0.072], ddof=d):.4f}" for d in (0, 1)] == ["0.0101", "0.0124"]
    true = np.array([0.09445, 0.0726, 0.0716])
    assert [f"{v:+.3f}" for v in true] == statement["printed"]["values"]
    assert (f"{true.mean():+.3f}", f"{true.std():.3f}") == (
        statement["printed"]["mean"],
        statement["printed"]["spread"],
    )


def test_the_other_spreads_are_of_other_kinds(content: dict[str, Any]) -> None:
    ddof1 = finding(content, "Deep rho of vanilla DFA at epoch 1, its", "spread")
    assert (ddof1["outcome"], ddof1["ties"]) == ("inconsistent", ["half the range"])
    pooled = finding(content, "Deep cosine of penalised DFA, from", "spread")
    (kind,) = pooled["kinds"]
    assert re.search(r"\bddof 1\b.*\bpooled\b", kind)
    (row,) = content["spreads"]
    assert row["outcome"] == "inconsistent"


def test_the_mean_of_the_table_is_the_corrected_one(content: dict[str, Any]) -> None:
    rows = [
        [0.169, 0.151, 0.165, 0.166],
        [0.093, 0.155, 0.178, 0.177],
        [0.131, 0.123, 0.150, 0.150],
    ]
    means = np.mean(rows, axis=1)
    assert (f"{means.mean():.3f}", f"{means.std(ddof=1):.3f}", f"{np.std(rows, ddof=1):.3f}") == (
        "0.151",
        "0.012",
        "0.025",
    )
    assert (
        finding(content, "Deep cosine of penalised DFA, from", "mean")["outcome"] == "inconsistent"
    )
    assert finding(content, "Deep cosine of penalised DFA as", "mean")["outcome"] == "consistent"


def test_48_times_the_noise_is_17_times(content: dict[str, Any]) -> None:
    claimed = finding(
        content, "Penalised deep rho (seed 42) above the negative control, as claimed", "ratio"
    )
    assert claimed["outcome"] == "inconsistent"
    assert re.search(r"'vanilla, end of training, seed 42' \+0\.002\b.*\b17x", claimed["reason"])
