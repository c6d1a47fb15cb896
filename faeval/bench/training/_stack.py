"""All seeds of an arm in one run: parameters stacked, one vectorised step for all.

They are stacked along a first axis.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from faeval.bench.networks import Network
from faeval.bench.rules import (
    Backpropagation,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    SignSymmetric,
    WeightTransport,
    backward_through,
    linear_layers,
    output_error,
)
from faeval.bench.training._batches import Batches
from faeval.bench.training._loop import History
from faeval.bench.training._stacked_batches import epoch_of
from faeval.bench.training._step import Objective, Step, backward, freeze, local_step
from faeval.errors import FaevalError

# before a CUDA graph is recorded: the optimiser's state and the libraries' workspaces are there
# then
_EAGER_STEPS = 3


class NotStackable(FaevalError):
    """These replicates cannot be trained as one stack; the message says why.

    Train them one after another.
    """


def stackable(rule: Rule, network: Network) -> str | None:
    """Return why replicates of a rule and a network cannot be stacked, or None.

    What cannot be told from here (a rule that calls autograd by itself or whose loss reads the
    network's gradients, a network whose samples meet, anything random) is found by
    :func:`fit_stacked`, which compares its first step with
    :func:`faeval.bench.training.backward`, seed by seed.
    """
    name, kind = type(rule).__name__, type(rule)
    if kind.after_step not in (Rule.after_step, SignSymmetric.after_step):
        return f"rule {name} does something of its own after each step"
    if isinstance(rule, SignSymmetric) and rule.batchwise:
        return f"rule {name} draws its magnitudes anew after each step, from a stream of each seed"
    if isinstance(rule, KolenPollack) and type(rule).weights is not KolenPollack.weights:
        return f"rule {name} chooses its feedback weights by itself"
    if network.training and any(
        isinstance(module, nn.modules.batchnorm._NormBase) and module.track_running_stats
        for module in network.modules()
    ):
        return f"network {type(network).__name__} keeps running statistics"
    return None


def fit_stacked(
    networks: Sequence[Network],
    rules: Sequence[Rule],
    batches: Sequence[Batches],
    objective: Objective,
    *,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    after_epoch: Callable[[int, int], None] = lambda replicate, epoch: None,
) -> list[History]:
    """Train replicates of one arm in one run; each is as :func:`fit` would, up to rounding.

    Replicates share nothing but the schedule: each has its own weights, feedback, order, crops,
    flips and labels. One that diverges is left as it is at the end of that epoch, and the others go
    on untouched. On a CUDA device the step is recorded once as a CUDA graph and replayed.

    Parameters
    ----------
    networks, rules, batches
        One of each for every replicate, of the same shapes, on one device.
    objective, epochs, learning_rate, weight_decay
        As for ``fit``.
    after_epoch
        Called as ``after_epoch(replicate, epoch)`` when the weights of that replicate, of the
        position given, stand in its modules; not once it has diverged.

    Returns
    -------
    list of History
        One for each replicate.

    Raises
    ------
    NotStackable
        The rule or the network cannot be stacked, or a step is not the one that each replicate
        takes alone. Found within the first steps; begin anew, with fresh modules, one after
        another.
    """
    _check_replicates(networks, rules, batches)
    for network in networks:
        freeze(network, objective)
    stack = _Stack(networks, rules, objective)
    recorded = stack.device.type == "cuda"
    # A graph reads its learning rate from memory; elsewhere it is a number, as in fit.
    rate: Any = torch.tensor(learning_rate, device=stack.device) if recorded else learning_rate
    optimizer = torch.optim.AdamW(
        stack.trained, lr=rate, weight_decay=weight_decay, fused=True, capturable=recorded
    )  # elementwise, so that replicates do not meet in it
    summed = torch.zeros(len(networks), dtype=torch.float64, device=stack.device)

    def step(x: Tensor, y: Tensor) -> None:
        summed.add_(stack.backward(x, y))
        optimizer.step()

    def set_rate(now: float) -> None:
        if recorded:
            rate.fill_(now)
        else:
            optimizer.param_groups[0]["lr"] = now

    take = _Recorded(step, stack) if recorded else step
    total, step_number = epochs * batches[0].steps, 0
    losses: list[list[float]] = [[] for _ in networks]
    diverged: dict[int, int] = {}
    for epoch in range(1, epochs + 1):
        summed.zero_()
        for x, y in epoch_of(batches, epoch):
            set_rate(learning_rate * 0.5 * (1.0 + math.cos(math.pi * step_number / total)))
            if not step_number:
                stack.compare(networks, rules, x, y)
            take(x, y)
            step_number += 1
        means = (summed / batches[0].steps).tolist()
        finite = stack.finite()
        for replicate in [k for k in range(len(networks)) if k not in diverged]:
            stack.copy_back(replicate, networks[replicate], rules[replicate])
            if not math.isfinite(means[replicate]) or not finite[replicate]:
                diverged[replicate] = epoch
                continue
            losses[replicate].append(means[replicate])
            after_epoch(replicate, epoch)
        if len(diverged) == len(networks):
            break
    return [
        History(tuple(epoch_losses), diverged.get(replicate))
        for replicate, epoch_losses in enumerate(losses)
    ]


def _check_replicates(
    networks: Sequence[Network], rules: Sequence[Rule], batches: Sequence[Batches]
) -> None:
    if not networks or not len(networks) == len(rules) == len(batches):
        raise FaevalError(
            f"fit_stacked: {len(networks)} networks, {len(rules)} rules and {len(batches)} batches;"
            " give one of each for every replicate, at least one."
        )
    if len({(b.steps, b.size) for b in batches}) > 1:
        raise FaevalError(
            "fit_stacked: the batches differ in size or number; all replicates take the same steps."
        )
    for network, rule in zip(networks, rules, strict=True):
        if (reason := stackable(rule, network)) is not None:
            raise NotStackable(f"{reason}.")


class _Replicate(nn.Module):
    """One replicate's forward pass and credit, as a function of its tensors.

    It can be vectorised over replicates.
    """

    def __init__(self, network: Network, rule: Rule, objective: Objective) -> None:
        super().__init__()
        self.network, self.rule, self.objective = network, rule, objective

    def forward(
        self, x: Tensor, y: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return the loss, the tensors to go back from, their gradients, the rule's own loss."""
        step = local_step(self.network, self.rule, x, y, self.objective, _credit)
        return step.loss, step.roots, step.given, self._own_loss(step, y)

    def _own_loss(self, step: Step, y: Tensor) -> tuple[Tensor, ...]:
        if (
            step.logits is None or type(self.rule).loss is KolenPollack.loss
        ):  # that one reads gradients: see ``copied``
            return ()
        loss = self.rule.loss(self.network, list(step.states), step.logits, y)
        return () if loss is None else (loss,)


def _credit(
    rule: Rule, network: Network, states: list[Tensor], logits: Tensor, y: Tensor
) -> list[Tensor]:
    """Return a rule's credit.

    Those of ours that call autograd, which cannot be vectorised, by the same formula.
    """
    formula = type(rule).credit
    if formula is Backpropagation.credit:
        return _gradients(network, states[0], y)
    if formula is FeedbackAlignment.credit and isinstance(rule, FeedbackAlignment):
        logits, back = _pull(network.readout, states[-1])
        signals = [back(output_error(logits, y))[0]]
        for matrix in reversed(rule.feedback.unbind(0)):
            signals.append(signals[-1] @ matrix.T)
        return signals[::-1]
    if formula is WeightTransport.credit and isinstance(rule, WeightTransport):
        with backward_through(network, rule.weights(network)):
            return _gradients(network, states[0], y)
    return rule.credit(network, states, logits, y)


def _gradients(network: Network, h: Tensor, y: Tensor) -> list[Tensor]:
    """Return ``state_gradients``, a block at a time.

    They are the gradient of each sample's own cross-entropy at h_0 .. h_L.
    """
    pulls = []
    for block in network.blocks:
        h, pull = _pull(block, h)
        pulls.append(pull)
    logits, pull = _pull(network.readout, h)
    signals: list[Tensor] = [*pull(output_error(logits, y))]
    for pull in reversed(pulls):
        signals += pull(signals[-1])
    return signals[::-1]


def _pull(
    call: Callable[[Tensor], Tensor], h: Tensor
) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor]]]:
    """Return what a function gives, and the function that sends a signal back through it."""
    out, pull = cast(Any, vjp(call, h))
    return out, pull


class _Stack:
    """The tensors of all replicates, stacked, and the step's gradient in them."""

    def __init__(
        self, networks: Sequence[Network], rules: Sequence[Rule], objective: Objective
    ) -> None:
        self.objective = objective
        # The first replicate's modules are the shape of all; their tensors are replaced at each
        # call.
        self.model = _Replicate(networks[0], rules[0], objective)
        self.parameters = _stacked(
            [_parameters(n, r) for n, r in zip(networks, rules, strict=True)], "parameters"
        )
        self.buffers = _stacked(
            [_buffers(n, r) for n, r in zip(networks, rules, strict=True)], "buffers"
        )
        # A tensor that stands in several places of a network is one tensor here too.
        unique = {id(p): name for name, p in _parameters(networks[0], rules[0]).items()}
        unique |= {id(b): name for name, b in _buffers(networks[0], rules[0]).items()}
        self.places = {
            f"{prefix}.{name}".lstrip("."): unique[id(tensor)]
            for prefix, module in self.model.named_modules()
            for name, tensor in [
                *module.named_parameters(recurse=False),
                *module.named_buffers(recurse=False),
            ]
        }
        self.trained = [p for p in self.parameters.values() if p.requires_grad]
        self.own = [
            p for name, p in self.parameters.items() if name.startswith("rule.") and p.requires_grad
        ]
        self.device = self.trained[0].device
        self.copied: list[tuple[Tensor, Tensor]] = []
        rule = rules[0]
        if isinstance(rule, KolenPollack):
            layers, weights = linear_layers(networks[0]), rule.weights(networks[0])
            pairs = [
                (unique[id(weights[name])], unique[id(layer.weight)])
                for name, layer in layers.items()
            ]
            self.copied = [
                (self.parameters[feedback], self.parameters[weight]) for feedback, weight in pairs
            ]

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Leave each replicate's gradient in the stacked parameters.

        Return the losses (replicates,), detached.
        """
        for parameter in self.trained:
            parameter.grad = None
        tensors = {**self.parameters, **self.buffers}
        losses: Tensor
        places = {place: tensors[name] for place, name in self.places.items()}
        losses, roots, signals, own = vmap(self._one)(places, x, y)
        torch.autograd.backward(list(roots), list(signals))
        if (
            own and self.own
        ):  # into the rule's own parameters alone: nothing else learns from that loss
            torch.autograd.backward(own[0].sum(), inputs=self.own)
        for feedback, weight in self.copied:  # Kolen and Pollack 1994: V is told what W is told
            feedback.grad = None if weight.grad is None else weight.grad.clone()
        return losses

    def _one(self, tensors: dict[str, Tensor], x: Tensor, y: Tensor) -> Any:
        return functional_call(self.model, tensors, (x, y), tie_weights=False)

    def compare(
        self, networks: Sequence[Network], rules: Sequence[Rule], x: Tensor, y: Tensor
    ) -> None:
        """Raise NotStackable unless each replicate's loss and gradient are those it has alone."""
        name = f"rule {type(rules[0]).__name__} on network {type(networks[0]).__name__}"
        try:
            losses = self.backward(x, y)
        except (
            Exception
        ) as error:  # of the rule or the network: what cannot be vectorised, or is random
            first = str(error).splitlines()[0] if str(error) else ""
            raise NotStackable(
                f"{name} cannot be vectorised ({type(error).__name__}: {first})"
            ) from error
        for replicate, alone in enumerate(zip(networks, rules, strict=True)):
            network, rule = copy.deepcopy(alone)
            before = {key: value.clone() for key, value in _buffers(network, rule).items()}
            loss = backward(network, rule, x[replicate], y[replicate], self.objective)
            if any(
                not torch.equal(value, before[key])
                for key, value in _buffers(network, rule).items()
            ):
                raise NotStackable(f"{name} changes a buffer within a step")
            pairs = {
                key: (self.parameters[key].grad, p.grad)
                for key, p in _parameters(network, rule).items()
            }
            for key, (ours, theirs) in {"loss": (losses, loss), **pairs}.items():
                if (ours is None) is not (theirs is None) or (
                    ours is not None and theirs is not None and not _agree(ours[replicate], theirs)
                ):
                    raise NotStackable(
                        f"{name}: the stacked gradient in {key} is not the one it has alone"
                    )

    def finite(self) -> list[bool]:
        """Return for each replicate whether all that it trains is finite."""
        return [
            bool(v)
            for v in torch.stack([p.isfinite().reshape(len(p), -1).all(1) for p in self.trained])
            .all(0)
            .tolist()
        ]

    @torch.no_grad()
    def copy_back(self, replicate: int, network: Network, rule: Rule) -> None:
        """Leave a replicate's weights in its own modules."""
        for name, parameter in _parameters(network, rule).items():
            parameter.copy_(self.parameters[name][replicate])


def _parameters(network: Network, rule: Rule) -> dict[str, nn.Parameter]:
    return {
        f"{part}.{k}": p
        for part, m in (("network", network), ("rule", rule))
        for k, p in m.named_parameters()
    }


def _buffers(network: Network, rule: Rule) -> dict[str, Tensor]:
    return {
        f"{part}.{k}": b
        for part, m in (("network", network), ("rule", rule))
        for k, b in m.named_buffers()
    }


def _stacked(replicates: Sequence[Mapping[str, Tensor]], what: str) -> dict[str, Tensor]:
    first = replicates[0]
    for number, other in enumerate(replicates):
        if {k: (v.shape, v.dtype, v.device, v.requires_grad) for k, v in other.items()} != {
            k: (v.shape, v.dtype, v.device, v.requires_grad) for k, v in first.items()
        }:
            raise NotStackable(
                f"the {what} of replicate {number} differ from those of the first in name, shape or"
                " type"
            )
    return {
        name: (
            torch.stack([own[name].detach() for own in replicates]).requires_grad_(
                tensor.requires_grad
            )
        )
        for name, tensor in first.items()
    }


def _agree(ours: Tensor, theirs: Tensor) -> bool:
    """Whether two gradients are one up to rounding.

    Where one is not finite, the epoch's end says what became of it.
    """
    apart, size = float((ours - theirs).norm()), float(theirs.norm())
    return not math.isfinite(apart) or apart <= math.sqrt(torch.finfo(theirs.dtype).eps) * size


class _Recorded:
    """A step on a CUDA device: recorded once and replayed.

    The first few run as they are; a replay is one launch in place of hundreds.
    """

    def __init__(self, step: Callable[[Tensor, Tensor], None], stack: _Stack) -> None:
        self.step, self.stack = step, stack
        self.taken = 0
        self.graph: Any = None
        self.side = torch.cuda.Stream(stack.device)  # type: ignore[no-untyped-call] # torch's own

    def __call__(self, x: Tensor, y: Tensor) -> None:
        self.taken += 1
        if self.taken <= _EAGER_STEPS:
            here = torch.cuda.current_stream(x.device)
            self.side.wait_stream(here)
            with torch.cuda.stream(self.side):
                self.step(x, y)
            here.wait_stream(self.side)
        elif self.taken == _EAGER_STEPS + 1:
            self._record(x, y)
        elif self.graph is None:
            self.step(x, y)
        else:
            self.x.copy_(x)
            self.y.copy_(y)
            self.graph.replay()

    def _record(self, x: Tensor, y: Tensor) -> None:
        self.stack.backward(x, y)
        expected = [None if p.grad is None else p.grad.clone() for p in self.stack.trained]
        self.x, self.y = x.clone(), y.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.device(self.stack.device), torch.cuda.graph(graph):
                self.step(self.x, self.y)
        # something that waits for the device: nothing was executed, and the step is taken as it is
        except RuntimeError:
            self.step(x, y)
            return
        self.graph = graph
        graph.replay()
        for parameter, gradient in zip(self.stack.trained, expected, strict=True):
            if gradient is not None and (
                parameter.grad is None or not _agree(parameter.grad, gradient)
            ):
                raise NotStackable("the recorded step gives another gradient than the step itself")
