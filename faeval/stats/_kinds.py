"""The kinds of assertion: each claims one region of the effect a - b, with one edge or two.

A new kind is a row of ``KINDS``, its word in ``Kind``, and a public function in
``claims/_assertion.py``. p-values, intervals, power, thresholds, words, drawings and controls ask
the row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval._arguments import choice

Kind: TypeAlias = Literal["exceeds", "below", "not_above", "not_below", "equivalent"]
#: With the one that is decided as two tests.
AssertedKind: TypeAlias = Kind | Literal["agree"]


@dataclass(frozen=True)
class Region:
    """What one kind of assertion claims of the effect a - b: that it lies from `low` to `high`.

    `low` and `high` count margins: 1 is the margin m, -1 is -m, and an infinite one is no edge.
    `closed` says that an edge belongs to the region, which matters to controls alone: no test can
    tell. `text` says the assertion in words, with the fields {a}, {b} and {margin}; `short` says
    where a lies, seen from b, with the field {margin}. `per_unit` is true of "agree", which holds
    for each unit (layer) of a metric; it is decided as an equivalence and a "below".
    """

    name: AssertedKind
    low: float
    high: float
    text: str
    short: str
    closed: bool = False
    per_unit: bool = False

    @property
    def side(self) -> Literal["above", "below", "between"]:
        """Where the claimed region lies: above its edge, below it, or between its two."""
        if self.two_sided:
            return "between"
        return "above" if math.isinf(self.high) else "below"

    @property
    def two_sided(self) -> bool:
        """Whether it has two edges; then it claims nothing at a margin of 0."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def tails(self) -> int:
        """How many ways there are to refute it, one beyond each edge: the factor of its p."""
        return 1 + self.two_sided

    @property
    def sign(self) -> float:
        """How effects are counted: 1 for a - b, -1 for b - a, so that the margin is at least 0."""
        edge = self.high if math.isinf(self.low) else self.low
        return -1.0 if edge < 0 and not self.two_sided else 1.0

    @property
    def claims_effect(self) -> bool:
        """Whether no effect at all would contradict it.

        Then there is an effect of opposite sign.
        """
        return self.low > 0 or self.high < 0

    @property
    def exchanged(self) -> AssertedKind | None:
        """The kind that says the same of b and a; itself for a symmetric region, None for none."""
        return next(
            (
                other.name
                for other in KINDS.values()
                if (other.low, other.high, other.closed, other.per_unit)
                == (-self.high, -self.low, self.closed, self.per_unit)
            ),
            None,
        )

    def bounds(self, margin: float) -> tuple[float, float]:
        """The ends of the region on the axis of a - b, in the unit of the margin.

        Infinite where it has no edge.
        """
        low, high = (end * margin if math.isfinite(end) else end for end in (self.low, self.high))
        return low, high

    def edges(self, margin: float) -> tuple[float, ...]:
        """Its one edge or two on the axis of a - b, from low to high."""
        return tuple(end for end in self.bounds(margin) if math.isfinite(end))

    def depth(self, difference: float, margin: float) -> float:
        """How far inside the region a difference a - b lies; below 0 outside, 0 on an edge."""
        low, high = self.bounds(margin)
        return min(difference - low, high - difference)

    def holds(self, differences: Any, margin: float) -> NDArray[np.bool_]:
        """Whether each difference a - b lies in the region, of any shape; what is NaN does not."""
        low, high = self.bounds(margin)
        d = np.asarray(differences)
        within = (low <= d) & (d <= high) if self.closed else (low < d) & (d < high)
        return np.asarray(within, dtype=np.bool_)


_INFINITE = math.inf
#: Every kind by its name. "agree" is asserted, and never tested as it stands.
KINDS: dict[str, Region] = {
    region.name: region
    for region in (
        Region(
            "exceeds",
            1,
            _INFINITE,
            "{a} exceeds {b} by more than {margin}",
            "more than {margin} above",
        ),
        Region(
            "below",
            -_INFINITE,
            -1,
            "{a} is below {b} by more than {margin}",
            "more than {margin} below",
        ),
        Region(
            "not_above",
            -_INFINITE,
            1,
            "{a} is not above {b} by more than {margin}",
            "at most {margin} above",
            closed=True,
        ),
        Region(
            "not_below",
            -1,
            _INFINITE,
            "{a} is not below {b} by more than {margin}",
            "at most {margin} below",
            closed=True,
        ),
        Region("equivalent", -1, 1, "{a} equals {b} within {margin}", "±{margin}"),
        Region(
            "agree",
            -1,
            1,
            "{a} agrees with {b} within {margin} on every unit",
            "±{margin}",
            per_unit=True,
        ),
    )
}


def region_of(kind: str, *, tested: bool = False) -> Region:
    """Return the row of a kind.

    Parameters
    ----------
    kind
        Its name.
    tested
        Whether only kinds that are tested as they stand will do, which "agree" is not.

    Raises
    ------
    FaevalError
        For a kind that is not in the table.

    Examples
    --------
    >>> region_of("not_below").edges(0.02), region_of("equivalent").edges(0.02)
    ((-0.02,), (-0.02, 0.02))
    """
    allowed = [name for name, region in KINDS.items() if not (tested and region.per_unit)]
    return KINDS[choice("kind", kind, allowed)]
