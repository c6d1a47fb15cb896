"""Claims that come from no file: verified in the experiment of their script or notebook, or
refused.
"""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import faeval as fe
from faeval.errors import FaevalError
from faeval.pipeline import outlook


def run(arm: Any, seed: int) -> dict[str, float]:
    return {"score": 0.1 * arm["dose"] + 0.001 * seed * arm["dose"]}


def experiment(name: str) -> fe.Experiment:
    return fe.Experiment(name, run, factors={"dose": 0}, metrics={"score": (0, 1)})


def claim(**more: Any) -> fe.Claim:
    a, b = fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm())
    return fe.Claim(
        "It helps", fe.exceeds(a, b, by=fe.Margin(0.05, "r")), attributed_to="dose", seeds=3, **more
    )


def test_the_experiment_that_is_there_is_used_and_of_several_none_is_guessed(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    mine = experiment("mine")
    made = claim(requires=claim())
    assert fe.verify([made], store=store, workers=1).verdicts[0].setting == "mine"
    assert outlook([made], "mine", store=store).plan.cached
    other = experiment("other")
    for call in (lambda: fe.verify([made], store=store), lambda: outlook([made], store=store)):
        with pytest.raises(FaevalError, match=r"mine, other.*setting=.*experiment="):
            call()
    assert fe.verify([made], other, store=store, workers=1).setting == "other"
    assert (
        fe.verify([made], setting="mine", store=store, offline=True).verdicts[0].verdict
        == "supported"
    )
    said = claim(experiment=other)
    assert fe.verify([said], store=store, offline=True).verdicts[0].setting == "other"
    del mine


def test_a_claim_of_another_module_is_about_that_modules_experiment(tmp_path: Path) -> None:
    there = types.ModuleType("experiments_of_another")
    there.theirs, there.helps = experiment("theirs"), claim()  # type: ignore[attr-defined]
    sys.modules[there.__name__] = there
    mine = experiment("mine")
    try:
        assert fe.verify([there.helps], store=tmp_path, workers=1).setting == "theirs"
    finally:
        del sys.modules[there.__name__]
    assert mine.name == "mine"


def test_what_is_no_setting_and_no_experiment_is_refused() -> None:
    with pytest.raises(FaevalError, match="setting=5"):
        fe.verify([claim()], setting=5)  # type: ignore[arg-type]
    with pytest.raises(FaevalError, match="experiment='mine'"):
        claim(experiment="mine")
    with pytest.raises(FaevalError, match="''"):
        fe.verify("")


def test_decide_takes_an_experiment_too() -> None:
    mine = experiment("mine")
    labels = [("dose=1", 0.2), ("", 0.0)]
    rows = [
        ("mine", label, s, "score", value + s / 1000) for label, value in labels for s in (1, 2, 3)
    ]
    table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    wide = claim()
    for setting in (None, "mine", mine):
        assert fe.decide(wide, table, setting)[0].setting == "mine"


SCRIPT = """
import random
import faeval as fe

def run(arm, seed):
    return {"score": 0.1 * arm["dose"] + random.Random(seed).gauss(0, 0.001)}

def main():
    local = fe.Experiment("local", run, factors={"dose": 0}, metrics={"score": (0, 1)})
    a, b = fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm())
    claims = [fe.Claim("It helps", fe.exceeds(a, b, by=fe.Margin(0.05, "r")), attributed_to="dose", seeds=3)]
    print(fe.verify(claims, workers=2).setting)

main()
"""  # noqa: E501


def test_a_script_may_keep_all_of_it_in_a_function(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("local\n", 0), done.stderr
