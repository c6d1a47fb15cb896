"""Nudging: what a step against the credit does to each sample's loss, in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits._alignment import norms, sample_mean
from faeval.bench.audits._checkpoint_audit import Row, gather, loss_from, row
from faeval.bench.networks import Network
from faeval.bench.rules import Rule

#: Steps of raw credit; the published one is 0.01. And steps of matched length, relative to the
#: state's norm.
RAW_STEPS = (0.001, 0.01, 0.1)
MATCHED_STEPS = (0.001, 0.01, 0.1)
#: A mean change under this share of the losses is rounding of their difference.
_ROUNDING = 1e-13


def loss_change(
    loss: Callable[[Tensor], Tensor],
    state: Tensor,
    credit: Tensor,
    step: float,
    before: Tensor | None = None,
) -> Tensor:
    """Return the change of each sample's loss, (n,), after h <- h - step * credit.

    Negative is useful credit.

    Parameters
    ----------
    loss
        From states (n, d) to each sample's own loss (n,).
    state, credit
        (n, d).
    step
        How many times the credit is taken.
    before
        The losses at the state, where they are known.
    """
    return loss(state - step * credit) - (loss(state) if before is None else before)


@torch.no_grad()
def nudging(network: Network, rule: Rule, x: Tensor, y: Tensor) -> list[Row]:
    """Measure the mean change of each sample's loss after h <- h - step, by state.

    Negative is useful credit.

    Raw: a step of eta times the credit as it is. Matched: a step against the credit of eta times
    the norm of the state, so that rules and states whose credit differs in size are compared at one
    length; beside it the same length against the true gradient, which bounds what any direction
    does to first order.

    Parameters
    ----------
    network, rule, x, y
        In float64 and evaluation mode; inputs (n, ...), labels (n,).

    Returns
    -------
    list of rows
        ``nudge`` (raw, 0.01), ``nudge_ETA`` for the other raw steps, ``nudge_matched_ETA``,
        ``nudge_gradient_ETA``. A change that rounding of the losses could make is below_floor.
    """
    exact, signals = gather(network, rule, x, y)
    before = functional.cross_entropy(exact.logits, y, reduction="none")
    floor = _ROUNDING * float(before.abs().mean())
    rows: list[Row] = []
    for layer, (h, a, g) in enumerate(zip(exact.states, signals, exact.gradients, strict=True)):
        loss = loss_from(network, layer, y)
        size = norms(h)[:, None]
        steps = {("nudge" if eta == 0.01 else f"nudge_{eta:g}"): (a, eta) for eta in RAW_STEPS}
        for name, signal in (("matched", a), ("gradient", g)):
            unit = (
                size * signal / norms(signal)[:, None]
            )  # NaN where there is no signal: undefined, not 0
            steps |= {f"nudge_{name}_{eta:g}": (unit, eta) for eta in MATCHED_STEPS}
        for name, (signal, eta) in steps.items():
            change = sample_mean(loss_change(loss, h, signal, eta, before))
            rows.append(row(name, layer, change.value, abs(change.value) > floor))
    return rows
