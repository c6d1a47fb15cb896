"""Families of claims: Holm's step-down once per direction, and the verdict of each claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from faeval.errors import FaevalError
from faeval.stats._checks import level, p_values

Word: TypeAlias = Literal["supported", "refuted", "inconclusive"]


@dataclass(frozen=True)
class HolmResult:
    """What Holm's procedure rejects in one direction.

    `rejected[i]` holds exactly where p[i] <= `level`, and exactly where `adjusted[i]` <= alpha.
    """

    rejected: tuple[bool, ...]
    level: float
    adjusted: tuple[float, ...]


@dataclass(frozen=True)
class Decision:
    """The verdict of one claim of a family, the level it met in each direction, and its adjusted p-values."""

    verdict: Word
    level_support: float
    level_refute: float
    adjusted_support: float
    adjusted_refute: float


def holm(p: Sequence[float], alpha: float) -> HolmResult:
    """Holm's step-down procedure [1]_: P(any wrong rejection) <= alpha under any dependence.

    Parameters
    ----------
    p
        Shape (m,), one p-value for each member of the family; members that were not run count with 1.
    alpha
        The family's error rate, in (0, 0.5].

    Returns
    -------
    HolmResult
        `level` is alpha / max(1, m - R) after R rejections: comparing each p with it gives the same rejections.

    Raises
    ------
    FaevalError
        For p outside [0, 1] or NaN, or alpha outside (0, 0.5].

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03], alpha=0.05)
    HolmResult(rejected=(True, False, False), level=0.025, adjusted=(0.03, 0.06, 0.06))
    """
    p, alpha = p_values("p", p), level("alpha", alpha)
    m = len(p)
    order = sorted(range(m), key=p.__getitem__)
    steps = 0
    while steps < m and p[order[steps]] <= alpha / (m - steps):
        steps += 1
    final = alpha / max(1, m - steps)
    adjusted = [1.0] * m
    largest = 0.0
    for step, i in enumerate(order):
        largest = max(largest, min(1.0, (m - step) * p[i]))
        # (m - R) p <= alpha and p <= alpha / (m - R) may differ in the last bit; the verdict is the second.
        adjusted[i] = min(largest, alpha) if p[i] <= final else max(largest, math.nextafter(alpha, 1.0))
    return HolmResult(tuple(x <= final for x in p), final, tuple(adjusted))


def decide_family(p_support: Sequence[float], p_refute: Sequence[float], alpha: float) -> list[Decision]:
    """Verdicts of one family: Holm at alpha over the m values p+, and Holm at alpha over the m values p-.

    P(any wrong support) <= alpha and P(any wrong refutation) <= alpha, each under any dependence between claims.

    Parameters
    ----------
    p_support, p_refute
        Shape (m,), one pair for each registered claim, in the same order; unrun and invalid ones count with 1.
    alpha
        In (0, 0.5], for each of the two errors.

    Returns
    -------
    list of Decision
        In the order given. A claim rejected in both directions stays inconclusive: its numbers contradict each other.

    Raises
    ------
    FaevalError
        For lengths that differ, p outside [0, 1], or alpha outside (0, 0.5].

    Examples
    --------
    >>> [d.verdict for d in decide_family([0.001, 0.9, 1.0], [0.999, 0.1, 1.0], alpha=0.05)]
    ['supported', 'inconclusive', 'inconclusive']
    """
    if len(p_support) != len(p_refute):
        raise FaevalError(
            f"p_support and p_refute must be of one length, but have {len(p_support)} and {len(p_refute)} values "
            "(lengths); give one pair for each claim of the family"
        )
    support, refute = holm(p_support, alpha), holm(p_refute, alpha)
    return [
        Decision(word(yes, no), support.level, refute.level, adjusted_support, adjusted_refute)
        for yes, no, adjusted_support, adjusted_refute in zip(
            support.rejected, refute.rejected, support.adjusted, refute.adjusted, strict=True
        )
    ]


def word(supported: bool, refuted: bool) -> Word:
    """The three-way rule; both at once happens only at alpha = .5, where the estimate lies on the margin."""
    if supported == refuted:
        return "inconclusive"
    return "supported" if supported else "refuted"
