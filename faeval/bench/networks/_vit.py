"""ViTMini: a small vision transformer, whose state is all tokens of a sample in a row."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks._images import image_shape, patch_side
from faeval.bench.networks._initialise import initialise
from faeval.bench.networks._network import Network
from faeval.errors import FaevalError
from faeval.experiment import stream

_MLP_RATIO = 4
_HEAD_WIDTH = 32


class ViTBlock(nn.Module):
    """One pre-norm transformer block: h + f(h), f what attention and MLP add together.

    With h' = h + attention(LayerNorm h), f(h) = attention(LayerNorm h) + mlp(LayerNorm h'), each
    token with a norm of its own. Attention is softmax(q k^T / sqrt(d/heads)) v over all tokens of
    the sample; the MLP is Linear d -> 4d, GELU, Linear 4d -> d. Written out in linear layers, each
    of which a rule may send credit through its own way.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.first = nn.Linear(width, _MLP_RATIO * width)
        self.second = nn.Linear(_MLP_RATIO * width, width)

    def attention(self, z: Tensor) -> Tensor:
        """Return what each token gathers from all tokens of its sample, (n, tokens, d)."""
        n, tokens, width = z.shape
        parts = self.qkv(z).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = functional.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
        return cast(Tensor, self.proj((weights @ v).transpose(1, 2).reshape(n, tokens, width)))

    def branch(self, h: Tensor) -> Tensor:
        """Return f(h), what the block adds to the stream; (n, tokens * d) to the same."""
        tokens = h.reshape(len(h), -1, self.width)
        attended = self.attention(self.norm1(tokens))
        f: Tensor = attended + self.second(
            functional.gelu(self.first(self.norm2(tokens + attended)))
        )
        return f.reshape(h.shape)

    def forward(self, h: Tensor) -> Tensor:
        """Return the next state, h + f(h)."""
        return h + self.branch(h)


class ViTMini(Network):
    """Patches and a class token, L pre-norm transformer blocks, LayerNorm and linear head.

    The head reads the class token.

    A vision transformer (Dosovitskiy et al. 2021, ICLR) without dropout: linear patch embedding,
    learned positions. A state is (n, (grid^2 + 1) * width), the class token first, then the patches
    row by row; credit is therefore given to each token.

    Parameters
    ----------
    features
        Input length: 3 s^2 for colour images of side s, s^2 for grey ones; see :func:`image_shape`.
    width
        d of each token. max(1, width // 32) heads, which must divide it.
    blocks, classes
        L, number of classes.
    seed
        As for :class:`ResidualMLP`. Class token and positions start N(0, 0.02^2), as in the
        original code; the output layers of attention and MLP N(0, 0.01^2) with zero bias, so that
        every block begins near the identity, as the residual MLP's.
    grid
        Images are cut into grid x grid patches, whatever their size; grid must divide their side.

    Raises
    ------
    FaevalError
        The features are no square image, grid does not divide its side, or the heads do not divide
        the width.
    """

    def __init__(
        self, features: int, width: int, blocks: int, classes: int, seed: int, *, grid: int = 4
    ) -> None:
        super().__init__()
        self.channels, side = image_shape(features)
        self.grid, self.patch, self.width = grid, patch_side(side, grid), width
        heads = max(1, width // _HEAD_WIDTH)
        if width % heads:
            raise FaevalError(
                f"width={width!r} ({type(width).__name__}): {heads} heads, one for each"
                f" {_HEAD_WIDTH} units, do not divide it; choose a multiple of {_HEAD_WIDTH}, or"
                f" less than {2 * _HEAD_WIDTH}."
            )
        self.embedding = nn.Linear(self.channels * self.patch**2, width)
        self.token = nn.Parameter(_drawn(seed, "token", (width,)))
        self.position = nn.Parameter(_drawn(seed, "position", (grid**2 + 1, width)))
        self.blocks = nn.ModuleList(ViTBlock(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        initialise(self, seed, small=(".proj", ".second"))

    def embed(self, x: Tensor) -> Tensor:
        """Return h_0, (n, (grid^2 + 1) * d), of inputs (n, ...)."""
        n, grid, patch = len(x), self.grid, self.patch
        cut = x.reshape(n, self.channels, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5)
        patches = self.embedding(cut.reshape(n, grid**2, -1))
        tokens = torch.cat([self.token.expand(n, 1, self.width), patches], dim=1) + self.position
        return tokens.reshape(n, -1)

    def observed(self, h: Tensor) -> Tensor:
        """Return the class token, (n, d), of a state."""
        return h[:, : self.width]

    def readout(self, h: Tensor) -> Tensor:
        """Return the logits (n, classes) of the last state's class token."""
        return cast(Tensor, self.head(self.norm(self.observed(h))))


def _drawn(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(0.02 * stream(seed, "init", name).standard_normal(shape)).float()
