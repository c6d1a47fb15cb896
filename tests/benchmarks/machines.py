"""The same campaign over 1 to 200 machines, simulated: runs go to the worker that is free first,
costliest first.

    python tests/benchmarks/machines.py                    # the campaign of docs/campaigns.md
    python tests/benchmarks/machines.py --store .faeval    # what a store's runs took

What is simulated is how runs are handed out. Times of runs are taken as they are, a run costs a
fixed overhead besides, and machines are alike; a shared file system that is slower for a hundred
machines than for one is not in it.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

MACHINES = (1, 2, 5, 10, 20, 50, 100, 200)
SLOTS = 2  # runs at a time on a machine
OVERHEAD = 0.05  # seconds; tests/benchmarks/campaign.py measures a tenth of it

# The campaign of the page: arms from two minutes to half an hour a run, seeds that differ by a
# tenth.
ARMS, SEEDS = 40, 25
SHORTEST, LONGEST, SPREAD = 120.0, 1800.0, 0.1


@dataclass(frozen=True)
class Row:
    """One number of machines: hours to the end, and the share of all slots' time that runs took."""

    machines: int
    hours: float
    in_any_order: float
    efficiency: float


def campaign() -> list[float]:
    """Seconds of each run, in the order of the plan: seeds inside arms."""
    chance = random.Random(1)
    ratio = (LONGEST / SHORTEST) ** (1 / (ARMS - 1))
    means = [SHORTEST * ratio**arm for arm in range(ARMS)]
    chance.shuffle(means)
    return [mean * chance.uniform(1 - SPREAD, 1 + SPREAD) for mean in means for _ in range(SEEDS)]


def finish(costs: list[float], slots: int) -> float:
    """Seconds until the last run is over, where each goes to the slot that is free first."""
    free = [0.0] * slots
    for cost in costs:
        heapq.heapreplace(free, free[0] + cost + OVERHEAD)
    return max(free)


def simulate(costs: list[float]) -> list[Row]:
    rows = []
    for machines in MACHINES:
        slots = machines * SLOTS
        seconds = finish(sorted(costs, reverse=True), slots)
        rows.append(
            Row(
                machines,
                seconds / 3600,
                finish(costs, slots) / 3600,
                sum(costs) / (seconds * slots),
            )
        )
    return rows


def facts(costs: list[float]) -> dict[str, str]:
    """What the page says of the campaign in words."""
    enough = next(
        n
        for n in range(1, len(costs) + 1)
        if finish(sorted(costs, reverse=True), n * SLOTS) < 1.01 * (max(costs) + OVERHEAD)
    )
    return {
        "runs": f"{len(costs):,}",
        "hours of computing": f"{sum(costs) / 3600:.0f}",
        "longest run in minutes": f"{max(costs) / 60:.0f}",
        "machines after which nothing is gained": f"{enough}",
        "overhead in seconds": f"{OVERHEAD:g}",
        "overhead in all, in seconds": f"{OVERHEAD * len(costs):.0f}",
    }


def table(costs: list[float]) -> str:
    head = ["| machines | hours | hours, in the plan's order | slots busy |", "|---|---|---|---|"]
    body = [
        f"| {r.machines} | {r.hours:.2f} | {r.in_any_order:.2f} | {r.efficiency:.0%} |"
        for r in simulate(costs)
    ]
    return "\n".join(head + body) + "\n"


def of_store(folder: Path) -> list[float]:
    from faeval.evidence import Store

    seconds: dict[str, float] = defaultdict(float)
    for record in Store(folder).records():
        seconds[record.key] += record.seconds
    return list(seconds.values())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path)
    given = parser.parse_args()
    costs = of_store(given.store) if given.store else campaign()
    for name, value in facts(costs).items():
        print(f"{name}: {value}")
    print(table(costs), end="")


if __name__ == "__main__":
    main()
