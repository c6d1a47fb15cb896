"""What metrics are compared with: exact rational arithmetic, rounded once."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]
_DIGITS = Context(prec=60)
STEP = 0.125


class Loss:
    """Each sample's loss, a quartic: no expansion to second order gives it, and rational arithmetic does exactly."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, h: Any) -> Any:
        weights: Any = np.arange(1.0, h.shape[1] + 1.0)
        if isinstance(h, torch.Tensor):
            weights = torch.from_numpy(weights).to(h)
        return self.scale * (h * weights + h * h / 2 + h * h * h * h / 16).sum(1)


def _exact(row: Array) -> list[Fraction]:
    return [Fraction(float(v)) for v in row]


def _root(value: Fraction) -> float:
    number = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    return float(_DIGITS.sqrt(number))


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _ratio(product: Fraction, first: Fraction, second: Fraction) -> float:
    if not first or not second:
        return math.nan
    return math.copysign(_root(product**2 / (first * second)), product)


def _alignment(credit: Array, gradient: Array) -> Array:
    found = []
    for a, g in zip(map(_exact_or_none, credit), map(_exact_or_none, gradient), strict=True):
        found.append(math.nan if a is None or g is None else _ratio(_dot(a, g), _dot(a, a), _dot(g, g)))
    return np.array(found, dtype=np.float64)


def _exact_or_none(row: Array) -> list[Fraction] | None:
    return _exact(row) if bool(np.isfinite(row).all()) else None


def _correlation(credit: Array, gradient: Array) -> Array:
    if not (np.isfinite(credit).all() and np.isfinite(gradient).all()):
        return np.array(math.nan)
    a, g = _exact(credit.ravel()), _exact(gradient.ravel())
    return np.array(_ratio(_dot(a, g), _dot(a, a), _dot(g, g)))


def _norm(signal: Array, *_: Array) -> Array:
    return np.array([_root(_dot(_exact(row), _exact(row))) for row in signal], dtype=np.float64)


def exact_loss_change(state: Array, credit: Array, step: float = STEP) -> Array:
    def loss(h: list[Fraction]) -> Fraction:
        return sum((v * (k + 1) + v * v / 2 + v**4 / 16 for k, v in enumerate(h)), Fraction(0))

    found = []
    for h, a in zip(map(_exact_or_none, state), map(_exact_or_none, credit), strict=True):
        if h is None or a is None:
            found.append(math.nan)
            continue
        found.append(float(loss([x - Fraction(step) * y for x, y in zip(h, a, strict=True)]) - loss(h)))
    return np.array(found, dtype=np.float64)


ORACLES: dict[str, Callable[..., Array]] = {
    "alignment": _alignment,
    "correlation": _correlation,
    "norm": _norm,
    "loss_change": exact_loss_change,
}
