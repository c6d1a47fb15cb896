"""Whether an experiment can run at all: what would make every run of it fail, or every number of it
illegal.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faeval.experiment._experiment import Experiment

_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


def problem_of(experiment: Experiment) -> str | None:
    """Return what would make every run of an experiment fail, or every number of it illegal; None
    where nothing does.
    """
    where = f"Experiment {experiment.name!r}"
    for name, factor in experiment.factors.items():
        if isinstance(factor.choices, str):
            return (
                f"{where}: factor {name}: choices={factor.choices!r} (str) must be a tuple of"
                " values."
            )
        if factor.choices is not None and factor.default not in factor.choices:
            return (
                f"{where}: factor {name}: its default {factor.default!r} is not one of"
                f" {', '.join(map(repr, factor.choices))}."
            )
    for name, metric in experiment.metrics.items():
        if metric.low >= metric.high:
            return (
                f"{where}: metric {name}: the range ({metric.low:g}, {metric.high:g}) holds no"
                " number; give (low, high)."
            )
    run = experiment.run
    if isinstance(run, str):
        return (
            None
            if _PATH.match(run)
            else f"{where}: run={run!r} (str) must be a function, or a path 'module:function'."
        )
    if run is None:
        return None
    if not callable(run):
        return f"{where}: run={run!r} ({type(run).__name__}) must be a function of (arm, seed)."
    try:
        signature = inspect.signature(run)
    except (TypeError, ValueError):  # some functions written in C do not say
        return None
    try:
        signature.bind({}, 0)
    except TypeError as error:
        name = getattr(run, "__name__", type(run).__name__)
        return f"{where}: {name}{signature} is called as {name}(arm, seed), and cannot be: {error}."
    return None
