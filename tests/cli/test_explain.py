"""faeval explain: every word that is printed can be asked for, however it is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from faeval.claims import REASONS, WORDS
from faeval.claims._verdict import REGISTRATIONS
from faeval.errors import FaevalError
from faeval.reports.words import _explained as words, glossary
from faeval.reports.words._terms import GLOSSARY, SPECIAL

Faeval = Callable[..., Any]
PRINTED = sorted(
    {
        *(code for codes in REASONS.values() for code in codes if code != "decided"),
        *WORDS,
        *REGISTRATIONS,
        *glossary.FLAGS,
        *GLOSSARY,
        *SPECIAL,
        *("Holm", "margin", "effect", "Verdict", "claim", "n", "to settle", "pilot", "drift"),
        *("arm", "seed", "seeds", "lock", "power", "as registered", "alpha", "invalid:confounded"),
    }
)


@pytest.mark.parametrize("word", PRINTED)
def test_each_word_that_is_printed_is_explained(word):
    for spelt in (word, word.upper(), word.replace("_", " "), word.replace("_", "-")):
        found = words.explained(spelt)
        assert found
        assert all(entry.meaning.endswith(".") for entry in found)


def test_each_reason_code_comes_with_what_to_do():
    codes = {code for codes in REASONS.values() for code in codes} - {"decided"}
    assert set(words.REMEDIES) == codes
    assert all(entry.kind in words.kinds() for entry in words.entries())


def refusal(text: str) -> FaevalError | None:
    try:
        words.explained(text)
    except FaevalError as error:
        return error
    return None


@given(st.text(max_size=80))
def test_any_other_word_is_one_clear_line(text):
    error = refusal(text)
    assert error is None or (error.exit_code == 2 and "\n" not in str(error))


def test_the_command_explains_offers_what_is_near_and_lists(faeval: Faeval) -> None:
    done = faeval("explain", "after", "evidence", COLUMNS="40")
    assert done.returncode == 0
    assert "after evidence (flag)" in done.stdout
    near = faeval("explain", "undrpowered")
    assert near.returncode == 2
    assert "underpowered" in near.stderr
    assert len(near.stderr.splitlines()) == 1
    listed = faeval("explain")
    assert all(entry.word in " ".join(listed.stdout.split()) for entry in words.entries())
    assert max(map(len, listed.stdout.splitlines())) <= 80


def test_as_json_it_has_every_sense_of_a_word(faeval: Faeval) -> None:
    content = json.loads(faeval("explain", "fragile", "--json").stdout)
    assert {entry["kind"] for entry in content["entries"]} == {"word", "flag"}
    assert len(json.loads(faeval("explain", "--json").stdout)["entries"]) == len(words.entries())
    refused = faeval("explain", "zzzz", "--json")
    assert refused.returncode == json.loads(refused.stdout)["exit_code"] == 2
