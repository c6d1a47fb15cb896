"""The backward pass with other weights.

Rules share it that replace each W by a feedback weight of its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn

from faeval.bench.networks import Network
from faeval.bench.rules._rule import Rule, Setup, state_gradients
from faeval.errors import FaevalError


def linear_layers(network: nn.Module) -> dict[str, nn.Linear]:
    """Return the linear layers that credit passes on its way down, by name.

    Those of the blocks and of the readout.
    """
    layers = {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)
    }
    embedding = getattr(network, "embedding", getattr(network, "embed", None))
    before = set(embedding.modules()) if isinstance(embedding, nn.Module) else set()
    return {name: module for name, module in layers.items() if module not in before}


class WeightTransport(Rule):
    """A rule that sends credit as backpropagation does, with its own weights for each W.

    Every linear layer of blocks and readout passes credit through its feedback weight instead of
    its forward one; skips, nonlinearities and norms pass it on exactly, as is standard for residual
    networks. No state is exact by construction, since the readout's weight is replaced too. At the
    credit site "input" block l learns from the signal at h_l as it is: there is no matrix of a
    state that the last two could share.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.network is None or not linear_layers(setup.network):
            raise FaevalError(
                f"{type(self).__name__} needs a network with linear layers (torch.nn.Linear) in"
                " setup.network."
            )
        for name, module in getattr(setup.network, "blocks", nn.Module()).named_modules(
            prefix="blocks"
        ):
            if isinstance(module, nn.Linear) or all(
                p.ndim < 2 for p in module.parameters(recurse=False)
            ):
                continue
            raise FaevalError(
                f"{type(self).__name__} sends credit through weights of its own in place of those"
                f" of linear layers (torch.nn.Linear); {name} ({type(module).__name__}) holds other"
                " weights, which credit would pass exactly. Take a rule that needs no weights of"
                " the network, such as dfa or fa, or a network of linear layers."
            )

    def weights(self, network: Network) -> Mapping[str, Tensor]:
        """Return by linear layer the weight (out, in) that credit passes through."""
        raise NotImplementedError

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the gradients that the other weights give; see :meth:`Rule.credit`."""
        with backward_through(network, self.weights(network)):
            return state_gradients(network, states[0], labels)


@contextmanager
def backward_through(network: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Let gradients pass named linear layers through other weights (out, in).

    What the layers compute stays as it is.
    """
    handles = [
        network.get_submodule(name).register_forward_hook(_hook(weight))
        for name, weight in weights.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(weight: Tensor) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
    def replace(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        back = inputs[0] @ weight.detach().T
        return cast(
            Tensor, (back - back.detach()) + output.detach()
        )  # exactly the output; its gradient goes back through ``weight``

    return replace
