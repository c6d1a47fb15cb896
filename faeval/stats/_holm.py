"""Families of claims: Holm's step-down in each direction, verdicts, and gates.

Gates are a filter after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faeval._arguments import Array, level, p_values, refuse
from faeval.errors import FaevalError

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
    """The verdict of one claim of a family, its levels and its adjusted p-values.

    There is one of each in each direction.

    `look` counts the looks up to the one at which it was decided, from 1; None while it is open.
    """

    verdict: Word
    level_support: float
    level_refute: float
    adjusted_support: float
    adjusted_refute: float
    look: int | None = None


def holm(p: Sequence[float], alpha: float) -> HolmResult:
    """Holm's step-down procedure [1]_: P(any wrong rejection) <= alpha under any dependence.

    Parameters
    ----------
    p
        Shape (m,), one p-value for each member of the family; members that were not run count with
        1.
    alpha
        The family's error rate, in (0, 0.5].

    Returns
    -------
    HolmResult
        `level` is alpha / max(1, m - R) after R rejections: comparing each p with it gives the same
        rejections.

    Raises
    ------
    FaevalError
        For p outside [0, 1] or NaN, or alpha outside (0, 0.5].

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J.
       Statist. 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03], alpha=0.05)
    HolmResult(rejected=(True, False, False), level=0.025, adjusted=(0.03, 0.06, 0.06))
    """
    p, alpha = p_values("p", p), level("alpha", alpha)
    m = len(p)
    order = sorted(range(m), key=p.__getitem__)
    final = float(_level(np.array(p), alpha))
    adjusted = [1.0] * m
    largest = 0.0
    for step, i in enumerate(order):
        largest = max(largest, min(1.0, (m - step) * p[i]))
        # (m - R) p <= alpha and p <= alpha / (m - R) may differ in the last bit; the verdict is the
        # second.
        adjusted[i] = (
            min(largest, alpha) if p[i] <= final else max(largest, math.nextafter(alpha, 1.0))
        )
    return HolmResult(tuple(x <= final for x in p), final, tuple(adjusted))


def _level(p: Array, alpha: float) -> Array:
    """The level alpha / max(1, m - R) that Holm's procedure ends at in each row.

    Shape (..., m) to (...).
    """
    m = p.shape[-1]
    passed = np.sort(p, axis=-1) <= alpha / np.arange(m, 0, -1)
    return cast(Array, alpha / np.maximum(1, m - np.cumprod(passed, axis=-1).sum(axis=-1)))


def decide_family(
    p_support: Sequence[float | Sequence[float]],
    p_refute: Sequence[float | Sequence[float]],
    alpha: float,
) -> list[Decision]:
    """Verdicts of one family: Holm at alpha over m values p+, and over m values p-.

    P(any wrong support) <= alpha and P(any wrong refutation) <= alpha, each under any dependence
    between claims.

    Parameters
    ----------
    p_support, p_refute
        Shape (m,), one pair for each registered claim, in the same order; unrun and invalid ones
        count with 1. A claim with looks gives its sequential p-values at the looks reached
        (:func:`sequential_p`) in place of one number. Its verdict latches at the first look at
        which it is decided; sequential p-values never rise, so Holm's guarantee at the last look
        covers all.
    alpha
        In (0, 0.5], for each of the two errors.

    Returns
    -------
    list of Decision
        In the order given. A claim rejected in both directions stays inconclusive: its numbers
        contradict each other.

    Raises
    ------
    FaevalError
        For lengths that differ, p outside [0, 1], sequential p-values that rise, or alpha outside
        (0, 0.5].

    Examples
    --------
    >>> [d.verdict for d in decide_family([0.001, 0.9, 1.0], [0.999, 0.1, 1.0], alpha=0.05)]
    ['supported', 'inconclusive', 'inconclusive']
    >>> decisions = decide_family([[0.04, 0.01], 0.2], [[1.0, 1.0], 0.9], alpha=0.05)
    >>> [(d.verdict, d.look) for d in decisions]
    [('supported', 2), ('inconclusive', None)]
    """
    if len(p_support) != len(p_refute):
        raise FaevalError(
            f"p_support and p_refute must be of one length, but have {len(p_support)} and"
            f" {len(p_refute)} values (lengths); give one pair for each claim of the family"
        )
    pairs = [
        _at_looks(i, yes, no) for i, (yes, no) in enumerate(zip(p_support, p_refute, strict=True))
    ]
    latched: list[tuple[Word, int] | None] = [None] * len(pairs)
    for look in range(1, max((len(yes) for yes, _ in pairs), default=1) + 1):
        support = holm([yes[min(look, len(yes)) - 1] for yes, _ in pairs], alpha)
        refute = holm([no[min(look, len(no)) - 1] for _, no in pairs], alpha)
        for i, (yes, no) in enumerate(zip(support.rejected, refute.rejected, strict=True)):
            decided = word(yes, no)
            if latched[i] is None and decided != "inconclusive":
                latched[i] = decided, min(look, len(pairs[i][0]))
    return [
        Decision(
            decision[0] if decision else "inconclusive",
            support.level,
            refute.level,
            adjusted_support,
            adjusted_refute,
            decision[1] if decision else None,
        )
        for decision, adjusted_support, adjusted_refute in zip(
            latched, support.adjusted, refute.adjusted, strict=True
        )
    ]


def _at_looks(
    i: int, yes: float | Sequence[float], no: float | Sequence[float]
) -> tuple[list[float], list[float]]:
    both = [list(p) if isinstance(p, Sequence) else [p] for p in (yes, no)]
    if not both[0] or len(both[0]) != len(both[1]):
        raise refuse(
            f"p_support[{i}]",
            yes,
            "given at the same looks as p_refute",
            "give both at each look reached",
        )
    for name, values in zip(("p_support", "p_refute"), both, strict=True):
        if any(later > earlier for earlier, later in pairwise(values)):
            raise refuse(
                f"{name}[{i}]",
                values,
                "sequential p-values, which never rise",
                "pass them through sequential_p",
            )
    return both[0], both[1]


def decide_many(p_support: ArrayLike, p_refute: ArrayLike, alpha: float) -> NDArray[np.int8]:
    """The verdicts of :func:`decide_family` for many families at once.

    The same levels, the same bits.

    Parameters
    ----------
    p_support, p_refute
        Shape (rows, m), one family a row, each in [0, 1].
    alpha
        In (0, 0.5].

    Returns
    -------
    array of int8
        Shape (rows, m): 1 supported, -1 refuted, 0 inconclusive.

    Raises
    ------
    FaevalError
        For shapes that differ or are not two-dimensional, p outside [0, 1], or alpha outside (0,
        0.5].

    Examples
    --------
    >>> decide_many([[0.001, 0.9], [0.04, 0.03]], [[0.999, 0.1], [0.9, 0.9]], alpha=0.05).tolist()
    [[1, 0], [0, 0]]
    """
    alpha = level("alpha", alpha)
    yes, no = np.asarray(p_support, dtype=np.float64), np.asarray(p_refute, dtype=np.float64)
    if yes.ndim != 2 or yes.shape != no.shape:
        raise refuse(
            "p_support", yes.shape, "of the shape (rows, m) of p_refute", "give one family a row"
        )
    if not ((yes >= 0) & (yes <= 1) & (no >= 0) & (no <= 1)).all():
        raise refuse(
            "p_support, p_refute",
            "a value outside [0, 1]",
            "probabilities",
            "unrun claims count with 1",
        )
    supported = yes <= _level(yes, alpha)[:, None]
    refuted = no <= _level(no, alpha)[:, None]
    return supported.astype(np.int8) - refuted.astype(np.int8)


def word(supported: bool, refuted: bool) -> Word:
    """The three-way rule.

    Both at once happens only at alpha = .5, where the estimate lies on the margin.
    """
    if supported == refuted:
        return "inconclusive"
    return "supported" if supported else "refuted"


GateCode: TypeAlias = Literal["gate_failed", "gate_undecided"]


def apply_gates(
    words: Sequence[str], requires: Sequence[Sequence[int]]
) -> list[tuple[str, GateCode | None, int | None]]:
    """Release each decision only where every claim it requires is itself supported, and released.

    A filter after Holm: it removes decisions and makes none, so the error rates stay what they
    were. Gates take part in their families like any other claim.

    Parameters
    ----------
    words
        Shape (m,): "supported", "refuted", "inconclusive" or "invalid", as decided before gates.
    requires
        Shape (m,): for each claim the positions of its gates.

    Returns
    -------
    list of (word, code, gate)
        The word released; "gate_failed" with "invalid" where a gate is refuted or invalid,
        "gate_undecided" with "inconclusive" where one is open and the claim was decided, else None;
        and the position of that gate.

    Raises
    ------
    FaevalError
        Where the lengths differ, a gate does not exist, or claims wait for each other.

    Examples
    --------
    >>> apply_gates(["refuted", "supported", "supported"], [[], [0], [1]])
    [('refuted', None, None), ('invalid', 'gate_failed', 0), ('invalid', 'gate_failed', 1)]
    """
    if len(words) != len(requires):
        raise refuse(
            "requires",
            list(requires),
            f"one list of gates for each of {len(words)} claims",
            "use [] for none",
        )
    released: dict[int, tuple[str, GateCode | None, int | None]] = {}

    def release(i: int, waiting: tuple[int, ...]) -> tuple[str, GateCode | None, int | None]:
        if i in waiting:
            raise refuse(
                "requires", [*waiting, i], "free of circles", "let one of these claims stand alone"
            )
        if i not in released:
            for gate in requires[i]:
                if (
                    isinstance(gate, bool)
                    or not isinstance(gate, int)
                    or not 0 <= gate < len(words)
                ):
                    raise refuse(
                        f"requires[{i}]",
                        gate,
                        f"a position below {len(words)}",
                        "count claims from 0",
                    )
            gates = [(gate, release(gate, (*waiting, i))[0]) for gate in requires[i]]
            released[i] = _behind(words[i], gates)
        return released[i]

    return [release(i, ()) for i in range(len(words))]


def _behind(own: str, gates: Sequence[tuple[int, str]]) -> tuple[str, GateCode | None, int | None]:
    failed = next((gate for gate, word in gates if word in ("refuted", "invalid")), None)
    undecided = next((gate for gate, word in gates if word == "inconclusive"), None)
    if own != "invalid" and failed is not None:
        return "invalid", "gate_failed", failed
    if own in ("supported", "refuted") and undecided is not None:
        return "inconclusive", "gate_undecided", undecided
    return own, None, None
