"""BatchNormCNN: its forward pass against torch's functions, in both modes, and how it starts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from faeval.bench.networks import BatchNormBlock, BatchNormCNN


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def perturbed(network: BatchNormCNN, seed: int) -> BatchNormCNN:
    """Move every tensor from its start, running statistics too."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.double().state_dict().items():
            if value.is_floating_point():
                noise = 0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype)
                value.add_(noise.abs() if name.endswith("running_var") else noise)
    return network


def inputs(n: int, features: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, features)))


def normed(h: Tensor, p: dict[str, Tensor], name: str, training: bool) -> Tensor:
    # Ioffe and Szegedy 2015, algorithm 1; 1e-5 is PyTorch's default epsilon.
    if training:
        mean, var = h.mean((0, 2, 3)), h.var((0, 2, 3), correction=0)
    else:
        mean, var = p[f"{name}.running_mean"], p[f"{name}.running_var"]
    unit = (h - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
    return unit * p[f"{name}.weight"][:, None, None] + p[f"{name}.bias"][:, None, None]


def convolved(h: Tensor, weight: Tensor) -> Tensor:
    """Cross-correlate 3x3 with zero padding, one shift of the maps at a time."""
    padded = nn.functional.pad(h, (1, 1, 1, 1))
    rows, columns = h.shape[2:]
    shifts = [
        torch.einsum(
            "nchw,oc->nohw", padded[:, :, i : i + rows, j : j + columns], weight[:, :, i, j]
        )
        for i in range(3)
        for j in range(3)
    ]
    return torch.stack(shifts).sum(0)


@settings(max_examples=15)
@given(
    width=st.integers(1, 6),
    blocks=st.integers(1, 3),
    n=st.integers(2, 4),
    seed=st.integers(0, 2**32),
    shape=st.sampled_from([(64, 8), (64, 2), (48, 4), (9, 3), (768, 8)]),
    training=st.booleans(),
)
def test_the_forward_pass_is_the_written_formula(
    width: int, blocks: int, n: int, seed: int, shape: tuple[int, int], training: bool
) -> None:
    features, grid = shape
    network = perturbed(BatchNormCNN(features, width, blocks, 5, seed, grid=grid), seed).train(
        training
    )
    p, x = tensors(network), inputs(n, features, seed)
    channels = 3 if math.isqrt(features) ** 2 != features else 1
    side = math.isqrt(features // channels)
    # A convolution whose kernel is its stride is a linear map of patches.
    patches = nn.functional.unfold(
        x.reshape(n, channels, side, side), side // grid, stride=side // grid
    )
    h = (
        torch.einsum("oc,ncp->nop", p["embedding.weight"].flatten(1), patches)
        + p["embedding.bias"][:, None]
    )
    h = h.reshape(n, width, grid, grid)
    torch.testing.assert_close(network.embed(x), h.flatten(1))
    for number, block in enumerate(network.blocks):
        assert isinstance(block, BatchNormBlock)
        name = f"blocks.{number}"
        inner = convolved(normed(h, p, f"{name}.norm1", training).relu(), p[f"{name}.first.weight"])
        f = convolved(
            normed(inner, p, f"{name}.norm2", training).relu(), p[f"{name}.second.weight"]
        )
        f = f + p[f"{name}.second.bias"][:, None, None]
        torch.testing.assert_close(block.branch(h.flatten(1)), f.flatten(1))
        torch.testing.assert_close(block(h.flatten(1)), (h + f).flatten(1))
        h = h + f
    logits = h.mean((2, 3)) @ p["head.weight"].T + p["head.bias"]
    torch.testing.assert_close(network.readout(h.flatten(1)), logits)
    torch.testing.assert_close(network(x), logits)


def test_the_readout_sees_the_growth_of_the_stream() -> None:
    network = perturbed(BatchNormCNN(64, 4, 1, 3, 0), 0)
    h = inputs(3, 4 * 64)
    bias = network.head.bias
    torch.testing.assert_close(
        network.readout(1e6 * h) - bias, 1e6 * (network.readout(h) - bias)
    )  # no norm divides by it


def test_layers_start_at_their_declared_scales() -> None:
    network = BatchNormCNN(3072, 24, 2, 10, 11)
    names = set(tensors(network))
    assert not any("blocks" in name and name.endswith("first.bias") for name in names)
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert bool((module.weight == 1).all())
            assert bool((module.bias == 0).all())
        if not isinstance(module, nn.Conv2d):
            continue
        weight, count = module.weight.detach(), module.weight.numel()
        if name.endswith(".second"):
            assert abs(float(weight.std()) - 0.01) < 4 * 0.01 / math.sqrt(2 * count)
            assert module.bias is not None
            assert bool((module.bias == 0).all())
        else:
            # torch.nn.Conv2d's documented default: U(-k, k), k = 1/sqrt(in_channels * kernel area).
            bound = 1 / math.sqrt(weight.shape[1] * weight.shape[2] * weight.shape[3])
            assert bound * (1 - 20 / count) < float(weight.abs().max()) <= bound
            assert abs(float(weight.std()) - bound / math.sqrt(3)) < 4 * bound / math.sqrt(
                5 * count
            )


@pytest.mark.parametrize("grid", [1, 2, 4, 8])
def test_images_are_taken_channel_first(grid: int) -> None:
    network = BatchNormCNN(3 * 8 * 8, 4, 1, 3, 0, grid=grid).eval()
    x = inputs(2, 192).float()
    assert network.embed(x).shape == (2, 4 * grid * grid)
    assert torch.equal(network(x), network(x.reshape(2, 3, 8, 8)))
