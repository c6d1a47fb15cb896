"""Closed testing by brute force: the reference that Holm's procedure is audited against."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from faeval._arguments import level, p_values, refuse

MAX_CLAIMS = 10


def closed_testing(p: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Reject a hypothesis where every set of hypotheses that holds it is rejected by Bonferroni's
    test [1]_.

    By its principle P(any wrong rejection) <= alpha under any dependence. :func:`holm` is its
    shortcut.

    Parameters
    ----------
    p
        Shape (m,), m at most 10: all 2^m - 1 sets are looked at.
    alpha
        The family's error rate, in (0, 0.5].

    Returns
    -------
    tuple of bool
        Shape (m,).

    Raises
    ------
    FaevalError
        For more than 10 hypotheses, p outside [0, 1], or alpha outside (0, 0.5].

    References
    ----------
    .. [1] R. Marcus, E. Peritz and K. R. Gabriel, "On closed testing procedures", Biometrika 63 (1976).

    Examples
    --------
    >>> closed_testing([0.01, 0.04, 0.03], alpha=0.05)
    (True, False, False)
    """
    values, alpha = p_values("p", p), level("alpha", alpha)
    m = len(values)
    if m > MAX_CLAIMS:
        raise refuse(
            "p",
            f"{m} values",
            f"at most {MAX_CLAIMS} values",
            "use holm, which gives the same rejections",
        )
    kept = [
        chosen
        for size in range(1, m + 1)
        for chosen in combinations(range(m), size)
        if min(values[i] for i in chosen) > alpha / size
    ]
    return tuple(not any(i in chosen for chosen in kept) for i in range(m))
