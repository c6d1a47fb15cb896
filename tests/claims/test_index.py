"""The index of evidence gives what a walk over the rows gives, whatever the rows are."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings, strategies as st

from faeval.claims import Design, EvidenceIndex, Read
from faeval.evidence import read
from faeval.experiment import Arm

COLUMNS = ("setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run")
ARMS, METRICS, EPOCHS = (
    ("", "a", "b", "c"),
    ("m", "n", "m!scale", "n!scale", "n!order", "none"),
    (None, -2, 0, 1, 2),
)
tables = st.lists(
    st.tuples(
        st.just("s"),
        st.sampled_from(ARMS[:3]),
        st.integers(0, 3),
        st.sampled_from(EPOCHS),
        st.sampled_from((None, -1, 0, 1)),
        st.sampled_from(METRICS[:5]),
        st.sampled_from((0.0, 1.0, 0.25, float("inf"))),
        st.sampled_from(("measured", "diverged", "below_floor")),
        st.sampled_from(("", "sha256:1", "key:2")),
    ),
    max_size=30,
)


def walked(
    rows: list[tuple[Any, ...]], metric: str, arm: str, epoch: int | None
) -> dict[Any, list[Any]]:
    """What rows say of a metric of an arm at an epoch, None being the end of each run: all of each
    (seed, layer).

    A run whose last row is diverged has diverged at every later epoch too.
    """
    own = []
    for _, a, seed, e, layer, m, value, status, run in rows:
        if (m, a) == (metric, arm):
            at, where = (
                max(-1, -1 if e is None else e),
                None if layer is None or layer < 0 else layer,
            )
            own.append((at, (seed, where), (value, status, run)))
    ends = {seed: max(at for at, (s, _), _ in own if s == seed) for _, (seed, _), _ in own}
    found: dict[Any, list[Any]] = {}
    for at, where, cell in own:
        if at == (ends[where[0]] if epoch is None else epoch):
            found.setdefault(where, []).append(cell)
    if epoch is not None:
        early: dict[Any, list[Any]] = {}
        for at, where, cell in own:
            if -1 < at == ends[where[0]] < epoch:
                early.setdefault(where, []).append(cell)
        found |= {where: cells for where, cells in early.items() if cells[-1][1] == "diverged"}
    return found


@settings(deadline=None, max_examples=100)
@given(tables)
def test_the_index_gives_what_a_walk_over_the_rows_gives(rows: list[tuple[Any, ...]]) -> None:
    index = EvidenceIndex(read(pd.DataFrame(rows, columns=list(COLUMNS))))
    numbers = [row for row in rows if "!" not in row[5]]
    for arm in ARMS:
        assert index.seeds([arm]) == tuple(sorted({row[2] for row in numbers if row[1] == arm}))
        for metric in METRICS:
            for epoch in (None, 0, 1, 2):
                expected = walked(numbers, metric, arm, epoch)
                cells = index.group(Read(metric, Arm(arm) if arm else Arm(), epoch=epoch), Design())
                assert cells.keys() == expected.keys()
                for where, cell in cells.items():
                    copies = tuple(value for value, *_ in expected[where])
                    assert (cell.value, cell.status, cell.run) == expected[where][-1]
                    assert cell.copies == (copies if len(copies) > 1 else ())
    assert index.seeds(ARMS) == tuple(sorted({row[2] for row in numbers}))
    failed: dict[Any, set[str]] = {}
    for _, arm, _, _, _, metric, value, status, _ in rows:
        name, sign, tried = metric.partition("!")
        if sign and not (value == 1 and status == "measured"):
            failed.setdefault((name, arm), set()).add(tried)
    assert index.failed == failed
