"""Whether printed numbers can belong together: means, spreads, counts, p-values, intervals, ratios.

A check says ``inconsistent`` only where no true values behind the printed digits give what is
printed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from faeval._arguments import choice, count, refuse
from faeval.printed import _p_value as chances
from faeval.printed._number import (
    SPREADS,
    Printed,
    Range,
    factor,
    mean_range,
    plain_range,
    printed,
    root_range,
    spread_squares,
)

CONSISTENT, INCONSISTENT, OPEN = "consistent", "inconsistent", "cannot be said"
OUTCOMES = (CONSISTENT, INCONSISTENT, OPEN)

#: What a statement may declare its spread to be, and what that may mean.
SPREAD_IS: Mapping[str, tuple[str, ...]] = {
    "s.d.": SPREADS[:2],
    "ddof 1": SPREADS[:1],
    "ddof 0": SPREADS[1:2],
    "standard error": SPREADS[2:4],
    "half the range": SPREADS[4:5],
    "mean absolute deviation": SPREADS[5:],
}
SIDES: Mapping[str, tuple[str, ...]] = {"two": chances.SIDES[:1], "one": chances.SIDES[1:]}
_MOST_SUMS = 100_000

Rows: TypeAlias = tuple[tuple[str, ...], ...]


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


@dataclass(frozen=True)
class Statement:
    """Numbers that are printed together. All are text, so that the digits are kept.

    Give what the paper gives.

    Parameters
    ----------
    name, source
        What it is, and where it is printed.
    mean, spread, n
        As in 0.080 ± 0.011 (n = 3); n is the number of values (or rows of them) that mean and
        spread are of.
    spread_is
        What the source says that the spread is, one of `SPREAD_IS`; any of them where it says
        nothing.
    values
        What mean and spread are of: numbers, or rows of numbers, such as the layers of each seed,
        which are averaged first.
    step
        What single values are multiples of: "1" for counts, "1/10000" for accuracies on 10,000
        samples.
    mean2, spread2, n2
        A second, independent group.
    null
        What the mean, or the difference of two, is tested against.
    p, sides
        A p-value, and whether it is "two"- or "one"-sided; any where the source says nothing.
    t, f, z, chi2, r, df
        A test statistic, and its degrees of freedom, one or for F two.
    ci, level, symmetric
        A confidence interval of the mean (or the difference of two), its level, whether the mean is
        to be its middle.
    ratio, difference, percent
        What is said of `of` against `to`: of / to, of - to, the change 100 (of - to) / to or the
        share 100 of / to.
    baselines
        By name, what else `to` may be; `to` may be one of the names.
    """

    name: str = ""
    source: str = ""
    mean: str | None = None
    spread: str | None = None
    spread_is: str | None = None
    values: tuple[str, ...] | Rows = ()
    n: int | None = None
    step: str | None = None
    mean2: str | None = None
    spread2: str | None = None
    n2: int | None = None
    null: str = "0"
    p: str | None = None
    sides: str | None = None
    t: str | None = None
    f: str | None = None
    z: str | None = None
    chi2: str | None = None
    r: str | None = None
    df: tuple[str, ...] = ()
    ci: tuple[str, str] | None = None
    level: str = "0.95"
    symmetric: bool = True
    ratio: str | None = None
    difference: str | None = None
    percent: str | None = None
    of: str | None = None
    to: str | None = None
    baselines: Mapping[str, str] = field(default_factory=dict)


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
    findings = tuple(_Numbers(statement).findings())
    return findings or (
        Finding(
            "none", OPEN, "Nothing is printed that another of its numbers could be checked against."
        ),
    )


def outcome(findings: Iterable[Finding]) -> str:
    """One word for all findings of a statement: inconsistent where one is.

    Else consistent where one is.
    """
    words = {f.outcome for f in findings}
    return next(word for word in (INCONSISTENT, CONSISTENT, OPEN) if word in words or word == OPEN)


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
        each = "; ".join(f"{label} can be {_either(f.kinds)}" for label, f in pairs)
        return Finding("kinds", INCONSISTENT, f"The spreads are not of one kind: {each}.")
    tied = {name: [label for label, f in pairs if name in f.ties] for name in common}
    notes = [
        f"{name} for {' and '.join(at)} only where roundings were ties"
        for name, at in tied.items()
        if at
    ]
    note = f" ({'; '.join(notes)})" if notes else ""
    return Finding("kinds", CONSISTENT, f"All can be {_either(common)}{note}.")


class _Numbers:
    """A statement's numbers, read, and the checks on them."""

    def __init__(self, statement: Statement) -> None:
        s = self.s = statement
        self.mean, self.mean2 = self._read("mean"), self._read("mean2")
        self.spread, self.spread2 = self._at_least_0("spread"), self._at_least_0("spread2")
        self.n = None if s.n is None else count("n", s.n, low=1)
        self.n2 = None if s.n2 is None else count("n2", s.n2, low=1)
        self.null = Fraction(printed(s.null, "null").value)
        self.step = None if s.step is None else _step(s.step)
        self.p = self._at_least_0("p", signs=True)
        if self.p is not None and self.p.value > 1:
            raise refuse("p", s.p, "a probability, at most 1", "give it as it is printed")
        if s.spread_is is not None:
            choice("spread_is", s.spread_is, tuple(SPREAD_IS))
        if s.sides is not None:
            choice("sides", s.sides, tuple(SIDES))
        self.declared = SPREADS if s.spread_is is None else SPREAD_IS[s.spread_is]
        self.rows = _rows(s.values)
        self.level = float(_level(s.level))

    def _read(self, name: str, signs: bool = False, suffix: str = "") -> Printed | None:
        text = getattr(self.s, name)
        if text is None:
            return None
        number = printed(text, name, suffix)
        if not signs:
            _ = number.range  # refuses < and >
        return number

    def _at_least_0(self, name: str, signs: bool = False) -> Printed | None:
        number = self._read(name, signs)
        if number is not None and number.value < 0:
            raise refuse(
                name, number.text, "at least 0", "give it as it is printed, without a sign"
            )
        return number

    # --- what the values say ---

    @cached_property
    def box(self) -> list[Range]:
        """One range a value, or a mean of each row; of all entries where n counts these."""
        if self.rows and self.n == self._entries != len(self.rows):
            return self._pooled
        return [mean_range([number.range for number in row]) for row in self.rows]

    @property
    def _entries(self) -> int:
        return sum(map(len, self.rows))

    @cached_property
    def _pooled(self) -> list[Range]:
        return [number.range for row in self.rows for number in row]

    @property
    def whole(self) -> bool:
        """Whether all values are printed that mean and spread are of."""
        return bool(self.rows) and self.n in (None, len(self.box))

    def findings(self) -> Iterable[Finding]:
        if self.rows and self.n is not None:
            yield self._count()
        if self.rows and self.step is not None:
            yield self._values(self.step)
        if self.mean is not None:
            yield from self._mean(self.mean)
        if self.spread is not None:
            yield from self._spread(self.spread)
        if self.p is not None:
            yield from self._p(self.p)
        if self.s.ci is not None:
            yield from self._interval(*self.s.ci)
        for name in ("ratio", "difference", "percent"):
            number = self._read(name, signs=True, suffix="x×%")
            if number is not None:
                yield self._comparison(name, number)

    def _count(self) -> Finding:
        amount, unit = len(self.box), "rows" if any(len(row) > 1 for row in self.rows) else "values"
        if self.n == amount:
            return Finding("count", CONSISTENT, f"n = {self.n}, and {amount} {unit} are printed.")
        return Finding(
            "count", INCONSISTENT, f"n = {self.n} is claimed, and {amount} {unit} are printed."
        )

    def _values(self, step: Fraction) -> Finding:
        wrong = [v.text for row in self.rows for v in row if not _multiple(v.range, step)]
        if wrong:
            return Finding(
                "values", INCONSISTENT, f"No multiple of {self.s.step} rounds to {_and(wrong)}."
            )
        if all(v.range[1] - v.range[0] >= step for row in self.rows for v in row):
            return Finding(
                "values", OPEN, f"Multiples of {self.s.step} are closer than the printed digits."
            )
        return Finding("values", CONSISTENT, f"Each value is a multiple of {self.s.step}, rounded.")

    # --- mean and spread ---

    def _mean(self, mean: Printed) -> Iterable[Finding]:
        if self.rows and not self.whole:
            yield Finding("mean", OPEN, f"Not all of the n = {self.n} values are printed.")
        elif self.rows:
            allowed = _allowed("mean of the values", mean_range(self.box), mean)
            between = f"The values allow a mean from {allowed.low} to {allowed.high}"
            if allowed.matches:
                yield Finding(
                    "mean", CONSISTENT, f"{between}, which rounds to {mean.text}.", (allowed,)
                )
            else:
                yield Finding(
                    "mean",
                    INCONSISTENT,
                    f"{between}, which does not round to {mean.text}.",
                    (allowed,),
                )
        n = self.n or (len(self.box) if self.whole else None)
        if self.step is not None and n is not None and not any(len(row) > 1 for row in self.rows):
            yield self._grid(mean, self.step, n)

    def _grid(self, mean: Printed, step: Fraction, n: int) -> Finding:
        """GRIM: the mean of n multiples of a step is a multiple of step / n."""
        low, high = mean.range
        grid = step / n
        if high - low >= grid:
            why = (
                f"Means of {n} multiples of {self.s.step} lie closer than the digits of"
                f" {mean.text}."
            )
            return Finding("mean", OPEN, why)
        below = math.floor(low / grid) * grid
        near = (below, below + grid)
        if _multiple((low, high), grid):
            at = math.ceil(low / grid)
            return Finding(
                "mean", CONSISTENT, f"{mean.text} is {at} x {self.s.step} / {n}, rounded."
            )
        ends = (
            plain_range((near[0], near[0]), mean.decimals + 2)[0],
            plain_range((near[1],) * 2, mean.decimals + 2)[0],
        )
        why = (
            f"No {n} multiples of {self.s.step} have a mean that rounds to {mean.text}; the nearest"
            f" are {_and(ends)}."
        )
        return Finding("mean", INCONSISTENT, why, (Allowed("nearest means", *ends, False),))

    def _spread(self, spread: Printed) -> Iterable[Finding]:
        if self.rows and not self.whole:
            yield Finding("spread", OPEN, f"Not all of the n = {self.n} values are printed.")
        elif self.rows:
            yield self._spread_of_values(spread)
        elif self.step is not None and self.n is not None and self.mean is not None:
            yield self._spread_grid(spread, self.mean, self.step, self.n)

    def _spread_of_values(self, spread: Printed) -> Finding:
        low, high = spread.range
        ends = max(low, Fraction()) ** 2, high**2
        allowed, ties = [], []
        boxes = {"": self.box}
        if len(self._pooled) != len(self.box):
            boxes[", all entries pooled"] = self._pooled
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
                        *_shown(square, ends, spread.decimals, matches, roots=True),
                        matches,
                    )
                )
                if (
                    matches
                    and square[0] < square[1]
                    and (square[0] == ends[1] or square[1] == ends[0])
                ):
                    ties.append(name + of)
        return self._named(spread, tuple(allowed), tuple(ties))

    def _named(
        self, spread: Printed, allowed: tuple[Allowed, ...], ties: tuple[str, ...]
    ) -> Finding:
        """Say which kinds of spread give the printed one, and whether a declared one does."""
        text = spread.text
        fits = [a for a in allowed if a.matches and a.reading in self.declared]
        others = [a for a in allowed if a.matches and a.reading not in self.declared]
        kinds = tuple(a.reading for a in fits or others)

        def span(a: Allowed) -> str:
            return (
                f"{a.reading} ({a.low} to"
                f" {a.high}{', only where roundings were ties' if a.reading in ties else ''})"
            )

        if fits:
            return Finding(
                "spread",
                CONSISTENT,
                f"{text} can be {_either(list(map(span, fits)))}.",
                allowed,
                kinds,
                ties,
            )
        spans = list(map(span, (a for a in allowed if a.reading in self.declared)))
        which = (
            f"not the {_either(spans)}" if self.s.spread_is else f"neither {' nor '.join(spans)}"
        )
        why = (
            f"{text} is {which}"
            if spans
            else f"Of {len(self.box)} value there is no {self.s.spread_is}"
        )
        if others:
            why += f"; it can be {_either(list(map(span, others)))}"
        return Finding("spread", INCONSISTENT, f"{why}.", allowed, kinds, ties)

    def _spread_grid(self, spread: Printed, mean: Printed, step: Fraction, n: int) -> Finding:
        """GRIMMER: which spreads n multiples of a step can have.

        Their sum and sum of squares are whole numbers, both even or both odd.
        """
        low, high = (end * n / step for end in mean.range)
        sums = range(math.ceil(low), math.floor(high) + 1)
        if not sums or len(sums) > _MOST_SUMS:
            why = (
                "No mean is possible."
                if not sums
                else "The digits of the mean allow too many sums."
            )
            return Finding("spread", OPEN, why)
        ends = tuple((max(end, Fraction()) / step) ** 2 for end in spread.range)
        readings = [s for s in SPREADS[:4] if s in self.declared]
        fits = []
        for name in readings:
            by = factor(name, n)
            if by and any(_has_squares(total, n, ends[0] / by, ends[1] / by) for total in sums):
                fits.append(name)
        if not readings:
            return Finding(
                "spread",
                OPEN,
                f"What {self.s.spread_is} multiples of {self.s.step} can have is not known here.",
            )
        allowed = tuple(Allowed(name, "", "", True) for name in fits)
        numbers = f"{n} multiples of {self.s.step} with mean {mean.text}"
        if fits:
            why = f"{numbers} can have {spread.text} as {_either(fits)}."
            return Finding("spread", CONSISTENT, why, allowed, tuple(fits))
        why = f"No {numbers} have {spread.text} as {_either(readings)}."
        return Finding("spread", INCONSISTENT, why)

    # --- p and interval ---

    def _estimates(self) -> list[_Estimate]:
        """The mean, or a difference of two, with its standard error in each reading."""
        if self.mean2 is None and self.rows:
            return self._of_values()
        if self.mean is None or self.spread is None or self.n is None or self.n < 2:
            return []
        errors = {s: _error(self.spread, s, self.n) for s in SPREADS[:4] if s in self.declared}
        shift = self.null
        low, high = self.mean.range
        if self.mean2 is None:
            mean, df = (low - shift, high - shift), (self.n - 1.0,) * 2
            return [_Estimate(name, mean, error, df) for name, error in errors.items()]
        if self.spread2 is None or self.n2 is None or self.n2 < 2:
            return []
        low2, high2 = self.mean2.range
        difference, ns = (low - high2 - shift, high - low2 - shift), (self.n, self.n2)
        estimates: list[_Estimate] = []
        for name, error in errors.items():
            both = error, _error(self.spread2, name, self.n2)
            estimates += _of_two(name, difference, both, ns)
        return estimates

    def _of_values(self) -> list[_Estimate]:
        if not self.whole or len(self.box) < 2:
            return []
        squares = spread_squares(self.box)
        if squares is None:
            return []
        low, high = mean_range(self.box)
        if self.mean is not None and self.mean.meets((low, high)):
            low, high = max(low, self.mean.range[0]), min(high, self.mean.range[1])
        name = "standard error with ddof 1"
        error = math.sqrt(squares[name][0]), math.sqrt(squares[name][1])
        df = float(len(self.box) - 1)
        return [_Estimate("the values", (low - self.null, high - self.null), error, (df, df))]

    def _p(self, p: Printed) -> Iterable[Finding]:
        ranges = self._p_of_statistic()
        if ranges:
            yield self._p_found(p, ranges)
        # Beside a statistic, p belongs to it, and the statistic may be of something else than mean
        # or values.
        estimates = [] if ranges else self._estimates()
        if estimates:
            p_by_test: dict[str, chances.Bounds] = {}
            for e in estimates:
                t = chances.quotient(e.difference, e.error)
                p_by_test |= {
                    f"{e.reading}, {side}": bounds
                    for side, bounds in chances.tails(t, e.df).items()
                }
            yield self._p_found(p, p_by_test)
        if not ranges and not estimates:
            why = (
                "No statistic with its degrees of freedom, no values, and no mean, spread and n are"
                " printed with p."
            )
            yield Finding("p", OPEN, why)

    def _p_of_statistic(self) -> dict[str, chances.Bounds]:
        s, p_by_tail = self.s, dict[str, chances.Bounds]()
        statistics = {
            name: number
            for name in ("t", "f", "z", "chi2", "r")
            if (number := self._read(name)) is not None
        }
        df = [printed(text, "df") for text in s.df]
        for name, number in statistics.items():
            if name != "z" or len(statistics) == 1:
                length = {"t": 1, "f": 2, "z": 0, "chi2": 1, "r": 1}[name]
                _check_df(s.df, f"{length} number(s) for {name}", len(df) == length)
            _check_df(s.df, "above 0", all(d.value > 0 for d in df))
            ends = chances.floats(number.range)
            whole = tuple(float(d.value) for d in df)
            if name in ("f", "chi2"):
                law = {"f": "F", "chi2": "chi-square"}[name]
                p_by_tail[f"upper tail of {law}"] = chances.upper_tail(law, ends, whole)
                continue
            if name == "r" and abs(number.value) > 1:
                raise refuse("r", number.text, "between -1 and 1", "give it as it is printed")
            t = chances.correlation_t(ends, whole[0]) if name == "r" else ends
            bounds = _df_bounds(df[0]) if name != "z" else (math.inf, math.inf)
            p_by_tail |= {f"{name}, {side}": p for side, p in chances.tails(t, bounds).items()}
        return p_by_tail

    def _p_found(self, p: Printed, ranges: Mapping[str, chances.Bounds]) -> Finding:
        sides = SIDES.get(self.s.sides or "", chances.SIDES)
        tested = {
            k: v for k, v in ranges.items() if k.startswith("upper tail") or k.endswith(sides)
        }
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
            first = fits[0]
            also = (
                f", and {len(fits) - 1} other reading{'s' * (len(fits) > 2)}"
                if len(fits) > 1
                else ""
            )
            why = f"p {_equals(p)} follows from {first.reading} ({_span(first)}){also}."
            return Finding("p", CONSISTENT, why, allowed)
        examples = _and([f"{a.reading} gives {_span(a)}" for a in _nearest_first(allowed, p)[:3]])
        more = (
            f" (and {len(allowed) - 3} further readings do not give it either)"
            if len(allowed) > 3
            else ""
        )
        return Finding(
            "p", INCONSISTENT, f"p {_equals(p)} does not follow: {examples}{more}.", allowed
        )

    def _interval(self, low_text: str, high_text: str) -> Iterable[Finding]:
        low, high = printed(low_text, "ci[0]"), printed(high_text, "ci[1]")
        text = f"[{low.text}, {high.text}]"
        if low.range[0] > high.range[1]:
            yield Finding(
                "interval", INCONSISTENT, f"The lower end of {text} lies above the upper one."
            )
            return
        mean = self._centre()
        if mean is not None:
            yield self._middle(text, low, high, mean)
        width = (high.range[0] - low.range[1]) / 2, (high.range[1] - low.range[0]) / 2
        estimates = self._estimates() if self.s.symmetric else []
        if estimates:
            yield self._half_width(text, max(low.decimals, high.decimals), width, estimates)
        if mean is None and not estimates:
            yield Finding(
                "interval", OPEN, "Neither the mean nor values are printed with the interval."
            )

    def _centre(self) -> tuple[str, Range] | None:
        if self.mean is not None and self.mean2 is None:
            return f"the mean {self.mean.text}", self.mean.range
        if self.mean is not None and self.mean2 is not None:
            (a, b), (c, d) = self.mean.range, self.mean2.range
            return f"the difference {self.mean.text} - {self.mean2.text}", (a - d, b - c)
        return ("the mean of the values", mean_range(self.box)) if self.whole else None

    def _middle(self, text: str, low: Printed, high: Printed, mean: tuple[str, Range]) -> Finding:
        name, possible = mean
        decimals = max(low.decimals, high.decimals) + 2
        if not self.s.symmetric:
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
        self, text: str, decimals: int, width: Range, estimates: Sequence[_Estimate]
    ) -> Finding:
        allowed = []
        for e in estimates:
            for law, df in {"t": e.df, "z": (math.inf, math.inf)}.items():
                factors = sorted(chances.critical(d, self.level) for d in df)
                bounds = chances.widened((factors[0] * e.error[0], factors[-1] * e.error[1]))
                limits = chances.exactly(bounds)
                matches = limits[0] <= width[1] and width[0] <= limits[1]
                ends = _shown(limits, width, decimals, matches)
                allowed.append(Allowed(f"{e.reading}, quantile of {law}", *ends, matches))
        fits = [a for a in allowed if a.matches]
        half = plain_range(width, decimals + 2)
        subject = f"Half the width of {text} ({half[0]} to {half[1]})"
        if fits:
            first = fits[0]
            why = f"{subject} follows from {first.reading} ({first.low} to {first.high})."
            return Finding("interval", CONSISTENT, why, tuple(allowed))
        examples = _and([f"{a.reading} gives {a.low} to {a.high}" for a in allowed[:2]])
        more = (
            f" (and {len(allowed) - 2} further readings do not give it either)"
            if len(allowed) > 2
            else ""
        )
        return Finding(
            "interval",
            INCONSISTENT,
            f"{subject} does not follow: {examples}{more}.",
            tuple(allowed),
        )

    # --- one number against another ---

    def _comparison(self, kind: str, claimed: Printed) -> Finding:
        s = self.s
        if s.of is None or s.to is None:
            raise refuse(
                "to" if s.of is not None else "of",
                None,
                f"what the {kind} is computed with",
                "give of and to",
            )
        of = printed(s.of, "of", "%")
        numbers = {
            name: printed(text, f"baselines.{name}", "%") for name, text in s.baselines.items()
        }
        name = s.to if s.to in numbers else ""
        to = numbers[name] if name else printed(s.to, "to", "%")
        if not name:
            name = next((k for k, v in numbers.items() if v.range == to.range), "")
            to = numbers.get(name, to)
        others = {k: v for k, v in numbers.items() if k != name}
        return _compare(kind, claimed, of, to, f"the {name} {to.text}" if name else to.text, others)


@dataclass(frozen=True)
class _Estimate:
    """A mean or a difference less its null, and its standard error, as far as is printed."""

    reading: str
    difference: Range
    error: chances.Bounds
    df: chances.Bounds


def _rows(values: tuple[str, ...] | Rows) -> tuple[tuple[Printed, ...], ...]:
    rows = []
    for i, row in enumerate(values):
        entries = (row,) if isinstance(row, str) else tuple(row)
        if not entries:
            raise refuse(
                f"values[{i}]",
                row,
                "a number or a row of numbers",
                "give what is printed, or leave the row out",
            )
        numbers = tuple(printed(text, f"values[{i}]") for text in entries)
        for number in numbers:
            _ = number.range
        rows.append(numbers)
    return tuple(rows)


def _step(text: str) -> Fraction:
    try:
        step = Fraction(text)
    except (ValueError, ZeroDivisionError, TypeError):
        step = Fraction()
    if step <= 0:
        raise refuse(
            "step",
            text,
            "what single values are multiples of, above 0",
            "such as '1', '0.01' or '1/10000'",
        )
    return step


def _level(text: str) -> Fraction:
    number = printed(text, "level", "%")
    value = number.value / 100 if text.strip().endswith("%") or number.value > 1 else number.value
    if not 0 < value < 1:
        raise refuse("level", text, "between 0 and 1", "such as '0.95' or '95%'")
    return value


def _multiple(possible: Range, step: Fraction) -> bool:
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


def _error(spread: Printed, kind: str, n: int) -> chances.Bounds:
    """The standard error of a mean (ddof 1), where a printed spread is of a kind."""
    by = factor("standard error with ddof 1", n), factor(kind, n)
    assert by[0] is not None
    assert by[1] is not None
    scale = math.sqrt(by[0] / by[1])
    low, high = spread.range
    return max(0.0, float(low)) * scale, float(high) * scale


def _allowed(reading: str, possible: Range, number: Printed) -> Allowed:
    matches = number.meets(possible)
    low = possible[0] if number.low is None else number.low
    high = possible[1] if number.high is None else number.high
    return Allowed(reading, *_shown(possible, (low, high), number.decimals, matches), matches)


def _shown(
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


def _shown_p(possible: chances.Bounds, p: Printed, matches: bool) -> tuple[str, str]:
    low, high = (0.0 if end < 1e-15 else min(end, 1.0) for end in possible)
    for digits in (2, 3, 4, 6, 8):
        texts = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if matches or not p.meets((Fraction(texts[0]), Fraction(texts[1]))):
            break
    return texts


def _nearest_first(allowed: Iterable[Allowed], p: Printed) -> list[Allowed]:
    value = float(p.value)
    return sorted(allowed, key=lambda a: min(abs(float(a.low) - value), abs(float(a.high) - value)))


def _equals(p: Printed) -> str:
    sign = p.text[: 2 if p.text[:2] in ("<=", ">=") else 1]
    return f"{sign} {p.text[len(sign) :].strip()}" if sign[0] in "<>≤≥" else f"= {p.text}"


def _span(allowed: Allowed) -> str:
    return allowed.low if allowed.low == allowed.high else f"{allowed.low} to {allowed.high}"


def _compared(kind: str, claimed: Printed, of: Printed, to: Printed) -> Iterable[Allowed]:
    """What a comparison can be, in each of its readings."""
    (a, b), (c, d) = of.range, to.range
    if kind == "difference":
        yield _allowed("difference", (a - d, b - c), claimed)
        return
    ends = [x / y for x in (a, b) for y in (c, d)]
    low, high = min(ends), max(ends)
    if kind == "ratio":
        yield _allowed("ratio", (low, high), claimed)
        return
    change = 100 * (low - 1), 100 * (high - 1)
    yield _allowed("change", change, claimed)
    if claimed.text[0] not in "+-−–" and claimed.value > 0:  # "reduced by 20 %"
        yield _allowed("reduction", (-change[1], -change[0]), claimed)
    yield _allowed("share", (100 * low, 100 * high), claimed)


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
    gives = _and(
        [f"{_nominal(kind, a.reading, claimed, of, to)} ({a.low} to {a.high})" for a in allowed[:1]]
    )
    fitting = [
        f"'{other}' {number.text}"
        for other, number in others.items()
        if _has_ratio(kind, number) and any(a.matches for a in _compared(kind, claimed, of, number))
    ]
    if fitting:
        follows = _and(fitting)
        why = (
            f"{claimed.text} follows from the baseline {follows}, not from {label}, which gives"
            f" {gives}."
        )
        return Finding(kind, INCONSISTENT, why, allowed)
    why = f"{claimed.text} does not follow from {of.text} and {label}, which give {gives}."
    return Finding(kind, INCONSISTENT, why, allowed)


def _check_df(df: Sequence[str], requirement: str, holds: bool) -> None:
    if not holds:
        raise refuse("df", list(df), requirement, "give the degrees of freedom")


def _df_bounds(df: Printed) -> chances.Bounds:
    """Whole degrees of freedom are exact; with a point (Welch's) they are rounded."""
    return chances.floats(df.range) if df.decimals > 0 else (float(df.value), float(df.value))


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


def _and(words: Sequence[str]) -> str:
    return (
        words[0]
        if len(words) == 1
        else ", ".join(words[:-1]) + " and " + words[-1]
        if words
        else ""
    )


def _either(words: Sequence[str]) -> str:
    return (
        words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1] if words else ""
    )
