"""Whether printed means and spreads can be of the values, or of whole multiples of a step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from faeval.printed._finding import (
    CONSISTENT,
    INCONSISTENT,
    OPEN,
    Allowed,
    Finding,
    all_of,
    allowed_range,
    one_of,
    shown,
)
from faeval.printed._number import (
    SPREADS,
    Printed,
    Range,
    factor,
    mean_range,
    plain_range,
    spread_squares,
)
from faeval.printed._statement import Numbers

_MOST_SUMS = 100_000


def check_mean(numbers: Numbers, mean: Printed) -> Iterable[Finding]:
    if numbers.rows and not numbers.whole:
        yield Finding("mean", OPEN, f"Not all of the n = {numbers.n} values are printed.")
    elif numbers.rows:
        allowed = allowed_range("mean of the values", mean_range(numbers.box), mean)
        between = f"The values allow a mean from {allowed.low} to {allowed.high}"
        rounds = "rounds" if allowed.matches else "does not round"
        result = CONSISTENT if allowed.matches else INCONSISTENT
        yield Finding("mean", result, f"{between}, which {rounds} to {mean.text}.", (allowed,))
    n = numbers.n or (len(numbers.box) if numbers.whole else None)
    if numbers.step is not None and n is not None and not numbers.of_rows:
        yield _grid(numbers, mean, numbers.step, n)


def _grid(numbers: Numbers, mean: Printed, step: Fraction, n: int) -> Finding:
    """GRIM: the mean of n multiples of a step is a multiple of step / n."""
    low, high = mean.range
    grid = step / n
    if high - low >= grid:
        why = (
            f"Means of {n} multiples of {numbers.s.step} lie closer than the digits of {mean.text}."
        )
        return Finding("mean", OPEN, why)
    if multiple_in((low, high), grid):
        at = math.ceil(low / grid)
        return Finding(
            "mean", CONSISTENT, f"{mean.text} is {at} x {numbers.s.step} / {n}, rounded."
        )
    below = math.floor(low / grid) * grid
    lower, upper = (plain_range((at, at), mean.decimals + 2)[0] for at in (below, below + grid))
    why = (
        f"No {n} multiples of {numbers.s.step} have a mean that rounds to {mean.text}; the nearest"
        f" are {all_of((lower, upper))}."
    )
    return Finding("mean", INCONSISTENT, why, (Allowed("nearest means", lower, upper, False),))


def check_spread(numbers: Numbers, spread: Printed) -> Iterable[Finding]:
    if numbers.rows and not numbers.whole:
        yield Finding("spread", OPEN, f"Not all of the n = {numbers.n} values are printed.")
    elif numbers.rows:
        yield _spread_of_values(numbers, spread)
    elif numbers.step is not None and numbers.n is not None and numbers.mean is not None:
        yield _spread_grid(numbers, spread, numbers.mean, numbers.step, numbers.n)


def _spread_of_values(numbers: Numbers, spread: Printed) -> Finding:
    low, high = spread.range
    ends = max(low, Fraction()) ** 2, high**2
    allowed, ties = [], []
    boxes = {"": numbers.box}
    if len(numbers.pooled) != len(numbers.box):
        boxes[", all entries pooled"] = numbers.pooled
    for of, box in boxes.items():
        squares = spread_squares(box)
        if squares is None:
            return Finding(
                "spread", OPEN, "There are too many values of too many different roundings."
            )
        for name in (s for s in SPREADS if s in squares):
            square = squares[name]
            matches = square[0] <= ends[1] and ends[0] <= square[1]
            allowed.append(
                Allowed(
                    name + of,
                    *shown(square, ends, spread.decimals, matches, roots=True),
                    matches,
                )
            )
            if matches and square[0] < square[1] and (square[0] == ends[1] or square[1] == ends[0]):
                ties.append(name + of)
    return _named(numbers, spread, tuple(allowed), tuple(ties))


def _named(
    numbers: Numbers, spread: Printed, allowed: tuple[Allowed, ...], ties: tuple[str, ...]
) -> Finding:
    """Say which kinds of spread give the printed one, and whether a declared one does."""
    fits = [a for a in allowed if a.matches and a.reading in numbers.declared]
    others = [a for a in allowed if a.matches and a.reading not in numbers.declared]
    kinds = tuple(a.reading for a in fits or others)

    def span(a: Allowed) -> str:
        return (
            f"{a.reading} ({a.low} to"
            f" {a.high}{', only where roundings were ties' if a.reading in ties else ''})"
        )

    if fits:
        why = f"{spread.text} can be {one_of(list(map(span, fits)))}."
        return Finding("spread", CONSISTENT, why, allowed, kinds, ties)
    spans = [span(a) for a in allowed if a.reading in numbers.declared]
    if not spans:
        why = f"Of {len(numbers.box)} value there is no {numbers.s.spread_is}"
    elif numbers.s.spread_is:
        why = f"{spread.text} is not the {one_of(spans)}"
    else:
        why = f"{spread.text} is neither {' nor '.join(spans)}"
    if others:
        why += f"; it can be {one_of(list(map(span, others)))}"
    return Finding("spread", INCONSISTENT, f"{why}.", allowed, kinds, ties)


def _spread_grid(
    numbers: Numbers, spread: Printed, mean: Printed, step: Fraction, n: int
) -> Finding:
    """GRIMMER: which spreads n multiples of a step can have.

    Their sum and sum of squares are whole numbers, both even or both odd.
    """
    low, high = (end * n / step for end in mean.range)
    sums = range(math.ceil(low), math.floor(high) + 1)
    if not sums or len(sums) > _MOST_SUMS:
        why = "No mean is possible." if not sums else "The digits of the mean allow too many sums."
        return Finding("spread", OPEN, why)
    ends = tuple((max(end, Fraction()) / step) ** 2 for end in spread.range)
    readings = [s for s in SPREADS[:4] if s in numbers.declared]
    if not readings:
        what = f"What {numbers.s.spread_is} multiples of {numbers.s.step} can have"
        return Finding("spread", OPEN, f"{what} is not known here.")
    fits = [
        name
        for name in readings
        if (by := factor(name, n))
        and any(_has_squares(total, n, ends[0] / by, ends[1] / by) for total in sums)
    ]
    several = f"{n} multiples of {numbers.s.step} with mean {mean.text}"
    if fits:
        why = f"{several} can have {spread.text} as {one_of(fits)}."
        allowed = tuple(Allowed(name, "", "", True) for name in fits)
        return Finding("spread", CONSISTENT, why, allowed, tuple(fits))
    why = f"No {several} have {spread.text} as {one_of(readings)}."
    return Finding("spread", INCONSISTENT, why)


def multiple_in(possible: Range, step: Fraction) -> bool:
    """Whether a multiple of a step lies in a range."""
    return math.ceil(possible[0] / step) <= math.floor(possible[1] / step)


def _has_squares(total: int, n: int, low: Fraction, high: Fraction) -> bool:
    """Whether n whole numbers with a sum can have a sum of squared deviations in a range.

    Necessary, for n < 3 exact too.

    A square is even where its root is: the sum of squares is even where the sum is. It is smallest
    where the numbers differ by at most 1.
    """
    base = Fraction(total * total, n)
    quotient, rest = divmod(total, n)
    least = n * quotient * quotient + rest * (2 * quotient + 1)
    first = max(math.ceil(base + low), least)
    first += (first - total) % 2
    last = math.floor(base + high)
    if n == 1:
        return low <= 0
    if n == 2:  # the squared deviations are d^2 / 2, with d the difference, even where the sum is
        root = math.isqrt(max(0, math.ceil(2 * low) - 1)) + 1 if low > 0 else 0
        root += (root - total) % 2
        return root * root <= 2 * high
    return first <= last
