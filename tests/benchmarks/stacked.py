"""All seeds of an arm in one stacked run against one after another; ratios in one run, on the
device that is there.

python tests/benchmarks/stacked.py [--device cpu|cuda] [--seeds 10] [--rounds 5] [--steps 100]
[--only bp dfa ...]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

import numpy as np
import torch

from faeval.bench.networks import ResidualMLP
from faeval.bench.rules import Rule, Setup
from faeval.bench.tasks import Task
from faeval.bench.training import Batches, Objective, fit, fit_stacked, share_data
from faeval.experiment import component

BATCH, CLASSES = 128, 10
HYPER: dict[str, Any] = {"learning_rate": 1e-3, "weight_decay": 0.01}
RULES = ("bp", "dfa", "drtp", "fa", "sign_symmetric", "kolen_pollack")
# Features, d, L: the shapes of the embedded task, and of CIFAR-10 with crop and flip.
SHAPES = {"teacher": (128, 128, 4), "cifar10": (3072, 256, 4)}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def task_of(shape: str, steps: int) -> Task:
    draw, n = np.random.default_rng(0), steps * BATCH
    y = np.arange(n) % CLASSES
    if shape == "cifar10":
        x = draw.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
        return Task(x, y, x[:10], y[:10], CLASSES, (0.49, 0.48, 0.45), (0.25, 0.24, 0.26))
    v = draw.standard_normal((n, SHAPES[shape][0])).astype(np.float32)
    return Task(v, y, v[:10], y[:10], CLASSES)


def pairs_of(rule: str, shape: str, seeds: int, device: str) -> list[tuple[ResidualMLP, Rule]]:
    features, width, blocks = SHAPES[shape]
    found, make = [], component("rule", rule).resolve()
    for seed in range(seeds):
        network = ResidualMLP(features, width, blocks, CLASSES, seed)
        found.append(
            (
                network.to(device),
                make(Setup(width, blocks, CLASSES, seed, network=network)).to(device),
            )
        )
    return found


def apart(ours: list[tuple[ResidualMLP, Rule]], theirs: list[tuple[ResidualMLP, Rule]]) -> float:
    """The largest distance between two trainings of one seed, as a share of the weights' norm."""
    shares = []
    for (network, _), (other, _) in zip(ours, theirs, strict=True):
        a, b = (torch.cat([p.detach().flatten() for p in n.parameters()]) for n in (network, other))
        shares.append(float((a - b).norm() / b.norm()))
    return max(shares)


def compare(rule: str, shape: str, seeds: int, rounds: int, steps: int, device: str) -> None:
    first = Batches(task_of(shape, steps), 0, BATCH, augment=True, device=device)
    batches = [share_data(first, seed) for seed in range(seeds)]
    objective = Objective(0.01)

    def wait() -> None:
        if device != "cpu":
            torch.cuda.synchronize()

    def alone() -> tuple[float, Any]:
        pairs = pairs_of(rule, shape, seeds, device)
        wait()
        begun = time.perf_counter()
        for (network, module), own in zip(pairs, batches, strict=True):
            fit(network, module, own, objective, epochs=1, **HYPER)
        wait()
        return time.perf_counter() - begun, pairs

    def together() -> tuple[float, Any]:
        pairs = pairs_of(rule, shape, seeds, device)
        wait()
        begun = time.perf_counter()
        fit_stacked(
            [n for n, _ in pairs], [r for _, r in pairs], batches, objective, epochs=1, **HYPER
        )
        wait()
        return time.perf_counter() - begun, pairs

    gap = apart(together()[1], alone()[1])  # the first of each is no measurement
    found = [(alone()[0], together()[0]) for _ in range(rounds)]
    ratios = [one / both for one, both in found]
    say(
        f"{rule}, {shape}: {seeds} seeds one after another / stacked"
        f" {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} over"
        f" {rounds} rounds); stacked {1e3 * statistics.median(b for _, b in found) / steps:.2f} ms"
        f" a step of all seeds; weights apart by {gap:.1e} of their norm after {steps} steps"
    )


def main() -> None:
    here = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default=here)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=RULES, default=RULES)
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=tuple(SHAPES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    name = (
        torch.cuda.get_device_name()
        if options.device != "cpu"
        else f"CPU, {options.threads} thread(s)"
    )
    say(f"{name}; torch {torch.__version__}; batch {BATCH}, penalty 0.01, TF32 off")
    if options.device == "cpu":
        say(
            "No CUDA device: this measures stacking on the CPU, where it is not used. A CPU is busy"
            " with one seed's products already, so the ratio says what vectorising costs or saves"
            " here, and nothing of the 5 x that CUDA must give."
        )
    for shape in options.shapes:
        for rule in options.only:
            compare(rule, shape, options.seeds, options.rounds, options.steps, options.device)


if __name__ == "__main__":
    main()
