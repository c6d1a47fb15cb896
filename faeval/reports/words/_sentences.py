"""A verdict said in sentences. Prose only: no layout."""

from __future__ import annotations

import math
import re

from faeval.claims._verdict import AssertionResult, Verdict
from faeval.reports.data._outcomes import (
    above_zero,
    claimed,
    has_interval,
    is_between,
    outcome,
    standing,
    thresholds,
)
from faeval.reports.words._glossary import CODES, Phrase, Span, plain, sentence
from faeval.reports.words._numbers import Style, exact, style_for


def standing_text(verdict: Verdict) -> str:
    """Say how a verdict stands to what was expected, in a few words; empty where nothing was."""
    expected = verdict.expected or "no such thing"
    return {
        "drift": f"differs: {expected} was expected",
        "broken": f"{expected} was expected" if verdict.expected else "not expected",
        "open": f"{expected} was expected",
        "free": "",
    }.get(standing(verdict), standing(verdict))


def outer_text(assertion: AssertionResult) -> str:
    """Write the refuting interval where the decision interval alone would seem to refute; empty
    elsewhere.
    """
    if not is_between(assertion) or assertion.refuting is None:
        return ""
    return (
        f"refuting interval {style_of(assertion).interval(assertion.refuting)}{unit_of(assertion)}"
    )


def evidence_side(assertion: AssertionResult) -> str:
    """Say which side of the margin the running evidence speaks for: that of the estimate, where
    there is any.
    """
    if assertion.e_value is None or assertion.e_value <= 1:
        return "for neither side"
    low, high = claimed(assertion)
    return "for what is claimed" if low < assertion.estimate < high else "against what is claimed"


def style_of(assertion: AssertionResult) -> Style:
    """Return how all numbers of an assertion are written: two digits of half its interval, clear of
    the margin.
    """
    low, high = assertion.interval
    bounds = (*assertion.interval, *(assertion.refuting or ()))
    apart = [(bound, point) for bound in bounds for point in thresholds(assertion)]
    width = (high - low) / 2 if math.isfinite(high - low) else assertion.sd
    sides = (*assertion.a.values, *assertion.b.values)
    if width < 1e-12 * max(
        map(abs, sides), default=0.0
    ):  # rounding, no spread: its digits say nothing
        width = math.nan
    return style_for(width, (assertion.estimate, low, high), apart=apart)


def unit_of(assertion: AssertionResult) -> str:
    """Return the unit as it is written after a number; empty for a pure number."""
    return "" if assertion.unit in ("", "1") else f" {assertion.unit}"


def value_text(assertion: AssertionResult) -> str:
    """Write estimate, decision interval and unit: ``0.17 [0.15, 0.19]``; the same in every view."""
    if math.isnan(assertion.estimate):
        return "not estimated"
    style = style_of(assertion)
    interval = style.interval(assertion.interval) if has_interval(assertion) else "(no interval)"
    return f"{style(assertion.estimate)} {interval}{unit_of(assertion)}"


def margin_text(assertion: AssertionResult) -> str:
    """Write where the margin lies on the axis of a - b, and its unit: ``margin ±0.05``."""
    points = thresholds(assertion)
    at = f"±{exact(assertion.margin)}" if len(points) > 1 else exact(points[0])
    return f"margin {at}{unit_of(assertion)}"


def claimed_text(assertion: AssertionResult) -> str:
    """Write the margin with the side of it that a difference was claimed to lie on: ``>0.05``,
    ``±0.05``.
    """
    sign = {"equivalent": "±", "exceeds": ">", "not_below": ">"}.get(assertion.kind, "<")
    return f"{sign}{exact(thresholds(assertion)[-1])}{unit_of(assertion)}"


def result(assertion: AssertionResult, n: int, test: str = "t") -> Phrase:
    """Say what was found of one assertion, in one sentence; the estimate of the sign test is a
    median.
    """
    if math.isnan(assertion.estimate):
        return (Span("text", "No estimate of "), Span("name", assertion.text), Span("text", "."))
    over = f"Over {n} seed{'s' * (n != 1)}, {'in the median, ' * (test == 'sign')}"
    return (Span("text", over), *_compared(assertion), Span("text", f", {_tail(assertion)}."))


_READ = re.compile(r"((?:deep )?[\w.]+)\(([^()]*)\)")


def _compared(assertion: AssertionResult) -> Phrase:
    """Say how the sides compare, without repeating what they share: the metric, the arm, the
    factors of both arms.
    """
    value, a, b = Span("number", value_text(assertion)), assertion.a.text, assertion.b.text
    if b.strip() in ("0", "0.0"):
        return (_name(a), _text(" is "), value)
    low, high = assertion.interval
    way = 1 if low > 0 else -1 if high < 0 else 0
    verb = {1: " is larger than ", -1: " is smaller than ", 0: " differs from "}[way]
    by = _text(", with a difference of " if way < 0 else " by ")
    one, other = _READ.fullmatch(a), _READ.fullmatch(b)
    if (
        one is None
        or other is None
        or not one[2]
        or not other[2]
        or (one[1] == other[1]) == (one[2] == other[2])
    ):
        return (_name(a), _text(verb), _name(b), by, value)
    if one[2] == other[2]:
        return (
            _name(one[1]),
            _text(" of "),
            _name(one[2]),
            _text(verb),
            _name(other[1]),
            by,
            value,
        )
    if changed := _changed(one[2], other[2]):
        shared, word, factors = changed
        moved = _text(" rose by " if way > 0 else " changed by ")
        return (
            _name(one[1]),
            _text(" of "),
            _name(shared),
            moved,
            value,
            _text(f" {word} "),
            _name(factors),
        )
    joined = {
        1: (" is higher in ", " than in "),
        -1: (" is lower in ", " than in "),
        0: (" differs between ", " and "),
    }
    first, second = joined[way]
    return (_name(one[1]), _text(first), _name(one[2]), _text(second), _name(other[2]), by, value)


def _changed(a: str, b: str) -> tuple[str, str, str] | None:
    """Return what two arms share, and the factors that only one of them names; None where each
    names some.

    >>> _changed("dfa+penalty=0.01, epoch=1", "dfa, epoch=1"), _changed("dfa+x=1", "dfa+x=2")
    (('dfa, epoch=1', 'with', 'penalty=0.01'), None)
    """
    if "'" in a + b:  # a name in quotes may hold any of the signs that part factors
        return None
    (arm_a, *rest_a), (arm_b, *rest_b) = a.split(", "), b.split(", ")
    parts_a, parts_b = arm_a.split("+"), arm_b.split("+")
    only_a, only_b = (
        [p for p in x if p not in y] for x, y in ((parts_a, parts_b), (parts_b, parts_a))
    )
    if rest_a != rest_b or bool(only_a) == bool(only_b):
        return None
    shared = ", ".join([arm_b if only_a else arm_a, *rest_a])
    return shared, "with" if only_a else "without", "+".join(only_a or only_b)


def _text(text: str) -> Span:
    return Span("text", text)


def _name(text: str) -> Span:
    return Span("name", text)


def _tail(assertion: AssertionResult) -> str:
    result, style = outcome(assertion), style_of(assertion)
    if not has_interval(assertion):
        return "with nothing to bound it by"
    if assertion.kind == "equivalent":
        within = f"±{exact(assertion.margin)}"
        if result == "contradicted":
            outer = style.interval(assertion.refuting or assertion.interval)
            return (
                f"and its refuting interval {outer} is all outside {within}: a difference that"
                " matters"
            )
        if is_between(assertion):
            return (
                f"outside {within} at the level of support, but not at the one that refuting takes:"
                " the refuting interval"
                f" {style.interval(assertion.refuting or assertion.interval)} reaches within"
            )
        if result == "open":
            return f"which does not settle whether it stays within {within}"
        low, high = assertion.ordinary
        different = (
            "different, but by too little to matter"
            if low > 0 or high < 0
            else "too little to matter"
        )
        return f"all within {within}: {different}"
    (point,) = thresholds(assertion)
    matter = "0" if point == 0 else f"the {exact(point)} that matters"
    if result == "open":
        return f"which does not settle on which side of {matter} it lies"
    above = assertion.kind in ("exceeds", "not_below")
    side = "above" if above == (result == "met") else "below"
    opposite = ""
    if result == "contradicted" and point:
        low, high = assertion.interval
        opposite = (
            " and of opposite sign"
            if (high < 0 < point or low > 0 > point) and above_zero(assertion)
            else ""
        )
    return f"all {side} {matter}{opposite}"


def headline(verdict: Verdict) -> tuple[Phrase, ...]:
    """Say a verdict in sentences: what was found of each assertion, or why nothing was."""
    if not verdict.assertions:
        return (
            plain(
                sentence(verdict.reason) or CODES.get(verdict.reason_code, "Nothing was estimated.")
            ),
        )
    said = tuple(result(assertion, verdict.n, verdict.test) for assertion in verdict.assertions)
    if verdict.verdict == "invalid":
        return (plain(f"These numbers carry no verdict. {sentence(verdict.reason)}"), *said)
    return said


def pride(verdict: Verdict) -> str:
    """Say what a refutation is worth where it was foreseen; empty elsewhere."""
    how = standing(verdict)
    if verdict.verdict != "refuted" or not how.startswith("as "):
        return ""
    return f"Refuted, {how}: a result."
