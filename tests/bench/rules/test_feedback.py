"""Fixed random feedback: its laws and streams, and feedback alignment and target projection by
their written formula.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from faeval.bench.networks import ResidualMLP
from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    DirectRandomTargetProjection,
    FeedbackAlignment,
    Rule,
    Setup,
    draw_feedback,
    output_error,
    output_gradient,
    through,
)
from faeval.errors import FaevalError
from faeval.experiment import stream

FEATURES, WIDTH, BLOCKS, CLASSES = 7, 6, 3, 4
SITES, LAWS = ("output", "input"), ("gaussian", "uniform")


def setup_of(
    site: str = "output", seed: int = 5, blocks: int = BLOCKS, width: int = WIDTH
) -> Setup:
    return Setup(width, blocks, CLASSES, seed, site)


def network_of(seed: int = 0) -> ResidualMLP:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, seed).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def given_to(
    rule: Rule, network: ResidualMLP, n: int = 5
) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
    draw = np.random.default_rng(0)
    x, y = (
        torch.from_numpy(draw.standard_normal((n, FEATURES))),
        torch.from_numpy(draw.integers(0, CLASSES, n)),
    )
    states = [network.embed(x).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
    logits = network.readout(states[-1]).detach()
    return rule.credit(network, states, logits, y), states, logits, y


# The laws.


@pytest.mark.parametrize(("law", "columns"), list(product(LAWS, (4, 50))))
def test_entries_have_mean_zero_and_variance_one_over_columns(law: Any, columns: int) -> None:
    entries = draw_feedback(setup_of(), (3, 300, columns), law).double().numpy()
    n, variance = entries.size, 1 / columns
    # The s.d. of a mean of n squares is sqrt((kurtosis - 1) / n) variance; kurtosis 3 and 9/5. Four
    # of them.
    kurtosis = 3.0 if law == "gaussian" else 1.8
    assert abs(entries.mean()) < 4 * math.sqrt(variance / n)
    assert abs((entries**2).mean() - variance) < 4 * variance * math.sqrt((kurtosis - 1) / n)
    fourth = (entries**4).mean() / (entries**2).mean() ** 2
    assert fourth == pytest.approx(kurtosis, rel=0.2)  # so that one law is not the other
    bound = math.sqrt(3 / columns)  # U(-b, b) has the variance b^2 / 3
    if law == "uniform":
        assert bound * (1 - 40 / n) < np.abs(entries).max() <= bound * (1 + 1e-6)
    else:
        assert np.abs(entries).max() > 1.5 * bound


@settings(max_examples=25)
@given(
    law=st.sampled_from(LAWS),
    count=st.integers(1, 4),
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    seed=st.integers(0, 2**40),
)
def test_each_matrix_comes_from_a_stream_of_its_own(
    law: Any, count: int, rows: int, columns: int, seed: int
) -> None:
    found = draw_feedback(setup_of(seed=seed), (count, rows, columns), law)
    assert found.shape == (count, rows, columns)
    assert found.dtype == torch.float32
    for layer in range(count):
        draw = stream(seed, "feedback", layer)
        if law == "gaussian":
            expected = draw.standard_normal((rows, columns)) / np.sqrt(columns)
        else:  # U(-1, 1) times sqrt(3 / columns)
            expected = (2 * draw.random((rows, columns)) - 1) * np.sqrt(3 / columns)
        np.testing.assert_allclose(found[layer].numpy(), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("law", LAWS)
def test_a_matrix_depends_on_seed_role_and_place_and_on_nothing_else(law: Any) -> None:
    shape = (3, 8, 5)
    found = draw_feedback(setup_of(), shape, law)
    assert all(not bool((found[i] == found[j]).any()) for i in range(3) for j in range(i))
    assert torch.equal(draw_feedback(setup_of(), (2, 8, 5), law), found[:2])
    assert torch.equal(draw_feedback(setup_of(), (3, 4, 5), law), found[:, :4])
    assert torch.equal(draw_feedback(setup_of("input", blocks=9, width=99), shape, law), found)
    for other in (
        draw_feedback(setup_of(seed=6), shape, law),
        draw_feedback(setup_of(), shape, law, role="other"),
    ):
        assert not bool((other == found).any())


def test_no_matrix_at_all_and_an_unknown_law() -> None:
    assert draw_feedback(setup_of(), (0, 2, 3)).shape == (0, 2, 3)
    for count in (0, 1):
        with pytest.raises(FaevalError, match=r"^feedback='cauchy' .*'gaussian', 'uniform'\.$"):
            draw_feedback(setup_of(), (count, 2, 3), "cauchy")  # type: ignore[arg-type] # what is tested


@pytest.mark.parametrize(
    "make", [DirectFeedbackAlignment, DirectRandomTargetProjection, FeedbackAlignment]
)
def test_the_law_of_a_rule_s_feedback_is_a_factor_of_the_rule(make: Any) -> None:
    gaussian, uniform = (make(setup_of(), feedback=law).feedback for law in LAWS)
    assert torch.equal(make(setup_of()).feedback, gaussian)  # the default
    assert gaussian.shape == uniform.shape
    assert not bool((gaussian == uniform).any())
    assert float(uniform.abs().max()) <= math.sqrt(3 / uniform.shape[2]) * (1 + 1e-6)
    assert torch.equal(uniform, draw_feedback(setup_of(), tuple(uniform.shape), "uniform"))
    with pytest.raises(FaevalError, match="feedback='cauchy'"):
        make(setup_of(), feedback="cauchy")


def test_one_signal_goes_through_each_matrix_and_the_last_serves_what_lies_beyond() -> None:
    # By hand: (1, 2) B^T with B = [[1, 0], [0, 1], [1, -1]] is (1, 2, -1); with 2 B twice that.
    matrix = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    sent = through(torch.stack([matrix, 2 * matrix]), torch.tensor([[1.0, 2.0]]), 4)
    assert [a.tolist() for a in sent] == [[[1.0, 2.0, -1.0]], *[[[2.0, 4.0, -2.0]]] * 3]


# Feedback alignment.


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("site", SITES)
def test_feedback_alignment_is_the_exact_last_signal_sent_down_block_by_block(
    site: str, law: Any
) -> None:
    rule, network = FeedbackAlignment(setup_of(site), feedback=law).double(), network_of()
    signals, states, _, y = given_to(rule, network)
    assert rule.feedback.shape == (BLOCKS, WIDTH, WIDTH)
    assert len(signals) == BLOCKS + 1
    # The gradient at h_L by hand: e W^T through the terminal LayerNorm (Ba, Kiros and Hinton 2016,
    # eq. 4).
    h, (w, b) = states[-1].numpy(), (p.detach().numpy() for p in network.head.parameters())
    gain, shift = (p.detach().numpy() for p in network.norm.parameters())
    spread = np.sqrt(((h - h.mean(1, keepdims=True)) ** 2).mean(1, keepdims=True) + 1e-5)
    unit = (h - h.mean(1, keepdims=True)) / spread
    logits = (gain * unit + shift) @ w.T + b
    e = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    e[np.arange(len(h)), y.numpy()] -= 1
    s = (e @ w) * gain
    signal = (s - s.mean(1, keepdims=True) - unit * (s * unit).mean(1, keepdims=True)) / spread
    np.testing.assert_allclose(signals[-1].numpy(), signal, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        output_gradient(network, states[-1], y).numpy(), signal, rtol=1e-9, atol=1e-12
    )
    exact, *_ = given_to(Backpropagation(), network)
    torch.testing.assert_close(signals[-1], exact[-1])
    for layer in reversed(range(BLOCKS)):  # a_l = B_l a_{l+1}
        matrix = rule.feedback[layer].numpy()
        signal = np.array([[sum(matrix[k] * a) for k in range(WIDTH)] for a in signal])
        np.testing.assert_allclose(signals[layer].numpy(), signal, rtol=1e-9, atol=1e-12)
        cosine = torch.cosine_similarity(signals[layer], exact[layer], dim=1)
        assert bool((cosine < 0.99).all())  # and none below the last is exact


def test_feedback_alignment_has_the_same_signals_at_either_site() -> None:
    first, second = (
        given_to(FeedbackAlignment(setup_of(site)).double(), network_of())[0] for site in SITES
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_signal_keeps_its_norm_on_the_way_down() -> None:
    # E |B a|^2 = |a|^2 at variance 1/d; its relative s.d. over one matrix is sqrt(2/d), here 0.09 a
    # layer.
    rule = FeedbackAlignment(setup_of(width=256))
    network = ResidualMLP(FEATURES, 256, BLOCKS, CLASSES, 0)
    states = [network.embed(torch.ones(1, FEATURES)).detach()] * (BLOCKS + 1)
    norms = [
        float(a.norm())
        for a in rule.credit(network, states, torch.zeros(1, CLASSES), torch.tensor([1]))
    ]
    assert all(norm == pytest.approx(norms[-1], rel=0.4) for norm in norms)


# Direct random target projection.


@pytest.mark.parametrize(("site", "law"), list(product(SITES, LAWS)))
def test_target_projection_sends_minus_the_label_s_column_whatever_the_network_says(
    site: str, law: Any
) -> None:
    rule = DirectRandomTargetProjection(setup_of(site), feedback=law).double()
    signals, states, logits, y = given_to(rule, network_of())
    matrices = list(rule.feedback) + ([rule.feedback[-1]] if site == "input" else [])
    assert len(signals) == len(matrices) == BLOCKS + 1
    for a, matrix in zip(signals, matrices, strict=True):
        for i, label in enumerate(y.tolist()):
            assert torch.equal(a[i], -matrix[:, label])
    for other in (torch.zeros_like(logits), -1e3 * logits):
        again = rule.credit(network_of(1), [7.0 * h for h in states], other, y)
        assert all(torch.equal(a, b) for a, b in zip(again, signals, strict=True))


@pytest.mark.parametrize(("site", "law"), list(product(SITES, LAWS)))
def test_target_projection_has_the_matrices_and_the_sign_of_direct_feedback_alignment(
    site: str, law: Any
) -> None:
    rules = [
        make(setup_of(site), feedback=law)
        for make in (DirectFeedbackAlignment, DirectRandomTargetProjection)
    ]
    assert torch.equal(rules[0].feedback, rules[1].feedback)
    direct, projected = (given_to(rule.double(), network_of()) for rule in rules)
    _, _, logits, y = direct
    # e = softmax(logits) - onehot(y): what is left of e is softmax(logits).
    rest = through(
        rules[0].feedback, output_error(logits, y) + torch.eye(CLASSES).double()[y], BLOCKS + 1
    )
    for a, b, c in zip(direct[0], projected[0], rest, strict=True):
        torch.testing.assert_close(a, b + c)
