"""What words, codes and flags mean, and pieces of sentences. Prose only: no numbers, no layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from faeval.reports.words._terms import GLOSSARY, SPECIAL
from faeval.stats import RULES

#: A sign beside each verdict's word, so that colour is never the only difference.
GLYPHS: Mapping[str, str] = {"supported": "●", "refuted": "◆", "inconclusive": "○", "invalid": "✕"}

#: What each reason code says of any claim; the verdict's own reason says it of this one.
CODES: Mapping[str, str] = {
    "decided": "The interval lies on one side of the margin.",
    "underpowered": "The interval is too wide for this many seeds to tell.",
    "straddles_margin": (
        "The interval contains the margin, or of an equivalence the refuting interval does: either"
        " side of it remains possible."
    ),
    "unattainable": "No result on this many seeds could have decided it within its family.",
    "not_run": "There is no evidence for it yet.",
    "evidence_missing": "Some of the numbers it reads are missing.",
    "plan_not_reached": (
        "Fewer seeds have run than were planned, and nothing is decided before the plan is"
        " complete."
    ),
    "gate_undecided": "A claim that it depends on is still open.",
    "no_spread": "The difference is the same at every seed, so there is no spread to judge by.",
    "censored": (
        "Runs that never crossed their threshold are known only to take longer than they lasted,"
        " and the verdict would need to know more."
    ),
    "confounded": "The two sides differ in more than what the effect is attributed to.",
    "unit_mismatch": "The replicates offered are not seeds, or a number stands twice.",
    "seed_controls_nothing": "Different seeds gave the same weights.",
    "same_run": "Its arms gave the same weights at every seed: they are one run under two names.",
    "below_floor": (
        "The instrument cannot read its own positive control where these numbers were taken."
    ),
    "undefined": "A number that it reads is undefined.",
    "diverged": "A run diverged, and the claim does not say what that counts for.",
    "out_of_range": "A number lies outside the range that its metric can take.",
    "exact_by_construction": "A state enters whose credit equals the gradient by construction.",
    "metric_nonconforming": "The metric fails the properties that metrics of its kind must have.",
    "gate_failed": "A claim that it depends on did not hold.",
    "control_failed": "A control did not come out as it must.",
    "spec_changed": "The claim is no longer the one that was registered.",
    "evidence_tampered": "The evidence does not match its checksum.",
    "error": "Deciding it failed.",
}

#: What each flag asks the reader to keep in mind.
FLAGS: Mapping[str, str] = {
    "fragile": "leaving out one seed, or another valid test, would change the verdict",
    "coarse": "the seeds differ by less than two of the smallest steps that the metric can take",
    "evaluation_set": (
        "the margin lies within two standard errors over evaluation items: other items might say"
        " otherwise"
    ),
    "selected_on_evidence": (
        "the best of several arms was chosen on the very seeds that decide, which makes it look"
        " better than it is: choose on another metric, by chosen_by= (one of validation, say)"
    ),
    "same_numbers": (
        "the claim was made from the very numbers that decide it, so it could not have failed"
    ),
    "unlike_epochs": "the runs of one arm are read at different epochs",
    "unregistered": (
        "the claim was not registered before its evidence, so it could have been fitted to it"
    ),
    "reproduction": (
        "it was decided on seeds whose results were known before: it repeats, and confirms nothing"
        " anew"
    ),
    "exploratory": "it was decided on seeds outside its plan",
    "chosen_seeds": (
        "its list of seeds was picked by hand: it is neither drawn nor the next numbers in order"
    ),
    "after_evidence": (
        "evidence of it was there before it was registered, so it could have been fitted to it"
    ),
    "amended_after_evidence": (
        "evidence of it was there before it was changed, so it could have been fitted to it"
    ),
    "deviated": "it was carried out otherwise than registered",
    "stale": "code that its numbers depend on has changed since they were measured",
    "code_changed": "its numbers were made by other code than the code that was registered",
    "code_accepted": (
        "some of its runs were made by older code and kept: a person said that no number changed"
    ),
    "replication_differs": "an earlier report of the same claim came out otherwise",
}

#: How a verdict stands to its registration, in a few words, where no flag says so.
REGISTRATION: Mapping[str, str] = {
    "registered": "registered in advance",
    "amended": "amended in advance",
    "undated": "registered, undated",
    "changed": "changed since its registration",
}

#: How many of a report's claims stood how to their evidence, said in its summary.
REGISTERED: Mapping[str, str] = {
    "registered": "in advance",
    "amended": "in advance",
    "amended_after_evidence": "amended when evidence was there",
    "after_evidence": "registered when evidence was there",
    "undated": "registered, but undated",
    "changed": "changed since its registration",
    "reproduction": "decided on seeds known before",
    "exploratory": "decided on seeds outside its plan",
    "unregistered": "not registered",
}

#: Tests by name.
TESTS: Mapping[str, str] = {
    "t": "paired t",
    "sign-flip": "exact sign-flip",
    "sign": "sign",
    "welch": "Welch",
    "spread": "Welch (on deviations from the median)",
    "rate": "exact binomial",
    "paired-rates": "exact paired-rates",
    "unpaired-rates": "exact unpaired-rates",
    "identical": "range of the differences",
}

#: What a test assumes of the differences by seed, by the code of its rule: in short, and what else
#: there is to say.
ASSUMPTIONS: Mapping[str, tuple[str, str]] = {
    "near_normal_differences": (
        "the differences by seed are close to normal",
        "against a margin the test is not robust to strong skew",
    ),
    "near_normal_arms": (
        "the values of each arm are close to normal, and no seed gives both arms the same"
        " randomness",
        "against a margin the test is not robust to strong skew",
    ),
    "symmetric_differences": ("the differences by seed are symmetric about their mean", ""),
    "arms_of_one_shape": (
        "the arms differ in scale only: their values have laws of one shape",
        "the typical deviation is the mean absolute deviation from the median, not the standard"
        " deviation; below 7 seeds the test sees little",
    ),
    "seeds_alike": (
        "the outcomes of an arm are drawn alike and independently over seeds; nothing else, as the"
        " test is exact",
        "",
    ),
    "range_of_differences": (
        "no difference lies outside the range of the metric",
        "exact for a value that was fixed beforehand, which 0 is",
    ),
    "median_of_differences": (
        "nothing about the shape of the differences by seed",
        "the claim is about their median",
    ),
}

#: What a verdict generalises over, by ``Verdict.over``.
SCOPES: Mapping[str, str] = {
    "seeds": (
        "retrainings of these arms on these data: the seed is random; architecture, layers,"
        " hyper-parameters, task, training set and evaluation items are fixed"
    ),
}

#: What a design was checked for, by the reason code of failing it.
CHECKS: Mapping[str, str] = {
    "unit_mismatch": "same seeds on both sides",
    "confounded": "not confounded",
    "exact_by_construction": "no state exact by construction",
}


@dataclass(frozen=True)
class Span:
    """A piece of a sentence: plain text, the name of a side, a number, or a link on the page."""

    kind: Literal["text", "name", "number", "link"]
    text: str
    to: str = ""


Phrase = tuple[Span, ...]


def plain(text: str) -> Phrase:
    """Return text as a phrase of one piece."""
    return (Span("text", text),)


def as_text(phrase: Phrase) -> str:
    """Return a phrase without its marks."""
    return "".join(span.text for span in phrase)


def sentence(text: str) -> str:
    """Return text that begins with a capital, but where it begins with the name of a metric."""
    return text if re.match(r"(deep )?\S+( of ['(]|\()", text) else text[:1].upper() + text[1:]


def spaced(code: str) -> str:
    """Return a code as words."""
    return code.replace("_", " ")


def seed_list(seeds: tuple[int, ...]) -> str:
    """Write seeds, runs of three or more neighbours as a range: ``1–5, 42``."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    ranges = [f"{p[0]}–{p[-1]}" if len(p) > 2 else ", ".join(map(str, p)) for p in parts]
    return ", ".join(ranges) or "none"


def terms(used: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Return the glossary, with those of its special terms that are used."""
    keys = {*used}
    return {**GLOSSARY, **{key: term for key, term in SPECIAL.items() if key in keys}}


def assumptions(test: str) -> tuple[str, str]:
    """Say what a test assumes, in short and what else there is; empty where nothing is known."""
    return ASSUMPTIONS[RULES[test].assumption] if test in RULES else ("", "")


def assumption(test: str) -> str:
    """Say all that a test assumes; empty where nothing is known of it."""
    return "; ".join(filter(None, assumptions(test)))


def scope_of(over: str, test: str) -> str:
    """Say what a verdict generalises over."""
    apart = "; the two arms are compared unpaired, as runs that share no randomness"
    is_apart = test in {rule.unpaired for rule in RULES.values()}
    return SCOPES.get(over, over) + (apart if is_apart else "")


def layers_text(layers: tuple[int, ...]) -> str:
    """Say which layers a number is the mean of; empty for a number of the whole network."""
    if not layers:
        return ""
    return f"layer {layers[0]}" if len(layers) == 1 else f"mean of layers {seed_list(layers)}"
