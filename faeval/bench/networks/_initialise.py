"""How layers start: every number from a named stream of the seed."""

from __future__ import annotations

import math

import torch
from torch import nn

from faeval.experiment import stream


@torch.no_grad()
def initialise(network: nn.Module, seed: int, small: str | tuple[str, ...] | None = None) -> None:
    """Draw every linear layer and convolution from the stream ("init", its name) of a seed.

    Uniform within 1/sqrt(fan-in), PyTorch's default; those whose name ends in ``small``, or in one
    of several, start N(0, 0.01^2) with zero bias.
    """
    for name, module in network.named_modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue  # norms start at the identity
        draw, shape = stream(seed, "init", name), tuple(module.weight.shape)
        if small is not None and name.endswith(small):
            module.weight.copy_(torch.from_numpy(0.01 * draw.standard_normal(shape)))
            if module.bias is not None:
                module.bias.zero_()
        else:
            bound = 1.0 / math.sqrt(math.prod(shape[1:]))
            module.weight.copy_(torch.from_numpy(draw.uniform(-bound, bound, shape)))
            if module.bias is not None:
                module.bias.copy_(
                    torch.from_numpy(draw.uniform(-bound, bound, tuple(module.bias.shape)))
                )
