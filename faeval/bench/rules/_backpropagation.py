"""Backpropagation."""

from __future__ import annotations

from torch import Tensor

from faeval.bench.networks import Network
from faeval.bench.rules._rule import Rule, state_gradients


class Backpropagation(Rule):
    """BP: the gradient of each sample's loss at each state (Rumelhart, Hinton, Williams 1986)."""

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the true gradients; see :meth:`Rule.credit`."""
        return state_gradients(network, states[0], labels)
