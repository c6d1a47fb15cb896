"""One assertion of a claim, in words and places."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from faeval.claims._verdict import AssertionResult, Side, Term, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._shown import power, shown
from faeval.reports.figures import _strips as strips
from faeval.reports.figures._series import typical_deviation, welch_freedom
from faeval.reports.views._types import AssertionView, Fact, Table, facts
from faeval.reports.words import _glossary as glossary, _sentences as words
from faeval.reports.words._glossary import Span, plain
from faeval.reports.words._numbers import chance, level, significant, style_for
from faeval.stats import RULES

#: What an assertion is painted as, where a claim has several: as a claim of it alone would be.
_TONES: Mapping[outcomes.Outcome, str] = {
    "met": "supported",
    "contradicted": "refuted",
    "open": "inconclusive",
}


def assertion_view(assertion: AssertionResult, verdict: Verdict) -> AssertionView:
    """Put one assertion of a verdict into words and places."""
    estimated, result = strips.is_drawn(assertion), outcomes.outcome(assertion)
    return AssertionView(
        text=words.assertion_text(assertion),
        value=words.value_text(assertion),
        margin=words.margin_text(assertion),
        claimed=words.claimed_text(assertion),
        outer=words.outer_text(assertion),
        result=result,
        tone=_TONES[result]
        if (len(verdict.assertions) > 1 and verdict.verdict != "invalid")
        else "",
        strip=strips.strip(assertion) if estimated else None,
        dots=strips.dots(assertion, verdict.seeds, about(verdict)) if estimated else None,
        description=strips.describe(assertion),
        seeds=_by_seed(assertion, verdict),
        facts=(*_first(assertion), *_special(assertion, verdict)),
        more=_measured(assertion, verdict),
        gist=_gist(assertion),
    )


def about(verdict: Verdict) -> str:
    """Return what the rule of a verdict is about: mean, median, spread or rate."""
    return RULES[verdict.test].about if verdict.test in RULES else "mean"


#: A column of a table: a value a seed, None where there is none, and how it is written.
_Column: TypeAlias = tuple[tuple[float | None, ...], Callable[[float | None], str]]


def _by_seed(assertion: AssertionResult, verdict: Verdict) -> Table:
    axis, seeds = shown(assertion), verdict.seeds
    columns = _columns(assertion, verdict)
    rows = [
        (
            str(seed),
            *("" if v[i] is None else as_text(v[i]) for v, as_text in columns.values()),
        )
        for i, seed in enumerate(seeds)
    ]
    summary, of = _summary(assertion, verdict)
    means = [as_text(of([v for v in vs if v is not None])) for vs, as_text in columns.values()]
    if _RATIO in columns:
        means[-1] = columns[_RATIO][1](axis.estimate)
    unit = "" if axis.is_ratio else words.unit_of(assertion).strip()
    caption = f"Values by seed{f', in {unit}' if unit else ''}"
    return Table(caption, ("Seed", *columns), (*rows, (summary, *means)))


def _columns(assertion: AssertionResult, verdict: Verdict) -> dict[str, _Column]:
    """Return both sides at each seed of the verdict, and what lies between them where it pairs."""
    axis, style = shown(assertion), words.style_of(assertion).finer()
    apart = axis.is_ratio or verdict.test in _BY_SIDE  # values on another scale than the estimate
    columns: dict[str, _Column] = {}
    for which, side, values in (
        ("First side", assertion.a, axis.a),
        ("Second side", assertion.b, axis.b),
    ):
        each = _at(side, values, verdict.seeds)
        columns[_heading(side, which)] = each, _style_of_values(each) if apart else style
    # arms that no seed pairs have none
    if assertion.differences or not verdict.seeds:
        columns[_RATIO if axis.is_ratio else "Difference"] = (axis.each, style)
    return columns


_RATIO = "Ratio"


def _heading(side: Side, which: str) -> str:
    """Return how a column of values is headed; what a function writes is too long for it."""
    return which if any(map(_is_long, side.terms)) else side.expression


def _is_long(term: Term) -> bool:
    return bool(term.function or term.course) or any(map(_is_long, term.log10))


#: Rules that read both sides, whose estimate is no difference of their values.
_BY_SIDE = frozenset(rule.name for rule in RULES.values() if rule.sides and rule.about != "mean")


def _at(side: Side, values: Sequence[float], seeds: Sequence[int]) -> tuple[float | None, ...]:
    """Return the value of a side at each seed of the verdict; None where it has none there."""
    if side.seeds is None:
        return tuple(values)
    by_seed = dict(zip(side.seeds, values, strict=True))
    return tuple(map(by_seed.get, seeds))


def summarized(a: AssertionResult, verdict: Verdict) -> tuple[str, str, str]:
    """Return what is said of the values of each side, such as mean, and both as text.

    The second is empty where that side is a number.
    """
    name, of = _summary(a, verdict)
    axis = shown(a)
    apart = axis.is_ratio or verdict.test in _BY_SIDE
    numbers = [of([v for v in values if math.isfinite(v)]) for values in (axis.a, axis.b)]
    style = _style_of_values((*axis.a, *axis.b)) if apart else words.style_of(a)
    first, second = (style(number) for number in numbers)
    return name, first, second if a.b.terms else ""


def _style_of_values(values: Sequence[float | None]) -> Callable[[float | None], str]:
    numbers = [v for v in values if v is not None and math.isfinite(v)]
    spread = statistics.stdev(numbers) if len(numbers) > 1 else math.nan
    if all(float(v).is_integer() for v in numbers):
        return lambda v: significant(v, 3) if v is None or v % 1 else f"{v:.0f}".replace("-", "−")
    return style_for(spread, numbers)


def _summary(
    a: AssertionResult, verdict: Verdict
) -> tuple[str, Callable[[Sequence[float]], float]]:
    """Return what stands below the values of a side, and how it is made of them."""
    if a.ratio is not None and a.ratio.of == "runs":
        if about(verdict) == "median":
            return "median", statistics.median
        return "geometric mean", _geometric
    by_rule: Mapping[str, tuple[str, Callable[[Sequence[float]], float]]] = {
        "spread": ("typical deviation", typical_deviation),
        "rate": ("rate", lambda values: mean(tuple(values))),
    }
    return by_rule.get(about(verdict), ("mean", lambda values: mean(tuple(values))))


def _geometric(values: Sequence[float]) -> float:
    if not values or not all(v > 0 and math.isfinite(v) for v in values):
        return math.nan
    return power(math.fsum(math.log10(v) / len(values) for v in values))


def mean(values: tuple[float, ...]) -> float:
    """Return the mean of numbers; NaN where one is not finite, and of none."""
    finite = values and all(map(math.isfinite, values))
    return math.fsum(v / len(values) for v in values) if finite else math.nan


def _first(a: AssertionResult) -> tuple[Fact, ...]:
    """Return what a reader looks for first."""
    style, (low, high), axis = words.style_of(a), a.levels, shown(a)
    bounds = (
        f"{style.interval(axis.interval)}, one-sided levels {level(low)} (lower) and {level(high)}"
        " (upper), each bound alone"
    )
    # Which difference is claimed: so much, and on which side of b.
    margin = words.short_text(a)
    return (
        Fact("Estimate", (Span("number", words.value_text(a)),), "estimate"),
        *facts(
            ("Margin", f"{margin}, because: {a.because}", "margin"),
            ("Decision interval", bounds if axis.is_bounded else "none", "interval"),
            ("Refuting interval", axis.refuting and style.interval(axis.refuting), "refuting"),
        ),
    )


#: What is said of a ratio, by what it is of.
_RATIOS: Mapping[str, str] = {
    "runs": "the geometric mean of the ratios by seed, decided on their logarithms",
    "means": "of the means over seeds; its interval is Fieller's",
    "spread": "of the typical deviations over seeds",
}
#: What is said of functions, by their name, and the term that explains more.
_FUNCTIONS: Mapping[str, tuple[str, str, str]] = {
    "trend": ("Trend", "rises on balance where it is above 0; not each step has to rise", "trend"),
    "slope": ("Slope", "least squares, for each unit of the numbers", ""),
    "slope_per_doubling": ("Slope", "least squares, for each doubling of the numbers", ""),
    "max_by": ("Choice", "of the largest, made on another metric", "selected_on_evidence"),
    "min_by": ("Choice", "of the smallest, made on another metric", "selected_on_evidence"),
    "first": ("Time", "the first measured epoch beyond the threshold", "first"),
}


def _special(a: AssertionResult, verdict: Verdict) -> Iterator[Fact]:
    """Yield what is to be known of forms that are no plain mean difference."""
    kind = about(verdict)
    if a.ratio is not None:
        text = _RATIOS[a.ratio.of]
        if kind == "median":
            text = "the median of the ratios by seed"
        if not shown(a).is_bounded and outcomes.has_interval(a):
            text += "; there is none here, as the second mean may be 0"
        yield Fact("Ratio", plain(text), "spread" if a.ratio.of == "spread" else "ratio")
    if kind == "rate":
        yield Fact("Outcomes", plain("; ".join(_ones(a))), "rate")
    if a.differences == () and kind == "mean" and a.a.values:
        yield from _apart(a)
    for name in dict.fromkeys(_functions((*a.a.terms, *a.b.terms))):
        yield Fact(_FUNCTIONS[name][0], plain(_FUNCTIONS[name][1]), _FUNCTIONS[name][2])
    if a.censored:
        text = f"{a.censored} of {len(a.differences)} seeds: known on one side alone"
        yield Fact("Number censored", plain(text), "first")
    if a.identical:
        text = "decided by the range of the differences: exact where the value was fixed beforehand"
        which = " (0)" if a.differences and a.differences[0] == 0 else ", which this one was not"
        yield Fact("Identical differences", plain(text + which), "identical")


def _ones(a: AssertionResult) -> Iterator[str]:
    for side in (a.a, a.b):
        if side.terms:
            yield f"{sum(v == 1 for v in side.values)} of {len(side.values)} in {side.expression}"


def _apart(a: AssertionResult) -> Iterator[Fact]:
    """Yield how many values each of two arms has that no seed pairs, and what that comes to."""
    sizes = "; ".join(f"{len(side.values)} in {side.expression}" for side in (a.a, a.b))
    yield Fact("Seeds of each side", plain(sizes), "seed")
    freedom = welch_freedom(a.a.values, a.b.values)
    if math.isfinite(freedom):
        yield Fact("Degrees of freedom", plain(significant(freedom, 3)), "freedom")


def _functions(terms: Sequence[Term]) -> Iterator[str]:
    for term in terms:
        name = "first" if term.course.startswith("first") else term.function
        if name in _FUNCTIONS:
            yield name
        yield from _functions(term.log10)
        for inner in term.arguments:
            yield from _functions(inner.terms)


def _gist(assertion: AssertionResult) -> str:
    spread = f"s.d. {significant(assertion.sd)}"
    if assertion.power is not None:
        return f"{spread}; power {chance(assertion.power)} at the effect anticipated"
    return f"{spread}; no effect was anticipated" if assertion.anticipated is None else spread


def _measured(a: AssertionResult, verdict: Verdict) -> tuple[Fact, ...]:
    """Return all else that was measured or planned."""
    style, unit, axis = words.style_of(a), words.unit_of(a), shown(a)
    items = "not recorded" if a.item_error is None else significant(a.item_error)
    beyond = a.beyond is not None and (
        f"{style(power(a.beyond) if _is_log(a) else a.beyond)}{unit} on average over seeds"
        f" {glossary.seed_list(verdict.beyond_plan)}; exploratory, it decides nothing"
    )
    return facts(
        (
            "Ordinary 90 % interval",
            not math.isnan(axis.ordinary[0]) and style.interval(axis.ordinary),
            "ordinary_rule" if about(verdict) in ("spread", "rate") else "ordinary",
        ),
        (
            "Spread and errors",
            f"s.d. over seeds {significant(a.sd)}{_unit_of_sd(a)}, standard error over seeds"
            f" {significant(_error(a, verdict))}, over items {items}",
            "items",
        ),
        ("Anticipated effect", _anticipated(a, verdict), "power"),
        ("Detectable effect", _detectable(a), "detectable"),
        ("Seeds needed", _seeds_needed(a, verdict), "needed"),
        (
            "Running evidence",
            a.e_value is not None and f"e = {significant(a.e_value)}, {words.evidence_side(a)}",
            "evidence",
        ),
        ("Seeds beyond the plan", beyond, "beyond"),
    )


def _is_log(a: AssertionResult) -> bool:
    return a.ratio is not None and a.ratio.of != "means"


def _unit_of_sd(a: AssertionResult) -> str:
    """Name the unit of what is not said on the axis that is shown."""
    if a.ratio is None:
        return ""
    return " decades" if _is_log(a) else " of the difference from so many times the other side"


def _error(a: AssertionResult, verdict: Verdict) -> float:
    """Return the standard error over seeds."""
    n, m = len(a.a.values), len(a.b.values)
    if n == m or a.differences:
        return a.sd / math.sqrt(verdict.n) if verdict.n else math.nan
    if min(n, m) < 2:
        return math.nan
    if about(verdict) != "mean":
        return math.nan
    return math.hypot(*(statistics.stdev(v) / math.sqrt(len(v)) for v in (a.a.values, a.b.values)))


def _needs_pilot(verdict: Verdict) -> bool:
    rule = RULES.get(verdict.test)
    return rule is None or rule.needs_sd


def _anticipated(a: AssertionResult, verdict: Verdict) -> str:
    effect = a.ratio.anticipated if a.ratio is not None else a.anticipated
    if effect is None and a.anticipated is None:
        return ""
    size = (
        words.effect_text(a, a.anticipated or 0.0)
        if effect is None
        else words.declared_text(a, effect)
    )
    pilot = f"pilot s.d. {significant(a.pilot_sd)} over {a.pilot_n} seeds"
    power = f"; power {chance(a.power)}" if a.power is not None else ""
    if not _needs_pilot(verdict):
        return f"{size}{power}"
    return f"{size}; {'no pilot' if a.pilot_sd is None else pilot}{power}"


def _detectable(a: AssertionResult) -> str:
    if a.detectable_in_sd is None:
        return ""
    size = f"{significant(a.detectable_in_sd, 3)} s.d."
    if a.detectable is not None:
        unit = " decades" if _is_log(a) else "" if a.ratio else words.unit_of(a)
        size = f"{significant(a.detectable)}{unit}, or {size},"
    return f"{size} beyond the margin"


def _seeds_needed(a: AssertionResult, verdict: Verdict) -> str:
    if a.seeds_needed is None:
        return ""
    at, upper = ("more than can be planned" if k is None else str(k) for k in a.seeds_needed)
    if not _needs_pilot(verdict):
        return at
    return f"{at} at the pilot's s.d., {upper} at its upper 80 % bound"
