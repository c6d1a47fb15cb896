"""Task: arrays in memory, one normalisation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faeval.errors import DataError


@dataclass(frozen=True)
class Task:
    """A classification task.

    Parameters
    ----------
    train_x, test_x
        Inputs: float32 (n, features), or images as uint8 (n, 3, height, width).
    train_y, test_y
        Labels: int64 (n,), 0 <= label < classes.
    classes
        Number of classes.
    mean, std
        For images: what is subtracted and divided per channel after scaling to [0, 1]. Empty for feature vectors, which
        are normalised already.

    Raises
    ------
    DataError
        Shapes, labels or values that no training could use.
    """

    train_x: NDArray[np.generic]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.generic]
    test_y: NDArray[np.int64]
    classes: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if len(x) != len(y) or not len(x):
                raise DataError(
                    f"task: {part}_x has {len(x)} samples and {part}_y {len(y)}; both need the same, at least 1."
                )
            low, high = int(y.min()), int(y.max())
            if low < 0 or high >= self.classes:
                bad = low if low < 0 else high
                raise DataError(
                    f"task: {part}_y holds the label {bad}; labels of {self.classes} classes run 0..{self.classes - 1}."
                )
            if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
                raise DataError(f"task: {part}_x holds NaN or infinity; remove or replace those samples.")
        if len(np.unique(self.train_y)) < 2:
            raise DataError("task: train_y holds one class only; nothing can be learned or told apart.")

    @property
    def features(self) -> int:
        """Length of a flattened input."""
        return int(np.prod(self.train_x.shape[1:]))


def array_digest(*arrays: NDArray[np.generic]) -> str:
    """Return the SHA-256 of arrays: their types, shapes and bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()
