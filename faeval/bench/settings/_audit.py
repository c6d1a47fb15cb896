"""Audits as stages that a worker calls, at every checkpoint of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

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
from faeval.bench.training import evaluation_inputs, load
from faeval.errors import FaevalError
from faeval.evidence import TrainingRecord, parse
from faeval.experiment import METRICS, RunOptions, Value, component, stream

#: Alignment is audited on this many test items at most; accuracy on all of them.
AUDIT_ITEMS = 1024
_CHUNK = 2048

Rows: TypeAlias = list[dict[str, Any]]
#: A stage: factors, seed, folder, record of training, options, configuration -> rows and notes.
Audit: TypeAlias = Callable[..., dict[str, Any]]


def _names(begins: str) -> tuple[str, ...]:
    return tuple(name for name in METRICS if name.startswith(begins))


@dataclass(frozen=True)
class _Checkpoint:
    """A checkpoint of a run, loaded, with the test items that it is audited on."""

    factors: Mapping[str, Any]
    seed: int
    options: RunOptions
    epoch: int
    network: Network
    rule: Rule
    classes: int
    x: Tensor
    y: Tensor

    @property
    def is_last(self) -> bool:
        """Whether it is the end of the run, where items are kept one by one."""
        return bool(self.epoch == self.factors["epochs"])


def _audit(
    read: Callable[[_Checkpoint, dict[str, Any]], Rows],
    metrics: tuple[str, ...],
    *,
    dtype: torch.dtype = torch.float64,
    items: int | None = AUDIT_ITEMS,
    tries: bool = False,
) -> Audit:
    """Return a stage that reads rows at every checkpoint, and what its metrics conform to."""

    def audit(
        factors: dict[str, Value],
        seed: int,
        folder: Path,
        training: Any,
        options: RunOptions,
        config: Mapping[str, Any],
    ) -> dict[str, Any]:
        prepare(options)
        task = task_named(config["task"], options.data)
        rows: Rows = []
        notes: dict[str, Any] = {}
        for epoch, kept in sorted(training.checkpoints.items()):
            network, rule = build(factors, seed, task)
            load(network, rule, folder / kept.file, kept.sha256)
            network = network.to(options.device, dtype).eval()
            rule = rule.to(options.device, dtype).eval()
            x, y = evaluation_inputs(task, options.device, items)
            at = _Checkpoint(
                factors, seed, options, epoch, network, rule, task.classes, x.to(dtype), y
            )
            rows += [{**row, "epoch": epoch} for row in read(at, notes)]
        if tries:
            conform, notes["conformance"] = ours(metrics)
            rows += conform
        return {"rows": rows + _diverged(training, factors, metrics), "notes": notes}

    return audit


def _diverged(training: Any, factors: Mapping[str, Any], metrics: tuple[str, ...]) -> Rows:
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


def _alignment(at: _Checkpoint, notes: dict[str, Any]) -> Rows:
    rows, notes[str(at.epoch)] = alignment(
        at.network, at.rule, at.x, at.y, at.seed, items=at.is_last
    )
    return rows


def _published(at: _Checkpoint, notes: dict[str, Any]) -> Rows:
    return published(at.network, at.rule, at.x, at.y, at.seed)


def _nudging(at: _Checkpoint, notes: dict[str, Any]) -> Rows:
    return nudging(at.network, at.rule, at.x, at.y)


def _fresh(at: _Checkpoint, notes: dict[str, Any]) -> Rows:
    # the whole state's width: a network may flatten tokens, each of the arm's width
    with torch.no_grad():
        width = at.network.embed(at.x[:1]).shape[1]
    about = component("rule", str(at.factors["rule"]))

    def make(draw: int) -> Rule:
        fresh_seed = int(stream(at.seed, "feedback", "fresh", draw).integers(2**31))
        blocks, site = len(at.network.blocks), str(at.factors["credit_site"])
        setup = Setup(width, blocks, at.classes, fresh_seed, site, at.network)
        rule: Rule = about.resolve()(setup, **about.own(at.factors))
        return rule.double().to(at.options.device)

    return fresh_feedback(at.network, at.rule, make, at.x, at.y)


def _evaluation(at: _Checkpoint, notes: dict[str, Any]) -> Rows:
    chunks = zip(torch.split(at.x, _CHUNK), torch.split(at.y, _CHUNK), strict=True)
    return evaluation(at.network, chunks, items=at.is_last)


#: Credit against gradient, with controls. Those are of a checkpoint: a run that diverged has none.
audit_alignment = _audit(
    _alignment,
    (
        "cosine",
        "rho",
        "effective_samples",
        "credit_norm",
        "gradient_norm",
        "state_norm",
        "norm_ratio",
        "growth",
        "direction_stability",
    ),
    tries=True,
)
#: The published recipe.
audit_published = _audit(_published, _names("published."), dtype=torch.float32)
#: The states nudged against their credit.
audit_nudging = _audit(_nudging, _names("nudge"), tries=True)
#: Newly drawn feedback.
audit_fresh = _audit(_fresh, _names("fresh_"))
#: Accuracy and loss on the whole test set, in float32, as it was trained.
audit_accuracy = _audit(_evaluation, ("accuracy", "test_loss"), dtype=torch.float32, items=None)


def audit_metric(name: str, *run: Any) -> dict[str, Any]:
    """Audit a run by a registered metric; the rows also say what that metric conforms to."""
    from faeval.testing import takes_numpy  # needs the test kit: for registered metrics alone

    metric = component("metric", name)
    about, function = metric.about, metric.resolve()
    assert about is not None
    conformance = tried(function, str(about.kind), about.tolerance)
    failures = {failure.property: failure.explanation for failure in conformance.failures}
    numpy = takes_numpy(function, str(about.kind))

    def read(at: _Checkpoint, notes: dict[str, Any]) -> Rows:
        return registered(
            about,
            function,
            at.network,
            at.rule,
            at.x,
            at.y,
            at.seed,
            numpy=numpy,
            items=at.is_last,
            failed=tuple(failures),
        )

    audited = _audit(read, (name,))(*run)
    notes: dict[str, Any] = {
        "failures": failures,  # the counterexamples
        "skipped": dict(conformance.skipped),
        "noted": dict(conformance.notes),  # what holds up to rounding alone
        "tolerance": conformance.tolerance,
    }
    return {"rows": rows_of(name, conformance) + audited["rows"], "notes": notes}


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
