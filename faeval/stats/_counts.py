"""Claims of several assertions: all of them, or at least so many.

Counts need no assumption on how assertions hang together: the factors are those of Bonferroni [1]_.

References
----------
.. [1] Y. Benjamini and R. Heller, Biometrics 64 (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

import numpy as np

from faeval._arguments import Array


@dataclass(frozen=True)
class Counted:
    """At least so many of several members of a claim, for which it does not need all.

    A member is one contrast or several, by their places among those of the claim, or none where
    nothing was measured of it; it then counts with p = 1.
    """

    least: int
    members: tuple[tuple[int, ...], ...]

    @property
    def spare(self) -> int:
        """How many members may fail, and one: the factor of p for support."""
        return len(self.members) - self.least + 1

    def p(self, support: Array, refute: Array) -> tuple[Array, Array]:
        """Both p-values of the count, from those of contrasts: shapes (contrasts, ...) to (...).

        Support is k - u + 1 times the u-th smallest p of k members, refutation u times the (k - u +
        1)-th smallest p against.
        """
        pairs = [self._member(places, support, refute) for places in self.members]
        yes, no = (np.sort(side, axis=0) for side in zip(*pairs, strict=True))
        return (
            np.minimum(1.0, self.spare * yes[self.least - 1]),
            np.minimum(1.0, self.least * no[self.spare - 1]),
        )

    def _member(
        self, places: tuple[int, ...], support: Array, refute: Array
    ) -> tuple[Array, Array]:
        if not places:
            return np.ones(support.shape[1:]), np.ones(support.shape[1:])
        against = refute[list(places)].min(axis=0)
        return support[list(places)].max(axis=0), np.minimum(1.0, len(places) * against)

    def holding(self, support: Sequence[float], refute: Sequence[float], level: float) -> int:
        """How many members hold at least, at a level.

        The largest count that is supported with every smaller one.
        """
        p = np.array(support), np.array(refute)
        counts = (replace(self, least=u) for u in range(1, len(self.members) + 1))
        return sum(1 for _ in takewhile(lambda count: count.p(*p)[0] <= level, counts))


@dataclass(frozen=True)
class Structure:
    """Which of a claim's contrasts must hold: each of its own, and of each count so many."""

    size: int
    counts: tuple[Counted, ...] = ()

    @cached_property
    def counted(self) -> frozenset[int]:
        """The contrasts that are members of a count."""
        return frozenset(i for count in self.counts for member in count.members for i in member)

    @property
    def parts(self) -> int:
        """How many parts must hold together: contrasts of their own, and counts."""
        return self.size - len(self.counted) + len(self.counts)

    def p(self, support: Array, refute: Array) -> tuple[Array, Array]:
        """Both p-values of the claim, from those of its contrasts: (contrasts, ...) to (...).

        Support needs every part, so it is the largest; refutation needs any one, so it is the
        smallest times their number (Bonferroni).
        """
        alone = [i for i in range(self.size) if i not in self.counted]
        pairs = [(support[i], refute[i]) for i in alone]
        pairs += [count.p(support, refute) for count in self.counts]
        yes, no = zip(*pairs, strict=True)
        return np.max(yes, axis=0), np.minimum(1.0, self.parts * np.min(no, axis=0))

    def shares(self, i: int) -> tuple[int, int]:
        """By what the levels for support and refutation are divided for one contrast."""
        for count in self.counts:
            for member in count.members:
                if i in member:
                    return count.spare, self.parts * count.least * len(member)
        return 1, self.parts
