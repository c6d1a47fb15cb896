"""The closed-form audit of a checkpoint against the published loop over directions, in one run.

python tests/benchmarks/audit.py [--threads 1 2] [--rounds 5]
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from faeval.audits import (
    controls,
    cosine,
    effective_samples,
    loss_changes,
    loss_from,
    pooled_correlation,
    rho,
    sample_mean,
)
from faeval.networks import ResidualMLP, states_of
from faeval.rules import DirectFeedbackAlignment, Setup, state_gradients, trace
from faeval.tasks import Task
from faeval.training import Batches, Objective, fit

N, FEATURES, WIDTH, BLOCKS, CLASSES = 1024, 3072, 256, 4, 10
DIRECTIONS, STEP = 32, 1e-3  # of the published audit
Checkpoint = tuple[ResidualMLP, DirectFeedbackAlignment, Tensor, Tensor]


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def checkpoint() -> Checkpoint:
    """A penalised network at CIFAR-10's size after two short epochs, in float32, and the items to audit it on."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((4096 + N, FEATURES)).astype(np.float32)
    y = np.argmax(np.tanh(x[:, :48]) @ draw.standard_normal((48, CLASSES)), axis=1)
    task = Task(x[:4096], y[:4096], x[4096:], y[4096:], CLASSES)
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1))
    batches = Batches(task, 1, 128, augment=False)
    fit(network, rule, batches, Objective(1e-2), epochs=2, learning_rate=1e-3, weight_decay=0.01)
    return network, rule, torch.from_numpy(x[4096:]), torch.from_numpy(y[4096:])


def closed_form(subject: Checkpoint) -> list[dict[str, float]]:
    """All closed-form metrics of the five states: cosine, rho, effective samples, three norms; growth."""
    network, rule, x, y = subject
    with torch.no_grad():
        h0 = network.embed(x)
    seen = trace(network, h0, y)  # one forward and one backward pass serve all metrics, as in the audit itself
    signals = rule.credit(network, seen.states, seen.logits, y)
    found = []
    for h, a, g in zip(seen.states, signals, seen.gradients, strict=True):
        found.append(
            {
                "cosine": sample_mean(cosine(a, g)).value,
                "rho": rho(a, g),
                "effective_samples": effective_samples(a, g),
                **{name: float(s.norm(dim=1).median()) for name, s in (("h", h), ("a", a), ("g", g))},
            }
        )
    norms = [h.norm(dim=1) for h in seen.states]
    found[0]["growth"] = max(float((norms[k + 1] / norms[k]).median()) for k in range(BLOCKS))
    return found


@torch.no_grad()
def published_loop(subject: Checkpoint) -> list[float]:
    """rho by 32 directions, float32, one-sided, absolute step; states and losses once, only the remaining blocks anew."""
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
        found.append(float(torch.corrcoef(torch.stack([predicted.flatten(), observed.flatten()]))[0, 1]))
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
    return [controls(network, k, h, g, y, 1, 8) for k, (h, g) in enumerate(zip(states, gradients, strict=True))]


def seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    single = checkpoint()
    network, rule, x, y = single
    double = (
        ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1).double(),
        DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1)).double(),
        x.double(),
        y,
    )
    double[0].load_state_dict(network.state_dict())
    double[1].load_state_dict(rule.state_dict())

    say(f"{BLOCKS + 1} states, n={N}, d={WIDTH}; torch {torch.__version__}")
    for threads in options.threads:
        torch.set_num_threads(threads)
        closed_form(double), published_loop(single)  # the first call of each is no measurement
        pairs = [
            (seconds(lambda: closed_form(double)), seconds(lambda: published_loop(single)))
            for _ in range(options.rounds)
        ]
        ratios = [loop / closed for closed, loop in pairs]
        say(
            f"{threads} thread(s): closed form, float64 {statistics.median(p[0] for p in pairs):.3f} s; loop over "
            f"{DIRECTIONS} directions, float32 {statistics.median(p[1] for p in pairs):.3f} s; ratio "
            f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f} over {options.rounds} rounds); "
            f"finite-difference controls, 8 directions, float64 {seconds(lambda: all_controls(double)):.3f} s"
        )

    say(f"\nrho by state: closed form, float64 differences ({DIRECTIONS} directions), the published float32 loop")
    exact, differences, loop = closed_form(double), finite_differences(double, DIRECTIONS), published_loop(single)
    for k, (row, seen, float32, control) in enumerate(zip(exact, differences, loop, all_controls(double), strict=True)):
        error = 1 / math.sqrt(row["effective_samples"] * DIRECTIONS)
        say(
            f"h_{k}: {row['rho']:+.4f}  {seen:+.4f} ({(seen - row['rho']) / error:+.2f} standard errors)  {float32:+.4f}; "
            f"cosine {row['cosine']:+.4f}, effective samples {row['effective_samples']:.0f}, "
            f"controls {control[0]:.6f} and {control[1]:+.4f}"
        )


if __name__ == "__main__":
    main()
