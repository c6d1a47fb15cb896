"""The loop against a plain one: schedule, optimiser, determinism, pairing of arms, divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from faeval.bench.networks import Network, ResidualMLP, check_network
from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    DirectRandomTargetProjection,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    Setup,
    SignSymmetric,
)
from faeval.bench.tasks import Task
from faeval.bench.training import Batches, History, Objective, check_credit, fit, load, save
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 6, 8, 2, 3


RULES = {
    "bp": Backpropagation,
    "fa": FeedbackAlignment,
    "dfa": DirectFeedbackAlignment,
    "drtp": DirectRandomTargetProjection,
    "sign_symmetric": SignSymmetric,
    "batchwise": partial(SignSymmetric, magnitude="batchwise"),
    "kolen_pollack": KolenPollack,
}


def task_of(n: int = 40) -> Task:
    draw = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    x = (draw.standard_normal((n, FEATURES)) + y[:, None]).astype(np.float32)
    return Task(x, y, x, y, CLASSES)


class Double(Batches):
    """Batches in float64, to see past rounding."""

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in super().epoch(number):
            yield x.double(), y


class Spy(Batches):
    """Batches that remember what they gave."""

    def __init__(self, task: Task, seed: int, size: int) -> None:
        super().__init__(task, seed, size, augment=False)
        self.given: list[tuple[Tensor, Tensor]] = []

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for pair in super().epoch(number):
            self.given.append(pair)
            yield pair


def run(
    rule: str = "dfa",
    objective: Objective | None = None,
    *,
    seed: int = 1,
    epochs: int = 3,
    learning_rate: float = 1e-2,
    after_epoch: Callable[[int], None] | None = None,
    batches: Batches | None = None,
) -> tuple[ResidualMLP, Rule, History]:
    objective = objective or Objective()
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed)
    module: Rule = RULES[rule](Setup(WIDTH, BLOCKS, CLASSES, seed, objective.credit_site, network))
    history = fit(
        network,
        module,
        batches or Batches(task_of(), seed, 10, augment=False),
        objective,
        epochs=epochs,
        learning_rate=learning_rate,
        weight_decay=0.01,
        after_epoch=after_epoch or (lambda epoch: None),
    )
    return network, module, history


def test_it_is_adamw_with_a_cosine_schedule_from_the_rate_to_zero() -> None:
    # The reference: PyTorch's unfused AdamW and its own CosineAnnealingLR over all steps, in
    # float64.
    batches, epochs = Double(task_of(), 1, 10, augment=False), 5
    ours, theirs = (ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1).double() for _ in range(2))
    history = fit(
        ours,
        Backpropagation(),
        batches,
        Objective(),
        epochs=epochs,
        learning_rate=0.02,
        weight_decay=0.1,
    )
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.02, weight_decay=0.1, foreach=False)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * batches.steps)
    losses = []
    for epoch in range(1, epochs + 1):
        seen = []
        for x, y in batches.epoch(epoch):
            optimizer.zero_grad()
            loss = functional.cross_entropy(theirs(x), y)
            loss.backward()  # type: ignore[no-untyped-call] # torch's own
            optimizer.step()
            schedule.step()
            seen.append(loss.item())
        losses.append(sum(seen) / len(seen))
    assert history.diverged is None
    assert history.losses == pytest.approx(losses, rel=1e-9)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-10)


def test_adamw_s_first_step_is_known_and_the_schedule_starts_at_the_full_rate() -> None:
    # Loshchilov and Hutter 2019, algorithm 2, at t = 1: m/(sqrt(v) + eps) is the gradient's sign,
    # so a parameter moves by lr (sign + decay p). One epoch of one batch: no later step blurs it.
    before = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    network, _, _ = run(epochs=1, batches=Batches(task_of(), 1, 40, augment=False))
    for old, new in zip(before.parameters(), network.parameters(), strict=True):
        assert new.grad is not None
        expected = old - 1e-2 * (torch.sign(new.grad) + 0.01 * old)
        clear = new.grad.abs() > 1e-5
        torch.testing.assert_close(new[clear], expected[clear], rtol=1e-3, atol=2e-5)


def test_training_learns() -> None:
    for rule in RULES:
        _, _, history = run(rule, epochs=20)
        assert history.diverged is None
        assert len(history.losses) == 20
        # A projected target pushes on when a sample is right already: drtp learns more slowly.
        assert history.losses[-1] < (0.95 if rule == "drtp" else 0.65) * history.losses[0], rule


@pytest.mark.parametrize("rule", RULES)
def test_two_fits_of_one_seed_agree_to_the_bit_whatever_the_global_generator_holds(
    rule: str,
) -> None:
    torch.manual_seed(0)
    first, _, one = run(rule)
    torch.manual_seed(123)
    np.random.seed(9)  # noqa: NPY002 - the global generator is what must not matter
    second, _, two = run(rule)
    assert one == two
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    third, _, _ = run(rule, seed=2)
    assert not any(
        torch.equal(a, b) for a, b in zip(first.parameters(), third.parameters(), strict=True)
    )


def test_arms_of_one_seed_share_start_feedback_and_batches() -> None:
    arms = [
        ("dfa", Objective()), ("dfa", Objective(1e-2)), ("dfa", Objective(0.0, "input", "unit")),
        ("dfa", Objective(1e-2, "input", "unit")), ("bp", Objective()), ("bp", Objective(1e-2)),
    ]  # fmt: skip
    spies, feedback, starts = [], [], []
    for rule, objective in arms:
        spy = Spy(task_of(), 4, 10)
        network, module, _ = run(rule, objective, seed=4, epochs=0, batches=spy)
        starts.append([p.detach().clone() for p in network.parameters()])
        network, module, _ = run(rule, objective, seed=4, batches=spy)
        spies.append(spy.given)
        feedback += [module.feedback] if isinstance(module, DirectFeedbackAlignment) else []
        assert not all(
            torch.equal(a, b) for a, b in zip(starts[-1], network.parameters(), strict=True)
        )
    for start, given in zip(starts[1:], spies[1:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(start, starts[0], strict=True))
        assert len(given) == len(spies[0]) == 3 * 4
        for (x, y), (first_x, first_y) in zip(given, spies[0], strict=True):
            assert torch.equal(x, first_x)
            assert torch.equal(y, first_y)
    assert all(torch.equal(matrices[:BLOCKS], feedback[0][:BLOCKS]) for matrices in feedback)


def test_feedback_is_never_trained() -> None:
    _, rule, _ = run()
    assert isinstance(rule, DirectFeedbackAlignment)
    assert torch.equal(
        rule.feedback, DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1)).feedback
    )


def test_after_epoch_is_called_once_for_each_epoch_with_the_weights_it_left() -> None:
    called: list[int] = []
    _, _, history = run(epochs=4, after_epoch=called.append)
    assert called == [1, 2, 3, 4]
    assert len(history.losses) == 4


def test_an_impossible_rate_diverges_and_says_in_which_epoch() -> None:
    called: list[int] = []
    _, _, history = run(learning_rate=1e30, after_epoch=called.append)
    assert history == History((), diverged=1)
    assert called == []


def test_weights_that_overflow_in_the_last_step_are_divergence_though_every_loss_was_finite() -> (
    None
):
    batches = Batches(task_of(), 1, 40, augment=False)  # one step an epoch
    _, _, history = run(learning_rate=3e38, epochs=2, batches=batches)
    assert history == History((), diverged=1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_divergence_in_a_later_epoch_keeps_the_losses_before_it(value: float) -> None:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    called: list[int] = []

    def poison(epoch: int) -> None:
        called.append(epoch)
        if epoch == 2:
            with torch.no_grad():
                network.head.weight[0, 0] = value

    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1))
    batches = Batches(task_of(), 1, 10, augment=False)
    history = fit(
        network,
        rule,
        batches,
        Objective(),
        epochs=5,
        learning_rate=1e-2,
        weight_decay=0.01,
        after_epoch=poison,
    )
    assert history.diverged == 3
    assert len(history.losses) == 2
    assert called == [1, 2]


def test_a_mean_loss_is_over_the_batches_of_its_epoch() -> None:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    batches = Batches(task_of(), 1, 10, augment=False)
    with torch.no_grad():
        expected = [functional.cross_entropy(network(x), y).item() for x, y in batches.epoch(1)]
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1))
    history = fit(
        network, rule, batches, Objective(0.5), epochs=1, learning_rate=0.0, weight_decay=0.5
    )
    assert history.losses == pytest.approx((sum(expected) / 4,), rel=1e-6)
    start = ResidualMLP(
        FEATURES, WIDTH, BLOCKS, CLASSES, 1
    )  # at rate 0 nothing moves, decay included
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), start.parameters(), strict=True)
    )


# Blocks that do not learn.


def in_block(name: str, low: int, high: int) -> bool:
    return name.startswith("blocks.") and low <= int(name.split(".")[1]) < high


@pytest.mark.parametrize("k", range(BLOCKS + 1))
@pytest.mark.parametrize("rule", RULES)
def test_blocks_that_do_not_learn_keep_every_bit_whatever_the_decay(rule: str, k: int) -> None:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1)  # so that a decay would be seen in biases too
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    module = RULES[rule](Setup(WIDTH, BLOCKS, CLASSES, 1, "output", network))
    objective = Objective(0.01, trained_blocks=k)
    batches = Batches(task_of(), 1, 10, augment=False)
    history = fit(
        network, module, batches, objective, epochs=2, learning_rate=1e-2, weight_decay=0.5
    )
    assert history.diverged is None
    for name, p in network.named_parameters():
        assert torch.equal(p, before[name]) is in_block(name, 0, BLOCKS - k), name


@pytest.mark.parametrize("rule", RULES)
def test_training_all_blocks_by_their_number_is_training_all(rule: str) -> None:
    first, one, losses = run(rule, Objective(0.01))
    second, other, again = run(rule, Objective(0.01, trained_blocks=BLOCKS))
    assert losses == again
    for a, b in ((first, second), (one, other)):
        assert all(torch.equal(v, b.state_dict()[name]) for name, v in a.state_dict().items())


def test_the_frozen_baseline_is_that_of_its_rule_and_learns() -> None:
    objective = Objective(trained_blocks=0)
    found = {rule: run(rule, objective, epochs=20) for rule in ("bp", "fa", "dfa")}
    for _, _, history in found.values():
        assert history.losses[-1] < 0.9 * history.losses[0]
    # Blocks and head start alike; what differs is what the embedding was told.
    for a, b in (("bp", "fa"), ("bp", "dfa"), ("fa", "dfa")):
        assert not torch.equal(found[a][0].embedding.weight, found[b][0].embedding.weight)
        for mine, others in zip(
            found[a][0].blocks.parameters(), found[b][0].blocks.parameters(), strict=True
        ):
            assert torch.equal(mine, others)


def test_an_embedding_without_credit_leaves_a_linear_readout_of_fixed_features() -> None:
    # The reference: the head and the norm alone, on states that never move, by PyTorch's own AdamW
    # and schedule.
    class Nothing(Rule):
        def credit(
            self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> list[Tensor]:
            return [torch.zeros_like(h) for h in states]

    network, same = (ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1).double() for _ in range(2))
    batches = Double(task_of(), 1, 40, augment=False)
    fit(
        network,
        Nothing(),
        batches,
        Objective(trained_blocks=0),
        epochs=6,
        learning_rate=0.02,
        weight_decay=0.0,
    )
    optimizer = torch.optim.AdamW(
        [*same.norm.parameters(), *same.head.parameters()], lr=0.02, weight_decay=0.0
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
    for epoch in range(1, 7):
        ((x, y),) = batches.epoch(epoch)
        optimizer.zero_grad()
        functional.cross_entropy(same(x), y).backward()  # type: ignore[no-untyped-call] # torch's own
        optimizer.step()
        schedule.step()
    for (name, a), b in zip(network.named_parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("k", [-1, BLOCKS + 1])
def test_a_number_of_trained_blocks_that_there_is_not_is_refused_before_the_first_step(
    k: int,
) -> None:
    spy = Spy(task_of(), 1, 10)
    with pytest.raises(
        FaevalError, match=rf"^trained_blocks={k} of {BLOCKS} blocks; give 0 .* to {BLOCKS}\.$"
    ):
        run("dfa", Objective(trained_blocks=k), batches=spy)
    assert not spy.given


# A rule's own part in a step.


class Diary(DirectFeedbackAlignment):
    """A rule that learns one number, has another counted, and writes down when it is asked what."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("count", torch.tensor(0))
        self.written: list[tuple[str, Tensor, float]] = []

    def note(self, what: str, network: Network) -> None:
        weights = torch.cat([p.detach().flatten() for p in network.parameters()])
        self.written.append((what, weights, self.gain.item()))

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        self.note("credit", network)
        return [self.gain.item() * a for a in super().credit(network, states, logits, labels)]

    def loss(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor:
        self.note("loss", network)
        return (self.gain - 3.0).square()

    def after_step(self, network: Network) -> None:
        self.note("after", network)
        self.get_buffer("count").add_(1)


def kept(
    rate: float = 1e-2, decay: float = 0.01, epochs: int = 3, size: int = 10
) -> tuple[ResidualMLP, Diary]:
    network, rule = (
        ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1),
        Diary(Setup(WIDTH, BLOCKS, CLASSES, 1)),
    )
    batches = Batches(task_of(), 1, size, augment=False)
    fit(network, rule, batches, Objective(), epochs=epochs, learning_rate=rate, weight_decay=decay)
    return network, rule


def test_a_step_asks_for_credit_then_for_the_loss_then_updates_and_then_tells_the_rule() -> None:
    network, rule = kept()
    steps = 3 * 4
    assert [what for what, _, _ in rule.written] == ["credit", "loss", "after"] * steps
    assert int(rule.get_buffer("count")) == steps
    weights, gains = [w for _, w, _ in rule.written], [g for _, _, g in rule.written]
    start = torch.cat(
        [
            p.detach().flatten()
            for p in ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1).parameters()
        ]
    )
    for step in range(steps):
        credit, loss, after = (weights[3 * step + i] for i in range(3))
        assert torch.equal(
            credit, weights[3 * step - 1] if step else start
        )  # nothing lies between two steps
        assert torch.equal(loss, credit)
        assert not torch.equal(after, loss)  # the update was there already: of the network
        assert gains[3 * step + 2] != gains[3 * step + 1]  # and of the rule
    assert torch.equal(weights[-1], torch.cat([p.detach().flatten() for p in network.parameters()]))


def test_a_rule_s_own_parameter_learns_by_the_network_s_optimiser() -> None:
    # AdamW's first step, as above: 1 - 0.1 (sign(2 (1 - 3)) + 0.5 * 1) = 1.05.
    _, rule = kept(rate=0.1, decay=0.5, epochs=1, size=40)
    assert rule.gain.item() == pytest.approx(1.05, rel=1e-6)
    _, rule = kept(rate=0.1, decay=0.0, epochs=60)
    assert rule.gain.item() == pytest.approx(3.0, abs=1e-2)  # where its loss is least


def test_what_a_rule_learned_travels_with_the_checkpoint(tmp_path: Path) -> None:
    network, rule = kept()
    assert rule.gain.item() != 1.0
    sha256 = save(network, rule, tmp_path / "c.safetensors")
    other, fresh = (
        ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 9),
        Diary(Setup(WIDTH, BLOCKS, CLASSES, 9)),
    )
    load(other, fresh, tmp_path / "c.safetensors", sha256)
    assert set(fresh.state_dict()) == {"feedback", "gain", "count"}
    assert all(
        torch.equal(value, fresh.state_dict()[name]) for name, value in rule.state_dict().items()
    )
    assert fresh.gain.requires_grad


def test_a_rule_s_parameter_that_is_no_number_any_more_is_divergence() -> None:
    class Wild(Diary):
        def loss(
            self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> Tensor:
            return self.gain * torch.inf

        def credit(
            self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
        ) -> list[Tensor]:
            return [torch.zeros_like(h) for h in states]

    network, rule = (
        ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1),
        Wild(Setup(WIDTH, BLOCKS, CLASSES, 1)),
    )
    batches = Batches(task_of(), 1, 40, augment=False)
    history = fit(
        network, rule, batches, Objective(), epochs=3, learning_rate=1e-2, weight_decay=0.01
    )
    assert history.diverged == 1
    assert all(bool(p.isfinite().all()) for p in network.parameters())


# Somebody's own network.


class Plain(nn.Module):
    """A network in a few lines: no base class, no branch, no norm."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(FEATURES, WIDTH)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(BLOCKS)
        )
        self.readout = nn.Linear(WIDTH, CLASSES)
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_((torch.rand(p.shape, generator=draw) * 2 - 1) / math.sqrt(p.shape[-1]))


@pytest.mark.parametrize(
    "objective",
    [Objective(), Objective(1e-3, "input", "unit"), Objective(trained_blocks=1)],
    ids=str,
)
@pytest.mark.parametrize("rule", RULES)
def test_a_plain_module_passes_the_check_and_trains_under_every_rule(
    rule: str, objective: Objective
) -> None:
    network: Any = Plain()
    x, y = next(iter(Batches(task_of(), 1, 10, augment=False).epoch(1)))
    assert check_network(network, x, CLASSES) == WIDTH
    module = RULES[rule](Setup(WIDTH, BLOCKS, CLASSES, 1, objective.credit_site, network))
    check_credit(module, network, x, y)
    start = [p.detach().clone() for p in network.parameters()]
    batches = Batches(task_of(), 1, 10, augment=False)
    history = fit(
        network, module, batches, objective, epochs=25, learning_rate=1e-2, weight_decay=0.01
    )
    assert history.diverged is None
    assert history.losses[-1] < (0.97 if rule == "drtp" else 0.8) * history.losses[0]
    frozen = objective.frozen(BLOCKS)
    for (name, p), before in zip(network.named_parameters(), start, strict=True):
        assert torch.equal(p, before) is in_block(name, 0, frozen), name
