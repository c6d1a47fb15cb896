"""One training step of DFA against its own matrix products alone, same shapes and threads, in one run.

python tests/benchmarks/training.py [--threads 1 2] [--rounds 7] [--steps 40]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from faeval.networks import ResidualMLP
from faeval.rules import DirectFeedbackAlignment, Setup
from faeval.tasks import Task
from faeval.training import Batches, Objective, backward, fit

FEATURES, WIDTH, BLOCKS, CLASSES, BATCH = 3072, 256, 4, 10, 128


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def products() -> Callable[[], None]:
    """The matrix products that a step cannot do without, into memory that is there already.

    Forward: embedding, two a block, head. Credit: one for all states. Backward, every loss being local: for each linear
    layer the gradient of its weights, and that of its input wherever a trained norm lies before it or a layer within the
    block: all but the embedding.
    """
    layers = [(FEATURES, WIDTH), *[(WIDTH, WIDTH)] * (2 * BLOCKS), (WIDTH, CLASSES)]
    shapes = [(BATCH, inside, outside) for inside, outside in layers]
    shapes += [(outside, BATCH, inside) for inside, outside in layers]
    shapes += [(BATCH, outside, inside) for inside, outside in layers[1:]]
    shapes += [(BATCH, CLASSES, (BLOCKS + 1) * WIDTH)]
    draw = torch.Generator().manual_seed(0)
    sets = [
        (torch.randn(m, k, generator=draw), torch.randn(n, k, generator=draw).T, torch.empty(m, n))
        for m, k, n in shapes
    ]

    def run() -> None:
        for a, b, out in sets:
            torch.mm(a, b, out=out)

    return run


def seconds(call: Callable[[], object], repeats: int) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - begun) / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (options.steps * BATCH, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(len(images)) % CLASSES
    task = Task(images, labels, images[:10], labels[:10], CLASSES, (0.5,) * 3, (0.25,) * 3)
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1))
    batches = Batches(task, 1, BATCH, augment=True)
    objective, multiply = Objective(1e-2), products()
    (x, y), *_ = batches.epoch(1)

    def whole() -> None:  # one epoch: batches with crop and flip, gradients, optimiser
        fit(network, rule, batches, objective, epochs=1, learning_rate=1e-3, weight_decay=0.01)

    def gradients() -> None:
        network.zero_grad(set_to_none=True)
        backward(network, rule, x, y, objective)

    say(f"DFA, penalised, d={WIDTH}, L={BLOCKS}, batch {BATCH}, {FEATURES} inputs; torch {torch.__version__}")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for call in (whole, gradients, multiply):
            call()  # the first call of each is no measurement
        rounds = [
            (
                seconds(whole, 1) / options.steps,
                seconds(gradients, options.steps),
                seconds(multiply, options.steps),
            )
            for _ in range(options.rounds)
        ]
        step, inner, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratios = [a / c for a, _, c in rounds]
        say(
            f"{threads} thread(s): whole step {1e3 * step:.2f} ms, its gradients {1e3 * inner:.2f} ms, matrix products alone "
            f"{1e3 * bare:.2f} ms; whole step / products {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f} over {options.rounds} rounds), gradients / products "
            f"{statistics.median(b / c for _, b, c in rounds):.2f}"
        )


if __name__ == "__main__":
    main()
