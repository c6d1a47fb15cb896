"""Batches straight from arrays in memory: no loader, no worker, one gather a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from faeval.experiment import stream
from faeval.tasks import Task

PAD = 4  # pixels of zero padding on each side before the random crop


class Batches:
    """The training set of a task, shuffled, cropped and flipped by named streams.

    Order, crops and flips of an epoch are functions of (seed, epoch) alone: two arms at one seed see the same batches.

    Parameters
    ----------
    task
        Feature vectors, or uint8 images, which are scaled to [0, 1] and normalised on the fly.
    seed, size
        The replicate and the batch size. The last, incomplete batch of an epoch is left out, so that every step has the
        same shape; another order leaves out other samples.
    augment
        Random crop after padding by 4 zero pixels, and horizontal flip, for images.
    device
        Where the arrays live.
    """

    def __init__(self, task: Task, seed: int, size: int, *, augment: bool, device: str = "cpu") -> None:
        self.seed, self.size, self.device = seed, size, device
        self.images = task.train_x.dtype == np.uint8
        self.augment = augment and self.images
        self.labels = torch.from_numpy(np.array(task.train_y)).to(device)
        self.count = len(task.train_y)
        self.steps = self.count // size
        if self.images:
            self._scale, self._shift = _affine(task, device)
            # The crop is taken from raw pixels: black, not the mean, is what lies beyond the border.
            pad = PAD if self.augment else 0
            raw = np.pad(task.train_x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
            height, width = task.train_x.shape[2:]
            pixels = torch.from_numpy(raw).to(device)
            # A view with every crop as its own index: (n, dy, dx, 3, height, width), no copy.
            self._crops = pixels.unfold(2, height, 1).unfold(3, width, 1).permute(0, 2, 3, 1, 4, 5)
        else:
            self._features = torch.from_numpy(np.array(task.train_x)).to(device)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the (inputs, labels) of one epoch, counted from 1."""
        order = torch.from_numpy(stream(self.seed, "order", number).permutation(self.count)).to(self.device)
        if self.augment:
            draw = stream(self.seed, "augmentation", number)
            offsets = torch.from_numpy(draw.integers(0, 2 * PAD + 1, (2, self.count))).to(self.device)
            flips = torch.from_numpy(draw.random(self.count) < 0.5).to(self.device)
        for step in range(self.steps):
            index = order[step * self.size : (step + 1) * self.size]
            if not self.images:
                x = self._features[index]
            elif self.augment:
                crop = self._crops[index, offsets[0, index], offsets[1, index]]
                crop = torch.where(flips[index, None, None, None], crop.flip(-1), crop)
                x = torch.addcmul(self._shift, crop.to(torch.float32), self._scale)
            else:
                x = torch.addcmul(self._shift, self._crops[index, 0, 0].to(torch.float32), self._scale)
            yield x, self.labels[index]


def evaluation_inputs(task: Task, device: str = "cpu", limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the first ``limit`` test inputs, float32 and normalised, never augmented, and their labels."""
    x = torch.from_numpy(np.array(task.test_x[:limit])).to(device)
    if x.dtype == torch.uint8:
        scale, shift = _affine(task, device)
        x = torch.addcmul(shift, x.to(torch.float32), scale)
    return x, torch.from_numpy(np.array(task.test_y[:limit])).to(device)


def _affine(task: Task, device: str) -> tuple[Tensor, Tensor]:
    """Return the scale and shift that turn a byte into a normalised value: (x / 255 - mean) / std."""
    mean, std = (torch.tensor(v, dtype=torch.float64).reshape(-1, 1, 1) for v in (task.mean, task.std))
    return (1 / (255 * std)).float().to(device), (-mean / std).float().to(device)
