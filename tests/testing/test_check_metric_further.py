"""check_metric against mistakes of a second kind: right on small dense float64 batches, wrong
elsewhere.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from faeval.bench.audits import cosine, loss_change, norms, rho
from faeval.testing import check_metric, takes_numpy

pytestmark = pytest.mark.slow

Metric = Callable[..., Any]


def zero_by_any(a: Any, g: Any) -> Any:
    return torch.where((a == 0).any(1) | (g == 0).any(1), torch.nan, cosine(a, g))


def zero_by_sum(a: Any, g: Any) -> Any:
    return torch.where((a.double().sum(1) == 0) | (g.double().sum(1) == 0), torch.nan, cosine(a, g))


def where_active(a: Any, g: Any) -> Any:
    return cosine(torch.where(g == 0, 0.0, a.double()), g)


def tiny_eps(a: Any, g: Any) -> Any:
    a, g = a.double(), g.double()
    return (
        (a * g).sum(1)
        / (a.norm(dim=1) * g.norm(dim=1) + 1e-60 * ((a != 0).any(1) & (g != 0).any(1)).double())
    ).clamp(-1, 1)


def tail_lost(a: Any, g: Any) -> Any:
    found = cosine(a, g)
    if len(a) > 1024:
        found[len(a) // 1024 * 1024 :] = 0.0
    return found


def even_when_wide(a: Any, g: Any) -> Any:
    wide = a.shape[1] // 2 * 2 if a.shape[1] > 64 else a.shape[1]
    return cosine(a[:, :wide], g[:, :wide])


def float32_when_big(a: Any, g: Any) -> Any:
    return cosine(a.float(), g.float()).float() if a.numel() > 2**14 else cosine(a, g)


def two_paths(a: Any, g: Any) -> Any:
    if isinstance(a, np.ndarray):
        a, g = a.astype(np.float32), g.astype(np.float32)
        return (a * g).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(g, axis=1) + 1e-8)
    return cosine(a, g)


def shared_buffer() -> Metric:
    buffer = torch.empty(5000, dtype=torch.float64)

    def metric(a: Any, g: Any) -> Any:
        buffer[: len(a)] = cosine(a, g)
        return buffer[: len(a)]

    return metric


def ignoring_offset(a: Any, g: Any) -> Any:
    return cosine(a, torch.as_strided(g, g.shape, g.stride(), 0))


def memory_order(a: Any, g: Any) -> Any:
    return rho(
        torch.from_numpy(np.ravel(a.numpy(), "K")[None].copy()),
        torch.from_numpy(np.ravel(g.numpy(), "K")[None].copy()),
    )


def nan_in_the_first_column(a: Any, g: Any) -> Any:
    bad = ~a[:, 0].isfinite() | ~g[:, 0].isfinite()
    return torch.where(
        bad,
        torch.nan,
        cosine(a.nan_to_num(posinf=0.0, neginf=0.0), g.nan_to_num(posinf=0.0, neginf=0.0)),
    )


def small_to_zero(a: Any, g: Any) -> Any:
    found = cosine(a, g)
    return torch.where(found.abs() < 1e-8, 0.0, found)


def big_in_place(a: Any, g: Any) -> Any:
    found = cosine(a, g)
    if len(a) > 500:
        a.zero_()
    return found


def with_gradients(a: Any, g: Any) -> Any:
    found = cosine(a, g)
    a.requires_grad_()
    return found


def mixed_by_promotion(a: Any, g: Any) -> Any:
    return cosine(a, g) if a.dtype == g.dtype else cosine(a, torch.zeros_like(g) + 1)


def masked(a: Any, g: Any) -> Any:
    return np.ma.masked_invalid(cosine(a, g).numpy())


def imaginary(a: Any, g: Any) -> Any:
    return cosine(a, g).to(torch.complex128)


def leaving(a: Any, g: Any) -> Any:
    sys.exit(3)


def big_noise(a: Any, g: Any) -> Any:
    if len(a) > 1000:
        torch.rand(1)
    return cosine(a, g)


def infinity_taken_out(a: Any, g: Any) -> Any:
    found = cosine(a, g)
    a[a.isinf()] = 0.0
    return found


def clipped_when_many(a: Any, g: Any) -> Any:
    return cosine(a.clamp(-6, 6) if len(a) > 16 else a, g)


def nan_lost_in_half(a: Any, g: Any) -> Any:
    return (
        cosine(*(s.nan_to_num(0.0) for s in (a, g))) if a.dtype == torch.float16 else cosine(a, g)
    )


def by_gradient_mode(a: Any, g: Any) -> Any:
    return cosine(a, g) if torch.is_grad_enabled() else cosine(a.float(), g.float())


ALIGNMENT: dict[str, tuple[Metric, str]] = {
    "a zero entry is a zero row": (zero_by_any, "the written formula"),
    "a zero sum is a zero row": (zero_by_sum, "the written formula"),
    "credit of inactive units ignored": (where_active, "the written formula"),
    "an eps of 1e-60": (tiny_eps, "norms from 1e-30 to 1e30"),
    "the last chunk lost": (tail_lost, "large batches and many dimensions"),
    "an odd dimension lost": (even_when_wide, "large batches and many dimensions"),
    "float32 where memory is short": (float32_when_big, "large batches and many dimensions"),
    "another path for arrays": (two_paths, "NumPy arrays agree"),
    "one buffer for all answers": (shared_buffer(), "the same at every call"),
    "an offset ignored": (ignoring_offset, "memory layout"),
    "NaN looked for in one column": (
        nan_in_the_first_column,
        "undefined where there is no direction",
    ),
    "small values taken for 0": (small_to_zero, "small cosines keep their digits"),
    "large arguments changed": (big_in_place, "arguments stay as they are"),
    "arguments made to ask for gradients": (with_gradients, "arguments stay as they are"),
    "two types": (mixed_by_promotion, "arguments of two types"),
    "a masked array": (masked, "shape and type"),
    "complex numbers": (imaginary, "shape and type"),
    "an exit": (leaving, "shape and type"),
    "random where large": (big_noise, "no global random state"),
    "infinities changed": (infinity_taken_out, "arguments stay as they are"),
    "outliers clipped where samples are many": (
        clipped_when_many,
        "large batches and many dimensions",
    ),
    "NaN taken for 0 in float16": (nan_lost_in_half, "undefined where there is no direction"),
    "float32 where gradients are off": (by_gradient_mode, "the same at every call"),
}


@pytest.mark.parametrize("name", ALIGNMENT)
def test_an_alignment_metric_right_on_small_dense_batches_alone_is_caught(name: str) -> None:
    metric, title = ALIGNMENT[name]
    assert title in [f.property for f in check_metric(metric).failures]


STATES: dict[str, Callable[[], Any]] = {
    "torch's default type": lambda: torch.set_default_dtype(torch.float64),
    "torch's gradient mode": lambda: torch.set_grad_enabled(False),
    "torch's number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "torch's deterministic mode": lambda: torch.use_deterministic_algorithms(True),
    "torch's precision of products": lambda: torch.set_float32_matmul_precision("high"),
    "NumPy's handling of errors": lambda: np.seterr(divide="ignore"),
    "NumPy's print options": lambda: np.set_printoptions(precision=3),
    "the environment": lambda: os.environ.update({"LEFT_BY_A_METRIC": "1"}),
    "the garbage collector": gc.disable,
}


@pytest.mark.parametrize("name", STATES)
def test_a_metric_that_changes_the_process_is_caught_and_the_process_put_back(name: str) -> None:
    before = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        dict(os.environ),
        np.geterr(),
    )

    def metric(a: Any, g: Any) -> Any:
        STATES[name]()
        return cosine(a, g)

    found = {f.property: f.explanation for f in check_metric(metric).failures}
    assert name in found["the process stays as it was"]
    after = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        dict(os.environ),
        np.geterr(),
    )
    assert after == before
    assert gc.isenabled()
    assert torch.get_float32_matmul_precision() == "highest"


def step32(f: Any, h: Any, a: Any, e: Any) -> Any:
    return loss_change(f, h, a, float(np.float32(e)))


def second_order(f: Any, h: Any, a: Any, e: float) -> Any:
    with torch.enable_grad():
        return torch.autograd.functional.jvp(f, h.detach(), -e * a.detach())[1] + torch.stack(
            [
                0.5
                * e**2
                * a[k]
                @ torch.autograd.functional.hessian(lambda z: f(z[None]).sum(), h[k].detach())
                @ a[k]
                for k in range(len(h))
            ]
        )


OTHERS: dict[str, tuple[str, Metric, str]] = {
    "a step in float32": ("loss_change", step32, "steps and sizes"),
    "steps are positive": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, a, abs(e)),
        "steps and sizes",
    ),
    "steps of 1 at most": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, a, min(e, 1.0)),
        "steps and sizes",
    ),
    "large credit clipped": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, a.clamp(-10, 10), e),
        "steps and sizes",
    ),
    "NaN taken for 0": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, a, e).nan_to_num(0.0),
        "what is not finite is not hidden",
    ),
    "NaN credit taken for 0": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, a.nan_to_num(0.0), e),
        "what is not finite is not hidden",
    ),
    "later dimensions stay": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, torch.cat([a[:, :16], 0 * a[:, 16:]], 1), e),
        "large batches and many dimensions",
    ),
    "chunks of 256": (
        "loss_change",
        lambda f, h, a, e: loss_change(
            f, h[:256].repeat(-(-len(h) // 256) or 1, 1)[: len(h)], a, e
        ),
        "large batches and many dimensions",
    ),
    "states of 0 stay": (
        "loss_change",
        lambda f, h, a, e: loss_change(f, h, a * (h != 0), e),
        "steps and sizes",
    ),
    "rows without credit shift the others": (
        "loss_change",
        lambda f, h, a, e: (
            loss_change(f, h, a, e) * (1 + 1e-3 * ((a == 0).all(1).any() & (a != 0).any()))
        ),
        "steps and sizes",
    ),
    "credit of float32 in float16": (
        "loss_change",
        lambda f, h, a, e: loss_change(
            f, h, a.half().float() if a.dtype == torch.float32 else a, e
        ),
        "float32",
    ),
    "NaN credit dropped from more than four samples": (
        "correlation",
        lambda a, g: rho(a.nan_to_num(0.0, torch.inf, -torch.inf) if len(a) > 4 else a, g),
        "undefined where nothing is measured",
    ),
    "infinite credit dropped": (
        "correlation",
        lambda a, g: rho(torch.where(a.isinf(), 0.0, a.double()), g),
        "undefined where nothing is measured",
    ),
    "NaN gradient dropped": (
        "correlation",
        lambda a, g: rho(a, g.nan_to_num(0.0, posinf=torch.inf, neginf=-torch.inf)),
        "undefined where nothing is measured",
    ),
    "in the order of memory": ("correlation", memory_order, "memory layout"),
    "samples beyond 1000": (
        "correlation",
        lambda a, g: rho(a[:1000], g[:1000]),
        "large batches and many dimensions",
    ),
    "scaled by the batch": (
        "norm",
        lambda s: norms(s.double() / (top := s.double().abs().max() if s.numel() else 1.0)) * top,
        "what is not finite is not hidden",
    ),
    "minus infinity hidden": (
        "norm",
        lambda s: norms(s.double().nan_to_num(nan=torch.nan, posinf=torch.inf, neginf=0.0)),
        "what is not finite is not hidden",
    ),
    "rows of equal entries": (
        "norm",
        lambda s: (
            torch.where((s == s[:, :1]).all(1), s[:, 0].double().abs() * s.shape[1], norms(s))
            if s.numel()
            else norms(s)
        ),
        "the written formula",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_metric_of_another_kind_wrong_elsewhere_is_caught(name: str) -> None:
    kind, metric, title = OTHERS[name]
    assert title in [f.property for f in check_metric(metric, kind).failures]


def test_an_expansion_of_the_loss_is_not_its_change() -> None:
    """A quadratic loss would let it pass."""
    (caught, *_) = check_metric(second_order, "loss_change").failures
    assert caught.property in ("the written formula", "shape and type")


def duck(credit: Any, gradient: Any) -> Any:
    """Correct, in NumPy, of anything that NumPy takes: on a tensor it works too, and is no tensor
    function for that.
    """
    a, g = np.asarray(credit, dtype=np.float64), np.asarray(gradient, dtype=np.float64)
    with np.errstate(all="ignore"):
        a, g = (s / np.abs(s).max(axis=1, keepdims=True, initial=0) for s in (a, g))
        return np.clip(
            (a * g).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(g, axis=1), -1, 1
        )


def by_the_chord(credit: Any, gradient: Any) -> Any:
    """Correct to absolute rounding: one minus half the squared distance of unit vectors."""
    a, g = (s.detach().double() for s in (credit, gradient))
    a, g = (s / s.abs().amax(dim=1, keepdim=True) for s in (a, g))
    a, g = (s / s.norm(dim=1, keepdim=True) for s in (a, g))
    return (1 - (a - g).square().sum(1) / 2).clamp(-1, 1)


@pytest.mark.parametrize("metric", [duck, by_the_chord])
def test_a_correct_metric_written_otherwise_passes(metric: Metric) -> None:
    check_metric(metric).raise_on_failure()


def test_what_takes_arrays_is_told_from_what_takes_tensors() -> None:
    assert takes_numpy(duck)
    assert not takes_numpy(cosine)
    assert not takes_numpy(two_paths)
    assert not takes_numpy(rho, "correlation")


def test_the_working_directory_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    monkeypatch.chdir(tmp_path)
    code = (
        "from faeval.bench.audits import cosine; from faeval.testing import check_metric; assert"
        " check_metric(cosine).passed"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
