"""Rule: how a learning rule gives credit to the states of a network."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks import Network, evaluating
from faeval.errors import FaevalError
from faeval.experiment import stream

CREDIT_SITES = ("output", "input")


@dataclass(frozen=True)
class Setup:
    """What a rule is made for.

    Parameters
    ----------
    width, blocks, classes
        d, L and C of the network.
    seed
        All that a rule draws comes from named streams of this seed, ("feedback", ...).
    credit_site
        "output": block l learns from the credit at h_{l+1}. "input": block l learns from the credit
        at h_l, so that none needs a matrix for h_L; a rule with one matrix a state then has L, and
        h_L shares the last one with h_{L-1}.
    network
        The network itself, for rules that have a feedback weight for each forward one.
    """

    width: int
    blocks: int
    classes: int
    seed: int
    credit_site: str = "output"
    network: nn.Module | None = None

    def __post_init__(self) -> None:
        if self.credit_site not in CREDIT_SITES:
            raise FaevalError(
                f"credit_site={self.credit_site!r} is not one of"
                f" {', '.join(map(repr, CREDIT_SITES))}."
            )

    @property
    def signals(self) -> int:
        """How many matrices a rule with one for each state has.

        L + 1, or L at the credit site "input".
        """
        return self.blocks + 1 if self.credit_site == "output" else self.blocks


class Rule(nn.Module):
    """A learning rule: what each state of a network is told about the loss.

    What it owns (feedback matrices) is in its state dict, and so in every checkpoint.

    A rule of one's own is one small class: ``credit``, and where it needs them an ``__init__`` that
    takes the :class:`Setup` (and the rule's own factors by keyword), a ``loss``, an ``after_step``.
    Register it by ``faeval.register_rule(name, cls)``, and let ``faeval.testing.check_rule(cls)``
    try it.

    Examples
    --------
    >>> class SignOfError(Rule):
    ...     def __init__(self, setup):
    ...         super().__init__(setup)
    ...         shape = setup.signals, setup.width, setup.classes
    ...         self.register_buffer("feedback", draw_feedback(setup, shape))
    ...     def credit(self, network, states, logits, labels):
    ...         return through(self.feedback, output_error(logits, labels).sign(), len(states))
    >>> rule = SignOfError(Setup(width=8, blocks=2, classes=3, seed=1))
    >>> states, labels = [torch.randn(4, 8) for _ in range(3)], torch.tensor([0, 1, 2, 0])
    >>> [tuple(a.shape) for a in rule.credit(None, states, torch.randn(4, 3), labels)]
    [(4, 8), (4, 8), (4, 8)]
    """

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()

    @abstractmethod
    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the credit signal at each state h_0 .. h_L.

        Parameters
        ----------
        network
            The network that the states come from.
        states
            h_0 .. h_L, each (n, d), detached.
        logits, labels
            (n, classes), detached, and (n,).

        Returns
        -------
        list of Tensor
            One (n, d) tensor a state, per sample: moving h_l against it is what the rule believes
            to lower that sample's own cross-entropy. Never scaled by the batch.
        """

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return a scalar that the rule's own parameters are to lower in this step.

        None, the default, where there is none.

        Called in training after the network's gradients are there, as ``.grad`` of its parameters;
        a loss that reads them keeps replicates from training as one stack. Only the rule's
        parameters learn from it, whatever it depends on; the optimiser is the network's.
        """
        return None

    def after_step(self, network: Network) -> None:
        """Do what the rule does once the weights were updated; by default nothing."""


def output_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of cross-entropy: e = softmax(logits) - onehot(labels), (n, classes)."""
    return functional.softmax(logits, dim=1) - functional.one_hot(labels, logits.shape[1]).to(
        logits.dtype
    )


def through(feedback: Tensor, signal: Tensor, states: int) -> list[Tensor]:
    """Send one signal (n, C) to all states by fixed matrices (count, d, C): s B_l^T.

    The last serves all states beyond it.
    """
    count, width, classes = feedback.shape
    projections = (
        (signal @ feedback.reshape(count * width, classes).T).reshape(-1, count, width).unbind(1)
    )
    return [projections[min(layer, count - 1)] for layer in range(states)]


Distribution = Literal["gaussian", "uniform"]


def draw_feedback(
    setup: Setup,
    shape: tuple[int, int, int],
    distribution: Distribution = "gaussian",
    role: str = "feedback",
) -> Tensor:
    """Draw ``shape[0]`` fixed matrices, each from a stream of its own.

    Entries have mean 0 and variance 1 / columns.

    Parameters
    ----------
    setup
        Names the seed.
    shape
        (count, rows, columns).
    distribution
        "gaussian", or "uniform" of the same variance.

    Returns
    -------
    Tensor
        float32, ``shape``. A signal of unit variance in each column leaves with unit variance in
        each row.
    """
    count, rows, columns = shape
    if distribution not in ("gaussian", "uniform"):
        raise FaevalError(f"feedback={distribution!r} is not one of 'gaussian', 'uniform'.")
    matrices = []
    for layer in range(count):
        draw = stream(setup.seed, role, layer)
        if distribution == "gaussian":
            matrices.append(draw.standard_normal((rows, columns)))
        else:
            matrices.append(draw.uniform(-math.sqrt(3.0), math.sqrt(3.0), (rows, columns)))
    if not matrices:
        return torch.empty(shape)
    return (torch.stack([torch.from_numpy(m) for m in matrices]) / math.sqrt(columns)).float()


@dataclass(frozen=True)
class Trace:
    """The states, logits and gradients of one forward and one backward pass.

    States h_0 .. h_L (n, d), logits (n, classes), gradients (n, d) at each state.
    """

    states: list[Tensor]
    logits: Tensor
    gradients: list[Tensor]


def trace(network: Network, h0: Tensor, labels: Tensor) -> Trace:
    """Run the blocks from h_0; return states, logits, and each sample's own gradient.

    The gradient is that of the sample's cross-entropy.

    The losses are summed over samples, never averaged: a mean would scale every gradient by 1/n.
    Samples do not meet in the network, so the gradient of the sum at one sample's state is that
    sample's own. A network in training mode may let them meet, or move running statistics;
    gradients are therefore those of evaluation mode, and nothing in it moves.
    """
    with evaluating(network), torch.enable_grad():
        states = [h0.detach().requires_grad_()]
        for block in network.blocks:
            states.append(block(states[-1]))
        logits = network.readout(states[-1])
        gradients = torch.autograd.grad(
            functional.cross_entropy(logits, labels, reduction="sum"), states
        )
    return Trace([state.detach() for state in states], logits.detach(), list(gradients))


def state_gradients(network: Network, h0: Tensor, labels: Tensor) -> list[Tensor]:
    """Return the gradient of each sample's own cross-entropy at h_0 .. h_L, each (n, d).

    See :func:`trace`.
    """
    return trace(network, h0, labels).gradients


def output_gradient(network: Network, last: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of each sample's own cross-entropy at h_L, (n, d).

    It needs the readout alone.

    As for :func:`trace`, in evaluation mode.
    """
    with evaluating(network), torch.enable_grad():
        h = last.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(
            functional.cross_entropy(network.readout(h), labels, reduction="sum"), h
        )
    return gradient
