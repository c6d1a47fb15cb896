"""Figures by matplotlib: the same bytes everywhere, inert, with the numbers of the tables, and gaps
where there are none.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import faeval as fe
from faeval import stats
from faeval.cli import app
from faeval.errors import FaevalError
from faeval.reports import ControlCurve, Profile, Report, TrainingCurve
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.figures._drawing import TONES, inline, render, save
from faeval.reports.figures._forest import forest, transfer
from faeval.reports.figures._plots import contrast, controls, courses, layers, power, power_curves
from faeval.reports.figures._series import mean_over_seeds, spans_decades
from faeval.reports.views._figures import side_by_side
from faeval.reports.views._report import view
from faeval.reports.words import _sentences as words
from faeval.reports.words._numbers import level as written_level
from faeval.reports.words._numbers import percent, read, significant

SVG = "{http://www.w3.org/2000/svg}"
CONFTEST = Path(__file__).with_name("conftest.py")
slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drawn(figure, name="f"):
    return inline(figure, name, "a title", "what it shows")


def texts(svg):
    return [
        "".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")
    ]


def lines_of(figure, **look):
    """The data of the lines that look so, panel by panel."""
    return [
        np.column_stack([np.asarray(v, float) for v in line.get_data()])
        for axes in figure.axes
        for line in axes.lines
        if all(getattr(line, f"get_{k}")() == v for k, v in look.items())
    ]


def means_of(figure):
    return [line[:-1] for line in lines_of(figure, linewidth=1.5)]


def seeds_of(figure, n):
    """One array of values by seed (rows) for each panel."""
    return [line[:, 1].reshape(n, -1)[:, :-1] for line in lines_of(figure, linewidth=0.7)]


# --- the same bytes
# ----------------------------------------------------------------------------------------------

DIGESTS = """
import hashlib, json, runpy, sys
from faeval.reports.figures._drawing import inline, render
report = runpy.run_path(sys.argv[1])["illustrated"]()
made = {}
for name, figure in report.figures().items():
    made[name] = hashlib.sha256(inline(figure, "f", "t", "d").encode() + render(figure, "svg")).hexdigest()
chosen = report.figures()
made["pdf"] = hashlib.sha256(render(chosen["controls"], "pdf") + render(chosen["forest"], "pdf")).hexdigest()
print(json.dumps(made))
"""  # noqa: E501


def test_another_process_with_other_settings_gives_the_same_bytes(illustrated_report, tmp_path):
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
    return inline(figure, "f", "t", "d").encode()


def test_drawing_twice_and_in_another_order_gives_the_same(illustrated_report):
    made = illustrated_report.figures()
    first = [drawn(made[name]) for name in made]
    assert [drawn(made[name]) for name in reversed(list(made))] == first[::-1]
    figure = made["controls"]
    assert drawn(figure) == drawn(figure)


def test_the_settings_of_the_caller_are_left_alone(illustrated_report):
    with mpl.rc_context({"font.size": 31, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        render(illustrated_report.figures()["controls"], "pdf")
        drawn(illustrated_report.figures()["forest"])
        assert dict(mpl.rcParams) == before


# --- inert
# ----------------------------------------------------------------------------------------------

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
TAGS = {"svg", "title", "desc", "g", "path", "text", "use", "defs"}
ATTRIBUTES = set(
    re.findall(
        r"[\w-]+",
        "class viewBox width height role aria-labelledby id href x y d transform fill stroke"
        " opacity font-size font-weight text-anchor stroke-width stroke-opacity fill-opacity"
        " stroke-dasharray stroke-linecap stroke-linejoin stroke-dashoffset xmlns font-family",
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
        svg = inline(figure, "f", text, text)
        svg.encode()
        for element in ElementTree.fromstring(svg).iter():
            assert element.tag in TAGS
            assert set(element.attrib) <= ATTRIBUTES
            assert element.get("href", "#f-").startswith("#f-")
        assert "url(" not in re.sub(r">[^<]*<", "><", svg)
        assert not set(svg) & set("\x00\x1b\u202e\u2066\ufffe\r")
        saved = ElementTree.fromstring(render(figure, "svg"))
        assert {e.tag.removeprefix(SVG) for e in saved.iter()} <= TAGS
        assert len(svg) < 40_000


@pytest.mark.parametrize("text", [r"$x^2$", r"a $b$ \$ c", "$", r"\alpha $$"])
def test_no_text_is_mathematics(text):
    figure = layers([Profile(text, text, (0, 1), (1,), ((0.1, 0.2),))])
    assert texts(drawn(figure)).count(text) == 2  # the title of the panel, and its axis
    assert render(figure, "pdf").startswith(b"%PDF")


def test_scripts_that_the_font_lacks_are_kept_without_a_warning():
    figure = layers([Profile("测试", "שלום", (0, 1), (1,), ((0.1, 0.2),))])
    assert {"测试", "שלום"} <= set(texts(drawn(figure)))
    render(figure, "pdf")


@pytest.mark.parametrize("name", ["", "1f", "a b", 'a"b', "ä", "a<"])
def test_an_id_that_is_none_is_refused(name):
    with pytest.raises(FaevalError, match="must begin with a letter"):
        inline(controls([ControlCurve("float64", ((0.1, 1.0),))]), name, "t", "d")


def test_a_title_is_escaped_and_the_description_whole():
    svg = inline(controls([ControlCurve("i", ((0.1, 1.0),))]), "c", "a < b & c", '"x" > y')
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
# ----------------------------------------------------------------------------------------------


def test_no_id_stands_twice_in_a_page_and_every_reference_is_met(illustrated_report):
    page = illustrated_report.to_html()
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<use href="#([^"]+)"', page)) <= set(ids)
    claims = view(illustrated_report).claims
    assert any(c.power is not None and c.word == "inconclusive" for c in claims)
    power_drawn = sum(c.power is not None and c.word == "inconclusive" for c in claims)
    assert page.count('class="plot') == 2 + 3 + 1 + power_drawn
    assert page.count("<b>Power against the number of seeds</b>") == sum(
        c.power is not None for c in claims
    )
    assert "rdf:" not in page
    assert "<?xml" not in page


def test_a_page_takes_its_own_colours_and_a_file_plain_ones(illustrated_report):
    for figure in illustrated_report.figures().values():
        page, file = drawn(figure), render(figure, "svg").decode()
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', page))
        assert all(
            re.fullmatch(r"none|var\(--[a-z]+,#[0-9a-f]{6}\)", colour) for colour in colours
        ), colours
        assert "var(" not in file
        assert "font-family" not in page  # the page's own


def test_the_colours_are_those_of_the_page():
    css = (Path(fe.__file__).parent / "reports" / "templates" / "page.css").read_text()
    root = css.split("}")[0]
    from faeval.reports.figures import _drawing

    for colour, name in _drawing._VARIABLES.items():
        short = "#" + colour[1::2] if colour[1::2] == colour[2::2] else colour
        assert re.search(rf"--{name}: ({colour}|{short});", root), name


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
# ----------------------------------------------------------------------------------------------

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
    svg = drawn(layers([profile]))
    pieces = [
        re.split("(?=M)", d)[1:]
        for d in re.findall(r'<path d="([^"]+)"[^>]*stroke-opacity="0.45"', svg)
    ]
    joined = sum(piece.count("L") for of in pieces for piece in of)
    assert joined == sum(a is not None and b is not None for row in rows for a, b in pairwise(row))
    figure = layers([profile])
    (seeds,) = seeds_of(figure, len(rows))
    assert (np.isnan(seeds) == np.array([[v is None for v in row] for row in rows])).all()
    low, high = figure.axes[0].get_ylim()
    assert ((seeds >= low) & (seeds <= high) | np.isnan(seeds)).all()
    # A point without neighbours is drawn as a dot, and a cross stands wherever a seed has no
    # number.
    (line,) = (line for line in figure.axes[0].lines if line.get_linewidth() == 0.7)
    alone = sum(
        v is not None and (i == 0 or row[i - 1] is None) and (i + 1 == n or row[i + 1] is None)
        for row in rows
        for i, v in enumerate(row)
    )
    assert len(line.get_markevery() or ()) == alone
    crosses = [x for of in lines_of(figure, marker="x") for x in of[:, 0]]
    assert crosses == [i for i in range(n) if any(row[i] is None for row in rows)]
    assert (
        "No number exists" in view(Report("t", (), profiles=(profile,))).profiles[0].missing
    ) == bool(crosses)


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


@pytest.mark.parametrize("width", [3.3, 6.9, 2.0])
def test_no_data_at_all_draws_an_empty_panel_or_nothing(width):
    empty = Profile("a", "m", (0, 1), (1,), ((None, None),), (("diverged", "undefined"),))
    ElementTree.fromstring(drawn(layers([empty], width)))
    ElementTree.fromstring(drawn(controls([ControlCurve("i", ((1.0, None),))], width)))
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
# ----------------------------------------------------------------------------------------------


def by_eye(svg, panel=0):
    """Seeds' values in an SVG, read as an eye would: positions against the ticks beside them."""
    ticks = re.findall(
        r'<use href="#f-\d+" x="([\d.]+)" y="([\d.]+)"/><text'
        r' [^>]*text-anchor="end"[^>]*>([^<]+)</text>',
        svg,
    )
    (y0, t0), (y1, t1) = ((float(y), read(t)) for _, y, t in (ticks[0], ticks[-1]))
    d = re.findall(r'<path d="([^"]+)"[^>]*stroke-opacity="0.45"', svg)[panel]
    rows = [
        [float(xy.split()[1]) for xy in re.split("[ML]", piece) if xy]
        for piece in re.findall(r"M[^M]+", d)
    ]
    return np.array([[t0 + (y - y0) / (y1 - y0) * (t1 - t0) for y in row] for row in rows])


def test_what_the_eye_reads_off_a_page_is_what_the_table_says(layer_profiles):
    chosen = [p for p in layer_profiles if p.metric == "cosine"][:2]
    svg = drawn(layers(chosen))
    tables = view(Report("t", (), profiles=tuple(chosen))).profiles[0].tables
    for i, (profile, table) in enumerate(zip(chosen, tables, strict=True)):
        seen = by_eye(svg, i)
        assert seen == pytest.approx(np.array(profile.values), abs=2e-3)
        written = np.array([[read(cell) for cell in row[1:-1]] for row in table.rows]).T
        assert seen == pytest.approx(written, abs=3e-3)


def test_means_in_figures_are_those_of_the_tables(layer_profiles, illustrated_report):
    shown = view(replace(illustrated_report, profiles=layer_profiles))
    groups = {"cosine": False, "state_norm": True}
    for figure_view, (metric, logarithmic) in zip(shown.profiles, groups.items(), strict=True):
        members = [p for p in layer_profiles if p.metric == metric]
        for mean, table, member in zip(
            means_of(layers(members)), figure_view.tables, members, strict=True
        ):
            drawn_values = 10 ** mean[:, 1] if logarithmic else mean[:, 1]
            written = [row[-1] for row in table.rows]
            for number, text in zip(drawn_values, written, strict=True):
                assert (text == "none") == bool(np.isnan(number))
                if text != "none":
                    assert read(text) == pytest.approx(number, rel=2e-2, abs=2e-3)
            assert table.head[-1] == ("geometric mean" if logarithmic else "mean")
            assert mean[:, 0].tolist() == list(member.layers)


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
    assert [c.title for c in shown] == [
        "train_loss, by epoch",
        "cosine, mean of layers 1–4, by epoch",
        "state_norm, layer 4, by epoch",
    ]
    assert shown[1].tables[0].rows[1] == ("10", "undefined", "0.100", "0.120", "none")
    assert shown[1].missing.endswith("dfa: undefined at epoch 10.")
    (mean,) = means_of(courses([c for c in illustrated_report.curves if c.metric == "cosine"]))
    assert np.isnan(mean[1, 1])
    assert mean[:, 0].tolist() == [1, 10, 20]


def test_a_course_of_another_shape_is_refused():
    with pytest.raises(
        FaevalError, match=r"TrainingCurve\('m' of 'a'\): values .* each of 2 epochs"
    ):
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
    for line, sd in zip(
        lines_of(power(verdict), marker="o"),
        (a.pilot_sd, stats.sd_upper(a.pilot_sd, 6)),
        strict=True,
    ):
        assert line[:, 0].tolist() == list(range(2, 21))
        for n, found in line:
            expected = stats.prospect("exceeds", a.margin, a.anticipated, sd, int(n), level).power
            assert found == pytest.approx(expected, abs=1e-12)
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
    assert "plan: 5" in texts(drawn(power(verdict)))
    (plan,) = (line for line in lines_of(power(verdict), linewidth=0.9) if len(line) == 2)
    assert plan[:, 0].tolist() == [5, 5]


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
            said = texts(drawn(figure))
            assert style(a.estimate) in said
            for seed, d in zip(verdict.seeds, a.differences, strict=True):
                assert said[said.index(f"seed {seed}") + 1] == style.finer()(d)
            ((at, _),) = lines_of(figure, marker=words_marker(verdict.verdict), markersize=4.2)[0]
            scale = {1.0, *(10.0**k for k in range(-12, 12))}
            assert any(at * s == pytest.approx(a.estimate, rel=1e-9) for s in scale)


def words_marker(word):
    return {"supported": "o", "refuted": "D", "inconclusive": "o", "invalid": "x"}[word]


def test_many_seeds_stay_in_one_figure(make_assertion, make_verdict):
    d = np.random.default_rng(1).normal(0.2, 0.02, 150)
    verdict = make_verdict(
        "supported", "decided", make_assertion("exceeds", d, np.zeros(150), 0.05)
    )
    figure = contrast(verdict)
    assert figure.get_figheight() < 4.5
    said = texts(drawn(figure))
    assert "seed 1" in said
    assert "seed 150" in said
    assert "seed 2" not in said
    assert len(lines_of(figure, marker="o", markersize=3.4)) == 150


# --- forest
# ----------------------------------------------------------------------------------------------


def estimates(figure):
    return [float(of[0, 0]) for of in lines_of(figure, markersize=4.2)]


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
    (bar,) = lines_of(figure, linewidth=1.8)
    sign = -1 if kind in ("below", "not_below") else 1
    assert bar[:, 0].tolist() == pytest.approx(sorted(sign * b / margin for b in made.interval))


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
    signs = [
        line.get_color()
        for axes in figure.axes
        for line in axes.lines
        if line.get_markersize() == 4.2
    ]
    assert signs == [TONES["supported"], TONES["refuted"]]
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
    assert figure.axes[0].get_xlim()[1] < 10
    assert len(lines_of(figure, marker=5)) == 1 + (
        near.interval[1] / 0.1 > figure.axes[0].get_xlim()[1]
    )


# --- files
# ----------------------------------------------------------------------------------------------


def test_files_have_the_width_of_a_column_and_fonts_that_journals_take(
    illustrated_report, tmp_path
):
    figures = illustrated_report.figures()
    for name, inches in (("controls", 3.3), ("forest", 6.9)):
        save(figures[name], tmp_path / f"{name}.pdf")
        save(figures[name], tmp_path / f"{name}.svg")
        pdf = (tmp_path / f"{name}.pdf").read_bytes()
        box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", pdf)
        assert float(box[1]) == pytest.approx(72 * inches)
        assert b"/TrueType" in pdf or b"/CIDFontType2" in pdf
        assert b"/Type3" not in pdf
        assert b"CreationDate" not in pdf
        svg = (tmp_path / f"{name}.svg").read_text()
        assert svg.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns=')
        assert f'width="{72 * inches:g}pt"' in svg


@pytest.mark.parametrize(
    ("name", "said"), [("a.png", "must be svg or pdf"), ("no/folder.svg", "cannot be written to")]
)
def test_a_file_that_cannot_be_written_is_refused(tmp_path, name, said):
    with pytest.raises(FaevalError, match=said):
        save(controls([ControlCurve("i", ((0.1, 1.0),))]), tmp_path / name)


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

claim = fe.Claim("Deep cosine is there", fe.exceeds(fe.cosine(fe.Arm("dfa")), 0, by=fe.Margin(0.01, "a test")), seeds=3)
"""  # noqa: E501


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


def test_the_command_writes_every_figure_beside_the_report(tmp_path, monkeypatch):
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
