"""Check the closed forms by two-sided finite differences of the loss, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from faeval.bench.audits._alignment import norms

#: Step along a unit direction, relative to the norm of the state. Two-sided differences err by its
#: square, rounding by 1e-16 over it: both are far below what a control must resolve.
STEP = 1e-4


def pooled_correlation(predicted: Tensor, observed: Tensor) -> float:
    """Return one Pearson correlation over all pairs of two tensors of one shape.

    NaN where either is constant.
    """
    p, o = predicted.double().flatten(), observed.double().flatten()
    if (p == p[:1]).all() or (
        o == o[:1]
    ).all():  # asked before centring: rounding of the mean would leave a spread
        return float("nan")
    p, o = p - p.mean(), o - o.mean()
    p, o = (s / m if (m := s.abs().amax()) > 0 else s for s in (p, o))
    norms = (p.square().sum() * o.square().sum()).sqrt()
    return float(((p * o).sum() / norms).clamp(-1.0, 1.0)) if norms > 0 else float("nan")


@torch.no_grad()
def loss_changes(
    loss: Callable[[Tensor], Tensor], state: Tensor, draw: np.random.Generator, directions: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the displacements of each direction, and half the change of each sample's loss.

    The change is two-sided.

    Parameters
    ----------
    loss
        From states (n, d) to each sample's loss (n,).
    state
        (n, d), float64.
    draw
        The stream that directions come from: N(0, I), one for each sample, scaled to unit length.
    directions
        How many.

    Yields
    ------
    tuple of Tensor
        Displacement (n, d), and (loss(h + displacement) - loss(h - displacement)) / 2, (n,).
    """
    norms = state.norm(dim=1, keepdim=True)
    size = STEP * torch.where(norms > 0, norms, 1.0)
    for _ in range(directions):
        v = torch.from_numpy(draw.standard_normal(tuple(state.shape))).to(state.device)
        displacement = size * v / v.norm(dim=1, keepdim=True)
        yield displacement, (loss(state + displacement) - loss(state - displacement)) / 2


def read_signals(
    loss: Callable[[Tensor], Tensor],
    state: Tensor,
    signals: Mapping[str, Tensor],
    draw: np.random.Generator,
    directions: int,
) -> dict[str, float]:
    """Return each signal's rho by definition: its correlation with slopes of the loss.

    The slopes are along random directions, and the correlation is pooled.

    All signals are read against the same changes of the loss, so that they share the instrument's
    error.

    Parameters
    ----------
    loss, state, draw, directions
        As for :func:`loss_changes`.
    signals
        Name to (n, d), float64.
    """
    predicted: dict[str, list[Tensor]] = {name: [] for name in signals}
    slopes = []
    for displacement, change in loss_changes(loss, state, draw, directions):
        size = norms(
            displacement
        )  # steps are relative to |h|: undone, so that samples weigh as in the definition
        for name, signal in signals.items():
            predicted[name].append(torch.linalg.vecdot(displacement, signal) / size)
        slopes.append(change / size)
    derivatives = torch.stack(slopes)
    return {
        name: pooled_correlation(torch.stack(values), derivatives)
        for name, values in predicted.items()
    }
