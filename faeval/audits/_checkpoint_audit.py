"""Audits of one checkpoint: network, rule and inputs in, rows out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from faeval.audits._alignment import cosine, effective_samples, rho, sample_mean
from faeval.audits._finite_differences import loss_changes, pooled_correlation
from faeval.experiment import stream
from faeval.networks import Network, logits_of
from faeval.rules import Rule, trace

#: A state on which the instrument's positive control reads less has that instrument's rows below_floor.
CONTROL_FLOOR = 0.99
#: Fixed disjoint blocks of the evaluation items, for the standard error over items.
ITEM_BLOCKS = 8
DIRECTIONS = 8

Row = dict[str, Any]


def loss_from(network: Network, layer: int, labels: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the function from h_layer (n, d) to each sample's cross-entropy (n,)."""

    def loss(h: Tensor) -> Tensor:
        for block in network.blocks[layer:]:
            h = block(h)
        return functional.cross_entropy(network.readout(h), labels, reduction="none")

    return loss


def blocks_of(n: int) -> list[slice]:
    """Return the fixed disjoint blocks of n items: 8 runs of equal length, the remainder left out."""
    size = n // ITEM_BLOCKS
    return [slice(k * size, (k + 1) * size) for k in range(ITEM_BLOCKS)]


def alignment(
    network: Network,
    rule: Rule,
    x: Tensor,
    y: Tensor,
    seed: int,
    *,
    items: bool = False,
    directions: int = DIRECTIONS,
) -> tuple[list[Row], dict[str, Any]]:
    """Audit credit against gradient at every state of a checkpoint, with controls measured on that checkpoint.

    Parameters
    ----------
    network, rule
        In evaluation mode; copied to float64 by the caller.
    x, y
        Inputs (n, ...) in float64 and labels (n,).
    seed
        Names the streams of the controls' directions and of the random vector.
    items
        Also give cosine and rho on 8 fixed blocks of the items, as ``cosine@1`` .. ``cosine@8``.
    directions
        Directions of the finite-difference controls.

    Returns
    -------
    rows, notes
        Rows with metric, layer, value, status; notes hold the share of samples in which the cosine was defined.
    """
    with torch.no_grad():
        h0 = network.embed(x)
    seen = trace(network, h0, y)
    signals = rule.credit(network, seen.states, seen.logits, y)
    rows: list[Row] = []
    shares: dict[str, float] = {}
    for layer, (h, a, g) in enumerate(zip(seen.states, signals, seen.gradients, strict=True)):
        true, random = controls(network, layer, h, g, y, seed, directions)
        sound = true >= CONTROL_FLOOR  # False for NaN too
        for name, value in (("control_true", true), ("control_random", random)):
            rows.append(_row(name, layer, value))
        per_sample = cosine(a, g)
        mean = sample_mean(per_sample)
        shares[str(layer)] = mean.share
        rows.append(_row("cosine", layer, mean.value, sound))
        rows.append(_row("rho", layer, rho(a, g), sound))
        if items:
            for k, part in enumerate(blocks_of(len(y)), start=1):
                rows.append(_row(f"cosine@{k}", layer, sample_mean(per_sample[part]).value, sound))
                rows.append(_row(f"rho@{k}", layer, rho(a[part], g[part]), sound))
        rows.append(_row("effective_samples", layer, effective_samples(a, g)))
        for name, signal in (("credit_norm", a), ("gradient_norm", g), ("state_norm", h)):
            rows.append(_row(name, layer, float(signal.norm(dim=1).median())))
    norms = [h.norm(dim=1) for h in seen.states]
    ratios = torch.stack([(after / before).median() for before, after in pairwise(norms)])
    rows.append(_row("growth", None, float(ratios.max())))  # NaN where one of them is
    return rows, {"cosine_defined_share": shares}


def controls(
    network: Network, layer: int, h: Tensor, gradient: Tensor, y: Tensor, seed: int, directions: int
) -> tuple[float, float]:
    """Return the positive and the negative control of the float64 instrument at one state.

    The true gradient's, and a random vector's, pooled correlation with two-sided finite differences of the loss. The
    directions are the same for every arm of a seed.
    """
    draw = stream(seed, "perturbation", layer)
    random = torch.from_numpy(stream(seed, "noise", "control", layer).standard_normal(tuple(h.shape))).to(h)
    predicted_true, predicted_random, observed = [], [], []
    for displacement, change in loss_changes(loss_from(network, layer, y), h, draw, directions):
        predicted_true.append((displacement * gradient).sum(dim=1))
        # The random vector has the gradient's norm, sample by sample, so that samples weigh alike in both controls.
        scale = gradient.norm(dim=1) / random.norm(dim=1)
        predicted_random.append((displacement * random).sum(dim=1) * scale)
        observed.append(change)
    seen = torch.stack(observed)
    return pooled_correlation(torch.stack(predicted_true), seen), pooled_correlation(
        torch.stack(predicted_random), seen
    )


@torch.no_grad()
def evaluation(network: Network, batches: Iterator[tuple[Tensor, Tensor]], *, items: bool = False) -> list[Row]:
    """Return accuracy and mean cross-entropy over a test set given in chunks, and accuracy on 8 blocks of it."""
    right, losses = [], []
    for x, y in batches:
        logits = logits_of(network, x)
        right.append((logits.argmax(dim=1) == y).double())
        losses.append(functional.cross_entropy(logits.double(), y, reduction="none"))
    hits, loss = torch.cat(right), torch.cat(losses)
    rows = [_row("accuracy", None, float(hits.mean())), _row("test_loss", None, float(loss.mean()))]
    if items:
        rows += [
            _row(f"accuracy@{k}", None, float(hits[part].mean())) for k, part in enumerate(blocks_of(len(hits)), 1)
        ]
    return rows


def _row(metric: str, layer: int | None, value: float, sound: bool = True) -> Row:
    status = "undefined" if not math.isfinite(value) else "measured" if sound else "below_floor"
    return {"metric": metric, "layer": layer, "value": value if math.isfinite(value) else math.nan, "status": status}
