"""Kolen-Pollack learning: feedback weights that are taught what the forward weights are taught."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from faeval.bench.networks import Network
from faeval.bench.rules._rule import Setup
from faeval.bench.rules._transport import WeightTransport, linear_layers
from faeval.experiment import stream


class KolenPollack(WeightTransport):
    """KP: feedback weights get their forward weight's update and decay (Kolen and Pollack 1994).

    Forward and feedback weights start apart, from the same law. Their difference shrinks by the
    optimiser's weight decay alone, by (1 - learning rate * decay) a step; what makes them align
    within a short training is that both grow by the same updates (Akrout et al. 2019).

    Parameters
    ----------
    setup
        Needs the network. The feedback weight of a layer is drawn from the stream ("feedback", its
        name), uniform within 1/sqrt(fan-in).
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert setup.network is not None
        feedback = {}
        for name, layer in linear_layers(setup.network).items():
            bound = 1.0 / math.sqrt(layer.in_features)
            draw = stream(setup.seed, "feedback", name).uniform(
                -bound, bound, tuple(layer.weight.shape)
            )
            feedback[_key(name)] = nn.Parameter(torch.from_numpy(draw).float())
        self.feedback = nn.ParameterDict(feedback)

    def weights(self, network: Network) -> Mapping[str, Tensor]:
        """Return the feedback weight of each linear layer; see :meth:`WeightTransport.weights`."""
        return {name: self.feedback[_key(name)] for name in linear_layers(network)}

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return <V, dW> summed over layers.

        Its gradient in each V is the gradient that W just got.
        """
        gradients = {name: layer.weight.grad for name, layer in linear_layers(network).items()}
        terms = [
            (self.feedback[_key(name)] * grad).sum()
            for name, grad in gradients.items()
            if grad is not None
        ]
        return torch.stack(terms).sum() if terms else None


def _key(name: str) -> str:
    return name.replace(".", "_")  # a parameter's name holds no dot
