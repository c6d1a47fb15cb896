"""What a user's function returned, checked and brought into the form that is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from faeval._arguments import whole
from faeval.campaign._work import Work, text_of
from faeval.errors import FaevalError
from faeval.evidence import STATUSES, Row

_ROW = {"metric", "value", "epoch", "layer", "status"}


def fields_of(result: Any, known: set[str], work: Work, part: str) -> dict[str, Any]:
    if not isinstance(result, Mapping) or not set(result) <= known:
        names = sorted(map(str, result)) if isinstance(result, Mapping) else type(result).__name__
        raise FaevalError(
            f"{work.setting}: {part} returned {names}; it returns a mapping with"
            f" {', '.join(sorted(known))}."
        )
    return dict(result)


def rows_of(result: Any, work: Work, part: str) -> tuple[Row, ...]:
    """Check what a run returned, and bring it into the form that is kept."""
    where = f"experiment {work.setting!r}, {part}"
    if isinstance(result, Mapping):
        result = [{"metric": metric, "value": value} for metric, value in result.items()]
    if isinstance(result, str | bytes) or not hasattr(result, "__iter__"):
        raise FaevalError(
            f"{where}: returned {result!r} ({type(result).__name__}); return {{metric: value}}, "
            "or rows with metric and value."
        )
    rows: dict[tuple[Any, ...], Row] = {}
    for item in result:
        row = _row(item, work.metrics, where)
        if row[:3] in rows:
            metric, epoch, layer = row[:3]
            raise FaevalError(
                f"{where}: returned {metric} twice (epoch {epoch}, layer {layer}); return each"
                " number once."
            )
        rows[row[:3]] = row
    return tuple(rows.values())


def _row(given: Any, metrics: frozenset[str], where: str) -> Row:
    if not isinstance(given, Mapping) or not {"metric", "value"} <= set(given) <= _ROW:
        raise FaevalError(
            f"{where}: returned the row {given!r}; a row is a mapping with metric and value, and"
            " where they apply epoch, layer and status."
        )
    metric, value, status = given["metric"], given["value"], given.get("status")
    # METRIC@3 is the metric on the third block of items; METRIC!PROPERTY whether it holds a
    # property.
    name, _, block = (
        metric.partition("!")[0].partition("@") if isinstance(metric, str) else ("", "", "")
    )
    if name not in metrics or (block and not block.isdecimal()):
        names = ", ".join(sorted(metrics)) or "none"
        raise FaevalError(
            f"{where}: returned the metric {metric!r}, which is not declared; its metrics: {names}."
            " Add it there."
        )
    number = _number(value, f"{where}: {metric}={value!r} ({type(value).__name__})")
    if status is None:
        status = "measured" if math.isfinite(number) else "undefined"
    if status not in STATUSES:
        raise FaevalError(
            f"{where}: {metric} has status={status!r}; use one of {', '.join(STATUSES)}."
        )
    return metric, _index("epoch", given, where), _index("layer", given, where), number, status


def _number(value: Any, what: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) or not hasattr(value, "__float__"):
        raise FaevalError(f"{what} is no number; return a float, NaN where it is undefined.")
    try:
        return float(value)
    except Exception as error:  # whatever the value's own code does
        raise FaevalError(
            f"{what} is no single number ({text_of(error)}); return a float."
        ) from None


def _index(name: str, row: Mapping[str, Any], where: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    number = whole(value)
    if number is None or abs(number) >= 2**63:
        raise FaevalError(
            f"{where}: {row['metric']} has {name}={value!r} ({type(value).__name__}); use a whole"
            " number below 2**63, or leave it out."
        )
    return number
