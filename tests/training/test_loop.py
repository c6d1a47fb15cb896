"""The loop against a plain one: schedule, optimiser, determinism, pairing of arms, divergence."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from faeval.networks import ResidualMLP
from faeval.rules import Backpropagation, DirectFeedbackAlignment, Rule, Setup
from faeval.tasks import Task
from faeval.training import Batches, History, Objective, fit

FEATURES, WIDTH, BLOCKS, CLASSES = 6, 8, 2, 3


def task_of(n: int = 40, dtype: type[np.floating] = np.float32) -> Task:
    draw = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    x = (draw.standard_normal((n, FEATURES)) + y[:, None]).astype(dtype)
    return Task(x, y, x, y, CLASSES)


class Spy(Batches):
    """Batches that remember what they gave."""

    def __init__(self, task: Task, seed: int, size: int) -> None:
        super().__init__(task, seed, size, augment=False)
        self.given: list[tuple[Tensor, Tensor]] = []

    def epoch(self, number: int):  # type: ignore[no-untyped-def] # Batches.epoch says it
        for pair in super().epoch(number):
            self.given.append(pair)
            yield pair


def run(
    rule: str = "dfa", objective: Objective | None = None, *, seed: int = 1, epochs: int = 3, learning_rate: float = 1e-2,
    after_epoch: Callable[[int], None] | None = None, batches: Batches | None = None,
) -> tuple[ResidualMLP, Rule, History]:  # fmt: skip
    objective = objective or Objective()
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed)
    module: Rule = (
        Backpropagation()
        if rule == "bp"
        else DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, seed, objective.credit_site))
    )
    history = fit(
        network, module, batches or Batches(task_of(), seed, 10, augment=False), objective, epochs=epochs,
        learning_rate=learning_rate, weight_decay=0.01, after_epoch=after_epoch or (lambda epoch: None),
    )  # fmt: skip
    return network, module, history


def test_it_is_adamw_with_a_cosine_schedule_from_the_rate_to_zero() -> None:
    # The reference: PyTorch's unfused AdamW and its own CosineAnnealingLR over all steps, in float64.
    task, epochs = task_of(dtype=np.float64), 5
    batches = Batches(task, 1, 10, augment=False)
    ours, theirs = (ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1).double() for _ in range(2))
    history = fit(ours, Backpropagation(), batches, Objective(), epochs=epochs, learning_rate=0.02, weight_decay=0.1)
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
    # Loshchilov and Hutter 2019, algorithm 2, at t = 1: m/(sqrt(v) + eps) is the gradient's sign, so a parameter moves by
    # lr (sign + decay p). One epoch of one batch: no later step blurs it.
    before = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    network, _, _ = run(epochs=1, batches=Batches(task_of(), 1, 40, augment=False))
    for old, new in zip(before.parameters(), network.parameters(), strict=True):
        assert new.grad is not None
        expected = old - 1e-2 * (torch.sign(new.grad) + 0.01 * old)
        clear = new.grad.abs() > 1e-5
        torch.testing.assert_close(new[clear], expected[clear], rtol=1e-3, atol=2e-5)


def test_training_learns() -> None:
    for rule in ("bp", "dfa"):
        _, _, history = run(rule, epochs=20)
        assert history.diverged is None
        assert len(history.losses) == 20
        assert history.losses[-1] < 0.6 * history.losses[0]


@pytest.mark.parametrize("rule", ["bp", "dfa"])
def test_two_fits_of_one_seed_agree_to_the_bit_whatever_the_global_generator_holds(rule: str) -> None:
    torch.manual_seed(0)
    first, _, one = run(rule)
    torch.manual_seed(123)
    np.random.seed(9)  # noqa: NPY002 - the global generator is what must not matter
    second, _, two = run(rule)
    assert one == two
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    third, _, _ = run(rule, seed=2)
    assert not any(torch.equal(a, b) for a, b in zip(first.parameters(), third.parameters(), strict=True))


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
        assert not all(torch.equal(a, b) for a, b in zip(starts[-1], network.parameters(), strict=True))
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
    assert torch.equal(rule.feedback, DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1)).feedback)


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


def test_weights_that_overflow_in_the_last_step_are_divergence_though_every_loss_was_finite() -> None:
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
        network, rule, batches, Objective(), epochs=5, learning_rate=1e-2, weight_decay=0.01, after_epoch=poison
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
    history = fit(network, rule, batches, Objective(0.5), epochs=1, learning_rate=0.0, weight_decay=0.5)
    assert history.losses == pytest.approx((sum(expected) / 4,), rel=1e-6)
    start = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)  # at rate 0 nothing moves, decay included
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), start.parameters(), strict=True))
