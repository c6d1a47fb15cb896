"""What a run of teacher, digits or cifar10 is: the task, the training and the audits, as stages a worker calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from faeval.audits import alignment, evaluation
from faeval.errors import FaevalError
from faeval.experiment import RunOptions, Value, component, stream
from faeval.networks import Network, check_network
from faeval.rules import Rule, Setup
from faeval.tasks import Task, array_digest
from faeval.tasks import load as load_builtin
from faeval.training import (
    Batches,
    Objective,
    check_credit,
    evaluation_inputs,
    fit,
    load,
    save,
    state,
    tensors_digest,
)

#: Alignment is audited on this many test items at most; accuracy on all of them.
AUDIT_ITEMS = 1024
_CHUNK = 2048


# A worker process runs many jobs of one setting: the task is the same for all of them.
_built_in = lru_cache(maxsize=1)(load_builtin)


def _task(name: str, data: Path | None) -> Task:
    if name in ("teacher", "digits", "cifar10", "cifar100"):
        return _built_in(name, data)
    from faeval.tasks._own import task_of

    return task_of(component("task", name).resolve())


def build(factors: Mapping[str, Any], seed: int, task: Task) -> tuple[Network, Rule]:
    """Return the untrained network and rule of an arm; every number in them comes from the seed's named streams.

    Raises
    ------
    FaevalError
        The network or the rule does not do what the contracts ask for, tried on a few inputs of the task.
    """
    width, blocks = factors["width"], factors["blocks"]
    about = component("network", factors["network"])
    network = about.resolve()(task.features, width, blocks, task.classes, seed, **about.own(factors))
    x, y = evaluation_inputs(task, limit=8)
    width = check_network(network, x, task.classes)
    if len(network.blocks) != blocks:
        raise FaevalError(
            f"network {about.name!r} has {len(network.blocks)} blocks and was asked for {blocks}; make as many as it is told."
        )
    about = component("rule", factors["rule"])
    setup = Setup(width, blocks, task.classes, seed, factors["credit_site"], network)
    rule = about.resolve()(setup, **about.own(factors))
    if not isinstance(rule, Rule):
        raise FaevalError(
            f"rule {about.name!r} makes {rule!r} ({type(rule).__name__}); it must be a faeval.rules.Rule."
        )
    check_credit(rule, network, x, y)
    return network, rule


def _labelled(task: Task, labels: str, seed: int) -> Task:
    """Return the task with its training labels, or with random classes in their place, the same for every arm of a seed."""
    if labels == "true":
        return task
    drawn = stream(seed, "labels").integers(0, task.classes, len(task.train_y))
    return replace(task, train_y=drawn)


def train(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    options: RunOptions,
    config: Mapping[str, Any],
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Train one arm at one seed and leave its checkpoints in ``folder``; return what its record holds."""
    torch.set_num_threads(options.threads)
    arm: Mapping[str, Any] = factors
    task = _task(config["task"], options.data)
    network, rule = build(arm, seed, task)
    hashes = {
        "initial_network": tensors_digest(network.state_dict()),
        "feedback": tensors_digest(rule.state_dict()),
        "first_order": array_digest(stream(seed, "order", 1).permutation(len(task.train_y))),
    }
    network.to(options.device)
    rule.to(options.device)
    epochs = arm["epochs"]
    checkpoints: dict[int, dict[str, str]] = {}

    def after_epoch(epoch: int) -> None:
        if epoch in (1, epochs):
            name = f"epoch-{epoch:04d}.safetensors"
            checkpoints[epoch] = {"file": name, "sha256": save(network, rule, folder / name)}
        progress(epoch / epochs)

    history = fit(
        network,
        rule,
        Batches(
            _labelled(task, arm["labels"], seed),
            seed,
            config["batch"],
            augment=config["augment"],
            device=options.device,
        ),
        Objective(arm["penalty"], arm["credit_site"], arm["credit_scale"], arm["trained_blocks"]),
        epochs=epochs,
        learning_rate=config["learning_rate"],
        weight_decay=config["weight_decay"],
        after_epoch=after_epoch,
    )
    return {
        "rows": [
            {"metric": "train_loss", "epoch": epoch, "layer": None, "value": loss, "status": "measured"}
            for epoch, loss in enumerate(history.losses, start=1)
        ],
        "weights": tensors_digest(state(network, rule)),
        "checkpoints": checkpoints,
        "hashes": hashes,
        "diverged": history.diverged,
        "notes": {},
    }


def audit_alignment(
    factors: dict[str, Value], seed: int, folder: Path, training: Any, options: RunOptions, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Audit credit against gradient, with controls, at every checkpoint of a run; in float64."""
    rows: list[dict[str, Any]] = []
    notes: dict[str, Any] = {}
    for epoch, network, rule, task in _checkpoints(factors, seed, folder, training, options, config):
        network.double()
        rule.double()
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        found, note = alignment(network, rule, x.double(), y, seed, items=epoch == factors["epochs"])
        rows += [{**row, "epoch": epoch} for row in found]
        notes[str(epoch)] = note
    layers: list[int | None] = list(range(int(factors["blocks"] or 0) + 1))
    names = ("cosine", "rho", "effective_samples", "credit_norm", "gradient_norm", "state_norm")
    rows += _diverged(training, factors, {**dict.fromkeys(names, layers), "growth": [None]})
    return {"rows": rows, "notes": notes}


def audit_accuracy(
    factors: dict[str, Value], seed: int, folder: Path, training: Any, options: RunOptions, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Measure accuracy and loss on the whole test set at every checkpoint of a run; in float32, as it was trained."""
    rows: list[dict[str, Any]] = []
    for epoch, network, _, task in _checkpoints(factors, seed, folder, training, options, config):
        found = evaluation(network, _chunks(*evaluation_inputs(task, options.device)), items=epoch == factors["epochs"])
        rows += [{**row, "epoch": epoch} for row in found]
    rows += _diverged(training, factors, {"accuracy": [None], "test_loss": [None]})
    return {"rows": rows, "notes": {}}


def _chunks(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(torch.split(x, _CHUNK), torch.split(y, _CHUNK), strict=True)


def _checkpoints(
    factors: Mapping[str, Any], seed: int, folder: Path, training: Any, options: RunOptions, config: Mapping[str, Any]
) -> Iterator[tuple[int, Network, Rule, Task]]:
    torch.set_num_threads(options.threads)
    task = _task(config["task"], options.data)
    for epoch, checkpoint in sorted(training.checkpoints.items()):
        network, rule = build(factors, seed, task)
        load(network, rule, folder / checkpoint.file, checkpoint.sha256)
        yield epoch, network.to(options.device).eval(), rule.to(options.device).eval(), task


def _diverged(
    training: Any, factors: Mapping[str, Any], metrics: Mapping[str, list[int | None]]
) -> list[dict[str, Any]]:
    """Return rows that say "diverged" for the last epoch of a run that did not reach it: an outcome, not a gap."""
    if training.diverged is None:
        return []
    return [
        {"metric": metric, "epoch": factors["epochs"], "layer": layer, "value": float("nan"), "status": "diverged"}
        for metric, layers in metrics.items()
        for layer in layers
    ]
