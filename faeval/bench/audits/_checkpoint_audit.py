"""Audits of one checkpoint: network, rule and inputs in, rows out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits._alignment import Pairs, norms, sample_mean
from faeval.bench.audits._finite_differences import read_signals
from faeval.bench.audits._signals import DOSES, noise, planted, shuffled
from faeval.bench.networks import Network, logits_of
from faeval.bench.rules import Rule, Trace, trace
from faeval.experiment import CONTROL_FLOOR, stream

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
    """Return the disjoint blocks of n items: 8 runs of equal length, the remainder left out."""
    size = n // ITEM_BLOCKS
    return [slice(k * size, (k + 1) * size) for k in range(ITEM_BLOCKS)]


def gather(
    network: Network, rule: Rule, x: Tensor, y: Tensor, chunk: int | None = None
) -> tuple[Trace, list[Tensor]]:
    """Return states, logits, gradients and the credit at each state.

    One forward and one backward pass serve all audits.

    Parameters
    ----------
    network, rule, x, y
        In one floating type, in evaluation mode; inputs (n, ...), labels (n,).
    chunk
        Samples that pass through the network at once, which bounds its memory; None for all.
        Results differ by rounding alone (1e-9).
    """
    traces, credit_parts = [], []
    for part_x, part_y in zip(
        torch.split(x, chunk or len(x)), torch.split(y, chunk or len(y)), strict=True
    ):
        with torch.no_grad():
            h0 = network.embed(part_x)
        pieces = trace(network, h0, part_y)
        with torch.no_grad():
            credit_parts.append(
                [a.detach() for a in rule.credit(network, pieces.states, pieces.logits, part_y)]
            )
        traces.append(pieces)
    if len(traces) == 1:
        return traces[0], credit_parts[0]
    whole = Trace(
        [torch.cat(parts) for parts in zip(*(t.states for t in traces), strict=True)],
        torch.cat([t.logits for t in traces]),
        [torch.cat(parts) for parts in zip(*(t.gradients for t in traces), strict=True)],
    )
    return whole, [torch.cat(parts) for parts in zip(*credit_parts, strict=True)]


def alignment(
    network: Network,
    rule: Rule,
    x: Tensor,
    y: Tensor,
    seed: int,
    *,
    items: bool = False,
    directions: int = DIRECTIONS,
    chunk: int | None = None,
) -> tuple[list[Row], dict[str, Any]]:
    """Audit credit against gradient at every state of a checkpoint, with controls.

    The controls are measured on that checkpoint.

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
        Directions of the finite-difference controls; 0 leaves the controls out, and nothing is then
        below_floor.
    chunk
        Samples that pass through the network at once; None for all.

    Returns
    -------
    rows, notes
        Rows with metric, layer, value, status; notes hold the share of samples in which the cosine
        was defined.
    """
    states_trace, signals = gather(network, rule, x, y, chunk)
    return audit_signals(
        network, states_trace, signals, y, seed, items=items, directions=directions, chunk=chunk
    )


def audit_signals(
    network: Network,
    seen: Trace,
    signals: list[Tensor],
    y: Tensor,
    seed: int,
    *,
    items: bool = False,
    directions: int = DIRECTIONS,
    chunk: int | None = None,
) -> tuple[list[Row], dict[str, Any]]:
    """Audit known credit as :func:`alignment` does, from a pass that was made.

    Norms are of what the network says is to be observed of a state, if it says so (``observed``);
    all else of all of it.
    """
    observed: Callable[[Tensor], Tensor] | None = getattr(network, "observed", None)
    rows: list[Row] = []
    shares: dict[str, float] = {}
    sizes = []
    for layer, (h, a, g) in enumerate(zip(seen.states, signals, seen.gradients, strict=True)):
        pairs, sound = Pairs.of(a, g), True
        if directions:
            readings = _instrument(network, layer, h, a, g, y, seed, directions, chunk)
            sound = readings["control_true"] >= CONTROL_FLOOR  # False for NaN too
            for name, value in readings.items():
                rows.append(row(name, layer, value, sound or name.startswith("control")))
            rows.append(row("rho_fd_error", layer, pairs.rho_error(directions), sound))
        mean = sample_mean(pairs.cosine)
        shares[str(layer)] = mean.share
        rows += [row("cosine", layer, mean.value, sound), row("rho", layer, pairs.rho(), sound)]
        if items:
            for k, part in enumerate(blocks_of(len(y)), start=1):
                rows += [
                    row(f"cosine@{k}", layer, sample_mean(pairs.cosine[part]).value, sound),
                    row(f"rho@{k}", layer, pairs[part].rho(), sound),
                ]
        sizes.append(norms(observed(h) if observed else h))
        credit, gradient = (
            (norms(observed(a)), norms(observed(g))) if observed else (pairs.credit, pairs.gradient)
        )
        rows += [
            row("effective_samples", layer, pairs.effective_samples()),
            row("credit_norm", layer, median(credit)),
            row("gradient_norm", layer, median(gradient)),
            row("state_norm", layer, median(sizes[-1])),
            row("norm_ratio", layer, median(credit / gradient)),
        ]
    ratios = [median(after / before) for before, after in pairwise(sizes)]
    middle = seen.gradients[(len(seen.gradients) - 1) // 2]
    rows += [
        row("growth", None, max(ratios) if all(map(math.isfinite, ratios)) else math.nan),
        row("direction_stability", None, direction_stability(middle)),
    ]
    return rows, {"cosine_defined_share": shares}


def median(values: Tensor) -> float:
    """Return the median, of an even number the mean of the middle two.

    NaN where one is NaN or there is none.
    """
    if not len(values) or bool(values.isnan().any()):
        return math.nan
    ordered = values.sort().values
    return float((ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2)


def direction_stability(gradient: Tensor) -> float:
    """Return the mean cosine between the mean gradients of disjoint batches, over all pairs.

    Near 0 where batches pull in unrelated directions; high where one direction, whatever the
    sample, is asked of the state.

    Parameters
    ----------
    gradient
        (n, d), at one state; batches are 8 runs of equal length (128 where n is 1024), the
        remainder left out.

    Returns
    -------
    float
        In [-1, 1]; NaN where a batch has no sample or a mean gradient is zero.
    """
    if len(gradient) < ITEM_BLOCKS:
        return math.nan
    top = gradient.abs().amax()
    scaled = gradient / torch.where(top > 0, top, 1.0)
    means = torch.stack([scaled[part].mean(dim=0) for part in blocks_of(len(gradient))])
    size = norms(means)
    if not bool((size > 0).all()):
        return math.nan
    total = (means / size[:, None]).sum(dim=0)
    return float((torch.dot(total, total) - ITEM_BLOCKS) / (ITEM_BLOCKS * (ITEM_BLOCKS - 1)))


def _instrument(
    network: Network,
    layer: int,
    h: Tensor,
    credit: Tensor,
    gradient: Tensor,
    y: Tensor,
    seed: int,
    directions: int,
    chunk: int | None,
) -> dict[str, float]:
    """Return rho by float64 finite differences of the credit and of every control at one state.

    The directions are the same for every arm of a seed.
    """
    signals = {
        "rho_fd": credit,
        "control_true": gradient,
        "control_random": noise(gradient, stream(seed, "noise", "control", layer)),
        "control_shuffled": shuffled(credit, stream(seed, "noise", "shuffled", layer)),
    }
    if h.shape[1] > 1:  # in one dimension there is no mixture of a given cosine
        for dose in DOSES:
            draw = stream(seed, "noise", "planted", layer, f"{dose:g}")
            signals[f"control_planted_{dose:g}"] = planted(gradient, dose, draw)
    loss = in_chunks(network, layer, y, chunk)
    return read_signals(loss, h, signals, stream(seed, "perturbation", layer), directions)


def in_chunks(
    network: Network, layer: int, y: Tensor, chunk: int | None
) -> Callable[[Tensor], Tensor]:
    """Return :func:`loss_from` with so many samples in the network at once."""
    if chunk is None or chunk >= len(y):
        return loss_from(network, layer, y)

    def loss(h: Tensor) -> Tensor:
        parts = zip(torch.split(h, chunk), torch.split(y, chunk), strict=True)
        return torch.cat([loss_from(network, layer, labels)(part) for part, labels in parts])

    return loss


def controls(
    network: Network, layer: int, h: Tensor, gradient: Tensor, y: Tensor, seed: int, directions: int
) -> tuple[float, float]:
    """Return the positive and the negative control of the float64 instrument at one state.

    The true gradient's, and a random vector's, pooled correlation with two-sided finite differences
    of the loss. The directions are the same for every arm of a seed.
    """
    readings = _instrument(network, layer, h, gradient, gradient, y, seed, directions, None)
    return readings["control_true"], readings["control_random"]


@torch.no_grad()
def evaluation(
    network: Network, batches: Iterator[tuple[Tensor, Tensor]], *, items: bool = False
) -> list[Row]:
    """Return accuracy and mean cross-entropy over a test set, and accuracy on 8 blocks of it.

    The test set is given in chunks.
    """
    right, losses = [], []
    for x, y in batches:
        logits = logits_of(network, x)
        right.append((logits.argmax(dim=1) == y).double())
        losses.append(functional.cross_entropy(logits.double(), y, reduction="none"))
    hits, loss = torch.cat(right), torch.cat(losses)
    rows = [row("accuracy", None, float(hits.mean())), row("test_loss", None, float(loss.mean()))]
    if items:
        rows += [
            row(f"accuracy@{k}", None, float(hits[part].mean()))
            for k, part in enumerate(blocks_of(len(hits)), 1)
        ]
    return rows


def row(metric: str, layer: int | None, value: float, sound: bool = True) -> Row:
    """Return one row of evidence, with its status.

    It is undefined where the value is no finite number, below_floor where it is not sound.
    """
    status = "undefined" if not math.isfinite(value) else "measured" if sound else "below_floor"
    return {
        "metric": metric,
        "layer": layer,
        "value": value if math.isfinite(value) else math.nan,
        "status": status,
    }
