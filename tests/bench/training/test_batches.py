"""Batches against a slow reference by indexing, and what two arms of one seed share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from numpy.typing import NDArray
from torch import Tensor

from faeval.bench.tasks import Task
from faeval.bench.training import Batches, evaluation_inputs
from faeval.errors import FaevalError
from faeval.experiment import stream

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # CIFAR-10's


def image_task(n: int = 24, size: int = 8, test: int = 5) -> Task:
    draw = np.random.default_rng(0)
    x = draw.integers(
        1, 256, (n + test, 3, size, size), dtype=np.uint8
    )  # no 0: that is what padding looks like
    y = np.arange(n + test) % 10
    return Task(x[:n], y[:n], x[n:], y[n:], 10, MEAN, STD)


def vector_task(n: int = 23, features: int = 6) -> Task:
    draw = np.random.default_rng(1)
    x = draw.standard_normal((n + 4, features)).astype(np.float32)
    y = np.arange(n + 4) % 3
    return Task(x[:n], y[:n], x[n:], y[n:], 3)


def epoch(batches: Batches, number: int) -> list[tuple[Tensor, Tensor]]:
    return list(batches.epoch(number))


def same(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in pairs)


def slow(image: NDArray[np.uint8], top: int, left: int, flipped: bool) -> NDArray[np.float64]:
    """One image, pixel by pixel: pad the raw bytes by 4 zeros, crop, flip, then normalise."""
    channels, height, width = image.shape
    out = np.empty(image.shape)
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                column = width - 1 - j if flipped else j
                r, k = i + top - 4, column + left - 4
                raw = int(image[c, r, k]) if 0 <= r < height and 0 <= k < width else 0
                out[c, i, j] = (raw / 255 - MEAN[c]) / STD[c]
    return out


def draws(
    seed: int, number: int, n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    order = stream(seed, "order", number).permutation(n)
    draw = stream(seed, "augmentation", number)
    offsets = draw.integers(0, 9, (2, n))
    return order, offsets, draw.random(n) < 0.5


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 40))
def test_crop_and_flip_are_those_of_the_slow_reference(seed: int, number: int) -> None:
    task = image_task()
    assert task.train_x.dtype == np.uint8
    order, offsets, flips = draws(seed, number, len(task.train_y))
    pixels = task.train_x.astype(np.uint8)
    for step, (x, y) in enumerate(Batches(task, seed, 5, augment=True).epoch(number)):
        for i, sample in enumerate(order[5 * step : 5 * step + 5]):
            expected = slow(
                pixels[sample],
                int(offsets[0, sample]),
                int(offsets[1, sample]),
                bool(flips[sample]),
            )
            np.testing.assert_allclose(x[i].numpy(), expected, rtol=1e-5, atol=1e-6)
            assert int(y[i]) == task.train_y[sample]


def test_every_crop_and_both_orientations_occur() -> None:
    task = image_task(24)
    _, offsets, flips = (
        np.concatenate(parts, -1)
        for parts in zip(*(draws(3, e, 24) for e in range(1, 101)), strict=True)
    )
    assert set(offsets.ravel().tolist()) == set(range(9))
    assert abs(flips.mean() - 0.5) < 4 * 0.5 / np.sqrt(2400)
    batches = Batches(task, 3, 24, augment=True)
    (x, _), (again, _) = next(batches.epoch(1)), next(batches.epoch(2))
    black = [(0 - m) / s for m, s in zip(MEAN, STD, strict=True)]
    share = [float((x[:, c] - black[c]).abs().lt(1e-5).double().mean()) for c in range(3)]
    assert min(share) > 0.05  # padding is black after normalisation, not the mean colour
    assert not torch.equal(x, again)


def test_images_without_augmentation_are_only_normalised() -> None:
    task = image_task(6)
    x, y = next(Batches(task, 1, 6, augment=False).epoch(1))
    order = stream(1, "order", 1).permutation(6)
    mean, std = (np.array(v).reshape(3, 1, 1) for v in (MEAN, STD))
    np.testing.assert_allclose(
        x.numpy(), (task.train_x[order].astype(np.float64) / 255 - mean) / std, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(y.numpy(), task.train_y[order])


def test_evaluation_inputs_are_normalised_and_never_augmented() -> None:
    task = image_task()
    x, y = evaluation_inputs(task)
    mean, std = (np.array(v).reshape(3, 1, 1) for v in (MEAN, STD))
    assert x.dtype == torch.float32
    np.testing.assert_allclose(
        x.numpy(), (task.test_x.astype(np.float64) / 255 - mean) / std, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(y.numpy(), task.test_y)
    first, labels = evaluation_inputs(task, limit=2)
    assert torch.equal(first, x[:2])
    assert torch.equal(labels, y[:2])
    vectors, _ = evaluation_inputs(vector_task())
    np.testing.assert_array_equal(vectors.numpy(), vector_task().test_x)


@settings(max_examples=25)
@given(
    n=st.integers(4, 40), size=st.integers(1, 12), seed=st.integers(0, 99), number=st.integers(1, 9)
)
def test_an_epoch_takes_every_sample_at_most_once_and_leaves_out_less_than_a_batch(
    n: int, size: int, seed: int, number: int
) -> None:
    assume(size <= n)
    x = np.arange(n, dtype=np.float32)[:, None]
    task = Task(x, np.arange(n) % 2, x, np.arange(n) % 2, 2)
    found = epoch(Batches(task, seed, size, augment=True), number)
    assert all(len(y) == size for _, y in found)
    taken = [int(v) for inputs, _ in found for v in inputs]
    assert len(taken) == len(set(taken)) == n - n % size
    assert all(
        int(v) % 2 == int(label) for inputs, y in found for v, label in zip(inputs, y, strict=True)
    )


@pytest.mark.parametrize("size", [0, -1, 41, 2.0, True, "8"])
def test_a_batch_that_the_data_cannot_fill_is_refused_by_name(size: Any) -> None:
    with pytest.raises(
        FaevalError,
        match=rf"batch={size!r} \({type(size).__name__}\).*\b1 to .*\b40\b",
    ):
        Batches(
            vector_task(40),
            5,
            size,
            augment=False,
        )


@given(
    channels=st.sampled_from([1, 3]),
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_crops_of_images_of_any_shape_are_slices_of_the_padded_image(
    channels: int, height: int, width: int, seed: int
) -> None:
    n = 6
    images = np.random.default_rng(seed).integers(
        0, 256, (n, channels, height, width), dtype=np.uint8
    )
    task = Task(
        images,
        np.arange(n) % 2,
        images,
        np.arange(n) % 2,
        2,
        (0.0,) * channels,
        (1 / 255,) * channels,
    )
    ((found, _),) = Batches(task, seed, n, augment=True).epoch(3)
    order = stream(seed, "order", 3).permutation(n)
    offsets, flips = draws(seed, 3, n)[1:]
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    for x, i in zip(found, order, strict=True):
        down, right = offsets[:, i]
        crop = padded[i, :, down : down + height, right : right + width]
        np.testing.assert_allclose(x.numpy(), crop[..., ::-1] if flips[i] else crop, atol=1e-3)


def test_another_epoch_is_another_order_that_leaves_out_other_samples() -> None:
    batches = Batches(vector_task(), 5, 10, augment=False)
    first, second = epoch(batches, 1), epoch(batches, 2)
    assert not same(first, second)
    assert same(
        first, epoch(batches, 1)
    )  # and each is a function of its number, not of what was asked before


@pytest.mark.parametrize("task", [image_task(), vector_task()], ids=["images", "vectors"])
def test_the_same_seed_gives_the_same_bits_over_epochs_whatever_is_drawn_elsewhere(
    task: Task,
) -> None:
    first, second = (Batches(task, 8, 6, augment=True) for _ in range(2))
    for number in (1, 2, 3):
        torch.manual_seed(number)
        a = epoch(first, number)
        torch.rand(17)
        assert same(a, epoch(second, number))


@pytest.mark.parametrize("task", [image_task(), vector_task()], ids=["images", "vectors"])
def test_other_seeds_see_other_batches(task: Task) -> None:
    assert not same(
        epoch(Batches(task, 8, 6, augment=True), 1), epoch(Batches(task, 9, 6, augment=True), 1)
    )


def test_order_crops_and_flips_do_not_depend_on_the_batch_size_or_on_one_another() -> None:
    task = image_task()
    small, large, plain = (
        Batches(task, 2, 4, augment=True),
        Batches(task, 2, 12, augment=True),
        Batches(task, 2, 12, augment=False),
    )
    assert torch.equal(
        torch.cat([x for x, _ in small.epoch(3)]), torch.cat([x for x, _ in large.epoch(3)])
    )
    assert torch.equal(
        torch.cat([y for _, y in plain.epoch(3)]), torch.cat([y for _, y in large.epoch(3)])
    )


def test_batches_do_not_write_into_the_task() -> None:
    task = vector_task()
    before = task.train_x.copy()
    x, _ = next(Batches(task, 1, 8, augment=False).epoch(1))
    x.zero_()
    np.testing.assert_array_equal(task.train_x, before)
