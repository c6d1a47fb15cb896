"""The forest plot over settings: which claims carry over, and what each verdict hangs on."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import FaevalError
from faeval.reports import Overview, Report
from faeval.reports.data import outcomes
from faeval.reports.figures import Area, Circle, Text, deciding, transfer

WORDS = ("supported", "refuted", "inconclusive", "invalid")
HEADINGS = {
    "supported in all",
    "refuted in all",
    "supported in one, refuted in another",
    "supported where decided",
    "refuted where decided",
    "decided in none",
}


def said(figure) -> list[str]:
    return [shape.text for shape in figure.shapes if isinstance(shape, Text)]


def places(figure, role) -> list[float]:
    """Where the circles, areas and lines of a role have their middle."""
    return [
        shape.x
        if isinstance(shape, Circle)
        else np.mean(
            [x for x, _ in (shape.corners if isinstance(shape, Area) else sum(shape.pieces, ()))]
        )
        for shape in figure.shapes
        if shape.role == role
    ]


def in_margins(figure):
    """The number at a place of the first panel: zero and the margin are lines."""
    zero, margin = (
        min(shape.pieces[0][0][0] for shape in figure.shapes if shape.role == role)
        for role in ("zero", "margin")
    )
    return lambda x: (x - zero) / (margin - zero)


def counted(figure) -> dict[str, int]:
    """How many claims stand under each heading."""
    found = (re.fullmatch(r"(\w.*): (\d+) claims?", text) for text in said(figure))
    return {m[1].lower(): int(m[2]) for m in found if m}


def settings_of(make_verdict, *columns):
    """Reports with a verdict of these words a claim; None where a setting does not have it."""
    return [
        Report(
            f"setting{i}",
            tuple(
                make_verdict(word, "decided", claim=f"f::c{k}", sentence=f"Claim number {k}")
                for k, word in enumerate(column)
                if word
            ),
        )
        for i, column in enumerate(columns)
    ]


@pytest.mark.parametrize(
    ("found", "heading"),
    [
        (("supported", "supported", "supported"), "supported in all"),
        (("refuted", "refuted", "refuted"), "refuted in all"),
        (("supported", "inconclusive", "refuted"), "supported in one, refuted in another"),
        (("refuted", "supported", "supported"), "supported in one, refuted in another"),
        (("supported", "inconclusive", "supported"), "supported where decided"),
        (("supported", None, "supported"), "supported where decided"),
        (("invalid", "refuted", "inconclusive"), "refuted where decided"),
        (("invalid", "inconclusive", None), "decided in none"),
        (("invalid", "invalid", "invalid"), "decided in none"),
    ],
)
def test_a_claim_stands_under_what_became_of_it(make_verdict, found, heading):
    assert counted(transfer(settings_of(make_verdict, *[[word] for word in found]))) == {heading: 1}


def test_every_claim_stands_under_one_heading(make_verdict):
    every = list(product((*WORDS, None), repeat=2))[:-1]  # without the claim that nobody makes
    figure = transfer(settings_of(make_verdict, *zip(*every, strict=True)))
    assert set(counted(figure)) == HEADINGS
    assert sum(counted(figure).values()) == len(every)
    assert sum(text.startswith("Claim number") for text in said(figure)) == len(every)


def test_each_setting_has_its_own_sign_in_its_own_panel(make_verdict):
    figure = transfer(settings_of(make_verdict, ["supported"], [None], ["invalid"]))
    first, second, third = sorted(places(figure, "zero"))
    (_, supported), (_, invalid) = (
        places(figure, f"{r}") for r in ("estimate supported", "cross invalid")
    )
    assert supported < first < second < invalid < third  # after those of the legend
    assert [text for text in said(figure) if text.startswith("setting")] == [
        "setting0",
        "setting1",
        "setting2",
    ]


def test_what_came_late_or_is_fragile_is_marked(make_verdict):
    flags = [(), ("fragile",), ("after_evidence",), ("fragile", "unregistered")]
    made = [
        replace(make_verdict("supported", "decided", claim=f"f::c{i}"), flags=f)
        for i, f in enumerate(flags)
    ]
    told = said(transfer([Report("a", tuple(made))]))
    assert [text for text in told if text in ("*", "†", "*†")] == ["†", "*", "*†"]
    assert any("registered" in text and "fragile" in text for text in told)


def test_bars_are_the_intervals_in_margins_on_one_scale(make_assertion, make_verdict):
    def report(name, difference):
        made = make_assertion("below", difference + np.array([-0.01, 0.0, 0.01]), np.zeros(3), 0.1)
        return made, Report(name, (make_verdict("supported", "decided", made),))

    (first, one), (second, two) = report("a", -0.2), report("b", -0.35)
    figure = transfer([one, two])
    bars = [shape for shape in figure.shapes if shape.role == "bar supported"]
    dots = [s for s in figure.shapes if isinstance(s, Circle) and s.r < 3]
    panels = np.diff(sorted(places(figure, "zero")))[0]
    for i, (made, bar, dot) in enumerate(zip((first, second), bars, dots, strict=True)):
        value = in_margins(figure)
        seen = [value(x - i * panels) for x, _ in bar.pieces[0]]
        assert seen == pytest.approx(sorted(-bound / 0.1 for bound in made.interval))
        assert value(dot.x - i * panels) == pytest.approx(-made.estimate / 0.1)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bar_that_lies_beyond_has_one_arrow_that_points_there(make_assertion, make_verdict, sign):
    made = make_assertion("exceeds", sign * np.array([99.0, 100.0, 101.0]), np.zeros(3), 0.1)
    figure = transfer([Report("a", (make_verdict("supported", "decided", made),))])
    arrows = [shape for shape in figure.shapes if shape.role == "open supported"]
    ((back, tip, _),) = (arrow.pieces[0] for arrow in arrows)
    assert (tip[0] > back[0]) == (sign > 0)


def test_a_verdict_hangs_on_its_worst_result(make_assertion, make_verdict):
    strong = make_assertion("exceeds", [0.9, 0.91, 0.92], [0.0] * 3, 0.1)
    weak = make_assertion("exceeds", [0.3, 0.31, 0.32], [0.0] * 3, 0.1)
    open_ = make_assertion("exceeds", [0.0, 0.4, 0.9], [0.0] * 3, 0.1)
    failed = make_assertion("not_above", [0.9, 0.91, 0.92], [0.0] * 3, 0.1)
    unknown = replace(weak, estimate=math.nan)
    assert [outcomes.outcome(a) for a in (strong, weak, open_, failed)] == [
        "met",
        "met",
        "open",
        "contradicted",
    ]
    for given_, hangs_on in (
        ((strong, weak), weak),
        ((strong, open_, weak), open_),
        ((weak, failed, open_), failed),
        ((unknown, strong), strong),
        ((unknown,), None),
        ((replace(weak, margin=0.0),), None),
        ((), None),
    ):
        assert deciding(make_verdict("inconclusive", "x", *given_)) is hangs_on


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=4),
    st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"]),
)
def test_among_equal_results_it_is_the_least_far_on_the_claimed_side(
    make_assertion, make_verdict, centres, kind
):
    made = [
        make_assertion(kind, c + np.array([-1e-4, 0.0, 1e-4]), np.zeros(3), 0.1) for c in centres
    ]
    found = deciding(make_verdict("inconclusive", "x", *made))
    alike = [a for a in made if outcomes.outcome(a) == outcomes.outcome(found)]
    sign = {"exceeds": 1, "not_below": 1, "below": -1, "not_above": -1}.get(kind)
    inside = (lambda a: -abs(a.estimate)) if sign is None else (lambda a: sign * a.estimate)
    assert inside(found) == pytest.approx(min(map(inside, alike)))


def test_a_reproduction_beside_its_setting_is_no_setting(make_verdict):
    main, other = settings_of(make_verdict, ["supported"], ["supported"])
    again = replace(main, verdicts=tuple(replace(v, verdict="refuted") for v in main.verdicts))
    figure = Overview((main, other, again), ("a", "b", "c")).figures()["transfer"]
    assert counted(figure) == {"supported in all": 1}
    alone = Overview((main, again), ("a", "c")).figures()["transfer"]
    assert counted(alone) == {"supported in one, refuted in another": 1}


def test_an_overview_writes_its_figure_for_a_paper_as_svg_and_pdf(gallery, tmp_path):
    page = Overview((gallery, replace(gallery, setting="other")), (None, None))
    written = page.write_figures(tmp_path / "figures")
    assert [path.name for path in written] == ["transfer.svg", "transfer.pdf"]
    assert written[0].read_bytes().startswith(b"<?xml")
    assert written[1].read_bytes().startswith(b"%PDF")
    (tmp_path / "file").write_text("")
    with pytest.raises(FaevalError, match="file"):
        page.write_figures(tmp_path / "file")
