"""Plain data of a verdict, as workers send it; its text for a failure; its properties; the summary's lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from faeval.claims import Verdict

_ORDER = ("broken", "drift", "open", "as registered", "as expected", "free")
_COLOURS = {"broken": "red", "drift": "red", "open": "yellow"}
_TALLIES = {"broken": "invalid", "drift": "drifted", "free": "without expectation"}
_GLYPHS = {"supported": "●", "refuted": "◆", "inconclusive": "○", "invalid": "✕"}


def outcome_from(verdict: Verdict, where: str) -> dict[str, Any]:
    """Return what item and summary need of a verdict, as plain data; ``where`` is the claim's file and line."""
    from faeval.reports import standing, value_text

    first = verdict.assertions[0] if verdict.assertions else None
    value = value_text(first) if first is not None and not math.isnan(first.estimate) else ""
    expected = verdict.expected or ("no invalid verdict" if verdict.verdict == "invalid" else None)
    word = verdict.verdict if verdict.reason_code == "decided" else f"{verdict.verdict} ({verdict.reason_code})"
    head = word + (f" where {expected} was expected" if expected else "") + (f": {value}" if value else "")
    lines = [
        f"{head}, in {verdict.setting}",
        f"  {verdict.sentence}",
        f"  {verdict.reason}",
        *(
            f"  {a.text}: {value_text(a)}, margin {a.margin:g} ({a.because})"
            for a in verdict.assertions
            if not math.isnan(a.estimate)
        ),
    ]
    if verdict.assertions:
        lines.append(
            f"  n = {verdict.n}, seeds {', '.join(map(str, verdict.seeds))}; p for {verdict.adjusted_support:.3g}, against "
            f"{verdict.adjusted_refute:.3g}, adjusted for a family of {verdict.family_size} (alpha {verdict.alpha:g})"
        )
    if verdict.flags:
        lines.append(f"  flags: {', '.join(verdict.flags)}")
    return {
        "claim": verdict.claim,
        "setting": verdict.setting,
        "verdict": verdict.verdict,
        "reason_code": verdict.reason_code,
        "expected": verdict.expected,
        "standing": standing(verdict),
        "value": value,
        "estimate": _number(verdict.estimate),
        "interval_low": _number(verdict.interval[0]),
        "interval_high": _number(verdict.interval[1]),
        "unit": verdict.unit,
        "n": verdict.n,
        "seeds": ",".join(map(str, verdict.seeds)),
        "p_for": verdict.adjusted_support if verdict.assertions else None,
        "p_against": verdict.adjusted_refute if verdict.assertions else None,
        "family": verdict.family,
        "family_size": verdict.family_size,
        "flags": ",".join(verdict.flags),
        "open": _open(verdict),
        "text": "\n".join([*lines, f"  {where}"]),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _open(verdict: Verdict) -> str:
    """Say that a claim is open, and what would settle it."""
    if verdict.verdict != "inconclusive":
        return ""
    text = verdict.takes or verdict.reason
    if text.startswith("a new registration on more"):
        text = f"it takes {text}"
    if verdict.assertions and set(verdict.planned) <= set(verdict.seeds) and not text.startswith("open at"):
        text = f"open at its planned {len(verdict.planned)} seeds; {text}"
    else:
        text = text.replace("open at its ", "open at its planned ", 1)
    return f"{text.rstrip('.')} ({verdict.reason_code}; {verdict.expected} was expected)"


def properties(outcome: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the properties of an item, as they stand in JUnit XML; what there is no number for is left out."""
    names = (
        "claim setting verdict reason_code expected standing estimate interval_low interval_high unit n seeds p_for p_against "
        "family family_size flags"
    )
    return [(name, outcome[name]) for name in names.split() if outcome[name] not in (None, "")]


def summarise(terminal: pytest.TerminalReporter, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write all verdicts of the session, by the setting they were decided in."""
    if not outcomes or terminal.verbosity < -1:
        return
    settings = sorted({outcome["setting"] for outcome in outcomes.values()})
    terminal.write_sep("=", f"faeval: verdicts in {', '.join(settings)}")
    if terminal.verbosity >= 0:
        rows = [_row(nodeid, outcome) for nodeid, outcome in sorted(outcomes.items())]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row, (_, outcome) in zip(rows, sorted(outcomes.items()), strict=True):
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True))
            terminal.write_line(f"{cells}  {row[4]}", **_colour(outcome["standing"]))
    terminal.write_line(", ".join(tally([outcome["standing"] for outcome in outcomes.values()])))


def _row(nodeid: str, outcome: Mapping[str, Any]) -> tuple[str, ...]:
    word, code = outcome["verdict"], outcome["reason_code"]
    said = f"{_GLYPHS[word]} {word}" + ("" if code == "decided" else f": {code}")
    stands = {
        "free": "",
        "open": f"{outcome['expected']} expected",
        "drift": f"DRIFT: {outcome['expected']} expected",
        "broken": f"{outcome['expected'] or 'not'} expected",
    }
    standing = outcome["standing"]
    return said, stands.get(standing, standing), outcome["value"] or "-", f"n={outcome['n']}", nodeid


def _colour(standing: str) -> dict[str, bool]:
    return {_COLOURS.get(standing, "green"): True} if standing != "free" else {}


def tally(standings: Sequence[str]) -> list[str]:
    """Return how many verdicts stand how, the worst first.

    Examples
    --------
    >>> tally(["as expected", "drift", "as expected"])
    ['1 drifted', '2 as expected']
    """
    return [f"{standings.count(s)} {_TALLIES.get(s, s)}" for s in _ORDER if s in standings]
