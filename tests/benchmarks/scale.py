"""How reading and deciding grow: from ten thousand to three million rows of evidence, 200 claims,
in fresh processes.

    python tests/benchmarks/scale.py              # Parquet and CSV, both shapes; then stores
    python tests/benchmarks/scale.py --only parquet --rows 3000000
    python tests/benchmarks/scale.py --only store --runs 100000
    python tests/benchmarks/scale.py --only steps # a whole `verify --evidence`, a row a step

A run has 5 layers of 6 metrics, 30 rows. In the shape "many arms" each arm has 5 seeds, so three
million rows are 20,000 arms; in the shape "many seeds" each has 20. Every point is a process of its
own, which prints its times and its largest memory (Linux); imports are not counted. A table of
fewer arms has fewer claims. The exponent is the slope of log time over log rows at the three
largest sizes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

LAYERS, METRICS, CLAIMS = 5, 6, 200
ROWS = (10_000, 100_000, 1_000_000, 3_000_000)
SHAPES = {"many arms": 5, "many seeds": 20}

MEASURE = """
import json, sys, time
from pathlib import Path
import pandas, pyarrow.parquet, scipy.stats
import faeval as fe
from faeval import evidence, stats

path, arms, claims = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def read(arm):
    return fe.metric("metric1", fe.Arm("dfa", penalty=arm), layers=fe.deep)

step = max(1, (arms - 1) // claims)
made = [
    fe.Claim(f"claim {i}", fe.exceeds(read(1 + i * step % (arms - 1)), read(0), by=fe.Margin(0.05, "a reason")),
             attributed_to="penalty")
    for i in range(claims)
]
begun = time.perf_counter()
table = evidence.read(path)
there = time.perf_counter()
verdicts = fe.decide(made, table)
decided = time.perf_counter()
sha256 = evidence.digest(table)
hashed = time.perf_counter()
assert len(verdicts) == claims and all(v.estimate is not None for v in verdicts)
# The largest memory of this program alone; getrusage also counts the process that started it.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps([len(table), there - begun, decided - there, hashed - decided, peak]))
"""  # noqa: E501


def table(rows: int, seeds: int) -> Any:
    """A table of so many rows, and its number of arms."""
    import pandas as pd

    runs = max(2 * seeds, rows // (LAYERS * METRICS))
    arms = runs // seeds
    runs = arms * seeds
    n = runs * LAYERS * METRICS
    run = np.repeat(np.arange(runs), LAYERS * METRICS)

    def text(words: list[str], which: Any) -> Any:
        return pd.array(words, dtype="str").take(which)

    return arms, pd.DataFrame(
        {
            "setting": text(["toy"], np.zeros(n, dtype=int)),
            "arm": text([f"dfa+penalty={i}" for i in range(arms)], run // seeds),
            "seed": run % seeds + 1,
            "epoch": pd.array(np.full(n, 20), dtype="Int64"),
            "layer": pd.array(np.tile(np.repeat(np.arange(LAYERS), METRICS), runs), dtype="Int64"),
            "metric": text(
                [f"metric{i}" for i in range(METRICS)], np.tile(np.arange(METRICS), runs * LAYERS)
            ),
            "value": np.random.default_rng(0).normal(0.5, 0.1, n),
            "status": text(["measured"], np.zeros(n, dtype=int)),
            "run": text([f"sha256:{i:016x}" for i in range(runs)], run),
        }
    )


def measure(path: Path, arms: int) -> list[float]:
    command = [sys.executable, "-c", MEASURE, str(path), str(arms), str(min(CLAIMS, arms - 1) or 1)]
    found: list[float] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return found


def exponent(rows: list[float], seconds: list[float]) -> float:
    """The slope over the points that are large enough to tell."""
    return float(np.polyfit(np.log(rows[-3:]), np.log(seconds[-3:]), 1)[0])


def line(name: str, found: list[float]) -> None:
    rows, read, decide, digest, peak = found
    print(
        f"  {name:12s} {rows:9.0f} rows   read {read:6.2f} s   decide {decide:6.2f} s   both"
        f" {read + decide:6.2f} s   hash {digest:5.2f} s   peak {peak:6.0f} MB",
        flush=True,
    )


def packs(kinds: list[str], sizes: list[int], folder: Path) -> None:
    from faeval import evidence

    for kind in kinds:
        print(
            f"{kind}, {CLAIMS} claims   (target at 3 million rows: read and decide under 10 s, peak"
            " under 2 GB)"
        )
        for shape, seeds in SHAPES.items():
            points = []
            for rows in sizes:
                arms, made = table(rows, seeds)
                path = folder / f"evidence.{kind}"
                (evidence.write_parquet if kind == "parquet" else evidence.write_csv)(made, path)
                del made
                points.append(measure(path, arms))
                line(shape, points[-1])
            if len(points) >= 3:
                slope = exponent([p[0] for p in points], [p[1] + p[2] for p in points])
                print(f"  {shape:12s} grows with rows to the power {slope:.2f}")


def stores(sizes: list[int], folder: Path) -> None:
    from faeval.evidence import AuditRecord, Store, TrainingRecord

    print(f"store, {CLAIMS} claims: one training's and one audit's record a run")
    points = []
    for runs in sizes:
        store = Store(folder / f"store{runs}")
        for i in range(runs):
            key = hashlib.sha256(str(i).encode()).hexdigest()
            common: dict[str, Any] = {
                "setting": "toy",
                "arm": f"dfa+penalty={i // 5}",
                "factors": {"rule": "dfa", "penalty": i // 5},
                "seed": i % 5 + 1,
                "key": key,
                "started": "2026-01-01T00:00:00+00:00",
                "seconds": 1.0,
                "weights": key,
            }
            rows = tuple(
                (f"metric{m}", 20, layer, 0.5 + 0.01 * m + 1e-7 * i, "measured")
                for layer in range(LAYERS)
                for m in range(METRICS)
            )
            store.folder(key).mkdir(parents=True)
            # As the store writes them, without waiting for the disk each time.
            store.training_path(key).write_bytes(TrainingRecord(**common).to_bytes())
            audit = AuditRecord(**common, name="alignment", audit_key="c" * 64, rows=rows)
            store.audit_path(key, audit.name, audit.audit_key).write_bytes(audit.to_bytes())
        points.append(measure(store.root, runs // 5))
        line(f"{runs} runs", points[-1])
        begun = time.perf_counter()
        wanted = [
            (path.name, {"alignment": "c" * 64}) for path in sorted(store.runs.iterdir())[:400]
        ]
        store.table(wanted)
        print(f"  {'':12s} {len(wanted)} runs of them alone {time.perf_counter() - begun:6.2f} s")
    if len(points) >= 3:
        print(
            "  grows with rows to the power"
            f" {exponent([p[0] for p in points], [p[1] + p[2] for p in points]):.2f}"
        )


STEPS = """
import faeval as fe
ours, base = (fe.metric("acc", fe.Arm(method=method)) for method in ("ours", "base"))
better = fe.Claim("Ours is better", fe.exceeds(ours, base, by=fe.Margin(0.01, "a reason")),
                  attributed_to="method")
"""


def steps(sizes: list[int], folder: Path) -> None:
    """The whole command on 2 arms x 5 seeds with so many rows of one metric, a row a step."""
    print("faeval verify --evidence, a row a step   (target at 3 million rows: 20 s and 1.5 GB)")
    (folder / "claims.py").write_text(STEPS)
    generator, seconds = np.random.default_rng(0), []
    for rows in sizes:
        path = folder / "steps.csv"
        with path.open("w") as file:
            file.write("setting,arm,seed,epoch,metric,value\n")
            for arm, seed in ((arm, seed) for arm in ("ours", "base") for seed in range(1, 6)):
                values = generator.normal(0.9 + 0.05 * (arm == "ours"), 0.01, rows // 10).tolist()
                file.write(
                    "".join(
                        f"toy,method={arm},{seed},{i},acc,{v:.6f}\n"
                        for i, v in enumerate(values, 1)
                    )
                )
        command = [sys.executable, "-c", RUN, str(folder / "claims.py"), str(path)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        own, peak = json.loads(out.splitlines()[-1])
        seconds.append(own)
        print(
            f"  {rows:9d} rows   {own:6.2f} s of CPU   {1e6 * own / rows:6.2f} s a million rows"
            f"   peak {peak:6.0f} MB",
            flush=True,
        )
    if len(sizes) >= 3:
        slope = exponent([float(n) for n in sizes], seconds)
        print(f"  grows with rows to the power {slope:.2f} (with the start of the program)")


RUN = """
import atexit, json, resource, sys
path = sys.argv[1:]
sys.argv = ["faeval", "verify", path[0], "--evidence", path[1]]

@atexit.register
def last():
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps([used.ru_utime + used.ru_stime, peak]), file=sys.stderr)

from faeval.cli import main
main()
"""  # noqa: E501


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=["parquet", "csv", "store", "steps"],
        default=["parquet", "csv", "store", "steps"],
    )
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS))
    parser.add_argument("--runs", nargs="+", type=int, default=[100, 1_000, 10_000])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        kinds = [kind for kind in given.only if kind not in ("store", "steps")]
        packs(kinds, given.rows, Path(scratch))
        if "steps" in given.only:
            steps(given.rows, Path(scratch))
        if "store" in given.only:
            stores(given.runs, Path(scratch))


if __name__ == "__main__":
    main()
