"""Each arm and each metric that the claims of a report read, in its experiment's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from faeval.errors import FaevalError
from faeval.experiment import KNOWN_METRICS, Arm, component
from faeval.reports.data._report import Report
from faeval.reports.views._types import Table

if TYPE_CHECKING:
    from faeval.experiment import Component, Experiment, Value


def compared(report: Report) -> tuple[Table, ...]:
    """Return what the claims' arms and metrics are; empty where it is not said what they read.

    All words are those of the experiment: of its factors, its components and its metrics.
    """
    reads = [r for g in report.inputs for r in g.reads]
    metrics = report.experiment.metrics if report.experiment else KNOWN_METRICS
    arms = tuple(
        (arm or "(defaults)", "; ".join(_factors(arm, report.experiment)))
        for arm in dict.fromkeys(r.arm for r in reads)
    )
    of = {name: metrics[name] for name in dict.fromkeys(r.metric for r in reads) if name in metrics}
    descriptions = tuple(
        (name, f"{m.description}{f' In {m.unit}.' if m.unit not in ('', '1') else ''}")
        for name, m in of.items()
    )
    tables = (
        Table(
            "Arms that the claims read; what an arm does not name is at its default",
            ("Arm", "In words"),
            arms,
        ),
        Table("Metrics that they read", ("Metric", "In words"), descriptions),
    )
    return tuple(table for table in tables if table.rows)


def _factors(label: str, experiment: Experiment | None) -> Iterator[str]:
    try:
        arm = Arm.parse(label)
    except FaevalError:  # evidence of another program may name its arms as it likes
        return
    if not arm:
        yield "all factors at their defaults"
    parts = experiment.parts if experiment else ()
    for name, value in sorted(
        arm.items(), key=lambda item: item[0] not in parts
    ):  # what an arm is, before how it differs
        what = f"{name}={_spelt(value)}"
        description = _help(name, value, arm, experiment) if experiment else ""
        yield f"{what}: {description}" if description else what


def _help(name: str, value: Value, arm: Arm, experiment: Experiment) -> str:
    factor = experiment.factors.get(name)
    owners = list(_components(arm, experiment))
    if name in experiment.parts:
        own = next((owner.help for owner in owners if owner.kind == name), "")
        general = factor.help if factor and factor.help != name else ""
        return _with_remark(own, general)
    if factor is None:
        factor = next((owner.factors[name] for owner in owners if name in owner.factors), None)
    if factor is None:
        return ""
    default = "" if value == factor.default else f"by default {_spelt(factor.default)}"
    return _with_remark(factor.help, default)


def _with_remark(text: str, remark: str) -> str:
    return f"{text} ({remark})" if text and remark else text or remark


def _components(arm: Arm, experiment: Experiment) -> Iterator[Component]:
    """Yield the components that an arm names; without those that are not installed."""
    for part in experiment.parts:
        with suppress(FaevalError):
            yield component(part, str(arm.get(part, experiment.factors[part].default)))


def _spelt(value: Value) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
