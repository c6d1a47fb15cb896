"""A learning rule on the bench: one credit site, and what its properties are tried on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from faeval.bench.networks import ResidualMLP, states_of
from faeval.bench.rules import Rule, Setup
from faeval.bench.training import Objective
from faeval.errors import FaevalError
from faeval.experiment import stream

FEATURES, WIDTH, BLOCKS, CLASSES, SAMPLES = 5, 6, 3, 4, 7

Make = Callable[[Setup], Rule]
Formula = Callable[[Rule, ResidualMLP, list[Tensor], Tensor, Tensor], Sequence[Any]]
Step = Callable[[ResidualMLP, Rule, Tensor, Tensor, Objective], Any]


@dataclass(frozen=True)
class Approximation:
    """What a rule that approximates the gradient promises at every state: direction and magnitude.

    Parameters
    ----------
    cosine
        The least mean cosine between credit and gradient.
    magnitude
        The range of the ratio of their norms, over all samples of a state together.
    """

    cosine: float
    magnitude: tuple[float, float] = (0.0, float("inf"))


@dataclass
class RuleBench:
    """One rule at one credit site, and what its properties are tried on."""

    make: Make
    site: str
    formula: Formula | None
    exact: tuple[int, ...]
    approximate: Approximation | None
    step: Step
    tolerance: float
    network: ResidualMLP = field(init=False)
    rule: Rule = field(init=False)

    def __post_init__(self) -> None:
        self.network = network_of(1)
        self.rule = self.made(1, self.network)
        draw = stream(1, "check")
        self.x = torch.from_numpy(draw.standard_normal((SAMPLES, FEATURES)))
        self.y = torch.from_numpy(draw.integers(0, CLASSES, SAMPLES))

    def made(self, seed: int, network: ResidualMLP) -> Rule:
        rule = self.make(Setup(WIDTH, BLOCKS, CLASSES, seed, self.site, network))
        if not isinstance(rule, Rule):
            raise FaevalError(
                f"check_rule: {rule!r} ({type(rule).__name__}) was made, which is no"
                " faeval.bench.rules.Rule."
            )
        return rule.double()

    def credit(self, rule: Rule | None = None, keep: Any = slice(None)) -> list[Tensor]:
        """Return the credit of some samples."""
        states, logits = states_of(self.network, self.x)
        with torch.no_grad():
            arguments = (
                [h[keep].clone() for h in states],
                logits[keep].clone(),
                self.y[keep].clone(),
            )
            return [a.clone() for a in (rule or self.rule).credit(self.network, *arguments)]

    def gradients(
        self, rule: Rule, penalty: float = 0.0, scale: str = "error"
    ) -> dict[str, Tensor]:
        """Return the gradient that the step leaves in each parameter of the network."""
        self.network.zero_grad(set_to_none=True)
        self.step(self.network, rule, self.x, self.y, Objective(penalty, self.site, scale))
        signals = {
            n: torch.zeros_like(p) if p.grad is None else p.grad.clone()
            for n, p in self.network.named_parameters()
        }
        self.network.zero_grad(set_to_none=True)
        return signals


def network_of(seed: int) -> ResidualMLP:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed).double()
    with torch.no_grad():
        for (
            name,
            value,
        ) in network.named_parameters():  # away from the start, where blocks add almost nothing
            value.add_(
                torch.from_numpy(
                    0.3 * stream(seed, "check", name).standard_normal(tuple(value.shape))
                )
            )
    return network
