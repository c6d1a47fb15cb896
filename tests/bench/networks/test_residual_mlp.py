"""The residual MLP: its formula, how it starts, and what networks of one seed share."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from faeval.bench.networks import Block, PlainBlock, ResidualMLP
from faeval.errors import FaevalError

Parameters = dict[str, Tensor]


def parameters(network: ResidualMLP) -> Parameters:
    return {name: value.detach() for name, value in network.named_parameters()}


def layer_norm(h: Tensor) -> Tensor:
    # Ba, Kiros and Hinton 2016, eq. 4, at gain 1 and bias 0; 1e-5 is PyTorch's default epsilon.
    centred = h - h.sum(1, keepdim=True) / h.shape[1]
    return centred / torch.sqrt((centred**2).sum(1, keepdim=True) / h.shape[1] + 1e-5)


def gelu(z: Tensor) -> Tensor:
    # Hendrycks and Gimpel 2016: z Phi(z), exact, not the tanh approximation.
    return z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))


@settings(max_examples=30)
@given(
    features=st.integers(1, 9),
    width=st.integers(1, 4).map(lambda half: 2 * half),
    blocks=st.integers(1, 4),
    classes=st.integers(2, 5),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    hidden=st.sampled_from([0.5, 1.0, 2, 1.5]),
    terminal_norm=st.booleans(),
    residual=st.booleans(),
)
def test_the_forward_pass_is_the_written_formula(
    features: int,
    width: int,
    blocks: int,
    classes: int,
    n: int,
    seed: int,
    hidden: float,
    terminal_norm: bool,
    residual: bool,
) -> None:
    network = ResidualMLP(
        features,
        width,
        blocks,
        classes,
        seed,
        hidden=hidden,
        terminal_norm=terminal_norm,
        residual=residual,
    ).double()
    p = parameters(network)
    assert len(network.blocks) == blocks
    x = torch.from_numpy(np.random.default_rng(seed).standard_normal((n, features)))
    h = x @ p["embedding.weight"].T + p["embedding.bias"]
    torch.testing.assert_close(network.embed(x), h)
    for layer, block in enumerate(network.blocks):
        first, second = f"blocks.{layer}.first", f"blocks.{layer}.second"
        assert p[f"{first}.weight"].shape == (hidden * width, width)
        assert p[f"{second}.weight"].shape == (width, hidden * width)
        inner = gelu(layer_norm(h) @ p[f"{first}.weight"].T + p[f"{first}.bias"])
        added = inner @ p[f"{second}.weight"].T + p[f"{second}.bias"]
        if residual:
            assert isinstance(block, Block)
            torch.testing.assert_close(block.branch(h), added)
        after = h + added if residual else added
        torch.testing.assert_close(block(h), after)
        h = after
    logits = (layer_norm(h) if terminal_norm else h) @ p["head.weight"].T + p["head.bias"]
    torch.testing.assert_close(network.readout(h), logits)
    torch.testing.assert_close(network(x), logits)
    assert logits.shape == (n, classes)


def test_without_the_skip_a_block_that_gives_nothing_passes_nothing_on() -> None:
    network = ResidualMLP(5, 8, 2, 3, seed=0, residual=False)
    h = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for block in network.blocks:
            assert isinstance(block, PlainBlock)
            assert not hasattr(block, "branch")  # there is no stream that it could add to
            block.second.weight.zero_()
            block.second.bias.fill_(0.25)
            assert bool((block(h) == 0.25).all())


def test_without_the_terminal_norm_the_readout_is_the_head_alone() -> None:
    network = ResidualMLP(5, 8, 1, 3, seed=0, terminal_norm=False)
    h = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(network.readout(h), network.head(h))
    assert [n for n, m in network.named_modules() if isinstance(m, nn.LayerNorm)] == [
        "blocks.0.norm"
    ]


@pytest.mark.parametrize("blocks", [0, -1])
def test_a_network_without_blocks_is_refused(blocks: int) -> None:
    with pytest.raises(FaevalError, match=rf"^blocks={blocks}: .*at least one\b"):
        ResidualMLP(5, 8, blocks, 3, seed=0)


@pytest.mark.parametrize(("hidden", "width"), [(0.5, 7), (1.25, 6), (0.1, 8), (0, 8), (-1.0, 8)])
def test_a_width_within_a_block_that_is_no_whole_number_is_refused(
    hidden: float, width: int
) -> None:
    with pytest.raises(
        FaevalError, match=r"^hidden=\S+ \((int|float)\) .*\bwidth=\d .*whole number"
    ) as info:
        ResidualMLP(5, width, 1, 3, seed=0, hidden=hidden)
    assert "\n" not in str(info.value)


VARIANTS = [
    {"terminal_norm": False}, {"residual": False}, {"hidden": 2.0}, {"hidden": 0.5},
    {"terminal_norm": False, "residual": False, "hidden": 2},
]  # fmt: skip


@pytest.mark.parametrize("seed", [0, 7, 2**40])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_networks_that_differ_in_a_factor_start_alike_in_every_layer_that_they_share(
    variant: dict[str, Any], seed: int
) -> None:
    plain, other = (
        parameters(ResidualMLP(12, 8, 2, 4, seed)),
        parameters(ResidualMLP(12, 8, 2, 4, seed, **variant)),
    )
    missing = (
        {name for name in plain if name.startswith("norm.")}
        if not variant.get("terminal_norm", True)
        else set()
    )
    assert set(plain) - set(other) == missing
    assert set(other) <= set(plain)
    for name, value in other.items():
        if value.shape == plain[name].shape:
            assert torch.equal(value, plain[name]), name
            continue
        assert "hidden" in variant
        if name.endswith("bias"):  # drawn after the weight
            continue
        # Another width within a block takes more or fewer numbers of the same stream.
        few, many = sorted((value.flatten(), plain[name].flatten()), key=len)
        assert torch.equal(few, many[: len(few)]), name


def test_the_defaults_are_the_main_network() -> None:
    # The network of the published audits: no expansion, skip and terminal LayerNorm.
    plain = parameters(ResidualMLP(12, 8, 2, 4, 9))
    spelled = parameters(ResidualMLP(12, 8, 2, 4, 9, hidden=1.0, terminal_norm=True, residual=True))
    assert list(plain) == list(spelled)
    assert all(torch.equal(value, spelled[name]) for name, value in plain.items())
    assert plain["blocks.0.first.weight"].shape == (8, 8)


def test_each_state_is_the_one_before_plus_the_branch_bit_for_bit() -> None:
    network = ResidualMLP(20, 16, 3, 10, seed=4)
    states = [network.embed(torch.randn(7, 20, generator=torch.Generator().manual_seed(0)))]
    for block in network.blocks:
        states.append(block(states[-1]))
    assert len(states) == len(network.blocks) + 1
    for block, (before, after) in zip(network.blocks, pairwise(states), strict=True):
        assert isinstance(block, Block)
        assert torch.equal(after, before + block.branch(before))


def test_the_terminal_norm_acts_on_the_readout_only() -> None:
    network = ResidualMLP(5, 8, 1, 3, seed=0).double()
    h = torch.randn(4, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        network.readout(1e6 * h), network.readout(1e4 * h), rtol=1e-6, atol=1e-9
    )
    torch.testing.assert_close(
        network.readout(h), h.new_tensor(network.head(layer_norm(h)).tolist())
    )


def test_images_are_flattened_channel_first() -> None:
    network = ResidualMLP(3 * 4 * 4, 8, 1, 10, seed=0)
    images = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(images), network(images.reshape(2, 48)))


def test_layers_start_at_their_declared_scales() -> None:
    features, width, classes, seed = 300, 200, 10, 11
    network = ResidualMLP(features, width, 4, classes, seed)
    for name, module in network.named_modules():
        if isinstance(module, nn.LayerNorm):
            assert bool((module.weight == 1).all())
            assert bool((module.bias == 0).all())
        if not isinstance(module, nn.Linear):
            continue
        weight, count = module.weight.detach().double(), module.weight.numel()
        if name.endswith(".second"):
            # N(0, 0.01^2): the s.d. of the sample s.d. is s.d. / sqrt(2 n), of the mean s.d. /
            # sqrt(n).
            assert abs(float(weight.std()) - 0.01) < 4 * 0.01 / math.sqrt(2 * count)
            assert abs(float(weight.mean())) < 4 * 0.01 / math.sqrt(count)
            kurtosis = float(weight.pow(4).mean() / weight.pow(2).mean().square())
            assert abs(kurtosis - 3) < 4 * math.sqrt(24 / count)  # Gaussian, not uniform (1.8)
            assert bool((module.bias == 0).all())
        else:
            # torch.nn.Linear's documented default: U(-k, k), k = 1/sqrt(fan_in); s.d. k/sqrt(3).
            bound = 1 / math.sqrt(module.in_features)
            assert float(weight.abs().max()) <= bound
            assert float(weight.abs().max()) > bound * (1 - 20 / count)
            assert abs(float(weight.std()) - bound / math.sqrt(3)) < 4 * bound / math.sqrt(
                5 * count
            )
            assert 0 < float(module.bias.detach().abs().max()) <= bound


def test_untied_parameters_start_different() -> None:
    p = parameters(ResidualMLP(16, 16, 3, 16, seed=1))
    drawn = [
        value.reshape(-1)[:16]
        for name, value in p.items()
        if name.endswith("weight") and "norm" not in name
    ]
    assert len(drawn) == 8
    assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_the_same_seed_starts_at_the_same_bits_whatever_was_drawn_before() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global generator is what must not matter
    first = parameters(ResidualMLP(12, 8, 2, 4, seed=3))
    torch.rand(100)
    np.random.rand(5)  # noqa: NPY002
    second = parameters(ResidualMLP(12, 8, 2, 4, seed=3))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_other_seeds_differ_in_every_drawn_parameter() -> None:
    first, second = (parameters(ResidualMLP(12, 8, 2, 4, seed)) for seed in (3, 4))
    for name in first:
        constant = "norm" in name or name.endswith("second.bias")
        assert torch.equal(first[name], second[name]) is constant, name


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_networks_of_other_depth_share_every_parameter_of_one_name(blocks: int) -> None:
    shallow, deep = (
        parameters(ResidualMLP(12, 8, blocks, 4, 9)),
        parameters(ResidualMLP(12, 8, 6, 4, 9)),
    )
    assert set(shallow) < set(deep)
    assert all(torch.equal(value, deep[name]) for name, value in shallow.items())


def test_networks_of_other_width_share_the_streams_of_their_weights() -> None:
    narrow, wide = parameters(ResidualMLP(12, 8, 2, 4, 9)), parameters(ResidualMLP(12, 16, 2, 4, 9))
    # Same fan-in: the narrow embedding is the first rows of the wide one.
    assert torch.equal(narrow["embedding.weight"], wide["embedding.weight"][:8])
    for layer in range(2):
        name = f"blocks.{layer}.second.weight"
        assert torch.equal(narrow[name].reshape(-1), wide[name].reshape(-1)[:64])
        name = f"blocks.{layer}.first.weight"  # other fan-in, another bound on the same draws
        ratio = narrow[name].reshape(-1) / wide[name].reshape(-1)[:64]
        torch.testing.assert_close(ratio, torch.full_like(ratio, math.sqrt(2)))
