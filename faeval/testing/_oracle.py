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
    """Each sample's loss, a quartic.

    No expansion to second order gives it, and rational arithmetic does exactly.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, h: Any) -> Any:
        weights: Any = np.arange(1.0, h.shape[1] + 1.0)
        if isinstance(h, torch.Tensor):
            weights = torch.from_numpy(weights).to(h)
        return self.scale * (h * weights + h * h / 2 + h * h * h * h / 16).sum(1)


def _whole(row: Array) -> tuple[list[int], int]:
    """Return a row of finite floats exactly, as whole numbers over one power of two.

    That is sooner added than fractions.
    """
    ratios = [float(v).as_integer_ratio() for v in row]
    below = max((d for _, d in ratios), default=1)
    return [n * (below // d) for n, d in ratios], below


def _dot(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _root(value: Fraction) -> float:
    number = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    return float(_DIGITS.sqrt(number))


def _cosine(credit: Array, gradient: Array) -> float:
    """Return the cosine of two rows, NaN where it is undefined.

    Of whole numbers, for what they are counted in cancels.
    """
    if not (np.isfinite(credit).all() and np.isfinite(gradient).all()):
        return math.nan
    (a, _), (g, _) = _whole(credit), _whole(gradient)
    product, first, second = _dot(a, g), _dot(a, a), _dot(g, g)
    if not first or not second:
        return math.nan
    size = _root(Fraction(product**2, first * second))
    return -size if product < 0 else size


def _alignment(credit: Array, gradient: Array) -> Array:
    return np.array(
        [_cosine(a, g) for a, g in zip(credit, gradient, strict=True)], dtype=np.float64
    )


def _correlation(credit: Array, gradient: Array) -> Array:
    return np.array(_cosine(credit.ravel(), gradient.ravel()))


def _norm(signal: Array, *_: Array) -> Array:
    norms = []
    for row, below in map(_whole, signal):
        norms.append(_root(Fraction(_dot(row, row), below**2)))
    return np.array(norms, dtype=np.float64)


def exact_loss_change(state: Array, credit: Array, step: float = STEP) -> Array:
    def loss(h: list[Fraction]) -> Fraction:
        return sum((v * (k + 1) + v * v / 2 + v**4 / 16 for k, v in enumerate(h)), Fraction(0))

    changes = []
    for h, a in zip(state, credit, strict=True):
        if not (np.isfinite(h).all() and np.isfinite(a).all()):
            changes.append(math.nan)
            continue
        before = [Fraction(float(v)) for v in h]
        after = [x - Fraction(step) * Fraction(float(v)) for x, v in zip(before, a, strict=True)]
        changes.append(float(loss(after) - loss(before)))
    return np.array(changes, dtype=np.float64)


ORACLES: dict[str, Callable[..., Array]] = {
    "alignment": _alignment,
    "correlation": _correlation,
    "norm": _norm,
    "loss_change": exact_loss_change,
}
