"""What networks of tokens and of feature maps have in common: states are flattened, and everything
else goes on unchanged.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, vmap

import faeval as fe
from faeval.bench.audits import alignment
from faeval.bench.networks import (
    BatchNormCNN,
    Network,
    ViTMini,
    check_network,
    evaluating,
    image_shape,
    states_of,
)
from faeval.bench.rules import (
    Backpropagation,
    DirectFeedbackAlignment,
    KolenPollack,
    Rule,
    Setup,
    SignSymmetric,
    WeightTransport,
    output_gradient,
    trace,
)
from faeval.bench.settings import audit_alignment, audit_fresh, build, train
from faeval.bench.tasks import Task, load as load_task
from faeval.bench.training import (
    Batches,
    NotStackable,
    Objective,
    backward,
    check_credit,
    fit,
    fit_stacked,
    share_data,
    stackable,
)
from faeval.errors import FaevalError
from faeval.experiment import Arm, RunOptions, component, components, experiment

CLASSES, BLOCKS = 3, 2
Made = Callable[..., Any]
NETWORKS: dict[str, Made] = {
    "vit_mini": lambda features=64, seed=1, width=8: ViTMini(
        features, width, BLOCKS, CLASSES, seed
    ),
    "batchnorm_cnn": lambda features=64, seed=1, width=4: BatchNormCNN(
        features, width, BLOCKS, CLASSES, seed
    ),
}
WIDTHS = {"vit_mini": 17 * 8, "batchnorm_cnn": 64 * 4}
RULES = sorted(components("rule"))


@pytest.fixture(params=NETWORKS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def lively(name: str, seed: int = 1) -> Any:
    """Return a network in float64, away from its start, running statistics too."""
    network, draw = NETWORKS[name](seed=seed).double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                noise = 0.2 * torch.randn(value.shape, generator=draw, dtype=value.dtype)
                value.add_(noise.abs() if key.endswith("running_var") else noise)
    return network


def data(n: int, features: int = 64, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((n, features))), torch.from_numpy(
        draw.integers(0, CLASSES, n)
    )


def made(rule: str, name: str, network: nn.Module, seed: int = 5, site: str = "output") -> Rule:
    setup = Setup(WIDTHS[name], BLOCKS, CLASSES, seed, site, network)
    found: Rule = component("rule", rule).resolve()(setup).double()
    return found


def passes(name: str) -> Iterator[str]:
    """Yield the rules that a network can be trained by."""
    yield from (
        rule
        for rule in RULES
        if name == "vit_mini" or rule not in ("sign_symmetric", "kolen_pollack")
    )


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


def unchanged(module: nn.Module, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


# --- the contract ---


@pytest.mark.parametrize("features", [64, 768, 3072])
@pytest.mark.parametrize("training", [True, False])
def test_the_contract_is_met_and_nothing_is_left_changed(
    name: str, features: int, training: bool
) -> None:
    network = NETWORKS[name](features).train(training)
    before = snapshot(network)
    assert check_network(network, data(5, features)[0].float(), CLASSES) == WIDTHS[name]
    assert unchanged(network, before)
    assert all(module.training is training for module in network.modules())


def test_each_state_is_the_one_before_plus_the_branch_bit_for_bit(name: str) -> None:
    network = lively(name).eval()
    states, logits = states_of(network, data(5)[0])
    assert [h.shape for h in states] == [(5, WIDTHS[name])] * (BLOCKS + 1)
    for block, before, after in zip(network.blocks, states, states[1:], strict=False):
        assert torch.equal(after, before + block.branch(before))
    assert torch.equal(logits, network(data(5)[0]))


def test_the_start_is_the_seed_s_alone_whatever_was_drawn_before(name: str) -> None:
    torch.manual_seed(0)
    first = snapshot(NETWORKS[name](seed=3))
    torch.manual_seed(1)
    assert unchanged(NETWORKS[name](seed=3), first)
    other = NETWORKS[name](seed=4).state_dict()
    drawn = [
        key for key, value in first.items() if value.is_floating_point() and float(value.std()) > 0
    ]
    assert len(drawn) >= 4 + 2 * BLOCKS
    assert not any(bool((first[key] == other[key]).any()) for key in drawn)
    deeper = (ViTMini if name == "vit_mini" else BatchNormCNN)(
        64, 8 if name == "vit_mini" else 4, 4, CLASSES, 3
    )
    assert all(torch.equal(value, deeper.state_dict()[key]) for key, value in first.items())


@pytest.mark.parametrize("features", [0, 1, 2, 3, 12, 27, 49, 768, 784, 3072])
def test_features_are_images_where_they_can_be(features: int) -> None:
    if features in (0, 2):
        with pytest.raises(
            FaevalError,
            match=rf"^features={features} \(int\): .*\b3\*s\*s .*\bs\*s",
        ):
            image_shape(features)
        return
    channels, side = image_shape(features)
    assert channels * side * side == features
    assert channels == (1 if math.isqrt(features) ** 2 == features else 3)


@pytest.mark.parametrize("features", [63, 65, 500, 3071])
def test_features_that_are_no_image_are_refused(name: str, features: int) -> None:
    with pytest.raises(FaevalError, match=rf"^features={features} \(int\): .*\bs\*s") as info:
        NETWORKS[name](features)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("grid", [0, -1, 3, 5, 16])
@pytest.mark.parametrize("make", [ViTMini, BatchNormCNN])
def test_a_grid_that_does_not_divide_the_image_is_refused(make: Made, grid: int) -> None:
    with pytest.raises(
        FaevalError,
        match=rf"^grid={grid} \(int\): .*\b8 x 8 .*\b1, 2, 4, 8\.$",
    ):
        make(64, 8, 1, 3, 0, grid=grid)


@pytest.mark.parametrize(
    ("observed", "shape"),
    [
        (lambda h: h.sum(1), r"\(4,\)"),
        (lambda h: h[1:], r"\(3, 136\)"),
        (lambda h: h[:, :0], r"\(4, 0\)"),
    ],
)
def test_what_is_observed_must_be_a_part_of_each_row(
    observed: Callable[[Tensor], Tensor], shape: str
) -> None:
    network = NETWORKS["vit_mini"]()
    network.readout = nn.Linear(
        136, CLASSES
    )  # goes its own way, so that what is observed is for norms alone
    assert check_network(network, data(4)[0].float(), CLASSES) == 136
    network.observed = observed
    with pytest.raises(
        FaevalError,
        match=rf"^network ViTMini: observed .*{shape} .*\(4, 136\)",
    ):
        check_network(network, data(4)[0].float(), CLASSES)


# --- evaluation mode ---


def test_evaluating_gives_each_module_its_own_mode_back() -> None:
    network = NETWORKS["batchnorm_cnn"]()
    network.blocks[0].norm1.eval()
    before = [(key, module.training) for key, module in network.named_modules()]
    with evaluating(network):
        assert not any(module.training for module in network.modules())
    with contextlib.suppress(ArithmeticError), evaluating(network):
        raise ArithmeticError
    assert [(key, module.training) for key, module in network.named_modules()] == before


def test_gradients_are_per_sample_in_training_mode_and_move_nothing(name: str) -> None:
    network, (x, y) = lively(name).train(), data(7)
    h0 = network.embed(x).detach()
    before = snapshot(network)
    whole, last = trace(network, h0, y), output_gradient(network, h0, y)
    for k in range(7):
        part = trace(network, h0[k : k + 1], y[k : k + 1])
        for ours, alone in zip(whole.gradients, part.gradients, strict=True):
            torch.testing.assert_close(ours[k : k + 1], alone)
        torch.testing.assert_close(
            last[k : k + 1], output_gradient(network, h0[k : k + 1], y[k : k + 1])
        )
    assert unchanged(network, before)
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_credit_per_sample_in_training_mode(name: str, rule: str) -> None:
    if rule not in passes(name):
        return
    network, (x, y) = lively(name).train(), data(6)
    module = made(rule, name, network)
    before, states, logits = snapshot(network), *states_of(network.eval(), x)
    network.train()
    whole = module.credit(network, states, logits, y)
    assert [a.shape for a in whole] == [h.shape for h in states]
    part = module.credit(network, [h[2:4] for h in states], logits[2:4], y[2:4])
    for a, alone in zip(whole, part, strict=True):
        assert bool(a.isfinite().all())
        torch.testing.assert_close(a[2:4], alone)
    check_credit(module, network, x, y)
    assert unchanged(network, before)
    assert all(m.training for m in network.modules())


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
@pytest.mark.parametrize("site", ["output", "input"])
@pytest.mark.parametrize("trained", [None, 0])
def test_a_step_moves_running_statistics_once(rule: str, site: str, trained: int | None) -> None:
    network, (x, y) = lively("batchnorm_cnn").train(), data(6)
    norm, h0 = network.blocks[0].norm1, network.embed(x).detach().reshape(6, 4, 8, 8)
    # Ioffe and Szegedy 2015, with PyTorch's momentum of 0.1 and unbiased variance.
    mean = 0.9 * norm.running_mean + 0.1 * h0.mean((0, 2, 3))
    var = 0.9 * norm.running_var + 0.1 * h0.var((0, 2, 3))
    backward(
        network,
        made(rule, "batchnorm_cnn", network, site=site),
        x,
        y,
        Objective(0.1, site, trained_blocks=trained),
    )
    for block in network.blocks:
        assert (int(block.norm1.num_batches_tracked), int(block.norm2.num_batches_tracked)) == (
            1,
            1,
        )
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, var)


def test_building_a_run_leaves_running_statistics_at_their_start() -> None:
    teacher = experiment("teacher")
    arm = teacher.resolve(
        Arm("bp", network="batchnorm_cnn", width=4, blocks=1, credit_site="input")
    )
    network, _ = build(arm, 0, load_task("teacher", None))
    assert network.training
    assert int(network.blocks[0].norm1.num_batches_tracked) == 0
    assert bool((network.blocks[0].norm1.running_mean == 0).all())


def test_closed_form_gradients_are_those_of_each_sample(name: str) -> None:
    network, (x, y) = lively(name).eval(), data(5)
    states, logits = states_of(network, x)
    credit = Backpropagation().credit(network, states, logits, y)
    for layer, (h, a) in enumerate(zip(states, credit, strict=True)):

        def loss(h: Tensor, y: Tensor, layer: int = layer) -> Tensor:
            h = h[None]
            for block in network.blocks[layer:]:
                h = block(h)
            return nn.functional.cross_entropy(network.readout(h)[0], y)

        torch.testing.assert_close(a, vmap(grad(loss))(h, y))


# --- rules that have weights of their own ---


@pytest.mark.parametrize("rule", [SignSymmetric, KolenPollack])
def test_feedback_for_linear_layers_alone_refuses_other_weights(
    rule: type[WeightTransport],
) -> None:
    says = (
        rf"^{rule.__name__} sends credit .*; blocks\.0\.first \(Conv2d\) holds other weights.* Take"
        r" a rule that needs no"
    )
    with pytest.raises(FaevalError, match=says) as info:
        made(
            "sign_symmetric" if rule is SignSymmetric else "kolen_pollack",
            "batchnorm_cnn",
            NETWORKS["batchnorm_cnn"](),
        )
    assert "\n" not in str(info.value)

    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.weight = nn.Linear(4, 4), nn.Parameter(torch.ones(4, 4))

    network = nn.Module()
    network.blocks, network.readout = nn.ModuleList([nn.Linear(4, 4), Product()]), nn.Linear(4, 3)
    with pytest.raises(FaevalError, match=r"; blocks\.1 \(Product\) holds other weights"):
        rule(Setup(4, 2, 3, 0, network=network))


def test_the_transported_weights_give_the_gradient_of_the_transformer() -> None:
    class Exact(WeightTransport):
        def weights(self, network: Network) -> dict[str, Tensor]:
            return {
                key: m.weight
                for key, m in network.named_modules()
                if isinstance(m, nn.Linear) and key != "embedding"
            }

    network, (x, y) = lively("vit_mini").eval(), data(5)
    credit = Exact(Setup(136, BLOCKS, CLASSES, 0, network=network)).credit(
        network, *states_of(network, x), y
    )
    for a, g in zip(credit, trace(network, network.embed(x), y).gradients, strict=True):
        torch.testing.assert_close(a, g)


# --- steps ---


def test_the_penalty_acts_on_what_each_block_adds(name: str) -> None:
    network, (x, y) = lively(name).eval(), data(6)
    rule = made("dfa", name, network)
    states, logits = states_of(network, x)
    credit = rule.credit(network, states, logits, y)
    network.zero_grad()
    backward(network, rule, x, y, Objective(0.3))
    found = {
        key: p.grad.clone() for key, p in network.blocks.named_parameters() if p.grad is not None
    }
    network.zero_grad()
    for number, block in enumerate(network.blocks):
        f = block.branch(states[number])
        (((f * credit[number + 1]).sum(1) + 0.3 * (f * f).sum(1)).mean()).backward()
    assert len(found) == len(list(network.blocks.parameters()))
    for key, p in network.blocks.named_parameters():
        torch.testing.assert_close(found[key], p.grad)


def task_of() -> Task:
    x, y = data(40)
    v = x.numpy() + 0.5 * y.numpy()[:, None]
    return Task(v, y.numpy(), v, y.numpy(), CLASSES)


@pytest.mark.parametrize("rule", RULES)
def test_transformers_train_as_a_stack_as_they_do_alone(rule: str) -> None:
    objective, hyper = Objective(0.02), {"epochs": 2, "learning_rate": 1e-2, "weight_decay": 0.05}
    seeds, task = (1, 2), task_of()
    ours, theirs = ([NETWORKS["vit_mini"](seed=s).double() for s in seeds] for _ in range(2))
    rules, alone = (
        [made(rule, "vit_mini", n, s) for s, n in zip(seeds, group, strict=True)]
        for group in (ours, theirs)
    )
    assert stackable(rules[0], ours[0]) is None
    first = Batches(task, 1, 10, augment=False)
    found = fit_stacked(ours, rules, [share_data(first, s) for s in seeds], objective, **hyper)
    for k, seed in enumerate(seeds):
        history = fit(
            theirs[k], alone[k], Batches(task, seed, 10, augment=False), objective, **hyper
        )
        assert found[k].losses == pytest.approx(history.losses, rel=1e-9)
        for key, value in theirs[k].state_dict().items():
            torch.testing.assert_close(ours[k].state_dict()[key], value, rtol=1e-7, atol=1e-7)


def test_running_statistics_are_a_reason_to_train_one_after_another() -> None:
    network = NETWORKS["batchnorm_cnn"]()
    rule = made("dfa", "batchnorm_cnn", network)
    assert re.search(r"\bBatchNormCNN .*running", str(stackable(rule, network)))
    batches, hyper = (
        Batches(task_of(), 1, 10, augment=False),
        {"epochs": 1, "learning_rate": 0.1, "weight_decay": 0.0},
    )
    with pytest.raises(NotStackable, match=r"\bBatchNormCNN .*running"):
        fit_stacked([network], [rule], [batches], Objective(), **hyper)


# --- audits ---


@pytest.mark.parametrize("rule", RULES)
def test_the_instrument_sees_at_every_state(name: str, rule: str) -> None:
    if rule not in passes(name):
        return
    network, (x, y) = lively(name).eval(), data(96)
    rows, _ = alignment(network, made(rule, name, network).eval(), x, y, 3)
    read = {(row["metric"], row["layer"]): row for row in rows}
    for layer in range(BLOCKS + 1):
        assert read["control_true", layer]["value"] >= 0.99
        assert abs(read["control_random", layer]["value"]) < 0.2
        for dose in (0.1, 0.3, 1.0):
            assert read[f"control_planted_{dose:g}", layer]["value"] == pytest.approx(
                dose, abs=0.15
            )
        assert read["cosine", layer]["status"] == read["rho", layer]["status"] == "measured"
        assert read["rho_fd", layer]["value"] == pytest.approx(
            read["rho", layer]["value"], abs=0.15
        )


def test_norms_are_of_the_class_token_and_all_else_of_the_whole_state() -> None:
    network, (x, y) = lively("vit_mini").eval(), data(32)
    rule = made("dfa", "vit_mini", network)
    rows, _ = alignment(network, rule, x, y, 3, directions=0)
    read = {(row["metric"], row["layer"]): row["value"] for row in rows}
    states, logits = states_of(network, x)
    credit, gradients = (
        rule.credit(network, states, logits, y),
        trace(network, states[0], y).gradients,
    )
    sizes = []
    for layer, (h, a, g) in enumerate(zip(states, credit, gradients, strict=True)):
        token = [v[:, :8].norm(dim=1).numpy() for v in (h, a, g)]
        sizes.append(token[0])
        for metric, size in zip(("state_norm", "credit_norm", "gradient_norm"), token, strict=True):
            assert read[metric, layer] == pytest.approx(float(np.median(size)), rel=1e-12)
        assert read["norm_ratio", layer] == pytest.approx(
            float(np.median(token[1] / token[2])), rel=1e-12
        )
        cosine = nn.functional.cosine_similarity(a, g, dim=1, eps=0).mean()
        assert read["cosine", layer] == pytest.approx(float(cosine), abs=1e-12)
        rho = (a * g).sum() / (a.square().sum() * g.square().sum()).sqrt()
        assert read["rho", layer] == pytest.approx(float(rho), abs=1e-12)
    growth = max(float(np.median(after / before)) for before, after in pairwise(sizes))
    assert read["growth", None] == pytest.approx(growth, rel=1e-12)
    # The last state's other tokens have no gradient: nothing reads them.
    assert not bool(gradients[-1][:, 8:].any())


def test_an_audit_of_a_network_at_hand_reads_its_copy_in_evaluation_mode(name: str) -> None:
    network, (x, y) = NETWORKS[name]().train(), data(32)
    before = snapshot(network)
    setup = Setup(WIDTHS[name], BLOCKS, CLASSES, 0)
    table = fe.audit(network, x.float(), y, DirectFeedbackAlignment(setup))
    assert (table[table.metric == "control_true"].value >= 0.99).all()
    assert unchanged(network, before)


ARMS = {
    "vit_mini": Arm("dfa", network="vit_mini", epochs=1, width=16, blocks=2),
    "batchnorm_cnn": Arm("dfa", network="batchnorm_cnn", epochs=1, width=4, blocks=2, grid=4),
}


@pytest.mark.slow
def test_a_run_of_a_setting_trains_and_audits_to_the_same_bits_twice(
    name: str, tmp_path: Path
) -> None:
    teacher, options = experiment("teacher"), RunOptions(threads=1)
    arm = teacher.resolve(ARMS[name])
    found = []
    for k in range(2):
        folder = tmp_path / str(k)
        folder.mkdir()
        result = train(arm, 3, folder, options, teacher.config)
        checkpoints = {
            epoch: SimpleNamespace(**kept) for epoch, kept in result["checkpoints"].items()
        }
        kept = SimpleNamespace(checkpoints=checkpoints, diverged=None)
        rows = audit_alignment(arm, 3, folder, kept, options, teacher.config)["rows"]
        found.append(
            (
                result["weights"],
                [(r["metric"], r["layer"], r["value"]) for r in rows if "!" not in r["metric"]],
            )
        )
        assert all(math.isfinite(row["value"]) for row in result["rows"] + rows)
    assert found[0] == found[1]
    fresh = audit_fresh(arm, 3, folder, kept, options, teacher.config)["rows"]
    assert all(
        row["status"] == "measured" for row in fresh
    )  # feedback as wide as the flattened state
