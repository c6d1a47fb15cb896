"""What an assertion claims and what was found of it, in sentences. Prose only: no layout."""

from __future__ import annotations

import math
from dataclasses import replace

from faeval.claims._verdict import AssertionResult, Side, Term, Verdict
from faeval.errors import FaevalError
from faeval.experiment import Arm
from faeval.reports.data._outcomes import (
    claimed,
    has_interval,
    is_between,
    outcome,
    standing,
    thresholds,
)
from faeval.reports.words._glossary import Phrase, Span
from faeval.reports.words._numbers import Style, exact, style_for
from faeval.stats import RULES, region_of


def standing_text(verdict: Verdict) -> str:
    """Say how a verdict stands to what was expected, in a few words; empty where nothing was."""
    expected = verdict.expected or "no such thing"
    return {
        "drift": f"differs: {expected} was expected",
        "broken": f"{expected} was expected" if verdict.expected else "not expected",
        "open": f"{expected} was expected",
        "free": "",
    }.get(standing(verdict), standing(verdict))


def expectation_text(verdict: Verdict) -> str:
    """Say the same in the fewest words, for a line of a summary."""
    how, expected = standing(verdict), verdict.expected
    return {
        "free": "",
        "open": f"{expected} expected",
        "drift": f"DRIFT: {expected} expected",
        "broken": f"{expected or 'not'} expected",
    }.get(how, how)


def outer_text(assertion: AssertionResult) -> str:
    """Write the refuting interval where the decision interval alone would seem to refute.

    It is empty elsewhere.
    """
    if not is_between(assertion) or assertion.refuting is None:
        return ""
    return (
        f"refuting interval {style_of(assertion).interval(assertion.refuting)}{unit_of(assertion)}"
    )


def evidence_side(assertion: AssertionResult) -> str:
    """Say which side of the margin the running evidence speaks for.

    It is the side of the estimate, where there is one.
    """
    if assertion.e_value is None or assertion.e_value <= 1:
        return "for neither side"
    low, high = claimed(assertion)
    return "for what is claimed" if low < assertion.estimate < high else "against what is claimed"


def style_of(assertion: AssertionResult) -> Style:
    """Return how all numbers of an assertion are written.

    They have two digits of half its interval, and enough to tell bounds from the margin.
    """
    low, high = assertion.interval
    apart = [
        (bound, point)
        for bound in (*assertion.interval, *(assertion.refuting or ()))
        for point in thresholds(assertion)
    ]
    width = (high - low) / 2 if math.isfinite(high - low) else assertion.sd
    if width < 1e-12 * max(
        map(abs, (*assertion.a.values, *assertion.b.values)), default=0.0
    ):  # rounding, no spread: its digits say nothing
        width = math.nan
    return style_for(width, (assertion.estimate, low, high), apart=apart)


def unit_of(assertion: AssertionResult) -> str:
    """Return the unit as it is written after a number; empty for a pure number."""
    return "" if assertion.unit in ("", "1") else f" {assertion.unit}"


def value_text(assertion: AssertionResult, *, unit: bool = True) -> str:
    """Write estimate, decision interval and unit: ``0.17 [0.15, 0.19]``; the same in every view."""
    if math.isnan(assertion.estimate):
        return "not estimated"
    style = style_of(assertion)
    interval = style.interval(assertion.interval) if has_interval(assertion) else "(no interval)"
    return f"{style(assertion.estimate)} {interval}{unit_of(assertion) if unit else ''}"


def margin_text(assertion: AssertionResult) -> str:
    """Write where the margin lies on the axis of a - b, and its unit: ``margin ±0.05``."""
    points = thresholds(assertion)
    at = f"±{exact(assertion.margin)}" if len(points) > 1 else exact(points[0])
    return f"margin {at}{unit_of(assertion)}"


def claimed_text(assertion: AssertionResult) -> str:
    """Write the margin with the side of it that was claimed: ``>0.05``, ``±0.05``."""
    sign = {"between": "±", "above": ">", "below": "<"}[region_of(assertion.kind).side]
    return f"{sign}{exact(thresholds(assertion)[-1])}{unit_of(assertion)}"


def result(assertion: AssertionResult, n: int, test: str = "t") -> Phrase:
    """Say in one sentence what was measured of one assertion.

    The estimate of the sign test is a median.
    """
    if math.isnan(assertion.estimate):
        return (
            Span("text", "No estimate of "),
            Span("name", assertion_text(assertion)),
            Span("text", "."),
        )
    rule = RULES.get(test)
    median = "in the median, " if rule is not None and rule.about == "median" else ""
    over = f"Over {n} seed{'s' * (n != 1)}, {median}"
    return (Span("text", over), *_compared(assertion), Span("text", f", {_tail(assertion)}."))


def assertion_text(assertion: AssertionResult) -> str:
    """Say what an assertion claims of its two sides."""
    a, b = assertion.a.expression, assertion.b.expression
    return asserted(assertion.kind, a, b, assertion.margin, assertion.agreement)


def asserted(kind: str, a: str, b: str, margin: float, agreement: str | None = None) -> str:
    """Say what is claimed of two sides; ``agreement`` is the part of one that this is."""
    size = f"{margin:g}"
    if agreement == "layers":
        return f"over layers, the {a} is below {b}"
    text = region_of(kind).text.format(a=a, b=b, margin=size)
    return f"{text}, on average" if agreement == "mean" else text


def _compared(assertion: AssertionResult) -> Phrase:
    """Say how the two sides compare, without repeating what they share.

    They may share the metric, the arm, or factors of the arm.
    """
    value = Span("number", value_text(assertion))
    a, b = assertion.a, assertion.b
    if not b.terms and b.expression == "0":
        return (_name(a.expression), _text(" is "), value)
    low, high = assertion.interval
    way = 1 if low > 0 else -1 if high < 0 else 0
    verb = {1: " is larger than ", -1: " is smaller than ", 0: " differs from "}[way]
    by = _text(", with a difference of " if way < 0 else " by ")
    one, other = _only_term(a), _only_term(b)
    if assertion.agreement == "layers" or one is None or other is None:
        return (_name(a.expression), _text(verb), _name(b.expression), by, value)
    metric, other_metric = _metric_text(one), _metric_text(other)
    where, other_where = _where_text(one), _where_text(other)
    if (metric == other_metric) == (where == other_where):
        return (_name(a.expression), _text(verb), _name(b.expression), by, value)
    if where == other_where:
        of = (_name(metric), _text(" of "), _name(where))
        return (*of, _text(verb), _name(other_metric), by, value)
    if changed := _changed(one, other):
        shared, word, factors = changed
        moved = _text(" rose by " if way > 0 else " changed by ")
        of = (_name(metric), _text(" of "), _name(shared))
        return (*of, moved, value, _text(f" {word} "), _name(factors))
    first, second = {
        1: (" is higher in ", " than in "),
        -1: (" is lower in ", " than in "),
        0: (" differs between ", " and "),
    }[way]
    return (
        _name(metric),
        *(_text(first), _name(where), _text(second), _name(other_where)),
        by,
        value,
    )


def _only_term(side: Side) -> Term | None:
    """Return the metric that a side is, where it is just one."""
    term = side.terms[0] if len(side.terms) == 1 and side.constant == 0 else None
    return term if term is not None and term.metric and term.coefficient == 1 else None


def _metric_text(term: Term) -> str:
    deep = term.layers == "deep" and not term.inexact_only
    return f"deep {term.metric}" if deep else term.metric


def _where_text(term: Term, arm: str | None = None) -> str:
    """Name the arm that a term reads, with its layers and epoch where they are not the usual."""
    parts = [(term.arm if arm is None else arm) or "defaults"]
    inexact = ".inexact" * term.inexact_only
    if term.layers == (0,) and not inexact:
        parts.append("embedding")
    elif term.layers is not None and (term.layers != "deep" or inexact):
        names = "deep" if term.layers == "deep" else ",".join(map(str, term.layers))
        parts.append(f"layers={names}{inexact}")
    if term.epoch is not None:
        parts.append(f"epoch={term.epoch}")
    return ", ".join(parts)


def _changed(a: Term, b: Term) -> tuple[str, str, str] | None:
    """Return what two terms share, and the factors that only one of their arms names.

    It is None where each names some, or where they differ in more.

    Examples
    --------
    >>> _changed(Term(1, "rho", "dfa+penalty=0.01", epoch=1), Term(1, "rho", "dfa", epoch=1))
    ('dfa, epoch=1', 'with', 'penalty=0.01')
    >>> _changed(Term(1, "rho", "dfa+x=1"), Term(1, "rho", "dfa+x=2"))
    """
    if replace(a, arm="") != replace(b, arm=""):
        return None
    try:
        arms = Arm.parse(a.arm), Arm.parse(b.arm)
    except FaevalError:  # evidence of another program may name its arms as it likes
        return None
    only = [dict(x.items() - y.items()) for x, y in (arms, arms[::-1])]
    if bool(only[0]) == bool(only[1]):
        return None
    return (
        _where_text(a, (arms[1] if only[0] else arms[0]).label),
        "with" if only[0] else "without",
        Arm().but(**(only[0] or only[1])).label,
    )


def _text(text: str) -> Span:
    return Span("text", text)


def _name(text: str) -> Span:
    return Span("name", text)


def _tail(assertion: AssertionResult) -> str:
    if not has_interval(assertion):
        return "with nothing to bound it by"
    tail = _two_sided_tail if region_of(assertion.kind).two_sided else _one_sided_tail
    return tail(assertion)


def _two_sided_tail(assertion: AssertionResult) -> str:
    result, style = outcome(assertion), style_of(assertion)
    within = f"±{exact(assertion.margin)}"
    outer = style.interval(assertion.refuting or assertion.interval)
    if result == "contradicted":
        return (
            f"and its refuting interval {outer} is all outside {within}: a difference that matters"
        )
    if is_between(assertion):
        return (
            f"outside {within} at the level of support, but not at the one that refuting takes:"
            f" the refuting interval {outer} reaches within"
        )
    if result == "open":
        return f"which does not settle whether it stays within {within}"
    low, high = assertion.ordinary
    different = "different, but by " if low > 0 or high < 0 else ""
    return f"all within {within}: {different}too little to matter"


def _one_sided_tail(assertion: AssertionResult) -> str:
    result, region = outcome(assertion), region_of(assertion.kind)
    (point,) = thresholds(assertion)
    matter = "0" if point == 0 else f"the {exact(point)} that matters"
    if result == "open":
        return f"which does not settle on which side of {matter} it lies"
    side = "above" if (region.side == "above") == (result == "met") else "below"
    opposite = ""
    if result == "contradicted" and point:
        low, high = assertion.interval
        opposite = (
            " and of opposite sign"
            if (high < 0 < point or low > 0 > point) and region.claims_effect
            else ""
        )
    return f"all {side} {matter}{opposite}"
