"""The contract of a network, and that the check names what breaks it and leaves the network as it
was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from faeval.bench.networks import (
    Network,
    ResidualMLP,
    StudentNet,
    check_network,
    logits_of,
    states_of,
)
from faeval.errors import FaevalError

FEATURES, WIDTH, BLOCKS, CLASSES = 5, 8, 2, 3


class Plain(nn.Module):
    """Somebody's own network, in as few lines as it takes."""

    def __init__(self, block: Callable[[], nn.Module] | None = None, **parts: Any) -> None:
        super().__init__()
        make = block or (lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()))
        self.embed = parts.get("embed", nn.Linear(FEATURES, WIDTH))
        self.blocks = parts.get("blocks", nn.ModuleList(make() for _ in range(BLOCKS)))
        self.readout = parts.get("readout", nn.Linear(WIDTH, CLASSES))


class By(nn.Module):
    """A module by a function, with something that a check could change."""

    def __init__(
        self, call: Callable[[Tensor], Any], branch: Callable[[Tensor], Any] | None = None
    ) -> None:
        super().__init__()
        self.norm, self.drop, self.call = nn.BatchNorm1d(WIDTH), nn.Dropout(), call
        if branch is not None:
            self.branch = branch

    def forward(self, h: Tensor) -> Any:
        return self.call(h)


class Headless(nn.Module):
    def __init__(self, missing: str) -> None:
        super().__init__()
        for part in {"embed", "readout"} - {missing}:
            setattr(self, part, nn.Linear(FEATURES, FEATURES))
        if missing != "blocks":
            self.blocks = nn.ModuleList([nn.Tanh()])


def inputs(n: int = 4) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((n, FEATURES))).float()


def failing(h: Tensor) -> Tensor:
    raise ArithmeticError("the flux capacitor\nis out of flux")


def second_only(
    call: Callable[[Tensor], Any], branch: Callable[[Tensor], Any] | None = None
) -> Any:
    """A network whose second block, and no other part, does something wrong."""
    return Plain(blocks=nn.ModuleList([nn.Tanh(), By(call, branch)]))


VIOLATIONS: dict[str, tuple[Any, str]] = {
    "no module": ([1, 2], r"network \[1, 2\] \(list\) is no torch\.nn\.Module"),
    "a class": (ResidualMLP, r"is no torch\.nn\.Module"),
    "no embed": (Headless("embed"), r"network Headless has no embed\(\)"),
    "no readout": (Headless("readout"), r"network Headless has no readout\(\)"),
    "embed is no function": (Plain(embed=None), r"network Plain has no embed\(\)"),
    "no blocks": (
        Headless("blocks"),
        r"network Headless: blocks=None .* must be an nn\.ModuleList of at least one",
    ),
    "blocks in a list": (
        Plain(blocks=[nn.Tanh()]),
        r"network Plain: blocks=a list must be an nn\.ModuleList",
    ),
    "blocks in a sequence": (
        Plain(blocks=nn.Sequential(nn.Tanh())),
        r"blocks=a Sequential must be an nn\.ModuleList",
    ),
    "no block": (
        Plain(blocks=nn.ModuleList()),
        r"network Plain: blocks=a ModuleList must be .* of at least one",
    ),
    "embed fails": (
        Plain(embed=failing),
        r"network Plain: embed fails on inputs of shape \(4, 5\) \(ArithmeticError: the",
    ),
    "embed keeps images": (
        Plain(embed=lambda x: x[:, :, None]),
        r"embed gives the shape \(4, 5, 1\) for 4 inputs",
    ),
    "embed drops samples": (
        Plain(embed=lambda x: x[1:]),
        r"embed gives the shape \(3, 5\) for 4 inputs; .* \(n, d\)",
    ),
    "embed gives no width": (Plain(embed=lambda x: x[:, :0]), r"embed gives the shape \(4, 0\)"),
    "embed gives a pair": (Plain(embed=lambda x: (x, x)), r"network Plain: embed returns a tuple"),
    "embed gives integers": (
        Plain(embed=lambda x: x.long()),
        r"network Plain: embed returns a tensor of type torch\.int64",
    ),
    "embed gives NaN": (
        Plain(embed=lambda x: x * torch.nan),
        r"network Plain: embed gives NaN or infinity before any",
    ),
    "a block fails": (
        second_only(failing),
        r"blocks\[1\] fails on inputs of shape \(4, 8\) \(ArithmeticError: the flux",
    ),
    "a block changes the width": (
        second_only(lambda h: h[:, 1:]),
        r"blocks\[1\] maps the shape \(4, 8\) to \(4, 7\)",
    ),
    "a block of infinity": (
        second_only(lambda h: h / 0),
        r"network Plain: blocks\[1\] gives NaN or infinity",
    ),
    "a block of nothing": (
        second_only(lambda h: None),
        r"network Plain: blocks\[1\] returns None \(NoneType\)",
    ),
    "a branch that is the block": (
        second_only(lambda h: h + 1, lambda h: h + 1),
        r"blocks\[1\]: block\(h\) is not h \+",
    ),
    "a branch beside no skip": (
        second_only(torch.tanh, torch.tanh),
        r"blocks\[1\]: block\(h\) is not h \+ branch\(h\)",
    ),
    "a branch of another size": (
        second_only(lambda h: h + h.tanh(), lambda h: 1.01 * h.tanh()),
        r"block\(h\) is not h \+ branch",
    ),
    "a branch of another shape": (
        second_only(lambda h: h + 1, lambda h: torch.ones(1, 1)),
        r"block\(h\) is not h \+ branch",
    ),
    "a branch that fails": (
        second_only(lambda h: h + 1, failing),
        r"blocks\[1\]\.branch fails on inputs of shape \(4, 8\)",
    ),
    "a branch that is no function": (
        second_only(lambda h: h + 1, 1),
        r"blocks\[1\]\.branch fails .* not callable",
    ),
    "a branch of NaN": (
        second_only(lambda h: h + 1, lambda h: h * torch.nan),
        r"blocks\[1\]\.branch gives NaN or inf",
    ),
    "samples that meet": (
        second_only(lambda h: h - h.mean(0)),
        r"a sample's logits depend on the others in its batch",
    ),
    "samples that are ranked": (
        second_only(lambda h: h.argsort(0).float()),
        r"so samples must not meet in the network",
    ),
    "readout fails": (
        Plain(readout=failing),
        r"network Plain: readout fails on inputs of shape \(4, 8\) \(Arith",
    ),
    "too many logits": (
        Plain(readout=nn.Linear(WIDTH, 4)),
        r"readout gives the shape \(4, 4\); 4 inputs of 3 classes need",
    ),
    "one logit": (
        Plain(readout=lambda h: h.sum(1)),
        r"network Plain: readout gives the shape \(4,\)",
    ),
    "logits of infinity": (
        Plain(readout=lambda h: h[:, :3] / 0),
        r"network Plain: readout gives NaN or infinity",
    ),
}


def snapshot(network: nn.Module) -> list[Any]:
    tensors = [(name, value.clone()) for name, value in network.state_dict().items()]
    modes = [(name, module.training) for name, module in network.named_modules()]
    learning = [(name, p.requires_grad, p.grad) for name, p in network.named_parameters()]
    return [tensors, modes, learning, torch.get_rng_state().clone()]


def same(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return torch.equal(before, after)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(
            same(a, b) for a, b in zip(before, after, strict=True)
        )
    return bool(before == after)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_each_violation_is_one_error_that_names_the_part(name: str) -> None:
    network, message = VIOLATIONS[name]
    watched = network if isinstance(network, nn.Module) else nn.Module()
    before = snapshot(watched)
    with pytest.raises(FaevalError) as info:
        check_network(network, inputs(), CLASSES)
    assert type(info.value) is FaevalError
    assert re.search(message, str(info.value)), str(info.value)
    assert "\n" not in str(info.value)
    assert same(before, snapshot(watched))  # and what failed is as it was


class Lively(nn.Module):
    """A block with all that training mode changes: batch statistics, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm, self.drop = (
            nn.Linear(WIDTH, WIDTH),
            nn.BatchNorm1d(WIDTH),
            nn.Dropout(),
        )

    def branch(self, h: Tensor) -> Tensor:
        f: Tensor = self.drop(self.norm(self.linear(h)))
        return f

    def forward(self, h: Tensor) -> Tensor:
        return h + self.branch(h)


GOOD: dict[str, Callable[[], Any]] = {
    "plain": Plain,
    "lively": lambda: Plain(Lively),
    "residual": lambda: ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 0),
    "bare": lambda: ResidualMLP(
        FEATURES, WIDTH, BLOCKS, CLASSES, 0, hidden=2.0, terminal_norm=False, residual=False
    ),
    "student": lambda: StudentNet(FEATURES, WIDTH, BLOCKS, CLASSES, 0, nonlinearity=0.5),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_good_network_passes_and_is_left_as_it_was(make: Callable[[], Any]) -> None:
    network = make()
    list(network.modules())[-1].eval()  # one part in a mode of its own, which it keeps
    next(iter(network.parameters())).requires_grad_(False)
    before = snapshot(network)
    assert len({training for _, training in before[1]}) == 2
    assert check_network(network, inputs(), CLASSES) == WIDTH
    assert same(before, snapshot(network))


def test_the_check_sees_the_network_as_it_is_evaluated() -> None:
    network = Plain(Lively).eval()
    assert check_network(network, inputs(), CLASSES) == WIDTH
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("scale", [1e-20, 1e-4, 1e4, 1e15])
def test_a_branch_and_a_batch_are_judged_at_the_scale_of_the_states(scale: float) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(FEATURES, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x) * scale

    good = Plain(lambda: By(lambda h: h + h.sin(), torch.sin), embed=Scaled())
    assert check_network(good, inputs(), CLASSES) == WIDTH
    meeting = Plain(
        lambda: By(lambda h: h - h.mean(0)), embed=Scaled(), readout=lambda h: h[:, :CLASSES]
    )
    with pytest.raises(FaevalError, match=r"^network Plain: .*logits .*\bbatch\b"):
        check_network(meeting, inputs(), CLASSES)


def test_images_are_inputs_too() -> None:
    images = torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    convolution = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, WIDTH)
    )
    assert check_network(Plain(embed=convolution), images, CLASSES) == WIDTH


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_states_and_logits_are_what_embedding_blocks_and_readout_give(
    make: Callable[[], Any],
) -> None:
    network, x = make().eval(), inputs()
    states, logits = states_of(network, x)
    expected = [network.embed(x)]
    for block in network.blocks:
        expected.append(block(expected[-1]))
    assert len(states) == BLOCKS + 1
    assert all(torch.equal(a, b) for a, b in zip(states, expected, strict=True))
    assert not any(h.requires_grad for h in [*states, logits])
    for found in (
        logits,
        logits_of(network, x),
        *([network(x)] if isinstance(network, Network) else []),
    ):
        assert torch.equal(found, network.readout(expected[-1]))
    assert logits_of(network, x).requires_grad
