"""Curves over training in a report: the same numbers as one by one, and thinned where many."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings, strategies as st

import faeval as fe
from faeval import evidence, pipeline
from faeval.pipeline._report_curves import MOST_EPOCHS, curves_of

STATUSES = ("measured", "diverged", "undefined", "below_floor")


def one_by_one(rows: pd.DataFrame, metric: str) -> dict[tuple[int, int], tuple[object, str]]:
    """The mean over layers at each seed and epoch, by a plain loop over the rows."""
    last = max((-1 if pd.isna(layer) else layer) for layer in rows["layer"])
    norm = last == 0 or metric.endswith("_norm")
    cells = {
        (r.seed, r.epoch, -1 if pd.isna(r.layer) else r.layer): (r.value, r.status)
        for r in rows.itertuples()
        if last < 0 or (not pd.isna(r.layer) and (r.layer == last if norm else r.layer > 0))
    }
    seeds, epochs, layers = (sorted({at[i] for at in cells}) for i in range(3))
    means: dict[tuple[int, int], tuple[object, str]] = {}
    for seed in seeds:
        for epoch in epochs:
            own = [cells.get((seed, epoch, layer), (math.nan, "missing")) for layer in layers]
            lacking = [s for v, s in own if s != "measured" or math.isnan(v)]
            if lacking:
                why = next((s for s in lacking if s != "missing"), "missing")
                means[seed, epoch] = (None, "undefined" if why == "measured" else why)
            else:
                means[seed, epoch] = (math.fsum(v for v, _ in own) / len(own), "measured")
    return means


def test_curves_are_the_means_that_a_plain_loop_finds() -> None:
    cell = st.tuples(
        st.integers(1, 3),
        st.integers(1, 4),
        st.one_of(st.none(), st.integers(0, 2)),
        st.one_of(st.just(math.nan), st.floats(-10, 10)),
        st.sampled_from(STATUSES),
    )
    many_or_none = st.lists(cell, min_size=1, max_size=30).map(
        lambda cells: [c for c in cells if (c[2] is None) == (cells[0][2] is None)]
    )

    @given(many_or_none, st.sampled_from(["acc", "state_norm"]))
    @settings(max_examples=60)
    def check(cells: list[tuple[object, ...]], metric: str) -> None:
        rows = pd.DataFrame(cells, columns=["seed", "epoch", "layer", "value", "status"])
        table = evidence.read(rows.assign(setting="toy", arm="a", metric=metric))
        curves = curves_of([("a", metric)], table)
        means = one_by_one(table, metric)
        epochs = sorted({epoch for _, epoch in means})
        assert bool(curves) == (len(epochs) > 1)
        for curve in curves:
            assert (list(curve.epochs), curve.thinned_from) == (epochs, None)
            found = {
                (seed, epoch): (value, status)
                for seed, values, why in zip(curve.seeds, curve.values, curve.status, strict=True)
                for epoch, value, status in zip(curve.epochs, values, why, strict=True)
            }
            assert found == means

    check()


def long_table(steps: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    parts = []
    for arm, base in (("ours", 0.9), ("base", 0.8)):
        for seed in (1, 2, 3):
            values = base + rng.normal(0, 0.01, steps)
            status = np.full(steps, "measured", dtype=object)
            if (arm, seed) == ("ours", 2):
                values[701], values[433] = 5.0, -5.0
            if (arm, seed) == ("base", 3):
                status[[555, 556, 777]], values[[555, 556, 777]] = "undefined", math.nan
            parts.append(
                pd.DataFrame(
                    {"epoch": np.arange(1, steps + 1), "value": values, "status": status}
                ).assign(setting="toy", arm=f"method={arm}", seed=seed, metric="acc", run="")
            )
    return pd.concat(parts, ignore_index=True)


def test_long_curves_keep_ends_extremes_and_gaps() -> None:
    table = evidence.read(long_table(1000))
    curves = curves_of([("method=ours", "acc"), ("method=base", "acc")], table)
    for curve, special in zip(curves, ({434, 702}, {556, 778}), strict=True):
        assert curve.thinned_from == 1000
        assert 0.9 * MOST_EPOCHS <= len(curve.epochs) <= MOST_EPOCHS
        assert {1, 1000} | special <= {*curve.epochs}
        assert np.diff(curve.epochs).max() <= 1.2 * 1000 / MOST_EPOCHS + 1
        means = one_by_one(table[table["arm"] == curve.arm], "acc")
        for seed, values in zip(curve.seeds, curve.values, strict=True):
            assert values == tuple(means[seed, epoch][0] for epoch in curve.epochs)
    exact = curves_of([("method=ours", "acc")], table[table["epoch"] <= MOST_EPOCHS])
    assert (len(exact[0].epochs), exact[0].thinned_from) == (MOST_EPOCHS, None)


def test_a_thinned_page_says_so_and_agrees_with_its_evidence(tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text(
        "import faeval as fe\n"
        "a, b = (fe.metric('acc', fe.Arm(method=m)) for m in ('ours', 'base'))\n"
        "better = fe.Claim('better', fe.exceeds(a, b, by=fe.Margin(.01, 'why')),"
        " attributed_to='method')\n"
    )
    table = long_table(1000)
    report = fe.verify(str(tmp_path / "c.py"), from_evidence=table)
    pipeline.publish(report, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "of 1000" in page
    assert "evidence.csv" in page
    assert pipeline.check([tmp_path / "report"], str(tmp_path / "c.py")).exit_code == 0
    short = fe.verify(str(tmp_path / "c.py"), from_evidence=table[table["epoch"] <= 20])
    assert "of 20" not in short.to_html()


def test_areas_over_many_epochs_are_those_of_numpy() -> None:
    rows = long_table(2000)
    rows = rows[rows["seed"] < 3]
    ours, base = (fe.area("acc", fe.Arm(method=m)) for m in ("ours", "base"))
    claim = fe.Claim("more", fe.exceeds(ours, base, by=fe.Margin(1, "w")), attributed_to="method")
    (verdict,) = fe.decide(claim, rows)
    for side, arm in ((verdict.assertions[0].a, "ours"), (verdict.assertions[0].b, "base")):
        for seed, value in zip((1, 2), side.values, strict=True):
            own = rows[(rows["arm"] == f"method={arm}") & (rows["seed"] == seed)]
            assert value == float(np.trapezoid(own["value"], own["epoch"]))
