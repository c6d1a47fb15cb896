"""One assertion of a claim, in words and places."""

from __future__ import annotations

import math
from collections.abc import Mapping

from faeval.claims._verdict import AssertionResult, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.figures import _strips as strips
from faeval.reports.views._types import AssertionView, Fact, Table, facts
from faeval.reports.words import _glossary as glossary, _sentences as words
from faeval.reports.words._glossary import Span
from faeval.reports.words._numbers import chance, exact, level, significant
from faeval.stats import region_of

#: What an assertion is painted as, where a claim has several: as a claim of it alone would be.
_TONES: Mapping[outcomes.Outcome, str] = {
    "met": "supported",
    "contradicted": "refuted",
    "open": "inconclusive",
}


def assertion_view(assertion: AssertionResult, verdict: Verdict) -> AssertionView:
    """Put one assertion of a verdict into words and places."""
    estimated, result = math.isfinite(assertion.estimate), outcomes.outcome(assertion)
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
        dots=strips.dots(assertion, verdict.seeds) if estimated else None,
        description=strips.describe(assertion),
        seeds=_by_seed(assertion, verdict.seeds),
        facts=_first(assertion),
        more=_measured(assertion, verdict),
        gist=_gist(assertion),
    )


def _by_seed(assertion: AssertionResult, seeds: tuple[int, ...]) -> Table:
    style = words.style_of(assertion).finer()
    columns = {side.expression: side.values for side in (assertion.a, assertion.b)}
    if assertion.differences or not seeds:  # arms that no seed pairs have none
        columns["Difference"] = assertion.differences
    rows = [
        (str(seed), *map(style, values))
        for seed, *values in zip(seeds, *columns.values(), strict=True)
    ]
    means = ("mean", *map(style, map(mean, columns.values())))
    unit = words.unit_of(assertion).strip()
    caption = f"Values by seed{f', in {unit}' if unit else ''}"
    return Table(caption, ("Seed", *columns), (*rows, means))


def mean(values: tuple[float, ...]) -> float:
    """Return the mean of numbers; NaN where one is not finite, and of none."""
    finite = values and all(map(math.isfinite, values))
    return math.fsum(v / len(values) for v in values) if finite else math.nan


def _first(a: AssertionResult) -> tuple[Fact, ...]:
    """Return what a reader looks for first."""
    style, (low, high) = words.style_of(a), a.levels
    bounds = (
        f"{style.interval(a.interval)}, one-sided levels {level(low)} (lower) and {level(high)}"
        " (upper), each bound alone"
    )
    # Which difference is claimed: so much, and on which side of b.
    margin = region_of(a.kind).short.format(margin=f"{exact(a.margin)}{words.unit_of(a)}")
    return (
        Fact("Estimate", (Span("number", words.value_text(a)),), "estimate"),
        *facts(
            ("Margin", f"{margin}, because: {a.because}", "margin"),
            ("Decision interval", bounds if outcomes.has_interval(a) else "none", "interval"),
            ("Refuting interval", a.refuting and style.interval(a.refuting), "refuting"),
        ),
    )


def _gist(assertion: AssertionResult) -> str:
    spread = f"s.d. {significant(assertion.sd)}"
    if assertion.power is not None:
        return f"{spread}; power {chance(assertion.power)} at the effect anticipated"
    return f"{spread}; no effect was anticipated" if assertion.anticipated is None else spread


def _measured(a: AssertionResult, verdict: Verdict) -> tuple[Fact, ...]:
    """Return all else that was measured or planned."""
    style, unit = words.style_of(a), words.unit_of(a)
    error = a.sd / math.sqrt(verdict.n) if verdict.n else math.nan
    items = "not recorded" if a.item_error is None else significant(a.item_error)
    beyond = a.beyond is not None and (
        f"{style(a.beyond)}{unit} on average over seeds {glossary.seed_list(verdict.beyond_plan)};"
        " exploratory, it decides nothing"
    )
    return facts(
        (
            "Ordinary 90 % interval",
            not math.isnan(a.ordinary[0]) and style.interval(a.ordinary),
            "ordinary",
        ),
        (
            "Spread and errors",
            f"s.d. over seeds {significant(a.sd)}, standard error over seeds {significant(error)},"
            f" over items {items}",
            "items",
        ),
        ("Anticipated effect", _anticipated(a), "power"),
        ("Detectable effect", _detectable(a), "detectable"),
        ("Seeds needed", _seeds_needed(a), "needed"),
        (
            "Running evidence",
            a.e_value is not None and f"e = {significant(a.e_value)}, {words.evidence_side(a)}",
            "evidence",
        ),
        ("Seeds beyond the plan", beyond, "beyond"),
    )


def _anticipated(a: AssertionResult) -> str:
    if a.anticipated is None:
        return ""
    pilot = f"pilot s.d. {significant(a.pilot_sd)} over {a.pilot_n} seeds"
    power = f"; power {chance(a.power)}" if a.power is not None else ""
    size = f"{exact(a.anticipated)}{words.unit_of(a)}"
    return f"{size}; {'no pilot' if a.pilot_sd is None else pilot}{power}"


def _detectable(a: AssertionResult) -> str:
    if a.detectable_in_sd is None:
        return ""
    size = f"{significant(a.detectable_in_sd, 3)} s.d."
    if a.detectable is not None:
        size = f"{significant(a.detectable)}{words.unit_of(a)}, or {size},"
    return f"{size} beyond the margin"


def _seeds_needed(a: AssertionResult) -> str:
    if a.seeds_needed is None:
        return ""
    at, upper = ("more than can be planned" if k is None else str(k) for k in a.seeds_needed)
    return f"{at} at the pilot's s.d., {upper} at its upper 80 % bound"
