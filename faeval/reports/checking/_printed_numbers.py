"""Numbers as they stand in text, and whether a number rounds to what is printed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True)
class Number:
    """A number that must stand in a text.

    ``digits`` is for a declared number: it is printed to so many digits, without trailing zeros.
    """

    value: float
    digits: int | None = None

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "undefined"
        return f"{self.value:.10g}".replace("-", "−").replace("inf", "∞")


def printed(text: str) -> list[Printed]:
    """Return the numbers of a text in their order.

    Parts of words, versions and hashes are no numbers; a range is one.

    Examples
    --------
    >>> [n.text for n in printed("Over 5 seeds rho(a+b=0.1) rose by 0.17 [−0.15, 1.9e8], p < 1e−9")]
    ['5', '0.17', '−0.15', '1.9e8', '< 1e−9']
    """
    spread = _RANGE.sub(_spelt_out, text)
    return [_number(match) for match in _TOKEN.finditer(spread)]


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


def agrees(said: Printed, number: Number) -> bool:
    """Whether a printed number is what a number rounds to, to half a unit in its last place."""
    value = number.value
    if math.isnan(value) or math.isnan(said.low):
        return math.isnan(value) and math.isnan(said.low)
    slack = _SLACK * abs(value) if math.isfinite(value) else 0.0
    if number.digits is not None and math.isfinite(said.low + said.high + value):
        half = (
            0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - number.digits + 1) if value else 0.0
        )
        return abs(said.middle - value) <= half + slack
    return said.low - slack <= value <= said.high + slack


def without(text: str, names: Iterable[str]) -> str:
    """Return a text without the names in it, whose digits are not its own numbers.

    A name that is a number is removed once only.
    """
    text = text.replace("\u2060", "")
    for name in sorted(filter(None, names), key=len, reverse=True):
        if any(map(str.isalpha, name)):
            text = text.replace(name, " … ")
        elif name.strip() not in ("0", "0.0"):  # a comparison with nothing does not name it
            number = re.escape(name).replace(
                r"\-", "[-−]"
            )  # a name keeps the sign that its claim writes
            text = re.sub(rf"(?<![\w.−-]){number}(?!\w|\.\d)", " … ", text, count=1)
    return text


def first_wrong(said: Sequence[Printed], numbers: Sequence[Number], more: bool) -> str | None:
    """Describe the first number of a text that is not the expected one.

    Numbers are compared in their order.

    ``more``: further numbers may follow.
    """
    for i, number in enumerate(numbers):
        if i >= len(said):
            if math.isnan(number.value):  # said in words
                continue
            return f"no number stands where the evidence gives {number}"
        if not agrees(said[i], number):
            return f"{said[i].text} stands where the evidence gives {number}"
    if len(said) > len(numbers) and not more:
        return f"{said[len(numbers)].text} stands where the evidence gives no number"
    return None
