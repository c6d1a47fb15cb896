"""What an assertion claims and what was found of it, in sentences. Prose only: no layout."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
)
from faeval.reports.data._shown import shown
from faeval.reports.words._glossary import Phrase, Span
from faeval.reports.words._numbers import Style, exact, style_for
from faeval.stats import RULES, region_of

#: What the estimate of a rule is of, by what the rule is about, where it is no mean difference.
ABOUT: Mapping[str, str] = {"median": "in the median, ", "rate": "in the rate of 1s over seeds, "}
#: The same of a ratio, and how each side of it is named.
RATIOS: Mapping[str, tuple[str, str]] = {
    "runs": ("by the geometric mean of the ratios by seed, ", "{}"),
    "means": ("by the ratio of the means over seeds, ", "the mean of {}"),
    "spread": ("in the typical deviation over seeds, ", "the typical deviation of {}"),
}
#: How a claimed region is said of a ratio, by its side and whether its edge belongs to it.
_REGIONS: Mapping[tuple[str, bool], str] = {
    ("above", False): "more than",
    ("above", True): "at least",
    ("below", False): "less than",
    ("below", True): "at most",
}


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
    outer = shown(assertion).refuting
    if not is_between(assertion) or outer is None:
        return ""
    return f"refuting interval {style_of(assertion).interval(outer)}{unit_of(assertion)}"


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
    axis = shown(assertion)
    low, high = axis.interval
    apart = [
        (bound, point) for bound in (*axis.interval, *(axis.refuting or ())) for point in axis.edges
    ]
    width = (high - low) / 2 if math.isfinite(high - low) else assertion.sd
    if axis.is_ratio:  # near 0 a ratio needs more digits than far above 1
        width = min(width, axis.estimate - low) if low < axis.estimate else width
    if width < 1e-12 * max(
        map(abs, (*assertion.a.values, *assertion.b.values)), default=0.0
    ):  # rounding, no spread: its digits say nothing
        width = math.nan
    return style_for(width, (axis.estimate, low, high), apart=apart)


def unit_of(assertion: AssertionResult) -> str:
    """Return the unit as it is written after a number; empty for a pure number."""
    unit = shown(assertion).unit
    return "" if unit in ("", "1") else f" {unit}"


def value_text(assertion: AssertionResult, *, unit: bool = True) -> str:
    """Write estimate, decision interval and unit: ``0.17 [0.15, 0.19]``; the same in every view."""
    axis = shown(assertion)
    if math.isnan(axis.estimate):
        return "not estimated"
    style = style_of(assertion)
    of = unit_of(assertion) if unit else ""
    if axis.is_ratio and not axis.is_bounded:
        return f"{style(axis.estimate)}{of} (no interval)"
    interval = style.interval(axis.interval) if axis.is_bounded else "(no interval)"
    return f"{style(axis.estimate)} {interval}{of}"


def edge_text(assertion: AssertionResult, edge: float) -> str:
    """Write where an edge of the margin lies; of a ratio below 1 as a fraction: ``1/2``."""
    if assertion.ratio is None:
        return exact(edge)
    return exact(assertion.ratio.factor) if edge > 1 else f"1/{exact(assertion.ratio.factor)}"


def size_text(assertion: AssertionResult) -> str:
    """Write the margin as it was declared: a number, or a factor."""
    if assertion.ratio is None:
        return exact(assertion.margin)
    return f"a factor of {exact(assertion.ratio.factor)}"


def within_text(assertion: AssertionResult) -> str:
    """Write both edges of an equivalence at once."""
    return size_text(assertion) if assertion.ratio else f"±{exact(assertion.margin)}"


def effect_text(assertion: AssertionResult, effect: float) -> str:
    """Write an effect that was expected, which is counted as the margin is."""
    if assertion.ratio is None:
        return exact(effect)
    return f"a factor of {exact(float(f'{10**effect:.4g}'))}"


def declared_text(assertion: AssertionResult, effect: float) -> str:
    """Write an effect as it was declared: a number with its unit, or a factor."""
    return (
        f"a factor of {exact(effect)}"
        if assertion.ratio
        else f"{exact(effect)}{unit_of(assertion)}"
    )


def margin_text(assertion: AssertionResult) -> str:
    """Write where the margin lies on the axis that is shown, and its unit: ``margin ±0.05``."""
    points = shown(assertion).edges
    if len(points) > 1:
        at = within_text(assertion)
        return f"margin {at}{'' if assertion.ratio else unit_of(assertion)}"
    return f"margin {edge_text(assertion, points[0])}{unit_of(assertion)}"


def claimed_text(assertion: AssertionResult) -> str:
    """Write the margin with the side of it that was claimed: ``>0.05``, ``±0.05``."""
    side, points = region_of(assertion.kind).side, shown(assertion).edges
    if side == "between" and assertion.ratio:
        return f"{edge_text(assertion, points[0])} to {edge_text(assertion, points[1])} times"
    sign = {"between": "±", "above": ">", "below": "<"}[side]
    return f"{sign}{edge_text(assertion, points[-1])}{unit_of(assertion)}"


def short_text(assertion: AssertionResult) -> str:
    """Say where the first side is claimed to lie, axis from the second."""
    region = region_of(assertion.kind)
    if assertion.ratio is None:
        return region.short.format(margin=f"{exact(assertion.margin)}{unit_of(assertion)}")
    return _of_ratio(assertion.kind, assertion.ratio.factor).removesuffix(" of")


def seeds_text(verdict: Verdict) -> str:
    """Say over how many seeds a verdict is; where the two sides have their own, over how many."""
    return _over(verdict.assertions[0], verdict.n) if verdict.assertions else f"{verdict.n} seeds"


def _over(assertion: AssertionResult, n: int) -> str:
    if assertion.a.seeds != assertion.b.seeds and assertion.a.seeds and assertion.b.seeds:
        return f"{len(assertion.a.seeds)} and {len(assertion.b.seeds)} seeds"
    return f"{n} seed{'s' * (n != 1)}"


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
    of = ABOUT.get(RULES[test].about, "") if test in RULES else ""
    if assertion.ratio is not None:
        of = of or RATIOS[assertion.ratio.of][0]
    tail = f", {_tail(assertion)}.{_remarks(assertion)}"
    return (
        Span("text", f"Over {_over(assertion, n)}, {of}"),
        *_compared(assertion),
        Span("text", tail),
    )


def _remarks(a: AssertionResult) -> str:
    """Say what else is to be known of an estimate: where it is no plain mean of what happened."""
    text = ""
    if outcome(a) == "met" and [term.function for term in a.a.terms] == ["trend"]:
        text += " That is a rise on balance: not each step has to rise."
    if a.censored:
        text += (
            f" At {a.censored} of {len(a.differences)} seeds a run never crossed its threshold: its"
            " time is longer than the one that enters here."
        )
    if a.identical:
        n = len(a.differences)
        share = 100 * (1 - 0.05 ** (1 / max(n, 1)))
        value = exact(a.differences[0]) if n else "the same"
        text += (
            f" All {n} differences are {value}, so they are judged by the range that differences"
            f" can have: with 95 % confidence fewer than {share:.0f} % of seeds would differ from"
            " that."
        )
        text += (
            " The bound is exact, as 0 was fixed beforehand."
            if n and a.differences[0] == 0
            else " The value was read off the data, where the bound is not quite exact."
        )
    return text


def assertion_text(assertion: AssertionResult) -> str:
    """Say what an assertion claims of its two sides."""
    a, b, ratio = assertion.a.expression, assertion.b.expression, assertion.ratio
    if ratio is not None:
        return asserted(assertion.kind, a, b, ratio.factor, None, ratio.of)
    return asserted(assertion.kind, a, b, assertion.margin, assertion.agreement)


def asserted(
    kind: str, a: str, b: str, margin: float, agreement: str | None = None, ratio: str = ""
) -> str:
    """Say what is claimed of two sides; ``agreement`` is the part of one that this is.

    ``ratio`` is what a ratio is of; the margin is a factor then.
    """
    if ratio:
        one, other = (RATIOS[ratio][1].format(side) for side in (a, b))
        if region_of(kind).two_sided:
            return f"{one} equals {other} {_of_ratio(kind, margin)}"
        return f"{one} is {_of_ratio(kind, margin)} {other}"
    size = f"{margin:g}"
    if agreement == "layers":
        return f"over layers, the {a} is below {b}"
    text = region_of(kind).text.format(a=a, b=b, margin=size)
    return f"{text}, on average" if agreement == "mean" else text


def _of_ratio(kind: str, factor: float) -> str:
    """Say what is claimed of a ratio: ``more than 2 times``, ``less than half of``."""
    region, size = region_of(kind), exact(factor)
    if region.two_sided:
        return f"within a factor of {size}"
    below = region.edges(1.0)[0] < 0
    part = "half of" if factor == 2 else f"1/{size} of"
    return f"{_REGIONS[region.side, region.closed]} {part if below else f'{size} times'}"


def _compared(assertion: AssertionResult) -> Phrase:
    """Say how the two sides compare, without repeating what they share.

    They may share the metric, the arm, or factors of the arm.
    """
    if assertion.ratio is not None:
        return _as_ratio(assertion)
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


def _as_ratio(assertion: AssertionResult) -> Phrase:
    value = Span("number", value_text(assertion))
    a, b = _name(assertion.a.expression), _name(assertion.b.expression)
    if math.isnan(shown(assertion).estimate):
        return (a, _text(" over "), b, _text(" has no ratio that could be estimated"))
    return (a, _text(" is "), value, _text(" "), b)


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
    if not shown(assertion).is_bounded:
        return _unbounded_tail(assertion)
    tail = _two_sided_tail if region_of(assertion.kind).two_sided else _one_sided_tail
    return tail(assertion)


def _unbounded_tail(assertion: AssertionResult) -> str:
    """Say what came of a ratio whose second side may be 0, so that nothing bounds the ratio."""
    (point,) = shown(assertion).edges
    how = {
        "met": "shown to lie on the claimed side",
        "contradicted": "shown to lie on the other side",
        "open": "not shown to lie on either side",
    }[outcome(assertion)]
    return (
        f"without bounds, as the second side may be 0; it is {how} of"
        f" {edge_text(assertion, point)}, by the difference from so many times the second"
    )


def _two_sided_tail(assertion: AssertionResult) -> str:
    result, style, axis = outcome(assertion), style_of(assertion), shown(assertion)
    within = within_text(assertion)
    outer = style.interval(axis.refuting or axis.interval)
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
    low, high = axis.ordinary
    different = "different, but by " if low > axis.neutral or high < axis.neutral else ""
    return f"all within {within}: {different}too little to matter"


def _one_sided_tail(assertion: AssertionResult) -> str:
    result, region, axis = outcome(assertion), region_of(assertion.kind), shown(assertion)
    (point,) = axis.edges
    matter = "0" if point == 0 else f"the {edge_text(assertion, point)} that matters"
    if result == "open":
        return f"which does not settle on which side of {matter} it lies"
    side = "above" if (region.side == "above") == (result == "met") else "below"
    opposite = ""
    if result == "contradicted" and point and region.claims_effect:
        opposite = " and of opposite sign" if is_opposite(assertion) else ""
        if opposite and axis.is_ratio:
            opposite = " and beyond 1, on the opposite side"
    return f"all {side} {matter}{opposite}"


def is_opposite(assertion: AssertionResult) -> bool:
    """Whether an interval shows an effect on the other side of none than its margin lies on."""
    axis = shown(assertion)
    (low, high), point = axis.interval, axis.edges[0]
    return high < axis.neutral < point or low > axis.neutral > point
