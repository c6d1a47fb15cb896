"""Which epoch of each run a table that came from elsewhere is read at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from faeval._safe_text import listed
from faeval.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

#: "last", "max", "min", the number of an epoch, or None for all of them.
Take: TypeAlias = str | int | None

_RUN = ["arm", "seed", "metric"]
_BEST = ("max", "min")


def at_epoch(table: pd.DataFrame, take: Take, where: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows at the epoch of each run that is read, and notes on the choice.

    Raises
    ------
    EvidenceError
        Without ``take``: runs of an arm end at different epochs. With a number: a run has no such
        epoch, and did not fail.
    """
    if take is not None and (
        isinstance(take, bool) or not (take in ("last", *_BEST) or isinstance(take, int))
    ):
        raise EvidenceError(
            f"take={take!r} ({type(take).__name__}) must be 'last', 'max', 'min' or the number of"
            " an epoch."
        )
    if not table["epoch"].notna().any():
        return table, []
    rows, notes = _at_epoch(table, take, where)
    return rows, [*notes, *_unlike(rows)]


def unlike_ends(ends: Mapping[int, int]) -> str:
    """Say at which epochs runs are read, by seed; nothing where all are read at one.

    Examples
    --------
    >>> unlike_ends({1: 10, 2: 10, 3: 9}), unlike_ends({1: 5, 2: -1}), unlike_ends({1: 5, 2: 5})
    ('seed 3 at 9, the others at 10', 'seed 1 at 5, seed 2 at none', '')
    """
    at = list(ends.values())
    if len({*at}) < 2:
        return ""
    most = max(dict.fromkeys(at), key=at.count)
    others = f", the others at {_stated(most)}" if at.count(most) > 1 else ""
    return (
        listed(
            [f"seed {s} at {_stated(e)}" for s, e in ends.items() if not others or e != most], 20
        )
        + others
    )


def _stated(epoch: int) -> str:
    return str(epoch) if epoch >= 0 else "none"


def _unlike(table: pd.DataFrame) -> list[str]:
    """Which runs of an arm that are read at one epoch each are read at different ones."""
    rows = table[table["status"] != "diverged"].assign(
        epoch=lambda t: t["epoch"].fillna(-1).astype("int64")
    )
    if (rows.groupby(_RUN)["epoch"].nunique() > 1).any():  # whole courses: they end alike
        return []
    problems = []
    for (arm, metric), own in rows.groupby(["arm", "metric"], sort=True):
        by_seed = own.drop_duplicates("seed").sort_values("seed")
        if each := unlike_ends(dict(zip(by_seed["seed"], by_seed["epoch"], strict=True))):
            problems.append(
                f"runs of {arm or '(defaults)'} are read at different epochs of {metric}: {each}"
            )
    return problems


def _at_epoch(table: pd.DataFrame, take: Take, where: str) -> tuple[pd.DataFrame, list[str]]:
    epoch = table["epoch"].fillna(-1).astype("int64")
    runs = [table[name] for name in _RUN]
    last = epoch == epoch.groupby(runs).transform("max")
    # A run that failed is an outcome wherever it is read, and its last row is the one that says so.
    failed = (last & (table["status"] == "diverged")).groupby(runs).transform("any")
    if take is None:
        _check_ends(table[last & ~failed], epoch.groupby(runs).nunique().max() > 1, where)
        return table, []
    if isinstance(take, int):
        return _at(table, take, epoch, last & failed, where), []
    if take == "last":
        return table[last], []
    # The best of a whole course is known at its end: a longer course is flattered more.
    ends = table["epoch"].groupby(runs).transform("max")
    return table.assign(epoch=ends)[_best(table, take, last, failed, where)], [
        f"read at the epoch of each run at which the metric is at its {take}: too good where that"
        " is a test set"
    ]


def _check_ends(ends: pd.DataFrame, several: bool, where: str) -> None:
    """Refuse whole courses that end at different epochs where no epoch is chosen."""
    for (arm, metric), rows in ends.groupby(["arm", "metric"], sort=True):
        if several and rows["epoch"].nunique() > 1:
            by_seed = rows.drop_duplicates("seed").sort_values("seed")
            pairs = zip(by_seed["seed"], by_seed["epoch"], strict=True)
            raise EvidenceError(
                f"{where}: runs of {arm or '(defaults)'} end at different epochs of {metric}:"
                f" {listed([f'seed {seed} at {end}' for seed, end in pairs], 20)}. Say at which"
                " epoch each is read: --last, --best max or min (the best by the metric itself),"
                " or --at N, which all must have (take= in Python)."
            )


def _at(
    table: pd.DataFrame, take: int, epoch: pd.Series[int], failed: pd.Series[bool], where: str
) -> pd.DataFrame:
    runs = [table[name] for name in _RUN]
    there = epoch == take
    moved = failed & ~there.groupby(runs).transform("any")
    lacking = table[~(there | moved).groupby(runs).transform("any")].drop_duplicates(_RUN)
    if len(lacking):
        texts = [
            f"{arm or '(defaults)'} seed {seed}"
            for arm, seed in zip(lacking["arm"], lacking["seed"], strict=True)
        ]
        raise EvidenceError(
            f"{where}: {len(lacking)} runs have no epoch {take}: {listed(texts, 10)}. Name one that"
            " all have."
        )
    return table.assign(epoch=table["epoch"].mask(moved, take))[there | moved]


def _best(
    table: pd.DataFrame, take: str, last: pd.Series[bool], failed: pd.Series[bool], where: str
) -> pd.Series[bool]:
    if table["metric"].nunique() > 1 or table["layer"].notna().any():
        raise EvidenceError(
            f"{where}: the best epoch is that of one metric without layers; name one (--metric), or"
            " --last."
        )
    runs = [table[name] for name in _RUN]
    value = table["value"].where(np.isfinite(table["value"]) & ~failed)
    groups = value.groupby(runs)
    best = value == (groups.transform("max") if take == "max" else groups.transform("min"))
    first = best & ~table.assign(best=best).duplicated([*_RUN, "best"])
    choice: pd.Series[bool] = first | (last & ~best.groupby(runs).transform("any"))
    return choice
