"""StudentNet: a plain deep network between linear and tanh, for teacher-student tasks."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from faeval.bench.networks._initialise import initialise
from faeval.bench.networks._network import Network
from faeval.errors import FaevalError


class StudentBlock(nn.Module):
    """One layer, phi(W h + b) with phi(z) = (1 - a) z + a tanh z."""

    def __init__(self, width: int, nonlinearity: float) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.nonlinearity = nonlinearity

    def forward(self, h: Tensor) -> Tensor:
        """Return the next state, (n, d)."""
        z: Tensor = self.linear(h)
        return (1.0 - self.nonlinearity) * z + self.nonlinearity * z.tanh()


class StudentNet(Network):
    """Linear embedding, L layers h_{l+1} = phi(W_l h_l + b_l), linear head.

    No skip, no normalisation.

    The published figures name phi, d = 128 and 10 classes. The rest is the most standard choice:
    square layers, PyTorch's default start, and the embedding linear, so that ``nonlinearity=0`` is
    a deep linear network.

    Parameters
    ----------
    features, width, blocks, classes, seed
        As for :class:`ResidualMLP`.
    nonlinearity
        a, from 0 (linear) to 1 (tanh).
    """

    def __init__(
        self,
        features: int,
        width: int,
        blocks: int,
        classes: int,
        seed: int,
        *,
        nonlinearity: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0.0 <= nonlinearity <= 1.0:
            raise FaevalError(
                f"nonlinearity={nonlinearity!r}: must lie between 0 (linear) and 1 (tanh)."
            )
        self.embedding = nn.Linear(features, width)
        self.blocks = nn.ModuleList(StudentBlock(width, nonlinearity) for _ in range(blocks))
        self.head = nn.Linear(width, classes)
        initialise(self, seed)

    def embed(self, x: Tensor) -> Tensor:
        """Return h_0, (n, d), of inputs (n, ...), flattened."""
        return cast(Tensor, self.embedding(x.flatten(1)))

    def readout(self, h: Tensor) -> Tensor:
        """Return the logits (n, classes) of the last state."""
        return cast(Tensor, self.head(h))
