"""The batches of all replicates of a stack at once: what each one's own batches give."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from faeval.bench.training._batches import PAD, Batches
from faeval.experiment import stream


def share_data(first: Batches, seed: int, labels: Tensor | None = None) -> Batches:
    """Return the batches of another seed over the same arrays.

    With labels of its own where they are given.

    A stack whose batches share their arrays holds them once, and gathers the batches of all seeds
    at once.
    """
    other = copy.copy(first)
    other.seed = seed
    if labels is not None:
        other.labels = labels.to(first.device)
    return other


def epoch_of(batches: Sequence[Batches], number: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield an epoch's (inputs, labels) of all replicates, stacked.

    They are what each one's own batches give.
    """
    if not all(_same_arrays(batches[0], other) for other in batches):
        for own in zip(*(b.epoch(number) for b in batches), strict=True):
            yield torch.stack([x for x, _ in own]), torch.stack([y for _, y in own])
        return
    first, count = batches[0], len(batches)
    labels = torch.stack([b.labels for b in batches])
    order = _drawn(first, [stream(b.seed, "order", number).permutation(b.count) for b in batches])
    images = _images(batches, number) if first.images else None
    for step in range(first.steps):
        index = order[:, step * first.size : (step + 1) * first.size]
        x = first._features[index.flatten()] if images is None else images(index)
        yield x.reshape(count, first.size, *x.shape[1:]), labels.gather(1, index)


def _images(batches: Sequence[Batches], number: int) -> Callable[[Tensor], Tensor]:
    """Return what gives an epoch's images of all replicates, (replicates * size, ...), by index."""
    first = batches[0]
    if first.augment:
        draws = [stream(b.seed, "augmentation", number) for b in batches]
        offsets = _drawn(first, [d.integers(0, 2 * PAD + 1, (2, first.count)) for d in draws])
        flips = _drawn(first, [d.random(first.count) < 0.5 for d in draws])

    def of(index: Tensor) -> Tensor:
        flat = index.flatten()
        if first.augment:
            down, right = (offsets[:, side].gather(1, index).flatten() for side in (0, 1))
            pixels = first._rows.crops(flat, down, right)
            # No list of those to flip: its length would have to wait for the device.
            pixels = torch.where(
                flips.gather(1, index).reshape(-1, 1, 1, 1), pixels.flip(-1), pixels
            )
        else:
            pixels = first._pixels.index_select(0, flat)
        return torch.addcmul(first._shift, pixels.to(torch.float32), first._scale)

    return of


def _same_arrays(first: Batches, other: Batches) -> bool:
    """Whether two batches read the same arrays, and nobody's own subclass stands between."""
    if type(first) is not Batches or type(other) is not Batches or first.augment != other.augment:
        return False
    return first._pixels is other._pixels if first.images else first._features is other._features


def _drawn(first: Batches, draws: list[Any]) -> Tensor:
    return torch.stack([torch.from_numpy(draw) for draw in draws]).to(first.device)
