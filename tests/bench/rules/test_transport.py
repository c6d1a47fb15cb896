"""Rules with a feedback weight for each forward one: their credit by a backward pass written out in
NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from faeval.bench.networks import Block, Network, PlainBlock, ResidualMLP, StudentNet
from faeval.bench.rules import (
    Backpropagation,
    KolenPollack,
    Rule,
    Setup,
    SignSymmetric,
    WeightTransport,
    linear_layers,
)
from faeval.bench.tasks import Task
from faeval.bench.training import Batches, Objective, backward, fit, load, save
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 7, 6, 3, 4
Array = npt.NDArray[np.float64]
Weights = Mapping[str, Array]

NETWORKS: dict[str, dict[str, Any]] = {
    "residual": {},
    "no-skip": {"residual": False},
    "no-norm": {"terminal_norm": False},
    "wide": {"hidden": 2.0},
    "bare": {"residual": False, "terminal_norm": False, "hidden": 0.5},
    "student": {"nonlinearity": 0.3},
}
RULES = {
    "sign_symmetric": lambda setup: SignSymmetric(setup),
    "batchwise": lambda setup: SignSymmetric(setup, magnitude="batchwise"),
    "kolen_pollack": lambda setup: KolenPollack(setup),
}


def network_of(kind: str = "residual", seed: int = 0) -> Network:
    make = StudentNet if kind == "student" else ResidualMLP
    network: Network = make(FEATURES, WIDTH, BLOCKS, CLASSES, seed, **NETWORKS[kind]).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in (
            network.parameters()
        ):  # away from the start: norms have gains and biases, blocks are not small
            value.add_(0.3 * torch.randn(value.shape, generator=draw, dtype=value.dtype))
    return network


def setup_of(network: nn.Module, seed: int = 5, site: str = "output") -> Setup:
    return Setup(WIDTH, BLOCKS, CLASSES, seed, site, network)


def data(n: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((n, FEATURES))), torch.from_numpy(
        draw.integers(0, CLASSES, n)
    )


def states_of(network: Network, x: Tensor) -> tuple[list[Tensor], Tensor]:
    states = [network.embed(x).detach()]
    for block in network.blocks:
        states.append(block(states[-1]).detach())
    return states, network.readout(states[-1]).detach()


def credit_of(rule: Rule, network: Network, x: Tensor, y: Tensor) -> list[Tensor]:
    return rule.credit(network, *states_of(network, x), y)


# A backward pass by hand. Every forward value comes from W; a signal passes each linear layer
# through V.

erf = np.vectorize(math.erf, otypes=[float])


def norm(h: Array, gain: Array, bias: Array) -> tuple[Array, Any]:
    # Ba, Kiros and Hinton 2016, eq. 4; 1e-5 is PyTorch's default epsilon.
    centred = h - h.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    unit = centred / spread

    def back(signal: Array) -> Array:
        # With u = (h - m) / s: dm/dh_j = 1/d and ds/dh_j = u_j / d, so du_i/dh_j = (delta_ij - 1/d
        # - u_i u_j / d) / s.
        s = signal * gain
        return (s - s.mean(1, keepdims=True) - unit * (s * unit).mean(1, keepdims=True)) / spread

    return gain * unit + bias, back


def gelu(z: Array) -> tuple[Array, Any]:
    # Hendrycks and Gimpel 2016: z Phi(z); its derivative is Phi(z) + z phi(z).
    cumulative = 0.5 * (1 + erf(z / math.sqrt(2)))
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return z * cumulative, lambda signal: signal * (cumulative + z * density)


def by_hand(network: Network, feedback: Weights | None, h: Array, y: Array) -> list[Array]:
    """The signals at h_0 .. h_L when credit passes through ``feedback`` in place of each forward
    weight.
    """
    w = {name: p.detach().double().numpy() for name, p in network.named_parameters()}
    v = (
        {n.removesuffix(".weight"): a for n, a in w.items() if a.ndim == 2}
        if feedback is None
        else feedback
    )
    pulls = []
    for layer, block in enumerate(network.blocks):
        at = f"blocks.{layer}"
        if isinstance(block, PlainBlock):
            u, norm_back = norm(h, w[f"{at}.norm.weight"], w[f"{at}.norm.bias"])
            m, gelu_back = gelu(u @ w[f"{at}.first.weight"].T + w[f"{at}.first.bias"])
            f = m @ w[f"{at}.second.weight"].T + w[f"{at}.second.bias"]
            skip = 1.0 if isinstance(block, Block) else 0.0

            def pull(
                a: Array, at: str = at, n: Any = norm_back, g: Any = gelu_back, skip: float = skip
            ) -> Array:
                through: Array = n(g(a @ v[f"{at}.second"]) @ v[f"{at}.first"])
                return skip * a + through

            h = skip * h + f
        else:
            z, a = h @ w[f"{at}.linear.weight"].T + w[f"{at}.linear.bias"], block.nonlinearity
            slope = (1 - a) + a * (1 - np.tanh(z) ** 2)

            def pull(a: Array, at: str = at, slope: Array = slope) -> Array:  # type: ignore[misc] # the other kind's
                return (a * slope) @ v[f"{at}.linear"]

            h = (1 - a) * z + a * np.tanh(z)
        pulls.append(pull)
    u, last_back = h, lambda signal: signal
    if "norm.weight" in w:
        u, last_back = norm(h, w["norm.weight"], w["norm.bias"])
    logits = u @ w["head.weight"].T + w["head.bias"]
    e = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    e[np.arange(len(y)), y] -= 1.0
    signals = [last_back(e @ v["head"])]
    for pull in reversed(pulls):
        signals.append(pull(signals[-1]))
    return signals[::-1]


def assert_close(found: list[Tensor], expected: list[Array]) -> None:
    assert len(found) == len(expected) == BLOCKS + 1
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_pass_by_hand_with_the_forward_weights_is_backpropagation(kind: str) -> None:
    network, (x, y) = network_of(kind), data()
    states, _ = states_of(network, x)
    assert_close(
        credit_of(Backpropagation(), network, x, y),
        by_hand(network, None, states[0].numpy(), y.numpy()),
    )


@pytest.mark.parametrize("kind", NETWORKS)
def test_uniform_sign_symmetric_credit_is_the_pass_through_one_magnitude_and_the_signs(
    kind: str,
) -> None:
    network, (x, y) = network_of(kind), data()
    feedback = {}
    for name, p in network.named_parameters():
        if p.ndim == 2 and not name.startswith("embedding"):
            w = p.detach().numpy()
            feedback[name.removesuffix(".weight")] = math.sqrt(
                2.0 / (w.shape[0] + w.shape[1])
            ) * np.sign(w)
    states, _ = states_of(network, x)
    found = credit_of(SignSymmetric(setup_of(network)), network, x, y)
    assert_close(found, by_hand(network, feedback, states[0].numpy(), y.numpy()))


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("rule", ["batchwise", "kolen_pollack"])
def test_credit_is_the_pass_through_the_rules_own_weights(rule: str, kind: str) -> None:
    network, (x, y) = network_of(kind), data()
    module = RULES[rule](setup_of(network)).double()
    if isinstance(module, KolenPollack):  # read from its parameters, one for each layer by name
        own = {name: module.feedback[name.replace(".", "_")] for name in linear_layers(network)}
    else:
        own = dict(module.weights(network))
    feedback = {name: weight.detach().numpy() for name, weight in own.items()}
    states, _ = states_of(network, x)
    assert_close(
        credit_of(module, network, x, y), by_hand(network, feedback, states[0].numpy(), y.numpy())
    )


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_layer_of_blocks_and_readout_has_a_weight_of_its_shape_and_the_embedding_none(
    kind: str,
) -> None:
    network = network_of(kind)
    weights = {n.removesuffix(".weight"): p for n, p in network.named_parameters() if p.ndim == 2}
    del weights["embedding"]
    assert set(linear_layers(network)) == set(weights)
    for make in RULES.values():
        found = make(setup_of(network)).weights(network)
        assert {n: v.shape for n, v in found.items()} == {n: p.shape for n, p in weights.items()}


class Given(WeightTransport):
    """A rule of one's own, by the weights that it is given."""

    def __init__(self, setup: Setup, weights: Mapping[str, Tensor]) -> None:
        super().__init__(setup)
        self.given = weights

    def weights(self, network: Network) -> Mapping[str, Tensor]:
        return self.given


def forward_weights(network: Network) -> dict[str, Tensor]:
    return {name: layer.weight.detach().clone() for name, layer in linear_layers(network).items()}


def test_with_the_forward_weights_it_is_backpropagation() -> None:
    network, (x, y) = network_of(), data()
    weights = forward_weights(network)
    exact = credit_of(Given(setup_of(network), weights), network, x, y)
    for a, g in zip(exact, credit_of(Backpropagation(), network, x, y), strict=True):
        torch.testing.assert_close(a, g)
    for name in weights:
        other = {**weights, name: weights[name] + 1.0}
        changed = credit_of(Given(setup_of(network), other), network, x, y)
        top = (
            BLOCKS if name == "head" else int(name.split(".")[1])
        )  # blocks.l lies between h_l and h_{l+1}
        for layer in range(BLOCKS + 1):
            assert torch.equal(changed[layer], exact[layer]) is (layer > top), (name, layer)


@pytest.mark.parametrize("rule", RULES)
def test_no_state_is_exact_since_the_readout_is_replaced_too(rule: str) -> None:
    network, (x, y) = network_of(), data()
    found = credit_of(RULES[rule](setup_of(network)).double(), network, x, y)
    for a, g in zip(found, credit_of(Backpropagation(), network, x, y), strict=True):
        assert bool((torch.cosine_similarity(a, g, dim=1) < 0.999).all())


@pytest.mark.parametrize("rule", RULES)
def test_the_credit_site_changes_neither_weights_nor_signals(rule: str) -> None:
    network, (x, y) = network_of(), data()
    both = [
        credit_of(RULES[rule](setup_of(network, site=s)).double(), network, x, y)
        for s in ("output", "input")
    ]
    assert all(torch.equal(a, b) for a, b in zip(*both, strict=True))


class Watching(ResidualMLP):
    """A network that remembers what its modules gave in the last pass."""

    seen: list[Tensor]

    def readout(self, h: Tensor) -> Tensor:
        logits = super().readout(h)
        self.seen += [h.detach(), logits.detach()]
        return logits


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_the_network_computes_the_same_bits_while_its_weights_are_replaced(
    rule: str, dtype: torch.dtype
) -> None:
    network = Watching(FEATURES, 33, BLOCKS, CLASSES, 0).to(dtype)
    x, y = data(17)
    network.seen = []
    for block in network.blocks:
        block.register_forward_hook(
            lambda module, inputs, output: network.seen.append(output.detach())
        )
        block.norm.register_forward_hook(
            lambda module, inputs, output: network.seen.append(inputs[0].detach())
        )
    states, logits = states_of(network, x.to(dtype))
    plain, network.seen = network.seen, []
    module = RULES[rule](Setup(33, BLOCKS, CLASSES, 5, network=network)).to(dtype)
    module.credit(network, states, logits, y)
    assert len(network.seen) == len(plain) == 2 * BLOCKS + 2
    assert all(torch.equal(a, b) for a, b in zip(network.seen, plain, strict=True))


def hooks(network: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)


class Fails(nn.Module):
    """A block that gives up."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH).double()

    def forward(self, h: Tensor) -> Tensor:
        raise ArithmeticError(f"{tuple(self.linear(h).shape)}")


@pytest.mark.parametrize("rule", RULES)
def test_no_hook_and_no_gradient_is_left_behind(rule: str) -> None:
    network, (x, y) = network_of(), data()
    module = RULES[rule](setup_of(network)).double()
    called = []
    network.head.register_forward_hook(lambda *_: called.append(1))  # somebody's own stays
    signals = credit_of(module, network, x, y)
    assert hooks(network) == 1
    assert len(called) == 2  # the plain pass and the one for credit
    assert not any(a.requires_grad for a in signals)
    assert all(p.grad is None for p in [*network.parameters(), *module.parameters()])


@pytest.mark.parametrize("rule", RULES)
def test_no_hook_is_left_behind_by_a_pass_that_fails(rule: str) -> None:
    network, (x, y) = network_of(), data()
    states, logits = states_of(network, x)
    network.blocks[1] = Fails()
    module = RULES[rule](setup_of(network)).double()
    with pytest.raises(ArithmeticError):
        module.credit(network, states, logits, y)
    assert hooks(network) == 0
    whole = network_of()
    wrong = Given(
        setup_of(whole), {**forward_weights(whole), "blocks.2.first": torch.ones(WIDTH, 2).double()}
    )
    with pytest.raises(RuntimeError):
        credit_of(wrong, whole, x, y)
    assert hooks(whole) == 0


@pytest.mark.parametrize("make", RULES.values(), ids=RULES)
def test_a_network_without_linear_layers_is_refused_by_name(make: Any) -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(FEATURES, WIDTH)  # credit ends before it
            self.blocks = nn.ModuleList([nn.Tanh()])
            self.readout = nn.Identity()

    for network in (None, Bare()):
        with pytest.raises(
            FaevalError, match=r"^(SignSymmetric|KolenPollack) .*torch\.nn\.Linear.*setup\.network"
        ) as info:
            make(Setup(WIDTH, 1, WIDTH, 5, network=network))
        assert "\n" not in str(info.value)


# Sign-symmetric.


def test_an_unknown_magnitude_is_refused() -> None:
    with pytest.raises(FaevalError, match=r"^magnitude='glorot' .*'uniform', 'batchwise'\.$"):
        SignSymmetric(setup_of(network_of()), magnitude="glorot")  # type: ignore[arg-type] # what is tested


@pytest.mark.parametrize("magnitude", ["uniform", "batchwise"])
def test_the_sign_is_that_of_the_weight_as_it_is_now(magnitude: Any) -> None:
    network = network_of()
    rule = SignSymmetric(setup_of(network), magnitude=magnitude)
    before = {name: v.clone() for name, v in rule.weights(network).items()}
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in linear_layers(network).values():
            layer.weight.mul_(
                torch.where(
                    torch.rand(layer.weight.shape, generator=draw) < 0.5, -3.0, 0.1
                ).double()
            )
            layer.weight[0, 0] = 0.0  # and no sign at all where there is none
    after = rule.weights(network)
    for name, layer in linear_layers(network).items():
        np.testing.assert_array_equal(
            np.sign(after[name].numpy()), np.sign(layer.weight.detach().numpy())
        )
        flipped = layer.weight != 0
        assert torch.equal(
            after[name].abs()[flipped], before[name].abs()[flipped]
        )  # of its size nothing is known
        assert bool((after[name].sign() != before[name].sign()).any())


def wide_network() -> ResidualMLP:
    return ResidualMLP(FEATURES, 96, 2, CLASSES, 0, hidden=2.0)


def test_uniform_magnitudes_are_glorots_standard_deviation() -> None:
    # Glorot and Bengio 2010, eq. 12: Var W = 2 / (in + out); by hand for d = 96, 2 d = 192 and 4
    # classes.
    network = wide_network()
    found = SignSymmetric(Setup(96, 2, CLASSES, 5, network=network)).weights(network)
    expected = {
        "first": math.sqrt(2 / 288),
        "second": math.sqrt(2 / 288),
        "head": math.sqrt(2 / 100),
    }
    for name, v in found.items():
        size = expected[name.split(".")[-1]]
        torch.testing.assert_close(v.abs(), torch.full_like(v, size), rtol=1e-6, atol=0)
    assert not SignSymmetric(
        Setup(96, 2, CLASSES, 5, network=network)
    ).state_dict()  # it needs no memory


def test_batchwise_magnitudes_are_uniform_with_the_root_mean_square_of_the_uniform_rule() -> None:
    network = wide_network()
    found = SignSymmetric(Setup(96, 2, CLASSES, 5, network=network), magnitude="batchwise").weights(
        network
    )
    for v in found.values():
        m, bound = v.abs().double().numpy().ravel(), math.sqrt(6 / sum(v.shape))
        assert 0 <= m.min() < bound * 20 / m.size
        assert bound * (1 - 20 / m.size) < m.max() <= bound * (1 + 1e-6)
        # U(0, b): E m = b/2 with s.d. b/sqrt(12 n); E m^2 = b^2/3 = 2/(in + out) with s.d. b^2
        # sqrt(4/45/n). Four of them.
        assert abs(m.mean() - bound / 2) < 4 * bound / math.sqrt(12 * m.size)
        assert abs((m**2).mean() - 2 / sum(v.shape)) < 4 * bound**2 * math.sqrt(4 / 45 / m.size)


def test_batchwise_magnitudes_are_new_after_each_step_and_for_each_layer_and_seed() -> None:
    network = network_of()
    rule = SignSymmetric(setup_of(network), magnitude="batchwise")

    def drawn() -> Tensor:
        return torch.cat(
            [
                v.abs().flatten() / math.sqrt(6 / sum(v.shape))
                for v in rule.weights(network).values()
            ]
        )

    first = drawn()
    assert torch.equal(drawn(), first)  # the same within a step, however often it is asked
    seen = [first]
    for _ in range(3):
        rule.after_step(network)
        seen.append(drawn())
    rule = SignSymmetric(setup_of(network, seed=6), magnitude="batchwise")
    seen.append(drawn())
    for i, later in enumerate(seen):
        assert all(not bool((later == earlier).any()) for earlier in seen[:i])
        assert len(set(later.tolist())) == len(later)  # no two layers share a stream


def test_a_batchwise_rule_goes_on_after_a_reload_as_if_never_left(tmp_path: Path) -> None:
    network, batches = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 0), batches_of()
    rule = SignSymmetric(setup_of(network), magnitude="batchwise")
    fit(network, rule, batches, Objective(), epochs=3, learning_rate=1e-2, weight_decay=0.01)
    assert int(rule.steps) == 3 * batches.steps
    sha256 = save(network, rule, tmp_path / "c.safetensors")
    other = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 9)
    fresh = SignSymmetric(setup_of(other, seed=99), magnitude="batchwise")
    load(other, fresh, tmp_path / "c.safetensors", sha256)
    for _ in range(2):
        pairs = zip(rule.weights(network).items(), fresh.weights(other).items(), strict=True)
        assert all(name == again and torch.equal(v, w) for (name, v), (again, w) in pairs)
        rule.after_step(network)
        fresh.after_step(other)


# Kolen-Pollack.


class Double(Batches):
    """Batches in float64, to see past rounding."""

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in super().epoch(number):
            yield x.double(), y


def batches_of(size: int = 10, kind: type[Batches] = Batches) -> Batches:
    draw = np.random.default_rng(0)
    y = np.arange(40) % CLASSES
    x = (draw.standard_normal((40, FEATURES)) + 2.0 * np.eye(CLASSES, FEATURES)[y]).astype(
        np.float32
    )
    return kind(Task(x, y, x, y, CLASSES), 1, size, augment=False)


def pairs_of(network: Network, rule: KolenPollack) -> dict[str, tuple[Tensor, Tensor]]:
    weights = rule.weights(network)
    return {
        n: (weights[n].detach().clone(), w.weight.detach().clone())
        for n, w in linear_layers(network).items()
    }


def test_feedback_weights_start_as_linear_layers_do_and_apart_from_the_forward_ones() -> None:
    network = wide_network()
    rule = KolenPollack(Setup(96, 2, CLASSES, 0, network=network))
    for name, (v, w) in pairs_of(network, rule).items():
        # torch.nn.Linear's documented default: U(-k, k), k = 1/sqrt(fan_in), s.d. k/sqrt(3).
        bound, count = 1 / math.sqrt(v.shape[1]), v.numel()
        assert bound * (1 - 20 / count) < float(v.abs().max()) <= bound
        assert abs(float(v.std()) - bound / math.sqrt(3)) < 4 * bound / math.sqrt(5 * count)
        # Independent draws: a correlation of n pairs has s.d. 1/sqrt(n).
        assert abs(np.corrcoef(v.flatten(), w.flatten())[0, 1]) < 4 / math.sqrt(count), name
    firsts = [float(v[0, 0]) * math.sqrt(v.shape[1]) for v, _ in pairs_of(network, rule).values()]
    assert len({round(first, 5) for first in firsts}) == len(firsts)  # no two layers share a stream
    deeper = ResidualMLP(FEATURES, 96, 3, CLASSES, 0, hidden=2.0)
    more = pairs_of(deeper, KolenPollack(Setup(96, 3, CLASSES, 0, network=deeper)))
    assert all(torch.equal(v, more[name][0]) for name, (v, _) in pairs_of(network, rule).items())
    other = pairs_of(network, KolenPollack(Setup(96, 2, CLASSES, 1, network=network)))
    assert not any(
        torch.equal(v, other[name][0]) for name, (v, _) in pairs_of(network, rule).items()
    )


OBJECTIVES = [
    Objective(p, s, c) for p, s, c in product((0.0, 0.1), ("output", "input"), ("error", "unit"))
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
@pytest.mark.parametrize("kind", ["residual", "bare", "student"])
def test_each_feedback_weight_is_told_to_the_bit_what_its_forward_weight_is_told(
    kind: str, objective: Objective
) -> None:
    network, (x, y) = network_of(kind), data()
    rule = KolenPollack(setup_of(network, site=objective.credit_site)).double()
    backward(network, rule, x, y, objective)
    feedback = rule.weights(network)
    for name, layer in linear_layers(network).items():
        told, own = layer.weight.grad, feedback[name].grad
        assert told is not None
        assert own is not None
        assert torch.equal(own, told)
        assert bool((own != 0).any())


@pytest.mark.parametrize("decay", [0.0, 0.01, 1.0])
def test_forward_and_feedback_weights_come_together_by_the_decay_alone(decay: float) -> None:
    # Kolen and Pollack 1994: both change by the same dW and decay by the same factor, so that W - V
    # only decays. AdamW (Loshchilov and Hutter 2019, algorithm 2) takes p - lr_t decay p - lr_t
    # u(gradients); the gradients are one, so is u. Hence D_k = D_0 prod_t (1 - lr_t decay), with
    # the cosine schedule's lr_t = lr (1 + cos(pi t / T)) / 2.
    network, batches = network_of(), batches_of(40, Double)
    rule, rate, epochs = KolenPollack(setup_of(network)).double(), 0.05, 12
    start, factor, left = pairs_of(network, rule), 1.0, []

    def after_epoch(epoch: int) -> None:  # one step each
        nonlocal factor
        factor *= 1.0 - rate * 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / epochs)) * decay
        for name, (v, w) in pairs_of(network, rule).items():
            v_0, w_0 = start[name]
            torch.testing.assert_close(v - w, factor * (v_0 - w_0), rtol=0, atol=1e-12)
        left.append(factor)

    fit(
        network,
        rule,
        batches,
        Objective(),
        epochs=epochs,
        learning_rate=rate,
        weight_decay=decay,
        after_epoch=after_epoch,
    )
    assert len(left) == epochs
    for name, (v, w) in pairs_of(network, rule).items():
        assert all(
            float((now - then).abs().max()) > 0.05
            for now, then in zip((v, w), start[name], strict=True)
        ), name


def test_feedback_weights_of_frozen_blocks_do_not_move() -> None:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 0)
    rule = KolenPollack(setup_of(network))
    start = pairs_of(network, rule)
    fit(
        network,
        rule,
        batches_of(),
        Objective(trained_blocks=1),
        epochs=3,
        learning_rate=1e-2,
        weight_decay=0.5,
    )
    for name, pair in pairs_of(network, rule).items():
        frozen = name.startswith(("blocks.0.", "blocks.1."))
        assert all(
            torch.equal(now, then) is frozen for now, then in zip(pair, start[name], strict=True)
        ), name


def test_feedback_and_forward_weights_align_in_a_small_training() -> None:
    # Akrout et al. 2019: what aligns them within a short training is that both grow by the same
    # updates.
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 0)
    rule = KolenPollack(setup_of(network))

    def alignment() -> Array:
        pairs = pairs_of(network, rule).values()
        return np.array(
            [float(torch.cosine_similarity(v.flatten(), w.flatten(), dim=0)) for v, w in pairs]
        )

    before = alignment()
    history = fit(
        network, rule, batches_of(), Objective(), epochs=60, learning_rate=1e-2, weight_decay=0.01
    )
    after = alignment()
    assert history.losses[-1] < 0.5 * history.losses[0]
    assert (after > before).all()
    assert after.mean() > before.mean() + 0.2


def test_feedback_weights_are_the_rules_parameters_and_travel_with_the_checkpoint(
    tmp_path: Path,
) -> None:
    network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 0)
    rule = KolenPollack(setup_of(network))
    start = pairs_of(network, rule)
    names = {f"feedback.{name.replace('.', '_')}" for name in linear_layers(network)}
    assert (
        {n for n, p in rule.named_parameters() if p.requires_grad}
        == set(rule.state_dict())
        == names
    )
    fit(network, rule, batches_of(), Objective(), epochs=2, learning_rate=1e-2, weight_decay=0.01)
    assert not any(
        torch.equal(v, start[name][0]) for name, (v, _) in pairs_of(network, rule).items()
    )
    sha256 = save(network, rule, tmp_path / "c.safetensors")
    other = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 9)
    fresh = KolenPollack(setup_of(other, seed=99))
    load(other, fresh, tmp_path / "c.safetensors", sha256)
    x, y = data()
    found = [credit_of(module, n, x.float(), y) for module, n in ((rule, network), (fresh, other))]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
