"""ViTMini: its forward pass against PyTorch's transformer, how it starts, what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from faeval.bench.networks import ViTBlock, ViTMini
from faeval.errors import FaevalError


def parameters(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in network.named_parameters()}


def perturbed(network: ViTMini, seed: int) -> ViTMini:
    """Move every parameter from its start: norms have gains and biases, blocks are not small."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.double().parameters():
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def images(n: int, features: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, features)))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # said of norm_first, and of no account
@settings(max_examples=15)
@given(
    width=st.sampled_from([2, 6, 16, 64, 96]),
    blocks=st.integers(1, 3),
    n=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    shape=st.sampled_from([(64, 4), (64, 2), (48, 4), (9, 1), (9, 3), (768, 4), (192, 8)]),
)
def test_the_forward_pass_is_that_of_torch_s_transformer(
    width: int, blocks: int, n: int, seed: int, shape: tuple[int, int]
) -> None:
    features, grid = shape
    network = perturbed(ViTMini(features, width, blocks, 5, seed, grid=grid), seed)
    p, x = parameters(network), images(n, features, seed)
    channels = 3 if math.isqrt(features) ** 2 != features else 1
    side = math.isqrt(features // channels)
    # Patches as torch cuts them: nn.Unfold goes row by row and gives each patch channel by channel.
    patches = nn.functional.unfold(
        x.reshape(n, channels, side, side), side // grid, stride=side // grid
    ).transpose(1, 2)
    h = nn.functional.linear(patches, p["embedding.weight"], p["embedding.bias"])
    h = torch.cat([p["token"].repeat(n, 1, 1), h], 1) + p["position"]
    torch.testing.assert_close(network.embed(x), h.flatten(1))
    for number, block in enumerate(network.blocks):
        theirs = nn.TransformerEncoderLayer(
            width,
            max(1, width // 32),
            4 * width,
            0.0,
            "gelu",
            batch_first=True,
            norm_first=True,
            dtype=torch.float64,
        )
        names = {
            "self_attn.in_proj_": "qkv.",
            "self_attn.out_proj.": "proj.",
            "linear1.": "first.",
            "linear2.": "second.",
            "norm1.": "norm1.",
            "norm2.": "norm2.",
        }
        weights = {
            a + w: p[f"blocks.{number}.{b}{w}"]
            for a, b in names.items()
            for w in ("weight", "bias")
        }
        theirs.load_state_dict(weights)  # all of them, and no others
        after = theirs(h).detach()
        assert isinstance(block, ViTBlock)
        torch.testing.assert_close(block(h.flatten(1)), after.flatten(1))
        torch.testing.assert_close(block.branch(h.flatten(1)), (after - h).flatten(1))
        h = after
    logits = nn.functional.layer_norm(h[:, 0], (width,), p["norm.weight"], p["norm.bias"])
    logits = nn.functional.linear(logits, p["head.weight"], p["head.bias"])
    torch.testing.assert_close(network(x), logits)


def test_only_the_class_token_is_read_and_observed() -> None:
    network = perturbed(ViTMini(64, 8, 1, 3, 0), 0)
    h = torch.randn(4, 17 * 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    other = h.clone()
    other[:, 8:] = other[:, 8:].roll(1, dims=1)
    assert torch.equal(network.observed(h), h.reshape(4, 17, 8)[:, 0])
    assert torch.equal(network.readout(h), network.readout(other))
    heard = [network.observed(network.blocks[0](state)) for state in (h, other)]
    assert not torch.allclose(*heard)  # by attention it hears of all


def test_patches_know_their_place_and_images_their_channels() -> None:
    network = perturbed(ViTMini(3072, 8, 1, 3, 0), 0)
    x = images(2, 3072)
    assert torch.equal(network(x), network(x.reshape(2, 3, 32, 32)))
    moved = x.reshape(2, 3, 32, 32).roll(8, dims=-1)  # a whole patch to the right
    assert not torch.allclose(network(moved), network(x))
    with torch.no_grad():
        network.position[1:] = network.position[1]
    torch.testing.assert_close(
        network(moved), network(x)
    )  # without positions, the same set of patches


def test_layers_start_at_their_declared_scales() -> None:
    network = ViTMini(3072, 64, 2, 10, 11)
    for name, value in parameters(network).items():
        count = value.numel()
        if name in ("token", "position"):
            # Dosovitskiy et al. 2021, in their code: N(0, 0.02^2).
            assert abs(float(value.std()) - 0.02) < 4 * 0.02 / math.sqrt(2 * count)
        elif "norm" in name or name.endswith(("proj.bias", "second.bias")):
            assert bool((value == (1.0 if name.endswith("weight") else 0.0)).all())
        elif name.endswith(("proj.weight", "second.weight")):
            assert abs(float(value.std()) - 0.01) < 4 * 0.01 / math.sqrt(2 * count)
        elif value.ndim == 2:
            bound = 1 / math.sqrt(value.shape[1])  # torch.nn.Linear's documented default
            assert bound * (1 - 20 / count) < float(value.abs().max()) <= bound
    states = [network.embed(images(8, 3072).float()).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
        assert float((states[-1] - states[-2]).norm()) < 0.2 * float(
            states[-2].norm()
        )  # near the identity


@pytest.mark.parametrize("width", [1, 31, 63, 64, 96, 128])
def test_a_head_for_each_32_units(width: int) -> None:
    assert (
        ViTMini(64, width, 1, 3, 0).blocks[0].heads
        == {1: 1, 31: 1, 63: 1, 64: 2, 96: 3, 128: 4}[width]
    )


@pytest.mark.parametrize("width", [65, 97, 130])
def test_a_width_that_its_heads_do_not_divide_is_refused(width: int) -> None:
    with pytest.raises(
        FaevalError,
        match=rf"^width={width} \(int\): {width // 32} heads, .*\bmultiple of 32\b",
    ):
        ViTMini(64, width, 1, 3, 0)
