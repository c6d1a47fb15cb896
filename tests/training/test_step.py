"""The training step against automatic differentiation of the losses as SCIENCE.md 1 writes them."""

from __future__ import annotations

import math
from itertools import product

import mpmath  # type: ignore[import-untyped] # it ships no types
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from faeval.networks import Block, ResidualMLP
from faeval.rules import Backpropagation, DirectFeedbackAlignment, Rule, Setup, state_gradients
from faeval.training import Objective, backward, unit_credit

FEATURES, WIDTH, BLOCKS, CLASSES, N = 7, 6, 3, 4, 9
Gradients = dict[str, Tensor]


class TrueGradient(Rule):
    """Backpropagation's credit as somebody's own rule: it takes the local way."""

    def credit(self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
        return state_gradients(network, states[0], labels)


class OneState(Rule):
    """Credit at one state only, to see who listens to it."""

    def __init__(self, layer: int) -> None:
        super().__init__()
        self.layer = layer

    def credit(self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
        return [torch.ones_like(h) * (layer == self.layer) for layer, h in enumerate(states)]


def network_of(seed: int = 0) -> ResidualMLP:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def data(n: int = N, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((n, FEATURES))), torch.from_numpy(draw.integers(0, CLASSES, n))


def rule_of(name: str, objective: Objective) -> Rule:
    if name == "dfa":
        return DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 5, objective.credit_site)).double()
    return {"bp": Backpropagation, "true": TrueGradient}[name]()


def taken(network: ResidualMLP, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> tuple[float, Gradients]:
    network.zero_grad(set_to_none=True)
    loss = float(backward(network, rule, x, y, objective))
    return loss, {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in network.named_parameters()}


def credit_by_hand(network: ResidualMLP, rule: Rule, states: list[Tensor], y: Tensor) -> list[Tensor]:
    if isinstance(rule, DirectFeedbackAlignment):
        error = torch.softmax(network.readout(states[-1]), 1).detach()
        error[range(len(y)), y] -= 1
        matrices = list(rule.feedback)
        matrices += matrices[-1:] * (BLOCKS + 1 - len(matrices))
        return [error @ matrix.T for matrix in matrices]
    leaf = states[0].clone().requires_grad_()
    chain = [leaf]
    for block in network.blocks:
        chain.append(block(chain[-1]))
    losses = functional.cross_entropy(network.readout(chain[-1]), y, reduction="none")
    return list(torch.autograd.grad(losses.sum(), chain))


def written(network: ResidualMLP, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> Gradients:
    """Every parameter's gradient of its own written loss, by autograd, one loss at a time."""
    n = len(x)
    states = [network.embed(x).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
    credit = credit_by_hand(network, rule, states, y)
    if objective.credit_scale == "unit":
        credit = [a / a.square().mean(1, keepdim=True).sqrt() for a in credit]
    found: Gradients = {}

    def descend(loss: Tensor, prefixes: tuple[str, ...]) -> None:
        own = {name: p for name, p in network.named_parameters() if name.startswith(prefixes)}
        found.update(zip(own, torch.autograd.grad(loss, list(own.values())), strict=True))

    descend((network.embed(x) * credit[0]).sum() / n, ("embedding.",))
    for layer, block in enumerate(network.blocks):
        assert isinstance(block, Block)
        f = block.branch(states[layer])
        a = credit[layer + 1 if objective.credit_site == "output" else layer]
        descend(((f * a).sum(1) + objective.penalty * f.square().sum(1)).sum() / n, (f"blocks.{layer}.",))
    descend(functional.cross_entropy(network.readout(states[-1]), y), ("norm.", "head."))
    return found


OBJECTIVES = [
    Objective(penalty, site, scale)
    for penalty, site, scale in product((0.0, 1e-2, 0.7), ("output", "input"), ("error", "unit"))
]


# Plain backpropagation, credit at the output as it is, is global: it has a test of its own.
LOCAL = [
    (name, objective)
    for name, objective in product(("dfa", "bp", "true"), OBJECTIVES)
    if name != "bp" or (objective.credit_site, objective.credit_scale) != ("output", "error")
]


@pytest.mark.parametrize(("name", "objective"), LOCAL, ids=str)
def test_each_parameter_is_told_the_gradient_of_its_own_written_loss(name: str, objective: Objective) -> None:
    network, (x, y) = network_of(), data()
    rule = rule_of(name, objective)
    loss, gradients = taken(network, rule, x, y, objective)
    expected = written(network, rule, x, y, objective)
    assert set(gradients) == set(expected)
    for parameter, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[parameter])
    assert loss == pytest.approx(functional.cross_entropy(network(x), y).item())


@pytest.mark.parametrize("penalty", [0.0, 1e-2, 0.7])
def test_plain_backpropagation_is_the_gradient_of_cross_entropy_plus_all_penalties(penalty: float) -> None:
    network, (x, y) = network_of(), data()
    loss, gradients = taken(network, Backpropagation(), x, y, Objective(penalty))
    h, squares = network.embed(x), torch.zeros((), dtype=torch.float64)
    for block in network.blocks:
        assert isinstance(block, Block)
        f = block.branch(h)
        squares, h = squares + f.square().sum(1).mean(), h + f
    entropy = functional.cross_entropy(network.readout(h), y)
    names, values = zip(*network.named_parameters(), strict=True)
    expected = torch.autograd.grad(entropy + penalty * squares, values)
    for name, gradient in zip(names, expected, strict=True):
        torch.testing.assert_close(gradients[name], gradient)
    assert loss == pytest.approx(entropy.item())  # the penalty is no part of the loss that is reported


def test_the_local_way_with_the_true_gradient_at_the_output_is_backpropagation() -> None:
    # SCIENCE.md 1: credit at the output is backpropagation's own local form; without a penalty the two are one.
    network, (x, y) = network_of(), data()
    _, local = taken(network, TrueGradient(), x, y, Objective())
    _, plain = taken(network, Backpropagation(), x, y, Objective())
    for name, gradient in plain.items():
        torch.testing.assert_close(local[name], gradient)


@pytest.mark.parametrize("layer", range(BLOCKS + 1))
@pytest.mark.parametrize("site", ["output", "input"])
def test_credit_at_one_state_moves_only_those_who_learn_from_it(site: str, layer: int) -> None:
    network, (x, y) = network_of(), data()
    _, gradients = taken(network, OneState(layer), x, y, Objective(credit_site=site))
    moved = {".".join(name.split(".")[:2]) for name, g in gradients.items() if bool((g != 0).any())}
    listening = layer - 1 if site == "output" else layer
    expected = {f"blocks.{listening}"} if 0 <= listening < BLOCKS else set()
    if layer == 0:
        expected |= {"embedding.weight", "embedding.bias"}
    assert moved == expected | {"norm.weight", "norm.bias", "head.weight", "head.bias"}


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_a_local_penalty_moves_every_block_and_nothing_else(penalty: float) -> None:
    network, (x, y) = network_of(), data()
    objective, silent = Objective(penalty), OneState(-1)
    _, gradients = taken(network, silent, x, y, objective)
    _, without = taken(network, silent, x, y, Objective())
    for name, gradient in gradients.items():
        if not name.startswith("blocks."):
            assert torch.equal(gradient, without[name])
        else:
            assert bool((gradient == 0).all()) is (penalty == 0)


def test_head_and_norm_learn_the_same_under_every_rule() -> None:
    network, (x, y) = network_of(), data()
    told = [
        taken(network, rule_of(name, objective), x, y, objective)[1]
        for name in ("dfa", "bp")
        for objective in OBJECTIVES
    ]
    for name in ("norm.weight", "norm.bias", "head.weight", "head.bias"):
        for other in told[1:]:
            torch.testing.assert_close(other[name], told[0][name])


@pytest.mark.parametrize("name", ["dfa", "bp"])
@pytest.mark.parametrize("objective", [Objective(0.1), Objective(0.1, "input", "unit")], ids=str)
def test_losses_are_batch_means(name: str, objective: Objective) -> None:
    network, (x, y) = network_of(), data()
    rule = rule_of(name, objective)
    _, once = taken(network, rule, x, y, objective)
    _, twice = taken(network, rule, torch.cat([x, x]), torch.cat([y, y]), objective)
    parts = [taken(network, rule, x[i : i + 1], y[i : i + 1], objective)[1] for i in range(N)]
    for parameter, gradient in once.items():
        torch.testing.assert_close(twice[parameter], gradient)
        torch.testing.assert_close(torch.stack([part[parameter] for part in parts]).mean(0), gradient)


def test_gradients_accumulate_as_autograd_s_do_and_the_loss_holds_no_graph() -> None:
    network, (x, y) = network_of(), data()
    objective = Objective(0.01)
    rule = rule_of("dfa", objective)
    _, once = taken(network, rule, x, y, objective)
    loss = backward(network, rule, x, y, objective)
    assert not loss.requires_grad
    for name, p in network.named_parameters():
        assert p.grad is not None
        torch.testing.assert_close(p.grad, 2 * once[name])
    assert not rule.feedback.requires_grad


def test_a_step_against_the_gradient_lowers_each_block_s_own_loss() -> None:
    network, (x, y) = network_of(), data()
    objective = Objective(0.05)
    rule = rule_of("dfa", objective)
    states = [network.embed(x).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
    credit = credit_by_hand(network, rule, states, y)

    def losses() -> list[float]:
        found = []
        for layer, block in enumerate(network.blocks):
            assert isinstance(block, Block)
            f = block.branch(states[layer])
            found.append(((f * credit[layer + 1]).sum(1) + 0.05 * f.square().sum(1)).mean().item())
        return found

    before = losses()
    taken(network, rule, x, y, objective)
    with torch.no_grad():
        for p in network.parameters():
            assert p.grad is not None
            p.sub_(1e-3 * p.grad)
    assert all(after < first for after, first in zip(losses(), before, strict=True))


@settings(max_examples=40)
@given(
    seed=st.integers(0, 9999), exponents=st.lists(st.integers(-30, 30), min_size=1, max_size=5), d=st.integers(1, 6),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_unit_credit_has_root_mean_square_one_at_any_norm(
    seed: int, exponents: list[int], d: int, dtype: torch.dtype
) -> None:
    rows = np.random.default_rng(seed).standard_normal((len(exponents), d)) * 10.0 ** np.array(exponents)[:, None]
    credit = torch.from_numpy(rows).to(dtype)
    unit = unit_credit(credit)
    assert unit.dtype == dtype
    rtol = 1e-5 if dtype == torch.float32 else 1e-13
    for given_row, row in zip(credit.tolist(), unit.tolist(), strict=True):
        rms = mpmath.sqrt(mpmath.fsum(mpmath.mpf(v) ** 2 for v in given_row) / d)
        assert row == pytest.approx([float(mpmath.mpf(v) / rms) for v in given_row], rel=rtol, abs=rtol * 1e-3)
        assert math.sqrt(sum(v * v for v in row) / d) == pytest.approx(1.0, rel=rtol)


def test_unit_credit_keeps_zero_rows_zero_and_shows_what_is_not_finite() -> None:
    credit = torch.tensor([[0.0, 0.0], [3e-42, -3e-42], [1e38, 0.0], [float("nan"), 1.0]])
    unit = unit_credit(credit)
    assert unit[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(unit[1], torch.tensor([1.0, -1.0]))  # subnormal, and still a direction
    torch.testing.assert_close(unit[2], torch.tensor([math.sqrt(2), 0.0]))
    assert bool(unit[3].isnan().any())


def test_an_objective_without_arguments_is_the_standard_form() -> None:
    assert Objective() == Objective(penalty=0.0, credit_site="output", credit_scale="error")
