"""How often the rules of this room err, as measured by ``faeval calibrate`` and shipped with the package."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from faeval.stats._checks import choice, count
from faeval.stats._tests import PRIMARY, TestName


@dataclass(frozen=True)
class MeasuredError:
    """Rates of wrong verdicts of one claim alone at its margin, at a nominal .05 in each direction.

    `law` names the law of the differences, `n` the number of seeds measured at; `error` is the larger Monte-Carlo
    standard error of the two rates.
    """

    law: str
    n: int
    wrong_support: float
    wrong_refutation: float
    error: float


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, str], ...]:
    text = files("faeval.stats").joinpath("measured.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _at(rows: list[dict[str, str]], n: int) -> list[dict[str, str]]:
    """The rows at the most seeds measured that are no more than n; at the fewest where all are more."""
    known = {int(r["n"]) for r in rows}
    nearest = max((k for k in known if k <= n), default=min(known))
    return [r for r in rows if int(r["n"]) == nearest]


def measured_errors(test: TestName, n: int) -> tuple[MeasuredError, ...]:
    """What the rule errs on named laws at n seeds, where its assumption holds and where it fails.

    Parameters
    ----------
    test
        The claim's test.
    n
        Seeds; at a number that was not measured, the next smaller one that was stands in, and says so in its `n`.

    Returns
    -------
    tuple of MeasuredError
        One a law, in the order of the table that ``faeval calibrate`` writes. For "sign" the claim is about the median.

    Raises
    ------
    FaevalError
        For an unknown test or a negative or fractional n.

    Examples
    --------
    >>> normal = measured_errors("t", 5)[0]
    >>> normal.law, normal.n, abs(normal.wrong_support - 0.05) < 0.01
    ('normal', 5, True)
    """
    choice("test", test, PRIMARY)
    rows = _at([r for r in _rows() if r["table"] == "size" and r["rule"] == test], count("n", n))
    laws: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        laws.setdefault(row["law"], {})[row["measure"]] = row
    return tuple(
        MeasuredError(
            law,
            int(by["wrong_support"]["n"]),
            float(by["wrong_support"]["rate"]),
            float(by["wrong_refute"]["rate"]),
            max(float(by[m]["error"]) for m in ("wrong_support", "wrong_refute")),
        )
        for law, by in laws.items()
    )


def fragile_rate(n: int) -> float | None:
    """How often a sound verdict is flagged fragile at n seeds, measured at 80 % power under normal differences.

    Returns
    -------
    float or None
        A rate among supported claims, at n or at the next smaller number of seeds measured; None below 5 seeds.

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
