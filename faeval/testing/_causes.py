"""The likely cause of a wrong answer: the known mistake that gives just that answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from faeval.testing._bench import Array, Arrays, Bench, apart, rounded, show


def compare(bench: Bench, example: Arrays, tolerance: float, dtype: str = "float64") -> str | None:
    kept = tuple(rounded(a, dtype) for a in example)
    found, right = bench(*kept, dtype=dtype), bench.oracle(*kept)
    problem = apart(found, right, tolerance, bench.kind in ("norm", "loss_change"))
    return f"{problem}, given {show(kept[: bench.arity])}{cause(bench, found, right, kept, dtype)}" if problem else None


def cause(bench: Bench, found: Array, right: Array, example: Arrays, dtype: str = "float64") -> str:
    """Return the likely cause of a wrong answer, where a known mistake gives just that answer."""
    if found.shape != right.shape:
        return (
            "; is something averaged over the batch, or an axis kept?" if found.ndim != right.ndim else "; wrong axis?"
        )

    def is_(other: Any, tolerance: float = 1e-9) -> bool:
        return bool(np.allclose(found, other, rtol=tolerance, atol=tolerance, equal_nan=True)) and found.size > 0

    def first() -> float:
        return float(np.atleast_1d(found)[~np.atleast_1d(same)][0])

    with np.errstate(all="ignore"):
        told = (
            (np.abs(right) > 1e-3) & (np.abs(right) < 0.999) & np.isfinite(right)
        )  # entries that tell one mistake from another
        same = np.isclose(found, right, rtol=1e-9, atol=1e-12, equal_nan=True)
        if bool(np.isnan(right[~same]).any() if right.ndim else math.isnan(float(right))):
            value = first()
            return f"; a guard against zero that returns {value:g}, where the answer is undefined (NaN)?"
        if bool(np.isnan(found).any()) and not bool(np.isnan(right).any()):
            return "; squares that underflow or overflow, or a floor under which a norm is taken for zero?"
        if is_(right.astype(np.float32), 1e-7) and np.array_equal(found, found.astype(np.float32)) and bool(told.any()):
            return "; computed in float32?"
        if is_(right):
            return "; digits are lost: part of it in float32, a rounded product, or an eps?"
        if bool(told.any()) and any(is_(np.round(right, k), 1e-15) for k in range(1, 9)):
            return "; rounded inside?"
        if not told.any():
            return _lost(found, right, same)
        if is_(-right):
            return "; the sign is turned round"
        if is_(np.abs(right)):
            return "; is the sign thrown away?"
        if is_(np.maximum(right, 0)):
            return "; clipping that hides negative values?"
        if is_(right**2) or is_(np.sqrt(np.abs(right))):
            return "; a square root too few or too many?"
        if is_(1 - right):
            return "; a distance, one minus the cosine?"
        if is_(np.arccos(np.clip(right, -1, 1)), 1e-6):
            return "; an angle in place of its cosine?"
        if is_(right, 1e-6):
            return "; computed in float32, the acos of a rounded product, or an eps added to the norms?"
        if bench.kind == "alignment" and dtype == "float64":
            a, g = example
            if a.size > 1 and is_((a * g).sum(1) / (np.abs(a**-1.0).sum() ** -1.0 * np.abs(g**-1.0).sum() ** -1.0)):
                return "; tensor.norm(-1), the L_-1 norm over the whole tensor: write dim=-1"
            if a.size > 1 and is_((a * g).sum(1) / np.linalg.norm(a) / np.linalg.norm(g)):
                return "; norm over the whole tensor?"
            mean = a.mean(0) @ g.mean(0) / np.linalg.norm(a.mean(0)) / np.linalg.norm(g.mean(0))
            if is_(np.full(len(a), mean)):
                return "; mean over the batch before the cosine?"
            return _lost(found, right, same)
    return ""


def _lost(found: Array, right: Array, same: Any) -> str:
    """Return whether what is wrong has only shrunk, as what is added to, or taken in place of, a small norm makes it."""
    lost = np.abs(right[~same]) - np.abs(found[~same])
    if bool((lost > 0).all()) and bool((right[~same] * found[~same] >= 0).all()):
        return "; an eps that clamps or is added to small norms (F.cosine_similarity clamps them at 1e-8)?"
    return ""
