"""One report, four views: they agree with each other, with the verdicts, and with yesterday."""

import errno
import html
import io
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from rich.console import Console

from faeval.claims import REASONS, WORDS
from faeval.errors import FaevalError
from faeval.reports import Profile, Report
from faeval.reports.data import outcomes
from faeval.reports.figures import Text, dots, strip
from faeval.reports.views import view
from faeval.reports.words import glossary, read, reasons, sentences as words

NUMBER = r"−?(?:[\d.]+(?:e−?\d+)?|∞)"
SAME_SIGN = r"(?!.*\bopposite\b)"
VALUE = rf"({NUMBER}) \[({NUMBER}), ({NUMBER})\]"


def printed(report, width=140):
    out = io.StringIO()
    Console(file=out, width=width).print(report.table(width))
    return out.getvalue()


def first_values(text):
    return [tuple(map(read, found)) for found in re.findall(VALUE, text)]


# --- agreement
# ----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"]),
    center=st.floats(-1, 1),
    scale=st.sampled_from([1e-10, 1e-3, 1.0, 1e9]),
    seed=st.integers(0, 1000),
    n=st.sampled_from([2, 3, 5, 10]),
)
def test_every_view_shows_one_and_the_same_estimate(
    make_assertion, make_verdict, kind, center, scale, seed, n
):
    b = np.random.default_rng(seed).normal(0, 0.05 * scale, n)
    made = make_assertion(kind, b + center * scale, np.zeros(n), 0.03 * scale)
    report = Report("teacher", (make_verdict("supported", "decided", made),))
    page = html.unescape(
        re.sub(r"<[^>]+>", "", report.to_html().split('class="measure"')[1].split("</td>")[0])
    )
    row = next(
        line for line in report.to_markdown().splitlines() if line.startswith("| The residual")
    )
    shown = {first_values(text)[0] for text in (page, row, printed(report), printed(report, 60))}
    assert len(shown) == 1
    kept = json.loads(report.to_json())["verdicts"][0]
    half = (kept["interval"][1] - kept["interval"][0]) / 2
    for number, unrounded in zip(shown.pop(), (kept["estimate"], *kept["interval"]), strict=True):
        assert number == pytest.approx(unrounded, abs=0.051 * half)


def test_every_view_shows_every_verdict(gallery):
    page, text = gallery.to_html(), gallery.to_markdown()
    for verdict, claim in zip(gallery.verdicts, view(gallery).claims, strict=True):
        assert html.escape(verdict.claim) in page
        assert f"## {claim.glyph} {claim.sentence[:40]}" in text
        if verdict.reason_code != "decided":
            assert verdict.reason_code in page
            assert verdict.reason_code.replace("_", " ") in text
    lines = [re.sub("  +", "  ", line) for line in printed(gallery).splitlines()]
    assert sum("  ✕ invalid" in line for line in lines) == 3


def test_every_seed_of_both_sides_is_in_the_page(gallery):
    page = gallery.to_html()
    for verdict in gallery.verdicts:
        for a in verdict.assertions:
            style = words.style_of(a).finer()
            for values in (a.a.values, a.b.values, a.differences):
                assert all(f"<td>{style(value)}</td>" in page for value in values)


def test_json_holds_the_verdicts_unrounded(gallery):
    kept = json.loads(gallery.to_json())
    assert kept["schema"] == "faeval/report/2"
    assert kept["verdicts"][0]["estimate"] == gallery.verdicts[0].estimate
    assert kept["verdicts"][0]["assertions"][0]["differences"] == list(
        gallery.verdicts[0].assertions[0].differences
    )
    assert kept["exit_code"] == gallery.exit_code()
    assert sum(kept["counts"].values()) == len(kept["verdicts"])
    assert kept["verdicts"][-1]["estimate"] is None
    assert gallery.to_json().endswith("}\n")


def test_the_summary_names_each_word_with_its_count(gallery):
    tallies = [t.text for t in view(gallery).tallies]
    assert tallies == [
        "5 supported",
        "4 refuted",
        "4 inconclusive",
        "1 invalid as registered",
        "2 invalid, not expected",
        "1 other than expected",
    ]
    assert [t.text for t in view(gallery).tallies if t.alarm] == tallies[-2:]


# --- determinism
# ----------------------------------------------------------------------------------------------


def test_the_same_report_gives_the_same_bytes_in_another_process(gallery, tmp_path):
    path = os.path.join(os.path.dirname(__file__), "conftest.py")  # noqa: PTH118, PTH120
    script = (
        f"import runpy; m = runpy.run_path({path!r}); m['report'](m['founding']() +"
        f" m['odd']()).write({str(tmp_path)!r})"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=60)
    assert (tmp_path / "report.html").read_bytes() == gallery.to_html().encode()
    assert (tmp_path / "report.md").read_bytes() == gallery.to_markdown().encode()
    assert (tmp_path / "verdicts.json").read_bytes() == gallery.to_json().encode()


def test_the_order_in_which_provenance_was_gathered_does_not_show(gallery):
    turned = replace(gallery, provenance=dict(reversed(gallery.provenance.items())))
    assert turned.to_json() == gallery.to_json()
    assert turned.to_html() == gallery.to_html()
    assert turned.to_markdown() == gallery.to_markdown()


def test_the_page_needs_no_network_no_script_and_no_day(gallery):
    page = gallery.to_html()
    assert "http" not in page.replace("http-equiv", "")
    assert not re.search(r"<script|<iframe|@import|url\(|javascript:", page)
    assert re.findall(r'href="([^#"][^"]*)"', page) == ["data:,"]
    assert "default-src 'none'" in page


# --- exit code
# ----------------------------------------------------------------------------------------------

OUTCOMES = [(word, REASONS[word][0]) for word in WORDS]
EXPECTED = [None, "supported", "refuted", "inconclusive", "invalid", "invalid:confounded"]


def code_of(word, code, expected):
    """The rule of the design, written again: 11, then 1, then 10, then 0, for one verdict; 10
    counts with strict.
    """
    met = expected is not None and expected in (word, f"{word}:{code}")
    if word == "invalid":
        return 0 if met else 11
    if expected is None or met:
        return 0
    return 10 if word == "inconclusive" else 1


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(EXPECTED)), max_size=5))
def test_the_exit_code_is_the_first_that_applies(make_verdict, drawn):
    report = Report(
        "t", tuple(make_verdict(*outcome, expected=expected) for outcome, expected in drawn)
    )
    codes = {code_of(*outcome, expected) for outcome, expected in drawn}
    strict = next((code for code in (11, 1, 10) if code in codes), 0)
    assert report.exit_code(strict=True) == strict
    assert report.exit_code() == (0 if strict == 10 else strict)
    assert json.loads(report.to_json(strict=True))["exit_code"] == strict


def test_a_refutation_that_was_registered_is_no_alarm_and_is_said(gallery):
    claim = view(gallery).claims[1]
    assert (claim.word, claim.standing, claim.alarm) == ("refuted", "as registered", False)
    assert claim.pride == "Refuted, as registered: a result."


def test_a_refutation_is_as_registered_only_where_it_was(make_verdict):
    expected = make_verdict("refuted", expected="refuted", registered_sha256=None)
    again = make_verdict("refuted", expected="refuted", flags=("reproduction",))
    assert reasons.pride(expected) == reasons.pride(again) == "Refuted, as expected: a result."
    assert reasons.pride(make_verdict("refuted", expected="supported")) == ""


def test_only_drift_and_unexpected_invalids_are_alarms(gallery):
    alarmed = [claim.claim for claim in view(gallery).claims if claim.alarm]
    assert alarmed == ["claims/drift.py::it", "claims/floor.py::it", "claims/undefined.py::it"]


# --- words
# ----------------------------------------------------------------------------------------------


def test_every_code_is_explained_and_no_other():
    assert set(glossary.CODES) == {code for codes in REASONS.values() for code in codes}
    assert set(glossary.GLYPHS) == set(WORDS)


def test_every_term_that_a_fact_points_to_is_in_the_glossary(gallery):
    page = gallery.to_html()
    assert set(re.findall(r'popovertarget="t-([^"]+)"', page)) <= set(glossary.GLOSSARY)
    for target in set(re.findall(r'(?:href="#|popovertarget=")([^"]+)"', page)) | set(
        " ".join(re.findall(r'labelledby="([^"]+)"', page)).split()
    ):
        assert len(re.findall(rf'id="{re.escape(target)}"', page)) == 1, target


@pytest.mark.parametrize(
    ("kind", "shift", "margin", "result", "said"),
    [
        (
            "exceeds",
            0.2,
            0.05,
            "met",
            r"\bhigher in a\b.* b\b.* 0\.200 \[0\.188, 0\.212\].*\babove\b.* 0\.05\b",
        ),
        (
            "exceeds",
            0.0,
            0.05,
            "contradicted",
            r"\bdiffers\b.* a\b.* b\b.* 0\.000 \[−0\.012, 0\.012\].*\bbelow\b.* 0\.05\b",
        ),
        (
            "exceeds",
            -0.2,
            0.05,
            "contradicted",
            r"\blower in a\b.* b\b.* −0\.200 \[−0\.212, −0\.188\].*\bbelow\b.* 0\.05\b",
        ),
        ("exceeds", 0.05, 0.05, "open", r"\bnot settle\b.*\bside\b.* 0\.05\b"),
        ("below", -0.2, 0.05, "met", rf"\bbelow\b.* −0\.05\b{SAME_SIGN}"),
        ("below", 0.2, 0.05, "contradicted", r"\babove\b.* −0\.05\b.*\bopposite sign\b"),
        ("not_above", 0.0, 0.05, "met", rf"\bbelow\b.* 0\.05\b{SAME_SIGN}"),
        ("not_above", 0.2, 0.05, "contradicted", rf"\babove\b.* 0\.05\b{SAME_SIGN}"),
        ("not_below", 0.0, 0.05, "met", rf"\babove\b.* −0\.05\b{SAME_SIGN}"),
        ("not_below", -0.2, 0.05, "contradicted", rf"\bbelow\b.* −0\.05\b{SAME_SIGN}"),
        ("equivalent", 0.0, 0.05, "met", r"\bwithin ±0\.05\b(?!.*\bdifferent\b)"),
        ("equivalent", 0.02, 0.05, "met", r"\bwithin ±0\.05\b.*\bdifferent\b"),
        ("equivalent", 0.2, 0.05, "contradicted", r"\boutside ±0\.05\b"),
        ("equivalent", 0.05, 0.05, "open", r"\bnot settle\b.*\bwithin ±0\.05\b"),
        ("exceeds", 0.2, 0.0, "met", r"\babove 0\.$"),
    ],
)
def test_each_outcome_is_said_in_words(make_assertion, kind, shift, margin, result, said):
    # s.d. 0.0079, so the bounds lie 3.495 (t of 4 degrees of freedom at 0.0125) x 0.0079 / sqrt(5)
    # = 0.012 from the mean.
    spread = np.array([-0.01, -0.005, 0.0, 0.005, 0.01])
    made = make_assertion(kind, shift + spread + 0.1, np.full(5, 0.1), margin)
    assert outcomes.outcome(made) == result
    text = glossary.as_text(words.result(made, 5))
    assert re.search(said, text)
    assert re.search(r"\b5 seeds\b.*\bdeep cosine\b", text)


def test_an_opposite_sign_is_named(make_assertion):
    made = make_assertion("exceeds", [-0.2, -0.21, -0.22], [0.0, 0.0, 0.0], 0.05)
    text = glossary.as_text(words.result(made, 3))
    assert re.search(r"\bbelow\b.* 0\.05 .*\bopposite sign\.$", text)
    same = make_assertion("exceeds", [0.01, 0.011, 0.012], [0.0, 0.0, 0.0], 0.05)
    assert "opposite" not in glossary.as_text(words.result(same, 3))


@pytest.mark.parametrize(
    ("seeds", "written"),
    [
        ((), "none"),
        ((1,), "1"),
        ((1, 2), "1, 2"),
        ((1, 2, 3, 42), "1–3, 42"),
        ((42, 123, 456), "42, 123, 456"),
        ((5, 4), "5, 4"),
    ],
)
def test_seeds_are_written_short(seeds, written):
    assert glossary.seed_list(seeds) == written


def test_seeds_outside_the_plan_are_named_in_the_command_that_decides_again(gallery):
    assert view(gallery).recompute.endswith("--offline --seeds 42,123,456")
    assert view(replace(gallery, verdicts=gallery.verdicts[:2])).recompute.endswith("--offline")


def test_undefined_is_never_a_number(gallery):
    page, text = gallery.to_html(), gallery.to_markdown()
    section = page.split('id="claim-claims-undefined-py-it"')[1].split("</article>")[0]
    assert "<td>undefined</td>" in section
    assert "<svg" not in section
    assert "NaN" not in page + text
    assert "nan" not in re.findall(r">([^<>]*)<", page)
    assert re.search(r"\bbelow floor\b[^<]*\blayer 3\b", page)
    assert page.count("<td>below floor</td>") == 5


def test_the_p_of_one_of_two_assertions_is_written_on_its_side_of_half_the_level(
    make_assertion, make_verdict
):
    made = make_assertion("exceeds", [0.1, 0.2], [0.0, 0.0], 0.05)
    two = tuple(replace(made, p_support=0.9, p_refute=p) for p in (0.0251, 0.0249))
    rows = (
        view(Report("t", (make_verdict("refuted", "decided", *two, level_refute=0.05),)))
        .claims[0]
        .tests.rows
    )
    assert [row[2] for row in rows[:2]] == ["0.0251", "0.0249"]


def test_item_error_is_said_to_be_absent_where_it_is(gallery):
    first, third = (
        next(f for f in view(gallery).claims[i].assertions[0].more if f.term == "items")
        for i in (0, 2)
    )
    assert re.search(r"\bitems\b.* 0\.0021$", glossary.as_text(first.value))
    assert re.search(r"\bitems\b\D*\bnot\b\D*$", glossary.as_text(third.value))


# --- figures
# ----------------------------------------------------------------------------------------------

finite = st.floats(-1e300, 1e300)


@given(
    st.lists(finite, min_size=2, max_size=8),
    st.floats(0, 1e300),
    st.sampled_from(["exceeds", "below", "equivalent"]),
)
def test_marks_stay_inside_and_keep_their_order(make_assertion, differences, margin, kind):
    a = make_assertion("exceeds", [0.1, 0.2], [0.0, 0.0], 0.05)
    low, high = min(differences), max(differences)
    estimate = math.fsum(v / len(differences) for v in differences)
    made = replace(
        a,
        kind=kind,
        margin=margin,
        differences=tuple(differences),
        estimate=estimate,
        interval=(low, high),
        ordinary=(low, high),
    )
    for figure in (strip(made), dots(made, range(len(differences)))):
        for shape in figure.shapes:
            places = [p for piece in getattr(shape, "pieces", ()) for p in piece]
            places += [*getattr(shape, "corners", ()), (getattr(shape, "x", 0), 0)]
            assert all(0 <= x <= figure.width for x, _ in places)
        (bar,) = (s for s in figure.shapes if s.role == "bar")
        ((start, _), (end, _)) = bar.pieces[0]
        assert start <= end
    figure = dots(made, range(len(differences)))
    rings = [shape.x for shape in figure.shapes if shape.role == "dot"]
    by_value = [x for _, x in sorted(zip(differences, rings, strict=True))]
    assert by_value == sorted(by_value)


def test_a_dot_lies_on_its_side_of_the_margin_and_is_labelled(gallery):
    made = gallery.verdicts[0].assertions[0]
    figure = dots(made, gallery.verdicts[0].seeds)
    (margin,) = (shape.pieces[0][0][0] for shape in figure.shapes if shape.role == "margin")
    rings = [shape.x for shape in figure.shapes if shape.role == "dot"]
    for x, difference in zip(rings, made.differences, strict=True):
        assert (x > margin) == (difference > made.margin)
    page = gallery.to_html()
    texts = [shape.text for shape in figure.shapes if isinstance(shape, Text)]
    assert {"seed 1", "decision", "margin 0.03"} <= set(texts)
    assert all(f">{text}</text>" in page for text in texts)


def test_a_number_that_was_not_measured_is_dropped_from_a_profile():
    made = Profile("a", "m", (0, 1), (1,), ((0.5, 0.0),), (("measured", "below_floor"),))
    assert made.values == ((0.5, None),)
    assert Profile("a", "m", (0, 1), (1,), ((0.5, math.nan),)).status == (
        ("measured", "undefined"),
    )


@pytest.mark.parametrize("values", [(), ((0.1,),), ((0.1, 0.2), (0.1, 0.2))])
def test_a_profile_of_another_shape_is_refused(values):
    with pytest.raises(FaevalError, match=r"values .*\b1 seeds"):
        Profile("a", "m", (0, 1), (1,), values)


# --- files
# ----------------------------------------------------------------------------------------------


def test_writing_leaves_three_whole_files_and_nothing_else(gallery, tmp_path):
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        paths = gallery.write(folder)
    assert [p.name for p in paths] == ["report.html", "report.md", "verdicts.json"]
    assert sorted(folder.iterdir()) == sorted(paths)
    assert paths[0].read_text() == gallery.to_html()
    assert b"\r" not in paths[1].read_bytes()


def test_a_folder_that_cannot_be_written_is_named(gallery, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = (
        rf"{re.escape(repr(str(tmp_path / 'file')))} .*\bwritten\b.*\({os.strerror(errno.EEXIST)}"
    )
    with pytest.raises(FaevalError, match=said):
        gallery.write(tmp_path / "file")


def test_a_name_that_is_taken_leaves_no_temporary_file(gallery, tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(FaevalError):
        gallery.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


# --- sizes and ends
# ----------------------------------------------------------------------------------------------


def test_two_hundred_claims_fit_and_say_what_was_left_out(gallery):
    many = replace(
        gallery, verdicts=tuple(replace(gallery.verdicts[0], claim=f"c{i}") for i in range(200))
    )
    text = many.to_markdown()
    assert 32_000 < len(text.encode()) < 64_000
    shown = text.count("\n## ● ")
    assert re.findall(r"(?m)^(\d+) claims\b.*\bleft out\b", text) == [str(200 - shown)]
    assert len(many.to_html().encode()) < 5_000_000


def test_no_claims_at_all_is_said():
    empty = Report("teacher", ())
    assert "No claims were selected." in empty.to_html()
    assert "No claims were selected." in empty.to_markdown()
    assert "No claims were selected." in printed(empty)
    assert empty.exit_code(strict=True) == 0


def test_no_page_loads_matplotlib():
    path = os.path.join(os.path.dirname(__file__), "conftest.py")  # noqa: PTH118, PTH120
    script = (
        f"import runpy, sys; m = runpy.run_path({path!r}); r = m['illustrated'](); r.to_markdown();"
        " r.to_json(); r.table(); r.figures(); assert '<svg' in r.to_html();"
        " assert not {'torch', 'matplotlib', 'scipy.stats'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_what_stands_beside_a_verdict_is_in_every_view(make_assertion, make_verdict):
    from faeval.claims import MeasuredError

    d = [0.2, 0.25, 0.22, 0.21, 0.24]
    beside = make_verdict(
        "supported",
        "decided",
        make_assertion("exceeds", d, [0.1] * 5, 0.03, e_value=41.7, beyond=0.087),
        measured_errors=(
            MeasuredError("normal", 5, 0.0493, 0.0488),
            MeasuredError("lognormal", 5, 0.0071, 0.1779),
        ),
        looks=(5, 10),
        look=1,
        beyond_plan=(20, 21, 22),
        other_tests=(("sign-flip", "supported"),),
        fragile=True,
        fragile_rate=0.344,
    )
    report = Report("teacher", (beside,))
    for text in (
        report.to_markdown(),
        html.unescape(re.sub(r"</?a\b[^>]*>", "", report.to_html())),
    ):
        for said in (
            "e = 42, for what is claimed",
            "over seeds 20–22; exploratory, it decides nothing",
            (
                "wrong supports / wrong refutations at n = 5, nominal .05 each: normal .049 / .049;"
                " at worst .049 / .178; "
            ),
            "its assumption and all 2 laws",
            "at 5, 10 seeds; decided at look 1",
            "sign-flip: supported",
            "fragile; 34 % of sound verdicts on so many seeds are, at 80 % power",
        ):
            assert said in text, said
    (plain,) = json.loads(report.to_json())["verdicts"]
    assert plain["measured_errors"][1] == {
        "law": "lognormal",
        "n": 5,
        "wrong_support": 0.0071,
        "wrong_refutation": 0.1779,
    }
    assert (plain["look"], plain["looks"], plain["beyond_plan"]) == (1, [5, 10], [20, 21, 22])
