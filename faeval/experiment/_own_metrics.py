"""Metrics of one's own: registered here, or brought by installed packages."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment._components import Component, register, registered
from faeval.experiment._metrics import METRICS, Metric, as_tolerance

_INSTRUMENT = {"alignment": "float64", "correlation": "float64"}
_RANGE = {
    "alignment": (-1.0, 1.0),
    "correlation": (-1.0, 1.0),
    "norm": (0.0, math.inf),
    "loss_change": (-math.inf, math.inf),
}


def register_metric(
    name: str,
    metric: Callable[..., Any] | str,
    *,
    kind: str = "alignment",
    description: str = "",
    unit: str = "1",
    range: tuple[float, float] | None = None,  # noqa: A002 - the field's name
    best: float | None = None,
    better: str | None = None,
    symbol: str = "",
    invariances: tuple[str, ...] = (),
    reference: str = "",
    tolerance: float | None = None,
    revision: str | None = None,
) -> None:
    """Register a metric of one's own, so that ``fe.metric(name, arm)`` can be claimed of it.

    Its audits need the extras ``bench`` and ``test-kit``.

    A run whose claims read it is audited by it, at every state of each checkpoint, on the credit
    and gradients that every metric is given: in float64, with the controls of that instrument.
    Checkpoints that are kept are audited again, not trained again. Before its first number
    ``faeval.testing.check_metric`` tries it, and what it fails stands in evidence: a claim that
    reads a metric which fails a property it needs is ``invalid: metric_nonconforming``.

    Parameters
    ----------
    name
        One word: its name in evidence.
    metric
        The function, in NumPy or PyTorch; or its path ``"module:function"``.
    kind
        What it is, as for ``faeval.testing.check_metric``: "alignment" (its mean over samples is
        kept), "correlation" (its number), "norm" (of the credit, the median over samples), or
        "loss_change" (of a step of 0.01 times the credit, the mean over samples).
    description, unit, range, best, better, symbol, invariances, reference
        As for :class:`Metric`; ``range`` is the lowest and highest legal value, by default that of
        its kind.
    tolerance
        The error that you accept beyond rounding, as for ``faeval.testing.check_metric``: above 0,
        at most 0.1. The record of each audit names it; with another one the metric is tried anew. A
        claim whose margin is no larger is refused.
    revision
        As for :func:`register_rule`.

    Raises
    ------
    FaevalError
        The name is taken, there is no such kind, or the tolerance is none.

    Examples
    --------
    >>> register_metric("half_cosine", "my_package.metrics:half_cosine", range=(-0.5, 0.5))
    """
    if kind not in _RANGE:
        raise FaevalError(
            f"metric {name!r}: kind={kind!r} is not one of {', '.join(map(repr, _RANGE))}."
        )
    if better not in (None, "higher", "lower"):
        raise FaevalError(
            f"metric {name!r}: better={better!r} must be 'higher', 'lower', or left out."
        )
    ends = _RANGE[kind] if range is None else range
    if not isinstance(ends, tuple) or len(ends) != 2 or not ends[0] <= ends[1]:
        raise FaevalError(
            f"metric {name!r}: range={ends!r} must be two numbers, the lowest and the highest legal"
            " value."
        )
    try:
        accepted = as_tolerance(tolerance)
    except FaevalError as error:
        raise FaevalError(f"metric {name!r}: {error}") from None
    about = Metric(
        name,
        description or f"{name}, a metric of its own",
        unit=unit,
        low=float(ends[0]),
        high=float(ends[1]),
        better=better,  # type: ignore[arg-type]  # checked above
        layered=True,
        instrument=_INSTRUMENT.get(kind),
        symbol=symbol,
        reference=reference,
        best=best,
        invariances=invariances,
        kind=kind,  # type: ignore[arg-type]  # checked above
        function=metric if isinstance(metric, str) else getattr(metric, "__qualname__", ""),
        tolerance=accepted,
    )
    new = Component("metric", name, metric, revision=revision, help=description, about=about)
    if accepted is not None:
        new = replace(new, revision=f"{new.revision}, tolerance {accepted!r}")
    register(new)


class OwnMetrics(Mapping[str, Metric]):
    """A live view of the metrics that were registered, here or by installed packages, by name."""

    def _found(self) -> dict[str, Metric]:
        ours = registered("metric")
        by_name = {**ours, **_installed_metrics(), **ours}  # ours first, and where names are alike
        return {n: c.about for n, c in by_name.items() if c.about and n not in METRICS}

    def __getitem__(self, name: str) -> Metric:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())


#: All metrics that settings have: faeval's own, and those registered.
# mypy wants mappings that can be written; this one is only read.
KNOWN_METRICS: Mapping[str, Metric] = ChainMap(OwnMetrics(), METRICS)  # type: ignore[arg-type]


@cache
def _installed_metrics() -> dict[str, Component]:
    """Return the metrics of installed packages.

    An entry point of the group ``faeval.metrics`` names a Component.
    """
    metrics = {entry.name: entry.load() for entry in entry_points(group="faeval.metrics")}
    for name, c in metrics.items():
        if not isinstance(c, Component) or c.kind != "metric" or c.about is None or c.name != name:
            raise FaevalError(
                f"entry point {name!r} of the group faeval.metrics gives {c!r}; it must name a "
                f"faeval.experiment.Component('metric', {name!r}, ..., about=Metric(...))."
            )
    return metrics
