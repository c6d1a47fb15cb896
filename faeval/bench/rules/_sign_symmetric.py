"""Sign-symmetric feedback: the sign of each forward weight, with another magnitude."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from faeval.bench.networks import Network
from faeval.bench.rules._rule import Setup
from faeval.bench.rules._transport import WeightTransport, linear_layers
from faeval.errors import FaevalError
from faeval.experiment import stream


class SignSymmetric(WeightTransport):
    """Sign-concordant feedback, V = M * sign(W) for each weight W (Liao, Leibo and Poggio 2016).

    Layer by layer, which is its standard form: within a residual block each linear layer passes
    credit through its own V, and the skip is the identity. The sign of a block's whole Jacobian
    would transport what no synapse could know.

    Parameters
    ----------
    setup
        Needs the network.
    magnitude
        "uniform" (uSF): every entry of M is sqrt(2 / (in + out)). "batchwise" (brSF): entries
        uniform on (0, sqrt(6 / (in + out))), the same root mean square, drawn anew after each
        update of the weights.
    """

    steps: Tensor

    def __init__(
        self, setup: Setup, *, magnitude: Literal["uniform", "batchwise"] = "uniform"
    ) -> None:
        super().__init__(setup)
        if magnitude not in ("uniform", "batchwise"):
            raise FaevalError(f"magnitude={magnitude!r} is not one of 'uniform', 'batchwise'.")
        self.batchwise, self.seed = magnitude == "batchwise", setup.seed
        if self.batchwise:  # the stream and the count of updates are all there is to know of M
            self.register_buffer("stream", torch.tensor(setup.seed))
            self.register_buffer("steps", torch.tensor(0))

    def weights(self, network: Network) -> Mapping[str, Tensor]:
        """Return V for each linear layer; see :meth:`WeightTransport.weights`."""
        by_layer = {}
        for name, layer in linear_layers(network).items():
            w = layer.weight.detach()
            spread = math.sqrt(
                2.0 / sum(w.shape)
            )  # Glorot and Bengio 2010: that of an initial weight
            if self.batchwise:
                draw = stream(int(self.get_buffer("stream")), "feedback", name, int(self.steps))
                magnitude = torch.from_numpy(draw.random(tuple(w.shape), dtype="float32")).to(w)
                by_layer[name] = w.sign() * magnitude * (math.sqrt(3.0) * spread)
            else:
                by_layer[name] = w.sign() * spread
        return by_layer

    def after_step(self, network: Network) -> None:
        """Let the next batch have magnitudes of its own."""
        if self.batchwise:
            self.steps += 1
