"""The contract of a block-structured network, and the check that one meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from faeval.errors import FaevalError

_CONTRACT = (
    "a network gives embed(x) -> h_0 (n, d), blocks, an nn.ModuleList whose members map h_l to"
    " h_{l+1} of the same shape, and readout(h_L) -> logits (n, classes)"
)


class Network(nn.Module):
    """The contract of a network: any nn.Module with the three names meets it.

    Deriving from this class is a convenience.

    A block may also name what it adds to the stream, ``branch(h)``, with ``block(h) == h +
    block.branch(h)``: then the penalty acts on the branch alone, as it should in a residual
    network. The penalty of a block without one acts on all of its output.

    A state is one row a sample. A network of tokens or feature maps flattens them, to (n, tokens *
    d) or (n, channels * side^2); each block gives them their shape, computes, and flattens again.
    Rules and audits then give and read credit for each token, or each entry of a map, without
    knowing of either.

    A network may also name the part of a state whose size is of interest, ``observed(h) -> (n,
    k)``, such as the class token: norms of states, credit and gradients, and growth, are then of
    that part. All else is of the whole state.

    Examples
    --------
    >>> class Plain(Network):
    ...     def __init__(self, features, width, blocks, classes, seed):
    ...         super().__init__()
    ...         self.embed = nn.Sequential(nn.Flatten(), nn.Linear(features, width))
    ...         block = lambda: nn.Sequential(nn.Linear(width, width), nn.Tanh())
    ...         self.blocks = nn.ModuleList(block() for _ in range(blocks))
    ...         self.readout = nn.Linear(width, classes)
    >>> check_network(Plain(5, 8, 2, 3, 0), torch.randn(4, 5), classes=3)
    8
    """

    # Declared, not defined: each may be a method or a module, and a method here would hide a module
    # of that name.
    embed: Callable[[Tensor], Tensor]  #: inputs (n, ...) -> h_0, (n, d)
    blocks: nn.ModuleList  #: each h_l -> h_{l+1}, (n, d)
    readout: Callable[[Tensor], Tensor]  #: h_L -> logits, (n, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, classes) of inputs (n, ...)."""
        return logits_of(self, x)


def logits_of(network: Network, x: Tensor) -> Tensor:
    """Return the logits (n, classes) of inputs, through embedding, blocks and readout."""
    h = network.embed(x)
    for block in network.blocks:
        h = block(h)
    return network.readout(h)


@torch.no_grad()
def states_of(network: Network, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the states h_0 .. h_L of inputs, each (n, d), and the logits."""
    states = [network.embed(x)]
    for block in network.blocks:
        states.append(block(states[-1]))
    return states, network.readout(states[-1])


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Set a network to evaluation mode for a while.

    Each of its modules has its own mode again afterwards.
    """
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


@torch.no_grad()
def check_network(network: Any, x: Tensor, classes: int) -> int:
    """Return the width d of a network that meets the contract on inputs x, at least two.

    Nothing is changed.

    Raises
    ------
    FaevalError
        Something of the contract is missing, of a wrong shape or type, not finite, or a branch is
        not what its block adds; or a sample's logits depend on which other samples stand beside it
        (batch statistics in evaluation mode).
    """
    name = type(network).__name__
    if not isinstance(network, nn.Module):
        raise FaevalError(f"network {network!r} ({name}) is no torch.nn.Module; {_CONTRACT}.")
    for part in ("embed", "readout"):
        if not callable(getattr(network, part, None)):
            raise FaevalError(f"network {name} has no {part}(); {_CONTRACT}.")
    blocks = getattr(network, "blocks", None)
    if not isinstance(blocks, nn.ModuleList) or not len(blocks):
        raise FaevalError(
            f"network {name}: blocks={_brief(blocks)} must be an nn.ModuleList of at least one;"
            f" {_CONTRACT}."
        )
    with evaluating(network):
        return _probe(cast(Network, network), name, x, classes)


def _probe(network: Network, name: str, x: Tensor, classes: int) -> int:
    h = _called(network.embed, x, f"network {name}: embed")
    if h.ndim != 2 or len(h) != len(x) or not h.shape[1]:
        raise FaevalError(
            f"network {name}: embed gives the shape {tuple(h.shape)} for {len(x)} inputs; it must"
            " be (n, d), tokens or feature maps flattened, and each block gives them their shape"
            " again."
        )
    for number, block in enumerate(network.blocks):
        where = f"network {name}: blocks[{number}]"
        after = _called(block, h, where)
        if after.shape != h.shape:
            raise FaevalError(
                f"{where} maps the shape {tuple(h.shape)} to {tuple(after.shape)}; every state has"
                " one shape."
            )
        branch = getattr(block, "branch", None)
        if branch is not None:
            added = _called(branch, h, f"{where}.branch")
            if added.shape != h.shape or not torch.allclose(
                h + added, after, rtol=1e-4, atol=1e-4 * float(after.abs().max())
            ):
                raise FaevalError(
                    f"{where}: block(h) is not h + branch(h); let branch return what the block adds"
                    " to the stream, or leave it out."
                )
        h = after
    observed = getattr(network, "observed", None)
    if observed is not None:
        part = _called(observed, h, f"network {name}: observed")
        if part.ndim != 2 or len(part) != len(h) or not part.shape[1]:
            raise FaevalError(
                f"network {name}: observed gives the shape {tuple(part.shape)} for a state of shape"
                f" {tuple(h.shape)}; it must be (n, k), the part of each row whose norm is logged."
            )
    logits = _called(network.readout, h, f"network {name}: readout")
    if logits.shape != (len(x), classes):
        raise FaevalError(
            f"network {name}: readout gives the shape {tuple(logits.shape)}; {len(x)} inputs of"
            f" {classes} classes need {(len(x), classes)}."
        )
    alone = logits_of(network, x[:1])
    if not torch.allclose(alone, logits[:1], rtol=1e-3, atol=1e-3 * float(logits.abs().max())):
        raise FaevalError(
            f"network {name}: a sample's logits depend on the others in its batch, in evaluation"
            " mode too; credit and gradient are per sample, so samples must not meet in the"
            " network."
        )
    return h.shape[1]


def _called(call: Any, x: Tensor, where: str) -> Tensor:
    try:
        out = call(x)
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        raise FaevalError(
            f"{where} fails on inputs of shape {tuple(x.shape)} ({type(error).__name__}: {first});"
            f" {_CONTRACT}."
        ) from error
    if not isinstance(out, Tensor) or not out.is_floating_point():
        raise FaevalError(f"{where} returns {_brief(out)}; {_CONTRACT}.")
    if not bool(out.isfinite().all()):
        raise FaevalError(
            f"{where} gives NaN or infinity before any training; check its initialisation and the"
            " inputs."
        )
    return out


def _brief(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of type {value.dtype}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"a {type(value).__name__}"
    return f"{value!r} ({type(value).__name__})"
