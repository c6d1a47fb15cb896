"""Batches straight from arrays in memory: no loader, no worker, one gather a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from faeval.bench.tasks import Task
from faeval.errors import FaevalError
from faeval.experiment import stream

PAD = 4  # pixels of zero padding on each side before the random crop


class Batches:
    """The training set of a task, shuffled, cropped and flipped by named streams.

    Order, crops and flips of an epoch are functions of (seed, epoch) alone: two arms at one seed
    see the same batches.

    Parameters
    ----------
    task
        Feature vectors, or uint8 images, which are scaled to [0, 1] and normalised on the fly.
    seed, size
        The replicate and the batch size. The last, incomplete batch of an epoch is left out, so
        that every step has the same shape; another order leaves out other samples.
    augment
        Random crop after padding by 4 zero pixels, and horizontal flip, for images.
    device
        Where the arrays live.
    """

    def __init__(
        self, task: Task, seed: int, size: int, *, augment: bool, device: str = "cpu"
    ) -> None:
        self.seed, self.size, self.device = seed, size, device
        self.images = task.train_x.dtype == np.uint8
        self.augment = augment and self.images
        self.labels = torch.from_numpy(np.array(task.train_y)).to(device)
        self.count = len(task.train_y)
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= self.count:
            raise FaevalError(
                f"batch={size!r} ({type(size).__name__}): a batch holds from 1 to all"
                f" {self.count} training samples."
            )
        self.steps = self.count // size
        if self.images:
            scale, shift = _affine(task, device)
            # One value a pixel: broadcast over samples alone, both are read along whole rows of
            # memory.
            self._scale, self._shift = (
                v.expand(task.train_x.shape[1:]).contiguous() for v in (scale, shift)
            )
            # The crop is taken from raw pixels: black, not the mean, is what lies beyond the
            # border.
            margin = (PAD, PAD) if self.augment else (0, 0)
            self._pixels = torch.from_numpy(
                np.pad(task.train_x, ((0, 0), (0, 0), margin, margin))
            ).to(device)
            self._rows = _Rows(self._pixels, task.train_x.shape[2:])
        else:
            self._features = torch.from_numpy(np.array(task.train_x)).to(device)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the (inputs, labels) of one epoch, counted from 1."""
        order = torch.from_numpy(stream(self.seed, "order", number).permutation(self.count)).to(
            self.device
        )
        if self.augment:
            draw = stream(self.seed, "augmentation", number)
            offsets = torch.from_numpy(draw.integers(0, 2 * PAD + 1, (2, self.count))).to(
                self.device
            )
            flips = torch.from_numpy(draw.random(self.count) < 0.5).to(self.device)
        for step in range(self.steps):
            index = order[step * self.size : (step + 1) * self.size]
            if not self.images:
                yield self._features[index], self.labels[index]
                continue
            if self.augment:
                pixels = self._rows.crops(index, offsets[0, index], offsets[1, index])
                flipped = flips[index].nonzero().squeeze(1)
                pixels[flipped] = pixels[flipped].flip(-1)
            else:
                pixels = self._pixels.index_select(0, index)
            yield (
                torch.addcmul(self._shift, pixels.to(torch.float32), self._scale),
                self.labels[index],
            )


class _Rows:
    """Images as rows of pixels that lie together in memory, so that a crop is a copy of whole rows.

    Parameters
    ----------
    images
        uint8 (n, channels, height, width), padded already.
    size
        Height and width of a crop.
    """

    def __init__(self, images: Tensor, size: tuple[int, int]) -> None:
        channels, height, width = images.shape[1:]
        self._shape = (channels, *size)
        self._width, self._image = width, channels * height * width
        flat = images.reshape(-1)
        # Every run of a row's length, from every byte on: views of the same memory, of which a crop
        # picks its rows.
        self._runs = flat.as_strided((flat.numel() - size[1] + 1, size[1]), (1, 1))
        channel = torch.arange(channels, device=images.device)[:, None] * (height * width)
        self._offsets = (channel + torch.arange(size[0], device=images.device) * width).reshape(
            1, -1
        )

    def crops(self, index: Tensor, down: Tensor, right: Tensor) -> Tensor:
        """Return the crops of images (m,) that start so many pixels down and right.

        Shape (m, channels, height, width).
        """
        start = index * self._image + down * self._width + right
        rows = self._runs.index_select(0, (start[:, None] + self._offsets).reshape(-1))
        return rows.reshape(len(index), *self._shape)


def evaluation_inputs(
    task: Task, device: str = "cpu", limit: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the first ``limit`` test inputs and their labels.

    Inputs are float32 and normalised, never augmented.
    """
    x = torch.from_numpy(np.array(task.test_x[:limit])).to(device)
    if x.dtype == torch.uint8:
        scale, shift = _affine(task, device)
        x = torch.addcmul(shift, x.to(torch.float32), scale)
    return x, torch.from_numpy(np.array(task.test_y[:limit])).to(device)


def _affine(task: Task, device: str) -> tuple[Tensor, Tensor]:
    """Return scale and shift by which a byte becomes a normalised value: (x / 255 - mean) / std."""
    mean, std = (
        torch.tensor(v, dtype=torch.float64).reshape(-1, 1, 1) for v in (task.mean, task.std)
    )
    return (1 / (255 * std)).float().to(device), (-mean / std).float().to(device)
