"""How long deciding takes: from evidence to verdicts, and the exact tests, beside SciPy's way of
the same answer.

    python tests/benchmarks/deciding.py      # one thread

Every pair is timed in alternating rounds of one run, the best of each; imports are timed in
processes of their own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def best(call: Callable[[], object], rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def fresh(code: str, rounds: int = 5) -> float:
    """The best time of a fresh interpreter."""
    return best(lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds)


def claims_and_table(claims: int, seeds: int, test: str = "t") -> tuple[list[object], object]:
    import pandas as pd

    import faeval as fe

    rng = np.random.default_rng(0)
    arms = [f"arm{i}" for i in range(claims + 1)]
    rows = [
        ("toy", arm, seed, "score", value)
        for arm in arms
        for seed, value in enumerate(rng.normal(0.5, 0.1, seeds).tolist(), 1)
    ]
    table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    base = fe.metric("score", fe.Arm(arms[0]))
    made: list[object] = [
        fe.Claim(
            f"claim {i}",
            fe.exceeds(fe.metric("score", fe.Arm(arm)), base, by=fe.Margin(0.05, "a reason")),
            attributed_to="rule",
            seeds=seeds,
            test=test,
        )
        for i, arm in enumerate(arms[1:])
    ]
    return made, table


def many_seeds(test: str, seeds: int = 1000) -> None:
    """Time and memory of deciding one claim on many seeds, in a process of its own (targets: 2 s,
    300 MB at most).
    """
    code = (
        f"import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r}); import resource,"
        " deciding, faeval as fe;import scipy.stats; claims, table = deciding.claims_and_table(1,"
        f" {seeds}, {test!r}); start = time.perf_counter();fe.decide(claims, table); took ="
        " time.perf_counter() - start;print(took,"
        " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    took, peak = map(float, done.stdout.split())
    print(f"1 claim x {seeds} seeds, {test}: {took:.2f} s, {peak:.0f} MB at most")


def main() -> None:
    from scipy import stats as scipy_stats

    import faeval as fe
    from faeval import stats

    print("deciding, from a table to verdicts")
    for claims, seeds in ((100, 20), (1000, 5)):
        made, table = claims_and_table(claims, seeds)
        print(
            f"  {claims:5d} claims x {seeds:2d} seeds"
            f" {best(lambda m=made, t=table: fe.decide(m, t)):8.2f} s   (target 1 s)"
        )

    print("exact sign-flip")
    d = np.random.default_rng(1).normal(0.3, 1.0, 20)
    ours = best(lambda: stats.rule_of("sign-flip").p_greater(d, 0.0))
    print(f"  n = 20, enumerated     {ours:8.3f} s   (target 0.1 s)")
    for n in (8, 12):
        x = d[:n]
        ours = best(lambda x=x: stats.rule_of("sign-flip").p_greater(x, 0.0))
        theirs = best(
            lambda x=x: scipy_stats.permutation_test(
                (x,),
                np.mean,
                permutation_type="samples",
                n_resamples=np.inf,
                alternative="greater",
                vectorized=True,
            )
        )
        print(
            f"  n = {n:2d}, SciPy over ours {theirs / ours:8.1f} x   ({1000 * theirs:.2f} ms,"
            f" {1000 * ours:.2f} ms)"
        )
    ours, theirs = (
        best(lambda: stats.rule_of("t").p_greater(d, 0.0)),
        best(lambda: scipy_stats.ttest_1samp(d, 0, alternative="greater")),
    )
    print(
        f"  t, SciPy over ours     {theirs / ours:8.1f} x   ({1e6 * theirs:.0f} us,"
        f" {1e6 * ours:.0f} us)"
    )

    print("imports, in fresh interpreters")
    base = fresh("import numpy")
    ours, theirs = fresh("import faeval.stats"), fresh("import scipy.stats")
    print(f"  faeval.stats           {ours - base:8.2f} s over numpy's {base:.2f} s")
    print(
        f"  scipy.stats            {theirs - base:8.2f} s over numpy's; ours less theirs"
        f" {1000 * (ours - theirs):+.0f} ms"
    )
    for test in ("t", "sign-flip", "sign"):
        many_seeds(test)


if __name__ == "__main__":
    main()
