"""The audit of a checkpoint: closed forms against finite differences, controls that work and
controls that fail.
"""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits import (
    ITEM_BLOCKS,
    alignment,
    controls,
    cosine,
    effective_samples,
    evaluation,
    loss_changes,
    loss_from,
    pooled_correlation,
    rho,
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
from faeval.experiment import CONTROL_FLOOR, METRICS, stream

FEATURES, WIDTH, BLOCKS, CLASSES, N = 10, 24, 3, 4, 512
Subject = tuple[ResidualMLP, Rule, Tensor, Tensor]
Row = dict[str, Any]


def task_of() -> Task:
    draw = np.random.default_rng(3)
    x = draw.standard_normal((1024 + N, FEATURES)).astype(np.float32)
    y = np.argmax(
        np.tanh(x @ draw.standard_normal((FEATURES, 16))) @ draw.standard_normal((16, CLASSES)),
        axis=1,
    )
    return Task(x[:1024], y[:1024], x[1024:], y[1024:], CLASSES)


def trained(rule: str, objective: Objective, seed: int = 1) -> Subject:
    task = task_of()
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed)
    module: Rule = (
        Backpropagation()
        if rule == "bp"
        else DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, seed, objective.credit_site))
    )
    batches = Batches(task, seed, 64, augment=False)
    fit(network, module, batches, objective, epochs=12, learning_rate=3e-3, weight_decay=0.01)
    x, y = torch.from_numpy(np.array(task.test_x)).double(), torch.from_numpy(np.array(task.test_y))
    return network.double().eval(), module.double().eval(), x, y


ARMS = {
    "standard": ("dfa", Objective()),
    "penalised": ("dfa", Objective(1e-2)),
    "published": ("dfa", Objective(0.0, "input", "unit")),
    "bp": ("bp", Objective()),
}


@pytest.fixture(scope="module", params=list(ARMS.values()), ids=list(ARMS))
def subject(request: pytest.FixtureRequest) -> Subject:
    return trained(*request.param)


@pytest.fixture(scope="module")
def dfa() -> Subject:
    return trained("dfa", Objective())


def values(rows: list[Row], metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def statuses(rows: list[Row], metric: str) -> list[str]:
    return [row["status"] for row in rows if row["metric"] == metric]


def signals_of(subject: Subject) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    network, rule, x, y = subject
    states, logits = states_of(network, x)
    return states, rule.credit(network, states, logits, y), state_gradients(network, states[0], y)


def test_closed_forms_agree_with_finite_differences_within_three_standard_errors(
    subject: Subject,
) -> None:
    network, _, _, y = subject
    states, signals, gradients = signals_of(subject)
    directions = 40
    for layer, (h, a, g) in enumerate(zip(states, signals, gradients, strict=True)):
        predicted, observed = [], []
        draw = np.random.default_rng(100 + layer)
        for displacement, change in loss_changes(loss_from(network, layer, y), h, draw, directions):
            # Steps are relative to |h|: undone, so that the samples weigh as in the definition.
            size = displacement.norm(dim=1)
            predicted.append((displacement * a).sum(1) / size)
            observed.append(change / size)
        found = pooled_correlation(torch.stack(predicted), torch.stack(observed))
        # A pooled correlation over unit directions rests on effective_samples * directions pairs.
        error = 1 / math.sqrt(effective_samples(a, g) * directions)
        assert abs(found - rho(a, g)) < 3 * error, layer
        # Per sample, the correlation over directions is the cosine; here for the first items.
        p, o = torch.stack(predicted)[:, :50], torch.stack(observed)[:, :50]
        centred = p - p.mean(0), o - o.mean(0)
        over = (centred[0] * centred[1]).sum(0) / (centred[0].norm(dim=0) * centred[1].norm(dim=0))
        gap = (over - cosine(a, g)[:50]).mean()
        assert abs(float(gap)) < 3 / math.sqrt(50 * directions), layer


def test_gradients_are_what_two_sided_differences_see(subject: Subject) -> None:
    network, _, _, y = subject
    states, _, gradients = signals_of(subject)
    for layer, (h, g) in enumerate(zip(states, gradients, strict=True)):
        loss = loss_from(network, layer, y)
        torch.testing.assert_close(loss(h).mean(), functional.cross_entropy(network(subject[2]), y))
        for displacement, change in loss_changes(loss, h, np.random.default_rng(0), 3):
            expected = (displacement * g).sum(1)
            torch.testing.assert_close(
                change, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max())
            )


def test_directions_are_unit_isotropic_and_relative_to_the_state() -> None:
    h = torch.cat([1e8 * torch.ones(300, 5), torch.zeros(1, 5)]).double()
    seen: list[Tensor] = []

    def loss(state: Tensor) -> Tensor:
        seen.append(state)
        return state.sum(1)

    found = list(loss_changes(loss, h, np.random.default_rng(0), 4))
    assert len(found) == 4
    for k, (displacement, change) in enumerate(found):
        torch.testing.assert_close(
            displacement.norm(dim=1)[:-1] / h.norm(dim=1)[:-1], torch.full((300,), 1e-4).double()
        )
        assert float(displacement[-1].norm()) == pytest.approx(
            1e-4
        )  # a state of norm 0 gets an absolute step
        assert torch.equal(seen[2 * k], h + displacement)
        assert torch.equal(seen[2 * k + 1], h - displacement)
        torch.testing.assert_close(change, displacement.sum(1), rtol=1e-6, atol=1e-6)
    directions = torch.cat([functional.normalize(displacement[:-1]) for displacement, _ in found])
    second = directions.T @ directions / len(directions)  # of a uniform direction: I / d
    torch.testing.assert_close(
        second, torch.eye(5).double() / 5, atol=4 * 0.2 / math.sqrt(1200), rtol=0
    )


def test_controls_hold_on_a_working_instrument(subject: Subject) -> None:
    network, _, _, y = subject
    states, _, gradients = signals_of(subject)
    for layer, (h, g) in enumerate(zip(states, gradients, strict=True)):
        true, random = controls(network, layer, h, g, y, seed=1, directions=8)
        assert true >= CONTROL_FLOOR
        # A random vector of the gradient's norm: its cosine has variance 1/d, shared by all
        # directions, and each direction adds 1/M; samples weigh by |g|^2.
        weight = g.norm(dim=1).square()
        effective = float(weight.sum().square() / weight.square().sum())
        assert abs(random) < 4 * math.sqrt((1 / WIDTH + 1 / 8) / effective)


def test_a_wrong_gradient_fails_the_positive_control(dfa: Subject) -> None:
    network, rule, x, y = dfa
    states, logits = states_of(network, x)
    gradients = state_gradients(network, states[0], y)
    credit = rule.credit(network, states, logits, y)
    for layer in range(BLOCKS + 1):
        assert controls(network, layer, states[layer], credit[layer], y, 1, 8)[0] < CONTROL_FLOOR
        assert (
            controls(network, layer, states[layer], -gradients[layer], y, 1, 8)[0] < -CONTROL_FLOOR
        )


def test_controls_use_the_same_directions_for_every_arm_of_a_seed(dfa: Subject) -> None:
    network, _, _, y = dfa
    states, _, gradients = signals_of(dfa)
    first, again, other = (
        controls(network, 1, states[1], gradients[1], y, seed, 4) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_rows_are_the_declared_metrics_one_for_each_state(subject: Subject) -> None:
    rows, notes = alignment(*subject, seed=1, items=True)
    elsewhere = ("published.", "nudge", "fresh_")
    layered = [
        name
        for name, metric in METRICS.items()
        if metric.layered and not name.startswith(elsewhere)
    ]
    for name in layered:
        assert [row["layer"] for row in rows if row["metric"] == name] == list(range(BLOCKS + 1)), (
            name
        )
    assert [row["layer"] for row in rows if row["metric"] == "growth"] == [None]
    assert {row["metric"].split("@")[0] for row in rows} == {
        *layered,
        "growth",
        "direction_stability",
    }
    assert all(METRICS[row["metric"].split("@")[0]].low <= row["value"] for row in rows)
    assert all(row["value"] <= METRICS[row["metric"].split("@")[0]].high for row in rows)
    assert {row["status"] for row in rows} == {"measured"}
    assert notes == {"cosine_defined_share": {str(layer): 1.0 for layer in range(BLOCKS + 1)}}
    keys = [(row["metric"], row["layer"]) for row in rows]
    assert len(keys) == len(set(keys))


def test_values_are_those_of_the_written_definitions(dfa: Subject) -> None:
    states, signals, gradients = signals_of(dfa)
    rows, _ = alignment(*dfa, seed=1)
    for layer, (h, a, g) in enumerate(zip(states, signals, gradients, strict=True)):
        product = (a * g).sum(1)
        per_sample = product / (a.square().sum(1).sqrt() * g.square().sum(1).sqrt())
        assert values(rows, "cosine")[layer] == pytest.approx(float(per_sample.mean()), abs=1e-12)
        below = math.sqrt(float(a.square().sum()) * float(g.square().sum()))
        assert values(rows, "rho")[layer] == pytest.approx(float(product.sum()) / below, abs=1e-12)
        for name, signal in (("state_norm", h), ("credit_norm", a), ("gradient_norm", g)):
            norms = sorted(math.sqrt(sum(v * v for v in row)) for row in signal.tolist())
            assert values(rows, name)[layer] == pytest.approx(statistics.median(norms), rel=1e-12)
        ratio = (a.square().sum(1) / g.square().sum(1)).sqrt().tolist()
        assert values(rows, "norm_ratio")[layer] == pytest.approx(
            statistics.median(ratio), rel=1e-12
        )
    sizes = [h.square().sum(1).sqrt() for h in states]
    ratios = [statistics.median((sizes[k + 1] / sizes[k]).tolist()) for k in range(BLOCKS)]
    assert values(rows, "growth") == pytest.approx([max(ratios)])


def test_backpropagation_audits_as_one_everywhere() -> None:
    rows, _ = alignment(*trained("bp", Objective()), seed=1, items=True)
    for name in ("cosine", "rho", *(f"{m}@{k}" for m in ("cosine", "rho") for k in range(1, 9))):
        assert values(rows, name) == pytest.approx([1.0] * (BLOCKS + 1), abs=1e-12)


def test_item_blocks_average_near_the_whole(dfa: Subject) -> None:
    rows, _ = alignment(*dfa, seed=1, items=True)
    parts = torch.tensor(
        [values(rows, f"cosine@{k}") for k in range(1, ITEM_BLOCKS + 1)], dtype=torch.float64
    )
    # The blocks are disjoint, of equal size, and cover all 512 items: the mean of their means is
    # the mean.
    torch.testing.assert_close(
        parts.mean(0), torch.tensor(values(rows, "cosine"), dtype=torch.float64)
    )
    assert bool((parts.std(0) > 0).all())
    pooled = torch.tensor(
        [values(rows, f"rho@{k}") for k in range(1, ITEM_BLOCKS + 1)], dtype=torch.float64
    )
    error = pooled.std(0) / math.sqrt(ITEM_BLOCKS)
    assert bool(
        ((pooled.mean(0) - torch.tensor(values(rows, "rho"))).abs() < 5 * error + 0.01).all()
    )
    assert not any("@" in row["metric"] for row in alignment(*dfa, seed=1)[0])


def test_item_blocks_are_fixed_runs_of_equal_length_that_leave_out_the_remainder(
    dfa: Subject,
) -> None:
    network, rule, x, y = dfa
    rows, _ = alignment(network, rule, x[:83], y[:83], seed=1, items=True)
    _, signals, gradients = signals_of((network, rule, x[:83], y[:83]))
    for k in range(8):
        part = slice(10 * k, 10 * k + 10)
        expected = [
            float(cosine(a[part], g[part]).mean()) for a, g in zip(signals, gradients, strict=True)
        ]
        assert values(rows, f"cosine@{k + 1}") == pytest.approx(expected)


def test_fewer_items_than_blocks_leaves_the_blocks_undefined(dfa: Subject) -> None:
    network, rule, x, y = dfa
    rows, _ = alignment(network, rule, x[:5], y[:5], seed=1, items=True)
    assert set(statuses(rows, "cosine@1") + statuses(rows, "rho@8")) == {"undefined"}
    assert set(statuses(rows, "cosine")) == {"measured"}


def test_the_order_of_items_does_not_matter(dfa: Subject) -> None:
    network, rule, x, y = dfa
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    first, _ = alignment(network, rule, x, y, seed=1)
    second, _ = alignment(network, rule, x[order], y[order], seed=1)
    for a, b in zip(first, second, strict=True):
        # Directions, and the batches of the stability of directions, go by the place of an item.
        if (
            not a["metric"].startswith(("control", "rho_fd", "direction"))
            or a["metric"] == "rho_fd_error"
        ):
            assert a["value"] == pytest.approx(b["value"], rel=1e-9, abs=1e-12)


def test_fresh_feedback_is_unaligned_where_the_checkpoint_s_own_is_aligned(dfa: Subject) -> None:
    # Published null: with newly drawn matrices every alignment is about 0.
    network, rule, x, y = dfa
    own = values(alignment(network, rule, x, y, seed=1, directions=2)[0], "cosine")
    fresh = []
    for seed in range(50, 70):
        other = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, seed)).double()
        states, logits = states_of(network, x)
        credit = other.credit(network, states, logits, y)
        gradients = state_gradients(network, states[0], y)
        fresh.append([float(cosine(a, g).mean()) for a, g in zip(credit, gradients, strict=True)])
    null = torch.tensor(fresh)
    assert bool((null.mean(0).abs() < 4 * null.std(0) / math.sqrt(20)).all())
    assert own[0] > 3 * float(null.std(0)[0])


def altered(subject: Subject, **scales: float) -> Subject:
    network, rule, x, y = subject
    network = copy.deepcopy(network)
    with torch.no_grad():
        for name, scale in scales.items():
            for parameter in network.get_submodule(name).parameters():
                parameter.mul_(scale)
    return network, rule, x, y


def test_a_gradient_under_the_instrument_s_resolution_is_below_floor_not_a_number(
    dfa: Subject,
) -> None:
    # A head of 1e-13 leaves losses that differ by 1e-17: the gradient is exact, but finite
    # differences cannot see it.
    rows, _ = alignment(*altered(dfa, head=1e-13), seed=1, items=True)
    assert max(values(rows, "control_true")) < CONTROL_FLOOR
    for name in ("cosine", "rho", "cosine@1", "rho@8"):
        assert set(statuses(rows, name)) == {"below_floor"}
    for name in ("credit_norm", "gradient_norm", "state_norm", "growth", "control_true"):
        assert set(statuses(rows, name)) == {"measured"}
    assert max(values(rows, "gradient_norm")) < 1e-12


@pytest.mark.parametrize("scale", [0.0, 1e5])
def test_a_gradient_of_exactly_zero_is_undefined_never_zero_or_one(
    dfa: Subject, scale: float
) -> None:
    # No head, or one so sure that softmax is exactly one-hot: no gradient, or none for most
    # samples.
    rows, notes = alignment(*altered(dfa, head=scale), seed=1, items=True)
    assert set(statuses(rows, "cosine")) == {"undefined"}
    assert all(math.isnan(value) for value in values(rows, "cosine"))
    assert max(notes["cosine_defined_share"].values()) < 0.99
    if scale == 0.0:
        for name in ("rho", "control_true", "control_random", "effective_samples", "rho@3"):
            assert set(statuses(rows, name)) == {"undefined"}, name
        assert values(rows, "gradient_norm") == [0.0] * (BLOCKS + 1)
        assert statuses(rows, "gradient_norm") == ["measured"] * (BLOCKS + 1)


def test_credit_of_exactly_zero_is_undefined(dfa: Subject) -> None:
    network, _, x, y = dfa
    rule = DirectFeedbackAlignment(Setup(WIDTH, BLOCKS, CLASSES, 1)).double()
    rule.feedback[2].zero_()
    rows, _ = alignment(network, rule, x, y, seed=1)
    for name in ("cosine", "rho", "effective_samples"):
        assert [s == "undefined" for s in statuses(rows, name)] == [False, False, True, False], name
    assert (
        min(values(rows, "control_true")) >= CONTROL_FLOOR
    )  # the instrument is fine; there is nothing to read


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_instrument_works_on_a_residual_stream_of_any_size(dfa: Subject, scale: float) -> None:
    # Published: a vanilla stream reaches norm 4e8 and gradients of 1e-10; float32 with an absolute
    # step was dead there.
    network, rule, x, y = altered(
        dfa, **{"embedding": scale, **{f"blocks.{k}.second": scale for k in range(BLOCKS)}}
    )
    rows, _ = alignment(network, rule, x, y, seed=1)
    assert min(values(rows, "control_true")[1:]) >= CONTROL_FLOOR
    assert set(statuses(rows, "cosine")) == {"measured"}


def test_a_growth_that_is_undefined_in_one_block_is_not_hidden_by_the_others(dfa: Subject) -> None:
    network, rule, x, y = altered(
        dfa, embedding=0.0
    )  # h_0 = 0: its ratio is infinite, the later ones are not
    rows, _ = alignment(network, rule, x, y, seed=1)
    assert statuses(rows, "growth") == ["undefined"]
    with torch.no_grad():
        first = network.blocks[0]
        for parameter in first.parameters():
            parameter.zero_()  # h_1 = 0 too: 0/0 first, then infinity
    rows, _ = alignment(network, rule, x, y, seed=1)
    assert statuses(rows, "growth") == ["undefined"]


def chunks(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(torch.split(x, size), torch.split(y, size), strict=True)


def test_evaluation_in_chunks_is_evaluation_of_the_whole(dfa: Subject) -> None:
    network, _, x, y = dfa
    network = copy.deepcopy(network).float()
    whole = evaluation(network, chunks(x.float(), y, N), items=True)
    for size in (1, 7, 64, 500):
        parts = evaluation(network, chunks(x.float(), y, size), items=True)
        assert [(r["metric"], r["status"]) for r in parts] == [
            (r["metric"], r["status"]) for r in whole
        ]
        for a, b in zip(parts, whole, strict=True):
            assert a["value"] == (
                b["value"] if a["metric"] != "test_loss" else pytest.approx(b["value"], rel=1e-6)
            )


def test_accuracy_and_loss_are_counted_by_hand(dfa: Subject) -> None:
    network, _, x, y = dfa
    rows = evaluation(network, chunks(x, y, 100), items=True)
    logits = [[float(v) for v in row] for row in network(x).detach()]
    hits = [
        max(range(CLASSES), key=row.__getitem__) == int(label)
        for row, label in zip(logits, y, strict=True)
    ]
    losses = [
        math.log(sum(math.exp(v) for v in row)) - row[int(label)]
        for row, label in zip(logits, y, strict=True)
    ]
    assert values(rows, "accuracy") == [sum(hits) / N]
    assert values(rows, "test_loss") == pytest.approx([sum(losses) / N])
    size = N // 8
    expected = [sum(hits[k * size : (k + 1) * size]) / size for k in range(8)]
    assert [values(rows, f"accuracy@{k + 1}")[0] for k in range(8)] == expected
    assert not any("@" in row["metric"] for row in evaluation(network, chunks(x, y, 100)))


def test_audits_leave_the_checkpoint_as_it_was(dfa: Subject) -> None:
    network, rule, x, y = dfa
    before = {
        name: value.clone() for name, value in {**network.state_dict(), **rule.state_dict()}.items()
    }
    alignment(network, rule, x, y, seed=1, items=True)
    evaluation(network, chunks(x, y, 100))
    after = {**network.state_dict(), **rule.state_dict()}
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(p.grad is None or not bool(p.grad.isnan().any()) for p in network.parameters())


def test_directions_come_from_the_named_streams(dfa: Subject) -> None:
    network, _, _, y = dfa
    states, _, gradients = signals_of(dfa)
    predicted, observed = [], []
    for displacement, change in loss_changes(
        loss_from(network, 2, y), states[2], stream(9, "perturbation", 2), 3
    ):
        size = displacement.norm(dim=1)
        predicted.append((displacement * gradients[2]).sum(1) / size)
        observed.append(change / size)
    expected = pooled_correlation(torch.stack(predicted), torch.stack(observed))
    assert controls(network, 2, states[2], gradients[2], y, 9, 3)[0] == pytest.approx(
        expected, abs=1e-12
    )
