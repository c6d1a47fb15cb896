"""A statement: numbers that are printed together, as text and as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from faeval._arguments import choice, count, refuse
from faeval.printed import _p_value as chances
from faeval.printed._number import SPREADS, Printed, Range, mean_range, printed

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

Rows: TypeAlias = tuple[tuple[str, ...], ...]


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


class Numbers:
    """The numbers of a statement, read."""

    def __init__(self, statement: Statement) -> None:
        s = self.s = statement
        self.mean, self.mean2 = self.read("mean"), self.read("mean2")
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

    def read(self, name: str, signs: bool = False, suffix: str = "") -> Printed | None:
        text = getattr(self.s, name)
        if text is None:
            return None
        number = printed(text, name, suffix)
        if not signs:
            _ = number.range  # refuses < and >
        return number

    def _at_least_0(self, name: str, signs: bool = False) -> Printed | None:
        number = self.read(name, signs)
        if number is not None and number.value < 0:
            raise refuse(
                name, number.text, "at least 0", "give it as it is printed, without a sign"
            )
        return number

    @cached_property
    def box(self) -> list[Range]:
        """One range a value, or a mean of each row; of all entries where n counts these."""
        if self.rows and self.n == len(self.pooled) != len(self.rows):
            return self.pooled
        return [mean_range([number.range for number in row]) for row in self.rows]

    @cached_property
    def pooled(self) -> list[Range]:
        return [number.range for row in self.rows for number in row]

    @property
    def of_rows(self) -> bool:
        """Whether what mean and spread are of are rows of values."""
        return any(len(row) > 1 for row in self.rows)

    @property
    def whole(self) -> bool:
        """Whether all values are printed that mean and spread are of."""
        return bool(self.rows) and self.n in (None, len(self.box))


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
