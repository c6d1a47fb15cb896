"""The training step against automatic differentiation of each loss as `backward` documents it."""

from __future__ import annotations

import math
import re
from functools import partial
from itertools import product
from typing import Any

import mpmath  # type: ignore[import-untyped] # it ships no types
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks import Block, Network, ResidualMLP, StudentNet
from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    DirectRandomTargetProjection,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    Setup,
    SignSymmetric,
    draw_feedback,
    output_error,
    state_gradients,
    through,
)
from faeval.bench.training import Objective, backward, check_credit, freeze, unit_credit
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES, N = 7, 6, 3, 4, 9
Gradients = dict[str, Tensor]


class TrueGradient(Rule):
    """Backpropagation's credit as somebody's own rule: it takes the local way."""

    def credit(
        self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return state_gradients(network, states[0], labels)


class OneState(Rule):
    """Credit at one state only, to see who listens to it."""

    def __init__(self, layer: int) -> None:
        super().__init__()
        self.layer = layer

    def credit(
        self, network: ResidualMLP, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return [torch.ones_like(h) * (layer == self.layer) for layer, h in enumerate(states)]


KINDS: dict[str, dict[str, Any]] = {
    "residual": {},
    "no-skip": {"residual": False},
    "bare": {"residual": False, "terminal_norm": False, "hidden": 2.0},
    "student": {"nonlinearity": 0.3},
}


def network_of(seed: int = 0, kind: str = "residual") -> Network:
    make = StudentNet if kind == "student" else ResidualMLP
    network: Network = make(FEATURES, WIDTH, BLOCKS, CLASSES, seed, **KINDS[kind]).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def data(n: int = N, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((n, FEATURES))), torch.from_numpy(
        draw.integers(0, CLASSES, n)
    )


OWN = {
    "dfa": DirectFeedbackAlignment,
    "drtp": DirectRandomTargetProjection,
    "fa": FeedbackAlignment,
    "sign_symmetric": SignSymmetric,
    "batchwise": partial(SignSymmetric, magnitude="batchwise"),
    "kolen_pollack": KolenPollack,
}


def rule_of(name: str, objective: Objective, network: Network | None = None) -> Rule:
    if name in OWN:
        setup = Setup(WIDTH, BLOCKS, CLASSES, 5, objective.credit_site, network or network_of())
        return OWN[name](setup).double()
    return {"bp": Backpropagation, "true": TrueGradient}[name]()


def taken(
    network: Network, rule: Rule, x: Tensor, y: Tensor, objective: Objective
) -> tuple[float, Gradients]:
    network.zero_grad(set_to_none=True)
    loss = float(backward(network, rule, x, y, objective))
    return loss, {
        n: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for n, p in network.named_parameters()
    }


def credit_by_hand(network: Network, rule: Rule, states: list[Tensor], y: Tensor) -> list[Tensor]:
    if type(rule) is DirectFeedbackAlignment:
        error = torch.softmax(network.readout(states[-1]), 1).detach()
        error[range(len(y)), y] -= 1
        matrices = list(rule.feedback)
        matrices += matrices[-1:] * (BLOCKS + 1 - len(matrices))
        return [error @ matrix.T for matrix in matrices]
    if not isinstance(
        rule, Backpropagation | TrueGradient
    ):  # held to its formula in tests/bench/rules
        return rule.credit(network, states, network.readout(states[-1]).detach(), y)
    leaf = states[0].clone().requires_grad_()
    chain = [leaf]
    for block in network.blocks:
        chain.append(block(chain[-1]))
    losses = functional.cross_entropy(network.readout(chain[-1]), y, reduction="none")
    return list(torch.autograd.grad(losses.sum(), chain))


def added(block: nn.Module, h: Tensor) -> Tensor:
    """What the penalty and the block's own loss are about: what a residual block adds, all that
    another one gives.
    """
    f: Tensor = block.branch(h) if isinstance(block, Block) else block(h)
    return f


def written(network: Network, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> Gradients:
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
        f = added(block, states[layer])
        a = credit[layer + 1 if objective.credit_site == "output" else layer]
        descend(
            ((f * a).sum(1) + objective.penalty * f.square().sum(1)).sum() / n,
            (f"blocks.{layer}.",),
        )
    descend(functional.cross_entropy(network.readout(states[-1]), y), ("norm.", "head."))
    return found


OBJECTIVES = [
    Objective(penalty, site, scale)
    for penalty, site, scale in product((0.0, 1e-2, 0.7), ("output", "input"), ("error", "unit"))
]


# Plain backpropagation, credit at the output as it is, is global: it has a test of its own.
LOCAL = [
    (name, objective)
    for name, objective in product(("bp", "true", *OWN), OBJECTIVES)
    if name != "bp" or (objective.credit_site, objective.credit_scale) != ("output", "error")
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "objective"), LOCAL, ids=str)
def test_each_parameter_is_told_the_gradient_of_its_own_written_loss(
    name: str, objective: Objective, kind: str
) -> None:
    network, (x, y) = network_of(kind=kind), data()
    rule = rule_of(name, objective, network)
    loss, gradients = taken(network, rule, x, y, objective)
    expected = written(network, rule, x, y, objective)
    assert set(gradients) == set(expected)
    for parameter, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[parameter])
    assert loss == pytest.approx(
        functional.cross_entropy(network.readout(forward(network, x)), y).item()
    )


def forward(network: Network, x: Tensor) -> Tensor:
    h = network.embed(x)
    for block in network.blocks:
        h = block(h)
    return h


def entropy_and_penalties(
    network: Network, x: Tensor, y: Tensor, first: int = 0
) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy, and the sum over blocks from ``first`` on of the batch mean of
    |f_l|^2.
    """
    h, squares = network.embed(x), torch.zeros((), dtype=torch.float64)
    for layer, block in enumerate(network.blocks):
        if layer >= first:
            squares = squares + added(block, h).square().sum(1).mean()
        h = block(h)
    return functional.cross_entropy(network.readout(h), y), squares


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", [0.0, 1e-2, 0.7])
def test_plain_backpropagation_is_the_gradient_of_cross_entropy_plus_all_penalties(
    penalty: float, kind: str
) -> None:
    network, (x, y) = network_of(kind=kind), data()
    loss, gradients = taken(network, Backpropagation(), x, y, Objective(penalty))
    entropy, squares = entropy_and_penalties(network, x, y)
    names, values = zip(*network.named_parameters(), strict=True)
    expected = torch.autograd.grad(entropy + penalty * squares, values)
    for name, gradient in zip(names, expected, strict=True):
        torch.testing.assert_close(gradients[name], gradient)
    assert loss == pytest.approx(
        entropy.item()
    )  # the penalty is no part of the loss that is reported


@pytest.mark.parametrize("site", ["output", "input"])
def test_a_step_without_a_skip_by_hand(site: str) -> None:
    # A layer of StudentNet: f = phi(z), z = W h + b, phi'(z) = (1 - a) + a (1 - tanh^2 z). Its
    # loss, with h and the credit c held fixed, is mean_i <f_i, c_i> + penalty |f_i|^2; so dW =
    # mean_i ((c_i + 2 penalty f_i) phi'(z_i)) h_i^T.
    network, (x, y), objective, a = network_of(kind="student"), data(), Objective(0.2, site), 0.3
    rule = rule_of("dfa", objective)
    _, gradients = taken(network, rule, x, y, objective)
    p = {name: value.detach().numpy() for name, value in network.named_parameters()}
    h = [x.numpy() @ p["embedding.weight"].T + p["embedding.bias"]]
    zs = []
    for layer in range(BLOCKS):
        zs.append(h[-1] @ p[f"blocks.{layer}.linear.weight"].T + p[f"blocks.{layer}.linear.bias"])
        h.append((1 - a) * zs[-1] + a * np.tanh(zs[-1]))
    logits = h[-1] @ p["head.weight"].T + p["head.bias"]
    e = np.exp(logits) / np.exp(logits).sum(1, keepdims=True) - np.eye(CLASSES)[y.numpy()]
    matrices = rule.get_buffer("feedback").numpy()
    expected = {"head.weight": e.T @ h[-1] / N, "head.bias": e.mean(0)}
    signal = e @ matrices[0].T
    expected |= {"embedding.weight": signal.T @ x.numpy() / N, "embedding.bias": signal.mean(0)}
    for layer, z in enumerate(zs):
        credit = e @ matrices[layer + 1 if site == "output" else layer].T
        told = (credit + 2 * 0.2 * h[layer + 1]) * ((1 - a) + a * (1 - np.tanh(z) ** 2))
        expected |= {
            f"blocks.{layer}.linear.weight": told.T @ h[layer] / N,
            f"blocks.{layer}.linear.bias": told.mean(0),
        }
    assert set(gradients) == set(expected)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient.numpy(), expected[name], rtol=1e-9, atol=1e-12)


def test_the_local_way_with_the_true_gradient_at_the_output_is_backpropagation() -> None:
    # Credit at the output is backpropagation's own local form; without a penalty the two are one.
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
        torch.testing.assert_close(
            torch.stack([part[parameter] for part in parts]).mean(0), gradient
        )


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
            f = added(block, states[layer])
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
    seed=st.integers(0, 9999),
    exponents=st.lists(st.integers(-30, 30), min_size=1, max_size=5),
    d=st.integers(1, 6),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_unit_credit_has_root_mean_square_one_at_any_norm(
    seed: int, exponents: list[int], d: int, dtype: torch.dtype
) -> None:
    rows = (
        np.random.default_rng(seed).standard_normal((len(exponents), d))
        * 10.0 ** np.array(exponents)[:, None]
    )
    credit = torch.from_numpy(rows).to(dtype)
    unit = unit_credit(credit)
    assert unit.dtype == dtype
    rtol = 1e-5 if dtype == torch.float32 else 1e-13
    for given_row, row in zip(credit.tolist(), unit.tolist(), strict=True):
        rms = mpmath.sqrt(mpmath.fsum(mpmath.mpf(v) ** 2 for v in given_row) / d)
        assert row == pytest.approx(
            [float(mpmath.mpf(v) / rms) for v in given_row], rel=rtol, abs=rtol * 1e-3
        )
        assert math.sqrt(sum(v * v for v in row) / d) == pytest.approx(1.0, rel=rtol)


def test_unit_credit_keeps_zero_rows_zero_and_shows_what_is_not_finite() -> None:
    credit = torch.tensor([[0.0, 0.0], [3e-42, -3e-42], [1e38, 0.0], [float("nan"), 1.0]])
    unit = unit_credit(credit)
    assert unit[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(
        unit[1], torch.tensor([1.0, -1.0])
    )  # subnormal, and still a direction
    torch.testing.assert_close(unit[2], torch.tensor([math.sqrt(2), 0.0]))
    assert bool(unit[3].isnan().any())


def test_an_objective_without_arguments_is_the_standard_form() -> None:
    assert Objective() == Objective(
        penalty=0.0, credit_site="output", credit_scale="error", trained_blocks=None
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"penalty": -1}, "penalty=-1 must be a number of at least 0."),
        ({"penalty": -1e-9}, "penalty=-1e-09 must be a number of at least 0."),
        ({"penalty": math.nan}, "penalty=nan must be a number of at least 0."),
        ({"penalty": -math.inf}, "penalty=-inf must be a number of at least 0."),
        ({"credit_site": "both"}, "credit_site='both' is not one of 'output', 'input'."),
        ({"credit_site": None}, "credit_site=None is not one of 'output', 'input'."),
        ({"credit_scale": "rms"}, "credit_scale='rms' is not one of 'error', 'unit'."),
        (
            {"trained_blocks": -1},
            "trained_blocks=-1 of 3 blocks; give 0 (the frozen baseline) to 3.",
        ),
        ({"trained_blocks": 4}, "trained_blocks=4 of 3 blocks; give 0 (the frozen baseline) to 3."),
    ],
    ids=str,
)
def test_an_illegal_value_of_an_objective_is_one_clear_error(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(FaevalError, match=f"^{re.escape(message)}$"):
        Objective(**wrong).frozen(BLOCKS)


def test_how_many_of_the_first_blocks_do_not_learn() -> None:
    assert [Objective(trained_blocks=k).frozen(4) for k in (None, 4, 3, 1, 0)] == [0, 0, 1, 3, 4]


@pytest.mark.parametrize("rule", ["bp", "dfa"])
def test_more_trained_blocks_than_there_are_is_refused_before_anything_is_computed(
    rule: str,
) -> None:
    network, (x, y) = network_of(), data()
    for wrong in (-1, BLOCKS + 1):
        objective = Objective(trained_blocks=wrong)
        for act in (
            lambda o: freeze(network, o),
            lambda o: backward(network, rule_of(rule, o), x, y, o),
        ):
            with pytest.raises(FaevalError, match=rf"^trained_blocks={wrong} of 3 blocks"):
                act(objective)
    assert all(p.grad is None and p.requires_grad for p in network.parameters())


# Blocks that do not learn.

FREEZABLE = [
    ("bp", Objective()),
    ("bp", Objective(0.1)),
    *((n, o) for n, o in LOCAL if o.penalty in (0.0, 0.7)),
]


def in_block(name: str, low: int, high: int) -> bool:
    return name.startswith("blocks.") and low <= int(name.split(".")[1]) < high


@pytest.mark.parametrize("k", range(BLOCKS + 1))
@pytest.mark.parametrize(("name", "objective"), FREEZABLE, ids=str)
def test_trained_blocks_are_told_what_they_are_told_when_all_learn(
    name: str, objective: Objective, k: int
) -> None:
    (x, y), network = data(), network_of()
    rule = rule_of(name, objective)
    _, whole = taken(network, rule, x, y, objective)
    part = Objective(
        objective.penalty, objective.credit_site, objective.credit_scale, trained_blocks=k
    )
    freeze(network, part)
    taken(network, rule, x, y, part)
    for parameter, p in network.named_parameters():
        if in_block(parameter, 0, BLOCKS - k):
            assert not p.requires_grad
            assert p.grad is None, parameter
            continue
        assert p.requires_grad
        assert p.grad is not None, parameter
        if parameter.startswith("embedding.") and (name, objective) == ("bp", Objective(0.1)):
            continue  # the sum of fewer penalties reaches it: the test below
        assert torch.equal(p.grad, whole[parameter]), parameter
        assert bool((p.grad != 0).any())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", range(BLOCKS + 1))
def test_the_penalty_of_backpropagation_acts_on_trained_blocks_alone(k: int, kind: str) -> None:
    network, (x, y), objective = network_of(kind=kind), data(), Objective(0.3, trained_blocks=k)
    entropy, squares = entropy_and_penalties(network, x, y, first=BLOCKS - k)
    learning = {n: p for n, p in network.named_parameters() if not in_block(n, 0, BLOCKS - k)}
    expected = torch.autograd.grad(entropy + 0.3 * squares, list(learning.values()))
    freeze(network, objective)
    loss, gradients = taken(network, Backpropagation(), x, y, objective)
    for name, gradient in zip(learning, expected, strict=True):
        torch.testing.assert_close(gradients[name], gradient)
    assert loss == pytest.approx(entropy.item())


@pytest.mark.parametrize("name", OWN)
def test_the_frozen_baseline_s_embedding_moves_by_the_rule_s_own_credit_and_its_head_by_the_loss(
    name: str,
) -> None:
    network, (x, y), objective = network_of(), data(), Objective(trained_blocks=0)
    rule = rule_of(name, objective)
    states = [network.embed(x).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
    a_0 = credit_by_hand(network, rule, states, y)[0].numpy()
    error = (
        torch.softmax(network.readout(states[-1]), 1).detach().numpy() - np.eye(CLASSES)[y.numpy()]
    )
    inner = network.norm(states[-1]).detach().numpy()  # type: ignore[operator] # a module
    freeze(network, objective)
    _, gradients = taken(network, rule, x, y, objective)
    # <W x + b, a_0> in W is a_0 x^T; the cross-entropy in the head's weight is e u^T, u what the
    # head is given.
    np.testing.assert_allclose(
        gradients["embedding.weight"].numpy(), a_0.T @ x.numpy() / N, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        gradients["embedding.bias"].numpy(), a_0.mean(0), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        gradients["head.weight"].numpy(), error.T @ inner / N, rtol=1e-9, atol=1e-12
    )


def test_frozen_blocks_are_counted_from_the_first_and_only_they_are_frozen() -> None:
    for k in (None, *range(BLOCKS + 1)):
        network = network_of()
        freeze(network, Objective(trained_blocks=k))
        frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
        count = 0 if k is None else BLOCKS - k
        assert frozen == {
            name for name, _ in network.named_parameters() if in_block(name, 0, count)
        }


# A rule's own parameters.


class Learner(DirectFeedbackAlignment):
    """A rule with parameters, whose loss asks for as much of the network as it can, and remembers
    when it was asked.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.gain = nn.Parameter(torch.tensor([2.0, 3.0]))
        self.idle = nn.Parameter(torch.tensor(1.0))  # no part of the loss
        self.fixed = nn.Parameter(torch.tensor(1.0), requires_grad=False)
        self.asked: list[dict[str, Tensor]] = []
        self.given: list[tuple[list[Tensor], Tensor, Tensor]] = []

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        self.asked.append(
            {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
        )
        self.given.append((states, logits, labels))
        again = network.readout(network.blocks[0](states[0]))  # with a graph back into the network
        size = sum(p.square().sum() for p in network.parameters())
        return (self.gain.square().sum() * self.fixed) * (1.0 + 0.0 * again.sum()) + 0.0 * size


@pytest.mark.parametrize("objective", [Objective(), Objective(0.1, "input", "unit", 1)], ids=str)
def test_a_rule_s_loss_teaches_the_rule_and_leaks_nothing_into_the_network(
    objective: Objective,
) -> None:
    network, (x, y) = network_of(), data()
    setup = Setup(WIDTH, BLOCKS, CLASSES, 5, objective.credit_site)
    learner = Learner(setup).double()
    plain_loss, plain = taken(network, DirectFeedbackAlignment(setup).double(), x, y, objective)
    loss, gradients = taken(network, learner, x, y, objective)
    assert loss == plain_loss
    assert all(torch.equal(gradients[name], gradient) for name, gradient in plain.items())
    assert learner.gain.grad is not None
    assert learner.gain.grad.tolist() == [4.0, 6.0]  # d(2^2 + 3^2)
    assert learner.idle.grad is None
    assert learner.fixed.grad is None


def test_a_rule_s_loss_is_asked_once_a_step_when_the_network_s_gradients_are_there() -> None:
    network, (x, y) = network_of(), data()
    learner = Learner(Setup(WIDTH, BLOCKS, CLASSES, 5)).double()
    for step in (1, 2):
        _, gradients = taken(network, learner, x, y, Objective())
        assert len(learner.asked) == step
        assert set(learner.asked[-1]) == set(gradients)
        assert all(torch.equal(g, gradients[name]) for name, g in learner.asked[-1].items())
    states, logits, labels = learner.given[-1]
    assert not any(t.requires_grad for t in [*states, logits])  # as credit gets them
    assert torch.equal(states[-1], forward(network, x))
    assert torch.equal(logits, network.readout(states[-1]))
    assert labels is y


def test_a_rule_that_asks_for_nothing_teaches_nothing() -> None:
    class Silent(Learner):
        def loss(
            self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> Tensor | None:
            return None

    network, (x, y) = network_of(), data()
    rule = Silent(Setup(WIDTH, BLOCKS, CLASSES, 5)).double()
    taken(network, rule, x, y, Objective())
    assert all(p.grad is None for p in rule.parameters())


# What a rule gives, tried before training.


class Credit(Rule):
    """A rule by what it does to a good one's signals."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change
        self.register_buffer("matrix", torch.zeros(2, 7))

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        found: list[Tensor] = self.change([torch.zeros_like(h) for h in states])
        return found


def at(layer: int, change: Any) -> Any:
    return lambda signals: [change(a) if i == layer else a for i, a in enumerate(signals)]


def failing(signals: list[Tensor]) -> list[Tensor]:
    raise ArithmeticError("no credit\nis given here")


BROKEN = {
    "one signal too few": (
        lambda s: s[1:],
        r"^rule Credit gives 3 signals; credit returns one tensor for each of the 4 st",
    ),
    "one signal too many": (lambda s: [*s, s[0]], r"^rule Credit gives 5 signals; "),
    "a tensor of all": (torch.stack, r"^rule Credit gives Tensor; "),
    "nothing": (lambda s: None, r"^rule Credit gives NoneType; "),
    "a signal that is none": (
        at(2, lambda a: None),
        r"^rule Credit gives h_2 the credit NoneType; it must be torch\.float64",
    ),
    "a signal of another width": (
        at(1, lambda a: a[:, 1:]),
        r"gives h_1 the credit .* \(9, 5\); it must be .* \(9, 6\)\.$",
    ),
    "one signal for the batch": (
        at(0, lambda a: a.mean(0)),
        r"^rule Credit gives h_0 the credit torch\.float64 \(6,\)",
    ),
    "a signal of another type": (
        at(3, lambda a: a.float()),
        r"^rule Credit gives h_3 the credit torch\.float32 \(9, 6\)",
    ),
    "NaN": (
        at(3, lambda a: a * torch.nan),
        r"^rule Credit gives h_3 a credit of NaN or infinity before any training\.$",
    ),
    "infinity": (
        at(0, lambda a: a + torch.inf),
        r"^rule Credit gives h_0 a credit of NaN or infinity",
    ),
    "an exception": (
        failing,
        (
            r"fails on 4 states of shape \(9, 6\) and 4 classes \(ArithmeticError: no credit\); it"
            r" owns mat"
        ),
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_each_violation_of_what_credit_gives_is_named(change: Any, message: str) -> None:
    network, (x, y) = network_of(), data()
    with pytest.raises(FaevalError, match=message) as info:
        check_credit(Credit(change), network, x, y)
    assert type(info.value) is FaevalError
    assert "\n" not in str(info.value)


def test_a_matrix_of_the_wrong_shape_is_the_error_that_is_meant() -> None:
    network, (x, y) = network_of(), data()
    narrow = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES + 1, 5)).double()
    with pytest.raises(FaevalError, match=r"^rule DirectFeedbackAlignment .*feedback \(4, 6, 5\)"):
        check_credit(narrow, network, x, y)
    deaf = TrueGradient()
    deaf.credit = None  # type: ignore[assignment,method-assign] # what is tested
    with pytest.raises(FaevalError, match=r"^rule TrueGradient .*\b4 states .*\bnothing\b"):
        check_credit(deaf, network, x, y)


@pytest.mark.parametrize("name", ["bp", "true", *OWN])
def test_every_rule_of_ours_passes_and_leaves_network_and_rule_as_they_were(name: str) -> None:
    network, (x, y) = network_of(), data()
    rule = rule_of(name, Objective(), network)
    before = [v.clone() for v in [*network.state_dict().values(), *rule.state_dict().values()]]
    generator = torch.get_rng_state()
    check_credit(rule, network, x, y)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            before, [*network.state_dict().values(), *rule.state_dict().values()], strict=True
        )
    )
    assert all(p.grad is None for p in [*network.parameters(), *rule.parameters()])
    assert torch.equal(torch.get_rng_state(), generator)


def test_signals_may_come_as_a_tuple() -> None:
    network, (x, y) = network_of(), data()
    check_credit(Credit(tuple), network, x, y)


def test_a_rule_in_a_few_lines_takes_the_local_way() -> None:
    class SignOfError(Rule):  # the example of Rule's docstring
        def __init__(self, setup: Setup) -> None:
            super().__init__(setup)
            self.register_buffer(
                "feedback", draw_feedback(setup, (setup.signals, setup.width, setup.classes))
            )

        def credit(
            self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> list[Tensor]:
            return through(
                self.get_buffer("feedback"), output_error(logits, labels).sign(), len(states)
            )

    for objective in OBJECTIVES:
        network, (x, y) = network_of(), data()
        rule = SignOfError(Setup(WIDTH, BLOCKS, CLASSES, 5, objective.credit_site)).double()
        _, gradients = taken(network, rule, x, y, objective)
        expected = written(network, rule, x, y, objective)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, expected[name])
