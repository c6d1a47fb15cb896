"""Numbers as papers print them: what the digits allow, and what statistics of such numbers can be.

Exact, in fractions.
"""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from faeval._arguments import refuse

#: What a number or a statistic may be, both ends included.
Range: TypeAlias = tuple[Fraction, Fraction]

_NUMBER = re.compile(
    r"(?P<relation>[<>]=?|[≤≥])?\s*(?P<sign>[+\-−–]?)(?P<whole>\d*)(?:\.(?P<part>\d*))?"
    r"(?:[eE](?P<power>[+\-−]?\d{1,2}))?",
    re.ASCII,
)
_RELATIONS = {"<": "<", "<=": "<", "≤": "<", ">": ">", ">=": ">", "≥": ">", None: "="}
#: More vertices of a box than this are not visited.
MOST_VERTICES = 100_000


@dataclass(frozen=True)
class Printed:
    """A number as it is printed, and what it stands for.

    Parameters
    ----------
    text
        As printed.
    value
        What the digits say.
    low, high
        What the number may have been before it was rounded: half a unit of the last digit on either
        side, both ends included, because ties go either way. After ``<`` or ``>`` nothing was
        rounded: a threshold, and no end on the other side (None).
    decimals
        Digits after the point, negative in front of a power of ten: ``4e8`` has -8.
    """

    text: str
    value: Fraction
    low: Fraction | None
    high: Fraction | None
    decimals: int

    @property
    def range(self) -> Range:
        """Both ends of a number without ``<`` or ``>``."""
        if self.low is None or self.high is None:
            raise refuse(
                "a printed number", self.text, "a number without < or >", "give the number itself"
            )
        return self.low, self.high

    def meets(self, possible: Range) -> bool:
        """Whether a statistic that can be anything in `possible` can have been printed so."""
        return (self.low is None or possible[1] >= self.low) and (
            self.high is None or possible[0] <= self.high
        )


def printed(text: str, name: str = "a printed number", suffix: str = "") -> Printed:
    """Read a number as it is printed.

    Parameters
    ----------
    text
        Such as ``0.080``, ``.301``, ``+0.094``, ``−0.003``, ``4e8``, ``< .05``. Trailing zeros
        count.
    name
        What it is called in an error message.
    suffix
        Signs that may stand behind it, such as ``x×``; they are left out.

    Raises
    ------
    FaevalError
        Where `text` is no such number.

    Examples
    --------
    >>> number = printed("0.094")
    >>> float(number.low), float(number.high)
    (0.0935, 0.0945)
    >>> float(printed("4e8").low), printed("< .05").low
    (350000000.0, None)
    """
    remedy = (
        "write its digits as they are printed, in quotation marks, such as '0.080', '+0.094' or '<"
        " .05'"
    )
    if not isinstance(text, str):
        raise refuse(name, text, "text", remedy)
    match = _NUMBER.fullmatch(text.strip().rstrip(suffix).strip())
    digits = (match["whole"] or "") + (match["part"] or "") if match else ""
    if not match or not digits:
        raise refuse(name, text, "a printed number", remedy)
    power = int((match["power"] or "0").replace("−", "-"))
    decimals = len(match["part"] or "") - power
    sign = -1 if match["sign"] in ("-", "−", "–") else 1
    value = sign * int(digits) * Fraction(10) ** -decimals
    half = Fraction(10) ** -decimals / 2
    relation = _RELATIONS[match["relation"]]
    low = None if relation == "<" else value if relation == ">" else value - half
    high = None if relation == ">" else value if relation == "<" else value + half
    return Printed(text.strip(), value, low, high, decimals)


# --- spreads over a box: each value anywhere within its rounding ---

#: What a printed spread may be, by name. All but the last two are a sum of squared deviations times
#: a factor.
SPREADS = (
    "s.d. with ddof 1",
    "s.d. with ddof 0",
    "standard error with ddof 1",
    "standard error with ddof 0",
    "half the range",
    "mean absolute deviation",
)


def factor(spread: str, n: int) -> Fraction | None:
    """The factor from a sum of squared deviations of `n` values to the square of a spread.

    None where it is none.
    """
    if spread.endswith("ddof 1") and n < 2:
        return None
    factors = {
        "s.d. with ddof 1": Fraction(1, max(n - 1, 1)),
        "s.d. with ddof 0": Fraction(1, n),
        "standard error with ddof 1": Fraction(1, n * max(n - 1, 1)),
        "standard error with ddof 0": Fraction(1, n * n),
    }
    return factors.get(spread)


def mean_range(box: Sequence[Range]) -> Range:
    """What the mean can be over all values within their ranges."""
    return sum((low for low, _ in box), Fraction()) / len(box), sum(
        (high for _, high in box), Fraction()
    ) / len(box)


def spread_squares(box: Sequence[Range]) -> dict[str, Range] | None:
    """What the square of each spread can be over all values within their ranges.

    None where there are too many vertices.

    Every spread of :data:`SPREADS` grows when two values move apart around a fixed sum (it is
    Schur-convex [1]_), and is convex. The least is therefore where all values come as near as they
    can to the one point that is then their mean, which a piecewise linear equation gives. The
    largest is at a vertex; among values of one rounding width it is one where the smaller ones are
    rounded up from below and the larger ones down from above, for an exchange of the two ends of a
    pair that is not so moves it apart. Both ends are attained, and exact.

    References
    ----------
    .. [1] A. W. Marshall, I. Olkin, B. C. Arnold, Inequalities: Theory of Majorization and
       Its Applications, 2nd ed., 2011.
    """
    vertices = _vertices(box)
    if vertices is None:
        return None
    least = _spreads(_nearest(box))
    largest = dict.fromkeys(least, Fraction())
    for vertex in vertices:
        for name, square in _spreads(vertex).items():
            largest[name] = max(square, largest[name])
    return {name: (square, largest[name]) for name, square in least.items()}


def _spreads(values: Sequence[Fraction]) -> dict[str, Fraction]:
    """The square of each spread of given values."""
    unit = math.lcm(*(v.denominator for v in values))
    whole = [
        v.numerator * (unit // v.denominator) for v in values
    ]  # whole numbers add much faster than fractions
    n, total, unit2 = len(whole), sum(whole), unit * unit
    squares = Fraction(n * sum(v * v for v in whole) - total * total, n * unit2)
    spreads = {name: squares * by for name in SPREADS if (by := factor(name, n)) is not None}
    spreads["half the range"] = Fraction((max(whole) - min(whole)) ** 2, 4 * unit2)
    spreads["mean absolute deviation"] = Fraction(
        sum(abs(n * v - total) for v in whole) ** 2, n**4 * unit2
    )
    return spreads


def _nearest(box: Sequence[Range]) -> list[Fraction]:
    """The values that lie nearest to one point, which is their mean."""

    def pull(
        point: Fraction,
    ) -> (
        Fraction
    ):  # falls as the point rises; 0 where the point is the mean of what is nearest to it
        return sum((min(max(point, low), high) - point for low, high in box), Fraction())

    ends = sorted({end for pair in box for end in pair})
    where = bisect_left(ends, 1, key=lambda end: int(pull(end) <= 0))
    point = ends[where]
    if where and pull(point) < 0:
        before, at, after = ends[where - 1], pull(ends[where - 1]), pull(point)
        point = before + (point - before) * at / (at - after)
    return [min(max(point, low), high) for low, high in box]


def _vertices(box: Sequence[Range]) -> Iterator[list[Fraction]] | None:
    """The vertices among which a spread is largest.

    Of each rounding width, the smaller values low and the others high.
    """
    classes: dict[Fraction, list[Range]] = defaultdict(list)
    for low, high in box:
        classes[high - low].append((low, high))
    sizes = [len(of_width) + 1 for of_width in classes.values()]
    if math.prod(sizes) > MOST_VERTICES or math.prod(sizes) * len(box) > 20 * MOST_VERTICES:
        return None
    ordered = [sorted(of_width) for of_width in classes.values()]
    return (
        [end for of_width, k in zip(ordered, cut, strict=True) for end in _cut(of_width, k)]
        for cut in itertools.product(*map(range, sizes))
    )


def _cut(of_width: Sequence[Range], k: int) -> Iterator[Fraction]:
    yield from (low for low, _ in of_width[:k])
    yield from (high for _, high in of_width[k:])


# --- exact ranges in words ---


def root_range(squares: Range, decimals: int) -> tuple[str, str]:
    """Write the roots of a range, rounded outward."""
    scale = 10 ** (2 * max(decimals, 0))
    low = math.isqrt(math.floor(squares[0] * scale))
    top = math.ceil(squares[1] * scale)
    high = math.isqrt(top)
    return _digits(low, decimals), _digits(high + (high * high < top), decimals)


def plain_range(possible: Range, decimals: int) -> tuple[str, str]:
    """Write a range, rounded outward."""
    scale = 10 ** max(decimals, 0)
    return _digits(math.floor(possible[0] * scale), decimals), _digits(
        math.ceil(possible[1] * scale), decimals
    )


def _digits(units: int, decimals: int) -> str:
    decimals = max(decimals, 0)
    whole, part = divmod(abs(units), 10**decimals)
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
