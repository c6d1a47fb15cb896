"""What words, codes and flags mean, and pieces of sentences. Prose only: no numbers, no layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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

#: The glossary: key, term, meaning. Facts of the page point here by key.
GLOSSARY: Mapping[str, tuple[str, str]] = {
    "seed": (
        "Seed, n",
        (
            "A seed fixes all that is random in a run. Both sides of a contrast are run at the same"
            " seeds and compared seed by seed; n is how many seeds the verdict rests on. Layers and"
            " evaluation items are averaged first: they are not replicates."
        ),
    ),
    "estimate": (
        "Estimate",
        (
            "The mean over seeds of the difference between the two sides, in the metric's own unit;"
            " the median for a claim decided by the sign test, which is about the median."
        ),
    ),
    "margin": (
        "Margin",
        (
            "The smallest difference that would matter, fixed with its reason before the data. A"
            " difference that is real but smaller than its margin does not support a claim."
        ),
    ),
    "claimed": (
        "Claimed side",
        (
            "Where the difference must lie for the claim to hold: beyond the margin, or for an"
            " equivalence between two margins."
        ),
    ),
    "interval": (
        "Decision interval",
        (
            "The interval beside each estimate. It lies wholly on the claimed side of the margin"
            " exactly where the data support what is claimed, and wholly on the other exactly where"
            " they refute it; but an equivalence is refuted only where its wider, refuting interval"
            " lies outside the margins. Each bound is taken at the level that the claim met within"
            " its family, so the two ends may have different levels. Each bound holds alone, at its"
            " own level: with that chance at most it lies beyond the true difference. The two do"
            " not hold together at either level, nor with the bounds of other claims."
        ),
    ),
    "ordinary": (
        "Ordinary 90 % interval",
        (
            "The usual t interval for this contrast alone, with no allowance for the other claims."
            " For comparison with other work; it decides nothing here."
        ),
    ),
    "refuting": (
        "Refuting interval",
        (
            "The wider, second interval of an equivalence. The two sides are called different only"
            " where all of it lies outside the margins."
        ),
    ),
    "supported": (
        "Supported",
        (
            "The decision interval lies wholly on the claimed side of the margin; of a claim of"
            " several assertions each one does."
        ),
    ),
    "refuted": (
        "Refuted",
        (
            "The decision interval, of an equivalence the refuting interval, lies wholly on the"
            " other side: what was claimed, at the size that matters, is not so. Of a claim of"
            " several assertions it takes one that is refuted. This is a result, as good as any"
            " other."
        ),
    ),
    "inconclusive": (
        "Inconclusive",
        (
            "The data do not tell. It is no evidence for either side, nor for the absence of an"
            " effect."
        ),
    ),
    "invalid": (
        "Invalid",
        (
            "The comparison, the instrument or the evidence cannot carry the claim, whatever the"
            " numbers say."
        ),
    ),
    "p": (
        "p for and against",
        (
            "Two one-sided p-values. The one for the claim is small where the data speak against"
            " everything short of the margin; the one against it is small where they speak against"
            " everything beyond it."
        ),
    ),
    "level": (
        "Level",
        (
            "A p-value decides where it is at most its level: alpha, shared out over the family by"
            " Holm's rule."
        ),
    ),
    "family": (
        "Family, Holm",
        (
            "Claims that are judged together. The chance of even one wrong support in a family is"
            " at most alpha, and so is that of one wrong refutation, whatever the dependence"
            " between the claims."
        ),
    ),
    "adjusted": (
        "Adjusted p",
        "The p-value with the family already allowed for: it decides where it is at most alpha.",
    ),
    "attainable": (
        "Smallest attainable p",
        "The smallest p-value that any data on this many seeds could give.",
    ),
    "items": (
        "Error over items",
        (
            "How far the estimate would move with other evaluation items. All seeds share their"
            " items, so more seeds do not shrink it, and the decision interval does not contain it."
        ),
    ),
    "power": (
        "Power",
        (
            "The chance of the verdict that the anticipated effect leads to, if the effect were as"
            " large as was anticipated before the data: to be supported, or for an effect on the"
            " other side of the margin to be refuted. A claim of several assertions needs all of"
            " them: what may fail of each is added up."
        ),
    ),
    "detectable": (
        "Detectable effect",
        (
            "How far beyond the margin the true effect must lie to be found four times in five on"
            " this many seeds."
        ),
    ),
    "needed": (
        "Seeds needed",
        (
            "How many seeds would give the claim 80 % power at the anticipated effect, registered"
            " anew and alone in its family; once at the pilot's spread, and once at the upper 80 %"
            " bound of that spread, since a pilot may have been lucky. Of several assertions each"
            " takes more, so that all of them together have 80 %."
        ),
    ),
    "unseen": (
        "Unseen failures",
        (
            "The highest rate at which runs might fail (with 95 % confidence, for each side), given"
            " what these seeds showed. A few good seeds leave room for a great deal."
        ),
    ),
    "without": (
        "Without each seed",
        (
            "The verdict again, leaving out one seed at a time. It never changes the verdict; it"
            " shows what hangs on one run."
        ),
    ),
    "beside": (
        "Other tests",
        (
            "The verdict by exact tests that assume symmetry in place of near-normality, where so"
            " few seeds let them decide at all. They never change the verdict."
        ),
    ),
    "measured": (
        "Measured error",
        (
            "How often this very rule errs, on laws where its assumption holds and on laws where it"
            " fails: the share of wrong supports and of wrong refutations in simulations with the"
            " true effect on the margin, one assertion of this kind alone at 5 % in each direction."
            " A law is one of the first side less the second; a mirrored one has the sides"
            " exchanged. Reproduced by faeval calibrate."
        ),
    ),
    "evidence": (
        "Running evidence",
        (
            "An e-value: how many times better the seeds so far fit some effect than the edge of"
            " the margin, and on which side of it they lie. It may be looked at after every seed,"
            " and chance takes it beyond 20 at most once in twenty. Up to 1 it speaks for neither"
            " side. It decides nothing here."
        ),
    ),
    "looks": (
        "Looks",
        (
            "Numbers of seeds, fixed before the first run, at which the claim may be decided early."
            " Each look is a chance to err, and the levels allow for all of them."
        ),
    ),
    "beyond": (
        "Seeds beyond the plan",
        (
            "Seeds that were run without being planned. They never enter the verdict: whoever may"
            " add seeds until the result pleases, errs far more often than alpha."
        ),
    ),
    "control": (
        "Positive control",
        (
            "What an instrument reads where it is given the true gradient itself: 1 is right. Where"
            " it reads less than 0.99, its numbers are not used; but those of an instrument that is"
            " itself under study are kept, for claims about that instrument alone. Other controls"
            " are bounds that a claim declares for its own measurement."
        ),
    ),
    "fragile": (
        "Fragile",
        (
            "Leaving out one seed, or another valid test, would change the verdict. Sound verdicts"
            " on few seeds are often fragile: how often is said beside it."
        ),
    ),
    "assumption": (
        "Assumption",
        (
            "What the test takes for granted of the differences by seed. A few seeds cannot show"
            " whether it holds; measured errors show what it costs where it does not."
        ),
    ),
    "state": (
        "State, layer",
        (
            "A state is what a network holds at one depth, numbered from 0, its input or embedding;"
            " layer l of a metric by layer is what was read at state l. Deep stands for the mean"
            " over all states from 1 on."
        ),
    ),
    "expectation": (
        "Expectation",
        (
            "The word that the authors expect, written down with the claim. A decided verdict that"
            " differs is called drift."
        ),
    ),
    "registration": (
        "Registration",
        (
            "A fingerprint of the claim with its margin, seeds and family, committed before the"
            " seeds that decide were run."
        ),
    ),
    "below_floor": (
        "Below floor",
        (
            "The instrument does not even see the true signal here, so its reading says nothing. It"
            " is not zero."
        ),
    ),
    "undefined": (
        "Undefined",
        "There is no number, such as the direction of a vector of length zero. It is not zero.",
    ),
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


def assumptions(test: str) -> tuple[str, str]:
    """Say what a test assumes, in short and what else there is; empty where nothing is known."""
    return ASSUMPTIONS[RULES[test].assumption] if test in RULES else ("", "")


def assumption(test: str) -> str:
    """Say all that a test assumes; empty where nothing is known of it."""
    return "; ".join(filter(None, assumptions(test)))


def scope_of(over: str, test: str) -> str:
    """Say what a verdict generalises over."""
    rule = RULES.get(test)
    apart = "; the two arms are compared unpaired, as runs that share no randomness"
    return SCOPES.get(over, over) + (apart if rule is not None and not rule.paired else "")


def layers_text(layers: tuple[int, ...]) -> str:
    """Say which layers a number is the mean of; empty for a number of the whole network."""
    if not layers:
        return ""
    return f"layer {layers[0]}" if len(layers) == 1 else f"mean of layers {seed_list(layers)}"
