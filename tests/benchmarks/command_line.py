"""How long the command line takes, beside what Python itself and its imports take, in one run.

    python tests/benchmarks/command_line.py

Prints for each command the best of several runs and its ratio to `python -c pass`. `verify, nothing
new` runs in a scratch folder whose runs are all there already; `verify, cold` is printed once with
--cold (it trains 20 small networks).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def best(command: list[str], cwd: Path, repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
        times.append(time.perf_counter() - start)
        assert done.returncode == 0, done.stderr.decode()
    return min(times)


def main() -> None:
    python, faeval = [sys.executable], [sys.executable, "-m", "faeval"]
    base = best([*python, "-c", "pass"], ROOT)
    rows = {
        "python -c pass": base,
        "python -c 'import numpy'": best([*python, "-c", "import numpy"], ROOT),
    }
    rows["faeval --help"] = best([*faeval, "--help"], ROOT)
    evidence = ["verify", "--evidence", str(ROOT / "reports" / "teacher"), "--offline"]
    rows["verify --evidence, 12 claims"] = best([*faeval, *evidence], ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        verify = [*faeval, "verify", str(ROOT / "claims"), "--store", scratch]
        if "--cold" in sys.argv:
            rows["verify, cold (teacher, 20 runs)"] = best(verify, ROOT, repeats=1)
            rows["verify, nothing new (teacher)"] = best(verify, ROOT)
    for name, seconds in rows.items():
        print(f"{name:36s} {seconds:8.2f} s {seconds / base:8.1f} x")


if __name__ == "__main__":
    main()
