"""The residual MLP: a residual stream h_0 .. h_L that every block reads from and adds to."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.experiment import stream


class Block(nn.Module):
    """One pre-norm residual block: h + f(h), f = LayerNorm, Linear d -> d, GELU, Linear d -> d."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def branch(self, h: Tensor) -> Tensor:
        """Return f(h), what the block adds to the stream; (n, d) to (n, d)."""
        added: Tensor = self.second(functional.gelu(self.first(self.norm(h))))
        return added

    def forward(self, h: Tensor) -> Tensor:
        """Return the next state, h + f(h)."""
        return h + self.branch(h)


class ResidualMLP(nn.Module):
    """Linear embedding, L residual blocks, terminal LayerNorm, linear head.

    It meets the contract of every block-structured network here: ``embed(x)`` gives h_0, each of ``blocks`` maps h_l to
    h_{l+1} and names what it adds ``branch(h_l)``, ``readout(h_L)`` gives the logits.

    Parameters
    ----------
    features, width, blocks, classes
        Input length, d, L, number of classes.
    seed
        All weights come from named streams of this seed, one for each linear layer, so that networks of one seed agree in
        every layer that they share. Linear layers start uniform within 1/sqrt(fan-in), PyTorch's default; the second
        one of a block starts N(0, 0.01^2) with zero bias.
    """

    def __init__(self, features: int, width: int, blocks: int, classes: int, seed: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(features, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        _initialise(self, seed)

    def embed(self, x: Tensor) -> Tensor:
        """Return h_0, (n, d), of inputs (n, ...), flattened."""
        h: Tensor = self.embedding(x.flatten(1))
        return h

    def readout(self, h: Tensor) -> Tensor:
        """Return the logits (n, classes) of the last state."""
        logits: Tensor = self.head(self.norm(h))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, classes) of inputs (n, ...)."""
        h = self.embed(x)
        for block in self.blocks:
            h = block(h)
        return self.readout(h)


@torch.no_grad()
def _initialise(network: ResidualMLP, seed: int) -> None:
    for name, module in network.named_modules():
        if not isinstance(module, nn.Linear):
            continue  # LayerNorm starts at the identity
        draw = stream(seed, "init", name)
        if name.endswith(".second"):
            module.weight.copy_(torch.from_numpy(0.01 * draw.standard_normal(tuple(module.weight.shape))))
            module.bias.zero_()
        else:
            bound = 1.0 / math.sqrt(module.in_features)
            module.weight.copy_(torch.from_numpy(draw.uniform(-bound, bound, tuple(module.weight.shape))))
            module.bias.copy_(torch.from_numpy(draw.uniform(-bound, bound, tuple(module.bias.shape))))
