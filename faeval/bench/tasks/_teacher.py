"""The embedded task: labels of a random teacher on inputs with a power-law spectrum.

Generated, never stored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faeval.bench.tasks._task import Task
from faeval.experiment import stream

FEATURES = 768
RELEVANT = 48  # the leading components that the teacher sees
HIDDEN = 96
GAIN = 2.0
CLASSES = 10
TRAIN, TEST = 10_000, 2_048
LABEL_NOISE = 0.2
SEED = 0  # of the task, not of a run: every run of the setting sees the same data


def teacher() -> Task:
    """Return the teacher task.

    Inputs are Gaussian in 768 dimensions, component i with variance proportional to 1/i, then
    rotated at random and scaled to unit mean variance. The label is the largest output of a random
    two-layer tanh network (96 hidden units, gain 2) on the 48 leading components before scaling; a
    fifth of the labels, in the test set too, are replaced by a uniformly random class.
    """
    n = TRAIN + TEST
    white = stream(SEED, "teacher", "inputs").standard_normal((n, FEATURES))
    spectrum = 1.0 / np.sqrt(np.arange(1, FEATURES + 1))
    rotation, _ = np.linalg.qr(
        stream(SEED, "teacher", "rotation").standard_normal((FEATURES, FEATURES))
    )
    x = (white * (spectrum / np.sqrt(np.mean(spectrum**2)))) @ rotation
    weights = stream(SEED, "teacher", "weights")
    hidden = np.tanh(
        GAIN * white[:, :RELEVANT] @ weights.standard_normal((RELEVANT, HIDDEN)) / np.sqrt(RELEVANT)
    )
    y = np.argmax(hidden @ weights.standard_normal((HIDDEN, CLASSES)), axis=1)
    noise = stream(SEED, "teacher", "noise")
    flipped = noise.random(n) < LABEL_NOISE
    y = np.where(flipped, noise.integers(0, CLASSES, n), y).astype(np.int64)
    x = x.astype(np.float32)
    return Task(x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:], CLASSES)


def teacher_digest(data: Path | None = None) -> str:
    """Return the name of this version of the generator: raise it when a number above changes."""
    return "teacher-1"
