"""scikit-learn's 8 x 8 digits (Alpaydin and Kaynak 1998, UCI), split once for all runs."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from faeval.bench.tasks._task import Task
from faeval.errors import DataError


def digits() -> Task:
    """Return the digits task: 1,437 training and 360 test images.

    A stratified split at a fixed seed.

    Pixels are standardised by the mean and the standard deviation of all training pixels together.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    parts = train_test_split(
        x.astype(np.float64), y.astype(np.int64), test_size=0.2, stratify=y, random_state=0
    )
    train_x, test_x, train_y, test_y = parts
    mean, std = train_x.mean(), train_x.std()
    return Task(
        ((train_x - mean) / std).astype(np.float32),
        train_y,
        ((test_x - mean) / std).astype(np.float32),
        test_y,
        10,
    )


def digits_digest(data: Path | None = None) -> str:
    """Return the SHA-256 of the file that scikit-learn ships; scikit-learn itself is not loaded."""
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None  # the extra brings it
    assert spec.origin is not None
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not file.is_file():
        raise DataError(
            f"setting 'digits': this scikit-learn ships no {file.name}; reinstall scikit-learn."
        )
    return hashlib.sha256(file.read_bytes()).hexdigest()
