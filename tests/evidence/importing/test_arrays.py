"""Arrays of NumPy become rows; what holds a pickle, or no names, is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any, *, allow_pickle: bool = True) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def read(content: bytes) -> Cells:
    return cells_of("x.npz", content=content)


def test_arrays_with_the_names_of_methods_are_values_by_position() -> None:
    found = read(npz(ours=np.array([0.9, 0.8, np.nan]), base=np.array([0.5, 0.6])))
    assert found.table["method"].tolist() == ["ours"] * 3 + ["base"] * 2
    assert found.table["seed"].tolist() == [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(found.table["value"].astype(float), [0.9, 0.8, np.nan, 0.5, 0.6])
    assert found.roles == {"arm": "method", "seed": "seed", "value": "value"}


def test_arrays_of_one_length_with_names_of_columns_are_columns() -> None:
    found = read(npz(seed=np.arange(3), ours=np.array([1, 2, 3]), base=np.zeros(3, ">f4")))
    assert found.table.values.tolist() == [[0, 1, 0], [1, 2, 0], [2, 3, 0]]
    found = read(npz(method=np.array([b"ours", b"base"]), acc=np.array([True, False])))
    assert found.table.values.tolist() == [["ours", True], ["base", False]]
    found = read(npz(loss=np.array([2.0, 1.0]), acc=np.array([0.5, 0.6])))
    assert found.roles == {"epoch": "position"}
    found = read(npz(acc=np.array(0.5), seed=np.array(3)))
    assert found.table.to_dict("records") == [{"acc": 0.5, "seed": 3}]


def test_evaluations_of_stable_baselines3_are_means_over_episodes() -> None:
    results = np.array([[1.0, 2.0, 6.0], [4.0, 5.0, 6.0]])
    steps = np.array([1000, 2000])
    found = read(npz(timesteps=steps, results=results, ep_lengths=results.astype(int)))
    assert found.table["timesteps"].tolist() == [1000, 2000]
    assert found.table["mean_reward"].tolist() == [3.0, 5.0]
    assert found.table["mean_ep_length"].tolist() == [3.0, 5.0]
    assert found.roles == {"epoch": "timesteps"}
    assert "3 episodes" in found.notes[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy(np.zeros((3, 2))), r"shape \(3, 2\)"),
        (npy(np.zeros(3)), r"shape \(3,\)"),
        (npz(a=np.zeros((3, 2)), b=np.zeros(3)), r"a \(3, 2\)"),
        (npy(np.array([{}, 1], dtype=object)), "pickle"),
        (npz(a=np.array([{}, 1], dtype=object)), "array 'a'.*pickle"),
        (npy(np.zeros(100))[:-8], "shorter"),
        (npy(np.zeros(10)).replace(b"(10,), }", b"(10000000000000,), }"), "shorter"),
        (npy(np.zeros(10))[:40], "array"),
        (npy(np.zeros(2, [("a", "f8", (3,))])), "field 'a'"),
        (npz(method=np.array(["a", "b"]), acc=np.zeros(3)), "length"),
        (npz(when=np.array(["2024-01-01"], "M8[D]"), z=np.zeros((1), complex)), "type complex"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(EvidenceError, match=rf"x\.npz.*{says}") as caught:
        read(content)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
