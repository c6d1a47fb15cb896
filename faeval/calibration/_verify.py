"""Whether what is measured now is what was measured before, and what theory promises."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from importlib.resources import files

from faeval.calibration._arms import RATIOS, SPREADS, TYPICAL_RUNS
from faeval.calibration._cells import Cell
from faeval.calibration._language import SKEWED_LEVEL
from faeval.calibration._laws import LAWS
from faeval.calibration._measure import ALPHA
from faeval.errors import FaevalError

#: A figure has drifted where it is further off than this many Monte-Carlo standard errors.
ERRORS = 4
#: Of exact figures the last digit alone may differ; a quarter of it times four is one.
ROUNDING = 0.25e-4
HEAD = tuple(f.name for f in fields(Cell))


@dataclass(frozen=True)
class Drift:
    """A figure that is not what it should be: its place, its value, the value expected."""

    cell: Cell
    expected: str

    def __str__(self) -> str:
        c = self.cell
        where = ", ".join(str(part) for part in c.key if part != "")
        return f"{where}: measured {c.rate:.4f} (+- {c.error:.4f}), expected {self.expected}"


def as_csv(cells: Iterable[Cell]) -> str:
    """Return cells as text, the same for the same figures."""
    rows = [",".join(HEAD)]
    for cell in cells:
        values = (f'"{v}"' if isinstance(v, str) and "," in v else str(v) for v in astuple(cell))
        rows.append(",".join(values))
    return "\n".join(rows) + "\n"


def from_csv(text: str, source: str) -> list[Cell]:
    """Return the cells in text; raise FaevalError where it is no such table."""
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != HEAD:
        raise FaevalError(
            f"{source}: columns {reader.fieldnames} (list) must be {', '.join(HEAD)}; measure it"
            " again."
        )
    kinds = {"n": int, "reps": int, "rate": float, "error": float}
    try:
        return [Cell(**{k: kinds.get(k, str)(v) for k, v in row.items()}) for row in reader]
    except (TypeError, ValueError) as error:
        raise FaevalError(f"{source}: {error}; measure it again with faeval calibrate.") from None


def shipped() -> list[Cell]:
    """Return the figures that come with the package.

    Those behind every measured error that a verdict prints.
    """
    file = files("faeval.stats").joinpath("measured.csv")
    return from_csv(file.read_text(encoding="utf-8"), "measured.csv")


def drifts(measured: Sequence[Cell], reference: Sequence[Cell]) -> list[Drift]:
    """Compare figures with earlier ones of another seed, and with what theory promises.

    Parameters
    ----------
    measured
        From :func:`calibrate`.
    reference
        Earlier figures; those of measured cells that it does not have are not compared.

    Returns
    -------
    list of Drift
        One for each figure beyond 4 combined Monte-Carlo standard errors of the reference, and
        beyond 4 of a bound: t holds its level to the digit on normal differences, sign-flip on
        symmetric laws, sign on continuous ones about the median, families in each direction;
        rules of spreads, ratios, rates, counts, slopes and cut times where what they assume holds.
    """
    references = {c.key: c for c in reference}
    moved = []
    for cell in measured:
        before = references.get(cell.key)
        if before is not None and abs(cell.rate - before.rate) > ERRORS * _error(cell, before):
            moved.append(
                Drift(cell, f"{before.rate:.4f} (+- {before.error:.4f}) as measured before")
            )
        bound = _bound(cell)
        if bound is not None and cell.rate > bound + ERRORS * _slack(cell, bound):
            moved.append(Drift(cell, f"at most {bound:.4f}, which the rule promises"))
    return moved


def _slack(cell: Cell, bound: float) -> float:
    """The error of a figure that is as large as its bound."""
    if not cell.reps:
        return ROUNDING
    return max(cell.error, math.sqrt(bound * (1 - bound) / cell.reps))


def _error(a: Cell, b: Cell) -> float:
    """The error of the difference, at the common rate where that is larger.

    Few events by luck show too small an error.
    """
    if not a.reps + b.reps:
        return ROUNDING
    common = (a.rate * a.reps + b.rate * b.reps) / (a.reps + b.reps)
    return max(
        math.hypot(a.error, b.error), math.sqrt(common * (1 - common) * (1 / a.reps + 1 / b.reps))
    )


def _bound(cell: Cell) -> float | None:
    """The most that theory allows, where it promises anything."""
    if cell.table == "families" and cell.measure in ("any wrong support", "any wrong refutation"):
        return ALPHA
    if cell.table == "size" and cell.measure in ("wrong_support", "wrong_refute"):
        law = LAWS[cell.law]
        holds = {
            "t": cell.law in ("normal", "paired normal arms"),
            "sign-flip": law.symmetric,
            "wilcoxon": law.symmetric,
            "sign": law.continuous,
        }
        return ALPHA if holds.get(cell.rule) else None
    if cell.table == "unpaired" and cell.measure in ("wrong_support", "wrong_refute"):
        return ALPHA if cell.law == "normal arms" else None
    if cell.table == "assertions" and cell.rule == "t":
        return ALPHA
    return ALPHA if _holds(cell) else None


def _holds(cell: Cell) -> bool:
    """Whether a rule of one of the tables of the wider language keeps its level there.

    All but these rows are printed alone: what is done by hand, and worlds in which what a rule
    assumes fails.
    """
    if cell.measure not in ("wrong_support", "wrong_refute", "bound above the truth"):
        return False
    spread, ratio = SPREADS.get(cell.law), RATIOS.get(cell.law)
    holds = {
        ("spreads", "spread"): spread is not None and spread.shape,
        ("ratios", "t on log ratios"): ratio is not None
        and (ratio.shape or cell.law == TYPICAL_RUNS),
        ("ratios", "t on a less r b"): ratio is not None and ratio.shape,
        ("rates", "rate"): True,
        ("rates", "paired-rates"): True,
        ("rates", "unpaired-rates"): True,
        ("counts", "at least"): cell.law != "lognormal",
        ("levels", "slope"): cell.law != SKEWED_LEVEL,
        ("levels", "trend"): cell.law != SKEWED_LEVEL,
        ("censored", "first"): True,
        ("identical", "t"): True,
        ("identical", "bounded mean"): True,
        ("selection", "best on another metric"): True,
    }
    return holds.get((cell.table, cell.rule), False)
