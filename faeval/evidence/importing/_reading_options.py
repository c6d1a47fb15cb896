"""The options of the command line that read results in the way in which they were read."""

from __future__ import annotations

from collections.abc import Mapping

from faeval.evidence.importing._column_roles import ROWS, Columns, Said


def options_of(
    columns: Columns, said: Said, roles: Mapping[str, str], *, is_labels: bool, by_rows: bool
) -> tuple[str, ...]:
    """Return the options of ``faeval evidence import`` that say a reading in full.

    Parameters
    ----------
    said
        What the user said, with what the shape of the table says.
    roles
        Those of the cells that were read.
    is_labels
        Whether the arms are the labels in a column ``arm``.
    by_rows
        Whether the seeds are the rows of each arm, in order.
    """
    options: list[str] = []
    if said.columns:
        options += ["--columns", ",".join(said.columns)]
    if not is_labels and not (said.columns and [*columns.arms.values()] == [roles.get("arm")]):
        pairs = (f"{f}={c}" if f != c else c for f, c in columns.arms.items())
        options += ["--arm", ",".join(pairs)]
    options += ["--seed", ROWS if by_rows else columns.seed]
    options += _of_metrics(columns, said, roles)
    value_by_option = {
        "--epoch": columns.epoch or said.epoch, "--layer": said.layer, "--status": said.status,
        "--run": said.run, "--average": columns.fold, "--names": said.names,
        "--decimal": said.spelling.decimal, "--thousands": said.spelling.thousands,
    }  # fmt: skip
    for option, value in value_by_option.items():
        options += [option, value] if value is not None else []
    for column, text in said.where:
        options += ["--where", f"{column}={text}"]
    for metric, (low, high) in said.ranges.items():
        options += ["--range", f"{metric}={low:.17g}:{high:.17g}"]
    options += _of_epoch(said)
    return (*options, "--rate") if said.rate else tuple(options)


def _of_metrics(columns: Columns, said: Said, roles: Mapping[str, str]) -> list[str]:
    options: list[str] = []
    for name, column in columns.metrics.items():
        # The values of a table that was reshaped are called as the user says.
        is_name = column in (name, roles.get("value"))
        options += ["--metric", name if is_name else f"{name}={column}"]
    if columns.metric:
        for name in said.metrics:
            options += ["--metric", name]
        if "value" not in roles:
            options += ["--metric-column", columns.metric, "--value-column", columns.value]
    return options


def _of_epoch(said: Said) -> list[str]:
    if said.take is None:
        return []
    if said.take == "last":
        return ["--last"]
    return ["--best" if said.take in ("max", "min") else "--at", str(said.take)]
