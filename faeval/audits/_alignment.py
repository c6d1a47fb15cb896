"""Alignment of credit signals with true gradients, in closed form, per sample, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: A mean over samples needs this share of them defined; below it the mean itself is undefined.
DEFINED_SHARE = 0.99


def _scaled(signal: Tensor) -> Tensor:
    """Return rows divided by their largest entry, so that no square underflows or overflows; zero rows stay zero."""
    largest = signal.abs().amax(dim=1, keepdim=True)
    return signal / torch.where(largest > 0, largest, 1.0)


def cosine(credit: Tensor, gradient: Tensor) -> Tensor:
    """Return each sample's cosine between credit and gradient.

    Parameters
    ----------
    credit, gradient
        (n, d), any floating type; computed in float64. Rows may differ in norm by any factor that float64 holds.

    Returns
    -------
    Tensor
        (n,), float64, in [-1, 1]; NaN where either row is zero or not finite, never 0.

    Examples
    --------
    >>> cosine(torch.tensor([[1e-30, 0.0], [0.0, 0.0]]), torch.tensor([[1e30, 0.0], [1.0, 0.0]])).tolist()
    [1.0, nan]
    """
    a, g = _scaled(credit.double()), _scaled(gradient.double())
    product = (a * g).sum(dim=1)
    norms = a.norm(dim=1) * g.norm(dim=1)
    # Rounding can pass 1 by a few ulp; clamping hides nothing beyond that, and keeps NaN.
    return torch.where(norms > 0, product / norms, torch.nan).clamp(-1.0, 1.0)


def rho(credit: Tensor, gradient: Tensor) -> float:
    """Return the perturbation correlation in closed form.

    For isotropic directions v and a smooth loss, the correlation over samples and directions of <credit, v> with the
    loss change along v tends, as the step goes to 0, to sum_i <a_i, g_i> / sqrt(sum_i |a_i|^2 sum_i |g_i|^2).

    Parameters
    ----------
    credit, gradient
        (n, d).

    Returns
    -------
    float
        In [-1, 1]; NaN where either is zero everywhere or not finite, or there is no sample.
    """
    if not len(credit):
        return float("nan")
    a, g = credit.double(), gradient.double()
    a, g = (s / m if (m := s.abs().amax()) > 0 else s for s in (a, g))
    norms = (a.square().sum() * g.square().sum()).sqrt()
    return float(((a * g).sum() / norms).clamp(-1.0, 1.0)) if norms > 0 else float("nan")


def effective_samples(credit: Tensor, gradient: Tensor) -> float:
    """Return how many samples rho really averages over: (sum w)^2 / sum w^2, w_i = |a_i| |g_i|; between 1 and n."""
    if not len(credit):
        return float("nan")
    a, g = (s.double().norm(dim=1) for s in (credit, gradient))
    w = (a / a.amax()) * (g / g.amax()) if a.amax() > 0 and g.amax() > 0 else a * g
    return float(w.sum().square() / w.square().sum()) if w.sum() > 0 else float("nan")


@dataclass(frozen=True)
class Mean:
    """A mean over samples, and the share of them in which it was defined; NaN where that share is below 99 %."""

    value: float
    share: float


def sample_mean(values: Tensor) -> Mean:
    """Return the mean over the defined samples of (n,) values; see :class:`Mean`."""
    defined = values[values.isfinite()]
    share = len(defined) / max(len(values), 1)
    return Mean(float(defined.mean()) if share >= DEFINED_SHARE else float("nan"), share)
