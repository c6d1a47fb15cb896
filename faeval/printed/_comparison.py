"""Whether a printed ratio, difference or percentage follows from two numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

from faeval._arguments import refuse
from faeval.printed._finding import (
    CONSISTENT,
    INCONSISTENT,
    OPEN,
    Allowed,
    Finding,
    all_of,
    allowed_range,
)
from faeval.printed._number import Printed, plain_range, printed
from faeval.printed._statement import Statement


def check_comparison(s: Statement, kind: str, claimed: Printed) -> Finding:
    if s.of is None or s.to is None:
        raise refuse(
            "to" if s.of is not None else "of",
            None,
            f"what the {kind} is computed with",
            "give of and to",
        )
    of = printed(s.of, "of", "%")
    numbers = {name: printed(text, f"baselines.{name}", "%") for name, text in s.baselines.items()}
    name = s.to if s.to in numbers else ""
    to = numbers[name] if name else printed(s.to, "to", "%")
    if not name:
        name = next((k for k, v in numbers.items() if v.range == to.range), "")
        to = numbers.get(name, to)
    others = {k: v for k, v in numbers.items() if k != name}
    return _compare(kind, claimed, of, to, f"the {name} {to.text}" if name else to.text, others)


def _compare(
    kind: str,
    claimed: Printed,
    of: Printed,
    to: Printed,
    label: str,
    others: Mapping[str, Printed],
) -> Finding:
    """Whether a claimed comparison follows from two numbers, or from one of the other baselines."""
    if not _has_ratio(kind, to):
        return _over_zero(kind, claimed, of, to)
    allowed = tuple(_compared(kind, claimed, of, to))
    fits = [a for a in allowed if a.matches]
    if fits:
        first = fits[0]
        why = (
            f"{claimed.text} follows from {of.text} and {label}, which allow {first.low} to"
            f" {first.high}."
        )
        return Finding(kind, CONSISTENT, why, allowed)
    gives = all_of(
        [f"{_nominal(kind, a.reading, claimed, of, to)} ({a.low} to {a.high})" for a in allowed[:1]]
    )
    fitting = [
        f"'{other}' {number.text}"
        for other, number in others.items()
        if _has_ratio(kind, number) and any(a.matches for a in _compared(kind, claimed, of, number))
    ]
    if fitting:
        follows = all_of(fitting)
        why = (
            f"{claimed.text} follows from the baseline {follows}, not from {label}, which gives"
            f" {gives}."
        )
        return Finding(kind, INCONSISTENT, why, allowed)
    why = f"{claimed.text} does not follow from {of.text} and {label}, which give {gives}."
    return Finding(kind, INCONSISTENT, why, allowed)


def _compared(kind: str, claimed: Printed, of: Printed, to: Printed) -> Iterable[Allowed]:
    """What a comparison can be, in each of its readings."""
    (a, b), (c, d) = of.range, to.range
    if kind == "difference":
        yield allowed_range("difference", (a - d, b - c), claimed)
        return
    ends = [x / y for x in (a, b) for y in (c, d)]
    low, high = min(ends), max(ends)
    if kind == "ratio":
        yield allowed_range("ratio", (low, high), claimed)
        return
    change = 100 * (low - 1), 100 * (high - 1)
    yield allowed_range("change", change, claimed)
    if claimed.text[0] not in "+-−–" and claimed.value > 0:  # "reduced by 20 %"
        yield allowed_range("reduction", (-change[1], -change[0]), claimed)
    yield allowed_range("share", (100 * low, 100 * high), claimed)


def _nominal(kind: str, reading: str, claimed: Printed, of: Printed, to: Printed) -> str:
    """The comparison of the printed numbers, with the claimed one's digits and sign."""
    if kind == "difference":
        value = of.value - to.value
    else:
        value = of.value / to.value * (1 if kind == "ratio" else 100) - (
            100 if reading == "change" else 0
        )
    decimals = max(claimed.decimals, 0)
    half_up = math.floor(value * 10**decimals + Fraction(1, 2))
    sign = claimed.text[-1] if claimed.text[-1] in "x×%" else ""
    return plain_range((Fraction(half_up, 10**decimals),) * 2, decimals)[0] + sign


def _has_ratio(kind: str, to: Printed) -> bool:
    """Whether a comparison of the kind has a value for a number: a ratio to 0 has none."""
    return kind == "difference" or not to.range[0] <= 0 <= to.range[1]


def _over_zero(kind: str, claimed: Printed, of: Printed, to: Printed) -> Finding:
    """What can be said of a ratio to a number that may be 0."""
    (a, b), (c, d) = of.range, to.range
    smallest = Fraction() if a <= 0 <= b else min(abs(a), abs(b))
    largest = max(abs(c), abs(d))
    low, high = claimed.low, claimed.high
    if kind == "ratio" and largest and low is not None and high is not None:
        least = smallest / largest
        if max(abs(low), abs(high)) < least:
            ratio = plain_range((least, least), claimed.decimals + 1)[0]
            why = f"{of.text} is at least {ratio} times {to.text} in size, and not {claimed.text}."
            return Finding(kind, INCONSISTENT, why)
    return Finding(kind, OPEN, f"The digits of {to.text} allow 0, and so a {kind} of any size.")
