"""Controls of known alignment, the error of finite differences, the published recipe, nudging,
fresh feedback.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits import (
    alignment,
    cosine,
    direction_stability,
    effective_samples,
    fresh_feedback,
    nudging,
    planted,
    published,
    read_signals,
    rho,
    rho_error,
    shuffled,
)
from faeval.bench.networks import ResidualMLP, states_of
from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    Rule,
    Setup,
    state_gradients,
)
from faeval.bench.tasks import Task
from faeval.bench.training import Batches, Objective, fit
from faeval.experiment import stream

FEATURES, WIDTH, BLOCKS, CLASSES, N = 10, 24, 3, 4, 512
Subject = tuple[ResidualMLP, Rule, Tensor, Tensor]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def dfa() -> Subject:
    draw = np.random.default_rng(3)
    x = draw.standard_normal((1024 + N, FEATURES)).astype(np.float32)
    y = np.argmax(
        np.tanh(x @ draw.standard_normal((FEATURES, 16))) @ draw.standard_normal((16, CLASSES)),
        axis=1,
    )
    task = Task(x[:1024], y[:1024], x[1024:], y[1024:], CLASSES)
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1))
    batches = Batches(task, 1, 64, augment=False)
    fit(network, rule, batches, Objective(), epochs=12, learning_rate=3e-3, weight_decay=0.01)
    inputs, labels = (
        torch.from_numpy(np.array(task.test_x)).double(),
        torch.from_numpy(np.array(task.test_y)),
    )
    return network.double().eval(), rule.double().eval(), inputs, labels


def values(rows: list[Row], metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


@given(st.floats(-1, 1), st.integers(2, 40), st.floats(-30, 30), st.integers(0, 9))
def test_a_planted_signal_has_the_cosine_that_was_asked_for_and_the_gradient_s_norm(
    dose: float, width: int, decade: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    gradient = 10**decade * torch.from_numpy(draw.standard_normal((6, width)))
    signal = planted(gradient, dose, draw)
    torch.testing.assert_close(
        cosine(signal, gradient), torch.full((6,), dose).double(), atol=1e-7, rtol=0
    )
    torch.testing.assert_close(signal.norm(dim=1), gradient.norm(dim=1), rtol=1e-12, atol=0)


@given(st.integers(2, 50), st.integers(0, 9))
def test_shuffled_credit_keeps_every_row_once_and_none_in_its_place(n: int, seed: int) -> None:
    credit = torch.arange(n).double()[:, None]
    found = shuffled(credit, np.random.default_rng(seed))
    assert sorted(found[:, 0].tolist()) == credit[:, 0].tolist()
    assert not bool((found == credit).any())


def test_the_instrument_reads_back_every_dose_on_the_audited_checkpoint(dfa: Subject) -> None:
    rows, _ = alignment(*dfa, seed=1, directions=32)
    gradients = state_gradients(dfa[0], states_of(dfa[0], dfa[2])[0][0], dfa[3])
    for dose in (0.0, 0.1, 0.3, 1.0):
        for read, g in zip(values(rows, f"control_planted_{dose:g}"), gradients, strict=True):
            # The planted signal weighs each sample as the gradient does, so that this is its error.
            error = (1 - dose**2) / math.sqrt(effective_samples(g, g) * 32)
            assert abs(read - dose) <= 4 * error + 1e-6, dose
    for read, g in zip(values(rows, "control_shuffled"), gradients, strict=True):
        assert abs(read) < 6 / math.sqrt(
            effective_samples(g, g)
        )  # samples of one class share some of their credit


def test_finite_differences_agree_with_the_closed_form_within_the_error_they_report(
    dfa: Subject,
) -> None:
    rows, _ = alignment(*dfa, seed=1)
    for closed, read, error in zip(
        *(values(rows, m) for m in ("rho", "rho_fd", "rho_fd_error")), strict=True
    ):
        assert abs(read - closed) < 4 * error
        assert error > 0.005  # eight directions cannot do better on 512 samples


@pytest.mark.parametrize("tail", [0.0, 1.5], ids=["alike", "heavy"])
def test_the_reported_error_is_the_spread_over_repeated_directions(tail: float) -> None:
    # Samples of very different weight: n * M would promise far too much.
    draw = np.random.default_rng(0)
    weight = torch.from_numpy(np.exp(tail * draw.standard_normal((200, 1))))
    gradient = torch.from_numpy(draw.standard_normal((200, 50))) * weight
    credit = 0.4 * gradient + 0.9 * torch.from_numpy(draw.standard_normal((200, 50))) * weight

    def loss(h: Tensor) -> Tensor:
        return (h * gradient).sum(dim=1)

    state, directions = torch.zeros(200, 50).double(), 4
    read = [
        read_signals(loss, state, {"rho": credit}, np.random.default_rng(k), directions)["rho"]
        for k in range(300)
    ]
    spread, promised = float(np.std(read, ddof=1)), rho_error(credit, gradient, directions)
    assert promised == pytest.approx(
        spread, rel=0.2
    )  # 300 repetitions know their spread to 4 %; unit directions in 50
    naive = (1 - rho(credit, gradient) ** 2) / math.sqrt(200 * directions)
    if tail:
        assert naive < 0.5 * spread
        # The same to leading order, by the effective sample size alone.
        by_size = (1 - rho(credit, gradient) ** 2) / math.sqrt(
            effective_samples(credit, gradient) * directions
        )
        assert promised == pytest.approx(by_size, rel=0.5)


def test_chunks_change_results_by_rounding_alone(dfa: Subject) -> None:
    whole, _ = alignment(*dfa, seed=1, items=True)
    for chunk in (100, 511, 10_000):  # one sample at a time takes long, and shows no more
        parts, _ = alignment(*dfa, seed=1, items=True, chunk=chunk)
        for a, b in zip(whole, parts, strict=True):
            assert (a["metric"], a["layer"], a["status"]) == (b["metric"], b["layer"], b["status"])
            assert a["value"] == pytest.approx(b["value"], rel=1e-9, abs=1e-9), (chunk, a["metric"])


def test_direction_stability_is_the_mean_cosine_of_batch_means() -> None:
    draw = np.random.default_rng(0)
    gradient = torch.from_numpy(draw.standard_normal((83, 6)) + 0.5)
    means = [gradient[10 * k : 10 * k + 10].numpy().mean(0) for k in range(8)]
    pairs = [
        np.dot(means[i], means[j]) / np.linalg.norm(means[i]) / np.linalg.norm(means[j])
        for i in range(8)
        for j in range(i)
    ]
    assert direction_stability(gradient) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert direction_stability(1e-200 * gradient) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert direction_stability(torch.ones(16, 3).double()) == pytest.approx(1)
    assert math.isnan(direction_stability(torch.zeros(16, 3).double()))
    assert math.isnan(direction_stability(gradient[:7]))


def single(subject: Subject) -> Subject:
    network, rule, x, y = copy.deepcopy(subject)
    return network.float(), rule.float(), x.float(), y


def test_the_published_recipe_reads_what_float64_reads_where_gradients_are_large(
    dfa: Subject,
) -> None:
    rows = published(*single(dfa), seed=1)
    exact, _ = alignment(*dfa, seed=1)
    assert min(values(rows, "published.control_true")) > 0.95
    for read, closed, size in zip(
        *(values(rows, "published.rho"), values(exact, "rho"), values(exact, "effective_samples")),
        strict=True,
    ):
        assert abs(read - closed) < 4 / math.sqrt(size * 32) + 0.02
    torch.testing.assert_close(
        torch.tensor(values(rows, "published.cosine")),
        torch.tensor(values(exact, "cosine")),
        atol=1e-4,
        rtol=0,
    )


def test_the_published_recipe_drowns_in_float32_and_its_own_control_says_so(dfa: Subject) -> None:
    # A stream a million times as large has gradients a million times smaller: an absolute step of
    # 1e-3 moves nothing.
    network, rule, x, y = copy.deepcopy(dfa)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("embedding") or ".second." in name:
                parameter.mul_(1e6)
    exact, _ = alignment(network, rule, x, y, seed=1)
    rows = published(*single((network, rule, x, y)), seed=1)
    assert max(abs(v) for v in values(rows, "published.control_true")[1:]) < 0.5
    assert min(values(exact, "control_true")[1:]) > 0.99
    # Under study: what it reads is what is asked, even where it reads nothing but rounding, or no
    # change at all.
    assert {row["status"] for row in rows} <= {"measured", "undefined"}


def test_the_published_cosine_shrinks_where_gradients_fall_under_its_clamp(dfa: Subject) -> None:
    network, rule, x, y = copy.deepcopy(dfa)
    with torch.no_grad():
        for parameter in network.get_submodule("head").parameters():
            parameter.mul_(1e-12)
    exact = values(alignment(network, rule, x, y, seed=1, directions=0)[0], "cosine")
    clamped = values(
        published(*single((network, rule, x, y)), seed=1, directions=2), "published.cosine"
    )
    assert max(map(abs, exact)) > 0.1
    assert max(map(abs, clamped)) < 1e-3


def test_nudging_is_the_mean_change_of_each_sample_s_own_loss(dfa: Subject) -> None:
    network, rule, x, y = dfa
    rows = nudging(network, rule, x, y)
    states, logits = states_of(network, x)
    signals = rule.credit(network, states, logits, y)
    gradients = state_gradients(network, states[0], y)
    before = functional.cross_entropy(logits, y)
    for layer, (h, a, g) in enumerate(zip(states, signals, gradients, strict=True)):
        for name, step in (
            ("nudge", 0.01 * a),
            ("nudge_0.1", 0.1 * a),
            ("nudge_matched_0.01", 0.01 * h.norm(dim=1, keepdim=True) * functional.normalize(a)),
            (
                "nudge_gradient_0.1",
                0.1 * h.norm(dim=1, keepdim=True) * functional.normalize(g, eps=1e-300),
            ),
        ):
            moved = h - step
            for block in network.blocks[layer:]:
                moved = block(moved)
            expected = functional.cross_entropy(network.readout(moved), y) - before
            assert values(rows, name)[layer] == pytest.approx(
                float(expected.detach()), rel=1e-6, abs=1e-12
            ), name
        # A small step is linear: -eta <a, g>.
        assert values(rows, "nudge_0.001")[layer] == pytest.approx(
            -0.001 * float((a * g).sum(1).mean()), rel=0.05, abs=1e-5
        )
    assert max(values(rows, "nudge_gradient_0.001")) < 0
    for raw, best in zip(
        values(rows, "nudge_matched_0.001"), values(rows, "nudge_gradient_0.001"), strict=True
    ):
        assert raw > best  # no direction does better than the gradient's, to first order


def test_nudging_by_nothing_is_undefined_and_by_too_little_below_floor(dfa: Subject) -> None:
    network, rule, x, y = copy.deepcopy(dfa)
    rule.feedback[2].zero_()  # type: ignore[operator, index, union-attr]
    rule.feedback[1].mul_(1e-14)  # type: ignore[operator, index, union-attr]
    found = {(r["metric"], r["layer"]): r["status"] for r in nudging(network, rule, x, y)}
    assert found["nudge_matched_0.01", 2] == "undefined"
    assert found["nudge", 1] == found["nudge", 2] == "below_floor"
    assert found["nudge", 3] == found["nudge_matched_0.01", 1] == "measured"


def test_fresh_feedback_is_the_null_of_the_checkpoint_s_own(dfa: Subject) -> None:
    network, rule, x, y = dfa

    def make(draw: int) -> Rule:
        return DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 50 + draw)).double()

    rows = fresh_feedback(network, rule, make, x, y)
    own = values(alignment(network, rule, x, y, seed=1, directions=0)[0], "cosine")
    centres, spreads = values(rows, "fresh_cosine"), values(rows, "fresh_cosine_spread")
    for centre, spread in zip(centres, spreads, strict=True):
        assert abs(centre) < 4 * spread / math.sqrt(20)
    assert own[0] > 3 * spreads[0]
    same = fresh_feedback(network, rule, lambda _: rule, x, y, draws=2)
    assert values(same, "fresh_cosine") == pytest.approx(own, abs=1e-12)
    assert values(same, "fresh_cosine_spread") == pytest.approx([0.0] * (BLOCKS + 1), abs=1e-12)
    nothing = fresh_feedback(network, Backpropagation(), lambda _: Backpropagation(), x, y)
    assert {row["status"] for row in nothing} == {"undefined"}


def test_controls_come_from_named_streams(dfa: Subject) -> None:
    torch.manual_seed(0)
    first, _ = alignment(*dfa, seed=1)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the state that must not matter
    assert alignment(*dfa, seed=1)[0] == first
    assert values(alignment(*dfa, seed=2)[0], "rho_fd") != values(first, "rho_fd")
    assert published(*single(dfa), seed=1) == published(*single(dfa), seed=1)
    assert bool(np.isfinite(stream(1, "perturbation", 0).standard_normal(3)).all())
