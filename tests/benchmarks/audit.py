"""The closed-form audit of a checkpoint against the published loop over directions, in one run.

python tests/benchmarks/audit.py [--threads 1 2] [--rounds 5]
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from faeval.bench.audits import alignment, controls, loss_changes, loss_from, pooled_correlation
from faeval.bench.networks import ResidualMLP, states_of
from faeval.bench.rules import DirectFeedbackAlignment, Setup, state_gradients
from faeval.bench.tasks import Task
from faeval.bench.training import Batches, Objective, fit, load, save

N, FEATURES, WIDTH, BLOCKS, CLASSES = 1024, 3072, 256, 4, 10
DIRECTIONS, STEP = 32, 1e-3  # of the published audit
Checkpoint = tuple[ResidualMLP, DirectFeedbackAlignment, Tensor, Tensor]


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def checkpoint(hidden: float) -> Checkpoint:
    """A penalised network at CIFAR-10's size after two short epochs, in float32, and the items to
    audit it on.
    """
    draw = np.random.default_rng(0)
    x = draw.standard_normal((4096 + N, FEATURES)).astype(np.float32)
    y = np.argmax(np.tanh(x[:, :48]) @ draw.standard_normal((48, CLASSES)), axis=1)
    task = Task(x[:4096], y[:4096], x[4096:], y[4096:], CLASSES)
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1, hidden=hidden)
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1))
    batches = Batches(task, 1, 128, augment=False)
    fit(network, rule, batches, Objective(1e-2), epochs=2, learning_rate=1e-3, weight_decay=0.01)
    return network, rule, torch.from_numpy(x[4096:]), torch.from_numpy(y[4096:])


def closed_form(subject: Checkpoint) -> list[dict[str, float]]:
    """All closed-form metrics of the five states, by the audit itself without its finite-difference
    controls.
    """
    network, rule, x, y = subject
    rows, _ = alignment(network, rule, x, y, 1, directions=0)
    found: list[dict[str, float]] = [{} for _ in range(BLOCKS + 1)]
    for row in rows:
        found[row["layer"] or 0][row["metric"]] = row["value"]
    return found


def hundred(subject: Checkpoint) -> float:
    """Seconds that it takes to read a hundred checkpoints from files and audit each, the controls
    apart.
    """
    network, rule, x, y = subject
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint.safetensors"
        digest = save(copy.deepcopy(network).float(), copy.deepcopy(rule).float(), file)
        begun = time.perf_counter()
        for _ in range(100):
            fresh, feedback = (
                ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1),
                copy.deepcopy(rule).float(),
            )
            load(fresh, feedback, file, digest)
            alignment(fresh.double().eval(), feedback.double(), x, y, 1, directions=0)
        return time.perf_counter() - begun


def products(subject: Checkpoint) -> None:
    """The matrix products of that audit alone: embedding, blocks forward and backward to the
    states, readout, credit.
    """
    network, rule, x, _ = subject
    h = x.flatten(1) @ network.embedding.weight.T
    pairs = [[p for p in block.parameters() if p.ndim == 2] for block in network.blocks]
    for first, second in pairs:
        (h @ first.T) @ second.T
    for first, second in pairs:
        (h @ second) @ first
    logits = h @ network.head.weight.T
    logits @ network.head.weight
    logits @ rule.feedback.reshape(-1, CLASSES).T


@torch.no_grad()
def whole_network_loop(subject: Checkpoint) -> None:
    """The same loop as hooks do it: for each direction the whole network from the inputs, one state
    moved on the way.
    """
    network, rule, x, y = subject
    states, logits = states_of(network, x)
    signals = rule.credit(network, states, logits, y)
    draw = torch.Generator().manual_seed(0)
    for layer, a in enumerate(signals):
        for _ in range(DIRECTIONS):
            v = torch.randn(a.shape, generator=draw)
            v /= v.norm(dim=1, keepdim=True)
            h = network.embed(x)
            for number, block in enumerate(network.blocks):
                h = block(h + STEP * v if number == layer else h)
            if layer == BLOCKS:
                h = h + STEP * v
            torch.nn.functional.cross_entropy(network.readout(h), y, reduction="none")
            (a * v).sum(1)


@torch.no_grad()
def published_loop(subject: Checkpoint) -> list[float]:
    """rho by 32 directions, float32, one-sided, absolute step; states and losses once, only the
    remaining blocks anew.
    """
    network, rule, x, y = subject
    states, logits = states_of(network, x)
    signals = rule.credit(network, states, logits, y)
    before = torch.nn.functional.cross_entropy(logits, y, reduction="none")
    draw = torch.Generator().manual_seed(0)
    found = []
    for layer, (h, a) in enumerate(zip(states, signals, strict=True)):
        loss = loss_from(network, layer, y)
        predicted, observed = torch.empty(DIRECTIONS, N), torch.empty(DIRECTIONS, N)
        for m in range(DIRECTIONS):
            v = torch.randn(h.shape, generator=draw)
            v /= v.norm(dim=1, keepdim=True)
            predicted[m] = STEP * (a * v).sum(1)
            observed[m] = loss(h + STEP * v) - before
        found.append(
            float(torch.corrcoef(torch.stack([predicted.flatten(), observed.flatten()]))[0, 1])
        )
    return found


def finite_differences(subject: Checkpoint, directions: int) -> list[float]:
    """rho by two-sided finite differences in float64, one unit step's worth for each sample."""
    network, rule, x, y = subject
    states, logits = states_of(network, x)
    signals = rule.credit(network, states, logits, y)
    found = []
    for layer, (h, a) in enumerate(zip(states, signals, strict=True)):
        predicted, observed = [], []
        for displacement, change in loss_changes(
            loss_from(network, layer, y), h, np.random.default_rng(layer), directions
        ):
            size = displacement.norm(dim=1)
            predicted.append((displacement * a).sum(1) / size)
            observed.append(change / size)
        found.append(pooled_correlation(torch.stack(predicted), torch.stack(observed)))
    return found


def all_controls(subject: Checkpoint) -> list[tuple[float, float]]:
    network, _, x, y = subject
    states, _ = states_of(network, x)
    gradients = state_gradients(network, states[0], y)
    return [
        controls(network, k, h, g, y, 1, 8)
        for k, (h, g) in enumerate(zip(states, gradients, strict=True))
    ]


def seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def best(call: Callable[[], object]) -> float:
    return min(seconds(call) for _ in range(7))


def compare(double: Checkpoint, single: Checkpoint, threads: int, rounds: int) -> None:
    calls: dict[str, Callable[[], object]] = {
        "closed form, float64": lambda: closed_form(double),
        "its matrix products alone": lambda: products(double),
        f"loop over {DIRECTIONS} directions, float32": lambda: published_loop(single),
        "the same through the whole network": lambda: whole_network_loop(single),
    }
    for call in calls.values():
        call()  # the first call of each is no measurement
    rows = [[seconds(call) for call in calls.values()] for _ in range(rounds)]
    for number, name in enumerate(calls):
        ratios = [row[number] / row[0] for row in rows]
        say(
            f"  {threads} thread(s), {name}:"
            f" {statistics.median(r[number] for r in rows) * 1e3:.1f} ms,"
            f" {statistics.median(ratios):.2f} of the closed form ({min(ratios):.2f} to"
            f" {max(ratios):.2f} over {rounds} rounds)"
        )
    say(
        f"  {threads} thread(s), finite-difference controls, 8 directions, float64:"
        f" {seconds(lambda: all_controls(double)):.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for hidden in (1.0, 4.0):
        torch.set_num_threads(1)
        single = checkpoint(hidden)
        network, rule, x, y = single
        double = (copy.deepcopy(network).double(), copy.deepcopy(rule).double(), x.double(), y)
        say(
            f"{BLOCKS + 1} states, n={N}, d={WIDTH}, hidden {hidden:g} d; torch {torch.__version__}"
        )
        for threads in options.threads:
            torch.set_num_threads(threads)
            compare(double, single, threads, options.rounds)
        if hidden == 1.0:
            kept = single, double

    single, double = kept
    say("\ncost of the closed form, float64, beside n=1024 and 4 blocks:")
    network, rule, x, y = double
    base = best(lambda: closed_form(double))
    for n in (256, 512):
        part = (network, rule, x[:n], y[:n])
        say(f"n={n}: {best(lambda part=part: closed_form(part)) / base:.2f}")  # type: ignore[misc]
    twice = (network, rule, torch.cat([x, x]), torch.cat([y, y]))
    say(f"n=2048: {best(lambda: closed_form(twice)) / base:.2f}")
    for blocks in (2, 8):
        deeper = ResidualMLP(FEATURES, WIDTH, blocks, CLASSES, 1).double()
        feedback = DirectFeedbackAlignment(Setup(WIDTH, blocks, CLASSES, 1)).double()
        say(
            f"{blocks} blocks: {best(lambda d=deeper, f=feedback: alignment(d, f, x, y, 1, directions=0)) / base:.2f}"  # noqa: E501
        )  # type: ignore[misc]
    say(f"100 checkpoints, read from safetensors, controls apart: {hundred(double):.1f} s")
    say(
        f"\nrho by state: closed form, float64 differences ({DIRECTIONS} directions), the published"
        " float32 loop"
    )
    exact, differences, loop = (
        closed_form(double),
        finite_differences(double, DIRECTIONS),
        published_loop(single),
    )
    for k, (row, seen, float32, control) in enumerate(
        zip(exact, differences, loop, all_controls(double), strict=True)
    ):
        error = 1 / math.sqrt(row["effective_samples"] * DIRECTIONS)
        say(
            f"h_{k}: {row['rho']:+.4f}  {seen:+.4f} ({(seen - row['rho']) / error:+.2f} standard"
            f" errors)  {float32:+.4f}; cosine {row['cosine']:+.4f}, effective samples"
            f" {row['effective_samples']:.0f}, controls {control[0]:.6f} and {control[1]:+.4f}"
        )


if __name__ == "__main__":
    main()
