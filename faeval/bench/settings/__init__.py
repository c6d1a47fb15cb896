"""What a run of teacher, digits or cifar10 is: the task, the training and the audits, as stages a
worker calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from faeval.bench.audits import (
    alignment,
    evaluation,
    fresh_feedback,
    nudging,
    published,
    registered,
)
from faeval.bench.networks import Network, check_network
from faeval.bench.rules import Rule, Setup
from faeval.bench.settings._conformance import ours, rows_of, tried
from faeval.bench.tasks import NAMES, Task, array_digest, task_of
from faeval.bench.tasks import load as load_builtin
from faeval.bench.training import (
    Batches,
    History,
    NotStackable,
    Objective,
    check_credit,
    evaluation_inputs,
    fit,
    fit_stacked,
    load,
    save,
    share_data,
    stackable,
    state,
    tensors_digest,
)
from faeval.errors import FaevalError
from faeval.evidence import TrainingRecord, parse
from faeval.experiment import METRICS, Component, RunOptions, Value, component, stream

#: Alignment is audited on this many test items at most; accuracy on all of them.
AUDIT_ITEMS = 1024
_CHUNK = 2048


# A worker process runs many jobs of one setting: the task is the same for all of them.
_built_in = lru_cache(maxsize=1)(load_builtin)


def _task(name: str, data: Path | None) -> Task:
    if name in NAMES:
        return _built_in(name, data)
    return task_of(component("task", name).resolve())


def build(factors: Mapping[str, Any], seed: int, task: Task) -> tuple[Network, Rule]:
    """Return the untrained network and rule of an arm; every number in them comes from the seed's
    named streams.

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
    """Return the task with its training labels, or with random classes in their place, the same for
    every arm of a seed.
    """
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
    """Train one arm at one seed and leave its checkpoints in ``folder``; return what its record
    holds.
    """
    _prepare(options)
    arm: Mapping[str, Any] = factors
    run = _Training(arm, seed, folder, _task(config["task"], options.data), options)

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
    """Train one arm at several seeds in one stacked run; return for each what :func:`train`
    returns, within rounding.

    Rules and networks that cannot be stacked are trained one after another; the notes of each
    result say which it was.
    """
    _prepare(options)
    arm: Mapping[str, Any] = factors
    task = _task(config["task"], options.data)
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


def _prepare(options: RunOptions) -> None:
    """Set what a worker's numbers depend on: its threads, and on CUDA devices float32 that is
    float32.
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


def audit_alignment(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Audit credit against gradient, with controls, at every checkpoint of a run; in float64."""
    rows: list[dict[str, Any]] = []
    notes: dict[str, Any] = {}
    for epoch, network, rule, task in _checkpoints(
        factors, seed, folder, training, options, config
    ):
        network.double()
        rule.double()
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        found, note = alignment(
            network, rule, x.double(), y, seed, items=epoch == factors["epochs"]
        )
        rows += [{**row, "epoch": epoch} for row in found]
        notes[str(epoch)] = note
    conform, notes["conformance"] = ours(_ALIGNMENT)
    return {"rows": rows + conform + _diverged(training, factors, _ALIGNMENT), "notes": notes}


def audit_published(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Audit every checkpoint of a run by the published recipe, in float32."""
    rows: list[dict[str, Any]] = []
    for epoch, network, rule, task in _checkpoints(
        factors, seed, folder, training, options, config
    ):
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        rows += [{**row, "epoch": epoch} for row in published(network, rule, x, y, seed)]
    return {"rows": rows + _diverged(training, factors, _names("published.")), "notes": {}}


def audit_nudging(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Nudge the states of every checkpoint of a run against their credit, in float64."""
    rows: list[dict[str, Any]] = []
    for epoch, network, rule, task in _checkpoints(
        factors, seed, folder, training, options, config
    ):
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        rows += [
            {**row, "epoch": epoch}
            for row in nudging(network.double(), rule.double(), x.double(), y)
        ]
    conform, notes = ours(_names("nudge"))
    return {
        "rows": rows + conform + _diverged(training, factors, _names("nudge")),
        "notes": {"conformance": notes},
    }


def audit_fresh(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Read every checkpoint of a run with newly drawn feedback, in float64."""
    rows: list[dict[str, Any]] = []
    for epoch, network, rule, task in _checkpoints(
        factors, seed, folder, training, options, config
    ):
        network.double()
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        with (
            torch.no_grad()
        ):  # the whole state's width: a network may flatten tokens, each of the arm's width
            width = network.embed(x[:1].double()).shape[1]
        about = component("rule", str(factors["rule"]))

        def make(
            draw: int,
            network: Network = network,
            width: int = width,
            about: Component = about,
            classes: int = task.classes,
        ) -> Rule:
            drawn = int(stream(seed, "feedback", "fresh", draw).integers(2**31))
            setup = Setup(
                width, len(network.blocks), classes, drawn, str(factors["credit_site"]), network
            )
            rule: Rule = about.resolve()(setup, **about.own(factors))
            return rule.double().to(options.device)

        found = fresh_feedback(network, rule.double(), make, x.double(), y)
        rows += [{**row, "epoch": epoch} for row in found]
    return {"rows": rows + _diverged(training, factors, _names("fresh_")), "notes": {}}


def audit_metric(
    name: str,
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Audit every checkpoint of a run by a registered metric, in float64, and say what that metric
    conforms to.
    """
    from faeval.testing import (
        takes_numpy,
    )  # it loads hypothesis and pytest: for registered metrics alone

    made = component("metric", name)
    about, function = made.about, made.resolve()
    assert about is not None
    conformance = tried(function, str(about.kind), about.tolerance)
    failures = {failure.property: failure.explanation for failure in conformance.failures}
    rows: list[dict[str, Any]] = rows_of(name, conformance)
    numpy = takes_numpy(function, str(about.kind))
    for epoch, network, rule, task in _checkpoints(
        factors, seed, folder, training, options, config
    ):
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        found = registered(
            about,
            function,
            network.double(),
            rule.double(),
            x.double(),
            y,
            seed,
            numpy=numpy,
            items=epoch == factors["epochs"],
            failed=tuple(failures),
        )
        rows += [{**row, "epoch": epoch} for row in found]
    # The counterexamples, what was not tried, what holds up to rounding alone, and the error that
    # was accepted.
    notes: dict[str, Any] = {
        "failures": failures,
        "skipped": dict(conformance.skipped),
        "noted": dict(conformance.notes),
    }
    notes |= {"tolerance": conformance.tolerance}
    return {"rows": rows + _diverged(training, factors, (name,)), "notes": notes}


def audit_accuracy(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Measure accuracy and loss on the whole test set at every checkpoint of a run; in float32, as
    it was trained.
    """
    rows: list[dict[str, Any]] = []
    for epoch, network, _, task in _checkpoints(factors, seed, folder, training, options, config):
        found = evaluation(
            network,
            _chunks(*evaluation_inputs(task, options.device)),
            items=epoch == factors["epochs"],
        )
        rows += [{**row, "epoch": epoch} for row in found]
    return {"rows": rows + _diverged(training, factors, ("accuracy", "test_loss")), "notes": {}}


def audit_checkpoint(path: Path, options: RunOptions, *, full: bool = False) -> dict[str, Any]:
    """Audit one checkpoint of a run, in a store or copied out of one: the record beside it says
    what it is of.

    Returns
    -------
    dict
        ``setting``, ``arm``, ``seed``, ``epoch``, ``exact`` (states whose credit is the gradient by
        construction), ``rows``.

    Raises
    ------
    FaevalError
        No such file, no record beside it, or the record names no such checkpoint.
    Tampered
        Checkpoint or record is not what was written.
    """
    folder = path.parent
    if not path.is_file():
        raise FaevalError(
            f"checkpoint {path}: no such file; name an epoch-NNNN.safetensors of a run in the"
            " store."
        )
    record_file = folder / "training.json"
    if not record_file.is_file():
        raise FaevalError(
            f"checkpoint {path}: no training.json beside it says which arm and seed it is; name a"
            " checkpoint of a run in the store (.faeval/runs/KEY/), or use fe.audit(network,"
            " inputs, labels, rule) in Python."
        )
    record = parse(record_file.read_bytes(), TrainingRecord, str(record_file))
    kept = {epoch: c for epoch, c in record.checkpoints.items() if c.file == path.name}
    if not kept:
        names = ", ".join(c.file for c in record.checkpoints.values()) or "none"
        raise FaevalError(
            f"checkpoint {path}: its run's record knows no such file; it has {names}."
        )
    one = record.model_copy(update={"checkpoints": kept, "diverged": None})
    audits = [audit_alignment, audit_accuracy]
    audits += [audit_published, audit_nudging, audit_fresh] if full else []
    check_device(options)
    factors: dict[str, Value] = dict(record.factors)
    rows = [
        r
        for audit in audits
        for r in audit(factors, record.seed, folder, one, options, record.config)["rows"]
    ]
    about = component("rule", str(factors["rule"]))
    return {
        "setting": record.setting,
        "arm": record.arm,
        "seed": record.seed,
        "epoch": next(iter(kept)),
        "exact": list(about.exact(factors)),
        "rows": [row for row in rows if not {"@", "!"} & set(row["metric"])],
    }


def _names(begins: str) -> tuple[str, ...]:
    return tuple(name for name in METRICS if name.startswith(begins))


# All that the audit of alignment gives, controls apart: those are of a checkpoint, and there is
# none.
_ALIGNMENT = (
    "cosine",
    "rho",
    "effective_samples",
    "credit_norm",
    "gradient_norm",
    "state_norm",
    "norm_ratio",
    "growth",
    "direction_stability",
)


def _chunks(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(torch.split(x, _CHUNK), torch.split(y, _CHUNK), strict=True)


def _checkpoints(
    factors: Mapping[str, Any],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> Iterator[tuple[int, Network, Rule, Task]]:
    _prepare(options)
    task = _task(config["task"], options.data)
    for epoch, checkpoint in sorted(training.checkpoints.items()):
        network, rule = build(factors, seed, task)
        load(network, rule, folder / checkpoint.file, checkpoint.sha256)
        yield epoch, network.to(options.device).eval(), rule.to(options.device).eval(), task


def _diverged(
    training: Any, factors: Mapping[str, Any], metrics: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return rows that say "diverged" for each audited epoch that a run did not reach: an outcome,
    not a gap.
    """
    if training.diverged is None:
        return []
    states = range(int(factors["blocks"] or 0) + 1)
    return [
        {
            "metric": metric,
            "epoch": epoch,
            "layer": layer,
            "value": float("nan"),
            "status": "diverged",
        }
        for epoch in sorted({1, int(factors["epochs"])} - set(training.checkpoints))
        for metric in metrics
        for layer in (states if metric not in METRICS or METRICS[metric].layered else (None,))
    ]
