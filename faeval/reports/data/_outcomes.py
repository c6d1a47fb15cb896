"""What verdicts and assertions come to: read off their numbers, said nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from faeval.claims._pilot import beyond_margin
from faeval.claims._verdict import AssertionResult, CountResult, Verdict
from faeval.stats import joint_power, nominal_levels, region_of

Standing = Literal["as registered", "as expected", "drift", "broken", "open", "free"]
Outcome = Literal["met", "contradicted", "open"]

#: Registrations that came after the evidence, or that the seeds are not of.
_LATE = frozenset(
    ("unregistered", "reproduction", "exploratory", "after_evidence", "amended_after_evidence")
)


def is_late(verdict: Verdict) -> bool:
    """Whether a verdict's seeds may have been looked at before the claim was registered."""
    return bool(_LATE & set(verdict.flags))


def standing(verdict: Verdict) -> Standing:
    """How a verdict stands to what was expected of it.

    "broken" is invalid without being expected so, "drift" a decision that differs, "open" undecided
    against expectation, "free" where nothing was expected.
    """
    if verdict.expected is not None and verdict.as_expected:
        registered = verdict.registered_sha256 is not None and not is_late(verdict)
        return "as registered" if registered else "as expected"
    if verdict.verdict == "invalid":
        return "broken"
    differs: Standing = "open" if verdict.verdict == "inconclusive" else "drift"
    return "free" if verdict.expected is None else differs


def claimed(assertion: AssertionResult) -> tuple[float, float]:
    """Return the range of a - b that the assertion claims."""
    return region_of(assertion.kind).bounds(assertion.margin)


def outcome(assertion: AssertionResult) -> Outcome:
    """Read off the intervals what an assertion came to."""
    low, high = claimed(assertion)
    if assertion.interval[0] > low and assertion.interval[1] < high:
        return "met"
    never = (-math.inf, math.inf)
    outer = (
        assertion.refuting or never if region_of(assertion.kind).two_sided else assertion.interval
    )
    return "contradicted" if outer[1] < low or outer[0] > high else "open"


def is_between(assertion: AssertionResult) -> bool:
    """Whether an equivalence is open although its decision interval lies outside the margins.

    Its refuting interval does not lie outside.
    """
    low, high = claimed(assertion)
    apart = assertion.interval[1] < low or assertion.interval[0] > high
    return region_of(assertion.kind).two_sided and apart and outcome(assertion) == "open"


@dataclass(frozen=True)
class Part:
    """One part of a claim, all of which must hold: an assertion, or a count of several.

    ``places`` are those of its assertions among the verdict's.
    """

    places: tuple[int, ...]
    count: CountResult | None = None

    def p(self, verdict: Verdict) -> tuple[float, float]:
        """Return the p-values for it and against it."""
        of = self.count or verdict.assertions[self.places[0]]
        return of.p_support, of.p_refute

    def shares(self, parts: int) -> Iterator[tuple[int, int, int]]:
        """Yield each assertion's place, and by what the levels for and against are divided for it.

        ``parts`` is how many parts the claim has.
        """
        if self.count is None:
            yield self.places[0], 1, parts
            return
        spare = len(self.count.members) - self.count.least + 1
        for member in self.count.members:
            for place in member:
                yield place, spare, parts * self.count.least * len(member)


def parts(verdict: Verdict) -> tuple[Part, ...]:
    """Return the parts of a verdict, all of which must hold: assertions in order, then counts."""
    counts = [Part(sum(c.members, ()), c) for c in verdict.counts]
    inside = {place for part in counts for place in part.places}
    alone = (Part((i,)) for i in range(len(verdict.assertions)) if i not in inside)
    return (*alone, *counts)


def member_levels(part: Part, verdict: Verdict) -> dict[int, tuple[float | None, float | None]]:
    """Return the levels that p for and against of each assertion of a part is compared with."""
    support, refute = levels(verdict)
    return {
        i: (support and support / spare, refute and refute / share)
        for i, spare, share in part.shares(len(parts(verdict)))
    }


def claims_p(verdict: Verdict) -> tuple[float, float]:
    """Return the p-values of a claim: the largest for a part; so many times the smallest against.

    Undefined without assertions.
    """
    pairs = [part.p(verdict) for part in parts(verdict)]
    if not pairs:
        return math.nan, math.nan
    return max(p for p, _ in pairs), min(1.0, len(pairs) * min(q for _, q in pairs))


def levels(verdict: Verdict) -> tuple[float | None, float | None]:
    """Return what p for and against is compared with: with looks what all of them leave to one."""
    support, refute = verdict.level_support, verdict.level_refute
    if support and refute:
        return nominal_levels(support, refute, verdict.looks, len(parts(verdict)))
    return support, refute


def power_together(verdict: Verdict) -> float | None:
    """Return the least power of a claim whose several assertions must all be supported.

    It is None where it is not known.
    """
    if verdict.counts:
        return None
    powers = [a.power for a in verdict.assertions if a.power is not None]
    if len(powers) < 2 or len(powers) < len(verdict.assertions):
        return None
    if any(beyond_margin(a.kind, a.margin, a.anticipated or 0.0) < 0 for a in verdict.assertions):
        return None
    return joint_power(powers)


def has_interval(assertion: AssertionResult) -> bool:
    """Whether an assertion has a decision interval that bounds something."""
    return any(map(math.isfinite, assertion.interval)) and not any(
        map(math.isnan, assertion.interval)
    )
