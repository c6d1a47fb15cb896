"""Signals of known alignment, made of a checkpoint's own gradient, for the controls."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from faeval.bench.audits._alignment import norms

#: Cosines of the planted mixtures: the dose that an instrument must read back.
DOSES = (0.0, 0.1, 0.3, 1.0)


def noise(gradient: Tensor, draw: np.random.Generator) -> Tensor:
    """Return a random vector for each sample, (n, d), of the norm of its gradient.

    So samples weigh alike in both controls.
    """
    random = torch.from_numpy(draw.standard_normal(tuple(gradient.shape))).to(gradient)
    return random * (norms(gradient) / norms(random))[:, None]


def planted(gradient: Tensor, cosine: float, draw: np.random.Generator) -> Tensor:
    """Return a signal with the cosine asked for at every sample, and the gradient's norm.

    Parameters
    ----------
    gradient
        (n, d), float64, d at least 2; a zero row stays zero.
    cosine
        In [-1, 1].
    draw
        The stream that the part orthogonal to the gradient comes from.
    """
    size = norms(gradient)
    unit = gradient / torch.where(size > 0, size, 1.0)[:, None]
    other = torch.from_numpy(draw.standard_normal(tuple(gradient.shape))).to(gradient)
    for _ in range(2):  # a second time removes what rounding left of the gradient in the first
        other = other - torch.linalg.vecdot(other, unit)[:, None] * unit
    other = other / norms(other)[:, None]
    mixed: Tensor = size[:, None] * (cosine * unit + (1 - cosine**2) ** 0.5 * other)
    return mixed


def shuffled(credit: Tensor, draw: np.random.Generator) -> Tensor:
    """Return the credit of another sample for each, (n, d): right marginals, wrong pairing.

    A cyclic shift of a random order, so that no sample keeps its own.
    """
    n = len(credit)
    order = draw.permutation(n)
    partner = np.empty(n, dtype=np.int64)
    partner[order] = np.roll(order, 1)
    return credit[torch.from_numpy(partner).to(credit.device)]
