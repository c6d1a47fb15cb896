"""What a campaign costs besides its runs, and how each part grows: planning, the overhead of a run,
deciding what is there.

    python tests/benchmarks/campaign.py        # --runs 100 1000 10000, --workers 2

The runs return a constant at once, so that all of their time is overhead.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import Arm, Experiment, experiment


def constant(arm: Mapping[str, Any], seed: int) -> dict[str, float]:
    return {"x": 1.0}


OWN = Experiment("own", constant, factors={"dose": 0}, metrics=["x"])
METRICS = frozenset({"rho", "accuracy"})


def needs(count: int) -> list[Need]:
    return [Need(OWN, Arm(dose=number // 20), number % 20) for number in range(count)]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = call()
    return time.perf_counter() - begun, result


def planning(counts: list[int]) -> None:
    print("planning (seconds; target: 1 for 10,000)")
    teacher = experiment("teacher")
    for count in counts:
        trained = [
            Need(teacher, Arm("dfa", penalty=n // 20 / 1000), n % 20, METRICS) for n in range(count)
        ]
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "store")
            ours, _ = timed(lambda: plan(trained, store))  # noqa: B023
            own, planned = timed(lambda: plan(needs(count), store))  # noqa: B023
            cost, _ = timed(lambda: [planned.cost(job) for job in planned.todo])  # noqa: B023
        print(
            f"  {count:>6} runs, empty store: teacher {ours:.3f}, own function {own:.3f}; costs"
            f" {cost:.3f}"
        )


def overhead(counts: list[int], workers: int) -> None:
    print("overhead of a run (milliseconds of a worker; target: 50)")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "store")
            for many in (1, workers):
                here = Store(Path(folder) / f"store{many}")
                seconds, outcome = timed(
                    lambda: execute(plan(needs(count), here), here, Execution(workers=many))  # noqa: B023
                )
                assert len(outcome.finished) == count
                first = "" if many == 1 else ", of which starting the workers once is a part"
                print(
                    f"  {count:>6} runs, {many} at a time:"
                    f" {1000 * seconds * many / count:.2f}{first}"
                )
            store = here
            again, planned = timed(lambda: plan(needs(count), store))  # noqa: B023
            cost, _ = timed(lambda: [planned.cost(job) for job in planned.jobs])  # noqa: B023
            print(f"  {count:>6} runs, all there: planned in {again:.3f} s, costs in {cost:.3f} s")
            assert not planned.todo


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    planning(given.runs)
    overhead(given.runs, given.workers)


if __name__ == "__main__":
    main()
