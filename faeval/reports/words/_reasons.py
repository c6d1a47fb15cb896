"""Why a verdict is what it is, what would settle it, and what to be careful about, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from faeval.claims._pilot import beyond_margin
from faeval.claims._verdict import AssertionResult, Caution, Verdict, seeds_needed
from faeval.reports.data._outcomes import Part, parts, standing
from faeval.reports.words._counts import count_text, counted
from faeval.reports.words._glossary import CODES, TESTS, Phrase, plain, sentence
from faeval.reports.words._sentences import (
    assertion_text,
    effect_text,
    is_opposite,
    result,
    seeds_text,
)
from faeval.stats import LEAST_POWER, nominal_level, region_of


def reason(verdict: Verdict) -> str:
    """Say why a verdict is what it is: what was found in its way, else what its numbers say."""
    if verdict.detail:
        return verdict.detail
    if verdict.verdict == "supported" and verdict.assertions:
        return f"over {_seeds(verdict)} {'; and '.join(_asserted(verdict))}."
    if verdict.verdict == "refuted" and verdict.assertions:
        return f"over {_seeds(verdict)} {'; and '.join(_contradicted(verdict))}."
    if verdict.reason_code == "plan_not_reached" and verdict.looks:
        return _between_looks(verdict)
    if verdict.reason_code == "unattainable":
        return _unattainable(verdict)
    if verdict.reason_code in ("underpowered", "straddles_margin") and verdict.assertions:
        return f"over {_seeds(verdict)} {_undecided(verdict)}."
    return CODES.get(verdict.reason_code, "")


def _seeds(verdict: Verdict) -> str:
    return f"{verdict.n} seeds" if verdict.n == 1 else seeds_text(verdict)


def _asserted(verdict: Verdict) -> Iterator[str]:
    for part in parts(verdict):
        if part.count is not None:
            yield count_text(part.count)
        else:
            yield assertion_text(verdict.assertions[part.places[0]])


def _between_looks(verdict: Verdict) -> str:
    number, looks = sum(look <= verdict.n for look in verdict.looks), verdict.looks
    if not number:
        return f"the first look is at {looks[0]} seeds, and fewer are there."
    later = f"; the next is at {looks[number]} seeds" if number < len(looks) else ""
    return f"inconclusive at look {number} of {len(looks)}{later}."


def _contradicted(verdict: Verdict) -> Iterator[str]:
    every, level = parts(verdict), verdict.level_refute or 0.0
    against = [part for part in every if part.p(verdict)[1] * len(every) <= level]
    for part in against or every:
        if part.count is not None:
            yield f"'{count_text(part.count)}' does not hold"
            continue
        a = verdict.assertions[part.places[0]]
        opposite = region_of(a.kind).claims_effect and is_opposite(a)
        sign = ", and the difference has the opposite sign" if opposite else ""
        yield f"'{assertion_text(a)}' does not hold{sign}"


def _unattainable(verdict: Verdict) -> str:
    if verdict.n < 2 or verdict.attainable_p is None:
        return (
            "one seed shows no spread, so no error rate can be held; run at least 2, better 5."
            if verdict.n == 1
            else CODES["unattainable"]
        )
    level = verdict.alpha / verdict.family_size
    level = nominal_level(level, verdict.looks) if verdict.looks else level
    return (
        f"at n = {verdict.n} the smallest p that the {TESTS.get(verdict.test, verdict.test)} test"
        f" can give is {verdict.attainable_p:.3g}, above {level:.3g}."
    )


def _undecided(verdict: Verdict) -> str:
    tells = (
        "is too wide to tell" if verdict.reason_code == "underpowered" else "contains the margin"
    )
    level = verdict.level_support or 0.0
    count = next((p for p in parts(verdict) if p.count and p.p(verdict)[0] > level), None)
    if count is not None and count.count is not None:
        return (
            f"it stays open whether {count_text(count.count)}: too few intervals clear the margin"
        )
    a = _open(verdict)[0]
    low, high = a.interval
    least, most = region_of(a.kind).bounds(a.margin)
    if region_of(a.kind).two_sided and (low > most or high < least):
        return (
            f"the decision interval of '{assertion_text(a)}' lies outside its margins, but the"
            " wider refuting interval does not"
        )
    return f"the interval of '{assertion_text(a)}' {tells}"


def _open(verdict: Verdict) -> list[AssertionResult]:
    """Return the assertions that are not shown; the first of all where each is."""
    level = verdict.level_support or 0.0
    return [a for a in verdict.assertions if a.p_support > level] or [verdict.assertions[0]]


def to_settle(verdict: Verdict) -> str:
    """Say what would decide an inconclusive claim; empty for any other."""
    if verdict.verdict != "inconclusive":
        return ""
    if verdict.reason_code not in ("underpowered", "straddles_margin", "unattainable"):
        return reason(verdict)
    registered = verdict.registered_sha256 is not None and verdict.n
    plan = f"inconclusive at {verdict.n} seeds; " if registered else ""
    return f"{plan}{to_register(verdict)}"


def undecided(verdict: Verdict) -> str:
    """Say that an inconclusive claim is so at all its planned seeds, and what would settle it."""
    if verdict.reason_code not in ("underpowered", "straddles_margin", "unattainable"):
        return reason(verdict)
    at = "planned " if set(verdict.planned) <= set(verdict.seeds) else ""
    return f"inconclusive at its {at}{verdict.n} seeds; {to_register(verdict)}"


def to_register(verdict: Verdict) -> str:
    """Say which new registration would decide a claim that its numbers leave open."""
    needed = seeds_needed(verdict.assertions)
    if needed is None:
        return (
            "register a new claim with more, unused seeds. Set anticipated= and run a pilot to"
            " learn how many."
        )
    if needed > verdict.n:
        return (
            f"a new registration would need about {needed} unused seeds, alone in its"
            f" family{_if_so(verdict)}."
        )
    # So many would do, alone, for the effect it was made for: the true one seems to lie nearer
    # the margin, or beyond it.
    beyond = any(
        beyond_margin(a.kind, a.margin, _counted(a, a.estimate)) < 0 for a in _open(verdict)
    )
    where = (
        "on the side that refutes, near its margin" if beyond else "nearer its margin than expected"
    )
    return (
        f"at the expected effect about {needed} unused seeds would do, alone in a family; these"
        f" seeds put it {where}, where more are needed."
    )


def _if_so(verdict: Verdict) -> str:
    """Say which effect the seeds needed are counted for.

    It also says where these seeds speak for an effect that would need more.
    """
    expected = [(a, a.anticipated) for a in _open(verdict) if a.anticipated is not None]
    if not expected:
        return ""
    sizes = " and ".join(effect_text(a, effect) for a, effect in expected)
    text = f", if the effect is {sizes} as expected"
    for a, effect in expected:
        estimate = _counted(a, a.estimate)
        low, high = sorted(_counted(a, bound) for bound in a.ordinary)
        beyond = beyond_margin(a.kind, a.margin, estimate)
        if not low <= effect <= high and beyond < beyond_margin(a.kind, a.margin, effect):
            where = (
                "nearer its margin, where more are needed"
                if beyond > 0
                else "on the side that refutes"
            )
            size = effect_text(a, float(f"{estimate:.2g}"))
            return f"{text}; these seeds put it at {size}, {where}"
    return text


def _counted(assertion: AssertionResult, difference: float) -> float:
    """Return a difference a - b as effects are counted: of below and not_below b - a."""
    return region_of(assertion.kind).sign * difference


#: Why a claim that names no factor is attributed to one.
INFERRED = "inferred: the claim names no factor, and its sides differ in this one alone"


def attributed(verdict: Verdict) -> str:
    """Say which factor was inferred; empty where the claim names its factors, or there is none."""
    factor = verdict.inferred_factor
    return "" if factor is None else f"attributed to {factor} ({INFERRED})"


def caution(item: Caution, verdict: Verdict) -> str:
    """Say one more thing to be careful about."""
    about = ""
    if item.assertion is not None and item.assertion < len(verdict.assertions):
        about = f"'{assertion_text(verdict.assertions[item.assertion])}': "
    if item.code == "low_power":
        return f"{about}power at the expected effect was {item.value or 0:.2f}, below {LEAST_POWER}"
    if item.code == "low_power_together":
        least = math.floor(100 * (item.value or 0)) / 100  # never rounded up
        return (
            f"power of all {len(verdict.assertions)} assertions together was at least"
            f" {least:.2f}, below {LEAST_POWER}"
        )
    if item.code == "anticipated_refutes":
        return f"{about}{_refuting(item, verdict)}"
    if item.code == "unknown_registration":
        return f"some of its runs name a registration, {item.detail[:12]}, that this lock lacks"
    if item.code == "decided_early":
        return (
            f"decided early, at {verdict.n} of {verdict.looks[-1]} seeds: the estimate is biased"
            " away from the margin"
        )
    if item.code == "code_changed":
        return (
            "its numbers were made by other code than was registered, of which"
            f" {item.value or 0:.0f} forms are known"
        )
    if item.code == "same_numbers":
        return (
            "decided on the numbers that the claim was made from: they cannot confirm it; run fresh"
            " seeds"
        )
    return item.detail


def _refuting(item: Caution, verdict: Verdict) -> str:
    text = "the expected effect"
    if item.assertion is None or item.assertion >= len(verdict.assertions):
        return f"{text} would refute the claim, which is expected to be supported"
    a = verdict.assertions[item.assertion]
    size = "" if a.anticipated is None else f", {_effect(a, a.anticipated)},"
    example = (
        "3 says that the first side is 1/3 of the second"
        if a.ratio
        else "0.5 says that the first side lies 0.5 below the second"
    )
    downwards = (
        f"; for below and not_below an effect is counted downwards: {example}"
        if region_of(a.kind).sign < 0
        else ""
    )
    return (
        f"{text}{size} lies beyond its margin on the side that refutes, though the claim is"
        f" expected to be supported{downwards}"
    )


def _effect(a: AssertionResult, effect: float) -> str:
    return f"{effect:.10g}" if a.ratio is None else effect_text(a, effect)


def headline(verdict: Verdict) -> tuple[Phrase, ...]:
    """Say a verdict in sentences: what was found of each assertion, or why nothing was."""
    why = sentence(reason(verdict))
    if not verdict.assertions:
        return (plain(why or CODES.get(verdict.reason_code, "Nothing was estimated.")),)
    over = seeds_text(verdict)
    sentences = tuple(
        counted(part.count, len(verdict.counts), over, is_all_supported(part, verdict))
        if part.count is not None
        else result(verdict.assertions[part.places[0]], verdict.n, verdict.test)
        for part in parts(verdict)
    )
    if verdict.verdict == "invalid":
        return (plain(f"These numbers carry no verdict. {why}"), *sentences)
    return sentences


def is_all_supported(part: Part, verdict: Verdict) -> bool:
    """Whether each member of a count is supported where the count is not: p is not adjusted."""
    level = verdict.level_support
    if part.count is None or level is None or part.count.p_support <= level:
        return False
    return all(
        places and all(verdict.assertions[i].p_support <= level for i in places)
        for places in part.count.members
    )


def pride(verdict: Verdict) -> str:
    """Say what a refutation is worth where it was foreseen; empty elsewhere."""
    how = standing(verdict)
    if verdict.verdict != "refuted" or how not in ("as registered", "as expected"):
        return ""
    return f"Refuted, {how}: a result."
