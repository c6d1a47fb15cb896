"""Any arrays as a task: what they become, and one clear line for each array that no training could
use.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, strategies as st

from faeval.bench.tasks import Task, array_digest, from_arrays, task_digest, task_of
from faeval.errors import DataError

X = np.arange(24, dtype=np.float64).reshape(12, 2)
Y = np.arange(12) % 3
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 3, 5, 4), dtype=np.uint8)


def same(first: Task, second: Task) -> bool:
    return task_digest(lambda: first) == task_digest(lambda: second)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X.astype(np.float32), Y.astype(np.float64)),
        (X.tolist(), Y.tolist()),
        (torch.from_numpy(X), torch.from_numpy(Y)),
        (pd.DataFrame(X), pd.Series(Y)),
        (np.asfortranarray(X), Y.astype(np.uint8)),
    ],
    ids=["numpy", "other types", "lists", "torch", "pandas", "other layout"],
)
def test_whatever_holds_the_numbers_the_task_is_the_same(x: Any, y: Any) -> None:
    found = from_arrays(x, y, x, y)
    assert same(found, from_arrays(X, Y, X, Y))
    assert (found.train_x.dtype, found.train_y.dtype, found.classes) == (np.float32, np.int64, 3)
    np.testing.assert_array_equal(found.train_x, X.astype(np.float32))


@given(
    counts=st.lists(st.integers(2, 9), min_size=2, max_size=4),
    share=st.floats(0.05, 0.9),
    seed=st.integers(0, 99),
)
def test_without_a_test_set_a_share_of_each_class_is_set_aside(
    counts: list[int], share: float, seed: int
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(y), dtype=np.float32)[:, None]
    task = from_arrays(x, y, test_share=share, seed=seed)
    taken = np.concatenate([task.train_x, task.test_x])[:, 0]
    assert sorted(taken.tolist()) == list(range(len(y)))  # every sample once
    for part_x, part_y in ((task.train_x, task.train_y), (task.test_x, task.test_y)):
        np.testing.assert_array_equal(y[part_x[:, 0].astype(int)], part_y)
    tested = np.bincount(task.test_y, minlength=len(counts))
    for count, size in zip(counts, tested, strict=True):
        assert 1 <= size <= count - 1
        assert abs(size - share * count) <= 0.5 or size in (1, count - 1)
    assert same(task, from_arrays(x, y, test_share=share, seed=seed))


def test_another_seed_sets_aside_other_samples() -> None:
    splits = {from_arrays(X, Y, seed=seed).test_x.tobytes() for seed in range(5)}
    assert len(splits) > 1


def test_images_stay_bytes_and_are_normalised_by_their_training_part() -> None:
    task = from_arrays(IMAGES[:8], Y[:8], IMAGES[8:], Y[8:])
    assert task.train_x.dtype == np.uint8
    np.testing.assert_allclose(task.mean, (IMAGES[:8] / 255).mean((0, 2, 3)))
    np.testing.assert_allclose(task.std, (IMAGES[:8] / 255).std((0, 2, 3)))
    given_by_hand = from_arrays(IMAGES, Y, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    assert (given_by_hand.mean, given_by_hand.std) == ((0.5,) * 3, (0.25,) * 3)
    flat = from_arrays(IMAGES.reshape(12, -1), Y)  # bytes without channels are numbers like others
    assert flat.train_x.dtype == np.float32
    constant = from_arrays(np.zeros((4, 1, 2, 2), np.uint8), [0, 1, 0, 1])
    assert constant.std == (1.0,)


def changed(at: tuple[int, ...], value: float) -> Any:
    x = X.copy()
    x[at] = value
    return x


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"y": Y[:5]}, "x has 12 samples and y 5; both need the same"),
        ({"test_x": X}, "test_x is given without test_y; give both, or neither"),
        ({"test_y": Y}, "test_y is given without test_x"),
        ({"test_x": X, "test_y": Y[:3]}, "test_x has 12 samples and test_y 3"),
        (
            {"test_x": X[:, :1], "test_y": Y},
            "samples of train_x have the shape (2,), those of test_x (1,)",
        ),
        ({"x": X[:, 0]}, "x has the shape (12,); give (n, features), one row a sample"),
        ({"x": 3.0}, "x has the shape ()"),
        ({"x": X[:0], "y": Y[:0]}, "x holds no sample"),
        (
            {"x": changed((3, 1), np.nan)},
            "x holds nan in sample 3, feature 1, which is not finite; remove or replace it",
        ),
        (
            {"x": changed((0, 0), -np.inf)},
            "x holds -inf in sample 0, feature 0, which is not finite",
        ),
        (
            {"x": changed((2, 0), 1e300)},
            "x holds 1e+300 in sample 2, feature 0, which is beyond what float32 holds; scale",
        ),
        ({"x": X.astype(complex)}, "x is of type complex128; give numbers"),
        ({"x": np.full((12, 2), "word")}, "x is of type <U4; give numbers (encode words"),
        ({"x": X.astype(object)}, "x is of type object; give numbers"),
        ({"x": [[1.0], [1.0, 2.0]]}, "x (list) cannot be read as an array"),
        ({"y": Y[:, None]}, "y has the shape (12, 1); labels are (n,) (use y.ravel())"),
        (
            {"y": Y + 0.5},
            "y holds the label 0.5 in sample 0; labels are whole numbers from 0 (numpy.unique",
        ),
        ({"y": Y - 1}, "y holds the label -1 in sample 0; labels are whole numbers from 0"),
        ({"y": np.where(Y == 2, np.nan, Y)}, "y holds the label nan in sample 2"),
        ({"y": np.array(["cat", "dog"] * 6)}, "y is of type <U3; give numbers"),
        ({"y": Y * 0}, "train_y holds one class only"),
        ({"classes": 2}, "train_y holds the label 2; labels of 2 classes run 0..1"),
        ({"classes": 1}, "classes=1 (int) must be a whole number of at least 2"),
        ({"classes": 3.0}, "classes=3.0 (float) must be a whole number"),
        (
            {"y": np.array([9, *Y[1:]])},
            "class 9 has one sample, which cannot be trained on and tested",
        ),
        ({"test_share": 0.0}, "test_share=0.0 (float) must lie between 0 and 1"),
        ({"test_share": "half"}, "test_share='half' (str) must lie between 0 and 1"),
        ({"mean": (0.5,), "std": (0.5,)}, "mean=(0.5,) and std=(0.5,) need 0 numbers each"),
        (
            {"x": IMAGES, "mean": (0.5,), "std": (0.5,)},
            "need 3 numbers each, one a channel of images",
        ),
        ({"x": IMAGES, "mean": (0.5,) * 3, "std": (0.0, 1.0, 1.0)}, "std=(0.0, 1.0, 1.0) positive"),
        (
            {"x": IMAGES, "test_x": IMAGES / 255, "test_y": Y},
            "samples of train_x have the type uint8, those of test_x float32",
        ),
    ],
)
def test_arrays_that_no_training_could_use_are_refused_in_one_line(
    arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError, match=re.escape(says)) as error:
        from_arrays(**{"x": X, "y": Y, **arguments})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"train_x": X.astype(np.int64)},
            "train_x is of type int64; give float32, uint8 for images, or use from_arrays",
        ),
        ({"train_x": X}, "samples of train_x have the type float64, those of test_x float32"),
        ({"train_x": X.tolist()}, "train_x and train_y are list and ndarray; give NumPy arrays"),
        (
            {"train_x": X[:, 0].astype(np.float32)},
            "train_x (12,) and train_y (12,) must be (n, features...) and (n,)",
        ),
        ({"train_x": np.zeros((12, 2), np.uint8)}, "train_x is uint8 of shape (12, 2); images are"),
        ({"train_y": Y.astype(np.float64)}, "train_y is of type float64; labels are whole numbers"),
    ],
)
def test_a_task_made_by_hand_is_held_to_its_types(changes: dict[str, Any], says: str) -> None:
    x = X.astype(np.float32)
    fields: dict[str, Any] = {"train_x": x, "train_y": Y, "test_x": x, "test_y": Y, "classes": 3}
    with pytest.raises(DataError, match=re.escape(says)):
        Task(**{**fields, **changes})


def test_a_function_gives_a_task_or_arrays() -> None:
    whole = from_arrays(X, Y)
    assert task_of(lambda: whole) is whole
    assert same(task_of(lambda: (X, Y)), whole)
    assert same(task_of(lambda: (X, Y, X, Y)), from_arrays(X, Y, X, Y))
    assert task_digest(lambda: (X, Y)) != task_digest(lambda: (X + 1, Y))
    assert task_digest(lambda: from_arrays(X, Y)) != task_digest(
        lambda: from_arrays(X, Y, classes=4)
    )
    with pytest.raises(
        DataError,
        match=r"train_x .*float64.*float32; use from_arrays",
    ):
        task_of(lambda: Task(X, Y, X, Y, 3))
    for wrong in (X, None, (X,), {"x": X}):
        with pytest.raises(
            DataError,
            match=(
                rf"task function .* returned {type(wrong).__name__}; return a"
                r" faeval.bench.tasks.Task"
            ),
        ):
            task_of(lambda wrong=wrong: wrong)  # type: ignore[misc]
    assert array_digest(X) == array_digest(X.copy())


def test_a_failing_task_function_is_named_with_its_line() -> None:
    def broken() -> Task:
        return from_arrays(*[X] * 5)

    line = broken.__code__.co_firstlineno + 1
    with pytest.raises(
        DataError,
        match=rf"\bbroken .*TypeError: .*\(test_arrays\.py, line {line}\)\.",
    ):
        task_of(broken)

    def refused() -> Task:
        return from_arrays(X, Y, X)

    with pytest.raises(DataError, match=r"from_arrays: test_x is given without test_y"):
        task_of(refused)
