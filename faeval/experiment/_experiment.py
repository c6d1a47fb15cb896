"""Experiment: what can be run, by whom, and what its numbers are. Light: nothing here loads an array library."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment._arm import Arm, Value
from faeval.experiment._metrics import Metric

#: The epoch and layer of a row that has none.
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Factor:
    """One factor of an experiment: its default, and what else it may be.

    Parameters
    ----------
    default
        The value of an arm that does not name the factor; its type is the factor's type.
    choices
        The only legal values, or None for any of the default's type.
    low
        The smallest legal number, or None.
    """

    default: Value
    choices: tuple[Value, ...] | None = None
    low: float | None = None
    help: str = ""

    def check(self, name: str, value: Value, where: str) -> None:
        """Raise FaevalError unless ``value`` is legal for this factor."""
        given = f"{name}={value!r} ({type(value).__name__})"
        if self.choices is not None:
            if not any(value == c and isinstance(value, bool) == isinstance(c, bool) for c in self.choices):
                raise FaevalError(f"{where}: {given} is not one of {', '.join(map(repr, self.choices))}.")
            return
        kinds = _kinds(self.default)
        if kinds and (not isinstance(value, kinds) or isinstance(value, bool) != isinstance(self.default, bool)):
            wanted = "a whole number" if kinds == (int,) else " or ".join(k.__name__ for k in kinds)
            raise FaevalError(f"{where}: {given} must be {wanted}; its default is {self.default!r}.")
        if self.low is not None and isinstance(value, int | float) and value < self.low:
            raise FaevalError(f"{where}: {given} is below {self.low:g}, the smallest that makes sense.")


def _kinds(default: Value) -> tuple[type, ...]:
    if default is None:
        return ()
    if isinstance(default, bool):
        return (bool,)
    if isinstance(default, float):
        return (int, float)
    return (type(default),)


@dataclass(frozen=True)
class Stage:
    """A step of a run: what to call, and the revision that is raised when its numbers change.

    ``call`` is a function or a dotted path ``module:function``, looked up inside the worker that runs it.
    """

    call: Callable[..., Any] | str
    revision: str = "1"

    def resolve(self) -> Callable[..., Any]:
        """Return the function itself, importing its module when it is named by a path."""
        if not isinstance(self.call, str):
            return self.call
        module, _, name = self.call.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return function


@dataclass(frozen=True)
class RunOptions:
    """How a run is executed, apart from what it is: the machine's side of a job."""

    device: str = "cpu"
    threads: int = 1
    data: Path | None = None


def _no_states(_: Mapping[str, Value]) -> tuple[int, ...]:
    return ()


def _no_epoch(_: Mapping[str, Value]) -> int | None:
    return None


@dataclass(frozen=True)
class Experiment:
    """Something that gives numbers for an arm and a seed.

    Parameters
    ----------
    name
        Its name in evidence and on the command line: letters, digits, ``-`` and ``_``.
    run
        ``run(arm, seed)`` returns ``{metric: value}``, or rows: mappings with ``metric`` and ``value`` and, where they
        apply, ``layer``, ``epoch``, ``status``. ``arm`` is a dict of all factors, defaults filled in.
    factors
        Factor name to its default, or to a :class:`Factor`. An arm that names another factor is refused.
    metrics
        Metric name to a :class:`Metric`, to a range ``(low, high)``, or to None; or a list of names.
    revision
        Raise it when the numbers change; cached runs of another revision are not used. Default: a digest of the
        function's source.

    The remaining parameters serve settings that train once and audit many times: ``training`` and ``audits`` are stages
    (``run`` is then None), ``layers``, ``exact`` and ``last_epoch`` say for an arm which states it has, which of them have
    a credit that is exact by construction, and its last epoch; ``dataset`` is a stage that digests the data.

    Examples
    --------
    >>> coin = Experiment("coin", lambda arm, seed: {"heads": seed % 2}, factors={"weight": 0.5}, metrics={"heads": (0, 1)})
    >>> coin.resolve(Arm(weight=0.75))
    {'weight': 0.75}
    """

    name: str
    run: Callable[[Mapping[str, Value], int], Any] | str | None = None
    factors: Mapping[str, Any] = field(default_factory=dict)
    metrics: Any = field(default_factory=dict)
    revision: str | None = None
    training: Stage | None = None
    audits: Mapping[str, Stage] = field(default_factory=dict)
    layers: Callable[[Mapping[str, Value]], tuple[int, ...]] = _no_states
    exact: Callable[[Mapping[str, Value]], tuple[int, ...]] = _no_states
    last_epoch: Callable[[Mapping[str, Value]], int | None] = _no_epoch
    audited_epochs: Callable[[Mapping[str, Value]], tuple[int | None, ...]] = lambda _: (None,)
    dataset: Stage | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    help: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise FaevalError(f"Experiment: name={self.name!r} must be letters, digits, '-' and '_', as one word.")
        if (self.run is None) == (not self.audits):
            raise FaevalError(f"Experiment {self.name!r}: give run=, a function of (arm, seed).")
        factors = {n: f if isinstance(f, Factor) else Factor(f) for n, f in dict(self.factors).items()}
        for factor_name, factor in factors.items():
            Arm(**{factor_name: factor.default})  # names and values must be able to stand in a label
        object.__setattr__(self, "factors", MappingProxyType(factors))
        object.__setattr__(self, "metrics", MappingProxyType(_metrics(self.metrics, self.name)))
        if self.run is not None:
            revision = self.revision or _source_digest(self.run)
            object.__setattr__(self, "audits", MappingProxyType({"run": Stage(self.run, revision)}))

    def resolve(self, arm: Arm) -> dict[str, Value]:
        """Return all factors of an arm, defaults filled in; raise FaevalError for an unknown factor or illegal value."""
        where = f"arm {arm.label!r} in {self.name}"
        for name, value in arm.items():
            if name not in self.factors:
                known = ", ".join(self.factors) or "none"
                raise FaevalError(f"{where}: no factor {name!r} here (value {value!r}). Its factors: {known}.")
            self.factors[name].check(name, value, where)
        return {name: arm.get(name, factor.default) for name, factor in self.factors.items()}

    def canonical(self, arm: Arm) -> Arm:
        """Return the arm without the factors that stand at their default: one label for one run."""
        resolved = self.resolve(arm)
        kept = {n: v for n, v in resolved.items() if v != self.factors[n].default or n == "rule"}
        return Arm(**kept)


def _metrics(given: Any, owner: str) -> dict[str, Metric]:
    if isinstance(given, Mapping):
        items = list(given.items())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        items = [(name, None) for name in given]
    else:
        raise FaevalError(f"Experiment {owner!r}: metrics={given!r} must be a mapping or a list of names.")
    metrics = {}
    for name, what in items:
        if isinstance(what, Metric):
            metrics[name] = what
        elif what is None:
            metrics[name] = Metric(name)
        elif isinstance(what, tuple) and len(what) == 2:
            metrics[name] = Metric(name, low=float(what[0]), high=float(what[1]))
        else:
            raise FaevalError(
                f"Experiment {owner!r}: metric {name!r} is described by {what!r} ({type(what).__name__}); "
                "give a Metric, a range (low, high), or None."
            )
    return metrics


def _source_digest(run: Callable[..., Any] | str) -> str:
    if isinstance(run, str):
        return "1"
    try:
        source = inspect.getsource(run)
    except (OSError, TypeError):  # defined at a prompt, or no Python function
        source = getattr(run, "__qualname__", repr(type(run)))
    return "source-" + hashlib.sha256(source.encode()).hexdigest()[:16]
