"""How often the rules of this room err, as measured by ``faeval calibrate``.

The rates are shipped with the package.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from faeval._arguments import count
from faeval.stats._kinds import Kind, Region, region_of
from faeval.stats._rules import TestName, rule_of

#: Laws of the table that are their own mirror image.
SYMMETRIC = frozenset(
    (
        "normal",
        "t3",
        "bimodal",
        "paired normal arms",
        "paired lognormal arms",
        "paired collapsing arms",
        "normal arms",
        "normal arms, s.d. 1 and 3",
        "t3 arms",
        "lognormal arms",
        "collapsing arms",
        "two-point arms",
        "two-cluster arms",
        "normal arms with ties",
        "normal arms, correlation .8",
        "lognormal arms, correlation .8",
        "rate .5",
        "worst rate of .01 to .99",
        "rates alike, worst case",
    )
)
#: Tables of one assertion alone; a row of theirs with a detail is of a design of its own.
_TABLES = ("size", "unpaired", "spreads", "rates")
#: After the name of a law that is not symmetric: the same with the sides of the contrast exchanged.
MIRRORED = ", mirrored"


@dataclass(frozen=True)
class MeasuredError:
    """Rates of wrong verdicts of one assertion alone at its margin.

    At a nominal .05 in each direction.

    `law` names the law of the differences a - b, or of both arms, `n` the number of seeds measured
    at; `error` is the larger Monte-Carlo standard error of the two rates, 0 where they are exact.
    """

    law: str
    n: int
    wrong_support: float
    wrong_refutation: float
    error: float


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, str], ...]:
    text = files("faeval.stats").joinpath("measured.csv").read_text(encoding="utf-8")
    head, *rows = text.splitlines()
    wanted = tuple(f"{table}," for table in (*_TABLES, "fragile"))  # others no verdict quotes
    return tuple(csv.DictReader([head, *(row for row in rows if row.startswith(wanted))]))


def _at(rows: list[dict[str, str]], n: int) -> list[dict[str, str]]:
    """The rows at the most seeds measured that are no more than n.

    At the fewest where all are more.
    """
    measured_at = {int(r["n"]) for r in rows}
    nearest = max((k for k in measured_at if k <= n), default=min(measured_at))
    return [r for r in rows if int(r["n"]) == nearest]


def measured_errors(test: TestName, n: int, kind: Kind = "exceeds") -> tuple[MeasuredError, ...]:
    """The errors of a rule at n seeds on one kind of assertion, on named laws.

    Its assumption holds on some, and fails on others.

    A law is one of the differences a - b at their margin, or of arms whose spreads or rates are as
    far apart as the margin; one that is not symmetric stands beside its mirror image, that of
    b - a. Errors on rates are exact, the worst of all that are so far apart. An equivalence has an
    edge either way: its rates are those of the worst edge and of the worst margin, wide for
    support, and near 0 for refutation.

    Parameters
    ----------
    test
        The claim's test.
    n
        Seeds; at a number that was not measured, the next smaller one that was stands in, and says
        so in its `n`.
    kind
        What is asserted; see :func:`judge`.

    Returns
    -------
    tuple of MeasuredError
        One a law, mirror images after it, in the order of the table that ``faeval calibrate``
        writes. For "sign" the claim is about the median.

    Raises
    ------
    FaevalError
        For an unknown test or kind, or a negative or fractional n.

    Examples
    --------
    >>> normal = measured_errors("t", 5)[0]
    >>> normal.law, normal.n, abs(normal.wrong_support - 0.05) < 0.01
    ('normal', 5, True)
    >>> {e.law: e.wrong_refutation > 0.3 for e in measured_errors("t", 5, "below")}["collapse"]
    True
    """
    rule_of(test, deciding=True)
    region, n = region_of(kind, tested=True), count("n", n)
    rows = [r for r in _rows() if r["table"] in _TABLES and r["rule"] == test and not r["detail"]]
    rows = _at(rows, n)
    laws: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        laws.setdefault(row["law"], {})[row["measure"]] = row
    return tuple(error for law, by in laws.items() for error in _both_ways(law, by, region))


def _both_ways(law: str, by: dict[str, dict[str, str]], region: Region) -> Iterator[MeasuredError]:
    """Rates on a law and on its mirror image.

    From how often exceeds finds the mean above its true place, and below it.
    """
    n = int(by["two_sided"]["n"])
    above, below, either = (
        float(by[m]["rate"]) for m in ("wrong_support", "wrong_refute", "two_sided")
    )
    error = max(float(by[m]["error"]) for m in ("wrong_support", "wrong_refute"))
    if region.two_sided:
        # Refuted at half the level in each tail: with both edges at 0 that is the two-sided test.
        yield MeasuredError(
            law, n, max(above, below), either, max(error, float(by["two_sided"]["error"]))
        )
        return
    support, refutation = (above, below) if region.side == "above" else (below, above)
    yield MeasuredError(law, n, support, refutation, error)
    if law not in SYMMETRIC:
        yield MeasuredError(law + MIRRORED, n, refutation, support, error)


def fragile_rate(n: int) -> float | None:
    """How often a sound verdict is flagged fragile at n seeds.

    Measured at 80 % power under normal differences.

    Returns
    -------
    float or None
        A rate among supported claims, at n or at the next smaller number of seeds measured; None
        below 5 seeds.

    Raises
    ------
    FaevalError
        For a negative or fractional n.

    Examples
    --------
    >>> 0.3 < fragile_rate(5) < 0.4
    True
    """
    rows = [r for r in _rows() if r["table"] == "fragile"]
    if count("n", n) < min(int(r["n"]) for r in rows):
        return None
    return float(_at(rows, n)[0]["rate"])
