"""Bridges: credit through a learned module.

It sees a state, its depth and the output error, and nothing of what is between.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import grad, vjp
from torch.nn import functional
from torch.nn.utils import skip_init

from faeval.bench.networks import Network, evaluating
from faeval.bench.rules._rule import Rule, Setup, output_error
from faeval.errors import FaevalError
from faeval.experiment import stream


class Bridge(Rule):
    """One network for all states, read at (h_l, t_l, s), that learns beside the blocks.

    The published audit names the inputs and no more; the rest is the plainest choice. t_l = l / L;
    s is the output error e, as direct feedback alignment sends it. The state passes a LayerNorm
    without weights first, so that a bridge sees its direction whatever its size. One hidden layer
    of d units and GELU, started as PyTorch starts its linear layers; the optimiser, its schedule
    and its decay are the network's.
    """

    def __init__(self, setup: Setup, outputs: int, *, bias: bool = True) -> None:
        super().__init__(setup)
        self.first = _undrawn(setup.width + 1 + setup.classes, setup.width)
        self.second = _undrawn(setup.width, outputs, bias=bias)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                layer: nn.Linear = getattr(self, name.partition(".")[0])
                bound = 1.0 / math.sqrt(layer.in_features)
                draw = stream(setup.seed, "feedback", name).uniform(
                    -bound, bound, tuple(parameter.shape)
                )
                parameter.copy_(torch.from_numpy(draw))

    def read(self, states: Tensor, error: Tensor) -> Tensor:
        """Return what the bridge makes of states and errors: (L + 1, n, outputs).

        States are h_0 .. h_L, (L + 1, n, d); errors are (n, C).

        FaevalError where d or C is not that of the setup.
        """
        (count, n, width), classes = states.shape, error.shape[-1]
        widths = (self.second.in_features, self.first.in_features - 1 - self.second.in_features)
        if (width, classes) != widths:
            raise FaevalError(
                f"{type(self).__name__} was made for states of {widths[0]} numbers and"
                f" {widths[1]} classes, and is given {width} and {classes}; let Setup have the"
                " width of a whole state, network.embed(x).shape[1], and the classes of the logits."
            )
        depth = torch.linspace(0.0, 1.0, count, dtype=states.dtype, device=states.device)
        parts = [functional.layer_norm(states, (width,)), depth[:, None, None].expand(count, n, 1)]
        inputs = torch.cat([*parts, error.expand(count, n, -1)], dim=-1)
        return cast(Tensor, self.second(functional.gelu(self.first(inputs))))


class StateBridge(Bridge):
    """SB: credit through a learned last state, a_l = dC(head(norm(G(h_l, t_l, s))))/dh_l.

    G learns to predict h_L, as the modules of decoupled interfaces learn what they stand in for
    (Jaderberg et al. 2017), by the squared error over all states, relative to the squared norm of
    h_L. Told to every state: the output error (C numbers), h_L itself (d numbers, as the target of
    G), the label, and the readout's weights, both ways. Never the gradient at another state, nor a
    weight of another block.

    Parameters
    ----------
    setup
        Sizes and seed.

    Notes
    -----
    h_L is one more state to guess from, with t = 1, so that no state is exact by construction.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, outputs=setup.width)

    @torch.no_grad()
    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the gradient of each sample's cross-entropy through G at each state.

        See :meth:`Rule.credit`.
        """
        error = output_error(logits, labels)

        def guess(h: Tensor) -> Tensor:
            return network.readout(self.read(h, error).flatten(0, 1))

        with evaluating(network):
            guessed, back = cast(Any, vjp(guess, torch.stack(states)))
        (signals,) = back(output_error(guessed, labels.repeat(len(states))))
        return list(signals.unbind(0))

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return the mean over states of |G - h_L|^2 / |h_L|^2, both summed over the batch."""
        return _relative(self.read(torch.stack(states), output_error(logits, labels)), states[-1])


class CreditBridge(Bridge):
    """CB: credit as the slope of a learned value, a_l = dV(h_l, t_l, s)/dh_l.

    Terminal-gradient matching: V learns that its slope at every state be the gradient g_L of the
    cross-entropy at h_L, which the readout alone gives. Slopes alone are fitted, the part of
    Sobolev training (Czarnecki et al. 2017) that is about derivatives, and not the loss: the error
    s determines a sample's cross-entropy, so that a value fitted to it could leave h_l out and have
    no slope. Told to every state: the output error (C numbers) and g_L (d numbers, as the target).
    Never the gradient at another state, nor a weight of another block; but where blocks add little
    to the stream, g_L is close to the gradient at every state.

    Parameters
    ----------
    setup
        Sizes and seed.

    Notes
    ----- The error of the slopes is squared and summed over the batch, relative to the squared norm
    of g_L. h_L is one more state, with t = 1, so that no state is exact by construction.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, outputs=1, bias=False)  # a constant has no slope

    @torch.no_grad()
    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the slope of V at each state; see :meth:`Rule.credit`."""
        return list(self._slopes(states, output_error(logits, labels)).unbind(0))

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return the mean over states of |dV/dh - g_L|^2 / |g_L|^2, both summed over the batch."""
        with evaluating(network):
            last, back = cast(Any, vjp(network.readout, states[-1]))
        (terminal,) = back(output_error(last, labels))
        return _relative(self._slopes(states, output_error(logits, labels)), terminal.detach())

    def _slopes(self, states: list[Tensor], error: Tensor) -> Tensor:
        return cast(Tensor, grad(lambda h: self.read(h, error).sum())(torch.stack(states)))


def _undrawn(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer whose weights are not set.

    PyTorch's own start draws from its global generator.
    """
    layer = skip_init(nn.Linear, inputs, outputs, bias=bias)  # type: ignore[no-untyped-call]
    return cast(nn.Linear, layer)


def _relative(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error of states against one target, relative to its size.

    States (L + 1, n, d), target (n, d).
    """
    size = target.square().sum()
    return (estimate - target).square().sum() / (len(estimate) * torch.where(size > 0, size, 1.0))
