"""How numbers are written: by the same functions in every view, so that views cannot disagree."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

#: What stands where there is no number. Never 0.
UNDEFINED = "undefined"
_MOST_DECIMALS = 15


@dataclass(frozen=True)
class Style:
    """How all numbers of one contrast are written: their decimals, and a common power of ten.

    Examples
    --------
    >>> Style(2)(-0.001), Style(2)(-0.129), Style(1, exponent=8)(4.13e8)
    ('0.00', '−0.13', '4.1e8')
    """

    decimals: int
    exponent: int = 0

    def __call__(self, value: float | None) -> str:
        """Write one number; a minus is U+2212, and nothing is ever minus zero."""
        if value is None or math.isnan(value):
            return UNDEFINED
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        text = f"{Decimal(value).scaleb(-self.exponent):.{self.decimals}f}"
        if text.startswith("-") and not text.strip("-0."):
            text = text[1:]
        power = f"e{self.exponent}" if self.exponent else ""
        return (text + power).replace("-", "−")

    def interval(self, bounds: tuple[float, float]) -> str:
        """Write an interval: ``[0.15, 0.19]``."""
        return (
            UNDEFINED if any(map(math.isnan, bounds)) else f"[{self(bounds[0])}, {self(bounds[1])}]"
        )

    def finer(self, by: int = 1) -> Style:
        """Return the same with more decimals."""
        return Style(self.decimals + by, self.exponent)


def style_for(
    width: float,
    values: Iterable[float],
    digits: int = 2,
    apart: Iterable[tuple[float, float]] = (),
) -> Style:
    """Choose decimals that show `digits` significant digits of `width`.

    Parameters
    ----------
    width
        Half the width of an interval, or another scale of what is uncertain; where it is no
        positive number the largest of `values` stands in, with three digits.
    values
        All that will be written; very large or small ones are written with a power of ten.
    apart
        Pairs of a value and a threshold: decimals are added, at most four, until each value is
        written on the side of its threshold on which it lies.
    """
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if not (math.isfinite(width) and width > 0):
        width, digits = largest or 1.0, 3
    top = _magnitude(max(largest, width))
    exponent = top if top >= 6 or top < -4 else 0
    fewest = min(max(0, digits - 1 - _magnitude(width) + exponent), _MOST_DECIMALS)
    pairs = [(v, t) for v, t in apart if math.isfinite(v) and math.isfinite(t)]
    for style in (Style(fewest + more, exponent) for more in range(5)):
        if all(_order(read(style(v)), t) == _order(v, t) for v, t in pairs):
            return style
    return Style(fewest, exponent)


def significant(value: float | None, digits: int = 2) -> str:
    """Write one number with so many significant digits."""
    if value is None or not math.isfinite(value) or value == 0:
        return Style(0)(value)
    rounded = float(
        f"{value:.{digits - 1}e}"
    )  # 0.9999 has as many digits as the 1 that it is written as
    return style_for(abs(rounded), [rounded], digits)(value)


def exact(value: float) -> str:
    """Write a declared number, such as a margin, as it was declared."""
    if not math.isfinite(value):
        return Style(0)(value)
    text = re.sub(r"e([+-])0*(\d+)", lambda m: f"e{m[1].strip('+')}{m[2]}", f"{value + 0.0:.10g}")
    return text.replace("-", "−")


def probability(p: float | None, level: float | None = None) -> str:
    """Write a p-value with two significant digits, on the side of its level on which it lies."""
    if p is None or math.isnan(p):
        return "not computed"
    if p >= 1 or p <= 0:
        return "1" if p >= 1 else "< 1e−300"
    if p > 0.99:
        return "> 0.99"
    return style_for(p, [p], 2, [(p, level)] if level is not None else ())(p)


def level(value: float | None) -> str:
    """Write a level that p-values are compared with, with three significant digits."""
    return "not computed" if value is None else exact(float(f"{value:.3g}"))


def percent(share: float) -> str:
    """Write a probability or a share in whole percent.

    What is not 0 or 1 is not written as 0 or 100 %.
    """
    if math.isnan(share):
        return UNDEFINED
    if 0 < share < 0.01:
        return "under 1 %"
    return "over 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def chance(power: float) -> str:
    """Write the chance of a verdict in whole percent.

    None is certain, even where floating point says 1.
    """
    return percent(min(power, 1 - 1e-9))


def rate(share: float) -> str:
    """Write a measured rate with three decimals, as tables of error rates do: ``.050``."""
    return UNDEFINED if math.isnan(share) else f"{share:.3f}".removeprefix("0")


def read(text: str) -> float:
    """Read back a number that this module wrote; the inverse of :class:`Style` up to rounding."""
    return math.nan if text == UNDEFINED else float(text.replace("−", "-").replace("∞", "inf"))


def _magnitude(value: float) -> int:
    return math.floor(math.log10(value)) if value > 0 else 0


def _order(value: float, threshold: float) -> int:
    return (value > threshold) - (value < threshold)
