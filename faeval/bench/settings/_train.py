"""Training as a stage that a worker calls: one arm at one seed, or at several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from faeval.bench.networks import Network, check_network
from faeval.bench.rules import Rule, Setup
from faeval.bench.tasks import NAMES, Task, array_digest, load as load_builtin, task_of
from faeval.bench.training import (
    Batches,
    History,
    NotStackable,
    Objective,
    check_credit,
    evaluation_inputs,
    fit,
    fit_stacked,
    save,
    share_data,
    stackable,
    state,
    tensors_digest,
)
from faeval.errors import FaevalError
from faeval.experiment import RunOptions, Value, component, stream

# A worker process runs many jobs of one setting: the task is the same for all of them.
_built_in = lru_cache(maxsize=1)(load_builtin)


def task_named(name: str, data: Path | None) -> Task:
    if name in NAMES:
        return _built_in(name, data)
    return task_of(component("task", name).resolve())


def build(factors: Mapping[str, Any], seed: int, task: Task) -> tuple[Network, Rule]:
    """Return the untrained network and rule of an arm.

    Every number in them comes from the seed's named streams.

    Raises
    ------
    FaevalError
        The network or the rule does not do what the contracts ask for, tried on a few inputs of the
        task.
    """
    width, blocks = factors["width"], factors["blocks"]
    about = component("network", factors["network"])
    network = about.resolve()(
        task.features, width, blocks, task.classes, seed, **about.own(factors)
    )
    x, y = evaluation_inputs(task, limit=8)
    width = check_network(network, x, task.classes)
    if len(network.blocks) != blocks:
        raise FaevalError(
            f"network {about.name!r} has {len(network.blocks)} blocks and was asked for {blocks};"
            " make as many as it is told."
        )
    about = component("rule", factors["rule"])
    setup = Setup(width, blocks, task.classes, seed, factors["credit_site"], network)
    rule = about.resolve()(setup, **about.own(factors))
    if not isinstance(rule, Rule):
        raise FaevalError(
            f"rule {about.name!r} makes {rule!r} ({type(rule).__name__}); it must be a"
            " faeval.bench.rules.Rule."
        )
    check_credit(rule, network, x, y)
    return network, rule


def _labelled(task: Task, labels: str, seed: int) -> Task:
    """Return the task with its training labels, or with random classes in their place.

    They are the same for every arm of a seed.
    """
    if labels == "true":
        return task
    random_labels = stream(seed, "labels").integers(0, task.classes, len(task.train_y))
    return replace(task, train_y=random_labels)


def train(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    options: RunOptions,
    config: Mapping[str, Any],
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Train one arm at one seed and leave its checkpoints in ``folder``.

    Return what its record holds.
    """
    prepare(options)
    arm: Mapping[str, Any] = factors
    run = _Training(arm, seed, folder, task_named(config["task"], options.data), options)

    def after_epoch(epoch: int) -> None:
        run.keep(epoch)
        progress(epoch / arm["epochs"])

    history = fit(
        run.network,
        run.rule,
        run.batches(config),
        _objective(arm),
        epochs=arm["epochs"],
        learning_rate=config["learning_rate"],
        weight_decay=config["weight_decay"],
        after_epoch=after_epoch,
    )
    return run.result(history, {})


def train_many(
    factors: dict[str, Value],
    seeds: Sequence[int],
    folders: Sequence[Path],
    options: RunOptions,
    config: Mapping[str, Any],
    progress: Callable[[float], None] = lambda share: None,
) -> list[dict[str, Any]]:
    """Train one arm at several seeds in one stacked run.

    Return for each what :func:`train` returns, within rounding.

    Rules and networks that cannot be stacked are trained one after another; the notes of each
    result say which it was.
    """
    prepare(options)
    arm: Mapping[str, Any] = factors
    task = task_named(config["task"], options.data)
    runs = [
        _Training(arm, seed, folder, task, options)
        for seed, folder in zip(seeds, folders, strict=True)
    ]
    reason = stackable(runs[0].rule, runs[0].network)
    if reason is None:
        first = runs[0].batches(config)
        shared = [share_data(first, run.seed, torch.tensor(run.task.train_y)) for run in runs]

        def after_epoch(replicate: int, epoch: int) -> None:
            runs[replicate].keep(epoch)
            progress(epoch / arm["epochs"])

        try:
            histories = fit_stacked(
                [run.network for run in runs],
                [run.rule for run in runs],
                shared,
                _objective(arm),
                epochs=arm["epochs"],
                learning_rate=config["learning_rate"],
                weight_decay=config["weight_decay"],
                after_epoch=after_epoch,
            )
            return [
                run.result(history, {"stacked": len(runs)})
                for run, history in zip(runs, histories, strict=True)
            ]
        except NotStackable as error:
            reason = str(error)

    def after_part(number: int) -> Callable[[float], None]:
        return lambda share: progress((number + share) / len(seeds))

    results = []
    for number, (seed, folder) in enumerate(zip(seeds, folders, strict=True)):
        alone = train(factors, seed, folder, options, config, after_part(number))
        results.append({**alone, "notes": {"not_stacked": reason}})
    return results


def check_device(options: RunOptions) -> None:
    """Raise FaevalError where the device of the options is not there."""
    if options.device == "cpu":
        return
    remedy = "use device='cpu' (--device cpu), or run where there is one"
    if not torch.cuda.is_available():
        raise FaevalError(
            f"device={options.device!r}: PyTorch {torch.__version__} finds no CUDA device here;"
            f" {remedy} and a build of PyTorch with CUDA is installed"
            " (https://pytorch.org/get-started)."
        )
    count = torch.cuda.device_count()
    if int(options.device.partition(":")[2] or 0) >= count:
        raise FaevalError(
            f"device={options.device!r}: there are {count} CUDA devices, counted from cuda:0;"
            f" {remedy}."
        )


def prepare(options: RunOptions) -> None:
    """Set what a worker's numbers depend on.

    Its threads, and on CUDA devices float32 that is float32.
    """
    torch.set_num_threads(options.threads)
    if options.device != "cpu":
        check_device(options)
        # TF32 keeps 10 bits of the mantissa: what is audited is never computed in it, nor what is
        # trained.
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


class _Training:
    """A run in the making: an arm at a seed, and the checkpoints that it leaves in a folder."""

    def __init__(
        self, arm: Mapping[str, Any], seed: int, folder: Path, task: Task, options: RunOptions
    ) -> None:
        self.seed, self.folder, self.device = seed, folder, options.device
        self.network, self.rule = build(arm, seed, task)
        self.task = _labelled(task, arm["labels"], seed)
        self.hashes = {
            "initial_network": tensors_digest(self.network.state_dict()),
            "feedback": tensors_digest(self.rule.state_dict()),
            "first_order": array_digest(stream(seed, "order", 1).permutation(len(task.train_y))),
        }
        self.network.to(options.device)
        self.rule.to(options.device)
        self.kept = (1, arm["epochs"])
        self.checkpoints: dict[int, dict[str, str]] = {}

    def batches(self, config: Mapping[str, Any]) -> Batches:
        return Batches(
            self.task, self.seed, config["batch"], augment=config["augment"], device=self.device
        )

    def keep(self, epoch: int) -> None:
        if epoch in self.kept:
            name = f"epoch-{epoch:04d}.safetensors"
            self.checkpoints[epoch] = {
                "file": name,
                "sha256": save(self.network, self.rule, self.folder / name),
            }

    def result(self, history: History, notes: dict[str, Any]) -> dict[str, Any]:
        return {
            "rows": [
                {
                    "metric": "train_loss",
                    "epoch": epoch,
                    "layer": None,
                    "value": loss,
                    "status": "measured",
                }
                for epoch, loss in enumerate(history.losses, start=1)
            ],
            "weights": tensors_digest(state(self.network, self.rule)),
            "checkpoints": self.checkpoints,
            "hashes": self.hashes,
            "diverged": history.diverged,
            "notes": notes,
        }


def _objective(arm: Mapping[str, Any]) -> Objective:
    return Objective(arm["penalty"], arm["credit_site"], arm["credit_scale"], arm["trained_blocks"])
