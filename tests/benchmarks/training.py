"""Training: its own matrix products, fixed data, worker processes, and how others would write it;
ratios in one run.

python tests/benchmarks/training.py [--threads 1 2] [--rounds 7] [--steps 40] [--only products data
processes rules others]

``--only rules --write`` leaves the ratios in reports/rules/steps.csv, which docs/bench.md shows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from faeval.bench.networks import ResidualMLP
from faeval.bench.rules import DirectFeedbackAlignment, Rule, Setup
from faeval.bench.tasks import Task
from faeval.bench.training import Batches, Objective, backward, fit
from faeval.experiment import component, components

FEATURES, WIDTH, BLOCKS, CLASSES, BATCH = 3072, 256, 4, 10, 128
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
OBJECTIVE = Objective(1e-2)
STEPS = Path(__file__).parents[2] / "reports" / "rules" / "steps.csv"
HYPER = {"learning_rate": 1e-3, "weight_decay": 0.01}


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def task_of(steps: int) -> Task:
    images = np.random.default_rng(0).integers(0, 256, (steps * BATCH, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(len(images)) % CLASSES
    return Task(images, labels, images[:10], labels[:10], CLASSES, MEAN, STD)


def subject() -> tuple[ResidualMLP, DirectFeedbackAlignment]:
    return ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1), DirectFeedbackAlignment(
        Setup(WIDTH, BLOCKS, CLASSES, 1)
    )


def seconds(call: Callable[[], object], repeats: int = 1) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - begun) / repeats


def rounds_of(calls: list[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Time calls in alternating rounds: one row a round. The first call of each does not count."""
    for call in calls:
        call()
    return [[seconds(call) for call in calls] for _ in range(rounds)]


def ratio(found: list[list[float]], above: int, below: int) -> str:
    ratios = [row[above] / row[below] for row in found]
    return (
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} over"
        f" {len(ratios)} rounds)"
    )


def middle(found: list[list[float]], column: int, steps: int) -> float:
    return 1e3 * statistics.median(row[column] for row in found) / steps


def products() -> Callable[[], None]:
    """The matrix products that a step cannot do without, into memory that is there already.

    Forward: embedding, two a block, head. Credit: one for all states. Backward, every loss being
    local: for each linear layer the gradient of its weights, and that of its input wherever a
    trained norm lies before it or a layer within the block: all but the embedding.
    """
    layers = [(FEATURES, WIDTH), *[(WIDTH, WIDTH)] * (2 * BLOCKS), (WIDTH, CLASSES)]
    shapes = [(BATCH, inside, outside) for inside, outside in layers]
    shapes += [(outside, BATCH, inside) for inside, outside in layers]
    shapes += [(BATCH, outside, inside) for inside, outside in layers[1:]]
    shapes += [(BATCH, CLASSES, (BLOCKS + 1) * WIDTH)]
    draw = torch.Generator().manual_seed(0)
    sets = [
        (torch.randn(m, k, generator=draw), torch.randn(n, k, generator=draw).T, torch.empty(m, n))
        for m, k, n in shapes
    ]

    def run() -> None:
        for a, b, out in sets:
            torch.mm(a, b, out=out)

    return run


def against_products(threads: list[int], rounds: int, steps: int) -> None:
    task, (network, rule), multiply = task_of(steps), subject(), products()
    batches = Batches(task, 1, BATCH, augment=True)
    (x, y), *_ = batches.epoch(1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)

    def gradients() -> None:
        network.zero_grad(set_to_none=True)
        backward(network, rule, x, y, OBJECTIVE)

    calls: list[Callable[[], object]] = [
        lambda: fit(network, rule, batches, OBJECTIVE, epochs=1, **HYPER),
        lambda: [multiply() for _ in range(steps)],
        lambda: [gradients() for _ in range(steps)],
        lambda: [optimizer.step() for _ in range(steps)],
        lambda: [None for _ in batches.epoch(1)],
    ]
    for count in threads:
        torch.set_num_threads(count)
        found = rounds_of(calls, rounds)
        whole, bare, inner, update, gather = (middle(found, column, steps) for column in range(5))
        say(
            f"{count} thread(s): whole step / its matrix products {ratio(found, 0, 1)};"
            f" {whole:.2f} ms, of which products {bare:.2f}, the rest of the gradients"
            f" {inner - bare:.2f} (norms, GELU, sums, autograd, operands out of cache), AdamW"
            f" {update:.2f}, crop, flip and normalisation {gather:.2f}, remainder"
            f" {whole - inner - update - gather:.2f}"
        )


def against_fixed_data(threads: list[int], rounds: int, steps: int) -> None:
    images = task_of(steps)
    scale = (images.train_x / np.float32(255) - np.reshape(MEAN, (3, 1, 1))) / np.reshape(
        STD, (3, 1, 1)
    )
    fixed = Task(
        scale.reshape(len(scale), -1).astype(np.float32),
        images.train_y,
        np.zeros((2, FEATURES), np.float32),
        np.arange(2),
        CLASSES,
    )
    network, rule = subject()

    def epoch(task: Task, augment: bool) -> Callable[[], object]:
        batches = Batches(task, 1, BATCH, augment=augment)
        return lambda: fit(network, rule, batches, OBJECTIVE, epochs=1, **HYPER)

    for count in threads:
        torch.set_num_threads(count)
        found = rounds_of([epoch(images, True), epoch(images, False), epoch(fixed, False)], rounds)
        say(
            f"{count} thread(s): epoch with crop and flip / epoch on fixed normalised float32"
            f" {ratio(found, 0, 2)}; / epoch on the images as they are {ratio(found, 0, 1)};"
            f" {middle(found, 2, steps):.2f} ms a step on fixed data"
        )


def one_run(arguments: tuple[int, int, int]) -> None:
    seed, threads, steps = arguments
    torch.set_num_threads(threads)
    network, rule = subject()
    fit(
        network,
        rule,
        Batches(task_of(40), seed, BATCH, augment=True),
        OBJECTIVE,
        epochs=max(1, steps // 40),
        **HYPER,
    )


def over_processes(rounds: int, steps: int) -> None:
    cores = len(os.sched_getaffinity(0))
    if cores == 1:
        say("worker processes: one core here, nothing to spread over")
        return
    runs = 2 * cores
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        pool.map(one_run, [(seed, 1, 40) for seed in range(cores)], chunksize=1)

        def spread() -> None:
            pool.map(one_run, [(seed, 1, steps) for seed in range(runs)], chunksize=1)

        def in_turn() -> None:
            for seed in range(runs):
                one_run((seed, cores, steps))

        def in_turn_single() -> None:
            for seed in range(runs):
                one_run((seed, 1, steps))

        found = rounds_of([in_turn, in_turn_single, spread], rounds)
    say(
        f"{runs} runs of {steps} steps on {cores} cores: one after another with {cores} threads /"
        f" over {cores} processes with one thread each {ratio(found, 0, 2)}; one after another with"
        f" one thread / over processes {ratio(found, 1, 2)}"
    )


def against_backpropagation(threads: list[int], rounds: int, steps: int, write: bool) -> None:
    """Each rule's whole step, optimiser included, against backpropagation's on the same network and
    the same fixed data.
    """
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, FEATURES, generator=draw)
    y = torch.randint(0, CLASSES, (BATCH,), generator=draw)
    names = ["bp", *(name for name in components("rule") if name != "bp")]
    lines = ["rule,threads,rounds,least,median,most"]

    def steps_of(name: str) -> Callable[[], object]:
        network = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
        rule: Rule = component("rule", name).resolve()(
            Setup(WIDTH, BLOCKS, CLASSES, 1, network=network)
        )
        optimizer = torch.optim.AdamW(
            [*network.parameters(), *rule.parameters()], lr=1e-4, fused=True
        )

        def run() -> None:
            for _ in range(steps):
                optimizer.zero_grad(set_to_none=True)
                backward(network, rule, x, y, Objective())
                optimizer.step()
                rule.after_step(network)

        return run

    calls = [steps_of(name) for name in names]
    for count in threads:
        torch.set_num_threads(count)
        found = rounds_of(calls, rounds)
        say(f"{count} thread(s): a step of bp takes {middle(found, 0, steps):.2f} ms; beside it")
        for column, name in enumerate(names[1:], start=1):
            ratios = [row[column] / row[0] for row in found]
            say(f"  {name} {ratio(found, column, 0)}")
            spread = (min(ratios), statistics.median(ratios), max(ratios))
            lines.append(f"{name},{count},{rounds},{','.join(f'{r:.3f}' for r in spread)}")
    if write:
        STEPS.write_text("\n".join(lines) + "\n")


class Images(Dataset):  # type: ignore[type-arg]
    """As most would write it: one sample at a time, cropped, flipped and normalised as a tensor."""

    def __init__(self, task: Task) -> None:
        self.x, self.y = torch.from_numpy(task.train_x), torch.from_numpy(task.train_y)
        self.mean, self.std = (
            torch.tensor(MEAN).reshape(3, 1, 1),
            torch.tensor(STD).reshape(3, 1, 1),
        )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        image = functional.pad(self.x[i], (4, 4, 4, 4))
        top, left = torch.randint(0, 9, (2,)).tolist()
        image = image[:, top : top + 32, left : left + 32]
        if torch.rand(()) < 0.5:
            image = image.flip(-1)
        return (image.float() / 255 - self.mean) / self.std, self.y[i]


def plain_loop(network: ResidualMLP, feedback: list[Tensor], batches: Any) -> None:
    """DFA in a loop over a DataLoader: a surrogate loss <f_l, a> for each block, default AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    for x, y in batches:
        h = network.embed(x)
        states, outputs = [h], []
        for block in network.blocks:
            f = block.branch(states[-1].detach())  # type: ignore[operator]
            outputs.append(f)
            states.append(states[-1].detach() + f)
        logits = network.readout(states[-1].detach())
        loss = functional.cross_entropy(logits, y)
        error = (logits.softmax(1) - functional.one_hot(y, CLASSES)).detach()
        loss = loss + ((error @ feedback[0].T) * h).sum(1).mean()
        for b, f in zip(feedback[1:], outputs, strict=True):
            loss = loss + ((error @ b.T) * f).sum(1).mean() + 1e-2 * f.square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def biotorch_loop(
    batches: Callable[[], Iterator[tuple[Tensor, Tensor]]],
) -> Callable[[], object] | None:
    try:
        from biotorch.module.biomodule import BioModule  # type: ignore[import-not-found]
    except ImportError:
        return None
    plain: Any = ResidualMLP(FEATURES, WIDTH, BLOCKS, CLASSES, 1)
    model = BioModule(plain, mode="dfa", output_dim=CLASSES)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def run() -> None:
        for x, y in batches():
            optimizer.zero_grad()
            criterion(model(x, targets=y, loss_function=criterion), y).backward()
            optimizer.step()

    return run


def against_others(threads: list[int], rounds: int, steps: int) -> None:
    task, (network, rule) = task_of(steps), subject()
    batches = Batches(task, 1, BATCH, augment=True)
    feedback = list(rule.feedback)
    loaders = [
        DataLoader(Images(task), BATCH, shuffle=True, drop_last=True, num_workers=k) for k in (0, 2)
    ]
    calls: list[Callable[[], object]] = [
        lambda: fit(network, rule, batches, OBJECTIVE, epochs=1, **HYPER)
    ]
    calls += [lambda loader=loader: plain_loop(network, feedback, loader) for loader in loaders]  # type: ignore[misc]
    calls.append(lambda: plain_loop(network, feedback, batches.epoch(1)))
    rival = biotorch_loop(lambda: batches.epoch(1))
    if rival is not None:
        calls.append(rival)
    for count in threads:
        torch.set_num_threads(count)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of their hooks, which are of an older kind
            found = rounds_of(calls, rounds)
        say(
            f"{count} thread(s): plain loop over a DataLoader in this process / ours"
            f" {ratio(found, 1, 0)}; over one with two workers / ours {ratio(found, 2, 0)}; the"
            f" same loop on our batches / ours {ratio(found, 3, 0)}; "
            + (
                f"biotorch's DFA on our batches / ours {ratio(found, 4, 0)}"
                if rival
                else "biotorch is not installed"
            )
        )


def main() -> None:
    parts = ("products", "data", "processes", "rules", "others")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument(
        "--write", action="store_true", help="keep the ratios of rules in reports/rules/steps.csv"
    )
    options = parser.parse_args()
    say(
        f"DFA, penalised, d={WIDTH}, L={BLOCKS}, batch {BATCH}, {FEATURES} inputs; torch"
        f" {torch.__version__}"
    )
    if "products" in options.only:
        against_products(options.threads, options.rounds, options.steps)
    if "data" in options.only:
        against_fixed_data(options.threads, options.rounds, options.steps)
    if "processes" in options.only:
        over_processes(min(options.rounds, 3), 2 * options.steps)
    if "rules" in options.only:
        against_backpropagation(options.threads, options.rounds, options.steps, options.write)
    if "others" in options.only:
        against_others(options.threads, min(options.rounds, 5), options.steps)


if __name__ == "__main__":
    main()
