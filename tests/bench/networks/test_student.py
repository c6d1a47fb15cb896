"""StudentNet: its formula, its ends (linear, tanh), and what it shares with other networks of its
seed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from faeval.bench.networks import ResidualMLP, StudentNet
from faeval.errors import FaevalError


def parameters(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in network.named_parameters()}


@settings(max_examples=25)
@given(
    a=st.sampled_from([0.0, 0.3, 1.0]),
    features=st.integers(1, 9),
    width=st.integers(2, 8),
    blocks=st.integers(1, 4),
    classes=st.integers(2, 5),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_the_forward_pass_is_the_written_formula(
    a: float, features: int, width: int, blocks: int, classes: int, n: int, seed: int
) -> None:
    network = StudentNet(features, width, blocks, classes, seed, nonlinearity=a).double()
    p = {name: value.numpy() for name, value in parameters(network).items()}
    x = 3.0 * np.random.default_rng(seed).standard_normal((n, features))
    h = x @ p["embedding.weight"].T + p["embedding.bias"]
    np.testing.assert_allclose(
        network.embed(torch.from_numpy(x)).detach(), h, rtol=1e-12, atol=1e-13
    )
    assert len(network.blocks) == blocks
    for layer, block in enumerate(network.blocks):
        z = h @ p[f"blocks.{layer}.linear.weight"].T + p[f"blocks.{layer}.linear.bias"]
        # By its definition, phi(z) = (1 - a) z + a tanh z.
        after = np.array([[(1 - a) * v + a * math.tanh(v) for v in row] for row in z])
        np.testing.assert_allclose(
            block(torch.from_numpy(h)).detach(), after, rtol=1e-12, atol=1e-13
        )
        assert not hasattr(block, "branch")  # no skip: the penalty acts on all of a block's output
        h = after
    logits = h @ p["head.weight"].T + p["head.bias"]
    np.testing.assert_allclose(
        network(torch.from_numpy(x)).detach(), logits, rtol=1e-12, atol=1e-13
    )


def test_known_values_of_a_block() -> None:
    # By hand at weight 1, bias 0, z = log 2: tanh z = (4 - 1) / (4 + 1) = 3/5; at a = 1/4 that is
    # 3/4 log 2 + 3/20.
    for a, expected in ((0.0, math.log(2)), (0.25, 0.75 * math.log(2) + 0.15), (1.0, 0.6)):
        network = StudentNet(1, 1, 1, 2, 0, nonlinearity=a).double()
        with torch.no_grad():
            network.blocks[0].linear.weight.fill_(1.0)
            network.blocks[0].linear.bias.zero_()
            found = network.blocks[0](torch.tensor([[math.log(2)]], dtype=torch.float64))
        assert found.item() == pytest.approx(expected, rel=1e-14)


def test_at_nonlinearity_zero_it_is_a_linear_map() -> None:
    network = StudentNet(5, 8, 3, 4, 0, nonlinearity=0.0).double()
    draw = torch.Generator().manual_seed(0)
    x, z = (torch.randn(6, 5, generator=draw, dtype=torch.float64) for _ in range(2))
    torch.testing.assert_close(network(2 * x - z), 2 * network(x) - network(z))
    bent = StudentNet(5, 8, 3, 4, 0).double()  # tanh is the default
    assert not torch.allclose(bent(2 * x - z), 2 * bent(x) - bent(z), rtol=1e-3)
    assert torch.equal(bent(x), StudentNet(5, 8, 3, 4, 0, nonlinearity=1.0).double()(x))


@pytest.mark.parametrize("a", [-0.1, 1.0001, math.nan, math.inf, -math.inf])
def test_a_nonlinearity_outside_zero_to_one_is_refused(a: float) -> None:
    with pytest.raises(FaevalError, match=r"^nonlinearity=\S+: .*\b0 \(linear\) .*\b1 \(tanh\)\.$"):
        StudentNet(5, 8, 2, 3, 0, nonlinearity=a)


def test_every_layer_starts_as_torch_s_linear_does() -> None:
    # torch.nn.Linear's documented default: U(-k, k), k = 1/sqrt(fan_in); s.d. k/sqrt(3).
    for value in parameters(StudentNet(200, 150, 2, 100, 3)).values():
        if value.ndim == 2:
            bound, count = 1 / math.sqrt(value.shape[1]), value.numel()
            assert bound * (1 - 20 / count) < float(value.abs().max()) <= bound
            assert abs(float(value.std()) - bound / math.sqrt(3)) < 4 * bound / math.sqrt(5 * count)


@pytest.mark.parametrize("seed", [0, 11])
def test_the_start_is_the_seed_s_alone_and_shared_with_other_networks(seed: int) -> None:
    torch.manual_seed(0)
    first = parameters(StudentNet(12, 8, 2, 4, seed))
    torch.manual_seed(1)
    for other in (StudentNet(12, 8, 2, 4, seed, nonlinearity=0.3), StudentNet(12, 8, 4, 4, seed)):
        assert all(torch.equal(value, parameters(other)[name]) for name, value in first.items())
    residual = parameters(ResidualMLP(12, 8, 2, 4, seed))
    for name in ("embedding.weight", "embedding.bias", "head.weight", "head.bias"):
        assert torch.equal(first[name], residual[name])
    elsewhere = parameters(StudentNet(12, 8, 2, 4, seed + 1))
    assert not any(bool((value == elsewhere[name]).any()) for name, value in first.items())


def test_images_are_flattened() -> None:
    network = StudentNet(3 * 4 * 4, 8, 1, 10, seed=0)
    images = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(images), network(images.reshape(2, 48)))
