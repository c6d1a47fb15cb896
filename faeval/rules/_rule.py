"""Rule: how a learning rule gives credit to the states of a network."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.experiment import stream
from faeval.networks import ResidualMLP


class Rule(nn.Module):
    """A learning rule. What it owns (feedback matrices) is in its state dict, and so in every checkpoint."""

    @abstractmethod
    def credit(self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
        """Return the credit signal at each state h_0 .. h_L.

        Parameters
        ----------
        network
            The network that the states come from.
        states
            h_0 .. h_L, each (n, d).
        logits, labels
            (n, classes) and (n,).

        Returns
        -------
        list of Tensor
            One (n, d) tensor a state, per sample: moving h_l against it is what the rule believes to lower that sample's
            own cross-entropy. Never scaled by the batch.
        """


def output_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return e = softmax(logits) - onehot(labels), (n, classes): the gradient of each sample's cross-entropy."""
    return functional.softmax(logits, dim=1) - functional.one_hot(labels, logits.shape[1]).to(logits.dtype)


class Backpropagation(Rule):
    """BP: the gradient of each sample's own loss at each state (Rumelhart, Hinton and Williams 1986)."""

    def credit(self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
        """Return the true gradients; see :meth:`Rule.credit`."""
        return state_gradients(network, states[0], labels)


class DirectFeedbackAlignment(Rule):
    """DFA: the output error through one fixed random matrix for each state, a_l = e B_l^T (Nøkland 2016).

    Parameters
    ----------
    width, blocks, classes
        d, L and C of the network.
    seed
        Feedback comes from the named streams of this seed: N(0, 1/C), one stream a matrix.
    site
        "output": L + 1 matrices, one for each state, and block l learns from a_{l+1}. "input": L matrices, block l learns
        from a_l, and h_L shares the last one with h_{L-1}.
    """

    feedback: Tensor

    def __init__(self, width: int, blocks: int, classes: int, seed: int, site: str = "output") -> None:
        super().__init__()
        count = blocks + 1 if site == "output" else blocks
        draws = [stream(seed, "feedback", layer).standard_normal((width, classes)) for layer in range(count)]
        matrices = torch.stack([torch.from_numpy(draw) for draw in draws]) / math.sqrt(classes)
        self.register_buffer("feedback", matrices.float())  # (count, d, C)

    def credit(self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
        """Return e B_l^T at each state; see :meth:`Rule.credit`."""
        count, width, classes = self.feedback.shape
        error = output_error(logits, labels)
        signals = (error @ self.feedback.reshape(count * width, classes).T).reshape(-1, count, width).unbind(1)
        return [signals[min(layer, count - 1)] for layer in range(len(states))]


@dataclass(frozen=True)
class Trace:
    """One forward and one backward pass: states h_0 .. h_L (n, d), logits (n, classes), gradients (n, d) at each state."""

    states: list[Tensor]
    logits: Tensor
    gradients: list[Tensor]


def trace(network: ResidualMLP, h0: Tensor, labels: Tensor) -> Trace:
    """Run the blocks once from h_0 and return states, logits, and the gradient of each sample's own cross-entropy.

    The losses are summed over samples, never averaged: a mean would scale every gradient by 1/n. Samples do not meet in
    the network, so the gradient of the sum at one sample's state is that sample's own.
    """
    with torch.enable_grad():
        states = [h0.detach().requires_grad_()]
        for block in network.blocks:
            states.append(block(states[-1]))
        logits = network.readout(states[-1])
        gradients = torch.autograd.grad(functional.cross_entropy(logits, labels, reduction="sum"), states)
    return Trace([state.detach() for state in states], logits.detach(), list(gradients))


def state_gradients(network: ResidualMLP, h0: Tensor, labels: Tensor) -> list[Tensor]:
    """Return the gradient of each sample's own cross-entropy at h_0 .. h_L, each (n, d); see :func:`trace`."""
    return trace(network, h0, labels).gradients
