"""The glossary of a page: terms and what they mean. Prose only: no numbers, no layout."""

from __future__ import annotations

from collections.abc import Mapping

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

#: More of the glossary, for pages that have it alone: what a fact or a flag there points to.
SPECIAL: Mapping[str, tuple[str, str]] = {
    "ratio": (
        "Ratio",
        (
            "The first side over the second, where the margin is a factor. Of runs: the geometric"
            " mean of the ratios by seed, decided on their logarithms. Of means: the mean of the"
            " one over the mean of the other; its interval is Fieller's, and there is none where"
            " the second mean may be 0. Of spreads: the ratio of the typical deviations."
        ),
    ),
    "ordinary_rule": (
        "Ordinary 90 % interval",
        (
            "The interval of this rule for this contrast alone, 5 % at either end, with no"
            " allowance for the other claims. It decides nothing here."
        ),
    ),
    "spread": (
        "Typical deviation",
        (
            "How far the runs of an arm lie apart over seeds: the mean absolute deviation from"
            " their median."
        ),
    ),
    "rate": (
        "Rate",
        (
            "The share of seeds at which an outcome is 1. It is decided by exact tests, also where"
            " all outcomes are the same."
        ),
    ),
    "freedom": (
        "Degrees of freedom",
        (
            "Of Welch's test, by Satterthwaite: the fewer, the wider the interval. They follow from"
            " the spread of each arm and from how many seeds it has."
        ),
    ),
    "count": (
        "Count",
        (
            "A claim that so many of several assertions hold at least. Which of them hold is not"
            " decided. The number of estimates beyond their margins may be larger or smaller than"
            " the number that truly hold; the number shown to hold is at most that, with the"
            " confidence of the claim. No assumption is made on how the assertions hang together,"
            " so a claim of some may stay open where one of all is supported."
        ),
    ),
    "trend": (
        "Trend",
        (
            "The contrast that correlates best with whatever rising shape it sees worst. Above its"
            " margin the values rise on balance; that each step rises, it does not say."
        ),
    ),
    "first": (
        "First epoch beyond",
        (
            "The first epoch of those measured at which a metric is beyond a threshold. A run that"
            " never gets there is censored: its time is known only to be longer than the run."
            " Censored runs bar the verdict that would need to know more."
        ),
    ),
    "identical": (
        "Identical differences",
        (
            "All seeds differ by the same. A test on means has no spread to judge by; but where a"
            " metric has a declared range, few other seeds could differ from that, and by no more"
            " than the range. The bound is exact for a value that was fixed beforehand, which 0 is;"
            " one that was read off the data needs 8 seeds, and errs a little more often."
        ),
    ),
    "same_numbers": (
        "Same numbers",
        (
            "The claim brings a digest of the numbers that it was made from, and these are among"
            " those that decide it, under whatever seeds. They show what the claim was written to"
            " say. Remedy: register the claim, then run it on fresh seeds."
        ),
    ),
    "selected_on_evidence": (
        "Selected on evidence",
        (
            "The best of several arms, chosen on the seeds that decide, gains by luck: the more"
            " arms, the more. Remedy: choose on another metric, such as one of validation"
            " (chosen_by= of fe.max and fe.min), or claim the difference of one arm that was chosen"
            " beforehand."
        ),
    ),
}
