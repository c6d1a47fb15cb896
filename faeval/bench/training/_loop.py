"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from faeval.bench.networks import Network
from faeval.bench.rules import Rule
from faeval.bench.training._batches import Batches
from faeval.bench.training._step import Objective, backward, freeze


@dataclass(frozen=True)
class History:
    """What training left behind beside the weights.

    ``losses`` is the mean training cross-entropy of each finished epoch; ``diverged`` the epoch in
    which the loss or a weight stopped being finite, or None.
    """

    losses: tuple[float, ...]
    diverged: int | None = None


def fit(
    network: Network,
    rule: Rule,
    batches: Batches,
    objective: Objective,
    *,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> History:
    """Train in place by AdamW (Loshchilov and Hutter 2019).

    A cosine schedule goes from ``learning_rate`` to 0 over all steps.

    The rule's own parameters are trained by the same optimiser. ``after_epoch(epoch)`` is called
    after each finished epoch, counted from 1; it is where checkpoints are written.
    """
    freeze(network, objective)
    parameters = [p for module in (network, rule) for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    total, step_number = epochs * batches.steps, 0
    losses: list[float] = []
    for epoch in range(1, epochs + 1):
        summed = torch.zeros((), dtype=torch.float64, device=parameters[0].device)
        for x, y in batches.epoch(epoch):
            optimizer.param_groups[0]["lr"] = (
                learning_rate * 0.5 * (1.0 + math.cos(math.pi * step_number / total))
            )
            optimizer.zero_grad(set_to_none=True)
            summed += backward(network, rule, x, y, objective)
            optimizer.step()
            rule.after_step(network)
            step_number += 1
        mean = float(summed) / batches.steps
        if not math.isfinite(mean) or not all(bool(p.isfinite().all()) for p in parameters):
            return History(tuple(losses), diverged=epoch)
        losses.append(mean)
        after_epoch(epoch)
    return History(tuple(losses))
