"""Times of benchmarks: hyperfine, pytest-benchmark and Google Benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import shown, with_names

_ROLES = {"arm": "name", "seed": "repetition", "value": "time"}
_ONE_BUILD = "repetitions of one build on one machine: they say nothing of another build or machine"


def benchmark_cells(document: dict[str, Any], source: str) -> Cells | None:
    """Read the JSON of a benchmark; None where it is none."""
    results, benchmarks = document.get("results"), document.get("benchmarks")
    if _has(results, "command") and len(document) == 1:
        return _hyperfine(results, source)  # type: ignore[arg-type]
    if isinstance(benchmarks, list) and ("machine_info" in document or "commit_info" in document):
        return _pytest_benchmark(benchmarks, source)
    if isinstance(benchmarks, list) and isinstance(document.get("context"), dict):
        return _google(benchmarks, source)
    return None


def _has(items: Any, name: str) -> bool:
    return (
        isinstance(items, list)
        and bool(items)
        and all(isinstance(item, dict) and name in item for item in items)
    )


def _hyperfine(results: Sequence[dict[str, Any]], source: str) -> Cells:
    rows: list[dict[str, Any]] = []
    for result in results:
        times = result.get("times")
        if not isinstance(times, list) or not times:
            raise EvidenceError(
                f"{source}: hyperfine kept no single times of {shown(result['command'])}; export"
                " them with --export-json."
            )
        rows += _runs(result, times)
    if not any(row.get("exit_code") for row in rows):
        rows = [{k: v for k, v in row.items() if k != "exit_code"} for row in rows]
    return _cells(rows, source, ["times of hyperfine, in seconds"])


def _runs(result: dict[str, Any], times: list[Any]) -> Iterator[dict[str, Any]]:
    codes, parameters = result.get("exit_codes"), result.get("parameters")
    more = parameters if isinstance(parameters, dict) else {}
    for i, value in enumerate(times):
        row = {"name": str(result["command"]), "repetition": i, "time": value}
        row |= {name: cell for name, cell in more.items() if name not in row}
        if isinstance(codes, list) and len(codes) == len(times):
            row["exit_code"] = codes[i]
        yield row


def _pytest_benchmark(benchmarks: Sequence[Any], source: str) -> Cells:
    rows = []
    short = [b.get("name") for b in benchmarks if isinstance(b, dict)]
    for benchmark in benchmarks:
        stats = benchmark.get("stats") if isinstance(benchmark, dict) else None
        data = stats.get("data") if isinstance(stats, dict) else None
        if not isinstance(data, list) or not data:
            raise EvidenceError(
                f"{source}: pytest-benchmark kept no single times; run it again with"
                " --benchmark-json FILE, or with --benchmark-save-data."
            )
        # The whole name is needed only where the short one is not alone.
        key = "name" if short.count(benchmark.get("name")) == 1 else "fullname"
        name = str(benchmark.get(key) or benchmark.get("fullname") or benchmark.get("name"))
        rows += [{"name": name, "repetition": i, "time": v} for i, v in enumerate(data)]
    return _cells(rows, source, ["times of pytest-benchmark, in seconds"])


def _google(benchmarks: Sequence[Any], source: str) -> Cells:
    runs = [b for b in benchmarks if isinstance(b, dict) and b.get("run_type") != "aggregate"]
    if not runs:
        raise EvidenceError(
            f"{source}: holds aggregates of Google Benchmark only; run it again with"
            " --benchmark_repetitions=10 and without --benchmark_report_aggregates_only."
        )
    names = [str(run.get("run_name", run.get("name"))) for run in runs]
    alone = [name for name in names if names.count(name) == 1]
    if alone:
        raise EvidenceError(
            f"{source}: {shown(alone[0])} was measured once; run Google Benchmark again with"
            " --benchmark_repetitions=10."
        )
    units = sorted({str(run.get("time_unit", "ns")) for run in runs})
    if len(units) > 1:
        raise EvidenceError(
            f"{source}: times are in {listed(units)}; set one unit for all (Unit() in the code, or"
            " --benchmark_time_unit)."
        )
    rows, counts = [], dict.fromkeys(names, 0)
    for name, run in zip(names, runs, strict=True):
        index = run.get("repetition_index", counts[name])
        counts[name] += 1
        row = {
            "name": name,
            "repetition": index,
            "time": None if run.get("error_occurred") else run.get("real_time"),
        }
        rows.append(row | {"cpu_time": run.get("cpu_time")})
    notes = [f"real times of Google Benchmark, in {units[0]}; cpu_time is beside them"]
    if skipped := len(benchmarks) - len(runs):
        notes.append(f"{skipped} aggregates are skipped")
    return _cells(rows, source, notes)


def _cells(rows: Sequence[dict[str, Any]], source: str, notes: Sequence[str]) -> Cells:
    import pandas as pd

    table = pd.DataFrame(rows, dtype=object)
    table, _, more = with_names(table, [str(name) for name in table.columns], source)
    names = [f"{row['name']}[{row['repetition']}]" for row in rows]
    return Cells(
        table, source, lambda row: names[row], (*notes, _ONE_BUILD, *more), dict(_ROLES), False
    )
