"""BatchNormCNN: a small residual network, whose state is all feature maps in a row."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks._images import image_shape, patch_side
from faeval.bench.networks._initialise import initialise
from faeval.bench.networks._network import Network


class BatchNormBlock(nn.Module):
    """One pre-activation residual block: h + f(h).

    f = BatchNorm, ReLU, Conv 3x3, BatchNorm, ReLU, Conv 3x3.

    The first convolution has no bias: the norm behind it would take any away. In training mode the
    norms use the batch's statistics and each call of ``branch`` moves the running ones, once.
    """

    def __init__(self, width: int, grid: int) -> None:
        super().__init__()
        self.maps = (width, grid, grid)
        self.norm1 = nn.BatchNorm2d(width)
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def branch(self, h: Tensor) -> Tensor:
        """Return f(h), what the block adds to the stream; (n, width * grid^2) to the same."""
        inner = self.first(functional.relu(self.norm1(h.reshape(len(h), *self.maps))))
        f: Tensor = self.second(functional.relu(self.norm2(inner)))
        return f.reshape(h.shape)

    def forward(self, h: Tensor) -> Tensor:
        """Return the next state, h + f(h)."""
        return h + self.branch(h)


class BatchNormCNN(Network):
    """Convolution of patches, L pre-activation residual BatchNorm blocks, mean, linear head.

    The mean is over positions.

    The blocks of He et al. 2016 (Identity Mappings in Deep Residual Networks, ECCV), all at one
    resolution. A state is (n, width * grid^2), channel by channel, each row by row. After the last
    block there is no norm: a BatchNorm there would divide by the stream's growth, as the terminal
    LayerNorm of the residual MLP does, and nothing here is to hide it.

    Parameters
    ----------
    features
        Input length: 3 s^2 for colour images of side s, s^2 for grey ones; see :func:`image_shape`.
    width
        Channels.
    blocks, classes
        L, number of classes.
    seed
        As for :class:`ResidualMLP`, convolutions as linear layers; the second one of a block starts
        N(0, 0.01^2) with zero bias.
    grid
        Side of the feature maps; the stem's kernel and stride are the image's side / grid, which
        must be whole.

    Raises
    ------
    FaevalError
        The features are no square image, or grid does not divide its side.
    """

    def __init__(
        self, features: int, width: int, blocks: int, classes: int, seed: int, *, grid: int = 8
    ) -> None:
        super().__init__()
        channels, side = image_shape(features)
        patch = patch_side(side, grid)
        self.image, self.maps = (channels, side, side), (width, grid * grid)
        self.embedding = nn.Conv2d(channels, width, patch, stride=patch)
        self.blocks = nn.ModuleList(BatchNormBlock(width, grid) for _ in range(blocks))
        self.head = nn.Linear(width, classes)
        initialise(self, seed, small=".second")

    def embed(self, x: Tensor) -> Tensor:
        """Return h_0, (n, width * grid^2), of inputs (n, ...)."""
        h: Tensor = self.embedding(x.reshape(len(x), *self.image))
        return h.flatten(1)

    def readout(self, h: Tensor) -> Tensor:
        """Return the logits (n, classes) of the mean over positions of the last state."""
        logits: Tensor = self.head(h.reshape(len(h), *self.maps).mean(dim=2))
        return logits
