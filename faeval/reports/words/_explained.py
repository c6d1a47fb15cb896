"""Every word that a page, a table or a message uses for itself, with what it means.

The glossary of pages, reason codes, flags and registrations in one index, and words that only a
terminal says. Prose only: no layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from faeval.claims._verdict import REASONS, REGISTRATIONS, WORDS
from faeval.errors import FaevalError
from faeval.reports.words._glossary import ASSUMPTIONS, CODES, FLAGS, TESTS, sentence, spaced
from faeval.reports.words._terms import GLOSSARY, SPECIAL
from faeval.stats import RULES


@dataclass(frozen=True)
class Entry:
    """What a word means, what kind of word it is, and what to do about it where that is known."""

    word: str
    kind: str
    meaning: str
    remedy: str = ""


#: What to do about a reason code.
REMEDIES: Mapping[str, str] = {
    "underpowered": "Register a new claim with more, unused seeds. faeval plan says how many.",
    "straddles_margin": (
        "Register a new claim with more, unused seeds. Where the effect truly lies at the margin,"
        " no number of seeds will settle it."
    ),
    "unattainable": "Plan more seeds, or put fewer claims into the family.",
    "not_run": "Run faeval verify without --offline, or name the evidence with --evidence.",
    "evidence_missing": (
        "Run what is missing, or give the missing rows. The message names arm and seed."
    ),
    "plan_not_reached": "Run the seeds that are left. Do not change the plan after looking.",
    "gate_undecided": "Settle the claim that it requires first.",
    "no_spread": (
        "See whether the seed is used at all. A claim on exact values needs no test over seeds."
    ),
    "censored": "Train longer, or claim a threshold that all runs reach.",
    "confounded": (
        "Compare two arms that differ in one factor alone, or name all that differ in"
        " attributed_to."
    ),
    "unit_mismatch": "Give one row for each arm and seed: layers and test items are no replicates.",
    "seed_controls_nothing": "Let the run use its seed for all that is random.",
    "same_run": "See whether the factor that should differ reaches the run.",
    "below_floor": "Read the numbers where the instrument can read its own control.",
    "undefined": "Claim something that is defined in every run, or leave out where it is not.",
    "diverged": 'Say diverged="worst" in the claim: a run that diverged then counts as the worst.',
    "out_of_range": "Correct the number, or the range that the metric declares.",
    "exact_by_construction": "Leave out the states that are exact, with exact=False.",
    "metric_nonconforming": "Run faeval check-metric on it.",
    "gate_failed": "See the claim that it requires.",
    "control_failed": "See what the control reads: the measurement is not to be trusted there.",
    "spec_changed": "Restore the claim, or amend it: faeval lock --amend ID --because REASON.",
    "evidence_tampered": "Restore the evidence, or make it again.",
    "error": "See the message, and run again with --debug.",
}
#: Words that a terminal says and no page's glossary has: term and meaning. A term may have several
#: names, with commas between them.
MORE: Mapping[str, tuple[str, str]] = {
    "claim": (
        "Claim",
        "A sentence, with what must be true for it: which arms differ, in what, by how much.",
    ),
    "verdict": (
        "Verdict",
        "What was decided of a claim: supported, refuted, inconclusive or invalid.",
    ),
    "arm": (
        "Arm",
        "One of the things that are compared, such as a method with its settings.",
    ),
    "effect": (
        "Effect",
        (
            "The difference between the two sides, the first less the second, as a mean over seeds."
            " Of a ratio it is the first over the second."
        ),
    ),
    "lock": (
        "Lock, preregistration",
        (
            "The file claims.lock. It holds each claim as it was registered, with margin, seeds and"
            " family, before its runs. faeval lock writes it."
        ),
    ),
    "pilot": (
        "Pilot",
        (
            "A few runs, in a campaign on seeds 1000 to 1005, or results that exist. They show how"
            " much seeds differ, so that the number of seeds can be planned. They never confirm a"
            " claim."
        ),
    ),
    "alpha": (
        "Alpha",
        (
            "The error rate of a family, .05 by default: the chance of even one wrong support, and"
            " that of one wrong refutation."
        ),
    ),
    "holm": (
        "Holm, multiple comparisons",
        (
            "Holm's rule allows for several claims that are judged together. The smallest p must be"
            " at most alpha divided by the number of claims, the next one alpha divided by one"
            " less, and so on. More claims in a family make each of them harder to decide."
        ),
    ),
    "drift": (
        "Drift, changed verdict",
        "A decided verdict that differs from the one that was predicted. faeval verify exits 1.",
    ),
    "predicted": (
        "Predicted, expected, as registered, as expected",
        (
            "The verdict that the authors wrote down with the claim (expect=). A refuted claim that"
            " was predicted to be refuted is as predicted."
        ),
    ),
    "paired": (
        "Paired, unpaired",
        (
            "Paired: both arms have run at the same seeds, and are compared seed by seed. Unpaired:"
            " the seeds of the two arms have nothing to do with each other (Welch's test)."
        ),
    ),
    "interval": (
        "Interval, 90 % interval, confidence interval",
        (
            "The range of effects that the data allow. Each bound has a chance of 5 % to lie on the"
            " wrong side of the true effect, less where several claims are judged together. It"
            " lies beyond the margin exactly where the claim is supported."
        ),
    ),
    "drawn": (
        "Drawn, drawn seeds",
        (
            'seeds="drawn:5" plans five seeds that nobody picks: faeval lock computes them from'
            " the registration itself."
        ),
    ),
    "sd": (
        "s.d., standard deviation",
        "How far the differences lie apart over seeds, as the standard deviation.",
    ),
    "setting": (
        "Setting, experiment",
        "What the runs are of: data, and all that the arms share. Evidence has it in a column.",
    ),
    "rule": (
        "Rule, decision rule",
        "How a claim is decided: the test over seeds, and the levels that its p is compared with.",
    ),
    "evidence": (
        "Evidence, results",
        "A table with one number a row: setting, arm, seed, epoch, layer, metric, value, status.",
    ),
    "e-value": (
        "E-value",
        (
            "How many times better the seeds so far fit some effect than the edge of the margin. By"
            " chance alone it goes beyond 20 at most once in twenty."
        ),
    ),
    "equivalence": (
        "Equivalence, equivalent",
        (
            "A claim that two sides differ by less than the margin, either way. That a difference"
            " was not found does not show it: the whole interval must lie within the margins."
        ),
    ),
    "attributed_to": (
        "Attributed to",
        "The factor that the claim gives as the cause. The two sides may differ in nothing else.",
    ),
    "gate": (
        "Gate, requires",
        "A claim that must be supported before another one is decided.",
    ),
    "replicate": (
        "Replicate",
        (
            "What is repeated with all that is random drawn anew: a seed. Layers, epochs and test"
            " items of one run are no replicates."
        ),
    ),
    "to_settle": (
        "To settle",
        (
            "What an inconclusive claim would need. A number of seeds stands there for 80 % power:"
            " four such studies in five would decide, if the true effect is what these seeds show,"
            " which is often too high."
        ),
    ),
}
_KINDS = (
    *("verdict", "reason for inconclusive", "reason for invalid", "flag", "registration"),
    *("test", "word"),
)


def kinds() -> tuple[str, ...]:
    """Return the kinds of words, in the order in which they are listed."""
    return _KINDS


@cache
def entries() -> tuple[Entry, ...]:
    """Return every word that can be explained."""
    return tuple(_entries())


def _entries() -> Iterator[Entry]:
    of_verdict = {code: word for word, codes in REASONS.items() for code in codes}
    for key, (term, meaning) in {**GLOSSARY, **SPECIAL, **MORE}.items():
        yield Entry(term, "verdict" if key in WORDS else "word", meaning)
    for code, text in CODES.items():
        if code != "decided":
            yield Entry(
                spaced(code), f"reason for {of_verdict[code]}", text, REMEDIES.get(code, "")
            )
    for flag, text in FLAGS.items():
        yield Entry(spaced(flag), "flag", sentence(f"{text}."))
    for code, text in REGISTRATIONS.items():
        if code not in FLAGS:
            yield Entry(spaced(code), "registration", sentence(f"{text}."))
    for name, test in TESTS.items():
        if name in RULES:
            assumed = "; ".join(filter(None, ASSUMPTIONS[RULES[name].assumption]))
            yield Entry(f"{test} test", "test", f"It assumes: {assumed}.")


@cache
def _index() -> Mapping[str, tuple[Entry, ...]]:
    """Return entries by each name that they are found under."""
    senses: dict[str, dict[Entry, None]] = {}
    keys: dict[str, list[str]] = {}
    for key, (term, _) in {**GLOSSARY, **SPECIAL, **MORE}.items():
        keys.setdefault(term, []).append(key)
    tests = {f"{test} test": name for name, test in TESTS.items()}
    for entry in entries():
        names = [*entry.word.split(","), entry.word, *keys.get(entry.word, ())]
        names += [tests.get(entry.word, ""), entry.word.removesuffix(" test")]
        for name in filter(None, map(_plain, names)):
            senses.setdefault(name, {})[entry] = None
    return {name: tuple(of) for name, of in senses.items()}


def _plain(word: str) -> str:
    """Return a word as it is looked up: without case, and with blanks for other marks."""
    return " ".join(re.findall(r"\w+", word.replace("_", " ").casefold()))


def explained(word: str) -> tuple[Entry, ...]:
    """Return what a word means, in all senses that it has.

    Parameters
    ----------
    word
        In any case, with blanks, underscores or hyphens; ``invalid:confounded`` is looked up by
        its reason.

    Raises
    ------
    FaevalError
        There is no such word; the nearest ones are named.

    Examples
    --------
    >>> [entry.kind for entry in explained("Fragile")]
    ['word', 'flag']
    """
    index, name = _index(), _plain(word)
    last = _plain(word.rpartition(":")[2])
    senses = index.get(name) or index.get(last) or index.get(last.removesuffix("s"))
    if senses:
        return senses
    near = get_close_matches(name, index, 3, 0.6) or sorted(k for k in index if last and last in k)
    hint = f" Did you mean {' or '.join(near[:3])}?" if near else ""
    raise FaevalError(f"explain: no word {word!r} is known.{hint} faeval explain lists all words.")
