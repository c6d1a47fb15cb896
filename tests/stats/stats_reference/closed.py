"""Closed testing by brute force: the definition that Holm's procedure is a shortcut of."""

from itertools import combinations


def closed_testing(p, alpha):
    """Reject a hypothesis where Bonferroni's test rejects every set of hypotheses that holds it.

    Source: R. Marcus, E. Peritz and K. R. Gabriel, "On closed testing procedures", Biometrika 63
    (1976).
    """
    m = len(p)
    kept = [
        chosen
        for size in range(1, m + 1)
        for chosen in combinations(range(m), size)
        if min(p[i] for i in chosen) > alpha / size
    ]
    return tuple(not any(i in chosen for chosen in kept) for i in range(m))
