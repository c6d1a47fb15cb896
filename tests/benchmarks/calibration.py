"""Replications per second: a cell of the calibration in one array operation, beside loops over
SciPy, in one run.

    python tests/benchmarks/calibration.py     # one thread

Each ratio is of rates in alternating rounds, the best of each. SciPy's own vectorised call stands
beside the loop. deepsig and rliable are timed on the same two arms where they are installed; a line
says so where they are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy import stats as scipy_stats

from faeval import stats
from faeval.calibration import LAWS, operating_characteristics


def rate(calls: list[tuple[Callable[[], object], int]], rounds: int = 3) -> list[float]:
    """Replications per second of each call, given how many it makes."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, (call, _) in enumerate(calls):
            start = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - start)
    return [count / seconds for (_, count), seconds in zip(calls, best, strict=True)]


def main() -> None:
    rng = np.random.default_rng(0)
    for n in (3, 5, 10):
        many = rng.normal(1.0, 1.0, (20_000, n))
        few = many[:300]
        ours, loop, vectorised = rate(
            [
                (lambda d=many: stats.judge_many("exceeds", d, 1.0), len(many)),
                (
                    lambda d=few: [
                        scipy_stats.ttest_1samp(row, 1.0, alternative=side).pvalue
                        for row in d
                        for side in ("greater", "less")
                    ],
                    len(few),
                ),
                (
                    lambda d=many: [
                        scipy_stats.ttest_1samp(d, 1.0, axis=1, alternative=side).pvalue
                        for side in ("greater", "less")
                    ],
                    len(many),
                ),
            ]
        )
        print(
            f"t, n = {n:2d}: {ours:10,.0f} a second; {ours / loop:7.0f} x SciPy in a loop,"
            f" {ours / vectorised:5.2f} x with axis=1"
        )
    for n in (5, 10):
        many, few = rng.normal(1.0, 1.0, (4_000, n)), rng.normal(1.0, 1.0, (20, n))

        def permuted(rows: np.ndarray) -> list[float]:
            options = {"permutation_type": "samples", "n_resamples": np.inf, "vectorized": True}
            return [
                scipy_stats.permutation_test(
                    (row - 1.0,), np.mean, alternative=side, **options
                ).pvalue
                for row in rows
                for side in ("greater", "less")
            ]

        ours, loop = rate(
            [
                (lambda d=many: stats.judge_many("exceeds", d, 1.0, test="sign-flip"), len(many)),
                (lambda d=few: permuted(d), len(few)),
            ]
        )
        print(
            f"sign-flip, n = {n:2d}: {ours:10,.0f} a second; {ours / loop:7.0f} x SciPy in a loop"
        )
    (whole,) = rate([(lambda: operating_characteristics("t", LAWS["lognormal"], 5), 20_000)])
    print(f"a whole cell, draws and all, t at n = 5: {whole:10,.0f} replications a second")

    a, b = rng.normal(0.3, 0.05, 5), rng.normal(0.2, 0.05, 5)
    (ours,) = rate(
        [(lambda: stats.rule([stats.Question(stats.contrasts("exceeds", a, b, 0.03))]), 1)]
    )
    print(f"one verdict with intervals and sensitivities: {1000 / ours:.2f} ms")
    try:
        from deepsig import aso
    except ImportError:
        print("deepsig is not installed: pip install deepsig, in an environment of its own")
    else:
        (theirs,) = rate([(lambda: aso(a, b, show_progress=False, seed=1), 1)])
        print(f"deepsig's aso of the same arms: {1000 / theirs:.1f} ms, {ours / theirs:.0f} x ours")
    try:
        from rliable import library, metrics
    except ImportError:
        print("rliable is not installed: pip install rliable, in an environment of its own")
    else:
        scores = {"a": a[:, None], "b": b[:, None]}
        aggregate = lambda x: np.array([metrics.aggregate_mean(x)])  # noqa: E731
        (theirs,) = rate(
            [(lambda: library.get_interval_estimates(scores, aggregate, reps=2000), 1)]
        )
        print(
            f"rliable's intervals of the same arms: {1000 / theirs:.1f} ms, {ours / theirs:.0f} x"
            " ours"
        )


if __name__ == "__main__":
    main()
