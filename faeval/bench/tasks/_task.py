"""Task: arrays in memory, one normalisation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faeval.errors import DataError


@dataclass(frozen=True)
class Task:
    """A classification task. :func:`faeval.bench.tasks.from_arrays` makes one of any arrays.

    Parameters
    ----------
    train_x, test_x
        Inputs: float32 (n, features...), or float64 for networks in double precision; or images as
        uint8 (n, channels, height, width).
    train_y, test_y
        Labels: int64 (n,), 0 <= label < classes.
    classes
        Number of classes, at least 2.
    mean, std
        For images: what is subtracted and divided per channel after scaling to [0, 1]. Empty for
        feature vectors, which are normalised already.

    Raises
    ------
    DataError
        Shapes, types, labels or values that no training could use.
    """

    train_x: NDArray[np.generic]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.generic]
    test_y: NDArray[np.int64]
    classes: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.classes, bool) or not isinstance(self.classes, int) or self.classes < 2:
            raise DataError(
                f"task: classes={self.classes!r} ({type(self.classes).__name__}) must be a whole"
                " number of at least 2."
            )
        for part in ("train", "test"):
            self._check(part, getattr(self, f"{part}_x"), getattr(self, f"{part}_y"))
        for what, train, test in (
            ("shape", self.train_x.shape[1:], self.test_x.shape[1:]),
            ("type", self.train_x.dtype, self.test_x.dtype),
        ):
            if train != test:
                raise DataError(
                    f"task: samples of train_x have the {what} {train}, those of test_x {test};"
                    " make them alike."
                )
        self._check_normalisation()
        if len(np.unique(self.train_y)) < 2:
            raise DataError(
                "task: train_y holds one class only; nothing can be learned or told apart."
            )

    def _check(self, part: str, x: NDArray[np.generic], y: NDArray[np.int64]) -> None:
        if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
            kinds = f"{type(x).__name__} and {type(y).__name__}"
            raise DataError(
                f"task: {part}_x and {part}_y are {kinds}; give NumPy arrays, or use from_arrays."
            )
        if x.ndim < 2 or y.ndim != 1:
            raise DataError(
                f"task: {part}_x {x.shape} and {part}_y {y.shape} must be (n, features...) and"
                " (n,)."
            )
        if len(x) != len(y) or not len(x):
            raise DataError(
                f"task: {part}_x has {len(x)} samples and {part}_y {len(y)}; both need the same, at"
                " least 1."
            )
        if x.dtype not in (np.float32, np.float64, np.uint8):
            raise DataError(
                f"task: {part}_x is of type {x.dtype}; give float32, uint8 for images, or use"
                " from_arrays."
            )
        if x.dtype == np.uint8 and x.ndim != 4:
            raise DataError(
                f"task: {part}_x is uint8 of shape {x.shape}; images are (n, channels, height,"
                " width)."
            )
        if not np.issubdtype(y.dtype, np.integer):
            raise DataError(f"task: {part}_y is of type {y.dtype}; labels are whole numbers.")
        for label in (int(y.min()), int(y.max())):
            if not 0 <= label < self.classes:
                raise DataError(
                    f"task: {part}_y holds the label {label}; labels of {self.classes} classes run"
                    f" 0..{self.classes - 1}."
                )
        # Bytes are always finite: memory-mapped images are not read for this.
        if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
            raise DataError(
                f"task: {part}_x holds NaN or infinity; remove or replace those samples."
            )

    def _check_normalisation(self) -> None:
        channels = self.train_x.shape[1] if self.train_x.dtype == np.uint8 else 0
        if len(self.mean) != channels or len(self.std) != channels:
            raise DataError(
                f"task: mean={self.mean!r} and std={self.std!r} need {channels} numbers each, one a"
                " channel of images and none for feature vectors."
            )
        if not all(np.isfinite(self.mean)) or not all(np.isfinite(s) and s > 0 for s in self.std):
            raise DataError(
                f"task: mean={self.mean!r} must be finite and std={self.std!r} positive."
            )

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
