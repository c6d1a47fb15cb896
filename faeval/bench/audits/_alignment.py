"""Alignment of credit signals with true gradients, in closed form, per sample, in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

#: A mean over samples needs this share of them defined; below it the mean itself is undefined.
DEFINED_SHARE = 0.99


#: Squares of norms in this range neither underflow nor overflow float64; rows outside it are scaled
#: first.
_SAFE = (1e-140, 1e140)


def _scaled(signal: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows divided by their largest entry, and those entries; zero rows stay zero."""
    largest = signal.abs().amax(dim=1) if signal.shape[1] else signal.new_zeros(len(signal))
    return signal / torch.where(largest > 0, largest, 1.0)[:, None], largest


def norms(signal: Tensor) -> Tensor:
    """Return the Euclidean norm of each row, (n,), float64; no square underflows or overflows."""
    signal = signal.detach().double()
    lengths: Tensor = torch.linalg.vector_norm(signal, dim=1)
    unsafe = ~_safe(lengths)
    if bool(unsafe.any()):
        scaled, largest = _scaled(signal[unsafe])
        lengths[unsafe] = torch.linalg.vector_norm(scaled, dim=1) * largest
    return lengths


def _safe(sizes: Tensor) -> Tensor:
    return (sizes > _SAFE[0]) & (sizes < _SAFE[1])


def cosine(credit: Tensor, gradient: Tensor) -> Tensor:
    """Return each sample's cosine between credit and gradient.

    Parameters
    ----------
    credit, gradient
        (n, d), any floating type; computed in float64. Rows may differ in norm by any factor that
        float64 holds.

    Returns
    -------
    Tensor
        (n,), float64, in [-1, 1]; NaN where either row is zero or not finite, never 0.

    Examples
    --------
    >>> credit = torch.tensor([[1e-30, 0.0], [0.0, 0.0]])
    >>> cosine(credit, torch.tensor([[1e30, 0.0], [1.0, 0.0]])).tolist()
    [1.0, nan]
    """
    return Pairs.of(credit, gradient).cosine


@dataclass(frozen=True)
class Pairs:
    """The norms and the cosine of each sample's credit and gradient, each (n,)."""

    credit: Tensor
    gradient: Tensor
    cosine: Tensor

    @classmethod
    def of(cls, credit: Tensor, gradient: Tensor) -> Pairs:
        """Reduce (n, d) credit and gradient, any floating type, in float64."""
        a, g = credit.detach().double(), gradient.detach().double()
        sizes = torch.linalg.vector_norm(a, dim=1), torch.linalg.vector_norm(g, dim=1)
        cosines = torch.linalg.vecdot(a, g) / sizes[0] / sizes[1]
        unsafe = ~(_safe(sizes[0]) & _safe(sizes[1]))
        if bool(unsafe.any()):  # those rows alone, so that no sample's bits depend on the others
            (a, top_a), (g, top_g) = _scaled(a[unsafe]), _scaled(g[unsafe])
            below = torch.linalg.vector_norm(a, dim=1), torch.linalg.vector_norm(g, dim=1)
            sizes[0][unsafe], sizes[1][unsafe] = below[0] * top_a, below[1] * top_g
            cosines[unsafe] = (
                torch.linalg.vecdot(a, g) / below[0] / below[1]
            )  # 0/0 is NaN: undefined
        # Rounding can pass 1 by a few ulp; clamping hides nothing beyond that, and keeps NaN.
        return cls(*sizes, cosines.clamp(-1.0, 1.0))

    def __getitem__(self, part: slice) -> Pairs:
        return Pairs(self.credit[part], self.gradient[part], self.cosine[part])

    def _relative(self) -> tuple[Tensor, Tensor] | None:
        """Return both norms relative to their largest, or None where rho is undefined.

        It is undefined without samples, where all are zero, and where one is not finite.
        """
        if not len(self.credit):
            return None
        top_a, top_g = self.credit.amax(), self.gradient.amax()
        sound = 0 < float(top_a) < math.inf and 0 < float(top_g) < math.inf  # False for NaN too
        return (self.credit / top_a, self.gradient / top_g) if sound else None

    def rho(self) -> float:
        """Return the perturbation correlation in closed form; see :func:`rho`."""
        relative = self._relative()
        if relative is None:
            return math.nan
        a, g = relative
        # A sample without credit or without gradient has no cosine, and no weight.
        product = torch.where((a > 0) & (g > 0), a * g * self.cosine, 0.0)
        return float(
            (product.sum() / (a.square().sum() * g.square().sum()).sqrt()).clamp(-1.0, 1.0)
        )

    def effective_samples(self) -> float:
        """Return how many samples rho really averages over; see :func:`effective_samples`."""
        relative = self._relative()
        if relative is None:
            return math.nan
        w = relative[0] * relative[1]
        w = w / w.amax() if bool(w.amax() > 0) else w
        return float(w.sum().square() / w.square().sum()) if bool(w.sum() > 0) else math.nan

    def rho_error(self, directions: int) -> float:
        """Return the Monte-Carlo standard error of rho read along random directions.

        See :func:`rho_error`.
        """
        relative = self._relative()
        if relative is None:
            return math.nan
        a, g = relative
        r, c = self.rho(), self.cosine.nan_to_num(nan=0.0)
        alpha, beta = a.square() / a.square().sum(), g.square() / g.square().sum()
        both = (alpha * beta).sqrt()
        variance = (
            alpha * beta * (1 + c.square())
            + r**2 / 2 * (alpha.square() + beta.square() + 2 * c.square() * alpha * beta)
            - 2 * r * c * both * (alpha + beta)
        )
        return math.sqrt(max(float(variance.sum()), 0.0) / directions)


def rho(credit: Tensor, gradient: Tensor) -> float:
    """Return the perturbation correlation in closed form.

    For isotropic directions v and a smooth loss, the correlation over samples and directions of
    <credit, v> with the loss change along v tends, as the step goes to 0, to sum_i <a_i, g_i> /
    sqrt(sum_i |a_i|^2 sum_i |g_i|^2).

    Parameters
    ----------
    credit, gradient
        (n, d), any floating type; computed in float64.

    Returns
    -------
    float
        In [-1, 1]; NaN where either is zero everywhere or not finite, or there is no sample.
    """
    return Pairs.of(credit, gradient).rho()


def effective_samples(credit: Tensor, gradient: Tensor) -> float:
    """Return how many samples rho really averages over: (sum w)^2 / sum w^2, w_i = |a_i| |g_i|.

    Between 1 and n.
    """
    return Pairs.of(credit, gradient).effective_samples()


def rho_error(credit: Tensor, gradient: Tensor, directions: int) -> float:
    """Return the Monte-Carlo standard error of rho read by finite differences, samples held fixed.

    By the delta method, sample by sample, for Gaussian directions. Where all samples are alike it
    is (1 - rho^2) / sqrt(effective samples * directions); a few heavy samples count as few, however
    many there are.

    Parameters
    ----------
    credit, gradient
        (n, d).
    directions
        Random directions for each sample.

    Examples
    --------
    >>> a = torch.eye(4)
    >>> rho_error(a, a.roll(1, 0), 25)  # 4 samples alike, rho 0: 1 / sqrt(4 * 25)
    0.1
    """
    return Pairs.of(credit, gradient).rho_error(directions)


@dataclass(frozen=True)
class Mean:
    """A mean over samples, and the share of them in which it was defined.

    NaN where that share is below 99 %.
    """

    value: float
    share: float


def sample_mean(values: Tensor) -> Mean:
    """Return the mean over the defined samples of (n,) values; see :class:`Mean`."""
    defined = values[values.isfinite()]
    share = len(defined) / max(len(values), 1)
    return Mean(float(defined.mean()) if share >= DEFINED_SHARE else float("nan"), share)
