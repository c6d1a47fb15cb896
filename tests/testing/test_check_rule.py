"""check_rule: our rules pass, against formulas written in NumPy; each broken rule or step is caught
by what it breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import erf, softmax
from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    EquilibriumPropagation,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    SignSymmetric,
    draw_feedback,
    output_error,
    state_gradients,
    through,
)
from faeval.bench.training import Objective, backward
from faeval.errors import FaevalError
from faeval.testing import Approximation, Conformance, Failure, check_rule

Array = NDArray[np.float64]


# --- the rules as they are written, in NumPy ---


def numbers(tensor: Tensor) -> Array:
    found: Array = tensor.detach().numpy()
    return found


def error_of(logits: Tensor, labels: Tensor) -> Array:
    e: Array = softmax(numbers(logits), axis=1)
    e[np.arange(len(e)), labels.numpy()] -= 1
    return e


def norm_back(module: Any, h: Array, signal: Array) -> Array:
    """LayerNorm's gradient, by its definition: y = w (h - mean) / sqrt(variance + eps) + b."""
    centred = h - h.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).mean(1, keepdims=True) + module.eps)
    z, g = centred / spread, signal * numbers(module.weight)
    back: Array = (g - g.mean(1, keepdims=True) - z * (g * z).mean(1, keepdims=True)) / spread
    return back


def norm_of(module: Any, h: Array) -> Array:
    centred = h - h.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).mean(1, keepdims=True) + module.eps)
    y: Array = centred / spread * numbers(module.weight) + numbers(module.bias)
    return y


def gelu(z: Array) -> Array:
    half: Array = z * (1 + erf(z / np.sqrt(2))) / 2
    return half


def gelu_slope(z: Array) -> Array:
    slope: Array = (1 + erf(z / np.sqrt(2))) / 2 + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return slope


def affine(layer: Any, x: Array) -> Array:
    y: Array = x @ numbers(layer.weight).T + numbers(layer.bias)
    return y


def block_of(block: Any, h: Array) -> Array:
    return h + affine(block.second, gelu(affine(block.first, norm_of(block.norm, h))))


def block_back(block: Any, h: Array, signal: Array, first: Array, second: Array) -> Array:
    """A signal sent back through a block by any weights: skip, LayerNorm, GELU (erf) by hand."""
    inner = (signal @ second) * gelu_slope(affine(block.first, norm_of(block.norm, h)))
    return signal + norm_back(block.norm, h, inner @ first)


def down(
    network: Any, states: list[Tensor], error: Array, weight: Callable[[str, Any], Array]
) -> list[Array]:
    """The backward pass from e to h_0, with any weight in place of each W."""
    signal = norm_back(network.norm, numbers(states[-1]), error @ weight("head", network.head))
    found = [signal]
    for number in reversed(range(len(network.blocks))):
        block, name = network.blocks[number], f"blocks.{number}"
        weights = weight(f"{name}.first", block.first), weight(f"{name}.second", block.second)
        signal = block_back(block, numbers(states[number]), signal, *weights)
        found.append(signal)
    return found[::-1]


def bp(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    return down(
        network, states, error_of(logits, labels), lambda name, layer: numbers(layer.weight)
    )


def fa(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    found = [bp(rule, network, states, logits, labels)[-1]]
    for layer in reversed(range(len(states) - 1)):
        found.append(np.einsum("ij,nj->ni", numbers(rule.feedback[layer]), found[-1]))
    return found[::-1]


def direct(rule: Any, states: list[Tensor], signal: Array) -> list[Array]:
    last = len(rule.feedback) - 1
    return [
        np.einsum("dc,nc->nd", numbers(rule.feedback[min(k, last)]), signal)
        for k in range(len(states))
    ]


def dfa(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    return direct(rule, states, error_of(logits, labels))


def drtp(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    return direct(rule, states, -np.eye(logits.shape[1])[labels.numpy()])


def sign(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    def weight(name: str, layer: Any) -> Array:
        w = numbers(layer.weight)
        return np.sign(w) * np.sqrt(2 / sum(w.shape))

    return down(network, states, error_of(logits, labels), weight)


def kolen_pollack(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    def weight(name: str, layer: Any) -> Array:
        return numbers(rule.feedback[name.replace(".", "_")])

    return down(network, states, error_of(logits, labels), weight)


def readout_back(network: Any, h: Array, labels: Tensor) -> Array:
    """The gradient of each sample's cross-entropy at a last state."""
    logits = affine(network.head, norm_of(network.norm, h))
    return norm_back(
        network.norm, h, error_of(torch.from_numpy(logits), labels) @ numbers(network.head.weight)
    )


def bridged(
    rule: Any, h: Array, depth: float, error: Array
) -> tuple[Array, Callable[[Array], Array]]:
    """What a bridge makes of a state, and how a signal goes back through it to the state."""
    bare = nn.LayerNorm(h.shape[1], dtype=torch.float64)  # weights 1 and 0: the norm alone
    z = affine(rule.first, np.column_stack([norm_of(bare, h), np.full(len(h), depth), error]))

    def back(signal: Array) -> Array:
        inner = (signal @ numbers(rule.second.weight)) * gelu_slope(z)
        return norm_back(bare, h, (inner @ numbers(rule.first.weight))[:, : h.shape[1]])

    read = gelu(z) @ numbers(rule.second.weight).T
    return read if rule.second.bias is None else read + numbers(rule.second.bias), back


def sb(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    found = []
    for layer, h in enumerate(states):
        guess, back = bridged(rule, numbers(h), layer / (len(states) - 1), error_of(logits, labels))
        found.append(back(readout_back(network, guess, labels)))
    return found


def cb(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    found = []
    for layer, h in enumerate(states):
        value, back = bridged(rule, numbers(h), layer / (len(states) - 1), error_of(logits, labels))
        found.append(back(np.ones_like(value)))
    return found


def apart(network: Any, states: list[Array], free: Array) -> list[Array]:
    below = [
        free,
        *(block_of(block, h) for block, h in zip(network.blocks, states[:-1], strict=True)),
    ]
    return [h - made for h, made in zip(states, below, strict=True)]


def ep(
    rule: Any, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    """Scellier and Bengio 2017, eq. 10 and 24, on the energy that the rule's docstring writes down;
    slopes by hand.

    Sample by sample, since each has a rate of its own.
    """
    found: list[list[Array]] = []
    for i in range(len(labels)):
        label = labels[i : i + 1]
        free = [numbers(states[0])[i : i + 1]]
        for block in network.blocks:
            free.append(block_of(block, free[-1]))

        def total(u: list[Array], label: Tensor = label, start: Array = free[0]) -> float:
            p = softmax(affine(network.head, norm_of(network.norm, u[-1])), axis=1)[0, int(label)]
            return float(
                sum((e**2).sum() for e in apart(network, u, start)) / 2 - rule.beta * np.log(p)
            )

        u, rate = free, rule.rate
        for _ in range(rule.relaxation):
            e = apart(network, u, free[0])
            slopes = [*e[:-1], e[-1] + rule.beta * readout_back(network, u[-1], label)]
            for layer, block in enumerate(network.blocks):
                weights = numbers(block.first.weight), numbers(block.second.weight)
                slopes[layer] = e[layer] - block_back(block, u[layer], e[layer + 1], *weights)
            moved = [h - rate * slope for h, slope in zip(u, slopes, strict=True)]
            if total(moved) <= total(u):
                u = moved
            else:
                rate /= 2
        found.append([-a / rule.beta for a in apart(network, u, free[0])])
    return [np.concatenate(rows) for rows in zip(*found, strict=True)]


OURS: dict[str, Any] = {
    "bp": bp,
    "fa": fa,
    "dfa": dfa,
    "drtp": drtp,
    "sign_symmetric": sign,
    "kolen_pollack": kolen_pollack,
    "ep": ep,
    "sb": sb,
    "cb": cb,
}


@pytest.mark.parametrize("name", OURS)
def test_our_rules_pass_against_their_formulas(name: str) -> None:
    found = check_rule(name, OURS[name])
    assert found.passed, str(found)
    assert "the written formula" in found.checked
    assert ("the true gradient where exact" in found.checked) == (name in ("bp", "fa"))
    assert ("its own loss moves its own parameters" in found.checked) == (
        name in ("kolen_pollack", "sb", "cb")
    )
    found.raise_on_failure()


@pytest.mark.parametrize(
    "make",
    [
        partial(SignSymmetric, magnitude="batchwise"),
        partial(DirectFeedbackAlignment, feedback="uniform"),
        partial(FeedbackAlignment, feedback="uniform"),
        partial(EquilibriumPropagation, symmetric=True, relaxation=4),
        partial(EquilibriumPropagation, beta=0.1, relaxation=3, rate=4.0),
    ],
)
def test_our_rules_pass_in_their_other_forms(make: Any) -> None:
    found = check_rule(make)
    assert found.passed, str(found)


class InNumPy(Rule):
    """DFA written in another style: NumPy inside, matrices as one flat buffer."""

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        b = draw_feedback(setup, (setup.blocks + 1, setup.width, setup.classes))
        self.shape = tuple(b.shape)
        self.register_buffer("flat", b.flatten())

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        b = self.get_buffer("flat").numpy().reshape(self.shape)
        e = softmax(logits.numpy(), axis=1) - np.eye(logits.shape[1])[labels.numpy()]
        return [torch.from_numpy(np.ascontiguousarray(e @ matrix.T)) for matrix in b]


class ByEinsum(Rule):
    """FA with parameters that do not learn, and einsum."""

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        b = draw_feedback(setup, (setup.blocks, setup.width, setup.width))
        self.b = nn.Parameter(b, requires_grad=False)

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        found = [state_gradients(network, states[0], labels)[-1]]
        for matrix in self.b.flip(0):
            found.insert(0, torch.einsum("ij,nj->ni", matrix, found[0]))
        return found


class Learned(Rule):
    """Feedback that learns by a loss of its own, and keeps a running count of steps where it
    belongs.
    """

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        self.b = nn.Parameter(draw_feedback(setup, (setup.blocks + 1, setup.width, setup.classes)))
        self.register_buffer("steps", torch.tensor(1.0))

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return [
            a / self.get_buffer("steps")
            for a in through(self.b, output_error(logits, labels), len(states))
        ]

    def loss(self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor) -> Tensor:
        guesses = through(self.b, output_error(logits, labels), len(states))
        return torch.stack(
            [(h - g).square().sum(1).mean() for h, g in zip(states, guesses, strict=True)]
        ).sum()

    def after_step(self, network: Any) -> None:
        self.get_buffer("steps").add_(1)


@pytest.mark.parametrize(("make", "exact"), [(InNumPy, ()), (ByEinsum, (3,)), (Learned, ())])
def test_rules_in_other_styles_raise_no_alarm(make: Any, exact: tuple[int, ...]) -> None:
    found = check_rule(make, exact=exact)
    assert found.passed, str(found)


# --- broken rules, each with the property that must catch it ---


def changed(
    change: Callable[[list[Tensor], Tensor], list[Tensor]], base: Any = DirectFeedbackAlignment
) -> Any:
    class Changed(base):  # type: ignore[misc]
        def credit(
            self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> list[Tensor]:
            return change(
                super().credit(network, states, logits, labels), output_error(logits, labels)
            )

    return Changed


class Transposed(FeedbackAlignment):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        found = [super().credit(network, states, logits, labels)[-1]]
        for matrix in self.feedback.flip(0):
            found.insert(0, found[0] @ matrix)
        return found


class RedrawnAtLoad(DirectFeedbackAlignment):
    def _load_from_state_dict(self, *arguments: Any, **options: Any) -> None:
        super()._load_from_state_dict(*arguments, **options)  # type: ignore[no-untyped-call]
        self.feedback.copy_(
            torch.randn(self.feedback.shape, generator=torch.Generator().manual_seed(3))
        )


class OutsideTheStateDict(Rule):
    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        self.matrices = draw_feedback(setup, (setup.signals, setup.width, setup.classes)).double()

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return through(self.matrices, output_error(logits, labels), len(states))


class MeanError(DirectFeedbackAlignment):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        mean = output_error(logits, labels).mean(0, keepdim=True).expand(len(labels), -1)
        return through(self.feedback, mean, len(states))


class MeanLoss(Backpropagation):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return [a / len(labels) for a in super().credit(network, states, logits, labels)]


class NoSoftmax(DirectFeedbackAlignment):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return through(
            self.feedback, logits - functional.one_hot(labels, logits.shape[1]), len(states)
        )


class InPlace(DirectFeedbackAlignment):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        logits.sub_(logits.amax(1, keepdim=True))
        return super().credit(network, states, logits, labels)


class LeavesGradients(Rule):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        with torch.enable_grad():
            h = [s.detach().requires_grad_() for s in states]
            total = torch.stack(
                [functional.cross_entropy(network.readout(s), labels, reduction="sum") for s in h]
            ).sum()
            total.backward()  # type: ignore[no-untyped-call]
        return [s.grad for s in h if s.grad is not None]


class GlobalDraw(Rule):
    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        self.register_buffer("b", torch.randn(setup.signals, setup.width, setup.classes))

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return through(self.get_buffer("b"), output_error(logits, labels), len(states))


class GlobalNumPy(DirectFeedbackAlignment):
    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        np.random.standard_normal()  # noqa: NPY002
        return super().credit(network, states, logits, labels)


class HiddenCounter(DirectFeedbackAlignment):
    calls = 0

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        self.calls += 1
        return [a * self.calls for a in super().credit(network, states, logits, labels)]


class CounterOutsideTheStateDict(DirectFeedbackAlignment):
    steps = 1

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return [a * self.steps for a in super().credit(network, states, logits, labels)]

    def after_step(self, network: Any) -> None:
        self.steps += 1


class StaleSigns(SignSymmetric):
    """The signs of the weights as they were when the rule was made."""

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        self.kept = dict(super().weights(setup.network))

    def weights(self, network: Any) -> Any:
        return self.kept


class NeverTaught(KolenPollack):
    def loss(self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor) -> None:
        return None


ALONE, RELOAD, FORMULA = (
    "a sample is judged alone",
    "the same credit after reload",
    "the written formula",
)
EXACT, ISOLATED, PENALTY = (
    "the true gradient where exact",
    "credit moves its own part only",
    "the penalty is on the block's output",
)
BROKEN: list[tuple[Any, Any, tuple[int, ...], str, str]] = [
    (Transposed, fa, (3,), FORMULA, "transposed"),
    (RedrawnAtLoad, dfa, (), RELOAD, "drawn again at load"),
    (OutsideTheStateDict, None, (), RELOAD, "its state dict holds nothing"),
    (MeanError, None, (), ALONE, "averaged over the batch"),
    (MeanLoss, bp, (), ALONE, "divided by the batch"),
    (MeanLoss, bp, (), FORMULA, "divided by the batch"),
    (NoSoftmax, dfa, (), FORMULA, "at h_0, sample"),
    (changed(lambda found, e: [-a for a in found]), dfa, (), FORMULA, "sign is turned round"),
    (
        changed(lambda found, e: [-a for a in found], Backpropagation),
        None,
        (0, 1, 2, 3),
        EXACT,
        "sign is turned round",
    ),
    (
        changed(lambda found, e: [*found[1:], found[0]], Backpropagation),
        None,
        (0, 1, 2, 3),
        EXACT,
        "h_0 is not",
    ),
    (
        changed(lambda found, e: [found[0], *found[:-1]], FeedbackAlignment),
        None,
        (3,),
        EXACT,
        "h_3 is not the gradient",
    ),
    (changed(lambda found, e: found[:-1]), None, (), "one signal a state", "3 signals"),
    (
        changed(lambda found, e: [a[:, :2] for a in found]),
        None,
        (),
        "one signal a state",
        "h_0 the credit",
    ),
    (
        changed(lambda found, e: [a * float("nan") for a in found]),
        None,
        (),
        "one signal a state",
        "NaN",
    ),
    (
        changed(lambda found, e: [a.float() for a in found]),
        None,
        (),
        "one signal a state",
        "float32",
    ),
    (
        changed(lambda found, e: [a * e.norm() for a in found]),
        None,
        (),
        ALONE,
        "else is in the batch",
    ),
    (InPlace, None, (), "arguments stay as they are", "logits"),
    (LeavesGradients, None, (), "arguments stay as they are", "leaves a gradient in"),
    (GlobalDraw, None, (), "no global random state", "torch's global generator"),
    (GlobalNumPy, None, (), "no global random state", "NumPy's global generator"),
    (HiddenCounter, None, (), "the same credit at every call", "second call"),
    (CounterOutsideTheStateDict, None, (), f"{RELOAD}, after training", "outside of it"),
    (StaleSigns, None, (), RELOAD, "outside of it"),
    (NeverTaught, None, (), "its own loss moves its own parameters", "no gradient"),
]


@pytest.mark.parametrize(("make", "formula", "exact", "caught", "says"), BROKEN)
def test_a_broken_rule_is_caught_by_what_it_breaks(
    make: Any, formula: Any, exact: tuple[int, ...], caught: str, says: str
) -> None:
    found = check_rule(make, formula, exact=exact)
    explained = {failure.property: failure.explanation for failure in found.failures}
    assert caught in explained, str(found)
    assert says in explained[caught]
    assert not found.passed
    with pytest.raises(AssertionError, match="FAILED"):
        found.raise_on_failure()


# --- broken training steps ---


def leaking(network: Any, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> None:
    """Local losses on a stream that was never detached."""
    states, outputs = [network.embed(x)], []
    for block in network.blocks:
        outputs.append(block.branch(states[-1]))
        states.append(states[-1] + outputs[-1])
    local(network, rule, y, objective, states, outputs)


def stream_penalty(network: Any, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> None:
    """The penalty on h_{l+1} instead of f_l."""
    states, outputs = detached(network, x)
    local(
        network,
        rule,
        y,
        objective,
        states,
        outputs,
        [h.detach() + f for h, f in zip(states, outputs, strict=False)],
    )


def mean_credit(network: Any, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> None:
    """One block learns from the credit of the next."""
    states, outputs = detached(network, x)
    local(network, rule, y, objective, states, outputs[:-1])


def penalty_sum(network: Any, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> None:
    """The penalty as a sum over the batch."""
    backward(
        network,
        rule,
        x,
        y,
        Objective(objective.penalty * len(x), objective.credit_site, objective.credit_scale),
    )


def right(network: Any, rule: Rule, x: Tensor, y: Tensor, objective: Objective) -> None:
    """The local form as a surrogate loss: correct, and written otherwise than ours."""
    states, outputs = detached(network, x)
    local(network, rule, y, objective, states, outputs)


def detached(network: Any, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    states, outputs = [network.embed(x)], []
    for block in network.blocks:
        outputs.append(block.branch(states[-1].detach()))
        states.append(states[-1].detach() + outputs[-1])
    return states, outputs


def local(
    network: Any,
    rule: Rule,
    y: Tensor,
    objective: Objective,
    states: list[Tensor],
    outputs: list[Tensor],
    penalised: list[Tensor] | None = None,
) -> None:
    logits = network.readout(states[-1].detach())
    loss = functional.cross_entropy(logits, y)
    with torch.no_grad():
        credit = rule.credit(network, [h.detach() for h in states], logits.detach(), y)
    taught = credit[1:] if objective.credit_site == "output" else credit[:-1]
    loss = loss + (states[0] * credit[0]).sum(1).mean()
    for f, a, p in zip(outputs, taught, penalised or outputs, strict=False):
        loss = loss + (f * a).sum(1).mean() + objective.penalty * p.square().sum(1).mean()
    loss.backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("step", "caught", "says"),
    [
        (leaking, ISOLATED, "leaks through the stream"),
        (stream_penalty, PENALTY, "on the stream h + f"),
        (mean_credit, ISOLATED, "does not move blocks.2"),
        (penalty_sum, PENALTY, "mean |f(h)|^2"),
    ],
)
def test_a_broken_step_is_caught_by_what_it_breaks(step: Any, caught: str, says: str) -> None:
    found = check_rule("dfa", step=step)
    explained = {failure.property: failure.explanation for failure in found.failures}
    assert says in explained.get(caught, ""), str(found)


def test_a_right_step_written_otherwise_raises_no_alarm() -> None:
    assert check_rule("dfa", step=right).passed
    assert check_rule("fa", step=right).passed


# --- what is promised of an approximation; what is refused ---


def test_direction_and_magnitude_are_those_of_the_gradient() -> None:
    half = changed(lambda found, e: [a / 2 for a in found], Backpropagation)
    assert check_rule(half, approximate=Approximation(0.999, (0.49, 0.51))).passed
    (failure,) = check_rule(half, approximate=Approximation(0.999, (0.9, 1.1))).failures
    assert failure.property == "direction and magnitude"
    assert re.search(r"\b0\.5 times .*promised .*\b0\.9 to 1\.1", failure.explanation)
    (failure,) = check_rule("dfa", approximate=Approximation(0.9)).failures
    assert "promised is 0.9" in failure.explanation


@pytest.mark.parametrize("given_rule", [Backpropagation(), 3, None])
def test_what_makes_no_rule_is_refused(given_rule: Any) -> None:
    with pytest.raises(FaevalError, match="; give its class"):
        check_rule(given_rule)
    with pytest.raises(FaevalError, match="rule='pepita' is not known"):
        check_rule("pepita")
    with pytest.raises(FaevalError, match=r"which is no faeval\.bench\.rules\.Rule"):
        check_rule(lambda setup: nn.Linear(1, 1))  # type: ignore[arg-type,return-value]


def test_the_report_reads_as_one() -> None:
    report = Conformance("rule x", ("a", "b"), (Failure("b", "because"),), (("c", "no reason"),))
    assert str(report).splitlines() == [
        "rule x: FAILED, 2 properties checked",
        "  ok    a",
        "  FAIL  b: because",
        "  skip  c: no reason",
    ]
    assert "passed, 1 properties" in str(Conformance("x", ("a",), ()))


class _SparseFeedback(Rule):
    """A rule as its author might write it, with none of our helpers: one nonzero a row of B
    (Crafton et al. 2019).
    """

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        generator = torch.Generator().manual_seed(setup.seed)
        for layer in range(setup.blocks + 1):
            matrix = torch.zeros(setup.width, setup.classes)
            matrix[
                torch.arange(setup.width),
                torch.randint(setup.classes, (setup.width,), generator=generator),
            ] = 1.0
            self.register_buffer(f"sparse{layer}", matrix)

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        error = logits.softmax(1).clone()
        error[torch.arange(len(labels)), labels] -= 1
        return [error @ getattr(self, f"sparse{layer}").T for layer in range(len(states))]


def _sparse_as_written(
    rule: Rule, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
) -> list[Array]:
    shifted = np.exp(logits.numpy() - logits.numpy().max(axis=1, keepdims=True))
    error = shifted / shifted.sum(axis=1, keepdims=True) - np.eye(logits.shape[1])[labels.numpy()]
    return [
        np.einsum("nc,dc->nd", error, rule.state_dict()[f"sparse{layer}"].double().numpy())
        for layer in range(len(states))
    ]


def test_a_rule_written_from_outside_passes_and_its_slip_is_caught() -> None:
    conformance = check_rule(_SparseFeedback, _sparse_as_written)
    assert conformance.passed, str(conformance)
    assert "the written formula" in conformance.checked

    class Slip(_SparseFeedback):
        def credit(
            self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> list[Tensor]:
            return list(reversed(super().credit(network, states, logits, labels)))

    assert "the written formula" in {
        failure.property for failure in check_rule(Slip, _sparse_as_written).failures
    }
