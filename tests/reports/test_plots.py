"""Figures: the same bytes everywhere, inert, with the numbers of the tables, and gaps where there
are none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from typer.testing import CliRunner

import faeval as fe
from faeval import stats
from faeval.cli import app
from faeval.errors import FaevalError
from faeval.reports import ControlCurve, Overview, Profile, Report, TrainingCurve
from faeval.reports.data import outcomes
from faeval.reports.figures import (
    contrast,
    controls,
    courses,
    dots,
    forest,
    inline,
    layers,
    mean_over_seeds,
    power,
    power_curves,
    render,
    shapes,
    spans_decades,
    strip,
    styles,
    transfer,
)
from faeval.reports.views import side_by_side, view
from faeval.reports.words import (
    level as written_level,
    percent,
    read,
    sentences as words,
    significant,
)

SVG = "{http://www.w3.org/2000/svg}"
CONFTEST = Path(__file__).with_name("conftest.py")
slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drawn(figure, name="f"):
    return inline(figure, "plot", name, "a title", "what it shows")


def texts(svg):
    return [
        "".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")
    ]


def of(figure, role):
    """The shapes whose role begins with this word."""
    return [s for s in figure.shapes if s.role.split()[0] == role]


def pieces(figure, role):
    """The pieces of the lines of a role, each an array of places."""
    return [np.array(piece) for line in of(figure, role) for piece in line.pieces]


NORMAL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789−")


def axis(figure, role, side):
    """What a place is worth along one side of a figure, read off two of its ticks as an eye would;
    of a logarithmic axis the logarithm.
    """
    ticks = [
        (shape.x if side == "x" else shape.y - 4, re.sub("^10(?=[⁰¹²³⁴⁵⁶⁷⁸⁹⁻])", "", shape.text))
        for shape in of(figure, "note")
        if role in shape.role.split() and re.fullmatch(r"[−\d.e⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", shape.text)
    ]
    (p0, t0), *_, (p1, t1) = sorted(ticks)
    v0, v1 = (read(text.translate(NORMAL)) for text in (t0, t1))
    return lambda place: v0 + (place - p0) / (p1 - p0) * (v1 - v0)


def corners(shape):
    """The outermost places of a shape; how wide text is, is estimated."""
    if isinstance(shape, shapes.Circle):
        return [(shape.x - shape.r, shape.y - shape.r), (shape.x + shape.r, shape.y + shape.r)]
    if isinstance(shape, shapes.Area):
        return shape.corners
    if isinstance(shape, shapes.Line):
        return [point for piece in shape.pieces for point in piece]
    size = 11 - 1 * ("small" in shape.role) - 2 * ("tiny" in shape.role)
    wide = 0.6 * size * len(shape.text)
    back = wide * ("end" in shape.role) + wide / 2 * ("mid" in shape.role)
    return [(shape.x - back, shape.y - size), (shape.x - back + wide, shape.y)]


def every_figure(report):
    yield from report.figures().items()
    for verdict in report.verdicts:
        for a in verdict.assertions:
            if math.isfinite(a.estimate):
                yield "strip", strip(a)
                yield "dots", dots(a, verdict.seeds)
    yield "transfer", transfer([report, replace(report, setting="other")])


def test_nothing_lies_outside_of_the_picture(illustrated_report, gallery):
    for report in (illustrated_report, gallery):
        for name, figure in every_figure(report):
            for shape in figure.shapes:
                for x, y in corners(shape):
                    assert -2 <= x <= figure.width + 2, (name, shape)
                    assert -2 <= y <= figure.height + 2, (name, shape)


# --- the same bytes

DIGESTS = """
import hashlib, json, runpy, sys
from faeval.reports.figures import render
from faeval.reports.figures import inline
report = runpy.run_path(sys.argv[1])["illustrated"]()
made = {}
for name, figure in report.figures().items():
    text = inline(figure, "plot", "f", "t", "d").encode() + render(figure, "svg")
    made[name] = hashlib.sha256(text).hexdigest()
chosen = report.figures()
text = render(chosen["controls"], "pdf") + render(chosen["forest"], "pdf")
made["pdf"] = hashlib.sha256(text).hexdigest()
print(json.dumps(made))
"""


@pytest.mark.slow
def test_another_process_gives_page_and_paper_the_same_bytes(illustrated_report, tmp_path):
    (tmp_path / "matplotlibrc").write_text(
        "font.family: serif\nfont.size: 30\nsvg.fonttype: path\nsvg.hashsalt: other\ntext.usetex:"
        " True\naxes.grid: True\nlines.linewidth: 9\nsavefig.dpi: 300\nfigure.dpi:"
        " 300\npdf.fonttype: 3\naxes.formatter.use_locale: True\nfigure.constrained_layout.use:"
        " True\nsavefig.bbox: tight\npath.simplify: True\naxes.spines.top: True\n"
    )
    environment = os.environ | {
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "PYTHONHASHSEED": "11",
        "TZ": "Pacific/Apia",
        "LC_ALL": "C.UTF-8",
        "SOURCE_DATE_EPOCH": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DIGESTS, str(CONFTEST)],
        check=True,
        env=environment,
        timeout=120,
        capture_output=True,
        text=True,
    )
    here = {}
    for name, figure in illustrated_report.figures().items():
        here[name] = hashlib.sha256(drawn_as_there(figure) + render(figure, "svg")).hexdigest()
    chosen = illustrated_report.figures()
    here["pdf"] = hashlib.sha256(
        render(chosen["controls"], "pdf") + render(chosen["forest"], "pdf")
    ).hexdigest()
    assert json.loads(done.stdout) == here


def drawn_as_there(figure):
    return inline(figure, "plot", "f", "t", "d").encode()


def test_drawing_twice_and_in_another_order_gives_the_same(illustrated_report):
    made = illustrated_report.figures()
    first = [drawn(made[name]) for name in made]
    assert [drawn(made[name]) for name in reversed(list(made))] == first[::-1]
    figure = made["controls"]
    assert drawn(figure) == drawn(figure)


def test_a_paper_leaves_the_settings_of_the_caller_alone(illustrated_report):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 31, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        render(illustrated_report.figures()["controls"], "pdf")
        drawn(illustrated_report.figures()["forest"])
        assert dict(mpl.rcParams) == before


# --- inert

ATTACKS = [
    "</svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "<![CDATA[ ]]> <!-- --> &amp; &#60;",
    r"$\frac{1}{2}$ \$ $x",
    r"\input{/etc/passwd} %\n",
    "\x00\x1b[31m\u202e\ud800\ufffe\r\n",
    "测试 שלום 👩‍👩‍👧 ﷽",
    "x" * 100_000,
    "+" * 200,
    " ",
    "",
]
hostile = st.one_of(
    st.sampled_from(ATTACKS), st.text(st.one_of(st.characters(), st.sampled_from("<>&$\"'\\+ ,\n")))
)
TAGS = {"svg", "title", "desc", "g", "path", "text", "circle"}
ATTRIBUTES = set(
    re.findall(
        r"[\w-]+",
        "class viewBox width height role aria-labelledby aria-label aria-hidden id x y d cx cy r"
        " fill stroke font-size font-weight text-anchor stroke-width stroke-opacity fill-opacity"
        " stroke-dasharray xmlns font-family",
    )
)


def hostile_figures(text, verdict):
    arms = (text, text + "2")
    yield layers([Profile(arm, text, (0, 1), (1,), ((0.1, 0.2),)) for arm in arms])
    yield courses([TrainingCurve(text, text, (1, 2), (1, 2), ((1.0, 1e9), (None, 2.0)))])
    yield controls([ControlCurve(text, ((0.1, 1.0),))])
    side = replace(verdict.assertions[0].a, expression=text)
    assertions = tuple(replace(a, unit=text, a=side, b=side) for a in verdict.assertions)
    made = replace(verdict, sentence=text, claim=text, assertions=assertions)
    yield contrast(made)
    yield forest(Report(text, (made,)))
    yield transfer([Report(text, (made,)), Report(text + "2", (made,))])


@slow
@given(text=hostile)
def test_hostile_text_is_text_in_every_figure(gallery, text):
    for figure in hostile_figures(text, gallery.verdicts[3]):
        svg = inline(figure, "plot", "f", text, text)
        svg.encode()
        for element in ElementTree.fromstring(svg).iter():
            assert element.tag in TAGS
            assert set(element.attrib) <= ATTRIBUTES
        assert "url(" not in re.sub(r">[^<]*<", "><", svg)
        assert not set(svg) & set("\x00\x1b\u202e\u2066\ufffe\r")
        saved = ElementTree.fromstring(render(figure, "svg"))
        assert {e.tag.removeprefix(SVG) for e in saved.iter()} <= TAGS
        assert len(svg) < 40_000


@pytest.mark.parametrize("text", [r"$x^2$", r"a $b$ \$ c", "$", r"\alpha $$"])
def test_no_text_is_mathematics_in_a_page_or_a_paper(text):
    figure = layers([Profile(text, text, (0, 1), (1,), ((0.1, 0.2),))])
    assert texts(drawn(figure)).count(text) == 2  # above the figure, and above its panel
    assert render(figure, "pdf").startswith(b"%PDF")


def test_scripts_that_the_font_of_a_paper_lacks_are_kept_without_a_warning():
    figure = layers([Profile("测试", "שלום", (0, 1), (1,), ((0.1, 0.2),))])
    assert {"测试", "שלום"} <= set(texts(drawn(figure)))
    render(figure, "pdf")


@pytest.mark.parametrize("name", ["1f", "a b", 'a"b', "ä", "a<"])
def test_an_id_that_is_none_is_refused(name):
    with pytest.raises(FaevalError, match=rf"name={name!r} .*\bletter\b"):
        inline(controls([ControlCurve("float64", ((0.1, 1.0),))]), "plot", name, "t", "d")


def test_a_title_is_escaped_and_the_description_whole():
    figure = controls([ControlCurve("i", ((0.1, 1.0),))])
    svg = inline(figure, "plot", "c", "a < b & c", '"x" > y')
    root = ElementTree.fromstring(svg)
    assert (root[0].tag, root[0].text, root[1].tag, root[1].text) == (
        "title",
        "a < b & c",
        "desc",
        '"x" > y',
    )
    assert root.get("aria-labelledby").split() == [root[0].get("id"), root[1].get("id")]
    assert root.get("role") == "img"


# --- in a page


def test_no_id_stands_twice_in_a_page_and_every_reference_is_met(illustrated_report):
    page = illustrated_report.to_html()
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="(figure-[^ "]+) ', page)) <= set(ids)
    claims = view(illustrated_report).claims
    assert any(c.power is not None and c.word == "inconclusive" for c in claims)
    power_drawn = sum(c.power is not None and c.word == "inconclusive" for c in claims)
    assert page.count('class="plot') == 2 + 3 + 1 + power_drawn
    titles = {c.power.title for c in claims if c.power is not None}
    assert sum(page.count(f"<b>{title}</b>") for title in titles) == sum(
        c.power is not None for c in claims
    )
    assert "rdf:" not in page
    assert "<?xml" not in page


def test_a_page_takes_its_own_colours_and_a_file_plain_ones(illustrated_report):
    for figure in illustrated_report.figures().values():
        page, file = drawn(figure), render(figure, "svg").decode()
        assert not re.search("fill|stroke|font|style", page)  # the page's own
        classes = {word for names in re.findall(r'class="([^"]+)"', page) for word in names.split()}
        assert classes <= {*shapes.ROLES, *shapes.COLOURS, "plot", "wide"}
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', file))
        assert colours <= {"none", *shapes.COLOURS.values()}
        assert "class" not in file


def test_the_colours_are_those_of_the_page():
    css = (Path(fe.__file__).parent / "reports" / "templates" / "page.css").read_text()
    root = css.split("}")[0]
    for name, colour in shapes.COLOURS.items():
        short = "#" + colour[1::2] if colour[1::2] == colour[2::2] else colour
        assert re.search(rf"--{name}: ({colour}|{short});", root), name
    used = set(re.findall(r"var\(--(\w+)\)", styles()))
    assert used <= {*shapes.COLOURS, "tone"}
    assert "svg .bar{fill:none;stroke:var(--tone);stroke-width:3}" in styles()


def test_a_page_has_the_style_of_every_role(illustrated_report):
    overview = Overview((illustrated_report,), (None,))
    for page in (illustrated_report.to_html(), overview.to_html()):
        assert styles() in page
        assert re.search('<svg class="strip" [^>]*aria-hidden="true">', page)


def test_coordinates_are_rounded(illustrated_report):
    for name, figure in every_figure(illustrated_report):
        coordinates = re.findall(r' (?:d|x|y|cx|cy|viewBox)="([^"]+)"', drawn(figure))
        numbers = re.findall(r"-?\d[\d.e+-]*", " ".join(coordinates).replace("M", " "))
        assert all(re.fullmatch(r"-?\d+(\.[1-9])?", number) for number in numbers), name
        assert "-0" not in numbers


def test_figures_are_small(illustrated_report):
    for name, figure in illustrated_report.figures().items():
        rows = (
            sum(max(1, len(v.assertions)) for v in illustrated_report.verdicts)
            if name == "forest"
            else 0
        )
        assert len(drawn(figure, "figure-99")) < max(12_000, 4_000 + 1_200 * rows), name


def test_names_are_safe_for_files_and_none_stands_twice(make_verdict, make_assertion):
    made = make_assertion("exceeds", [0.1, 0.2], [0.0, 0.0], 0.05)
    claims = ["a", "a-1", "A", "../../etc/passwd", "", "\x00", "x" * 500, "a 1", "ä"]
    verdicts = tuple(make_verdict("supported", "decided", made, made, claim=c) for c in claims)
    profiles = tuple(
        Profile("arm", metric, (0,), (1,), ((0.1,),)) for metric in ("a.b", "a_b", "/", "CON")
    )
    names = list(Report("t", verdicts, profiles=profiles).figures())
    assert len({name.lower() for name in names}) == len(names) == 1 + 2 * len(claims) + 4
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{1,100}", name) for name in names)


# --- gaps

value = st.none() | st.floats(-1e300, 1e300) | st.floats(1e-300, 1e300)


@slow
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(value, min_size=n, max_size=n), min_size=1, max_size=4)
    )
)
def test_a_gap_is_never_bridged_and_no_number_is_left_out(rows):
    n = len(rows[0])
    why = tuple(tuple("diverged" if v is None else "measured" for v in row) for row in rows)
    profile = Profile(
        "a", "m", tuple(range(n)), tuple(range(len(rows))), tuple(map(tuple, rows)), why
    )
    figure = layers([profile])
    joined = sum(len(piece) - 1 for piece in pieces(figure, "seeds"))
    assert joined == sum(a is not None and b is not None for row in rows for a, b in pairwise(row))
    # A point without neighbours is drawn as a dot, and a cross stands wherever a seed has no
    # number.
    alone = sum(
        v is not None and (i == 0 or row[i - 1] is None) and (i + 1 == n or row[i + 1] is None)
        for row in rows
        for i, v in enumerate(row)
    )
    assert len(of(figure, "lone")) == alone
    (frame,) = pieces(figure, "axis")[:1]
    low, high = sorted(frame[:, 1])
    for piece in pieces(figure, "seeds"):
        assert ((low <= piece[:, 1]) & (piece[:, 1] <= high)).all()
    svg = drawn(figure)
    subpaths = re.search(r'<path class="seeds" d="([^"]+)"', svg)
    assert (subpaths[1].count("M") if subpaths else 0) == len(pieces(figure, "seeds"))
    crosses = of(figure, "gap")
    assert len(crosses) == sum(any(row[i] is None for row in rows) for i in range(n))
    assert (
        "No number exists" in view(Report("t", (), profiles=(profile,))).profiles[0].caption
    ) == bool(crosses)


def test_long_names_are_broken_before_a_plus_and_keep_their_end():
    arm = "dfa+" + "+".join(f"factor_{i}=value" for i in range(9)) + "+epochs=1"
    arms = [arm, f"{arm}0", "short"]
    profiles = [Profile(arm, "m", (0, 1), (1,), ((0.1, 0.2),)) for arm in arms]
    lines = [s.text for s in of(layers(profiles), "small")]
    assert max(map(len, lines)) < 45
    names = "".join(lines)
    assert names.startswith("dfa+factor_0=value+factor_1=value")
    assert names.endswith("+epochs=10short")
    assert names.count("…") == 2


def test_a_mean_needs_every_seed():
    assert mean_over_seeds([(1.0, None, 4.0), (3.0, 2.0, 1e308)]) == (
        2.0,
        None,
        pytest.approx(5e307),
    )
    assert mean_over_seeds([(1.0,), (100.0,)], geometric=True) == (pytest.approx(10.0),)


@pytest.mark.parametrize(
    ("row", "log"),
    [
        ((1.0, 101.0), True),
        ((1.0, 100.0), False),
        ((0.0, 1e9), False),
        ((-1.0, 1e9), False),
        ((None,), False),
    ],
)
def test_a_scale_is_logarithmic_where_positive_values_span_more_than_a_hundred(row, log):
    assert spans_decades([row]) == log
    ticks = texts(drawn(layers([Profile("a", "m", tuple(range(len(row))), (1,), (row,))])))
    assert any(re.fullmatch("10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", tick) for tick in ticks) == log


def test_no_data_at_all_draws_an_empty_panel_or_nothing():
    empty = Profile("a", "m", (0, 1), (1,), ((None, None),), (("diverged", "undefined"),))
    ElementTree.fromstring(drawn(layers([empty])))
    ElementTree.fromstring(drawn(controls([ControlCurve("i", ((1.0, None),))])))
    assert (
        list(
            Report(
                "t",
                (),
                profiles=(Profile("a", "m", (), (1,), ((),)), Profile("a", "m", (1,), (), ())),
            ).figures()
        )
        == []
    )
    assert list(Report("t", ()).figures()) == []
    ElementTree.fromstring(drawn(transfer([])))
    ElementTree.fromstring(drawn(transfer([Report("t", ())])))
    ElementTree.fromstring(drawn(forest(Report("t", ()))))


# --- numbers


def by_eye(figure):
    """The values of lines, panel by panel, seed by seed, read off the ticks."""
    value = axis(figure, "end", "y")
    return [[value(y) for _, y in piece] for piece in pieces(figure, "seeds")]


def test_what_the_eye_reads_off_a_page_is_what_the_table_says(layer_profiles):
    chosen = [p for p in layer_profiles if p.metric == "cosine"][:2]
    seen = by_eye(layers(chosen))
    tables = view(Report("t", (), profiles=tuple(chosen))).profiles[0].tables
    assert seen == [pytest.approx(row, abs=1e-9) for p in chosen for row in p.values]
    for profile, table in zip(chosen, tables, strict=True):
        written = np.array([[read(cell) for cell in row[1:-1]] for row in table.rows]).T
        assert np.array(profile.values) == pytest.approx(written, abs=3e-3)
    # What is written into the page is rounded to a tenth of a pixel.
    d = re.search(r'<path class="seeds" d="M([^"]+)"', drawn(layers(chosen)))[1]
    places = np.array([[list(map(float, p.split())) for p in d.split("M")]]).reshape(-1, 2)
    exact = np.concatenate(pieces(layers(chosen), "seeds"))
    assert places == pytest.approx(exact, abs=0.051)


@pytest.mark.parametrize(("metric", "logarithmic"), [("cosine", False), ("state_norm", True)])
def test_means_in_figures_are_those_of_the_tables(layer_profiles, metric, logarithmic):
    members = [p for p in layer_profiles if p.metric == metric]
    (shown,) = view(Report("t", (), profiles=tuple(members))).profiles
    figure = layers(members)
    value = axis(figure, "end", "y")
    points = iter(of(figure, "point"))
    for table in shown.tables:
        assert table.head[-1] == ("geometric mean" if logarithmic else "mean")
        for row in table.rows:
            if row[-1] != "none":
                seen = value(next(points).y)
                seen = 10**seen if logarithmic else seen
                assert read(row[-1]) == pytest.approx(seen, rel=2e-2, abs=2e-3)
    assert next(points, None) is None


def decimals(cell):
    return len(cell.partition(".")[2])


def test_numbers_of_one_row_have_the_same_decimals():
    near_one = Profile(
        "dfa",
        "control_true",
        (1, 2),
        (1, 2, 3),
        ((0.9999, 1e-5), (1.0001, 1.2e-5), (0.995, 0.9e-5)),
        epoch=1,
    )
    shown = view(Report("t", (), profiles=(near_one,))).profiles[0].tables[0]
    assert shown.rows[0] == ("1", "1.00", "1.00", "0.99", "1.00")
    assert [text.partition("e")[2] for text in shown.rows[1][1:]] == ["−5"] * 4
    assert [significant(v, 3) for v in (0.9999, 1.0001, 0.99949)] == ["1.00", "1.00", "0.999"]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=5))
def test_a_row_of_numbers_is_written_alike_unless_it_spans_decades(row):
    style = side_by_side(row)
    if not spans_decades([row]):
        assert (
            len({(decimals(style(v).partition("e")[0]), style(v).partition("e")[2]) for v in row})
            == 1
        )


def test_a_course_shows_each_epoch_and_says_where_there_is_none(illustrated_report):
    shown = view(illustrated_report).courses
    titles = [c.title for c in shown]
    assert [title.partition(",")[0] for title in titles] == ["train_loss", "cosine", "state_norm"]
    assert [re.findall(r"\blayers? ([\d–]+)", title) for title in titles] == [[], ["1–4"], ["4"]]
    assert shown[1].tables[0].rows[1] == ("10", "undefined", "0.100", "0.120", "none")
    assert shown[1].caption.endswith("dfa: undefined at epoch 10.")
    figure = courses([c for c in illustrated_report.curves if c.metric == "cosine"])
    epoch = axis(figure, "mid", "x")
    assert [round(epoch(point.x)) for point in of(figure, "point")] == [1, 20]
    assert of(figure, "mean") == []


def test_a_course_of_another_shape_is_refused():
    with pytest.raises(FaevalError, match=r"TrainingCurve\('m' of 'a'\): values .*\b2 epochs\b"):
        TrainingCurve("a", "m", (1, 2), (1,), ((0.1,),))


def listed(text):
    """The numbers of seeds that a table's cell names."""
    spans = [
        list(map(int, part.split("–"))) for part in text.removesuffix(", the plan").split(", ")
    ]
    return [n for span in spans for n in range(span[0], span[-1] + 1)]


def test_the_power_drawn_is_that_of_the_statistics_and_of_the_table(gallery):
    verdict = gallery.verdicts[0]
    ((_, curve),) = power_curves(verdict)
    a = verdict.assertions[0]
    level = verdict.alpha / verdict.family_size
    figure = power(verdict)
    percent_of, seeds_of = axis(figure, "end", "y"), axis(figure, "mid", "x")
    for role, sd in (("mean", a.pilot_sd), ("cautious", stats.sd_upper(a.pilot_sd, 6))):
        drawn_line = max(pieces(figure, role), key=len)
        assert [round(seeds_of(x)) for x, _ in drawn_line] == list(range(2, 21))
        for n, (_, y) in enumerate(drawn_line, 2):
            expected = stats.prospect("exceeds", a.margin, a.anticipated, sd, n, level).power
            assert percent_of(y) / 100 == pytest.approx(expected, abs=1e-12)
    shown = view(gallery).claims[0].power.tables[0]
    written = {n: row[1:] for row in shown.rows for n in listed(row[0])}
    assert curve.cautious is not None
    assert written == {
        n: tuple(percent(min(p, 1 - 1e-9)) for p in both)
        for n, *both in zip(curve.seeds, curve.power, curve.cautious, strict=True)
    }
    assert [row[0] for row in shown.rows if "plan" in row[0]] == ["5, the plan"]
    said = view(gallery).claims[0].power.description
    assert f"at level {written_level(level)}: {written[5][0]} at the 5 seeds planned." in said
    assert f"level {written_level(level)}, s.d." in shown.caption
    assert "plan: 5" in texts(drawn(figure))
    (plan,) = pieces(figure, "margin")
    assert [seeds_of(x) for x, _ in plan] == pytest.approx([5, 5])


@pytest.mark.slow
def test_power_at_the_plan_is_the_power_of_the_verdict():
    """The figure recomputes what deciding computed, from what the verdict carries: they must agree,
    whatever the kind.
    """
    report = fe.verify(
        "claims", setting="teacher", from_evidence=Path(__file__).parents[2] / "reports" / "teacher"
    )
    compared = 0
    for verdict in report.verdicts:
        for i, curve in power_curves(verdict):
            at = dict(zip(curve.seeds, curve.power, strict=True))
            assert at[verdict.n] == pytest.approx(verdict.assertions[i].power, abs=1e-12)
            compared += 1
    assert compared > 10
    assert {c.metric for c in report.curves} >= {
        "train_loss",
        "state_norm",
        "gradient_norm",
        "cosine",
    }
    read = {p.arm for p in report.profiles if p.metric == "cosine"}
    # One epoch is no course; of these claims read no cosine, and so no profile.
    without = {"fa", "bp", "bp+trained_blocks=0"}
    assert {c.arm for c in report.curves} == {
        arm for arm in read if "epochs=1" not in arm
    } | without
    loss = report.figures()["course-train-loss"]
    assert len(drawn(loss, "figure-99")) < 4_000 * len(
        {c.arm for c in report.curves}
    )  # 20 epochs of 5 seeds of each arm


@pytest.mark.parametrize(
    "change", [{"anticipated": None}, {"pilot_sd": None}, {"pilot_sd": 0.0}, {"anticipated": 0.03}]
)
def test_without_a_pilot_or_an_effect_off_the_margin_there_is_no_power(gallery, change):
    verdict = gallery.verdicts[0]
    verdict = replace(verdict, assertions=(replace(verdict.assertions[0], **change),))
    assert power_curves(verdict) == []
    shown = view(Report("t", (verdict,)))
    assert shown.claims[0].power is None


def test_a_contrast_has_the_numbers_of_the_dots(gallery):
    for verdict in gallery.verdicts:
        for i, a in enumerate(verdict.assertions):
            if not math.isfinite(a.estimate):
                continue
            style = words.style_of(a)
            figure = contrast(verdict, i)
            assert style(a.estimate) in texts(drawn(figure))
            by_line = {}
            for shape in of(figure, "text"):
                by_line.setdefault(shape.y, []).append(shape.text)
            expected = [
                [f"seed {seed}", style.finer()(d)]
                for seed, d in zip(verdict.seeds, a.differences, strict=True)
            ]
            assert list(by_line.values()) == expected
            assert set(dots(a, verdict.seeds).shapes) <= set(figure.shapes)
            if "e" not in style(a.estimate):
                (at,) = of(figure, "estimate")
                value = axis(figure, "mid", "x")(at.x)
                assert value == pytest.approx(a.estimate, rel=1e-6, abs=1e-9)


def test_many_seeds_stay_in_one_figure(make_assertion, make_verdict):
    d = np.random.default_rng(1).normal(0.2, 0.02, 150)
    verdict = make_verdict(
        "supported", "decided", make_assertion("exceeds", d, np.zeros(150), 0.05)
    )
    figure = contrast(verdict)
    assert figure.height < 430
    said = texts(drawn(figure))
    assert "seed 1" in said
    assert "seed 150" in said
    assert "seed 2" not in said
    assert len(of(figure, "dot")) == 150


# --- forest


def middle(shape):
    if isinstance(shape, shapes.Circle):
        return shape.x
    points = shape.corners if isinstance(shape, shapes.Area) else sum(shape.pieces, ())
    return sum(x for x, _ in points) / len(points)


def estimates(figure):
    """The estimates of a forest, in margins; the signs at its right edge are none."""
    value = axis(figure, "mid", "x")
    signs = [middle(s) for role in ("estimate", "dot", "cross") for s in of(figure, role)]
    return [value(x) for x in signs if x < 510]


@pytest.mark.parametrize(
    ("kind", "difference", "margin", "at"),
    [
        ("exceeds", 0.2, 0.1, 2.0),
        ("below", -0.2, 0.1, 2.0),
        ("not_above", 0.05, 0.1, 0.5),
        ("not_below", -0.05, 0.1, 0.5),
        ("equivalent", -0.05, 0.1, -0.5),
    ],
)
def test_a_forest_counts_in_margins_towards_the_margin(
    make_assertion, make_verdict, kind, difference, margin, at
):
    made = make_assertion(kind, difference + np.array([-0.01, 0.0, 0.01]), np.zeros(3), margin)
    figure = forest(Report("t", (make_verdict("supported", "decided", made),)))
    assert estimates(figure) == [pytest.approx(at)]
    (bar,) = pieces(figure, "bar")
    value = axis(figure, "mid", "x")
    sign = -1 if kind in ("below", "not_below") else 1
    drawn_bar = [value(x) for x, _ in bar]
    assert drawn_bar == pytest.approx(sorted(sign * b / margin for b in made.interval))


def test_a_forest_lists_every_claim_with_its_word_and_numbers(gallery):
    said = texts(drawn(forest(gallery)))
    for word in ("supported", "refuted", "inconclusive", "invalid"):
        assert said.count(word) == sum(v.verdict == word for v in gallery.verdicts)
    several = [v for v in gallery.verdicts if len(v.assertions) > 1 and v.verdict != "invalid"]
    for result in ("met", "contradicted", "open"):
        assert said.count(result) == sum(
            outcomes.outcome(a) == result for v in several for a in v.assertions
        )
    for verdict in gallery.verdicts:
        for a in verdict.assertions:
            assert any(words.value_text(a).startswith(text) and text for text in said)


def test_each_line_of_a_forest_has_its_own_result_and_the_claim_its_verdict_once(
    make_assertion, make_verdict
):
    held = make_assertion("exceeds", [0.3, 0.31, 0.32], [0.0] * 3, 0.1)
    failed = make_assertion("exceeds", [-0.3, -0.31, -0.32], [0.0] * 3, 0.1)
    figure = forest(Report("t", (make_verdict("refuted", "decided", held, failed),)))
    said = texts(drawn(figure))
    assert [said.count(word) for word in ("refuted", "met", "contradicted", "supported")] == [
        1,
        1,
        1,
        0,
    ]
    signs = [s for s in figure.shapes if s.role.startswith("estimate") and middle(s) < 510]
    assert [s.role for s in signs] == ["estimate supported", "estimate refuted"]
    invalid = texts(
        drawn(forest(Report("t", (make_verdict("invalid", "confounded", held, failed),))))
    )
    assert invalid.count("invalid") == 1
    assert not {"met", "contradicted", "open"} & set(invalid)


def test_the_name_of_a_claim_is_broken_between_words_and_cut_at_its_end(make_verdict):
    once = (
        "The penalty creates deep alignment: vanilla DFA at epoch 1 against penalised DFA at its"
        " last epoch"
    )
    for count in (1, 3):
        sentence = " ".join([once] * count)
        verdict = make_verdict("invalid", "confounded", sentence=sentence)
        said = texts(drawn(forest(Report("t", (verdict,)))))
        shown = " ".join(line for line in said if len(set(line.split()) & set(once.split())) > 1)
        assert sentence.startswith(shown.removesuffix(" …"))
        assert any("…" in line for line in said) == (shown != sentence)
        assert len(shown) >= min(len(sentence), 150)


def test_a_zero_margin_is_listed_and_not_drawn(make_assertion, make_verdict):
    made = make_assertion("exceeds", [0.1, 0.2, 0.3], [0.0] * 3, 0.0)
    verdict = make_verdict("supported", "decided", made)
    figure = forest(Report("t", (verdict,)))
    assert estimates(figure) == []
    assert {"supported", words.value_text(made)} <= set(texts(drawn(figure)))


def test_what_lies_far_off_ends_in_an_arrow_and_moves_no_scale(make_assertion, make_verdict):
    near = make_assertion("exceeds", [0.1, 0.2, 0.3], [0.0] * 3, 0.1)
    far = make_assertion("exceeds", [1e9, 2e9, 3e9], [0.0] * 3, 0.1)
    verdicts = (
        make_verdict("supported", "decided", near, claim="a"),
        make_verdict("supported", "decided", far, claim="b"),
    )
    figure = forest(Report("t", verdicts))
    assert len(estimates(figure)) == 1
    value = axis(figure, "mid", "x")
    assert value(501) < 10
    right = [back for back, tip, _ in pieces(figure, "open") if tip[0] > back[0]]
    assert len(right) == 1 + (near.interval[1] / 0.1 > value(501))


# --- files


def test_a_paper_has_figures_of_a_columns_width_and_fonts_that_journals_take(illustrated_report):
    figures = illustrated_report.figures()
    for name, inches in (("controls", 3.3), ("forest", 6.9)):
        pdf = render(figures[name], "pdf")
        box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", pdf)
        assert float(box[1]) == pytest.approx(72 * inches, abs=0.6)
        assert b"/TrueType" in pdf or b"/CIDFontType2" in pdf
        assert b"/Type3" not in pdf
        assert b"CreationDate" not in pdf
        svg = render(figures[name], "svg").decode()
        assert svg.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns=')
        assert float(re.search('width="([0-9.]+)pt"', svg)[1]) == pytest.approx(float(box[1]))


def test_another_form_is_refused():
    with pytest.raises(FaevalError, match=r"form='png' .*\bsvg\b.*\bpdf\b"):
        render(controls([ControlCurve("i", ((0.1, 1.0),))]), "png")


def test_a_paper_shows_every_shape_and_every_text(illustrated_report):
    """Each shape of the page is drawn on paper too; texts are not compared, fonts are subset."""
    figures = illustrated_report.figures()
    one_a_kind = {name.partition("-")[0]: figure for name, figure in figures.items()}
    assert len(one_a_kind) == 6
    for figure in one_a_kind.values():
        content = drawn_pdf(figure)
        places = sum(
            1 if isinstance(s, (shapes.Area, shapes.Circle)) else len(s.pieces)
            for s in figure.shapes
            if not isinstance(s, shapes.Text)
        )
        shown = [s for s in figure.shapes if isinstance(s, shapes.Text) and s.text]
        assert len(re.findall(rb"\bm$", content, re.MULTILINE)) >= places
        assert content.count(b"BT\n") >= len(shown)


def drawn_pdf(figure):
    """The instructions of a PDF, unpacked."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", render(figure, "pdf"), re.DOTALL)
    unpacked = []
    for stream in streams:
        with contextlib.suppress(zlib.error):
            unpacked.append(zlib.decompress(stream))
    return b"".join(unpacked)


def evidence(folder):
    rows = []
    for seed in (1, 2, 3):
        for epoch in (1, 20):
            for layer in (0, 1, 2):
                value = 0.1 * seed + 0.01 * layer + 0.001 * epoch
                gone = (seed, epoch, layer) == (2, 1, 1)
                rows.append(
                    (
                        "dfa",
                        seed,
                        epoch,
                        layer,
                        "cosine",
                        math.nan if gone else value,
                        "undefined" if gone else "measured",
                    )
                )
                if (seed, epoch, layer) != (3, 1, 2):
                    rows.append(
                        ("dfa", seed, epoch, layer, "state_norm", 10.0 * epoch * seed, "measured")
                    )
            rows.append(("bp", seed, epoch, None, "train_loss", 1.0 / epoch, "measured"))
        rows.append(("dfa", seed, 20, None, "train_loss", 0.5, "measured"))
    columns = ["arm", "seed", "epoch", "layer", "metric", "value", "status"]
    table = pd.DataFrame(rows, columns=columns).assign(setting="teacher")
    table["run"] = [
        f"{arm}:{seed}:{epoch}"
        for arm, seed, epoch in zip(table["arm"], table["seed"], table["epoch"], strict=True)
    ]
    table["layer"] = table["layer"].astype("Int64")
    order = ["setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run"]
    table[order].to_csv(folder / "evidence.csv", index=False)
    return folder / "evidence.csv"


CLAIM = """
import faeval as fe

there = fe.exceeds(fe.cosine(fe.Arm("dfa")), 0, by=fe.Margin(0.01, "a test"))
claim = fe.Claim("Deep cosine is there", there, seeds=3)
"""


def test_courses_come_from_evidence_of_the_arms_that_are_read_at_several_epochs(tmp_path):
    """bp is read by no claim, the loss of dfa stands at one epoch: neither is drawn. A mean lacks
    no layer unseen.
    """
    claim = fe.Claim(
        "c", fe.exceeds(fe.cosine(fe.Arm("dfa")), 0, by=fe.Margin(0.01, "a test")), seeds=3
    )
    found = fe.verify([claim], setting="teacher", from_evidence=evidence(tmp_path)).curves
    assert [(c.arm, c.metric, c.layers, c.epochs, c.seeds) for c in found] == [
        ("dfa", "state_norm", (2,), (1, 20), (1, 2, 3)),
        ("dfa", "cosine", (1, 2), (1, 20), (1, 2, 3)),
    ]
    norms, cosine = found
    assert norms.values == ((10.0, 200.0), (20.0, 400.0), (None, 600.0))
    assert norms.status[2] == ("missing", "measured")
    assert cosine.values[0] == pytest.approx((0.1 + 0.015 + 0.001, 0.1 + 0.015 + 0.02))
    assert cosine.values[1] == (None, pytest.approx(0.2 + 0.015 + 0.02))
    assert cosine.status[1] == ("undefined", "measured")


def test_the_command_writes_every_figure_for_a_paper_beside_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.py").write_text(CLAIM)
    folder = tmp_path / "report"
    folder.mkdir()
    table = evidence(folder)
    fe.verify(tmp_path / "claims.py", setting="teacher", from_evidence=table).write(folder)
    asked = ["report", str(folder), "--claims", str(tmp_path / "claims.py"), "--figures"]
    done = CliRunner().invoke(app, [*asked, "--overview", "page"])
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "page" / "figures").iterdir()} == {
        "transfer.svg",
        "transfer.pdf",
    }
    assert not (folder / "figures").exists()  # what the overview shows is not written to
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    written = sorted(p.name for p in (folder / "figures").iterdir())
    names = list(
        fe.verify(tmp_path / "claims.py", setting="teacher", from_evidence=table).figures()
    )
    assert written == sorted(f"{name}.{form}" for name in names for form in ("svg", "pdf"))
    assert "forest.pdf" in written
