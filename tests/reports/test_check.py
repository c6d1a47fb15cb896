"""Renderings are read back and held against the evidence: nothing that was altered, and nothing
rendered wrongly, passes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, strategies as st

from faeval import pipeline, stats
from faeval.claims import AssertionResult, Verdict
from faeval.reports import FORMS, Report
from faeval.reports.checking import (
    AssertionNumbers,
    CheckedFile,
    Mismatch,
    agrees,
    anchors_of,
    check_quoted,
    check_rendering,
    links,
    printed,
    recompute,
)
from faeval.reports.words import Style
from tests.reports.readback.expected import Expectations, Expected, check_numbers
from tests.reports.readback.places import read_form, read_html, read_latex, read_xml
from tests.reports.readback.truth import Number, Truth, first_wrong, power, rounds_to, without

ROOT = Path(__file__).parents[2]
PILOT, PUBLISHED = "instrument-teacher-pilot", "cifar10-published-seeds"
DEPTH = "depth::only_the_embedding_is_aligned_in_standard_dfa"


@dataclass(frozen=True)
class Made:
    """A committed report decided again, its numbers, and its renderings."""

    report: Report
    truth: Truth
    texts: dict[str, str]

    def check(self, form: str, written: str) -> CheckedFile:
        """Hold a text against the rendering."""
        numbers = self.truth.numbers
        return check_rendering(FORMS[form], form, written.encode(), self.texts[form], numbers)

    def read(self, form: str, written: str) -> tuple[int, list[Mismatch]]:
        """Read the numbers of a text back and compare them, however it was rendered."""
        if form == "json":
            done = check_rendering("", form, written.encode(), written, self.truth.numbers)
            return done.recomputed, list(done.findings)
        return check_numbers(FORMS[form], read_form(form, written), self.truth)


@cache
def made(name: str) -> Made:
    report = pipeline.decide_again(ROOT / "reports" / name, ROOT / "claims")
    claims = pipeline.select(ROOT / "claims", report.setting, everything=True).claims
    return Made(report, Truth.of(report, claims), {form: report.render(form) for form in FORMS})


#: What share of the numbers is recomputed, at least; the others are labels, ticks, versions and
#: what is declared.
SHARES = {
    "html": 0.4,
    "markdown": 0.5,
    "json": 0.2,
    "junit": 0.3,
    "ctrf": 0.3,
    "latex": 0.6,
    "badge": 0.5,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [PILOT, PUBLISHED])
def test_a_fresh_rendering_passes_and_most_of_its_numbers_are_recomputed(
    name: str, form: str
) -> None:
    done = made(name).check(form, made(name).texts[form])
    recomputed, wrong = made(name).read(form, made(name).texts[form])
    assert (done.findings, wrong) == ((), [])
    assert recomputed >= SHARES[form] * done.numbers > 0


def test_the_anchors_of_a_page_are_those_that_it_has_outside_of_its_figures() -> None:
    it = made(PILOT)
    page, anchors = read_html(it.texts["html"]).anchors, anchors_of(it.report)
    inside = {anchor for anchor in page if re.fullmatch(r"figure-\d+-\w+", anchor)}
    assert len(inside) > 2
    assert anchors == {anchor: claim for anchor, claim in page.items() if anchor not in inside}
    assert set(it.truth.numbers.claims) <= set(anchors.values())


# --- altered files ---


@given(st.sampled_from(sorted(FORMS)), st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=30)
def test_a_digit_changed_anywhere_is_found_and_its_place_is_named(
    form: str, random: object, by: int
) -> None:
    text = made(PILOT).texts[form]
    at = random.choice([m.start() for m in re.finditer(r"\d", text)])  # type: ignore[attr-defined]
    other = text[:at] + str((int(text[at]) + by) % 10) + text[at + 1 :]
    done = made(PILOT).check(form, other)
    assert done.findings
    assert all(f.file == FORMS[form] and f.place and f.text for f in done.findings)


@given(st.sampled_from(["html", "markdown"]), st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=12)
def test_a_digit_changed_in_a_number_of_a_claim_is_named_by_its_claim(
    form: str, random: object, by: int
) -> None:
    it = made(PILOT)
    text = it.texts[form]
    whole = r"(?<=>)−?\d+\.\d{3,}(?=<)" if form == "html" else r"(?<=\| )−?\d+\.\d{3,}(?= \|)"
    start = text.index("<article" if form == "html" else "\n## ")
    cells = [m for m in re.finditer(whole, text) if m.start() > start]
    cell = random.choice(cells)  # type: ignore[attr-defined]
    at = cell.end() - 1
    done = it.check(form, text[:at] + str((int(text[at]) + by) % 10) + text[at + 1 :])
    (finding,) = done.findings
    assert (finding.kind, finding.place) == ("text", f"line {text[:at].count(chr(10)) + 1}")
    assert finding.claim in it.truth.numbers.claims or at > text.rindex(
        "</article>" if form == "html" else "\n## "
    )


def test_an_altered_estimate_is_named_where_it_stands_and_nowhere_else() -> None:
    text = made(PUBLISHED).texts["html"]
    assert text.count("0.35 [0.26, 0.49]") >= 3
    done = made(PUBLISHED).check("html", text.replace("0.35 [0.26,", "0.95 [0.26,"))
    assert {f.claim for f in done.findings} == {DEPTH, ""}  # its section, and the table of all
    lines = [i for i, line in enumerate(text.splitlines(), 1) if "0.35 [0.26," in line]
    assert [f.place for f in done.findings] == [f"line {i}" for i in lines]
    assert {f.kind for f in done.findings} == {"text"}
    assert all(f.text.index("0.95") < f.text.index("0.35") for f in done.findings)


@pytest.mark.parametrize("form", ["html", "markdown", "junit", "latex"])
def test_each_line_of_a_claim_is_named_by_it(form: str) -> None:
    it = made(PUBLISHED)
    for claim in (it.report.verdicts[1].claim, it.report.verdicts[-1].claim):
        before, name, after = it.texts[form].rpartition(claim.partition("::")[2])
        (finding,) = it.check(form, f"{before}~{name}{after}").findings
        assert (finding.kind, finding.claim) == ("text", claim)


def test_a_row_that_is_gone_or_added_is_named() -> None:
    text = made(PUBLISHED).texts["markdown"]
    row = next(line for line in text.splitlines(keepends=True) if line.startswith("| 42 |"))
    (gone,) = made(PUBLISHED).check("markdown", text.replace(row, "", 1)).findings
    assert (gone.kind, gone.claim) == ("missing", "agreement::in_standard_dfa")
    assert row.strip() in gone.text
    other = row.replace("| 42 |", "| 9 |")
    (added,) = made(PUBLISHED).check("markdown", text.replace(row, row + other, 1)).findings
    assert (added.kind, added.claim) == ("added", "agreement::in_standard_dfa")
    assert "gives nothing" in added.text


def test_a_line_with_braces_that_is_gone_is_named() -> None:
    text = made(PUBLISHED).texts["latex"]
    line = next(line for line in text.splitlines(keepends=True) if line.startswith(r"\begin{tab"))
    findings = made(PUBLISHED).check("latex", text.replace(line, "", 1)).findings
    assert ("missing", r"\begin{tabl") in {
        (f.kind, f.text.partition("'")[2][:11]) for f in findings
    }


def test_a_number_that_was_altered_in_json_is_named_once() -> None:
    it = made(PILOT)
    verdict = it.report.verdicts[0]
    old = f'"sd": {verdict.assertions[0].sd!r}'
    (finding,) = it.check("json", it.texts["json"].replace(old, '"sd": 9.5', 1)).findings
    assert (finding.kind, finding.place, finding.claim) == (
        "text",
        "assertions[0].sd",
        verdict.claim,
    )


def test_markup_alone_is_named_as_such() -> None:
    it = made(PUBLISHED)
    text = it.texts["html"]
    (finding,) = it.check(
        "html", text.replace("collapse: collapse", "collapse: separate", 1)
    ).findings
    assert finding.kind == "markup"
    assert finding.place.startswith("line ")
    assert "separate" in finding.text
    assert "alone" in finding.text
    for form in ("html", "json"):
        (space,) = it.check(form, it.texts[form] + "\n").findings
        assert space.kind == "markup"


@pytest.mark.parametrize("written", [b"\xff\xfe", b"{", b""])
def test_what_is_no_such_file_at_all_is_one_finding(written: bytes) -> None:
    it = made(PILOT)
    (finding,) = check_rendering("it", "json", written, it.texts["json"], it.truth.numbers).findings
    assert (finding.kind, finding.place) == ("text", "the whole file")


# --- a renderer that is wrong ---


def swapped(text: str, form: str) -> str:
    """Swap the two sides in each row of tables of values by seed, but not in their headings."""
    if form == "html":
        head, *tables = text.split("<caption>Values by seed")
        cell = re.compile(r"(<td[^>]*>[^<]*</td>)(<td[^>]*>[^<]*</td>)")
        cut = (table.partition("</table>") for table in tables)
        return "<caption>Values by seed".join(
            [head, *(cell.sub(r"\2\1", t, count=0) + end + rest for t, end, rest in cut)]
        )
    head, *tables = text.split("**Values by seed")
    row = re.compile(r"^(\| (?:\d+|mean) \|)([^|]*\|)([^|]*\|)", re.MULTILINE)
    cut = (table.partition("\n\n\n") for table in tables)
    return "**Values by seed".join(
        [head, *(row.sub(r"\1\3\2", t) + end + rest for t, end, rest in cut)]
    )


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_a_renderer_that_swaps_two_columns_is_found(form: str) -> None:
    text = made(PUBLISHED).texts[form]
    _, wrong = made(PUBLISHED).read(form, swapped(text, form))
    assert {f.kind for f in wrong} == {"number"}
    assert {f.claim for f in wrong} >= {DEPTH, "penalty::deep_cosine_rises_with_standard_dfa"}
    assert all(f.place.startswith("Values by seed") for f in wrong)


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_a_renderer_that_swaps_p_for_and_against_is_found(form: str) -> None:
    text = made(PUBLISHED).texts[form]
    change = {
        "html": (
            r"(<th scope=\"row\">(?:<bdi>)?p(?:</bdi>)?</th>)(<td>[^<]*</td>)(<td>[^<]*</td>)",
            r"\1\3\2",
        ),
        "markdown": (r"(?m)^(\| p \|)([^|]*\|)([^|]*\|)", r"\1\3\2"),
    }[form]
    _, wrong = made(PUBLISHED).read(form, re.sub(*change, text))
    assert wrong
    assert all("row 'p'" in f.place for f in wrong)


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_a_renderer_that_cuts_off_in_place_of_rounding_is_found(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Style.__call__

    def cut_off(style: Style, value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return right(style, value)
        unit = 10.0 ** (style.exponent - style.decimals)
        return right(style, math.trunc(value / unit) * unit)

    monkeypatch.setattr(Style, "__call__", cut_off)
    _, wrong = made(PUBLISHED).read(form, made(PUBLISHED).report.render(form))
    assert {f.kind for f in wrong} == {"number"}
    assert len(wrong) > 20


@cache
def recomputed_places(form: str) -> list[tuple[str, Expected]]:
    it = made(PILOT)
    expectations = Expectations(it.truth, read_form(form, it.texts[form]))
    return [
        (s, e)
        for p, s in expectations.reading.places.items()
        if (e := expectations.at(p, s)) and e.numbers
    ]


@given(st.sampled_from(["html", "markdown"]), st.randoms(use_true_random=False), st.integers(1, 9))
def test_no_number_that_is_recomputed_can_be_another(form: str, random: object, by: int) -> None:
    places = recomputed_places(form)
    said, expected = random.choice(places)  # type: ignore[attr-defined]
    text = without(said if expected.only is None else expected.only, expected.names)
    assert first_wrong(printed(text), expected.numbers, expected.more) is None
    number = random.choice(printed(text)[: len(expected.numbers)] or [None])  # type: ignore[attr-defined]
    # More than 98 % is true of what is more than 99 %: such words the first comparison alone looks
    # at.
    assume(number is not None and number.text[0] in "−.0123456789" and "–" not in said)
    start = text.index(number.text)
    at = random.choice([start + m.start() for m in re.finditer(r"\d", number.text)])  # type: ignore[attr-defined]
    other = text[:at] + str((int(text[at]) + by) % 10) + text[at + 1 :]
    assume(printed(text)[0].text == number.text)  # the first, which text.index finds
    assert first_wrong(printed(other), expected.numbers, expected.more) is not None


# --- numbers in text ---


@given(st.floats(-1e9, 1e9), st.integers(0, 8), st.integers(-9, 9))
@example(0.125, 2, 0)  # a tie, which may go either way
@example(-0.001, 2, 0)
def test_a_number_agrees_with_what_it_rounds_to_and_with_nothing_further_off(
    value: float, decimals: int, exponent: int
) -> None:
    (said,) = printed(Style(decimals, exponent)(value))
    unit = 10.0 ** (exponent - decimals)
    assert agrees(said, value)
    for off in (-1.01 * unit, 1.01 * unit):
        assume(abs(off) > 1e-6 * abs(value))
        assert not agrees(said, value + off)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (
            "Over 5 seeds, deep cosine(dfa+penalty=0.01) is 0.17 [0.15, −0.19]",
            ["5", "0.17", "0.15", "−0.19"],
        ),
        ("1–3, 42 (planned: 1, 2)", ["1", "2", "3", "42", "1", "2"]),
        ("p < 1e−300, over 99 % or under 1 %", ["< 1e−300", "over 99 %", "under 1 %"]),
        ("version 2.4.6 of x1, sha256:72caee, t3, [−∞, 4.1e8]", ["−∞", "4.1e8"]),
        ("undefined, not computed, .050 / .049", ["undefined", "not computed", ".050", ".049"]),
    ],
)
def test_numbers_are_told_from_names_versions_and_hashes(text: str, numbers: list[str]) -> None:
    assert [n.text.strip() for n in printed(text)] == numbers


@pytest.mark.parametrize(
    ("said", "number", "agreed"),
    [
        ("0.05", Number(0.0549), True),  # rounded
        ("0.05", Number(0.0549, 10), False),  # declared: whole
        ("0.0167", Number(1 / 60, 3), True),
        ("0.017", Number(1 / 60, 3), False),
        ("over 99 %", Number(0.995), True),
        ("over 99 %", Number(0.98), False),
        ("undefined", Number(math.nan), True),
        ("0", Number(math.nan), False),
        ("undefined", Number(0.0), False),
        ("∞", Number(math.inf), True),
        ("−∞", Number(math.inf), False),
        ("93 %", Number(0.934), True),
        ("93 %", Number(0.936), False),
    ],
)
def test_what_agrees(said: str, number: Number, agreed: bool) -> None:
    assert rounds_to(*printed(said), number) == agreed


def test_a_number_too_many_or_too_few_is_found() -> None:
    numbers = (Number(0.1), Number(0.2))
    assert first_wrong(printed("0.1 [0.2]"), numbers, more=False) is None
    assert first_wrong(printed("0.1, 0.2, 3"), numbers, more=True) is None
    for said, more, wrong in (
        ("0.1, 0.2, 3", False, r"3 \D*\bno number"),
        ("0.1", True, r"no number\b\D* 0\.2"),
        ("0.2, 0.1", True, r"0\.2 \D* 0\.1"),
    ):
        assert re.fullmatch(wrong, first_wrong(printed(said), numbers, more=more) or "")


@pytest.mark.parametrize("kind", ["exceeds", "below", "not_above", "not_below"])
def test_power_is_that_of_the_statistics(
    kind: str, make_assertion: Callable[..., AssertionResult], make_verdict: Callable[..., Verdict]
) -> None:
    """Two derivations of one number: SciPy's noncentral t here, faeval.stats in what a report
    shows.
    """
    effect = 0.2 if kind in ("exceeds", "below") else -0.05
    said = replace(make_assertion(kind, [0.1, 0.3, 0.2], [0.0] * 3, 0.1), anticipated=effect)
    a = AssertionNumbers(
        said,
        make_verdict("supported", "decided", said),
        np.array(said.a.values),
        np.array(said.b.values),
    )
    seen = stats.outlook(kind, 0.1, 5, sd=0.1, sd_n=5, anticipated=effect, alpha=0.0125).at[
        "anticipated"
    ]  # type: ignore[arg-type]
    assert power(a, 5, 0.1) == pytest.approx(seen.supported, rel=1e-9)


# --- readers, on text that no template of ours has made ---


def test_a_page_is_read_by_its_claims_captions_rows_and_columns() -> None:
    reading = read_html(
        """<title>T 1</title><main><article id="claim-x"><p class="state">supported</p><p class="id"><code>a::x</code></p>
        <h4>1. first</h4><table><caption>Values <b>by seed</b></caption>
        <tr><th scope="col">Seed</th><th scope="col">A &amp; B</th></tr>
        <tr><th scope="row">1</th><td>0.5<svg><title>seed 1: 0.4</title><path d="M0 0"/></svg></td></tr></table>
        <dl><div><dt><a href="#t">Margin</a></dt><dd>0.1, <bdi>because</bdi> so</dd></div></dl></article><p>after</p></main>"""  # noqa: E501
    )
    said = {(p.claim, p.part, p.row, p.column): text for p, text in reading.places.items()}
    assert said["a::x", "Values by seed", "1", "A & B"] == "0.5"
    assert said["a::x", "figure 1", "1", "title"] == "seed 1: 0.4"
    assert said["a::x", "Margin", "", ""] == "0.1, because so"
    assert said["a::x", "p.state", "", ""] == "supported"
    assert said["", "p", "", ""] == "after"
    assert dict(reading.anchors) == {"claim-x": "a::x"}


def test_a_latex_row_is_read_by_its_claim_and_columns() -> None:
    text = (
        "Claim & Estimate & Seeds \\\\\n\\midrule\nA 5 \\% claim & \\raggedright $-0.05$"
        " [$-1.2\\times10^{-5}$,~$\\infty$]\\newline 0.1 & 5 \\\\[2pt] % claim: a::x\n"
    )
    cells = {(p.claim, p.column): said for p, said in read_latex(text).places.items() if p.claim}
    assert cells["a::x", "Estimate"] == "−0.05 [−1.2e−5, ∞]; 0.1"
    assert (cells["a::x", "Claim"], cells["a::x", "Seeds"]) == ("A 5 % claim", "5")


@pytest.mark.parametrize(
    ("form", "margin"), [("markdown", r"(\] \| >)(0\.\d+)"), ("latex", r"(\$>\$)(0\.\d+)")]
)
def test_a_margin_in_the_verdict_table_is_held_against_the_claims_and_its_sign_is_no_bound(
    form: str, margin: str
) -> None:
    text = made(PUBLISHED).texts[form]
    for other in ("0.9", "0.0"):
        wrong = re.sub(margin, rf"\g<1>{other}", text, count=1)
        assert wrong != text
        _, (finding,) = made(PUBLISHED).read(form, wrong)
        assert (finding.kind, "Margin" in finding.place) == ("number", True)


def test_a_test_case_is_read_by_its_claim() -> None:
    reading = read_xml(
        '<testsuite tests="1"><testcase name="x"><properties><property name="claim"'
        ' value="a::x"/><property name="estimate" value="0.5"/></properties><failure'
        ' message="m">0.7</failure></testcase></testsuite>'
    )
    said = {(p.claim, p.part): text for p, text in reading.places.items()}
    assert said["a::x", "estimate"] == "0.5"
    assert said["a::x", "testsuite/testcase/failure"] == "0.7"
    assert said["", "testsuite tests"] == "1"


# --- what documents quote ---


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("inconclusive", None),
        ("0.35 [0.26, 0.49]", None),
        ("0.352", None),
        ("inconclusive: 0.074 [0.044, 0.105] at 3 seeds", None),
        ("supported", "says supported; the verdict is inconclusive"),
        ("inconclusive (underpowered)", "the reason is straddles_margin"),
        ("0.35 [0.25, 0.49]", "no estimate of the claim has these bounds"),
        ("0.074 [0.26, 0.49]", "no estimate of the claim has these bounds"),
        ("0.3526", "none of the claim's numbers"),
        ("the table", None),
        ("○ inconclusive", None),
        ("Inconclusive (straddles margin)", None),
        ("○ inconclusive; 0.35 [0.26, 0.49]; 0.074 [0.044, 0.105]", None),
        ("inconclusive, 0.35", None),
        ("0.352 [0.26, 0.5]", None),
        ("3", None),
        ("0.1", None),  # a margin, which the page writes so
        ("not inconclusive", "says more than the verdict"),
        ("inconclusive after all", "says more than the verdict"),
        ("hardly inconclusive; 0.35 [0.26, 0.49]", "says more than the verdict"),
        ("inconclusive; 0.35 [0.26, 0.49] in no run", "says more than the verdict"),
        ("uninconclusive", "says uninconclusive; the verdict is inconclusive"),
        ("Supported", "says Supported; the verdict is inconclusive"),
        ("● inconclusive", "has the sign ●"),
        ("0.4", "two significant digits"),
        ("1", "two significant digits"),
        ("0.00", "two significant digits"),
        ("1 [1, 1]", "no estimate of the claim has these bounds"),
        ("p < 0.5", None),
        ("< 1e−300", "none of the claim's numbers"),
    ],
)
def test_a_quoted_figure_is_one_of_the_claim(text: str, wrong: str | None) -> None:
    (link,) = links(f"Here [{text}](r.html#x).".replace("[0", "\\[0", 0))
    _, findings = check_quoted("a.md", link, made(PUBLISHED).truth.numbers.claims[DEPTH])
    assert [f.kind for f in findings] == (["quoted"] if wrong else [])
    if wrong:
        assert wrong in findings[0].text
        assert (findings[0].file, findings[0].place, findings[0].claim) == ("a.md", "line 1", DEPTH)


@pytest.mark.parametrize(
    "text",
    ["not supported", "supported after all", "0.2", "0.3", "1", "0", "3 %", "0.2 [0.2, 0.3]"],
)
def test_what_many_claims_could_say_quotes_none(text: str) -> None:
    """The claim has 0.202 [0.172, 0.266]."""
    (link,) = links(f"[{text}](r.html#x)")
    claim = made(PUBLISHED).truth.numbers.claims["penalty::deep_cosine_rises_with_standard_dfa"]
    assert [f.kind for f in check_quoted("a.md", link, claim)[1]] == ["quoted"]


@given(st.integers(0, 4), st.floats(-1, 1))
def test_a_number_of_one_digit_that_the_page_does_not_write_is_never_quoted(
    decimals: int, value: float
) -> None:
    text = f"{value:.{decimals}f}".replace("-", "−")
    (link,) = links(f"[{text}](r.html#x)")
    _, findings = check_quoted("a.md", link, made(PUBLISHED).truth.numbers.claims[DEPTH])
    few = len(re.sub(r"\D", "", text).lstrip("0")) < 2
    assert findings or not few or text in made(PUBLISHED).texts["markdown"]


def test_links_are_those_that_a_reader_sees() -> None:
    text = (
        "A [b [1, 2]](c.html#d)\nand `[no](x)`.\n\n```\n[no](y)\n```\n\n| h |\n|---|\n|"
        " [cell](e.md) |\n"
    )
    assert [(link.text, link.target, link.line) for link in links(text)] == [
        ("b [1, 2]", "c.html#d", 1),
        ("cell", "e.md", 10),
    ]


def test_a_wrong_value_in_a_verdict_itself_is_found() -> None:
    """Sides, estimates, bounds and p-values come from the rows, not from the verdict that the
    report shows.
    """
    it = made(PILOT)
    change: Callable[..., Any] = replace
    first = it.report.verdicts[0]
    a = first.assertions[0]

    def up(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(value + 0.01 for value in values)

    for wrong in (
        change(a, estimate=a.estimate + 0.01),
        change(a, sd=a.sd * 1.2),
        change(a, p_support=a.p_support * 3),
        change(a, interval=(a.interval[0] - 0.01, a.interval[1])),
        change(a, ordinary=(a.ordinary[0], a.ordinary[1] + 0.01)),
        change(a, a=change(a.a, values=(*a.a.values[:-1], a.a.values[-1] + 0.01))),
        change(
            a, a=change(a.a, values=up(a.a.values)), b=change(a.b, values=up(a.b.values))
        ),  # no difference moves
    ):
        verdicts = (change(first, assertions=(wrong,)), *it.report.verdicts[1:])
        report = change(it.report, verdicts=verdicts)
        claims = pipeline.select(ROOT / "claims", it.report.setting, everything=True).claims
        numbers = recompute(report, claims)
        text = report.render("json")
        done = check_rendering("verdicts.json", "json", text.encode(), text, numbers)
        assert {f.kind for f in done.findings} == {"number"}, wrong
        assert {f.claim for f in done.findings} == {first.claim}


HOSTILE = (
    "<script>1</script>",
    "a | b `c` 5",
    "x\n\n# 7",
    "[0.5](x) & 3 \\ $9$ %",
    "‮0.1‬",
    "~~2~~ *3* _4_ 5 %",
    "Claim a: **b**",
)


def without_power(report: Report) -> Report:
    """The gallery's powers are made up, and would be found to be."""
    verdicts = (
        replace(v, assertions=tuple(replace(a, power=None) for a in v.assertions))
        for v in report.verdicts
    )
    return replace(report, verdicts=tuple(verdicts))


@pytest.mark.parametrize("form", ["html", "markdown", "json"])
def test_every_kind_of_verdict_can_be_read_back_and_checked(gallery: Report, form: str) -> None:
    gallery = without_power(gallery)
    numbers = recompute(gallery)
    text = gallery.render(form)
    done = check_rendering(FORMS[form], form, text.encode(), text, numbers)
    assert done.findings == ()
    claims = {place.claim for place in read_form(form, text).places} - {""}
    assert claims == {v.claim for v in gallery.verdicts}


@pytest.mark.parametrize("form", ["html", "markdown", "json"])
@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_are_markup_or_numbers_are_no_findings(
    gallery: Report, form: str, name: str
) -> None:
    gallery = without_power(gallery)
    first = gallery.verdicts[0]
    a = first.assertions[0]
    named = replace(
        a, because=name, a=replace(a.a, expression=name), b=replace(a.b, expression=f"{name} b")
    )
    verdict = replace(
        first, claim=f"file::{name}", sentence=name, note=name, family=name, assertions=(named,)
    )
    report = replace(gallery, verdicts=(verdict, gallery.verdicts[3]), profiles=())
    text = report.render(form)
    done = check_rendering(FORMS[form], form, text.encode(), text, recompute(report))
    assert done.findings == ()
