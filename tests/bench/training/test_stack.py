"""A stack of replicates against the same replicates trained one after another: one result up to
rounding, for every rule.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from faeval.bench.networks import Network, ResidualMLP, StudentNet
from faeval.bench.rules import (
    Backpropagation,
    CreditBridge,
    DirectFeedbackAlignment,
    DirectRandomTargetProjection,
    EquilibriumPropagation,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    Setup,
    SignSymmetric,
    StateBridge,
    draw_feedback,
    output_error,
    state_gradients,
    through,
)
from faeval.bench.tasks import Task
from faeval.bench.training import (
    Batches,
    History,
    NotStackable,
    Objective,
    fit,
    fit_stacked,
    share_data,
    stackable,
)
from faeval.bench.training._stack import _Recorded, _Stack
from faeval.bench.training._stacked_batches import epoch_of
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 6, 8, 3, 3
SEEDS = (1, 2, 5)
HYPER: dict[str, Any] = {"epochs": 3, "learning_rate": 1e-2, "weight_decay": 0.05}
# In float64 every entry. In float32 all weights as one vector: Adam divides a gradient by its own
# size, so that an entry whose gradient is rounding alone moves by a whole step, in a direction that
# rounding chose.
CLOSE = {torch.float64: 1e-9, torch.float32: 1e-3}

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="needs a CUDA device; torch.cuda.is_available() is False here",
)


class Own(nn.Module):
    """A network of one's own, of another kind of layers, whose two blocks after the first share
    their weights.
    """

    def __init__(self, features: int, width: int, blocks: int, classes: int, seed: int) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(1.0 + seed / 10))
        self.first = nn.Linear(features, width)
        shared = nn.Sequential(nn.Linear(width, width), nn.Tanh())
        self.blocks = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.Tanh()), *[shared] * (blocks - 1)]
        )
        self.last = nn.Linear(width, classes, bias=False)
        draw = torch.Generator().manual_seed(seed)
        for p in self.parameters():
            nn.init.normal_(p, std=0.4, generator=draw)

    def embed(self, x: Tensor) -> Tensor:
        h: Tensor = self.get_buffer("scale") * self.first(x.flatten(1))
        return h

    def readout(self, h: Tensor) -> Tensor:
        logits: Tensor = self.last(h)
        return logits


class SignOfError(Rule):
    """A rule of one's own that can be vectorised as it is."""

    feedback: Tensor

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.register_buffer(
            "feedback", draw_feedback(setup, (setup.signals, setup.width, setup.classes))
        )

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return through(self.feedback, output_error(logits, labels).sign(), len(states))


class Learning(SignOfError):
    """A rule of one's own that teaches itself: the gain of its signal, by how far it reaches."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.gain = nn.Parameter(torch.tensor(1.0))

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return [self.gain * a for a in super().credit(network, states, logits, labels)]

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        return (self.gain * network.readout(states[-1]) - logits.detach() - 1.0).square().mean()


def bp(setup: Setup) -> Rule:
    return Backpropagation()


RULES: dict[str, Callable[[Setup], Rule]] = {
    "bp": bp,
    "fa": FeedbackAlignment,
    "dfa": DirectFeedbackAlignment,
    "drtp": DirectRandomTargetProjection,
    "sign_symmetric": SignSymmetric,
    "kolen_pollack": KolenPollack,
    "ep": functools.partial(EquilibriumPropagation, relaxation=3),
    "sb": StateBridge,
    "cb": CreditBridge,
    "own": SignOfError,
    "own that learns": Learning,
}
OBJECTIVES = {
    "plain": Objective(),
    "penalty": Objective(0.02),
    "unit": Objective(0.02, "output", "unit"),
    "second recipe": Objective(0.02, "input", "unit"),
    "last two blocks": Objective(0.02, "output", "error", 2),
    "frozen": Objective(0.02, "output", "error", 0),
}
NETWORKS: dict[str, Callable[..., Any]] = {
    "residual_mlp": ResidualMLP,
    "student": StudentNet,
    "own": Own,
}

Pair = tuple[Any, Rule]


def task_of(dtype: torch.dtype = torch.float32, n: int = 40, images: bool = False) -> Task:
    draw = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    if images:
        x = draw.integers(0, 256, (n, 3, 4, 4), dtype=np.uint8)
        return Task(x, y, x, y, CLASSES, (0.5, 0.4, 0.3), (0.2, 0.3, 0.25))
    v = draw.standard_normal((n, FEATURES)) + y[:, None]
    v = v.astype(np.float64 if dtype is torch.float64 else np.float32)
    return Task(v, y, v, y, CLASSES)


def pairs_of(
    rule: str,
    objective: Objective,
    network: str = "residual_mlp",
    dtype: torch.dtype = torch.float32,
    features: int = FEATURES,
) -> list[Pair]:
    found = []
    for seed in SEEDS:
        net = NETWORKS[network](features, WIDTH, BLOCKS, CLASSES, seed)
        made = RULES[rule](Setup(WIDTH, BLOCKS, CLASSES, seed, objective.credit_site, net))
        found.append((net.to(dtype), made.to(dtype)))
    return found


def tasks_of(task: Task, random: bool) -> list[Task]:
    if not random:
        return [task] * len(SEEDS)
    drawn = [np.random.default_rng(seed).integers(0, CLASSES, len(task.train_y)) for seed in SEEDS]
    return [dataclasses.replace(task, train_y=labels) for labels in drawn]


def batches_of(tasks: list[Task], device: str = "cpu", *, augment: bool = False) -> list[Batches]:
    first = Batches(tasks[0], SEEDS[0], 10, augment=augment, device=device)
    return [
        share_data(first, s, torch.from_numpy(t.train_y)) for s, t in zip(SEEDS, tasks, strict=True)
    ]


def one_by_one(
    pairs: list[Pair], tasks: list[Task], objective: Objective, device: str = "cpu", **hyper: Any
) -> list[History]:
    return [
        fit(
            network,
            rule,
            Batches(task, seed, 10, augment=False, device=device),
            objective,
            **{**HYPER, **hyper},
        )
        for seed, task, (network, rule) in zip(SEEDS, tasks, pairs, strict=True)
    ]


def stacked(
    pairs: list[Pair], tasks: list[Task], objective: Objective, device: str = "cpu", **hyper: Any
) -> list[History]:
    networks, rules = [n for n, _ in pairs], [r for _, r in pairs]
    return fit_stacked(networks, rules, batches_of(tasks, device), objective, **{**HYPER, **hyper})


def check_same(
    ours: list[Pair],
    theirs: list[Pair],
    found: list[History],
    wanted: list[History],
    dtype: torch.dtype,
) -> None:
    close = CLOSE[dtype]
    for pair, reference in zip(ours, theirs, strict=True):
        tensors, expected = (
            {f"{part}.{name}": v for part, m in enumerate(p) for name, v in m.state_dict().items()}
            for p in (pair, reference)
        )
        assert set(tensors) == set(expected)
        if dtype is torch.float64:
            for name, tensor in tensors.items():
                torch.testing.assert_close(tensor, expected[name], rtol=close, atol=close)
        whole, other = (
            torch.cat([v.flatten() for _, v in sorted(t.items())]) for t in (tensors, expected)
        )
        assert float((whole - other).norm()) <= close * float(other.norm())
    for history, alone in zip(found, wanted, strict=True):
        assert history.diverged == alone.diverged
        assert history.losses == pytest.approx(alone.losses, rel=close)


slow = pytest.mark.slow
#: Forms of which another has each part.
PARTS = ("unit", "penalty")


@pytest.mark.parametrize(
    ("form", "dtype"),
    [
        # in float64 every entry is compared; in float32, as whole vectors, one form is enough
        pytest.param(
            form,
            dtype,
            marks=slow if (narrow and form != "second recipe") or form in PARTS else (),
        )
        for form in OBJECTIVES
        for narrow, dtype in enumerate((torch.float64, torch.float32))
    ],
)
@pytest.mark.parametrize("rule", RULES)
def test_a_stack_trains_each_replicate_as_it_is_trained_alone(
    rule: str, form: str, dtype: torch.dtype
) -> None:
    objective, task = OBJECTIVES[form], task_of(dtype)
    ours, theirs = (pairs_of(rule, objective, dtype=dtype) for _ in range(2))
    before = [copy.deepcopy(network.state_dict()) for network, _ in ours]
    found = stacked(ours, [task] * 3, objective)
    check_same(ours, theirs, found, one_by_one(theirs, [task] * 3, objective), dtype)
    frozen = [
        name
        for name in before[0]
        if name.startswith("blocks.") and objective.frozen(BLOCKS) > int(name[7])
    ]
    for (network, _), start in zip(ours, before, strict=True):
        assert all(torch.equal(network.state_dict()[name], start[name]) for name in frozen)
        assert not torch.equal(network.state_dict()["head.weight"], start["head.weight"])


@pytest.mark.parametrize(
    ("network", "random"),
    [
        ("student", True),
        ("own", False),
        pytest.param("student", False, marks=slow),
        pytest.param("own", True, marks=slow),
    ],
)
@pytest.mark.parametrize("rule", RULES)
def test_other_networks_and_labels_of_each_replicate(rule: str, network: str, random: bool) -> None:
    objective, tasks = Objective(0.02), tasks_of(task_of(torch.float64), random)
    ours, theirs = (pairs_of(rule, objective, network, torch.float64) for _ in range(2))
    found = stacked(ours, tasks, objective)
    check_same(ours, theirs, found, one_by_one(theirs, tasks, objective), torch.float64)


def test_replicates_differ_and_do_not_depend_on_who_stands_beside_them() -> None:
    objective, task = Objective(0.01), task_of(torch.float64)
    all_three, two = (pairs_of("dfa", objective, dtype=torch.float64) for _ in range(2))
    whole = stacked(all_three, [task] * 3, objective)
    assert len({history.losses for history in whole}) == 3
    part = fit_stacked(
        [n for n, _ in two[1:]],
        [r for _, r in two[1:]],
        batches_of([task] * 3)[1:],
        objective,
        **HYPER,
    )
    check_same(two[1:], all_three[1:], part, whole[1:], torch.float64)


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("images", [False, True])
def test_the_batches_of_a_stack_are_those_of_each_replicate_to_the_bit(
    images: bool, augment: bool
) -> None:
    tasks = tasks_of(task_of(images=images), random=True)
    shared = batches_of(tasks, augment=augment)
    own = [
        Batches(task, seed, 10, augment=augment) for seed, task in zip(SEEDS, tasks, strict=True)
    ]
    for number in (1, 2):
        for gathered in (
            epoch_of(shared, number),
            epoch_of(own, number),
        ):  # with the arrays in common, and without
            for (x, y), *alone in zip(gathered, *(b.epoch(number) for b in own), strict=True):
                assert torch.equal(x, torch.stack([a for a, _ in alone]))
                assert torch.equal(y, torch.stack([b for _, b in alone]))


class Spoiled(Batches):
    """Batches whose inputs become infinite in one epoch."""

    def epoch(self, number: int) -> Any:
        for x, y in super().epoch(number):
            yield (x * math.inf if number == 2 else x), y


@pytest.mark.parametrize("rule", ["bp", "dfa", "fa"])
def test_a_replicate_that_diverges_is_told_at_its_own_epoch_and_leaves_the_others_as_they_are(
    rule: str,
) -> None:
    objective, task = Objective(0.01), task_of()
    ours, theirs = (pairs_of(rule, objective) for _ in range(2))
    batches = [
        Batches(task, 1, 10, augment=False),
        Spoiled(task, 2, 10, augment=False),
        Batches(task, 5, 10, augment=False),
    ]
    called: list[tuple[int, int]] = []
    found = fit_stacked(
        [n for n, _ in ours],
        [r for _, r in ours],
        batches,
        objective,
        **HYPER,
        after_epoch=lambda *at: called.append(at),
    )
    wanted = [fit(n, r, b, objective, **HYPER) for (n, r), b in zip(theirs, batches, strict=True)]
    assert [history.diverged for history in found] == [None, 2, None]
    assert [len(history.losses) for history in found] == [3, 1, 3]
    assert found[1].losses == pytest.approx(wanted[1].losses, rel=1e-3)
    assert called == [(0, 1), (1, 1), (2, 1), (0, 2), (2, 2), (0, 3), (2, 3)]
    for healthy in (0, 2):
        check_same(
            [ours[healthy]], [theirs[healthy]], [found[healthy]], [wanted[healthy]], torch.float32
        )
    for (name, tensor), other in zip(
        ours[1][0].state_dict().items(), theirs[1][0].state_dict().values(), strict=True
    ):
        assert torch.equal(tensor.isfinite(), other.isfinite()), (
            name
        )  # left as fit leaves it: where it broke


def test_a_stack_of_which_all_diverge_ends_there() -> None:
    task, asked = task_of(), set()

    class Watched(Spoiled):
        def epoch(self, number: int) -> Any:
            asked.add(number)
            return super().epoch(number)

    pairs = pairs_of("dfa", Objective())
    batches = [Watched(task, seed, 10, augment=False) for seed in SEEDS]
    found = fit_stacked(
        [n for n, _ in pairs],
        [r for _, r in pairs],
        batches,
        Objective(),
        **{**HYPER, "epochs": 50},
    )
    assert [(history.diverged, len(history.losses)) for history in found] == [(2, 1)] * 3
    assert asked == {1, 2}


class Exploding(SignOfError):
    """Credit that is infinite for large inputs, whatever the loss."""

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        factor = torch.where(states[0].abs().amax() > 1e5, math.inf, 1.0)
        return [factor * a for a in super().credit(network, states, logits, labels)]


class Enlarged(Batches):
    """Batches of which the last of epoch 2 has large inputs: the loss is finite throughout, the
    weights are not after it.
    """

    def epoch(self, number: int) -> Any:
        for step, (x, y) in enumerate(super().epoch(number), start=1):
            yield (x * 1e7 if (number, step) == (2, self.steps) else x), y


def test_weights_that_break_in_the_last_step_of_an_epoch_are_found_though_its_loss_is_finite() -> (
    None
):
    task = task_of()
    networks, theirs = (
        [ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, s) for s in SEEDS] for _ in range(2)
    )
    rules = [Exploding(Setup(WIDTH, BLOCKS, CLASSES, seed)) for seed in SEEDS]
    batches = [
        kind(task, seed, 10, augment=False)
        for kind, seed in zip((Batches, Enlarged, Batches), SEEDS, strict=True)
    ]
    found = fit_stacked(networks, rules, batches, Objective(), **HYPER)
    assert [history.diverged for history in found] == [None, 2, None]
    wanted = [
        fit(n, r, b, Objective(), **HYPER) for n, r, b in zip(theirs, rules, batches, strict=True)
    ]
    assert [history.diverged for history in wanted] == [None, 2, None]


def test_the_weights_of_each_finished_epoch_stand_in_the_modules() -> None:
    objective, task = Objective(), task_of(torch.float64)
    ours, theirs = (pairs_of("kolen_pollack", objective, dtype=torch.float64) for _ in range(2))
    seen: dict[tuple[int, int], dict[str, Tensor]] = {}
    wanted: dict[tuple[int, int], dict[str, Tensor]] = {}

    def look(
        into: dict[tuple[int, int], dict[str, Tensor]],
        pairs: list[Pair],
        replicate: int,
        epoch: int,
    ) -> None:
        into[replicate, epoch] = {
            k: v.clone() for m in pairs[replicate] for k, v in m.state_dict().items()
        }

    stacked(
        ours,
        [task] * 3,
        objective,
        after_epoch=lambda replicate, epoch: look(seen, ours, replicate, epoch),
    )
    for replicate, seed in enumerate(SEEDS):
        fit(
            *theirs[replicate],
            Batches(task, seed, 10, augment=False),
            objective,
            **HYPER,
            after_epoch=lambda epoch, replicate=replicate: look(wanted, theirs, replicate, epoch),  # type: ignore[misc]
        )
    assert (
        set(seen)
        == set(wanted)
        == {(replicate, epoch) for replicate in range(3) for epoch in (1, 2, 3)}
    )
    for at, tensors in wanted.items():
        for name, tensor in tensors.items():
            torch.testing.assert_close(seen[at][name], tensor, rtol=1e-9, atol=1e-9)


# --- what cannot be stacked says so ---


class Averaging(SignOfError):
    def after_step(self, network: Network) -> None:
        self.feedback.mul_(0.99)


class ByAutograd(Rule):
    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return state_gradients(network, states[0], labels)


class OutsideTheStateDict(Rule):
    """State that no state dict knows: each replicate has its own, and a stack would take the first
    one's for all.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.matrices = draw_feedback(setup, (setup.signals, setup.width, setup.classes))

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        return through(self.matrices, output_error(logits, labels), len(states))


class Counting(SignOfError):
    calls: Tensor

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.register_buffer("calls", torch.tensor(0.0))

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        self.calls += 1
        return super().credit(network, states, logits, labels)


class Deciding(SignOfError):
    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        sent = super().credit(network, states, logits, labels)
        return sent if float(logits.max()) > 0 else sent[::-1]


class Imitating(SignOfError):
    """A rule whose loss reads what the head was just told: in a stack there is no such gradient
    yet.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.copied = nn.Parameter(torch.zeros(setup.classes, setup.width))

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor | None:
        told = cast(Any, network).head.weight.grad
        return None if told is None else (self.copied * told).sum()


def batchwise(setup: Setup) -> Rule:
    return SignSymmetric(setup, magnitude="batchwise")


class Dropping(ResidualMLP):
    def embed(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(super().embed(x), 0.5)


class Normed(ResidualMLP):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.batch_norm = nn.BatchNorm1d(sizes[1])

    def embed(self, x: Tensor) -> Tensor:
        h: Tensor = self.batch_norm(super().embed(x))
        return h


REFUSED: dict[str, tuple[Callable[..., Any], Callable[[Setup], Rule], bool, str]] = {
    "after_step": (
        ResidualMLP,
        Averaging,
        True,
        "rule Averaging does something of its own after each step",
    ),
    "batchwise": (ResidualMLP, batchwise, True, "rule SignSymmetric draws its magnitudes anew"),
    "a loss of gradients": (
        ResidualMLP,
        Imitating,
        False,
        r"gradient in rule\.copied is not the one it has alone",
    ),
    "batch norm": (Normed, SignOfError, True, "network Normed keeps running statistics"),
    "autograd inside": (
        ResidualMLP,
        ByAutograd,
        False,
        "rule ByAutograd on network ResidualMLP cannot be vectorised",
    ),
    "state elsewhere": (
        ResidualMLP,
        OutsideTheStateDict,
        False,
        "the stacked gradient in network.* is not the one it has alone",
    ),
    "a counter": (ResidualMLP, Counting, False, "changes a buffer within a step"),
    "a decision": (
        ResidualMLP,
        Deciding,
        False,
        "rule Deciding on network ResidualMLP cannot be vectorised",
    ),
    "dropout": (Dropping, SignOfError, False, "network Dropping cannot be vectorised .*randomness"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_stacked_is_refused_by_name_before_any_weight_moves(case: str) -> None:
    network, rule, at_once, says = REFUSED[case]
    networks = [network(FEATURES, WIDTH, BLOCKS, CLASSES, seed) for seed in SEEDS]
    rules = [
        rule(Setup(WIDTH, BLOCKS, CLASSES, s, "output", n))
        for s, n in zip(SEEDS, networks, strict=True)
    ]
    before = [copy.deepcopy(m.state_dict()) for m in [*networks, *rules]]
    reason = stackable(rules[0], networks[0])
    assert (reason is not None) is at_once
    with pytest.raises(NotStackable, match=says):
        fit_stacked(networks, rules, batches_of([task_of()] * 3), Objective(), **HYPER)
    for module, start in zip([*networks, *rules], before, strict=True):
        assert all(torch.equal(tensor, start[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", NETWORKS)
def test_our_rules_and_networks_stack(rule: str, network: str) -> None:
    net, made = pairs_of(rule, Objective(), network)[0]
    assert stackable(made, net) is None


def test_a_stack_of_unequal_parts_is_refused() -> None:
    task, pairs = task_of(), pairs_of("dfa", Objective())
    networks, rules, batches = [n for n, _ in pairs], [r for _, r in pairs], batches_of([task] * 3)
    with pytest.raises(FaevalError, match="3 networks, 3 rules and 2 batches"):
        fit_stacked(networks, rules, batches[:2], Objective(), **HYPER)
    with pytest.raises(FaevalError, match="0 networks"):
        fit_stacked([], [], [], Objective(), **HYPER)
    with pytest.raises(FaevalError, match="batches differ"):
        fit_stacked(
            networks,
            rules,
            [*batches[:2], Batches(task, 5, 8, augment=False)],
            Objective(),
            **HYPER,
        )
    wider = ResidualMLP(FEATURES, WIDTH + 2, BLOCKS, CLASSES, 5)
    with pytest.raises(NotStackable, match=r"parameters .*replicate 2\b"):
        fit_stacked([*networks[:2], wider], rules, batches, Objective(), **HYPER)


# --- devices ---


@pytest.mark.parametrize("form", ["plain", "second recipe", "last two blocks"])
@pytest.mark.parametrize("rule", RULES)
def test_a_step_makes_no_tensor_on_another_device_than_the_stack_s(rule: str, form: str) -> None:
    # On the meta device nothing is computed, but a tensor of another device in any operation is an
    # error.
    objective = OBJECTIVES[form]
    pairs = [(n.to("meta"), r.to("meta")) for n, r in pairs_of(rule, objective)]
    stack = _Stack([n for n, _ in pairs], [r for _, r in pairs], objective)
    x, y = (
        torch.empty(3, 5, FEATURES, device="meta"),
        torch.zeros(3, 5, dtype=torch.long, device="meta"),
    )
    assert stack.backward(x, y).shape == (3,)
    assert any(p.grad is not None for p in stack.trained)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("form", OBJECTIVES)
@pytest.mark.parametrize("rule", RULES)
def test_on_cuda_a_stack_trains_each_replicate_as_it_is_trained_alone(rule: str, form: str) -> None:
    objective, task = OBJECTIVES[form], task_of()
    torch.backends.cuda.matmul.allow_tf32 = False
    ours, theirs = ([(n.cuda(), r.cuda()) for n, r in pairs_of(rule, objective)] for _ in range(2))
    found = stacked(ours, [task] * 3, objective, "cuda")
    check_same(
        ours, theirs, found, one_by_one(theirs, [task] * 3, objective, "cuda"), torch.float32
    )


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("rule", RULES)
def test_on_cuda_the_step_is_recorded_and_replayed(rule: str) -> None:
    pairs = [(n.cuda(), r.cuda()) for n, r in pairs_of(rule, Objective())]
    stack = _Stack([n for n, _ in pairs], [r for _, r in pairs], Objective())
    optimizer = torch.optim.AdamW(
        stack.trained, lr=torch.tensor(1e-2, device="cuda"), fused=True, capturable=True
    )

    def step(x: Tensor, y: Tensor) -> None:
        stack.backward(x, y)
        optimizer.step()

    recorded = _Recorded(step, stack)
    for number in (1, 2):
        for x, y in epoch_of(batches_of([task_of()] * 3, "cuda"), number):
            recorded(x, y)
    assert recorded.graph is not None
