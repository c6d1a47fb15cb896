"""check_metric on natural, right code: it fails what really limits it, and nothing else; the error
that an author accepts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import paired_cosine_distances
from torch.nn import functional

from faeval.bench.audits import cosine, norms
from faeval.errors import FaevalError
from faeval.testing import check_metric

pytestmark = pytest.mark.slow

Metric = Callable[..., Any]


def arrays_alone(*given: Any) -> None:
    if any(isinstance(g, torch.Tensor) for g in given):
        raise TypeError("arrays only")


def einsum_in_float64(a: Any, g: Any) -> Any:
    arrays_alone(a, g)
    a, g = a.astype(np.float64), g.astype(np.float64)
    return np.einsum("nd,nd->n", a, g) / (np.linalg.norm(a, axis=1) * np.linalg.norm(g, axis=1))


def naive_in_numpy(a: Any, g: Any) -> Any:
    arrays_alone(a, g)
    return (a * g).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(g, axis=1))


def a_list_of_floats(a: Any, g: Any) -> list[float]:
    arrays_alone(a, g)
    pairs = zip(a.astype(float), g.astype(float), strict=True)
    return [float(x @ y / math.sqrt((x @ x) * (y @ y))) for x, y in pairs]


def torch_in_float32(a: Any, g: Any) -> Any:
    return functional.cosine_similarity(a.float(), g.float())


def torch_in_float32_given_back_in_float64(a: Any, g: Any) -> Any:
    return functional.cosine_similarity(a.float(), g.float()).double()


def of_scikit_learn(a: Any, g: Any) -> Any:
    arrays_alone(a, g)
    return 1 - paired_cosine_distances(a, g)


def answered_in_float32(a: Any, g: Any) -> Any:
    return cosine(a, g).float()


def flat(a: Any, g: Any) -> float:
    """A Python float of what was computed in float32."""
    return float((a.float() * g.float()).sum() / (a.float().norm() * g.float().norm()))


def norm_in_float32(signal: Any) -> Any:
    return torch.linalg.vector_norm(signal.float(), dim=1)


def norm_in_numpy(signal: Any) -> Any:
    arrays_alone(signal)
    return np.linalg.norm(signal, axis=1)


def one_after_the_other(loss: Any, state: Any, credit: Any, step: float) -> Any:
    both = loss(torch.cat([state, state - step * credit]))
    return both[len(state) :] - both[: len(state)]


SIZE = (
    "norms from 1e-30 to 1e30",
    "scale of each sample's credit",
    "scale of each sample's gradient",
    "scale of the loss",
)
CLAMP = (*SIZE, "float32", "undefined where there is no direction")
FAR = ("norms whose squares float64 cannot hold",)
RIGHT: list[tuple[str, Metric, tuple[str, ...], str]] = [
    ("alignment", einsum_in_float64, (), ""),
    ("alignment", naive_in_numpy, ("float32",), "squares"),
    ("alignment", a_list_of_floats, (), ""),
    ("alignment", functional.cosine_similarity, CLAMP, "an eps that clamps"),
    ("alignment", torch_in_float32, CLAMP, "an eps that clamps"),
    ("alignment", torch_in_float32_given_back_in_float64, CLAMP, "an eps that clamps"),
    (
        "alignment",
        of_scikit_learn,
        (*CLAMP, "no sample"),
        "a floor under which a norm is taken for another",
    ),
    ("alignment", answered_in_float32, (), ""),
    (
        "correlation",
        flat,
        ("norms from 1e-30 to 1e30", "float32", "scale of all credit", "scale of the loss"),
        "in float32",
    ),
    ("norm", norm_in_float32, ("norms from 1e-30 to 1e30", "float32", *FAR), "in float32"),
    ("norm", norm_in_numpy, ("float32", *FAR), "squares"),
    ("loss_change", one_after_the_other, (), ""),
]


@pytest.mark.parametrize(
    ("kind", "metric", "limits", "why"), RIGHT, ids=lambda v: getattr(v, "__name__", "")
)
def test_right_code_fails_what_limits_it_and_nothing_else(
    kind: str, metric: Metric, limits: tuple[str, ...], why: str
) -> None:
    found = check_metric(metric, kind)
    failed = {f.property: f for f in found.failures}
    # Whether squares overflow in float16 is a matter of what is drawn.
    assert set(failed) - {"float16"} == set(limits), str(found)
    assert all(f.consequence for f in found.failures)
    assert all(why in f.explanation for name, f in failed.items() if name in SIZE), str(found)
    noted = dict(found.notes)
    assert ("float32" in noted.get("the written formula", "")) == (
        "float32" in metric.__name__ or metric is flat
    )
    assert not any("not known" in f.explanation for f in found.failures)


def test_the_last_digit_beyond_1_is_a_note_and_more_is_a_failure() -> None:
    right, beyond = check_metric(einsum_in_float64), check_metric(lambda a, g: 1.01 * cosine(a, g))
    assert "bounds" in dict(right.notes)
    assert "bounds" not in {f.property for f in right.failures}
    assert "bounds" in {f.property for f in beyond.failures}


def rounded_to_6(a: Any, g: Any) -> Any:
    return cosine(a, g).round(decimals=6)


def test_an_accepted_error_is_accepted_and_no_other() -> None:
    strict, told = check_metric(rounded_to_6), check_metric(rounded_to_6, tolerance=1e-5)
    assert not strict.passed
    assert (told.passed, told.tolerance) == (True, 1e-5)
    assert "1e-05" in str(told).splitlines()[0]
    of_rounding = [f for f in strict.failures if "rounded inside, to 6 decimals" in f.explanation]
    assert of_rounding
    assert all("tolerance=" in f.consequence for f in of_rounding)
    clamped = check_metric(functional.cosine_similarity, tolerance=0.1)
    assert {f.property for f in clamped.failures} >= set(CLAMP) - {"float32"}
    assert not check_metric(lambda s: norms(s) + 1e-9, "norm", tolerance=1e-3).passed


@pytest.mark.parametrize("bad", [0, -1e-6, 0.2, math.nan, math.inf, True, "1e-6", 1j])
def test_a_tolerance_that_is_none_is_refused(bad: Any) -> None:
    with pytest.raises(FaevalError, match=r"^tolerance=.*\b0 .*\b0\.1\b"):
        check_metric(cosine, tolerance=bad)


def test_a_change_of_loss_in_float32_loses_the_digits_that_matter() -> None:
    def narrow(loss: Any, state: Any, credit: Any, step: float) -> Any:
        return loss((state - step * credit).float()) - loss(state.float())

    found = check_metric(narrow, "loss_change")
    assert {f.property for f in found.failures} == {
        "the written formula",
        "large batches and many dimensions",
    }
    assert all("rounding: it computes in float32" in f.explanation for f in found.failures)


def test_a_cause_that_no_check_supports_is_not_named() -> None:
    def told(metric: Metric) -> str:
        failed = {f.property: f.explanation for f in check_metric(metric).failures}
        return failed["the written formula"]

    assert "not known" in told(lambda a, g: 0.5 * cosine(a, g))
    assert "not known" in told(lambda a, g: cosine(a, g) + 1e-3)
    assert "an eps" in told(lambda a, g: (a * g).sum(1) / (a.norm(dim=1) * g.norm(dim=1) + 1e-6))
    assert "left out" in told(lambda a, g: cosine(a[:, :1], g[:, :1]))
    assert "on the others" in told(lambda a, g: cosine(a, g) / len(a))
