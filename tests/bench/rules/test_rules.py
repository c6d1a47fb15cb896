"""Learning rules against their written formula and against automatic differentiation, never against
themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional

from faeval.bench.networks import ResidualMLP
from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    DirectRandomTargetProjection,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    Setup,
    SignSymmetric,
    output_error,
    state_gradients,
)
from faeval.bench.training import load, save
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 7, 6, 3, 4
SITES = ("output", "input")


def network_of(seed: int = 0) -> ResidualMLP:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():  # away from the start, where blocks add almost nothing
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def setup_of(site: str = "output", seed: int = 5) -> Setup:
    return Setup(WIDTH, BLOCKS, CLASSES, seed, site, network_of())


RULES = {
    "bp": lambda: Backpropagation(),
    "fa": lambda: FeedbackAlignment(setup_of()),
    "fa-uniform": lambda: FeedbackAlignment(setup_of(), feedback="uniform"),
    "dfa-output": lambda: DirectFeedbackAlignment(setup_of()),
    "dfa-input": lambda: DirectFeedbackAlignment(setup_of("input")),
    "drtp-output": lambda: DirectRandomTargetProjection(setup_of()),
    "drtp-input": lambda: DirectRandomTargetProjection(setup_of("input")),
    "sign_symmetric": lambda: SignSymmetric(setup_of()),
    "sign_symmetric-batchwise": lambda: SignSymmetric(setup_of(), magnitude="batchwise"),
    "kolen_pollack": lambda: KolenPollack(setup_of()),
}
every_rule = pytest.mark.parametrize("rule", [make() for make in RULES.values()], ids=RULES)


def data(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((n, FEATURES))), torch.from_numpy(
        draw.integers(0, CLASSES, n)
    )


def states_of(network: ResidualMLP, x: Tensor) -> tuple[list[Tensor], Tensor]:
    states = [network.embed(x).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
    return states, network.readout(states[-1]).detach()


def credit_of(rule: Rule, network: ResidualMLP, x: Tensor, y: Tensor) -> list[Tensor]:
    return rule.double().credit(network, *states_of(network, x), y)


@settings(max_examples=40)
@given(
    n=st.integers(1, 5),
    classes=st.integers(2, 6),
    seed=st.integers(0, 999),
    scale=st.sampled_from([1e-3, 1, 30]),
)
def test_output_error_is_the_gradient_of_each_samples_cross_entropy(
    n: int, classes: int, seed: int, scale: float
) -> None:
    draw = np.random.default_rng(seed)
    logits = torch.from_numpy(scale * draw.standard_normal((n, classes))).requires_grad_()
    labels = torch.from_numpy(draw.integers(0, classes, n))
    for i in range(n):
        (expected,) = torch.autograd.grad(
            functional.cross_entropy(logits[i : i + 1], labels[i : i + 1]), logits
        )
        torch.testing.assert_close(output_error(logits.detach(), labels)[i], expected[i])


def test_output_error_of_known_logits() -> None:
    # By hand: softmax(0, log 3) = (1/4, 3/4); label 1 leaves (1/4, -1/4), label 0 (-3/4, 3/4).
    logits = torch.tensor([[0.0, math.log(3.0)]] * 2, dtype=torch.float64)
    expected = torch.tensor([[0.25, -0.25], [-0.75, 0.75]], dtype=torch.float64)
    torch.testing.assert_close(output_error(logits, torch.tensor([1, 0])), expected)
    assert output_error(logits.float(), torch.tensor([1, 0])).dtype == torch.float32


def test_output_error_of_huge_logits_is_finite_and_exact() -> None:
    error = output_error(torch.tensor([[1e5, -1e5], [1e5, -1e5]]), torch.tensor([0, 1]))
    assert error.tolist() == [[0.0, 0.0], [1.0, -1.0]]


@pytest.mark.parametrize("site", SITES)
def test_direct_feedback_credit_is_the_error_through_one_matrix_a_state(site: str) -> None:
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 5, site)).double()
    assert rule.feedback.shape == ((BLOCKS + 1 if site == "output" else BLOCKS), WIDTH, CLASSES)
    network, (x, y) = network_of(), data(6)
    states, logits = states_of(network, x)
    signals = rule.credit(network, states, logits, y)
    assert len(signals) == BLOCKS + 1
    for layer in range(BLOCKS + 1):
        # "output" has a matrix for each of h_0 .. h_L; "input" L matrices, the last for h_{L-1} and
        # h_L.
        matrix = rule.feedback[layer if site == "output" else min(layer, BLOCKS - 1)]
        for i in range(len(x)):
            p = torch.exp(logits[i]) / torch.exp(logits[i]).sum()
            e = [float(p[c]) - (1.0 if c == int(y[i]) else 0.0) for c in range(CLASSES)]
            expected = [
                sum(e[c] * float(matrix[k, c]) for c in range(CLASSES)) for k in range(WIDTH)
            ]
            torch.testing.assert_close(
                signals[layer][i], torch.tensor(expected, dtype=torch.float64)
            )
    shared = torch.equal(signals[-1], signals[-2])
    assert shared is (site == "input")


def test_feedback_has_the_published_scale_and_is_shared_over_depth_and_site() -> None:
    rule = DirectFeedbackAlignment(Setup(256, 4, 10, 42))
    entries = rule.feedback.double()
    assert abs(float(entries.std()) - 1 / math.sqrt(10)) < 4 / math.sqrt(10) / math.sqrt(
        2 * entries.numel()
    )
    assert abs(float(entries.mean())) < 4 / math.sqrt(10) / math.sqrt(entries.numel())
    # std 1/sqrt(C) reproduces the published credit norm 4.5, at chance level: |e|^2 = .81 + 9/100 =
    # .9, so |a| = sqrt(256 / 10 * .9) = 4.8 at first, and less as training goes on.
    chance = rule.credit(
        ResidualMLP(3, 256, 4, 10, 0),
        [torch.empty(0)] * 5,
        torch.zeros(100, 10),
        torch.arange(100) % 10,
    )
    assert float(torch.stack(chance).norm(dim=2).mean()) == pytest.approx(4.8, rel=0.05)
    shared = DirectFeedbackAlignment(Setup(256, 4, 10, 42, "input")).feedback
    assert torch.equal(shared, rule.feedback[:4])
    assert torch.equal(DirectFeedbackAlignment(Setup(256, 2, 10, 42)).feedback, rule.feedback[:3])
    assert torch.equal(
        DirectFeedbackAlignment(Setup(16, 4, 10, 42)).feedback, rule.feedback[:, :16]
    )
    assert not torch.equal(DirectFeedbackAlignment(Setup(256, 4, 10, 43)).feedback, rule.feedback)
    assert all(
        not torch.equal(rule.feedback[i], rule.feedback[j]) for i in range(5) for j in range(i)
    )


def test_backpropagation_credit_is_the_gradient_of_the_sample_s_own_loss() -> None:
    network, (x, y) = network_of(), data(5)
    states, _ = states_of(network, x)
    signals = credit_of(Backpropagation(), network, x, y)
    for layer, h in enumerate(states):

        def loss(row: Tensor, label: Tensor, layer: int = layer) -> Tensor:
            state = row[None]
            for block in network.blocks[layer:]:
                state = block(state)
            return functional.cross_entropy(network.readout(state), label[None])

        torch.testing.assert_close(signals[layer], vmap(grad(loss))(h, y))
        for i in range(len(x)):  # and one sample at a time, by plain autograd
            row = h[i].clone().requires_grad_()
            (expected,) = torch.autograd.grad(loss(row, y[i]), row)
            torch.testing.assert_close(signals[layer][i], expected)


@every_rule
def test_credit_is_per_sample_whatever_the_batch_holds(rule: Rule) -> None:
    network, (x, y) = network_of(), data(8)
    whole = credit_of(rule, network, x, y)
    other_x, other_y = data(8, seed=9)
    mixed = credit_of(rule, network, torch.cat([x[:1], other_x]), torch.cat([y[:1], other_y]))
    alone = credit_of(rule, network, x[:1], y[:1])
    doubled = credit_of(rule, network, torch.cat([x, x]), torch.cat([y, y]))
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    shuffled = credit_of(rule, network, x[order], y[order])
    for layer in range(BLOCKS + 1):
        assert whole[layer].shape == (8, WIDTH)
        torch.testing.assert_close(mixed[layer][:1], whole[layer][:1])
        torch.testing.assert_close(alone[layer], whole[layer][:1])
        torch.testing.assert_close(doubled[layer], whole[layer].repeat(2, 1))
        torch.testing.assert_close(shuffled[layer], whole[layer][order])


@every_rule
def test_asking_for_credit_leaves_no_gradient_and_no_graph(rule: Rule) -> None:
    network, (x, y) = network_of(), data(3)
    with torch.no_grad():
        signals = credit_of(rule, network, x, y)
    assert not any(a.requires_grad for a in signals)
    assert all(p.grad is None for p in [*network.parameters(), *rule.parameters()])


@every_rule
def test_asking_for_credit_changes_neither_network_nor_rule_and_draws_nothing(rule: Rule) -> None:
    network, (x, y) = network_of(), data(3)
    before = [
        v.clone() for v in [*network.state_dict().values(), *rule.double().state_dict().values()]
    ]
    generator = torch.get_rng_state()
    first, again = (credit_of(rule, network, x, y) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    after = [*network.state_dict().values(), *rule.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize("make", RULES.values(), ids=RULES)
def test_two_rules_of_one_seed_are_one_whatever_the_global_generator_holds(
    make: Callable[[], Rule],
) -> None:
    torch.manual_seed(1)
    first = make().state_dict()
    torch.manual_seed(2)
    second = make().state_dict()
    assert list(first) == list(second)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_moving_against_the_true_gradient_lowers_that_samples_loss() -> None:
    network, (x, y) = network_of(), data(6)
    states, _ = states_of(network, x)
    for layer, (h, g) in enumerate(
        zip(states, state_gradients(network, states[0], y), strict=True)
    ):
        before, after = h, h - 1e-5 * g
        for block in network.blocks[layer:]:
            before, after = block(before), block(after)
        losses = [
            functional.cross_entropy(network.readout(s), y, reduction="none")
            for s in (before, after)
        ]
        change = losses[1] - losses[0]
        torch.testing.assert_close(change, -1e-5 * g.square().sum(1), rtol=1e-2, atol=1e-12)


@pytest.mark.parametrize("site", SITES)
def test_feedback_travels_with_the_checkpoint(site: str, tmp_path: Path) -> None:
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 5, site))
    assert set(rule.state_dict()) == {"feedback"}
    assert not list(rule.parameters())  # fixed: no optimiser can reach it
    network, (x, y) = network_of().float(), data(4)
    states, logits = states_of(network, x.float())
    before = rule.credit(network, states, logits, y)
    sha256 = save(network, rule, tmp_path / "c.safetensors")
    fresh = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, seed=999, credit_site=site))
    other = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed=999)
    assert not torch.equal(fresh.credit(other, states, logits, y)[0], before[0])
    load(other, fresh, tmp_path / "c.safetensors", sha256)
    states, logits = states_of(other, x.float())
    assert all(
        torch.equal(a, b)
        for a, b in zip(fresh.credit(other, states, logits, y), before, strict=True)
    )


def test_an_unknown_credit_site_is_refused() -> None:
    with pytest.raises(FaevalError, match=r"^credit_site='both' .*'output', 'input'\.$"):
        Setup(WIDTH, BLOCKS, CLASSES, 5, "both")


def test_a_rule_does_nothing_more_than_it_says() -> None:
    network, (x, y) = network_of(), data(3)
    states, logits = states_of(network, x)
    rule = DirectFeedbackAlignment(setup_of())
    assert rule.loss(network, states, logits, y) is None
    before = rule.feedback.clone()
    rule.after_step(network)
    assert torch.equal(rule.feedback, before)


def test_backpropagation_owns_nothing() -> None:
    assert not Backpropagation().state_dict()
