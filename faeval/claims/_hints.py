"""What is wrong in a claims file, in one line with the remedy, where Python's own words leave a newcomer alone."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment import Experiment

_KEYWORD = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_NAME = re.compile(r"module 'faeval' has no attribute '(\w+)'")
_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


def in_one_line(error: BaseException) -> str:
    """Return an error as one line: its kind and text, and the name that was probably meant."""
    if isinstance(error, FaevalError):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}{_meant(error)}".split())


def _meant(error: BaseException) -> str:
    import faeval

    text = str(error)
    if isinstance(error, NameError) and isinstance(error.name, str):
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return _did_you_mean(error.name, {**frames[-1].f_globals, **frames[-1].f_locals} if frames else ())
    if found := _NAME.search(text):
        return _did_you_mean(found[1], faeval.__all__)
    found = _KEYWORD.search(text)
    called: Any = getattr(faeval, found[1], None) if found and found[1] in faeval.__all__ else None
    if found is None or called is None:
        return ""
    known = [n for n, p in inspect.signature(called).parameters.items() if p.kind is not p.VAR_POSITIONAL]
    return _did_you_mean(found[2], known) or f"; its arguments: {', '.join(known)}."


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    close = get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def experiment_problem(experiment: Experiment) -> str | None:
    """Return what would make every run of an experiment fail, or every number of it illegal; None where nothing does."""
    where = f"Experiment {experiment.name!r}"
    for name, factor in experiment.factors.items():
        if isinstance(factor.choices, str):
            return f"{where}: factor {name}: choices={factor.choices!r} (str) must be a tuple of values."
        if factor.choices is not None and factor.default not in factor.choices:
            return f"{where}: factor {name}: its default {factor.default!r} is not one of {', '.join(map(repr, factor.choices))}."
    for name, metric in experiment.metrics.items():
        if metric.low >= metric.high:
            return f"{where}: metric {name}: the range ({metric.low:g}, {metric.high:g}) holds no number; give (low, high)."
    run = experiment.run
    if isinstance(run, str):
        return (
            None if _PATH.match(run) else f"{where}: run={run!r} (str) must be a function, or a path 'module:function'."
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
