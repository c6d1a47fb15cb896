"""Times of benchmarks become repetitions of an arm; what kept no single times is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of

ROLES = {"arm": "name", "seed": "repetition", "value": "time"}


def read(document: Any) -> Cells:
    return cells_of("x.json", content=json.dumps(document).encode())


def hyperfine(**more: Any) -> dict[str, Any]:
    """One result, as hyperfine 1.18 writes it with --export-json."""
    return {
        "command": "sleep 0.1",
        "mean": 0.1,
        "stddev": 0.001,
        "median": 0.1,
        "user": 0.0,
        "system": 0.0,
        "min": 0.1,
        "max": 0.1,
        "times": [0.101, 0.102],
        "exit_codes": [0, 0],
        **more,
    }


def test_hyperfine() -> None:
    other = hyperfine(command="sleep 0.2", times=[0.2], exit_codes=[0])
    found = read({"results": [hyperfine(), other]})
    assert found.table.values.tolist() == [
        ["sleep 0.1", 0, 0.101], ["sleep 0.1", 1, 0.102], ["sleep 0.2", 0, 0.2],
    ]  # fmt: skip
    assert found.roles == ROLES
    assert "seconds" in found.notes[0]
    assert "one build" in " ".join(found.notes)
    found = read({"results": [hyperfine(exit_codes=[0, 1], parameters={"threads": "4"})]})
    assert found.table["exit_code"].tolist() == [0, 1]
    assert found.table["threads"].tolist() == ["4", "4"]
    with pytest.raises(EvidenceError, match="--export-json"):
        read({"results": [{"command": "ls", "mean": 1}]})


def test_pytest_benchmark() -> None:
    stats = {"min": 1, "data": [0.5, 0.25]}
    names = [("test_a", "x.py::test_a"), ("test_b", "x.py::test_b"), ("test_b", "y.py::test_b")]
    benchmarks = [{"name": n, "fullname": f, "stats": stats} for n, f in names]
    found = read({"machine_info": {}, "commit_info": {}, "benchmarks": benchmarks, "version": "5"})
    assert found.table["name"].unique().tolist() == ["test_a", "x.py::test_b", "y.py::test_b"]
    assert found.table["time"].tolist() == [0.5, 0.25] * 3
    assert found.roles == ROLES
    with pytest.raises(EvidenceError, match="--benchmark-save-data"):
        read({"machine_info": {}, "benchmarks": [{"name": "a", "stats": {"min": 1}}]})


def google(name: str, i: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "run_name": name,
        "run_type": "iteration",
        "repetitions": 2,
        "repetition_index": i,
        "iterations": 100,
        "real_time": 10.0 + i,
        "cpu_time": 9.0,
        "time_unit": "ns",
        **more,
    }


def test_google_benchmark() -> None:
    mean = google("BM_a_mean", 0, run_type="aggregate", run_name="BM_a", aggregate_name="mean")
    runs = [google(name, i) for name in ("BM_a", "BM_b") for i in (0, 1)]
    found = read({"context": {}, "benchmarks": [*runs, mean]})
    assert found.table["name"].tolist() == ["BM_a", "BM_a", "BM_b", "BM_b"]
    assert found.table["time"].tolist() == [10, 11, 10, 11]
    assert found.roles == ROLES
    notes = " ".join(found.notes)
    assert "ns" in notes
    assert "1 aggregates" in notes or "1 aggregate " in notes
    for benchmarks in ([mean], runs[:1]):
        with pytest.raises(EvidenceError, match="--benchmark_repetitions"):
            read({"context": {}, "benchmarks": benchmarks})
    with pytest.raises(EvidenceError, match="ms, ns"):
        read(
            {
                "context": {},
                "benchmarks": [*runs, *[google("c", i, time_unit="ms") for i in (0, 1)]],
            }
        )
