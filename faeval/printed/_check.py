"""Whether printed numbers can belong together: means, spreads, p-values, intervals, ratios.

A check says ``inconsistent`` only where no true values behind the printed digits give what is
printed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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
    one_of,
)
from faeval.printed._mean_and_spread import check_mean, check_spread, multiple_in
from faeval.printed._number import Printed, plain_range, printed
from faeval.printed._p_and_interval import check_interval, check_p
from faeval.printed._statement import Numbers, Statement


def check_statement(statement: Statement) -> tuple[Finding, ...]:
    """Check all that a statement gives numbers for.

    Returns
    -------
    tuple of Finding
        In the order count, values, mean, spread, p, interval, ratio, difference, percent. One that
        cannot be said where nothing is printed that another number could be checked against.

    Raises
    ------
    FaevalError
        Where a number cannot be read, or contradicts its kind (a negative spread, a p above 1); it
        names the field.

    Examples
    --------
    >>> values = ("0.094", "0.073", "0.072")
    >>> found = check_statement(Statement(spread="0.011", values=values, spread_is="s.d."))
    >>> found[0].outcome, found[0].readings
    ('consistent', ('s.d. with ddof 0', 'half the range'))
    """
    findings = tuple(_findings(Numbers(statement)))
    return findings or (
        Finding(
            "none", OPEN, "Nothing is printed that another of its numbers could be checked against."
        ),
    )


def check_kinds(spreads: Sequence[tuple[str, Finding]]) -> Finding | None:
    """Whether the spreads of one source can all be of one kind.

    Parameters
    ----------
    spreads
        What a reader knows each spread by, such as "0.080 ± 0.011", and the finding of its check.
        One that no reading gives has been found already, and is left out.

    Returns
    -------
    Finding or None
        None where fewer than two are left.
    """
    pairs = [(label, finding) for label, finding in spreads if finding.kinds]
    if len(pairs) < 2:
        return None
    common = [name for name in pairs[0][1].kinds if all(name in f.kinds for _, f in pairs)]
    if not common:
        each = "; ".join(f"{label} can be {one_of(f.kinds)}" for label, f in pairs)
        return Finding("kinds", INCONSISTENT, f"The spreads are not of one kind: {each}.")
    tied = {name: [label for label, f in pairs if name in f.ties] for name in common}
    notes = [
        f"{name} for {' and '.join(at)} only where roundings were ties"
        for name, at in tied.items()
        if at
    ]
    note = f" ({'; '.join(notes)})" if notes else ""
    return Finding("kinds", CONSISTENT, f"All can be {one_of(common)}{note}.")


def _findings(numbers: Numbers) -> Iterable[Finding]:
    if numbers.rows and numbers.n is not None:
        yield _count(numbers)
    if numbers.rows and numbers.step is not None:
        yield _values(numbers, numbers.step)
    if numbers.mean is not None:
        yield from check_mean(numbers, numbers.mean)
    if numbers.spread is not None:
        yield from check_spread(numbers, numbers.spread)
    if numbers.p is not None:
        yield from check_p(numbers, numbers.p)
    if numbers.s.ci is not None:
        yield from check_interval(numbers, *numbers.s.ci)
    for name in ("ratio", "difference", "percent"):
        number = numbers.read(name, signs=True, suffix="x×%")
        if number is not None:
            yield _comparison(numbers.s, name, number)


def _count(numbers: Numbers) -> Finding:
    amount = f"{len(numbers.box)} {'rows' if numbers.of_rows else 'values'} are printed"
    if numbers.n == len(numbers.box):
        return Finding("count", CONSISTENT, f"n = {numbers.n}, and {amount}.")
    return Finding("count", INCONSISTENT, f"n = {numbers.n} is claimed, and {amount}.")


def _values(numbers: Numbers, step: Fraction) -> Finding:
    wrong = [v.text for row in numbers.rows for v in row if not multiple_in(v.range, step)]
    if wrong:
        return Finding(
            "values", INCONSISTENT, f"No multiple of {numbers.s.step} rounds to {all_of(wrong)}."
        )
    if all(v.range[1] - v.range[0] >= step for row in numbers.rows for v in row):
        return Finding(
            "values", OPEN, f"Multiples of {numbers.s.step} are closer than the printed digits."
        )
    return Finding("values", CONSISTENT, f"Each value is a multiple of {numbers.s.step}, rounded.")


def _comparison(s: Statement, kind: str, claimed: Printed) -> Finding:
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
    fit = next((a for a in allowed if a.matches), None)
    if fit is not None:
        why = (
            f"{claimed.text} follows from {of.text} and {label}, which allow {fit.low} to"
            f" {fit.high}."
        )
        return Finding(kind, CONSISTENT, why, allowed)
    first = allowed[0]
    nominal = _nominal(kind, first.reading, claimed, of, to)
    gives = f"{nominal} ({first.low} to {first.high})"
    fitting = [
        f"'{other}' {number.text}"
        for other, number in others.items()
        if _has_ratio(kind, number) and any(a.matches for a in _compared(kind, claimed, of, number))
    ]
    why = f"{claimed.text} does not follow from {of.text} and {label}, which give {gives}."
    if fitting:
        why = (
            f"{claimed.text} follows from the baseline {all_of(fitting)}, not from {label}, which"
            f" gives {gives}."
        )
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
