"""The bridges: what they learn and what they may know, against closed forms and against what they
are to predict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits import cosine
from faeval.bench.networks import ResidualMLP, StudentNet, states_of
from faeval.bench.rules import (
    Bridge,
    CreditBridge,
    Rule,
    Setup,
    StateBridge,
    output_gradient,
    state_gradients,
)
from faeval.bench.training import Objective, backward, load, save
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 7, 6, 3, 4
BRIDGES = {"sb": StateBridge, "cb": CreditBridge}
both = pytest.mark.parametrize("kind", BRIDGES.values(), ids=BRIDGES)


def network_of(seed: int = 0) -> ResidualMLP:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():  # away from the start, where blocks add almost nothing
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def made(kind: Callable[[Setup], Rule], seed: int = 5, width: int = WIDTH) -> Any:
    return kind(Setup(width, BLOCKS, CLASSES, seed)).double()


def data(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((n, FEATURES))), torch.from_numpy(
        draw.integers(0, CLASSES, n)
    )


def taught(rule: Any, network: Any, x: Tensor, y: Tensor, steps: int) -> list[float]:
    """Teach the rule alone, the network held still; return the course of its loss."""
    optimizer = torch.optim.AdamW(rule.parameters(), lr=0.01)
    states, logits = states_of(network, x)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = rule.loss(network, states, logits, y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@both
def test_a_bridge_owns_two_layers_drawn_from_its_streams(kind: type[Bridge]) -> None:
    rule = kind(Setup(256, 4, 10, 42))
    shapes = {name: tuple(p.shape) for name, p in rule.named_parameters()}
    second = (
        {"second.weight": (256, 256), "second.bias": (256,)}
        if kind is StateBridge
        else {"second.weight": (1, 256)}
    )
    assert shapes == {"first.weight": (256, 256 + 1 + 10), "first.bias": (256,), **second}
    bound = 1 / np.sqrt(267)
    first = rule.first.weight.detach()
    assert float(first.abs().max()) <= bound
    assert float(first.std()) == pytest.approx(
        bound / np.sqrt(3), rel=0.02
    )  # uniform: PyTorch's default start
    assert set(rule.state_dict()) == set(shapes)  # all of it travels with the checkpoint
    assert not torch.equal(kind(Setup(256, 4, 10, 43)).first.weight, rule.first.weight)


def test_the_state_bridge_s_loss_is_the_relative_squared_error_of_its_guess() -> None:
    network, (x, y), rule = network_of(), data(9), made(StateBridge)
    states, logits = states_of(network, x)
    error = logits.softmax(1) - torch.eye(CLASSES, dtype=torch.float64)[y]
    expected = torch.zeros((), dtype=torch.float64)
    for layer, h in enumerate(states):  # written out state by state, with t_l = l / L
        depth = torch.full((len(h), 1), layer / BLOCKS, dtype=torch.float64)
        z = torch.cat([functional.layer_norm(h, (WIDTH,)), depth, error], dim=1)
        guess = rule.second(functional.gelu(rule.first(z)))
        expected = expected + (guess - states[-1]).square().sum() / states[-1].square().sum() / (
            BLOCKS + 1
        )
    torch.testing.assert_close(rule.loss(network, states, logits, y), expected)


def test_the_credit_bridge_s_loss_is_the_relative_squared_error_of_its_slopes() -> None:
    network, (x, y), rule = network_of(), data(9), made(CreditBridge)
    states, logits = states_of(network, x)
    terminal = output_gradient(network, states[-1], y)
    signals = rule.credit(network, states, logits, y)
    expected = sum((a - terminal).square().sum() / terminal.square().sum() for a in signals) / (
        BLOCKS + 1
    )
    torch.testing.assert_close(rule.loss(network, states, logits, y).detach(), expected)


def test_the_credit_bridge_is_the_slope_of_its_value_by_finite_differences() -> None:
    network, (x, y), rule = network_of(), data(4), made(CreditBridge)
    states, logits = states_of(network, x)
    error = logits.softmax(1) - torch.eye(CLASSES, dtype=torch.float64)[y]
    signals = rule.credit(network, states, logits, y)
    step = 1e-5
    with torch.no_grad():
        for layer in range(BLOCKS + 1):
            for unit in range(WIDTH):
                ends = []
                for sign in (1, -1):
                    moved = [h.clone() for h in states]
                    moved[layer][:, unit] += sign * step
                    ends.append(rule.read(torch.stack(moved), error)[layer, :, 0])
                slope = (ends[0] - ends[1]) / (2 * step)
                torch.testing.assert_close(signals[layer][:, unit], slope, rtol=1e-6, atol=1e-9)


def test_the_state_bridge_s_credit_is_the_slope_of_the_loss_of_its_guess() -> None:
    network, (x, y), rule = network_of(), data(4), made(StateBridge)
    states, logits = states_of(network, x)
    error = logits.softmax(1) - torch.eye(CLASSES, dtype=torch.float64)[y]
    signals = rule.credit(network, states, logits, y)
    step = 1e-5
    with torch.no_grad():
        for layer in range(BLOCKS + 1):
            for unit in range(WIDTH):
                ends = []
                for sign in (1, -1):
                    moved = [h.clone() for h in states]
                    moved[layer][:, unit] += sign * step
                    guess = rule.read(torch.stack(moved), error)[layer]
                    ends.append(
                        functional.cross_entropy(network.readout(guess), y, reduction="none")
                    )
                slope = (ends[0] - ends[1]) / (2 * step)
                torch.testing.assert_close(signals[layer][:, unit], slope, rtol=1e-5, atol=1e-8)


@both
def test_what_a_bridge_learns_brings_its_credit_to_the_gradient(kind: type[Bridge]) -> None:
    network, (x, y), rule = network_of(), data(64), made(kind)
    states, logits = states_of(network, x)
    last = state_gradients(network, states[0], y)[-1]

    def read() -> float:
        return float(cosine(rule.credit(network, states, logits, y)[-1], last).mean())

    before, losses = read(), taught(rule, network, x, y, 600)
    assert losses[-1] < 0.2 * losses[0]
    assert (
        read() > max(before, 0.0) + 0.3
    )  # at h_L, where what it learns from is what it is scored against


@both
def test_a_bridge_sees_neither_other_blocks_nor_gradients_at_other_states(
    kind: type[Bridge],
) -> None:
    # What the docstring says is told to a state: change all else, and credit and loss stay as they
    # are.
    (x, y), rule = data(5), made(kind)
    network = network_of()
    states, logits = states_of(network, x)
    other = network_of(9)
    other.norm, other.head = (
        network.norm,
        network.head,
    )  # the readout is told; blocks and embedding are not
    for of in (
        lambda n: torch.stack(rule.credit(n, states, logits, y)),
        lambda n: rule.loss(n, states, logits, y),
    ):
        assert torch.equal(of(network), of(other))


@both
def test_credit_at_a_state_depends_on_that_state_alone(kind: type[Bridge]) -> None:
    network, (x, y), rule = network_of(), data(5), made(kind)
    states, logits = states_of(network, x)
    before = rule.credit(network, states, logits, y)
    for layer in range(BLOCKS + 1):
        moved = [h + float(k == layer) for k, h in enumerate(states)]
        moved[layer][:, 0] += 1.0  # a shift of all units would be taken out by the norm
        after = rule.credit(network, moved, logits, y)
        assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [
            k != layer for k in range(BLOCKS + 1)
        ]


@both
@pytest.mark.parametrize("scale", [1e-6, 1e9])
def test_states_of_any_size_give_finite_credit_and_loss(kind: type[Bridge], scale: float) -> None:
    network, (x, y), rule = network_of().float(), data(5), kind(Setup(WIDTH, BLOCKS, CLASSES, 1))
    states, logits = states_of(network, x.float())
    states = [scale * h for h in states]
    assert all(bool(a.isfinite().all()) for a in rule.credit(network, states, logits, y))
    loss = rule.loss(network, states, logits, y)
    assert loss is not None
    assert bool(loss.isfinite())


@both
def test_a_target_of_nothing_is_no_division_by_zero(kind: type[Bridge]) -> None:
    network = StudentNet(FEATURES, WIDTH, BLOCKS, CLASSES, 0).double()
    with torch.no_grad():
        for p in network.parameters():
            p.zero_()
    (x, y), rule = data(3), made(kind)
    states, logits = states_of(network, x)
    loss = rule.loss(network, states, logits, y)
    assert bool(loss.isfinite())


@both
@pytest.mark.parametrize("penalty", [0.0, 0.02])
def test_a_step_teaches_the_network_by_credit_and_the_bridge_by_its_loss(
    kind: type[Bridge], penalty: float
) -> None:
    network, (x, y), rule = network_of(), data(8), made(kind)
    backward(network, rule, x, y, Objective(penalty))
    states, logits = states_of(network, x)
    expected = torch.autograd.grad(rule.loss(network, states, logits, y), list(rule.parameters()))
    for parameter, gradient in zip(rule.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
        assert parameter.grad is not None
        assert (
            parameter.grad.stride() == parameter.stride()
        )  # other strides are misread by fused AdamW
    signals = rule.credit(network, states, logits, y)
    added = network.blocks[-1].branch(states[-2].detach())
    told = (signals[-1] + 2 * penalty * added.detach()) / len(x)
    (by_hand,) = torch.autograd.grad((told * added).sum(), network.blocks[-1].second.weight)
    torch.testing.assert_close(network.blocks[-1].second.weight.grad, by_hand)


@both
@pytest.mark.parametrize(
    "setup", [(WIDTH + 1, CLASSES), (WIDTH, CLASSES - 1), (WIDTH + 1, CLASSES - 1)]
)
def test_a_bridge_made_for_other_sizes_says_so(kind: type[Bridge], setup: tuple[int, int]) -> None:
    network, (x, y), (width, classes) = network_of(), data(3), setup
    rule = kind(Setup(width, BLOCKS, classes, 5)).double()
    says = (
        f"{kind.__name__} was made for states of {width} numbers and {classes} classes, and is"
        f" given {WIDTH} and {CLASSES}"
    )
    with pytest.raises(FaevalError, match=says):
        rule.credit(network, *states_of(network, x), y)


@both
def test_what_was_learned_travels_with_the_checkpoint(kind: type[Bridge], tmp_path: Any) -> None:
    network, (x, y), rule = network_of(), data(8), made(kind)
    taught(rule, network, x, y, 5)
    sha256 = save(network, rule, tmp_path / "c.safetensors")
    fresh, other = made(kind, seed=999), network_of(3)
    load(other, fresh, tmp_path / "c.safetensors", sha256)
    given = (*states_of(network, x), y)
    for a, b in zip(rule.credit(network, *given), fresh.credit(other, *given), strict=True):
        assert torch.equal(a, b)
