"""What the page says: in prose, once, from evidence, where a reader or a program looks."""

import html
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import faeval as fe
from faeval import stats
from faeval.claims import REASONS, REGISTRATIONS, MeasuredError
from faeval.experiment import Factor, Metric, experiment
from faeval.reports import ClaimInputs, LowestControl, Profile, ReadMetric, Report
from faeval.reports.data import outcomes
from faeval.reports.views import view
from faeval.reports.words import glossary, sentences as words

D = [0.2, 0.25, 0.22, 0.21, 0.24]
ERRORS = (MeasuredError("normal", 5, 0.0493, 0.0488), MeasuredError("lognormal", 5, 0.0071, 0.1779))


class Tree(HTMLParser):
    """The page's articles as a program reads them: id, claim, facts by label, captions; and whether
    tags are balanced.
    """

    EMPTY = frozenset(("meta", "link"))

    def __init__(self, page):
        super().__init__()
        self.open, self.articles, self.text = [], [], ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in self.EMPTY:
            self.open.append((tag, dict(attributes)))
        if tag == "article":
            self.articles.append(
                {
                    "id": dict(attributes)["id"],
                    "claim": "",
                    "facts": [],
                    "captions": [],
                    "heads": [],
                }
            )
        if tag in ("dt", "dd", "caption", "code"):
            self.text = ""

    def handle_startendtag(self, tag, attributes):
        """Such as the paths of a drawing."""

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag
        if not any(name == "article" for name, _ in self.open):
            return
        here = self.articles[-1]
        if tag == "code" and self.open[-1] == ("p", {"class": "id"}):
            here["claim"] = self.text
        elif tag == "dt":
            here["facts"].append([self.text, None])
        elif tag == "dd":
            here["facts"][-1][1] = self.text
            assert [name for name, _ in self.open[-2:]] == ["dl", "div"]
            assert self.open[-2][1] == {"class": "facts"}
        elif tag == "caption":
            here["captions"].append(self.text)


def test_a_program_finds_each_number_by_its_place(gallery):
    articles = Tree(gallery.to_html()).articles
    assert [a["claim"] for a in articles] == [v.claim for v in gallery.verdicts]
    for article, verdict in zip(articles, gallery.verdicts, strict=True):
        labels = [label for label, _ in article["facts"]]
        k = len(verdict.assertions)
        assert (
            labels.count("Estimate")
            == labels.count("Margin")
            == labels.count("Decision interval")
            == k
        )
        assert sum(c.startswith("Values by seed") for c in article["captions"]) == k
        assert article["captions"].count("Tests in both directions") == min(k, 1)
        for a, (_, said) in zip(
            verdict.assertions, (f for f in article["facts"] if f[0] == "Estimate"), strict=True
        ):
            assert said == words.value_text(a)


# --- prose
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (
            "deep rho(dfa+penalty=0.01)",
            "deep rho(dfa)",
            "deep rho of dfa rose by 0.174 with penalty=0.01",
        ),
        (
            "deep rho(dfa)",
            "deep rho(dfa+penalty=0.01)",
            "deep rho of dfa rose by 0.174 without penalty=0.01",
        ),
        (
            "rho(dfa+x=2, epoch=1)",
            "rho(dfa, epoch=1)",
            "rho of dfa, epoch=1 rose by 0.174 with x=2",
        ),
        ("rho(dfa+x=2)", "rho(dfa+x=1)", "rho is higher in dfa+x=2 than in dfa+x=1 by 0.174"),
        (
            "rho(dfa, epoch=9)",
            "rho(dfa, epoch=1)",
            "rho is higher in dfa, epoch=9 than in dfa, epoch=1 by 0.174",
        ),
        (
            "deep cosine(dfa)",
            "deep rho(dfa)",
            "deep cosine of dfa is larger than deep rho by 0.174",
        ),
        (
            "cosine(dfa, embedding)",
            "deep cosine(dfa)",
            "cosine(dfa, embedding) is larger than deep cosine(dfa) by 0.174",
        ),
        (
            "log10(norm(a))",
            "log10(norm(b))",
            "log10(norm(a)) is larger than log10(norm(b)) by 0.174",
        ),
        ("m(a) - m(b)", "m(c) - m(d)", "m(a) - m(b) is larger than m(c) - m(d) by 0.174"),
        ("deep rho(dfa)", "0", "deep rho(dfa) is 0.174"),
        ("x", "x", "x is larger than x by 0.174"),
    ],
)
def test_the_sentence_says_what_moved(make_assertion, a, b, said):
    made = make_assertion("exceeds", D, [0.05] * 5, 0.1, (a, b))
    text = re.sub(r" \[[^]]+\]", "", glossary.as_text(words.result(made, 5)))
    assert text == f"Over 5 seeds, {said}, all above the 0.1 that matters."


def test_a_fall_keeps_the_sign_that_the_table_has(make_assertion):
    made = make_assertion("exceeds", [0.0] * 5, D, 0.1, ("rho(dfa+x=2)", "rho(dfa)"))
    assert "rho of dfa changed by −0.224 [−0.2" in glossary.as_text(words.result(made, 5))


def test_the_sign_test_is_about_the_median(make_assertion):
    made = make_assertion("exceeds", D, [0.05] * 5, 0.1)
    assert glossary.as_text(words.result(made, 5, "sign")).startswith(
        "Over 5 seeds, in the median, deep cosine is higher"
    )


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_names_make_a_sentence_with_the_estimate(make_assertion, a, b):
    made = make_assertion("exceeds", D, [0.05] * 5, 0.1, (a, b))
    phrase = words.result(made, 5)
    assert [span.text for span in phrase if span.kind == "number"] == [words.value_text(made)]
    named = "".join(span.text for span in phrase if span.kind == "name")
    assert set("".join(named.split())) <= set(a + b)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("y of 'dose=1' at seed 1 is undefined.", "y of 'dose=1' at seed 1 is undefined."),
        ("y of (defaults) at seed 1 diverged.", "y of (defaults) at seed 1 diverged."),
        ("deep rho(dfa) has no row.", "deep rho(dfa) has no row."),
        ("one of 5 seeds is missing.", "One of 5 seeds is missing."),
        ("the two sides differ.", "The two sides differ."),
        ("", ""),
    ],
)
def test_a_metric_keeps_its_small_letter_at_the_start_of_a_sentence(text, shown):
    assert glossary.sentence(text) == shown


def test_no_spread_is_written_in_few_digits(make_assertion, make_verdict):
    # 0.3 - 0.1 and 0.2 - 0.0 differ in the last bit: a spread of 1e-17, and nothing bounds the
    # estimate.
    made = make_assertion("exceeds", [0.3, 0.2, 0.3], [0.1, 0.0, 0.1], 0.1)
    made = replace(made, interval=(-math.inf, math.inf))
    assert 0 < made.sd < 1e-16
    assert words.value_text(made) == "0.200 (no interval)"
    page = Report("t", (make_verdict("inconclusive", "no_spread", made),)).to_html()
    assert "0.2000" in page
    assert "0.20000" not in page
    assert "∞" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)


@pytest.mark.parametrize("code", [c for codes in REASONS.values() for c in codes if "_" in c])
def test_codes_are_words_on_the_first_screen(make_verdict, code):
    word = next(w for w, codes in REASONS.items() if code in codes)
    flags = ("amended_after_evidence", "evaluation_set")
    page = Report("t", (make_verdict(word, code, flags=flags, detail="x"),)).to_html()
    first = page.split('<table class="verdicts"')[1].split("</table>")[0]
    assert glossary.spaced(code) in first
    assert "amended after evidence" in first
    assert not re.findall(r">[^<]*\b[a-z]+_[a-z_]+\b[^<]*<", first)


def test_a_decided_claim_with_a_flag_is_not_simply_settled(make_assertion, make_verdict):
    made = make_verdict(
        "supported", "decided", make_assertion("exceeds", D, [0.0] * 5, 0.1), flags=("fragile",)
    )
    row = Report("t", (made,)).to_html().split('class="takes')[1].split("</td>")[0]
    assert "Fragile: leaving out one seed, or another valid test, would change the verdict" in row


# --- the summary
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("registration", REGISTRATIONS)
def test_the_summary_says_what_was_registered_before_its_evidence(make_verdict, registration):
    registered = make_verdict("inconclusive", "not_run", registration="registered")
    other = make_verdict("inconclusive", "not_run", registration=registration)
    said = glossary.as_text(view(Report("t", (registered, other))).summary[1])
    if registration in ("registered", "amended"):
        assert said.startswith("All were registered before their evidence was made.")
    else:
        assert said.startswith(
            "1 of 2 were registered before their evidence was made: 1"
            f" {glossary.REGISTERED[registration]}."
        )


def test_one_claim_is_one(make_verdict, make_assertion):
    made = make_verdict(
        "supported",
        "decided",
        make_assertion("exceeds", D, [0.0] * 5, 0.1),
        registration="registered",
    )
    first, second = map(glossary.as_text, view(Report("t", (made,))).summary)
    assert first.startswith("1 claim about the setting t, judged over 5 seeds. It names its margin")
    assert second.startswith("1 of 1 was registered before its evidence was made.")


def test_the_summary_says_how_many_claims_were_judged_on_nothing(make_verdict, make_assertion):
    made = make_verdict(
        "supported", "decided", make_assertion("exceeds", D, [0.0] * 5, 0.1), runs=("a",)
    )
    refused = make_verdict("invalid", "confounded")
    stopped = make_verdict("invalid", "undefined", runs=("a",))
    later = make_verdict("inconclusive", "not_run")
    said = glossary.as_text(view(Report("t", (made, made, refused, stopped, later))).summary[0])
    assert said.startswith(
        "5 claims about the setting t (2 judged over 5 seeds; 1 refused before any run was looked"
        " at; 1 stopped at a number that cannot be used; 1 without evidence so far), from 1"
        " training run. Each names its margin"
    )


@pytest.mark.parametrize("flag", ["reproduction", "exploratory", "unregistered", "after_evidence"])
def test_what_is_decided_late_is_not_as_registered_nor_simply_settled(
    make_verdict, make_assertion, flag
):
    a = make_assertion("exceeds", D, [0.0] * 5, 0.1)
    shown = view(
        Report("t", (make_verdict("supported", "decided", a, expected="supported", flags=(flag,)),))
    ).claims[0]
    assert (shown.standing, shown.takes) == ("as expected", "exploratory, for these seeds")
    shown = view(
        Report("t", (make_verdict("supported", "decided", a, expected="supported"),))
    ).claims[0]
    assert (shown.standing, shown.takes) == ("as registered", "")


def test_an_equivalence_open_outside_its_margins_shows_its_refuting_interval(
    make_verdict, make_assertion
):
    # s.d. 0.01 over 5 seeds: half the decision interval is 3.495 x 0.01 / sqrt(5) = 0.0156, the
    # refuting one is wider.
    spread = np.array([-1, -1, 0, 1, 1]) * 0.01
    a = make_assertion("equivalent", 0.067 + spread, np.zeros(5), 0.05, ("m(x)", "m(y)"))
    assert a.interval[0] > 0.05 > a.refuting[0]
    assert outcomes.outcome(a) == "open"
    outer = words.outer_text(a)
    assert outer == f"refuting interval {words.style_of(a).interval(a.refuting)}"
    report = Report("t", (make_verdict("inconclusive", "straddles_margin", a, a),))
    (shown,) = view(report).claims
    assert (
        "outside ±0.05 at the level of support, but not at the one that refuting takes"
        in glossary.as_text(shown.headline[0])
    )
    page, text = report.to_html(), report.to_markdown()
    assert page.split('class="verdicts"')[1].split("</table>")[0].count(outer) == 2
    assert text.split("## ")[0].count(outer) == 2
    lines = {s.role: s.pieces for s in shown.assertions[0].strip.shapes if hasattr(s, "pieces")}
    ((outer_low, _),), ((upper, _),), ((low, _),) = (lines[r] for r in ("thin", "margin", "bar"))
    assert outer_low[0] < upper[0] < low[0]
    # One that is met, or refuted, or whose decision interval holds the margin, has none.
    for center in (0.0, 0.05, 0.5):
        other = make_assertion("equivalent", center + spread, np.zeros(5), 0.05)
        assert words.outer_text(other) == ""
        (claim,) = view(
            Report("t", (make_verdict("inconclusive", "straddles_margin", other),))
        ).claims
        assert "thin" not in {shape.role for shape in claim.assertions[0].strip.shapes}


def test_each_of_several_assertions_is_painted_by_its_own_result(make_verdict, make_assertion):
    met, not_met = (make_assertion("exceeds", d, [0.0] * 5, 0.1) for d in (D, [-x for x in D]))
    two = make_verdict("refuted", "decided", met, not_met)
    assert [a.tone for a in view(Report("t", (two,))).claims[0].assertions] == [
        "supported",
        "refuted",
    ]
    page = Report("t", (two,)).to_html()
    for name in ("measure", "assertion"):
        assert re.findall(rf'<div class="{name} (\w+)">', page) == ["supported", "refuted"]
    one = make_verdict("refuted", "decided", not_met)
    assert [a.tone for a in view(Report("t", (one,))).claims[0].assertions] == [""]


def test_what_claims_share_is_said_once(make_assertion, make_verdict):
    made = make_verdict(
        "supported", "decided", make_assertion("exceeds", D, [0.0] * 5, 0.1), measured_errors=ERRORS
    )
    other = replace(made, claim="other", over="settings")
    page = Report("t", (made, replace(made, claim="second"))).to_html()
    scope, assumption = glossary.SCOPES["seeds"], glossary.assumption("t")
    assert page.count(scope) == page.count(assumption) == page.count("<td>.178</td>") == 1
    assert page.count('href="#rule-1"') == 4  # assumption and measured error of both
    apart = Report("t", (made, other)).to_html()
    assert apart.count(f"<dt>Scope</dt><dd>{scope}</dd>") == apart.count("<dd>settings</dd>") == 1
    undecided = Report("t", (replace(made, measured_errors=()),)).to_html()
    assert f"<dd>{assumption}</dd>" in undecided
    assert page.count('<a href="#rule-1">the differences by seed are close to normal</a>') == 2


@pytest.mark.parametrize(
    ("seeds", "end"),
    [(None, "--offline"), (3, "--offline --seeds 3"), ((1, 42), "--offline --seeds 1,42")],
)
def test_the_page_says_how_to_recompute_it(make_verdict, seeds, end):
    made = {
        "version of numpy": "2.4.6",
        "version of platform": "Linux",
        "version of faeval": "0.1.0",
        "commit": "abc",
    }
    page = Report(
        "t", (make_verdict("inconclusive", "not_run"),), provenance=made, seeds=seeds
    ).to_html()
    commands = re.findall(r"<pre tabindex=\"0\"><code>([^<]+)</code></pre>", page)
    assert commands == [
        "python -m pip install -c constraints.txt .",
        "faeval report FOLDER --claims CLAIMS --check",
        f"faeval verify CLAIMS --evidence FOLDER {end}",
    ]
    assert "made with faeval 0.1.0, numpy 2.4.6. Under" in page
    assert "claims.lock, of commit abc of the source" in page
    assert "pip install faeval" not in page


def test_levels_of_looks_are_those_of_the_rule(make_assertion, make_verdict):
    a = make_assertion("exceeds", D, [0.0] * 5, 0.1)
    made = make_verdict(
        "supported", "decided", a, a, looks=(5, 10), look=1, level_support=0.02, level_refute=0.05
    )
    (row,) = (
        r
        for r in view(Report("t", (made,))).claims[0].tests.rows
        if r[0] == "Level it is compared with"
    )
    support, refute = stats.nominal_levels(0.02, 0.05, (5, 10), 2)
    assert list(row[1:]) == [f"{support:.3g}", f"{refute:.3g}"]
    assert (support, refute) == (
        stats.nominal_level(0.02, (5, 10)),
        2 * stats.nominal_level(0.025, (5, 10)),
    )


# --- what a claim rests on
# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """A report of evidence on two arms of an unknown experiment, in which one control falls."""
    rows = []
    for arm, up in (("dfa", 0.0), ("dfa+penalty=0.01", 0.3)):
        for seed in (1, 2, 3):
            for layer in (0, 1, 2):
                control = (
                    0.995 if (arm, seed, layer) == ("dfa", 2, 1) else 0.4 if layer == 0 else 0.9999
                )
                for metric, value in (
                    ("cosine", 0.1 * layer + up + 0.01 * seed),
                    ("control_true", control),
                ):
                    rows.append(
                        ("made", arm, seed, 20, layer, metric, value, "measured", f"{arm}:{seed}")
                    )
                    rows.append(
                        ("made", arm, seed, 1, layer, metric, 0.5, "measured", f"{arm}:{seed}:1")
                    )
    columns = ["setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run"]
    file = tmp_path_factory.mktemp("evidence") / "evidence.csv"
    pd.DataFrame(rows, columns=columns).to_csv(file, index=False)
    a, b = fe.Arm("dfa").but(penalty=0.01), fe.Arm("dfa")
    margin = fe.Margin(0.1, "a test")
    good = fe.Claim(
        "up", fe.exceeds(fe.cosine(a), fe.cosine(b), by=margin), seeds=3, attributed_to="penalty"
    )
    bad = fe.Claim(
        "other",
        fe.exceeds(fe.cosine(a), fe.cosine(b, epoch=1), by=margin),
        seeds=3,
        attributed_to="penalty",
    )
    return fe.verify([good, bad], from_evidence=file)


def test_evidence_gives_the_lowest_control_over_what_is_read(decided):
    """States that the claim does not read, and epochs, say nothing of it."""
    good, bad = decided.inputs
    read = tuple(ReadMetric("cosine", arm, (1, 2), 20) for arm in ("dfa+penalty=0.01", "dfa"))
    assert good.reads == read
    assert good.controls == (LowestControl("float64", 0.995, 12, 0, "dfa", 2, 1),)
    assert good.checks == dict.fromkeys(
        ("unit_mismatch", "confounded", "exact_by_construction"), ""
    )
    assert good.attributed_to == ("penalty",)
    assert [code for code, trouble in bad.checks.items() if trouble] == ["confounded"]
    assert bad.reads == (read[0], replace(read[1], epoch=1))


def test_the_page_says_what_was_checked(decided):
    good, bad = Tree(decided.to_html()).articles
    facts = dict(map(tuple, good["facts"]))
    assert (
        facts["Lowest positive control"]
        == "0.9950 by float64 over the 12 states it reads (dfa, seed 2, layer 1); 1 is right"
    )
    assert (
        facts["Design checks"]
        == "passed: same seeds on both sides, not confounded, no state exact by construction"
    )
    failed = dict(map(tuple, bad["facts"]))["Design checks"]
    assert failed.startswith("confounded: the two sides of ")
    assert failed.endswith("; passed: same seeds on both sides, no state exact by construction")


def test_each_arm_of_a_claim_has_its_means_by_layer(decided):
    shown = view(decided).claims[0].layers
    assert shown.head == ("What is read", "layer 0", "layer 1", "layer 2")
    assert list(shown.rows) == [  # 0.1 x layer + 0.02, and 0.3 more
        ("cosine of dfa+penalty=0.01 at states 1, 2, epoch 20", "0.320", "0.420", "0.520"),
        ("cosine of dfa at states 1, 2, epoch 20", "0.020", "0.120", "0.220"),
    ]
    # One profile that is read at several states is one row.
    again = replace(
        decided.inputs[0], reads=(*decided.inputs[0].reads, ReadMetric("cosine", "dfa", (0,), 20))
    )
    rows = view(replace(decided, inputs=(again,))).claims[0].layers.rows
    assert [row[0] for row in rows] == [
        "cosine of dfa+penalty=0.01 at states 1, 2, epoch 20",
        "cosine of dfa at states 0–2, epoch 20",
    ]
    # What is read at another epoch than the profile's has no row that says so.
    other = replace(decided.inputs[0], reads=(ReadMetric("cosine", "dfa", (1, 2), 1),))
    assert view(replace(decided, inputs=(other,))).claims[0].layers is None


def test_a_layer_without_a_number_has_no_mean(decided):
    (profile,) = (p for p in decided.profiles if p.arm == "dfa")
    status = tuple(
        ("measured", "below_floor" if s == 2 else "measured", "measured") for s in profile.seeds
    )
    others = tuple(p for p in decided.profiles if p.arm != "dfa")
    shown = (
        view(replace(decided, profiles=(*others, replace(profile, status=status)))).claims[0].layers
    )
    assert shown.rows[1][1:] == ("0.020", "below floor", "0.220")
    fewer = Profile(
        "dfa", "cosine", profile.layers, profile.seeds[:2], profile.values[:2], epoch=20
    )
    shown = view(replace(decided, profiles=(*others, fewer))).claims[0].layers
    assert set(shown.rows[1][1:]) == {"not there"}


def test_arms_and_metrics_are_said_in_the_words_of_their_experiment(decided):
    own = fe.Experiment(
        "made",
        lambda arm, seed: {"cosine": 0.5},
        factors={
            "rule": Factor("x", help="how it learns"),
            "penalty": Factor(0.0, help="what is taken off"),
        },
        metrics={"cosine": Metric("cosine", "A cosine of this user's own.", unit="apples")},
    )
    arms, metrics = view(replace(decided, experiment=own)).compared
    assert dict(arms.rows) == {
        "dfa+penalty=0.01": (
            "penalty=0.01: what is taken off (by default 0); rule=dfa: how it learns (by default x)"
        ),
        "dfa": "rule=dfa: how it learns (by default x)",
    }
    assert metrics.rows == (("cosine", "A cosine of this user's own. In apples."),)
    arms, metrics = view(replace(decided, experiment=experiment("teacher"))).compared
    assert "direct feedback alignment" in dict(arms.rows)["dfa"]
    assert "weight of the squared norm" in dict(arms.rows)["dfa+penalty=0.01"]
    bare = replace(decided, experiment=None)
    assert dict(view(bare).compared[0].rows)["dfa"] == "rule=dfa"
    assert "What is compared" in bare.to_html()
    assert "What is compared" not in replace(bare, inputs=()).to_html()


def test_an_undefined_control_is_not_a_number(make_verdict):
    made = make_verdict("inconclusive", "not_run")
    for control, said in (
        (LowestControl("published", None, 4, 4), "undefined by published at all 4 states it reads"),
        (
            LowestControl("published", -0.5, 4, 1, "dfa", 1, 2),
            (
                "−0.5000 by published over the 4 states it reads, "
                "undefined at 1 of them (dfa, seed 1, layer 2); 1 is right"
            ),
        ),
    ):
        page = Report(
            "t", (made,), inputs=(ClaimInputs(made.claim, controls=(control,)),)
        ).to_html()
        assert f"<dd>{said}</dd>" in page


def test_a_claim_costs_few_bytes(make_assertion, make_verdict):
    """Two hundred claims on a page, with all that it says of one of one assertion and two arms."""
    a = make_assertion(
        "exceeds",
        np.array(D),
        np.zeros(5),
        0.1,
        ("deep cosine(dfa+penalty=0.01)", "deep cosine(dfa)"),
        anticipated=0.2,
        item_error=0.002,
        e_value=30.0,
    )
    made = [
        make_verdict(
            "supported", "decided", a, claim=f"claims/penalty.py::c{i}", measured_errors=ERRORS * 6
        )
        for i in range(101)
    ]
    inputs = tuple(
        ClaimInputs(
            v.claim,
            (ReadMetric("cosine", "dfa", (1, 2, 3, 4), 20),),
            (LowestControl("float64", 0.999, 20, 0, "x", 1, 2),),
            {"confounded": ""},
            ("penalty",),
        )
        for v in made
    )
    one, many = (
        len(Report("t", tuple(made[:n]), inputs=inputs).to_html().encode()) for n in (2, 101)
    )
    assert (many - one) / 99 < 8000


# --- the published pages
# ----------------------------------------------------------------------------------------------


def test_the_pictures_that_readme_shows_are_small():
    for name in ("report.png", "report-dark.png"):
        picture = Path(__file__).parents[2] / "docs" / "images" / name
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < 150_000


def test_inputs_change_no_verdict(decided):
    bare = replace(decided, inputs=())
    assert json.loads(bare.to_json()) == json.loads(decided.to_json()) | {"inputs": []}
    assert len(json.loads(decided.to_json())["inputs"]) == len(decided.verdicts)
    assert html.escape("Lowest positive control") not in bare.to_html()
