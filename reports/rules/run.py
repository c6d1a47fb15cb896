"""Every learning rule on CIFAR-10, in both recipes, once, at a pilot seed: a look at what the bench
gives, no evidence for a claim.

    python reports/rules/run.py --data DIR     # hours on two cores; resumed where it was stopped

Writes cifar10-seed-1000.csv beside itself. An arm that it holds already is not run again; delete
the file to run all.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from faeval.campaign import Event, Need, execute, plan
from faeval.evidence import Store, csv_bytes, read
from faeval.experiment import Arm, RunOptions, experiment

SEED = 1000
FILE = Path(__file__).with_name(f"cifar10-seed-{SEED}.csv")
METRICS = (
    "accuracy",
    "cosine",
    "rho",
    "control_true",
    "gradient_norm",
    "growth",
    "state_norm",
    "test_loss",
)
PUBLISHED = {"credit_site": "input", "credit_scale": "unit"}
BASES = [
    Arm("bp"),
    Arm("fa"),
    Arm("kolen_pollack"),
    Arm("sign_symmetric"),
    Arm("sign_symmetric", magnitude="batchwise"),
    Arm("dfa"),
    Arm("dfa", penalty=0.01),
    Arm("drtp"),
    *(Arm(rule, trained_blocks=0) for rule in ("bp", "dfa", "fa")),
]
ARMS = [
    *BASES,
    *(arm.but(**PUBLISHED) for arm in BASES),
    Arm("fa", credit_scale="unit"),
    Arm("fa", credit_site="input"),
    *(Arm(rule, penalty=0.01, **PUBLISHED) for rule in ("sb", "cb")),
    *(Arm(rule, **PUBLISHED) for rule in ("sb", "cb")),
    Arm("ep"),
    Arm("dfa", network="batchnorm_cnn", width=16, **PUBLISHED),
    Arm("dfa", network="vit_mini", width=128, **PUBLISHED),
]


def main() -> None:
    """Run what the store lacks, and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--store", type=Path, default=Path(".faeval"))
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    store, setting = Store(options.store), experiment("cifar10")
    before = read(FILE) if FILE.exists() else None
    held = set() if before is None else set(before["arm"])
    needs = [Need(setting, arm, SEED) for arm in ARMS if setting.canonical(arm).label not in held]
    whole = plan(needs, store, RunOptions(data=options.data))

    def tell(event: Event) -> None:
        sys.stderr.write(
            f"{event.kind} {event.done}/{event.total} {event.job} {event.message or ''}\n"
        )

    outcome = execute(whole, store, options.workers, tell)
    table = store.table(whole.wanted)
    kept = [table[table["metric"].isin(METRICS)]] + ([] if before is None else [before])
    FILE.write_bytes(csv_bytes(pd.concat(kept, ignore_index=True)))
    sys.exit(len(outcome.failures))


if __name__ == "__main__":
    main()
