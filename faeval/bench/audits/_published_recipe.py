"""The published recipe of the perturbation audit, kept as it was, precision and all.

It is an instrument under study.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits._checkpoint_audit import Row, gather, loss_from, row
from faeval.bench.audits._finite_differences import pooled_correlation
from faeval.bench.audits._signals import noise
from faeval.bench.networks import Network
from faeval.bench.rules import Rule
from faeval.experiment import stream

#: Of the published audit: an absolute step, directions for each sample.
STEP, DIRECTIONS = 1e-3, 32


@torch.no_grad()
def published(
    network: Network, rule: Rule, x: Tensor, y: Tensor, seed: int, *, directions: int = DIRECTIONS
) -> list[Row]:
    """Audit a checkpoint as published.

    float32, one-sided differences with an absolute step of 1e-3, pooled Pearson.

    Its attenuation is what is studied, so nothing is mended: losses are subtracted in float32, and
    beside rho stands the cosine whose norms are clamped at 1e-8
    (``torch.nn.functional.cosine_similarity``). Its own controls, the true gradient and a random
    vector of the same norm, say what it can see on this checkpoint. Shared with the published loop:
    states and losses are computed once, only the remaining blocks anew.

    Parameters
    ----------
    network, rule, x, y
        In float32 and evaluation mode; inputs (n, ...), labels (n,).
    seed
        Names the streams of directions and of the random vector.

    Returns
    -------
    list of rows
        ``published.rho``, ``published.cosine``, ``published.control_true``,
        ``published.control_random`` at each state; always measured, unless not a number.
    """
    exact, signals = gather(network, rule, x, y)
    before = functional.cross_entropy(exact.logits, y, reduction="none")
    rows: list[Row] = []
    for layer, (h, a, g) in enumerate(zip(exact.states, signals, exact.gradients, strict=True)):
        loss, draw = loss_from(network, layer, y), stream(seed, "perturbation", "published", layer)
        credit_of = {
            "rho": a,
            "control_true": g,
            "control_random": noise(g, stream(seed, "noise", "control", layer)),
        }
        predicted: dict[str, list[Tensor]] = {name: [] for name in credit_of}
        observed = []
        for _ in range(directions):
            v = torch.from_numpy(draw.standard_normal(tuple(h.shape))).to(h)
            v /= v.norm(dim=1, keepdim=True)
            for name, signal in credit_of.items():
                predicted[name].append(STEP * (signal * v).sum(dim=1))
            observed.append(loss(h + STEP * v) - before)
        changes = torch.stack(observed)
        for name, values in predicted.items():
            rows.append(
                row(f"published.{name}", layer, pooled_correlation(torch.stack(values), changes))
            )
        clamped = functional.cosine_similarity(a, g, dim=1)
        rows.append(row("published.cosine", layer, float(clamped.double().mean())))
    return rows
