"""The residual MLP: a residual stream h_0 .. h_L that every block reads from and adds to."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks._initialise import initialise
from faeval.bench.networks._network import Network
from faeval.errors import FaevalError


class PlainBlock(nn.Module):
    """One block without a skip: f(h) alone, f = LayerNorm, Linear d -> m, GELU, Linear m -> d."""

    def __init__(self, width: int, middle: int | None = None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, middle or width)
        self.second = nn.Linear(middle or width, width)

    def transform(self, h: Tensor) -> Tensor:
        """Return f(h); (n, d) to (n, d)."""
        return cast(Tensor, self.second(functional.gelu(self.first(self.norm(h)))))

    def forward(self, h: Tensor) -> Tensor:
        """Return the next state, f(h)."""
        return self.transform(h)


class Block(PlainBlock):
    """One pre-norm residual block: h + f(h)."""

    def branch(self, h: Tensor) -> Tensor:
        """Return f(h), what the block adds to the stream; (n, d) to (n, d)."""
        return self.transform(h)

    def forward(self, h: Tensor) -> Tensor:
        """Return the next state, h + f(h)."""
        return h + self.branch(h)


class ResidualMLP(Network):
    """Linear embedding, L residual blocks, terminal LayerNorm, linear head.

    Parameters
    ----------
    features, width, blocks, classes
        Input length, d, L, number of classes.
    seed
        All weights come from named streams of this seed, one for each linear layer, so that
        networks of one seed agree in every layer that they share. Linear layers start uniform
        within 1/sqrt(fan-in), PyTorch's default; the second one of a block starts N(0, 0.01^2) with
        zero bias.
    hidden
        Width within a block, in units of d; hidden * width must be whole.
    terminal_norm
        False leaves the LayerNorm before the head out.
    residual
        False leaves the skip out: h_{l+1} = f(h_l).
    """

    def __init__(
        self,
        features: int,
        width: int,
        blocks: int,
        classes: int,
        seed: int,
        *,
        hidden: float = 1.0,
        terminal_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        if blocks < 1:
            raise FaevalError(f"blocks={blocks!r}: a residual MLP has at least one block.")
        middle = hidden * width
        if middle != int(middle) or middle < 1:
            raise FaevalError(
                f"hidden={hidden!r} ({type(hidden).__name__}) times width={width!r} is {middle:g},"
                " no whole number of units; choose a width that it divides."
            )
        self.embedding = nn.Linear(features, width)
        kind = Block if residual else PlainBlock
        self.blocks = nn.ModuleList(kind(width, int(middle)) for _ in range(blocks))
        self.norm = nn.LayerNorm(width) if terminal_norm else nn.Identity()
        self.head = nn.Linear(width, classes)
        initialise(self, seed, small=".second")

    def embed(self, x: Tensor) -> Tensor:
        """Return h_0, (n, d), of inputs (n, ...), flattened."""
        return cast(Tensor, self.embedding(x.flatten(1)))

    def readout(self, h: Tensor) -> Tensor:
        """Return the logits (n, classes) of the last state."""
        return cast(Tensor, self.head(self.norm(h)))
