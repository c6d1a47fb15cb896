"""One training step: what each parameter is told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.networks import ResidualMLP
from faeval.rules import Backpropagation, Rule


@dataclass(frozen=True)
class Objective:
    """How credit becomes a loss.

    Parameters
    ----------
    penalty
        Weight of the squared Euclidean norm of each block's output, batch mean.
    credit_site
        "output": block l learns from the credit at h_{l+1}. "input": from the credit at h_l.
    credit_scale
        "error": the credit as the rule gives it. "unit": each sample's credit divided by its root mean square.
    """

    penalty: float = 0.0
    credit_site: str = "output"
    credit_scale: str = "error"


def backward(network: ResidualMLP, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> Tensor:
    """Leave the step's gradient in every parameter and return the batch's mean cross-entropy, detached.

    Local form: block l moves to lower <f_l(h_l), a> + penalty |f_l(h_l)|^2 with h_l and a held fixed; the embedding to
    lower <h_0, a_0>; terminal norm and head to lower the cross-entropy; all of them batch means. Those losses are linear
    or quadratic in the outputs f_l, so their gradients, a + 2 penalty f_l, are handed to autograd directly.

    Plain backpropagation (credit at the output, as it is) is the ordinary gradient of the cross-entropy plus the sum of
    the penalties, which then act on earlier blocks through the stream as well.
    """
    if isinstance(rule, Backpropagation) and (objective.credit_site, objective.credit_scale) == ("output", "error"):
        return _global(network, x, y, objective.penalty)
    n = len(x)
    h = network.embed(x)
    states, branches = [h], []
    for block in network.blocks:
        h = states[-1].detach()
        branches.append(_branch(block, h))
        states.append(h + branches[-1].detach())
    logits = network.readout(states[-1].detach())
    loss = functional.cross_entropy(logits, y)
    with torch.no_grad():
        credit = rule.credit(network, [state.detach() for state in states], logits.detach(), y)
        if objective.credit_scale == "unit":
            credit = [unit_credit(a) for a in credit]
        taught = credit[1:] if objective.credit_site == "output" else credit[:-1]
        signals = [a / n for a in taught]
        if objective.penalty:
            signals = [a + (2.0 * objective.penalty / n) * f for a, f in zip(signals, branches, strict=True)]
    torch.autograd.backward([loss, states[0], *branches], [None, credit[0] / n, *signals])
    return loss.detach()


def _branch(block: nn.Module, h: Tensor) -> Tensor:
    f: Tensor = block.branch(h)  # type: ignore[operator] # a module list knows no more than nn.Module
    return f


def _global(network: ResidualMLP, x: Tensor, y: Tensor, penalty: float) -> Tensor:
    h = network.embed(x)
    squares = h.new_zeros(())
    for block in network.blocks:
        f = _branch(block, h)
        if penalty:
            squares = squares + f.square().sum()
        h = h + f
    loss = functional.cross_entropy(network.readout(h), y)
    (loss + (penalty / len(x)) * squares if penalty else loss).backward()  # type: ignore[no-untyped-call] # torch's own
    return loss.detach()


def unit_credit(credit: Tensor) -> Tensor:
    """Return each sample's credit (n, d) divided by its root mean square; a zero row stays zero."""
    largest = credit.abs().amax(dim=1, keepdim=True)
    scaled = credit / torch.where(largest > 0, largest, 1.0)  # first, so that squares neither vanish nor overflow
    rms = scaled.square().mean(dim=1, keepdim=True).sqrt()
    return scaled / torch.where(rms > 0, rms, 1.0)
