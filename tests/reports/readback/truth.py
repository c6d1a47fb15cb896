"""Numbers that a rendering must show, computed by NumPy and SciPy alone: what takes more than the
package recomputes to check verdicts.json.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtri, nctdtr, stdtrit

from faeval.claims import Claim, as_claimed
from faeval.experiment import CONTROL_FLOOR
from faeval.reports import Report
from faeval.reports.checking import AssertionNumbers, Printed, ReportNumbers, agrees, recompute
from faeval.stats import region_of


@dataclass(frozen=True)
class Truth:
    """The numbers of a report: those that the package recomputes, and those of its tables."""

    numbers: ReportNumbers
    arms: frozenset[str]
    #: Count, lowest, median and highest control, and how many pass, by instrument and decade.
    controls: dict[tuple[str, int], tuple[int, float, float, float, int]]

    @classmethod
    def of(cls, report: Report, claims: Sequence[Claim] = ()) -> Truth:
        numbers = recompute(report, claims)
        table = report.evidence
        if table is None:
            return cls(numbers, frozenset(), {})
        own = as_claimed(table[table["setting"] == report.setting], claims, report.setting)
        return cls(numbers, frozenset(map(str, own["arm"])), dict(controls_by_decade(own)))

    def seeds(self, arm: str, metric: str) -> list[int]:
        """Return the seeds that have rows of a metric of an arm."""
        return sorted({seed for _, seed, _ in self.numbers.rows.cells(arm, metric)})

    def mean(
        self,
        arm: str,
        metric: str,
        epoch: int | None,
        seeds: Sequence[int],
        layers: Sequence[int | None],
    ) -> float | None:
        """Return the mean over seeds and layers; NaN where a number is not measured.

        It is None where there is nothing to average.
        """
        own = self.numbers.rows.cells(arm, metric)
        cells = [own.get((epoch, seed, layer)) for seed in seeds for layer in layers]
        values = [
            value if status == "measured" else math.nan
            for value, status in (cell for cell in cells if cell is not None)
        ]
        return float(np.mean(values)) if values and len(values) == len(cells) else None


def controls_by_decade(
    table: pd.DataFrame,
) -> Iterator[tuple[tuple[str, int], tuple[int, float, float, float, int]]]:
    """Yield the positive controls of each instrument by decade of the gradient norm.

    A decade has its count of states, its lowest, median and highest control, and how many pass.
    """
    state = ["arm", "seed", "epoch", "layer"]
    norms = table[
        (table["metric"] == "gradient_norm") & (table["status"] == "measured")
    ].drop_duplicates(state)
    for metric in sorted(m for m in set(table["metric"]) if m.rpartition(".")[2] == "control_true"):
        rows = (
            table[table["metric"] == metric]
            .drop_duplicates(state)
            .merge(norms, on=state, suffixes=("", "_norm"))
        )
        rows = rows[rows["value_norm"] > 0]
        decades = np.floor(np.log10(rows["value_norm"].to_numpy(dtype=float))).astype(int)
        for decade, inside in rows.groupby(decades):
            values = inside[inside["status"] == "measured"]["value"].dropna().to_numpy(dtype=float)
            low, middle, high = (
                (values.min(), np.median(values), values.max()) if len(values) else (math.nan,) * 3
            )
            passed = int((values >= CONTROL_FLOOR).sum())
            name = metric.rpartition(".")[0] or "float64"
            yield (
                (name, int(str(decade))),
                (len(inside), float(low), float(middle), float(high), passed),
            )


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


def rounds_to(said: Printed, number: Number) -> bool:
    """Whether a printed number is what a number rounds to, a declared one to its digits."""
    value = number.value
    if number.digits is None or not math.isfinite(said.low + said.high + value):
        return agrees(said, value)
    half = 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - number.digits + 1) if value else 0.0
    return abs(said.middle - value) <= half + 1e-9 * abs(value)


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
        if not rounds_to(said[i], number):
            return f"{said[i].text} stands where the evidence gives {number}"
    if len(said) > len(numbers) and not more:
        return f"{said[len(numbers)].text} stands where the evidence gives no number"
    return None


def power(of: AssertionNumbers, n: int, sd: float | None) -> float | None:
    """Return the chance to be supported at n seeds if the effect is as anticipated.

    It is None where more than this formula is needed.

    By the noncentral t law, for an assertion with one edge that its anticipated effect
    supports. Not with looks, nor for other tests.
    """
    a, v = of.said, of.verdict
    if (
        v.test != "t"
        or v.looks
        or a.anticipated is None
        or not sd
        or n < 2
        or region_of(a.kind).two_sided
    ):
        return None
    beyond = a.anticipated - a.margin  # counted as the margin is: b - a for below and not_below
    gap = beyond if region_of(a.kind).claims_effect else -beyond
    critical = float(stdtrit(n - 1, 1 - v.alpha / v.family_size))
    chance = 1.0 - float(nctdtr(n - 1, gap / sd * math.sqrt(n), critical)) if gap > 0 else math.nan
    return None if math.isnan(chance) else chance  # SciPy gives NaN far out


def pilot_bound(of: AssertionNumbers) -> float | None:
    """The upper 80 % bound of the pilot's s.d., by its chi-square law; None without a pilot."""
    sd, n = of.said.pilot_sd, of.said.pilot_n or 0
    return None if sd is None or n < 2 else sd * math.sqrt((n - 1) / float(chdtri(n - 1, 0.80)))


def power_as_planned(of: AssertionNumbers) -> float | None:
    """Power at the effect anticipated, at the pilot's s.d."""
    again = power(of, of.verdict.n, of.said.pilot_sd)
    return of.said.power if again is None or of.said.power is None else again
