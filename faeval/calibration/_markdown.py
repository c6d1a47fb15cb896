"""Figures in tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from faeval.calibration._cells import Cell


class Look:
    """The figures by what they are of, for whoever reads some of them out."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.by = {c.key: c for c in cells}

    def __call__(
        self, table: str, rule: str, law: str, n: int, measure: str, detail: str = ""
    ) -> str:
        """Write one rate as tables do, ``.050``; a dash where it was not measured."""
        cell = self.by.get((table, rule, law, n, detail, measure))
        return "-" if cell is None else short(cell.rate)


def short(rate: float) -> str:
    """Write a rate with three decimals."""
    return f"{rate:.3f}".removeprefix("0")


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table."""
    lines = [
        f"| {' | '.join(head)} |",
        "|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
