"""Stores of other programs that keep many runs, each read by its own client."""

from __future__ import annotations

from faeval._safe_text import cut, listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._flat import StoreRows, cells_of_records, is_blank
from faeval.evidence.importing._mlflow import runs_of
from faeval.evidence.importing._optuna import trials_of

#: How the name of a store begins.
STORES = ("mlflow", "optuna")


def cells_of_store(
    uri: str,
    *,
    name: str | None = None,
    seed: str | None = None,
    steps: bool = False,
    skip_without_seed: bool = False,
) -> Cells:
    """Read the runs of a store, a row for each.

    Parameters
    ----------
    uri
        ``optuna:`` or ``mlflow:``, then the store's file, folder or URI, then, if need be, ``?``
        and the name of the study or experiment.
    name
        The name of the study or experiment, else the one that there is.
    seed
        The column of the seed; default: a parameter (of Optuna: or an attribute) called seed.
    steps
        MLflow: a row for each step, and not for the last numbers alone.
    skip_without_seed
        Leave out runs that have no seed where others have one; else they are refused.

    Returns
    -------
    Cells
        Of Optuna the columns ``trial``, ``state``, ``value`` (or its names), ``params.NAME`` and
        ``user_attrs.NAME``; of MLflow ``run_id``, ``run_name``, ``status``, ``params.NAME`` and a
        column for each metric. Runs that are not over are left out, and said.

    Raises
    ------
    EvidenceError
        There is no such store, study or experiment, it has no run that is over, or some runs have
        no seed.
    MissingExtra
        The client is not installed.
    """
    kind, sign, rest = uri.partition(":")
    if not sign or kind not in STORES:
        raise EvidenceError(
            f"{uri!r}: is no store; write optuna:FILE_OR_URL or mlflow:FILE_OR_URI."
        )
    before, sign, after = rest.rpartition("?")
    if sign and not ("://" in rest and "=" in after):  # there it belongs to the URL
        rest, name = before, name or after
    rows = trials_of(rest, name) if kind == "optuna" else runs_of(rest, name, steps=steps)
    if not rows.records:
        raise EvidenceError(f"{rows.source}: has no run that is over; {'; '.join(rows.notes)}.")
    rows, notes = _with_seed(rows, seed or rows.seed, skip_without_seed)
    roles = dict(rows.roles)
    if seed or rows.seed:
        roles["seed"] = str(seed or rows.seed)
    notes = [cut(note) for note in (*rows.notes, *notes)]
    return cells_of_records(rows.records, rows.source, rows.places, notes, roles)


def _with_seed(rows: StoreRows, seed: str | None, skip: bool) -> tuple[StoreRows, list[str]]:
    """Leave out, or refuse, runs without a seed where others have one."""
    if seed is None:
        return rows, []
    with_seed = [at for at, record in enumerate(rows.records) if not is_blank(record.get(seed))]
    if not with_seed:
        names = dict.fromkeys(name for record in rows.records for name in record)
        raise EvidenceError(
            f"{rows.source}: no run has {seed!r}; columns are {listed([*names], 20)}."
        )
    if len(with_seed) == len(rows.records):
        return rows, []
    those = {*range(len(rows.records))} - {*with_seed}
    without = list(dict.fromkeys(rows.places[at] for at in sorted(those)))
    if not skip:
        raise EvidenceError(
            f"{rows.source}: {len(without)} runs have no {seed!r}: {listed(without)}. Leave them"
            " out by --skip-without-seed, if they are no runs of the comparison."
        )
    note = f"{len(without)} runs have no {seed!r} and are left out: {listed(without)}"
    return rows.only(with_seed), [note]
