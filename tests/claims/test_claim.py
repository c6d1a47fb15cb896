"""Claims: every argument that nothing could be decided by is refused at the door, in one line."""

from __future__ import annotations

import enum
import itertools
import json
import math
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import faeval as fe
from faeval.claims import seed_list
from faeval.errors import FaevalError

A, B = fe.Arm("a"), fe.Arm("b")
X, Y = fe.metric("x", A), fe.metric("x", B)
M = fe.Margin(0.1, "a reason")
MORE = fe.exceeds(X, Y, by=M)
GATE = fe.Claim("gate", MORE, attributed_to="rule")


def claim(**arguments: Any) -> fe.Claim:
    return fe.Claim("a is more", MORE, **({"attributed_to": "rule"} | arguments))


BAD: dict[str, tuple[Any, list[str]]] = {
    "margin below 0": (
        lambda: fe.Margin(-0.1, "x"),
        ["fe.Margin", "value=-0.1", "(float)", ">= 0"],
    ),
    "margin NaN": (lambda: fe.Margin(math.nan, "x"), ["value=nan", "(float)", "finite"]),
    "margin infinite": (lambda: fe.Margin(math.inf, "x"), ["value=inf", "finite"]),
    "margin text": (lambda: fe.Margin("0.1", "x"), ["value='0.1'", "(str)", "finite"]),  # type: ignore[arg-type]
    "margin bool": (lambda: fe.Margin(True, "x"), ["value=True", "(bool)"]),
    "margin without a reason": (
        lambda: fe.Margin(0.1),
        ["fe.Margin(0.1)", "because=''", "say where"],
    ),
    "margin with an empty reason": (lambda: fe.Margin(0.1, "  "), ["because='  '", "say where"]),
    "margin with a number as reason": (lambda: fe.Margin(0.1, 5), ["because=5", "say where"]),  # type: ignore[arg-type]
    "no margin": (lambda: fe.exceeds(X, Y), ["fe.exceeds", "by=None", "fe.Margin(value, because)"]),
    "a bare number as margin": (lambda: fe.below(X, Y, by=0.1), ["fe.below", "by=0.1", "(float)"]),  # type: ignore[arg-type]
    "no margin of equivalence": (lambda: fe.equivalent(X, Y), ["fe.equivalent", "within=None"]),
    "equivalence within 0": (
        lambda: fe.equivalent(X, Y, within=fe.Margin(0, "x")),
        ["margin of 0", "above 0"],
    ),
    "agreement within 0": (lambda: fe.agree(X, Y, within=fe.Margin(0, "x")), ["margin of 0"]),
    "an arm in place of an estimand": (
        lambda: fe.exceeds(A, Y, by=M),
        ["fe.exceeds: a", "fe.cosine(arm)", "(Arm)"],
    ),  # type: ignore[arg-type]
    "text in place of an estimand": (
        lambda: fe.not_above(X, "y", by=M),
        ["fe.not_above: b", "'y'", "(str)"],
    ),  # type: ignore[arg-type]
    "sides that are one": (
        lambda: fe.exceeds(X, X, by=M),
        ["fe.exceeds", "do not differ", "compare two"],
    ),
    "sides that are numbers": (lambda: fe.exceeds(1, 2, by=M), ["do not differ"]),  # type: ignore[arg-type]
    "anticipated NaN": (
        lambda: fe.exceeds(X, Y, by=M, anticipated=math.nan),
        ["anticipated=nan", "finite"],
    ),
    "anticipated text": (
        lambda: fe.exceeds(X, Y, by=M, anticipated="big"),
        ["anticipated='big'", "(str)"],
    ),  # type: ignore[arg-type]
    "agreement without layers": (
        lambda: fe.agree(X, Y, within=M),
        ["fe.agree", "over layers", "fe.cosine(arm)"],
    ),
    "agreement with a number": (lambda: fe.agree(fe.cosine(A), 0.5, within=M), ["fe.agree", "0.5"]),  # type: ignore[arg-type]
    "agreement of a sum": (
        lambda: fe.agree(fe.cosine(A) + fe.rho(A), fe.rho(B), within=M),
        ["fe.agree"],
    ),
    "agreement of a logarithm of a sum": (
        lambda: fe.agree(fe.log10(fe.state_norm(A) + fe.state_norm(B)), fe.rho(B), within=M),
        ["fe.agree", "one metric"],
    ),
    "agreement of a scaled logarithm": (
        lambda: fe.agree(fe.log10(2 * fe.state_norm(A)), fe.rho(B), within=M),
        ["fe.agree", "one metric"],
    ),
    "no sentence": (lambda: fe.Claim("", MORE), ["sentence=''", "(str)", "what is claimed"]),
    "a sentence that is none": (lambda: fe.Claim(MORE), ["sentence=", "(Assertion)"]),  # type: ignore[arg-type]
    "no assertions": (lambda: fe.Claim("x"), ["fe.Claim('x')", "needs assertions", "fe.exceeds"]),
    "an estimand as assertion": (lambda: fe.Claim("x", X), ["needs assertions", "Estimand"]),  # type: ignore[arg-type]
    "an assertion and a word": (lambda: fe.Claim("x", MORE, "supported"), ["'supported'"]),  # type: ignore[arg-type]
    "test unknown": (
        lambda: claim(test="wilcoxon"),
        ["test='wilcoxon'", "'t', 'sign-flip', 'sign'"],
    ),
    "alpha 0": (lambda: claim(alpha=0), ["alpha=0", "(int)", "(0, 0.5]"]),
    "alpha above a half": (lambda: claim(alpha=0.6), ["alpha=0.6", "(0, 0.5]"]),
    "alpha NaN": (lambda: claim(alpha=math.nan), ["alpha=nan", "(0, 0.5]"]),
    "alpha text": (lambda: claim(alpha="0.05"), ["alpha='0.05'", "(str)"]),
    "alpha True": (lambda: claim(alpha=True), ["alpha=True", "(bool)"]),
    "expect unknown": (
        lambda: claim(expect="true"),
        ["expect='true'", "supported, refuted, inconclusive, invalid"],
    ),
    "expect an unknown reason": (
        lambda: claim(expect="invalid:typo"),
        ["expect='invalid:typo'", "invalid:confounded"],
    ),
    "expect a reason of another word": (
        lambda: claim(expect="inconclusive:confounded"),
        ["expect="],
    ),
    "expect a reason of none": (lambda: claim(expect="any:decided"), ["expect='any:decided'"]),
    "expect in a mapping": (lambda: claim(expect={"teacher": "yes"}), ["expect='yes'"]),
    "expect a number": (lambda: claim(expect=1), ["expect=1"]),
    "seeds 0": (lambda: claim(seeds=0), ["seeds=0", "at least 1"]),
    "seeds negative count": (lambda: claim(seeds=-3), ["seeds=-3", "at least 1"]),
    "seeds none": (lambda: claim(seeds=[]), ["seeds=[]", "at least one"]),
    "seeds None": (lambda: claim(seeds=None), ["seeds=None", "(NoneType)", "a count or a list"]),
    "seeds repeated": (
        lambda: claim(seeds=[1, 2, 1]),
        ["seeds=[1, 2, 1]", "repeats 1", "each once"],
    ),
    "seeds negative": (lambda: claim(seeds=[1, -2]), ["seed -2", "(int)", ">= 0"]),
    "seeds text": (lambda: claim(seeds="5"), ["seeds='5'", "(str)", "a count or a list"]),
    "seeds of text": (lambda: claim(seeds=["5"]), ["seed '5'", "(str)", "whole"]),
    "seeds fractional": (lambda: claim(seeds=[1.5]), ["seed 1.5", "(float)", "whole"]),
    "seeds True": (lambda: claim(seeds=True), ["seeds=True", "(bool)"]),
    "seeds by setting": (lambda: claim(seeds={"teacher": [2, 2]}), ["repeats 2"]),
    "looks": (lambda: claim(looks=(5, 10)), ["looks=(5, 10)", "rising numbers of seeds", "here 5"]),
    "looks a number": (lambda: claim(looks=7), ["looks=7", "(int)", "end at the plan"]),
    "controls a number": (
        lambda: claim(controls=0.99),
        ["controls=0.99", "(float)", "assertions such as"],
    ),
    "controls a claim": (
        lambda: claim(controls=[claim()]),
        ["controls=", "(list)", "assertions such as"],
    ),
    "diverged": (lambda: claim(diverged="best"), ["diverged='best'", "'worst'"]),
    "attributed to a number": (lambda: claim(attributed_to=5), ["attributed_to=5", "factors"]),
    "attributed to None": (lambda: claim(attributed_to=None), ["attributed_to=None", "factors"]),
    "attributed to nothing": (lambda: claim(attributed_to=""), ["attributed_to=''", "factors"]),
    "attributed twice": (lambda: claim(attributed_to=["x", "x"]), ["attributed_to=", "each once"]),
    "requires a name": (lambda: claim(requires="gate"), ["requires='gate'", "claims"]),
    "requires a number": (lambda: claim(requires=5), ["requires=5", "claims"]),
    "family a number": (lambda: claim(family=5), ["family=5", "(int)"]),
    "family empty": (lambda: claim(family=" "), ["family=' '", "left out"]),
    "about a number": (lambda: claim(about=1), ["about=1", "(int)"]),
    "source a number": (lambda: claim(source=2026), ["source=2026", "(int)"]),
    "note a number": (lambda: claim(note=5), ["note=5", "(int)"]),
    "tags a number": (lambda: claim(tags=5), ["tags=5", "words"]),
    "published a number": (lambda: claim(published=5), ["published=", "mappings"]),
    "published without a figure": (
        lambda: claim(published=[{"what": "x"}]),
        ["published=None", "finite"],
    ),
    "published without a name": (lambda: claim(published=[{"published": 1.0}]), ["what=None"]),
    "published text": (
        lambda: claim(published=[{"what": "x", "published": "0.1"}]),
        ["published='0.1'"],
    ),
    "published spread": (
        lambda: claim(published=[{"what": "x", "published": 1, "spread": "s"}]),
        ["spread='s'"],
    ),
    "published side": (
        lambda: claim(published=[{"what": "x", "published": 1, "side": "c"}]),
        ["side='c'"],
    ),
    "published assertion": (
        lambda: claim(published=[{"what": "x", "published": 1, "assertion": 1}]),
        ["assertion=1"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_argument_is_one_line_with_its_name_value_and_remedy(case: str) -> None:
    make, told = BAD[case]
    with pytest.raises(FaevalError) as error:
        make()
    message = str(error.value)
    assert "\n" not in message
    for part in told:
        assert part in message


def test_one_of_anything_that_may_be_several_is_taken_as_such() -> None:
    assert claim(attributed_to="penalty").attributed_to == ("penalty",)
    assert claim(attributed_to=["b", "a"]).attributed_to == ("a", "b")
    assert claim(requires=GATE).requires == (GATE,) == claim(requires=[GATE]).requires
    assert claim(tags="extended").tags == ("extended",)
    assert claim(published={"what": "x", "published": 1}).published[0]["what"] == "x"
    agreement = fe.Claim(
        "x",
        fe.agree(fe.cosine(A), fe.rho(A), within=M),
        published=[{"what": "x", "published": 1, "assertion": 1}],
    )
    assert agreement.published[0]["assertion"] == 1


@pytest.mark.parametrize(
    ("given", "seeds"),
    [
        (5, (1, 2, 3, 4, 5)),
        (1, (1,)),
        ([42, 7], (42, 7)),
        ((0,), (0,)),
        (range(3), (0, 1, 2)),
        ({4}, (4,)),
    ],
)
def test_a_plan_is_a_count_or_a_list(given: Any, seeds: tuple[int, ...]) -> None:
    assert seed_list(given, "here") == seeds
    assert claim(seeds=given).planned("anywhere") == seeds


def test_a_plan_by_setting_leaves_the_others_at_five() -> None:
    made = claim(seeds={"cifar10": 10, "digits": [7, 8]})
    assert made.planned("cifar10") == tuple(range(1, 11))
    assert made.planned("digits") == (7, 8)
    assert made.planned("teacher") == (1, 2, 3, 4, 5)


def test_an_expectation_is_a_word_or_one_by_setting() -> None:
    assert claim(expect="supported").expected("teacher") == "supported"
    assert claim(expect="any").expected("teacher") is None
    assert (
        claim(expect={"teacher": "invalid:confounded", "digits": "any"}).expected("teacher")
        == "invalid:confounded"
    )
    assert claim(expect={"teacher": "refuted", "digits": "any"}).expected("digits") is None
    assert claim(expect={"teacher": "refuted"}).expected("cifar10") is None


def test_an_expectation_cannot_be_changed_afterwards() -> None:
    words = {"teacher": "refuted"}
    made = claim(expect=words)
    words["teacher"] = "supported"
    assert made.expected("teacher") == "refuted"


def decisive(**changes: Any) -> list[fe.Claim]:
    return [
        claim(**{"attributed_to": "x"} | changes),
        claim(**{"family": "f"} | changes),
        claim(**{"test": "sign"} | changes),
        claim(**{"seeds": 6} | changes),
        claim(**{"alpha": 0.01} | changes),
        claim(**{"diverged": "worst"} | changes),
        claim(**{"about": "instrument"} | changes),
        claim(**{"requires": GATE} | changes),
        fe.Claim("a is more", fe.below(X, Y, by=M), attributed_to="rule", **changes),
        fe.Claim("a is more", fe.exceeds(Y, X, by=M), attributed_to="rule", **changes),
        fe.Claim(
            "a is more",
            fe.exceeds(X, Y, by=fe.Margin(0.2, "a reason")),
            attributed_to="rule",
            **changes,
        ),
        fe.Claim(
            "a is more", fe.exceeds(X, Y, by=M, anticipated=0.2), attributed_to="rule", **changes
        ),
        fe.Claim(
            "a is more",
            fe.exceeds(fe.metric("x", A, epoch=1), Y, by=M),
            attributed_to="rule",
            **changes,
        ),
        fe.Claim(
            "a is more",
            fe.exceeds(fe.metric("x", A, layers=1), Y, by=M),
            attributed_to="rule",
            **changes,
        ),
        fe.Claim("a is more", fe.exceeds(fe.log10(X), Y, by=M), attributed_to="rule", **changes),
        fe.Claim("a is more", MORE, MORE, attributed_to="rule", **changes),
    ]


def test_what_decides_a_claim_changes_its_hash_and_its_prose_does_not() -> None:
    hashes = [made.sha256() for made in [claim(), *decisive()]]
    assert len(set(hashes)) == len(hashes)
    prose = {
        "note": "n",
        "source": "s",
        "tags": "t",
        "expect": "refuted",
        "published": [{"what": "x", "published": 1}],
    }
    assert [made.sha256() for made in [claim(**prose), *decisive(**prose)]] == hashes
    reason = fe.exceeds(X, Y, by=fe.Margin(0.1, "another reason"))
    assert fe.Claim("other words", reason, attributed_to="rule").sha256() == claim().sha256()


def test_the_hash_of_a_claim_is_the_same_in_another_process() -> None:
    code = (
        "import faeval as fe; a, b = fe.Arm('a'), fe.Arm('b');print(fe.Claim('a is more',"
        " fe.exceeds(fe.metric('x', a), fe.metric('x', b), by=fe.Margin(0.1, 'r')),"
        " attributed_to='rule').sha256())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert found.stdout.strip() == claim().sha256()
    # A registration is compared with this; should it change, every lock in the world is broken.
    assert claim().sha256() == "3674597d0684acec9abca5517fae4a59914a836d1d571237045e55feeedeb4ad"


def test_assertions_read_as_sentences() -> None:
    for assertion, sentence in (
        (MORE, r"x\(a\) exceeds x\(b\) .*\b0\.1"),
        (fe.below(X, 0.5, by=M), r"x\(a\) is below 0\.5 .*\b0\.1"),
        (fe.not_above(X, Y, by=M), r"x\(a\) is not above x\(b\) .*\b0\.1"),
        (fe.not_below(X, Y, by=M), r"x\(a\) is not below x\(b\) .*\b0\.1"),
        (fe.equivalent(X, within=M), r"x\(a\) equals 0 .*\b0\.1"),
        (
            fe.agree(fe.cosine(A), fe.rho(A), within=M),
            r"deep cosine\(a\) agrees .*deep rho\(a\) .*\b0\.1 .*\bunit",
        ),
    ):
        assert re.fullmatch(sentence, str(assertion))


class Few(enum.IntEnum):
    ONE, TWO = 1, 2


@pytest.mark.parametrize(
    ("given", "seeds"),
    [
        (np.int64(3), (1, 2, 3)),
        (np.arange(1, 4), (1, 2, 3)),
        (range(2, 4), (2, 3)),
        ((s for s in (7, 8)), (7, 8)),
        (pd.Series([4, 5], dtype="Int64"), (4, 5)),
        ([Few.TWO, Few.ONE], (2, 1)),
        ([0, 2**63 - 1], (0, 2**63 - 1)),
    ],
)
def test_seeds_are_whole_numbers_of_whatever_kind(given: object, seeds: tuple[int, ...]) -> None:
    found = fe.Claim("x", MORE, seeds=given).planned("any")
    assert found == seeds
    assert {type(seed) for seed in found} == {int}


@pytest.mark.parametrize(
    "given",
    [
        2**63,
        [2**63],
        [10**5000],
        [-1],
        [1.0],
        [True],
        [np.True_],
        np.array([1.5]),
        "3",
        b"3",
        0,
        10**12,
        itertools.count(),
    ],
)
def test_what_is_no_seed_is_refused_in_a_short_line(given: object) -> None:
    with pytest.raises(FaevalError, match="seed") as error:
        fe.Claim("x", MORE, seeds=given)
    assert len(str(error.value)) < 2000


def test_numbers_of_numpy_are_taken_and_epochs_beyond_64_bits_are_not() -> None:
    margin = fe.Margin(np.float32(0.5), "r")
    claim = fe.Claim(
        "x",
        fe.exceeds(fe.metric("x", fe.Arm("a"), epoch=np.int64(3)), np.int64(0), by=margin),
        alpha=np.float64(0.1),
    )
    assert json.loads(json.dumps(claim.canonical())) == claim.canonical()
    assert (claim.alpha, margin.value, claim.assertions[0].a.reads()[0].epoch) == (0.1, 0.5, 3)
    for bad in ({"epoch": 2**63}, {"layers": 2**63}, {"layers": [0, np.True_]}, {"epoch": 1.0}):
        with pytest.raises(FaevalError, match=next(iter(bad))):
            fe.metric("x", fe.Arm("a"), **bad)
