"""Equilibrium propagation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.func import grad
from torch.nn import functional

from faeval.bench.networks import Network, evaluating
from faeval.bench.rules._rule import Rule, Setup
from faeval.errors import FaevalError


class EquilibriumPropagation(Rule):
    """EP: a free against a nudged phase on an energy of the states (Scellier and Bengio 2017).

    Theirs is the energy of a Hopfield network, with the same weights both ways. That of the blocks
    of a forward pass is one of prediction errors, as in predictive coding: E(u) = 1/2 |u_0 - h_0|^2
    + 1/2 sum_l |u_{l+1} - block_l(u_l)|^2 has its least value, 0, at the states of the forward
    pass: that is the free phase. The nudged phase starts there and descends E + beta C, C each
    sample's cross-entropy, in ``relaxation`` steps. What a block's own parameters see of it is how
    far the state above was pulled from what the block makes of the state below, so the credit is
    that contrast over beta, a_l = (block_{l-1}(u_{l-1}) - u_l) / beta, and (h_0 - u_0) / beta at
    h_0. In the free phase it is 0; as beta goes to 0 and the descent gets long it becomes the
    gradient at h_l (Whittington and Bogacz 2017 of an energy of this form, Millidge et al. 2023 of
    it and of equilibrium propagation in general).

    Parameters
    ----------
    setup
        Nothing is drawn.
    beta
        Strength of the nudge, above 0. The default is that of the deeper networks in Scellier and
        Bengio 2017.
    relaxation
        Steps of the nudged phase; a nudge climbs one state a step. Scellier and Bengio took 4, 6
        and 8 steps for one to three hidden layers, two more a layer: 12 is that for the five states
        of four blocks.
    rate
        Length of a step, above 0; theirs. They hold states within bounds; here a step that would
        raise a sample's E + beta C is not taken, and the sample's rate is halved from then on. Such
        a descent cannot run away, however far blocks stretch a change of their input.
    symmetric
        Nudge both ways and take half the difference of the two contrasts: the error is then of
        beta^2 (Laborieux et al. 2021).

    Notes
    ----- Where blocks stretch far, steps get short and the descent is cut off early: the credit is
    then shorter than the gradient (``norm_ratio``), above all at early states. States are relaxed
    in the type they are given in: in float32 a nudge under 1e-7 of a state's size is lost to
    rounding, and audits, which read the credit in float64, do not see that loss. No state is exact
    by construction.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        beta: float = 1.0,
        relaxation: int = 12,
        rate: float = 0.5,
        symmetric: bool = False,
    ) -> None:
        super().__init__(setup)
        for name, value in (("beta", beta), ("rate", rate)):
            if not value > 0:
                raise FaevalError(
                    f"ep: {name}={value!r} ({type(value).__name__}) must be a number above 0."
                )
        if relaxation < 1:
            raise FaevalError(
                f"ep: relaxation={relaxation!r} ({type(relaxation).__name__}) must be at least one"
                " step."
            )
        self.beta, self.relaxation, self.rate, self.symmetric = beta, relaxation, rate, symmetric

    @torch.no_grad()
    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the contrast of both phases at each state, of the network in evaluation mode.

        See :meth:`Rule.credit`.
        """
        with evaluating(
            network
        ):  # samples must not meet in the energy, nor running statistics move
            return self._contrast(network, states[0], labels)

    def _contrast(self, network: Network, h0: Tensor, labels: Tensor) -> list[Tensor]:
        free = [h0]
        for block in network.blocks:
            free.append(block(free[-1]))
        pulled = self._pulled(network, free, labels, self.beta)
        if not self.symmetric:
            return [-apart / self.beta for apart in pulled]
        pushed = self._pulled(network, free, labels, -self.beta)
        return [
            (away - apart) / (2.0 * self.beta) for away, apart in zip(pushed, pulled, strict=True)
        ]

    def _pulled(
        self, network: Network, free: list[Tensor], labels: Tensor, beta: float
    ) -> list[Tensor]:
        """Relax from the free phase under a nudge.

        Return each state less what the block below makes of the one below it.
        """

        def nudged(states: list[Tensor]) -> tuple[Tensor, tuple[Tensor, list[Tensor]]]:
            steps = [
                free[0],
                *(block(u) for block, u in zip(network.blocks, states[:-1], strict=True)),
            ]
            apart = [u - m for u, m in zip(states, steps, strict=True)]
            energy = torch.stack([a.square().sum(dim=1) for a in apart]).sum(dim=0) / 2
            total = energy + beta * functional.cross_entropy(
                network.readout(states[-1]), labels, reduction="none"
            )
            return total.sum(), (
                total,
                apart,
            )  # samples do not meet: each slope is of its own total

        look: Callable[[list[Tensor]], Any] = grad(nudged, has_aux=True)
        states = free
        slopes, (total, apart) = look(states)
        rate = torch.full_like(total, self.rate)[:, None]
        for _ in range(self.relaxation):
            moved = [u - rate * slope for u, slope in zip(states, slopes, strict=True)]
            after, (lowered, further) = look(moved)
            # Rounding is no rise; and what is NaN is not taken.
            accepted = (lowered <= total + 4 * torch.finfo(total.dtype).eps * total.abs())[:, None]

            def choose(
                new: list[Tensor], old: list[Tensor], accepted: Tensor = accepted
            ) -> list[Tensor]:
                return [torch.where(accepted, a, b) for a, b in zip(new, old, strict=True)]

            states, slopes, apart = (
                choose(moved, states),
                choose(after, slopes),
                choose(further, apart),
            )
            total, rate = (
                torch.where(accepted[:, 0], lowered, total),
                torch.where(accepted, rate, rate / 2),
            )
        return cast(list[Tensor], apart)
