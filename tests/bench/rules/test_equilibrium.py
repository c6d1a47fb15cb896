"""Equilibrium propagation: its phases against their definition, and its credit against the gradient
that it tends to.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits import cosine
from faeval.bench.networks import ResidualMLP, StudentNet, states_of
from faeval.bench.rules import EquilibriumPropagation, Setup, state_gradients
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 7, 6, 3, 4
SETUP = Setup(WIDTH, BLOCKS, CLASSES, 1)


def networks() -> dict[str, Any]:
    found: dict[str, Any] = {
        "residual_mlp": ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 0),
        "student": StudentNet(FEATURES, WIDTH, BLOCKS, CLASSES, 0),
    }
    draw = torch.Generator().manual_seed(0)
    for network in found.values():
        network.double().requires_grad_(False)
        with torch.no_grad():
            for value in network.parameters():
                value.add_(0.2 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return found


def data(n: int = 5) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.standard_normal((n, FEATURES))), torch.from_numpy(
        draw.integers(0, CLASSES, n)
    )


def apart(
    network: Any, beta: float, relaxation: int = 1500, *, symmetric: bool = False, rate: float = 0.5
) -> float:
    """How far the credit lies from the gradient, relative to it, the worst state."""
    x, y = data()
    states, logits = states_of(network, x)
    rule = EquilibriumPropagation(
        SETUP, beta=beta, relaxation=relaxation, rate=rate, symmetric=symmetric
    )
    credit, gradients = (
        rule.credit(network, states, logits, y),
        state_gradients(network, states[0], y),
    )
    return max(float((a - g).norm() / g.norm()) for a, g in zip(credit, gradients, strict=True))


@pytest.mark.parametrize(
    ("steps", "close"), [(400, 5e-3), pytest.param(1500, 1e-5, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", networks())
def test_a_small_nudge_and_a_long_relaxation_give_the_gradient(
    name: str, steps: int, close: float
) -> None:
    network = networks()[name]
    assert apart(network, 1e-4, steps, symmetric=True) < close
    assert apart(network, 1e-6, steps) < close


@pytest.mark.slow
def test_the_error_is_of_the_order_that_the_theory_says() -> None:
    # One-sided it falls with beta, symmetric with beta^2 (Laborieux et al. 2021): ten times less
    # nudge, 10 and 100 times.
    network = networks()["residual_mlp"]
    one_sided = [apart(network, beta) for beta in (0.3, 0.03)]
    symmetric = [apart(network, beta, symmetric=True) for beta in (0.3, 0.03)]
    assert math.log10(one_sided[0] / one_sided[1]) == pytest.approx(1, abs=0.1)
    assert math.log10(symmetric[0] / symmetric[1]) == pytest.approx(2, abs=0.1)


def test_a_longer_relaxation_comes_closer() -> None:
    network = networks()["residual_mlp"]
    errors = [apart(network, 1e-5, steps) for steps in (4, 12, 36, 108, 324)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1 * errors[0]


def test_a_nudge_climbs_one_state_a_step() -> None:
    network, (x, y) = networks()["residual_mlp"], data()
    states, logits = states_of(network, x)
    for steps in range(1, BLOCKS + 2):
        credit = EquilibriumPropagation(SETUP, relaxation=steps).credit(network, states, logits, y)
        reached = [bool((a.abs() > 1e-14).any()) for a in credit]
        assert reached == [layer > BLOCKS - steps for layer in range(BLOCKS + 1)]


def test_the_free_phase_is_the_least_of_the_energy() -> None:
    # Without a nudge nothing moves: the states of the forward pass have energy 0, and no state
    # less.
    network, (x, y) = networks()["residual_mlp"], data()
    states, logits = states_of(network, x)
    for a in EquilibriumPropagation(SETUP, beta=1e-300).credit(network, states, logits, y):
        assert not bool(a.isnan().any())
    rule = EquilibriumPropagation(SETUP)
    for u, h in zip(rule._pulled(network, states, y, 0.0), states, strict=True):
        assert float(u.abs().max()) <= 1e-12 * float(h.abs().max())


def test_the_nudged_phase_lowers_energy_and_cost_together() -> None:
    network, (x, y) = networks()["residual_mlp"], data()
    states, _ = states_of(network, x)
    beta = 0.5

    @torch.no_grad()
    def objective(steps: int) -> float:
        pulled = EquilibriumPropagation(SETUP, beta=beta, relaxation=steps)._pulled(
            network, states, y, beta
        )
        u = [states[0] + pulled[0]]
        for block, e in zip(network.blocks, pulled[1:], strict=True):
            u.append(block(u[-1]) + e)
        cost = functional.cross_entropy(network.readout(u[-1]), y, reduction="sum")
        return float((sum(e.square().sum() for e in pulled) / 2 + beta * cost).detach())

    course = [objective(steps) for steps in (1, 2, 4, 8, 16, 32)]
    assert course == sorted(course, reverse=True)
    assert course[0] < float(
        beta * functional.cross_entropy(network.readout(states[-1]), y, reduction="sum")
    )


@pytest.mark.parametrize("stretch", [1.0, 8.0, 100.0])
def test_the_descent_does_not_run_away_however_far_blocks_stretch(stretch: float) -> None:
    # Blocks whose only weight is a multiple of the identity: at a fixed rate r a descent needs r (1
    # + s)^2 < 2.
    network: Any = (
        StudentNet(FEATURES, WIDTH, BLOCKS, CLASSES, 0, nonlinearity=0.0)
        .double()
        .requires_grad_(False)
    )
    for block in network.blocks:
        block.linear.weight.copy_(stretch * torch.eye(WIDTH))
    network.head.weight.mul_(stretch**-BLOCKS)  # a cost that is not saturated
    x, y = data()
    states, logits = states_of(network, x)
    rule = EquilibriumPropagation(SETUP)
    for layer, (a, g) in enumerate(
        zip(
            rule.credit(network, states, logits, y),
            state_gradients(network, states[0], y),
            strict=True,
        )
    ):
        assert bool((a.norm(dim=1) <= 2 * g.norm(dim=1)).all()), layer
    assert (
        float(
            cosine(
                rule.credit(network, states, logits, y)[-1],
                state_gradients(network, states[0], y)[-1],
            ).min()
        )
        > 0.9
    )


def test_each_sample_descends_at_a_rate_of_its_own() -> None:
    network, (x, y) = networks()["residual_mlp"], data(6)
    states, logits = states_of(network, x)
    rule = EquilibriumPropagation(
        SETUP, rate=20.0
    )  # halved time and again, for some samples more often than for others
    whole = rule.credit(network, states, logits, y)
    for i in range(len(x)):
        alone = rule.credit(
            network, [h[i : i + 1] for h in states], logits[i : i + 1], y[i : i + 1]
        )
        for a, b in zip(alone, whole, strict=True):
            torch.testing.assert_close(a[0], b[i])


@pytest.mark.parametrize(
    ("factors", "says"),
    [
        ({"beta": 0.0}, r"ep: beta=0\.0 \(float\) must be a number above 0"),
        ({"beta": math.nan}, r"ep: beta=nan \(float\) must be a number above 0"),
        ({"rate": -0.1}, r"ep: rate=-0\.1 \(float\) must be a number above 0"),
        ({"relaxation": 0}, r"ep: relaxation=0 \(int\) must be at least one step"),
    ],
)
def test_factors_that_no_relaxation_could_use_are_refused(
    factors: dict[str, Any], says: str
) -> None:
    with pytest.raises(FaevalError, match=says):
        EquilibriumPropagation(SETUP, **factors)
