"""Evidence built by hand: one row a number, as anyone would write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

import faeval as fe
from faeval.claims import Lock, make_lock

COLUMNS = ["setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run"]


def build(
    values: Mapping[str, Sequence[float]],
    seeds: Sequence[int] | None = None,
    *,
    metric: str = "x",
    setting: str = "toy",
    epoch: int | None = None,
    layer: int | None = None,
    status: str = "measured",
    run: str = "",
) -> pd.DataFrame:
    """Rows of each arm's values; seeds count from 1 unless given."""
    rows = [
        (setting, arm, seed, epoch, layer, metric, value, status, run)
        for arm, column in values.items()
        for seed, value in zip(seeds or range(1, len(column) + 1), column, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture(scope="session")
def table() -> Callable[..., pd.DataFrame]:
    return build


@pytest.fixture(scope="session")
def claim() -> Callable[..., fe.Claim]:
    """Return ``claim(kind, margin)``: arm a against arm b by metric x."""

    def made(kind: str = "exceeds", margin: float = 0.1, /, **arguments: Any) -> fe.Claim:
        a, b = fe.metric("x", fe.Arm("a")), fe.metric("x", fe.Arm("b"))
        word = {"within" if kind == "equivalent" else "by": fe.Margin(margin, "a reason")}
        assertion = getattr(fe, kind)(a, b, anticipated=arguments.pop("anticipated", None), **word)
        return fe.Claim(
            arguments.pop("sentence", "a against b"),
            assertion,
            **({"attributed_to": "rule"} | arguments),
        )

    return made


@pytest.fixture(scope="session")
def lock() -> Callable[..., Lock]:
    """Return a lock of claims that already have an id."""

    def made(*claims: fe.Claim, **arguments: Any) -> Lock:
        return make_lock(
            claims, arguments.pop("pilots", {}), registered="2026-01-01", commit=None, **arguments
        )

    return made
