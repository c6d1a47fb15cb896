"""Modules beside a claims file: found by workers, by processes that a run starts, and as they are
at present.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faeval import claims
from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import Arm

CLAIMS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import faeval as fe
import helper

def twice(x):
    return 2 * x

def run(arm, seed):
    import lazily
    with multiprocessing.Pool(1) as pool:  # in the platform's own way
        a = pool.apply(twice, (seed,))
    with ProcessPoolExecutor(1) as pool:
        b = pool.submit(helper.scaled, seed).result()
    return {"x": a + b + lazily.C}

mine = fe.Experiment("mine", run, metrics=["x"])
one = fe.Claim("1", fe.exceeds(fe.metric("x", fe.Arm()), by=fe.Margin(1, "r")))
"""


def folder(path: Path, factor: int) -> Path:
    path.mkdir()
    (path / "c.py").write_text(CLAIMS)
    (path / "helper.py").write_text(f"K = {factor}\ndef scaled(x):\n    return K * x\n")
    (path / "lazily.py").write_text(f"C = {factor}\n")
    # Whoever starts in this folder would import these in place of Python's own.
    (path / "types.py").write_text("raise SystemExit('not that one')\n")
    (path / "queue.py").write_text("raise SystemExit('not that one')\n")
    return path


def found(loaded: Any, store: Path, workers: int) -> list[float]:
    kept = Store(store)
    outcome = execute(
        plan([Need(loaded.experiment, Arm(), seed) for seed in (1, 2)], kept),
        kept,
        Execution(workers=workers),
    )
    assert not outcome.failures
    return sorted(kept.table()["value"].tolist())


@pytest.mark.parametrize("workers", [1, 2])
def test_two_folders_with_files_of_one_name_have_each_their_own(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = folder(tmp_path / "left", 10), folder(tmp_path / "right", 20)
    monkeypatch.chdir(left)
    (first,), (second,) = claims.load(left / "c.py"), claims.load(right / "c.py")
    assert found(first, tmp_path / "1", workers) == [22, 34]
    assert found(second, tmp_path / "2", workers) == [42, 64]
    # In the same second, and of the same length: workers that are there already must not go on with
    # what was.
    (left / "helper.py").write_text((left / "helper.py").read_text().replace("10", "30"))
    (again,) = claims.load(left / "c.py")
    assert found(again, tmp_path / "3", workers) == [42, 74]
    assert not (left / "__pycache__").exists()
