"""Golden bits: the weights that tiny arms end at. Where they change, cached runs are stale and
TRAINING_REVISION is raised.

Bits are compared on the machine that golden.json was made on (torch version, CPU capability and
model); elsewhere the losses, to 1e-3. What comes from named streams alone, before any arithmetic,
is compared everywhere.

``python tests/bench/settings/test_golden.py`` makes golden.json anew.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from faeval.bench.settings import train
from faeval.experiment import Arm, RunOptions, experiment
from faeval.experiment._settings import TRAINING_REVISION

FILE = Path(__file__).with_name("golden.json")
SEED, SIZE = 7, {"epochs": 2, "width": 16, "blocks": 2}
ARMS = {
    "standard": Arm("dfa", **SIZE),
    "standard-penalised": Arm("dfa", penalty=0.01, **SIZE),
    "published": Arm("dfa", credit_site="input", credit_scale="unit", **SIZE),
    "published-penalised": Arm(
        "dfa", credit_site="input", credit_scale="unit", penalty=0.01, **SIZE
    ),
    "input-error": Arm("dfa", credit_site="input", **SIZE),
    "bp": Arm("bp", **SIZE),
    "bp-penalised": Arm("bp", penalty=0.01, **SIZE),
    "bp-local-unit": Arm("bp", credit_scale="unit", **SIZE),
    "fa": Arm("fa", **SIZE),
    "fa-input": Arm("fa", credit_site="input", **SIZE),
    "drtp": Arm("drtp", **SIZE),
    "sign-symmetric": Arm("sign_symmetric", **SIZE),
    "sign-symmetric-batchwise": Arm("sign_symmetric", magnitude="batchwise", **SIZE),
    "kolen-pollack": Arm("kolen_pollack", **SIZE),
    "ep": Arm("ep", **SIZE),
    "ep-symmetric": Arm("ep", symmetric=True, beta=0.1, relaxation=6, rate=0.2, **SIZE),
    "state-bridge": Arm("sb", **SIZE),
    "state-bridge-published-penalised": Arm(
        "sb", credit_site="input", credit_scale="unit", penalty=0.01, **SIZE
    ),
    "credit-bridge": Arm("cb", **SIZE),
    "uniform-feedback": Arm("dfa", feedback="uniform", **SIZE),
    "frozen": Arm("dfa", trained_blocks=0, **SIZE),
    "last-block": Arm("dfa", trained_blocks=1, penalty=0.01, **SIZE),
    "random-labels": Arm("dfa", labels="random", **SIZE),
    "hidden": Arm("dfa", hidden=2.0, **SIZE),
    "no-terminal-norm": Arm("dfa", terminal_norm=False, **SIZE),
    "no-skip": Arm("dfa", residual=False, **SIZE),
    "student": Arm("dfa", network="student", **SIZE),
    "student-nonlinearity": Arm("dfa", network="student", nonlinearity=0.5, **SIZE),
    "vit": Arm("dfa", network="vit_mini", **SIZE),
    "cnn": Arm("dfa", network="batchnorm_cnn", **SIZE),
}


def machine() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            line.partition(":")[2].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        model = platform.processor()
    # The model too: one capability, such as AVX2, runs other kernels of the matrix library on other
    # makers' processors.
    return {
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cpu": model,
    }


def run(name: str) -> dict[str, Any]:
    setting = experiment("teacher")
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            setting.resolve(ARMS[name]), SEED, Path(folder), RunOptions(threads=1), setting.config
        )
    return {
        "weights": result["weights"],
        "hashes": result["hashes"],
        "losses": [row["value"] for row in result["rows"]],
    }


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def test_golden_bits_are_those_of_this_revision(golden: dict[str, Any]) -> None:
    assert golden["revision"] == TRAINING_REVISION, (
        f"TRAINING_REVISION was raised: run `python {Path(__file__).name}`"
    )
    assert list(golden["arms"]) == list(ARMS)
    assert len({arm["weights"] for arm in golden["arms"].values()}) == len(
        ARMS
    )  # every factor is used


#: The longest, and those of which each factor stands in another arm, too.
ALSO_ELSEWHERE = {
    "published-penalised",
    "input-error",
    "bp-penalised",
    "bp-local-unit",
    "fa-input",
    "ep",
    "ep-symmetric",
    "sign-symmetric",
    "state-bridge",
    "student",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in ALSO_ELSEWHERE else ()) for n in ARMS],
)
def test_training_gives_the_numbers_of_its_revision(name: str, golden: dict[str, Any]) -> None:
    expected, found = golden["arms"][name], run(name)
    remedy = (
        f"Training of the arm {ARMS[name]} gives other numbers than revision"
        f" {TRAINING_REVISION} did. If that is meant, raise TRAINING_REVISION in"
        " faeval/experiment/_settings.py, so that no cached run of the old code is read, and make"
        " the bits anew by `python tests/bench/settings/test_golden.py`."
    )
    assert found["hashes"] == expected["hashes"], remedy
    assert found["losses"] == pytest.approx(expected["losses"], rel=1e-3), remedy
    if machine() == golden["machine"]:
        assert found["weights"] == expected["weights"], remedy


def main() -> None:
    content = {
        "revision": TRAINING_REVISION,
        "machine": machine(),
        "arms": {name: run(name) for name in ARMS},
    }
    FILE.write_text(json.dumps(content, indent=1) + "\n")
    sys.stdout.write(f"wrote {FILE.name}\n")


if __name__ == "__main__":
    main()
