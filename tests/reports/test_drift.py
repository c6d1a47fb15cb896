"""Drift: what moved between two reports, told by pairs whose answer is known."""

import io
import json
import math
import re
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from rich.console import Console

from faeval.claims import WORDS
from faeval.errors import EvidenceError, FaevalError
from faeval.reports import KINDS, Report, drift, drifts_json, json_schema
from faeval.reports.data import FLAG
from faeval.reports.words import glossary, label_of, sides_of

RUNS = tuple(f"sha256:{i:016x}" for i in range(5))
OTHERS = tuple(f"sha256:{i:016x}" for i in range(100, 105))
SCHEMA = json.loads(json_schema("drift"))
PROVENANCE = {
    "revision of training": "1",
    "revision of alignment": "2",
    "dataset": "teacher-1",
    "version of torch": "2.13.0",
    "device": "cpu",
    "threads": "1",
    "version of numpy": "2.4.6",
    "commit": "a" * 40,
}


def said(report):
    """The report as it stands in its verdicts.json."""
    return json.loads(report.to_json())


@pytest.fixture(scope="session")
def one(make_assertion, make_verdict):
    """One claim of known power, on five networks."""

    def make(
        word="supported",
        *,
        shift=0.1,
        spread=1.0,
        margin=0.03,
        runs=RUNS,
        sha="e" * 64,
        provenance=PROVENANCE,
        **more,
    ):
        values = 0.12 + spread * np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
        made = make_assertion(
            "exceeds", values + shift, values * 0, margin, power=more.pop("power", None)
        )
        verdict = make_verdict(word, more.pop("code", "decided"), made, runs=runs, **more)
        return Report("teacher", (verdict,), sha, None, provenance)

    return make


def valid(text):
    """The text of some drifts, held against its JSON Schema."""
    jsonschema.validate(json.loads(text), SCHEMA, jsonschema.Draft202012Validator)
    return text


def compared(new, old):
    found = drift(new, said(old), old.provenance)
    valid(drifts_json([found]))
    return found


# --- what is a failure, and what is a flag
# -----------------------------------------------------------------------------


def test_a_report_has_not_drifted_from_itself(gallery):
    found = drift(gallery, said(gallery), json.loads(json.dumps(gallery.provenance)))
    assert (found.moved, found.shifted, found.added, found.gone, found.differences) == (
        (),
        (),
        (),
        (),
        (),
    )
    assert (found.same_evidence, found.compared, found.exit_code) == (
        True,
        len(gallery.verdicts),
        0,
    )
    assert gallery.against(said(gallery)).verdicts == gallery.verdicts


def test_a_verdict_that_was_edited_is_a_failure_and_says_that_nothing_else_explains_it(one):
    (change,) = compared(one("supported"), one("refuted")).moved
    assert change.failure
    assert change.flag is None
    assert [cause.kind for cause in change.causes] == ["deciding"]
    assert compared(one("supported"), one("refuted")).exit_code == 1


def test_the_same_weights_in_another_table_are_a_failure_too(one):
    found = compared(one("supported", sha="f" * 64), one("refuted"))
    assert not found.same_evidence
    assert found.exit_code == 1


def test_other_networks_give_the_flag_and_the_agreement_to_be_expected(one):
    old = one(
        "inconclusive",
        code="straddles_margin",
        shift=0.0,
        runs=OTHERS,
        sha="f" * 64,
        seeds=(6, 7, 8, 9, 10),
    )
    new = one("supported")
    found = compared(new, old)
    (change,) = found.moved
    assert found.exit_code == 0
    assert change.flag == FLAG
    assert new.against(said(old)).verdicts[0].flags == (FLAG,)
    # STATISTICS: .68 at 80 % power, .8 * .8 + .2 * .2
    assert change.agreement == pytest.approx(0.68)
    assert "68 %" in found.to_markdown()
    assert change.causes[0].what == "seeds"
    assert change.causes[-1].kind == "chance"


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (0.9, 0.9, 0.82),  # p^2 + (1 - p)^2
        (0.5, 0.5, 0.5),
        (0.9, 0.6, 0.58),  # p q + (1 - p)(1 - q)
        (0.9, None, 0.68),  # not known on both sides: 80 % power
    ],
)
def test_the_agreement_is_that_of_the_claims_own_power(one, new, old, expected):
    before = one("inconclusive", code="underpowered", runs=OTHERS, sha="f" * 64, power=old)
    assert compared(one("supported", power=new), before).moved[0].agreement == pytest.approx(
        expected
    )


def test_agreement_follows_from_two_independent_reports():
    # Origin of p^2 + (1 - p)^2: two reports that are each right with chance p, drawn a million
    # times.
    draws = np.random.default_rng(0).random((1_000_000, 2)) < 0.8
    assert np.mean(draws[:, 0] == draws[:, 1]) == pytest.approx(0.68, abs=0.003)


def test_where_nothing_was_measured_before_nothing_was_replicated(one, make_verdict):
    empty = Report("teacher", (make_verdict("inconclusive", "not_run"),), None, None, {})
    (change,) = compared(one("supported"), empty).moved
    assert (change.flag, change.failure, change.agreement) == (None, False, None)
    assert "Nothing was replicated" in compared(one("supported"), empty).to_markdown()


def test_two_reports_without_evidence_do_not_share_it(make_verdict):
    new = Report("teacher", (make_verdict("invalid", "confounded"),))
    old = Report("teacher", (make_verdict("inconclusive", "not_run"),))
    assert not compared(new, old).same_evidence
    assert compared(new, old).exit_code == 0


# --- causes
# ----------------------------------------------------------------------------------------------


def test_a_changed_margin_comes_first_whatever_else_differs(one):
    old = one(
        "refuted",
        margin=0.2,
        sha="f" * 64,
        runs=OTHERS,
        alpha=0.1,
        provenance={**PROVENANCE, "threads": "4"},
    )
    kinds = [cause.kind for cause in compared(one("supported"), old).moved[0].causes]
    first = compared(one("supported"), old).moved[0].causes[0]
    assert (first.what, first.before, first.now) == ("margin", 0.2, 0.03)
    assert kinds == sorted(kinds, key=KINDS.index)


@pytest.mark.parametrize(
    ("field", "value", "label"),
    [
        ("seeds", (2, 3, 4, 5, 6), "seeds decided on"),
        ("planned", (1, 2, 3, 4, 5, 6), "planned seeds"),
        ("test", "sign-flip", "test"),
        ("alpha", 0.01, "alpha"),
        ("family_size", 9, "family"),
        ("looks", (3, 5), "looks"),
        ("controls", ("control_true exceeds 0.99",), "controls"),
        ("gates", ("other::claim",), "depends on"),
        ("registered_sha256", "b" * 64, "the claim as registered"),
        ("level_support", 0.05, "level that the family leaves"),
    ],
)
def test_each_part_of_what_was_asked_is_named_alone(one, field, value, label):
    causes = compared(one("supported"), one("refuted", **{field: value})).moved[0].causes
    assert [(cause.kind, cause.what) for cause in causes] == [("rule", field)]
    assert label_of(causes[0]).startswith(label)


def test_wording_and_expectation_are_named_last_and_explain_nothing(one):
    old = one("refuted", sentence="Another sentence", expected="refuted")
    causes = compared(one("supported"), old).moved[0].causes
    assert [(cause.kind, cause.what) for cause in causes[1:]] == [
        ("words", "sentence"),
        ("words", "expected"),
    ]
    assert causes[0].kind == "deciding"


def test_provenance_is_ranked_by_what_is_likeliest_to_change_numbers(one):
    before = dict.fromkeys((*PROVENANCE, "code of run"), "other")
    old = one(
        "supported", provenance={**before, "version of scipy": "1.17", "version of faeval": "0.0"}
    )
    now = {
        **PROVENANCE,
        "code of run": "0f",
        "version of faeval": "0.1",
        "runs": 4,
        "registrations": [],
    }
    found = [label_of(d) for d in compared(one("supported", provenance=now), old).differences]
    assert found == [
        "code of run",
        "revision of alignment",
        "revision of training",
        "dataset",
        "version of torch",
        "device",
        "threads",
        "version of numpy",
        "version of faeval",
        "commit",
        "version of scipy",  # one of the two does not record it
    ]


def test_what_can_change_numbers_is_no_cause_where_the_numbers_are_the_same(one):
    old = one("refuted", sha="f" * 64, provenance={**PROVENANCE, "version of torch": "2.12"})
    found = compared(one("supported"), old)
    assert [(d.what, d.name) for d in found.differences] == [("versions", "torch")]
    assert [cause.kind for cause in found.moved[0].causes] == ["deciding"]


def test_seeds_margins_and_other_registered_fields_are_named_though_no_verdict_moved(
    one, make_verdict
):
    old = one(
        "supported",
        margin=0.05,
        runs=OTHERS,
        sha="f" * 64,
        seeds=(11, 12, 13, 14, 15),
        sentence="Another one",
    )
    found = compared(one("supported"), old)
    assert found.moved == ()
    assert [(d.kind, d.what, d.before, d.now) for d in found.differences][:2] == [
        ("rule", "margin", 0.05, 0.03),
        ("rule", "seeds", (11, 12, 13, 14, 15), (1, 2, 3, 4, 5)),
    ]
    assert found.differences[-1].what == "sentence"
    assert "nothing" in found.to_markdown()  # of provenance
    assert "11–15" in found.to_markdown()
    # What is of some claims alone is named with them.
    pair = [
        make_verdict("inconclusive", "not_run", claim=name, planned=(1, 2)) for name in ("a", "b")
    ]
    other = replace(pair[1], planned=(1, 2, 3))
    two = [
        Report("teacher", tuple(verdicts), None, None, {}) for verdicts in (pair, [pair[0], other])
    ]
    (planned,) = compared(two[0], two[1]).differences
    assert (planned.what, planned.claims) == ("planned", (other.claim,))
    assert label_of(planned) == f"planned seeds of {other.claim}"
    assert sides_of(planned) == ("1–3", "1, 2")


def test_networks_measured_otherwise_name_the_revision(one):
    old = one(
        "refuted", shift=0.0, sha="f" * 64, provenance={**PROVENANCE, "revision of alignment": "1"}
    )
    (change,) = compared(one("supported"), old).moved
    assert change.failure
    assert [(c.kind, c.what, c.name) for c in change.causes] == [
        ("numbers", "revisions", "alignment")
    ]


# --- estimates, claims that came and went
# ----------------------------------------------------------------------------------


def test_an_estimate_that_moved_is_listed_by_halves_of_its_interval(one):
    new, old = (
        one("supported", shift=0.2),
        one("supported", shift=0.1, spread=2.0, sha="f" * 64, runs=OTHERS),
    )
    (change,) = compared(new, old).shifted
    low, high = old.verdicts[0].interval  # the wider of the two
    assert change.shifts == (pytest.approx(0.1 / ((high - low) / 2)),)
    assert not change.moved
    assert f"{change.shifts[0]:.2f}" in compared(new, old).to_markdown()


def test_another_reason_is_listed_and_is_no_move(one):
    new, old = (
        one("inconclusive", code="underpowered"),
        one("inconclusive", code="straddles_margin"),
    )
    found = compared(new, old)
    assert (found.moved, len(found.shifted), found.exit_code) == ((), 1, 0)
    assert "straddles margin, now underpowered" in found.to_markdown()


def test_rounding_is_no_shift(one):
    assert compared(one(shift=0.1 + 1e-12), one(shift=0.1)).shifted == ()


def test_claims_added_and_gone_are_named(gallery):
    fewer = replace(gallery, verdicts=gallery.verdicts[1:])
    name = gallery.verdicts[0].claim
    assert drift(gallery, said(fewer)).added == (name,)
    assert drift(fewer, said(gallery)).gone == (name,)
    for text in (drift(fewer, said(gallery)).to_markdown(), fewer.against(said(gallery)).to_html()):
        assert "Claims gone" in text
        assert "creates" in text


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_turned_round_a_drift_says_the_same_the_other_way(one, data):
    def draw():
        word = data.draw(st.sampled_from(WORDS))
        code = {"inconclusive": "straddles_margin", "invalid": "below_floor"}.get(word, "decided")
        return one(
            word,
            code=code,
            shift=data.draw(st.sampled_from([0.0, 0.1, 0.3])),
            margin=data.draw(st.sampled_from([0.03, 0.2])),
            runs=data.draw(st.sampled_from([RUNS, OTHERS, ()])),
            sha=data.draw(st.sampled_from(["e" * 64, "f" * 64, None])),
            alpha=data.draw(st.sampled_from([0.05, 0.1])),
            power=data.draw(st.sampled_from([None, 0.6, 0.9])),
            provenance=data.draw(st.sampled_from([PROVENANCE, {}, {**PROVENANCE, "threads": "2"}])),
        )

    a, b = draw(), draw()
    there, back = compared(a, b), compared(b, a)
    assert there.exit_code == back.exit_code
    assert [turned(d) for d in there.differences] == list(back.differences)
    for one_way, other_way in ((there.moved, back.moved), (there.shifted, back.shifted)):
        assert len(one_way) == len(other_way)
        for x, y in zip(one_way, other_way, strict=True):
            assert (x.before, x.now, x.flag, x.failure) == (y.now, y.before, y.flag, y.failure)
            assert (x.agreement or 0) == pytest.approx(y.agreement or 0)
            assert [None if s is None else -s for s in x.shifts] == pytest.approx(list(y.shifts))
            assert [turned(c) for c in x.causes if c.kind != "deciding"] == [
                c for c in y.causes if c.kind != "deciding"
            ]


def turned(difference):
    return replace(difference, before=difference.now, now=difference.before)


# --- views
# ----------------------------------------------------------------------------------------------


def test_every_view_tells_the_same_of_what_moved(one):
    new = one("supported").against(said(one("refuted")), PROVENANCE)
    ((cause,),) = (change.causes for change in new.drift.moved)
    assert cause.what == "undetermined"
    out = io.StringIO()
    Console(file=out, width=200).print(new.drift.table(200))
    flat = new.drift.to_markdown().replace("\\", "")
    for text in (out.getvalue(), flat, new.to_html(), new.to_markdown().replace("\\", "")):
        assert re.search(r"\b1 claim\b[^\n]*\b1 moved\b[^\n]*\bsame evidence\b", text)
        for part in ("◆", "●", glossary.sentence(label_of(cause))):
            assert part in text
    whole = json.loads(valid(drifts_json([new.drift, new.drift])))
    assert (whole["schema"], whole["exit_code"], len(whole["reports"])) == ("faeval/drift/2", 1, 2)
    (moved,) = whole["reports"][0]["moved"]
    assert (moved["before"]["verdict"], moved["now"]["verdict"], moved["failure"]) == (
        "refuted",
        "supported",
        True,
    )


def test_a_report_that_was_not_compared_says_nothing_of_it(gallery):
    compared = gallery.against(said(gallery))
    for section, form in (
        ('id="drift"', Report.to_html),
        (r"(?m)^## .*\bearlier\b", Report.to_markdown),
    ):
        assert re.search(section, form(compared))
        assert not re.search(section, form(gallery))


def test_the_flag_stands_at_the_verdict_in_every_view(one):
    old = one("refuted", shift=-0.2, runs=OTHERS, sha="f" * 64)
    new = one("supported").against(said(old))
    assert "replication differs" in new.to_html()
    assert "replication" in new.to_markdown()
    assert json.loads(new.to_json())["verdicts"][0]["flags"] == [FLAG]


HOSTILE = "<script>alert(1)</script>|`*[x](javascript:alert(1))\x1b[31m\u202e@me"


def test_hostile_text_of_an_earlier_report_is_inert(gallery):
    old = said(gallery)
    for verdict in old["verdicts"]:
        verdict["sentence"] = verdict["family"] = HOSTILE
        verdict["verdict"] = "refuted"
        for a in verdict["assertions"]:
            a["unit"] = a["because"] = a["a"]["expression"] = HOSTILE
    old["verdicts"].append({**old["verdicts"][0], "claim": HOSTILE})
    new = gallery.against(old, {HOSTILE: HOSTILE, "commit": HOSTILE})
    page, text = new.to_html(), new.drift.to_markdown()
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=False).print(new.drift.table(120))
    assert "<script" not in page
    assert "\\<script" in text
    assert "<script" not in text.replace("\\<", "")
    for shown in (page, text, out.getvalue()):
        assert not {"\x1b", "\u202e"} & set(shown)


def test_a_long_drift_fits_into_a_comment(gallery):
    many = tuple(
        replace(
            v,
            claim=f"{i}::{v.claim}",
            sentence="word " * 60,
            verdict="supported",
            reason_code="decided",
        )
        for i in range(20)
        for v in gallery.verdicts
    )
    new = Report("teacher", many, "e" * 64)
    old = said(Report("teacher", tuple(replace(v, verdict="refuted") for v in many), "f" * 64))
    shown = new.against(old)
    assert len(shown.to_markdown().encode()) < 64_000
    assert re.search(r"(?m)^\| \d+ .*\bleft out\b", shown.drift.to_markdown())


# --- what cannot be compared
# ----------------------------------------------------------------------------------------------


def test_another_setting_is_no_drift(one):
    with pytest.raises(FaevalError, match=r"setting 'digits'.*'teacher'"):
        drift(one(), {**said(one()), "setting": "digits"})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v: v.pop("verdict"),
        lambda v: v.update(verdict="perhaps"),
        lambda v: v.update(seeds="many"),
        lambda v: v.update(seeds=[math.inf]),
        lambda v: v.update(assertions=[{}]),
        lambda v: v.update(assertions=None),
        lambda v: v["assertions"][0].update(kind="equals"),
        lambda v: v["assertions"][0].update(margin=None),
        lambda v: v["assertions"][0].update(interval=[1]),
        lambda v: v["assertions"][0].update(power=7),
        lambda v: v.update(level_support="x"),
    ],
)
def test_what_is_no_report_is_refused_by_name(one, spoil):
    old = said(one())
    spoil(old["verdicts"][0])
    with pytest.raises(EvidenceError, match=r"creates_deep_alignment.* cannot be compared"):
        drift(one(), old)


def test_a_claim_that_stands_there_twice_is_refused(one):
    old = said(one())
    with pytest.raises(EvidenceError, match="twice"):
        drift(one(), {**old, "verdicts": old["verdicts"] * 2})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_an_earlier_report_is_compared_or_refused(one, data):
    old = said(one())
    holder, key = old, "verdicts"
    for _ in range(data.draw(st.integers(0, 5))):
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner:
            break
        holder = inner
        key = data.draw(
            st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
        )
    holder[key] = data.draw(JSON)
    try:
        new = one().against(old, {"commit": data.draw(JSON)})
    except FaevalError:
        return
    new.drift.to_markdown()
    new.to_html()
    valid(drifts_json([new.drift]))
    Console(file=io.StringIO()).print(new.drift.table())
