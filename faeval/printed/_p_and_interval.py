"""Whether a printed p-value or interval follows from a statistic, values, or mean and spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from faeval._arguments import refuse
from faeval.printed import _p_value as chances
from faeval.printed._finding import CONSISTENT, INCONSISTENT, OPEN, Allowed, Finding, all_of, shown
from faeval.printed._number import (
    SPREADS,
    Printed,
    Range,
    factor,
    mean_range,
    plain_range,
    printed,
    spread_squares,
)
from faeval.printed._statement import SIDES, Numbers

#: Test statistics, and how many degrees of freedom each has.
_DEGREES = {"t": 1, "f": 2, "z": 0, "chi2": 1, "r": 1}


def check_p(numbers: Numbers, p: Printed) -> Iterable[Finding]:
    ranges = _p_of_statistic(numbers)
    if ranges:
        yield _p_finding(numbers, p, ranges)
    # Beside a statistic, p belongs to it, and the statistic may be of something else than mean
    # or values.
    estimates = [] if ranges else _estimates(numbers)
    if estimates:
        p_by_test: dict[str, chances.Bounds] = {}
        for e in estimates:
            t = chances.quotient(e.difference, e.error)
            p_by_test |= {
                f"{e.reading}, {side}": bounds for side, bounds in chances.tails(t, e.df).items()
            }
        yield _p_finding(numbers, p, p_by_test)
    if not ranges and not estimates:
        why = (
            "No statistic with its degrees of freedom, no values, and no mean, spread and n are"
            " printed with p."
        )
        yield Finding("p", OPEN, why)


def _p_of_statistic(numbers: Numbers) -> dict[str, chances.Bounds]:
    s, p_by_tail = numbers.s, dict[str, chances.Bounds]()
    statistics = {name: n for name in _DEGREES if (n := numbers.read(name)) is not None}
    df = [printed(text, "df") for text in s.df]
    for name, number in statistics.items():
        if name != "z" or len(statistics) == 1:
            length = _DEGREES[name]
            _check_df(s.df, f"{length} number(s) for {name}", len(df) == length)
        _check_df(s.df, "above 0", all(d.value > 0 for d in df))
        ends = chances.floats(number.range)
        whole = tuple(float(d.value) for d in df)
        if law := {"f": "F", "chi2": "chi-square"}.get(name):
            p_by_tail[f"upper tail of {law}"] = chances.upper_tail(law, ends, whole)
            continue
        if name == "r" and abs(number.value) > 1:
            raise refuse("r", number.text, "between -1 and 1", "give it as it is printed")
        t = chances.correlation_t(ends, whole[0]) if name == "r" else ends
        bounds = _df_bounds(df[0]) if name != "z" else (math.inf, math.inf)
        p_by_tail |= {f"{name}, {side}": p for side, p in chances.tails(t, bounds).items()}
    return p_by_tail


def _p_finding(numbers: Numbers, p: Printed, ranges: Mapping[str, chances.Bounds]) -> Finding:
    sides = SIDES.get(numbers.s.sides or "", chances.SIDES)
    tested = {k: v for k, v in ranges.items() if k.startswith("upper tail") or k.endswith(sides)}
    allowed = tuple(
        Allowed(
            name, *_shown_p(possible, p, matches := p.meets(chances.exactly(possible))), matches
        )
        for name, possible in tested.items()
    )
    fits = [a for a in allowed if a.matches]
    if all(possible[0] <= 1e-6 and possible[1] >= 0.999 for possible in tested.values()):
        return Finding("p", OPEN, "The printed digits allow any p.", allowed)
    if fits:
        others = len(fits) - 1
        also = f", and {others} other reading{'s' * (others > 1)}" if others else ""
        why = f"p {_equals(p)} follows from {fits[0].reading} ({_span(fits[0])}){also}."
        return Finding("p", CONSISTENT, why, allowed)
    value = float(p.value)
    nearest = sorted(
        allowed, key=lambda a: min(abs(float(a.low) - value), abs(float(a.high) - value))
    )
    examples = _examples([f"{a.reading} gives {_span(a)}" for a in nearest], 3)
    return Finding("p", INCONSISTENT, f"p {_equals(p)} does not follow: {examples}.", allowed)


def _examples(readings: Sequence[str], most: int) -> str:
    """Return the first readings that do not give a number, and how many more there are."""
    more = len(readings) - most
    note = f" (and {more} further readings do not give it either)" if more > 0 else ""
    return all_of(readings[:most]) + note


def check_interval(numbers: Numbers, low_text: str, high_text: str) -> Iterable[Finding]:
    low, high = printed(low_text, "ci[0]"), printed(high_text, "ci[1]")
    text = f"[{low.text}, {high.text}]"
    if low.range[0] > high.range[1]:
        yield Finding(
            "interval", INCONSISTENT, f"The lower end of {text} lies above the upper one."
        )
        return
    mean = _centre(numbers)
    if mean is not None:
        yield _middle(numbers, text, low, high, mean)
    width = (high.range[0] - low.range[1]) / 2, (high.range[1] - low.range[0]) / 2
    estimates = _estimates(numbers) if numbers.s.symmetric else []
    if estimates:
        yield _half_width(numbers, text, max(low.decimals, high.decimals), width, estimates)
    if mean is None and not estimates:
        yield Finding(
            "interval", OPEN, "Neither the mean nor values are printed with the interval."
        )


def _centre(numbers: Numbers) -> tuple[str, Range] | None:
    if numbers.mean is not None and numbers.mean2 is None:
        return f"the mean {numbers.mean.text}", numbers.mean.range
    if numbers.mean is not None and numbers.mean2 is not None:
        (a, b), (c, d) = numbers.mean.range, numbers.mean2.range
        return f"the difference {numbers.mean.text} - {numbers.mean2.text}", (a - d, b - c)
    return ("the mean of the values", mean_range(numbers.box)) if numbers.whole else None


def _middle(
    numbers: Numbers, text: str, low: Printed, high: Printed, mean: tuple[str, Range]
) -> Finding:
    name, possible = mean
    decimals = max(low.decimals, high.decimals) + 2
    if not numbers.s.symmetric:
        if possible[1] < low.range[0] or possible[0] > high.range[1]:
            return Finding("interval", INCONSISTENT, f"{text} does not hold {name}.")
        return Finding("interval", CONSISTENT, f"{text} holds {name}.")
    middle = (low.range[0] + high.range[0]) / 2, (low.range[1] + high.range[1]) / 2
    ends = plain_range(middle, decimals)
    matches = middle[0] <= possible[1] and possible[0] <= middle[1]
    allowed = (Allowed("middle of the interval", *ends, matches),)
    if matches:
        return Finding("interval", CONSISTENT, f"The middle of {text} can be {name}.", allowed)
    why = f"The middle of {text} is {ends[0]} to {ends[1]}, and not {name}."
    return Finding("interval", INCONSISTENT, why, allowed)


def _half_width(
    numbers: Numbers, text: str, decimals: int, width: Range, estimates: Sequence[_Estimate]
) -> Finding:
    allowed = []
    for e in estimates:
        for law, df in {"t": e.df, "z": (math.inf, math.inf)}.items():
            factors = sorted(chances.critical(d, numbers.level) for d in df)
            bounds = chances.widened((factors[0] * e.error[0], factors[-1] * e.error[1]))
            limits = chances.exactly(bounds)
            matches = limits[0] <= width[1] and width[0] <= limits[1]
            ends = shown(limits, width, decimals, matches)
            allowed.append(Allowed(f"{e.reading}, quantile of {law}", *ends, matches))
    half = plain_range(width, decimals + 2)
    subject = f"Half the width of {text} ({half[0]} to {half[1]})"
    for fit in allowed:
        if fit.matches:
            why = f"{subject} follows from {fit.reading} ({fit.low} to {fit.high})."
            return Finding("interval", CONSISTENT, why, tuple(allowed))
    examples = _examples([f"{a.reading} gives {a.low} to {a.high}" for a in allowed], 2)
    why = f"{subject} does not follow: {examples}."
    return Finding("interval", INCONSISTENT, why, tuple(allowed))


@dataclass(frozen=True)
class _Estimate:
    """A mean or a difference less its null, and its standard error, as far as is printed."""

    reading: str
    difference: Range
    error: chances.Bounds
    df: chances.Bounds


def _estimates(numbers: Numbers) -> list[_Estimate]:
    """The mean, or a difference of two, with its standard error in each reading."""
    if numbers.mean2 is None and numbers.rows:
        return _of_values(numbers)
    if numbers.mean is None or numbers.spread is None or numbers.n is None or numbers.n < 2:
        return []
    errors = {s: _error(numbers.spread, s, numbers.n) for s in SPREADS[:4] if s in numbers.declared}
    shift = numbers.null
    low, high = numbers.mean.range
    if numbers.mean2 is None:
        mean, df = (low - shift, high - shift), (numbers.n - 1.0,) * 2
        return [_Estimate(name, mean, error, df) for name, error in errors.items()]
    if numbers.spread2 is None or numbers.n2 is None or numbers.n2 < 2:
        return []
    low2, high2 = numbers.mean2.range
    difference, ns = (low - high2 - shift, high - low2 - shift), (numbers.n, numbers.n2)
    estimates: list[_Estimate] = []
    for name, error in errors.items():
        both = error, _error(numbers.spread2, name, numbers.n2)
        estimates += _of_two(name, difference, both, ns)
    return estimates


def _of_values(numbers: Numbers) -> list[_Estimate]:
    if not numbers.whole or len(numbers.box) < 2:
        return []
    squares = spread_squares(numbers.box)
    if squares is None:
        return []
    low, high = mean_range(numbers.box)
    if numbers.mean is not None and numbers.mean.meets((low, high)):
        low, high = max(low, numbers.mean.range[0]), min(high, numbers.mean.range[1])
    name = "standard error with ddof 1"
    error = math.sqrt(squares[name][0]), math.sqrt(squares[name][1])
    df = float(len(numbers.box) - 1)
    return [_Estimate("the values", (low - numbers.null, high - numbers.null), error, (df, df))]


def _of_two(
    name: str, difference: Range, errors: tuple[chances.Bounds, chances.Bounds], ns: tuple[int, int]
) -> tuple[_Estimate, _Estimate]:
    """The difference of two means with its standard error, as Welch and as Student have it."""
    squares = [(low * low, high * high) for low, high in errors]
    welch = math.sqrt(squares[0][0] + squares[1][0]), math.sqrt(squares[0][1] + squares[1][1])
    n, n2 = ns
    k, k2 = n * (n - 1), n2 * (n2 - 1)
    share = (1 / n + 1 / n2) / (n + n2 - 2)
    low, high = (math.sqrt(share * (k * a + k2 * b)) for a, b in zip(*squares, strict=True))
    total = float(n + n2 - 2)
    return (
        _Estimate(
            f"Welch, {name}", difference, welch, chances.welch_df(squares[0], squares[1], ns)
        ),
        _Estimate(f"Student, {name}", difference, (low, high), (total, total)),
    )


def _error(spread: Printed, kind: str, n: int) -> chances.Bounds:
    """The standard error of a mean (ddof 1), where a printed spread is of a kind."""
    by = factor("standard error with ddof 1", n), factor(kind, n)
    assert by[0] is not None
    assert by[1] is not None
    scale = math.sqrt(by[0] / by[1])
    low, high = spread.range
    return max(0.0, float(low)) * scale, float(high) * scale


def _check_df(df: Sequence[str], requirement: str, holds: bool) -> None:
    if not holds:
        raise refuse("df", list(df), requirement, "give the degrees of freedom")


def _df_bounds(df: Printed) -> chances.Bounds:
    """Whole degrees of freedom are exact; with a point (Welch's) they are rounded."""
    return chances.floats(df.range) if df.decimals > 0 else (float(df.value), float(df.value))


def _shown_p(possible: chances.Bounds, p: Printed, matches: bool) -> tuple[str, str]:
    low, high = (0.0 if end < 1e-15 else min(end, 1.0) for end in possible)
    for digits in (2, 3, 4, 6, 8):
        texts = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if matches or not p.meets((Fraction(texts[0]), Fraction(texts[1]))):
            break
    return texts


def _equals(p: Printed) -> str:
    sign = p.text[: 2 if p.text[:2] in ("<=", ">=") else 1]
    return f"{sign} {p.text[len(sign) :].strip()}" if sign[0] in "<>≤≥" else f"= {p.text}"


def _span(allowed: Allowed) -> str:
    return allowed.low if allowed.low == allowed.high else f"{allowed.low} to {allowed.high}"
