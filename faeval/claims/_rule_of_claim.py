"""Which rule decides a claim, by what its assertions are about."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from faeval import stats
from faeval.claims._assertion import Assertion, Ratio
from faeval.claims._counts import Count
from faeval.errors import FaevalError


def rule_for(
    test: str, assertions: Sequence[Assertion], where: str, rates: Collection[str] = ()
) -> stats.Rule:
    """Return the rule that decides a claim; raise FaevalError where its assertions take several."""
    rules = {name: a for a in assertions for name in [_rule_of(test, a, where, rates)]}
    if len(rules) > 1:
        names = " and ".join(sorted(rules))
        raise FaevalError(
            f"{where}: its assertions are decided by different rules ({names}); make a claim of"
            " each."
        )
    (name,) = rules
    return stats.rule_of(name)


def _rule_of(test: str, assertion: Assertion, where: str, rates: Collection[str]) -> str:
    name = _rule_of_outcome(assertion, where, rates)
    if name is not None and test != "t":
        raise FaevalError(
            f"{where}: test={test!r} decides means and medians; '{assertion}' is decided by the"
            f" rule {name!r}, so leave test= out."
        )
    rule = stats.rule_of(name or test, deciding=True)
    if assertion.paired or not rule.paired:
        return rule.name
    if rule.unpaired is None:
        raise FaevalError(
            f"{where}: test={test!r} needs sides that the seed pairs, and paired=False says that it"
            " does not; leave test= out."
        )
    return rule.unpaired


def _rule_of_outcome(assertion: Assertion, where: str, rates: Collection[str]) -> str | None:
    """Return the rule of spreads or rates that an assertion takes; None where it is about means."""
    outcomes = {side.outcome(rates) for side in (assertion.a, assertion.b) if side.terms}
    if outcomes == {"mean"}:
        return "spread" if assertion.spreads else None
    is_number = not assertion.b.terms
    if (
        outcomes != {"rate"}
        or not assertion.a.terms
        or isinstance(assertion.margin, Ratio)
        or assertion.region.per_unit
    ):
        raise FaevalError(
            f"{where}: '{assertion}' reads outcomes (0 or 1 in each run); compare one outcome with"
            " another, or with a number as the second side, by fe.Margin: a difference of rates."
        )
    if is_number and not 0 <= assertion.b.constant <= 1:
        raise FaevalError(
            f"{where}: '{assertion}' holds a rate against {assertion.b}; give a number from 0 to 1."
        )
    return "rate" if is_number else "paired-rates"


def barred_looks(
    parts: Sequence[Assertion | Count], asserted: Sequence[Assertion], rule: stats.Rule
) -> str:
    """Return why a claim cannot be looked at early; empty where it can."""
    if not rule.looks:
        return f"the {rule.name} test"
    if len(asserted) > len(parts) or any(isinstance(part, Count) for part in parts):
        return "a count of assertions"
    reads = (reading for a in asserted for reading in a.contrast.reads())
    censored = any(reading.course is not None and not reading.course.is_area for reading in reads)
    return "a time to a threshold (fe.first)" if censored else ""
