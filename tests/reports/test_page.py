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
        assert sum(c.startswith("Tests") for c in article["captions"]) == min(k, 1)
        for a, (_, said) in zip(
            verdict.assertions, (f for f in article["facts"] if f[0] == "Estimate"), strict=True
        ):
            assert said == words.value_text(a)


# --- prose
# ----------------------------------------------------------------------------------------------


def named(phrase):
    """What a sentence names, in its order."""
    return tuple(span.text for span in phrase if span.kind == "name")


@pytest.mark.parametrize(
    ("a", "b", "names", "said"),
    [
        (
            "deep rho(dfa+penalty=0.01)",
            "deep rho(dfa)",
            ("deep rho", "dfa", "penalty=0.01"),
            "with",
        ),
        (
            "deep rho(dfa)",
            "deep rho(dfa+penalty=0.01)",
            ("deep rho", "dfa", "penalty=0.01"),
            "without",
        ),
        ("rho(dfa+x=2, epoch=1)", "rho(dfa, epoch=1)", ("rho", "dfa, epoch=1", "x=2"), "with"),
        ("rho(dfa+x=2)", "rho(dfa+x=1)", ("rho", "dfa+x=2", "dfa+x=1"), "higher"),
        (
            "rho(dfa, epoch=9)",
            "rho(dfa, epoch=1)",
            ("rho", "dfa, epoch=9", "dfa, epoch=1"),
            "higher",
        ),
        ("deep cosine(dfa)", "deep rho(dfa)", ("deep cosine", "dfa", "deep rho"), "larger"),
        (
            "cosine(dfa, embedding)",
            "deep cosine(dfa)",
            ("cosine(dfa, embedding)", "deep cosine(dfa)"),
            "larger",
        ),
        ("log10(norm(a))", "log10(norm(b))", ("log10(norm(a))", "log10(norm(b))"), "larger"),
        ("m(a) - m(b)", "m(c) - m(d)", ("m(a) - m(b)", "m(c) - m(d)"), "larger"),
        ("deep rho(dfa)", "0", ("deep rho(dfa)",), "is"),
        ("x", "x", ("x", "x"), "larger"),
    ],
)
def test_the_sentence_says_what_moved(make_assertion, a, b, names, said):
    made = make_assertion("exceeds", D, [0.05] * 5, 0.1, (a, b))
    phrase = words.result(made, 5)
    assert named(phrase) == names
    plain = "".join(span.text for span in phrase if span.kind == "text")
    assert re.search(rf"\b5 seeds\b.*\b{said}\b.*\babove\b.* 0\.1\b", plain)
    assert [s.text.partition(" ")[0] for s in phrase if s.kind == "number"] == ["0.174"]


def test_a_fall_keeps_the_sign_that_the_table_has(make_assertion):
    made = make_assertion("exceeds", [0.0] * 5, D, 0.1, ("rho(dfa+x=2)", "rho(dfa)"))
    phrase = words.result(made, 5)
    assert named(phrase) == ("rho", "dfa", "x=2")
    (number,) = (span.text for span in phrase if span.kind == "number")
    assert number.startswith("−0.224 [−0.2")
    assert "rose" not in glossary.as_text(phrase)


def test_the_sign_test_is_about_the_median(make_assertion):
    made = make_assertion("exceeds", D, [0.05] * 5, 0.1)
    assert re.search(r"\bmedian\b", glossary.as_text(words.result(made, 5, "sign")))
    assert "median" not in glossary.as_text(words.result(made, 5))


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
    assert f"Fragile: {glossary.FLAGS['fragile']}" in row


# --- the summary
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("registration", REGISTRATIONS)
def test_the_summary_says_what_was_registered_before_its_evidence(make_verdict, registration):
    registered = make_verdict("inconclusive", "not_run", registration="registered")
    other = make_verdict("inconclusive", "not_run", registration=registration)
    said = glossary.as_text(view(Report("t", (registered, other))).summary[1])
    if registration in ("registered", "amended"):
        assert re.match(r"All were registered\b", said)
    else:
        assert re.match(
            rf"1 of 2 were registered\b.*: 1 {glossary.REGISTERED[registration]}\.", said
        )


def test_one_claim_is_one(make_verdict, make_assertion):
    made = make_verdict(
        "supported",
        "decided",
        make_assertion("exceeds", D, [0.0] * 5, 0.1),
        registration="registered",
    )
    first, second = map(glossary.as_text, view(Report("t", (made,))).summary)
    assert re.match(r"1 claim\b.* t\b.*\b5 seeds\. It\b", first)
    assert re.match(r"1 of 1 was registered\b", second)


def test_the_summary_says_how_many_claims_were_judged_on_nothing(make_verdict, make_assertion):
    made = make_verdict(
        "supported", "decided", make_assertion("exceeds", D, [0.0] * 5, 0.1), runs=("a",)
    )
    refused = make_verdict("invalid", "confounded")
    stopped = make_verdict("invalid", "undefined", runs=("a",))
    later = make_verdict("inconclusive", "not_run")
    said = glossary.as_text(view(Report("t", (made, made, refused, stopped, later))).summary[0])
    assert re.match(
        r"5 claims .* t \(2 .*\b5 seeds; 1 refused\b.*; 1 stopped\b.*; 1 without evidence\b.*\),"
        r" .*\b1 training run\. Each\b",
        said,
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
    wider = re.escape(words.style_of(a).interval(a.refuting))
    assert re.search(
        rf"\boutside ±0\.05\b.*\bbut not\b.*{wider}", glossary.as_text(shown.headline[0])
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
    short, _ = glossary.assumptions("t")
    assert page.count(f'<a href="#rule-1">{short}</a>') == 2


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
    assert "faeval 0.1.0, numpy 2.4.6. " in page
    assert re.search(r"\bclaims\.lock\b.*\bcommit abc\b", page)
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
    assert re.match(
        r"0\.9950 .*\bfloat64\b.*\b12 states\b.*\(dfa, seed 2, layer 1\)",
        facts["Lowest positive control"],
    )
    checks = glossary.CHECKS
    assert facts["Design checks"] == f"passed: {', '.join(checks.values())}"
    failed = dict(map(tuple, bad["facts"]))["Design checks"]
    assert failed.startswith("confounded: ")
    assert "penalty" in failed
    others = ", ".join(text for code, text in checks.items() if code != "confounded")
    assert failed.endswith(f"; passed: {others}")


def test_each_arm_of_a_claim_has_its_means_by_layer(decided):
    shown = view(decided).claims[0].layers
    assert shown.head == ("What is read", "layer 0", "layer 1", "layer 2")
    assert [row[1:] for row in shown.rows] == [  # 0.1 x layer + 0.02, and 0.3 more
        ("0.320", "0.420", "0.520"),
        ("0.020", "0.120", "0.220"),
    ]
    first, second = (row[0] for row in shown.rows)
    assert re.match(r"cosine\b.* dfa\+penalty=0\.01 .* 1, 2, epoch 20$", first)
    assert re.match(r"cosine\b.* dfa .* 1, 2, epoch 20$", second)
    # One profile that is read at several states is one row.
    again = replace(
        decided.inputs[0], reads=(*decided.inputs[0].reads, ReadMetric("cosine", "dfa", (0,), 20))
    )
    rows = view(replace(decided, inputs=(again,))).claims[0].layers.rows
    assert rows[0][0] == first
    assert [row[0] for row in rows[1:]] == [second.replace("1, 2", "0–2")]
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
    both, rule = dict(arms.rows)["dfa+penalty=0.01"], dict(arms.rows)["dfa"]
    assert list(dict(arms.rows)) == ["dfa+penalty=0.01", "dfa"]
    assert re.fullmatch(r"rule=dfa: how it learns \(.*\bx\)", rule)
    penalty, _, rest = both.partition("; ")
    assert re.fullmatch(r"penalty=0\.01: what is taken off \(.*\b0\)", penalty)
    assert rest == rule
    ((metric, meaning),) = metrics.rows
    assert metric == "cosine"
    assert re.fullmatch(r"A cosine of this user's own\..*\bapples\.", meaning)
    teacher = experiment("teacher")
    arms, metrics = view(replace(decided, experiment=teacher)).compared
    assert "direct feedback alignment" in dict(arms.rows)["dfa"]
    assert teacher.factors["penalty"].help
    assert teacher.factors["penalty"].help in dict(arms.rows)["dfa+penalty=0.01"]
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
