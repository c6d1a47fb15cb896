"""What a notebook shows of a report, a verdict and a claim, and the table of pandas."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

import faeval as fe
from faeval.claims import WORDS, Claim
from faeval.reports import Report
from faeval.reports.data._shown import shown
from faeval.reports.formats import _notebook as notebook
from faeval.reports.words import _brief as brief

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HOSTILE = '"><script>alert(1)</script></table></style><img src=x onerror="alert(1)">&lt;'


class Elements(HTMLParser):
    """The elements of a piece of HTML with the names of their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", ()))

    def handle_data(self, data):
        self.text += data


def filled(report: Report, text: str) -> Report:
    verdicts = []
    for v in report.verdicts:
        made = [replace(a, a=replace(a.a, expression=text), unit=text) for a in v.assertions]
        named = {"claim": text, "sentence": text, "detail": text, "flags": (text,)}
        verdicts.append(replace(v, assertions=tuple(made), **named))
    return replace(report, setting=text, verdicts=tuple(verdicts))


def claim(text: str = "Ours beats base") -> Claim:
    ours, base = (fe.metric("acc", fe.Arm(method=m)) for m in ("ours", "base"))
    return Claim(text, fe.exceeds(ours, base, by=fe.Margin(0.01, text)), attributed_to="method")


# --- HTML ---


@few
@given(st.text(min_size=1, max_size=80).filter(lambda t: t.strip() not in ("", "1")))
@example(HOSTILE)
@example("{0} {x} %s {{")
def test_no_text_changes_an_element(gallery, text):
    for write in (
        lambda t: filled(gallery, t)._repr_html_(),
        lambda t: filled(gallery, t).verdicts[0]._repr_html_(),
        lambda t: claim(t)._repr_html_() if t.strip() else "",
    ):
        plain, other = Elements(write("harmless")), Elements(write(text))
        assert other.elements == plain.elements
    assert not {"script", "img", "a", "link"} & {tag for tag, _ in plain.elements}


def test_a_row_has_sign_sentence_drawing_effect_interval_margin_and_n(gallery):
    for verdict in gallery.verdicts:
        page = verdict._repr_html_()
        text = Elements(page).text
        assert f"{verdict.verdict}" in text
        assert verdict.sentence[:200] in text
        for a in verdict.assertions:
            assert brief.signed(a) in text
            assert all(interval in text for interval in brief.intervals(a))
            assert brief.margin(a)[0] in text
        drawn = sum(math.isfinite(shown(a).estimate) for a in verdict.assertions)
        assert page.count("<svg") == (0 if verdict.counts else drawn)


def test_a_thousand_claims_are_bounded_and_counted(gallery):
    many = tuple(replace(gallery.verdicts[i % 16], claim=f"c{i}") for i in range(1000))
    page = replace(gallery, verdicts=many)._repr_html_()
    assert len(page) < 120_000
    assert "and 950 more" in Elements(page).text
    assert "1000" not in Elements(replace(gallery, verdicts=())._repr_html_()).text


def test_its_style_holds_in_it_alone(gallery):
    (style,) = re.findall(r"<style>(.*?)</style>", gallery._repr_html_())
    selectors = re.findall(r"([^{}]+)\{", style)
    assert len(selectors) > 10
    for selector in ",".join(selectors).split(","):
        assert ".faeval-nb" in selector or "th)" in selector or "i)" in selector


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_words_can_be_read_on_light_and_on_dark():
    first, dark = (dict(re.findall(r"--(\w+):(#\w{6})", part)) for part in notebook.style_parts())
    assert {"supported", "refuted", "alarm"} <= first.keys() & dark.keys()
    for name, colour in first.items():
        assert contrast(colour, "#ffffff") >= 4.5, name
        assert contrast(colour, "#111111") >= 3, name  # bold words, in a notebook that is not known
        assert contrast(dark[name], "#111111") >= 4.5, name


# --- repr ---


@given(st.text(min_size=1, max_size=400).filter(str.strip))
def test_reprs_are_one_short_line(text):
    for thing in (claim(text), claim(text).assertions[0], claim(text).assertions[0].a):
        assert "\n" not in repr(thing)
        assert len(repr(thing)) < 1200
    assert repr(claim()) != repr(claim("Another"))


def test_a_report_says_how_many_claims_came_to_what(gallery):
    text = repr(gallery)
    assert text.startswith("<Report teacher: 16 claims, ")
    for word, count in gallery.counts.items():
        assert f"{count} {word}" in text
    assert all(v.verdict in repr(v) and repr(v.claim) in repr(v) for v in gallery.verdicts)


# --- pandas ---


def test_a_frame_has_a_row_for_each_assertion(gallery):
    frame = gallery.to_frame()
    assert len(frame) == sum(max(1, len(v.assertions)) for v in gallery.verdicts)
    assert frame["claim"].unique().tolist() == [v.claim for v in gallery.verdicts]
    assert frame["verdict"].cat.categories.tolist() == list(WORDS)
    rows = [(v, a) for v in gallery.verdicts for a in v.assertions or (None,)]
    for row, (v, a) in zip(frame.itertuples(), rows, strict=True):
        assert (row.sentence, row.verdict, row.n) == (v.sentence, v.verdict, v.n)
        assert row.registered == (v.registration in ("registered", "amended"))
        if a is None:
            assert all(map(math.isnan, (row.effect, row.low, row.high, row.margin, row.p_support)))
            continue
        axis = shown(a)
        wanted = (axis.estimate, *axis.interval, a.p_support, a.p_refute)
        numbers = (row.effect, row.low, row.high, row.p_support, row.p_refute)
        assert numbers == pytest.approx(wanted, nan_ok=True)


def test_the_types_of_a_frame_are_the_same_without_rows(gallery):
    empty, some = Report("toy", ()).to_frame(), gallery.to_frame()
    kept = [c for c in some if not pd.api.types.is_string_dtype(some[c].dtype)]
    assert kept
    assert (empty.dtypes[kept] == some.dtypes[kept]).all()
    assert list(empty) == list(some)


def test_without_reports_a_claim_is_shown_as_text_and_in_a_kernel_they_are_loaded():
    script = (
        "import sys, types, faeval as fe\n"
        "if {kernel}: sys.modules['ipykernel'] = types.ModuleType('ipykernel')\n"
        "a = fe.exceeds(fe.metric('m', fe.Arm(x=1)), 0, by=fe.Margin(1, 'a'))\n"
        "print('faeval.reports' in sys.modules, fe.Claim('c', a)._repr_html_() is None)"
    )
    for kernel, told in ((False, "False True"), (True, "True False")):
        run = [sys.executable, "-c", script.format(kernel=kernel)]
        done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.strip() == told
