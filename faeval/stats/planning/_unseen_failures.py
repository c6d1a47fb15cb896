"""What no seed has shown yet."""

from __future__ import annotations

from faeval._arguments import count, probability, refuse


def unseen_failure_bound(n: int, failures: int = 0, confidence: float = 0.95) -> float:
    """One-sided upper confidence bound of a failure rate, from failures among n seeds.

    By Clopper and Pearson [1]_.

    Parameters
    ----------
    n
        Seeds looked at.
    failures
        How many of them failed, by a predicate declared before.
    confidence
        One-sided, in (0, 1).

    Returns
    -------
    float
        A rate in (0, 1]; with no failure seen it is 1 - (1 - confidence)^(1/n).

    Raises
    ------
    FaevalError
        For more failures than seeds, or an argument out of its range.

    References
    ----------
    .. [1] C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).

    Examples
    --------
    >>> round(unseen_failure_bound(5), 3)
    0.451
    """
    n, failures, confidence = (
        count("n", n),
        count("failures", failures),
        probability("confidence", confidence),
    )
    if failures > n:
        raise refuse(
            "failures", failures, f"at most the {n} seeds looked at", "count each seed once"
        )
    if failures == n:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(failures + 1, n - failures, confidence))
