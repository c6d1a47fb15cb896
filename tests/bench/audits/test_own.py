"""fe.audit on networks and credit of one's own: what it reads, and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import faeval as fe
from faeval.bench.audits import cosine
from faeval.bench.networks import ResidualMLP
from faeval.bench.rules import (
    DirectFeedbackAlignment,
    Setup,
    output_error,
    state_gradients,
    through,
)
from faeval.errors import FaevalError

N = 60


class Stranger(nn.Module):
    """A network that derives from nothing of ours, with dropout and batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Flatten(), nn.Linear(6, 8))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5))
            for _ in range(2)
        )
        self.readout = nn.Linear(8, 3)


@pytest.fixture
def network() -> Stranger:
    torch.manual_seed(0)
    return Stranger()


@pytest.fixture
def data() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(N, 2, 3, generator=draw), torch.randint(0, 3, (N,), generator=draw)


FEEDBACK = torch.randn(3, 8, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def credit(network: Any, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
    return through(FEEDBACK, output_error(logits, labels), len(states))


def read(table: Any, metric: str) -> list[float]:
    found: list[float] = table[table.metric == metric].value.tolist()
    return found


def test_a_stranger_s_network_in_training_mode_is_audited_in_evaluation_mode_and_left_alone(
    network: Stranger, data: tuple[Tensor, Tensor]
) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    table = fe.audit(network, *data, credit, full=True)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert next(network.parameters()).dtype == torch.float32
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert list(table.columns) == ["metric", "layer", "value", "status", "exact"]
    assert min(read(table, "control_true")) > 0.99
    assert set(table.status) == {"measured"}
    network.eval().double()
    x, y = data[0].double(), data[1]
    with torch.no_grad():
        h0 = network.embed(x)
    gradients = state_gradients(network, h0, y)  # type: ignore[arg-type]
    with torch.no_grad():
        signals = credit(
            network, gradients, network.readout(network.blocks[1](network.blocks[0](h0))), y
        )
    expected = [float(cosine(a, g).mean()) for a, g in zip(signals, gradients, strict=True)]
    assert read(table, "cosine") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("full", [False, True])
def test_credit_as_tensors_as_a_function_and_in_chunks_is_one(
    network: Stranger, data: tuple[Tensor, Tensor], full: bool
) -> None:
    network.eval()
    table = fe.audit(network, *data, credit, full=full)
    double = network.double()
    states = [double.embed(data[0].double()).detach()]
    for block in double.blocks:
        states.append(block(states[-1]).detach())
    given = credit(None, states, double.readout(states[-1]).detach(), data[1])
    network.float()
    for other in (
        fe.audit(network, *data, given, full=full),
        fe.audit(network, *data, given, full=full, chunk=7),
        fe.audit(network, *data, credit, full=full, chunk=1),
    ):
        assert other.metric.tolist() == table.metric.tolist()
        assert other.value.tolist() == pytest.approx(table.value.tolist(), rel=1e-6, abs=1e-4)
        assert read(other, "rho") == pytest.approx(read(table, "rho"), abs=1e-9)


def test_states_whose_credit_is_the_gradient_are_marked(
    network: Stranger, data: tuple[Tensor, Tensor]
) -> None:
    def mixed(net: Any, states: list[Tensor], logits: Tensor, labels: Tensor) -> list[Tensor]:
        last = functional.softmax(logits, 1) - functional.one_hot(labels, logits.shape[1])
        return [
            *credit(net, states, logits, labels)[:-1],
            7.0 * last @ network.readout.weight.detach().double(),
        ]

    table = fe.audit(network, *data, mixed)
    assert sorted(set(table[table.exact].layer)) == [2]
    assert set(table[table.layer == 2].exact) == {True}
    assert not fe.audit(network, *data, credit).exact.any()


def test_a_zero_gradient_everywhere_is_undefined(
    network: Stranger, data: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad():
        network.readout.weight.zero_()
    table = fe.audit(network, *data, credit)
    for metric in ("cosine", "rho", "rho_fd", "control_true", "effective_samples"):
        assert all(map(math.isnan, read(table, metric))), metric
        assert set(table[table.metric == metric].status) == {"undefined"}
    assert read(table, "gradient_norm") == [0.0] * 3


def test_one_sample_and_half_precision_are_audited(
    network: Stranger, data: tuple[Tensor, Tensor]
) -> None:
    table = fe.audit(network, data[0][:1].half(), data[1][:1], credit)
    assert all(-1 <= v <= 1 for v in read(table, "cosine"))
    assert read(table, "effective_samples") == pytest.approx([1.0] * 3)


def with_nan(x: Tensor) -> Tensor:
    x = x.clone()
    x[3] = math.nan
    return x


def nan_credit(*args: Any) -> list[Tensor]:
    found = credit(*args)
    found[1] = found[1].clone()
    found[1][4] = math.inf
    return found


BAD: dict[str, tuple[Callable[[Stranger, Tensor, Tensor], Any], str]] = {
    "integer inputs": (lambda n, x, y: fe.audit(n, x.long(), y, credit), "inputs are torch.int64"),
    "array": (lambda n, x, y: fe.audit(n, x.numpy(), y, credit), "inputs is a ndarray"),  # type: ignore[arg-type]
    "empty": (lambda n, x, y: fe.audit(n, x[:0], y[:0], credit), "at least one sample"),
    "NaN inputs": (
        lambda n, x, y: fe.audit(n, with_nan(x), y, credit),
        "NaN or infinity in 1 of 60",
    ),
    "too few labels": (
        lambda n, x, y: fe.audit(n, x, y[:-1], credit),
        "labels have the shape (59,)",
    ),
    "one-hot labels": (
        lambda n, x, y: fe.audit(n, x, torch.eye(3)[y], credit),
        "labels have the shape (60, 3)",
    ),
    "float labels": (lambda n, x, y: fe.audit(n, x, y.float(), credit), "labels are torch.float32"),
    "negative label": (lambda n, x, y: fe.audit(n, x, y - 1, credit), "labels hold -1"),
    "label too large": (
        lambda n, x, y: fe.audit(n, x, y + 1, credit),
        "labels hold 3, and the network has 3 classes",
    ),
    "no network": (lambda n, x, y: fe.audit(len, x, y, credit), "network=builtin_function"),  # type: ignore[arg-type]
    "no readout": (lambda n, x, y: fe.audit(nn.Linear(3, 3), x, y, credit), "has no embed"),
    "wrong inputs": (
        lambda n, x, y: fe.audit(n, x[:, :1], y, credit),
        "fails on inputs of shape (2, 1, 3)",
    ),
    "rule by name": (lambda n, x, y: fe.audit(n, x, y, "dfa"), "without feedback"),  # type: ignore[arg-type]
    "rule's class": (
        lambda n, x, y: fe.audit(n, x, y, DirectFeedbackAlignment),
        "without feedback",
    ),  # type: ignore[arg-type]
    "no rule": (lambda n, x, y: fe.audit(n, x, y, 3), "rule=3 (int)"),  # type: ignore[arg-type]
    "too few signals": (
        lambda n, x, y: fe.audit(n, x, y, lambda *a: credit(*a)[:2]),
        "2 credit signals; 3 states",
    ),
    "wrong width": (
        lambda n, x, y: fe.audit(n, x, y, [torch.ones(N, 5)] * 3),
        "shape (60, 5); it must be (60, 8)",
    ),
    "wrong length": (
        lambda n, x, y: fe.audit(n, x, y, [torch.ones(5, 8)] * 3),
        "shape (5, 8); 60 samples need",
    ),
    "integer credit": (
        lambda n, x, y: fe.audit(n, x, y, [torch.ones(N, 8).long()] * 3),
        "state 0 is torch.int64",
    ),
    "credit not finite": (
        lambda n, x, y: fe.audit(n, x, y, nan_credit),
        "state 1 holds NaN or infinity in 1 of 60",
    ),
    "chunk": (lambda n, x, y: fe.audit(n, x, y, credit, chunk=0), "chunk=0 (int)"),
    "directions": (lambda n, x, y: fe.audit(n, x, y, credit, directions=-1), "directions=-1 (int)"),
    "seed": (lambda n, x, y: fe.audit(n, x, y, credit, seed=True), "seed=True (bool)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error(
    case: str, network: Stranger, data: tuple[Tensor, Tensor]
) -> None:
    call, message = BAD[case]
    with pytest.raises(FaevalError, match=re.escape(message)):
        call(network.eval(), *data)


def test_a_network_that_has_diverged_says_so(
    network: Stranger, data: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad():
        network.readout.bias[0] = math.nan
    with pytest.raises(FaevalError, match="NaN or infinity"):
        fe.audit(network, *data, credit)


@pytest.mark.cuda
def test_a_cuda_network_reads_the_same(data: tuple[Tensor, Tensor]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    network = ResidualMLP(6, 8, 2, 3, 1)
    rule = DirectFeedbackAlignment(Setup(8, 2, 3, 1))
    x = data[0].flatten(1)
    here = fe.audit(network, x, data[1], rule)
    there = fe.audit(network.cuda(), x.cuda(), data[1].cuda(), rule.cuda())
    assert there.value.tolist() == pytest.approx(here.value.tolist(), rel=1e-9, abs=1e-9)
