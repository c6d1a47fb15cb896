"""A count of assertions, in words and places."""

from __future__ import annotations

from faeval.claims._verdict import Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.views._types import CountView, Table, facts
from faeval.reports.words import _counts as counts, _reasons as reasons, _sentences as words
from faeval.reports.words._numbers import probability

_WORST = ("contradicted", "open", "met")


def count_view(part: outcomes.Part, verdict: Verdict) -> CountView:
    """Put a count of a verdict into words and places."""
    count = part.count
    assert count is not None
    of = len(count.members)
    together = reasons.is_all_supported(part, verdict)
    return CountView(
        text=counts.count_text(count),
        value=counts.found_text(count),
        claimed=counts.least_text(count),
        members=_members(part, verdict),
        facts=facts(
            (
                "Beyond the margin",
                f"{count.beyond} of {of} estimates; more or fewer may truly hold",
                "count",
            ),
            ("Shown to hold", f"at least {count.holding} of {of}, at the claim's level", "count"),
            (
                "p of the count",
                f"{probability(count.p_support)} for it, {probability(count.p_refute)} against it",
                "p",
            ),
            ("All of them", together and counts.all_text(count).strip(), "count"),
        ),
    )


def _members(part: outcomes.Part, verdict: Verdict) -> Table:
    """One row a member: what came of it at its levels within the count, and its own p-values."""
    assert part.count is not None
    rows = []
    levels = outcomes.member_levels(part, verdict)
    for places in part.count.members:
        if not places:
            rows.append(("nothing was measured", "none", "none", "1", "1"))
            continue
        own = [verdict.assertions[i] for i in places]
        word = min((outcomes.outcome(a) for a in own), key=_WORST.index)
        against = min(1.0, len(own) * min(a.p_refute for a in own))
        support, refute = levels[places[0]]
        rows.append(
            (
                "; ".join(
                    f"{i + 1}. {words.assertion_text(verdict.assertions[i])}" for i in places
                ),
                word,
                "; ".join(map(words.value_text, own)),
                probability(max(a.p_support for a in own), support),
                probability(against, refute and refute * len(own)),
            )
        )
    head = ("Member", "Result", "Estimate", "p for it", "p against it")
    return Table("Every member at its level within the count", head, tuple(rows))
