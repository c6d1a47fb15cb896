"""What is printed: the table of verdicts and the answer fit their columns, and say what is so."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from rich.cells import cell_len
from rich.console import Console

from faeval import stats
from faeval.claims import PILOT_SEEDS
from faeval.reports import Report
from faeval.reports.formats._answer import Description, answer, described
from faeval.reports.formats._text_strip import Strip
from faeval.reports.words import _brief as brief, _settling as settling, glossary, read, sentences

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
widths = st.integers(20, 140)
texts = st.text(max_size=300)


def printed(shown: object, width: int, encoding: str = "utf-8") -> list[str]:
    """The lines of what rich prints on a stream of some width and encoding; none is broken there
    where it prints on more columns.
    """
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    Console(file=stream, width=width, color_system=None, highlight=False).print(shown)
    stream.flush()
    return raw.getvalue().decode(encoding).split("\n")


def numbered(report: Report, n: int) -> Report:
    """A report of so many claims, the verdicts of another one over and over."""
    one = report.verdicts
    made = (replace(one[i % len(one)], claim=f"c.py::c{i}") for i in range(n))
    return replace(report, verdicts=tuple(made))


def filled(report: Report, text: str) -> Report:
    """A report whose claims, arms, units and warnings are all one text."""
    verdicts = []
    for v in report.verdicts:
        sides = [replace(a, a=replace(a.a, expression=text), unit=text) for a in v.assertions]
        named = {"sentence": text, "detail": text if v.detail else "", "flags": (*v.flags, text)}
        verdicts.append(replace(v, assertions=tuple(sides), **named))
    return replace(report, verdicts=tuple(verdicts))


# --- width ---


@few
@given(text=texts, width=widths, n=st.sampled_from([1, 5, 16, 40]), encoding=st.booleans())
@example(text="x" * 300, width=80, n=40, encoding=True)
@example(text="漢字" * 60, width=21, n=5, encoding=True)
@example(text="👩‍💻 " * 40, width=72, n=16, encoding=True)
@example(text="e\u0301" * 150, width=80, n=5, encoding=False)
def test_no_line_is_longer_than_the_terminal(gallery, text, width, n, encoding):
    report = filled(numbered(gallery, n), text)
    code = "utf-8" if encoding else "ascii"
    steps = [("faeval lock claims/x.py", text), (text, "what it does")]
    one = Description(text, (text, text), (1.0, 2.0), -1.0, -1.5, -0.5, (5, 6), unit=text)
    for shown in (
        report.table(width),
        answer(report, read=[text, text], next_steps=steps, width=width, status=text),
        described([one] * 2, read=[text], next_steps=steps, width=width),
    ):
        for line in printed(shown, 500, code):
            assert cell_len(line) <= width, line


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_signs_that_a_stream_lacks_are_written_by_others(gallery, encoding):
    for shown in (gallery.table(80), answer(gallery, width=80)):
        whole = "\n".join(printed(shown, 80, encoding))
        assert "* supported" in whole
        assert "\\u" not in whole
        assert "?" not in whole


# --- the table ---


def test_each_claim_has_its_effect_interval_margin_and_unit_in_one_row(
    make_assertion, make_verdict
):
    a = make_assertion("exceeds", [0.31, 0.33, 0.29], [0.1, 0.12, 0.11], 0.05, unit="fraction")
    (head,) = (
        line
        for line in printed(Report("toy", (make_verdict("supported", "decided", a),)).table(80), 80)
        if "supported" in line and "·" not in line and "●" in line[10:]
    )
    effect = sentences.style_of(a)(a.estimate)
    assert re.search(rf"● supported +\+{effect} +> 0.05 +3$", head)
    whole = "\n".join(
        printed(Report("toy", (make_verdict("supported", "decided", a),)).table(80), 80)
    )
    assert re.search(r"\[0\.\d+, 0\.\d+\] +fraction", whole)


def test_a_unit_that_is_not_stated_is_not_guessed(make_assertion, make_verdict):
    a = make_assertion("exceeds", [0.31, 0.33, 0.29], [0.1, 0.12, 0.11], 0.05, unit="1")
    whole = "\n".join(
        printed(Report("toy", (make_verdict("supported", "decided", a),)).table(80), 80)
    )
    assert not re.search("fraction|points|%|times", whole)


@pytest.mark.parametrize("width", [40, 80, 132])
def test_each_assertion_stands_beside_its_own_margin(make_assertion, make_verdict, width):
    rows = np.random.default_rng(3).normal(0.2, 0.01, (2, 5))
    parts = [
        make_assertion("exceeds", rows[0], np.zeros(5), 0.03),
        make_assertion("equivalent", rows[1], np.zeros(5), 0.05),
        make_assertion("below", -rows[1], np.zeros(5), 0.07),
    ]
    lines = printed(
        Report("toy", (make_verdict("refuted", "decided", *parts),)).table(width), width
    )
    wanted = [("+", "> 0.03"), ("+", "± 0.05"), ("−", "< −0.07")]
    found = [
        f"{line} {below}" if width == 40 else line
        for line, below in pairwise(lines)
        if re.search(r"^[^\[<]* [+−]0\.\d+", line)
    ]
    assert len(found) == 3
    for line, (sign, margin) in zip(found, wanted, strict=True):
        assert re.search(rf"{re.escape(sign)}0\.", line)
        assert margin in line


def test_the_registration_is_said_once(gallery):
    claims = [replace(v, registration="registered", flags=()) for v in gallery.verdicts]
    lines = printed(replace(gallery, verdicts=tuple(claims)).table(80), 80)
    assert sum("registered before" in line for line in lines) == 1
    assert not any("†" in line for line in lines)
    claims[1] = replace(claims[1], registration="unregistered", flags=("unregistered",))
    lines = printed(replace(gallery, verdicts=tuple(claims)).table(80), 80)
    assert sum("†" in line for line in lines) == 2  # its row, and what the sign means
    assert "1 † unregistered" in " ".join(lines)


def test_flags_are_counted_below_and_signed_in_their_rows(gallery):
    one, two, *more = (replace(v, flags=(), registration="registered") for v in gallery.verdicts)
    flagged = [replace(one, flags=("fragile", "coarse")), replace(two, flags=("fragile",)), *more]
    lines = printed(replace(gallery, verdicts=tuple(flagged)).table(80), 80)
    assert sum("⚑" in line for line in lines) == 3
    assert "2 fragile, 1 coarse" in " ".join(lines)


def test_seeds_of_a_pilot_are_called_a_pilot(make_assertion, make_verdict):
    a = make_assertion("exceeds", np.linspace(0.2, 0.3, 6), np.zeros(6), 0.03)
    pilot = make_verdict("supported", "decided", a, seeds=PILOT_SEEDS, registration="exploratory")
    other = make_verdict("supported", "decided", a, registration="exploratory")
    assert "pilot" in " ".join(printed(Report("toy", (pilot,)).table(80), 80)).lower()
    assert "pilot" not in " ".join(printed(Report("toy", (other,)).table(80), 80)).lower()


def test_what_settles_open_claims_is_said_of_a_few_and_the_rest_is_counted(
    make_assertion, make_verdict
):
    noise = np.array([1.0, -1.2, 0.3, 0.8, -0.7])
    verdicts = [
        make_verdict(
            "inconclusive",
            "straddles_margin",
            make_assertion("exceeds", 0.04 + 0.02 * noise * 1.1**i, np.zeros(5), 0.03),
            sentence=f"claim {i}",
        )
        for i in range(9)
    ]
    lines = printed(Report("toy", tuple(verdicts)).table(80), 80)
    assert sum(line.startswith("To settle (claim") for line in lines) == 4
    assert any(re.match(r"To settle: 5 more", line) for line in lines)


# --- to settle ---


@pytest.mark.parametrize("kind", ["exceeds", "below", "equivalent"])
def test_the_seeds_to_settle_have_80_percent_power_and_one_less_has_not(
    make_assertion, make_verdict, kind
):
    """Against the power that ``stats.verdict_chances`` gives at so many seeds, and at one less."""
    sign = -1 if kind == "below" else 1
    center = 0.01 if kind == "equivalent" else 0.05 * sign
    values = center + np.array([0.03, -0.02, 0.025, -0.03, -0.005])
    a = make_assertion(kind, values, np.zeros(5), 0.03)
    verdict = make_verdict("inconclusive", "straddles_margin", a)
    needed = settling.needed_for(a, verdict)

    def power(n: int) -> float:
        effect = sign * a.estimate
        return stats.verdict_chances(kind, a.margin, effect, a.sd, n, verdict.alpha).supported

    assert needed > 5
    assert power(needed) >= 0.8 > power(needed - 1)
    assert f"About {needed} new seeds would support it" in settling.to_settle(verdict)


def test_where_the_effect_seen_would_refute_that_is_what_the_seeds_are_for(
    make_assertion, make_verdict
):
    values = 0.01 + np.array([0.03, -0.02, 0.025, -0.03, -0.005])
    a = make_assertion("exceeds", values, np.zeros(5), 0.03)
    verdict = make_verdict("inconclusive", "straddles_margin", a)
    needed = settling.needed_for(a, verdict)
    chances = stats.verdict_chances("exceeds", 0.03, a.estimate, a.sd, needed, verdict.alpha)
    assert chances.refuted >= 0.8
    assert f"About {needed} new seeds would refute it" in settling.to_settle(verdict)


def test_no_number_of_seeds_is_made_up(make_assertion, make_verdict):
    same = make_assertion("exceeds", [0.05] * 5, [0.0] * 5, 0.03)
    for a, test in ((same, "t"), (replace(same, sd=0.1, estimate=0.03), "t"), (same, "rate")):
        verdict = make_verdict("inconclusive", "straddles_margin", a, test=test)
        assert settling.needed_for(a, verdict) is None
        assert not re.search(r"About \d", settling.to_settle(verdict))


# --- the answer ---


def test_an_answer_shows_both_means_the_effect_and_the_margin(make_assertion, make_verdict):
    ours, base = [0.919, 0.925, 0.921, 0.924, 0.92], [0.9, 0.902, 0.9015, 0.9022, 0.9]
    a = make_assertion("exceeds", ours, base, 0.01, ("acc(method=ours)", "acc(method=base)"))
    verdict = make_verdict("supported", "decided", a, sentence="ours beats base")
    whole = "\n".join(printed(answer(Report("toy", (verdict,)), width=80), 80))
    assert "● supported: ours beats base" in whole
    means = re.search(r"ours (\S+) +base (\S+)", whole)
    assert [read(text) for text in means.groups()] == pytest.approx(
        [np.mean(ours), np.mean(base)], abs=5e-5
    )
    assert re.search(r"\+0\.02\d+ \[0\.0\d+, 0\.0\d+\] \(97\.5 % interval\)", whole)
    assert "margin > 0.01" in whole
    assert "5 seeds" in whole
    assert "unregistered" in whole


def test_long_names_that_differ_at_their_end_stay_apart(make_assertion, make_verdict):
    sides = [f"acc({'very_long_' * 12}{which})" for which in ("ours", "base")]
    a = make_assertion("exceeds", [0.9, 0.91, 0.92], [0.5, 0.52, 0.51], 0.1, tuple(sides))
    whole = "\n".join(
        printed(answer(Report("toy", (make_verdict("supported", "decided", a),))), 80)
    )
    assert re.search(r"very_long_\S*…\S*ours 0\.91", whole)
    assert re.search(r"very_long_\S*…\S*base 0\.51", whole)


def test_why_nothing_was_decided_is_said(gallery):
    for verdict in gallery.verdicts:
        whole = " ".join(" ".join(printed(answer(Report("toy", (verdict,)), width=80), 80)).split())
        if verdict.detail:
            assert " ".join(verdict.detail.split())[1:] in whole
        assert ("To settle" in whole) == (
            verdict.verdict == "inconclusive" and bool(verdict.assertions) and not verdict.detail
        )


def test_what_is_alike_for_all_claims_is_said_once(gallery):
    for n in (1, 3, 40):
        whole = "\n".join(printed(answer(numbered(gallery, n), status="A STATUS.", width=80), 80))
        assert whole.count("A STATUS.") == 1
    assert whole.count("Claim ") == 1  # forty claims are a table


def test_a_description_decides_nothing():
    one = Description("acc", ("ours", "base"), (0.92, 0.9), 0.02, 0.01, 0.03, (5,), 0.9)
    whole = "\n".join(printed(described([one], width=80), 80))
    assert "no margin was given, so nothing was decided" in whole
    assert "+0.020 [0.010, 0.030]" in whole
    assert not any(word in whole for word in glossary.GLYPHS)


# --- the strip ---

numbers = st.floats(-1e6, 1e6)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(numbers, min_size=3, max_size=3),
    numbers.filter(bool),
    st.integers(24, 90),
    st.sampled_from(["whole", "from", "to"]),
)
def test_a_strip_has_its_marks_in_the_order_of_the_numbers(bounds, margin, width, ends):
    low, estimate, high = sorted(bounds)
    interval = {"whole": (low, high), "from": (low, np.inf), "to": (-np.inf, high)}[ends]
    claimed = (margin, np.inf)
    strip = Strip(estimate, interval, "●", 0.0, ((margin, "m margin"),), claimed)
    drawn, labels = strip.lines(width)
    assert len(drawn) <= width
    assert len(labels) <= width
    assert drawn.count("●") == 1
    at = drawn.index("●")
    margins = [i for i, sign in enumerate(drawn) if sign == "┆"]
    assert all(i > at if margin > estimate else i < at for i in margins)
    bar = [i for i, sign in enumerate(drawn) if sign in "━┿●←→"]
    assert bar == list(range(bar[0], bar[-1] + 1))
    assert ("→" in drawn) <= (ends == "from")
    assert ("←" in drawn) <= (ends == "to")


def test_a_strip_shows_which_side_of_the_margin_an_interval_lies_on():
    def places(low, estimate, high, margin):
        strip = Strip(estimate, (low, high), "●", 0.0, ((margin, "m"),), (margin, np.inf))
        return strip.lines(60)[0]

    above, across, under = places(2, 3, 4, 1), places(0.5, 3, 4, 1), places(-1, 0.3, 0.6, 1)
    assert above.index("┆") < above.index("━") < above.index("●")
    assert "┆" not in across
    assert across.index("┿") < across.index("●")
    assert under.rindex("━") < under.index("┆")
    assert under[: under.index("┆")].count("·") == 0


# --- words ---


def test_every_registration_and_verdict_has_its_words():
    from faeval.claims import REASONS, WORDS
    from faeval.claims._verdict import REGISTRATIONS

    assert set(brief.REGISTERED) == set(REGISTRATIONS)
    assert {*brief.MEANS, "invalid"} == set(WORDS) == set(REASONS)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("acc(method=ours)", "acc(method=base)"), ("ours", "base")),
        (("acc(dfa)", "acc(bp)"), ("dfa", "bp")),
        (("acc(dfa+penalty=0.1)", "acc(dfa)"), ("dfa+penalty=0.1", "dfa")),
        (("acc(a)", "loss(a)"), ("acc(a)", "loss(a)")),
        (("acc(a)", "0"), ("acc(a)", "0")),
    ],
)
def test_sides_are_named_by_what_they_differ_in(make_assertion, names, wanted: Sequence[str]):
    a = make_assertion("exceeds", [1.0, 2.0], [0.0, 0.5], 0.1, names)
    assert brief.names(a) == wanted


def test_only_labels_of_an_answer_are_dim(gallery):
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="standard")
    console.print(answer(replace(gallery, verdicts=gallery.verdicts[:1]), width=80))
    (line,) = (line for line in out.getvalue().splitlines() if "  effect" in line)
    assert re.match(r"\x1b\[2m  effect\x1b\[0m +[+−]", line)
