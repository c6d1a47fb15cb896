"""The audit by a metric of one's own, on the signals that every metric is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from faeval.bench.audits._alignment import norms, sample_mean
from faeval.bench.audits._checkpoint_audit import (
    DIRECTIONS,
    Row,
    blocks_of,
    controls,
    gather,
    in_chunks,
    median,
    row,
)
from faeval.bench.networks import Network
from faeval.bench.rules import Rule
from faeval.errors import FaevalError
from faeval.experiment import CONTROL_FLOOR, Metric

#: The step of a metric of kind loss_change, the published one of nudging.
STEP = 0.01
#: A reading beyond its metric's range by less is rounding, in float32 of a long sum at most, and is
#: read as the range's end.
ROUNDING = 1e-5


def registered(
    about: Metric,
    function: Callable[..., Any],
    network: Network,
    rule: Rule,
    x: Tensor,
    y: Tensor,
    seed: int,
    *,
    numpy: bool,
    items: bool = False,
    chunk: int | None = None,
    failed: tuple[str, ...] = (),
) -> list[Row]:
    """Read a checkpoint by a registered metric, at every state.

    With the controls of the instrument that it names.

    Parameters
    ----------
    about
        The metric's entry in the registry; its kind says how the function is called and how samples
        are summarised.
    function
        The metric, as :func:`faeval.testing.check_metric` describes it for that kind.
    network, rule, x, y, seed, items, chunk
        As for :func:`alignment`.
    numpy
        Whether the function takes NumPy arrays in place of tensors.
    failed
        Properties that the metric fails when the kit tries it. For each that speaks of some signals
        alone (of small or large norms, of rows that are zero) a row ``NAME!PROPERTY`` at each state
        says whether it holds on the signals audited.

    Raises
    ------
    FaevalError
        The metric fails on these signals, or returns another shape than its kind asks for.
    """
    exact, signals = gather(network, rule, x, y, chunk)
    rows: list[Row] = []
    for layer, (h, a, g) in enumerate(zip(exact.states, signals, exact.gradients, strict=True)):
        loss = in_chunks(network, layer, y, chunk)
        of_kind: dict[str, tuple[Any, ...]] = {"norm": (a,), "loss_change": (loss, h, a, STEP)}
        arguments = of_kind.get(str(about.kind), (a, g))

        def read(*arguments: Any, layer: int = layer) -> Tensor:
            return _called(about, function, arguments, len(y), layer, numpy)

        values = read(*arguments)
        rows += [
            row(f"{about.name}!{name}", layer, float(holds))
            for name, holds in on_these(about, failed, read, arguments, values)
        ]
        # A state on which the instrument fails its control has no sound reading by any metric of
        # it.
        sound = (
            about.instrument is None
            or controls(network, layer, h, g, y, seed, DIRECTIONS)[0] >= CONTROL_FLOOR
        )
        rows.append(row(about.name, layer, _summary(about, values), sound))
        if items and about.kind == "alignment":
            for k, part in enumerate(blocks_of(len(y)), start=1):
                rows.append(row(f"{about.name}@{k}", layer, _summary(about, values[part]), sound))
    return rows


def _called(
    about: Metric,
    function: Callable[..., Any],
    given: tuple[Any, ...],
    n: int,
    layer: int,
    numpy: bool,
) -> Tensor:
    """Return a metric's answer in float64: (n,), or one number of kind correlation."""
    where = f"metric {about.name!r} at state {layer}"
    copies = [
        v.detach().clone() if isinstance(v, Tensor) else v for v in given
    ]  # what it does to them stays with it
    arguments = [v.cpu().numpy() if numpy and isinstance(v, Tensor) else v for v in copies]
    try:
        with torch.no_grad(), np.errstate(all="ignore"):
            result = function(*arguments)
            if isinstance(result, Tensor):
                result = result.detach().cpu().double()
            answer = torch.as_tensor(np.asarray(result, dtype=np.float64))
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        raise FaevalError(
            f"{where} fails ({type(error).__name__}: {first}); try it by"
            " faeval.testing.check_metric."
        ) from error
    shape = () if about.kind == "correlation" else (n,)
    if answer.shape != shape:
        raise FaevalError(
            f"{where} returns the shape {tuple(answer.shape)}; a metric of kind"
            f" {about.kind!r} returns {shape}."
        )
    slack = max(ROUNDING, about.tolerance or 0.0)
    within = answer.clamp(about.low, about.high)
    return (
        torch.where((answer - within).abs() <= slack, within, answer)
        if about.kind in _BOUNDED
        else answer
    )


#: Properties that speak of signals of some norm alone, and those of rows that are zero or not
#: finite.
OF_NORMS = frozenset(
    {
        "norms from 1e-30 to 1e30",
        "norms whose squares float64 cannot hold",
        "scale of each sample's credit",
        "scale of each sample's gradient",
        "scale of all credit",
        "scale of the loss",
    }
)
OF_ROWS = frozenset(
    {
        "undefined where there is no direction",
        "undefined where nothing is measured",
        "a row without a direction has no weight",
        "zero is zero",
        "what is not finite is not hidden",
    }
)
_BOUNDED = ("alignment", "correlation")


def on_these(
    about: Metric,
    failed: tuple[str, ...],
    read: Callable[..., Tensor],
    arguments: tuple[Any, ...],
    values: Tensor,
) -> list[tuple[str, bool]]:
    """Return which failed properties hold on the signals given.

    Only those that speak of some signals alone.
    """
    signals = [v for v in arguments if isinstance(v, Tensor)]
    sound = (
        all(bool(v.isfinite().all() and (v != 0).any(dim=1).all()) for v in signals)
        and len(values.reshape(-1)) > 0
    )
    holds: dict[str, bool] = dict.fromkeys(OF_ROWS & set(failed), sound)
    if about.kind != "loss_change" and OF_NORMS & set(failed):
        holds |= dict.fromkeys(
            OF_NORMS & set(failed), sound and _unchanged(about, read, signals, values)
        )
    return sorted(holds.items())


def _unchanged(
    about: Metric, read: Callable[..., Tensor], signals: list[Tensor], values: Tensor
) -> bool:
    """Return whether readings stay when every row is brought to a norm of about 1.

    For a correlation, all of a signal is brought to it at once.

    There the kit has tried the metric; by powers of two, so that no digit changes.
    """
    factors = []
    for signal in signals:
        size = norms(signal)[:, None]
        factors.append(
            2.0 ** -(size.amax() if about.kind == "correlation" else size).log2().round()
        )
    again = read(*(signal * factor for signal, factor in zip(signals, factors, strict=True)))
    if about.kind == "norm":
        again = again / factors[0][:, 0].cpu()
    size = values.abs() if about.kind == "norm" else torch.ones(())
    return bool(((again - values).abs() <= max(ROUNDING, about.tolerance or 0.0) * size).all())


def _summary(about: Metric, values: Tensor) -> float:
    if about.kind == "correlation":
        return float(values)
    if about.kind == "norm":
        return median(values)
    return sample_mean(values).value if len(values) else math.nan
