"""Hypothesis strategies for credit signals and gradients.

They cover all that training late and deep makes of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
#: What a row of a pair may be: unrelated, nearly parallel or orthogonal, repeated, heavy-tailed, of
#: no or any norm.
ROWS = (
    "plain",
    "parallel",
    "opposite",
    "orthogonal",
    "duplicate",
    "heavy",
    "sparse",
    "zero credit",
    "zero gradient",
)
_RANGE = {
    "float64": 30,
    "float32": 30,
    "float16": 2,
}  # decades of the norm that a type holds, entries included


def make_pair(
    n: int, d: int, seed: int, kinds: list[str], decades: list[tuple[int, int]]
) -> tuple[Array, Array]:
    """Return credit and gradient (n, d) whose row k is of a kind.

    With norms of about 10 to the decades.
    """
    draw = np.random.default_rng(seed)
    credit, gradient = draw.standard_normal((n, d)), draw.standard_normal((n, d))
    for k, kind in enumerate(kinds[:n]):
        if kind == "duplicate" and k:
            credit[k], gradient[k] = credit[k - 1], gradient[k - 1]
        else:
            _shape_rows(kind, credit[k], gradient[k], draw)
    credit *= 10.0 ** np.array([a for a, _ in decades[:n]])[:, None]
    gradient *= 10.0 ** np.array([g for _, g in decades[:n]])[:, None]
    for k, kind in enumerate(kinds[:n]):
        if kind == "zero credit":
            credit[k] = 0.0
        elif kind == "zero gradient":
            gradient[k] = 0.0
    return credit, gradient


def _shape_rows(kind: str, credit: Array, gradient: Array, draw: np.random.Generator) -> None:
    """Make one row of each (d,) what the kind says, in place."""
    d = len(credit)
    if kind in ("parallel", "opposite"):
        sign = 1.0 if kind == "parallel" else -1.0
        noise = 1e-6 * np.linalg.norm(gradient) * draw.standard_normal(d)
        credit[:] = sign * gradient + noise
    elif kind == "orthogonal" and d > 1:
        unit = gradient / np.linalg.norm(gradient)
        credit += (1e-6 - credit @ unit) * unit
    elif kind == "heavy":
        credit *= draw.standard_t(1.5, d)
    elif kind == "sparse" and d > 1:  # a first entry of 0, and whole numbers that add up to 0
        for row in (credit, gradient):
            row[:] = np.round(4 * row)
            row[0], row[-1] = 0.0, 0.0
            row[-1] = -row.sum() if row.any() else 1.0


@st.composite
def arrays(
    draw: Any,
    rows: tuple[str, ...] = ("plain",),
    decades: int = 0,
    samples: tuple[int, int] = (1, 5),
    least: int = 1,
) -> tuple[Array, Array]:
    """Draw credit and gradient as NumPy arrays (n, d) in float64; small ones first."""
    n, d = draw(st.integers(*samples)), draw(st.integers(least, 5))
    kinds = draw(st.lists(st.sampled_from(rows), min_size=n, max_size=n))
    power = st.integers(-decades, decades)
    powers = draw(st.lists(st.tuples(power, power), min_size=n, max_size=n))
    return make_pair(n, d, draw(st.integers(0, 50)), kinds, powers)


@st.composite
def pairs(
    draw: Any,
    dtypes: tuple[str, ...] = ("float64", "float32", "float16"),
    rows: tuple[str, ...] = ROWS,
    requires_grad: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw credit and gradient: two (n, d) tensors of one type, as an alignment metric gets them.

    Needs the extras ``bench`` and ``test-kit``.

    Parameters
    ----------
    dtypes
        Floating types to draw from.
    rows
        Kinds of rows, of :data:`ROWS`: unrelated, nearly parallel, opposite or orthogonal pairs,
        duplicates, heavy tails, sparse rows, zero rows.
    requires_grad
        Whether the tensors ask for gradients; None draws it.

    Returns
    -------
    strategy
        Of pairs with 1 to 5 samples in 1 to 5 dimensions; norms from 1e-30 to 1e30 mixed in one
        batch (as far as the type holds them); contiguous, transposed or strided in memory.

    Examples
    --------
    >>> from hypothesis import Phase, find, settings
    >>> first = settings(phases=[Phase.generate])  # not the smallest there is
    >>> def has_zero_row(pair):
    ...     return bool((pair[0] == 0).all(1).any())
    >>> credit, gradient = find(pairs(dtypes=("float32",)), has_zero_row, settings=first)
    >>> bool((credit == 0).all(1).any())
    True
    """
    name = draw(st.sampled_from(dtypes))
    dtype = getattr(torch, name)
    asks = draw(st.booleans()) if requires_grad is None else requires_grad
    tensors = []
    for array in draw(arrays(rows, _RANGE[name])):
        tensor = laid_out(torch.from_numpy(array).to(dtype), draw(st.sampled_from(LAYOUTS)))
        tensors.append(tensor.requires_grad_() if asks else tensor)
    return tensors[0], tensors[1]


def signals(**options: Any) -> st.SearchStrategy[Tensor]:
    """Draw one signal (n, d): the credit of :func:`pairs`, whose options it takes.

    Needs the extras ``bench`` and ``test-kit``.
    """
    return pairs(**options).map(lambda pair: pair[0])


LAYOUTS = ("contiguous", "transposed", "strided", "offset")


def laid_out(tensor: Tensor, layout: str) -> Tensor:
    """Return the same numbers in other memory."""
    if layout == "transposed":
        return tensor.T.contiguous().T
    if layout == "strided":
        n, d = tensor.shape
        wide = torch.full((2 * n, 3 * d), 7.0, dtype=tensor.dtype)
        wide[::2, ::3] = tensor
        return wide[::2, ::3]
    if layout == "offset":  # a view that does not begin where its memory does
        return torch.cat([torch.full_like(tensor[:1], 7.0), tensor])[1:]
    return tensor.clone()
