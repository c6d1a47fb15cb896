"""Networks as torch modules that give embed, blocks and readout."""

from faeval.networks._residual_mlp import Block as Block
from faeval.networks._residual_mlp import ResidualMLP as ResidualMLP
