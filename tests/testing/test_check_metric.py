"""check_metric: correct metrics in three styles pass, and each error is caught by name."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from einops import rearrange, reduce
from hypothesis import Phase, find, settings
from torch.nn import functional

from faeval.bench import audits
from faeval.bench.audits import norms
from faeval.errors import FaevalError
from faeval.experiment import METRICS
from faeval.testing import (
    check_metric,
    metric_checks,
    pairs,
    parametrize_with_metric_checks,
    signals,
)


def numpy_cosine(credit: Any, gradient: Any) -> Any:
    if isinstance(credit, torch.Tensor):
        raise TypeError("arrays only")
    a, g = (s.astype(np.float64) for s in (credit, gradient))
    with np.errstate(all="ignore"):
        a, g = (s / np.abs(s).max(axis=1, keepdims=True, initial=0) for s in (a, g))
        return np.clip(
            (a * g).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(g, axis=1), -1, 1
        )


def torch_cosine(credit: Any, gradient: Any) -> Any:
    a, g = (s.detach().double() for s in (credit, gradient))
    a, g = (s / s.abs().amax(dim=1, keepdim=True) for s in (a, g))
    return (torch.einsum("nd,nd->n", a, g) / a.norm(dim=1) / g.norm(dim=1)).clamp(-1, 1)


def einops_cosine(credit: Any, gradient: Any) -> Any:
    a, g = (s.detach().double() for s in (credit, gradient))
    a, g = (s / rearrange(reduce(s.abs(), "n d -> n", "max"), "n -> n 1") for s in (a, g))
    size = reduce(a * a, "n d -> n", "sum").sqrt() * reduce(g * g, "n d -> n", "sum").sqrt()
    return (reduce(a * g, "n d -> n", "sum") / size).clamp(-1, 1)


def numpy_rho(credit: Any, gradient: Any) -> Any:
    if isinstance(credit, torch.Tensor):
        raise TypeError("arrays only")
    if not credit.size:
        return np.nan
    a, g = (s.astype(np.float64) for s in (credit, gradient))
    with np.errstate(all="ignore"):
        a, g = a / np.abs(a).max(), g / np.abs(g).max()
        return np.clip((a * g).sum() / np.sqrt((a * a).sum() * (g * g).sum()), -1, 1)


def numpy_norm(signal: Any) -> Any:
    if isinstance(signal, torch.Tensor):
        raise TypeError("arrays only")
    s = signal.astype(np.float64)
    with np.errstate(all="ignore"):
        top = np.abs(s).max(axis=1, keepdims=True, initial=0)
        return np.linalg.norm(s / np.where(top > 0, top, 1), axis=1) * top[:, 0]


def einops_norm(signal: Any) -> Any:
    s = signal.detach().double()
    top = reduce(s.abs(), "n d -> n 1", "max")
    scaled = s / torch.where(top > 0, top, 1.0)
    return reduce(scaled**2, "n d -> n", "sum").sqrt() * rearrange(top, "n 1 -> n")


def change(loss: Any, state: Any, credit: Any, step: float) -> Any:
    return loss(state - step * credit) - loss(state)


GOOD: dict[str, list[Callable[..., Any]]] = {
    "alignment": [numpy_cosine, torch_cosine, einops_cosine],
    "correlation": [numpy_rho],
    "norm": [numpy_norm, einops_norm],
    "loss_change": [change],
}


@pytest.mark.parametrize(("kind", "metric"), [(k, m) for k, ms in GOOD.items() for m in ms])
def test_correct_metrics_pass(kind: str, metric: Callable[..., Any]) -> None:
    conformance = check_metric(metric, kind)
    conformance.raise_on_failure()
    assert len(conformance.checked) >= 12


def test_our_own_registry_conforms() -> None:
    """What each metric of the registry is tried as stands in the registry: no list to keep beside
    it.
    """
    tried = {(m.function, m.kind) for m in METRICS.values() if m.kind is not None}
    assert {kind for _, kind in tried} == {"alignment", "correlation", "norm", "loss_change"}
    for function, kind in sorted(tried):
        check_metric(function, str(kind)).raise_on_failure()


@parametrize_with_metric_checks([audits.cosine])
def test_our_cosine_property_by_property(metric: Any, check: Any) -> None:
    check(metric)


def ratio(a: Any, g: Any) -> Any:
    """The textbook formula in float64."""
    a, g = a.double(), g.double()
    return (a * g).sum(1) / a.norm(dim=1) / g.norm(dim=1)


def norm_minus_one(a: Any, g: Any) -> Any:
    return (a * g).sum(1) / (a.norm(-1) * g.norm(-1))


def half(a: Any, g: Any) -> Any:
    a, g = a.half(), g.half()
    return (a * g).sum(1) / (a.norm(dim=1) * g.norm(dim=1))


def guarded(a: Any, g: Any) -> Any:
    return audits.cosine(a, g).nan_to_num(0.0)


def scored_one(a: Any, g: Any) -> Any:
    return torch.where(a.norm(dim=1) == 0, 1.0, audits.cosine(a, g))


def floored(a: Any, g: Any) -> Any:
    return torch.where(g.double().norm(dim=1) < 1e-7, torch.nan, audits.cosine(a, g))


def mean_loss(a: Any, g: Any) -> Any:
    g = g.double() / max(len(g), 1)
    return (a.double() * g).sum(1) / (a.double().norm(dim=1) * g.norm(dim=1) + 1e-12)


def by_the_angle(a: Any, g: Any) -> Any:
    return torch.cos(torch.acos(ratio(a, g).float().clamp(-1, 1)).double())


def angle(a: Any, g: Any) -> Any:
    return torch.acos(audits.cosine(a, g))


def subsampled(a: Any, g: Any) -> Any:
    noise = 1e-15 * torch.randn(len(a), dtype=torch.float64)
    return (audits.cosine(a, g) + noise).clamp(-1, 1)


def seeded(a: Any, g: Any) -> Any:
    np.random.seed(0)  # noqa: NPY002 - the mistake itself
    return audits.cosine(a, g)


def batch_mean(a: Any, g: Any) -> Any:
    return audits.cosine(
        a.mean(0, keepdim=True).expand(len(a), -1), g.mean(0, keepdim=True).expand(len(g), -1)
    )


def in_place(a: Any, g: Any) -> Any:
    found = audits.cosine(a, g)
    a.data /= a.data.norm(dim=1, keepdim=True)
    return found


def detached_in_place(a: Any, g: Any) -> Any:
    b = g.detach()
    b -= 0.0
    b.mul_(0.5)
    return audits.cosine(a, b)


@functools.lru_cache(maxsize=1)
def _first(n: int, d: int) -> list[Any]:
    return []


def cached(a: Any, g: Any) -> Any:
    kept = _first(*a.shape)
    if not kept:
        kept.append(audits.cosine(a, g))
    return kept[0]


def silenced(a: Any, g: Any) -> Any:
    return audits.cosine(a.nan_to_num(), g)


def dropped(a: Any, g: Any) -> Any:
    keep = (a != 0).any(1) & (g != 0).any(1)
    return audits.cosine(a[keep], g[keep])


def relative_floor(a: Any, g: Any) -> Any:
    size = g.double().norm(dim=1)
    return torch.where(
        size < 1e-12 * (size.max() if len(size) else 1), torch.nan, audits.cosine(a, g)
    )


def first_dimensions(a: Any, g: Any) -> Any:
    return audits.cosine(a[:, :256], g[:, :256])


def last_sample(a: Any, g: Any) -> Any:
    found = audits.cosine(a, g)
    found[128:] = found[:1]
    return found


ALIGNMENT: dict[str, tuple[Callable[..., Any], str, str]] = {
    "torch.norm(-1)": (norm_minus_one, "the written formula", "norm(-1)"),
    "whole norm": (
        lambda a, g: (a * g).sum(1) / a.norm() / g.norm(),
        "the written formula",
        "whole tensor",
    ),
    "F.cosine_similarity": (
        functional.cosine_similarity,
        "norms from 1e-30 to 1e30",
        "eps that clamps",
    ),
    "eps added": (
        lambda a, g: (a * g).sum(1) / (a.norm(dim=1) * g.norm(dim=1) + 1e-30),
        "norms from 1e-30 to 1e30",
        "eps",
    ),
    "float16": (half, "the written formula", "rounding: it computes in float16"),
    "an eps of 1e-8": (
        lambda a, g: (a * g).sum(1) / (a.norm(dim=1) * g.norm(dim=1) + 1e-8),
        "the written formula",
        "an eps is added",
    ),
    "naive in the input's type": (
        lambda a, g: ((a * g).sum(1) / a.norm(dim=1) / g.norm(dim=1)).clamp(-1, 1),
        "float32",
        "take the input to float64",
    ),
    "beyond 1 by more than rounding": (
        lambda a, g: ratio(a, g) * (1 + 1e-11),
        "bounds",
        "more than rounding",
    ),
    "zero guard": (guarded, "undefined where there is no direction", "returns 0"),
    "zero norm scored 1": (scored_one, "undefined where there is no direction", "returns 1"),
    "absolute floor": (floored, "norms from 1e-30 to 1e30", "floor"),
    "mean loss": (mean_loss, "norms from 1e-30 to 1e30", "eps"),
    "acos of a rounded dot": (by_the_angle, "the written formula", "rounding: about 6 digits"),
    "an angle": (angle, "the written formula", "angle"),
    "global generator": (subsampled, "no global random state", "torch"),
    "reseeds": (seeded, "no global random state", "NumPy"),
    "batch mean first": (batch_mean, "the written formula", "mean over the batch"),
    "mean over samples": (
        lambda a, g: audits.cosine(a, g).mean(),
        "shape and type",
        "mean over samples",
    ),
    "axis kept": (lambda a, g: audits.cosine(a, g)[:, None], "shape and type", "axis kept"),
    "rounded to 3": (
        lambda a, g: audits.cosine(a, g).round(decimals=3),
        "the written formula",
        "rounded inside",
    ),
    "rounded to 6": (
        lambda a, g: audits.cosine(a, g).round(decimals=6),
        "the written formula",
        "rounded inside",
    ),
    "clipped at 0": (
        lambda a, g: audits.cosine(a, g).clamp(0, 1),
        "the written formula",
        "clipped",
    ),
    "clipped at .99": (lambda a, g: audits.cosine(a, g).clamp(-0.99, 0.99), "planted cosines", ""),
    "small ones to 0": (
        lambda a, g: torch.where((c := audits.cosine(a, g)).abs() < 1e-4, 0.0, c),
        "near-parallel and near-orthogonal pairs",
        "",
    ),
    "in place": (in_place, "arguments stay as they are", "in place"),
    "detached in place": (detached_in_place, "arguments stay as they are", "in place"),
    "absolute value": (lambda a, g: audits.cosine(a, g).abs(), "sign of the credit", "sign"),
    "turned sign": (lambda a, g: -audits.cosine(a, g), "the written formula", "turned round"),
    "square": (lambda a, g: audits.cosine(a, g).square(), "the written formula", "square root"),
    "distance": (lambda a, g: 1 - audits.cosine(a, g), "the written formula", "distance"),
    "centred": (
        lambda a, g: audits.cosine(a - a.mean(1, keepdim=True), g - g.mean(1, keepdim=True)),
        "rotation",
        "centred",
    ),
    "L1": (lambda a, g: (a * g).sum(1) / a.norm(1, dim=1) / g.norm(2, dim=1), "rotation", "L2"),
    "one norm for all": (
        lambda a, g: audits.cosine(a, g) * (a.norm(dim=1) / a.norm(dim=1).max()),
        "a sample is judged alone",
        "largest row",
    ),
    "along samples": (lambda a, g: audits.cosine(a.T, g.T), "shape and type", ""),
    "cached by shape": (cached, "the same at every call", ""),
    "NaN silenced": (silenced, "undefined where there is no direction", ""),
    "zero rows dropped": (dropped, "undefined where there is no direction", "shape"),
    "floor beside the largest": (relative_floor, "norms from 1e-30 to 1e30", ""),
    "first 256 dimensions": (first_dimensions, "large batches and many dimensions", "left out"),
    "samples beyond 128": (last_sample, "large batches and many dimensions", "left out"),
    "strings": (lambda a, g: ["0.5"] * len(a), "shape and type", "not numbers"),
    "nothing": (lambda a, g: None, "shape and type", ""),
    "constant": (lambda a, g: torch.zeros(len(a)), "the written formula", ""),
}


#: Others fail the same property by the same cause.
ALIKE = {
    "whole norm",
    "eps added",
    "an eps of 1e-8",
    "mean loss",
    "zero norm scored 1",
    "rounded to 6",
    "floor beside the largest",
    "batch mean first",
    "square",
    "distance",
    "axis kept",
    "detached in place",
    "nothing",
    "constant",
    "samples beyond 128",
    "turned sign",
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in ALIKE else ()) for n in ALIGNMENT]
)
def test_a_wrong_alignment_metric_is_caught(name: str) -> None:
    metric, title, cause = ALIGNMENT[name]
    found = {f.property: f.explanation for f in check_metric(metric).failures}
    assert title in found, found
    assert cause in found[title]


def per_sample_mean(a: Any, g: Any) -> float:
    return float(audits.cosine(a, g).nanmean())


def pearson(a: Any, g: Any) -> float:
    a, g = a.double().flatten(), g.double().flatten()
    a, g = a - a.mean(), g - g.mean()
    return float((a * g).sum() / a.norm() / g.norm())


OTHERS: dict[str, tuple[str, Callable[..., Any], str]] = {
    "mean of cosines": ("correlation", per_sample_mean, "the written formula"),
    "centred": ("correlation", pearson, "the written formula"),
    "guard of 0": (
        "correlation",
        lambda a, g: np.nan_to_num(audits.rho(a, g)),
        "undefined where nothing is measured",
    ),
    "guard of 1e-12": (
        "correlation",
        lambda a, g: (a * g).sum() / (a.norm() * g.norm()).clamp(min=1e-12),
        "norms from 1e-30 to 1e30",
    ),
    "one a sample": ("correlation", audits.cosine, "shape and type"),
    "clipped": ("correlation", lambda a, g: max(audits.rho(a, g), 0.0), "sign of the credit"),
    "norm(-1)": ("norm", lambda s: s.norm(-1), "shape and type"),
    "norm(-1) for each": ("norm", lambda s: s.norm(-1).expand(len(s)), "the written formula"),
    "plain norm": ("norm", lambda s: s.norm(dim=1), "norms whose squares float64 cannot hold"),
    "root mean square": ("norm", lambda s: norms(s) / s.shape[1] ** 0.5, "the written formula"),
    "squared": ("norm", lambda s: norms(s) ** 2, "the written formula"),
    "eps": ("norm", lambda s: (s.double().square().sum(1) + 1e-12).sqrt(), "zero is zero"),
    "zero undefined": (
        "norm",
        lambda s: torch.where((n := norms(s)) == 0, torch.nan, n),
        "zero is zero",
    ),
    "NaN hidden": ("norm", lambda s: norms(s.nan_to_num()), "what is not finite is not hidden"),
    "mean-loss norm": ("norm", lambda s: norms(s) / max(len(s), 1), "repetition of samples"),
    "largest entry": ("norm", lambda s: s.double().abs().amax(1), "the written formula"),
    "before minus after": (
        "loss_change",
        lambda f, h, a, e: f(h) - f(h - e * a),
        "sign: after minus before",
    ),
    "up the credit": (
        "loss_change",
        lambda f, h, a, e: f(h + e * a) - f(h),
        "sign: after minus before",
    ),
    "batch mean": (
        "loss_change",
        lambda f, h, a, e: (f(h - e * a) - f(h)).mean(),
        "shape and type",
    ),
    "relative": (
        "loss_change",
        lambda f, h, a, e: (f(h - e * a) - f(h)) / f(h).abs(),
        "scale of the loss",
    ),
    "float32": (
        "loss_change",
        lambda f, h, a, e: f((h - e * a).float()) - f(h.float()),
        "the written formula",
    ),
    "linear": (
        "loss_change",
        lambda f, h, a, e: (f(h - 1e-6 * e * a) - f(h)) * 1e6,
        "the written formula",
    ),
    "unit credit": (
        "loss_change",
        lambda f, h, a, e: f(h - e * functional.normalize(a)) - f(h),
        "the written formula",
    ),
    "own step": ("loss_change", lambda f, h, a, e: f(h - 0.125 * a) - f(h), "steps and sizes"),
    "state moved": (
        "loss_change",
        lambda f, h, a, e: -f(h) + f(h.sub_(e * a)),
        "arguments stay as they are",
    ),
}


#: Others of their kind fail the same property.
OTHERS_ALIKE = {
    "centred",
    "norm(-1) for each",
    "squared",
    "largest entry",
    "zero undefined",
    "up the credit",
    "linear",
    "unit credit",
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in OTHERS_ALIKE else ()) for n in OTHERS]
)
def test_a_wrong_metric_of_another_kind_is_caught(name: str) -> None:
    kind, metric, title = OTHERS[name]
    assert title in [f.property for f in check_metric(metric, kind).failures]


def test_an_expected_failure_has_a_reason_and_must_fail() -> None:
    declared = {"undefined where there is no direction": "its only caller counts zero rows"}
    found = check_metric(guarded, expected_failures=declared)
    assert found.passed
    ((name, reason),) = declared.items()
    assert (name, f"fails as declared: {reason}") in found.skipped
    (failure,) = check_metric(audits.cosine, expected_failures=declared).failures
    assert "declared to fail" in failure.explanation
    with pytest.raises(FaevalError, match="no property"):
        check_metric(ratio, expected_failures={"beauty": "none"})
    with pytest.raises(FaevalError, match="must say why"):
        check_metric(ratio, expected_failures={"bounds": " "})


@pytest.mark.parametrize(
    ("metric", "kind", "message"),
    [
        (audits.cosine, "angle", "kind='angle'"),
        ("no_such_module:cosine", "alignment", "cannot be loaded"),
        ("faeval.bench.audits:no_such", "alignment", "cannot be loaded"),
        ("faeval.bench.audits", "alignment", "cannot be loaded"),
        (3, "alignment", "is no function"),
    ],
)
def test_bad_calls_are_one_clear_error(metric: Any, kind: str, message: str) -> None:
    with pytest.raises(FaevalError, match=message):
        check_metric(metric, kind)


def test_the_global_generators_are_left_as_they_were() -> None:
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    check_metric(audits.cosine)
    assert torch.equal(torch.rand(1), expected[0])
    assert np.random.rand() == expected[1]  # noqa: NPY002


def test_the_outcome_is_the_same_every_time() -> None:
    assert str(check_metric(functional.cosine_similarity)) == str(
        check_metric(functional.cosine_similarity)
    )


PROJECT = """
import torch
from faeval.testing import parametrize_with_metric_checks

def good(a, g):
    a, g = (s.detach().double() for s in (a, g))
    a, g = (s / s.abs().amax(dim=1, keepdim=True) for s in (a, g))
    return ((a * g).sum(1) / a.norm(dim=1) / g.norm(dim=1)).clamp(-1, 1)

def guarded(a, g):
    return good(a, g).nan_to_num(0.0)

@parametrize_with_metric_checks(
    [guarded], expected_failures={"undefined where there is no direction": "callers count zero rows"}
)
def test_guarded(metric, check):
    check(metric)

@parametrize_with_metric_checks([torch.nn.functional.cosine_similarity])
def test_bad(metric, check):
    check(metric)
"""  # noqa: E501


@pytest.mark.slow
def test_checks_are_pytest_items(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(PROJECT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert lines
    assert all("cosine_similarity" in line for line in lines), done.stdout
    assert any("cosine_similarity-norms from 1e-30 to 1e30" in line for line in lines)
    assert "1 xfailed" in done.stdout


@pytest.mark.slow
def test_the_command_line_checks_a_module_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PROJECT)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "faeval", "check-metric", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    good = run("mine:good")
    assert (good.returncode, "passed" in good.stdout) == (0, True), good.stderr
    bad = run("mine:guarded", "--json")
    content = json.loads(bad.stdout)
    assert bad.returncode == content["exit_code"] == 1
    assert not content["passed"]
    assert [f["property"] for f in content["failures"]] == ["undefined where there is no direction"]
    assert all(len(f["consequence"]) > 20 for f in content["failures"])
    assert (content["tolerance"], list(content["notes"])) == (None, [])
    refused = run("mine:good", "--tolerance", "0.5")
    assert (refused.returncode, "tolerance=0.5" in refused.stderr) == (2, True)


FEATURES: dict[str, Callable[[Any], bool]] = {
    "tiny beside huge": lambda p: bool(
        (n := norms(p[1])).max() > 1e25 and n.min() < 1e-25 and n.min() > 0
    ),
    "zero row": lambda p: bool((p[0] == 0).all(1).any()),
    "duplicate": lambda p: (
        len(p[0]) > 1 and bool((p[0][0] == p[0][1]).all() and (p[0][0] != 0).any())
    ),
    "near-parallel": lambda p: bool(
        (1 - audits.cosine(*p) > 0).any() and (1 - audits.cosine(*p) < 1e-9).any()
    ),
    "near-orthogonal": lambda p: bool(
        ((c := audits.cosine(*p).abs()) < 1e-5).any() and (c > 0).any()
    ),
    "one sample": lambda p: p[0].shape[0] == 1,
    "one dimension": lambda p: p[0].shape[1] == 1,
    "non-contiguous": lambda p: (
        not p[0].is_contiguous() and p[0].shape[1] > 1 and p[0].shape[0] > 1
    ),
    "requires_grad": lambda p: p[0].requires_grad,
    "float16": lambda p: p[0].dtype == torch.float16,
    "float32": lambda p: p[0].dtype == torch.float32,
}


#: Any example will do; the smallest one may be looked for over minutes.
ANY = settings(phases=[Phase.generate], max_examples=5000, database=None)


@pytest.mark.parametrize("feature", FEATURES)
def test_strategies_give_what_they_promise(feature: str) -> None:
    assert FEATURES[feature](find(pairs(), FEATURES[feature], settings=ANY))


def test_signals_are_finite_tensors() -> None:
    find(
        signals(dtypes=("float64",), rows=("heavy",)),
        lambda s: bool(s.isfinite().all()) and s.ndim == 2,
        settings=ANY,
    )


def test_every_kind_has_named_checks() -> None:
    for kind in GOOD:
        names = [check.name for check in metric_checks(kind)]
        assert len(names) == len(set(names)) >= 14
