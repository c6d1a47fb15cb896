"""A report put into words and places, once; every view shows exactly these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from faeval.claims._verdict import WORDS, MeasuredError, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._report import Report
from faeval.reports.figures import _plots as plots
from faeval.reports.views._arms_and_metrics import compared
from faeval.reports.views._claim import claim_view
from faeval.reports.views._drift import drift_view
from faeval.reports.views._figures import controls_view, course_views, profile_views
from faeval.reports.views._provenance import (
    CHECK,
    INSTALL,
    provenance_facts,
    recompute,
    source,
    this_version,
    versions,
)
from faeval.reports.views._types import ClaimView, RuleView, Table, Tally, View
from faeval.reports.words import _glossary as glossary
from faeval.reports.words._glossary import Phrase, Span
from faeval.reports.words._numbers import rate


def view(report: Report) -> View:
    """Put a report into words and places."""
    names = plots.claim_anchors(report)
    inputs = {g.claim: g for g in report.inputs}
    rules = _rules(report.verdicts)
    scopes = {glossary.scope_of(v.over, v.test) for v in report.verdicts}
    scope = scopes.pop() if len(scopes) == 1 and len(report.verdicts) > 1 else ""
    claims = tuple(
        claim_view(
            verdict,
            anchor,
            inputs.get(verdict.claim),
            report.profiles,
            rule=rules[_rule(verdict)].anchor if verdict.measured_errors else "",
            scope="" if scope else glossary.scope_of(verdict.over, verdict.test),
        )
        for verdict, anchor in zip(report.verdicts, names, strict=True)
    )
    return View(
        setting=report.setting,
        tallies=tuple(tallies(report.verdicts)),
        summary=tuple(_summary(report)) if report.verdicts else (),
        claims=claims,
        profiles=profile_views(report.profiles),
        courses=course_views(report.curves),
        controls=controls_view(report.controls),
        rules=tuple(rules.values()),
        scope=scope,
        compared=compared(report),
        about=report.experiment.help if report.experiment else "",
        provenance=tuple(provenance_facts(report)),
        source=source(report),
        install=INSTALL,
        check=CHECK,
        recompute=recompute(report),
        versions=versions(report),
        glossary=glossary.terms(_used(claims)),
        version=this_version(),
        drift=(
            drift_view(
                report.drift, {v.claim: a for v, a in zip(report.verdicts, names, strict=True)}
            )
            if report.drift is not None
            else None
        ),
    )


def _used(claims: Sequence[ClaimView]) -> Iterator[str]:
    """Yield the terms that the facts of claims point to."""
    for claim in claims:
        groups = [a.facts + a.more for a in claim.assertions] + [c.facts for c in claim.counts]
        for group in (*groups, claim.decided, claim.sure, claim.checked, claim.rests):
            yield from (fact.term for fact in group)


def _summary(report: Report) -> Iterator[Phrase]:
    """Say what a report is, to a reader who has not seen one."""
    verdicts = report.verdicts
    many = len(verdicts)
    runs = len({run for v in verdicts for run in v.runs})
    yield (
        Span("text", f"{many} claim{'s' * (many != 1)} about the setting "),
        Span("name", report.setting),
        Span("text", _judged(verdicts)),
        Span("text", f", from {runs} training run{'s' * (runs != 1)}" if runs else ""),
        Span(
            "text",
            f". {'It' if many == 1 else 'Each'} names its margin, the smallest difference that"
            " matters; it is supported only where a whole interval lies on the claimed side of"
            " that margin (for an equivalence, within ± the margin), and refuted only where one"
            " lies wholly outside that side.",
        ),
    )
    advance = sum(v.registration in ("registered", "amended") for v in verdicts)
    others = Counter(glossary.REGISTERED.get(v.registration, v.registration) for v in verdicts)
    late = [
        f"{count} {word}"
        for word, count in others.items()
        if word != glossary.REGISTERED["registered"]
    ]
    first = (
        "All were registered"
        if advance == many > 1
        else f"{advance} of {many} {'were' if many > 1 else 'was'} registered"
    )
    registration_text = (
        f"{first} before {'their' if many > 1 else 'its'} evidence was"
        f" made{': ' * bool(late)}{', '.join(late)}."
    )
    sha = report.evidence_sha256
    yield (
        Span("text", registration_text + (" Evidence: sha256 " if sha else "")),
        *((Span("name", sha[:12]), Span("text", ".")) if sha else ()),
        Span("text", " "),
        Span("link", "What could make it wrong", "limits"),
        Span("text", ". "),
        Span("link", "How to recompute it", "recompute"),
        Span("text", "."),
    )


def _judged(verdicts: Sequence[Verdict]) -> str:
    """Say over how many seeds claims were judged, and of how many there was nothing to judge."""
    counts = sorted({v.n for v in verdicts if v.n})
    if not counts:
        return ""
    span = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    seeds = f"{span} seed{'s' * (counts != [1])}"
    unjudged = Counter(_unjudged(v) for v in verdicts if not v.n)
    if not unjudged:
        return f", {'each ' * (len(verdicts) > 1)}judged over {seeds}"
    parts = [
        f"{sum(1 for v in verdicts if v.n)} judged over {seeds}",
        *(f"{n} {why}" for why, n in unjudged.items()),
    ]
    return f" ({'; '.join(parts)})"


def _unjudged(verdict: Verdict) -> str:
    if verdict.verdict != "invalid":
        return "without evidence so far"
    return (
        "stopped at a number that cannot be used"
        if verdict.runs
        else "refused before any run was looked at"
    )


_Rule: TypeAlias = tuple[str, tuple[MeasuredError, ...]]


def _rule(verdict: Verdict) -> _Rule:
    return verdict.test, verdict.measured_errors


def _rules(verdicts: tuple[Verdict, ...]) -> dict[_Rule, RuleView]:
    views: dict[_Rule, RuleView] = {}
    kinds: dict[_Rule, set[str]] = {}
    for v in verdicts:
        if v.measured_errors:
            kinds.setdefault(_rule(v), set()).update(a.kind for a in v.assertions)
    for (test, errors), of in kinds.items():
        caption = (
            f"Measured errors of the {glossary.TESTS.get(test, test)} test at n = {errors[0].n},"
            f" nominal .05 each, for {', '.join(map(glossary.spaced, sorted(of)))}"
        )
        table = Table(
            caption,
            ("Law", "Wrong supports", "Wrong refutations"),
            tuple((e.law, rate(e.wrong_support), rate(e.wrong_refutation)) for e in errors),
        )
        views[test, errors] = RuleView(f"rule-{len(views) + 1}", glossary.assumption(test), table)
    return views


def tallies(verdicts: Sequence[Verdict]) -> Iterator[Tally]:
    """Yield how many verdicts there are of each kind, those last that were not expected."""
    for word in WORDS:
        here = [v for v in verdicts if v.verdict == word]
        if word != "invalid":
            if here:
                yield Tally(word, glossary.GLYPHS[word], f"{len(here)} {word}")
            continue
        for standing in ("as registered", "as expected", "broken"):
            count = sum(outcomes.standing(v) == standing for v in here)
            if count:
                how = ", not expected" if standing == "broken" else f" {standing}"
                yield Tally(
                    word, glossary.GLYPHS[word], f"{count} invalid{how}", standing == "broken"
                )
    drifted = sum(outcomes.standing(v) == "drift" for v in verdicts)
    if drifted:
        yield Tally("drift", "!", f"{drifted} other than expected", True)
