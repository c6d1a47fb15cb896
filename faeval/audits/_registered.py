"""The audit by a metric of anyone's own: the signals that every metric is given, and what it makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from faeval.audits._alignment import sample_mean
from faeval.audits._checkpoint_audit import (
    DIRECTIONS,
    Row,
    blocks_of,
    controls,
    gather,
    in_chunks,
    median,
    row,
)
from faeval.errors import FaevalError
from faeval.experiment import CONTROL_FLOOR, Metric
from faeval.networks import Network
from faeval.rules import Rule

#: The step of a metric of kind loss_change, the published one of nudging.
STEP = 0.01


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
) -> list[Row]:
    """Read a checkpoint by a registered metric, at every state, with the controls of the instrument that it names.

    Parameters
    ----------
    about
        The metric's entry in the registry; its kind says how the function is called and how samples are summarised.
    function
        The metric, as :func:`faeval.testing.check_metric` describes it for that kind.
    network, rule, x, y, seed, items, chunk
        As for :func:`alignment`.
    numpy
        Whether the function takes NumPy arrays in place of tensors.

    Raises
    ------
    FaevalError
        The metric fails on these signals, or returns another shape than its kind asks for.
    """
    seen, signals = gather(network, rule, x, y, chunk)
    rows: list[Row] = []
    for layer, (h, a, g) in enumerate(zip(seen.states, signals, seen.gradients, strict=True)):
        loss = in_chunks(network, layer, y, chunk)
        given: dict[str, tuple[Any, ...]] = {"norm": (a,), "loss_change": (loss, h, a, STEP)}
        found = _called(about, function, given.get(str(about.kind), (a, g)), len(y), layer, numpy)
        # A state on which the instrument fails its control has no sound reading by any metric of it.
        sound = about.instrument is None or controls(network, layer, h, g, y, seed, DIRECTIONS)[0] >= CONTROL_FLOOR
        rows.append(row(about.name, layer, _summary(about, found), sound))
        if items and about.kind == "alignment":
            for k, part in enumerate(blocks_of(len(y)), start=1):
                rows.append(row(f"{about.name}@{k}", layer, _summary(about, found[part]), sound))
    return rows


def _called(
    about: Metric, function: Callable[..., Any], given: tuple[Any, ...], n: int, layer: int, numpy: bool
) -> Tensor:
    """Return a metric's answer in float64: (n,), or one number of kind correlation."""
    where = f"metric {about.name!r} at state {layer}"
    copies = [v.detach().clone() if isinstance(v, Tensor) else v for v in given]  # what it does to them stays with it
    arguments = [v.cpu().numpy() if numpy and isinstance(v, Tensor) else v for v in copies]
    try:
        with torch.no_grad(), np.errstate(all="ignore"):
            found = function(*arguments)
            if isinstance(found, Tensor):
                found = found.detach().cpu().double()
            answer = torch.as_tensor(np.asarray(found, dtype=np.float64))
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        raise FaevalError(
            f"{where} fails ({type(error).__name__}: {first}); try it by faeval.testing.check_metric."
        ) from error
    shape = () if about.kind == "correlation" else (n,)
    if answer.shape != shape:
        raise FaevalError(
            f"{where} returns the shape {tuple(answer.shape)}; a metric of kind {about.kind!r} returns {shape}."
        )
    return answer


def _summary(about: Metric, found: Tensor) -> float:
    if about.kind == "correlation":
        return float(found)
    if about.kind == "norm":
        return median(found)
    return sample_mean(found).value if len(found) else math.nan
