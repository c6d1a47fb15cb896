"""The properties of every learning rule: each tries one, and says what is wrong or None."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from faeval.bench.audits import cosine
from faeval.bench.networks import states_of
from faeval.bench.rules import Rule, state_gradients
from faeval.bench.training import Objective, check_credit, load, save
from faeval.experiment import stream
from faeval.testing._rule_bench import BLOCKS, SAMPLES, RuleBench, network_of
from faeval.testing._subject import Skip

_PENALTY = 0.3
_ROUNDING = 1e-9  # relative to the largest entry, in float64


def _arguments(bench: RuleBench) -> str | None:
    states, logits = states_of(bench.network, bench.x)
    before = [v.clone() for v in (*states, logits, bench.y, *bench.network.parameters())]
    bench.network.zero_grad(set_to_none=True)
    bench.rule.credit(bench.network, states, logits, bench.y)
    after = (*states, logits, bench.y, *bench.network.parameters())
    if not all(torch.equal(a, b) for a, b in zip(before, after, strict=True)):
        return "credit changes a state, the logits, the labels or a weight; work on copies"
    leaked = [n for n, p in bench.network.named_parameters() if p.grad is not None]
    bench.network.zero_grad(set_to_none=True)
    return (
        f"credit leaves a gradient in {leaked[0]}; use torch.autograd.grad, not backward()"
        if leaked
        else None
    )


def _global_state(bench: RuleBench) -> str | None:
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the state looked for
    bench.made(1, bench.network)
    bench.credit()
    if not torch.equal(torch.get_rng_state(), torch_state):
        return (
            "torch's global generator is drawn from; draw from faeval.bench.rules.draw_feedback or"
            " faeval.experiment.stream"
        )
    now = np.random.get_state(legacy=False)  # noqa: NPY002
    return (
        None
        if _same_state(now, numpy_state)
        else "NumPy's global generator is drawn from; draw from named streams"
    )


def _same_state(first: Any, second: Any) -> bool:
    return str(first) == str(second) and bool(
        np.array_equal(first["state"]["key"], second["state"]["key"])
    )


def _formula(bench: RuleBench) -> str | None:
    if bench.formula is None:
        raise Skip("no formula was given")
    expected = [np.asarray(a) for a in _written(bench, bench.rule)]
    signals = [a.numpy() for a in bench.credit()]
    if [a.shape for a in expected] != [a.shape for a in signals]:
        return (
            f"the formula gives the shapes {[a.shape for a in expected]}, the rule"
            f" {[a.shape for a in signals]}"
        )
    for layer, (a, b) in enumerate(zip(signals, expected, strict=True)):
        apart = np.abs(a - b)
        if not apart.max() <= bench.tolerance * max(np.abs(b).max(), 1e-300):
            sample, unit = (int(v) for v in np.unravel_index(np.argmax(apart), apart.shape))
            return (
                f"at h_{layer}, sample {sample}, unit {unit} the rule gives"
                f" {a[sample, unit]:.6g} and the formula"
                f" {b[sample, unit]:.6g}{_cause(bench, signals, expected)}"
            )
    return None


def _written(bench: RuleBench, rule: Rule) -> list[Any]:
    assert bench.formula is not None
    states, logits = states_of(bench.network, bench.x)
    answer = bench.formula(
        copy.deepcopy(rule), copy.deepcopy(bench.network), states, logits, bench.y.clone()
    )
    return [a.detach().numpy() if isinstance(a, Tensor) else a for a in answer]


def _cause(bench: RuleBench, signals: list[Any], expected: list[Any]) -> str:
    def agree(other: list[Any]) -> bool:
        return all(
            np.allclose(a, b, rtol=1e-5, atol=bench.tolerance)
            for a, b in zip(other, expected, strict=True)
        )

    if agree([-a for a in signals]):
        return "; the sign is turned round"
    if agree([a * SAMPLES for a in signals]):
        return "; the credit is divided by the batch, which per-sample credit never is"
    if agree([*signals[1:], signals[-1]]) or agree([signals[0], *signals[:-1]]):
        return "; the signals are off by one state"
    turned = copy.deepcopy(bench.rule)
    square = [t for t in turned.state_dict().values() if t.ndim >= 2 and t.shape[-1] == t.shape[-2]]
    for tensor in square:
        tensor.copy_(tensor.transpose(-1, -2).clone())
    if square and agree([a.numpy() for a in bench.credit(turned)]):
        return "; is the feedback transposed?"
    return ""


def _exact(bench: RuleBench) -> str | None:
    if not bench.exact:
        raise Skip("no state is called exact")
    states, _ = states_of(bench.network, bench.x)
    gradients, credit = state_gradients(bench.network, states[0], bench.y), bench.credit()
    for layer in bench.exact:
        if not _close(credit[layer], gradients[layer]):
            turned = (
                "; the sign is turned round" if _close(-credit[layer], gradients[layer]) else ""
            )
            return f"the credit at h_{layer} is not the gradient of each sample's own loss{turned}"
    return None


def _approximate(bench: RuleBench) -> str | None:
    if bench.approximate is None:
        raise Skip("no approximation was promised")
    states, _ = states_of(bench.network, bench.x)
    low, high = bench.approximate.magnitude
    pairs = zip(bench.credit(), state_gradients(bench.network, states[0], bench.y), strict=True)
    for layer, (a, g) in enumerate(pairs):
        direction, ratio = float(cosine(a, g).mean()), float(a.norm() / g.norm())
        if not direction >= bench.approximate.cosine:
            return (
                f"at h_{layer} the mean cosine with the gradient is {direction:.3f}, promised is"
                f" {bench.approximate.cosine:g}"
            )
        if not low <= ratio <= high:
            return (
                f"at h_{layer} the credit is {ratio:.3g} times the gradient, promised is {low:g} to"
                f" {high:g}"
            )
    return None


def _alone(bench: RuleBench) -> str | None:
    whole = bench.credit()
    for keep in ([2], [0, 1, 2], [5, 3, 0, 6, 1, 4, 2], [1, 1, 4, 4]):
        for layer, (a, b) in enumerate(
            zip(bench.credit(keep=torch.tensor(keep)), whole, strict=True)
        ):
            if not _close(a, b[keep]):
                scaled = _close(a * len(keep), b[keep] * SAMPLES)
                cause = (
                    "it is divided by the batch"
                    if scaled
                    else "is something averaged over the batch?"
                )
                return (
                    f"the credit at h_{layer} of samples {keep} changes with who else is in the"
                    f" batch; {cause}"
                )
    return None


def _again(bench: RuleBench) -> str | None:
    if not _same(bench.credit(), bench.credit()):
        return (
            "a second call gives another credit; what changes must change in after_step, and stand"
            " in the state dict"
        )
    if not _same(
        bench.credit(bench.made(1, bench.network)), bench.credit(bench.made(1, bench.network))
    ):
        return (
            "two rules made from one setup give different credit; draw from named streams of its"
            " seed"
        )
    return None


def _reload(bench: RuleBench) -> str | None:
    before = bench.credit()
    other = bench.made(2, network_of(2))  # another seed, another network at hand when it was made
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.safetensors"
        digest = save(bench.network, bench.rule, path)
        for _ in range(2):
            load(copy.deepcopy(bench.network), other, path, digest)
            if not _same(bench.credit(other), before):
                owned = ", ".join(bench.rule.state_dict()) or "nothing"
                return (
                    "a rule of another seed that is loaded from the checkpoint gives another"
                    f" credit; its state dict holds {owned}. Is feedback kept outside of it, or"
                    " drawn again at load?"
                )
    return None


class _Nudged(Rule):
    """A rule with its credit at one state moved."""

    def __init__(self, rule: Rule, layer: int) -> None:
        super().__init__()
        self.rule, self.layer = rule, layer

    def credit(
        self, network: Any, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        signals = list(self.rule.credit(network, states, logits, labels))
        if self.layer >= 0:
            nudge = torch.from_numpy(
                stream(1, "nudge").standard_normal(tuple(signals[self.layer].shape))
            )
            signals[self.layer] = signals[self.layer] + nudge
        return signals


def _isolated(bench: RuleBench) -> str | None:
    base = bench.gradients(_Nudged(bench.rule, -1))
    for layer in range(BLOCKS + 1):
        learner = layer - 1 if bench.site == "output" else layer
        prefixes = {f"blocks.{learner}."} if 0 <= learner < BLOCKS else set()
        prefixes |= {"embedding."} if layer == 0 else set()
        moved = bench.gradients(_Nudged(bench.rule, layer))
        parts = {name: not _close(moved[name], base[name]) for name in base}
        wrong = [
            name for name, other in parts.items() if other and not name.startswith(tuple(prefixes))
        ]
        if wrong:
            return (
                f"the credit at h_{layer} also moves {wrong[0]}: a gradient leaks through the"
                " stream"
            )
        idle = [
            part
            for part in prefixes
            if not any(other for name, other in parts.items() if name.startswith(part))
        ]
        if idle:
            return f"the credit at h_{layer} does not move {idle[0]}, which learns from it"
    return None


def _penalty(bench: RuleBench) -> str | None:
    plain, penalised = (
        bench.gradients(_Nudged(bench.rule, -1), penalty) for penalty in (0.0, _PENALTY)
    )
    states, _ = states_of(bench.network, bench.x)
    expected = {name: torch.zeros_like(value) for name, value in plain.items()}
    for number, (block, h) in enumerate(zip(bench.network.blocks, states[:-1], strict=True)):
        own = dict(block.named_parameters())
        f = block.branch(h)  # type: ignore[operator]
        for (name, _), g in zip(
            own.items(), torch.autograd.grad(f.square().sum(), list(own.values())), strict=True
        ):
            expected[f"blocks.{number}.{name}"] = _PENALTY / SAMPLES * g
    for name, value in expected.items():
        if not _close(
            penalised[name] - plain[name], value, scale=float(penalised[name].abs().max())
        ):
            return (
                f"the penalty's gradient in {name} is not that of its own block's mean |f(h)|^2"
                " with h held fixed; is it on the stream h + f(h), or does it reach other blocks?"
            )
    return None


def _own_loss(bench: RuleBench) -> str | None:
    if not any(p.requires_grad for p in bench.rule.parameters()):
        raise Skip("it has no parameters of its own")
    with_loss, without = bench.gradients(bench.rule), bench.gradients(_Nudged(bench.rule, -1))
    leaks = [name for name in with_loss if not _close(with_loss[name], without[name])]
    if leaks:
        return f"its loss reaches {leaks[0]} of the network"
    if all(p.grad is None or not bool(p.grad.any()) for p in bench.rule.parameters()):
        return "its parameters get no gradient; does loss return None?"
    return None


def _train(bench: RuleBench) -> str | None:
    optimizer = torch.optim.AdamW([*bench.network.parameters(), *bench.rule.parameters()], lr=0.01)
    for _ in range(3):
        optimizer.zero_grad(set_to_none=True)
        bench.step(bench.network, bench.rule, bench.x, bench.y, Objective(credit_site=bench.site))
        optimizer.step()
        bench.rule.after_step(bench.network)
    optimizer.zero_grad(set_to_none=True)
    tensors = [*bench.network.state_dict().values(), *bench.rule.state_dict().values()]
    finite = all(bool(t.isfinite().all()) for t in tensors)
    return (
        None
        if finite
        else "weights are no longer finite after three steps of AdamW at a learning rate of 0.01"
    )


def _close(a: Tensor, b: Tensor, scale: float = 0.0) -> bool:
    return a.shape == b.shape and bool(
        (a - b).abs().max() <= _ROUNDING * max(float(b.abs().max()), scale, 1e-12)
    )


def _same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def _signals(bench: RuleBench) -> None:
    check_credit(bench.rule, bench.network, bench.x, bench.y)


#: In the order in which they are tried; training changes the rule.
RULE_PROPERTIES: dict[str, Callable[[RuleBench], str | None]] = {
    "one signal a state": _signals,
    "arguments stay as they are": _arguments,
    "no global random state": _global_state,
    "the written formula": _formula,
    "the true gradient where exact": _exact,
    "direction and magnitude": _approximate,
    "a sample is judged alone": _alone,
    "the same credit at every call": _again,
    "the same credit after reload": _reload,
    "credit moves its own part only": _isolated,
    "the penalty is on the block's output": _penalty,
    "its own loss moves its own parameters": _own_loss,
    "three steps of training": _train,
    "a sample is judged alone, after training": _alone,
    "the same credit after reload, after training": _reload,
}
