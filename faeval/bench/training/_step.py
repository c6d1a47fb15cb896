"""One training step: what each parameter is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks import Network, evaluating, states_of
from faeval.bench.rules import Backpropagation, Rule
from faeval.errors import FaevalError

CREDIT_SCALES = ("error", "unit")
Credit = Callable[[Rule, Network, list[Tensor], Tensor, Tensor], list[Tensor]]


@dataclass(frozen=True)
class Objective:
    """How credit becomes a loss.

    Parameters
    ----------
    penalty
        Weight of the squared Euclidean norm of each block's output, batch mean.
    credit_site
        "output": block l learns from the credit at h_{l+1}. "input": from the credit at h_l.
    credit_scale
        "error": the credit as the rule gives it. "unit": each sample's credit divided by its root
        mean square.
    trained_blocks
        How many blocks learn, counted from the last; None is all of them. The others stay as they
        are; embedding, terminal norm and head learn always, the embedding by the rule's own credit.
        0 is the frozen baseline of that rule.
    """

    penalty: float = 0.0
    credit_site: str = "output"
    credit_scale: str = "error"
    trained_blocks: int | None = None

    def __post_init__(self) -> None:
        if not self.penalty >= 0.0:
            raise FaevalError(f"penalty={self.penalty!r} must be a number of at least 0.")
        if self.credit_site not in ("output", "input"):
            raise FaevalError(f"credit_site={self.credit_site!r} is not one of 'output', 'input'.")
        if self.credit_scale not in CREDIT_SCALES:
            raise FaevalError(f"credit_scale={self.credit_scale!r} is not one of 'error', 'unit'.")

    def frozen(self, blocks: int) -> int:
        """Return how many of the first blocks do not learn."""
        if self.trained_blocks is None:
            return 0
        if not 0 <= self.trained_blocks <= blocks:
            raise FaevalError(
                f"trained_blocks={self.trained_blocks!r} of {blocks} blocks; give 0 (the frozen"
                f" baseline) to {blocks}."
            )
        return blocks - self.trained_blocks


def freeze(network: Network, objective: Objective) -> None:
    """Take the parameters of blocks that do not learn out of training, weight decay included."""
    for block in network.blocks[: objective.frozen(len(network.blocks))]:
        block.requires_grad_(False)


def backward(network: Network, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> Tensor:
    """Leave the step's gradient in every parameter; return the mean cross-entropy, detached.

    Local form: block l moves to lower <f_l(h_l), a> + penalty |f_l(h_l)|^2 with h_l and a held
    fixed; the embedding to lower <h_0, a_0>; terminal norm and head to lower the cross-entropy; all
    of them batch means. Those losses are linear or quadratic in the outputs f_l, so their
    gradients, a + 2 penalty f_l, are handed to autograd directly.

    Plain backpropagation (credit at the output, as it is) is the ordinary gradient of the
    cross-entropy plus the sum of the penalties, which then act on earlier blocks through the stream
    as well.

    Blocks that do not learn have no penalty either. The rule's own parameters learn from the rule's
    loss alone.
    """
    step = local_step(network, rule, x, y, objective)
    torch.autograd.backward(step.roots, step.given)
    _teach(rule, network, step, y)
    return step.loss


@dataclass(frozen=True)
class Step:
    """What a step hands to autograd: tensors to go back from, and the gradient of each.

    ``states`` and ``logits`` are detached; empty and None for plain backpropagation, whose rule
    owns nothing.
    """

    loss: Tensor
    roots: tuple[Tensor, ...]
    given: tuple[Tensor, ...]
    states: tuple[Tensor, ...] = ()
    logits: Tensor | None = None


def local_step(
    network: Network,
    rule: Rule,
    x: Tensor,
    y: Tensor,
    objective: Objective,
    credit_of: Credit | None = None,
) -> Step:
    """Run the network forward and work out what :func:`backward` hands to autograd.

    ``credit_of(rule, network, states, logits, labels)`` stands in for the rule's own credit where
    that cannot be vectorised over replicates.
    """
    if isinstance(rule, Backpropagation) and (objective.credit_site, objective.credit_scale) == (
        "output",
        "error",
    ):
        return _global(network, x, y, objective)
    n, frozen = len(x), objective.frozen(len(network.blocks))
    h = network.embed(x)
    states, outputs = [h], []
    for number, block in enumerate(network.blocks):
        h = states[-1].detach()
        with torch.set_grad_enabled(number >= frozen):
            f, advance = _output(block, h)
        outputs.append(f)
        states.append(advance(f.detach()))
    logits = network.readout(states[-1].detach())
    loss = functional.cross_entropy(logits, y)
    fixed, fixed_logits = [state.detach() for state in states], logits.detach()
    with torch.no_grad():
        credit = (
            credit_of(rule, network, fixed, fixed_logits, y)
            if credit_of
            else rule.credit(network, fixed, fixed_logits, y)
        )
        if objective.credit_scale == "unit":
            credit = [unit_credit(a) for a in credit]
        taught = credit[1:] if objective.credit_site == "output" else credit[:-1]
        signals = [a / n for a in taught[frozen:]]
        outputs = outputs[frozen:]
        if objective.penalty:
            signals = [
                a + (2.0 * objective.penalty / n) * f for a, f in zip(signals, outputs, strict=True)
            ]
        weights = (torch.ones_like(loss), credit[0] / n, *signals)
    return Step(loss.detach(), (loss, states[0], *outputs), weights, tuple(fixed), fixed_logits)


def _teach(rule: Rule, network: Network, step: Step, labels: Tensor) -> None:
    """Leave in the rule's own parameters the gradient of its loss.

    Nothing else learns from that loss.
    """
    own = [p for p in rule.parameters() if p.requires_grad]
    if not own or step.logits is None:
        return
    loss = rule.loss(network, list(step.states), step.logits, labels)
    if loss is not None:
        # Not by autograd.grad: a gradient of other strides than its parameter's, as it may give, is
        # misread by fused AdamW.
        torch.autograd.backward(loss, inputs=own)


def _output(block: nn.Module, h: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return what a block computes from h, f(h), and how the next state is made of it."""
    branch = getattr(block, "branch", None)
    if branch is None:
        return block(h), lambda f: f
    return branch(h), lambda f: h + f


def _global(network: Network, x: Tensor, y: Tensor, objective: Objective) -> Step:
    frozen = objective.frozen(len(network.blocks))
    h = network.embed(x)
    squares = h.new_zeros(())
    for number, block in enumerate(network.blocks):
        f, advance = _output(block, h)
        if objective.penalty and number >= frozen:
            squares = squares + f.square().sum()
        h = advance(f)
    loss = functional.cross_entropy(network.readout(h), y)
    whole = loss + (objective.penalty / len(x)) * squares if objective.penalty else loss
    return Step(loss.detach(), (whole,), (torch.ones_like(whole),))


def unit_credit(credit: Tensor) -> Tensor:
    """Return each sample's credit (n, d) divided by its root mean square; a zero row stays zero."""
    largest = credit.abs().amax(dim=1, keepdim=True)
    scaled = credit / torch.where(
        largest > 0, largest, 1.0
    )  # first, so that squares neither vanish nor overflow
    rms = scaled.square().mean(dim=1, keepdim=True).sqrt()
    return scaled / torch.where(rms > 0, rms, 1.0)


def check_credit(rule: Rule, network: Network, x: Tensor, y: Tensor) -> None:
    """Raise FaevalError unless a rule gives one fitting, finite signal for each state.

    It must have the state's shape and type.
    """
    name = type(rule).__name__
    with evaluating(network):  # a look at a batch of a few moves no running statistics
        states, logits = states_of(network, x)
    try:
        with evaluating(network):
            credit = rule.credit(network, states, logits, y)
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        shapes = (
            ", ".join(f"{key} {tuple(value.shape)}" for key, value in rule.state_dict().items())
            or "nothing"
        )
        raise FaevalError(
            f"rule {name} fails on {len(states)} states of shape {tuple(states[0].shape)} and"
            f" {logits.shape[1]} classes ({type(error).__name__}: {first}); it owns {shapes}. Is a"
            " feedback matrix of the wrong shape?"
        ) from error
    if not isinstance(credit, list | tuple) or len(credit) != len(states):
        answer = (
            f"{len(credit)} signals"
            if isinstance(credit, list | tuple)
            else f"{type(credit).__name__}"
        )
        raise FaevalError(
            f"rule {name} gives {answer}; credit returns one tensor for each of the"
            f" {len(states)} states."
        )
    for layer, (a, h) in enumerate(zip(credit, states, strict=True)):
        if not isinstance(a, Tensor) or a.shape != h.shape or a.dtype != h.dtype:
            answer = f"{a.dtype} {tuple(a.shape)}" if isinstance(a, Tensor) else type(a).__name__
            raise FaevalError(
                f"rule {name} gives h_{layer} the credit {answer}; it must be"
                f" {h.dtype} {tuple(h.shape)}."
            )
        if not bool(a.isfinite().all()):
            raise FaevalError(
                f"rule {name} gives h_{layer} a credit of NaN or infinity before any training."
            )
