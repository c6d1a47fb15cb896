"""How many new seeds would settle an open claim, if the true effect is as these seeds show it."""

from __future__ import annotations

import math
from typing import cast

from faeval import stats
from faeval.claims._pilot import beyond_margin
from faeval.claims._verdict import AssertionResult, Verdict, seeds_needed
from faeval.errors import FaevalError
from faeval.reports.data._shown import shown
from faeval.reports.words import _brief as brief, _glossary as glossary, _reasons as reasons

#: How to go about new seeds, said once for all claims that would need some.
HOW = (
    "Do not add seeds one by one until the verdict changes: register the claim, then run all of"
    " them."
)
_OPEN = ("underpowered", "straddles_margin", "unattainable")


def to_do(verdict: Verdict) -> str:
    """Say what would settle an open claim, or why one is invalid; empty of a decision."""
    if verdict.verdict == "inconclusive":
        return to_settle(verdict)
    if verdict.verdict != "invalid":
        return ""
    why = reasons.reason(verdict)
    is_foreseen = not brief.expected(verdict)
    return glossary.sentence(glossary.CODES.get(verdict.reason_code, why) if is_foreseen else why)


def wants_seeds(verdict: Verdict) -> bool:
    """Whether an open claim is one that more seeds would settle."""
    return verdict.verdict == "inconclusive" and verdict.reason_code in _OPEN


def to_settle(verdict: Verdict) -> str:
    """Say how many new seeds would settle an open claim, by its plan or by what was seen."""
    if not wants_seeds(verdict) or seeds_needed(verdict.assertions) is not None:
        return glossary.sentence(reasons.to_settle(verdict))
    needed = [needed_for(a, verdict) for a in verdict.assertions]
    numbers = [n for n in needed if n is not None]
    if verdict.counts or not numbers or len(numbers) < len(needed):
        return "More seeds, new ones; these do not tell how many."
    most = max(numbers)
    if most <= verdict.n:
        return f"New seeds, more than these {verdict.n}."
    if len(needed) > 1:
        return f"About {most} new seeds, if the true effects are as here."
    a = verdict.assertions[0]
    refutes = beyond_margin(a.kind, a.margin, stats.region_of(a.kind).sign * a.estimate) < 0
    way = "would refute it" if refutes else "would support it"
    return f"About {most} new seeds {way}, if the true effect is {_as_seen(a)}, as here."


def _as_seen(a: AssertionResult) -> str:
    unit = shown(a).unit
    return brief.signed(a) + (f" {unit}" if unit not in ("", "1") else "")


def needed_for(a: AssertionResult, verdict: Verdict) -> int | None:
    """Return the seeds that give 80 % power at the effect and the spread of these seeds.

    The claim is counted alone in its family. None where that cannot be told: no spread, an effect
    at the margin itself, more seeds than are looked through, or a test without such a forecast.
    """
    rule = stats.RULES.get(verdict.test)
    if rule is None or rule.about not in ("mean", "median") or not (rule.needs_sd and rule.decides):
        return None
    sd = a.sd
    if not (math.isfinite(a.estimate) and math.isfinite(sd) and sd > 0 and verdict.n > 1):
        return None
    region = stats.region_of(a.kind)
    try:
        outlook = stats.outlook(
            a.kind,
            a.margin,
            verdict.n,
            sd=sd,
            sd_n=verdict.n,
            anticipated=region.sign * a.estimate,
            alpha=verdict.alpha,
            k=len(verdict.assertions),
            test=cast("stats.TestName", rule.name),
        )
    except FaevalError:  # what is no plan, such as a number of seeds that a test cannot take
        return None
    return outlook.seeds_needed[0] if outlook.seeds_needed else None
