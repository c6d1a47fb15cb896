"""Experiment: what can be run, with which factors, and what its numbers are."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment._arm import Arm, Value, named
from faeval.experiment._code import Code, Codes
from faeval.experiment._components import Component, component, components, is_built_in, no_states
from faeval.experiment._factor import as_factors
from faeval.experiment._metrics import Metric

_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")
#: The epoch and layer of a row that has none.
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """A step of a run: what to call, and the revision that is raised when its numbers change.

    ``call`` is a function or a dotted path ``module:function``, looked up inside the worker that
    runs it. An audit that ``gives`` metrics is run only for claims that read one of them, in full
    or on blocks of items; without, always. An audit by a registered metric names it: ``metric`` is
    then the function's first argument.
    """

    call: Callable[..., Any] | str
    revision: str = "1"
    gives: frozenset[str] = frozenset()
    metric: str | None = None

    def serves(self, metrics: frozenset[str] | None) -> bool:
        """Return whether someone who reads these metrics needs this stage.

        None stands for all metrics that there are.
        """
        return not self.gives or metrics is None or bool(self.gives & metrics)

    def resolve(self) -> Callable[..., Any]:
        """Return the function itself, importing its module when it is named by a path."""
        if not isinstance(self.call, str):
            return self.call
        module, _, name = self.call.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return function if self.metric is None else partial(function, self.metric)

    def code(self, codes: Codes) -> Code:
        """Return the user's code that this step reaches: that of its metric, if it has one."""
        return codes.of(self.call if self.metric is None else component("metric", self.metric).make)


@dataclass(frozen=True)
class RunOptions:
    """How a run is executed, apart from what it is: the machine's side of a job.

    ``device`` is ``cpu``, ``cuda``, or one of several CUDA devices, such as ``cuda:1``.
    """

    device: str = "cpu"
    threads: int = 1
    data: Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.device, str) or not re.fullmatch(r"cpu|cuda(:[0-9]+)?", self.device):
            raise FaevalError(
                f"device={self.device!r} ({type(self.device).__name__}) must be 'cpu', 'cuda', or"
                " one of several, such as 'cuda:1'."
            )


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
        ``run(arm, seed)`` returns ``{metric: value}``, or rows: mappings with ``metric`` and
        ``value`` and, where they apply, ``layer``, ``epoch``, ``status``. ``arm`` is a dict of all
        factors, defaults filled in.
    factors
        Factor name to its default, or to a :class:`Factor`. An arm that names another factor is
        refused.
    metrics
        Metric name to a :class:`Metric`, to a range ``(low, high)``, or to None; or a list of
        names. A mapping to :class:`Metric` alone is kept as it is, and may grow.
    revision
        Raise it when the numbers change for a reason that the code does not show: a data file, a C
        extension. Runs of another revision are not used, nor are those of other code: all of yours
        that ``run`` reaches is digested.
    retries
        How often a run that raises an error is tried again, 0 by default; what raises FaevalError
        is not.
    time_limit
        Seconds after which a run (its training and audits together) is interrupted and fails; None:
        no limit.

    Neither is part of what a run is: changing them leaves finished runs as they are.

    The remaining parameters serve settings that train once and audit many times: ``training`` and
    ``audits`` are stages (``run`` is then None), ``layers``, ``exact`` and ``last_epoch`` say for
    an arm which states it has, which of them have a credit that is exact by construction, and its
    last epoch; ``dataset`` is a stage that digests the data. ``parts`` names the factors whose
    value is a registered component ("rule", "network"), which may bring factors of its own;
    ``carried`` are components that every run needs, such as a task of one's own; ``settle`` takes
    all factors of an arm and returns them, or says by FaevalError why they do not go together.
    ``training_many`` trains all seeds of an arm at once: called as ``training``, with a list of
    seeds and one of folders, it returns a list of what ``training`` returns, the same numbers
    within rounding, and stands under its revision. ``check_device`` is called with the
    :class:`RunOptions` before the first run on another device than the CPU, and raises FaevalError
    where it is not there.

    Examples
    --------
    >>> def toss(arm, seed):
    ...     return {"heads": seed % 2}
    >>> coin = Experiment("coin", toss, factors={"weight": 0.5}, metrics={"heads": (0, 1)})
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
    layers: Callable[[Mapping[str, Value]], tuple[int, ...]] = no_states
    exact: Callable[[Mapping[str, Value]], tuple[int, ...]] = no_states
    last_epoch: Callable[[Mapping[str, Value]], int | None] = _no_epoch
    audited_epochs: Callable[[Mapping[str, Value]], tuple[int | None, ...]] = lambda _: (None,)
    parts: tuple[str, ...] = ()
    carried: tuple[Component, ...] = ()
    settle: Callable[[dict[str, Value], str], dict[str, Value]] = lambda factors, where: factors
    dataset: Stage | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    help: str = ""
    training_many: Stage | None = None
    check_device: Stage | None = None
    retries: int = 0
    time_limit: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name
        ):
            raise FaevalError(
                f"Experiment: name={self.name!r} must be letters, digits, '-' and '_', as one word."
            )
        if (self.run is None) == (not self.audits):
            raise FaevalError(f"Experiment {self.name!r}: give run=, a function of (arm, seed).")
        check_retries(self.retries, f"Experiment {self.name!r}: retries")
        check_time_limit(self.time_limit, f"Experiment {self.name!r}: time_limit")
        object.__setattr__(self, "factors", MappingProxyType(as_factors(self.factors)))
        object.__setattr__(self, "metrics", MappingProxyType(_metrics(self.metrics, self.name)))
        if self.run is not None:
            self._check_values(f"Experiment {self.name!r}")
            _check_run(self.run, f"Experiment {self.name!r}")
            object.__setattr__(
                self, "audits", MappingProxyType({"run": Stage(self.run, self.revision or "1")})
            )

    def _check_values(self, where: str) -> None:
        """Refuse factors without a legal default, and metrics without a legal number."""
        for name, factor in self.factors.items():
            if isinstance(factor.choices, str):
                raise FaevalError(
                    f"{where}: factor {name}: choices={factor.choices!r} (str) must be a tuple of"
                    " values."
                )
            if factor.choices is not None and factor.default not in factor.choices:
                raise FaevalError(
                    f"{where}: factor {name}: its default {factor.default!r} is not one of"
                    f" {', '.join(map(repr, factor.choices))}."
                )
        for name, metric in self.metrics.items():
            if metric.low >= metric.high:
                raise FaevalError(
                    f"{where}: metric {name}: the range ({metric.low:g}, {metric.high:g}) holds no"
                    " number; give (low, high)."
                )

    def resolve(self, arm: Arm) -> dict[str, Value]:
        """Return all factors of an arm, defaults filled in.

        Raise FaevalError for an unknown factor or illegal value.

        Factors that belong to a component alone, such as a rule, are there only where they differ
        from their default: at their default they are part of what the component's name says.
        """
        where = f"arm {named(arm.label)} in {self.name}"
        parts = self._parts(arm, where)
        known = [self.factors, *(part.factors for part in parts)]
        values: dict[str, Value] = {}
        for name, value in arm.items():
            factor = next((own[name] for own in known if name in own), None)
            if factor is None:
                raise FaevalError(self._unknown(name, arm, parts, where))
            if name not in self.parts:  # these are names of components
                factor.check(name, value, where)
            if value != factor.default:
                values[name] = value
        shared = {name: arm.get(name, factor.default) for name, factor in self.factors.items()}
        return self.settle({**shared, **values}, where)

    def known_factors(self, arm: Arm) -> tuple[str, ...]:
        """Return the names of all factors that an arm has here.

        Those of every arm, and those of its components alone.
        """
        parts = self._parts(arm, f"arm {named(arm.label)} in {self.name}")
        return (*self.factors, *(name for part in parts for name in part.factors))

    def components(self, factors: Mapping[str, Value]) -> tuple[Component, ...]:
        """Return the components that an arm's factors name and that are not faeval's own."""
        parts = (component(part, str(factors[part])) for part in self.parts)
        return (*(c for c in parts if not is_built_in(c)), *self.carried)

    def _parts(self, arm: Arm, where: str) -> list[Component]:
        parts: list[Component] = []
        names = set(self.factors)
        for part in self.parts:
            value = arm.get(part, self.factors[part].default)
            if not isinstance(value, str):
                raise FaevalError(
                    f"{where}: {part}={value!r} ({type(value).__name__}) must be a {part}'s name."
                )
            try:
                parts.append(component(part, value))
            except FaevalError as error:
                raise FaevalError(f"{where}: {error}") from None
            if twice := names & parts[-1].factors.keys():
                raise FaevalError(
                    f"{where}: {part} {value!r} names a factor of its own {min(twice)!r}, a name"
                    " that is taken here; rename it."
                )
            names |= parts[-1].factors.keys()
        return parts

    def _unknown(self, name: str, arm: Arm, parts: list[Component], where: str) -> str:
        value = arm[name]
        owners = [c for p in self.parts for c in components(p).values() if name in c.factors]
        if owners:
            mine = next(part for part in parts if part.kind == owners[0].kind)
            others = ", ".join(f"{c.kind} {c.name!r}" for c in owners)
            return (
                f"{where}: {mine.kind} {mine.name!r} has no factor {name!r} (value {value!r}); it"
                f" belongs to {others}."
            )
        names = ", ".join(self.known_factors(arm)) or "none"
        return f"{where}: no factor {name!r} here (value {value!r}). Its factors: {names}."

    def canonical(self, arm: Arm) -> Arm:
        """Return the arm without the factors that stand at their default: one label for one run."""
        factors = self.resolve(arm)
        defaults = {n: f.default for n, f in self.factors.items() if n != "rule"}
        return Arm(**{n: v for n, v in factors.items() if n not in defaults or v != defaults[n]})


def _check_run(run: Any, where: str) -> None:
    """Refuse what cannot be called as run(arm, seed)."""
    if isinstance(run, str):
        if not _PATH.match(run):
            raise FaevalError(
                f"{where}: run={run!r} (str) must be a function, or a path 'module:function'."
            )
        return
    if not callable(run):
        raise FaevalError(
            f"{where}: run={run!r} ({type(run).__name__}) must be a function of (arm, seed)."
        )
    try:
        signature = inspect.signature(run)
    except (TypeError, ValueError):  # some functions written in C do not say
        return
    try:
        signature.bind({}, 0)
    except TypeError as error:
        name = getattr(run, "__name__", type(run).__name__)
        raise FaevalError(
            f"{where}: {name}{signature} is called as {name}(arm, seed), and cannot be: {error}."
        ) from None


def check_retries(value: object, what: str) -> None:
    """Raise FaevalError unless the value is a number of retries."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FaevalError(f"{what}={value!r} ({type(value).__name__}) must be a whole number >= 0.")


def check_time_limit(value: object, what: str) -> None:
    """Raise FaevalError unless the value is a time limit in seconds, or None."""
    if value is not None and (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value < float("inf")
    ):
        raise FaevalError(
            f"{what}={value!r} ({type(value).__name__}) must be a number of seconds > 0, or None."
        )


def _metrics(given: Any, owner: str) -> Mapping[str, Metric]:
    if (
        isinstance(given, Mapping)
        and not isinstance(given, dict)
        and all(isinstance(m, Metric) for m in given.values())
    ):
        return given
    if isinstance(given, Mapping):
        items = list(given.items())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        items = [(m.name, m) if isinstance(m, Metric) else (m, None) for m in given]
    else:
        items = [(given, None)]
    if not all(isinstance(name, str) for name, _ in items) or isinstance(given, str):
        raise FaevalError(
            f"Experiment {owner!r}: metrics={given!r} must be a mapping, or a list of names and"
            " fe.Metric."
        )
    return {name: _metric(name, what, owner) for name, what in items}


def _metric(name: str, what: Any, owner: str) -> Metric:
    if isinstance(what, Metric):
        return what
    if what is None:
        return Metric(name)
    is_pair = isinstance(what, tuple) and len(what) == 2
    if is_pair and all(isinstance(n, int | float) and not isinstance(n, bool) for n in what):
        return Metric(name, low=float(what[0]), high=float(what[1]))
    raise FaevalError(
        f"Experiment {owner!r}: metric {name!r} is described by {what!r} ({type(what).__name__});"
        " give a Metric, a range (low, high), or None."
    )
