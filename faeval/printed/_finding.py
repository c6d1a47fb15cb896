"""What a check of printed numbers says, and the words that it says it in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from faeval.printed._number import Printed, Range, plain_range, root_range

CONSISTENT, INCONSISTENT, OPEN = "consistent", "inconsistent", "cannot be said"
OUTCOMES = (CONSISTENT, INCONSISTENT, OPEN)


@dataclass(frozen=True)
class Allowed:
    """What the other numbers of a statement allow a printed one to be, in one reading of it.

    Both ends included.
    """

    reading: str
    low: str
    high: str
    matches: bool


@dataclass(frozen=True)
class Finding:
    """What one check says.

    Parameters
    ----------
    check
        count, values, mean, spread, p, interval, ratio, difference, percent, or kinds (of spreads
        in one source).
    outcome
        ``consistent``, ``inconsistent`` or ``cannot be said``.
    reason
        One sentence.
    allowed
        What the numbers would allow, by reading.
    kinds
        Of a spread: what it can be, of what it is declared to be; of anything else where that does
        not give it.
    ties
        Readings that give what is printed only where every rounding on the way was a tie.
    """

    check: str
    outcome: str
    reason: str
    allowed: tuple[Allowed, ...] = ()
    kinds: tuple[str, ...] = ()
    ties: tuple[str, ...] = ()

    @property
    def readings(self) -> tuple[str, ...]:
        """The readings that give what is printed."""
        return tuple(a.reading for a in self.allowed if a.matches)


def outcome(findings: Iterable[Finding]) -> str:
    """One word for all findings of a statement: inconsistent where one is.

    Else consistent where one is.
    """
    words = {f.outcome for f in findings}
    return next(word for word in (INCONSISTENT, CONSISTENT, OPEN) if word in words or word == OPEN)


def allowed_range(reading: str, possible: Range, number: Printed) -> Allowed:
    matches = number.meets(possible)
    low = possible[0] if number.low is None else number.low
    high = possible[1] if number.high is None else number.high
    return Allowed(reading, *shown(possible, (low, high), number.decimals, matches), matches)


def shown(
    possible: Range, against: Range, decimals: int, matches: bool, roots: bool = False
) -> tuple[str, str]:
    """Write a range outward, with as many decimals as tell it from a printed number."""
    write = root_range if roots else plain_range
    for more in range(1, 9):
        low, high = write(possible, decimals + more)
        ends = [Fraction(low), Fraction(high)]
        if roots:
            ends = [end * end for end in ends]
        if matches or ends[1] < against[0] or ends[0] > against[1]:
            break
    return low, high


def _listed(words: Sequence[str], last: str) -> str:
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def all_of(words: Sequence[str]) -> str:
    """Return words with commas, and "and" before the last."""
    return _listed(words, "and")


def one_of(words: Sequence[str]) -> str:
    """Return words with commas, and "or" before the last."""
    return _listed(words, "or")
