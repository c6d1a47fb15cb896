"""A plan from results that exist: power and seeds from their spread, with no experiment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import faeval as fe
from faeval import evidence, pipeline, stats
from faeval.errors import FaevalError

OURS, BASE = [0.912, 0.905, 0.921, 0.899, 0.930], [0.902, 0.889, 0.891, 0.894, 0.905]
CLAIM = """
import faeval as fe
ours, base = (fe.metric("acc", fe.Arm(method=method)) for method in ("ours", "base"))
better = fe.Claim("Ours is better", fe.{kind}({sides}, by=fe.Margin(0.01, "a point"){more}))
"""


def claims_file(
    folder: Path, kind: str = "exceeds", sides: str = "ours, base", more: str = ""
) -> str:
    file = folder / "ours.py"
    file.write_text(CLAIM.format(kind=kind, sides=sides, more=more))
    return str(file)


@pytest.fixture
def pilot(tmp_path: Path) -> Path:
    rows = [
        ("toy", f"method={arm}", seed, "acc", value)
        for arm, values in (("ours", OURS), ("base", BASE))
        for seed, value in enumerate(values, 1)
    ]
    table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    evidence.write_csv(table, tmp_path / "pilot.csv")
    return tmp_path / "pilot.csv"


@pytest.mark.parametrize(
    ("kind", "sides", "more"),
    [
        ("exceeds", "ours, base", ""),
        ("below", "base, ours", ""),
        ("exceeds", "ours, base", ", anticipated=0.03"),
    ],
)
def test_power_and_seeds_are_those_of_the_pilots_spread_and_effect(
    tmp_path: Path, pilot: Path, kind: str, sides: str, more: str
) -> None:
    result = pipeline.outlook(claims_file(tmp_path, kind, sides, more), pilot=pilot)
    differences = np.subtract(OURS, BASE)
    effect = 0.03 if more else float(differences.mean())
    expected = stats.outlook(
        kind,  # type: ignore[arg-type]
        0.01,
        5,
        sd=float(differences.std(ddof=1)),
        sd_n=5,
        anticipated=effect,
    )
    ((assertion,),) = (o.assertions for o in result.outlooks)
    assert assertion.chances is not None
    assert expected.power is not None
    assert assertion.chances.power == pytest.approx(expected.power)
    assert assertion.chances.needed == expected.seeds_needed
    assert (assertion.seen is None) == bool(more)
    assert assertion.seen is None or assertion.seen == pytest.approx(effect)
    assert (result.runs, result.plan, result.exit_code()) == (10, None, 0)


def test_a_pilot_of_other_arms_and_a_plan_without_one_are_refused(
    tmp_path: Path, pilot: Path
) -> None:
    other = tmp_path / "other.csv"
    evidence.write_csv(evidence.read(pilot).assign(metric="loss"), other)
    with pytest.raises(FaevalError, match="no claim can be read"):
        pipeline.outlook(claims_file(tmp_path), pilot=other)
    with pytest.raises(FaevalError, match="--pilot"):
        pipeline.outlook(claims_file(tmp_path))


def test_runs_of_an_experiment_are_planned_by_a_pilot_as_well(tmp_path: Path, pilot: Path) -> None:
    toy = fe.Experiment(
        "toy", lambda arm, seed: {"acc": 0.9}, factors={"method": "base"}, metrics=["acc"]
    )
    ours, base = (fe.metric("acc", fe.Arm(method=method)) for method in ("ours", "base"))
    better = fe.Claim("x", fe.exceeds(ours, base, by=fe.Margin(0.01, "r")), experiment=toy)
    result = pipeline.outlook([better], pilot=pilot, store=tmp_path / "store")
    assert result.plan is not None
    assert (result.runs, len(result.plan.todo)) == (10, 10)
    assert result.outlooks[0].assertions[0].pilot is not None


def test_the_command_prints_the_plan(tmp_path: Path, pilot: Path) -> None:
    words = [sys.executable, "-m", "faeval", "plan", claims_file(tmp_path), "--pilot", str(pilot)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "10 runs" in done.stdout
    assert "anticipated=" in done.stdout
    words.append("--json")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    content = json.loads(done.stdout)
    assert (content["runs"], content["seconds"], content["claims"][0]["problem"]) == (
        10,
        None,
        None,
    )
    assert 0 < content["claims"][0]["power"] < 1
