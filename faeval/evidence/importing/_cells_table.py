"""A table of others as it stands in a file, before anything is read into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Cells:
    """The cells of a table that came from elsewhere, and how to name what is in it.

    Parameters
    ----------
    table
        A row for each record of the source, with an index from 0. Columns are texts; one that the
        source has twice stands twice. A cell is as the source has it: text (of text files, always),
        a number, True or False; None where there is nothing.
    source
        What to call the source in a message, such as ``results.csv``.
    place
        What to call a row (counted from 0), such as ``line 7``.
    notes
        What was noticed and done on the way here, a short sentence each, without a full stop.
    roles
        The columns whose role the form of the source itself tells, by role: ``arm``, ``seed``,
        ``epoch``, ``metric``, ``value``, ``status``, ``run``, ``item``.
    paired
        False where the source itself tells that replicates of two arms have nothing in common, as
        repetitions of two programs.
    """

    table: pd.DataFrame
    source: str
    place: Callable[[int], str]
    notes: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    paired: bool = True

    def rows(self, keep: pd.Series[bool]) -> Cells:
        """Return some of the rows, which keep their places."""
        if keep.all():
            return self
        mask, place = keep.to_numpy(dtype=bool), self.place
        places = np.flatnonzero(mask)
        table = self.table[mask].reset_index(drop=True)
        return replace(self, table=table, place=lambda row: place(int(places[row])))
