"""A verdict as a test runner sees it: its outcome, its text and its properties.

JUnit, CTRF and the pytest plugin share it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from faeval.claims._verdict import AssertionResult, Verdict, plain
from faeval.reports.data._outcomes import parts, standing
from faeval.reports.data._report import Report
from faeval.reports.words._counts import count_text, found_text
from faeval.reports.words._escape import CELL, clip
from faeval.reports.words._glossary import GLYPHS, spaced
from faeval.reports.words._reasons import reason, undecided
from faeval.reports.words._sentences import (
    assertion_text,
    expectation_text,
    size_text,
    value_text,
)

_NAMES = (
    "claim setting verdict reason_code expected standing estimate interval_low interval_high unit"
    " ratio ratio_low ratio_high holding n"
    " seeds p_for p_against family family_size alpha flags registration registered_sha256"
)
#: The properties of a test case, in order; what there is no value for is left out.
PROPERTIES = tuple(_NAMES.split())


@dataclass(frozen=True)
class Case:
    """One claim as a test case; every text of it is clean, and of a bounded length.

    ``message`` says why it did not pass, or names the flags of one that did. ``result`` is passed,
    failed (another verdict than expected, or with `strict` none where one was expected), skipped
    (undecided) or error (invalid, and not expected to be); ``type`` says which, for all but passed.
    """

    group: str
    name: str
    claim: str
    sentence: str
    verdict: str
    result: Literal["passed", "failed", "skipped", "error"]
    type: str
    message: str
    text: str
    flags: tuple[str, ...]
    properties: Mapping[str, str | int | float]


def cases(report: Report, strict: bool = False) -> Iterator[Case]:
    """Yield a case for each verdict of a report, in its order.

    With `strict`, undecided against expectation is failed.
    """
    digests = {"evidence_sha256": report.evidence_sha256, "lock_sha256": report.lock_sha256}
    of_report = [(key, value) for key, value in digests.items() if value]
    for verdict in report.verdicts:
        facts = facts_of(verdict)
        result, kind = _result(verdict, strict)
        group, _, name = verdict.claim.rpartition("::")
        yield Case(
            group=clip(group or verdict.setting, CELL),
            name=clip(name, CELL).strip() or "unnamed",
            claim=clip(verdict.claim, CELL),
            sentence=clip(verdict.sentence, CELL),
            verdict=(
                verdict.verdict
                if verdict.reason_code == "decided"
                else f"{verdict.verdict}:{verdict.reason_code}"
            ),
            result=result,
            type=kind,
            message=clip(_flags(verdict) if result == "passed" else facts["open"] or facts["head"]),
            text="" if result == "passed" else "\n".join(clip(line) for line in facts["lines"]),
            flags=tuple(clip(flag, CELL) for flag in verdict.flags),
            properties={
                key: clip(value) if isinstance(value, str) else value
                for key, value in properties(facts) + of_report
            },
        )


def _result(
    verdict: Verdict, strict: bool
) -> tuple[Literal["passed", "failed", "skipped", "error"], str]:
    how = standing(verdict)
    if how == "broken":
        return "error", f"Invalid:{verdict.reason_code}"
    if how == "drift":
        return "failed", "VerdictDrift"
    if verdict.verdict != "inconclusive":
        return "passed", ""
    kind = f"Inconclusive:{verdict.reason_code}"
    return ("failed", kind) if strict and how == "open" else ("skipped", kind)


def facts_of(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data.

    Besides properties by name: ``head`` in a few words, ``lines`` in full, ``open`` if undecided.
    """
    first = verdict.assertions[0] if verdict.assertions else None
    value = _value(verdict)
    expected = verdict.expected or ("no invalid verdict" if verdict.verdict == "invalid" else None)
    word = (
        verdict.verdict
        if verdict.reason_code == "decided"
        else f"{verdict.verdict} ({spaced(verdict.reason_code)})"
    )
    head = (
        word
        + (f" where {expected} was expected" if expected else "")
        + (f": {value}" if value else "")
    )
    return {
        "claim": verdict.claim,
        "setting": verdict.setting,
        "verdict": verdict.verdict,
        "reason_code": verdict.reason_code,
        "expected": verdict.expected,
        "standing": standing(verdict),
        "value": value,
        "estimate": plain(verdict.estimate),
        "interval_low": plain(verdict.interval[0]),
        "interval_high": plain(verdict.interval[1]),
        "unit": verdict.unit,
        **_special(verdict, first),
        "n": verdict.n,
        "seeds": ",".join(map(str, verdict.seeds)),
        "p_for": verdict.adjusted_support if verdict.assertions else None,
        "p_against": verdict.adjusted_refute if verdict.assertions else None,
        "family": verdict.family,
        "family_size": verdict.family_size,
        "alpha": verdict.alpha,
        "flags": ",".join(verdict.flags),
        "registration": verdict.registration,
        "registered_sha256": verdict.registered_sha256,
        "open": _open(verdict),
        "cells": cells(verdict, value),
        "head": head,
        "lines": list(_lines(verdict, head)),
    }


def _value(verdict: Verdict) -> str:
    """Return the estimate of the first part of a claim; empty where there is none."""
    if verdict.counts and parts(verdict)[0].count is not None:
        return found_text(verdict.counts[0])
    first = verdict.assertions[0] if verdict.assertions else None
    return value_text(first) if first is not None and not math.isnan(first.estimate) else ""


def _lines(verdict: Verdict, head: str) -> Iterator[str]:
    """Yield a verdict in full, a line each."""
    yield f"{head}, in {verdict.setting}"
    yield f"  {verdict.sentence}"
    yield f"  {reason(verdict)}"
    for a in verdict.assertions:
        if not math.isnan(a.estimate):
            margin = size_text(a) if a.ratio else f"{a.margin:g}"
            yield f"  {assertion_text(a)}: {value_text(a)}, margin {margin} ({a.because})"
    for count in verdict.counts:
        yield f"  {count_text(count)}: {found_text(count)}"
    if verdict.assertions:
        yield (
            f"  n = {verdict.n}, seeds {', '.join(map(str, verdict.seeds))}; p for"
            f" {verdict.adjusted_support:.3g}, against {verdict.adjusted_refute:.3g}, adjusted for"
            f" a family of {verdict.family_size} (alpha {verdict.alpha:g})"
        )
    if verdict.flags:
        yield f"  {_flags(verdict)}"


def _special(verdict: Verdict, first: AssertionResult | None) -> dict[str, Any]:
    """Return the ratio of the first assertion, and how many of counted assertions hold at least."""
    ratio = first.ratio if first is not None else None
    low, high = ratio.interval if ratio is not None else (None, None)
    holding = ",".join(f"{c.holding} of {len(c.members)}" for c in verdict.counts)
    return {
        "ratio": plain(ratio.estimate if ratio is not None else None),
        "ratio_low": plain(low),
        "ratio_high": plain(high),
        "holding": holding or None,
    }


def cells(verdict: Verdict, value: str) -> tuple[str, str, str, str]:
    """Return the cells of a verdict's line in a summary.

    They are the word, how it stands to what was expected, the estimate and the number of seeds.
    """
    code = "" if verdict.reason_code == "decided" else f": {spaced(verdict.reason_code)}"
    return (
        f"{GLYPHS[verdict.verdict]} {verdict.verdict}{code}",
        expectation_text(verdict),
        value or "-",
        f"n={verdict.n}",
    )


def properties(facts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the properties of a test case out of :func:`facts_of`.

    Those without a value are left out.
    """
    return [(name, facts[name]) for name in PROPERTIES if facts[name] not in (None, "")]


def _open(verdict: Verdict) -> str:
    """Say that a claim is open, and what would settle it."""
    if verdict.verdict != "inconclusive":
        return ""
    expected = f"; {verdict.expected} was expected" if verdict.expected else ""
    return f"{undecided(verdict).rstrip('.')} ({spaced(verdict.reason_code)}{expected})"


def _flags(verdict: Verdict) -> str:
    """Name a verdict's flags; a test that passed has nothing else to say."""
    return f"flags: {', '.join(map(spaced, verdict.flags))}" if verdict.flags else ""
