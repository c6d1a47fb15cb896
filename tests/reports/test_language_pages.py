"""Every form of the language in every rendering: a report with a claim of each, and what checks it.

Structure is looked at, not wording.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from faeval import pipeline
from faeval.claims import Verdict
from faeval.reports import FORMS, Report, json_schema
from faeval.reports.checking import check_quoted, check_rendering, recompute
from faeval.reports.checking._links import Link
from faeval.reports.checking._tests_again import AGAIN
from faeval.reports.data._read import read_verdicts
from faeval.reports.data._shown import shown
from faeval.reports.figures import Circle, dots, forest, strip
from faeval.reports.words import glossary, sentences as words
from faeval.stats import RULES

CLAIMS = """import faeval as fe

def arm(name):
    return fe.Arm(name)

def m(metric, name, **more):
    return fe.metric(metric, arm(name), **more)

two, half, tenth = fe.Ratio(2, "x"), fe.Margin(0.5, "x"), fe.Margin(0.1, "x")
means = fe.Ratio(2, "x", of="means")
more = dict(attributed_to="rule")

ratio_yes = fe.Claim("Half", fe.below(m("time", "fast"), m("time", "slow"), by=two), **more)
ratio_no = fe.Claim("Twice", fe.exceeds(m("time", "fast"), m("time", "slow"), by=two), **more)
ratio_like = fe.Claim("Alike", fe.equivalent(m("time", "fast"), m("time", "near"), within=two),
                      **more)
ratio_unlike = fe.Claim("Alike too", fe.equivalent(m("time", "fast"), m("time", "slow"),
                        within=two), **more)
ratio_most = fe.Claim("At most", fe.not_above(m("time", "near"), m("time", "fast"),
                      by=fe.Ratio(1.5, "x")), **more)
means_yes = fe.Claim("Half in all", fe.below(m("time", "fast"), m("time", "slow"), by=means),
                     **more)
means_like = fe.Claim("Alike in all", fe.equivalent(m("time", "fast"), m("time", "near"),
                      within=means), **more)
means_open = fe.Claim("No bounds", fe.exceeds(m("zero", "fast"), m("zero", "slow"), by=means),
                      **more)
spread_open = fe.Claim("More stable", fe.below(fe.spread(m("wild", "fast")),
                       fe.spread(m("wild", "slow")), by=fe.Ratio(10, "x")), **more)
spread_yes = fe.Claim("More stable", fe.below(fe.spread(m("wild", "fast")),
                      fe.spread(m("wild", "slow")), by=two), **more)
rate_one = fe.Claim("Mostly", fe.exceeds(m("ok", "fast", outcome="rate"), 0.3, by=tenth))
rate_pairs = fe.Claim("More often", fe.exceeds(m("ok", "fast", outcome="rate"),
                      m("ok", "slow", outcome="rate"), by=tenth), **more)
rate_arms = fe.Claim("More often", fe.exceeds(m("ok", "fast", outcome="rate"),
                     m("ok", "slow", outcome="rate"), by=tenth, paired=False), **more)
share = fe.Claim("At most seeds", fe.exceeds(fe.share_of_seeds(fe.exceeds(m("time", "slow"),
                 m("time", "fast"), by=half)), 0.5, by=fe.Margin(0, "x")), **more)
apart = fe.Claim("Arms of their own", fe.exceeds(m("far", "one"), m("far", "other"), by=half,
                 paired=False), **more)
best = fe.Claim("The best", fe.exceeds(fe.max(m("acc", "a"), m("acc", "b")), m("acc", "slow"),
                by=tenth), **more)
chosen = fe.Claim("The chosen", fe.exceeds(fe.max(m("acc", "a"), m("acc", "b"), chosen_by="val"),
                  m("acc", "slow"), by=tenth), **more)
middle = fe.Claim("Median", fe.exceeds(fe.median(m("acc", "a"), m("acc", "b"), m("acc", "c")),
                  m("acc", "slow"), by=tenth), **more)
inner = fe.Claim("IQM", fe.exceeds(fe.iqm(*(m("acc", x) for x in ("a", "b", "c", "fast"))),
                 fe.min(m("acc", "slow"), m("acc", "c")), by=tenth), **more)
above = fe.Claim("Share of tasks", fe.exceeds(fe.share_above(0.5, m("acc", "a"), m("acc", "b")),
                 by=tenth))
trend = fe.Claim("Rises", fe.exceeds(fe.trend(m("acc", "slow"), m("acc", "c"), m("acc", "a")),
                 by=tenth), **more)
slope = fe.Claim("Slope", fe.exceeds(fe.slope({1: m("acc", "slow"), 2: m("acc", "c"),
                 4: m("acc", "a")}), by=fe.Margin(0.01, "x")), **more)
doubling = fe.Claim("Slope", fe.below(fe.slope({1: m("acc", "slow"), 2: m("acc", "c"),
                    4: m("acc", "a")}, log=True), by=fe.Margin(0.01, "x")), **more)
area = fe.Claim("Area", fe.exceeds(fe.area("course", arm("fast")), fe.area("course", arm("slow")),
                by=tenth), **more)
first = fe.Claim("Sooner", fe.below(fe.first("course", arm("fast"), above=0.9),
                 fe.first("course", arm("slow"), above=0.9), by=two), **more)
never = fe.Claim("Later", fe.exceeds(fe.first("course", arm("fast"), above=0.9),
                 fe.first("course", arm("slow"), above=0.9), by=two), **more)
logs = fe.Claim("Logs", fe.exceeds(fe.log10(m("time", "slow")), fe.log10(m("time", "fast")),
                by=tenth), **more)
some = fe.Claim("Two of three", fe.at_least(2, *(fe.exceeds(m("acc", x), m("acc", "slow"),
                by=tenth) for x in "abc")), **more)
lacking = fe.Claim("Two of four", fe.at_least(2, *(fe.exceeds(m("acc", x), m("acc", "slow"),
                   by=tenth) for x in ("a", "gone", "b", "c"))), **more)
none = fe.Claim("Any, and more", fe.any_of(*(fe.below(m("acc", x), m("acc", "slow"), by=tenth)
                for x in "ab")), fe.exceeds(m("acc", "a"), m("acc", "slow"), by=tenth), **more)
oddly = fe.Claim("Any", fe.any_of(*(fe.exceeds(m("odd", x), m("odd", "slow"), by=tenth)
                 for x in "abc")), **more)
"""
SEEDS = range(1, 11)


def rows() -> Iterator[tuple[str, int, int, str, float]]:
    """Yield arm, seed, epoch, metric and value."""
    rng = np.random.default_rng(7)
    for seed in SEEDS:
        machine = rng.lognormal(0, 0.3)
        for arm, time in (("fast", 1.0), ("near", 1.1), ("slow", 3.1)):
            yield arm, seed, 12, "time", machine * time * rng.lognormal(0, 0.05)
        for arm, mean, sd in (
            ("fast", 0.8, 0.02),
            ("slow", 0.4, 0.1),
            ("a", 0.9, 0.05),
            ("b", 0.8, 0.05),
            ("c", 0.7, 0.05),
        ):
            acc = rng.normal(mean, sd)
            yield arm, seed, 12, "acc", acc
            yield arm, seed, 12, "val", acc + rng.normal(0, 0.05)
        yield "fast", seed, 12, "wild", SCORES[seed - 1]
        yield "slow", seed, 12, "wild", 12 * SCORES[3 * seed % 10]
        yield "fast", seed, 12, "ok", float(seed != 3)
        yield "slow", seed, 12, "ok", float(seed == 3)
        yield "fast", seed, 12, "zero", 5.0 + rng.uniform(0, 1)
        yield "slow", seed, 12, "zero", 2.0 * (seed == 2)
        for arm, speed in (("fast", 3), ("slow", 9)):
            crossed = speed + int(rng.integers(0, 3)) + 9 * (arm == "slow" and seed == 4)
            for epoch in range(1, 13):
                yield arm, seed, epoch, "course", min(0.95, 0.95 * epoch / crossed)
        # p between alpha / 3 and alpha of each: all three are supported, and any of them is not
        base = rng.normal(0, 1)
        yield "slow", seed, 12, "odd", base
        for arm in "abc":
            yield arm, seed, 12, "odd", base + 0.1 + ODD[seed - 1]
    for arm, seeds, mean in (("one", range(21, 25), 3.0), ("other", range(31, 38), 1.0)):
        for seed in seeds:
            yield arm, seed, 12, "far", rng.normal(mean, 0.5 if arm == "one" else 0.2)


#: Ten numbers like those of a normal law, and the same with a mean two standard errors above 0.
SCORES = (-1.43, -1.1, -0.7, -0.35, -0.1, 0.1, 0.35, 0.7, 1.1, 1.43)
ODD = [2 / math.sqrt(10) + score for score in SCORES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("language"))


def make(folder: Path) -> Path:
    """Write evidence, claims and a report of every form into a folder."""
    lines = ["setting,arm,seed,epoch,layer,metric,value,status,run"]
    for arm, seed, epoch, metric, value in rows():
        lines.append(f"own,{arm},{seed},{epoch},,{metric},{float(value)!r},measured,{arm}{seed}")
    (folder / "evidence.csv").write_text("\n".join(lines) + "\n")
    (folder / "claims").mkdir()
    # each in a family of its own: what is claimed of one does not depend on the others
    claims = re.sub(r"^(\w+) = fe\.Claim\(", r"\1 = claim('\1', ", CLAIMS, flags=re.MULTILINE)
    helper = "def claim(name, *given, **more):\n    return fe.Claim(*given, family=name, **more)\n"
    (folder / "claims" / "own.py").write_text(claims.replace("\ntwo,", f"\n{helper}\ntwo,", 1))
    report = made(folder)
    report.write(folder / "report", FORMS)
    pipeline.publish(report, folder / "report")
    return folder


def made(folder: Path) -> Report:
    return pipeline.verify(
        [folder / "claims"], setting="own", from_evidence=folder / "evidence.csv"
    )


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return made(folder)


@pytest.fixture(scope="module")
def verdicts(report: Report) -> dict[str, Verdict]:
    return {v.claim.split("::")[1]: v for v in report.verdicts}


SUPPORTED = set(re.findall(r"^(\w+) = fe\.Claim", CLAIMS, re.MULTILINE)) - {"oddly", "spread_open"}
REFUTED = {"ratio_no", "ratio_unlike", "doubling", "never", "none"}


def test_each_form_is_decided_as_it_was_made(verdicts: dict[str, Verdict]) -> None:
    found = {name: v.verdict for name, v in verdicts.items()}
    of = {**dict.fromkeys(SUPPORTED, "supported"), **dict.fromkeys(REFUTED, "refuted")}
    assert found == {**of, **dict.fromkeys(("oddly", "spread_open"), "inconclusive")}


# --- what is there in each rendering ---


def test_each_rendering_has_every_claim_and_the_same_estimates(
    folder: Path, report: Report, verdicts: dict[str, Verdict]
) -> None:
    jsonschema.validate(json.loads(report.to_json()), json.loads(json_schema()))
    page = (folder / "report" / FORMS["html"]).read_text()
    markdown = report.to_markdown(1 << 20)
    out = StringIO()
    Console(file=out, width=400).print(report.table(400))
    latex = (folder / "report" / FORMS["latex"]).read_text()
    for name, verdict in verdicts.items():
        assert f'id="claim-own-{name.replace("_", "-")}"' in page
        assert f"% claim: own::{name}" in latex
        for a in verdict.assertions:
            value = words.value_text(a)
            assert value in page
            assert value in markdown
        if not verdict.counts:
            assert words.value_text(verdict.assertions[0], unit=False) in out.getvalue()


def test_a_ratio_is_shown_as_a_ratio_and_stored_as_it_was_tested(
    verdicts: dict[str, Verdict],
) -> None:
    for name in ("ratio_yes", "ratio_like", "spread_yes"):
        (a,) = verdicts[name].assertions
        seen = shown(a)
        assert a.unit == "decades"
        assert seen.estimate == pytest.approx(10**a.estimate)
        assert seen.interval == pytest.approx(tuple(10**end for end in a.interval))
        assert f"{seen.estimate:.1f}" in words.value_text(a)
    (a,) = verdicts["ratio_yes"].assertions
    ratios = [one / other for one, other in zip(shown(a).a, shown(a).b, strict=True)]
    assert shown(a).each == pytest.approx(ratios)
    assert math.prod(ratios) ** (1 / len(ratios)) == pytest.approx(shown(a).estimate)
    (a,) = verdicts["means_yes"].assertions
    assert np.mean(shown(a).a) / np.mean(shown(a).b) == pytest.approx(shown(a).estimate)
    (a,) = verdicts["means_open"].assertions
    assert not shown(a).is_bounded
    assert "[" not in words.value_text(a)


def test_the_cases_of_test_runners_say_ratios_and_counts(folder: Path) -> None:
    root = ElementTree.parse(folder / "report" / FORMS["junit"]).getroot()
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in root.iter("testcase")
    }
    assert float(found["ratio_yes"]["ratio"] or 0) == pytest.approx(0.325, abs=0.02)
    assert float(found["ratio_yes"]["estimate"] or 0) == pytest.approx(
        math.log10(float(found["ratio_yes"]["ratio"] or 0))
    )
    assert found["lacking"]["holding"] == "3 of 4"
    assert "ratio" not in found["trend"]
    assert "ratio_low" not in found["means_open"]


def test_a_page_has_a_table_of_members_and_the_terms_that_it_uses(
    folder: Path, report: Report
) -> None:
    page = (folder / "report" / FORMS["html"]).read_text()
    assert set(re.findall(r'popovertarget="t-([^"]+)"', page)) <= set(
        re.findall(r'<div id="t-([^"]+)"', page)
    )
    for term in ("ratio", "rate", "count", "trend", "first", "freedom", "selected_on_evidence"):
        assert f'popovertarget="t-{term}"' in page, term
    article = page.split('id="claim-own-lacking"')[1].split("</article>")[0]
    members = article.split("<table")[1].split("</table>")[0]
    assert members.count("<tr>") == 1 + 4
    assert members.count(">met<") == 3


def test_sides_with_seeds_of_their_own_have_blanks_where_they_have_none(
    verdicts: dict[str, Verdict], report: Report
) -> None:
    (a,) = verdicts["apart"].assertions
    section = report.to_markdown(1 << 20).split("Claim own::apart")[1].split("\nClaim ")[0]
    rows = [line for line in section.splitlines() if re.match(r"\| [23]\d \|", line)]
    assert len(rows) == len(verdicts["apart"].seeds) == 11
    assert sum(row.count("|  |") for row in rows) == 11
    assert [len(side.seeds or ()) for side in (a.a, a.b)] == [4, 7]


# --- drawings ---


def test_a_ratio_lies_on_a_logarithmic_axis_with_factors_at_its_ticks(
    verdicts: dict[str, Verdict],
) -> None:
    (a,) = verdicts["ratio_unlike"].assertions
    texts = {s.text: s.x for s in dots(a, SEEDS).shapes if type(s).__name__ == "Text" and s.y > 150}
    half, one, twice = (texts[text] for text in ("1/2", "1", "2"))
    assert one - half == pytest.approx(twice - one)
    drawn = [s for s in dots(a, SEEDS).shapes if isinstance(s, Circle) and s.role == "dot"]
    assert len(drawn) == 10


@pytest.mark.parametrize("name", ["spread_yes", "rate_pairs", "apart"])
def test_a_rule_that_reads_sides_has_the_values_of_both_drawn(
    name: str, verdicts: dict[str, Verdict]
) -> None:
    (a,) = verdicts[name].assertions
    drawn = [s for s in dots(a, SEEDS).shapes if isinstance(s, Circle) and s.role == "dot"]
    assert a.differences == ()
    assert len(drawn) == len(a.a.values) + len(a.b.values)


def test_every_estimate_lies_on_the_claimed_side_of_its_strip_where_it_is_met(
    report: Report, verdicts: dict[str, Verdict]
) -> None:
    assert forest(report).height > 0
    for name in SUPPORTED - REFUTED - {"oddly"}:
        for a in verdicts[name].assertions:
            shapes = strip(a).shapes
            (dot,) = [s for s in shapes if isinstance(s, Circle)]
            claimed = next(s for s in shapes if getattr(s, "role", "") == "claimed")
            across = [x for x, _ in claimed.corners]
            assert min(across) <= dot.x <= max(across), name


# --- checks ---


def wrong(folder: Path) -> list[str]:
    check = pipeline.check([folder / "report"], [folder / "claims"], ["json"])
    return [str(finding) for file in check.files for finding in file.findings]


def test_a_report_of_every_form_is_recomputed_from_its_rows(folder: Path) -> None:
    check = pipeline.check([folder / "report"], [folder / "claims"])
    assert [f for file in check.files for f in file.findings] == []
    assert sum(file.recomputed for file in check.files) > 1500


def at(verdict: dict[str, Any], path: str) -> tuple[Any, Any]:
    """Return what holds a value of a verdict's JSON, and its key there."""
    keys = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in keys[:-1]:
        verdict = verdict[key]  # type: ignore[index]
    return verdict, keys[-1]


P = "assertions.0.p_support"
#: What of each form is made again from its rows, whatever the verdict says.
RECOMPUTED = [
    *((name, "assertions.0.a.values.3") for name in sorted(SUPPORTED)),
    *((name, "assertions.0.estimate") for name in sorted(SUPPORTED)),
    *(
        (name, path)
        for name in ("ratio_yes", "spread_yes", "means_yes")
        for path in ("ratio.estimate", "ratio.interval.0", "ratio.interval.1", "sd", "p_support")
        for path in [f"assertions.0.{path}"]
    ),
    ("ratio_unlike", "assertions.0.ratio.refuting.0"),
    ("ratio_unlike", "assertions.0.refuting.1"),
    ("spread_yes", "assertions.0.interval.0"),
    ("spread_yes", "assertions.0.interval.1"),
    ("spread_yes", "assertions.0.p_refute"),
    ("rate_one", P),
    ("rate_one", "assertions.0.p_refute"),
    ("rate_one", "assertions.0.interval.0"),
    ("rate_one", "assertions.0.interval.1"),
    ("rate_arms", "assertions.0.sd"),
    ("share", P),
    ("apart", P),
    ("apart", "assertions.0.interval.0"),
    ("apart", "assertions.0.sd"),
    ("first", "assertions.0.censored"),
    ("first", P),
    ("first", "assertions.0.interval.1"),
    ("trend", P),
    ("slope", "assertions.0.differences.2"),
    *(
        (name, f"counts.0.{what}")
        for name in ("some", "lacking", "none")
        for what in ("p_support", "p_refute", "beyond", "holding")
    ),
    ("some", "assertions.1.p_support"),
    ("lacking", "assertions.2.interval.0"),
]


@pytest.fixture(scope="module")
def claims(folder: Path) -> list[Any]:
    return list(pipeline.select(folder / "claims", "own", everything=True).claims)


@pytest.fixture(scope="module")
def with_rows(folder: Path) -> Report:
    return pipeline.decide_again(folder / "report", folder / "claims")


@pytest.mark.parametrize(("name", "path"), RECOMPUTED, ids=lambda part: str(part))
def test_a_number_that_the_rows_do_not_give_is_found(
    name: str, path: str, with_rows: Report, claims: list[Any]
) -> None:
    content = with_rows.to_dict()
    verdict = next(v for v in content["verdicts"] if v["claim"] == f"own::{name}")
    holder, key = at(verdict, path)
    was = holder[key]
    holder[key] = was + 1 if isinstance(was, int) else 0.9 * was + 1e-3
    # as if the code that decides had been wrong, and had written it
    content["verdicts"] = [verdict]
    (altered,) = read_verdicts(json.loads(json.dumps(content))).values()
    numbers = recompute(replace(with_rows, verdicts=(altered,)), claims)
    text = json.dumps(content)
    found = check_rendering("verdicts.json", "json", text.encode(), text, numbers, texts=False)
    named = {(f.claim, f.place) for f in found.findings}
    dotted = re.sub(r"\.(\d+)", r"[\1]", path)
    assert (f"own::{name}", dotted) in named


def test_an_altered_file_is_found(folder: Path) -> None:
    file = folder / "report" / "verdicts.json"
    whole = altered = file.read_text()
    for name in ('"factor": 2.0', '"least": 2', '"censored": 1', '"holding": 3'):
        assert name in whole
        altered = altered.replace(name, re.sub(r"\d", "7", name, count=1), 1)
    file.write_text(altered)
    found = " ".join(wrong(folder))
    file.write_text(whole)
    for place in ("ratio.factor", "counts[0].least", "].censored", "counts[0].holding"):
        assert place in found
    assert wrong(folder) == []


def test_what_documents_quote_of_a_ratio_or_a_count_is_checked(
    with_rows: Report, claims: list[Any], verdicts: dict[str, Verdict]
) -> None:
    numbers = recompute(with_rows, claims)

    def quoted(name: str, text: str) -> int:
        found = check_quoted("a.md", Link(text, "report.html", 1), numbers.claims[f"own::{name}"])
        return len(found[1])

    value = words.value_text(verdicts["ratio_yes"].assertions[0])
    assert quoted("ratio_yes", value) == 0
    assert quoted("ratio_yes", f"supported: {value}") == 0
    assert quoted("ratio_yes", value.replace("0.3", "0.4")) > 0
    assert quoted("spread_yes", words.value_text(verdicts["spread_yes"].assertions[0])) == 0


# --- against an earlier report ---


def test_a_changed_factor_or_count_is_a_cause_and_the_same_report_is_none(
    with_rows: Report,
) -> None:
    old = with_rows.to_dict()
    same = with_rows.against(old).drift
    assert same is not None
    assert (same.moved, same.shifted, same.differences) == ((), (), ())
    for verdict in old["verdicts"]:
        for assertion in verdict["assertions"]:
            if assertion.get("ratio"):
                assertion["ratio"]["factor"] = 3.0
        for count in verdict.get("counts", ()):
            count["least"] = 1
    drift = with_rows.against(old).drift
    assert drift is not None
    found = {(d.what, name) for d in drift.differences for name in d.claims}
    assert ("margin", "own::ratio_yes") in found
    assert ("counts", "own::some") in found
    assert ("counts", "own::oddly") not in found
    assert "3" in drift.to_markdown()


def test_reports_from_before_are_read_and_written_as_they_were(with_rows: Report) -> None:
    content = with_rows.to_dict()
    (old,) = [v for v in content["verdicts"] if v["claim"] == "own::logs"]
    assert "counts" not in old
    for assertion in old["assertions"]:
        assert {"ratio", "censored", "identical"}.isdisjoint(assertion)
        for side in (assertion["a"], assertion["b"]):
            assert "seeds" not in side
            assert all("function" not in term for term in side["terms"])
    again = read_verdicts(content)
    assert [v.to_dict() for v in again.values()] == content["verdicts"]


# --- the tests that are made again ---


@pytest.mark.parametrize("name", sorted(AGAIN))
def test_a_test_made_again_by_scipy_is_the_one_that_decides(name: str) -> None:
    rule, again, rng = RULES[name], AGAIN[name], np.random.default_rng(3)
    for _ in range(40):
        n, m = (int(k) for k in rng.integers(5, 11, 2))
        a, b = rng.standard_t(3, n), rng.lognormal(0, 1, m if name in ("welch", "spread") else n)
        bound = float(rng.normal())
        if name == "rate":
            a, b, bound = (a > 0.3).astype(float), np.full(n, 0.5), float(rng.uniform(-0.4, 0.4))
        values = (a, b) if rule.sides else (a - b,)
        assert again.estimate(a, b) == pytest.approx(float(rule.centre(*values)))
        assert again.sd(a, b) == pytest.approx(float(rule.sd(*values)))
        assert again.p_greater(a, b, bound) == pytest.approx(float(rule.p_greater(*values, bound)))
        low = float(rule.lower_bound(*values, 0.05))
        assert again.lower(a, b, 0.05, low) == pytest.approx(low)
        exchanged, other = rule.exchanged(values), again.exchange(a, b)
        assert again.p_greater(*other, -bound) == pytest.approx(
            float(rule.p_greater(*exchanged, -bound))
        )


def test_every_rule_that_decides_has_its_words() -> None:
    for rule in RULES.values():
        assert glossary.assumption(rule.name)
        if rule.decides:
            assert glossary.TESTS[rule.name]
