"""Any arrays as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval.bench.tasks._task import Task
from faeval.errors import DataError
from faeval.experiment import stream


def from_arrays(
    x: Any,
    y: Any,
    test_x: Any = None,
    test_y: Any = None,
    *,
    classes: int | None = None,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    test_share: float = 0.2,
    seed: int = 0,
) -> Task:
    """Return a classification task made of arrays.

    Parameters
    ----------
    x, test_x
        (n, features...) numbers, which become float32 and are taken as they are: standardise them
        first. Or images, uint8 (n, 1 or 3 channels, height, width), which stay bytes and are
        normalised by ``mean`` and ``std``. Whatever ``numpy.asarray`` reads: arrays, CPU tensors,
        data frames, lists.
    y, test_y
        Whole numbers (n,) from 0, of any numeric type.
    classes
        Number of classes; default: the largest label + 1.
    mean, std
        For images: per channel, of pixels scaled to [0, 1]; default: those of the training images.
    test_share, seed
        Without ``test_x`` this share of each class, at least one sample, is set aside, the same for
        the same seed.

    Raises
    ------
    DataError
        Arrays that no training could use; the message names the argument, what it holds and the
        remedy.

    Examples
    --------
    >>> task = from_arrays([[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1])
    >>> task.train_x.shape, task.test_x.shape, task.classes
    ((2, 1), (2, 1), 2)
    """
    if (test_x is None) != (test_y is None):
        present, absent = ("test_x", "test_y") if test_y is None else ("test_y", "test_x")
        raise DataError(f"from_arrays: {present} is given without {absent}; give both, or neither.")
    features, labels = _features("x", x), _labels("y", y)
    _same_length("x", features, "y", labels)
    if test_x is None:
        train, test = _split(labels, test_share, seed)
        parts = features[train], labels[train], features[test], labels[test]
    else:
        parts = features, labels, _features("test_x", test_x), _labels("test_y", test_y)
        _same_length("test_x", parts[2], "test_y", parts[3])
    count = max(int(parts[1].max()) + 1, int(parts[3].max()) + 1, 2) if classes is None else classes
    if parts[0].dtype == np.uint8 and not (len(mean) or len(std)):
        mean, std = _channels(parts[0])
    return Task(*parts, count, tuple(map(float, mean)), tuple(map(float, std)))


def _array(name: str, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever a foreign container raises on the way
        raise DataError(
            f"from_arrays: {name} ({type(value).__name__}) cannot be read as an array: {error}"
        ) from None
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"from_arrays: {name} is of type {array.dtype}; give numbers (encode words and dates as"
            " numbers first)."
        )
    if array.ndim and not len(array):
        raise DataError(f"from_arrays: {name} holds no sample.")
    return array


def _features(name: str, given: Any) -> NDArray[Any]:
    array = _array(name, given)
    if array.ndim < 2:
        raise DataError(
            f"from_arrays: {name} has the shape {array.shape}; give (n, features), one row a sample"
            " (x.reshape(-1, 1) for one feature)."
        )
    if array.dtype == np.uint8 and array.ndim == 4:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = array.astype(np.float32)
    bad = np.argwhere(~np.isfinite(numbers.reshape(len(numbers), -1)))
    if len(bad):
        row, column = map(int, bad[0])
        value = array.reshape(len(array), -1)[row, column]
        what = (
            "beyond what float32 holds; scale it"
            if np.isfinite(value)
            else "not finite; remove or replace it"
        )
        raise DataError(
            f"from_arrays: {name} holds {value} in sample {row}, feature {column}, which is {what}."
        )
    return numbers


def _labels(name: str, value: Any) -> NDArray[np.int64]:
    array = _array(name, value)
    if array.ndim != 1:
        raise DataError(
            f"from_arrays: {name} has the shape {array.shape}; labels are (n,) (use"
            f" {name}.ravel())."
        )
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(
            ~((array == np.floor(array.astype(np.float64))) & (array >= 0) & (array < 2**31))
        )
    if bad.size:
        row = int(bad[0])
        raise DataError(
            f"from_arrays: {name} holds the label {array[row]} in sample {row}; labels are whole"
            " numbers from 0 (numpy.unique(y, return_inverse=True)[1] makes such)."
        )
    return array.astype(np.int64)


def _same_length(x_name: str, x: NDArray[Any], y_name: str, y: NDArray[Any]) -> None:
    if len(x) != len(y):
        raise DataError(
            f"from_arrays: {x_name} has {len(x)} samples and {y_name} {len(y)}; both need the same."
        )


def _split(
    labels: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the sorted indices of a stratified split; each class has a sample on either side."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 < share < 1.0:
        raise DataError(
            f"from_arrays: test_share={share!r} ({type(share).__name__}) must lie between 0 and 1."
        )
    draw = stream(seed, "split")
    tested = np.zeros(len(labels), bool)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count < 2:
            raise DataError(
                f"from_arrays: class {label} has one sample, which cannot be trained on and tested;"
                " give test_x and test_y, or leave it out."
            )
        members = np.flatnonzero(labels == label)
        size = min(max(round(share * count), 1), count - 1)
        tested[draw.permutation(members)[:size]] = True
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def _channels(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Return each channel's mean and standard deviation, in [0, 1]; 1 of a constant channel."""
    axes = (0, 2, 3)
    spread = images.std(axis=axes, dtype=np.float64) / 255
    return (images.mean(axis=axes, dtype=np.float64) / 255).tolist(), np.where(
        spread > 0, spread, 1.0
    ).tolist()
