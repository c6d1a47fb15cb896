"""What a claim of so many of several assertions says, and what was found of it. Prose only."""

from __future__ import annotations

from faeval.claims._verdict import CountResult
from faeval.reports.words._glossary import Phrase, plain


def count_text(count: CountResult) -> str:
    """Say what a count claims: ``at least 9 of 12 hold``."""
    return f"at least {count.least} of {len(count.members)} hold"


def found_text(count: CountResult) -> str:
    """Say in few words what was found: how many lie beyond, and how many are shown to hold."""
    return f"{count.beyond} of {len(count.members)} beyond, {count.holding} shown"


def least_text(count: CountResult) -> str:
    """Write what is claimed of a count: ``at least 9 of 12``."""
    return f"at least {count.least} of {len(count.members)}"


def counted(count: CountResult, counts: int, over: str, is_all: bool) -> Phrase:
    """Say in sentences what was found of a count.

    ``counts`` is how many the claim has, ``over`` how many seeds; ``is_all`` that each member alone
    is supported where the count is not.
    """
    of = len(count.members)
    text = (
        f"Over {over}, {count.beyond} of {of} estimates lie beyond their margins, which may be more"
        f" or fewer than truly do; at the level of this claim at least {count.holding} of {of} are"
        f" shown to hold, and {count.least} are claimed."
    )
    if blank := sum(not places for places in count.members):
        text += f" Of {blank} of them nothing was measured; they count as not shown either way."
    return plain(text + all_text(count) * is_all)


def all_text(count: CountResult) -> str:
    """Say that all members together would be supported where the count is not."""
    return (
        f" All {len(count.members)} together are supported, hence so many as are claimed:"
        " a claim of all takes the largest p as it is, and a claim of some a multiple of a smaller"
        " one."
    )
