"""The positive control against gradient norm: drawn, in a table that says the same, and from
evidence alone.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import faeval as fe
from faeval.reports import ControlCurve, Report
from faeval.reports.figures import Circle, controls
from faeval.reports.views import view

POINTS = ((3e-9, -0.02), (5e-7, 0.4), (2e-3, 0.9899), (4e-3, 0.99), (0.5, None))


def report(*curves: ControlCurve) -> Report:
    return Report("teacher", (), controls=curves)


def test_the_table_says_what_is_drawn() -> None:
    shown = view(
        report(ControlCurve("float64", ((0.5, 1.0),)), ControlCurve("published", POINTS))
    ).controls
    assert shown is not None
    assert list(shown.tables[0].rows) == [
        ("float64, 1e−1 to 1e0", "1", "1.0000", "1.0000", "1.0000", "1 of 1"),
        ("published, 1e−9 to 1e−8", "1", "−0.0200", "−0.0200", "−0.0200", "0 of 1"),
        ("published, 1e−7 to 1e−6", "1", "0.4000", "0.4000", "0.4000", "0 of 1"),
        ("published, 1e−3 to 1e−2", "2", "0.9899", "0.9899", "0.9900", "1 of 2"),
        ("published, 1e−1 to 1e0", "1", "undefined", "undefined", "undefined", "0 of 1"),
    ]
    assert re.search(r"\b1 of published\b.*\bundefined\b", shown.caption)
    figure = controls((ControlCurve("published", POINTS),))
    marks = [shape for shape in figure.shapes if isinstance(shape, Circle)]
    assert len(marks) == 1 + 4  # with that of the legend; what is undefined has no mark


def test_without_controls_there_is_no_section() -> None:
    assert view(report()).controls is None
    assert 'id="controls"' not in report().to_html()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(1e-30, 1e30), st.none() | st.floats(-1, 1)), min_size=1, max_size=30
    )
)
def test_every_dot_lies_inside_and_on_its_side_of_the_floor(
    points: list[tuple[float, float | None]],
) -> None:
    figure = controls((ControlCurve("float64", tuple(points)),))
    (floor,) = {
        s.pieces[0][0][1] for s in figure.shapes if s.role == "margin" and s.pieces[0][1][0] > 300
    }
    _, *marks = (shape for shape in figure.shapes if isinstance(shape, Circle))
    known = [v for _, v in points if v is not None]
    assert bool(known) <= len(marks) <= len(known)
    ((left, top), (_, bottom)), ((_, _), (right, _)) = sorted(
        tuple(sorted(s.pieces[0])) for s in figure.shapes if s.role == "axis"
    )
    for mark in marks:
        assert left <= mark.x <= right
        assert top <= mark.y <= bottom
    assert {mark.y > floor for mark in marks} <= {v < 0.99 for v in known}


def test_the_curve_of_each_instrument_comes_from_evidence(tmp_path: Path) -> None:
    """States without a gradient have no place on a logarithmic axis; a control that is undefined
    keeps its place.
    """
    rows = []
    for seed in (1, 2):
        for layer, (norm, true, published) in enumerate(
            ((1e-3, 1.0, 0.5), (1e-9, 0.2, math.nan), (0.0, math.nan, 0.1))
        ):
            for metric, value in (
                ("gradient_norm", norm),
                ("control_true", true),
                ("published.control_true", published),
            ):
                status = "undefined" if math.isnan(value) else "measured"
                rows.append(
                    ("teacher", "dfa", seed, 20, layer, metric, value, status, f"key:{seed}")
                )
            rows.append(
                ("teacher", "dfa", seed, 20, layer, "cosine", 0.1 * seed, "measured", f"key:{seed}")
            )
    columns = ["setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run"]
    table = tmp_path / "evidence.csv"
    pd.DataFrame(rows, columns=columns).to_csv(table, index=False)
    claim = fe.Claim(
        "c", fe.exceeds(fe.cosine(fe.Arm("dfa")), 0, by=fe.Margin(0.01, "test")), seeds=2
    )
    found = fe.verify([claim], setting="teacher", from_evidence=table)
    assert found.controls == (
        ControlCurve("float64", ((1e-9, 0.2), (1e-9, 0.2), (1e-3, 1.0), (1e-3, 1.0))),
        ControlCurve("published", ((1e-9, None), (1e-9, None), (1e-3, 0.5), (1e-3, 0.5))),
    )
    assert 'id="controls"' in found.to_html()


@pytest.mark.parametrize("folder", ["teacher", "cifar10-pilot"])
def test_published_reports_show_the_curve(folder: str) -> None:
    page = (Path(__file__).parents[2] / "reports" / folder / "report.html").read_text()
    assert 'id="controls"' in page
