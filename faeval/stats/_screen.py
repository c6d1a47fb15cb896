"""A screen over many hypotheses: which of them deserve a registered claim. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faeval._arguments import level, p_values


@dataclass(frozen=True)
class Screen:
    """What a screen picked. `label` is printed wherever it is shown: a pick is a lead, not a
    verdict.
    """

    picked: tuple[bool, ...]
    adjusted: tuple[float, ...]
    label: str


def screen(p: Sequence[float], q: float = 0.05) -> Screen:
    """Pick hypotheses at false discovery rate `q` (Benjamini-Hochberg [1]_).

    Parameters
    ----------
    p
        Shape (m,), one p-value each.
    q
        The expected share of wrong picks among all, in (0, 0.5], where p-values are independent or
        positively dependent. It bounds no chance of any wrong pick: claims of a family are decided
        by :func:`decide_family`.

    Returns
    -------
    Screen
        Picked exactly where the adjusted value is at most q.

    Raises
    ------
    FaevalError
        For p outside [0, 1] or q outside (0, 0.5].

    References
    ----------
    .. [1] Y. Benjamini and Y. Hochberg, J. R. Statist. Soc. B 57 (1995).

    Examples
    --------
    >>> screen([0.01, 0.02, 0.03, 0.9]).picked
    (True, True, True, False)
    """
    values, q = np.array(p_values("p", p)), level("q", q)
    m = len(values)
    order = np.argsort(values)
    scaled = values[order] * m / np.arange(1, m + 1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    label = f"screen at false discovery rate {q:g} (Benjamini-Hochberg): leads, no verdicts"
    return Screen(tuple((adjusted <= q).tolist()), tuple(adjusted.tolist()), label)
