"""Audits as stages that a worker calls, at every checkpoint of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from faeval.bench.networks import Network
from faeval.bench.rules import Rule, Setup
from faeval.bench.settings._conformance import ours, rows_of, tried
from faeval.bench.settings._train import build, check_device, prepare, task_named
from faeval.bench.tasks import Task
from faeval.bench.training import evaluation_inputs, load
from faeval.errors import FaevalError
from faeval.evidence import TrainingRecord, parse
from faeval.experiment import METRICS, Component, RunOptions, Value, component, stream

#: Alignment is audited on this many test items at most; accuracy on all of them.
AUDIT_ITEMS = 1024
_CHUNK = 2048


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
        readings, note = alignment(
            network, rule, x.double(), y, seed, items=epoch == factors["epochs"]
        )
        rows += [{**row, "epoch": epoch} for row in readings]
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
        # the whole state's width: a network may flatten tokens, each of the arm's width
        with torch.no_grad():
            width = network.embed(x[:1].double()).shape[1]
        about = component("rule", str(factors["rule"]))

        def make(
            draw: int,
            network: Network = network,
            width: int = width,
            about: Component = about,
            classes: int = task.classes,
        ) -> Rule:
            fresh_seed = int(stream(seed, "feedback", "fresh", draw).integers(2**31))
            setup = Setup(
                width,
                len(network.blocks),
                classes,
                fresh_seed,
                str(factors["credit_site"]),
                network,
            )
            rule: Rule = about.resolve()(setup, **about.own(factors))
            return rule.double().to(options.device)

        readings = fresh_feedback(network, rule.double(), make, x.double(), y)
        rows += [{**row, "epoch": epoch} for row in readings]
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
    """Audit every checkpoint of a run by a registered metric, in float64.

    The rows also say what that metric conforms to.
    """
    from faeval.testing import takes_numpy  # needs the test kit: for registered metrics alone

    metric = component("metric", name)
    about, function = metric.about, metric.resolve()
    assert about is not None
    conformance = tried(function, str(about.kind), about.tolerance)
    failures = {failure.property: failure.explanation for failure in conformance.failures}
    rows: list[dict[str, Any]] = rows_of(name, conformance)
    numpy = takes_numpy(function, str(about.kind))
    for epoch, network, rule, task in _checkpoints(
        factors, seed, folder, training, options, config
    ):
        x, y = evaluation_inputs(task, options.device, AUDIT_ITEMS)
        readings = registered(
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
        rows += [{**row, "epoch": epoch} for row in readings]
    notes: dict[str, Any] = {
        "failures": failures,  # the counterexamples
        "skipped": dict(conformance.skipped),
        "noted": dict(conformance.notes),  # what holds up to rounding alone
        "tolerance": conformance.tolerance,
    }
    return {"rows": rows + _diverged(training, factors, (name,)), "notes": notes}


def audit_accuracy(
    factors: dict[str, Value],
    seed: int,
    folder: Path,
    training: Any,
    options: RunOptions,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Measure accuracy and loss on the whole test set at every checkpoint of a run.

    In float32, as it was trained.
    """
    rows: list[dict[str, Any]] = []
    for epoch, network, _, task in _checkpoints(factors, seed, folder, training, options, config):
        readings = evaluation(
            network,
            _chunks(*evaluation_inputs(task, options.device)),
            items=epoch == factors["epochs"],
        )
        rows += [{**row, "epoch": epoch} for row in readings]
    return {"rows": rows + _diverged(training, factors, ("accuracy", "test_loss")), "notes": {}}


def audit_checkpoint(path: Path, options: RunOptions, *, full: bool = False) -> dict[str, Any]:
    """Audit one checkpoint of a run, in a store or copied out of one.

    The record beside it says what it is of.

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
    checkpoints = {epoch: c for epoch, c in record.checkpoints.items() if c.file == path.name}
    if not checkpoints:
        names = ", ".join(c.file for c in record.checkpoints.values()) or "none"
        raise FaevalError(
            f"checkpoint {path}: its run's record knows no such file; it has {names}."
        )
    one = record.model_copy(update={"checkpoints": checkpoints, "diverged": None})
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
        "epoch": next(iter(checkpoints)),
        "exact": list(about.exact(factors)),
        "rows": [row for row in rows if not {"@", "!"} & set(row["metric"])],
    }


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
    prepare(options)
    task = task_named(config["task"], options.data)
    for epoch, checkpoint in sorted(training.checkpoints.items()):
        network, rule = build(factors, seed, task)
        load(network, rule, folder / checkpoint.file, checkpoint.sha256)
        yield epoch, network.to(options.device).eval(), rule.to(options.device).eval(), task


def _diverged(
    training: Any, factors: Mapping[str, Any], metrics: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return rows that say "diverged" for each audited epoch that a run did not reach.

    It is an outcome, not a gap.
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
