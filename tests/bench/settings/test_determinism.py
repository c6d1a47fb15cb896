"""Same seed, same threads, same weights: in another process, with another worker count, in another
order, after a kill.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import Arm, experiment

pytestmark = pytest.mark.slow

SMALL = {"epochs": 1, "width": 8, "blocks": 2}
ARMS = [
    Arm(rule, **SMALL, **own)
    for rule, own in (
        ("bp", {}),
        ("fa", {"labels": "random"}),
        ("dfa", {"credit_site": "input", "credit_scale": "unit", "penalty": 0.01}),
        ("dfa", {"trained_blocks": 0, "network": "student"}),
        ("drtp", {"residual": False}),
        ("sign_symmetric", {"magnitude": "batchwise"}),
        ("kolen_pollack", {"terminal_norm": False}),
    )
]
NEEDS = [*((arm, 1) for arm in ARMS), (ARMS[0], 2), (ARMS[2], 2)]
CAMPAIGN = """
import sys
from pathlib import Path
from faeval.campaign import Execution, Need, execute, plan
from faeval.evidence import Store
from faeval.experiment import Arm, experiment
store = Store(Path(sys.argv[1]))
needs = [Need(experiment("teacher"), Arm.parse(a.partition(" ")[0]), int(a.partition(" ")[2])) for a in sys.argv[3:]]
assert not execute(plan(needs, store), store, Execution(workers=int(sys.argv[2]))).failures
"""  # noqa: E501


def weights(root: Path, needs: list[tuple[Arm, int]] = NEEDS) -> dict[str, str]:
    store = Store(root)
    jobs = plan([Need(experiment("teacher"), arm, seed) for arm, seed in needs], store).jobs
    return {
        str(job): record.weights for job in jobs if (record := store.training(job.key)) is not None
    }


def arguments(root: Path, workers: int, needs: list[tuple[Arm, int]]) -> list[str]:
    return [
        sys.executable,
        "-c",
        CAMPAIGN,
        str(root),
        str(workers),
        *(f"{arm} {seed}" for arm, seed in needs),
    ]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    store = Store(tmp_path_factory.mktemp("first"))
    assert not execute(
        plan([Need(experiment("teacher"), *need) for need in NEEDS], store),
        store,
        Execution(workers=1),
    ).failures
    return weights(store.root)


def test_every_arm_and_seed_ends_at_weights_of_its_own(first: dict[str, str]) -> None:
    assert len(set(first.values())) == len(first) == len(NEEDS)


def test_worker_processes_and_another_order_give_the_same_weights(
    first: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(arguments(tmp_path, 3, NEEDS[::-1]), check=True, timeout=300)
    assert weights(tmp_path) == first


def test_a_campaign_that_was_killed_and_resumed_ends_at_the_same_weights(
    first: dict[str, str], tmp_path: Path, group: type[subprocess.Popen[bytes]]
) -> None:
    with group(arguments(tmp_path, 2, NEEDS)) as process:
        deadline = time.monotonic() + 200
        while not weights(tmp_path):
            assert process.poll() is None, "the campaign was over before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    kept = weights(tmp_path)
    assert 0 < len(kept) < len(NEEDS)  # it was killed at work
    assert kept.items() <= first.items()
    subprocess.run(arguments(tmp_path, 2, NEEDS), check=True, timeout=300)
    assert weights(tmp_path) == first
