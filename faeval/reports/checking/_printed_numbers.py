"""Numbers as they stand in text, and whether a number rounds to what is printed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_DIGITS = r"[−-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[−-]?\d+)?|[−-]?∞"
_WORDS = "undefined|not computed|not measured|not estimated"
_TOKEN = re.compile(
    r"(?P<below>< ?|under (?=[\d.]+ %))?(?P<above>> ?|over (?=[\d.]+ %))?(?<![\w.=+/])"
    rf"(?P<number>{_DIGITS}|{_WORDS})(?P<percent> ?\\?%)?(?!\w|\.\d)"
)
#: An estimate with its interval: ``0.17 [0.15, 0.19]``.
ESTIMATE = re.compile(rf"(?:{_DIGITS}) \[(?:{_DIGITS}), (?:{_DIGITS})\]")
_RANGE = re.compile(r"(?<![\w.])(\d+)–(\d+)(?![\w.]\d|\w)")
_SLACK = 1e-9  # of a number's size: what two ways of computing it may differ by


@dataclass(frozen=True)
class Printed:
    """A number in a text, with the range of numbers that are printed so.

    The range is NaN where the text says undefined.
    """

    text: str
    low: float
    high: float

    @property
    def middle(self) -> float:
        return self.low if self.low == self.high else (self.low + self.high) / 2


def printed(text: str) -> list[Printed]:
    """Return the numbers of a text in their order.

    Parts of words, versions and hashes are no numbers; a range is one.

    Examples
    --------
    >>> [n.text for n in printed("Over 5 seeds rho(a+b=0.1) rose by 0.17 [−0.15, 1.9e8], p < 1e−9")]
    ['5', '0.17', '−0.15', '1.9e8', '< 1e−9']
    """
    return [_number(match) for match in _TOKEN.finditer(_RANGE.sub(_spelt_out, text))]


def _spelt_out(match: re.Match[str]) -> str:
    first, last = int(match[1]), int(match[2])
    return ", ".join(map(str, range(first, last + 1))) if 0 <= last - first <= 10_000 else match[0]


def _number(match: re.Match[str]) -> Printed:
    text, number = match[0], match["number"].replace("−", "-")
    if number in _WORDS.split("|"):
        return Printed(text, math.nan, math.nan)
    if number.endswith("∞"):
        end = -math.inf if number.startswith("-") else math.inf
        return Printed(text, end, end)
    digits, _, exponent = number.partition("e")
    share = 0.01 if match["percent"] else 1.0
    half = 0.5 * 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2])) * share
    value = float(number) * share
    if match["below"]:
        return Printed(text, -math.inf, value)
    if match["above"]:
        return Printed(text, value, math.inf)
    return Printed(text, value - half, value + half)


def agrees(said: Printed, value: float) -> bool:
    """Whether a printed number is what a number rounds to, to half a unit in its last place."""
    if math.isnan(value) or math.isnan(said.low):
        return math.isnan(value) and math.isnan(said.low)
    slack = _SLACK * abs(value) if math.isfinite(value) else 0.0
    return said.low - slack <= value <= said.high + slack
