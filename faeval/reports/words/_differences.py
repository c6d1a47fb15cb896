"""What differs between two reports, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from faeval.reports.data._drift import Difference, Kind
from faeval.reports.words._glossary import seed_list, sentence, spaced
from faeval.reports.words._numbers import exact, level
from faeval.reports.words._sentences import asserted

#: What a difference can do to a verdict.
EFFECTS: Mapping[Kind, str] = {
    "rule": "part of what was asked",
    "numbers": "can change the numbers",
    "chance": "changes the numbers as chance does",
    "deciding": "decides otherwise, and no record says why",
    "words": "changes no verdict",
}
_NAMED = 3  # claims that are named with what differs in them
_LABELS = {
    "claimed": "what is claimed",
    "counts": "how many must hold",
    "seeds": "seeds decided on",
    "planned": "planned seeds",
    "gates": "depends on",
    "registered_sha256": "the claim as registered",
    "level_support": "level that the family leaves for support",
    "level_refute": "level that the family leaves for refutation",
    "expected": "expectation",
}
#: Groups of provenance, as the name of one of them is said.
GROUPS = {"versions": "version of", "revisions": "revision of", "code": "code of"}


def label_of(difference: Difference) -> str:
    """Name what differs, with the assertion and the claims that it is of."""
    what, name = difference.what, difference.name
    if what == "undetermined":
        return "nothing that is recorded differs"
    if what == "runs":
        return f"other networks were trained: {name if name != '0' else 'none'} in common"
    if what in GROUPS:
        return f"{GROUPS[what]} {name}"
    label = spaced(name) if what == "provenance" else _LABELS.get(what, spaced(what))
    at = f" of assertion {difference.assertion}" if difference.assertion is not None else ""
    claims = difference.claims
    more = f" and {len(claims) - _NAMED} more claims" if len(claims) > _NAMED else ""
    of = f" of {', '.join(claims[:_NAMED])}{more}" if claims else ""
    return f"{label}{at}{of}"


def sides_of(difference: Difference) -> tuple[str, str]:
    """Write how it was before, and how it is now."""
    if difference.what == "undetermined":
        return (
            "one of the two files was edited, or the code that decides has changed",
            "decide the earlier report again from the evidence in its folder",
        )
    before, now = (_value(difference.what, v) for v in (difference.before, difference.now))
    return before, now


def _claims_text(claims: Iterable[tuple[Any, ...]]) -> str:
    return "; ".join(asserted(*each) for each in claims)


def _counts_text(counts: Iterable[tuple[int, int]]) -> str:
    return "; ".join(f"at least {least} of {of}" for least, of in counts)


def _plain(value: Any) -> str:
    return exact(value) if isinstance(value, float) else str(value)


#: How a value is written, by what differs.
_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "runs": "{} runs".format,
    "claimed": _claims_text,
    "counts": _counts_text,
    "seeds": seed_list,
    "planned": seed_list,
    "looks": seed_list,
    "controls": "; ".join,
    "gates": "; ".join,
    "registered_sha256": "{:.12}".format,
    "level_support": level,
    "level_refute": level,
}


def _value(what: str, value: Any) -> str:
    if what in (*GROUPS, "provenance"):
        return "not recorded" if value is None else str(value)
    none = value is None or value == ()
    return "none" if none else _WRITERS.get(what, _plain)(value)


def cause(difference: Difference) -> str:
    """Say one difference in a line."""
    before, now = sides_of(difference)
    if difference.what == "undetermined":
        return sentence(f"{label_of(difference)}: {before}; {now}")
    effect = EFFECTS[difference.kind]
    return sentence(f"{label_of(difference)}: {before}, now {now} ({effect})")
