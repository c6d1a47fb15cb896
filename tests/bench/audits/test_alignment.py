"""Cosine, rho and effective samples against arbitrary precision, over 60 orders of magnitude."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath  # type: ignore[import-untyped] # it ships no types
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings, strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from faeval.bench.audits import cosine, effective_samples, pooled_correlation, rho, sample_mean

Array = NDArray[np.float64]
mpmath.mp.dps = 60


@st.composite
def signals(draw: st.DrawFn, low: int = -30, high: int = 30) -> tuple[Tensor, Tensor]:
    """Two (n, d) signals, every row at a norm of its own between 1e-30 and 1e30."""
    n, d = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    exponents = st.lists(st.integers(low, high), min_size=n, max_size=n)
    credit, gradient = (
        random.standard_normal((n, d)) * 10.0 ** np.array(draw(exponents))[:, None]
        for _ in range(2)
    )
    mix = draw(st.sampled_from([0.0, 0.3, 7.7, -7.7]))  # from unrelated to (anti)parallel
    scale = np.abs(credit).max() / np.abs(gradient).max()
    return torch.from_numpy(credit + mix * scale * gradient), torch.from_numpy(gradient)


def dot(a: list[float], b: list[float]) -> mpmath.mpf:
    return mpmath.fsum(mpmath.mpf(x) * mpmath.mpf(y) for x, y in zip(a, b, strict=True))


def exact_cosine(credit: Tensor, gradient: Tensor) -> list[float]:
    rows = zip(credit.tolist(), gradient.tolist(), strict=True)
    return [float(dot(a, g) / mpmath.sqrt(dot(a, a) * dot(g, g))) for a, g in rows]


def exact_rho(credit: Tensor, gradient: Tensor) -> float:
    rows = list(zip(credit.tolist(), gradient.tolist(), strict=True))
    below = mpmath.fsum(dot(a, a) for a, _ in rows) * mpmath.fsum(dot(g, g) for _, g in rows)
    return float(mpmath.fsum(dot(a, g) for a, g in rows) / mpmath.sqrt(below))


def exact_effective_samples(credit: Tensor, gradient: Tensor) -> float:
    rows = zip(credit.tolist(), gradient.tolist(), strict=True)
    weights = [mpmath.sqrt(dot(a, a) * dot(g, g)) for a, g in rows]
    return float(mpmath.fsum(weights) ** 2 / mpmath.fsum(w * w for w in weights))


@settings(max_examples=75)
@given(signals())
def test_cosine_is_exact_at_any_norm(pair: tuple[Tensor, Tensor]) -> None:
    found = cosine(*pair)
    assert found.dtype == torch.float64
    assert found.tolist() == pytest.approx(exact_cosine(*pair), abs=4e-15)
    assert bool((found.abs() <= 1).all())


@settings(max_examples=50)
@given(signals())
def test_rho_is_exact_at_any_norm(pair: tuple[Tensor, Tensor]) -> None:
    found = rho(*pair)
    assert found == pytest.approx(exact_rho(*pair), abs=1e-14)
    assert -1 <= found <= 1


@settings(max_examples=50)
@given(signals())
def test_effective_samples_are_exact_and_lie_between_one_and_n(pair: tuple[Tensor, Tensor]) -> None:
    found = effective_samples(*pair)
    assert found == pytest.approx(exact_effective_samples(*pair), rel=1e-12)
    assert 1 - 1e-12 <= found <= len(pair[0]) * (1 + 1e-12)


@settings(max_examples=30)
@given(
    pair=signals(-2, 2),
    first=st.sampled_from([-290, -200, 200, 290]),
    second=st.sampled_from([-290, -200, 200, 290]),
)
def test_squares_that_leave_float64_do_not_matter(
    pair: tuple[Tensor, Tensor], first: int, second: int
) -> None:
    scaled = 10.0**first * pair[0], 10.0**second * pair[1]
    assert cosine(*scaled).tolist() == pytest.approx(exact_cosine(*pair), abs=4e-15)
    assert rho(*scaled) == pytest.approx(exact_rho(*pair), abs=1e-14)


@settings(max_examples=50)
@given(signals(-20, 20))
def test_float32_signals_are_read_in_float64(pair: tuple[Tensor, Tensor]) -> None:
    credit, gradient = (s.float() for s in pair)
    assert cosine(credit, gradient).tolist() == pytest.approx(
        exact_cosine(credit, gradient), abs=4e-15
    )
    assert rho(credit, gradient) == pytest.approx(exact_rho(credit, gradient), abs=1e-14)


@settings(max_examples=40)
@given(pair=signals(), first=st.integers(-30, 30), second=st.integers(-30, 30), flip=st.booleans())
def test_alignment_knows_direction_not_size(
    pair: tuple[Tensor, Tensor], first: int, second: int, flip: bool
) -> None:
    credit, gradient = pair
    sign = -1.0 if flip else 1.0
    scaled = sign * 10.0**first * credit, 10.0**second * gradient
    assert cosine(*scaled).tolist() == pytest.approx((sign * cosine(*pair)).tolist(), abs=4e-15)
    assert rho(*scaled) == pytest.approx(sign * rho(*pair), abs=1e-14)
    assert effective_samples(*scaled) == pytest.approx(effective_samples(*pair), rel=1e-12)


@settings(max_examples=40)
@given(pair=signals(), seed=st.integers(0, 999))
def test_the_order_of_samples_and_of_dimensions_does_not_matter(
    pair: tuple[Tensor, Tensor], seed: int
) -> None:
    credit, gradient = pair
    draw = torch.Generator().manual_seed(seed)
    rows, columns = (torch.randperm(k, generator=draw) for k in credit.shape)
    shuffled = credit[rows][:, columns], gradient[rows][:, columns]
    assert cosine(*shuffled).tolist() == pytest.approx(cosine(*pair)[rows].tolist(), abs=4e-15)
    assert rho(*shuffled) == pytest.approx(rho(*pair), abs=1e-14)
    assert effective_samples(*shuffled) == pytest.approx(effective_samples(*pair), rel=1e-12)


@settings(max_examples=40)
@given(signals())
def test_a_signal_agrees_with_itself_whatever_its_norm(pair: tuple[Tensor, Tensor]) -> None:
    gradient = pair[1]
    np.testing.assert_allclose(cosine(gradient, gradient).numpy(), 1.0, atol=4e-15)
    np.testing.assert_allclose(cosine(gradient, -gradient).numpy(), -1.0, atol=4e-15)
    assert rho(gradient, gradient) == pytest.approx(1.0, abs=1e-14)


def test_rho_of_two_samples_is_the_pooled_ratio_not_a_mean_of_cosines() -> None:
    # By hand: <a,g> = 1 and 0; |a|^2 = 1 and 4, |g|^2 = 1 and 1; rho = 1 / sqrt(5 * 2), mean cosine
    # 1/2.
    credit = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    gradient = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert cosine(credit, gradient).tolist() == [1.0, 0.0]
    assert rho(credit, gradient) == pytest.approx(1 / math.sqrt(10), abs=1e-15)
    # Weights |a||g| = 1 and 2: (1 + 2)^2 / (1 + 4).
    assert effective_samples(credit, gradient) == pytest.approx(9 / 5, abs=1e-14)


def test_effective_samples_at_their_bounds() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = functional.normalize(torch.randn(50, 6, generator=draw, dtype=torch.float64))
    assert effective_samples(3 * rows, 5 * rows.roll(1, 0)) == pytest.approx(50)
    one = torch.zeros_like(rows)
    one[7] = 1.0
    assert effective_samples(one, rows) == pytest.approx(1)


METRICS: dict[str, Callable[[Tensor, Tensor], float]] = {
    "rho": rho,
    "effective_samples": effective_samples,
}
BAD_ROWS = [[0.0, 0.0, 0.0], [math.nan, 1.0, 0.0], [math.inf, 1.0, 0.0], [-math.inf, math.inf, 0.0]]


@pytest.mark.parametrize("bad", BAD_ROWS, ids=["zero", "nan", "inf", "infs"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_row_without_a_direction_is_undefined_never_zero_or_one(
    bad: list[float], side: int
) -> None:
    draw = torch.Generator().manual_seed(0)
    pair = [torch.randn(4, 3, generator=draw, dtype=torch.float64) for _ in range(2)]
    expected = cosine(*pair)
    pair[side][2] = torch.tensor(bad)
    found = cosine(*pair)
    assert found.isnan().tolist() == [False, False, True, False]
    assert torch.equal(found[[0, 1, 3]], expected[[0, 1, 3]])


@pytest.mark.parametrize("bad", BAD_ROWS, ids=["zero", "nan", "inf", "infs"])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("name", METRICS)
def test_pooled_metrics_are_undefined_where_a_side_is_nowhere_defined(
    name: str, bad: list[float], side: int
) -> None:
    pair = [torch.ones(3, 3, dtype=torch.float64) for _ in range(2)]
    pair[side][:] = torch.tensor(bad)
    assert math.isnan(METRICS[name](*pair))
    pair[1 - side][:] = 0.0
    assert math.isnan(METRICS[name](*pair))


def test_rho_gives_a_zero_row_no_weight_and_a_row_that_is_not_finite_no_hiding_place() -> None:
    draw = torch.Generator().manual_seed(0)
    credit, gradient = (torch.randn(5, 3, generator=draw, dtype=torch.float64) for _ in range(2))
    zero = torch.cat([credit, torch.zeros(1, 3)]), torch.cat([gradient, torch.zeros(1, 3)])
    assert rho(*zero) == pytest.approx(rho(credit, gradient), abs=1e-15)
    assert effective_samples(*zero) == pytest.approx(effective_samples(credit, gradient))
    credit[0, 0] = math.nan
    assert math.isnan(rho(credit, gradient))
    assert math.isnan(effective_samples(credit, gradient))


def test_the_library_s_cosine_clamps_small_norms_and_ours_does_not() -> None:
    # A mistake made in this field: F.cosine_similarity clamps at 1e-8; late gradients are smaller.
    draw = torch.Generator().manual_seed(0)
    gradient = 1e-10 * torch.randn(8, 16, generator=draw)
    library = functional.cosine_similarity(gradient, gradient)
    assert float(library.abs().max()) < 0.1
    np.testing.assert_allclose(cosine(gradient, gradient).numpy(), 1.0, atol=1e-14)
    large = 1e10 * gradient
    np.testing.assert_allclose(functional.cosine_similarity(large, large).numpy(), 1.0, atol=1e-6)


def test_the_norm_is_the_l2_norm_of_a_row() -> None:
    # A mistake made in this field: tensor.norm(-1) is the L_{-1} norm of the whole tensor.
    rows = torch.tensor([[3.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    assert cosine(rows, torch.tensor([[4.0, 3.0], [2.0, 0.0]])).tolist() == pytest.approx(
        [24 / 25, 0.0]
    )


@pytest.mark.parametrize(
    ("undefined", "expected"), [(0, 0.5), (1, 0.5), (2, math.nan), (100, math.nan)]
)
def test_a_mean_needs_99_percent_of_samples_defined(undefined: int, expected: float) -> None:
    values = torch.full((100,), 0.5, dtype=torch.float64)
    values[:undefined] = math.nan
    mean = sample_mean(values)
    assert mean.share == pytest.approx(1 - undefined / 100)
    assert mean.value == pytest.approx(expected, nan_ok=True)


def test_a_mean_over_samples_leaves_the_undefined_out() -> None:
    values = torch.arange(200, dtype=torch.float64)
    values[[3, 150]] = torch.tensor([math.nan, math.inf], dtype=torch.float64)
    assert sample_mean(values).value == pytest.approx((199 * 100 - 153) / 198)
    assert math.isnan(sample_mean(torch.empty(0)).value)


def case(seed: int, n: int, d: int, spread: float, mix: float) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    gradient = draw.standard_normal((n, d)) * np.exp(spread * draw.standard_normal((n, 1)))
    credit = mix * gradient + draw.standard_normal((n, d)) * np.exp(
        spread * draw.standard_normal((n, 1))
    )
    return credit, gradient


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("spread", "mix"), [(0.0, 0.0), (0.0, 0.3), (1.0, 0.2), (1.5, -1.0)])
@pytest.mark.parametrize("unit", [False, True], ids=["gaussian", "unit"])
def test_rho_is_the_limit_of_the_correlation_over_random_directions(
    seed: int, spread: float, mix: float, unit: bool
) -> None:
    # The correlation of <a,v> with <g,v>, over samples and isotropic v. The standard error is the
    # delta method's for a Pearson correlation: the spread of z_p z_o - r (z_p^2 + z_o^2) / 2 over
    # pairs.
    credit, gradient = case(seed, 64, 20, spread, mix)
    draw = np.random.default_rng(1000 + seed)
    v = draw.standard_normal((400, *credit.shape))
    if unit:
        v /= np.linalg.norm(v, axis=2, keepdims=True)
    p, o = ((v * s).sum(2).ravel() for s in (credit, gradient))
    r = float(np.corrcoef(p, o)[0, 1])
    zp, zo = ((s - s.mean()) / s.std() for s in (p, o))
    error = float(np.std(zp * zo - r * (zp**2 + zo**2) / 2) / math.sqrt(p.size))
    closed = rho(torch.from_numpy(credit), torch.from_numpy(gradient))
    assert abs(r - closed) < 3 * error
    assert pooled_correlation(torch.from_numpy(p), torch.from_numpy(o)) == pytest.approx(
        r, abs=1e-12
    )


@settings(max_examples=40)
@given(pair=signals(-30, 30))
@example((torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0, 5.0]])))
def test_pooled_correlation_is_pearson_s(pair: tuple[Tensor, Tensor]) -> None:
    p, o = ([mpmath.mpf(v) for v in s.double().flatten().tolist()] for s in pair)
    centred = [[v - mpmath.fsum(s) / len(s) for v in s] for s in (p, o)]
    below = mpmath.sqrt(
        mpmath.fsum(v * v for v in centred[0]) * mpmath.fsum(v * v for v in centred[1])
    )
    found = pooled_correlation(*pair)
    if below == 0:
        assert math.isnan(found)
    else:
        expected = mpmath.fsum(a * b for a, b in zip(*centred, strict=True)) / below
        assert found == pytest.approx(float(expected), abs=1e-11)


@pytest.mark.parametrize("value", [0.0, 3.5, 1e-300])
def test_a_constant_side_has_no_correlation(value: float) -> None:
    constant, varying = (
        torch.full((4, 2), value, dtype=torch.float64),
        torch.arange(8.0).reshape(4, 2),
    )
    assert math.isnan(pooled_correlation(constant, varying))
    assert math.isnan(pooled_correlation(varying, constant))


@pytest.mark.parametrize("n", [3, 9, 100])
def test_a_constant_whose_mean_rounds_has_no_correlation_either(n: int) -> None:
    # The mean of 0.1 over 3 values is one ulp off: centring leaves a "spread" that would read as a
    # correlation of 1e-16.
    assert math.isnan(
        pooled_correlation(torch.full((n,), 0.1, dtype=torch.float64), torch.arange(float(n)))
    )


@pytest.mark.parametrize("metric", [rho, effective_samples, pooled_correlation])
def test_no_samples_is_undefined(metric: Callable[[Tensor, Tensor], float]) -> None:
    assert math.isnan(metric(torch.empty(0, 4), torch.empty(0, 4)))
